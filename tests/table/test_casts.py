"""Conversions: all pairs of dtypes over lengths that end within and between blocks, beside NumPy (bfloat16 beside
PyTorch), and doubles to 16 bits rounded once."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
import torch

import rustorch as rt

NAMES = ("bool", "uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64", "float16", "float32",
         "float64", "complex64", "complex128")  # fmt: skip
HALVES = np.arange(0x7C00, dtype=np.uint16).view(np.float16).astype(float)
BRAINS = (np.arange(0x7F80, dtype=np.uint32) << 16).view(np.float32).astype(float)


def near(grid):
    """The numbers of a format, those halfway between two, the neighbours of both, and all that once more, negative."""
    ends = [65519.99999, 65520, 3.4e38, 1e39, 5e-324, 1e-310, np.inf]
    points = np.concatenate([grid, (grid[1:] + grid[:-1]) / 2, ends])
    points = np.concatenate([points, np.nextafter(points, np.inf), np.nextafter(points, -1)])
    return np.concatenate([points, -points, [np.nan]])


@pytest.mark.filterwarnings("ignore:Casting complex")
@pytest.mark.parametrize("n", (1, 7, 255, 256, 257, 1100))
@pytest.mark.parametrize("of", (*NAMES, "bfloat16"))
def test_pairs(of, n):
    numbers = np.random.default_rng(n).integers(0, 100, n)
    if of == "bfloat16":
        numbers = torch.from_numpy(numbers).bfloat16().long().numpy()
    elif of == "bool":
        numbers = numbers > 50
    given = rt.from_numpy(numbers).to(getattr(rt, of))
    for to in NAMES:
        want = (numbers if of == "bfloat16" else numbers.astype(of)).astype(to)
        np.testing.assert_array_equal(given.to(getattr(rt, to)).numpy(), want, err_msg=to)
        strided = rt.stack([given, given], 1)[:, 1].to(getattr(rt, to))
        np.testing.assert_array_equal(strided.numpy(), want, err_msg=f"{to}, strided")
    back = given.to(rt.bfloat16)
    assert torch.equal(torch.from_dlpack(back), torch.from_numpy(numbers).bfloat16())


def test_float64_to_float16_is_rounded_once():
    values = near(HALVES)
    with np.errstate(all="ignore"):
        want = values.astype(np.float16)
    got = rt.from_numpy(values).to(rt.float16).numpy()
    np.testing.assert_array_equal(got, want)
    np.testing.assert_array_equal(np.signbit(got), np.signbit(want))


def test_float64_to_bfloat16_is_rounded_once():
    values = near(np.concatenate([BRAINS[:300], BRAINS[::97], BRAINS[-300:]]))
    got = rt.from_numpy(values).to(rt.bfloat16).view(rt.int16).numpy().view(np.uint16)
    np.testing.assert_array_equal(got >> 15, np.signbit(values) | np.isnan(values) & (got >> 15 == 1))
    for x, bits in zip(np.abs(values), got & 0x7FFF, strict=True):
        if np.isnan(x):
            assert bits > 0x7F80
        elif np.isinf(x):
            assert bits == 0x7F80
        else:
            high = min(int(np.searchsorted(BRAINS, x)), len(BRAINS))
            low = max(high - 1, 0)
            ends = [Fraction(2) ** 128 if k == len(BRAINS) else Fraction(BRAINS[k]) for k in (low, high)]
            far = Fraction(x) - ends[0], ends[1] - Fraction(x)
            nearest = low if far[0] < far[1] or (far[0] == far[1] and low % 2 == 0) else high
            assert bits == nearest, x.hex()
