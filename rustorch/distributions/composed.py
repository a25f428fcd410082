"""Distributions made of others: with dimensions taken together, transformed, mixed."""

from __future__ import annotations

from typing import Any

from .. import _C
from .._modes import no_grad
from . import constraints
from .discrete import Categorical
from .distribution import Distribution
from .normal import Normal
from .transforms import ComposeTransform, ExpTransform, StickBreakingTransform, Transform

_ops: dict[str, Any] = _C.ops

__all__ = [
    "Independent", "LogNormal", "LogisticNormal", "MixtureSameFamily", "TransformedDistribution",
]  # fmt: skip


def sum_rightmost(value: Any, count: int) -> Any:
    """value added up over its last `count` dimensions."""
    return value if count == 0 else value.flatten(-count).sum(-1)


class Independent(Distribution):
    """base_distribution with its last batch dimensions as event dimensions: their log probabilities are added up.

    >>> import rustorch as rt
    >>> m = rt.distributions.Independent(rt.distributions.Normal(rt.zeros(4, 3), 1.0), 1)
    >>> m.batch_shape, m.event_shape, m.log_prob(rt.zeros(4, 3)).shape
    ((4,), (3,), (4,))
    """

    def __init__(
        self, base_distribution: Any, reinterpreted_batch_ndims: int, validate_args: bool | None = None
    ) -> None:
        shape, event = tuple(base_distribution.batch_shape), tuple(base_distribution.event_shape)
        n = reinterpreted_batch_ndims
        if n > len(shape):
            raise ValueError(
                f"Expected reinterpreted_batch_ndims <= len(base_distribution.batch_shape), actual {n} vs {len(shape)}"
            )
        self.base_dist, self.reinterpreted_batch_ndims = base_distribution, n
        super().__init__(shape[: len(shape) - n], (*shape[len(shape) - n :], *event), validate_args=validate_args)

    has_rsample = property(lambda self: self.base_dist.has_rsample)
    has_enumerate_support = property(
        lambda self: self.reinterpreted_batch_ndims == 0 and self.base_dist.has_enumerate_support
    )

    def expand(self, batch_shape: Any, _instance: Any = None) -> Any:
        kept = tuple(self._event_shape)[: self.reinterpreted_batch_ndims]
        base = self.base_dist.expand((*tuple(batch_shape), *kept))
        return type(self)(base, self.reinterpreted_batch_ndims, validate_args=False)

    @property
    def support(self) -> Any:
        base, n = self.base_dist.support, self.reinterpreted_batch_ndims
        return constraints.independent(base, n) if n else base

    @property
    def mean(self) -> Any:
        return self.base_dist.mean

    @property
    def mode(self) -> Any:
        return self.base_dist.mode

    @property
    def variance(self) -> Any:
        return self.base_dist.variance

    def sample(self, sample_shape: Any = ()) -> Any:
        return self.base_dist.sample(sample_shape)

    def rsample(self, sample_shape: Any = ()) -> Any:
        return self.base_dist.rsample(sample_shape)

    def log_prob(self, value: Any) -> Any:
        return sum_rightmost(self.base_dist.log_prob(value), self.reinterpreted_batch_ndims)

    def entropy(self) -> Any:
        return sum_rightmost(self.base_dist.entropy(), self.reinterpreted_batch_ndims)

    def enumerate_support(self, expand: bool = True) -> Any:
        if self.reinterpreted_batch_ndims > 0:
            raise NotImplementedError("enumerate_support: is there for distributions of single values only")
        return self.base_dist.enumerate_support(expand)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.base_dist!r}, {self.reinterpreted_batch_ndims})"


class TransformedDistribution(Distribution):
    """What samples of base_distribution become under transforms, one or a list of them."""

    def __init__(self, base_distribution: Any, transforms: Any, validate_args: bool | None = None) -> None:
        if isinstance(transforms, Transform):
            transforms = [transforms]
        if not isinstance(transforms, list) or not all(isinstance(t, Transform) for t in transforms):
            raise ValueError(f"transforms must be a Transform or list, but was {transforms!r}")
        self.transforms = transforms
        whole = ComposeTransform(transforms)
        shape = (*tuple(base_distribution.batch_shape), *tuple(base_distribution.event_shape))
        event = len(base_distribution.event_shape)
        if len(shape) < whole.domain.event_dim:
            raise ValueError(
                f"TransformedDistribution: the base needs {whole.domain.event_dim} dimensions or more,"
                f" it has shape {shape}"
            )
        out = tuple(whole.forward_shape(shape))
        more = whole.domain.event_dim - event
        if out != shape and len(out) == len(shape) and more <= 0:
            widened = tuple(whole.inverse_shape(out))
            if widened != shape:
                base_distribution = base_distribution.expand(widened[: len(widened) - event])
        self.base_dist: Any = Independent(base_distribution, more) if more > 0 else base_distribution
        after = max(event - whole.domain.event_dim, 0) + whole.codomain.event_dim
        super().__init__(out[: len(out) - after], out[len(out) - after :], validate_args=validate_args)

    has_rsample = property(lambda self: self.base_dist.has_rsample)

    def expand(self, batch_shape: Any, _instance: Any = None) -> Any:
        new = type(self).__new__(type(self))
        new.__dict__.update(self.__dict__)
        new.base_dist = self.base_dist.expand(batch_shape)
        new._batch_shape = _C.Size(tuple(batch_shape))
        return new

    @property
    def support(self) -> Any:
        if not self.transforms:
            return self.base_dist.support
        last = self.transforms[-1].codomain
        more = len(self._event_shape) - last.event_dim
        return constraints.independent(last, more) if more > 0 else last

    def sample(self, sample_shape: Any = ()) -> Any:
        with no_grad():
            return self._forward(self.base_dist.sample(sample_shape))

    def rsample(self, sample_shape: Any = ()) -> Any:
        return self._forward(self.base_dist.rsample(sample_shape))

    def _forward(self, x: Any) -> Any:
        for transform in self.transforms:
            x = transform(x)
        return x

    def log_prob(self, value: Any) -> Any:
        self._validate_sample(value)
        event, total, y = len(self._event_shape), 0.0, value
        for transform in reversed(self.transforms):
            x = transform.inv(y)
            event += transform.domain.event_dim - transform.codomain.event_dim
            jacobian = transform.log_abs_det_jacobian(x, y)
            total = total - sum_rightmost(jacobian, event - transform.domain.event_dim)
            y = x
        return total + sum_rightmost(self.base_dist.log_prob(y), event - len(self.base_dist.event_shape))

    def _monotone(self, value: Any) -> Any:
        sign: Any = 1
        for transform in self.transforms:
            sign = sign * transform.sign
        if isinstance(sign, int) and sign == 1:
            return value
        return sign * (value - 0.5) + 0.5

    def cdf(self, value: Any) -> Any:
        self._validate_sample(value)
        for transform in reversed(self.transforms):
            value = transform.inv(value)
        return self._monotone(self.base_dist.cdf(value))

    def icdf(self, value: Any) -> Any:
        return self._forward(self.base_dist.icdf(self._monotone(value)))

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


class LogNormal(TransformedDistribution):
    """exp of a normal variable of mean loc and standard deviation scale."""

    arg_constraints = {"loc": constraints.real, "scale": constraints.positive}

    def __init__(self, loc: Any, scale: Any, validate_args: bool | None = None) -> None:
        super().__init__(Normal(loc, scale, validate_args=validate_args), ExpTransform(), validate_args=validate_args)

    @property
    def loc(self) -> Any:
        """Mean of the log."""
        return self.base_dist.loc

    @property
    def scale(self) -> Any:
        """Standard deviation of the log."""
        return self.base_dist.scale

    @property
    def mean(self) -> Any:
        return _ops["exp"](self.loc + self.scale.square() / 2)

    @property
    def mode(self) -> Any:
        return _ops["exp"](self.loc - self.scale.square())

    @property
    def variance(self) -> Any:
        square = self.scale.square()
        return _ops["expm1"](square) * _ops["exp"](2 * self.loc + square)

    def entropy(self) -> Any:
        return self.base_dist.entropy() + self.loc


class LogisticNormal(TransformedDistribution):
    """Normal vectors of n numbers, made n + 1 that add up to 1 by breaking a stick."""

    arg_constraints = {"loc": constraints.real, "scale": constraints.positive}

    def __init__(self, loc: Any, scale: Any, validate_args: bool | None = None) -> None:
        base = Normal(loc, scale, validate_args=validate_args)
        if not base.batch_shape:
            base = base.expand((1,))
        super().__init__(base, StickBreakingTransform(), validate_args=validate_args)

    @property
    def loc(self) -> Any:
        """Mean of the normal variables."""
        return self.base_dist.base_dist.loc

    @property
    def scale(self) -> Any:
        """Standard deviation of the normal variables."""
        return self.base_dist.base_dist.scale


class MixtureSameFamily(Distribution):
    """A mixture: the last batch dimension of component_distribution has the components, mixture_distribution, a
    Categorical, their probabilities."""

    def __init__(
        self, mixture_distribution: Any, component_distribution: Any, validate_args: bool | None = None
    ) -> None:
        if not isinstance(mixture_distribution, Categorical):
            raise ValueError("The Mixture distribution needs to be an instance of rustorch.distributions.Categorical")
        if not isinstance(component_distribution, Distribution):
            raise ValueError("The Component distribution needs to be an instance of Distribution")
        count, shape = mixture_distribution._num_events, tuple(component_distribution.batch_shape)
        if not shape or shape[-1] != count:
            raise ValueError(
                f"MixtureSameFamily: {count} probabilities for components of batch shape {shape}; its last dimension"
                " must be as long"
            )
        for ours, theirs in zip(reversed(shape[:-1]), reversed(tuple(mixture_distribution.batch_shape)), strict=False):
            if 1 not in (ours, theirs) and ours != theirs:
                raise ValueError(
                    f"MixtureSameFamily: batch shapes {tuple(mixture_distribution.batch_shape)} of the mixture and"
                    f" {shape[:-1]} of the components do not broadcast"
                )
        self._mixture_distribution, self._component_distribution = mixture_distribution, component_distribution
        super().__init__(shape[:-1], component_distribution.event_shape, validate_args=validate_args)

    @property
    def mixture_distribution(self) -> Any:
        """The Categorical of the components' probabilities."""
        return self._mixture_distribution

    @property
    def component_distribution(self) -> Any:
        """The components."""
        return self._component_distribution

    def expand(self, batch_shape: Any, _instance: Any = None) -> Any:
        shape = tuple(batch_shape)
        component = self._component_distribution
        return type(self)(
            self._mixture_distribution.expand(shape), component.expand((*shape, component.batch_shape[-1])), False
        )

    @property
    def support(self) -> Any:
        return self._component_distribution.support

    def _weights(self) -> Any:
        probs = self._mixture_distribution.probs
        return probs.reshape((*tuple(probs.shape), *(1,) * len(self._event_shape)))

    @property
    def mean(self) -> Any:
        return (self._weights() * self._component_distribution.mean).sum(-1 - len(self._event_shape))

    @property
    def variance(self) -> Any:
        dim = -1 - len(self._event_shape)
        within = (self._weights() * self._component_distribution.variance).sum(dim)
        between = (self._component_distribution.mean - self.mean.unsqueeze(dim)).square()
        return within + (self._weights() * between).sum(dim)

    def _padded(self, value: Any) -> Any:
        return value.unsqueeze(value.ndim - len(self._event_shape))

    def log_prob(self, value: Any) -> Any:
        self._validate_sample(value)
        parts = self._component_distribution.log_prob(self._padded(value))
        return _ops["logsumexp"](parts + _ops["log_softmax"](self._mixture_distribution.logits, -1), -1)

    def cdf(self, value: Any) -> Any:
        self._validate_sample(value)
        return (self._component_distribution.cdf(self._padded(value)) * self._mixture_distribution.probs).sum(-1)

    def sample(self, sample_shape: Any = ()) -> Any:
        with no_grad():
            shape, events = tuple(sample_shape), tuple(self._event_shape)
            lead = (*shape, *self._batch_shape)
            which = self._mixture_distribution.expand(self._batch_shape).sample(shape)
            draws = self._component_distribution.sample(shape)
            place = which.reshape((*lead, 1, *(1,) * len(events)))
            place = _ops["expand"](place, (*lead, 1, *events))
            return _ops["gather"](draws, len(lead), place).squeeze(len(lead))

    def __repr__(self) -> str:
        return f"MixtureSameFamily(\n  {self._mixture_distribution!r},\n  {self._component_distribution!r})"


