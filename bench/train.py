"""One training step of small networks: forward, loss, backward, Adam."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType

import numpy as np
import torch

import rustorch as rt

from .harness import Row, show, threads


def step_of(lib: ModuleType, sizes: tuple[int, ...], batch: int) -> Callable[[], None]:
    """A training step written once for both libraries; the same start and data."""
    rng = np.random.default_rng(0)
    layers = []
    for n, m in zip(sizes, sizes[1:]):
        layers += [lib.nn.Linear(n, m), lib.nn.ReLU()]
    model = lib.nn.Sequential(*layers[:-1])
    with lib.no_grad():
        for p in model.parameters():
            p.copy_(lib.from_numpy(rng.normal(scale=0.1, size=tuple(p.shape)).astype(np.float32)))
    x = lib.from_numpy(rng.normal(size=(batch, sizes[0])).astype(np.float32))
    y = lib.from_numpy(rng.integers(0, sizes[-1], size=batch))
    loss_of = lib.nn.CrossEntropyLoss()
    optimizer = lib.optim.Adam(model.parameters(), lr=1e-3)

    def step() -> None:
        optimizer.zero_grad()
        loss = loss_of(model(x), y)
        loss.backward()
        optimizer.step()

    return step


def rows() -> list[Row]:
    return [
        Row(f"training step, MLP {'-'.join(map(str, sizes))}, batch {batch}",
            {"rustorch": step_of(rt, sizes, batch), "torch": step_of(torch, sizes, batch)},
            {"torch": goal} if goal else {}, budget=1.5)
        for sizes, batch, goal in [((64, 64, 64, 10), 32, 5), ((4, 16, 3), 8, 0), ((784, 256, 10), 128, 0)]
    ]  # fmt: skip


def main() -> bool:
    with threads(1):
        return all([show(row) for row in rows()])
