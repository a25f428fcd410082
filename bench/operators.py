"""Single operators beside PyTorch, forward alone or with gradients, one thread."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from types import ModuleType
from typing import Any

import numpy as np

import rustorch as rt

from .harness import Row, show, threads

Job = Callable[..., Any]
RNG = np.random.default_rng(0)


def floats(*shape: int) -> Any:
    return RNG.normal(size=shape).astype(np.float32)


def indices(most: int, *shape: int) -> Any:
    return RNG.integers(0, most, size=shape)


def differentiated(job: Job) -> Job:
    """The job, its sum and its gradients."""

    def run(lib: ModuleType, *given: Any) -> None:
        leaves = [x.detach().requires_grad_() if x.is_floating_point() else x for x in given]
        job(lib, *leaves).sum().backward()

    return run


def activations() -> list[tuple[str, Job, list[Any]]]:
    x = floats(10**6)
    named = [(f"{name}, 10^6", (lambda lib, x, name=name: getattr(lib, name)(x)), [x])
             for name in ("sigmoid", "tanh", "erf", "rsqrt", "log1p")]  # fmt: skip
    for name in ("relu", "silu", "gelu", "softplus", "logsigmoid", "elu", "mish", "hardswish"):
        job: Job = lambda lib, x, name=name: getattr(lib.nn.functional, name)(x)  # noqa: E731
        named += [(f"{name}, 10^6", job, [x]), (f"{name} and gradient, 10^6", differentiated(job), [x])]
    return [*named, ("x ** 2, 10^6", lambda lib, x: x**2, [x]), ("x ** 2.5, 10^6", lambda lib, x: x**2.5, [np.abs(x)])]


def movements() -> list[tuple[str, Job, list[Any]]]:
    m, index = floats(1000, 1000), indices(1000, 1000, 1000)
    rows: list[tuple[str, Job, list[Any]]] = [("x.t().contiguous() 1000x1000", lambda lib, x: x.t().contiguous(), [m])]
    for d in (0, 1):
        rows += [
            (f"gather 1000x1000, dim {d}", lambda lib, x, i, d=d: x.gather(d, i), [m, index]),
            (f"scatter 1000x1000, dim {d}", lambda lib, x, i, s, d=d: x.scatter(d, i, s), [m, index, m]),
            (f"scatter_add 1000x1000, dim {d}", lambda lib, x, i, s, d=d: x.scatter_add(d, i, s), [m, index, m]),
            (f"index_add 1000x1000, dim {d}", lambda lib, x, i, s, d=d: x.index_add(d, i, s), [m, index[0], m]),
        ]
    table, words = floats(10_000, 64), indices(10_000, 32, 100)
    job: Job = lambda lib, w, i: lib.nn.functional.embedding(i, w)  # noqa: E731
    return [*rows, ("embedding and gradient", differentiated(job), [table, words])]


def windows() -> list[tuple[str, Job, list[Any]]]:
    images = floats(16, 32, 28, 28)
    rows: list[tuple[str, Job, list[Any]]] = []
    kinds: list[tuple[str, Any, dict[str, int]]] = [
        ("conv 32-64 3x3", floats(64, 32, 3, 3), {}),
        ("conv 32-64 1x1", floats(64, 32, 1, 1), {}),
        ("depthwise conv 3x3", floats(32, 1, 3, 3), {"padding": 1, "groups": 32}),
    ]
    for title, w, options in kinds:
        job: Job = lambda lib, x, w, options=options: lib.nn.functional.conv2d(x, w, **options)  # noqa: E731
        rows += [(title, job, [images, w]), (f"{title} and gradient", differentiated(job), [images, w])]
    bilinear: Job = lambda lib, x: lib.nn.functional.interpolate(x, scale_factor=2, mode="bilinear")  # noqa: E731
    return [*rows, ("bilinear x 2", bilinear, [images])]


def matrices() -> list[tuple[str, Job, list[Any]]]:
    a = floats(1000, 4, 4)
    a = a @ a.transpose(0, 2, 1) + np.eye(4, dtype=np.float32)
    rows = [(f"linalg.{name} 1000x4x4", (lambda lib, x, name=name: getattr(lib.linalg, name)(x)), [a])
            for name in ("inv", "det", "cholesky", "lu_factor", "svd", "eigh")]  # fmt: skip
    return [*rows, ("linalg.solve 1000x4x4", lambda lib, x, b: lib.linalg.solve(x, b), [a, floats(1000, 4, 2)])]


def main() -> bool:
    import torch

    with threads(1):
        for title, job, arrays in [*activations(), *movements(), *windows(), *matrices()]:
            jobs: dict[str, str | Callable[[], Any]] = {}
            for lib in (rt, torch):
                given = [lib.from_numpy(np.array(a)) for a in arrays]
                jobs[lib.__name__] = partial(job, lib, *given)
            show(Row(title, jobs, budget=0.3))
    return True
