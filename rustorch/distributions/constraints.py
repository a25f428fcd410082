"""What parameters and samples of distributions have to satisfy: objects with check(value), which answers for each
element (each vector or matrix where event_dim is 1 or 2)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .. import _C

_ops: dict[str, Any] = _C.ops

__all__ = [
    "Constraint", "boolean", "cat", "corr_cholesky", "dependent", "dependent_property", "greater_than",
    "greater_than_eq", "half_open_interval", "independent", "integer_interval", "interval", "is_dependent", "less_than",
    "lower_cholesky", "lower_triangular", "multinomial", "nonnegative", "nonnegative_integer", "one_hot",
    "positive", "positive_definite", "positive_integer", "positive_semidefinite", "real", "real_vector", "simplex",
    "square", "symmetric", "unit_interval",
]  # fmt: skip


class Constraint:
    """A condition on values: its name, whether the values are discrete, over how many last dimensions it goes."""

    def __init__(self, name: str, test: Callable[[Any], Any], event_dim: int = 0, is_discrete: bool = False) -> None:
        self._name, self._test, self.event_dim, self.is_discrete = name, test, event_dim, is_discrete

    def check(self, value: Any) -> Any:
        """A bool tensor: does value satisfy the condition?"""
        return self._test(value)

    def __repr__(self) -> str:
        return self._name


class _Bounded(Constraint):
    def __init__(self, name: str, test: Callable[[Any], Any], discrete: bool = False, **bounds: Any) -> None:
        words = ", ".join(f"{k}={v}" for k, v in bounds.items())
        super().__init__(f"{name}({words})", test, 0, discrete)
        self.__dict__.update(bounds)


class _Dependent(Constraint):
    """A condition that the distribution's own parameters decide; it cannot be checked here."""

    def __init__(self, is_discrete: bool = False, event_dim: int = 0) -> None:
        super().__init__("Dependent()", self._refuse, event_dim, is_discrete)

    @staticmethod
    def _refuse(value: Any) -> Any:
        raise ValueError("Cannot determine validity of dependent constraint")

    def __call__(self, *, is_discrete: bool = False, event_dim: int = 0) -> _Dependent:
        return _Dependent(is_discrete, event_dim)


class dependent_property(property):
    """A property of a distribution that gives a constraint; on the class it stands for a dependent one."""

    def __init__(self, fn: Any = None, *, is_discrete: bool = False, event_dim: int = 0) -> None:
        super().__init__(fn)
        self.is_discrete, self.event_dim = is_discrete, event_dim

    def __call__(self, fn: Any) -> Any:
        return dependent_property(fn, is_discrete=self.is_discrete, event_dim=self.event_dim)


def is_dependent(constraint: Any) -> bool:
    """Does a distribution's parameters decide this constraint?"""
    return isinstance(constraint, (_Dependent, dependent_property))


def _integral(value: Any) -> Any:
    return value == _ops["floor"](value) if value.is_floating_point() else value == value


def integer_interval(lower_bound: Any, upper_bound: Any) -> Constraint:
    """Integers from lower_bound to upper_bound, both included."""
    return _Bounded("IntegerInterval", lambda v: _integral(v) & (v >= lower_bound) & (v <= upper_bound), True,
                    lower_bound=lower_bound, upper_bound=upper_bound)  # fmt: skip


def _integers_from(lower_bound: Any) -> Constraint:
    return _Bounded("IntegerGreaterThan", lambda v: _integral(v) & (v >= lower_bound), True, lower_bound=lower_bound)


def greater_than(lower_bound: Any) -> Constraint:
    """Numbers above lower_bound."""
    return _Bounded("GreaterThan", lambda v: v > lower_bound, lower_bound=lower_bound)


def greater_than_eq(lower_bound: Any) -> Constraint:
    """Numbers from lower_bound."""
    return _Bounded("GreaterThanEq", lambda v: v >= lower_bound, lower_bound=lower_bound)


def less_than(upper_bound: Any) -> Constraint:
    """Numbers below upper_bound."""
    return _Bounded("LessThan", lambda v: v < upper_bound, upper_bound=upper_bound)


def interval(lower_bound: Any, upper_bound: Any) -> Constraint:
    """Numbers from lower_bound to upper_bound, both included."""
    return _Bounded("Interval", lambda v: (v >= lower_bound) & (v <= upper_bound), lower_bound=lower_bound,
                    upper_bound=upper_bound)  # fmt: skip


def half_open_interval(lower_bound: Any, upper_bound: Any) -> Constraint:
    """Numbers from lower_bound, below upper_bound."""
    return _Bounded("HalfOpenInterval", lambda v: (v >= lower_bound) & (v < upper_bound), lower_bound=lower_bound,
                    upper_bound=upper_bound)  # fmt: skip


def multinomial(upper_bound: Any) -> Constraint:
    """Vectors of counts that add up to upper_bound."""
    return Constraint(
        "Multinomial()", lambda v: (v >= 0).all(-1) & (v.sum(-1) == upper_bound), event_dim=1, is_discrete=True
    )


def independent(base: Any, reinterpreted_batch_ndims: int) -> Constraint:
    """base, for all elements of the last dimensions at once."""

    def test(value: Any) -> Any:
        result = base.check(value)
        for _ in range(reinterpreted_batch_ndims):
            result = result.all(-1)
        return result

    name = f"Independent({base!r}, {reinterpreted_batch_ndims})"
    return Constraint(name, test, base.event_dim + reinterpreted_batch_ndims, base.is_discrete)


def cat(cseq: Any, dim: int = 0, lengths: Any = None) -> Constraint:
    """Each part of a value, cut along dim into lengths, satisfies its constraint."""
    sizes = [1] * len(cseq) if lengths is None else list(lengths)

    def test(value: Any) -> Any:
        parts = _ops["split"](value, sizes, dim) if "split" in _ops else value.split(sizes, dim)
        return _ops["cat"]([c.check(part) for c, part in zip(cseq, parts, strict=True)], dim)

    return Constraint("Cat()", test, max(c.event_dim for c in cseq), any(c.is_discrete for c in cseq))


def _lower(value: Any) -> Any:
    return (_ops["tril"](value) == value).flatten(-2).all(-1)


def _diagonal_positive(value: Any) -> Any:
    return (_ops["diagonal"](value, 0, -2, -1) > 0).all(-1)


def _symmetric(value: Any) -> Any:
    return (_ops["abs"](value - value.mT) <= 1e-6).flatten(-2).all(-1)


def _definite(value: Any) -> Any:
    from ..linalg import cholesky_ex

    return _symmetric(value) & (cholesky_ex(value).info == 0)


def _semidefinite(value: Any) -> Any:
    from ..linalg import eigvalsh

    return _symmetric(value) & (eigvalsh(value) >= 0).all(-1)


def _unit_rows(value: Any) -> Any:
    tolerance = 2e-6 if str(value.dtype) != "float64" else 2e-15
    return (_ops["abs"](value.square().sum(-1) - 1) < tolerance * value.shape[-1] * 10).all(-1)


dependent = _Dependent()
boolean = Constraint("Boolean()", lambda v: (v == 0) | (v == 1), is_discrete=True)
one_hot = Constraint(
    "OneHot()", lambda v: ((v == 0) | (v == 1)).all(-1) & (v.sum(-1) == 1), event_dim=1, is_discrete=True
)
nonnegative_integer, positive_integer = _integers_from(0), _integers_from(1)
real = Constraint("Real()", lambda v: v == v)
real_vector = independent(real, 1)
positive, nonnegative = greater_than(0.0), greater_than_eq(0.0)
unit_interval = interval(0.0, 1.0)
simplex = Constraint(
    "Simplex()", lambda v: (v >= 0).all(-1) & (_ops["abs"](v.sum(-1) - 1) < 1e-6), event_dim=1
)
lower_triangular = Constraint("LowerTriangular()", _lower, 2)
lower_cholesky = Constraint("LowerCholesky()", lambda v: _lower(v) & _diagonal_positive(v), 2)
corr_cholesky = Constraint("CorrCholesky()", lambda v: _lower(v) & _diagonal_positive(v) & _unit_rows(v), 2)
square = Constraint("Square()", lambda v: _C.full(tuple(v.shape[:-2]), v.shape[-2] == v.shape[-1], dtype="bool"), 2)
symmetric = Constraint("Symmetric()", _symmetric, 2)
positive_definite = Constraint("PositiveDefinite()", _definite, 2)
positive_semidefinite = Constraint("PositiveSemidefinite()", _semidefinite, 2)
