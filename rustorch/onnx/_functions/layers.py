"""ONNX operators that are layers: products, convolutions, pools, normalisations."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import rustorch as rt
from rustorch.nn import functional as F

from .registry import operator

Tensor = rt.Tensor


@operator("MatMul")
def matmul(x: Tensor, y: Tensor) -> Tensor:
    return rt.matmul(x, y)


@operator("Gemm")
def gemm(
    a: Tensor, b: Tensor, c: Tensor | None = None, alpha: float = 1.0, beta: float = 1.0, transA: int = 0,
    transB: int = 0, broadcast: int = 0,
) -> Tensor:  # fmt: skip
    if transA:
        a = a.transpose(0, 1)
    if alpha == 1 and beta == 1 and transB and (c is None or c.ndim == 1):
        return F.linear(a, b, c)
    product = rt.matmul(a, b.transpose(0, 1) if transB else b)
    product = product if alpha == 1 else product * alpha
    if c is None:
        return product
    return product + (c if beta == 1 else c * beta)


# ---- windows


def _frame(
    name: str, lengths: Sequence[int], kernel: Sequence[int], strides: Sequence[int], dilations: Sequence[int],
    pads: Sequence[int] | None, auto_pad: str,
) -> list[tuple[int, int]]:  # fmt: skip
    """What to put before and after each dimension."""
    count = len(lengths)
    if auto_pad in ("NOTSET", ""):
        pads = pads or [0] * (2 * count)
        if len(pads) != 2 * count:
            raise ValueError(f"{name}: pads {list(pads)} do not fit {count} dimensions")
        return list(zip(pads[:count], pads[count:]))
    if auto_pad == "VALID":
        return [(0, 0)] * count
    frame = []
    for n, k, s, d in zip(lengths, kernel, strides, dilations):
        total = max((-(-n // s) - 1) * s + (k - 1) * d + 1 - n, 0)
        small = total // 2
        frame.append((small, total - small) if auto_pad == "SAME_UPPER" else (total - small, small))
    return frame


def _padded(x: Tensor, frame: list[tuple[int, int]], value: float = 0) -> Tensor:
    if not any(before or after for before, after in frame):
        return x
    return F.pad(x, [p for pair in reversed(frame) for p in pair], "constant", value)


@operator("Conv")
def conv(
    x: Tensor, w: Tensor, b: Tensor | None = None, auto_pad: str = "NOTSET", dilations: Any = None, group: int = 1,
    kernel_shape: Any = None, pads: Any = None, strides: Any = None,
) -> Tensor:  # fmt: skip
    nd = x.ndim - 2
    strides, dilations = list(strides or [1] * nd), list(dilations or [1] * nd)
    frame = _frame("Conv", x.shape[2:], w.shape[2:], strides, dilations, pads, auto_pad)
    even = all(before == after for before, after in frame)
    if not even:
        x = _padded(x, frame)
    padding = [before for before, _ in frame] if even else [0] * nd
    return rt.convolution(x, w, b, strides, padding, dilations, False, [0] * nd, group)


@operator("ConvTranspose")
def conv_transpose(
    x: Tensor, w: Tensor, b: Tensor | None = None, auto_pad: str = "NOTSET", dilations: Any = None, group: int = 1,
    kernel_shape: Any = None, output_padding: Any = None, output_shape: Any = None, pads: Any = None,
    strides: Any = None,
) -> Tensor:  # fmt: skip
    nd = x.ndim - 2
    strides, dilations = list(strides or [1] * nd), list(dilations or [1] * nd)
    more = list(output_padding or [0] * nd)
    full = [
        (n - 1) * s + (k - 1) * d + 1
        for n, s, k, d in zip(x.shape[2:], strides, w.shape[2:], dilations)
    ]  # fmt: skip
    if output_shape is not None or auto_pad in ("SAME_UPPER", "SAME_LOWER"):
        wanted = list(output_shape or [n * s for n, s in zip(x.shape[2:], strides)])[-nd:]
        frame = []
        for f, o, p in zip(full, wanted, more):
            total = f + p - o
            small = total // 2
            frame.append((total - small, small) if auto_pad != "SAME_UPPER" else (small, total - small))
    else:
        frame = _frame("ConvTranspose", x.shape[2:], w.shape[2:], strides, dilations, pads, auto_pad)
        wanted = [f + p - before - after for f, p, (before, after) in zip(full, more, frame)]
    even = [min(pair) if min(pair) >= 0 else 0 for pair in frame]
    # the whole result, then cut: or directly, when both sides are cut alike and no more than a step is put on
    alike = all(before == after for before, after in frame)
    if alike and all(p < max(s, d) for p, s, d in zip(more, strides, dilations)):
        return rt.convolution(x, w, b, strides, even, dilations, True, more, group)
    y = rt.convolution(x, w, b, strides, [0] * nd, dilations, True, [0] * nd, group)
    y0 = y if b is None else y - b.reshape((-1,) + (1,) * nd)
    frame = [(-before, o - (f - before)) for (before, _), o, f in zip(frame, wanted, full)]
    y = _padded(y0, frame)
    return y if b is None else y + b.reshape((-1,) + (1,) * nd)


def _windows(
    name: str, x: Tensor, kernel: Sequence[int], strides: Any, dilations: Any, pads: Any, auto_pad: str, ceil_mode: int
) -> tuple[list[int], list[int], list[tuple[int, int]], list[tuple[int, int]]]:
    """Strides, dilations, the frame, and the frame up to the last window's end."""
    nd = x.ndim - 2
    strides, dilations = list(strides or [1] * nd), list(dilations or [1] * nd)
    frame = _frame(name, x.shape[2:], kernel, strides, dilations, pads, auto_pad)
    whole = []
    for n, k, s, d, (before, after) in zip(x.shape[2:], kernel, strides, dilations, frame):
        room = n + before + after - ((k - 1) * d + 1)
        count = (-(-room // s) if ceil_mode else room // s) + 1
        if ceil_mode and (count - 1) * s >= n + before:
            count -= 1  # no window begins behind the input
        whole.append((before, max(after, (count - 1) * s + (k - 1) * d + 1 - n - before)))
    return strides, dilations, frame, whole


def _largest(
    x: Tensor, auto_pad: str = "NOTSET", ceil_mode: int = 0, dilations: Any = None, kernel_shape: Any = None,
    pads: Any = None, storage_order: int = 0, strides: Any = None,
) -> tuple[Tensor, Tensor, Sequence[int], list[tuple[int, int]]]:  # fmt: skip
    """The elements, their places in the padded planes, these planes' lengths, and the frame."""
    strides, dilations, _, whole = _windows("MaxPool", x, kernel_shape, strides, dilations, pads, auto_pad, ceil_mode)
    floating = x.is_floating_point()
    padded = _padded(x if floating else x.to(rt.float64), whole, -math.inf)
    pool = (F.max_pool1d, F.max_pool2d, F.max_pool3d)[x.ndim - 3]
    y, place = pool(padded, list(kernel_shape), strides, 0, dilations, return_indices=True)
    return (y if floating else y.to(x.dtype)), place, padded.shape[2:], whole


@operator("MaxPool")
def max_pool(x: Tensor, **attributes: Any) -> Tensor:
    return _largest(x, **attributes)[0]


@operator("MaxPool", several=True)
def _max_pool_places(x: Tensor, storage_order: int = 0, **attributes: Any) -> tuple[Tensor, Tensor]:
    nd = x.ndim - 2
    y, place, lengths, whole = _largest(x, **attributes)
    # positions in the padded plane, and of the batch and channel: as in the whole tensor
    outer = list(x.shape[2:])
    columns = []
    for n in reversed(lengths):
        columns.append(place % n)
        place = rt.div(place, n, rounding_mode="floor")
    at = [c - before for c, (before, _) in zip(reversed(columns), whole)]
    if storage_order:
        at, outer = at[::-1], outer[::-1]
    flat = at[0]
    for column, n in zip(at[1:], outer[1:]):
        flat = flat * n + column
    planes = rt.arange(x.shape[0] * x.shape[1]).reshape((*x.shape[:2],) + (1,) * nd)
    return y, flat + planes * math.prod(outer)


def _window_sums(x: Tensor, kernel: Sequence[int], strides: Sequence[int], dilations: Sequence[int]) -> Tensor:
    nd = x.ndim - 2
    flat = x.reshape(-1, 1, *x.shape[2:])
    ones = rt.ones((1, 1, *kernel), dtype=x.dtype)
    y = rt.convolution(flat, ones, None, list(strides), [0] * nd, list(dilations), False, [0] * nd, 1)
    return y.reshape(*x.shape[:2], *y.shape[2:])


@operator("AveragePool")
def average_pool(
    x: Tensor, auto_pad: str = "NOTSET", ceil_mode: int = 0, count_include_pad: int = 0, dilations: Any = None,
    kernel_shape: Any = None, pads: Any = None, strides: Any = None,
) -> Tensor:  # fmt: skip
    nd = x.ndim - 2
    strides, dilations, frame, whole = _windows(
        "AveragePool", x, kernel_shape, strides, dilations, pads, auto_pad, ceil_mode
    )
    even = all(before == after for before, after in frame) and whole == frame
    small = all(b == 0 or (count_include_pad and 2 * b <= k) for (b, _), k in zip(frame, kernel_shape))
    if even and small and set(dilations) == {1} and nd <= 3:
        pool = (F.avg_pool1d, F.avg_pool2d, F.avg_pool3d)[nd - 1]
        return pool(x, list(kernel_shape), strides, [b for b, _ in frame], False, True)
    sums = _window_sums(_padded(x, whole), kernel_shape, strides, dilations)
    inner = rt.ones((1, 1, *x.shape[2:]), dtype=x.dtype)
    if count_include_pad:
        rest = [(0, w - f) for (_, w), (_, f) in zip(whole, frame)]
        counted = _padded(_padded(inner, frame, 1), rest)
    else:
        counted = _padded(inner, whole)
    return sums / _window_sums(counted, kernel_shape, strides, dilations)


@operator("LpPool")
def lp_pool(
    x: Tensor, auto_pad: str = "NOTSET", ceil_mode: int = 0, dilations: Any = None, kernel_shape: Any = None,
    p: int = 2, pads: Any = None, strides: Any = None,
) -> Tensor:  # fmt: skip
    strides, dilations, _, whole = _windows("LpPool", x, kernel_shape, strides, dilations, pads, auto_pad, ceil_mode)
    return _window_sums(_padded(x.abs().pow(p), whole), kernel_shape, strides, dilations).pow(1 / p)


def _inner(x: Tensor) -> tuple[int, ...]:
    return tuple(range(2, x.ndim))


@operator("GlobalAveragePool")
def global_average_pool(x: Tensor) -> Tensor:
    return x.mean(_inner(x), True) if x.ndim > 2 else x


@operator("GlobalMaxPool")
def global_max_pool(x: Tensor) -> Tensor:
    return x.amax(_inner(x), True) if x.ndim > 2 else x


@operator("GlobalLpPool")
def global_lp_pool(x: Tensor, p: int = 2) -> Tensor:
    return x.abs().pow(p).sum(_inner(x), True).pow(1 / p) if x.ndim > 2 else x


@operator("MaxUnpool")
def max_unpool(
    x: Tensor, index: Tensor, output_shape: Tensor | None = None, kernel_shape: Any = None, pads: Any = None,
    strides: Any = None,
) -> Tensor:  # fmt: skip
    nd = x.ndim - 2
    strides, pads = list(strides or [1] * nd), list(pads or [0] * 2 * nd)
    shape = [
        (n - 1) * s - pads[k] - pads[k + nd] + kernel_shape[k]
        for k, (n, s) in enumerate(zip(x.shape[2:], strides))
    ]  # fmt: skip
    shape = [*x.shape[:2], *shape]
    zeros = rt.zeros(math.prod(shape), dtype=x.dtype)
    result = zeros.scatter(0, index.reshape(-1), x.reshape(-1)).reshape(shape)
    if output_shape is None:
        return result
    wanted = [int(n) for n in output_shape.tolist()]
    return F.pad(result, [p for k in reversed(range(x.ndim)) for p in (0, wanted[k] - shape[k])])


# ---- normalisations


def _channels(t: Tensor, x: Tensor) -> Tensor:
    return t.reshape((-1,) + (1,) * (x.ndim - 2))


@operator("BatchNormalization", since=14, several=True)
def _batch_normalization_training(
    x: Tensor, scale: Tensor, bias: Tensor, mean: Tensor, var: Tensor, epsilon: float = 1e-5, momentum: float = 0.9,
    training_mode: int = 0,
) -> tuple[Tensor, Tensor, Tensor]:  # fmt: skip
    dims = (0, *range(2, x.ndim))
    now, spread = x.mean(dims), x.var(dims, correction=0)
    y = (x - _channels(now, x)) / (_channels(spread, x) + epsilon).sqrt() * _channels(scale, x) + _channels(bias, x)
    return y.to(x.dtype), mean * momentum + now * (1 - momentum), var * momentum + spread * (1 - momentum)


@operator("BatchNormalization")
def batch_normalization(
    x: Tensor, scale: Tensor, bias: Tensor, mean: Tensor, var: Tensor, epsilon: float = 1e-5, momentum: float = 0.9,
    training_mode: int = 0, spatial: int = 1, is_test: int = 1
) -> Tensor:  # fmt: skip
    if not spatial:
        return (x - mean) / (var + epsilon).sqrt() * scale + bias
    if training_mode:
        return _batch_normalization_training(x, scale, bias, mean, var, epsilon, momentum)[0]
    return F.batch_norm(x, mean, var, scale, bias, False, 0.0, epsilon).to(x.dtype)


@operator("InstanceNormalization")
def instance_normalization(x: Tensor, scale: Tensor, bias: Tensor, epsilon: float = 1e-5) -> Tensor:
    return F.group_norm(x, x.shape[1], scale, bias, epsilon)


@operator("GroupNormalization", since=21)
def group_normalization(
    x: Tensor, scale: Tensor, bias: Tensor, epsilon: float = 1e-5, num_groups: int = 1, stash_type: int = 1
) -> Tensor:
    return F.group_norm(x, num_groups, scale, bias, epsilon)


@operator("GroupNormalization", since=18)
def _group_normalization_18(
    x: Tensor, scale: Tensor, bias: Tensor, epsilon: float = 1e-5, num_groups: int = 1
) -> Tensor:
    each = x.shape[1] // num_groups  # one number a group
    return F.group_norm(x, num_groups, scale.repeat_interleave(each), bias.repeat_interleave(each), epsilon)


@operator("LayerNormalization")
def layer_normalization(
    x: Tensor, scale: Tensor, bias: Tensor | None = None, axis: int = -1, epsilon: float = 1e-5, stash_type: int = 1
) -> Tensor:
    inner = tuple(x.shape[axis % x.ndim :])
    if tuple(scale.shape) == inner and (bias is None or tuple(bias.shape) == inner):
        return F.layer_norm(x, inner, scale, bias, epsilon)
    return _layer_statistics(x, scale, bias, axis, epsilon, stash_type)[0]


@operator("LayerNormalization", several=True)
def _layer_statistics(
    x: Tensor, scale: Tensor, bias: Tensor | None = None, axis: int = -1, epsilon: float = 1e-5, stash_type: int = 1
) -> tuple[Tensor, Tensor, Tensor]:
    dims = tuple(range(axis % x.ndim, x.ndim))
    wide = x.to(rt.float32) if x.dtype.itemsize == 2 and stash_type == 1 else x
    mean = wide.mean(dims, True)
    centred = wide - mean
    deviation = ((centred * centred).mean(dims, True) + epsilon).rsqrt()
    y = (centred * deviation).to(x.dtype) * scale
    return (y if bias is None else y + bias), mean, deviation


@operator("RMSNormalization")
def rms_normalization(x: Tensor, scale: Tensor, axis: int = -1, epsilon: float = 1e-5, stash_type: int = 1) -> Tensor:
    dims = tuple(range(axis % x.ndim, x.ndim))
    wide = x.to(rt.float32) if x.dtype.itemsize == 2 else x
    return (wide * ((wide * wide).mean(dims, True) + epsilon).rsqrt()).to(x.dtype) * scale


@operator("LRN")
def lrn(x: Tensor, alpha: float = 1e-4, beta: float = 0.75, bias: float = 1.0, size: int = 1) -> Tensor:
    before = (size - 1) // 2
    squares = F.pad(x * x, [0, 0] * (x.ndim - 2) + [before, size - 1 - before])
    sums = squares.narrow(1, 0, x.shape[1])
    for k in range(1, size):
        sums = sums + squares.narrow(1, k, x.shape[1])
    return x / (bias + alpha / size * sums).pow(beta)


@operator("MeanVarianceNormalization")
def mean_variance_normalization(x: Tensor, axes: Any = (0, 2, 3)) -> Tensor:
    dims = tuple(axes)
    mean = x.mean(dims, True)
    # as the operator is defined, mean of squares less square of the mean, and 1e-9 on the deviation
    return (x - mean) / (((x * x).mean(dims, True) - mean * mean).sqrt() + 1e-9)


# ---- losses


@operator("NegativeLogLikelihoodLoss")
def negative_log_likelihood_loss(
    x: Tensor, target: Tensor, weight: Tensor | None = None, ignore_index: int | None = None, reduction: str = "mean"
) -> Tensor:
    target = target.to(rt.int64)
    left_out = -100 if ignore_index is None else ignore_index
    if x.ndim > 4:  # (N, C, ...) as (N, C, all)
        rows, flat_target = x.reshape(*x.shape[:2], -1), target.reshape(target.shape[0], -1)
        flat = F.nll_loss(rows, flat_target, weight, None, left_out, None, reduction)
        return flat.reshape(tuple(target.shape)) if reduction == "none" else flat
    return F.nll_loss(x, target, weight, None, left_out, None, reduction)


@operator("SoftmaxCrossEntropyLoss")
def softmax_cross_entropy_loss(*args: Any, **attributes: Any) -> Tensor:
    return _cross_entropy_and_logarithms(*args, **attributes)[0]


@operator("SoftmaxCrossEntropyLoss", several=True)
def _cross_entropy_and_logarithms(
    x: Tensor, target: Tensor, weight: Tensor | None = None, ignore_index: int | None = None, reduction: str = "mean"
) -> tuple[Tensor, Tensor]:
    logarithms = F.log_softmax(x, 1)
    return negative_log_likelihood_loss(logarithms, target, weight, ignore_index, reduction), logarithms
