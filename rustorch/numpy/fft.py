"""numpy.fft on arrays, and the array API's extension `fft`.

>>> import rustorch.numpy as np
>>> np.fft.rfft(np.array([1.0, 0.0, 0.0, 0.0]))
array([1.+0.j, 1.+0.j, 1.+0.j])
"""

from __future__ import annotations

from . import _fill, _np

_fill(globals(), _np.fft)
__all__ = list(_np.fft.__all__)
