"""Depthwise convolutions against PyTorch in double: every loop of the planes, edges, strides, threads."""
import numpy as np
import pytest
import torch
import torch.nn.functional as TF

import rustorch as rt
import rustorch.nn.functional as F

# lengths, kernel, stride, padding, dilation, outputs of a channel
GEOMETRIES = [
    ((7, 7), (3, 3), 1, 1, 1, 1), ((7, 7), (5, 5), 1, 2, 1, 1), ((14, 14), (7, 7), 1, 3, 1, 1),
    ((9, 40), (3, 3), 1, 1, 1, 1), ((40, 33), (5, 5), 1, 2, 1, 2), ((6, 70), (7, 7), 1, 3, 1, 1),
    ((14, 14), (3, 3), 2, 1, 1, 1), ((15, 35), (3, 3), 2, 1, 1, 2), ((13, 70), (5, 5), 2, 2, 1, 1),
    ((16, 67), (7, 7), 2, 3, 1, 1), ((8, 8), (3, 3), 2, 0, 1, 1), ((3, 3), (3, 3), 1, 1, 1, 1),
    ((1, 1), (3, 3), 1, 1, 1, 1),
    ((2, 19), (3, 3), 2, 1, 1, 3), ((12, 30), (3, 3), 1, 2, 2, 1), ((12, 41), (3, 3), 2, 2, 2, 1),
    ((20, 37), (4, 3), (3, 4), (1, 2), 1, 1), ((11, 50), (2, 2), 2, 0, 1, 1), ((9, 9), (3, 3), 1, 5, 1, 1),
    ((9, 33), (3, 3), (2, 1), (1, 3), 1, 2), ((1, 100), (1, 9), 1, (0, 4), 1, 1), ((10, 10), (1, 1), 3, 0, 1, 2),
    ((9, 17), (3, 3), 5, 1, 1, 1), ((5, 9, 34), (3, 3, 3), 1, 1, 1, 1), ((6, 9, 21), (3, 3, 3), 2, 1, 1, 2),
    ((5, 6, 19), (2, 5, 5), 1, (1, 2, 2), 1, 1), ((30, 61), (5, 5), 1, 2, 1, 1), ((1, 3), (5, 5), 1, 2, 1, 1),
    ((3, 5), (2, 7), 1, (1, 9), 2, 1), ((21, 23), (4, 5), (3, 2), (4, 7), (2, 1), 1), ((9, 9), (1, 1), 1, 0, 1, 1),
]  # fmt: skip


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("geometry", GEOMETRIES)
@pytest.mark.parametrize("channels", [2, 14, 37])
def test_against_pytorch_in_double(geometry, dtype, channels):
    lengths, kernel, stride, padding, dilation, multiplier = geometry
    rng = np.random.default_rng(0)
    n = len(lengths)
    name = f"conv{n}d"
    x = rng.standard_normal((3, channels, *lengths)).astype(dtype)
    w = rng.standard_normal((channels * multiplier, 1, *kernel)).astype(dtype)
    b = rng.standard_normal(channels * multiplier).astype(dtype)
    numbers = {"stride": stride, "padding": padding, "dilation": dilation, "groups": channels}
    theirs = [torch.tensor(v, dtype=torch.float64, requires_grad=True) for v in (x, w, b)]
    y = getattr(TF, name)(*theirs, **numbers)
    g = rng.standard_normal(tuple(y.shape)).astype(dtype)
    y.backward(torch.tensor(g, dtype=torch.float64))
    found = []
    for threads in (1, 2):
        before = rt.get_num_threads()
        rt.set_num_threads(threads)
        try:
            ours = [rt.tensor(v, requires_grad=True) for v in (x, w, b)]
            z = getattr(F, name)(*ours, **numbers)
            z.backward(rt.tensor(g))
        finally:
            rt.set_num_threads(before)
        found.append([z.detach(), *(t.grad for t in ours)])
    wanted = [y.detach(), *(t.grad for t in theirs)]
    for ours, other, exact in zip(found[0], found[1], wanted, strict=True):
        assert np.asarray(ours).tobytes() == np.asarray(other).tobytes()
        scale = max(1.0, float(exact.abs().max()))
        limit = (2e-6 if dtype == np.float32 else 1e-14) * scale
        np.testing.assert_allclose(np.asarray(ours), exact.numpy(), rtol=0, atol=limit)


@pytest.mark.parametrize("multiplier", [1, 2, 4])
@pytest.mark.parametrize("stride", [1, 2, 3])
def test_transposed(stride, multiplier):
    rng = np.random.default_rng(1)
    x = rng.standard_normal((2, 6 * multiplier, 7, 20)).astype(np.float32)
    w = rng.standard_normal((6 * multiplier, 1, 3, 3)).astype(np.float32)
    b = rng.standard_normal(6).astype(np.float32)
    numbers = {"stride": stride, "padding": 1, "output_padding": stride - 1, "groups": 6}
    ours = F.conv_transpose2d(*(rt.tensor(v) for v in (x, w, b)), **numbers)
    theirs = TF.conv_transpose2d(*(torch.tensor(v, dtype=torch.float64) for v in (x, w, b)), **numbers)
    np.testing.assert_allclose(np.asarray(ours), theirs.numpy(), rtol=0, atol=1e-5)


def test_an_edge_is_not_read_from_the_neighbour():
    """Planes of NaN beside planes of numbers: nothing of a neighbour may reach a result."""
    for width in range(1, 40):
        for stride in (1, 2):
            x = np.ones((1, 3, 5, width), np.float32)
            x[:, [0, 2]] = np.nan
            y = np.asarray(F.conv2d(rt.tensor(x), rt.ones((3, 1, 3, 3)), padding=1, stride=stride, groups=3))
            assert np.isfinite(y[:, 1]).all() and np.isnan(y[:, 0]).all()
