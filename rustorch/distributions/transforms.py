"""Invertible maps of tensors with the logs of their Jacobian determinants, for TransformedDistribution and flows."""

from __future__ import annotations

import math
from typing import Any

from .. import _C
from . import constraints

_ops: dict[str, Any] = _C.ops
_log, _exp = _ops["log"], _ops["exp"]

__all__ = [
    "AbsTransform", "AffineTransform", "ComposeTransform", "CumulativeDistributionTransform", "ExpTransform",
    "IndependentTransform", "LowerCholeskyTransform", "PowerTransform", "ReshapeTransform", "SigmoidTransform",
    "SoftmaxTransform", "SoftplusTransform", "StickBreakingTransform", "TanhTransform", "Transform", "biject_to",
    "identity_transform", "transform_to",
]  # fmt: skip


def _softplus(x: Any) -> Any:
    return _ops["clamp_min"](x, 0) + _ops["log1p"](_exp(-_ops["abs"](x)))


def _sum_last(value: Any, count: int) -> Any:
    return value if count == 0 else value.flatten(-count).sum(-1)


class Transform:
    """y = f(x): called, it computes y; inv is the inverse; log_abs_det_jacobian(x, y) is log |dy / dx|.

    Subclasses define _call, _inverse and log_abs_det_jacobian, and domain and codomain.  cache_size 1: the last pair
    (x, y) is kept, so that f.inv(f(x)) is x itself."""

    bijective = False
    domain: Any = constraints.real
    codomain: Any = constraints.real

    def __init__(self, cache_size: int = 0) -> None:
        if cache_size not in (0, 1):
            raise ValueError("cache_size must be 0 or 1")
        self._cache_size = cache_size
        self._cached: tuple[Any, Any] = (None, None)

    @property
    def inv(self) -> Transform:
        """The inverse."""
        return _Inverse(self)

    @property
    def sign(self) -> Any:
        """1 where the function grows, -1 where it falls."""
        raise NotImplementedError(f"{type(self).__name__} has no sign")

    def with_cache(self, cache_size: int = 1) -> Transform:
        """The same function with a cache."""
        new = type(self).__new__(type(self))
        new.__dict__.update(self.__dict__)
        new._cache_size, new._cached = cache_size, (None, None)
        return new

    def __call__(self, x: Any) -> Any:
        if self._cache_size == 0:
            return self._call(x)
        if x is not self._cached[0]:
            self._cached = (x, self._call(x))
        return self._cached[1]

    def _inverse_call(self, y: Any) -> Any:
        if self._cache_size == 0:
            return self._inverse(y)
        if y is not self._cached[1]:
            self._cached = (self._inverse(y), y)
        return self._cached[0]

    def _call(self, x: Any) -> Any:
        raise NotImplementedError(f"{type(self).__name__} does not define _call")

    def _inverse(self, y: Any) -> Any:
        raise NotImplementedError(f"{type(self).__name__} does not define _inverse")

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Any:
        """log |dy / dx| for y = f(x); summed over event dimensions."""
        raise NotImplementedError(f"{type(self).__name__} has no log_abs_det_jacobian")

    def forward_shape(self, shape: Any) -> Any:
        """The shape of y for an x of this shape."""
        return shape

    def inverse_shape(self, shape: Any) -> Any:
        """The shape of x for a y of this shape."""
        return shape

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, Transform) and self._mark() == other._mark())

    __hash__ = object.__hash__

    def _mark(self) -> tuple[Any, ...]:
        return type(self), self._key()

    def _key(self) -> tuple[Any, ...]:
        return ()

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


class _Inverse(Transform):
    def __init__(self, transform: Transform) -> None:
        super().__init__()
        self._of = transform
        self.bijective = transform.bijective

    domain = property(lambda self: self._of.codomain)
    codomain = property(lambda self: self._of.domain)

    @property
    def inv(self) -> Transform:
        return self._of

    @property
    def sign(self) -> Any:
        return self._of.sign

    def __call__(self, x: Any) -> Any:
        return self._of._inverse_call(x)

    def _inverse_call(self, y: Any) -> Any:
        return self._of(y)

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Any:
        return -self._of.log_abs_det_jacobian(y, x)

    def forward_shape(self, shape: Any) -> Any:
        return self._of.inverse_shape(shape)

    def inverse_shape(self, shape: Any) -> Any:
        return self._of.forward_shape(shape)

    def _key(self) -> tuple[Any, ...]:
        return (self._of,)

    def __repr__(self) -> str:
        return f"_InverseTransform({self._of!r})"


class ComposeTransform(Transform):
    """Several transforms, one after the other."""

    def __init__(self, parts: list[Transform], cache_size: int = 0) -> None:
        super().__init__(cache_size)
        self.parts = [part.with_cache(cache_size) for part in parts] if cache_size else list(parts)
        self.bijective = all(part.bijective for part in parts)

    @property
    def domain(self) -> Any:
        return self._widened(self.parts[0].domain, first=True) if self.parts else constraints.real

    @property
    def codomain(self) -> Any:
        return self._widened(self.parts[-1].codomain, first=False) if self.parts else constraints.real

    def _widened(self, constraint: Any, first: bool) -> Any:
        """The constraint, for as many dimensions as the widest part needs."""
        event = 0
        for part in reversed(self.parts) if first else self.parts:
            one, other = (part.codomain, part.domain) if first else (part.domain, part.codomain)
            event = max(event + other.event_dim - one.event_dim, other.event_dim)
        more = event - constraint.event_dim
        return constraints.independent(constraint, more) if more > 0 else constraint

    @property
    def sign(self) -> Any:
        result = 1
        for part in self.parts:
            result = result * part.sign
        return result

    def _call(self, x: Any) -> Any:
        for part in self.parts:
            x = part(x)
        return x

    def _inverse(self, y: Any) -> Any:
        for part in reversed(self.parts):
            y = part.inv(y)
        return y

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Any:
        if not self.parts:
            return _C.zeros_like(x)
        event, total = self.domain.event_dim, 0.0
        for k, part in enumerate(self.parts):
            after = y if k == len(self.parts) - 1 else part(x)
            total = total + _sum_last(part.log_abs_det_jacobian(x, after), event - part.domain.event_dim)
            event += part.codomain.event_dim - part.domain.event_dim
            x = after
        return total

    def forward_shape(self, shape: Any) -> Any:
        for part in self.parts:
            shape = part.forward_shape(shape)
        return shape

    def inverse_shape(self, shape: Any) -> Any:
        for part in reversed(self.parts):
            shape = part.inverse_shape(shape)
        return shape

    def _key(self) -> tuple[Any, ...]:
        return tuple(self.parts)

    def __repr__(self) -> str:
        inside = ",\n    ".join(repr(part) for part in self.parts)
        return f"{type(self).__name__}(\n    {inside}\n)"


identity_transform = ComposeTransform([])


class IndependentTransform(Transform):
    """Another transform whose log determinants are added up over the last dimensions."""

    def __init__(self, base_transform: Transform, reinterpreted_batch_ndims: int, cache_size: int = 0) -> None:
        super().__init__(cache_size)
        self.base_transform, self.reinterpreted_batch_ndims = base_transform, reinterpreted_batch_ndims
        self.bijective = base_transform.bijective

    @property
    def domain(self) -> Any:
        return constraints.independent(self.base_transform.domain, self.reinterpreted_batch_ndims)

    @property
    def codomain(self) -> Any:
        return constraints.independent(self.base_transform.codomain, self.reinterpreted_batch_ndims)

    @property
    def sign(self) -> Any:
        return self.base_transform.sign

    def _call(self, x: Any) -> Any:
        return self.base_transform(x)

    def _inverse(self, y: Any) -> Any:
        return self.base_transform.inv(y)

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Any:
        return _sum_last(self.base_transform.log_abs_det_jacobian(x, y), self.reinterpreted_batch_ndims)

    def forward_shape(self, shape: Any) -> Any:
        return self.base_transform.forward_shape(shape)

    def inverse_shape(self, shape: Any) -> Any:
        return self.base_transform.inverse_shape(shape)

    def _key(self) -> tuple[Any, ...]:
        return self.base_transform, self.reinterpreted_batch_ndims


class ReshapeTransform(Transform):
    """The last dimensions in another shape of as many elements."""

    bijective = True

    def __init__(self, in_shape: Any, out_shape: Any, cache_size: int = 0) -> None:
        super().__init__(cache_size)
        self.in_shape, self.out_shape = tuple(in_shape), tuple(out_shape)
        if math.prod(self.in_shape) != math.prod(self.out_shape):
            raise ValueError(f"ReshapeTransform: {self.in_shape} and {self.out_shape} differ in size")

    @property
    def domain(self) -> Any:
        return constraints.independent(constraints.real, len(self.in_shape))

    @property
    def codomain(self) -> Any:
        return constraints.independent(constraints.real, len(self.out_shape))

    def _call(self, x: Any) -> Any:
        return x.reshape(self.forward_shape(tuple(x.shape)))

    def _inverse(self, y: Any) -> Any:
        return y.reshape(self.inverse_shape(tuple(y.shape)))

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Any:
        return _C.zeros(tuple(x.shape)[: x.ndim - len(self.in_shape)], dtype=x.dtype)

    def forward_shape(self, shape: Any) -> Any:
        return (*tuple(shape)[: len(shape) - len(self.in_shape)], *self.out_shape)

    def inverse_shape(self, shape: Any) -> Any:
        return (*tuple(shape)[: len(shape) - len(self.out_shape)], *self.in_shape)

    def _key(self) -> tuple[Any, ...]:
        return self.in_shape, self.out_shape


class ExpTransform(Transform):
    """y = exp(x)."""

    bijective, codomain, sign = True, constraints.positive, 1

    def _call(self, x: Any) -> Any:
        return _exp(x)

    def _inverse(self, y: Any) -> Any:
        return _log(y)

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Any:
        return x


class PowerTransform(Transform):
    """y = x^exponent for positive x."""

    bijective, domain, codomain = True, constraints.positive, constraints.positive

    def __init__(self, exponent: Any, cache_size: int = 0) -> None:
        super().__init__(cache_size)
        self.exponent = exponent if isinstance(exponent, _C.Tensor) else _C.tensor(float(exponent))

    @property
    def sign(self) -> Any:
        return _ops["sign"](self.exponent)

    def _call(self, x: Any) -> Any:
        return x**self.exponent

    def _inverse(self, y: Any) -> Any:
        return y ** (1 / self.exponent)

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Any:
        return _log(_ops["abs"](self.exponent * y / x))

    def _key(self) -> tuple[Any, ...]:
        return (self.exponent.tolist(),)


class SigmoidTransform(Transform):
    """y = 1 / (1 + exp(-x)), kept off 0 and 1."""

    bijective, codomain, sign = True, constraints.unit_interval, 1

    def _call(self, x: Any) -> Any:
        low = {"float64": 2.3e-308}.get(str(x.dtype), 1.2e-38)
        return _ops["clamp"](_ops["sigmoid"](x), low, 1 - {"float64": 2.0**-52}.get(str(x.dtype), 2.0**-23))

    def _inverse(self, y: Any) -> Any:
        return _log(y) - _ops["log1p"](-y)

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Any:
        return -_softplus(-x) - _softplus(x)


class SoftplusTransform(Transform):
    """y = log(1 + exp(x))."""

    bijective, codomain, sign = True, constraints.positive, 1

    def _call(self, x: Any) -> Any:
        return _softplus(x)

    def _inverse(self, y: Any) -> Any:
        return _log(-_ops["expm1"](-y)) + y

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Any:
        return -_softplus(-x)


class TanhTransform(Transform):
    """y = tanh(x)."""

    bijective, codomain, sign = True, constraints.interval(-1.0, 1.0), 1

    def _call(self, x: Any) -> Any:
        return _ops["tanh"](x)

    def _inverse(self, y: Any) -> Any:
        return _ops["atanh"](y)

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Any:
        return 2.0 * (math.log(2.0) - x - _softplus(-2.0 * x))


class AbsTransform(Transform):
    """y = |x|; its inverse is y."""

    codomain = constraints.positive

    def _call(self, x: Any) -> Any:
        return _ops["abs"](x)

    def _inverse(self, y: Any) -> Any:
        return y


class AffineTransform(Transform):
    """y = loc + scale x.  event_dim: over how many last dimensions log determinants are added up."""

    bijective = True

    def __init__(self, loc: Any, scale: Any, event_dim: int = 0, cache_size: int = 0) -> None:
        super().__init__(cache_size)
        self.loc, self.scale, self._event_dim = loc, scale, event_dim

    @property
    def event_dim(self) -> int:
        """Over how many last dimensions log determinants are added up."""
        return self._event_dim

    @property
    def domain(self) -> Any:
        return constraints.independent(constraints.real, self._event_dim) if self._event_dim else constraints.real

    codomain = domain

    @property
    def sign(self) -> Any:
        if isinstance(self.scale, _C.Tensor):
            return _ops["sign"](self.scale)
        return (self.scale > 0) - (self.scale < 0)

    def _call(self, x: Any) -> Any:
        return self.loc + self.scale * x

    def _inverse(self, y: Any) -> Any:
        return (y - self.loc) / self.scale

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Any:
        scale = self.scale if isinstance(self.scale, _C.Tensor) else _C.full_like(x.detach(), float(self.scale))
        return _sum_last(_ops["expand"](_log(_ops["abs"](scale)), tuple(x.shape)), self._event_dim)

    def _key(self) -> tuple[Any, ...]:
        parts = (self.loc, self.scale)
        return tuple(p.tolist() if isinstance(p, _C.Tensor) else p for p in parts) + (self._event_dim,)


class SoftmaxTransform(Transform):
    """y = softmax(x): not invertible, its inverse is log(y)."""

    domain, codomain = constraints.real_vector, constraints.simplex

    def _call(self, x: Any) -> Any:
        return _ops["softmax"](x, -1)

    def _inverse(self, y: Any) -> Any:
        return _log(y)


class StickBreakingTransform(Transform):
    """n numbers as n + 1 that add up to 1: each takes a sigmoid of what is left of a stick."""

    bijective, domain, codomain = True, constraints.real_vector, constraints.simplex

    def _offset(self, n: int, dtype: Any) -> Any:
        return _log(_C.arange(n, 0, -1, dtype=dtype))

    def _call(self, x: Any) -> Any:
        z = _ops["sigmoid"](x - self._offset(x.shape[-1], x.dtype))
        rest = _ops["cumprod"](1 - z, -1)
        one = _C.ones((*tuple(x.shape[:-1]), 1), dtype=x.dtype)
        return _ops["cat"]([z, one], -1) * _ops["cat"]([one, rest], -1)

    def _inverse(self, y: Any) -> Any:
        head = y[..., :-1]
        left = _ops["clamp_min"](1 - _ops["cumsum"](head, -1), 1.2e-38)
        return _log(head) - _log(left) + self._offset(head.shape[-1], y.dtype)

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Any:
        x = x - self._offset(x.shape[-1], x.dtype)
        return (-x - _softplus(-x) + _log(y[..., :-1])).sum(-1)

    def forward_shape(self, shape: Any) -> Any:
        return (*tuple(shape)[:-1], shape[-1] + 1)

    def inverse_shape(self, shape: Any) -> Any:
        return (*tuple(shape)[:-1], shape[-1] - 1)


class LowerCholeskyTransform(Transform):
    """A matrix' lower triangle with exp of its diagonal: lower triangular with a positive diagonal."""

    domain, codomain = constraints.independent(constraints.real, 2), constraints.lower_cholesky

    def _call(self, x: Any) -> Any:
        return _ops["tril"](x, -1) + _ops["diag_embed"](_exp(_ops["diagonal"](x, 0, -2, -1)))

    def _inverse(self, y: Any) -> Any:
        return _ops["tril"](y, -1) + _ops["diag_embed"](_log(_ops["diagonal"](y, 0, -2, -1)))


class CumulativeDistributionTransform(Transform):
    """A distribution's cdf as a transform, its icdf as the inverse."""

    bijective, codomain, sign = True, constraints.unit_interval, 1

    def __init__(self, distribution: Any, cache_size: int = 0) -> None:
        super().__init__(cache_size)
        self.distribution = distribution

    @property
    def domain(self) -> Any:
        return self.distribution.support

    def _call(self, x: Any) -> Any:
        return self.distribution.cdf(x)

    def _inverse(self, y: Any) -> Any:
        return self.distribution.icdf(y)

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Any:
        return self.distribution.log_prob(x)


def transform_to(constraint: Any) -> Transform:
    """A transform from all real numbers (vectors, matrices) to those that satisfy a constraint."""
    name = repr(constraint).partition("(")[0]
    if name == "Independent":
        raise NotImplementedError("transform_to: give the constraint of single elements")
    if name in ("GreaterThan", "GreaterThanEq"):
        low = constraint.lower_bound
        exp = ExpTransform()
        return exp if not isinstance(low, _C.Tensor) and low == 0 else ComposeTransform([exp, AffineTransform(low, 1)])
    if name == "LessThan":
        return ComposeTransform([ExpTransform(), AffineTransform(constraint.upper_bound, -1)])
    if name in ("Interval", "HalfOpenInterval"):
        low, high = constraint.lower_bound, constraint.upper_bound
        if not isinstance(low, _C.Tensor) and not isinstance(high, _C.Tensor) and (low, high) == (0, 1):
            return SigmoidTransform()
        return ComposeTransform([SigmoidTransform(), AffineTransform(low, high - low)])
    known = {
        "Real": identity_transform, "Simplex": SoftmaxTransform(), "LowerCholesky": LowerCholeskyTransform(),
    }  # fmt: skip
    if name not in known:
        raise NotImplementedError(f"transform_to: there is no transform to {constraint!r}")
    return known[name]


def biject_to(constraint: Any) -> Transform:
    """An invertible transform from real numbers to those that satisfy a constraint."""
    if repr(constraint).startswith("Simplex"):
        return StickBreakingTransform()
    return transform_to(constraint)


