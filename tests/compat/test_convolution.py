"""Convolutions against PyTorch: geometries, layouts, small dtypes, gradients, threads, errors."""
import itertools

import numpy as np
import pytest
import torch
import torch.nn.functional as TF

import rustorch as rt
import rustorch.nn.functional as F


def pair(shape, dtype=np.float64, seed=0, grad=False):
    values = np.random.default_rng(seed).standard_normal(shape).astype(dtype)
    a, b = torch.tensor(values, requires_grad=grad), rt.tensor(values.copy(), requires_grad=grad)
    return a, b


def same(ours, theirs, tolerance=1e-10):
    np.testing.assert_allclose(np.asarray(ours.detach()), theirs.detach().numpy(), rtol=tolerance, atol=tolerance)


# lengths, kernel, stride, padding, dilation
GEOMETRIES = [
    ((7, 9), (3, 3), 1, 0, 1), ((7, 9), (3, 2), 2, 1, 1), ((11, 8), (2, 3), (3, 1), (2, 4), (2, 1)),
    ((1, 50), (1, 5), 1, 2, 1),
    ((26, 26), (3, 3), 1, 1, 1), ((5, 5), (5, 5), 1, 0, 1), ((6, 6), (1, 1), 2, 0, 1),
    ((9, 33), (4, 7), (2, 3), 3, (1, 2)),
    ((19, 70), (3, 3), 1, (0, 3), (1, 3)),
]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("channels", [(1, 1, 1), (3, 5, 1), (4, 6, 2), (17, 33, 1), (70, 130, 1), (6, 6, 6)])
@pytest.mark.parametrize("geometry", GEOMETRIES)
@pytest.mark.parametrize("transposed", [False, True])
def test_against_pytorch(geometry, channels, dtype, transposed):
    lengths, kernel, stride, padding, dilation = geometry
    c_in, c_out, groups = channels
    x, rx = pair((2, c_out if transposed else c_in, *lengths), dtype, 1, True)
    w, rw = pair((c_out, c_in // groups, *kernel), dtype, 2, True)
    b, rb = pair((c_in if transposed else c_out,), dtype, 3, True)
    tolerance = 1e-9 if dtype == np.float64 else 2e-4
    arguments = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    if transposed:
        try:
            theirs = TF.conv_transpose2d(x, w, b, **arguments)
        except RuntimeError:
            with pytest.raises(RuntimeError):
                F.conv_transpose2d(rx, rw, rb, **arguments)
            return
        ours = F.conv_transpose2d(rx, rw, rb, **arguments)
    else:
        theirs, ours = TF.conv2d(x, w, b, **arguments), F.conv2d(rx, rw, rb, **arguments)
    assert tuple(ours.shape) == tuple(theirs.shape)
    same(ours, theirs, tolerance)
    g, rg = pair(tuple(theirs.shape), dtype, 4)
    theirs.backward(g)
    ours.backward(rg)
    for mine, other in ((rx, x), (rw, w), (rb, b)):
        scale = max(1.0, float(other.grad.abs().max()))
        same(mine.grad / scale, other.grad / scale, tolerance)


@pytest.mark.parametrize("n", [1, 2, 3])
def test_dimensions_and_unbatched(n):
    x, rx = pair((2, 3, *(6, 7, 8)[:n]))
    w, rw = pair((4, 3, *(2, 3, 2)[:n]), seed=1)
    for padding in (0, 1, "same", "valid"):
        same(getattr(F, f"conv{n}d")(rx, rw, padding=padding), getattr(TF, f"conv{n}d")(x, w, padding=padding))
    same(getattr(F, f"conv{n}d")(rx[0], rw), getattr(TF, f"conv{n}d")(x[0], w))
    w, rw = pair((3, 2, *(2, 3, 2)[:n]), seed=1)
    same(getattr(F, f"conv_transpose{n}d")(rx, rw, stride=2, output_padding=1),
         getattr(TF, f"conv_transpose{n}d")(x, w, stride=2, output_padding=1))
    same(getattr(rt, f"conv_transpose{n}d")(rx[1], rw, dilation=3, output_padding=2),
         getattr(TF, f"conv_transpose{n}d")(x[1], w, dilation=3, output_padding=2))


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "complex64", "complex128", "int64", "int32"])
def test_other_dtypes(dtype):
    values = [np.random.default_rng(k).integers(-3, 4, s) for k, s in enumerate([(2, 4, 6, 6), (6, 2, 3, 3), (6,)])]
    ours = F.conv2d(*(rt.tensor(v).to(getattr(rt, dtype)) for v in values), padding=1, groups=2)
    theirs = TF.conv2d(*(torch.tensor(v, dtype=torch.float64) for v in values), padding=1, groups=2)
    assert str(ours.dtype) == dtype
    np.testing.assert_array_equal(np.asarray(ours.to(rt.complex128)).real, theirs.numpy())


def test_layout_does_not_change_bits():
    _, x = pair((3, 5, 12, 13), np.float32)
    _, w = pair((7, 5, 3, 3), np.float32, 1)
    plain = np.asarray(F.conv2d(x, w, stride=2, padding=1))
    turned = x.permute(0, 3, 2, 1).contiguous().permute(0, 3, 2, 1)
    assert not turned.is_contiguous()
    np.testing.assert_array_equal(np.asarray(F.conv2d(turned, w.flip(0).flip(0), stride=2, padding=1)), plain)


def test_threads_do_not_change_bits():
    _, x = pair((9, 8, 30, 31), np.float32, grad=True)
    _, w = pair((20, 8, 3, 3), np.float32, 1, grad=True)
    _, b = pair((20,), np.float32, 2, grad=True)
    seen = []
    before = rt.get_num_threads()
    try:
        for threads in (1, 2, 3):
            rt.set_num_threads(threads)
            y = F.conv2d(x, w, b, padding=1)
            up = F.conv_transpose2d(y, w, stride=2)
            seen.append([np.asarray(y.detach()), np.asarray(up.detach()),
                         *(np.asarray(t) for t in rt.autograd.grad((y * y).sum() + up.sum(), [x, w, b]))])
    finally:
        rt.set_num_threads(before)
    for other, part in itertools.product(seen[1:], range(5)):
        np.testing.assert_array_equal(other[part], seen[0][part])


def test_batch_does_not_change_bits():
    _, x = pair((5, 8, 14, 14), np.float32)
    _, w = pair((20, 8, 3, 3), np.float32, 1)
    whole = np.asarray(F.conv2d(x, w, padding=1))
    for i in range(5):
        np.testing.assert_array_equal(np.asarray(F.conv2d(x[i], w, padding=1)), whole[i])


@pytest.mark.parametrize("transposed", [False, True])
def test_second_order(transposed):
    convolve = F.conv_transpose2d if transposed else F.conv2d
    _, x = pair((2, 4, 5, 4), seed=1, grad=True)
    _, w = pair((4, 2 if not transposed else 3, 3, 2), seed=2, grad=True)
    _, b = pair((4 if not transposed else 6,), seed=3, grad=True)

    def f(x, w, b):
        return convolve(x, w, b, stride=2, padding=1, groups=2)

    assert rt.autograd.gradcheck(f, (x, w, b))
    gx, gw = rt.autograd.grad((f(x, w, b) ** 3).sum(), [x, w], create_graph=True)
    (gx.square().sum() + gw.square().sum()).backward()
    a, c, d = (torch.tensor(np.asarray(t.detach()), requires_grad=True) for t in (x, w, b))
    function = TF.conv_transpose2d if transposed else TF.conv2d
    out = (function(a, c, d, stride=2, padding=1, groups=2) ** 3).sum()
    ga, gc = torch.autograd.grad(out, [a, c], create_graph=True)
    (ga.square().sum() + gc.square().sum()).backward()
    for mine, other in ((x, a), (w, c), (b, d)):
        np.testing.assert_allclose(np.asarray(mine.grad), other.grad.numpy(), rtol=1e-8, atol=1e-8)


def test_empty():
    x = rt.zeros(0, 3, 5, 5, requires_grad=True)
    w = rt.ones(2, 3, 3, 3, requires_grad=True)
    y = F.conv2d(x, w, rt.ones(2))
    assert tuple(y.shape) == (0, 2, 3, 3)
    y.sum().backward()
    assert not np.asarray(w.grad).any()


@pytest.mark.parametrize("call, kind, words", [
    (lambda x, w: F.conv2d(x, w[:, :2]), RuntimeError, "2 channels"),
    (lambda x, w: F.conv2d(x, w, groups=2), RuntimeError, "group"),
    (lambda x, w: F.conv2d(x, w, rt.ones(5)), RuntimeError, "bias"),
    (lambda x, w: F.conv2d(x, w, stride=0), RuntimeError, "stride"),
    (lambda x, w: F.conv2d(x, w, padding=-1), RuntimeError, "padding"),
    (lambda x, w: F.conv2d(x, w, dilation=4), RuntimeError, "no output"),
    (lambda x, w: F.conv2d(x, w, stride=(1, 1, 1)), RuntimeError, "stride"),
    (lambda x, w: F.conv2d(x, w, stride=2, padding="same"), RuntimeError, "same"),
    (lambda x, w: F.conv2d(x, w, padding="full"), ValueError, "padding"),
    (lambda x, w: F.conv2d(x, w.to(rt.float32)), RuntimeError, "float32"),
    (lambda x, w: F.conv2d(x[0, 0], w), RuntimeError, "dimensions"),
    (lambda x, w: F.conv1d(x, w), RuntimeError, "dimensions"),
    (lambda x, w: F.conv2d(x > 0, w > 0), RuntimeError, "bool"),
    (lambda x, w: F.conv_transpose2d(x, w, output_padding=1), RuntimeError, "output padding"),
    (lambda x, w: F.conv2d(x, w, stride=1 << 40), (RuntimeError, OverflowError), "stride"),
    (lambda x, w: rt.conv2d(x, None), (RuntimeError, TypeError), "weight"),
])  # fmt: skip
def test_errors(call, kind, words):
    x, w = rt.ones(2, 3, 8, 8, dtype=rt.float64), rt.ones(3, 3, 3, 3, dtype=rt.float64)
    with pytest.raises(kind, match=words):
        call(x, w)
