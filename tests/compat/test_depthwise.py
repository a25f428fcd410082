"""Convolutions with one input channel a group against PyTorch; of small whole numbers, whose sums are exact."""

import numpy as np
import pytest
import torch

import rustorch


def run(lib, nd, x, w, b, options):
    x, w, b = (lib.from_numpy(a.copy()).requires_grad_() for a in (x, w, b))
    y = getattr(lib.nn.functional, f"conv{nd}d")(x, w, b, **options)
    factors = lib.from_numpy((np.arange(y.numel()) % 7 - 3.0).reshape(tuple(y.shape)))
    (y * factors.to(y.dtype)).sum().backward()
    return [t.detach().numpy() for t in (y, x.grad, w.grad, b.grad)]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize(
    "kernel, padding, dilation", [(1, 0, 1), (3, 1, 1), (3, 3, 2), (4, 0, 1), (5, 2, 1), (2, 0, 3)]
)
@pytest.mark.parametrize("nd", [1, 2, 3])
def test_values(nd, kernel, padding, dilation, stride, dtype):
    rng = np.random.default_rng(kernel + 10 * nd)
    options = {"stride": stride, "padding": padding, "dilation": dilation, "groups": 3}
    for times in (1, 2, 5):
        lengths = rng.integers(10, 40 if nd < 3 else 20, nd)
        x = rng.integers(-4, 5, (2, 3, *lengths)).astype(dtype)
        w = rng.integers(-4, 5, (3 * times, 1, *[kernel] * nd)).astype(dtype)
        b = rng.integers(-4, 5, 3 * times).astype(dtype)
        for ours, theirs in zip(run(rustorch, nd, x, w, b, options), run(torch, nd, x, w, b, options), strict=True):
            np.testing.assert_array_equal(ours, theirs)


def test_threads_change_no_bit():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(8, 32, 28, 28)).astype(np.float32)
    w, b = rng.normal(size=(32, 1, 3, 3)).astype(np.float32), rng.normal(size=32).astype(np.float32)
    before, results = rustorch.get_num_threads(), []
    try:
        for count in (1, 2, 3):
            rustorch.set_num_threads(count)
            results.append(run(rustorch, 2, x, w, b, {"padding": 1, "groups": 32}))
    finally:
        rustorch.set_num_threads(before)
    for other in results[1:]:
        for a, c in zip(results[0], other, strict=True):
            np.testing.assert_array_equal(a, c)


def test_what_lies_beside_a_plane_is_not_read():
    """Infinities in one channel stay in it."""
    x = np.ones((2, 4, 7, 7), np.float32)
    x[:, 1] = np.inf
    y, gx, gw, _ = run(
        rustorch, 2, x, np.ones((4, 1, 3, 3), np.float32), np.zeros(4, np.float32), {"padding": 1, "groups": 4}
    )
    assert np.isfinite(y[:, [0, 2, 3]]).all()
    assert np.isfinite(gw[[0, 2, 3]]).all() and not np.isfinite(gw[1]).any()
    assert np.isfinite(gx).all()
