"""Singular value decompositions of low rank by random projections (Halko, Martinsson and Tropp, 2009,
algorithms 4.4 and 5.1).

>>> import rustorch as rt
>>> A = rt.outer(rt.arange(1.0, 6), rt.arange(1.0, 5))
>>> U, S, V = rt.svd_lowrank(A, q=2)
>>> rt.allclose((U * S) @ V.mT, A, atol=1e-4)
True
"""

from __future__ import annotations

from typing import Any

from . import _C

_ops: dict[str, Any] = _C.ops


def _basis(A: Any, q: int, niter: int) -> Any:
    """Orthonormal columns (..., m, q) whose span nearly holds A's."""
    R = _C.randn(A.shape[-1], q, dtype=A.dtype)
    adjoint = A.mH
    Q = _ops["linalg_qr"](_ops["matmul"](A, R), "reduced")[0]
    for _ in range(niter):
        Q = _ops["linalg_qr"](_ops["matmul"](adjoint, Q), "reduced")[0]
        Q = _ops["linalg_qr"](_ops["matmul"](A, Q), "reduced")[0]
    return Q


def svd_lowrank(A: Any, q: int | None = 6, niter: int | None = 2, M: Any = None) -> tuple[Any, Any, Any]:
    """(U, S, V) with A - M nearly U @ diag(S) @ V^H.

    Args:
        A: (..., m, n).
        q: number of singular values, at most min(m, n); a little more than the rank that is looked for.
        niter: power iterations, which sharpen the subspace.
        M: (..., m, n), taken off A first.

    Raises:
        ValueError: q or niter is out of range.
    """
    q, niter = 6 if q is None else q, 2 if niter is None else niter
    if A.ndim < 2:
        raise _C.TensorError(f"svd_lowrank: needs a matrix, not shape {tuple(A.shape)}")
    m, n = A.shape[-2:]
    if not 0 <= q <= min(m, n):
        raise ValueError(
            f"svd_lowrank: q (={q}) must be non-negative integer and not greater than min(m, n)={min(m, n)}"
        )
    if niter < 0:
        raise ValueError(f"svd_lowrank: niter (={niter}) must be non-negative integer")
    X = A if M is None else A - M.expand(tuple(A.shape))
    wide = m < n
    X = X.mH if wide else X
    Q = _basis(X, q, niter)
    U, S, Vh = _ops["linalg_svd"](_ops["matmul"](Q.mH, X), False)
    U, V = _ops["matmul"](Q, U), Vh.mH
    return (V, S, U) if wide else (U, S, V)


def pca_lowrank(A: Any, q: int | None = None, center: bool = True, niter: int = 2) -> tuple[Any, Any, Any]:
    """svd_lowrank of A (..., m, n) with the means of its columns taken off unless center is false; V's columns are
    the principal directions of A's rows.

    q: at most min(m, n), None: 6 or that.  ValueError when q or niter is out of range."""
    m, n = A.shape[-2:]
    q = min(6, m, n) if q is None else q
    if not 0 <= q <= min(m, n):
        raise ValueError(
            f"pca_lowrank: q (={q}) must be non-negative integer and not greater than min(m, n)={min(m, n)}"
        )
    if niter < 0:
        raise ValueError(f"pca_lowrank: niter (={niter}) must be non-negative integer")
    return svd_lowrank(A - _ops["mean"](A, -2, True) if center else A, q, niter)
