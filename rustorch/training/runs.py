"""What fit, train and evaluate have in common: a model's compiled settings, put together with data and callbacks."""

from __future__ import annotations

import copy
import weakref
from collections.abc import Iterable
from typing import Any

from .. import nn
from ..callbacks.base import Callbacks
from ..callbacks.progress import Progress
from ..callbacks.registry import registered
from ..callbacks.stopping import EarlyStopping
from ..metrics import Accuracy, metric_from
from ..optim.optimizer import Optimizer
from .batches import Batches, split
from .config import TrainerConfig, check_names
from .evaluation import Evaluation, name_metrics
from .history import History
from .loop import Loop
from .losses import Objective
from .optimizers import check_optimizer

__all__ = ["Compiled", "compiled_of", "evaluate", "fit", "started"]


class Compiled:
    """How a model is trained: optimiser, loss and metrics, as given and as made."""

    def __init__(self, model: nn.Module, optimizer: Any, loss: Any, metrics: Any, options: dict[str, Any]) -> None:
        check_names(options)
        if isinstance(metrics, str) or not isinstance(metrics, Iterable):
            metrics = [metrics]
        self.optimizer, self.loss, self.metrics, self.options = optimizer, loss, list(metrics), options
        check_optimizer(optimizer)
        self.made: Any = optimizer if isinstance(optimizer, Optimizer) else None
        self.measured = [metric_from(m) for m in self.metrics]
        name_metrics(self.measured)
        Objective(loss, model)  # an unknown name is told here

    def named(self) -> dict[str, Any] | None:
        """All of it as texts, None where something was given as an object."""
        texts = [self.optimizer, self.loss, *self.metrics]
        if any(not isinstance(text, str) and text is not None for text in texts):
            return None
        return {"optimizer": self.optimizer, "loss": self.loss, "metrics": list(self.metrics)}

    def made_optimizer(self) -> Any:
        """The optimiser that fit made or that was given."""
        return self.made


_compiled: weakref.WeakKeyDictionary[nn.Module, Compiled] = weakref.WeakKeyDictionary()


def compiled_of(model: nn.Module) -> Compiled:
    """What a model was compiled with; for a Module without compile, Adam and a loss that the targets choose."""
    own = model.__dict__.get("_compiled")
    if isinstance(own, Compiled):
        return own
    if model not in _compiled:
        _compiled[model] = Compiled(model, "adam", None, (), {})
    return _compiled[model]


def fit(
    model: nn.Module, data: Any, targets: Any = None, validation: Any = None, *, config: TrainerConfig,
    compiled: Compiled, sample_weight: Any = None, validation_split: float = 0.0, keep: bool = True,
    what: str = "fit",
) -> History:  # fmt: skip
    """Trains a model as config and what it was compiled with say; keep: leave the history in the model."""
    if data is None:
        raise TypeError(f"{what}: there are no data to train on")
    options: Any = {"batch_size": config.batch_size, "num_workers": config.num_workers, "what": what}
    given: tuple[Any, ...] = (data, targets, sample_weight)
    if validation_split:
        if validation is not None:
            raise ValueError(f"{what}: give validation_data or validation_split, not both")
        given, rest = split(data, targets, sample_weight, validation_split, what)
        validation = rest[0]
    batches = Batches(
        *given, shuffle=config.shuffle, drop_last=config.drop_last, steps=config.steps_per_epoch, **options
    )
    checked = None
    if validation is not None:
        checked = Batches(validation, steps=config.validation_steps, **options)
    if config.steps_per_epoch is None and config.epochs - config.initial_epoch > 1 and batches.gives_once():
        raise ValueError(f"{what}: an iterator gives its batches once; give a loader or a list, or steps_per_epoch")
    metrics = [metric_from(m) for m in config.metrics] if config.metrics else copy.deepcopy(compiled.measured)
    loss = compiled.loss if config.loss is None else config.loss
    objective = Objective(loss, model)
    callbacks = _callbacks(config, checked is not None)
    wants_accuracy = any(getattr(c, "wants_accuracy", False) for c in callbacks)
    if wants_accuracy and objective.kind in ("classes", "binary") and not any(m.name == "accuracy" for m in metrics):
        metrics.append(Accuracy())
    optimizer = config.optimizer if config.optimizer is not None else compiled.made or compiled.optimizer
    loop = Loop(model, optimizer, objective, metrics, config, callbacks)
    if keep and hasattr(type(model), "stop_training"):  # a Model: others get no attributes of ours
        model.__dict__["history"] = loop.history
    try:
        return loop.fit(batches, checked)
    finally:
        model.__dict__.pop("stop_training", None)
        if config.optimizer is None and loop.optimizer is not None:
            compiled.made = loop.optimizer


def _callbacks(config: TrainerConfig, validates: bool) -> list[Any]:
    callbacks = [*config.callbacks]
    if config.early_stopping_patience is not None:
        monitor = config.early_stopping_monitor
        if monitor == "val_loss" and not validates:
            monitor = "loss"
        callbacks.append(EarlyStopping(
            monitor, min_delta=config.early_stopping_min_delta, patience=config.early_stopping_patience,
            restore_best_weights=config.restore_best_weights,
        ))  # fmt: skip
    callbacks += registered()
    if config.verbose and not any(isinstance(c, Progress) for c in callbacks):
        callbacks.append(Progress(False if config.verbose == 2 else None, config.log_frequency))
    return callbacks


def evaluate(
    model: nn.Module, data: Any, compiled: Compiled, callbacks: Any = (), verbose: Any = False
) -> dict[str, Any]:
    """Loss and metrics of a model on batches."""
    logs = Evaluation(model, Objective(compiled.loss, model), compiled.measured, started(model, callbacks)).run(data)
    if verbose:
        print(", ".join(f"{name} {value:.4f}" if isinstance(value, float) else f"{name} {value}"
                        for name, value in logs.items()))  # fmt: skip
    return logs


def started(model: nn.Module, callbacks: Any) -> Callbacks:
    """Callbacks that know the model, outside a training."""
    made = Callbacks(callbacks or ())
    for callback in made.list:
        callback.set_model(model)
    return made
