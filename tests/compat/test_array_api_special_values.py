"""Special values of elementwise functions as the array API standard lists them, for all its floating dtypes.

Tables of (argument, result); a list of arguments stands for each of them.  Results count with the sign of zero.
"""
import cmath
import itertools
import math
import operator

import numpy
import pytest

import rustorch.numpy as np

NAN, INF, PI = math.nan, math.inf, math.pi
POSITIVE, NEGATIVE = [0.25, 1.0, 2.5, 3.0, 1e30], [-0.25, -1.0, -2.5, -3.0, -1e30]
FINITE_NOT_0, ZEROS, INFS = POSITIVE + NEGATIVE, [0.0, -0.0], [INF, -INF]
FINITE = FINITE_NOT_0 + ZEROS
ANY = [*FINITE, *INFS, NAN]
ODD = [(v, v) for v in (0.0, -0.0, NAN)]                          # as sin, sinh, tan, ...: zeros keep their sign
WHOLE = [*ODD, (INF, INF), (-INF, -INF), (3.0, 3.0), (-7.0, -7.0)]

REAL = {
    "abs": [(NAN, NAN), (-0.0, 0.0), (-INF, INF)],
    "acos": [(NAN, NAN), (1.5, NAN), (-1.5, NAN), (1.0, 0.0)],
    "acosh": [(NAN, NAN), (0.5, NAN), (-3.0, NAN), (1.0, 0.0), (INF, INF)],
    "asin": [*ODD, (1.5, NAN), (-1.5, NAN)],
    "asinh": [*ODD, (INF, INF), (-INF, -INF)],
    "atan": [*ODD, (INF, PI / 2), (-INF, -PI / 2)],
    "atanh": [*ODD, (1.5, NAN), (-1.5, NAN), (1.0, INF), (-1.0, -INF)],
    "ceil": [*WHOLE, (-0.5, -0.0), (0.5, 1.0)],
    "cos": [(NAN, NAN), (0.0, 1.0), (-0.0, 1.0), (INF, NAN), (-INF, NAN)],
    "cosh": [(NAN, NAN), (0.0, 1.0), (-0.0, 1.0), (INF, INF), (-INF, INF)],
    "exp": [(NAN, NAN), (0.0, 1.0), (-0.0, 1.0), (INF, INF), (-INF, 0.0)],
    "expm1": [*ODD, (INF, INF), (-INF, -1.0)],
    "floor": [*WHOLE, (0.5, 0.0), (-0.5, -1.0)],
    "isfinite": [(NAN, False), (INF, False), (-INF, False), (1e30, True), (-0.0, True)],
    "isinf": [(NAN, False), (INF, True), (-INF, True), (1e30, False)],
    "isnan": [(NAN, True), (INF, False), (-INF, False), (0.0, False)],
    "log": [(NAN, NAN), (-1.0, NAN), (-INF, NAN), (0.0, -INF), (-0.0, -INF), (1.0, 0.0), (INF, INF)],
    "log1p": [*ODD, (-2.0, NAN), (-1.0, -INF), (INF, INF)],
    "log2": [(NAN, NAN), (-1.0, NAN), (0.0, -INF), (-0.0, -INF), (1.0, 0.0), (8.0, 3.0), (INF, INF)],
    "log10": [(NAN, NAN), (-1.0, NAN), (0.0, -INF), (-0.0, -INF), (1.0, 0.0), (100.0, 2.0), (INF, INF)],
    "negative": [(NAN, NAN), (0.0, -0.0), (-0.0, 0.0), (INF, -INF), (-INF, INF)],
    "positive": WHOLE,
    "reciprocal": [(NAN, NAN), (0.0, INF), (-0.0, -INF), (INF, 0.0), (-INF, -0.0)],
    "round": [*WHOLE, (0.5, 0.0), (-0.5, -0.0), (1.5, 2.0), (2.5, 2.0), (-1.5, -2.0), (-2.5, -2.0), (3.5, 4.0)],
    "sign": [(NAN, NAN), (0.0, 0.0), (-0.0, 0.0), (2.5, 1.0), (-2.5, -1.0), (INF, 1.0), (-INF, -1.0)],
    "signbit": [(0.0, False), (-0.0, True), (INF, False), (-INF, True), (2.0, False), (-2.0, True), (NAN, False)],
    "sin": [*ODD, (INF, NAN), (-INF, NAN)],
    "sinh": [*ODD, (INF, INF), (-INF, -INF)],
    "sqrt": [*ODD, (-1.0, NAN), (-INF, NAN), (INF, INF)],
    "square": [(NAN, NAN), (0.0, 0.0), (-0.0, 0.0), (INF, INF), (-INF, INF)],
    "tan": [*ODD, (INF, NAN), (-INF, NAN)],
    "tanh": [*ODD, (INF, 1.0), (-INF, -1.0)],
    "trunc": [*WHOLE, (0.5, 0.0), (-0.5, -0.0), (-1.5, -1.0)],
}  # fmt: skip


def quotient_of_signs(x, y):
    """What every division has: zeros and infinities with the sign that x / y has."""
    sign = math.copysign(1, x) * math.copysign(1, y)
    return math.copysign(0.0 if x == 0 or math.isinf(y) else INF, sign)


DIVISION = [
    (NAN, ANY, NAN), (ANY, NAN, NAN), (INFS, INFS, NAN), (ZEROS, ZEROS, NAN),
    (ZEROS, FINITE_NOT_0, quotient_of_signs), (FINITE_NOT_0, ZEROS, quotient_of_signs),
    (INFS, FINITE_NOT_0, quotient_of_signs), (FINITE_NOT_0, INFS, quotient_of_signs),
]  # fmt: skip
NOT_INTEGER, ODD_POSITIVE, ODD_NEGATIVE = [0.25, 2.5, -0.25, -2.5], [1.0, 3.0], [-1.0, -3.0]
OTHER_POSITIVE, OTHER_NEGATIVE = [0.25, 2.0, 2.5, 1e30], [-0.25, -2.0, -2.5, -1e30]

BINARY = {
    "add": [
        (NAN, ANY, NAN), (ANY, NAN, NAN), (INF, -INF, NAN), (-INF, INF, NAN), (INF, [INF, *FINITE], INF),
        (-INF, [-INF, *FINITE], -INF), (FINITE, INF, INF), (FINITE, -INF, -INF), (-0.0, -0.0, -0.0), (-0.0, 0.0, 0.0),
        (0.0, -0.0, 0.0), (0.0, 0.0, 0.0), (ZEROS, FINITE_NOT_0, lambda x, y: y), (FINITE_NOT_0, ZEROS, lambda x, y: x),
        (2.5, -2.5, 0.0),
    ],
    "subtract": [(NAN, ANY, NAN), (INF, INF, NAN), (-INF, -INF, NAN), (0.0, 0.0, 0.0), (-0.0, 0.0, -0.0),
                 (2.5, 2.5, 0.0)],
    "atan2": [
        (NAN, ANY, NAN), (ANY, NAN, NAN), (POSITIVE, ZEROS, PI / 2), (0.0, [0.0, *POSITIVE], 0.0),
        (0.0, [-0.0, *NEGATIVE], PI),
        (-0.0, [0.0, *POSITIVE], -0.0), (-0.0, [-0.0, *NEGATIVE], -PI), (NEGATIVE, ZEROS, -PI / 2),
        (POSITIVE, INF, 0.0),
        (POSITIVE, -INF, PI), (NEGATIVE, INF, -0.0), (NEGATIVE, -INF, -PI), (INF, FINITE, PI / 2),
        (-INF, FINITE, -PI / 2),
        (INF, INF, PI / 4), (INF, -INF, 3 * PI / 4), (-INF, INF, -PI / 4), (-INF, -INF, -3 * PI / 4),
    ],
    "copysign": [([*FINITE, *INFS], [*FINITE, *INFS], math.copysign), (2.5, NAN, 2.5), (2.5, -NAN, math.copysign)],
    "divide": DIVISION,
    "floor_divide": [*DIVISION, (7.0, 2.0, 3.0), (-7.0, 2.0, -4.0), (7.0, -2.0, -4.0), (-7.0, -2.0, 3.0)],
    "hypot": [(INFS, ANY, INF), (ANY, INFS, INF), (ZEROS, FINITE, lambda x, y: abs(y)),
              (FINITE, ZEROS, lambda x, y: abs(x)),
              ([*FINITE, NAN], NAN, NAN), (NAN, [*FINITE, NAN], NAN)],
    "logaddexp": [(NAN, ANY, NAN), (ANY, NAN, NAN), (INF, [*FINITE, *INFS], INF), ([*FINITE, *INFS], INF, INF),
                  (-INF, -INF, -INF)],
    "maximum": [(NAN, ANY, NAN), (ANY, NAN, NAN), (INF, FINITE, INF), (-INF, FINITE_NOT_0, lambda x, y: y)],
    "minimum": [(NAN, ANY, NAN), (ANY, NAN, NAN), (-INF, FINITE, -INF), (INF, FINITE_NOT_0, lambda x, y: y)],
    "multiply": [(NAN, ANY, NAN), (ANY, NAN, NAN), (INFS, ZEROS, NAN), (ZEROS, INFS, NAN),
                 (INFS, [*FINITE_NOT_0, *INFS], operator.mul), (FINITE_NOT_0, INFS, operator.mul),
                 (ZEROS, FINITE, operator.mul)],
    "nextafter": [(NAN, ANY, NAN), (ANY, NAN, NAN), (-0.0, 0.0, 0.0), (0.0, -0.0, -0.0), (INF, INF, INF),
                  (2.5, 2.5, 2.5)],
    "pow": [
        ([*INFS, *ZEROS, 2.5, -1.0], NAN, NAN), (ANY, ZEROS, 1.0), (NAN, [*FINITE_NOT_0, *INFS], NAN),
        ([2.5, -2.5], INF, INF),
        ([2.5, -2.5], -INF, 0.0), ([1.0, -1.0], INFS, 1.0), (1.0, ANY, 1.0), ([0.25, -0.25], INF, 0.0),
        ([0.25, -0.25], -INF, INF),
        (INF, [*POSITIVE, INF], INF), (INF, [*NEGATIVE, -INF], 0.0), (-INF, ODD_POSITIVE, -INF),
        (-INF, OTHER_POSITIVE, INF),
        (-INF, ODD_NEGATIVE, -0.0), (-INF, OTHER_NEGATIVE, 0.0), (0.0, [*POSITIVE, INF], 0.0),
        (0.0, [*NEGATIVE, -INF], INF),
        (-0.0, ODD_POSITIVE, -0.0), (-0.0, OTHER_POSITIVE, 0.0), (-0.0, ODD_NEGATIVE, -INF),
        (-0.0, OTHER_NEGATIVE, INF),
        (NEGATIVE, NOT_INTEGER, NAN),
    ],
    "remainder": [
        (NAN, ANY, NAN), (ANY, NAN, NAN), (INFS, [*FINITE, *INFS], NAN), (FINITE, ZEROS, NAN), (ZEROS, POSITIVE, 0.0),
        (ZEROS, NEGATIVE, -0.0), (POSITIVE, INF, lambda x, y: x), (POSITIVE, -INF, -INF), (NEGATIVE, INF, INF),
        (NEGATIVE, -INF, lambda x, y: x), (7.0, -3.0, -2.0), (-7.0, 3.0, 2.0),
    ],
    "equal": [(NAN, ANY, False), (ANY, NAN, False), (INF, INF, True), (-INF, -INF, True), (ZEROS, ZEROS, True),
              (INF, -INF, False)],
    "not_equal": [(NAN, ANY, True), (ANY, NAN, True), (INF, -INF, True), (INF, INF, False), (ZEROS, ZEROS, False)],
}  # fmt: skip
OPERATORS = {"add": ("add", "iadd"), "subtract": ("sub", "isub"), "divide": ("truediv", "itruediv"),
             "floor_divide": ("floordiv", "ifloordiv"), "multiply": ("mul", "imul"), "pow": ("pow", "ipow"),
             "remainder": ("mod", "imod"), "equal": ("eq",), "not_equal": ("ne",)}  # fmt: skip

# a + bj with b > 0 or b = +0: what is left out follows from f(conj(z)) = conj(f(z)).  EITHER: of either sign.
EITHER = "either sign"


def cis(scale):
    return lambda a, b: (scale * math.cos(b), scale * math.sin(b))


UPPER = [v for v in POSITIVE if v < 1e30]
SMALL = [v for v in FINITE if abs(v) < 1e30]
SMALL_NOT_0 = [v for v in SMALL if v]
LOGARITHM = [
    (SMALL, INF, INF, PI / 2), (SMALL, NAN, NAN, NAN), (-INF, UPPER, INF, PI), (INF, UPPER, INF, 0.0),
    (-INF, INF, INF, 3 * PI / 4),
    (INF, INF, INF, PI / 4), (INFS, NAN, INF, NAN), (NAN, [*UPPER, 0.0], NAN, NAN), (NAN, INF, INF, NAN),
    (NAN, NAN, NAN, NAN),
]  # fmt: skip
COMPLEX = {
    "abs": [(INFS, [*UPPER, 0.0, INF, NAN], INF, None), ([*SMALL, NAN], INF, INF, None),
            (NAN, [*UPPER, NAN], NAN, None)],
    "acos": [
        (ZEROS, 0.0, PI / 2, -0.0), (ZEROS, NAN, PI / 2, NAN), (SMALL, INF, PI / 2, -INF), (SMALL_NOT_0, NAN, NAN, NAN),
        (-INF, UPPER, PI, -INF), (INF, UPPER, 0.0, -INF), (-INF, INF, 3 * PI / 4, -INF), (INF, INF, PI / 4, -INF),
        (INFS, NAN, NAN, (INF, EITHER)), (NAN, [*UPPER, 0.0], NAN, NAN), (NAN, INF, NAN, -INF), (NAN, NAN, NAN, NAN),
    ],
    "acosh": [
        (ZEROS, 0.0, 0.0, PI / 2), (SMALL, INF, INF, PI / 2), (SMALL_NOT_0, NAN, NAN, NAN),
        (0.0, NAN, NAN, (PI / 2, EITHER)),
        (-INF, UPPER, INF, PI), (INF, UPPER, INF, 0.0), (-INF, INF, INF, 3 * PI / 4), (INF, INF, INF, PI / 4),
        (INFS, NAN, INF, NAN), (NAN, [*UPPER, 0.0], NAN, NAN), (NAN, INF, INF, NAN), (NAN, NAN, NAN, NAN),
    ],
    "asinh": [
        (0.0, 0.0, 0.0, 0.0), (UPPER, INF, INF, PI / 2), (SMALL, NAN, NAN, NAN), (INF, UPPER, INF, 0.0),
        (INF, INF, INF, PI / 4),
        (NAN, 0.0, NAN, 0.0), (NAN, UPPER, NAN, NAN), (NAN, INF, (INF, EITHER), NAN), (NAN, NAN, NAN, NAN),
    ],
    "atanh": [
        (0.0, 0.0, 0.0, 0.0), (0.0, NAN, 0.0, NAN), (1.0, 0.0, INF, 0.0), (UPPER, INF, 0.0, PI / 2),
        (SMALL_NOT_0, NAN, NAN, NAN),
        (INF, UPPER, 0.0, PI / 2), (INF, INF, 0.0, PI / 2), (INF, NAN, 0.0, NAN), (NAN, [*UPPER, 0.0], NAN, NAN),
        (NAN, INF, (0.0, EITHER), PI / 2), (NAN, NAN, NAN, NAN),
    ],
    "cosh": [
        (0.0, 0.0, 1.0, 0.0), (0.0, [INF, NAN], NAN, (0.0, EITHER)), (SMALL_NOT_0, [INF, NAN], NAN, NAN),
        (INF, 0.0, INF, 0.0),
        (INF, UPPER, cis(INF)), (INF, INF, (INF, EITHER), NAN), (INF, NAN, INF, NAN), (NAN, 0.0, NAN, (0.0, EITHER)),
        (NAN, [*UPPER, NAN], NAN, NAN),
    ],
    "exp": [
        (ZEROS, 0.0, 1.0, 0.0), (SMALL, [INF, NAN], NAN, NAN), (INF, 0.0, INF, 0.0), (-INF, [0.0, *UPPER], cis(0.0)),
        (INF, UPPER, cis(INF)), (-INF, [INF, NAN], (0.0, EITHER), (0.0, EITHER)), (INF, [INF, NAN], (INF, EITHER), NAN),
        (NAN, 0.0, NAN, 0.0), (NAN, [*UPPER, INF, NAN], NAN, NAN),
    ],
    "expm1": [
        (ZEROS, 0.0, 0.0, 0.0), (SMALL, [INF, NAN], NAN, NAN), (INF, 0.0, INF, 0.0), (INF, UPPER, cis(INF)),
        (-INF, [0.0, *UPPER], lambda a, b: (-1.0, 0.0 * math.sin(b))), (-INF, [INF, NAN], -1.0, (0.0, EITHER)),
        (INF, [INF, NAN], (INF, EITHER), NAN), (NAN, 0.0, NAN, 0.0), (NAN, [*UPPER, INF, NAN], NAN, NAN),
    ],
    "isfinite": [([*INFS, NAN], [*UPPER, 0.0, INF, NAN], False, None), (SMALL, [INF, NAN], False, None),
                 (SMALL, UPPER, True, None)],
    "isinf": [(INFS, [*UPPER, INF, NAN], True, None), ([*SMALL, NAN], INF, True, None),
              ([*SMALL, NAN], [NAN, 1.0], False, None)],
    "isnan": [(NAN, [*UPPER, INF, NAN], True, None), ([*SMALL, *INFS], NAN, True, None),
              ([*SMALL, *INFS], [1.0, INF], False, None)],
    "log": [(-0.0, 0.0, -INF, PI), (0.0, 0.0, -INF, 0.0), *LOGARITHM],
    "log1p": [(-1.0, 0.0, -INF, 0.0), *LOGARITHM],
    "round": [(0.5, 1.5, 0.0, 2.0), (-2.5, 2.5, -2.0, 2.0), (-0.5, 0.0, -0.0, 0.0), (NAN, 1.5, NAN, 2.0),
              (INF, NAN, INF, NAN)],
    "sign": [(ZEROS, ZEROS, 0.0, 0.0), (NAN, [1.0, NAN, 0.0], NAN, NAN), (1.0, NAN, NAN, NAN), (3.0, 4.0, 0.6, 0.8)],
    "sinh": [
        (0.0, 0.0, 0.0, 0.0), (0.0, [INF, NAN], (0.0, EITHER), NAN), (UPPER, [INF, NAN], NAN, NAN),
        (INF, 0.0, INF, 0.0),
        (INF, UPPER, cis(INF)), (INF, [INF, NAN], (INF, EITHER), NAN), (NAN, 0.0, NAN, 0.0),
        (NAN, [*UPPER, NAN], NAN, NAN),
    ],
    "sqrt": [
        (ZEROS, 0.0, 0.0, 0.0), ([*SMALL, *INFS, NAN], INF, INF, INF), (SMALL, NAN, NAN, NAN), (-INF, UPPER, 0.0, INF),
        (INF, UPPER, INF, 0.0), (-INF, NAN, NAN, (INF, EITHER)), (INF, NAN, INF, NAN),
        (NAN, [*UPPER, 0.0, NAN], NAN, NAN),
    ],
    "tanh": [
        (0.0, 0.0, 0.0, 0.0), (SMALL_NOT_0, [INF, NAN], NAN, NAN), (0.0, [INF, NAN], 0.0, NAN), (INF, UPPER, 1.0, 0.0),
        (INF, [INF, NAN], 1.0, (0.0, EITHER)), (NAN, 0.0, NAN, 0.0), (NAN, [*UPPER, NAN], NAN, NAN),
    ],
}  # fmt: skip
# as if computed through another: f(z) = factor * g(z * 1j)
ROTATED = {
    "asin": ("asinh", -1j),
    "atan": ("atanh", -1j),
    "cos": ("cosh", 1),
    "sin": ("sinh", -1j),
    "tan": ("tanh", -1j),
}


def each(values):
    return values if isinstance(values, list) else [values]


def is_value(got, wanted, tolerance):
    wanted, either = wanted if isinstance(wanted, tuple) else (wanted, None)
    if isinstance(wanted, bool):
        return got == wanted
    if math.isnan(wanted):
        return math.isnan(got)
    same = got == wanted or math.isclose(got, wanted, rel_tol=tolerance)
    if either:
        return same or got == -wanted
    return same and math.copysign(1, got) == math.copysign(1, wanted)


def shown(arguments, dtype):
    """The arguments alone, in an array long enough for vector code, strided, and without dimensions."""
    for length, step in ((1, 1), (37, 1), (40, 3)):
        yield [np.asarray(numpy.full(length, a, dtype))[::step] for a in arguments]
    yield [np.asarray(numpy.array(a, dtype)) for a in arguments]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", sorted(REAL))
def test_real(name, dtype):
    for argument, wanted in REAL[name]:
        for arrays in shown([argument], dtype):
            for got in numpy.asarray(getattr(np, name)(*arrays)).ravel().tolist():
                assert is_value(got, wanted, 1e-6), (argument, got, wanted)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", sorted(BINARY))
def test_binary(name, dtype):
    functions = [getattr(np, name), *(getattr(operator, n) for n in OPERATORS.get(name, ()))]
    for first, second, wanted in BINARY[name]:
        for x, y in itertools.product(each(first), each(second)):
            result = wanted(x, y) if callable(wanted) else wanted
            result = result if isinstance(result, bool) else float(numpy.dtype(dtype).type(result))
            for function in functions:
                for arrays in shown([x, y], dtype):
                    for got in numpy.asarray(function(*arrays)).ravel().tolist():
                        assert is_value(got, result, 1e-6), (function, x, y, got, result)


def complex_cases(name):
    """(z, real part, imaginary part), with the conjugates."""
    for row in COMPLEX[name]:
        for a, b in itertools.product(each(row[0]), each(row[1])):
            real, imaginary = row[2](a, b) if callable(row[2]) else row[2:]
            yield complex(a, b), real, imaginary
            if imaginary is not None and math.copysign(1, b) > 0 and name != "sign":
                yield complex(a, -b), real, imaginary if isinstance(imaginary, tuple) else -imaginary


@pytest.mark.parametrize("dtype", ["complex64", "complex128"])
@pytest.mark.parametrize("name", sorted(COMPLEX))
def test_complex(name, dtype):
    for z, real, imaginary in complex_cases(name):
        for arrays in shown([z], dtype):
            for got in numpy.asarray(getattr(np, name)(*arrays)).ravel().tolist():
                assert is_value(got.real if imaginary is not None else got, real, 1e-6), (z, got, real)
                assert imaginary is None or is_value(got.imag, imaginary, 1e-6), (z, got, imaginary)


@pytest.mark.parametrize("dtype", ["complex64", "complex128"])
@pytest.mark.parametrize("name", sorted(ROTATED))
def test_complex_through_another(name, dtype):
    other, factor = ROTATED[name]
    for z, real, imaginary in complex_cases(other):
        turned = complex(z.imag, -z.real)                             # z = turned * 1j
        wanted = (real, imaginary) if factor == 1 else (imaginary, -real if not isinstance(real, tuple) else real)
        for arrays in shown([turned], dtype):
            for got in numpy.asarray(getattr(np, name)(*arrays)).ravel().tolist():
                assert is_value(got.real, wanted[0], 1e-6), (turned, got, wanted)
                assert is_value(got.imag, wanted[1], 1e-6), (turned, got, wanted)


@pytest.mark.parametrize("dtype", ["complex64", "complex128"])
def test_complex_logarithms_of_other_bases(dtype):
    for z, _, _ in complex_cases("log"):
        natural = cmath.log(z) if z else complex(-INF, cmath.phase(z))
        for name, base in (("log2", math.log(2)), ("log10", math.log(10))):
            got = complex(getattr(np, name)(np.asarray([z], dtype=dtype))[0])
            assert is_value(got.real, natural.real / base, 1e-6), (name, z, got)
            assert is_value(got.imag, natural.imag / base, 1e-6), (name, z, got)


@pytest.mark.parametrize("name", ["max", "min", "mean", "prod", "std", "sum", "var"])
def test_nan_propagates(name):
    for dtype in ("float32", "float64"):
        for length in (1, 3, 67):
            for place in {0, length // 2, length - 1}:
                x = numpy.ones(length, dtype)
                x[place] = NAN
                assert math.isnan(float(getattr(np, name)(np.asarray(x))))


@pytest.mark.parametrize("name, wanted", [("mean", NAN), ("prod", 1.0), ("std", NAN), ("sum", 0.0), ("var", NAN)])
@pytest.mark.filterwarnings("ignore")
def test_empty_arrays(name, wanted):
    for dtype in ("float32", "float64"):
        for shape in ((0,), (2, 0), (0, 3)):
            got = getattr(np, name)(np.zeros(shape, dtype=dtype))
            assert got.dtype == dtype and got.shape == () and is_value(float(got), wanted, 0)


def test_clip_with_nan():
    for x, low, high in ((NAN, 0.0, 1.0), (0.5, NAN, 1.0), (0.5, 0.0, NAN), (0.5, NAN, None), (0.5, None, NAN)):
        limits = [v if v is None else np.asarray([v]) for v in (low, high)]
        assert math.isnan(float(np.clip(np.asarray([x]), *limits)[0]))
