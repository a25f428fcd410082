"""Functions that write into an array, or give one with elements put in or taken out."""

from __future__ import annotations

from typing import Any

from ._registry import NotHere, Tensor, detached, implements, is_tracked, np, one_axis, op, tensor
from ._shapes import pick


def _target(name: str, arr: Any) -> Any:
    if not isinstance(arr, Tensor):
        raise (
            NotHere
            if isinstance(arr, np.ndarray)
            else TypeError(f"argument 1 of {name} must be an array, not {type(arr).__name__}")
        )
    return arr


def _repeated(values: Any, n: int) -> Any:
    """n elements of values, flat, from the start again when they are used up."""
    flat = op("reshape")(tensor(values), (-1,))
    if n and not flat.shape[0]:
        raise ValueError("Cannot insert from an empty array!")
    if flat.shape[0] == n:
        return flat
    return op("index_select")(flat, 0, tensor(np.arange(n) % max(flat.shape[0], 1)))


def _store(arr: Any, index: Any, values: Any) -> None:
    """arr[index] = values, converted as NumPy's assignment converts."""
    values = tensor(values)
    arr[index] = op("cast")(values, arr.dtype) if values.dtype != arr.dtype else values


@implements("put_along_axis")
def put_along_axis(arr: Any, indices: Any, values: Any, axis: Any) -> None:
    x, index = _target("put_along_axis", arr), detached(indices)
    if index.dtype.kind not in "iu":
        raise IndexError("`indices` must be an integer array")
    if axis is None:
        if index.ndim != 1:
            raise ValueError("when axis=None, `indices` must have a single dimension.")
        put(x, index, np.broadcast_to(values, index.shape))
        return
    axis = one_axis(axis, x.ndim)
    if index.ndim != x.ndim:
        raise ValueError("`indices` and `arr` must have the same number of dimensions")
    places = tuple(
        index if i == axis else np.arange(n).reshape((1,) * i + (-1,) + (1,) * (x.ndim - i - 1))
        for i, n in enumerate(x.shape)
    )
    _store(x, places, values)


@implements("put")
def put(a: Any, ind: Any, v: Any, mode: str = "raise") -> None:
    x, index = _target("put", a), detached(ind).ravel()
    n = x.numel()
    if mode == "raise":
        if index.size and (index.min() < -n or index.max() >= n):
            raise IndexError(f"index out of bounds for size {n}")
    elif mode not in ("wrap", "clip"):
        raise ValueError(f"clipmode must be one of 'clip', 'raise', or 'wrap' (got {mode!r})")
    index = np.clip(index, 0, n - 1) if mode == "clip" else index % max(n, 1)
    if not index.size or not np.size(v):
        return
    _store(x, np.unravel_index(index, tuple(x.shape)) if x.ndim else (), _repeated(v, index.size))


@implements("place")
def place(arr: Any, mask: Any, vals: Any) -> None:
    x, chosen = _target("place", arr), detached(mask).astype(bool)
    if chosen.size != x.numel():
        raise ValueError("place: mask and data must be the same size")
    chosen = chosen.reshape(tuple(x.shape))
    count = int(chosen.sum())
    if count:
        _store(x, tensor(chosen), _repeated(vals, count))


@implements("putmask")
def putmask(a: Any, mask: Any, values: Any) -> None:
    x, chosen = _target("putmask", a), detached(mask).astype(bool)
    if chosen.size != x.numel():
        raise ValueError("putmask: mask and data must be the same size")
    if not x.numel() or not np.size(values):
        return
    every = _repeated(values, x.numel())
    where = np.flatnonzero(chosen)
    if where.size:
        _store(x, tensor(chosen.reshape(tuple(x.shape))), op("index_select")(every, 0, tensor(where)))


@implements("fill_diagonal")
def fill_diagonal(a: Any, val: Any, wrap: bool = False) -> None:
    x = _target("fill_diagonal", a)
    if x.ndim < 2:
        raise ValueError("array must be at least 2-d")
    if x.ndim == 2 and not wrap and x.numel():
        places = op("diagonal")(x, 0, 0, 1)
        _store(places, ..., tensor(val) if np.ndim(val) == 0 else _repeated(val, places.shape[0]))
        return
    if x.ndim == 2:
        step, end = x.shape[1] + 1, None if wrap else x.shape[1] * x.shape[1]
    else:
        if len(set(x.shape)) > 1:
            raise ValueError("All dimensions of input must be of equal length")
        step, end = 1 + sum(int(np.prod(x.shape[:i])) for i in range(1, x.ndim)), None
    flat = np.arange(x.numel())[:end:step]
    if flat.size:
        _store(x, np.unravel_index(flat, tuple(x.shape)), _repeated(val, flat.size))


# ---- elements put in, or taken out ----


def _along(arr: Any, axis: Any) -> tuple[Any, int]:
    x = tensor(arr)
    if axis is None:
        return (x if x.ndim == 1 else op("reshape")(x, (-1,))), 0
    return x, one_axis(axis, x.ndim)


def _places(obj: Any, n: int) -> Any:
    """Indices that an int, a slice, a mask or a list names."""
    if isinstance(obj, slice):
        return np.arange(*obj.indices(n))
    index = detached(obj)
    if index.dtype.kind == "b":
        if index.ndim != 1:
            raise ValueError("boolean array argument obj must be one dimensional")
        return np.flatnonzero(index)
    if index.size == 0 and index.dtype.kind == "f":
        index = index.astype("int64")
    if index.dtype.kind not in "iu":
        raise IndexError("arrays used as indices must be of integer (or boolean) type")
    if index.ndim > 1:
        raise ValueError("index array argument obj to insert must be one dimensional or scalar")
    return index


@implements("delete")
def delete(arr: Any, obj: Any, axis: Any = None) -> Any:
    x, axis = _along(arr, axis)
    return pick(x, np.delete(np.arange(x.shape[axis]), detached(obj) if isinstance(obj, Tensor) else obj), axis)


@implements("insert")
def insert(arr: Any, obj: Any, values: Any, axis: Any = None) -> Any:
    x, axis = _along(arr, axis)
    n = x.shape[axis]
    index = _places(obj, n)
    new = tensor(values)
    new = op("cast")(new, x.dtype) if new.dtype != x.dtype else new
    if new.ndim < x.ndim:
        new = op("reshape")(new, (1,) * (x.ndim - new.ndim) + tuple(new.shape))
    alone = index.size == 1
    if index.ndim == 0:
        new = np.moveaxis(new, 0, axis)
    count = new.shape[axis] if alone and (index.ndim == 0 or new.shape[axis] > 1) else index.size
    shape = tuple(count if i == axis else length for i, length in enumerate(x.shape))
    if new.ndim > x.ndim:
        raise ValueError(f"insert: the values have {new.ndim} dimensions, the array {x.ndim}")
    new = op("broadcast_to")(new, shape)
    order = np.insert(np.arange(n), index.reshape(()) if alone else index, np.arange(n, n + count))
    return pick(op("cat")([x, new], axis), order, axis)


@implements("choose")
def choose(a: Any, choices: Any, out: Any = None, mode: str = "raise") -> Any:
    if not any(map(is_tracked, choices if isinstance(choices, (list, tuple)) else (choices,))):
        raise NotHere
    index, n = detached(a), len(choices)
    if mode == "raise" and index.size and (index.min() < 0 or index.max() >= n):
        raise ValueError("invalid entry in choice array")
    if mode not in ("raise", "wrap", "clip"):
        raise ValueError(f"clipmode must be one of 'clip', 'raise', or 'wrap' (got {mode!r})")
    index = np.clip(index, 0, n - 1) if mode == "clip" else index % n
    result = tensor(choices[0])
    for k in range(1, n):
        result = op("where")(tensor(index == k), tensor(choices[k]), result)
    shape = np.broadcast_shapes(index.shape, tuple(result.shape))
    result = op("clone")(op("broadcast_to")(result, shape)) if tuple(result.shape) != shape else result
    return result if out is None else op("copy")(result, out=out)
