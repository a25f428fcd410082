"""Matrix products: every shape rule, dtype and layout against NumPy, the same bits whatever the layout and the
number of threads, gradients to second order against PyTorch, and errors that say what disagrees."""

from __future__ import annotations

import numpy as np
import pytest

import rustorch as rt

SHAPES = [
    ((3,), (3,)),
    ((2, 3), (3,)),
    ((3,), (3, 4)),
    ((2, 3), (3, 4)),
    ((5, 2, 3), (3, 4)),
    ((5, 2, 3), (5, 3, 4)),
    ((1, 2, 3), (5, 3, 4)),
    ((2, 3), (5, 3, 4)),
    ((7, 1, 2, 3), (5, 3, 4)),
    ((5, 2, 3), (3,)),
    ((3,), (5, 3, 4)),
    ((0, 3), (3, 2)),
    ((2, 0), (0, 3)),
    ((4, 1), (1, 5)),
    ((1, 4), (4, 1)),
    ((6, 5, 4, 3), (3, 2)),
    ((3, 0, 2), (3, 2, 4)),
    ((65, 33), (33, 70)),
    ((1, 300), (300, 50)),
    ((50, 300), (300, 1)),
    ((40, 2500), (2500, 3)),
    ((9, 700), (700, 17)),
]
DTYPES = ["bool", "uint8", "int16", "int32", "int64", "float16", "float32", "float64", "complex64", "complex128"]
TOLERANCE = {"float16": 2e-2, "float32": 1e-5, "complex64": 1e-5, "float64": 1e-12, "complex128": 1e-12}


def numbers(shape, dtype, seed=0):
    rng = np.random.default_rng(seed)
    values = 3 * rng.standard_normal(shape)
    if dtype.startswith("complex"):
        values = values + 1j * rng.standard_normal(shape)
    return np.asarray(abs(values) if dtype.startswith("u") else values).astype(dtype)


def layouts(a):
    """The same values, lying in memory in several ways."""
    yield rt.from_numpy(a.copy())
    if a.ndim > 1:
        yield rt.from_numpy(np.ascontiguousarray(a.swapaxes(-1, -2)).swapaxes(-1, -2))
    yield rt.from_numpy(np.ascontiguousarray(a[..., ::-1])[..., ::-1])
    wide = np.zeros(a.shape[:-1] + (2 * a.shape[-1] + 1,), a.dtype)
    wide[..., 1::2] = a
    yield rt.from_numpy(wide)[..., 1::2]
    if a.ndim > 2:
        yield rt.from_numpy(np.ascontiguousarray(np.moveaxis(a, 0, -1))).movedim(-1, 0)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("left", "right"), SHAPES)
def test_matmul_is_numpys_and_layout_leaves_no_trace(left, right, dtype):
    x, y = numbers(left, dtype, 1), numbers(right, dtype, 2)
    expected = np.matmul(x, y)
    first = None
    for a in layouts(x):
        for b in layouts(y):
            got = np.asarray(a @ b)
            if first is None:
                first = got
                assert got.dtype == expected.dtype and got.shape == expected.shape
                scale = np.sqrt(max(1, left[-1])) * 9
                np.testing.assert_allclose(got, expected, rtol=0, atol=TOLERANCE.get(dtype, 0) * scale)
            assert got.tobytes() == first.tobytes()


@pytest.mark.parametrize("dtype", ["int32", "float32", "float64", "complex64"])
@pytest.mark.parametrize("shape", [(300, 200, 260), (1, 900, 1200), (900, 1, 1200), (700, 3, 900), (1030, 520, 70)])
def test_same_bits_for_any_number_of_threads(shape, dtype):
    m, n, k = shape
    x, y = rt.from_numpy(numbers((m, k), dtype, 1)), rt.from_numpy(numbers((k, n), dtype, 2))
    before, results = rt.get_num_threads(), set()
    try:
        for threads in (1, 2, 3, 7):
            rt.set_num_threads(threads)
            results.add(np.asarray(x @ y).tobytes())
    finally:
        rt.set_num_threads(before)
    assert len(results) == 1


def test_dtypes_are_promoted():
    x, y = rt.ones(2, 3, dtype="int32"), rt.ones(3, 2, dtype="float32")
    assert (x @ y).dtype == rt.float32 and (x @ y).tolist() == [[3.0, 3.0], [3.0, 3.0]]


def test_out_is_written_also_when_it_is_an_input():
    x = rt.from_numpy(numbers((4, 4), "float64"))
    expected = np.asarray(x) @ np.asarray(x)
    out = rt.zeros(4, 4, dtype="float64")
    assert rt.matmul(x, x, out=out) is out
    rt.matmul(x, x, out=x)
    np.testing.assert_allclose(np.asarray(out), expected)
    np.testing.assert_allclose(np.asarray(x), expected)


def second_order(ours, theirs, arrays):
    """Values, gradients and gradients of a function of the gradients, ours and PyTorch's."""
    import torch
    x = [rt.from_numpy(a.copy()).requires_grad_() for a in arrays]
    t = [torch.tensor(a, requires_grad=True) for a in arrays]
    out, expected = ours(*x), theirs(*t)
    weights = numbers(expected.shape, "float64", 9)
    np.testing.assert_allclose(np.asarray(out.detach()), expected.detach().numpy(), rtol=1e-10, atol=1e-10)
    g = rt.autograd.grad((out * rt.from_numpy(weights)).sum(), x, create_graph=True)
    tg = torch.autograd.grad((expected * torch.tensor(weights)).sum(), t, create_graph=True)
    h = rt.autograd.grad(sum((v * v * v).sum() for v in g), x, allow_unused=True)
    th = torch.autograd.grad(sum((v * v * v).sum() for v in tg), t, allow_unused=True)
    for a, b in zip([*g, *h], [*tg, *th], strict=True):
        assert (a is None) == (b is None)
        if a is None:
            continue
        np.testing.assert_allclose(np.asarray(a.detach()), b.detach().numpy(), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(("left", "right"), [s for s in SHAPES if max(s[0] + s[1]) < 80])
def test_gradients_of_matmul(left, right):
    import torch
    second_order(rt.matmul, torch.matmul, [numbers(left, "float64", 1), numbers(right, "float64", 2)])


@pytest.mark.parametrize("shape", [(4,), (3, 4), (2, 3, 4), (0, 4)])
def test_linear(shape):
    import torch
    arrays = [numbers(shape, "float64", 1), numbers((5, 4), "float64", 2), numbers((5,), "float64", 3)]
    second_order(rt.linear, torch.nn.functional.linear, arrays)
    second_order(rt.linear, torch.nn.functional.linear, arrays[:2])


@pytest.mark.parametrize("shape", [(3, 5), (5,), (3, 1), ()])
@pytest.mark.parametrize(("beta", "alpha"), [(1, 1), (0, 1), (2, 0.5), (1, 3), (0.5, 1)])
def test_addmm(shape, beta, alpha):
    import torch
    arrays = [numbers(shape, "float64", 1), numbers((3, 4), "float64", 2), numbers((4, 5), "float64", 3)]
    second_order(
        lambda *a: rt.addmm(*a, beta=beta, alpha=alpha), lambda *a: torch.addmm(*a, beta=beta, alpha=alpha), arrays
    )


def test_addmm_with_beta_0_does_not_look_at_the_input():
    out = rt.addmm(rt.full((2, 2), float("nan")), rt.ones(2, 3), rt.ones(3, 2), beta=0)
    assert out.tolist() == [[3.0, 3.0], [3.0, 3.0]]


@pytest.mark.parametrize(("name", "shapes"), [
    ("mm", [(4, 3), (3, 2)]), ("mv", [(4, 3), (3,)]), ("dot", [(3,), (3,)]), ("outer", [(3,), (4,)]),
    ("bmm", [(5, 4, 3), (5, 3, 2)]),
])
def test_named_products(name, shapes):
    import torch
    second_order(getattr(rt, name), getattr(torch, name), [numbers(s, "float64", i) for i, s in enumerate(shapes)])


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (
            lambda: rt.ones(2, 3) @ rt.ones(4, 5),
            "matmul: dimension 1 of the first has length 3, dimension 0 of the second 4",
        ),
        (lambda: rt.ones(5, 2, 3) @ rt.ones(4, 3, 2), "batches do not broadcast"),
        (lambda: rt.ones(()) @ rt.ones(3), "at least one dimension"),
        (lambda: rt.mm(rt.ones(3), rt.ones(3, 2)), "2-d and 2-d"),
        (lambda: rt.bmm(rt.ones(2, 3, 4), rt.ones(3, 4, 2)), "dimension 0"),
        (lambda: rt.linear(rt.ones(2, 3), rt.ones(4, 5)), "in_features = 5"),
        (lambda: rt.linear(rt.ones(2, 3), rt.ones(4, 3), rt.ones(3)), "out_features"),
        (lambda: rt.addmm(rt.ones(7), rt.ones(2, 3), rt.ones(3, 4)), "7"),
    ],
)
def test_errors_name_the_shapes(call, words):
    with pytest.raises(rt.errors.ShapeMismatchError, match=words) as caught:
        call()
    assert caught.value.shape1 is not None and caught.value.shape2 is not None


def laid_out(a):
    """The matrix in other orders and steps, with NaN between its elements."""
    m, n = a.shape
    for shape, cut in (((2 * m, 2 * n), np.s_[::2, ::2]), ((m, 3 * n), np.s_[:, ::3]), ((3 * m, n), np.s_[::3])):
        wide = np.full(shape, np.nan, a.dtype)
        wide[cut] = a
        yield wide[cut]
    wide = np.full((n, 2 * m), np.nan, a.dtype)
    wide[:, ::2] = a.T
    yield wide[:, ::2].T
    yield np.asfortranarray(a)
    yield a[::-1].copy()[::-1]


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64"])
@pytest.mark.parametrize("m", [1, 2, 5])
@pytest.mark.parametrize("k", [1, 2, 5])
@pytest.mark.parametrize("n", [1, 5])
def test_products_of_any_layout(m, k, n, dtype):
    rng = np.random.default_rng(0)
    a, b = (rng.standard_normal(s).astype(dtype) for s in ((m, k), (k, n)))
    for x in laid_out(a):
        for y in laid_out(b):
            np.testing.assert_allclose(rt.from_numpy(x) @ rt.from_numpy(y), a @ b, atol=1e-5)
            np.testing.assert_allclose(rt.from_numpy(x)[0] @ rt.from_numpy(y)[:, 0], a[0] @ b[:, 0], atol=1e-5)
            np.testing.assert_allclose(rt.nn.functional.linear(rt.from_numpy(x), rt.from_numpy(y).mT), a @ b, atol=1e-5)


def test_gradient_of_a_product_with_steps():
    x, y = rt.arange(1.0, 11.0)[::2].requires_grad_(), rt.arange(11.0, 21.0)[::2]
    rt.dot(x, y).backward()
    np.testing.assert_array_equal(x.grad, y)
