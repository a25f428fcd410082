"""pad and nearest neighbours against PyTorch: every mode, cuts, dimensions, dtypes, gradients, threads."""
import itertools

import numpy as np
import pytest
import torch

import rustorch as rt

F, TF = rt.nn.functional, torch.nn.functional
MODES = ["constant", "reflect", "replicate", "circular"]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("shape", [(2, 3, 7), (2, 3, 5, 6), (1, 2, 4, 5, 6), (64, 8, 33, 31), (2, 3, 40, 50)])
def test_pad(mode, shape):
    rng = np.random.default_rng(0)
    for trial in range(12):
        pad = [int(v) for v in rng.integers(0 if mode == "circular" else -2, 4, 2 * (len(shape) - 2))]
        x = rng.normal(size=shape).astype(np.float32 if trial % 2 else np.float64)
        theirs = torch.tensor(x, requires_grad=True)
        wanted = TF.pad(theirs, pad, mode)
        g = rng.normal(size=tuple(wanted.shape)).astype(x.dtype)
        wanted.backward(torch.tensor(g))
        bits = set()
        for threads in (1, 2):
            before = rt.get_num_threads()
            rt.set_num_threads(threads)
            try:
                ours = rt.tensor(x, requires_grad=True)
                result = F.pad(ours, pad, mode)
                result.backward(rt.tensor(g))
            finally:
                rt.set_num_threads(before)
            np.testing.assert_array_equal(np.asarray(result), wanted.detach().numpy())
            np.testing.assert_allclose(np.asarray(ours.grad), theirs.grad.numpy(), rtol=0, atol=2e-6)
            bits.add(np.asarray(ours.grad).tobytes())
        assert len(bits) == 1


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("dtype", ["int8", "int16", "float16", "complex64", "complex128", "bool"])
def test_pad_of_other_dtypes_and_views(mode, dtype):
    x = np.arange(2 * 6 * 10).reshape(2, 6, 10).astype(dtype)
    for view in (lambda a: a, lambda a: a[..., ::2], lambda a: a[:, ::-1]):
        y = view(x)[None]
        widths = [(0, 0), (0, 0), (2, 1), (1, 3)]
        numpys = {"constant": "constant", "reflect": "reflect", "replicate": "edge", "circular": "wrap"}
        result = F.pad(rt.from_numpy(x)[None] if y.strides == x[None].strides else rt.tensor(y), (1, 3, 2, 1), mode)
        np.testing.assert_array_equal(np.asarray(result), np.pad(y, widths, numpys[mode]))


@pytest.mark.parametrize("mode", ["nearest", "nearest-exact"])
def test_nearest(mode):
    x = np.random.default_rng(0).normal(size=(3, 5, 7, 9)).astype(np.float32)
    for height, width in itertools.product((3, 7, 8, 14, 21), (4, 9, 17, 18, 19, 40)):
        ours = F.interpolate(rt.tensor(x), size=(height, width), mode=mode)
        theirs = TF.interpolate(torch.tensor(x), size=(height, width), mode=mode)
        np.testing.assert_array_equal(np.asarray(ours), theirs.numpy())
