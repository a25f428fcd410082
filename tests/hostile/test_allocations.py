"""Allocations that fail, one after the other: each path is run with its first allocation failing,
then its second, until it passes.  Every failure is a MemoryError, the inputs stay as they were, and
nothing is lost.  In processes of their own, so that a crash is a failure that names the path."""
import os
import subprocess
import sys
from pathlib import Path

import pytest

import rustorch as tested

# the child is given the package under test wherever it was found
ENVIRONMENT = dict(os.environ, PYTHONPATH=str(Path(tested.__file__).parents[1]))

MOST = 3000


def paths(rt, np):
    x = rt.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    w = rt.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], requires_grad=True)
    big = rt.ones(50, 60)
    square = rt.tensor([[4.0, 1.0], [1.0, 3.0]])
    layer = rt.nn.Sequential(rt.nn.Linear(3, 4), rt.nn.ReLU(), rt.nn.Linear(4, 2))
    parameters = list(layer.parameters())
    for p in parameters:
        p.grad = rt.ones_like(p).detach()
    sgd = rt.optim.SGD(parameters, lr=0.0, momentum=0.5)
    adam = rt.optim.Adam(parameters, lr=0.0)
    nadam, rprop = rt.optim.NAdam(parameters, lr=0.0), rt.optim.Rprop(parameters, lr=0.0)
    short = rt.nn.Parameter(rt.ones(9, dtype="float16"))
    short.grad = rt.ones(9, dtype="float16")
    numbers = rt.tensor([1, 0, -1])
    a = np.ones((2, 3), np.float32)

    def setting():
        y = x.clone()
        y[0, 1] = 7
        y[:, 1:] = 3
        y[y > 2] = 0
        y[[0, 1], [1, 2]] = x[0, :2]

    def backward():
        w.grad = None
        ((w * w).exp().sum(0) @ rt.ones(3)).log().backward()
        w.grad = None

    def determinant():
        w.grad = None
        rt.linalg.slogdet(w @ w.T)[1].backward()

    def twice():
        g, = rt.autograd.grad((w * w).tanh().sum(), w, create_graph=True)
        rt.autograd.grad(g.sum(), w)
    return (
        {
            "tensor": lambda: rt.tensor([[1.0, 2.0], [3.0, 4.0]]),
            "zeros": lambda: rt.zeros(2, 3),
            "arange": lambda: rt.arange(9),
            "add": lambda: x + x,
            "exp": lambda: x.exp(),
            "scalar": lambda: 2 * x,
            "broadcast": lambda: big * big[:, :1],
            "strided": lambda: big[::2, ::3] * 2,
            "mixed": lambda: x + rt.arange(3),
            "half": lambda: x.to("float16").sin(),
            "where": lambda: rt.where(x > 2, x, 0),
            "in place": lambda: x.clone().add_(x),
            "views": lambda: x.T.reshape(6)[1:].view(5).unsqueeze(0),
            "five dims": lambda: x.reshape(1, 2, 1, 3, 1).permute(4, 0, 3, 1, 2),
            "indexing": lambda: (x[0], x[:, 1], x[x > 2], x[[1, 0]], x[..., None]),
            "setting": setting,
            "reductions": lambda: (x.sum(), x.mean(0), x.var(1), x.amax(0), x.argmax(), x.max(dim=0), x.cumsum(1)),
            "softmax": lambda: (rt.softmax(x, 1), rt.log_softmax(x.T, 0)),
            "matmul": lambda: x @ x.T,
            "factorisations": lambda: (rt.linalg.lu(square), rt.linalg.qr(x.T, "complete"), rt.linalg.cholesky(square)),
            "solvers": lambda: (rt.linalg.solve(square, x), rt.linalg.inv(square), rt.linalg.lstsq(x.T, x.T).solution),
            "spectra": lambda: (rt.linalg.svd(x), rt.linalg.eigh(square), rt.linalg.eig(square)),
            "determinant's gradient": determinant,
            "matmul big": lambda: big @ big.T,
            "cat": lambda: (rt.cat([x, x]), rt.stack([x, x, x], 1)),
            "record": lambda: (w * w).exp(),
            "backward": backward,
            "twice": twice,
            "detach": lambda: w.detach().clone(),
            "dlpack out": lambda: x.__dlpack__(max_version=(1, 3)),
            "dlpack in": lambda: rt.from_dlpack(a),
            "dlpack round": lambda: rt.from_dlpack(x),
            "to numpy": lambda: x.numpy(),
            "from numpy": lambda: rt.from_numpy(a),
            "sgd": sgd.step,
            "adam": adam.step,
            "nadam": nadam.step,
            "rprop": rprop.step,
            "first step": lambda: rt.optim.ASGD([short], lr=0.0).step(),
            "rows": lambda: rt._C.take_rows((x, w, x.T), numbers, 0, 2),
            "forward": lambda: layer(x),
            "tolist": lambda: x.tolist(),
            "loss": lambda: rt.nn.functional.cross_entropy(x, rt.tensor([0, 2])),
            "repr": lambda: repr(x),
        },
        (x, w, big, *parameters),
        np.array([[1, 2, 3], [4, 5, 6]], np.float32),
    )


def clean(rt, things, expected):
    x, w = things[:2]
    assert np_equal(x, expected) and np_equal(w.detach(), expected)
    assert np_equal(x + 0, expected)


def np_equal(t, expected):
    return t.numpy().tolist() == expected.tolist()


def child(kind, names):
    import gc

    import numpy as np

    import rustorch as rt
    import rustorch.nn.functional
    import rustorch.optim
    from rustorch import _C
    table, things, expected = paths(rt, np)
    for name in names or table:
        run = table[name]
        print(name, file=sys.stderr, flush=True)
        for _ in range(3):
            run()
        gc.collect()
        before = _C.memory_stats()["live_bytes"]
        for n in range(1, MOST):
            fail = None
            if kind == "ours":
                _C.memory_fail_at(n)
            else:
                import _testcapi
                _testcapi.set_nomemory(n, n + 1)
            try:
                run()
            except MemoryError as error:
                fail = error
            finally:
                _C.memory_fail_at(0) if kind == "ours" else _testcapi.remove_mem_hooks()
            failed = fail is not None
            fail = None
            things[1].grad = None
            clean(rt, things, expected)
            if not failed:
                break
        else:
            raise AssertionError(f"{name}: still failing after {MOST} allocations")
        run()
        gc.collect()
        after = _C.memory_stats()["live_bytes"]
        assert after <= before, f"{name}: {after - before} bytes stay behind after {n} failures"


# with CPython's own allocators failing: paths that stay out of NumPy's code
PYTHON_PATHS = ["tensor", "zeros", "add", "exp", "scalar", "broadcast", "strided", "mixed", "half", "where", "views",
                "reductions", "softmax", "matmul", "cat"]


@pytest.mark.parametrize("kind, names", [("ours", []), ("python", PYTHON_PATHS)])
def test_failing_allocations(kind, names):
    done = subprocess.run(
        [sys.executable, "-X", "faulthandler", __file__, kind, *names],
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, f"{done.returncode}: {done.stderr[-3000:]}"


if __name__ == "__main__":
    child(sys.argv[1], sys.argv[2:])
