"""Grad modes: context managers that are decorators, too."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, TypeVar

from . import _C

F = TypeVar("F", bound=Callable[..., Any])


class _Decorator:
    """Makes a context manager class usable as `@mode` and `@mode()`."""

    __slots__ = ()

    def __call__(self, fn: F) -> F:
        clone = self._clone

        if inspect.isgeneratorfunction(fn):

            @functools.wraps(fn)
            def generator(*args: Any, **kwargs: Any) -> Any:
                inner = fn(*args, **kwargs)
                try:
                    with clone():
                        value = next(inner)
                    while True:
                        sent = yield value
                        with clone():
                            value = inner.send(sent)
                except StopIteration as stop:
                    return stop.value

            return generator  # type: ignore[return-value]

        @functools.wraps(fn)
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            with clone():
                return fn(*args, **kwargs)

        return wrapped  # type: ignore[return-value]

    def _clone(self) -> Any:
        return type(self)()


class no_grad(_C.NoGrad, _Decorator):
    """Nothing is recorded inside: results do not require grad.

    >>> import rustorch as rt
    >>> x = rt.ones(2, requires_grad=True)
    >>> with rt.no_grad():
    ...     y = x * 2
    >>> y.requires_grad
    False
    """

    __slots__ = ()


class enable_grad(_C.EnableGrad, _Decorator):
    """Records again inside a no_grad block."""

    __slots__ = ()


class set_grad_enabled(_Decorator):
    """Sets grad mode now; as a context manager, restores it at the end."""

    def __init__(self, mode: bool) -> None:
        self.mode = bool(mode)
        self.before = _C._set_grad_enabled(self.mode)

    def __call__(self, fn: F) -> F:
        _C._set_grad_enabled(self.before)
        return super().__call__(fn)

    def __enter__(self) -> None:
        _C._set_grad_enabled(self.mode)

    def __exit__(self, *exc: object) -> None:
        _C._set_grad_enabled(self.before)

    def _clone(self) -> Any:
        return type(self)(self.mode)


class inference_mode(_Decorator):
    """no_grad, and results are marked so that they never take part in a graph."""

    mode: bool

    def __new__(cls, mode: Any = True) -> Any:
        self = super().__new__(cls)
        if callable(mode):
            self.mode = True
            return self(mode)
        self.mode = bool(mode)
        return self

    def __enter__(self) -> None:
        self.before = (_C._set_inference(self.mode), _C._set_grad_enabled(not self.mode and _C.is_grad_enabled()))

    def __exit__(self, *exc: object) -> None:
        _C._set_inference(self.before[0])
        _C._set_grad_enabled(self.before[1])

    def _clone(self) -> Any:
        return type(self)(self.mode)
