"""PyTorch's path to linear maps."""

from __future__ import annotations

from ..lazy import LazyLinear
from ..linear import Bilinear, Identity, Linear, NonDynamicallyQuantizableLinear

__all__ = ["Bilinear", "Identity", "LazyLinear", "Linear", "NonDynamicallyQuantizableLinear"]
