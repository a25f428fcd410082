"""Kullback-Leibler divergences of pairs of distributions, in closed form where there is one."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from .. import _C
from . import continuous as co, discrete as di, normal as no
from .composed import Independent, TransformedDistribution, sum_rightmost
from .distribution import Distribution

_ops: dict[str, Any] = _C.ops
_log, _exp, _lgamma, _digamma, _where = (_ops[n] for n in ("log", "exp", "lgamma", "digamma", "where"))
_EULER = 0.57721566490153286

__all__ = ["kl_divergence", "register_kl"]

_RULES: dict[tuple[type, type], Callable[[Any, Any], Any]] = {}


def register_kl(type_p: type, type_q: type) -> Callable[[Callable[[Any, Any], Any]], Callable[[Any, Any], Any]]:
    """A decorator: the function computes KL(p || q) for these two classes and, lacking better, their subclasses."""
    for kind in (type_p, type_q):
        if not isinstance(kind, type) or not issubclass(kind, Distribution):
            raise TypeError(f"register_kl: needs two subclasses of Distribution, not {kind!r}")

    def decorator(fn: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
        _RULES[type_p, type_q] = fn
        return fn

    return decorator


def kl_divergence(p: Any, q: Any) -> Any:
    """KL(p || q), the mean of log p(x) - log q(x) under p, for each element of their batch shape.

    NotImplementedError for pairs without a closed form here.

    >>> import rustorch as rt
    >>> from rustorch.distributions import Normal, kl_divergence
    >>> kl_divergence(Normal(0.0, 1.0), Normal(1.0, 1.0))
    tensor(0.5)
    """
    best = None
    for rank_p, kind_p in enumerate(type(p).__mro__):
        for rank_q, kind_q in enumerate(type(q).__mro__):
            if (kind_p, kind_q) in _RULES and (best is None or (rank_p, rank_q) < best[0]):
                best = (rank_p, rank_q), _RULES[kind_p, kind_q]
    if best is None:
        names = f"p type {type(p).__name__} and q type {type(q).__name__}"
        raise NotImplementedError(f"No KL(p || q) is implemented for {names}")
    return best[1](p, q)


@register_kl(no.Normal, no.Normal)
def _normal(p: Any, q: Any) -> Any:
    ratio = (p.scale / q.scale).square()
    return 0.5 * (ratio + ((p.loc - q.loc) / q.scale).square() - 1 - _log(ratio))


@register_kl(no.HalfNormal, no.HalfNormal)
def _half_normal(p: Any, q: Any) -> Any:
    ratio = (p.scale / q.scale).square()
    return 0.5 * (ratio - 1 - _log(ratio))


def _vectors(p: Any, q: Any) -> Any:
    from ..linalg import solve_triangular

    if tuple(p.event_shape) != tuple(q.event_shape):
        raise ValueError(f"KL: event shapes {tuple(p.event_shape)} and {tuple(q.event_shape)} differ")
    ratio = solve_triangular(q.scale_tril, p.scale_tril, upper=False).square().flatten(-2).sum(-1)
    away = solve_triangular(q.scale_tril, (q.loc - p.loc).unsqueeze(-1), upper=False).squeeze(-1).square().sum(-1)
    logs = no._half_log_det(q.scale_tril) - no._half_log_det(p.scale_tril)
    return logs + 0.5 * (ratio + away - p.event_shape[0])


for _one in (no.MultivariateNormal, no.LowRankMultivariateNormal):
    for _other in (no.MultivariateNormal, no.LowRankMultivariateNormal):
        register_kl(_one, _other)(_vectors)


@register_kl(di.Bernoulli, di.Bernoulli)
def _bernoulli(p: Any, q: Any) -> Any:
    yes = p.probs * (di._softplus(-q.logits) - di._softplus(-p.logits))
    no_ = (1 - p.probs) * (di._softplus(q.logits) - di._softplus(p.logits))
    yes = _where((q.probs == 0) & (p.probs > 0), math.inf, _where(p.probs == 0, 0.0, yes))
    return yes + _where((q.probs == 1) & (p.probs < 1), math.inf, _where(p.probs == 1, 0.0, no_))


@register_kl(di.Categorical, di.Categorical)
def _categorical(p: Any, q: Any) -> Any:
    terms = p.probs * (p.logits - q.logits)
    terms = _where((q.probs == 0) & (p.probs > 0), math.inf, _where(p.probs == 0, 0.0, terms))
    return terms.sum(-1)


@register_kl(di.OneHotCategorical, di.OneHotCategorical)
def _one_hot(p: Any, q: Any) -> Any:
    return _categorical(p._categorical, q._categorical)


@register_kl(di.Binomial, di.Binomial)
def _binomial(p: Any, q: Any) -> Any:
    if bool((p.total_count > q.total_count).any()):
        return _C.full(tuple(p.batch_shape), math.inf)
    if not bool((p.total_count == q.total_count).all()):
        raise NotImplementedError("KL between Binomials where q.total_count > p.total_count is not implemented")
    return p.total_count * (p.probs * (p.logits - q.logits) + di._softplus(q.logits) - di._softplus(p.logits))


@register_kl(di.Geometric, di.Geometric)
def _geometric(p: Any, q: Any) -> Any:
    return -p.entropy() - _ops["log1p"](-q.probs) / p.probs - q.logits


@register_kl(di.Poisson, di.Poisson)
def _poisson(p: Any, q: Any) -> Any:
    return p.rate * (_log(p.rate) - _log(q.rate)) - (p.rate - q.rate)


@register_kl(co.Exponential, co.Exponential)
def _exponential(p: Any, q: Any) -> Any:
    ratio = q.rate / p.rate
    return -_log(ratio) + ratio - 1


@register_kl(co.Gamma, co.Gamma)
def _gamma(p: Any, q: Any) -> Any:
    constant = q.concentration * _log(p.rate / q.rate) + _lgamma(q.concentration) - _lgamma(p.concentration)
    return (
        constant + (p.concentration - q.concentration) * _digamma(p.concentration)
        + (q.rate - p.rate) * (p.concentration / p.rate)
    )  # fmt: skip


@register_kl(co.Beta, co.Beta)
def _beta(p: Any, q: Any) -> Any:
    return _dirichlet(p._vector(), q._vector())


@register_kl(co.Dirichlet, co.Dirichlet)
def _dirichlet(p: Any, q: Any) -> Any:
    a, b = p.concentration, q.concentration
    a0, b0 = a.sum(-1), b.sum(-1)
    constant = _lgamma(a0) - _lgamma(b0) - (_lgamma(a) - _lgamma(b)).sum(-1)
    return constant + ((a - b) * (_digamma(a) - _digamma(a0).unsqueeze(-1))).sum(-1)


@register_kl(co.Laplace, co.Laplace)
def _laplace(p: Any, q: Any) -> Any:
    ratio, away = p.scale / q.scale, _ops["abs"](p.loc - q.loc)
    return -_log(ratio) + away / q.scale + ratio * _exp(-away / p.scale) - 1


@register_kl(co.Cauchy, co.Cauchy)
def _cauchy(p: Any, q: Any) -> Any:
    inside = (p.scale + q.scale).square() + (p.loc - q.loc).square()
    return _log(inside) - _log(4 * p.scale * q.scale)


@register_kl(co.Gumbel, co.Gumbel)
def _gumbel(p: Any, q: Any) -> Any:
    ratio, p_at, q_at = p.scale / q.scale, p.loc / q.scale, q.loc / q.scale
    return -_log(ratio) - q_at + p_at + ratio * _EULER + _exp(q_at + _lgamma(1 + ratio) - p_at) - (1 + _EULER)


@register_kl(co.Pareto, co.Pareto)
def _pareto(p: Any, q: Any) -> Any:
    ratio, alphas = p.scale / q.scale, q.alpha / p.alpha
    return _where(p.scale < q.scale, math.inf, q.alpha * _log(ratio) - _log(alphas) + alphas - 1)


@register_kl(co.Uniform, co.Uniform)
def _uniform(p: Any, q: Any) -> Any:
    result = _log((q.high - q.low) / (p.high - p.low))
    return _where((q.low > p.low) | (q.high < p.high), math.inf, result)


@register_kl(co.Uniform, no.Normal)
def _uniform_normal(p: Any, q: Any) -> Any:
    width, middle = p.high - p.low, (p.high + p.low) / 2
    spread = (width.square() / 12 + (middle - q.loc).square()) / (2 * q.scale.square())
    return _log(math.sqrt(2 * math.pi) * q.scale / width) + spread


@register_kl(no.Normal, co.Laplace)
def _normal_laplace(p: Any, q: Any) -> Any:
    away, ratio = p.loc - q.loc, p.scale / q.scale
    unit = away / p.scale
    mean = math.sqrt(2 / math.pi) * p.scale * _exp(-0.5 * unit.square()) + away * _ops["erf"](math.sqrt(0.5) * unit)
    return -_log(ratio) + mean / q.scale - (0.5 + 0.5 * math.log(0.5 * math.pi))


@register_kl(co.Laplace, no.Normal)
def _laplace_normal(p: Any, q: Any) -> Any:
    ratio = (p.scale / q.scale).square()
    return (
        0.5 * math.log(2 * math.pi) - _log(p.scale / q.scale) + ratio + 0.5 * ((p.loc - q.loc) / q.scale).square()
        - 1 - math.log(2)
    )  # fmt: skip


@register_kl(co.Exponential, co.Gamma)
def _exponential_gamma(p: Any, q: Any) -> Any:
    ratio = q.rate / p.rate
    return -q.concentration * _log(ratio) + ratio + _lgamma(q.concentration) + q.concentration * _EULER - (1 + _EULER)


@register_kl(co.Gamma, co.Exponential)
def _gamma_exponential(p: Any, q: Any) -> Any:
    return -p.entropy() - _log(q.rate) + q.rate * p.concentration / p.rate


@register_kl(Independent, Independent)
def _independent(p: Any, q: Any) -> Any:
    if p.reinterpreted_batch_ndims != q.reinterpreted_batch_ndims:
        raise NotImplementedError("KL between Independents of different reinterpreted_batch_ndims is not implemented")
    return sum_rightmost(kl_divergence(p.base_dist, q.base_dist), p.reinterpreted_batch_ndims)


@register_kl(TransformedDistribution, TransformedDistribution)
def _transformed(p: Any, q: Any) -> Any:
    if p.transforms != q.transforms or tuple(p.event_shape) != tuple(q.event_shape):
        raise NotImplementedError("KL between distributions under different transforms is not implemented")
    return kl_divergence(p.base_dist, q.base_dist)
