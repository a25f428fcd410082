"""Resizing images by two products: one matrix of weights for the rows, one for the columns."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from .._C import Tensor, as_tensor

MODES = ("nearest", "bilinear", "bicubic")


def _cubic(x: Any, a: float) -> Any:
    """Keys's kernel (1981)."""
    x = np.abs(x)
    near = ((a + 2) * x - (a + 3)) * x * x + 1
    far = ((x - 5) * x + 8) * x * a - 4 * a
    return np.where(x < 1, near, np.where(x < 2, far, 0.0))


@lru_cache(maxsize=64)
def weights(size: int, target: int, mode: str, antialias: bool) -> Any:
    """The weight of each of `size` pixels in each of `target`: a float64 array, target x size.

    Pixels are squares with the value in the middle.  With antialias the kernel grows with the
    reduction; without it, pixels beyond the border are the border's.
    """
    scale = size / target
    centre = (np.arange(target) + 0.5) * scale
    wide = max(scale, 1.0) if antialias else 1.0
    if antialias:
        distance = (np.arange(size) + 0.5 - centre[:, None]) / wide
        w = np.maximum(0.0, 1 - np.abs(distance)) if mode == "bilinear" else _cubic(distance, -0.5)
        return w / w.sum(1, keepdims=True)
    reach = 1 if mode == "bilinear" else 2
    if mode == "bilinear":
        centre = np.maximum(centre, 0.5)
    first = np.floor(centre - 0.5).astype(int)
    w = np.zeros((target, size))
    for offset in range(1 - reach, reach + 1):
        distance = centre - 0.5 - (first + offset)
        value = 1 - np.abs(distance) if mode == "bilinear" else _cubic(distance, -0.75)
        np.add.at(w, (np.arange(target), np.clip(first + offset, 0, size - 1)), value)
    return w


def resize(image: Tensor, height: int, width: int, mode: str = "bilinear", antialias: bool = True) -> Tensor:
    """Images of shape (..., h, w) as (..., height, width), in their dtype; integers are rounded.

    Args:
        image: of any dtype but complex.
        height, width: positive.
        mode: "nearest", "bilinear" or "bicubic".
        antialias: average over what falls together when an image shrinks.
    """
    h, w = image.shape[-2:]
    if (h, w) == (height, width):
        return image
    if mode == "nearest":
        rows = as_tensor(np.minimum((np.arange(height) * (h / height)).astype(np.int64), h - 1))
        columns = as_tensor(np.minimum((np.arange(width) * (w / width)).astype(np.int64), w - 1))
        return image.index_select(image.ndim - 2, rows).index_select(image.ndim - 1, columns)
    kind = image.dtype if image.dtype in ("float32", "float64") else "float32"
    x = image.to(kind)
    if w != width:
        x = x @ as_tensor(weights(w, width, mode, antialias).T).to(kind)
    if h != height:
        x = as_tensor(weights(h, height, mode, antialias)).to(kind) @ x
    if image.is_floating_point():
        return x.to(image.dtype)
    limits = (0, 1) if image.dtype == "bool" else (np.iinfo(image.dtype).min, np.iinfo(image.dtype).max)
    return x.round().clamp(*limits).to(image.dtype)
