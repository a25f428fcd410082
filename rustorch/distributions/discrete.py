"""Distributions of counts, of classes and of yes and no, and continuous stand-ins for the last two."""

from __future__ import annotations

import math
from typing import Any

from .. import _C
from .._modes import no_grad
from .._variates import binomial, log_binomial, poisson, standard_gamma
from ..random import bernoulli, multinomial
from . import constraints
from .distribution import Distribution, ExponentialFamily, broadcast_all, one_of

_ops: dict[str, Any] = _C.ops
_log, _exp, _lgamma, _where = _ops["log"], _ops["exp"], _ops["lgamma"], _ops["where"]

__all__ = [
    "Bernoulli", "Binomial", "Categorical", "Geometric", "Multinomial", "NegativeBinomial", "OneHotCategorical",
    "OneHotCategoricalStraightThrough", "Poisson", "RelaxedBernoulli", "RelaxedOneHotCategorical",
]  # fmt: skip

_EPSILON = {"float64": 2.0**-52, "float16": 2.0**-10, "bfloat16": 2.0**-7}


def _clamped(probs: Any) -> Any:
    epsilon = _EPSILON.get(str(probs.dtype), 2.0**-23)
    return _ops["clamp"](probs, epsilon, 1 - epsilon)


def probs_to_logits(probs: Any, is_binary: bool = False) -> Any:
    """log odds where yes and no are meant, else logs; probabilities are kept off 0 and 1."""
    safe = _clamped(probs)
    return _log(safe) - _ops["log1p"](-safe) if is_binary else _log(safe)


def _softplus(x: Any) -> Any:
    """log(1 + exp(x)), exact also for large x."""
    return _ops["clamp_min"](x, 0) + _ops["log1p"](_exp(-_ops["abs"](x)))


class _YesNo(ExponentialFamily):
    """Distributions of a probability, given as such or as log odds; the other is computed when asked for."""

    arg_constraints: dict[str, Any] = {"probs": constraints.unit_interval, "logits": constraints.real}

    def _take(self, probs: Any, logits: Any, *others: Any) -> tuple[Any, ...]:
        self._kind = one_of(type(self).__name__, probs=probs, logits=logits)
        value, *rest = broadcast_all(probs if logits is None else logits, *others)
        self.__dict__[self._kind] = value
        return tuple(rest)

    @property
    def _param(self) -> Any:
        return self.__dict__[self._kind]

    def __getattr__(self, name: str) -> Any:
        if name == "probs" and "logits" in self.__dict__:
            return _ops["sigmoid"](self.__dict__["logits"])
        if name == "logits" and "probs" in self.__dict__:
            return probs_to_logits(self.__dict__["probs"], is_binary=True)
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")


class Bernoulli(_YesNo):
    """1 with probability probs (or of log odds logits), else 0."""

    support = constraints.boolean
    has_enumerate_support = True

    def __init__(self, probs: Any = None, logits: Any = None, validate_args: bool | None = None) -> None:
        self._take(probs, logits)
        super().__init__(self._param.shape, validate_args=validate_args)

    @property
    def mean(self) -> Any:
        return self.probs

    @property
    def mode(self) -> Any:
        return _where(self.probs == 0.5, math.nan, (self.probs >= 0.5).to(self._param.dtype))

    @property
    def variance(self) -> Any:
        return self.probs * (1 - self.probs)

    def sample(self, sample_shape: Any = ()) -> Any:
        with no_grad():
            return bernoulli(_ops["expand"](self.probs, self._extended_shape(sample_shape)))

    def log_prob(self, value: Any) -> Any:
        self._validate_sample(value)
        logits, value = broadcast_all(self.logits, value)
        return value * logits - _softplus(logits)

    def entropy(self) -> Any:
        return _softplus(self.logits) - self.probs * self.logits

    def enumerate_support(self, expand: bool = True) -> Any:
        values = _C.arange(2, dtype=self._param.dtype).reshape((2, *(1,) * len(self._batch_shape)))
        return _ops["expand"](values, (2, *self._batch_shape)) if expand else values


class Geometric(_YesNo):
    """How many trials of probability probs fail before the first success: 0, 1, ..."""

    support = constraints.nonnegative_integer

    def __init__(self, probs: Any = None, logits: Any = None, validate_args: bool | None = None) -> None:
        self._take(probs, logits)
        super().__init__(self._param.shape, validate_args=validate_args)
        if self._validate_args and probs is not None and not bool((self._param > 0).all()):
            raise ValueError("Geometric: probs must be above 0")

    @property
    def mean(self) -> Any:
        return 1 / self.probs - 1

    @property
    def mode(self) -> Any:
        return _C.zeros_like(self.probs)

    @property
    def variance(self) -> Any:
        return (1 / self.probs - 1) / self.probs

    def sample(self, sample_shape: Any = ()) -> Any:
        with no_grad():
            u = _C.rand(self._extended_shape(sample_shape), dtype=self._param.dtype)
            return _ops["floor"](_ops["log1p"](-u) / _ops["log1p"](-self.probs))

    def log_prob(self, value: Any) -> Any:
        self._validate_sample(value)
        value, probs = broadcast_all(value, self.probs)
        return _ops["xlog1py"](value, -probs) + _log(probs)

    def entropy(self) -> Any:
        return (_softplus(self.logits) - self.probs * self.logits) / self.probs


class Binomial(_YesNo):
    """How many of total_count trials of probability probs succeed."""

    arg_constraints = {"total_count": constraints.nonnegative_integer, **_YesNo.arg_constraints}
    has_enumerate_support = True

    def __init__(
        self, total_count: Any = 1, probs: Any = None, logits: Any = None, validate_args: bool | None = None
    ) -> None:
        (count,) = self._take(probs, logits, total_count)
        self.total_count = count.to(self._param.dtype)
        super().__init__(self._param.shape, validate_args=validate_args)

    @property
    def support(self) -> Any:
        return constraints.integer_interval(0, self.total_count)

    @property
    def mean(self) -> Any:
        return self.total_count * self.probs

    @property
    def mode(self) -> Any:
        return _ops["minimum"](_ops["floor"]((self.total_count + 1) * self.probs), self.total_count)

    @property
    def variance(self) -> Any:
        return self.total_count * self.probs * (1 - self.probs)

    def sample(self, sample_shape: Any = ()) -> Any:
        shape = self._extended_shape(sample_shape)
        with no_grad():
            return binomial(_ops["expand"](self.total_count, shape), _ops["expand"](self.probs, shape))

    def log_prob(self, value: Any) -> Any:
        self._validate_sample(value)
        return log_binomial(self.total_count, value) + value * self.logits - self.total_count * _softplus(self.logits)

    def entropy(self) -> Any:
        values = self.enumerate_support(False)
        terms = self.log_prob(values)
        return -(_exp(terms) * terms).sum(0)

    def enumerate_support(self, expand: bool = True) -> Any:
        most = int(self.total_count.max().item()) if self.total_count.numel() else 0
        if not bool((self.total_count == most).all()):
            raise NotImplementedError("enumerate_support: needs one total_count for all")
        shape = (most + 1, *(1,) * len(self._batch_shape))
        values = _C.arange(most + 1, dtype=self._param.dtype).reshape(shape)
        return _ops["expand"](values, (most + 1, *self._batch_shape)) if expand else values


class NegativeBinomial(_YesNo):
    """How many trials of probability probs succeed before total_count of them have failed."""

    arg_constraints = {
        "total_count": constraints.greater_than_eq(0), "probs": constraints.half_open_interval(0.0, 1.0),
        "logits": constraints.real,
    }  # fmt: skip
    support = constraints.nonnegative_integer

    def __init__(
        self, total_count: Any, probs: Any = None, logits: Any = None, validate_args: bool | None = None
    ) -> None:
        (count,) = self._take(probs, logits, total_count)
        self.total_count = count.to(self._param.dtype)
        super().__init__(self._param.shape, validate_args=validate_args)

    @property
    def mean(self) -> Any:
        return self.total_count * _exp(self.logits)

    @property
    def mode(self) -> Any:
        return _ops["clamp_min"](_ops["floor"]((self.total_count - 1) * _exp(self.logits)), 0)

    @property
    def variance(self) -> Any:
        return self.mean / _ops["sigmoid"](-self.logits)

    def sample(self, sample_shape: Any = ()) -> Any:
        with no_grad():
            rate = standard_gamma(_ops["expand"](self.total_count, self._extended_shape(sample_shape)))
            return poisson(rate * _exp(self.logits))

    def log_prob(self, value: Any) -> Any:
        self._validate_sample(value)
        n = self.total_count
        weights = -n * _softplus(self.logits) - value * _softplus(-self.logits)
        constant = _lgamma(n + value) - _lgamma(1 + value) - _lgamma(n)
        return weights + _where(n + value == 0, 0.0, constant)


class Poisson(ExponentialFamily):
    """Counts of mean rate."""

    arg_constraints = {"rate": constraints.nonnegative}
    support = constraints.nonnegative_integer

    def __init__(self, rate: Any, validate_args: bool | None = None) -> None:
        (self.rate,) = broadcast_all(rate)
        super().__init__(self.rate.shape, validate_args=validate_args)

    @property
    def mean(self) -> Any:
        return self.rate

    @property
    def mode(self) -> Any:
        return _ops["floor"](self.rate)

    @property
    def variance(self) -> Any:
        return self.rate

    def sample(self, sample_shape: Any = ()) -> Any:
        with no_grad():
            return poisson(_ops["expand"](self.rate, self._extended_shape(sample_shape)))

    def log_prob(self, value: Any) -> Any:
        self._validate_sample(value)
        rate, value = broadcast_all(self.rate, value)
        return _ops["xlogy"](value, rate) - rate - _lgamma(value + 1)


class Categorical(Distribution):
    """Class numbers 0 ... n - 1 with probabilities probs (..., n), which are divided by their sum, or logits.

    >>> import rustorch as rt
    >>> m = rt.distributions.Categorical(rt.tensor([1.0, 3.0]))
    >>> m.probs, m.log_prob(rt.tensor(1)).exp()
    (tensor([0.25, 0.75]), tensor(0.75))
    """

    arg_constraints = {"probs": constraints.simplex, "logits": constraints.real_vector}
    has_enumerate_support = True

    def __init__(self, probs: Any = None, logits: Any = None, validate_args: bool | None = None) -> None:
        kind = self._kind = one_of("Categorical", probs=probs, logits=logits)
        given = probs if logits is None else logits
        if given.ndim < 1:
            raise ValueError(f"`{kind}` parameter must be at least one-dimensional.")
        if logits is None:
            self.probs = probs / probs.sum(-1, True)
        else:
            self.logits = logits - _ops["logsumexp"](logits, -1, True)
        self._num_events = given.shape[-1]
        super().__init__(given.shape[:-1], validate_args=validate_args)

    def __getattr__(self, name: str) -> Any:
        if name == "probs" and "logits" in self.__dict__:
            return _ops["softmax"](self.__dict__["logits"], -1)
        if name == "logits" and "probs" in self.__dict__:
            return probs_to_logits(self.__dict__["probs"])
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    @property
    def _param(self) -> Any:
        return self.__dict__[self._kind]

    @property
    def param_shape(self) -> Any:
        """The shape of probs and logits."""
        return self._param.shape

    @property
    def support(self) -> Any:
        return constraints.integer_interval(0, self._num_events - 1)

    @property
    def mean(self) -> Any:
        return _C.full(self._extended_shape(), math.nan, dtype=self._param.dtype)

    @property
    def mode(self) -> Any:
        return _ops["argmax"](self._param, -1)

    @property
    def variance(self) -> Any:
        return _C.full(self._extended_shape(), math.nan, dtype=self._param.dtype)

    def sample(self, sample_shape: Any = ()) -> Any:
        shape = tuple(sample_shape)
        count = math.prod(shape)
        with no_grad():
            rows = self.probs.reshape(-1, self._num_events)
            if not count or not rows.shape[0]:
                return _C.empty((*shape, *self._batch_shape), dtype="int64")
            return multinomial(rows, count, True).T.reshape((*shape, *self._batch_shape))

    def log_prob(self, value: Any) -> Any:
        from .._shapes import broadcast_tensors

        self._validate_sample(value)
        place, rows = broadcast_tensors(value.to("int64").unsqueeze(-1), self.logits)
        return _ops["gather"](rows, -1, place[..., :1]).squeeze(-1)

    def entropy(self) -> Any:
        lowest = {"float64": -1.79e308, "float16": -65504.0}.get(str(self._param.dtype), -3.4e38)
        return -(_ops["clamp_min"](self.logits, lowest) * self.probs).sum(-1)

    def enumerate_support(self, expand: bool = True) -> Any:
        values = _C.arange(self._num_events).reshape((-1, *(1,) * len(self._batch_shape)))
        return _ops["expand"](values, (self._num_events, *self._batch_shape)) if expand else values


class OneHotCategorical(Distribution):
    """Vectors with a 1 in the place of a class, of probabilities probs (..., n) or logits."""

    arg_constraints = {"probs": constraints.simplex, "logits": constraints.real_vector}
    support = constraints.one_hot
    has_enumerate_support = True

    def __init__(self, probs: Any = None, logits: Any = None, validate_args: bool | None = None) -> None:
        self._categorical = Categorical(probs, logits, validate_args)
        super().__init__(self._categorical.batch_shape, self._categorical.param_shape[-1:], validate_args=validate_args)

    @property
    def probs(self) -> Any:
        """Probabilities of the classes."""
        return self._categorical.probs

    @property
    def logits(self) -> Any:
        """Their logs."""
        return self._categorical.logits

    @property
    def param_shape(self) -> Any:
        """The shape of probs and logits."""
        return self._categorical.param_shape

    @property
    def mean(self) -> Any:
        return self.probs

    @property
    def mode(self) -> Any:
        return self._vectors(self._categorical.mode)

    @property
    def variance(self) -> Any:
        return self.probs * (1 - self.probs)

    def _vectors(self, classes: Any) -> Any:
        return _ops["one_hot"](classes, self._event_shape[0]).to(self._categorical._param.dtype)

    def sample(self, sample_shape: Any = ()) -> Any:
        return self._vectors(self._categorical.sample(sample_shape))

    def log_prob(self, value: Any) -> Any:
        self._validate_sample(value)
        return self._categorical.log_prob(_ops["argmax"](value, -1))

    def entropy(self) -> Any:
        return self._categorical.entropy()

    def enumerate_support(self, expand: bool = True) -> Any:
        n = self._event_shape[0]
        values = _C.eye(n, dtype=self._categorical._param.dtype).reshape((n, *(1,) * len(self._batch_shape), n))
        return _ops["expand"](values, (n, *self._batch_shape, n)) if expand else values


class OneHotCategoricalStraightThrough(OneHotCategorical):
    """OneHotCategorical whose rsample passes gradients to the probabilities (Bengio et al. 2013)."""

    has_rsample = True

    def rsample(self, sample_shape: Any = ()) -> Any:
        return self.sample(sample_shape) + (self.probs - self.probs.detach())


class Multinomial(Distribution):
    """How often each class comes up in total_count draws of probabilities probs (..., n) or logits."""

    arg_constraints = {"probs": constraints.simplex, "logits": constraints.real_vector}

    def __init__(
        self, total_count: int = 1, probs: Any = None, logits: Any = None, validate_args: bool | None = None
    ) -> None:
        if not isinstance(total_count, int):
            raise NotImplementedError("Multinomial: total_count must be an int, one for all")
        self.total_count = total_count
        self._categorical = Categorical(probs, logits)
        super().__init__(self._categorical.batch_shape, self._categorical.param_shape[-1:], validate_args=validate_args)

    @property
    def probs(self) -> Any:
        """Probabilities of the classes."""
        return self._categorical.probs

    @property
    def logits(self) -> Any:
        """Their logs."""
        return self._categorical.logits

    @property
    def support(self) -> Any:
        return constraints.multinomial(self.total_count)

    @property
    def mean(self) -> Any:
        return self.probs * self.total_count

    @property
    def variance(self) -> Any:
        return self.total_count * self.probs * (1 - self.probs)

    def sample(self, sample_shape: Any = ()) -> Any:
        draws = self._categorical.sample((self.total_count, *tuple(sample_shape)))
        return _ops["one_hot"](draws, self._event_shape[0]).sum(0).to(self._categorical._param.dtype)

    def log_prob(self, value: Any) -> Any:
        self._validate_sample(value)
        constant = _lgamma(value.sum(-1) + 1) - _lgamma(value + 1).sum(-1)
        logits = _where((value == 0) & (self.logits == -math.inf), 0.0, self.logits)
        return constant + (logits * value).sum(-1)

    def entropy(self) -> Any:
        n = self.total_count
        counts = Binomial(n, self.probs, validate_args=False)
        values = counts.enumerate_support(False)
        repeats = (_exp(counts.log_prob(values)) * _lgamma(values + 1)).sum((0, -1))
        return n * self._categorical.entropy() - math.lgamma(n + 1) + repeats


class RelaxedBernoulli(_YesNo):
    """A number between 0 and 1 that nears a Bernoulli variable as temperature falls (Maddison et al. 2017)."""

    support = constraints.unit_interval
    has_rsample = True

    def __init__(
        self, temperature: Any, probs: Any = None, logits: Any = None, validate_args: bool | None = None
    ) -> None:
        self._take(probs, logits)
        self.temperature = temperature if isinstance(temperature, _C.Tensor) else _C.tensor(float(temperature))
        super().__init__(self._param.shape, validate_args=validate_args)

    def _held(self) -> list[str]:
        return [self._kind]

    def rsample(self, sample_shape: Any = ()) -> Any:
        u = _clamped(_C.rand(self._extended_shape(sample_shape), dtype=self._param.dtype))
        noise = _log(u) - _ops["log1p"](-u)
        return _clamped(_ops["sigmoid"]((noise + self.logits) / self.temperature))

    def log_prob(self, value: Any) -> Any:
        self._validate_sample(value)
        odds = _log(value) - _ops["log1p"](-value)
        away = self.logits - odds * self.temperature
        density = _log(self.temperature) + away - 2 * _softplus(away)
        return density - _log(value) - _ops["log1p"](-value)


class RelaxedOneHotCategorical(Distribution):
    """Vectors that add up to 1 and near one-hot ones as temperature falls (Jang et al.; Maddison et al. 2017)."""

    arg_constraints = {"probs": constraints.simplex, "logits": constraints.real_vector}
    support = constraints.simplex
    has_rsample = True

    def __init__(
        self, temperature: Any, probs: Any = None, logits: Any = None, validate_args: bool | None = None
    ) -> None:
        self._categorical = Categorical(probs, logits)
        self.temperature = temperature if isinstance(temperature, _C.Tensor) else _C.tensor(float(temperature))
        super().__init__(self._categorical.batch_shape, self._categorical.param_shape[-1:], validate_args=validate_args)

    def _held(self) -> list[str]:
        return ["_categorical"]

    @property
    def probs(self) -> Any:
        """Probabilities of the classes."""
        return self._categorical.probs

    @property
    def logits(self) -> Any:
        """Their logs."""
        return self._categorical.logits

    def rsample(self, sample_shape: Any = ()) -> Any:
        u = _clamped(_C.rand(self._extended_shape(sample_shape), dtype=self._categorical._param.dtype))
        return _ops["softmax"]((self.logits - _log(-_log(u))) / self.temperature, -1)

    def log_prob(self, value: Any) -> Any:
        self._validate_sample(value)
        n = self._event_shape[0]
        score = self.logits - self.temperature * _log(value)
        score = (score - _ops["logsumexp"](score, -1, True)).sum(-1) - _log(value).sum(-1)
        return score + (math.lgamma(n) + (n - 1) * _log(self.temperature))
