"""Many thousand calls, right and wrong ones: our memory, the process and the collector's objects
do not grow; circles through graphs are collected."""
import gc
import os
import subprocess
import sys
import weakref
from pathlib import Path

import numpy as np
import pytest

import rustorch
from rustorch import _C

# the child is given the package under test wherever it was found
ENVIRONMENT = dict(os.environ, PYTHONPATH=str(Path(rustorch.__file__).parents[1]))

TURNS = 20_000
SANITIZED = "libasan" in os.environ.get("LD_PRELOAD", "")    # freed memory waits in its quarantine


def wrong(f, *args, **keywords):
    try:
        f(*args, **keywords)
    except (TypeError, ValueError, RuntimeError, IndexError, OverflowError, BufferError):
        return
    raise AssertionError("it should have raised")


def calls():
    x, w = rustorch.tensor([[1.0, 2.0], [3.0, 4.0]]), rustorch.tensor([1.0, 2.0], requires_grad=True)
    a = np.ones(4, np.float32)
    spoiled = rustorch.tensor([1.0, 2.0])

    def overwritten():
        y = w * spoiled
        spoiled.add_(0)
        wrong(y.sum().backward)

    def steps():
        """An optimiser of each kind, so that all states are made, too; then some that cannot step."""
        p = rustorch.nn.Parameter(rustorch.ones(2, dtype="float16"))
        for name in ("SGD", "Adam", "RMSprop", "Adagrad", "Adadelta", "Adamax", "NAdam", "RAdam", "Rprop", "ASGD"):
            p.grad = rustorch.ones(2, dtype="float16")
            getattr(rustorch.optim, name)([p], lr=0.1, **(dict(momentum=0.5) if name == "SGD" else {})).step()
        wrong(_C.nadam_step, [p], {p: {"step": rustorch.ones(3)}}, 0.1, 0.9, 0.9, 0.1, 0.0, 0.1, False, False)
        wrong(_C.rprop_step, [p], {p: {"prev": 3}}, 0.5, 1.2, 0.0, 1.0, 0.1, False)

    def shared():
        fd = os.memfd_create("leaks")
        os.truncate(fd, 4096)
        view = memoryview(_C.map_memory(fd, 4096))[5:9]
        os.close(fd)
        assert bytes(view) == bytes(4)

    numbers = rustorch.tensor([1, 0, -1])

    def attribute():
        y = w * 2
        y.loop = 1
        y.register_hook(lambda g: g)
    return [
        lambda: x + x,
        lambda: x + 1,
        lambda: 1.5 * x,
        lambda: np.exp(x),
        lambda: x @ x,
        lambda: x[0],
        lambda: x[x > 2],
        lambda: x.sum(0),
        lambda: x.max(dim=0),
        lambda: x.tolist(),
        lambda: x.shape,
        lambda: x.T.reshape(-1),
        lambda: x.__setitem__((0, slice(None)), 3),
        lambda: rustorch.cat([x, x]),
        lambda: rustorch.zeros(3, 4),
        lambda: rustorch.from_numpy(a),
        lambda: x.numpy(),
        lambda: rustorch.from_dlpack(a),
        lambda: np.from_dlpack(x),
        lambda: (w * w).sum().backward(),
        lambda: w.grad_fn,
        lambda: (w * 2).grad_fn.next_functions,
        lambda: x.to("float64"),
        lambda: memoryview(x),
        lambda: np.add(x, x, out=x),
        lambda: rustorch.softmax(x, 1),
        lambda: x == x,
        attribute,
        steps,
        shared,
        lambda: _C.take_rows((x, w, x.T), numbers, 0, 3),
        lambda: wrong(_C.take_rows, (x, x), numbers, 1, 5),
        lambda: wrong(_C.take_rows, (x, 3), numbers, 0, 1),
        lambda: wrong(_C.map_memory, 0, 0),
        lambda: wrong(lambda: x + rustorch.ones(3)),
        lambda: wrong(lambda: x @ rustorch.ones(3)),
        lambda: wrong(lambda: x[5]),
        lambda: wrong(x.reshape, 7),
        lambda: wrong(rustorch.cat, [x, "x"]),
        lambda: wrong(rustorch.exp, None),
        lambda: wrong(rustorch.exp, x, bogus=1),
        lambda: wrong(x.sum, 5),
        lambda: wrong(rustorch.zeros, -1),
        overwritten,
        lambda: wrong(rustorch.from_dlpack, 3),
        lambda: wrong(x.to, "nonsense"),
        lambda: wrong(rustorch.add, x, [[1], [2, 3]]),
        lambda: wrong(w.add_, 1),
        lambda: wrong(x.backward),
        lambda: wrong(rustorch.tensor, [[1], "a"]),
        lambda: wrong(rustorch.softmax, x, 9),
        lambda: wrong(x.sum, 0, out="x"),
        lambda: wrong(x.__setitem__, 0, "a"),
    ]


def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


def child():
    table = calls()
    turns = TURNS // 10
    for call in table:
        for _ in range(300):
            call()
    gc.collect()
    objects, live, pages = len(gc.get_objects()), _C.memory_stats()["live_bytes"], resident()
    for number, call in enumerate(table):
        references = sys.gettotalrefcount() if hasattr(sys, "gettotalrefcount") else 0
        for _ in range(turns):
            call()
        assert _C.memory_stats()["live_bytes"] <= live + 4096, f"call {number} keeps our memory, {references}"
    gc.collect()
    assert len(gc.get_objects()) <= objects + 50, f"{len(gc.get_objects()) - objects} more objects"
    assert _C.memory_stats()["live_bytes"] == live
    grown = resident() - pages
    assert grown < 3 << 20 or SANITIZED, f"{grown} more bytes"     # a leaked word per call is over 700 KB


def test_no_growth():
    done = subprocess.run([sys.executable, __file__], env=ENVIRONMENT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]


def circle_of_hook():
    x = rustorch.tensor([1.0], requires_grad=True)
    y = x * 2
    y.register_hook(lambda g: y)
    return y


def circle_of_attribute():
    y = rustorch.tensor([1.0], requires_grad=True) * 2
    y.me = [y.grad_fn, y]
    return y


def circle_of_gradient():
    x = rustorch.tensor([1.0], requires_grad=True)
    (x * x).backward(create_graph=True)
    return x


def circle_of_context():
    class Keep(rustorch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.out = x * 2
            return ctx.out

        @staticmethod
        def backward(ctx, g):
            return g
    return Keep.apply(rustorch.tensor([1.0], requires_grad=True))


@pytest.mark.parametrize("make", [circle_of_hook, circle_of_attribute, circle_of_gradient, circle_of_context])
def test_circles_are_collected(make):
    gc.collect()
    before = _C.memory_stats()["live_bytes"]
    for _ in range(50):
        seen = weakref.ref(make())
    gc.collect()
    assert seen() is None
    assert _C.memory_stats()["live_bytes"] <= before


if __name__ == "__main__":
    child()
