"""rustorch.tensor, the function, as a module that has all of rustorch's functions, too.

>>> import rustorch.tensor as tensor
>>> tensor.ones([2])
tensor([1.0, 1.0])
>>> tensor([1.0, 2.0], requires_grad=True)
tensor([1.0, 2.0], requires_grad=True)
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import Any

from ._C import Tensor, tensor as _tensor

__all__ = ["Tensor"]

_package: Any = importlib.import_module(__package__)


def __getattr__(name: str) -> Any:
    if name.startswith("_") or not hasattr(_package, name):
        raise AttributeError(f"rustorch.tensor has no {name!r}")
    return getattr(_package, name)


class _Callable(ModuleType):
    """An import puts the module in the function's place; it must do as the function does."""

    __call__ = staticmethod(_tensor)


sys.modules[__name__].__class__ = _Callable
