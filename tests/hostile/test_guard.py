"""Data flush against memory that may not be touched, before and behind: a loop that reads or
writes one byte too far ends the process, so every part runs in one of its own."""
import ctypes
import mmap
import os
import subprocess
import sys
from pathlib import Path

import pytest

import rustorch as tested

# the child is given the package under test wherever it was found
ENVIRONMENT = dict(os.environ, PYTHONPATH=str(Path(tested.__file__).parents[1]))

PAGE = mmap.PAGESIZE
LENGTHS = range(1, 68)


def guarded(np, dtype, n, at_end):
    """n elements that end at, or begin behind, a page without access."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.mprotect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    size = n * np.dtype(dtype).itemsize
    pages = -(-size // PAGE)
    room = mmap.mmap(-1, (pages + 2) * PAGE)
    start = ctypes.addressof(ctypes.c_char.from_buffer(room))
    for at in (start, start + (pages + 1) * PAGE):
        if libc.mprotect(at, PAGE, 0) != 0:
            raise OSError(ctypes.get_errno(), "mprotect")
    offset = (pages + 1) * PAGE - size if at_end else PAGE
    return np.frombuffer(room, dtype, n, offset)


def places(np, dtype, n, values):
    for at_end in (True, False):
        array = guarded(np, dtype, n, at_end)
        array[:] = values[:n]
        yield array


def elementwise(np, rt, dtype, n, a, b, out):
    t, u, o = rt.from_numpy(a), rt.from_numpy(b), rt.from_numpy(out)
    for f in (rt.add, rt.mul, rt.maximum):
        f(t, u, out=o)
        assert np.array_equal(out, f(t.clone(), u.clone()).numpy())
        f(t, 2, out=o)
    rt.neg(t, out=o)
    rt.where(t > u, t, u, out=o)
    o.add_(t)
    o.fill_(3)
    t[::-1].flip(0) if n < 0 else t == u
    t[::2] + u[::2]
    if np.dtype(dtype).kind == "f":
        for f in (rt.exp, rt.tanh, rt.sin, rt.sigmoid, rt.erf, rt.sqrt, rt.log1p, rt.nn.functional.gelu):
            f(t, out=o) if f is not rt.nn.functional.gelu else f(t)
            assert np.array_equal(out, f(t.clone()).numpy(), equal_nan=True) or f is rt.nn.functional.gelu
    if t.dtype.kind == "f":
        w = rt.from_numpy(a).requires_grad_()
        (w * u).exp().sum().backward()


def reductions(np, rt, dtype, n, a, b, out):
    t = rt.from_numpy(a)
    for f in (rt.sum, rt.amax, rt.amin, rt.any, rt.count_nonzero, rt.argmax, rt.argmin):
        assert np.array_equal(f(t).numpy(), f(t.clone()).numpy())
    assert np.array_equal(t.cumsum(0).numpy(), t.clone().cumsum(0).numpy())
    t.cummax(0)
    t.max(dim=0)
    t.sort(0) if hasattr(t, "sort") else None
    t.nonzero()
    if np.dtype(dtype).kind == "f":
        for f in (rt.mean, rt.var, rt.prod, rt.logsumexp, rt.norm):
            f(t) if f is not rt.logsumexp else f(t, 0)
    for rows in (2, 3, 5, 7):
        if n % rows == 0:
            m = t.reshape(rows, n // rows)
            m.sum(0), m.sum(1), m.amax(0), m.amax(1), m.T.sum(0), m.argmax(0), m.cumsum(0)


def softmax(np, rt, dtype, n, a, b, out):
    if np.dtype(dtype).kind != "f":
        return
    t = rt.from_numpy(a)
    assert np.array_equal(rt.softmax(t, 0).numpy(), rt.softmax(t.clone(), 0).numpy())
    rt.log_softmax(t, 0)
    w = rt.from_numpy(a).requires_grad_()
    (rt.softmax(w, 0) * rt.from_numpy(b)).sum().backward()
    for rows in (2, 3, 5, 7):
        if n % rows == 0:
            rt.softmax(t.reshape(rows, -1), 0), rt.softmax(t.reshape(rows, -1), 1)
    rt.nn.functional.cross_entropy(t.reshape(1, -1), rt.tensor([n - 1]))


def matmul(np, rt, dtype, n, a, b, out):
    t, u = rt.from_numpy(a), rt.from_numpy(b)
    rt.dot(t, u), rt.outer(t, u)
    for rows in (1, 2, 3, 4, 5, 6, 7, 8):
        if n % rows == 0:
            x, y = t.reshape(rows, -1), u.reshape(rows, -1)
            assert np.array_equal((x @ y.T).numpy(), (x.clone() @ y.clone().T).numpy(), equal_nan=True)
            x.T @ y, x @ u[:n // rows], t[:rows] @ y
            rt.matmul(x.unsqueeze(0), y.T)


def copies(np, rt, dtype, n, a, b, out):
    t, o = rt.from_numpy(a), rt.from_numpy(out)
    for target in ("int8", "int64", "float16", "bfloat16", "float32", "float64", "complex64", "bool"):
        t.to(target)
        o.copy_(t.to(target)) if target != "complex64" else None
    o.copy_(t)
    assert np.array_equal(out, a)
    o[:] = t.flip(0)
    t[::3].clone(), t[::-1].contiguous() if n else None
    rt.cat([t, t]), rt.stack([t, t]), t.roll(1), t.repeat(2), t[t > 0], rt.pad(t, (1, 2))
    index = rt.from_numpy(guarded_index)[:n]
    rt.gather(t, 0, index), rt.index_select(t, 0, index), t[index], rt.take(t, index)
    o[index] = t
    o[t > 0] = 1
    o.masked_fill(t > 0, 2), rt.masked_select(t, t > 0)
    for rows in (2, 3, 5):
        if n % rows == 0:
            t.reshape(rows, -1).T.contiguous(), rt.tril(t.reshape(rows, -1)), t.reshape(rows, -1)[:, ::2].clone()
    t.tolist(), repr(t), rt.from_dlpack(a), np.add(t, b), t.numpy()


guarded_index = None
PARTS = {f.__name__: f for f in (elementwise, reductions, softmax, matmul, copies)}


def child(part, dtype):
    import warnings

    import numpy as np

    import rustorch as rt
    import rustorch.nn.functional
    global guarded_index
    warnings.simplefilter("ignore")
    rng = np.random.default_rng(1)
    for n in LENGTHS:
        guarded_index = guarded(np, np.int64, n, True)
        guarded_index[:] = rng.permutation(n)
        values = (rng.standard_normal((2, n)) * 3 + 1).astype(dtype)
        for a, b, out in zip(places(np, dtype, n, values[0]), places(np, dtype, n, values[1]),
                             places(np, dtype, n, values[0]), strict=True):
            print(part, dtype, n, file=sys.stderr)
            PARTS[part](np, rt, dtype, n, a, b, out)


@pytest.mark.parametrize("part", PARTS)
def test_nothing_beyond_the_end(part):
    for dtype in ("float32", "float64", "int8", "float16"):
        done = subprocess.run(
            [sys.executable, "-X", "faulthandler", __file__, part, dtype],
            env=ENVIRONMENT,
            capture_output=True,
            text=True,
            timeout=200,
        )
        assert done.returncode == 0, f"{done.returncode}: {done.stderr[-3000:]}"


def test_the_guard_guards():
    """The page behind really ends a process that reads it."""
    code = ("import sys; sys.path.insert(0, sys.argv[1]); import ctypes, numpy as np; from test_guard import guarded;"
            "a = guarded(np, 'f4', 5, True); ctypes.c_char.from_address(a.ctypes.data + 20).value")
    environment = dict(ENVIRONMENT, ASAN_OPTIONS=os.environ.get("ASAN_OPTIONS", "") + ":handle_segv=0")
    done = subprocess.run(
        [sys.executable, "-c", code, __file__.rsplit("/", 1)[0]], env=environment, capture_output=True, timeout=60
    )
    assert done.returncode < 0 and b"Error:" not in done.stderr


if __name__ == "__main__":
    child(sys.argv[1], sys.argv[2])
