"""Division of integers in floats, powers by a number, and functions of complex numbers by their parts: NumPy judges."""

from __future__ import annotations

import numpy as np
import pytest

import rustorch as rt

INTEGERS = ["uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64"]
EDGES = [0.0, -0.0, 1.0, -2.5, np.inf, -np.inf, np.nan, 1e-42, 3e38]


def whole_numbers(dtype, n=2100):
    """Small ones, the whole range, and the edges."""
    info, rng = np.iinfo(dtype), np.random.default_rng(1)
    small = rng.integers(max(info.min, -9), 10, n, dtype=dtype)
    middle = rng.integers(max(info.min, -(2**45)), min(info.max, 2**45), n, dtype=dtype, endpoint=True)
    wide = rng.integers(info.min, info.max, n, dtype=dtype, endpoint=True)
    near = np.array([2**51 - 1, 2**51, -(2**51), -(2**51) - 1, 2**53 + 1, 2**31, -(2**31)]).astype(dtype)
    edges = np.concatenate([np.array([info.min, info.max, info.min + 1, info.max - 1, 0, 1], dtype), near])
    return np.concatenate([small, middle, wide, edges, middle])


@pytest.mark.parametrize("dtype", INTEGERS)
@pytest.mark.parametrize("name", ["floor_divide", "remainder", "fmod"])
def test_division_of_integers(name, dtype):
    x, f = whole_numbers(dtype), getattr(rt, name)
    y = np.random.default_rng(2).permutation(x)
    with np.errstate(all="ignore"):
        want = getattr(np, name)(x, y)
        np.testing.assert_array_equal(f(rt.tensor(x), rt.tensor(y)).numpy(), want)
        np.testing.assert_array_equal(f(rt.tensor(x)[::3], rt.tensor(y)[::3]).numpy(), want[::3])
        for number in [1, 2, 7, 10, *([-1, -3] if dtype[0] == "i" else [])]:
            np.testing.assert_array_equal(f(rt.tensor(x), number).numpy(), getattr(np, name)(x, x.dtype.type(number)))
            np.testing.assert_array_equal(f(number, rt.tensor(x)).numpy(), getattr(np, name)(x.dtype.type(number), x))
    inplace = rt.tensor(x)
    inplace.floor_divide_(3)
    np.testing.assert_array_equal(inplace.numpy(), x // x.dtype.type(3))


@pytest.mark.parametrize("dtype", ["int8", "uint16", "int64", "float32", "float64", "complex64", "complex128"])
def test_powers_by_a_number(dtype):
    x = np.random.default_rng(3).integers(-5 if dtype[0] != "u" else 0, 6, 1500).astype(dtype)
    for n in range(5):
        np.testing.assert_array_equal((rt.tensor(x) ** n).numpy(), x**n)
        np.testing.assert_array_equal((rt.tensor(x)[::7] ** n).numpy(), x[::7] ** n)
        np.testing.assert_array_equal((rt.tensor(x)[:1] ** n).numpy(), x[:1] ** n)
    if dtype[0] in "fc":
        assert (rt.pow(rt.tensor([np.nan, np.inf], dtype=dtype), 0) == 1).all()


def pairs(dtype):
    parts = np.array([complex(a, b) for a in EDGES for b in EDGES])
    rng = np.random.default_rng(4)
    far = np.exp(rng.uniform(-40, 40, (2, 900))) * rng.choice([-1, 1], (2, 900))
    with np.errstate(all="ignore"):
        return np.concatenate([parts, far[0] + 1j * far[1], rng.standard_normal(500) + 0j]).astype(dtype)


@pytest.mark.parametrize("dtype", ["complex64", "complex128"])
@pytest.mark.parametrize("name", ["reciprocal", "sgn", "angle", "div"])
def test_complex_functions_by_parts(name, dtype):
    """The same numbers and the same special values as NumPy, in double precision, also where parts are infinite."""
    x = pairs(dtype)
    wide, finite = x.astype("complex128"), np.isfinite(x.real) & np.isfinite(x.imag)
    with np.errstate(all="ignore"):
        if name == "reciprocal":
            got, want = rt.reciprocal(rt.tensor(x)).numpy(), (1 / wide)
            want[wide == 0] = complex(np.nan, np.nan)
        elif name == "sgn":
            got, want = rt.sgn(rt.tensor(x)).numpy(), np.sign(wide)
        elif name == "angle":
            got, want = rt.angle(rt.tensor(x)).numpy(), np.angle(wide)
        else:
            y = np.random.default_rng(5).permutation(x)
            got, want = (rt.tensor(x) / rt.tensor(y)).numpy(), wide / y
        want = want.astype(got.dtype)
    limit = 4 * np.finfo(dtype).eps
    for part in ("real", "imag"):
        a, b = getattr(got, part), getattr(want, part)
        where = np.isnan(b) | np.isinf(b) | ~finite
        np.testing.assert_array_equal(a[where], b[where])
        scale = abs(b[~where]) if name == "angle" else abs(want[~where])
        assert (abs(a - b)[~where] <= limit * scale + 4 * np.finfo(dtype).smallest_subnormal).all()
    single = getattr(rt, name)(rt.tensor(x[:3]), *([rt.tensor(y[:3])] if name == "div" else [])).numpy()
    np.testing.assert_array_equal(single.view(single.real.dtype), got[:3].view(single.real.dtype))
    if name != "div":
        apart = getattr(rt, name)(rt.tensor(np.repeat(x, 2))[::2]).numpy()
        np.testing.assert_array_equal(apart.view(single.real.dtype), got.view(single.real.dtype))
