"""scipy.sparse.linalg with tensors: spsolve and norm are differentiable; the other functions are SciPy's, given the
memory of tensors, and their arrays come back as tensors.  SciPy's own functions take our sparse arrays, too.

>>> import rustorch as rt
>>> A = rt.sparse.csr_array(rt.tensor([[2.0, 0.0], [1.0, 4.0]]))
>>> rt.sparse.linalg.spsolve(A, rt.tensor([2.0, 9.0]))
tensor([1.0, 2.0])
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
from scipy.sparse import linalg as _scipy

from .. import _C
from ..autograd import Function
from . import _structure as st
from ._arrays import SparseArray
from ._memory import as_ours, wrapped

_ops: dict[str, Any] = _C.ops
Tensor: Any = _C.Tensor


class _Solve(Function):
    """x with A x = b, or A^H x = b where `adjoint`, for the entries of A in CSC.

    With v the solution of the adjoint system for g: g_b = v and g_A = -v x^H (its adjoint where `adjoint`)."""

    @staticmethod
    def forward(ctx: Any, values: Any, b: Any, matrix: Any, factors: Any, adjoint: bool) -> Any:
        x = st.tensor(factors.solve(np.asarray(b.detach().numpy(), dtype=matrix.dtype), "H" if adjoint else "N"))
        ctx.save_for_backward(values, x)
        ctx.matrix, ctx.factors, ctx.adjoint = matrix, factors, adjoint
        return x

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        values, x = ctx.saved_tensors
        v = _Solve.apply(values, g, ctx.matrix, ctx.factors, not ctx.adjoint)
        lines = ctx.matrix.indices, ctx.matrix.indptr    # of columns: samples take the column's side first
        pair = (v.conj(), x) if ctx.adjoint else (x.conj(), v)
        return -_ops["sparse_sample"](*pair, *lines), v, None, None, None


def spsolve(A: Any, b: Any, permc_spec: Any = None, use_umfpack: bool = True) -> Any:
    """The solution x of A @ x = b for a square sparse A; b a vector or a matrix (N, K), dense or sparse.

    Differentiable in A's entries and in b.  Source: SuperLU.  RuntimeError: A is singular."""
    a = (as_ours(A) if st.is_sparse(A) else as_ours(_scipy_csc(A))).tocsc()._canonical()
    if a.ndim != 2 or a.shape[0] != a.shape[1]:
        raise _C.TensorError(f"spsolve: the matrix must be square, its shape is {a.shape}")
    if st.is_sparse(b):
        return wrapped(_scipy.spsolve(a._scipy("spsolve"), st.array(b), permc_spec, use_umfpack))
    b = b if isinstance(b, Tensor) else st.tensor(np.asarray(b))
    if b.ndim not in (1, 2) or b.shape[0] != a.shape[0]:
        raise _C.ShapeMismatchError(a.shape, tuple(b.shape))
    kind = np.result_type(a.dtype, b.dtype, np.float32)
    kind = np.dtype(np.float64) if kind.char not in "fdFD" else kind
    a, b = a.astype(kind, copy=False), b if b.dtype == kind else b.to(kind)
    plain = a._scipy("spsolve")
    factors = _scipy.splu(plain, permc_spec=permc_spec or "COLAMD")
    flat = b.ndim == 2 and b.shape[1] == 1
    return _Solve.apply(a.values(), b.reshape(-1) if flat else b, plain, factors, False)


def _scipy_csc(A: Any) -> Any:
    from scipy.sparse import csc_array

    return csc_array(st.array(A))


def norm(x: Any, ord: Any = None, axis: Any = None) -> Any:
    """The norm of a sparse array, Frobenius' by default (differentiable)."""
    if isinstance(x, SparseArray) and ord in (None, "fro") and axis is None:
        return _ops["norm2"](x._canonical().values())
    return wrapped(_scipy.norm(x._scipy("norm") if isinstance(x, SparseArray) else x, ord, axis))


def _tensors(result: Any) -> Any:
    if isinstance(result, tuple):
        return type(result)(*map(_tensors, result)) if hasattr(result, "_fields") else tuple(map(_tensors, result))
    return wrapped(result) if isinstance(result, np.ndarray) or st.is_sparse(result) else result


def _given(x: Any) -> Any:
    return x._scipy("linalg") if isinstance(x, SparseArray) else st.array(x)


def __getattr__(name: str) -> Any:
    """SciPy's function of that name, on the memory of tensors."""
    found = getattr(_scipy, name, None)
    if found is None or name.startswith("_"):
        raise AttributeError(f"module 'rustorch.sparse.linalg' has no attribute {name!r}")
    if isinstance(found, type) or not callable(found):
        return found

    @functools.wraps(found)
    def call(*args: Any, **keywords: Any) -> Any:
        return _tensors(found(*map(_given, args), **{k: _given(v) for k, v in keywords.items()}))

    globals()[name] = call
    return call


def __dir__() -> list[str]:
    return sorted({*globals(), *_scipy.__all__})
