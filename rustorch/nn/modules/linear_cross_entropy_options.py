"""PyTorch's path to LinearCrossEntropyOptions."""

from __future__ import annotations

from ..loss import LinearCrossEntropyOptions

__all__ = ["LinearCrossEntropyOptions"]
