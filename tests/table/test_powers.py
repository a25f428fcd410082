"""Powers with whole exponents and halves, which are products: right to little more than half a ULP, with the C
library's special values, and of the same bits whatever exponents stand beside them."""

from __future__ import annotations

import json

import numpy as np
import pytest
from table.test_accuracy import ISAS, run_for

import rustorch as rt

PROGRAM = """
import json, numpy as np, rustorch as rt
worst, faults = 0.0, []
EXPONENTS = [0, 1, 2, 3, 4, 5, 7, 10, 33, 64, -1, -2, -3, -7, -64, 0.5, -0.5, 1.5, 2.5, -1.5, 63.5, 65, 2.3, -64.5]
for dtype in (np.float32, np.float64):
    rng, info = np.random.default_rng(0), np.finfo(dtype)
    marks = [0.0, -0.0, np.inf, -np.inf, np.nan, 1, -1, info.max, -info.max, info.tiny, info.smallest_subnormal]
    x = np.concatenate([rng.uniform(-3, 3, 500), rng.choice([-1, 1], 500) * 2.0 ** rng.uniform(-40, 40, 500),
                        2.0 ** rng.uniform(info.minexp, info.maxexp - 1, 200), marks]).astype(dtype)
    bits = f"u{x.itemsize}"
    with np.errstate(all="ignore"):
        for e in EXPONENTS:
            got = (rt.from_numpy(x) ** e).numpy()
            want, plain = x.astype(np.longdouble) ** np.longdouble(dtype(e)), np.power(x, np.full_like(x, e))
            place = np.ldexp(np.longdouble(1), np.maximum(np.frexp(want)[1] - 1, info.minexp) - info.nmant)
            finite = np.isfinite(got) & np.isfinite(want)
            worst = max(worst, float(np.max(np.abs(got - want)[finite] / place[finite])))
            same = (got == plain) | (np.isnan(got) & np.isnan(plain))
            sign = np.isnan(plain) | (np.signbit(got) == np.signbit(plain))
            if not np.all((finite | same) & sign):
                faults.append([dtype.__name__, e, "special values"])
            beside = np.full(x.shape, e, dtype)
            beside[1::3], beside[2::7] = rng.choice(EXPONENTS, beside[1::3].shape), 2.37
            kept = beside == dtype(e)
            mixed = (rt.from_numpy(x) ** rt.from_numpy(beside)).numpy()
            if not np.array_equal(mixed[kept].view(bits), got[kept].view(bits)):
                faults.append([dtype.__name__, e, "bits depend on neighbours"])
print(json.dumps([worst, faults]))
"""


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.skipif(np.finfo(np.longdouble).nmant < 63, reason="the judge is an 80-bit long double")
def test_whole_and_half_exponents(isa: str) -> None:
    text = run_for(isa, "-c", PROGRAM)
    if text is None:
        return
    worst, faults = json.loads(text)
    assert not faults
    assert worst <= 1


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "bfloat16"])
@pytest.mark.parametrize("n", [1, 2, 3, 5, 8, 15, 16, 17, 33])
def test_each_element_has_its_own_exponent(dtype, n):
    x = rt.arange(1, n + 1, dtype=getattr(rt, dtype)) / 8 + 1
    y = rt.arange(n, dtype=getattr(rt, dtype)) % 4 - 1
    want = [float(a) ** float(b) for a, b in zip(x.tolist(), y.tolist(), strict=True)]
    tolerance = {"float32": 1e-6, "float64": 1e-14, "float16": 1e-3, "bfloat16": 8e-3}[dtype]
    np.testing.assert_allclose((x**y).double().numpy(), want, rtol=tolerance)
