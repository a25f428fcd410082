"""Pools, interpolation, grids, patches against PyTorch: small dtypes, layouts, threads, NaN, errors."""
import os
import subprocess
import sys

import numpy as np
import pytest
import torch
import torch.nn.functional as TF

import rustorch as rt
import rustorch.nn.functional as F


def pair(*shape, dtype=np.float64, seed=0):
    values = np.random.default_rng(seed).standard_normal(shape).astype(dtype)
    return torch.tensor(values, requires_grad=True), rt.tensor(values.copy(), requires_grad=True)


def same(ours, theirs, tolerance=1e-10):
    assert tuple(ours.shape) == tuple(theirs.shape)
    np.testing.assert_allclose(np.asarray(ours.detach()), theirs.detach().numpy(), rtol=tolerance, atol=tolerance)


def both(name, *shape, dtype=np.float64, tolerance=1e-10, args=(), **kw):
    """Forward and backward of a function of one tensor, of every layout."""
    x, y = pair(*shape, dtype=dtype)
    for turn in (lambda t: t, lambda t: t.transpose(-1, -2) if t.ndim > 3 else t * 1):
        theirs, ours = getattr(TF, name)(turn(x), *args, **kw), getattr(F, name)(turn(y), *args, **kw)
        theirs, ours = (r if isinstance(r, tuple) else (r,) for r in (theirs, ours))
        for a, b in zip(ours, theirs, strict=True):
            same(a, b, tolerance)
        g, h = pair(*theirs[0].shape, dtype=dtype, seed=1)
        x.grad, y.grad = None, None
        theirs[0].backward(g.detach())
        ours[0].backward(h.detach())
        same(y.grad, x.grad, tolerance)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("kernel, kw", [
    (2, {}), (3, {"stride": 2, "padding": 1}), ((3, 2), {"stride": (2, 1), "ceil_mode": True}), (5, {"stride": 3}),
    (2, {"stride": 3, "ceil_mode": True, "padding": 1}),
])  # fmt: skip
def test_pools(kernel, kw, dtype):
    tolerance = 1e-5 if dtype == np.float32 else 1e-10
    both("max_pool2d", 2, 3, 17, 150, dtype=dtype, args=(kernel,), **kw, return_indices=True)
    both("avg_pool2d", 2, 3, 17, 20, dtype=dtype, tolerance=tolerance, args=(kernel,), **kw)
    both("avg_pool2d", 2, 3, 17, 20, dtype=dtype, tolerance=tolerance, args=(kernel,), **kw, count_include_pad=False)


def test_other_pools():
    both("max_pool3d", 2, 3, 5, 6, 7, args=(2, 1, 1, 2))
    both("max_pool1d", 3, 11, args=(3, 2, 1, 2, True))
    both("avg_pool3d", 1, 2, 5, 6, 7, args=(2,), divisor_override=3)
    both("avg_pool1d", 2, 3, 11, args=(3,))
    both("adaptive_avg_pool2d", 2, 3, 7, 11, args=((3, None),))
    both("adaptive_max_pool2d", 2, 3, 7, 11, args=((3, 13),), return_indices=True)
    both("adaptive_max_pool3d", 3, 4, 5, 6, args=(2,))
    both("lp_pool2d", 2, 3, 7, 8, args=(3.0, 2), tolerance=1e-8)
    both("lp_pool3d", 1, 2, 5, 6, 7, args=(4.0, 2), tolerance=1e-8)
    both("local_response_norm", 2, 7, 3, 4, args=(3,))


def test_fractional_pools_follow_the_samples():
    for n in (2, 3):
        shape, samples = (2, 3, 9, 8, 7)[:2 + n], np.random.default_rng(3).random((2, 3, n))
        x, y = pair(*shape)
        name = f"fractional_max_pool{n}d"
        theirs = getattr(TF, name)(x, 2, (4,) * n, return_indices=True, _random_samples=torch.tensor(samples))
        ours = getattr(F, name)(y, 2, (4,) * n, return_indices=True, _random_samples=rt.tensor(samples))
        for a, b in zip(ours, theirs, strict=True):
            same(a, b)
    assert tuple(F.fractional_max_pool2d(y[0], 2, output_ratio=0.5).shape)[-2:] == (4, 3)


def test_unpool():
    x, y = pair(2, 3, 8, 6)
    a, i = TF.max_pool2d(x, 2, return_indices=True)
    b, j = F.max_pool2d(y, 2, return_indices=True)
    same(F.max_unpool2d(b, j, 2), TF.max_unpool2d(a, i, 2))
    same(F.max_unpool2d(b, j, 2, output_size=(9, 7)), TF.max_unpool2d(a, i, 2, output_size=(9, 7)))
    for wrong in (-1, 48, 1 << 40):
        with pytest.raises(RuntimeError, match="index"):
            F.max_unpool2d(b, j * 0 + wrong, 2)
    with pytest.raises(ValueError, match="output_size"):
        F.max_unpool2d(b, j, 2, output_size=(20, 20))


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "int64", "int32", "uint8"])
def test_small_dtypes(dtype):
    values = np.random.default_rng(0).integers(0, 9, (1, 2, 6, 6))
    ours, wide = rt.tensor(values).to(getattr(rt, dtype)), torch.tensor(values, dtype=torch.float64)
    result = F.max_pool2d(ours, 3, 2, 1)
    assert str(result.dtype) == dtype
    np.testing.assert_array_equal(np.asarray(result.to(rt.float64)), TF.max_pool2d(wide, 3, 2, 1).numpy())
    if dtype != "uint8":
        kind = getattr(torch, "int64" if dtype == "int32" else dtype)
        mean = TF.avg_pool2d(torch.tensor(values).to(kind), 3, 2, 1)
        got = F.avg_pool2d(ours, 3, 2, 1)
        assert str(got.dtype) == dtype
        np.testing.assert_array_equal(np.asarray(got.to(rt.float64)), mean.double().numpy())


def test_nan_and_infinity():
    values = np.array([[[1, np.nan, 2, -np.inf, -np.inf, -np.inf, 3, 3, np.nan, np.nan]]])
    a, i = TF.max_pool1d(torch.tensor(values), 3, 1, return_indices=True)
    b, j = F.max_pool1d(rt.tensor(values), 3, 1, return_indices=True)
    np.testing.assert_array_equal(np.asarray(b), a.numpy())
    np.testing.assert_array_equal(np.asarray(j), i.numpy())


@pytest.mark.parametrize("mode, n", [("nearest", 1), ("nearest", 2), ("nearest-exact", 2), ("area", 2), ("linear", 1),
                                     ("bilinear", 2), ("bicubic", 2), ("trilinear", 3), ("nearest", 3)])
def test_interpolate(mode, n):
    corners = [{}] if mode in ("nearest", "nearest-exact", "area") else [{"align_corners": c} for c in (False, True)]
    for kw in corners:
        for size in ((3, 9, 5)[:n], (7, 2, 12)[:n], (1, 1, 1)[:n]):
            both("interpolate", 2, 3, *(5, 7, 6)[:n], size=size, mode=mode, **kw)
        for scale in (2, 0.6, 1.7):
            both("interpolate", 2, 3, *(5, 7, 6)[:n], scale_factor=scale, mode=mode, **kw)
            both("interpolate", 2, 3, *(5, 7, 6)[:n], scale_factor=scale, mode=mode, recompute_scale_factor=True, **kw)
        if mode in ("bilinear", "bicubic"):
            for size in ((3, 9), (2, 2), (11, 4)):
                both("interpolate", 2, 3, 10, 12, size=size, mode=mode, antialias=True, **kw, tolerance=1e-9)


@pytest.mark.parametrize("padding", ["zeros", "border", "reflection"])
@pytest.mark.parametrize("align", [False, True])
def test_grid_sample(padding, align):
    for mode, lengths in (("bilinear", (5, 6)), ("nearest", (5, 6)), ("bicubic", (5, 6)), ("bilinear", (3, 4, 5)),
                          ("nearest", (3, 4, 5))):
        n = len(lengths)
        x, y = pair(2, 3, *lengths)
        points = np.random.default_rng(5).uniform(-1.6, 1.6, (2, *(4, 5, 3)[:n], n))
        g, h = torch.tensor(points, requires_grad=True), rt.tensor(points, requires_grad=True)
        theirs, ours = TF.grid_sample(x, g, mode, padding, align), F.grid_sample(y, h, mode, padding, align)
        same(ours, theirs)
        theirs.square().sum().backward()
        ours.square().sum().backward()
        same(y.grad, x.grad, 1e-9)
        same(h.grad, g.grad, 1e-8)


# planes; blocks of 4, 8 and 16 lanes; few points of a large image; more points than a chunk; three lengths
SAMPLED = [((2, 1, 9, 7), (12, 11)), ((3, 3, 9, 7), (12, 11)), ((3, 4, 20, 19), (30, 31)), ((2, 7, 6, 5), (8, 8)),
           ((1, 21, 6, 5), (5, 13)), ((2, 5, 40, 41), (1, 3)), ((2, 3, 4, 5, 6), (3, 7, 5)),
           ((1, 1, 4, 5, 6), (2, 3, 2)), ((2, 0, 4, 4), (3, 3)), ((2, 3, 4, 4), (0, 3))]  # fmt: skip


@pytest.mark.parametrize("shape, points", SAMPLED)
@pytest.mark.parametrize("mode", ["bilinear", "nearest", "bicubic"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_grid_sample_of_every_kernel(shape, points, mode, dtype):
    if mode == "bicubic" and len(points) == 3:
        return
    rng, n = np.random.default_rng(5), len(points)
    image, grid = rng.normal(size=shape).astype(dtype), rng.uniform(-1.6, 1.6, (shape[0], *points, n)).astype(dtype)
    wide = [torch.tensor(a.astype(np.float64), requires_grad=True) for a in (image, grid)]
    # operands that are not packed
    ours = [rt.tensor(np.repeat(a, 2, -1), requires_grad=True) for a in (image, grid)]
    for padding, align in (("zeros", False), ("border", True), ("reflection", False)):
        theirs = TF.grid_sample(*wide, mode, padding, align)
        result = F.grid_sample(*(t[..., ::2] for t in ours), mode, padding, align)
        tolerance = 1e-12 if dtype == np.float64 else 3e-5
        same(result, theirs, tolerance)
        g = rng.normal(size=tuple(theirs.shape))
        expected = torch.autograd.grad(theirs, wide, torch.tensor(g))
        seen, before = [], rt.get_num_threads()
        try:
            for threads in (1, 2, 3):
                rt.set_num_threads(threads)
                again = F.grid_sample(*(t.detach()[..., ::2] for t in ours), mode, padding, align)
                np.testing.assert_array_equal(np.asarray(again), np.asarray(result.detach()))
                found = rt.autograd.grad(result, ours, rt.tensor(g.astype(dtype)), retain_graph=True)
                seen.append([np.asarray(t)[..., ::2] for t in found])
        finally:
            rt.set_num_threads(before)
        for k in range(2):
            same(rt.tensor(seen[0][k]), expected[k], 20 * tolerance)
            np.testing.assert_array_equal(seen[0][k], seen[1][k])
            np.testing.assert_array_equal(seen[0][k], seen[2][k])


def test_grid_sample_far_away():
    """Positions that are no numbers, and infinite elements outside of what is looked at."""
    x = np.arange(1.0, 37, dtype=np.float32).reshape(1, 1, 6, 6)
    x[0, 0, 0, 0] = np.inf
    for far in (np.nan, np.inf, -np.inf, 1e10, -1e10):
        grid = np.array([[far, 0.1], [0.2, far], [1.5, 1.5], [0.5, 0.5]], np.float32).reshape(1, 2, 2, 2)
        for image in (x, np.concatenate([x] * 3, 1)):
            for mode in ("bilinear", "nearest", "bicubic"):
                for padding in ("zeros", "border", "reflection"):
                    if (padding == "reflection" and np.isfinite(far)) or (padding != "zeros" and mode == "bicubic"):
                        continue    # which of many reflections it is, is rounding
                    theirs = TF.grid_sample(torch.tensor(image), torch.tensor(grid), mode, padding, False)
                    ours = F.grid_sample(rt.tensor(image), rt.tensor(grid), mode, padding, False)
                    what = f"{far} {mode} {padding}"
                    np.testing.assert_allclose(np.asarray(ours), theirs.numpy(), rtol=1e-5, err_msg=what)


def test_grid_sample_on_other_processors():
    """Every instruction set computes the same bits."""
    code = (
        "import hashlib, numpy as np, rustorch as rt, rustorch.nn.functional as F\n"
        "r = np.random.default_rng(0)\n"
        "x, g = (rt.tensor(r.uniform(-1.2, 1.2, s).astype(np.float32), requires_grad=True)"
        " for s in ((2, 5, 9, 8), (2, 10, 11, 2)))\n"
        "h = hashlib.sha1()\n"
        "for mode in ('bilinear', 'bicubic', 'nearest'):\n"
        "    y = F.grid_sample(x, g, mode, 'reflection', False)\n"
        "    for t in (y.detach(), *rt.autograd.grad(y.square().sum(), [x, g])): h.update(np.asarray(t).tobytes())\n"
        "print(h.hexdigest())"
    )
    seen = set()
    for isa in ("v2", "v3", "v4"):
        env = dict(os.environ, RUSTORCH_ISA=isa, PYTHONPATH=os.path.dirname(os.path.dirname(rt.__file__)))
        ran = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=False)
        if ran.returncode and "RUSTORCH_ISA" in ran.stderr:
            continue
        assert ran.returncode == 0, ran.stderr
        seen.add(ran.stdout)
    assert len(seen) == 1


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_long_lines_repeat(dtype):
    """Few lines whose windows repeat themselves along the line, and where they cease to."""
    rng = np.random.default_rng(7)
    for m in (63, 64, 127, 130, 333):
        for lines in (1, 2, 5):
            x = rng.normal(size=(1, lines, m)).astype(dtype)
            x[0, 0, m // 2] = np.nan
            wide, own = torch.tensor(x), rt.tensor(x)
            for kernel, stride, padding, dilation in ((2, 2, 0, 1), (3, 1, 1, 1), (3, 2, 1, 1), (4, 3, 0, 2)):
                ours = F.max_pool1d(own, kernel, stride, padding, dilation)
                same(ours, TF.max_pool1d(wide, kernel, stride, padding, dilation), 0)
                ours = F.avg_pool1d(own, kernel, stride, padding)
                same(ours, TF.avg_pool1d(wide, kernel, stride, padding), 1e-6)
            for scale in (2, 3, 0.5):
                ours = F.interpolate(own, scale_factor=scale, mode="linear")
                same(ours, TF.interpolate(wide, scale_factor=scale, mode="linear"), 1e-4)
            whole = F.interpolate(own, size=2 * m + 1, mode="linear")
            same(whole, TF.interpolate(wide.double(), size=2 * m + 1, mode="linear"), 1e-4)


def test_affine_grid():
    for n in (2, 3):
        theta, ours = pair(2, n, n + 1)
        for align in (False, True):
            size = (2, 3, 4, 5, 1)[:n + 2]
            same(F.affine_grid(ours, size, align), TF.affine_grid(theta, size, align))


def test_patches():
    both("unfold", 2, 3, 6, 7, args=((2, 3), (1, 2), (1, 0), (2, 1)))
    x, y = pair(2, 12, 12)
    same(F.fold(y, (4, 5), 2), TF.fold(x, (4, 5), 2))
    whole = F.fold(F.unfold(rt.ones(1, 1, 5, 5), 3, padding=1), 5, 3, padding=1)
    same(whole, TF.fold(TF.unfold(torch.ones(1, 1, 5, 5), 3, padding=1), 5, 3, padding=1))


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64])
@pytest.mark.parametrize("shape, kernel, stride, dilation", [
    ((5, 7, 7), (7, 7), (7, 7), (1, 1)), ((5, 3, 40), (3, 33), (1, 9), (1, 1)), ((5, 9, 17), (4, 17), (2, 17), (2, 1)),
    ((5, 40, 2), (31, 2), (3, 1), (1, 1)), ((5, 1, 300), (1, 100), (1, 100), (1, 1)),
    ((5, 4, 4, 4), (4, 4, 4), (4,) * 3, (1,) * 3),
    ((5, 6, 4, 4), (3, 4, 4), (1, 4, 4), (2, 1, 1)), ((5, 3, 5, 20), (2, 3, 18), (1, 1, 1), (1, 1, 1)),
    ((5, 33), (2,), (2,), (1,)), ((5, 33), (3,), (3,), (1,)),
])  # fmt: skip
def test_maxima_of_long_windows(shape, kernel, stride, dilation, dtype):
    """Equal elements, NaN, infinities; the same without the positions, and in the gradient."""
    rng, n = np.random.default_rng(3), len(kernel)
    x = rng.integers(-4, 4, shape).astype(dtype)
    if dtype != np.int64:
        x = np.where(rng.random(shape) < 0.3, -0.0, x)
        x[1][rng.random(shape[1:]) < 0.02] = np.nan
        x[2] = -np.inf
        x[3][rng.random(shape[1:]) < 0.1] = np.inf
        x = x.astype(dtype)
    find, ours = getattr(TF, f"max_pool{n}d"), getattr(F, f"max_pool{n}d")
    expected, where = find(torch.tensor(x), kernel, stride, dilation=dilation, return_indices=True)
    found, at = ours(rt.tensor(x), kernel, stride, dilation=dilation, return_indices=True)
    np.testing.assert_array_equal(np.asarray(found), expected.numpy())
    np.testing.assert_array_equal(np.asarray(at), where.numpy())
    np.testing.assert_array_equal(np.asarray(ours(rt.tensor(x), kernel, stride, dilation=dilation)), np.asarray(found))
    if dtype != np.int64:
        leaf = rt.tensor(x, requires_grad=True)
        y = ours(leaf, kernel, stride, dilation=dilation)
        np.testing.assert_array_equal(np.asarray(y.detach()), np.asarray(found))
        y.backward(rt.ones_like(y))
        assert float(leaf.grad.sum()) == found.size


LINES: list[tuple[str, dict[str, object]]] = [
    ("interpolate", {"scale_factor": 2, "mode": "linear"}), ("interpolate", {"size": 45, "mode": "linear"}),
    ("interpolate", {"scale_factor": 0.5, "mode": "linear"}), ("interpolate", {"size": 57}),
    ("interpolate", {"size": 9, "mode": "linear", "align_corners": True}),
    ("avg_pool1d", {"kernel_size": 2}), ("avg_pool1d", {"kernel_size": 3, "stride": 1, "padding": 1}),
    ("avg_pool1d", {"kernel_size": 4, "stride": 4}), ("avg_pool1d", {"kernel_size": 7, "stride": 9}),
    ("adaptive_avg_pool1d", {"output_size": 6}), ("adaptive_avg_pool1d", {"output_size": 31}),
    ("max_pool1d", {"kernel_size": 2}), ("max_pool1d", {"kernel_size": 3, "stride": 1, "padding": 1}),
    ("max_pool1d", {"kernel_size": 3, "stride": 2, "dilation": 2, "padding": 1}),
    ("max_pool1d", {"kernel_size": 4, "stride": 4}), ("adaptive_max_pool1d", {"output_size": 6}),
]  # fmt: skip


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name, options", LINES)
def test_lines_in_vectors(name, options, dtype):
    """Many lines take vectors of outputs, one alone its outputs one by one: the same bits, and PyTorch's in double."""
    rng = np.random.default_rng(5)
    for n in (*range(8, 41), 64, 100, 131, 300):
        x = rng.standard_normal((3, 2, n)).astype(dtype)
        if "max" in name:
            x[0, 0, rng.integers(n)], x[2, 1, rng.integers(n)] = np.nan, np.inf
        call = getattr(F, name)
        leaf, single = rt.tensor(x, requires_grad=True), [rt.tensor(x[i], requires_grad=True) for i in range(3)]
        ours = call(leaf, **options)
        alone = [rt.cat([call(s[None, k:k + 1], **options) for k in range(2)], 1)[0] for s in single]
        g = rng.standard_normal(ours.shape).astype(dtype)
        ours.backward(rt.tensor(g))
        for i in range(3):
            alone[i].backward(rt.tensor(g[i]))
            np.testing.assert_array_equal(np.asarray(ours.detach())[i], np.asarray(alone[i].detach()))
            np.testing.assert_array_equal(np.asarray(leaf.grad)[i], np.asarray(single[i].grad))
        with rt.no_grad():
            np.testing.assert_array_equal(np.asarray(call(leaf, **options)), np.asarray(ours.detach()))
        double = torch.tensor(x.astype(np.float64), requires_grad=True)
        theirs = getattr(TF, name)(double, **options)
        theirs.backward(torch.tensor(g.astype(np.float64)))
        near = 1e-5 if dtype == np.float32 else 1e-12
        same(ours, theirs, near)
        same(leaf.grad, double.grad, near)


@pytest.mark.parametrize("isa", ["v2", "v3"])
def test_lines_on_other_processors(isa):
    env = dict(os.environ, RUSTORCH_ISA=isa)
    if os.environ.get("RUSTORCH_ISA") == isa:
        return
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", __file__, "-k", "in_vectors"]
    ran = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert ran.returncode == 0 or "RUSTORCH_ISA" in ran.stderr, ran.stdout[-2000:]


def test_means_of_whole_planes():
    for shape in ((3, 4, 7, 7), (2, 3, 4, 5, 5), (2, 3, 9)):
        n = len(shape) - 2
        for options in ({}, {"count_include_pad": False}):
            both(f"avg_pool{n}d", *shape, args=(shape[2:],), **options)


def test_threads_do_not_change_bits():
    _, x = pair(8, 16, 40, 44, dtype=np.float32)
    seen, before = [], rt.get_num_threads()
    try:
        for threads in (1, 2, 3):
            rt.set_num_threads(threads)
            y = F.max_pool2d(x, 3, 2).square().sum() + F.avg_pool2d(x, 3).square().sum()
            y = y + F.interpolate(x, scale_factor=1.5, mode="bicubic").square().sum()
            seen.append(np.asarray(rt.autograd.grad(y, [x])[0]))
    finally:
        rt.set_num_threads(before)
    np.testing.assert_array_equal(seen[0], seen[1])
    np.testing.assert_array_equal(seen[0], seen[2])


@pytest.mark.parametrize("call, kind", [
    (lambda x: F.max_pool2d(x, 9), RuntimeError), (lambda x: F.max_pool2d(x, 2, padding=2), RuntimeError),
    (lambda x: F.max_pool2d(x, 0), RuntimeError), (lambda x: F.max_pool2d(x, 2, dilation=0), RuntimeError),
    (lambda x: F.max_pool2d(x[0, 0], 2), RuntimeError), (lambda x: F.max_pool2d(x > 0, 2), RuntimeError),
    (lambda x: F.max_pool2d(x, (1, 2, 3)), RuntimeError), (lambda x: F.max_pool2d(x, 2, stride=1 << 40), RuntimeError),
    (lambda x: F.avg_pool2d(x, 9), RuntimeError), (lambda x: F.avg_pool2d(x, 2, divisor_override=0), RuntimeError),
    (lambda x: F.avg_pool2d(x, 3, padding=2), RuntimeError), (lambda x: F.avg_pool1d(x, 2), RuntimeError),
    (lambda x: F.adaptive_avg_pool2d(x, -1), RuntimeError),
    (lambda x: F.adaptive_max_pool2d(x, (1, 2, 3)), RuntimeError),
    (lambda x: F.fractional_max_pool2d(x, 2), ValueError), (lambda x: F.fractional_max_pool2d(x, 9, 5), RuntimeError),
    (lambda x: F.interpolate(x), ValueError), (lambda x: F.interpolate(x, 3, 2), ValueError),
    (lambda x: F.interpolate(x, 3, mode="linear"), NotImplementedError), (lambda x: F.interpolate(x, 0), RuntimeError),
    (lambda x: F.interpolate(x, 3, mode="cubic"), NotImplementedError),
    (lambda x: F.interpolate(x, (3, 3, 3)), ValueError),
    (lambda x: F.interpolate(x, 3, align_corners=True), ValueError),
    (lambda x: F.grid_sample(x, rt.zeros(1, 2, 2, 3, dtype=rt.float64)), RuntimeError),
    (lambda x: F.grid_sample(x, rt.zeros(1, 2, 2, 2)), RuntimeError),
    (lambda x: F.grid_sample(x, rt.zeros(1, 2, 2, 2, dtype=rt.float64), "cubic"), ValueError),
    (lambda x: F.unfold(x, 9), RuntimeError), (lambda x: F.unfold(x, 0), RuntimeError),
    (lambda x: F.fold(x[0], (4, 4), 3), RuntimeError), (lambda x: F.local_response_norm(x[0, 0], 2), ValueError),
    (lambda x: F.affine_grid(x[0], (1, 1, 2, 2)), ValueError),
])  # fmt: skip
def test_errors(call, kind):
    with pytest.raises(kind):
        call(rt.ones(1, 2, 5, 6, dtype=rt.float64))
