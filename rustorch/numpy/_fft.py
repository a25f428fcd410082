"""numpy.fft on tensors and arrays: rows of our own, differentiable to any order."""

from __future__ import annotations

import math
import operator
import warnings
from typing import Any

from .. import _C
from ._registry import Tensor, axes_of, implements, np, one_axis, op, tensor

_ops: dict[str, Any] = _C.ops
_c2c, _r2c, _c2r = (_ops[f"fft_{name}"] for name in ("c2c", "r2c", "c2r"))
_READY = frozenset(map(np.dtype, ("float32", "float64", "complex64", "complex128")))
_COMPLEX = {"float32": "complex64", "float64": "complex128"}
_NORMS = ("backward", "ortho", "forward")


def _input(a: Any) -> Any:
    """a in single or double precision: integers become float64, halves float32."""
    x = a if isinstance(a, Tensor) else tensor(a)
    if x.dtype in _READY:
        return x
    if x.dtype.kind in "iub":
        return _ops["cast"](x, "float64")
    return _ops["cast"](x, "float32")


def _complex(x: Any) -> Any:
    return x if x.dtype.kind == "c" else _ops["cast"](x, _COMPLEX[str(x.dtype)])


def _real(name: str, x: Any) -> Any:
    if x.dtype.kind == "c":
        raise TypeError(f"{name}: expects real numbers, the array has dtype {x.dtype}")
    return x


def _length(n: Any) -> int:
    n = operator.index(n)
    if n < 1:
        raise ValueError(f"Invalid number of FFT data points ({n}) specified.")
    return int(n)


def _factor(norm: Any, inverse: bool, n: int) -> float:
    if norm is None:
        norm = "backward"
    elif norm not in _NORMS:
        raise ValueError(f'Invalid norm value {norm}; should be "backward", "ortho" or "forward".')
    if norm == "ortho":
        return 1.0 / math.sqrt(n)
    return 1.0 / n if inverse == (norm == "backward") else 1.0


def _deliver(result: Any, out: Any) -> Any:
    if out is None:
        return result
    if isinstance(out, tuple):
        (out,) = out
    if not isinstance(out, (Tensor, np.ndarray)):
        raise TypeError(f"return arrays must be of ArrayType, not {type(out).__name__}")
    if tuple(out.shape) != tuple(result.shape):
        raise ValueError(f"output array has wrong shape {tuple(out.shape)}, the result has {tuple(result.shape)}.")
    if not np.can_cast(result.dtype, out.dtype, "same_kind"):
        raise TypeError(f"Cannot cast the result, of dtype {result.dtype}, to the output's, {out.dtype}")
    if isinstance(out, Tensor):
        _ops["copy"](result, out=out)
    elif result.requires_grad:
        raise TypeError("gradients cannot flow into an ndarray; give an array as out=, or detach() the input")
    else:
        out[...] = result.numpy()
    return out


def _one(x: Any, n: Any, axis: Any) -> tuple[int, int]:
    """(length, axis), checked."""
    axis = one_axis(axis, x.ndim)
    return _length(x.shape[axis] if n is None else n), axis


# ---- one axis ----


def _along(a: Any, n: Any, axis: Any, norm: Any, out: Any, inverse: bool) -> Any:
    x = _input(a)
    if n is None and axis == -1 and norm is None and out is None and x.ndim and x.shape[-1]:
        n = x.shape[-1]
        return _c2c(x, (-1,), (n,), (n,), inverse, 1.0 / n if inverse else 1.0)
    n, axis = _one(x, n, axis)
    return _deliver(_c2c(x, (axis,), (n,), (n,), inverse, _factor(norm, inverse, n)), out)


@implements("fft.fft")
def fft(a: Any, n: Any = None, axis: Any = -1, norm: Any = None, out: Any = None) -> Any:
    """Discrete Fourier transform along axis, of length n (a cut or filled with zeros); complex.

    norm: "backward" (default: the inverse divides by n), "forward" (the other way round), "ortho" (both by
    sqrt(n))."""
    return _along(a, n, axis, norm, out, False)


@implements("fft.ifft")
def ifft(a: Any, n: Any = None, axis: Any = -1, norm: Any = None, out: Any = None) -> Any:
    """Inverse of fft."""
    return _along(a, n, axis, norm, out, True)


@implements("fft.rfft")
def rfft(a: Any, n: Any = None, axis: Any = -1, norm: Any = None, out: Any = None) -> Any:
    """fft of real numbers, its first n // 2 + 1 elements; the others are their conjugates."""
    x = _input(a)
    n, axis = _one(x, n, axis)
    scale = _factor(norm, False, n)
    return _deliver(_r2c(_real("rfft", x), axis, n, n // 2 + 1, False, scale), out)


def _as_given(result: Any, a: Any) -> Any:
    """Real results of half precision are in half precision."""
    return _ops["cast"](result, "float16") if getattr(a, "dtype", None) == np.float16 else result


def _to_real(a: Any, x: Any, n: Any, axis: Any, norm: Any, out: Any, inverse: bool) -> Any:
    axis = one_axis(axis, x.ndim)
    n = _length((x.shape[axis] - 1) * 2 if n is None else n)
    return _deliver(_as_given(_c2r(x, axis, n, _factor(norm, inverse, n)), a), out)


@implements("fft.irfft")
def irfft(a: Any, n: Any = None, axis: Any = -1, norm: Any = None, out: Any = None) -> Any:
    """Inverse of rfft: n real numbers, 2 * (length - 1) unless told."""
    return _to_real(a, _complex(_input(a)), n, axis, norm, out, True)


@implements("fft.hfft")
def hfft(a: Any, n: Any = None, axis: Any = -1, norm: Any = None, out: Any = None) -> Any:
    """fft of a Hermitian signal given by its first half: n real numbers."""
    return _to_real(a, _ops["conj"](_complex(_input(a))), n, axis, norm, out, False)


@implements("fft.ihfft")
def ihfft(a: Any, n: Any = None, axis: Any = -1, norm: Any = None, out: Any = None) -> Any:
    """Inverse of hfft: the first half of a Hermitian signal."""
    x = _input(a)
    n, axis = _one(x, n, axis)
    scale = _factor(norm, True, n)
    half = _r2c(_real("ihfft", x), axis, n, n // 2 + 1, False, scale)
    return _deliver(_ops["conj"](half), out)


# ---- several axes ----


def _deprecate(what: str) -> None:
    warnings.warn(f"{what} (Deprecated in NumPy 2.0)", DeprecationWarning, stacklevel=4)


def _axes(x: Any, s: Any, axes: Any, halved: bool = False) -> tuple[list[int], list[int]]:
    """Lengths and axes; halved: of a last length that is not given, twice that of its half."""
    if s is None:
        chosen = list(range(x.ndim)) if axes is None else list(axes_of(tuple(axes), x.ndim))
        lengths = [x.shape[i] for i in chosen]
        if halved and lengths:
            lengths[-1] = (lengths[-1] - 1) * 2
    else:
        lengths = list(s)
        if axes is None:
            _deprecate("`axes` should not be `None` if `s` is not `None`")
            if len(lengths) > x.ndim:
                raise IndexError(f"{len(lengths)} lengths for an array of {x.ndim} dimensions")
            chosen = list(range(x.ndim - len(lengths), x.ndim))
        else:
            chosen = list(axes_of(tuple(axes), x.ndim))
        if len(lengths) != len(chosen):
            raise ValueError("Shape and axes have different lengths.")
        if None in lengths:
            _deprecate("Passing an array containing `None` values to `s` is deprecated; use -1")
        lengths = [x.shape[i] if n in (None, -1) else n for n, i in zip(lengths, chosen, strict=True)]
    return [_length(n) for n in lengths], chosen


def _over(x: Any, lengths: list[int], axes: list[int], norm: Any, inverse: bool) -> Any:
    if not axes:
        return x
    scale = math.prod(_factor(norm, inverse, n) for n in lengths)
    if len(set(axes)) == len(axes):
        return _c2c(x, axes, lengths, lengths, inverse, scale)
    for n, i in zip(reversed(lengths), reversed(axes), strict=True):
        x = _c2c(x, (i,), (n,), (n,), inverse, _factor(norm, inverse, n))
    return x


def _several(a: Any, s: Any, axes: Any, norm: Any, out: Any, inverse: bool) -> Any:
    x = _input(a)
    lengths, chosen = _axes(x, s, axes)
    if not chosen:
        return _deliver(_ops["clone"](tensor(a)), out)
    return _deliver(_over(x, lengths, chosen, norm, inverse), out)


@implements("fft.fftn")
def fftn(a: Any, s: Any = None, axes: Any = None, norm: Any = None, out: Any = None) -> Any:
    """fft over several axes (all, or the last len(s)), of lengths s (-1: as they are)."""
    return _several(a, s, axes, norm, out, False)


@implements("fft.ifftn")
def ifftn(a: Any, s: Any = None, axes: Any = None, norm: Any = None, out: Any = None) -> Any:
    """Inverse of fftn."""
    return _several(a, s, axes, norm, out, True)


@implements("fft.fft2")
def fft2(a: Any, s: Any = None, axes: Any = (-2, -1), norm: Any = None, out: Any = None) -> Any:
    """fftn over two axes."""
    return _several(a, s, axes, norm, out, False)


@implements("fft.ifft2")
def ifft2(a: Any, s: Any = None, axes: Any = (-2, -1), norm: Any = None, out: Any = None) -> Any:
    """ifftn over two axes."""
    return _several(a, s, axes, norm, out, True)


@implements("fft.rfftn")
def rfftn(a: Any, s: Any = None, axes: Any = None, norm: Any = None, out: Any = None) -> Any:
    """fftn of real numbers, halved along the last of axes."""
    x = _input(a)
    lengths, chosen = _axes(x, s, axes)
    if not chosen:
        raise IndexError("rfftn: at least one axis must be transformed")
    n = lengths[-1]
    scale = _factor(norm, False, n)
    half = _r2c(_real("rfftn", x), chosen[-1], n, n // 2 + 1, False, scale)
    return _deliver(_over(half, lengths[:-1], chosen[:-1], norm, False), out)


@implements("fft.irfftn")
def irfftn(a: Any, s: Any = None, axes: Any = None, norm: Any = None, out: Any = None) -> Any:
    """Inverse of rfftn; real."""
    x = _complex(_input(a))
    lengths, chosen = _axes(x, s, axes, True)
    if not chosen:
        raise IndexError("irfftn: at least one axis must be transformed")
    x = _over(x, lengths[:-1], chosen[:-1], norm, True)
    n = lengths[-1]
    return _deliver(_as_given(_c2r(x, chosen[-1], n, _factor(norm, True, n)), a), out)


@implements("fft.rfft2")
def rfft2(a: Any, s: Any = None, axes: Any = (-2, -1), norm: Any = None, out: Any = None) -> Any:
    """rfftn over two axes."""
    return rfftn(a, s, axes, norm, out)


@implements("fft.irfft2")
def irfft2(a: Any, s: Any = None, axes: Any = (-2, -1), norm: Any = None, out: Any = None) -> Any:
    """irfftn over two axes."""
    return irfftn(a, s, axes, norm, out)


# ---- order of frequencies ----


def _rolled(x: Any, axes: Any, forward: bool) -> Any:
    t = tensor(x)
    chosen = axes_of(axes, t.ndim)
    if not chosen:
        return op("clone")(t)
    halves = [t.shape[i] // 2 for i in chosen]
    return op("roll")(t, halves if forward else [-h for h in halves], chosen)


@implements("fft.fftshift")
def fftshift(x: Any, axes: Any = None) -> Any:
    """The elements moved so that frequency 0 stands in the middle of axes (all of them)."""
    return _rolled(x, axes, True)


@implements("fft.ifftshift")
def ifftshift(x: Any, axes: Any = None) -> Any:
    """Inverse of fftshift."""
    return _rolled(x, axes, False)
