"""Loss functions.  `reduction` is "mean" (default), "sum" or "none"; the old switches
size_average and reduce are not taken."""

from __future__ import annotations

import warnings

from .._C import ShapeMismatchError, Tensor, ops

_mse, _nll, _cross_entropy = ops["mse_loss"], ops["nll_loss"], ops["cross_entropy"]
_where, _relu, _log_sigmoid, _maximum = ops["where"], ops["relu"], ops["log_sigmoid"], ops["maximum"]

REDUCTIONS = ("none", "mean", "sum")


def _reduce(loss: Tensor, reduction: str) -> Tensor:
    if reduction == "mean":
        return loss.mean()
    if reduction == "sum":
        return loss.sum()
    if reduction == "none":
        return loss
    raise ValueError(f"{reduction} is not a valid value for reduction")


def _warn_of_shapes(name: str, input: Tensor, target: Tensor) -> None:
    if input.shape != target.shape:
        warnings.warn(
            f"{name}: the target's shape {tuple(target.shape)} differs from the input's {tuple(input.shape)};"
            " they are broadcast, which is rarely what is meant.",
            stacklevel=3,
        )


def mse_loss(
    input: Tensor, target: Tensor, *, reduction: str = "mean", weight: Tensor | None = None
) -> Tensor:
    """Squared error (input - target)^2."""
    _warn_of_shapes("mse_loss", input, target)
    if weight is None:
        return _mse(input, target, reduction=reduction)
    return _weighted(_mse(input, target, reduction="none"), weight, reduction)


def _weighted(loss: Tensor, weight: Tensor | None, reduction: str) -> Tensor:
    if weight is None:
        return _reduce(loss, reduction)
    if tuple(weight.shape) != tuple(loss.shape):
        raise ShapeMismatchError(
            f"weight of shape {tuple(weight.shape)} for losses of shape {tuple(loss.shape)}"
        )
    if reduction == "mean":
        return (loss * weight).sum() / weight.sum()
    return _reduce(loss * weight, reduction)


def l1_loss(
    input: Tensor, target: Tensor, *, reduction: str = "mean", weight: Tensor | None = None
) -> Tensor:
    """Absolute error |input - target|."""
    _warn_of_shapes("l1_loss", input, target)
    return _weighted((input - target).abs(), weight, reduction)


def smooth_l1_loss(input: Tensor, target: Tensor, reduction: str = "mean", beta: float = 1.0) -> Tensor:
    """d^2 / (2 beta) where |d| < beta, else |d| - beta/2, for d = input - target (Girshick 2015)."""
    if beta < 0:
        raise ValueError("smooth_l1_loss: beta must not be negative")
    _warn_of_shapes("smooth_l1_loss", input, target)
    if beta == 0:
        return l1_loss(input, target, reduction=reduction)
    difference = (input - target).abs()
    inner = difference * difference * (0.5 / beta)
    return _reduce(_where(difference < beta, inner, difference - 0.5 * beta), reduction)


def huber_loss(
    input: Tensor, target: Tensor, reduction: str = "mean", delta: float = 1.0, weight: Tensor | None = None
) -> Tensor:
    """d^2 / 2 where |d| <= delta, else delta (|d| - delta/2), for d = input - target (Huber 1964)."""
    if delta <= 0:
        raise ValueError("huber_loss: delta must be positive")
    _warn_of_shapes("huber_loss", input, target)
    difference = (input - target).abs()
    loss = _where(difference <= delta, 0.5 * difference * difference, delta * (difference - 0.5 * delta))
    return _weighted(loss, weight, reduction)


def nll_loss(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    ignore_index: int = -100,
    reduction: str = "mean",
) -> Tensor:
    """Minus the log-probability of the target's class.

    input: log-probabilities (C), (N, C) or (N, C, d1, ...); target: class numbers (), (N) or
    (N, d1, ...); weight: (C).  "mean" divides by the weights of the classes that count.
    """
    return _nll(input, target, weight, ignore_index=ignore_index, reduction=reduction)


def cross_entropy(
    input: Tensor, target: Tensor, weight: Tensor | None = None, *, ignore_index: int = -100,
    reduction: str = "mean", label_smoothing: float = 0.0,
) -> Tensor:  # fmt: skip
    """Cross entropy of softmax(input) and the target: class numbers, or probabilities of input's shape.

    input: scores (C), (N, C) or (N, C, d1, ...); class numbers: (), (N) or (N, d1, ...); weight: (C).
    """
    return _cross_entropy(
        input, target, weight, ignore_index=ignore_index, reduction=reduction, label_smoothing=label_smoothing
    )


def binary_cross_entropy(
    input: Tensor, target: Tensor, weight: Tensor | None = None, *, reduction: str = "mean"
) -> Tensor:
    """-(t log p + (1-t) log(1-p)) of probabilities p = input; logarithms are kept above -100."""
    _need_same_shape("binary_cross_entropy", input, target)
    plain = input.detach()
    if plain.numel() and not (float(plain.amin()) >= 0 and float(plain.amax()) <= 1):
        raise ValueError("binary_cross_entropy: all elements of input should be between 0 and 1")
    log_p = _maximum(input.log(), -100.0)
    log_q = _maximum((-input).log1p(), -100.0)
    loss = -(target * log_p + (1 - target) * log_q)
    return _reduce(loss if weight is None else loss * weight, reduction)


def binary_cross_entropy_with_logits(
    input: Tensor, target: Tensor, weight: Tensor | None = None, *, reduction: str = "mean",
    pos_weight: Tensor | None = None,
) -> Tensor:  # fmt: skip
    """Binary cross entropy of sigmoid(input), without overflow; pos_weight weighs the term of t = 1."""
    _need_same_shape("binary_cross_entropy_with_logits", input, target)
    if pos_weight is None:
        loss = (1 - target) * input - _log_sigmoid(input)
    else:
        loss = (1 - target) * input - (1 + (pos_weight - 1) * target) * _log_sigmoid(input)
    return _reduce(loss if weight is None else loss * weight, reduction)


def _need_same_shape(name: str, input: Tensor, target: Tensor) -> None:
    if input.shape != target.shape:
        raise ShapeMismatchError(
            f"{name}: input of shape {tuple(input.shape)} and target of shape {tuple(target.shape)} must"
            f" be alike"
        )


def kl_div(input: Tensor, target: Tensor, *, reduction: str = "mean", log_target: bool = False) -> Tensor:
    """Kullback-Leibler divergence target (log target - input); "batchmean" divides by N."""
    known = target.exp() * target if log_target else ops["xlogy"](target, target)
    loss = known - (target.exp() if log_target else target) * input
    if reduction == "batchmean":
        return loss.sum() / input.shape[0]
    return _reduce(loss, reduction)


def soft_margin_loss(input: Tensor, target: Tensor, *, reduction: str = "mean") -> Tensor:
    """log(1 + exp(-target input)) for targets of -1 and 1."""
    return _reduce(-_log_sigmoid(target * input), reduction)


def margin_ranking_loss(
    input1: Tensor, input2: Tensor, target: Tensor, margin: float = 0.0, *, reduction: str = "mean"
) -> Tensor:
    """max(0, -target (input1 - input2) + margin)."""
    return _reduce(_relu(-target * (input1 - input2) + margin), reduction)


def hinge_embedding_loss(
    input: Tensor, target: Tensor, margin: float = 1.0, *, reduction: str = "mean"
) -> Tensor:
    """input where target is 1, max(0, margin - input) where it is -1."""
    zero = input * 0
    loss = _where(target != 1, _relu(margin - input), zero) + _where(target != -1, input, zero)
    return _reduce(loss, reduction)
