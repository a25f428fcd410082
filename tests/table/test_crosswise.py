"""softmax and log_softmax along any dimension have the bits they have along the last one, forward and backward."""

from __future__ import annotations

import numpy as np
import pytest

import rustorch as rt

# short lines side by side, long ones turned, too long to turn, few columns
SHAPES = [((5, 40), 0), ((50, 64), 0), ((3, 10, 300), 1), ((1000, 33), 0), ((7, 33, 5), 1), ((2, 5000, 17), 1)]


@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape, dim", SHAPES)
@pytest.mark.parametrize("threads", [1, 3])
def test_dimension_does_not_change_bits(shape, dim, dtype, name, threads):
    rng = np.random.default_rng(0)
    a, g = (rng.standard_normal(shape).astype(dtype) * 5 for _ in range(2))
    a.flat[3], a.flat[11], a.flat[40] = np.inf, -np.inf, np.nan
    moved_a, moved_g = (np.ascontiguousarray(np.moveaxis(v, dim, -1)) for v in (a, g))
    x, y = (rt.from_numpy(v).requires_grad_() for v in (a, moved_a))
    before = rt.get_num_threads()
    rt.set_num_threads(threads)
    try:
        p, q = getattr(x, name)(dim), getattr(y, name)(-1)
        gx, gy = rt.autograd.grad(p, x, rt.from_numpy(g))[0], rt.autograd.grad(q, y, rt.from_numpy(moved_g))[0]
        inplace = rt.from_numpy(a.copy())
        rt._C.ops[name](inplace, dim, out=inplace)
    finally:
        rt.set_num_threads(before)
    np.testing.assert_array_equal(np.moveaxis(p.detach().numpy(), dim, -1), q.detach().numpy())
    np.testing.assert_array_equal(np.moveaxis(gx.numpy(), dim, -1), gy.numpy())
    np.testing.assert_array_equal(inplace.numpy(), p.detach().numpy())
