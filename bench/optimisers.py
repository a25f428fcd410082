"""Steps of optimisers over many small tensors, some middling ones and a large one; one thread and two.

The large one is also a share of the memory's speed: bytes of the parameter, its gradient and the optimiser's
state that a step has to read and write.
"""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import torch

import rustorch as rt

from .harness import Row, show_all, threads

# name, options, arrays as large as the parameter that a step reads or writes
OPTIMISERS: list[tuple[str, dict[str, Any], int]] = [
    ("SGD", {}, 3), ("SGD", {"momentum": 0.9}, 5),
    ("SGD", {"momentum": 0.9, "nesterov": True, "weight_decay": 1e-4}, 5),
    ("Adam", {}, 7), ("AdamW", {}, 7), ("Adam", {"amsgrad": True}, 9), ("RMSprop", {}, 5), ("Adagrad", {}, 5),
    ("Adadelta", {}, 7), ("NAdam", {}, 7), ("RAdam", {}, 7), ("Adamax", {}, 7), ("Rprop", {}, 8), ("ASGD", {}, 3),
    ("Adafactor", {}, 0), ("Muon", {}, 0),
]  # fmt: skip
# title, shapes of the parameters, goal
SIZES: list[tuple[str, list[tuple[int, ...]], float]] = [
    ("100 of 64", [(64,)] * 100, 2.0),
    ("20 of 256 x 256", [(256, 256)] * 20, 1.0),
    ("2500 x 2500", [(2500, 2500)], 1.0),
]


def step(lib: ModuleType, name: str, options: dict[str, Any], shapes: list[tuple[int, ...]]) -> Callable[[], None]:
    """opt.step() of parameters that have gradients."""
    rng = np.random.default_rng(0)
    parameters = [lib.nn.Parameter(lib.from_numpy(rng.normal(size=s).astype(np.float32))) for s in shapes]
    for p in parameters:
        p.grad = lib.from_numpy(rng.normal(size=tuple(p.shape)).astype(np.float32))
    optimiser = getattr(lib.optim, name)(parameters, lr=1e-3, **options)
    return lambda: optimiser.step()


def rows(count: int) -> list[Row]:
    found = []
    for title, shapes, goal in SIZES:
        for name, options, passes in OPTIMISERS:
            if name == "Muon" and (len(shapes[0]) < 2 or shapes[0][0] > 1000):
                continue  # it takes matrices alone; on large ones it is matrix products
            jobs = {lib.__name__: step(lib, name, options, shapes) for lib in (rt, torch)}
            words = ", ".join(f"{k}={v}" for k, v in options.items() if k != "weight_decay")
            bytes_moved = 4.0 * passes * sum(int(np.prod(s)) for s in shapes)
            work = ("write", bytes_moved) if passes and len(shapes) == 1 else None
            label = f"{name}({words}), {title}, {count} thread{'s' * (count > 1)}"
            found.append(Row(label, jobs, {"torch": goal}, budget=0.3, work=work))
    return found


def main() -> bool:
    met = True
    for count in (1, 2):
        with threads(count):
            met &= show_all(rows(count), torch=2)
    return met
