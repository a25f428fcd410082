"""Sizes given as one number or one a dimension."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any


def tupled(value: Any, count: int) -> tuple[Any, ...]:
    """The value `count` times; a sequence as it is."""
    return tuple(value) if isinstance(value, Iterable) else (value,) * count
