"""Frequencies of the transform's samples; NumPy's functions know neither dtype nor device."""

from __future__ import annotations

from typing import Any

from .. import _C
from ._info import check_device
from ._registry import np


def _typed(frequencies: Any, dtype: Any, device: Any) -> Any:
    check_device(device)
    if dtype is not None and np.dtype(dtype).kind != "f":
        raise TypeError(f"fftfreq, rfftfreq: dtype must be a real floating one, not {np.dtype(dtype)}")
    return _C.from_numpy(frequencies if dtype is None else frequencies.astype(dtype))


def fftfreq(n: int, d: float = 1.0, device: Any = None, *, dtype: Any = None) -> Any:
    """Frequencies of the n values of fft, for samples at distance d: 0 and positive ones, then negative.

    float64 unless dtype says otherwise.  ValueError unless n is an integer and for an unknown device.

    >>> import rustorch.numpy as np
    >>> np.fft.fftfreq(4, 0.5)
    array([ 0. ,  0.5, -1. , -0.5])
    """
    return _typed(np.fft.fftfreq(n, d), dtype, device)


def rfftfreq(n: int, d: float = 1.0, device: Any = None, *, dtype: Any = None) -> Any:
    """Frequencies of the n // 2 + 1 values of rfft, for n samples at distance d; float64 unless dtype is given.

    ValueError unless n is an integer and for an unknown device.
    """
    return _typed(np.fft.rfftfreq(n, d), dtype, device)


OWN = {f.__name__: f for f in (fftfreq, rfftfreq)}
