"""PyTorch's lower-level names: recurrent functions, losses with numbers for reductions, statistics of
normalisations, decompositions of low rank.  PyTorch is the judge."""
import numpy as np
import pytest
import torch

import rustorch as rt


def ours(value):
    if isinstance(value, (list, tuple)):
        return [ours(v) for v in value]
    return rt.from_torch(value.detach().clone()) if isinstance(value, torch.Tensor) else value


def same(mine, theirs):
    if isinstance(theirs, (list, tuple)):
        assert len(mine) == len(theirs)
        for a, b in zip(mine, theirs, strict=True):
            same(a, b)
        return
    assert tuple(mine.shape) == tuple(theirs.shape)
    assert str(mine.dtype) == str(theirs.dtype).removeprefix("torch.")
    np.testing.assert_allclose(mine.detach().numpy(), theirs.detach().numpy(), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize(
    ("name", "module"), [("lstm", torch.nn.LSTM), ("gru", torch.nn.GRU), ("rnn_tanh", torch.nn.RNN)]
)
def test_recurrent_functions(name, module, bidirectional):
    torch.manual_seed(0)
    weights = module(4, 5, num_layers=2, bidirectional=bidirectional)._flat_weights
    x, h = torch.randn(3, 2, 4), torch.randn(2 + 2 * bidirectional, 2, 5)
    hx = [h, h / 2] if name == "lstm" else h
    rest = (weights, True, 2, 0.0, False, bidirectional)
    for first in (False, True):
        given = x.transpose(0, 1) if first else x
        theirs = getattr(torch, name)(given, hx, *rest, first)
        same(getattr(rt, name)(ours(given), ours(hx), *ours(rest), first), theirs)
    packed = torch.nn.utils.rnn.pack_padded_sequence(x, [3, 2])
    theirs = getattr(torch, name)(packed.data, packed.batch_sizes, hx, *rest)
    same(getattr(rt, name)(ours(packed.data), ours(packed.batch_sizes), ours(hx), *ours(rest)), theirs)
    with pytest.raises(RuntimeError, match="parameters"):
        getattr(rt, name)(ours(x), ours(hx), ours(weights[:-1]), *rest[1:], False)
    with pytest.raises(TypeError, match="missing"):
        getattr(rt, name)(ours(x), ours(hx))


@pytest.mark.parametrize("name", ["lstm_cell", "gru_cell", "rnn_tanh_cell", "rnn_relu_cell"])
def test_recurrent_cells(name):
    torch.manual_seed(0)
    gates = {"lstm": 4, "gru": 3}.get(name.partition("_")[0], 1)
    x, h = torch.randn(2, 4), torch.randn(2, 5)
    weights = [torch.randn(5 * gates, n) for n in (4, 5)] + [torch.randn(5 * gates) for _ in range(2)]
    hx = [h, h / 2] if gates == 4 else h
    for given in (weights, weights[:2]):
        same(getattr(rt, name)(ours(x), ours(hx), *ours(given)), getattr(torch, name)(x, hx, *given))


LOSSES = {
    "binary_cross_entropy_with_logits": lambda lib, x, y, r: (x, y, None, None, r),
    "cosine_embedding_loss": lambda lib, x, y, r: (x, y, lib.ones(4), 0.1, r),
    "hinge_embedding_loss": lambda lib, x, y, r: (x, y * 0 + 1, 1.0, r),
    "kl_div": lambda lib, x, y, r: (x, y, r),
    "margin_ranking_loss": lambda lib, x, y, r: (x, y, y * 0 + 1, 0.5, r),
    "poisson_nll_loss": lambda lib, x, y, r: (x, y, True, False, 1e-8, r),
    "triplet_margin_loss": lambda lib, x, y, r: (x, y, y * 2, 1.0, 2.0, 1e-6, False, r),
}


@pytest.mark.parametrize("reduction", [0, 1, 2])
@pytest.mark.parametrize("name", LOSSES)
def test_losses_with_numbers(name, reduction):
    torch.manual_seed(0)
    x, y = torch.randn(4, 3), torch.rand(4, 3)
    theirs = getattr(torch, name)(*LOSSES[name](torch, x, y, reduction))
    same(getattr(rt, name)(*LOSSES[name](rt, ours(x), ours(y), reduction)), theirs)


def test_wrong_reduction():
    with pytest.raises(ValueError, match="kl_div"):
        rt.kl_div(rt.ones(2), rt.ones(2), 3)


@pytest.mark.parametrize("reduce", ["sum", "mean", "max", "min", "prod"])
def test_segment_reduce(reduce):
    torch.manual_seed(0)
    data, lengths = torch.randn(6, 3), torch.tensor([2, 0, 4])
    theirs = torch.segment_reduce(data, reduce, lengths=lengths)
    same(rt.segment_reduce(ours(data), reduce, lengths=ours(lengths)), theirs)
    offsets = torch.tensor([0, 2, 2, 6])
    same(rt.segment_reduce(ours(data), reduce, offsets=ours(offsets), initial=1),
         torch.segment_reduce(data, reduce, offsets=offsets, initial=1))
    inner, lengths = data.T.contiguous(), torch.tensor([[1, 5], [6, 0], [2, 4]])
    same(rt.segment_reduce(ours(inner), reduce, lengths=ours(lengths), axis=1),
         torch.segment_reduce(inner, reduce, lengths=lengths, axis=1))
    for wrong in (lengths[0, :1], lengths[0] - 6):
        with pytest.raises(RuntimeError, match="segment_reduce"):
            rt.segment_reduce(ours(data), reduce, lengths=ours(wrong))


def bytes_of(lib, *values):
    return lib.tensor(values, dtype=lib.uint8)


def test_norms_and_ranges():
    torch.manual_seed(0)
    x = torch.randn(3, 4)
    for call in (lambda lib, x: lib.frobenius_norm(x, (0, 1)), lambda lib, x: lib.nuclear_norm(x),
                 lambda lib, x: lib.nuclear_norm(x, (0, 1), True), lambda lib, x: lib.norm_except_dim(x, 2, 1),
                 lambda lib, x: lib.norm_except_dim(x, 2, -1), lambda lib, x: lib.nonzero_static(x, size=5),
                 lambda lib, x: lib.nonzero_static(x, size=20, fill_value=7), lambda lib, x: lib.range(0, 3),
                 lambda lib, x: lib.range(5, 1, -1.5), lambda lib, x: lib.range(0, 4, 2, dtype=lib.int64),
                 lambda lib, x: lib.heaviside(lib.tensor([float("nan"), 0.0, 2.0]), lib.tensor(3.0)),
                 lambda lib, x: lib.special.log_ndtr(lib.tensor([float("inf"), -float("inf"), 1.0])),
                 lambda lib, x: lib.add(bytes_of(lib, 9, 200), bytes_of(lib, 1, 2), alpha=-3),
                 lambda lib, x: lib.sub(bytes_of(lib, 9, 200), bytes_of(lib, 1, 2), alpha=3)):
        same(call(rt, ours(x)), call(torch, x))
    assert rt.empty_permuted((2, 3, 5), (0, 2, 1)).stride() == torch.empty_permuted((2, 3, 5), (0, 2, 1)).stride()
    for wrong in (lambda: rt.range(0, 3, -1), lambda: rt.range(0, 3, 0), lambda: rt.empty_permuted((2, 3), (0, 0))):
        with pytest.raises(RuntimeError):
            wrong()


def test_native_statistics():
    torch.manual_seed(0)
    x, w = torch.randn(2, 4, 3), torch.rand(4)
    calls = (lambda lib, x, w: lib.native_layer_norm(x, (3,), None, None, 1e-5),
             lambda lib, x, w: lib.native_group_norm(x, w, w, 2, 4, 3, 2, 1e-5),
             lambda lib, x, w: lib.native_batch_norm(x, w, w, None, None, True, 0.1, 1e-5),
             lambda lib, x, w: lib.native_batch_norm(x, w, w, w, w, False, 0.1, 1e-5),
             lambda lib, x, w: lib.native_dropout(x, 0.5, False))
    for call in calls:
        same(call(rt, ours(x), ours(w)), call(torch, x, w))
    dropped, mask = rt.native_dropout(ours(x), 0.5, True)
    np.testing.assert_array_equal(dropped, np.asarray(ours(x)) * np.asarray(mask) * np.float32(2))
    same(rt.native_dropout_backward(ours(x), mask, 2.0), x * torch.from_numpy(mask.numpy()) * 2.0)


def test_low_rank():
    torch.manual_seed(0)
    A = ours(torch.randn(20, 6) @ torch.randn(6, 15))
    for X in (A, A.mT):
        U, S, V = rt.svd_lowrank(X, q=6)
        np.testing.assert_allclose((U * S) @ V.mT, X, atol=1e-4)
        U, S, V = rt.pca_lowrank(X, q=7)
        np.testing.assert_allclose((U * S) @ V.mT, X - X.mean(0), atol=1e-4)
    for call, wrong in ((rt.svd_lowrank, {"q": 16}), (rt.svd_lowrank, {"niter": -1}), (rt.pca_lowrank, {"q": 16})):
        with pytest.raises(ValueError, match="lowrank"):
            call(A, **wrong)
