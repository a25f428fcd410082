"""What `import rustorch` adds to NumPy's import, in fresh processes; what the module weighs.

Processor time is measured, not the clock's: the same on a busy machine.  Bytecode is cached, as it
is for whoever imports a package a second time.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
ROUNDS = 25
GOAL_MS = 50.0


def milliseconds(code: str, cache: str) -> float:
    """Processor time of a fresh interpreter that runs `code`."""
    env = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    env["PYTHONPYCACHEPREFIX"] = cache
    env["OPENBLAS_NUM_THREADS"] = "1"      # NumPy's waits for work by spinning, which is not import's time
    process = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, env=env)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise RuntimeError(f"{code!r} failed")
    return 1e3 * (usage.ru_utime + usage.ru_stime)


def main() -> bool:
    alone, both = "import numpy", "import numpy, rustorch"
    best = {alone: float("inf"), both: float("inf")}
    with tempfile.TemporaryDirectory() as cache:
        for code in best:
            milliseconds(code, cache)
        for _ in range(ROUNDS):
            for code in best:
                best[code] = min(best[code], milliseconds(code, cache))
    added = best[both] - best[alone]
    met = added <= GOAL_MS
    verdict = f"goal {GOAL_MS:g} ms: {'ok' if met else 'short'}"
    print(f"{both + ', beside numpy alone':<42} {added:6.1f} ms ({verdict}) | numpy {best[alone]:.1f} ms")
    for path in (ROOT / "rustorch").rglob("*.so"):
        print(f"{path.name:<42} {path.stat().st_size / 1e6:6.1f} MB")
    return met
