"""Ufuncs of NumPy that are several ops of ours."""

from __future__ import annotations

from typing import Any

from ._registry import NotHere, Tensor, _ops, detached, is_tracked, np, one_axis, tensor


def _divmod(x: Any, y: Any) -> tuple[Any, Any]:
    return _ops["floor_divide"](x, y), np.remainder(x, y)


def _modf(x: Any) -> tuple[Any, Any]:
    x = tensor(x)
    if x.dtype.kind in "iub":
        x = _ops["cast"](x, np.result_type(x.dtype, np.float16))
    whole = np.trunc(x)
    return np.where(np.isinf(x), np.copysign(0.0, x), np.copysign(x - whole, x)), whole


def _float_power(x: Any, y: Any) -> Any:
    x, y = (_ops["cast"](v, "complex128" if v.dtype.kind == "c" else "float64") for v in map(tensor, (x, y)))
    return np.power(x, y)


def _ldexp(x: Any, y: Any) -> Any:
    if isinstance(y, int) and not -(2**31) <= y < 2**31:
        raise OverflowError(f"ldexp: the exponent {y} does not fit a C int")
    x, y = tensor(x), tensor(y)
    if x.dtype.kind == "c" or (y.dtype.kind not in "bi" and y.dtype.itemsize > (4 if y.dtype.kind == "u" else 0)):
        raise TypeError(f"ldexp: no loop for a number of dtype {x.dtype} and an exponent of dtype {y.dtype}")
    if x.dtype.kind != "f":
        x = _ops["cast"](x, np.result_type(x.dtype, np.float16))
    return _ops["ldexp"](x, _ops["cast"](y, x.dtype))


def _of_dimensions(name: str, x: Any, least: int) -> Any:
    t = tensor(x)
    if t.ndim < least:
        raise ValueError(f"{name}: an input does not have enough dimensions: it has {t.ndim}, {least} are needed")
    return t


def _vecdot(x: Any, y: Any, axis: int = -1) -> Any:
    x, y = _of_dimensions("vecdot", x, 1), _of_dimensions("vecdot", y, 1)
    if axis != -1:
        x, y = np.moveaxis(x, axis, -1), np.moveaxis(y, axis, -1)
    if x.shape[-1] != y.shape[-1]:
        raise ValueError(f"vecdot: the last dimensions of {tuple(x.shape)} and {tuple(y.shape)} differ")
    if x.dtype == y.dtype and x.dtype.kind in "fc":
        x = _ops["conj"](x) if x.dtype.kind == "c" else x
        return np.matmul(x, y) if x.ndim == y.ndim == 1 else _ops["sum"](_ops["mul"](x, y), -1)
    product = np.multiply(np.conjugate(x) if _is_complex(x) else x, y)
    if product.dtype.kind == "b":
        return np.logical_or.reduce(product, axis=-1)
    return np.add.reduce(product, axis=-1, dtype=product.dtype)


def _matvec(a: Any, x: Any) -> Any:
    a, x = _of_dimensions("matvec", a, 2), _of_dimensions("matvec", x, 1)
    return np.matmul(a, x.unsqueeze(-1)).squeeze(-1)


def _vecmat(x: Any, a: Any) -> Any:
    x, a = _of_dimensions("vecmat", x, 1), _of_dimensions("vecmat", a, 2)
    row = np.conjugate(x) if _is_complex(x) else x
    return np.matmul(row.unsqueeze(-2), a).squeeze(-2)


def _is_complex(x: Any) -> bool:
    return bool(tensor(x).dtype.kind == "c")


def _frexp(x: Any) -> Any:
    if not is_tracked(x):
        return NotImplemented
    exponent = tensor(np.frexp(x.detach().numpy())[1])
    return _ops["ldexp"](x, _ops["cast"](-exponent, x.dtype)), exponent


def folded(ufunc: Any, method: str, x: Any, *args: Any, **kwargs: Any) -> Any:
    """reduce, accumulate and reduceat of a ufunc by calls of it, with gradients; NotImplemented when more than
    a dimension is asked for."""
    if method == "reduceat":
        return _reduceat(ufunc, x, *args, **kwargs)
    axis = kwargs.pop("axis", args[0] if args else 0)
    keepdims = kwargs.pop("keepdims", False)
    if kwargs or len(args) > 1 or method not in ("reduce", "accumulate") or not isinstance(x, Tensor):
        return NotImplemented
    if axis is None and x.ndim == 1:
        axis = 0
    if isinstance(axis, tuple) and len(axis) == 1:
        (axis,) = axis
    if not isinstance(axis, int) or x.ndim == 0 or not x.shape[one_axis(axis, x.ndim)]:
        return NotImplemented
    axis = one_axis(axis, x.ndim)
    steps = [_ops["select"](x, axis, 0)]
    for i in range(1, x.shape[axis]):
        steps.append(ufunc(steps[-1], _ops["select"](x, axis, i)))
    if method == "accumulate":
        return _ops["stack"](steps, axis)
    return _ops["unsqueeze"](steps[-1], axis) if keepdims else steps[-1]


def _reduceat(ufunc: Any, x: Any, indices: Any, axis: int = 0, dtype: Any = None, out: Any = None) -> Any:
    if dtype is not None or out is not None or not isinstance(x, Tensor):
        return NotImplemented
    axis = one_axis(axis, x.ndim)
    n, starts = x.shape[axis], [int(i) for i in np.asarray(detached(indices)).ravel()]
    if any(not 0 <= i < n for i in starts):
        raise IndexError(f"reduceat: an index is out of bounds for axis {axis} of length {n}")
    parts = []
    for start, stop in zip(starts, [*starts[1:], n], strict=True):
        piece = _ops["narrow"](x, axis, start, max(stop - start, 1))
        parts.append(ufunc.reduce(piece, axis=axis))
    return _ops["stack"](parts, axis)


_BY_NAME = {
    "frexp": _frexp,
    "divmod": _divmod,
    "modf": _modf,
    "float_power": _float_power,
    "ldexp": _ldexp,
    "degrees": np.rad2deg,
    "radians": np.deg2rad,
    "vecdot": _vecdot,
    "matvec": _matvec,
    "vecmat": _vecmat,
}


def _or_numpy(function: Any) -> Any:
    """The function, or NotImplemented where an argument's dtype is none of ours."""

    def attempt(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except NotHere:
            return NotImplemented

    return attempt


COMPOSED_UFUNCS = {getattr(np, name): _or_numpy(f) for name, f in _BY_NAME.items() if hasattr(np, name)}
