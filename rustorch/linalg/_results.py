"""What the functions of rustorch.linalg share: named results, writing into `out`, names of arguments."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, NamedTuple

from .. import _C

_ops: dict[str, Any] = _C.ops
_KINDS = "biufc"


def _write(name: str, result: Any, out: Any) -> None:
    if not isinstance(out, _C.Tensor):
        raise TypeError(f"{name}: out must be a Tensor, not {type(out).__name__}")
    if _C.is_grad_enabled() and (result.requires_grad or out.requires_grad):
        raise RuntimeError(f"{name}: functions with out=... do not record gradients, but an argument requires grad")
    kinds = [_KINDS.find("i" if t.dtype.kind == "u" else t.dtype.kind) for t in (result, out)]
    if kinds[0] > kinds[1]:
        raise _C.DtypeError(f"{name}: a result of dtype {result.dtype} cannot be written into an output of {out.dtype}")
    if tuple(out.shape) != tuple(result.shape):
        if out.numel() != 0 or not hasattr(out, "resize_"):
            raise _C.ShapeMismatchError(
                f"{name}: the output has shape {tuple(out.shape)}, the result {tuple(result.shape)}"
            )
        out.resize_(tuple(result.shape))
    _ops["copy"](result, out=out)


def written(name: str, result: Any, out: Any) -> Any:
    """result, written into out (a tensor, or a tuple of them) when that is given."""
    if out is None:
        return result
    if not isinstance(result, tuple):
        _write(name, result, out)
        return out
    if not isinstance(out, (tuple, list)) or len(out) != len(result):
        raise TypeError(f"{name}: out must be a tuple of {len(result)} tensors")
    for one, into in zip(result, out, strict=True):
        _write(name, one, into)
    return type(result)(*out) if hasattr(result, "_fields") else tuple(out)


def operator(first: str = "A", name: str | None = None) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Gives a function `out=`, and lets its first argument be called `first`, `input` or `self`, a second one
    B `b` or `other`."""

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        shown = name or f"linalg.{function.__name__}"
        takes_b = "B" in inspect.signature(function).parameters

        @functools.wraps(function)
        def wrapped(*args: Any, out: Any = None, **kw: Any) -> Any:
            if not args:
                for alias in (first, "input", "self", "A"):
                    if alias in kw:
                        args = (kw.pop(alias),)
                        break
            for alias in ("b", "other") if takes_b and kw else ():
                if alias in kw:
                    kw["B"] = kw.pop(alias)
            if out is None:
                return function(*args, **kw)
            return written(shown, function(*args, **kw), out)

        plain = inspect.signature(function)
        extra = inspect.Parameter("out", inspect.Parameter.KEYWORD_ONLY, default=None)
        parameters = [*plain.parameters.values()]
        at = len(parameters) - (parameters[-1].kind is inspect.Parameter.VAR_KEYWORD)
        setattr(wrapped, "__signature__", plain.replace(parameters=[*parameters[:at], extra, *parameters[at:]]))  # noqa: B010
        return wrapped

    return decorate


def zeros_of(x: Any) -> Any:
    """Zeros like x, which require a gradient (of zeros) where x does."""
    return _ops["masked_fill"](x, _C.ones(tuple(x.shape), dtype="bool"), 0)


def matrix(name: str, x: Any, square: bool = False) -> Any:
    """x, checked to be a Tensor of matrices."""
    if not isinstance(x, _C.Tensor):
        raise TypeError(f"{name}: expected a Tensor, not {type(x).__name__}")
    if x.ndim < 2:
        raise _C.TensorError(f"{name}: the input must have at least 2 dimensions, its shape is {tuple(x.shape)}")
    if square and x.shape[-1] != x.shape[-2]:
        raise _C.TensorError(f"{name}: needs batches of square matrices, the shape is {tuple(x.shape)}")
    return x


def inexact(name: str, x: Any) -> Any:
    """x, checked to be floating or complex."""
    if x.dtype.kind not in "fc" and str(x.dtype) != "bfloat16":
        raise _C.DtypeError(f"{name}: expected a floating point or complex tensor, got {x.dtype}")
    return x


def is_vector_side(a: Any, b: Any) -> bool:
    """Is b, beside the batch of matrices a, a batch of vectors?"""
    return bool(b.ndim == 1 or (a.ndim - 1 == b.ndim and tuple(b.shape) == tuple(a.shape[:-1])))


class cholesky_ex_result(NamedTuple):
    """cholesky_ex."""

    L: Any
    info: Any


class lu_result(NamedTuple):
    """lu and lu_unpack."""

    P: Any
    L: Any
    U: Any


class lu_factor_result(NamedTuple):
    """lu_factor."""

    LU: Any
    pivots: Any


class lu_factor_ex_result(NamedTuple):
    """lu_factor_ex."""

    LU: Any
    pivots: Any
    info: Any


class ldl_factor_result(NamedTuple):
    """ldl_factor."""

    LD: Any
    pivots: Any


class ldl_factor_ex_result(NamedTuple):
    """ldl_factor_ex."""

    LD: Any
    pivots: Any
    info: Any


class qr_result(NamedTuple):
    """qr."""

    Q: Any
    R: Any


class geqrf_result(NamedTuple):
    """geqrf."""

    a: Any
    tau: Any


class inv_ex_result(NamedTuple):
    """inv_ex."""

    inverse: Any
    info: Any


class solve_ex_result(NamedTuple):
    """solve_ex."""

    result: Any
    info: Any


class slogdet_result(NamedTuple):
    """slogdet."""

    sign: Any
    logabsdet: Any


class lstsq_result(NamedTuple):
    """lstsq."""

    solution: Any
    residuals: Any
    rank: Any
    singular_values: Any


class svd_result(NamedTuple):
    """linalg.svd."""

    U: Any
    S: Any
    Vh: Any


class old_svd_result(NamedTuple):
    """svd."""

    U: Any
    S: Any
    V: Any


class eigen_result(NamedTuple):
    """eig and eigh."""

    eigenvalues: Any
    eigenvectors: Any


class triangular_solve_result(NamedTuple):
    """triangular_solve."""

    solution: Any
    cloned_coefficient: Any
