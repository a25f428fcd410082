"""jit.script: replays give the bits of the function itself, and whatever a replay cannot do falls back to it."""

from __future__ import annotations

import copy
import functools
import math
import pickle
import threading

import numpy as np
import pytest

import rustorch as rt
from rustorch import nn

STATE = {"factor": 2.0}
SCALE = 3.0


def bits(t):
    return t.detach().numpy().tobytes(), tuple(t.shape), t.dtype


def same(fn, *args, replayed=True, **kwargs):
    """fn scripted gives, recorded and replayed, what fn gives."""
    scripted = rt.jit.script(fn)
    want = fn(*args, **kwargs)
    for _ in range(3):
        got = scripted(*args, **kwargs)
        assert bits(got) == bits(want) and got.stride() == want.stride()
    assert (scripted.replays == 2) is replayed, scripted.reason
    return scripted


EXPRESSIONS = [
    lambda a, b: 2 * a + 3 * b,
    lambda a, b: a**2 + b**2 + 2 * a * b,
    lambda a, b: 2 * a + b * 10,
    lambda a, b: rt.sin(a) ** 2 + rt.cos(b) ** 2,
    lambda a, b: rt.exp(-(a.abs())) / rt.sqrt(b.abs() + 1),
    lambda a, b: rt.where(a > b, a, b * 2),
    lambda a, b: a * b - 4.1 * a > 2.5 * b,
    lambda a, b: (a > 0) & (b < 0) | (a == b),
    lambda a, b: rt.tanh(a) * rt.sigmoid(b) + rt.relu(a - b),
    lambda a, b: (a + 1) * (a + 1) * (a + 1) * (b + 1) * (b + 2) * (b + 3) - a / (b * b + 1),
    lambda a, b: rt.addcmul(a, b, a, value=0.5) + rt.clamp(b, -1, 1),
    lambda a, b: (a * b).sum() + (a - b).mean(),
    lambda a, b: (a > 0).float() * b + a.double().float(),
]


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "bfloat16"])
@pytest.mark.parametrize("number", range(len(EXPRESSIONS)))
def test_expressions(number, dtype):
    dtype = getattr(rt, dtype)
    for n in (1, 7, 1000, 2049, 70001):
        a, b = rt.randn(n).to(dtype), rt.randn(n).to(dtype)
        same(EXPRESSIONS[number], a, b)


@pytest.mark.parametrize("dtype", ["int32", "int64", "uint8", "complex64", "bool"])
def test_other_dtypes(dtype):
    a = (rt.arange(5000) % 7).to(getattr(rt, dtype))
    b = (rt.arange(5000) % 5).to(getattr(rt, dtype))
    same(lambda x, y: (x + y) * y + (x == y), a, b)


def test_layouts():
    def fn(x, y, row, column, scalar):
        return (x * row + y * column) * scalar - x / (y * y + 1) + row

    x, y = rt.randn(70, 90), rt.randn(70, 90)
    row, column, scalar = rt.randn(90), rt.randn(70, 1), rt.tensor(2.5)
    same(fn, x, y, row, column, scalar)
    same(fn, x.t().contiguous().t(), y, row, column, scalar)
    same(fn, x.t().contiguous().t(), y.t().contiguous().t(), row, column, scalar)
    same(fn, rt.randn(140, 90)[::2], rt.randn(70, 180)[:, ::2], row, column, scalar)
    same(fn, x.flip(0), y[:, :1].expand(70, 90), row, column, scalar)
    same(lambda a: a * 2 + 1, rt.randn(0, 4))
    same(lambda a: (a * 2 + 1) * a, rt.randn(3, 2, 4, 5, 2).permute(4, 2, 0, 1, 3))


def test_the_number_of_threads_does_not_matter():
    a, b = rt.randn(300001), rt.randn(300001)
    fn = rt.jit.script(lambda x, y: rt.sin(x) * y + 2 * x - rt.exp(-y * y))
    before, found = rt.get_num_threads(), set()
    try:
        for n in (1, 2, 4):
            rt.set_num_threads(n)
            fn(a, b)
            found.add(bits(fn(a, b)))
    finally:
        rt.set_num_threads(before)
    assert len(found) == 1 and fn.replays >= 5


def test_chains_are_one_step():
    fn = same(lambda a, b: rt.sqrt(a * a + b * b) + 2 * a, rt.randn(100), rt.randn(100))
    assert fn.steps == (1, 6)


def test_several_results_and_structures():
    @rt.jit.script
    def fn(pair, options):
        x, y = pair
        z = x + y
        return {"sum": z, "all": [z * 2, (x, None, 3)]}, options["k"] * z

    x, y = rt.randn(10), rt.randn(10)
    for _ in range(3):
        out, last = fn((x, y), {"k": 2.0})
        assert (out["sum"] == x + y).all() and (out["all"][0] == (x + y) * 2).all()
        assert out["all"][1] == (x, None, 3) and out["all"][1][0] is x and (last == 2 * (x + y)).all()
    assert fn.replays == 2


def test_arguments_of_other_kinds_are_recorded_again():
    fn = rt.jit.script(lambda a, k=2: a * k + 1)
    for dtype in (rt.float32, rt.float64, rt.int64):
        for n in (3, 5):
            a = rt.arange(n).to(dtype)
            assert bits(fn(a)) == bits(a * 2 + 1) == bits(fn(a))
    a = rt.randn(3)
    assert bits(fn(a, 5)) == bits(a * 5 + 1) and bits(fn(a, k=7)) == bits(a * 7 + 1)
    assert fn.recordings == 8 and bits(fn(a, 5.5)) == bits(a * 5.5 + 1)
    assert bits(fn(a, True)) == bits(a * True + 1)


def test_the_same_tensor_twice():
    fn = rt.jit.script(lambda a, b: a + 2 * b)
    a, b = rt.randn(9), rt.randn(9)
    for x, y in ((a, a), (a, b), (b, b), (a, a), (b, a)):
        assert bits(fn(x, y)) == bits(x + 2 * y)


def test_in_place_writes():
    def fn(x, y):
        z = x * y
        z += 1
        x.mul_(2)
        z[1:3] = 7
        return z + x

    scripted = rt.jit.script(fn)
    x, y = rt.randn(10), rt.randn(10)
    for _ in range(3):
        p, q = x.clone(), x.clone()
        assert bits(fn(p, y)) == bits(scripted(q, y)) and bits(p) == bits(q)
        assert bits(fn(p, p)) == bits(scripted(q, q)) and bits(p) == bits(q)
    assert scripted.replays >= 4


def test_items_are_written():
    def fn(x, index):
        z = x * 1
        z[x > 0] = 5
        z[index] = x[index] * 2
        z[1, :2] += 3
        z[:, None, -1] = x[:, :1]
        z[index, 0] = -1
        return z.view(-1).contiguous(), z.clone(), sum(z[i] for i in range(2)), [v * 2 for v in z]

    scripted = rt.jit.script(fn)
    for _ in range(4):
        x, index = rt.randn(4, 5), rt.randint(0, 4, (3,))
        (a, b, c, d), (p, q, r, s) = fn(x, index), scripted(x, index)
        assert bits(a) == bits(p) and bits(b) == bits(q) and bits(c) == bits(r)
        assert [bits(t) for t in d] == [bits(t) for t in s]
    assert scripted.replays == 3, scripted.reason


def test_gradients_off_inside():
    def fn(x, w):
        with rt.no_grad():
            scale = (w * w).sum()
        with rt.enable_grad():
            y = w * x
        return y / scale

    scripted, w = rt.jit.script(fn), rt.randn(3, requires_grad=True)
    for _ in range(3):
        y = scripted(rt.ones(3), w)
        assert y.requires_grad and bits(y) == bits(fn(rt.ones(3), w))
    assert scripted.replays == 2, scripted.reason


def test_gradients():
    def fn(x, w):
        return ((x @ w).tanh() * 2 + 1).sum()

    scripted = rt.jit.script(fn)
    x, w = rt.randn(4, 5), rt.randn(5, 3, requires_grad=True)
    for _ in range(3):
        v = w.detach().clone().requires_grad_()
        fn(x, w).backward()
        scripted(x, v).backward()
        assert bits(w.grad) == bits(v.grad)
        w.grad = None
    with rt.no_grad():
        assert not scripted(x, w).requires_grad
    assert scripted(x, w).requires_grad and not scripted(x, w.detach()).requires_grad


def test_globals_and_closures_are_watched():
    factor = 2.0

    @rt.jit.script
    def fn(x):
        return x * factor * SCALE * STATE["factor"] * math.pi

    global SCALE
    x = rt.randn(5)
    for _ in range(3):
        for SCALE in (3.0, 4.0):
            for factor in (2.0, 5.0):
                STATE["factor"] = factor + 1
                assert bits(fn(x)) == bits(x * factor * SCALE * STATE["factor"] * math.pi)
    SCALE = 3.0


def test_captured_tensors_are_those_of_now():
    w = rt.randn(5)
    fn = rt.jit.script(lambda x: x * w)
    x = rt.randn(5)
    fn(x)
    w.mul_(2)
    assert bits(fn(x)) == bits(x * w) and fn.replays == 1
    w = rt.randn(5)
    assert bits(fn(x)) == bits(x * w)


def reads(x):
    return x + 1 if x.sum() > 0 else x - 1


def prints(x):
    print("called")
    return x + 1


CALLS = []


def appends(x):
    CALLS.append(1)
    return x + 1


def through_numpy(x):
    return rt.from_numpy(np.cbrt(x.numpy())) + 1


def makes(x):
    return x + rt.tensor([1.0, 2.0, 3.0])


def makes_unseen(x):
    return x + functools.partial(rt.tensor, [1.0, 2.0, 3.0])()


def fills(x):
    return x + rt.full((3,), x[0])


def gives_constant(x):
    z = rt.zeros(3)
    return x + z, z[1:]


def writes_constant(x):
    z = rt.zeros(3)
    z[0] = 1
    return x + z


class Holder:
    pass


def draws(x):
    return x + rt.rand(3)


def grad_of(x):
    return rt.autograd.grad((x * x).sum(), x)[0]


def sets(x):
    y = x * 2
    y.requires_grad = True
    return y


def gives_text(x):
    return f"{x}"


UNRECORDED = [
    reads, prints, appends, through_numpy, makes, makes_unseen, fills, gives_constant, writes_constant, draws, sets,
    gives_text, lambda x: (x + 1, float(x[0])), lambda x: (x + 1 for _ in range(2)), lambda x: (x + 1, Holder()),
    lambda x: x + x.to_numpy()[0], lambda x: x.data + x,
]  # fmt: skip


@pytest.mark.parametrize("fn", UNRECORDED)
def test_what_is_not_recorded(fn, capsys):
    scripted = rt.jit.script(fn)
    for k in range(6):
        scripted(rt.full((3,), float((-1) ** k)))
    assert scripted.replays == 0 and scripted.reason
    x = rt.full((3,), -4.0)
    if fn is reads:
        assert bits(scripted(x)) == bits(x - 1)
    if fn is prints:
        assert capsys.readouterr().out.count("called") == 6
    if fn is appends:
        assert len(CALLS) == 6


def test_constants_that_the_function_makes():
    def fn(x):
        mask = rt.full((x.shape[0], x.shape[0]), -math.inf).triu(1)
        return (x @ x.t() + mask).softmax(-1) @ x + rt.arange(x.shape[1]) * rt.ones_like(x)

    same(fn, rt.randn(5, 3))
    same(lambda x: (x.detach() * 2 + x, x)[0], rt.randn(3, requires_grad=True))


def test_objects_may_change_where_nobody_looks():
    class Runner:
        def __init__(self):
            self.scale, self.log = 2.0, []

        def run(self, x):
            return x * self.scale

    runner = Runner()
    fn, x = rt.jit.script(runner.run), rt.randn(3)
    for k in range(6):
        runner.log.append(fn(x))
        runner.count = k
    assert fn.replays == 5 and fn.recordings == 1
    runner.scale = 3.0
    assert bits(fn(x)) == bits(x * 3.0)


def test_classes_are_watched():
    class Settings:
        factor, other = 2.0, 1.0

    class Scaled(nn.Module):
        shift = 1.0

        def forward(self, x):
            return x * Settings.factor + self.shift

    model, x = rt.jit.script(Scaled()), rt.randn(3)
    for k in range(4):
        Settings.factor, Scaled.shift, Settings.other = float(k // 2), float(k // 2), float(k)
        for _ in range(2):
            assert bits(model(x)) == bits(x * Settings.factor + Scaled.shift)
    assert model.forward.recordings == 2 and model.forward.replays == 6

    def counts(x):
        Settings.other += 1
        return x * 2

    fn = rt.jit.script(counts)
    fn(x), fn(x)
    assert fn.replays == 0 and Settings.other == 5.0 and "Settings" in fn.reason


def test_grad_inside_is_not_recorded():
    fn = rt.jit.script(grad_of)
    x = rt.randn(3, requires_grad=True)
    for _ in range(4):
        assert bits(fn(x)) == bits(2 * x)
    assert fn.replays == 0 and "autograd.grad" in fn.reason


def test_errors_are_the_functions_own():
    @rt.jit.script
    def fn(a, b):
        return a + b

    fn(rt.ones(3), rt.ones(3))
    with pytest.raises(rt.ShapeMismatchError):
        fn(rt.ones(3), rt.ones(4))
    with pytest.raises(TypeError):
        fn(rt.ones(3))
    assert fn(rt.ones(3), rt.ones(3)).tolist() == [2, 2, 2]


def test_random_numbers_are_drawn_anew():
    dropout = rt.jit.script(lambda x: nn.functional.dropout(x, 0.5) * 2)
    x = rt.ones(1000)
    rt.manual_seed(3)
    want = [bits(nn.functional.dropout(x, 0.5) * 2) for _ in range(4)]
    rt.manual_seed(3)
    assert [bits(dropout(x)) for _ in range(4)] == want and dropout.replays == 3


def test_nested_scripts():
    inner = rt.jit.script(lambda x: x * 2)
    outer = rt.jit.script(lambda x: inner(x) + inner(x + 1))
    x = rt.randn(4)
    for _ in range(3):
        assert bits(outer(x)) == bits(x * 2 + (x + 1) * 2)
    assert outer.replays == 2 and inner.recordings == 0


def test_observers_see_every_op():
    fn = rt.jit.script(lambda a: (a + 1) * 2)
    x, seen = rt.randn(5), []
    fn(x), fn(x)
    with rt._C.Observer(after=lambda event: seen.append(event.name)):
        fn(x)
    assert seen == ["add", "mul"]


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Linear(6, 8), nn.Linear(8, 3)
        self.drop, self.norm = nn.Dropout(0.5), nn.BatchNorm1d(8)
        self.gain = 2.0

    def forward(self, x):
        return self.second(self.drop(self.norm(self.first(x).relu()))) * self.gain


def test_modules():
    model = Block()
    assert rt.jit.script(model) is model and isinstance(model, rt.jit.ScriptModule)
    plain = Block()
    plain.load_state_dict(model.state_dict())
    x = rt.randn(5, 6)
    for k in range(12):
        for m in (model, plain):
            m.train(k % 4 < 2)
            m.gain = 2.0 if k < 6 else 3.0
            rt.manual_seed(k)
            m.result = m(x)
            m.result = (m.result.sum().backward(), m.result)[1]
        assert bits(model.result) == bits(plain.result)
        for p, q in zip(model.parameters(), plain.parameters()):
            assert bits(p.grad) == bits(q.grad)
        for p, q in zip(model.buffers(), plain.buffers()):
            assert bits(p) == bits(q)
        del model.result, plain.result
    assert list(model.state_dict()) == list(plain.state_dict())


def test_copies_of_scripted_modules_are_their_own():
    model = rt.jit.script(nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2)).eval())
    x = rt.randn(2, 3)
    with rt.no_grad():
        model(x)
        for other in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
            for p in other.parameters():
                p.zero_()
            assert (other(x) == 0).all() and (other(x) == 0).all() and not (model(x) == 0).all()


def test_methods_partials_and_names():
    class Holder:
        """Doc."""

        factor = 3

        @rt.jit.script
        def scaled(self, x):
            """Scales."""
            return x * self.factor

    holder, x = Holder(), rt.randn(3)
    for holder.factor in (3, 3, 4):
        assert bits(holder.scaled(x)) == bits(x * holder.factor)
    assert Holder.scaled.__name__ == "scaled" and Holder.scaled.__doc__ == "Scales."
    assert rt.jit.script(functools.partial) is functools.partial and rt.jit.script(len) is len
    traced = rt.jit.trace(lambda a: a * 2, x)
    assert traced.recordings == 1 and bits(traced(x)) == bits(x * 2)
    traced.forget()
    assert traced.recordings == 0
    compiled = rt.compile(lambda a: a * 2)
    assert bits(compiled(x)) == bits(compiled(x)) and compiled.replays == 1


def test_threads_call_one_script():
    fn = rt.jit.script(lambda a, b: rt.exp(-a * a) + b * 2)
    errors = []

    def work(seed):
        rng = np.random.default_rng(seed)
        for k in range(30):
            a = rt.from_numpy(rng.normal(size=(100 + k % 3) * 100))
            if bits(fn(a, a + 1)) != bits(rt.exp(-a * a) + (a + 1) * 2):
                errors.append(k)

    workers = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for w in workers:
        w.start()
    for w in workers:
        w.join()
    assert not errors and fn.replays > 50
