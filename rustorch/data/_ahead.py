"""The iterators of a DataLoader: in this process, and ahead of the consumer with a crew of workers."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

from ._failure import Failure
from ._workers import Exhausted, Processes, Threads, close_with

_END = object()


class LoaderIterator:
    """What iter(DataLoader) gives.

    Args:
        loader: whose length it has.
        batches: where batches come from.
    """

    def __init__(self, loader: Any, batches: Iterator[Any]) -> None:
        self._loader = loader
        self._batches = batches
        self._given = 0
        self._promised = loader._promised

    def __iter__(self) -> LoaderIterator:
        return self

    def __len__(self) -> int:
        return len(self._loader)

    def __next__(self) -> Any:
        batch = next(self._batches)
        if self._promised is not None:
            self._given += 1
            if self._given > self._promised:
                self._warn()
        return batch

    def _warn(self) -> None:
        loader = self._loader
        more = "" if loader.num_workers == 0 else " Is the IterableDataset divided between the workers?"
        warnings.warn(
            f"Length of IterableDataset {loader.dataset} was reported to be {self._promised} (when accessing"
            f" len(dataloader)), but {self._given} samples have been fetched.{more}",
            stacklevel=3,
        )

    def __getstate__(self) -> Any:
        raise NotImplementedError(f"{type(self).__name__} cannot be pickled")


class Ahead:
    """Batches that a crew loads before they are asked for.

    Args:
        crew: who loads.
        count: how many workers it has.
        depth: batches each of them may be ahead.
        timeout: seconds to wait for a batch, 0 for as long as its worker lives.
        in_order: batches come in the order of their numbers, whoever is ready first.
        lasting: the crew stays after a pass, for start() to begin another.
    """

    def __init__(
        self, crew: Processes | Threads, count: int, depth: int, timeout: float, in_order: bool, lasting: bool
    ) -> None:
        self.crew = crew
        self.count = count
        self.depth = max(1, depth)
        self.timeout = timeout
        self.in_order = in_order
        self.lasting = lasting
        self.turn = 0
        self._closer = close_with(self, crew)
        self._plan: Iterator[Any] = iter(())

    def start(self, plan: Iterator[Any], base: int) -> None:
        """Begins a pass over the tasks of plan, with seed base."""
        self.turn += 1
        self._plan, self._base = plan, base
        self._active = list(range(self.count))
        self._next_worker = 0
        self._sent = self._taken = 0
        self._owner: dict[int, int] = {}
        self._done = False
        for _ in range(self.depth * self.count):
            self._send_one()

    def close(self) -> None:
        """Ends the crew."""
        self._done = True
        self._closer()

    def __iter__(self) -> Ahead:
        return self

    def _send_one(self) -> None:
        if self._done or not self._active:
            return
        task = next(self._plan, _END)
        if task is _END:
            self._plan = iter(())
            return
        worker = self._next_worker
        while worker not in self._active:
            worker = (worker + 1) % self.count
        self._next_worker = (worker + 1) % self.count
        self._owner[self._sent] = worker
        self.crew.send(worker, (self.turn, self._sent), (self._base, task))
        self._sent += 1

    def _receive(self) -> tuple[int, Any]:
        """The next answer of this pass, by number or as it comes: (worker, value)."""
        while True:
            wanted = self._owner[self._taken] if self.in_order else None
            worker, (turn, number), value = self.crew.receive(wanted, self.timeout)
            if turn == self.turn:  # else it is left from a pass that was broken off
                del self._owner[number]
                return worker, value

    def __next__(self) -> Any:
        while True:
            if self._done or self._taken == self._sent:
                self._done = True
                if not self.lasting:
                    self.close()
                raise StopIteration
            try:
                worker, value = self._receive()
                self._taken += 1
                if isinstance(value, Exhausted):
                    if worker in self._active:
                        self._active.remove(worker)
                    self._send_one()
                    continue
                self._send_one()
            except BaseException:
                self.close()
                raise
            if isinstance(value, Failure):
                value.reraise()
            return value
