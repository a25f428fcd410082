"""ONNX operators that resample images: Resize and its forerunner Upsample, GridSample, AffineGrid."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

import rustorch as rt
from rustorch.nn import functional as F

from .registry import operator
from .shapes import numbers

Tensor = rt.Tensor
Array = np.ndarray[Any, Any]


def _positions(length: int, out: int, scale: float, mode: str, roi: tuple[float, float]) -> Array:
    """Where, in the input's coordinates, each output element lies."""
    k = np.arange(out, dtype=np.float64)
    if mode == "asymmetric":
        return k / scale
    if mode == "align_corners":
        return k * ((length - 1) / (out - 1)) if out > 1 else np.zeros(out)
    if mode == "pytorch_half_pixel":
        return (k + 0.5) / scale - 0.5 if out > 1 else np.full(out, -0.5)
    if mode == "half_pixel_symmetric":
        adjustment = out / (scale * length)
        return length / 2 * (1 - adjustment) + (k + 0.5) / scale - 0.5
    if mode == "tf_crop_and_resize":
        start, end = roi
        if out > 1:
            return start * (length - 1) + k * (end - start) * (length - 1) / (out - 1)
        return np.full(out, 0.5 * (start + end) * (length - 1))
    if mode == "tf_half_pixel_for_nn":
        return (k + 0.5) / scale
    if mode != "half_pixel":
        raise NotImplementedError(f"Resize: coordinate_transformation_mode {mode!r} is not supported")
    return (k + 0.5) / scale - 0.5


def _nearest(at: Array, mode: str) -> Array:
    if mode == "round_prefer_floor":
        return np.ceil(at - 0.5)
    if mode == "round_prefer_ceil":
        return np.floor(at + 0.5)
    return np.floor(at) if mode == "floor" else np.ceil(at)


def _cubic(distance: Array, a: float) -> Array:
    d = np.abs(distance)
    near = ((a + 2) * d - (a + 3)) * d * d + 1
    far = ((a * d - 5 * a) * d + 8 * a) * d - 4 * a
    return np.where(d <= 1, near, np.where(d < 2, far, 0.0))


def _taps(
    at: Array, length: int, scale: float, kind: str, a: float, exclude: bool, antialias: bool
) -> tuple[Array, Array]:
    """Indices (taps, out), within the input, and their weights."""
    stretch = min(scale, 1.0) if antialias else 1.0
    reach = (1 if kind == "linear" else 2) / stretch
    count = 2 * math.ceil(reach)
    first = np.floor(at) - math.ceil(reach) + 1
    index = first[None, :] + np.arange(count)[:, None]
    distance = (index - at[None, :]) * stretch
    weight = np.maximum(1 - np.abs(distance), 0) if kind == "linear" else _cubic(distance, a)
    if exclude:
        weight = np.where((index >= 0) & (index < length), weight, 0.0)
    total = weight.sum(0, keepdims=True)
    weight = weight / np.where(total == 0, 1, total) if exclude or antialias else weight
    return np.clip(index, 0, length - 1).astype(np.int64), weight


def _along(x: Tensor, axis: int, index: Array, weight: Array) -> Tensor:
    """Weighted sums of slices of x."""
    shape = [1] * x.ndim
    shape[axis] = -1
    result: Any = None
    for places, factors in zip(index, weight):
        if not factors.any():
            continue
        factor = rt.from_numpy(factors.copy()).to(x.dtype).reshape(shape)
        part = x.index_select(axis, rt.from_numpy(places.copy())) * factor
        result = part if result is None else result + part
    return result if result is not None else x.index_select(axis, rt.from_numpy(index[0].copy())) * 0


def _lengths(shape: list[int], axes: list[int], scales: Any, sizes: Any, policy: str) -> tuple[list[int], list[float]]:
    """Lengths of the result along the axes, and by how much each is stretched."""
    old = [shape[a] for a in axes]
    if sizes is not None:
        new = numbers(sizes)
        if policy == "stretch":
            return new, [n / o for n, o in zip(new, old)]
        pick = min if policy == "not_larger" else max
        scale = pick(n / o for n, o in zip(new, old))
        return [math.floor(scale * o + 0.5) for o in old], [scale] * len(old)
    factors = [float(s) for s in (scales.reshape(-1).tolist() if isinstance(scales, Tensor) else scales)]
    # float32 numbers in files: 0.6 of 5 is 3
    return [math.floor(np.float32(o) * np.float32(s)) for o, s in zip(old, factors)], factors


@operator("Resize", since=11)
def resize(
    x: Tensor, roi: Tensor | None = None, scales: Tensor | None = None, sizes: Tensor | None = None,
    antialias: int = 0, axes: Any = None, coordinate_transformation_mode: str = "half_pixel",
    cubic_coeff_a: float = -0.75, exclude_outside: int = 0, extrapolation_value: float = 0.0,
    keep_aspect_ratio_policy: str = "stretch", mode: str = "nearest", nearest_mode: str = "round_prefer_floor",
) -> Tensor:  # fmt: skip
    over = [int(a) % x.ndim for a in axes] if axes is not None else list(range(x.ndim))
    scales = scales if scales is not None and scales.numel() else None
    lengths, factors = _lengths(list(x.shape), over, scales, sizes, keep_aspect_ratio_policy)
    crop = coordinate_transformation_mode == "tf_crop_and_resize"
    region = roi.reshape(-1).tolist() if crop and roi is not None else [0.0] * len(over) + [1.0] * len(over)
    kind = x.dtype
    wide = x if x.is_floating_point() else x.to(rt.float64)
    outside: list[tuple[int, Array]] = []
    for k, (axis, out, scale) in enumerate(zip(over, lengths, factors)):
        length = x.shape[axis]
        if out == length and scale == 1 and not crop:
            continue
        at = _positions(length, out, scale, coordinate_transformation_mode, (region[k], region[k + len(over)]))
        if mode == "nearest":
            index = np.clip(_nearest(at, nearest_mode), 0, length - 1).astype(np.int64)
            wide = wide.index_select(axis, rt.from_numpy(index))
        else:
            index, weight = _taps(at, length, scale, mode, cubic_coeff_a, bool(exclude_outside), bool(antialias))
            wide = _along(wide, axis, index, weight)
        if crop:
            outside.append((axis, (at < 0) | (at > length - 1)))
    for axis, mask in outside:
        shape = [1] * x.ndim
        shape[axis] = -1
        wide = wide.masked_fill(rt.from_numpy(mask).reshape(shape), extrapolation_value)
    if kind == wide.dtype:
        return wide
    return wide.to(kind) if mode == "nearest" or kind.itemsize > 1 else wide.round().clamp(0, 255).to(kind)


@operator("Resize", since=10)
def _resize_10(x: Tensor, scales: Tensor, mode: str = "nearest") -> Tensor:
    return resize(
        x, None, scales, coordinate_transformation_mode="asymmetric", nearest_mode="floor",
        mode="linear" if mode in ("linear", "bilinear") else mode,
    )  # fmt: skip


@operator("Upsample")
def upsample(x: Tensor, scales: Any = None, mode: str = "nearest") -> Tensor:
    return _resize_10(x, scales, mode)


@operator("GridSample")
def grid_sample(
    x: Tensor, grid: Tensor, align_corners: int = 0, mode: str = "linear", padding_mode: str = "zeros"
) -> Tensor:
    names = {"linear": "bilinear", "cubic": "bicubic"}
    return F.grid_sample(x, grid, names.get(mode, mode), padding_mode, bool(align_corners))


@operator("AffineGrid")
def affine_grid(theta: Tensor, size: Tensor, align_corners: int = 0) -> Tensor:
    return F.affine_grid(theta, numbers(size), bool(align_corners))


@operator("Col2Im")
def col2im(
    x: Tensor, image_shape: Tensor, block_shape: Tensor, dilations: Any = None, pads: Any = None, strides: Any = None
) -> Tensor:
    size, block = numbers(image_shape), numbers(block_shape)
    nd = len(size)
    pads, strides, dilations = list(pads or [0] * 2 * nd), list(strides or [1] * nd), list(dilations or [1] * nd)
    full = [n + pads[k] + pads[k + nd] for k, n in enumerate(size)]
    # where in the flat padded image each element of each block lies
    place = np.zeros((1, 1), np.int64)
    for k in range(nd):
        starts = np.arange(0, full[k] - (block[k] - 1) * dilations[k], strides[k])
        axis = np.arange(block[k])[:, None] * dilations[k] + starts[None, :]
        place = (place[:, None, :, None] * full[k] + axis[None, :, None, :]).reshape(place.shape[0] * block[k], -1)
    batch, width = x.shape[0], x.shape[1] // place.shape[0]
    rows = x.reshape(batch * width, -1)
    image = rt.zeros((batch * width, math.prod(full)), dtype=x.dtype)
    image = image.index_add(1, rt.from_numpy(place.reshape(-1)), rows).reshape(batch, width, *full)
    for k, n in enumerate(size):
        image = image.narrow(k + 2, pads[k], n)
    return image
