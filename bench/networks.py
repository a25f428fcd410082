"""Training steps of larger networks (forward, loss, backward, Adam), inference of sequences; one thread and two."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np

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


def sequence_jobs(
    lib: ModuleType, make: Callable[[ModuleType], Any], shape: tuple[int, ...]
) -> tuple[Callable[[], Any], Callable[[], Any]]:
    """A training step of a network of sequences, and its inference."""
    model = make(lib)
    x = lib.from_numpy(np.random.default_rng(0).normal(size=shape).astype(np.float32))
    optimizer = lib.optim.Adam(model.parameters(), lr=1e-3)

    def train() -> None:
        optimizer.zero_grad()
        result = model(x)
        (result[0] if isinstance(result, tuple) else result).square().mean().backward()
        optimizer.step()

    def infer() -> None:
        with lib.no_grad():
            model(x)

    return train, infer


def lstm(lib: ModuleType) -> Any:
    """LSTM of 128 cells over 64 features."""
    return lib.nn.LSTM(64, 128)


def encoder_layer(lib: ModuleType) -> Any:
    """Transformer encoder layer of 128 features, 4 heads, 256 between the linear maps."""
    return lib.nn.TransformerEncoderLayer(128, 4, 256, dropout=0.0, batch_first=True)


# title, network, shape of the input, goal
SEQUENCES = [
    ("LSTM 64-128", lstm, (50, 32, 64), 1.0),
    ("transformer layer", encoder_layer, (16, 50, 128), 1.0),
    ("transformer layer", encoder_layer, (32, 100, 128), 1.0),
]

# title, network, batch, goal
NETWORKS = [
    ("MNIST CNN", mnist, 32, 1.0), ("MNIST CNN", mnist, 128, 1.0), ("LeNet", lenet, 32, 1.0),
    ("LeNet", lenet, 128, 1.0),
]  # fmt: skip


def main() -> bool:
    import torch  # not at the top: bench.memory measures processes that have not loaded it

    met = True
    for count in (1, 2):
        with threads(count):
            for title, make, batch, goal in NETWORKS:
                jobs = {lib.__name__: step(lib, make, batch) for lib in (rt, torch)}
                met &= show(Row(f"{title}, batch {batch}, threads {count}", jobs, {"torch": goal}, budget=1.5))
            for title, make, shape, goal in SEQUENCES:
                pairs = {lib.__name__: sequence_jobs(lib, make, shape) for lib in (rt, torch)}
                for k, kind in enumerate(("step", "inference")):
                    jobs = {name: pair[k] for name, pair in pairs.items()}
                    met &= show(Row(f"{title} {shape}, {kind}, threads {count}", jobs, {"torch": goal}, budget=1.5))
    return met
