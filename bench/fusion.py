"""jit.script: numexpr's own example expressions, and training steps replayed."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch

import rustorch as rt

from .harness import Row, show_all, threads
from .step import inference, training_step

# As numexpr writes them; where it is not Python, as tensors are asked.
EXPRESSIONS: list[tuple[str, Callable[..., Any], str]] = [
    ("2*a + 3*b", lambda lib, a, b: 2 * a + 3 * b, "ab"),
    ("2*a + b*10", lambda lib, a, b: 2 * a + b * 10, "ab"),
    ("a**2 + b**2 + 2*a*b", lambda lib, a, b: a**2 + b**2 + 2 * a * b, "ab"),
    ("a*b - 4.1*a > 2.5*b", lambda lib, a, b: a * b - 4.1 * a > 2.5 * b, "ab"),
    ("sin(a)**2 + cos(a)**2", lambda lib, a, b: lib.sin(a) ** 2 + lib.cos(a) ** 2, "a"),
    ("exp(-a*a) / sqrt(b)", lambda lib, a, b: lib.exp(-a * a) / lib.sqrt(b), "ab"),
    ("where(a > b, a, 2*b)", lambda lib, a, b: lib.where(a > b, a, 2 * b), "ab"),
    ("(a < 0.3) & (b > 0.5)", lambda lib, a, b: (a < 0.3) & (b > 0.5), "ab"),
    (".25*a**3 + .75*a**2 - 1.5*a - 2", lambda lib, a, b: 0.25 * a**3 + 0.75 * a**2 - 1.5 * a - 2, "a"),
    ("tanh(a) + log1p(b)", lambda lib, a, b: lib.tanh(a) + lib.log1p(b), "ab"),
    ("a + 1", lambda lib, a, b: a + 1, "a"),
]
MODELS = [((64, 32, 10), 32), ((64, 64, 64, 10), 32), ((64, 32, 10), 1)]


def _expressions(sizes: tuple[int, ...], dtypes: tuple[str, ...]) -> Iterator[Row]:
    import numexpr

    rng = np.random.default_rng(0)
    for n in sizes:
        for dtype in dtypes:
            a, b = (rng.random(n).astype(dtype) for _ in range(2))
            local = {"a": a, "b": b}
            ours = [rt.from_numpy(v) for v in (a, b)]
            theirs = [torch.from_numpy(v) for v in (a, b)]
            for text, fn, names in EXPRESSIONS:
                scripted = rt.jit.script(lambda a, b, fn=fn: fn(rt, a, b))
                scripted(*ours)  # recorded now: a recording takes about a millisecond
                exact, numbers = _named(text, dtype)
                size = np.dtype(dtype).itemsize
                result = 1 if "<" in text or text.endswith("2.5*b") else size
                yield Row(
                    f"{text}, {dtype}, {n}",
                    {
                        "rustorch": lambda f=scripted, v=ours: f(*v),
                        "eager": lambda f=fn, v=ours: f(rt, *v),
                        "numexpr": lambda t=exact, d=local | numbers: numexpr.evaluate(t, local_dict=d),
                        "torch": lambda f=fn, v=theirs: f(torch, *v),
                    },
                    {"numexpr": 1.0},
                    budget=0.08 if n < 10**7 else 0.15,
                    work=("write", n * (size * len(names) + result)) if n >= 10**7 else None,
                )


def _named(text: str, dtype: str) -> tuple[str, dict[str, Any]]:
    """Numbers as names: a literal is a double to numexpr, and would make all of a float32 expression one."""
    names: dict[str, Any] = {}

    def name(match: re.Match[str]) -> str:
        names[f"c{len(names)}"] = np.dtype(dtype).type(match[0])
        return f"c{len(names) - 1}"

    return re.sub(r"(?<![\w*.])\d*\.\d+", name, text), names


def _steps() -> Iterator[Row]:
    for sizes, batch in MODELS:
        title = f"MLP {'-'.join(map(str, sizes))}, batch {batch}"
        step, plain = rt.jit.script(training_step(rt, sizes, batch)), training_step(rt, sizes, batch)
        step()
        yield Row(
            f"training step, {title}",
            {"rustorch": step, "eager": plain, "torch": training_step(torch, sizes, batch)},
            {"eager": 2.0, "torch": 5.0},
        )
        fast, slow = inference(rt, sizes, batch), inference(rt, sizes, batch)
        replayed = rt.jit.script(fast)
        replayed()
        jobs = {"rustorch": replayed, "eager": slow, "torch": inference(torch, sizes, batch)}
        yield Row(f"inference, {title}", jobs, {"torch": 1.0})


def main() -> bool:
    import numexpr

    met = True
    for count in (1, 2):
        numexpr.set_num_threads(count)
        with threads(count):
            print(f"   threads {count}", flush=True)
            met &= show_all(_expressions((10**3, 10**5, 10**6, 10**7), ("float32", "float64")), numexpr=1.0)
    with threads(1):
        met &= show_all(_steps())
    return met
