"""Statistics, norms, distances, integrals, histograms and running log-sums against PyTorch: values, gradients, and
gradients of gradients at zeros."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import rustorch as rt

rng = np.random.default_rng(0)
A, B = rng.standard_normal((4, 5)), rng.standard_normal((6, 5))
Z = A.copy()
Z[1, 2] = Z[1, 3] = Z[2, 0] = 0
N = np.where(Z == 0, np.nan, A)
C = A + 1j * rng.standard_normal((4, 5))
W = rng.uniform(0.1, 1, 5)

CALLS = {
    "nansum": (lambda m, x: m.nansum(x, 1), [N]),
    "nanmean": (lambda m, x: m.nanmean(x, (0, 1), True), [N]),
    "var_mean": (lambda m, x: m.var_mean(x, 0), [A]),
    "var_mean, all, biased": (lambda m, x: m.var_mean(x, unbiased=False), [A]),
    "std_mean, correction": (lambda m, x: m.std_mean(x, 1, correction=2, keepdim=True), [A]),
    "aminmax": (lambda m, x: m.aminmax(x, dim=1, keepdim=True), [A]),
    "cov": (lambda m, x, w: m.cov(x, aweights=w), [A, W]),
    "cov, complex": (lambda m, x: m.cov(x, correction=0), [C]),
    "corrcoef": (lambda m, x: m.corrcoef(x), [A]),
    "trapezoid": (lambda m, x: m.trapezoid(x, dx=0.3, dim=0), [A]),
    "trapezoid, x": (lambda m, x, w: m.trapezoid(x, w), [A, W]),
    "cumulative_trapezoid": (lambda m, x, w: m.cumulative_trapezoid(x, w), [A, W]),
    "diff": (lambda m, x, y: m.diff(x, 2, 0, prepend=y), [A, B]),
    "gradient": (lambda m, x: m.gradient(x, spacing=2.0, edge_order=2), [A]),
    "gradient, coordinates": (lambda m, x, w: m.gradient(x, spacing=[w.cumsum(0)], dim=[1], edge_order=2), [A, W]),
    "tensordot": (lambda m, x, y: m.tensordot(x, y, ([1], [1])), [A, B]),
    "norm": (lambda m, x: m.norm(x), [A]),
    "norm 3 at zeros": (lambda m, x: m.norm(x, 3, 1), [Z]),
    "norm 1.5": (lambda m, x: m.norm(x, 1.5, 0, True), [A]),
    "norm -2": (lambda m, x: m.norm(x, -2, 0), [A]),
    "norm inf": (lambda m, x: m.norm(x, float("inf"), 1), [A]),
    "norm of zeros": (lambda m, x: m.norm(x, 2, 1), [0 * A]),
    "dist": (lambda m, x, y: m.dist(x, y, 3), [A, Z]),
    "renorm": (lambda m, x: m.renorm(x, 2, 0, 1.5), [A]),
    "cdist": (lambda m, x, y: m.cdist(x, y), [A, B]),
    "cdist by product": (lambda m, x, y: m.cdist(x, y, compute_mode="use_mm_for_euclid_dist"), [A, B]),
    "cdist 1": (lambda m, x, y: m.cdist(x, y, 1.0), [A, B]),
    "pdist": (lambda m, x: m.pdist(x, 3.0), [A]),
    "pairwise_distance": (lambda m, x, y: m.nn.functional.pairwise_distance(x, y[:4], 1.0), [A, B]),
    "cosine_similarity": (lambda m, x, y: m.nn.functional.cosine_similarity(x[:, None], y[None], -1), [A, B]),
    "normalize": (lambda m, x: m.nn.functional.normalize(x, 3.0, 0), [A]),
    "logcumsumexp": (lambda m, x: m.logcumsumexp(x * 300, 1), [A]),
    "logcumsumexp, complex": (lambda m, x: m.logcumsumexp(x, 0), [C]),
    "logsumexp, complex": (lambda m, x: m.logsumexp(x, 1), [C]),
    "prod at zeros": (lambda m, x: m.prod(x, 1), [Z]),
    "prod of all at zeros": (lambda m, x: m.prod(x[2]), [Z]),
    "cumprod at zeros": (lambda m, x: m.cumprod(x, 1), [Z]),
    "cumprod along 0": (lambda m, x: m.cumprod(x, 0), [Z * (1 + 1j)]),
    "quantile": (lambda m, x: m.quantile(x, 0.3, 1), [A]),
}

# whose second derivatives PyTorch does not have, or has as NaN or one of several there
ONCE = {
    "norm of zeros", "norm inf", "norm 3 at zeros", "dist", "logcumsumexp", "cdist", "cdist 1", "pdist", "normalize",
}  # fmt: skip


def outputs(result):
    return list(result) if isinstance(result, (list, tuple)) else [result]


@pytest.mark.parametrize("name", CALLS)
def test_values_and_gradients(name):
    call, arrays = CALLS[name]
    ours = [rt.from_numpy(a.copy()).requires_grad_() for a in arrays]
    theirs = [torch.from_numpy(a.copy()).requires_grad_() for a in arrays]
    results = list(zip(outputs(call(rt, *ours)), outputs(call(torch, *theirs)), strict=True))
    for a, b in results:
        np.testing.assert_allclose(np.asarray(a.detach()), b.detach().numpy(), rtol=1e-10, atol=1e-12)
    loss, reference = (sum((v[k] * v[k].conj()).real.sum() for v in results) for k in (0, 1))
    plain = rt.autograd.grad(loss, ours, retain_graph=True)
    tg = torch.autograd.grad(reference, theirs, create_graph=True)
    for a, b in zip(plain, tg, strict=True):
        np.testing.assert_allclose(np.asarray(a), b.detach().resolve_conj().numpy(), rtol=1e-7, atol=1e-9)
    if name in ONCE:
        return
    g = rt.autograd.grad(loss, ours, create_graph=True)
    for a, b in zip(g, plain, strict=True):
        np.testing.assert_allclose(np.asarray(a.detach()), np.asarray(b), rtol=1e-7, atol=1e-9)
    loss, reference = (sum((v * v.conj()).real.sum() for v in each) for each in (g, tg))
    again = torch.autograd.grad(reference, theirs, allow_unused=True)
    for a, b in zip(rt.autograd.grad(loss, ours, allow_unused=True), again, strict=True):
        if b is not None:
            np.testing.assert_allclose(np.asarray(a), b.resolve_conj().numpy(), rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_histograms(dtype):
    a = rng.standard_normal((50, 3)).astype(dtype)
    a[0, 0] = np.nan
    weight = rng.uniform(0, 1, (50, 3)).astype(dtype)
    b, x, t = a[1:], rt.from_numpy(a), torch.from_numpy(a)
    for args in (dict(bins=7, min=-1, max=2), dict(bins=5, min=-0.5, max=0.5)):
        np.testing.assert_array_equal(np.asarray(x.histc(**args)), t.histc(**args).numpy())
    x, t, w, tw = rt.from_numpy(b), torch.from_numpy(b), rt.from_numpy(weight[1:]), torch.from_numpy(weight[1:])
    edges = np.array([-2, -0.5, 0.25, 1, 3], dtype)
    for bins, theirs in ((6, 6), (rt.from_numpy(edges), torch.from_numpy(edges))):
        for density in (False, True):
            got = rt.histogram(x, bins, weight=w, density=density)
            want = torch.histogram(t, theirs, weight=tw, density=density)
            np.testing.assert_allclose(np.asarray(got.hist), want.hist.numpy(), rtol=1e-5)
            np.testing.assert_allclose(np.asarray(got.bin_edges), want.bin_edges.numpy(), rtol=1e-6)
    got, want = rt.histogramdd(x, [2, 3, 2], range=[-1, 1] * 3), torch.histogramdd(t, [2, 3, 2], range=[-1.0, 1.0] * 3)
    np.testing.assert_array_equal(np.asarray(got.hist), want.hist.numpy())
    numbers = rng.integers(0, 9, 40)
    for weights in (None, rng.uniform(0, 1, 40)):
        other = (None, None) if weights is None else (rt.from_numpy(weights), torch.from_numpy(weights))
        got = rt.bincount(rt.from_numpy(numbers), other[0], 12)
        np.testing.assert_allclose(np.asarray(got), torch.bincount(torch.from_numpy(numbers), other[1], 12).numpy())


@pytest.mark.parametrize("call, kind", [
    (lambda x: rt.cdist(x, x[0]), RuntimeError),
    (lambda x: rt.cdist(x, x[:, :2]), RuntimeError),
    (lambda x: rt.cdist(x, x, -1.0), RuntimeError),
    (lambda x: rt.pdist(x[0]), RuntimeError),
    (lambda x: rt.norm(x.long()), RuntimeError),
    (lambda x: rt.norm(x, "max"), RuntimeError),
    (lambda x: rt.renorm(x[0], 2, 0, 1.0), RuntimeError),
    (lambda x: rt.renorm(x, 2, 2, 1.0), IndexError),
    (lambda x: rt.histc(x, 0), RuntimeError),
    (lambda x: rt.histc(x, 3, 2, 1), RuntimeError),
    (lambda x: rt.histc(x, 3, 0, float("inf")), RuntimeError),
    (lambda x: rt.histogram(x, 3, weight=x[0]), RuntimeError),
    (lambda x: rt.histogramdd(x, [3]), RuntimeError),
    (lambda x: rt.tensordot(x, x, ([0], [1])), RuntimeError),
    (lambda x: rt.diff(x, -1), RuntimeError),
    (lambda x: rt.diff(rt.tensor(1.0)), RuntimeError),
    (lambda x: rt.gradient(x, dim=3), IndexError),
    (lambda x: rt.gradient(x[:1], dim=0), RuntimeError),
    (lambda x: rt.cov(x, fweights=rt.tensor([1, -1, 1, 1])), RuntimeError),
    (lambda x: rt.var_mean(x.long()), RuntimeError),
    (lambda x: rt.logcumsumexp(x, 2), IndexError),
    (lambda x: rt.trapezoid(x, rt.zeros(3)), RuntimeError),
])  # fmt: skip
def test_errors(call, kind):
    with pytest.raises(kind):
        call(rt.arange(8.0).reshape(2, 4))
