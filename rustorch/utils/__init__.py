"""Odds and ends under PyTorch's names: `rustorch.utils.data` is `rustorch.data`."""

from . import data

__all__ = ["data"]
