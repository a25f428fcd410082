"""Graphs used badly: very long ones, freed ones, values overwritten, hooks and functions that
misbehave, walks inside walks."""
import contextlib
import copy
import gc
import subprocess
import sys
import weakref

import numpy as np
import pytest

import rustorch
from rustorch.autograd import Function


def leaf(*values):
    return rustorch.tensor(list(values), requires_grad=True)


LONG = """
import rustorch
x = rustorch.tensor([1.0], requires_grad=True)
{build}
print(x.grad.item() if x.grad is not None else None)
"""


@pytest.mark.parametrize("build, expected", [
    ("y = x\nfor _ in range(100_000): y = y + 1\ny.sum().backward()", "1.0"),
    ("y = x\nfor _ in range(100_000): y = y * 1.0\ny.backward(); del y", "1.0"),
    ("y = x\nfor _ in range(100_000): y = y.view(1)\ndel y", "None"),
    ("y = x * 1\nfor _ in range(100_000): y += 1\ny.sum().backward()", "1.0"),
    ("y = x\nfor _ in range(100_000): y = y.sin()\nf = y.grad_fn\ndel y\ndel f", "None"),
    ("y = x\nfor _ in range(20_000): y = y * 1.0 + 0 * y.detach()\n"
     "g, = rustorch.autograd.grad(y.sum(), x, create_graph=True)\n(g * x).sum().backward()", "1.0"),
    ("y = sum((x * 1 for _ in range(50_000)), x)\ny.backward()", "50001.0"),
    ("rustorch.cat([x] * 70_000).sum().backward()", "70000.0"),
    ("rustorch.stack([x] * 40_000).sum().backward()", "40000.0"),
    ("""
class Identity(rustorch.autograd.Function):
    @staticmethod
    def forward(ctx, a): return a * 1
    @staticmethod
    def backward(ctx, g): return g
y = x
for _ in range(20_000): y = Identity.apply(y)
y.backward()
del y""", "1.0"),
])
def test_long_graphs(build, expected):
    """No recursion, neither in the walk nor when the graph is dropped: on a stack of 256 KiB."""
    limit = "import resource; resource.setrlimit(resource.RLIMIT_STACK, (1 << 18, resource.RLIM_INFINITY))\n"
    code = LONG.format(build=build)
    run = f"import os, sys\n{limit}os.execv(sys.executable, [sys.executable, '-c', {code!r}])"
    done = subprocess.run([sys.executable, "-c", run], capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, f"{done.returncode}: {done.stderr[-2000:]}"
    assert done.stdout.strip() == expected


def test_collecting_a_long_graph():
    """The collector may find the graph in a circle with something else."""
    x = leaf(1.0)
    y = x
    for _ in range(50_000):
        y = y + 1
    y.myself = y
    seen = weakref.ref(y)
    del y
    gc.collect()
    assert seen() is None


@pytest.mark.parametrize("saver, save, writer, write", [
    ("exp", lambda x: x.exp(), "add", lambda y: y.add_(1)),
    ("tanh", lambda x: x.tanh(), "mul", lambda y: y.mul_(2)),
    ("sigmoid", lambda x: x.sigmoid(), "fill", lambda y: y.fill_(0)),
    ("sqrt", lambda x: x.sqrt(), "exp", lambda y: y.exp_()),
    ("softmax", lambda x: rustorch.softmax(x, 0), "sub", lambda y: y.sub_(1)),
])
def test_overwritten_results(saver, save, writer, write):
    x = leaf(1.0, 2.0)
    y = save(x)
    write(y)
    with pytest.raises(RuntimeError, match=rf"(?s)'{saver}'.*overwritten.*'{writer}"):
        y.sum().backward()
    assert x.grad is None


def test_overwritten_inputs():
    x, w = leaf(1.0, 2.0), rustorch.tensor([3.0, 4.0])
    y = x * w
    w.add_(1)
    with pytest.raises(RuntimeError, match=r"'mul'.*overwritten.*'add"):
        y.sum().backward()
    y = x * w
    w[0] = 9
    with pytest.raises(RuntimeError, match=r"'mul'.*overwritten"):
        y.sum().backward()
    y = x * w
    w.detach()[1:].zero_()
    with pytest.raises(RuntimeError, match=r"'mul'.*overwritten"):
        y.sum().backward()
    w = rustorch.from_numpy(np.ones(2, np.float32))
    y = x + w
    w.add_(1)          # nothing was saved
    y.sum().backward()
    assert x.grad.tolist() == [1, 1]


def test_in_place_on_leaves():
    x = leaf(1.0, 2.0)
    for write in (lambda: x.add_(1), lambda: x.__setitem__(0, 5.0), lambda: x.zero_(), lambda: x[0:1].mul_(2),
                  lambda: x.copy_(x.detach()), lambda: np.add(x, 1, out=x), lambda: rustorch.exp(x.detach(), out=x)):
        with pytest.raises((RuntimeError, ValueError), match=r"leaf|grad"):
            write()
    assert x.detach().tolist() == [1.0, 2.0]
    with rustorch.no_grad():
        x.add_(1)
    (x * x).sum().backward()
    assert x.grad.tolist() == [4.0, 6.0]


def test_freed_graph():
    x = leaf(2.0)
    y = (x * x).exp().sum()
    y.backward()
    for again in (lambda: y.backward(), lambda: rustorch.autograd.grad(y, x), lambda: y.backward(retain_graph=True)):
        with pytest.raises(RuntimeError, match=r"already freed.*retain_graph"):
            again()
    y = (x * x).sum()
    y.backward(retain_graph=True)
    y.backward()
    with pytest.raises(RuntimeError, match=r"already freed"):
        y.backward()


def test_nothing_to_walk():
    for t in (rustorch.ones(1), rustorch.ones(1, dtype="int64"), leaf(1.0).detach()):
        with pytest.raises(RuntimeError, match=r"grad"):
            t.backward()
    with pytest.raises((RuntimeError, ValueError), match=r"scalar|one element|shape|size"):
        (leaf(1.0, 2.0) * 2).backward()
    for gradient in (rustorch.ones(3), rustorch.ones(2, 2), "x", 3):
        with pytest.raises((RuntimeError, ValueError, TypeError)):
            (leaf(1.0, 2.0) * 2).backward(gradient)
    x, unused = leaf(1.0), leaf(1.0)
    with pytest.raises((RuntimeError, ValueError), match=r"unused|used|reach"):
        rustorch.autograd.grad(x * 2, unused)
    assert rustorch.autograd.grad(x * 2, [unused], allow_unused=True) == (None,)
    for kind in ("int64", "bool"):
        with pytest.raises((RuntimeError, TypeError, ValueError)):
            rustorch.ones(2, dtype=kind).requires_grad_()


def test_hooks_that_remove_themselves():
    x = leaf(1.0)
    handles, seen = [], []

    def once(g):
        seen.append(g.item())
        for h in handles:
            h.remove()
    y = x * 3
    handles += [y.register_hook(once), y.register_hook(once), x.register_hook(once)]
    y.backward(retain_graph=True)
    y.backward(retain_graph=True)
    assert len(seen) in (1, 2)       # those that the first removed may be called or not in that walk, none in the next
    y.backward()
    assert x.grad.item() == 9


def test_hooks_that_add_hooks():
    x = leaf(1.0)
    y = x * 2
    y.register_hook(lambda g: y.register_hook(lambda g: None) and None)
    y.backward()
    assert x.grad.item() == 2


def test_hooks_that_raise_or_lie():
    x = leaf(1.0, 2.0)

    def boom(g):
        raise KeyError("mine")
    for result in (rustorch.ones(3), "x", 5):
        y = x * 2
        y.register_hook(lambda g, result=result: result)
        with pytest.raises((RuntimeError, TypeError, ValueError)):
            y.sum().backward()
    y = x * 2
    handle = y.register_hook(boom)
    with pytest.raises(KeyError, match=r"mine"):
        y.sum().backward()
    handle.remove()
    x.grad = None
    (x * 2).sum().backward()
    assert x.grad.tolist() == [2, 2]
    with pytest.raises(TypeError):
        y.register_hook(3)
    with pytest.raises(RuntimeError):
        rustorch.ones(1).register_hook(print)


def test_backward_inside_backward():
    x, w = leaf(2.0), leaf(3.0)
    y = x * x

    def hook(g):
        with rustorch.enable_grad():
            (w * w * g.detach()).sum().backward()
    y.register_hook(hook)
    (y * 5).backward()
    assert (x.grad.item(), w.grad.item()) == (20.0, 30.0)
    y = x * x
    z = y * 5
    handle = y.register_hook(lambda g: z.backward(retain_graph=True))
    with pytest.raises(RuntimeError, match=r"inside a backward pass"):
        z.backward(retain_graph=True)
    handle.remove()
    x.grad = None
    z.backward()
    assert x.grad.item() == 20.0


def test_a_hook_that_destroys_the_graph():
    box = {}
    x = leaf(1.0)
    box["y"] = (x * 2).exp()

    def hook(g):
        box.clear()
        x.grad = None
        gc.collect()
    box["y"].register_hook(hook)
    box["y"].sum().backward()
    assert x.grad is not None


class Wrong(Function):
    answer = None

    @staticmethod
    def forward(ctx, x, y):
        ctx.save_for_backward(x, y)
        return x * y

    @staticmethod
    def backward(ctx, g):
        return Wrong.answer(ctx, g)


@pytest.mark.parametrize("answer", [
    lambda ctx, g: g, lambda ctx, g: (g, g, g), lambda ctx, g: (), lambda ctx, g: "xy", lambda ctx, g: (g, "x"),
    lambda ctx, g: (rustorch.ones(3), g), lambda ctx, g: 1 / 0, lambda ctx, g: (g, 5)],
    ids=["one", "three", "none", "string", "half a string", "another shape", "raises", "a number"])
def test_functions_that_answer_wrongly(answer):
    Wrong.answer = staticmethod(answer)
    x, y = leaf(1.0, 2.0), leaf(3.0, 4.0)
    with pytest.raises((RuntimeError, TypeError, ValueError, ZeroDivisionError)):
        Wrong.apply(x, y).sum().backward()
    Wrong.answer = staticmethod(lambda ctx, g: (g, None))
    Wrong.apply(x, y).sum().backward()
    assert y.grad is None


def test_functions_that_are_not_written():
    class Empty(Function):
        pass

    class Silent(Function):
        @staticmethod
        def forward(ctx, x):
            return None

    class OneWay(Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

    class Text(Function):
        @staticmethod
        def forward(ctx, x):
            return "text"
    x = leaf(1.0)
    with pytest.raises((NotImplementedError, RuntimeError, TypeError)):
        Empty.apply(x)
    for cls in (Silent, Text):
        with contextlib.suppress(TypeError, RuntimeError):
            cls.apply(x)
    with pytest.raises((NotImplementedError, RuntimeError, TypeError)):
        OneWay.apply(x).backward()


def test_saved_for_backward_is_checked():
    Wrong.answer = staticmethod(lambda ctx, g: (g * ctx.saved_tensors[1], g * ctx.saved_tensors[0]))
    x, y = leaf(1.0), rustorch.tensor([2.0])
    z = Wrong.apply(x, y)
    y.add_(1)
    with pytest.raises(RuntimeError, match=r"overwritten"):
        z.backward()
    Wrong.apply(x, y).backward()
    assert x.grad.item() == 3


def test_functions_in_circles_are_collected():
    class Keeps(Function):
        @staticmethod
        def forward(ctx, x):
            out = x * 2
            ctx.out = out
            return out

        @staticmethod
        def backward(ctx, g):
            return g * 2
    x = leaf(1.0)
    y = Keeps.apply(x)
    y.loop = [y, y.grad_fn]
    y.register_hook(y.loop.append)
    seen = weakref.ref(y)
    del y
    gc.collect()
    assert seen() is None


def test_deep_copies():
    x = leaf(1.0, 2.0)
    (x * x).sum().backward()
    twin = copy.deepcopy(x)
    assert twin.requires_grad and twin.grad.tolist() == x.grad.tolist() and twin.data_ptr() != x.data_ptr()
    assert copy.deepcopy([x, x])[0].tolist() == [1.0, 2.0]
    both = copy.deepcopy([x, x])
    assert both[0] is both[1]
    with pytest.raises(RuntimeError, match=r"leaf|leaves|graph"):
        copy.deepcopy(x * 2)


def test_weak_references():
    x = leaf(1.0)
    y = x * 2
    seen, node = weakref.ref(y, lambda r: called.append(1)), y.grad_fn
    called = []
    assert seen() is y
    del y
    assert seen() is None and called == [1] and node is not None
    z = x[0:1]
    other = weakref.ref(z)
    del x
    assert other() is z and z._base is not None


def test_views_overwritten_through_their_base():
    x = leaf(1.0, 2.0, 3.0)
    y = x * 1
    v = y[1:]
    y.mul_(3)
    (v * v).sum().backward()
    assert x.grad.tolist() == [0.0, 36.0, 54.0]
    y = x * 1
    v = y[1:]
    v.mul_(3)
    x.grad = None
    (y * y).sum().backward()
    assert x.grad.tolist() == [2.0, 36.0, 54.0]


def test_gradients_set_by_hand():
    x = leaf(1.0, 2.0)
    for g in (rustorch.ones(3), 5, "x", rustorch.ones(2, 1), [1.0, 1.0]):
        with pytest.raises((RuntimeError, TypeError, ValueError)):
            x.grad = g
    x.grad = rustorch.ones(2)
    x.grad = None
    with pytest.raises((RuntimeError, TypeError, ValueError)):
        x.grad = x


def test_grad_mode_comes_back():
    for mode in (rustorch.no_grad, rustorch.enable_grad, rustorch.inference_mode):
        before = rustorch.is_grad_enabled()
        with pytest.raises(KeyError), mode():
            raise KeyError
        assert rustorch.is_grad_enabled() == before
        x = leaf(1.0)
        y = x * 2
        y.register_hook(lambda g: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            y.backward()
        assert rustorch.is_grad_enabled() == before


def test_the_collector_learns_of_nodes_when_it_searches_everything():
    y = rustorch.ones(2, requires_grad=True)
    for _ in range(50):
        y = y * 2
    nodes = [y.grad_fn]
    for _ in range(49):
        nodes.append(nodes[-1].next_functions[0][0])
    assert not any(gc.is_tracked(node) for node in nodes)
    gc.collect(1)
    assert not any(gc.is_tracked(node) for node in nodes)
    gc.collect()
    assert all(gc.is_tracked(node) for node in nodes)


def test_a_circle_through_hidden_nodes_is_collected():
    x = rustorch.ones(2, requires_grad=True)
    y = (x * 2).exp()
    x.register_hook(lambda g, y=y: g)
    gone = weakref.ref(y)
    del x, y
    gc.collect()
    assert gone() is None
