"""Ten million elements and large matrices, fresh results, on one thread and on two."""

from __future__ import annotations

import numpy as np
import torch

import rustorch as rt

from .harness import Row, show, threads


def rows(count: int) -> list[Row]:
    rng = np.random.default_rng(0)
    a = rng.normal(size=10**7).astype(np.float32)
    m = rng.normal(size=(1000, 1000)).astype(np.float32)
    names = {"np": np, "a": a, "t": rt.tensor(a), "u": torch.tensor(a),
             "m": m, "tm": rt.tensor(m), "um": torch.tensor(m)}  # fmt: skip
    both = {"numpy": 1.5, "torch": 1.5}

    def row(title: str, ours: str, numpy: str, pytorch: str, goals: dict[str, float]) -> Row:
        jobs = {"rustorch": ours, "numpy": numpy, "torch": pytorch}
        title += f", {count} thread{'s' * (count > 1)}"
        return Row(title, {library: job for library, job in jobs.items() if job}, goals, names, budget=2)

    return [
        row("t + t, 10^7", "t + t", "a + a", "u + u", both),
        row("exp, 10^7", "t.exp()", "np.exp(a)", "u.exp()", both),
        row("sum, 10^7", "t.sum()", "a.sum()", "u.sum()", {}),
        # NumPy's BLAS keeps its own number of threads: no row for it
        row("matmul 1000x1000", "tm @ tm", "", "um @ um", {"torch": 1}),
    ]


def main() -> bool:
    met = True
    for count in (1, 2):
        with threads(count):
            met &= all([show(row) for row in rows(count)])
    return met
