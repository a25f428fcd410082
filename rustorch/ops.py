"""NumPy's ufuncs on tensors, for classes that wrap a tensor.

>>> import numpy as np, rustorch as rt
>>> class Wrapped:
...     def __init__(self, data):
...         self._data = data
...     def __array_ufunc__(self, ufunc, method, *inputs, **kwargs):
...         return rt.ops.dispatch_ufunc(ufunc, *inputs, **kwargs) if method == "__call__" else NotImplemented
>>> np.add(Wrapped(rt.ones(2)), 1)
tensor([2.0, 2.0])
"""

from __future__ import annotations

from typing import Any

import numpy as np

from . import _C

__all__ = ["dispatch_ufunc"]


class _Interface:
    """A wrapper's array interface, which may be a method and tell its address without the read-only flag."""

    def __init__(self, told: dict[str, Any], owner: Any) -> None:
        data = told["data"]
        pair = (data, False) if isinstance(data, int) else data
        self.__array_interface__ = {**told, "shape": tuple(told["shape"]), "data": pair}
        self.owner = owner


def _unwrapped(x: Any) -> Any:
    """The tensor in a wrapper: its _data when that is one, else on the memory that its array interface tells."""
    if not hasattr(type(x), "__array_ufunc__") or isinstance(x, (_C.Tensor, np.ndarray, np.generic)):
        return x
    held = getattr(x, "_data", None)
    if isinstance(held, (_C.Tensor, np.ndarray)):
        return held
    told = getattr(x, "__array_interface__", None)
    if told is None:
        raise TypeError(
            f"dispatch_ufunc: {type(x).__name__} has neither a tensor in _data nor an __array_interface__"
        )
    return _C.as_tensor(np.asarray(_Interface(told() if callable(told) else told, x)))


def dispatch_ufunc(ufunc: Any, *inputs: Any, **kwargs: Any) -> Any:
    """ufunc(*inputs, **kwargs) in rustorch, with gradients.

    ufunc: one of NumPy's.  inputs, and the outputs in `out`: tensors, arrays, numbers, or objects of a class that has
    __array_ufunc__ and holds a tensor in `_data` or tells an __array_interface__ (a method, too).  Returns a Tensor.
    TypeError for other ufuncs and for wrappers without a tensor."""
    if not isinstance(ufunc, np.ufunc):
        raise TypeError(f"dispatch_ufunc: a NumPy ufunc is expected first, not {type(ufunc).__name__}")
    operands = [_unwrapped(x) for x in inputs]
    if kwargs.get("out") is not None:
        out = kwargs["out"]
        kwargs["out"] = tuple(_unwrapped(o) for o in out) if isinstance(out, tuple) else _unwrapped(out)
    if not any(isinstance(x, _C.Tensor) for x in operands):
        operands = [_C.as_tensor(x) if isinstance(x, np.ndarray) else x for x in operands]
    if not any(isinstance(x, _C.Tensor) for x in operands):
        operands[:1] = [_C.as_tensor(operands[0])] if operands else []
    return ufunc(*operands, **kwargs)
