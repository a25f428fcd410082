"""Tensors in memory that several processes map.

The memory has no name (memfd, or a file that is deleted at once); its descriptor goes to other processes with
the tensor's pickle, as `multiprocessing` sends descriptors, and is closed when the last tensor on it goes.
"""

from __future__ import annotations

import os
import tempfile
import weakref
from multiprocessing import reduction
from typing import Any

import numpy as np

from . import _C
from ._modes import no_grad

Bytes = np.ndarray[Any, Any]  # of a mapped descriptor, whole; alive as long as a tensor lies on it
_segments: weakref.WeakValueDictionary[int, Bytes] = weakref.WeakValueDictionary()  # by address
_descriptors: dict[int, int] = {}  # by address


def _forget(address: int) -> None:
    os.close(_descriptors.pop(address))


def _mapped(descriptor: int, size: int) -> Bytes:
    """The descriptor's memory; takes the descriptor over."""
    try:
        window: Any = _C.map_memory(descriptor, size)
    except BaseException:
        os.close(descriptor)
        raise
    segment = np.frombuffer(memoryview(window), np.uint8)
    address = segment.ctypes.data
    _segments[address], _descriptors[address] = segment, descriptor
    weakref.finalize(segment, _forget, address).atexit = False
    return segment


def _fresh(size: int) -> Bytes:
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("rustorch-shared", os.MFD_CLOEXEC)
    else:
        with tempfile.TemporaryFile() as file:
            descriptor = os.dup(file.fileno())
    os.ftruncate(descriptor, size)
    return _mapped(descriptor, size)


def _segment_of(tensor: Any) -> Bytes | None:
    at = tensor.data_ptr()
    for begin, segment in list(_segments.items()):
        if begin <= at < begin + segment.nbytes:
            return segment
    return None


def _window(segment: Bytes, offset: int, kind: str, shape: tuple[int, ...], steps: tuple[int, ...] | None) -> Any:
    """A tensor on the segment's memory, steps in bytes."""
    stored = "uint16" if kind == "bfloat16" else kind  # NumPy may not know bfloat16
    memory: Any = segment
    array: Any = np.ndarray(shape, stored, memoryview(memory), offset, steps)
    tensor = _C.from_numpy(array)
    return tensor if stored == kind else tensor.view(_C.dtype(kind))


def is_shared(self: Any) -> bool:
    """Whether the elements lie in memory that other processes can map."""
    return _segment_of(self) is not None


def share_memory_(self: Any) -> Any:
    """Moves the elements into memory that other processes can map: children of a fork, and processes that a
    `rustorch.multiprocessing` queue or argument brings the tensor to.  Views keep the memory they had.
    RuntimeError for a tensor that was computed from others and requires a gradient."""
    if is_shared(self):
        return self
    if self.grad_fn is not None:
        raise _C.TensorError("share_memory_: only leaves can be moved, not a tensor computed from others")
    plain = self.detach()
    segment = _fresh(max(1, plain.numel() * plain.element_size()))
    shared = _window(segment, 0, str(plain.dtype), tuple(plain.shape), None)
    with no_grad():
        shared.copy_(plain)
    self.data = shared
    return self


# ---- to other processes ----


def _rebuilt(
    cls: type, sent: Any, size: int, offset: int, kind: str, shape: tuple[int, ...], steps: tuple[int, ...],
    requires_grad: bool,
) -> Any:  # fmt: skip
    segment = _mapped(sent.detach(), size)
    tensor = _C.Tensor._make_subclass(cls, _window(segment, offset, kind, shape, steps), requires_grad)
    if hasattr(cls, "persistent"):
        tensor.persistent = True
    return tensor


def _sent(tensor: Any) -> Any:
    """How a tensor goes to another process: as the descriptor of its memory, which is shared from now on."""
    if tensor.requires_grad and not tensor.is_leaf:
        raise RuntimeError(
            "Cowardly refusing to serialize non-leaf tensor which requires_grad, since autograd does not support"
            " crossing process boundaries.  If you just want to transfer the data, call detach() on the tensor before"
            " serializing (e.g., putting it on the queue)."
        )
    segment = _segment_of(share_memory_(tensor))
    assert segment is not None
    steps = tuple(step * tensor.element_size() for step in tensor.stride())
    offset = tensor.data_ptr() - segment.ctypes.data
    return _rebuilt, (
        type(tensor), reduction.DupFd(_descriptors[segment.ctypes.data]), segment.nbytes, offset, str(tensor.dtype),
        tuple(tensor.shape), steps, bool(tensor.requires_grad),
    )  # fmt: skip


def register() -> None:
    """Makes `multiprocessing` send tensors so."""
    from .nn.parameter import Buffer, Parameter

    for cls in (_C.Tensor, Parameter, Buffer):
        reduction.ForkingPickler.register(cls, _sent)
