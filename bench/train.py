"""One training step of small networks: forward, loss, backward, Adam."""

from __future__ import annotations

import torch

import rustorch as rt

from .harness import Row, show, threads
from .step import training_step

# sizes, batch, goal
NETWORKS = [((64, 64, 64, 10), 32, 5.0), ((4, 16, 3), 8, None), ((784, 256, 10), 128, None)]


def row(sizes: tuple[int, ...], batch: int, goal: float | None) -> Row:
    jobs = {lib.__name__: training_step(lib, sizes, batch) for lib in (rt, torch)}
    title = f"training step, MLP {'-'.join(map(str, sizes))}, batch {batch}"
    return Row(title, jobs, {"torch": goal} if goal else {}, budget=1.5)


def main() -> bool:
    with threads(1):
        return all([show(row(*network)) for network in NETWORKS])
