"""Where the bytes of a file come from: a file that is open, or a mapping of it into memory.

Both hand out bytes and tensors by place; a place outside the file is refused before memory is taken.
"""

from __future__ import annotations

import mmap
import os
import sys
from typing import Any, BinaryIO

import numpy as np

from .. import _C
from ..errors import FileError

PIECE = 1 << 24  # bytes read at once


def refuse(why: str) -> FileError:
    """The error for a file that cannot be read."""
    return FileError(f"load: {why}")


class Source:
    """Bytes by place: read(at, length), and tensor(at, dtype, shape, name) of them."""

    size: int

    def read(self, at: int, length: int) -> bytes:
        """Exactly so many bytes."""
        raise NotImplementedError

    def raw(self, at: int, length: int, name: str) -> Any:
        """Bytes as a tensor of uint8, aligned to 16 bytes if they are mapped and copied otherwise."""
        raise NotImplementedError

    def whole(self) -> bytes:
        """All bytes."""
        return self.read(0, self.size)

    def check(self, at: int, length: int) -> None:
        if at < 0 or length < 0 or at + length > self.size:
            raise refuse(f"the file has {self.size} bytes; bytes {at} to {at + length} are asked for: it is cut off")

    def tensor(self, at: int, dtype: str, shape: tuple[int, ...], name: str) -> Any:
        """A tensor whose elements lie packed at a place, in this machine's order of bytes."""
        kind = _C.dtype(dtype)
        elements = 1
        for n in shape:
            elements *= n
        if elements == 0:
            return _C.empty(shape, dtype=dtype)
        raw = self.raw(at, elements * kind.itemsize, name)
        if kind.itemsize > 1 and raw.data_ptr() % min(kind.itemsize, 8):
            raw = raw.clone()
        if dtype == "bool" and bool((raw > 1).any()):
            raise refuse(f"tensor {name} has bools other than 0 and 1")
        return raw.view(dtype).reshape(shape)


class OpenFile(Source):
    """A file open for reading bytes, from where it stands."""

    def __init__(self, f: BinaryIO) -> None:
        if not (hasattr(f, "seek") and hasattr(f, "tell")):
            raise TypeError("load: needs a file that can seek")
        if not isinstance(f.read(0), bytes):
            raise TypeError("load: the file must be open for reading bytes, not text")
        self.f = f
        self.start = f.tell()
        self.size = f.seek(0, os.SEEK_END) - self.start
        f.seek(self.start)

    def read(self, at: int, length: int) -> bytes:
        self.check(at, length)
        self.f.seek(self.start + at)
        parts = []
        while length:
            piece = self.f.read(min(length, PIECE))
            if not piece:
                raise refuse("the file ends while it is read")
            parts.append(piece)
            length -= len(piece)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def raw(self, at: int, length: int, name: str) -> Any:
        self.check(at, length)
        made = _C.empty(length, dtype="uint8")
        array: Any = made.numpy()
        room = memoryview(array)
        self.f.seek(self.start + at)
        into = getattr(self.f, "readinto", None)
        done = 0
        while done < length:
            rest = room[done : done + PIECE]
            if into is not None:
                count = into(rest)
            else:
                piece = self.f.read(len(rest))
                rest[: len(piece)] = piece
                count = len(piece)
            if not count:
                raise refuse(f"the file ends within tensor {name}")
            done += count
        return made


class MappedFile(Source):
    """A file mapped into memory: tensors are windows on it, read-only, and keep the mapping alive.

    Pages are read when they are first used.  What happens to the file meanwhile is the system's affair: removed or
    replaced, the mapping goes on showing the old bytes; overwritten in place, the new ones; cut off, a use of the lost
    pages ends the process (SIGBUS), as for numpy.memmap.
    """

    def __init__(self, path: Any) -> None:
        with open(path, "rb") as f:
            self.size = os.fstat(f.fileno()).st_size
            if self.size == 0:
                raise refuse("the file is empty")
            try:
                mapping = mmap.mmap(f.fileno(), self.size, access=mmap.ACCESS_READ)
            except (ValueError, OSError) as error:
                raise refuse(f"the file cannot be mapped ({error})") from error
        self.bytes = np.frombuffer(mapping, np.uint8)

    def read(self, at: int, length: int) -> bytes:
        self.check(at, length)
        return self.bytes[at : at + length].tobytes()

    def raw(self, at: int, length: int, name: str) -> Any:
        self.check(at, length)
        return _C.from_numpy(self.bytes[at : at + length])


if sys.byteorder != "little":  # files are little-endian, and nothing here swaps
    raise ImportError("rustorch.serialization: needs a little-endian machine")
