"""Products of sparse arrays with dense and with sparse ones: the rows sparse_matmul and sparse_product."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import _C
from . import _structure as st
from ._memory import FORMATS, SparseMemory, as_ours, plain_of, values_of, wrapped

_ops: dict[str, Any] = _C.ops
Tensor: Any = _C.Tensor


class Products(SparseMemory):
    """The operator @ and its names."""

    def _parts(self) -> tuple[Any, Any, bool]:
        """(indices, indptr, is it the transpose whose lines these are?) of CSR and CSC."""
        return self.indices, self.indptr, self.format == "csc"

    def _multiplies(self, x: Any) -> bool:
        """Is x an ndarray that sparse_matmul takes as it is?"""
        if type(x) is not np.ndarray or len(self._shape) != 2 or self.format == "coo" or x.ndim not in (1, 2):
            return False
        return bool(x.shape[0] == self._shape[1] and x.dtype.char in "fdFD" and self.dtype.char in "fdFD")

    def _times_dense(self, x: Any, transposed: bool) -> Any:
        """self @ x, or its transpose times x, for a dense vector or matrix."""
        if self.format == "coo":
            if not st.recorded(self._values, x) and type(x) is Tensor and x.dtype == self.dtype:
                plain = self._scipy("matmul")
                return st.tensor((plain.T if transposed else plain) @ x.numpy())
            return self.tocsr()._times_dense(x, transposed)
        values = self.values()
        indices, indptr, turned = self._parts()
        count = self._shape[0] if turned else self._shape[1]
        if values.shape[0] != len(indices):
            raise _C.TensorError(f"matmul: {values.shape[0]} entries, {len(indices)} indices")
        return _ops["sparse_matmul"](values, indices, indptr, st.operand(x), count, turned != transposed)

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
        if type(other) is Tensor and other.ndim in (1, 2) and len(self._shape) == 2:
            return self._times_dense(other, False)
        if st.is_sparse(other):
            return self._times_sparse(other)
        other = self._dense_operand(other, self._shape[-1], False)
        plain = not isinstance(other, Tensor) and not st.recorded(self._values)
        if plain and (self.ndim != 2 or other.ndim > 2 or self.format == "coo"):
            return wrapped(self._scipy("matmul") @ other)
        if self.ndim != 2 or other.ndim > 2:
            return self._filled() @ st.operand(other)
        return self._times_dense(other, False)

    def __rmatmul__(self, other: Any) -> Any:
        if st.is_sparse(other):
            return as_ours(other) @ self
        other = self._dense_operand(other, self._shape[-2 if self.ndim > 1 else -1], True)
        if self.ndim != 2 or other.ndim > 2:
            return st.operand(other) @ self._filled()
        if other.ndim == 1:
            return self._times_dense(other, True)
        return self._times_dense(other.T, True).T

    def _times_sparse(self, other: Any) -> Any:
        if not st.recorded(self._values, values_of(other)):
            return wrapped(self._scipy("matmul") @ plain_of(other, "matmul"))
        if self.ndim != 2 or other.ndim != 2:
            return _C._as_arrays(self._filled() @ as_ours(other)._filled())
        if self._shape[1] != other.shape[0]:
            raise _C.ShapeMismatchError(self._shape, tuple(other.shape))
        a, b = self.tocsr()._canonical(), as_ours(other).tocsr()._canonical()
        made = a._scipy("matmul") @ b._scipy("matmul")
        values = _ops["sparse_product"](
            a.values(), a.indices, a.indptr, b.values(), b.indices, b.indptr, made.indices, made.indptr, made.shape[1]
        )
        result = FORMATS["csr"]._sharing(made, values)
        return result.asformat(self.format) if self.format == "csc" else result

    def dot(self, other: Any) -> Any:
        """self @ other, or self * other for a number."""
        return self * other if st.scalar(other) else self @ other

    def tensordot(self, other: Any, axes: Any = 2) -> Any:
        """Sums of products over several axes, for COO; not differentiable."""
        return wrapped(self._scipy("tensordot").tensordot(plain_of(other, "tensordot"), axes))

    def matmul(self, other: Any) -> Any:
        """self @ other."""
        return self @ other

    mm = mv = matvec = matmat = matmul

    def rmatvec(self, x: Any) -> Any:
        """The conjugate transpose times x."""
        return self.conj().T @ x

    rmatmat = rmatvec
