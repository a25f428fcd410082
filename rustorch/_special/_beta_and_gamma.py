"""Functions made of gamma: beta, binomials, incomplete integrals by their last argument (DLMF chapters 5, 8)."""

from __future__ import annotations

from typing import Any

from ._rules import np, rule, sp, where


def beta_density(a: Any, b: Any, x: Any) -> Any:
    return np.exp(sp.xlogy(a - 1, x) + sp.xlog1py(b - 1, -x) - sp.betaln(a, b))


def gamma_density(a: Any, x: Any) -> Any:
    return np.exp(sp.xlogy(a - 1, x) - x - sp.gammaln(a))


def _rgamma_slope(x: Any) -> Any:
    pole = np.logical_and(np.less_equal(x, 0), np.equal(np.floor(x), x)) if not np.iscomplexobj(x) else False
    safe = where(pole, 0.5, x)
    even = np.equal(np.remainder(x, 2), 0) if not np.iscomplexobj(x) else False
    return where(pole, where(even, 1.0, -1.0) * sp.gamma(where(pole, 1 - x, 1.0)), -sp.psi(safe) * sp.rgamma(safe))


rule("loggamma", sp.psi)
rule("rgamma", _rgamma_slope)
rule("gammasgn", np.zeros_like)
rule("poch", lambda z, m: sp.poch(z, m) * (sp.psi(z + m) - sp.psi(z)), lambda z, m: sp.poch(z, m) * sp.psi(z + m))
rule(
    "beta",
    lambda a, b: sp.beta(a, b) * (sp.psi(a) - sp.psi(a + b)),
    lambda a, b: sp.beta(a, b) * (sp.psi(b) - sp.psi(a + b)),
)
rule("betaln", lambda a, b: sp.psi(a) - sp.psi(a + b), lambda a, b: sp.psi(b) - sp.psi(a + b))
rule(
    "binom",
    lambda n, k: sp.binom(n, k) * (sp.psi(n + 1) - sp.psi(n - k + 1)),
    lambda n, k: sp.binom(n, k) * (sp.psi(n - k + 1) - sp.psi(k + 1)),
)
rule("betainc", None, None, beta_density)
rule("betaincc", None, None, lambda a, b, x: -beta_density(a, b, x))
rule("betaincinv", None, None, lambda a, b, y: 1 / beta_density(a, b, sp.betaincinv(a, b, y)))
rule("betainccinv", None, None, lambda a, b, y: -1 / beta_density(a, b, sp.betainccinv(a, b, y)))
rule("gammaincinv", None, lambda a, y: 1 / gamma_density(a, sp.gammaincinv(a, y)))
rule("gammainccinv", None, lambda a, y: -1 / gamma_density(a, sp.gammainccinv(a, y)))
rule("_zeta", None, lambda s, q: -s * sp._zeta(s + 1, q))
