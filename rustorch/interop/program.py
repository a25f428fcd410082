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

import copy
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .. import _C
from ..nn.module import Module
from ..nn.parameter import Buffer, Parameter
from ._graph import Graph, Step
from ._values import DescriptionError, Ref

__all__ = ["DescriptionError", "Graph", "Program", "Ref", "Step"]

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
        self.__dict__.update(_graph=graphs[0], _training_graph=graphs[-1])
        self.recompile()

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
        self.recompile()
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
        """Checks the graph and makes changes of it take effect.  DescriptionError when a value or a submodule is
        missing, or a function is not in the table."""
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
        """Inputs, steps and outputs as JSON.  What the Program holds is described by rustorch.nn's rules for all
        modules, when the whole is described or saved."""
        graph, training = self.__dict__["_graph"], self.__dict__["_training_graph"]
        content: dict[str, Any] = graph.describe()
        if training is not graph:
            content["training"] = {name: training.describe()[name] for name in ("steps", "outputs")}
        return content

    @classmethod
    def from_description(cls, description: Any) -> Program:
        """The Program that describe wrote, without what it holds.  DescriptionError for what is malformed; names are
        checked by `recompile`, when it has all it holds, at the latest before it first runs."""
        graph = training = Graph.from_description(description)
        other = description.get("training")
        if other is not None:
            if not isinstance(other, dict):
                raise DescriptionError(f"expected steps and outputs for training, got {other!r:.80}")
            given = {name: description[name] for name in ("inputs", "defaults") if name in description}
            training = Graph.from_description({**other, **given})
        program = cls.__new__(cls)
        Module.__init__(program)
        program.__dict__.update(_graph=graph, _training_graph=training, _compiled=None)
        return program


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
