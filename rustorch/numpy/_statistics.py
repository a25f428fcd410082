"""Order statistics, averages and covariance."""

from __future__ import annotations

import math
from typing import Any

from ._registry import NotHere, axes_of, deliver, implements, is_tracked, np, op, tensor
from ._sorting import by_ranks, sort

_missing: Any = np._NoValue


@implements("average")
def average(a: Any, axis: Any = None, weights: Any = None, returned: bool = False, *, keepdims: Any = _missing) -> Any:
    x = tensor(a)
    if weights is None:
        mean = np.mean(x, axis=axis, keepdims=keepdims is True)
        if not returned:
            return mean
        count = math.prod(x.shape[i] for i in axes_of(axis, x.ndim))
        return mean, op("fill")(mean, float(count))
    w = tensor(weights)
    if tuple(w.shape) != tuple(x.shape):
        axes = axes_of(axis, x.ndim)
        if axis is None:
            raise TypeError("Axis must be specified when shapes of a and weights differ.")
        if tuple(w.shape) != tuple(x.shape[i] for i in axes):
            raise ValueError("Shape of weights must be consistent with shape of a along specified axis.")
        order = sorted(range(len(axes)), key=axes.__getitem__)
        w = op("reshape")(op("permute")(w, tuple(order)), tuple(n if i in axes else 1 for i, n in enumerate(x.shape)))
        w = op("expand")(w, tuple(x.shape))
    w = op("cast")(w, np.result_type(w.dtype, "float64" if x.dtype.kind in "iub" else x.dtype))
    total = np.add.reduce(w, axis=axis, keepdims=keepdims is True)
    if np.any(np.equal(total, 0)):
        raise ZeroDivisionError("Weights sum to zero, can't be normalized")
    mean = np.add.reduce(np.multiply(x, w), axis=axis, keepdims=keepdims is True) / total
    return (mean, op("clone")(op("broadcast_to")(total, tuple(mean.shape)))) if returned else mean


def _last(x: Any, axis: Any) -> tuple[Any, tuple[int, ...]]:
    """The reduced dimensions as one, the last; and the shape that keepdims wants."""
    axes = axes_of(axis, x.ndim)
    kept = tuple(1 if i in axes else n for i, n in enumerate(x.shape))
    others = tuple(i for i in range(x.ndim) if i not in axes)
    x = op("permute")(x, (*others, *axes)) if x.ndim else x
    return op("reshape")(x, (*x.shape[: len(others)], -1)), kept


def _quantiles(x: Any, q: Any, axis: Any, keepdims: bool) -> Any:
    x = op("cast")(x, "float64") if x.dtype.kind in "iub" else x
    if x.dtype.kind != "f" or x.numel() == 0:
        raise NotHere
    rows, kept = _last(x, axis)
    ordered, n = sort(rows), rows.shape[-1]
    poisoned = np.isnan(op("select")(ordered, -1, n - 1))
    results = []
    for point in q.ravel().tolist():
        at = point * (n - 1)
        below = min(int(at), n - 1)
        above = min(below + 1, n - 1)
        low, high = op("select")(ordered, -1, below), op("select")(ordered, -1, above)
        value = op("where")(poisoned, np.nan, low + (high - low) * (at - below) if at > below else low)
        results.append(op("reshape")(value, kept) if keepdims else value)
    if q.ndim == 0:
        return results[0]
    return op("reshape")(np.stack(results), (*q.shape, *results[0].shape))


@implements("quantile")
def quantile(
    a: Any,
    q: Any,
    axis: Any = None,
    out: Any = None,
    overwrite_input: bool = False,
    method: str = "linear",
    keepdims: bool = False,
    *,
    weights: Any = None,
) -> Any:
    if not is_tracked(tensor(a)) and not is_tracked(weights):
        words = {"axis": axis, "out": out, "method": method, "keepdims": keepdims, "weights": weights}
        return by_ranks(np.quantile, tensor(a), q, **words)
    points = np.asarray(q.numpy() if hasattr(q, "numpy") else q, "float64")
    if method != "linear" or weights is not None:
        raise NotHere
    if points.size and not (points.min() >= 0 and points.max() <= 1):
        raise ValueError("Quantiles must be in the range [0, 1]")
    return deliver(_quantiles(tensor(a), points, axis, keepdims), out)


@implements("percentile")
def percentile(
    a: Any,
    q: Any,
    axis: Any = None,
    out: Any = None,
    overwrite_input: bool = False,
    method: str = "linear",
    keepdims: bool = False,
    *,
    weights: Any = None,
) -> Any:
    if not is_tracked(tensor(a)) and not is_tracked(weights):
        words = {"axis": axis, "out": out, "method": method, "keepdims": keepdims, "weights": weights}
        return by_ranks(np.percentile, tensor(a), q, **words)
    points = np.asarray(q.numpy() if hasattr(q, "numpy") else q, "float64") / 100
    if method != "linear" or weights is not None:
        raise NotHere
    if points.size and not (points.min() >= 0 and points.max() <= 1):
        raise ValueError("Percentiles must be in the range [0, 100]")
    return deliver(_quantiles(tensor(a), points, axis, keepdims), out)


@implements("median")
def median(
    a: Any, axis: Any = None, out: Any = None, overwrite_input: bool = False, keepdims: bool = False
) -> Any:
    if not is_tracked(tensor(a)):
        return by_ranks(np.median, tensor(a), axis=axis, out=out, keepdims=keepdims)
    return deliver(_quantiles(tensor(a), np.asarray(0.5), axis, keepdims), out)


@implements("cov")
def cov(
    m: Any,
    y: Any = None,
    rowvar: bool = True,
    bias: bool = False,
    ddof: Any = None,
    fweights: Any = None,
    aweights: Any = None,
    *,
    dtype: Any = None,
) -> Any:
    plain = fweights is None and aweights is None and dtype is None
    if not plain and not any(map(is_tracked, (m, y, aweights))):
        raise NotHere
    parts = []
    for v in (m, y):
        if v is None:
            continue
        x = tensor(v)
        x = op("cast")(x, "float64") if x.dtype.kind in "iub" else x
        if x.ndim > 2:
            raise ValueError("m has more than 2 dimensions")
        x = np.atleast_2d(x)
        parts.append(x if rowvar or (x.shape[0] == 1 and tensor(v).ndim < 2) else op("mT")(x))
    x = parts[0] if len(parts) == 1 else np.concatenate(parts, axis=0)
    x = x if dtype is None else op("cast")(x, dtype)
    ddof = int(not bias) if ddof is None else ddof
    if ddof != int(ddof):
        raise ValueError("ddof must be integer")
    weights, degrees = _degrees(x, ddof, fweights, aweights)
    if weights is None:
        turned = x = x - np.mean(x, axis=1, keepdims=True)
    else:
        x = x - op("unsqueeze")(average(x, 1, weights), 1)
        turned = x * weights
    turned = op("mT")(np.conjugate(turned) if x.dtype.kind == "c" else turned)
    return op("squeeze")(np.matmul(x, turned) / degrees, None)


def _degrees(x: Any, ddof: int, fweights: Any, aweights: Any) -> tuple[Any, Any]:
    """The weight of each observation (None: 1), and what sums are divided by."""
    n = x.shape[1]
    weights = None
    for name, given in (("fweights", fweights), ("aweights", aweights)):
        if given is None:
            continue
        w = op("cast")(tensor(given), "float64")
        if w.ndim > 1:
            raise RuntimeError(f"cannot handle multidimensional {name}")
        if w.shape[0] != n:
            raise RuntimeError(f"incompatible numbers of samples and {name}")
        if np.any(np.less(w, 0)):
            raise ValueError(f"{name} cannot be negative")
        if name == "fweights" and not np.all(np.equal(w, np.rint(w))):
            raise TypeError("fweights must be integer")
        weights = w if weights is None else weights * w
    if weights is None:
        return None, float(max(n - ddof, 0))
    total = np.add.reduce(weights)
    if ddof == 0:
        return weights, total
    if aweights is None:
        return weights, total - ddof
    return weights, total - ddof * np.add.reduce(weights * op("cast")(tensor(aweights), "float64")) / total


@implements("corrcoef")
def corrcoef(x: Any, y: Any = None, rowvar: bool = True, *, dtype: Any = None) -> Any:
    c = cov(x, y, rowvar, dtype=dtype)
    if c.ndim == 0:
        return c / c
    if c.dtype.kind == "c":
        raise NotHere
    deviation = np.sqrt(op("diagonal")(c))
    return np.clip(c / op("unsqueeze")(deviation, 1) / op("unsqueeze")(deviation, 0), -1, 1)
