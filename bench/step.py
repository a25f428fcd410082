"""A training step of a small network, written once for every library with PyTorch's names."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from types import ModuleType
from typing import Any

import numpy as np


def perceptron(lib: ModuleType, sizes: tuple[int, ...], rng: np.random.Generator) -> Any:
    """An MLP with ReLU between its layers."""
    layers = []
    for n, m in pairwise(sizes):
        layers += [lib.nn.Linear(n, m), lib.nn.ReLU()]
    model = lib.nn.Sequential(*layers[:-1])
    with lib.no_grad():
        for p in model.parameters():
            p.copy_(lib.from_numpy(rng.normal(scale=0.1, size=tuple(p.shape)).astype(np.float32)))
    return model


def inference(lib: ModuleType, sizes: tuple[int, ...], batch: int) -> Callable[[], Any]:
    """Forward of an MLP under no_grad."""
    rng = np.random.default_rng(0)
    model = perceptron(lib, sizes, rng).eval()
    x = lib.from_numpy(rng.normal(size=(batch, sizes[0])).astype(np.float32))

    def run() -> Any:
        with lib.no_grad():
            return model(x)

    return run


def training_step(lib: ModuleType, sizes: tuple[int, ...], batch: int) -> Callable[[], None]:
    """Forward, cross entropy, backward and Adam of an MLP with ReLU; start and data are always the same."""
    rng = np.random.default_rng(0)
    model = perceptron(lib, sizes, rng)
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
