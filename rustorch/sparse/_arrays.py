"""csr_array, csc_array and coo_array: SciPy's sparse arrays whose entries are a tensor.

They are subclasses of SciPy's classes, so everything that takes SciPy's sparse arrays takes them.  What SciPy calls
`data`, `indices`, `indptr` and `coords` are NumPy arrays here, too; `values()` is the tensor on data's memory, through
which gradients flow.  Dense results of SciPy's methods are arrays of rustorch.numpy; products with a tensor are what
the tensor is, and to_dense gives a Tensor."""


from __future__ import annotations

import operator
from typing import Any

import numpy as np
from scipy import sparse as _scipy

from .. import _C
from . import _structure as st
from ._arithmetic import FUNCTIONS, Arithmetic
from ._conversion import Conversions
from ._memory import FORMATS, in_scipys_way
from ._products import Products

_ops: dict[str, Any] = _C.ops
Tensor: Any = _C.Tensor


# the functions of rustorch that take sparse arrays, by their rows
_ANSWERS: dict[str, Any] = {
    **dict.fromkeys(("matmul", "mm", "mv"), operator.matmul),
    "add": operator.add, "sub": operator.sub, "mul": operator.mul, "div": operator.truediv, "neg": operator.neg,
    "abs": abs, "conj": lambda x: x.conj(), "transpose": lambda x, dim0=0, dim1=1: x.transpose(),
    "pow": operator.pow, "clone": lambda x: x.clone(),
    **{row: operator.methodcaller(name) for name, row in FUNCTIONS.items()},
}  # fmt: skip


class SparseArray(Conversions, Arithmetic, Products):
    """What the three formats share."""

    def __rustorch_function__(self, row: str, *args: Any, **keywords: Any) -> Any:
        """What rustorch's function of a row, rustorch.mm say, is of sparse arrays."""
        found = _ANSWERS.get(row)
        return NotImplemented if found is None or keywords else found(*args)

    def _repr_html_(self) -> str:
        """What notebooks show: shape, format, statistics and the first entries."""
        from .._display import sparse_html

        return sparse_html(self)


# in place
_OWN = {
    "sum_duplicates", "sort_indices", "eliminate_zeros", "prune", "resize", "setdiag", "__setitem__", "__imul__",
    "__itruediv__", "__doc__", "__module__", "__dict__", "__weakref__",
}  # fmt: skip
for _part in (Conversions, Arithmetic, Products):
    for _name, _method in list(vars(_part).items()):
        _theirs = any(hasattr(kind, _name) for kind in (_scipy.csr_array, _scipy.coo_array))
        if _theirs and _name not in _OWN and callable(_method):
            setattr(_part, _name, in_scipys_way(_method, _name))


def _entries(dense: Any) -> Any:
    """The elements of a dense tensor other than 0, recorded."""
    elements = dense.detach().numpy()
    where = np.nonzero(elements)
    plain = _scipy.coo_array((elements[where], where), shape=elements.shape)
    plain.has_canonical_format = True
    return coo_array._sharing(plain, dense[tuple(st.tensor(w) for w in where)])


def _made(self: Any, arg1: Any, shape: Any, dtype: Any, copy: bool, options: dict[str, Any]) -> None:
    """__init__ of the three classes: SciPy's constructor on the arrays, and the tensor put back in."""
    kind, values = type(self)._plain_class, None
    if shape is not None:
        shape = tuple(int(n) for n in shape) if not np.isscalar(shape) else shape
    if isinstance(arg1, Tensor) and arg1.ndim > 0:
        arg1, copy = _entries(arg1), False
    if isinstance(arg1, tuple) and len(arg1) in (2, 3) and isinstance(arg1[0], Tensor) and arg1[0].ndim == 1:
        values = arg1[0]
        if len(arg1) == 2 and kind is not _scipy.coo_array and values.requires_grad:
            arg1, copy = coo_array(arg1, shape=shape), False
    if isinstance(arg1, tuple) and len(arg1) in (2, 3) and np.ndim(st.array(arg1[0])) > 0:
        parts = arg1[1:] if len(arg1) == 3 else arg1[1]
        for index in map(np.asarray, st.arrays(list(parts))):
            if index.size and index.dtype.kind not in "iu":
                raise TypeError(f"{kind.__name__}: indices must be integers, not {index.dtype}")
    if isinstance(arg1, SparseArray):
        arg1 = arg1.asformat(self.format)
        values = arg1._values
        arg1 = arg1._scipy(kind.__name__)
    plain = kind(st.arrays(arg1), shape=shape, dtype=dtype, copy=copy, **options)
    st.verify(kind.__name__, plain)
    self._take(plain)
    if values is not None and len(values) >= len(plain.data) and (values.requires_grad or not copy):
        values = values[: len(plain.data)] if len(values) > len(plain.data) else values
        if values.dtype != plain.data.dtype:
            values = values.to(plain.data.dtype)
        elif copy:
            values = _ops["clone"](values)
        if values.requires_grad or np.shares_memory(values.numpy(), plain.data):
            self.data = values


class csr_array(SparseArray, _scipy.csr_array):  # type: ignore[misc]
    """A sparse array in compressed rows: the entries of row i are data[j] in column indices[j],
    indptr[i] <= j < indptr[i + 1].

    csr_array((data, indices, indptr), shape), csr_array((data, (row, col)), shape), csr_array(dense),
    csr_array(sparse) and csr_array(shape), as in SciPy.  data may be a tensor that requires gradients: products,
    sums, elementwise functions and conversions are differentiable.  Memory is shared where SciPy shares it.
    ValueError, IndexError: arrays of the wrong lengths, indices out of bounds.

    >>> import rustorch as rt
    >>> data = rt.tensor([1.0, 2.0, 3.0], requires_grad=True)
    >>> A = rt.sparse.csr_array((data, [0, 2, 1], [0, 2, 3]), shape=(2, 3))
    >>> (A @ rt.tensor([1.0, 10.0, 100.0])).sum().backward()
    >>> data.grad
    tensor([  1.0, 100.0,  10.0])
    """

    _plain_class = _scipy.csr_array

    def __init__(self, arg1: Any, shape: Any = None, dtype: Any = None, copy: bool = False, **options: Any) -> None:
        _made(self, arg1, shape, dtype, copy, options)

    def crow_indices(self) -> Any:
        """indptr as a tensor."""
        return st.tensor(self.indptr)

    def col_indices(self) -> Any:
        """indices as a tensor."""
        return st.tensor(self.indices)


class csc_array(SparseArray, _scipy.csc_array):  # type: ignore[misc]
    """A sparse array in compressed columns: the entries of column i are data[j] in row indices[j],
    indptr[i] <= j < indptr[i + 1].  Made as csr_array is."""

    _plain_class = _scipy.csc_array

    def __init__(self, arg1: Any, shape: Any = None, dtype: Any = None, copy: bool = False, **options: Any) -> None:
        _made(self, arg1, shape, dtype, copy, options)

    def ccol_indices(self) -> Any:
        """indptr as a tensor."""
        return st.tensor(self.indptr)

    def row_indices(self) -> Any:
        """indices as a tensor."""
        return st.tensor(self.indices)


class coo_array(SparseArray, _scipy.coo_array):  # type: ignore[misc]
    """A sparse array as a list: entry j is data[j] at (coords[0][j], coords[1][j], ...); entries of one place are
    summed where they are needed.  coo_array((data, coords), shape), coo_array(dense), coo_array(sparse) and
    coo_array(shape), of any number of dimensions."""

    _plain_class = _scipy.coo_array

    def __init__(self, arg1: Any, shape: Any = None, dtype: Any = None, copy: bool = False, **options: Any) -> None:
        _made(self, arg1, shape, dtype, copy, options)

    def indices(self) -> Any:
        """The coordinates as one int64 tensor (dimensions, nnz)."""
        return st.tensor(np.stack([np.asarray(c, dtype=np.int64) for c in self.coords]))


FORMATS.update(csr=csr_array, csc=csc_array, coo=coo_array)
