"""float16 and bfloat16 functions with code of their own, for all their 65536 numbers: right to little more than half a
unit in the last place, and with float32's infinities, zeros' signs and NaNs."""

from __future__ import annotations

import json

import pytest
from table.test_accuracy import ISAS, run_for

PROGRAM = """
import json, math, numpy as np, rustorch as rt, rustorch.nn.functional as F
worst, faults = {}, []
erf = np.vectorize(math.erf)
ndtr = np.vectorize(lambda x: math.erfc(-x * math.sqrt(0.5)) / 2)
def logistic(x):
    return np.where(x < 0, np.exp(x), 1) / (1 + np.exp(-np.abs(x)))
FUNCTIONS = {"exp": np.exp, "log": np.log, "sin": np.sin, "cos": np.cos, "tanh": np.tanh, "erf": erf,
             "sigmoid": logistic, "silu": lambda x: x * logistic(x), "gelu": lambda x: x * ndtr(x),
             "square": np.square, "sqrt": np.sqrt, "reciprocal": lambda x: 1 / x}
every = rt.from_numpy(np.arange(65536, dtype=np.uint16).view(np.int16))
for dtype, digits, least in ((rt.float16, 11, -14), (rt.bfloat16, 8, -126)):
    t = every.view(dtype)
    wide = t.to(rt.float32)
    x = wide.numpy().astype(float)
    for name, judge in FUNCTIONS.items():
        f = getattr(F, name) if name in ("silu", "gelu") else getattr(rt, name)
        got = f(t).to(rt.float32).numpy().astype(float)
        plain = f(wide).to(dtype).to(rt.float32).numpy().astype(float)
        with np.errstate(all="ignore"):
            want = judge(x)
            place = np.ldexp(1.0, np.maximum(np.frexp(want)[1] - 1, least) - digits + 1)
            finite = np.isfinite(want) & np.isfinite(got)
            if name in ("sin", "cos"):
                finite &= np.abs(x) < 1e15              # NumPy's own reduction
            error = np.where(finite, np.abs(got - want) / place, 0)
        worst[f"{name} {dtype}"] = float(error.max())
        same = (got == plain) | (np.isnan(got) & np.isnan(plain))
        sign = np.isnan(plain) | (np.signbit(got) == np.signbit(plain))
        if not np.all((finite | same) & sign & (np.isfinite(got) == np.isfinite(plain))):
            faults.append([name, str(dtype), x[~((finite | same) & sign)][:4].tolist()])
        if (got != plain)[~np.isnan(plain)].sum() > 8:
            faults.append([name, str(dtype), "is not float32 rounded"])
print(json.dumps([worst, faults]))
"""


@pytest.mark.parametrize("isa", ISAS)
def test_every_number(isa: str) -> None:
    text = run_for(isa, "-c", PROGRAM)
    if text is None:
        return
    worst, faults = json.loads(text)
    assert not faults
    assert {name: error for name, error in worst.items() if error > 0.501} == {}
