"""Joined, repeated and strided copies, and ends of rows: every length around the blocks that kernels work in."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import rustorch as rt

RNG = np.random.default_rng(0)
DTYPES = ("u1", "i2", "f4", "f8", "c16")


def numbers(shape: tuple[int, ...], dtype: str) -> np.ndarray[Any, Any]:
    return RNG.integers(0, 100, shape).astype(dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("rows, cols", [(3, 5), (300, 7), (300, 64), (300, 101), (7, 5000), (1000, 1000)])
def test_join(rows: int, cols: int, dtype: str) -> None:
    a, b = numbers((rows, cols), dtype), numbers((rows, cols + 3), dtype)
    ours = [rt.from_numpy(x) for x in (a, b)]
    assert np.array_equal(rt.cat(ours, 1).numpy(), np.concatenate([a, b], 1))
    assert np.array_equal(rt.cat([ours[0].t(), ours[1].t()], 0).numpy(), np.concatenate([a.T, b.T], 0))
    parts = [ours[1][:, i : i + cols // 3 + 1] for i in range(0, cols, cols // 3 + 1)]  # pieces of rows
    assert np.array_equal(rt.cat(parts, 1).numpy(), np.concatenate([x.numpy() for x in parts], 1))
    for dim in (0, 1, 2):
        assert np.array_equal(rt.stack([ours[0], ours[0]], dim).numpy(), np.stack([a, a], dim))
    mixed = rt.cat([ours[0], rt.from_numpy(b.astype("c16"))], 1)  # one of another dtype
    assert np.array_equal(mixed.numpy(), np.concatenate([a, b.astype("c16")], 1))
    assert np.array_equal(rt.cat([rt.zeros(0, dtype=ours[0].dtype), *ours], 1).numpy(), np.concatenate([a, b], 1))
    cube = numbers((4, rows, cols), dtype)[:, ::2]  # rows that are no single step apart
    theirs = np.concatenate([cube, cube], 2)
    assert np.array_equal(rt.cat([rt.from_numpy(cube)] * 2, 2).numpy(), theirs)


@pytest.mark.parametrize("dtype", DTYPES)
def test_repeat(dtype: str) -> None:
    for rows, cols in ((1, 1), (3, 1), (5, 3), (10, 100), (3, 3000), (2, 20_000)):
        x = numbers((rows, cols), dtype)
        for times in ((1, 7), (4, 2), (3, 100), (300, 1)):
            assert np.array_equal(rt.from_numpy(x).repeat(*times).numpy(), np.tile(x, times))


@pytest.mark.parametrize("dtype", DTYPES)
def test_strides(dtype: str) -> None:
    for n in (1, 2, 3, 4, 7, 8, 9, 15, 16, 17, 31, 33, 100, 1025):
        for step in (1, 2, 3, 4, 5):
            x = numbers((step * (n - 1) + 1,), dtype)  # the last element ends the memory
            assert np.array_equal(rt.from_numpy(x)[::step].clone().numpy(), x[::step])


@pytest.mark.parametrize("dtype", ["f4", "f8", "f2"])
def test_ends_of_rows(dtype: str) -> None:
    for cols in (*range(1, 70), 100, 127, 129, 1000, 1025):
        a, b = (RNG.standard_normal((5, cols)).astype(dtype) for _ in range(2))
        x, y = rt.from_numpy(a), rt.from_numpy(b)
        assert np.array_equal((x + y[0]).numpy(), a + b[0])
        assert np.array_equal((x[:, :1] * y[0]).numpy(), a[:, :1] * b[0])
        assert np.array_equal((x[:, 1:] - x[:, :-1]).numpy(), a[:, 1:] - a[:, :-1])
        z, c = rt.from_numpy(a.copy()), a.copy()
        z[:, 1:] += y[:, 1:]  # in place: nothing twice
        c[:, 1:] += b[:, 1:]
        assert np.array_equal(z.numpy(), c)
        z[:, :-1].mul_(z[:, :1])
        c[:, :-1] *= c[:, :1].copy()
        assert np.array_equal(z.numpy(), c)


@pytest.mark.parametrize("dtype", ["c8", "c16", "f4", "f8"])
def test_lines_side_by_side(dtype: str) -> None:
    for lines in (1, 2, 3, 5, 8, 16, 17, 37):
        for n in (1, 2, 3, 4, 5, 6, 7, 8, 15, 16, 64, 90):
            x = RNG.standard_normal((lines, n)).astype(dtype)
            ours = rt.from_numpy(x)
            for dim, length in ((1, n), (0, lines)):
                for ask in (length, length + 3, max(length - 2, 1)):
                    close = {"rtol": 0, "atol": 1e-4 if dtype in ("c8", "f4") else 1e-12}
                    assert np.allclose(rt.fft.fft(ours, ask, dim).numpy(), np.fft.fft(x, ask, dim), **close)
                    assert np.allclose(rt.fft.ifft(ours, ask, dim).numpy(), np.fft.ifft(x, ask, dim), **close)
                    if dtype[0] == "f":
                        assert np.allclose(rt.fft.rfft(ours, ask, dim).numpy(), np.fft.rfft(x, ask, dim), **close)
                    else:
                        assert np.allclose(rt.fft.irfft(ours, ask, dim).numpy(), np.fft.irfft(x, ask, dim), **close)


def test_short_lines_in_order() -> None:
    for dtype in ("i1", "u2", "i4", "i8", "u8", "f4", "f8"):
        for n in (1, 19, 20, 21, 64, 100, 161, 1999, 2000, 2001):
            for most in (5, 2**62 if dtype in ("i8", "u8") else 100):
                x = RNG.integers(0, most, (3, n)).astype(dtype)
                if dtype[0] != "u":
                    x = x - x.dtype.type(3)
                values, places = rt.sort(rt.from_numpy(x), 1, stable=True)
                assert np.array_equal(places.numpy(), np.argsort(x, 1, kind="stable"))
                assert np.array_equal(values.numpy(), np.sort(x, 1))
                down, places = rt.sort(rt.from_numpy(x), 1, descending=True, stable=True)
                assert np.array_equal(down.numpy(), np.sort(x, 1)[:, ::-1])
                assert np.array_equal(np.take_along_axis(x, places.numpy(), 1), down.numpy())
