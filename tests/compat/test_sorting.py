"""Sorting, ranks, distinct elements and searching against PyTorch and NumPy, ties and NaNs included."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import rustorch as rt

DTYPES = ["bool", "int8", "uint8", "int16", "int32", "int64", "float16", "float32", "float64"]
LENGTHS = [1, 2, 20, 21, 100, 161, 700, 7000]


def lines(dtype, n):
    """Lines of n elements: random, with many ties, with all special values, in reverse, close together."""
    rng = np.random.default_rng(n)
    if dtype == "bool":
        return [rng.integers(0, 2, n).astype(bool), np.zeros(n, bool)]
    if dtype.startswith("float"):
        a = rng.standard_normal(n).astype(dtype)
        special = rng.choice(np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, 1.0, -1.0], dtype), n)
        return [a, np.round(a), special, np.sort(a)[::-1].copy(), (1 + a * 1e-13).astype(dtype)]
    info = np.iinfo(dtype)
    wide = rng.integers(info.min, info.max, n, dtype=dtype, endpoint=True)
    return [wide, rng.integers(0, 9, n).astype(dtype), np.sort(wide)[::-1].copy()]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n", LENGTHS)
@pytest.mark.parametrize("descending", [False, True])
def test_sort_is_stable_and_topk_is_its_beginning(dtype, n, descending):
    for a in lines(dtype, n):
        values, indices = torch.sort(torch.from_numpy(a), stable=True, descending=descending)
        x = rt.from_numpy(a)
        ours = rt.sort(x, descending=descending)
        np.testing.assert_array_equal(np.asarray(ours.indices), indices.numpy())
        np.testing.assert_array_equal(np.asarray(ours.values), values.numpy())
        np.testing.assert_array_equal(np.asarray(rt.argsort(x, 0, descending)), indices.numpy())
        for k in {0, 1, min(n, 10), n // 10, n // 2, n}:
            top = x.topk(k, largest=descending)
            np.testing.assert_array_equal(np.asarray(top.indices), indices.numpy()[:k])
            loose = np.asarray(x.topk(k, largest=descending, sorted=False).indices)
            np.testing.assert_array_equal(np.sort(loose), np.sort(indices.numpy()[:k]))
        for k in {1, n // 3 + 1, n} if not descending else ():
            kth = rt.kthvalue(x, k)
            assert int(kth.indices) == int(indices[k - 1])


@pytest.mark.parametrize("dtype", ["uint16", "uint32", "uint64"])
def test_sort_of_unsigned(dtype):
    a = np.random.default_rng(0).integers(0, np.iinfo(dtype).max, 3000, dtype=dtype, endpoint=True)
    np.testing.assert_array_equal(np.asarray(rt.from_numpy(a).argsort()), np.argsort(a, kind="stable"))


@pytest.mark.parametrize("dim", [0, 1, 2, -1])
@pytest.mark.parametrize("threads", [1, 3])
def test_other_dimensions_and_layouts(dim, threads):
    a = np.random.default_rng(1).integers(0, 50, (31, 40, 29))
    for b in (a, a.transpose(2, 0, 1), a[::-1, ::2], a.astype("float32")[:, ::-3]):
        x, t = rt.asarray(b), torch.from_numpy(np.ascontiguousarray(b))
        before = rt.get_num_threads()
        rt.set_num_threads(threads)
        try:
            got = [x.sort(dim), x.topk(3, dim), x.median(dim), x.mode(dim, True), x.kthvalue(4, dim)]
        finally:
            rt.set_num_threads(before)
        want = [t.sort(dim=dim, stable=True), t.topk(3, dim), t.median(dim), t.mode(dim, True), t.kthvalue(4, dim)]
        for ours, theirs in zip(got, want, strict=True):
            np.testing.assert_array_equal(np.asarray(ours.values), theirs.values.numpy())
            np.testing.assert_array_equal(np.take_along_axis(np.asarray(x), _with_dim(ours.indices, x, dim), dim),
                                          _with_dim(ours.values, x, dim))
        np.testing.assert_array_equal(np.asarray(got[0].indices), want[0].indices.numpy())


def _with_dim(t, like, dim):
    return np.asarray(t if t.ndim == like.ndim else t.unsqueeze(dim))


def test_medians_and_nan():
    nan = float("nan")
    for values in ([3.0, 1.0, 2.0, 4.0], [nan, 1.0, 2.0], [nan, nan], [1.0, 1.0, 1.0], [5.0]):
        t, x = torch.tensor(values, requires_grad=True), rt.tensor(values, requires_grad=True)
        for name in ("median", "nanmedian"):
            theirs, ours = getattr(t, name)(), getattr(x, name)()
            np.testing.assert_array_equal(np.asarray(ours.detach()), theirs.detach().numpy())
            g, tg = rt.autograd.grad(ours, x)[0], torch.autograd.grad(theirs, t)[0]
            np.testing.assert_allclose(np.asarray(g), tg.numpy())
            np.testing.assert_array_equal(np.asarray(getattr(x, name)(0).values.detach()),
                                          getattr(t, name)(0).values.detach().numpy())
    assert np.isnan(rt.zeros(0).median().item())


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int64", "float32"])
def test_distinct_elements(dtype):
    a = np.random.default_rng(2).integers(0, 5, (6, 40)).astype(dtype)
    x, t = rt.from_numpy(a), torch.from_numpy(a)
    for dim in (None, 0, 1, -1):
        for name in ("unique", "unique_consecutive"):
            got = getattr(rt, name)(x, return_inverse=True, return_counts=True, dim=dim)
            want = getattr(torch, name)(t, return_inverse=True, return_counts=True, dim=dim)
            for ours, theirs in zip(got, want, strict=True):
                assert str(ours.dtype) == str(theirs.dtype)[6:]
                np.testing.assert_array_equal(np.asarray(ours), theirs.numpy())
    empty = rt.zeros(0).unique(return_inverse=True, return_counts=True)
    assert [tuple(v.shape) for v in empty] == [(0,)] * 3
    assert rt.tensor([1.0, float("nan"), float("nan")]).unique().numel() == 3


def test_searching():
    rng = np.random.default_rng(3)
    edges = np.sort(rng.integers(0, 30, 20)).astype("float64")
    values = np.concatenate([rng.uniform(-3, 33, 50), edges, [np.nan, np.inf]])
    for right in (False, True):
        theirs = torch.searchsorted(torch.from_numpy(edges), torch.from_numpy(values), right=right).numpy()
        e, v = rt.from_numpy(edges), rt.from_numpy(values)
        np.testing.assert_array_equal(np.asarray(rt.searchsorted(e, v, right=right)), theirs)
        np.testing.assert_array_equal(np.asarray(rt.bucketize(v, e, right=right)), theirs)
    rows = rng.standard_normal((3, 7))
    few, order = rows[:, :4].copy(), np.argsort(rows, 1)
    ours = rt.searchsorted(rt.from_numpy(rows), rt.from_numpy(few), sorter=rt.from_numpy(order), side="right")
    theirs = torch.searchsorted(*map(torch.from_numpy, (rows, few)), sorter=torch.from_numpy(order), side="right")
    np.testing.assert_array_equal(np.asarray(ours), theirs.numpy())
    assert rt.searchsorted(rt.tensor([1, 3, 5]), 3).item() == 1
    assert rt.bucketize(3, rt.tensor([1, 3, 5]), right=True, out_int32=True).dtype == rt.int32
    many, few = rng.integers(0, 99, 500), rng.integers(0, 99, 20)
    for test in (few, few[:4], few[:0]):
        ours = rt.isin(rt.from_numpy(many), rt.from_numpy(test))
        np.testing.assert_array_equal(np.asarray(ours), np.isin(many, test))


@pytest.mark.parametrize("interpolation", ["linear", "lower", "higher", "midpoint", "nearest"])
def test_quantiles(interpolation):
    a = np.random.default_rng(4).standard_normal((4, 9, 3))
    a[1, 2, 1] = np.nan
    for name in ("quantile", "nanquantile"):
        for dim in (None, 0, 1, -1):
            for q in (0.3, [0.0, 0.25, 1.0]):
                for keepdim in (False, True):
                    q_ours, q_theirs = (q, q) if isinstance(q, float) else (rt.tensor(q, dtype="float64"),
                                                                           torch.tensor(q, dtype=torch.float64))
                    args = dict(dim=dim, keepdim=keepdim, interpolation=interpolation)
                    ours = getattr(rt, name)(rt.from_numpy(a), q_ours, **args)
                    theirs = getattr(torch, name)(torch.from_numpy(a), q_theirs, **args)
                    assert ours.shape == tuple(theirs.shape)
                    np.testing.assert_allclose(np.asarray(ours), theirs.numpy(), rtol=1e-12)


@pytest.mark.parametrize("call, kind", [
    (lambda x: x.topk(5), RuntimeError),
    (lambda x: x.topk(-1), RuntimeError),
    (lambda x: x.kthvalue(0), RuntimeError),
    (lambda x: x.kthvalue(5), RuntimeError),
    (lambda x: x.sort(2), IndexError),
    (lambda x: x.narrow(1, 0, 0).mode(1), IndexError),
    (lambda x: x.to(rt.complex64).sort(), RuntimeError),
    (lambda x: x.quantile(1.5), RuntimeError),
    (lambda x: x.to(rt.int64).quantile(0.5), RuntimeError),
    (lambda x: x.quantile(0.5, interpolation="up"), RuntimeError),
    (lambda x: rt.searchsorted(x, rt.zeros(3)), RuntimeError),
    (lambda x: rt.searchsorted(x[0], x.double()), RuntimeError),
    (lambda x: rt.bucketize(x, x), RuntimeError),
    (lambda x: rt.isin(1, 2), TypeError),
    (lambda x: rt.bincount(rt.tensor([1, -1])), RuntimeError),
    (lambda x: rt.bincount(x), RuntimeError),
    (lambda x: rt.bincount(rt.tensor([2**62])), (RuntimeError, MemoryError, ValueError)),
])  # fmt: skip
def test_errors(call, kind):
    with pytest.raises(kind):
        call(rt.arange(8.0).reshape(2, 4))
