"""Functions that change their method with the argument: right at every threshold, and each lane by itself."""

from __future__ import annotations

import numpy as np
import pytest

import rustorch as rt

# where kernels change from one formula to another, and how many ULP a row promises
THRESHOLDS = {
    "tanh": ([2.0**-4, 5 / 64, 1, 8, 10, 16], 1),
    "erf": ([2.0**-4, 5 / 64, 1, 3.5, 4, 6], 1),
    "sigmoid": ([0.25, 7.75, 17, 86, 88, 103, 700], 1),
    "ndtr": ([1 / 12, 5.2, 14.5, 15, 38.7], 7),
    "gelu": ([1 / 12, 5.2, 14.5, 15], 8),
    "silu": ([80, 86, 172, 700], 3),
    "erfc": ([0.8, 1, 10.3, 27.3], 1),
    "erfcx": ([4, 26, 28, 1e9], 4),
    "i0": ([8, 700, 1400], 3),
    "i0e": ([8, 700], 3),
    "i1": ([8, 700, 1400], 7),
    "i1e": ([8, 700], 7),
    "log_ndtr": ([1, 40], 3),
    "erfinv": ([0.85, 0.9966, 1], 3),
    "ndtri": ([0.075, 0.925, 1], 3),
    "digamma": ([1, 2, 10], 2),
    "trigamma": ([1, 2, 10], 4),
    "log": ([0.70710678, 1, 1.41421356, 2.0**-126, 2.0**-1022], 1),
    "log2": ([0.70710678, 1, 1.41421356, 2.0**-126, 2.0**-1022], 1),
    "log10": ([0.70710678, 1, 1.41421356, 2.0**-126, 2.0**-1022], 1),
    "logit": ([0.2, 0.5, 0.8, 1], 2),
}


def around(name: str, dtype: str) -> np.ndarray:
    """Some 20 numbers on both sides of each threshold and of its negative, shuffled, with special ones."""
    steps = np.arange(-9, 10)
    kind = np.int32 if dtype == "float32" else np.int64
    found = [np.array([0, -0.0, np.inf, -np.inf, np.nan, 0.3, -0.7], dtype)]
    with np.errstate(all="ignore"):
        for at in THRESHOLDS[name][0]:
            for value in np.array([at, -at], dtype):
                found.append((value.view(kind) + steps.astype(kind)).view(dtype))
    x = np.concatenate(found)
    return np.random.default_rng(0).permutation(x[~np.isnan(x) | (np.arange(x.size) < 7)])


@pytest.mark.parametrize("name", THRESHOLDS)
def test_float32_agrees_with_float64(name: str) -> None:
    f, x = getattr(rt.ufunc, name), around(name, "float32")
    with np.errstate(all="ignore"):
        got, want = f(x), f(x.astype("float64"))
        rounded = want.astype("float32")
        assert np.array_equal(np.isnan(got), np.isnan(rounded))
        assert np.array_equal(np.isinf(got), np.isinf(rounded))
        well = np.isfinite(rounded) & np.isfinite(got)
        error = np.abs(got[well] - want[well]) / np.spacing(np.abs(rounded[well])).astype("float64")
    assert error.max() <= THRESHOLDS[name][1]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", THRESHOLDS)
def test_a_lane_depends_on_itself_alone(name: str, dtype: str) -> None:
    f, x = getattr(rt.ufunc, name), around(name, dtype)
    with np.errstate(all="ignore"):
        whole = f(x)
        alone = np.array([f(np.full(1, value, dtype))[0] for value in x], dtype)
    assert np.array_equal(whole, alone, equal_nan=True)
