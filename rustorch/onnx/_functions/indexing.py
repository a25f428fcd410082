"""ONNX operators that pick and place elements by index or mask."""

from __future__ import annotations

import math

import rustorch as rt

from .registry import operator

Tensor = rt.Tensor


def _wrapped(index: Tensor, length: int) -> Tensor:
    """Indices counted from the front, as int64."""
    index = index.to(rt.int64)
    if index.numel() and (int(index.min()) < -length or int(index.max()) >= length):
        raise IndexError(f"an index is not within [{-length}, {length - 1}]")
    return rt.where(index < 0, index + length, index)


@operator("Gather")
def gather(x: Tensor, index: Tensor, axis: int = 0) -> Tensor:
    axis %= x.ndim
    if index.ndim == 0:
        return x.select(axis, int(index))
    found = _wrapped(index, x.shape[axis])
    shape = tuple(x.shape)
    return x.index_select(axis, found.reshape(-1)).reshape(shape[:axis] + tuple(index.shape) + shape[axis + 1 :])


@operator("GatherElements")
def gather_elements(x: Tensor, index: Tensor, axis: int = 0) -> Tensor:
    return x.gather(axis, _wrapped(index, x.shape[axis]))


def _columns(index: Tensor, lengths: tuple[int, ...]) -> tuple[Tensor, ...]:
    return tuple(_wrapped(index[..., k], lengths[k]) for k in range(index.shape[-1]))


@operator("GatherND")
def gather_nd(x: Tensor, index: Tensor, batch_dims: int = 0) -> Tensor:
    lead = tuple(x.shape[:batch_dims])
    batches = math.prod(lead)
    rows = x.reshape(batches, *x.shape[batch_dims:])
    places = index.reshape(batches, *index.shape[batch_dims:])
    columns = _columns(places, tuple(rows.shape[1:]))
    middle = tuple(places.shape[1:-1])
    first = rt.arange(batches).reshape((batches,) + (1,) * len(middle)).broadcast_to((batches, *middle))
    found = rows[(first, *columns)]
    return found.reshape(lead + middle + tuple(x.shape)[batch_dims + index.shape[-1] :])


_REDUCE = {"add": "sum", "mul": "prod", "max": "amax", "min": "amin"}


@operator("ScatterElements")
def scatter_elements(x: Tensor, index: Tensor, updates: Tensor, axis: int = 0, reduction: str = "none") -> Tensor:
    found = _wrapped(index, x.shape[axis])
    if reduction == "none":
        return x.scatter(axis, found, updates)
    return x.scatter_reduce(axis, found, updates, _REDUCE[reduction])


operator("Scatter")(scatter_elements)


@operator("ScatterND")
def scatter_nd(x: Tensor, index: Tensor, updates: Tensor, reduction: str = "none") -> Tensor:
    depth = index.shape[-1]
    columns = _columns(index, tuple(x.shape[:depth]))
    if reduction in ("none", "add"):
        return x.index_put(columns, updates, accumulate=reduction == "add")
    # rows of x by one flat index
    flat = rt.zeros(tuple(index.shape[:-1]), dtype=rt.int64)
    for column, length in zip(columns, x.shape):
        flat = flat * length + column
    width = math.prod(x.shape[depth:])
    rows = x.reshape(-1, width)
    wide = flat.reshape(-1, 1).expand(-1, width)
    return rows.scatter_reduce(0, wide, updates.reshape(-1, width), _REDUCE[reduction]).reshape(tuple(x.shape))


@operator("OneHot")
def one_hot(index: Tensor, depth: Tensor, values: Tensor, axis: int = -1) -> Tensor:
    count = int(depth.reshape(-1)[0])
    place = index.to(rt.int64)
    axis = axis % (index.ndim + 1)
    inside = (place >= -count) & (place < count)
    place = rt.where(place < 0, place + count, place)
    shape = [1] * (index.ndim + 1)
    shape[axis] = count
    hit = (place.unsqueeze(axis) == rt.arange(count).reshape(shape)) & inside.unsqueeze(axis)
    return rt.where(hit, values[1], values[0])


@operator("NonZero")
def nonzero(x: Tensor) -> Tensor:
    return x.nonzero().transpose(0, 1).contiguous() if x.ndim else x.reshape(1).nonzero().transpose(0, 1)


@operator("Compress")
def compress(x: Tensor, condition: Tensor, axis: int | None = None) -> Tensor:
    kept = condition.nonzero().reshape(-1)
    return x.reshape(-1)[kept] if axis is None else x.index_select(axis, kept)


@operator("Unique", several=True)
def unique(x: Tensor, axis: int | None = None, sorted: int = 1) -> tuple[Tensor, ...]:
    import numpy as np

    found = np.unique(x.detach().numpy(), True, True, True, axis=axis)
    values, first, inverse, counts = (np.asarray(part) for part in found)
    inverse = inverse.reshape(-1)
    if not sorted:  # in the order in which they come
        order = np.argsort(first)
        values, first, counts = values.take(order, axis or 0), first[order], counts[order]
        inverse = np.argsort(order)[inverse]
    return tuple(rt.from_numpy(np.ascontiguousarray(part)) for part in (values, first, inverse, counts))


@operator("TensorScatter")
def tensor_scatter(
    past: Tensor, update: Tensor, write_indices: Tensor | None = None, axis: int = -2, mode: str = "linear"
) -> Tensor:
    axis %= past.ndim
    count, length = update.shape[axis], past.shape[axis]
    start = rt.zeros(past.shape[0], dtype=rt.int64) if write_indices is None else write_indices.to(rt.int64)
    place = start.unsqueeze(1) + rt.arange(count).unsqueeze(0)
    place = place % length if mode == "circular" else place
    shape = [1] * past.ndim
    shape[0], shape[axis] = place.shape
    return past.scatter(axis, place.reshape(shape).expand(tuple(update.shape)), update)
