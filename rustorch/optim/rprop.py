"""Rprop."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .._C import Tensor, rprop_step
from ._recorded import rprop
from .optimizer import Group, Optimizer, check_rate

__all__ = ["Rprop"]


class Rprop(Optimizer):
    """Resilient propagation: only the gradients' signs count (Riedmiller & Braun 1993).

    Each element has a step size, which starts at lr, grows by etas[1] while its gradient keeps its
    sign and shrinks by etas[0] (and the element rests) when the sign turns.

    Args:
        params: tensors, (name, tensor) pairs or groups of them.
        lr: the first step size, not negative.
        etas: factors, etas[0] in (0, 1) and etas[1] above 1.
        step_sizes: bounds of the step sizes.
        maximize: climb instead of descend.
        foreach, capturable: accepted; every step is one call into C.
        differentiable: record the step itself.

    Raises:
        ValueError: a number is out of its range.
    """

    def __init__(
        self, params: Iterable[Any], lr: float | Tensor = 1e-2, etas: tuple[float, float] = (0.5, 1.2),
        step_sizes: tuple[float, float] = (1e-6, 50), *, capturable: bool = False,
        foreach: bool | None = None, maximize: bool = False, differentiable: bool = False,
    ) -> None:  # fmt: skip
        check_rate(lr)
        if not 0.0 < etas[0] < 1.0 < etas[1]:
            raise ValueError(f"Invalid eta values: {etas[0]}, {etas[1]}")
        super().__init__(params, dict(
            lr=lr, etas=etas, step_sizes=step_sizes, foreach=foreach, maximize=maximize,
            differentiable=differentiable, capturable=capturable,
        ))  # fmt: skip

    def _update(self, group: Group) -> None:
        rprop_step(group["params"], self.state, *group["etas"], *group["step_sizes"], group["lr"], group["maximize"])

    def _update_recorded(self, group: Group) -> None:
        rprop(group, self.state)
