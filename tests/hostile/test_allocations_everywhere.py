"""Allocations that fail in every specimen (specimens.py), one after the other: each call is a MemoryError or
succeeds, what it was given stays as it was, and no memory is lost.  In processes of their own, so that a
crash is a failure that names the call."""
import gc
import os
import subprocess
import sys
from pathlib import Path

import pytest

import rustorch as tested

# the child is given the package under test wherever it was found, and these tests
ENVIRONMENT = dict(os.environ, PYTHONPATH=os.pathsep.join(str(Path(f).parents[1]) for f in (tested.__file__, __file__)))
MOST = 3000           # allocations of a call
PARTS = ("rows", "modules", "tools")
# their arguments are written on purpose, or they keep something on purpose
WRITES = ("Tensor.index_add_", "Tensor.scatter_", "Tensor.__setitem__", "nn.functional.batch_norm")


def calls(part):
    """(name, call, arguments that it must leave alone)."""
    from hostile import specimens
    if part == "rows":
        for number, (name, args, keywords) in enumerate(specimens.made()):
            order = 0 if name == "nn.functional.embedding_bag" else 1
            yield (f"{number} {name}", lambda a=args, k=keywords, n=name, o=order: specimens.run(n, a, k, o),
                   [] if name in WRITES else specimens.flat([args, keywords]))
    elif part == "modules":
        for name, module, x in specimens.modules():
            yield name, lambda m=module, x=x: specimens.run_module(m, x), [x]
    else:
        for name, call in specimens.tools().items():
            yield name, call, []


def look(tensors):
    return [bytes(memoryview(t.detach().numpy()).cast("B")) if t.numel() and t.is_contiguous() and t.ndim else None
            for t in tensors]


def child(part):
    from rustorch import _C
    for name, call, arguments in calls(part):
        print(name, file=sys.stderr, flush=True)
        for _ in range(3):
            call()
        gc.collect()
        before, seen = _C.memory_stats()["live_bytes"], look(arguments)
        for n in range(1, MOST):
            failed = False
            _C.memory_fail_at(n)
            try:
                call()
            except MemoryError:
                failed = True
            finally:
                _C.memory_fail_at(0)
            assert look(arguments) == seen, f"{name}: its arguments changed when allocation {n} failed"
            if not failed:
                break
        else:
            raise AssertionError(f"{name}: still failing after {MOST} allocations")
        call()
        gc.collect()
        kept = _C.memory_stats()["live_bytes"] - before
        assert kept <= 0, f"{name}: {kept} bytes stay behind after {n} failures"


@pytest.mark.parametrize("part", PARTS)
def test_failing_allocations(part):
    done = subprocess.run([sys.executable, "-X", "faulthandler", __file__, part], env=ENVIRONMENT, capture_output=True,
                          text=True, timeout=300)
    assert done.returncode == 0, f"{done.returncode}: {done.stderr[-3000:]}"


if __name__ == "__main__":
    child(sys.argv[1])
