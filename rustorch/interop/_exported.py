"""What torch.export writes about a model, as a graph of ours: for forwards that only make sense run on values."""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import torch
from torch.utils import _pytree as pytree

from ._aten import FUNCTIONS
from ._counterparts import Counterparts
from ._fx_steps import function_target
from ._graph import Graph, Step
from ._tracing import Untraceable, in_mode
from ._values import Ref, encode
from .targets import is_target

__all__ = ["Exported", "exported"]

_DROPPED = {
    "_assert_tensor_metadata", "_assert_scalar", "_assert_async", "sym_constrain_range",
    "sym_constrain_range_for_size", "_guards_fn",
}  # fmt: skip


class Exported(NamedTuple):
    """A graph, and the tensors in it that the model does not hold, by name."""

    graph: Graph
    constants: dict[str, Any]


def exported(
    model: Any, args: Sequence[Any], kwargs: dict[str, Any], inputs: Sequence[str], training: bool,
    names: Counterparts, translate: Callable[[Any], Any],
) -> Exported:  # fmt: skip
    """The graph of model in a mode; `inputs` names the arguments, kwargs behind args, that tensors are in.

    Sizes stay open where the model allows it.  Untraceable when there is no graph, or no function for a step.
    """
    with in_mode(model, training), _quiet():
        try:
            program = torch.export.export(
                model, tuple(args), kwargs or None, dynamic_shapes=_open((tuple(args), kwargs)), strict=False
            )
        except Exception as error:
            message = str(error).strip().partition("\n")[0]
            raise Untraceable(f"torch.export: {type(error).__name__}: {message}") from error
    return _Reader(program, (tuple(args), kwargs), inputs, names, translate).read()


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Within, PyTorch does not tell all it tried, and its random generator stands still."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    said = io.StringIO()
    try:
        with (
            warnings.catch_warnings(), torch.random.fork_rng(devices=[]),
            contextlib.redirect_stdout(said), contextlib.redirect_stderr(said),
        ):  # fmt: skip
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


def _open(call: tuple[Any, Any]) -> Any:
    """Every size of every tensor is open, unless the export finds that it cannot be."""

    def sizes(value: Any) -> Any:
        return {i: torch.export.Dim.AUTO for i in range(value.ndim)} if isinstance(value, torch.Tensor) else None

    args, kwargs = pytree.tree_map(sizes, call)
    return {**{f"{i}": s for i, s in enumerate(args)}, **kwargs} if kwargs else tuple(args)


class _Reader:
    def __init__(
        self, program: Any, call: Any, inputs: Sequence[str], names: Counterparts, translate: Callable[[Any], Any]
    ) -> None:
        self.program, self.call, self.inputs, self.names, self.translate = program, call, inputs, names, translate
        self.values: dict[Any, Any] = {}
        self.steps: list[Step] = []
        self.constants: dict[str, Any] = {}

    def read(self) -> Exported:
        self.place_inputs()
        outputs: Any = None
        for node in self.program.graph.nodes:
            if node.op == "call_function":
                self.call_function(node)
            elif node.op == "output":
                spec = self.program.call_spec.out_spec
                outputs = pytree.tree_unflatten([self.argument(a) for a in node.args[0]][-spec.num_leaves :], spec)
                _check_plain(outputs)
            elif node.op != "placeholder":
                raise Untraceable("torch.export: forward has a block with another gradient mode, or a branch")
        return Exported(Graph(tuple(self.inputs), self.steps, outputs), self.constants)

    def place_inputs(self) -> None:
        """What the placeholders stand for: what the model holds, constants, and parts of the arguments."""
        nodes = {node.name: node for node in self.program.graph.nodes if node.op == "placeholder"}
        signature = self.program.graph_signature
        for table in (signature.inputs_to_parameters, signature.inputs_to_buffers):
            for name, path in table.items():
                self.values[nodes[name]] = Ref("self." + path)
        for name, path in signature.inputs_to_lifted_tensor_constants.items():
            self.constants[f"_exported_{path}"] = self.program.constants[path]
            self.values[nodes[name]] = Ref(f"self._exported_{path}")
        placed = [node for node in nodes.values() if node not in self.values]
        leaves, _ = pytree.tree_flatten_with_path(self.call)
        for node, (path, value) in zip(placed, leaves, strict=True):
            self.values[node] = self.part(path, value, node.name)

    def part(self, path: Any, value: Any, name: str) -> Any:
        """An argument, or what is somewhere in one."""
        if not isinstance(value, torch.Tensor):
            return value
        keys: list[Any] = [getattr(key, "idx", getattr(key, "key", None)) for key in path]
        ref = Ref(self.positional_names()[keys[1]] if keys[0] == 0 else keys[1])
        for depth, key in enumerate(keys[2:]):
            taken = f"{name}_part{depth}"
            self.steps.append(Step("operator.getitem", (ref, key), {}, (taken,)))
            ref = Ref(taken)
        return ref

    def positional_names(self) -> list[str]:
        """The names of the positional arguments; those without tensors are no inputs and have none."""
        names = iter(self.inputs)
        return [next(names) if has_tensor(a) else "" for a in self.call[0]]

    def argument(self, value: Any) -> Any:
        if isinstance(value, torch.fx.Node):
            return self.values[value]
        if isinstance(value, (tuple, list)):
            return (list if isinstance(value, list) else tuple)(self.argument(v) for v in value)
        made = self.translate(value)
        try:
            encode(made)
        except TypeError as error:
            raise Untraceable(f"torch.export: {error}") from None
        return made

    def call_function(self, node: Any) -> None:
        name = getattr(node.target, "_opname", getattr(node.target, "__name__", ""))
        if name in _DROPPED:
            return
        target = self.target(node.target, name)
        kwargs = {k: self.argument(v) for k, v in node.kwargs.items()}
        if not target.startswith("aten."):
            kwargs = {k: v for k, v in kwargs.items() if k not in ("layout", "device", "pin_memory", "memory_format")}
        output = node.name if not node.name.startswith("__") else "value" + node.name
        self.steps.append(Step(target, tuple(self.argument(a) for a in node.args), kwargs, (output,)))
        self.values[node] = Ref(output)

    def target(self, function: Any, name: str) -> str:
        if not isinstance(function, torch._ops.OpOverload):
            found = function_target(function, self.names)
            if found is None and function is torch.sym_sqrt:
                found = "math.sqrt"
            if found is None:
                raise Untraceable(f"torch.export: {getattr(function, '__name__', function)} has no counterpart")
            return found
        if name in FUNCTIONS:
            return "aten." + name
        for target in (name, "Tensor." + name, "nn.functional." + name, *_submodule_names(name)):
            if is_target(target):
                return target
        raise Untraceable(f"torch.export: {function} has no counterpart")


def _check_plain(outputs: Any) -> None:
    """Outputs are tuples, lists and dictionaries: a Program knows no other classes."""
    if isinstance(outputs, (tuple, list, dict)):
        if type(outputs).__name__ not in ("tuple", "list", "dict", "OrderedDict"):
            raise Untraceable(f"forward returns a {type(outputs).__name__}")
        for part in outputs.values() if isinstance(outputs, dict) else outputs:
            _check_plain(part)
    elif outputs is not None and not isinstance(outputs, (Ref, int, float, str)):
        raise Untraceable(f"forward returns a {type(outputs).__name__}")


def _submodule_names(name: str) -> list[str]:
    prefix, _, rest = name.partition("_")
    return [f"{prefix}.{rest}"] if prefix in ("linalg", "fft", "special") else []


def has_tensor(value: Any) -> bool:
    return any(isinstance(leaf, torch.Tensor) for leaf in pytree.tree_leaves(value))

