"""Objects sent between processes, the bytes of tensors and arrays in memory that both sides map.

The memory has no name anywhere (memfd, or a file that is deleted at once): its descriptor travels
with the message, and the system takes it back when the last process lets go, however it ends.
"""

from __future__ import annotations

import io
import mmap
import os
import pickle
import sys
import tempfile
from multiprocessing import reduction
from multiprocessing.connection import Connection
from typing import Any

import numpy as np

from .._C import Tensor, as_tensor, dtype, empty

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


def send(conn: Connection, tag: Any, value: Any) -> None:
    """Sends (tag, value); value may be anything that can be pickled."""
    file = io.BytesIO()
    pickler = _Pickler(file)
    pickler.dump(value)
    parts = [file.getbuffer(), *pickler.blocks, *pickler.buffers]
    blocks, sizes = len(pickler.blocks), [len(part) for part in parts]
    if sum(sizes) <= INLINE or sys.platform == "win32":
        conn.send((tag, blocks, [bytes(part) for part in parts]))
        return
    starts, end = [], 0
    for size in sizes:
        starts.append(end)
        end += -(-size // ALIGN) * ALIGN
    fd = _new_memory(end)
    try:
        for part, start in zip(parts, starts):
            _write(fd, part, start)
        conn.send((tag, blocks, list(zip(starts, sizes)), end))
        reduction.send_handle(conn, fd, None)
    finally:
        os.close(fd)


def receive(conn: Connection) -> tuple[Any, Any]:
    """The next (tag, value); tensors and arrays in it lie on the shared memory.  EOFError: nobody sends."""
    message = conn.recv()
    tag, blocks, parts = message[:3]
    if len(message) == 3:
        views: list[Any] = [bytearray(part) for part in parts]
    else:
        fd = reduction.recv_handle(conn)
        try:
            memory = memoryview(mmap.mmap(fd, message[3], flags=mmap.MAP_SHARED | getattr(mmap, "MAP_POPULATE", 0)))
        finally:
            os.close(fd)
        views = [memory[start : start + size] for start, size in parts]
    unpickler = _Unpickler(io.BytesIO(views[0]), views[1 : 1 + blocks], views[1 + blocks :])
    return tag, unpickler.load()
