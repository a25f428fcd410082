"""Callbacks that watch a value: stopping early, keeping the best weights, lowering the rate on a plateau."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable, Mapping
from typing import Any

from .base import Callback

__all__ = ["EarlyStopping", "ModelCheckpoint", "ReduceLROnPlateau", "TerminateOnNaN"]

HIGHER = re.compile(r"acc|auc|f1|fbeta|precision|recall|r2|top_|kappa|specificity|score|sensitivity|iou|dice")


class Watch:
    """Which value is watched, and whether one is better than another.

    Args:
        owner: whose it is, for messages.
        monitor: name in the logs.
        mode: "min", "max", or "auto": "max" for names of accuracies and scores.
        min_delta: by how much a value must be better.
    """

    def __init__(self, owner: str, monitor: str, mode: str = "auto", min_delta: float = 0.0) -> None:
        if mode not in ("auto", "min", "max"):
            raise ValueError(f"{owner}: mode must be 'auto', 'min' or 'max', not {mode!r}")
        if not isinstance(monitor, str):
            raise TypeError(f"{owner}: monitor must be a name, not {type(monitor).__name__}")
        self.owner, self.monitor, self.min_delta = owner, monitor, abs(float(min_delta))
        self.higher = mode == "max" or (mode == "auto" and HIGHER.search(monitor) is not None)

    @property
    def worst(self) -> float:
        return -math.inf if self.higher else math.inf

    def better(self, value: float, than: float) -> bool:
        """Is value better than another, by more than min_delta?"""
        return value - self.min_delta > than if self.higher else value + self.min_delta < than

    def value(self, callback: Callback, epoch: int, logs: Mapping[str, Any] | None) -> float | None:
        """The watched value; None in an epoch that was not validated.  ValueError where it is never there."""
        logs = logs or {}
        if self.monitor in logs:
            return float(logs[self.monitor])
        measured = callback.params.get("metrics") or list(logs)
        if self.monitor in measured:
            return None
        hint = "" if not self.monitor.startswith("val_") or any(n.startswith("val_") for n in measured) else (
            ", as there are no validation data"
        )  # fmt: skip
        there = ", ".join(measured)
        raise ValueError(f"{self.owner}: there is no {self.monitor!r} to watch{hint}; measured are {there}")


def _count(owner: str, name: str, value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ValueError(f"{owner}: {name} must be a whole number that is not negative, not {value!r}")
    return value


class EarlyStopping(Callback):
    """Ends the training when a value has stopped improving.

    Args:
        monitor: name in the logs.
        min_delta: smaller improvements are none.
        patience: epochs without improvement that are borne.
        verbose: 1 prints why it ended.
        mode: "min", "max" or "auto", by the name.
        baseline: a value that must be bettered.
        restore_best_weights: puts the weights of the best epoch back.
        start_from_epoch: epochs before it are not looked at.

    Attributes: `best`, `best_epoch`, `wait`, `stopped_epoch` (0 when it did not stop).

    Raises:
        ValueError: (in training) the value is not measured.
    """

    def __init__(
        self, monitor: str = "val_loss", min_delta: float = 0.0, patience: int = 0, verbose: int = 0,
        mode: str = "auto", baseline: float | None = None, restore_best_weights: bool = False,
        start_from_epoch: int = 0,
    ) -> None:  # fmt: skip
        self.watch = Watch("EarlyStopping", monitor, mode, min_delta)
        self.monitor, self.verbose, self.baseline = monitor, verbose, baseline
        self.patience = _count("EarlyStopping", "patience", patience)
        self.restore_best_weights, self.start_from_epoch = restore_best_weights, start_from_epoch
        self._fresh = True
        self._start()

    def _start(self) -> None:
        self.wait = self.stopped_epoch = self.best_epoch = 0
        self.best = self.watch.worst
        self.best_weights: dict[str, Any] | None = None

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        if self._fresh:
            self._start()
        self._fresh = True

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        value = self.watch.value(self, epoch, logs)
        if value is None or epoch < self.start_from_epoch:
            return
        if self.restore_best_weights and self.best_weights is None:
            self._keep(epoch)
        self.wait += 1
        if self.watch.better(value, self.best):
            self.best = value
            self._keep(epoch)
            if self.baseline is None or self.watch.better(value, self.baseline):
                self.wait = 0
            return
        if self.wait >= self.patience and epoch > 0:
            self.stopped_epoch = epoch
            self.training.stop_training = True
            self.training.history.stop_reason = (
                f"{self.monitor} has not improved on {self.best:.6g} of epoch {self.best_epoch + 1}"
            )

    def _keep(self, epoch: int) -> None:
        self.best_epoch = epoch
        if self.restore_best_weights:
            self.best_weights = {name: t.clone() for name, t in self.model.state_dict().items()}

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        if self.stopped_epoch and self.verbose:
            print(f"epoch {self.stopped_epoch + 1}: early stopping, {self.training.history.stop_reason}")
        if self.restore_best_weights and self.best_weights is not None:
            self.model.load_state_dict(self.best_weights)

    def state_dict(self) -> dict[str, Any]:
        names = ("wait", "stopped_epoch", "best_epoch", "best", "best_weights")
        return {name: getattr(self, name) for name in names}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        for name, value in state.items():
            setattr(self, name, value)
        self._fresh = False


class ModelCheckpoint(Callback):
    """Saves the model after epochs, or after steps.

    Args:
        filepath: where; may contain {epoch} (from 1) and names of the logs, as in "net-{epoch:02d}-{val_loss:.3f}".
        monitor: what tells which is best.
        verbose: 1 prints what was saved.
        save_best_only: only when the value has improved.
        save_weights_only: the state_dict, in place of the model.
        mode: "min", "max" or "auto", by the name.
        save_freq: "epoch", or a number of batches.
        initial_value_threshold: a value that must be bettered first.

    Attributes: `best`, `last_path`.

    Raises:
        KeyError: (in training) filepath names what is not measured.
        ValueError: (in training) the value is not measured.
    """

    def __init__(
        self, filepath: Any, monitor: str = "val_loss", verbose: int = 0, save_best_only: bool = False,
        save_weights_only: bool = False, mode: str = "auto", save_freq: str | int = "epoch",
        initial_value_threshold: float | None = None,
    ) -> None:  # fmt: skip
        self.filepath = os.fspath(filepath)
        self.watch = Watch("ModelCheckpoint", monitor, mode)
        self.monitor, self.verbose = monitor, verbose
        self.save_best_only, self.save_weights_only = save_best_only, save_weights_only
        if save_freq != "epoch" and (not isinstance(save_freq, int) or isinstance(save_freq, bool) or save_freq < 1):
            raise ValueError(f"ModelCheckpoint: save_freq must be 'epoch' or a number of batches, not {save_freq!r}")
        self.save_freq = save_freq
        self.best = self.watch.worst if initial_value_threshold is None else float(initial_value_threshold)
        self.last_path: str | None = None
        self._batches = 0

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        if self.save_freq != "epoch":
            self._batches += 1
            if self._batches % int(self.save_freq) == 0:
                self._save(self.training.epoch, logs or {})

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        if self.save_freq == "epoch":
            self._save(epoch, logs or {})

    def _save(self, epoch: int, logs: Mapping[str, Any]) -> None:
        if self.save_best_only:
            value = self.watch.value(self, epoch, logs)
            if value is None or not self.watch.better(value, self.best):
                return
            self.best = value
        try:
            path = self.filepath.format(epoch=epoch + 1, **logs)
        except KeyError as error:
            there = ", ".join(logs)
            raise KeyError(f"ModelCheckpoint: {error} in {self.filepath!r}: there are epoch, {there}") from None
        folder = os.path.dirname(path)
        if folder:
            os.makedirs(folder, exist_ok=True)
        if self.save_weights_only:
            from .. import serialization

            serialization.save(self.model.state_dict(), path)
        else:
            training = self.model.training
            try:
                self.model.eval().save(path)  # what is loaded predicts
            finally:
                self.model.train(training)
        self.last_path = path
        if self.verbose:
            print(f"epoch {epoch + 1}: saved {path}")

    def state_dict(self) -> dict[str, Any]:
        return {"best": self.best, "last_path": self.last_path, "_batches": self._batches}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.best, self.last_path, self._batches = state["best"], state["last_path"], state["_batches"]


class ReduceLROnPlateau(Callback):
    """Multiplies the learning rate by a factor when a value has stopped improving.

    Args:
        monitor: name in the logs.
        factor: between 0 and 1.
        patience: epochs without improvement that are borne.
        verbose: 1 prints each reduction.
        mode: "min", "max" or "auto", by the name.
        min_delta: smaller improvements are none.
        cooldown: epochs of rest after a reduction.
        min_lr: the lowest rate.

    Raises:
        ValueError: factor is not below 1, or (in training) the value is not measured.
    """

    def __init__(
        self, monitor: str = "val_loss", factor: float = 0.1, patience: int = 10, verbose: int = 0, mode: str = "auto",
        min_delta: float = 1e-4, cooldown: int = 0, min_lr: float = 0.0,
    ) -> None:  # fmt: skip
        if not 0 < factor < 1:
            raise ValueError(f"ReduceLROnPlateau: factor must be between 0 and 1, not {factor!r}")
        self.watch = Watch("ReduceLROnPlateau", monitor, mode, min_delta)
        self.monitor, self.factor, self.verbose, self.min_lr = monitor, factor, verbose, min_lr
        self.patience = _count("ReduceLROnPlateau", "patience", patience)
        self.cooldown = _count("ReduceLROnPlateau", "cooldown", cooldown)
        self._fresh = True
        self._start()

    def _start(self) -> None:
        self.best, self.wait, self.resting = self.watch.worst, 0, 0

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        if self._fresh:
            self._start()
        self._fresh = True

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        groups = self.training.optimizer.param_groups
        if logs is not None:
            logs["learning_rate"] = float(groups[0]["lr"])
        value = self.watch.value(self, epoch, logs)
        if value is None:
            return
        if self.resting > 0:
            self.resting -= 1
            self.wait = 0
        if self.watch.better(value, self.best):
            self.best, self.wait = value, 0
        elif self.resting == 0:
            self.wait += 1
            if self.wait >= self.patience:
                self._reduce(epoch, groups)
                self.resting, self.wait = self.cooldown, 0

    def _reduce(self, epoch: int, groups: list[dict[str, Any]]) -> None:
        for group in groups:
            set_rate(group, max(float(group["lr"]) * self.factor, self.min_lr))
        if self.verbose:
            print(f"epoch {epoch + 1}: learning rate reduced to {float(groups[0]['lr']):g}")

    def state_dict(self) -> dict[str, Any]:
        return {"best": self.best, "wait": self.wait, "resting": self.resting}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.best, self.wait, self.resting = state["best"], state["wait"], state["resting"]
        self._fresh = False


class TerminateOnNaN(Callback):
    """Ends the training, with a warning in place of an error, when the loss becomes NaN or infinite."""

    stops_at_nan = True


def set_rate(group: dict[str, Any], rate: float) -> None:
    """Sets the learning rate of a parameter group."""
    fill: Callable[[float], Any] | None = getattr(group["lr"], "fill_", None)
    if fill is None:
        group["lr"] = rate
    else:
        fill(rate)
