"""Integrals of elementary functions: exponential, sine, error, Fresnel (DLMF chapters 6, 7)."""

from __future__ import annotations

from typing import Any

from ._rules import SQRT_PI, np, rule, sp, where

rule("expi", lambda x: np.exp(x) / x)
rule("exp1", lambda x: -np.exp(-x) / x)


def _expn_slope(n: Any, x: Any) -> Any:
    lowest = np.equal(n, 0)
    return where(lowest, -np.exp(-x) * (1 + x) / np.square(x), -sp.expn(where(lowest, 0, n - 1), x))


rule("expn", None, _expn_slope)
rule("sici", lambda x: (np.sinc(x / np.pi), np.cos(x) / x))
rule("shichi", lambda x: (where(np.equal(x, 0), 1.0, np.sinh(x) / where(np.equal(x, 0), 1.0, x)), np.cosh(x) / x))
rule("spence", lambda z: where(np.equal(z, 1), -1.0, np.log(z) / where(np.equal(z, 1), 1.0, 1 - z)))
rule("erfi", lambda x: np.exp(x * x) * (2 / SQRT_PI))
rule("erfcinv", lambda y: np.exp(np.square(sp.erfcinv(y))) * (-SQRT_PI / 2))
rule("dawsn", lambda x: 1 - 2 * x * sp.dawsn(x))
rule("wofz", lambda z: 2j / SQRT_PI - 2 * z * sp.wofz(z))
rule("fresnel", lambda x: (np.sin(x * x * (np.pi / 2)), np.cos(x * x * (np.pi / 2))))
rule("erf", lambda z: np.exp(-z * z) * (2 / SQRT_PI))
rule("erfc", lambda z: np.exp(-z * z) * (-2 / SQRT_PI))
rule("gamma", lambda z: sp.gamma(z) * sp.psi(z))


def _erfcx_slope(z: Any) -> Any:
    return 2 * z * sp.erfcx(z) - 2 / SQRT_PI


rule("erfcx", _erfcx_slope)
