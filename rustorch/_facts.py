"""Facts about tensors and dtypes: what kind they are, what they can hold, what they become together.

>>> import rustorch as rt
>>> rt.finfo(rt.float32).eps, rt.iinfo(rt.int8).max
(1.1920928955078125e-07, 127)
>>> rt.can_cast(rt.float32, rt.int64), rt.result_type(rt.ones(2, dtype=rt.int32), 1.5)
(False, dtype('float32'))
"""

from __future__ import annotations

import sys
from typing import Any

from . import _C

_ops: dict[str, Any] = _C.ops
# bits of mantissa and exponent, decimal resolution
_FLOATS = {"float16": (10, 5, 1e-3), "bfloat16": (7, 8, 1e-2), "float32": (23, 8, 1e-6), "float64": (52, 11, 1e-15)}
_REAL = {"complex64": "float32", "complex128": "float64"}


class finfo:
    """Limits of a floating dtype (of its parts when complex): bits, eps, max, min, tiny, resolution.

    TypeError for other dtypes."""

    def __init__(self, type: Any = None) -> None:
        name = str(_C.get_default_dtype() if type is None else _C.dtype(type))
        self.dtype = _REAL.get(name, name)
        if self.dtype not in _FLOATS:
            raise TypeError(f"finfo: needs a floating dtype, not {name}; use iinfo")
        mantissa, exponent, self.resolution = _FLOATS[self.dtype]
        most = 2 ** (exponent - 1) - 1
        self.bits = 1 + mantissa + exponent
        self.eps = 2.0**-mantissa
        self.max = (2.0 - self.eps) * 2.0**most
        self.min = -self.max
        self.tiny = self.smallest_normal = 2.0 ** (1 - most)

    def __repr__(self) -> str:
        return (
            f"finfo(resolution={self.resolution}, min={self.min}, max={self.max}, eps={self.eps},"
            f" smallest_normal={self.smallest_normal}, tiny={self.tiny}, dtype={self.dtype})"
        )


class iinfo:
    """Limits of an integer dtype: bits, max, min.  TypeError for other dtypes."""

    def __init__(self, type: Any) -> None:
        kind = _C.dtype(type)
        self.dtype = str(kind)
        if kind.kind not in "iu":
            raise TypeError(f"iinfo: needs an integer dtype, not {kind}; use finfo")
        self.bits = 8 * int(kind.itemsize)
        signed = kind.kind == "i"
        self.max = 2 ** (self.bits - signed) - 1
        self.min = -(2 ** (self.bits - 1)) if signed else 0

    def __repr__(self) -> str:
        return f"iinfo(min={self.min}, max={self.max}, dtype={self.dtype})"


def _rank(dtype: Any) -> int:
    name = str(_C.dtype(dtype))
    return 0 if name == "bool" else 3 if name in _REAL else 2 if name in _FLOATS else 1


def can_cast(from_: Any, to: Any) -> bool:
    """May values of a dtype be written into another: not complex into real, floating into integers, nor
    numbers into bool."""
    return _rank(from_) <= _rank(to)


def result_type(tensor1: Any, tensor2: Any) -> Any:
    """The dtype of an arithmetic result of two tensors or numbers; Python numbers are weak."""
    one, two = (_C.empty(0, dtype=v.dtype) if isinstance(v, _C.Tensor) else v for v in (tensor1, tensor2))
    if not isinstance(one, _C.Tensor) and not isinstance(two, _C.Tensor):
        return (_C.tensor(one) * _C.tensor(two)).dtype
    return _ops["mul"](one, two).dtype


def is_complex(input: Any) -> bool:
    """Is input's dtype a complex one?"""
    return bool(input.is_complex())


def is_nonzero(input: Any) -> bool:
    """Is the one element of input other than zero?  RuntimeError for other numbers of elements."""
    if input.numel() != 1:
        raise _C.TensorError(f"is_nonzero: needs one element, the tensor has shape {tuple(input.shape)}")
    return bool(input.item())


def is_same_size(input: Any, other: Any) -> bool:
    """Have both the same shape?"""
    return tuple(input.shape) == tuple(other.shape)


def is_signed(input: Any) -> bool:
    """Can input's dtype hold negative numbers?"""
    return input.dtype.kind not in "bu"


def is_conj(input: Any) -> bool:
    """False: conj() is computed at once here."""
    return False


def is_neg(input: Any) -> bool:
    """False: negation is computed at once here."""
    return False


def is_inference(input: Any) -> bool:
    """Was input made under inference_mode?"""
    return bool(input._is_inference)


def detach(input: Any) -> Any:
    """The same memory without history."""
    return input.detach()


def frombuffer(
    buffer: Any, *, dtype: Any, count: int = -1, offset: int = 0, requires_grad: bool = False
) -> Any:
    """A 1-d tensor on the memory of an object with the buffer protocol, `offset` bytes from its start; read-only
    when the buffer is.  ValueError when the bytes do not hold `count` elements (-1: as many as there are)."""
    import numpy as np

    size = _C.dtype(dtype).itemsize
    held = memoryview(buffer).nbytes - offset
    if offset < 0 or held <= 0 or (count < 0 and held % size) or count == 0 or count * size > held:
        raise ValueError(f"frombuffer: {held} bytes from offset {offset} do not hold {count} elements of {size} bytes")
    flat = _C.from_numpy(np.frombuffer(buffer, "uint8", count * size if count > 0 else held, offset))
    result = flat.view(_C.dtype(dtype))
    return result.requires_grad_() if requires_grad else result


# ---- methods alone ----


def type_as(self: Any, other: Any) -> Any:
    """Itself with other's dtype."""
    return self.to(other.dtype)


def fill_diagonal_(self: Any, fill_value: Any, wrap: bool = False) -> Any:
    """Sets the elements with equal indices; wrap goes on below the square part of a tall matrix."""
    if self.ndim < 2 or (self.ndim > 2 and len(set(self.shape)) != 1):
        raise _C.TensorError(
            f"fill_diagonal_: needs a matrix, or dimensions of one length, not shape {tuple(self.shape)}"
        )
    step, size = sum(self.stride()), min(self.shape)
    if self.ndim == 2 and wrap and self.shape[0] > self.shape[1] + 1:
        width = self.shape[1]
        size = -(-self.shape[0] * width // (width + 1))
        if not self.is_contiguous():
            raise _C.TensorError("fill_diagonal_: wrap needs a contiguous tensor")
    if size:
        _ops["as_strided"](self, [size], [step], self.storage_offset()).fill_(fill_value)
    return self


def dim_order(self: Any, *, ambiguity_check: Any = False) -> tuple[int, ...]:
    """The dimensions from the one whose steps in memory are longest to the shortest."""
    strides = self.stride()
    return tuple(sorted(range(self.ndim), key=lambda d: -strides[d]))


def get_device(self: Any) -> int:
    """-1: the tensor is in main memory."""
    return -1


def is_shared(self: Any) -> bool:
    """Whether the elements lie in memory that other processes can map: see share_memory_."""
    sharing = sys.modules.get(__package__ + "._sharing")  # nothing is shared before it is loaded
    return sharing is not None and sharing.is_shared(self)


def share_memory_(self: Any) -> Any:
    """Moves the elements into memory that other processes can map, and gives the tensor back.

    Children of a fork see it, and processes that rustorch.multiprocessing brings the tensor to.  Views keep the
    memory they had.  RuntimeError for a tensor that was computed from others."""
    from . import _sharing

    return _sharing.share_memory_(self)


def public() -> dict[str, Any]:
    """What `rustorch` shows of this file."""
    shown = (
        finfo, iinfo, can_cast, result_type, is_complex, is_nonzero, is_same_size, is_signed, is_conj, is_neg,
        is_inference, detach, frombuffer,
    )  # fmt: skip
    return {f.__name__: f for f in shown}


def methods() -> dict[str, Any]:
    """name -> what is put on the Tensor type."""
    named = (
        is_nonzero, is_same_size, is_signed, is_conj, is_neg, is_inference, type_as, fill_diagonal_,
        get_device, dim_order,
    )  # fmt: skip
    table: dict[str, Any] = {f.__name__: f for f in named}
    table["is_cpu"] = property(lambda self: True, doc="True: the tensor is in main memory.")
    table["is_pinned"] = lambda self: False
    table["is_shared"] = is_shared
    table["share_memory_"] = share_memory_
    return table
