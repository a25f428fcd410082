"""Recurrent networks against PyTorch's: layers, directions, packed sequences, cells, gradients, threads."""

import numpy as np
import pytest
import torch

import rustorch as rt
from rustorch import nn

pytestmark = pytest.mark.filterwarnings("ignore:LSTM with projections:UserWarning")
rnn, their_rnn = nn.utils.rnn, torch.nn.utils.rnn


def numbers(*shape, seed=0, dtype="float32"):
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


def close(ours, theirs, tolerance=1e-5):
    np.testing.assert_allclose(np.asarray(ours.detach()), theirs.detach().numpy(), rtol=tolerance, atol=tolerance)


def pair(name, *args, **kw):
    theirs, ours = getattr(torch.nn, name)(*args, **kw), getattr(nn, name)(*args, **kw)
    assert [n for n, _ in ours.named_parameters()] == [n for n, _ in theirs.named_parameters()]
    ours.load_state_dict(theirs.state_dict())
    assert repr(ours) == repr(theirs)
    return ours, theirs


def flat(value):
    return [t for part in value for t in flat(part)] if isinstance(value, tuple) else [value]


OPTIONS = [
    {},
    {"bias": False},
    {"num_layers": 2, "bidirectional": True},
    {"batch_first": True, "num_layers": 3},
    {"bidirectional": True, "batch_first": True, "bias": False},
]
NETWORKS = [(name, options) for name in ("RNN", "LSTM", "GRU") for options in OPTIONS] + [
    ("RNN", {"nonlinearity": "relu"}),
    ("LSTM", {"proj_size": 3}),
    ("LSTM", {"proj_size": 3, "num_layers": 2, "bidirectional": True}),
    ("LSTM", {"num_layers": 2, "dropout": 0.0}),
]


def states(name, options, batch, size=5):
    """Initial states as arrays."""
    count = options.get("num_layers", 1) * (1 + options.get("bidirectional", False))
    lead = (count,) if batch is None else (count, batch)
    h = numbers(*lead, options.get("proj_size", size), seed=7)
    return (h, numbers(*lead, size, seed=8)) if name == "LSTM" else (h,)


def compare(ours, theirs, x, y, hx, hy):
    result, expected = flat(ours(x, hx)), flat(theirs(y, hy))
    for p, q in zip(result, expected, strict=True):
        assert tuple(p.shape) == tuple(q.shape)
        close(p, q)
    rt.autograd.backward(result, [rt.tensor(numbers(*q.shape, seed=20 + k)) for k, q in enumerate(expected)])
    torch.autograd.backward(expected, [torch.tensor(numbers(*q.shape, seed=20 + k)) for k, q in enumerate(expected)])
    for p, q in zip(ours.parameters(), theirs.parameters(), strict=True):
        close(p.grad, q.grad, 1e-4)


@pytest.mark.parametrize("name, options", NETWORKS)
@pytest.mark.parametrize("batch", [None, 1, 3, 19])
@pytest.mark.parametrize("initial", [False, True])
def test_networks(name, options, batch, initial):
    ours, theirs = pair(name, 4, 5, **options)
    shape = (6, 4) if batch is None else (batch, 6, 4) if options.get("batch_first") else (6, batch, 4)
    a = numbers(*shape)
    x, y = rt.tensor(a, requires_grad=True), torch.tensor(a, requires_grad=True)
    hx = hy = None
    if initial:
        arrays = states(name, options, batch)
        hx, hy = ([library.tensor(h, requires_grad=True) for h in arrays] for library in (rt, torch))
    whole = lambda h: None if h is None else tuple(h) if name == "LSTM" else h[0]  # noqa: E731
    compare(ours, theirs, x, y, whole(hx), whole(hy))
    close(x.grad, y.grad, 1e-4)
    for p, q in zip(hx or (), hy or (), strict=True):
        close(p.grad, q.grad, 1e-4)
    with rt.no_grad():
        for p, q in zip(flat(ours(x, whole(hx))), flat(theirs(y, whole(hy))), strict=True):
            close(p, q)


@pytest.mark.parametrize("name, options", NETWORKS)
@pytest.mark.parametrize("ordered", [True, False])
def test_packed(name, options, ordered):
    options = {**options, "batch_first": False}
    ours, theirs = pair(name, 4, 5, **options)
    lengths = [6, 4, 4, 1] if ordered else [4, 1, 6, 4]
    a = numbers(6, 4, 4)
    x, y = rt.tensor(a, requires_grad=True), torch.tensor(a, requires_grad=True)
    p = rnn.pack_padded_sequence(x, lengths, enforce_sorted=ordered)
    q = their_rnn.pack_padded_sequence(y, lengths, enforce_sorted=ordered)
    for k in range(4):
        assert (p[k] is None) == (q[k] is None)
        if p[k] is not None:
            close(p[k], q[k])
    hx, hy = [tuple(convert(h) for h in states(name, options, 4)) for convert in (rt.tensor, torch.tensor)]
    results = []
    for network, packed, h, undo in ((ours, p, hx, rnn), (theirs, q, hy, their_rnn)):
        out, last = network(packed, h if name == "LSTM" else h[0])
        padded, counts = undo.pad_packed_sequence(out)
        assert counts.tolist() == lengths
        results.append([padded, *flat(last)])
    for k, (one, other) in enumerate(zip(*results, strict=True)):
        close(one, other)
        one.backward(rt.tensor(numbers(*other.shape, seed=k)), retain_graph=True)
        other.backward(torch.tensor(numbers(*other.shape, seed=k)), retain_graph=True)
    close(x.grad, y.grad, 1e-4)
    for one, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        close(one.grad, other.grad, 1e-4)


@pytest.mark.parametrize("name", ["RNNCell", "LSTMCell", "GRUCell"])
@pytest.mark.parametrize("alone", [True, False])
@pytest.mark.parametrize("bias", [True, False])
def test_cells(name, alone, bias):
    ours, theirs = pair(name, 4, 5, bias=bias)
    lead = () if alone else (3,)
    a, h = numbers(*lead, 4), [numbers(*lead, 5, seed=k) for k in range(2)]
    whole = lambda t, f: tuple(map(f, t)) if name == "LSTMCell" else f(t[0])  # noqa: E731
    for given in (False, True):
        x, y = rt.tensor(a, requires_grad=True), torch.tensor(a, requires_grad=True)
        compare(ours, theirs, x, y, whole(h, rt.tensor) if given else None, whole(h, torch.tensor) if given else None)
        close(x.grad, y.grad, 1e-4)
        ours.zero_grad(), theirs.zero_grad()


@pytest.mark.parametrize(
    "name, options", [("RNN", {}), ("LSTM", {}), ("LSTM", {"proj_size": 2}), ("GRU", {"bidirectional": True})]
)
def test_second_order(name, options):
    ours, theirs = pair(name, 3, 4, **options)
    ours, theirs = ours.double(), theirs.double()
    ours.load_state_dict(theirs.state_dict())
    a = numbers(4, 2, 3, dtype="float64")
    grads = []
    for network, library in ((ours, rt), (theirs, torch)):
        x = library.tensor(a, requires_grad=True)
        leaves = [x, *network.parameters()]
        first = library.autograd.grad((network(x)[0] ** 2).sum(), leaves, create_graph=True)
        grads.append((*first, *library.autograd.grad(sum((g * g).sum() for g in first), leaves)))
    for p, q in zip(*grads, strict=True):
        close(p, q, 1e-8)


def test_gradcheck_of_packed_rows():
    sizes = rt.tensor([3, 3, 1])
    for mode, rows in (("lstm", 8), ("gru", 6), ("tanh", 2)):
        for reverse in (False, True):
            x, h, w, v, b = (rt.tensor(numbers(*s, dtype="float64"), requires_grad=True)
                             for s in ((7, 2), (3, 2), (rows, 2), (rows, 2), (rows,)))
            c = h if mode == "lstm" else None

            def network(x, h, w, v, b, c=c, mode=mode, reverse=reverse):
                out = rt._C.ops["rnn_layer"](x, h, None if c is None else h, w, v, b, b, None, sizes, mode, reverse)
                return out if mode == "lstm" else out[:2]

            assert rt.autograd.gradcheck(network, (x, h, w, v, b))


# threads share out sequences, or the cells of every step; products are packed or not
CUTS = [(9, 50, 20, 70), (9, 16, 20, 230), (12, 3, 8, 301), (40, 1, 7, 200), (2, 3, 4, 5), (1, 70, 4, 64)]


def lengths_from(steps, batch):
    return rt.tensor(np.linspace(steps, (steps + 2) // 3, batch).astype("int64"))


def run_with_gradients(lib, network, shape, packed):
    """Results, last states and all gradients."""
    x = lib.from_numpy(numbers(*shape).astype(np.asarray(network.weight_ih_l0.detach()).dtype)).requires_grad_()
    given = x
    if packed:
        given = lib.nn.utils.rnn.pack_padded_sequence(x, lib.from_numpy(lengths_from(*shape[:2]).numpy()))
    result, ends = network(given)
    result = result.data if packed else result
    seed = lib.from_numpy(numbers(*result.shape, seed=1)).to(result.dtype)
    ends = flat(ends)
    (result * seed).sum().backward(retain_graph=True)
    sum(e.sum() for e in ends).backward()
    return [result, *ends, x.grad, *(p.grad for p in network.parameters())]


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("cut", CUTS)
@pytest.mark.parametrize("name", ["RNN", "LSTM", "GRU"])
def test_same_bits_for_any_number_of_threads(name, cut, packed):
    *shape, size = cut
    network = getattr(nn, name)(shape[-1], size, bidirectional=True)
    before, seen = rt.get_num_threads(), []
    try:
        for threads in (1, 2, 3):
            rt.set_num_threads(threads)
            seen.append([np.asarray(t.detach()).tobytes() for t in run_with_gradients(rt, network, shape, packed)])
            network.zero_grad()
    finally:
        rt.set_num_threads(before)
    assert seen[0] == seen[1] == seen[2]


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("cut", CUTS)
@pytest.mark.parametrize("name", ["RNN", "LSTM", "GRU"])
def test_cuts_against_double_precision(name, cut, packed):
    *shape, size = cut
    ours, theirs = pair(name, shape[-1], size, bidirectional=True)
    found = run_with_gradients(rt, ours, shape, packed)
    expected = run_with_gradients(torch, theirs.double(), shape, packed)
    for p, q in zip(found, expected, strict=True):
        close(p, q, 2e-5 * max(1, q.abs().max().item()))


def test_dropout_is_between_layers_and_in_training_alone():
    network = nn.LSTM(3, 4, num_layers=2, dropout=0.5)
    x = rt.tensor(numbers(5, 2, 3))
    assert not rt.equal(network(x)[0], network(x)[0])
    network.eval()
    assert rt.equal(network(x)[0], network(x)[0])


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float64"])
def test_other_dtypes(dtype):
    ours, theirs = pair("LSTM", 4, 5)
    a = numbers(6, 3, 4)
    result = ours.to(dtype)(rt.tensor(a).to(dtype))[0]
    assert str(result.dtype) == dtype
    tolerance = {"float16": 2e-3, "bfloat16": 2e-2, "float64": 1e-6}[dtype]
    close(result.to("float64"), theirs(torch.tensor(a))[0].double(), tolerance)


def test_sequences_of_different_lengths():
    parts = [numbers(n, 2, seed=n) for n in (3, 1, 4)]
    ours, theirs = [rt.tensor(p) for p in parts], [torch.tensor(p) for p in parts]
    for kw in ({}, {"batch_first": True}, {"padding_value": -1.0}, {"padding_side": "left"}):
        close(rnn.pad_sequence(ours, **kw), their_rnn.pad_sequence(theirs, **kw))
    packed = rnn.pack_sequence(ours, enforce_sorted=False)
    close(packed.data, their_rnn.pack_sequence(theirs, enforce_sorted=False).data)
    for p, q in zip(rnn.unpack_sequence(packed), parts, strict=True):
        np.testing.assert_array_equal(np.asarray(p), q)
    padded = rnn.pad_sequence(ours)
    for p, q in zip(rnn.unpad_sequence(padded, [3, 1, 4]), parts, strict=True):
        np.testing.assert_array_equal(np.asarray(p), q)
    assert rnn.pad_packed_sequence(packed, total_length=6)[0].shape == (6, 3, 2)
    assert str(packed.double().data.dtype) == "float64"


@pytest.mark.parametrize("call, error", [
    (lambda: nn.LSTM(3, 4)(rt.ones(5, 2, 2)), RuntimeError),
    (lambda: nn.LSTM(3, 4)(rt.ones(5)), ValueError),
    (lambda: nn.LSTM(3, 4)(rt.ones(5, 2, 3).double()), ValueError),
    (lambda: nn.LSTM(3, 4)(rt.ones(5, 2, 3), (rt.ones(1, 3, 4), rt.ones(1, 2, 4))), RuntimeError),
    (lambda: nn.GRU(3, 4)(rt.ones(5, 2, 3), rt.ones(2, 4)), RuntimeError),
    (lambda: nn.GRU(3, 4, proj_size=2), ValueError),
    (lambda: nn.LSTM(3, 4, proj_size=4), ValueError),
    (lambda: nn.LSTM(3, 4, dropout=2.0), ValueError),
    (lambda: nn.LSTM(3, 0), ValueError),
    (lambda: nn.RNN(3, 4, nonlinearity="sin"), ValueError),
    (lambda: nn.LSTMCell(3, 4)(rt.ones(2, 2)), RuntimeError),
    (lambda: nn.LSTM(3, 4)(rt.ones(0, 2, 3)), RuntimeError),
    (lambda: rnn.pack_padded_sequence(rt.ones(4, 2, 3), [2, 3]), RuntimeError),
    (lambda: rnn.pack_padded_sequence(rt.ones(4, 2, 3), [3, 0]), RuntimeError),
    (lambda: rnn.pack_padded_sequence(rt.ones(4, 2, 3), [3]), RuntimeError),
    (lambda: rnn.pack_padded_sequence(rt.ones(4, 2, 3), [5, 3]), RuntimeError),
    (lambda: rnn.pad_sequence([]), RuntimeError),
])  # fmt: skip
def test_errors(call, error):
    with pytest.raises(error):
        call()


@pytest.mark.parametrize("sizes", [[3, 3, 2], [2, 3, 3], [4, 3, 1], [3, 5, 0], [-1, 4, 5], [2**62, 2**62, 8]])
def test_batch_sizes_that_lie(sizes):
    args = rt.ones(8, 2), rt.ones(4, 2), None, rt.ones(2, 2), rt.ones(2, 2), None, None, None
    if sum(sizes) == 8 and sizes[0] == 4 and sizes == sorted(sizes, reverse=True):
        rt._C.ops["rnn_layer"](*args, rt.tensor(sizes), "tanh")
        return
    with pytest.raises(ValueError, match="batch_sizes"):
        rt._C.ops["rnn_layer"](*args, rt.tensor(sizes), "tanh")


@pytest.mark.parametrize("size", [16, 33, 48, 57, 71, 80, 97, 150, 300])
@pytest.mark.parametrize("name", ["RNN", "LSTM", "GRU"])
def test_one_sequence(name, size):
    """A single sequence, whose products with packed weights take several panels at once; the bits of a row of many."""
    ours, theirs = pair(name, 20, size)
    ours, theirs = ours.double(), theirs.double()
    x = numbers(12, 3, 20, dtype="float64")
    for k in range(3):
        found = ours(rt.from_numpy(x[:, k : k + 1].copy()))[0]
        close(found, theirs(torch.from_numpy(x[:, k : k + 1].copy()))[0], 1e-10)
        if size % 16 == 0:
            assert np.array_equal(found.detach().numpy()[:, 0], ours(rt.from_numpy(x))[0].detach().numpy()[:, k])
