"""The derivatives of SciPy's special functions, for gradients through scipy.special's own ufuncs.

SciPy computes the values on the tensors' memory; a rule, one expression an argument, says what the derivative
is.  Rules are made of functions that have rules, so gradients of gradients follow.
"""

from __future__ import annotations

from ._recording import differentiable

__all__ = ["differentiable"]
