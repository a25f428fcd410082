"""Module, the base class of networks and their layers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from .._C import ModuleBase, Tensor, zero_grads
from . import _registration
from ._entries import Entries, Names
from ._hooks import (
    BackwardWatch,
    ForwardHooks,
    HookSet,
    RemovableHandle,
    everywhere,
    run_always,
    run_forward,
    run_forward_pre,
)
from ._movement import Movement
from ._state import State
from .parameter import Buffer, Parameter

__all__ = ["Module"]

M = TypeVar("M", bound="Module")


class Module(State, Movement, ModuleBase):
    """A piece of a network: parameters, buffers, submodules and a `forward`.

    Subclasses call `super().__init__()`, assign Parameters and Modules to attributes and define
    `forward`; calling the module runs forward and its hooks.

    >>> import rustorch as rt
    >>> class Net(rt.nn.Module):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.layer = rt.nn.Linear(3, 2)
    ...     def forward(self, x):
    ...         return self.layer(x).relu()
    >>> Net()(rt.ones(5, 3)).shape
    (5, 2)
    """

    training: bool
    _parameter_names: Names
    _buffer_names: Names
    _module_names: Names
    _transient_names: Names  # buffers that state_dict leaves out
    _hooks: HookSet | None = None
    call_super_init: bool = False
    dump_patches: bool = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if (args or kwargs) and not self.call_super_init:
            first = next(iter(kwargs), "") if kwargs else ""
            name = type(self).__name__
            raise TypeError(
                f"{name}.__init__() got an unexpected keyword argument '{first}'" if first
                else f"{name}.__init__() takes 1 positional argument but {len(args) + 1} were given"
            )  # fmt: skip
        self.__dict__.update(
            training=True, _parameter_names={}, _buffer_names={}, _module_names={}, _transient_names={}
        )
        if self.call_super_init:  # for classes that stand behind Module among the bases
            super().__init__(*args, **kwargs)

    # ---- calling ----

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """What the module computes; every subclass has its own."""
        raise NotImplementedError(
            f'Module [{type(self).__name__}] is missing the required "forward" function'
        )

    def _note_failure(self, error: Exception) -> None:
        """Called with what forward raised, on its way out."""
        _note_place(self, error)

    def _call_with_hooks(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        hooks = self._hooks or HookSet()
        watch = None
        try:
            args, kwargs = run_forward_pre(self, hooks, args, kwargs)
            if hooks.backward or hooks.backward_pre or everywhere.backward or everywhere.backward_pre:
                watch = BackwardWatch(self, hooks)
                args = watch.enter(args)
            output = run_forward(self, hooks, args, kwargs, self.forward(*args, **kwargs))
        except Exception:
            run_always(self, hooks, args, kwargs)
            raise
        return output if watch is None else watch.leave(output)

    # ---- hooks ----

    def _own_hooks(self) -> HookSet:
        hooks: HookSet = self.__dict__.setdefault("_hooks", HookSet())
        return hooks

    def register_forward_pre_hook(
        self, hook: Callable[..., Any], *, prepend: bool = False, with_kwargs: bool = False
    ) -> RemovableHandle:
        """Calls hook(module, args) before forward; what it returns replaces the arguments."""
        return RemovableHandle(self._own_hooks().forward_pre, (hook, with_kwargs, False), prepend)

    def register_forward_hook(
        self,
        hook: Callable[..., Any],
        *,
        prepend: bool = False,
        with_kwargs: bool = False,
        always_call: bool = False,
    ) -> RemovableHandle:
        """Calls hook(module, args, output) after forward; what it returns replaces the output."""
        return RemovableHandle(self._own_hooks().forward, (hook, with_kwargs, always_call), prepend)

    def register_full_backward_pre_hook(
        self, hook: Callable[..., Any], prepend: bool = False
    ) -> RemovableHandle:
        """Calls hook(module, grad_output) before backward; what it returns replaces grad_output."""
        return RemovableHandle(self._own_hooks().backward_pre, hook, prepend)

    def register_full_backward_hook(self, hook: Callable[..., Any], prepend: bool = False) -> RemovableHandle:
        """Calls hook(module, grad_input, grad_output) after backward; what it returns replaces grad_input."""
        return RemovableHandle(self._own_hooks().of_kind(True), hook, prepend)

    def register_backward_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """register_full_backward_hook by its old name; not both on one module."""
        return RemovableHandle(self._own_hooks().of_kind(False), hook)

    # ---- what it holds ----

    @property
    def _parameters(self) -> Entries:
        return Entries(self.__dict__, self._parameter_names)

    @property
    def _buffers(self) -> Entries:
        return Entries(self.__dict__, self._buffer_names)

    @property
    def _modules(self) -> Entries:
        return Entries(self.__dict__, self._module_names)

    @property
    def _non_persistent_buffers_set(self) -> set[str]:
        return set(self._transient_names)

    @property
    def _forward_hooks(self) -> ForwardHooks:
        return ForwardHooks((self._hooks or HookSet()).forward)

    @_forward_hooks.setter
    def _forward_hooks(self, hooks: Mapping[int, Any]) -> None:
        self._own_hooks().forward = {number: (hook, False, False) for number, hook in hooks.items()}

    @property
    def _forward_pre_hooks(self) -> ForwardHooks:
        return ForwardHooks((self._hooks or HookSet()).forward_pre)

    @_forward_pre_hooks.setter
    def _forward_pre_hooks(self, hooks: Mapping[int, Any]) -> None:
        self._own_hooks().forward_pre = {number: (hook, False, False) for number, hook in hooks.items()}

    @property
    def _backward_hooks(self) -> dict[int, Any]:
        return (self._hooks or HookSet()).backward

    @property
    def _backward_pre_hooks(self) -> dict[int, Any]:
        return (self._hooks or HookSet()).backward_pre

    def __setattr__(self, name: str, value: Any) -> None:
        attributes = self.__dict__
        if "_parameter_names" not in attributes:
            if isinstance(value, (Parameter, Module, Buffer)):
                kind = "parameters" if isinstance(value, Parameter) else "module"
                raise AttributeError(f"cannot assign {kind} before Module.__init__() call")
            object.__setattr__(self, name, value)
        elif isinstance(value, Parameter):
            self._enter(name, value, self._parameter_names, _registration.parameters)
        elif isinstance(value, Module):
            self._enter(name, value, self._module_names, _registration.modules)
        elif isinstance(value, Buffer):
            self._enter(name, value, self._buffer_names, _registration.buffers)
            self._mark_transient(name, not value.persistent)
        elif name in self._parameter_names:
            if value is not None:
                raise TypeError(
                    f"cannot assign '{_type_name(value)}' as parameter '{name}' (rustorch.nn.Parameter or"
                    f" None expected)"
                )
            attributes[name] = None
        elif name in self._module_names:
            if value is not None:
                raise TypeError(
                    f"cannot assign '{_type_name(value)}' as child module '{name}' (rustorch.nn.Module or"
                    f" None expected)"
                )
            attributes[name] = None
        elif name in self._buffer_names:
            if value is not None and not isinstance(value, Tensor):
                raise TypeError(
                    f"cannot assign '{_type_name(value)}' as buffer '{name}' (rustorch.Tensor or None"
                    f" expected)"
                )
            attributes[name] = value
        else:
            object.__setattr__(self, name, value)

    def _enter(self, name: str, value: Any, names: Names, hooks: dict[int, Any]) -> None:
        if hooks:
            value = _registration.registered(hooks, self, name, value)
        self._claim(name, names)
        self.__dict__[name] = value

    def _claim(self, name: str, names: Names) -> None:
        for other in (self._parameter_names, self._buffer_names, self._module_names):
            if other is not names:
                other.pop(name, None)
        self._transient_names.pop(name, None)
        names[name] = None

    def _mark_transient(self, name: str, transient: bool) -> None:
        if transient:
            self._transient_names[name] = None

    def __delattr__(self, name: str) -> None:
        object.__delattr__(self, name)
        for names in (self._parameter_names, self._buffer_names, self._module_names, self._transient_names):
            names.pop(name, None)

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any: ...

    def _check_name(self, kind: str, name: str, names: Names) -> None:
        if "_parameter_names" not in self.__dict__:
            raise AttributeError(f"cannot assign {kind} before Module.__init__() call")
        if not isinstance(name, str):
            raise TypeError(f"{kind} name should be a string. Got {_type_name(name)}")
        if "." in name:
            raise KeyError(f'{kind} name can\'t contain "."')
        if name == "":
            raise KeyError(f'{kind} name can\'t be empty string ""')
        if name not in names and hasattr(self, name):
            raise KeyError(f"attribute '{name}' already exists")

    def register_parameter(self, name: str, param: Parameter | None) -> None:
        """Adds a parameter; None keeps the name without one."""
        self._check_name("parameter", name, self._parameter_names)
        if param is not None and not isinstance(param, Parameter):
            raise TypeError(
                f"cannot assign '{_type_name(param)}' object to parameter '{name}' (rustorch.nn.Parameter"
                f" or None required)"
            )
        if param is not None and param.grad_fn is not None:
            raise ValueError(f"Cannot assign non-leaf Tensor to parameter '{name}'.")
        self._enter(name, param, self._parameter_names, _registration.parameters)

    def register_buffer(self, name: str, tensor: Tensor | None, persistent: bool = True) -> None:
        """Adds a buffer: state that is saved (when persistent) but not trained."""
        self._check_name("buffer", name, self._buffer_names)
        if tensor is not None and not isinstance(tensor, Tensor):
            raise TypeError(
                f"cannot assign '{_type_name(tensor)}' object to buffer '{name}' (rustorch Tensor or None"
                f" required)"
            )
        self._enter(name, tensor, self._buffer_names, _registration.buffers)
        self._mark_transient(name, not persistent)

    def add_module(self, name: str, module: Module | None) -> None:
        """Adds a submodule."""
        if module is not None and not isinstance(module, Module):
            raise TypeError(f"{_type_name(module)} is not a Module subclass")
        self._check_name("module", name, self._module_names)
        self._enter(name, module, self._module_names, _registration.modules)

    def register_module(self, name: str, module: Module | None) -> None:
        """add_module."""
        self.add_module(name, module)

    def get_submodule(self, target: str) -> Module:
        """The submodule at a dotted path."""
        module: Module = self
        for part in target.split(".") if target else ():
            if part not in module._module_names:
                raise AttributeError(f"{type(module).__name__} has no attribute `{part}`")
            module = module.__dict__[part]
        return module

    def set_submodule(self, target: str, module: Module, strict: bool = False) -> None:
        """Puts a module at a dotted path; strict: only in the place of another."""
        if target == "":
            raise ValueError("Cannot set the submodule without a target name!")
        if not isinstance(module, Module):
            raise ValueError(f"`module` is not an nn.Module, found {type(module)}")
        path, _, name = target.rpartition(".")
        parent = self.get_submodule(path)
        if strict and not hasattr(parent, name):
            raise AttributeError(f"{parent._get_name()} has no attribute `{name}`")
        if not isinstance(getattr(parent, name, module), Module):
            raise AttributeError(f"`{name}` is not an nn.Module")
        setattr(parent, name, module)

    def get_parameter(self, target: str) -> Parameter:
        """The parameter at a dotted path."""
        path, _, name = target.rpartition(".")
        module = self.get_submodule(path)
        if name not in module._parameter_names:
            raise AttributeError(_lacking(module, name, "an nn.Parameter"))
        found: Parameter = module.__dict__[name]
        return found

    def get_buffer(self, target: str) -> Tensor:
        """The buffer at a dotted path."""
        path, _, name = target.rpartition(".")
        module = self.get_submodule(path)
        if name not in module._buffer_names:
            raise AttributeError(_lacking(module, name, "a buffer"))
        found: Tensor = module.__dict__[name]
        return found

    # ---- walking ----

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """Immediate submodules and their names, each once."""
        seen: set[int] = set()
        for name in self._module_names:
            child = self.__dict__[name]
            if child is not None and id(child) not in seen:
                seen.add(id(child))
                yield name, child

    def children(self) -> Iterator[Module]:
        """Immediate submodules."""
        for _, child in self.named_children():
            yield child

    def named_modules(
        self, memo: set[Any] | None = None, prefix: str = "", remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Module]]:
        """This module and all below it, with dotted paths."""
        memo = set() if memo is None else memo
        if self in memo:
            return
        if remove_duplicate:
            memo.add(self)
        yield prefix, self
        for name in list(self._module_names):
            child = self.__dict__[name]
            if child is not None:
                yield from child.named_modules(memo, f"{prefix}.{name}" if prefix else name, remove_duplicate)

    def modules(self, remove_duplicate: bool = True) -> Iterator[Module]:
        """This module and all below it, each once or (not remove_duplicate) as often as it is used."""
        for _, module in self.named_modules(remove_duplicate=remove_duplicate):
            yield module

    def _named_members(
        self, names_of: Callable[[Module], Names], prefix: str, recurse: bool, remove_duplicate: bool
    ) -> Iterator[tuple[str, Any]]:
        seen: set[int] = set()
        modules = (
            self.named_modules(prefix=prefix, remove_duplicate=remove_duplicate)
            if recurse
            else [(prefix, self)]
        )
        for path, module in modules:
            for name in list(names_of(module)):
                member = module.__dict__[name]
                if member is None or id(member) in seen:
                    continue
                if remove_duplicate:
                    seen.add(id(member))
                yield (f"{path}.{name}" if path else name), member

    def named_parameters(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Parameter]]:
        """Parameters with dotted names, each once."""
        yield from self._named_members(lambda m: m._parameter_names, prefix, recurse, remove_duplicate)

    def parameters(self, recurse: bool = True) -> Iterator[Parameter]:
        """Parameters of this module and, when recurse, of all below it."""
        for _, parameter in self.named_parameters(recurse=recurse):
            yield parameter

    def named_buffers(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Tensor]]:
        """Buffers with dotted names, each once."""
        yield from self._named_members(lambda m: m._buffer_names, prefix, recurse, remove_duplicate)

    def buffers(self, recurse: bool = True) -> Iterator[Tensor]:
        """Buffers of this module and, when recurse, of all below it."""
        for _, buffer in self.named_buffers(recurse=recurse):
            yield buffer

    # ---- changing ----

    def apply(self: M, fn: Callable[[Module], None]) -> M:
        """Calls fn on every submodule, then on this module."""
        for child in self.children():
            child.apply(fn)
        fn(self)
        return self

    def train(self: M, mode: bool = True) -> M:
        """Training mode for this module and all below it (dropout, batch statistics)."""
        if not isinstance(mode, bool):
            raise ValueError("training mode is expected to be boolean")
        self.training = mode
        for child in self.children():
            child.train(mode)
        return self

    def eval(self: M) -> M:
        """Evaluation mode: train(False)."""
        return self.train(False)

    def requires_grad_(self: M, requires_grad: bool = True) -> M:
        """Sets whether gradients are collected for all parameters."""
        for parameter in self.parameters():
            parameter.requires_grad_(requires_grad)
        return self

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forgets (or zeroes) the gradients of all parameters."""
        zero_grads(list(self.parameters()), set_to_none)

    def compile(self, *args: Any, **kwargs: Any) -> None:
        """Accepted for PyTorch's sake: there is no compiler, the module stays as it is."""

    def share_memory(self: M) -> M:
        """Moves parameters and buffers into memory that child processes share."""
        for held in (*self.parameters(), *self.buffers()):
            held.share_memory_()  # refused by those without a shape
        return self

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        for names in ("_parameter_names", "_buffer_names", "_module_names", "_transient_names"):
            self.__dict__[names] = dict(self.__dict__.get(names, {}))  # a shallow copy has names of its own
        self.__dict__.setdefault("training", True)

    # ---- showing ----

    def extra_repr(self) -> str:
        """What stands between the parentheses of the repr."""
        return ""

    def _get_name(self) -> str:
        return type(self).__name__

    def __repr__(self) -> str:
        extra = self.extra_repr()
        lines = extra.split("\n") if extra else []
        children = [f"({name}): " + _indent(repr(self.__dict__[name])) for name in self._module_names]
        if not children and len(lines) <= 1:
            return f"{self._get_name()}({extra})"
        return f"{self._get_name()}(\n  " + "\n  ".join(lines + children) + "\n)"

    def _repr_html_(self) -> str:
        """What notebooks show: the tree of modules, which folds, with shapes and numbers of parameters."""
        from .._display import module_html

        return module_html(self)

    def __dir__(self) -> list[str]:
        names = {*object.__dir__(self), "_parameters", "_buffers", "_modules"}
        return sorted(name for name in names if not name[0].isdigit())

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "__getattr__" in cls.__dict__ and _Missing not in cls.__mro__:
            cls.__bases__ = (*cls.__bases__, _Missing)  # what super().__getattr__ then finds


class _Missing:
    """Has the __getattr__ that a class's own falls back on.  Module has none: it would slow every attribute."""

    __slots__ = ()

    def __getattr__(self, name: str) -> Any:
        if name in self.__dict__:  # asked for by hand
            return self.__dict__[name]
        raise AttributeError(f"'{type(self).__name__}' object has no attribute '{name}'")


def _type_name(value: Any) -> str:
    kind = type(value)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def _lacking(module: Module, name: str, wanted: str) -> str:
    if hasattr(module, name):
        return f"`{name}` is not {wanted}"
    return f"{module._get_name()} has no attribute `{name}`"


def _indent(text: str) -> str:
    return text.replace("\n", "\n  ")


def _note_place(module: Module, error: Exception) -> None:
    """Keeps one note on the error that says where in the network it arose."""
    inner: tuple[Module, str, str, str] | None = error.__dict__.get("_rustorch_place")
    path, kind = "", type(module).__name__
    if inner is not None:
        child, path, kind, note = inner
        for name, candidate in module.named_modules():
            if candidate is child:
                path = f"{name}.{path}" if path else name
                break
        else:
            return
        error.__notes__.remove(note)
    note = f"in the forward of module {type(module).__name__}" + (f".{path} ({kind})" if path else "")
    error.__dict__["_rustorch_place"] = (module, path, kind, note)
    error.add_note(note)
