"""Assertions for tests of code that uses tensors."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import _C


def _array(value: Any) -> Any:
    t = _C.as_tensor(value).detach()
    return t.to("float32").numpy() if str(t.dtype) == "bfloat16" else t.numpy()


def assert_tensor_equal(actual: Any, expected: Any) -> None:
    """Same shape and elements (NaN equals NaN); AssertionError shows where they differ.

    >>> import rustorch as rt
    >>> rt.testing.assert_tensor_equal(rt.tensor([1, 2]) + 1, [2, 3])
    """
    np.testing.assert_array_equal(_array(actual), _array(expected))


def assert_close(
    actual: Any, expected: Any, rtol: float | None = None, atol: float | None = None, equal_nan: bool = False
) -> None:
    """Elements within atol + rtol * |expected|; defaults follow the wider of the tolerances of both dtypes."""
    a, b = _array(actual), _array(expected)
    defaults = {
        "float16": (1e-3, 1e-5),
        "float32": (1.3e-6, 1e-5),
        "float64": (1e-7, 1e-7),
        "complex64": (1.3e-6, 1e-5),
        "complex128": (1e-7, 1e-7),
    }
    names = [str(getattr(v, "dtype", w.dtype)) for v, w in ((actual, a), (expected, b))]
    pairs = [(1.6e-2, 1e-5) if n == "bfloat16" else defaults.get(n, (0.0, 0.0)) for n in names]
    relative = max(p[0] for p in pairs) if rtol is None else rtol
    absolute = max(p[1] for p in pairs) if atol is None else atol
    if a.shape != b.shape:
        raise AssertionError(f"shapes differ: {a.shape} and {b.shape}")
    np.testing.assert_allclose(a, b, rtol=relative, atol=absolute, equal_nan=equal_nan)
