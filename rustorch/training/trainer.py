"""Trainer: training of any Module, told apart by what it is made of."""

from __future__ import annotations

from typing import Any

from .. import nn
from . import runs
from .batches import Batches
from .config import TrainerConfig
from .evaluation import predict
from .history import History

__all__ = ["Trainer"]


class Trainer:
    """Trains models.

    `Trainer(config).train(model, train_data, validation_data)` takes optimiser, loss and metrics from the config, or
    from what the model was compiled with.  `Trainer(model, optimizer, criterion).train(data, epochs=10)` has them
    already.  Which form is meant is seen by the type of what is given.

    Args:
        model: a Module, or a TrainerConfig.
        optimizer: an Optimizer of the model's parameters, or a name.
        criterion: a loss module, a function loss(outputs, targets), or a name.
        config: further settings.
        metrics: names, Metric objects or functions metric(outputs, targets).
        callbacks: Callback objects.

    >>> import rustorch as rt
    >>> _ = rt.manual_seed(0)
    >>> x = rt.randn(64, 3); y = x @ rt.tensor([[1.0], [2.0], [3.0]])
    >>> net = rt.nn.Linear(3, 1)
    >>> trainer = Trainer(net, rt.optim.SGD(net.parameters(), lr=0.1), rt.nn.MSELoss())
    >>> trainer.train((x, y), epochs=30, verbose=False).train_loss()[-1] < 1e-3
    True
    """

    def __init__(
        self, model: nn.Module | TrainerConfig | None = None, optimizer: Any = None, criterion: Any = None, *,
        config: TrainerConfig | None = None, metrics: Any = None, callbacks: Any = (),
    ) -> None:  # fmt: skip
        if isinstance(model, TrainerConfig):
            if config is not None:
                raise TypeError("Trainer: config is given twice")
            model, config = None, model
        if model is not None and not isinstance(model, nn.Module):
            raise TypeError(f"Trainer: needs a Module or a TrainerConfig, not {type(model).__name__}")
        if config is not None and not isinstance(config, TrainerConfig):
            raise TypeError(f"Trainer: config must be a TrainerConfig, not {type(config).__name__}")
        self.model = model
        self.config = config or TrainerConfig()
        self.callbacks = list(callbacks) if isinstance(callbacks, (list, tuple)) else [callbacks]
        self.history: History | None = None
        self._own: runs.Compiled | None = None
        if optimizer is not None or criterion is not None or metrics is not None:
            if model is None:
                raise TypeError("Trainer: optimizer, criterion and metrics go with a model, or into the config")
            inherited = runs.compiled_of(model)
            self._own = runs.Compiled(
                model, inherited.made or inherited.optimizer if optimizer is None else optimizer,
                inherited.loss if criterion is None else criterion, inherited.metrics if metrics is None else metrics,
                inherited.options,
            )  # fmt: skip

    def train(
        self, *data: Any, model: Any = None, train_loader: Any = None, val_loader: Any = None,
        epochs: int | None = None, **options: Any,
    ) -> History:  # fmt: skip
        """Trains.

        Args:
            data: the model first, unless the trainer has one; data to train on; data to validate on.  Data are
                given as to Model.fit.
            model, train_loader, val_loader: the same by name (also train_data and validation_data).
            epochs: in the place of the config's.
            options: settings of TrainerConfig, for this training.

        Returns:
            The History, which is also the trainer's `history`.

        Raises:
            TypeError: there is no model, or nothing to train on.
        """
        given = list(data)
        if given and isinstance(given[0], nn.Module):
            model = given.pop(0)
        model = model if model is not None else self.model
        if not isinstance(model, nn.Module):
            raise TypeError("Trainer.train: needs a model: train(model, train_data), or Trainer(model, ...)")
        names = {"train_data": "train", "dataloader": "train", "validation_data": "val", "val_data": "val"}
        named = {"train": train_loader, "val": val_loader}
        for name in [name for name in names if name in options]:
            named[names[name]] = options.pop(name)
        train = given.pop(0) if given else named["train"]
        validation = given.pop(0) if given else named["val"]
        if given:
            raise TypeError(f"Trainer.train: takes a model and two sets of data at most, not {len(data)} arguments")
        if epochs is not None:
            options["epochs"] = epochs
        config = self.config.replaced(**options)
        config.callbacks = [*config.callbacks, *self.callbacks]
        self.model = model if self.model is None else self.model
        self.history = runs.fit(
            model, train, validation=validation, config=config, compiled=self._compiled(model), what="train"
        )
        return self.history

    fit = train

    def evaluate(self, *data: Any, verbose: Any = False) -> dict[str, Any]:
        """Loss and metrics: evaluate(data), or evaluate(model, data)."""
        model, rest = self._model_and(data, "evaluate")
        compiled = self._compiled(model)
        config = self.config
        if config.loss is not None or config.metrics:
            compiled = runs.Compiled(model, compiled.optimizer, compiled.loss if config.loss is None else config.loss,
                                     config.metrics or compiled.metrics, {})  # fmt: skip
        return runs.evaluate(model, Batches(rest, batch_size=config.batch_size, what="evaluate"), compiled, (), verbose)

    def predict(self, *data: Any) -> Any:
        """Outputs of the model: predict(data), or predict(model, data)."""
        model, rest = self._model_and(data, "predict")
        return predict(model, Batches(rest, batch_size=self.config.batch_size, what="predict"))

    def _model_and(self, data: tuple[Any, ...], what: str) -> tuple[nn.Module, Any]:
        model = data[0] if data and isinstance(data[0], nn.Module) else self.model
        rest = data[1:] if data and isinstance(data[0], nn.Module) else data
        if model is None or len(rest) != 1:
            raise TypeError(f"Trainer.{what}: needs {what}(data), or {what}(model, data) where there is no model yet")
        return model, rest[0]

    def _compiled(self, model: nn.Module) -> runs.Compiled:
        return self._own if self._own is not None and model is self.model else runs.compiled_of(model)
