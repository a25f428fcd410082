"""Right calls (specimens.py) with one to three of their arguments made wrong: other shapes, dtypes, strides
and ranks, enormous, negative and missing numbers, outputs that do not fit or overlap.  Each is computed, with
its gradients, or refused by an exception; it neither crashes, hangs nor takes memory without bound.

In processes of their own with little address space (this file as a script), which write down the call they are
about to make, so that a crash is a failure that names it."""
import faulthandler
import os
import random
import resource
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

import rustorch as tested

# the child is given the package under test wherever it was found, and these tests
ENVIRONMENT = dict(os.environ, PYTHONPATH=os.pathsep.join(str(Path(f).parents[1]) for f in (tested.__file__, __file__)))
SANITIZED = "libasan" in os.environ.get("LD_PRELOAD", "")    # it needs address space without bound
EXPECTED = (TypeError, ValueError, IndexError, RuntimeError, OverflowError, MemoryError, NotImplementedError,
            AssertionError)       # where PyTorch's functions assert
ROOM = 3 << 29            # address space of the child, in bytes, beyond what importing took
PATIENCE = 240 if SANITIZED else 60      # seconds until a call hangs
TURNS = 12                # wrong calls of each specimen
PARTS = 3
WORDS = ("sum", "mean", "none", "x", "", "ij,jk", "constant", "reflect", "circular", "linear", "bicubic",
         "gelsd", "fro", "nuc")
NUMBERS = (-2**63, -2**62, -2**31, -5, -2, -1, 0, 1, 2, 3, 7, 2**31 - 1, 2**31, 2**40, 2**62, 2**63 - 1, 2**70)
FLOATS = (0.0, -1.0, 1e308, 5e-324, float("nan"), float("inf"), -float("inf"), -2**62)
DTYPES = ("bool", "uint8", "int8", "int64", "uint64", "float16", "bfloat16", "float32", "float64", "complex64")


class Mutator:
    def __init__(self, rng, rt, np):
        self.rng, self.rt, self.np = rng, rt, np

    def tensor(self, t):
        rng, rt = self.rng, self.rt
        shape = tuple(t.shape)
        return rng.choice((
            lambda: t.reshape(-1), lambda: t.unsqueeze(0), lambda: t.unsqueeze(-1), lambda: t.sum(),
            lambda: t[..., :0], lambda: t[..., 1:], lambda: t[0], lambda: t.flip(0), lambda: t.to(rng.choice(DTYPES)),
            lambda: t.permute(*reversed(range(t.ndim))), lambda: t[..., :1].expand(*shape), lambda: rt.cat([t, t]),
            lambda: t.new_empty((0,) * rng.randrange(1, 6)), lambda: t.new_zeros((1,) * rng.randrange(1, 33)),
            lambda: t.new_ones([rng.randrange(5) for _ in range(rng.randrange(5))]), lambda: self.spoiled(t),
            lambda: t.as_strided((3, 3), (0, 1)), lambda: t.as_strided((2, 2), (1, 1)),
            lambda: t.detach().requires_grad_(),
            lambda: t.new_zeros(1).expand(2, 2**61, 0), lambda: t.new_zeros(0, 2**40, 2**20),
            lambda: rng.choice((None, 3, 2.5, "x", [1, 2], self.np.zeros((2, 2), "f4"), [t, t])),
        ))()

    def spoiled(self, t):
        flat = t.detach().clone().reshape(-1)
        flat[self.rng.randrange(flat.numel())] = self.rng.choice((*FLOATS, *NUMBERS))
        return flat.reshape(tuple(t.shape))

    def sequence(self, v):
        kind = type(v)
        return self.rng.choice((
            lambda: kind(v[:-1]), lambda: kind([*v, *v[-1:]]), lambda: kind(), lambda: v[0], lambda: kind([*v] * 17),
            lambda: kind(self.value(x) for x in v)))()

    def value(self, v):
        rng = self.rng
        if isinstance(v, self.rt.Tensor):
            return self.tensor(v)
        if isinstance(v, bool):
            return rng.choice((not v, None, 2, "x"))
        if isinstance(v, int):
            return rng.choice((*NUMBERS, *NUMBERS, None, 1.5, "x"))
        if isinstance(v, float):
            return rng.choice((*FLOATS, None, 3, "x"))
        if isinstance(v, (list, tuple)):
            return self.sequence(v)
        if isinstance(v, str):
            return rng.choice(WORDS)
        return rng.choice((None, 0, -1, 2.0, "x", self.rt.ones(2), [1, 2], True))

    def arguments(self, args, keywords):
        """Wrong ones; keywords may get an `out`."""
        args, keywords = list(args), dict(keywords)
        for _ in range(self.rng.choice((1, 1, 1, 2, 3))):
            at = self.rng.randrange(len(args) + len(keywords))
            if at < len(args):
                args[at] = self.value(args[at])
            else:
                name = list(keywords)[at - len(args)]
                keywords[name] = self.value(keywords[name])
        if self.rng.random() < 0.1:
            empty = self.rt.empty
            keywords["out"] = self.rng.choice((
                lambda: empty(0), lambda: empty(2, 3), lambda: args[0], lambda: empty(3).expand(3, 3),
                lambda: (empty(0), empty(0, dtype="int64")), lambda: (empty(0),) * 3, lambda: empty(0, dtype="int8")))()
        return args, keywords


def show(value):
    if hasattr(value, "stride") and hasattr(value, "dtype"):
        return f"{value.dtype}{tuple(value.shape)} by {value.stride()}"
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(show, value[:9]))}]"
    return repr(value)[:60]


def gradients(rt, specimens, results, args, keywords):
    leaves = [t for t in specimens.flat([args, keywords]) if t.requires_grad]
    outs = [t for t in specimens.flat([results]) if t.requires_grad and t.numel() < 10**6]
    if leaves and outs:
        rt.autograd.grad(outs, leaves, [rt.ones_like(t) for t in outs], allow_unused=True)


def child(part, parts, turns, path, seed):
    import numpy as np
    from hostile import specimens

    import rustorch as rt
    warnings.simplefilter("ignore")
    np.seterr(all="ignore")
    if not SANITIZED:
        taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (taken + ROOM, taken + ROOM))
    made, wrong = 0, []
    with open(path, "w") as diary:
        for number, (name, args, keywords) in enumerate(specimens.made()):
            for turn in range(turns if number % parts == part else 0):
                mutator = Mutator(random.Random(f"{seed} {number} {turn}"), rt, np)
                try:
                    a, k = mutator.arguments(args, keywords)
                except EXPECTED:
                    continue          # a change that this tensor does not have
                line = f"{name}({', '.join(map(show, a))}, {', '.join(f'{w}={show(v)}' for w, v in k.items())})"
                diary.seek(0)
                diary.truncate()
                diary.write(line)
                diary.flush()
                faulthandler.dump_traceback_later(PATIENCE, exit=True)
                made += 1
                try:
                    gradients(rt, specimens, specimens.function(name)(*a, **k), a, k)
                except EXPECTED as error:
                    if isinstance(error, RecursionError) or not str(error):
                        wrong.append(f"{line}: {error!r}")
                except BaseException as error:
                    wrong.append(f"{line}: {error!r}")
    faulthandler.cancel_dump_traceback_later()
    print(made)
    for line in wrong:
        print("WRONG", line.replace("\n", " "))


@pytest.mark.parametrize("part", range(PARTS))
def test_wrong_arguments(part, tmp_path):
    path = tmp_path / "diary"
    done = subprocess.run([sys.executable, "-X", "faulthandler", __file__, str(part), str(PARTS), str(TURNS), str(path),
                           "7"], env=ENVIRONMENT, capture_output=True, text=True, timeout=300, cwd=tmp_path)
    assert done.returncode == 0, f"{done.returncode} in {path.read_text()}\n{done.stderr[-4000:]}"
    wrong = [line for line in done.stdout.splitlines() if line.startswith("WRONG")]
    assert not wrong, f"{len(wrong)}:\n" + "\n".join(wrong[:40])
    assert int(done.stdout.split()[0]) > 500


if __name__ == "__main__":
    child(int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4], sys.argv[5])
