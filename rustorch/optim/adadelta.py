"""Adadelta."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .._C import Tensor, adadelta_step
from ._recorded import adadelta
from .optimizer import Group, Optimizer, check_range, check_rate

__all__ = ["Adadelta"]


class Adadelta(Optimizer):
    """Steps whose length comes from running means of squared gradients and squared steps (Zeiler 2012).

    v = rho v + (1 - rho) g^2;  d = sqrt(u + eps) / sqrt(v + eps) g;  u = rho u + (1 - rho) d^2;
    p -= lr d, where weight_decay p is added to g.

    Args:
        params: tensors, (name, tensor) pairs or groups of them.
        lr, eps, weight_decay: numbers, none of them negative; rho between 0 and 1.
        maximize: climb instead of descend.
        foreach, capturable: accepted; every step is one call into C.
        differentiable: record the step itself.

    Raises:
        ValueError: a number is out of its range.
    """

    def __init__(
        self, params: Iterable[Any], lr: float | Tensor = 1.0, rho: float = 0.9, eps: float = 1e-6,
        weight_decay: float = 0, foreach: bool | None = None, *, capturable: bool = False,
        maximize: bool = False, differentiable: bool = False,
    ) -> None:  # fmt: skip
        check_rate(lr)
        if not 0.0 <= rho <= 1.0:
            raise ValueError(f"Invalid rho value: {rho}")
        check_range("epsilon value", eps)
        check_range("weight_decay value", weight_decay)
        super().__init__(params, dict(
            lr=lr, rho=rho, eps=eps, weight_decay=weight_decay, maximize=maximize, capturable=capturable,
            foreach=foreach, differentiable=differentiable,
        ))  # fmt: skip

    def _update(self, group: Group) -> None:
        adadelta_step(
            group["params"], self.state, group["lr"], group["rho"], group["eps"], group["weight_decay"],
            group["maximize"],
        )  # fmt: skip

    def _update_recorded(self, group: Group) -> None:
        adadelta(group, self.state)
