"""How cost grows: with the size of a graph, with elements, with threads; and whether bits stay the same.

The cost of an op must not depend on how many are recorded, that of an element not on how many there are
beyond the caches, and a second thread must nearly halve what is computing.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

import rustorch as rt

GRAPHS = (1_000, 10_000, 100_000)
ELEMENTS = (10**4, 10**5, 10**6, 10**7)
SPEED_UP = 1.7


def _best(job: Callable[[], Any], rounds: int) -> float:
    best = float("inf")
    for _ in range(rounds):
        begin = time.perf_counter()
        job()
        best = min(best, time.perf_counter() - begin)
    return best


def _word(good: bool) -> str:
    return "ok" if good else "short"


def graphs() -> bool:
    """Nanoseconds of an op, forward and backward, in chains and in sums of many leaves."""
    x = rt.ones(4, requires_grad=True)

    def chain(n: int) -> None:
        y = x
        for _ in range(n):
            y = y * 1.0001
        y.sum().backward()

    def wide(n: int) -> None:
        parts = [x * 1.0001 for _ in range(n)]
        rt.stack(parts).sum().backward()

    met = True
    for title, job in (("chain", chain), ("stack of n", wide)):
        costs = [_best(partial(job, n), 5) / n * 1e9 for n in GRAPHS]
        good = max(costs) <= 1.5 * min(costs)
        met &= good
        text = ", ".join(f"{n}: {cost:.0f} ns" for n, cost in zip(GRAPHS, costs, strict=True))
        print(f"{title:<42} an op of a graph of {text} ({'constant' if good else 'grows'})", flush=True)
    return met


def elements() -> bool:
    """Picoseconds of an element."""
    kinds: list[tuple[str, Callable[[Any, Any], Any]]] = [
        ("exp", lambda x, o: rt.exp(x, out=o)), ("sum", lambda x, o: x.sum()), ("sort", lambda x, o: x.sort()),
    ]  # fmt: skip
    for title, job in kinds:
        costs = []
        for n in ELEMENTS:
            x = rt.from_numpy(np.random.default_rng(0).normal(size=n).astype(np.float32))
            out = rt.empty_like(x)
            costs.append(_best(partial(job, x, out), 5 + 10**6 // n) / n * 1e12)
        text = ", ".join(f"{n:.0e}: {cost:.0f} ps" for n, cost in zip(ELEMENTS, costs, strict=True))
        print(f"{title:<42} an element of {text}", flush=True)
    return True


def jobs() -> dict[str, Callable[[], Any]]:
    """What computes, and is worth a second thread."""
    rng = np.random.default_rng(0)
    F = rt.nn.functional

    def f(*shape: int, grad: bool = False) -> Any:
        return rt.tensor(rng.normal(size=shape).astype(np.float32), requires_grad=grad)

    a, b, x, big = f(768, 768), f(768, 768), f(8, 64, 56, 56), f(10**6)
    w, heads, m, words = f(64, 64, 3, 3), f(4, 8, 256, 64), f(512, 2000), f(50, 64, 64)
    lstm, layer = rt.nn.LSTM(64, 128), rt.nn.Linear(768, 768)

    def trained() -> Any:
        layer.zero_grad()
        layer(a).square().mean().backward()
        return layer.weight.grad

    return {
        "matmul 768": lambda: a @ b,
        "conv 3x3, 64 channels, 56 x 56": lambda: F.conv2d(x, w, padding=1),
        "sin of 10^6": lambda: big.sin(),
        "erf of 10^6": lambda: big.erf(),
        "softmax 512 x 2000": lambda: m.softmax(-1),
        "attention (4, 8, 256, 64)": lambda: F.scaled_dot_product_attention(heads, heads, heads),
        "LSTM 64-128, 50 steps of 64": lambda: lstm(words)[0],
        "sort of 10^6": lambda: big.sort()[0],
        "a linear layer's step": trained,
    }


def speed_ups() -> bool:
    met = True
    for title, job in jobs().items():
        seconds = {1: float("inf"), 2: float("inf")}
        for _ in range(15):
            for count in seconds:
                rt.set_num_threads(count)
                seconds[count] = min(seconds[count], _best(job, 3))
        ratio = seconds[1] / seconds[2]
        good = ratio >= SPEED_UP
        met &= good
        print(f"{title:<42} {ratio:5.2f}x with a second thread (goal {SPEED_UP:g}x: {_word(good)})", flush=True)
    return met


def digests() -> dict[str, int]:
    """A number for the bits of each job's result, by seed 0."""
    rt.manual_seed(0)
    return {title: hash(np.ascontiguousarray(job().detach().numpy()).tobytes()) for title, job in jobs().items()}


def same_bits() -> bool:
    """Results of 1, 2, 4 and 8 threads, each in a process of its own."""
    found = {}
    for count in (1, 2, 4, 8):
        env = {**os.environ, "RUSTORCH_NUM_THREADS": str(count), "PYTHONHASHSEED": "0"}
        command = [sys.executable, "-c", "import json, bench.scale as s; print(json.dumps(s.digests()))"]
        found[count] = json.loads(subprocess.run(command, env=env, check=True, capture_output=True).stdout)
    differ = sorted(title for title in found[1] if len({found[count][title] for count in found}) > 1)
    text = f"differ: {', '.join(differ)}" if differ else "the same"
    print(f"{'bits for 1, 2, 4 and 8 threads':<42} {text}", flush=True)
    return not differ


def main() -> bool:
    return all([graphs(), elements(), speed_ups(), same_bits()])
