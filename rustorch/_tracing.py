"""How a call becomes a recording that is replayed without Python (`jit.script`, `compile`).

The call is made as it is, once, while a Tracer writes down its ops.  Meanwhile Python's profile hook shows every
function that is entered, so that two things are known of the call: that nothing ran whose effects a replay would miss
(whatever is not known to be harmless ends the recording), and what else it looked at: globals, closures, attributes of
modules and objects.  These are watched: a replay is made only while each of them is what it was.
"""

from __future__ import annotations

import contextlib
import dis
import functools
import sys
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from ._C import Script, Tensor, Tracer

__all__ = ["record"]

DICT, KEY, LIST, CELL, TENSOR = range(5)  # rt_watch_kind
MOST_WATCHED = 4096
_HOME = str(Path(__file__).parent) + "/"



def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# What C functions may be called: those that neither have effects nor look at what may change.
_BUILTINS = _words(
    "abs all any callable chr divmod getattr hasattr hash id isinstance issubclass iter len max min next ord pow round"
    " sorted sum repr __build_class__"
)
_EXTENSION = _words("run_in_order promote_types get_default_dtype dtype is_grad_enabled set_grad_enabled")
_TENSOR_METHODS = _words(
    "numel nelement element_size dim ndimension stride storage_offset is_floating_point is_complex backward"
    " __len__ __getitem__ __setitem__"
)
_READING = _words(
    "copy count endswith format get index isalpha isdigit items join keys lower partition replace rpartition split"
    " startswith strip upper values"
)
_WRITING = _words("add append clear extend insert pop popleft remove reverse setdefault sort update")
_CONTAINERS = (list, dict, set)
_TENSOR_ATTRIBUTES = _words("data grad requires_grad names real imag T")
_PLAIN = (
    type(None), bool, int, float, complex, str, bytes, type, types.FunctionType, types.BuiltinFunctionType,
    types.MethodType, types.MethodDescriptorType, types.WrapperDescriptorType, type(...), range, slice,
    staticmethod, classmethod, property, Script, types.GenericAlias,
)  # fmt: skip


def record(script: Script, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """script's function called with these arguments, and the recording of it handed to script, or the reason why
    there is none."""
    function = script.__wrapped__
    if sys.getprofile() is not None:
        return function(*args, **kwargs)
    spy = _Spy(Tracer(args, kwargs))
    spy.watch((args, kwargs))
    spy.watch(function)
    result = spy.run(function, args, kwargs)
    reason = spy.finish(script, result)
    if reason is not None:
        script._note_failure(reason)
    return result


class _Spy:
    """The profile hook around one call."""

    def __init__(self, tracer: Tracer) -> None:
        self.tracer = tracer
        self.watched: dict[int, Any] = {}  # by id; holding them keeps the ids theirs
        self.opened: types.FrameType | None = None
        self.call: Callable[[], Any] | None = None

    def run(self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        self.tracer.start()
        sys.setprofile(self)
        try:
            return function(*args, **kwargs)
        finally:
            sys.setprofile(None)
            self.tracer.stop()

    def finish(self, script: Script, result: Any) -> str | None:
        if self.tracer.reason is None:
            for tensor in self.tracer.captured():
                if id(tensor) not in self.watched:
                    self.tracer.fail(
                        f"a tensor of shape {tuple(tensor.shape)} was made by something that is not recorded"
                    )
                    break
                self.tracer.watch(TENSOR, tensor)
        return self.tracer.finish(script, result)

    def __call__(self, frame: types.FrameType, event: str, arg: Any) -> None:
        if self.opened is not None:
            if event == "return" and frame is self.opened:
                self.opened = None
                self.tracer.close(self.call)
        elif self.tracer.reason is not None:
            return
        elif event == "call":
            self.enter(frame)
        elif event == "c_call" and frame.f_code is not _Spy.run.__code__:
            self.enter_builtin(frame, arg)

    # ---- what is entered ----

    def enter(self, frame: types.FrameType) -> None:
        code = frame.f_code
        if code.co_filename.startswith(_HOME):
            self.enter_own(frame)
        elif problem := _problem(code):
            self.tracer.fail(f"{code.co_qualname}: {problem}")
        else:
            self.watch_names(code, frame.f_globals, frame.f_locals)
            for name in code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]:
                self.watch(frame.f_locals.get(name))

    def enter_own(self, frame: types.FrameType) -> None:
        """A function of this package."""
        from .nn import Module
        from .optim import Optimizer

        code, first = frame.f_code, frame.f_locals.get("self")
        if isinstance(first, Optimizer):
            self.enter_optimizer(frame, first)
        elif isinstance(first, Module):
            self.watch(first)
        elif "/optim/" in code.co_filename or "/data/" in code.co_filename:
            self.tracer.fail(f"{code.co_qualname} is not recorded")

    def enter_optimizer(self, frame: types.FrameType, optimizer: Any) -> None:
        """Steps stay calls: the options are looked up, and the states kept, by the optimizer itself."""
        code, values = frame.f_code, frame.f_locals
        plain = not values.get("args") and not values.get("kwargs") and values.get("closure") is None
        if code.co_name == "run" and plain:
            self.call = optimizer.step
        elif code.co_name == "zero_grad":
            self.call = functools.partial(optimizer.zero_grad, **{k: v for k, v in values.items() if k != "self"})
        else:
            self.tracer.fail(f"{code.co_qualname} of an optimizer is not recorded")
            return
        if type(optimizer).step.__code__.co_filename.startswith(_HOME):
            self.opened = frame
            self.tracer.open()
        else:
            self.tracer.fail(f"{type(optimizer).__name__} has a step of its own")

    def enter_builtin(self, frame: types.FrameType, function: Any) -> None:
        owner, name = getattr(function, "__self__", None), function.__name__
        own = frame.f_code.co_filename.startswith(_HOME)
        if isinstance(owner, types.ModuleType) or owner is None:
            module = getattr(owner, "__name__", None) or getattr(function, "__module__", None)
            fine = (
                (module == "builtins" and (name in _BUILTINS or own))
                or (module == "rustorch._C" and name in _EXTENSION)
                or module in ("math", "_operator", "itertools", "_functools")
                or (own and module in ("_warnings", "_thread", "_abc", "_collections"))
            )
        elif isinstance(owner, Tensor):
            fine = name in _TENSOR_METHODS
        elif isinstance(owner, type):
            fine = own
        elif own or name in _READING:
            fine = type(owner).__module__ != "numpy"
        else:
            fine = isinstance(owner, _CONTAINERS) and name in _WRITING and id(owner) not in self.watched
        if not fine:
            where = "" if owner is None or isinstance(owner, types.ModuleType) else f"{type(owner).__name__}."
            self.tracer.fail(f"{frame.f_code.co_qualname} calls {where}{name}, whose effects are not recorded")

    # ---- what is looked at ----

    def watch_names(self, code: types.CodeType, names: dict[str, Any], local: dict[str, Any]) -> None:
        """The globals and cells that code mentions, and, of modules among them, the attributes."""
        for name in _globals_of(code):
            if name in names:
                self.tracer.watch(KEY, names, name)
                value = names[name]
                if isinstance(value, types.ModuleType):
                    self.watch_attributes(value, code)
                else:
                    self.watch(value)
        for name in code.co_freevars:
            self.watch(local.get(name))

    def watch_attributes(self, module: types.ModuleType, code: types.CodeType) -> None:
        if module.__name__.partition(".")[0] in ("rustorch", "math", "operator", "functools", "itertools"):
            return
        for name in code.co_names:
            if name in vars(module):
                self.tracer.watch(KEY, vars(module), name)
                self.watch(vars(module)[name])

    def watch(self, value: Any) -> None:
        """value and what it holds."""
        waiting = [value]
        while waiting and self.tracer.reason is None:
            value = waiting.pop()
            if isinstance(value, _PLAIN):
                if isinstance(value, types.FunctionType):
                    waiting += self.cells(value)
                elif isinstance(value, types.MethodType):
                    waiting.append(value.__self__)
                continue
            if id(value) in self.watched:
                continue
            self.watched[id(value)] = value
            if len(self.watched) > MOST_WATCHED:
                self.tracer.fail("it reaches too many objects to watch them all")
            else:
                waiting += self.contents(value)

    def cells(self, function: types.FunctionType) -> Iterator[Any]:
        for cell in function.__closure__ or ():
            if id(cell) not in self.watched:
                self.watched[id(cell)] = cell
                self.tracer.watch(CELL, cell)
                with contextlib.suppress(ValueError):  # not set yet
                    yield cell.cell_contents

    def contents(self, value: Any) -> Iterator[Any]:
        from .optim import Optimizer

        if isinstance(value, (Tensor, Optimizer, types.ModuleType)):
            return
        if isinstance(value, dict):
            self.tracer.watch(DICT, value)
            yield from value.values()
        elif isinstance(value, list):
            self.tracer.watch(LIST, value)
            yield from value
        elif isinstance(value, (tuple, frozenset)):
            yield from value
        elif isinstance(value, functools.partial):
            yield from (value.func, value.args, value.keywords)
        elif isinstance(getattr(value, "__dict__", None), dict):
            self.tracer.watch(DICT, vars(value))
            yield from vars(value).values()
        elif not type(value).__module__.startswith(("rustorch", "numpy.dtypes")) and not isinstance(value, type):
            self.tracer.fail(f"it can reach an object of type {type(value).__name__}, which cannot be watched")


@functools.lru_cache(1024)
def _globals_of(code: types.CodeType) -> tuple[str, ...]:
    found = (i.argval for i in dis.get_instructions(code) if "GLOBAL" in i.opname or "_NAME" in i.opname)
    return tuple(dict.fromkeys(found))


@functools.lru_cache(1024)
def _problem(code: types.CodeType) -> str | None:
    """What in code a replay could not do."""
    for i in dis.get_instructions(code):
        if i.opname in ("STORE_ATTR", "DELETE_ATTR") and i.argval in _TENSOR_ATTRIBUTES:
            return f"it sets .{i.argval}"
        if i.opname in ("IMPORT_NAME", "YIELD_VALUE", "SEND", "GET_AWAITABLE"):
            return "it imports, yields or awaits"
    return None
