"""Matrix products beside PyTorch, and NumPy's BLAS where it takes part, on one thread and on two.

Shapes from 2 to 4096, thin and tall, batches, transposed operands, floating dtypes, vectors, `linear`, gradients.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np

import rustorch as rt

from .harness import Row, show_all, threads

RNG = np.random.default_rng(0)
GOALS = {"torch": 1.0, "numpy": 1.0}
Job = Callable[..., Any]


def floats(*shape: int, dtype: str = "float32") -> Any:
    x = RNG.normal(size=shape)
    return (x + 1j * RNG.normal(size=shape) if dtype.startswith("complex") else x).astype(dtype)


def row(title: str, job: Job, *arrays: Any, numpy: Job | None = None, gradient: bool = False, flops: float = 0) -> Row:
    """job(lib, *tensors) by both libraries; numpy(*arrays) beside them; with `gradient` its sum's gradients too."""
    import torch

    jobs: dict[str, str | Callable[[], Any]] = {}
    for name, lib in (("rustorch", rt), ("torch", torch)):
        given = [lib.from_numpy(np.array(a)) for a in arrays]
        if gradient:
            jobs[name] = partial(differentiate, lib, job, given)
        else:
            jobs[name] = partial(job, lib, *given)
    if numpy is not None:
        jobs["numpy"] = partial(numpy, *arrays)
    kind = "float64" if arrays[0].dtype in ("float64", "complex128") else "float32"
    return Row(title, jobs, GOALS, budget=0.1, work=(kind, flops) if flops else None)


def differentiate(lib: Any, job: Job, arrays: list[Any]) -> None:
    leaves = [a.detach().requires_grad_() for a in arrays]
    job(lib, *leaves).sum().backward()


def times(lib: Any, a: Any, b: Any) -> Any:
    return a @ b


def linear(lib: Any, *given: Any) -> Any:
    return lib.nn.functional.linear(*given)


def sizes() -> Iterator[Row]:
    for m, k, n in [(n, n, n) for n in (2, 3, 4, 8, 13, 16, 24, 32, 48, 64, 100, 128, 200, 256, 512, 1000)] + [
        (32, 784, 128), (128, 784, 256), (4096, 64, 64), (64, 4096, 64), (64, 64, 4096), (10000, 10, 10),
        (10, 10000, 10), (100, 3, 1000), (1000, 2, 1000), (5, 500, 5), (256, 1024, 4096),
    ]:  # fmt: skip
        large = 2.0 * m * k * n if m * k * n >= 64**3 else 0
        yield row(f"{m}x{k} @ {k}x{n}", times, floats(m, k), floats(k, n), numpy=np.matmul, flops=large)
    for n in (8, 64, 256):
        yield row(f"{n}x{n} @ {n}x{n} and gradients", times, floats(n, n), floats(n, n), gradient=True)


def layouts() -> Iterator[Row]:
    jobs: list[tuple[str, Job, Job]] = [
        ("a.T @ b", lambda lib, a, b: a.t() @ b, lambda a, b: a.T @ b),
        ("a @ b.T", lambda lib, a, b: a @ b.t(), lambda a, b: a @ b.T),
        ("a.T @ b.T", lambda lib, a, b: a.t() @ b.t(), lambda a, b: a.T @ b.T),
        ("a[:, ::2] @ b[::2]", lambda lib, a, b: a[:, ::2] @ b[::2], lambda a, b: a[:, ::2] @ b[::2]),
    ]
    for n in (16, 100, 512):
        for title, job, numpy in jobs:
            yield row(f"{title}, {n}", job, floats(n, n), floats(n, n), numpy=numpy)


def dtypes() -> Iterator[Row]:
    for n in (16, 100, 512):
        for dtype in ("float64", "complex64", "complex128"):
            flops = (8.0 if "complex" in dtype else 2.0) * n**3
            a, b = floats(n, n, dtype=dtype), floats(n, n, dtype=dtype)
            yield row(f"{dtype}, {n}", times, a, b, numpy=np.matmul, flops=flops if n > 64 else 0)
        for half in ("bfloat16", "float16"):
            import torch

            a, b = floats(n, n), floats(n, n)
            jobs: dict[str, str | Callable[[], Any]] = {}
            for name, lib in (("rustorch", rt), ("torch", torch)):
                given = [lib.from_numpy(x).to(getattr(lib, half)) for x in (a, b)]
                jobs[name] = partial(times, lib, *given)
            yield Row(f"{half}, {n}", jobs, GOALS, budget=0.1)


def vectors() -> Iterator[Row]:
    for n in (10, 100, 512, 1000, 4096):
        a, v = floats(n, n), floats(n)
        yield row(f"matrix @ vector, {n}", times, a, v, numpy=np.matmul)
        yield row(f"vector @ matrix, {n}", lambda lib, a, v: v @ a, a, v, numpy=lambda a, v: v @ a)
    yield row("matrix @ vector, 1000 and gradients", times, floats(1000, 1000), floats(1000), gradient=True)
    for n in (10, 1000, 10**6):
        yield row(f"dot, {n}", lambda lib, a, b: lib.dot(a, b), floats(n), floats(n), numpy=np.dot)
    yield row("dot, 10^6 and gradients", lambda lib, a, b: lib.dot(a, b), floats(10**6), floats(10**6), gradient=True)
    for n in (10, 100, 1000):
        yield row(f"outer, {n}", lambda lib, a, b: lib.outer(a, b), floats(n), floats(n), numpy=np.outer)


def batches() -> Iterator[Row]:
    for left, right in [
        ((100, 4, 4), (100, 4, 4)), ((1000, 8, 8), (1000, 8, 8)), ((64, 32, 32), (64, 32, 32)),
        ((32, 128, 64), (32, 64, 128)), ((8, 512, 64), (8, 64, 512)), ((10, 50, 30), (30, 20)),
        ((30, 30), (10, 30, 20)), ((4, 1, 32, 32), (5, 32, 32)), ((100, 1, 64), (100, 64, 64)),
        ((100, 64, 64), (100, 64, 1)),
    ]:  # fmt: skip
        yield row(f"{left} @ {right}", times, floats(*left), floats(*right), numpy=np.matmul)
    one, many, b = floats(64, 64), floats(16, 64, 64), floats(16, 64, 64)
    yield row("bmm 16x64x64 and gradients", lambda lib, a, b: lib.bmm(a, b), many, b, gradient=True)
    yield row("baddbmm 16x64x64", lambda lib, c, a, b: lib.baddbmm(c, a, b), many, many, b)
    yield row("addmm 64", lambda lib, c, a, b: lib.addmm(c, a, b), one, one, one)
    yield row("addmm 64, beta 0.5, alpha 2", lambda lib, c, a, b: lib.addmm(c, a, b, beta=0.5, alpha=2), one, one, one)
    yield row("addmm 512", lambda lib, c, a, b: lib.addmm(c, a, b), *[floats(512, 512)] * 3)
    yield row("einsum bij,bjk->bik", lambda lib, a, b: lib.einsum("bij,bjk->bik", a, b), many, b)
    yield row("einsum bhqd,bhkd->bhqk", lambda lib, a, b: lib.einsum("bhqd,bhkd->bhqk", a, b),
              floats(4, 4, 32, 16), floats(4, 4, 32, 16))  # fmt: skip
    yield row("tensordot(2)", lambda lib, a, b: lib.tensordot(a, b, 2), floats(20, 15, 30), floats(15, 30, 25))
    yield row("multi_dot of 4", lambda lib, *m: lib.linalg.multi_dot(m), floats(10, 100), floats(100, 50),
              floats(50, 80), floats(80, 5))  # fmt: skip


def layers() -> Iterator[Row]:
    for rows, k, n in [
        (1, 16, 16), (1, 784, 128), (8, 784, 128), (32, 64, 64), (32, 784, 128), (64, 128, 10), (128, 9216, 128),
        (256, 512, 512), (1600, 128, 256), (1, 1024, 4096),
    ]:  # fmt: skip
        given = floats(rows, k), floats(n, k), floats(n)
        yield row(f"linear {rows} rows, {k}-{n}", linear, *given)
        if rows > 1:
            yield row(f"linear {rows} rows, {k}-{n} and gradients", linear, *given, gradient=True)
    yield row("linear and relu, 32 rows, 784-128", lambda lib, *a: lib.relu(linear(lib, *a)), floats(32, 784),
              floats(128, 784), floats(128))  # fmt: skip


@contextmanager
def numpy_threads(count: int) -> Iterator[None]:
    from threadpoolctl import threadpool_limits

    with threadpool_limits(count), threads(count):
        yield


def main() -> bool:
    met = True
    for count in (1, 2):
        print(f"{count} thread{'s' * (count > 1)}")
        with numpy_threads(count):
            groups = (
                (sizes, layouts, dtypes, vectors, batches, layers) if count == 1 else (sizes, dtypes, batches, layers)
            )
            met &= show_all((r for group in groups for r in group()), torch=2)
    return met
