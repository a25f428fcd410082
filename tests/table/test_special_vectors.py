"""The incomplete gamma functions and the Bessel functions J, Y and K, which go over vectors: in every range that takes
another method, beside SciPy, at their limits, and of the same bits whatever stands beside a number."""

from __future__ import annotations

import json

import pytest
from table.test_accuracy import ISAS, run_for

PROGRAM = """
import json, numpy as np, rustorch as rt
from scipy import special
faults = []
rng = np.random.default_rng(0)
inf, nan = np.inf, np.nan

def check(name, ours, theirs, operands, relative, scale=0.0):
    for dtype in (np.float32, np.float64):
        x = [v.astype(dtype) for v in operands]
        with np.errstate(all="ignore"):
            want = theirs(*(v.astype(np.float64) for v in x))
            got = ours(*map(rt.from_numpy, x)).numpy()
        tolerance = max(relative, 4 * np.finfo(dtype).eps)
        tiny = np.finfo(dtype).tiny
        bad = ~(np.abs(got - want) <= tolerance * np.maximum(np.abs(want), scale) + 4 * tiny)
        bad &= ~((got == want.astype(dtype)) | (np.isnan(got) & np.isnan(want)))
        if bad.any():
            i = int(np.argmax(bad))
            faults.append([name, dtype.__name__, [float(v[i]) for v in x], float(got[i]), float(want[i])])
        order = rng.permutation(len(x[0]))
        mixed = ours(*(rt.from_numpy(v[order].copy()) for v in x)).numpy()
        if mixed.tobytes() != got[order].tobytes():
            faults.append([name, dtype.__name__, "bits depend on neighbours"])

limits = np.array([0, 0, inf, inf, 1, 1, -1, 2, nan, 0, inf]), np.array([0, 1, 1, inf, inf, 0, 1, -1, 1, inf, 0])
near = 10 ** rng.uniform(1.5, 6, 400)
ranges = {
    "limits": limits,
    "small": (rng.uniform(0.001, 1.2, 400), rng.uniform(0.001, 1.2, 400)),
    "usual": (rng.uniform(0.01, 9, 400), rng.uniform(0.01, 9, 400)),
    "wider": (rng.uniform(0.01, 150, 400), rng.uniform(0.01, 150, 400)),
    "near": (near, near * rng.uniform(0.6, 1.4, 400)),
    "wild": (10 ** rng.uniform(-8, 12, 400), 10 ** rng.uniform(-8, 12, 400)),
    "odd length": (rng.uniform(0.01, 60, 37), rng.uniform(0.01, 60, 37)),
}
for name, (a, x) in ranges.items():
    check("gammainc " + name, rt.special.gammainc, special.gammainc, (a, x), 1e-9, 1e-30)
    check("gammaincc " + name, rt.special.gammaincc, special.gammaincc, (a, x), 1e-9, 1e-30)

x = np.concatenate([rng.uniform(-30, 30, 500), rng.uniform(0, 2, 100), [0.0, -0.0, 8, 2, inf, -inf, nan, 1e-30, 700]])
far = np.concatenate([x[~np.isinf(x)], 10 ** rng.uniform(1, 6, 200)])     # at infinity SciPy's are NaN
for order, (j, y) in enumerate([(special.j0, special.y0), (special.j1, special.y1)]):
    check(f"j{order}", getattr(rt.special, f"bessel_j{order}"), j, (far,), 1e-9, 1e-3)
    check(f"y{order}", getattr(rt.special, f"bessel_y{order}"), y, (far,), 1e-9, 1e-3)
for order, (k, ke) in enumerate([(special.k0, special.k0e), (special.k1, special.k1e)]):
    check(f"k{order}", getattr(rt.special, f"modified_bessel_k{order}"), k, (x,), 1e-14)
    check(f"k{order}e", getattr(rt.special, f"scaled_modified_bessel_k{order}"), ke, (x,), 1e-14)
print(json.dumps(faults))
"""


@pytest.mark.parametrize("isa", ISAS)
def test_every_method(isa: str) -> None:
    pytest.importorskip("scipy")
    text = run_for(isa, "-c", PROGRAM)
    if text is not None:
        assert json.loads(text) == []
