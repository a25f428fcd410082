"""softmax and log_softmax along any dimension have the bits they have along the last one, forward and backward."""

from __future__ import annotations

import numpy as np
import pytest

import rustorch as rt

# columns side by side, of several blocks, few columns (turned)
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


IMAGES = [(3, 5, 4, 7), (2, 21, 10, 33), (1, 40, 3, 100), (2, 1100, 2, 9), (4, 3, 130), (2, 1, 5, 5)]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", IMAGES, ids=str)
@pytest.mark.parametrize(
    "options",
    [{}, {"weighted": True, "ignore_index": 0}, {"reduction": "sum"}, {"reduction": "none"},
     {"label_smoothing": 0.2, "ignore_index": 0}, {"label_smoothing": 0.2, "weighted": True, "reduction": "none"},
     {"soft": True}, {"soft": True, "weighted": True, "reduction": "sum"},
     {"soft": True, "label_smoothing": 0.3, "weighted": True}],
    ids=str,
)  # fmt: skip
def test_cross_entropy_of_images(shape, dtype, options):
    """Read where they lie, images have the bits they have as rows; PyTorch in double agrees."""
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(1)
    more = {k: v for k, v in options.items() if k not in ("weighted", "soft")}
    a = (rng.standard_normal(shape) * 5).astype(dtype)
    t = rng.integers(0, shape[1], (shape[0], *shape[2:]))
    t.flat[0] = min(1, shape[1] - 1)
    w = rng.uniform(0.5, 2, shape[1]).astype(dtype) if "weighted" in options else None
    if "soft" in options:
        t = rng.uniform(0, 2 / shape[1], shape).astype(dtype)
    if "ignore_index" in options and shape[1] > 1:
        a[-1][:, t[-1] == 0] = np.nan                   # what is ignored is not looked at
    results = []
    before = rt.get_num_threads()
    try:
        for count, rows in ((1, False), (2, False), (1, True)):
            rt.set_num_threads(count)
            # channels last is rows already
            x = rt.from_numpy(np.ascontiguousarray(np.moveaxis(a, 1, -1))).movedim(-1, 1) if rows else rt.from_numpy(a)
            x = x.detach().requires_grad_()
            weight = None if w is None else rt.from_numpy(w)
            loss = rt.nn.functional.cross_entropy(x, rt.from_numpy(t), weight, **more)
            assert loss.dtype == x.dtype
            loss.backward(rt.ones_like(loss))
            results.append((loss.detach().numpy(), np.ascontiguousarray(x.grad.numpy())))
    finally:
        rt.set_num_threads(before)
    for loss, gradient in results[1:]:
        np.testing.assert_array_equal(loss, results[0][0])
        np.testing.assert_array_equal(gradient, results[0][1])
    y = torch.from_numpy(np.nan_to_num(a).astype("float64")).requires_grad_()
    weight = None if w is None else torch.from_numpy(w.astype("float64"))
    target = torch.from_numpy(t.astype("float64") if "soft" in options else t)
    wanted = torch.nn.functional.cross_entropy(y, target, weight, **more)
    wanted.backward(torch.ones_like(wanted))
    close = 2e-5 if dtype == "float32" else 1e-12
    np.testing.assert_allclose(results[0][0], wanted.detach().numpy(), rtol=close, atol=close)
    np.testing.assert_allclose(results[0][1], y.grad.numpy(), rtol=close, atol=close * np.abs(y.grad.numpy()).max())


def test_cross_entropy_far_from_zero():
    """The maximum is kept apart: an offset of the scores costs no more than their own rounding."""
    a = np.array([[0.0, 1.0, 2.0], [3.0, -1.0, 0.5]])
    for offset in (0.0, 1e4, -1e4):
        x = rt.from_numpy((a * 1024 + offset * 1024).astype("float32") / 1024).requires_grad_()
        rt.nn.functional.cross_entropy(x, rt.tensor([2, 0]), reduction="sum").backward()
        e = np.exp(a - a.max(1, keepdims=True))
        p = e / e.sum(1, keepdims=True)
        p[0, 2] -= 1
        p[1, 0] -= 1
        np.testing.assert_allclose(x.grad.numpy(), p, rtol=0, atol=3e-7)


@pytest.mark.parametrize("dtype", [rt.float32, rt.float64])
@pytest.mark.parametrize("classes", [1, 2, 3, 10, 16, 17, 24, 25])
def test_rows_of_few_classes_have_the_bits_of_one_row(classes, dtype):
    rng = np.random.default_rng(classes)
    x = rt.from_numpy(rng.normal(scale=4, size=(150, classes))).to(dtype)
    numbers = rt.from_numpy(rng.integers(0, classes, 150))
    numbers[7] = -100
    shares = rt.softmax(x.flip(0), dim=1)
    weight = rt.from_numpy(rng.random(classes)).to(dtype)
    for target, options in (
        (numbers, {}), (numbers, {"label_smoothing": 0.1, "weight": weight}), (shares, {"label_smoothing": 0.2}),
    ):  # fmt: skip
        whole = rt.nn.functional.cross_entropy(x, target, reduction="none", **options)
        rows = [(x[i : i + 1], target[i : i + 1]) for i in range(150)]
        one = [rt.nn.functional.cross_entropy(a, b, reduction="none", **options) for a, b in rows]
        assert whole.numpy().tobytes() == rt.cat(one).numpy().tobytes()
