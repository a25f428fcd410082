"""Adagrad."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .._C import Tensor, adagrad_step
from ._recorded import adagrad, adagrad_state
from .optimizer import Group, Optimizer, check_modes, check_range, check_rate

__all__ = ["Adagrad"]


class Adagrad(Optimizer):
    """Steps divided by the root of the sum of squared gradients (Duchi et al. 2011).

    s += g^2;  p -= lr / (1 + (t - 1) lr_decay) g / (sqrt(s) + eps), where s starts at
    `initial_accumulator_value` and weight_decay p is added to g.

    Args:
        params: tensors, (name, tensor) pairs or groups of them.
        lr, lr_decay, weight_decay, initial_accumulator_value, eps: numbers, none of them negative.
        maximize: climb instead of descend.
        foreach, fused: accepted; every step is one call into C.
        differentiable: record the step itself.

    Raises:
        ValueError: a number is out of its range.
    """

    def __init__(
        self, params: Iterable[Any], lr: float | Tensor = 1e-2, lr_decay: float = 0, weight_decay: float = 0,
        initial_accumulator_value: float = 0, eps: float = 1e-10, foreach: bool | None = None, *,
        maximize: bool = False, differentiable: bool = False, fused: bool | None = None,
    ) -> None:  # fmt: skip
        check_rate(lr)
        check_range("lr_decay value", lr_decay)
        check_range("weight_decay value", weight_decay)
        check_range("initial_accumulator_value value", initial_accumulator_value)
        check_range("epsilon value", eps)
        check_modes(fused, foreach, differentiable)
        super().__init__(params, dict(
            lr=lr, lr_decay=lr_decay, eps=eps, weight_decay=weight_decay,
            initial_accumulator_value=initial_accumulator_value, foreach=foreach, maximize=maximize,
            differentiable=differentiable, fused=fused,
        ))  # fmt: skip
        for group in self.param_groups:
            for p in group["params"]:
                self.state[p] = adagrad_state(p, initial_accumulator_value)

    def _update(self, group: Group) -> None:
        adagrad_step(
            group["params"], self.state, group["lr"], group["lr_decay"], group["weight_decay"], group["eps"],
            group["initial_accumulator_value"], group["maximize"],
        )  # fmt: skip

    def _update_recorded(self, group: Group) -> None:
        adagrad(group, self.state)
