"""Sparse arrays by PyTorch's names: makers from indices and values, products, softmax over stored entries."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import _C
from . import _structure as st
from ._arrays import SparseArray, coo_array, csc_array, csr_array
from ._memory import FORMATS, as_ours

_ops: dict[str, Any] = _C.ops
Tensor: Any = _C.Tensor


def _entries(name: str, values: Any, dtype: Any, requires_grad: bool) -> Any:
    found = values if isinstance(values, Tensor) else _C.tensor(values)
    if found.ndim != 1:
        raise NotImplementedError(f"{name}: entries are numbers, the values must have one dimension, not {found.ndim}")
    if dtype is not None:
        found = found.to(dtype)
    return found.detach().requires_grad_() if requires_grad else found


def _whole(name: str, x: Any) -> Any:
    found = x if isinstance(x, Tensor) else np.asarray(x)
    array = st.array(found)
    if array.size == 0:
        array = array.astype(np.int64)
    if array.dtype.kind not in "iu":
        raise TypeError(f"{name}: indices must be integers, not {array.dtype}")
    return array


def sparse_coo_tensor(
    indices: Any, values: Any = None, size: Any = None, *, dtype: Any = None, device: Any = None,
    requires_grad: bool = False, check_invariants: Any = None, is_coalesced: Any = None,
) -> Any:  # fmt: skip
    """A coo_array of indices (dimensions, nnz) and values (nnz); of a size alone: without entries.

    size: the shape; by default the largest index of each dimension and 1.  Indices are checked in every case.
    IndexError: out of bounds; NotImplementedError: values of more dimensions."""
    if values is None and size is None:
        return coo_array(tuple(int(n) for n in indices), dtype=np.dtype(dtype or _C.get_default_dtype()))
    coords = _whole("sparse_coo_tensor", indices)
    if coords.ndim != 2:
        raise _C.TensorError(f"sparse_coo_tensor: indices must be a matrix (dimensions, nnz), not {coords.ndim}-d")
    entries = _entries("sparse_coo_tensor", values, dtype, requires_grad)
    shape = None if size is None else tuple(int(n) for n in size)
    if shape is not None and len(shape) != coords.shape[0]:
        raise _C.TensorError(f"sparse_coo_tensor: {coords.shape[0]} rows of indices for the size {shape}")
    if coords.shape[1] != entries.shape[0]:
        raise _C.TensorError(f"sparse_coo_tensor: {coords.shape[1]} indices for {entries.shape[0]} values")
    for axis, length in enumerate(shape or ()):
        st.check_index(f"sparse_coo_tensor, dimension {axis}", coords[axis], length)
    result = coo_array((entries, tuple(coords)), shape=shape)
    if is_coalesced:
        result.has_canonical_format = True
    return result


def _compressed(name: str, kind: Any, start: Any, index: Any, values: Any, size: Any, dtype: Any, grad: bool) -> Any:
    entries = _entries(name, values, dtype, grad)
    return kind(
        (entries, _whole(name, index), _whole(name, start)), shape=None if size is None else tuple(int(n) for n in size)
    )


def sparse_csr_tensor(
    crow_indices: Any, col_indices: Any, values: Any, size: Any = None, *, dtype: Any = None, device: Any = None,
    requires_grad: bool = False, check_invariants: Any = None,
) -> Any:  # fmt: skip
    """A csr_array of row starts (rows + 1), columns (nnz) and values (nnz)."""
    return _compressed("sparse_csr_tensor", csr_array, crow_indices, col_indices, values, size, dtype, requires_grad)


def sparse_csc_tensor(
    ccol_indices: Any, row_indices: Any, values: Any, size: Any = None, *, dtype: Any = None, device: Any = None,
    requires_grad: bool = False, check_invariants: Any = None,
) -> Any:  # fmt: skip
    """A csc_array of column starts (columns + 1), rows (nnz) and values (nnz)."""
    return _compressed("sparse_csc_tensor", csc_array, ccol_indices, row_indices, values, size, dtype, requires_grad)


def sparse_compressed_tensor(
    compressed_indices: Any, plain_indices: Any, values: Any, size: Any = None, *, dtype: Any = None,
    layout: Any = None, device: Any = None, requires_grad: bool = False, check_invariants: Any = None,
) -> Any:  # fmt: skip
    """A csr_array or csc_array, as the layout says."""
    kind = FORMATS.get(str(layout).rsplit("_", 1)[-1])
    if kind not in (csr_array, csc_array):
        raise NotImplementedError(f"sparse_compressed_tensor: layouts are sparse_csr and sparse_csc, not {layout}")
    return _compressed(
        "sparse_compressed_tensor", kind, compressed_indices, plain_indices, values, size, dtype, requires_grad
    )


def to_sparse(self: Any, sparse_dim: int | None = None, *, layout: Any = None) -> Any:
    """The elements other than 0 as a coo_array, or in the format of a layout; differentiable."""
    if sparse_dim is not None and sparse_dim != self.ndim:
        raise NotImplementedError(f"to_sparse: all {self.ndim} dimensions are made sparse, not {sparse_dim}")
    if self.ndim == 0:
        raise _C.TensorError("to_sparse: a tensor without dimensions has no sparse form")
    return coo_array(self).to_sparse(layout=layout)


def _two(name: str, t: Any) -> Any:
    if t.ndim != 2:
        raise _C.TensorError(f"{name}: needs two dimensions, not {t.ndim}")
    return t


def to_sparse_csr(self: Any) -> Any:
    """The elements other than 0 of a matrix as a csr_array; differentiable."""
    return csr_array(_two("to_sparse_csr", self))


def to_sparse_csc(self: Any) -> Any:
    """The elements other than 0 of a matrix as a csc_array; differentiable."""
    return csc_array(_two("to_sparse_csc", self))


def mm(mat1: Any, mat2: Any, reduce: str = "sum") -> Any:
    """mat1 @ mat2, either or both of them sparse."""
    if reduce != "sum":
        raise NotImplementedError(f"sparse.mm: reduce must be 'sum', not {reduce!r}")
    return mat1 @ mat2


def addmm(input: Any, mat1: Any, mat2: Any, *, beta: float = 1.0, alpha: float = 1.0) -> Any:
    """beta * input + alpha * (mat1 @ mat2) for a sparse mat1; with beta 0 input is not looked at."""
    product = mat1 @ mat2
    product = product if alpha == 1 else product * alpha
    return product if beta == 0 else input * beta + product


def _lines(a: Any) -> Any:
    """CSR with duplicates summed."""
    return as_ours(a).tocsr()._canonical()


def sampled_addmm(input: Any, mat1: Any, mat2: Any, *, beta: float = 1.0, alpha: float = 1.0) -> Any:
    """alpha * (mat1 @ mat2) + beta * input at the entries of the sparse input alone; a csr_array."""
    a = _lines(input)
    if mat1.shape[0] != a.shape[0] or mat2.shape[1] != a.shape[1] or mat1.shape[1] != mat2.shape[0]:
        raise _C.ShapeMismatchError(tuple(mat1.shape), tuple(mat2.shape))
    found = _ops["sparse_sample"](mat1, mat2.T, a.indices, a.indptr) * alpha
    return a._with_values(found if beta == 0 else found + a.values() * beta)


def _rows(a: Any, dim: int) -> tuple[Any, Any, Any]:
    """(a as CSR along dim, the line of each entry, the number of lines)."""
    if a.ndim != 2 or not -2 <= dim < 2:
        raise _C.TensorError(f"softmax: needs an array of 2 dimensions and one of them, not {a.ndim} and {dim}")
    c = _lines(a) if dim % 2 else as_ours(a).tocsc()._canonical()
    c._scipy("softmax")
    lines = len(c.indptr) - 1
    return c, st.tensor(np.repeat(np.arange(lines), np.diff(c.indptr))), lines


def log_softmax(input: Any, dim: int, *, dtype: Any = None) -> Any:
    """Logarithm of softmax over the stored entries along dim."""
    a, line, count = _rows(input, dim)
    v = a.values() if dtype is None else a.values().to(dtype)
    lowest = _C.full((count,), -np.inf, dtype=v.dtype)
    top = _ops["scatter_reduce"](lowest, 0, line, v.detach(), "amax")
    shifted = v - top[line]
    total = st.summed(shifted.exp(), line.numpy(), count)
    return a._with_values(shifted - total.log()[line]).asformat(input.format)


def softmax(input: Any, dim: int, *, dtype: Any = None) -> Any:
    """softmax over the stored entries along dim: those that are not stored count as -inf."""
    result = log_softmax(input, dim, dtype=dtype)
    return result._with_values(result.values().exp())


def sum(input: Any, dim: Any = None, dtype: Any = None) -> Any:
    """The sum of all elements (dense), or along a dimension (sparse)."""
    a = input if dtype is None else input.astype(dtype)
    if dim is None:
        return a._summed(None)
    dims = (dim,) if isinstance(dim, int) else tuple(dim)
    if len({d % a.ndim for d in dims}) == a.ndim:
        return a._summed(None)
    return coo_array(a._summed(dims[0] if len(dims) == 1 else dims))


def is_ours(x: Any) -> bool:
    """Is x one of the classes of rustorch.sparse?"""
    return isinstance(x, SparseArray)
