"""What `import rustorch` adds to NumPy's import, in fresh processes; what the module weighs."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

ROUNDS = 25
GOAL_MS = 50.0


def seconds(code: str) -> float:
    begin = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[1])
    return time.perf_counter() - begin


def main() -> bool:
    best = {"numpy": float("inf"), "numpy, rustorch": float("inf")}
    for _ in range(ROUNDS):
        for modules in best:
            best[modules] = min(best[modules], seconds(f"import {modules}"))
    added = 1e3 * (best["numpy, rustorch"] - best["numpy"])
    met = added <= GOAL_MS
    print(f"{'import rustorch, after numpy':<42} {added:6.1f} ms (goal {GOAL_MS:g} ms: {'ok' if met else 'short'})")
    package = Path(__file__).parents[1] / "rustorch"
    sizes = {path.name: path.stat().st_size / 1e6 for path in package.rglob("*.so") if path.exists()}
    print(", ".join(f"{name} {size:.1f} MB" for name, size in sizes.items()))
    return met
