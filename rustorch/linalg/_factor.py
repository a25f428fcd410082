"""Factorisations: Cholesky, LU, QR, Householder reflectors, LDL."""

from __future__ import annotations

from typing import Any

from .. import _C
from ._results import (
    cholesky_ex_result,
    geqrf_result,
    ldl_factor_ex_result,
    ldl_factor_result,
    lu_factor_ex_result,
    lu_factor_result,
    lu_result,
    matrix,
    operator,
    qr_result,
    zeros_of,
)
from .rules import adjoint

_ops: dict[str, Any] = _C.ops


@operator()
def cholesky(A: Any, *, upper: bool = False) -> Any:
    """The lower triangular L with A = L @ L^H, or with upper=True U with A = U^H @ U.

    A: Hermitian positive-definite (..., n, n); only the named triangle is read.
    Raises LinAlgError, naming the batch element, when A is not positive-definite."""
    return _ops["linalg_cholesky"](A, upper, True)[0]


@operator()
def cholesky_ex(A: Any, *, upper: bool = False, check_errors: bool = False) -> Any:
    """(L, info): as cholesky, but failures are told by info, the order of the first minor that is not positive."""
    return cholesky_ex_result(*_ops["linalg_cholesky"](A, upper, check_errors))


@operator()
def lu_factor_ex(A: Any, *, pivot: bool = True, check_errors: bool = False) -> Any:
    """(LU, pivots, info): as lu_factor; info is the number of the first zero on U's diagonal."""
    return lu_factor_ex_result(*_ops["linalg_lu_factor"](A, pivot, check_errors))


@operator()
def lu_factor(A: Any, *, pivot: bool = True) -> Any:
    """(LU, pivots): L below and U on and above the diagonal of one (..., m, n) matrix, row swaps counted from 1.

    A singular matrix is no error, as in PyTorch on the CPU: its U has a zero on the diagonal."""
    return lu_factor_result(*_ops["linalg_lu_factor"](A, pivot, False)[:2])


def _permutation(pivots: Any, rows: int, dtype: Any) -> Any:
    order = _ops["linalg_lu_permutation"](pivots, rows)
    shape = (*order.shape, rows)
    turned = _C.zeros(*shape, dtype=dtype) if 0 not in shape else _C.zeros(shape, dtype=dtype)
    if turned.numel() == 0:
        return turned
    return _ops["scatter"](turned, -2, order.unsqueeze(-2), _C.ones(tuple(order.unsqueeze(-2).shape), dtype=dtype))


def unpack(LU: Any, pivots: Any, unpack_data: bool = True, unpack_pivots: bool = True) -> Any:
    """(P, L, U) of lu_factor's result; what is not asked for is an empty tensor."""
    matrix("lu_unpack", LU)
    if unpack_pivots and str(pivots.dtype) != "int32":
        raise _C.DtypeError(f"lu_unpack: the pivots must be int32, not {pivots.dtype}")
    m, n = LU.shape[-2:]
    k = min(m, n)
    empty = _C.empty(0, dtype=LU.dtype)
    p, lower, upper = empty, empty, empty
    if unpack_pivots:
        p = _permutation(pivots, m, LU.dtype)
    if unpack_data:
        narrow = _ops["narrow"]
        lower = _ops["tril"](narrow(LU, -1, 0, k), -1)
        lower = lower + _C.eye(m, k, dtype=LU.dtype)
        upper = _ops["triu"](narrow(LU, -2, 0, k))
    return lu_result(p, lower, upper)


@operator()
def lu(A: Any, *, pivot: bool = True) -> Any:
    """(P, L, U) with A = P @ L @ U; L is (..., m, k), U (..., k, n), k = min(m, n)."""
    packed, pivots, _ = _ops["linalg_lu_factor"](A, pivot, False)
    return unpack(packed, pivots)


@operator()
def qr(A: Any, mode: str = "reduced") -> Any:
    """(Q, R) with A = Q @ R; mode "reduced", "complete" (Q square) or "r" (Q empty).

    Without gradient for "r", and for "complete" with more rows than columns."""
    if mode not in ("reduced", "complete", "r"):
        raise ValueError(f"linalg.qr: mode must be 'reduced', 'complete' or 'r', not {mode!r}")
    return qr_result(*_ops["linalg_qr"](A, mode))


def geqrf(input: Any) -> Any:
    """(a, tau): R on and above the diagonal, Householder reflectors below it, and their scales."""
    return geqrf_result(*_ops["linalg_geqrf"](input))


def _reflected(a: Any, tau: Any, other: Any, backwards: bool, conjugated: bool) -> Any:
    """The reflectors of a, first to last or backwards, over other from the left; recorded step by step."""
    m, count = a.shape[-2], tau.shape[-1]
    unit = _ops["tril"](_ops["narrow"](a, -1, 0, count), -1) + _C.eye(m, count, dtype=a.dtype)
    scales = tau.conj() if conjugated else tau
    for i in reversed(range(count)) if backwards else range(count):
        v = _ops["narrow"](unit, -1, i, 1)
        scale = _ops["narrow"](scales, -1, i, 1).unsqueeze(-1)
        other = other - scale * (v @ (adjoint(v) @ other))
    return other


def _wants(*tensors: Any) -> bool:
    return _C.is_grad_enabled() and any(t.requires_grad for t in tensors)


@operator("input")
def householder_product(input: Any, tau: Any) -> Any:
    """The first n columns of the product of the reflectors in input's columns (below the diagonal) with scales
    tau.  input: (..., m, n) with m >= n, tau: (..., k) with k <= n; result (..., m, n)."""
    if not _wants(input, tau):
        return _ops["linalg_householder_product"](input, tau)
    _ops["linalg_householder_product"](input.detach(), tau.detach())
    start = _C.eye(input.shape[-2], input.shape[-1], dtype=input.dtype) + zeros_of(input)
    return _reflected(input, tau, start, True, False)


def ormqr(input: Any, tau: Any, other: Any, left: bool = True, transpose: bool = False) -> Any:
    """Q @ other, or other @ Q, with Q the full product of geqrf's reflectors; transpose: with Q^H."""
    if not _wants(input, tau, other):
        return _ops["linalg_ormqr"](input, tau, other, left, transpose)
    _ops["linalg_ormqr"](input.detach(), tau.detach(), other.detach(), left, transpose)
    if left:
        return _reflected(input, tau, other, not transpose, transpose)
    return adjoint(_reflected(input, tau, adjoint(other), transpose, not transpose))


@operator()
def ldl_factor_ex(A: Any, *, hermitian: bool = False, check_errors: bool = False) -> Any:
    """(LD, pivots, info): as ldl_factor; info is the number of the first singular block of D."""
    return ldl_factor_ex_result(*_ops["linalg_ldl_factor"](A, hermitian and A.dtype.kind == "c", check_errors))


@operator()
def ldl_factor(A: Any, *, hermitian: bool = False) -> Any:
    """(LD, pivots): L @ D @ L^T, or L @ D @ L^H when hermitian, of a symmetric or Hermitian (..., n, n) matrix
    whose lower triangle is read (Bunch and Kaufman's pivoting)."""
    return ldl_factor_result(*_ops["linalg_ldl_factor"](A, hermitian and A.dtype.kind == "c", False)[:2])


@operator("LD")
def ldl_solve(LD: Any, pivots: Any, B: Any, *, hermitian: bool = False) -> Any:
    """The solution X of A @ X = B from A's ldl_factor; B: (..., n, k)."""
    matrix("linalg.ldl_solve", B)
    return _ops["linalg_ldl_solve"](LD, pivots, B, hermitian and LD.dtype.kind == "c")
