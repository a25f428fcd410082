"""The loss of connectionist temporal classification."""

from __future__ import annotations

from typing import Any

from .._C import ShapeMismatchError, Tensor, TensorError, arange, as_tensor, ops
from ._reduction import chosen, reduced

__all__ = ["ctc_loss"]


def _lengths(name: str, value: Any, count: int) -> Tensor:
    lengths = as_tensor(value)
    if lengths.is_floating_point():
        raise TensorError(f"ctc_loss: {name} must be integral")
    lengths = lengths.to("int64").reshape(-1)
    if lengths.numel() != count:
        raise ShapeMismatchError(f"ctc_loss: {name} must be of size {count}, the batch size, not {lengths.numel()}")
    return lengths


def _rows(targets: Tensor, lengths: Tensor, count: int) -> Tensor:
    """Targets that lie one behind the other, as rows of the longest's length."""
    sizes = [int(n) for n in lengths.tolist()]
    if min(sizes, default=0) < 0:
        raise TensorError("ctc_loss: target_lengths must not be negative")
    if sum(sizes) > targets.numel():
        raise ShapeMismatchError(
            f"ctc_loss: target_lengths add up to {sum(sizes)}, there are {targets.numel()} targets"
        )
    width = max(sizes, default=0)
    starts = lengths.cumsum(0) - lengths
    if width == 0:
        return targets.reshape(-1)[:0].expand((count, 0))
    column = arange(width)
    return ops["take"](targets, starts.unsqueeze(1) + ops["where"](column < lengths.unsqueeze(1), column, 0))


def ctc_loss(
    log_probs: Tensor, targets: Tensor, input_lengths: Any, target_lengths: Any, blank: int = 0,
    reduction: str = "mean", zero_infinity: bool = False,
) -> Tensor:  # fmt: skip
    """Minus the log-probability of the targets, summed over all their alignments (Graves et al. 2006).

    Args:
        log_probs: log_softmax of the scores, (T, N, C) or (T, C).
        targets: class numbers (N, S), or all of them one behind the other, or (S); none of them blank.
        input_lengths, target_lengths: how much of each sequence counts, (N) or ().
        blank: the class that stands for no label.
        reduction: "mean" divides each loss by its target's length first.
        zero_infinity: losses of targets that do not fit their input are 0, and so are their gradients.

    The gradient takes log_probs for the result of log_softmax, as PyTorch's does.
    """
    reduction = chosen(None, None, reduction)
    if log_probs.ndim not in (2, 3):
        raise ShapeMismatchError(f"ctc_loss: log_probs must be (T, N, C) or (T, C), not {tuple(log_probs.shape)}")
    batched = log_probs.ndim == 3
    x = log_probs if batched else log_probs.unsqueeze(1)
    count = x.shape[1]
    if x.shape[0] == 0 and count:
        raise TensorError("ctc_loss: Expected tensor to have size at least 1 at dimension 0, log_probs has none")
    times, sizes = _lengths("input_lengths", input_lengths, count), _lengths("target_lengths", target_lengths, count)
    if targets.ndim > 2:
        raise ShapeMismatchError(f"ctc_loss: targets must be (N, S) or (sum of lengths), not {tuple(targets.shape)}")
    rows = targets if targets.ndim == 2 else _rows(targets, sizes, count)
    losses = ops["ctc"](x, rows, ops["stack"]([times, sizes]), blank, zero_infinity)
    if zero_infinity:
        losses = ops["where"](losses.detach() == float("inf"), 0.0, losses)
    if reduction == "mean":
        losses = losses / ops["maximum"](sizes, 1).to(losses.dtype)
    result = reduced(losses, reduction)
    return result if batched or reduction != "none" else result.squeeze(0)
