"""View, joining and moving rows: values, shared memory and gradients to second order, against PyTorch."""

import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hypothesis import given

import rustorch as rt
from rustorch import _C

OPS = _C.ops
SHAPE = (2, 3, 4)


def op(name):
    """The same function in both packages, told apart by the module given first."""
    names = {"pad": "nn.functional.pad", "one_hot": "nn.functional.one_hot", "mT": None}

    def call(m, x, *args, **kwargs):
        if m is rt:
            return OPS[name](x, *args, **kwargs)
        if name in ("view", "expand", "unfold", "repeat"):
            return getattr(x, name)(*args, **kwargs)
        if name == "mT":
            return x.mT
        f = torch
        for part in names.get(name, name).split("."):
            f = getattr(f, part)
        return f(x, *args, **kwargs)

    return call


def ints(m, values):
    return m.tensor(values, dtype=m.int64)


# (name, arguments made for a module, shape of x)
VIEWS = [
    ("reshape", lambda m: ((4, 6),), SHAPE),
    ("reshape", lambda m: ((-1,),), SHAPE),
    ("reshape", lambda m: ((2, 1, 12),), SHAPE),
    ("view", lambda m: ((6, -1),), SHAPE),
    ("flatten", lambda m: (), SHAPE),
    ("flatten", lambda m: (1,), SHAPE),
    ("flatten", lambda m: (0, -2), SHAPE),
    ("flatten", lambda m: (), ()),
    ("unflatten", lambda m: (2, (2, -1)), SHAPE),
    ("squeeze", lambda m: (), (1, 3, 1)),
    ("squeeze", lambda m: (0,), (1, 3, 1)),
    ("squeeze", lambda m: ((0, -1),), (1, 3, 1)),
    ("squeeze", lambda m: (1,), (1, 3, 1)),
    ("unsqueeze", lambda m: (0,), SHAPE),
    ("unsqueeze", lambda m: (-1,), SHAPE),
    ("expand", lambda m: ((5, -1, 4),), (3, 1)),
    ("expand", lambda m: ((2, 3),), ()),
    ("broadcast_to", lambda m: ((2, 3, 4),), (3, 1)),
    ("permute", lambda m: ((2, 0, -2),), SHAPE),
    ("transpose", lambda m: (0, -1), SHAPE),
    ("mT", lambda m: (), SHAPE),
    ("movedim", lambda m: (0, 2), SHAPE),
    ("movedim", lambda m: ((0, -1), (1, 0)), SHAPE),
    ("select", lambda m: (1, -2), SHAPE),
    ("narrow", lambda m: (2, 1, 2), SHAPE),
    ("narrow", lambda m: (-1, -3, 2), SHAPE),
    ("diagonal", lambda m: (), SHAPE),
    ("diagonal", lambda m: (1, 2, 0), SHAPE),
    ("diagonal", lambda m: (-1, 1, 2), SHAPE),
    ("diagonal", lambda m: (9,), SHAPE),
    ("unfold", lambda m: (1, 2, 1), SHAPE),
    ("unfold", lambda m: (-1, 3, 2), (7,)),
    ("as_strided", lambda m: ((2, 2), (5, 3), 4), SHAPE),
    ("as_strided", lambda m: ((3, 3), (1, 1), 2), SHAPE),
]
COPIES = [
    ("flip", lambda m: ((0, -1),), SHAPE),
    ("flip", lambda m: ((),), SHAPE),
    ("roll", lambda m: (2,), SHAPE),
    ("roll", lambda m: ((1, -5), (0, 2)), SHAPE),
    ("roll", lambda m: ((1, 1), (2, 2)), SHAPE),
    ("repeat", lambda m: ((2, 1, 3),), (2, 1, 2)),
    ("repeat", lambda m: ((2, 3),), (2,)),
    ("tile", lambda m: ((2,),), (2, 3)),
    ("tile", lambda m: ((2, 1, 2),), (2, 3)),
    ("repeat_interleave", lambda m: (3,), (2, 2)),
    ("repeat_interleave", lambda m: (2, 1), SHAPE),
    ("repeat_interleave", lambda m: (ints(m, [2, 0, 1]), 1), SHAPE),
    ("tril", lambda m: (), (2, 3, 4)),
    ("tril", lambda m: (-1,), (4, 3)),
    ("triu", lambda m: (1,), (3, 4)),
    ("triu", lambda m: (-9,), (3, 4)),
    ("diag_embed", lambda m: (), (2, 3)),
    ("diag_embed", lambda m: (-1, 0, 2), (2, 3)),
    ("diag", lambda m: (), (3,)),
    ("diag", lambda m: (-1,), (3,)),
    ("diag", lambda m: (1,), (3, 4)),
    ("diag", lambda m: (-1,), (4, 3)),
    ("trace", lambda m: (), (3, 4)),
    ("pad", lambda m: ((1, 2), "constant", 1.5), SHAPE),
    ("pad", lambda m: ((1, -1, 0, 2),), SHAPE),
    ("pad", lambda m: ((2, 3), "reflect"), (2, 3, 4)),
    ("pad", lambda m: ((2, 1), "replicate"), (2, 3, 4)),
    ("pad", lambda m: ((1, 2, 3, 1), "replicate"), (1, 2, 3, 4)),
    ("pad", lambda m: ((1, 2, 2, 1), "reflect"), (1, 2, 3, 4)),
    ("pad", lambda m: ((4, 1), "circular"), (2, 3, 4)),
    ("pad", lambda m: ((3, 4, 1, 2), "circular"), (1, 2, 3, 4)),
    ("pad", lambda m: ((-2, 3), "reflect"), (2, 3, 5)),
    ("pad", lambda m: ((1, -1), "replicate"), (2, 3, 4)),
    ("gather", lambda m: (1, ints(m, [[[0, 2, 1, 1], [2, 2, 0, -0]]])), SHAPE),
    ("gather", lambda m: (0, ints(m, [[2, 0], [2, 2], [1, 1], [0, 2]])), (3, 4)),
    ("index_select", lambda m: (1, ints(m, [2, 0, 2])), SHAPE),
    ("index_select", lambda m: (-1, ints(m, [3])), SHAPE),
    ("take", lambda m: (ints(m, [[0, 23], [5, 5]]),), SHAPE),
    ("masked_select", lambda m: (m.tensor([[True], [False], [True]]),), SHAPE),
    ("masked_fill", lambda m: (m.tensor([True, False, True, False]), 2.5), SHAPE),
]
ALL = VIEWS + COPIES
# name, arguments after x, shapes of x and of the second differentiable operand
PAIRS = [
    ("scatter", lambda m, y: (1, ints(m, [[0, 2, 1], [2, 1, 0]]), y), (2, 4), (2, 3)),
    ("scatter_add", lambda m, y: (0, ints(m, [[0, 2, 0], [2, 2, 0]]), y), (3, 4), (2, 3)),
    ("index_add", lambda m, y: (1, ints(m, [0, 2, 0]), y), (2, 3), (2, 3)),
    ("index_copy", lambda m, y: (0, ints(m, [2, 0]), y), (3, 4), (2, 4)),
    ("index_fill", lambda m, y: (1, ints(m, [2, 0]), y), (3, 4), ()),
    ("masked_fill", lambda m, y: (m.tensor([[True], [False]]), y), (2, 3), ()),
    ("masked_scatter", lambda m, y: (m.tensor([[True], [False]]), y), (2, 3), (2, 4)),
]


def samples(*shapes, seed=0, dtype=np.float64):
    rng = np.random.default_rng(seed)
    return [np.asarray(rng.standard_normal(s)).astype(dtype) for s in shapes]


def gradients(m, f, arrays, weights):
    """Output, first and second order gradients of a weighted sum of squares."""
    xs = [m.tensor(a, requires_grad=True) for a in arrays]
    out = f(*xs)
    first = m.autograd.grad((out * out * m.tensor(weights(tuple(out.shape)))).sum(), xs, create_graph=True)
    scalar = sum(((g * g * g).sum() for g in first[1:]), start=(first[0] ** 3).sum())
    second = m.autograd.grad(scalar, xs)
    return [t.detach().numpy() for t in (out, *first, *second)]


def weights(shape):
    return np.random.default_rng(7).standard_normal(shape)


def same(f, *shapes):
    arrays = samples(*shapes)
    ours = gradients(rt, lambda *xs: f(rt, *xs), arrays, weights)
    theirs = gradients(torch, lambda *xs: f(torch, *xs), arrays, weights)
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12)
        assert a.shape == b.shape


def label(case):
    return case[0] if isinstance(case, tuple) else ""


@pytest.mark.parametrize("name, args, shape", ALL)
def test_gradients_to_second_order(name, args, shape):
    same(lambda m, x: op(name)(m, x, *args(m)), shape)


@pytest.mark.parametrize("name, args, shape, other", PAIRS)
def test_gradients_of_both_operands(name, args, shape, other):
    same(lambda m, x, y: op(name)(m, x, *args(m, y)), shape, other)


def test_scatter_takes_a_part_of_a_longer_source():
    """PyTorch computes this too, but has no gradient for it."""
    for name in ("scatter", "scatter_add"):
        for shape, index in (((3, 3), [[0, 2, 1], [2, 1, 0]]), ((2, 5), [[0, 2, 1]])):
            rows, columns = len(index), len(index[0])
            same(
                lambda m, x, y, n=name, i=index, r=rows, c=columns: (
                    op(n)(m, x, 1, ints(m, i), y if m is rt else y[:r, :c])
                ),
                (2, 4), shape,
            )  # fmt: skip


def test_repeating_not_at_all():
    x = rt.ones(3, 2, requires_grad=True)
    y = OPS["repeat"](x, (2, 0, 1))
    assert y.shape == (2, 0, 2)
    y.sum().backward()
    assert x.grad.tolist() == [[0.0, 0.0]] * 3


def test_scatter_of_a_number_and_alpha():
    same(lambda m, x: op("scatter")(m, x, 1, ints(m, [[0, 2]]), 3.0), (2, 4))
    same(lambda m, x, y: op("index_add")(m, x, 0, ints(m, [1, 1]), y, alpha=-2.5), (3, 2), (2, 2))


@pytest.mark.parametrize("name, args, shape", ALL)
@pytest.mark.parametrize(
    "dtype", ["bool", "uint8", "int16", "int32", "int64", "float16", "float32", "complex64", "complex128"]
)
def test_values_of_every_item_size(name, args, shape, dtype):
    (x,) = samples(shape)
    x = np.asarray(x * 10).astype(dtype)
    if name == "pad" and len(args(rt)) > 1:
        mode = {"reflect": "reflect", "replicate": "edge", "circular": "wrap"}.get(args(rt)[1])
        if mode:  # PyTorch has these modes for few dtypes
            pairs = np.array(args(rt)[0]).reshape(-1, 2)[::-1]
            pairs = np.vstack([np.zeros((x.ndim - len(pairs), 2), int), pairs])
            expected = np.pad(x, np.maximum(pairs, 0), mode)
            cut = np.maximum(-pairs, 0)
            expected = expected[tuple(slice(a, n - b) for (a, b), n in zip(cut, expected.shape, strict=True))]
            np.testing.assert_array_equal(OPS[name](rt.tensor(x), *args(rt)).numpy(), expected)
            return
    if name == "trace":
        expected = np.trace(x, dtype=None if dtype != "bool" else np.int64)
        np.testing.assert_allclose(
            OPS[name](rt.tensor(x)).numpy(), expected, rtol=1e-3 if dtype == "float16" else 1e-6
        )
        return
    ours, theirs = OPS[name](rt.tensor(x), *args(rt)), op(name)(torch, torch.tensor(x), *args(torch))
    np.testing.assert_array_equal(ours.numpy(), theirs.numpy())


@pytest.mark.parametrize("name, args, shape", VIEWS)
def test_views_share_memory(name, args, shape):
    (x,) = samples(shape)
    t = rt.from_numpy(x)
    y = OPS[name](t, *args(rt))
    if y.numel() == 0:
        return
    base = np.lib.array_utils.byte_bounds(x)
    low, high = np.lib.array_utils.byte_bounds(y.numpy())
    assert base[0] <= low and high <= base[1]
    x[...] = 5
    assert (y.numpy() == 5).all()


@pytest.mark.parametrize("name, args, shape", COPIES)
def test_copies_do_not(name, args, shape):
    (x,) = samples(shape)
    y = OPS[name](rt.from_numpy(x), *args(rt)).numpy()
    assert not np.shares_memory(x, y)


@pytest.mark.parametrize("name, args, shape", [c for c in ALL if c[0] not in ("view", "as_strided")])
def test_layouts_do_not_matter(name, args, shape):
    """Reversed and transposed inputs give what a dense one gives."""
    (x,) = samples(shape)
    expected = OPS[name](rt.tensor(x), *args(rt)).numpy()
    back = (slice(None, None, -1),) * x.ndim
    turned = np.ascontiguousarray(x.T).T
    reversed_ = np.array(x[(..., *back)])[(..., *back)]
    spread = np.zeros([2 * n for n in shape])[(..., *(slice(None, None, 2),) * x.ndim)]
    spread[...] = x
    for y in (turned, reversed_, spread):
        np.testing.assert_array_equal(OPS[name](rt.from_numpy(y), *args(rt)).numpy(), expected)


@pytest.mark.parametrize("name, args, shape", COPIES)
def test_out(name, args, shape):
    (x,) = samples(shape)
    t = rt.tensor(x)
    expected = OPS[name](t, *args(rt))
    for out in (
        rt.zeros(expected.shape, dtype=rt.float64),
        rt.zeros((*expected.shape, 2), dtype=rt.float64)[..., 1],
    ):
        assert OPS[name](t, *args(rt), out=out) is out
        np.testing.assert_array_equal(out.numpy(), expected.numpy())


# ---- joining ----


@pytest.mark.parametrize("name", ["cat", "stack"])
@pytest.mark.parametrize("dim", [0, 1, -1])
def test_joining(name, dim):
    same(lambda m, x, y: getattr(m, name)([x, y, x * 2], dim), (2, 3), (2, 3))


def test_cat_of_unequal_lengths():
    same(lambda m, x, y: m.cat([x, m.ones(1, 3, dtype=m.float64), y]), (2, 3), (4, 3))
    same(lambda m, x, y: m.cat([x, m.zeros(0, dtype=m.float64), y], dim=-1), (2, 3), (2, 5))


def test_cat_of_many():
    same(
        lambda m, x, y: m.cat([x if i % 3 else m.zeros(1, dtype=m.float64) for i in range(300)] + [y]),
        (2,),
        (3,),
    )


def test_joining_promotes():
    a, b, c = rt.tensor([1, 2]), rt.tensor([0.5]), rt.tensor([True])
    assert rt.cat([a, b]).dtype == rt.float32
    assert rt.cat([a, c]).tolist() == [1, 2, 1]
    assert rt.stack([b, c]).tolist() == [[0.5], [1.0]]
    x = rt.tensor([1.0], dtype=rt.float32, requires_grad=True)
    rt.cat([x, rt.tensor([2.0], dtype=rt.float64)]).sum().backward()
    assert x.grad.dtype == rt.float32 and x.grad.tolist() == [1.0]


def test_embedding():
    index = [[0, 2], [2, 1]]
    for padding in (None, 2, -1):
        same(
            lambda m, w, p=padding: (
                OPS["embedding"](w, ints(rt, index), p) if m is rt
                else torch.nn.functional.embedding(ints(torch, index), w, padding_idx=p)
            ),
            (4, 3),
        )  # fmt: skip


@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_sums_of_half_precision_are_kept_in_float32(dtype):
    x = rt.zeros(1, dtype=getattr(rt, dtype))
    source = rt.full((4000,), 0.25, dtype=getattr(rt, dtype))
    out = OPS["index_add"](x, 0, rt.zeros(4000, dtype=rt.int64), source)
    assert out.dtype == x.dtype and out.item() == 1000.0


def test_complex_parts():
    z = np.array([1 + 2j, -3 + 0.5j])
    for f in ("real", "imag"):
        x = rt.tensor(z, requires_grad=True)
        y = torch.tensor(z, requires_grad=True)
        (OPS[f](x) ** 2).sum().backward()
        (getattr(torch, f)(y) ** 2).sum().backward()
        np.testing.assert_allclose(x.grad.numpy(), y.grad.numpy())
    x = rt.tensor(z, requires_grad=True)
    y = torch.tensor(z, requires_grad=True)
    (OPS["view_as_real"](x) ** 3).sum().backward()
    (torch.view_as_real(y) ** 3).sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), y.grad.numpy())
    a = np.array([[1.0, 2.0], [3.0, 4.0]])
    x = rt.tensor(a, requires_grad=True)
    y = torch.tensor(a, requires_grad=True)
    OPS["real"](OPS["view_as_complex"](x) * (1 + 1j)).sum().backward()
    (torch.view_as_complex(y) * (1 + 1j)).real.sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), y.grad.numpy())


def test_nonzero_and_one_hot():
    x = np.array([[0, 1, 0], [2, 0, 3]])
    np.testing.assert_array_equal(
        OPS["nonzero"](rt.tensor(x)).numpy(), torch.nonzero(torch.tensor(x)).numpy()
    )
    assert OPS["nonzero"](rt.tensor(5.0)).shape == (1, 0)
    assert OPS["nonzero"](rt.zeros(2, 0)).shape == (0, 2)
    x = np.array([[0, 2], [1, 1]])
    for n in (-1, 5):
        expected = torch.nn.functional.one_hot(torch.tensor(x), n).numpy()
        np.testing.assert_array_equal(OPS["one_hot"](rt.tensor(x), n).numpy(), expected)


@given(st.data())
def test_reshape_of_any_steps(data):
    """Whatever the steps, reshape gives NumPy's result, and a view exactly when NumPy does."""
    shape = data.draw(st.lists(st.integers(1, 4), min_size=1, max_size=4))
    x = np.arange(np.prod(shape)).reshape(shape)
    x = x.transpose(data.draw(st.permutations(range(x.ndim))))
    x = x[tuple(slice(None, None, data.draw(st.sampled_from([1, 2, -1]))) for _ in shape)]
    sizes = [n for n in range(1, x.size + 1) if x.size % n == 0]
    first = data.draw(st.sampled_from(sizes))
    second = data.draw(st.sampled_from([n for n in sizes if (x.size // first) % n == 0]))
    target = (first, second, x.size // first // second)
    ours = rt.reshape(rt.from_numpy(x), target).numpy()
    theirs = x.reshape(target)
    np.testing.assert_array_equal(ours, theirs)
    assert np.shares_memory(ours, x) == np.shares_memory(theirs, x)


# ---- mistakes ----


@pytest.mark.parametrize(
    "call, error, text",
    [
        (lambda x: rt.reshape(x, (5, 5)), ValueError, "numbers of elements"),
        (lambda x: rt.reshape(x, (-1, -1)), ValueError, "only one length may be -1"),
        (lambda x: rt.permute(x, (0, 0, 1)), ValueError, "dimension 0 appears twice"),
        (lambda x: rt.permute(x, (0, 1)), ValueError, "2 dimensions were named for a tensor of 3"),
        (lambda x: rt.transpose(x, 0, 3), IndexError, "dimension 3 is out of range"),
        (lambda x: rt.select(x, 1, 3), IndexError, "index 3 is out of bounds for dimension 1 of length 3"),
        (lambda x: rt.narrow(x, 0, 1, 2), IndexError, "reach outside dimension 0 of length 2"),
        (lambda x: rt.cat([x, x[0]]), ValueError, "tensor 1 differs from tensor 0"),
        (lambda x: rt.cat([]), ValueError, "at least one"),
        (lambda x: rt.stack([x, x[0]]), ValueError, "tensor 0 and tensor 1 have different shapes"),
        (lambda x: rt.gather(x, 0, rt.tensor([[[2]]])), IndexError, "gather: index 2 is out of bounds"),
        (lambda x: rt.gather(x, 0, rt.tensor([0])), ValueError, "the index has 1 dimensions, the tensor 3"),
        (lambda x: rt.gather(x, 0, rt.tensor([[[0.0]]])), IndexError, "integers, not float32"),
        (lambda x: rt.index_select(x, 2, rt.tensor([0, -5])), IndexError, "index -5 is out of bounds"),
        (lambda x: OPS["pad"](x, (1,)), ValueError, "pair of lengths"),
        (lambda x: OPS["pad"](x, (5, 0), "reflect"), ValueError, "longer than dimension 2 of length 4"),
        (lambda x: OPS["as_strided"](x, (100,), (1,)), ValueError, "reaches outside the storage"),
        (lambda x: OPS["as_strided"](x, (2,), (-1,)), ValueError, "reaches outside the storage"),
        (lambda x: OPS["unfold"](x, 0, 3, 1), ValueError, "does not fit a dimension of 2"),
        (lambda x: OPS["diagonal"](x, 0, 1, 1), ValueError, "must differ"),
        (lambda x: OPS["repeat"](x, (2,)), ValueError, "1 repeats for a tensor of 3 dimensions"),
        (lambda x: OPS["one_hot"](rt.tensor([3]), 2), IndexError, "class 3, but there are 2 classes"),
        (lambda x: rt.masked_fill(x, rt.tensor([1, 0, 1, 0]), 0), TypeError, "mask must be of dtype bool"),
        (lambda x: rt.view(x.permute(2, 0, 1), (24,)), ValueError, "use reshape"),
    ],
)  # fmt: skip
def test_mistakes(call, error, text):
    with pytest.raises(error, match=text):
        call(rt.zeros(*SHAPE))


def test_a_bad_index_writes_nothing():
    x = rt.zeros(3)
    with pytest.raises(IndexError):
        OPS["index_put"](x, rt.tensor([0, 1, 9]), 1.0, (0,), 0, out=x)
    assert x.tolist() == [0.0, 0.0, 0.0]
