"""Memory for parameters.  While a module is made for values that a file holds, no values are drawn, and constructors
may take no more memory than those values have: what a file says about sizes is not believed."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any

from .. import _C


class _Room:
    """How many tensors, and elements in them, may still be made."""

    def __init__(self, tensors: int, elements: int) -> None:
        self.tensors, self.elements = tensors, elements

    def take(self, shape: Any) -> None:
        elements = math.prod(shape) if isinstance(shape, tuple) else shape
        self.tensors -= 1
        self.elements -= abs(elements)
        if self.tensors < 0 or self.elements < 0:
            raise ValueError("its arguments ask for more parameters than it has values")


_room: ContextVar[_Room | None] = ContextVar("room", default=None)


@contextlib.contextmanager
def without_values(tensors: int, elements: int) -> Iterator[None]:
    """Constructors in this block make at most so many tensors and elements, and leave them as they are."""
    token = _room.set(_Room(tensors, elements))
    try:
        yield
    finally:
        _room.reset(token)


def values_follow() -> bool:
    """Are parameters to be left as they are, since their values come from elsewhere?"""
    return _room.get() is not None


def zeros(shape: tuple[int, ...], dtype: Any) -> Any:
    """rustorch.zeros, within the room there is."""
    return empty(shape, dtype) if values_follow() else _C.zeros(shape, dtype=dtype)


def empty(shape: Any, dtype: Any = None, device: Any = None) -> Any:
    """rustorch.empty, within the room there is."""
    room = _room.get()
    if room is not None:
        room.take(shape)
    return _C.empty(shape, dtype=dtype, device=device)
