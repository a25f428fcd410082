"""History: what a training measured, epoch by epoch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

__all__ = ["History"]


class History:
    """Losses and metrics of a training.

    Attributes:
        history: name -> one float an epoch; those of the validation are named val_... and have an entry for
            each epoch that was validated.
        epoch: numbers of the epochs, from 0.
        validated: numbers of the epochs that were validated.
        params: how the training was set up (epochs, steps, batch_size).
        stop_reason: why it ended before its last epoch; None when it did not.

    >>> h = History()
    >>> h.append(0, {"loss": 0.9, "accuracy": 0.5, "val_loss": 1.0})
    >>> h.append(1, {"loss": 0.4, "accuracy": 0.8, "val_loss": 0.7})
    >>> h.train_loss(), h.val_loss(), h.metrics
    ([0.9, 0.4], [1.0, 0.7], {'accuracy': [0.5, 0.8]})
    """

    def __init__(self, params: Mapping[str, Any] | None = None) -> None:
        self.history: dict[str, list[float]] = {}
        self.epoch: list[int] = []
        self.validated: list[int] = []
        self.params: dict[str, Any] = dict(params or {})
        self.stop_reason: str | None = None

    def append(self, epoch: int, logs: Mapping[str, float]) -> None:
        """Adds what one epoch measured."""
        self.epoch.append(epoch)
        if any(name.startswith("val_") for name in logs):
            self.validated.append(epoch)
        for name, value in logs.items():
            self.history.setdefault(name, []).append(value)

    def train_loss(self) -> list[float]:
        """Mean training loss of each epoch."""
        return list(self.history.get("loss", []))

    def val_loss(self) -> list[float]:
        """Mean validation loss of each epoch that was validated; empty without validation."""
        return list(self.history.get("val_loss", []))

    def train_accuracy(self) -> list[float]:
        """Training accuracy of each epoch; empty when it was not measured."""
        return list(self.history.get("accuracy", []))

    def val_accuracy(self) -> list[float]:
        """Validation accuracy of each epoch that was validated; empty when it was not measured."""
        return list(self.history.get("val_accuracy", []))

    @property
    def metrics(self) -> dict[str, list[float]]:
        """What was measured beside the losses, by name."""
        return {name: list(values) for name, values in self.history.items() if name not in ("loss", "val_loss")}

    def best_epoch(self, monitor: str = "val_loss", mode: str = "min") -> int:
        """Number of the epoch with the lowest (mode "min") or highest ("max") value of a measured name.

        Raises:
            KeyError: nothing of that name was measured.
        """
        values = self[monitor]
        epochs = self.validated if monitor.startswith("val_") else self.epoch
        best = (min if mode == "min" else max)(range(len(values)), key=values.__getitem__)
        return epochs[best]

    def to_pandas(self) -> Any:
        """A pandas DataFrame with a row an epoch and a column a name; NaN where an epoch was not validated."""
        try:
            import pandas  # type: ignore[import-untyped,unused-ignore]
        except ModuleNotFoundError as error:
            raise ModuleNotFoundError("History.to_pandas needs pandas: pip install pandas") from error
        columns = {
            name: pandas.Series(values, index=self.validated if name.startswith("val_") else self.epoch[-len(values) :])
            for name, values in self.history.items()
        }
        return pandas.DataFrame(columns, index=pandas.Index(self.epoch, name="epoch"))

    def state_dict(self) -> dict[str, Any]:
        """All of it as plain lists and dicts, for a checkpoint."""
        return {
            "history": {name: list(values) for name, values in self.history.items()},
            "epoch": list(self.epoch), "validated": list(self.validated), "params": dict(self.params),
            "stop_reason": self.stop_reason,
        }  # fmt: skip

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Takes back what state_dict gave."""
        self.history = {name: list(values) for name, values in state["history"].items()}
        self.epoch, self.validated = list(state["epoch"]), list(state["validated"])
        self.params, self.stop_reason = dict(state["params"]), state["stop_reason"]

    def __getitem__(self, name: str) -> list[float]:
        if name not in self.history:
            raise KeyError(f"{name!r} was not measured; there are {', '.join(self.history) or 'no values yet'}")
        return self.history[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.history)

    def __contains__(self, name: object) -> bool:
        return name in self.history

    def __len__(self) -> int:
        return len(self.epoch)

    def __bool__(self) -> bool:
        return True

    def _repr_html_(self) -> str:
        from .._display import history_html

        return history_html(self)

    def __repr__(self) -> str:
        last = ", ".join(f"{name} {values[-1]:.4f}" for name, values in self.history.items() if values)
        return f"History({len(self)} epochs{': ' + last if last else ''})"
