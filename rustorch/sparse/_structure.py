"""What the sparse arrays of _arrays.py are made of: checks of indices, tensors and NumPy arrays in one another's
place, and sums over entries that share a place."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import sparse as _scipy

from .. import _C

_ops: dict[str, Any] = _C.ops
Tensor: Any = _C.Tensor


def array(x: Any) -> Any:
    """A tensor's memory as a NumPy array (read-only where gradients are recorded); other things as they are."""
    return x.numpy() if isinstance(x, Tensor) else x


def arrays(x: Any) -> Any:
    """array() within tuples and lists, too."""
    if isinstance(x, (tuple, list)) and any(isinstance(part, (Tensor, tuple, list)) for part in x):
        return type(x)(arrays(part) for part in x)
    return array(x)


def tensor(x: Any) -> Any:
    """A NumPy array or number as a tensor on the same memory; a tensor as it is."""
    if isinstance(x, Tensor):
        return x
    found = np.asarray(x)
    if not found.dtype.isnative:
        found = found.astype(found.dtype.newbyteorder("="))
    return _C.from_numpy(found)


def operand(x: Any) -> Any:
    """What is no tensor as an array, which speaks NumPy: so do results then; a tensor as it is."""
    return x if isinstance(x, Tensor) else _C._as_arrays(tensor(x))


def scalar(x: Any) -> bool:
    """Is x one number: Python's, NumPy's, or a tensor or array without dimensions?"""
    return np.isscalar(x) or (isinstance(x, (Tensor, np.ndarray)) and x.ndim == 0)


def recorded(*tensors: Any) -> bool:
    """Do operations on these have to be recorded now?"""
    if not _C.is_grad_enabled():
        return False
    return any(getattr(t, "requires_grad", False) for t in tensors if t is not None)


def check_index(what: str, index: Any, length: int) -> None:
    """Raises IndexError unless all numbers of an integer array lie in 0 .. length - 1."""
    if index.dtype.kind not in "iu":
        raise TypeError(f"{what}: indices must be integers, not {index.dtype}")
    if index.size == 0:
        return
    unsigned = index.view(f"u{index.dtype.itemsize}") if index.dtype.kind == "i" else index
    if int(unsigned.max()) >= length:  # negative ones are large
        wrong = index[(index < 0) | (index >= length)][0]
        raise _C.OutOfRangeError(f"{what}: index {wrong} is out of bounds for a dimension of length {length}")


def verify(what: str, a: Any) -> None:
    """The indices of a SciPy array in CSR, CSC or COO format are looked through: they may have changed since it
    was made."""
    if a.format == "coo":
        if len(a.coords) != len(a.shape):
            raise _C.TensorError(f"{what}: {len(a.coords)} index arrays for the shape {a.shape}")
        for axis, (index, length) in enumerate(zip(a.coords, a.shape, strict=True)):
            if len(index) != len(a.data):
                raise _C.TensorError(f"{what}: {len(index)} indices of axis {axis} for {len(a.data)} entries")
            check_index(f"{what}, axis {axis}", index, length)
        return
    shape = a._shape if len(a._shape) == 2 else (1, *a._shape)
    lines, length = shape if a.format == "csr" else shape[::-1]
    indptr, indices, data = a.indptr, a.indices, a.data
    if len(indptr) != lines + 1:
        raise _C.OutOfRangeError(f"{what}: indptr has {len(indptr)} elements for {lines} lines, one more is needed")
    if len(data) != len(indices):
        raise _C.TensorError(f"{what}: {len(data)} entries, but {len(indices)} indices")
    try:
        _ops["sparse_check"](indices, indptr, length)
    except IndexError as error:
        raise _C.OutOfRangeError(f"{what}: {str(error).removeprefix('sparse_check: ')}") from None


def positions(a: Any) -> Any:
    """A SciPy array with a's structure whose entries are 1, 2, ...: what becomes of it tells where entries go."""
    result = object.__new__(type(a))
    result.__dict__.update(a.__dict__)
    result.data = np.arange(1, len(a.data) + 1)
    return result


def chosen(values: Any, places: Any) -> Any:
    """values[places - 1], and 0 where places is 0; recorded."""
    flat = places.reshape(-1)
    if flat.size and flat.min() > 0:
        return _ops["index_select"](values, 0, _C.from_numpy(flat - 1)).reshape(places.shape)
    padded = _ops["cat"]([_C.zeros(1, dtype=values.dtype), values])
    return _ops["index_select"](padded, 0, _C.from_numpy(flat)).reshape(places.shape)


def summed(values: Any, where: Any, count: int) -> Any:
    """count sums of the values whose `where` is the same, in order; recorded."""
    index = tensor(np.ascontiguousarray(where, dtype=np.int64))
    return _ops["index_add"](_C.zeros(count, dtype=values.dtype), 0, index, values)


def distinct(coords: tuple[Any, ...], shape: tuple[int, ...]) -> tuple[tuple[Any, ...], Any]:
    """(coordinates of the different places in C order, for each entry the number of its place)."""
    if np.prod([float(n) for n in shape]) < 2.0**62:
        flat = np.ravel_multi_index(coords, shape) if coords[0].size else np.zeros(0, dtype=np.int64)
        places, number = np.unique(flat, return_inverse=True)
        return tuple(np.asarray(c) for c in np.unravel_index(places, shape)), number
    rows, number = np.unique(np.stack(coords, axis=1), axis=0, return_inverse=True)
    return tuple(rows[:, k] for k in range(len(shape))), number


def is_sparse(x: Any) -> bool:
    """Is x a sparse array, SciPy's or ours?"""
    return bool(_scipy.issparse(x))
