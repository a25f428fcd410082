"""The safetensors container: a length, a JSON header with dtype, shape and place of each tensor, the bytes.

Written with tensors aligned to 64 bytes from the start of the file; read with every number of the header checked
against the file's size before memory is taken.  Format: https://github.com/huggingface/safetensors, version 0.4.
"""

from __future__ import annotations

import json
import math
import zlib
from collections.abc import Callable, Mapping
from typing import Any, BinaryIO, NamedTuple

from .. import _C
from ._source import MappedFile, Source, refuse

LONGEST_HEADER = 100_000_000  # bytes, the limit of the format
ALIGNMENT = 64
MOST_DIMENSIONS = 32
_NAMES = {
    "bool": "BOOL", "uint8": "U8", "int8": "I8", "uint16": "U16", "int16": "I16", "uint32": "U32", "int32": "I32",
    "uint64": "U64", "int64": "I64", "float16": "F16", "bfloat16": "BF16", "float32": "F32", "float64": "F64",
    "complex64": "C64",
}  # fmt: skip
_DTYPES = {short: name for name, short in _NAMES.items()}
_PARTS = {"complex128": "F64"}  # written as pairs, for the format has no such dtype
_FOREIGN = frozenset(("F8_E4M3", "F8_E5M2", "F8_E8M0", "F6_E2M3", "F6_E3M2", "F4", "F8_E4M3FNUZ", "F8_E5M2FNUZ"))


class Entry(NamedTuple):
    dtype: str
    shape: tuple[int, ...]
    start: int  # bytes from the end of the header


# ---- writing ----


def bytes_of(t: Any) -> memoryview:
    """The elements of a tensor in order."""
    flat = t.resolve_conj().resolve_neg().contiguous().reshape(-1)
    return memoryview(flat.view("uint8").numpy() if flat.numel() else b"")


def _described(t: Any) -> tuple[str, list[int]]:
    """Name of the dtype in the file, and shape, of a tensor."""
    name, shape = str(t.dtype), list(t.shape)
    return (_PARTS[name], [*shape, 2]) if name in _PARTS else (_NAMES[name], shape)


def checksum(entry: Entry, raw: Any) -> int:
    """CRC-32 of a tensor's dtype, shape and bytes."""
    return zlib.crc32(raw, zlib.crc32(f"{entry.dtype}{list(entry.shape)}".encode()))


def write_container(
    f: BinaryIO, tensors: list[tuple[str, Any]], describe: Callable[[dict[str, int]], Mapping[str, str]]
) -> None:
    """Writes tensors and metadata; the largest elements come first, so that all are aligned without gaps.

    The metadata are what `describe` gives for the tensors' checksums by name.
    """
    header: dict[str, Any] = {"__metadata__": {}}
    at, blocks, sums = 0, [], {}
    for name, t in sorted(tensors, key=lambda item: -item[1].itemsize):
        (dtype, shape), raw = _described(t), bytes_of(t)
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [at, at + len(raw)]}
        sums[name] = checksum(Entry(_DTYPES[dtype], tuple(shape), at), raw)
        at += len(raw)
        blocks.append(raw)
    header["__metadata__"] = dict(describe(sums))
    if not header["__metadata__"]:
        del header["__metadata__"]
    text = json.dumps(header, allow_nan=False).encode()
    text += b" " * (-(len(text) + 8) % ALIGNMENT)
    if len(text) > LONGEST_HEADER:
        raise RuntimeError(
            f"save: the description of {len(blocks)} tensors takes {len(text)} bytes, the format allows 10**8"
        )
    f.write(len(text).to_bytes(8, "little") + text)
    for raw in blocks:
        f.write(raw)


# ---- reading ----


class Container:
    """A safetensors file: its metadata, and its tensors, made when they are asked for, each once."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.loaded: dict[str, Any] = {}
        self.checksums: Mapping[str, Any] = {}  # those that are compared
        length = int.from_bytes(source.read(0, 8), "little") if source.size >= 8 else 0
        if not 2 <= length <= min(source.size - 8, LONGEST_HEADER):
            raise refuse("this is no safetensors file, or it is cut off: the length of its header does not fit")
        try:
            header = json.loads(source.read(8, length), object_pairs_hook=_without_repeats)
        except (ValueError, RecursionError) as error:
            raise refuse(f"the header is no JSON ({str(error)[:100]})") from error
        self.start, self.room = 8 + length, source.size - 8 - length
        if not isinstance(header, dict):
            raise refuse("the header is no JSON object")
        metadata = header.pop("__metadata__", {})
        if not isinstance(metadata, dict) or not all(isinstance(text, str) for text in metadata.values()):
            raise refuse("the header's metadata are no texts")
        self.metadata: dict[str, str] = metadata
        self.entries = {name: self._checked(name, entry) for name, entry in header.items()}
        places = sorted(entry["data_offsets"] for entry in header.values())
        ends = [0, *(end for _, end in places)]
        if any(begin < end for (begin, _), end in zip(places, ends, strict=False)):
            raise refuse("tensors overlap")
        if ends[-1] != self.room or any(begin != end for (begin, _), end in zip(places, ends, strict=False)):
            raise refuse(f"the header's tensors are not the {self.room} bytes behind it")

    def _checked(self, name: str, entry: Any) -> Entry:
        """An entry whose every number fits the file."""

        def whole(values: Any) -> bool:
            return isinstance(values, list) and all(type(n) is int and 0 <= n < 2**63 for n in values)

        kind = entry.get("dtype") if isinstance(entry, dict) else None
        if isinstance(kind, str) and kind in _FOREIGN:
            raise NotImplementedError(f"load: tensor {name!r} is of dtype {kind}, which rustorch does not have")
        if not isinstance(kind, str) or kind not in _DTYPES:
            raise refuse(f"tensor {name!r} has an unknown dtype")
        shape: Any = entry.get("shape")
        place: Any = entry.get("data_offsets")
        extent = math.prod(max(n, 1) for n in shape) if whole(shape) and len(shape) <= MOST_DIMENSIONS else 2**63
        if not whole(place) or len(place) != 2 or extent > 2**58:
            raise refuse(f"tensor {name!r} has a malformed shape or place")
        dtype = _DTYPES[kind]
        length = math.prod(shape) * _C.dtype(dtype).itemsize
        if place[1] - place[0] != length or place[1] > self.room:
            raise refuse(
                f"tensor {name!r} has {length} bytes by its shape; bytes {place[0]} to {place[1]} of the"
                f" file's {self.room} are said to be it"
            )
        return Entry(dtype, tuple(shape), place[0])

    def tensor(self, name: Any) -> Any:
        """The tensor of a name; the same memory whenever it is asked for."""
        if not isinstance(name, str) or name not in self.entries:
            raise refuse(f"there is no tensor {name!r}")
        if name not in self.loaded:
            entry = self.entries[name]
            made = self.source.tensor(self.start + entry.start, entry.dtype, entry.shape, repr(name))
            if name in self.checksums and not isinstance(self.source, MappedFile):
                raw = memoryview(made.reshape(-1).view("uint8").numpy()) if made.numel() else b""
                if checksum(entry, raw) != self.checksums[name]:
                    raise refuse(f"tensor {name!r} is damaged: its checksum is another")
            self.loaded[name] = made
        return self.loaded[name].detach()


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        raise ValueError("a name stands twice")
    return made
