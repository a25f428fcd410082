"""rustorch.special and the elementwise functions of more than one row: mpmath, SciPy and PyTorch judge."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
import scipy.special
import torch

import rustorch as rt

mpmath.mp.dps = 30
# name, reference, interval, bound in units of the last place
ACCURACY = [
    ("i0", lambda x: mpmath.besseli(0, x), (-30, 30), 5),
    ("i1", lambda x: mpmath.besseli(1, x), (-30, 30), 9),
    ("i0e", lambda x: mpmath.besseli(0, x) * mpmath.exp(-abs(x)), (-60, 60), 5),
    ("i1e", lambda x: mpmath.besseli(1, x) * mpmath.exp(-abs(x)), (-60, 60), 9),
    ("modified_bessel_k0", lambda x: mpmath.besselk(0, x), (0.01, 50), 6),
    ("modified_bessel_k1", lambda x: mpmath.besselk(1, x), (0.01, 50), 6),
    ("scaled_modified_bessel_k0", lambda x: mpmath.exp(x) * mpmath.besselk(0, x), (0.01, 50), 6),
    ("scaled_modified_bessel_k1", lambda x: mpmath.exp(x) * mpmath.besselk(1, x), (0.01, 50), 6),
    ("airy_ai", mpmath.airyai, (-2, 60), 7),
    ("digamma", mpmath.digamma, (0.01, 60), 4),
    ("erfcx", lambda x: mpmath.exp(x * x) * mpmath.erfc(x), (-20, 60), 4),
    ("ndtri", lambda p: mpmath.sqrt(2) * mpmath.erfinv(2 * p - 1), (0.001, 0.999), 6),
    ("erfinv", mpmath.erfinv, (-0.999, 0.999), 6),
    ("log_ndtr", lambda x: mpmath.log(mpmath.erfc(-x / mpmath.sqrt(2)) / 2), (-60, 3), 4),
]


def error(got, want):
    """In units of float64's last place."""
    return float(abs((mpmath.mpf(float(got)) - want) / want)) * 2.0**52


@pytest.mark.parametrize(("name", "reference", "interval", "bound"), ACCURACY, ids=[a[0] for a in ACCURACY])
def test_accuracy(name, reference, interval, bound):
    x = np.random.default_rng(3).uniform(*interval, 120)
    got = getattr(rt.special, name)(rt.tensor(x)).numpy()
    assert max(error(g, reference(mpmath.mpf(float(v)))) for g, v in zip(got, x, strict=True)) < bound


@pytest.mark.parametrize("name", ["j0", "j1", "y0", "y1"])
def test_bessel_to_a_part_of_its_amplitude(name):
    x = np.random.default_rng(4).uniform(0.1, 300, 200)
    kind, order = (mpmath.besselj if name[0] == "j" else mpmath.bessely), int(name[1])
    want = np.array([float(kind(order, mpmath.mpf(float(v)))) for v in x])
    got = getattr(rt.special, name)(rt.tensor(x)).numpy()
    assert (abs(got - want) / np.maximum(abs(want), np.sqrt(2 / np.pi / x) / 4)).max() < 1e-15


def test_airy_oscillates_in_phase():
    x = -np.random.default_rng(5).uniform(2, 400, 200)
    want = np.array([float(mpmath.airyai(mpmath.mpf(float(v)))) for v in x])
    assert abs(rt.special.airy_ai(rt.tensor(x)).numpy() - want).max() < 3e-16


def test_incomplete_gamma():
    rng = np.random.default_rng(6)
    a = np.concatenate([rng.uniform(0.01, 12, 60), 10 ** rng.uniform(1.3, 4, 60)])
    x = np.concatenate([rng.uniform(0.01, 12, 60), a[60:] * (1 + rng.uniform(-4, 4, 60) / np.sqrt(a[60:]))])
    lower, upper = (f(rt.tensor(a), rt.tensor(x)).numpy() for f in (rt.igamma, rt.igammac))
    for i in range(len(a)):
        args = mpmath.mpf(float(a[i])), mpmath.mpf(float(x[i]))
        assert error(lower[i], mpmath.gammainc(args[0], 0, args[1], regularized=True)) < 500, args
        assert error(upper[i], mpmath.gammainc(args[0], args[1], mpmath.inf, regularized=True)) < 500, args


@pytest.mark.parametrize("name", ["igamma", "igammac"])
def test_incomplete_gamma_at_the_edges(name):
    a = np.array([0.0, 0, 1, 1, np.inf, np.inf, 2, -1, 1, np.nan])
    x = np.array([0.0, 1, 0, np.inf, 1, np.inf, 3, 1, -1, 1])
    want = getattr(torch, name)(torch.tensor(a), torch.tensor(x)).numpy()
    np.testing.assert_allclose(getattr(rt, name)(rt.tensor(a), rt.tensor(x)).numpy(), want, rtol=1e-13)


@pytest.mark.parametrize("n", [0, 1, 2, 5, 12])
def test_polygamma_of_every_order(n):
    x = np.concatenate([np.random.default_rng(7).uniform(-9, 9, 50), np.linspace(0.01, 60, 50)])
    want = np.array([float(mpmath.psi(n, mpmath.mpf(float(v)))) for v in x])
    np.testing.assert_allclose(rt.polygamma(n, rt.tensor(x)).numpy(), want, rtol=1e-11)
    assert float(rt.polygamma(2, rt.tensor(0.0))) == -np.inf


def test_zeta():
    s, q = np.meshgrid([1.0, 1.5, 2, 7, 40], [0.1, 1, 3.5, 1e5])
    np.testing.assert_allclose(
        rt.special.zeta(rt.tensor(s), rt.tensor(q)).numpy(), scipy.special.zeta(s, q), rtol=1e-14
    )
    assert float(rt.special.zeta(rt.tensor(2.0), rt.tensor(-3.0))) == np.inf
    assert np.isnan(float(rt.special.zeta(rt.tensor(0.5), rt.tensor(1.0))))
    far = float(rt.special.zeta(rt.tensor(2.0, dtype="float64"), rt.tensor(-1e6 + 0.5, dtype="float64")))
    np.testing.assert_allclose(far, 2 * scipy.special.zeta(2, 0.5) - scipy.special.zeta(2, 1e6 + 0.5), rtol=1e-14)
    np.testing.assert_allclose(float(rt.special.zeta(rt.tensor(2.0))), np.pi**2 / 6, rtol=1e-6)


def test_polynomials_of_high_degree():
    """Beyond the recurrence: by angles, also outside [-1, 1]."""
    x = np.array([-1.0002, -1, -0.999, -0.3, 0, 0.7, 1, 1.0001])
    n = np.full_like(x, 200)
    for name, scipy_name in (("t", "eval_chebyt"), ("u", "eval_chebyu")):
        got = getattr(rt.special, "chebyshev_polynomial_" + name)(rt.tensor(x), rt.tensor(n)).numpy()
        np.testing.assert_allclose(got, getattr(scipy.special, scipy_name)(n, x), rtol=1e-9, atol=1e-10)
    for name, sign in (("v", -1), ("w", 1)):      # V = U(n) - U(n-1), W = U(n) + U(n-1)
        got = getattr(rt.special, "chebyshev_polynomial_" + name)(rt.tensor(x), rt.tensor(n)).numpy()
        want = scipy.special.eval_chebyu(n, x) + sign * scipy.special.eval_chebyu(n - 1, x)
        np.testing.assert_allclose(got, want, rtol=1e-8, atol=1e-9)
    assert float(rt.special.legendre_polynomial_p(rt.tensor(0.5), rt.tensor(-1))) == 0


@pytest.mark.parametrize("name", sorted(torch.special.__all__))
def test_every_name_of_torch_special_is_there(name):
    assert callable(getattr(rt.special, name)) and getattr(rt.special, name).__doc__


def test_scipy_names():
    x = rt.linspace(0.1, 3, 20, dtype="float64")
    for name in ("j0", "y1", "k0e", "gamma", "gammaln", "psi", "expit", "log_expit", "cbrt", "entr", "exp10"):
        np.testing.assert_allclose(
            getattr(rt.special, name)(x).numpy(), getattr(scipy.special, name)(x.numpy()), rtol=1e-13, atol=1e-15
        )
    y = x.flip(0)
    for name in ("rel_entr", "kl_div", "betaln", "chdtr", "chdtrc"):
        np.testing.assert_allclose(
            getattr(rt.special, name)(x, y).numpy(), getattr(scipy.special, name)(x.numpy(), y.numpy()), rtol=1e-12,
            atol=1e-14,
        )
    for name in ("eval_chebyt", "eval_chebyu", "eval_hermite", "eval_hermitenorm", "eval_laguerre", "eval_legendre"):
        np.testing.assert_allclose(
            getattr(rt.special, name)(3, x).numpy(), getattr(scipy.special, name)(3, x.numpy()), rtol=1e-12
        )
    assert scipy.special.j0(x) is not None and isinstance(scipy.special.gammainc(x, y), rt.Tensor)


# ---- functions of more than one row ----


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_nextafter_of_short_floats(dtype):
    values = [0.0, -0.0, 1, -1, 2, 65504.0 if dtype == "float16" else 3.3895e38, float("inf"), float("nan"), 6e-8]
    x = torch.tensor(values, dtype=getattr(torch, dtype))
    for towards in (-3.0, 0.0, 3.0, float("inf"), float("nan")):
        want = torch.nextafter(x, torch.full_like(x, towards)).float().numpy()
        ours = rt.tensor(values).to(dtype)
        got = rt.nextafter(ours, rt.full_like(ours, towards))
        assert str(got.dtype) == dtype
        np.testing.assert_array_equal(got.to("float32").numpy(), want)


def test_frexp():
    x = np.array([0.0, -0.0, 1, -3, 5e-324, 1e308, np.inf, np.nan])
    mantissa, exponent = rt.frexp(rt.tensor(x))
    assert str(exponent.dtype) == "int32"
    theirs = torch.frexp(torch.tensor(x))
    np.testing.assert_array_equal(mantissa.numpy(), theirs.mantissa.numpy())
    np.testing.assert_array_equal(exponent.numpy(), theirs.exponent.numpy())
    with pytest.raises(RuntimeError, match="frexp"):
        rt.frexp(rt.tensor([1, 2]))


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "complex64"])
def test_nan_to_num(dtype):
    x = np.array([np.nan, np.inf, -np.inf, 1.5]).astype(dtype)
    for args in ((), (2.0,), (None, 3.0), (np.inf, 1.0, -1.0)):
        np.testing.assert_array_equal(
            rt.nan_to_num(rt.tensor(x), *args).numpy(), torch.nan_to_num(torch.tensor(x), *args).numpy()
        )


def test_missing_derivatives_say_so():
    a, x = rt.tensor([1.5]), rt.tensor([2.0], requires_grad=True)
    (g,) = rt.autograd.grad(rt.igamma(a, x).sum(), x)
    assert abs(float(g) - 2**0.5 * np.exp(-2) / 0.886226925) < 1e-6
    with pytest.raises(NotImplementedError, match="igamma"):
        rt.igamma(x, a).sum().backward()


def test_a_second_derivative_of_a_step_is_zero_not_absent():
    x = rt.tensor([-1.0, 2.0], requires_grad=True)
    for f in (rt.relu, rt.abs, rt.nn.functional.hardtanh, rt.nn.functional.softshrink):
        (g,) = rt.autograd.grad(f(x).sum(), x, create_graph=True)
        assert g.requires_grad
        (h,) = rt.autograd.grad(g.sum(), x)
        assert h.tolist() == [0, 0]


def test_integer_powers():
    x, y = rt.tensor([2, -1, 1, 3]), rt.tensor([-1, -3, -2, 2])
    assert (x**y).tolist() == (torch.tensor([2, -1, 1, 3]) ** torch.tensor([-1, -3, -2, 2])).tolist()
    with pytest.raises(RuntimeError, match="negative integer powers"):
        x**-1
    with pytest.raises(ValueError, match="negative integer powers"):
        np.power(x, y)


WRONG = [
    (lambda x: rt.addcdiv(rt.ones(2), rt.tensor([1, 2]), rt.tensor([1, 2])), RuntimeError),
    (lambda x: rt.addcmul(rt.tensor([1]), rt.tensor([1]), rt.tensor([1]), value=0.5), RuntimeError),
    (lambda x: rt.add(rt.tensor([1]), rt.tensor([1]), alpha=0.5), RuntimeError),
    (lambda x: rt.div(x, x, rounding_mode="up"), RuntimeError),
    (lambda x: rt.clamp(x), ValueError),
    (lambda x: rt.complex(x, x.to("float64")), RuntimeError),
    (lambda x: rt.complex(x, 1.0), RuntimeError),
    (lambda x: rt.polar(rt.tensor([1]), rt.tensor([1])), RuntimeError),
    (lambda x: rt.heaviside(x, rt.tensor([1])), RuntimeError),
    (lambda x: rt.mvlgamma(x, 0), RuntimeError),
    (lambda x: rt.polygamma(-1, x), RuntimeError),
    (lambda x: rt.polygamma(1.5, x), TypeError),
    (lambda x: rt.float_power(x, 2, out=rt.ones(2)), RuntimeError),
    (lambda x: rt.isclose(x, x, rtol=-1.0), RuntimeError),
    (lambda x: rt.nn.functional.softshrink(x, -1.0), RuntimeError),
    (lambda x: rt.nn.functional.celu(x, 0.0), RuntimeError),
    (lambda x: rt.nn.functional.prelu(x, rt.ones(3)), RuntimeError),
    (lambda x: rt.nn.functional.prelu(x, rt.ones(1, dtype="float64")), RuntimeError),
    (lambda x: rt.nn.functional.hardtanh(rt.tensor([True])), TypeError),
    (lambda x: rt.special.i0(rt.tensor([1j])), TypeError),
    (lambda x: rt.special.zeta(rt.ones(2), rt.ones(3)), ValueError),
]


@pytest.mark.parametrize(("call", "kind"), WRONG)
def test_wrong_input(call, kind):
    with pytest.raises(kind):
        call(rt.ones(2))


POLYNOMIALS = {
    "chebyshev_polynomial_t": scipy.special.eval_chebyt,
    "chebyshev_polynomial_u": scipy.special.eval_chebyu,
    "hermite_polynomial_h": scipy.special.eval_hermite,
    "hermite_polynomial_he": scipy.special.eval_hermitenorm,
    "laguerre_polynomial_l": scipy.special.eval_laguerre,
    "legendre_polynomial_p": scipy.special.eval_legendre,
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", POLYNOMIALS)
def test_polynomials_of_many_degrees_at_once(name, dtype):
    """Neighbours have different degrees, fractions are cut off, some are negative; one number is the degree of all."""
    rng = np.random.default_rng(8)
    x, n = rng.uniform(-1.2, 1.2, 999).astype(dtype), rng.uniform(-2, 40, 999).astype(dtype)
    whole = np.trunc(n).astype(int)
    want = np.where(whole < 0, 0, POLYNOMIALS[name](np.maximum(whole, 0), x.astype("float64")))
    f = getattr(rt.special, name)
    got = f(rt.tensor(x), rt.tensor(n)).numpy()
    place = np.maximum(abs(want), 1e-3 * np.median(abs(want)))
    assert (abs(got - want) / place).max() < (6.1e-8 if dtype == "float32" else 1e-11)
    alone = [f(rt.tensor(x[i : i + 1]), rt.tensor(n[i : i + 1])).item() for i in range(0, 999, 37)]
    assert (np.array(alone, dtype) == got[::37]).all()
    for degree in (0, 1, 2, 7):
        assert (f(rt.tensor(x), degree).numpy() == f(rt.tensor(x), rt.full((999,), degree, dtype=dtype)).numpy()).all()
    assert np.isnan(f(rt.tensor([0.5, 0.5], dtype=dtype), rt.tensor([np.nan, np.nan], dtype=dtype)).numpy()).all()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_ldexp_and_frexp_to_the_bit(dtype):
    """Also where results or operands are below the normal numbers, and exponents beyond one power of two."""
    info, rng = np.finfo(dtype), np.random.default_rng(9)
    x = np.ldexp(rng.standard_normal(4000).astype(dtype), rng.integers(info.minexp - 60, info.maxexp - 4, 4000))
    x[:9] = [0, -0.0, np.inf, -np.inf, np.nan, info.smallest_subnormal, -info.max, info.tiny, 1]
    n = rng.integers(2 * info.minexp - 99, 2 * info.maxexp + 99, 4000)
    n[::2] //= 9
    with np.errstate(all="ignore"):
        want, parts = np.ldexp(x, n), np.frexp(x)
        half = np.ldexp(x.astype("longdouble") * np.sqrt(np.longdouble(2)), n)
    got = rt.ldexp(rt.tensor(x), rt.tensor(n)).numpy()
    np.testing.assert_array_equal(got, want)
    np.testing.assert_array_equal(np.signbit(got[:4]), np.signbit(want[:4]))
    mantissa, exponent = rt.frexp(rt.tensor(x))
    np.testing.assert_array_equal(mantissa.numpy(), parts[0])
    finite = np.isfinite(x)
    np.testing.assert_array_equal(exponent.numpy()[finite], parts[1][finite])
    got = rt.ldexp(rt.tensor(x), rt.tensor(n.astype(dtype) + 0.5)).numpy()
    sound = (abs(half) < info.max) & np.isfinite(x)
    place = np.spacing(abs(half[sound]).astype(dtype))
    assert (abs(got[sound].astype("longdouble") - half[sound]) / place).max() < 2
