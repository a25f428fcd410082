"""./dev bench [name ...]: small, arrays, elementary, train, networks, large, sorting, loading, memory, importing
(all by default), table, operators, sparse, observing, instructions, accuracy."""

from __future__ import annotations

import importlib
import sys

DEFAULT = (
    "small", "arrays", "elementary", "train", "networks", "large", "sorting", "loading", "memory", "importing",
)  # fmt: skip
NAMES = (*DEFAULT, "table", "operators", "sparse", "observing", "instructions", "accuracy")


def main(argv: list[str]) -> int:
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
