"""Modules with a forward of their own as Programs: what is traced, what is a step, what a Program holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch.fx.proxy import Proxy

from ..nn.module import Module
from ._conversion import join, place
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
        self._conversion = conversion
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

    def build(self, module: Any, path: str) -> Program | None:
        """The Program of a module that was traced, with all it holds; None for another."""
        found = self._traces.get(id(module))
        if found is None or isinstance(found[2], Untraceable):
            return None
        trace = found[2]
        program = Program.__new__(Program)
        Module.__init__(program)
        self._conversion.note(module, program)
        for name, value in trace.constants.items():
            program.register_buffer(name, value, persistent=False)
        whole = merged(trace.evaluating, trace.training)
        program.__dict__.update(
            _graph=whole or trace.evaluating, _training_graph=whole or trace.training, _compiled=None
        )
        self._conversion.fill(program, module, path)
        program.recompile()
        return program

    def _graphs(self, module: Any, wiring: Wiring, path: str) -> _Trace:
        if self._conversion.parametrized(module):
            raise Untraceable("its tensors are parametrized")
        names, translate = self._conversion.names, self._conversion.retargeting.translate
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
        made = self._conversion.tensor(value)
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
        conversion = self._conversion
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
                self.trace(module, wiring, where)
                return tracer.create_proxy("call_module", inner, tuple(values), {})
            except (Untraceable, TypeError):
                return NotImplemented

        return call

    def trace_below(self, module: Any, path: str) -> None:
        """Finds out that everything below a layer has a counterpart or can be a Program; Untraceable when not."""
        for name, child in module.named_children():
            where = join(path, name)
            if self._conversion.layer_class(child) is not None:
                self.trace_below(child, where)
            elif name != "parametrizations" or not self._conversion.parametrized(module):
                self.trace(child, Wiring.required(child), where)


def _has_stand_in(value: Any) -> bool:
    if type(value) in (tuple, list):
        return any(_has_stand_in(v) for v in value)
    if type(value) is dict:
        return any(_has_stand_in(v) for v in value.values())
    return issubclass(type(value), (Proxy, torch.Tensor))
