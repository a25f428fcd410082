"""Arrays' methods, attributes and iterators with wrong arguments, and while their memory is given another shape,
size or permission: exceptions of NumPy's kinds, never a crash, and no other array's memory touched.

The random calls run in a process of their own (this file as a script), which writes down the call it is about to
make."""
import gc
import os
import random
import subprocess
import sys
from pathlib import Path

import numpy
import pytest

import rustorch as tested
import rustorch.numpy as np

EXPECTED = (TypeError, ValueError, IndexError, RuntimeError, OverflowError, MemoryError, AttributeError, BufferError,
            KeyError, ZeroDivisionError)
ROUNDS = 40
SEED = 20261121
PARTS = 4
WORDS = ["axis", "out", "dtype", "order", "keepdims", "where", "dim", "mode", "initial", "bogus"]
# they write files or replace what the object is
LEFT_OUT = {"tofile", "dump", "__init_subclass__", "__class__", "__setattr__", "__delattr__", "__new__", "__init__",
            "__del__", "__subclasshook__", "__getattribute__", "backward"}


def arrays():
    return [
        np.arange(6.0).reshape(2, 3), np.arange(5), np.array(3.5), np.zeros((0, 2)), np.array([True, False]),
        np.arange(24, dtype="uint8").reshape(2, 3, 4)[::-1, :, ::2], np.array([1 + 2j, 3]), np.ones(4, "float16").T,
        np.broadcast_to(np.arange(3.0), (2, 3)), np.arange(3.0).requires_grad_(), np.arange(3.0).requires_grad_() * 2,
    ]  # fmt: skip


def junk(rng):
    return rng.choice([
        lambda: None, lambda: "x", lambda: b"y", lambda: object(), lambda: [], lambda: (), lambda: {}, lambda: ...,
        lambda: slice(None, None, 0), lambda: slice(2**70), lambda: int, lambda: "float32", lambda: "int8", lambda: "C",
        lambda: rng.choice([-2**64, -2**63, -33, -2, -1, 0, 1, 2, 3, 2**31, 2**62, 2**63, 2**64]),
        lambda: rng.choice([0.5, float("nan"), 1e308, 1j, True]),
        lambda: tuple(rng.choice([-2, -1, 0, 1, 2, 3, 2**62]) for _ in range(rng.randrange(4))),
        lambda: [rng.choice([0, 1, -1, 7, 2**62, None, "a"]) for _ in range(rng.randrange(4))],
        lambda: rng.choice(arrays()), lambda: numpy.array(["a"]), lambda: numpy.array([None]), lambda: [1] * 40,
        lambda: numpy.zeros(2, "M8[s]"), lambda: numpy.dtype([("a", "f4")]), lambda: range(3), lambda: iter([1]),
        lambda: numpy.float32(2), lambda: np.arange(3.0).flat, lambda: [[1], [1, 2]],
    ])()


def calls(part):
    names = [name for name in sorted(dir(np.ndarray)) if name not in LEFT_OUT]
    for number, name in enumerate(names):
        if number % PARTS != part:
            continue
        rng = random.Random(f"{SEED} {name}")
        for _ in range(ROUNDS):
            a = rng.choice(arrays())
            args = [junk(rng) for _ in range(rng.randrange(4))]
            words = {}
            if rng.random() < 0.3:
                words = {rng.choice(WORDS): junk(rng)}
            yield name, a, args, words


def play(part, diary):
    """All random calls of a part; those that went wrong are printed."""
    import warnings

    warnings.simplefilter("ignore")
    keys = random.Random(f"{SEED} keys {part}")
    for name, a, args, words in calls(part):
        diary.seek(0)
        diary.truncate()
        diary.write(f"{name} {type(a)}{a.shape} {a.dtype} {len(args)} {list(words)}")
        diary.flush()
        try:
            value = getattr(a, name)
            if callable(value):
                value(*args, **words)
            elif args:
                setattr(a, name, args[0])
            a[junk(keys)] = junk(keys)
        except EXPECTED:
            pass
        except BaseException as error:
            print(f"{name}: {type(error).__name__}: {error}")
        if a.size:
            float(numpy.abs(numpy.asarray(a.detach())).sum())     # still in its memory


@pytest.mark.parametrize("part", range(PARTS))
def test_wrong_arguments(part, tmp_path):
    env = dict(os.environ, PYTHONPATH=str(Path(tested.__file__).parents[1]))
    diary = tmp_path / "diary"
    command = [sys.executable, __file__, str(part), str(diary)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, env=env)
    assert done.returncode == 0, f"at {diary.read_text()}: {done.stderr[-2000:]}"
    assert not done.stdout


def test_views_outlive_what_is_done_to_their_base():
    a = np.arange(8.0)
    view, iterator, window = a[2:], a.flat, memoryview(a)
    elements = iter(a)
    next(elements), next(iterator)
    a.shape = (2, 4)
    assert view.tolist() == list(range(2, 8)) and window.tolist() == list(range(8))
    assert [float(x) for x in iterator] == list(range(1, 8))
    assert next(elements).tolist() == [4, 5, 6, 7]
    with pytest.raises(ValueError):
        a.resize(100)
    del a
    gc.collect()
    assert view.sum() == 27 and window[7] == 7.0


def test_an_iterator_over_what_became_smaller_ends():
    a = np.arange(5.0)
    elements = iter(a)
    assert next(elements) == 0
    a.resize(2)
    assert [float(x) for x in elements] == [1.0]
    b = np.arange(4.0)
    elements = iter(b)
    next(elements)
    b.shape = ()  if b.size == 1 else (2, 2)
    assert len(list(elements)) == 1


def test_lent_memory_is_not_resized():
    a = np.arange(4.0)
    lent = numpy.asarray(a)
    with pytest.raises(ValueError, match="another array shares"):
        a.resize(1000)
    assert lent.tolist() == [0, 1, 2, 3]
    b = np.arange(4.0)
    window = memoryview(b)
    with pytest.raises(ValueError):
        b.resize((0,))
    assert window.tolist() == [0, 1, 2, 3]


def test_values_outlived_by_what_looks_at_them():
    """The element of a value lies in its own block: views, lent memory and copies of it keep that block."""
    kept = []
    for i in range(3000):
        a = np.arange(4.0) + i
        x = a[1]
        lent, view, window, capsule = numpy.asarray(x), x[...], memoryview(x), numpy.from_dlpack(x)
        tensor = tested.tensor(5.0)
        tensor.data = x
        if i % 3 == 0:
            x.shape = (1, 1)
            assert x.strides == (8, 8) and x.tolist() == [[i + 1.0]]
        if i % 3 == 1:
            x.shape = (1, 1, 1, 1, 1)
            x.shape = (1,)
        kept.append((i, lent, view, window, capsule, tensor))
        del x
        if i % 7 == 0:
            kept = kept[-5:]
    gc.collect()
    filler = [a[k % 4] for k in range(5000)]
    for i, lent, view, window, capsule, tensor in kept:
        assert lent == view == window[()] == capsule == tensor.item() == i + 1
        view[...] = -1.0
        assert lent == window[()] == -1.0
    assert len(filler) == 5000
    b = np.arange(3)[2]
    b.resize((2, 2))
    assert b.tolist() == [[2, 0], [0, 0]]


def test_nothing_is_written_through_what_is_readonly():
    base = numpy.arange(4.0)
    base.flags.writeable = False
    a = np.asarray(base)
    with pytest.raises(ValueError):
        a.flags.writeable = True
    with pytest.raises(ValueError):
        a.setflags(write=True)
    jobs = [
        lambda: a.__setitem__(0, 1), lambda: a.__setitem__(slice(None), 1), lambda: a.fill(1), lambda: a.sort(),
        lambda: a.partition(1), lambda: a.put(0, 1), lambda: a.flat.__setitem__(0, 1), lambda: a.byteswap(inplace=True),
        lambda: a.__iadd__(1), lambda: np.copyto(a, 1), lambda: a.setfield(1, "int8"), lambda: np.add(a, 1, out=a),
        lambda: a.real.__setitem__(0, 1), lambda: a.clip(0, 1, out=a), lambda: a.sum(out=a[0, ...]),
    ]  # fmt: skip
    for job in jobs:
        with pytest.raises((ValueError, TypeError)):
            job()
    assert base.tolist() == [0, 1, 2, 3]


def test_geometry_of_what_is_in_a_graph():
    leaf = np.arange(6.0).requires_grad_()
    for job in (lambda: leaf.resize(2), lambda: setattr(leaf, "shape", (2, 3)), lambda: setattr(leaf, "dtype", "int64"),
                lambda: leaf.fill(1), lambda: leaf.sort(), lambda: leaf.setfield(1, "int8"), lambda: leaf.view("int64"),
                lambda: leaf.__setitem__(0, 1.0)):
        with pytest.raises((RuntimeError, TypeError)):
            job()
    y = leaf * 2
    y.shape = (2, 3)
    y[0, 0] = 9.0
    (y.T[1] * y[:, 1]).sum().backward()
    assert leaf.grad.tolist() == [0.0, 8.0, 0.0, 0.0, 32.0, 0.0]


def test_strides_stay_within_the_memory():
    a = np.arange(6.0)
    for strides in ((16,), (-8,), (2**62,), (4,), (8, 8), "x", None):
        with pytest.raises((ValueError, TypeError)):
            a.strides = strides
    a[:3].strides = (16,)
    assert a.tolist() == list(range(6))


@pytest.mark.parametrize("shape", [(2**62, 4), (2**40, 2**40), (-1,), (2**31, 2**31, 4), "x", 1.5, (None,)])
def test_sizes_that_do_not_exist(shape):
    for job in (lambda: np.arange(4).resize(shape), lambda: np.arange(4).reshape(shape) if shape != (-1,) else int("x"),
                lambda: np.arange(4).repeat(2**62), lambda: setattr(np.arange(4), "shape", (shape, 2))):
        with pytest.raises((ValueError, TypeError, OverflowError, MemoryError)):
            job()


if __name__ == "__main__":
    with open(sys.argv[2], "w") as file:
        play(int(sys.argv[1]), file)
