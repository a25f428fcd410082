"""Making arrays: from lists, which may hold tensors, and from ranges whose ends may be tensors."""

from __future__ import annotations

import math
from typing import Any

from .. import _C
from ._info import check_device
from ._registry import NotHere, Tensor, implements, is_known, np, one_axis, op, settled, tensor


def _stacked(x: Any) -> Any:
    """Nested lists that hold tensors as one tensor, in whose graph they are."""
    parts = [_stacked(v) if type(v) in (list, tuple) and _C._holds_tensors(v) else tensor(v) for v in x]
    if len({tuple(p.shape) for p in parts}) > 1:
        raise ValueError(
            "setting an array element with a sequence: the parts have different shapes, "
            + ", ".join(str(tuple(p.shape)) for p in parts[:4])
        )
    return op("stack")(parts, 0)


def _ordered(x: Any, order: Any, copy: Any) -> Any:
    """x in that order of memory; a copy where copy is true or the order needs one."""
    if order in (None, "K", "A"):
        return op("clone")(x) if copy else x
    if order == "C":
        made = op("contiguous")(x)
    elif order == "F":
        back = tuple(range(x.ndim))[::-1]
        made = op("permute")(op("contiguous")(op("permute")(x, back)), back)
    else:
        raise ValueError(f"order must be one of 'C', 'F', 'A', or 'K' (got {order!r})")
    moved = made.data_ptr() != x.data_ptr()
    if moved and copy is False:
        raise ValueError("array: this order of memory needs a copy, and copy=False forbids one")
    return op("clone")(made) if copy and not moved else made


def _from(x: Any, dtype: Any, copy: Any, order: Any, ndmin: int = 0) -> Any:
    if dtype is not None:
        dtype = np.dtype(dtype)
        if not is_known(dtype):
            raise NotHere
    if not isinstance(x, Tensor):
        if type(x) not in (list, tuple) or not _C._holds_tensors(x):
            raise NotHere
        if copy is False:
            raise ValueError("array: a list needs a copy, and copy=False forbids one")
        x, copy = _stacked(x), None
    if dtype is not None and dtype != x.dtype:
        if copy is False:
            raise ValueError("array: another dtype needs a copy, and copy=False forbids one")
        x, copy = op("cast")(x, dtype), None
    x = _ordered(x, order, copy)
    return op("reshape")(x, (1,) * (ndmin - x.ndim) + tuple(x.shape)) if x.ndim < ndmin else x


@implements("array")
def array(
    object: Any,
    dtype: Any = None,
    *,
    copy: Any = True,
    order: Any = "K",
    subok: bool = False,
    ndmin: int = 0,
    ndmax: int = 0,
    like: Any = None,
) -> Any:
    return _from(object, dtype, copy, order, ndmin)


@implements("asarray", "asanyarray")
def asarray(
    a: Any,
    dtype: Any = None,
    order: Any = None,
    *,
    device: Any = None,
    copy: Any = None,
    like: Any = None,
) -> Any:
    check_device(device)
    return _from(a, dtype, copy, order)


@implements("ascontiguousarray")
def ascontiguousarray(a: Any, dtype: Any = None, *, like: Any = None) -> Any:
    return _from(a, dtype, None, "C", 1)


@implements("asfortranarray")
def asfortranarray(a: Any, dtype: Any = None, *, like: Any = None) -> Any:
    return _from(a, dtype, None, "F", 1)


@implements("asarray_chkfinite")
def asarray_chkfinite(a: Any, dtype: Any = None, order: Any = None) -> Any:
    x = _from(a, dtype, None, order)
    if x.dtype.kind in "fc" and not np.all(np.isfinite(x)):
        raise ValueError("array must not contain infs or NaNs")
    return x


# ---- ranges ----


def _ends(start: Any, stop: Any) -> tuple[Any, Any]:
    if not isinstance(start, Tensor) and not isinstance(stop, Tensor):
        raise NotHere
    return tuple(
        v if isinstance(v, (int, float, complex)) or v.dtype.kind in "fc" else op("cast")(v, "float64")
        for v in (settled(start), settled(stop))
    )


def _count(num: Any) -> int:
    n = int(np.asarray(num).__index__())
    if n < 0:
        raise ValueError(f"Number of samples, {n}, must be non-negative.")
    return n


@implements("linspace")
def linspace(
    start: Any,
    stop: Any,
    num: int = 50,
    endpoint: bool = True,
    retstep: bool = False,
    dtype: Any = None,
    axis: int = 0,
    *,
    device: Any = None,
) -> Any:
    check_device(device)
    first, last = _ends(start, stop)
    n = _count(num)
    span = np.subtract(last, first) * 1.0
    parts = n - 1 if endpoint else n
    along = tensor(np.arange(n, dtype="float64").reshape((n,) + (1,) * span.ndim))
    along = op("cast")(along, span.dtype) if span.dtype.kind == "f" else along
    step = span / parts if parts > 0 else span * math.nan
    values = first + (along * step if parts > 0 else along * span)
    if endpoint and n > 1:
        end = op("broadcast_to")(np.add(last, span * 0), tuple(span.shape))
        values = op("cat")([op("narrow")(values, 0, 0, n - 1), op("unsqueeze")(end, 0)], 0)
    if axis != 0:
        values = np.moveaxis(values, 0, one_axis(axis, values.ndim))
    if dtype is not None:
        kind = np.dtype(dtype).kind
        values = op("cast")(np.floor(values) if kind in "iu" else values, dtype)
    return (values, step) if retstep else values


@implements("logspace")
def logspace(
    start: Any,
    stop: Any,
    num: int = 50,
    endpoint: bool = True,
    base: Any = 10.0,
    dtype: Any = None,
    axis: int = 0,
) -> Any:
    if isinstance(base, Tensor) and base.ndim:
        raise NotHere
    exponents = linspace(start, stop, num, endpoint, axis=axis)
    values = np.power(base, exponents)
    return values if dtype is None else op("cast")(values, dtype)


@implements("geomspace")
def geomspace(start: Any, stop: Any, num: int = 50, endpoint: bool = True, dtype: Any = None, axis: int = 0) -> Any:
    first, last = (settled(v) for v in _ends(start, stop))
    if np.any(np.equal(first, 0)) or np.any(np.equal(last, 0)):
        raise ValueError("Geometric sequence cannot include zero")
    if not np.all(np.greater(first, 0)) or not np.all(np.greater(last, 0)):
        raise NotHere
    n = _count(num)
    values = np.exp(linspace(np.log(first) + 0 * last, np.log(last) + 0 * first, n, endpoint))
    ends = [op("unsqueeze")(op("broadcast_to")(tensor(v * 1.0), values.shape[1:]), 0) for v in (first, last)]
    if n > 0:
        keep = n - 2 if endpoint and n > 1 else n - 1
        middle = op("narrow")(values, 0, 1, keep)
        values = op("cat")([ends[0], middle] + ([ends[1]] if endpoint and n > 1 else []), 0)
    values = np.moveaxis(values, 0, one_axis(axis, values.ndim)) if axis else values
    return values if dtype is None else op("cast")(values, dtype)


@implements("vander")
def vander(x: Any, N: Any = None, increasing: bool = False) -> Any:
    t = tensor(x)
    if t.ndim != 1:
        raise ValueError("x must be a one-dimensional array or sequence.")
    n = t.shape[0] if N is None else int(N)
    column = op("unsqueeze")(t, 1)
    if column.dtype.kind in "b":
        column = op("cast")(column, "int64")
    ones = np.ones((t.shape[0], 1), column.dtype)
    if n == 0:
        return op("cast")(tensor(ones[:, :0]), np.promote_types(t.dtype, int))
    parts = [op("cast")(tensor(ones), np.promote_types(t.dtype, int))]
    for _ in range(n - 1):
        parts.append(np.multiply(parts[-1], column))
    return op("cat")(parts if increasing else parts[::-1], 1)
