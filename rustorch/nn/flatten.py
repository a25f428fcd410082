"""Layers that change the shape alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .._C import Tensor
from .module import Module

__all__ = ["Flatten", "Unflatten"]


class Flatten(Module):
    """Dimensions start_dim to end_dim as one; the batch dimension is left alone by default."""

    def __init__(self, start_dim: int = 1, end_dim: int = -1) -> None:
        super().__init__()
        self.start_dim = start_dim
        self.end_dim = end_dim

    def forward(self, input: Tensor) -> Tensor:
        return input.flatten(self.start_dim, self.end_dim)

    def extra_repr(self) -> str:
        return f"start_dim={self.start_dim}, end_dim={self.end_dim}"


class Unflatten(Module):
    """Dimension dim cut into several, of which one may be -1."""

    def __init__(self, dim: int, unflattened_size: Sequence[int] | Any) -> None:
        super().__init__()
        if not isinstance(dim, int):
            raise TypeError(
                f"unflattened_size with a dimension named {dim!r}: named dimensions are not taken"
            )
        sizes = tuple(unflattened_size)
        if not all(isinstance(size, int) for size in sizes):
            raise TypeError("unflattened_size must be a tuple of ints")
        self.dim = dim
        self.unflattened_size = sizes

    def forward(self, input: Tensor) -> Tensor:
        return input.unflatten(self.dim, self.unflattened_size)

    def extra_repr(self) -> str:
        return f"dim={self.dim}, unflattened_size={self.unflattened_size}"
