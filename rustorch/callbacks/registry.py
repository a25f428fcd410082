"""Functions that every training calls after each epoch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .base import Callback

__all__ = ["clear_training_callbacks", "register_training_callback", "registered", "unregister_training_callback"]

Function = Callable[[int, float, float], Any]
_functions: list[Function] = []


class TrainingCallbackHandle:
    """What register_training_callback returns: remove() takes the function out again."""

    def __init__(self, function: Function) -> None:
        self.function = function

    def remove(self) -> None:
        """Takes the function out; nothing when it is out already."""
        unregister_training_callback(self.function)

    def __enter__(self) -> TrainingCallbackHandle:
        return self

    def __exit__(self, *exc: object) -> None:
        self.remove()


def register_training_callback(function: Function) -> TrainingCallbackHandle:
    """Has every training of the process call function(epoch, loss, accuracy) after each epoch.

    Args:
        function: gets the epoch's number, from 0, its mean training loss, and its training accuracy: NaN where the
            loss is not one of classes and no metric "accuracy" is measured.

    Returns:
        A handle whose remove() ends that; it is also a context manager.

    Raises:
        TypeError: function cannot be called.

    >>> import rustorch as rt
    >>> _ = rt.manual_seed(0)
    >>> net = rt.nn.Linear(2, 2)
    >>> data = rt.randn(8, 2), rt.randint(0, 2, (8,))
    >>> with register_training_callback(lambda epoch, loss, accuracy: print(epoch, loss > 0, 0 <= accuracy <= 1)):
    ...     _ = rt.training.Trainer(net, "sgd", rt.nn.CrossEntropyLoss()).train(data, epochs=2, verbose=False)
    0 True True
    1 True True
    """
    if not callable(function):
        raise TypeError(f"register_training_callback: needs a function, not {type(function).__name__}")
    if function not in _functions:
        _functions.append(function)
    return TrainingCallbackHandle(function)


def unregister_training_callback(function: Function) -> None:
    """Takes a function out again; nothing when it is not in."""
    if function in _functions:
        _functions.remove(function)


def clear_training_callbacks() -> None:
    """Takes all functions out."""
    _functions.clear()


class Registered(Callback):
    """Calls the registered functions."""

    wants_accuracy = True

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        logs = logs or {}
        accuracy = next((logs[name] for name in ("accuracy", "acc", "binary_accuracy") if name in logs), float("nan"))
        for function in list(_functions):
            function(epoch, logs.get("loss", float("nan")), accuracy)


def registered() -> list[Callback]:
    """A callback for the registered functions, when there are any."""
    return [Registered()] if _functions else []
