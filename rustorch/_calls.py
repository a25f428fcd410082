"""Texts such as "Dense(128, activation=relu)" taken apart: a name, literal arguments, and names for words.

Nothing is evaluated: the text is parsed as Python, and whatever is no call, literal or word is refused.
"""

from __future__ import annotations

import ast
import difflib
from collections.abc import Iterable
from typing import Any, NamedTuple

LONGEST = 2000  # characters; real ones have under a hundred


class Call(NamedTuple):
    """A name with arguments; words among the arguments are texts, calls among them are Calls."""

    name: str
    args: tuple[Any, ...]
    kwargs: dict[str, Any]


def parse_call(text: str, what: str) -> Call:
    """The call that a text spells; a name alone is a call without arguments.

    Args:
        text: such as "Dense(128, activation=relu)", "relu" or "Adam(lr=0.01)".
        what: what it should be, for the message: "a layer".

    Raises:
        ValueError: the text is anything else than a name with literal arguments.

    >>> parse_call("Dense(128, activation=relu)", "a layer")
    Call(name='Dense', args=(128,), kwargs={'activation': 'relu'})
    """
    refusal = f"{text[:100]!r} is not {what}: expected a name with literal arguments, such as 'Name(3, option=0.5)'"
    if len(text) > LONGEST:
        raise ValueError(refusal)
    try:
        node = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise ValueError(refusal) from None
    if isinstance(node, ast.Name):
        return Call(node.id, (), {})
    if not isinstance(node, ast.Call):
        raise ValueError(refusal)
    try:
        return _call(node)
    except (ValueError, TypeError, RecursionError):
        raise ValueError(refusal) from None


def _call(node: ast.Call) -> Call:
    if not isinstance(node.func, ast.Name) or any(k.arg is None for k in node.keywords):
        raise ValueError
    kwargs = {str(k.arg): _value(k.value) for k in node.keywords}
    return Call(node.func.id, tuple(_value(a) for a in node.args), kwargs)


def _value(node: ast.expr) -> Any:
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Call):
        return _call(node)
    return ast.literal_eval(node)


def spelled(name: str) -> str:
    """A name without case and underscores, by which names are compared."""
    return name.lower().replace("_", "").replace("-", "").replace(" ", "")


def unknown(what: str, name: str, known: Iterable[str]) -> ValueError:
    """The error for a name that is not among the known ones; it says which are near."""
    names = sorted(known)
    near = difflib.get_close_matches(name, names, 3, 0.6) or difflib.get_close_matches(spelled(name), names, 3, 0.6)
    hint = f"did you mean {' or '.join(near)}?" if near else f"known are {', '.join(names)}"
    return ValueError(f"unknown {what} {name!r}; {hint}")
