"""Masks, ranges and scatters: every length around the blocks that kernels work in, against NumPy and PyTorch."""

from __future__ import annotations

import numpy as np
import pytest

import rustorch as rt

torch = pytest.importorskip("torch")
RNG = np.random.default_rng(0)
SHAPES = [(0,), (1,), (7,), (8,), (9,), (17,), (1025,), (3, 0), (3, 5), (5, 63), (5, 64), (3, 65), (2, 2000), (3000, 2),
          (4, 5, 6), (2, 3, 1100), (40, 1, 1)]  # fmt: skip


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("share", [0, 0.01, 0.5, 0.99, 1])
def test_what_is_true_is_found(shape: tuple[int, ...], share: float) -> None:
    mask = RNG.random(shape) < share
    ours = rt.from_numpy(mask)
    assert np.array_equal(rt.nonzero(ours).numpy(), np.argwhere(mask))
    assert np.array_equal(rt.nonzero(ours.mT if mask.ndim > 1 else ours).numpy(),
                          np.argwhere(mask.swapaxes(-1, -2) if mask.ndim > 1 else mask))  # fmt: skip
    bytes_ = (mask * RNG.integers(1, 255, shape)).astype("u1").view(bool)  # any byte but 0 is true
    assert np.array_equal(rt.nonzero(rt.from_numpy(bytes_)).numpy(), np.argwhere(mask))
    for dtype in ("u1", "i2", "f4", "f8", "c16"):
        x, source = RNG.integers(0, 100, shape).astype(dtype), RNG.integers(0, 100, mask.size).astype(dtype)
        assert np.array_equal(rt.masked_select(rt.from_numpy(x), ours).numpy(), x[mask])
        wanted = x.copy()
        wanted[mask] = source[: mask.sum()]
        assert np.array_equal(rt.from_numpy(x).masked_scatter(ours, rt.from_numpy(source)).numpy(), wanted)


def test_a_mask_may_be_what_is_written() -> None:
    x = rt.tensor([True, False, True])
    x.masked_scatter_(x, rt.tensor([False, True]))
    assert x.tolist() == [False, False, True]


@pytest.mark.parametrize("n", [0, 1, 2, 3, 31, 32, 33, 64, 65, 511, 512, 513, 1025, 70_000])
def test_ranges(n: int) -> None:
    for dtype in ("int16", "int32", "int64", "uint32", "float32", "float64"):
        for start, end, step in ((0, min(n, 30_000), 1), (5, 5 + 3 * min(n, 9000), 3), (min(n, 30_000), 0, -1)):
            made = rt.arange(start, end, step, dtype=getattr(rt, dtype)).numpy()
            assert made.dtype == dtype and np.array_equal(made, np.arange(start, end, step))
    steps = rt.linspace(-1, 2, n, dtype=rt.float64).numpy()
    assert np.allclose(steps, np.linspace(-1, 2, n), rtol=0, atol=1e-15)
    assert n < 2 or (steps[0] == -1 and steps[-1] == 2)
    large = rt.arange(2**60, 2**60 + n, dtype=rt.float32).numpy()  # beyond what a double holds exactly
    assert np.array_equal(large, np.arange(2**60, 2**60 + n).astype("f4"))


def test_triangles() -> None:
    for rows in range(5):
        for cols in range(5):
            for diagonal in range(-7, 8):
                for name in ("tril_indices", "triu_indices"):
                    ours = getattr(rt, name)(rows, cols, diagonal).tolist()
                    assert ours == getattr(torch, name)(rows, cols, diagonal).tolist()
    assert rt.triu_indices(10**18, 1).tolist() == [[0], [0]]
    with pytest.raises(MemoryError):
        rt.tril_indices(10**18, 1)


@pytest.mark.parametrize("dtype", ["f4", "f8", "i4", "i8", "i2", "f2"])
@pytest.mark.parametrize("kind", ["sum", "prod", "mean", "amax", "amin"])
def test_scatter_reduce(kind: str, dtype: str) -> None:
    for shape, dim in (((50,), 0), ((6, 40), 0), ((6, 40), 1), ((3, 4, 70), 1), ((300, 300), 1), ((300, 300), 0)):
        for include in (True, False):
            most = 3 if kind == "prod" else 50
            x, source = (RNG.integers(1, most, shape).astype(dtype) for _ in range(2))
            index = RNG.integers(0, shape[dim], shape)
            ours = rt.from_numpy(x).scatter_reduce(
                dim, rt.from_numpy(index), rt.from_numpy(source), kind, include_self=include
            )
            theirs = torch.from_numpy(x).scatter_reduce(
                dim, torch.from_numpy(index), torch.from_numpy(source), kind, include_self=include
            )
            rtol = 1e-2 if dtype == "f2" else 1e-6
            assert np.allclose(ours.numpy().astype("f8"), theirs.numpy().astype("f8"), rtol=rtol)
    nan = float("nan")
    for how in ("amax", "amin"):
        source = rt.tensor([nan, 1.0, nan, 5.0])
        kept = rt.tensor([1.0, nan, 0.0]).scatter_reduce(0, rt.tensor([0, 1, 2, 2]), source, how)
        assert np.isnan(kept.numpy()).all()


@pytest.mark.parametrize("bad", [3, -4, 2**62, -(2**62)])
def test_bad_indices_write_nothing(bad: int) -> None:
    x, one, two = rt.zeros(3), rt.tensor([bad]), rt.tensor([0, bad])
    for call in (
        lambda: x.gather(0, two), lambda: x.scatter_(0, two, 1), lambda: x.scatter_add_(0, one, rt.ones(1)),
        lambda: x.index_add_(0, two, rt.ones(2)), lambda: x[two], lambda: rt.take(x, one),
        lambda: x.scatter_reduce_(0, two, rt.ones(2), "mean"), lambda: x.scatter_reduce_(0, two, rt.ones(2), "prod"),
    ):  # fmt: skip
        with pytest.raises(IndexError):
            call()
    assert x.tolist() == [0, 0, 0]
    assert rt.arange(6).view(2, 3).gather(1, rt.tensor([[-1, -3], [-2, 0]])).tolist() == [[2, 0], [4, 3]]
