"""Cheap elementwise work and moving data: every dtype, layout and size beside PyTorch and NumPy."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

import rustorch

from .harness import Row, show_all, threads

BUDGET = 0.04
RNG = np.random.default_rng(0)
Make = Callable[..., Any]

UNARY = ("neg", "abs", "sign", "square", "sqrt", "floor", "relu", "reciprocal", "round", "isnan")
BINARY = ("add", "sub", "mul", "div", "maximum", "minimum", "lt", "eq", "copysign")
SIZES = (1000, 10_000, 100_000, 1_000_000)
NARROW = ("neg", "abs", "relu", "sqrt", "square", "isnan", "add", "mul", "div", "maximum", "lt", "eq")
INTEGERS = ("add", "mul", "maximum", "lt", "bitwise_and", "bitwise_xor", "neg", "abs")
NUMPY = {"neg": "negative", "abs": "absolute", "round": "rint", "sub": "subtract", "mul": "multiply", "div": "divide",
         "lt": "less", "eq": "equal"}  # fmt: skip


def _normal(*shape: int) -> np.ndarray[Any, Any]:
    return RNG.standard_normal(shape, dtype=np.float32)


def _row(title: str, job: Make, arrays: list[Any], numpy: Make | None = None, write: float = 0, goal: float = 1) -> Row:
    """One row of job(library, *tensors), beside numpy(*arrays) where there is the same there."""
    import torch

    jobs: dict[str, Any] = {}
    for lib in (rustorch, torch):
        jobs[lib.__name__] = partial(
            job, lib, *(lib.from_numpy(a.copy()) if isinstance(a, np.ndarray) else a for a in arrays)
        )
    if numpy:
        jobs["numpy"] = partial(numpy, *arrays)
    return Row(
        title, jobs, {k: goal for k in jobs if k != "rustorch"}, budget=BUDGET, work=("write", write) if write else None
    )


def _of(dtype: str, n: int) -> np.ndarray[Any, Any]:
    if dtype == "bool":
        return RNG.random(n) < 0.5
    if dtype.startswith(("int", "uint")):
        return RNG.integers(1, 100, n).astype(dtype)
    if dtype.startswith("complex"):
        return (RNG.standard_normal(n) + 1j * RNG.standard_normal(n)).astype(dtype)
    return (np.abs(RNG.standard_normal(n)) + 0.1).astype(dtype)


def plain() -> Iterator[Row]:
    """Packed operands of one dtype."""
    for dtype in ("float32", "float64"):
        for n in SIZES if dtype == "float32" else SIZES[2:]:
            x, y = _of(dtype, n), _of(dtype, n)
            for name in UNARY:
                ours = getattr(np, NUMPY.get(name, name), None)
                yield _row(f"{name} {dtype} {n:.0e}", lambda lib, a, f=name: getattr(lib, f)(a), [x], ours)
            for name in BINARY:
                ours = getattr(np, NUMPY.get(name, name))
                yield _row(f"{name} {dtype} {n:.0e}", lambda lib, a, b, f=name: getattr(lib, f)(a, b), [x, y], ours)
            yield _row(f"x * 2 {dtype} {n:.0e}", lambda lib, a: a * 2.0, [x], lambda a: a * 2.0)
            yield _row(f"clamp {dtype} {n:.0e}", lambda lib, a: a.clamp(0.2, 0.7), [x], lambda a: a.clip(0.2, 0.7))
            yield _row(
                f"add_ {dtype} {n:.0e}", lambda lib, a, b: a.add_(b), [x, y * 0], lambda a, b: np.add(a, b, out=a)
            )
            yield _row(f"addcmul {dtype} {n:.0e}", lambda lib, a, b: lib.addcmul(a, a, b), [x, y])
            yield _row(f"lerp {dtype} {n:.0e}", lambda lib, a, b: lib.lerp(a, b, 0.3), [x, y])
            yield _row(f"where {dtype} {n:.0e}", lambda lib, c, a, b: lib.where(c, a, b), [x > y, x, y], np.where)


def narrow() -> Iterator[Row]:
    """float16, bfloat16, integers, bool, complex."""
    for dtype in ("float16", "bfloat16"):
        for n in (1000, 100_000, 1_000_000):
            for name in NARROW:
                two = name in BINARY

                def job(lib: Any, x: Any, y: Any, f: str = name, two: bool = two) -> Any:
                    return getattr(lib, f)(x, y) if two else getattr(lib, f)(x)

                made = _row(f"{name} {dtype} {n:.0e}", job, [_of("float32", n), _of("float32", n)])
                jobs: dict[str, Any] = made.jobs  # type: ignore[assignment]
                for k, j in jobs.items():
                    lib = j.args[0]
                    jobs[k] = partial(j.func, lib, *(a.to(getattr(lib, dtype)) for a in j.args[1:]))
                yield made
    for dtype in ("int8", "uint8", "int16", "int32", "int64"):
        for n in (1000, 100_000, 1_000_000):
            x, y = _of(dtype, n), _of(dtype, n)
            for name in INTEGERS:
                two = name not in UNARY
                ours = getattr(np, NUMPY.get(name, name))
                if two:
                    yield _row(f"{name} {dtype} {n:.0e}", lambda lib, a, b, f=name: getattr(lib, f)(a, b), [x, y], ours)
                else:
                    yield _row(f"{name} {dtype} {n:.0e}", lambda lib, a, f=name: getattr(lib, f)(a), [x], ours)
    for n in (1000, 100_000, 1_000_000):
        x, y = _of("bool", n), _of("bool", n)
        for name in ("logical_and", "logical_or", "logical_not", "bitwise_xor", "eq"):
            ours = getattr(np, NUMPY.get(name, name))
            if name == "logical_not":
                yield _row(f"{name} bool {n:.0e}", lambda lib, a: lib.logical_not(a), [x], ours)
            else:
                yield _row(f"{name} bool {n:.0e}", lambda lib, a, b, f=name: getattr(lib, f)(a, b), [x, y], ours)
    for dtype in ("complex64", "complex128"):
        x, y = _of(dtype, 100_000), _of(dtype, 100_000)
        for name in ("add", "mul", "div"):
            ours = getattr(np, NUMPY[name]) if name != "add" else np.add
            yield _row(f"{name} {dtype} 1e+05", lambda lib, a, b, f=name: getattr(lib, f)(a, b), [x, y], ours)
        yield _row(f"abs {dtype} 1e+05", lambda lib, a: a.abs(), [x], np.abs)
        yield _row(
            f"conj {dtype} 1e+05",
            lambda lib, a: a.conj().resolve_conj() if lib is not rustorch else a.conj(),
            [x],
            np.conj,
        )
        yield _row(f"real + imag {dtype} 1e+05", lambda lib, a: a.real + a.imag, [x], lambda a: a.real + a.imag)


def casts() -> Iterator[Row]:
    """Conversions, and operands of different dtypes."""
    names = ("float32", "float64", "float16", "bfloat16", "int32", "int64", "uint8", "bool")
    for n in (10_000, 1_000_000):
        for a in names:
            for b in names:
                if a == b:
                    continue
                made = _row(f"{a} to {b} {n:.0e}", lambda lib, x, to=b: x.to(getattr(lib, to)), [_of("float32", n)])
                jobs: dict[str, Any] = made.jobs  # type: ignore[assignment]
                for k, j in jobs.items():
                    lib = j.args[0]
                    jobs[k] = partial(j.func, lib, j.args[1].to(getattr(lib, a)))
                if "bfloat16" not in (a, b):
                    jobs["numpy"] = partial(np.ndarray.astype, _of("float32", n).astype(a), b)
                yield made
        x32, x64, i64, i32 = _of("float32", n), _of("float64", n), _of("int64", n), _of("int32", n)
        for title, pair in (("f32 + f64", [x32, x64]), ("f32 * i64", [x32, i64]), ("i32 + i64", [i32, i64]),
                            ("f32 * bool", [x32, x32 > 0.5]), ("f64 + i32", [x64, i32])):  # fmt: skip
            yield _row(f"{title} {n:.0e}", lambda lib, a, b: a * b if lib else None, pair, np.multiply)


def _layouts_of(rows: int, cols: int) -> Iterator[Row]:
    a, b = _normal(rows, cols), _normal(rows, cols)
    size = f"{rows}x{cols}"
    pairs: list[tuple[str, Callable[[Any, Any], Any]]] = [
        ("row", lambda a, b: a + b[0]),
        ("column", lambda a, b: a + b[:, :1]),
        ("outer", lambda a, b: a[:, :1] + b[0]),
        ("::2", lambda a, b: a[:, ::2] + b[:, ::2]),
        ("::2 rows", lambda a, b: a[::2] * b[::2]),
        ("::3", lambda a, b: a[:, ::3] * b[:, ::3]),
        ("::2 unary", lambda a, b: abs(a[:, ::2])),
        ("half of rows", lambda a, b: a[:, : cols // 2] + b[:, cols // 2 : cols // 2 * 2]),
        ("T + ", lambda a, b: a.T + b.reshape(cols, rows)),
        ("T + T", lambda a, b: a.T + b.T),
        ("T abs", lambda a, b: abs(a.T)),
        ("a > row", lambda a, b: a > b[0]),
    ]
    for title, f in pairs:
        yield _row(f"{title} {size}", lambda lib, a, b, f=f: f(a, b), [a, b], f)
    yield _row(f"where column {size}", lambda lib, c, a, b: lib.where(c, a, b), [a[:, :1] > 0, a, b], np.where)
    yield _row(f"out[::2] = {size}", lambda lib, a, b: a[:, ::2].copy_(b[:, ::2]), [a, b],
               lambda a, b: np.copyto(a[:, ::2], b[:, ::2]))  # fmt: skip


def layouts() -> Iterator[Row]:
    """Broadcast, strided, transposed."""
    for shape in ((1000, 1000), (100, 100), (10_000, 10), (10, 10_000), (5000, 50)):
        yield from _layouts_of(*shape)
    x = _normal(8, 64, 28, 28)
    s = _normal(1, 64, 1, 1)
    yield _row("channel bias 8x64x28x28", lambda lib, a, b: a + b, [x, s], np.add)
    yield _row("channel scale f64", lambda lib, a, b: a * b, [x.astype("f8"), s.astype("f8")], np.multiply)
    yield _row("permuted + 4-D", lambda lib, a: a.permute(0, 2, 3, 1) + 1, [x], lambda a: a.transpose(0, 2, 3, 1) + 1)
    yield _row("nhwc + nchw", lambda lib, a, b: a.permute(0, 2, 3, 1) + b.reshape(8, 28, 28, 64), [x, x],
               lambda a, b: a.transpose(0, 2, 3, 1) + b.reshape(8, 28, 28, 64))  # fmt: skip


def _moves_of(n: int) -> Iterator[Row]:
    a, b = _normal(n, n), _normal(n, n)
    c = n // 10
    jobs: list[tuple[str, Make, Make | None]] = [
        ("clone", lambda lib, a, b: a.clone(), lambda a, b: a.copy()),
        ("t().contiguous()", lambda lib, a, b: a.t().contiguous(), lambda a, b: np.ascontiguousarray(a.T)),
        ("permute 3-D", lambda lib, a, b: a.view(c, 10, n).permute(2, 0, 1).contiguous(),
         lambda a, b: np.ascontiguousarray(a.reshape(c, 10, n).transpose(2, 0, 1))),
        ("permute 3-D outer", lambda lib, a, b: a.view(c, 10, n).permute(1, 0, 2).contiguous(),
         lambda a, b: np.ascontiguousarray(a.reshape(c, 10, n).transpose(1, 0, 2))),
        ("cat 0", lambda lib, a, b: lib.cat([a, b], 0), lambda a, b: np.concatenate([a, b], 0)),
        ("cat 1", lambda lib, a, b: lib.cat([a, b], 1), lambda a, b: np.concatenate([a, b], 1)),
        ("cat 10 narrow", lambda lib, a, b: lib.cat([a[:, :7]] * 10, 1), lambda a, b: np.concatenate([a[:, :7]] * 10, 1)),  # noqa: E501
        ("stack 0", lambda lib, a, b: lib.stack([a, b]), lambda a, b: np.stack([a, b])),
        ("stack last", lambda lib, a, b: lib.stack([a, b], -1), lambda a, b: np.stack([a, b], -1)),
        ("flip 1", lambda lib, a, b: a.flip(1), lambda a, b: np.flip(a, 1).copy()),
        ("flip 0", lambda lib, a, b: a.flip(0), lambda a, b: np.flip(a, 0).copy()),
        ("flip 0 1", lambda lib, a, b: a.flip(0, 1), lambda a, b: np.flip(a).copy()),
        ("roll 1", lambda lib, a, b: a.roll(3, 1), lambda a, b: np.roll(a, 3, 1)),
        ("roll 0", lambda lib, a, b: a.roll(3, 0), lambda a, b: np.roll(a, 3, 0)),
        ("roll flat", lambda lib, a, b: a.roll(7), lambda a, b: np.roll(a, 7)),
        ("rot90", lambda lib, a, b: lib.rot90(a).contiguous(), lambda a, b: np.rot90(a).copy()),
        ("tril", lambda lib, a, b: a.tril(), lambda a, b: np.tril(a)),
        ("triu", lambda lib, a, b: a.triu(), lambda a, b: np.triu(a)),
        ("repeat", lambda lib, a, b: a[:c].repeat(4, 2), lambda a, b: np.tile(a[:c], (4, 2))),
        ("tile", lambda lib, a, b: lib.tile(a[:c, :3], (4, 100)), lambda a, b: np.tile(a[:c, :3], (4, 100))),
        ("expand rows", lambda lib, a, b: a[0].expand(n, n).contiguous(),
         lambda a, b: np.ascontiguousarray(np.broadcast_to(a[0], (n, n)))),
        ("expand columns", lambda lib, a, b: a[:, :1].expand(n, n).contiguous(),
         lambda a, b: np.ascontiguousarray(np.broadcast_to(a[:, :1], (n, n)))),
        ("repeat_interleave", lambda lib, a, b: a.repeat_interleave(2, 1), lambda a, b: np.repeat(a, 2, 1)),
        ("as_strided windows", lambda lib, a, b: a.view(-1)[: c * c * 8].unfold(0, 8, 4).contiguous(), None),
        ("split + cat", lambda lib, a, b: lib.cat(a.split(c, 1)[::-1], 1), None),
        ("meshgrid", lambda lib, a, b: lib.meshgrid(a[0], b[0], indexing="ij")[0].contiguous(), None),
        ("outer", lambda lib, a, b: lib.outer(a[0], b[0]), lambda a, b: np.outer(a[0], b[0])),
        ("kron", lambda lib, a, b: lib.kron(a[:10, :10], b[:c, :c]), lambda a, b: np.kron(a[:10, :10], b[:c, :c])),
        ("diff", lambda lib, a, b: lib.diff(a), lambda a, b: np.diff(a)),
        ("cumsum 1", lambda lib, a, b: a.cumsum(1), lambda a, b: a.cumsum(1)),
        ("cumsum 0", lambda lib, a, b: a.cumsum(0), lambda a, b: a.cumsum(0)),
        ("cumprod 1", lambda lib, a, b: a.cumprod(1), lambda a, b: a.cumprod(1)),
        ("diagonal", lambda lib, a, b: a.diagonal().contiguous(), lambda a, b: np.diagonal(a).copy()),
        ("diag", lambda lib, a, b: lib.diag(a[0]), lambda a, b: np.diag(a[0])),
        ("fill_", lambda lib, a, b: a.fill_(1.5), lambda a, b: a.fill(1.5)),
        ("zero_", lambda lib, a, b: a.zero_(), None),
    ]  # fmt: skip
    for title, f, g in jobs:
        yield _row(f"{title} {n}x{n}", f, [a, b], g)


def moves() -> Iterator[Row]:
    """Copies that reorder."""
    for n in (100, 1000):
        yield from _moves_of(n)
    x = _normal(8, 64, 28, 28)
    for dtype in ("float32", "float64", "float16", "uint8"):
        y = np.abs(x * 10).astype(dtype)
        yield _row(f"NCHW to NHWC {dtype}", lambda lib, a: a.permute(0, 2, 3, 1).contiguous(), [y],
                   lambda a: np.ascontiguousarray(a.transpose(0, 2, 3, 1)))  # fmt: skip
        z = y.reshape(8, 28, 28, 64)
        yield _row(f"NHWC to NCHW {dtype}", lambda lib, a: a.permute(0, 3, 1, 2).contiguous(), [z],
                   lambda a: np.ascontiguousarray(a.transpose(0, 3, 1, 2)))  # fmt: skip
    y = RNG.integers(0, 255, (16, 224, 224, 3)).astype("uint8")
    yield _row("images to NCHW uint8", lambda lib, a: a.permute(0, 3, 1, 2).contiguous(), [y],
               lambda a: np.ascontiguousarray(a.transpose(0, 3, 1, 2)))  # fmt: skip
    yield _row("images to NCHW float", lambda lib, a: a.permute(0, 3, 1, 2).float() / 255, [y])
    z = _normal(4, 128, 8, 64)
    yield _row("heads 4x128x8x64", lambda lib, a: a.transpose(1, 2).contiguous(), [z],
               lambda a: np.ascontiguousarray(a.transpose(0, 2, 1, 3)))  # fmt: skip


def indexing() -> Iterator[Row]:
    """Reading and writing by indices and masks."""
    m, idx, i1 = _normal(1000, 1000), RNG.integers(0, 1000, (1000, 1000)), RNG.integers(0, 1000, 1000)
    jobs: list[tuple[str, Make, Make | None]] = [
        ("gather 0", lambda lib, x, i, j: x.gather(0, i), lambda x, i, j: np.take_along_axis(x, i, 0)),
        ("gather 1", lambda lib, x, i, j: x.gather(1, i), lambda x, i, j: np.take_along_axis(x, i, 1)),
        ("scatter 0", lambda lib, x, i, j: x.scatter(0, i, x), None),
        ("scatter 1", lambda lib, x, i, j: x.scatter(1, i, x), None),
        ("scatter_add 0", lambda lib, x, i, j: x.scatter_add(0, i, x), None),
        ("scatter_add 1", lambda lib, x, i, j: x.scatter_add(1, i, x), None),
        ("scatter_reduce prod", lambda lib, x, i, j: x.scatter_reduce(1, i, x, "prod"), None),
        ("scatter_reduce mean", lambda lib, x, i, j: x.scatter_reduce(1, i, x, "mean"), None),
        ("scatter_reduce amax", lambda lib, x, i, j: x.scatter_reduce(1, i, x, "amax"), None),
        ("masked_scatter", lambda lib, x, i, j: x.masked_scatter(x > 0, x), None),
        ("index_add flat", lambda lib, x, i, j: x[0].index_add(0, j, x[1]), None),
        ("unique_consecutive", lambda lib, x, i, j: lib.unique_consecutive(i[0]), None),
        ("sort rows of 100", lambda lib, x, i, j: lib.sort(i[:100, :100]), None),
        ("index_select 0", lambda lib, x, i, j: x.index_select(0, j), lambda x, i, j: x.take(j, 0)),
        ("index_select 1", lambda lib, x, i, j: x.index_select(1, j), lambda x, i, j: x.take(j, 1)),
        ("index_add 0", lambda lib, x, i, j: x.index_add(0, j, x), None),
        ("index_copy 0", lambda lib, x, i, j: x.index_copy(0, j, x), None),
        ("a[i]", lambda lib, x, i, j: x[j], lambda x, i, j: x[j]),
        ("a[:, i]", lambda lib, x, i, j: x[:, j], lambda x, i, j: x[:, j]),
        ("a[i, j]", lambda lib, x, i, j: x[j, j], lambda x, i, j: x[j, j]),
        ("a[I, J]", lambda lib, x, i, j: x[i[:100], i[:100]], lambda x, i, j: x[i[:100], i[:100]]),
        ("take", lambda lib, x, i, j: lib.take(x, i), lambda x, i, j: x.take(i)),
        ("a[i] = 1", lambda lib, x, i, j: x.__setitem__(j, 1.0), lambda x, i, j: x.__setitem__(j, 1.0)),
        ("nonzero", lambda lib, x, i, j: lib.nonzero(i[:100] > 500), lambda x, i, j: np.argwhere(i[:100] > 500)),
        ("a[a > 0]", lambda lib, x, i, j: x[x > 0], lambda x, i, j: x[x > 0]),
        ("masked_select", lambda lib, x, i, j: lib.masked_select(x, x > 0), None),
        ("masked_fill", lambda lib, x, i, j: x.masked_fill(x > 0, 0.0), None),
        ("a[mask] = 0", lambda lib, x, i, j: x.__setitem__(x > 9, 0.0), lambda x, i, j: x.__setitem__(x > 9, 0.0)),
        ("one_hot", lambda lib, x, i, j: lib.nn.functional.one_hot(j, 1000), None),
        ("searchsorted", lambda lib, x, i, j: lib.searchsorted(j.sort()[0], i[:100]), None),
        ("bucketize", lambda lib, x, i, j: lib.bucketize(x, lib.linspace(-1, 1, 20)), None),
        ("bincount", lambda lib, x, i, j: lib.bincount(i.view(-1)), lambda x, i, j: np.bincount(i.reshape(-1))),
        ("bincount 1e4", lambda lib, x, i, j: lib.bincount(i[:10].view(-1)), lambda x, i, j: np.bincount(i[:10].reshape(-1))),  # noqa: E501
        ("histc", lambda lib, x, i, j: lib.histc(x, 100, -3, 3), None),
        ("unique", lambda lib, x, i, j: lib.unique(i[:100]), lambda x, i, j: np.unique(i[:100])),
        ("isin", lambda lib, x, i, j: lib.isin(i[:100], j[:100]), lambda x, i, j: np.isin(i[:100], j[:100])),
    ]  # fmt: skip
    for title, f, g in jobs:
        yield _row(title, f, [m, idx, i1], g)
    w, rows = _normal(10_000, 64), RNG.integers(0, 10_000, (32, 100))
    yield _row("embedding 64", lambda lib, w, i: lib.nn.functional.embedding(i, w), [w, rows], lambda w, i: w[i])
    yield _row(
        "embedding 8", lambda lib, w, i: lib.nn.functional.embedding(i, w), [w[:, :8].copy(), rows], lambda w, i: w[i]
    )
    yield _row(
        "embedding 768",
        lambda lib, w, i: lib.nn.functional.embedding(i, w),
        [_normal(10_000, 768), rows],
        lambda w, i: w[i],
    )


def makers() -> Iterator[Row]:
    """New tensors."""
    for n in (1000, 100_000, 1_000_000):
        jobs: list[tuple[str, Make, Make | None]] = [
            ("zeros", lambda lib, n: lib.zeros(n), lambda n: np.zeros(n, "f4")),
            ("ones", lambda lib, n: lib.ones(n), lambda n: np.ones(n, "f4")),
            ("full", lambda lib, n: lib.full((n,), 2.5), lambda n: np.full(n, 2.5, "f4")),
            ("arange", lambda lib, n: lib.arange(n), lambda n: np.arange(n)),
            ("arange float32", lambda lib, n: lib.arange(n, dtype=lib.float32), lambda n: np.arange(n, dtype="f4")),
            ("arange int32", lambda lib, n: lib.arange(n, dtype=lib.int32), lambda n: np.arange(n, dtype="i4")),
            ("arange 0.5", lambda lib, n: lib.arange(0.0, n / 2, 0.5), None),
            ("linspace", lambda lib, n: lib.linspace(0, 1, n), lambda n: np.linspace(0, 1, n)),
            ("rand", lambda lib, n: lib.rand(n), lambda n: RNG.random(n, dtype="f4")),
            ("randn", lambda lib, n: lib.randn(n), lambda n: RNG.standard_normal(n, dtype="f4")),
            ("randint", lambda lib, n: lib.randint(0, 10, (n,)), lambda n: RNG.integers(0, 10, n)),
            ("randperm", lambda lib, n: lib.randperm(n), lambda n: RNG.permutation(n)),
            ("bernoulli", lambda lib, n: lib.empty(n).bernoulli_(0.3), None),
            ("dropout", lambda lib, n: lib.nn.functional.dropout(lib.ones(n), 0.5), None),
        ]  # fmt: skip
        for title, f, g in jobs:
            yield _row(f"{title} {n:.0e}", f, [n], g)
    yield _row("eye 1000", lambda lib: lib.eye(1000), [], lambda: np.eye(1000, dtype="f4"))
    yield _row("eye 100", lambda lib: lib.eye(100), [], lambda: np.eye(100, dtype="f4"))
    yield _row("tril_indices 500", lambda lib: lib.tril_indices(500, 500), [], lambda: np.tril_indices(500))


def transforms() -> Iterator[Row]:
    """Fourier transforms, sorting of 16-bit numbers, medians."""
    for n in (16, 64, 100, 256, 1000, 1024, 4096, 100_000, 2**20):
        x = _normal(n)
        yield _row(f"fft {n}", lambda lib, a: lib.fft.fft(a), [x.astype("c8")], lambda a: np.fft.fft(a))
        yield _row(f"rfft {n}", lambda lib, a: lib.fft.rfft(a), [x], lambda a: np.fft.rfft(a))
    x = _normal(8, 256, 256)
    yield _row("fft2 8x256x256", lambda lib, a: lib.fft.fft2(a), [x], lambda a: np.fft.fft2(a))
    yield _row("rfft2 8x256x256", lambda lib, a: lib.fft.rfft2(a), [x], lambda a: np.fft.rfft2(a))
    yield _row(
        "fft 1000 rows of 64", lambda lib, a: lib.fft.fft(a), [_normal(1000, 64).astype("c8")], lambda a: np.fft.fft(a)
    )
    for shape in ((100, 500), (512, 512), (64, 1009)):
        x = _normal(*shape)
        title = f"{shape[0]} rows of {shape[1]}"
        yield _row(f"rfft {title}", lambda lib, a: lib.fft.rfft(a), [x], lambda a: np.fft.rfft(a))
        yield _row(f"irfft {title}", lambda lib, a: lib.fft.irfft(a), [x.astype("c8")], lambda a: np.fft.irfft(a))
        yield _row(f"fft {title}", lambda lib, a: lib.fft.fft(a), [x.astype("c8")], lambda a: np.fft.fft(a))
    h = RNG.integers(-30_000, 30_000, 100_000).astype("i2")
    yield _row("sort int16 1e5", lambda lib, a: a.sort()[0], [h], np.sort)
    yield _row("sort float16 1e5", lambda lib, a: a.sort()[0], [_normal(100_000).astype("f2")], np.sort)
    yield _row("median 1000", lambda lib, a: a.median(), [_normal(1000)], np.median)
    yield _row("median 101", lambda lib, a: a.median(), [_normal(101)], np.median)


def large() -> Iterator[Row]:
    """Ten million elements and more: the machine's bandwidth."""
    n = 10_000_000
    a, b, o = _normal(n), _normal(n), np.empty(n, "f4")
    yield _row("add 1e7", lambda lib, a, b, o: lib.add(a, b), [a, b, o], lambda a, b, o: np.add(a, b), 12 * n)
    yield _row(
        "add out= 1e7",
        lambda lib, a, b, o: lib.add(a, b, out=o),
        [a, b, o],
        lambda a, b, o: np.add(a, b, out=o),
        12 * n,
    )
    yield _row("abs 1e7", lambda lib, a, b, o: a.abs(), [a, b, o], lambda a, b, o: np.abs(a), 8 * n)
    yield _row(
        "abs out= 1e7", lambda lib, a, b, o: lib.abs(a, out=o), [a, b, o], lambda a, b, o: np.abs(a, out=o), 8 * n
    )
    yield _row("x * 2 1e7", lambda lib, a, b, o: a * 2, [a, b, o], lambda a, b, o: a * np.float32(2), 8 * n)
    yield _row("add_ 1e7", lambda lib, a, b, o: a.add_(b), [a * 0, b, o], lambda a, b, o: np.add(a, b, out=a), 12 * n)
    yield _row("mul_ 1e7", lambda lib, a, b, o: a.mul_(1.0), [a, b, o], lambda a, b, o: np.multiply(a, 1, out=a), 8 * n)
    yield _row("copy_ 1e7", lambda lib, a, b, o: o.copy_(a), [a, b, o], lambda a, b, o: np.copyto(o, a), 8 * n)
    yield _row("clone 1e7", lambda lib, a, b, o: a.clone(), [a, b, o], lambda a, b, o: a.copy(), 8 * n)
    yield _row("zeros 1e7", lambda lib, a, b, o: lib.zeros(n), [a, b, o], None, 4 * n)
    yield _row("fill_ 1e7", lambda lib, a, b, o: o.fill_(1), [a, b, o], lambda a, b, o: o.fill(1), 4 * n)
    yield _row("a > b 1e7", lambda lib, a, b, o: a > b, [a, b, o], lambda a, b, o: a > b, 9 * n)
    yield _row(
        "to float64 1e7", lambda lib, a, b, o: a.to(lib.float64), [a, b, o], lambda a, b, o: a.astype("f8"), 12 * n
    )
    yield _row("to bfloat16 1e7", lambda lib, a, b, o: a.to(lib.bfloat16), [a, b, o], None, 6 * n)
    yield _row(
        "where 1e7",
        lambda lib, a, b, o: lib.where(a > b, a, b),
        [a, b, o],
        lambda a, b, o: np.where(a > b, a, b),
        22 * n,
    )
    yield _row(
        "cat 1e7", lambda lib, a, b, o: lib.cat([a, b]), [a, b, o], lambda a, b, o: np.concatenate([a, b]), 16 * n
    )
    yield _row("row 1e4 x 1e3", lambda lib, a, b, o: a.reshape(-1, 1000) + b[:1000], [a, b, o],
               lambda a, b, o: a.reshape(-1, 1000) + b[:1000], 8 * n)  # fmt: skip
    yield _row("t().contiguous() 1e7", lambda lib, a, b, o: a.reshape(2500, 4000).t().contiguous(), [a, b, o],
               lambda a, b, o: np.ascontiguousarray(a.reshape(2500, 4000).T), 8 * n)  # fmt: skip
    yield _row("T + 1e7", lambda lib, a, b, o: a.reshape(2500, 4000).t() + b.reshape(4000, 2500), [a, b, o],
               lambda a, b, o: a.reshape(2500, 4000).T + b.reshape(4000, 2500), 12 * n)  # fmt: skip


def main(*options: str) -> bool:
    """Every group with one thread, the large ones with two as well; `--only=PATTERN` shows rows whose titles match."""
    wanted = re.compile(next((o[7:] for o in options if o.startswith("--only=")), ""))
    groups = [g for o in options if o.startswith("--group=") for g in o[8:].split(",")]
    met = True
    for group in (plain, narrow, casts, layouts, moves, indexing, makers, transforms, large):
        if groups and group.__name__ not in groups:
            continue
        for n in (1, 2) if group is large else (1,):
            with threads(n):
                print(f"   {group.__doc__.splitlines()[0]} ({n} thread{'s' * (n > 1)})", flush=True)  # type: ignore[union-attr]
                met &= show_all((r for r in group() if wanted.search(r.title)), torch=1, numpy=1)
    return met
