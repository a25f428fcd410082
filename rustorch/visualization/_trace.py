"""What flows where when a model computes: modules tell of their calls by hooks, autograd's graph of what lies between.

The model runs once on a copy of the example, in evaluation mode, and is as before afterwards.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .. import _C
from ..nn.module import Module
from ..nn.parameter import is_lazy
from ._graph import Graph, Node, detail_of, kind_of
from ._values import size_text

MOST = 150  # modules that are drawn one by one; of a larger model, those of a smaller depth
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
        self.model, self.graph = model, Graph(type(model).__name__)
        self.units = chosen_units(model, depth)
        self.made: dict[int, int] = {}  # id of a tensor -> the node that made it
        self.steps: dict[Any, int] = {}  # grad_fn -> the node that it belongs to
        self.kept: list[Any] = []  # tensors whose ids are in use
        self.names = {id(p): name for name, p in model.named_parameters()}
        self.parameters: dict[int, int] = {}
        self.waiting: list[list[int]] = []
        self.calls: dict[str, int] = {}

    def note(self, tensor: Any, node: int) -> None:
        """From now on the tensor comes from the node."""
        self.made[id(tensor)] = node
        self.kept.append(tensor)
        if tensor.grad_fn is not None:
            self.steps[tensor.grad_fn] = node

    def sources(self, tensors: Any) -> list[int]:
        """The nodes that tensors come from; operations between modules become nodes here."""
        found: list[int] = []
        for tensor in tensors:
            if tensor.grad_fn is not None:
                found += self._of_step(tensor.grad_fn, size_text(tensor.shape))
            elif id(tensor) in self.made:
                found.append(self.made[id(tensor)])
            elif id(tensor) in self.names:
                found.append(self._parameter(tensor))
        return list(dict.fromkeys(found))

    def _parameter(self, tensor: Any) -> int:
        if id(tensor) not in self.parameters:
            name = self.names[id(tensor)]
            node = Node("parameter", name, size_text(tensor.shape), "parameter", name, tensor.numel())
            self.parameters[id(tensor)] = self.graph.add(node)
        return self.parameters[id(tensor)]

    def _of_step(self, step: Any, shape: str) -> list[int]:
        """The node of a grad_fn, after those of all that lead to it have been made."""
        stack, own = [step], {}
        while stack:
            here = stack[-1]
            if here in self.steps or here in own:
                stack.pop()
                continue
            variable = getattr(here, "variable", None)
            if variable is not None:
                own[here] = ([self.made[id(variable)]] if id(variable) in self.made else
                             [self._parameter(variable)] if id(variable) in self.names else [])  # fmt: skip
                stack.pop()
                continue
            before = [edge for edge, _ in here.next_functions if edge is not None]
            missing = [edge for edge in before if edge not in self.steps and edge not in own]
            if missing:
                stack += missing
                continue
            stack.pop()
            inputs = [n for edge in before for n in ([self.steps[edge]] if edge in self.steps else own[edge])]
            name = here.name().removesuffix("0").removesuffix("Backward")
            if name in ("Clone", "StandIn", "Contiguous") and len(inputs) == 1:
                own[here] = inputs
                continue
            node = Node(name[:1].lower() + name[1:], shape=shape if here is step else "")
            self.steps[here] = self.graph.add(node, inputs)
        return [self.steps[step]] if step in self.steps else own[step]

    # ---- hooks ----

    def enter(self, module: Any, args: Any, kwargs: Any) -> None:
        self.waiting.append(self.sources([*tensors_in(args), *tensors_in(kwargs)]))

    def leave(self, module: Any, args: Any, kwargs: Any, output: Any) -> None:
        sources, path = self.waiting.pop(), self.units[module]
        results = list(tensors_in(output))
        name = type(module).__name__
        self.calls[path] = self.calls.get(path, 0) + 1
        own = [p for p in module.parameters() if not is_lazy(p)]
        node = Node(name, detail_of(module), size_text(results[0].shape) if results else "", kind_of(name), path,
                    sum(p.numel() for p in own))  # fmt: skip
        number = self.graph.add(node, sources)
        for result in results:
            self.note(result, number)


def flow(model: Module, args: tuple[Any, ...], kwargs: dict[str, Any], depth: int | None) -> Graph:
    """The graph of the model's call with these arguments."""
    tracer = Tracer(model, depth)
    modes = {module: module.training for module in model.modules()}
    frozen: list[Any] = []
    handles: list[Any] = []
    given = [*[("", a) for a in args], *kwargs.items()]

    def enter(name: str, value: Any) -> Any:
        """A tensor as the model gets it: a copy with a history, so that what is made of it has one."""
        if isinstance(value, (list, tuple)):
            parts = [enter(name, part) for part in value]
            return type(value)(*parts) if hasattr(value, "_fields") else type(value)(parts)
        if isinstance(value, dict):
            return {key: enter(str(key), part) for key, part in value.items()}
        if not isinstance(value, _C.Tensor):
            return value
        plain = value.detach()
        if str(plain.dtype).startswith(("float", "bfloat", "complex")):
            plain = plain.clone().requires_grad_(True).clone()
        else:
            plain = plain.clone()
        node = Node("input", name, size_text(value.shape), "input, output")
        tracer.note(plain, tracer.graph.add(node))
        return plain

    try:
        for parameter in model.parameters():
            if not parameter.requires_grad and not is_lazy(parameter):
                frozen.append(parameter.requires_grad_(True))
        for unit in tracer.units:
            handles.append(unit.register_forward_pre_hook(tracer.enter, with_kwargs=True))
            handles.append(unit.register_forward_hook(tracer.leave, with_kwargs=True))
        model.eval()
        from .._modes import enable_grad

        with enable_grad():
            entered = [enter(name, value) for name, value in given]
            keywords = dict(zip(kwargs, entered[len(args) :]))
            output = model(*entered[: len(args)], **keywords)
            for result in tensors_in(output):
                shape = size_text(result.shape)
                tracer.graph.add(Node("output", "", shape, "input, output"), tracer.sources([result]))
    finally:
        for handle in handles:
            handle.remove()
        for parameter in frozen:
            parameter.requires_grad_(False)
        for module, mode in modes.items():
            module.training = mode
    return tracer.graph
