"""Threads: the same bits for any number of them, several Python threads at once, fork after the
pool ran, and how many there are by affinity and environment."""
import os
import subprocess
import sys
import threading

import numpy as np
import pytest

import rustorch
import rustorch.nn.functional as F
from rustorch import _C


@pytest.fixture(autouse=True)
def threads_as_before():
    before = rustorch.get_num_threads()
    yield
    rustorch.set_num_threads(before)


def numbers(*shape, dtype="float32", seed=0):
    return rustorch.tensor(np.random.default_rng(seed).standard_normal(shape).astype(dtype))


def gradients(x):
    w = x.detach().clone().requires_grad_()
    (F.softmax(w, 1) * w.exp()).sum().backward()
    return w.grad


COMPUTATIONS = {
    "sum": lambda x: x.sum(),
    "sum dim 0": lambda x: x.sum(0),
    "sum dim 1": lambda x: x.sum(1),
    "mean": lambda x: x.mean(),
    "var": lambda x: x.var(),
    "prod": lambda x: (x * 0.01 + 1).prod(0),
    "sum transposed": lambda x: x.T.sum(0),
    "sum strided": lambda x: x[::3, 1::2].sum(),
    "amax": lambda x: x.amax(0),
    "logsumexp": lambda x: x.logsumexp(1),
    "softmax": lambda x: F.softmax(x, 1),
    "softmax dim 0": lambda x: F.softmax(x, 0),
    "log_softmax": lambda x: F.log_softmax(x, 1),
    "matmul": lambda x: x @ x.T,
    "matmul transposed": lambda x: x.T @ x,
    "matvec": lambda x: x @ x[0],
    "batched": lambda x: x.reshape(10, -1, 501) @ x.T,
    "exp": lambda x: x.exp(),
    "add": lambda x: x + x.flip(0),
    "broadcast": lambda x: x * x[:, :1] + x[0],
    "cumsum": lambda x: x.cumsum(1),
    "cumsum dim 0": lambda x: x.cumsum(0),
    "cumsum flat": lambda x: x.reshape(-1).cumsum(0),
    "norm": lambda x: x.norm(),
    "half": lambda x: x.to("float16").sum(1),
    "double": lambda x: x.to("float64").sum(),
    "argmax": lambda x: x.argmax(1),
    "cat": lambda x: rustorch.cat([x, x.T.contiguous().reshape(x.shape)]),
    "where": lambda x: rustorch.where(x > 0, x, -x),
    "gradients": gradients,
    "scatter_add": lambda x: rustorch.zeros(7, 501).index_add(0, rustorch.arange(500) % 7, x),
}


@pytest.mark.parametrize("name", COMPUTATIONS)
def test_same_bits(name):
    x = numbers(500, 501)
    results = []
    for threads in (1, 2, 4, 8, 3):
        rustorch.set_num_threads(threads)
        results.append(COMPUTATIONS[name](x).detach().numpy().tobytes())
    assert all(r == results[0] for r in results)


def test_random_numbers_do_not_depend_on_threads():
    results = []
    for threads in (1, 2, 5):
        rustorch.set_num_threads(threads)
        rustorch.manual_seed(3)
        results.append(
            (rustorch.randn(100_003).numpy().tobytes(), F.dropout(rustorch.ones(70_001), 0.3).numpy().tobytes())
        )
    assert results[0] == results[1] == results[2]


def test_several_python_threads():
    """Each works on its own and on shared tensors, with graphs; all get what one alone gets."""
    rustorch.set_num_threads(2)
    x = numbers(300, 301)

    def work(out, k):
        for _ in range(8):
            w = numbers(301, 20, seed=k).requires_grad_()
            (F.softmax(x @ w, 1) * (x @ w)).sum().backward()
            out[k] = (w.grad.numpy().tobytes(), (x * k).sum().item(), np.exp(x).numpy().tobytes())
    alone, together = {}, {}
    for k in range(6):
        work(alone, k)
    workers = [threading.Thread(target=work, args=(together, k)) for k in range(6)]
    for w in workers:
        w.start()
    for w in workers:
        w.join()
    assert alone == together


def test_grad_mode_is_of_the_thread():
    seen = []
    with rustorch.no_grad():
        worker = threading.Thread(target=lambda: seen.append(rustorch.is_grad_enabled()))
        worker.start()
        worker.join()
        assert not rustorch.is_grad_enabled()
    assert seen == [True]


@pytest.mark.parametrize("size", [40_000, 300_000])
def test_one_graph_walked_by_two_threads(size):
    """Leaves that several walks add to at once get every gradient."""
    rustorch.set_num_threads(2)
    leaf = rustorch.ones(size, requires_grad=True)

    def work():
        for _ in range(10):
            (leaf * 2).sum().backward()
    workers = [threading.Thread(target=work) for _ in range(4)]
    for w in workers:
        w.start()
    for w in workers:
        w.join()
    assert (leaf.grad.numpy() == 80).all()


def test_gradients_taken_away_while_they_are_added_up():
    """One thread walks, another sets grad to None: no gradient is used after it was freed."""
    leaf = rustorch.ones(300_000, requires_grad=True)
    stop = threading.Event()

    def forget():
        while not stop.is_set():
            leaf.grad = None
            rustorch.full((300_000,), 7.0)
    worker = threading.Thread(target=forget)
    worker.start()
    for _ in range(30):
        (leaf * 2).sum().backward()
    stop.set()
    worker.join()
    assert leaf.grad is None or set(leaf.grad.unique().tolist()) <= {2.0 * k for k in range(31)}


def test_the_same_nodes_walked_by_two_threads():
    """Refused with a message or done; never with the other walk's numbers."""
    x = rustorch.ones(300_000, requires_grad=True)
    y = (x * 3).exp().log().sum()
    seen, errors = [], []

    def work():
        for _ in range(10):
            try:
                seen.append(rustorch.autograd.grad(y, x, retain_graph=True)[0])
            except RuntimeError as error:
                errors.append(str(error))
    workers = [threading.Thread(target=work) for _ in range(3)]
    for w in workers:
        w.start()
    for w in workers:
        w.join()
    assert len(seen) + len(errors) == 30 and seen and all("same part of the graph" in e for e in errors)
    assert all(bool(((g - 3).abs() < 1e-4).all()) for g in seen)


def test_threads_in_hooks_nest():
    """A hook that computes with threads, called from a walk that does."""
    rustorch.set_num_threads(4)
    x = numbers(600, 600).requires_grad_()
    seen = []
    y = x.exp()
    y.register_hook(lambda g: seen.append((x.detach() @ x.detach()).sum().item()))
    (y @ y).sum().backward()
    assert seen == [(x.detach() @ x.detach()).sum().item()]


def in_child(work):
    """Exit status of a forked child that runs work(); 99 when it took over 60 s."""
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            import signal
            signal.alarm(60)
            status = 0 if work() else 2
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


@pytest.mark.filterwarnings("ignore::DeprecationWarning")     # fork beside threads is the subject
@pytest.mark.parametrize("threads", [2, 4])
def test_fork(threads):
    rustorch.set_num_threads(threads)
    x = numbers(700, 701)
    expected = [(x @ x.T).sum().item(), x.exp().sum().item(), x.sum(0).numpy().tobytes()]

    def work():
        if [(x @ x.T).sum().item(), x.exp().sum().item(), x.sum(0).numpy().tobytes()] != expected:
            return False
        w = x.clone().requires_grad_()
        w.exp().sum().backward()
        return rustorch.get_num_threads() == threads and in_child(lambda: x.exp().sum().item() == expected[1]) == 0
    for _ in range(5):
        assert in_child(work) == 0
        assert x.exp().sum().item() == expected[1]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_fork_while_others_compute():
    rustorch.set_num_threads(4)
    x = numbers(700, 701)
    expected = x.exp().sum().item()
    stop = threading.Event()

    def work():
        while not stop.is_set():
            x.exp()
    workers = [threading.Thread(target=work) for _ in range(2)]
    for w in workers:
        w.start()
    try:
        for _ in range(15):
            assert in_child(lambda: x.exp().sum().item() == expected) == 0
    finally:
        stop.set()
        for w in workers:
            w.join()
    assert x.exp().sum().item() == expected


def ask(code, affinity=None, **environment):
    env = {k: v for k, v in os.environ.items() if k not in ("RUSTORCH_NUM_THREADS", "OMP_NUM_THREADS")}
    before = (lambda: os.sched_setaffinity(0, affinity)) if affinity else None
    done = subprocess.run([sys.executable, "-c", "import rustorch; " + code], env={**env, **environment}, text=True,
                          capture_output=True, preexec_fn=before, timeout=100)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


COUNT = "print(rustorch.get_num_threads())"


def test_environment():
    assert ask(COUNT, RUSTORCH_NUM_THREADS="3") == "3"
    assert ask(COUNT, OMP_NUM_THREADS="5") == "5"
    assert ask(COUNT, RUSTORCH_NUM_THREADS="3", OMP_NUM_THREADS="5") == "3"


@pytest.mark.parametrize("value", ["", "0", "-1", "x", "99999999999999999999", "2x", "1e9", "4,2"])
def test_environment_without_sense(value):
    count = int(ask(COUNT, RUSTORCH_NUM_THREADS=value))
    assert 1 <= count <= 256


def test_affinity():
    cpu = min(os.sched_getaffinity(0))
    assert ask("print(rustorch._C.available_threads(), rustorch.get_num_threads())", affinity={cpu}) == "1 1"
    assert _C.available_threads() <= len(os.sched_getaffinity(0))


@pytest.mark.skipif(_C.available_threads() < 2, reason="one processor")
def test_workers_keep_off_the_callers_processor():
    code = """
import os
def masks():
    return {t: os.sched_getaffinity(int(t)) for t in os.listdir("/proc/self/task")}
before, allowed = set(masks()), os.sched_getaffinity(0)
rustorch.set_num_threads(2)
x = rustorch.ones(1000, 1000)
for _ in range(20):
    x.exp()
worker, = set(masks()) - before
assert len(allowed - masks()[worker]) == 1, masks()[worker]
rustorch.set_num_threads(len(allowed) + 1)      # more than there is room for: no one is sent away
x.exp()
assert all(masks()[t] == allowed for t in set(masks()) - before), masks()
print("done")
"""
    assert ask("exec(" + repr(code) + ")") == "done"


def test_exit_with_the_pool_running():
    code = """
import numpy as np, threading
rustorch.set_num_threads(4)
x = rustorch.tensor(np.ones((2000, 2000), np.float32))
threading.Thread(target=lambda: [x.exp() for _ in range(10**6)], daemon=True).start()
(x @ x).sum()
print("end")
"""
    assert ask("exec(" + repr(code) + ")") == "end"


@pytest.mark.parametrize("n", [0, -1, 257, 2**31, 2**70, 1.5, "2", None])
def test_numbers_of_threads_refused(n):
    with pytest.raises((ValueError, TypeError, OverflowError)):
        rustorch.set_num_threads(n)
