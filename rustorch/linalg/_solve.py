"""Systems of equations, inverses, determinants, least squares, pseudo-inverses."""

from __future__ import annotations

import math
from typing import Any

from .. import _C
from ..autograd.function import Function
from . import rules
from ._results import (
    inexact,
    inv_ex_result,
    is_vector_side,
    lstsq_result,
    matrix,
    operator,
    slogdet_result,
    solve_ex_result,
)
from .rules import adjoint

_ops: dict[str, Any] = _C.ops


def _solve(name: str, A: Any, B: Any, left: bool, check: bool) -> Any:
    matrix(name, A, square=True)
    vector = is_vector_side(A, B)
    if vector and not left:
        raise _C.TensorError(f"{name}: with left=False the right side must be a matrix, its shape is {tuple(B.shape)}")
    side = B.unsqueeze(-1) if vector else B
    if left:
        x, info = _ops["linalg_solve"](A, side, check)
        return x.squeeze(-1) if vector else x, info
    x, info = _ops["linalg_solve"](A.transpose(-2, -1), side.transpose(-2, -1), check)
    return x.transpose(-2, -1), info


@operator()
def solve(A: Any, B: Any, *, left: bool = True) -> Any:
    """The X with A @ X = B (left=False: X @ A = B).

    A: square (..., n, n); B: (..., n, k), or a batch of vectors (n,) or (..., n) with A's batch.
    Batches broadcast.  Raises LinAlgError, naming the batch element, when A is singular."""
    return _solve("linalg.solve", A, B, left, True)[0]


@operator()
def solve_ex(A: Any, B: Any, *, left: bool = True, check_errors: bool = False) -> Any:
    """(result, info): as solve, but info, not an error, tells of the first zero pivot."""
    return solve_ex_result(*_solve("linalg.solve_ex", A, B, left, check_errors))


@operator()
def inv(A: Any) -> Any:
    """The inverse of square matrices (..., n, n).  Raises LinAlgError, naming the batch element, for singular ones."""
    return _ops["linalg_inv"](A, True)[0]


@operator()
def inv_ex(A: Any, *, check_errors: bool = False) -> Any:
    """(inverse, info): as inv, but info, not an error, tells of the first zero pivot."""
    return inv_ex_result(*_ops["linalg_inv"](A, check_errors))


@operator()
def det(A: Any) -> Any:
    """Determinants of square matrices (..., n, n)."""
    return _ops["linalg_det"](A)


@operator()
def slogdet(A: Any) -> Any:
    """(sign, logabsdet): det(A) = sign * exp(logabsdet), without overflow; a singular matrix gives (0, -inf)."""
    return slogdet_result(*_ops["linalg_slogdet"](A))


@operator()
def logdet(A: Any) -> Any:
    """Logarithm of the determinant; NaN where that is negative."""
    sign, logarithm = _ops["linalg_slogdet"](A)
    if A.dtype.kind == "c":
        return _ops["log"](sign) + logarithm
    return _ops["where"](sign.detach() < 0, _C.full_like(logarithm, math.nan), logarithm)


@operator()
def solve_triangular(A: Any, B: Any, *, upper: bool, left: bool = True, unitriangular: bool = False) -> Any:
    """The X with A @ X = B (left=False: X @ A = B) for triangular A, whose other triangle is not read.

    unitriangular: the diagonal is taken for ones.  A zero on the diagonal gives infinities."""
    matrix("linalg.solve_triangular", A, square=True)
    matrix("linalg.solve_triangular", B)
    solve_ = _ops["linalg_solve_triangular"]
    if left:
        return solve_(A, B, upper, unitriangular)
    return solve_(A.transpose(-2, -1), B.transpose(-2, -1), not upper, unitriangular).transpose(-2, -1)


@operator("LU")
def lu_solve(LU: Any, pivots: Any, B: Any, *, left: bool = True, adjoint: bool = False) -> Any:
    """The X with A @ X = B (left=False: X @ A = B; adjoint: A^H) from A's lu_factor."""
    matrix("linalg.lu_solve", LU, square=True)
    matrix("linalg.lu_solve", B)
    if not (_C.is_grad_enabled() and (LU.requires_grad or B.requires_grad)) and left:
        return _ops["linalg_lu_solve"](LU, pivots, B, adjoint)
    if not left:  # X A = B is A^H X^H = B^H
        turned = rules.adjoint(B)
        return rules.adjoint(_lu_solve(LU, pivots, turned, not adjoint))
    return _lu_solve(LU, pivots, B, adjoint)


def _lu_solve(LU: Any, pivots: Any, B: Any, turned: bool) -> Any:
    """P L U X = B, or its adjoint, by triangles: recorded."""
    from ._factor import _permutation

    triangular = _ops["linalg_solve_triangular"]
    order = _permutation(pivots, LU.shape[-1], LU.dtype)
    if not turned:
        return triangular(LU, triangular(LU, adjoint(order) @ B, False, True), True)
    return order @ triangular(LU, triangular(LU, B, True, False, True), False, True, True)


class _CholeskySolve(Function):
    @staticmethod
    def forward(ctx: Any, B: Any, L: Any, upper: bool) -> Any:
        triangular = _ops["linalg_solve_triangular"]
        x = triangular(L, triangular(L, B, upper, False, upper), upper, False, not upper)
        ctx.upper = upper
        ctx.save_for_backward(B, L, x.detach())
        return x

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        """gB = A^-1 g; gA = -gB X^H goes to L through A = L L^H, or U^H U."""
        B, L, x = ctx.saved_tensors
        if _C.is_grad_enabled():
            x = _CholeskySolve.apply(B, L, ctx.upper)
        gb = _CholeskySolve.apply(grads[0], L, ctx.upper)
        if not ctx.needs_input_grad[1]:
            return gb, None, None
        both = gb @ adjoint(x)
        both = both + adjoint(both)
        return gb, -(L @ both) if ctx.upper else -(both @ L), None


def cholesky_solve(B: Any, L: Any, upper: bool) -> Any:
    """rustorch.cholesky_solve."""
    return _CholeskySolve.apply(B, L, upper)


_DRIVERS = {None: "gelsy", "gelsy": "gelsy", "gels": "gels", "gelsd": "gelsd", "gelss": "gelss"}


@operator()
def lstsq(A: Any, B: Any, rcond: float | None = None, *, driver: str | None = None) -> Any:
    """(solution, residuals, rank, singular_values) of the least-squares problem min |A @ X - B|.

    A: (..., m, n); B: (..., m, k) or (..., m).  rcond: singular values below rcond times the largest count as
    zero (default eps * max(m, n)).  driver: "gelsy" (default), "gels" (full rank), "gelsd", "gelss"; the
    last two give singular values, all but "gels" the rank.  residuals: squared, when m > n and the rank is
    full, else empty."""
    name = "linalg.lstsq"
    if driver not in _DRIVERS:
        raise ValueError(f"{name}: driver must be 'gels', 'gelsy', 'gelsd' or 'gelss', not {driver!r}")
    driver = _DRIVERS[driver]
    matrix(name, A)
    inexact(name, A)
    m, n = A.shape[-2:]
    vector = is_vector_side(A, B) and B.ndim < A.ndim
    side = B.unsqueeze(-1) if vector else B
    if rcond is None:
        rcond = _eps(A.dtype) * max(m, n)
    whole, rank, singular = _ops["linalg_lstsq"](A, side, driver, float(rcond))
    x = _ops["narrow"](whole, -2, 0, n)
    empty = _C.empty(0, dtype=singular.dtype)
    residuals = _ops["narrow"](x.reshape(-1), 0, 0, 0)
    residuals = _ops["real"](residuals) if residuals.dtype.kind == "c" else residuals
    if m > n and driver != "gelsy" and bool((rank == n).all() if driver != "gels" else True):
        difference = A @ x - side
        residuals = (difference * difference.conj()).sum(-2)
        residuals = _ops["real"](residuals) if residuals.dtype.kind == "c" else residuals
    rank = _C.empty(0, dtype="int64") if driver == "gels" else rank.to("int64")
    return lstsq_result(
        x.squeeze(-1) if vector else x, residuals, rank, singular if driver in ("gelsd", "gelss") else empty
    )


def _eps(dtype: Any) -> float:
    return 2.0**-23 if str(dtype) in ("float32", "complex64") else 2.0**-52


def tolerances(name: str, s: Any, shape: Any, atol: Any, rtol: Any) -> Any:
    """What counts as zero beside the largest of s (..., k), shape (..., 1): max(atol, rtol * largest)."""
    largest = _ops["amax"](s, -1, True)
    if rtol is None:
        given = atol is not None and (not isinstance(atol, _C.Tensor) and atol > 0)
        base = _eps(s.dtype) * max(shape[-2:])
        if isinstance(atol, _C.Tensor):
            rtol = _ops["where"](atol.detach() > 0, _C.zeros_like(atol.to(s.dtype)), base)
        else:
            rtol = 0.0 if given else base
    rtol = rtol.unsqueeze(-1) if isinstance(rtol, _C.Tensor) else rtol
    atol = 0.0 if atol is None else atol.unsqueeze(-1) if isinstance(atol, _C.Tensor) else atol
    relative = largest * rtol
    if not isinstance(atol, _C.Tensor):
        atol = _C.full_like(relative, float(atol))
    return _ops["maximum"](relative, atol.to(relative.dtype))


def _pinv(A: Any, atol: Any, rtol: Any, hermitian: bool) -> Any:
    m, n = A.shape[-2:]
    if m == 0 or n == 0:
        return A.transpose(-2, -1).clone()
    where = _ops["where"]
    if hermitian:
        values, vectors = _ops["linalg_eigh"](A, False, True)
        sizes = values.abs()
        keep = sizes > tolerances("linalg.pinv", sizes, A.shape, atol, rtol)
        inverse = where(keep, 1 / where(keep, values, _C.ones_like(values)), _C.zeros_like(values))
        return (vectors * inverse.unsqueeze(-2).to(A.dtype)) @ adjoint(vectors)
    u, s, vh = _ops["linalg_svd"](A, False, True)
    keep = s > tolerances("linalg.pinv", s, A.shape, atol, rtol)
    inverse = where(keep, 1 / where(keep, s, _C.ones_like(s)), _C.zeros_like(s))
    return adjoint(vh) @ (adjoint(u) * inverse.unsqueeze(-1).to(A.dtype))


class _PseudoInverse(Function):
    @staticmethod
    def forward(ctx: Any, A: Any, atol: Any, rtol: Any, hermitian: bool) -> Any:
        inverse = _pinv(A, atol, rtol, hermitian)
        ctx.options = atol, rtol, hermitian
        ctx.save_for_backward(A, inverse.detach())
        return inverse

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        A, inverse = ctx.saved_tensors
        if _C.is_grad_enabled():
            inverse = _PseudoInverse.apply(A, *ctx.options)
        return rules.pinv(grads[0], inverse, A), None, None, None


@operator("input")
def pinv(A: Any, rcond: Any = None, hermitian: bool = False, *, atol: Any = None, rtol: Any = None) -> Any:
    """The pseudo-inverse (Moore and Penrose) of (..., m, n) matrices, (..., n, m).

    Singular values up to max(atol, rtol * largest) count as zero; rtol is eps * max(m, n) unless atol is
    given.  hermitian: A is taken for Hermitian and its eigenvalues are used."""
    matrix("linalg.pinv", A, square=hermitian)
    inexact("linalg.pinv", A)
    rtol = rcond if rtol is None else rtol
    if not (_C.is_grad_enabled() and A.requires_grad):
        return _pinv(A, atol, rtol, hermitian)
    atol, rtol = (v.detach() if isinstance(v, _C.Tensor) else v for v in (atol, rtol))
    return _PseudoInverse.apply(A, atol, rtol, hermitian)


@operator("input")
def matrix_rank(A: Any, tol: Any = None, hermitian: bool = False, *, atol: Any = None, rtol: Any = None) -> Any:
    """Number of singular values above max(atol, rtol * largest), int64; see pinv for the defaults."""
    matrix("linalg.matrix_rank", A, square=hermitian)
    inexact("linalg.matrix_rank", A)
    A = A.detach()
    if A.shape[-1] == 0 or A.shape[-2] == 0:
        return _C.zeros(tuple(A.shape[:-2]), dtype="int64")
    values = _ops["linalg_eigh"](A, False, False)[0].abs() if hermitian else _ops["linalg_svd"](A, False, False)[1]
    if tol is not None:
        atol, rtol = tol, 0.0
    return (values > tolerances("linalg.matrix_rank", values, A.shape, atol, rtol)).sum(-1)


@operator()
def tensorinv(A: Any, ind: int = 2) -> Any:
    """The inverse of A as a map from its last dimensions to its first `ind`: tensordot(tensorinv(A), B, ind)
    solves tensordot(A, X, X.ndim) = B."""
    if ind <= 0:
        raise ValueError(f"linalg.tensorinv: ind must be positive, not {ind}")
    first, last = tuple(A.shape[:ind]), tuple(A.shape[ind:])
    if math.prod(first) != math.prod(last):
        raise _C.ShapeMismatchError(
            f"linalg.tensorinv: the first {ind} dimensions {first} and the others {last} have products that differ"
        )
    return inv(A.reshape(math.prod(first), math.prod(last))).reshape((*last, *first))


@operator()
def tensorsolve(A: Any, B: Any, dims: Any = None) -> Any:
    """The X with tensordot(A, X, X.ndim) = B; dims are moved to A's end first."""
    if dims is not None:
        axes = [d % A.ndim for d in dims]
        A = A.permute(*[d for d in range(A.ndim) if d not in axes], *axes)
    shape = tuple(A.shape[B.ndim :])
    if math.prod(shape) != B.numel():
        raise _C.ShapeMismatchError(
            f"linalg.tensorsolve: A of shape {tuple(A.shape)} and B of shape {tuple(B.shape)} give no square system"
        )
    return solve(A.reshape(B.numel(), math.prod(shape)), B.reshape(-1)).reshape(shape)
