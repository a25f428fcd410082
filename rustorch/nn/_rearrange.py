"""Functions of networks that move elements without arithmetic: padding, tables of embeddings, one-hot rows,
and exchanges between channels and space."""

from __future__ import annotations

from typing import Any

from .. import _C
from .._modes import no_grad

_ops: dict[str, Any] = _C.ops

__all__ = ["channel_shuffle", "embedding", "one_hot", "pad", "pixel_shuffle", "pixel_unshuffle"]


def pad(input: Any, pad: Any, mode: str = "constant", value: complex | None = None) -> Any:
    """input within a frame; pad lists (before, after) from the last dimension on, negative lengths cut.

    mode is "constant" (value, 0 unless given), "reflect", "replicate" or "circular".  ValueError when a frame is
    wider than the mode allows: less than the length for reflect, at most the length for circular."""
    if mode not in ("constant", "reflect", "replicate", "circular"):
        raise NotImplementedError(f"pad: Unrecognised padding mode {mode}")
    if mode != "constant" and value not in (None, 0):
        raise _C.TensorError(f'pad: Padding mode "{mode}" doesn\'t take in value argument')
    if isinstance(value, complex):
        real = _ops["pad"](_ops["real"](input), pad, "constant", value.real)
        imag = _ops["pad"](_ops["imag"](input), pad, "constant", value.imag)
        return _ops["view_as_complex"](_ops["stack"]([real, imag], -1))
    return _ops["pad"](input, pad, mode, 0.0 if value is None else value)


def embedding(
    input: Any,
    weight: Any,
    padding_idx: int | None = None,
    max_norm: float | None = None,
    norm_type: float = 2.0,
    scale_grad_by_freq: bool = False,
    sparse: bool = False,
) -> Any:
    """Rows of weight (rows, width) by the integers in input (...): shape (..., width).

    Row padding_idx gets no gradient.  Rows in use that are longer than max_norm, in the norm_type-norm, are
    first shortened to it, in place.  scale_grad_by_freq divides a row's gradient by how often input names it.
    `sparse` is accepted: gradients are dense."""
    if padding_idx is not None and not -weight.shape[0] <= padding_idx < weight.shape[0]:
        raise AssertionError("embedding: Padding_idx must be within num_embeddings")
    if max_norm is not None:
        with no_grad():
            _shorten(weight.detach(), input.reshape(-1), max_norm, norm_type)
    return _ops["embedding"](weight, input, padding_idx, scale_grad_by_freq)


def _shorten(weight: Any, index: Any, max_norm: float, norm_type: float) -> None:
    rows = _ops["embedding"](weight, index)
    if norm_type == 2:
        size = _ops["norm2"](rows, -1, True)
    elif norm_type == float("inf"):
        size = _ops["amax"](rows.abs(), -1, True)
    else:
        size = _ops["sum"](rows.abs() ** norm_type, -1, True) ** (1 / norm_type)
    shorter = _ops["where"](size > max_norm, rows * (max_norm / (size + 1e-7)), rows)
    _ops["index_copy"](weight, 0, index, shorter.to(weight.dtype), out=weight)


def one_hot(input: Any = None, num_classes: int = -1, *, tensor: Any = None) -> Any:
    """Class numbers (...) as rows of zeros with a one: (..., num_classes), int64.

    num_classes -1 is one more than the largest; `tensor` is input's older name.  IndexError for classes outside."""
    return _ops["one_hot"](tensor if input is None else input, num_classes)


def pixel_shuffle(input: Any, upscale_factor: int) -> Any:
    """(..., C r r, H, W) as (..., C, H r, W r): channels become space (Shi et al. 2016)."""
    r = upscale_factor
    if input.ndim < 3 or r <= 0 or input.shape[-3] % (r * r):
        raise _C.TensorError(
            f"pixel_shuffle: needs (..., C r r, H, W) with a positive factor r = {r}, not shape {tuple(input.shape)}"
        )
    *lead, channels, h, w = input.shape
    n, c = len(lead), channels // (r * r)
    parts = input.reshape([*lead, c, r, r, h, w])
    parts = parts.permute([*range(n), n, n + 3, n + 1, n + 4, n + 2])
    return parts.reshape([*lead, c, h * r, w * r])


def pixel_unshuffle(input: Any, downscale_factor: int) -> Any:
    """(..., C, H r, W r) as (..., C r r, H, W): what pixel_shuffle undoes."""
    r = downscale_factor
    if input.ndim < 3 or r <= 0 or input.shape[-2] % r or input.shape[-1] % r:
        raise _C.TensorError(
            f"pixel_unshuffle: needs (..., C, H r, W r) with a positive factor r = {r}, not shape {tuple(input.shape)}"
        )
    *lead, c, height, width = input.shape
    n, h, w = len(lead), height // r, width // r
    parts = input.reshape([*lead, c, h, r, w, r])
    parts = parts.permute([*range(n), n, n + 2, n + 4, n + 1, n + 3])
    return parts.reshape([*lead, c * r * r, h, w])


def channel_shuffle(input: Any, groups: int) -> Any:
    """(N, C, ...) with the channels of `groups` groups interleaved (Zhang et al. 2018)."""
    if input.ndim < 3 or groups <= 0 or input.shape[1] % groups:
        raise _C.TensorError(
            f"channel_shuffle: needs (N, C, ...) with channels divisible by {groups} groups, not {tuple(input.shape)}"
        )
    n, c, *rest = input.shape
    return input.reshape([n, groups, c // groups, *rest]).transpose(1, 2).reshape([n, c, *rest])
