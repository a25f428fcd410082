"""Losses of numbers, probabilities and classes.

`reduction` is "mean" (the default), "sum" or "none"; the old switches size_average and reduce are
taken, with a warning.
"""

from __future__ import annotations

import math
from typing import Any

from .._C import ShapeMismatchError, Tensor, TensorError, full_like, ops
from ._reduction import chosen, reduced, warn_of_shapes, weighted

__all__ = [
    "binary_cross_entropy", "binary_cross_entropy_with_logits", "cross_entropy", "gaussian_nll_loss", "huber_loss",
    "kl_div", "l1_loss", "linear_cross_entropy", "mse_loss", "multilabel_soft_margin_loss", "nll_loss",
    "poisson_nll_loss", "smooth_l1_loss", "soft_margin_loss",
]  # fmt: skip

_mse, _nll, _cross_entropy = ops["mse_loss"], ops["nll_loss"], ops["cross_entropy"]
_l1, _smooth_l1, _huber = ops["l1_loss"], ops["smooth_l1_loss"], ops["huber_loss"]
_bernoulli, _logistic = ops["bernoulli_loss"], ops["logistic_loss"]
_where, _log_sigmoid, _maximum, _log = ops["where"], ops["log_sigmoid"], ops["maximum"], ops["log"]


# ---- distances of numbers ----


def mse_loss(
    input: Tensor, target: Tensor, size_average: bool | None = None, reduce: bool | None = None,
    reduction: str = "mean", weight: Tensor | None = None,
) -> Tensor:  # fmt: skip
    """Squared error (input - target)^2.

    Args:
        input, target: tensors of one shape (others are broadcast, with a warning).
        weight: of the same shape; the mean is then divided by the sum of the weights.
    """
    reduction = chosen(size_average, reduce, reduction)
    warn_of_shapes("mse_loss", input, target)
    if weight is None:
        return _mse(input, target, reduction=reduction)
    return weighted(_mse(input, target, reduction="none"), weight, reduction)


def l1_loss(
    input: Tensor, target: Tensor, size_average: bool | None = None, reduce: bool | None = None,
    reduction: str = "mean", weight: Tensor | None = None,
) -> Tensor:  # fmt: skip
    """Absolute error |input - target|; arguments as mse_loss."""
    reduction = chosen(size_average, reduce, reduction)
    warn_of_shapes("l1_loss", input, target)
    if input.dtype.kind == "c" or target.dtype.kind == "c":
        return weighted((input - target).abs(), weight, reduction)
    if weight is None:
        return _l1(input, target, reduction=reduction)
    return weighted(_l1(input, target, reduction="none"), weight, reduction)


def smooth_l1_loss(
    input: Tensor, target: Tensor, size_average: bool | None = None, reduce: bool | None = None,
    reduction: str = "mean", beta: float = 1.0,
) -> Tensor:  # fmt: skip
    """d^2 / (2 beta) where |d| < beta, else |d| - beta/2, for d = input - target (Girshick 2015)."""
    reduction = chosen(size_average, reduce, reduction)
    if beta < 0:
        raise TensorError(f"smooth_l1_loss does not support negative values for beta, got {beta}")
    warn_of_shapes("smooth_l1_loss", input, target)
    if beta == 0:
        return _l1(input, target, reduction=reduction)
    return _smooth_l1(input, target, beta=beta, reduction=reduction)


def huber_loss(
    input: Tensor, target: Tensor, reduction: str = "mean", delta: float = 1.0, weight: Tensor | None = None
) -> Tensor:
    """d^2 / 2 where |d| < delta, else delta (|d| - delta/2), for d = input - target (Huber 1964)."""
    reduction = chosen(None, None, reduction)
    if delta <= 0:
        raise TensorError(f"huber_loss does not support non-positive values for delta, got {delta}")
    warn_of_shapes("huber_loss", input, target)
    if weight is None:
        return _huber(input, target, delta=delta, reduction=reduction)
    return weighted(_huber(input, target, delta=delta, reduction="none"), weight, reduction)


# ---- likelihoods ----


def poisson_nll_loss(
    input: Tensor, target: Tensor, log_input: bool = True, full: bool = False, size_average: bool | None = None,
    eps: float = 1e-8, reduce: bool | None = None, reduction: str = "mean",
) -> Tensor:  # fmt: skip
    """Minus the log-likelihood of counts under Poisson rates, without the term log(target!).

    Args:
        input: the rates, or their logarithms (log_input); target: the counts, broadcast with it.
        full: adds Stirling's approximation of log(target!) where target > 1.
        eps: keeps log(input + eps) finite when log_input is False.
    """
    reduction = chosen(size_average, reduce, reduction)
    loss = input.exp() - target * input if log_input else input - target * _log(input + eps)
    if full:
        count = _where(target > 1, target, 1.0)
        stirling = count * _log(count) - count + 0.5 * _log(count * (2 * math.pi))
        loss = loss + _where(target > 1, stirling, 0.0)
    return reduced(loss, reduction)


def gaussian_nll_loss(
    input: Tensor, target: Tensor, var: Tensor | float, full: bool = False, eps: float = 1e-6, reduction: str = "mean"
) -> Tensor:
    """Minus the log-likelihood under normal distributions (Nix & Weigend 1994), constants left out.

    Args:
        input: means; target: samples, broadcast with them.
        var: variances of input's shape, or with one dimension of length 1 or left out at the end, or a number;
            they are kept at eps or above, without a change of their gradient.
        full: adds log(2 pi) / 2.
    """
    if not isinstance(var, Tensor):
        if var < 0:
            raise TensorError("var has negative entry/entries")
        var = full_like(input, float(var))
    elif bool((var.detach() < 0).any()):
        raise TensorError("var has negative entry/entries")
    ours, theirs = tuple(input.shape), tuple(var.shape)
    if ours != theirs:
        if ours[:-1] == theirs:
            var = var.unsqueeze(-1)
        elif len(ours) != len(theirs) or sum(b for a, b in zip(ours, theirs, strict=True) if a != b) != 1:
            raise ShapeMismatchError(f"var is of incorrect size: {theirs} for an input of shape {ours}")
    reduction = chosen(None, None, reduction)
    plain = var.detach()
    var = var + (_maximum(plain, eps) - plain)  # moved to eps, the gradient untouched
    difference = input - target
    loss = (_log(var) + difference * difference / var) * 0.5
    return reduced(loss + 0.5 * math.log(2 * math.pi) if full else loss, reduction)


def kl_div(
    input: Tensor, target: Tensor, size_average: bool | None = None, reduce: bool | None = None,
    reduction: str = "mean", log_target: bool = False,
) -> Tensor:  # fmt: skip
    """Kullback-Leibler divergence target (log target - input) of log-probabilities `input`.

    Args:
        target: probabilities, or their logarithms (log_target).
        reduction: "batchmean" divides the sum by the length of dimension 0, which is the divergence's definition.
    """
    batchmean = reduction == "batchmean" and size_average is None and reduce is None
    reduction = "sum" if batchmean else chosen(size_average, reduce, reduction)
    loss = target.exp() * (target - input) if log_target else ops["xlogy"](target, target) - target * input
    result = reduced(loss, reduction)
    return result / input.shape[0] if batchmean and input.ndim else result


# ---- classes ----


def nll_loss(
    input: Tensor, target: Tensor, weight: Tensor | None = None, size_average: bool | None = None,
    ignore_index: int = -100, reduce: bool | None = None, reduction: str = "mean",
) -> Tensor:  # fmt: skip
    """Minus the log-probability of the target's class.

    input: log-probabilities (C), (N, C) or (N, C, d1, ...); target: class numbers (), (N) or
    (N, d1, ...); weight: (C).  "mean" divides by the weights of the classes that count.
    """
    reduction = chosen(size_average, reduce, reduction)
    return _nll(input, target, weight, ignore_index=ignore_index, reduction=reduction)


def cross_entropy(
    input: Tensor, target: Tensor, weight: Tensor | None = None, size_average: bool | None = None,
    ignore_index: int = -100, reduce: bool | None = None, reduction: str = "mean", label_smoothing: float = 0.0,
) -> Tensor:  # fmt: skip
    """Cross entropy of softmax(input) and the target: class numbers, or probabilities of input's shape.

    input: scores (C), (N, C) or (N, C, d1, ...); class numbers: (), (N) or (N, d1, ...); weight: (C).
    """
    reduction = chosen(size_average, reduce, reduction)
    return _cross_entropy(
        input, target, weight, ignore_index=ignore_index, reduction=reduction, label_smoothing=label_smoothing
    )


def linear_cross_entropy(
    input: Tensor, linear_weight: Tensor, target: Tensor, *, linear_bias: Tensor | None = None,
    weight: Tensor | None = None, reduction: str = "mean", ignore_index: int | None = None,
    label_smoothing: float = 0.0, options: Any = None,
) -> Tensor:  # fmt: skip
    """cross_entropy of a linear map of input.

    Args:
        input: (in) or (N, in); linear_weight: (C, in) or (C, d1, ..., in); linear_bias: (C) or (C, d1, ...).
        target, weight, reduction, label_smoothing: as cross_entropy's; options are accepted for PyTorch's sake.
    """
    features = tuple(linear_weight.shape)
    if not features or input.ndim == 0 or input.shape[-1] != features[-1]:
        raise ShapeMismatchError(
            "linear_cross_entropy: expected equal input and linear_weight last dimensions (in_features), got"
            f" {input.shape[-1] if input.ndim else 'none'} and {features[-1] if features else 'none'}, respectively"
        )
    if len(features) > 2 and input.ndim != 2:
        raise ShapeMismatchError(
            f"linear_cross_entropy: a linear_weight of shape {features} needs batched input (N, {features[-1]}), not"
            f" {tuple(input.shape)}"
        )
    flat = linear_weight.reshape(-1, features[-1]) if len(features) > 2 else linear_weight
    bias = linear_bias.reshape(-1) if linear_bias is not None and len(features) > 2 else linear_bias
    scores = ops["linear"](input, flat, bias)
    if len(features) > 2:
        scores = scores.reshape(tuple(input.shape)[:-1] + features[:-1])
    return cross_entropy(
        scores, target, weight, ignore_index=-100 if ignore_index is None else ignore_index, reduction=reduction,
        label_smoothing=label_smoothing,
    )  # fmt: skip


def _need_same_shape(name: str, input: Tensor, target: Tensor) -> None:
    if input.shape != target.shape:
        raise ShapeMismatchError(
            f"{name}: Target size ({tuple(target.shape)}) must be the same as input size ({tuple(input.shape)})"
        )


def binary_cross_entropy(
    input: Tensor, target: Tensor, weight: Tensor | None = None, size_average: bool | None = None,
    reduce: bool | None = None, reduction: str = "mean",
) -> Tensor:  # fmt: skip
    """-(t log p + (1-t) log(1-p)) of probabilities p = input; logarithms are kept above -100.

    Args:
        input, target: one shape, input within 0 and 1; weight: broadcast with them.
    """
    reduction = chosen(size_average, reduce, reduction)
    _need_same_shape("binary_cross_entropy", input, target)
    whole = weight is None and reduction != "none"
    loss = _bernoulli(input, target, reduction=reduction if whole else "none")
    # what is outside makes the sum of all losses NaN
    total = float(loss.detach() if whole else loss.detach().sum())
    if total != total:
        plain = input.detach()
        if not (float(plain.amin()) >= 0 and float(plain.amax()) <= 1):
            raise TensorError("binary_cross_entropy: all elements of input should be between 0 and 1")
    return loss if whole or weight is None else reduced(loss * weight, reduction)


def binary_cross_entropy_with_logits(
    input: Tensor, target: Tensor, weight: Tensor | None = None, size_average: bool | None = None,
    reduce: bool | None = None, reduction: str = "mean", pos_weight: Tensor | None = None,
) -> Tensor:  # fmt: skip
    """Binary cross entropy of sigmoid(input), without overflow.

    Args:
        input, target: one shape; weight: broadcast with them; pos_weight: weighs the term of t = 1, broadcast.
    """
    reduction = chosen(size_average, reduce, reduction)
    _need_same_shape("binary_cross_entropy_with_logits", input, target)
    if pos_weight is None and weight is None:
        return _logistic(input, target, reduction=reduction)
    if pos_weight is None:
        loss = _logistic(input, target, reduction="none")
    else:
        loss = (1 - target) * input - _log_sigmoid(input) * ((pos_weight - 1) * target + 1)
    return reduced(loss if weight is None else loss * weight, reduction)


def soft_margin_loss(
    input: Tensor, target: Tensor, size_average: bool | None = None, reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:  # fmt: skip
    """log(1 + exp(-target input)) for targets of -1 and 1, without overflow."""
    reduction = chosen(size_average, reduce, reduction)
    return reduced(-_log_sigmoid(target * input), reduction)


def multilabel_soft_margin_loss(
    input: Tensor, target: Tensor, weight: Tensor | None = None, size_average: bool | None = None,
    reduce: bool | None = None, reduction: str = "mean",
) -> Tensor:  # fmt: skip
    """Binary cross entropy of sigmoid(input), averaged over the classes, the last dimension.

    Args:
        input: scores (..., C); target: 0 and 1, the same shape; weight: (C) or broadcast with them.
    """
    reduction = chosen(size_average, reduce, reduction)
    loss = -(target * _log_sigmoid(input) + (1 - target) * _log_sigmoid(-input))
    if weight is not None:
        loss = loss * weight
    return reduced(loss.sum(-1) / input.shape[-1], reduction)
