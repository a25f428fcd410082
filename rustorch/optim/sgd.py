"""Stochastic gradient descent."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .._C import Tensor, sgd_step
from ._recorded import sgd
from .optimizer import Group, Optimizer, check_modes, check_range, check_rate

__all__ = ["SGD"]


class SGD(Optimizer):
    """p -= lr d, where d is the gradient with weight decay and momentum (Sutskever et al. 2013).

    The buffer is b = momentum b + (1 - dampening) g, at the first step g; d is b, or with
    nesterov g + momentum b.

    >>> import rustorch as rt
    >>> w = rt.nn.Parameter(rt.tensor([1.0, 2.0]))
    >>> (w * w).sum().backward()
    >>> rt.optim.SGD([w], lr=0.1).step()
    >>> w.tolist()
    [0.800000011920929, 1.600000023841858]
    """

    def __init__(
        self, params: Iterable[Any], lr: float | Tensor = 1e-3, momentum: float = 0.0, dampening: float = 0.0,
        weight_decay: float | Tensor = 0.0, nesterov: bool = False, *, maximize: bool = False,
        foreach: bool | None = None,
        differentiable: bool = False, fused: bool | None = None,
    ) -> None:  # fmt: skip
        check_rate(lr)
        check_range("momentum value", momentum)
        check_range("weight_decay value", weight_decay)
        if nesterov and (momentum <= 0 or dampening != 0):
            raise ValueError("Nesterov momentum requires a momentum and zero dampening")
        check_modes(fused, foreach, differentiable)
        super().__init__(params, dict(
            lr=lr, momentum=momentum, dampening=dampening, weight_decay=weight_decay, nesterov=nesterov,
            maximize=maximize, foreach=foreach, differentiable=differentiable, fused=fused,
        ))  # fmt: skip

    def _update(self, group: Group) -> None:
        sgd_step(
            group["params"], self.state, group["lr"], group["momentum"], group["dampening"],
            group["weight_decay"],
            group["nesterov"], group["maximize"],
        )  # fmt: skip

    def _update_recorded(self, group: Group) -> None:
        sgd(group, self.state)
