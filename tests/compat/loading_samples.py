"""Datasets and functions of the loading tests, where spawned processes find them."""

import os
import random
import signal
import time

import numpy as np

import rustorch as rt
from rustorch.data import Dataset, IterableDataset, get_worker_info


class Images(Dataset):
    """Large enough that batches travel in shared memory."""

    def __init__(self, n=40, size=3000):
        self.n, self.size = n, size

    def __len__(self):
        return self.n

    def __getitem__(self, i):
        return {
            "x": rt.full((self.size,), float(i)),
            "a": np.full((self.size,), i, dtype="int16"),
            "n": i,
            "name": f"image {i}",
        }


class Noise(Dataset):
    """Samples that draw random numbers."""

    def __init__(self, n=24, foreign=True):
        self.n, self.foreign = n, foreign

    def __len__(self):
        return self.n

    def __getitem__(self, i):
        ours = rt.rand(4)
        if not self.foreign:
            return i, ours
        return i, ours, random.random(), np.random.rand()


class Which(Dataset):
    """Which worker loads it, and what it knows of itself."""

    def __len__(self):
        return 12

    def __getitem__(self, i):
        info = get_worker_info()
        return i, -1 if info is None else info.id, 0 if info is None else info.seed, os.getpid()


class Count(IterableDataset):
    """0 ... n-1, divided between the workers."""

    def __init__(self, n=20):
        self.n = n

    def __iter__(self):
        info = get_worker_info()
        first, step = (0, 1) if info is None else (info.id, info.num_workers)
        return iter(range(first, self.n, step))


class Promise(Count):
    """Says it is shorter than it is."""

    def __len__(self):
        return 3


class Special(Exception):
    def __init__(self, one, two):
        super().__init__(one, two)


class Bad(Dataset):
    """Does something bad at one sample."""

    def __init__(self, what, at=5, n=16):
        self.what, self.at, self.n = what, at, n

    def __len__(self):
        return self.n

    def __getitem__(self, i):
        if i == self.at:
            match self.what:
                case "value":
                    raise ValueError(f"sample {i} is spoilt")
                case "key":
                    raise KeyError("missing")
                case "special":
                    raise Special(1, 2)
                case "stop":
                    raise StopIteration
                case "kill":
                    os.kill(os.getpid(), signal.SIGKILL)
                case "exit":
                    os._exit(7)
                case "sleep":
                    time.sleep(60)
                case "lambda":
                    return lambda: 0
        return rt.full((5000,), float(i))


def note(worker):
    """A worker_init_fn."""
    info = get_worker_info()
    info.dataset.noted = worker + 100


class Noted(Dataset):
    noted = 0

    def __len__(self):
        return 4

    def __getitem__(self, i):
        return self.noted


def fails(worker):
    raise OSError(f"no data for worker {worker}")


def keep(samples):
    return samples
