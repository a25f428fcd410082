"""Making tensors and computing with them: zeros, ones, randn, add, transpose, reshape and all of rustorch."""

from __future__ import annotations

from typing import Any

import rustorch
from rustorch import Tensor

__all__ = ["Tensor"]


def __getattr__(name: str) -> Any:
    if name.startswith("_") or not hasattr(rustorch, name):
        raise AttributeError(f"rustorch_py.tensor has no {name!r}")
    return getattr(rustorch, name)
