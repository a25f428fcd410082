"""Zeros with signs, infinities, NaN, denormals and the ends of the range: as NumPy has them, which follows C99's
Annex F, and as the array API standard lists them, in every instruction set."""

from __future__ import annotations

import itertools
import json
import math
import sys

import numpy as np
import pytest
from table.accuracy import FLOATS, SCALES, distance, mpf
from table.rows import ELEMENTWISE, dtypes, function, ntensors, numpy_function, parameters

import rustorch as rt

inf, nan, pi = math.inf, math.nan, math.pi

# The standard's special cases: function, operands, result; "any" is tried with several values.
STANDARD = [
    ("acos", (1.1,), nan), ("acos", (-1.1,), nan), ("acos", (1.0,), 0.0), ("acosh", (0.9,), nan),
    ("acosh", (1.0,), 0.0), ("acosh", (inf,), inf), ("acosh", (-inf,), nan), ("asin", (1.1,), nan),
    ("asin", (0.0,), 0.0), ("asin", (-0.0,), -0.0), ("asinh", (0.0,), 0.0), ("asinh", (-0.0,), -0.0),
    ("asinh", (inf,), inf), ("asinh", (-inf,), -inf), ("atan", (0.0,), 0.0), ("atan", (-0.0,), -0.0),
    ("atan", (inf,), pi / 2), ("atan", (-inf,), -pi / 2), ("atan2", (1.0, 0.0), pi / 2),
    ("atan2", (1.0, -0.0), pi / 2), ("atan2", (0.0, 1.0), 0.0), ("atan2", (0.0, 0.0), 0.0),
    ("atan2", (0.0, -0.0), pi), ("atan2", (0.0, -1.0), pi), ("atan2", (-0.0, 1.0), -0.0),
    ("atan2", (-0.0, 0.0), -0.0), ("atan2", (-0.0, -0.0), -pi), ("atan2", (-0.0, -1.0), -pi),
    ("atan2", (-1.0, 0.0), -pi / 2), ("atan2", (-1.0, -0.0), -pi / 2), ("atan2", (2.0, inf), 0.0),
    ("atan2", (2.0, -inf), pi), ("atan2", (-2.0, inf), -0.0), ("atan2", (-2.0, -inf), -pi),
    ("atan2", (inf, 2.0), pi / 2), ("atan2", (-inf, 2.0), -pi / 2), ("atan2", (inf, inf), pi / 4),
    ("atan2", (inf, -inf), 3 * pi / 4), ("atan2", (-inf, inf), -pi / 4), ("atan2", (-inf, -inf), -3 * pi / 4),
    ("atan2", (nan, inf), nan), ("atan2", (1.0, nan), nan), ("atanh", (1.1,), nan), ("atanh", (-1.1,), nan),
    ("atanh", (-1.0,), -inf), ("atanh", (1.0,), inf), ("atanh", (-0.0,), -0.0), ("ceil", (-0.5,), -0.0),
    ("ceil", (inf,), inf), ("copysign", (2.0, -0.0), -2.0), ("copysign", (-2.0, 0.0), 2.0),
    ("copysign", (nan, 1.0), nan), ("cos", (0.0,), 1.0), ("cos", (-0.0,), 1.0), ("cos", (inf,), nan),
    ("cosh", (0.0,), 1.0), ("cosh", (-inf,), inf), ("exp", (-0.0,), 1.0), ("exp", (inf,), inf),
    ("exp", (-inf,), 0.0), ("expm1", (-0.0,), -0.0), ("expm1", (inf,), inf), ("expm1", (-inf,), -1.0),
    ("floor", (-0.0,), -0.0), ("floor", (-inf,), -inf), ("hypot", (inf, nan), inf), ("hypot", (nan, -inf), inf),
    ("hypot", (1.0, nan), nan), ("log", (-1.0,), nan), ("log", (0.0,), -inf), ("log", (-0.0,), -inf),
    ("log", (1.0,), 0.0), ("log", (inf,), inf), ("log1p", (-1.1,), nan), ("log1p", (-1.0,), -inf),
    ("log1p", (-0.0,), -0.0), ("log1p", (inf,), inf), ("log2", (0.0,), -inf), ("log2", (1.0,), 0.0),
    ("log2", (8.0,), 3.0), ("log10", (0.0,), -inf), ("log10", (1.0,), 0.0), ("log10", (1000.0,), 3.0),
    ("logaddexp", (nan, 1.0), nan), ("logaddexp", (inf, 1.0), inf), ("logaddexp", (-inf, -inf), -inf),
    ("logaddexp", (-inf, 1.0), 1.0), ("maximum", (nan, 1.0), nan), ("minimum", (1.0, nan), nan),
    ("pow", (2.0, 0.0), 1.0), ("pow", (nan, 0.0), 1.0), ("pow", (nan, 1.0), nan), ("pow", (1.0, nan), 1.0),
    ("pow", (2.0, inf), inf), ("pow", (2.0, -inf), 0.0), ("pow", (1.0, inf), 1.0), ("pow", (-1.0, inf), 1.0),
    ("pow", (0.5, inf), 0.0), ("pow", (0.5, -inf), inf), ("pow", (inf, 2.0), inf), ("pow", (inf, -2.0), 0.0),
    ("pow", (-inf, 3.0), -inf), ("pow", (-inf, 2.0), inf), ("pow", (-inf, -3.0), -0.0), ("pow", (-inf, -2.0), 0.0),
    ("pow", (0.0, 2.0), 0.0), ("pow", (0.0, -2.0), inf), ("pow", (-0.0, 3.0), -0.0), ("pow", (-0.0, 2.0), 0.0),
    ("pow", (-0.0, -3.0), -inf), ("pow", (-0.0, -2.0), inf), ("pow", (-2.0, 0.5), nan), ("reciprocal", (0.0,), inf),
    ("reciprocal", (-0.0,), -inf), ("reciprocal", (-inf,), -0.0), ("remainder", (inf, 2.0), nan),
    ("remainder", (2.0, 0.0), nan), ("remainder", (0.0, 2.0), 0.0), ("remainder", (-0.0, 2.0), 0.0),
    ("remainder", (0.0, -2.0), -0.0), ("remainder", (2.0, inf), 2.0), ("remainder", (-2.0, -inf), -2.0),
    ("round", (2.5,), 2.0), ("round", (-0.5,), -0.0), ("round", (3.5,), 4.0), ("sign", (-0.0,), 0.0),
    ("sign", (nan,), nan), ("sin", (-0.0,), -0.0), ("sin", (inf,), nan), ("sinh", (-0.0,), -0.0),
    ("sinh", (-inf,), -inf), ("sqrt", (-1.0,), nan), ("sqrt", (-0.0,), -0.0), ("sqrt", (inf,), inf),
    ("tan", (-0.0,), -0.0), ("tan", (-inf,), nan), ("tanh", (-0.0,), -0.0), ("tanh", (inf,), 1.0),
    ("tanh", (-inf,), -1.0), ("trunc", (-0.5,), -0.0), ("nextafter", (1.0, nan), nan),
    ("nextafter", (-0.0, 0.0), 0.0), ("nextafter", (0.0, -0.0), -0.0), ("div", (1.0, 0.0), inf),
    ("div", (1.0, -0.0), -inf), ("div", (0.0, 0.0), nan), ("div", (inf, inf), nan),
]  # fmt: skip

# Where the sign of a zero is anybody's choice.
CHOICES = {"sign", "sgn", "maximum", "minimum", "fmax", "fmin", "clamp"}


def values(dtype):
    info = np.finfo(dtype)
    plain = [0.0, 0.5, 1.0, 1.5, 2.0, 3.0, inf, info.max, info.tiny, info.smallest_subnormal, 1e22, 2.0**100]
    return np.array([*plain, *[-v for v in plain], nan], dtype)


def same(got, want, dtype, zeros=True, scale=None):
    if math.isnan(want) or math.isnan(got):
        return math.isnan(want) and math.isnan(got)
    if math.isinf(want) or math.isinf(got):
        return got == want
    if zeros and 0 in (want, got) and math.copysign(1, got) != math.copysign(1, want):
        return False
    return distance(got, mpf(want), dtype, scale) <= (1 if want == 0 else 4)


def faults():
    """Where a row differs from NumPy's ufunc in a special value."""
    found = []
    for row, dtype in itertools.product(ELEMENTWISE, FLOATS):
        f = numpy_function(row)
        if f is None or dtype not in dtypes(row) or row["logic"] or row["class"] in ("INT", "INTNUM"):
            continue
        grid = np.meshgrid(*[values(dtype)] * ntensors(row), indexing="ij")
        operands = [g.reshape(-1) for g in grid]
        with np.errstate(all="ignore"):
            want = f(*operands)
        got = function(row)(*map(rt.from_numpy, operands), *parameters(row)).numpy()
        for *x, a, b in zip(*operands, got, want, strict=True):
            scale = max(map(abs, x)) if row["name"] in SCALES and np.isfinite(x).all() else None
            if not same(float(a), float(b), dtype, row["name"] not in CHOICES, scale and mpf(float(scale))):
                found.append([row["name"], dtype, list(map(float, x)), float(a), float(b)])
    return found


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize(("name", "operands", "want"), STANDARD, ids=str)
def test_the_standards_list(name, operands, want, dtype):
    row = next(r for r in ELEMENTWISE if r["name"] == name)
    got = function(row)(*(rt.tensor([v], dtype=dtype) for v in operands)).numpy()[0]
    assert same(float(got), want, dtype), (got, want)


@pytest.mark.parametrize("isa", ["v2", "v3", "v4"])
def test_as_numpy(isa):
    from table.test_accuracy import run_for

    text = run_for(isa, "-m", "table.test_special_values")
    assert text is None or not json.loads(text), text


if __name__ == "__main__":
    json.dump(faults(), sys.stdout)
