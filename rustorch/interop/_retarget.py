"""Python code written for one library, made to call the other.

rustorch and PyTorch have one language, so that a class with a forward of its own is converted by making it anew with
other globals: what it names of one library is looked up in the other.  Its code stays as it is, with its loops,
its branches and whatever it keeps in attributes.
"""

from __future__ import annotations

import builtins
import copy
import dataclasses
import dis
import functools
import importlib
import operator
import sys
import types
from typing import TYPE_CHECKING, Any

from ._layers import ConversionError, own_class

if TYPE_CHECKING:
    from ._conversion import Conversion

__all__ = ["Retargeting"]

_SKIPPED = {"__dict__", "__weakref__", "__classcell__", "_backward_cls"}
# code of ours that is written as users write
_AS_USERS = ("rustorch.onnx._functions", "rustorch.interop._aten")
_PLAIN = (str, bytes, int, float, complex, bool, type(None))


class Retargeting:
    """Counterparts of values, functions and classes; each is made once."""

    def __init__(self, conversion: Conversion) -> None:
        self._conversion = conversion
        self._made: dict[int, tuple[Any, Any]] = {}
        self._globals: dict[int, tuple[Any, dict[str, Any]]] = {}
        self._uses: dict[int, bool] = {}

    # ---- values ----

    def translate(self, value: Any) -> Any:
        """The counterpart of a value; the value itself where it has nothing to do with the library.
        ConversionError for something of the library's that the other has not."""
        if isinstance(value, _PLAIN):
            return value
        if id(value) in self._made:
            return self._made[id(value)][1]
        made = self._translated(value)
        self._made[id(value)] = value, made
        return made

    def _translated(self, value: Any) -> Any:
        conversion = self._conversion
        if isinstance(value, types.ModuleType):
            return self._module(value)
        if isinstance(value, conversion.source_nn.Module):
            return conversion.module(value)
        source = importlib.import_module(conversion.source)
        if isinstance(value, source.Tensor):
            return conversion.tensor(value)
        if isinstance(value, source.device):
            return importlib.import_module(conversion.target).device(str(value))
        counterpart = conversion.names.of(value)
        if counterpart is not None:
            return counterpart
        if isinstance(value, type):
            return self._class(value)
        if isinstance(value, types.FunctionType):
            decorated = self._in_grad_mode(value)
            if decorated is not None:
                return decorated
            return self._function(value) if self._is_ours(value) else value
        return self._composed(value)

    def _composed(self, value: Any) -> Any:
        """Of things made of others: their parts translated."""
        if isinstance(value, types.MethodType):
            return types.MethodType(self.translate(value.__func__), self.translate(value.__self__))
        if isinstance(value, functools.partial):
            return functools.partial(
                self.translate(value.func), *map(self.translate, value.args),
                **{name: self.translate(v) for name, v in value.keywords.items()},
            )  # fmt: skip
        if type(value) in (list, set, frozenset):
            parts = [self.translate(v) for v in value]
            return value if all(map(operator.is_, parts, value)) else type(value)(parts)
        if isinstance(value, tuple):
            parts = [self.translate(v) for v in value]
            size = type(value).__name__ == "Size"
            return tuple(parts) if type(value) is tuple or size else type(value)(*parts)
        if isinstance(value, dict):
            pairs = [(self.translate(k), self.translate(v)) for k, v in value.items()]
            if all(k is a and v is b for (k, v), (a, b) in zip(pairs, value.items(), strict=True)):
                return value  # the same object, which others may write to
            made = value.copy()
            made.clear()
            made.update(pairs)
            return made
        if dataclasses.is_dataclass(value) and not isinstance(value, type) and self._belongs(value):
            fields = {f.name: self.translate(getattr(value, f.name)) for f in dataclasses.fields(value)}
            return self.translate(type(value))(**fields)
        if self._belongs(value):
            name = getattr(value, "__qualname__", None) or type(value).__qualname__
            target = self._conversion.target
            raise ConversionError(f"{self._home(value)}.{name} has no counterpart in {target}")
        return value

    def _belongs(self, value: Any) -> bool:
        """Whether a thing is the source library's."""
        return self._home(value).partition(".")[0] == self._conversion.source

    def _home(self, value: Any) -> str:
        """The module a thing is of; "" for a class or function that only says so."""
        home = getattr(value, "__module__", None)
        if isinstance(value, type) and "." not in value.__qualname__:
            return str(home) if hasattr(sys.modules.get(str(home)), value.__qualname__) else ""
        if home == "builtins" and isinstance(value, type) and "<locals>" in value.__qualname__:
            return ""  # of code that says of no module
        if isinstance(value, types.FunctionType):
            name = str(value.__globals__.get("__name__"))
            if name.startswith(_AS_USERS):
                return ""
            return name if getattr(sys.modules.get(name), "__dict__", None) is value.__globals__ else ""
        if isinstance(value, type) or (isinstance(home, str) and home.startswith("torch")):
            return str(home)
        return type(value).__module__

    def _module(self, module: types.ModuleType) -> Any:
        name = module.__name__
        if name.partition(".")[0] != self._conversion.source:
            uses = self._is_ours_name(name) and self._names_library(vars(module))
            return _Namespace(module, self) if uses else module
        found = self._conversion.names.module(name)
        if found is None:
            raise ConversionError(f"the module {name} has no counterpart in {self._conversion.target}")
        return found

    # ---- functions ----

    def _is_ours_name(self, name: str) -> bool:
        top = name.partition(".")[0]
        return top not in sys.stdlib_module_names and top not in ("numpy", "scipy", "torch", "rustorch", "pytest")

    def _is_ours(self, function: Any) -> bool:
        """Whether a function is code that uses the source library: the user's, or that of a library for it."""
        if self._belongs(function):
            raise ConversionError(
                f"{function.__module__}.{function.__qualname__} has no counterpart in {self._conversion.target}"
            )
        return self._is_ours_name(self._home(function))

    def _names_library(self, names: dict[str, Any]) -> bool:
        key = id(names)
        if key not in self._uses:
            self._uses[key] = any(
                (isinstance(v, types.ModuleType) and v.__name__.partition(".")[0] == self._conversion.source)
                or (isinstance(v, (type, types.FunctionType)) and self._belongs(v))
                for v in list(names.values())
            )  # fmt: skip
        return self._uses[key]

    def _function(self, function: types.FunctionType) -> Any:
        if str(function.__globals__.get("__name__")).startswith(_AS_USERS) and "_C" in function.__code__.co_names:
            name = f"{function.__module__}.{function.__qualname__}"
            raise ConversionError(f"{name} has no counterpart in {self._conversion.target}")
        names = self._namespace(function)
        cells = tuple(types.CellType() for _ in function.__closure__ or ())
        made = types.FunctionType(function.__code__, names, function.__name__, None, cells or None)
        self._made[id(function)] = function, made  # before what it refers to, which may be itself
        for cell, theirs in zip(cells, function.__closure__ or (), strict=True):
            try:
                cell.cell_contents = self.translate(theirs.cell_contents)
            except ValueError:  # not filled yet, as __class__ while a class is made
                continue
        made.__defaults__ = None if function.__defaults__ is None else tuple(map(self.translate, function.__defaults__))
        if function.__kwdefaults__:
            made.__kwdefaults__ = {name: self.translate(v) for name, v in function.__kwdefaults__.items()}
        made.__module__, made.__qualname__, made.__doc__ = function.__module__, function.__qualname__, function.__doc__
        made.__dict__.update(self.translate(function.__dict__))
        for name in _names_of(function.__code__):
            if name in function.__globals__ and name not in names:
                names[name] = None  # for functions that refer to each other
                names[name] = self.translate(function.__globals__[name])
        return made

    def _in_grad_mode(self, function: types.FunctionType) -> Any:
        """The counterpart of a function under `@no_grad()` and its like; None for others."""
        if self._home(function) not in ("torch.utils._contextlib", "rustorch._modes"):
            return None
        parts = [cell.cell_contents for cell in function.__closure__ or ()]
        mode = next((part.__self__ for part in parts if isinstance(part, types.MethodType)), None)
        kind = self._conversion.names.of(type(mode))
        inner = getattr(function, "__wrapped__", None)
        if kind is None or inner is None:
            return None
        return (kind(mode.mode) if hasattr(mode, "mode") else kind())(self.translate(inner))

    def _namespace(self, function: types.FunctionType) -> dict[str, Any]:
        """The globals of all functions of a file."""
        theirs = function.__globals__
        if id(theirs) not in self._globals:
            inner = dict(vars(builtins))
            inner["__import__"] = self._import
            names = {"__name__": theirs.get("__name__"), "__builtins__": inner, "__file__": theirs.get("__file__"),
                     "__package__": theirs.get("__package__")}  # fmt: skip
            self._globals[id(theirs)] = theirs, names
        return self._globals[id(theirs)][1]

    def _import(
        self, name: str, globals: Any = None, locals: Any = None, fromlist: Any = (), level: int = 0
    ) -> Any:
        """`import` within a function."""
        if level == 0 and name.partition(".")[0] == self._conversion.source:
            whole = self._module(importlib.import_module(name))
            return whole if fromlist else importlib.import_module(self._conversion.target)
        found = builtins.__import__(name, globals, locals, fromlist, level)
        return self.translate(found) if fromlist else found

    # ---- classes ----

    def _class(self, cls: type) -> Any:
        if "_made_of" in vars(cls):  # back to the class it was made of
            return vars(cls)["_made_of"]
        source = importlib.import_module(self._conversion.source)
        wanted = (self._conversion.source_nn.Module, source.autograd.Function)
        if self._belongs(cls):
            name = f"{cls.__module__}.{cls.__qualname__}"
            raise ConversionError(f"{name} has no counterpart in {self._conversion.target}")
        if not self._is_ours_name(self._home(cls)) or not any(issubclass(cls, base) for base in wanted):
            return cls
        bases = tuple(self.translate(base) for base in cls.__bases__)
        namespace: dict[str, Any] = {}
        made = types.new_class(cls.__name__, bases, {}, lambda body: body.update(namespace))
        self._made[id(cls)] = cls, made
        for name, value in vars(cls).items():
            if name not in _SKIPPED:
                setattr(made, name, self._member(value))
        for function in vars(made).values():
            _set_class_cell(function, cls, made)
        if issubclass(cls, self._conversion.source_nn.Module):
            _make_copyable(made, cls, self._conversion.source)
        return made

    def _member(self, value: Any) -> Any:
        if isinstance(value, (staticmethod, classmethod)):
            return type(value)(self.translate(value.__func__))
        if isinstance(value, property):
            return property(*(f if f is None else self.translate(f) for f in (value.fget, value.fset, value.fdel)))
        if isinstance(value, functools.cached_property):
            made: Any = functools.cached_property(self.translate(value.func))
            made.__set_name__(None, value.attrname)
            return made
        return self.translate(value)

    def instance(self, module: Any, settings: dict[str, Any]) -> Any:
        """A new object of the counterpart of module's class, without what the conversion fills in; `settings` are the
        attributes it has as a layer of the library."""
        cls = self.translate(own_class(module, self._conversion.source_nn))
        made = cls.__new__(cls)
        self._conversion.target_nn.Module.__init__(made)
        self._conversion.note(module, made)
        self._made[id(module)] = module, made
        made.__dict__.update(settings)
        kept = {**vars(self._conversion.source_nn.Module()), **module._parameters, **module._buffers, **module._modules}
        for name, value in list(vars(module).items()):
            if name not in kept and name not in settings:
                made.__dict__[name] = self.translate(value)
        return made


class _Namespace:
    """A module of the user's whose names are translated when they are asked for."""

    def __init__(self, module: types.ModuleType, retargeting: Retargeting) -> None:
        self.__dict__["_module"], self.__dict__["_retargeting"] = module, retargeting

    def __getattr__(self, name: str) -> Any:
        value = self.__dict__["_retargeting"].translate(getattr(self.__dict__["_module"], name))
        self.__dict__[name] = value
        return value


def _names_of(code: types.CodeType) -> set[str]:
    """The globals that a function reads, and those that functions within it read."""
    names = {i.argval for i in dis.get_instructions(code) if i.opname in ("LOAD_GLOBAL", "LOAD_NAME")}
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            names |= _names_of(constant)
    return names


def _make_copyable(made: Any, cls: type, source: str) -> None:
    """Objects of a class made anew are pickled by the class it was made of."""
    made._made_of = cls
    if "__reduce_ex__" not in vars(made) and "__reduce__" not in vars(made):
        made.__reduce_ex__ = lambda self, protocol: (_restored, (cls, source), dict(vars(self)))
    if "__deepcopy__" not in vars(made):
        made.__deepcopy__ = _deepcopied


def _restored(cls: type, source: str) -> Any:
    """An empty object of the counterpart of a class."""
    from .pytorch import FromPyTorch, ToPyTorch

    conversion: Conversion = FromPyTorch(True) if source == "torch" else ToPyTorch(True)
    made: Any = conversion.retargeting.translate(cls)
    return made.__new__(made)


def _deepcopied(self: Any, memo: dict[int, Any]) -> Any:
    cls: Any = self.__class__
    twin = cls.__new__(cls)
    memo[id(self)] = twin
    vars(twin).update(copy.deepcopy(vars(self), memo))
    return twin


def _set_class_cell(member: Any, cls: type, made: type) -> None:
    """super() and __class__ in a method mean the new class."""
    function = getattr(member, "__func__", None) or getattr(member, "fget", None) or member
    for cell in getattr(function, "__closure__", None) or ():
        try:
            if cell.cell_contents is cls:
                cell.cell_contents = made
        except ValueError:
            continue
