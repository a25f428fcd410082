"""Program, the module that converted models, imported files and traces become.

>>> import rustorch as rt
>>> from rustorch.interop import Program, Ref, Step
>>> double = Program(
...     ["x"],
...     [Step("operator.mul", (Ref("x"), Ref("self.factor")), {}, ("y",)), Step("relu", (Ref("y"),), {}, ("z",))],
...     Ref("z"),
...     {"factor": rt.nn.Parameter(rt.tensor(2.0))},
... )
>>> double(rt.tensor([1.0, -1.0]))
tensor([2.0, 0.0], grad_fn=<ReluBackward0>)
>>> double.print_readable()
def forward(self, x):
    y = (x * self.factor)
    z = relu(y)
    return z
"""

from __future__ import annotations

import base64
import binascii
import copy
import importlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from .. import _C
from ..nn.module import Module
from ..nn.parameter import Buffer, Parameter
from ._graph import Graph, Step
from ._values import DescriptionError, Ref, decode, dtype_name

__all__ = ["DescriptionError", "Graph", "Program", "Ref", "Step"]

_LARGEST = 1 << 40  # elements of a tensor that a description may speak of


class _Shown:
    """`program.graph`, unless something the Program holds has that name."""

    def __get__(self, program: Any, owner: Any) -> Any:
        return self if program is None else program.__dict__["_graph"]


class Program(Module):
    """A module whose forward is a straight line of steps over named values.

    Args:
        inputs: names of forward's arguments.
        steps: calls, in order; each names its function (rustorch.interop.targets lists which there are) or a
            submodule, its arguments, and its results.
        outputs: what forward returns: a Ref, or a tuple, list or dictionary with Refs in it.
        state: what `self.<path>` stands for, by dotted path: Parameters, Buffers, Modules; a plain Tensor is a
            constant (a buffer that state_dict leaves out).  Modules between are made as needed.
        defaults: values of inputs that may be left out.
        training: other (steps, outputs) for training mode, where these differ; `Ref("self.training")` is the mode.

    It trains, moves, prints, pickles and saves like any Module.  DescriptionError, a ValueError, for a name without
    a value, a submodule that is not there, or a function that is not in the table.
    """

    graph = _Shown()

    def __init__(
        self, inputs: Sequence[str], steps: Sequence[Step], outputs: Any, state: Mapping[str, Any] | None = None, *,
        defaults: Mapping[str, Any] | None = None, training: tuple[Sequence[Step], Any] | None = None,
    ) -> None:  # fmt: skip
        super().__init__()
        for path, value in (state or {}).items():
            _hold(self, path, value)
        graphs = [Graph(tuple(inputs), list(steps), outputs, dict(defaults or {}))]
        if training is not None:
            graphs.append(Graph(tuple(inputs), list(training[0]), training[1], dict(defaults or {})))
        for graph in graphs:
            graph.check(self._held)
        self.__dict__.update(_graph=graphs[0], _training_graph=graphs[-1], _compiled=None)

    def _held(self, path: str) -> str | None:
        """What is under a path: "tensor", "module" or None."""
        module: Any = self
        *parents, name = path.split(".")
        for part in parents:
            module = module.__dict__.get(part) if part in module._module_names else None
            if module is None:
                return None
        if name in module._module_names:
            return "module"
        if name in module._parameter_names or name in module._buffer_names:
            return "tensor"
        parametrized = module.__dict__.get("parametrizations")
        return "tensor" if isinstance(parametrized, Module) and name in parametrized._module_names else None

    # ---- running ----

    def _compile(self) -> tuple[Callable[..., Any], Callable[..., Any]]:
        graph, training = self.__dict__["_graph"], self.__dict__["_training_graph"]
        run = graph.compiled(f"Program {id(self):x}")
        pair = run, run if training is graph else training.compiled(f"Program {id(self):x} in training")
        self.__dict__["_compiled"] = pair
        return pair

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Runs the steps."""
        attributes = self.__dict__
        compiled = attributes["_compiled"] or self._compile()
        return compiled[attributes["training"]](self, *args, **kwargs)

    def recompile(self) -> None:
        """Makes changes of `graph` take effect; DescriptionError when they do not fit."""
        for graph in (self.__dict__["_graph"], self.__dict__["_training_graph"]):
            graph.check(self._held)
        self.__dict__["_compiled"] = None

    # ---- showing ----

    def print_readable(self, print_output: bool = True) -> str | None:
        """Prints the program as Python, or (print_output=False) returns it."""
        graph, training = self.__dict__["_graph"], self.__dict__["_training_graph"]
        text = graph.source()
        if training is not graph:
            text = f"# in eval mode\n{text}\n# in training mode\n{training.source()}"
        if not print_output:
            return text
        print(text, end="")
        return None

    def extra_repr(self) -> str:
        graph = self.__dict__["_graph"]
        return f"({', '.join(graph.inputs)}), {len(graph.steps)} steps"

    # ---- copying ----

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_compiled": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)

    def __deepcopy__(self, memo: dict[int, Any]) -> Program:
        twin = type(self).__new__(type(self))
        memo[id(self)] = twin
        twin.__dict__.update(copy.deepcopy(Program.__getstate__(self), memo))
        return twin

    # ---- describing ----

    def describe(self) -> dict[str, Any]:
        """The program as JSON: everything but the values of what state_dict has."""
        graph, training = self.__dict__["_graph"], self.__dict__["_training_graph"]
        content: dict[str, Any] = graph.describe()
        if training is not graph:
            content["training"] = {name: training.describe()[name] for name in ("steps", "outputs")}
        tensors: dict[str, Any] = {}
        modules: dict[str, Any] = {}
        _collect(self, "", tensors, modules)
        content["tensors"], content["modules"] = tensors, modules
        return {**content, "ties": _ties(self)}

    @classmethod
    def from_description(cls, description: Any) -> Program:
        """The program that describe wrote, parameters and buffers zero: load_state_dict fills them.
        DescriptionError for what is malformed or would call something outside the table."""
        graph = Graph.from_description(description)
        training = description.get("training")
        if training is not None and not isinstance(training, dict):
            raise DescriptionError(f"expected steps and outputs for training, got {training!r:.80}")
        state: dict[str, Any] = {}
        for path, module in _mapping(description, "modules").items():
            state[path] = Module() if module is None else _descriptions().build(module)
        for path, tensor in _mapping(description, "tensors").items():
            state[path] = _tensor_from(path, tensor)
        other = None
        if training is not None:
            other = Graph.from_description({**training, "inputs": description["inputs"]})
        program = cls(
            graph.inputs, graph.steps, graph.outputs, state, defaults=graph.defaults,
            training=None if other is None else (other.steps, other.outputs),
        )  # fmt: skip
        _tie(program, description.get("ties", []))
        return program


def _descriptions() -> Any:
    """The rules for modules that are no Programs."""
    return importlib.import_module("rustorch.nn._description")


def _hold(root: Module, path: str, value: Any) -> None:
    """Puts a parameter, buffer, constant or module at a dotted path, with plain modules on the way to it."""
    *parents, name = path.split(".") if isinstance(path, str) else [""]
    if not all((name, *parents)) or "training" in (name, *parents):
        raise DescriptionError(f"{path!r:.60} cannot be the path of what a Program holds")
    module = root
    for part in parents:
        child = module.__dict__.get(part)
        if not isinstance(child, Module):
            child = Module()
            _enter(module, part, child, module._module_names)
        module = child
    if isinstance(value, Module):
        _enter(module, name, value, module._module_names)
    elif isinstance(value, Parameter):
        _enter(module, name, value, module._parameter_names)
    elif isinstance(value, _C.Tensor):
        _enter(module, name, value, module._buffer_names)
        module._mark_transient(name, not (isinstance(value, Buffer) and value.persistent))
    else:
        raise TypeError(f"a Program holds tensors and modules, not a {type(value).__name__} ({path!r:.60})")


def _enter(module: Module, name: str, value: Any, names: dict[str, None]) -> None:
    """As an assignment, but for any name: a model may call a child what we call a method."""
    if name in ("_graph", "_training_graph", "_compiled"):
        raise DescriptionError(f"a Program cannot hold anything under the name {name!r}")
    module._claim(name, names)
    module.__dict__[name] = value


def _collect(
    module: Module, prefix: str, tensors: dict[str, Any], modules: dict[str, Any]
) -> None:
    """What a Program holds: its own tensors and those of plain modules; other modules describe themselves."""
    for names in (module._parameter_names, module._buffer_names):
        for name in names:
            tensor = module.__dict__[name]
            if tensor is not None:
                tensors[prefix + name] = _tensor_described(tensor, name in module._transient_names)
    for name in module._module_names:
        child = module.__dict__[name]
        if type(child) is Module:
            modules[prefix + name] = None
            _collect(child, f"{prefix}{name}.", tensors, modules)
        elif child is not None:
            modules[prefix + name] = _descriptions().describe(child)


def _tensor_described(tensor: Any, constant: bool) -> dict[str, Any]:
    described = {"shape": list(tensor.shape), "dtype": dtype_name(tensor.dtype)}
    if isinstance(tensor, Parameter):
        return {"kind": "parameter", **described, "requires_grad": tensor.requires_grad}
    if not constant:
        return {"kind": "buffer", **described}
    plain = tensor.detach().contiguous()
    plain = plain.view(_C.dtype("int16")) if described["dtype"] == "bfloat16" else plain
    return {"kind": "constant", **described, "data": base64.b64encode(plain.numpy().tobytes()).decode("ascii")}


def _tensor_from(path: str, content: Any) -> Any:
    kind = content.get("kind") if isinstance(content, dict) else None
    if kind not in ("parameter", "buffer", "constant"):
        raise DescriptionError(f"{path}: expected a parameter, buffer or constant, got {content!r:.80}")
    shape, dtype = content.get("shape"), decode({"dtype": content.get("dtype")})
    if not isinstance(shape, list) or not all(type(n) is int and 0 <= n <= _LARGEST for n in shape):
        raise DescriptionError(f"{path}: expected a shape, got {shape!r:.80}")
    if kind == "constant":
        return _constant(path, content.get("data"), tuple(shape), dtype)
    tensor = _C.zeros(tuple(shape), dtype=dtype)
    if kind == "buffer":
        return Buffer(tensor)
    wanted = content.get("requires_grad", True)
    if not isinstance(wanted, bool):
        raise DescriptionError(f"{path}: requires_grad is true or false, not {wanted!r:.40}")
    return Parameter(tensor, wanted)


def _constant(path: str, data: Any, shape: tuple[int, ...], dtype: Any) -> Any:
    narrow = dtype_name(dtype) == "bfloat16"
    stored = np.dtype("int16" if narrow else dtype_name(dtype))
    try:
        content = base64.b64decode(data, validate=True)
    except (TypeError, ValueError, binascii.Error):
        raise DescriptionError(f"{path}: the data of a constant is no base64") from None
    size = stored.itemsize
    for n in shape:
        size *= n
    if len(content) != size:
        raise DescriptionError(f"{path}: {shape} of {dtype_name(dtype)} are {size} bytes, not {len(content)}")
    tensor = _C.from_numpy(np.frombuffer(content, stored).reshape(shape).copy())
    return tensor.view(dtype) if narrow else tensor


def _ties(program: Module) -> list[list[str]]:
    """Groups of paths that are one tensor or one module."""
    groups: dict[int, list[str]] = {}
    for path, module in program.named_modules(remove_duplicate=False):
        if path:
            groups.setdefault(id(module), []).append(path)
    for path, parameter in program.named_parameters(remove_duplicate=False):
        groups.setdefault(id(parameter), []).append(path)
    return [paths for paths in groups.values() if len(paths) > 1]


def _tie(program: Program, groups: Any) -> None:
    for group in groups if isinstance(groups, list) else [groups]:
        found = []
        for path in group if isinstance(group, list) else [group]:
            if not isinstance(path, str) or program._held(path) is None:
                raise DescriptionError(f"ties: there is nothing at {path!r:.60}")
            parent, _, name = path.rpartition(".")
            holder = program.get_submodule(parent)
            found.append((holder, name, holder.__dict__.get(name)))
        first = found[0][2] if found else None
        for holder, name, value in found:
            if type(value) is not type(first) or getattr(value, "shape", None) != getattr(first, "shape", None):
                raise DescriptionError(f"ties: {group!r:.120} cannot be one")
            holder.__dict__[name] = first


def _mapping(description: Any, name: str) -> dict[str, Any]:
    content = description.get(name, {})
    if not isinstance(content, dict):
        raise DescriptionError(f"expected {name} by path, got {content!r:.80}")
    return content
