"""Averages of weights over the steps of a training: stochastic weight averaging, exponential means."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable
from copy import deepcopy
from typing import Any

from .._C import Tensor, as_tensor
from .._modes import no_grad
from ..nn import Module
from ._lr_base import LRScheduler, per_group
from .optimizer import Optimizer

__all__ = [
    "SWALR", "AveragedModel", "get_ema_avg_fn", "get_ema_multi_avg_fn", "get_swa_avg_fn", "get_swa_multi_avg_fn",
    "update_bn",
]  # fmt: skip

Average = Callable[[Tensor, Tensor, Any], Tensor]
Averages = Callable[[list[Tensor], list[Tensor], Any], None]


def get_ema_avg_fn(decay: float = 0.999) -> Average:
    """The function (mean, value, count) -> decay mean + (1 - decay) value; decay in [0, 1]."""
    if not 0.0 <= decay <= 1.0:
        raise ValueError(f"Invalid decay value {decay} provided. Please provide a value in [0,1] range.")

    def ema_update(ema_param: Tensor, current_param: Tensor, num_averaged: Any) -> Tensor:
        with no_grad():
            mean: Tensor = ema_param * decay + current_param * (1 - decay)
        return mean

    return ema_update


def get_swa_avg_fn() -> Average:
    """The function (mean, value, count) -> mean + (value - mean) / (count + 1)."""

    def swa_update(averaged_param: Tensor, current_param: Tensor, num_averaged: Any) -> Tensor:
        with no_grad():
            mean: Tensor = averaged_param + (current_param - averaged_param) / (num_averaged + 1)
        return mean

    return swa_update


def _over_lists(one: Average) -> Averages:
    def update(means: list[Tensor], values: list[Tensor], count: Any) -> None:
        with no_grad():
            for mean, value in zip(means, values):
                mean.copy_(one(mean, value, count))

    return update


def get_ema_multi_avg_fn(decay: float = 0.999) -> Averages:
    """As get_ema_avg_fn, over lists and in place."""
    return _over_lists(get_ema_avg_fn(decay))


def get_swa_multi_avg_fn() -> Averages:
    """As get_swa_avg_fn, over lists and in place."""
    return _over_lists(get_swa_avg_fn())


class AveragedModel(Module):
    """A copy of a model whose weights are means of the model's (Izmailov et al. 2018; Polyak averaging).

    Args:
        model: what is averaged; it is copied.
        device: where the copy is to be.
        avg_fn: (mean, value, number averaged) -> new mean; None: the plain mean.
        multi_avg_fn: the same over lists, in place.
        use_buffers: average the buffers, too, instead of copying them.

    Raises:
        AssertionError: both functions are given.
    """

    n_averaged: Tensor

    def __init__(
        self, model: Module, device: Any = None, avg_fn: Average | None = None, multi_avg_fn: Averages | None = None,
        use_buffers: bool = False,
    ) -> None:  # fmt: skip
        super().__init__()
        if avg_fn is not None and multi_avg_fn is not None:
            raise AssertionError("Only one of avg_fn and multi_avg_fn should be provided")
        self.module = deepcopy(model)
        if device is not None:
            self.module = self.module.to(device)
        self.register_buffer("n_averaged", as_tensor(0, dtype="int64"))
        self.avg_fn = avg_fn
        self.multi_avg_fn = multi_avg_fn
        self.use_buffers = use_buffers

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """What the averaged model computes."""
        return self.module(*args, **kwargs)

    def update_parameters(self, model: Module) -> None:
        """Takes the model's present weights into the means; the first time they are copied."""
        with no_grad():
            mine, theirs = self._averaged(self.module), self._averaged(model)
            count = int(self.n_averaged)
            if count == 0:
                for mean, value in zip(mine, theirs):
                    mean.copy_(value)
            elif self.multi_avg_fn is not None:
                self.multi_avg_fn(mine, theirs, self.n_averaged.clone())
            else:
                one = self.avg_fn or get_swa_avg_fn()
                for mean, value in zip(mine, theirs):
                    mean.copy_(one(mean, value, self.n_averaged.clone()))
            if not self.use_buffers:
                for mean, value in zip(self.module.buffers(), model.buffers()):
                    mean.copy_(value)
            self.n_averaged += 1

    def _averaged(self, model: Module) -> list[Tensor]:
        buffers = model.buffers() if self.use_buffers else ()
        return [t.detach() for t in itertools.chain(model.parameters(), buffers)]


def update_bn(loader: Iterable[Any], model: Module, device: Any = None) -> None:
    """Computes the running statistics of a model's batch normalisations anew, in one pass over loader.

    Args:
        loader: batches, tensors or sequences whose first element goes into the model.
        model: whose statistics are computed; its mode is the same afterwards.
        device: where batches are sent to, or None.
    """
    layers = [m for m in model.modules() if hasattr(m, "reset_running_stats") and hasattr(m, "momentum")]
    if not layers:
        return
    momenta = [layer.momentum for layer in layers]
    training = model.training
    model.train()
    try:
        for layer in layers:
            layer.reset_running_stats()
            layer.momentum = None
        with no_grad():
            for batch in loader:
                x = batch[0] if isinstance(batch, (list, tuple)) else batch
                model(x if device is None else x.to(device))
    finally:
        for layer, momentum in zip(layers, momenta):
            layer.momentum = momentum
        model.train(training)


class SWALR(LRScheduler):
    """From the rates in force to swa_lr in anneal_epochs epochs, then constant.

    Args:
        optimizer: whose rates are set.
        swa_lr: a number or one a group.
        anneal_epochs: 0 or more.
        anneal_strategy: "cos" or "linear".
        last_epoch: the epoch to resume after.

    Raises:
        ValueError: an argument is out of its range.
    """

    def __init__(
        self, optimizer: Optimizer, swa_lr: float | list[float], anneal_epochs: int = 10,
        anneal_strategy: str = "cos", last_epoch: int = -1,
    ) -> None:  # fmt: skip
        for rate, group in zip(per_group("swa_lr", optimizer, swa_lr), optimizer.param_groups):
            group["swa_lr"] = rate
        if anneal_strategy not in ("cos", "linear"):
            raise ValueError(f"anneal_strategy must be one of 'cos' or 'linear', instead got {anneal_strategy}")
        if not isinstance(anneal_epochs, int) or anneal_epochs < 0:
            raise ValueError(f"anneal_epochs must be equal or greater than 0, got {anneal_epochs}")
        self._anneal_strategy = anneal_strategy
        self.anneal_epochs = anneal_epochs
        super().__init__(optimizer, last_epoch)

    def anneal_func(self, t: float) -> float:
        """How far the way to swa_lr is gone after the part t of it."""
        return t if self._anneal_strategy == "linear" else (1 - math.cos(math.pi * t)) / 2

    def get_lr(self) -> list[Any]:
        """The rates of this step, from those of the step before."""
        step = self._step_count - 1
        if self.anneal_epochs == 0:
            step = max(1, step)
        length = max(1, self.anneal_epochs)
        before = self.anneal_func(max(0, min(1, (step - 1) / length)))
        now = self.anneal_func(max(0, min(1, step / length)))
        rates = []
        for group in self.optimizer.param_groups:
            end = group["swa_lr"]
            start = end if before == 1 else (group["lr"] - before * end) / (1 - before)
            rates.append(end * now + start * (1 - now))
        return rates
