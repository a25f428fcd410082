"""The training loop: one for Model.fit and Trainer.train."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from .. import nn
from .._C import RusTorchError, Tensor
from .._modes import no_grad
from ..amp import GradScaler, autocast
from ..callbacks.base import Callbacks
from ..metrics import Metric, metric_from
from ..optim import LBFGS
from ..optim.lr_scheduler import LRScheduler, ReduceLROnPlateau
from ..optim.optimizer import Optimizer
from . import checkpoint
from .batches import Inputs, adapt_target, call, size_of, unpack
from .config import TrainerConfig
from .evaluation import Evaluation, measures, name_metrics
from .history import History
from .losses import Objective
from .optimizers import optimizer_from, restart_rates, schedule_from

__all__ = ["Loop", "NonFiniteLossError"]


class NonFiniteLossError(RusTorchError, ArithmeticError):
    """The loss became NaN or infinite; the parameters are those from before that batch."""


class Loop:
    """A training of a model, from the first epoch to the last.

    Args:
        model: any Module.
        optimizer, loss, metrics: names or objects, as of TrainerConfig.
        config: all other settings.
        callbacks: Callback objects.

    Attributes: `model`, `optimizer` (made at the first batch, when it was given by name), `config`, `history`,
    `epoch` and `step` (steps in all), `stop_training`.
    """

    def __init__(
        self, model: nn.Module, optimizer: Any, loss: Any, metrics: Iterable[Any], config: TrainerConfig,
        callbacks: Iterable[Any] = (),
    ) -> None:  # fmt: skip
        self.model = model
        self.config = config
        self.objective = loss if isinstance(loss, Objective) else Objective(loss, model)
        self.metrics: list[Metric] = [metric_from(m) for m in metrics]
        name_metrics(self.metrics)
        self.callbacks = Callbacks(callbacks)
        self.history = History()
        self.optimizer: Any = None
        self.schedule: Any = None
        self._optimizer_spec = "adam" if optimizer is None else optimizer
        dtype = config.amp_dtype()
        self.autocast = None if dtype is None else autocast("cpu", dtype)
        self.scaler = GradScaler("cpu") if dtype == "float16" else None
        self.epoch = config.initial_epoch
        self.step = 0
        self.batch = 0  # batches of this epoch that are done
        self.steps: int | None = None  # batches in an epoch
        self.total, self.count = 0.0, 0
        self.stop_training = False
        self._waiting = False  # are there gradients that no step has used?

    # ---- the whole ----

    def fit(self, data: Any, validation: Any = None) -> History:
        """Trains on data (Batches) and, where there are such, validates; gives the history."""
        config, callbacks = self.config, self.callbacks
        self.steps = data.steps
        epochs = config.epochs
        self.history.params = {"epochs": epochs, "steps": data.steps, "batch_size": config.batch_size}
        self.model.__dict__.pop("stop_training", None)
        callbacks.start(self, {**self.history.params, "verbose": config.verbose, "metrics": self.measured(validation)})
        self.data, self.inputs = data, Inputs(self.model)
        resumed = checkpoint.resume(self)
        self.history.params["epochs"] = epochs
        if self.optimizer is None and not isinstance(self._optimizer_spec, str):
            self.make_optimizer()
        was_training = self.model.training
        callbacks.call("on_train_begin", {})
        logs: dict[str, Any] = {}
        try:
            while self.epoch < epochs and not self.stop_training:
                logs = self._epoch(validation, resumed)
                resumed = None
        except BaseException as error:
            callbacks.call("on_exception", error)
            raise
        finally:
            self.model.train(was_training)
        callbacks.call("on_train_end", logs)
        return self.history

    def measured(self, validation: Any) -> list[str]:
        """Names of what will be in the logs of an epoch."""
        names = ["loss", *(m.name for m in self.metrics)]
        return names if validation is None else [*names, *(f"val_{name}" for name in names)]

    def _epoch(self, validation: Any, resumed: dict[str, Any] | None) -> dict[str, Any]:
        """One epoch, its validation, and what follows from them."""
        epoch, callbacks = self.epoch, self.callbacks
        if resumed is None or not self.batch:
            self.total, self.count, self.batch = 0.0, 0, 0
            for metric in self.metrics:
                metric.reset()
        for name in ("sampler", "batch_sampler"):
            set_epoch = getattr(getattr(self.data.loader, name, None), "set_epoch", None)
            if set_epoch is not None:
                set_epoch(epoch)
        self.model.train()
        callbacks.call("on_epoch_begin", epoch, {})
        self._batches(checkpoint.continued(self, resumed))
        if not self.count:
            raise ValueError("fit: the data gave no batch")
        if self.scaler is not None and not math.isfinite(self.total) and self.config.on_nonfinite != "ignore":
            warnings.warn(
                f"losses of epoch {epoch + 1} were NaN or infinite; their steps were left out, the scale is now"
                f" {self.scaler.get_scale():g}", RuntimeWarning, stacklevel=5,
            )  # fmt: skip
        logs = self.logs()
        if validation is not None and self.config.validates(epoch):
            logs.update({f"val_{name}": value for name, value in self.validate(validation).items()})
        logs = {name: value for name, value in logs.items() if isinstance(value, (int, float))}
        if self.schedule is not None:
            logs.setdefault("learning_rate", float(self.optimizer.param_groups[0]["lr"]))
            if self.config.schedule_every == "epoch":
                self._advance(logs)
        callbacks.call("on_epoch_end", epoch, logs)
        self.history.append(epoch, logs)
        self.epoch, self.batch = epoch + 1, 0
        if self.stop_training or self.model.__dict__.get("stop_training"):
            self.stop_training = True
            self.history.stop_reason = self.history.stop_reason or f"stopped after epoch {epoch + 1}"
        checkpoint.after_epoch(self)
        return logs

    def _advance(self, logs: dict[str, Any]) -> None:
        if not isinstance(self.schedule, ReduceLROnPlateau):
            self.schedule.step()
        elif "val_loss" in logs or "loss" in logs:
            self.schedule.step(logs.get("val_loss", logs.get("loss")))

    def logs(self) -> dict[str, Any]:
        """Mean loss and metrics of the epoch so far."""
        logs = {"loss": self.total / self.count if self.count else float("nan")}
        for metric in self.metrics:
            logs[metric.name] = metric.compute()
        return logs

    def validate(self, data: Any) -> dict[str, Any]:
        """Loss and metrics of other data, with the callbacks of a validation."""
        return Evaluation(self.model, self.objective, self.metrics, self.callbacks, self.autocast).run(data)

    # ---- the parts that wait for the first batch ----

    def make_optimizer(self) -> None:
        """Makes optimiser and schedule: when the parameters have their shapes."""
        config = self.config
        if isinstance(self._optimizer_spec, Optimizer) and not isinstance(config.schedule, (LRScheduler, type(None))):
            restart_rates(self._optimizer_spec)
        self.optimizer = optimizer_from(
            self._optimizer_spec, self.model.parameters(), config.learning_rate, config.weight_decay
        )
        own = {id(p) for p in self.model.parameters()}
        held = [p for group in self.optimizer.param_groups for p in group["params"]]
        if not any(id(p) in own for p in held):
            raise ValueError("the optimizer has none of the model's parameters: make it of model.parameters()")
        steps = config.epochs
        if config.schedule_every == "step":
            if self.steps is None and isinstance(config.schedule, str):
                raise ValueError("schedule_every='step' needs steps_per_epoch where the data have no length")
            steps = config.epochs * -(-(self.steps or 1) // config.accumulation_steps)
        self.schedule = schedule_from(config.schedule, self.optimizer, max(steps, 1))

    def _settle(self, inputs: Any, outputs: Any, targets: Any) -> Callable[[Any, Any], Any]:
        """Fits the loss, the metrics and the optimiser to the first batch."""
        criterion = self.objective.settle(outputs, targets)
        if self.optimizer is None:
            self.make_optimizer()
        self.optimizer.zero_grad()
        measures(self.metrics, self.objective)
        if "_input_shape" in self.model.__dict__ and isinstance(inputs, Tensor):
            self.model.__dict__["_input_shape"] = tuple(inputs.shape[1:])  # for its summary
        return criterion

    # ---- one epoch's batches ----

    def _batches(self, batches: Iterable[Any]) -> None:
        """Forward, backward and step for each batch.  What is not asked for costs a comparison at most."""
        config, objective, callbacks = self.config, self.objective, self.callbacks
        updates = [self._update_of(metric) for metric in self.metrics]
        forward, adapt, amp = objective.body, self.inputs, self.autocast
        dtype = adapt.dtype
        begin, end = callbacks.of("on_train_batch_begin"), callbacks.of("on_train_batch_end")
        want_logs = any(getattr(getattr(hook, "__self__", None), "batch_logs", True) for hook in end)
        every = config.checkpoint_steps if config.checkpoint_dir is not None else None
        watched = bool(end) or every is not None
        strict = config.on_nonfinite != "ignore" and self.scaler is None
        table = config.class_weight
        criterion: Any = None
        optimizer: Any = None
        step: Callable[..., None] | None = None  # None: backward and a step, nothing else
        counted = False
        total, count, number = self.total, self.count, self.batch
        before = self.step - number
        for batch in batches:
            if begin:
                for hook in begin:
                    hook(number, {})
            if type(batch) in (list, tuple) and len(batch) == 2:
                x, y = batch
                weights = None
            else:
                x, y, weights = unpack(batch)
            if type(x) is not Tensor or x.dtype is not dtype:
                x = adapt(x)
            if type(y) is not Tensor:
                y = adapt_target(y)
            if table is not None:
                weights = objective.class_weights(y, table) * (1.0 if weights is None else weights)
            if amp is not None:
                amp.__enter__()
            try:
                outputs = forward(x) if type(x) is Tensor else call(forward, x)
                if criterion is None:
                    criterion = self._settle(x, outputs, y)
                    optimizer, step = self.optimizer, self._special_step()
                    counted = isinstance(y, Tensor) and y.ndim > 0
                loss = criterion(outputs, y) if weights is None else objective.weighted(outputs, y, weights)
            finally:
                if amp is not None:
                    amp.__exit__()
            try:
                value = loss.item()
            except (AttributeError, RuntimeError, ValueError):
                raise _no_number(loss) from None
            if value - value != 0.0 and strict and self._nonfinite(value, x, number):
                total, count = total + value, count + 1
                break
            if step is None:
                loss.backward()
                optimizer.step()
                optimizer.zero_grad()
            else:
                step(loss, number, x, y, weights)
            size = len(y) if counted else size_of(x)
            total += value * size
            count += size
            number += 1
            if updates:
                shown = outputs.detach() if type(outputs) is Tensor else outputs
                for update in updates:
                    update(shown, y)
            if watched:
                self.total, self.count, self.batch = total, count, number
                if step is None:
                    self.step = before + number
                logs = self.logs() if want_logs else {}
                for hook in end:
                    hook(number - 1, logs)
                if every is not None and number % every == 0 and number != self.steps:
                    checkpoint.within_epoch(self)
        self.total, self.count, self.batch = total, count, number
        if step is None:
            self.step = before + number
        if self._waiting:
            self._step()  # what an epoch whose length was not known leaves over

    def _update_of(self, metric: Metric) -> Callable[[Any, Any], None]:
        """The metric's update; it gets the model's outputs where it cannot do with what goes into the last layer."""
        finish = self.objective.finish
        if metric.takes_logits or finish is None:
            return metric.update
        return lambda outputs, targets: metric.update(finish(outputs), targets)

    def _special_step(self) -> Callable[..., None] | None:
        """How a batch becomes a step where there is more to it than backward and step; else None."""
        if isinstance(self.optimizer, LBFGS):
            if self.scaler is not None or self.config.accumulation_steps > 1:
                raise ValueError("LBFGS goes neither with float16 nor with accumulation_steps")
            return self._closure_step
        config = self.config
        self._after_backward = self.callbacks.of("on_after_backward")
        self._before_step = self.callbacks.of("on_before_optimizer_step")
        special = (
            config.gradient_clip_norm is not None, config.gradient_clip_value is not None,
            config.accumulation_steps > 1, self.scaler is not None, self._after_backward, self._before_step,
            config.schedule_every == "step" and self.schedule is not None, config.checkpoint_dir is not None,
        )  # fmt: skip
        return self._careful_step if any(special) else None

    def _careful_step(self, loss: Any, number: int, *batch: Any) -> None:
        """Backward with all that was asked for, and a step when enough gradients have been gathered."""
        accumulated = self.config.accumulation_steps
        if accumulated > 1:
            first = number - number % accumulated
            loss = loss / (accumulated if self.steps is None else min(accumulated, self.steps - first))
        (loss if self.scaler is None else self.scaler.scale(loss)).backward()
        for hook in self._after_backward:
            hook()
        self._waiting = True
        if (number + 1) % accumulated == 0 or number + 1 == self.steps:
            self._step()

    def _step(self) -> None:
        """Clipping, a step, and the schedule's."""
        config, optimizer, scaler = self.config, self.optimizer, self.scaler
        if config.gradient_clip_norm is not None or config.gradient_clip_value is not None:
            if scaler is not None:
                scaler.unscale_(optimizer)
            held = [p for group in optimizer.param_groups for p in group["params"]]
            if config.gradient_clip_value is not None:
                nn.utils.clip_grad_value_(held, config.gradient_clip_value)
            if config.gradient_clip_norm is not None:
                nn.utils.clip_grad_norm_(held, config.gradient_clip_norm)
        for hook in self._before_step:
            hook(optimizer)
        if scaler is None:
            optimizer.step()
        else:
            scaler.step(optimizer)
            scaler.update()
        optimizer.zero_grad()
        self._waiting = False
        self.step += 1
        if config.schedule_every == "step" and self.schedule is not None:
            self._advance(self.logs())

    def _closure_step(self, loss: Any, number: int, x: Any, y: Any, weights: Any) -> None:
        """A step of an optimiser that computes the loss several times."""
        objective, optimizer = self.objective, self.optimizer

        def closure() -> Any:
            optimizer.zero_grad()
            outputs = call(objective.body, x)
            assert objective.criterion is not None
            loss = objective.criterion(outputs, y) if weights is None else objective.weighted(outputs, y, weights)
            loss.backward()
            return loss

        optimizer.step(closure)
        optimizer.zero_grad()
        self.step += 1

    def _nonfinite(self, value: float, x: Any, number: int) -> bool:
        """Says that the loss is NaN or infinite, and why, as far as that can be seen; True: stop."""
        where = f"epoch {self.epoch + 1}, batch {number + 1}"
        reasons = []
        if isinstance(x, Tensor) and x.is_floating_point() and not bool(x.isfinite().all()):
            reasons.append("the batch's inputs contain NaN or infinity")
        with no_grad():
            bad = [n for n, p in self.model.named_parameters() if not bool(p.isfinite().all())]
        if bad:
            reasons.append(f"so do the parameters {', '.join(bad[:3])}" if reasons
                           else f"the parameters {', '.join(bad[:3])} contain NaN or infinity")  # fmt: skip
        if self.optimizer is not None and not reasons:
            rate = float(self.optimizer.param_groups[0]["lr"])
            reasons.append(f"try a smaller learning rate than {rate:g}, gradient_clip_norm, or look at the targets")
        kind = "NaN" if math.isnan(value) else "infinite"
        message = f"the loss is {kind} at {where}: {'; '.join(reasons)}"
        stops = any(getattr(c, "stops_at_nan", False) for c in self.callbacks.list)
        if self.config.on_nonfinite == "raise" and not stops:
            raise NonFiniteLossError(message)
        warnings.warn(message + "; the training stops", RuntimeWarning, stacklevel=4)
        self.stop_training = True
        self.history.stop_reason = message
        return True

    # ---- for checkpoints ----

    def state_dict(self) -> dict[str, Any]:
        """Everything that the rest of the training depends on, but the random numbers."""
        return {
            "model": self.model.state_dict(),
            "optimizer": None if self.optimizer is None else self.optimizer.state_dict(),
            "schedule": None if self.schedule is None else self.schedule.state_dict(),
            "scaler": None if self.scaler is None else self.scaler.state_dict(),
            "history": self.history.state_dict(),
            "callbacks": [[type(c).__name__, c.state_dict()] for c in self.callbacks.list],
            "metrics": [m.state_dict() for m in self.metrics] if self.batch else [],
            "epoch": self.epoch, "step": self.step, "batch": self.batch, "total": self.total, "count": self.count,
            "stopped": self.stop_training,
        }  # fmt: skip

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Takes back what state_dict gave."""
        self.model.load_state_dict(state["model"])
        self.make_optimizer()
        if state["optimizer"] is not None:
            self.optimizer.load_state_dict(state["optimizer"])
        for own, name in ((self.schedule, "schedule"), (self.scaler, "scaler")):
            if (own is None) != (state[name] is None):
                raise ValueError(f"resume: the checkpoint was made {'with' if own is None else 'without'} a {name}")
            if own is not None:
                own.load_state_dict(state[name])
        self.history.load_state_dict(state["history"])
        saved = list(state["callbacks"])
        for callback in self.callbacks.list:
            for entry in saved:
                if entry[0] == type(callback).__name__:
                    callback.load_state_dict(entry[1])
                    saved.remove(entry)
                    break
        for metric, gathered in zip(self.metrics, state["metrics"]):
            metric.load_state_dict(gathered)
        for name in ("epoch", "step", "batch", "total", "count"):
            setattr(self, name, state[name])
        self.stop_training = bool(state["stopped"])


def _no_number(loss: Any) -> TypeError:
    shape = f" of shape {tuple(loss.shape)}" if isinstance(loss, Tensor) else ""
    return TypeError(f"the loss of a batch must be a tensor of one number, not {type(loss).__name__}{shape}")
