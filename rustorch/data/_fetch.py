"""Making a batch of a Python dataset, here or in a worker; seeds of workers and batches."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np

from .._C import default_generator

_MASK = (1 << 64) - 1


@dataclass(frozen=True)
class WorkerInfo:
    """What a worker process knows of itself: its number, how many there are, its seed, its copy of the dataset."""

    id: int
    num_workers: int
    seed: int
    dataset: Any


_info: WorkerInfo | None = None


def get_worker_info() -> WorkerInfo | None:
    """In a worker process of a DataLoader its WorkerInfo, elsewhere None."""
    return _info


def become_worker(info: WorkerInfo) -> None:
    """Notes that this process is a worker."""
    global _info
    _info = info


def batch_seed(base: int, number: int) -> int:
    """The seed of a batch, from the pass's seed and the batch's number (Steele et al. 2014, splitmix64)."""
    z = (base + (number + 1) * 0x9E3779B97F4A7C15) & _MASK
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _MASK
    return (z ^ (z >> 31)) >> 1


def seed_everything(seed: int) -> None:
    """Seeds our generator, Python's and NumPy's."""
    default_generator.manual_seed(seed)
    random.seed(seed)
    np.random.seed(seed & 0xFFFFFFFF)


@contextmanager
def own_randomness(seed: int) -> Iterator[None]:
    """Our generator starts at seed inside, and goes on outside as if nothing had been drawn."""
    state = default_generator.get_state()
    default_generator.manual_seed(seed)
    try:
        yield
    finally:
        default_generator.set_state(state)


class Fetcher:
    """Batches of a dataset by lists of numbers, of an iterable one by the number of samples wanted."""

    def __init__(
        self, dataset: Any, collate: Callable[[Any], Any], batched: bool, iterable: bool, drop_last: bool
    ) -> None:
        self.dataset = dataset
        self.collate = collate
        self.batched = batched
        self.iterable = iterable
        self.drop_last = drop_last
        self._samples: Iterator[Any] | None = None

    def restart(self) -> None:
        """An iterable dataset begins again."""
        self._samples = None

    def fetch(self, task: Any) -> Any:
        """The batch; StopIteration when an iterable dataset has come to its end."""
        if self.iterable:
            return self._next(task)
        if not self.batched:
            return self.collate(self.dataset[task])
        many = getattr(self.dataset, "__getitems__", None)
        if callable(many):
            return self.collate(many(task))
        dataset = self.dataset
        return self.collate([dataset[number] for number in task])

    def _next(self, wanted: int) -> Any:
        if self._samples is None:
            self._samples = iter(self.dataset)
        if not self.batched:
            return self.collate(next(self._samples))
        batch = list(islice(self._samples, wanted))
        if not batch or (self.drop_last and len(batch) < wanted):
            raise StopIteration
        return self.collate(batch)
