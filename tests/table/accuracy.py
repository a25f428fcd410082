"""How far is each floating row of the table from the truth?  `measure` says, in units in the last place.

The truth is mpmath's, to 60 digits and rounded once; where NumPy has the function in an 80-bit long double, thousands
of points more are compared with that.  `bound` is what a row promises: what its documentation says ("within 4 ULP"),
or 1.
Some rows cannot keep a bound relative to their result (a sum of terms that cancel, a function near a zero that no
double is close to): SCALES gives the size that their error is measured against instead.

    python -m table.accuracy [points [many points]] [name ...]      (in tests/) for the instruction set in force
"""

from __future__ import annotations

import json
import re
import sys
from fractions import Fraction

import mpmath
import numpy as np
from mpmath import mp, mpf
from table.rows import ELEMENTWISE, function, intervals, ntensors, parameters

import rustorch as rt

DIGITS = 60
LONG_DOUBLE = np.finfo(np.longdouble).nmant >= 63
FLOATS = ("float32", "float64")


def _softplus(x):
    return mp.log1p(mp.exp(-abs(x))) + max(x, 0)


def _sinc(x):
    return mp.sinpi(x) / (mp.pi * x) if x else mpf(1)


def _angle(x):
    return mp.pi if x < 0 else mpf(0)


def _ndtr(x):
    return mp.erfc(-x / mp.sqrt(2)) / 2


def _entr(x):
    return -x * mp.log(x) if x else mpf(0)


def _erfcx(x):
    if x < 1e4:
        return mp.exp(x * x) * mp.erfc(x)
    return (1 - 1 / (2 * x * x) + 3 / (4 * x**4) - 15 / (8 * x**6)) / (x * mp.sqrt(mp.pi))


def _log_ndtr(x):
    return mp.log(_ndtr(x)) if x < 5 else mp.log1p(-_ndtr(-x))


def _erfinv(x):
    """Newton's method from the double below."""
    y = mpf(float(_double(rt.ufunc.erfinv, x)))
    for _ in range(5):
        rest = mp.erf(y) - x if abs(x) < 0.5 else mp.sign(x) * ((1 - abs(x)) - mp.erfc(abs(y)))
        y -= rest * mp.exp(y * y) * mp.sqrt(mp.pi) / 2
    return y


def _ndtri(p):
    y = mpf(float(_double(rt.ufunc.ndtri, p)))
    for _ in range(5):
        y -= (_ndtr(y) - p) * mp.exp(y * y / 2) * mp.sqrt(2 * mp.pi)
    return y


def _double(f, x):
    return f(np.float64(float(x)))


def _gelu_tanh(x):
    return x / (1 + mp.exp(-2 * mp.sqrt(2 / mp.pi) * (x + mpf("0.044715") * x**3)))


def _selu(x):
    a, s = mpf("1.6732632423543772848170429916717"), mpf("1.0507009873554804934193349852946")
    return s * x if x > 0 else s * a * mp.expm1(x)


def _logaddexp(x, y):
    return mp.log(mp.exp(x) + mp.exp(y)) if max(x, y) - min(x, y) < 200 else max(x, y)


def _logaddexp2(x, y):
    return mp.log(mpf(2) ** x + mpf(2) ** y, 2) if max(x, y) - min(x, y) < 300 else max(x, y)


def _exact(x):
    return Fraction(float(x))


def _floor_divide(x, y):
    return mpf(_exact(x) // _exact(y))


def _real(fraction):
    return mpf(fraction.numerator) / fraction.denominator


def _polynomial(kind):
    return lambda x, n: kind(int(n), x)


def _v(n, x):
    """cos((n + 1/2) t) / cos(t / 2), x = cos t."""
    return mp.chebyu(n, x) - (mp.chebyu(n - 1, x) if n else 0)


def _w(n, x):
    return mp.chebyu(n, x) + (mp.chebyu(n - 1, x) if n else 0)


def _hermite_he(n, x):
    a, b = mpf(1), x
    for k in range(1, n + 1):
        a, b = b, x * b - k * a
    return a


def _fma_free(x, y, z):
    return x + y * z


# What a row means, over mpf; None for an answer that is not a real number is allowed (complex counts as NaN).
FORMULAS = {
    "add": lambda x, y: x + y, "sub": lambda x, y: x - y, "mul": lambda x, y: x * y, "div": lambda x, y: x / y,
    "floor_divide": _floor_divide, "floor_quotient": _floor_divide,
    "remainder": lambda x, y: _real(_exact(x) % _exact(y)),
    "fmod": lambda x, y: _real(_exact(abs(x)) % _exact(abs(y))) * (1 if x > 0 else -1),
    "pow": lambda x, y: mp.power(x, y), "neg": lambda x: -x, "positive": lambda x: x, "conj": lambda x: x,
    "abs": abs, "fabs": abs, "sign": mp.sign, "sgn": mp.sign, "square": lambda x: x * x, "sqrt": mp.sqrt,
    "rsqrt": lambda x: 1 / mp.sqrt(x), "cbrt": lambda x: mp.sign(x) * mp.cbrt(abs(x)),
    "reciprocal": lambda x: 1 / x, "hypot": mp.hypot, "maximum": max, "minimum": min, "fmax": max, "fmin": min,
    "clamp": lambda x, y, z: min(max(x, y), z), "clamp_min": max, "clamp_max": min,
    "heaviside": lambda x, y: mpf(x > 0) if x else y, "copysign": lambda x, y: abs(x) if y > 0 else -abs(x),
    "ldexp": lambda x, y: x * mpf(2) ** y, "frexp_exponent": lambda x: mpf(mp.frexp(x)[1]),
    "replace_nan": lambda x, y: x, "replace_inf": lambda x, y, z: x, "tied": lambda x, y: x,
    "angle": _angle, "angle_slope": lambda x: mpf(0), "lerp": lambda x, y, z: x + z * (y - x),
    "addcmul": _fma_free, "addcdiv": lambda x, y, z: x + y / z, "floor": mp.floor, "ceil": mp.ceil,
    "trunc": lambda x: mp.floor(x) if x > 0 else mp.ceil(x), "round": mp.nint,
    "frac": lambda x: x - (mp.floor(x) if x > 0 else mp.ceil(x)),
    "exp": mp.exp, "exp2": lambda x: mpf(2) ** x, "expm1": mp.expm1, "log": mp.log, "log2": lambda x: mp.log(x, 2),
    "log10": mp.log10, "log1p": mp.log1p, "logaddexp": _logaddexp, "logaddexp2": _logaddexp2,
    "xlogy": lambda x, y: x * mp.log(y), "xlog1py": lambda x, y: x * mp.log1p(y),
    "sin": mp.sin, "cos": mp.cos, "tan": mp.tan, "asin": mp.asin, "acos": mp.acos, "atan": mp.atan,
    "atan2": mp.atan2, "sinh": mp.sinh, "cosh": mp.cosh, "tanh": mp.tanh, "asinh": mp.asinh, "acosh": mp.acosh,
    "atanh": mp.atanh, "deg2rad": lambda x: x * mp.pi / 180, "rad2deg": lambda x: x * 180 / mp.pi, "sinc": _sinc,
    "erf": mp.erf, "erfc": mp.erfc, "erfinv": _erfinv, "gamma": mp.gamma,
    "lgamma": lambda x: mp.log(abs(mp.gamma(x))) if abs(x) < 1e4 else mp.loggamma(x), "digamma": mp.digamma,
    "trigamma": lambda x: mp.psi(1, x), "polygamma": lambda x, n: mp.psi(int(n), x), "zeta": mp.zeta,
    "igamma": lambda a, x: mp.gammainc(a, 0, x, regularized=True),
    "igammac": lambda a, x: mp.gammainc(a, x, regularized=True),
    "erfcx": _erfcx, "ndtr": _ndtr, "ndtri": _ndtri, "log_ndtr": _log_ndtr, "entr": _entr,
    "i0": lambda x: mp.besseli(0, x), "i0e": lambda x: mp.besseli(0, x) * mp.exp(-abs(x)),
    "i1": lambda x: mp.besseli(1, x), "i1e": lambda x: mp.besseli(1, x) * mp.exp(-abs(x)),
    "modified_bessel_k0": lambda x: mp.besselk(0, x), "modified_bessel_k1": lambda x: mp.besselk(1, x),
    "scaled_modified_bessel_k0": lambda x: mp.besselk(0, x) * mp.exp(x),
    "scaled_modified_bessel_k1": lambda x: mp.besselk(1, x) * mp.exp(x),
    "bessel_j0": mp.j0, "bessel_j1": mp.j1, "bessel_y0": lambda x: mp.bessely(0, x),
    "bessel_y1": lambda x: mp.bessely(1, x), "spherical_bessel_j0": lambda x: mp.sin(x) / x, "airy_ai": mp.airyai,
    "chebyshev_polynomial_t": _polynomial(mp.chebyt), "chebyshev_polynomial_u": _polynomial(mp.chebyu),
    "chebyshev_polynomial_v": _polynomial(_v), "chebyshev_polynomial_w": _polynomial(_w),
    "shifted_chebyshev_polynomial_t": lambda x, n: mp.chebyt(int(n), 2 * x - 1),
    "shifted_chebyshev_polynomial_u": lambda x, n: mp.chebyu(int(n), 2 * x - 1),
    "shifted_chebyshev_polynomial_v": lambda x, n: _v(int(n), 2 * x - 1),
    "shifted_chebyshev_polynomial_w": lambda x, n: _w(int(n), 2 * x - 1),
    "hermite_polynomial_h": _polynomial(mp.hermite), "hermite_polynomial_he": _polynomial(_hermite_he),
    "laguerre_polynomial_l": lambda x, n: mp.laguerre(int(n), 0, x),
    "legendre_polynomial_p": _polynomial(mp.legendre),
    "sigmoid": lambda x: 1 / (1 + mp.exp(-x)), "logit": lambda x: mp.log(x / (1 - x)),
    "relu": lambda x: max(x, mpf(0)), "relu6": lambda x: min(max(x, mpf(0)), mpf(6)),
    "prelu": lambda x, y: x if x > 0 else x * y, "leaky_relu": lambda x, y: x if x > 0 else x * y,
    "elu": lambda x, y: x if x > 0 else y * mp.expm1(x), "selu": _selu,
    "celu": lambda x, y: x if x > 0 else y * mp.expm1(x / y), "gelu": lambda x: x * _ndtr(x),
    "gelu_tanh": _gelu_tanh, "silu": lambda x: x / (1 + mp.exp(-x)), "mish": lambda x: x * mp.tanh(_softplus(x)),
    "softplus": lambda x, y, z: x if x * y > z else _softplus(x * y) / y, "softsign": lambda x: x / (1 + abs(x)),
    "hardtanh": lambda x, y, z: min(max(x, y), z), "hardsigmoid": lambda x: min(max(x + 3, mpf(0)), mpf(6)) / 6,
    "hardswish": lambda x: x * min(max(x + 3, mpf(0)), mpf(6)) / 6, "log_sigmoid": lambda x: -_softplus(-x),
    "tanhshrink": lambda x: x - mp.tanh(x),
    "softshrink": lambda x, y: mpf(0) if abs(x) <= y else x - y if x > y else x + y,
    "hardshrink": lambda x, y: mpf(0) if abs(x) <= y else x, "threshold": lambda x, y, z: z if x <= y else x,
}  # fmt: skip



def _terms(name):
    """The sum of a polynomial's terms without their signs: its modulus on the imaginary axis."""
    if name.startswith("laguerre"):
        return lambda x, n: FORMULAS[name](-abs(x), n)
    if name.startswith("shifted"):
        return lambda x, n: abs(FORMULAS[name[8:]](mp.mpc(0, 2 * abs(x) + 1), n))
    return lambda x, n: abs(FORMULAS[name](mp.mpc(0, abs(x)), n))


# Bits, integers, logic: nothing is rounded there, and other tests compare them bit by bit.
EXACT = {"nextafter", "where"}
# Terms of losses: a few operations one after the other, that round as those do (test_mapped_losses.py judges the sums).
TERMS = {"squared_error", "absolute_error", "smooth_error", "huber_error", "logistic_error", "bernoulli_error"}

# (row): what the error is relative to, in place of the result, and why.
SCALES = {
    "remainder": (lambda x, y: abs(y), "the divisor: x - y floor(x / y) rounds when it is moved by y"),
    "lerp": (lambda x, y, z: abs(x) + abs(z) * (abs(x) + abs(y)), "the terms of its sum, which may cancel"),
    "addcmul": (lambda x, y, z: abs(x) + abs(y * z), "the terms of its sum, which may cancel"),
    "addcdiv": (lambda x, y, z: abs(x) + abs(y / z), "the terms of its sum, which may cancel"),
    "logaddexp": (lambda x, y: max(abs(x), abs(y)), "the greater operand: near its zeros terms cancel"),
    "logaddexp2": (lambda x, y: max(abs(x), abs(y)), "the greater operand: near its zeros terms cancel"),
    "tanhshrink": (lambda x: abs(x), "x"),
    "softshrink": (lambda x, y: abs(x) + abs(y), "the terms of its sum, which may cancel"),
    "hardsigmoid": (lambda x: mpf(1), "1: x + 3 may cancel"),
    "hardswish": (lambda x: abs(x), "x: x + 3 may cancel"),
    "lgamma": (lambda x: max(abs(mp.loggamma(x).real), abs(x) if x < 0 else 0), "x where x is negative"),
    "digamma": (lambda x: max(abs(mp.digamma(x)), 1), "1 near its zeros"),
    "bessel_j0": (lambda x: max(abs(mp.j0(x)), mp.sqrt(1 / (1 + abs(x)))), "its amplitude"),
    "bessel_j1": (lambda x: max(abs(mp.j1(x)), mp.sqrt(1 / (1 + abs(x))) * min(abs(x), 1)), "its amplitude"),
    "bessel_y0": (lambda x: max(abs(mp.bessely(0, x)), mp.sqrt(1 / (1 + abs(x)))), "its amplitude"),
    "bessel_y1": (lambda x: max(abs(mp.bessely(1, x)), mp.sqrt(1 / (1 + abs(x)))), "its amplitude"),
    "airy_ai": (lambda x: abs(mp.airyai(x)) if x > -2 else 1 / mp.root(-x, 4), "its amplitude"),
    **{
        name: (_terms(name), "the terms of its sum, which cancel near its zeros")
        for name in FORMULAS
        if "_polynomial_" in name
    },
}  # fmt: skip

# Rows that promise something in their domain only: elsewhere iterations grow or conditions are hopeless.
NARROW = {name for name in FORMULAS if "_polynomial_" in name} | {
    "zeta", "igamma", "igammac", "polygamma", "trigamma", "digamma", "airy_ai", "bessel_j0", "bessel_j1", "bessel_y0",
    "bessel_y1", "i0", "i0e", "i1", "i1e", "modified_bessel_k0", "modified_bessel_k1", "scaled_modified_bessel_k0",
    "scaled_modified_bessel_k1", "lgamma", "gamma", "ldexp", "erfinv", "ndtri",
}  # fmt: skip

# Rows whose value depends on the sign of a zero, which mpf has not.
SIGNED_ZERO = {"copysign", "atan2", "reciprocal", "div", "rsqrt"}

# Arguments worth a look: around thresholds, zeros and steps of the functions, and where errors were found.
LANDMARKS = [
    0.0, 1.0, 0.5, 2.0, 0.25, 0.75, 1.5, 3.0, 10.0, 100.0, 1e-5, 1e-10, 1e5, 1e10, 1e22, 2.0**60, 2.0**100, 2.0**1000,
    np.pi / 4, np.pi / 2, np.pi, 1.5 * np.pi, 2 * np.pi, 11 * np.pi, 355.0, 1e4 * np.pi, 710497.5 * np.pi,
    np.sqrt(0.5), np.sqrt(2.0), np.log(2.0), np.log(2.0) / 2, 1.5 * np.log(2.0), np.e,
    88.72283, 88.02969, 87.33654, 103.27893, 103.97208, 709.782712893384, 710.4758600739439, 708.3964185322641,
    744.4400719213812, 745.1332191019412, 127.5, 128.0, 126.0, 149.0, 150.0, 1022.0, 1023.5, 1024.0, 1074.0, 1075.0,
    9.01, 18.714973875118524, 19.06, 22.0, 36.7368005696771, 17.33, 8.317766, 26.543258, 27.226017, 10.05, 5.921587,
    2.0**-13, 2.0**-27, 2.0**-30, 2.0**-12, 2.0**-26, 2.0**24, 2.0**53, 2.0**23, 2.0**52, 2.0**63, 2.0**31,
    6381956970095103.0 * 2.0**797, 1.1925098885450886e-07,
    # the worst that scans of some 10^7 arguments found
    0.97563203604397097, 0.36405941719624835, 2.3525359228102065, 806.61554082847681, 748.48401031928017,
    1.0000000123967416, 0.37033627101449529, 18.400549299350264, 10.764869764299769, 0.42246947933629436,
    0.50000041505817516, 0.59555232048250828, 708.80336746265095, 1.0269303201759759, 0.024824835258922762,
    1.0330838503442308, 19996.442286219059, 6.5702743530273438, 0.63892453908920288, 0.37340104579925537, 4.51577711,
    25.354972839355469, 59.919422149658203, 126.56777191162109, 0.69998890161514282, 1.5707975962629148,
]  # fmt: skip


def landmarks(dtype):
    """The landmarks, their neighbours, both signs, and the ends of the dtype's range."""
    info = np.finfo(dtype)
    with np.errstate(all="ignore"):
        middle = np.array(LANDMARKS).astype(dtype)
    ends = [info.max, info.tiny, info.smallest_subnormal, info.tiny - info.smallest_subnormal, info.max / 2]
    middle = np.concatenate([middle[np.isfinite(middle)], np.array(ends, dtype)])
    with np.errstate(all="ignore"):
        near = [middle, np.nextafter(middle, dtype.type(0)), np.nextafter(middle, dtype.type(np.inf))]
    x = np.concatenate(near)
    x = np.concatenate([x, -x])
    return x[np.isfinite(x)]


def _any_bits(rng, dtype, n):
    x = rng.integers(0, 2 ** (8 * dtype.itemsize), n, dtype=f"u{dtype.itemsize}").view(dtype)
    return x[np.isfinite(x)]


def points(row, dtype, n, seed=0):
    """Operands for the row: landmarks, the row's own domain, magnitudes around 1, any bits, twins."""
    rng = np.random.default_rng([seed, sum(map(ord, row["name"]))])
    dtype, k = np.dtype(dtype), ntensors(row)
    domain = [rng.uniform(low, high, n).astype(dtype) for low, high in intervals(row)[:k]]
    around = [
        (rng.choice([-1, 1], n) * 2.0 ** rng.uniform(-14, 14, n)).astype(dtype) for _ in range(k)
    ]
    wild = [_any_bits(rng, dtype, n) for _ in range(k)]
    marks = landmarks(dtype)
    special = [marks] + [rng.permutation(marks) for _ in range(k - 1)]
    twins = [around[0]] + [(a * rng.uniform(-2, 2, n)).astype(dtype) for a in [around[0]] * (k - 1)]
    groups = [domain, around, wild, special, twins] if k > 1 else [domain, around, wild, special]
    if row["name"] in NARROW:
        groups = [domain]
    groups = [[x[: min(map(len, g))] for x in g] for g in groups]
    return [np.concatenate(parts) for parts in zip(*groups, strict=True)]


def bound(row):
    """The bound that the row's documentation states, in ULP; 1 where it states none."""
    stated = re.search(r"[Ww]ithin (\d+(?:\.\d+)?) ULP", row["doc"])
    return float(stated[1]) if stated else 1.0


def truth(row, operands):
    """The result as mpf, or None where it is no real number (then special values decide)."""
    if any(np.isnan(v) or np.isinf(v) for v in operands):
        return None
    if row["name"] in SIGNED_ZERO and 0 in operands:
        return None
    try:
        want = mpmath.mpmathify(FORMULAS[row["name"]](*(mpf(float(v)) for v in operands)))
    except (ZeroDivisionError, ValueError, OverflowError, mpmath.libmp.NoConvergence):
        return None
    return want if isinstance(want, mpf) and mp.isfinite(want) else None


def ulp(value, dtype):
    """The size of the last place of a number of this magnitude."""
    info = np.finfo(dtype)
    exponent = mp.frexp(value)[1] - 1 if value else info.minexp
    return mpf(2) ** (max(exponent, info.minexp) - info.nmant)


def distance(got, want, dtype, scale=None):
    """|got - want| in ULP of want (of scale, where given).  Infinity stands for the first power of 2 beyond."""
    info = np.finfo(dtype)
    if np.isnan(got):
        return float("inf")
    top = mpf(2) ** info.maxexp
    if np.isinf(got):
        if abs(want) >= top - ulp(mpf(float(info.max)), dtype) / 2 and (got > 0) == (want > 0):
            return 0.0
        value = top if got > 0 else -top
    else:
        value = mpf(float(got))
    return float(abs(value - want) / ulp(want if scale is None else max(abs(want), scale), dtype))


def measure(row, dtype, n=60, seed=0):
    """(largest error in ULP, operands there, number of points) of one row in one dtype."""
    name = row["name"]
    x, params = points(row, dtype, n, seed), parameters(row)
    with np.errstate(all="ignore"):
        got = function(row)(*map(rt.from_numpy, x), *params).numpy()
    scale = SCALES.get(name, (None,))[0]
    worst, where, seen = 0.0, (), 0
    kind = np.dtype(dtype).type
    with mp.workdps(DIGITS):
        for operands in zip(*x, got.tolist(), strict=True):
            *given, result = operands
            given += map(kind, params)
            want = truth(row, given)
            if want is None:
                continue
            seen += 1
            size = scale(*(mpf(float(v)) for v in given)) if scale else None
            error = distance(result, want, dtype, size)
            if error > worst:
                worst, where = error, tuple(map(float, given))
    return worst, where, seen


def measure_many(row, dtype, n=200_000, seed=0):
    """The same against NumPy's long double, for rows that have a twin there; None for the others."""
    twin = getattr(np, row["numpy"] or "-", None)
    elementary = row["class"] in ("INEXACT", "FLOAT") and row["name"] not in {*SCALES, *SIGNED_ZERO}
    if not (LONG_DOUBLE and twin and elementary):
        return None
    x = points(row, dtype, n // 4, seed)
    with np.errstate(all="ignore"):
        want = twin(*(v.astype(np.longdouble) for v in x))
        got = function(row)(*map(rt.from_numpy, x)).numpy()
        info = np.finfo(dtype)
        exponent = np.frexp(want)[1] - 1
        place = np.ldexp(np.longdouble(1), np.maximum(exponent, info.minexp) - info.nmant)
        top = np.ldexp(np.longdouble(1), info.maxexp)
        value = np.where(np.isinf(got), np.copysign(top, got), got.astype(np.longdouble))
        error = np.abs(value - want) / place
        over = np.abs(want) >= top - np.ldexp(np.longdouble(1), info.maxexp - info.nmant - 2)
        error = np.where(over, np.where(np.isinf(got) & (np.sign(got) == np.sign(want)), 0, np.inf), error)
        error = np.where(np.isnan(want), np.where(np.isnan(got), 0, np.inf), error)
        error = np.where(np.isnan(error), np.inf, error)
    i = int(np.argmax(error))
    return float(error[i]), tuple(float(v[i]) for v in x), len(want)


def judged():
    """The rows with a formula: those that take floats and round."""
    return [
        row
        for row in ELEMENTWISE
        if not row["logic"] and row["name"] not in EXACT | TERMS and row["class"] not in ("INT", "INTNUM")
    ]


def main(names, n=25, many=40_000):
    """One JSON line a row and dtype: name, dtype, largest error, operands there, number of points, bound."""
    for row in judged():
        if names and row["name"] not in names:
            continue
        for dtype in FLOATS:
            results = [r for r in (measure(row, dtype, n), measure_many(row, dtype, many)) if r]
            worst, where, _ = max(results)
            seen = sum(r[2] for r in results)
            print(json.dumps([row["name"], dtype, worst, where, seen, bound(row)]), flush=True)


if __name__ == "__main__":
    sizes = [int(a) for a in sys.argv[1:] if a.isdigit()]
    main([a for a in sys.argv[1:] if not a.isdigit()], *sizes)
