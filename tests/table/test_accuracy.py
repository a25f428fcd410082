"""Every floating row keeps the bound that its documentation states (1 ULP where it states none), on every
instruction set that this machine has; a build gives the same bits in every layout and length."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from table import accuracy
from table.rows import parameters

import rustorch as rt

ROWS = accuracy.judged()
ids = [row["name"] for row in ROWS]
ISAS = ("v2", "v3", "v4")
HERE = Path(__file__).parents[1]


def run_for(isa, *arguments):
    """The output of a Python program of ours under an instruction set, or None where the machine lacks it."""
    env = dict(os.environ, RUSTORCH_ISA=isa, PYTHONPATH=os.pathsep.join([str(HERE), str(HERE.parent)]))
    probe = subprocess.run([sys.executable, "-c", "import rustorch"], env=env, capture_output=True, text=True)
    if probe.returncode and "RUSTORCH_ISA" in probe.stderr:
        return None
    done = subprocess.run([sys.executable, *arguments], env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_floating_row_is_judged():
    """A row that takes floats has a formula, or is listed as exact."""
    missing = [row["name"] for row in ROWS if row["name"] not in accuracy.FORMULAS]
    assert not missing, f"rows without a formula in tests/table/accuracy.py: {missing}"


@pytest.mark.parametrize("dtype", accuracy.FLOATS)
@pytest.mark.parametrize("row", ROWS, ids=ids)
def test_bound(row, dtype):
    stated = accuracy.bound(row)
    for found in (accuracy.measure(row, dtype), accuracy.measure_many(row, dtype)):
        if found is not None:
            worst, where, seen = found
            assert seen >= 40
            assert worst <= stated, f"{row['name']} {dtype}: {worst:.4g} ULP at {where}, stated {stated:g}"


@pytest.mark.parametrize("isa", ISAS)
def test_bounds_on_every_instruction_set(isa):
    text = run_for(isa, "-m", "table.accuracy")
    if text is None:
        assert isa == "v4" or "x86" not in os.uname().machine, f"this machine does not run {isa}"
        return
    over = [line for line in map(json.loads, text.splitlines()) if line[2] > line[5]]
    assert not over, over


LAYOUTS = """
import sys, numpy as np, rustorch as rt
from table import accuracy
from table.rows import function, parameters
bad = []
for row in accuracy.judged():
    for dtype in accuracy.FLOATS:
        x = [v[:201] for v in accuracy.points(row, dtype, 67)]
        f = lambda *a: function(row)(*a, *parameters(row)).numpy()
        whole = f(*map(rt.from_numpy, x)).view("u%d" % x[0].itemsize)
        def same(operands, want, what):
            got = np.ascontiguousarray(f(*operands)).view(want.dtype)
            if not np.array_equal(got, want):
                bad.append((row["name"], dtype, what))
        for n in range(1, 68):
            same([rt.from_numpy(v[:n].copy()) for v in x], whole[:n], f"length {n}")
        for step in (2, 3, -1, -2):
            wide = [np.repeat(v, abs(step)) for v in x]
            view = [rt.from_numpy(w)[::step] if step > 0 else rt.from_numpy(w[::step]) for w in wide]
            same(view, whole[::-1] if step < 0 else whole, f"step {step}")
        for i in (0, 31, 66):
            spread = [rt.from_numpy(v[i : i + 1].copy()).expand(5) for v in x]
            same(spread, np.repeat(whole[i : i + 1], 5), "broadcast")
print(bad)
"""


@pytest.mark.parametrize("isa", ISAS)
def test_layouts_keep_bits_on_every_instruction_set(isa):
    text = run_for(isa, "-c", LAYOUTS)
    assert text is None or text.strip() == "[]", text


def test_misaligned_input_keeps_bits():
    """NumPy's ufuncs hand us memory at any address."""
    for row in ROWS:
        f = getattr(rt.ufunc, row["name"], None)
        if f is None or parameters(row):
            continue
        for dtype in accuracy.FLOATS:
            x = [v[:100] for v in accuracy.points(row, dtype, 40)]
            odd = [np.frombuffer(b"\0" + v.tobytes(), dtype, offset=1) for v in x]
            assert not odd[0].flags.aligned
            with np.errstate(all="ignore"):
                assert f(*odd).tobytes() == f(*x).tobytes(), (row["name"], dtype)
