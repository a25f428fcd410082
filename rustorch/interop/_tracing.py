"""A PyTorch module's forward as a graph, by symbolic tracing (torch.fx): what sizes its inputs have stays open.

Tracing runs forward on stand-ins.  What it would get wrong without a word (state that forward keeps, blocks without
gradients, functions with gradients of their own, chance in Python) is noticed here and refused: `Untraceable`.
"""

from __future__ import annotations

import builtins
import inspect
import random
import types
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
import torch.fx
from torch.fx.proxy import Proxy

__all__ = ["Untraceable", "Wiring", "in_mode", "seeded", "traced"]

# functions that make tensors from numbers: they take stand-ins for sizes, and are steps even where they do not
_FACTORIES = (
    "arange", "empty", "eye", "full", "linspace", "ones", "rand", "randint", "randn", "randperm", "tensor", "zeros",
    "logspace", "normal", "hann_window", "triu_indices", "tril_indices", "as_tensor",
)  # fmt: skip


_FUNCTIONS = {name: getattr(torch, name) for name in _FACTORIES}
# what gives no tensor: methods and attributes of a tensor
_NO_TENSORS = {"size", "shape", "dim", "ndim", "numel", "dtype", "device", "stride", "item", "tolist", "ndimension",
               "nelement", "element_size", "layout", "requires_grad", "is_contiguous", "storage_offset"}  # fmt: skip


class Untraceable(Exception):
    """A forward that cannot be written as a straight line of steps; the message says why."""


class Wiring:
    """Which of forward's arguments are inputs of the graph, and what the others are.

    Equal wirings of one module give one graph.
    """

    def __init__(self, inputs: Sequence[str], fixed: Mapping[str, Any]) -> None:
        self.inputs, self.fixed = tuple(inputs), dict(fixed)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Wiring) and (self.inputs, repr(self.fixed)) == (other.inputs, repr(other.fixed))

    __hash__ = None  # type: ignore[assignment]

    @classmethod
    def of_call(
        cls, module: Any, args: Sequence[Any], kwargs: Mapping[str, Any], is_input: Callable[[Any], bool]
    ) -> tuple[Wiring, list[Any]]:
        """The wiring of a call, and the values of its inputs; Untraceable for arguments without names."""
        bound = cls._signature(module).bind(*args, **kwargs)
        inputs = {name: value for name, value in bound.arguments.items() if is_input(value)}
        fixed = {name: value for name, value in bound.arguments.items() if name not in inputs}
        return cls(list(inputs), fixed), list(inputs.values())

    @classmethod
    def required(cls, module: Any, alone: bool = False) -> Wiring:
        """The wiring of a call with nothing but what forward must be given; Untraceable when that is to be the only
        way of calling it, and there are others."""
        parameters = cls._signature(module).parameters.values()
        optional = [p.name for p in parameters if p.default is not p.empty]
        if alone and optional:
            raise Untraceable(f"forward has the optional argument {optional[0]!r}; example_inputs say how it is called")
        return cls([p.name for p in parameters if p.default is p.empty], {})

    @staticmethod
    def _signature(module: Any) -> inspect.Signature:
        signature = inspect.signature(module.forward)
        for parameter in signature.parameters.values():
            if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
                raise Untraceable(f"forward takes {parameter}, any number of arguments")
        return signature


class _Tracer(torch.fx.Tracer):
    def __init__(self, wiring: Wiring, call: Callable[[_Tracer, Any, Any, Any], Any]) -> None:
        super().__init__(autowrap_functions=())
        self.proxy_buffer_attributes = True
        self.trace_asserts = True
        self.wiring, self._call = wiring, call
        self.constants: dict[str, Any] = {}

    def create_args_for_root(self, root_fn: Any, is_module: bool, concrete_args: Any = None) -> Any:
        wiring = self.wiring
        values = [self.create_proxy("placeholder", name, (), {}) for name in wiring.inputs]

        def run(root: Any, *given: Any) -> Any:
            return root_fn(root, **dict(zip(wiring.inputs, given, strict=True)), **wiring.fixed)

        return run, [self.root, *values]

    def create_arg(self, value: Any) -> Any:
        if isinstance(value, Proxy):
            return value.node
        if isinstance(value, torch.Size):
            return tuple(self.create_arg(v) for v in value)
        return super().create_arg(value)

    def call_module(self, module: Any, forward: Any, args: Any, kwargs: Any) -> Any:
        result = self._call(self, module, args, kwargs)
        return forward(*args, **kwargs) if result is NotImplemented else result

    def is_leaf_module(self, module: Any, path: str) -> bool:
        return False


def traced(
    root: Any, wiring: Wiring, training: bool, call: Callable[[Any, Any, Any, Any], Any]
) -> tuple[Any, dict[str, Any]]:
    """The torch.fx graph of root's forward in a mode, and the tensors that are constants in it, by name.

    `call(tracer, module, args, kwargs)` decides about submodules: it gives the stand-in for their result, or
    NotImplemented for those whose forward is to be traced along.
    """
    tracer = _Tracer(wiring, call)
    if isinstance(root, torch.jit.ScriptModule):
        raise Untraceable("it is compiled by TorchScript")
    with in_mode(root, training), _watched(root), _patched(tracer):
        try:
            graph = tracer.trace(root)
            constants = {
                node.target: getattr(root, node.target)
                for node in graph.nodes
                if node.op == "get_attr" and node.target.startswith("_tensor_constant")
            }
        except Untraceable:
            raise
        except Exception as error:
            message = str(error).partition("\n")[0]
            raise Untraceable(f"{type(error).__name__}: {message}") from error
    return graph, constants


@contextmanager
def in_mode(root: Any, training: bool) -> Iterator[None]:
    """Within, a module and all below it are in a mode."""
    modes = [(module, module.training) for module in root.modules()]
    try:
        for module, _ in modes:
            module.training = training
        yield
    finally:
        for module, mode in modes:
            module.training = mode


_HELD = ("_parameters", "_buffers", "_modules")


def _parts(collection: Any) -> list[Any]:
    return [*collection, *(collection.values() if isinstance(collection, dict) else ())]


@contextmanager
def _watched(root: Any) -> Iterator[None]:
    """Untraceable when forward changed what modules hold; everything is put back as it was."""
    before = [(m, {**vars(m)}, {kind: {**getattr(m, kind)} for kind in _HELD}) for m in root.modules()]
    collections = [
        (name, value, value.copy())
        for _, attributes, _ in before
        for name, value in attributes.items()
        if type(value) in (list, set, dict) and name not in _HELD
    ]
    tensors = [*root.parameters(), *root.buffers()]
    versions = [(t, t._version, t.detach().clone() if t.numel() <= 65536 else None) for t in tensors]
    changed = None
    try:
        yield
    finally:
        for module, attributes, held in before:
            made = [name for name, value in vars(module).items() if attributes.get(name, module) is not value]
            for kind, entries in held.items():
                made += [n for n, v in getattr(module, kind).items() if entries.get(n, module) is not v]
                getattr(module, kind).clear()
                getattr(module, kind).update(entries)
            vars(module).clear()
            vars(module).update(attributes)
            changed = changed or next((n for n in made if not n.startswith("_tensor_constant")), None)
        for name, value, copied in collections:
            if [*map(id, _parts(value))] != [*map(id, _parts(copied))]:
                changed = changed or name
                value.clear()
                value.extend(copied) if isinstance(value, list) else value.update(copied)
        for tensor, version, value in versions:
            if tensor._version != version:
                changed = changed or "a tensor it holds"
                if value is not None:
                    with torch.no_grad():
                        tensor.copy_(value)
    if changed:
        raise Untraceable(f"forward changes {changed}")


def _refusing(what: str) -> Callable[..., Any]:
    def refuse(*args: Any, **kwargs: Any) -> Any:
        raise Untraceable(f"forward uses {what}")

    return refuse


def _is_tensor(proxy: Any) -> bool:
    """Whether a stand-in is one for a tensor; Untraceable where that cannot be known."""
    node = proxy.node
    if node.op in ("placeholder", "call_module"):
        raise Untraceable(f"forward asks for the type of {node}")
    if node.op == "call_method":
        return node.target not in _NO_TENSORS
    if node.op == "call_function" and node.target is getattr:
        return node.args[1] not in _NO_TENSORS
    if node.op == "call_function" and getattr(node.target, "__module__", "") in ("_operator", "operator", "math"):
        return any(_is_tensor(Proxy(arg, proxy.tracer)) for arg in node.all_input_nodes)
    return True


def _isinstance(value: Any, kinds: Any) -> bool:
    """isinstance, for which stand-ins of tensors are tensors."""
    if issubclass(type(value), Proxy) and not _plain_isinstance(kinds, types.UnionType):
        asked = kinds if type(kinds) is tuple else (kinds,)
        if torch.Tensor in asked and not any(issubclass(Proxy, kind) for kind in asked):
            return _is_tensor(value)
    return _plain_isinstance(value, kinds)


_plain_isinstance = isinstance


@contextmanager
def _patched(tracer: _Tracer) -> Iterator[None]:
    """Makers of tensors become steps; what a graph cannot say is refused.  Traces may lie within traces."""

    def step(function: Any) -> Any:
        return lambda *args, **kwargs: tracer.create_proxy("call_function", function, args, kwargs)

    with ExitStack() as stack:
        for name in _FACTORIES:
            stack.enter_context(_attribute(torch, name, step(_FUNCTIONS[name])))
        stack.enter_context(_attribute(builtins, "isinstance", _isinstance))
        stack.enter_context(_attribute(torch, "is_tensor", lambda value: _isinstance(value, torch.Tensor)))
        for holder, name, what in (
            (torch.autograd.Function, "apply", "a torch.autograd.Function"),
            (torch.no_grad, "__enter__", "a block under torch.no_grad"),
            (torch.enable_grad, "__enter__", "a block under torch.enable_grad"),
            (torch.set_grad_enabled, "__init__", "torch.set_grad_enabled"),
            (torch.inference_mode, "__enter__", "a block under torch.inference_mode"),
            (torch.autocast, "__enter__", "torch.autocast"),
        ):
            stack.enter_context(_attribute(holder, name, _refusing(what)))
        yield


@contextmanager
def _attribute(holder: Any, name: str, value: Any) -> Iterator[None]:
    own = vars(holder).get(name)
    setattr(holder, name, value)
    try:
        yield
    finally:
        if own is None:
            delattr(holder, name)
        else:
            setattr(holder, name, own)


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Within, Python's and PyTorch's random numbers begin at a seed; afterwards they go on as before."""
    state = random.getstate()
    with torch.random.fork_rng(devices=[]):
        random.seed(seed)
        torch.manual_seed(seed)
        try:
            yield
        finally:
            random.setstate(state)
