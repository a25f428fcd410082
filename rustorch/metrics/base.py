"""Metric, the base: updated batch by batch, computed when it is asked for."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from .._C import Tensor, as_tensor

__all__ = ["FunctionMetric", "Mean", "Metric"]


def tensor_of(value: Any) -> Tensor:
    """Outputs or targets as a Tensor without gradient."""
    t = value if isinstance(value, Tensor) else as_tensor(value)
    return t.detach() if t.requires_grad else t


class Metric:
    """A number that is gathered over batches.

    Subclasses define `update(outputs, targets)`, `compute()` and `reset()`, and name in `state` the attributes
    that hold what was gathered.

    Args:
        name: under which it appears in logs; the class's own when None.

    Attributes:
        from_logits: do outputs still lack the softmax or sigmoid?  None: not said; a training then says it.
        takes_logits: can it be given logits at all?
    """

    state: tuple[str, ...] = ()
    takes_logits = False
    from_logits: bool | None = None
    name = "metric"

    def __init__(self, name: str | None = None) -> None:
        if name is not None:
            self.name = name
        self.reset()

    def update(self, outputs: Any, targets: Any) -> None:
        """Takes a batch in."""
        raise NotImplementedError(f"{type(self).__name__} must define update(outputs, targets)")

    def compute(self) -> Any:
        """The value over all batches since the last reset."""
        raise NotImplementedError(f"{type(self).__name__} must define compute()")

    def reset(self) -> None:
        """Forgets all batches."""
        raise NotImplementedError(f"{type(self).__name__} must define reset()")

    def __call__(self, outputs: Any, targets: Any) -> Any:
        """Takes a batch in and gives the value so far."""
        self.update(outputs, targets)
        return self.compute()

    def state_dict(self) -> dict[str, Any]:
        """What was gathered, as a copy."""
        return {name: copy.deepcopy(getattr(self, name)) for name in self.state}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Takes back what state_dict gave."""
        for name in self.state:
            setattr(self, name, copy.deepcopy(state[name]))

    def __repr__(self) -> str:
        return f"{type(self).__name__}(name={self.name!r})"


class Mean(Metric):
    """Mean of the values it is given: update(values), one or many, with weights when given.

    >>> m = Mean(); m.update(1.0); m.update([2.0, 6.0]); m.compute()
    3.0
    """

    name = "mean"
    state = ("total", "count")

    def reset(self) -> None:
        self.total, self.count = 0.0, 0.0

    def update(self, outputs: Any, targets: Any = None) -> None:
        values = np.asarray(tensor_of(outputs), dtype=np.float64)
        weights = np.broadcast_to(1.0 if targets is None else np.asarray(tensor_of(targets), np.float64), values.shape)
        self.total += float((values * weights).sum())
        self.count += float(weights.sum())

    def compute(self) -> float:
        return self.total / self.count if self.count else float("nan")


class FunctionMetric(Metric):
    """Mean over the batches, weighted by their sizes, of function(outputs, targets).

    Args:
        function: takes outputs and targets of a batch, returns a number or a tensor, of which the mean is taken.
        name: the function's own when None.
    """

    state = ("total", "count")

    def __init__(self, function: Callable[[Any, Any], Any], name: str | None = None) -> None:
        self.function = function
        super().__init__(name or getattr(function, "__name__", type(function).__name__))

    def reset(self) -> None:
        self.total, self.count = 0.0, 0

    def update(self, outputs: Any, targets: Any) -> None:
        value = self.function(outputs, targets)
        size = len(targets)
        self.total += float(value.float().mean() if isinstance(value, Tensor) else np.mean(value)) * size
        self.count += size

    def compute(self) -> float:
        return self.total / self.count if self.count else float("nan")
