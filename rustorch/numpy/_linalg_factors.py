"""numpy.linalg: factorisations, singular values and eigenvalues."""

from __future__ import annotations

from typing import Any

from .. import _C
from ._linalg_inputs import (
    EighResult,
    EigResult,
    LinAlgError,
    QRResult,
    SVDResult,
    adjoint,
    matrices,
    result,
    results,
    squares,
)
from ._registry import implements, is_tracked, np, op

_ops: dict[str, Any] = _C.ops
_cholesky, _svd, _eigh, _eig = (_ops[f"linalg_{name}"] for name in ("cholesky", "svd", "eigh", "eig"))


@implements("linalg.cholesky")
def cholesky(a: Any, /, *, upper: bool = False) -> Any:
    """The lower triangular L with a = L @ L^H, or with upper=True U with a = U^H @ U; only that triangle of the
    Hermitian a (..., n, n) is read.  LinAlgError when a is not positive-definite."""
    x, single = squares(a)
    return result(_cholesky(x, bool(upper), True)[0], single)


@implements("linalg.qr")
def qr(a: Any, mode: str = "reduced") -> Any:
    """(Q, R) with a = Q @ R, Q orthonormal: "reduced", or "complete" (Q square); "r": R alone; "raw": (h, tau),
    LAPACK's reflectors, transposed, and their scales."""
    old = {"f": "reduced", "full": "reduced", "e": "economic", "economic": "economic"}
    if mode in old:
        import warnings

        warnings.warn(f"qr: mode {mode!r} is deprecated, see numpy.linalg.qr", DeprecationWarning, stacklevel=2)
        mode = old[mode]
    if mode not in ("reduced", "complete", "r", "raw", "economic"):
        raise ValueError(f"Unrecognized mode '{mode}'")
    x, single = matrices(a)
    if mode in ("reduced", "complete"):
        return results(QRResult, op("linalg_qr")(x, mode), single)
    if mode == "r":
        plain = "reduced" if is_tracked(x) or 0 in x.shape else "r"
        return result(op("linalg_qr")(x, plain)[1], single)
    if is_tracked(x):
        raise TypeError(f"qr: no derivative known for mode {mode!r}; detach() the array, or use mode='reduced'")
    packed, tau = (result(v, single) for v in op("linalg_geqrf")(x))
    return packed if mode == "economic" else (op("mT")(packed), tau)


def _hermitian_svd(x: Any, vectors: bool) -> Any:
    """Singular values as the sizes of eigenvalues, in descending order."""
    values, columns = _eigh(x, False, vectors or is_tracked(x))
    sizes = np.absolute(values)
    order = op("argsort")(sizes, -1, True, True)
    s = op("gather")(sizes, -1, order)
    if not vectors:
        return s
    signs = op("gather")(op("where")(np.less(values, 0), -1.0, 1.0), -1, order)
    u = op("gather")(columns, -1, op("expand")(op("unsqueeze")(order, -2), tuple(columns.shape)))
    return u, s, adjoint(u * op("unsqueeze")(signs, -2))


@implements("linalg.svd")
def svd(a: Any, full_matrices: bool = True, compute_uv: bool = True, hermitian: bool = False) -> Any:
    """(U, S, Vh) with a = (U * S) @ Vh, S real and descending; with compute_uv=False S alone.

    full_matrices: U and Vh square, else with min(m, n) columns and rows.  LinAlgError when a is not finite."""
    x, single = matrices(a)
    if hermitian:
        squares(x)
        found = _hermitian_svd(x, bool(compute_uv))
    else:
        found = _svd(x, bool(full_matrices and compute_uv), bool(compute_uv) or is_tracked(x))
        found = found if compute_uv else found[1]
    return results(SVDResult, found, single) if compute_uv else result(found, single)


@implements("linalg.svdvals")
def svdvals(x: Any, /) -> Any:
    """Singular values of matrices (..., m, n), descending."""
    return svd(x, compute_uv=False)


def _upper(UPLO: Any) -> bool:
    given = UPLO.upper() if isinstance(UPLO, str) else UPLO
    if given not in ("L", "U"):
        raise ValueError(f"UPLO argument must be 'L' or 'U', not {UPLO!r}")
    return bool(given == "U")


@implements("linalg.eigh")
def eigh(a: Any, UPLO: str = "L") -> Any:
    """(eigenvalues, eigenvectors) of Hermitian matrices (..., n, n), of which the triangle UPLO is read:
    real, ascending; orthonormal columns."""
    upper = _upper(UPLO)
    x, single = squares(a)
    return results(EighResult, _eigh(x, upper, True), single)


@implements("linalg.eigvalsh")
def eigvalsh(a: Any, UPLO: str = "L") -> Any:
    """Eigenvalues of Hermitian matrices, ascending."""
    upper = _upper(UPLO)
    x, single = squares(a)
    return result(_eigh(x, upper, is_tracked(x))[0], single)


def _general(x: Any, vectors: bool) -> Any:
    try:
        return _eig(x, vectors or is_tracked(x))
    except LinAlgError:
        if bool(np.logical_and.reduce(np.isfinite(x.detach()), axis=None)):
            raise
        raise LinAlgError("Array must not contain infs or NaNs") from None


@implements("linalg.eig")
def eig(a: Any) -> Any:
    """(eigenvalues, eigenvectors) of square matrices (..., n, n), always complex, as the array API and NumPy 2.5
    have it; the vectors are columns of length 1."""
    x, single = squares(a)
    return results(EigResult, _general(x, True), single)


@implements("linalg.eigvals")
def eigvals(a: Any) -> Any:
    """Eigenvalues of square matrices, always complex."""
    x, single = squares(a)
    return result(_general(x, False)[0], single)
