"""The stop-watch of every measurement here.

A row is one job written for several libraries.  Their runs are interleaved, so that a busy
machine slows all of them alike, and the best of many counts: what a job costs when nobody
disturbs it.  Nothing is subtracted from a time, not even the empty loop.  A row that says what it
moves or computes is also shown as a share of what the machine can do (bench/limits.py).
"""

from __future__ import annotations

import math
import timeit
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import rustorch

from .limits import limit

OURS = "rustorch"
SAMPLE = 1e-3  # seconds one sample lasts at least
Job = str | Callable[[], Any] | timeit.Timer
BUDGET = 0.6  # seconds of samples for each library of a row


@dataclass(frozen=True)
class Row:
    """A job: a statement (run in `names`), a callable or a Timer for each library; the speed-ups that are goals.

    `work` is what a run does at least, in the units of a limit of the machine: ("write", bytes) or ("read", bytes)
    moved, ("float32", operations) or ("float64", operations) computed, a multiplication and an addition being two.
    """

    title: str
    jobs: Mapping[str, Job]
    goals: dict[str, float] = field(default_factory=dict)
    names: dict[str, Any] = field(default_factory=dict)
    budget: float = BUDGET
    work: tuple[str, float] | None = None


def measure(row: Row) -> dict[str, float]:
    """Seconds of one run of each library's job, the best of interleaved samples."""
    timers = {library: job if isinstance(job, timeit.Timer) else timeit.Timer(job, globals=row.names)
              for library, job in row.jobs.items()}  # fmt: skip
    loops = {library: _calibrate(timer) for library, timer in timers.items()}
    best = dict.fromkeys(timers, float("inf"))
    spent, rounds = 0.0, 0
    while spent < row.budget * len(timers) or rounds < 3:
        for library, timer in timers.items():
            seconds = timer.timeit(loops[library])
            spent += seconds
            best[library] = min(best[library], seconds / loops[library])
        rounds += 1
    return best


def _calibrate(timer: timeit.Timer) -> int:
    """How often the job must run to fill a sample."""
    loops = 1
    while (seconds := timer.timeit(loops)) < SAMPLE:
        loops = max(2 * loops, int(1.2 * loops * SAMPLE / max(seconds, 1e-7)))
        loops = min(loops, 1_000_000)
        if loops == 1_000_000:
            break
    return loops


def show(row: Row) -> bool:
    """Measures and prints a row in one line; true when every goal is met."""
    return _show(row)[1]


def show_all(rows: Iterable[Row], **means: float) -> bool:
    """Shows rows, then the geometric mean and the least of their ratios to each library.

    means: goals of the geometric means, `show_all(rows, numpy=3, torch=8)`.
    """
    ratios: dict[str, list[tuple[float, str]]] = {}
    met = True
    for row in rows:
        best, good = _show(row)
        met &= good
        for library, seconds in best.items():
            if library != OURS:
                ratios.setdefault(library, []).append((seconds / best[OURS], row.title))
    for library, found in ratios.items():
        mean = math.exp(sum(math.log(ratio) for ratio, _ in found) / len(found))
        least, title = min(found)
        text = f"   {len(found)} rows beside {library}: geometric mean {mean:.2f}x, least {least:.2f}x ({title})"
        text += f", {sum(ratio < 1 for ratio, _ in found)} below 1x"
        if library in means:
            met &= mean >= means[library]
            text += f" (goal {means[library]:g}x: {'ok' if mean >= means[library] else 'short'})"
        print(text, flush=True)
    return met


def _show(row: Row) -> tuple[dict[str, float], bool]:
    """Prints a row; its times, and whether every goal of it is met."""
    best = measure(row)
    parts, met = [f"{row.title:<42} {_duration(best[OURS])}"], True
    for library, seconds in best.items():
        if library == OURS:
            continue
        ratio = seconds / best[OURS]
        text = f"{library} {_duration(seconds)} {ratio:5.2f}x"
        if library in row.goals:
            good = ratio >= row.goals[library]
            met &= good
            text += f" (goal {row.goals[library]:g}x: {'ok' if good else 'short'})"
        parts.append(text)
    if row.work:
        kind, amount = row.work
        parts.append(f"{amount / best[OURS] / limit(kind, rustorch.get_num_threads()):4.0%} of the machine's {kind}")
    print(" | ".join(parts), flush=True)
    return best, met


def _duration(seconds: float) -> str:
    for unit, size in (("ns", 1e-9), ("us", 1e-6), ("ms", 1e-3)):
        if seconds < 999.5 * size:
            return f"{seconds / size:6.1f} {unit}"
    return f"{seconds:6.2f} s "


@contextmanager
def threads(n: int) -> Iterator[None]:
    """Both libraries that have threads of their own, fixed to n of them."""
    import torch

    before = rustorch.get_num_threads(), torch.get_num_threads()
    rustorch.set_num_threads(n)
    torch.set_num_threads(n)
    try:
        yield
    finally:
        rustorch.set_num_threads(before[0])
        torch.set_num_threads(before[1])
