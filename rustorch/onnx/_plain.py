"""Nodes that functions of rustorch compute as they are: named so, they are easier to read, and go to PyTorch."""

from __future__ import annotations

from functools import cache
from typing import Any

from ..interop.program import Step
from ..interop.targets import is_target, resolve
from ._functions import FUNCTIONS

__all__ = ["plain"]

_WORDS = (
    "abs", "neg", "sign", "reciprocal", "sqrt", "exp", "log", "floor", "ceil", "round", "sin", "cos", "tan", "asin",
    "acos", "atan", "sinh", "cosh", "tanh", "asinh", "acosh", "atanh", "erf", "isnan", "sigmoid", "relu", "add", "sub",
    "mul", "eq", "lt", "gt", "le", "ge", "logical_and", "logical_or", "logical_xor", "logical_not", "where",
)  # fmt: skip


@cache
def _same() -> dict[int, str]:
    """id of a function of FUNCTIONS -> its name in rustorch."""
    return {id(resolve(word)): word for word in _WORDS if is_target(word)}


def plain(key: str, args: tuple[Any, ...], keywords: dict[str, Any], rank: int | None, output: str) -> Step | None:
    """The step of a node in rustorch's own words, or None.  rank: dimensions of a convolution's weight, or of
    the only input, where known."""
    word = _same().get(id(FUNCTIONS[key]))
    if word is not None and not keywords and None not in args:
        return Step(word, args, {}, (output,))
    if key in ("Softmax_13", "LogSoftmax_13"):
        return Step(
            "softmax" if key == "Softmax_13" else "log_softmax", (args[0], keywords.get("axis", -1)), {}, (output,)
        )
    if key == "Flatten" and (rank or 0) >= 2 and keywords.get("axis", 1) == 1:
        return Step("flatten", (args[0], 1), {}, (output,))
    if key == "Concat":
        return Step("cat", (list(args), keywords["axis"]), {}, (output,))
    if key == "Transpose" and "perm" in keywords:
        return Step("permute", (args[0], tuple(keywords["perm"])), {}, (output,))
    if key == "MatMul":
        return Step("matmul", args, {}, (output,))
    if key == "Conv" and rank is not None and 3 <= rank <= 5:
        return _convolution(args, keywords, rank - 2, output)
    return None


def _convolution(args: tuple[Any, ...], keywords: dict[str, Any], nd: int, output: str) -> Step | None:
    pads = keywords.get("pads", [0] * (2 * nd))
    if keywords.get("auto_pad", "NOTSET") != "NOTSET" or len(pads) != 2 * nd or pads[:nd] != pads[nd:] or min(pads) < 0:
        return None
    facts = {
        "stride": tuple(keywords.get("strides", [1] * nd)), "padding": tuple(pads[:nd]),
        "dilation": tuple(keywords.get("dilations", [1] * nd)), "groups": keywords.get("group", 1),
    }  # fmt: skip
    usual = {"stride": (1,) * nd, "padding": (0,) * nd, "dilation": (1,) * nd, "groups": 1}
    facts = {name: value for name, value in facts.items() if value != usual[name]}
    return Step(f"nn.functional.conv{nd}d", args, facts, (output,))
