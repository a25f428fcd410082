"""Every specimen (specimens.py), right and wrong, and every module and tool, over and over: neither our memory nor
Python's objects nor the C library's blocks grow, counted exactly, not by the process's size.

In processes of their own (this file as a script), on one thread, so that all blocks come from one arena."""
import contextlib
import ctypes
import gc
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
ENVIRONMENT = dict(os.environ, PYTHONPATH=os.pathsep.join(str(Path(f).parents[1]) for f in (tested.__file__, __file__)),
                   RUSTORCH_NUM_THREADS="1", MALLOC_ARENA_MAX="1")
SANITIZED = "libasan" in os.environ.get("LD_PRELOAD", "")    # its allocator does not count for us
PARTS = ("rows", "wrong", "modules", "tools")
# calls of a round: what is kept for each of them grows with their number; Python's own tables of classes, which grow
# to a bound, are at it in the last round
TURNS = (12, 60, 300, 300)
ROOM = 1 << 28             # bytes of address space for wrong calls


class Blocks(ctypes.Structure):
    """mallinfo2 of the C library."""
    _fields_ = [(name, ctypes.c_size_t) for name in ("arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks",
                                                     "fsmblks", "uordblks", "fordblks", "keepcost")]


def counter():
    """A function that counts what is in use: our bytes, Python's blocks, the C library's bytes."""
    from rustorch import _C
    mallinfo2 = getattr(ctypes.CDLL(None), "mallinfo2", None)
    if mallinfo2 and not SANITIZED:
        mallinfo2.restype = Blocks

    def count():
        gc.collect()
        # empty_cache: our blocks that wait for their next use count as given back
        _C.memory_empty_cache()
        blocks = mallinfo2() if mallinfo2 and not SANITIZED else None
        return (_C.memory_stats()["live_bytes"], sys.getallocatedblocks(),
                blocks.uordblks + blocks.hblkhd if blocks else 0)
    return count


def calls(part):
    import numpy as np
    from hostile import specimens, test_mutations

    import rustorch as rt
    if part == "rows":
        for number, (name, args, keywords) in enumerate(specimens.made()):
            yield f"{number} {name}", lambda n=name, a=args, k=keywords: specimens.run(n, a, k, order=1)
    elif part == "modules":
        for name, module, x in specimens.modules():
            yield name, lambda m=module, x=x: specimens.run_module(m, x)
    elif part == "tools":
        yield from specimens.tools().items()
    else:
        for number, (name, args, keywords) in enumerate(specimens.made()):
            try:
                a, k = test_mutations.Mutator(random.Random(f"{number}"), rt, np).arguments(args, keywords)
                specimens.function(name)(*a, **k)
            except test_mutations.EXPECTED:
                yield f"{number} {name}", lambda n=name, a=a, k=k: refused(specimens.function(n), a, k)


def refused(function, args, keywords):
    with contextlib.suppress(Exception):
        function(*args, **keywords)


def child(part):
    warnings.simplefilter("ignore")
    count, made, grown = counter(), 0, []
    if part == "wrong" and not SANITIZED:
        taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (taken + ROOM, taken + ROOM))
    for name, call in calls(part):
        for _ in range(3):
            call()
        before, growths = count(), []
        for turns in TURNS:
            for _ in range(turns):
                call()
            now = count()
            growths.append([b - a for a, b in zip(before, now, strict=True)])
            before = now
            if not any(g >= least for g, least in zip(growths[-1], (1, turns, 16 * turns), strict=True)):
                break
        else:
            grown.append(f"{name}: {growths}")
        made += 1
    print(made)
    for line in grown:
        print("GROWN", line)


@pytest.mark.parametrize("part", PARTS)
def test_nothing_grows(part):
    done = subprocess.run([sys.executable, "-X", "faulthandler", __file__, part], env=ENVIRONMENT, capture_output=True,
                          text=True, timeout=300)
    assert done.returncode == 0, f"{done.returncode}: {done.stderr[-3000:]}"
    grown = [line for line in done.stdout.splitlines() if line.startswith("GROWN")]
    assert not grown, "\n".join(grown[:40])
    assert int(done.stdout.split()[0]) > 10


if __name__ == "__main__":
    child(sys.argv[1])
