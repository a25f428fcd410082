"""Reductions and scans depend on the values in logical order alone: every layout, number of
threads and instruction set gives the same bits."""
import os
import subprocess
import sys
import zlib

import numpy as np
import pytest

import rustorch

SHAPES = [(7,), (5000,), (33, 70), (3, 2050), (2050, 3), (20, 41, 42), (5, 6, 7, 8), (1100, 9, 2), (3, 4, 700),
          (70, 33), (9, 2, 100), (130, 16), (10, 67), (24, 37)]
REDUCTIONS = ["sum", "prod", "mean", "var", "std", "amax", "amin", "logsumexp", "norm2", "any", "all", "count_nonzero",
              "nansum"]
ALONG = ["argmax", "argmin", "cumsum", "cumprod", "softmax", "log_softmax", "logcumsumexp"]
DTYPES = ["float16", "float32", "float64", "int16", "int64", "complex64"]
REAL_ONLY = {"nansum", "amax", "amin", "logsumexp", "argmax", "argmin", "softmax", "log_softmax", "logcumsumexp"}
EXPONENTIAL = {"logsumexp", "softmax", "log_softmax", "logcumsumexp"}


def layouts(a):
    """The same values, differently in memory."""
    yield a
    spread = np.zeros([2 * n for n in a.shape], a.dtype)[tuple(slice(None, None, 2) for _ in a.shape)]
    spread[...] = a
    yield spread
    back = tuple(slice(None, None, -1) for _ in a.shape)
    yield a[back].copy()[back]
    yield np.asfortranarray(a)
    yield np.moveaxis(np.ascontiguousarray(np.moveaxis(a, 0, -1)), -1, 0)


def sample(shape, dtype):
    rng = np.random.default_rng(zlib.crc32(repr((shape, dtype)).encode()))
    a = rng.normal(size=shape)
    if dtype == "complex64":
        a = a + 1j * rng.normal(size=shape)
    return (a * 5).astype(dtype) if dtype.startswith("int") else a.astype(dtype)


def calls(shape):
    dims = [None] + list(range(len(shape))) + ([(0, len(shape) - 1)] if len(shape) > 2 else [])
    for name in REDUCTIONS:
        for dim in dims:
            yield name, {} if dim is None and name != "logsumexp" else {
                "dim": tuple(range(len(shape))) if dim is None else dim}
    for name in ALONG:
        for dim in range(len(shape)):
            yield name, {"dim": dim}


def bits(name, a, options):
    with np.errstate(all="ignore"):
        return np.asarray(getattr(rustorch, name)(rustorch.from_numpy(a), **options)).tobytes()


@pytest.fixture
def threads():
    before = rustorch.get_num_threads()
    yield rustorch.set_num_threads
    rustorch.set_num_threads(before)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "bool", "int8", "uint16", "int32", "int64"])
def test_pieces(threads, dtype):
    """Elements that lie in short and long pieces, of many results and of one, are folded as where they lie in one."""
    rng = np.random.default_rng(4)
    names = ["sum", "amax", "amin", "any", "all"] + ["prod", "nansum"] * (dtype in ("float32", "float64"))
    for lines, results, length in ((70, 40, 49), (9, 65, 16), (30, 33, 100), (5, 70, 17), (3, 2, 2500), (40, 1, 90)):
        a = (rng.normal(size=(lines, results, length)) * 9).astype(dtype)
        if dtype.startswith("float"):
            a[1, 0, 3] = np.nan
        in_one = np.ascontiguousarray(np.moveaxis(a, 1, 0)).reshape(results, -1)
        flat = np.ascontiguousarray(a[:, 0])
        for count in (1, 2):
            threads(count)
            for name in names:
                assert bits(name, a, {"dim": (0, 2)}) == bits(name, in_one, {"dim": 1}), (name, a.shape)
                assert bits(name, a[:, 0], {}) == bits(name, flat, {}), (name, a.shape)
    exact = a.astype(np.float64).sum((0, 2))
    np.testing.assert_allclose(np.asarray(rustorch.from_numpy(a).sum((0, 2))).astype(np.float64), exact, rtol=1e-2)


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "int8", "uint16", "int64", "complex128"])
def test_few_rows(dtype):
    """Columns of up to 32 elements are folded in registers; the last vector overlaps or is masked."""
    rng = np.random.default_rng(3)
    for rows in range(1, 35):
        for columns in (1, 3, 4, 7, 8, 9, 15, 17, 33, 65):
            a = (rng.normal(size=(rows, columns)) * 9).astype(dtype)
            x = rustorch.from_numpy(a)
            exact = a.astype(np.complex128 if dtype == "complex128" else np.float64)
            loose = 1e3 if dtype == "float16" else 1
            np.testing.assert_allclose(np.asarray(x.sum(0)), exact.sum(0), rtol=1e-5 * loose, atol=1e-4 * loose)
            if dtype == "complex128":
                continue
            if dtype.startswith("float"):
                spread = x.to("float64").var(0, correction=0)
                np.testing.assert_allclose(np.asarray(spread), exact.var(0), rtol=1e-9, atol=1e-12)
                a[rng.integers(rows), rng.integers(columns)] = np.nan
            np.testing.assert_array_equal(np.asarray(rustorch.from_numpy(a).amax(0)), a.max(0))
            np.testing.assert_array_equal(np.asarray(rustorch.from_numpy(a).argmin(0)), a.argmin(0))


@pytest.mark.parametrize("lines", [1, 2, 3, 4, 7, 8, 9, 12, 20, 300])
def test_scans_of_several_lines(lines):
    rng = np.random.default_rng(lines)
    shapes = ((lines, 50), 1), ((50, lines), 0), ((lines, 1, 50, 1), 2), ((2, 50, lines), 1), ((lines, 1), 1)
    for shape, dim in shapes:
        a = rng.normal(size=shape)
        x = rustorch.from_numpy(a)
        np.testing.assert_array_equal(np.asarray(x.cumsum(dim)), a.cumsum(dim))
        np.testing.assert_array_equal(np.asarray(x.flip(dim).cumprod(dim)), np.flip(a, dim).cumprod(dim))
        np.testing.assert_array_equal(np.asarray(x.to("int64").cumsum(dim)), a.astype(np.int64).cumsum(dim))
        c = a + 1j * rng.normal(size=shape)
        np.testing.assert_array_equal(np.asarray(rustorch.from_numpy(c).cumsum(dim)), c.cumsum(dim))
        a *= 300
        a[rng.uniform(size=shape) < 0.1] = -np.inf
        a[rng.uniform(size=shape) > 0.995] = np.inf
        for few in (a, np.where(rng.uniform(size=shape) < 0.01, np.nan, a)):
            for dtype, rtol in (("float64", 1e-15), ("float32", 1e-6)):
                single = few.astype(dtype)
                with np.errstate(invalid="ignore"):
                    expected = np.logaddexp.accumulate(single.astype(np.float64), dim)
                found = np.asarray(rustorch.from_numpy(single).logcumsumexp(dim))
                np.testing.assert_allclose(found, expected, rtol=rtol, atol=rtol)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_layouts_and_threads(shape, dtype, threads):
    a = sample(shape, dtype)
    for name, options in calls(shape):
        if dtype == "complex64" and name in REAL_ONLY:
            continue
        threads(1)
        expected = bits(name, a, options)
        for count in (1, 2, 4):
            threads(count)
            for number, x in enumerate(layouts(a)):
                assert bits(name, x, options) == expected, (name, options, count, number)


def test_threads_on_large_input(threads):
    a = sample((700, 1500), "float32")
    for name, options in [("sum", {}), ("sum", {"dim": 0}), ("var", {"dim": 1}), ("amax", {}), ("mean", {"dim": 0}),
                          ("argmax", {}), ("argmin", {"dim": 0}), ("softmax", {"dim": 1}), ("cumsum", {"dim": 0})]:
        threads(1)
        expected = bits(name, a, options)
        for count in (2, 3, 4):
            threads(count)
            for x in (a, np.asfortranarray(a)):
                assert bits(name, x, options) == expected, (name, options, count)


def digest():
    """Of everything but the exponentials, whose last bit may depend on the instruction set."""
    total = 0
    for shape in SHAPES:
        for dtype in DTYPES:
            a = sample(shape, dtype)
            for name, options in calls(shape):
                if name not in EXPONENTIAL and (dtype != "complex64" or name not in REAL_ONLY):
                    total = zlib.crc32(bits(name, a, options), total)
    return total


def test_instruction_sets():
    found = {}
    for isa in ("v2", "v3", "v4"):
        env = dict(os.environ, RUSTORCH_ISA=isa, PYTHONPATH=os.path.dirname(os.path.dirname(rustorch.__file__)))
        run = subprocess.run([sys.executable, __file__], env=env, capture_output=True, text=True)
        if "this processor lacks it" not in run.stderr:
            assert run.returncode == 0, run.stderr
            found[isa] = run.stdout
    assert len(set(found.values())) <= 1, found


def test_order_of_summation():
    """The tree that kernels/reduce.h promises, written out."""
    x = sample((5000,), "float32")

    def block(v):
        lanes = [None] * 32
        for i, e in enumerate(v):
            lanes[i % 32] = e if lanes[i % 32] is None else lanes[i % 32] + e
        half = 16
        while half:
            for j in range(half):
                if j + half < len(lanes) and lanes[j + half] is not None:
                    lanes[j] = lanes[j] + lanes[j + half]
            half //= 2
        return lanes[0]

    for n in (1, 5, 31, 32, 33, 1000, 1024, 1025, 5000):
        parts = [block(x[i:i + 1024]) for i in range(0, n, 1024)]
        parts[-1] = block(x[(n - 1) // 1024 * 1024:n])
        gap = 1
        while gap < len(parts):
            for b in range(0, len(parts) - gap, 2 * gap):
                parts[b] = parts[b] + parts[b + gap]
            gap *= 2
        assert np.asarray(rustorch.sum(rustorch.from_numpy(x[:n]))) == parts[0], n


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_sum_without_nan(dtype):
    """NaN counts as 0; infinities that cancel are a NaN all the same."""
    for shape in [(10,), (40,), (5000,), (300, 7), (7, 300), (3, 5, 400)]:
        a = sample(shape, dtype)
        a[sample(shape, "float64") > 1] = np.nan
        zeros = np.where(np.isnan(a), np.array(0, dtype), a)
        for dim in [*range(len(shape)), tuple(range(len(shape))), tuple(range(0, len(shape), 2))]:
            for x, z in zip(layouts(a), layouts(zeros), strict=True):
                assert bits("nansum", x, {"dim": dim}) == bits("sum", z, {"dim": dim}), (shape, dim)
    x = rustorch.from_numpy(np.array([1, np.nan, np.inf], dtype)).requires_grad_()
    x.nansum().backward()
    assert x.nansum().item() == np.inf and x.grad.tolist() == [1, 0, 1]
    assert np.isnan(rustorch.from_numpy(np.array([np.inf, np.nan, -np.inf] * 20, dtype)).nansum().item())
    assert rustorch.nansum(x[:2], dtype=rustorch.int64).item() == 1


def test_nonzero_elements_are_counted():
    for shape in [(1,), (1000,), (3000,), (5000, 3), (3, 5000), (20, 30, 40), (0, 4)]:
        a = (sample(shape, "float64") > 0.5) * sample(shape, "float32")
        for dim in [*range(len(shape)), tuple(range(len(shape)))]:
            for x in layouts(a):
                found = np.asarray(rustorch.count_nonzero(rustorch.from_numpy(x), dim))
                np.testing.assert_array_equal(found, np.count_nonzero(a, axis=dim))
    odd = np.full(300, 3, "uint8").view(bool)                   # true bytes need not be 1
    assert rustorch.count_nonzero(rustorch.from_numpy(odd)).item() == 300


EVERY = ["bool", "uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64", "float16", "float32",
         "float64"]


@pytest.mark.parametrize("dtype", EVERY)
def test_first_extremes_of_many_blocks(dtype, threads):
    """The first of equals, wherever it stands; the first NaN before all."""
    rng = np.random.default_rng(4)
    low, high = (0, 1) if dtype == "bool" else (0 if dtype[0] == "u" else -100, 100)
    for n in (5, 33, 1000, 1025, 2048, 70_001):
        base = rng.integers(low + 1, high, n).astype(dtype) if dtype != "bool" else np.zeros(n, bool)
        for place in (0, n // 3, n // 2, n - 1):
            for value in (low, high, *([np.nan, -0.0] if dtype[0] == "f" else [])):
                a = base.copy()
                a[place] = value
                a[(place + n) // 2] = value
                for count, x in zip((1, 2, 2, 2, 4), layouts(a), strict=True):
                    threads(count)
                    t = rustorch.from_numpy(x)
                    assert (t.argmax().item(), t.argmin().item()) == (x.argmax(), x.argmin()), (n, place, value)
                    np.testing.assert_array_equal(np.asarray(t.amax()), x.max())
                    np.testing.assert_array_equal(np.asarray(t.amin()), x.min())
                    both = rustorch.from_numpy(np.stack([x, x[::-1]]))
                    assert both.argmax(1).tolist() == [x.argmax(), x[::-1].argmax()]
                    assert both.t().argmin(0).tolist() == [x.argmin(), x[::-1].argmin()]


def test_truth_is_settled_by_one_element(threads):
    for dtype in ("bool", "float32", "int64"):
        for n in (1, 40, 1024, 1025, 9000, 70_001, 300_000):
            for usual in (0, 1):
                for place in (None, 0, n // 2, n - 1):
                    a = np.full(n, usual, dtype)
                    if place is not None:
                        a[place] = 1 - usual
                    for count, x in zip((1, 2, 2, 4, 1), layouts(a), strict=True):
                        threads(count)
                        t = rustorch.from_numpy(x)
                        assert (t.any().item(), t.all().item()) == (x.any(), x.all()), (dtype, n, usual, place)


@pytest.mark.parametrize("dtype", EVERY[:9])
def test_sums_of_integers(dtype, threads):
    """Extremes of the dtype, so that a sum too narrow would wrap."""
    info = np.iinfo("uint8" if dtype == "bool" else dtype)
    for shape in [(5,), (33,), (1024,), (70_001,), (300, 7), (7, 300), (1100, 130), (1, 2050), (9, 20, 41), (9, 3, 70)]:
        a = np.random.default_rng(5).choice(np.array([info.min, info.max, 1], info.dtype), shape)
        a = (a == 1) if dtype == "bool" else a.astype(dtype)
        for dim in [*range(len(shape)), tuple(range(len(shape))), tuple(range(0, len(shape), 2))]:
            for count, x in zip((1, 2, 2, 4, 1), layouts(a), strict=True):
                threads(count)
                found = np.asarray(rustorch.sum(rustorch.from_numpy(x), dim))
                wanted = x.sum(dim, dtype="uint64" if dtype == "uint64" else "int64")
                assert found.dtype == wanted.dtype
                np.testing.assert_array_equal(found, wanted)
    odd = np.full(300, 3, "uint8").view(bool)                   # true bytes need not be 1
    assert rustorch.sum(rustorch.from_numpy(odd)).item() == 300


COLUMNS = [(1, 5), (2, 40), (5, 3), (10, 500), (31, 9), (32, 70), (33, 300), (40, 3), (100, 129), (1000, 3), (1500, 17)]


@pytest.mark.parametrize("shape", COLUMNS, ids=str)
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_extremes_keep_nan_and_the_first_zero(shape, dtype):
    a = np.where(np.arange(np.prod(shape)).reshape(shape) % 2, -0.0, 0.0).astype(dtype)
    for value in (0, np.nan, 1, -np.inf):
        x = a.copy()
        x.flat[:: max(7, x.size // 5)] = value
        for dim in (0, 1):
            for name, wanted in (("amax", x.max(dim)), ("amin", x.min(dim))):
                found = np.asarray(getattr(rustorch, name)(rustorch.from_numpy(x), dim))
                np.testing.assert_array_equal(found, wanted)
                turned = np.ascontiguousarray(x.T)
                assert bits(name, turned, {"dim": 1 - dim}) == found.tobytes()


@pytest.mark.parametrize("shape", COLUMNS, ids=str)
@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_narrow_floats_fold_as_float32(shape, dtype):
    t = rustorch.from_numpy(sample(shape, "float32")).to(getattr(rustorch, dtype))
    for name in ("sum", "mean", "std", "var", "nansum", "amax", "amin"):
        for dim in (0, 1, (0, 1)):
            if name in ("std", "var") and shape[0] == 1 and dim == 0:
                continue
            wanted = getattr(rustorch, name)(t.float(), dim).to(t.dtype)
            for x in (t, t.t().contiguous().t(), t.flip(0).flip(0)):
                found = getattr(rustorch, name)(x, dim)
                assert found.dtype == t.dtype and found.tolist() == wanted.tolist(), (name, dim)


def test_negative_zero_and_nan():
    zeros = np.full(40, -0.0, "float32")
    assert np.signbit(np.asarray(rustorch.sum(rustorch.from_numpy(zeros))))
    x = np.arange(3000, dtype="float32")
    x[[1500, 2999]] = np.nan
    t = rustorch.from_numpy(x)
    assert np.isnan(rustorch.amax(t).item()) and np.isnan(rustorch.amin(t).item())
    assert rustorch.argmax(t).item() == rustorch.argmin(t).item() == 1500


if __name__ == "__main__":
    print(digest())
