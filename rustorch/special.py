"""torch.special: special functions, under PyTorch's names and, where the function is the same, SciPy's.

The functions are rows of the op table: float16 to float64, integers
become the default dtype, `out=` is understood.  Their accuracy stands in their own text.

All other names of scipy.special are there too, with SciPy's arguments (rustorch.special.jv, .ellipk, .betainc
...): SciPy computes their values, when it is installed, and gradients flow where the derivative is known.

>>> import rustorch as rt
>>> rt.special.i0(rt.tensor([0.0, 1.0]))
tensor([1.0      , 1.2660658])
"""

from __future__ import annotations

from typing import Any

from . import _C, _elementwise
from ._guard import guarded as _guarded

_ops: dict[str, Any] = _C.ops

# PyTorch's name -> row
_ROWS = {
    "airy_ai": "airy_ai", "bessel_j0": "bessel_j0", "bessel_j1": "bessel_j1", "bessel_y0": "bessel_y0",
    "bessel_y1": "bessel_y1", "chebyshev_polynomial_t": "chebyshev_polynomial_t",
    "chebyshev_polynomial_u": "chebyshev_polynomial_u", "chebyshev_polynomial_v": "chebyshev_polynomial_v",
    "chebyshev_polynomial_w": "chebyshev_polynomial_w", "digamma": "digamma", "entr": "entr", "erf": "erf",
    "erfc": "erfc", "erfcx": "erfcx", "erfinv": "erfinv", "exp2": "exp2", "expit": "sigmoid", "expm1": "expm1",
    "gammainc": "igamma", "gammaincc": "igammac", "gammaln": "lgamma", "hermite_polynomial_h": "hermite_polynomial_h",
    "hermite_polynomial_he": "hermite_polynomial_he", "i0": "i0", "i0e": "i0e", "i1": "i1", "i1e": "i1e",
    "laguerre_polynomial_l": "laguerre_polynomial_l", "legendre_polynomial_p": "legendre_polynomial_p",
    "log1p": "log1p", "log_ndtr": "log_ndtr", "modified_bessel_i0": "i0", "modified_bessel_i1": "i1",
    "modified_bessel_k0": "modified_bessel_k0", "modified_bessel_k1": "modified_bessel_k1", "ndtr": "ndtr",
    "ndtri": "ndtri", "psi": "digamma", "scaled_modified_bessel_k0": "scaled_modified_bessel_k0",
    "scaled_modified_bessel_k1": "scaled_modified_bessel_k1",
    "shifted_chebyshev_polynomial_t": "shifted_chebyshev_polynomial_t",
    "shifted_chebyshev_polynomial_u": "shifted_chebyshev_polynomial_u",
    "shifted_chebyshev_polynomial_v": "shifted_chebyshev_polynomial_v",
    "shifted_chebyshev_polynomial_w": "shifted_chebyshev_polynomial_w", "sinc": "sinc",
    "spherical_bessel_j0": "spherical_bessel_j0", "xlog1py": "xlog1py", "xlogy": "xlogy",
}  # fmt: skip
# SciPy's name -> row, where PyTorch has none or another
_SCIPY = {
    "j0": "bessel_j0", "j1": "bessel_j1", "y0": "bessel_y0", "y1": "bessel_y1", "k0": "modified_bessel_k0",
    "k1": "modified_bessel_k1", "k0e": "scaled_modified_bessel_k0", "k1e": "scaled_modified_bessel_k1",
    "cbrt": "cbrt", "gamma": "gamma", "log_expit": "log_sigmoid",
}  # fmt: skip

globals().update({name: _ops[row] for name, row in (_ROWS | _SCIPY).items()})

logit = _elementwise.logit
polygamma = _elementwise.polygamma
round = _elementwise.round
logsumexp = _ops["logsumexp"]


def zeta(input: Any, other: Any = None, *, out: Any = None) -> Any:
    """Hurwitz' zeta function, the sum of (other + k)**-input over k >= 0; without other (1) Riemann's."""
    return _ops["zeta"](input, 1 if other is None else other, out=out)


def multigammaln(input: Any, p: int, *, out: Any = None) -> Any:
    """The logarithm of the gamma function of p variables (rustorch.mvlgamma)."""
    return _elementwise.mvlgamma(input, p, out=out)


def softmax(input: Any, dim: int, dtype: Any = None) -> Any:
    """exp(input) / sum(exp(input)) along dim, computed in dtype when given."""
    return _ops["softmax"](input, dim, dtype=dtype)


def log_softmax(input: Any, dim: int, dtype: Any = None) -> Any:
    """log(softmax(input)) along dim, computed in dtype when given."""
    return _ops["log_softmax"](input, dim, dtype=dtype)


# ---- SciPy's, made of the above ----


def exp10(input: Any) -> Any:
    """10 to the power input."""
    return _ops["pow"](10.0, input)


def betaln(a: Any, b: Any) -> Any:
    """log |beta(a, b)| = lgamma(a) + lgamma(b) - lgamma(a + b)."""
    a, b = _C.as_tensor(a), _C.as_tensor(b)
    return _ops["lgamma"](a) + _ops["lgamma"](b) - _ops["lgamma"](a + b)


def rel_entr(x: Any, y: Any) -> Any:
    """x log(x / y) where both are positive, 0 where x is 0 and y is not negative, else inf."""
    x, y = _C.as_tensor(x), _C.as_tensor(y)
    both = (x > 0) & (y > 0)
    where = _ops["where"]
    inside = _ops["xlogy"](where(both, x, 1.0), where(both, x, 1.0) / where(both, y, 1.0))
    return where(both, inside, where((x == 0) & (y >= 0), 0.0, float("inf")))


def kl_div(x: Any, y: Any) -> Any:
    """rel_entr(x, y) - x + y, SciPy's elementwise Kullback-Leibler divergence."""
    return rel_entr(x, y) - x + y


def chdtr(v: Any, x: Any) -> Any:
    """The distribution function at x of chi square with v degrees of freedom."""
    return _ops["igamma"](_C.as_tensor(v) / 2, _C.as_tensor(x) / 2)


def chdtrc(v: Any, x: Any) -> Any:
    """1 - chdtr(v, x)."""
    return _ops["igammac"](_C.as_tensor(v) / 2, _C.as_tensor(x) / 2)


def eval_chebyt(n: Any, x: Any) -> Any:
    """Chebyshev's polynomial of the first kind of degree n at x, in SciPy's order."""
    return _ops["chebyshev_polynomial_t"](x, n)


def eval_chebyu(n: Any, x: Any) -> Any:
    """Chebyshev's polynomial of the second kind of degree n at x, in SciPy's order."""
    return _ops["chebyshev_polynomial_u"](x, n)


def eval_hermite(n: Any, x: Any) -> Any:
    """The physicists' Hermite polynomial of degree n at x, in SciPy's order."""
    return _ops["hermite_polynomial_h"](x, n)


def eval_hermitenorm(n: Any, x: Any) -> Any:
    """The probabilists' Hermite polynomial of degree n at x, in SciPy's order."""
    return _ops["hermite_polynomial_he"](x, n)


def eval_laguerre(n: Any, x: Any) -> Any:
    """Laguerre's polynomial of degree n at x, in SciPy's order."""
    return _ops["laguerre_polynomial_l"](x, n)


def eval_legendre(n: Any, x: Any) -> Any:
    """Legendre's polynomial of degree n at x, in SciPy's order."""
    return _ops["legendre_polynomial_p"](x, n)


__all__ = sorted(
    {*_ROWS, *_SCIPY}
    | {name for name, value in globals().items() if callable(value) and not name.startswith("_") and name != "Any"}
)

globals().update(_guarded({name: globals()[name] for name in __all__ if name in globals()}))


def __getattr__(name: str) -> Any:
    if name.startswith("_"):
        raise AttributeError(f"rustorch.special has no {name!r}")
    try:
        from ._special.tensors import function
    except ImportError as error:
        raise AttributeError(f"rustorch.special.{name} is SciPy's, which cannot be imported: {error}") from None
    found = globals()[name] = function(name)
    return found


def __dir__() -> list[str]:
    try:
        from ._special.tensors import names
    except ImportError:
        return list(globals())
    return sorted({*globals(), *names()})
