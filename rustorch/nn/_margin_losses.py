"""Losses of margins: what is right has to be better than what is wrong by a margin.

`reduction` is as in `_losses`.
"""

from __future__ import annotations

from collections.abc import Callable

from .._C import DtypeError, ShapeMismatchError, Tensor, TensorError, ops, zeros
from ._reduction import chosen, reduced

__all__ = [
    "cosine_embedding_loss", "hinge_embedding_loss", "margin_ranking_loss", "multi_margin_loss",
    "multilabel_margin_loss", "triplet_margin_loss", "triplet_margin_with_distance_loss",
]  # fmt: skip

_where, _gather = ops["where"], ops["gather"]


def _positive(x: Tensor) -> Tensor:
    """x where it is at least 0, else 0; at 0 the gradient passes, as it does through PyTorch's clamp_min."""
    return _where(x < 0, 0.0, x)


def margin_ranking_loss(
    input1: Tensor, input2: Tensor, target: Tensor, margin: float = 0.0, size_average: bool | None = None,
    reduce: bool | None = None, reduction: str = "mean",
) -> Tensor:  # fmt: skip
    """max(0, -target (input1 - input2) + margin); target 1 wants input1 the greater, -1 input2."""
    reduction = chosen(size_average, reduce, reduction)
    if not input1.ndim == input2.ndim == target.ndim:
        raise ShapeMismatchError(
            "margin_ranking_loss : All input tensors should have same dimension but got sizes:"
            f" input1: {tuple(input1.shape)}, input2: {tuple(input2.shape)}, target: {tuple(target.shape)} "
        )
    return reduced(_positive(-target * (input1 - input2) + margin), reduction)


def hinge_embedding_loss(
    input: Tensor, target: Tensor, margin: float = 1.0, size_average: bool | None = None, reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:  # fmt: skip
    """input where target is 1, max(0, margin - input) where it is -1."""
    reduction = chosen(size_average, reduce, reduction)
    apart = _where(target != 1, _positive(margin - input), 0.0)
    return reduced(apart + _where(target != -1, input, 0.0), reduction)


def cosine_embedding_loss(
    input1: Tensor, input2: Tensor, target: Tensor, margin: float = 0.0, size_average: bool | None = None,
    reduce: bool | None = None, reduction: str = "mean",
) -> Tensor:  # fmt: skip
    """1 - cos(input1, input2) where target is 1, max(0, cos - margin) where it is -1.

    Args:
        input1, input2: (N, D) or (D); target: (N) or ().
    """
    reduction = chosen(size_average, reduce, reduction)
    if target.ndim not in (0, 1):
        raise TensorError("0D or 1D target tensor expected, multi-target not supported")
    if input1.ndim != target.ndim + 1 or input2.ndim != target.ndim + 1:
        raise ShapeMismatchError(
            f"{target.ndim}D target tensor expects {target.ndim + 1}D input tensors, but found inputs with sizes"
            f" {tuple(input1.shape)} and {tuple(input2.shape)}."
        )
    tiny = 1e-12
    squares = ((input1 * input1).sum(-1) + tiny) * ((input2 * input2).sum(-1) + tiny)
    cosine = (input1 * input2).sum(-1) / squares.sqrt()
    loss = _where(target == 1, 1 - cosine, 0.0) + _where(target == -1, _positive(cosine - margin), 0.0)
    return reduced(loss, reduction)


def _rows(name: str, input: Tensor, target: Tensor, listed: bool) -> tuple[Tensor, Tensor]:
    """Scores as (N, C) and targets as (N), or (N, C) when they are lists, after a look at the shapes."""
    shape = tuple(input.shape)
    if len(shape) > 2 or (shape and shape[-1] == 0):
        raise TensorError(
            f"{name}: Expected non-empty vector or matrix with optional 0-dim batch size, but got: {list(shape)}"
        )
    if target.is_floating_point() or target.is_complex():
        raise DtypeError(f"{name}: the target must hold class numbers (int64), not {target.dtype}")
    wanted = shape if listed else shape[:-1]
    lone = len(shape) < 2 and target.ndim < 2 and target.numel() == (input.numel() if listed else 1)
    if tuple(target.shape) != wanted and not lone:
        raise ShapeMismatchError(
            f"{name}: inconsistent target size: {list(target.shape)} for input of size: {list(shape)}; target"
            f" tensor should be {len(wanted)}-D with size equal to {'input' if listed else 'the batch'}'s. Expected"
            f" target size {list(wanted)}, but got {list(target.shape)}"
        )
    if len(shape) == 2:
        return input, target
    return input.reshape(1, -1), target.reshape(1, -1) if listed else target.reshape(1)


def multi_margin_loss(
    input: Tensor, target: Tensor, p: int = 1, margin: float = 1.0, weight: Tensor | None = None,
    size_average: bool | None = None, reduce: bool | None = None, reduction: str = "mean",
) -> Tensor:  # fmt: skip
    """Sum over the wrong classes i of max(0, margin - x[t] + x[i])^p / C (Crammer & Singer 2001).

    Args:
        input: scores (N, C) or (C); target: class numbers (N) or (); p: 1 or 2; weight: (C), by the class t.
    """
    reduction = chosen(size_average, reduce, reduction)
    if p not in (1, 2):
        raise TensorError(f"multi_margin_loss: only p == 1 and p == 2 supported, got {p}")
    if weight is not None and weight.ndim != 1:
        raise ShapeMismatchError(f"multi_margin_loss: weight must be one-dimensional, not {tuple(weight.shape)}")
    scores, classes = _rows("multi_margin_loss", input, target, False)
    count = scores.shape[1]
    if weight is not None and weight.shape[0] != count:
        raise ShapeMismatchError(f"multi_margin_loss: {weight.shape[0]} weights for {count} classes")
    right = classes.unsqueeze(1)
    excess = _positive(margin - _gather(scores, 1, right) + scores)
    if p == 2:
        excess = excess * excess
    excess = _where(ops["one_hot"](classes, count) == 1, 0.0, excess)
    if weight is not None:
        excess = excess * _gather(weight, 0, classes).unsqueeze(1)
    loss = excess.sum(1) / count
    return reduced(loss if target.ndim else loss.squeeze(0), reduction)


def multilabel_margin_loss(
    input: Tensor, target: Tensor, size_average: bool | None = None, reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:  # fmt: skip
    """Sum over right classes t and wrong classes i of max(0, 1 - x[t] + x[i]) / C.

    Args:
        input: scores (N, C) or (C); target: the right classes' numbers, the same shape, ended by the first -1.
    """
    reduction = chosen(size_average, reduce, reduction)
    scores, classes = _rows("multilabel_margin_loss", input, target, True)
    rows, count = tuple(scores.shape)
    listed = ops["cumprod"]((classes >= 0).to("int64"), 1)
    longest = int(listed.sum(1).amax().item()) if rows else 0
    listed, classes = listed.narrow(1, 0, longest), classes.narrow(1, 0, longest)
    at = _where(listed == 1, classes, 0)
    right = ops["scatter_add"](zeros((rows, count), dtype="int64"), 1, at, listed)
    pairs = _positive(1 - _gather(scores, 1, at).unsqueeze(2) + scores.unsqueeze(1))
    counted = ops["logical_and"](listed.unsqueeze(2) == 1, right.unsqueeze(1) == 0)
    loss = _where(counted, pairs, 0.0).sum((1, 2)) / count
    return reduced(loss if input.ndim == 2 else loss.squeeze(0), reduction)


def _triplet(
    distance: Callable[[Tensor, Tensor], Tensor], anchor: Tensor, positive: Tensor, negative: Tensor, margin: float,
    swap: bool, reduction: str,
) -> Tensor:  # fmt: skip
    reduction = chosen(None, None, reduction)
    if margin <= 0:
        raise ValueError(f"margin must be greater than 0, got {margin}")
    if not anchor.ndim == positive.ndim == negative.ndim:
        raise ShapeMismatchError(
            "The anchor, positive, and negative tensors are expected to have the same number of dimensions, but got:"
            f" anchor {anchor.ndim}D, positive {positive.ndim}D, and negative {negative.ndim}D inputs"
        )
    near, far = distance(anchor, positive), distance(anchor, negative)
    if swap:
        far = ops["minimum"](far, distance(positive, negative))
    return reduced(_positive(margin + near - far), reduction)


def triplet_margin_loss(
    anchor: Tensor, positive: Tensor, negative: Tensor, margin: float = 1.0, p: float = 2.0, eps: float = 1e-6,
    swap: bool = False, size_average: bool | None = None, reduce: bool | None = None, reduction: str = "mean",
) -> Tensor:  # fmt: skip
    """max(0, margin + |anchor - positive|_p - |anchor - negative|_p) (Balntas et al. 2016).

    Args:
        anchor, positive, negative: (N, D) or (D); swap: takes |positive - negative| where it is the smaller.
    """
    from .functional import pairwise_distance

    return _triplet(
        lambda x, y: pairwise_distance(x, y, p, eps), anchor, positive, negative, margin, swap,
        chosen(size_average, reduce, reduction),
    )  # fmt: skip


def triplet_margin_with_distance_loss(
    anchor: Tensor, positive: Tensor, negative: Tensor, *,
    distance_function: Callable[[Tensor, Tensor], Tensor] | None = None, margin: float = 1.0, swap: bool = False,
    reduction: str = "mean",
) -> Tensor:  # fmt: skip
    """triplet_margin_loss with any distance of two tensors (pairwise_distance when None)."""
    if distance_function is None:
        from .functional import pairwise_distance

        distance_function = pairwise_distance
    return _triplet(distance_function, anchor, positive, negative, margin, swap, reduction)
