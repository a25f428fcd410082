"""Callback, what a training calls on its way, and the list of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..nn import Module
    from ..training.loop import Loop

__all__ = ["Callback", "LambdaCallback"]

HOOKS = (
    "on_train_begin", "on_train_end", "on_epoch_begin", "on_epoch_end", "on_train_batch_begin", "on_train_batch_end",
    "on_test_begin", "on_test_end", "on_test_batch_begin", "on_test_batch_end", "on_predict_begin", "on_predict_end",
    "on_predict_batch_begin", "on_predict_batch_end", "on_after_backward", "on_before_optimizer_step", "on_exception",
)  # fmt: skip


class Callback:
    """Base of callbacks: subclasses define the hooks they want to be called at.

    Attributes, set when a training starts: `model`; `training`, the running Loop, with its optimizer, config,
    history and logs(); `params`, a dict of epochs, steps and batch_size.

    `logs` are dicts of floats: loss and metrics, those of the validation under val_...; at a batch, the means of
    the epoch so far.  epoch and batch count from 0.  `self.model.stop_training = True` ends the training after the
    epoch.

    >>> class Shout(Callback):
    ...     def on_epoch_end(self, epoch, logs=None):
    ...         print(epoch, sorted(logs))
    """

    model: Module
    training: Loop
    params: dict[str, Any] = {}
    batch_logs = True  # False: on_train_batch_end gets no logs, and asks training.logs() when it wants them

    def set_model(self, model: Module) -> None:
        """Told which model is trained."""
        self.model = model

    def set_params(self, params: dict[str, Any]) -> None:
        """Told epochs, steps and batch_size."""
        self.params = params

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Before the first epoch."""

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        """After the last epoch; logs are those of it."""

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Before an epoch."""

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """After an epoch and its validation; what is put into logs is recorded."""

    def on_train_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Before a batch."""
        if type(self).on_batch_begin is not Callback.on_batch_begin:
            self.on_batch_begin(batch, logs)

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """After a batch."""
        if type(self).on_batch_end is not Callback.on_batch_end:
            self.on_batch_end(batch, logs)

    def on_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Another name of on_train_batch_begin."""

    def on_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Another name of on_train_batch_end."""

    def on_after_backward(self) -> None:
        """After the gradients of a batch were computed."""

    def on_before_optimizer_step(self, optimizer: Any) -> None:
        """Before a step, after clipping."""

    def on_test_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Before a validation or evaluation."""

    def on_test_end(self, logs: dict[str, Any] | None = None) -> None:
        """After a validation or evaluation."""

    def on_test_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Before a batch of a validation or evaluation."""

    def on_test_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """After a batch of a validation or evaluation."""

    def on_predict_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Before a prediction."""

    def on_predict_end(self, logs: dict[str, Any] | None = None) -> None:
        """After a prediction."""

    def on_predict_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Before a batch of a prediction."""

    def on_predict_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """After a batch of a prediction."""

    def on_exception(self, error: BaseException) -> None:
        """When the training ends in an error, KeyboardInterrupt among them, which is then raised on."""

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint keeps of it: tensors, numbers, texts, lists and dicts."""
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Takes back what state_dict gave."""


class LambdaCallback(Callback):
    """A callback of functions given by the names of hooks: LambdaCallback(on_epoch_end=lambda epoch, logs: ...).

    Raises:
        TypeError: a name is no hook's.
    """

    def __init__(self, **hooks: Callable[..., Any]) -> None:
        for name, function in hooks.items():
            if name not in (*HOOKS, "on_batch_begin", "on_batch_end"):
                raise TypeError(f"LambdaCallback: there is no hook {name!r}; there are {', '.join(HOOKS)}")
            if function is not None:
                if not callable(function):
                    raise TypeError(f"LambdaCallback: {name} must be a function, not {type(function).__name__}")
                name = {"on_batch_begin": "on_train_batch_begin", "on_batch_end": "on_train_batch_end"}.get(name, name)
                self.__dict__[name] = function


class Callbacks:
    """Callbacks in their order; the hooks that none of them defines cost nothing.

    Attributes: one list of bound methods a hook, by its name.
    """

    def __init__(self, callbacks: Iterable[Any]) -> None:
        self.list: list[Callback] = []
        for callback in callbacks:
            if isinstance(callback, type) and issubclass(callback, Callback):
                callback = callback()
            if not isinstance(callback, Callback):
                raise TypeError(
                    f"a callback must be a Callback, not {type(callback).__name__}; a function goes into"
                    " LambdaCallback(on_epoch_end=...)"
                )
            self.list.append(callback)

    def start(self, loop: Any, params: dict[str, Any]) -> None:
        """Tells all of them who trains what."""
        for callback in self.list:
            callback.training = loop
            callback.set_model(loop.model)
            callback.set_params(params)

    def of(self, hook: str) -> list[Callable[..., Any]]:
        """The methods to be called at a hook."""
        return [getattr(callback, hook) for callback in self.list if _defines(callback, hook)]

    def call(self, hook: str, *args: Any) -> None:
        """Calls a hook of all."""
        for method in self.of(hook):
            method(*args)


def _defines(callback: Callback, hook: str) -> bool:
    if hook in callback.__dict__ or getattr(type(callback), hook) is not getattr(Callback, hook):
        return True
    other = {"on_train_batch_begin": "on_batch_begin", "on_train_batch_end": "on_batch_end"}.get(hook)
    return other is not None and getattr(type(callback), other) is not getattr(Callback, other)
