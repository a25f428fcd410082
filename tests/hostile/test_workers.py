"""Worker processes that fail, die, hang or are forgotten: errors come at once, nothing is left behind."""

import gc
import multiprocessing
import os
import resource
import subprocess
import sys
import time

import pytest
from compat import loading_samples as samples

import rustorch as rt
from rustorch.data import DataLoader

METHODS = ["fork", "spawn"]


@pytest.fixture(autouse=True)
def nothing_is_left():
    """No process, no shared memory and no descriptor of this test; what others made before or beside it may stay."""

    def made():
        return set(multiprocessing.active_children()), set(os.listdir("/dev/shm"))

    gc.collect()
    processes, files = made()
    descriptors = len(os.listdir("/proc/self/fd"))
    yield
    gc.collect()
    children, shared = made()
    children, shared = children - processes, shared - files
    deadline = time.monotonic() + 5
    while (children or shared) and time.monotonic() < deadline:
        time.sleep(0.02)
        there, memory = made()
        children, shared = children & there, shared & memory
    assert not children
    assert not shared
    assert len(os.listdir("/proc/self/fd")) <= descriptors + 2  # Python's own resource tracker


@pytest.mark.parametrize(
    ("what", "error", "match"),
    [
        ("value", ValueError, r"(?s)Caught ValueError in DataLoader worker process \d.*sample 5 is spoilt"),
        ("key", KeyError, "(?s)Caught KeyError.*missing"),
        ("special", RuntimeError, "(?s)Caught Special.*loading_samples"),
        ("stop", RuntimeError, "Caught StopIteration"),
        ("lambda", (AttributeError, RuntimeError, TypeError), "pickle"),
    ],
)
def test_exceptions_come_with_the_workers_traceback(what, error, match):
    it = iter(DataLoader(samples.Bad(what), 4, num_workers=2, collate_fn=samples.keep))
    assert [t[0].item() for t in next(it)] == [0, 1, 2, 3]
    with pytest.raises(error, match=match):
        next(it)
    assert [t[0].item() for t in next(it)] == [8, 9, 10, 11]  # and on it goes
    assert len(list(it)) == 1


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("what", "how"), [("kill", "SIGKILL"), ("exit", "exit code 7")])
def test_a_worker_that_dies(method, what, how):
    loader = DataLoader(samples.Bad(what), 2, num_workers=2, multiprocessing_context=method, persistent_workers=True)
    it = iter(loader)
    with pytest.raises(RuntimeError, match=rf"DataLoader worker \(pid\(s\) \d+\) exited unexpectedly \(.*{how}"):
        list(it)
    assert list(it) == []
    loader.dataset.what = "nothing"
    assert len(list(loader)) == 8  # a new crew
    del it, loader


@pytest.mark.parametrize("at", ["before", "between"])
def test_a_worker_killed_from_outside(at):
    loader = DataLoader(samples.Images(400), 2, num_workers=2)
    it = iter(loader)
    if at == "between":
        next(it)
    os.kill(it._batches.crew.processes[1].pid, 9)
    with pytest.raises(RuntimeError, match="exited unexpectedly"):
        list(it)


@pytest.mark.parametrize("in_order", [True, False])
def test_timeout(in_order):
    start = time.monotonic()
    with pytest.raises(RuntimeError, match=r"timed out after 0\.5 seconds"):
        list(DataLoader(samples.Bad("sleep", at=0), 2, num_workers=1, timeout=0.5, in_order=in_order))
    assert time.monotonic() - start < 20


@pytest.mark.parametrize("persistent", [False, True])
@pytest.mark.parametrize("method", METHODS)
def test_early_stop(method, persistent):
    loader = DataLoader(
        samples.Images(200), 4, num_workers=2, multiprocessing_context=method, persistent_workers=persistent
    )
    for batch in loader:
        assert batch["x"][1, 2].item() == 1.0
        break
    for number, batch in enumerate(loader):  # a new pass begins at the start, whatever was on its way
        assert batch["n"][0].item() == 4 * number
        if number == 3:
            break
    del loader


def test_batches_outlive_their_workers():
    batch = next(iter(DataLoader(samples.Images(8), 4, num_workers=1)))
    gc.collect()
    assert batch["x"][:, 7].tolist() == [0, 1, 2, 3]
    batch["x"] += 1
    assert batch["x"][3, 2999].item() == 4


def test_many_batches_at_once_need_no_descriptors():
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (150, limit[1]))
    try:
        batches = list(DataLoader(samples.Images(400), 2, num_workers=2))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limit)
    assert [b["x"][1, 2999].item() for b in batches] == list(range(1, 400, 2))


@pytest.mark.parametrize("hold", [0, 1, 3, 50])
def test_memory_is_written_again_only_when_nobody_looks(hold):
    """However many batches, views of them and arrays on them the consumer keeps."""
    kept = []
    for number, batch in enumerate(DataLoader(samples.Images(200), 2, num_workers=2)):
        kept.append((number, batch["x"][1, 5:9], batch["a"].numpy()[:1] if number % 2 else None))
        del batch
        if len(kept) > hold:
            kept.pop(0)
        for n, view, array in kept:
            assert view.tolist() == [2.0 * n + 1] * 4
            assert array is None or (array == 2 * n).all()


def test_bad_shared_memory():
    with pytest.raises(ValueError, match="size must be positive"):
        rt._C.map_memory(0, 0)
    with pytest.raises(OSError):
        rt._C.map_memory(-1, 10)
    with pytest.raises(TypeError):
        rt._C.map_memory("x", 10)


def test_an_iterator_forgotten_in_an_exception():
    def use():
        for _ in DataLoader(samples.Images(100), 4, num_workers=2):
            raise ArithmeticError

    with pytest.raises(ArithmeticError):
        use()


PROGRAM = """
import os, sys
sys.path.insert(0, {tests!r})
from compat import loading_samples as samples
import rustorch as rt
if __name__ == "__main__":
    loader = rt.data.DataLoader(samples.Images(400), 2, num_workers=2, persistent_workers=True)
    it = iter(loader)
    next(it)
    print(*(p.pid for p in it._batches.crew.processes), flush=True)
    {end}
"""


@pytest.mark.parametrize("end", ["pass", "raise SystemExit(3)", "os._exit(0)", "os.kill(os.getpid(), 9)"])
def test_workers_end_with_the_program(end):
    """Also when it is killed: workers look after their parent."""
    tests = os.path.dirname(os.path.dirname(__file__))
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(tests=tests, end=end)], capture_output=True,
        text=True, timeout=60, env=dict(os.environ, PYTHONPATH=os.path.dirname(tests)), check=False,
    )  # fmt: skip
    pids = [int(word) for word in run.stdout.split()]
    assert len(pids) == 2, run.stderr
    deadline = time.monotonic() + 20
    while any(_alive(pid) for pid in pids):
        assert time.monotonic() < deadline, "a worker lives on"
        time.sleep(0.05)


def _alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def test_loading_in_a_forked_process():
    """A loader made before a fork works after it; the child does not end the parent's workers."""
    loader = DataLoader(samples.Images(40), 4, num_workers=1, persistent_workers=True)
    it = iter(loader)
    next(it)
    pid = os.fork()
    if pid == 0:
        try:
            fresh = DataLoader(samples.Images(8), 4, num_workers=1)
            ok = [b["n"].tolist() for b in fresh] == [[0, 1, 2, 3], [4, 5, 6, 7]]
            del it, loader
            gc.collect()
            os._exit(0 if ok else 1)
        except BaseException:
            os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert len(list(it)) == 9
    del it, loader


@pytest.mark.parametrize("numbers", [rt.arange(3, dtype="int32"), rt.ones(2, 2), rt.tensor(1), rt.arange(6)[::2]])
def test_bad_numbers(numbers):
    with pytest.raises(TypeError, match="contiguous int64 vector"):
        rt._C.take_rows((rt.ones(3),), numbers, 0, 1)


def test_bad_arguments_of_take_rows():
    numbers = rt.tensor([0, 5])
    with pytest.raises(IndexError, match="number 5 is out of range for 3 rows"):
        rt._C.take_rows((rt.ones(3),), numbers, 0, 2)
    for start, count in ((0, 3), (-1, 1), (1, -1), (2**62, 2**62)):
        with pytest.raises(TypeError):
            rt._C.take_rows((rt.ones(3),), numbers, start, count)
    with pytest.raises(rt.TensorError, match="0-d"):
        rt._C.take_rows((rt.tensor(1.0),), numbers, 0, 1)
    with pytest.raises(TypeError, match="is not a Tensor but int"):
        rt._C.take_rows((3,), numbers, 0, 1)
    with pytest.raises(TypeError):
        rt._C.take_rows([rt.ones(3)], numbers, 0, 1)
