"""Functions of scipy.special that are no ufuncs, for Tensors and arrays alike, with gradients.

Each has SciPy's name, arguments and results; NotHere where SciPy's own code is to do it.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any

import scipy.special

from ..numpy._registry import NotHere, is_tracked, op, tensor
from ._rules import np, sp

FUNCTIONS: dict[str, Callable[..., Any]] = {}


def _enter(function: Callable[..., Any]) -> Callable[..., Any]:
    FUNCTIONS[function.__name__] = function
    return function


def _floating(x: Any) -> Any:
    """x as a tensor of floating or complex numbers, integers as float64."""
    x = tensor(x)
    return x if x.dtype.kind in "fc" else op("cast")(x, "float64")


@_enter
def sinc(x: Any) -> Any:
    """sin(pi x) / (pi x), elementwise; 1 at 0."""
    return np.sinc(_floating(x))


@_enter
def logsumexp(a: Any, axis: Any = None, b: Any = None, keepdims: bool = False, return_sign: bool = False) -> Any:
    """log of the sum of b * exp(a) over axis (None: all), without overflow.

    return_sign: also the sign of the sum, whose absolute value's logarithm is given."""
    x = _floating(a)
    if x.dtype.kind == "c" or x.size == 0:
        raise NotHere
    if b is None and not return_sign:
        return np.logaddexp.reduce(x, axis=axis, keepdims=keepdims)
    weights = tensor(1.0 if b is None else b)
    if weights.dtype.kind == "c":
        raise NotHere
    x = np.where(np.equal(weights, 0), -np.inf, x)
    top = np.max(x.detach(), axis=axis, keepdims=True)
    top = np.where(np.isfinite(top), top, 0.0)
    total = np.sum(weights * np.exp(x - top), axis=axis, keepdims=True)
    sign = np.sign(total.detach())
    result = np.log(total * sign if return_sign else total) + top
    if not keepdims:
        result, sign = (np.squeeze(v, axis=axis) for v in (result, sign))
    return (result, sign) if return_sign else result


@_enter
def softmax(x: Any, axis: Any = None) -> Any:
    """exp(x) / sum(exp(x)) over axis, an int, a tuple, or None for all."""
    return np.exp(log_softmax(x, axis))


@_enter
def log_softmax(x: Any, axis: Any = None) -> Any:
    """log(softmax(x, axis))."""
    x = _floating(x)
    if x.dtype.kind == "c" or x.size == 0:
        raise NotHere
    if isinstance(axis, int) and x.ndim:
        return op("log_softmax")(x, axis)
    return x - np.logaddexp.reduce(x, axis=axis, keepdims=True)


@_enter
def softplus(x: Any, **kwargs: Any) -> Any:
    """log(1 + exp(x)); keywords as of ufuncs."""
    return np.logaddexp(_floating(x), 0.0, **kwargs)


@_enter
def polygamma(n: Any, x: Any) -> Any:
    """The n-th derivative of psi at x; n an integer or an array of them, not negative."""
    x = tensor(x)
    factor = np.power(-1.0, np.asarray(n) + 1) * sp.gamma(np.asarray(n) + 1.0)
    higher = factor * sp._zeta(np.asarray(n) + 1.0, x)
    return np.where(np.equal(n, 0), sp.psi(x), higher) if np.ndim(n) or n == 0 else higher


@_enter
def multigammaln(a: Any, d: Any) -> Any:
    """The logarithm of the gamma function of d variables at a > (d - 1) / 2; ValueError elsewhere."""
    d = operator.index(d)
    a = _floating(a)
    if bool(np.any(np.less_equal(a.detach(), 0.5 * (d - 1)))):
        raise ValueError(f"condition a > 0.5 * (d-1) not met: a={a.detach()}, d={d}")
    result = sp.gammaln(a) + d * (d - 1) * 0.25 * math.log(math.pi)
    for i in range(1, d):
        result = result + sp.gammaln(a - i / 2)
    return result


@_enter
def zeta(x: Any, q: Any = None, out: Any = None) -> Any:
    """The sum of (k + q)**-x over k >= 0; without q Riemann's."""
    words = {} if out is None else {"out": out}
    return sp._riemann_zeta(tensor(x), **words) if q is None else sp._zeta(tensor(x), tensor(q), **words)


def _need_inexact(exact: Any) -> None:
    if exact:
        raise NotHere


@_enter
def comb(N: Any, k: Any, *, exact: bool = False, repetition: bool = False) -> Any:
    """The number of ways to choose k of N, elementwise; with repetition that of choosing k of N + k - 1."""
    _need_inexact(exact)
    n, k = tensor(N), tensor(k)
    if repetition:
        nothing = np.logical_and(np.equal(k, 0), np.greater_equal(n, 0))
        return np.where(nothing, 1.0, comb(n + k - 1, k))
    valid = np.logical_and(np.logical_and(np.less_equal(k, n), np.greater_equal(n, 0)), np.greater_equal(k, 0))
    return np.where(valid, sp.binom(n, k), 0.0)


@_enter
def perm(N: Any, k: Any, exact: bool = False) -> Any:
    """The number of ordered choices of k of N, elementwise."""
    _need_inexact(exact)
    n, k = tensor(N), tensor(k)
    valid = np.logical_and(np.logical_and(np.less_equal(k, n), np.greater_equal(n, 0)), np.greater_equal(k, 0))
    return np.where(valid, sp.poch(n - k + 1, k), 0.0)


@_enter
def factorial(n: Any, exact: bool = False, extend: str = "zero") -> Any:
    """gamma(n + 1), 0 for negative n."""
    if exact or extend != "zero" or not is_tracked(n):
        raise NotHere
    negative = np.less(n, 0)
    return np.where(negative, 0.0, sp.gamma(np.where(negative, 0.0, n) + 1))


@_enter
def lambertw(z: Any, k: Any = 0, tol: float = 1e-8) -> Any:
    """Lambert's W, the solution of w exp(w) = z on branch k; complex."""
    return sp._lambertw(tensor(z), np.asarray(k, dtype="long"), tol)


def _spherical(name: str, even: int) -> None:
    value, slope = getattr(sp, "_" + name), getattr(sp, f"_{name}_d")

    def function(n: Any, z: Any, derivative: bool = False) -> Any:
        if not is_tracked(z):
            raise NotHere
        if even == 0 or z.dtype.kind == "c":
            return (slope if derivative else value)(n, z)
        back = np.less(z, 0)
        sign = np.where(np.equal(np.remainder(n, 2), 0), even, -even) * (-1.0 if derivative else 1.0)
        return (slope if derivative else value)(n, np.where(back, -z, z)) * np.where(back, sign, 1.0)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = getattr(scipy.special, name).__doc__
    _enter(function)


_spherical("spherical_jn", 1)
_spherical("spherical_yn", -1)
_spherical("spherical_in", 1)
_spherical("spherical_kn", 0)


@_enter
def legendre_p(n: Any, z: Any, *, diff_n: int = 0) -> Any:
    """Legendre's polynomial of degree n at z."""
    if diff_n or not is_tracked(z):
        raise NotHere
    return op("unsqueeze")(sp.eval_legendre(n, z), 0)


def _of_ufuncs(name: str) -> None:
    """SciPy's own text goes through with a tensor: it is made of ufuncs."""
    function = getattr(scipy.special, name)

    def call(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs)

    call.__name__, call.__doc__ = name, function.__doc__
    _enter(call)


for _name in ("jvp", "yvp", "kvp", "ivp", "h1vp", "h2vp", "assoc_laguerre"):
    _of_ufuncs(_name)

