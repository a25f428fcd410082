"""Taking elements: by index, by value."""

from __future__ import annotations

from typing import Any

from .. import _shapes
from ._elements import flatnonzero
from ._registry import NotHere, Tensor, deliver, detached, implements, np, one_axis, op, tensor
from ._shapes import pick


def _positions(indices: Any, name: str) -> Any:
    """Indices as an int64 Tensor; TypeError for what NumPy does not cast to one safely."""
    index = tensor(indices)
    if index.dtype == np.int64:
        return index
    if index.numel() == 0 and not isinstance(indices, (Tensor, np.ndarray)):
        return op("cast")(index, "int64")  # [] has no dtype of its own
    if not np.can_cast(index.dtype, np.int64, "safe"):
        raise TypeError(f"{name}: indices of dtype {index.dtype} are not safely cast to int64")
    return op("cast")(index, "int64")


@implements("take")
def take(a: Any, indices: Any, axis: Any = None, out: Any = None, mode: str = "raise") -> Any:
    x, index = tensor(a), _positions(indices, "take")
    if axis is None:
        x, axis = op("reshape")(x, (-1,)), 0
    axis = one_axis(axis, x.ndim)
    if mode != "raise":
        length = x.shape[axis]
        if mode not in ("wrap", "clip") or length == 0:
            raise NotHere
        index = np.remainder(index, length) if mode == "wrap" else np.clip(index, 0, length - 1)
    picked = op("index_select")(x, axis, index if index.ndim == 1 else op("reshape")(index, (-1,)))
    if index.ndim != 1:
        picked = op("reshape")(picked, (*x.shape[:axis], *index.shape, *x.shape[axis + 1 :]))
    return deliver(picked, out)


@implements("take_along_axis")
def take_along_axis(arr: Any, indices: Any, axis: Any = -1) -> Any:
    x, index = tensor(arr), tensor(indices)
    if axis is None:
        x, axis = op("reshape")(x, (-1,)), 0
    axis = one_axis(axis, x.ndim)
    if index.ndim != x.ndim or index.dtype.kind not in "iu":
        raise NotHere
    return _shapes.take_along_dim(x, op("cast")(index, "int64"), axis)


@implements("compress")
def compress(condition: Any, a: Any, axis: Any = None, out: Any = None) -> Any:
    x = tensor(a)
    if axis is None:
        x, axis = op("reshape")(x, (-1,)), 0
    return deliver(pick(x, flatnonzero(condition), one_axis(axis, x.ndim)), out)


@implements("extract")
def extract(condition: Any, arr: Any) -> Any:
    return pick(op("reshape")(tensor(arr), (-1,)), flatnonzero(condition), 0)


@implements("trim_zeros")
def trim_zeros(filt: Any, trim: str = "fb", axis: Any = None) -> Any:
    x = tensor(filt)
    if x.ndim != 1 or axis not in (None, 0, -1, (0,)) or trim.lower() not in ("f", "b", "fb", "bf"):
        raise NotHere
    found = np.flatnonzero(detached(x))
    first = (found[0] if found.size else len(detached(x))) if "f" in trim.lower() else 0
    last = (found[-1] + 1 if found.size else first) if "b" in trim.lower() else x.shape[0]
    return x[int(first) : int(last)]
