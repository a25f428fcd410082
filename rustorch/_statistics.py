"""Statistics, integrals, differences and histograms: combinations of the rows of the op table.  Gradients follow
from what they call."""

from __future__ import annotations

import math
from typing import Any

from . import _C, return_types

_ops: dict[str, Any] = _C.ops
_METHODS = {
    "nanmean", "aminmax", "cov", "corrcoef", "diff", "histc", "histogram", "argwhere", "logcumsumexp",
}  # fmt: skip
_PUBLIC = _METHODS | {
    "var_mean", "std_mean", "trapz", "trapezoid", "cumulative_trapezoid", "gradient", "histogramdd", "tensordot",
}  # fmt: skip


def _wrap(name: str, dim: int, ndim: int) -> int:
    if not -max(ndim, 1) <= dim < max(ndim, 1):
        raise _C.OutOfRangeError(f"{name}: dimension {dim} is out of range for a tensor of {ndim} dimensions")
    return dim % max(ndim, 1)


def _given(out: Any, result: Any) -> Any:
    return result if out is None else _ops["copy"](result, out=out)


# ---- moments ----


def _both(
    name: str, x: Any, dim: Any, unbiased: Any, keepdim: bool, correction: Any, out: Any
) -> tuple[Any, Any]:
    if isinstance(dim, bool):
        dim, unbiased = None, dim
    if x.dtype.kind in "iub":
        raise _C.DtypeError(f"{name}: input must be floating or complex, not {x.dtype}")
    if unbiased is not None:
        correction = float(unbiased)
    spread = _ops[name](x, dim, keepdim, correction=1.0 if correction is None else float(correction))
    pair = spread, _ops["mean"](x, dim, keepdim)
    return pair if out is None else (_ops["copy"](pair[0], out=out[0]), _ops["copy"](pair[1], out=out[1]))


def var_mean(
    input: Any,
    dim: Any = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: float | None = None,
    out: Any = None,
) -> tuple[Any, Any]:
    """Variance (divided by n - correction, 1 unless given) and mean over dim (all dimensions: None)."""
    return _both("var", input, dim, unbiased, keepdim, correction, out)


def std_mean(
    input: Any,
    dim: Any = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: float | None = None,
    out: Any = None,
) -> tuple[Any, Any]:
    """Standard deviation (root of var_mean's variance) and mean over dim (all dimensions: None)."""
    return _both("std", input, dim, unbiased, keepdim, correction, out)


def nanmean(input: Any, dim: Any = None, keepdim: bool = False, *, dtype: Any = None, out: Any = None) -> Any:
    """Mean over dim (all dimensions: None) of what is not NaN; NaN where nothing is."""
    if input.dtype.kind in "iub":
        raise _C.DtypeError(f"nanmean: input must be floating, not {input.dtype}")
    total = _ops["nansum"](input, dim, keepdim, dtype=dtype)
    return _ops["div"](total, _ops["count_nonzero"](_ops["eq"](input, input), dim, keepdim), out=out)


def aminmax(input: Any, *, dim: int | None = None, keepdim: bool = False, out: Any = None) -> Any:
    """Smallest and largest elements along dim (of all: None): (min, max)."""
    low, high = out if out is not None else (None, None)
    for given in out or ():
        if given.dtype != input.dtype:
            raise _C.DtypeError(f"aminmax: the outputs must be of input's dtype {input.dtype}, not {given.dtype}")
    return return_types.aminmax(_ops["amin"](input, dim, keepdim, out=low), _ops["amax"](input, dim, keepdim, out=high))


def _check_weights(name: str, weights: Any, count: int, integral: bool) -> None:
    if weights.ndim > 1 or weights.numel() != count:
        raise _C.ShapeMismatchError(f"cov: {name} of shape {tuple(weights.shape)} for {count} observations")
    if (weights.dtype.kind in "iu") != integral:
        raise _C.DtypeError(f"cov: {name} must be {'integers' if integral else 'floating'}, not {weights.dtype}")
    if bool((weights < 0).any()):
        raise _C.TensorError(f"cov: {name} must not be negative")


def cov(input: Any, *, correction: int = 1, fweights: Any = None, aweights: Any = None) -> Any:
    """Covariance matrix of variables (rows) over observations (columns).

    Args:
        input: (variables, observations), or (observations,) of one variable.
        correction: divided by the number of observations less this.
        fweights: how often each observation counts, integers.
        aweights: weight of each observation, floating.

    Returns:
        (variables, variables), or () of one variable.
    """
    if input.ndim > 2:
        raise _C.TensorError(f"cov: needs at most 2 dimensions, the input has shape {tuple(input.shape)}")
    if input.dtype.kind == "b":
        raise _C.DtypeError("cov: has no meaning for bool")
    rows = input.reshape(1, -1) if input.ndim < 2 else input
    count = rows.shape[1]
    weights = fweights
    if fweights is not None:
        _check_weights("fweights", fweights, count, True)
    if aweights is not None:
        _check_weights("aweights", aweights, count, False)
        weights = aweights if weights is None else weights * aweights
    total = count if weights is None else weights.sum()
    if weights is not None and total.dtype.kind in "fu" and not total:
        raise ZeroDivisionError("cov: the weights add up to 0")
    mean = (rows if weights is None else rows * weights).sum(1, True) / total
    if weights is not None and aweights is not None and correction:
        left = total - correction * (weights * aweights).sum() / total
    else:
        left = total - correction
    left = max(left, 0) if isinstance(left, int) else _ops["maximum"](left, 0)
    centred = rows - mean
    weighted = centred if weights is None else centred * weights
    other = _ops["conj"](centred) if centred.dtype.kind == "c" else centred
    return _ops["squeeze"](_ops["div"](weighted @ other.transpose(0, 1), left))


def corrcoef(input: Any) -> Any:
    """Correlations of variables (rows) over observations (columns), within -1 and 1."""
    c = cov(input)
    if c.ndim == 0:
        return c / c
    variances = _ops["diagonal"](c)
    sigma = _ops["sqrt"](_ops["real"](variances) if c.dtype.kind == "c" else variances)
    c = c / sigma.unsqueeze(1) / sigma.unsqueeze(0)
    if c.dtype.kind != "c":
        return _ops["clamp"](c, -1, 1)
    return _ops["view_as_complex"](_ops["clamp"](_ops["view_as_real"](c), -1, 1))


# ---- differences and integrals ----


def diff(input: Any, n: int = 1, dim: int = -1, prepend: Any = None, append: Any = None, *, out: Any = None) -> Any:
    """Differences of neighbours along dim, n times; of bools whether they differ.

    prepend and append are put before and behind input first."""
    if input.ndim == 0:
        raise _C.TensorError("diff: needs at least one dimension")
    if n < 0:
        raise _C.TensorError(f"diff: n must not be negative, it is {n}")
    dim = _wrap("diff", dim, input.ndim)
    if n == 0:
        return input.clone() if out is None else _ops["copy"](input, out=out)
    parts = [part for part in (prepend, input, append) if part is not None]
    x = _ops["cat"](parts, dim) if len(parts) > 1 else input
    for _ in range(min(n, x.shape[dim])):
        length = x.shape[dim]
        a, b = x.narrow(dim, 1, max(length - 1, 0)), x.narrow(dim, 0, max(length - 1, 0))
        x = a != b if x.dtype.kind == "b" else a - b
    return _given(out, x)


def _halves(y: Any, dim: int) -> tuple[Any, Any]:
    n = y.shape[dim]
    return y.narrow(dim, 1, n - 1), y.narrow(dim, 0, n - 1)


def _spacing(name: str, y: Any, x: Any, dim: int) -> Any:
    """Steps of the coordinates x, shaped to go with y's intervals."""
    if x.ndim == 0:
        raise _C.TensorError(f"{name}: x must have a dimension")
    if x.ndim == 1 and y.ndim != 1:
        if x.shape[0] != y.shape[dim]:
            raise _C.ShapeMismatchError(
                f"{name}: x has {x.shape[0]} elements, dimension {dim} of y {y.shape[dim]}"
            )
        x = x.reshape([-1 if d == dim else 1 for d in range(y.ndim)])
    elif x.ndim < y.ndim:
        x = x.reshape([1] * (y.ndim - x.ndim) + list(x.shape))
    after, before = _halves(x, dim)
    return after - before


def trapezoid(y: Any, x: Any = None, *, dx: Any = None, dim: int = -1) -> Any:
    """Integral along dim by the trapezoidal rule, over coordinates x or steps of dx (1)."""
    dim = _wrap("trapezoid", dim, y.ndim)
    if x is not None and dx is not None:
        raise TypeError("trapezoid: x and dx exclude one another")
    if y.shape[dim] == 0:
        return _ops["sum"](y, dim) * 0.5
    if x is not None:
        after, before = _halves(y, dim)
        return _ops["sum"](_spacing("trapezoid", y, x, dim) * (after + before), dim) / 2.0
    ends = y.select(dim, 0) + y.select(dim, -1)
    return (_ops["sum"](y, dim) * 2 - ends) * ((1.0 if dx is None else dx) / 2.0)


def trapz(y: Any, x: Any = None, *, dx: Any = None, dim: int = -1) -> Any:
    """trapezoid by its older name."""
    return trapezoid(y, x, dx=dx, dim=dim)


def cumulative_trapezoid(y: Any, x: Any = None, *, dx: Any = None, dim: int = -1) -> Any:
    """Running integral along dim by the trapezoidal rule, over coordinates x or steps of dx (1)."""
    dim = _wrap("cumulative_trapezoid", dim, y.ndim)
    if x is not None and dx is not None:
        raise TypeError("cumulative_trapezoid: x and dx exclude one another")
    if y.shape[dim] == 0:
        return y * 0.5
    after, before = _halves(y, dim)
    if x is not None:  # integers are halved last
        return _ops["cumsum"]((after + before) * _spacing("cumulative_trapezoid", y, x, dim), dim) / 2.0
    return _ops["cumsum"](after + before, dim) * ((1.0 if dx is None else dx) / 2.0)


def gradient(input: Any, *, spacing: Any = 1, dim: Any = None, edge_order: int = 1) -> list[Any]:
    """Estimated derivatives along dims (all: None) by central differences, one-sided of edge_order at the edges.

    Args:
        spacing: a step for all dimensions, a step for each, or 1-d tensors of coordinates for each.

    Returns:
        a tensor of input's shape for each dimension.
    """
    spacing = 1 if spacing is None else spacing
    several = isinstance(spacing, (list, tuple))
    if dim is None:
        dims = list(range(input.ndim))
        if several and len(spacing) == 1:
            dims = dims[:1] if input.ndim == 1 else dims
    else:
        dims = [_wrap("gradient", d, input.ndim) for d in ([dim] if isinstance(dim, int) else dim)]
    steps = list(spacing) if several else [spacing] * len(dims)
    if len(steps) != len(dims):
        raise _C.TensorError(f"gradient: {len(steps)} spacings for {len(dims)} dimensions")
    if len(set(dims)) != len(dims):
        raise _C.TensorError(f"gradient: a dimension appears multiple times in dims {dims}")
    if edge_order not in (1, 2):
        raise _C.TensorError(f"gradient: edge_order must be 1 or 2, not {edge_order}")
    for d in dims:
        if input.shape[d] <= edge_order:
            raise _C.TensorError(
                f"gradient: dimension {d} of shape {tuple(input.shape)} is too short for edge_order {edge_order}"
            )
    return [_slope(input, h, d, edge_order) for h, d in zip(steps, dims, strict=True)]


def _slope(f: Any, h: Any, d: int, edge_order: int) -> Any:
    n = f.shape[d]

    def at(t: Any, start: int, length: int) -> Any:
        return t.narrow(d, start % n if start < 0 else start, length)

    if isinstance(h, _C.Tensor) and h.ndim == 1:
        if h.shape[0] != n:
            raise _C.ShapeMismatchError(f"gradient: {h.shape[0]} coordinates for dimension {d} of length {n}")
        h = h.reshape([-1 if k == d else 1 for k in range(f.ndim)])
        step = h.narrow(d, 1, n - 1) - h.narrow(d, 0, n - 1)
        a, b = step.narrow(d, 0, n - 2), step.narrow(d, 1, n - 2)
        inner = (
            at(f, 0, n - 2) * (-b / (a * (a + b)))
            + at(f, 1, n - 2) * ((b - a) / (a * b))
            + at(f, 2, n - 2) * (a / (b * (a + b)))
        )
        if edge_order == 1:
            first = (at(f, 1, 1) - at(f, 0, 1)) / step.narrow(d, 0, 1)
            last = (at(f, -1, 1) - at(f, -2, 1)) / step.narrow(d, n - 2, 1)
        else:
            p, q = step.narrow(d, 0, 1), step.narrow(d, 1, 1)
            first = (
                at(f, 0, 1) * (-(2 * p + q) / (p * (p + q)))
                + at(f, 1, 1) * ((p + q) / (p * q))
                - at(f, 2, 1) * (p / (q * (p + q)))
            )
            p, q = step.narrow(d, n - 3, 1), step.narrow(d, n - 2, 1)
            last = (
                at(f, -3, 1) * (q / (p * (p + q)))
                - at(f, -2, 1) * ((p + q) / (p * q))
                + at(f, -1, 1) * ((2 * q + p) / (q * (p + q)))
            )
        return _ops["cat"]([first, inner, last], d)
    inner = (at(f, 2, n - 2) - at(f, 0, n - 2)) / (2 * h)
    if edge_order == 1:
        first, last = (at(f, 1, 1) - at(f, 0, 1)) / h, (at(f, -1, 1) - at(f, -2, 1)) / h
    else:
        first = (at(f, 1, 1) * 2 - at(f, 0, 1) * 1.5 - at(f, 2, 1) * 0.5) / h
        last = (at(f, -1, 1) * 1.5 - at(f, -2, 1) * 2 + at(f, -3, 1) * 0.5) / h
    return _ops["cat"]([first, inner, last], d)


# ---- counting ----


def argwhere(input: Any) -> Any:
    """Indices of elements that are not zero: (n, ndim) int64."""
    return _ops["nonzero"](input)


def _histogram_input(name: str, x: Any) -> Any:
    if str(x.dtype) not in ("float16", "bfloat16", "float32", "float64"):
        raise _C.DtypeError(f"{name}: input must be floating, not {x.dtype}")
    return x.detach()


def _limits(name: str, x: Any, low: float, high: float, widen: float) -> tuple[float, float]:
    """The given limits, or the data's where they are equal."""
    if low == high and x.numel():
        low, high = _ops["amin"](x).item(), _ops["amax"](x).item()
    elif low == high:
        return 0.0, 1.0
    if low == high:
        low, high = low - widen, high + widen
    if not (math.isfinite(low) and math.isfinite(high)):
        raise _C.TensorError(f"{name}: the range [{low}, {high}] is not finite")
    if low > high:
        raise _C.TensorError(f"{name}: max {high} is below min {low}")
    return low, high


def histc(input: Any, bins: int = 100, min: float = 0, max: float = 0, *, out: Any = None) -> Any:
    """Number of elements in each of `bins` equal intervals of [min, max]; equal limits: those of the data.

    Returns:
        (bins,) of input's dtype.  What is outside or NaN is not counted.
    """
    if bins <= 0:
        raise _C.TensorError(f"histc: bins must be positive, not {bins}")
    x = input.detach().reshape(-1)
    if x.dtype.kind == "c":
        raise _C.DtypeError(f"histc: has no meaning for {x.dtype}")
    low, high = _limits("histc", x, min, max, 1)
    x = _ops["masked_select"](x, (x >= low) & (x <= high))
    place = ((x - low) * bins / (high - low)).to("int64")
    place = _ops["minimum"](place, bins - 1)
    return _given(out, _ops["bincount"](place, None, bins).to(input.dtype))


def _edges(name: str, x: Any, bins: Any, low: float, high: float) -> Any:
    """Edges of the bins of one coordinate (n,)."""
    if not isinstance(bins, int):
        if bins.ndim != 1 or bins.numel() < 1:
            raise _C.TensorError(f"{name}: edges must be a 1-d tensor, not of shape {tuple(bins.shape)}")
        if bins.dtype != x.dtype:
            raise _C.DtypeError(f"{name}: edges must have the input's dtype {x.dtype}, not {bins.dtype}")
        return bins.detach()
    if bins <= 0:
        raise _C.TensorError(f"{name}: bins must be positive, not {bins}")
    low, high = _limits(name, x, low, high, 0.5)
    return _C.linspace(low, high, bins + 1, dtype=x.dtype)


def _count(x: Any, edges: list[Any], weight: Any, density: bool) -> Any:
    """Weights of points (n, d) added up over the boxes of the edges."""
    shape = [e.numel() - 1 for e in edges]
    place: Any = 0
    inside: Any = None
    for k, e in enumerate(edges):
        v = _ops["select"](x, 1, k)
        at = _ops["search"](v, e, right=True) - 1
        last = e.numel() - 1
        at = _ops["minimum"](at, last - 1)
        within = (v >= e[0]) & (v <= e[last])
        inside = within if inside is None else inside & within
        place = place * shape[k] + at
    place = _ops["masked_select"](place, inside)
    if weight is None:
        weight = _C.ones(place.numel(), dtype=x.dtype)
    else:
        weight = _ops["masked_select"](weight.detach().reshape(-1), inside)
    hist = _ops["bincount"](place, weight, math.prod(shape)).reshape(shape).to(x.dtype)
    if density:
        hist = hist / hist.sum()
        for k, e in enumerate(edges):
            hist = hist / diff(e).reshape([-1 if j == k else 1 for j in range(len(edges))])
    return hist


def _check_histogram_weight(name: str, weight: Any, shape: Any, dtype: Any) -> None:
    if weight is None:
        return
    if tuple(weight.shape) != tuple(shape):
        raise _C.ShapeMismatchError(f"{name}: weight of shape {tuple(weight.shape)} for points of shape {tuple(shape)}")
    if weight.dtype != dtype:
        raise _C.DtypeError(f"{name}: weight must have the input's dtype {dtype}, not {weight.dtype}")


def histogram(
    input: Any, bins: Any, *, range: Any = None, weight: Any = None, density: bool = False, out: Any = None
) -> Any:
    """Histogram of all elements.

    Args:
        bins: how many equal intervals of `range` (None: of the data), or a tensor of rising edges.
        weight: of input's shape, what each element counts.
        density: divide by the total and the intervals' widths.

    Returns:
        (hist, bin_edges).  The last interval includes its upper edge.
    """
    x = _histogram_input("histogram", input).reshape(-1)
    _check_histogram_weight("histogram", weight, input.shape, input.dtype)
    if range is not None and len(range) != 2:
        raise _C.TensorError(f"histogram: range must be (min, max), not {range}")
    edges = _edges("histogram", x, bins, *(range or (0.0, 0.0)))
    hist = _count(x.unsqueeze(1), [edges], weight, density)
    if out is not None:
        hist, edges = _ops["copy"](hist, out=out[0]), _ops["copy"](edges, out=out[1])
    return return_types.histogram(hist, edges)


def histogramdd(
    input: Any, bins: Any, range: Any = None, weight: Any = None, density: bool = False
) -> Any:
    """Histogram of points.

    Args:
        input: (..., d), points of d coordinates.
        bins: number of intervals of each coordinate (one number for all), or a list of d tensors of edges.
        range: (min, max) of each coordinate one behind the other, 2 d numbers; None: of the data.
        weight: (...), what each point counts.

    Returns:
        (hist of d dimensions, list of d tensors of edges).
    """
    x = _histogram_input("histogramdd", input)
    if x.ndim < 2:
        raise _C.TensorError(f"histogramdd: needs 2 dimensions or more, the input has shape {tuple(x.shape)}")
    d = x.shape[-1]
    _check_histogram_weight("histogramdd", weight, x.shape[:-1], x.dtype)
    x = x.reshape(-1, d)
    each = [bins] * d if isinstance(bins, int) else list(bins)
    if len(each) != d:
        raise _C.TensorError(f"histogramdd: {len(each)} bins for {d} coordinates")
    limits = [0.0] * (2 * d) if range is None else list(range)
    if len(limits) != 2 * d:
        raise _C.TensorError(f"histogramdd: range must have {2 * d} numbers for {d} coordinates, not {len(limits)}")
    edges = [
        _edges("histogramdd", _ops["select"](x, 1, k), each[k], limits[2 * k], limits[2 * k + 1])
        for k, _ in enumerate(each)
    ]
    return return_types.histogramdd(_count(x, edges, weight, density), edges)


# ---- products and running sums ----


def tensordot(a: Any, b: Any, dims: Any = 2, out: Any = None) -> Any:
    """Sum of products over the last `dims` dimensions of a and first of b, or over the two listed sets.

    Dimensions of length 1 broadcast against those they are summed with."""
    if isinstance(dims, _C.Tensor):
        dims = dims.tolist()
    if isinstance(dims, int):
        if dims < 0 or dims > min(a.ndim, b.ndim):
            raise _C.TensorError(f"tensordot: cannot sum {dims} dimensions of {tuple(a.shape)} and {tuple(b.shape)}")
        left, right = list(range(a.ndim - dims, a.ndim)), list(range(dims))
    else:
        left, right = ([d] if isinstance(d, int) else list(d) for d in dims)
        left = [_wrap("tensordot", d, a.ndim) for d in left]
        right = [_wrap("tensordot", d, b.ndim) for d in right]
    if len(left) != len(right):
        raise _C.TensorError(f"tensordot: {len(left)} dimensions of a against {len(right)} of b")
    for i, j in zip(left, right, strict=True):
        n, m = a.shape[i], b.shape[j]
        if n == m:
            continue
        if n == 1:
            b = _ops["sum"](b, j, True, dtype=b.dtype)
        elif m == 1:
            a = _ops["sum"](a, i, True, dtype=a.dtype)
        else:
            raise _C.ShapeMismatchError(
                f"tensordot: dimension {i} of {tuple(a.shape)} against {j} of {tuple(b.shape)}"
            )
    rows = [d for d in range(a.ndim) if d not in left]
    columns = [d for d in range(b.ndim) if d not in right]
    common = math.prod(a.shape[d] for d in left)
    shape = [a.shape[d] for d in rows] + [b.shape[d] for d in columns]
    x = _ops["permute"](a, rows + left).reshape(math.prod(a.shape[d] for d in rows), common)
    y = _ops["permute"](b, right + columns).reshape(common, math.prod(b.shape[d] for d in columns))
    return _given(out, (x @ y).reshape(shape))


def logcumsumexp(input: Any, dim: int, *, out: Any = None) -> Any:
    """log(cumsum(exp(input), dim)) without overflow on the way."""
    return _ops["logcumsumexp"](input, dim, out=out)


def _scan_in_place(name: str) -> Any:
    row = _ops[name]

    def method(self: Any, dim: int, *, dtype: Any = None) -> Any:
        if dtype is not None and _C.dtype(dtype) != self.dtype:
            raise _C.DtypeError(f"{name}_: the tensor is of dtype {self.dtype}, the dtype asked for is {dtype}")
        return row(self, dim, dtype=self.dtype, out=self)

    method.__name__ = method.__qualname__ = name + "_"
    method.__doc__ = f"{name} in place, in the tensor's own dtype."
    return method


def public() -> dict[str, Any]:
    """What `rustorch` shows of this file."""
    return {n: globals()[n] for n in _PUBLIC}


def methods() -> dict[str, Any]:
    """Those that are methods of Tensor, too."""
    table = {n: globals()[n] for n in _METHODS}
    return table | {n + "_": _scan_in_place(n) for n in ("cumsum", "cumprod")}
