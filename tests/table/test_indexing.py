"""Subscripts against NumPy: reading, writing and gradients, over random shapes and keys."""

import hypothesis.extra.numpy as hnp
import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hypothesis import example, given

import rustorch as rt

SHAPES = hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4)


def numbers(shape, dtype=np.float64):
    return np.arange(1, np.prod(shape, dtype=int) + 1, dtype=dtype).reshape(shape)


@st.composite
def basic_keys(draw):
    shape = draw(SHAPES)
    return shape, draw(hnp.basic_indices(shape, allow_newaxis=True, allow_ellipsis=True))


@st.composite
def advanced_keys(draw):
    """Integers, slices, new axes, integer arrays of broadcasting shapes and masks, in any order."""
    shape = draw(hnp.array_shapes(min_dims=1, max_dims=4, min_side=1, max_side=4))
    common = draw(st.lists(st.integers(1, 3), max_size=2))
    key, d, ellipsis = [], 0, False
    while d < len(shape):
        kind = draw(
            st.sampled_from(
                ["array", "array", "int", "slice", "none", "mask", "list", "ellipsis", "stop", "truth"]
            )
        )
        n = shape[d]
        if kind == "array":
            dims = [draw(st.sampled_from([1, k])) for k in common]
            key.append(
                draw(
                    hnp.arrays(
                        np.int64,
                        tuple(dims[draw(st.integers(0, len(dims))) :]),
                        elements=st.integers(-n, n - 1),
                    )
                )
            )
            d += 1
        elif kind == "list":
            length = common[-1] if common else 1
            key.append(draw(st.lists(st.integers(-n, n - 1), min_size=length, max_size=length)))
            d += 1
        elif kind == "int":
            key.append(draw(st.integers(-n, n - 1)))
            d += 1
        elif kind == "slice":
            key.append(draw(st.slices(n)))
            d += 1
        elif kind == "none" and len(key) < 6:
            key.append(None)
        elif kind == "truth" and len(key) < 6 and draw(st.booleans()):
            key.append(draw(st.booleans()))
        elif kind == "mask":
            k = draw(st.integers(1, len(shape) - d))
            key.append(draw(hnp.arrays(bool, shape[d : d + k])))
            d += k
        elif kind == "ellipsis" and not ellipsis:
            ellipsis = True
            key.append(Ellipsis)
            d += draw(st.integers(0, len(shape) - d))
            if d == len(shape):
                break
            # what follows counts from the end
            return shape, tuple(key) + tuple(draw(st.integers(0, m - 1)) for m in shape[d:])
        elif kind == "stop":
            break
    return shape, tuple(key)


def converted(key):
    """The key with ndarrays as Tensors."""
    if isinstance(key, tuple):
        return tuple(rt.tensor(k) if isinstance(k, np.ndarray) else k for k in key)
    return rt.tensor(key) if isinstance(key, np.ndarray) else key


def check_get(x, key):
    try:
        expected = x[key]
    except (IndexError, ValueError):
        with pytest.raises((IndexError, ValueError)):
            rt.from_numpy(x)[key]
        return
    for k in (key, converted(key)):
        got = rt.from_numpy(x)[k]
        assert got.shape == expected.shape, (got.shape, expected.shape)
        np.testing.assert_array_equal(got.numpy(), expected)


def check_set(x, key, value):
    ours, theirs = x.copy(), x.copy()
    try:
        theirs[key] = value
    except (IndexError, ValueError, TypeError) as error:
        if "element with a sequence" in str(error) or "only 0-dimensional" in str(error):
            return  # NumPy 2 refuses arrays of one element for one element; PyTorch and we do not
        with pytest.raises((IndexError, ValueError)):
            rt.from_numpy(ours)[key] = value
        np.testing.assert_array_equal(ours, x)
        return
    rt.from_numpy(ours)[key] = value
    np.testing.assert_array_equal(ours, theirs)
    ours = x.copy()
    rt.from_numpy(ours)[converted(key)] = rt.tensor(value) if isinstance(value, np.ndarray) else value
    np.testing.assert_array_equal(ours, theirs)


@given(basic_keys())
@example(((), ()))
@example(((3,), (None, Ellipsis, None)))
def test_basic_get(case):
    shape, key = case
    x = numbers(shape)
    check_get(x, key)
    if x.size:
        y = rt.from_numpy(x)[key].numpy()
        assert y.size == 0 or np.shares_memory(x, y)


@given(basic_keys())
def test_basic_set(case):
    shape, key = case
    x = numbers(shape)
    check_set(x, key, 7.0)
    check_set(x, key, -np.asarray(x[key]))
    check_set(x, key, np.array([3.0]))


@given(advanced_keys())
@example(((2, 3, 4), (0, slice(None), np.array([1, 2]))))
@example(((2, 3, 4), (np.array([0, 1]), Ellipsis, np.array([1, 2]))))
@example(((2, 3), (np.array([0, 1]), Ellipsis, np.array([1, 2]))))
@example(((2, 3), (np.array([0, 1]), None, np.array([1, 2]))))
@example(((3, 2, 2), (slice(None), np.array([True, False]), np.array([[0, 0]]), Ellipsis)))
@example(((3, 2, 2), (slice(None), np.array([True, False]), Ellipsis, np.array([[0, 0]]))))
@example(((2, 3), (True,)))
@example(((2, 3), (False, 1)))
@example(((2, 3), ([],)))
@example(((4,), (np.array([], dtype=np.int64),)))
@example(((2, 3), (np.zeros((2, 3), bool),)))
def test_advanced_get(case):
    check_get(numbers(case[0]), case[1])


@given(advanced_keys(), st.sampled_from([np.float64, np.int32, np.complex128, np.bool_]))
def test_advanced_set(case, dtype):
    shape, key = case
    x = numbers(shape, np.int64).astype(dtype)
    check_set(x, key, 0)
    try:
        part = x[key]
    except (IndexError, ValueError):
        return
    # Where a position is named twice, the last value wins, as in NumPy.
    check_set(x, key, np.asarray(part)[::-1].copy() if np.ndim(part) else part)
    check_set(x, key, np.ones((1,), dtype))


@given(st.one_of(basic_keys(), advanced_keys()))
def test_layouts(case):
    """Keys read and write through any steps."""
    shape, key = case
    x = numbers(shape)
    y = np.zeros([2 * n for n in shape])[(..., *(slice(None, None, -2),) * len(shape))].transpose()
    y[...] = x.T
    check_get(y.T, key)
    check_set(y.T, key, 3.0)


def gradients(m, x, f):
    t = m.tensor(x, requires_grad=True)
    out = f(m, t)
    w = m.tensor(np.random.default_rng(3).standard_normal(tuple(out.shape)))
    (first,) = m.autograd.grad((out * out * w).sum(), [t], create_graph=True)
    (second,) = m.autograd.grad((first**3).sum(), [t])
    return first.detach().numpy(), second.numpy()


def as_torch(key):
    return tuple(torch.tensor(k) if isinstance(k, np.ndarray) else k for k in key)


GET_KEYS = [
    (0,), (-1, 2), (slice(1, None),), (Ellipsis, None, 1), (slice(None), slice(0, 2), 1), (None, 0, None),
    (np.array([0, 1, 0]),), (slice(None), np.array([[2, 0], [2, 2]])),
    (np.array([0, 1]), slice(None), np.array([3, 3])),
    (np.array([[True, False, True], [False, True, True]]),),
    (slice(None), np.array([True, False, True]), np.array([0, 3])),
    (np.array([1]), Ellipsis, np.array([1, 1])),
]  # fmt: skip


@pytest.mark.parametrize("key", GET_KEYS)
def test_gradients_of_get(key):
    x = np.random.default_rng(0).standard_normal((2, 3, 4))
    ours = gradients(rt, x, lambda m, t: t[converted(key)])
    theirs = gradients(torch, x, lambda m, t: t[as_torch(key)])
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12)


@given(advanced_keys())
def test_gradient_of_any_key(case):
    """The gradient of a sum of what was read counts how often each element was."""
    shape, key = case
    x = numbers(shape)
    try:
        part = x[key]
    except (IndexError, ValueError):
        return
    expected = np.zeros(shape)
    np.add.at(expected, key, numbers(np.shape(part)))
    t = rt.tensor(x, requires_grad=True)
    (t[key] * rt.tensor(numbers(np.shape(part)))).sum().backward()
    np.testing.assert_array_equal(t.grad.numpy(), expected)


def test_gradient_of_negative_steps():
    x = np.random.default_rng(0).standard_normal((3, 4))
    ours = gradients(rt, x, lambda m, t: t[::-1, ::-2])
    theirs = gradients(torch, x, lambda m, t: t.flip(0, 1)[:, ::2])
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12)


def set_gradients(m, key, x, v):
    t, value = m.tensor(x, requires_grad=True), m.tensor(v, requires_grad=True)
    y = t * 2
    y[key] = value * 3
    (y * y).sum().backward()
    return t.grad.numpy(), value.grad.numpy()


@pytest.mark.parametrize(
    "key", [k for k in GET_KEYS if None not in [e for e in k if not isinstance(e, np.ndarray)]]
)
@pytest.mark.parametrize("scalar", [False, True])
def test_gradients_of_set(key, scalar):
    x = np.random.default_rng(0).standard_normal((2, 3, 4))
    # No position may be written twice with different values: PyTorch does not say which one wins.
    v = np.array(1.5) if scalar else np.full(x[key].shape[-1:], 1.5)
    ours = set_gradients(rt, converted(key), x, v)
    theirs = set_gradients(torch, as_torch(key), x, v)
    np.testing.assert_allclose(ours[0], theirs[0], rtol=1e-12)
    if scalar or not any(isinstance(k, np.ndarray) for k in key):
        np.testing.assert_allclose(ours[1], theirs[1], rtol=1e-12)


def test_sets_in_a_graph_reach_earlier_views():
    x = rt.tensor([1.0, 2.0, 3.0], requires_grad=True)
    y = x * 1
    first = y[0]
    y[0] = x[2] * 5
    (first * 2 + y.sum()).backward()
    assert x.grad.tolist() == [0.0, 1.0, 16.0]


def test_a_leaf_cannot_be_written():
    x = rt.ones(3, requires_grad=True)
    for key in (0, slice(1), rt.tensor([0]), rt.tensor([True, False, True])):
        with pytest.raises(RuntimeError, match="leaf"):
            x[key] = 1.0
    with rt.no_grad():
        x[0] = 5.0
    assert x.tolist() == [5.0, 1.0, 1.0]


def test_reading_and_writing_the_same_memory():
    x = numbers((6,))
    t, e = rt.tensor(x), x.copy()
    t[1:] = t[:-1]
    e[1:] = e[:-1].copy()
    assert t.tolist() == e.tolist()
    t[rt.tensor([0, 1, 2])] = t[3:]
    e[[0, 1, 2]] = e[3:]
    assert t.tolist() == e.tolist()
    i = rt.tensor([2, 0, 1])
    i[i] = i
    assert i.tolist() == [0, 1, 2]


def test_values_of_other_kinds():
    t = rt.zeros(2, 2)
    t[0] = [1, 2]
    t[1, 0] = np.float32(3)
    t[1, 1] = rt.tensor(4)
    assert t.tolist() == [[1.0, 2.0], [3.0, 4.0]]
    i = rt.zeros(3, dtype=rt.int8)
    i[:2] = 1.9
    assert i.tolist() == [1, 1, 0]
    with pytest.raises(OverflowError):
        i[0] = 300
    with pytest.raises(TypeError, match="complex"):
        t[0] = 1j
    with pytest.raises(TypeError, match="cannot assign str"):
        t[0] = "a"
    with pytest.raises(TypeError, match="deleted"):
        del t[0]
    d = rt.zeros(1, dtype=rt.float64)
    d[0] = 0.1
    assert d.item() == 0.1
    d[:] = [0.1]
    assert d.item() == 0.1


def test_read_only():
    x = np.zeros(3)
    x.flags.writeable = False
    t = rt.from_numpy(x)
    for key in (0, slice(2), rt.tensor([1]), rt.tensor([True, False, False])):
        with pytest.raises(ValueError, match="read-only"):
            t[key] = 1


@pytest.mark.parametrize(
    "key, text",
    [
        (2, "index 2 is out of bounds for axis 0 with size 2"),
        (-3, "index -3 is out of bounds for axis 0 with size 2"),
        ((0, 3), "index 3 is out of bounds for axis 1 with size 3"),
        ((slice(None), [0, 3]), "index 3 is out of bounds for axis 1 with size 3"),
        (([0], [3]), "index 3 is out of bounds for axis 1 with size 3"),
        ((0, 0, 0, 0), "too many indices for array: array is 3-dimensional, but 4 were indexed"),
        ((..., ...), "single ellipsis"),
        ("a", "valid indices, not str"),
        (1.0, "valid indices, not float"),
        ([0.5], "valid indices, not list of floating numbers"),
        (np.ones((2, 2), bool), "axis 1; size of axis is 3 but size of corresponding boolean axis is 2"),
        (([0, 1], [0, 1, 2]), "do not broadcast together"),
        (10**30, "does not fit an address"),
    ],
)
def test_mistakes(key, text):
    with pytest.raises(IndexError, match=text):
        rt.zeros(2, 3, 4)[key]
    with pytest.raises(IndexError, match=text):
        rt.zeros(2, 3, 4)[key] = 1.0


def test_many_keys():
    t = rt.zeros(2)
    with pytest.raises(IndexError, match="more than"):
        t[(None,) * 40]
    with pytest.raises(IndexError):
        t[(None,) * 100]


def test_iteration_and_length():
    t = rt.tensor([[1, 2], [3, 4]])
    assert [r.tolist() for r in t] == [[1, 2], [3, 4]]
    with pytest.raises(TypeError):
        iter(rt.tensor(1.0))
