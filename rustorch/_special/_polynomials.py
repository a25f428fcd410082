"""Orthogonal polynomials, by the argument: a derivative is a polynomial of another family (DLMF 18.9)."""

from __future__ import annotations

from ._rules import below, rule, sp

rule("eval_chebyt", None, lambda n, x: below(n, n * sp.eval_chebyu(n - 1, x)))
rule("eval_chebyu", None, lambda n, x: below(n, 2 * sp.eval_gegenbauer(n - 1, 2.0, x)))
rule("eval_chebyc", None, lambda n, x: below(n, n * sp.eval_chebyu(n - 1, x / 2)))
rule("eval_chebys", None, lambda n, x: below(n, sp.eval_gegenbauer(n - 1, 2.0, x / 2)))
rule("eval_sh_chebyt", None, lambda n, x: below(n, 2 * n * sp.eval_chebyu(n - 1, 2 * x - 1)))
rule("eval_sh_chebyu", None, lambda n, x: below(n, 4 * sp.eval_gegenbauer(n - 1, 2.0, 2 * x - 1)))
rule("eval_legendre", None, lambda n, x: below(n, sp.eval_gegenbauer(n - 1, 1.5, x)))
rule("eval_sh_legendre", None, lambda n, x: below(n, 2 * sp.eval_gegenbauer(n - 1, 1.5, 2 * x - 1)))
rule("eval_gegenbauer", None, None, lambda n, a, x: below(n, 2 * a * sp.eval_gegenbauer(n - 1, a + 1, x)))
rule(
    "eval_jacobi",
    None,
    None,
    None,
    lambda n, a, b, x: below(n, (n + a + b + 1) / 2 * sp.eval_jacobi(n - 1, a + 1, b + 1, x)),
)
rule(
    "eval_sh_jacobi",
    None,
    None,
    None,
    lambda n, p, q, x: below(n, (n + p) * sp.eval_jacobi(n - 1, p - q + 1, q, 2 * x - 1) / sp.binom(2 * n + p - 1, n)),
)
rule("eval_laguerre", None, lambda n, x: below(n, -sp.eval_genlaguerre(n - 1, 1.0, x)))
rule("eval_genlaguerre", None, None, lambda n, a, x: below(n, -sp.eval_genlaguerre(n - 1, a + 1, x)))
rule("eval_hermite", None, lambda n, x: below(n, 2 * n * sp.eval_hermite(n - 1, x)))
rule("eval_hermitenorm", None, lambda n, x: below(n, n * sp.eval_hermitenorm(n - 1, x)))
