"""How accurate each floating row of the op table is: writes docs/accuracy.md from measurements.

Not a matter of speed, but measured: run it (`./dev bench accuracy`) after a change of a kernel, and commit the page.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))
from table import accuracy  # noqa: E402

ISAS = ("v2", "v3", "v4")
POINTS = ("25", "200000")
HEAD = """# Accuracy

The largest errors found, in units in the last place (ULP), against mpmath with 60 digits and, where NumPy has the \
function in an 80-bit long double, against that. Half a ULP is what rounding alone costs. Arguments are those of \
`tests/table/accuracy.py`: the row's own domain, magnitudes around 1, any bits at all, and the neighbourhoods of \
thresholds, zeros and poles; {seen} of them. The columns are the builds for x86-64-v2, v3 (AVX2, FMA) and v4 \
(AVX-512). `tests/table/test_accuracy.py` holds every row to the bound that its documentation states: 1 ULP unless \
it says otherwise.

This page is written by `./dev bench accuracy`; do not edit it.
"""


def collect() -> dict[str, dict[tuple[str, str], tuple[float, list[float], int]]]:
    """{row: {(isa, dtype): (error, where, points)}}"""
    found: dict[str, dict[tuple[str, str], tuple[float, list[float], int]]] = {}
    for isa in ISAS:
        env = dict(os.environ, RUSTORCH_ISA=isa, PYTHONPATH=os.pathsep.join([str(ROOT / "tests"), str(ROOT)]))
        done = subprocess.run(
            [sys.executable, "-m", "table.accuracy", *POINTS], env=env, capture_output=True, text=True, check=True
        )
        for line in done.stdout.splitlines():
            name, dtype, error, where, seen, _ = json.loads(line)
            found.setdefault(name, {})[isa, dtype] = (error, where, seen)
    return found


def number(value: float) -> str:
    return f"{value:.3f}".rstrip("0").rstrip(".") if value < 100 else f"{value:.0f}"


def table(names: list[str], found: dict[str, dict[tuple[str, str], tuple[float, list[float], int]]]) -> list[str]:
    kinds = [(isa, dtype) for dtype in accuracy.FLOATS for isa in ISAS]
    lines = [
        "| function | bound | " + " | ".join(f"{dtype} {isa}" for isa, dtype in kinds) + " | worst float64 argument |",
        "|---" * (len(kinds) + 3) + "|",
    ]
    rows = {row["name"]: row for row in accuracy.judged()}
    for name in names:
        cells = [number(found[name][kind][0]) for kind in kinds]
        where = max(found[name][isa, "float64"] for isa in ISAS)[1]
        scale = accuracy.SCALES.get(name)
        bound = f"{accuracy.bound(rows[name]):g}" + (f" of {scale[1]}" if scale else "")
        lines.append(f"| {name} | {bound} | " + " | ".join(cells) + f" | {', '.join(f'{v:.6g}' for v in where)} |")
    return lines


def main() -> bool:
    found = collect()
    rows = {row["name"]: row for row in accuracy.judged()}
    exact = [n for n in found if all(r[0] == 0 for r in found[n].values())]
    plain = [n for n in found if n not in exact and n not in accuracy.SCALES and accuracy.bound(rows[n]) == 1]
    rest = [n for n in found if n not in exact and n not in plain]
    seen = sum(r[2] for kinds in found.values() for r in kinds.values())
    text = [HEAD.format(seen=f"{seen:,}".replace(",", " "))]
    text += ["## Within 1 ULP", "", *table(plain, found), ""]
    text += ["## With another bound", "", *table(rest, found), ""]
    text += ["## Without any error found", "", ", ".join(exact) + ".", ""]
    (ROOT / "docs" / "accuracy.md").write_text("\n".join(text))
    over = [n for n in found if any(r[0] > accuracy.bound(rows[n]) for r in found[n].values())]
    print(f"docs/accuracy.md: {len(found)} functions" + (f"; over their bounds: {', '.join(over)}" if over else ""))
    return not over


if __name__ == "__main__":
    sys.exit(0 if main() else 1)
