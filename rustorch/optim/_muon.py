"""Muon: momentum whose matrices are made orthogonal."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from .._C import Tensor, dtype, empty, ops, zeros_like
from .._modes import no_grad
from .optimizer import Group, Optimizer, check_rate

__all__ = ["Muon"]


def _square(x: Tensor) -> Tensor:
    """x x^T: what lies above the diagonal is not computed but turned."""
    size = x.shape[0]
    if size < 256:
        return x @ x.T
    out, half = empty((size, size), dtype=x.dtype), size // 64 * 32
    first, last = x[:half], x[half:]
    corner = last @ first.T
    out[:half, :half], out[half:, half:] = _square(first), _square(last)
    out[half:, :half], out[:half, half:] = corner, corner.T
    return out


def _orthogonal(m: Tensor, coefficients: tuple[float, float, float], steps: int, eps: float) -> Tensor:
    """About U V^T of m's singular value decomposition: Newton-Schulz iterations in bfloat16."""
    if steps >= 100:
        raise ValueError("Number of steps must be less than 100 for computational efficiency")
    if len(coefficients) != 3:
        raise ValueError("Coefficients must be a tuple of exactly 3 values")
    a, b, c = coefficients
    x = m.to(dtype("bfloat16"))
    wide = m.shape[0] <= m.shape[1]
    x = x if wide else x.T
    x = x / ops["norm2"](x).clamp(min=eps)
    for _ in range(steps):
        gram = _square(x)
        x = x * a + (gram * b + _square(gram) * c) @ x
    return x if wide else x.T


class Muon(Optimizer):
    """Momentum made orthogonal by Newton-Schulz iterations (Jordan et al. 2024), a composition of ops.

    Args:
        params: matrices (other parameters belong to another optimizer), or groups of them.
        lr, weight_decay, momentum: numbers, none of them negative; parameters shrink by lr weight_decay.
        nesterov: look ahead.
        ns_coefficients, eps, ns_steps: of the iterations.
        adjust_lr_fn: None or "original": lr sqrt(max(1, rows / columns)); "match_rms_adamw":
            0.2 lr sqrt(max(rows, columns)) (Liu et al. 2025).

    Raises:
        ValueError: a number is out of its range, or a parameter is no matrix.
        RuntimeError: (step) a parameter is complex.
    """

    def __init__(
        self, params: Iterable[Any], lr: float | Tensor = 1e-3, weight_decay: float = 0.1, momentum: float = 0.95,
        nesterov: bool = True, ns_coefficients: tuple[float, float, float] = (3.4445, -4.7750, 2.0315),
        eps: float = 1e-7, ns_steps: int = 5, adjust_lr_fn: str | None = None,
    ) -> None:  # fmt: skip
        if isinstance(lr, Tensor):
            check_rate(lr)
        for name, value in (("Learning rate", lr), ("momentum", momentum), ("weight decay", weight_decay)):
            if not value >= 0.0:
                raise ValueError(f"{name} should be >= 0 but is: {value}")
        if adjust_lr_fn not in (None, "original", "match_rms_adamw"):
            raise ValueError(f"Adjust learning rate function {adjust_lr_fn} is not supported")
        super().__init__(params, dict(
            lr=lr, weight_decay=weight_decay, momentum=momentum, nesterov=nesterov,
            ns_coefficients=ns_coefficients, eps=eps, ns_steps=ns_steps, adjust_lr_fn=adjust_lr_fn,
        ))  # fmt: skip
        for group in self.param_groups:
            for p in group["params"]:
                if p.ndim != 2:
                    raise ValueError(
                        f"Muon only supports 2D parameters whereas we found a parameter with size: {tuple(p.shape)}"
                    )

    def _update(self, group: Group) -> None:
        with no_grad():
            for p in group["params"]:
                if p.grad is None:
                    continue
                if p.is_complex():
                    raise RuntimeError("Muon does not support complex parameters")
                self._update_one(p, p.grad, group)

    def _update_one(self, p: Tensor, g: Tensor, group: Group) -> None:
        own, lr, momentum = self.state[p], float(group["lr"]), group["momentum"]
        if "momentum_buffer" not in own:
            own["momentum_buffer"] = zeros_like(g)
        b = own["momentum_buffer"]
        b.add_((g - b) * (1 - momentum))
        update = g + (b - g) * momentum if group["nesterov"] else b
        update = _orthogonal(update, group["ns_coefficients"], group["ns_steps"], group["eps"])
        rows, columns = p.shape
        if group["adjust_lr_fn"] == "match_rms_adamw":
            rate = lr * 0.2 * math.sqrt(max(rows, columns))
        else:
            rate = lr * math.sqrt(max(1, rows / columns))
        p.mul_(1 - lr * group["weight_decay"])
        p.sub_(update.to(p.dtype) * rate)
