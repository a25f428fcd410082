"""Gradients through scipy.special's ufuncs: finite differences of SciPy's own values judge."""

import numpy as np
import pytest
import scipy.special as sp

import rustorch as rt
from rustorch._special._recording import differentiable
from rustorch._special._rules import RULES

differentiable(None)  # so that all rules are entered

# Where the samples lie, an interval an argument; integers stay as they are.
POINTS = {
    "ellipk": [(-2, 0.9)], "ellipe": [(-2, 0.9)], "ellipkm1": [(0.1, 1.9)], "ellipkinc": [(0.2, 1.2), (0.1, 0.8)],
    "ellipeinc": [(0.2, 1.2), (0.1, 0.8)], "ellipj": [(0.2, 1.2), (0.1, 0.8)], "jv": [(0.5, 3), (0.5, 9)],
    "hyp1f1": [(0.5, 2), (0.5, 2), (-2, 2)], "hyp2f1": [(0.5, 2), (0.5, 2), (0.5, 2), (-0.8, 0.8)],
    "hyperu": [(0.5, 2), (0.5, 2), (0.5, 3)], "expn": [4, (0.5, 3)], "erfcinv": [(0.1, 1.9)],
    "powm1": [(0.5, 2), (-2, 2)], "kolmogi": [(0.1, 0.9)], "kolmogorov": [(0.5, 1.5)], "smirnov": [5, (0.1, 0.6)],
    "smirnovi": [5, (0.1, 0.6)], "ndtri_exp": [(-5, -0.2)], "nrdtrimn": [(0.1, 0.4), (1, 2), (-1, 1)],
    "nrdtrisd": [(-1, 1), (0.1, 0.4), (2, 3)], "owens_t": [(-2, 2), (-2, 2)],
    "voigt_profile": [(-2, 2), (0.5, 2), (0.5, 2)], "stdtr": [(1, 9), (-2, 2)], "stdtrit": [(1, 9), (0.1, 0.9)],
    "bdtr": [2.0, 5, (0.1, 0.9)], "bdtrc": [2.0, 5, (0.1, 0.9)], "nbdtr": [2, 5, (0.1, 0.9)],
    "nbdtrc": [2, 5, (0.1, 0.9)], "pdtr": [2.0, (0.5, 4)], "pdtrc": [2.0, (0.5, 4)], "boxcox": [(0.5, 2), (-1, 2)],
    "boxcox1p": [(-0.5, 2), (-1, 2)], "inv_boxcox": [(0.1, 0.9), (0.5, 2)], "inv_boxcox1p": [(0.1, 0.9), (0.5, 2)],
    "huber": [(0.8, 1.2), (-3, 3)], "pseudo_huber": [(0.5, 2), (-3, 3)], "rel_entr": [(0.5, 2), (0.5, 2)],
    "_spherical_jn": [2, (0.5, 6)], "_spherical_yn": [2, (0.5, 6)], "_spherical_in": [2, (0.5, 6)],
    "_spherical_kn": [2, (0.5, 6)], "_spherical_jn_d": [2, (0.5, 6)], "_spherical_yn_d": [2, (0.5, 6)],
    "_spherical_in_d": [2, (0.5, 6)], "_spherical_kn_d": [2, (0.5, 6)], "airy": [(-3, 2)],
    "binom": [(5, 9), (0.5, 4)], "poch": [(0.5, 3), (0.5, 3)], "rgamma": [(-2.8, 3)], "gammasgn": [(-2.8, 3)],
    "_zeta": [(1.5, 5), (0.5, 3)], "_lambertw": [(-0.2, 3), 0, 1e-8], "spence": [(0.2, 3)], "exprel": [(-2, 2)],
    "round": [(0.6, 1.4)], "kn": [2, (0.5, 5)], "yn": [2, (0.5, 5)], "jn": [2, (0.5, 5)], "pbdv": [(0.5, 3), (-2, 2)],
    "pbvv": [(0.5, 3), (-2, 2)], "pbwa": [(-2, 2), (0.1, 3)], "wright_bessel": [(0.5, 2), (0.5, 2), (0.1, 2)],
    "log_wright_bessel": [(0.5, 2), (0.5, 2), (0.1, 2)], "tklmbda": [(-0.8, 0.8), 0.5], "radian": [(1, 80)] * 3,
    "sindg": [(-90, 90)], "cosdg": [(-90, 90)], "tandg": [(-60, 60)], "cotdg": [(10, 60)],
    "eval_hermite": [3, (-2, 2)], "eval_hermitenorm": [3, (-2, 2)], "gammaincinv": [(0.5, 3), (0.1, 0.9)],
    "gammainccinv": [(0.5, 3), (0.1, 0.9)], "betaincinv": [(0.5, 3), (0.5, 3), (0.1, 0.9)],
    "betainccinv": [(0.5, 3), (0.5, 3), (0.1, 0.9)], "gdtrix": [(0.5, 3), (0.5, 3), (0.1, 0.9)],
    "fdtri": [(2, 5), (2, 5), (0.1, 0.9)], "chdtri": [(1, 5), (0.1, 0.9)],
}  # fmt: skip
POLYNOMIALS = [name for name in RULES if name.startswith("eval_")]
DEFAULT = (0.3, 0.9)
N = 12


def samples(name):
    count = len(RULES[name].rules)
    where = POINTS.get(name)
    if where is None and name in POLYNOMIALS:
        where = [3.0, *[(0.5, 2)] * (count - 2), (-0.9, 0.9)]
    if name == "eval_sh_jacobi":
        where = [3.0, (2, 3), (0.5, 1), (0.1, 0.9)]
    where = where or [DEFAULT] * count
    rng = np.random.default_rng(len(name))
    return [rng.uniform(*w, N) if isinstance(w, tuple) else w for w in where]


def function(name):
    return getattr(sp._ufuncs, name, None) or getattr(sp, name)


def outputs(result):
    return result if isinstance(result, tuple) else (result,)


def slopes(f, args, i, step=1e-4):
    """df/dx_i by differences of fourth order, a tuple for several outputs."""

    def at(h):
        return [np.asarray(y) for y in outputs(f(*[a + h if k == i else a for k, a in enumerate(args)]))]

    a, b, c, d = at(-2 * step), at(-step), at(step), at(2 * step)
    return [(w - 8 * x + 8 * y - z) / (12 * step) for w, x, y, z in zip(a, b, c, d, strict=True)]


def gradients(name, args, i, order=1):
    """Of each output's real part, by argument i; NaN where the second derivative has no rule."""
    found = []
    f = function(name)
    for k in range(len(outputs(f(*args)))):
        x = rt.tensor(args[i], dtype=rt.float64, requires_grad=True)
        y = outputs(f(*[x if j == i else a for j, a in enumerate(args)]))[k]
        y = y.real if y.dtype.kind == "c" else y
        (g,) = rt.autograd.grad(y.sum(), x, create_graph=order == 2)
        if order == 2:
            (g,) = rt.autograd.grad(g.sum(), x) if g.requires_grad else (rt.zeros_like(x),)
        found.append(g.numpy())
    return found


CASES = [
    (name, i)
    for name in sorted(RULES)
    for i, r in enumerate(RULES[name].rules)
    if name != "itairy" and r is not None and isinstance(samples(name)[i], np.ndarray)
]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("name", "i"), CASES)
def test_first_derivative(name, i):
    args = samples(name)
    for got, want in zip(gradients(name, args, i), slopes(function(name), args, i), strict=True):
        np.testing.assert_allclose(got, want.real, rtol=2e-6, atol=1e-7)


NO_SECOND = {"kolmogorov", "kolmogi", "smirnov", "smirnovi", "elliprf"}  # there the rules end


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("name", "i"), [c for c in CASES if c[0] not in NO_SECOND])
def test_second_derivative(name, i):
    args = samples(name)

    def first(*a):
        return tuple(gradients(name, a, i))

    for got, want in zip(gradients(name, args, i, order=2), slopes(first, args, i), strict=True):
        np.testing.assert_allclose(got, want, rtol=2e-5, atol=1e-6)


@pytest.mark.parametrize("name", sorted(NO_SECOND))
def test_where_the_rules_end_is_said(name):
    with pytest.raises(TypeError, match="no derivative"):
        gradients(name, samples(name), len(samples(name)) - 1, order=2)


def test_a_parameter_without_a_rule_is_refused_by_name():
    v = rt.tensor([1.0, 2.0], requires_grad=True)
    with pytest.raises(TypeError, match=r"scipy.special.jv: no derivative by argument 1 of 2"):
        sp.jv(v, 2.0)
    with pytest.raises(TypeError, match="lpmv"):
        sp.lpmv(1, 2, v / 4)
    assert sp.lpmv(1, 2, v.detach() / 4).shape == (2,)


def test_values_broadcast_and_gradients_come_back():
    v, x = np.array([[0.5], [1.5]]), rt.tensor([1.0, 2.0, 3.0], dtype=rt.float64, requires_grad=True)
    y = sp.jv(rt.tensor(v), x)
    assert y.shape == (2, 3) and np.array_equal(y.detach().numpy(), sp.jv(v, x.detach().numpy()))
    y.sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), sp.jvp(v, x.detach().numpy()).sum(0), rtol=1e-12)


def test_output_tensors_and_arrays():
    x = rt.tensor([1.0, 2.0], requires_grad=True)
    out = rt.empty(2)
    assert sp.expi(x, out=out) is out
    out.sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), np.exp([1, 2]) / [1, 2], rtol=1e-6)
    with pytest.raises(TypeError, match="expi"):
        sp.expi(x, out=np.empty(2, np.float32))


def test_integrals_of_airys_functions():
    """SciPy's values have five digits, so these are judged by what is integrated."""
    x = np.linspace(-3, 3, 7)
    ai, _, bi, _ = sp.airy(x)
    for got, want in zip(gradients("itairy", [x], 0), (ai, bi, ai[::-1], bi[::-1]), strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-13)


def test_complex_arguments():
    z = rt.tensor([0.5 + 0.3j, -1 + 2j], dtype=rt.complex128, requires_grad=True)
    slopes_of = (
        (sp.wofz, lambda z: 2j / np.pi**0.5 - 2 * z * sp.wofz(z)),
        (sp.loggamma, sp.psi),
        (sp.erf, lambda z: 2 / np.pi**0.5 * np.exp(-z * z)),
        (sp.gamma, lambda z: sp.gamma(z) * sp.psi(z)),
    )
    for f, slope in slopes_of:
        (g,) = rt.autograd.grad(f(z).real.sum(), z)
        np.testing.assert_allclose(g.numpy(), slope(z.detach().numpy()).conj(), rtol=1e-13)


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_products_of_vectors_along_an_axis(axis):
    a = np.random.default_rng(0).normal(size=(3, 4))
    x = rt.tensor(a, requires_grad=True)
    y = np.vecdot(x, a, axis=axis)
    np.testing.assert_allclose(y.detach().numpy(), np.vecdot(a, a, axis=axis), rtol=1e-14)
    y.sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), a)
