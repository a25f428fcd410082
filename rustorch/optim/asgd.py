"""ASGD."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .._C import Tensor, asgd_step
from ._recorded import asgd
from .optimizer import Group, Optimizer, check_range, check_rate

__all__ = ["ASGD"]


class ASGD(Optimizer):
    """Gradient descent that keeps the mean of its parameters (Polyak & Juditsky 1992).

    p = (1 - lambd eta) p - eta g with eta = lr / (1 + lambd lr t)^alpha; from step t0 on state "ax"
    is the mean of the p.  weight_decay p is added to g.

    Args:
        params: tensors, (name, tensor) pairs or groups of them.
        lr, weight_decay: numbers, neither of them negative; lambd, alpha, t0: numbers.
        maximize: climb instead of descend.
        foreach, capturable: accepted; every step is one call into C.
        differentiable: record the step itself.

    Raises:
        ValueError: a number is out of its range.
    """

    def __init__(
        self, params: Iterable[Any], lr: float | Tensor = 1e-2, lambd: float = 1e-4, alpha: float = 0.75,
        t0: float = 1e6, weight_decay: float = 0, foreach: bool | None = None, maximize: bool = False,
        differentiable: bool = False, capturable: bool = False,
    ) -> None:  # fmt: skip
        check_rate(lr)
        check_range("weight_decay value", weight_decay)
        super().__init__(params, dict(
            lr=lr, lambd=lambd, alpha=alpha, t0=t0, weight_decay=weight_decay, foreach=foreach,
            maximize=maximize, differentiable=differentiable, capturable=capturable,
        ))  # fmt: skip

    def _update(self, group: Group) -> None:
        asgd_step(
            group["params"], self.state, group["lr"], group["lambd"], group["alpha"], group["t0"],
            group["weight_decay"], group["maximize"],
        )  # fmt: skip

    def _update_recorded(self, group: Group) -> None:
        asgd(group, self.state)
