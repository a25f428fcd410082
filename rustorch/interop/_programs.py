"""Modules with a forward of their own as Programs: what is traced, what is a step, what a Program holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from torch.fx.proxy import Proxy
from torch.utils import _pytree as pytree

from .. import from_torch
from .._C import Tensor
from ..nn.module import Module
from ._conversion import ConversionError, at_rest, join, place
from ._exported import exported, has_tensor
from ._fx_steps import graph_of, merged
from ._graph import Graph
from ._tracing import Untraceable, Wiring, seeded, traced
from ._values import Ref, references
from .program import Program

if TYPE_CHECKING:
    from .pytorch import FromPyTorch

__all__ = ["Programs", "Untraceable", "Wiring"]


class _Trace(NamedTuple):
    """The graphs of a forward in eval and training mode, and the constants in them."""

    evaluating: Graph
    training: Graph
    constants: dict[str, Any]


class Programs:
    """The Programs of one conversion; a module has one, for one wiring.

    Within a Program, a child with a counterpart is a step, and so is a child that is a Program itself; the forward of
    any other child is traced along, and the child is left as a plain Module that holds what it held.
    """

    def __init__(self, conversion: FromPyTorch) -> None:
        self.conversion = conversion
        self._traces: dict[int, tuple[Any, Wiring, _Trace | Untraceable]] = {}

    def trace(self, module: Any, wiring: Wiring, path: str) -> None:
        """Finds out that a module can be a Program; Untraceable when not, or when it is one for another wiring."""
        found = self._traces.get(id(module))
        if found is None:
            made: _Trace | Untraceable
            try:
                made = self._graphs(module, wiring, path)
            except Untraceable as error:
                made = Untraceable(f"{place(path, module)}: {error}")
            found = self._traces[id(module)] = module, wiring, made
        if isinstance(found[2], Untraceable):
            raise found[2]
        if found[1] != wiring:
            raise Untraceable(f"{place(path, module)} is called in several ways")

    def export(self, module: Any, wiring: Wiring, args: Any, kwargs: dict[str, Any]) -> None:
        """Has torch.export run a module on arguments; Untraceable when it cannot."""
        names, translate = self.conversion.names, self.conversion.retargeting.translate
        one, other = (
            exported(module, args, kwargs, wiring.inputs, training, names, translate) for training in (False, True)
        )
        constants = {name: self.conversion.tensor(value) for name, value in one.constants.items()}
        for name, value in other.constants.items():
            constants.setdefault(name, self.conversion.tensor(value))
        self._traces[id(module)] = module, wiring, _Trace(one.graph, other.graph, constants)

    def build(self, module: Any, path: str) -> Program | None:
        """The Program of a module that was traced, with all it holds; None for another."""
        found = self._traces.get(id(module))
        if found is None or isinstance(found[2], Untraceable):
            return None
        trace = found[2]
        program = Program.__new__(Program)
        Module.__init__(program)
        self.conversion.note(module, program)
        whole = merged(trace.evaluating, trace.training)
        program.__dict__.update(
            _graph=whole or trace.evaluating, _training_graph=whole or trace.training, _compiled=None
        )
        self.conversion.fill(program, module, path)
        for name, value in trace.constants.items():
            program.register_buffer(name, value, persistent=False)
        program.recompile()
        return program

    def _graphs(self, module: Any, wiring: Wiring, path: str) -> _Trace:
        if self.conversion.parametrized(module):
            raise Untraceable("its tensors are parametrized")
        names, translate = self.conversion.names, self.conversion.retargeting.translate
        kept: dict[str, Any] = {}

        def one(training: bool, seed: int) -> Graph:
            with seeded(seed):
                graph, constants = traced(module, wiring, training, self._caller(module, path))
            refs = {name: self._constant(value, module, kept) for name, value in constants.items()}
            try:
                return graph_of(graph, refs, names, translate)
            except NotImplementedError as error:
                raise Untraceable(str(error)) from None

        graphs = one(False, 0), one(True, 0)
        if repr(one(True, 1)) != repr(graphs[1]):
            raise Untraceable("forward depends on chance")
        used = {name for graph in graphs for s in graph.steps for name in references((s.args, s.kwargs))}
        used |= {name for graph in graphs for name in references(graph.outputs)}
        return _Trace(*graphs, {name: value for name, value in kept.items() if "self." + name in used})

    def _constant(self, value: Any, module: Any, kept: dict[str, Any]) -> Ref:
        if value.requires_grad and not value.is_leaf:
            raise Untraceable("forward computes with parameters only")
        made = self.conversion.tensor(value)
        for name, other in kept.items():
            if other is made or (
                other.shape == made.shape and other.dtype == made.dtype and bool((other == made).all())
            ):
                return Ref("self." + name)
        name = f"_constant{len(kept)}"
        while hasattr(module, name):
            name += "_"
        kept[name] = made
        return Ref("self." + name)

    def _caller(self, root: Any, path: str) -> Any:
        """What a trace does with the call of a submodule."""
        conversion = self.conversion
        paths = {id(m): p for p, m in root.named_modules()}

        def call(tracer: Any, module: Any, args: Any, kwargs: Any) -> Any:
            inner = paths.get(id(module))
            if inner is None:
                raise Untraceable(f"forward calls a module that it does not hold, a {type(module).__name__}")
            where = join(path, inner)
            try:
                if conversion.layer_class(module) is not None:
                    self.trace_below(module, where)
                    return tracer.create_proxy("call_module", inner, args, kwargs)
                wiring, values = Wiring.of_call(module, args, kwargs, _has_stand_in)
                if any(type(value) in (tuple, list, dict) for value in values):
                    return NotImplemented  # what forward does with a container depends on its length
                self.trace(module, wiring, where)
                return tracer.create_proxy("call_module", inner, tuple(values), {})
            except (Untraceable, TypeError):
                return NotImplemented

        return call

    def trace_below(self, module: Any, path: str) -> None:
        """Finds out that everything below a layer has a counterpart or can be a Program; Untraceable when not."""
        for name, child in module.named_children():
            where = join(path, name)
            if self.conversion.layer_class(child) is not None:
                self.trace_below(child, where)
            elif name != "parametrizations" or not self.conversion.parametrized(module):
                self.trace(child, Wiring.required(child), where)


def _has_stand_in(value: Any) -> bool:
    if type(value) in (tuple, list):
        return any(_has_stand_in(v) for v in value)
    if type(value) is dict:
        return any(_has_stand_in(v) for v in value.values())
    return issubclass(type(value), (Proxy, torch.Tensor))


def _checked(conversion: FromPyTorch, model: Any, example_inputs: Any) -> Any:
    """A counterpart found by symbolic tracing, or by torch.export, that gives on the examples what model gives."""
    args, kwargs = _arguments(example_inputs)
    try:
        with at_rest(model), torch.random.fork_rng(devices=[]):
            model(*args, **kwargs)
    except Exception as error:
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind(f"from_pytorch: the model cannot be called with example_inputs: {error}") from error
    reasons = []
    for find in (_by_tracing, _by_export):
        programs = conversion.programs = Programs(conversion)
        try:
            values = find(programs, model, args, kwargs)
            made = conversion.module(model)
            _compare(model, args, kwargs, made, values)
            return made
        except Untraceable as error:
            reasons.append(str(error))
            conversion = type(conversion)(conversion.copy)
    raise Untraceable("; ".join(reasons))


def _arguments(example_inputs: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Example inputs as PyTorch's tensors, by position and by name."""

    def over(value: Any) -> Any:
        if isinstance(value, Tensor):
            return value.detach().to_torch()
        return torch.from_numpy(value) if isinstance(value, np.ndarray) else value

    given = pytree.tree_map(over, example_inputs)
    if isinstance(given, dict):
        return (), given
    return (tuple(given) if isinstance(given, (tuple, list)) else (given,)), {}


def _by_tracing(programs: Programs, model: Any, args: Any, kwargs: Any) -> list[Any]:
    """Traces a model; the values of its counterpart's inputs."""
    if programs.conversion.layer_class(model) is not None:
        programs.trace_below(model, "")
        return [*args, *kwargs.values()]
    wiring, values = Wiring.of_call(model, args, kwargs, has_tensor)
    programs.trace(model, wiring, "")
    return values


def _by_export(programs: Programs, model: Any, args: Any, kwargs: Any) -> list[Any]:
    """Exports a model; the values of its counterpart's inputs."""
    wiring, values = Wiring.of_call(model, args, kwargs, has_tensor)
    try:
        programs.export(model, wiring, *pytree.tree_map(_widened, (args, kwargs)))
    except Untraceable:
        programs.export(model, wiring, args, kwargs)
    return values


def _widened(value: Any) -> Any:
    """A batch of one as one of two: an export takes lengths of one for constants."""
    single = isinstance(value, torch.Tensor) and value.ndim > 0 and value.shape[0] == 1
    return torch.cat([value, value]) if single else value


def _compare(model: Any, args: Any, kwargs: Any, made: Any, values: list[Any]) -> None:
    """Untraceable unless model and its counterpart give the same in eval mode."""

    def over(value: Any) -> Any:
        return from_torch(value.detach().clone()) if isinstance(value, torch.Tensor) else value

    with at_rest(model), at_rest(made), torch.random.fork_rng(devices=[]):
        theirs = pytree.tree_leaves(model(*pytree.tree_map(lambda v: v, args), **kwargs))
        try:
            ours = pytree.tree_leaves(made(*pytree.tree_map(over, values)))
        except Exception as error:
            raise Untraceable(f"on the example inputs: {type(error).__name__}: {error}") from error
    same = len(ours) == len(theirs)
    for a, b in zip(theirs, ours, strict=False):
        if isinstance(a, torch.Tensor):
            b = b.detach().to_torch() if isinstance(b, Tensor) else torch.as_tensor(b)
            same = same and a.shape == b.shape and torch.allclose(
                a.detach().to(torch.complex128), b.to(torch.complex128), rtol=1e-3, atol=1e-4, equal_nan=True
            )  # fmt: skip
    if not same:
        raise Untraceable("on the example inputs it gives something else")


def program_of(conversion: FromPyTorch, model: Any, example_inputs: Any) -> Any:
    """The counterpart of a model in which every module with a forward of its own is a Program; ConversionError says
    why there is none.  With example inputs it is one that gives on them what the model gives."""
    programs = conversion.programs = Programs(conversion)
    try:
        if example_inputs is not None:
            return _checked(conversion, model, example_inputs)
        if conversion.layer_class(model) is not None:
            programs.trace_below(model, "")
        else:
            try:
                wiring = Wiring.required(model, alone=True)
            except Untraceable as error:
                raise Untraceable(f"{place('', model)}: {error}") from None
            programs.trace(model, wiring, "")
        return conversion.module(model)
    except Untraceable as error:
        raise ConversionError(f"from_pytorch: {error}") from error
