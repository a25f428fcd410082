"""One training step of larger networks: forward, loss, backward, Adam; on one thread and on two."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import torch

import rustorch as rt

from .harness import Row, show, threads


def mnist(lib: ModuleType) -> Any:
    """The convolutional network of PyTorch's MNIST example (1.2 million parameters)."""
    nn = lib.nn
    return nn.Sequential(
        nn.Conv2d(1, 32, 3), nn.ReLU(), nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Dropout(0.25),
        nn.Flatten(), nn.Linear(9216, 128), nn.ReLU(), nn.Dropout(0.5), nn.Linear(128, 10),
    )  # fmt: skip


def lenet(lib: ModuleType) -> Any:
    """LeNet-5 with maxima and ReLU (LeCun et al. 1998; 62 thousand parameters)."""
    nn = lib.nn
    return nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10),
    )  # fmt: skip


def step(lib: ModuleType, make: Callable[[ModuleType], Any], batch: int) -> Callable[[], None]:
    """A training step on images of MNIST's size."""
    rng = np.random.default_rng(0)
    model = make(lib)
    with lib.no_grad():
        for p in model.parameters():
            p.copy_(lib.from_numpy(rng.normal(scale=0.05, size=tuple(p.shape)).astype(np.float32)))
    x = lib.from_numpy(rng.normal(size=(batch, 1, 28, 28)).astype(np.float32))
    y = lib.from_numpy(rng.integers(0, 10, size=batch))
    loss_of = lib.nn.CrossEntropyLoss()
    optimizer = lib.optim.Adam(model.parameters(), lr=1e-3)

    def run() -> None:
        optimizer.zero_grad()
        loss_of(model(x), y).backward()
        optimizer.step()

    return run


# title, network, batch, goal
NETWORKS = [
    ("MNIST CNN", mnist, 32, 1.0), ("MNIST CNN", mnist, 128, 1.0), ("LeNet", lenet, 32, 1.0),
    ("LeNet", lenet, 128, 1.0),
]  # fmt: skip


def main() -> bool:
    met = True
    for count in (1, 2):
        with threads(count):
            for title, make, batch, goal in NETWORKS:
                jobs = {lib.__name__: step(lib, make, batch) for lib in (rt, torch)}
                met &= show(Row(f"{title}, batch {batch}, threads {count}", jobs, {"torch": goal}, budget=1.5))
    return met
