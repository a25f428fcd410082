"""Who keeps whose memory alive: either side may die first, and nothing stays behind."""
import gc
import os
import subprocess
import sys
import threading
import weakref

import numpy as np
import pytest
import torch

import rustorch


class Watched(np.ndarray):
    """An array whose death can be watched."""


def watched():
    a = np.arange(1000.0).view(Watched)
    return a, weakref.ref(a)


class Described:
    def __init__(self, a):
        self.a = a

    @property
    def __array_interface__(self):
        return self.a.__array_interface__


IMPORTS = {
    "from_numpy": rustorch.from_numpy,
    "dlpack": rustorch.from_dlpack,
    "interface": lambda a: rustorch.asarray(Described(a)),
    "buffer": lambda a: rustorch.asarray(memoryview(a)),
    "torch": lambda a: rustorch.from_dlpack(torch.from_numpy(a)),
    "legacy": lambda a: rustorch.from_dlpack(torch.from_numpy(a).__dlpack__()),
}
EXPORTS = {
    "asarray": np.asarray,
    "numpy()": lambda t: t.numpy(),
    "dlpack": np.from_dlpack,
    "torch": torch.from_dlpack,
    "to_torch": lambda t: t.to_torch(),
    "legacy": lambda t: torch.from_dlpack(t.__dlpack__()),
    "interface": lambda t: np.asarray(Described(t)),
    "buffer": memoryview,
}


@pytest.mark.parametrize("way", IMPORTS)
def test_producer_dies_first(way):
    a, alive = watched()
    t = IMPORTS[way](a)
    del a
    gc.collect()
    assert alive() is not None
    assert np.asarray(t).tolist() == list(range(1000))
    del t
    gc.collect()
    assert alive() is None


@pytest.mark.parametrize("way", IMPORTS)
def test_consumer_dies_first(way):
    a, _ = watched()
    before = sys.getrefcount(a)
    t = IMPORTS[way](a)
    del t
    gc.collect()
    assert sys.getrefcount(a) == before
    assert a.tolist() == list(range(1000))


@pytest.mark.parametrize("out", EXPORTS)
@pytest.mark.parametrize("way", IMPORTS)
def test_export_outlives_the_tensor(way, out):
    a, alive = watched()
    t = IMPORTS[way](a)
    theirs = EXPORTS[out](t)
    del a, t
    gc.collect()
    assert alive() is not None
    assert theirs.tolist() == list(range(1000))
    del theirs
    gc.collect()
    assert alive() is None


@pytest.mark.parametrize("out", EXPORTS)
def test_tensor_outlives_the_export(out):
    a, alive = watched()
    t = rustorch.from_numpy(a)
    del a
    theirs = EXPORTS[out](t)
    del theirs
    gc.collect()
    assert alive() is not None
    assert np.asarray(t).tolist() == list(range(1000))
    del t
    gc.collect()
    assert alive() is None


@pytest.mark.parametrize("max_version", [None, (1, 3)])
def test_a_capsule_nobody_consumed(max_version):
    a, alive = watched()
    capsule = rustorch.from_numpy(a).__dlpack__(max_version=max_version)
    del a
    gc.collect()
    assert alive() is not None
    del capsule
    gc.collect()
    assert alive() is None


def test_views_keep_the_memory():
    a, alive = watched()
    part = rustorch.from_dlpack(a)[10:20]
    del a
    gc.collect()
    assert np.asarray(part).tolist() == list(range(10, 20))
    del part
    gc.collect()
    assert alive() is None


def test_last_owner_in_another_thread():
    """PyTorch drops the last reference in a thread of its own."""
    a, alive = watched()
    box = [torch.from_dlpack(rustorch.from_numpy(a))]
    del a
    thread = threading.Thread(target=box.clear)
    thread.start()
    thread.join()
    gc.collect()
    assert alive() is None


def resident():
    with open("/proc/self/statm") as f:
        return int(f.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def refused(t):
    try:
        t.__dlpack__(copy=False)
    except BufferError:
        return
    raise AssertionError("a reversed tensor went out without a copy")


a4k, x4k = np.ones(512), torch.ones(1024)
ROUND_TRIPS = {
    "from numpy": lambda: rustorch.from_dlpack(a4k),
    "from torch": lambda: rustorch.from_dlpack(x4k),
    "from interface": lambda: rustorch.asarray(Described(a4k)),
    "from buffer": lambda: rustorch.asarray(memoryview(a4k)),
    "to numpy": lambda: np.from_dlpack(rustorch.from_numpy(a4k)),
    "to torch": lambda: torch.from_dlpack(rustorch.from_numpy(a4k)),
    "handed to torch": lambda: rustorch.from_numpy(a4k).to_torch(),
    "legacy": lambda: rustorch.from_dlpack(rustorch.from_numpy(a4k).__dlpack__()),
    "unconsumed": lambda: rustorch.from_numpy(a4k).__dlpack__(max_version=(1, 0)),
    "copies": lambda: rustorch.from_dlpack(a4k, copy=True),
    "reversed": lambda: torch.from_dlpack(rustorch.from_numpy(a4k[::-1])),
    "memoryview": lambda: memoryview(rustorch.from_numpy(a4k)),
    "refused": lambda: refused(rustorch.from_numpy(a4k[::-1])),
}


@pytest.mark.parametrize("trip", ROUND_TRIPS)
def test_twenty_thousand_exchanges_leave_nothing(trip):
    exchange = ROUND_TRIPS[trip]
    for _ in range(500):
        exchange()
    gc.collect()
    blocks, bytes_ = sys.getallocatedblocks(), resident()
    counts = sys.getrefcount(a4k), sys.getrefcount(x4k)
    for _ in range(20_000):
        exchange()
    gc.collect()
    assert abs(sys.getallocatedblocks() - blocks) < 200
    assert resident() - bytes_ < 4 << 20
    assert (sys.getrefcount(a4k), sys.getrefcount(x4k)) == counts


def test_the_interpreter_ends_with_exports_alive():
    code = """
import numpy as np, rustorch, torch
t = rustorch.from_numpy(np.ones(1000))
kept = [t, torch.from_dlpack(t), np.from_dlpack(t), t.__dlpack__(), memoryview(t), t.to_torch()]
kept.append(rustorch.from_dlpack(torch.ones(3)))
kept.append(kept)
torch.kept = kept
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
