"""Shapes and dimensions: views wherever they can be."""

from __future__ import annotations

import itertools
import math
from typing import Any

from ._registry import NotHere, Tensor, axes_of, implements, np, one_axis, op, tensor

_missing: Any = np._NoValue


@implements("reshape")
def reshape(a: Any, /, shape: Any = None, order: str = "C", *, copy: Any = None) -> Any:
    if order == "A":
        order = "C"
    if shape is None or order not in "CF":
        raise NotHere
    x = tensor(a)
    shape = shape if isinstance(shape, (tuple, list)) else (shape,)
    if order == "F" and copy is False:
        raise NotHere
    if order == "F":
        full = np.empty(x.shape, "b").reshape(shape).shape
        made = (
            op("reshape")(transpose(x), full[::-1]).permute(*range(len(full))[::-1]) if full else op("reshape")(x, full)
        )
    elif copy is False:
        return op("view")(x, shape)
    else:
        made = op("reshape")(x, shape)
    return op("clone")(made) if copy else made


@implements("ravel")
def ravel(a: Any, order: str = "C") -> Any:
    x = tensor(a)
    if order == "F":
        x = transpose(x)
    elif order != "C":
        raise NotHere
    return op("reshape")(x, (-1,))


@implements("transpose", "permute_dims")
def transpose(a: Any, axes: Any = None) -> Any:
    x = tensor(a)
    axes = range(x.ndim)[::-1] if axes is None else axes_of(tuple(axes), x.ndim)
    if len(axes) != x.ndim:
        raise ValueError("axes don't match array")
    return op("permute")(x, tuple(axes))


@implements("matrix_transpose", "linalg.matrix_transpose")
def matrix_transpose(x: Any, /) -> Any:
    return op("mT")(tensor(x))


@implements("moveaxis")
def moveaxis(a: Any, source: Any, destination: Any) -> Any:
    x = tensor(a)
    order = np.lib.array_utils.normalize_axis_tuple
    source, destination = order(source, x.ndim, "source"), order(destination, x.ndim, "destination")
    if len(source) != len(destination):
        raise ValueError(
            f"`source` and `destination` arguments must have the same number of elements, not {len(source)}"
            f" and {len(destination)}"
        )
    return op("movedim")(x, source, destination)


@implements("rollaxis")
def rollaxis(a: Any, axis: int, start: int = 0) -> Any:
    x = tensor(a)
    axis, start = one_axis(axis, x.ndim), start + x.ndim if start < 0 else start
    return moveaxis(x, axis, start - 1 if axis < start else start)


@implements("swapaxes")
def swapaxes(a: Any, axis1: int, axis2: int) -> Any:
    return op("transpose")(tensor(a), axis1, axis2)


@implements("squeeze")
def squeeze(a: Any, axis: Any = None) -> Any:
    x = tensor(a)
    if axis is not None:
        axis = axes_of(axis, x.ndim)
        if any(x.shape[i] != 1 for i in axis):
            raise ValueError("cannot select an axis to squeeze out which has size not equal to one")
        if not axis:
            return x
    return op("squeeze")(x, axis)


@implements("expand_dims")
def expand_dims(a: Any, axis: Any) -> Any:
    x = tensor(a)
    places = axes_of(axis, x.ndim + (len(axis) if isinstance(axis, (tuple, list)) else 1))
    new = set(places)
    if len(new) < len(places):
        raise ValueError("repeated axis")
    lengths = iter(x.shape)
    return op("reshape")(x, tuple(1 if i in new else next(lengths) for i in range(x.ndim + len(new))))


@implements("broadcast_to")
def broadcast_to(array: Any, shape: Any, subok: bool = False) -> Any:
    return op("broadcast_to")(tensor(array), shape)


@implements("broadcast_arrays")
def broadcast_arrays(*args: Any, subok: bool = False) -> Any:
    parts = [_tensor_or_array(a) for a in args]
    shape = np.broadcast_shapes(*(tuple(p.shape) for p in parts))
    return tuple(np.broadcast_to(p, shape) for p in parts)


def _tensor_or_array(x: Any) -> Any:
    """A Tensor, or NumPy's array of what we have no dtype for."""
    try:
        return tensor(x)
    except NotHere:
        return np.asarray(x)


def _at_least(n: int, x: Any) -> Any:
    x = tensor(x)
    if x.ndim >= n:
        return x
    wide = {(1, 0): (1,), (2, 0): (1, 1), (3, 0): (1, 1, 1)}.get((n, x.ndim))
    if wide is None:
        wide = (1, *x.shape) if x.ndim == 1 else (*x.shape, 1)
        wide = (*wide, 1) if n == 3 and x.ndim == 1 else wide
    return op("reshape")(x, wide)


def _each_at_least(n: int, arys: Any) -> Any:
    made = tuple(_at_least(n, a) for a in arys)
    return made[0] if len(made) == 1 else made


@implements("atleast_1d")
def atleast_1d(*arys: Any) -> Any:
    return _each_at_least(1, arys)


@implements("atleast_2d")
def atleast_2d(*arys: Any) -> Any:
    return _each_at_least(2, arys)


@implements("atleast_3d")
def atleast_3d(*arys: Any) -> Any:
    return _each_at_least(3, arys)


@implements("flip")
def flip(m: Any, axis: Any = None) -> Any:
    x = tensor(m)
    back = axes_of(axis, x.ndim)
    return x[tuple(slice(None, None, -1) if i in back else slice(None) for i in range(x.ndim))]


@implements("fliplr")
def fliplr(m: Any) -> Any:
    return flip(m, 1)


@implements("flipud")
def flipud(m: Any) -> Any:
    return flip(m, 0)


@implements("rot90")
def rot90(m: Any, k: int = 1, axes: Any = (0, 1)) -> Any:
    x, k = tensor(m), k % 4
    first, second = axes_of(tuple(axes), x.ndim)
    if first == second:
        raise ValueError("Axes must be different.")
    if k == 0:
        return x[...]
    if k == 2:
        return flip(x, (first, second))
    return swapaxes(flip(x, second), first, second) if k == 1 else flip(swapaxes(x, first, second), second)


@implements("roll")
def roll(a: Any, shift: Any, axis: Any = None) -> Any:
    x = tensor(a)
    if axis is None:
        return op("reshape")(roll(op("reshape")(x, (-1,)), shift, 0), tuple(x.shape))
    shifts, dims = np.broadcast_arrays(shift, axis)
    for s, d in zip(shifts.ravel().tolist(), dims.ravel().tolist(), strict=True):
        x = pick(x, np.roll(np.arange(x.shape[d]), s), d)
    return x


def pick(x: Any, index: Any, axis: int) -> Any:
    """Slices along a dimension by an array of indices, or a Tensor of int64, not negative."""
    return op("index_select")(x, axis, index if isinstance(index, Tensor) else tensor(np.asarray(index, "int64")))


@implements("repeat")
def repeat(a: Any, repeats: Any, axis: Any = None) -> Any:
    x = tensor(a)
    if axis is None:
        x, axis = op("reshape")(x, (-1,)), 0
    times = np.asarray(repeats)
    return pick(x, np.repeat(np.arange(x.shape[axis]), times), one_axis(axis, x.ndim))


@implements("resize")
def resize(a: Any, new_shape: Any) -> Any:
    x = op("reshape")(tensor(a), (-1,))
    new_shape = tuple(new_shape) if isinstance(new_shape, (tuple, list)) else (int(new_shape),)
    if any(n < 0 for n in new_shape):
        raise ValueError("all elements of `new_shape` must be non-negative")
    n = math.prod(new_shape)
    if not x.shape[0] or not n:
        return tensor(np.zeros(new_shape, x.dtype))
    return op("reshape")(pick(x, np.arange(n) % x.shape[0], 0), new_shape)


@implements("tile")
def tile(A: Any, reps: Any) -> Any:
    x = tensor(A)
    reps = tuple(reps) if isinstance(reps, (tuple, list)) else (int(reps),)
    ndim = max(x.ndim, len(reps))
    shape = (1,) * (ndim - x.ndim) + tuple(x.shape)
    reps = (1,) * (ndim - len(reps)) + reps
    inner = tuple(n for pair in zip((1,) * ndim, shape, strict=True) for n in pair)
    outer = tuple(n for pair in zip(reps, shape, strict=True) for n in pair)
    if ndim > 16:
        raise NotHere
    wide = op("expand")(op("reshape")(x, inner), outer)
    return op("clone")(op("reshape")(wide, tuple(r * n for r, n in zip(reps, shape, strict=True))))


@implements("meshgrid")
def meshgrid(*xi: Any, copy: bool = True, sparse: bool = False, indexing: str = "xy") -> Any:
    if indexing not in ("xy", "ij"):
        raise ValueError("Valid values for `indexing` are 'xy' and 'ij'.")
    n = len(xi)
    places = [1, 0, *range(2, n)] if indexing == "xy" and n > 1 else list(range(n))
    grids = [
        op("reshape")(tensor(x), tuple(-1 if i == at else 1 for i in range(n)))
        for x, at in zip(xi, places, strict=True)
    ]
    grids = grids if sparse else list(broadcast_arrays(*grids))
    return tuple(op("clone")(g) if copy else g for g in grids)


# ---- pieces ----


@implements("split")
def split(ary: Any, indices_or_sections: Any, axis: int = 0) -> Any:
    x = tensor(ary)
    if np.ndim(indices_or_sections) == 0 and x.shape[axis] % int(indices_or_sections):
        raise ValueError("array split does not result in an equal division")
    return array_split(x, indices_or_sections, axis)


@implements("array_split")
def array_split(ary: Any, indices_or_sections: Any, axis: int = 0) -> Any:
    x = tensor(ary)
    axis = one_axis(axis, x.ndim)
    length = x.shape[axis]
    if np.ndim(indices_or_sections) == 0:
        n = int(indices_or_sections)
        if n <= 0:
            raise ValueError("number sections must be larger than 0.")
        size, more = divmod(length, n)
        cuts = [0, *(i * size + min(i, more) for i in range(1, n + 1))]
    else:
        cuts = [0, *(int(i) for i in indices_or_sections), length]
    pieces = [slice(a, b).indices(length)[:2] for a, b in itertools.pairwise(cuts)]
    return [op("narrow")(x, axis, a, max(b - a, 0)) for a, b in pieces]


@implements("hsplit")
def hsplit(ary: Any, indices_or_sections: Any) -> Any:
    x = tensor(ary)
    if x.ndim == 0:
        raise ValueError("hsplit only works on arrays of 1 or more dimensions")
    return split(x, indices_or_sections, 1 if x.ndim > 1 else 0)


@implements("vsplit")
def vsplit(ary: Any, indices_or_sections: Any) -> Any:
    x = tensor(ary)
    if x.ndim < 2:
        raise ValueError("vsplit only works on arrays of 2 or more dimensions")
    return split(x, indices_or_sections, 0)


@implements("dsplit")
def dsplit(ary: Any, indices_or_sections: Any) -> Any:
    x = tensor(ary)
    if x.ndim < 3:
        raise ValueError("dsplit only works on arrays of 3 or more dimensions")
    return split(x, indices_or_sections, 2)


@implements("unstack")
def unstack(x: Any, /, *, axis: int = 0) -> Any:
    x = tensor(x)
    if x.ndim == 0:
        raise ValueError("Input array must be at least 1-d.")
    axis = one_axis(axis, x.ndim)
    if x.ndim == 1:
        return tuple(op("select")(x, 0, i) for i in range(x.shape[0]))
    return tuple(op("movedim")(x, (axis,), (0,)) if axis else x)


# ---- facts ----


@implements("shape")
def shape(a: Any) -> Any:
    return tuple(a.shape) if hasattr(a, "shape") else np.asarray(a).shape


@implements("ndim")
def ndim(a: Any) -> int:
    return int(a.ndim if hasattr(a, "ndim") else np.asarray(a).ndim)


@implements("size")
def size(a: Any, axis: Any = None) -> int:
    lengths = shape(a)
    return math.prod(lengths[i] for i in axes_of(axis, len(lengths)))
