"""Adamax."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .._C import Tensor, adamax_step
from ._recorded import adamax
from .optimizer import Group, Optimizer, check_range, check_rate

__all__ = ["Adamax"]


class Adamax(Optimizer):
    """Adam with the largest recent gradient in place of the mean square (Kingma & Ba 2015, section 7.1).

    m is the exponential mean of g with factor betas[0]; u = max(betas[1] u, |g| + eps);
    p -= lr / (1 - betas[0]^t) m / u, where weight_decay p is added to g.

    Args:
        params: tensors, (name, tensor) pairs or groups of them.
        lr, eps, weight_decay: numbers, none of them negative; betas: two numbers in [0, 1).
        maximize: climb instead of descend.
        foreach, capturable: accepted; every step is one call into C.
        differentiable: record the step itself.

    Raises:
        ValueError: a number is out of its range.
    """

    def __init__(
        self, params: Iterable[Any], lr: float | Tensor = 2e-3, betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8, weight_decay: float = 0, foreach: bool | None = None, *, maximize: bool = False,
        differentiable: bool = False, capturable: bool = False,
    ) -> None:  # fmt: skip
        check_rate(lr)
        check_range("epsilon value", eps)
        check_range("beta parameter at index 0", betas[0], 0.0, 1.0)
        check_range("beta parameter at index 1", betas[1], 0.0, 1.0)
        check_range("weight_decay value", weight_decay)
        super().__init__(params, dict(
            lr=lr, betas=betas, eps=eps, weight_decay=weight_decay, foreach=foreach, maximize=maximize,
            differentiable=differentiable, capturable=capturable,
        ))  # fmt: skip

    def _update(self, group: Group) -> None:
        beta1, beta2 = group["betas"]
        adamax_step(
            group["params"], self.state, group["lr"], beta1, beta2, group["eps"], group["weight_decay"],
            group["maximize"],
        )  # fmt: skip

    def _update_recorded(self, group: Group) -> None:
        adamax(group, self.state)
