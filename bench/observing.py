"""What it costs to be watched: an op and a training step, plain, recorded by the profiler, and in debug mode.

Samples of all are interleaved and the best of each counts.
"""

from __future__ import annotations

import timeit
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import rustorch as rt

from .step import training_step

GOAL_NS = 200.0  # a recorded op, beyond the op
ROUNDS = 12


Ways = dict[str, Callable[[], AbstractContextManager[Any]]]


def best_of(job: Callable[[], Any], ways: Ways, loops: int) -> dict[str, float]:
    """Seconds of one run in each way."""
    best = dict.fromkeys(ways, float("inf"))
    for _ in range(ROUNDS):
        for name, way in ways.items():
            with way():
                best[name] = min(best[name], timeit.timeit(job, number=loops) / loops)
    return best


def show(title: str, best: dict[str, float]) -> float:
    """Prints a line; returns what the second way adds, in seconds."""
    plain, *others = best.items()
    parts = [f"{name} +{1e9 * (seconds - plain[1]):.0f} ns" for name, seconds in others]
    print(f"{title:<42} {1e6 * plain[1]:8.2f} us | " + " | ".join(parts), flush=True)
    return others[0][1] - plain[1]


def main() -> bool:
    t = rt.ones(4)
    ways = {"plain": nullcontext, "recorded": rt.profiler.profile, "debug mode": rt.debug.debug_mode}
    added = 1e9 * show("t + t", best_of(lambda: t + t, ways, 5000))
    show("training step, MLP 64-64-10", best_of(training_step(rt, (64, 64, 10), 32), ways, 50))
    met = added <= GOAL_NS
    print(f"{'a recorded op':<42} {added:8.0f} ns more (goal {GOAL_NS:g} ns: {'ok' if met else 'short'})")
    return met
