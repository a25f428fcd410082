"""NumPy's module for tests, on arrays: assertions and all else of `numpy.testing` see NumPy's arrays on the
same memory."""

from __future__ import annotations

import functools
from typing import Any

import numpy.testing as _theirs

from .. import _C

_tensor_type: Any = _C.Tensor


def _seen(x: Any) -> Any:
    """Arrays and Tensors as NumPy's, those in containers too; a value without axes as NumPy's scalar."""
    if isinstance(x, _tensor_type):
        data = x.detach().numpy()
        return data[()] if type(x) is _C.ndarray else data
    if type(x) in (list, tuple):
        return type(x)(_seen(item) for item in x)
    if type(x) is dict:
        return {key: _seen(item) for key, item in x.items()}
    return x


def _wrapped(function: Any) -> Any:
    @functools.wraps(function)
    def on_arrays(*args: Any, **kwargs: Any) -> Any:
        return function(*map(_seen, args), **{key: _seen(value) for key, value in kwargs.items()})

    return on_arrays


def __getattr__(name: str) -> Any:
    value = getattr(_theirs, name)
    if callable(value) and not isinstance(value, type) and name.startswith(("assert_", "print_")):
        value = globals()[name] = _wrapped(value)
    return value


__all__ = list(_theirs.__all__)
