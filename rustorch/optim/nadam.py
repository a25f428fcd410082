"""NAdam."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .._C import Tensor, nadam_step
from ._recorded import nadam
from .optimizer import Group, Optimizer, check_range, check_rate

__all__ = ["NAdam"]


class NAdam(Optimizer):
    """Adam with Nesterov's momentum (Dozat 2016).

    m and v are exponential means of g and g^2; with mu_t = betas[0] (1 - 0.96^(t momentum_decay) / 2)
    and M_t the product of the mu so far,
    p -= lr ((1 - mu_t) / (1 - M_t) g + mu_(t+1) / (1 - M_(t+1)) m) / (sqrt(v / (1 - betas[1]^t)) + eps).
    weight_decay p is added to g, or, decoupled, p shrinks by lr weight_decay.

    Args:
        params: tensors, (name, tensor) pairs or groups of them.
        lr, eps, weight_decay, momentum_decay: numbers, none negative; betas: two numbers in [0, 1).
        decoupled_weight_decay: shrink the parameters themselves.
        maximize: climb instead of descend.
        foreach, capturable: accepted; every step is one call into C.
        differentiable: record the step itself.

    Raises:
        ValueError: a number is out of its range.
    """

    def __init__(
        self, params: Iterable[Any], lr: float | Tensor = 2e-3, betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8, weight_decay: float = 0, momentum_decay: float = 4e-3,
        decoupled_weight_decay: bool = False, *, foreach: bool | None = None, maximize: bool = False,
        capturable: bool = False, differentiable: bool = False,
    ) -> None:  # fmt: skip
        check_rate(lr)
        check_range("epsilon value", eps)
        check_range("beta parameter at index 0", betas[0], 0.0, 1.0)
        check_range("beta parameter at index 1", betas[1], 0.0, 1.0)
        check_range("weight_decay value", weight_decay)
        check_range("momentum_decay value", momentum_decay)
        super().__init__(params, dict(
            lr=lr, betas=betas, eps=eps, weight_decay=weight_decay, momentum_decay=momentum_decay,
            decoupled_weight_decay=decoupled_weight_decay, maximize=maximize, foreach=foreach,
            capturable=capturable, differentiable=differentiable,
        ))  # fmt: skip

    def _update(self, group: Group) -> None:
        beta1, beta2 = group["betas"]
        nadam_step(
            group["params"], self.state, group["lr"], beta1, beta2, group["eps"], group["weight_decay"],
            group["momentum_decay"], group["maximize"], group["decoupled_weight_decay"],
        )  # fmt: skip

    def _update_recorded(self, group: Group) -> None:
        nadam(group, self.state)
