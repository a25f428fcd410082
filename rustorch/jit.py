"""Functions whose calls are recorded once and then replayed without Python, under TorchScript's names.

What is scripted is called as before. Its first call with arguments of new shapes, dtypes or numbers runs the function
and records its ops; later ones run the recording in C, chains of elementwise ops as one loop over blocks that stay in
cache, small networks' forward and backward passes as one list of kernel calls, with the bits of the ops one by one. A
training step may be scripted as a whole, with `backward()` and `optimizer.step()` in it. What a replay cannot do ends
the recording, and the function is called as it is: `fn.reason` says why. [How it works](../docs/decisions/fusion.md).

>>> import rustorch as rt
>>> @rt.jit.script
... def double(x):
...     return 2 * x
>>> double(rt.ones(2))
tensor([2.0, 2.0])
>>> double(rt.ones(2)), double.replays
(tensor([2.0, 2.0]), 1)
"""

from __future__ import annotations

import copyreg
import types
from contextlib import nullcontext
from typing import Any, Final as Final, TypeVar

from ._C import Script
from .nn import Module as ScriptModule

T = TypeVar("T")

__all__ = [
    "Final", "ScriptModule", "export", "freeze", "ignore", "is_scripting", "is_tracing", "load",
    "optimize_for_inference", "optimized_execution", "save", "script", "trace", "unused",
]  # fmt: skip


def script(obj: T, *args: Any, **kwargs: Any) -> T:
    """A function whose calls are recorded and replayed; of a module, the module itself with such a forward.

    A replay needs what was there when it was recorded: arguments of the same kinds (dtype, shape, strides,
    requires_grad; equal numbers), the same values in the globals, closures and attributes that the function can see,
    the same modes.  Else the call is recorded again, up to eight times.  Values of tensors may differ, and so may
    what optimizers keep.  Not recorded are functions that read a tensor's value (`item()`, `if t > 0`), that print or
    call code of other packages, that change Python objects outside of them, or that use `.grad`.

    Attributes of a scripted function: `reason`, why the last call that was not recorded was not, or None; `replays`
    and `recordings`, their numbers; `__wrapped__`, the function; `forget()` drops the recordings.
    """
    if isinstance(obj, ScriptModule):
        if not isinstance(obj.forward, Script):
            vars(obj)["forward"] = _scripted(obj.forward)
        return obj
    return _scripted(obj) if isinstance(obj, (types.FunctionType, types.MethodType)) else obj


def _scripted(function: Any) -> Any:
    from ._tracing import record

    made = Script(function, record)
    for name in ("__module__", "__name__", "__qualname__", "__doc__"):
        setattr(made, name, getattr(function, name, None))
    return made


copyreg.pickle(Script, lambda made: (_scripted, (made.__wrapped__,)))


def trace(func: T, example_inputs: Any = None, *args: Any, **kwargs: Any) -> T:
    """script(func), recorded with example_inputs (a Tensor, or a tuple of arguments).  Other inputs are recorded when
    they come."""
    made = script(func)
    if example_inputs is not None and callable(made):
        made(*example_inputs) if isinstance(example_inputs, tuple) else made(example_inputs)
    return made


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
