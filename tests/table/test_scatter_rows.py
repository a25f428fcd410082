"""scatter, scatter_add and scatter_reduce along every dimension, on one thread and on several; powers that have an
operation of their own."""

import numpy as np
import pytest
import torch

import rustorch

SHAPES = [
    ((40,), 0),
    ((7, 33), 0),
    ((7, 33), 1),
    ((5, 6, 40), 0),
    ((5, 6, 40), 1),
    ((5, 6, 40), -1),
    ((300, 300), 0),
    ((300, 300), 1),
]
CALLS = ["scatter", "scatter_add", "sum", "amax", "amin"]


def call(lib, name, x, dim, index, source):
    x, index, source = (lib.as_tensor(a) for a in (x, index, source))
    if name in ("sum", "amax", "amin"):
        return lib.scatter_reduce(x, dim, index, source, reduce=name)
    return getattr(lib, name)(x, dim, index, source)


def sample(shape, dim, dtype, unique):
    rng = np.random.default_rng(3)
    x, source = (np.asarray(rng.integers(-50, 50, shape) / 8).astype(dtype) for _ in range(2))
    # which of equal places is written last, PyTorch does not say
    index = np.argsort(rng.random(shape), axis=dim) if unique else rng.integers(0, shape[dim], shape)
    return x, index, source


@pytest.mark.parametrize("dtype", ["float32", "float64", "int64", "int32", "uint8", "float16"])
@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("shape, dim", SHAPES)
def test_values(shape, dim, name, dtype):
    x, index, source = sample(shape, dim, dtype, unique=name == "scatter")
    wanted = call(torch, name, x, dim, index, source).numpy()
    with_threads = []
    before = rustorch.get_num_threads()
    try:
        for count in (1, 2):
            rustorch.set_num_threads(count)
            with_threads.append(call(rustorch, name, x, dim, index, source).numpy())
    finally:
        rustorch.set_num_threads(before)
    np.testing.assert_array_equal(with_threads[0], wanted)
    np.testing.assert_array_equal(with_threads[0], with_threads[1])
    # a target that is not contiguous, an index that counts from the end, a shorter index
    turned = rustorch.from_numpy(np.ascontiguousarray(x.T).copy()).permute(*reversed(range(x.ndim)))
    np.testing.assert_array_equal(
        call(rustorch, name, turned, dim, index - shape[dim] * (index % 2), source).numpy(), wanted
    )
    cut = tuple(slice(0, n // 2) for n in shape)
    short = call(torch, name, x, dim, index[cut].copy(), source).numpy()
    if name != "scatter":
        np.testing.assert_array_equal(call(rustorch, name, x, dim, index[cut].copy(), source).numpy(), short)


@pytest.mark.parametrize("name", ["scatter_", "scatter_add_"])
def test_bad_index_changes_nothing(name):
    x = rustorch.ones(300, 300)
    index = rustorch.zeros(300, 300, dtype=rustorch.int64)
    index[299, 299] = 300
    with pytest.raises(IndexError, match="300 is out of bounds"):
        getattr(x, name)(1, index, rustorch.full((300, 300), 5.0))
    assert (x == 1).all()


def test_nan_stays():
    nan = float("nan")
    x, source = rustorch.tensor([nan, 1.0, 1.0]), rustorch.tensor([2.0, nan, 3.0])
    for name in ("amax", "amin"):
        out = x.scatter_reduce(0, rustorch.tensor([0, 1, 2]), source, reduce=name)
        assert out.isnan().tolist() == [True, True, False]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("y", [1.0, 2.0, -1.0, 0.5, 0.0, 3.0, -0.5, 2.5])
def test_powers(y, dtype):
    special = [0.0, -0.0, np.inf, -np.inf, np.nan, 1.0, -1.0, -2.5, 1e-30, 1e30]
    x = np.concatenate([special, np.random.default_rng(0).normal(size=100)]).astype(dtype)
    with np.errstate(all="ignore"):
        wanted = np.power(x.astype(np.longdouble), np.full(x.shape, y, np.longdouble)).astype(dtype)
    out = rustorch.tensor(x).pow(y).numpy()
    np.testing.assert_allclose(out, wanted, rtol=2 * np.finfo(dtype).eps)
    # zeros and infinities have C's signs
    np.testing.assert_array_equal(np.signbit(out[:4]), np.signbit(wanted[:4]))
    # beside other exponents the same bits
    beside = rustorch.tensor(x).pow(rustorch.tensor(np.where(np.arange(x.size) % 3 == 0, y, 1.7).astype(dtype))).numpy()
    np.testing.assert_array_equal(beside[::3], out[::3])
