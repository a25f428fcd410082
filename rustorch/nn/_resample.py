"""Images at other sizes and places: interpolate, grid_sample, affine_grid, unfold and fold."""

from __future__ import annotations

import math
import warnings
from typing import Any

from .._C import ShapeMismatchError, Tensor, TensorError, arange, ops
from ._pooling import numbers

_resample, _grid_sample = ops["resample"], ops["grid_sample"]

_KINDS = {"nearest": "nearest", "nearest-exact": "nearest-exact", "linear": "linear", "bilinear": "linear",
          "trilinear": "linear", "bicubic": "cubic", "area": "adaptive"}  # fmt: skip
_RANKS = {"linear": 1, "bilinear": 2, "bicubic": 2, "trilinear": 3}


def _sizes(
    input: Tensor, size: Any, scale_factor: Any, recompute: Any, n: int
) -> tuple[list[int], list[float | None]]:
    """Output lengths, and the scales that positions are computed with (None: from the lengths)."""
    if size is not None and scale_factor is not None:
        raise ValueError("only one of size or scale_factor should be defined")
    if size is None and scale_factor is None:
        raise ValueError("either size or scale_factor should be defined")
    lengths = list(input.shape)[2:]
    if size is not None:
        if recompute:
            raise ValueError("recompute_scale_factor is not meaningful with an explicit size")
        made = list(size) if isinstance(size, (tuple, list)) else [size] * n
        if len(made) != n:
            raise ValueError(
                "Input and output must have the same number of spatial dimensions, but got input with spatial"
                f" dimensions of {lengths} and output size of {size}"
            )
        return [int(v) for v in made], [None] * n
    scales = list(scale_factor) if isinstance(scale_factor, (tuple, list)) else [scale_factor] * n
    if len(scales) != n:
        raise ValueError(
            "Input and scale_factor must have the same number of spatial dimensions, but got input with spatial"
            f" dimensions of {lengths} and scale_factor of shape {scale_factor}"
        )
    made = [math.floor(float(length) * float(s)) for length, s in zip(lengths, scales, strict=True)]
    return made, [None] * n if recompute else [float(s) for s in scales]


def interpolate(
    input: Tensor,
    size: Any = None,
    scale_factor: Any = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
    recompute_scale_factor: bool | None = None,
    antialias: bool = False,
) -> Tensor:
    """Resamples (N, C, lengths) of one to three dimensions to `size`, or by `scale_factor`.

    mode: nearest, nearest-exact, area, linear (1 length), bilinear, bicubic (2) or trilinear (3).
    align_corners: the corner elements' centres, not their outer edges, are kept in place (linear and cubic
    modes). recompute_scale_factor: positions follow from the lengths even when a factor was given. antialias:
    filters grow with the reduction (bilinear and bicubic), as Pillow's.
    Raises ValueError for arguments that exclude each other, NotImplementedError for a mode that does not fit
    the number of dimensions, TensorError for empty lengths.
    """
    if mode not in _KINDS:
        raise NotImplementedError(f"interpolate: unknown mode {mode!r}; known are {', '.join(_KINDS)}")
    if align_corners is not None and mode in ("nearest", "nearest-exact", "area"):
        raise ValueError(
            "align_corners option can only be set with the interpolating modes: linear | bilinear | bicubic | trilinear"
        )
    n = input.ndim - 2
    if n < 1 or n > 3 or _RANKS.get(mode, n) != n:
        raise NotImplementedError(
            f"interpolate: mode {mode!r} takes {_RANKS.get(mode, '1 to 3')} lengths behind batch and channels; the"
            f" input has the shape {tuple(input.shape)}"
        )
    if antialias and mode not in ("bilinear", "bicubic"):
        raise ValueError(
            "Anti-alias option is restricted to bilinear and bicubic modes and requires a 4-D tensor as input"
        )
    lengths, scales = _sizes(input, size, scale_factor, recompute_scale_factor, n)
    if min(lengths) < 1 or 0 in tuple(input.shape)[1:]:
        raise TensorError(
            "Input and output sizes should be greater than 0, but got input "
            f"{tuple(input.shape)[2:]} and output {tuple(lengths)}"
        )
    kind = _KINDS[mode] + ("-aa" if antialias else "")
    exact = kind.startswith("nearest")
    if not exact and input.dtype.kind == "u":
        wide = input.to("float32")
        result = interpolate(wide, size, scale_factor, mode, align_corners, recompute_scale_factor, antialias)
        return result.round().clamp(0, 255).to(input.dtype)
    result = input if exact or input.dtype.kind in "biu" or input.dtype.itemsize >= 4 else input.to("float32")
    # the dimension that shrinks most first: less work for the others; of equal ones the last, the slowest
    for i in sorted(range(n), key=lambda d: (lengths[d] / input.shape[2 + d], -d)):
        if exact or lengths[i] != input.shape[2 + i] or scales[i] is not None or antialias:
            scale = 0.0 if scales[i] is None or mode == "area" else scales[i]
            result = _resample(result, 2 + i, lengths[i], kind, bool(align_corners), False, None, scale)
    if result is input:
        return input.clone()
    return result.to(input.dtype)


def upsample(input: Tensor, size: Any = None, scale_factor: Any = None, mode: str = "nearest",
             align_corners: bool | None = None) -> Tensor:  # fmt: skip
    """interpolate by its old name."""
    warnings.warn("`nn.functional.upsample` is deprecated. Use `nn.functional.interpolate` instead.", stacklevel=2)
    return interpolate(input, size, scale_factor, mode, align_corners)


def upsample_nearest(input: Tensor, size: Any = None, scale_factor: Any = None) -> Tensor:
    """interpolate(mode="nearest") by its old name."""
    warnings.warn(
        "`nn.functional.upsample_nearest` is deprecated. Use `nn.functional.interpolate` instead.", stacklevel=2
    )
    return interpolate(input, size, scale_factor, "nearest")


def upsample_bilinear(input: Tensor, size: Any = None, scale_factor: Any = None) -> Tensor:
    """interpolate(mode="bilinear", align_corners=True) by its old name."""
    warnings.warn(
        "`nn.functional.upsample_bilinear` is deprecated. Use `nn.functional.interpolate` instead.", stacklevel=2
    )
    return interpolate(input, size, scale_factor, "bilinear", True)


# ---- unfold, fold ----


def _pairs(name: str, kernel: Any, dilation: Any, padding: Any, stride: Any) -> list[tuple[int, ...]]:
    named = {"kernel_size": kernel, "dilation": dilation, "padding": padding, "stride": stride}
    return [numbers(name, what, value, 2) for what, value in named.items()]


def unfold(input: Tensor, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1) -> Tensor:
    """Patches of (N, C, H, W) or (C, H, W) as columns: (N, C * kernel, positions).

    All arguments are a number or two. Raises TensorError where no patch fits."""
    if input.ndim not in (3, 4):
        raise ShapeMismatchError(f"unfold: expects 3 or 4 dimensions, not the shape {tuple(input.shape)}")
    lists = _pairs("unfold", kernel_size, dilation, padding, stride)
    result: Tensor = ops["unfold_columns"](input if input.ndim == 4 else input.unsqueeze(0), *lists)
    return result if input.ndim == 4 else result.squeeze(0)


def fold(
    input: Tensor, output_size: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1
) -> Tensor:
    """Columns (N, C * kernel, positions), or without N, added up into images (N, C, *output_size).

    The transpose of unfold. Raises TensorError when the columns are not those of such an image."""
    if input.ndim not in (2, 3):
        raise ShapeMismatchError(f"fold: expects 2 or 3 dimensions, not the shape {tuple(input.shape)}")
    lists = _pairs("fold", kernel_size, dilation, padding, stride)
    height, width = numbers("fold", "output_size", output_size, 2)
    result: Tensor = ops["fold_columns"](input if input.ndim == 3 else input.unsqueeze(0), *lists, height, width)
    return result if input.ndim == 3 else result.squeeze(0)


# ---- grids ----


def affine_grid(theta: Tensor, size: Any, align_corners: bool | None = None) -> Tensor:
    """Sampling positions of grid_sample under affine maps.

    theta: (N, 2, 3) for size (N, C, H, W), or (N, 3, 4) for (N, C, D, H, W). Result: (N, H, W, 2) or
    (N, D, H, W, 3), the last dimension x first. align_corners: -1 and 1 are the centres of the outer elements.
    Raises ValueError for other shapes or dtypes."""
    size = [int(v) for v in size]
    n = len(size) - 2
    if n not in (2, 3):
        raise NotImplementedError(f"affine_grid: supports sizes of 4 or 5 lengths, not {size}")
    if theta.dtype.kind not in "fV":
        raise ValueError(f"Expected theta to have floating point type, but got {theta.dtype}")
    if theta.ndim != 3 or tuple(theta.shape) != (size[0], n, n + 1):
        wanted = (size[0], n, n + 1)
        raise ValueError(f"Expected a batch of affine matrices of shape {wanted}, got {tuple(theta.shape)}")
    if min(size) < 1:
        raise ValueError(f"Expected non-zero, positive output size. Got {size}")
    spatial = size[2:]
    columns = []
    for d in reversed(range(n)):
        length = spatial[d]
        at = arange(length, dtype=theta.dtype)
        at = at * (2.0 / max(length - 1, 1)) - (length > 1) if align_corners else (at * 2 + 1) / length - 1
        columns.append(at.reshape([-1 if i == d else 1 for i in range(n)]).expand(spatial).reshape(-1, 1))
    base = ops["cat"]([*columns, columns[0] * 0 + 1], 1)
    grid = base @ theta.transpose(1, 2)
    return grid.reshape(size[0], *spatial, n)


def grid_sample(
    input: Tensor,
    grid: Tensor,
    mode: str = "bilinear",
    padding_mode: str = "zeros",
    align_corners: bool | None = None,
) -> Tensor:
    """Elements of images at the positions of a grid, interpolated.

    input: (N, C, H, W) or (N, C, D, H, W); grid: (N, H', W', 2) or (N, D', H', W', 3), x first, where -1 and 1
    are the image's edges (the centres of its outer elements when align_corners). mode: bilinear, nearest, or
    bicubic (images of two lengths). padding_mode: what lies outside: zeros, border or reflection.
    Raises ValueError for unknown modes, ShapeMismatchError for shapes that do not fit.
    """
    if mode not in ("bilinear", "nearest", "bicubic"):
        raise ValueError(
            f"nn.functional.grid_sample(): expected mode to be 'bilinear', 'nearest' or 'bicubic', not {mode!r}"
        )
    if padding_mode not in ("zeros", "border", "reflection"):
        raise ValueError(
            "nn.functional.grid_sample(): expected padding_mode to be 'zeros', 'border' or 'reflection', not "
            f"{padding_mode!r}"
        )
    n = input.ndim - 2
    if n not in (2, 3) or grid.ndim != n + 2 or grid.shape[0] != input.shape[0] or grid.shape[-1] != n:
        raise ShapeMismatchError(
            "grid_sample: expected (N, C, H, W) with a grid (N, H', W', 2), or (N, C, D, H, W) with (N, D', H', W', 3);"
            f" got {tuple(input.shape)} and {tuple(grid.shape)}"
        )
    if input.dtype != grid.dtype:
        raise RuntimeError(f"grid_sample: input and grid must have one dtype, not {input.dtype} and {grid.dtype}")
    if mode == "bicubic" and n == 3:
        raise RuntimeError("grid_sample: bicubic interpolation only supports 4D input")
    if 0 in tuple(input.shape)[2:]:
        raise TensorError(f"grid_sample: the image is empty: shape {tuple(input.shape)}")
    result: Tensor = _grid_sample(input, grid, mode, padding_mode, bool(align_corners))
    return result


__all__ = ["affine_grid", "fold", "grid_sample", "interpolate", "unfold", "upsample"]
