"""PyTorch's path to small functions over sizes, and consume_prefix_in_state_dict_if_present."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from .._sizes import tupled

__all__ = ["consume_prefix_in_state_dict_if_present"]


def _ntuple(n: int, name: str = "parse") -> Callable[[Any], tuple[Any, ...]]:
    """A function that gives a value n times, and a sequence as a tuple."""

    def parse(x: Any) -> tuple[Any, ...]:
        return tupled(x, n)

    parse.__name__ = name
    return parse


_single = _ntuple(1, "_single")
_pair = _ntuple(2, "_pair")
_triple = _ntuple(3, "_triple")
_quadruple = _ntuple(4, "_quadruple")


def _reverse_repeat_tuple(t: Iterable[Any], n: int) -> tuple[Any, ...]:
    """t from its end, every element n times: a padding per dimension as functional.pad takes it."""
    return tuple(x for x in reversed(tuple(t)) for _ in range(n))


def consume_prefix_in_state_dict_if_present(state_dict: dict[str, Any], prefix: str) -> None:
    """Takes a prefix ("module." of a DataParallel) off the keys of a state_dict that have it, in place."""
    for key in [key for key in state_dict if key.startswith(prefix)]:
        state_dict[key.removeprefix(prefix)] = state_dict.pop(key)
    metadata = getattr(state_dict, "_metadata", None) or {}
    for key in list(metadata):
        if key.startswith(prefix) or (key and key == prefix.replace(".", "")):
            metadata[key[len(prefix) :]] = metadata.pop(key)
