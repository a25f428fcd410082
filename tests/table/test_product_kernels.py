"""The product kernels of every instruction set: lengths around each unit they work in, the same bits for every layout,
number of threads and, where there is fused multiply-add, instruction set; double precision is the judge."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import rustorch as rt

ISAS = ["v2", "v3", "v4"]
EPSILON = {"float32": 2**-24, "float64": 2**-53, "complex64": 2**-24, "complex128": 2**-53}
SHAPES = [
    (3, 5, 1), (4, 24, 7), (5, 25, 8), (8, 48, 31), (9, 49, 33), (17, 97, 255), (16, 40, 257), (33, 20, 513),
    (7, 3, 40), (600, 4, 9), (481, 50, 20), (2, 1100, 3), (10, 10, 1030),
]  # fmt: skip
VECTORS = [
    (1, 1), (5, 31), (16, 32), (17, 33), (3, 64), (100, 95), (129, 255), (40, 8), (65, 70), (300, 63), (1030, 257),
    (4, 2047), (33, 2049),
]  # fmt: skip


@pytest.fixture(params=ISAS)
def isa(request):
    rt._C._set_isa(request.param)
    yield request.param
    rt._C._set_isa(None)


def numbers(shape, dtype, seed):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal(shape)
    return np.asarray(x + 1j * rng.standard_normal(shape) if dtype.startswith("complex") else x).astype(dtype)


def orders(a):
    """The matrix with unit stride along its rows, and along its columns; then with a gap behind each row."""
    yield rt.from_numpy(a)
    yield rt.from_numpy(np.ascontiguousarray(a.T)).mT
    wide = np.full((a.shape[0], a.shape[1] + 3), np.nan, a.dtype)
    wide[:, :-3] = a
    yield rt.from_numpy(wide)[:, :-3]


def close(got, x, y, dtype, start=0.0):
    """Within a bound on the error of any order of summing: k units of the sum of the terms' sizes."""
    wide = "complex128" if dtype.startswith("complex") else "float64"
    exact = x.astype(wide) @ y.astype(wide) + start
    bound = (2 * x.shape[-1] + 4) * EPSILON[dtype] * (abs(x) @ abs(y) + abs(start)) + 1e-300
    assert got.dtype == dtype and (abs(np.asarray(got) - exact) <= bound).all()


@pytest.mark.parametrize("dtype", list(EPSILON))
@pytest.mark.parametrize(("m", "n", "k"), SHAPES)
def test_matrices(isa, m, n, k, dtype):
    x, y = numbers((m, k), dtype, 1), numbers((k, n), dtype, 2)
    bits = {np.asarray(a @ b).tobytes() for a, b in itertools.product(orders(x), orders(y))}
    close(rt.from_numpy(x) @ rt.from_numpy(y), x, y, dtype)
    assert len(bits) == 1


@pytest.mark.parametrize("dtype", list(EPSILON))
@pytest.mark.parametrize(("n", "k"), VECTORS)
def test_vectors(isa, n, k, dtype):
    v, m = numbers((k,), dtype, 1), numbers((k, n), dtype, 2)
    close(rt.from_numpy(v) @ rt.from_numpy(m), v, m, dtype)
    across = {np.asarray(rt.from_numpy(v) @ b).tobytes() for b in orders(m)}
    along = {np.asarray(b.mT @ rt.from_numpy(v)).tobytes() for b in orders(m)}
    assert len(across) == len(along) == 1
    assert dtype.startswith("complex") or isa == "v2" or across == along


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("k", [8191, 8192, 8193, 10240, 16385, 50000, 200001])
def test_long_vectors(isa, k, dtype):
    x, y = numbers((k,), dtype, 1), numbers((k,), dtype, 2)
    close(rt.dot(rt.from_numpy(x), rt.from_numpy(y)), x, y, dtype)
    assert rt.dot(rt.from_numpy(x), rt.from_numpy(y)) == (rt.from_numpy(np.stack([x] * 5)) @ rt.from_numpy(y))[4]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("k", [2**19 + 1])
def test_threads_leave_no_trace_in_long_dot_products(k, dtype):
    x, y, start = (rt.from_numpy(numbers(shape, dtype, 3)) for shape in ((1, 2 * k), (k, 1), (1, 1)))
    jobs = (lambda: x[:, ::2] @ y, lambda: rt.addmm(start, x[:, k:], y), lambda: start.clone().addmm_(x[:, :k], y))
    before, bits = rt.get_num_threads(), []
    try:
        for threads in (1, 2, 5):
            rt.set_num_threads(threads)
            bits.append([np.asarray(job()).tobytes() for job in jobs])
    finally:
        rt.set_num_threads(before)
    close(rt.addmm(start, x[:, k:], y), np.asarray(x)[:, k:], np.asarray(y), dtype, np.asarray(start))
    assert bits[0] == bits[1] == bits[2]


@pytest.mark.parametrize("dtype", list(EPSILON))
@pytest.mark.parametrize("shape", [(65, 50), (1, 50), (65, 1), (50,), (1,), ()])
@pytest.mark.parametrize(("m", "n", "k"), [(65, 50, 300), (65, 50, 3)])
def test_a_summand_is_read_as_it_lies(isa, m, n, k, shape, dtype):
    x, y, start = numbers((m, k), dtype, 1), numbers((k, n), dtype, 2), numbers(shape, dtype, 3)
    want = rt.addmm(*map(rt.from_numpy, (start, x, y)))
    close(want, x, y, dtype, start)
    if start.ndim == 2:
        for s in orders(start):
            assert np.asarray(rt.addmm(s, rt.from_numpy(x), rt.from_numpy(y))).tobytes() == np.asarray(want).tobytes()
    if start.shape == (m, n):
        over = rt.from_numpy(start.copy())
        rt.addmm(over, rt.from_numpy(x), rt.from_numpy(y), out=over)
        assert np.asarray(over).tobytes() == np.asarray(want).tobytes()
    if start.shape == (n,) and not dtype.startswith("complex"):  # there addmm adds afterwards
        layer = rt.nn.functional.linear(rt.from_numpy(x), rt.from_numpy(y).mT, rt.from_numpy(start))
        assert np.asarray(layer).tobytes() == np.asarray(want).tobytes()


@pytest.mark.parametrize("dtype", list(EPSILON))
@pytest.mark.parametrize(("m", "n", "k"), [(1, 700, 900), (700, 1, 900), (90, 700, 300), (700, 3, 200), (1, 1, 600001)])
def test_instruction_sets_and_threads_leave_no_trace(m, n, k, dtype):
    x, y, before = (
        rt.from_numpy(numbers((m, k), dtype, 1)),
        rt.from_numpy(numbers((k, n), dtype, 2)),
        rt.get_num_threads(),
    )
    bits = set()
    try:
        for isa, threads in itertools.product(["v3", "v4"], [1, 2, 5]):
            rt._C._set_isa(isa)
            rt.set_num_threads(threads)
            bits.add(np.asarray(x @ y).tobytes())
    finally:
        rt._C._set_isa(None)
        rt.set_num_threads(before)
    assert len(bits) == 1


@pytest.mark.parametrize("half", ["bfloat16", "float16"])
@pytest.mark.parametrize(("m", "n", "k"), [*SHAPES, (1, 100, 65), (100, 1, 64), (1, 1, 2), (20, 60, 1025)])
def test_halves_are_computed_in_single_precision(isa, m, n, k, half):
    x, y, bias = (rt.from_numpy(numbers(s, "float32", i)).to(half) for i, s in enumerate([(m, k), (k, n), (n,)]))
    wide = [np.asarray(t.to("float64")) for t in (x, y, bias)]
    unit = 2.0**-8 if half == "bfloat16" else 2.0**-11
    sizes = abs(wide[0]) @ abs(wide[1]) + abs(wide[2])
    bits = set()
    for a, b in itertools.product(*([t, t.mT.contiguous().mT] for t in (x, y))):
        got = a @ b
        exact = wide[0] @ wide[1]
        assert got.dtype == x.dtype
        assert (
            abs(np.asarray(got.to("float64")) - exact) <= unit * abs(exact) + 4 * k * 2.0**-24 * sizes + 2.0**-24
        ).all()
        bits.add(np.asarray(got.to("float32")).tobytes())
    assert len(bits) == 1
    exact = wide[0] @ wide[1] + wide[2]
    got = np.asarray(rt.nn.functional.linear(x, y.mT, bias).to("float64"))
    assert (abs(got - exact) <= unit * abs(exact) + 4 * k * 2.0**-24 * sizes + 2.0**-24).all()


def test_what_lies_beyond_an_operand_is_not_looked_at(isa):
    """Odd lengths of bfloat16 pairs, and lanes beyond a row's end, with NaN next to them."""
    for dtype, k, n in itertools.product(["bfloat16", "float32", "float64"], [1, 3, 17, 257], [1, 5, 23, 50]):
        wide = rt.full((9, k + 4), float("nan")).to(dtype)
        wide[:, :k] = 1
        other = rt.full((n, k + 3), float("nan")).to(dtype)
        other[:, :k] = 2
        for product in (wide[:, :k] @ other[:, :k].mT, other[:, :k] @ wide[:, :k].mT):
            assert (np.asarray(product.to("float64")) == float(rt.tensor(2.0 * k).to(dtype))).all()


def test_an_outer_product_keeps_the_sign_of_zero():
    x, y = np.array([-1.0, 0.0, 2.0]), np.array([0.0, -0.0, 3.0])
    np.testing.assert_array_equal(
        np.signbit(np.asarray(rt.outer(rt.from_numpy(x), rt.from_numpy(y)))), np.signbit(np.outer(x, y))
    )


@pytest.mark.parametrize("dtype", ["float64", "complex128"])
@pytest.mark.parametrize(("left", "right"), [((3,), (3,)), ((2, 4, 3), (3,)), ((3,), (2, 3, 5)), ((1,), (1, 6))])
def test_gradients_where_a_side_is_a_vector(left, right, dtype):
    torch = pytest.importorskip("torch")
    arrays = [numbers(left, dtype, 1), numbers(right, dtype, 2)]
    mine, other = (
        [rt.from_numpy(a).requires_grad_() for a in arrays],
        [torch.tensor(a, requires_grad=True) for a in arrays],
    )
    for lib, leaves in ((rt, mine), (torch, other)):
        out = lib.matmul(*leaves)
        (out * out.conj()).real.sum().backward()
    for a, b in zip(mine, other, strict=True):
        np.testing.assert_allclose(np.asarray(a.grad), b.grad.numpy(), rtol=1e-12)
