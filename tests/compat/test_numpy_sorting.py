"""Sorting, ranks, sets, searching and counting of NumPy on tensors: NumPy is the judge, on input that quicksorts,
radix sorts and binary searches are known to trip over."""

from __future__ import annotations

import numpy as np
import pytest

import rustorch as rt
import rustorch.numpy as rnp

KINDS = ["bool", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64",
         "float16", "float32", "float64"]  # fmt: skip
LENGTHS = [0, 1, 2, 3, 7, 16, 17, 33, 64, 65, 127, 129, 255, 257, 300, 513, 700, 1025, 1500,
           2049, 2500, 4097, 20000]  # fmt: skip
SPECIAL = [np.nan, -np.nan, np.inf, -np.inf, 0.0, -0.0, 1.0, -1.0, 1e-45, 5e-324, -5e-324]


def lines(dtype, n):
    """Random, few distinct, extremes, in order, in reverse, an organ pipe, all equal, special values."""
    rng, dtype = np.random.default_rng(n), np.dtype(dtype)
    if dtype.kind == "f":
        a = rng.standard_normal(n).astype(dtype)
        yield rng.choice(np.array(SPECIAL).astype(dtype), n)
        yield rng.choice(np.array([0.0, -0.0], dtype), n)
        yield np.where(rng.random(n) < 0.5, a, np.where(rng.random(n) < 0.5, 0.0, -0.0)).astype(dtype)
        yield (1 + a * 1e-13).astype(dtype)
    elif dtype.kind == "b":
        a = rng.integers(0, 2, n).astype(dtype)
    else:
        low, high = np.iinfo(dtype).min, np.iinfo(dtype).max
        a = rng.integers(low, high, n, dtype=dtype, endpoint=True)
        yield rng.integers(0, 5, n).astype(dtype)
        yield rng.choice(np.array([low, high], dtype), n)
    yield a
    order = np.sort(a, kind="stable")
    yield from (order, order[::-1].copy(), np.concatenate([order[::2], order[1::2][::-1]]), np.zeros(n, dtype))


def same(ours, theirs):
    """Equal to the bit, and of one dtype and shape."""
    ours, theirs = np.asarray(ours), np.asarray(theirs)
    assert ours.dtype == theirs.dtype and ours.shape == theirs.shape
    assert ours.tobytes() == theirs.tobytes()


@pytest.mark.parametrize("dtype", KINDS)
def test_sort_and_argsort(dtype):
    for n in LENGTHS:
        for a in lines(dtype, n):
            t = rt.from_numpy(a)
            same(np.sort(t), np.sort(a, kind="stable"))
            same(np.sort(t[::-1] if n else t), np.sort(a[::-1], kind="stable"))
            same(rt.sort(t, descending=True).values, rnp.sort(t, descending=True))
            if n <= 1500:
                same(np.argsort(t), np.argsort(a, kind="stable"))


def test_types_of_results():
    a = np.random.default_rng(3).standard_normal((3, 40))
    for make, kind in ((rt.from_numpy, rt.Tensor), (rnp.asarray, rnp.ndarray)):
        for x in (make(a), make(a).T):
            assert type(np.sort(x)) is kind and type(np.argsort(x)) is kind
            same(np.sort(x), np.sort(np.asarray(x)))
            same(np.sort(x, 0), np.sort(np.asarray(x), 0))
            same(np.sort(x, kind="stable", axis=None), np.sort(np.asarray(x), axis=None))
        with pytest.raises(np.exceptions.AxisError):
            np.sort(make(np.array(1.0)))
        with pytest.raises(np.exceptions.AxisError):
            np.sort(make(a), 2)


def test_arrays_sorted_in_place():
    a = np.random.default_rng(4).standard_normal((5, 7)).astype("f4")
    for x in (rnp.asarray(a.copy()), rnp.asarray(a.copy())[:, ::-2], rnp.asarray(a.copy()).T):
        wanted = np.sort(np.asarray(x))
        assert x.sort() is None
        same(x, wanted)


@pytest.mark.parametrize("dtype", ["int32", "int64", "uint64", "float32", "float64"])
@pytest.mark.parametrize("threads", [1, 2, 3, 16])
def test_long_lines(dtype, threads):
    before = rt.get_num_threads()
    rt.set_num_threads(threads)
    try:
        for a in lines(dtype, 140_001):
            t = rt.from_numpy(a)
            same(np.sort(t), np.sort(a, kind="stable"))
            same(np.argsort(t), np.argsort(a, kind="stable"))
            same(rnp.sort(t, descending=True), rt.sort(t, descending=True).values)
        few = np.random.default_rng(1).integers(0, 1000, 140_001).astype(dtype)
        few[::20_000] = 5 if dtype.startswith("u") else -5
        replaced = np.array(np.inf if dtype.startswith("float") else 7).astype(dtype)
        for a in (few, few[few > 5], np.where(few > 500, replaced, few)):
            same(np.sort(rt.from_numpy(a)), np.sort(a))
        if dtype.startswith("float"):
            a = np.tan(np.linspace(-1.5707, 1.5707, 140_001) ** 3).astype(dtype)[::-1].copy()
            np.random.default_rng(0).shuffle(a)
            same(np.sort(rt.from_numpy(a)), np.sort(a, kind="stable"))
    finally:
        rt.set_num_threads(before)


@pytest.mark.parametrize("dtype", KINDS)
def test_partition(dtype):
    for n in [1, 2, 30, 65, 300, 1500, 20000]:
        for a in lines(dtype, n):
            kth = sorted({0, n // 3, n // 2, n - 1})
            t, order = rt.from_numpy(a), np.sort(a, kind="stable")
            for ranks in (kth, n // 2, [-1, 0]):
                parted = np.partition(t, ranks).numpy()
                assert sorted(parted.view(f"u{a.itemsize}").tolist()) == sorted(a.view(f"u{a.itemsize}").tolist())
                for k in np.ravel(ranks):
                    np.testing.assert_array_equal(parted[k], order[k])
                    assert not (parted[: k % n] > parted[k]).any() and not (parted[k % n :] < parted[k]).any()
            places = np.argpartition(t, n // 2).numpy()
            np.testing.assert_array_equal(a[places][n // 2], order[n // 2])


def test_axes_and_layouts():
    a = np.random.default_rng(1).integers(0, 50, (31, 40, 29)).astype("float32")
    for b in (a, a.transpose(2, 0, 1), a[::-1, ::2], a[:, :, ::-3]):
        for axis in (0, 1, 2, -1, None):
            t = rt.from_numpy(b)
            same(np.sort(t, axis), np.sort(b, axis))
            same(np.argsort(t, axis), np.argsort(b, axis, kind="stable"))
            same(np.sort(np.partition(t, 5, axis), axis), np.sort(b, axis))
    with pytest.raises(np.exceptions.AxisError):
        np.sort(rt.ones(3), 1)
    with pytest.raises(ValueError, match="order"):
        np.sort(rt.ones(3), order="x")
    with pytest.raises(ValueError, match="kind"):
        np.sort(rt.ones(3), kind="nothing")
    with pytest.raises(ValueError, match="out of bounds"):
        np.partition(rt.ones(3), 3)


@pytest.mark.parametrize("dtype", KINDS)
def test_unique(dtype):
    for n in LENGTHS[:-1]:
        for a in lines(dtype, n):
            t = rt.from_numpy(a)
            for words in ({}, {"equal_nan": False}):
                ours = np.unique(t, return_index=True, return_inverse=True, return_counts=True, **words)
                theirs = np.unique(a, return_index=True, return_inverse=True, return_counts=True, **words)
                for x, y in zip(ours, theirs, strict=True):
                    np.testing.assert_array_equal(np.asarray(x), y)
                np.testing.assert_array_equal(np.unique(t, **words).numpy(), theirs[0])
                _, counts = np.unique(t, return_counts=True, **words)
                np.testing.assert_array_equal(counts.numpy(), theirs[3])
    a = np.array([[3, 1], [1, 3]], "int32")
    t = rt.from_numpy(a)
    same(np.unique_all(t).inverse_indices, np.unique_all(a).inverse_indices)
    same(np.unique_counts(t).counts, [2, 2])
    same(np.unique(t, axis=0), np.unique(a, axis=0))


def test_sets():
    rng = np.random.default_rng(2)
    for dtype in ("int64", "float32", "uint8", "bool"):
        a, b = rng.integers(0, 40, 100).astype(dtype), rng.integers(20, 60, 80).astype(dtype)
        s, t = rt.from_numpy(a), rt.from_numpy(b)
        for name in ("union1d", "intersect1d", "setdiff1d", "setxor1d", "isin"):
            same(getattr(np, name)(s, t), getattr(np, name)(a, b))
            same(getattr(np, name)(s[:0], t), getattr(np, name)(a[:0], b))
        same(np.isin(s, t, invert=True), np.isin(a, b, invert=True))
    a = np.array([1.0, np.nan, 2.0, np.nan])
    same(np.isin(rt.from_numpy(a), rt.from_numpy(a)), np.isin(a, a))
    same(np.isin(rt.tensor([1, 2, 3]), 2), np.isin([1, 2, 3], 2))


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int32", "int64", "uint64", "float32", "float64"])
def test_searchsorted_and_digitize(dtype):
    rng = np.random.default_rng(3)
    for n in (0, 1, 2, 3, 15, 16, 17, 100, 1000):
        a = np.sort(rng.integers(0, 100, n).astype(dtype))
        v = rng.integers(0, 120, 133).astype(dtype)
        for side in ("left", "right"):
            same(np.searchsorted(rt.from_numpy(a), rt.from_numpy(v), side), np.searchsorted(a, v, side))
            same(np.searchsorted(a, rt.from_numpy(v), side), np.searchsorted(a, v, side))
        order = np.argsort(-v.astype("float64"), kind="stable")[::-1].copy()
        same(np.searchsorted(rt.from_numpy(v), 50, sorter=rt.from_numpy(order)), np.searchsorted(v, 50, sorter=order))
        for right in (False, True):
            same(np.digitize(rt.from_numpy(v), a, right), np.digitize(v, a, right))
            same(np.digitize(rt.from_numpy(v), a[::-1], right), np.digitize(v, a[::-1], right))
    with_nan = np.array([1.0, 2.0, np.nan, np.nan])
    for v in ([np.nan, 2.0, 0.0, 3.0], [5.0]):
        same(np.searchsorted(rt.from_numpy(with_nan), np.array(v)), np.searchsorted(with_nan, np.array(v)))
    same(np.searchsorted(rt.tensor([1, 2, 3]), np.float32(2.5)), np.searchsorted(np.array([1, 2, 3]), np.float32(2.5)))
    with pytest.raises(ValueError, match="monotonic"):
        np.digitize(rt.ones(3), [1.0, 3.0, 2.0])


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int32", "int64", "float32", "float64"])
def test_histogram_is_numpys_to_the_bit(dtype):
    rng = np.random.default_rng(4)
    for n in (1, 10, 1000, 70_000):
        data = rng.standard_normal(n) * 30 if dtype.startswith("float") else rng.integers(0, 100, n)
        a = data.astype(dtype)
        for words in ({}, {"bins": 1}, {"bins": 7}, {"bins": 1000}, {"bins": 10, "range": (0, 1)}, {"bins": "auto"},
                      {"bins": 10, "range": (-3, 55)}, {"bins": 5, "density": True}, {"bins": [0, 1, 50]},
                      {"weights": np.arange(n)}):
            for x, y in zip(np.histogram(rt.from_numpy(a), **words), np.histogram(a, **words), strict=True):
                same(x, y)
    edges = np.linspace(0, 1, 11).astype("float32" if dtype == "float32" else "float64")
    a = np.concatenate([edges, np.nextafter(edges, 2), np.nextafter(edges, -2)])
    same(np.histogram(rt.from_numpy(a), 10, (0, 1))[0], np.histogram(a, 10, (0, 1))[0])
    a = np.array([1.0, np.nan, 2.0])
    same(np.histogram(rt.from_numpy(a), 4, (0, 2))[0], np.histogram(a, 4, (0, 2))[0])
    with pytest.raises(ValueError, match="finite"):
        np.histogram(rt.from_numpy(a))


def test_bincount():
    rng = np.random.default_rng(5)
    for n in (0, 1, 5, 1000, 60_000):
        for dtype in ("uint8", "int32", "int64"):
            a, w = rng.integers(0, 100, n).astype(dtype), rng.standard_normal(n)
            same(np.bincount(rt.from_numpy(a)), np.bincount(a))
            same(np.bincount(rt.from_numpy(a), minlength=500), np.bincount(a, minlength=500))
            same(np.bincount(rt.from_numpy(a), rt.from_numpy(w)), np.bincount(a, w))
            same(np.bincount(rt.from_numpy(a), w.astype("float32")), np.bincount(a, w.astype("float32")))
    for wrong in (rt.tensor([-1, 2]), rt.ones(2, 2, dtype=rt.int64)):
        with pytest.raises(ValueError):
            np.bincount(wrong)
    with pytest.raises(TypeError):
        np.bincount(rt.ones(3))


METHODS = ["linear", "lower", "higher", "midpoint", "nearest", "inverted_cdf", "weibull", "median_unbiased"]


@pytest.mark.parametrize("dtype", ["int32", "float32", "float64", "bool"])
def test_medians_and_quantiles(dtype):
    rng = np.random.default_rng(6)
    for shape in ((1,), (2,), (101,), (40, 33), (7, 8, 9)):
        a = (rng.standard_normal(shape) * 10).astype(dtype)
        t = rt.from_numpy(a)
        for axis in (None, 0, -1, tuple(range(len(shape)))):
            same(np.median(t, axis), np.median(a, axis))
            same(np.median(t, axis, keepdims=True), np.median(a, axis, keepdims=True))
            if dtype != "bool":
                for method in METHODS:
                    at = [0.1, 0.5, 0.93]
                    same(np.quantile(t, at, axis, method=method), np.quantile(a, at, axis, method=method))
                same(np.percentile(t, 30, axis), np.percentile(a, 30, axis))
    a = rng.standard_normal((9, 10))
    a[2, 3] = np.nan
    for name in ("median", "nanmedian"):
        np.testing.assert_array_equal(getattr(np, name)(rt.from_numpy(a), 0).numpy(), getattr(np, name)(a, 0))
    np.testing.assert_array_equal(np.nanquantile(rt.from_numpy(a), 0.3, 1).numpy(), np.nanquantile(a, 0.3, 1))
    with pytest.raises(ValueError, match="range"):
        np.quantile(rt.ones(3), 1.5)
    with pytest.raises(ValueError, match="range"):
        np.percentile(rt.ones(3), 150)


def test_lexsort():
    rng = np.random.default_rng(7)
    keys = [rng.integers(0, 4, 200) for _ in range(3)]
    same(np.lexsort([rt.from_numpy(k) for k in keys]), np.lexsort(keys))


def test_gradients_go_back_to_the_places():
    x = rt.tensor([3.0, 1.0, 2.0, 1.0], dtype=rt.float64, requires_grad=True)
    weights = rt.tensor([1.0, 2.0, 3.0, 4.0], dtype=rt.float64)
    for function in (np.sort, lambda t: np.partition(t, 2), np.unique):
        x.grad = None
        y = function(x)
        (y * weights[: y.shape[0]]).sum().backward()
        assert x.grad.sum().item() == weights[: y.shape[0]].sum().item()
    x.grad = None
    np.median(x).backward()
    np.testing.assert_array_equal(x.grad.numpy(), [0, 0, 0.5, 0.5])
