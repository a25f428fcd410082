"""mse_loss, nll_loss and cross_entropy against PyTorch: values, gradients, gradients of gradients."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import rustorch as rt

F = torch.nn.functional
SHAPES = [(5,), (6, 5), (3, 5, 2), (2, 5, 3, 4), (0, 5)]
REDUCTIONS = ["none", "mean", "sum"]


def compare(ours, theirs, arrays, wanted, tolerance=1e-9):
    x, t = [rt.from_numpy(a.copy()) for a in arrays], [torch.tensor(a) for a in arrays]
    for i in wanted:
        x[i].requires_grad_()
        t[i].requires_grad_()
    out, expected = ours(*x), theirs(*t)
    close = dict(rtol=tolerance, atol=tolerance)
    assert out.shape == tuple(expected.shape)
    np.testing.assert_allclose(np.asarray(out.detach()), expected.detach().numpy(), **close)
    weights = np.random.default_rng(5).standard_normal(expected.shape).astype(arrays[0].dtype)
    loss, reference = (out * rt.from_numpy(np.asarray(weights))).sum(), (expected * torch.tensor(weights)).sum()
    x, t = [x[i] for i in wanted], [t[i] for i in wanted]
    plain = rt.autograd.grad(loss, x, retain_graph=True)
    g, tg = rt.autograd.grad(loss, x, create_graph=True), torch.autograd.grad(reference, t, create_graph=True)
    for a, b, c in zip(plain, g, tg, strict=True):
        np.testing.assert_allclose(np.asarray(a), c.detach().numpy(), **close)
        np.testing.assert_allclose(np.asarray(b.detach()), c.detach().numpy(), **close)
    cubes, reference = sum((v * v * v).sum() for v in g), sum((v * v * v).sum() for v in tg)
    zeros = [torch.zeros_like(v) for v in t]
    th = torch.autograd.grad(reference, t, allow_unused=True) if reference.requires_grad else zeros
    h = rt.autograd.grad(cubes, x, allow_unused=True) if cubes.requires_grad else [None] * len(x)
    for a, b, zero in zip(h, th, zeros, strict=True):
        b = zero if b is None else b
        np.testing.assert_allclose(np.zeros(b.shape) if a is None else np.asarray(a), b.numpy(), **close)


def problem(shape, seed=0):
    rng = np.random.default_rng(seed)
    classes = shape[0] if len(shape) == 1 else shape[1]
    target = np.asarray(rng.integers(0, classes, () if len(shape) == 1 else (shape[0],) + shape[2:]))
    return rng.standard_normal(shape), target, rng.random(classes) + 0.1, rng.random(shape)


@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_mse_loss(reduction):
    rng = np.random.default_rng(0)
    compare(lambda x, y: rt.mse_loss(x, y, reduction=reduction), lambda x, y: F.mse_loss(x, y, reduction=reduction),
            [rng.standard_normal((3, 4)), rng.standard_normal((3, 4))], [0, 1])


@pytest.mark.parametrize("ignore", [-100, 2])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("shape", SHAPES)
def test_class_numbers(shape, reduction, weighted, ignore):
    x, target, weight, _ = problem(shape)
    if target.ndim and target.size:
        target.flat[0] = ignore
        if reduction == "none":
            target.flat[-1] = ignore
    elif target.ndim == 0 and ignore == target:
        target = (target + 1) % 5
    arrays = [x, target] + ([weight] if weighted else [])
    for name, options in [("nll_loss", {}), ("cross_entropy", {}), ("cross_entropy", {"label_smoothing": 0.1})]:
        def call(module, *args, name=name, options=options):
            w = args[2] if weighted else None
            return getattr(module, name)(
                args[0], args[1], weight=w, ignore_index=ignore, reduction=reduction, **options
            )

        if x.size == 0 and reduction == "mean":
            assert np.isnan(call(rt, *map(rt.from_numpy, arrays)).item())
        else:
            compare(lambda *a: call(rt, *a), lambda *a: call(F, *a), arrays, [0])


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("shape", SHAPES[:-1])
def test_class_probabilities(shape, reduction, weighted, smoothing):
    x, _, weight, q = problem(shape)

    def call(module, x, q, w=None):
        return module.cross_entropy(x, q, weight=w, reduction=reduction, label_smoothing=smoothing)
    compare(lambda *a: call(rt, *a), lambda *a: call(F, *a), [x, q] + ([weight] if weighted else []), [0, 1])


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int32"])
def test_targets_of_any_integer_dtype(dtype):
    x, target, _, _ = problem((6, 5))
    got = rt.cross_entropy(rt.from_numpy(x), rt.from_numpy(target.astype(dtype)))
    assert got.item() == rt.cross_entropy(rt.from_numpy(x), rt.from_numpy(target)).item()


def test_float32_and_float16():
    x, target, _, _ = problem((64, 10))
    compare(rt.cross_entropy, F.cross_entropy, [x.astype("float32"), target], [0], 1e-5)
    half = rt.cross_entropy(rt.from_numpy(x.astype("float16")), rt.from_numpy(target))
    assert half.dtype == rt.float16
    assert abs(half.item() - F.cross_entropy(torch.tensor(x), torch.tensor(target)).item()) < 1e-2


def test_large_scores_do_not_overflow():
    x = rt.tensor([[1000.0, 0.0], [-1000.0, 0.0]])
    assert rt.cross_entropy(x, rt.tensor([0, 1])).item() == 0.0
    assert rt.cross_entropy(x, rt.tensor([1, 0]), reduction="none").tolist() == [1000.0, 1000.0]


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda x: rt.cross_entropy(x, rt.tensor([0, 3])), IndexError, "row 1 is class 3, but there are 3"),
        (lambda x: rt.cross_entropy(x, rt.tensor([0, -1])), IndexError, "class -1"),
        (lambda x: rt.nll_loss(x, rt.tensor([7, 0])), IndexError, "nll_loss: target of row 0 is class 7"),
        (
            lambda x: rt.cross_entropy(x, rt.tensor([0, 1, 1])),
            rt.errors.ShapeMismatchError,
            "to match target batch_size",
        ),
        (lambda x: rt.cross_entropy(x, rt.ones(3, 2)), rt.errors.ShapeMismatchError, "probabilities"),
        (
            lambda x: rt.cross_entropy(x, rt.tensor([0, 1]), rt.ones(2)),
            rt.errors.ShapeMismatchError,
            "for all 3 classes or no classes",
        ),
        (lambda x: rt.cross_entropy(x, rt.tensor([0, 1]), label_smoothing=2.0), ValueError, "label_smoothing"),
        (lambda x: rt.cross_entropy(x.long(), rt.tensor([0, 1])), TypeError, "int64"),
        (lambda x: rt.nll_loss(x, rt.ones(2, 3)), TypeError, "class numbers"),
    ],
)
def test_errors(call, error, words):
    with pytest.raises(error, match=words):
        call(rt.zeros(2, 3))


def test_saturated_probabilities_give_finite_gradients():
    logits = rt.tensor([200.0, -200.0, 200.0, -200.0], requires_grad=True)
    theirs = torch.tensor([200.0, -200.0, 200.0, -200.0], requires_grad=True)
    for lib, x in ((rt, logits), (torch, theirs)):
        loss = lib.nn.functional.binary_cross_entropy(x.sigmoid(), lib.tensor([1.0, 0.0, 0.0, 1.0]))
        loss.backward()
    assert logits.grad.tolist() == theirs.grad.tolist() == [0.0] * 4
    assert loss.item() == 50.0
