"""Machine instructions that small calls spend inside rustorch, against bench/instructions.json.

Unlike a time, a count is the same on a busy machine, so that a few per cent more are seen at once.
`./dev bench instructions --update` writes the figures anew.  Valgrind's callgrind counts, in one
process: it writes a profile at each call of MARK, and the profile between two marks is a case.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

FIGURES = Path(__file__).with_name("instructions.json")
MARK = "getppid"  # a function of the C library that nothing else here calls
TOLERANCE = 0.05
LOOPS = 400
CASES = {
    "t + t": "t + t",
    "t + t, requires_grad": "g + g",
    "np.add(t, t)": "np.add(t, t)",
    "t * 2.0": "t * 2.0",
    "t.exp()": "t.exp()",
    "t.sum()": "t.sum()",
    "t[0]": "t[0]",
    "forward and backward of 5 ops": "((g * t).exp() + t).tanh().sum().backward()",
    "Adam step, 6 parameters": "optimizer.step()",
    "training step, MLP 64-64-64-10": "train()",
}


def count() -> dict[str, int]:
    """Instructions of one run of each case."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder, "out")
        command = ["valgrind", "-q", "--tool=callgrind"]
        command += [f"--callgrind-out-file={out}", f"--dump-before={MARK}"]
        env = dict(os.environ, PYTHONHASHSEED="0", RUSTORCH_NUM_THREADS="1")
        subprocess.run([*command, sys.executable, "-m", "bench.instructions"], check=True, env=env,
                       cwd=FIGURES.parents[1])  # fmt: skip
        # one profile ends before each case (the import is in the first), one behind it
        return {case: round(_own_cost(Path(f"{out}.{2 * n + 2}")) / LOOPS) for n, case in enumerate(CASES)}


def _own_cost(profile: Path) -> int:
    """Instructions inside our extension module, from a file in callgrind's format.

    Names are given once, "ob=(3) /path", and then by number; a cost line is "position cost"; the
    cost line behind a "calls=" line is the callee's and counted there.
    """
    ours, inside, skip, total = set(), False, False, 0
    for line in profile.read_text().splitlines():
        if line.startswith(("ob=", "cob=")):
            number, _, name = line.partition("=")[2].partition(" ")
            if "_C." in Path(name).name:
                ours.add(number)
            if line.startswith("ob="):
                inside = number in ours
        elif line.startswith("calls="):
            skip = True
        elif line and (line[0] in "+-*" or line[0].isdigit()):
            if inside and not skip:
                total += int(line.split()[-1])
            skip = False
    return total


def work() -> None:
    """What runs under callgrind: the cases, a mark before each and behind the last."""
    import gc

    import numpy as np

    import rustorch as rt

    from .step import training_step

    a = np.arange(1, 5, dtype=np.float32)
    params = [rt.tensor(a, requires_grad=True) for _ in range(6)]
    optimizer = rt.optim.Adam(params)
    for p in params:
        p.grad = rt.tensor(a)
    names = {"np": np, "t": rt.tensor(a), "g": rt.tensor(a, requires_grad=True), "optimizer": optimizer,
             "train": training_step(rt, (64, 64, 64, 10), 32)}  # fmt: skip
    for statement in CASES.values():
        exec(f"def loop(n):\n  for _ in range(n): {statement}", names)
        names["loop"](5)  # caches are filled, lazy modules loaded
        gc.collect()
        gc.disable()
        os.getppid()
        names["loop"](LOOPS)
        os.getppid()
        gc.enable()


def main(option: str = "") -> bool:
    if not shutil.which("valgrind"):
        print("valgrind is not installed: instructions cannot be counted")
        return False
    found = count()
    if option == "--update":
        FIGURES.write_text(json.dumps(found, indent=2) + "\n")
    kept, met = json.loads(FIGURES.read_text()), True
    for case, instructions in found.items():
        before = kept.get(case, 0)
        good = instructions <= before * (1 + TOLERANCE)
        met &= good
        print(f"{case:<42} {instructions:8d} | kept {before:8d} {instructions / max(before, 1) - 1:+7.1%}"
              f" ({'ok' if good else 'more'})")  # fmt: skip
    return met


if __name__ == "__main__":
    work()
