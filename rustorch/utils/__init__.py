"""Odds and ends under PyTorch's names: `rustorch.utils.data` is `rustorch.data`."""

from . import checkpoint, data, dlpack

__all__ = ["checkpoint", "data", "dlpack"]
