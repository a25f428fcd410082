"""What flows where when a model computes: modules tell of their calls by hooks, an observer of the ops between them.

The model runs once on a copy of the example, in evaluation mode, and is as before afterwards.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .. import _C
from ..nn.module import Module
from ..nn.parameter import is_lazy
from ._graph import Graph, Node, detail_of, folded, kind_of, kind_of_op, pruned
from ._values import size_text

MOST = 150  # modules that are drawn one by one; of a larger model, those of a smaller depth
_LABELS = {"basic_index": "index", "max_dim": "max", "min_dim": "min", "median_dim": "median", "cast": "to"}
_OPEN = ("Sequential", "ModuleList", "ModuleDict", "Transformer")  # classes of nn that are looked into


def tensors_in(value: Any) -> Iterator[Any]:
    """All tensors in nested tuples, lists, mappings and dataclass-like objects."""
    if isinstance(value, _C.Tensor):
        yield value
    elif isinstance(value, (list, tuple, set)):
        for part in value:
            yield from tensors_in(part)
    elif isinstance(value, dict):
        for part in value.values():
            yield from tensors_in(part)
    elif hasattr(value, "__dataclass_fields__"):
        for name in value.__dataclass_fields__:
            yield from tensors_in(getattr(value, name))


def _is_closed(module: Module, level: int, depth: int | None) -> bool:
    """Is it drawn as one node?"""
    children = [name for name, _ in module.named_children()]
    if not children or children == ["parametrizations"] or (depth is not None and level >= depth):
        return True
    kind = type(module)
    return kind.__module__.startswith("rustorch.nn") and not kind.__name__.startswith(_OPEN)


def _units(model: Module, depth: int | None) -> dict[Module, str]:
    """module -> path of those that are drawn as one node each."""
    found: dict[Module, str] = {}

    def visit(module: Module, path: str, level: int) -> None:
        if _is_closed(module, level, depth):
            found.setdefault(module, path)
            return
        for name, child in module.named_children():
            visit(child, f"{path}.{name}".lstrip("."), level + 1)

    visit(model, "", 0)
    return found


def chosen_units(model: Module, depth: int | None) -> dict[Module, str]:
    """The units of a depth; without one, of the largest depth that leaves at most MOST."""
    units = _units(model, depth)
    level = max((path.count(".") + 1 for path in units.values() if path), default=1)
    while depth is None and len(units) > MOST and level > 1:
        level -= 1
        units = _units(model, level)
    return units


class Tracer:
    """Builds the graph while the model runs."""

    def __init__(self, model: Module, depth: int | None) -> None:
        self.graph = Graph(type(model).__name__)
        self.units = chosen_units(model, depth)
        self.made: dict[int, int] = {}  # id of a tensor -> the node that it comes from
        self.places: dict[int, int] = {}  # address -> the node whose result begins there: for detached tensors
        self.kept: list[Any] = []  # tensors stay alive, so that ids and addresses are theirs alone
        self.names = {id(p): name for name, p in model.named_parameters()}
        self.waiting: list[list[int]] = []  # sources of the units that run

    def note(self, tensor: Any, node: int) -> None:
        """From now on the tensor comes from the node."""
        self.made[id(tensor)] = node
        self.kept.append(tensor)
        if tensor.numel():
            self.places[tensor.data_ptr()] = node

    def sources(self, tensors: Any) -> list[int]:
        """The nodes that tensors come from; constants come from none."""
        found = []
        for tensor in tensors:
            if id(tensor) not in self.made and id(tensor) in self.names:
                name = self.names[id(tensor)]
                node = Node("parameter", name, size_text(tensor.shape), "parameter", name, tensor.numel())
                self.note(tensor, self.graph.add(node))
            if id(tensor) in self.made:
                found.append(self.made[id(tensor)])
            elif tensor.numel() and tensor.data_ptr() in self.places:
                found.append(self.places[tensor.data_ptr()])
        return list(dict.fromkeys(found))

    def after_op(self, event: Any) -> None:
        """An op between modules is a node; what has no other input than constants is one."""
        results = [t for t in event.outputs if isinstance(t, _C.Tensor)]
        if self.waiting or event.in_op or event.failed or not results:
            return
        sources = self.sources(tensors_in(event.inputs))
        if not sources:
            return
        if event.name in ("clone", "contiguous", "stand_in") and len(sources) == 1:
            self.note(results[0], sources[0])
            return
        detail = str(event.arguments.get("dtype", "")) if event.name == "cast" else ""
        label = _LABELS.get(event.name, event.name)
        number = self.graph.add(Node(label, detail, size_text(results[0].shape), kind_of_op(label)), sources)
        for result in results:
            self.note(result, number)

    def enter(self, module: Any, args: Any, kwargs: Any) -> None:
        self.waiting.append(self.sources([*tensors_in(args), *tensors_in(kwargs)]))

    def leave(self, module: Any, args: Any, kwargs: Any, output: Any) -> None:
        sources, path = self.waiting.pop(), self.units[module]
        results = list(tensors_in(output))
        name = type(module).__name__
        count = sum(p.numel() for p in module.parameters() if not is_lazy(p))
        shape = size_text(results[0].shape) if results else ""
        number = self.graph.add(Node(name, detail_of(module), shape, kind_of(name), path, count), sources)
        for result in results:
            self.note(result, number)

    def given(self, name: str, value: Any) -> Any:
        """An argument as the model gets it: tensors are copies, and nodes of the graph."""
        if isinstance(value, (list, tuple)):
            parts = [self.given(name, part) for part in value]
            return type(value)(*parts) if hasattr(value, "_fields") else type(value)(parts)
        if isinstance(value, dict):
            return {key: self.given(str(key), part) for key, part in value.items()}
        if not isinstance(value, _C.Tensor):
            return value
        copy = value.detach().clone()
        self.note(copy, self.graph.add(Node("input", name, size_text(value.shape), "input, output")))
        return copy


def flow(model: Module, args: tuple[Any, ...], kwargs: dict[str, Any], depth: int | None) -> Graph:
    """The graph of the model's call with these arguments."""
    tracer = Tracer(model, depth)
    modes = {module: module.training for module in model.modules()}
    places = tuple(tracer.given("", value) for value in args)
    named = {name: tracer.given(name, value) for name, value in kwargs.items()}
    handles = []
    try:
        for unit in tracer.units:
            handles.append(unit.register_forward_pre_hook(tracer.enter, with_kwargs=True))
            handles.append(unit.register_forward_hook(tracer.leave, with_kwargs=True))
        model.eval()
        with _C.Observer(after=tracer.after_op):
            output = model(*places, **named)
    finally:
        for handle in handles:
            handle.remove()
        for module, mode in modes.items():
            module.training = mode
    for result in tensors_in(output):
        node = Node("output", "", size_text(result.shape), "input, output")
        tracer.graph.add(node, tracer.sources([result]))
    return folded(pruned(tracer.graph))
