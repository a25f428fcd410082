"""Random numbers whose distribution differs from element to element: gamma, Poisson, binomial.  Each is drawn by
rejection for all elements at once, those refused are tried again.  All arithmetic is in float64."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

from . import _C
from ._modes import no_grad
from .autograd.function import Function

_ops: dict[str, Any] = _C.ops
_floor, _where, _sqrt = (_ops[name] for name in ("floor", "where", "sqrt"))


def _portable(name: str) -> Any:
    """A function of the same bits on every processor, without gradients."""
    return partial(_C._portable, name)


_log, _lgamma, _exp, _log1p = map(_portable, ("log", "lgamma", "exp", "log1p"))
_MOST_TRIES = 1000


def _uniform(like: Any, generator: Any) -> Any:
    """Numbers in (0, 1)."""
    return _C.rand(tuple(like.shape), dtype="float64", generator=generator) + 2.0**-54


def _rejected(parameters: tuple[Any, ...], propose: Callable[..., tuple[Any, Any]]) -> Any:
    """For each element (of 1-d parameters) the first number that propose(*parameters) -> (numbers, taken?) takes."""
    result = _C.zeros(parameters[0].shape[0], dtype="float64")
    left = _C.arange(result.shape[0])
    for _ in range(_MOST_TRIES):
        if not left.shape[0]:
            return result
        value, taken = propose(*parameters)
        index = _ops["masked_select"](left, taken)
        result[index] = _ops["masked_select"](value, taken)
        kept = _ops["logical_not"](taken)
        left = _ops["masked_select"](left, kept)
        parameters = tuple(_ops["masked_select"](p, kept) for p in parameters)
    raise RuntimeError("a rejection method found nothing to take; are the parameters numbers?")


def _drawn(name: str, parameters: tuple[Any, ...], valid: Any, draw: Callable[..., Any]) -> Any:
    """draw(*flat parameters) in their shape; ValueError unless `valid` holds everywhere."""
    if not bool(valid.all()):
        raise RuntimeError(f"{name}: a parameter is out of range or not a number")
    flat = tuple(p.detach().to("float64").reshape(-1) for p in parameters)
    return draw(*flat).reshape(parameters[0].shape)


# ---- gamma ----


def _gamma_flat(alpha: Any, generator: Any) -> Any:
    """Marsaglia and Tsang (2000); below 1 a number for alpha + 1 is multiplied by u^(1/alpha)."""
    low = alpha < 1
    raised = _where(low, alpha + 1, alpha)

    def propose(a: Any) -> tuple[Any, Any]:
        d = a - 1 / 3
        x = _C.randn(tuple(a.shape), dtype="float64", generator=generator)
        root = 1 + x / _sqrt(9 * d)
        v = root * root * root
        u = _uniform(a, generator)
        taken = (v > 0) & (_log(u) < 0.5 * x * x + d * (1 - v + _log(_ops["clamp_min"](v, 1e-300))))
        return d * v, taken

    value = _rejected((raised,), propose)
    shrink = _log(_uniform(alpha, generator)) / alpha
    return _where(low, value * _exp(shrink), value)


class _StandardGamma(Function):
    """Differentiated implicitly (Figurnov et al. 2018): dz/da = -(dP/da) / p, where P is the distribution function,
    its derivative by a taken as a central difference of the smaller tail in float64."""

    @staticmethod
    def forward(ctx: Any, alpha: Any, generator: Any) -> Any:
        drawn = _drawn("standard_gamma", (alpha,), alpha > 0, lambda a: _gamma_flat(a, generator))
        tiny = 1.2e-38 if str(alpha.dtype) != "float64" else 2.3e-308
        z = _ops["clamp_min"](drawn, tiny).to(alpha.dtype)
        ctx.save_for_backward(alpha, z)
        return z

    @staticmethod
    def backward(ctx: Any, grad: Any) -> Any:
        alpha, z = (t.to("float64") for t in ctx.saved_tensors)
        step = 1e-5 * alpha
        lower = _ops["igamma"](alpha + step, z) - _ops["igamma"](alpha - step, z)
        upper = _ops["igammac"](alpha - step, z) - _ops["igammac"](alpha + step, z)
        slope = _where(z < alpha, lower, upper) / (2 * step)
        density = _ops["exp"]((alpha - 1) * _ops["log"](z) - z - _ops["lgamma"](alpha))
        return grad * (-slope / density).to(grad.dtype), None


def standard_gamma(alpha: Any, generator: Any = None) -> Any:
    """Numbers of density x^(alpha - 1) exp(-x) / gamma(alpha), of alpha's shape; differentiable by alpha."""
    return _StandardGamma.apply(alpha, generator)


# ---- counts ----


def _poisson_flat(rate: Any, generator: Any) -> Any:
    """Sequential search below a rate of 10, above it Hoermann's transformed rejection (PTRS, 1993)."""
    small = rate < 10
    result = _C.zeros(rate.shape[0], dtype="float64")
    few = _ops["masked_select"](rate, small)
    u, p = _uniform(few, generator), _exp(-few)
    total, count = p, _C.zeros_like(few)
    for k in range(1, 100):
        beyond = u > total
        if not bool(beyond.any()):
            break
        count = count + beyond.to("float64")
        p = p * few / k
        total = total + p
    result[small] = count

    def propose(rate: Any) -> tuple[Any, Any]:
        b = 0.931 + 2.53 * _sqrt(rate)
        a = -0.059 + 0.02483 * b
        u, v = _uniform(rate, generator) - 0.5, _uniform(rate, generator)
        us = 0.5 - _ops["abs"](u)
        k = _floor((2 * a / us + b) * u + rate + 0.43)
        inside = _log(v * (1.1239 + 1.1328 / (b - 3.4)) / (a / (us * us) + b))
        good = inside <= -rate + k * _log(rate) - _lgamma(_ops["clamp_min"](k, 0) + 1)
        taken = ((us >= 0.07) & (v <= 0.9277 - 3.6224 / (b - 2))) | ((k >= 0) & ((us >= 0.013) | (v <= us)) & good)
        return k, taken

    many = _ops["logical_not"](small)
    result[many] = _rejected((_ops["masked_select"](rate, many),), propose)
    return result


def poisson(input: Any, generator: Any = None) -> Any:
    """Counts drawn from Poisson distributions of the rates in input, of its shape and dtype.

    RuntimeError for negative rates and NaN; TypeError (DtypeError) for dtypes that are not floating."""
    if not input.is_floating_point():
        raise _C.DtypeError(f"poisson: rates must be floating, not {input.dtype}")
    with no_grad():
        draw = _drawn("poisson", (input,), (input >= 0) & (input < 2**53), lambda r: _poisson_flat(r, generator))
    return draw.to(input.dtype)


def _binomial_flat(count: Any, prob: Any, generator: Any) -> Any:
    """Sequential search below a mean of 10, above it Hoermann's transformed rejection (BTRS, 1993)."""
    turned = prob > 0.5
    p = _where(turned, 1 - prob, prob)
    small = count * p < 10
    result = _C.zeros(count.shape[0], dtype="float64")
    n, q = _ops["masked_select"](count, small), _ops["masked_select"](p, small)
    odds, u = q / (1 - q), _uniform(n, generator)
    mass = _exp(n * _log1p(-q))
    total, found = mass, _C.zeros_like(n)
    for k in range(1, 120):
        beyond = (u > total) & (found < n)
        if not bool(beyond.any()):
            break
        found = found + beyond.to("float64")
        mass = mass * _ops["clamp_min"](n - k + 1, 0) / k * odds
        total = total + mass
    result[small] = found

    def propose(n: Any, p: Any) -> tuple[Any, Any]:
        spread = _sqrt(n * p * (1 - p))
        b = 1.15 + 2.53 * spread
        a = -0.0873 + 0.0248 * b + 0.01 * p
        u, v = _uniform(n, generator) - 0.5, _uniform(n, generator)
        us = 0.5 - _ops["abs"](u)
        k = _floor((2 * a / us + b) * u + n * p + 0.5)
        within = (k >= 0) & (k <= n)
        k = _ops["minimum"](_ops["clamp_min"](k, 0), n)
        m = _floor((n + 1) * p)
        inside = _log(v * (2.83 + 5.1 / b) * spread / (a / (us * us) + b))
        likely = _lgamma(m + 1) + _lgamma(n - m + 1) - _lgamma(k + 1) - _lgamma(n - k + 1) + (k - m) * _log(p / (1 - p))
        return k, within & (((us >= 0.07) & (v <= 0.92 - 4.2 / b)) | (inside <= likely))

    many = _ops["logical_not"](small)
    result[many] = _rejected((_ops["masked_select"](count, many), _ops["masked_select"](p, many)), propose)
    return _where(turned, count - result, result)


def binomial(count: Any, prob: Any, generator: Any = None) -> Any:
    """How many of `count` trials of probability `prob` succeed, drawn for each element of both, broadcast.

    RuntimeError for negative counts and probabilities outside [0, 1]; TypeError (DtypeError) for other dtypes."""
    if not count.is_floating_point() or count.dtype != prob.dtype:
        raise _C.DtypeError(f"binomial: count and prob must be floating and alike, not {count.dtype} and {prob.dtype}")
    from ._shapes import broadcast_tensors

    count, prob = broadcast_tensors(count, prob)
    with no_grad():
        valid = (count >= 0) & (count < 2**53) & (prob >= 0) & (prob <= 1)
        draw = _drawn("binomial", (_floor(count), prob), valid, lambda n, p: _binomial_flat(n, p, generator))
    return draw.to(count.dtype)


def log_binomial(n: Any, k: Any) -> Any:
    """log of the number of ways to choose k of n."""
    lgamma = _ops["lgamma"]
    return lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1)


LOG_SQRT_2PI = 0.5 * math.log(2 * math.pi)
