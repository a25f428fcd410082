"""Random programs of views and in-place writes inside a graph: PyTorch is the judge of every gradient."""

from __future__ import annotations

import random

import numpy as np
import pytest
import torch

import rustorch as rt


def program(lib, seed):
    choose = random.Random(seed)
    data = np.random.default_rng(seed).standard_normal((3, 4))
    x = lib.tensor(data, requires_grad=True)
    w = lib.tensor(data[::-1].copy(), requires_grad=True)
    pool = [x * 2]
    for _ in range(choose.randint(2, 7)):
        step = choose.randint(0, 9)
        t = pool[choose.randrange(len(pool))]
        if step == 0 and t.ndim:
            pool.append(t[0])
        elif step == 1 and t.ndim == 2:
            pool.append(t.T)
        elif step == 2 and t.ndim:
            pool.append(t[..., 1:])
        elif step == 3:
            t.mul_(3.0)
        elif step == 4:
            t.add_(w.sum())
        elif step == 5 and t.ndim:
            t[..., 0] = w[0, 0] * 2
        elif step == 6:
            pool.append(t.sin())
        elif step == 7:
            t.copy_(t.detach() * 0.5)
        elif step == 8:
            pool.append(t.reshape(-1))
        elif step == 9 and t.ndim and t.shape[-1] > 1:
            t[..., 1:].exp_()
    total = sum((p * p).sum() for p in pool)
    total.backward()
    return total.item(), [None if v.grad is None else v.grad.numpy() for v in (x, w)]


@pytest.mark.parametrize("block", range(20))
def test_gradients_are_pytorchs(block):
    compared = 0
    for seed in range(block * 50, block * 50 + 50):
        try:
            want = program(torch, seed)
        except RuntimeError:
            with pytest.raises(RuntimeError):
                program(rt, seed)
            continue
        got = program(rt, seed)
        if not np.isfinite(want[0]):
            continue
        assert got[0] == pytest.approx(want[0], rel=1e-9)
        for g, h in zip(got[1], want[1], strict=True):
            assert (g is None) == (h is None), seed
            if g is not None:
                np.testing.assert_allclose(g, h, rtol=1e-8, err_msg=f"program {seed}")
        compared += 1
    assert compared > 10
