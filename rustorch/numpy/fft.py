"""numpy.fft on arrays, and the array API's extension `fft`.

>>> import rustorch.numpy as np
>>> np.fft.rfft(np.array([1.0, 0.0, 0.0, 0.0]))
array([1.+0.j, 1.+0.j, 1.+0.j])
"""

from __future__ import annotations

from . import _fft_frequencies, _fill, _own
from ._registry import np as _np

globals().update({name: _own(function, _np.fft) for name, function in _fft_frequencies.OWN.items()})
_fill(globals(), _np.fft)
__all__ = list(_np.fft.__all__)
