"""Fourier transforms beside PyTorch's and NumPy's: values, gradients to second order, dtypes, errors."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import torch

import rustorch as rt

rng = np.random.default_rng(3)
ONE = ["fft", "ifft", "rfft", "irfft", "hfft", "ihfft"]
MANY = [name + end for name in ONE for end in ("2", "n")]
REAL = ("rfft", "ihfft")


def signal(name, kind="double", shape=(4, 6)):
    a = rng.standard_normal(shape)
    if not name.startswith(REAL):
        a = a + 1j * rng.standard_normal(shape)
    return a if kind == "double" else a.astype("complex64" if a.dtype.kind == "c" else "float32")


@pytest.mark.parametrize("norm", [None, "forward", "backward", "ortho"])
@pytest.mark.parametrize("name", ONE + MANY)
def test_values_and_gradients(name, norm):
    a = signal(name)
    length = {"n": 5, "dim": 0} if name in ONE else {"s": (5, 7)}
    for kw in ({}, length):
        t, r = torch.tensor(a, requires_grad=True), rt.tensor(a, requires_grad=True)
        x, y = getattr(torch.fft, name)(t, norm=norm, **kw), getattr(rt.fft, name)(r, norm=norm, **kw)
        np.testing.assert_allclose(np.asarray(y.detach()), x.detach().resolve_conj().numpy(), rtol=1e-9, atol=1e-9)
        x.abs().square().sum().backward()
        y.abs().square().sum().backward()
        np.testing.assert_allclose(np.asarray(r.grad), t.grad.resolve_conj().numpy(), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", ONE + MANY)
def test_second_order(name):
    x = rt.tensor(signal(name, shape=(2, 3)), requires_grad=True)
    assert rt.autograd.gradgradcheck(lambda x: getattr(rt.fft, name)(x).abs().square(), [x])


@pytest.mark.parametrize("name", ONE)
def test_single_precision_stays(name):
    a = signal(name, "single")
    x, y = getattr(torch.fft, name)(torch.tensor(a)), getattr(rt.fft, name)(rt.tensor(a))
    assert str(y.dtype) == str(x.dtype).removeprefix("torch.")
    np.testing.assert_allclose(np.asarray(y), x.resolve_conj().numpy(), rtol=1e-4, atol=1e-4)
    assert rt.fft.fft(rt.arange(4)).dtype == rt.complex64


def test_layouts():
    a = rt.tensor(signal("fft", shape=(6, 5, 4)))
    for view in (a.permute(2, 0, 1), a[::2, 1:], a.flip(0), a[:, :1].expand(6, 3, 4)):
        np.testing.assert_allclose(np.asarray(rt.fft.fftn(view)), np.fft.fftn(np.asarray(view)), atol=1e-12)


def test_frequencies_and_shifts():
    for n in (1, 4, 5):
        np.testing.assert_allclose(rt.fft.fftfreq(n, 0.1), np.fft.fftfreq(n, 0.1), rtol=1e-6)
        np.testing.assert_allclose(rt.fft.rfftfreq(n, 0.1), np.fft.rfftfreq(n, 0.1), rtol=1e-6)
    a = np.arange(20).reshape(4, 5)
    for dim in (None, 0, (0, -1)):
        assert np.array_equal(rt.fft.fftshift(rt.tensor(a), dim), np.fft.fftshift(a, dim))
        assert np.array_equal(rt.fft.ifftshift(rt.tensor(a), dim), np.fft.ifftshift(a, dim))


def test_out():
    out = rt.empty(4, dtype="complex64")
    assert rt.fft.fft(rt.ones(4), out=out) is out and out.tolist() == [4, 0, 0, 0]


@pytest.mark.parametrize(("call", "error"), [
    (lambda: rt.fft.rfft(rt.ones(3, dtype="complex64")), "real"),
    (lambda: rt.fft.fft(rt.ones(3), n=0), "points"),
    (lambda: rt.fft.irfft(rt.ones(1)), "points"),
    (lambda: rt.fft.fft(rt.ones(3), norm="big"), "norm"),
    (lambda: rt.fft.fftn(rt.ones(3, 3), dim=(0, 0)), "unique"),
    (lambda: rt.fft.fftn(rt.ones(3), s=(2, 2)), "lengths"),
    (lambda: rt.fft.fft(rt.ones(3, dtype="float16")), "half"),
    (lambda: rt.fft.rfftn(rt.tensor(1.0)), "at least one"),
])
def test_errors(call, error):
    with pytest.raises(RuntimeError, match=error):
        call()
    with pytest.raises(IndexError):
        rt.fft.fft(rt.ones(3), dim=1)
    with pytest.raises(TypeError):
        rt.fft.fft([1.0, 2.0])


@pytest.mark.parametrize("window", [None, "hann"])
@pytest.mark.parametrize("kw", [{}, {"center": False}, {"normalized": True, "onesided": False}, {"win_length": 12}])
def test_short_time(window, kw):
    a = rng.standard_normal((2, 100))
    size = kw.get("win_length", 16)
    theirs, ours = torch.tensor(a, requires_grad=True), rt.tensor(a, requires_grad=True)
    w = torch.hann_window(size, dtype=torch.float64) if window else None
    v = rt.hann_window(size, dtype="float64") if window else None
    x = torch.stft(theirs, 16, 4, window=w, return_complex=True, **kw)
    y = rt.stft(ours, 16, 4, window=v, return_complex=True, **kw)
    np.testing.assert_allclose(np.asarray(y.detach()), x.detach().numpy(), atol=1e-10)
    x.abs().sum().backward()
    y.abs().sum().backward()
    np.testing.assert_allclose(np.asarray(ours.grad), theirs.grad.numpy(), atol=1e-9)
    if kw.get("center", True):
        back = rt.istft(y.detach(), 16, 4, window=v, length=100, **kw)
        np.testing.assert_allclose(np.asarray(back), a, atol=1e-9)
    else:
        with pytest.raises(RuntimeError, match="istft: the sum"):
            rt.istft(y.detach(), 16, 4, window=rt.zeros(16, dtype="float64"), **kw)


@pytest.mark.parametrize("name", ["bartlett", "blackman", "hamming", "hann", "kaiser"])
def test_older_windows(name):
    for periodic in (True, False):
        x = getattr(torch, name + "_window")(9, periodic, dtype=torch.float64)
        y = getattr(rt, name + "_window")(9, periodic, dtype="float64")
        np.testing.assert_allclose(np.asarray(y), x.numpy(), atol=1e-12)
    with pytest.raises(ValueError, match="points"):
        getattr(rt, name + "_window")(-1)


def test_import_stays_light():
    """Neither LAPACK's face nor the transforms are imported before they are asked for."""
    code = ("import sys, rustorch; late = {'rustorch.fft', 'rustorch.linalg', 'rustorch.signal'};"
            "assert not late & set(sys.modules); rustorch.fft.fft; assert 'scipy' not in sys.modules")
    subprocess.run([sys.executable, "-c", code], check=True)
