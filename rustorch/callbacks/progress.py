"""What a training shows: a tqdm bar in a terminal, a line an epoch elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from typing import Any

from .base import Callback

__all__ = ["Progress", "ProgressBar"]

INTERVAL = 0.1  # seconds between two updates of the numbers in a bar


def shown(logs: Mapping[str, Any]) -> str:
    """"loss 0.1234, accuracy 0.9500"."""
    parts = []
    for name, value in logs.items():
        small = isinstance(value, float) and value != 0 and abs(value) < 1e-3
        parts.append(f"{name} {value:.3e}" if small else f"{name} {value:.4f}")
    return ", ".join(parts)


class Progress(Callback):
    """Shows loss and metrics as the training goes on.

    Args:
        bar: True, a tqdm bar an epoch; False, a line an epoch on standard output; None, a bar where standard
            error is a terminal and tqdm is installed.
        every: where lines are shown, one more every so many batches; None: none within an epoch.

    Raises:
        ModuleNotFoundError: (when the training starts) bar is True and tqdm is not installed.
    """

    batch_logs = False

    def __init__(self, bar: bool | None = None, every: int | None = None) -> None:
        self.bar, self.every = bar, every

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        self._tqdm = None
        if self.bar is not False and (self.bar or sys.stderr.isatty()):
            try:
                from tqdm import tqdm

                self._tqdm = tqdm
            except ModuleNotFoundError as error:
                if self.bar:
                    raise ModuleNotFoundError(
                        "ProgressBar needs tqdm: pip install rustorch[training]"
                    ) from error
        self._open: Any = None

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self._start = self._last = time.monotonic()
        self._title = f"epoch {epoch + 1}/{self.params.get('epochs', '?')}"
        self._seen = 0
        if self._tqdm is not None:
            self._open = self._tqdm(total=self.params.get("steps"), desc=self._title, unit="batch", leave=True)

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        if self._open is None:
            if self.every is not None and (batch + 1) % self.every == 0:
                steps = self.params.get("steps")
                numbers = shown(_numbers(self.training.logs()))
                print(f"{self._title}, batch {batch + 1}{f'/{steps}' if steps else ''}: {numbers}", flush=True)
            return
        now = time.monotonic()
        if now - self._last >= INTERVAL:
            self._last = now
            self._open.set_postfix_str(shown(_numbers(self.training.logs())), refresh=False)
            self._open.update(batch + 1 - self._seen)
            self._seen = batch + 1

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        numbers = shown(_numbers(logs or {}))
        if self._open is not None:
            self._open.update(self.training.batch - self._seen)
            self._open.set_postfix_str(numbers)
            self._close()
        else:
            print(f"{self._title}: {numbers}, {time.monotonic() - self._start:.1f} s", flush=True)

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        self._close()

    def on_exception(self, error: BaseException) -> None:
        self._close()

    def _close(self) -> None:
        if getattr(self, "_open", None) is not None:
            self._open.close()
            self._open = None


class ProgressBar(Progress):
    """A tqdm bar an epoch, with loss and metrics, also where there is no terminal."""

    def __init__(self) -> None:
        super().__init__(bar=True)


def _numbers(logs: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in logs.items() if isinstance(value, (int, float))}
