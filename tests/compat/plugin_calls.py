"""What a user does with the ops of examples/plugin: run in a process of its own by test_plugins.py, which names the
function, because an op that was added stays for the life of the process."""
import sys
import threading
import warnings

import numpy as np

import rustorch as rt


def rows():
    return {row["name"]: row for row in rt._C.op_table()}


def test_ops_are_there_when_first_asked_for():
    assert "rustorch_signals" not in sys.modules and "logcosh" not in rows()
    np.testing.assert_allclose(rt.logcosh(rt.asarray(np.arange(2.0))), np.log(np.cosh([0.0, 1.0])), atol=1e-15)
    assert "rustorch_signals" in sys.modules and rt.plugins.load() == ["signals"]
    row = rows()["logcosh"]
    assert row["gradient"] == ("g * tanh(x)", None, None) and row["family"] == "elementwise" and row["differentiable"]
    assert rows()["ema"]["signature"] == "x, alpha:float=0.1, dim:int=-1" and rows()["ema"]["differentiable"]
    assert {"logcosh", "logcosh_", "ema"} <= set(rt._C.ops) and "ema_" not in rt._C.ops
    assert rt.logcosh.__doc__ == "logcosh(x, *, out=None)\n\nlog(cosh(x)), without overflow."
    try:
        rt.no_such_op  # noqa: B018
    except AttributeError as error:
        assert "no_such_op" in str(error)
    else:
        raise AssertionError


def test_ops_are_off():
    assert not hasattr(rt, "logcosh") and rt.plugins.load() == [] and "rustorch_signals" not in sys.modules


def test_broken_plugins_are_named():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert not hasattr(rt, "no_such_op")
    texts = sorted(str(w.message) for w in caught if w.category is RuntimeWarning)
    assert len(texts) == 3, texts
    assert "'absent' (no_such_module_at_all)" in texts[0] and "ModuleNotFoundError" in texts[0]
    assert "'failing' (broken_plugin:fail)" in texts[1] and "ZeroDivisionError" in texts[1]
    assert "'late' (broken_plugin:absent)" in texts[2] and "AttributeError" in texts[2]
    assert rt.plugins.load() == ["counted", "signals"] and sys.modules["broken_plugin"].calls == 1
    assert rt.logcosh(0.0) == 0


def test_values_are_those_of_pytorch():
    import torch

    rng = np.random.default_rng(0)
    for dtype, tolerance in (("float32", 1e-6), ("float64", 1e-14)):
        a = rng.normal(size=(6, 5, 4)).astype(dtype)
        for layout in (a, a[::-1, ::2], a.transpose(2, 0, 1), a[:0], a[0, 0, 0]):
            t, x = torch.tensor(layout.copy(), requires_grad=True), rt.asarray(layout).requires_grad_()
            expected = t.cosh().log()
            np.testing.assert_allclose(rt.logcosh(x).detach(), expected.detach(), rtol=tolerance, atol=tolerance)
            g = rng.normal(size=layout.shape).astype(dtype)
            expected.backward(torch.tensor(g))
            rt.logcosh(x).backward(rt.asarray(g))
            np.testing.assert_allclose(x.grad, t.grad, rtol=tolerance, atol=tolerance)
            for dim in range(layout.ndim):
                t.grad = x.grad = None
                y, state = [], 0
                for part in t.unbind(dim):
                    state = 0.3 * part + 0.7 * state
                    y.append(state)
                if not y:
                    continue
                expected = torch.stack(y, dim)
                found = rt.ema(x, alpha=0.3, dim=dim)
                np.testing.assert_allclose(found.detach(), expected.detach(), rtol=tolerance, atol=tolerance)
                expected.backward(torch.tensor(g))
                found.backward(rt.asarray(g))
                np.testing.assert_allclose(x.grad, t.grad, rtol=tolerance, atol=tolerance)


def test_gradients_to_second_order():
    rt.plugins.load()      # names are looked for in rustorch, methods are not
    x = rt.asarray(np.random.default_rng(1).normal(size=(3, 4))).requires_grad_()
    for f in (rt.logcosh, lambda x: rt.ema(x, 0.4), lambda x: x.ema(dim=0), lambda x: x.logcosh().ema(0.5) * x):
        assert rt.autograd.gradcheck(f, (x,)) and rt.autograd.gradgradcheck(f, (x,))


def test_they_are_ops_like_any_other():
    rt.plugins.load()      # names are looked for in rustorch, methods are not
    x = rt.tensor([-1.0, 0.0, 2.0], requires_grad=True)
    expected = np.log(np.cosh(x.detach().numpy().astype("float64"))).astype("float32")
    assert x.logcosh().grad_fn.name() == "LogcoshBackward0" and x.ema().grad_fn.name() == "EmaBackward0"
    with rt.no_grad():
        assert not x.logcosh().requires_grad and not x.ema().requires_grad
    for name in ("logcosh", "ema"):
        op = getattr(rt, name)
        out = rt.empty(3)
        assert op(x.detach(), out=out) is out
        np.testing.assert_array_equal(out, op(x).detach())
        wide = rt.zeros(3, dtype="float64")
        np.testing.assert_allclose(op(x.detach(), out=wide), op(x).detach(), rtol=1e-6)
        shared = x.detach().clone()
        op(shared, out=shared)
        np.testing.assert_array_equal(shared, op(x).detach())
        np.testing.assert_allclose(rt.vmap(op)(rt.stack([x, x]).detach())[1], op(x).detach(), rtol=1e-6)
        with rt.autocast("cpu"):
            assert op(x).dtype == np.float32
    assert rt.logcosh(rt.arange(3)).dtype == np.float32 and rt.logcosh(rt.ones(2, dtype="float16")).dtype == np.float16
    assert rt.logcosh(rt.ones(2, dtype="bfloat16")).dtype == rt.bfloat16
    assert rt.logcosh(2).shape == () and rt.ema([1.0, 2.0]).shape == (2,)
    try:
        rt.logcosh(rt.ones(2, dtype="complex64"))
    except TypeError as error:
        assert "logcosh" in str(error) and "complex64" in str(error)
    else:
        raise AssertionError
    try:
        rt.ema(x, dim=1)
    except IndexError as error:
        assert "ema" in str(error)
    else:
        raise AssertionError
    np.testing.assert_allclose(x.detach().clone().logcosh_(), expected, rtol=1e-6)
    # plain ndarrays through the ufunc, and tensors that come to it
    ufunc = rt.ufunc.logcosh
    assert isinstance(ufunc, np.ufunc) and isinstance(ufunc(np.ones(3)), np.ndarray)
    np.testing.assert_allclose(ufunc(np.arange(4, dtype="f4")[::-1]), rt.logcosh(np.arange(4.0)[::-1]), rtol=1e-6)
    assert ufunc(x).requires_grad
    assert type(rt.numpy.asarray([1.0]).logcosh()) is rt.numpy.ndarray


def test_threads_do_not_change_bits():
    a = np.random.default_rng(2).normal(size=(300, 1000))
    found = []
    for n in (1, 4):
        rt.set_num_threads(n)
        found.append((rt.logcosh(a).numpy(), rt.ema(a, dim=0).numpy(), rt.ema(a, dim=1).numpy()))
    for one, many in zip(*found, strict=True):
        np.testing.assert_array_equal(one, many)
    results = [None] * 4

    def work(i):
        results[i] = rt.ema(a, dim=0).numpy()

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for result in results:
        np.testing.assert_array_equal(result, found[0][1])


def test_a_model_trains_with_them():
    rt.plugins.load()      # names are looked for in rustorch, methods are not
    rt.manual_seed(0)
    layer = rt.nn.Linear(4, 1)
    x = rt.randn(64, 4)
    y = x @ rt.tensor([[1.0], [-2.0], [0.5], [3.0]])
    optimizer = rt.optim.Adam(layer.parameters(), lr=0.1)
    losses = []
    for _ in range(200):
        optimizer.zero_grad()
        loss = (layer(x) - y).logcosh().mean()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 1e-3 < losses[0]


def test_ops_in_python():
    import torch

    def soft_threshold(x, amount=0.5, *, both: bool = True):
        """x moved towards 0.

        More."""
        return rt.sign(x) * rt.relu(x.abs() - amount) if both else rt.relu(x - amount)

    def backward(g, x, amount, both):
        return g * (x.abs() > amount) if both else g * (x > amount)

    f = rt.plugins.register("soft_threshold", soft_threshold, backward, method=True)
    assert f is rt.soft_threshold and rows()["soft_threshold"]["doc"] == "x moved towards 0."
    assert rows()["soft_threshold"]["signature"] == "x, amount:float=0.5, *, both:bool=True"
    a = np.random.default_rng(0).normal(size=(4, 5))
    x = rt.asarray(a).requires_grad_()
    t = torch.tensor(a, requires_grad=True)
    y = x.soft_threshold(0.25)
    assert "hreshold" in y.grad_fn.name()
    y.square().sum().backward()
    torch.nn.functional.softshrink(t, 0.25).square().sum().backward()
    np.testing.assert_allclose(x.grad, t.grad)
    out = rt.zeros(4, 5)
    assert rt.soft_threshold(x.detach(), both=False, out=out) is out
    np.testing.assert_allclose(out, np.maximum(a - 0.5, 0), rtol=1e-6)
    try:
        rt.plugins.register("soft_threshold", soft_threshold)
    except ValueError as error:
        assert "soft_threshold" in str(error) and "taken" in str(error)
    else:
        raise AssertionError


def test_gradients_of_ops_in_python_are_derived():
    gradcheck, gradgradcheck = rt.autograd.gradcheck, rt.autograd.gradgradcheck
    x, y = (rt.asarray(np.random.default_rng(i).normal(size=(3, 4))).requires_grad_() for i in range(2))
    rt.plugins.register("mixed", lambda x, y, k=2.0: (x * y).sin() * k + x.exp())
    assert gradcheck(rt.mixed, (x, y)) and gradgradcheck(rt.mixed, (x, y))
    assert gradcheck(lambda x: rt.mixed(x, 3.0), (x,)) and not rt.mixed(1.0, 2.0).requires_grad
    rt.plugins.register("halves", lambda x, dim=-1: tuple(rt.chunk(x, 2, dim)), nout=2)
    assert gradcheck(lambda x: rt.halves(x)[0] * rt.halves(x, 1)[1], (x,))
    rt.plugins.register("total", lambda tensors, weight=None: sum(t.square().sum() for t in tensors) * (
        1 if weight is None else weight), signature="tensors:tensors, weight:tensor?=None")
    assert gradcheck(lambda x, y: rt.total([x, y, x, x.exp()]), (x, y))
    assert gradgradcheck(lambda x, y: rt.total([x, y.sin(), x], y[0, 0]), (x, y))
    rt.plugins.register("cubed", lambda x: x * x * x, gradient="3 * g * x * x")
    assert gradcheck(rt.cubed, (x,)) and gradgradcheck(rt.cubed, (x,))
    rt.plugins.register("described", lambda x, how, size, kind: x + len(how) + len(size) + (kind is None),
                        signature="x, how:near|far=far, size:ints=1, *, kind:dtype?=None")
    assert rt.described(0.0).item() == 5 and rt.described(0, "near", (1, 2, 3), kind="float32").item() == 7
    for wrong, kind in ((lambda x: 3, TypeError), (lambda x: (x, x), ValueError), (lambda x: 1 / 0, ArithmeticError)):
        name = kind.__name__.lower()
        rt.plugins.register(name, wrong)
        try:
            getattr(rt, name)(x)
        except kind:
            continue
        raise AssertionError(kind)
    rt.plugins.register("few", lambda x, y: x * y, lambda g, x, y: g)
    try:
        rt.few(x, y).sum().backward()
    except ValueError as error:
        assert "few: its function must give 2 gradients" in str(error)
    else:
        raise AssertionError
    for wrong in (lambda *x: x, lambda x, y="a": x):
        try:
            rt.plugins.register("never", wrong)
        except ValueError as error:
            assert "signature" in str(error)
        else:
            raise AssertionError


if __name__ == "__main__":
    globals()[sys.argv[1]]()
    print("passed")
