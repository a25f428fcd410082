"""A module as JSON, and back: what a `.rustorch` file says about architecture.

`describe(module)` gives a dict with these keys:
- `class`: "Linear" for a class of rustorch.nn, a dotted name for others;
- one of `arguments` (of the constructor), `attributes` (set without it: modules made of modules, and classes of
  users) and `description` (what the class's own `describe(self)` gave, for its `from_description(cls, description)`);
- `parameters`, `buffers`, `children`: by name; what is used twice is {"shared": path of the first use};
- `training`.
A key is left out when there is nothing to say.  `build(description)` makes the module.  No name in a description is
ever imported: a class is one of rustorch's, or one of those that the caller gives.  Hooks are not described.
"""

from __future__ import annotations

import dataclasses
import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .. import _C
from ..serialization._values import NUMBERS, Decoder, Encoder
from ._building import values_follow, without_values, zeros
from ._classes import class_named, function_named, name_of_class, name_of_function
from .loss import LinearCrossEntropyOptions
from .module import Module
from .parameter import Parameter, UninitializedBuffer, UninitializedParameter, is_lazy

__all__ = ["arguments", "build", "describe"]

_BOOKKEEPING = {
    "training", "_parameter_names", "_buffer_names", "_module_names", "_transient_names", "_hooks",
    "_state_dict_pre_hooks", "_state_dict_hooks", "_load_state_dict_pre_hooks", "_load_state_dict_post_hooks",
    "_load_hook", "_initialize_hook", "_rustorch_place",
}  # fmt: skip
# their constructors copy layers, so what a file says to them would take memory
_MADE_OF_MODULES = {
    "AdaptiveLogSoftmaxWithLoss", "DataParallel", "LinearCrossEntropyLoss", "ModuleDict", "ModuleList",
    "MultiheadAttention", "ParameterDict", "ParameterList", "Sequential", "Transformer", "TransformerDecoder",
    "TransformerDecoderLayer", "TransformerEncoder", "TransformerEncoderLayer",
}  # fmt: skip
_KEPT_AS = {"PairwiseDistance": {"p": "norm"}}  # arguments that are attributes of another name
# arguments that leave no attribute, since they are said by others, by parameters, or have no meaning here
_NOT_KEPT = {
    "_freeze", "_weight", "device", "input_size", "max_value", "min_value", "output_size", "process_group", "reduce",
    "size_average",
}  # fmt: skip
_RECURRENT = {"GRU", "LSTM", "RNN"}  # their constructors hand on what they are given


# ---- describing ----


@functools.cache
def _constructor(cls: Any) -> list[inspect.Parameter]:
    """The parameters of a class's constructor, without self."""
    parameters = list(inspect.signature(cls.__init__).parameters.values())[1:]
    if cls.__name__ in _RECURRENT:
        from .rnn import RNNBase

        base = list(inspect.signature(RNNBase.__init__).parameters.values())[2:]
        if cls.__name__ == "RNN":
            base.append(inspect.Parameter("nonlinearity", inspect.Parameter.KEYWORD_ONLY, default="tanh"))
        return [p for p in base if p.name != "proj_size" or cls.__name__ == "LSTM"]
    return [p for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]


def arguments(module: Module) -> dict[str, Any]:
    """The arguments that make a module like this one, found among its attributes by the constructor's signature.

    Tensors are not among them.  TypeError when an argument is no attribute.

    >>> import rustorch as rt
    >>> arguments(rt.nn.Linear(3, 2, bias=False))
    {'in_features': 3, 'out_features': 2, 'bias': False, 'dtype': dtype('float32')}
    """
    found: dict[str, Any] = {}
    cls: Any = type(module)
    for parameter in _constructor(cls):
        name = parameter.name
        held = (*module._parameter_names, *module._buffer_names)
        if name == "bias" and name in held:
            found[name] = module.bias is not None
        elif name == "dtype":
            kinds = [t.data.dtype for t in map(module.__dict__.__getitem__, held) if t is not None]
            kinds = [kind for kind in kinds if kind.kind in "fcV"]
            if kinds:
                found[name] = kinds[0]
        elif name not in held:
            kept = _KEPT_AS.get(type(module).__name__, {}).get(name, name)
            if kept in module.__dict__:
                found[name] = module.__dict__[kept]
            elif name not in _NOT_KEPT:
                raise TypeError(f"arguments: {type(module).__name__} does not keep its argument {name!r}")
    return found


class _Describing(Encoder):
    """Describes modules; values by another encoder when one is given, which may know tensors."""

    def __init__(self, encoder: Encoder | None) -> None:
        self.encoder = encoder
        self.seen: dict[int, str] = {}

    def value(self, value: Any, path: str) -> Any:
        if callable(value) and not isinstance(value, Module):
            name = name_of_function(value)
            if name is not None:
                return {"is": "function", "name": name}
        if isinstance(value, LinearCrossEntropyOptions):
            return {"is": "LinearCrossEntropyOptions", "value": self.encode(dataclasses.asdict(value), path)}
        return (self.encoder or self).encode(value, path)

    def attribute(self, value: Any, path: str) -> Any:
        """An attribute of a user's class; one without JSON does not stop saving, but loading by attributes."""
        try:
            return self.value(value, path)
        except TypeError:
            kind = type(value)
            return {"is": "opaque", "type": f"{kind.__module__}.{kind.__qualname__}"}

    def first(self, o: Any, path: str) -> str | None:
        """Where an object was met before."""
        if id(o) in self.seen:
            return self.seen[id(o)]
        self.seen[id(o)] = path
        return None

    def module(self, module: Module, path: str) -> dict[str, Any]:
        before = self.first(module, path)
        if before is not None:
            return {"shared": before}
        _refuse_what_changes(module, path)
        made: dict[str, Any] = {"class": name_of_class(type(module))}
        made.update(self.making(module, path))
        below = f"{path}." if path else ""
        parameters = {n: self.tensor(t, below + n) for n, t in module._parameters.items()}
        buffers = {n: self.tensor(t, below + n) for n, t in module._buffers.items()}
        for name in module._transient_names:
            if buffers.get(name):
                buffers[name]["persistent"] = False
        children = {n: None if m is None else self.module(m, below + n) for n, m in module._modules.items()}
        made.update({key: held for key, held in (("parameters", parameters), ("buffers", buffers)) if held})
        if children:
            made["children"] = children
        made["training"] = bool(module.training)
        return made

    def making(self, module: Module, path: str) -> dict[str, Any]:
        cls = type(module)
        if hasattr(cls, "describe") and hasattr(cls, "from_description"):
            given = module.describe()
            return {"description": {"is": "json", "value": given} if _is_json(given) else self.value(given, path)}
        name = name_of_class(cls)
        if "." not in name and name not in _MADE_OF_MODULES and not module._module_names:
            try:
                given = arguments(module)
            except TypeError:
                pass
            else:
                return {"arguments": {n: self.value(v, f"{path}.{n}") for n, v in given.items()}}
        skipped = {*_BOOKKEEPING, *module._parameter_names, *module._buffer_names, *module._module_names}
        attributes = {
            n: self.attribute(v, f"{path}.{n}")
            for n, v in module.__dict__.items()
            if n not in skipped and not isinstance(getattr(cls, n, None), functools.cached_property)
        }
        return {"attributes": attributes} if attributes else {}

    def tensor(self, t: Any, path: str) -> Any:
        if t is None:
            return None
        before = self.first(t, path)
        if before is not None:
            return {"shared": before}
        made: dict[str, Any] = {"dtype": str(t.data.dtype)}
        if is_lazy(t):
            made["lazy"] = True
        else:
            made["shape"] = list(t.shape)
        if isinstance(t, Parameter):
            made["requires_grad"] = t.requires_grad
        return made


def _is_json(o: Any) -> bool:
    """Is it JSON already, with nothing that JSON would change?"""
    if isinstance(o, dict):
        return type(o) is dict and all(type(key) is str and _is_json(value) for key, value in o.items())
    if type(o) is list:
        return all(map(_is_json, o))
    return o is None or type(o) in (bool, str) or (type(o) in (int, float) and abs(o) < 1e300)


def _refuse_what_changes(module: Module, path: str) -> None:
    """Parametrizations and pruning compute parameters from others; files hold modules without."""
    where = f"the module at {path!r}" if path else "the module"
    if type(module).__name__.startswith("Parametrized") and hasattr(module, "parametrizations"):
        raise TypeError(
            f"save: {where} has parametrizations; take them off first by nn.utils.parametrize.remove_parametrizations,"
            " or save the state_dict()"
        )
    hooks = module.__dict__.get("_hooks")
    for hook, *_ in hooks.forward_pre.values() if hooks is not None else ():
        if type(hook).__module__.startswith("rustorch.nn.utils"):
            raise TypeError(
                f"save: {where} is changed by {type(hook).__name__} before every call; take it off first by the"
                " remove function of nn.utils, or save the state_dict()"
            )


def describe(module: Module, encoder: Encoder | None = None) -> dict[str, Any]:
    """A module's architecture as a dict of JSON's types.

    Args:
        module: any Module.  Of a class of yours, attributes are described that are numbers, texts, lists and the
            like, or functions of rustorch; a class that needs more defines `describe(self)`, whose result is handed
            to its `from_description(cls, description)`.
        encoder: what turns attributes into JSON; by default tensors among them are left out as unknown.

    TypeError for modules whose parameters are computed by parametrizations or hooks.

    >>> import rustorch as rt
    >>> describe(rt.nn.Sequential(rt.nn.Flatten(), rt.nn.ReLU()))["children"]["1"]
    {'class': 'ReLU', 'arguments': {'inplace': False}, 'training': True}
    """
    if not isinstance(module, Module):
        raise TypeError(f"describe: needs a Module, not {type(module).__name__}")
    return _Describing(encoder).module(module, "")


# ---- building ----


class _Building(Decoder):
    """Makes modules of descriptions; the values of their tensors by path from `state`, when it is given."""

    def __init__(
        self, state: Mapping[str, Any] | None, classes: Sequence[type[Module]], decoder: Decoder | None
    ) -> None:
        self.state, self.classes, self.decoder = state, classes, decoder
        self.made: dict[str, Any] = {}  # by path

    def value(self, o: Any) -> Any:
        if isinstance(o, dict) and o.get("is") == "function":
            return function_named(o.get("name"))
        if isinstance(o, dict) and o.get("is") == "LinearCrossEntropyOptions":
            return LinearCrossEntropyOptions(**self.decode(o["value"]))
        return (self.decoder or self).decode(o)

    def module(self, description: Any, path: str) -> Any:
        description = _object(description, f"the description of {path or 'the module'}")
        if "shared" in description:
            return self.again(description, path, Module)
        name = description.get("class")
        if not isinstance(name, str):
            raise ValueError(f"the description of {path or 'the module'} has no class")
        return self.fill(self.bare(class_named(name, self.classes), name, description, path), description, path)

    def fill(self, module: Any, description: Mapping[str, Any], path: str) -> Any:
        """Gives a module the tensors and children of a description, and no others."""
        self.made[path] = module
        below = f"{path}." if path else ""
        for kind, enter in (("parameters", self.parameter), ("buffers", self.buffer), ("children", self.child)):
            held = _object(description.get(kind, {}), f"{kind} of {path or 'the module'}")
            names = {"parameters": module._parameter_names, "buffers": module._buffer_names}
            if kind in description or self.state is not None:
                for name in set(names.get(kind, module._module_names)) - set(held):
                    delattr(module, name)
            for name, part in held.items():
                _check_name(name, kind, path)
                enter(module, name, part, below + name)
        training = description.get("training", True)
        if not isinstance(training, bool):
            raise ValueError(f"training of {path or 'the module'} is no bool")
        module.training = training
        if callable(getattr(type(module), "recompile", None)):
            module.recompile()  # a Program checks the names in its steps
        return module

    def bare(self, cls: type[Module], name: str, description: Mapping[str, Any], path: str) -> Module:
        """The module before its own tensors and children are put in."""
        try:
            if "description" in description:
                return self.by_own_rule(cls, description)
            if "arguments" in description:
                if (self.state is not None or values_follow()) and ("." in name or name in _MADE_OF_MODULES):
                    raise ValueError("its class is not made from arguments")
                given = _object(description["arguments"], "arguments")
                given = {key: self.value(value) for key, value in given.items()}
                return self.limited(lambda: cls(**given), description)
            module: Module = cls.__new__(cls)
            Module.__init__(module)
            attributes = _object(description.get("attributes", {}), "attributes")
            for key, value in attributes.items():
                _check_name(key, "attributes", path)
                module.__dict__[key] = self.attribute(key, value, name)
            return module
        except RecursionError:
            raise
        except Exception as error:
            raise ValueError(f"{name}{f' at {path!r}' if path else ''} cannot be made: {error}") from error

    def by_own_rule(self, cls: type[Module], description: Mapping[str, Any]) -> Module:
        rule = getattr(cls, "from_description", None)
        if rule is None:
            raise ValueError("its class has no from_description")
        given = self.value(description["description"])
        ours = cls.__module__.startswith("rustorch.")
        made = self.limited(lambda: rule(given), description) if ours else rule(given)
        if type(made) is not cls:
            raise TypeError(f"from_description gave {type(made).__name__}")
        return made

    def limited(self, make: Callable[[], Module], description: Mapping[str, Any]) -> Module:
        """make(), whose tensors together are no larger than what the state has for it."""
        if self.state is None:
            return make()
        sizes = _sizes(description, self.state)
        with without_values(len(sizes), sum(sizes)):
            return make()

    def attribute(self, key: str, value: Any, name: str) -> Any:
        if isinstance(value, dict) and value.get("is") == "opaque":
            raise TypeError(
                f"its attribute {key!r} was a {str(value.get('type'))[:100]}, which files do not hold; give the class"
                " describe(self) and from_description(cls, description), or load the weights alone"
            )
        return self.value(value)

    def again(self, description: Mapping[str, Any], path: str, kind: type) -> Any:
        made = self.made.get(str(description["shared"]))
        if not isinstance(made, kind):
            raise ValueError(f"{path!r} shares {str(description['shared'])[:100]!r}, which is no {kind.__name__}")
        return made

    def child(self, module: Any, name: str, description: Any, path: str) -> None:
        made, given = None, module.__dict__.get(name)
        if isinstance(given, Module) and description and description.get("class") == name_of_class(type(given)):
            made = self.fill(given, description, path)  # what a class's own rule made
        elif description is not None:
            made = self.module(description, path)
        module._claim(name, module._module_names)
        module.__dict__[name] = made

    def parameter(self, module: Any, name: str, description: Any, path: str) -> None:
        made: Any = None
        if description is not None:
            description = _object(description, f"the description of {path!r}")
            if "shared" in description:
                made = self.again(description, path, Parameter)
            elif description.get("lazy"):
                made = UninitializedParameter(bool(description.get("requires_grad", True)), None, _dtype(description))
                given = module.__dict__.get(name)
                made = given if is_lazy(given) else made
            else:
                values, given = self.values(description, path), module.__dict__.get(name)
                if values is None and isinstance(given, Parameter):
                    made = given
                else:
                    _check_shape(given, values, path)
                    made = Parameter(_zeros(description) if values is None else values, False)
                made.requires_grad_(bool(description.get("requires_grad", True)))
            self.made[path] = made
        module._claim(name, module._parameter_names)
        module.__dict__[name] = made

    def buffer(self, module: Any, name: str, description: Any, path: str) -> None:
        made: Any = None
        if description is not None:
            description = _object(description, f"the description of {path!r}")
            if "shared" in description:
                made = self.again(description, path, _C.Tensor)
            elif description.get("lazy"):
                given = module.__dict__.get(name)
                made = given if is_lazy(given) else UninitializedBuffer(False, None, _dtype(description))
            else:
                values, given = self.values(description, path), module.__dict__.get(name)
                _check_shape(given, values, path)
                made = (_zeros(description) if given is None else given) if values is None else values
            self.made[path] = made
        module._claim(name, module._buffer_names)
        module._mark_transient(name, description is not None and description.get("persistent") is False)
        module.__dict__[name] = made

    def values(self, description: Mapping[str, Any], path: str) -> Any:
        """The values that the state has; None when there is no state."""
        if self.state is None:
            return None
        if path not in self.state:
            raise ValueError(f"there are no values of {path!r}")
        values = self.state[path]
        stated = (description.get("dtype"), description.get("shape"))
        if not isinstance(values, _C.Tensor) or (str(values.dtype), list(values.shape)) != stated:
            raise ValueError(f"the values of {path!r} have another dtype or shape than its description")
        return values


def _object(o: Any, what: str) -> Mapping[str, Any]:
    if not isinstance(o, dict):
        raise ValueError(f"{what[:200]} is no object")
    return o


def _check_name(name: str, kind: str, path: str) -> None:
    """A description may not take the place of what every Module has."""
    if not name or "." in name or name.startswith("__") or name in _BOOKKEEPING or hasattr(Module, name):
        raise ValueError(f"{kind} of {path or 'the module'} may not be called {name[:100]!r}")


def _sizes(description: Mapping[str, Any], state: Mapping[str, Any]) -> list[int]:
    """Numbers of elements of the tensors in a description, below included."""
    sizes: list[int] = []
    for kind in ("parameters", "buffers"):
        for part in _object(description.get(kind, {}), kind).values():
            part = part if isinstance(part, dict) else {}
            shared = state.get(str(part.get("shared")))
            shape = part.get("shape") if shared is None else list(shared.shape)
            sizes.append(_elements(shape) if isinstance(shape, list) else 0)
    for child in _object(description.get("children", {}), "children").values():
        if isinstance(child, dict):
            sizes += _sizes(child, state)
    return sizes


def _elements(shape: list[Any]) -> int:
    if not all(type(n) is int and n >= 0 for n in shape):
        raise ValueError("a shape is no list of sizes")
    return functools.reduce(lambda a, b: a * b, shape, 1)


def _dtype(description: Mapping[str, Any]) -> Any:
    if description.get("dtype") not in NUMBERS:
        raise ValueError(f"{str(description.get('dtype'))[:50]!r} is no dtype of tensors")
    return _C.dtype(str(description["dtype"]))


def _zeros(description: Mapping[str, Any]) -> Any:
    shape = description.get("shape")
    if not isinstance(shape, list):
        raise ValueError("a tensor's description has no shape")
    _elements(shape)
    return zeros(tuple(shape), _dtype(description))


def _check_shape(made: Any, values: Any, path: str) -> None:
    """A constructor's tensor and its values agree."""
    if made is None or values is None or is_lazy(made):
        return
    if tuple(made.shape) != tuple(values.shape):
        raise ValueError(
            f"{path!r} has the shape {tuple(made.shape)} by the arguments of its module, {tuple(values.shape)} by its"
            " values"
        )


def build(
    description: Mapping[str, Any], state: Mapping[str, Any] | None = None, classes: Sequence[type[Module]] = (),
    decoder: Decoder | None = None,
) -> Module:  # fmt: skip
    """The module that describe described.

    Args:
        description: what describe gave, or the same written by hand.
        state: tensors by dotted path, which become the parameters and buffers without a copy.  Then the description
            is not trusted with memory.  Without it, parameters are initialised as their constructors do.
        classes: classes of yours that the description may name.
        decoder: the counterpart of describe's encoder.

    ValueError says what is wrong with a description.

    >>> import rustorch as rt
    >>> build({"class": "Linear", "arguments": {"in_features": 3, "out_features": 2}})
    Linear(in_features=3, out_features=2, bias=True)
    """
    for cls in classes:
        if not (isinstance(cls, type) and issubclass(cls, Module)):
            raise TypeError(f"classes: needs classes of modules, not {cls!r}")
    try:
        module: Module = _Building(state, classes, decoder).module(description, "")
    except RecursionError:
        raise ValueError("the description is nested too deeply") from None
    return module
