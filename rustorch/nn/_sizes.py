"""Sizes given as one number or one a dimension."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any


def tupled(value: Any, count: int) -> tuple[Any, ...]:
    """The value `count` times; a sequence as it is."""
    return tuple(value) if isinstance(value, Iterable) else (value,) * count


def factory_kwargs(kwargs: Mapping[str, Any] | None) -> dict[str, Any]:
    """device, dtype and memory_format among a layer's keywords, or in a dictionary under "factory_kwargs", as
    keywords of functions that make tensors.  TypeError for other keywords, and for one that is given twice."""
    if kwargs is None:
        return {}
    simple = {"device", "dtype", "memory_format"}
    if not kwargs.keys() <= simple | {"factory_kwargs"}:
        raise TypeError(f"unexpected kwargs {kwargs.keys() - simple - {'factory_kwargs'}}")
    found = dict(kwargs.get("factory_kwargs", {}))
    for name in sorted(simple & kwargs.keys()):
        if name in found:
            raise TypeError(f"{name} specified twice, in **kwargs and in factory_kwargs")
        found[name] = kwargs[name]
    return found
