"""Sorting, distinct elements, searching and counting: 10^7 and 10^3 elements, on one thread and on two."""

from __future__ import annotations

import numpy as np
import torch

import rustorch as rt

from .harness import Row, show, threads

SIZES = ((10**7, "10^7", 2.0), (10**3, "10^3", 0.2))


def rows(count: int, n: int, text: str, budget: float) -> list[Row]:
    rng = np.random.default_rng(0)
    whole, real = rng.integers(-(2**62), 2**62, n), rng.standard_normal(n)
    few, small = rng.integers(0, 1000, n), np.sort(rng.integers(-(2**62), 2**62, 1000))
    names = {"np": np, "torch": torch, "i": whole, "f": real, "k": few, "s": small}
    names |= {"t" + name: rt.from_numpy(names[name]) for name in "ifks"}
    names |= {"u" + name: torch.from_numpy(names[name]) for name in "ifks"}
    both = {"numpy": 1.0, "torch": 1.0}

    def row(title: str, ours: str, numpy: str, pytorch: str) -> Row:
        jobs = {"rustorch": ours, "numpy": numpy, "torch": pytorch}
        title += f", {text}, {count} thread{'s' * (count > 1)}"
        goals = {library: goal for library, goal in both.items() if jobs[library]} if n > 10**6 else {}
        return Row(title, {library: job for library, job in jobs.items() if job}, goals, names, budget=budget)

    return [
        row("sort int64", "np.sort(ti)", "np.sort(i)", "torch.sort(ui)"),
        row("sort float64", "np.sort(tf)", "np.sort(f)", "torch.sort(uf)"),
        row("argsort int64", "np.argsort(ti)", "np.argsort(i)", "torch.argsort(ui)"),
        row("argsort float64", "np.argsort(tf)", "np.argsort(f)", "torch.argsort(uf)"),
        row("unique int64", "np.unique(ti)", "np.unique(i)", "torch.unique(ui)"),
        row("unique of few", "np.unique(tk)", "np.unique(k)", "torch.unique(uk)"),
        row("median float64", "np.median(tf)", "np.median(f)", "torch.median(uf)"),
        row("searchsorted in 1000", "np.searchsorted(ts, ti)", "np.searchsorted(s, i)", "torch.searchsorted(us, ui)"),
        row("histogram", "np.histogram(tf, 100)", "np.histogram(f, 100)", "torch.histc(uf, 100)"),
        row("bincount", "np.bincount(tk)", "np.bincount(k)", "torch.bincount(uk)"),
    ]


def main() -> bool:
    met = True
    for count in (1, 2):
        with threads(count):
            for n, text, budget in SIZES:
                met &= all([show(row) for row in rows(count, n, text, budget)])
    return met
