"""Attention and transformers against PyTorch's: masks, heads, options, gradients to second order, threads."""

import numpy as np
import pytest
import torch

import rustorch as rt
from rustorch import nn

pytestmark = pytest.mark.filterwarnings("ignore")
F, TF = nn.functional, torch.nn.functional
sdpa, their_sdpa = F.scaled_dot_product_attention, TF.scaled_dot_product_attention


def numbers(*shape, seed=0, dtype="float32"):
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


def close(ours, theirs, tolerance=1e-5):
    np.testing.assert_allclose(np.asarray(ours.detach()), theirs.detach().numpy(), rtol=tolerance, atol=tolerance)


def pair(name, *args, **kw):
    theirs, ours = getattr(torch.nn, name)(*args, **kw), getattr(nn, name)(*args, **kw)
    with torch.no_grad():
        for k, p in enumerate(theirs.parameters()):
            p.copy_(torch.tensor(numbers(*p.shape, seed=k)) * 0.3 + (0.5 if p.ndim == 1 else 0))
    ours.load_state_dict(theirs.state_dict())
    assert [n for n, _ in ours.named_parameters()] == [n for n, _ in theirs.named_parameters()]
    return ours, theirs


def leaves(*arrays):
    return [[make(a, requires_grad=True) for a in arrays] for make in (rt.tensor, torch.tensor)]


def compare(ours, theirs, xs, ys, modules=(None, None), tolerance=1e-4):
    close(ours, theirs)
    g = numbers(*theirs.shape, seed=50)
    ours.backward(rt.tensor(g)), theirs.backward(torch.tensor(g))
    for x, y in zip(xs, ys, strict=True):
        close(x.grad, y.grad, tolerance)
    if modules[0] is not None:
        for (name, p), q in zip(modules[0].named_parameters(), modules[1].parameters(), strict=True):
            assert (p.grad is None) == (q.grad is None), name
            if q.grad is not None:
                close(p.grad, q.grad, tolerance)


# ---- scaled dot products ----

CASES = [
    (((2, 3, 5, 4), (2, 3, 7, 4), (2, 3, 7, 6)), {}),
    (((5, 4), (7, 4), (7, 4)), {}),
    (((2, 5, 4), (2, 7, 4), (2, 7, 3)), {"scale": 0.3}),
    (((2, 3, 5, 4), (2, 3, 5, 4), (2, 3, 5, 4)), {"is_causal": True}),
    (((2, 3, 5, 4), (2, 3, 7, 4), (2, 3, 7, 4)), {"is_causal": True}),
    (((2, 3, 9, 4), (2, 3, 7, 4), (2, 3, 7, 4)), {"is_causal": True}),
    (((1, 2, 150, 8), (1, 2, 150, 8), (1, 2, 150, 8)), {"is_causal": True}),
    (((1, 2, 150, 8), (1, 2, 1100, 8), (1, 2, 1100, 8)), {}),
    (((3, 5, 4), (2, 3, 7, 4), (2, 1, 7, 4)), {}),
    (((2, 6, 5, 4), (2, 3, 7, 4), (2, 2, 7, 4)), {"enable_gqa": True}),
]


@pytest.mark.parametrize("shapes, kw", CASES)
def test_scaled_dot_products(shapes, kw):
    xs, ys = leaves(*(numbers(*s, seed=k) for k, s in enumerate(shapes)))
    compare(sdpa(*xs, **kw), their_sdpa(*ys, **kw), xs, ys)


@pytest.mark.parametrize("shape", [(5, 7), (2, 1, 5, 7), (2, 3, 5, 7), (1, 7), (5, 1)])
@pytest.mark.parametrize("kind", ["bool", "float"])
def test_masks(shape, kind):
    shapes = ((2, 3, 5, 4), (2, 3, 7, 4), (2, 3, 7, 4), shape)
    xs, ys = leaves(*(numbers(*s, seed=k) for k, s in enumerate(shapes)))
    if kind == "bool":
        a = numbers(*shape, seed=3) > -0.5
        xs[3], ys[3] = rt.tensor(a), torch.tensor(a)
        compare(sdpa(*xs), their_sdpa(*ys), xs[:3], ys[:3])
    else:
        compare(sdpa(*xs), their_sdpa(*ys), xs, ys)


def test_a_query_that_sees_nothing_gets_zeros():
    q, k, v = (rt.tensor(numbers(2, 3, 4, seed=s), requires_grad=True) for s in range(3))
    mask = rt.tensor([[True, False, True], [False, False, False], [True, True, True]])
    out = sdpa(q, k, v, mask)
    assert not np.asarray(out.detach())[:, 1].any()
    out.sum().backward()
    assert np.isfinite(np.asarray(q.grad)).all() and not np.asarray(q.grad)[:, 1].any()


def test_heads_within_rows_are_not_copied_and_come_back_so():
    x, y = numbers(2, 5, 12), torch.tensor(numbers(2, 5, 12))
    q = rt.tensor(x, requires_grad=True).reshape(2, 5, 3, 4).transpose(1, 2)
    p = y.reshape(2, 5, 3, 4).transpose(1, 2)
    out = sdpa(q, q, q)
    close(out, their_sdpa(p, p, p))
    assert out.transpose(1, 2).is_contiguous()


def test_dropout_drops_and_goes_back_the_same_way():
    rt.manual_seed(3)
    q, k = (rt.tensor(numbers(2, 40, 8, seed=s)) for s in range(2))
    v = rt.eye(40).expand(2, 40, 40).contiguous().requires_grad_()
    out = sdpa(q, k, v, dropout_p=0.25)
    weights = np.asarray(sdpa(q, k, v.detach()))
    kept = np.asarray(out.detach()) != 0
    assert 0.7 < kept.mean() < 0.8
    np.testing.assert_allclose(np.asarray(out.detach()), np.where(kept, weights / 0.75, 0), rtol=1e-4, atol=1e-6)
    out.backward(rt.ones(2, 40, 40))
    expected = np.asarray(out.detach()).sum(1)[:, :, None] * np.ones(40)
    np.testing.assert_allclose(np.asarray(v.grad), expected, rtol=1e-4, atol=1e-5)
    assert not np.asarray(sdpa(q, k, v, dropout_p=1.0).detach()).any()


def masks(kind, length, keys):
    """None, or a mask of each kind that is broadcast; key 0 is always seen."""
    if kind in ("plain", "causal"):
        return None
    shapes = {"padding": (2, 1, 1, keys), "bool": (length, keys), "column": (length, 1)}
    shape = shapes.get(kind, (2, 1, length, keys))
    given = numbers(*shape, seed=4)
    if kind in ("float", "column"):
        return given
    given[..., 0] = 1
    return given > 0


# one block of rows and several, keys that end within a vector, a single one
@pytest.mark.parametrize("length, keys", [(1, 1), (1, 70), (65, 33), (130, 257), (64, 300), (200, 31), (3, 1030)])
@pytest.mark.parametrize("kind", ["plain", "causal", "padding", "bool", "column", "float"])
def test_blocks_against_double_precision(kind, length, keys):
    arrays = [numbers(2, 3, n, w, seed=s) for s, (n, w) in enumerate([(length, 20), (keys, 20), (keys, 37)])]
    mask = masks(kind, length, keys)
    seed = numbers(2, 3, length, 37, seed=8)

    def run(lib, attend, dtype):
        tensors = [lib.from_numpy(x.astype(dtype)).requires_grad_() for x in arrays]
        more = None if mask is None else lib.from_numpy(mask if mask.dtype == bool else mask.astype(dtype))
        out = attend(*tensors, more, is_causal=kind == "causal")
        out.backward(lib.from_numpy(seed.astype(dtype)))
        return [out, *(t.grad for t in tensors)]

    before, seen = rt.get_num_threads(), []
    try:
        for threads in (1, 2, 3):
            rt.set_num_threads(threads)
            found = run(rt, sdpa, "float32")
            seen.append([np.asarray(t.detach()).tobytes() for t in found])
    finally:
        rt.set_num_threads(before)
    assert seen[0] == seen[1] == seen[2]
    for p, q in zip(found, run(torch, their_sdpa, "float64"), strict=True):
        close(p.to("float64"), q, 2e-5 * max(1, q.abs().max().item()))


@pytest.mark.parametrize("case", ["plain", "causal", "bool", "float", "dropout"])
def test_second_order(case):
    arrays = [numbers(2, 3, 2, seed=s, dtype="float64") for s in range(3)]
    q, k, v = (rt.tensor(a, requires_grad=True) for a in arrays)
    mask = rt.tensor([[True, False, True], [True, True, False], [True, True, True]])
    added = rt.tensor(numbers(3, 3, seed=9, dtype="float64"), requires_grad=True)

    def attend(q, k, v, *rest):
        rt.manual_seed(1)
        if case == "dropout":
            return sdpa(q, k, v, dropout_p=0.3)
        return sdpa(q, k, v, mask if case == "bool" else rest[0] if rest else None, is_causal=case == "causal")

    inputs = (q, k, v, added) if case == "float" else (q, k, v)
    assert rt.autograd.gradcheck(attend, inputs)
    assert rt.autograd.gradgradcheck(attend, inputs)


def test_same_bits_for_any_number_of_threads():
    before, seen = rt.get_num_threads(), []
    try:
        for threads in (1, 2, 3):
            rt.set_num_threads(threads)
            q, k, v = (rt.tensor(numbers(3, 4, 130, 16, seed=s), requires_grad=True) for s in range(3))
            out = sdpa(q, k, v, is_causal=True)
            out.backward(rt.tensor(numbers(3, 4, 130, 16, seed=5)))
            seen.append([np.asarray(t.detach()).tobytes() for t in (out, q.grad, k.grad, v.grad)])
    finally:
        rt.set_num_threads(before)
    assert seen[0] == seen[1] == seen[2]


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float64"])
def test_other_dtypes(dtype):
    arrays = [numbers(2, 3, 5, 4, seed=s) for s in range(3)]
    out = sdpa(*(rt.tensor(a).to(dtype) for a in arrays))
    assert str(out.dtype) == dtype
    expected = their_sdpa(*(torch.tensor(a).double() for a in arrays))
    close(out.to("float64"), expected, {"float16": 5e-3, "bfloat16": 4e-2, "float64": 1e-6}[dtype])


@pytest.mark.parametrize("call, error", [
    (lambda x: sdpa(x, x[:, :2], x), RuntimeError),
    (lambda x: sdpa(x, x[:, :, :3], x), RuntimeError),
    (lambda x: sdpa(x, x, x, rt.ones(4, 4)), RuntimeError),
    (lambda x: sdpa(x, x, x, rt.ones(5, 5), is_causal=True), RuntimeError),
    (lambda x: sdpa(x, x, x.double()), TypeError),
    (lambda x: sdpa(x.long(), x.long(), x.long()), TypeError),
    (lambda x: sdpa(x[0, 0], x, x), RuntimeError),
    (lambda x: sdpa(x, x, x, dropout_p=2.0), ValueError),
    (lambda x: nn.MultiheadAttention(4, 3), AssertionError),
    (lambda x: nn.MultiheadAttention(4, 0), ValueError),
    (lambda x: nn.MultiheadAttention(4, 2)(x, x, x, attn_mask=rt.ones(2, 3)), RuntimeError),
    (lambda x: nn.MultiheadAttention(4, 2)(x, x, x, key_padding_mask=rt.ones(3, 3)), AssertionError),
    (lambda x: nn.MultiheadAttention(6, 2)(x, x, x), AssertionError),
    (lambda x: nn.Transformer(4, 2, 1, 1, 8)(x, x[:, :2]), RuntimeError),
    (lambda x: nn.TransformerEncoderLayer(4, 2, activation="sin"), RuntimeError),
])  # fmt: skip
def test_errors(call, error):
    with pytest.raises(error):
        call(rt.ones(3, 5, 4))


# ---- modules ----

@pytest.mark.parametrize("options", [
    {}, {"bias": False}, {"batch_first": True}, {"add_bias_kv": True}, {"add_zero_attn": True},
    {"kdim": 5, "vdim": 6}, {"add_bias_kv": True, "add_zero_attn": True, "batch_first": True},
])  # fmt: skip
@pytest.mark.parametrize("masks", ["none", "attn", "attn3", "padding", "both", "float"])
@pytest.mark.parametrize("need_weights", [True, False])
@pytest.mark.parametrize("batched", [True, False])
def test_multihead_attention(options, masks, need_weights, batched):
    ours, theirs = pair("MultiheadAttention", 8, 2, **options)
    first = options.get("batch_first", False)

    def shape(length, width):
        return (length, width) if not batched else (3, length, width) if first else (length, 3, width)

    arrays = [numbers(*shape(4, 8)), numbers(*shape(5, options.get("kdim", 8)), seed=1),
              numbers(*shape(5, options.get("vdim", 8)), seed=2)]  # fmt: skip
    xs, ys = leaves(*arrays)
    kw = {"need_weights": need_weights}
    if masks in ("attn", "both"):
        kw["attn_mask"] = np.triu(np.ones((4, 5), bool), 2)
    if masks == "attn3":
        kw["attn_mask"] = numbers(6 if batched else 2, 4, 5, seed=4) > 1
    if masks == "float":
        kw["attn_mask"] = numbers(4, 5, seed=4)
    if masks in ("padding", "both"):
        padding = np.zeros((3, 5), bool)
        padding[1, 4] = padding[2, 3:] = True
        kw["key_padding_mask"] = padding if batched else padding[1]
    out = [
        module(*x, **{k: make(v) if isinstance(v, np.ndarray) else v for k, v in kw.items()})
        for module, x, make in ((ours, xs, rt.tensor), (theirs, ys, torch.tensor))
    ]
    assert (out[0][1] is None) == (out[1][1] is None)
    if need_weights:
        close(out[0][1], out[1][1])
    compare(out[0][0], out[1][0], xs, ys, (ours, theirs))


def test_weights_of_each_head():
    ours, theirs = pair("MultiheadAttention", 8, 2)
    (x,), (y,) = leaves(numbers(4, 3, 8))
    one, other = ours(x, x, x, average_attn_weights=False), theirs(y, y, y, average_attn_weights=False)
    close(one[1], other[1])


@pytest.mark.parametrize("options", [{}, {"norm_first": True}, {"activation": "gelu"}, {"bias": False}])
@pytest.mark.parametrize("batch_first", [True, False])
@pytest.mark.parametrize("causal", [True, False])
@pytest.mark.parametrize("training", [True, False])
def test_transformer(options, batch_first, causal, training):
    ours, theirs = pair("Transformer", 8, 2, 2, 2, 16, dropout=0.0, batch_first=batch_first, **options)
    ours.train(training), theirs.train(training)
    shapes = [(3, 5, 8), (3, 4, 8)] if batch_first else [(5, 3, 8), (4, 3, 8)]
    xs, ys = leaves(*(numbers(*s, seed=k) for k, s in enumerate(shapes)))
    kw = [{}, {}]
    if causal:
        kw = [{"tgt_mask": c.generate_square_subsequent_mask(4)} for c in (nn.Transformer, torch.nn.Transformer)]
        padding = np.arange(5)[None, :] >= np.array([5, 4, 2])[:, None]
        kw[0]["src_key_padding_mask"], kw[1]["src_key_padding_mask"] = rt.tensor(padding), torch.tensor(padding)
        kw[0]["memory_key_padding_mask"], kw[1]["memory_key_padding_mask"] = rt.tensor(padding), torch.tensor(padding)
    compare(ours(*xs, **kw[0]), theirs(*ys, **kw[1]), xs, ys, (ours, theirs), 1e-3)


def test_layers_alone_and_dropout():
    for name, inputs in (("TransformerEncoderLayer", 1), ("TransformerDecoderLayer", 2)):
        ours, theirs = pair(name, 8, 2, 16, dropout=0.5, norm_first=True, batch_first=True)
        ours.eval(), theirs.eval()
        xs, ys = leaves(*(numbers(3, 5, 8, seed=k) for k in range(inputs)))
        compare(ours(*xs), theirs(*ys), xs, ys, (ours, theirs))
        ours.train()
        assert not rt.equal(ours(*xs), ours(*xs))


# ---- bags ----

@pytest.mark.parametrize("mode", ["sum", "mean", "max"])
@pytest.mark.parametrize("padding_idx", [None, 2])
def test_embedding_bags(mode, padding_idx):
    ours, theirs = pair("EmbeddingBag", 7, 3, mode=mode, padding_idx=padding_idx)
    assert repr(ours) == repr(theirs)
    index, offsets = np.array([1, 2, 4, 5, 4, 2, 2, 6]), np.array([0, 3, 3, 5])
    compare(
        ours(rt.tensor(index), rt.tensor(offsets)), theirs(torch.tensor(index), torch.tensor(offsets)), [], [],
        (ours, theirs),
    )  # fmt: skip
    table = index.reshape(2, 4)
    close(ours(rt.tensor(table)), theirs(torch.tensor(table)))


@pytest.mark.parametrize("call, error", [
    (lambda w: F.embedding_bag(rt.tensor([1, 2]), w), ValueError),
    (lambda w: F.embedding_bag(rt.tensor([1, 9]), w, rt.tensor([0])), IndexError),
    (lambda w: F.embedding_bag(rt.tensor([1, -1]), w, rt.tensor([0])), IndexError),
    (lambda w: F.embedding_bag(rt.tensor([1, 2]), w, rt.tensor([1])), RuntimeError),
    (lambda w: F.embedding_bag(rt.tensor([1, 2]), w, rt.tensor([0, 3])), RuntimeError),
    (lambda w: F.embedding_bag(rt.tensor([[1, 2]]), w, rt.tensor([0])), ValueError),
    (lambda w: F.embedding_bag(rt.tensor([[1, 2]]), w, mode="median"), ValueError),
    (lambda w: F.embedding_bag(rt.tensor([[1, 2]]), w, per_sample_weights=rt.ones(2)), ValueError),
])  # fmt: skip
def test_errors_of_bags(call, error):
    with pytest.raises(error):
        call(rt.ones(5, 3))
