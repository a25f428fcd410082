"""Zip archives: entries by name, each a Source of its own.

Python's zipfile reads the directory.  Entries that are stored lie in the file as they are, so that they can be mapped;
others are inflated, within bounds: what an archive may grow to is in proportion to its size.
"""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from itertools import pairwise
from typing import Any

import numpy as np

from .. import _C
from ..errors import FileError
from ._source import PIECE, MappedFile, Source, refuse

HEADER = 30  # bytes of a local header before name and extra field
FREE = 1 << 30  # bytes that inflated entries may take in any case
GROWTH = 100  # and how many times the archive's size beyond that


class Archive:
    """The entries of a zip archive; FileError when its directory does not fit the file."""

    def __init__(self, source: Source) -> None:
        self.source = source
        try:
            with zipfile.ZipFile(_Readable(source)) as file:
                listed = file.infolist()
        except (
            zipfile.BadZipFile, NotImplementedError, ValueError, struct.error, OverflowError, EOFError, OSError
        ) as error:
            raise refuse(f"the zip archive is damaged or cut off ({str(error)[:100]})") from error
        self.entries = {entry.filename: entry for entry in listed if not entry.filename.endswith("/")}
        places = sorted((e.header_offset, e.header_offset + HEADER + e.compress_size) for e in listed)
        if any(begin < end for (_, end), (begin, _) in pairwise(places)) or len({e.filename for e in listed}) < len(
            listed
        ):
            raise refuse("entries of the zip archive overlap or have one name")
        inflated = sum(e.file_size for e in listed if e.compress_type != zipfile.ZIP_STORED)
        if inflated > max(FREE, GROWTH * source.size):
            raise refuse(f"the zip archive of {source.size} bytes says that it inflates to {inflated}")

    def open(self, name: str, growth: int | None = None) -> Source:
        """The bytes of an entry; their checksum is compared, unless they are mapped.

        growth: how many times its size an entry may inflate to, beyond a megabyte.
        """
        entry = self.entries.get(name)
        if entry is None:
            raise refuse(f"the zip archive has no entry {name[:200]!r}")
        if growth is not None and entry.file_size > max(growth * entry.compress_size, 1 << 20):
            raise refuse(f"the entry {name!r} says that it inflates to {entry.file_size} from {entry.compress_size}")
        if entry.flag_bits & 1:
            raise NotImplementedError(f"load: the entry {name!r} of the zip archive is encrypted")
        header = self.source.read(entry.header_offset, HEADER)
        if header[:4] != b"PK\x03\x04":
            raise refuse(f"the entry {name!r} of the zip archive is damaged")
        lengths = struct.unpack("<HH", header[26:30])
        part = Part(self.source, entry.header_offset + HEADER + sum(lengths), entry.compress_size)
        if entry.compress_type == zipfile.ZIP_STORED:
            if entry.file_size != entry.compress_size:
                raise refuse(f"the entry {name!r} of the zip archive has two sizes")
            part.checksum = None if isinstance(self.source, MappedFile) else entry.CRC or None
            return part
        if entry.compress_type != zipfile.ZIP_DEFLATED:
            raise NotImplementedError(f"load: the entry {name!r} is compressed by another method than deflate")
        return Inflated(part, entry)


class Part(Source):
    """A part of another source; with a checksum, bytes that are read as a whole are compared with it."""

    def __init__(self, source: Source, start: int, size: int) -> None:
        source.check(start, size)
        self.source, self.start, self.size = source, start, size
        self.checksum: int | None = None

    def read(self, at: int, length: int) -> bytes:
        self.check(at, length)
        made = self.source.read(self.start + at, length)
        if length == self.size:
            self._compare(made)
        return made

    def raw(self, at: int, length: int, name: str) -> Any:
        self.check(at, length)
        made = self.source.raw(self.start + at, length, name)
        if length == self.size:
            self._compare(memoryview(made.numpy()))
        return made

    def _compare(self, made: Any) -> None:
        if self.checksum is not None and zlib.crc32(made) != self.checksum:
            raise refuse("the zip archive is damaged: the checksum of an entry is another")


class Inflated(Source):
    """An entry that is compressed; inflated as far as it is asked for, so that memory grows only with the data."""

    def __init__(self, part: Source, entry: zipfile.ZipInfo) -> None:
        self.part, self.entry, self.size = part, entry, entry.file_size
        self.engine, self.given = zlib.decompressobj(-15), 0
        self.made, self.lent = bytearray(), False

    def read(self, at: int, length: int) -> bytes:
        self.check(at, length)
        self._reach(at + length)
        return bytes(self.made[at : at + length])

    def raw(self, at: int, length: int, name: str) -> Any:
        self.check(at, length)
        self._reach(at + length)
        self.lent = True
        return _C.from_numpy(np.frombuffer(self.made, np.uint8, length, at))

    def _reach(self, end: int) -> None:
        """Inflates the first bytes, and compares the checksum when these are all."""
        if len(self.made) >= end:
            return
        if self.lent:  # what has been lent cannot grow
            self.made, self.lent = bytearray(self.made), False
        try:
            while len(self.made) < end and not self.engine.eof:
                given = self.engine.unconsumed_tail
                if not given:
                    given = self.part.read(self.given, min(PIECE, self.part.size - self.given))
                    self.given += len(given)
                    if not given:
                        break
                self.made += self.engine.decompress(given, min(end - len(self.made), PIECE))
        except zlib.error as error:
            raise self._damaged(str(error)) from error
        if len(self.made) < end:
            raise self._damaged("it is shorter than it says")
        if end == self.size and zlib.crc32(self.made) != self.entry.CRC:
            raise self._damaged("its checksum is another")

    def _damaged(self, why: str) -> FileError:
        return refuse(f"the entry {self.entry.filename!r} of the zip archive is damaged: {why}")


class _Readable(io.RawIOBase):
    """A source as a file, for zipfile."""

    def __init__(self, source: Source) -> None:
        self.source, self.at = source, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        at = offset + (0, self.at, self.source.size)[whence]
        if at < 0:
            raise OSError("a place before the file's start")  # what zipfile waits for
        self.at = at
        return at

    def tell(self) -> int:
        return self.at

    def read(self, size: int | None = -1) -> bytes:
        rest = max(self.source.size - self.at, 0)
        made = self.source.read(min(self.at, self.source.size), rest if size is None or size < 0 else min(size, rest))
        self.at += len(made)
        return made
