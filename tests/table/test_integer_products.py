"""Products of integer and bool matrices: all widths, layouts and small shapes, full-range numbers, beside NumPy."""

from __future__ import annotations

import numpy as np
import pytest

import rustorch as rt


def numbers(rng, dtype, *shape):
    if dtype == "?":
        return rng.random(shape) < 0.1
    info = np.iinfo(dtype)
    return rng.integers(info.min, info.max, shape, dtype=dtype, endpoint=True)


@pytest.mark.parametrize("dtype", ("i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "?"))
def test_products(dtype):
    rng = np.random.default_rng(ord(dtype[0]))
    sizes = [(1, 300, 70), (70, 300, 1), (3, 5, 130), (4, 129, 65), (2, 0, 3), (9, 257, 31), (1, 1, 5000)]
    sizes += [tuple(rng.integers(0, 70, 3)) for _ in range(20)]
    for m, k, n in sizes:
        a, b = numbers(rng, dtype, 2 * m, 2 * k), numbers(rng, dtype, 2 * k, 2 * n)
        for x in (a[:m, :k], a[::2, ::2], np.ascontiguousarray(a[:m, :k].T).T):
            for y in (b[:k, :n], b[::2, ::2], np.ascontiguousarray(b[:k, :n].T).T):
                with np.errstate(all="ignore"):
                    want = x @ y
                got = rt.from_numpy(x) @ rt.from_numpy(y)
                np.testing.assert_array_equal(got.numpy(), want, err_msg=f"{m, k, n}, {x.strides}, {y.strides}")
                if dtype != "?" and n and k:
                    more = rt.addmm(rt.from_numpy(want), rt.from_numpy(x), rt.from_numpy(y))
                    np.testing.assert_array_equal(more.numpy(), want + want)
