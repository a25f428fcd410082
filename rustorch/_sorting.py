"""Sorting, ranks, distinct elements and searching: PyTorch's functions over the rows of the op table that do
the work (sort, topk, kthvalue, search, ...)."""

from __future__ import annotations

from typing import Any

from . import _C, return_types
from ._shapes import into

_ops: dict[str, Any] = _C.ops
_METHODS = {
    "sort", "argsort", "msort", "topk", "kthvalue", "median", "nanmedian", "mode", "cummax", "cummin", "quantile",
    "nanquantile", "unique", "unique_consecutive",
}  # fmt: skip


def sort(input: Any, dim: int = -1, descending: bool = False, stable: bool = False, *, out: Any = None) -> Any:
    """Elements along dim in order, and where they stood.

    The order is stable whether asked for or not; a NaN is above all numbers.  Gradients go back to the places
    the values came from.

    Returns:
        (values, indices), both of input's shape, indices int64.

    Raises:
        DtypeError: input is complex.

    >>> import rustorch as rt
    >>> rt.sort(rt.tensor([3.0, 1.0, 2.0])).indices
    tensor([1, 2, 0])
    """
    return return_types.sort(*_ops["sort"](input, dim, descending, stable, out=out))


def argsort(input: Any, dim: int = -1, descending: bool = False, stable: bool = False) -> Any:
    """The indices that put input in order along dim: sort(...).indices."""
    return _ops["argsort"](input, dim, descending, stable)


def msort(input: Any, *, out: Any = None) -> Any:
    """Elements along dimension 0 in order."""
    tracked = input.requires_grad and _C.is_grad_enabled()
    values = _ops["sort"](input, 0)[0] if tracked else _ops["sort_values"](input, 0)
    return values if out is None else _ops["copy"](values, out=out)


def topk(input: Any, k: Any, dim: int = -1, largest: bool = True, sorted: bool = True, *, out: Any = None) -> Any:
    """The k largest (or smallest) elements along dim and their indices; of equal ones the first.

    Returns:
        (values, indices) with k in place of dim's length, in order when `sorted`.

    Raises:
        RuntimeError: k is not within 0 and the length of dim.
    """
    return return_types.topk(*_ops["topk"](input, k, dim, largest, sorted, out=out))


def kthvalue(input: Any, k: Any, dim: int = -1, keepdim: bool = False, *, out: Any = None) -> Any:
    """The k-th smallest element along dim (k from 1) and its index.

    Returns:
        (values, indices) without dim, or with a length of 1 when keepdim.

    Raises:
        RuntimeError: k is not within 1 and the length of dim.
    """
    return return_types.kthvalue(*_ops["kthvalue"](input, k, dim, keepdim, out=out))


def median(input: Any, dim: int | None = None, keepdim: bool = False, *, out: Any = None) -> Any:
    """The lower median: of all elements, or with dim (values, indices) along it.  A NaN wins."""
    if dim is None:
        return _ops["median_all"](input, out=out)
    return return_types.median(*_ops["median_dim"](input, dim, keepdim, out=out))


def nanmedian(input: Any, dim: int | None = None, keepdim: bool = False, *, out: Any = None) -> Any:
    """median of what is not NaN; NaN where nothing is."""
    if dim is None:
        return _ops["nanmedian_all"](input, out=out)
    return return_types.nanmedian(*_ops["nanmedian_dim"](input, dim, keepdim, out=out))


def mode(input: Any, dim: int = -1, keepdim: bool = False, *, out: Any = None) -> Any:
    """The most frequent element along dim, the least of several, and where it stands last.

    Returns:
        (values, indices) without dim, or with a length of 1 when keepdim.
    """
    return return_types.mode(*_ops["mode"](input, dim, keepdim, out=out))


def cummax(input: Any, dim: int, *, out: Any = None) -> Any:
    """Running maximum along dim and where it stands, the last of equal ones: (values, indices)."""
    return return_types.cummax(*_ops["cummax"](input, dim, out=out))


def cummin(input: Any, dim: int, *, out: Any = None) -> Any:
    """Running minimum along dim and where it stands, the last of equal ones: (values, indices)."""
    return return_types.cummin(*_ops["cummin"](input, dim, out=out))


# ---- quantiles ----


def quantile(
    input: Any, q: Any, dim: int | None = None, keepdim: bool = False, *, interpolation: str = "linear", out: Any = None
) -> Any:
    """The q-quantiles along dim (of all elements: None), by sorting; NaN where a NaN is.

    Args:
        input: float32 or float64.
        q: a number, or a 1-d tensor of numbers, within 0 and 1.
        interpolation: between the two neighbours of a rank that is no integer: "linear", "lower", "higher",
            "midpoint" or "nearest".

    Returns:
        input's shape without dim, after a dimension for q when it is a 1-d tensor.

    Raises:
        RuntimeError: wrong dtypes, a q outside 0 and 1, an empty input.
    """
    return _quantile("quantile", input, q, dim, keepdim, interpolation, False, out)


def nanquantile(
    input: Any, q: Any, dim: int | None = None, keepdim: bool = False, *, interpolation: str = "linear", out: Any = None
) -> Any:
    """quantile of what is not NaN; NaN where nothing is."""
    return _quantile("nanquantile", input, q, dim, keepdim, interpolation, True, out)


def _quantile_points(name: str, input: Any, q: Any) -> Any:
    if str(input.dtype) not in ("float32", "float64"):
        raise _C.DtypeError(f"{name}: input must be float32 or float64, not {input.dtype}")
    if not isinstance(q, _C.Tensor):
        q = _C.tensor(q, dtype=input.dtype)
    if q.dtype != input.dtype:
        raise _C.DtypeError(f"{name}: q must have input's dtype {input.dtype}, not {q.dtype}")
    if q.ndim > 1:
        raise _C.TensorError(f"{name}: q must be a number or a 1-d tensor, it has {q.ndim} dimensions")
    if q.numel() and not bool(((q >= 0) & (q <= 1)).all()):
        raise _C.TensorError(f"{name}: q must be within 0 and 1")
    if input.numel() == 0:
        raise _C.TensorError(f"{name}: input of shape {tuple(input.shape)} is empty")
    return q


def _quantile(
    name: str, input: Any, q: Any, dim: Any, keepdim: bool, interpolation: str, ignore: bool, out: Any
) -> Any:
    words = ("linear", "lower", "higher", "midpoint", "nearest")
    if interpolation not in words:
        raise _C.TensorError(f"{name}: interpolation must be one of {', '.join(words)}, not {interpolation!r}")
    q = _quantile_points(name, input, q)
    shape = list(input.shape)
    if dim is None or input.ndim == 0:
        lines, kept = input.reshape(-1), [1] * input.ndim if keepdim else []
    else:
        at = _wrap(name, dim, input.ndim)
        lines = _ops["movedim"](input, at, -1)
        kept = [*shape[:at], *([1] if keepdim else []), *shape[at + 1 :]]
    ordered = _ops["sort"](lines, -1)[0]
    n = ordered.shape[-1]
    if ignore:
        ranks = (_ops["count_nonzero"](_ops["eq"](ordered, ordered), -1, True) - 1).to(q.dtype) * q.reshape(-1)
        ranks = _ops["maximum"](ranks, 0.0)
    else:
        ranks = (q.reshape(-1) * float(n - 1)).expand(*ordered.shape[:-1], q.numel())
        hurt = _ops["isnan"](ordered.narrow(-1, n - 1, 1))
        ranks = _ops["where"](hurt, float(n - 1), ranks)
    result = _ops["movedim"](_between(ordered, ranks, interpolation), -1, 0)
    result = result.reshape([*q.shape, *kept])
    return result if out is None else _ops["copy"](result, out=out)


def _between(ordered: Any, ranks: Any, interpolation: str) -> Any:
    rounding = {"lower": "floor", "higher": "ceil", "nearest": "round"}
    if interpolation in rounding:
        return _ops["gather"](ordered, -1, _ops[rounding[interpolation]](ranks).to("int64"))
    below = _ops["floor"](ranks.detach())
    low = _ops["gather"](ordered, -1, below.to("int64"))
    high = _ops["gather"](ordered, -1, _ops["ceil"](ranks.detach()).to("int64"))
    weight = 0.5 if interpolation == "midpoint" else ranks - below
    return _ops["lerp"](low, high, weight)


# ---- distinct elements ----


def unique(
    input: Any, sorted: bool = True, return_inverse: bool = False, return_counts: bool = False, dim: int | None = None
) -> Any:
    """The distinct elements (slices along dim) in order; each NaN is one of its own.

    Returns:
        the elements; with return_inverse also where each element of input is among them, with return_counts
        also how often each occurs.
    """
    return _distinct("unique", input, return_inverse, return_counts, dim, True)


def unique_consecutive(
    input: Any, return_inverse: bool = False, return_counts: bool = False, dim: int | None = None
) -> Any:
    """The elements (slices along dim) that differ from the one before; results as unique's."""
    return _distinct("unique_consecutive", input, return_inverse, return_counts, dim, False)


def _distinct(name: str, input: Any, inverse: bool, counts: bool, dim: Any, ordering: bool) -> Any:
    input = input.detach()
    if dim is not None and input.ndim < 2:
        _wrap(name, dim, input.ndim)
        dim = None
    if dim is None:
        rows = input.reshape(-1)
    else:
        dim = _wrap(name, dim, input.ndim)
        rows = _ops["movedim"](input, dim, 0)
        if rows.numel() == 0 and rows.shape[0] > 0:
            raise _C.TensorError(f"{name}: slices along dimension {dim} of shape {tuple(input.shape)} are empty")
    if ordering and dim is None and str(rows.dtype) not in ("float16", "bfloat16"):
        values, _, numbers, times = _ops["distinct"](rows, False, inverse, counts, False)
        found = [values, *([numbers.reshape(tuple(input.shape))] if inverse else []), *([times] if counts else [])]
        return found[0] if len(found) == 1 else tuple(found)
    n = rows.shape[0]
    flat = rows if rows.ndim == 1 else rows.reshape(n, rows.numel() // n if n else 0)
    order = None
    if ordering and dim is None:
        flat, order = _ops["sort"](flat, 0)
        rows = flat
    elif ordering:
        order = _ops["argsort_rows"](flat)
        flat, rows = _ops["index_select"](flat, 0, order), _ops["index_select"](rows, 0, order)
    differs = _ops["ne"](flat.narrow(0, 1, n - 1), flat.narrow(0, 0, n - 1)) if n else flat
    if flat.ndim > 1 and n:
        differs = _ops["any"](differs, 1)
    first = _ops["cat"]([_C.ones(1, dtype="bool"), differs]) if n else _C.ones(0, dtype="bool")
    by_mask = rows.ndim == 1 and not counts
    starts = first if by_mask else _ops["nonzero"](first).reshape(-1)
    found = _ops["masked_select"](rows, first) if by_mask else _ops["index_select"](rows, 0, starts)
    result = [found if dim is None else _ops["movedim"](found, 0, dim).contiguous()]
    if inverse:
        number = _ops["cumsum"](first, 0) - 1
        if order is not None:
            number = _ops["scatter"](_C.empty(n, dtype="int64"), 0, order, number)
        result.append(number.reshape(tuple(input.shape)) if dim is None else number)
    if counts:
        ends = _ops["cat"]([starts.narrow(0, 1, starts.numel() - 1), _C.tensor([n])]) if n else starts
        result.append(ends - starts)
    return result[0] if len(result) == 1 else tuple(result)


# ---- searching ----


def _wrap(name: str, dim: int, ndim: int) -> int:
    if not -max(ndim, 1) <= dim < max(ndim, 1):
        raise _C.OutOfRangeError(f"{name}: dimension {dim} is out of range for a tensor of {ndim} dimensions")
    return dim % max(ndim, 1)


def searchsorted(
    sorted_sequence: Any,
    input: Any = None,
    *,
    out_int32: bool = False,
    right: bool = False,
    side: str | None = None,
    sorter: Any = None,
    out: Any = None,
    values: Any = None,
) -> Any:
    """Where each value would be put into a sorted sequence to keep it sorted.

    Args:
        sorted_sequence: (n,), or (..., n) with the leading dimensions of the values.
        input: the values, a tensor (..., m) or a number (also `values`).
        right, side: behind equal elements ("right") or before them ("left").
        sorter: indices that sort sorted_sequence along its last dimension.

    Returns:
        int64 (int32 with out_int32) indices of the values' shape.

    Raises:
        RuntimeError: shapes or dtypes that do not fit.
    """
    name = "searchsorted"
    values = input if values is None else values
    if values is None:
        raise TypeError(f"{name}: missing argument 'input'")
    if side not in (None, "left", "right"):
        raise _C.TensorError(f"{name}: side must be 'left' or 'right', not {side!r}")
    if side == "left" and right:
        raise _C.TensorError(f"{name}: side='left' contradicts right=True")
    if sorter is not None:
        if tuple(sorter.shape) != tuple(sorted_sequence.shape):
            raise _C.ShapeMismatchError(
                f"{name}: sorter has shape {tuple(sorter.shape)}, the sequence {tuple(sorted_sequence.shape)}"
            )
        if str(sorter.dtype) != "int64":
            raise _C.DtypeError(f"{name}: sorter must be int64, not {sorter.dtype}")
        sorted_sequence = _ops["gather"](sorted_sequence.detach(), -1, sorter)
    return _search(name, sorted_sequence, values, right or side == "right", out_int32, out)


def bucketize(input: Any, boundaries: Any, *, out_int32: bool = False, right: bool = False, out: Any = None) -> Any:
    """Number of the bucket between boundaries (1-d, rising) that each element (or the number) falls in.

    Element x is in bucket i when boundaries[i-1] < x <= boundaries[i] (with right: <= and <)."""
    if boundaries.ndim != 1:
        raise _C.TensorError(f"bucketize: boundaries must have one dimension, their shape is {tuple(boundaries.shape)}")
    return _search("bucketize", boundaries, input, right, out_int32, out)


def _search(name: str, sequence: Any, values: Any, right: bool, int32: bool, out: Any) -> Any:
    if not isinstance(values, _C.Tensor):
        values = _C.as_tensor(values)
        if sequence.ndim != 1 and values.ndim == 0:
            raise _C.TensorError(f"{name}: a number needs a 1-d sequence, its shape is {tuple(sequence.shape)}")
    elif values.dtype != sequence.dtype:
        raise _C.DtypeError(f"{name}: values of dtype {values.dtype} in a sequence of {sequence.dtype}")
    found = _ops["search"](values.detach(), sequence.detach(), right=right)
    if int32:
        found = found.to("int32")
    return found if out is None else _ops["copy"](found, out=out)


def isin(
    elements: Any, test_elements: Any, *, assume_unique: bool = False, invert: bool = False, out: Any = None
) -> Any:
    """Is each element among the test elements (either may be a number)?  bool, of elements' shape."""
    both_numbers = not isinstance(elements, _C.Tensor) and not isinstance(test_elements, _C.Tensor)
    if both_numbers:
        raise TypeError("isin: elements or test_elements must be a tensor")
    x, y = _C.as_tensor(elements).detach(), _C.as_tensor(test_elements).detach().reshape(-1)
    if y.numel() == 0:
        found = _C.zeros_like(x, dtype="bool")
    elif y.numel() <= 8:
        found = _ops["any"](_ops["eq"](x.unsqueeze(-1), y), -1)
    else:
        dtype = _C.promote_types(x.dtype, y.dtype)
        x, y = x.to(dtype), _ops["sort"](y.to(dtype), 0)[0]
        place = _ops["search"](x, y)
        place = _ops["minimum"](place, y.numel() - 1)
        found = _ops["eq"](_ops["take"](y, place), x)
    if invert:
        return _ops["logical_not"](found, out=out)
    return found if out is None else into("isin", found, out)


def _of_rows() -> dict[str, Any]:
    """Functions whose calls without keywords are calls of the row of their name."""
    pairs = (sort, topk, kthvalue, mode, cummax, cummin)
    return {f.__name__: _C._overload(_ops[f.__name__], f, getattr(return_types, f.__name__)) for f in pairs}


_PUBLIC = {
    n: f for n, f in globals().items()
    if callable(f) and getattr(f, "__module__", "") == __name__ and not n.startswith("_")
} | _of_rows()  # fmt: skip


def public() -> dict[str, Any]:
    """All functions of this file."""
    return _PUBLIC


def methods() -> dict[str, Any]:
    """Those that are methods of Tensor, too."""
    return {n: _PUBLIC[n] for n in _METHODS}
