"""Making tensors and computing with them: zeros, ones, randn, add, transpose, reshape and all of rustorch.

The module can be called, too, and then is rustorch.tensor:

>>> import rustorch_py
>>> rustorch_py.tensor.ones([2])
tensor([1.0, 1.0])
>>> rustorch_py.tensor([1.0, 2.0], requires_grad=True)
tensor([1.0, 2.0], requires_grad=True)
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

import rustorch
from rustorch import Tensor

__all__ = ["Tensor"]


def __getattr__(name: str) -> Any:
    if name.startswith("_") or not hasattr(rustorch, name):
        raise AttributeError(f"rustorch_py.tensor has no {name!r}")
    return getattr(rustorch, name)


class _Callable(ModuleType):
    def __call__(self, data: Any, **kwargs: Any) -> Tensor:
        return rustorch.tensor(data, **kwargs)


sys.modules[__name__].__class__ = _Callable
