"""TorchScript's names: graphs are dynamic here, so that what is scripted or traced is the function itself.

>>> import rustorch as rt
>>> @rt.jit.script
... def double(x):
...     return 2 * x
>>> double(rt.ones(2))
tensor([2.0, 2.0])
"""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any, Final as Final, TypeVar

from .nn import Module as ScriptModule

T = TypeVar("T")

__all__ = [
    "Final", "ScriptModule", "export", "freeze", "ignore", "is_scripting", "is_tracing", "load",
    "optimize_for_inference", "optimized_execution", "save", "script", "trace", "unused",
]  # fmt: skip


def script(obj: T, *args: Any, **kwargs: Any) -> T:
    """obj itself, a module or a function."""
    return obj


def trace(func: T, example_inputs: Any = None, *args: Any, **kwargs: Any) -> T:
    """func itself, after a call with example_inputs (a Tensor, or a tuple of arguments) to see that it runs."""
    if example_inputs is not None and callable(func):
        func(*example_inputs) if isinstance(example_inputs, tuple) else func(example_inputs)
    return func


def freeze(mod: T, *args: Any, **kwargs: Any) -> T:
    """mod itself.  RuntimeError unless it is in eval mode."""
    if getattr(mod, "training", False):
        raise RuntimeError("freeze: the module is in training mode; call its eval() first")
    return mod


def optimize_for_inference(mod: T, other_methods: Any = None) -> T:
    """mod itself."""
    return mod


def ignore(drop: Any = False, **kwargs: Any) -> Any:
    """A decorator that changes nothing."""
    return drop if callable(drop) else lambda fn: fn


def unused(fn: T) -> T:
    """fn itself."""
    return fn


export = unused


def is_scripting() -> bool:
    """False."""
    return False


def is_tracing() -> bool:
    """False."""
    return False


def optimized_execution(should_optimize: bool) -> Any:
    """A context manager that changes nothing."""
    return nullcontext()


def save(m: Any, f: Any, _extra_files: Any = None) -> None:
    """Not implemented: NotImplementedError."""
    raise NotImplementedError("jit.save: there are no script files here; keep the module's state_dict and its class")


def load(f: Any, map_location: Any = None, _extra_files: Any = None) -> Any:
    """Not implemented: NotImplementedError."""
    raise NotImplementedError("jit.load: script files cannot be run here; load a state_dict into a module instead")
