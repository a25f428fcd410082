"""Distribution functions and their inverses, by what is distributed and, where it is simple, by a parameter."""

from __future__ import annotations

from typing import Any

from ._beta_and_gamma import beta_density, gamma_density
from ._rules import LN_2, SQRT_2PI, np, rule, sp


def _chi_density(v: Any, x: Any) -> Any:
    return np.exp(sp.xlogy(v / 2 - 1, x) - x / 2 - v / 2 * LN_2 - sp.gammaln(v / 2))


def _t_density(v: Any, t: Any) -> Any:
    scale = np.exp(sp.gammaln((v + 1) / 2) - sp.gammaln(v / 2)) / np.sqrt(v * np.pi)
    return scale * np.exp(-(v + 1) / 2 * np.log1p(t * t / v))


def _f_density(n: Any, d: Any, x: Any) -> Any:
    return beta_density(n / 2, d / 2, n * x / (d + n * x)) * n * d / np.square(d + n * x)


def _normal_density(x: Any) -> Any:
    return np.exp(-x * x / 2) / SQRT_2PI


rule("chdtr", None, _chi_density)
rule("chdtrc", None, lambda v, x: -_chi_density(v, x))
rule("chdtri", None, lambda v, p: -1 / _chi_density(v, sp.chdtri(v, p)))
rule(
    "gdtr",
    lambda a, b, x: x * gamma_density(b, a * x),
    None,
    lambda a, b, x: a * gamma_density(b, a * x),
)
rule(
    "gdtrc",
    lambda a, b, x: -x * gamma_density(b, a * x),
    None,
    lambda a, b, x: -a * gamma_density(b, a * x),
)
rule(
    "gdtrix",
    lambda a, b, p: -sp.gdtrix(a, b, p) / a,
    None,
    lambda a, b, p: 1 / (a * gamma_density(b, a * sp.gdtrix(a, b, p))),
)
rule("fdtr", None, None, _f_density)
rule("fdtrc", None, None, lambda n, d, x: -_f_density(n, d, x))
rule("fdtri", None, None, lambda n, d, p: 1 / _f_density(n, d, sp.fdtri(n, d, p)))
rule("stdtr", None, _t_density)
rule("stdtrit", None, lambda v, p: 1 / _t_density(v, sp.stdtrit(v, p)))
rule("bdtr", None, None, lambda k, n, p: -beta_density(n - np.floor(k), np.floor(k) + 1, 1 - p))
rule("bdtrc", None, None, lambda k, n, p: beta_density(n - np.floor(k), np.floor(k) + 1, 1 - p))
rule("nbdtr", None, None, lambda k, n, p: beta_density(n, k + 1, p))
rule("nbdtrc", None, None, lambda k, n, p: -beta_density(n, k + 1, p))
rule("pdtr", None, lambda k, m: -gamma_density(np.floor(k) + 1, m))
rule("pdtrc", None, lambda k, m: gamma_density(np.floor(k) + 1, m))
rule("ndtri_exp", lambda y: SQRT_2PI * np.exp(y + np.square(sp.ndtri_exp(y)) / 2))
rule(
    "nrdtrimn",
    lambda p, std, x: -std / _normal_density(sp.ndtri(p)),
    lambda p, std, x: -sp.ndtri(p),
    lambda p, std, x: 1 + 0 * x,
)
rule(
    "nrdtrisd",
    lambda mn, p, x: -1 / sp.ndtri(p),
    lambda mn, p, x: -(x - mn) / np.square(sp.ndtri(p)) / _normal_density(sp.ndtri(p)),
    lambda mn, p, x: 1 / sp.ndtri(p),
)
rule(
    "owens_t",
    lambda h, a: -np.exp(-h * h / 2) * sp.erf(a * h * 0.5**0.5) / (2 * SQRT_2PI),
    lambda h, a: np.exp(-h * h * (1 + a * a) / 2) / (2 * np.pi * (1 + a * a)),
)
rule("kolmogorov", sp._kolmogp)
rule("kolmogi", lambda p: 1 / sp._kolmogp(sp.kolmogi(p)))
rule("smirnov", None, sp._smirnovp)
rule("smirnovi", None, lambda n, p: 1 / sp._smirnovp(n, sp.smirnovi(n, p)))


def _lambda_slope(x: Any, shape: Any) -> Any:
    p = sp.tklmbda(x, shape)
    return 1 / (np.power(p, shape - 1) + np.power(1 - p, shape - 1))


rule("tklmbda", _lambda_slope, None)


def _voigt(x: Any, sigma: Any, gamma: Any) -> Any:
    """z, w'(z), and the factor before w."""
    z = (x + 1j * gamma) / (sigma * 2**0.5)
    return z, 2j / np.pi**0.5 - 2 * z * sp.wofz(z), 1 / (sigma * SQRT_2PI)


def _voigt_by_x(x: Any, sigma: Any, gamma: Any) -> Any:
    _, slope, factor = _voigt(x, sigma, gamma)
    return np.real(slope) * factor / (sigma * 2**0.5)


def _voigt_by_sigma(x: Any, sigma: Any, gamma: Any) -> Any:
    z, slope, factor = _voigt(x, sigma, gamma)
    return -(sp.voigt_profile(x, sigma, gamma) + np.real(slope * z) * factor) / sigma


def _voigt_by_gamma(x: Any, sigma: Any, gamma: Any) -> Any:
    _, slope, factor = _voigt(x, sigma, gamma)
    return -np.imag(slope) * factor / (sigma * 2**0.5)


rule("voigt_profile", _voigt_by_x, _voigt_by_sigma, _voigt_by_gamma)
