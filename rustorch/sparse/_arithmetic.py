"""Elementwise functions of sparse arrays, and reductions.  What is not recorded is SciPy's work; what is recorded is
computed on the entries as a tensor."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import sparse as _scipy

from .. import _C
from . import _structure as st
from ._memory import FORMATS, SparseMemory, as_ours, attribute_in_scipys_way, plain_of, values_of, wrapped

_ops: dict[str, Any] = _C.ops
Tensor: Any = _C.Tensor


class Arithmetic(SparseMemory):
    """Sums, extremes, functions, operators."""

    # ---- reductions ----

    def sum(self, axis: Any = None, dtype: Any = None, out: Any = None) -> Any:
        """The sum of all elements, or along an axis; a dense array."""
        if out is not None or not st.recorded(self._values):
            result = self._scipy("sum").sum(axis=axis, dtype=dtype, out=st.array(out))
            return st.operand(result) if out is None else out
        result = self._summed(axis)
        return _C._as_arrays(result if dtype is None else result.to(np.dtype(dtype)))

    def _summed(self, axis: Any) -> Any:
        if axis is None:
            return self.values().sum()
        if self.ndim != 2 or isinstance(axis, tuple):
            return self._filled().sum(axis)
        axis = operator.index(axis)
        if axis not in (-2, -1, 0, 1):
            raise ValueError(f"sum: axis {axis} does not exist in an array of 2 dimensions")
        ones = _C.ones(self._shape[axis], dtype=self.values().dtype)
        return ones @ self if axis % 2 == 0 else self @ ones

    def mean(self, axis: Any = None, dtype: Any = None, out: Any = None) -> Any:
        """The mean of all elements, or along an axis; a dense array."""
        if out is not None or not st.recorded(self._values):
            result = self._scipy("mean").mean(axis=axis, dtype=dtype, out=st.array(out))
            return st.operand(result) if out is None else out
        total = self.sum(axis, dtype)
        return total / (self.numel() / max(total.numel(), 1))

    def _extreme(self, name: str, axis: Any, out: Any, explicit: bool) -> Any:
        plain = self._scipy(name)
        if not st.recorded(self._values) or explicit or out is not None or name not in ("max", "min"):
            keywords = {"explicit": True} if explicit else {}
            return wrapped(getattr(plain, name)(axis=axis, out=out, **keywords))
        if axis is None:
            if self.numel() == 0:
                raise ValueError(f"{name}: an array of no elements has none")
            values = self._canonical().values()
            if self.nnz < self.numel():
                values = _ops["cat"]([values, _C.zeros(1, dtype=values.dtype)])
            return _C._as_arrays(_ops["a" + name](values))
        return FORMATS["coo"](_ops["a" + name](self._filled(), axis))

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

    def argmax(self, *args: Any, **keywords: Any) -> Any:
        """Where the largest element is, in the flattened array or along an axis."""
        return wrapped(self._scipy("argmax").argmax(*args, **keywords))

    def argmin(self, *args: Any, **keywords: Any) -> Any:
        """Where the smallest element is, in the flattened array or along an axis."""
        return wrapped(self._scipy("argmin").argmin(*args, **keywords))

    def count_nonzero(self, *args: Any, **keywords: Any) -> Any:
        """The number of elements other than 0, of all or along an axis."""
        return wrapped(self._scipy("count_nonzero").count_nonzero(*args, **keywords))

    # ---- elementwise ----

    def _mapped(self, name: str, row: Callable[[Any], Any], *args: Any) -> Any:
        """A function that keeps 0, of every element."""
        if not st.recorded(self._values):
            return wrapped(getattr(self._scipy(name), name)(*args))
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

    real = attribute_in_scipys_way("real", lambda self: self._mapped("_real", lambda v: v.real), "Real parts.")
    imag = attribute_in_scipys_way("imag", lambda self: self._mapped("_imag", lambda v: v.imag), "Imaginary parts.")

    def power(self, n: Any, dtype: Any = None) -> Any:
        """Every element to the power n, a number other than 0."""
        n = n.item() if isinstance(n, Tensor) and n.ndim == 0 else n
        if not st.recorded(self._values) or dtype is not None or not np.isscalar(n) or not n:
            return wrapped(self._scipy("power").power(n, dtype=dtype))
        return self._mapped("power", lambda v: v**n)

    def __pow__(self, n: Any) -> Any:
        return self.power(n)

    def _union(self, other: Any, f: Callable[[Any, Any], Any]) -> Any:
        """f of two arrays of one shape, where either has entries; recorded."""
        if self._shape != other.shape:
            raise _C.ShapeMismatchError(self._shape, tuple(other.shape))
        mine, theirs = self.tocoo(), as_ours(other).tocoo()
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
        tracked = st.recorded(self._values, values_of(other))
        if not tracked and not isinstance(other, Tensor):
            return wrapped(getattr(self._scipy(name), name)(plain_of(other, name)))
        if st.scalar(other) and not tracked:
            return wrapped(getattr(self._scipy(name), name)(other.item()))
        if st.scalar(other):
            if other != 0:
                raise NotImplementedError(f"{name}: a number other than 0 would fill the array")
            return self.copy() if name != "__rsub__" else -self
        if st.is_sparse(other):
            return self._union(other, f)
        return f(self._filled(), st.operand(other))

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
        if not isinstance(other, Tensor) and not st.recorded(self._values, values_of(other)):
            plain = self._scipy("multiply", not np.isscalar(other))
            return wrapped(plain.multiply(plain_of(other, "multiply")))
        if st.scalar(other):
            return self._with_values(self.values() * other)
        if st.is_sparse(other):
            return self._intersection(other)
        dense = st.operand(other)
        if np.broadcast_shapes(self._shape, tuple(dense.shape)) != self._shape:
            return self._filled() * dense
        coo = self.tocoo()
        index = tuple(st.tensor(c) for c in coo.coords)
        return coo._with_values(coo.values() * _ops["broadcast_to"](dense, self._shape)[index])

    def _intersection(self, other: Any) -> Any:
        """The product of two arrays of one shape, where both have entries; recorded."""
        if self._shape != other.shape:
            raise _C.ShapeMismatchError(self._shape, tuple(other.shape))
        if self.ndim > 2:
            return self.reshape(1, -1).tocsr()._intersection(as_ours(other).reshape(1, -1)).reshape(self._shape)
        mine = (self if self.format != "coo" else self.tocsr())._canonical()
        theirs = as_ours(other).asformat(mine.format)._canonical()
        a, b = mine._scipy("multiply"), theirs._scipy("multiply")
        ones_a, ones_b = (p._with_data(np.ones(len(p.data), dtype=np.int64)) for p in (a, b))
        in_a, in_b = st.positions(a).multiply(ones_b), ones_a.multiply(st.positions(b))
        values = st.chosen(mine.values(), in_a.data) * st.chosen(theirs.values(), in_b.data)
        return type(mine)._sharing(in_a, values)

    def __mul__(self, other: Any) -> Any:
        return self.multiply(other)

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> Any:
        if not isinstance(other, Tensor) and not st.recorded(self._values, values_of(other)):
            return wrapped(self._scipy("__truediv__") / plain_of(other, "__truediv__"))
        if st.scalar(other):
            return self._with_values(self.values() / other)
        if st.is_sparse(other):
            return _C._as_arrays(self._filled() / as_ours(other)._filled())
        return self.multiply(1 / st.operand(other))

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
        return wrapped(getattr(self._scipy(name), name)(plain_of(other, name)))

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


def _zero_keeping(name: str, row: str) -> Callable[[Any], Any]:
    def method(self: Any) -> Any:
        return self._mapped(name, _ops[row])

    method.__name__ = name
    method.__doc__ = f"{name} of every element; it keeps 0."
    return method


FUNCTIONS = {
    "sin": "sin", "tan": "tan", "arcsin": "asin", "arctan": "atan", "sinh": "sinh", "tanh": "tanh",
    "arcsinh": "asinh", "arctanh": "atanh", "rint": "round", "sign": "sign", "expm1": "expm1", "log1p": "log1p",
    "deg2rad": "deg2rad", "rad2deg": "rad2deg", "floor": "floor", "ceil": "ceil", "trunc": "trunc", "sqrt": "sqrt",
}  # fmt: skip
for _name, _row in FUNCTIONS.items():
    setattr(Arithmetic, _name, _zero_keeping(_name, _row))
