"""Odds and ends under PyTorch's names: `rustorch.utils.data` is `rustorch.data`."""

from . import checkpoint, data

__all__ = ["checkpoint", "data"]
