"""numpy.fft on arrays and tensors: NumPy is the judge, over lengths, dtypes, axes and keywords; the same bits for
every layout; gradients against finite differences."""

import itertools
import warnings

import numpy
import pytest

import rustorch as rt
import rustorch.numpy as np

LENGTHS = [*range(1, 34), 37, 49, 64, 97, 100, 121, 127, 128, 143, 243, 256, 289, 307, 500, 1024, 1009, 1331, 2310]


def tensor(x):
    return rt.from_numpy(numpy.asarray(x))


def make(shape, dtype, seed=0):
    r = numpy.random.default_rng(seed)
    x = r.normal(size=shape) * 3
    x = numpy.asarray(x + 1j * r.normal(size=shape) if dtype.startswith("complex") else x)
    return x.astype(dtype)


def near(ours, theirs, factor=20):
    x = ours.detach().numpy()
    assert x.shape == theirs.shape
    assert x.dtype == theirs.dtype
    if theirs.dtype.kind not in "fc":
        assert numpy.array_equal(x, theirs)
    elif theirs.size:
        bound = factor * numpy.finfo(theirs.dtype).eps * max(float(abs(theirs).max()), 1e-30)
        assert float(abs(x - theirs).max()) <= bound


@pytest.mark.parametrize("double", ["float64", "float32"])
@pytest.mark.parametrize("n", LENGTHS)
def test_every_length(n, double):
    complex_ = "complex128" if double == "float64" else "complex64"
    x, z = make((3, n), double), make((3, n), complex_)
    wide, zwide = x.astype("float64"), z.astype("complex128")
    near(np.fft.fft(np.array(z)), numpy.fft.fft(zwide).astype(complex_))
    near(np.fft.ifft(np.array(z)), numpy.fft.ifft(zwide).astype(complex_))
    near(np.fft.fft(np.array(x)), numpy.fft.fft(wide).astype(complex_))
    near(np.fft.ifft(np.array(x)), numpy.fft.ifft(wide).astype(complex_))
    near(np.fft.rfft(np.array(x)), numpy.fft.rfft(wide).astype(complex_))
    half = z[:, : n // 2 + 1]
    near(np.fft.irfft(np.array(half), n), numpy.fft.irfft(half.astype("complex128"), n).astype(double))


@pytest.mark.parametrize("n", [2, 12, 16, 60, 97, 128, 360, 1024])
@pytest.mark.parametrize("dtype", ["float64", "complex64", "complex128", "float32"])
def test_layouts_change_no_bit(n, dtype):
    x = make((21, n), dtype)
    rows = np.fft.fft(np.array(x)).numpy()
    for lines in (1, 2, 5, 16):
        assert numpy.array_equal(np.fft.fft(np.array(x[:lines])).numpy(), rows[:lines])
    assert numpy.array_equal(np.fft.fft(np.array(x.T.copy()), axis=0).numpy().T, rows)
    assert numpy.array_equal(np.fft.fft(np.array(x[:, ::-1].copy())[:, ::-1]).numpy(), rows)
    assert numpy.array_equal(np.fft.fft(np.array(x[::2])).numpy(), rows[::2])
    before = rt.get_num_threads()
    try:
        rt.set_num_threads(1)
        alone = np.fft.fft(np.array(numpy.tile(x, (40, 1)))).numpy()
    finally:
        rt.set_num_threads(before)
    assert numpy.array_equal(alone[:21], rows)
    assert numpy.array_equal(np.fft.fft(np.array(numpy.tile(x, (40, 1)))).numpy(), alone)


def both(name, x, words):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            theirs = getattr(numpy.fft, name)(x, **words)
            theirs = theirs if x.size else numpy.zeros_like(theirs)      # NumPy leaves memory as it found it
        except (ValueError, TypeError, IndexError):
            with pytest.raises((ValueError, TypeError, IndexError)):
                getattr(np.fft, name)(np.array(x), **words)
            return
        near(getattr(np.fft, name)(np.array(x), **words), theirs, 2000)
        near(getattr(numpy.fft, name)(tensor(x), **words), theirs, 2000)


ONE = [{}, {"n": 4}, {"n": 9}, {"n": 1}, {"n": 0}, {"axis": 0}, {"axis": 5}, {"norm": "ortho"}, {"norm": "x"}]
SEVERAL = [
    {},
    {"s": (4, 3), "axes": (0, 1)},
    {"axes": (0,)},
    {"axes": (-1, 0)},
    {"norm": "forward"},
    {"s": (-1, 4), "axes": (-2, -1)},
    {"axes": (0, 0)},
    {"s": (3,), "axes": (0, 1)},
]


@pytest.mark.parametrize("dtype", ["bool", "int8", "float32", "float64", "complex64", "complex128"])
@pytest.mark.parametrize("shape", [(6,), (5,), (1,), (0,), (), (3, 4), (2, 3, 5), (0, 4)])
def test_keywords(shape, dtype):
    x = make(shape, dtype)
    for name, words in itertools.product(("fft", "ifft", "rfft", "irfft", "hfft", "ihfft"), ONE):
        both(name, x, words)
    for name in ("fftn", "ifftn", "rfftn", "irfftn", "fft2", "ifft2", "rfft2", "irfft2"):
        for words in SEVERAL:
            both(name, x, words)


def test_shifts():
    x = make((3, 4, 5), "float64")
    for name, axes in itertools.product(("fftshift", "ifftshift"), (None, 0, (0, 2), -1)):
        both(name, x, {"axes": axes})


def test_output():
    x = make((4, 8), "complex128")
    out = np.zeros((4, 8), dtype="complex128")
    assert np.fft.fft(np.array(x), out=out) is out
    near(out, numpy.fft.fft(x))
    plain = numpy.zeros((4, 8), "complex128")
    assert numpy.fft.ifft(tensor(x), out=plain) is plain
    numpy.testing.assert_allclose(plain, numpy.fft.ifft(x), rtol=1e-12)
    with pytest.raises(ValueError, match="wrong shape"):
        np.fft.fft(np.array(x), out=np.zeros((4, 7), dtype="complex128"))
    with pytest.raises(TypeError):
        np.fft.fft(np.array(x), out=np.zeros((4, 8)))


@pytest.mark.parametrize("n", [None, 3, 9])
@pytest.mark.parametrize("name", ["fft", "ifft", "rfft", "irfft", "hfft", "ihfft"])
def test_gradients(name, n):
    x = np.array(make((2, 6), "float64" if name in ("rfft", "ihfft") else "complex128")).requires_grad_()
    f = getattr(np.fft, name)
    assert rt.autograd.gradcheck(lambda t: f(t, n, norm="ortho"), (x,))
    assert rt.autograd.gradgradcheck(lambda t: f(t, n), (x,))


def test_gradients_of_real_numbers_are_real():
    x = np.array(make((3, 4), "float64")).requires_grad_()
    for f in (np.fft.fftn, np.fft.fft2, np.fft.ifft):
        assert rt.autograd.gradcheck(f, (x,))
    np.sum(np.square(np.abs(np.fft.fftn(x)))).backward()
    numpy.testing.assert_allclose(x.grad.numpy(), 24 * x.detach().numpy(), rtol=1e-12)


@pytest.mark.parametrize("n", [2**62, 2**63 - 1, 2**70, -1, 0])
def test_impossible_lengths(n):
    x = np.ones(4)
    for name in ("fft", "rfft", "irfft", "hfft"):
        with pytest.raises((ValueError, OverflowError, MemoryError)):
            getattr(np.fft, name)(x, n)


@pytest.mark.parametrize("wrong", [1.5, "4", (4,), [4]])
def test_wrong_kinds(wrong):
    with pytest.raises(TypeError):
        np.fft.fft(np.ones(4), wrong)
    with pytest.raises((TypeError, ValueError, IndexError)):
        np.fft.fft("abc")
