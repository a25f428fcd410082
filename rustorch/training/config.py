"""TrainerConfig: every setting of a training, checked when it is given."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from .._calls import unknown
from .._device import check_cpu

__all__ = ["TrainerConfig"]


def _refuse(name: str, wanted: str, value: Any) -> Exception:
    kind = TypeError if not isinstance(value, (int, float)) or isinstance(value, bool) else ValueError
    return kind(f"TrainerConfig: {name} must be {wanted}, not {value!r}")


def _whole(low: int) -> Callable[[str, Any], Any]:
    def check(name: str, value: Any) -> Any:
        if hasattr(value, "__index__") and not isinstance(value, bool) and value.__index__() >= low:
            return value.__index__()
        raise _refuse(name, f"a whole number of at least {low}", value)

    return check


def _number(low: float, wanted: str, open_: bool = False) -> Callable[[str, Any], Any]:
    def check(name: str, value: Any) -> Any:
        if isinstance(value, (bool, str)):
            raise _refuse(name, wanted, value)
        try:
            number = float(value)
        except (TypeError, ValueError):
            raise _refuse(name, wanted, value) from None
        if not math.isfinite(number) or number < low or (open_ and number == low):
            raise _refuse(name, wanted, number)
        return number

    return check


def _maybe(check: Callable[[str, Any], Any]) -> Callable[[str, Any], Any]:
    return lambda name, value: None if value is None else check(name, value)


def _one_of(*allowed: Any) -> Callable[[str, Any], Any]:
    def check(name: str, value: Any) -> Any:
        if not any(value is a or (isinstance(a, str) and value == a) for a in allowed):
            raise ValueError(f"TrainerConfig: {name} must be one of {', '.join(map(repr, allowed))}, not {value!r}")
        return value

    return check


def _flag(name: str, value: Any) -> bool:
    if isinstance(value, bool) or (isinstance(value, int) and value in (0, 1)):
        return bool(value)
    raise TypeError(f"TrainerConfig: {name} must be True or False, not {value!r}")


def _verbosity(name: str, value: Any) -> Any:
    if isinstance(value, bool) or value in (0, 1, 2, "auto"):
        return value
    wanted = "True, False, 0 (silent), 1 (a bar) or 2 (a line an epoch)"
    raise ValueError(f"TrainerConfig: {name} must be {wanted}, not {value!r}")


def _frequency(name: str, value: Any) -> Any:
    if isinstance(value, Iterable) and not isinstance(value, str):
        return tuple(_whole(1)(name, epoch) for epoch in value)
    return _whole(1)(name, value)


def _path(name: str, value: Any) -> Any:
    try:
        return os.fspath(value)
    except TypeError:
        raise TypeError(f"TrainerConfig: {name} must be a path, not {value!r}") from None


def _resume(name: str, value: Any) -> Any:
    return value if isinstance(value, bool) else _path(name, value)


def _device(name: str, value: Any) -> Any:
    if value != "auto":
        check_cpu(value, "TrainerConfig")
    return value


def _sequence(name: str, value: Any) -> Any:
    if isinstance(value, str) or not isinstance(value, Iterable):
        value = [value]
    return list(value)


def _text(name: str, value: Any) -> Any:
    if not isinstance(value, str):
        raise TypeError(f"TrainerConfig: {name} must be a name, not {value!r}")
    return value


def _weights(name: str, value: Any) -> Any:
    if not isinstance(value, Mapping):
        raise TypeError(f"TrainerConfig: {name} must be a dict of class -> weight, not {type(value).__name__}")
    whole, number = _whole(0), _number(0.0, "a dict of weights that are not negative")
    return {whole(f"{name}'s class", c): number(name, w) for c, w in value.items()}


_CHECKS: dict[str, Callable[[str, Any], Any]] = {
    "epochs": _whole(0), "initial_epoch": _whole(0), "batch_size": _whole(1),
    "learning_rate": _maybe(_number(0.0, "a positive number", True)),
    "weight_decay": _maybe(_number(0.0, "a number that is not negative")),
    "schedule_every": _one_of("epoch", "step"), "shuffle": _flag, "drop_last": _flag, "num_workers": _whole(0),
    "validation_frequency": _frequency, "steps_per_epoch": _maybe(_whole(1)), "validation_steps": _maybe(_whole(1)),
    "gradient_clip_norm": _maybe(_number(0.0, "a positive number", True)),
    "gradient_clip_value": _maybe(_number(0.0, "a positive number", True)), "accumulation_steps": _whole(1),
    "mixed_precision": _one_of(False, True, None, "bfloat16", "float16", "bf16", "fp16", "no"),
    "seed": _maybe(_whole(0)), "checkpoint_dir": _maybe(_path), "checkpoint_every": _whole(1),
    "checkpoint_steps": _maybe(_whole(1)), "keep_checkpoints": _maybe(_whole(1)), "resume": _resume,
    "early_stopping_patience": _maybe(_whole(0)),
    "early_stopping_min_delta": _number(0.0, "a number that is not negative"),
    "restore_best_weights": _flag, "log_frequency": _maybe(_whole(1)),
    "early_stopping_monitor": _text, "class_weight": _maybe(_weights), "verbose": _verbosity, "device": _device,
    "on_nonfinite": _one_of("raise", "stop", "ignore"), "callbacks": _sequence, "metrics": _sequence,
}  # fmt: skip


@dataclass
class TrainerConfig:
    """The settings of a training.  Unknown names and senseless values raise when they are given.

    Args:
        epochs: passes over the data.
        learning_rate: in the place of the optimiser's own; None leaves that.
        validation_frequency: epochs from one validation to the next, or the numbers (from 1) of those that validate.
        batch_size: samples a step, where the data are arrays or a dataset; loaders bring their own.
        optimizer: a name, class, function of the parameters or Optimizer; None: what the model was compiled with,
            else Adam.
        loss: a name, loss module or function loss(outputs, targets); None: what the model was compiled with, else
            cross entropy for integer targets and squared error for others.
        metrics: names, Metric objects or functions metric(outputs, targets).
        weight_decay: in the place of the optimiser's own.
        schedule: of the learning rate: "cosine", "linear", "onecycle", a name of optim.lr_scheduler with arguments,
            a function of the optimiser or an LRScheduler.
        schedule_every: "epoch" or "step": how often the schedule goes on.
        shuffle, drop_last, num_workers: how loaders are made of arrays and datasets.
        initial_epoch: the number of the first epoch.
        steps_per_epoch, validation_steps: at most so many batches.
        gradient_clip_norm, gradient_clip_value: bounds of the gradients' common norm, and of each.
        accumulation_steps: batches whose gradients make one step, as if they were one batch.
        mixed_precision: False, True or "bfloat16" (autocast), "float16" (autocast and a GradScaler).
        seed: of rustorch's, NumPy's and Python's random numbers, set when the training starts.
        checkpoint_dir: where the whole state is written; None: nowhere.
        checkpoint_every, checkpoint_steps: epochs, and steps within them, from one checkpoint to the next.
        keep_checkpoints: how many of the newest stay; None: all.
        resume: go on from the newest checkpoint there is in checkpoint_dir, or from the given one, with the
            same numbers as without the interruption.
        early_stopping_patience: epochs without improvement after which it ends; None: never.
        early_stopping_monitor, early_stopping_min_delta: what must improve, by how much.
        restore_best_weights: with early stopping: those of the best epoch are put back at the end.
        log_frequency: where lines are shown, one more every so many batches; None: none within an epoch.
        verbose: 0 silent, 1 or True a progress bar (lines where there is no terminal), 2 a line an epoch.
        device: "cpu" or "auto".
        on_nonfinite: a loss that is NaN or infinite raises, stops the training with a warning, or is ignored.
        class_weight: class -> weight of its samples.
        callbacks: Callback objects.

    Raises:
        ValueError, TypeError: a value is out of range or of another kind.

    >>> TrainerConfig(epochs=50, learning_rate=0.001, validation_frequency=5).epochs
    50
    >>> TrainerConfig(epochs=-1)
    Traceback (most recent call last):
    ValueError: TrainerConfig: epochs must be a whole number of at least 0, not -1
    """

    epochs: int = 10
    learning_rate: float | None = None
    validation_frequency: int | Sequence[int] = 1
    batch_size: int = 32
    optimizer: Any = None
    loss: Any = None
    metrics: Any = ()
    weight_decay: float | None = None
    schedule: Any = None
    schedule_every: str = "epoch"
    shuffle: bool = True
    drop_last: bool = False
    num_workers: int = 0
    initial_epoch: int = 0
    steps_per_epoch: int | None = None
    validation_steps: int | None = None
    gradient_clip_norm: float | None = None
    gradient_clip_value: float | None = None
    accumulation_steps: int = 1
    mixed_precision: bool | str | None = False
    seed: int | None = None
    checkpoint_dir: Any = None
    checkpoint_every: int = 1
    checkpoint_steps: int | None = None
    keep_checkpoints: int | None = None
    resume: Any = False
    early_stopping_patience: int | None = None
    early_stopping_monitor: str = "val_loss"
    early_stopping_min_delta: float = 0.0
    restore_best_weights: bool = False
    log_frequency: int | None = None
    verbose: bool | int | str = True
    device: Any = "cpu"
    on_nonfinite: str = "raise"
    class_weight: Any = None
    callbacks: Any = ()

    def __setattr__(self, name: str, value: Any) -> None:
        if name not in self.__dataclass_fields__:
            raise AttributeError(_unknown(name))
        check = _CHECKS.get(name)
        object.__setattr__(self, name, value if check is None else check(name, value))

    def replaced(self, **changes: Any) -> TrainerConfig:
        """A copy with other values for some settings."""
        check_names(changes)
        return replace(self, **changes)

    def amp_dtype(self) -> str | None:
        """"bfloat16" or "float16" when computing in mixed precision."""
        if self.mixed_precision in (False, None, "no"):
            return None
        return "float16" if self.mixed_precision in ("float16", "fp16") else "bfloat16"

    def validates(self, epoch: int) -> bool:
        """Is there a validation after the epoch of this number, from 0?"""
        frequency = self.validation_frequency
        return (epoch + 1) % frequency == 0 if isinstance(frequency, int) else epoch + 1 in frequency

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TrainerConfig) and all(
            getattr(self, f.name) == getattr(other, f.name) for f in fields(self)
        )


# what other libraries call these settings
_CALLED = {
    "amp": "mixed_precision", "use_amp": "mixed_precision", "fp16": "mixed_precision", "precision": "mixed_precision",
    "lr": "learning_rate", "num_epochs": "epochs", "max_epochs": "epochs", "patience": "early_stopping_patience",
    "max_grad_norm": "gradient_clip_norm", "clip_grad_norm": "gradient_clip_norm", "clipnorm": "gradient_clip_norm",
    "clipvalue": "gradient_clip_value", "scheduler": "schedule", "lr_scheduler": "schedule", "criterion": "loss",
    "accumulate_grad_batches": "accumulation_steps", "gradient_accumulation_steps": "accumulation_steps",
    "check_val_every_n_epoch": "validation_frequency", "validation_freq": "validation_frequency",
    "random_seed": "seed", "logging_steps": "log_frequency", "early_stopping": "early_stopping_patience",
}  # fmt: skip


def _unknown(name: str) -> str:
    if name in _CALLED:
        return f"unknown setting {name!r}; here it is called {_CALLED[name]}"
    return str(unknown("setting", name, TrainerConfig.__dataclass_fields__))


def check_names(options: Iterable[str]) -> None:
    """TypeError for a name that is no setting, with those that are near."""
    for name in options:
        if name not in TrainerConfig.__dataclass_fields__:
            raise TypeError(_unknown(name))
