"""The walk over a tree of modules that makes the same tree in the other library.

Every module and every tensor is made once, so that what was shared stays shared.  A class with a counterpart is made
by `make_layer` and then gets what its model has: children, parameters, buffers, parametrizations, hooks, its mode.
What to do with other classes is the matter of the two subclasses.
"""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from ._counterparts import Counterparts, counterparts
from ._layers import ConversionError, make_layer, own_class
from ._retarget import Retargeting

__all__ = ["Conversion", "ConversionError", "own_class"]

# what a subclass may define without being another layer
_HARMLESS = {
    "__init__", "__module__", "__doc__", "__qualname__", "__annotations__", "__firstlineno__", "__static_attributes__",
    "__repr__", "extra_repr", "_get_name", "reset_parameters", "__dict__", "__weakref__", "__parameters__",
    "__orig_bases__", "__constants__", "__annotate_func__", "__annotations_cache__", "_version",
}  # fmt: skip
# hooks of the libraries' own: class -> its module in PyTorch, in rustorch, and its settings
_WEIGHT_HOOKS = {
    "WeightNorm": ("torch.nn.utils.weight_norm", "rustorch.nn.utils._norms", ("name", "dim")),
    "SpectralNorm": (
        "torch.nn.utils.spectral_norm", "rustorch.nn.utils._norms", ("name", "n_power_iterations", "dim", "eps")
    ),
}  # fmt: skip


class Conversion:
    """One conversion of a model from the library `source` to `target`, "torch" and "rustorch" or the other way."""

    source: str
    target: str
    function: str  # of the public functions, for messages

    def __init__(self, copy: bool) -> None:
        self.copy = copy
        self.names: Counterparts = counterparts(self.source, self.target)
        self.source_nn = importlib.import_module(self.source + ".nn")
        self.target_nn = importlib.import_module(self.target + ".nn")
        self.retargeting = Retargeting(self)
        self._modules: dict[int, tuple[Any, Any]] = {}
        self._tensors: dict[int, tuple[Any, Any]] = {}

    # ---- what the subclasses say ----

    def plain_tensor(self, tensor: Any, path: str) -> Any:
        """A tensor of the target library with the values, on the same memory unless copies are wanted."""
        raise NotImplementedError

    def free_form(self, module: Any, path: str) -> Any:
        """The counterpart of a module whose class has none."""
        raise NotImplementedError

    def fresh(self) -> AbstractContextManager[Any]:
        """Layers made within move no random generator and take little memory."""
        raise NotImplementedError

    # ---- tensors ----

    def tensor(self, tensor: Any, path: str = "") -> Any:
        """The counterpart of a tensor: Parameters become Parameters, Buffers Buffers."""
        if id(tensor) in self._tensors:
            return self._tensors[id(tensor)][1]
        kinds = self.source_nn.parameter
        if isinstance(tensor, (kinds.UninitializedParameter, kinds.UninitializedBuffer)):
            kind = getattr(self.target_nn.parameter, type(tensor).__name__)
            made = kind(requires_grad=tensor.requires_grad, dtype=self.retargeting.translate(tensor.dtype))
        else:
            made = self.plain_tensor(tensor.detach(), path)
            if isinstance(tensor, self.source_nn.Parameter):
                made = self.target_nn.Parameter(made, requires_grad=tensor.requires_grad)
            elif isinstance(tensor, kinds.Buffer):
                made = self.target_nn.Buffer(made, persistent=tensor.persistent)
            elif tensor.requires_grad and tensor.is_leaf:
                made.requires_grad_()
        self._tensors[id(tensor)] = tensor, made
        return made

    # ---- modules ----

    def known(self, module: Any, path: str) -> Any | None:
        """The counterpart of a module that was converted before."""
        found = self._modules.get(id(module))
        return None if found is None else found[1]

    def note(self, module: Any, made: Any) -> Any:
        """Remembers a counterpart."""
        self._modules[id(module)] = module, made
        return made

    def module(self, module: Any, path: str = "") -> Any:
        """The counterpart of a module, with all that is below it."""
        made = self.known(module, path)
        if made is not None:
            return made
        cls = self.layer_class(module)
        if cls is None:
            return self.note(module, self.free_form(module, path))
        made = self.note(module, self._layer(cls, module, path))
        self.fill(made, module, path)
        return made

    def layer_class(self, module: Any) -> Any | None:
        """The counterpart of a module's class; None for a class of the user's own."""
        if getattr(type(module), "plain_row", False) and type(module).forward is self.source_nn.Sequential.forward:
            return self.target_nn.Sequential  # rustorch.Model, which trains as well
        cls = own_class(module, self.source_nn)
        for base in cls.__mro__:
            counterpart = self._public_class(base)
            if counterpart is not None:
                return counterpart if _unchanged(cls, base) else None
        return None

    def _public_class(self, cls: type) -> Any | None:
        if not cls.__module__.startswith(self.source + ".") or not issubclass(cls, self.source_nn.Module):
            return None
        found = self.names.of(cls)
        return found if isinstance(found, type) and issubclass(found, self.target_nn.Module) else None

    def _layer(self, cls: Any, module: Any, path: str) -> Any:
        try:
            with self.fresh(), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return make_layer(cls, module, self.retargeting.translate)
        except Exception as error:
            if isinstance(error, ConversionError) and str(error).startswith(self.function):
                raise
            raise ConversionError(f"{self.function}: {place(path, module)}: {error}") from error

    def instance(self, module: Any, path: str) -> Any:
        """A new object of a user's class made anew for the other library, without what it holds."""
        base = next((c for c in map(self._public_class, own_class(module, self.source_nn).__mro__) if c), None)
        plain = base is None or base is self.target_nn.Module
        settings = {} if plain else dict(vars(self._layer(base, module, path)))
        try:
            return self.retargeting.instance(module, settings)
        except ConversionError as error:
            if str(error).startswith(self.function):
                raise
            raise ConversionError(f"{self.function}: {place(path, module)}: {error}") from error

    def fill(self, made: Any, module: Any, path: str) -> None:
        """Gives a new module everything that its model holds."""
        parametrized = self.parametrized(module)
        for name, child in module._modules.items():
            if name == "parametrizations" and parametrized:
                continue
            put(made, "_modules", name, None if child is None else self.module(child, join(path, name)))
        self._fill_tensors(made, module, path, parametrized)
        made.training = module.training
        for name in parametrized:
            self._parametrize(made, module, name, path)
        self._hook(made, module, path)

    def _fill_tensors(self, made: Any, module: Any, path: str, parametrized: list[str]) -> None:
        for kind in ("_parameters", "_buffers"):
            theirs, ours = getattr(module, kind), getattr(made, kind)
            for name in list(ours):
                if name not in theirs and name not in parametrized and ours[name] is not None:
                    delattr(made, name)
            for name, value in theirs.items():
                put(made, kind, name, None if value is None else self.tensor(value, join(path, name)))
        transient = set(module._non_persistent_buffers_set)
        set_transient(made, transient)
        for name in parametrized:  # a placeholder of the right shape, until it is computed
            with at_rest(module.parametrizations):
                value = getattr(module, name)
            held = self.plain_tensor(value.detach(), join(path, name))
            put(made, "_parameters", name, self.target_nn.Parameter(held, requires_grad=held.is_floating_point()))

    # ---- parametrizations ----

    def parametrized(self, module: Any) -> list[str]:
        """The names of a module's parametrized tensors."""
        lists = module.__dict__.get("parametrizations") or module._modules.get("parametrizations")
        is_list = isinstance(lists, self.source_nn.ModuleDict) and type(module).__name__.startswith("Parametrized")
        return list(lists) if is_list and lists is not None else []

    def _parametrize(self, made: Any, module: Any, name: str, path: str) -> None:
        parametrize = importlib.import_module(self.target + ".nn.utils.parametrize")
        theirs = module.parametrizations[name]
        where = f"{join(path, 'parametrizations')}.{name}"
        with self.fresh():
            for number, step in enumerate(theirs):
                converted = self.module(step, f"{where}.{number}")
                parametrize.register_parametrization(made, name, converted, unsafe=True)
        ours = made.parametrizations[name]
        for attribute in ("is_tensor", "ntensors", "unsafe"):
            if hasattr(theirs, attribute):
                setattr(ours, attribute, getattr(theirs, attribute))
        self.note(theirs, ours)
        self._fill_tensors(ours, theirs, where, [])
        ours.training = theirs.training
        made.parametrizations.training = module.parametrizations.training

    # ---- hooks ----

    def _hook(self, made: Any, module: Any, path: str) -> None:
        """The model's forward and backward hooks, called with our modules and tensors from now on."""
        for hook, options in forward_hooks(module, "_forward_pre_hooks"):
            if self._library_hook(made, module, hook):
                continue
            made.register_forward_pre_hook(self._translated_hook(hook, path), **options)
        for hook, options in forward_hooks(module, "_forward_hooks"):
            made.register_forward_hook(self._translated_hook(hook, path), **options)
        for hook in module._backward_pre_hooks.values():
            made.register_full_backward_pre_hook(self._translated_hook(hook, path))
        for hook in module._backward_hooks.values():
            made.register_full_backward_hook(self._translated_hook(hook, path))

    def _translated_hook(self, hook: Any, path: str) -> Any:
        return self.retargeting.translate(hook)

    def _library_hook(self, made: Any, module: Any, hook: Any) -> bool:
        """Whether the hook is the library's own; weight norm, spectral norm and pruning get their counterparts."""
        cls = type(hook)
        if getattr(hook, "__self__", None) is module and not hasattr(type(module), "forward_pre_hook"):
            return hook.__name__ == "_infer_parameters"  # of lazy layers, which have their own
        if not cls.__module__.startswith(self.source + ".nn.utils"):
            return False
        if cls.__name__ in _WEIGHT_HOOKS:
            torch_home, our_home, settings = _WEIGHT_HOOKS[cls.__name__]
            home = importlib.import_module(torch_home if self.target == "torch" else our_home)
            twin: Any = getattr(home, cls.__name__)(**{name: getattr(hook, name) for name in settings})
            attribute = hook.name
        else:
            home = importlib.import_module(self.target + ".nn.utils.prune")
            kind = getattr(home, cls.__name__, None)
            if kind is None:
                return False
            twin = kind.__new__(kind)
            twin.__dict__.update(hook.__dict__)
            attribute = hook._tensor_name
        made.register_forward_pre_hook(twin)
        made.__dict__[attribute] = self.plain_tensor(getattr(module, attribute).detach(), attribute)
        return True


def _unchanged(cls: type, base: type) -> bool:
    """Whether cls, derived from a layer's class, is such a layer still: with attributes, but no methods of its own."""
    for derived in cls.__mro__[: cls.__mro__.index(base)]:
        for name, value in vars(derived).items():
            if name not in _HARMLESS and (callable(value) or hasattr(value, "__get__")):
                return False
    return True


@contextmanager
def at_rest(module: Any) -> Iterator[None]:
    """Within, a module and all below it are in eval mode."""
    modes = [(m, m.training) for m in module.modules()]
    try:
        for m, _ in modes:
            m.training = False
        yield
    finally:
        for m, mode in modes:
            m.training = mode


def put(module: Any, kind: str, name: str, value: Any) -> None:
    """An entry of a module, as parameter, buffer or submodule, whatever had the name before."""
    for other in ("_parameters", "_buffers", "_modules"):
        entries = getattr(module, other)
        if other != kind and name in entries:
            del entries[name]
    module.__dict__.pop(name, None) if name not in getattr(module, kind) else None
    getattr(module, kind)[name] = value


def set_transient(module: Any, names: set[str]) -> None:
    """Tells which buffers state_dict leaves out."""
    if "_transient_names" in module.__dict__:
        module.__dict__["_transient_names"] = dict.fromkeys(names)
    else:
        module._non_persistent_buffers_set = names


def forward_hooks(module: Any, kind: str) -> list[tuple[Any, dict[str, Any]]]:
    """A module's forward hooks or pre-hooks, with the options they were registered with."""
    own = module.__dict__.get("_hooks")
    if "_parameter_names" in module.__dict__:  # a rustorch Module
        noted = getattr(own, kind[1:-6]) if own is not None else {}
        options = ("with_kwargs", "always_call") if kind == "_forward_hooks" else ("with_kwargs",)
        return [(hook, dict(zip(options, flags, strict=False))) for hook, *flags in noted.values()]
    found = []
    for number, hook in getattr(module, kind).items():
        given: dict[str, Any] = {"with_kwargs": number in getattr(module, kind + "_with_kwargs")}
        if kind == "_forward_hooks":
            given["always_call"] = number in module._forward_hooks_always_called
        found.append((hook, given))
    return found


def join(path: str, name: str) -> str:
    """A dotted path, one name longer."""
    return f"{path}.{name}" if path else name


def place(path: str, module: Any) -> str:
    """A module for an error message."""
    return f"{path} ({type(module).__name__})" if path else type(module).__name__
