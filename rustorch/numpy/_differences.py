"""Along one dimension: differences, slopes, integrals, interpolation, convolution."""

from __future__ import annotations

from typing import Any

from ._registry import NotHere, Tensor, axes_of, detached, implements, is_tracked, np, one_axis, op, tensor

_missing: Any = np._NoValue


def _piece(x: Any, axis: int, start: int, stop: int) -> Any:
    """x[start:stop] along a dimension; negative numbers count from its end, 0 as stop is the end."""
    n = x.shape[axis]
    start, stop = start + n if start < 0 else start, stop + n if stop <= 0 else stop
    return op("narrow")(x, axis, start, max(stop - start, 0))


@implements("diff")
def diff(a: Any, n: int = 1, axis: int = -1, prepend: Any = _missing, append: Any = _missing) -> Any:
    x = tensor(a)
    if n == 0:
        return x
    if n < 0:
        raise ValueError(f"order must be non-negative but got {n}")
    if x.ndim == 0:
        raise ValueError("diff requires input that is at least one dimensional")
    axis = one_axis(axis, x.ndim)
    if prepend is _missing:
        prepend = None
    if append is _missing:
        append = None
    if prepend is not None or append is not None:
        one = tuple(1 if i == axis else length for i, length in enumerate(x.shape))
        ends = [None if v is None else tensor(v) for v in (prepend, append)]
        ends = [op("broadcast_to")(v, one) if v is not None and v.ndim == 0 else v for v in ends]
        x = op("cat")([v for v in (ends[0], x, ends[1]) if v is not None], axis)
    differ = np.not_equal if x.dtype.kind == "b" else np.subtract
    for _ in range(n):
        length = x.shape[axis]
        if length == 0:
            break
        x = differ(op("narrow")(x, axis, 1, length - 1), op("narrow")(x, axis, 0, length - 1))
    return x


@implements("ediff1d")
def ediff1d(ary: Any, to_end: Any = None, to_begin: Any = None) -> Any:
    x = op("reshape")(tensor(ary), (-1,))
    parts = [diff(x)]
    for end, at in ((to_begin, 0), (to_end, 2)):
        if end is not None:
            end = op("reshape")(tensor(end), (-1,))
            if not np.can_cast(end.dtype, x.dtype, "same_kind"):
                raise TypeError(
                    f"dtype of `{'to_end' if at else 'to_begin'}` must be compatible with input `ary` under the"
                    " `same_kind` rule."
                )
            parts.insert(at, op("cast")(end, x.dtype))
    return op("cat")(parts, 0) if len(parts) > 1 else parts[0]


# ---- slopes ----


def _spacings(x: Any, varargs: tuple[Any, ...], axes: tuple[int, ...]) -> list[Any]:
    """Per dimension a number, or the distances between coordinates as a column along it."""
    if not varargs:
        return [1.0] * len(axes)
    if len(varargs) == 1 and np.ndim(varargs[0]) == 0:
        return [varargs[0]] * len(axes)
    if len(varargs) != len(axes):
        raise TypeError("invalid number of arguments")
    found = []
    for distance, axis in zip(varargs, axes, strict=True):
        if np.ndim(distance) == 0:
            found.append(distance)
            continue
        if np.ndim(distance) != 1:
            raise ValueError("distances must be either scalars or 1d")
        if len(distance) != x.shape[axis]:
            raise ValueError("when 1d, distances must match the length of the corresponding dimension")
        steps = diff(tensor(distance))
        found.append(op("reshape")(steps, tuple(-1 if i == axis else 1 for i in range(x.ndim))))
    return found


def _slope(x: Any, axis: int, h: Any, edge_order: int) -> Any:
    """Second order differences in the inner part, one-sided ones at the ends (as numpy.gradient)."""

    def at(i: int) -> Any:
        return op("narrow")(x, axis, i if i >= 0 else x.shape[axis] + i, 1)

    left, here, right = _piece(x, axis, 0, -2), _piece(x, axis, 1, -1), _piece(x, axis, 2, 0)
    if not isinstance(h, Tensor) or h.ndim == 0:
        inner = (right - left) / (2.0 * h)
        if edge_order == 1:
            first, last = (at(1) - at(0)) / h, (at(-1) - at(-2)) / h
        else:
            first = (-1.5 * at(0) + 2.0 * at(1) - 0.5 * at(2)) / h
            last = (0.5 * at(-3) - 2.0 * at(-2) + 1.5 * at(-1)) / h
        return op("cat")([first, inner, last], axis)
    d1, d2 = _piece(h, axis, 0, -1), _piece(h, axis, 1, 0)
    inner = -d2 / (d1 * (d1 + d2)) * left + (d2 - d1) / (d1 * d2) * here + d1 / (d2 * (d1 + d2)) * right
    if edge_order == 1:
        first = (at(1) - at(0)) / _piece(h, axis, 0, 1)
        last = (at(-1) - at(-2)) / _piece(h, axis, -1, 0)
        return op("cat")([first, inner, last], axis)
    d1, d2 = _piece(h, axis, 0, 1), _piece(h, axis, 1, 2)
    first = -(2.0 * d1 + d2) / (d1 * (d1 + d2)) * at(0) + (d1 + d2) / (d1 * d2) * at(1) - d1 / (d2 * (d1 + d2)) * at(2)
    d1, d2 = _piece(h, axis, -2, -1), _piece(h, axis, -1, 0)
    last = d2 / (d1 * (d1 + d2)) * at(-3) - (d2 + d1) / (d1 * d2) * at(-2) + (2.0 * d2 + d1) / (d2 * (d1 + d2)) * at(-1)
    return op("cat")([first, inner, last], axis)


@implements("gradient")
def gradient(f: Any, *varargs: Any, axis: Any = None, edge_order: int = 1) -> Any:
    x = tensor(f)
    if not any(map(is_tracked, (x, *varargs))) or x.dtype.kind not in "fc":
        raise NotHere
    if edge_order not in (1, 2):
        raise ValueError("'edge_order' greater than 2 not supported")
    axes = axes_of(axis, x.ndim)
    spacings = _spacings(x, varargs, axes)
    if any(x.shape[d] < edge_order + 1 for d in axes):
        raise ValueError(
            "Shape of array too small to calculate a numerical gradient, at least (edge_order + 1) elements are"
            " required."
        )
    results = [_slope(x, d, h, edge_order) for d, h in zip(axes, spacings, strict=True)]
    return results[0] if len(results) == 1 else tuple(results)


@implements("trapezoid")
def trapezoid(y: Any, x: Any = None, dx: Any = 1.0, axis: int = -1) -> Any:
    t = tensor(y)
    axis = one_axis(axis, t.ndim)
    if x is not None:
        dx = tensor(x)
        dx = diff(dx, axis=0 if dx.ndim == 1 else axis)
        if dx.ndim == 1:
            dx = op("reshape")(dx, tuple(-1 if i == axis else 1 for i in range(t.ndim)))
    return np.add.reduce(np.multiply(dx, np.add(_piece(t, axis, 1, 0), _piece(t, axis, 0, -1))) / 2.0, axis=axis)


@implements("unwrap")
def unwrap(p: Any, discont: Any = None, axis: int = -1, *, period: Any = 6.283185307179586) -> Any:
    """What is added to each angle is a number of whole periods, constant almost everywhere."""
    x = tensor(p)
    if not is_tracked(x):
        raise NotHere
    flat = np.unwrap(detached(x), discont, axis, period=detached(period))
    return x + tensor(flat - detached(x))


# ---- interpolation ----


def _wrapped(x: Any, xp: Any, fp: Any, period: Any) -> tuple[Any, Any, Any]:
    """Coordinates within one period, in order, with a neighbour at both ends."""
    period = abs(period)
    x, xp = np.remainder(x, period), np.remainder(xp, period)
    order = tensor(np.argsort(detached(xp)))
    xp, fp = op("index_select")(xp, 0, order), op("index_select")(fp, 0, order)
    n = xp.shape[0]
    first, last = (op("narrow")(xp, 0, 0, 1), op("narrow")(xp, 0, n - 1, 1))
    xp = op("cat")([last - period, xp, first + period], 0)
    return x, xp, op("cat")([op("narrow")(fp, 0, n - 1, 1), fp, op("narrow")(fp, 0, 0, 1)], 0)


@implements("interp")
def interp(x: Any, xp: Any, fp: Any, left: Any = None, right: Any = None, period: Any = None) -> Any:
    if not any(map(is_tracked, (x, xp, fp, left, right))):
        raise NotHere
    x, xp, fp = (op("cast")(v, "float64") if v.dtype.kind in "iub" else v for v in map(tensor, (x, xp, fp)))
    if xp.ndim != 1 or fp.ndim != 1:
        raise ValueError("Data points must be 1-D sequences")
    if xp.shape[0] != fp.shape[0]:
        raise ValueError("fp and xp are not of the same length.")
    if xp.shape[0] == 0:
        raise ValueError("array of sample points is empty")
    if period is not None:
        if detached(period) == 0:
            raise ValueError("period must be a non-zero value")
        x, xp, fp = _wrapped(x, xp, fp, period)
        left = right = None
    n = xp.shape[0]
    flat = op("reshape")(x, (-1,))
    at = np.clip(np.searchsorted(detached(xp), detached(flat), side="right") - 1, 0, max(n - 2, 0))
    low, high = tensor(at), tensor(np.minimum(at + 1, n - 1))
    (x0, x1), (y0, y1) = ([op("index_select")(v, 0, i) for i in (low, high)] for v in (xp, fp))
    within = np.not_equal(x1, x0)
    slope = op("where")(within, (y1 - y0) / op("where")(within, x1 - x0, 1.0), 0.0)
    value = y0 + slope * (flat - x0)
    first, last = (op("select")(v, 0, i) for v, i in ((fp, 0), (fp, n - 1)))
    value = op("where")(flat < op("select")(xp, 0, 0), first if left is None else left, value)
    end = op("select")(xp, 0, n - 1)
    value = op("where")(flat > end, last if right is None else right, op("where")(flat == end, last, value))
    return op("reshape")(value, tuple(x.shape))


# ---- convolution ----


def _full(x: Any, y: Any) -> Any:
    """All sums of products of x with y turned round, the longer one first."""
    m = y.shape[0]
    windows = op("unfold")(np.pad(x, m - 1), 0, m, 1)
    return np.matmul(windows, op("flip")(y, (0,)))


def _pair(a: Any, v: Any) -> tuple[Any, Any]:
    x, y = (op("reshape")(t, (1,)) if t.ndim == 0 else t for t in map(tensor, (a, v)))
    if x.ndim != 1 or y.ndim != 1:
        raise ValueError("object too deep for desired array")
    if not x.shape[0] or not y.shape[0]:
        raise ValueError(("a" if not x.shape[0] else "v") + " cannot be empty")
    if not is_tracked(x) and not is_tracked(y):
        raise NotHere
    return x, y


def _part(full: Any, n: int, m: int, mode: Any, start: int) -> Any:
    """The piece that `mode` names, of lengths n >= m; `start` where "same" begins."""
    mode = {0: "valid", 1: "same", 2: "full"}.get(mode, mode)
    if mode == "full":
        return full
    if mode == "same":
        return op("narrow")(full, 0, start, n)
    if mode == "valid":
        return op("narrow")(full, 0, m - 1, n - m + 1)
    raise ValueError(f"mode must be one of 'valid', 'same', or 'full' (got {mode!r})")


@implements("convolve")
def convolve(a: Any, v: Any, mode: Any = "full") -> Any:
    x, y = _pair(a, v)
    if y.shape[0] > x.shape[0]:
        x, y = y, x
    n, m = x.shape[0], y.shape[0]
    return _part(_full(x, y), n, m, mode, (m - 1) // 2)


@implements("correlate")
def correlate(a: Any, v: Any, mode: Any = "valid") -> Any:
    x, y = _pair(a, v)
    y = op("flip")(np.conjugate(y) if y.dtype.kind == "c" else y, (0,))
    n, m = x.shape[0], y.shape[0]
    if m > n:
        return _part(_full(y, x), m, n, mode, n // 2)
    return _part(_full(x, y), n, m, mode, (m - 1) // 2)
