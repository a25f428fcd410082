"""Callbacks that write logs and set rates."""

from __future__ import annotations

import csv
import os
from collections.abc import Callable
from typing import Any

from ..optim.lr_scheduler import LRScheduler, ReduceLROnPlateau
from .base import Callback
from .stopping import set_rate

__all__ = ["CSVLogger", "LearningRateScheduler"]


class CSVLogger(Callback):
    """Writes a row an epoch: its number, from 0, loss, metrics, and those of the validation where there was one.

    Args:
        filename: path of the file.
        separator: between two values.
        append: add to a file that is there, without a second header.
    """

    def __init__(self, filename: Any, separator: str = ",", append: bool = False) -> None:
        self.filename, self.separator, self.append = os.fspath(filename), separator, append
        self._file: Any = None

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        adding = (self.append or self.training.epoch > 0) and os.path.exists(self.filename)
        self._head = not adding or os.path.getsize(self.filename) == 0
        self._file = open(self.filename, "a" if adding else "w", newline="")  # noqa: SIM115  closed when the training ends
        self._names: list[str] = []

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        logs = logs or {}
        if not self._names:
            measured = list(self.params.get("metrics") or [])
            self._names = [*measured, *(name for name in logs if name not in measured)]
            self._writer = csv.DictWriter(
                self._file, ["epoch", *self._names], restval="", extrasaction="ignore", delimiter=self.separator,
                lineterminator="\n",
            )  # fmt: skip
            if self._head:
                self._writer.writeheader()
        self._writer.writerow({"epoch": epoch, **{name: logs[name] for name in self._names if name in logs}})
        self._file.flush()

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        self._file.close()

    def on_exception(self, error: BaseException) -> None:
        if self._file is not None:
            self._file.close()


class LearningRateScheduler(Callback):
    """Sets the learning rate of each epoch.

    Args:
        schedule: a function of (epoch, rate) or of the epoch alone that returns the rate; or an LRScheduler of the
            optimiser, which goes on after each epoch.
        verbose: 1 prints the rates.

    Raises:
        TypeError: schedule cannot be called, or (in training) returns no number.
    """

    def __init__(self, schedule: Callable[..., float] | LRScheduler, verbose: int = 0) -> None:
        if not callable(schedule) and not isinstance(schedule, LRScheduler):
            raise TypeError(f"LearningRateScheduler: needs a function or an LRScheduler, not {type(schedule).__name__}")
        self.schedule, self.verbose = schedule, verbose

    def _start(self, epoch: int) -> None:
        groups = self.training.optimizer.param_groups
        try:
            rate = self.schedule(epoch, float(groups[0]["lr"]))  # type: ignore[operator]
        except TypeError as error:
            if "argument" not in str(error):
                raise
            rate = self.schedule(epoch)  # type: ignore[operator]
        try:
            rate = float(rate)
        except (TypeError, ValueError):
            raise TypeError(f"LearningRateScheduler: the schedule returned {rate!r}, not a number") from None
        for group in groups:
            set_rate(group, rate)
        if self.verbose:
            print(f"epoch {epoch + 1}: learning rate {rate:g}")

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        if not isinstance(self.schedule, LRScheduler):
            if self.training.optimizer is None:
                self.training.make_optimizer()
            self._start(epoch)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        if logs is not None:
            logs["learning_rate"] = float(self.training.optimizer.param_groups[0]["lr"])
        if isinstance(self.schedule, ReduceLROnPlateau):
            self.schedule.step((logs or {}).get("val_loss", (logs or {}).get("loss")))
        elif isinstance(self.schedule, LRScheduler):
            self.schedule.step()

    def state_dict(self) -> dict[str, Any]:
        return {"schedule": self.schedule.state_dict()} if isinstance(self.schedule, LRScheduler) else {}

    def load_state_dict(self, state: Any) -> None:
        if isinstance(self.schedule, LRScheduler):
            self.schedule.load_state_dict(state["schedule"])
