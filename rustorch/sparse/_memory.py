"""Where the entries of sparse arrays are: NumPy arrays as SciPy has them, and a tensor on the memory of the entries."""

from __future__ import annotations

import functools
import sys
from typing import Any

import numpy as np

from .. import _C, _layout
from .._modes import no_grad
from . import _structure as st

_ops: dict[str, Any] = _C.ops
Tensor: Any = _C.Tensor

# The classes by SciPy's word for the format; _arrays.py enters them.
FORMATS: dict[str, Any] = {}


def wrapped(result: Any) -> Any:
    """What SciPy answered: sparse arrays as ours, dense ones and numbers as arrays of rustorch.numpy."""
    if st.is_sparse(result):
        kind = FORMATS.get(result.format)
        return result if kind is None or isinstance(result, SparseMemory) else kind._sharing(result)
    return st.operand(result) if isinstance(result, (np.ndarray, np.generic)) else result


def plain_of(x: Any, what: str) -> Any:
    """An operand as SciPy knows it."""
    return x._scipy(what) if isinstance(x, SparseMemory) else st.array(x)


def values_of(x: Any) -> Any:
    return x._values if isinstance(x, SparseMemory) else x


def as_ours(x: Any) -> Any:
    """A sparse array of ours on x's memory; formats other than CSR, CSC and COO become CSR."""
    if isinstance(x, SparseMemory):
        return x
    if x.format not in FORMATS:
        x = x.tocsr()
    return FORMATS[x.format](x)


def _asked_by_scipy() -> bool:
    """Does SciPy's or scikit-learn's own code call what calls this?  It goes on to compiled code with the answer."""
    name = sys._getframe(2).f_globals.get("__name__", "")
    return isinstance(name, str) and name.startswith(("scipy.", "sklearn."))


def in_scipys_way(method: Any, name: str) -> Any:
    """The method, which answers SciPy's own code as SciPy's array does."""

    @functools.wraps(method)
    def call(self: Any, *args: Any, **keywords: Any) -> Any:
        if _asked_by_scipy():
            if name in ("dot", "__matmul__") and args and self._multiplies(args[0]):
                with no_grad():
                    return self._times_dense(args[0], False).numpy()     # SciPy's bits, on threads
            return getattr(self._scipy(name), name)(*args, **keywords)
        return method(self, *args, **keywords)

    return call


def attribute_in_scipys_way(name: str, getter: Any, doc: str) -> Any:
    """A property, which answers SciPy's own code as SciPy's array does."""

    def get(self: Any) -> Any:
        return getattr(self._scipy(name), name) if _asked_by_scipy() else getter(self)

    return property(get, doc=doc)


class SparseMemory:
    """The arrays, and what a tensor is asked."""

    _values: Any = None
    _array: Any
    _shape: Any
    _plain_class: Any
    # of SciPy's classes
    format: Any
    ndim: Any
    nnz: Any
    dtype: Any
    has_canonical_format: Any
    indices: Any
    indptr: Any
    # of the other parts
    copy: Any
    astype: Any
    toarray: Any
    tocoo: Any
    tocsr: Any
    asformat: Any
    reshape: Any
    _filled: Any
    _canonical: Any
    conj: Any
    _refuse_recorded: Any
    _multiplies: Any
    _times_dense: Any

    # ---- memory ----

    @property
    def data(self) -> Any:
        """The entries as a NumPy array, on the memory of values(); read-only while they require gradients."""
        return self._array

    @data.setter
    def data(self, new: Any) -> None:
        if isinstance(new, Tensor):
            self._array, self._values = new.numpy(), new
        elif new is not self.__dict__.get("_array"):
            self._array, self._values = new, None

    def values(self) -> Any:
        """The entries as a tensor (nnz): gradients of results reach it."""
        if self._values is None:
            self._values = st.tensor(self._array)
        return self._values

    def _scipy(self, what: str = "sparse array", checked: bool = True) -> Any:
        """SciPy's own array on the same memory, its indices looked through, unless nothing is read by them."""
        result = object.__new__(self._plain_class)
        result.__dict__.update(self.__dict__)
        result.data = result.__dict__.pop("_array")
        del result.__dict__["_values"]
        if checked:
            st.verify(what, result)
        return result

    def _take(self, plain: Any, values: Any = None) -> Any:
        """Becomes what SciPy's array of the same format is, with a tensor in place of its entries."""
        state = dict(plain.__dict__)
        self.__dict__.update({k: v for k, v in state.items() if k != "data"})
        self.data = plain.data if values is None else values
        return self

    @classmethod
    def _sharing(cls, plain: Any, values: Any = None) -> Any:
        return object.__new__(cls)._take(plain, values)

    def _with_values(self, values: Any) -> Any:
        """The same structure, shared, with other entries."""
        result = object.__new__(type(self))
        result.__dict__.update(self.__dict__)
        result.data = values
        return result

    def to_scipy(self) -> Any:
        """SciPy's array of the same format on the same three arrays; nothing is copied."""
        return self._scipy("to_scipy")

    def __getstate__(self) -> dict[str, Any]:
        state = dict(self.__dict__)
        if self.requires_grad:
            del state["_array"]
        else:
            state["_values"] = None
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        if "_array" not in state:
            self._array = self._values.numpy()

    # ---- as a tensor ----

    @property
    def requires_grad(self) -> bool:
        """Do results record how they were made of values()?"""
        return self._values is not None and bool(self._values.requires_grad)

    def requires_grad_(self, requires_grad: bool = True) -> Any:
        """Makes values() a leaf that collects gradients."""
        self.data = self.values().requires_grad_(requires_grad)
        return self

    @property
    def grad(self) -> Any:
        """The gradient of values(), in this structure; or None."""
        found = self._values.grad if self._values is not None else None
        return None if found is None else self._with_values(found)

    def detach(self) -> Any:
        """The same array without history."""
        return self._with_values(self.values().detach())

    def clone(self) -> Any:
        """A copy, also of the indices; recorded."""
        return self.copy()

    @property
    def device(self) -> Any:
        """Where the entries are."""
        return self.values().device

    @property
    def layout(self) -> Any:
        """rustorch.sparse_csr, sparse_csc or sparse_coo."""
        return getattr(_layout, "sparse_" + self.format)

    @property
    def is_sparse(self) -> bool:
        """Is it in COO format?"""
        return self.format == "coo"

    @property
    def is_sparse_csr(self) -> bool:
        """Is it in CSR format?"""
        return self.format == "csr"

    def dim(self) -> int:
        """The number of dimensions."""
        return len(self._shape)

    sparse_dim = dim

    def dense_dim(self) -> int:
        """0: entries are numbers."""
        return 0

    def numel(self) -> int:
        """The number of elements, stored or not."""
        return int(np.prod(self._shape, dtype=np.int64))

    def _nnz(self) -> int:
        return int(self.nnz)

    def is_coalesced(self) -> bool:
        """Are the entries in order, each place once?"""
        return bool(self.has_canonical_format)

    def coalesce(self) -> Any:
        """The same with entries in order and those of one place summed."""
        result = self.copy()
        result.sum_duplicates()
        return result

    def to(self, dtype: Any) -> Any:
        """Entries converted to dtype."""
        return self.astype(dtype)
