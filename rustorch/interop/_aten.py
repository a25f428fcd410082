"""Functions of PyTorch's operator library (aten) whose arguments are not those of the function of the same name.

What torch.export writes calls aten's functions.  Those that are not here are called by their own names.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import rustorch

from .. import _C
from ..nn import functional as F
from ..nn.utils.parametrizations import norm_except

__all__ = ["FUNCTIONS"]

_END = (1 << 63) - 1  # how aten writes the end of a slice


def _slice(x: Any, dim: int = 0, start: int | None = None, end: int | None = None, step: int = 1) -> Any:
    end = None if end is not None and end >= _END else end
    return x[(slice(None),) * (dim % x.ndim) + (slice(start, end, step),)]


def _index(x: Any, indices: Sequence[Any]) -> Any:
    return x[tuple(slice(None) if i is None else i for i in indices)]


def _embedding(
    weight: Any, indices: Any, padding_idx: int = -1, scale_grad_by_freq: bool = False, sparse: bool = False
) -> Any:
    padding = None if padding_idx < 0 else padding_idx
    return F.embedding(indices, weight, padding, scale_grad_by_freq=scale_grad_by_freq, sparse=sparse)


def _embedding_bag(
    weight: Any, indices: Any, offsets: Any, scale_grad_by_freq: bool = False, mode: int = 0, sparse: bool = False,
    per_sample_weights: Any = None, include_last_offset: bool = False, padding_idx: int | None = None,
) -> Any:  # fmt: skip
    made = F.embedding_bag(
        indices, weight, offsets, scale_grad_by_freq=scale_grad_by_freq, mode=("sum", "mean", "max")[mode],
        sparse=sparse, per_sample_weights=per_sample_weights, include_last_offset=include_last_offset,
        padding_idx=None if padding_idx is None or padding_idx < 0 else padding_idx,
    )  # fmt: skip
    return made, None, None, None


def _weight_norm(v: Any, g: Any, dim: int = 0) -> Any:
    return v * (g / norm_except(v, dim))


def _batch_norm(
    x: Any, weight: Any, bias: Any, mean: Any, var: Any, training: bool, momentum: float, eps: float,
    cudnn: bool = False,
) -> Any:  # fmt: skip
    return F.batch_norm(x, mean, var, weight, bias, training, momentum, eps)


def _instance_norm(
    x: Any, weight: Any, bias: Any, mean: Any, var: Any, use_input_stats: bool, momentum: float, eps: float,
    cudnn: bool = False,
) -> Any:  # fmt: skip
    return F.instance_norm(x, mean, var, weight, bias, use_input_stats, momentum, eps)


def _layer_norm(
    x: Any, shape: Any, weight: Any = None, bias: Any = None, eps: float = 1e-5, cudnn: bool = True
) -> Any:
    return F.layer_norm(x, shape, weight, bias, eps)


def _group_norm(
    x: Any, groups: int, weight: Any = None, bias: Any = None, eps: float = 1e-5, cudnn: bool = True
) -> Any:
    return F.group_norm(x, groups, weight, bias, eps)


def _pooling(function: Callable[..., Any]) -> Callable[..., Any]:
    """aten writes a stride that is the kernel's size as an empty list."""

    def pool(x: Any, kernel_size: Any, stride: Any = (), *args: Any) -> Any:
        return function(x, kernel_size, stride or None, *args)

    return pool


def _max_pooling(function: Callable[..., Any], return_indices: bool = False) -> Callable[..., Any]:
    def pool(
        x: Any, kernel_size: Any, stride: Any = (), padding: Any = 0, dilation: Any = 1, ceil_mode: bool = False
    ) -> Any:
        return function(x, kernel_size, stride or None, padding, dilation, ceil_mode, return_indices)

    return pool


def _resize(mode: str, aligned: bool = False) -> Callable[..., Any]:
    def nearest(x: Any, size: Any = None, scale_factors: Any = None) -> Any:
        return F.interpolate(x, size, None if size is not None else scale_factors, mode)

    def linear(x: Any, size: Any, align_corners: bool, scale_factors: Any = None) -> Any:
        return F.interpolate(x, size, None if size is not None else scale_factors, mode, align_corners)

    return linear if aligned else nearest


def _made(function: Callable[..., Any]) -> Callable[..., Any]:
    """A maker of tensors, without what says where to put them."""

    def make(*args: Any, layout: Any = None, device: Any = None, pin_memory: Any = None, **kwargs: Any) -> Any:
        kwargs.pop("memory_format", None)
        return function(*args, **kwargs)

    return make


def _to(x: Any, *args: Any, dtype: Any = None, copy: bool = False, **kwargs: Any) -> Any:
    kinds = [a for a in args if not isinstance(a, (bool, rustorch.device, rustorch.memory_format, type(None)))]
    dtype = dtype if dtype is not None else kinds[0] if kinds else None
    if isinstance(dtype, _C.Tensor):
        dtype = dtype.dtype
    made = x if dtype is None else x.to(dtype)
    return made.clone() if copy and made is x else made


def _clamp(x: Any, low: Any = None, high: Any = None) -> Any:
    return rustorch.clamp(x, low, high)


def _attention(
    query: Any, key: Any, value: Any, attn_mask: Any = None, dropout_p: float = 0.0, is_causal: bool = False, *,
    scale: float | None = None, enable_gqa: bool = False,
) -> Any:  # fmt: skip
    return F.scaled_dot_product_attention(
        query, key, value, attn_mask, dropout_p, is_causal, scale=scale, enable_gqa=enable_gqa
    )


def _loss(function: Callable[..., Any]) -> Callable[..., Any]:
    """Reductions are numbers: 0 none, 1 mean, 2 sum."""

    def loss(x: Any, target: Any, reduction: int = 1) -> Any:
        return function(x, target, reduction=("none", "mean", "sum")[reduction])

    return loss


def _class_loss(function: Callable[..., Any]) -> Callable[..., Any]:
    def loss(x: Any, target: Any, weight: Any = None, reduction: int = 1, ignore_index: int = -100, *more: Any) -> Any:
        kwargs = {"label_smoothing": more[0]} if more else {}
        return function(
            x, target, weight, ignore_index=ignore_index, reduction=("none", "mean", "sum")[reduction], **kwargs
        )

    return loss


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "slice": _slice, "index": _index, "embedding": _embedding, "batch_norm": _batch_norm,
    "instance_norm": _instance_norm, "layer_norm": _layer_norm, "group_norm": _group_norm, "to": _to, "_to_copy": _to,
    "clamp": _clamp, "scaled_dot_product_attention": _attention,
    "dropout": lambda x, p, train: F.dropout(x, p, train),
    "dropout_": lambda x, p, train: F.dropout(x, p, train, True),
    "feature_dropout": lambda x, p, train: F.dropout2d(x, p, train),
    "einsum": lambda equation, operands, path=None: rustorch.einsum(equation, *operands),
    "sym_size": lambda x, dim: x.shape[dim], "sym_numel": lambda x: x.numel(),
    "lift_fresh_copy": lambda x: x.clone(), "alias": lambda x: x, "detach_": lambda x: x.detach(),
    "clone": lambda x, memory_format=None: x.clone(), "contiguous": lambda x, memory_format=None: x.contiguous(),
    "max_pool1d": _max_pooling(F.max_pool1d), "max_pool2d": _max_pooling(F.max_pool2d),
    "max_pool3d": _max_pooling(F.max_pool3d), "max_pool2d_with_indices": _max_pooling(F.max_pool2d, True),
    "avg_pool1d": _pooling(F.avg_pool1d), "avg_pool2d": _pooling(F.avg_pool2d), "avg_pool3d": _pooling(F.avg_pool3d),
    "adaptive_avg_pool1d": F.adaptive_avg_pool1d, "adaptive_avg_pool2d": F.adaptive_avg_pool2d,
    "adaptive_avg_pool3d": F.adaptive_avg_pool3d,
    "adaptive_max_pool1d": lambda x, size: F.adaptive_max_pool1d(x, size, True),
    "adaptive_max_pool2d": lambda x, size: F.adaptive_max_pool2d(x, size, True),
    "adaptive_max_pool3d": lambda x, size: F.adaptive_max_pool3d(x, size, True),
    "upsample_nearest1d": _resize("nearest"), "upsample_nearest2d": _resize("nearest"),
    "upsample_nearest3d": _resize("nearest"), "upsample_linear1d": _resize("linear", True),
    "upsample_bilinear2d": _resize("bilinear", True), "upsample_trilinear3d": _resize("trilinear", True),
    "upsample_bicubic2d": _resize("bicubic", True),
    "pad": lambda x, pad, mode="constant", value=None: F.pad(x, pad, mode, value),
    "reflection_pad1d": lambda x, pad: F.pad(x, pad, "reflect"),
    "reflection_pad2d": lambda x, pad: F.pad(x, pad, "reflect"),
    "replication_pad1d": lambda x, pad: F.pad(x, pad, "replicate"),
    "replication_pad2d": lambda x, pad: F.pad(x, pad, "replicate"),
    "mse_loss": _loss(F.mse_loss), "l1_loss": _loss(F.l1_loss), "cross_entropy_loss": _class_loss(F.cross_entropy),
    "nll_loss": _class_loss(F.nll_loss), "nll_loss_nd": _class_loss(F.nll_loss),
    "hardtanh": lambda x, low=-1, high=1: F.hardtanh(x, low, high),
    "gelu": lambda x, approximate="none": F.gelu(x, approximate=approximate),
    "elu": lambda x, alpha=1, scale=1, input_scale=1: F.elu(x, alpha),
    "softplus": lambda x, beta=1, threshold=20: F.softplus(x, beta, threshold),
    "leaky_relu": lambda x, slope=0.01: F.leaky_relu(x, slope),
    "prelu": F.prelu, "embedding_bag": _embedding_bag, "_weight_norm": _weight_norm, "log_sigmoid": F.logsigmoid,
    "one_hot": lambda x, classes=-1: F.one_hot(x, classes),
    "conv_transpose2d": F.conv_transpose2d, "im2col": lambda x, k, d, p, s: F.unfold(x, k, d, p, s),
    "col2im": lambda x, size, k, d, p, s: F.fold(x, size, k, d, p, s),
    **{
        name: _made(getattr(rustorch, name))
        for name in (
            "arange", "empty", "empty_like", "eye", "full", "full_like", "linspace", "ones", "ones_like", "rand",
            "rand_like", "randint", "randn", "randn_like", "randperm", "scalar_tensor", "zeros", "zeros_like",
        )
    },
    "new_zeros": _made(lambda x, size, dtype=None: x.new_zeros(size, dtype=dtype or x.dtype)),
    "new_ones": _made(lambda x, size, dtype=None: x.new_ones(size, dtype=dtype or x.dtype)),
    "new_full": _made(lambda x, size, value, dtype=None: x.new_full(size, value, dtype=dtype or x.dtype)),
}  # fmt: skip
