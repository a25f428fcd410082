"""The normal distribution, in one and in several dimensions, and what it becomes when folded."""

from __future__ import annotations

import math
from typing import Any

from .. import _C
from .._variates import LOG_SQRT_2PI
from . import constraints
from .distribution import Distribution, ExponentialFamily, broadcast_all, one_of

_ops: dict[str, Any] = _C.ops
_log, _exp, _sqrt = _ops["log"], _ops["exp"], _ops["sqrt"]

__all__ = ["HalfNormal", "LowRankMultivariateNormal", "MultivariateNormal", "Normal"]


class Normal(ExponentialFamily):
    """The normal distribution of mean loc and standard deviation scale, numbers or Tensors that broadcast.

    >>> import rustorch as rt
    >>> m = rt.distributions.Normal(rt.tensor([0.0, 1.0]), 2.0)
    >>> m.sample((3,)).shape, round(m.log_prob(rt.zeros(2))[0].item(), 4)
    ((3, 2), -1.6121)
    """

    arg_constraints = {"loc": constraints.real, "scale": constraints.positive}
    support = constraints.real
    has_rsample = True

    def __init__(self, loc: Any, scale: Any, validate_args: bool | None = None) -> None:
        self.loc, self.scale = broadcast_all(loc, scale)
        super().__init__(self.loc.shape, validate_args=validate_args)

    @property
    def mean(self) -> Any:
        return self.loc

    @property
    def mode(self) -> Any:
        return self.loc

    @property
    def stddev(self) -> Any:
        return self.scale

    @property
    def variance(self) -> Any:
        return self.scale.square()

    def rsample(self, sample_shape: Any = ()) -> Any:
        return self.loc + self.scale * _C.randn(self._extended_shape(sample_shape), dtype=self.loc.dtype)

    def log_prob(self, value: Any) -> Any:
        self._validate_sample(value)
        return -0.5 * ((value - self.loc) / self.scale).square() - _log(self.scale) - LOG_SQRT_2PI

    def cdf(self, value: Any) -> Any:
        self._validate_sample(value)
        return 0.5 * (1 + _ops["erf"]((value - self.loc) / (self.scale * math.sqrt(2))))

    def icdf(self, value: Any) -> Any:
        return self.loc + self.scale * _ops["erfinv"](2 * value - 1) * math.sqrt(2)

    def entropy(self) -> Any:
        return 0.5 + LOG_SQRT_2PI + _log(self.scale)


class HalfNormal(Distribution):
    """The absolute value of a normal variable of mean 0 and standard deviation scale."""

    arg_constraints = {"scale": constraints.positive}
    support = constraints.nonnegative
    has_rsample = True

    def __init__(self, scale: Any, validate_args: bool | None = None) -> None:
        (self.scale,) = broadcast_all(scale)
        super().__init__(self.scale.shape, validate_args=validate_args)

    @property
    def mean(self) -> Any:
        return self.scale * math.sqrt(2 / math.pi)

    @property
    def mode(self) -> Any:
        return _C.zeros_like(self.scale)

    @property
    def variance(self) -> Any:
        return self.scale.square() * (1 - 2 / math.pi)

    def rsample(self, sample_shape: Any = ()) -> Any:
        return self.scale * _ops["abs"](_C.randn(self._extended_shape(sample_shape), dtype=self.scale.dtype))

    def log_prob(self, value: Any) -> Any:
        self._validate_sample(value)
        inside = -0.5 * (value / self.scale).square() - _log(self.scale) - LOG_SQRT_2PI + math.log(2)
        return _ops["where"](value >= 0, inside, -math.inf)

    def cdf(self, value: Any) -> Any:
        self._validate_sample(value)
        return _ops["erf"](value / (self.scale * math.sqrt(2)))

    def icdf(self, value: Any) -> Any:
        return self.scale * _ops["erfinv"](value) * math.sqrt(2)

    def entropy(self) -> Any:
        return 0.5 + LOG_SQRT_2PI + _log(self.scale) - math.log(2)


def _solve_lower(lower: Any, vectors: Any) -> Any:
    """lower^-1 v for the last dimension of vectors, batches broadcast."""
    from ..linalg import solve_triangular

    return solve_triangular(lower, vectors.unsqueeze(-1), upper=False).squeeze(-1)


def _half_log_det(lower: Any) -> Any:
    return _log(_ops["diagonal"](lower, 0, -2, -1)).sum(-1)


class MultivariateNormal(Distribution):
    """The normal distribution of vectors: mean loc (..., n), and one of covariance_matrix, precision_matrix and
    scale_tril (lower triangular, its square the covariance), each (..., n, n)."""

    arg_constraints = {
        "loc": constraints.real_vector, "covariance_matrix": constraints.positive_definite,
        "precision_matrix": constraints.positive_definite, "scale_tril": constraints.lower_cholesky,
    }  # fmt: skip
    support = constraints.real_vector
    has_rsample = True

    def __init__(
        self, loc: Any, covariance_matrix: Any = None, precision_matrix: Any = None, scale_tril: Any = None,
        validate_args: bool | None = None,
    ) -> None:  # fmt: skip
        from .._shapes import broadcast_shapes

        if loc.ndim < 1:
            raise ValueError("MultivariateNormal: loc must have at least one dimension")
        given = {"covariance_matrix": covariance_matrix, "precision_matrix": precision_matrix, "scale_tril": scale_tril}
        name = one_of("MultivariateNormal", **given)
        matrix = given[name]
        if matrix.ndim < 2:
            raise ValueError(f"MultivariateNormal: {name} must have at least two dimensions, not {matrix.ndim}")
        batch = tuple(broadcast_shapes(tuple(matrix.shape[:-2]), tuple(loc.shape[:-1])))
        self.loc = _ops["expand"](loc, (*batch, loc.shape[-1]))
        matrix = _ops["expand"](matrix, (*batch, *tuple(matrix.shape[-2:])))
        self.__dict__[name] = matrix
        super().__init__(batch, (loc.shape[-1],), validate_args=validate_args)
        from ..linalg import cholesky, inv

        self._lower = (
            matrix if name == "scale_tril" else cholesky(matrix if name == "covariance_matrix" else inv(matrix))
        )

    def __getattr__(self, name: str) -> Any:
        if name == "scale_tril" and "_lower" in self.__dict__:
            return self._lower
        if name == "covariance_matrix" and "_lower" in self.__dict__:
            return self._lower @ self._lower.mT
        if name == "precision_matrix" and "_lower" in self.__dict__:
            return self._lower.cholesky_inverse()
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    @property
    def mean(self) -> Any:
        return self.loc

    @property
    def mode(self) -> Any:
        return self.loc

    @property
    def variance(self) -> Any:
        return self._lower.square().sum(-1)

    def rsample(self, sample_shape: Any = ()) -> Any:
        noise = _C.randn(self._extended_shape(sample_shape), dtype=self.loc.dtype)
        return self.loc + _ops["matmul"](self._lower, noise.unsqueeze(-1)).squeeze(-1)

    def log_prob(self, value: Any) -> Any:
        self._validate_sample(value)
        distance = _solve_lower(self._lower, value - self.loc).square().sum(-1)
        return -0.5 * distance - self.loc.shape[-1] * LOG_SQRT_2PI - _half_log_det(self._lower)

    def entropy(self) -> Any:
        return self.loc.shape[-1] * (0.5 + LOG_SQRT_2PI) + _half_log_det(self._lower)


class LowRankMultivariateNormal(Distribution):
    """The normal distribution of vectors with covariance cov_factor cov_factor' + diag(cov_diag).

    loc: (..., n); cov_factor: (..., n, rank); cov_diag: (..., n)."""

    arg_constraints = {
        "loc": constraints.real_vector, "cov_factor": constraints.independent(constraints.real, 2),
        "cov_diag": constraints.independent(constraints.positive, 1),
    }  # fmt: skip
    support = constraints.real_vector
    has_rsample = True

    def __init__(self, loc: Any, cov_factor: Any, cov_diag: Any, validate_args: bool | None = None) -> None:
        from .._shapes import broadcast_shapes
        from ..linalg import cholesky

        size = loc.shape[-1]
        if cov_factor.ndim < 2 or cov_factor.shape[-2] != size or cov_diag.shape[-1] != size:
            raise ValueError(
                f"LowRankMultivariateNormal: for loc of shape {tuple(loc.shape)} cov_factor must be"
                f" (..., {size}, rank) and cov_diag (..., {size}),"
                f" not {tuple(cov_factor.shape)} and {tuple(cov_diag.shape)}"
            )
        leads = (loc.shape[:-1], cov_factor.shape[:-2], cov_diag.shape[:-1])
        batch = tuple(broadcast_shapes(*[tuple(s) for s in leads]))
        self.loc = _ops["expand"](loc, (*batch, size))
        self.cov_factor = _ops["expand"](cov_factor, (*batch, size, cov_factor.shape[-1]))
        self.cov_diag = _ops["expand"](cov_diag, (*batch, size))
        super().__init__(batch, (size,), validate_args=validate_args)
        self._lower = cholesky(self.covariance_matrix)

    @property
    def covariance_matrix(self) -> Any:
        """The covariance, (..., n, n)."""
        return _ops["matmul"](self.cov_factor, self.cov_factor.mT) + _ops["diag_embed"](self.cov_diag)

    @property
    def scale_tril(self) -> Any:
        """The covariance's lower Cholesky factor."""
        return self._lower

    @property
    def precision_matrix(self) -> Any:
        """The covariance's inverse."""
        return self._lower.cholesky_inverse()

    @property
    def mean(self) -> Any:
        return self.loc

    @property
    def mode(self) -> Any:
        return self.loc

    @property
    def variance(self) -> Any:
        return self.cov_factor.square().sum(-1) + self.cov_diag

    def rsample(self, sample_shape: Any = ()) -> Any:
        shape = self._extended_shape(sample_shape)
        few = _C.randn((*shape[:-1], self.cov_factor.shape[-1]), dtype=self.loc.dtype)
        many = _C.randn(shape, dtype=self.loc.dtype)
        return self.loc + _ops["matmul"](self.cov_factor, few.unsqueeze(-1)).squeeze(-1) + _sqrt(self.cov_diag) * many

    def log_prob(self, value: Any) -> Any:
        self._validate_sample(value)
        distance = _solve_lower(self._lower, value - self.loc).square().sum(-1)
        return -0.5 * distance - self.loc.shape[-1] * LOG_SQRT_2PI - _half_log_det(self._lower)

    def entropy(self) -> Any:
        return self.loc.shape[-1] * (0.5 + LOG_SQRT_2PI) + _half_log_det(self._lower)
