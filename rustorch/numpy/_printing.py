"""How arrays are shown, and made by calling their type."""

from __future__ import annotations

import numbers
from typing import Any

from .. import _C
from ._registry import np

_from_numpy: Any = _C.from_numpy


def array_repr(self: Any) -> str:
    """As NumPy shows the same array; of a value without dimensions as it shows its scalars."""
    data = self.detach().numpy()
    text = repr(data[()]) if self.ndim == 0 else np.array_repr(data)
    return f"{text[:-1]}, requires_grad=True)" if self.requires_grad else text


def array_str(self: Any) -> str:
    """As NumPy prints it."""
    return str(self.detach().numpy())


def new(*args: Any, **kwargs: Any) -> Any:
    """ndarray(shape, dtype=float, buffer=None, offset=0, strides=None, order=None); of a number that is no shape its
    value, as type(a[0])(0.5) asks for."""
    value = args[0] if len(args) == 1 and not kwargs else None
    if isinstance(value, numbers.Complex) and not isinstance(value, numbers.Integral):
        return _C._as_arrays(_from_numpy(np.array(float(value) if isinstance(value, numbers.Real) else complex(value))))
    args = tuple(a.numpy() if isinstance(a, _C.Tensor) else a for a in args)
    kwargs = {k: v.numpy() if isinstance(v, _C.Tensor) else v for k, v in kwargs.items()}
    return _C._as_arrays(_from_numpy(np.ndarray(*args, **kwargs)))
