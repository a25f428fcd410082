"""Which function computes an ONNX operator, by its name and the version of the operator set.

A function takes the operator's inputs in their order, None for one that is left out, and its attributes as
keywords under ONNX's names; it gives the first output, or with `several` a tuple of outputs.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from typing import Any

Operator = Callable[..., Any]

FUNCTIONS: dict[str, Operator] = {}
# (name, several) -> (first version, key in FUNCTIONS), newest first
_versions: dict[tuple[str, bool], list[tuple[int, str]]] = {}

# ONNX's numbers of element types, as names of ours.
DTYPES = {
    1: "float32", 2: "uint8", 3: "int8", 4: "uint16", 5: "int16", 6: "int32", 7: "int64", 9: "bool", 10: "float16",
    11: "float64", 12: "uint32", 13: "uint64", 14: "complex64", 15: "complex128", 16: "bfloat16",
}  # fmt: skip


def operator(name: str, since: int = 1, *, several: bool = False) -> Callable[[Operator], Operator]:
    """Enters a function for an operator from a version of the operator set on, as `<name>`, `<name>_<since>` or
    `<name>_outputs`."""

    def enter(function: Operator) -> Operator:
        key = name + (f"_{since}" if since > 1 else "") + ("_outputs" if several else "")
        FUNCTIONS[key] = function
        found = _versions.setdefault((name, several), [])
        found.append((since, key))
        found.sort(reverse=True)
        return function

    return enter


def find(name: str, opset: int, outputs: int = 1) -> tuple[str, bool] | None:
    """The key in FUNCTIONS of an operator in a version of the operator set, and whether the function gives a tuple;
    None when there is none.

    >>> find("Softmax", 11), find("Softmax", 18), find("MaxPool", 12, 2)
    (('Softmax', False), ('Softmax_13', False), ('MaxPool_outputs', True))
    """
    for several in (True, False) if outputs > 1 else (False, True):
        for since, key in _versions.get((name, several), ()):
            if since <= opset:
                return key, several
    return None


def unknown(key: str, attributes: Iterable[str]) -> list[str]:
    """Those of the attributes that a function of FUNCTIONS does not take."""
    names = set(attributes)
    if not names:
        return []
    parameters = inspect.signature(FUNCTIONS[key]).parameters
    if any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
        return []
    return sorted(names - parameters.keys())


def dtype_of(number: int) -> str:
    """The name of an ONNX element type; NotImplementedError for one that tensors here cannot have."""
    if number not in DTYPES:
        raise NotImplementedError(f"rustorch.onnx: tensors of ONNX's element type {number} are not supported")
    return DTYPES[number]
