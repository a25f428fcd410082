"""Layouts and memory formats: in which order the dimensions of a tensor lie in memory.

>>> import rustorch as rt
>>> x = rt.empty(2, 3, 4, 5).contiguous(memory_format=rt.channels_last)
>>> x.stride(), x.is_contiguous(), x.is_contiguous(memory_format=rt.channels_last)
((60, 1, 15, 3), False, True)
"""

from __future__ import annotations

from typing import Any

__all__ = [
    "channels_last", "channels_last_3d", "contiguous_format", "layout", "memory_format", "preserve_format",
    "sparse_bsc", "sparse_bsr", "sparse_coo", "sparse_csc", "sparse_csr", "strided",
]  # fmt: skip


class memory_format:
    """The order of dimensions in memory; there are four, made below.  The C code reads `_code`."""

    __slots__ = ("_code", "_name")

    def __init__(self, name: str, code: int) -> None:
        self._name, self._code = name, code

    def __repr__(self) -> str:
        return f"rustorch.{self._name}"

    def __reduce__(self) -> Any:
        return self._name


class layout:
    """How elements are stored.  Ours are all `strided`; the other names are there to be compared with."""

    __slots__ = ("_name",)

    def __init__(self, name: str) -> None:
        self._name = name

    def __repr__(self) -> str:
        return f"rustorch.{self._name}"

    def __reduce__(self) -> Any:
        return self._name


contiguous_format = memory_format("contiguous_format", 0)
preserve_format = memory_format("preserve_format", 1)
channels_last = memory_format("channels_last", 2)
channels_last_3d = memory_format("channels_last_3d", 3)

strided = layout("strided")
sparse_coo = layout("sparse_coo")
sparse_csr = layout("sparse_csr")
sparse_csc = layout("sparse_csc")
sparse_bsr = layout("sparse_bsr")
sparse_bsc = layout("sparse_bsc")
