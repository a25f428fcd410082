"""Discrete Fourier transforms: PyTorch's torch.fft.

float32 and complex64 stay in single precision, integers become the default dtype.  `norm` is
"backward" (default: the inverse divides by n), "forward" (the other way round) or "ortho" (both by
sqrt(n)).  Gradients are adjoint transforms, so they differentiate again.

>>> import rustorch as rt
>>> rt.fft.fft(rt.tensor([1.0, 0.0, 0.0, 0.0]))
tensor([1.0+0.0j, 1.0+0.0j, 1.0+0.0j, 1.0+0.0j])
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from . import _C
from .linalg._results import operator

__all__ = [
    "fft", "fft2", "fftfreq", "fftn", "fftshift", "hfft", "hfft2", "hfftn", "ifft", "ifft2", "ifftn", "ifftshift",
    "ihfft", "ihfft2", "ihfftn", "irfft", "irfft2", "irfftn", "rfft", "rfft2", "rfftfreq", "rfftn",
]  # fmt: skip

_ops: dict[str, Any] = _C.ops
_NORMS = ("backward", "forward", "ortho")
_COMPLEX = {"float32": "complex64", "float64": "complex128"}
_c2c, _r2c, _c2r = (_ops[f"fft_{name}"] for name in ("c2c", "r2c", "c2r"))


def factor(norm: str, inverse: bool, n: int) -> float:
    """What a transform of length n is multiplied by."""
    if norm == "ortho":
        return 1.0 / math.sqrt(n)
    return 1.0 / n if inverse == (norm == "backward") else 1.0


# ---- arguments -------------------------------------------------------------------------------


def _complex(x: Any) -> Any:
    return x if x.dtype.kind == "c" else x.to(_COMPLEX[str(x.dtype)])


def _input(name: str, x: Any, complex_: bool | None) -> Any:
    """x as the transform takes it: complex, real, or (None) either."""
    if not isinstance(x, _C.Tensor):
        raise TypeError(f"fft.{name}: argument 'input' must be a Tensor, not {type(x).__name__}")
    kind = x.dtype.kind
    if (kind == "f" and x.dtype.itemsize > 2 and not complex_) or (kind == "c" and complex_ is not False):
        return x
    if str(x.dtype) in ("float16", "bfloat16"):
        raise _C.DtypeError(f"fft.{name}: no transform in half precision ({x.dtype}); convert to float32")
    if kind in "iub":
        x = x.to(_C.get_default_dtype())
    if kind == "c":
        raise _C.DtypeError(f"fft.{name}: expects a real input tensor, got {x.dtype}")
    return _complex(x) if complex_ else x


def _norm(name: str, norm: Any) -> str:
    if norm is None:
        return "backward"
    if norm not in _NORMS:
        raise RuntimeError(f"fft.{name}: norm must be 'forward', 'backward' or 'ortho', not {norm!r}")
    return str(norm)


def _wrap(name: str, x: Any, dim: Any) -> int:
    if not -x.ndim <= dim < x.ndim:
        raise _C.OutOfRangeError(f"fft.{name}: dim {dim} is not among {x.ndim} dimensions")
    return int(dim % x.ndim)


def _length(name: str, n: Any) -> int:
    if n < 1:
        raise RuntimeError(f"fft.{name}: invalid number of data points ({n}), it must be positive")
    return int(n)


def _axes(name: str, x: Any, s: Any, dim: Any) -> tuple[list[int | None], list[int]]:
    """Lengths (None: as it is) and dimensions of a transform over several."""
    lengths: list[int | None]
    if dim is None:
        count = x.ndim if s is None else len(s)
        if count > x.ndim:
            raise RuntimeError(f"fft.{name}: {count} lengths for a tensor of {x.ndim} dimensions")
        dims = list(range(x.ndim - count, x.ndim))
    else:
        dims = [_wrap(name, x, d) for d in ([dim] if isinstance(dim, int) else dim)]
    if len(set(dims)) != len(dims):
        raise RuntimeError(f"fft.{name}: dimensions must be unique, got {dim}")
    if s is None:
        lengths = [None] * len(dims)
    else:
        lengths = [None if n == -1 else n for n in ([s] if isinstance(s, int) else s)]
        if len(lengths) != len(dims):
            raise RuntimeError(f"fft.{name}: {len(lengths)} lengths for {len(dims)} dimensions")
    return lengths, dims


def _sizes(name: str, x: Any, lengths: Sequence[int | None], dims: Sequence[int]) -> list[int]:
    return [_length(name, x.shape[d] if n is None else n) for n, d in zip(lengths, dims, strict=True)]


# ---- one dimension ---------------------------------------------------------------------------


def _along(name: str, x: Any, n: Any, dim: int, norm: Any, inverse: bool) -> Any:
    x = _input(name, x, None)
    d = _wrap(name, x, dim)
    n = _length(name, x.shape[d] if n is None else n)
    return _c2c(x, (d,), (n,), (n,), inverse, factor(_norm(name, norm), inverse, n))


@operator("input", "fft.fft")
def fft(input: Any, n: int | None = None, dim: int = -1, norm: str | None = None) -> Any:
    """Transform along dim, of length n (input cut or filled with zeros); complex."""
    return _along("fft", input, n, dim, norm, False)


@operator("input", "fft.ifft")
def ifft(input: Any, n: int | None = None, dim: int = -1, norm: str | None = None) -> Any:
    """Inverse of fft."""
    return _along("ifft", input, n, dim, norm, True)


def _half(name: str, x: Any, n: Any, dim: int, norm: str, inverse: bool = False) -> Any:
    x = _input(name, x, False)
    d = _wrap(name, x, dim)
    n = _length(name, x.shape[d] if n is None else n)
    return _r2c(x, d, n, n // 2 + 1, False, factor(norm, inverse, n))


def _whole(name: str, x: Any, n: Any, dim: int, norm: str, inverse: bool = True) -> Any:
    x = _input(name, x, True)
    d = _wrap(name, x, dim)
    n = _length(name, 2 * (x.shape[d] - 1) if n is None else n)
    return _c2r(x, d, n, factor(norm, inverse, n))


@operator("input", "fft.rfft")
def rfft(input: Any, n: int | None = None, dim: int = -1, norm: str | None = None) -> Any:
    """fft of a real tensor, its first n // 2 + 1 elements; the others are their conjugates."""
    return _half("rfft", input, n, dim, _norm("rfft", norm))


@operator("input", "fft.irfft")
def irfft(input: Any, n: int | None = None, dim: int = -1, norm: str | None = None) -> Any:
    """Inverse of rfft: n real numbers, 2 * (length - 1) unless told."""
    return _whole("irfft", input, n, dim, _norm("irfft", norm))


@operator("input", "fft.hfft")
def hfft(input: Any, n: int | None = None, dim: int = -1, norm: str | None = None) -> Any:
    """fft of a Hermitian signal given by its first half: n real numbers."""
    x = _input("hfft", input, True)
    return _whole("hfft", _ops["conj"](x), n, dim, _norm("hfft", norm), False)


@operator("input", "fft.ihfft")
def ihfft(input: Any, n: int | None = None, dim: int = -1, norm: str | None = None) -> Any:
    """Inverse of hfft: the first half of a Hermitian signal."""
    return _ops["conj"](_half("ihfft", input, n, dim, _norm("ihfft", norm), True))


# ---- several dimensions ----------------------------------------------------------------------


def _over(name: str, x: Any, lengths: Sequence[int | None], dims: Sequence[int], norm: str, inverse: bool) -> Any:
    """Complex transforms over dims."""
    if not dims:
        return x
    sizes = _sizes(name, x, lengths, dims)
    return _c2c(x, dims, sizes, sizes, inverse, math.prod(factor(norm, inverse, n) for n in sizes))


def _several(name: str, x: Any, s: Any, dim: Any, norm: Any, inverse: bool) -> Any:
    x = _input(name, x, None)
    lengths, dims = _axes(name, x, s, dim)
    norm = _norm(name, norm)
    return _over(name, x, lengths, dims, norm, inverse) if dims else _complex(x).clone()


def _some(name: str, x: Any, s: Any, dim: Any) -> tuple[list[int | None], list[int]]:
    lengths, dims = _axes(name, x, s, dim)
    if not dims:
        raise RuntimeError(f"fft.{name}: at least one dimension must be transformed")
    return lengths, dims


def _halves(name: str, x: Any, s: Any, dim: Any, norm: Any) -> Any:
    x = _input(name, x, False)
    lengths, dims = _some(name, x, s, dim)
    norm = _norm(name, norm)
    half = _half(name, x, lengths[-1], dims[-1], norm)
    return _over(name, half, lengths[:-1], dims[:-1], norm, False)


def _wholes(name: str, x: Any, s: Any, dim: Any, norm: Any) -> Any:
    x = _input(name, x, True)
    lengths, dims = _some(name, x, s, dim)
    norm = _norm(name, norm)
    x = _over(name, x, lengths[:-1], dims[:-1], norm, True)
    return _whole(name, x, lengths[-1], dims[-1], norm)


def _hermitian(name: str, x: Any, s: Any, dim: Any, norm: Any) -> Any:
    x = _input(name, x, True)
    lengths, dims = _some(name, x, s, dim)
    norm = _norm(name, norm)
    x = _over(name, x, lengths[:-1], dims[:-1], norm, False)
    return _whole(name, _ops["conj"](x), lengths[-1], dims[-1], norm, False)


def _unhermitian(name: str, x: Any, s: Any, dim: Any, norm: Any) -> Any:
    x = _input(name, x, False)
    lengths, dims = _some(name, x, s, dim)
    norm = _norm(name, norm)
    half = _ops["conj"](_half(name, x, lengths[-1], dims[-1], norm, True))
    return _over(name, half, lengths[:-1], dims[:-1], norm, True)


@operator("input", "fft.fftn")
def fftn(input: Any, s: Any = None, dim: Any = None, norm: str | None = None) -> Any:
    """fft over the dimensions dim (all, or the last len(s)), of lengths s (-1: as they are)."""
    return _several("fftn", input, s, dim, norm, False)


@operator("input", "fft.ifftn")
def ifftn(input: Any, s: Any = None, dim: Any = None, norm: str | None = None) -> Any:
    """Inverse of fftn."""
    return _several("ifftn", input, s, dim, norm, True)


@operator("input", "fft.rfftn")
def rfftn(input: Any, s: Any = None, dim: Any = None, norm: str | None = None) -> Any:
    """fftn of a real tensor, halved along the last of dim."""
    return _halves("rfftn", input, s, dim, norm)


@operator("input", "fft.irfftn")
def irfftn(input: Any, s: Any = None, dim: Any = None, norm: str | None = None) -> Any:
    """Inverse of rfftn; real."""
    return _wholes("irfftn", input, s, dim, norm)


@operator("input", "fft.hfftn")
def hfftn(input: Any, s: Any = None, dim: Any = None, norm: str | None = None) -> Any:
    """fftn of a signal that is Hermitian along the last of dim and given by its first half; real."""
    return _hermitian("hfftn", input, s, dim, norm)


@operator("input", "fft.ihfftn")
def ihfftn(input: Any, s: Any = None, dim: Any = None, norm: str | None = None) -> Any:
    """Inverse of hfftn."""
    return _unhermitian("ihfftn", input, s, dim, norm)


@operator("input", "fft.fft2")
def fft2(input: Any, s: Any = None, dim: Any = (-2, -1), norm: str | None = None) -> Any:
    """fftn over two dimensions."""
    return _several("fft2", input, s, dim, norm, False)


@operator("input", "fft.ifft2")
def ifft2(input: Any, s: Any = None, dim: Any = (-2, -1), norm: str | None = None) -> Any:
    """ifftn over two dimensions."""
    return _several("ifft2", input, s, dim, norm, True)


@operator("input", "fft.rfft2")
def rfft2(input: Any, s: Any = None, dim: Any = (-2, -1), norm: str | None = None) -> Any:
    """rfftn over two dimensions."""
    return _halves("rfft2", input, s, dim, norm)


@operator("input", "fft.irfft2")
def irfft2(input: Any, s: Any = None, dim: Any = (-2, -1), norm: str | None = None) -> Any:
    """irfftn over two dimensions."""
    return _wholes("irfft2", input, s, dim, norm)


@operator("input", "fft.hfft2")
def hfft2(input: Any, s: Any = None, dim: Any = (-2, -1), norm: str | None = None) -> Any:
    """hfftn over two dimensions."""
    return _hermitian("hfft2", input, s, dim, norm)


@operator("input", "fft.ihfft2")
def ihfft2(input: Any, s: Any = None, dim: Any = (-2, -1), norm: str | None = None) -> Any:
    """ihfftn over two dimensions."""
    return _unhermitian("ihfft2", input, s, dim, norm)


# ---- frequencies -----------------------------------------------------------------------------


def _rolled(name: str, x: Any, dim: Any, forward: bool) -> Any:
    dims = list(range(x.ndim)) if dim is None else [_wrap(name, x, d) for d in ([dim] if isinstance(dim, int) else dim)]
    halves = [x.shape[d] // 2 for d in dims]
    return _ops["roll"](x, halves if forward else [-h for h in halves], dims) if dims else x.clone()


def fftshift(input: Any, dim: Any = None) -> Any:
    """The elements moved so that frequency 0 stands in the middle of dim (all dimensions)."""
    return _rolled("fftshift", input, dim, True)


def ifftshift(input: Any, dim: Any = None) -> Any:
    """Inverse of fftshift."""
    return _rolled("ifftshift", input, dim, False)


def _frequencies(values: Any, n: int, d: float, dtype: Any, requires_grad: bool, out: Any) -> Any:
    result = values.to(_C.get_default_dtype() if dtype is None else dtype) * (1.0 / (n * d))
    if out is not None:
        return _ops["copy"](result, out=out)
    return result.requires_grad_(True) if requires_grad else result


def fftfreq(
    n: int, d: float = 1.0, *, out: Any = None, dtype: Any = None, layout: Any = None, device: Any = None,
    requires_grad: bool = False,
) -> Any:  # fmt: skip
    """Frequencies of fft's n elements, in cycles per unit of the sample distance d: 0 1 ... -2 -1 over n d."""
    n = _length("fftfreq", n)
    values = _ops["cat"]([_C.arange((n + 1) // 2), _C.arange(-(n // 2), 0)], 0)
    return _frequencies(values, n, d, dtype, requires_grad, out)


def rfftfreq(
    n: int, d: float = 1.0, *, out: Any = None, dtype: Any = None, layout: Any = None, device: Any = None,
    requires_grad: bool = False,
) -> Any:  # fmt: skip
    """Frequencies of rfft's n // 2 + 1 elements."""
    n = _length("rfftfreq", n)
    return _frequencies(_C.arange(n // 2 + 1), n, d, dtype, requires_grad, out)


from ._guard import guarded as _guarded  # noqa: E402

globals().update(_guarded({name: globals()[name] for name in __all__}))
