"""Methods that fill a tensor with numbers drawn from a distribution: each inverts its distribution function
at uniform numbers, drawn in float64 (Devroye 1986, chapter 2).  Elementary functions are those of the least
instruction set, so that the numbers are the same on every processor."""

from __future__ import annotations

import math
from typing import Any

from . import _C

_ops: dict[str, Any] = _C.ops
_portable: Any = _C._portable


def _uniform(self: Any, generator: Any) -> Any:
    """Uniform numbers in [0, 1) of self's shape."""
    return _C.rand(tuple(self.shape), dtype="float64", generator=generator)


def _need_floating(name: str, self: Any) -> None:
    if not self.is_floating_point():
        raise _C.DtypeError(f"{name}: needs a floating dtype, not {self.dtype}")


def _fill(self: Any, values: Any) -> Any:
    return _ops["copy"](values, out=self)


def exponential_(self: Any, lambd: float = 1, *, generator: Any = None) -> Any:
    """Fills with numbers of density lambd exp(-lambd x), x > 0."""
    _need_floating("exponential_", self)
    if not lambd > 0:
        raise _C.TensorError(f"exponential_: lambd must be positive, it is {lambd}")
    return _fill(self, _portable("log1p", -_uniform(self, generator)) / -lambd)


def cauchy_(self: Any, median: float = 0, sigma: float = 1, *, generator: Any = None) -> Any:
    """Fills with numbers of density sigma / (pi ((x - median)^2 + sigma^2))."""
    _need_floating("cauchy_", self)
    if not sigma > 0:
        raise _C.TensorError(f"cauchy_: sigma must be positive, it is {sigma}")
    return _fill(self, _portable("tan", (_uniform(self, generator) - 0.5) * math.pi) * sigma + median)


def log_normal_(self: Any, mean: float = 1, std: float = 2, *, generator: Any = None) -> Any:
    """Fills with exp of normal numbers of this mean and standard deviation."""
    _need_floating("log_normal_", self)
    if not std > 0:
        raise _C.TensorError(f"log_normal_: std must be positive, it is {std}")
    normal = _C.normal(float(mean), float(std), tuple(self.shape), dtype="float64", generator=generator)
    return _fill(self, _portable("exp", normal))


def geometric_(self: Any, p: float, *, generator: Any = None) -> Any:
    """Fills with the number of trials of probability p up to the first success: 1, 2, ..."""
    if not 0 < p < 1:
        raise _C.TensorError(f"geometric_: p must lie between 0 and 1, it is {p}")
    if self.dtype.kind == "b" or self.is_complex():
        raise _C.DtypeError(f"geometric_: needs numbers, not {self.dtype}")
    trials = _ops["floor"](_portable("log1p", -_uniform(self, generator)) / math.log1p(-p)) + 1
    return _fill(self, trials if self.is_floating_point() else trials.to("int64"))


def multinomial(self: Any, num_samples: int, replacement: bool = False, *, generator: Any = None) -> Any:
    """Indices drawn with probabilities proportional to the last dimension: rustorch.multinomial."""
    from .random import multinomial as draw

    return draw(self, num_samples, replacement, generator=generator)


def methods() -> dict[str, Any]:
    """name -> what is put on the Tensor type."""
    return {f.__name__: f for f in (exponential_, cauchy_, log_normal_, geometric_, multinomial)}
