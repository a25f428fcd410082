"""numpy.linalg: systems of equations, inverses, determinants, least squares, ranks."""

from __future__ import annotations

import math
from typing import Any

from .. import _C
from ._linalg_inputs import (
    LinAlgError,
    SlogdetResult,
    floating,
    in_common,
    matrices,
    real,
    result,
    results,
    squares,
)
from ._linalg_norms import norm
from ._registry import Tensor, implements, is_tracked, np, op, tensor

_missing: Any = np._NoValue
_ops: dict[str, Any] = _C.ops
_inv, _solve, _det, _slogdet = (_ops[f"linalg_{name}"] for name in ("inv", "solve", "det", "slogdet"))


@implements("linalg.inv")
def inv(a: Any) -> Any:
    """Inverses of square matrices (..., n, n); LinAlgError, naming the element of the batch, for singular ones."""
    x, single = squares(a)
    return result(_inv(x, True)[0], single)


@implements("linalg.solve")
def solve(a: Any, b: Any) -> Any:
    """The x with a @ x = b.  a: (..., n, n); b: one vector (n,), or matrices (..., n, k); batches broadcast."""
    (x, single), (y, side_single) = squares(a), floating(b)
    single = single and side_single
    if x.dtype != y.dtype:
        x, y = in_common(x, y)
    if y.ndim == 1:
        return result(_ops["squeeze"](_solve(x, _ops["unsqueeze"](y, -1), True)[0], -1), single)
    if y.ndim == 0:
        raise ValueError("solve: b needs at least one dimension, it has none")
    return result(_solve(x, y, True)[0], single)


@implements("linalg.det")
def det(a: Any) -> Any:
    """Determinants of square matrices (..., n, n)."""
    x, single = squares(a)
    return result(_det(x), single)


@implements("linalg.slogdet")
def slogdet(a: Any) -> Any:
    """(sign, logabsdet) with det(a) = sign * exp(logabsdet); a singular matrix gives (0, -inf)."""
    x, single = squares(a)
    return results(SlogdetResult, _slogdet(x), single)


@implements("linalg.tensorsolve")
def tensorsolve(a: Any, b: Any, axes: Any = None) -> Any:
    """The x with tensordot(a, x, x.ndim) = b; the axes of a that are named go to its end first."""
    x, y = tensor(a), tensor(b)
    if axes is not None:
        order = list(range(x.ndim))
        for k in axes:
            order.remove(k)
            order.insert(x.ndim, k)
        x = op("permute")(x, order)
    shape = tuple(x.shape[y.ndim - x.ndim :])
    side = math.prod(shape)
    if math.prod(x.shape) != side * side:
        raise LinAlgError(
            f"Input arrays must satisfy the requirement prod(a.shape[b.ndim:]) == prod(a.shape[:b.ndim]),"
            f" the shapes are {tuple(x.shape)} and {tuple(y.shape)}"
        )
    flat = solve(op("reshape")(x, (side, side)), op("reshape")(y, (-1,)))
    return op("reshape")(flat, shape)


@implements("linalg.tensorinv")
def tensorinv(a: Any, ind: int = 2) -> Any:
    """The inverse of a as a map from its last dimensions to its first `ind`."""
    x = tensor(a)
    if ind <= 0:
        raise ValueError("Invalid ind argument.")
    shape = tuple(x.shape)
    side = math.prod(shape[ind:])
    flat = inv(op("reshape")(x, (side, math.prod(shape[:ind]))) if side else op("reshape")(x, (0, 0)))
    return op("reshape")(flat, (*shape[ind:], *shape[:ind]))


def _tail_squares(whole: Any, x: Any, y: Any, solution: Any) -> Any:
    """Squared residuals, of a solution that is to be differentiated from their definition."""
    m, n = x.shape
    rest = np.matmul(x, solution) - y if n == 0 or is_tracked(solution) else op("narrow")(whole, 0, n, m - n)
    return np.add.reduce(real(np.conjugate(rest) * rest), axis=0)


@implements("linalg.lstsq")
def lstsq(a: Any, b: Any, rcond: Any = None) -> Any:
    """(x, residuals, rank, s): the x of least norm among those that minimise |b - a @ x|.

    a: (m, n); b: (m,) or (m, k).  Singular values s up to rcond times the largest count as zero (default
    eps * max(m, n); -1: eps).  residuals: sums of squares for each column of b, empty unless rank == n < m."""
    (x, single), (y, side_single) = floating(a), floating(b)
    single = single and side_single
    vector = y.ndim == 1
    y = op("unsqueeze")(y, -1) if vector else y
    for given in (x, y):
        if given.ndim != 2:
            raise LinAlgError(f"{given.ndim}-dimensional array given. Array must be two-dimensional")
    (m, n), (rows, k) = x.shape, y.shape
    if m != rows:
        raise LinAlgError(f"Incompatible dimensions: a has {m} rows, b {rows}")
    x, y = in_common(x, y)
    if rcond is None:
        rcond = np.finfo("float64").eps * max(n, m)
    if k == 0:                    # LAPACK is not asked; the values and the rank are still wanted
        _, _, rank, s = lstsq(x, _C.zeros((m, 1), dtype=x.dtype), rcond)
        empty = _C.zeros((n, 0), dtype=x.dtype)
        return result(empty, single), result(_C.zeros((0,), dtype=s.dtype), single), rank, result(s, single)
    whole, rank, s = op("linalg_lstsq")(x, y, "gelsd", float(rcond))
    solution = op("narrow")(whole, 0, 0, n)
    known = m > n and int(rank) == n
    residuals = _tail_squares(whole, x, y, solution) if known else _C.zeros((0,), dtype=s.dtype)
    solution = op("squeeze")(solution, -1) if vector else solution
    return result(solution, single), result(residuals, single), rank, result(s, single)


@implements("linalg.pinv")
def pinv(a: Any, rcond: Any = None, hermitian: bool = False, *, rtol: Any = _missing) -> Any:
    """Pseudo-inverses (Moore and Penrose) (..., n, m) of matrices (..., m, n).

    Singular values up to rcond (or rtol) times the largest count as zero: 1e-15 when neither is given, with
    rtol=None max(m, n) * eps.  hermitian: through eigenvalues."""
    from ..linalg import pinv as pseudo_inverse

    x, single = matrices(a)
    if rcond is not None and rtol is not _missing:
        raise ValueError("`rtol` and `rcond` can't be both set.")
    if rcond is None:
        rcond = 1e-15 if rtol is _missing else rtol
    if rcond is None:
        rcond = max(x.shape[-2:]) * float(np.finfo("float32" if single else "float64").eps)
    if hermitian:
        squares(x)
    if 0 in x.shape[-2:]:
        return op("clone")(op("contiguous")(op("mT")(tensor(a))))
    factor = tensor(rcond).detach()
    factor = factor if factor.ndim else float(factor)
    return result(pseudo_inverse(x, rtol=factor, hermitian=bool(hermitian)), single)


@implements("linalg.matrix_rank")
def matrix_rank(A: Any, tol: Any = None, hermitian: bool = False, *, rtol: Any = None) -> Any:
    """Number of singular values above tol, or above rtol (default max(m, n) * eps) times the largest."""
    from ._linalg_factors import svd

    if rtol is not None and tol is not None:
        raise ValueError("`tol` and `rtol` can't be both set.")
    x = tensor(A).detach()
    if x.ndim < 2:
        return int(bool(np.logical_or.reduce(np.not_equal(x, 0), axis=None)))
    s = svd(x, compute_uv=False, hermitian=hermitian)
    if tol is None:
        if rtol is None:
            rtol = max(x.shape[-2:]) * float(np.finfo(s.dtype).eps)
        elif np.ndim(rtol):
            rtol = op("unsqueeze")(tensor(rtol).detach(), -1)
        largest = np.maximum.reduce(s, axis=-1, keepdims=True, initial=0)
        tol = largest * rtol
    elif np.ndim(tol):
        tol = op("unsqueeze")(tensor(tol).detach(), -1)
    found = np.greater(s, tol.detach() if isinstance(tol, Tensor) else tol)
    return op("count_nonzero")(found, -1)


@implements("linalg.cond")
def cond(x: Any, p: Any = None) -> Any:
    """Condition numbers: the ratio of the extreme singular values (p None or 2; -2: its inverse), or
    norm(x, p) * norm(inv(x), p), which is inf where x is singular."""
    from ._linalg_factors import svd

    t = tensor(x)
    if t.ndim < 2:
        raise LinAlgError(f"{t.ndim}-dimensional array given. Array must be at least two-dimensional")
    if 0 in t.shape[-2:]:
        raise LinAlgError("cond is not defined on empty arrays")
    if p is None or p in (2, -2):
        s = svd(t, compute_uv=False)
        first, last = op("select")(s, -1, 0), op("select")(s, -1, s.shape[-1] - 1)
        with np.errstate(all="ignore"):
            ratio = last / first if p == -2 else first / last
        bad = np.isnan(ratio)
    else:
        wide, single = squares(t)
        inverse, info = _inv(wide, False)
        ratio = result(norm(wide, p, axis=(-2, -1)) * norm(inverse, p, axis=(-2, -1)), single)
        bad = np.logical_or(np.isnan(ratio), np.not_equal(info, 0))
    if not bool(np.logical_or.reduce(bad, axis=None)):
        return ratio
    known = np.logical_not(np.logical_or.reduce(np.isnan(t), axis=(-2, -1)))
    return op("where")(np.logical_and(bad, known), np.inf, ratio)
