"""Distribution, the base of all distributions: shapes, checks of parameters and of samples."""

from __future__ import annotations

from typing import Any

from .. import _C
from .._modes import no_grad
from .._shapes import broadcast_tensors
from . import constraints

Tensor = _C.Tensor
_ops: dict[str, Any] = _C.ops

__all__ = ["Distribution"]


def broadcast_all(*values: Any) -> tuple[Any, ...]:
    """Numbers and tensors as tensors of one shape; numbers take the tensors' dtype, or the default dtype."""
    for v in values:
        if not isinstance(v, (Tensor, int, float)):
            raise ValueError(f"distributions: parameters must be numbers or Tensors, not {type(v).__name__}")
    kinds = [v.dtype for v in values if isinstance(v, Tensor)]
    dtype = kinds[0] if kinds else _C.get_default_dtype()
    return tuple(broadcast_tensors(*[v if isinstance(v, Tensor) else _C.tensor(v, dtype=dtype) for v in values]))


def one_of(name: str, **given: Any) -> str:
    """Which of two arguments is given; ValueError unless it is one exactly."""
    there = [k for k, v in given.items() if v is not None]
    if len(there) != 1:
        raise ValueError(f"{name}: give either {' or '.join(given)}, and not both")
    return there[0]


class Distribution:
    """A probability distribution over tensors of event_shape, one for each element of batch_shape.

    Subclasses say in arg_constraints what their parameters satisfy and in support what samples do; they keep each
    parameter in an attribute of its name.  validate_args False: nothing is checked.
    """

    has_rsample = False
    has_enumerate_support = False
    arg_constraints: dict[str, Any] = {}
    _validate_args = __debug__

    @staticmethod
    def set_default_validate_args(value: bool) -> None:
        """Whether distributions check their parameters and samples unless told otherwise."""
        if value not in (True, False):
            raise ValueError(f"set_default_validate_args: needs True or False, not {value!r}")
        Distribution._validate_args = value

    def __init__(self, batch_shape: Any = (), event_shape: Any = (), validate_args: bool | None = None) -> None:
        self._batch_shape, self._event_shape = _C.Size(batch_shape), _C.Size(event_shape)
        if validate_args is not None:
            self._validate_args = validate_args
        if not self._validate_args:
            return
        for name, constraint in self.arg_constraints.items():
            value = self.__dict__.get(name)
            if value is None or constraints.is_dependent(constraint) or not isinstance(value, Tensor):
                continue
            valid = constraint.check(value.detach())
            if not bool(valid.all()):
                raise ValueError(
                    f"Expected parameter {name} (Tensor of shape {tuple(value.shape)}) of distribution"
                    f" {type(self).__name__} to satisfy the constraint {constraint!r},"
                    f" but found invalid values:\n{value}"
                )

    # ---- shapes ----

    @property
    def batch_shape(self) -> Any:
        """How many distributions there are, as a shape."""
        return self._batch_shape

    @property
    def event_shape(self) -> Any:
        """The shape of one sample of one of them."""
        return self._event_shape

    def _extended_shape(self, sample_shape: Any = ()) -> tuple[int, ...]:
        return (*tuple(sample_shape), *self._batch_shape, *self._event_shape)

    def expand(self, batch_shape: Any, _instance: Any = None) -> Any:
        """The same distribution for a larger batch_shape, parameters expanded without copying."""
        new = type(self).__new__(type(self))
        new.__dict__.update(self.__dict__)
        shape, before = tuple(batch_shape), len(self._batch_shape)
        for name in self._held():
            value = self.__dict__[name]
            if isinstance(value, Tensor):
                new.__dict__[name] = _ops["expand"](value, (*shape, *tuple(value.shape)[before:]))
            elif isinstance(value, Distribution):
                new.__dict__[name] = value.expand((*shape, *tuple(value.batch_shape)[before:]))
        new._batch_shape = _C.Size(shape)
        return new

    def _held(self) -> list[str]:
        """Names of the attributes that have the batch's shape in front."""
        return [name for name, v in self.__dict__.items() if isinstance(v, (Tensor, Distribution))]

    # ---- what subclasses have ----

    @property
    def support(self) -> Any:
        """The constraint that samples satisfy."""
        raise NotImplementedError(f"{type(self).__name__} does not say what its support is")

    @property
    def mean(self) -> Any:
        """The mean."""
        raise NotImplementedError(f"{type(self).__name__} has no mean")

    @property
    def mode(self) -> Any:
        """The most likely value."""
        raise NotImplementedError(f"{type(self).__name__} does not implement mode")

    @property
    def variance(self) -> Any:
        """The variance."""
        raise NotImplementedError(f"{type(self).__name__} has no variance")

    @property
    def stddev(self) -> Any:
        """The standard deviation."""
        return _ops["sqrt"](self.variance)

    def sample(self, sample_shape: Any = ()) -> Any:
        """Samples of shape sample_shape + batch_shape + event_shape, without gradients."""
        with no_grad():
            return self.rsample(sample_shape)

    def rsample(self, sample_shape: Any = ()) -> Any:
        """Samples through which gradients flow to the parameters."""
        raise NotImplementedError(f"{type(self).__name__} has no rsample: its samples cannot be differentiated")

    def log_prob(self, value: Any) -> Any:
        """log of the density (mass) at value."""
        raise NotImplementedError(f"{type(self).__name__} has no log_prob")

    def cdf(self, value: Any) -> Any:
        """The probability of at most value."""
        raise NotImplementedError(f"{type(self).__name__} has no cdf")

    def icdf(self, value: Any) -> Any:
        """Where the distribution function has this value."""
        raise NotImplementedError(f"{type(self).__name__} has no icdf")

    def entropy(self) -> Any:
        """The (differential) entropy, in nats."""
        raise NotImplementedError(f"{type(self).__name__} has no entropy")

    def enumerate_support(self, expand: bool = True) -> Any:
        """All values a discrete distribution can take, along a new first dimension."""
        raise NotImplementedError(f"{type(self).__name__} cannot list its support")

    def perplexity(self) -> Any:
        """exp(entropy)."""
        return _ops["exp"](self.entropy())

    # ---- checks ----

    def _validate_sample(self, value: Any) -> None:
        if not self._validate_args:
            return
        name = type(self).__name__
        if not isinstance(value, Tensor):
            raise ValueError(f"{name}.log_prob: the value must be a Tensor, not {type(value).__name__}")
        event = len(self._event_shape)
        if tuple(value.shape)[value.ndim - event :] != tuple(self._event_shape):
            raise ValueError(
                f"{name}.log_prob: the value's last dimensions must be the event shape {tuple(self._event_shape)},"
                f" the value has shape {tuple(value.shape)}"
            )
        expected = (*self._batch_shape, *self._event_shape)
        for ours, theirs in zip(reversed(expected), reversed(tuple(value.shape)), strict=False):
            if ours != 1 and theirs != 1 and ours != theirs:
                raise ValueError(
                    f"{name}.log_prob: the value's shape {tuple(value.shape)} does not broadcast with"
                    f" batch_shape + event_shape {expected}"
                )
        try:
            support = self.support
        except NotImplementedError:
            return
        if not bool(support.check(value.detach()).all()):
            raise ValueError(
                f"Expected value argument (Tensor of shape {tuple(value.shape)}) to be within the support ({support!r})"
                f" of the distribution {self!r}, but found invalid values:\n{value}"
            )

    def __repr__(self) -> str:
        words = []
        for name in self.arg_constraints:
            value = self.__dict__.get(name)
            if isinstance(value, Tensor):
                value = value.detach()
                words.append(f"{name}: {value if value.numel() == 1 else tuple(value.shape)}")
            elif value is not None:
                words.append(f"{name}: {value}")
        return f"{type(self).__name__}({', '.join(words)})"


class ExponentialFamily(Distribution):
    """Distributions of the exponential family; a name to ask with isinstance."""
