"""Joining, padding, and new arrays like given ones."""

from __future__ import annotations

from typing import Any

from ._info import check_device
from ._registry import (
    NotHere,
    Tensor,
    _ops,
    axes_of,
    deliver,
    implements,
    is_known,
    is_tracked,
    np,
    one_axis,
    op,
    tensor,
)
from ._shapes import atleast_1d, atleast_2d, atleast_3d, expand_dims

_builtin_max = max


def _joined(parts: list[Any], axis: int, out: Any, dtype: Any, casting: str) -> Any:
    if not parts:
        raise ValueError("need at least one array to concatenate")
    if casting != "same_kind" and dtype is not None:
        raise NotHere
    if dtype is not None:
        parts = [op("cast")(p, dtype) for p in parts]
    return deliver(op("cat")(parts, axis), out)


def _is_stack(arrays: Any) -> bool:
    return isinstance(arrays, Tensor) and arrays.ndim > 0 and arrays.shape[0] > 0


def _parts_joined(x: Any, axis: int, out: Any = None, dtype: Any = None, casting: str = "same_kind") -> Any:
    """The parts of x (n, ...) joined along a dimension of theirs, in one copy."""
    moved = op("movedim")(x, (0,), (axis,))
    shape = tuple(moved.shape)
    wide = op("reshape")(moved, (*shape[:axis], shape[axis] * shape[axis + 1], *shape[axis + 2 :]))
    return _joined([wide], 0, out, dtype, casting)


@implements("concatenate", "concat")
def concatenate(
    arrays: Any, /, axis: Any = 0, out: Any = None, *, dtype: Any = None, casting: str = "same_kind"
) -> Any:
    if _is_stack(arrays) and arrays.ndim > 1 and axis is not None:
        return _parts_joined(arrays, one_axis(axis, arrays.ndim - 1), out, dtype, casting)
    parts = [tensor(a) for a in arrays]
    if axis is None:
        parts, axis = [op("reshape")(p, (-1,)) for p in parts], 0
    if any(p.ndim == 0 for p in parts):
        raise ValueError("zero-dimensional arrays cannot be concatenated")
    return _joined(parts, one_axis(axis, parts[0].ndim) if parts else 0, out, dtype, casting)


@implements("stack")
def stack(arrays: Any, axis: int = 0, out: Any = None, *, dtype: Any = None, casting: str = "same_kind") -> Any:
    if _is_stack(arrays):
        return _joined([op("movedim")(arrays, (0,), (one_axis(axis, arrays.ndim),))], 0, out, dtype, casting)
    parts = [tensor(a) for a in arrays]
    if len({tuple(p.shape) for p in parts}) > 1:
        raise ValueError("all input arrays must have the same shape")
    return _joined(
        [expand_dims(p, axis) for p in parts],
        one_axis(axis, parts[0].ndim + 1) if parts else 0,
        out,
        dtype,
        casting,
    )


def _each(function: Any, arrays: Any) -> list[Any]:
    return [function(a) for a in arrays]


@implements("hstack")
def hstack(tup: Any, *, dtype: Any = None, casting: str = "same_kind") -> Any:
    if _is_stack(tup) and tup.ndim > 1:
        return _parts_joined(tup, 0 if tup.ndim == 2 else 1, None, dtype, casting)
    parts = _each(atleast_1d, tup)
    return _joined(parts, 0 if parts and parts[0].ndim == 1 else 1, None, dtype, casting)


@implements("vstack")
def vstack(tup: Any, *, dtype: Any = None, casting: str = "same_kind") -> Any:
    if _is_stack(tup) and tup.ndim > 1:
        return _parts_joined(expand_dims(tup, 1) if tup.ndim == 2 else tup, 0, None, dtype, casting)
    return _joined(_each(atleast_2d, tup), 0, None, dtype, casting)


@implements("dstack")
def dstack(tup: Any) -> Any:
    if _is_stack(tup) and tup.ndim > 1:
        wide = expand_dims(tup, (1, 3)) if tup.ndim == 2 else expand_dims(tup, 3) if tup.ndim == 3 else tup
        return _parts_joined(wide, 2)
    return _joined(_each(atleast_3d, tup), 2, None, None, "same_kind")


@implements("column_stack")
def column_stack(tup: Any) -> Any:
    if _is_stack(tup) and tup.ndim > 1:
        return _parts_joined(expand_dims(tup, 2) if tup.ndim == 2 else tup, 1)
    parts = [op("reshape")(p, (-1, 1)) if p.ndim < 2 else p for p in map(tensor, tup)]
    return _joined(parts, 1, None, None, "same_kind")


@implements("block")
def block(arrays: Any) -> Any:
    def depth(a: Any) -> int:
        return 1 + depth(a[0]) if isinstance(a, list) else 0

    def leaves(a: Any) -> Any:
        return (leaf for item in a for leaf in leaves(item)) if isinstance(a, list) else (tensor(a),)

    levels = depth(arrays)
    ndim = _builtin_max([levels, *(leaf.ndim for leaf in leaves(arrays))])

    def build(a: Any, level: int) -> Any:
        if isinstance(a, list):
            return _joined([build(item, level - 1) for item in a], ndim - level, None, None, "same_kind")
        x = tensor(a)
        return op("reshape")(x, (1,) * (ndim - x.ndim) + tuple(x.shape))

    return build(arrays, levels)


@implements("append")
def append(arr: Any, values: Any, axis: Any = None) -> Any:
    return concatenate((arr, values), axis)


# ---- new arrays ----


def _like(make: Any, prototype: Any, dtype: Any, order: str, shape: Any, device: Any) -> Any:
    check_device(device)
    source = prototype.detach()
    if shape is None and order == "K":
        return make(source, dtype=dtype or source.dtype)
    return make(np.empty_like(source.numpy(), dtype=dtype, order=order, shape=shape))


@implements("zeros_like")
def zeros_like(
    a: Any, dtype: Any = None, order: str = "K", subok: bool = True, shape: Any = None, *, device: Any = None
) -> Any:
    return _filled(a, 0, dtype, order, shape, device)


@implements("ones_like")
def ones_like(
    a: Any, dtype: Any = None, order: str = "K", subok: bool = True, shape: Any = None, *, device: Any = None
) -> Any:
    return _filled(a, 1, dtype, order, shape, device)


@implements("full_like")
def full_like(
    a: Any,
    fill_value: Any,
    dtype: Any = None,
    order: str = "K",
    subok: bool = True,
    shape: Any = None,
    *,
    device: Any = None,
) -> Any:
    return _filled(a, fill_value, dtype, order, shape, device)


@implements("empty_like")
def empty_like(
    prototype: Any,
    /,
    dtype: Any = None,
    order: str = "K",
    subok: bool = True,
    shape: Any = None,
    *,
    device: Any = None,
) -> Any:
    return _filled(prototype, 0, dtype, order, shape, device)


def _filled(a: Any, value: Any, dtype: Any, order: str, shape: Any, device: Any) -> Any:
    check_device(device)
    if not isinstance(a, _C_Tensor) or (dtype is not None and not is_known(np.dtype(dtype))):
        raise NotHere
    x = a.detach()
    if shape is None and order == "K":
        made = op("clone")(x) if dtype is None else op("cast")(x, dtype)
    else:
        made = tensor(np.empty_like(x.numpy(), dtype=dtype, order=order, shape=shape))
    _ops["copy"](value, out=made)
    return made


_C_Tensor = type(tensor(0))


@implements("copy")
def copy(a: Any, order: str = "K", subok: bool = False) -> Any:
    if order == "C":
        return op("clone")(op("contiguous")(tensor(a)))
    if order not in "KA":
        raise NotHere
    return op("clone")(tensor(a))


@implements("astype")
def astype(x: Any, dtype: Any, /, *, copy: bool = True, device: Any = None) -> Any:
    check_device(device)
    t = tensor(x)
    return t if not copy and t.dtype == np.dtype(dtype) else op("cast")(t, dtype)


@implements("copyto")
def copyto(dst: Any, src: Any, casting: str = "same_kind", where: Any = True) -> None:
    if not isinstance(dst, _C_Tensor):
        if is_tracked(src):
            raise TypeError("numpy.copyto: gradients cannot flow into an ndarray; detach() the tensor")
        np.copyto(dst, src.numpy() if isinstance(src, _C_Tensor) else src, casting=casting, where=np.asarray(where))
        return
    x = tensor(np.asarray(src, dst.dtype) if isinstance(src, (bool, int, float, complex)) else src)
    if not np.can_cast(x.dtype, dst.dtype, casting):
        raise TypeError(f"Cannot cast array data from {x.dtype!r} to {dst.dtype!r} according to the rule {casting!r}")
    _ops["copy"](x if where is True else op("where")(where, x, dst), out=dst)


def _triangle(m: Any, k: int, lower: bool) -> Any:
    x = tensor(m)
    if x.ndim == 1:  # as NumPy: a row for each element
        x = op("broadcast_to")(x, (x.shape[0], x.shape[0]))
    if x.dtype.kind == "b":
        kept = np.tri(*x.shape[-2:], k=k if lower else k - 1, dtype=bool)
        return np.logical_and(x, tensor(kept if lower else ~kept))
    return op("tril" if lower else "triu")(x, k)


@implements("tril")
def tril(m: Any, k: int = 0) -> Any:
    return _triangle(m, k, True)


@implements("triu")
def triu(m: Any, k: int = 0) -> Any:
    return _triangle(m, k, False)


@implements("diag")
def diag(v: Any, k: int = 0) -> Any:
    x = tensor(v)
    if x.ndim == 2:
        return op("diagonal")(x, k, 0, 1)
    if x.ndim != 1:
        raise ValueError("Input must be 1- or 2-d.")
    return op("diag_embed")(x, k)


@implements("diagflat")
def diagflat(v: Any, k: int = 0) -> Any:
    return diag(op("reshape")(tensor(v), (-1,)), k)


@implements("diagonal")
def diagonal(a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    x = tensor(a)
    axes_of((axis1, axis2), x.ndim)
    return op("diagonal")(x, offset, axis1, axis2)


@implements("linalg.diagonal")
def linalg_diagonal(x: Any, /, *, offset: int = 0) -> Any:
    return diagonal(x, offset, -2, -1)
