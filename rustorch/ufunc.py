"""Every elementwise op as an np.ufunc, for plain ndarrays: the loops of the Tensor's ops, with
NumPy's dtypes, broadcasting, ``out=``, ``where=``, ``reduce``, ``accumulate``, ``outer`` and ``at``.

>>> import numpy as np
>>> from rustorch import ufunc
>>> ufunc.sigmoid(np.array([0.0, 1.0]))
array([0.5       , 0.73105858])
>>> ufunc.add.reduce(np.arange(5))
np.int64(10)

Floating-point warnings are not raised; infinities and NaN are as IEEE 754 has them.
"""

from __future__ import annotations

from typing import Any

from . import _C

globals().update(_C.ufuncs())
__all__ = sorted(_C.ufuncs())


def __getattr__(name: str) -> Any:
    """Ops that plugins add, too."""
    try:
        return _C.ufuncs()[name]
    except KeyError:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}") from None
