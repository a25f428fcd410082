"""numpy.linalg on arrays, and the array API's extension `linalg`.

Functions, keywords, named results and errors are those of NumPy 2; LAPACK computes over all threads of rustorch,
and gradients flow.  `eig` and `eigvals` are always complex, as in the array API and NumPy 2.5.

>>> import rustorch.numpy as np
>>> a = np.array([[4.0, 2.0], [2.0, 3.0]]).requires_grad_()
>>> np.linalg.det(a).backward()
>>> a.grad
array([[ 3., -2.],
       [-2.,  4.]])
"""

from __future__ import annotations

from typing import Any

from numpy.linalg import LinAlgError as LinAlgError

from .. import _C
from . import _fill, _linalg_products
from ._linalg_inputs import (
    EighResult as EighResult,
    EigResult as EigResult,
    QRResult as QRResult,
    SlogdetResult as SlogdetResult,
    SVDResult as SVDResult,
)
from ._registry import np as _np

_fill(globals(), _np.linalg)
expm: Any = _C._array_function(_linalg_products.expm, None, None, _linalg_products.expm)
__all__ = [*_np.linalg.__all__, "expm"]
