"""Public functions written in Python say which argument was no Tensor (src/python/guard.c)."""

from __future__ import annotations

import types
from typing import Any

from . import _C


def guarded(names: dict[str, Any]) -> dict[str, Any]:
    """The public functions among names, each as its guard."""
    return {
        name: _C._guard(value)
        for name, value in names.items()
        if isinstance(value, types.FunctionType) and not name.startswith("_")
    }
