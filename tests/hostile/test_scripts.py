"""Scripts under stress: memory that runs out at each allocation, exceptions inside, aliases, many threads, garbage."""

from __future__ import annotations

import gc
import sys
import threading
import weakref

import pytest

import rustorch as rt
from rustorch import _C, nn


def bits(t):
    return t.detach().numpy().tobytes(), tuple(t.shape), t.dtype


def test_memory_runs_out_in_a_replay():
    fn = rt.jit.script(lambda a, b: ((a * b + a).view(10, 10), (a - b).sum(), a @ b))
    a, b = rt.randn(100), rt.randn(100)
    want = [bits(t) for t in fn(a, b)]
    rt.memory.empty_cache()
    _C.memory_set_caching(False)
    try:
        for n in range(1, 30):
            _C.memory_fail_at(n)
            try:
                got = fn(a, b)
            except MemoryError:
                continue
            finally:
                _C.memory_fail_at(0)
            assert [bits(t) for t in got] == want
            break
        else:
            raise AssertionError("it never ran through")
    finally:
        _C.memory_set_caching(True)
    assert n > 2 and [bits(t) for t in fn(a, b)] == want and fn.recordings == 1


def test_memory_runs_out_in_a_recording():
    a, b = rt.randn(100), rt.randn(100)
    want = bits(rt.exp(a) * b + a)
    _C.memory_set_caching(False)
    try:
        for n in range(1, 12):
            fn = rt.jit.script(lambda a, b: rt.exp(a) * b + a)
            _C.memory_fail_at(n)
            try:
                assert bits(fn(a, b)) == want
            except MemoryError:
                pass
            finally:
                _C.memory_fail_at(0)
            assert bits(fn(a, b)) == want and bits(fn(a, b)) == want
    finally:
        _C.memory_set_caching(True)


def test_an_exception_inside_ends_the_recording_only():
    @rt.jit.script
    def fn(a):
        if a.shape[0] > 3:
            raise KeyError("long")
        return a * 2 + 1

    with pytest.raises(KeyError):
        fn(rt.ones(4))
    assert sys.getprofile() is None and not rt._C.Tracer((), {}).reason
    assert fn(rt.ones(2)).tolist() == fn(rt.ones(2)).tolist() == [3, 3] and fn.replays == 1
    with pytest.raises(KeyError):
        fn(rt.ones(4))


def test_what_a_replay_raises_leaves_the_modes_as_they_were():
    table = rt.randn(4, 3)

    @rt.jit.script
    def fn(index):
        with rt.no_grad():
            return table[index] * 2

    index = rt.tensor([0, 1])
    fn(index), fn(index)
    with pytest.raises(IndexError):
        fn(rt.tensor([0, 9]))
    assert rt.is_grad_enabled() and fn(index).shape == (2, 3)


def test_recursion():
    @rt.jit.script
    def fn(a, n=3):
        return a if n == 0 else fn(a * 2 + n, n - 1)

    for _ in range(3):
        assert fn(rt.ones(2)).tolist() == [((1 * 2 + 3) * 2 + 2) * 2 + 1] * 2


def test_a_script_that_is_called_while_it_runs():
    calls = []

    class Step(rt.optim.Optimizer):
        def step(self, closure=None):
            if len(calls) % 2 == 0:
                calls.append(1)
                fn(rt.ones(3))

    p = nn.Parameter(rt.ones(3))
    optimizer = Step([p], {})

    @rt.jit.script
    def fn(x):
        y = x * 2
        optimizer.step()
        return y + 1

    for _ in range(4):
        calls.append(1)
        assert fn(rt.ones(3)).tolist() == [3, 3, 3]


def test_arguments_that_share_memory():
    fn = rt.jit.script(lambda a, b: (a.mul_(2), b + a * 3)[1])
    memory = rt.arange(10.0)
    for start in (0, 1, 0, 3):
        x, y = memory.clone(), memory.clone()
        want = y[start : start + 4] + (y[:4].mul_(2), y[:4] * 3)[1]
        want = (lambda a, b: (a.mul_(2), b + a * 3)[1])(x[:4], x[start : start + 4]) if start else want
        z = memory.clone()
        got = fn(z[:4], z[start : start + 4])
        if start:
            assert bits(got) == bits(want) and bits(z) == bits(x)


def test_scripts_are_collected():
    model = rt.jit.script(nn.Sequential(nn.Linear(3, 3), nn.ReLU()))
    model(rt.ones(2, 3)), model(rt.ones(2, 3))
    gone, kept = weakref.ref(model), weakref.ref(model[0].weight)
    del model
    gc.collect()
    assert gone() is None and kept() is None


def test_replays_leak_nothing():
    w = rt.randn(5, 5, requires_grad=True)
    fn = rt.jit.script(lambda x: ((x @ w).tanh() * 2, x.exp() + 1, [x]))
    x = rt.randn(4, 5)
    for _ in range(5):
        fn(x)
    before, references = rt.memory.stats()["live_bytes"], sys.getrefcount(x)
    for _ in range(100):
        fn(x)
    assert rt.memory.stats()["live_bytes"] == before and sys.getrefcount(x) == references


def test_other_profilers_stay():
    seen = []

    def profile(frame, event, arg):
        seen.append(event)

    fn = rt.jit.script(lambda a: a * 2)
    sys.setprofile(profile)
    try:
        fn(rt.ones(2))
        assert sys.getprofile() is profile
    finally:
        sys.setprofile(None)
    assert fn.recordings == 0 and fn.reason is None


def test_long_chains_and_many_operands():
    def chain(x):
        y = x
        for k in range(300):
            y = y * 1.01 + (k % 7) * x
        return y

    def wide(*xs):
        total = xs[0] * 2
        for k, x in enumerate(xs):
            total = total + x * (k + 1)
        return total, [x * 2 - total for x in xs]

    fn, x = rt.jit.script(chain), rt.randn(3000)
    first, second = bits(fn(x)), bits(fn(x))
    assert first == second == bits(chain(x))
    assert fn.replays == 1, (fn.recordings, fn.reason)
    xs = [rt.randn(100) for _ in range(20)]
    fn = rt.jit.script(wide)
    want, wants = wide(*xs)
    for _ in range(2):
        got, all_of_them = fn(*xs)
        assert bits(got) == bits(want) and [bits(t) for t in all_of_them] == [bits(t) for t in wants]
    assert fn.replays == 1


def test_recording_in_two_threads():
    fn = rt.jit.script(lambda a: (a * 2 + 1).sum())
    errors = []

    def work(n):
        for k in range(20):
            a = rt.full((n + k % 2,), float(k))
            if fn(a).item() != (2 * k + 1) * (n + k % 2):
                errors.append((n, k))

    workers = [threading.Thread(target=work, args=(n,)) for n in (3, 50, 700)]
    for w in workers:
        w.start()
    for w in workers:
        w.join()
    assert not errors


def test_memory_runs_out_in_a_training_step():
    x, y = rt.randn(5, 4), rt.tensor([0, 1, 2, 0, 1])
    w = rt.ones(3, 4).requires_grad_()

    def step():
        loss = rt.nn.functional.cross_entropy(rt.nn.functional.linear(x, w), y)
        loss.backward()
        return loss.detach()

    want = bits(step()), bits(w.grad)
    _C.memory_set_caching(False)
    try:
        for recorded in (False, True):
            for n in range(1, 60):
                fn = rt.jit.script(step)
                if recorded:
                    fn()
                w.grad = None
                _C.memory_fail_at(n)
                try:
                    got = bits(fn())
                except MemoryError:
                    got = None
                finally:
                    _C.memory_fail_at(0)
                assert w.grad is None or bits(w.grad) == want[1]
                assert got is None or (got, bits(w.grad)) == want
                if recorded and got:
                    break
            w.grad = None
            assert bits(fn()) == want[0]
    finally:
        _C.memory_set_caching(True)
    assert fn.steps[1] == 2
