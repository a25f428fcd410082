"""Operations by name, among functions only: rustorch.operations.mul(x, y) is rustorch.mul(x, y).

>>> import rustorch as rt
>>> rt.operations.mul(rt.ones(2), 3)
tensor([3.0, 3.0])
"""

from __future__ import annotations

import importlib
from typing import Any

from . import _C

_package: Any = importlib.import_module(__package__)


def __getattr__(name: str) -> Any:
    value = getattr(_package, name, None)
    if name.startswith("_") or not callable(value) or isinstance(value, type):
        raise AttributeError(f"rustorch.operations has no {name!r}")
    return value


def __dir__() -> list[str]:
    return sorted(_C.ops)
