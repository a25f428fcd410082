"""scipy.special on arrays: SciPy's names, arguments, keywords and values.

Functions that are rows of the op table run there, others through SciPy on the arrays' memory; gradients flow
through all whose derivative is known (Bessel functions and kin, beta and gamma, distribution functions,
elliptic integrals, orthogonal polynomials by their argument ...), elsewhere they are refused by name.  With
SCIPY_ARRAY_API=1 scipy.special hands arrays and Tensors to this module.

>>> import rustorch.numpy as np
>>> x = np.array([0.5, 1.5]).requires_grad_()
>>> np.special.jv(1, x).sum().backward()
>>> x.grad
array([0.45393289, 0.13987   ])
"""

from __future__ import annotations

from functools import partial
from typing import Any

import scipy.special as _scipy
from scipy.special import _ufuncs

from .. import _C
from .._special.functions import FUNCTIONS as _FUNCTIONS
from ._registry import NotHere as _NotHere, np as _np, tensor as _tensor, through_numpy as _through


def _through_call(func: Any, /, *args: Any, **kwargs: Any) -> Any:
    return _through(func, args, kwargs)


def _operand(x: Any) -> Any:
    try:
        return _tensor(x)
    except _NotHere:
        raise TypeError(f"special functions take numbers and arrays of numbers, not {type(x).__name__}") from None


def _wrapped(name: str) -> Any:
    """SciPy's function of this name in our namespace."""
    value = getattr(_ufuncs, name, None) or getattr(_scipy, name)
    if isinstance(value, _np.ufunc):
        return _C._array_ufunc(value, _operand)
    if isinstance(value, type):
        return value
    through = partial(_through_call, value)
    through.__name__ = name  # type: ignore[attr-defined]
    return _C._array_function(_FUNCTIONS.get(name, through), through, _NotHere, value)


__all__ = sorted(name for name in _scipy.__all__ if name not in ("errstate", "geterr", "seterr"))
globals().update({name: _wrapped(name) for name in __all__})
from scipy.special import errstate, geterr, seterr  # noqa: E402

__all__ += ["errstate", "geterr", "seterr"]
