"""Reductions, softmax, losses, normalisations of rows, beside PyTorch and NumPy, on one thread and on two."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from types import ModuleType
from typing import Any

import numpy as np

import rustorch as rt

from .harness import Row, show_all, threads

Job = Callable[..., Any]
RNG = np.random.default_rng(0)
BUDGET = 0.04
FOLDS = ("sum", "mean", "prod", "amax", "argmax", "std", "any", "count_nonzero", "nansum")
SCANS = ("cumsum", "cumprod", "logcumsumexp", "logsumexp")


def floats(*shape: int) -> Any:
    return RNG.normal(size=shape).astype(np.float32)


def classes(most: int, *shape: int) -> Any:
    return RNG.integers(0, most, size=shape)


def differentiated(job: Job) -> Job:
    """The job and the gradient of its first operand."""

    def run(lib: ModuleType, x: Any, *rest: Any) -> None:
        leaf = x.detach().requires_grad_()
        result = job(lib, leaf, *rest)
        result.backward(lib.ones_like(result))

    return run


def row(title: str, job: Job, *given: Any, numpy: Job | None = None, work: tuple[str, float] | None = None) -> Row:
    import torch

    jobs: dict[str, Callable[[], Any]] = {
        "rustorch": partial(job, rt, *(rt.from_numpy(np.array(a)) for a in given)),
        "torch": partial(job, torch, *(torch.from_numpy(np.array(a)) for a in given)),
    }
    if numpy is not None:
        jobs["numpy"] = partial(numpy, np, *given)
    return Row(title, jobs, {"torch": 1.3}, budget=BUDGET, work=work)


def folds() -> Iterator[Row]:
    matrix = floats(1000, 1000)
    for name in FOLDS:
        for dim in (None, 0, 1):

            def job(lib: ModuleType, x: Any, name: str = name, dim: Any = dim) -> Any:
                return getattr(x, name)() if dim is None else getattr(x, name)(dim=dim)

            def plain(lib: ModuleType, x: Any, name: str = name, dim: Any = dim) -> Any:
                return getattr(lib, name)(x, axis=dim)

            yield row(f"{name}, dim {dim}, 1000x1000", job, matrix, numpy=plain if hasattr(np, name) else None)
            if name in ("sum", "amax", "std", "nansum"):
                yield row(f"{name} and gradient, dim {dim}", differentiated(job), matrix)
    for shape in ((10**5, 10), (10**5, 3), (30_000, 33), (10, 10**5)):
        for dim in (0, 1):
            for name in ("sum", "amax"):
                yield row(f"{name}, dim {dim}, {shape}", lambda lib, x, n=name, d=dim: getattr(x, n)(d), floats(*shape))
    for name in SCANS:
        for dim in (0, 1):
            yield row(f"{name}, dim {dim}, 1000x1000", lambda lib, x, n=name, d=dim: getattr(lib, n)(x, d), matrix)


def layouts() -> Iterator[Row]:
    import torch

    matrix, images, many = floats(1000, 1000), floats(32, 64, 784), floats(10**7)
    yield row("sum, dims (0, 2), (32, 64, 784)", lambda lib, x: x.sum((0, 2)), images)
    yield row("amax, dims (0, 2), (32, 64, 784)", lambda lib, x: x.amax((0, 2)), images)
    yield row("sum and gradient, dims (0, 2)", differentiated(lambda lib, x: x.sum((0, 2))), images)
    yield row("sum, dims (0, 2), (64, 256, 49)", lambda lib, x: x.sum((0, 2)), floats(64, 256, 49))
    yield row("sum, dims (0, 2), (64, 256, 20)", lambda lib, x: x.sum((0, 2)), floats(64, 256, 20))
    yield row("sum, dims (0, 2), int64", lambda lib, x: x.sum((0, 2)), classes(9, 32, 64, 784))
    yield row("sum, dims (0, 2, 4) of five", lambda lib, x: x.view(10, 10, 10, 10, 100).sum((0, 2, 4)), matrix)
    yield row("sum of a transposed, dim 1", lambda lib, x: x.t().sum(1), matrix)
    yield row("sum of every second column", lambda lib, x: x[:, ::2].sum(), matrix)
    for size in (10, 10**3, 10**4, 10**5):
        yield row(f"sum, {size}", lambda lib, x: x.sum(), floats(size), numpy=lambda lib, x: x.sum())
    yield row("sum, 10^7", lambda lib, x: x.sum(), many, numpy=lambda lib, x: x.sum(), work=("read", many.nbytes))
    for dtype in ("float16", "bfloat16", "float64", "int32", "int64", "uint8"):

        given = {"rustorch": (rt.from_numpy(matrix) * 9).to(getattr(rt, dtype)),
                 "torch": (torch.from_numpy(matrix) * 9).to(getattr(torch, dtype))}  # fmt: skip
        for dim in ((), (0,), (1,)):
            jobs = {name: partial(x.sum, *dim) for name, x in given.items()}
            yield Row(f"sum of {dtype}, dim {dim}", jobs, {"torch": 1.3}, budget=BUDGET)


def softmaxes() -> Iterator[Row]:
    for name in ("softmax", "log_softmax"):
        for shape, dim in (((1000, 1000), 1), ((64, 10), 1), ((32, 12, 128, 128), 3), ((128, 30_000), 1),
                           ((1000, 1000), 0), ((8, 21, 100, 100), 1)):  # fmt: skip

            def job(lib: ModuleType, x: Any, name: str = name, dim: int = dim) -> Any:
                return getattr(lib, name)(x, dim)

            yield row(f"{name}, dim {dim}, {shape}", job, floats(*shape))
            yield row(f"{name} and gradient, dim {dim}, {shape}", differentiated(job), floats(*shape))
    options: list[tuple[str, dict[str, Any]]] = [("", {}), (", smoothed", {"label_smoothing": 0.1})]
    for shape in ((64, 10), (1024, 1000), (128, 30_000), (8, 21, 100, 100)):
        x, t = floats(*shape), classes(shape[1], shape[0], *shape[2:])
        for word, more in options:

            def loss(lib: ModuleType, x: Any, t: Any, more: dict[str, Any] = more) -> Any:
                return lib.nn.functional.cross_entropy(x, t, **more)

            yield row(f"cross_entropy{word}, {shape}", loss, x, t)
            yield row(f"cross_entropy{word} and gradient, {shape}", differentiated(loss), x, t)
        shares = RNG.uniform(size=shape).astype(np.float32)
        soft: Job = lambda lib, x, q, w: lib.nn.functional.cross_entropy(x, q, w)  # noqa: E731
        w = floats(shape[1])
        yield row(f"cross_entropy of probabilities, {shape}", soft, x, shares, w)
        yield row(f"cross_entropy of probabilities and gradient, {shape}", differentiated(soft), x, shares, w)


def losses() -> Iterator[Row]:
    for name in ("mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss", "binary_cross_entropy_with_logits", "kl_div"):

        def job(lib: ModuleType, x: Any, y: Any, name: str = name) -> Any:
            return getattr(lib.nn.functional, name)(x, y, reduction="sum")

        for size in (1000, 10**6):
            given = floats(size), RNG.uniform(size=size).astype(np.float32)
            yield row(f"{name}, {size}", job, *given)
            yield row(f"{name} and gradient, {size}", differentiated(job), *given)


def norms() -> Iterator[Row]:
    for shape in ((32, 128, 768), (64, 64), (8, 100, 512)):
        n = shape[-1]

        def layer(lib: ModuleType, x: Any, w: Any, b: Any, n: int = n) -> Any:
            return lib.nn.functional.layer_norm(x, (n,), w, b)

        def weights(lib: ModuleType, x: Any, w: Any, b: Any, n: int = n) -> Any:
            leaves = [t.detach().requires_grad_() for t in (x, w, b)]
            result = lib.nn.functional.layer_norm(leaves[0], (n,), *leaves[1:])
            result.backward(lib.ones_like(result))

        yield row(f"layer_norm, {shape}", layer, floats(*shape), floats(n), floats(n))
        yield row(f"layer_norm and all gradients, {shape}", weights, floats(*shape), floats(n), floats(n))
        rms: Job = lambda lib, x, w, n=n: lib.nn.functional.rms_norm(x, (n,), w)  # noqa: E731
        yield row(f"rms_norm and gradient, {shape}", differentiated(rms), floats(*shape), floats(n))
    pair = floats(1000, 256), floats(1000, 256)
    for name, job in (
        ("normalize", lambda lib, x, y: lib.nn.functional.normalize(x)),
        ("cosine_similarity", lambda lib, x, y: lib.nn.functional.cosine_similarity(x, y)),
        ("cdist", lambda lib, x, y: lib.cdist(x, y)),
        ("triplet_margin_loss", lambda lib, x, y: lib.nn.functional.triplet_margin_loss(x, y, x.roll(1, 0))),
    ):
        yield row(f"{name}, 1000x256", job, *pair)
        if name != "cdist":
            yield row(f"{name} and gradient, 1000x256", differentiated(job), *pair)


def main(*_: str) -> bool:
    met = True
    for count in (1, 2):
        with threads(count):
            print(f"   {count} thread{'s' * (count > 1)}", flush=True)
            for table in (folds, layouts, softmaxes, losses, norms):
                met &= show_all(table(), torch=1.3)
    return met
