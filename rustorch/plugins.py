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
import os
import sys
import threading
import warnings
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


def find(name: str) -> Any:
    """What plugins have put under a name that rustorch itself lacks; AttributeError when nothing.

    Example:
        >>> import rustorch
        >>> rustorch.plugins.find("exp") is rustorch.exp
        True
    """
    if not name.startswith("_"):
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
