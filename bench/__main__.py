"""./dev bench [name ...]: small, arrays, elementary, train, networks, large, sorting, loading, memory, importing
(all by default), or any other module of this folder that measures something.

`--avx2` keeps every library to AVX2, where the processor has AVX-512 too."""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path

DEFAULT = (
    "small", "arrays", "elementary", "train", "networks", "large", "sorting", "loading", "memory", "importing",
)  # fmt: skip
NAMES = sorted(file.stem for file in Path(__file__).parent.glob("*.py") if "def main(" in file.read_text())
NAMES.remove("__main__")
# read by rustorch, PyTorch, oneDNN, MKL and NumPy when they are loaded
AVX2 = {"RUSTORCH_ISA": "v3", "ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2",
        "MKL_ENABLE_INSTRUCTIONS": "AVX2", "OPENBLAS_CORETYPE": "Haswell",
        "NPY_DISABLE_CPU_FEATURES": "X86_V4 AVX512_ICL AVX512_SPR"}  # fmt: skip


def main(argv: list[str]) -> int:
    if "--avx2" in argv:
        argv = [a for a in argv if a != "--avx2"]
        os.execve(sys.executable, [sys.executable, "-m", "bench", *argv], {**os.environ, **AVX2})
    rest = [a for a in argv if a.startswith("-")]
    names = [a for a in argv if a not in rest] or list(DEFAULT)
    unknown = [name for name in names if name not in NAMES]
    if unknown:
        sys.exit(f"no measurement called {', '.join(unknown)}; there are {', '.join(NAMES)}")
    met = True
    for name in names:
        module = importlib.import_module(f"bench.{name}")
        print(f"-- {module.__doc__.splitlines()[0]}", flush=True)
        met &= module.main(*rest)
    print("every goal is met" if met else "a goal was missed", flush=True)
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
