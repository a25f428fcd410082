"""Measuring a model on data without training it: validation, evaluate and predict."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from contextlib import nullcontext
from typing import Any

from .. import nn
from .._C import ops
from .._modes import enable_grad, no_grad
from ..callbacks.base import Callbacks
from ..metrics import Metric
from .batches import Inputs, adapt_target, call, size_of, unpack
from .losses import Objective

__all__ = ["Evaluation", "measures", "name_metrics", "predict"]


def name_metrics(metrics: list[Metric]) -> None:
    """ValueError when two metrics have one name, or that of the loss."""
    names = [m.name for m in metrics]
    twice = [name for name in names if names.count(name) > 1 or name == "loss"]
    if twice:
        raise ValueError(f"two metrics are named {twice[0]!r}; give one of them another name")


def measures(metrics: Iterable[Metric], objective: Objective) -> None:
    """Tells metrics how outputs are scaled, where that was left open."""
    for metric in metrics:
        if metric.takes_logits:
            if metric.from_logits is None:
                metric.from_logits = objective.from_logits
            if getattr(metric, "multilabel", False) is None:
                metric.multilabel = objective.kind == "binary"  # type: ignore[attr-defined]
            if getattr(metric, "classes_last", False) is None:
                metric.classes_last = objective.classes_last  # type: ignore[attr-defined]


class Evaluation:
    """Loss and metrics of a model on data.

    Args:
        model, objective: what is measured, and by which loss; None: metrics only.
        metrics: copies of these are used.
        callbacks: get on_test_begin and its kin.
        amp: an autocast to compute in, or None.
    """

    def __init__(
        self, model: nn.Module, objective: Objective, metrics: Iterable[Metric], callbacks: Callbacks | None = None,
        amp: Any = None,
    ) -> None:  # fmt: skip
        self.model, self.objective = model, objective
        self.metrics = copy.deepcopy(list(metrics))
        self.callbacks = callbacks or Callbacks([])
        self.amp = amp if amp is not None else nullcontext()

    def run(self, data: Any) -> dict[str, Any]:
        """{"loss": mean over the samples, name: value of each metric}."""
        objective, callbacks = self.objective, self.callbacks
        begin, end = callbacks.of("on_test_batch_begin"), callbacks.of("on_test_batch_end")
        callbacks.call("on_test_begin", {})
        was_training = self.model.training
        self.model.eval()
        for metric in self.metrics:
            metric.reset()
        self.inputs = Inputs(self.model)
        self.total, self.count = 0.0, 0
        try:
            if objective.criterion is None:
                data = _seen(data, self._settle)
            with no_grad(), self.amp:
                for number, batch in enumerate(data):
                    for hook in begin:
                        hook(number, {})
                    self._batch(batch)
                    for hook in end:
                        hook(number, self.logs())
        finally:
            self.model.train(was_training)
        if not self.count:
            raise ValueError("evaluate: the data gave no batch")
        logs = self.logs()
        callbacks.call("on_test_end", logs)
        return logs

    def _settle(self, batch: Any) -> None:
        """Fits the loss to a batch; with gradients, because the graph shows how outputs are scaled."""
        x, y, _ = unpack(batch, "evaluate")
        with enable_grad():
            outputs = call(self.objective.body, self.inputs(x))
        self.objective.settle(outputs, adapt_target(y))
        measures(self.metrics, self.objective)

    def _batch(self, batch: Any) -> None:
        objective = self.objective
        x, y, weights = unpack(batch, "evaluate")
        y = adapt_target(y)
        outputs = call(objective.body, self.inputs(x))
        assert objective.criterion is not None
        loss = objective.criterion(outputs, y) if weights is None else objective.weighted(outputs, y, weights)
        size = size_of(x)
        self.total += float(loss) * size
        self.count += size
        for metric in self.metrics:
            shown = outputs if metric.takes_logits or objective.finish is None else objective.finish(outputs)
            metric.update(shown, y)

    def logs(self) -> dict[str, Any]:
        """Mean loss and metrics so far."""
        logs: dict[str, Any] = {"loss": self.total / self.count}
        for metric in self.metrics:
            logs[metric.name] = metric.compute()
        return logs


def _seen(data: Any, look: Any) -> Any:
    """The batches of data; look is called with the first before it is given."""
    for number, batch in enumerate(data):
        if number == 0:
            look(batch)
        yield batch


def predict(model: nn.Module, data: Any, callbacks: Callbacks | None = None) -> Any:
    """Outputs of the model for all batches, one after the other: a Tensor, or a tuple or dict of such."""
    hooks = callbacks or Callbacks([])
    begin, end = hooks.of("on_predict_batch_begin"), hooks.of("on_predict_batch_end")
    hooks.call("on_predict_begin", {})
    was_training, inputs = model.training, Inputs(model)
    model.eval()
    parts: list[Any] = []
    try:
        with no_grad():
            for number, batch in enumerate(data):
                for hook in begin:
                    hook(number, {})
                parts.append(call(model, inputs(unpack(batch, "predict")[0])))
                for hook in end:
                    hook(number, {"outputs": parts[-1]})
    finally:
        model.train(was_training)
    hooks.call("on_predict_end", {})
    if not parts:
        raise ValueError("predict: the data gave no batch")
    return _joined(parts)


def _joined(parts: list[Any]) -> Any:
    """Outputs of batches one after the other; of tuples and dicts, part by part."""
    if isinstance(parts[0], (tuple, list)):
        return tuple(_joined(list(column)) for column in zip(*parts))
    if isinstance(parts[0], dict):
        return {name: _joined([part[name] for part in parts]) for name in parts[0]}
    return ops["cat"](parts)
