"""Singular values, eigenvalues, and functions of matrices made of them."""

from __future__ import annotations

from typing import Any

from .. import _C
from ._results import eigen_result, operator, svd_result

_ops: dict[str, Any] = _C.ops


def _wants(x: Any) -> bool:
    return bool(_C.is_grad_enabled() and getattr(x, "requires_grad", False))


def _check_driver(name: str, driver: Any) -> None:
    if driver is not None:
        raise RuntimeError(f"{name}: driver chooses among CUDA's methods; on the CPU it must be None")


@operator()
def svd(A: Any, full_matrices: bool = True, *, driver: str | None = None) -> Any:
    """(U, S, Vh) with A = U @ diag(S) @ Vh, S descending and real.

    full_matrices: U and Vh square, else with k = min(m, n) columns and rows.  Raises LinAlgError when A is not
    finite.  Columns beyond k have no gradient; that of U and Vh is large where singular values are close."""
    _check_driver("linalg.svd", driver)
    return svd_result(*_ops["linalg_svd"](A, full_matrices, True))


@operator()
def svdvals(A: Any, *, driver: str | None = None) -> Any:
    """Singular values, descending, real, (..., min(m, n))."""
    _check_driver("linalg.svdvals", driver)
    return _ops["linalg_svd"](A, False, _wants(A))[1]


def _upper(name: str, UPLO: str) -> bool:
    if not isinstance(UPLO, str) or UPLO.upper() not in ("L", "U"):
        raise RuntimeError(f"{name}: UPLO must be 'L' or 'U', not {UPLO!r}")
    return UPLO.upper() == "U"


@operator()
def eigh(A: Any, UPLO: str = "L") -> Any:
    """(eigenvalues, eigenvectors) of Hermitian matrices (..., n, n): real, ascending; orthonormal columns.

    Only the triangle UPLO, 'L' or 'U', is read."""
    return eigen_result(*_ops["linalg_eigh"](A, _upper("linalg.eigh", UPLO), True))


@operator()
def eigvalsh(A: Any, UPLO: str = "L") -> Any:
    """Eigenvalues of Hermitian matrices, ascending, real."""
    return _ops["linalg_eigh"](A, _upper("linalg.eigvalsh", UPLO), _wants(A))[0]


@operator()
def eig(A: Any) -> Any:
    """(eigenvalues, eigenvectors) of square matrices (..., n, n), complex, in no particular order; the vectors
    are columns of length 1."""
    return eigen_result(*_ops["linalg_eig"](A, True))


@operator()
def eigvals(A: Any) -> Any:
    """Eigenvalues of square matrices, complex, in no particular order."""
    return _ops["linalg_eig"](A, _wants(A))[0]
