"""Schedules that go up and down: cycles, warm restarts, one cycle."""

from __future__ import annotations

import math
import types
from collections.abc import Callable, Iterator
from typing import Any

from ._lr_base import LRScheduler, check_optimizer, copied, cosine, per_group, put, straight
from .optimizer import Group, Optimizer


class _Momenta:
    """Momenta that move against the rates: "momentum" of the groups, or the first of their "betas"."""

    @staticmethod
    def check(optimizer: Optimizer) -> bool:
        """Is it the first beta?  ValueError when the optimizer has neither."""
        if "momentum" not in optimizer.defaults and "betas" not in optimizer.defaults:
            raise ValueError("optimizer must support momentum or beta1 with `cycle_momentum` option enabled")
        return "betas" in optimizer.defaults

    @staticmethod
    def put(group: Group, value: float, beta: bool) -> None:
        if beta:
            group["betas"] = (value, *group["betas"][1:])
        else:
            group["momentum"] = value


def _start_momenta(optimizer: Optimizer, base: list[float], most: list[float], beta: bool) -> None:
    for group, low, high in zip(optimizer.param_groups, base, most):
        _Momenta.put(group, high, beta)
        group["max_momentum"], group["base_momentum"] = high, low


class CyclicLR(LRScheduler):
    """Between base_lr and max_lr and back, again and again (Smith 2017); step it after each batch.

    Args:
        optimizer: whose rates are set.
        base_lr, max_lr: numbers or one a group.
        step_size_up, step_size_down: batches of the rise and of the fall (None: as the rise).
        mode: "triangular"; "triangular2", each cycle half as high; "exp_range", gamma^batch as high.
        gamma: of "exp_range".
        scale_fn, scale_mode: a height of one's own, of the number of the cycle ("cycle") or of the
            batch ("iterations"); mode is then ignored.
        cycle_momentum: move momenta (or the first betas) from max_momentum to base_momentum and back.
        base_momentum, max_momentum: numbers or one a group.
        last_epoch: the batch to resume after.

    Raises:
        ValueError: an unknown mode, a list whose length is not the number of groups, momenta of an
            optimizer that has none.
    """

    def __init__(
        self, optimizer: Optimizer, base_lr: float | list[float], max_lr: float | list[float],
        step_size_up: int = 2000, step_size_down: int | None = None, mode: str = "triangular",
        gamma: float = 1.0, scale_fn: Callable[[float], float] | None = None, scale_mode: str = "cycle",
        cycle_momentum: bool = True, base_momentum: float | list[float] = 0.8,
        max_momentum: float | list[float] = 0.9, last_epoch: int = -1,
    ) -> None:  # fmt: skip
        check_optimizer(optimizer)
        base_lrs = per_group("base_lr", optimizer, base_lr)
        if last_epoch == -1:
            for group, rate in zip(optimizer.param_groups, base_lrs):
                put(group, rate)
        self.max_lrs = per_group("max_lr", optimizer, max_lr)
        down = float(step_size_up if step_size_down is None else step_size_down)
        self.total_size = float(step_size_up) + down
        self.step_ratio = float(step_size_up) / self.total_size
        if mode not in ("triangular", "triangular2", "exp_range") and scale_fn is None:
            raise ValueError("mode is invalid and scale_fn is None")
        self.mode = mode
        self.gamma = gamma
        self._scale_fn_custom = scale_fn
        self.scale_mode = scale_mode
        if scale_fn is None:
            self.scale_mode = "iterations" if mode == "exp_range" else "cycle"
        self.cycle_momentum = cycle_momentum
        if cycle_momentum:
            self.use_beta1 = _Momenta.check(optimizer)
            self.base_momentums = per_group("base_momentum", optimizer, base_momentum)
            self.max_momentums = per_group("max_momentum", optimizer, max_momentum)
            if last_epoch == -1:
                _start_momenta(optimizer, self.base_momentums, self.max_momentums, self.use_beta1)
        super().__init__(optimizer, last_epoch)
        self.base_lrs = base_lrs

    def scale_fn(self, x: float) -> float:
        """How high cycle (or batch) x is, relative to the first."""
        if self._scale_fn_custom is not None:
            return self._scale_fn_custom(x)
        if self.mode == "triangular":
            return 1.0
        return float(1 / 2.0 ** (x - 1) if self.mode == "triangular2" else self.gamma**x)

    def get_lr(self) -> list[Any]:
        """The rates at batch last_epoch; sets the momenta, too."""
        cycle = math.floor(1 + self.last_epoch / self.total_size)
        x = 1.0 + self.last_epoch / self.total_size - cycle
        height = x / self.step_ratio if x <= self.step_ratio else (x - 1) / (self.step_ratio - 1)
        scale = self.scale_fn(cycle if self.scale_mode == "cycle" else self.last_epoch)
        if self.cycle_momentum:
            for group, low, high in zip(self.optimizer.param_groups, self.base_momentums, self.max_momentums):
                _Momenta.put(group, high - (high - low) * height * scale, self.use_beta1)
        return [low + (high - low) * height * scale for low, high in zip(self.base_lrs, self.max_lrs)]

    def state_dict(self) -> dict[str, Any]:
        state = super().state_dict()
        function = state["_scale_fn_custom"]
        saved = function is not None and not isinstance(function, types.FunctionType)
        state["_scale_fn_custom"] = dict(function.__dict__) if saved else None
        return state

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        state = dict(state_dict)
        attributes = state.pop("_scale_fn_custom")
        super().load_state_dict(state)
        if attributes is not None and self._scale_fn_custom is not None:
            self._scale_fn_custom.__dict__.update(attributes)


class CosineAnnealingWarmRestarts(LRScheduler):
    """Half a cosine from initial_lr to eta_min, then again from the top (Loshchilov & Hutter 2017).

    Args:
        optimizer: whose rates are set.
        T_0: epochs of the first descent; T_mult: how many times longer each one is than the last.
        eta_min: the lowest rate.
        last_epoch: the epoch to resume after.

    Raises:
        ValueError: T_0 or T_mult is no positive integer, eta_min no number, or (step) epoch negative.
    """

    def __init__(
        self, optimizer: Optimizer, T_0: int, T_mult: int = 1, eta_min: float = 0.0, last_epoch: int = -1
    ) -> None:
        if not isinstance(T_0, int) or T_0 <= 0:
            raise ValueError(f"Expected positive integer T_0, but got {T_0}")
        if not isinstance(T_mult, int) or T_mult < 1:
            raise ValueError(f"Expected integer T_mult >= 1, but got {T_mult}")
        if not isinstance(eta_min, (float, int)):
            raise ValueError(f"Expected float or int eta_min, but got {eta_min} of type {type(eta_min)}")
        self.T_0 = T_0
        self.T_i = T_0
        self.T_mult = T_mult
        self.eta_min = eta_min
        self.T_cur: float = last_epoch
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[Any]:
        """The rates T_cur epochs after the last restart, of T_i."""
        height = (1 + math.cos(math.pi * self.T_cur / self.T_i)) / 2
        return [self.eta_min + (base - self.eta_min) * height for base in self.base_lrs]

    def step(self, epoch: float | None = None) -> None:
        """Goes on by one epoch, or to the given one, which may be a fraction."""
        if epoch is None and self.last_epoch < 0:
            epoch = 0
        if epoch is None:
            epoch = self.last_epoch + 1
            self.T_cur += 1
            if self.T_cur >= self.T_i:
                self.T_cur %= self.T_i
                self.T_i *= self.T_mult
        elif epoch < 0:
            raise ValueError(f"Expected non-negative epoch, but got {epoch}")
        elif epoch < self.T_0:
            self.T_i, self.T_cur = self.T_0, epoch
        elif self.T_mult == 1:
            self.T_cur = epoch % self.T_0
        else:
            n = int(math.log(epoch / self.T_0 * (self.T_mult - 1) + 1, self.T_mult))
            self.T_cur = epoch - self.T_0 * (self.T_mult**n - 1) / (self.T_mult - 1)
            self.T_i = self.T_0 * self.T_mult**n
        self._update_lr(math.floor(epoch))


def _positive(name: str, value: Any) -> int:
    if not isinstance(value, int) or value <= 0:
        raise ValueError(f"Expected positive integer {name}, but got {value}")
    return value


class OneCycleLR(LRScheduler):
    """Up to max_lr and far down once (Smith & Topin 2019); step it after each batch.

    Args:
        optimizer: whose rates are set.
        max_lr: a number or one a group.
        total_steps: batches in all; or epochs times steps_per_epoch.
        pct_start: the part of the batches that goes up.
        anneal_strategy: "cos" or "linear".
        cycle_momentum: move momenta (or the first betas) from max_momentum to base_momentum and back.
        div_factor: the first rate is max_lr / div_factor; final_div_factor: the last one is that / this.
        three_phase: as long down to the first rate as up, and then to the last one.
        last_epoch: the batch to resume after.

    Raises:
        ValueError: an argument is out of its range, or there were total_steps steps already.
    """

    def __init__(
        self, optimizer: Optimizer, max_lr: float | list[float], total_steps: int | None = None,
        epochs: int | None = None, steps_per_epoch: int | None = None, pct_start: float = 0.3,
        anneal_strategy: str = "cos", cycle_momentum: bool = True, base_momentum: float | list[float] = 0.85,
        max_momentum: float | list[float] = 0.95, div_factor: float = 25.0, final_div_factor: float = 1e4,
        three_phase: bool = False, last_epoch: int = -1,
    ) -> None:  # fmt: skip
        check_optimizer(optimizer)
        if total_steps is not None:
            self.total_steps = _positive("total_steps", total_steps)
        elif epochs is not None and steps_per_epoch is not None:
            self.total_steps = _positive("epochs", epochs) * _positive("steps_per_epoch", steps_per_epoch)
        else:
            raise ValueError("You must define either total_steps OR (epochs AND steps_per_epoch)")
        if not isinstance(pct_start, float) or not 0 <= pct_start <= 1:
            raise ValueError(f"Expected float between 0 and 1 pct_start, but got {pct_start}")
        if anneal_strategy not in ("cos", "linear"):
            raise ValueError(f"anneal_strategy must be one of 'cos' or 'linear', instead got {anneal_strategy}")
        self._schedule_phases = list(_phases(pct_start, self.total_steps, three_phase))
        self._anneal_func_type = anneal_strategy
        max_lrs = per_group("max_lr", optimizer, max_lr)
        if last_epoch == -1:
            for group, most in zip(optimizer.param_groups, max_lrs):
                group["initial_lr"] = most / div_factor
                group["max_lr"] = copied(most)
                group["min_lr"] = group["initial_lr"] / final_div_factor
        self.cycle_momentum = cycle_momentum
        if cycle_momentum:
            self.use_beta1 = _Momenta.check(optimizer)
            most_momenta = per_group("max_momentum", optimizer, max_momentum)
            least_momenta = per_group("base_momentum", optimizer, base_momentum)
            if last_epoch == -1:
                _start_momenta(optimizer, least_momenta, most_momenta, self.use_beta1)
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[Any]:
        """The rates at batch last_epoch; sets the momenta, too."""
        if self.last_epoch > self.total_steps:
            raise ValueError(
                f"Tried to step {self.last_epoch} times. The specified number of total steps is {self.total_steps}"
            )
        start, phase = 0.0, self._schedule_phases[0]
        for following in self._schedule_phases[1:]:
            if self.last_epoch <= phase["end_step"]:
                break
            start, phase = phase["end_step"], following
        part = (self.last_epoch - start) / (phase["end_step"] - start)
        between = cosine if self._anneal_func_type == "cos" else straight
        if self.cycle_momentum:
            for group in self.optimizer.param_groups:
                value = between(group[phase["start_momentum"]], group[phase["end_momentum"]], part)
                _Momenta.put(group, value, self.use_beta1)
        return [
            between(group[phase["start_lr"]], group[phase["end_lr"]], part) for group in self.optimizer.param_groups
        ]


def _phases(pct_start: float, total: int, three: bool) -> Iterator[dict[str, Any]]:
    """The phases of one cycle: until when, and the names of the first and last rate and momentum."""

    def phase(end: float, lrs: tuple[str, str], momenta: tuple[str, str]) -> dict[str, Any]:
        return {"end_step": end, "start_lr": lrs[0], "end_lr": lrs[1], "start_momentum": momenta[0],
                "end_momentum": momenta[1]}  # fmt: skip

    falls, rises, stays = ("max_momentum", "base_momentum"), ("base_momentum", "max_momentum"), ("max_momentum",) * 2
    yield phase(float(pct_start * total) - 1, ("initial_lr", "max_lr"), falls)
    if three:
        yield phase(float(2 * pct_start * total) - 2, ("max_lr", "initial_lr"), rises)
        yield phase(total - 1, ("initial_lr", "min_lr"), stays)
    else:
        yield phase(total - 1, ("max_lr", "min_lr"), rises)
