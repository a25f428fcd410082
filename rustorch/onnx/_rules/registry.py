"""Which function writes a row of the op table as ONNX nodes.

A rule takes the graph and the call, whose arguments are Tensors of the graph, numbers and lists by the names of
the row's signature, and gives the name of its output, or a list of names (None for an output it has none for).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .._graph import Graph, Tensor

__all__ = ["RULES", "Arguments", "Rule", "rule"]


@dataclass
class Arguments:
    """A call: its row, its arguments, and what its outputs are."""

    row: str
    args: dict[str, Any]
    outputs: list[Tensor]

    def __getitem__(self, name: str) -> Any:
        return self.args[name]

    def get(self, name: str, default: Any = None) -> Any:
        return self.args.get(name, default)

    @property
    def tensors(self) -> list[Tensor]:
        found: list[Tensor] = []
        for value in self.args.values():
            found += [v for v in (value if isinstance(value, tuple) else (value,)) if isinstance(v, Tensor)]
        return found

    @property
    def out(self) -> Tensor:
        return self.outputs[0]


Rule = Callable[[Graph, Arguments], Any]
RULES: dict[str, Rule] = {}


def rule(*rows: str) -> Callable[[Rule], Rule]:
    """Enters the rule of some rows."""

    def enter(function: Rule) -> Rule:
        for row in rows:
            RULES[row] = function
        return function

    return enter
