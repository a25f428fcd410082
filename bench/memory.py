"""Peak memory of a training step, rustorch beside PyTorch: growth of the resident set, in fresh processes."""

from __future__ import annotations

import importlib
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from .networks import encoder_layer, lstm, mnist, sequence_jobs, step
from .step import training_step

ROOT = Path(__file__).parents[1]
STEPS = 5


def _mlp(lib: object) -> Callable[[], None]:
    return training_step(lib, (784, 512, 512, 10), 256)  # type: ignore[arg-type]


def _cnn(lib: object) -> Callable[[], None]:
    return step(lib, mnist, 128)  # type: ignore[arg-type]


def _lstm(lib: object) -> Callable[[], None]:
    return sequence_jobs(lib, lstm, (50, 32, 64))[0]  # type: ignore[arg-type]


def _transformer(lib: object) -> Callable[[], None]:
    return sequence_jobs(lib, encoder_layer, (32, 100, 128))[0]  # type: ignore[arg-type]


JOBS: dict[str, Callable[[object], Callable[[], None]]] = {
    "MLP 784-512-512-10, batch 256": _mlp,
    "MNIST CNN, batch 128": _cnn,
    "LSTM 64-128 (50, 32, 64)": _lstm,
    "transformer layer (32, 100, 128)": _transformer,
}


def _status(field: str) -> int:
    """A field of the process's memory, in bytes."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field + ":"):
            return 1024 * int(line.split()[1])
    raise RuntimeError(f"no {field}")


def grown(library: str, job: str) -> int:
    """Bytes by which making the network and training it a few steps raises this process's peak."""
    lib = importlib.import_module(library)
    lib.set_num_threads(1)
    training_step(lib, (2, 2), 2)()  # type: ignore[arg-type]   # what is loaded at first use is not the network's
    before = _status("VmRSS")
    step = JOBS[job](lib)
    for _ in range(STEPS):
        step()
    return _status("VmHWM") - before


def _measure(library: str, job: str) -> float:
    code = f"from bench.memory import grown; print(grown({library!r}, {job!r}))"
    out = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return int(out) / 1e6


def main() -> bool:
    met = True
    for job in JOBS:
        ours, theirs = (min(_measure(library, job) for _ in range(3)) for library in ("rustorch", "torch"))
        good = ours <= theirs
        met &= good
        print(f"{'peak, ' + job:<42} {ours:6.1f} MB | torch {theirs:6.1f} MB {theirs / ours:5.2f}x"
              f" (goal 1x: {'ok' if good else 'short'})", flush=True)  # fmt: skip
    return met
