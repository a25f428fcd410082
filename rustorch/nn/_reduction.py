"""What is done with the losses of all elements: `reduction`, and the two switches it replaced."""

from __future__ import annotations

import warnings

from .._C import ShapeMismatchError, Tensor

REDUCTIONS = ("none", "mean", "sum")


def legacy_reduction(size_average: bool | None, reduce: bool | None, stacklevel: int = 4) -> str:
    """The reduction that the old switches `size_average` and `reduce` (both True by default) mean."""
    average = True if size_average is None else size_average
    name = "none" if reduce is not None and not reduce else "mean" if average else "sum"
    warnings.warn(
        f"size_average and reduce args will be deprecated, please use reduction='{name}' instead.",
        stacklevel=stacklevel,
    )
    return name


def chosen(size_average: bool | None, reduce: bool | None, reduction: str) -> str:
    """The reduction, whichever way it was asked for."""
    if size_average is not None or reduce is not None:
        reduction = legacy_reduction(size_average, reduce)
    if reduction not in REDUCTIONS:
        raise ValueError(f"{reduction} is not a valid value for reduction")
    return reduction


def reduced(loss: Tensor, reduction: str) -> Tensor:
    """All losses, their mean or their sum."""
    if reduction == "mean":
        return loss.mean()
    return loss.sum() if reduction == "sum" else loss


def weighted(loss: Tensor, weight: Tensor | None, reduction: str) -> Tensor:
    """Losses times weights of the same shape; the mean is that of the weights."""
    if weight is None:
        return reduced(loss, reduction)
    if tuple(weight.shape) != tuple(loss.shape):
        raise ShapeMismatchError(f"weight of shape {tuple(weight.shape)} for losses of shape {tuple(loss.shape)}")
    if reduction == "mean":
        return (loss * weight).sum() / weight.sum()
    return reduced(loss * weight, reduction)


def warn_of_shapes(name: str, input: Tensor, target: Tensor) -> None:
    """Two shapes that differ are broadcast, with a warning."""
    if input.shape != target.shape:
        warnings.warn(
            f"{name}: the target's shape {tuple(target.shape)} differs from the input's {tuple(input.shape)};"
            " they are broadcast, which is rarely what is meant.",
            stacklevel=3,
        )
