"""Every way in which the operands of a loop can lie beside each other: NumPy is the judge, bit for bit."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import rustorch

Array = np.ndarray[Any, Any]
DTYPES = ("f4", "f8", "f2", "i1", "u1", "i2", "i4", "i8", "?", "c8", "c16")
# rows below, at and above what is taken at once; rests of vectors; more rows than a block; three dimensions
SHAPES = ((1, 1), (3, 5), (100, 3), (3, 100), (33, 17), (40, 64), (65, 37), (257, 9), (9, 300), (20, 1100),
          (500, 7), (70, 15), (11, 12, 13), (30, 33, 4), (5, 40, 50))  # fmt: skip
RNG = np.random.default_rng(7)


def values(shape: tuple[int, ...], dtype: str) -> Array:
    if dtype == "?":
        return RNG.random(shape) < 0.5
    if dtype[0] in "iu":
        return RNG.integers(0, 50, shape).astype(dtype)
    if dtype[0] == "c":
        return (RNG.standard_normal(shape) + 1j * RNG.standard_normal(shape)).astype(dtype)
    return RNG.standard_normal(shape).astype(dtype)


def layouts(shape: tuple[int, ...], dtype: str) -> Iterator[tuple[str, Array]]:
    n = len(shape)
    yield "packed", values(shape, dtype)
    yield "transposed", values(shape[::-1], dtype).transpose(*range(n - 1, -1, -1))
    yield "[::2]", values((*shape[:-1], 2 * shape[-1]), dtype)[..., ::2]
    yield "[1::3]", values((*shape[:-1], 3 * shape[-1]), dtype)[..., 1::3]
    yield "[::-1]", values(shape, dtype)[..., ::-1]
    yield "every other row", values((2 * shape[0], *shape[1:]), dtype)[::2]
    yield "parts of rows", values((*shape[:-1], shape[-1] + 5), dtype)[..., 3:-2]
    if n == 3:
        yield "rotated", values((shape[2], shape[0], shape[1]), dtype).transpose(1, 2, 0)
        yield "exchanged", values((shape[1], shape[0], shape[2]), dtype).transpose(1, 0, 2)
    yield "row", np.broadcast_to(values(shape[-1:], dtype), shape)
    yield "column", np.broadcast_to(values((*shape[:-1], 1), dtype), shape)
    yield "one", np.broadcast_to(values((1,) * n, dtype), shape)


def tensor(a: Array) -> Any:
    return rustorch.from_numpy(a)


def same(ours: Any, theirs: Array) -> bool:
    a = ours.numpy()
    return a.dtype == theirs.dtype and a.shape == theirs.shape and a.tobytes() == theirs.tobytes()


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("dtype", DTYPES)
def test_two_operands(dtype: str, shape: tuple[int, ...]) -> None:
    op = np.logical_xor if dtype == "?" else np.add
    ours = getattr(rustorch, op.__name__)
    for name, x in layouts(shape, dtype):
        for other, y in layouts(shape, dtype):
            assert same(ours(tensor(x), tensor(y)), op(x, y)), (name, other)
            assert same(tensor(x) == tensor(y), x == y), (name, other)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("dtype", DTYPES)
def test_copies_and_outputs(dtype: str, shape: tuple[int, ...]) -> None:
    mask = np.broadcast_to(RNG.random(shape[-1]) < 0.5, shape)
    for name, x in layouts(shape, dtype):
        assert same(tensor(x).contiguous(), x), name
        assert same(rustorch.where(tensor(mask), tensor(x), tensor(x[::-1])), np.where(mask, x, x[::-1])), name
        for where, y in layouts(shape, dtype):
            if where in ("row", "column", "one"):
                continue
            out = tensor(y)
            out.copy_(tensor(x))
            assert np.array_equal(y, x), (name, where)
            if dtype != "?":
                rustorch.add(tensor(x), tensor(x), out=out)
                assert np.array_equal(y, x + x), (name, where)
                out.add_(out)
                assert np.array_equal(y, x + x + (x + x)), (name, where)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("dtype", ("f4", "f2", "i4", "?"))
def test_conversions(dtype: str, shape: tuple[int, ...]) -> None:
    for name, x in layouts(shape, dtype):
        for to in ("float64", "float16", "int32", "complex64", "bool"):
            assert same(tensor(x).to(getattr(rustorch, to)), x.astype(to)), (name, to)
        for other, y in layouts(shape, "f8"):
            assert same(tensor(x) * tensor(y), x * y), (name, other)


@pytest.mark.parametrize("name", ("add", "mul", "neg", "abs", "relu", "reciprocal", "sqrt", "gt", "clamp_min"))
@pytest.mark.parametrize("dtype", ("float16", "bfloat16"))
def test_narrow_loops_round_once(name: str, dtype: str) -> None:
    """All 65536 numbers: the float32 result, rounded once."""
    own = getattr(rustorch, dtype)
    bits = rustorch.from_numpy(np.arange(65536, dtype="u2")).view(own)
    more = [bits.flip(0)] if name in ("add", "mul", "gt", "clamp_min") else []
    f = getattr(rustorch, name)
    got, wide = f(bits, *more), f(bits.float(), *(y.float() for y in more))
    want = wide if name == "gt" else wide.to(own)
    same_nan = (got != got) & (want != want)
    assert bool(((got == want) | same_nan).all())
    zero = want == 0
    assert bool((rustorch.signbit(got.float())[zero] == rustorch.signbit(want.float())[zero]).all())
    strided = f(bits[::3], *(y[::3] for y in more))
    assert bool(((strided == want[::3]) | same_nan[::3]).all())


def test_large_results_past_the_cache() -> None:
    n = 5_000_001
    x, y = values((n + 1,), "f4"), values((n,), "f4")
    for threads in (1, 2):
        before = rustorch.get_num_threads()
        rustorch.set_num_threads(threads)
        try:
            assert same(tensor(x[1:]) + tensor(y), x[1:] + y)              # no line of the source is aligned
            assert same(tensor(y).double(), y.astype("f8"))
            out = np.zeros(n + 3, "f4")
            rustorch.mul(tensor(y), tensor(x[1:]), out=tensor(out)[1:-2])
            assert out[0] == 0 == out[-1] == out[-2] and np.array_equal(out[1:-2], y * x[1:])
            t = tensor(y.copy())
            t.add_(tensor(y))
            assert np.array_equal(t.numpy(), y + y)
            wide = y[: 1000 * 5000].reshape(1000, 5000)
            assert same(tensor(wide).t() + tensor(wide).reshape(5000, 1000), wide.T + wide.reshape(5000, 1000))
        finally:
            rustorch.set_num_threads(before)


@pytest.mark.parametrize("isa", ("v2", "v3"))
def test_other_instruction_sets(isa: str) -> None:
    if "RUSTORCH_ISA" in os.environ:
        pytest.skip("runs for one instruction set already")
    env = {**os.environ, "RUSTORCH_ISA": isa}
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", __file__]
    chosen = ["-k", "(f4 or f2 or i2 or narrow) and not other"]
    done = subprocess.run([*command, *chosen], env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-2000:]


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize("n", [3, 5000])
def test_numbers_that_16_bits_round_are_used_whole(dtype, n):
    x = rustorch.linspace(1, 2, n).to(dtype)
    wide = x.to("float32")
    assert (x / 300001).tolist() == (wide / 300001).to(dtype).tolist()
    assert (x * 2.0315).tolist() == (wide * 2.0315).to(dtype).tolist()
    assert (1.0001 - x).tolist() == (1.0001 - wide).to(dtype).tolist()
    assert (x * 1e-5 > 0).all()
