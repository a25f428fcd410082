"""Elliptic integrals and functions, by the argument and the parameter m (DLMF chapter 19)."""

from __future__ import annotations

from typing import Any

from ._rules import np, rule, sp, where


def _k_slope(m: Any) -> Any:
    near = np.less(np.abs(m), 0.1)
    far = where(near, 0.5, m)
    series = sp.hyp2f1(1.5, 1.5, 2.0, where(near, m, 0.0)) * (np.pi / 8)
    return where(near, series, (sp.ellipe(far) / (1 - far) - sp.ellipk(far)) / (2 * far))


def _e_slope(m: Any) -> Any:
    near = np.less(np.abs(m), 0.1)
    far = where(near, 0.5, m)
    series = sp.hyp2f1(0.5, 1.5, 2.0, where(near, m, 0.0)) * (-np.pi / 8)
    return where(near, series, (sp.ellipe(far) - sp.ellipk(far)) / (2 * far))


def _km1_slope(p: Any) -> Any:
    near = np.greater(p, 0.9)
    far = where(near, 0.5, p)
    return where(near, -_k_slope(1 - p), -(sp.ellipe(1 - far) / far - sp.ellipkm1(far)) / (2 * (1 - far)))


rule("ellipk", _k_slope)
rule("ellipe", _e_slope)
rule("ellipkm1", _km1_slope)


def _root(phi: Any, m: Any) -> Any:
    return np.sqrt(1 - m * np.square(np.sin(phi)))


def _f_by_m(phi: Any, m: Any) -> Any:
    rest = sp.ellipeinc(phi, m) / (1 - m) - sp.ellipkinc(phi, m)
    return rest / (2 * m) - np.sin(2 * phi) / (4 * (1 - m) * _root(phi, m))


rule("ellipkinc", lambda phi, m: 1 / _root(phi, m), _f_by_m)
rule("ellipeinc", _root, lambda phi, m: (sp.ellipeinc(phi, m) - sp.ellipkinc(phi, m)) / (2 * m))


def _jacobi(u: Any, m: Any) -> Any:
    sn, cn, dn, _ = sp.ellipj(u, m)
    return cn * dn, -sn * dn, -m * sn * cn, dn


rule("ellipj", _jacobi, None)
rule(
    "elliprf",
    lambda x, y, z: -sp.elliprd(y, z, x) / 6,
    lambda x, y, z: -sp.elliprd(z, x, y) / 6,
    lambda x, y, z: -sp.elliprd(x, y, z) / 6,
)
