"""PyTorch's path to Flatten and Unflatten."""

from __future__ import annotations

from ..flatten import Flatten, Unflatten

__all__ = ["Flatten", "Unflatten"]
