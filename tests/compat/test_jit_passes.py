"""A network's forward and backward pass as one step of a program: the bits of the ops one by one, or the ops."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

import rustorch as rt
from rustorch import nn
from rustorch.nn import functional as F


def perceptron(sizes, act, dtype=rt.float32, bias=True):
    layers = []
    for n, m in pairwise(sizes):
        layers += [nn.Linear(n, m, bias=bias), act()]
    model = nn.Sequential(*layers[:-1]).to(dtype)
    rng = np.random.default_rng(0)
    with rt.no_grad():
        for p in model.parameters():
            p.copy_(rt.from_numpy(rng.normal(scale=0.3, size=tuple(p.shape))))
    return model


def data(sizes, batch, dtype=rt.float32):
    rng = np.random.default_rng(1)
    x = rt.from_numpy(rng.normal(size=(batch, sizes[0]))).to(dtype)
    return x, rt.from_numpy(rng.integers(0, sizes[-1], size=batch))


def facts(model):
    return [t.detach().numpy().tobytes() for p in model.parameters() for t in (p, p.grad) if t is not None]


def compare(make, calls, one_step=True):
    """make(): a model and a step of it.  Both ways give the same bits with one and two threads."""
    seen, threads = [], rt.get_num_threads()
    try:
        for scripted in (False, True):
            for count in (1, 2):
                rt.set_num_threads(count)
                model, step = make()
                fn = rt.jit.script(step) if scripted else step
                results = [fn(*args) for args in calls]
                seen.append(([r.numpy().tobytes() for r in results if r is not None], facts(model)))
    finally:
        rt.set_num_threads(threads)
    assert all(s == seen[0] for s in seen[1:])
    assert fn.replays > 0, fn.reason
    _, joined = fn.steps
    assert (joined > 0) == one_step, fn.steps
    return fn


SHAPES = [
    ((6, 8, 3), 5), ((64, 32, 10), 32), ((64, 64, 64, 10), 32), ((7, 1, 2), 3), ((33, 17, 5), 1), ((1, 1, 2), 1),
    ((100, 31, 12), 65), ((3, 2), 4),
]  # fmt: skip


@pytest.mark.parametrize("dtype", [rt.float32, rt.float64])
@pytest.mark.parametrize("shape", SHAPES)
def test_classifiers(shape, dtype):
    sizes, batch = shape
    for act, reduction, smoothing in ((nn.ReLU, "mean", 0), (nn.Tanh, "sum", 0), (nn.GELU, "mean", 0.1)):

        def make(act=act, reduction=reduction, smoothing=smoothing):
            model = perceptron(sizes, act, dtype, bias=reduction == "mean")
            optimizer = rt.optim.Adam(model.parameters(), lr=0.01)

            def step(x, y):
                optimizer.zero_grad()
                loss = F.cross_entropy(model(x), y, reduction=reduction, label_smoothing=smoothing)
                loss.backward()
                optimizer.step()
                return loss.detach()

            return model, step

        compare(make, [data(sizes, batch, dtype)] * 4)


def test_gradients_add_up_and_values_are_used_twice():
    sizes = (6, 6, 4)

    def make():
        model = perceptron(sizes, nn.Sigmoid)
        w = nn.Parameter(rt.linspace(-1, 1, 6 * 6).reshape(6, 6))
        model.register_parameter("extra", w)

        def step(x, y):
            h = F.linear(x, w)
            h = h * 2 + h * h - F.linear(h, w)
            F.cross_entropy(model(h + x), y).backward()

        return model, step

    compare(make, [data(sizes, 5)] * 4)


def test_class_numbers_are_checked_at_each_call():
    sizes = (4, 3)
    model = perceptron(sizes, nn.ReLU)

    @rt.jit.script
    def step(x, y):
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        return loss.detach()

    x, y = data(sizes, 4)
    step(x, y)
    first = step(x, y).item()
    with pytest.raises(Exception, match="class"):
        step(x, rt.tensor([0, 1, 3, 0]))
    wanted = F.cross_entropy(model(x), rt.tensor([0, 1, -100, 0])).item()
    assert step(x, rt.tensor([0, 1, -100, 0])).item() == wanted
    assert step(x, y).item() == first and step.replays >= 3


def test_hooks_and_histories_are_respected():
    sizes = (4, 5, 3)
    model = perceptron(sizes, nn.ReLU)

    @rt.jit.script
    def step(x, y):
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        return loss.detach()

    x, y = data(sizes, 4)
    for _ in range(2):
        step(x, y)
    weight, seen = model[0].weight, []
    handle = weight.register_hook(lambda g: seen.append(g.tolist()))
    weight.grad = None
    step(x, y)
    assert seen == [weight.grad.tolist()]
    handle.remove()
    at = weight.detach().clone().requires_grad_()
    (F.cross_entropy(model[2](F.relu(F.linear(x, at * 1, model[0].bias))), y)).backward()
    assert at.grad.tolist() == weight.grad.tolist()


def test_arguments_with_gradients_of_their_own():
    @rt.jit.script
    def step(x, w, y):
        F.cross_entropy(F.linear(x, w), y).backward()

    x, y = data((4, 3), 5)
    w = rt.ones(3, 4).requires_grad_()
    for _ in range(3):
        step(x.requires_grad_(), w, y)
    expected = x.grad.clone(), w.grad.clone()
    a, b = x.detach().clone().requires_grad_(), w.detach().clone().requires_grad_()
    for _ in range(3):
        F.cross_entropy(F.linear(a * 1, b), y).backward()
    assert expected[0].tolist() == a.grad.tolist() and expected[1].tolist() == b.grad.tolist()
    step(a * 1, b, y)  # no leaf now: the gradient goes on to a
    F.cross_entropy(F.linear(x * 1, w), y).backward()
    assert a.grad.tolist() == x.grad.tolist() and b.grad.tolist() == w.grad.tolist() and step.replays >= 2


def test_unaligned_operands():
    model = perceptron((4, 3), nn.ReLU)

    @rt.jit.script
    def step(x, y):
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        return loss.detach()

    x, y = data((4, 3), 5)
    raw = np.empty(5 * 4 * 4 + 1, np.uint8)[1:].view(np.float32).reshape(5, 4)
    raw[:] = x.numpy()
    assert len({step(v, y).item() for v in (x, x, rt.from_numpy(raw))}) == 1 and step.replays >= 1


def test_what_is_left_to_the_ops():
    x, y = data((4, 3), 5)
    w = rt.ones(3, 4).requires_grad_()

    def weighted():
        F.cross_entropy(F.linear(x, w), y, weight=rt.ones(3)).backward()

    def broadcast():
        F.cross_entropy(F.linear(x, w) + w[0, :3], y).backward()

    def kept():
        F.cross_entropy(F.linear(x, w), y).backward(retain_graph=True)

    for fn in (weighted, broadcast, kept):
        w.grad = None
        fn()
        fn()
        wanted = w.grad.tolist()
        w.grad = None
        scripted = rt.jit.script(fn)
        scripted()
        scripted()
        assert w.grad.tolist() == wanted and scripted.steps[1] == 0


LOSSES = {
    "mse": F.mse_loss,
    "l1 sum": lambda o, t: F.l1_loss(o, t, reduction="sum"),
    "smooth": F.smooth_l1_loss,
    "huber": lambda o, t: F.huber_loss(o, t, delta=0.5),
    "logits": lambda o, t: F.binary_cross_entropy_with_logits(o, rt.sigmoid(t)),
    "by hand": lambda o, t: ((o - t) ** 2).mean() + o.abs().sum() * 0.01,
    "sum": lambda o, t: o.sum(),
}


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("batch", [1, 33, 700])
def test_losses_and_results_with_their_history(name, batch):
    def history(t):
        names, node = [], t.grad_fn
        while node is not None:
            names.append(node.name())
            node = next((n for n, _ in node.next_functions if n is not None), None)
        return names

    def make():
        model = perceptron((5, 9, 3), nn.SiLU)
        target = rt.linspace(-2, 2, batch * 3).reshape(batch, 3)

        def step(x):
            model.zero_grad()
            out = model(x)
            loss = LOSSES[name](out, target)
            good = (out > target).sum()
            loss.backward()
            return loss, out, good

        return model, step

    x = data((5, 3), batch)[0]
    seen = []
    for scripted in (False, True):
        model, step = make()
        step = rt.jit.script(step) if scripted else step
        for _ in range(3):
            loss, out, good = step(x)
        tried = []
        for t in (loss, out.sum()):
            with pytest.raises(RuntimeError, match="already freed"):
                t.backward()
            tried.append((history(t), t.requires_grad, t.item()))
        seen.append((tried, good.item(), out.detach().numpy().tobytes(), facts(model)))
    assert seen[0] == seen[1] and step.replays == 2 and step.steps[1] >= 4, (step.reason, step.steps)
