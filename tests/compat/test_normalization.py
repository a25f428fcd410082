"""Normalisations against PyTorch's: modules with its state_dict, functions, statistics, dtypes, threads."""

import numpy as np
import pytest
import torch

import rustorch as rt
from rustorch import nn

F = nn.functional
TF = torch.nn.functional


def numbers(*shape, seed=0, dtype="float32"):
    return (np.random.default_rng(seed).standard_normal(shape) * 2 + 0.5).astype(dtype)


def close(ours, theirs, tolerance=1e-5):
    np.testing.assert_allclose(np.asarray(ours.detach()), theirs.detach().numpy(), rtol=tolerance, atol=tolerance)


MODULES = [
    ("LayerNorm", ((5,),), {}, (4, 3, 5)),
    ("LayerNorm", ((3, 5),), {"eps": 1e-2}, (4, 3, 5)),
    ("LayerNorm", (133,), {"bias": False}, (70, 133)),
    ("LayerNorm", (5,), {"elementwise_affine": False}, (4, 5)),
    ("RMSNorm", ((5,),), {}, (4, 3, 5)),
    ("RMSNorm", ((3, 5),), {"eps": 1e-2, "elementwise_affine": False}, (4, 3, 5)),
    ("GroupNorm", (2, 6), {}, (4, 6, 7)),
    ("GroupNorm", (3, 6), {"affine": False}, (4, 6, 2, 3)),
    ("GroupNorm", (6, 6), {"eps": 1e-2}, (4, 6)),
    ("GroupNorm", (2, 140), {}, (4, 140)),
    ("GroupNorm", (2, 8), {}, (3, 8, 7, 7)),
    ("BatchNorm1d", (6,), {}, (5, 6)),
    ("BatchNorm1d", (133,), {"momentum": None}, (40, 133)),
    ("BatchNorm1d", (6,), {"momentum": 0.3, "eps": 1e-2}, (5, 6, 4)),
    ("BatchNorm2d", (3,), {}, (4, 3, 5, 6)),
    ("BatchNorm2d", (3,), {"affine": False}, (4, 3, 40, 40)),
    ("BatchNorm2d", (3,), {}, (30, 3, 7, 7)),
    ("BatchNorm2d", (3,), {}, (5, 3, 14, 14)),
    ("BatchNorm2d", (3,), {}, (3, 3, 33, 33)),
    ("BatchNorm2d", (3,), {"track_running_stats": False}, (4, 3, 5, 6)),
    ("BatchNorm3d", (3,), {}, (2, 3, 3, 4, 5)),
    ("InstanceNorm1d", (3,), {}, (4, 3, 6)),
    ("InstanceNorm1d", (3,), {"affine": True}, (3, 6)),
    ("InstanceNorm2d", (3,), {"track_running_stats": True, "affine": True}, (4, 3, 5, 6)),
    ("InstanceNorm3d", (3,), {"track_running_stats": True, "momentum": 0.4}, (2, 3, 3, 4, 5)),
]


def pair(name, args, kw):
    """Our module and PyTorch's, with the same uneven state."""
    theirs = getattr(torch.nn, name)(*args, **kw)
    ours = getattr(nn, name)(*args, **kw)
    with torch.no_grad():
        for i, p in enumerate(theirs.parameters()):
            p.copy_(torch.tensor(numbers(*p.shape, seed=i + 1)))
    ours.load_state_dict(theirs.state_dict())
    return ours, theirs


@pytest.mark.parametrize("name, args, kw, shape", MODULES)
def test_modules_train_then_eval(name, args, kw, shape):
    ours, theirs = pair(name, args, kw)
    assert repr(ours) == repr(theirs)
    for step in range(4):
        if step == 2:
            ours.eval(), theirs.eval()
        a = numbers(*shape, seed=10 + step)
        x, y = rt.tensor(a, requires_grad=True), torch.tensor(a, requires_grad=True)
        out, expected = ours(x), theirs(y)
        close(out, expected)
        g = numbers(*expected.shape, seed=20 + step)
        out.backward(rt.tensor(g)), expected.backward(torch.tensor(g))
        close(x.grad, y.grad, 1e-4)
        for p, q in zip(ours.parameters(), theirs.parameters(), strict=True):
            close(p.grad, q.grad, 1e-4)
        ours.zero_grad(), theirs.zero_grad()
    state, expected = ours.state_dict(), theirs.state_dict()
    assert list(state) == list(expected)
    for key in state:
        close(state[key], expected[key])


@pytest.mark.parametrize("name, args, kw, shape", MODULES)
@pytest.mark.parametrize("training", [True, False])
def test_second_order(name, args, kw, shape, training):
    ours, theirs = pair(name, args, kw)
    ours.train(training), theirs.train(training)
    a, g = numbers(*shape, seed=3), numbers(*shape, seed=4)
    x, y = rt.tensor(a, requires_grad=True), torch.tensor(a, requires_grad=True)
    leaves, expected = [x, *ours.parameters()], [y, *theirs.parameters()]
    first = rt.autograd.grad(ours(x), leaves, rt.tensor(g), create_graph=True)
    again = torch.autograd.grad(theirs(y), expected, torch.tensor(g), create_graph=True)
    for p, q in zip(first, again, strict=True):
        close(p, q, 1e-4)
    x2 = rt.autograd.grad(sum((p * p).sum() for p in first), leaves, allow_unused=True)
    y2 = torch.autograd.grad(sum((q * q).sum() for q in again), expected, allow_unused=True)
    for p, q in zip(x2, y2, strict=True):
        if p is None or q is None:
            assert p is None or not np.asarray(p).any()
            continue
        scale = float(q.abs().max()) + 1
        close(p / scale, q / scale, 2e-4)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float64"])
def test_other_dtypes(dtype):
    a = numbers(4, 6, 5)
    theirs = torch.tensor(a).to(getattr(torch, dtype))
    ours = rt.tensor(a).to(dtype)
    tolerance = {"float16": 2e-3, "bfloat16": 2e-2, "float64": 1e-9}[dtype]
    for f, t in [
        (lambda x: F.layer_norm(x, (5,)), lambda x: TF.layer_norm(x, (5,))),
        (lambda x: F.rms_norm(x, (6, 5)), lambda x: TF.rms_norm(x, (6, 5))),
        (lambda x: F.group_norm(x, 3), lambda x: TF.group_norm(x, 3)),
        (lambda x: F.instance_norm(x), lambda x: TF.instance_norm(x)),
        (lambda x: F.batch_norm(x, None, None, training=True), lambda x: TF.batch_norm(x, None, None, training=True)),
    ]:
        result = f(ours)
        assert str(result.dtype) == dtype
        close(result.to("float64"), t(theirs).double(), tolerance)


def test_statistics_do_not_cancel():
    """Two passes: a large mean does not eat the variance."""
    a = (np.random.default_rng(0).standard_normal((4, 1000)) + 1e4).astype("float32")
    wide = a.astype("float64")
    expected = (wide - wide.mean(1, keepdims=True)) / np.sqrt(wide.var(1, keepdims=True) + 1e-5)
    np.testing.assert_allclose(np.asarray(F.layer_norm(rt.tensor(a), (1000,))), expected, atol=2e-3)


@pytest.mark.parametrize("name, args, kw, shape", [
    ("LayerNorm", (64,), {}, (2000, 64)),
    ("GroupNorm", (4, 32), {}, (20, 32, 200)),
    ("BatchNorm1d", (200,), {}, (900, 200)),
    ("BatchNorm2d", (32,), {}, (20, 32, 15, 15)),
    ("BatchNorm2d", (256,), {}, (32, 256, 7, 7)),
    ("GroupNorm", (4, 512), {}, (200, 512)),
])  # fmt: skip
def test_same_bits_for_any_number_of_threads(name, args, kw, shape):
    ours, _ = pair(name, args, kw)
    before = rt.get_num_threads()
    seen = []
    try:
        for threads in (1, 2, 3):
            rt.set_num_threads(threads)
            x = rt.tensor(numbers(*shape), requires_grad=True)
            out = ours(x)
            out.backward(rt.tensor(numbers(*shape, seed=1)))
            seen.append([np.asarray(t.detach()).tobytes() for t in (out, x.grad, ours.weight.grad, ours.bias.grad)])
            ours.zero_grad()
    finally:
        rt.set_num_threads(before)
    assert seen[0] == seen[1] == seen[2]


@pytest.mark.parametrize("layout", ["transposed", "strided", "expanded"])
def test_layouts(layout):
    a = numbers(4, 6, 5)
    view = {
        "transposed": lambda t: t.transpose(1, 2).contiguous().transpose(1, 2),
        "strided": lambda t: t[:, ::2],
        "expanded": lambda t: t[:1].expand(3, 6, 5),
    }[layout]
    x, y = view(rt.tensor(a)), view(torch.tensor(a))
    close(F.layer_norm(x, (5,)), TF.layer_norm(y, (5,)))
    close(F.group_norm(x, 3), TF.group_norm(y, 3))
    close(F.batch_norm(x, None, None, training=True), TF.batch_norm(y, None, None, training=True))


def test_out_and_top_level_names():
    a = numbers(4, 6)
    out = rt.empty(4, 6)
    rt._C.ops["layer_norm"](rt.tensor(a), (6,), out=out)
    close(out, torch.layer_norm(torch.tensor(a), (6,)))
    w, b, m, v = (numbers(6, seed=i) for i in range(4))
    args = [w, b, m, abs(v) + 1]
    close(
        rt.batch_norm(rt.tensor(a), *map(rt.tensor, args), False, 0.1, 1e-5, True),
        torch.batch_norm(torch.tensor(a), *map(torch.tensor, args), False, 0.1, 1e-5, False),
    )
    close(rt.group_norm(rt.tensor(a), 2), torch.group_norm(torch.tensor(a), 2))
    close(rt.rms_norm(rt.tensor(a), (6,)), torch.rms_norm(torch.tensor(a), (6,)))


@pytest.mark.parametrize("call, error", [
    (lambda x: F.layer_norm(x, (4,)), RuntimeError),
    (lambda x: F.layer_norm(x, ()), RuntimeError),
    (lambda x: F.layer_norm(x, (5,), rt.ones(4)), RuntimeError),
    (lambda x: F.layer_norm(x.long(), (5,)), TypeError),
    (lambda x: F.rms_norm(x, (4,)), RuntimeError),
    (lambda x: F.group_norm(x, 4), RuntimeError),
    (lambda x: F.group_norm(x, 0), RuntimeError),
    (lambda x: F.group_norm(x, 2, rt.ones(5)), RuntimeError),
    (lambda x: F.batch_norm(x, None, None), RuntimeError),
    (lambda x: F.batch_norm(x, rt.ones(5), rt.ones(6)), RuntimeError),
    (lambda x: F.batch_norm(x[:1, :, :1], None, None, training=True), ValueError),
    (lambda x: F.instance_norm(x[:, :, :1]), ValueError),
    (lambda x: nn.BatchNorm2d(6)(x), ValueError),
    (lambda x: nn.InstanceNorm1d(5, affine=True)(x), ValueError),
    (lambda x: nn.GroupNorm(4, 6), ValueError),
])  # fmt: skip
def test_errors(call, error):
    with pytest.raises(error):
        call(rt.ones(4, 6, 5))


def test_sync_batch_norm_takes_over_state():
    plain = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))
    plain(rt.randn(5, 3))
    made = nn.SyncBatchNorm.convert_sync_batchnorm(plain)
    assert isinstance(made[1], nn.SyncBatchNorm)
    assert made[1].running_mean is plain[1].running_mean or rt.equal(made[1].running_mean, plain[1].running_mean)
    assert list(made.state_dict()) == list(plain.state_dict())
