"""Functions made of exponentials, logarithms and trigonometry, losses and divergences."""

from __future__ import annotations

from typing import Any

from ._rules import np, rule, sp, where

_DEGREE = 0.017453292519943295

rule("sindg", lambda x: sp.cosdg(x) * _DEGREE)
rule("cosdg", lambda x: -sp.sindg(x) * _DEGREE)
rule("tandg", lambda x: (1 + np.square(sp.tandg(x))) * _DEGREE)
rule("cotdg", lambda x: -(1 + np.square(sp.cotdg(x))) * _DEGREE)
rule(
    "radian",
    lambda d, m, s: _DEGREE + 0 * d,
    lambda d, m, s: _DEGREE / 60 + 0 * m,
    lambda d, m, s: _DEGREE / 3600 + 0 * s,
)
rule("cosm1", lambda x: -np.sin(x))
rule("exp10", lambda x: sp.exp10(x) * 2.302585092994046)
rule("exp2", lambda x: sp.exp2(x) * 0.6931471805599453)
rule("round", np.zeros_like)


def _exprel_slope(x: Any) -> Any:
    near = np.less(np.abs(x), 0.01)
    series = 1 / 2 + x * (1 / 3 + x * (1 / 8 + x * (1 / 30 + x * (1 / 144 + x / 840))))
    far = where(near, 1.0, x)
    return where(near, series, (np.exp(far) - sp.exprel(far)) / far)


rule("exprel", _exprel_slope)
rule("powm1", lambda x, y: y * np.power(x, y - 1), lambda x, y: np.power(x, y) * np.log(x))


def _boxcox_by_power(x: Any, k: Any, log: Any) -> Any:
    flat = np.equal(k, 0)
    safe = where(flat, 1.0, k)
    return where(flat, np.square(log) / 2, (np.exp(safe * log) * log - np.expm1(safe * log) / safe) / safe)


rule("boxcox", lambda x, k: np.power(x, k - 1), lambda x, k: _boxcox_by_power(x, k, np.log(x)))
rule("boxcox1p", lambda x, k: np.power(1 + x, k - 1), lambda x, k: _boxcox_by_power(x, k, np.log1p(x)))


def _inverse_boxcox_by_power(y: Any, k: Any) -> Any:
    flat = np.equal(k, 0)
    safe = where(flat, 1.0, k)
    inside = (y / (1 + safe * y) - np.log1p(safe * y) / safe) / safe
    return sp.inv_boxcox(y, k) * where(flat, -y * y / 2, inside)


rule("inv_boxcox", lambda y, k: np.power(sp.inv_boxcox(y, k), 1 - k), _inverse_boxcox_by_power)
rule("inv_boxcox1p", lambda y, k: np.power(1 + sp.inv_boxcox1p(y, k), 1 - k), _inverse_boxcox_by_power)
rule(
    "huber",
    lambda d, r: where(np.less_equal(np.abs(r), d), 0.0, np.abs(r) - d),
    lambda d, r: where(np.less_equal(np.abs(r), d), r, d * np.sign(r)),
)


def _pseudo_huber_by_width(d: Any, r: Any) -> Any:
    root = np.hypot(1.0, r / d)
    return 2 * d * (root - 1) - r * r / (d * root)


rule("pseudo_huber", _pseudo_huber_by_width, lambda d, r: r / np.hypot(1.0, r / d))
rule("rel_entr", lambda x, y: np.log(x / y) + 1, lambda x, y: -x / y)
rule("kl_div", lambda x, y: np.log(x / y), lambda x, y: 1 - x / y)
rule("_lambertw", lambda z, k, tol: np.exp(-sp._lambertw(z, k, tol)) / (1 + sp._lambertw(z, k, tol)), None, None)


def _omega_slope(z: Any) -> Any:
    w = sp.wrightomega(z)
    return w / (1 + w)


rule("wrightomega", _omega_slope)
