"""Distributions, with PyTorch as the judge: densities, moments, entropies, divergences, transforms, samples."""
import re

import numpy as np
import pytest
import torch
import torch.distributions as theirs

import rustorch as rt
import rustorch.distributions as ours

RNG = np.random.default_rng(3)


def real(*shape):
    return RNG.standard_normal(shape)


def positive(*shape):
    return RNG.uniform(0.3, 3.0, shape)


def unit(*shape):
    return RNG.uniform(0.1, 0.9, shape)


def simplex(*shape):
    p = RNG.uniform(0.1, 1.0, shape)
    return p / p.sum(-1, keepdims=True)


def factor(*shape):
    return np.tril(RNG.standard_normal(shape), -1) + np.eye(shape[-1]) * RNG.uniform(0.5, 1.5, shape)


LOWER = factor(2, 3, 3)
# name, keyword arguments: arrays become float64 tensors
CASES = [
    ("Normal", {"loc": real(2, 3), "scale": positive(3)}),
    ("HalfNormal", {"scale": positive(3)}),
    ("LogNormal", {"loc": real(3), "scale": positive(3)}),
    ("MultivariateNormal", {"loc": real(3), "scale_tril": LOWER}),
    ("MultivariateNormal", {"loc": real(2, 3), "covariance_matrix": LOWER @ LOWER.swapaxes(-1, -2)}),
    ("MultivariateNormal", {"loc": real(2, 3), "precision_matrix": LOWER[0] @ LOWER[0].T}),
    ("LowRankMultivariateNormal", {"loc": real(2, 3), "cov_factor": real(3, 1), "cov_diag": positive(3)}),
    ("Uniform", {"low": real(3), "high": real(3) + 6}),
    ("Laplace", {"loc": real(3), "scale": positive(2, 1)}),
    ("Cauchy", {"loc": real(3), "scale": positive(3)}),
    ("HalfCauchy", {"scale": positive(3)}),
    ("Gumbel", {"loc": real(3), "scale": positive(3)}),
    ("StudentT", {"df": positive(3) + 2, "loc": real(3), "scale": positive(3)}),
    ("Exponential", {"rate": positive(2, 3)}),
    ("Gamma", {"concentration": positive(3), "rate": positive(3)}),
    ("Chi2", {"df": positive(3)}),
    ("InverseGamma", {"concentration": positive(3) + 3, "rate": positive(3)}),
    ("FisherSnedecor", {"df1": positive(3) + 3, "df2": positive(3) + 9}),
    ("Weibull", {"scale": positive(3), "concentration": positive(3) + 1}),
    ("Pareto", {"scale": positive(3), "alpha": positive(3) + 3}),
    ("Kumaraswamy", {"concentration1": positive(3), "concentration0": positive(3)}),
    ("Dirichlet", {"concentration": positive(2, 4)}),
    ("Beta", {"concentration1": positive(3), "concentration0": positive(3)}),
    ("Bernoulli", {"probs": unit(3)}),
    ("Bernoulli", {"logits": real(3)}),
    ("Geometric", {"probs": unit(3)}),
    ("Geometric", {"logits": real(3)}),
    ("Binomial", {"total_count": 7, "probs": unit(3)}),
    ("Binomial", {"total_count": 60, "logits": real(3)}),
    ("NegativeBinomial", {"total_count": 4.0, "probs": unit(3)}),
    ("Poisson", {"rate": positive(3) * 5}),
    ("Poisson", {"rate": positive(3) * 40}),
    ("Categorical", {"probs": positive(2, 4)}),
    ("Categorical", {"logits": real(2, 4)}),
    ("OneHotCategorical", {"logits": real(2, 4)}),
    ("OneHotCategoricalStraightThrough", {"probs": simplex(2, 4)}),
    ("Multinomial", {"total_count": 6, "probs": simplex(2, 3)}),
    ("RelaxedBernoulli", {"temperature": 0.7, "logits": real(3)}),
    ("RelaxedOneHotCategorical", {"temperature": 0.7, "logits": real(2, 3)}),
    ("LogisticNormal", {"loc": real(2, 3), "scale": positive(3)}),
]
IDS = [f"{name}-{'-'.join(kw)}" for name, kw in CASES]


def make(module, library, name, kw):
    values = {k: library.from_numpy(v.copy()) if isinstance(v, np.ndarray) else v for k, v in kw.items()}
    if name.startswith("Relaxed"):
        values["temperature"] = library.tensor(values["temperature"], dtype=library.float64)
    return getattr(module, name)(**values)


def close(a, b, tolerance=1e-7):
    a, b = (np.asarray(x.detach().numpy() if hasattr(x, "detach") else x, dtype=float) for x in (a, b))
    assert a.shape == b.shape
    np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("name,kw", CASES, ids=IDS)
def test_as_pytorch(name, kw):
    torch.manual_seed(1)
    p, q = make(ours, rt, name, kw), make(theirs, torch, name, kw)
    assert tuple(p.batch_shape) == tuple(q.batch_shape) and tuple(p.event_shape) == tuple(q.event_shape)
    assert p.has_rsample == q.has_rsample and p.has_enumerate_support == q.has_enumerate_support
    if repr(q) != f"{name}()":       # PyTorch leaves out parameters that are properties
        assert repr(p) == re.sub(r"torch\.Size\(\[(.*?)\]\)", r"(\1)", repr(q)).replace("(3)", "(3,)")
    value = q.sample((4,))
    at = rt.from_numpy(value.numpy().copy())
    close(p.log_prob(at), q.log_prob(value))
    for attribute in ("mean", "variance", "stddev", "mode"):
        if (name, attribute) == ("Kumaraswamy", "mode"):     # PyTorch's is NaN where there is one
            a, b = p.concentration1.numpy(), p.concentration0.numpy()
            known = p.mode.isfinite()
            assert (known.numpy() == ((a >= 1) & (b >= 1))).all()
            at_mode, beside = (p.log_prob(p.mode.nan_to_num(0.5) * f) for f in (1, 0.99))
            assert bool((at_mode > beside)[known].all())
            continue
        try:
            expected = getattr(q, attribute)
        except NotImplementedError:
            continue
        close(getattr(p, attribute), expected)
    for method, argument in (("cdf", value), ("icdf", torch.full((3,), 0.3, dtype=torch.float64)), ("entropy", None),
                             ("perplexity", None)):
        try:
            expected = getattr(q, method)(*([] if argument is None else [argument]))
        except NotImplementedError:
            continue
        close(getattr(p, method)(*([] if argument is None else [rt.from_numpy(argument.numpy().copy())])), expected)
    if q.has_enumerate_support:
        for expand in (True, False):
            close(p.enumerate_support(expand), q.enumerate_support(expand))
    wider = p.expand((5, *p.batch_shape))
    assert tuple(wider.batch_shape) == (5, *q.batch_shape) and tuple(wider.sample().shape) == (5, *value.shape[1:])
    close(wider.log_prob(at[0]), q.expand((5, *q.batch_shape)).log_prob(value[0]))


@pytest.mark.parametrize("name,kw", CASES, ids=IDS)
def test_samples_have_the_moments(name, kw):
    rt.manual_seed(7)
    p = make(ours, rt, name, kw)
    draws = p.sample((20000,))
    assert tuple(draws.shape) == (20000, *p.batch_shape, *p.event_shape) and not draws.requires_grad
    log = p.log_prob(draws)
    assert bool(rt.isfinite(log).all())
    if name.startswith("Relaxed") or name in ("Cauchy", "HalfCauchy", "Categorical", "LogisticNormal"):
        return
    x, mean, spread = draws.double().numpy(), p.mean.numpy(), p.stddev.numpy()
    assert (np.abs(x.mean(0) - mean) < 6 * spread / np.sqrt(20000) + 1e-12).all()
    if name not in ("StudentT", "FisherSnedecor", "InverseGamma", "Pareto", "LogNormal"):   # the others' fourth moments
        np.testing.assert_allclose(x.std(0), spread, rtol=0.06)


@pytest.mark.parametrize("name,kw", [c for c in CASES if getattr(theirs, c[0]).has_rsample is True],
                         ids=[i for c, i in zip(CASES, IDS) if getattr(theirs, c[0]).has_rsample is True])
def test_gradients_flow_through_samples(name, kw):
    rt.manual_seed(5)
    grads = {k: rt.from_numpy(v.copy()).requires_grad_() for k, v in kw.items() if isinstance(v, np.ndarray)}
    p = getattr(ours, name)(**{**kw, **grads})
    p.rsample((3,)).sin().sum().backward()
    for g in grads.values():
        assert g.grad is not None and bool(rt.isfinite(g.grad).all())


def test_gradient_of_a_gamma_variable():
    alpha = torch.tensor([0.2, 0.7, 1.0, 2.5, 30.0, 400.0], dtype=torch.float64).expand(40, 6)
    rt.manual_seed(2)
    a = rt.from_numpy(alpha.numpy().copy()).requires_grad_()
    z = ours.Gamma(a, 1.0).rsample()
    z.sum().backward()
    expected = torch._standard_gamma_grad(alpha, torch.from_numpy(z.detach().numpy().copy()))
    np.testing.assert_allclose(a.grad.numpy(), expected.numpy(), rtol=2e-3)   # PyTorch's own is an approximation


PAIRS = [("Normal", "Normal"), ("HalfNormal", "HalfNormal"), ("MultivariateNormal", "MultivariateNormal"),
         ("LowRankMultivariateNormal", "LowRankMultivariateNormal"),
         ("MultivariateNormal", "LowRankMultivariateNormal"),
         ("Bernoulli", "Bernoulli"), ("Categorical", "Categorical"), ("OneHotCategorical", "OneHotCategorical"),
         ("Geometric", "Geometric"), ("Poisson", "Poisson"), ("Exponential", "Exponential"), ("Gamma", "Gamma"),
         ("Beta", "Beta"), ("Dirichlet", "Dirichlet"), ("Laplace", "Laplace"), ("Cauchy", "Cauchy"),
         ("Gumbel", "Gumbel"), ("Pareto", "Pareto"), ("Uniform", "Uniform"), ("Uniform", "Normal"),
         ("Normal", "Laplace"), ("Laplace", "Normal"), ("Exponential", "Gamma"), ("Gamma", "Exponential"),
         ("Chi2", "Gamma"), ("LogNormal", "LogNormal")]


@pytest.mark.parametrize("one,other", PAIRS)
def test_divergences(one, other):
    first = next(kw for n, kw in CASES if n == one)
    second = next(kw for n, kw in reversed(CASES) if n == other)
    moved = {k: v * 1.1 if isinstance(v, np.ndarray) else v for k, v in second.items()}
    if "precision_matrix" in moved or "probs" in moved:
        moved = second
    expected = theirs.kl_divergence(make(theirs, torch, one, first), make(theirs, torch, other, moved))
    close(ours.kl_divergence(make(ours, rt, one, first), make(ours, rt, other, moved)), expected)


def test_divergence_that_is_not_known():
    class Mine(ours.Distribution):
        pass

    with pytest.raises(NotImplementedError, match=r"Normal.*Beta"):
        ours.kl_divergence(ours.Normal(0.0, 1.0), ours.Beta(1.0, 1.0))

    @ours.register_kl(Mine, ours.Normal)
    def rule(p, q):
        return q.loc

    assert ours.kl_divergence(Mine(), ours.Normal(3.0, 1.0)).item() == 3
    with pytest.raises(TypeError):
        ours.register_kl(int, ours.Normal)


TRANSFORMS = [
    ("ExpTransform", (), real(4)), ("SigmoidTransform", (), real(4)), ("TanhTransform", (), real(4)),
    ("SoftplusTransform", (), real(4)), ("AffineTransform", (1.5, -2.0), real(4)),
    ("AffineTransform", (0.5, 3.0, 1), real(2, 4)), ("StickBreakingTransform", (), real(2, 4)),
    ("ReshapeTransform", ((4,), (2, 2)), real(3, 4)),
]


@pytest.mark.parametrize("name,args,x", TRANSFORMS)
def test_transforms(name, args, x):
    f, g = getattr(ours, name)(*args), getattr(theirs, name)(*args)
    y, z = f(rt.from_numpy(x)), g(torch.from_numpy(x))
    close(y, z)
    close(f.inv(y), x)
    close(f.log_abs_det_jacobian(rt.from_numpy(x), y), g.log_abs_det_jacobian(torch.from_numpy(x), z))
    close(f.inv.log_abs_det_jacobian(y, rt.from_numpy(x)), -f.log_abs_det_jacobian(rt.from_numpy(x), y))
    assert f.bijective == g.bijective and f.domain.event_dim == g.domain.event_dim
    assert f.inv.inv is f and tuple(f.forward_shape(x.shape)) == tuple(z.shape)


@pytest.mark.parametrize("constraint", ["real", "positive", "unit_interval", "simplex", "lower_cholesky"])
def test_transforms_to_constraints(constraint):
    x = real(2, 3, 3)
    pairs = [(m.transform_to(getattr(m.constraints, constraint)), lib) for m, lib in ((ours, rt), (theirs, torch))]
    close(*(f(lib.from_numpy(x)) for f, lib in pairs))
    assert bool(getattr(ours.constraints, constraint).check(pairs[0][0](rt.from_numpy(x))).all())


def composed(m, library):
    base = m.Normal(library.zeros(3, dtype=library.float64), library.tensor([1.0, 2.0, 0.5], dtype=library.float64))
    chain = [m.AffineTransform(0.5, 2.0), m.TanhTransform()]
    probs = library.tensor([[0.2, 0.8], [0.5, 0.5]], dtype=library.float64)
    parts = m.Normal(library.tensor([[0.0, 3.0], [1.0, -1.0]], dtype=library.float64), 1.0)
    return [m.TransformedDistribution(base, chain), m.Independent(m.TransformedDistribution(base, chain), 1),
            m.TransformedDistribution(m.Independent(base, 1), m.ComposeTransform([m.ExpTransform()])),
            m.TransformedDistribution(base, [m.ReshapeTransform((3,), (1, 3))]),
            m.MixtureSameFamily(m.Categorical(probs), parts),
            m.MixtureSameFamily(m.Categorical(probs[0]), m.Independent(m.Normal(probs, 1.0), 1))]


@pytest.mark.parametrize("k", range(6))
def test_composed(k):
    p, q = composed(ours, rt)[k], composed(theirs, torch)[k]
    assert tuple(p.batch_shape) == tuple(q.batch_shape) and tuple(p.event_shape) == tuple(q.event_shape)
    value = q.sample((5,))
    at = rt.from_numpy(value.numpy().copy())
    close(p.log_prob(at), q.log_prob(value), 1e-6)
    assert p.sample((5,)).shape == tuple(value.shape)
    if k in (0, 4):
        close(p.cdf(at), q.cdf(value))
    if k >= 4:
        close(p.mean, q.mean), close(p.variance, q.variance)


def test_squashed_policy():
    """The actor of soft actor-critic: a normal variable through tanh, with a cache."""
    rt.manual_seed(0)
    mean = rt.zeros(8, 2, requires_grad=True)
    d = ours.TransformedDistribution(ours.Normal(mean, 1.0), [ours.TanhTransform(cache_size=1)])
    action = d.rsample()
    d.log_prob(action).sum(-1).mean().backward()
    assert bool(((action > -1) & (action < 1)).all()) and bool(rt.isfinite(mean.grad).all())


@pytest.mark.parametrize("make_it", [
    lambda m, t: m.Normal(0.0, -1.0), lambda m, t: m.Normal(t.zeros(2), t.tensor([1.0, float("nan")])),
    lambda m, t: m.Bernoulli(1.5), lambda m, t: m.Bernoulli(), lambda m, t: m.Bernoulli(probs=0.5, logits=0.0),
    lambda m, t: m.Uniform(1.0, 1.0), lambda m, t: m.Categorical(t.tensor(1.0)), lambda m, t: m.Normal("a", 1.0),
    lambda m, t: m.Categorical(probs=t.tensor([-1.0, 2.0])), lambda m, t: m.Normal(0.0, 1.0).log_prob(3.0),
    lambda m, t: m.Categorical(t.ones(3)).log_prob(t.tensor(3)), lambda m, t: m.Gamma(0.0, 1.0),
    lambda m, t: m.Normal(t.zeros(3), 1.0).log_prob(t.zeros(4)), lambda m, t: m.Bernoulli(0.5).log_prob(t.tensor(0.5)),
    lambda m, t: m.MultivariateNormal(t.zeros(2)), lambda m, t: m.MultivariateNormal(t.zeros(2), -t.eye(2)),
    lambda m, t: m.Dirichlet(t.tensor(1.0)), lambda m, t: m.Independent(m.Normal(0.0, 1.0), 1),
    lambda m, t: m.TransformedDistribution(m.Normal(0.0, 1.0), "exp"), lambda m, t: m.ExpTransform(cache_size=3),
    lambda m, t: m.MixtureSameFamily(m.Categorical(t.ones(3)), m.Normal(t.zeros(2), 1.0)),
])
def test_bad_input(make_it, monkeypatch):
    monkeypatch.setattr(theirs.Distribution, "_validate_args", True)  # PyTorch's compiler switches it off for good
    for m, library in ((theirs, torch), (ours, rt)):
        with pytest.raises(ValueError):
            make_it(m, library)


def test_checks_can_be_switched_off():
    assert ours.Normal(0.0, -1.0, validate_args=False).scale.item() == -1
    before = ours.Distribution._validate_args
    try:
        ours.Distribution.set_default_validate_args(False)
        ours.Normal(0.0, -1.0)
    finally:
        ours.Distribution.set_default_validate_args(before)
    with pytest.raises(NotImplementedError):
        ours.Bernoulli(0.5).rsample()


def test_poisson_and_binomial():
    rt.manual_seed(1)
    for rate in (0.0, 0.5, 9.9, 10.1, 250.0, 1e7):
        x = rt.poisson(rt.full((20000,), rate, dtype=rt.float64)).numpy()
        assert (x == np.floor(x)).all() and abs(x.mean() - rate) <= 6 * np.sqrt(rate / 20000)
        assert rate == 0 or abs(x.var() / rate - 1) < 0.08
    for n, p in ((1, 0.3), (40, 0.1), (40, 0.9), (1000, 0.5), (10**6, 0.01), (5, 0.0), (5, 1.0)):
        x = rt.binomial(rt.full((20000,), float(n), dtype=rt.float64), rt.tensor(p, dtype=rt.float64)).numpy()
        spread = n * p * (1 - p)
        assert x.min() >= 0 and x.max() <= n and abs(x.mean() - n * p) <= 6 * np.sqrt(spread / 20000)
        assert spread == 0 or abs(x.var() / spread - 1) < 0.08
    for call in (lambda t: t.poisson(t.tensor([-1.0])), lambda t: t.poisson(t.tensor([1])),
                 lambda t: t.binomial(t.tensor([1.0]), t.tensor([2])),
                 lambda t: t.binomial(t.tensor([2.0]), t.tensor([1.5]))):
        with pytest.raises((RuntimeError, TypeError)):
            call(rt)
    assert rt.poisson(rt.ones(0)).shape == (0,)
