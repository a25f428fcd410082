"""Elementwise functions that are not ufuncs."""

from __future__ import annotations

from typing import Any

from ._registry import NotHere, Tensor, deliver, detached, implements, np, op, settled, tensor

_missing: Any = np._NoValue


@implements("where")
def where(condition: Any, *choices: Any) -> Any:
    if not choices:
        return nonzero(condition)
    x, y = choices
    mask = tensor(condition)
    x, y = settled(x), settled(y)
    return op("where")(mask if mask.dtype.kind == "b" else np.not_equal(mask, 0), x, y)


@implements("nonzero")
def nonzero(a: Any) -> Any:
    x = tensor(a)
    if x.ndim == 0:
        raise NotHere
    lines = op("nonzero")(x.detach())
    return tuple(op("select")(lines, 1, d) for d in range(x.ndim))


@implements("argwhere")
def argwhere(a: Any) -> Any:
    return op("nonzero")(tensor(a).detach())


@implements("flatnonzero")
def flatnonzero(a: Any) -> Any:
    return op("reshape")(op("nonzero")(op("reshape")(tensor(a).detach(), (-1,))), (-1,))


@implements("clip")
def clip(
    a: Any,
    a_min: Any = _missing,
    a_max: Any = _missing,
    out: Any = None,
    *,
    min: Any = _missing,
    max: Any = _missing,
) -> Any:
    if (a_min is not _missing or a_max is not _missing) and (min is not _missing or max is not _missing):
        raise ValueError("Passing `min` or `max` keyword argument when `a_min` and `a_max` are provided is forbidden.")
    low = min if a_min is _missing else a_min
    high = max if a_max is _missing else a_max
    x = tensor(a)
    no_low, no_high = (
        low in (None, _missing) if not hasattr(low, "dtype") else False,
        high in (None, _missing) if not hasattr(high, "dtype") else False,
    )
    if x.dtype.kind in "iu":
        low, high = _in_range(low, x.dtype), _in_range(high, x.dtype)
    if no_low and no_high:
        return deliver(np.positive(x), out)
    if no_low:
        return deliver(np.minimum(x, high), out)
    if no_high:
        return deliver(np.maximum(x, low), out)
    if x.dtype.kind == "c":
        raise NotHere
    return deliver(op("clamp")(x, low, high), out)


def _in_range(limit: Any, dtype: Any) -> Any:
    """A Python int beyond the dtype's limits as that limit, which has the same effect."""
    if type(limit) is not int:
        return limit
    info = np.iinfo(dtype)
    return int(info.min) if limit < info.min else int(info.max) if limit > info.max else limit


@implements("round", "around")
def round(a: Any, decimals: int = 0, out: Any = None) -> Any:
    x = tensor(a)
    if x.dtype.kind == "b" and decimals != 0:
        raise TypeError("round: bools have no decimals")
    if x.dtype.kind == "b":
        return deliver(op("cast")(x, "float16"), out)
    if x.dtype.kind in "iu" and decimals >= 0:
        return deliver(op("clone")(x), out)
    if x.dtype.kind == "c":
        parts = [round(op(part)(x), decimals) for part in ("real", "imag")]
        return deliver(op("view_as_complex")(op("stack")(parts, -1)), out)
    if x.dtype.kind != "f":
        raise NotHere
    if decimals == 0:
        return deliver(np.rint(x), out)
    scale = 10.0 ** abs(decimals)
    return deliver(np.rint(x * scale) / scale if decimals > 0 else np.rint(x / scale) * scale, out)


@implements("fix")
def fix(x: Any, out: Any = None) -> Any:
    return np.trunc(tensor(x), out=out)


@implements("real")
def real(val: Any) -> Any:
    x = tensor(val)
    return op("real")(x) if x.dtype.kind == "c" else x


@implements("imag")
def imag(val: Any) -> Any:
    x = tensor(val)
    return op("imag")(x) if x.dtype.kind == "c" else zeros_of(x)


def zeros_of(x: Any) -> Any:
    """Zeros of x's shape and dtype."""
    return tensor(np.zeros(tuple(x.shape), x.dtype))


@implements("angle")
def angle(z: Any, deg: bool = False) -> Any:
    result = op("angle")(tensor(z))
    return np.rad2deg(result) if deg else result


@implements("sinc")
def sinc(x: Any) -> Any:
    t = tensor(x)
    return op("sinc")(op("cast")(t, "float64") if t.dtype.kind in "iub" else t)


@implements("nan_to_num")
def nan_to_num(x: Any, copy: bool = True, nan: Any = 0.0, posinf: Any = None, neginf: Any = None) -> Any:
    t = tensor(x)
    made = _replaced(t, nan, posinf, neginf)
    if copy or not isinstance(x, Tensor):
        return made
    return x if t.dtype.kind not in "fc" else op("copy")(made, out=x)


def _replaced(t: Any, nan: Any, posinf: Any, neginf: Any) -> Any:
    if t.dtype.kind == "c":
        parts = [_replaced(op(part)(t), nan, posinf, neginf) for part in ("real", "imag")]
        return op("view_as_complex")(op("stack")(parts, -1))
    if t.dtype.kind != "f":
        return op("clone")(t)
    limits = np.finfo(t.dtype)
    values = [
        (np.isnan(t), nan),
        (op("isposinf")(t), float(limits.max) if posinf is None else posinf),
        (op("isneginf")(t), float(limits.min) if neginf is None else neginf),
    ]
    made = t
    for where, value in values:
        made = op("where")(where, op("cast")(tensor(value), t.dtype) if np.ndim(value) else float(value), made)
    return made


@implements("isneginf")
def isneginf(x: Any, out: Any = None) -> Any:
    return deliver(op("isneginf")(tensor(x)), out)


@implements("isposinf")
def isposinf(x: Any, out: Any = None) -> Any:
    return deliver(op("isposinf")(tensor(x)), out)


@implements("select")
def select(condlist: Any, choicelist: Any, default: Any = 0) -> Any:
    if len(condlist) != len(choicelist):
        raise ValueError("list of cases must be same length as list of conditions")
    if not len(condlist):
        raise ValueError("select with an empty condition list is not possible")
    for i, condition in enumerate(condlist):
        if detached(condition).dtype.kind != "b":
            raise TypeError(f"invalid entry {i} in condlist: should be boolean ndarray")
    result = tensor(default) if not isinstance(default, (bool, int, float, complex)) else default
    for condition, choice in zip(reversed(condlist), reversed(choicelist), strict=True):
        result = where(condition, choice, result)
    return result


@implements("isclose")
def isclose(a: Any, b: Any, rtol: Any = 1.0e-5, atol: Any = 1.0e-8, equal_nan: bool = False) -> Any:
    x, y = (settled(v) for v in (a, b))
    if not isinstance(x, Tensor) and not isinstance(y, Tensor):
        x = tensor(x)
    if not isinstance(y, (bool, int, float, complex)) and y.dtype.kind in "iub":
        y = op("cast")(y, "float64")
    size = abs(y) if isinstance(y, (bool, int, float, complex)) else np.absolute(y)  # a number is weak
    near = np.less_equal(np.absolute(np.subtract(x, y)), atol + rtol * size)
    result = np.logical_or(np.logical_and(near, np.isfinite(y)), np.equal(x, y))
    if equal_nan:
        result = np.logical_or(result, np.logical_and(np.isnan(x), np.isnan(y)))
    return result


@implements("allclose")
def allclose(a: Any, b: Any, rtol: Any = 1.0e-5, atol: Any = 1.0e-8, equal_nan: bool = False) -> bool:
    return bool(op("all")(isclose(a, b, rtol, atol, equal_nan)))


@implements("array_equal")
def array_equal(a1: Any, a2: Any, equal_nan: bool = False) -> bool:
    try:
        x, y = tensor(a1), tensor(a2)
    except (TypeError, ValueError):
        raise NotHere from None
    if x.shape != y.shape:
        return False
    same = np.equal(x, y)
    if equal_nan:
        same = np.logical_or(same, np.logical_and(np.isnan(x), np.isnan(y)))
    return bool(op("all")(same))


@implements("array_equiv")
def array_equiv(a1: Any, a2: Any) -> bool:
    try:
        return bool(op("all")(np.equal(tensor(a1), tensor(a2))))
    except ValueError:
        return False


@implements("real_if_close")
def real_if_close(a: Any, tol: Any = 100) -> Any:
    x = tensor(a)
    if x.dtype.kind != "c":
        return x
    if tol > 1:
        tol = np.finfo(x.dtype).eps * tol
    imaginary = op("imag")(x)
    return op("real")(x) if bool(op("all")(np.less(np.absolute(imaginary), float(tol)))) else x


@implements("i0")
def i0(x: Any) -> Any:
    t = tensor(x)
    if t.dtype.kind == "c":
        raise TypeError("i0 not supported for complex values")
    return op("i0")(op("cast")(t, "float64") if t.dtype.kind != "f" else t)
