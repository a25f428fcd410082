"""One pass of a DataLoader over 60000 x 784 float32 with labels, shuffled: rows per second."""

from __future__ import annotations

import time
import warnings
from typing import Any

import numpy as np
import torch

import rustorch as rt

from .harness import threads

ROWS, FEATURES = 60_000, 784
GOAL = 5.0
ROUNDS = 3


def loaders(x: Any, y: Any, batch: int, workers: int) -> dict[str, Any]:
    """The same loader in both libraries; PyTorch's workers stay, so that starting them is not counted."""
    result = {}
    for name, lib, data in (
        ("rustorch", rt, rt.data.TensorDataset(x, y)),
        ("torch", torch, torch.utils.data.TensorDataset(torch.from_numpy(x), torch.from_numpy(y))),
    ):
        result[name] = lib.utils.data.DataLoader(
            data, batch_size=batch, shuffle=True, num_workers=workers, persistent_workers=workers > 0
        )
    return result


def seconds(loader: Any) -> float:
    """One pass."""
    start, rows = time.perf_counter(), 0
    for _, labels in loader:
        rows += len(labels)
    if rows != ROWS:
        raise RuntimeError(f"{rows} rows instead of {ROWS}")
    return time.perf_counter() - start


def main() -> bool:
    warnings.simplefilter("ignore")
    rng = np.random.default_rng(0)
    x, y = rng.random((ROWS, FEATURES), dtype=np.float32), rng.integers(0, 10, ROWS)
    met = True
    with threads(1):
        for workers in (0, 2):
            for batch in (64, 128):
                both = loaders(x, y, batch, workers)
                best = dict.fromkeys(both, float("inf"))
                for _ in range(ROUNDS):
                    for name, loader in both.items():
                        best[name] = min(best[name], seconds(loader))
                ratio = best["torch"] / best["rustorch"]
                met &= ratio >= GOAL
                rates = " | ".join(f"{name} {ROWS / best[name] / 1e3:7.0f} thousand rows/s" for name in both)
                verdict = "ok" if ratio >= GOAL else "short"
                print(
                    f"batch {batch:<4} {workers} workers   {rates} | {ratio:.1f}x (goal {GOAL:g}x: {verdict})",
                    flush=True,
                )
    return met
