"""What the functions of numpy.linalg share: their inputs made ready for LAPACK, and named results."""

from __future__ import annotations

from typing import Any, NamedTuple

from .. import _C
from ._registry import NotHere, Tensor, np, tensor

_ops: dict[str, Any] = _C.ops
LinAlgError: Any = _C.LinAlgError
_DOUBLE = frozenset(map(np.dtype, ("float64", "complex128")))
_WIDE = {np.dtype("float32"): "float64", np.dtype("complex64"): "complex128"}


class EigResult(NamedTuple):
    """eig."""

    eigenvalues: Any
    eigenvectors: Any


class EighResult(NamedTuple):
    """eigh."""

    eigenvalues: Any
    eigenvectors: Any


class QRResult(NamedTuple):
    """qr."""

    Q: Any
    R: Any


class SlogdetResult(NamedTuple):
    """slogdet."""

    sign: Any
    logabsdet: Any


class SVDResult(NamedTuple):
    """svd."""

    U: Any
    S: Any
    Vh: Any


def floating(a: Any) -> tuple[Any, bool]:
    """a in float64 or complex128, in which NumPy computes all of linear algebra, and whether the result is to be
    in single precision again."""
    x = a if isinstance(a, Tensor) else tensor(a)
    dtype = x.dtype
    if dtype in _DOUBLE:
        return x, False
    if dtype in _WIDE:
        return _ops["cast"](x, _WIDE[dtype]), True
    if dtype.kind in "iub":
        return _ops["cast"](x, "float64"), False
    raise TypeError(f"array type {dtype} is unsupported in linalg")


def matrices(a: Any) -> tuple[Any, bool]:
    """The same, checked to have two dimensions or more."""
    x, single = floating(a)
    if x.ndim < 2:
        raise LinAlgError(f"{x.ndim}-dimensional array given. Array must be at least two-dimensional")
    return x, single


def squares(a: Any) -> tuple[Any, bool]:
    """The same, checked to be square in its last two dimensions."""
    x, single = matrices(a)
    shape = x.shape
    if shape[-1] != shape[-2]:
        raise LinAlgError(f"Last 2 dimensions of the array must be square, the shape is {tuple(shape)}")
    return x, single


def result(x: Any, single: bool) -> Any:
    """x, or x in single precision."""
    if not single:
        return x
    return _ops["cast"](x, "complex64" if x.dtype.kind == "c" else "float32")


def results(kind: Any, values: Any, single: bool) -> Any:
    """A named tuple of them."""
    return kind(*(result(x, True) for x in values)) if single else kind(*values)


def in_common(x: Any, y: Any) -> tuple[Any, Any]:
    """Both, made ready, in the dtype that holds both."""
    if x.dtype == y.dtype:
        return x, y
    return _ops["cast"](x, "complex128"), _ops["cast"](y, "complex128")


def adjoint(x: Any) -> Any:
    """Conjugate transpose of the last two dimensions."""
    turned = _ops["mT"](x)
    return _ops["conj"](turned) if x.dtype.kind == "c" else turned


def real(x: Any) -> Any:
    """The real part of x where it is complex."""
    return _ops["real"](x) if x.dtype.kind == "c" else x


def refuse_objects(*given: Any) -> None:
    """Arrays of dtypes that we lack are NumPy's to answer."""
    for a in given:
        if getattr(getattr(a, "dtype", None), "kind", "") == "O":
            raise NotHere
