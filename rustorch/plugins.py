"""Ops that other packages bring.

An extension registers ops with ``rustorch->register_op`` of ``rustorch.h`` (see `rustorch.get_include`); afterwards
they are `rustorch.<name>`, rows of `rustorch._C.op_table()`, and record gradients like any other.  A package that
names its module as an entry point of group ``rustorch.plugins`` need not be imported: it is loaded when a name that
rustorch lacks is first asked for.  ``RUSTORCH_PLUGINS=0`` in the environment switches that off.

>>> import rustorch
>>> isinstance(rustorch.plugins.load(), list)
True
"""

from __future__ import annotations

import importlib.metadata
import inspect
import os
import sys
import threading
import warnings
from collections.abc import Callable, Sequence
from typing import Any

from . import _log

GROUP = "rustorch.plugins"

_lock = threading.RLock()
_loaded: list[str] | None = None


def _load_one(entry: importlib.metadata.EntryPoint) -> bool:
    try:
        value = entry.load()
        if callable(value):
            value()
    except Exception as error:  # whatever another package raises, rustorch goes on
        warnings.warn(
            f"rustorch: the plugin {entry.name!r} ({entry.value}) could not be loaded: {type(error).__name__}: {error}",
            RuntimeWarning,
            stacklevel=3,
        )
        return False
    _log.info("plugin %s (%s) is loaded", entry.name, entry.value)
    return True


def load() -> list[str]:
    """Loads the plugins of all installed packages, once; the names of those that could be.

    The entry points of group ``rustorch.plugins`` are imported in the order of their names; where one names a function
    (``module:function``), that is called without arguments.  One that fails is reported as a RuntimeWarning that names
    it.  With ``RUSTORCH_PLUGINS=0`` nothing is loaded.

    Returns:
        Names of the entry points that were loaded.

    Example:
        >>> import rustorch
        >>> names = rustorch.plugins.load()
    """
    global _loaded
    with _lock:
        if _loaded is None:
            _loaded = []
            if os.environ.get("RUSTORCH_PLUGINS", "1") != "0":
                entries = sorted(importlib.metadata.entry_points(group=GROUP), key=lambda entry: entry.name)
                _loaded.extend(entry.name for entry in entries if _load_one(entry))
        return list(_loaded)


def _signature_of(function: Callable[..., Any]) -> str:
    """The signature text of a Python function: a default tells an argument's type, none is a tensor."""
    parts, starred = [], False
    for p in inspect.signature(function).parameters.values():
        if p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD):
            raise ValueError(f"register: the arguments of {function!r} cannot be counted: give signature=")
        if p.kind is p.KEYWORD_ONLY and not starred:
            parts.append("*")
            starred = True
        kind = next((word for kind, word in _KINDS.items() if isinstance(p.default, kind)), None)
        if p.default is p.empty:
            parts.append(p.name)
        elif kind is None:
            raise ValueError(f"register: what is {p.name}={p.default!r}?  Give signature=")
        else:
            parts.append(f"{p.name}:{kind}={p.default!r}")
    return ", ".join(parts)


_KINDS = {bool: "bool", int: "int", float: "float", type(None): "tensor?"}


def register(
    name: str,
    forward: Callable[..., Any],
    backward: Callable[..., Any] | None = None,
    *,
    signature: str | None = None,
    gradient: str | Sequence[str | None] | None = None,
    doc: str | None = None,
    nout: int = 1,
    method: bool = False,
) -> Callable[..., Any]:
    """Adds an op that is written in Python: `rustorch.<name>`, a row of the op table, recorded as one step.

    Args:
        name: The op's name: lower-case letters, digits, inner underscores.
        forward: Computes the result, a tensor (with `nout` > 1 a tuple) from the arguments.  Numbers given in place
            of tensors arrive as tensors.  What it computes is not recorded.
        backward: backward(g, ...) is given the gradient of the result (of each, with `nout` > 1) and then the
            arguments, and returns the gradient of each tensor among them, or None.  Its ops are recorded, so that it
            can be differentiated again.  Without it, and without `gradient`, forward is run again and recorded.
        signature: The arguments, as for ops in C (see docs/plugins.md); without it forward's own, where an argument
            with a default is a bool, int or float, or with None an optional tensor, and others are tensors.
        gradient: Instead of backward, the derivative as a text over x, y, z, out and g, one for each tensor.
        doc: One sentence; without it the first line of forward's docstring.
        nout: The number of results, 1 to 4.
        method: Whether it is a method of Tensor, too.

    Returns:
        The new function.

    Raises:
        ValueError: The name is taken, or a text cannot be read.

    Example:
        >>> import rustorch
        >>> cubed = rustorch.plugins.register("cubed", lambda x: x * x * x, gradient="3 * g * x * x")
        >>> x = rustorch.tensor([1.0, 2.0], requires_grad=True)
        >>> rustorch.cubed(x).sum().backward()
        >>> x.grad
        tensor([ 3.0, 12.0])
    """
    from . import _C

    texts = [gradient] if isinstance(gradient, str) else list(gradient or [])
    if len(texts) > 3:
        raise ValueError(f"register: at most 3 derivatives, not {len(texts)}")
    if not callable(forward) or not (backward is None or callable(backward)):
        raise TypeError("register: forward and backward must be functions")
    if doc is None:
        doc = (inspect.getdoc(forward) or "").partition("\n")[0]
    text = signature if signature is not None else _signature_of(forward)
    if backward is None and not texts:
        from ._derived import derived

        backward = derived(forward, text, nout)
    saved = _SAVE_INPUTS | _RECORDED if backward is not None else 0
    padded = (*texts, None, None, None)[:3]
    _C._register_op(name, text, doc, saved | method, nout, padded, forward, backward)
    function: Callable[..., Any] = _C.ops[name]
    return function


_SAVE_INPUTS, _RECORDED = 8, 32  # of rustorch.h


def find(name: str) -> Any:
    """What plugins have put under a name that rustorch itself lacks; AttributeError when nothing.

    Example:
        >>> import rustorch
        >>> rustorch.plugins.find("exp") is rustorch.exp
        True
    """
    load()
    try:
        return vars(sys.modules["rustorch"])[name]
    except KeyError:
        raise AttributeError(f"module 'rustorch' has no attribute {name!r}") from None


def _taken(name: str, in_place: bool) -> str | None:
    """Who has a name that an op is to be given, or None."""
    import keyword

    rustorch = sys.modules["rustorch"]
    if keyword.iskeyword(name):
        return "Python"
    if name in rustorch._C.ops:
        return "another op"
    for spelled in (name, name + "_") if in_place else (name,):
        if spelled in dir(rustorch):
            return f"rustorch.{spelled}"
        if hasattr(rustorch.Tensor, spelled):
            return f"rustorch.Tensor.{spelled}"
    return None
