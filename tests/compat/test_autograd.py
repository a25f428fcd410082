"""The graph itself: accumulation, modes, hooks, custom functions, what raises.  PyTorch's behaviour is the judge."""

from __future__ import annotations

import gc
import weakref

import numpy as np
import pytest
import torch

import rustorch as rt


def both(fn):
    """fn(library) for PyTorch and for us; the results as nested lists must be equal."""
    want, got = fn(torch), fn(rt)
    assert len(want) == len(got)
    for w, g in zip(want, got, strict=True):
        if w is None or isinstance(w, (bool, int, str)):
            assert g == w
        else:
            np.testing.assert_allclose(np.asarray(g.detach().numpy()), w.detach().numpy(), rtol=1e-6)
    return got


def test_accumulation_over_uses_and_passes():
    def run(lib):
        x = lib.tensor([1.0, 2.0], requires_grad=True)
        y = x * x + x
        y.sum().backward()
        (x * 3).sum().backward()
        return [x.grad, x.is_leaf, y.is_leaf, y.requires_grad]

    both(run)


def test_modes():
    def run(lib):
        x = lib.ones(2, requires_grad=True)
        with lib.no_grad():
            a = x * 2
            with lib.enable_grad():
                b = x * 2
        with lib.set_grad_enabled(False):
            c = x * 2

        @lib.no_grad()
        def inner():
            return (x * 2).requires_grad

        return [a.requires_grad, b.requires_grad, c.requires_grad, inner(), lib.is_grad_enabled()]

    both(run)


def test_grad_function():
    def run(lib):
        x = lib.tensor([1.0, 2.0, 3.0], requires_grad=True)
        y = (x**3).sum()
        (first,) = lib.autograd.grad(y, x, create_graph=True)
        (second,) = lib.autograd.grad(first.sum(), x, create_graph=True)
        (third,) = lib.autograd.grad(second.sum(), x)
        return [first, second, third, x.grad]

    both(run)


def test_grad_of_non_leaf_and_unused():
    def run(lib):
        x = lib.tensor([1.0, 2.0], requires_grad=True)
        unused = lib.ones(3, requires_grad=True)
        h = x * 2
        y = (h * h).sum()
        by_h, by_x, none = lib.autograd.grad(y, (h, x, unused), allow_unused=True)
        return [by_h, by_x, none]

    both(run)
    x = rt.ones(2, requires_grad=True)
    with pytest.raises(RuntimeError, match="not used"):
        rt.autograd.grad((x * 2).sum(), (rt.ones(1, requires_grad=True),))


def test_hooks_on_leaves_and_others():
    def run(lib):
        seen = []
        x = lib.tensor([1.0, 2.0], requires_grad=True)
        h = x * 3
        h.register_hook(lambda g: seen.append("inner") or g * 2)
        handle = x.register_hook(lambda g: seen.append("leaf") or g + 1)
        h.retain_grad()
        (h * h + x).sum().backward()
        first = x.grad.clone()
        handle.remove()
        x.grad = None
        (x * x + x).sum().backward()
        return [first, h.grad, x.grad, *seen]

    both(run)


def test_leaf_hook_sees_the_whole_gradient_once():
    calls = []
    x = rt.ones(2, requires_grad=True)
    x.register_hook(lambda g: calls.append(g.tolist()))
    (x * 2 + x * 3).sum().backward()
    assert calls == [[5.0, 5.0]]


def test_post_accumulate_hook_and_node_hook():
    def run(lib):
        seen = []
        x = lib.tensor([1.0, 2.0], requires_grad=True)
        x.register_post_accumulate_grad_hook(lambda t: seen.append(float(t.grad.sum())))
        (x * 4).sum().backward()
        return [lib.tensor(seen)]

    both(run)
    x = rt.ones(2, requires_grad=True)
    y = x * 2
    y.grad_fn._add_hook(lambda ins, outs: tuple(None if g is None else g * 10 for g in ins))
    y.sum().backward()
    assert x.grad.tolist() == [20.0, 20.0]


def test_function():
    def run(lib):
        class Cube(lib.autograd.Function):
            @staticmethod
            def forward(ctx, x, scale):
                ctx.save_for_backward(x)
                ctx.scale = scale
                return x * x * x * scale

            @staticmethod
            def backward(ctx, g):
                (x,) = ctx.saved_tensors
                return g * 3 * x * x * ctx.scale, None

        x = lib.tensor([1.0, 2.0], requires_grad=True)
        y = Cube.apply(x, 2.0)
        (first,) = lib.autograd.grad(y.sum(), x, create_graph=True)
        (second,) = lib.autograd.grad(first.sum(), x)
        return [y, first, second, type(y.grad_fn).__name__ != "NoneType"]

    both(run)


def test_function_with_several_outputs():
    def run(lib):
        class Pair(lib.autograd.Function):
            @staticmethod
            def forward(ctx, x, y):
                ctx.save_for_backward(x, y)
                return x + y, x * y

            @staticmethod
            def backward(ctx, g, h):
                x, y = ctx.saved_tensors
                return g + h * y, g + h * x

        x = lib.tensor([1.0, 2.0], requires_grad=True)
        y = lib.tensor([3.0, 4.0], requires_grad=True)
        a, b = Pair.apply(x, y)
        (b * 2).sum().backward()
        return [x.grad, y.grad, a.requires_grad]

    both(run)


def test_function_marks():
    class Parts(rt.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            index = x.argmax()
            ctx.mark_non_differentiable(index)
            return x * 2, index

        @staticmethod
        def backward(ctx, g, *_):
            return g * 2

    x = rt.tensor([1.0, 3.0], requires_grad=True)
    doubled, index = Parts.apply(x)
    assert not index.requires_grad and index.item() == 1
    doubled.sum().backward()
    assert x.grad.tolist() == [2.0, 2.0]


def test_wrong_functions():
    class Short(rt.autograd.Function):
        @staticmethod
        def forward(ctx, x, y):
            return x * y

        @staticmethod
        def backward(ctx, g):
            return g

    x = rt.ones(2, requires_grad=True)
    with pytest.raises(RuntimeError, match="Short"):
        Short.apply(x, x).sum().backward()


def test_saved_tensor_overwritten_names_both_ops():
    x = rt.ones(3, requires_grad=True)
    h = x * 2
    y = h.exp()
    h.sin_()
    y.sum().backward()          # exp saved its result, not h
    z = x * 2
    w = z * z
    z.add_(1)
    with pytest.raises(RuntimeError, match=r"mul.*add"):
        w.sum().backward()
    out = (x * 2).exp()
    out.mul_(2)
    with pytest.raises(RuntimeError, match=r"exp.*mul"):
        out.sum().backward()


def test_what_raises():
    x = rt.ones(3, requires_grad=True)
    with pytest.raises(RuntimeError, match="leaf"):
        x.add_(1)
    with pytest.raises(RuntimeError, match="leaf"):
        x[0] = 1.0
    with pytest.raises(RuntimeError, match="scalar"):
        (x * 2).backward()
    with pytest.raises(RuntimeError, match="does not require grad"):
        rt.ones(1).backward()
    y = (x * x).sum()
    y.backward()
    with pytest.raises(RuntimeError, match="retain_graph"):
        y.backward()
    with pytest.raises(RuntimeError, match="floating"):
        rt.tensor([1, 2], requires_grad=True)
    with pytest.raises(rt.ShapeMismatchError):
        (x * 2).backward(rt.ones(2))
    with pytest.raises(RuntimeError, match="leaf"):
        (x * 2).requires_grad = False


def test_retain_graph():
    def run(lib):
        x = lib.tensor([2.0], requires_grad=True)
        y = x * x
        y.backward(retain_graph=True)
        y.backward()
        return [x.grad]

    both(run)


def test_backward_with_inputs_touches_only_them():
    a, b = rt.ones(2, requires_grad=True), rt.ones(2, requires_grad=True)
    (a * b).sum().backward(inputs=[a])
    assert a.grad.tolist() == [1.0, 1.0] and b.grad is None


def test_mixed_dtypes_and_broadcasting_bring_gradients_home():
    a = rt.ones(3, 1, dtype="float32", requires_grad=True)
    b = rt.ones(4, dtype="float64", requires_grad=True)
    (a * b).sum().backward()
    assert a.grad.dtype == np.float32 and tuple(a.grad.shape) == (3, 1) and a.grad.tolist() == [[4.0]] * 3
    assert b.grad.dtype == np.float64 and b.grad.tolist() == [3.0] * 4


def test_detach_shares_memory_and_forgets():
    x = rt.ones(2, requires_grad=True)
    d = x.detach()
    assert d.data_ptr() == x.data_ptr() and not d.requires_grad
    d[0] = 5.0
    assert x.tolist() == [5.0, 1.0]


def test_graph_of_100000_nodes():
    x = rt.ones(1, requires_grad=True)
    y = x
    for _ in range(100_000):
        y = y + 1
    y.backward()
    assert x.grad.item() == 1.0
    del y


def test_cycles_through_the_graph_are_collected():
    x = rt.ones(2, requires_grad=True)
    y = x * 2
    y.register_hook(lambda g, y=y: None)
    watch = weakref.ref(y)
    del y
    gc.collect()
    assert watch() is None


def test_anomaly_mode_names_the_op():
    with rt.autograd.detect_anomaly():
        x = rt.tensor([0.0], requires_grad=True)
        y = (x.sqrt() * 0).sum()
        with pytest.raises(RuntimeError, match=r"(sqrt|mul).*nan"):
            y.backward()


def test_data_and_grad_setters():
    x = rt.ones(2, requires_grad=True)
    x.data = rt.zeros(2)
    assert x.tolist() == [0.0, 0.0] and x.requires_grad
    x.grad = rt.ones(2)
    with pytest.raises(rt.ShapeMismatchError):
        x.grad = rt.ones(3)
    with pytest.raises(TypeError):
        x.grad = rt.ones(2, dtype="float64")
    x.grad = None
    assert x.grad is None


def test_a_function_runs_backward_once_unless_retained():
    class Double(rt.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * 2

        @staticmethod
        def backward(ctx, g):
            assert len(ctx.saved_tensors) == 1
            return g * 2

    x = rt.ones(2, requires_grad=True)
    y = Double.apply(x).sum()
    y.backward(retain_graph=True)
    y.backward()
    with pytest.raises(RuntimeError, match="retain_graph"):
        y.backward()


def test_a_hook_must_keep_the_shape():
    x = rt.ones(2, requires_grad=True)
    x.register_hook(lambda g: rt.ones(3))
    with pytest.raises(rt.ShapeMismatchError, match="hook"):
        (x * 2).sum().backward()
    assert x.grad is None


def test_a_gradient_by_one_input_leaves_the_others_alone():
    """Derivatives that nobody asked for are not computed, so that one which is missing does no harm."""
    x, q = (rt.tensor([v], dtype="float64", requires_grad=True) for v in (3.0, 2.0))
    z = rt.special.zeta(x, q)
    (by_q,) = rt.autograd.grad(z, q, retain_graph=True)
    theirs = torch.tensor([2.0], dtype=torch.float64, requires_grad=True)
    torch.special.zeta(torch.tensor([3.0], dtype=torch.float64), theirs).backward()
    np.testing.assert_allclose(by_q, theirs.grad, rtol=1e-12)
    with pytest.raises(NotImplementedError, match="zeta"):
        rt.autograd.grad(z, x)


def test_gradients_by_one_factor_to_second_order():
    """Saved values keep their places when the walk asks for one input only."""
    x, y = (rt.tensor([v, -v], dtype="float64", requires_grad=True) for v in (3.0, 2.0))
    for ours, wrt, expected in ((x / y, y, 2 * 3.0 / 2.0**3), (x * x * y, x, 2 * 2.0), (rt.atan2(x, y), y, 12 / 169)):
        (g,) = rt.autograd.grad(ours, wrt, rt.ones(2, dtype="float64"), create_graph=True)
        (again,) = rt.autograd.grad(g[0], wrt)
        np.testing.assert_allclose(again, [expected, 0.0], rtol=1e-12)
