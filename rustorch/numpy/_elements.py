"""Elementwise functions that are not ufuncs."""

from __future__ import annotations

from typing import Any

from ._registry import NotHere, deliver, implements, np, one_axis, op, tensor

_missing: Any = np._NoValue


@implements("where")
def where(condition: Any, *choices: Any) -> Any:
    if not choices:
        return nonzero(condition)
    x, y = choices
    mask = tensor(condition)
    return op("where")(mask if mask.dtype.kind == "b" else np.not_equal(mask, 0), x, y)


@implements("nonzero")
def nonzero(a: Any) -> Any:
    return tuple(tensor(i) for i in np.nonzero(tensor(a).detach().numpy()))


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
        raise ValueError(
            "Passing `min` or `max` keyword argument when `a_min` and `a_max` are provided is forbidden."
        )
    low = min if a_min is _missing else a_min
    high = max if a_max is _missing else a_max
    x = tensor(a)
    no_low, no_high = (
        low in (None, _missing) if not hasattr(low, "dtype") else False,
        high in (None, _missing) if not hasattr(high, "dtype") else False,
    )
    if no_low and no_high:
        return deliver(op("positive")(x) if x.dtype.kind != "b" else op("clone")(x), out)
    if no_low:
        return deliver(np.minimum(x, high), out)
    if no_high:
        return deliver(np.maximum(x, low), out)
    if x.dtype.kind == "c":
        raise NotHere
    return deliver(op("clamp")(x, low, high), out)


@implements("round", "around")
def round(a: Any, decimals: int = 0, out: Any = None) -> Any:
    x = tensor(a)
    if x.dtype.kind == "b" and decimals == 0:
        return deliver(op("cast")(x, "float16"), out)
    if x.dtype.kind in "biu" and decimals >= 0:
        return deliver(op("clone")(x), out)
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
    return op("sinc")(tensor(x))


@implements("nan_to_num")
def nan_to_num(x: Any, copy: bool = True, nan: Any = 0.0, posinf: Any = None, neginf: Any = None) -> Any:
    t = tensor(x)
    if not copy or t.dtype.kind == "c":
        raise NotHere
    if t.dtype.kind != "f":
        return op("clone")(t)
    limits = np.finfo(t.dtype)
    t = op("where")(np.isnan(t), nan, t)
    t = op("where")(np.equal(t, np.inf), float(limits.max) if posinf is None else posinf, t)
    return op("where")(np.equal(t, -np.inf), float(limits.min) if neginf is None else neginf, t)


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
    result = tensor(default) if not isinstance(default, (bool, int, float, complex)) else default
    for condition, choice in zip(reversed(condlist), reversed(choicelist), strict=True):
        result = where(condition, choice, result)
    return result


def _end(values: Any, x: Any, axis: int) -> list[Any]:
    """What diff joins to x: nothing, or an array, a single value repeated over the other dimensions."""
    if values is None or values is _missing:
        return []
    end = tensor(values)
    return [end if end.ndim else op("broadcast_to")(end, (*x.shape[:axis], 1, *x.shape[axis + 1 :]))]


@implements("diff")
def diff(a: Any, n: int = 1, axis: int = -1, prepend: Any = _missing, append: Any = _missing) -> Any:
    x = tensor(a)
    if n < 0:
        raise ValueError(f"order must be non-negative but got {n}")
    if x.ndim == 0:
        raise ValueError("diff requires input that is at least one dimensional")
    axis = one_axis(axis, x.ndim)
    before, after = _end(prepend, x, axis), _end(append, x, axis)
    if n and (before or after):
        x = np.concatenate([*before, x, *after], axis)
    for _ in range(n):
        length = max(x.shape[axis] - 1, 0)
        high, low = op("narrow")(x, axis, min(1, x.shape[axis]), length), op("narrow")(x, axis, 0, length)
        x = np.not_equal(high, low) if x.dtype.kind == "b" else np.subtract(high, low)
    return x


@implements("ediff1d")
def ediff1d(ary: Any) -> Any:
    return diff(op("reshape")(tensor(ary), (-1,)))


@implements("gradient")
def gradient(f: Any, *varargs: Any, axis: Any = None, edge_order: int = 1) -> Any:
    x = tensor(f)
    steps = varargs or (1.0,)
    if edge_order != 1 or any(np.ndim(s) for s in steps) or x.dtype.kind != "f":
        raise NotHere
    axes = (
        range(x.ndim)
        if axis is None
        else [a % x.ndim for a in (axis if isinstance(axis, tuple) else (axis,))]
    )
    steps = tuple(steps) * len(axes) if len(steps) == 1 else steps
    results = []
    for d, h in zip(axes, steps, strict=True):
        n = x.shape[d]
        if n < 2:
            raise ValueError("Shape of array too small to calculate a numerical gradient")
        inner = (op("narrow")(x, d, 2, n - 2) - op("narrow")(x, d, 0, n - 2)) / (2.0 * h)
        first = (op("narrow")(x, d, 1, 1) - op("narrow")(x, d, 0, 1)) / h
        last = (op("narrow")(x, d, n - 1, 1) - op("narrow")(x, d, n - 2, 1)) / h
        results.append(op("cat")([first, inner, last], d))
    return results[0] if len(results) == 1 else tuple(results)
