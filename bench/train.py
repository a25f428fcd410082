"""Small networks: a training step (forward, loss, backward, Adam) and inference."""

from __future__ import annotations

import torch

import rustorch as rt

from .harness import Row, show, threads
from .step import inference, training_step

# sizes, batch, goal
TRAINING = [
    ((64, 64, 64, 10), 32, 5.0),
    ((64, 32, 10), 32, 5.0),
    ((4, 16, 3), 8, None),
    ((784, 128, 10), 32, 2.0),
    ((784, 256, 10), 128, None),
    ((784, 512, 512, 10), 256, 1.0),
]
# 401 kB of weights come from the second level of cache: at most about 6x, whatever a call costs
INFERENCE = [((64, 32, 10), 1, 8.0), ((784, 128, 10), 1, None)]


def row(what: str, job: object, sizes: tuple[int, ...], batch: int, goal: float | None, count: int = 1) -> Row:
    jobs = {lib.__name__: job(lib, sizes, batch) for lib in (rt, torch)}  # type: ignore[operator]
    title = f"{what}, MLP {'-'.join(map(str, sizes))}, batch {batch}" + f", threads {count}" * (count > 1)
    return Row(title, jobs, {"torch": goal} if goal else {}, budget=1.5)


def main() -> bool:
    with threads(1):
        met = [show(row("training step", training_step, *network)) for network in TRAINING]
        met += [show(row("inference", inference, *network)) for network in INFERENCE]
    with threads(2):
        met += [show(row("training step", training_step, *TRAINING[-1], 2))]
    return all(met)
