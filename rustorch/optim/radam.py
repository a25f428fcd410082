"""RAdam."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .._C import Tensor, radam_step
from ._recorded import radam
from .optimizer import Group, Optimizer, check_range, check_rate

__all__ = ["RAdam"]


class RAdam(Optimizer):
    """Adam that waits for its mean square to be worth something (Liu et al. 2020).

    With r_inf = 2 / (1 - betas[1]) - 1 and r = r_inf - 2 t betas[1]^t / (1 - betas[1]^t), steps are
    Adam's times sqrt((r-4) (r-2) r_inf / ((r_inf-4) (r_inf-2) r)) once r > 5, and before that
    lr / (1 - betas[0]^t) times the mean gradient.  weight_decay p is added to the gradient, or,
    decoupled, p shrinks by lr weight_decay.

    Args:
        params: tensors, (name, tensor) pairs or groups of them.
        lr, eps, weight_decay: numbers, none of them negative; betas: two numbers in [0, 1).
        decoupled_weight_decay: shrink the parameters themselves.
        maximize: climb instead of descend.
        foreach, capturable: accepted; every step is one call into C.
        differentiable: record the step itself.

    Raises:
        ValueError: a number is out of its range.
    """

    def __init__(
        self, params: Iterable[Any], lr: float | Tensor = 1e-3, betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8, weight_decay: float = 0, decoupled_weight_decay: bool = False, *,
        foreach: bool | None = None, maximize: bool = False, capturable: bool = False,
        differentiable: bool = False,
    ) -> None:  # fmt: skip
        check_rate(lr)
        check_range("epsilon value", eps)
        check_range("beta parameter at index 0", betas[0], 0.0, 1.0)
        check_range("beta parameter at index 1", betas[1], 0.0, 1.0)
        check_range("weight_decay value", weight_decay)
        super().__init__(params, dict(
            lr=lr, betas=betas, eps=eps, weight_decay=weight_decay, maximize=maximize, foreach=foreach,
            capturable=capturable, decoupled_weight_decay=decoupled_weight_decay,
            differentiable=differentiable,
        ))  # fmt: skip

    def _update(self, group: Group) -> None:
        beta1, beta2 = group["betas"]
        radam_step(
            group["params"], self.state, group["lr"], beta1, beta2, group["eps"], group["weight_decay"],
            group["maximize"], group["decoupled_weight_decay"],
        )  # fmt: skip

    def _update_recorded(self, group: Group) -> None:
        radam(group, self.state)
