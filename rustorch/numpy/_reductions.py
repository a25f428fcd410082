"""Reductions and scans."""

from __future__ import annotations

from typing import Any

from ._registry import NotHere, Tensor, _ops, axes_of, deliver, implements, is_tracked, np, one_axis, op, tensor

_missing: Any = np._NoValue


# NumPy's ufunc -> the row that folds with it
_ROWS = {
    np.add: "sum",
    np.multiply: "prod",
    np.maximum: "amax",
    np.minimum: "amin",
    np.logical_or: "any",
    np.logical_and: "all",
}


def _reduce(ufunc: Any, a: Any, axis: Any, out: Any, dtype: Any, keepdims: Any, initial: Any, where: Any) -> Any:
    if out is None and dtype is None and initial is _missing and where is _missing and axis != () and _is_floating(a):
        return _ops[_ROWS[ufunc]](a, axis, keepdims is True)
    words: dict[str, Any] = {"axis": axis, "out": out}
    given = {"dtype": dtype, "keepdims": keepdims, "initial": initial, "where": where}
    words.update({key: value for key, value in given.items() if value is not _missing and value is not None})
    if isinstance(axis, list):
        words["axis"] = tuple(axis)
    return ufunc.reduce(tensor(a), **words)


@implements("sum")
def sum(
    a: Any,
    axis: Any = None,
    dtype: Any = None,
    out: Any = None,
    keepdims: Any = _missing,
    initial: Any = _missing,
    where: Any = _missing,
) -> Any:
    return _reduce(np.add, a, axis, out, dtype, keepdims, initial, where)


@implements("prod")
def prod(
    a: Any,
    axis: Any = None,
    dtype: Any = None,
    out: Any = None,
    keepdims: Any = _missing,
    initial: Any = _missing,
    where: Any = _missing,
) -> Any:
    return _reduce(np.multiply, a, axis, out, dtype, keepdims, initial, where)


@implements("max", "amax")
def max(
    a: Any,
    axis: Any = None,
    out: Any = None,
    keepdims: Any = _missing,
    initial: Any = _missing,
    where: Any = _missing,
) -> Any:
    return _reduce(np.maximum, a, axis, out, None, keepdims, initial, where)


@implements("min", "amin")
def min(
    a: Any,
    axis: Any = None,
    out: Any = None,
    keepdims: Any = _missing,
    initial: Any = _missing,
    where: Any = _missing,
) -> Any:
    return _reduce(np.minimum, a, axis, out, None, keepdims, initial, where)


@implements("any")
def any(a: Any, axis: Any = None, out: Any = None, keepdims: Any = _missing, *, where: Any = _missing) -> Any:
    return _reduce(np.logical_or, a, axis, out, None, keepdims, _missing, where)


@implements("all")
def all(a: Any, axis: Any = None, out: Any = None, keepdims: Any = _missing, *, where: Any = _missing) -> Any:
    return _reduce(np.logical_and, a, axis, out, None, keepdims, _missing, where)


def _is_floating(a: Any) -> bool:
    """A Tensor with elements, and of a dtype that sums to itself?"""
    return isinstance(a, Tensor) and a.is_floating_point() and 0 not in a.shape


def _plain_axis(axis: Any, ndim: int = 1) -> Any:
    if isinstance(axis, tuple) and not axis:
        raise NotHere
    return axis if axis is None or ndim else axes_of(axis, ndim)


@implements("mean")
def mean(
    a: Any,
    axis: Any = None,
    dtype: Any = None,
    out: Any = None,
    keepdims: Any = _missing,
    *,
    where: Any = _missing,
) -> Any:
    x = tensor(a)
    if where is not _missing and where is not True:
        x = x if dtype is None else op("cast")(x, dtype)
        mask = np.broadcast_to(where, x.shape)
        total = np.add.reduce(op("where")(mask, x, 0), axis=axis, keepdims=keepdims is True)
        return deliver(total / np.add.reduce(tensor(mask), axis=axis, keepdims=keepdims is True), out)
    return deliver(op("mean")(x, _plain_axis(axis, x.ndim), keepdims is True, dtype=dtype), out)


def _spread(
    row: str,
    a: Any,
    axis: Any,
    dtype: Any,
    out: Any,
    ddof: Any,
    keepdims: Any,
    where: Any,
    mean: Any,
    correction: Any,
) -> Any:
    if correction is not _missing:
        if ddof != 0:
            raise ValueError("ddof and correction can't be provided simultaneously.")
        ddof = correction
    x = tensor(a) if dtype is None else op("cast")(tensor(a), dtype)
    if mean is not _missing or (where is not _missing and where is not True):
        if not is_tracked(x) and not is_tracked(mean):
            raise NotHere
        spread = _spread_of(x, axis, keepdims is True, where, mean, ddof)
        return deliver(np.sqrt(spread) if row == "std" else spread, out)
    return deliver(op(row)(x, _plain_axis(axis, x.ndim), keepdims is True, correction=float(ddof)), out)


def _spread_of(x: Any, axis: Any, keepdims: bool, where: Any, mean: Any, ddof: Any) -> Any:
    """The variance of chosen elements, or about a given mean."""
    chosen = tensor(np.ones((), bool)) if where is _missing else tensor(where)
    chosen = op("broadcast_to")(chosen, tuple(x.shape))
    if mean is _missing:
        total = np.add.reduce(op("where")(chosen, x, 0), axis=axis, keepdims=True)
        mean = total / np.add.reduce(chosen, axis=axis, keepdims=True)
    squares = op("where")(chosen, np.square(np.absolute(x - mean)), 0)
    count = np.add.reduce(chosen, axis=axis, keepdims=keepdims)
    degrees = np.maximum(count - ddof, 0)
    return np.add.reduce(squares, axis=axis, keepdims=keepdims) / degrees


@implements("var")
def var(
    a: Any,
    axis: Any = None,
    dtype: Any = None,
    out: Any = None,
    ddof: Any = 0,
    keepdims: Any = _missing,
    *,
    where: Any = _missing,
    mean: Any = _missing,
    correction: Any = _missing,
) -> Any:
    return _spread("var", a, axis, dtype, out, ddof, keepdims, where, mean, correction)


@implements("std")
def std(
    a: Any,
    axis: Any = None,
    dtype: Any = None,
    out: Any = None,
    ddof: Any = 0,
    keepdims: Any = _missing,
    *,
    where: Any = _missing,
    mean: Any = _missing,
    correction: Any = _missing,
) -> Any:
    return _spread("std", a, axis, dtype, out, ddof, keepdims, where, mean, correction)


@implements("ptp")
def ptp(a: Any, axis: Any = None, out: Any = None, keepdims: Any = _missing) -> Any:
    x = tensor(a)
    return deliver(np.subtract(max(x, axis, keepdims=keepdims), min(x, axis, keepdims=keepdims)), out)


def _ordered(a: Any) -> Any:
    """As a Tensor, not of complex numbers."""
    x = tensor(a)
    if x.dtype.kind == "c":
        raise NotHere
    return x


@implements("argmax")
def argmax(a: Any, axis: Any = None, out: Any = None, *, keepdims: Any = _missing) -> Any:
    return deliver(op("argmax")(_ordered(a), axis, keepdims is True), out)


@implements("argmin")
def argmin(a: Any, axis: Any = None, out: Any = None, *, keepdims: Any = _missing) -> Any:
    return deliver(op("argmin")(_ordered(a), axis, keepdims is True), out)


@implements("count_nonzero")
def count_nonzero(a: Any, axis: Any = None, *, keepdims: bool = False) -> Any:
    return op("count_nonzero")(tensor(a), _plain_axis(axis), keepdims)


def _scan(ufunc: Any, a: Any, axis: Any, dtype: Any, out: Any) -> Any:
    x = tensor(a)
    if axis is None:
        x, axis = x.reshape(-1), 0
    return ufunc.accumulate(x.reshape(1) if x.ndim == 0 else x, axis=axis, dtype=dtype, out=out)


@implements("cumsum")
def cumsum(a: Any, axis: Any = None, dtype: Any = None, out: Any = None) -> Any:
    return _scan(np.add, a, axis, dtype, out)


@implements("cumprod")
def cumprod(a: Any, axis: Any = None, dtype: Any = None, out: Any = None) -> Any:
    return _scan(np.multiply, a, axis, dtype, out)


def _cumulative(ufunc: Any, neutral: int, x: Any, axis: Any, dtype: Any, out: Any, include_initial: bool) -> Any:
    x = tensor(x)
    if axis is None:
        if x.ndim > 1:
            raise ValueError("For arrays which have more than one dimension ``axis`` argument is required.")
        x, axis = (op("reshape")(x, (1,)) if x.ndim == 0 else x), 0
    row = "cumsum" if ufunc is np.add else "cumprod"
    if x.dtype.kind in "fc" and dtype is None:
        scanned = op(row)(x, one_axis(axis, x.ndim))
    else:
        scanned = ufunc.accumulate(x, axis=axis, dtype=dtype)
    if include_initial:
        first = list(scanned.shape)
        first[one_axis(axis, x.ndim)] = 1
        scanned = np.concatenate([tensor(np.full(first, neutral, scanned.dtype)), scanned], axis=axis)
    return deliver(scanned, out)


@implements("cumulative_sum")
def cumulative_sum(
    x: Any, /, *, axis: Any = None, dtype: Any = None, out: Any = None, include_initial: bool = False
) -> Any:
    return _cumulative(np.add, 0, x, axis, dtype, out, include_initial)


@implements("cumulative_prod")
def cumulative_prod(
    x: Any, /, *, axis: Any = None, dtype: Any = None, out: Any = None, include_initial: bool = False
) -> Any:
    return _cumulative(np.multiply, 1, x, axis, dtype, out, include_initial)


# ---- passing over NaN ----


def _without_nan(a: Any, instead: float, where: Any = _missing) -> tuple[Any, Any]:
    """The elements with others in place of NaN and what is not chosen, and where those are."""
    x = tensor(a)
    if x.dtype.kind not in "fc":
        raise NotHere
    bad = np.isnan(x)
    if where is not _missing and where is not True:
        bad = np.logical_or(bad, np.logical_not(where))
    return op("where")(bad, instead, x), bad


@implements("nansum")
def nansum(
    a: Any,
    axis: Any = None,
    dtype: Any = None,
    out: Any = None,
    keepdims: Any = _missing,
    initial: Any = _missing,
    where: Any = _missing,
) -> Any:
    return sum(_without_nan(a, 0.0)[0], axis, dtype, out, keepdims, initial, where)


@implements("nanprod")
def nanprod(
    a: Any,
    axis: Any = None,
    dtype: Any = None,
    out: Any = None,
    keepdims: Any = _missing,
    initial: Any = _missing,
    where: Any = _missing,
) -> Any:
    return prod(_without_nan(a, 1.0)[0], axis, dtype, out, keepdims, initial, where)


@implements("nanmean")
def nanmean(
    a: Any,
    axis: Any = None,
    dtype: Any = None,
    out: Any = None,
    keepdims: Any = _missing,
    *,
    where: Any = _missing,
) -> Any:
    x, bad = _without_nan(a, 0.0, where)
    total = sum(x, axis, dtype, None, keepdims)
    count = sum(np.logical_not(bad), axis, None, None, keepdims)
    return deliver(total / op("cast")(count, total.dtype), out)


def _nan_spread(a: Any, axis: Any, dtype: Any, ddof: Any, keepdims: Any, where: Any, mean: Any, correction: Any) -> Any:
    if dtype is not None or mean is not _missing:
        raise NotHere
    if correction is not _missing:
        if ddof != 0:
            raise ValueError("ddof and correction can't be provided simultaneously.")
        ddof = correction
    x, bad = _without_nan(a, 0.0, where)
    count = op("cast")(sum(np.logical_not(bad), axis, None, None, True), np.finfo(x.dtype).dtype)
    off = op("where")(bad, 0.0, x - sum(x, axis, None, None, True) / count)
    if keepdims is not True:
        count = sum(count, axis) if axis is not None else op("reshape")(count, ())
    degrees = op("where")(np.greater(count, ddof), count - ddof, np.nan)
    return sum(np.square(np.absolute(off)), axis, None, None, keepdims) / degrees


@implements("nanvar")
def nanvar(
    a: Any,
    axis: Any = None,
    dtype: Any = None,
    out: Any = None,
    ddof: Any = 0,
    keepdims: Any = _missing,
    *,
    where: Any = _missing,
    mean: Any = _missing,
    correction: Any = _missing,
) -> Any:
    return deliver(_nan_spread(a, axis, dtype, ddof, keepdims, where, mean, correction), out)


@implements("nanstd")
def nanstd(
    a: Any,
    axis: Any = None,
    dtype: Any = None,
    out: Any = None,
    ddof: Any = 0,
    keepdims: Any = _missing,
    *,
    where: Any = _missing,
    mean: Any = _missing,
    correction: Any = _missing,
) -> Any:
    return deliver(np.sqrt(_nan_spread(a, axis, dtype, ddof, keepdims, where, mean, correction)), out)


def _nan_extreme(ufunc: Any, worst: float, a: Any, axis: Any, out: Any, keepdims: Any, initial: Any, where: Any) -> Any:
    if initial is not _missing or where is not _missing:
        raise NotHere
    if tensor(a).dtype.kind == "f":                # most have none, and tell so by their result
        result = _reduce(ufunc, a, axis, None, None, keepdims, _missing, _missing)
        if not op("any")(op("isnan")(result)):
            return deliver(result, out)
    x, bad = _without_nan(a, worst)
    result = _reduce(ufunc, x, axis, None, None, keepdims, _missing, _missing)
    return deliver(op("where")(all(bad, axis, None, keepdims), np.nan, result), out)


@implements("nanmax")
def nanmax(
    a: Any,
    axis: Any = None,
    out: Any = None,
    keepdims: Any = _missing,
    initial: Any = _missing,
    where: Any = _missing,
) -> Any:
    return _nan_extreme(np.maximum, -np.inf, a, axis, out, keepdims, initial, where)


@implements("nanmin")
def nanmin(
    a: Any,
    axis: Any = None,
    out: Any = None,
    keepdims: Any = _missing,
    initial: Any = _missing,
    where: Any = _missing,
) -> Any:
    return _nan_extreme(np.minimum, np.inf, a, axis, out, keepdims, initial, where)


def _nan_scan(scan: Any, neutral: float, a: Any, axis: Any, dtype: Any, out: Any) -> Any:
    x = tensor(a)
    return scan(x if x.dtype.kind not in "fc" else _without_nan(x, neutral)[0], axis, dtype, out)


@implements("nancumsum")
def nancumsum(a: Any, axis: Any = None, dtype: Any = None, out: Any = None) -> Any:
    return _nan_scan(cumsum, 0.0, a, axis, dtype, out)


@implements("nancumprod")
def nancumprod(a: Any, axis: Any = None, dtype: Any = None, out: Any = None) -> Any:
    return _nan_scan(cumprod, 1.0, a, axis, dtype, out)
