"""ONNX operators on shapes: views, joining, cutting, padding, and tensors made from a shape."""

from __future__ import annotations

import math
from typing import Any

import rustorch as rt
from rustorch.nn import functional as F

from .reductions import axes_of
from .registry import dtype_of, operator

Tensor = rt.Tensor


def numbers(value: Any) -> list[int]:
    """A list of integers that came as tensor or attribute."""
    return [int(v) for v in (value.reshape(-1).tolist() if isinstance(value, Tensor) else value)]


@operator("Shape")
def shape(x: Tensor, start: int = 0, end: int | None = None) -> Tensor:
    return rt.tensor(list(x.shape)[start:end], dtype=rt.int64)


@operator("Size")
def size(x: Tensor) -> Tensor:
    return rt.tensor(x.numel(), dtype=rt.int64)


@operator("Reshape")
def reshape(x: Tensor, shape: Any = None, allowzero: int = 0) -> Tensor:
    lengths = numbers(shape)
    if not allowzero:
        lengths = [x.shape[k] if n == 0 else n for k, n in enumerate(lengths)]
    return x.reshape(lengths)


@operator("Flatten")
def flatten(x: Tensor, axis: int = 1) -> Tensor:
    axis = axis + x.ndim if axis < 0 else axis
    return x.reshape(math.prod(x.shape[:axis]), math.prod(x.shape[axis:]))


@operator("Squeeze")
def squeeze(x: Tensor, axes: Any = None) -> Tensor:
    dims = axes_of(axes)
    if dims is None:
        return x.squeeze()
    for dim in dims:
        if x.shape[dim] != 1:
            raise ValueError(f"Squeeze: axis {dim} of shape {tuple(x.shape)} has length {x.shape[dim]}, not 1")
    return x.squeeze(dims) if dims else x


@operator("Unsqueeze")
def unsqueeze(x: Tensor, axes: Any) -> Tensor:
    dims = axes_of(axes) or ()
    rank = x.ndim + len(dims)
    for dim in sorted(d % rank for d in dims):
        x = x.unsqueeze(dim)
    return x


@operator("Transpose")
def transpose(x: Tensor, perm: Any = None) -> Tensor:
    return x.permute(tuple(range(x.ndim))[::-1] if perm is None else tuple(perm))


@operator("Expand")
def expand(x: Tensor, shape: Any) -> Tensor:
    return x.broadcast_to(rt.broadcast_shapes(tuple(x.shape), tuple(numbers(shape))))


@operator("Tile")
def tile(x: Tensor, repeats: Any, axis: Any = None) -> Tensor:
    if axis is not None:  # version 1: so many tiles along one axis
        counts = [1] * x.ndim
        counts[int(axis)] = int(repeats)
        return x.repeat(counts)
    return x.repeat(numbers(repeats))


@operator("Concat")
def concat(*tensors: Tensor, axis: int = 1) -> Tensor:
    return rt.cat(list(tensors), axis)


@operator("Split", several=True)
def split(x: Tensor, split: Any = None, axis: int = 0, num_outputs: int | None = None) -> tuple[Tensor, ...]:
    length = x.shape[axis]
    if split is None:
        if not num_outputs:
            raise ValueError("Split: needs the lengths of the parts or their number")
        part = -(-length // num_outputs)
        sizes = [max(0, min(part, length - k * part)) for k in range(num_outputs)]
    else:
        sizes = numbers(split)
    return tuple(x.split(sizes, axis))


def _slice(x: Tensor, starts: list[int], ends: list[int], axes: list[int], steps: list[int]) -> Tensor:
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        if step == 0:
            raise ValueError("Slice: a step of 0")
        axis %= x.ndim
        length = x.shape[axis]
        picked = range(length)[max(start, -(2**62)) : max(min(end, 2**62), -(2**62)) : step]
        if step > 0:
            x = x[(slice(None),) * axis + (slice(picked.start, max(picked.start, picked.stop), step),)]
        elif len(picked):
            low = picked[-1]
            x = x[(slice(None),) * axis + (slice(low, picked[0] + 1, -step),)].flip(axis)
        else:
            x = x.narrow(axis, 0, 0)
    return x


@operator("Slice")
def slice_(x: Tensor, starts: Any, ends: Any, axes: Any = None, steps: Any = None) -> Tensor:
    first, last = numbers(starts), numbers(ends)
    over = list(range(len(first))) if axes is None else numbers(axes)
    return _slice(x, first, last, over, [1] * len(first) if steps is None else numbers(steps))


@operator("Pad")
def pad(
    x: Tensor, pads: Any = None, constant_value: Any = None, axes: Any = None, mode: str = "constant",
    value: float = 0.0, paddings: Any = None,
) -> Tensor:  # fmt: skip
    counts = numbers(paddings if pads is None else pads)
    over = [a % x.ndim for a in numbers(axes)] if axes is not None else list(range(x.ndim))
    before, after = dict(zip(over, counts[: len(over)])), dict(zip(over, counts[len(over) :]))
    fill: Any = value if constant_value is None else constant_value.reshape(-1)[0].item()
    if mode == "constant":
        frame = [p for k in reversed(range(x.ndim)) for p in (before.get(k, 0), after.get(k, 0))]
        if x.dtype == rt.bool:
            return F.pad(x.to(rt.int8), frame, "constant", int(bool(fill))).to(rt.bool)
        return F.pad(x, frame, "constant", fill)
    for axis in over:
        x = _frame(x, axis, before[axis], after[axis], mode)
    return x


def _frame(x: Tensor, axis: int, before: int, after: int, mode: str) -> Tensor:
    """x with a frame along one axis whose elements are x's own."""
    length = x.shape[axis]
    if before == after == 0:
        return x
    places = range(-before, length + after)
    if mode == "edge":
        index = [min(max(k, 0), length - 1) for k in places]
    elif mode == "wrap":
        index = [k % length for k in places]
    elif mode == "reflect":
        period = 2 * (length - 1)
        index = [0 if not period else min(k % period, period - k % period) for k in places]
    else:
        raise NotImplementedError(f"Pad: mode {mode!r} is not supported")
    return x.index_select(axis, rt.tensor(index, dtype=rt.int64))


@operator("ConstantOfShape")
def constant_of_shape(shape: Tensor, value: Any = 0.0, dtype: str = "float32") -> Tensor:
    if isinstance(value, Tensor):
        return rt.full(numbers(shape), value.reshape(-1)[0].item(), dtype=value.dtype)
    return rt.full(numbers(shape), value, dtype=getattr(rt, dtype))


@operator("Range")
def range_(start: Tensor, limit: Tensor, delta: Tensor) -> Tensor:
    count = max(math.ceil((limit.item() - start.item()) / delta.item()), 0)
    return (start + rt.arange(count).to(start.dtype) * delta).to(start.dtype)


@operator("EyeLike")
def eye_like(x: Tensor, dtype: Any = None, k: int = 0) -> Tensor:
    rows, columns = x.shape
    kind = x.dtype if dtype is None else getattr(rt, dtype if isinstance(dtype, str) else dtype_of(dtype))
    return rt.diag(rt.ones(max(rows, columns) + abs(k)), k)[:rows, :columns].to(kind)


def _window(name: str, function: Any) -> None:
    def window(size: Tensor, output_datatype: int = 1, periodic: int = 1) -> Tensor:
        return function(int(size), bool(periodic)).to(getattr(rt, dtype_of(output_datatype)))

    operator(name)(window)


_window("HannWindow", lambda n, periodic: rt.hann_window(n, periodic, dtype=rt.float64))
_window("HammingWindow", lambda n, periodic: rt.hamming_window(n, periodic, 25 / 46, 21 / 46, dtype=rt.float64))
_window("BlackmanWindow", lambda n, periodic: rt.blackman_window(n, periodic, dtype=rt.float64))


@operator("Trilu")
def trilu(x: Tensor, k: Any = None, upper: int = 1) -> Tensor:
    diagonal = 0 if k is None else int(k)
    diagonal = max(-(2**31), min(diagonal, 2**31))
    return x.triu(diagonal) if upper else x.tril(diagonal)


@operator("DepthToSpace")
def depth_to_space(x: Tensor, blocksize: int, mode: str = "DCR") -> Tensor:
    n, c, h, w = x.shape
    b = blocksize
    if mode == "DCR":
        parts = x.reshape(n, b, b, c // (b * b), h, w).permute(0, 3, 4, 1, 5, 2)
    else:
        parts = x.reshape(n, c // (b * b), b, b, h, w).permute(0, 1, 4, 2, 5, 3)
    return parts.reshape(n, c // (b * b), h * b, w * b)


@operator("SpaceToDepth")
def space_to_depth(x: Tensor, blocksize: int, mode: str = "DCR") -> Tensor:
    n, c, h, w = x.shape
    b = blocksize
    order = (0, 3, 5, 1, 2, 4) if mode == "DCR" else (0, 1, 3, 5, 2, 4)
    return x.reshape(n, c, h // b, b, w // b, b).permute(order).reshape(n, c * b * b, h // b, w // b)


@operator("ReverseSequence")
def reverse_sequence(x: Tensor, lengths: Tensor, batch_axis: int = 1, time_axis: int = 0) -> Tensor:
    moved = x.movedim((time_axis, batch_axis), (0, 1))
    steps = rt.arange(moved.shape[0]).unsqueeze(1)
    ends = lengths.to(rt.int64).unsqueeze(0)
    index = rt.where(steps < ends, ends - 1 - steps, steps)
    return moved[index, rt.arange(moved.shape[1]).unsqueeze(0)].movedim((0, 1), (time_axis, batch_axis))


@operator("CenterCropPad")
def center_crop_pad(x: Tensor, shape: Tensor, axes: Any = None) -> Tensor:
    for axis, length in zip(axes_of(axes) or range(x.ndim), numbers(shape)):
        axis %= x.ndim
        more = length - x.shape[axis]
        if more < 0:
            x = x.narrow(axis, -more // 2, length)
        elif more > 0:
            x = F.pad(x, [0, 0] * (x.ndim - 1 - axis) + [more // 2, more - more // 2])
    return x
