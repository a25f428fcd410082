"""Order, ranks, distinct elements, sets, searching and counting, through our own kernels."""

from __future__ import annotations

import operator
from typing import Any

from .. import _C
from ._registry import NotHere, deliver, detached, implements, is_tracked, np, one_axis, op, tensor

_KINDS = (None, "quicksort", "mergesort", "heapsort", "stable")
_MOST_RANKS = 100


def _lines(a: Any, axis: Any) -> tuple[Any, int]:
    """A tensor of ordered numbers and the dimension that its lines lie along; NumPy's answer for others."""
    x = tensor(a)
    if x.ndim == 0 or x.dtype.kind not in "biuf":
        raise NotHere
    return (op("reshape")(x, (-1,)), 0) if axis is None else (x, one_axis(axis, x.ndim))


@implements("sort")
def sort(a: Any, axis: Any = -1, kind: Any = None, order: Any = None, *, stable: Any = None) -> Any:
    """A copy sorted along an axis (None: of the flattened array), NaN last; equal elements keep their order.

    Gradients go back to where the values came from.  AxisError for an axis that is not there.
    """
    if order is not None or kind not in _KINDS or (kind is not None and stable is not None):
        raise NotHere
    x, axis = _lines(a, axis)
    return op("sort")(x, axis, False, True)[0] if is_tracked(x) else op("sort_values")(x, axis)


@implements("argsort")
def argsort(a: Any, axis: Any = -1, kind: Any = None, order: Any = None, *, stable: Any = None) -> Any:
    """The indices that sort along an axis (None: of the flattened array); equal elements keep their order."""
    if order is not None or kind not in _KINDS or (kind is not None and stable is not None):
        raise NotHere
    return op("argsort")(*_lines(a, axis), False, True)


def _ranks(kth: Any, kind: Any, order: Any) -> Any:
    if order is not None or kind != "introselect":
        raise NotHere
    ranks = detached(kth)
    if ranks.dtype.kind not in "iu" or ranks.ndim > 1:
        raise NotHere
    return ranks.ravel()


def _check_ranks(ranks: Any, n: int) -> None:
    for k in ranks if len(ranks) < 8 else (ranks.min(), ranks.max()):
        if not -n <= k < n:
            raise ValueError(f"kth(={k}) out of bounds ({n})")


@implements("partition")
def partition(a: Any, kth: Any, axis: Any = -1, kind: Any = "introselect", order: Any = None) -> Any:
    """A copy in which the elements of rank kth (an int or several) along an axis are in place, no greater ones
    before them and no lesser ones after.  ValueError for a rank that is out of bounds."""
    ranks = _ranks(kth, kind, order)
    x, axis = _lines(a, axis)
    if not x.numel():                              # any rank will do, NumPy says
        return op("clone")(x)
    _check_ranks(ranks, x.shape[axis])
    if is_tracked(x):
        return op("sort")(x, axis, False, True)[0]
    if not len(ranks):
        return op("clone")(x)
    return op("sort_values")(x, axis) if len(ranks) > _MOST_RANKS else op("partition_values")(x, axis, ranks.tolist())


@implements("argpartition")
def argpartition(a: Any, kth: Any, axis: Any = -1, kind: Any = "introselect", order: Any = None) -> Any:
    """Indices that partition along an axis: those that sort, which do."""
    ranks = _ranks(kth, kind, order)
    x, axis = _lines(a, axis)
    if x.numel():
        _check_ranks(ranks, x.shape[axis])
    return op("argsort")(x, axis, False, True)


@implements("lexsort")
def lexsort(keys: Any, axis: Any = -1) -> Any:
    """The indices that sort by the last of several keys (n,), among equals by the one before, and so on."""
    rows = [tensor(key).detach() for key in keys]
    if not rows or any(x.ndim != 1 or x.dtype.kind not in "biuf" or x.shape != rows[0].shape for x in rows):
        raise NotHere
    one_axis(axis, 1)
    found = op("argsort")(rows[0], 0, False, True)
    for x in rows[1:]:
        found = op("take")(found, op("argsort")(op("take")(x, found), 0, False, True))
    return found


# ---- ranks ----


class Parted(np.ndarray):  # type: ignore[misc]
    """An ndarray that is partitioned by our kernel: what NumPy's medians and quantiles spend their time on."""

    def partition(self, kth: Any, axis: Any = -1, kind: Any = "introselect", order: Any = None) -> None:
        plain = self.view(np.ndarray)
        ranks = np.unique(np.ravel(kth))
        _check_ranks(ranks, plain.shape[axis] if plain.ndim else 1)
        if not 0 < len(ranks) <= _MOST_RANKS or plain.ndim == 0:
            plain.partition(ranks, axis)
        else:
            plain[...] = op("partition_values")(_C.from_numpy(plain), axis, ranks.tolist()).numpy()


def by_ranks(function: Any, x: Any, *args: Any, out: Any = None, **words: Any) -> Any:
    """NumPy's order statistic of x, with our partition."""
    if x.dtype.kind not in "biuf":
        raise NotHere
    plain = {name: v.detach().numpy() if isinstance(v, _C.Tensor) else v for name, v in words.items()}
    points = [v.detach().numpy() if isinstance(v, _C.Tensor) else v for v in args]
    return deliver(tensor(np.asarray(function(x.detach().numpy().view(Parted), *points, **plain))), out)


# ---- distinct elements and sets ----


def _distinct(x: Any, index: bool, inverse: bool, counts: bool, equal_nan: bool) -> list[Any]:
    """Values, and what is asked for, else nothing, of the flattened x."""
    if x.dtype.kind not in "biuf":
        raise NotHere
    narrow = x.dtype if x.dtype.itemsize == 2 and x.dtype.kind == "f" else None
    flat = op("reshape")(x.detach(), (-1,))
    found = list(op("distinct")(op("cast")(flat, "float32") if narrow else flat, index, inverse, counts, equal_nan))
    if narrow:
        found[0] = op("cast")(found[0], narrow)
    found[2] = op("reshape")(found[2], tuple(x.shape)) if inverse else found[2]
    return found


@implements("unique")
def unique(
    ar: Any,
    return_index: bool = False,
    return_inverse: bool = False,
    return_counts: bool = False,
    axis: Any = None,
    *,
    equal_nan: bool = True,
    sorted: bool = True,
) -> Any:
    """The distinct elements in order, all NaNs as one when `equal_nan`.

    With return_index also where each stands first, with return_inverse (of ar's shape) the number of each
    element among them, with return_counts how often each occurs.
    """
    x = tensor(ar)
    if axis is not None or x.dtype.kind not in "biuf":
        raise NotHere
    tracked = is_tracked(x)
    values, *found = _distinct(
        x, bool(return_index) or tracked, bool(return_inverse), bool(return_counts), bool(equal_nan)
    )
    if tracked:
        values = op("index_select")(op("reshape")(x, (-1,)), 0, found[0])
    extra = [v for v, wanted in zip(found, (return_index, return_inverse, return_counts), strict=True) if wanted]
    return (values, *extra) if extra else values


def _answer(name: str, ar: Any, **wanted: bool) -> Any:
    found = unique(ar, equal_nan=False, **wanted)
    return type(getattr(np, name)(np.empty(0)))(*found)


@implements("unique_values")
def unique_values(x: Any) -> Any:
    """The distinct elements, in order; each NaN is one."""
    return unique(x, equal_nan=False)


@implements("unique_counts")
def unique_counts(x: Any) -> Any:
    """(values, counts) of the distinct elements; each NaN is one."""
    return _answer("unique_counts", x, return_counts=True)


@implements("unique_inverse")
def unique_inverse(x: Any) -> Any:
    """(values, inverse_indices) of the distinct elements; each NaN is one."""
    return _answer("unique_inverse", x, return_inverse=True)


@implements("unique_all")
def unique_all(x: Any) -> Any:
    """(values, indices, inverse_indices, counts) of the distinct elements; each NaN is one."""
    return _answer("unique_all", x, return_index=True, return_inverse=True, return_counts=True)


def _flat_pair(a: Any, b: Any) -> tuple[Any, Any]:
    """Both flattened and of one dtype; gradients through sets are NumPy's refusal."""
    x, y = tensor(a), tensor(b)
    if is_tracked(x) or is_tracked(y):
        raise NotHere
    dtype = np.result_type(x.dtype, y.dtype)
    if dtype.kind not in "biuf":
        raise NotHere
    return op("reshape")(op("cast")(x, dtype), (-1,)), op("reshape")(op("cast")(y, dtype), (-1,))


def _member(x: Any, y: Any, invert: bool) -> Any:
    """Is each element of the flat x among those of the flat y, both of one dtype?"""
    known = op("sort_values")(y, 0)
    if known.dtype.kind == "f":
        known = known[op("eq")(known, known)]
    if known.shape[0] == 0:
        found = _C.zeros(x.shape[0], dtype="bool")
    else:
        place = op("minimum")(op("search")(x, known), known.shape[0] - 1)
        found = op("eq")(op("take")(known, place), x)
    return op("logical_not")(found) if invert else found


@implements("isin")
def isin(
    element: Any, test_elements: Any, assume_unique: bool = False, invert: bool = False, *, kind: Any = None
) -> Any:
    """Is each element among the test elements?  bool, of element's shape; NaN is among nothing."""
    if kind not in (None, "sort"):
        raise NotHere
    shape = tuple(tensor(element).shape)
    return op("reshape")(_member(*_flat_pair(element, test_elements), invert), shape)


@implements("union1d")
def union1d(ar1: Any, ar2: Any) -> Any:
    """The distinct elements of both, in order."""
    return unique(op("cat")(list(_flat_pair(ar1, ar2))))


@implements("intersect1d")
def intersect1d(ar1: Any, ar2: Any, assume_unique: bool = False, return_indices: bool = False) -> Any:
    """The distinct elements that are in both, in order."""
    if return_indices:
        raise NotHere
    x, y = _flat_pair(ar1, ar2)
    if not assume_unique:
        x, y = unique(x), unique(y)
    both = op("sort_values")(op("cat")([x, y]), 0)
    return both[:-1][op("eq")(both[1:], both[:-1])]


@implements("setdiff1d")
def setdiff1d(ar1: Any, ar2: Any, assume_unique: bool = False) -> Any:
    """The distinct elements of ar1 that are not in ar2, in order (of ar1, when assume_unique)."""
    if is_tracked(ar1) or is_tracked(ar2):
        raise NotHere
    dtype = tensor(ar1).dtype
    x, y = _flat_pair(ar1, ar2)
    if x.dtype != dtype:
        raise NotHere
    x = x if assume_unique else unique(x)
    return x[_member(x, y, True)]


@implements("setxor1d")
def setxor1d(ar1: Any, ar2: Any, assume_unique: bool = False) -> Any:
    """The distinct elements that are in one of both only, in order."""
    x, y = _flat_pair(ar1, ar2)
    if not assume_unique:
        x, y = unique(x), unique(y)
    both = op("sort_values")(op("cat")([x, y]), 0)
    if both.shape[0] == 0:
        return both
    edge = _C.ones(1, dtype="bool")
    differs = op("cat")([edge, op("ne")(both[1:], both[:-1]), edge])
    return both[op("logical_and")(differs[1:], differs[:-1])]


# ---- searching ----


@implements("searchsorted")
def searchsorted(a: Any, v: Any, side: str = "left", sorter: Any = None) -> Any:
    """Where v's elements would be put into the sorted a (n,) to keep it sorted: before equal ones, or with
    side="right" behind them.  `sorter`: indices that sort a."""
    x, values = tensor(a).detach(), tensor(v).detach()
    if side not in ("left", "right") or x.ndim != 1:
        raise NotHere
    dtype = np.result_type(x.dtype, values.dtype)
    if dtype.kind not in "biuf":
        raise NotHere
    x, values = op("cast")(x, dtype), op("cast")(values, dtype)
    if sorter is not None:
        places = tensor(sorter)
        if places.dtype.kind not in "iu" or tuple(places.shape) != tuple(x.shape):
            raise NotHere
        if places.shape[0] and (int(op("amin")(places)) < 0 or int(op("amax")(places)) >= x.shape[0]):
            raise NotHere
        x = op("take")(x, op("cast")(places, "int64"))
    if dtype.kind == "f" and ((x.shape[0] and _is_nan(x[-1:])) or _is_nan(values)):
        raise NotHere
    return op("search")(values, x, right=side == "right")


def _is_nan(x: Any) -> bool:
    return bool(op("any")(op("isnan")(x)))


@implements("digitize")
def digitize(x: Any, bins: Any, right: bool = False) -> Any:
    """The number of the bin that each element falls in: bins[i-1] <= x < bins[i] (`right`: < and <=) for edges
    that rise, turned over for edges that fall.  ValueError for edges that do neither."""
    edges, values = detached(bins), tensor(x)
    if edges.ndim != 1 or edges.dtype.kind not in "biuf" or values.dtype.kind not in "biuf":
        raise NotHere
    if (edges[1:] >= edges[:-1]).all():
        return searchsorted(edges, values, "left" if right else "right")
    if not (edges[1:] <= edges[:-1]).all():
        raise ValueError("bins must be monotonically increasing or decreasing")
    return len(edges) - searchsorted(edges[::-1].copy(), values, "left" if right else "right")


# ---- counting ----


@implements("bincount")
def bincount(x: Any, /, weights: Any = None, minlength: Any = 0) -> Any:
    """How often each number from 0 occurs in x (n,), or the sum of its weights (float64); at least minlength
    entries.  ValueError for negative numbers."""
    numbers, least = tensor(x).detach(), operator.index(minlength)
    if numbers.ndim != 1 or numbers.dtype.kind not in "iu" or not np.can_cast(numbers.dtype, "int64"):
        raise NotHere
    if least < 0 or numbers.numel() == 0:
        raise NotHere
    if weights is None:
        return op("bincount")(numbers, None, least)
    w = tensor(weights)
    if tuple(w.shape) != tuple(numbers.shape) or w.dtype.kind not in "biuf" or is_tracked(w):
        raise NotHere
    return op("bincount")(numbers, op("cast")(w, "float64"), least)


@implements("histogram")
def histogram(a: Any, bins: Any = 10, range: Any = None, density: Any = None, weights: Any = None) -> Any:
    """(counts, edges): how many elements fall into bins of equal width, or between given edges.

    bins: how many, a rule of NumPy's, or the edges; range: the outermost edges, else min and max.
    ValueError for a range that is not finite or falls.
    """
    x = tensor(a).detach()
    if weights is not None or np.ndim(bins) != 0 or x.dtype.kind not in "iuf" or x.dtype.itemsize == 2:
        raise NotHere
    if isinstance(bins, str):
        edges = np.histogram_bin_edges(detached(x), bins, range)
    else:
        if range is None and x.numel():
            range = (detached(op("amin")(x))[()], detached(op("amax")(x))[()])
        edges = np.histogram_bin_edges(np.empty(0, x.dtype), bins, range)
    exact = x.dtype.kind == "f" or x.dtype.itemsize < 8 or float(abs(edges).max()) < 2.0**52
    if not exact or len(edges) > 65536 or edges.dtype.kind != "f" or edges.dtype.itemsize not in (4, 8):
        raise NotHere
    width = (float(edges[-1]) - float(edges[0])) / (len(edges) - 1)
    if not (edges[1:] > edges[:-1]).all() or width < abs(edges).max() * np.finfo(edges.dtype).eps * 8:
        raise NotHere
    if edges.dtype != x.dtype and x.dtype.kind == "f":
        x = op("cast")(x, edges.dtype)
    counts = op("bins_uniform")(op("reshape")(x, (-1,)), tensor(edges))
    if density:
        n = detached(counts)
        counts = tensor(n / np.array(np.diff(edges), float) / n.sum())
    return counts, tensor(edges)
