"""3 x 3 convolutions by Winograd's method: float64 is the judge; bits, and numbers that are not finite."""
import numpy as np
import pytest

import rustorch as rt
import rustorch.nn.functional as F

# images, channels of x and of y, lengths, padding: whole and partial tiles, blocks of channels and of tiles,
# lines longer than a block, rows that are no multiple of a vector
SHAPES = [
    (1, 16, 16, (4, 4), 1), (2, 16, 16, (8, 8), 1), (3, 17, 19, (13, 29), 0), (2, 24, 40, (30, 7), 2),
    (1, 70, 130, (30, 33), 1), (1, 1100, 16, (9, 90), 1), (5, 64, 64, (7, 7), 1),
    (1, 16, 16, (4, 900), (1, 2)), (1, 33, 16, (210, 6), (2, 1)), (13, 129, 65, (9, 9), (0, 1)),
]  # fmt: skip


@pytest.fixture(params=["v3", None])
def isa(request):
    if rt._C.build_info()["isa"] != "portable":
        rt._C._set_isa(request.param)
    yield request.param
    rt._C._set_isa(None)


def operands(n, c_in, c_out, lengths):
    rng = np.random.default_rng(n + c_in)
    return [rng.standard_normal(s).astype(np.float32) for s in ((n, c_in, *lengths), (c_out, c_in, 3, 3), (c_out,))]


def results(x, w, b, padding, dtype=np.float32):
    """A convolution and its three gradients, whose incoming gradient is made of small integers."""
    x, w, b = (rt.tensor(a.astype(dtype), requires_grad=True) for a in (x, w, b))
    y = F.conv2d(x, w, b, padding=padding)
    g = rt.tensor((np.arange(y.size) % 11 - 4).reshape(tuple(y.shape)).astype(dtype))
    return [np.asarray(t.detach()) for t in (y, *rt.autograd.grad(y, [x, w, b], g))]


@pytest.mark.parametrize("n, c_in, c_out, lengths, padding", SHAPES)
def test_against_double(isa, n, c_in, c_out, lengths, padding):
    given = operands(n, c_in, c_out, lengths)
    for ours, exact in zip(results(*given, padding), results(*given, padding, np.float64), strict=True):
        scale = np.sqrt(np.mean(exact**2))
        assert np.sqrt(np.mean((ours - exact) ** 2)) < 2e-6 * scale
        assert np.abs(ours - exact).max() < 2e-5 * scale


@pytest.mark.parametrize("n, c_in, c_out, lengths, padding", SHAPES)
def test_bits_do_not_depend_on_threads_and_layout(isa, n, c_in, c_out, lengths, padding):
    x, w, b = operands(n, c_in, c_out, lengths)
    before, seen = rt.get_num_threads(), []
    try:
        for threads in (1, 2, 5):
            rt.set_num_threads(threads)
            seen.append(results(x, w, b, padding))
    finally:
        rt.set_num_threads(before)
    seen.append(results(np.asfortranarray(x), w[::-1, :, ::-1].copy()[::-1, :, ::-1], b, padding))
    for other in seen[1:]:
        for mine, first in zip(other, seen[0], strict=True):
            np.testing.assert_array_equal(mine, first)


@pytest.mark.skipif(rt._C.build_info()["isa"] in ("portable", "v2"), reason="needs fused multiply-add")
def test_bits_do_not_depend_on_vectors():
    made = []
    for isa in ("v3", None):
        rt._C._set_isa(isa)
        made.append([results(*operands(n, c_in, c_out, s), p)[:3] for n, c_in, c_out, s, p in SHAPES])
    for narrow, wide in zip(*made, strict=True):
        for mine, other in zip(narrow, wide, strict=True):
            np.testing.assert_array_equal(mine, other)


def test_an_image_has_the_same_bits_alone():
    x, w, b = operands(5, 32, 48, (14, 13))
    whole = results(x, w, b, 1)[0]
    for i in range(5):
        np.testing.assert_array_equal(results(x[i : i + 1], w, b, 1)[0], whole[i : i + 1])


@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan, 3e38])
@pytest.mark.parametrize("where", ["x", "w", "g"])
def test_infinities_stay_where_they_belong(isa, value, where):
    """An infinite pixel is seen by nine positions, not by its whole tile."""
    x, w, _ = operands(2, 16, 16, (9, 9))
    g = np.ones((2, 16, 9, 9), np.float32)
    {"x": x, "w": w, "g": g}[where][1, 3, 2, 2] = value
    made = []
    for dtype in (np.float32, np.float64):
        tx, tw = (rt.tensor(a.astype(dtype), requires_grad=True) for a in (x, w))
        y = F.conv2d(tx, tw, padding=1)
        made.append([np.asarray(t.detach()) for t in (y, *rt.autograd.grad(y, [tx, tw], rt.tensor(g.astype(dtype))))])
    for ours, exact in zip(*made, strict=True):
        if np.isfinite(value):
            assert (np.isfinite(ours) | (np.abs(exact) > 1e38)).all()
        else:
            np.testing.assert_array_equal(np.isnan(ours), np.isnan(exact))
            np.testing.assert_array_equal(np.isposinf(ours), np.isposinf(exact))
            np.testing.assert_array_equal(np.isneginf(ours), np.isneginf(exact))
