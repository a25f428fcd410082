"""The table of rules, and what several of them are made with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy
from scipy.special import _ufuncs

np: Any = numpy  # called with Tensors, of which the stubs know nothing
sp: Any = _ufuncs  # the ufuncs themselves: in scipy.special wrappers may stand for them

Derivative = Callable[..., Any] | None


class Entry(NamedTuple):
    """A derivative for each argument, of the same arguments; for several outputs it gives a tuple."""

    rules: tuple[Derivative, ...]
    real_only: bool


RULES: dict[str, Entry] = {}


def rule(names: str, *rules: Derivative, real_only: bool = False) -> None:
    """Enters the derivatives of these functions, by SciPy's names."""
    for name in names.split():
        RULES[name] = Entry(rules, real_only)


def where(condition: Any, x: Any, y: Any) -> Any:
    return np.where(condition, x, y)


def below(n: Any, value: Any) -> Any:
    """value where n is not 0: a polynomial of degree 0 is constant."""
    return np.where(np.equal(n, 0), 0.0, value) if np.ndim(n) or n == 0 else value


def power(x: Any, y: Any) -> Any:
    return np.power(x, y)


SQRT_PI = 1.7724538509055159
SQRT_2PI = 2.5066282746310002
LN_2 = 0.6931471805599453
