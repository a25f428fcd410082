"""Adafactor: mean squares of gradients kept as a row and a column."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from typing import Any

import numpy as np

from .._C import Tensor, ops, zeros, zeros_like
from .._modes import no_grad
from ._recorded import counter
from .optimizer import Group, Optimizer, check_rate

__all__ = ["Adafactor"]


_norm = ops["norm2"]


@functools.cache
def _epsilon(dtype: Any) -> float:
    return 2.0**-7 if str(dtype).endswith("bfloat16") else float(np.finfo(dtype).eps)


def _moved(mean: Tensor, value: Tensor, take: float) -> Tensor:
    return mean.add_(value.sub_(mean), alpha=take)


def _update_of_matrix(g: Tensor, row: Tensor, column: Tensor, take: float, least: float) -> Tensor:
    """g / sqrt(row column / mean(row)); the matrix of squares is only made where a bound of it matters."""
    _moved(row, _norm(g, -1, keepdim=True).square_().div_(g.shape[-1]), take)
    _moved(column, _norm(g, -2, keepdim=True).square_().div_(g.shape[-2]), take)
    rows = row / row.mean(-2, keepdim=True).clamp_(min=least)
    by_row, by_column = rows.rsqrt(), column.rsqrt()
    if by_row.max().item() * by_column.max().item() * least <= 1:
        return (by_row * by_column).mul_(g)
    return g / (rows * column).clamp_(min=least * least).sqrt_()


class Adafactor(Optimizer):
    """Adaptive rates with sublinear memory (Shazeer & Stern 2018), a composition of ops.

    Mean squares of matrices are estimated from those of their rows and columns; steps are relative
    to the size of the parameters and clipped at `d`; weight decay shrinks the parameters.

    Args:
        params: real tensors, (name, tensor) pairs or groups of them.
        lr: the largest relative step, the smaller of it and 1 / sqrt(t) is taken.
        beta2_decay: 1 - t^beta2_decay is the factor of the running means, not positive.
        eps: bound of the mean squares (None: the dtype's epsilon) and of the parameters' size.
        d: the update is scaled down when its root mean square is larger, at least 1.
        weight_decay: parameters shrink by lr times this.
        foreach: accepted.
        maximize: climb instead of descend.

    Raises:
        ValueError: a number is out of its range.
        RuntimeError: (step) a parameter is complex.
    """

    def __init__(
        self, params: Iterable[Any], lr: float | Tensor = 1e-2, beta2_decay: float = -0.8,
        eps: tuple[float | None, float] = (None, 1e-3), d: float = 1.0, weight_decay: float = 0.0, *,
        foreach: bool | None = None, maximize: bool = False,
    ) -> None:  # fmt: skip
        if isinstance(lr, Tensor):
            check_rate(lr)
        if not lr >= 0.0:
            raise ValueError(f"Learning rate should be >= 0 but is: {lr}")
        if not beta2_decay <= 0.0:
            raise ValueError(f"beta2_decay should be <= 0 but is: {beta2_decay}")
        for number, value in enumerate(eps, 1):
            if value is not None and not value >= 0.0:
                raise ValueError(f"epsilon{number} should be >= 0 but is: {value}")
        if not d >= 1.0:
            raise ValueError(f"Clipping threshold d should be >= 1 but is: {d}")
        if not weight_decay >= 0.0:
            raise ValueError(f"weight_decay should be >= 0 but is: {weight_decay}")
        super().__init__(params, dict(
            lr=lr, beta2_decay=beta2_decay, eps=eps, d=d, weight_decay=weight_decay, foreach=foreach,
            maximize=maximize,
        ))  # fmt: skip

    def _update(self, group: Group) -> None:
        with no_grad():
            for p in group["params"]:
                if p.grad is None:
                    continue
                if p.is_complex():
                    raise RuntimeError("Adafactor does not support complex parameters")
                self._update_one(p, -p.grad if group["maximize"] else p.grad, group)

    def _update_one(self, p: Tensor, g: Tensor, group: Group) -> None:
        own, lr, shape = self.state[p], float(group["lr"]), tuple(p.shape)
        if not own:
            own["step"] = counter()
            if g.ndim > 1:
                own["row_var"] = zeros((*shape[:-1], 1), dtype=g.dtype)
                own["col_var"] = zeros((*shape[:-2], 1, shape[-1]), dtype=g.dtype)
            else:
                own["variance"] = zeros_like(g)
        own["step"] += 1
        step = own["step"].item()
        least = _epsilon(p.dtype) if group["eps"][0] is None else group["eps"][0]
        take = step ** group["beta2_decay"]
        size = _norm(p).item() / p.numel() ** 0.5
        rate = max(group["eps"][1], size) * min(lr, 1 / step**0.5)
        if group["weight_decay"] != 0:
            p.mul_(1 - lr * group["weight_decay"])
        if g.ndim > 1:
            update = _update_of_matrix(g, own["row_var"], own["col_var"], take, least)
        else:
            update = g / _moved(own["variance"], g * g, take).clamp(min=least * least).sqrt_()
        clip = max(1.0, _norm(update).item() / (update.numel() ** 0.5 * group["d"]))
        p.add_(update, alpha=-rate / clip)
