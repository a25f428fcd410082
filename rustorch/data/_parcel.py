"""Objects sent between processes, the bytes of tensors and arrays in memory that both sides map.

The memory has no name anywhere (memfd, or a file that is deleted at once): its descriptor travels
with the message, and the system takes it back when the last process lets go, however it ends.
"""

from __future__ import annotations

import io
import os
import pickle
import tempfile
import weakref
from collections import deque
from dataclasses import dataclass
from multiprocessing import reduction
from multiprocessing.connection import Connection
from typing import Any

import numpy as np

from .._C import Tensor, as_tensor, dtype, empty, map_memory

INLINE = 16384  # bytes that still go with the message itself
ALIGN = 64


def _new_memory(size: int) -> int:
    """A descriptor of `size` bytes of nameless shared memory."""
    if hasattr(os, "memfd_create"):
        fd = os.memfd_create("rustorch-batch", os.MFD_CLOEXEC)
    else:
        with tempfile.TemporaryFile() as file:
            fd = os.dup(file.fileno())
    os.ftruncate(fd, size)
    return fd


class _Pickler(pickle.Pickler):
    """Leaves the bytes of tensors in `blocks` and those of arrays in `buffers`."""

    def __init__(self, file: Any) -> None:
        self.blocks: list[Any] = []
        self.buffers: list[Any] = []
        super().__init__(file, protocol=5, buffer_callback=self._keep)

    def _keep(self, buffer: pickle.PickleBuffer) -> None:
        self.buffers.append(buffer.raw())

    def persistent_id(self, o: Any) -> Any:
        if not isinstance(o, Tensor):
            return None
        short = str(o.dtype).endswith("bfloat16")  # NumPy may not know it: sent in float32, which holds it exactly
        array = np.ascontiguousarray((o.detach().to("float32") if short else o.detach()).numpy())
        self.blocks.append(array.reshape(-1).view(np.uint8).data if array.size else b"")
        leaf = o.requires_grad and o.is_leaf
        return len(self.blocks) - 1, array.dtype.str, tuple(o.shape), short, leaf


class _Unpickler(pickle.Unpickler):
    def __init__(self, file: Any, blocks: list[Any], buffers: list[Any]) -> None:
        self.blocks = blocks
        super().__init__(file, buffers=buffers)

    def persistent_load(self, pid: Any) -> Tensor:
        number, kind, shape, short, leaf = pid
        block = self.blocks[number]
        t = as_tensor(np.frombuffer(block, dtype=kind).reshape(shape)) if len(block) else empty(shape, dtype=kind)
        if short:
            t = t.to(dtype("bfloat16"))
        return t.requires_grad_() if leaf else t


def _write(fd: int, data: Any, at: int) -> None:
    view = memoryview(data)
    while len(view):
        written = os.pwrite(fd, view, at)
        view, at = view[written:], at + written


@dataclass
class _Block:
    """Memory that this side writes and the other maps: written again when the other has no use of it any more."""

    fd: int
    size: int


class Mailbox:
    """One end of a connection, for tagged values of any kind.

    Args:
        conn: a duplex connection.
        blocks: how many blocks of shared memory are kept to be used again; for others fresh memory is
            taken, because pages that nobody has used cost more than the bytes on them.
    """

    def __init__(self, conn: Connection, blocks: int = 0) -> None:
        self.conn = conn
        self._most = blocks
        self._ours: dict[int, _Block] = {}
        self._idle: list[int] = []  # numbers of our blocks that the other side does not use
        self._theirs: dict[int, Tensor] = {}  # the other side's blocks, as mapped here
        self._unused: deque[int] = deque()  # and those of them that nobody here uses any more

    def send(self, tag: Any, value: Any) -> None:
        """Sends (tag, value); value may be anything that can be pickled."""
        file = io.BytesIO()
        pickler = _Pickler(file)
        pickler.dump(value)
        parts = [file.getbuffer(), *pickler.blocks, *pickler.buffers]
        sizes = [len(part) for part in parts]
        unused = [self._unused.popleft() for _ in range(len(self._unused))]
        head = (tag, unused, len(pickler.blocks))
        if sum(sizes) <= INLINE:
            self.conn.send((*head, [bytes(part) for part in parts]))
            return
        starts, end = [], 0
        for size in sizes:
            starts.append(end)
            end += -(-size // ALIGN) * ALIGN
        number, fd, fresh = self._block(end)
        try:
            for part, start in zip(parts, starts):
                _write(fd, part, start)
            size = self._ours[number].size if number is not None else end
            self.conn.send((*head, list(zip(starts, sizes)), number, size if fresh else 0))
            if fresh:
                reduction.send_handle(self.conn, fd, None)
        finally:
            if number is None:
                os.close(fd)

    def _block(self, size: int) -> tuple[int | None, int, bool]:
        """Memory to write: (number of the block or None, descriptor, is it new to the other side?)."""
        fitting = [n for n in self._idle if size <= self._ours[n].size <= 4 * size]
        if fitting:
            number = min(fitting, key=lambda n: self._ours[n].size)
            self._idle.remove(number)
            return number, self._ours[number].fd, False
        fd = _new_memory(size)
        if len(self._ours) >= self._most:
            return None, fd, True
        number = len(self._ours)
        self._ours[number] = _Block(fd, size)
        return number, fd, True

    def receive(self) -> tuple[Any, Any]:
        """The next (tag, value); tensors and arrays in it lie on the shared memory.  EOFError: nobody sends."""
        message = self.conn.recv()
        tag, unused, blocks, parts = message[:4]
        self._idle += unused
        if len(message) == 4:
            views: list[Any] = [bytearray(part) for part in parts]
        else:
            memory = self._map(*message[4:])
            views = [memory[start : start + size] for start, size in parts]
        unpickler = _Unpickler(io.BytesIO(views[0]), views[1 : 1 + blocks], views[1 + blocks :])
        return tag, unpickler.load()

    def _map(self, number: int | None, size: int) -> memoryview:
        """The other side's block, whole; its last view to go says that the block is unused."""
        if size:
            fd = reduction.recv_handle(self.conn)
            try:
                mapped = map_memory(fd, size)
            finally:
                os.close(fd)
            if number is not None:
                self._theirs[number] = mapped
        else:
            assert number is not None
            mapped = self._theirs[number]
        lease = np.frombuffer(memoryview(mapped), dtype=np.uint8)  # type: ignore[arg-type]
        if number is not None:
            weakref.finalize(lease, self._unused.append, number).atexit = False
        return memoryview(lease)  # type: ignore[arg-type]

    def close(self) -> None:
        """Closes the connection; what was received stays."""
        self.conn.close()
