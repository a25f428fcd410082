"""What a Module holds, seen as dictionaries.

Parameters, buffers and submodules lie in the instance's `__dict__` like any attribute, so that
reading one costs what reading an attribute costs; ordered sets of names tell which is which.
`Module._parameters` and its kin are live views made from both when asked for.
"""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from typing import Any

Names = dict[str, None]


class Entries(MutableMapping[str, Any]):
    """The attributes of an object under the given names; what is set here joins the names."""

    __slots__ = ("_attributes", "_names")

    def __init__(self, attributes: dict[str, Any], names: Names) -> None:
        self._attributes = attributes
        self._names = names

    def __getitem__(self, name: str) -> Any:
        if name not in self._names:
            raise KeyError(name)
        return self._attributes[name]

    def __setitem__(self, name: str, value: Any) -> None:
        self._names[name] = None
        self._attributes[name] = value

    def __delitem__(self, name: str) -> None:
        del self._names[name]
        del self._attributes[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def __repr__(self) -> str:
        return repr(dict(self))
