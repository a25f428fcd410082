"""Padding layers: a frame of constants, zeros, mirrored, repeated or wrapped elements."""

from __future__ import annotations

from typing import Any

from .._C import Tensor
from . import functional as F
from ._sizes import tupled
from .module import Module

__all__ = [
    "CircularPad1d", "CircularPad2d", "CircularPad3d", "ConstantPad1d", "ConstantPad2d", "ConstantPad3d",
    "ReflectionPad1d", "ReflectionPad2d", "ReflectionPad3d", "ReplicationPad1d", "ReplicationPad2d",
    "ReplicationPad3d", "ZeroPad1d", "ZeroPad2d", "ZeroPad3d",
]  # fmt: skip


class _PadNd(Module):
    """padding: one number for all sides, or (before, after) of each dimension, the last first."""

    spatial: int
    mode: str

    def __init__(self, padding: Any) -> None:
        super().__init__()
        self.padding = tupled(padding, 2 * self.spatial)

    def _check(self, input: Tensor) -> None:
        if input.ndim not in (self.spatial + 1, self.spatial + 2):
            raise ValueError(f"expected {self.spatial + 1}D or {self.spatial + 2}D input (got {input.ndim}D input)")

    def forward(self, input: Tensor) -> Tensor:
        padded: Tensor = F.pad(input, self.padding, self.mode)
        return padded

    def extra_repr(self) -> str:
        return f"{self.padding}"


class _ConstantPadNd(_PadNd):
    def __init__(self, padding: Any, value: float) -> None:
        super().__init__(padding)
        self.value = value

    def forward(self, input: Tensor) -> Tensor:
        padded: Tensor = F.pad(input, self.padding, "constant", self.value)
        return padded

    def extra_repr(self) -> str:
        return f"padding={self.padding}, value={self.value}"


class ConstantPad1d(_ConstantPadNd):
    """A frame of `value` around the last dimension; padding is a number or (left, right)."""

    spatial = 1


class ConstantPad2d(_ConstantPadNd):
    """A frame of `value` around the last two dimensions; padding is a number or (left, right, top, bottom)."""

    spatial = 2


class ConstantPad3d(_ConstantPadNd):
    """A frame of `value` around the last three dimensions; padding is a number or six."""

    spatial = 3


class _ZeroPadNd(_ConstantPadNd):
    def __init__(self, padding: Any) -> None:
        super().__init__(padding, 0.0)

    def extra_repr(self) -> str:
        return f"{self.padding}"


class ZeroPad1d(_ZeroPadNd):
    """A frame of zeros around the last dimension."""

    spatial = 1


class ZeroPad2d(_ZeroPadNd):
    """A frame of zeros around the last two dimensions."""

    spatial = 2


class ZeroPad3d(_ZeroPadNd):
    """A frame of zeros around the last three dimensions."""

    spatial = 3


class _ReflectionPadNd(_PadNd):
    mode = "reflect"


class ReflectionPad1d(_ReflectionPadNd):
    """The elements next to the border of the last dimension mirrored, the border itself once."""

    spatial = 1


class ReflectionPad2d(_ReflectionPadNd):
    """The elements next to the borders of the last two dimensions mirrored."""

    spatial = 2


class ReflectionPad3d(_ReflectionPadNd):
    """The elements next to the borders of the last three dimensions mirrored."""

    spatial = 3


class _ReplicationPadNd(_PadNd):
    mode = "replicate"


class ReplicationPad1d(_ReplicationPadNd):
    """The border of the last dimension repeated."""

    spatial = 1


class ReplicationPad2d(_ReplicationPadNd):
    """The borders of the last two dimensions repeated."""

    spatial = 2


class ReplicationPad3d(_ReplicationPadNd):
    """The borders of the last three dimensions repeated."""

    spatial = 3


class _CircularPadNd(_PadNd):
    mode = "circular"

    def forward(self, input: Tensor) -> Tensor:
        self._check(input)
        padded: Tensor = F.pad(input, self.padding, self.mode)
        return padded


class CircularPad1d(_CircularPadNd):
    """The last dimension goes on from its other end."""

    spatial = 1


class CircularPad2d(_CircularPadNd):
    """The last two dimensions go on from their other ends."""

    spatial = 2


class CircularPad3d(_CircularPadNd):
    """The last three dimensions go on from their other ends."""

    spatial = 3
