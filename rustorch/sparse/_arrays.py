"""csr_array, csc_array and coo_array: SciPy's sparse arrays whose entries are a tensor.

They are subclasses of SciPy's classes, so everything that takes SciPy's sparse arrays takes them.  What SciPy calls
`data`, `indices`, `indptr` and `coords` are NumPy arrays here, too; `values()` is the tensor on data's memory, through
which gradients flow."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import sparse as _scipy

from .. import _C, _layout
from . import _structure as st

_ops: dict[str, Any] = _C.ops
Tensor: Any = _C.Tensor


def _wrapped(result: Any) -> Any:
    """What SciPy answered: sparse arrays as ours, dense ones and numbers as tensors."""
    if st.is_sparse(result):
        kind = FORMATS.get(result.format)
        return result if kind is None or isinstance(result, SparseArray) else kind._sharing(result)
    if isinstance(result, (np.ndarray, np.generic)):
        return st.tensor(result)
    return result


def _plain(x: Any, what: str) -> Any:
    """An operand as SciPy knows it."""
    return x._scipy(what) if isinstance(x, SparseArray) else st.array(x)


def _values_of(x: Any) -> Any:
    return x._values if isinstance(x, SparseArray) else x


class SparseArray:
    """What the three formats share."""

    _values: Any = None
    _array: Any
    _shape: Any
    _plain_class: Any

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

    def _scipy(self, what: str = "sparse array") -> Any:
        """SciPy's own array on the same memory, its indices looked through."""
        result = object.__new__(self._plain_class)
        result.__dict__.update(self.__dict__)
        result.data = result.__dict__.pop("_array")
        del result.__dict__["_values"]
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

    # ---- formats ----

    def _moved(self, name: str, *args: Any, **keywords: Any) -> Any:
        """SciPy's method, which puts entries elsewhere and computes nothing: recorded as a choice of entries."""
        plain = self._scipy(name)
        if not st.recorded(self._values):
            return _wrapped(getattr(plain, name)(*args, **keywords))
        moved = getattr(st.positions(plain), name)(*args, **keywords)
        if not st.is_sparse(moved):
            return st.chosen(self.values(), np.asarray(moved))
        if moved.format not in FORMATS:
            return getattr(plain, name)(*args, **keywords)
        return FORMATS[moved.format]._sharing(moved, st.chosen(self.values(), moved.data))

    def _canonical(self) -> Any:
        """With duplicates summed, itself where there are none."""
        return self if self.has_canonical_format else self.coalesce()

    def sum_duplicates(self) -> None:
        """Sums entries of one place, and puts all in order, in place."""
        if not st.recorded(self._values):
            plain = self._scipy("sum_duplicates")
            plain.sum_duplicates()
            self._take(plain)
        elif not self.has_canonical_format:
            coo = self._scipy("sum_duplicates").tocoo()
            coords, number = st.distinct(coo.coords, coo.shape)
            places = np.arange(1, len(coords[0]) + 1)
            target = _scipy.coo_array((places, coords), shape=coo.shape).asformat(self.format)
            values = st.summed(self.values(), number, len(places))
            self._take(target, st.chosen(values, target.data))
            self.has_canonical_format = True

    def sort_indices(self) -> None:
        """Puts the entries of each line in order, in place."""
        plain = self._scipy("sort_indices")
        if st.recorded(self._values):
            moved = st.positions(plain)
            moved.sort_indices()
            self._take(moved, st.chosen(self.values(), moved.data))
        else:
            plain.sort_indices()
            self._take(plain)

    def eliminate_zeros(self) -> None:
        """Forgets entries that are 0, in place."""
        plain = self._scipy("eliminate_zeros")
        if st.recorded(self._values):
            moved = st.positions(plain)
            moved.data[plain.data == 0] = 0
            moved.eliminate_zeros()
            self._take(moved, st.chosen(self.values(), moved.data))
        else:
            plain.eliminate_zeros()
            self._take(plain)

    def prune(self) -> None:
        """Forgets memory behind the last entry, in place."""
        values, count = self._values, self.nnz
        plain = self._scipy("prune")
        if hasattr(plain, "prune"):
            plain.prune()
        whole = values is not None and len(plain.data) == values.shape[0]
        self._take(plain, values if whole else values[:count] if values is not None else None)

    def copy(self) -> Any:
        """A copy of entries and indices; recorded."""
        plain = self._scipy("copy")
        if not st.recorded(self._values):
            return _wrapped(plain.copy())
        return type(self)._sharing(plain._with_data(plain.data), _ops["clone"](self.values()))

    def asformat(self, format: Any, copy: bool = False) -> Any:
        """The same in another of SciPy's formats: "csr", "csc", "coo" are ours, others SciPy's."""
        if format is None or format == self.format:
            return self.copy() if copy else self
        try:
            convert = getattr(self, "to" + format)
        except AttributeError:
            raise ValueError(f"asformat: {format!r} is no format of sparse arrays") from None
        return convert()

    def _converted(self, format: str, copy: bool) -> Any:
        if self.format == format:
            return self.copy() if copy else self
        recorded = st.recorded(self._values)
        source = self._canonical() if recorded and self.format == "coo" and format != "coo" else self
        result = source._moved("to" + format)
        return result.copy() if copy and format == "coo" and not recorded else result

    def tocsr(self, copy: bool = False) -> Any:
        """The same in CSR format."""
        return self._converted("csr", copy)

    def tocsc(self, copy: bool = False) -> Any:
        """The same in CSC format."""
        return self._converted("csc", copy)

    def tocoo(self, copy: bool = False) -> Any:
        """The same in COO format."""
        return self._converted("coo", copy)

    def transpose(self, axes: Any = None, copy: bool = False) -> Any:
        """The transpose, CSC of CSR and the reverse; entries are shared unless copy."""
        plain = self._scipy("transpose").transpose(axes=axes)
        result = FORMATS[plain.format]._sharing(plain, self._values)
        return result.copy() if copy else result

    def t(self) -> Any:
        """The transpose."""
        return self.transpose()

    mT = property(t)

    def reshape(self, *shape: Any, **keywords: Any) -> Any:
        """Another shape, in COO format."""
        return self._moved("reshape", *shape, **keywords)

    def toarray(self, order: Any = None, out: Any = None) -> Any:
        """A dense tensor; out: where to write it."""
        plain = self._scipy("toarray")
        if out is None and st.recorded(self._values):
            coo, size = plain.tocoo(copy=False), self.numel()
            if size == 0 or coo.ndim == 0:
                return _C.zeros(self._shape, dtype=self.values().dtype)
            flat = np.ravel_multi_index(coo.coords, coo.shape)
            return st.summed(self.values(), flat, size).reshape(self._shape)
        if out is None:
            return st.tensor(plain.toarray(order=order))
        plain.toarray(order=order, out=st.array(out))
        return out

    def todense(self, order: Any = None, out: Any = None) -> Any:
        """A dense tensor; out: where to write it."""
        return self.toarray(order, out)

    def to_dense(self, dtype: Any = None, *, masked_grad: Any = None) -> Any:
        """A dense tensor, converted to dtype."""
        dense = self.toarray()
        return dense if dtype is None else dense.to(dtype)

    def to_sparse(self, *, layout: Any = None) -> Any:
        """The same in the format of a layout, COO when there is none."""
        return self.tocoo() if layout is None else self.asformat(str(layout).rsplit("_", 1)[-1])

    to_sparse_coo, to_sparse_csr, to_sparse_csc = tocoo, tocsr, tocsc

    def astype(self, dtype: Any, casting: str = "unsafe", copy: bool = True) -> Any:
        """Entries converted to dtype."""
        if not st.recorded(self._values):
            return _wrapped(self._scipy("astype").astype(dtype, casting=casting, copy=copy))
        kind = np.dtype(dtype)
        if kind == self.dtype:
            return self.copy() if copy else self
        return self._with_values(self.values().to(kind))

    # ---- parts ----

    def __getitem__(self, key: Any) -> Any:
        key = st.arrays(key)
        if st.recorded(self._values):
            return self._canonical()._moved("__getitem__", key)
        return self._moved("__getitem__", key)

    def __setitem__(self, key: Any, value: Any) -> None:
        self._refuse_recorded("assignment to elements")
        plain = self._scipy("__setitem__")
        plain[st.arrays(key)] = _plain(value, "__setitem__")
        self._take(plain)

    def __iter__(self) -> Any:
        for row in range(self._shape[0]):
            yield self[row]

    def _refuse_recorded(self, what: str) -> None:
        if self.requires_grad:
            raise _C.TensorError(f"{what}: the entries require gradients, make a new array of values() or detach()")

    def setdiag(self, values: Any, k: int = 0) -> None:
        """Writes a diagonal, in place."""
        self._refuse_recorded("setdiag")
        plain = self._scipy("setdiag")
        plain.setdiag(st.array(values), k)
        self._take(plain)

    def resize(self, *shape: Any) -> None:
        """Another shape, in place; what lies outside is forgotten."""
        self._refuse_recorded("resize")
        plain = self._scipy("resize")
        plain.resize(*shape)
        self._take(plain)

    def diagonal(self, k: int = 0) -> Any:
        """The k-th diagonal, a dense tensor."""
        if st.recorded(self._values):
            return self._canonical()._moved("diagonal", k)
        return self._moved("diagonal", k)

    def trace(self, offset: int = 0) -> Any:
        """The sum of a diagonal."""
        return self.diagonal(offset).sum()

    # ---- reductions ----

    def sum(self, axis: Any = None, dtype: Any = None, out: Any = None) -> Any:
        """The sum of all elements, or along an axis; dense."""
        if out is not None or not st.recorded(self._values):
            result = self._scipy("sum").sum(axis=axis, dtype=dtype, out=st.array(out))
            return st.tensor(result) if out is None else out
        if axis is None:
            result = self.values().sum()
        elif self.ndim != 2:
            result = self.toarray().sum(axis=axis)
        else:
            axis = operator.index(axis[0] if isinstance(axis, tuple) and len(axis) == 1 else axis)
            if axis not in (-2, -1, 0, 1):
                raise ValueError(f"sum: axis {axis} does not exist in an array of 2 dimensions")
            ones = _C.ones(self._shape[axis], dtype=self.values().dtype)
            result = ones @ self if axis % 2 == 0 else self @ ones
        return result if dtype is None else result.to(np.dtype(dtype))

    def mean(self, axis: Any = None, dtype: Any = None, out: Any = None) -> Any:
        """The mean of all elements, or along an axis; dense."""
        if out is not None or not st.recorded(self._values):
            result = self._scipy("mean").mean(axis=axis, dtype=dtype, out=st.array(out))
            return st.tensor(result) if out is None else out
        total = self.sum(axis, dtype)
        return total / (self.numel() / max(total.numel(), 1))

    def _extreme(self, name: str, axis: Any, out: Any, explicit: bool) -> Any:
        plain = self._scipy(name)
        if not st.recorded(self._values) or explicit or out is not None or name not in ("max", "min"):
            return _wrapped(getattr(plain, name)(axis=axis, out=out, explicit=explicit))
        if axis is None:
            if self.numel() == 0:
                raise ValueError(f"{name}: an array of no elements has none")
            values = self._canonical().values()
            if self.nnz < self.numel():
                values = _ops["cat"]([values, _C.zeros(1, dtype=values.dtype)])
            return getattr(values, name)()
        return coo_array(_ops["a" + name](self.toarray(), axis))

    def max(self, axis: Any = None, out: Any = None, *, explicit: bool = False) -> Any:
        """The largest element, or (sparse) those along an axis; explicit: of those stored."""
        return self._extreme("max", axis, out, explicit)

    def min(self, axis: Any = None, out: Any = None, *, explicit: bool = False) -> Any:
        """The smallest element, or (sparse) those along an axis; explicit: of those stored."""
        return self._extreme("min", axis, out, explicit)

    def nanmax(self, axis: Any = None, out: Any = None, *, explicit: bool = False) -> Any:
        """max without NaN; not differentiable."""
        return self._extreme("nanmax", axis, out, explicit)

    def nanmin(self, axis: Any = None, out: Any = None, *, explicit: bool = False) -> Any:
        """min without NaN; not differentiable."""
        return self._extreme("nanmin", axis, out, explicit)

    # ---- elementwise ----

    def _mapped(self, name: str, row: Callable[[Any], Any], *args: Any) -> Any:
        """A function that keeps 0, of every element."""
        if not st.recorded(self._values):
            return _wrapped(getattr(self._scipy(name), name)(*args))
        source = self._canonical()
        return source._with_values(row(source.values()))

    def __neg__(self) -> Any:
        return self._mapped("__neg__", operator.neg)

    def __abs__(self) -> Any:
        return self._mapped("__abs__", abs)

    abs = __abs__

    def __round__(self, ndigits: int = 0) -> Any:
        return self._mapped("__round__", lambda v: _ops["round"](v, decimals=ndigits), ndigits)

    def conjugate(self, copy: bool = True) -> Any:
        """Complex conjugates."""
        return self._mapped("conjugate", _ops["conj"])

    conj = conjugate

    @property
    def real(self) -> Any:
        """Real parts."""
        return self._mapped("_real", lambda v: v.real)

    @property
    def imag(self) -> Any:
        """Imaginary parts."""
        return self._mapped("_imag", lambda v: v.imag)

    def power(self, n: Any, dtype: Any = None) -> Any:
        """Every element to the power n, a number other than 0."""
        n = n.item() if isinstance(n, Tensor) and n.ndim == 0 else n
        if not st.recorded(self._values) or dtype is not None or not np.isscalar(n) or not n:
            return _wrapped(self._scipy("power").power(n, dtype=dtype))
        return self._mapped("power", lambda v: v**n)

    def __pow__(self, n: Any) -> Any:
        return self.power(n)

    def _union(self, other: Any, f: Callable[[Any, Any], Any]) -> Any:
        """f of two arrays of one shape, where either has entries; recorded."""
        if self._shape != other.shape:
            raise _C.ShapeMismatchError(self._shape, tuple(other.shape))
        mine, theirs = self.tocoo(), _as_ours(other).tocoo()
        coords = tuple(np.concatenate(pair) for pair in zip(mine.coords, theirs.coords, strict=True))
        places, number = st.distinct(coords, self._shape)
        count, cut = len(places[0]), mine.nnz
        values = f(st.summed(mine.values(), number[:cut], count), st.summed(theirs.values(), number[cut:], count))
        made = _scipy.coo_array((np.arange(1, count + 1), places), shape=self._shape)
        made.has_canonical_format = True
        format = self.format if self.format != "coo" else "csr" if self.ndim < 3 else "coo"
        made = made.asformat(format)
        return FORMATS[format]._sharing(made, st.chosen(values, made.data))

    def _binary(self, name: str, other: Any, f: Callable[[Any, Any], Any]) -> Any:
        """+, - and their like: SciPy's unless recorded."""
        tracked = st.recorded(self._values, _values_of(other))
        if not tracked and not isinstance(other, Tensor):
            return _wrapped(getattr(self._scipy(name), name)(_plain(other, name)))
        if st.scalar(other) and not tracked:
            return _wrapped(getattr(self._scipy(name), name)(other.item()))
        if st.scalar(other):
            if other != 0:
                raise NotImplementedError(f"{name}: a number other than 0 would fill the array")
            return self.copy() if name != "__rsub__" else -self
        if st.is_sparse(other):
            return self._union(other, f)
        return f(self.toarray(), st.tensor(other))

    def __add__(self, other: Any) -> Any:
        return self._binary("__add__", other, operator.add)

    def __radd__(self, other: Any) -> Any:
        return self._binary("__radd__", other, lambda a, b: b + a)

    def __sub__(self, other: Any) -> Any:
        return self._binary("__sub__", other, operator.sub)

    def __rsub__(self, other: Any) -> Any:
        return self._binary("__rsub__", other, lambda a, b: b - a)

    def maximum(self, other: Any) -> Any:
        """The larger of every two elements."""
        return self._binary("maximum", other, _ops["maximum"])

    def minimum(self, other: Any) -> Any:
        """The smaller of every two elements."""
        return self._binary("minimum", other, _ops["minimum"])

    def multiply(self, other: Any) -> Any:
        """The product of every two elements, sparse; a dense operand is broadcast."""
        if not isinstance(other, Tensor) and not st.recorded(self._values, _values_of(other)):
            return _wrapped(self._scipy("multiply").multiply(_plain(other, "multiply")))
        if st.scalar(other):
            return self._with_values(self.values() * other)
        if st.is_sparse(other):
            return self._intersection(other)
        dense = st.tensor(other)
        if np.broadcast_shapes(self._shape, tuple(dense.shape)) != self._shape:
            return self.toarray() * dense
        coo = self.tocoo()
        index = tuple(st.tensor(c) for c in coo.coords)
        return coo._with_values(coo.values() * _ops["broadcast_to"](dense, self._shape)[index])

    def _intersection(self, other: Any) -> Any:
        """The product of two arrays of one shape, where both have entries; recorded."""
        if self._shape != other.shape:
            raise _C.ShapeMismatchError(self._shape, tuple(other.shape))
        if self.ndim > 2:
            return self.reshape(1, -1).tocsr()._intersection(_as_ours(other).reshape(1, -1)).reshape(self._shape)
        mine = (self if self.format != "coo" else self.tocsr())._canonical()
        theirs = _as_ours(other).asformat(mine.format)._canonical()
        a, b = mine._scipy("multiply"), theirs._scipy("multiply")
        ones_a, ones_b = (p._with_data(np.ones(len(p.data), dtype=np.int64)) for p in (a, b))
        in_a, in_b = st.positions(a).multiply(ones_b), ones_a.multiply(st.positions(b))
        values = st.chosen(mine.values(), in_a.data) * st.chosen(theirs.values(), in_b.data)
        return type(mine)._sharing(in_a, values)

    def __mul__(self, other: Any) -> Any:
        return self.multiply(other)

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> Any:
        if not isinstance(other, Tensor) and not st.recorded(self._values, _values_of(other)):
            return _wrapped(self._scipy("__truediv__") / _plain(other, "__truediv__"))
        if st.scalar(other):
            return self._with_values(self.values() / other)
        if st.is_sparse(other):
            return self.toarray() / _as_ours(other).toarray()
        return self.multiply(1 / st.tensor(other))

    def __rtruediv__(self, other: Any) -> Any:
        return NotImplemented

    def _inplace(self, name: str, other: Any) -> Any:
        if not st.scalar(other):
            return NotImplemented
        self._refuse_recorded(name)
        getattr(self._array, name)(st.array(other))
        return self

    def __imul__(self, other: Any) -> Any:
        return self._inplace("__imul__", other)

    def __itruediv__(self, other: Any) -> Any:
        return self._inplace("__itruediv__", other)

    def _compared(self, name: str, other: Any) -> Any:
        other = other.item() if isinstance(other, Tensor) and other.ndim == 0 else other
        return _wrapped(getattr(self._scipy(name), name)(_plain(other, name)))

    def __eq__(self, other: Any) -> Any:
        return self._compared("__eq__", other)

    def __ne__(self, other: Any) -> Any:
        return self._compared("__ne__", other)

    def __lt__(self, other: Any) -> Any:
        return self._compared("__lt__", other)

    def __le__(self, other: Any) -> Any:
        return self._compared("__le__", other)

    def __gt__(self, other: Any) -> Any:
        return self._compared("__gt__", other)

    def __ge__(self, other: Any) -> Any:
        return self._compared("__ge__", other)

    __hash__ = None  # type: ignore[assignment]

    # ---- products ----

    def _parts(self) -> tuple[Any, Any, bool]:
        """(indices, indptr, is it the transpose whose lines these are?) of CSR and CSC."""
        return self.indices, self.indptr, self.format == "csc"

    def _times_dense(self, x: Any, transposed: bool) -> Any:
        """self @ x, or its transpose times x, for a dense vector or matrix."""
        if self.format == "coo":
            return self.tocsr()._times_dense(x, transposed)
        values = self.values()
        if not isinstance(x, Tensor):
            values = _ops_cast(values, np.result_type(self.dtype, x.dtype))
        indices, indptr, turned = self._parts()
        count = self._shape[0] if turned else self._shape[1]
        if values.shape[0] != len(indices):
            raise _C.TensorError(f"matmul: {values.shape[0]} entries, {len(indices)} indices")
        return _ops["sparse_matmul"](values, indices, indptr, x, count, turned != transposed)

    def _dense_operand(self, other: Any, inner: int, left: bool) -> Any:
        if not isinstance(other, (Tensor, np.ndarray)):
            other = np.asarray(other)
        if st.scalar(other):
            raise ValueError("matmul: a number is no matrix, use * instead")
        if other.shape[-1 if left else 0] != inner:
            shapes = (tuple(other.shape), self._shape) if left else (self._shape, tuple(other.shape))
            raise _C.ShapeMismatchError(*shapes)
        return other

    def __matmul__(self, other: Any) -> Any:
        if st.is_sparse(other):
            return self._times_sparse(other)
        other = self._dense_operand(other, self._shape[-1], False)
        tracked = st.recorded(self._values, other)
        if not tracked and (self.ndim != 2 or other.ndim > 2 or self.format == "coo"):
            return _wrapped(self._scipy("matmul") @ st.array(other))
        if self.ndim != 2 or other.ndim > 2:
            return self.toarray() @ st.tensor(other)
        return self._times_dense(other, False)

    def __rmatmul__(self, other: Any) -> Any:
        other = self._dense_operand(other, self._shape[-2 if self.ndim > 1 else -1], True)
        if self.ndim != 2 or other.ndim > 2:
            return st.tensor(other) @ self.toarray()
        if other.ndim == 1:
            return self._times_dense(other, True)
        return self._times_dense(other.T, True).T

    def _times_sparse(self, other: Any) -> Any:
        if not st.recorded(self._values, _values_of(other)):
            return _wrapped(self._scipy("matmul") @ _plain(other, "matmul"))
        if self.ndim != 2 or other.ndim != 2:
            return self.toarray() @ _as_ours(other).toarray()
        if self._shape[1] != other.shape[0]:
            raise _C.ShapeMismatchError(self._shape, tuple(other.shape))
        a, b = self.tocsr()._canonical(), _as_ours(other).tocsr()._canonical()
        made = a._scipy("matmul") @ b._scipy("matmul")
        values = _ops["sparse_product"](
            a.values(), a.indices, a.indptr, b.values(), b.indices, b.indptr, made.indices, made.indptr, made.shape[1]
        )
        result = csr_array._sharing(made, values)
        return result.asformat(self.format) if self.format == "csc" else result

    def dot(self, other: Any) -> Any:
        """self @ other, or self * other for a number."""
        return self * other if st.scalar(other) else self @ other

    def matmul(self, other: Any) -> Any:
        """self @ other."""
        return self @ other

    mm = mv = matvec = matmat = matmul

    def rmatvec(self, x: Any) -> Any:
        """The conjugate transpose times x."""
        return self.conj().T @ x

    rmatmat = rmatvec


def _ops_cast(values: Any, dtype: Any) -> Any:
    return values if values.dtype == dtype else values.to(dtype)


def _as_ours(x: Any) -> Any:
    """A sparse array of ours on x's memory; formats other than CSR, CSC and COO become CSR."""
    if isinstance(x, SparseArray):
        return x
    if x.format not in FORMATS:
        x = x.tocsr()
    return FORMATS[x.format](x)


def _zero_keeping(name: str, row: str) -> Callable[[Any], Any]:
    def method(self: Any) -> Any:
        return self._mapped(name, _ops[row])

    method.__name__ = name
    method.__doc__ = f"{name} of every element; it keeps 0."
    return method


for _name, _row in {
    "sin": "sin", "tan": "tan", "arcsin": "asin", "arctan": "atan", "sinh": "sinh", "tanh": "tanh",
    "arcsinh": "asinh", "arctanh": "atanh", "rint": "round", "sign": "sign", "expm1": "expm1", "log1p": "log1p",
    "deg2rad": "deg2rad", "rad2deg": "rad2deg", "floor": "floor", "ceil": "ceil", "trunc": "trunc", "sqrt": "sqrt",
}.items():  # fmt: skip
    setattr(SparseArray, _name, _zero_keeping(_name, _row))


def _entries(dense: Any) -> Any:
    """The elements of a dense tensor other than 0, recorded."""
    where = np.nonzero(dense.detach().numpy())
    plain = _scipy.coo_array((np.zeros(len(where[0]), dtype=dense.detach().numpy().dtype), where), shape=tuple(dense.shape))
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


FORMATS: dict[str, Any] = {"csr": csr_array, "csc": csc_array, "coo": coo_array}
