"""Bessel functions and their kin, by the argument (DLMF chapters 9 to 11)."""

from __future__ import annotations

from typing import Any

from ._rules import SQRT_PI, np, rule, sp


def _half_difference(f: Any) -> Any:
    return lambda v, z: (f(v - 1, z) - f(v + 1, z)) / 2


rule("jv jn", None, _half_difference(sp.jv))
rule("jve", None, _half_difference(sp.jve), real_only=True)
rule("yv yn", None, _half_difference(sp.yv))
rule("yve", None, _half_difference(sp.yve), real_only=True)
rule("hankel1", None, _half_difference(sp.hankel1))
rule("hankel2", None, _half_difference(sp.hankel2))
rule("hankel1e", None, lambda v, z: _half_difference(sp.hankel1e)(v, z) - 1j * sp.hankel1e(v, z))
rule("hankel2e", None, lambda v, z: _half_difference(sp.hankel2e)(v, z) + 1j * sp.hankel2e(v, z))
rule("iv", None, lambda v, z: (sp.iv(v - 1, z) + sp.iv(v + 1, z)) / 2)
rule(
    "ive",
    None,
    lambda v, z: (sp.ive(v - 1, z) + sp.ive(v + 1, z)) / 2 - np.sign(z) * sp.ive(v, z),
    real_only=True,
)
rule("kv kn", None, lambda v, z: -(sp.kv(v - 1, z) + sp.kv(v + 1, z)) / 2)
rule("kve", None, lambda v, z: sp.kve(v, z) - (sp.kve(v - 1, z) + sp.kve(v + 1, z)) / 2)


def _rest(v: Any, x: Any) -> Any:
    return np.power(x / 2, v) * sp.rgamma(v + 1.5) / (2 * SQRT_PI)


rule("struve", None, lambda v, x: (sp.struve(v - 1, x) - sp.struve(v + 1, x)) / 2 + _rest(v, x))
rule("modstruve", None, lambda v, x: (sp.modstruve(v - 1, x) + sp.modstruve(v + 1, x)) / 2 + _rest(v, x))
rule("itstruve0", lambda x: sp.struve(0, x))
rule("it2struve0", lambda x: -sp.struve(0, x) / x)
rule("itmodstruve0", lambda x: sp.modstruve(0, x))
rule("itj0y0", lambda x: (sp.j0(x), sp.y0(x)))
rule("iti0k0", lambda x: (sp.i0(x), sp.k0(x)))
rule("it2j0y0", lambda x: ((1 - sp.j0(x)) / x, -sp.y0(x) / x))
rule("it2i0k0", lambda x: ((sp.i0(x) - 1) / x, -sp.k0(x) / x))

# Airy's functions: w'' = z w


def _airy(z: Any) -> Any:
    ai, aip, bi, bip = sp.airy(z)
    return aip, z * ai, bip, z * bi


def _airy_scaled(z: Any) -> Any:
    ai, aip, bi, bip = sp.airye(z)
    root = np.sqrt(z)
    return aip + root * ai, z * ai + root * aip, bip - root * bi, z * bi - root * bip


def _airy_integrals(x: Any) -> Any:
    ai, _, bi, _ = sp.airy(x)
    back, _, over, _ = sp.airy(-x)
    return ai, bi, back, over


rule("airy", _airy)
rule("airye", _airy_scaled, real_only=True)
rule("itairy", _airy_integrals)

# Kelvin's functions

rule("ber", sp.berp)
rule("bei", sp.beip)
rule("ker", sp.kerp)
rule("kei", sp.keip)
rule("berp", lambda x: -sp.bei(x) - sp.berp(x) / x)
rule("beip", lambda x: sp.ber(x) - sp.beip(x) / x)
rule("kerp", lambda x: -sp.kei(x) - sp.kerp(x) / x)
rule("keip", lambda x: sp.ker(x) - sp.keip(x) / x)

# Spherical: f'' = -2 f'/z - (1 - n(n+1)/z^2) f, for the modified ones with + 1

def _curvature(name: str, sign: int) -> Any:
    f, slope = getattr(sp, name), getattr(sp, name + "_d")
    return lambda n, z: -2 * slope(n, z) / z + (n * (n + 1) / (z * z) + sign) * f(n, z)


for _name, _sign in (("_spherical_jn", -1), ("_spherical_yn", -1), ("_spherical_in", 1), ("_spherical_kn", 1)):
    rule(_name, None, getattr(sp, _name + "_d"))
    rule(_name + "_d", None, _curvature(_name, _sign))

# Parabolic cylinder functions: w'' = (x^2/4 - v - 1/2) w


def _cylinder(f: Any) -> Any:
    def slopes(v: Any, x: Any) -> Any:
        w, wp = f(v, x)
        return wp, (x * x / 4 - v - 0.5) * w

    return slopes


def _cylinder_w(a: Any, x: Any) -> Any:
    w, wp = sp.pbwa(a, x)
    return wp, (a - x * x / 4) * w


rule("pbdv", None, _cylinder(sp.pbdv))
rule("pbvv", None, _cylinder(sp.pbvv))
rule("pbwa", None, _cylinder_w)

# Hypergeometric functions, by the argument and in part by their parameters

rule("hyp0f1", None, lambda v, z: sp.hyp0f1(v + 1, z) / v)
rule("hyp1f1", None, None, lambda a, b, z: a / b * sp.hyp1f1(a + 1, b + 1, z))
rule("hyp2f1", None, None, None, lambda a, b, c, z: a * b / c * sp.hyp2f1(a + 1, b + 1, c + 1, z))
rule("hyperu", None, None, lambda a, b, x: -a * sp.hyperu(a + 1, b + 1, x))
rule("wright_bessel", None, None, lambda a, b, x: sp.wright_bessel(a, a + b, x))
rule(
    "log_wright_bessel",
    None,
    None,
    lambda a, b, x: np.exp(sp.log_wright_bessel(a, a + b, x) - sp.log_wright_bessel(a, b, x)),
)
