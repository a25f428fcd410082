"""Convolutions over windows turned channels last: float64 is the judge; bits do not depend on threads and vectors."""
import numpy as np
import pytest

import rustorch as rt
import rustorch.nn.functional as F

# images, channels of x and of y, lengths, kernel, stride, padding, dilation: one to three dimensions, strides beyond
# the kernel, lines longer than a block, blocks of several images, channels that fill no vector
SHAPES = [
    (2, 3, 64, (45, 46), (7, 7), 2, 3, 1), (3, 6, 16, (14, 14), (5, 5), 1, 0, 1), (1, 70, 130, (9, 8), (3, 3), 2, 1, 1),
    (9, 128, 64, (7, 7), (1, 1), 1, 0, 1), (2, 64, 48, (19, 18), (1, 1), 2, 0, 1), (2, 32, 19, (9000,), (5,), 1, 2, 1),
    (1, 33, 20, (700,), (4,), 3, 1, 5), (2, 17, 18, (6, 7, 5), (3, 3, 3), 1, 1, 1),
    (1, 16, 24, (9, 8, 7), (2, 3, 4), (2, 1, 3), 1, 1),
    (2, 24, 16, (30, 31), (3, 2), (4, 3), (2, 0), (2, 3)), (3, 16, 16, (3, 400), (3, 3), (1, 2), 1, 1),
    (1, 1100, 40, (5, 70), (2, 2), 1, 1, 2), (2, 130, 180, (9, 10), (3, 3), 1, 0, 2),
    (1, 40, 10, (9, 13), (3, 2), 1, 1, 1),
    # padding: many kinds of positions, more kinds or runs than there is room for, taps that no position sees
    (4, 33, 32, (7, 7), (7, 7), 1, 3, 1), (40, 33, 17, (2, 3), (3, 3), 1, 1, 1), (1, 36, 24, (3, 9), (3, 3), 1, 4, 4),
    (2, 34, 16, (5, 5, 5), (5, 5, 5), 1, 2, 1), (3, 40, 70, (8, 8, 8), (3, 3, 3), 1, 1, 1),
    (1, 18, 16, (12, 11), (11, 11), 1, 5, 1), (2, 35, 33, (6, 5), (2, 2), 1, 2, 1),
    (1, 32, 16, (6, 7, 5), (6, 6, 3), 1, 3, 1),
]  # fmt: skip


@pytest.fixture(params=["v3", None])
def isa(request):
    if rt._C.build_info()["isa"] != "portable":
        rt._C._set_isa(request.param)
    yield request.param
    rt._C._set_isa(None)


def results(shape, transposed, dtype=np.float32):
    """A convolution and its gradients; transposed, from y's channels to x's."""
    n, c_in, c_out, lengths, kernel, stride, padding, dilation = shape
    rng = np.random.default_rng(c_in)
    f = getattr(F, f"conv{'_transpose' * transposed}{len(lengths)}d")
    shapes = ((n, c_out if transposed else c_in, *lengths), (c_out, c_in, *kernel), (c_in if transposed else c_out,))
    x, w, b = (rt.tensor(rng.standard_normal(s).astype(np.float32).astype(dtype), requires_grad=True) for s in shapes)
    y = f(x, w, b, stride=stride, padding=padding, dilation=dilation)
    g = rt.tensor((np.arange(y.size) % 11 - 4).reshape(tuple(y.shape)).astype(dtype))
    return [np.asarray(t.detach()) for t in (y, *rt.autograd.grad(y, [x, w, b], g))]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("transposed", [False, True])
def test_against_double(isa, shape, transposed):
    for ours, exact in zip(results(shape, transposed), results(shape, transposed, np.float64), strict=True):
        scale = np.sqrt(np.mean(exact**2))
        assert np.sqrt(np.mean((ours - exact) ** 2)) < 2e-6 * scale
        assert np.abs(ours - exact).max() < 2e-5 * scale


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("transposed", [False, True])
def test_bits_do_not_depend_on_threads(isa, shape, transposed):
    before, seen = rt.get_num_threads(), []
    try:
        for threads in (1, 2, 5):
            rt.set_num_threads(threads)
            seen.append(results(shape, transposed))
    finally:
        rt.set_num_threads(before)
    for other in seen[1:]:
        for mine, first in zip(other, seen[0], strict=True):
            np.testing.assert_array_equal(mine, first)


@pytest.mark.skipif(rt._C.build_info()["isa"] in ("portable", "v2"), reason="needs fused multiply-add")
def test_bits_do_not_depend_on_vectors():
    made = []
    for isa in ("v3", None):
        rt._C._set_isa(isa)
        made.append([results(shape, transposed)[:3] for shape in SHAPES for transposed in (False, True)])
    for narrow, wide in zip(*made, strict=True):
        for mine, other in zip(narrow, wide, strict=True):
            np.testing.assert_array_equal(mine, other)


def test_an_image_has_the_same_bits_alone():
    rng = np.random.default_rng(0)
    x, w = (rt.tensor(rng.standard_normal(s).astype(np.float32)) for s in ((5, 20, 14, 13), (40, 20, 3, 3)))
    whole = np.asarray(F.conv2d(x, w, stride=2, padding=1))
    for i in range(5):
        np.testing.assert_array_equal(np.asarray(F.conv2d(x[i], w, stride=2, padding=1)), whole[i])
