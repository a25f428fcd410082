"""PyTorch's lower names: what its own functions are made of, with positions instead of words for modes and
reductions (0: none, 1: mean, 2: sum).

>>> import rustorch as rt
>>> rt.kl_div(rt.zeros(2), rt.ones(2), 2)
tensor(0.0)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from . import _C, _layers, _shapes
from .nn import _rearrange, functional as F

_ops: dict[str, Any] = _C.ops
_WORDS = ("none", "mean", "sum")


def _reduction(name: str, value: Any) -> str:
    if isinstance(value, str):
        return value
    if value not in (0, 1, 2):
        raise _C.TensorError(f"{name}: the reduction must be 0 (none), 1 (mean) or 2 (sum), not {value!r}")
    return _WORDS[value]


# ---- losses ----


def binary_cross_entropy_with_logits(
    input: Any, target: Any, weight: Any = None, pos_weight: Any = None, reduction: Any = 1
) -> Any:
    """nn.functional.binary_cross_entropy_with_logits with a number for the reduction."""
    word = _reduction("binary_cross_entropy_with_logits", reduction)
    return F.binary_cross_entropy_with_logits(input, target, weight, reduction=word, pos_weight=pos_weight)


def cosine_embedding_loss(input1: Any, input2: Any, target: Any, margin: float = 0.0, reduction: Any = 1) -> Any:
    """nn.functional.cosine_embedding_loss with a number for the reduction."""
    word = _reduction("cosine_embedding_loss", reduction)
    return F.cosine_embedding_loss(input1, input2, target, margin, reduction=word)


def ctc_loss(
    log_probs: Any, targets: Any, input_lengths: Any, target_lengths: Any, blank: int = 0, reduction: Any = 1,
    zero_infinity: bool = False,
) -> Any:  # fmt: skip
    """nn.functional.ctc_loss with a number for the reduction."""
    word = _reduction("ctc_loss", reduction)
    return F.ctc_loss(log_probs, targets, input_lengths, target_lengths, blank, word, zero_infinity)


def hinge_embedding_loss(input: Any, target: Any, margin: float = 1.0, reduction: Any = 1) -> Any:
    """nn.functional.hinge_embedding_loss with a number for the reduction."""
    return F.hinge_embedding_loss(input, target, margin, reduction=_reduction("hinge_embedding_loss", reduction))


def kl_div(input: Any, target: Any, reduction: Any = 1, *, log_target: bool = False) -> Any:
    """nn.functional.kl_div with a number for the reduction."""
    return F.kl_div(input, target, reduction=_reduction("kl_div", reduction), log_target=log_target)


def margin_ranking_loss(input1: Any, input2: Any, target: Any, margin: float = 0.0, reduction: Any = 1) -> Any:
    """nn.functional.margin_ranking_loss with a number for the reduction."""
    return F.margin_ranking_loss(input1, input2, target, margin, reduction=_reduction("margin_ranking_loss", reduction))


def poisson_nll_loss(input: Any, target: Any, log_input: bool, full: bool, eps: float, reduction: Any) -> Any:
    """nn.functional.poisson_nll_loss with a number for the reduction."""
    word = _reduction("poisson_nll_loss", reduction)
    return F.poisson_nll_loss(input, target, log_input, full, eps=eps, reduction=word)


def triplet_margin_loss(
    anchor: Any, positive: Any, negative: Any, margin: float = 1.0, p: float = 2.0, eps: float = 1e-6,
    swap: bool = False, reduction: Any = 1,
) -> Any:  # fmt: skip
    """nn.functional.triplet_margin_loss with a number for the reduction."""
    word = _reduction("triplet_margin_loss", reduction)
    return F.triplet_margin_loss(anchor, positive, negative, margin, p, eps, swap, reduction=word)


# ---- normalisations that also give their statistics ----


def native_layer_norm(input: Any, normalized_shape: Any, weight: Any, bias: Any, eps: float) -> tuple[Any, Any, Any]:
    """(layer_norm, mean, 1 / sqrt(var + eps)); the statistics keep the normalised dimensions with a length of 1."""
    count = 1 if isinstance(normalized_shape, int) else len(normalized_shape)
    result = _layers.layer_norm(input, normalized_shape, weight, bias, eps)
    dims = list(range(input.ndim - count, input.ndim))
    x = input.detach()
    return result, _ops["mean"](x, dims, True), (_ops["var"](x, dims, True, correction=0) + eps).rsqrt()


def native_group_norm(
    input: Any, weight: Any, bias: Any, N: int, C: int, HxW: int, group: int, eps: float
) -> tuple[Any, Any, Any]:
    """(group_norm, means, 1 / sqrt(var + eps)) of input (N, C, ...), HxW elements a channel; statistics (N, group)."""
    if input.numel() != N * C * HxW:
        raise _C.TensorError(f"native_group_norm: {N} x {C} x {HxW} elements, the input has shape {tuple(input.shape)}")
    result = _layers.group_norm(input, group, weight, bias, eps)
    x = input.detach().reshape(N, group, C * HxW // group)
    return result, _ops["mean"](x, -1), (_ops["var"](x, -1, correction=0) + eps).rsqrt()


def native_batch_norm(
    input: Any, weight: Any, bias: Any, running_mean: Any, running_var: Any, training: bool, momentum: float,
    eps: float, *, out: Any = None,
) -> tuple[Any, Any, Any]:  # fmt: skip
    """(batch_norm, means, 1 / sqrt(var + eps)) of input (N, C, ...); without training the last two are empty."""
    result = _layers.batch_norm(input, weight, bias, running_mean, running_var, training, momentum, eps)
    three = result, _C.empty(0, dtype=input.dtype), _C.empty(0, dtype=input.dtype)
    if training:
        dims = [d for d in range(input.ndim) if d != 1]
        x = input.detach()
        three = result, _ops["mean"](x, dims), (_ops["var"](x, dims, correction=0) + eps).rsqrt()
    if out is None:
        return three
    first, second, third = (_shapes.into("native_batch_norm", t, o) for t, o in zip(three, out, strict=True))
    return first, second, third


# ---- dropout ----


def native_dropout(input: Any, p: float, train: bool | None) -> tuple[Any, Any]:
    """(dropout, mask of what was kept)."""
    if p == 0 or (train is not None and not train):
        return input.clone(), _C.ones(tuple(input.shape), dtype="bool")
    mask = F.dropout(_C.ones(tuple(input.shape), dtype=input.dtype), p, True)
    return input * mask, mask != 0


def native_dropout_backward(grad_output: Any, mask: Any, scale: float) -> Any:
    """native_dropout's gradient: grad_output * mask * scale."""
    return grad_output * mask * scale


def feature_dropout(input: Any, p: float, train: bool) -> Any:
    """Whole channels (dimension 1) zeroed with probability p, the others scaled."""
    if input.ndim < 2:
        raise _C.TensorError("feature_dropout: Feature dropout requires at least 2 dimensions in the input")
    if not train or p == 0:
        return input
    return input * F.dropout(_C.ones([*input.shape[:2], *[1] * (input.ndim - 2)], dtype=input.dtype), p, True)


def dropout_(input: Any, p: float, train: bool) -> Any:
    """dropout in place."""
    return F.dropout(input, p, train, inplace=True)


def alpha_dropout_(input: Any, p: float, train: bool) -> Any:
    """alpha_dropout in place."""
    return F.alpha_dropout(input, p, train, inplace=True)


def feature_alpha_dropout_(input: Any, p: float, train: bool) -> Any:
    """feature_alpha_dropout in place."""
    return F.feature_alpha_dropout(input, p, train, inplace=True)


def feature_dropout_(input: Any, p: float, train: bool) -> Any:
    """feature_dropout in place."""
    return _ops["copy"](feature_dropout(input, p, train), out=input)


# ---- images, embeddings ----

_MODES, _PADDINGS = ("bilinear", "nearest", "bicubic"), ("zeros", "border", "reflection")


def grid_sampler(input: Any, grid: Any, interpolation_mode: int, padding_mode: int, align_corners: bool) -> Any:
    """nn.functional.grid_sample with numbers: 0 bilinear, 1 nearest, 2 bicubic; 0 zeros, 1 border, 2 reflection."""
    return F.grid_sample(input, grid, _MODES[interpolation_mode], _PADDINGS[padding_mode], align_corners)


def _sampler(name: str, ndim: int) -> Callable[..., Any]:
    def function(input: Any, grid: Any, interpolation_mode: int, padding_mode: int, align_corners: bool) -> Any:
        if input.ndim != ndim:
            raise _C.TensorError(f"{name}: needs an input of {ndim} dimensions, not of shape {tuple(input.shape)}")
        return grid_sampler(input, grid, interpolation_mode, padding_mode, align_corners)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"grid_sampler of {ndim - 2}-d images."
    return function


grid_sampler_2d, grid_sampler_3d = _sampler("grid_sampler_2d", 4), _sampler("grid_sampler_3d", 5)


def affine_grid_generator(theta: Any, size: Any, align_corners: bool) -> Any:
    """nn.functional.affine_grid."""
    return F.affine_grid(theta, size, align_corners)


def native_channel_shuffle(input: Any, groups: int) -> Any:
    """nn.functional.channel_shuffle."""
    return F.channel_shuffle(input, groups)


def embedding_renorm_(input: Any, indices: Any, max_norm: float, norm_type: float) -> Any:
    """Shortens, in place, the rows of a table that indices name to max_norm in the norm_type-norm."""
    _rearrange._shorten(input.detach(), indices.reshape(-1), max_norm, norm_type)
    return input


def max_pool2d_with_indices_backward(
    grad_output: Any, self: Any, kernel_size: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: bool,
    indices: Any,
) -> Any:  # fmt: skip
    """The gradient of max_pool2d: grad_output added up at the indices."""
    return _ops["pool_scatter"](grad_output, indices, list(self.shape[-2:]), True)


# ---- norms, indices, segments ----


def frobenius_norm(input: Any, dim: Any, keepdim: bool = False, *, out: Any = None) -> Any:
    """Euclidean norm over dims (none listed: all)."""
    dims = [dim] if isinstance(dim, int) else list(dim)
    return _ops["norm2"](input, dims or None, keepdim, out=out)


def nuclear_norm(input: Any, dim: Any = None, keepdim: bool = False, *, out: Any = None) -> Any:
    """Sum of the singular values of a matrix, or of those in two dims."""
    from .linalg import matrix_norm

    if isinstance(dim, bool):
        dim, keepdim = None, dim
    return matrix_norm(input, "nuc", (0, 1) if dim is None else tuple(dim), keepdim, out=out)


def norm_except_dim(v: Any, pow: int = 2, dim: int = 0) -> Any:
    """The norm over all dimensions but dim, which stays, the others with a length of 1; dim -1: of all."""
    if dim == -1:
        return _C.ops["norm2"](v, None, False) if pow == 2 else _power_norm(v, pow, None)
    others = [d for d in range(v.ndim) if d != dim % v.ndim]
    return _ops["norm2"](v, others, True) if pow == 2 else _power_norm(v, pow, others)


def _power_norm(v: Any, p: int, dims: Any) -> Any:
    from ._norms import p_norm

    return p_norm(v, float(p), dims, dims is not None)


def segment_reduce(
    data: Any, reduce: str, *, lengths: Any = None, indices: Any = None, offsets: Any = None, axis: int = 0,
    unsafe: bool = False, initial: Any = None, out: Any = None,
) -> Any:  # fmt: skip
    """Reduces consecutive segments of dimension `axis`: sum, mean, prod, max or min.

    Args:
        lengths: of the segments, data's leading dimensions and then one; they add up to the length of axis.
        offsets: in place of lengths where each begins, and at the end where the last ends.
        initial: what each reduction begins with (0, 1, NaN of a mean, or the infinities when None).

    Raises:
        RuntimeError: neither lengths nor offsets, an unknown reduction, lengths that do not fit.
    """
    name, words = "segment_reduce", {"sum": "sum", "mean": "mean", "prod": "prod", "max": "amax", "min": "amin"}
    if reduce not in words:
        raise _C.TensorError(f"{name}: reduce must be one of {', '.join(words)}, not {reduce!r}")
    if indices is not None:
        raise NotImplementedError(f"{name}: segments by indices are not there; use scatter_reduce")
    if lengths is None and offsets is None:
        raise _C.TensorError(f"{name}: needs lengths or offsets")
    if lengths is None:
        lengths = offsets.narrow(-1, 1, offsets.shape[-1] - 1) - offsets.narrow(-1, 0, offsets.shape[-1] - 1)
    if lengths.ndim != axis + 1:
        raise _C.TensorError(f"{name}: lengths of shape {tuple(lengths.shape)} for axis {axis}")
    n, segments = data.shape[axis], lengths.shape[-1]
    if not unsafe and (bool((lengths < 0).any()) or bool((lengths.sum(-1) != n).any())):
        raise _C.TensorError(f"{name}: the lengths must not be negative and add up to {n}, axis {axis}'s length")
    ends = _ops["cumsum"](lengths, -1)
    places = _ops["search"](_C.arange(n).expand((*lengths.shape[:-1], n)).contiguous(), ends.contiguous(), right=True)
    places = places.reshape((*places.shape, *[1] * (data.ndim - axis - 1))).expand(tuple(data.shape))
    shape = [*data.shape[:axis], segments, *data.shape[axis + 1 :]]
    start = {"sum": 0.0, "mean": 0.0, "prod": 1.0, "max": float("-inf"), "min": float("inf")}[reduce]
    base = _C.full(shape, start if initial is None else initial, dtype=data.dtype)
    if reduce != "mean":
        return _shapes.into(name, _ops["scatter_reduce"](base, axis, places, data, words[reduce]), out)
    counts = lengths.reshape((*lengths.shape, *[1] * (data.ndim - axis - 1)))
    total = _ops["scatter_add"](base, axis, places, data) / counts
    if initial is not None:
        total = _ops["where"](counts == 0, initial, total)
    return _shapes.into(name, total, out)


# ---- in place ----


def _in_place(name: str) -> Callable[..., Any]:
    def function(input: Any, *args: Any, **kw: Any) -> Any:
        return getattr(input, name)(*args, **kw)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"{name[:-1]} in place: the method {name}."
    return function


_METHODS = (
    "addmv_", "arccos_", "arccosh_", "arcsin_", "arcsinh_", "arctan_", "arctanh_", "as_strided_", "conj_physical_",
    "detach_", "fix_", "negative_",
)  # fmt: skip
for _name in _METHODS:
    globals()[_name] = _in_place(_name)


def get_device(input: Any) -> int:
    """-1: the tensor is in main memory."""
    return int(input.get_device())


def to_dlpack(tensor: Any) -> Any:
    """A DLPack capsule of the tensor's memory."""
    return tensor.__dlpack__()


def cond(pred: Any, true_fn: Callable[..., Any], false_fn: Callable[..., Any], operands: Any = ()) -> Any:
    """true_fn(*operands) where pred, a bool or a tensor of one element, is true, else false_fn(*operands)."""
    return true_fn(*operands) if bool(pred) else false_fn(*operands)


def while_loop(cond_fn: Callable[..., Any], body_fn: Callable[..., Any], carried_inputs: Any) -> tuple[Any, ...]:
    """carried_inputs, replaced by body_fn(*carried_inputs) as long as cond_fn(*carried_inputs) is true."""
    carried = tuple(carried_inputs)
    while bool(cond_fn(*carried)):
        made = body_fn(*carried)
        carried = tuple(made) if isinstance(made, (tuple, list)) else (made,)
    return carried
