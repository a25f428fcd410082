"""Distributions of real numbers: bounded, located, heavy-tailed, and of positive numbers."""

from __future__ import annotations

import math
from typing import Any

from .. import _C
from .._variates import standard_gamma
from . import constraints
from .distribution import Distribution, ExponentialFamily, broadcast_all

_ops: dict[str, Any] = _C.ops
_log, _exp, _log1p, _lgamma, _digamma = (_ops[n] for n in ("log", "exp", "log1p", "lgamma", "digamma"))
_where, _sqrt, _abs = _ops["where"], _ops["sqrt"], _ops["abs"]
_EULER = 0.57721566490153286

__all__ = [
    "Beta", "Cauchy", "Chi2", "Dirichlet", "Exponential", "FisherSnedecor", "Gamma", "Gumbel", "HalfCauchy",
    "InverseGamma", "Kumaraswamy", "Laplace", "Pareto", "StudentT", "Uniform", "Weibull",
]  # fmt: skip


def _inner(shape: Any, dtype: Any) -> Any:
    """Uniform numbers in (0, 1), neither end included, with the resolution of dtype."""
    epsilon = {"float64": 2.0**-53, "float16": 2.0**-11, "bfloat16": 2.0**-8}.get(str(dtype), 2.0**-24)
    return _ops["clamp"](_C.rand(shape, dtype=dtype), epsilon, 1 - epsilon)


def _infinite_like(t: Any) -> Any:
    return _C.full_like(t.detach(), math.inf)


def _nan_like(t: Any) -> Any:
    return _C.full_like(t.detach(), math.nan)


class Uniform(Distribution):
    """Uniform between low (included) and high (not included)."""

    has_rsample = True
    arg_constraints = {"low": constraints.dependent, "high": constraints.dependent}

    def __init__(self, low: Any, high: Any, validate_args: bool | None = None) -> None:
        self.low, self.high = broadcast_all(low, high)
        super().__init__(self.low.shape, validate_args=validate_args)
        if self._validate_args and not bool((self.low < self.high).all()):
            raise ValueError("Uniform is not defined when low>= high")

    @property
    def support(self) -> Any:
        return constraints.interval(self.low, self.high)

    @property
    def mean(self) -> Any:
        return (self.high + self.low) / 2

    @property
    def mode(self) -> Any:
        return _nan_like(self.high)

    @property
    def stddev(self) -> Any:
        return (self.high - self.low) / math.sqrt(12)

    @property
    def variance(self) -> Any:
        return (self.high - self.low).square() / 12

    def rsample(self, sample_shape: Any = ()) -> Any:
        draws = _C.rand(self._extended_shape(sample_shape), dtype=self.low.dtype)
        return self.low + draws * (self.high - self.low)

    def log_prob(self, value: Any) -> Any:
        self._validate_sample(value)
        inside = (value >= self.low) & (value < self.high)
        return _where(inside, -_log(self.high - self.low), -math.inf)

    def cdf(self, value: Any) -> Any:
        self._validate_sample(value)
        return _ops["clamp"]((value - self.low) / (self.high - self.low), 0, 1)

    def icdf(self, value: Any) -> Any:
        return value * (self.high - self.low) + self.low

    def entropy(self) -> Any:
        return _log(self.high - self.low)


class _Located(Distribution):
    """Distributions of a location and a scale."""

    arg_constraints = {"loc": constraints.real, "scale": constraints.positive}
    support: Any = constraints.real
    has_rsample = True

    def __init__(self, loc: Any, scale: Any, validate_args: bool | None = None) -> None:
        self.loc, self.scale = broadcast_all(loc, scale)
        super().__init__(self.loc.shape, validate_args=validate_args)

    def rsample(self, sample_shape: Any = ()) -> Any:
        return self.icdf(_inner(self._extended_shape(sample_shape), self.loc.dtype))

    @property
    def mode(self) -> Any:
        return self.loc


class Laplace(_Located):
    """Density exp(-|x - loc| / scale) / (2 scale)."""

    @property
    def mean(self) -> Any:
        return self.loc

    @property
    def variance(self) -> Any:
        return 2 * self.scale.square()

    @property
    def stddev(self) -> Any:
        return math.sqrt(2) * self.scale

    def log_prob(self, value: Any) -> Any:
        self._validate_sample(value)
        return -_log(2 * self.scale) - _abs(value - self.loc) / self.scale

    def cdf(self, value: Any) -> Any:
        self._validate_sample(value)
        away = value - self.loc
        return 0.5 - 0.5 * _ops["sign"](away) * _ops["expm1"](-_abs(away) / self.scale)

    def icdf(self, value: Any) -> Any:
        term = value - 0.5
        return self.loc - self.scale * _ops["sign"](term) * _log1p(-2 * _abs(term))

    def entropy(self) -> Any:
        return 1 + _log(2 * self.scale)


class Cauchy(_Located):
    """Density 1 / (pi scale (1 + ((x - loc) / scale)^2)); it has no mean."""

    @property
    def mean(self) -> Any:
        return _nan_like(self.loc)

    @property
    def variance(self) -> Any:
        return _infinite_like(self.loc)

    def log_prob(self, value: Any) -> Any:
        self._validate_sample(value)
        return -math.log(math.pi) - _log(self.scale) - _log1p(((value - self.loc) / self.scale).square())

    def cdf(self, value: Any) -> Any:
        self._validate_sample(value)
        return _ops["atan"]((value - self.loc) / self.scale) / math.pi + 0.5

    def icdf(self, value: Any) -> Any:
        return _ops["tan"](math.pi * (value - 0.5)) * self.scale + self.loc

    def entropy(self) -> Any:
        return math.log(4 * math.pi) + _log(self.scale)


class HalfCauchy(Distribution):
    """The absolute value of a Cauchy variable about 0."""

    arg_constraints = {"scale": constraints.positive}
    support = constraints.nonnegative
    has_rsample = True

    def __init__(self, scale: Any, validate_args: bool | None = None) -> None:
        (self.scale,) = broadcast_all(scale)
        super().__init__(self.scale.shape, validate_args=validate_args)

    @property
    def mean(self) -> Any:
        return _infinite_like(self.scale)

    @property
    def mode(self) -> Any:
        return _C.zeros_like(self.scale)

    @property
    def variance(self) -> Any:
        return _infinite_like(self.scale)

    def rsample(self, sample_shape: Any = ()) -> Any:
        return self.icdf(_inner(self._extended_shape(sample_shape), self.scale.dtype))

    def log_prob(self, value: Any) -> Any:
        self._validate_sample(value)
        inside = math.log(2 / math.pi) - _log(self.scale) - _log1p((value / self.scale).square())
        return _where(value >= 0, inside, -math.inf)

    def cdf(self, value: Any) -> Any:
        self._validate_sample(value)
        return _ops["atan"](value / self.scale) * (2 / math.pi)

    def icdf(self, value: Any) -> Any:
        return _ops["tan"](value * (math.pi / 2)) * self.scale

    def entropy(self) -> Any:
        return math.log(2 * math.pi) + _log(self.scale)


class Gumbel(_Located):
    """The distribution of the largest of many: P(x) = exp(-exp(-(x - loc) / scale))."""

    @property
    def mean(self) -> Any:
        return self.loc + self.scale * _EULER

    @property
    def variance(self) -> Any:
        return (math.pi**2 / 6) * self.scale.square()

    @property
    def stddev(self) -> Any:
        return (math.pi / math.sqrt(6)) * self.scale

    def log_prob(self, value: Any) -> Any:
        self._validate_sample(value)
        y = (self.loc - value) / self.scale
        return y - _exp(y) - _log(self.scale)

    def cdf(self, value: Any) -> Any:
        self._validate_sample(value)
        return _exp(-_exp((self.loc - value) / self.scale))

    def icdf(self, value: Any) -> Any:
        return self.loc - self.scale * _log(-_log(value))

    def entropy(self) -> Any:
        return _log(self.scale) + (1 + _EULER)


class StudentT(Distribution):
    """Student's t of df degrees of freedom, moved by loc and stretched by scale."""

    arg_constraints = {"df": constraints.positive, "loc": constraints.real, "scale": constraints.positive}
    support = constraints.real
    has_rsample = True

    def __init__(self, df: Any, loc: Any = 0.0, scale: Any = 1.0, validate_args: bool | None = None) -> None:
        self.df, self.loc, self.scale = broadcast_all(df, loc, scale)
        super().__init__(self.df.shape, validate_args=validate_args)

    @property
    def mean(self) -> Any:
        return _where(self.df > 1, self.loc, math.nan)

    @property
    def mode(self) -> Any:
        return self.loc

    @property
    def variance(self) -> Any:
        known = self.scale.square() * self.df / (self.df - 2)
        return _where(self.df > 2, known, _where(self.df > 1, _infinite_like(self.df), _nan_like(self.df)))

    def rsample(self, sample_shape: Any = ()) -> Any:
        shape = self._extended_shape(sample_shape)
        chi2 = 2 * standard_gamma(_ops["expand"](self.df / 2, shape))
        return self.loc + self.scale * _C.randn(shape, dtype=self.df.dtype) * _ops["rsqrt"](chi2 / self.df)

    def log_prob(self, value: Any) -> Any:
        self._validate_sample(value)
        y = (value - self.loc) / self.scale
        constant = _log(self.scale) + 0.5 * _log(self.df) + 0.5 * math.log(math.pi)
        constant = constant + _lgamma(0.5 * self.df) - _lgamma(0.5 * (self.df + 1))
        return -0.5 * (self.df + 1) * _log1p(y.square() / self.df) - constant

    def entropy(self) -> Any:
        half = 0.5 * self.df
        beta = _lgamma(half) + math.lgamma(0.5) - _lgamma(half + 0.5)
        difference = _digamma(half + 0.5) - _digamma(half)
        return _log(self.scale) + (half + 0.5) * difference + 0.5 * _log(self.df) + beta


# ---- positive numbers ----


class Exponential(ExponentialFamily):
    """Density rate exp(-rate x), x >= 0."""

    arg_constraints = {"rate": constraints.positive}
    support = constraints.nonnegative
    has_rsample = True

    def __init__(self, rate: Any, validate_args: bool | None = None) -> None:
        (self.rate,) = broadcast_all(rate)
        super().__init__(self.rate.shape, validate_args=validate_args)

    @property
    def mean(self) -> Any:
        return 1 / self.rate

    @property
    def mode(self) -> Any:
        return _C.zeros_like(self.rate)

    @property
    def stddev(self) -> Any:
        return 1 / self.rate

    @property
    def variance(self) -> Any:
        return self.rate ** -2

    def rsample(self, sample_shape: Any = ()) -> Any:
        return -_log1p(-_C.rand(self._extended_shape(sample_shape), dtype=self.rate.dtype)) / self.rate

    def log_prob(self, value: Any) -> Any:
        self._validate_sample(value)
        return _log(self.rate) - self.rate * value

    def cdf(self, value: Any) -> Any:
        self._validate_sample(value)
        return -_ops["expm1"](-self.rate * value)

    def icdf(self, value: Any) -> Any:
        return -_log1p(-value) / self.rate

    def entropy(self) -> Any:
        return 1 - _log(self.rate)


class Gamma(ExponentialFamily):
    """Density proportional to x^(concentration - 1) exp(-rate x)."""

    arg_constraints: dict[str, Any] = {"concentration": constraints.positive, "rate": constraints.positive}
    support = constraints.nonnegative
    has_rsample = True

    def __init__(self, concentration: Any, rate: Any, validate_args: bool | None = None) -> None:
        self.concentration, self.rate = broadcast_all(concentration, rate)
        super().__init__(self.concentration.shape, validate_args=validate_args)

    @property
    def mean(self) -> Any:
        return self.concentration / self.rate

    @property
    def mode(self) -> Any:
        return _ops["clamp_min"]((self.concentration - 1) / self.rate, 0)

    @property
    def variance(self) -> Any:
        return self.concentration / self.rate.square()

    def rsample(self, sample_shape: Any = ()) -> Any:
        return standard_gamma(_ops["expand"](self.concentration, self._extended_shape(sample_shape))) / self.rate

    def log_prob(self, value: Any) -> Any:
        self._validate_sample(value)
        a = self.concentration
        return _ops["xlogy"](a, self.rate) + _ops["xlogy"](a - 1, value) - self.rate * value - _lgamma(a)

    def cdf(self, value: Any) -> Any:
        self._validate_sample(value)
        return _ops["igamma"](self.concentration, self.rate * value)

    def entropy(self) -> Any:
        a = self.concentration
        return a - _log(self.rate) + _lgamma(a) + (1 - a) * _digamma(a)


class Chi2(Gamma):
    """The sum of df squared standard normal variables."""

    arg_constraints = {"df": constraints.positive}

    def __init__(self, df: Any, validate_args: bool | None = None) -> None:
        (df,) = broadcast_all(df)
        super().__init__(0.5 * df, 0.5, validate_args=validate_args)

    @property
    def df(self) -> Any:
        """The degrees of freedom."""
        return self.concentration * 2


class InverseGamma(Distribution):
    """1 / x for x of Gamma(concentration, rate)."""

    arg_constraints = {"concentration": constraints.positive, "rate": constraints.positive}
    support = constraints.positive
    has_rsample = True

    def __init__(self, concentration: Any, rate: Any, validate_args: bool | None = None) -> None:
        self.concentration, self.rate = broadcast_all(concentration, rate)
        super().__init__(self.concentration.shape, validate_args=validate_args)

    @property
    def mean(self) -> Any:
        a = self.concentration
        return _where(a > 1, self.rate / (a - 1), math.inf)

    @property
    def mode(self) -> Any:
        return self.rate / (self.concentration + 1)

    @property
    def variance(self) -> Any:
        a = self.concentration
        return _where(a > 2, self.rate.square() / ((a - 1).square() * (a - 2)), math.inf)

    def rsample(self, sample_shape: Any = ()) -> Any:
        return self.rate / standard_gamma(_ops["expand"](self.concentration, self._extended_shape(sample_shape)))

    def log_prob(self, value: Any) -> Any:
        self._validate_sample(value)
        a = self.concentration
        return a * _log(self.rate) - (a + 1) * _log(value) - self.rate / value - _lgamma(a)

    def cdf(self, value: Any) -> Any:
        self._validate_sample(value)
        return _ops["igammac"](self.concentration, self.rate / value)

    def entropy(self) -> Any:
        a = self.concentration
        return a + _log(self.rate) + _lgamma(a) - (1 + a) * _digamma(a)


class FisherSnedecor(Distribution):
    """The ratio of two chi-squared variables, each divided by its degrees of freedom."""

    arg_constraints = {"df1": constraints.positive, "df2": constraints.positive}
    support = constraints.positive
    has_rsample = True

    def __init__(self, df1: Any, df2: Any, validate_args: bool | None = None) -> None:
        self.df1, self.df2 = broadcast_all(df1, df2)
        super().__init__(self.df1.shape, validate_args=validate_args)

    @property
    def mean(self) -> Any:
        return _where(self.df2 > 2, self.df2 / (self.df2 - 2), math.nan)

    @property
    def mode(self) -> Any:
        return _where(self.df1 > 2, (self.df1 - 2) / self.df1 * self.df2 / (self.df2 + 2), math.nan)

    @property
    def variance(self) -> Any:
        a, b = self.df1, self.df2
        return _where(b > 4, 2 * b.square() * (a + b - 2) / (a * (b - 2).square() * (b - 4)), math.nan)

    def rsample(self, sample_shape: Any = ()) -> Any:
        shape = self._extended_shape(sample_shape)
        one, two = (standard_gamma(_ops["expand"](df / 2, shape)) / df for df in (self.df1, self.df2))
        return one / two

    def log_prob(self, value: Any) -> Any:
        self._validate_sample(value)
        a, b = self.df1 / 2, self.df2 / 2
        ratio = self.df1 / self.df2
        constant = _lgamma(a + b) - _lgamma(a) - _lgamma(b)
        return constant + a * _log(ratio) + (a - 1) * _log(value) - (a + b) * _log1p(ratio * value)


class Weibull(Distribution):
    """P(x) = 1 - exp(-(x / scale)^concentration)."""

    arg_constraints = {"scale": constraints.positive, "concentration": constraints.positive}
    support = constraints.positive
    has_rsample = True

    def __init__(self, scale: Any, concentration: Any, validate_args: bool | None = None) -> None:
        self.scale, self.concentration = broadcast_all(scale, concentration)
        super().__init__(self.scale.shape, validate_args=validate_args)

    @property
    def mean(self) -> Any:
        return self.scale * _exp(_lgamma(1 + 1 / self.concentration))

    @property
    def mode(self) -> Any:
        k = self.concentration
        return self.scale * ((k - 1) / k) ** (1 / k)

    @property
    def variance(self) -> Any:
        inverse = 1 / self.concentration
        return self.scale.square() * (_exp(_lgamma(1 + 2 * inverse)) - _exp(2 * _lgamma(1 + inverse)))

    def rsample(self, sample_shape: Any = ()) -> Any:
        u = _inner(self._extended_shape(sample_shape), self.scale.dtype)
        return self.icdf(u)

    def log_prob(self, value: Any) -> Any:
        self._validate_sample(value)
        k, ratio = self.concentration, value / self.scale
        return _log(k / self.scale) + (k - 1) * _log(ratio) - ratio**k

    def cdf(self, value: Any) -> Any:
        self._validate_sample(value)
        return -_ops["expm1"](-((value / self.scale) ** self.concentration))

    def icdf(self, value: Any) -> Any:
        return self.scale * (-_log1p(-value)) ** (1 / self.concentration)

    def entropy(self) -> Any:
        inverse = 1 / self.concentration
        return _EULER * (1 - inverse) + _log(self.scale * inverse) + 1


class Pareto(Distribution):
    """Density alpha scale^alpha / x^(alpha + 1) from scale on."""

    arg_constraints = {"alpha": constraints.positive, "scale": constraints.positive}
    has_rsample = True

    def __init__(self, scale: Any, alpha: Any, validate_args: bool | None = None) -> None:
        self.scale, self.alpha = broadcast_all(scale, alpha)
        super().__init__(self.scale.shape, validate_args=validate_args)

    @property
    def support(self) -> Any:
        return constraints.greater_than_eq(self.scale)

    @property
    def mean(self) -> Any:
        return _where(self.alpha > 1, self.alpha * self.scale / (self.alpha - 1), math.inf)

    @property
    def mode(self) -> Any:
        return self.scale

    @property
    def variance(self) -> Any:
        a = self.alpha
        return _where(a > 2, self.scale.square() * a / ((a - 1).square() * (a - 2)), math.inf)

    def rsample(self, sample_shape: Any = ()) -> Any:
        return self.icdf(_inner(self._extended_shape(sample_shape), self.scale.dtype))

    def log_prob(self, value: Any) -> Any:
        self._validate_sample(value)
        return _log(self.alpha) + self.alpha * _log(self.scale) - (self.alpha + 1) * _log(value)

    def cdf(self, value: Any) -> Any:
        self._validate_sample(value)
        return 1 - (self.scale / value) ** self.alpha

    def icdf(self, value: Any) -> Any:
        return self.scale * _exp(-_log1p(-value) / self.alpha)

    def entropy(self) -> Any:
        return _log(self.scale / self.alpha) + 1 + 1 / self.alpha


# ---- between 0 and 1 ----


class Kumaraswamy(Distribution):
    """Density a b x^(a - 1) (1 - x^a)^(b - 1), a and b the two concentrations."""

    arg_constraints = {"concentration1": constraints.positive, "concentration0": constraints.positive}
    support = constraints.unit_interval
    has_rsample = True

    def __init__(self, concentration1: Any, concentration0: Any, validate_args: bool | None = None) -> None:
        self.concentration1, self.concentration0 = broadcast_all(concentration1, concentration0)
        super().__init__(self.concentration1.shape, validate_args=validate_args)

    def _moment(self, n: int) -> Any:
        a, b = self.concentration1, self.concentration0
        return b * _exp(_lgamma(1 + n / a) + _lgamma(b) - _lgamma(1 + n / a + b))

    @property
    def mean(self) -> Any:
        return self._moment(1)

    @property
    def variance(self) -> Any:
        return self._moment(2) - self._moment(1).square()

    @property
    def mode(self) -> Any:
        a, b = self.concentration1, self.concentration0
        return _where((a < 1) | (b < 1), math.nan, ((a - 1) / (a * b - 1)) ** (1 / a))

    def rsample(self, sample_shape: Any = ()) -> Any:
        return self.icdf(_inner(self._extended_shape(sample_shape), self.concentration1.dtype))

    def log_prob(self, value: Any) -> Any:
        self._validate_sample(value)
        a, b = self.concentration1, self.concentration0
        return _log(a * b) + (a - 1) * _log(value) + (b - 1) * _log1p(-(value**a))

    def cdf(self, value: Any) -> Any:
        self._validate_sample(value)
        return 1 - (1 - value**self.concentration1) ** self.concentration0

    def icdf(self, value: Any) -> Any:
        return (1 - (1 - value) ** (1 / self.concentration0)) ** (1 / self.concentration1)

    def entropy(self) -> Any:
        a, b = self.concentration1, self.concentration0
        return (1 - 1 / b) + (1 - 1 / a) * (_digamma(b + 1) + _EULER) - _log(a) - _log(b)


class Dirichlet(ExponentialFamily):
    """Vectors of numbers that add up to 1, density proportional to the product of x_i^(concentration_i - 1).

    concentration: (..., n)."""

    arg_constraints = {"concentration": constraints.independent(constraints.positive, 1)}
    support = constraints.simplex
    has_rsample = True

    def __init__(self, concentration: Any, validate_args: bool | None = None) -> None:
        if concentration.ndim < 1:
            raise ValueError("`concentration` parameter must be at least one-dimensional.")
        self.concentration = concentration
        super().__init__(concentration.shape[:-1], concentration.shape[-1:], validate_args=validate_args)

    @property
    def mean(self) -> Any:
        return self.concentration / self.concentration.sum(-1, True)

    @property
    def mode(self) -> Any:
        raised = _ops["clamp_min"](self.concentration - 1, 0)
        mode = raised / raised.sum(-1, True)
        flat = (self.concentration < 1).all(-1)
        if bool(flat.any()):
            size = self.concentration.shape[-1]
            corner = _ops["one_hot"](_ops["argmax"](mode, -1), size).to(mode.dtype)
            mode = _where(flat.unsqueeze(-1), corner, mode)
        return mode

    @property
    def variance(self) -> Any:
        a0 = self.concentration.sum(-1, True)
        return self.concentration * (a0 - self.concentration) / (a0.square() * (a0 + 1))

    def rsample(self, sample_shape: Any = ()) -> Any:
        draws = standard_gamma(_ops["expand"](self.concentration, self._extended_shape(sample_shape)))
        return draws / draws.sum(-1, True)

    def log_prob(self, value: Any) -> Any:
        self._validate_sample(value)
        a = self.concentration
        return _ops["xlogy"](a - 1, value).sum(-1) + _lgamma(a.sum(-1)) - _lgamma(a).sum(-1)

    def entropy(self) -> Any:
        a, k = self.concentration, self.concentration.shape[-1]
        a0 = a.sum(-1)
        return _lgamma(a).sum(-1) - _lgamma(a0) - (k - a0) * _digamma(a0) - ((a - 1) * _digamma(a)).sum(-1)


class Beta(ExponentialFamily):
    """Density proportional to x^(concentration1 - 1) (1 - x)^(concentration0 - 1)."""

    arg_constraints = {"concentration1": constraints.positive, "concentration0": constraints.positive}
    support = constraints.unit_interval
    has_rsample = True

    def __init__(self, concentration1: Any, concentration0: Any, validate_args: bool | None = None) -> None:
        self.concentration1, self.concentration0 = broadcast_all(concentration1, concentration0)
        super().__init__(self.concentration1.shape, validate_args=validate_args)

    def _vector(self) -> Dirichlet:
        pair = _ops["stack"]([self.concentration1, self.concentration0], -1)
        return Dirichlet(pair, validate_args=False)

    @property
    def mean(self) -> Any:
        return self.concentration1 / (self.concentration1 + self.concentration0)

    @property
    def mode(self) -> Any:
        return _ops["select"](self._vector().mode, -1, 0)

    @property
    def variance(self) -> Any:
        total = self.concentration1 + self.concentration0
        return self.concentration1 * self.concentration0 / (total.square() * (total + 1))

    def rsample(self, sample_shape: Any = ()) -> Any:
        return _ops["select"](self._vector().rsample(sample_shape), -1, 0)

    def log_prob(self, value: Any) -> Any:
        self._validate_sample(value)
        a, b = self.concentration1, self.concentration0
        constant = _lgamma(a + b) - _lgamma(a) - _lgamma(b)
        return _ops["xlogy"](a - 1, value) + _ops["xlog1py"](b - 1, -value) + constant

    def entropy(self) -> Any:
        return self._vector().entropy()
