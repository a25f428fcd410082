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
import inspect
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ._C import Script, Tensor, Tracer, Update, zero_grads

__all__ = ["record"]

Calls = tuple[Callable[[], Any], ...]

DICT, KEY, LIST, CELL, TENSOR, TYPE = range(6)  # rt_watch_kind
MOST_SEEN = 20000
_HOME = str(Path(__file__).parent) + "/"



def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# What C functions may be called: those that neither have effects nor look at what may change; reads of tensors' values
# are counted (rt_convert_reads).
_BUILTINS = _words(
    "abs all any callable chr divmod getattr hasattr hash id isinstance issubclass iter len max min next ord pow round"
    " sorted sum repr __build_class__"
)
_EXTENSION = _words(
    "run_in_order promote_types get_default_dtype dtype is_grad_enabled _set_grad_enabled is_inference_mode_enabled"
    " _set_inference is_anomaly_enabled _holds_tensors _run_backward _as_tensor"
)
_CREATION = _words("arange eye full full_like linspace ones ones_like zeros zeros_like")
_DYNAMIC = _words("getattr hasattr vars __dict__ __getattribute__ setattr")
_TENSOR_METHODS = _words(
    "clone contiguous is_contiguous view _cast_to detach numel nelement element_size dim ndimension stride"
    " storage_offset is_floating_point is_complex backward __len__ __getitem__ __setitem__"
)
_READING = _words(
    "copy count endswith format get index isalpha isdigit items join keys lower partition replace rpartition split"
    " startswith strip upper values"
)
_WRITING = _words("add append clear extend insert pop popleft remove reverse setdefault sort update")
_STABLE = _words("builtins types typing abc numpy collections rustorch rustorch_py math operator functools itertools")
_MODES = _words("no_grad enable_grad set_grad_enabled inference_mode")
_CONTAINERS = (list, dict, set)
_CALLABLE = (types.FunctionType, types.MethodType, Script)
_TENSOR_ATTRIBUTES = _words("data grad requires_grad names real imag T")
_PLAIN = (
    type(None), bool, int, float, complex, str, bytes, types.FunctionType, types.BuiltinFunctionType,
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
    spy.look((args, kwargs))
    spy.look(function)
    result = spy.run(function, args, kwargs)
    reason = spy.finish(script, result)
    if reason is not None:
        script._note_failure(reason)
    return result


class _Spy:
    """The profile hook around one call."""

    def __init__(self, tracer: Tracer) -> None:
        self.tracer = tracer
        self.seen: dict[int, tuple[Any, Any]] = {}  # by id: the object, and what it held
        self.roots: list[Any] = []
        self.keys: list[tuple[dict[str, Any], str, Any]] = []  # globals: where, name, value
        self.names: set[str] = set()  # that the code mentions
        self.watched: set[int] = set()
        self.opened: types.FrameType | None = None
        self.calls: Calls = ()

    def run(self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        self.tracer.start()
        sys.setprofile(self)
        try:
            return function(*args, **kwargs)
        finally:
            sys.setprofile(None)
            self.tracer.stop()

    def finish(self, script: Script, result: Any) -> str | None:
        self.watch_all()
        if self.tracer.reason is None:
            for tensor in self.tracer.captured():
                if id(tensor) not in self.watched and self.tracer.is_constant(tensor):
                    continue
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
                self.tracer.close(self.calls)
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
        elif code.co_filename.startswith("<frozen"):  # an import of this package's, the first time
            self.tracer.fail(f"{code.co_qualname}: a module is imported")
        elif problem := _problem(code):
            self.tracer.fail(f"{code.co_qualname}: {problem}")
        else:
            self.look_at_names(code, frame.f_globals, frame.f_locals)
            for name in code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]:
                if not name.startswith("."):  # the iterator of a comprehension
                    self.look(frame.f_locals.get(name))

    def enter_own(self, frame: types.FrameType) -> None:
        """A function of this package."""
        from .nn import Module
        from .optim import Optimizer

        code, first = frame.f_code, frame.f_locals.get("self")
        if isinstance(first, Optimizer):
            self.enter_optimizer(frame, first)
        elif isinstance(first, Module):
            self.look(first)
            if code is Module.zero_grad.__code__:
                self.calls = (functools.partial(zero_grads, list(first.parameters()), frame.f_locals["set_to_none"]),)
                self.opened = frame
                self.tracer.open()
        elif "/optim/" in code.co_filename or "/data/" in code.co_filename:
            self.tracer.fail(f"{code.co_qualname} is not recorded")

    def enter_optimizer(self, frame: types.FrameType, optimizer: Any) -> None:
        """Steps stay calls: the options are looked up, and the states kept, by the optimizer itself."""
        code, values = frame.f_code, frame.f_locals
        if code.co_name == "run" and not values["args"] and not values["kwargs"]:
            self.calls = self.updates(optimizer)
        elif code.co_name == "zero_grad":
            self.calls = self.without_grads(optimizer, values["set_to_none"])
        else:
            self.tracer.fail(f"{code.co_qualname} with these arguments is not recorded")
            return
        self.opened = frame
        self.tracer.open()

    def updates(self, optimizer: Any) -> Calls:
        """What optimizer.step() calls, group by group; where there is more to it, the step itself."""
        from .optim import optimizer as base

        groups, hooks = optimizer.param_groups, (optimizer._hooks, base._before_all, base._after_all)
        plain = type(optimizer).step is base.Optimizer.step and "step" not in vars(optimizer)
        if not plain or any(hooks) or any(group.get("differentiable") for group in groups):
            return (optimizer.step,)
        for watched in hooks:
            self.tracer.watch(DICT, watched)
        self.tracer.watch(LIST, groups)
        ours = type(optimizer)._update.__code__.co_filename.startswith(_HOME) and "_update" not in vars(optimizer)
        return tuple(Update(optimizer, g) if ours else functools.partial(optimizer._update, g) for g in groups)

    def without_grads(self, optimizer: Any, set_to_none: bool) -> Calls:
        if "zero_grad" in vars(optimizer) or not type(optimizer).zero_grad.__code__.co_filename.startswith(_HOME):
            return (functools.partial(optimizer.zero_grad, set_to_none),)
        self.tracer.watch(LIST, optimizer.param_groups)
        for group in optimizer.param_groups:
            self.tracer.watch(KEY, group, "params")
        return tuple(functools.partial(zero_grads, group["params"], set_to_none) for group in optimizer.param_groups)

    def enter_builtin(self, frame: types.FrameType, function: Any) -> None:
        owner, name = getattr(function, "__self__", None), function.__name__
        own = frame.f_code.co_filename.startswith(_HOME)
        if isinstance(owner, types.ModuleType) or owner is None:
            module = getattr(owner, "__name__", None) or getattr(function, "__module__", None)
            fine = (
                (module == "builtins" and (name in _BUILTINS or own))
                or (module == "rustorch._C" and (name in _EXTENSION or name in _CREATION))
                or module in ("math", "_operator", "itertools", "_functools")
                or (own and module in ("_warnings", "_thread", "_abc", "_collections"))
            )
        elif isinstance(owner, Tensor):
            fine = name in _TENSOR_METHODS
        elif isinstance(owner, type):
            fine = own or owner in (dict, tuple)
        elif name in ("__enter__", "__exit__"):
            fine = type(owner).__name__ in _MODES
        elif own or name in _READING:
            fine = type(owner).__module__ != "numpy"
        else:
            fine = isinstance(owner, _CONTAINERS) and name in _WRITING and id(owner) not in self.seen
        if not fine:
            where = "" if owner is None or isinstance(owner, types.ModuleType) else f"{type(owner).__name__}."
            self.tracer.fail(f"{frame.f_code.co_qualname} calls {where}{name}, whose effects are not recorded")

    # ---- what is looked at ----

    def look_at_names(self, code: types.CodeType, names: dict[str, Any], local: dict[str, Any]) -> None:
        """The globals and cells that code mentions, and, of modules among them, the attributes."""
        self.names.update(code.co_names)
        for name in _globals_of(code):
            if name in names:
                self.keys.append((names, name, names[name]))
                self.look(names[name])
                if isinstance(names[name], types.ModuleType):
                    self.look_at_attributes(names[name], code)
        for name in code.co_freevars:
            self.look(local.get(name))

    def look_at_attributes(self, module: types.ModuleType, code: types.CodeType) -> None:
        if module.__name__.partition(".")[0] not in _STABLE:
            for name in set(code.co_names) & vars(module).keys():
                self.keys.append((vars(module), name, vars(module)[name]))
                self.look(vars(module)[name])

    def look(self, value: Any) -> None:
        """Notes what value, and all that it holds, is now, before the call can change it."""
        self.roots.append(value)
        waiting = [value]
        while waiting:
            value = waiting.pop()
            if id(value) not in self.seen and (not isinstance(value, _PLAIN) or isinstance(value, _CALLABLE)):
                held = _held(value)
                self.seen[id(value)] = value, held
                if held is not None:
                    waiting += held.values() if isinstance(held, dict) else held
                if not isinstance(value, type):
                    waiting.append(type(value))
        if len(self.seen) > MOST_SEEN:
            self.tracer.fail("it reaches too many objects to watch them all")

    def watch_all(self) -> None:
        """Watches what the code can have looked at, if it still is what it was before the call.  Of objects that are
        no modules only the attributes are watched that some code mentions."""
        for names, name, value in self.keys:
            if names.get(name) is not value:
                self.tracer.fail(f"it sets {name}")
            self.tracer.watch(KEY, names, name)
        waiting = list(self.roots)
        waiting += (value for _, _, value in self.keys)
        dynamic = not self.names.isdisjoint(_DYNAMIC)
        while waiting and self.tracer.reason is None:
            value = waiting.pop()
            if id(value) in self.seen and id(value) not in self.watched:
                self.watched.add(id(value))
                waiting += self.watch(value, self.seen[id(value)][1], dynamic)

    def watch(self, value: Any, held: Any, dynamic: bool) -> list[Any]:
        """Watches one object; what is to be watched of that which it holds."""
        if isinstance(value, type):
            held = {name: held[name] for name in self.names & held.keys()}
            for name, v in held.items():
                self.tracer.watch(TYPE, value, name)
                if inspect.getattr_static(value, name) is not v:
                    self.tracer.fail(f"it changes the class {value.__name__}")
            return list(held.values())
        if isinstance(value, types.CellType):
            self.tracer.watch(CELL, value)
        elif isinstance(value, list):
            self.tracer.watch(LIST, value)
        elif isinstance(held, dict):
            now = value if isinstance(value, dict) else vars(value)
            if isinstance(value, dict) or dynamic or _is_module(value):
                self.tracer.watch(DICT, now)
            else:
                held = {name: held[name] for name in self.names & held.keys()}
                for name in held:
                    self.tracer.watch(KEY, now, name)
            if any(now.get(name) is not v for name, v in held.items()):
                self.tracer.fail(f"it changes attributes or items of an object of type {type(value).__name__}")
            return [*held.values(), type(value)]
        elif held is None and not isinstance(value, Tensor):
            self.tracer.fail(f"it can reach an object of type {type(value).__name__}, which cannot be watched")
        now = _held(value)
        if isinstance(now, list) and (len(now) != len(held) or any(a is not b for a, b in zip(now, held, strict=True))):
            self.tracer.fail(f"it changes a {type(value).__name__}")
        return list(held or ())


def _is_module(value: Any) -> bool:
    from .nn import Module

    return isinstance(value, Module)


def _held(value: Any) -> dict[Any, Any] | list[Any] | None:
    """What an object holds: a copy of its items or attributes.  None where that cannot be told."""
    from .optim import Optimizer

    if isinstance(value, Tensor):
        return None
    if isinstance(value, type):
        return _class_attributes(value)
    if isinstance(value, (Optimizer, types.ModuleType)):
        return []
    if isinstance(value, dict):
        return dict(value)
    if isinstance(value, (list, tuple, frozenset)):
        return list(value)
    if isinstance(value, types.CellType):
        with contextlib.suppress(ValueError):  # not set yet
            return [value.cell_contents]
        return []
    if isinstance(value, types.FunctionType):
        return list(value.__closure__ or ())
    if isinstance(value, types.MethodType):
        return [value.__self__, value.__func__]
    if isinstance(value, functools.partial):
        return [value.func, value.args, value.keywords]
    if isinstance(value, Script):
        return [value.__wrapped__]
    if isinstance(getattr(value, "__dict__", None), dict):
        return dict(vars(value))
    return [] if type(value).__module__.startswith(("rustorch", "numpy.dtypes")) else None


def _class_attributes(cls: type) -> dict[str, Any]:
    """Those that classes other than this package's and Python's own give it."""
    found: dict[str, Any] = {}
    for base in reversed(cls.__mro__):
        if base.__module__.partition(".")[0] not in _STABLE:
            found.update(vars(base))
    return found


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
        if i.opname in ("IMPORT_NAME", "GET_AWAITABLE"):
            return "it imports or awaits"
    return None
