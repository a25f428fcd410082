"""Sparse arrays in other formats and shapes, their parts, and changes of them: entries that move, and are not computed
with."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import sparse as _scipy

from .. import _C
from . import _structure as st
from ._memory import FORMATS, SparseMemory, attribute_in_scipys_way, plain_of, wrapped

_ops: dict[str, Any] = _C.ops
Tensor: Any = _C.Tensor


class Conversions(SparseMemory):
    """Formats, shapes, elements."""

    def _moved(self, name: str, *args: Any, **keywords: Any) -> Any:
        """SciPy's method, which puts entries elsewhere and computes nothing: recorded as a choice of entries."""
        plain = self._scipy(name)
        if not st.recorded(self._values):
            return wrapped(getattr(plain, name)(*args, **keywords))
        moved = getattr(st.positions(plain), name)(*args, **keywords)
        if not st.is_sparse(moved):
            return _C._as_arrays(st.chosen(self.values(), np.asarray(moved)))
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
        plain = self._scipy("copy", False)
        if not st.recorded(self._values):
            return wrapped(plain.copy())
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
        plain = self._scipy("transpose", False).transpose(axes=axes)
        result = FORMATS[plain.format]._sharing(plain, self._values)
        return result.copy() if copy else result

    def t(self) -> Any:
        """The transpose."""
        return self.transpose()

    T = attribute_in_scipys_way("T", lambda self: self.transpose(), "The transpose.")
    mT = property(t)

    def sorted_indices(self) -> Any:
        """A copy with the entries of each line in order."""
        result = self.copy()
        result.sort_indices()
        return result

    def reshape(self, *shape: Any, **keywords: Any) -> Any:
        """Another shape, in COO format."""
        return self._moved("reshape", *shape, **keywords)

    def _filled(self) -> Any:
        """A dense Tensor, recorded."""
        plain = self._scipy("toarray")
        if not st.recorded(self._values):
            return st.tensor(plain.toarray())
        coo, size = plain.tocoo(copy=False), self.numel()
        if size == 0:
            return _C.zeros(self._shape, dtype=self.values().dtype)
        flat = np.ravel_multi_index(coo.coords, coo.shape)
        return st.summed(self.values(), flat, size).reshape(self._shape)

    def toarray(self, order: Any = None, out: Any = None) -> Any:
        """A dense array; out: where to write it."""
        if out is None and (order is None or st.recorded(self._values)):
            return _C._as_arrays(self._filled())
        plain = self._scipy("toarray").toarray(order=order, out=st.array(out))
        return st.operand(plain) if out is None else out

    def todense(self, order: Any = None, out: Any = None) -> Any:
        """A dense array; out: where to write it."""
        return self.toarray(order, out)

    def to_dense(self, dtype: Any = None, *, masked_grad: Any = None) -> Any:
        """A dense Tensor, converted to dtype."""
        dense = self._filled()
        return dense if dtype is None else dense.to(dtype)

    def to_sparse(self, *, layout: Any = None) -> Any:
        """The same in the format of a layout, COO when there is none."""
        return self.tocoo() if layout is None else self.asformat(str(layout).rsplit("_", 1)[-1])

    to_sparse_coo, to_sparse_csr, to_sparse_csc = tocoo, tocsr, tocsc

    def astype(self, dtype: Any, casting: str = "unsafe", copy: bool = True) -> Any:
        """Entries converted to dtype."""
        if not st.recorded(self._values):
            return wrapped(self._scipy("astype").astype(dtype, casting=casting, copy=copy))
        kind = np.dtype(dtype)
        if kind == self.dtype:
            return self.copy() if copy else self
        return self._with_values(self.values().to(kind))

    # ---- parts ----

    def __getitem__(self, key: Any) -> Any:
        key = st.arrays(key)
        if st.recorded(self._values):
            return self._canonical()._moved("__getitem__", key)
        line = key[0] if type(key) is tuple and key else key
        if type(line) is int and self.format == "csr" and len(self._shape) == 2 and self._line_lies(line):
            rest = key[1:] if type(key) is tuple else ()
            if all(type(k) in (int, slice) for k in rest):
                return wrapped(self._scipy("__getitem__", False)[key])     # reads one line, compares its indices
        return self._moved("__getitem__", key)

    def _line_lies(self, line: int) -> bool:
        """Is a line of CSR within the entries?  IndexError is left to SciPy."""
        if not -self._shape[0] <= line < self._shape[0] or len(self.indptr) != self._shape[0] + 1:
            return False
        line += self._shape[0] if line < 0 else 0
        first, last = self.indptr[line], self.indptr[line + 1]
        return bool(0 <= first <= last <= min(len(self.indices), len(self._array)))

    def __setitem__(self, key: Any, value: Any) -> None:
        self._refuse_recorded("assignment to elements")
        plain = self._scipy("__setitem__")
        plain[st.arrays(key)] = plain_of(value, "__setitem__")
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
