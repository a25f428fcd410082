"""A straight line of steps over named values, and the Python function that runs it.

A graph is written out once as the source of a function, one line a step, and compiled: running it costs
what calling the functions costs.  A value is let go after the step that uses it last.
"""

from __future__ import annotations

import keyword
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from ._values import DescriptionError, Ref, decode, encode, references
from .targets import OPERATORS, is_attribute, resolve

__all__ = ["Graph", "Step"]


@dataclass
class Step:
    """One call: `outputs = target(*args, **kwargs)`.

    `target` is a name of the table (rustorch.interop.targets) or a submodule's path, `self.encoder.0`; among the
    arguments, `Ref("x")` stands for a value.  Several outputs take a tuple apart; none drops the result.
    """

    target: str
    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] = field(default_factory=dict)
    outputs: tuple[str, ...] = ()

    def __repr__(self) -> str:
        call = _written(self, _Readable())
        return f"{', '.join(self.outputs)} = {call}" if self.outputs else call

    def describe(self) -> dict[str, Any]:
        """The step as JSON."""
        step: dict[str, Any] = {"target": self.target, "args": [encode(a) for a in self.args]}
        if self.kwargs:
            step["kwargs"] = {name: encode(value) for name, value in self.kwargs.items()}
        return {**step, "outputs": list(self.outputs)}

    @classmethod
    def from_description(cls, content: Any) -> Step:
        """The step that describe wrote; DescriptionError for anything else."""
        if not isinstance(content, dict) or not {"target", "args", "outputs"} <= content.keys() <= {
            "target", "args", "kwargs", "outputs"
        }:  # fmt: skip
            raise DescriptionError(f"expected a step with target, args and outputs, got {content!r:.120}")
        target, args, outputs = content["target"], content["args"], content["outputs"]
        kwargs = content.get("kwargs", {})
        if not isinstance(target, str) or not isinstance(args, list) or not isinstance(kwargs, dict):
            raise DescriptionError(f"a step has a name, a list of args, an object of kwargs, not {content!r:.120}")
        return cls(
            target, tuple(decode(a) for a in args), {str(k): decode(v) for k, v in kwargs.items()}, names_of(outputs)
        )


def names_of(content: Any) -> tuple[str, ...]:
    """A JSON list of names as a tuple; DescriptionError for anything else."""
    if not isinstance(content, list) or not all(isinstance(name, str) for name in content):
        raise DescriptionError(f"expected a list of names, got {content!r:.80}")
    return tuple(content)


@dataclass
class Graph:
    """Inputs by name (`defaults` has the values of those that may be left out), steps, and what is returned: a Ref,
    or a tuple, list or dictionary of them."""

    inputs: tuple[str, ...]
    steps: list[Step]
    outputs: Any
    defaults: dict[str, Any] = field(default_factory=dict)

    def check(self, holds: Callable[[str], str | None]) -> None:
        """DescriptionError unless every name is defined before it is used, and every target may be called.
        `holds` tells what there is under a path after `self.`: "tensor", "module" or None."""
        known: set[str] = set()
        for name in self.inputs:
            _check_name(name)
            if name in known:
                raise DescriptionError(f"two inputs are called {name!r}")
            known.add(name)
        late = False
        for name in self.inputs:
            if late and name not in self.defaults:
                raise DescriptionError(f"input {name!r} has no default but stands behind one that has")
            late = late or name in self.defaults
        if not self.defaults.keys() <= known:
            raise DescriptionError(f"defaults of inputs that there are not: {sorted(self.defaults.keys() - known)}")
        if any(references(value) for value in self.defaults.values()):
            for value in self.defaults.values():
                for name in references(value):
                    raise DescriptionError(f"the default of an input refers to {name!r}")
        for number, step in enumerate(self.steps):
            try:
                _check_target(step, holds)
                _check_references((step.args, step.kwargs), known, holds)
                for name in (*step.kwargs, *step.outputs):
                    _check_name(name)
            except (DescriptionError, LookupError) as error:
                raise DescriptionError(f"step {number} ({step.target!r:.60}): {error}") from None
            known.update(step.outputs)
        try:
            _check_references(self.outputs, known, holds)
        except DescriptionError as error:
            raise DescriptionError(f"outputs: {error}") from None

    def source(self) -> str:
        """The graph as Python, for reading."""
        return _source(self, _Readable(), False)

    def compiled(self, name: str) -> Callable[..., Any]:
        """The graph as a function of the Program and its inputs.  `name` stands in tracebacks."""
        bound = _Bound()
        code = _source(self, bound, True)
        bound.names.update(__name__=name, __loader__=_Source(self.source()))  # for lines in tracebacks
        exec(compile(code, name, "exec"), bound.names)  # every name in it is checked, every function from the table
        function: Callable[..., Any] = bound.names["forward"]
        return function

    def describe(self) -> dict[str, Any]:
        """The graph as JSON."""
        described: dict[str, Any] = {"inputs": list(self.inputs)}
        if self.defaults:
            described["defaults"] = {name: encode(value) for name, value in self.defaults.items()}
        return {**described, "steps": [step.describe() for step in self.steps], "outputs": encode(self.outputs)}

    @classmethod
    def from_description(cls, content: Any) -> Graph:
        """The graph that describe wrote; DescriptionError for anything else."""
        if not isinstance(content, dict) or not isinstance(content.get("steps"), list) or "outputs" not in content:
            raise DescriptionError(f"expected a graph with inputs, steps and outputs, got {content!r:.120}")
        defaults = content.get("defaults", {})
        if not isinstance(defaults, dict):
            raise DescriptionError(f"expected defaults by name, got {defaults!r:.80}")
        return cls(
            names_of(content.get("inputs")),
            [Step.from_description(step) for step in content["steps"]],
            decode(content["outputs"]),
            {name: decode(value) for name, value in defaults.items()},
        )


# ---- checking ----


def _check_name(name: Any) -> None:
    if not isinstance(name, str) or not name.isidentifier() or keyword.iskeyword(name) or name.startswith("__"):
        raise DescriptionError(f"{name!r:.60} cannot be the name of a value")
    if name == "self":
        raise DescriptionError("'self' is the Program, no name for a value")


def _check_target(step: Step, holds: Callable[[str], str | None]) -> None:
    if step.target.startswith("self."):
        if holds(step.target[5:]) != "module":
            raise DescriptionError(f"there is no submodule {step.target[5:]!r}")
    else:
        resolve(step.target)
        if is_attribute(step.target) and (len(step.args) != 1 or step.kwargs):
            raise DescriptionError("an attribute is read from one argument")
        if step.target.startswith("Tensor.") and not step.args:
            raise DescriptionError("a method needs the tensor it is called on")


def _check_references(value: Any, known: set[str], holds: Callable[[str], str | None]) -> None:
    for name in references(value):
        if name.startswith("self."):
            if name != "self.training" and holds(name[5:]) != "tensor":
                raise DescriptionError(f"there is no tensor {name[5:]!r}")
        elif name not in known:
            raise DescriptionError(f"{name!r:.60} is used before it has a value")


# ---- writing ----


class _Readable:
    """Functions and constants as a reader writes them."""

    def function(self, target: str) -> str:
        return target

    def constant(self, value: Any) -> str:
        return repr(value)


class _Source:
    """What linecache asks for the lines of a compiled graph."""

    def __init__(self, text: str) -> None:
        self._text = text

    def get_source(self, name: str) -> str:
        return self._text


class _Bound(_Readable):
    """Functions and constants as names that are bound to them."""

    def __init__(self) -> None:
        self.names: dict[str, Any] = {"__builtins__": {"getattr": getattr, "slice": slice}}
        self._of: dict[str, str] = {}

    def function(self, target: str) -> str:
        if target not in self._of:
            self._of[target] = f"__f{len(self._of)}"
            self.names[self._of[target]] = resolve(target)
        return self._of[target]

    def constant(self, value: Any) -> str:
        name = f"__c{len(self.names)}"
        self.names[name] = value
        return name


def _path(name: str) -> str:
    """self.layers.0.weight as an expression."""
    expression = "self"
    for part in name.split(".")[1:]:
        plain = part.isidentifier() and not keyword.iskeyword(part) and not part.startswith("__")
        expression = f"{expression}.{part}" if plain else f"getattr({expression}, {part!r})"
    return expression


def _value(value: Any, words: _Readable) -> str:
    if isinstance(value, Ref):
        return _path(value.name) if value.name.startswith("self.") else value.name
    if type(value) in (bool, int, str, type(None)) or (type(value) is float and math.isfinite(value)):
        return repr(value)
    if isinstance(value, tuple):
        return f"({''.join(_value(v, words) + ', ' for v in value)})"
    if isinstance(value, list):
        return f"[{', '.join(_value(v, words) for v in value)}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{_value(k, words)}: {_value(v, words)}' for k, v in value.items())}}}"
    if isinstance(value, slice):
        return f"slice({', '.join(_value(v, words) for v in (value.start, value.stop, value.step))})"
    return "..." if value is ... else words.constant(value)


def _written(step: Step, words: _Readable) -> str:
    """The call of a step as an expression."""
    args = [_value(a, words) for a in step.args]
    prefix, _, name = step.target.rpartition(".")
    if prefix == "operator" and len(args) == 2 and not step.kwargs:
        if name in OPERATORS:
            return f"({args[0]} {OPERATORS[name]} {args[1]})"
        if name == "getitem":
            return f"({args[0]})[{args[1]}]" if not isinstance(step.args[0], Ref) else f"{args[0]}[{args[1]}]"
    given = [*args, *(f"{key}={_value(value, words)}" for key, value in step.kwargs.items())]
    if step.target.startswith("self."):
        return f"{_path(step.target)}({', '.join(given)})"
    if prefix == "Tensor" and type(words) is _Readable and args and isinstance(step.args[0], Ref):
        return f"{args[0]}.{name}" if is_attribute(step.target) else f"{args[0]}.{name}({', '.join(given[1:])})"
    return f"{words.function(step.target)}({', '.join(given)})"


def _last_uses(graph: Graph) -> list[list[str]]:
    """For each step, the values that nothing after it uses."""
    kept = set(references(graph.outputs))
    ends: list[list[str]] = []
    for step in reversed(graph.steps):
        used = dict.fromkeys((*step.outputs, *references((step.args, step.kwargs))))
        done = [name for name in used if name not in kept and not name.startswith("self.")]
        kept.update(done)
        ends.append(done)
    return ends[::-1]


def _lines(graph: Graph, words: _Readable, free: bool) -> Iterator[str]:
    ends: Sequence[list[str]] = _last_uses(graph) if free else [[]] * len(graph.steps)
    for step, done in zip(graph.steps, ends, strict=True):
        call = _written(step, words)
        line = f"{', '.join(step.outputs)} = {call}" if step.outputs else call
        yield f"    {line}{''.join(f'; {name} = None' for name in done)}\n"
    yield f"    return {_value(graph.outputs, words)}\n"


def _source(graph: Graph, words: _Readable, free: bool) -> str:
    inputs = [
        f"{name}={_value(graph.defaults[name], words)}" if name in graph.defaults else name for name in graph.inputs
    ]
    return f"def forward({', '.join(['self', *inputs])}):\n" + "".join(_lines(graph, words, free))
