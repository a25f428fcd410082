"""autograd.functional, func, graph hooks, anomaly mode and checkpoints beside PyTorch's."""
import gc
import weakref

import numpy as np
import pytest
import torch
import torch.utils.checkpoint

import rustorch
from rustorch.utils.checkpoint import checkpoint, checkpoint_sequential

LIBRARIES = (torch, rustorch)
F64 = {torch: torch.float64, rustorch: rustorch.float64}


def numbers(lib, *shape, seed=0, grad=False):
    values = np.random.default_rng(seed).uniform(0.5, 2.0, shape)
    return lib.tensor(values, dtype=F64[lib], requires_grad=grad)


def plain(tree):
    if isinstance(tree, (tuple, list)):
        return [plain(t) for t in tree]
    if isinstance(tree, dict):
        return {k: plain(v) for k, v in tree.items()}
    return np.asarray(tree.detach()) if hasattr(tree, "detach") else tree


def assert_same(run):
    theirs, ours = (plain(run(lib)) for lib in LIBRARIES)

    def compare(a, b):
        assert type(a) is type(b), (a, b)
        if isinstance(a, list):
            assert len(a) == len(b)
            for x, y in zip(a, b, strict=True):
                compare(x, y)
        elif isinstance(a, dict):
            assert a.keys() == b.keys()
            for k in a:
                compare(a[k], b[k])
        elif isinstance(a, np.ndarray):
            assert a.shape == b.shape and a.dtype == b.dtype
            np.testing.assert_allclose(b, a, rtol=1e-10)
        else:
            assert a == b
    compare(theirs, ours)


FUNCTIONS = {
    "one to one": (lambda x: x.exp() * x, 1),
    "one to two": (lambda x: (x.sin(), x.sum(0)), 1),
    "two to one": (lambda x, y: (x * y).sum(-1) + x[..., 0].exp(), 2),
    "two to two": (lambda x, y: (x * y, (x + 2 * y).prod(0)), 2),
    "unused": (lambda x, y: x.square(), 2),
}


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("create_graph", [False, True])
def test_jacobian(name, create_graph):
    fn, n = FUNCTIONS[name]

    def run(lib):
        inputs = tuple(numbers(lib, 2, 3, seed=k, grad=create_graph) for k in range(n))
        j = lib.autograd.functional.jacobian(fn, inputs if n > 1 else inputs[0], create_graph=create_graph)
        if not create_graph:
            return j
        rows = j if isinstance(j, tuple) else (j,)
        flat = [t for row in rows for t in (row if isinstance(row, tuple) else (row,))]
        total = sum((t.square().sum() for t in flat), lib.zeros((), dtype=F64[lib]))
        return [j, [g for g in lib.autograd.grad(total, inputs, allow_unused=True) if g is not None]]
    assert_same(run)


@pytest.mark.parametrize("name", ["one to one", "two to two"])
def test_forward_mode_jacobian(name):
    fn, n = FUNCTIONS[name]

    def run(lib):
        inputs = tuple(numbers(lib, 2, 3, seed=k) for k in range(n))
        extra = {"vectorize": True} if lib is torch else {}
        return lib.autograd.functional.jacobian(fn, inputs if n > 1 else inputs[0], strategy="forward-mode", **extra)
    assert_same(run)


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("product", ["vjp", "jvp"])
def test_products(name, product):
    fn, n = FUNCTIONS[name]

    def run(lib):
        inputs = tuple(numbers(lib, 2, 3, seed=k) for k in range(n))
        result = fn(*inputs)
        like = inputs if product == "jvp" else result if isinstance(result, tuple) else (result,)
        v = tuple(numbers(lib, *t.shape, seed=10 + k) for k, t in enumerate(like))
        return getattr(lib.autograd.functional, product)(fn, inputs if n > 1 else inputs[0], v if len(v) > 1 else v[0])
    assert_same(run)


@pytest.mark.parametrize("what", ["hessian", "vhp", "hvp"])
def test_second_order(what):
    def run(lib):
        one, two = numbers(lib, 3), (numbers(lib, 2, seed=1), numbers(lib, 2, 2, seed=2))
        f, g = (lambda x: (x ** 3).sum() + x.prod()), (lambda x, y: (y @ x).exp().sum() * x[0])
        tool = getattr(lib.autograd.functional, what)
        if what == "hessian":
            return [tool(f, one), tool(g, two)]
        v = numbers(lib, 2, seed=6), numbers(lib, 2, 2, seed=7)
        return [tool(f, one, numbers(lib, 3, seed=5)), tool(g, two, v)]
    assert_same(run)


def test_strict_and_wrong_arguments():
    f = rustorch.autograd.functional
    x = rustorch.ones(2)
    with pytest.raises(RuntimeError, match="does not depend"):
        f.jacobian(lambda t: rustorch.ones(3), x, strict=True)
    with pytest.raises(TypeError, match="must be a Tensor"):
        f.jacobian(lambda t: 3, x)
    with pytest.raises(RuntimeError, match="single element"):
        f.hessian(lambda t: t * 2, x)
    with pytest.raises(RuntimeError, match=r"shape \(3,\)"):
        f.vjp(lambda t: t * 2, x, rustorch.ones(3))
    with pytest.raises(RuntimeError, match="single element"):
        f.vjp(lambda t: t * 2, x)


# ---- func --------------------------------------------------------------------------------------

def test_func_gradients():
    def run(lib):
        f = lib.func
        x, y = numbers(lib, 3), numbers(lib, 3, seed=1)

        def loss(p, y):
            return (p["w"] * y).sum() + p["b"][0].exp().sum()
        return [
            f.grad(lambda x: (x ** 3).sum())(x),
            f.grad(lambda x, y: (x * y).sum(), argnums=(0, 1))(x, y),
            f.grad(lambda x: f.grad(lambda x: x ** 3)(x).sin())(numbers(lib)),
            f.grad_and_value(lambda x: x.exp().sum())(x),
            f.grad(lambda x: (x.exp().sum(), x * 2), has_aux=True)(x),
            f.grad(loss)({"w": x, "b": [y]}, y),
            f.jacrev(lambda x: x.square())(x),
            f.jacfwd(lambda x: x.square())(x),
            f.jacrev(lambda x, y: x * y, argnums=(0, 1))(x, y),
            f.hessian(lambda x: (x ** 3).prod())(x),
            f.jvp(lambda x, y: x * y, (x, y), (y, x)),
            f.vjp(lambda x: x.exp(), x)[0],
            f.vjp(lambda x: x.exp(), x)[1](y),
            f.jacfwd(f.jacrev(lambda x: (x ** 3).sum()))(x),
        ]
    assert_same(run)


def test_vmap():
    def run(lib):
        f = lib.func
        a, b = numbers(lib, 4, 3), numbers(lib, 4, 3, seed=1)
        return [
            f.vmap(lib.dot)(a, b),
            f.vmap(lambda x, y: x * y, in_dims=(0, None))(a, b[0]),
            f.vmap(lambda x: (x, x.sum()), in_dims=1, out_dims=(1, 0))(a),
            f.vmap(lambda p, x: p["w"] * x, in_dims=({"w": None}, 0))({"w": b[0]}, a),
            f.vmap(f.grad(lambda w, x: (w * x).sum().square()), in_dims=(None, 0))(b[0], a),
            f.vmap(f.vmap(lambda x: x * 2))(a),
            f.vmap(lambda x: x.sum(), chunk_size=2)(a),
        ]
    assert_same(run)
    with pytest.raises(ValueError, match="different lengths"):
        rustorch.func.vmap(rustorch.add)(rustorch.ones(2), rustorch.ones(3))
    with pytest.raises(ValueError, match="in_dims 2"):
        rustorch.func.vmap(rustorch.exp, in_dims=2)(rustorch.ones(2))


def test_functional_call():
    def run(lib):
        net = lib.nn.Sequential(lib.nn.Linear(3, 4), lib.nn.ReLU(), lib.nn.Linear(4, 2)).to(F64[lib])
        values = {name: numbers(lib, *p.shape, seed=k) for k, (name, p) in enumerate(net.named_parameters())}
        before = [p.detach().clone() for p in net.parameters()]
        x = numbers(lib, 5, 3)
        y = lib.func.functional_call(net, values, (x,))
        same = all(bool((a == b).all()) for a, b in zip(before, net.parameters(), strict=True))
        g = lib.func.grad(lambda p: lib.func.functional_call(net, p, (x,)).square().sum())(values)
        nets = [lib.nn.Linear(3, 2).to(F64[lib]) for _ in range(3)]
        stacked = lib.func.stack_module_state(nets)[0]
        return [y, same, g, {k: list(v.shape) for k, v in stacked.items()}]
    assert_same(run)
    with pytest.raises(RuntimeError, match="no parameter or buffer"):
        rustorch.func.functional_call(rustorch.nn.Linear(1, 1), {"other": rustorch.ones(1)}, (rustorch.ones(1),))


# ---- hooks on the graph --------------------------------------------------------------------------

def test_saved_tensors_hooks():
    def run(lib):
        x = numbers(lib, 3, grad=True)
        packed, unpacked = [], []

        def pack(t):
            packed.append(tuple(t.shape))
            return t.detach().clone() * 1

        def unpack(t):
            unpacked.append(tuple(t.shape))
            return t
        with lib.autograd.graph.saved_tensors_hooks(pack, unpack):
            y = (x.exp() * x).sum()
        (g,) = lib.autograd.grad(y, x, create_graph=True)
        (h,) = lib.autograd.grad(g.sum(), x)
        return [len(packed), len(unpacked) >= len(packed), g, h]
    assert_same(run)


def test_saved_tensors_hooks_reach_functions_and_may_go_to_files(tmp_path):
    class Square(rustorch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        def backward(ctx, g):
            (x,) = ctx.saved_tensors
            return 2 * x * g

    def pack(t):
        name = tmp_path / f"{len(list(tmp_path.iterdir()))}.npy"
        np.save(name, t.numpy())
        return name
    x = rustorch.tensor([1.0, 3.0], requires_grad=True)
    with rustorch.autograd.graph.saved_tensors_hooks(pack, lambda name: rustorch.from_numpy(np.load(name))):
        y = Square.apply(x)
    assert len(list(tmp_path.iterdir())) == 1
    (g,) = rustorch.autograd.grad(y.sum(), x, create_graph=True)
    (h,) = rustorch.autograd.grad(g.sum(), x)
    assert g.tolist() == [2.0, 6.0] and h.tolist() == [2.0, 2.0]


def test_saved_tensors_hooks_that_fail_or_lie():
    x = rustorch.ones(2, requires_grad=True)
    with pytest.raises(ZeroDivisionError), rustorch.autograd.graph.saved_tensors_hooks(lambda t: 1 // 0, lambda t: t):
        x.exp()
    with rustorch.autograd.graph.saved_tensors_hooks(lambda t: t, lambda t: "x"):
        y = x.exp()
    with pytest.raises(TypeError, match=r"exp.*must return a Tensor, not str"):
        y.sum().backward()
    hooks = rustorch.autograd.graph.saved_tensors_hooks(lambda t: t, lambda t: t)
    with rustorch.autograd.graph.disable_saved_tensors_hooks("none"), pytest.raises(RuntimeError, match="none"), hooks:
        pass
    with rustorch.autograd.graph.save_on_cpu():
        z = x.exp()
    z.sum().backward()
    assert x.grad.tolist() == pytest.approx([np.e, np.e])


def test_what_hooks_packed_is_collected():
    class Kept:
        pass
    alive = []

    def pack(t):
        kept = Kept()
        alive.append(weakref.ref(kept))
        return kept
    x = rustorch.ones(2, requires_grad=True)
    with rustorch.autograd.graph.saved_tensors_hooks(pack, lambda kept: rustorch.ones(2)):
        y = x.exp()
    (alive,) = alive
    gc.collect()
    assert alive() is not None
    del y
    gc.collect()
    assert alive() is None


def test_node_hooks():
    def run(lib):
        x = numbers(lib, 3, grad=True)
        y = x * 2
        z = y.exp()
        seen = []
        z.grad_fn.register_prehook(lambda outs: (outs[0] * 10,))
        handle = y.grad_fn.register_hook(lambda ins, outs: seen.append(len(outs)))
        z.sum().backward(retain_graph=True)
        handle.remove()
        z.sum().backward()
        return [x.grad, len(seen), z.grad_fn.name(), y.grad_fn.next_functions[0][1]]
    assert_same(run)


def test_multi_grad_hooks():
    def run(lib):
        a, b, c = (numbers(lib, 2, seed=k, grad=True) for k in range(3))
        seen = []
        handle = lib.autograd.graph.register_multi_grad_hook((a, b), lambda gs: seen.append([g.sum() for g in gs]))
        any_handle = lib.autograd.graph.register_multi_grad_hook((a, b), lambda g: seen.append(g.sum() * 0), mode="any")
        (a * b + c).sum().backward()
        handle.remove()
        any_handle.remove()
        (a * b + c).sum().backward()
        return [len(seen), [s for s in seen if isinstance(s, list)]]
    assert_same(run)


def test_anomaly_mode_shows_the_line():
    x = rustorch.tensor([0.0, 1.0], requires_grad=True)
    with rustorch.autograd.detect_anomaly():
        y = x.sqrt() * 0      # the line
        shown = r"sqrt: .*nan.*test_autograd_tools.py:\d+, test_anomaly.*x.sqrt\(\) \* 0"
        with pytest.raises(RuntimeError, match=shown) as e:
            y.sum().backward()
    assert "test_autograd_tools.py" in "".join(e.value.__notes__)
    assert not rustorch._C.is_anomaly_enabled()
    with rustorch.autograd.detect_anomaly(check_nan=False):
        (x.sqrt() * 0).sum().backward()
    assert np.isnan(x.grad.tolist()[0])

    class Broken(rustorch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 1

        @staticmethod
        def backward(ctx, g):
            raise ValueError("no")
    with rustorch.autograd.set_detect_anomaly(True):
        z = Broken.apply(x)
        with pytest.raises(ValueError) as e:
            z.sum().backward()
    assert "Broken.apply(x)" in "".join(e.value.__notes__)


def test_grad_is_batched():
    def run(lib):
        x = numbers(lib, 3, grad=True)
        y = x ** 3
        return lib.autograd.grad(y, x, lib.eye(3, dtype=F64[lib]), is_grads_batched=True)
    assert_same(run)


# ---- checkpoints ----------------------------------------------------------------------------------

def test_checkpoints():
    def run(lib):
        from importlib import import_module
        tool = import_module(f"{lib.__name__}.utils.checkpoint")
        w, x = numbers(lib, 3, grad=True), numbers(lib, 3, seed=1, grad=True)
        calls = []

        def part(t, k=1):
            calls.append(1)
            return (t * w * k).exp()
        y = tool.checkpoint(part, x, k=2, use_reentrant=True) if lib is rustorch else tool.checkpoint(
            lambda t: part(t, k=2), x, use_reentrant=True)
        y.sum().backward()
        return [y, w.grad, x.grad, len(calls)]
    assert_same(run)


def test_checkpoint_draws_the_same_numbers():
    x = rustorch.ones(1000, requires_grad=True)
    rustorch.manual_seed(3)
    y = checkpoint(lambda t: rustorch.nn.functional.dropout(t, 0.5), x)
    after = rustorch.rand(1).item()
    y.sum().backward()
    assert np.array_equal(np.asarray(x.grad), np.asarray(y.detach()))
    rustorch.manual_seed(3)
    rustorch.nn.functional.dropout(x, 0.5)
    assert rustorch.rand(1).item() == after


def test_checkpoint_of_a_sequence_and_without_inputs_that_require_grad():
    net = rustorch.nn.Sequential(*(rustorch.nn.Linear(3, 3) for _ in range(5)))
    x = rustorch.ones(2, 3)
    net(x).sum().backward()
    expected = [np.array(p.grad) for p in net.parameters()]
    net.zero_grad()
    checkpoint_sequential(net, 2, x).sum().backward()
    for p, e in zip(net.parameters(), expected, strict=True):
        np.testing.assert_allclose(np.asarray(p.grad), e, rtol=1e-6)
    y = checkpoint(lambda t: t * 2, rustorch.ones(2, requires_grad=True))
    with pytest.raises(RuntimeError, match="differentiated twice"):
        rustorch.autograd.grad(y.sum(), y, create_graph=True)[0]
        y.sum().backward(create_graph=True)
