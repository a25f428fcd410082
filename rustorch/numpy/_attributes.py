"""Attributes of arrays that are objects of their own (flags, flat, ctypes), and those that can be set."""

from __future__ import annotations

import operator
from collections.abc import Iterator
from typing import Any

from .. import _C
from ._registry import np, tensor

_ops: dict[str, Any] = _C.ops
_tensor_type: Any = _C.Tensor


# ---- flags ----


def is_fortran(a: Any) -> bool:
    """Without gaps, the first axis fastest?"""
    if a.size == 0:
        return True
    step = a.itemsize
    for length, stride in zip(a.shape, a.strides, strict=True):
        if length != 1:
            if stride != step:
                return False
            step *= length
    return True


_FLAGS = {
    "C_CONTIGUOUS": "c_contiguous", "CONTIGUOUS": "c_contiguous", "C": "c_contiguous",
    "F_CONTIGUOUS": "f_contiguous", "FORTRAN": "f_contiguous", "F": "f_contiguous",
    "OWNDATA": "owndata", "O": "owndata", "WRITEABLE": "writeable", "W": "writeable",
    "ALIGNED": "aligned", "A": "aligned", "WRITEBACKIFCOPY": "writebackifcopy", "X": "writebackifcopy",
    "FNC": "fnc", "FORC": "forc", "BEHAVED": "behaved", "B": "behaved", "CARRAY": "carray", "CA": "carray",
    "FARRAY": "farray", "FA": "farray",
}  # fmt: skip


class flagsobj:
    """a.flags: how the array lies in memory, by attribute or by name; `writeable` can be set."""

    __slots__ = ("_array",)
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, array: Any) -> None:
        self._array = array

    @property
    def c_contiguous(self) -> bool:
        return bool(self._array.is_contiguous())

    contiguous = c_contiguous

    @property
    def f_contiguous(self) -> bool:
        return is_fortran(self._array)

    fortran = f_contiguous

    @property
    def owndata(self) -> bool:
        return bool(self._array._owns())

    @property
    def writeable(self) -> bool:
        return not self._array.readonly

    @writeable.setter
    def writeable(self, value: Any) -> None:
        self._array._set_writeable(bool(value))

    @property
    def aligned(self) -> bool:
        return True

    @aligned.setter
    def aligned(self, value: Any) -> None:
        if not value:
            raise ValueError("cannot set ALIGNED flag to False: arrays are always aligned")

    @property
    def writebackifcopy(self) -> bool:
        return False

    @property
    def num(self) -> int:
        parts = (self.c_contiguous, self.f_contiguous, self.owndata, self.aligned, self.writeable)
        return sum(bit for bit, on in zip((0x1, 0x2, 0x4, 0x100, 0x400), parts, strict=True) if on)

    @property
    def fnc(self) -> bool:
        return self.f_contiguous and not self.c_contiguous

    @property
    def forc(self) -> bool:
        return self.f_contiguous or self.c_contiguous

    @property
    def behaved(self) -> bool:
        return self.writeable

    @property
    def carray(self) -> bool:
        return self.behaved and self.c_contiguous

    @property
    def farray(self) -> bool:
        return self.behaved and self.fnc

    def __getitem__(self, name: Any) -> bool:
        if not isinstance(name, str) or name not in _FLAGS:
            raise KeyError("Unknown flag")
        return bool(getattr(self, _FLAGS[name]))

    def __setitem__(self, name: Any, value: Any) -> None:
        if not isinstance(name, str) or name not in _FLAGS:
            raise KeyError("Unknown flag")
        if _FLAGS[name] not in ("writeable", "aligned"):
            raise KeyError("flag cannot be set")
        setattr(self, _FLAGS[name], value)

    def __eq__(self, other: object) -> bool:
        return hasattr(other, "num") and self.num == other.num

    def __repr__(self) -> str:
        names = ("C_CONTIGUOUS", "F_CONTIGUOUS", "OWNDATA", "WRITEABLE", "ALIGNED", "WRITEBACKIFCOPY")
        return "".join(f"  {name} : {self[name]}\n" for name in names)


def get_flags(a: Any) -> flagsobj:
    return flagsobj(a)


# ---- flat ----


class flatiter:
    """a.flat: the elements in C order.  Indexing copies, assignment writes into the array."""

    __slots__ = ("_array", "_next")
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, array: Any) -> None:
        self._array, self._next = array, 0

    @property
    def base(self) -> Any:
        return self._array

    @property
    def index(self) -> int:
        return self._next

    @property
    def coords(self) -> tuple[int, ...]:
        shape = tuple(self._array.shape)
        if not shape or self._next >= self._array.size:
            return (self._next,) if not shape else tuple(s - 1 for s in shape[:-1]) + (shape[-1],)
        return tuple(map(int, np.unravel_index(self._next, shape)))

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        if self._next >= self._array.size:
            raise StopIteration
        self._next += 1
        return self._element(self._next - 1)

    def _element(self, i: int) -> Any:
        a = self._array
        return a[()] if a.ndim == 0 else a[tuple(map(int, np.unravel_index(i, tuple(a.shape))))]

    def __len__(self) -> int:
        return int(self._array.size)

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        return np.asarray(self._array.reshape(-1).detach().numpy(), dtype=dtype)

    def copy(self) -> Any:
        """The elements as an array of one axis."""
        return self._array.flatten()

    @staticmethod
    def _key(key: Any) -> Any:
        if isinstance(key, tuple):
            if len(key) > 1:
                raise IndexError("unsupported iterator index")
            key = key[0] if key else slice(None)
        if key is None or isinstance(key, (float, np.floating)):
            raise IndexError("unsupported iterator index")
        return key

    def __getitem__(self, key: Any) -> Any:
        key, a = self._key(key), self._array
        if isinstance(key, int) and not isinstance(key, bool):
            if not -a.size <= key < a.size:
                raise IndexError(f"index {key} is out of bounds for size {a.size}")
            return self._element(key % a.size)
        flat = a.reshape(-1)
        taken = flat[key]
        return taken.copy() if taken.ndim else taken

    def __setitem__(self, key: Any, value: Any) -> None:
        key, a = self._key(key), self._array
        if isinstance(key, int) and not isinstance(key, bool):
            if not -a.size <= key < a.size:
                raise IndexError(f"index {key} is out of bounds for size {a.size}")
            if np.ndim(value) or (hasattr(value, "__len__") and not isinstance(value, (str, bytes))):
                raise ValueError("Error setting single item of array.")
        where = np.arange(a.size)[key]
        if np.ndim(where) == 0:
            where = where.reshape(1)
        values = tensor(np.asarray(value, dtype=a.dtype)) if not isinstance(value, _tensor_type) else value
        values = values.reshape(-1)
        if where.size == 0:
            return
        if values.numel() == 0:
            raise ValueError("Error setting single item of array.")
        if values.numel() != where.size and values.numel() != 1:
            values = _repeated(values, where.size)
        if a.ndim == 0:
            a[()] = values[0]
        else:
            a[tuple(np.unravel_index(where.reshape(-1), tuple(a.shape)))] = values

    def __eq__(self, other: Any) -> Any:
        return self._array.reshape(-1) == other

    def __ne__(self, other: Any) -> Any:
        return self._array.reshape(-1) != other

    def __lt__(self, other: Any) -> Any:
        return self._array.reshape(-1) < other

    def __le__(self, other: Any) -> Any:
        return self._array.reshape(-1) <= other

    def __gt__(self, other: Any) -> Any:
        return self._array.reshape(-1) > other

    def __ge__(self, other: Any) -> Any:
        return self._array.reshape(-1) >= other


def _repeated(values: Any, n: int) -> Any:
    """The values over and over, n of them."""
    return _ops["index_select"](values, 0, tensor(np.arange(n) % values.numel()))


def get_flat(a: Any) -> flatiter:
    return flatiter(a)


def set_flat(a: Any, value: Any) -> None:
    flatiter(a)[:] = value


# ---- set in place ----


def _shape_of(value: Any) -> tuple[int, ...]:
    return tuple(operator.index(n) for n in (value if hasattr(value, "__len__") else (value,)))


def set_shape(a: Any, value: Any) -> None:
    shape = _shape_of(value)
    flat = _C._as_tensor(a)
    wanted = list(shape)
    if -1 in wanted:
        known = int(np.prod([n for n in wanted if n != -1], dtype=object))
        if wanted.count(-1) > 1 or known == 0 or a.size % known:
            raise ValueError(f"cannot reshape array of size {a.size} into shape {shape}")
        wanted[wanted.index(-1)] = a.size // known
    if any(n < 0 for n in wanted) or int(np.prod(wanted, dtype=object)) != a.size:
        raise ValueError(f"cannot reshape array of size {a.size} into shape {shape}")
    try:
        view = _ops["view"](flat, tuple(wanted))
    except (RuntimeError, ValueError):
        raise AttributeError(
            "Incompatible shape for in-place modification. Use `.reshape()` to make a copy with the desired shape."
        ) from None
    a._take_view(view)


def set_dtype(a: Any, value: Any) -> None:
    if a.requires_grad:
        raise RuntimeError("dtype: an array that requires grad cannot be seen as another dtype; detach() it")
    view = a.view(value)
    if view is not a:
        _tensor_type.data.__set__(a, view)


def set_strides(a: Any, value: Any) -> None:
    if a.requires_grad:
        raise RuntimeError("strides: an array that requires grad cannot be given others; detach() it")
    steps = tuple(operator.index(s) for s in value)
    if len(steps) != a.ndim:
        raise ValueError(f"strides must be same length as shape ({a.ndim})")
    low = sum(min(0, s * (n - 1)) for s, n in zip(steps, a.shape, strict=True))
    high = sum(max(0, s * (n - 1)) for s, n in zip(steps, a.shape, strict=True)) + a.itemsize
    begin = a.data_ptr() - a._storage_bytes().data_ptr()
    if a.size and (begin + low < 0 or begin + high > a._storage_bytes().numel()):
        raise ValueError("strides is not compatible with available memory")
    view = np.lib.stride_tricks.as_strided(a.numpy(), tuple(a.shape), steps)
    if any(s % a.itemsize for s in steps):
        raise ValueError("strides must be multiples of the item size")
    _tensor_type.data.__set__(a, _C.from_numpy(view))


def set_real(a: Any, value: Any) -> None:
    a.real[...] = value


def set_imag(a: Any, value: Any) -> None:
    if a.dtype.kind != "c":
        raise TypeError("array does not have imaginary part to set")
    a.imag[...] = value


def get_ctypes(a: Any) -> Any:
    """NumPy's object over the same memory."""
    return a.detach().numpy().ctypes
