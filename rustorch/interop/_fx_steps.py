"""The nodes of a torch.fx graph as steps of ours."""

from __future__ import annotations

import math
import operator
from typing import Any

import torch
import torch.fx

from ._counterparts import Counterparts
from ._graph import Graph, Step
from ._tracing import Untraceable
from ._values import Ref, encode
from .targets import is_target

__all__ = ["graph_of", "merged"]

_FIELDS = {"values": 0, "indices": 1}  # of the pairs that max, sort, topk and their kin return
_STATEMENTS = {torch._assert, getattr(torch, "_check", None)}


def graph_of(
    graph: Any, constants: dict[str, Ref], names: Counterparts, translate: Any
) -> Graph:
    """The steps of a torch.fx graph; Untraceable names the first node that has none."""
    inputs: list[str] = []
    steps: list[Step] = []
    refs: dict[Any, Ref] = {}
    outputs: Any = None

    def argument(value: Any) -> Any:
        if isinstance(value, torch.fx.Node):
            return refs[value]
        if isinstance(value, (tuple, list)):
            return (list if isinstance(value, list) else tuple)(argument(v) for v in value)
        if isinstance(value, dict):
            return {k: argument(v) for k, v in value.items()}
        if isinstance(value, slice):
            return slice(argument(value.start), argument(value.stop), argument(value.step))
        made = translate(value)
        try:
            encode(made)
        except TypeError as error:
            raise Untraceable(str(error)) from None
        return made

    for node in graph.nodes:
        name = _name(node.name)
        if node.op == "placeholder":
            inputs.append(node.target)
            refs[node] = Ref(node.target)
        elif node.op == "output":
            outputs = argument(node.args[0])
        elif node.op == "get_attr":
            refs[node] = constants.get(node.target) or Ref("self." + node.target)
        elif not (node.op == "call_function" and node.target in _STATEMENTS):
            target = _target(node, names)
            args = node.args[:1] if target.startswith("Tensor.") and node.target is getattr else node.args
            if target == "operator.getitem" and node.target is getattr:
                args = (node.args[0], _FIELDS[node.args[1]])
            keywords = {k: argument(v) for k, v in node.kwargs.items()}
            steps.append(Step(target, tuple(argument(a) for a in args), keywords, (name,)))
            refs[node] = Ref(name)
    return Graph(tuple(inputs), steps, outputs)


def _name(name: str) -> str:
    return name if not name.startswith("__") and name != "self" else "value" + name.replace("__", "_")


def _target(node: Any, names: Counterparts) -> str:
    if node.op == "call_module":
        return f"self.{node.target}"
    if node.op == "call_method":
        target = f"Tensor.{node.target}"
        if is_target(target):
            return target
        if node.target.startswith("__") and is_target(f"operator.{node.target.strip('_')}"):
            return f"operator.{node.target.strip('_')}"
        raise Untraceable(f"the method {node.target} of tensors has no counterpart")
    if node.target is getattr:
        if node.args[1] in _FIELDS:
            return "operator.getitem"
        if is_target(f"Tensor.{node.args[1]}"):
            return f"Tensor.{node.args[1]}"
        raise Untraceable(f"the attribute {node.args[1]} has no counterpart")
    found = function_target(node.target, names)
    if found is None:
        function = node.target
        home = getattr(function, "__module__", None) or type(function).__module__
        raise Untraceable(f"{home}.{getattr(function, '__name__', function)} has no counterpart")
    return found


def function_target(function: Any, names: Counterparts) -> str | None:
    """The name under which a step calls the counterpart of a PyTorch or Python function, or None."""
    name = getattr(function, "__name__", "")
    for home, prefix in ((operator, "operator"), (math, "math")):
        if getattr(home, name, None) is function and is_target(f"{prefix}.{name}"):
            return f"{prefix}.{name}"
    if __builtins__ and getattr(__import__("builtins"), name, None) is function and is_target(f"builtins.{name}"):
        return f"builtins.{name}"
    paths = [path.removeprefix("autograd.function.") for path in names.paths(function)]
    own = [path for path in paths if is_target(path)]
    # of functions in both places, torch's is the one with the fullest arguments when it is not nn.functional's own
    return own[0] if own else (f"Tensor.{name}" if _is_method(function, name) else None)


def _is_method(function: Any, name: str) -> bool:
    return getattr(torch.Tensor, name, None) is function and is_target(f"Tensor.{name}")


# ---- two modes in one ----


def merged(evaluating: Graph, training: Graph) -> Graph | None:
    """One graph for both modes, where all that differs is what asks for the mode; None for others."""
    if len(evaluating.steps) != len(training.steps) or evaluating.inputs != training.inputs:
        return None
    try:
        steps = [
            Step(a.target, _merge(a.args, b.args), _merge(a.kwargs, b.kwargs), a.outputs)
            for a, b in zip(evaluating.steps, training.steps, strict=True)
            if _same(a.target, b.target) and _same(a.outputs, b.outputs)
        ]
        return Graph(evaluating.inputs, steps, _merge(evaluating.outputs, training.outputs))
    except _Different:
        return None


class _Different(Exception):
    pass


def _same(a: Any, b: Any) -> bool:
    if a != b:
        raise _Different
    return True


def _merge(a: Any, b: Any) -> Any:
    if a is False and b is True:
        return Ref("self.training")
    if type(a) is not type(b):
        raise _Different
    if isinstance(a, (tuple, list)):
        _same(len(a), len(b))
        return type(a)(_merge(x, y) for x, y in zip(a, b, strict=True))
    if isinstance(a, dict):
        _same(list(a), list(b))
        return {k: _merge(a[k], b[k]) for k in a}
    if isinstance(a, slice):
        return slice(_merge(a.start, b.start), _merge(a.stop, b.stop), _merge(a.step, b.step))
    _same(repr(a), repr(b))
    return a
