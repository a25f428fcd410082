"""Metrics of regression: errors and the share of variance that is explained, in double precision."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._C import ShapeMismatchError
from .base import Metric, tensor_of

__all__ = [
    "MaxError", "MeanAbsoluteError", "MeanAbsolutePercentageError", "MeanSquaredError", "R2Score",
    "RootMeanSquaredError",
]  # fmt: skip


def pair(outputs: Any, targets: Any) -> tuple[Any, Any]:
    """Both as float64 arrays of one shape; (n, 1) goes with (n)."""
    o = np.asarray(tensor_of(outputs).to("float64"))
    t = np.asarray(tensor_of(targets).to("float64"))
    if [n for n in o.shape if n != 1] != [n for n in t.shape if n != 1]:
        raise ShapeMismatchError(f"outputs of shape {o.shape} and targets of shape {t.shape} do not fit")
    return o, t.reshape(o.shape)


class _Error(Metric):
    """Mean of an error over all numbers."""

    state = ("total", "count")

    def reset(self) -> None:
        self.total, self.count = 0.0, 0

    def _error(self, o: Any, t: Any) -> Any:
        raise NotImplementedError

    def update(self, outputs: Any, targets: Any) -> None:
        o, t = pair(outputs, targets)
        self.total += float(self._error(o, t).sum())
        self.count += t.size

    def compute(self) -> float:
        return self.total / self.count if self.count else float("nan")


class MeanAbsoluteError(_Error):
    """Mean of |output - target|.

    >>> MeanAbsoluteError()([1.0, 2.0], [1.0, 4.0])
    1.0
    """

    name = "mae"

    def _error(self, o: Any, t: Any) -> Any:
        return np.abs(o - t)


class MeanSquaredError(_Error):
    """Mean of (output - target)**2."""

    name = "mse"

    def _error(self, o: Any, t: Any) -> Any:
        return (o - t) ** 2


class RootMeanSquaredError(MeanSquaredError):
    """Root of the mean of (output - target)**2 over all batches."""

    name = "rmse"

    def compute(self) -> float:
        return float(np.sqrt(super().compute()))


class MeanAbsolutePercentageError(_Error):
    """Mean of |output - target| / |target|, as a fraction (1 is 100 %)."""

    name = "mape"

    def _error(self, o: Any, t: Any) -> Any:
        return np.abs(o - t) / np.maximum(np.abs(t), np.finfo(np.float64).eps)


class MaxError(Metric):
    """The largest |output - target|."""

    name = "max_error"
    state = ("worst",)

    def reset(self) -> None:
        self.worst = float("nan")

    def update(self, outputs: Any, targets: Any) -> None:
        o, t = pair(outputs, targets)
        self.worst = float(np.fmax(self.worst, np.abs(o - t).max(initial=0.0)))

    def compute(self) -> float:
        return self.worst


class R2Score(Metric):
    """Share of the targets' variance that the outputs explain; the mean over the columns of several outputs.

    The variance is merged batch by batch (Chan, Golub and LeVeque 1979).

    >>> R2Score()([2.5, 0.0, 2.0, 8.0], [3.0, -0.5, 2.0, 7.0])
    0.9486081370449679
    """

    name = "r2"
    state = ("count", "mean", "spread", "residual")

    def reset(self) -> None:
        self.count = 0
        self.mean: Any = 0.0
        self.spread: Any = 0.0
        self.residual: Any = 0.0

    def update(self, outputs: Any, targets: Any) -> None:
        o, t = pair(outputs, targets)
        o, t = o.reshape(len(o), -1), t.reshape(len(t), -1)
        if not len(t):
            return
        mean, n = t.mean(0), len(t)
        total = self.count + n
        shift = mean - self.mean
        self.spread = self.spread + ((t - mean) ** 2).sum(0) + shift**2 * (self.count * n / total)
        self.mean = self.mean + shift * (n / total)
        self.residual = self.residual + ((t - o) ** 2).sum(0)
        self.count = total

    def compute(self) -> float:
        if self.count < 2:
            return float("nan")
        spread, residual = np.asarray(self.spread), np.asarray(self.residual)
        ratio = np.divide(residual, spread, out=np.where(residual == 0, 0.0, 1.0), where=spread != 0)
        return float(np.mean(1 - ratio))
