"""NumPy's functions called on Tensors (``__array_function__``).

They mean what they mean in NumPy and give Tensors, with gradients.  A function that is not listed in
these files runs on ndarrays that share the tensors' memory; where a gradient would be lost it is
refused by name.
"""

from __future__ import annotations

import sys
from typing import Any

from .. import _C
from . import (  # noqa: F401  (they enter themselves)
    _applying,
    _creation,
    _differences,
    _elements,
    _fft,
    _joining,
    _linalg_factors,
    _linalg_norms,
    _linalg_products,
    _linalg_solving,
    _padding,
    _polynomials,
    _products,
    _reductions,
    _selecting,
    _shapes,
    _sorting,
    _statistics,
    _writing,
)
from ._composed import COMPOSED_UFUNCS, folded  # noqa: F401  (read from C)
from ._registry import DECLINED, TABLE, np, through_numpy

_PLAIN = (_C.Tensor, np.ndarray)


def recording(ufunc: Any) -> Any:
    """What calls a special function of SciPy's and records it for gradients, or None."""
    if "scipy.special" not in sys.modules:
        return None
    from .._special import differentiable

    return differentiable(ufunc)


def array_function(func: Any, types: Any, args: Any, kwargs: Any) -> Any:
    """What Tensor.__array_function__ answers."""
    for t in types:
        if t is not _C.Tensor and not issubclass(t, _PLAIN) and hasattr(t, "__array_function__"):
            return NotImplemented
    entry = TABLE.get(func)
    if entry is not None and entry.takes(args, kwargs):
        try:
            return entry.function(*args, **kwargs)
        except DECLINED:
            pass
    return through_numpy(func, args, kwargs)
