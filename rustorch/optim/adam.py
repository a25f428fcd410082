"""Adam and AdamW."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .._C import Tensor, adam_step
from ._recorded import adam
from .optimizer import Group, Optimizer, check_modes, check_range, check_rate

__all__ = ["Adam", "AdamW"]


def _check_tensors(lr: Any, betas: Any, foreach: bool | None, capturable: bool) -> None:
    """ValueError for a tensor of several numbers, one beside a float, and one where PyTorch has none."""
    tensors = [isinstance(b, Tensor) for b in betas]
    if tensors[0] != tensors[1]:
        raise ValueError("betas must be either both floats or both Tensors")
    for name, value in (("lr", lr), ("betas[0]", betas[0]), ("betas[1]", betas[1])):
        if not isinstance(value, Tensor):
            continue
        if foreach and not capturable:
            raise ValueError(f"{name} as a Tensor is not supported for capturable=False and foreach=True")
        if value.numel() != 1:
            raise ValueError(f"Tensor {name} must be 1-element")


class Adam(Optimizer):
    """Steps scaled by running means of gradients and of their squares (Kingma & Ba 2015).

    m and v are exponential means of g and g^2 with factors `betas`; p -= lr m' / (sqrt(v') + eps)
    with m' = m / (1 - beta1^t) and v' = v / (1 - beta2^t).  amsgrad takes the largest v so far
    (Reddi et al. 2018); weight_decay p is added to the gradient, or, decoupled, p shrinks by
    lr weight_decay (Loshchilov & Hutter 2019).
    """

    def __init__(
        self, params: Iterable[Any], lr: float | Tensor = 1e-3,
        betas: tuple[float | Tensor, float | Tensor] = (0.9, 0.999), eps: float = 1e-8,
        weight_decay: float = 0.0, amsgrad: bool = False, *, foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False, differentiable: bool = False, fused: bool | None = None,
        decoupled_weight_decay: bool = False,
    ) -> None:  # fmt: skip
        check_rate(lr)
        _check_tensors(lr, betas, foreach, capturable)
        check_range("epsilon value", eps)
        check_range("beta parameter at index 0", betas[0], 0.0, 1.0)
        check_range("beta parameter at index 1", betas[1], 0.0, 1.0)
        check_range("weight_decay value", weight_decay)
        check_modes(fused, foreach, differentiable)
        super().__init__(params, dict(
            lr=lr, betas=(float(betas[0]), float(betas[1])), eps=eps, weight_decay=weight_decay,
            amsgrad=amsgrad, maximize=maximize, foreach=foreach, capturable=capturable,
            differentiable=differentiable, fused=fused,
            decoupled_weight_decay=decoupled_weight_decay,
        ))  # fmt: skip

    def _update(self, group: Group) -> None:
        beta1, beta2 = group["betas"]
        adam_step(
            group["params"], self.state, group["lr"], beta1, beta2, group["eps"], group["weight_decay"],
            group["amsgrad"], group["maximize"], group["decoupled_weight_decay"],
        )  # fmt: skip

    def _update_recorded(self, group: Group) -> None:
        adam(group, self.state)


class AdamW(Adam):
    """Adam whose weight decay shrinks the parameters themselves (Loshchilov & Hutter 2019)."""

    def __init__(
        self, params: Iterable[Any], lr: float | Tensor = 1e-3,
        betas: tuple[float | Tensor, float | Tensor] = (0.9, 0.999), eps: float = 1e-8,
        weight_decay: float = 1e-2, amsgrad: bool = False, *, maximize: bool = False,
        foreach: bool | None = None,
        capturable: bool = False, differentiable: bool = False, fused: bool | None = None,
    ) -> None:  # fmt: skip
        super().__init__(
            params, lr, betas, eps, weight_decay, amsgrad, foreach=foreach, maximize=maximize,
            capturable=capturable,
            differentiable=differentiable, fused=fused, decoupled_weight_decay=True,
        )  # fmt: skip
