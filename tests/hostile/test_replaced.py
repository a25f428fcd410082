"""Tensors that change between a computation and its backward pass: other memory by `.data`, another shape, dtype or
order of dimensions, in inputs and in results.  The pass computes with what is there or refuses, with no step
outside of any tensor's memory.  In a process of its own, which writes down what it is about to do."""
import faulthandler
import os
import random
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

import rustorch as rt

# the child is given the package under test wherever it was found, and these tests
ENVIRONMENT = dict(os.environ, PYTHONPATH=os.pathsep.join(str(Path(f).parents[1]) for f in (rt.__file__, __file__)))
EXPECTED = (TypeError, ValueError, IndexError, RuntimeError, OverflowError, MemoryError, NotImplementedError)
DTYPES = ("int8", "float64", "complex64", "float16", "bool", "int64")
TURNS = 3


def change(rng, t):
    """Gives t other memory or another geometry, in place."""
    free = not t.requires_grad
    with rt.no_grad():
        rng.choice((
            lambda: setattr(t, "data", t.new_zeros(3)),
            lambda: setattr(t, "data", t.new_zeros(())),
            lambda: setattr(t, "data", t.new_zeros(0)),
            lambda: setattr(t, "data", t.detach().reshape(-1)),
            lambda: setattr(t, "data", t.new_zeros([n + 1 for n in t.shape])),
            lambda: setattr(t, "data", t.new_zeros(1).expand(*t.shape)),
            lambda: setattr(t, "data", t.detach().to(rng.choice(DTYPES))),
            lambda: t.transpose_(0, -1) if free else setattr(t, "data", t.detach().clone().transpose(0, -1)),
            lambda: t.resize_(rng.choice(((1,), (t.numel() + 500,), (0,)))) if free else None,
        ))()


def child(path):
    from hostile import specimens
    warnings.simplefilter("ignore")
    made = refused = 0
    with open(path, "w") as diary:
        for turn in range(TURNS):
            for number, (name, args, keywords) in enumerate(specimens.made()):
                rng = random.Random(f"{turn} {number}")
                inputs = specimens.flat([args, keywords])
                outs = specimens.flat([specimens.function(name)(*args, **keywords)])
                leaves, roots = [t for t in inputs if t.requires_grad], [t for t in outs if t.requires_grad]
                if not leaves or not roots:
                    continue
                seeds = [rt.ones_like(t) for t in roots]
                diary.seek(0)
                diary.truncate()
                diary.write(f"{turn} {number} {name}")
                diary.flush()
                faulthandler.dump_traceback_later(60, exit=True)
                made += 1
                try:
                    change(rng, rng.choice(inputs + outs))
                    grads = rt.autograd.grad(roots, leaves, seeds, allow_unused=True, create_graph=rng.random() < 0.3)
                    assert all(isinstance(g.detach().numpy().tobytes(), bytes) for g in grads if g is not None)
                except EXPECTED:
                    refused += 1
    faulthandler.cancel_dump_traceback_later()
    print(made, refused)


def shared(path):
    """Class numbers, indices and lengths overwritten through arrays that share their memory: no version tells."""
    from hostile import specimens
    made = refused = 0
    with open(path, "w") as diary:
        for number, (name, args, keywords) in enumerate(specimens.made()):
            outs = specimens.flat([specimens.function(name)(*args, **keywords)])
            inputs = specimens.flat([args, keywords])
            arrays = [t.detach().numpy() for t in inputs + outs if t.dtype == rt.int64 and t.numel()]
            arrays = [a for a in arrays if a.flags.writeable]
            leaves, roots = [t for t in inputs if t.requires_grad], [t for t in outs if t.requires_grad]
            for value in (-1, 10**6, -10**6, 2**40, 2**62, -2**63) if arrays and leaves and roots else ():
                kept = [a.copy() for a in arrays]
                for a in arrays:
                    a[...] = value
                diary.seek(0)
                diary.truncate()
                diary.write(f"{number} {name} {value}")
                diary.flush()
                made += 1
                try:
                    seeds = [rt.ones_like(t) for t in roots]
                    rt.autograd.grad(roots, leaves, seeds, allow_unused=True, retain_graph=True)
                except EXPECTED:
                    refused += 1
                for a, old in zip(arrays, kept, strict=True):
                    a[...] = old
    print(made, refused)


@pytest.mark.parametrize("what", ["replaced", "shared"])
def test_between_forward_and_backward(what, tmp_path):
    path = tmp_path / "diary"
    done = subprocess.run([sys.executable, "-X", "faulthandler", __file__, what, str(path)], env=ENVIRONMENT,
                          capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, f"{done.returncode} in {path.read_text()}\n{done.stderr[-3000:]}"
    made, refused = map(int, done.stdout.split())
    assert made > 100 and 50 < refused < made


@pytest.mark.parametrize("how", ["data shape", "data dtype", "resize_", "transpose_", "t_"])
def test_what_was_saved_may_not_change_its_geometry(how):
    w, x = rt.ones(20, 30, requires_grad=True), rt.full((20, 30), 3.0)
    x.add_(1)
    y = (w * x).sum()
    if how == "data shape":
        x.data = rt.zeros(2)
    elif how == "data dtype":
        x.data = rt.zeros(20, 30, dtype="int8")
    elif how == "resize_":
        x.resize_(100_000)
    else:
        getattr(x, how)(*((0, 1) if how == "transpose_" else ()))
    with pytest.raises(RuntimeError, match=r"mul.*overwritten in place"):
        y.backward()


def test_data_of_the_same_shape_is_used():
    w, x = rt.ones(3, requires_grad=True), rt.full((3,), 3.0)
    y = (w * x).sum()
    x.data = rt.full((3,), 5.0)
    y.backward()
    assert w.grad.tolist() == [5, 5, 5]


def test_a_view_with_other_data_is_no_view():
    base = rt.zeros(8)
    view = base[2:5]
    view.data = rt.ones(100)
    view.add_(1)
    assert base.tolist() == [0] * 8 and view.tolist() == [2] * 100
    w = rt.ones(8, requires_grad=True)
    part = (w * 2)[3:]
    part.data = rt.ones(50)
    assert (part + 1).shape == (50,)


if __name__ == "__main__":
    {"replaced": child, "shared": shared}[sys.argv[1]](sys.argv[2])
