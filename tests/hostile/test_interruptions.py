"""Ctrl-C while something takes long: KeyboardInterrupt arrives where the program waits, workers end, and the library
works on afterwards.  One row is not broken off; what is made of many is, between two of them."""
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import rustorch as tested

# the child is given the package under test wherever it was found, and these tests
ENVIRONMENT = dict(os.environ, PYTHONPATH=os.pathsep.join(str(Path(f).parents[1]) for f in (tested.__file__, __file__)))
PATIENCE = 30        # seconds until a wait counts as not interruptible; what is waited for takes longer

PROGRAM = """
import signal, sys
from compat import loading_samples as samples
import rustorch as rt

def ready():
    print("ready", flush=True)

def loader(method):
    it = iter(rt.data.DataLoader(samples.Bad("sleep", at=4), 2, num_workers=2, multiprocessing_context=method))
    next(it)
    ready()
    while True:
        next(it)

def backward():
    x = rt.ones(60_000, requires_grad=True)
    y = x
    for _ in range(100_000):
        y = y * 1.0
    ready()
    for _ in range(10**6):
        y.sum().backward(retain_graph=True)

def steps():
    p = [rt.nn.Parameter(rt.ones(1000)) for _ in range(1000)]
    for q in p:
        q.grad = rt.ones(1000)
    optimizer = rt.optim.Adam(p)
    ready()
    while True:
        optimizer.step()

def gradcheck():
    x = rt.ones(40_000, dtype="float64", requires_grad=True)
    ready()
    rt.autograd.gradcheck(lambda a: a.sin(), (x,))

if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        {call}
    except KeyboardInterrupt:
        print("interrupted", flush=True)
    x = rt.ones(300, 300, requires_grad=True)
    (x @ x).sum().backward()
    assert x.grad[0, 0].item() == 600
    print("works", flush=True)
"""


@pytest.mark.parametrize("call", ["loader('fork')", "loader('spawn')", "backward()", "steps()", "gradcheck()"])
def test_interrupted(call, tmp_path):
    path = tmp_path / "program.py"       # a file: spawned workers read it, too
    path.write_text(PROGRAM.replace("{call}", call))
    child = subprocess.Popen([sys.executable, str(path)], env=ENVIRONMENT, text=True, stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE)
    try:
        assert child.stdout.readline() == "ready\n", child.communicate()[1]
        time.sleep(0.3)
        child.send_signal(signal.SIGINT)
        out, error = child.communicate(timeout=PATIENCE)
    finally:
        child.kill()
        child.wait()
    assert out.split() == ["interrupted", "works"], (out, error[-2000:])
    assert child.returncode == 0, error[-2000:]
