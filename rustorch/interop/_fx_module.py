"""A Program as a PyTorch module: a torch.fx GraphModule, or two that take turns."""

from __future__ import annotations

import builtins
import math
import operator
from typing import TYPE_CHECKING, Any

import torch
import torch.fx

from ._layers import ConversionError
from ._values import Ref, replace
from .targets import CONVERTERS, is_attribute, resolve

if TYPE_CHECKING:
    from ._conversion import Conversion
    from ._graph import Graph, Step

__all__ = ["GraphByMode", "graph_module"]

_HOMES = {"operator": operator, "math": math, "builtins": builtins}
_KINDS = ("_parameters", "_buffers", "_modules")


class GraphByMode(torch.nn.Module):
    """A module with one graph for eval mode and another for training; both compute with what this module holds."""

    def __init__(self, held: torch.nn.Module, evaluating: torch.fx.Graph, training: torch.fx.Graph) -> None:
        super().__init__()
        _share(self, held)
        self.__dict__["_graphs"] = tuple(_over(held, graph) for graph in (evaluating, training))

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        graph_module = self.__dict__["_graphs"][self.training]
        _share(graph_module, self)
        graph_module.training = self.training
        return graph_module.forward(*args, **kwargs)


def _share(module: torch.nn.Module, held: torch.nn.Module) -> None:
    for kind in _KINDS:
        module.__dict__[kind] = getattr(held, kind)
    module._non_persistent_buffers_set = held._non_persistent_buffers_set


def _over(held: torch.nn.Module, graph: torch.fx.Graph) -> torch.fx.GraphModule:
    module = torch.fx.GraphModule(held, graph)
    _share(module, held)  # a GraphModule keeps only what its graph names
    return module


def graph_module(held: torch.nn.Module, evaluating: Graph, training: Graph, conversion: Conversion) -> torch.nn.Module:
    """A module that runs the graphs on what `held` holds, which it takes over."""
    graph = _fx_graph(evaluating, conversion)
    if training is evaluating:
        return _over(held, graph)
    return GraphByMode(held, graph, _fx_graph(training, conversion))


def _fx_graph(graph: Graph, conversion: Conversion) -> torch.fx.Graph:
    made = torch.fx.Graph()
    values: dict[str, Any] = {}

    def node_of(value: Any) -> Any:
        if not isinstance(value, Ref):
            return conversion.retargeting.translate(value)
        if value.name not in values:
            values[value.name] = made.get_attr(value.name.removeprefix("self."))
        return values[value.name]

    for name in graph.inputs:
        default = (conversion.retargeting.translate(graph.defaults[name]),) if name in graph.defaults else ()
        values[name] = made.create_node("placeholder", name, default, {}, name=name)
    for step in graph.steps:
        args = tuple(replace(a, node_of) for a in step.args)
        kwargs = {k: replace(v, node_of) for k, v in step.kwargs.items()}
        result = _call(made, step, args, kwargs, conversion)
        if len(step.outputs) == 1:
            values[step.outputs[0]] = result
        else:
            for number, name in enumerate(step.outputs):
                values[name] = made.call_function(operator.getitem, (result, number))
    made.output(replace(graph.outputs, node_of))
    return made


def _call(graph: torch.fx.Graph, step: Step, args: tuple[Any, ...], kwargs: Any, conversion: Conversion) -> Any:
    prefix, _, name = step.target.rpartition(".")
    named = step.outputs[0] if len(step.outputs) == 1 else None
    kind = "call_function"
    target: Any = None
    if step.target.startswith("self."):
        kind, target = "call_module", step.target[5:]
    elif is_attribute(step.target):
        target, args = getattr, (*args, name)
    elif prefix == "Tensor":
        kind, target = "call_method", name
    elif prefix == "aten":
        target = getattr(torch.ops.aten, name, None)
    elif prefix in _HOMES:
        target = getattr(_HOMES[prefix], name)
    else:
        target = conversion.names.named(step.target)
        if target is None:
            target = conversion.names.named(f"nn.functional.{name}") if not prefix else None
        if target is None and not prefix and hasattr(torch.Tensor, name):
            kind, target = "call_method", name
    if target is None and prefix in CONVERTERS:
        try:
            target = conversion.retargeting.translate(resolve(step.target))
        except ConversionError as error:
            raise ConversionError(f"to_pytorch: a step calls {step.target}: {error}") from error
    if target is None:
        raise ConversionError(f"to_pytorch: a step calls {step.target}, which PyTorch lacks")
    return graph.create_node(kind, target, args, kwargs, name=named)
