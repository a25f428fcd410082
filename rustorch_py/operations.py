"""Ops by name: rustorch_py.operations.mul(x, y) is rustorch.mul(x, y)."""

from __future__ import annotations

from typing import Any

import rustorch


def __getattr__(name: str) -> Any:
    value = getattr(rustorch, name, None)
    if name.startswith("_") or not callable(value) or isinstance(value, type):
        raise AttributeError(f"rustorch_py.operations has no {name!r}")
    return value


def __dir__() -> list[str]:
    return sorted(rustorch._C.ops)
