"""DataLoader: batches of a dataset."""

from __future__ import annotations

import multiprocessing
import os
import warnings
from collections.abc import Callable, Iterable, Iterator
from itertools import repeat
from multiprocessing.context import BaseContext
from typing import Any, Generic, TypeVar

from .._C import Generator, Tensor, randint
from ._ahead import Ahead, LoaderIterator
from ._fetch import Fetcher, batch_seed, own_randomness
from ._gather import Gathered, gathered
from ._workers import Processes, Threads
from .collate import default_collate, default_convert
from .dataset import Dataset, IterableDataset
from .sampler import BatchSampler, RandomSampler, Sampler, SequentialSampler

__all__ = ["DataLoader"]

T = TypeVar("T", covariant=True)
_FIXED = ("batch_size", "batch_sampler", "sampler", "drop_last", "dataset", "persistent_workers")
_NUMBERS = (Sampler.__iter__, SequentialSampler.__iter__)


class DataLoader(Generic[T]):
    """Iterates over batches of a dataset.

    Args:
        dataset: anything with __getitem__ and __len__, or an IterableDataset.
        batch_size: samples a batch; None for single samples.
        shuffle: a new random order each pass, drawn from `generator`.
        sampler, batch_sampler: another order, another way to make batches.
        num_workers: who loads ahead; 0: batches are made when they are asked for.
        collate_fn: makes a batch of a list of samples; default_collate when None.
        pin_memory, pin_memory_device: accepted; there is no memory to pin without a GPU.
        drop_last: leaves a last short batch out.
        timeout: seconds to wait for a worker's batch, 0 for as long as the worker lives.
        worker_init_fn: called with its number in each worker process.
        multiprocessing_context: "fork", "spawn", "forkserver" or a context; None: Python's default.
        generator: draws the order and the seeds; None: the default generator.
        prefetch_factor: batches each worker is ahead; 2 when None.
        persistent_workers: worker processes stay from pass to pass.
        in_order: batches come in their order; False: as they are ready.

    Batches of a TensorDataset, of an array or tensor (a mapped file, too), of a StackDataset of them and
    of a Subset of any of these are gathered whole, without the interpreter's lock; workers are then
    threads, unless worker_init_fn or multiprocessing_context asks for processes.  Batches of other
    datasets are made by worker processes and come in shared memory that has no name and goes with its
    last user; an exception in a worker is raised here, with the worker's traceback.

    The order depends on the generator alone, not on the number of workers.  Before each batch of a map-style
    dataset our generator is seeded for it, from the pass's seed and the batch's number, so that random
    transforms give the same numbers for any number of workers, also for none; in worker processes without
    a worker_init_fn so are Python's `random` and NumPy's.  A worker's first seed, also for an iterable
    dataset, is the pass's seed plus its number (`get_worker_info().seed`).

    Raises:
        ValueError: options that exclude each other or are out of range.
        RuntimeError: (iterating) a worker has died, or a batch has not come in time.

    >>> import rustorch as rt
    >>> data = rt.data.TensorDataset(rt.arange(5), rt.arange(5) * 10)
    >>> [x.tolist() for x, y in rt.data.DataLoader(data, batch_size=2)]
    [[0, 1], [2, 3], [4]]
    """

    _set = False

    def __init__(
        self, dataset: Dataset[T] | Any, batch_size: int | None = 1, shuffle: bool | None = None,
        sampler: Iterable[Any] | None = None, batch_sampler: Iterable[Any] | None = None, num_workers: int = 0,
        collate_fn: Callable[[list[Any]], Any] | None = None, pin_memory: bool = False, drop_last: bool = False,
        timeout: float = 0, worker_init_fn: Callable[[int], None] | None = None,
        multiprocessing_context: Any = None, generator: Generator | None = None, *,
        prefetch_factor: int | None = None, persistent_workers: bool = False, pin_memory_device: str = "",
        in_order: bool = True,
    ) -> None:  # fmt: skip
        _check_workers(num_workers, timeout, prefetch_factor, persistent_workers)
        self._iterable = isinstance(dataset, IterableDataset)
        _check_order(self._iterable, batch_size, shuffle, sampler, batch_sampler, drop_last)
        self.dataset = dataset
        self.num_workers = num_workers
        self.prefetch_factor = 2 if num_workers > 0 and prefetch_factor is None else prefetch_factor
        self.pin_memory = pin_memory
        self.pin_memory_device = pin_memory_device
        self.timeout = timeout
        self.worker_init_fn = worker_init_fn
        self.multiprocessing_context = multiprocessing_context
        self.in_order = in_order
        self.generator = generator
        if batch_sampler is not None:
            batch_size = None
        if sampler is None:
            if self._iterable:
                sampler = _Endless()
            elif shuffle:
                sampler = RandomSampler(dataset, generator=generator)
            else:
                sampler = SequentialSampler(dataset)
        if batch_size is not None and batch_sampler is None:
            batch_sampler = BatchSampler(sampler, batch_size, drop_last)  # type: ignore[arg-type]
        self.batch_size = batch_size
        self.drop_last = drop_last
        self.sampler = sampler
        self.batch_sampler = batch_sampler
        self.collate_fn: Callable[[Any], Any] = collate_fn or (default_collate if self._batched else default_convert)
        self.persistent_workers = persistent_workers
        self._crew: Ahead | None = None
        self._promised: int | None = None
        self._set = True
        if num_workers > 0 and self._source() is None:
            _check_processors(num_workers)

    def __setattr__(self, name: str, value: Any) -> None:
        if self._set and name in _FIXED:
            raise ValueError(f"{name} attribute should not be set after {type(self).__name__} is initialized")
        super().__setattr__(name, value)

    @property
    def multiprocessing_context(self) -> Any:
        """How worker processes are started: a context of multiprocessing, or None."""
        return self._context

    @multiprocessing_context.setter
    def multiprocessing_context(self, context: Any) -> None:
        if context is not None:
            if self.num_workers == 0:
                raise ValueError(
                    "multiprocessing_context can only be used with multi-process loading (num_workers > 0), but got"
                    f" num_workers={self.num_workers}"
                )
            if isinstance(context, str):
                methods = multiprocessing.get_all_start_methods()
                if context not in methods:
                    raise ValueError(
                        f"multiprocessing_context option should specify a valid start method in {methods!r}, but got"
                        f" multiprocessing_context={context!r}"
                    )
                context = multiprocessing.get_context(context)
            elif not isinstance(context, BaseContext):
                raise TypeError(
                    "multiprocessing_context option should be a valid context object or a string specifying the start"
                    f" method, but got multiprocessing_context={context}"
                )
        self._context = context

    @property
    def _batched(self) -> bool:
        return self.batch_sampler is not None

    def __len__(self) -> int:
        if self._iterable:
            samples = self._promised = len(self.dataset)
            if self.batch_size is None:
                return samples
            return samples // self.batch_size if self.drop_last else -(-samples // self.batch_size)
        return len(self.batch_sampler if self._batched else self.sampler)  # type: ignore[arg-type]

    def check_worker_number_rationality(self) -> None:
        """Warns when there are more workers than processors."""
        if self.num_workers > 0:
            _check_processors(self.num_workers)

    # ---- iterating ----

    def __iter__(self) -> Iterator[Any]:
        base = int(randint(0, 1 << 62, (), generator=self.generator).item())
        source = self._source()
        plan = self._plan(source)
        if self.num_workers == 0:
            if source is not None:
                return LoaderIterator(self, map(source.batch, plan))
            return LoaderIterator(self, self._here(plan, base))
        crew = self._crew
        if crew is None or not crew._closer.alive:
            crew = self._hire(source, base)
            self._crew = crew if self.persistent_workers else None
        crew.start(plan, base)
        return LoaderIterator(self, crew)

    def _source(self) -> Gathered | None:
        """The arrays to gather from, when that gives what samples collated one by one would give."""
        plain = self._batched and not self._iterable and self.collate_fn is default_collate
        if self.worker_init_fn is not None or self._context is not None:
            plain = plain and self.num_workers == 0
        return gathered(self.dataset) if plain else None

    def _plan(self, source: Gathered | None) -> Iterator[Any]:
        """The tasks of a pass."""
        if self._iterable:
            return repeat(self.batch_size or 0)
        if self.batch_sampler is None:
            return iter(self.sampler)
        if source is not None and type(self.batch_sampler) is BatchSampler:
            inner = self.batch_sampler.sampler
            if isinstance(inner, Sampler) and type(inner).__iter__ in _NUMBERS:
                return _slices(source.translate(inner.numbers()), self.batch_sampler)
        return iter(self.batch_sampler)

    def _fetcher(self) -> Fetcher:
        return Fetcher(self.dataset, self.collate_fn, self._batched, self._iterable, self.drop_last)

    def _here(self, plan: Iterator[Any], base: int) -> Iterator[Any]:
        """Batches made in this process, when they are asked for."""
        fetcher = self._fetcher()
        for number, task in enumerate(plan):
            try:
                if self._iterable:
                    batch = fetcher.fetch(task)
                else:
                    with own_randomness(batch_seed(base, number)):
                        batch = fetcher.fetch(task)
            except StopIteration:
                if not self._iterable:
                    raise RuntimeError("the dataset or collate_fn raised StopIteration") from None
                return
            yield batch

    def _hire(self, source: Gathered | None, base: int) -> Ahead:
        crew: Processes | Threads
        if source is not None:
            crew = Threads(self.num_workers, source.batch, self.in_order)
        else:
            crew = Processes(self.num_workers, self._fetcher(), self.worker_init_fn, base, self._context)
        depth = 2 if self.prefetch_factor is None else self.prefetch_factor
        return Ahead(crew, self.num_workers, depth, self.timeout, self.in_order, self.persistent_workers)


class _Endless(Sampler[None]):
    """What an iterable dataset has for a sampler: it has no numbers."""

    def __iter__(self) -> Iterator[None]:
        return repeat(None)


def _slices(rows: Tensor, sampler: BatchSampler) -> Iterator[tuple[Tensor, int, int]]:
    """The batches of a BatchSampler over rows: (rows, start, count)."""
    size, count = sampler.batch_size, len(rows)
    stop = count - count % size if sampler.drop_last else count
    return ((rows, start, min(size, count - start)) for start in range(0, stop, size))


def _check_workers(workers: int, timeout: float, prefetch: int | None, persistent: bool) -> None:
    if workers < 0:
        raise ValueError("num_workers option should be non-negative; use num_workers=0 to disable multiprocessing.")
    if timeout < 0:
        raise ValueError("timeout option should be non-negative")
    if workers == 0 and prefetch is not None:
        raise ValueError("prefetch_factor option could only be specified in multiprocessing: let num_workers > 0")
    if prefetch is not None and prefetch < 0:
        raise ValueError("prefetch_factor option should be non-negative")
    if persistent and workers == 0:
        raise ValueError("persistent_workers option needs num_workers > 0")
    if timeout > 0 and workers == 0:
        raise ValueError("timeout option needs num_workers > 0")


def _check_order(
    iterable: bool, batch_size: int | None, shuffle: Any, sampler: Any, batch_sampler: Any, drop_last: bool
) -> None:
    if iterable:
        for name, value in (("shuffle", shuffle or None), ("sampler", sampler), ("batch_sampler", batch_sampler)):
            if value is not None:
                raise ValueError(
                    f"DataLoader with IterableDataset: expected unspecified {name} option, but got {name}={value}"
                )
    if sampler is not None and shuffle:
        raise ValueError("sampler option is mutually exclusive with shuffle")
    if batch_sampler is not None:
        if batch_size != 1 or shuffle or sampler is not None or drop_last:
            raise ValueError(
                "batch_sampler option is mutually exclusive with batch_size, shuffle, sampler, and drop_last"
            )
    elif batch_size is None and drop_last:
        raise ValueError("batch_size=None option disables auto-batching and is mutually exclusive with drop_last")


def _check_processors(workers: int) -> None:
    try:
        processors = len(os.sched_getaffinity(0))
    except AttributeError:
        processors = os.cpu_count() or workers
    if workers > processors:
        warnings.warn(
            f"This DataLoader will create {workers} worker processes in total. Our suggested max number of worker in"
            f" current system is {processors}, which is smaller than what this DataLoader is going to create.",
            stacklevel=3,
        )
