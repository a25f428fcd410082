"""RMSprop."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .._C import Tensor, rmsprop_step
from ._recorded import rmsprop
from .optimizer import Group, Optimizer, check_range, check_rate

__all__ = ["RMSprop"]


class RMSprop(Optimizer):
    """Steps divided by the root of the mean square of gradients (Tieleman & Hinton 2012, lecture 6e).

    v is the exponential mean of g^2 with factor `alpha`; the step is lr g / (sqrt(v) + eps), with
    momentum lr b, b = momentum b + g / (sqrt(v) + eps).  centered takes the variance, v - mean(g)^2,
    for v (Graves 2013).  weight_decay p is added to g.

    Args:
        params: tensors, (name, tensor) pairs or groups of them.
        lr, alpha, eps, weight_decay, momentum: numbers, none of them negative.
        maximize: climb instead of descend.
        foreach, capturable: accepted; every step is one call into C.
        differentiable: record the step itself (parameters must then not be leaves).

    Raises:
        ValueError: a number is out of its range.
    """

    def __init__(
        self, params: Iterable[Any], lr: float | Tensor = 1e-2, alpha: float = 0.99, eps: float = 1e-8,
        weight_decay: float = 0, momentum: float = 0, centered: bool = False, capturable: bool = False,
        foreach: bool | None = None, maximize: bool = False, differentiable: bool = False,
    ) -> None:  # fmt: skip
        check_rate(lr)
        check_range("epsilon value", eps)
        check_range("momentum value", momentum)
        check_range("weight_decay value", weight_decay)
        check_range("alpha value", alpha)
        super().__init__(params, dict(
            lr=lr, momentum=momentum, alpha=alpha, eps=eps, centered=centered, weight_decay=weight_decay,
            capturable=capturable, foreach=foreach, maximize=maximize, differentiable=differentiable,
        ))  # fmt: skip

    def _update(self, group: Group) -> None:
        rmsprop_step(
            group["params"], self.state, group["lr"], group["alpha"], group["eps"], group["weight_decay"],
            group["momentum"], group["centered"], group["maximize"],
        )  # fmt: skip

    def _update_recorded(self, group: Group) -> None:
        rmsprop(group, self.state)
