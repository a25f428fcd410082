"""DataLoader: batches of a dataset."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from .._C import Generator, Tensor, as_tensor
from .collate import default_collate, default_convert
from .dataset import IterableDataset, Subset, TensorDataset
from .sampler import BatchSampler, RandomSampler, Sampler, SequentialSampler

__all__ = ["DataLoader"]


class DataLoader:
    """Iterates over batches of a dataset.

    Args:
        dataset: anything with __getitem__ and __len__, or an IterableDataset.
        batch_size: samples a batch; None for single samples.
        shuffle: a new random order each pass, drawn from `generator`.
        sampler, batch_sampler: another order, another way to make batches.
        num_workers: 0; processes that load ahead are not there yet (NotImplementedError).
        collate_fn: makes a batch of a list of samples; default_collate when None.
        drop_last: leaves a last short batch out.

    Batches of a TensorDataset (or of a Subset of one) are gathered by one index_select a tensor.

    >>> import rustorch as rt
    >>> data = rt.data.TensorDataset(rt.arange(5), rt.arange(5) * 10)
    >>> [x.tolist() for x, y in rt.data.DataLoader(data, batch_size=2)]
    [[0, 1], [2, 3], [4]]
    """

    def __init__(
        self, dataset: Any, batch_size: int | None = 1, shuffle: bool | None = None,
        sampler: Iterable[Any] | None = None, batch_sampler: Iterable[Any] | None = None,
        num_workers: int = 0,
        collate_fn: Callable[[list[Any]], Any] | None = None, pin_memory: bool = False,
        drop_last: bool = False,
        timeout: float = 0, worker_init_fn: Callable[[int], None] | None = None,
        multiprocessing_context: Any = None,
        generator: Generator | None = None, *, prefetch_factor: int | None = None,
        persistent_workers: bool = False,
        pin_memory_device: str = "", in_order: bool = True,
    ) -> None:  # fmt: skip
        if num_workers < 0:
            raise ValueError(
                "num_workers option should be non-negative; use num_workers=0 to disable multiprocessing."
            )
        if num_workers > 0:
            raise NotImplementedError(
                f"DataLoader: num_workers={num_workers}: loading in worker processes is not there yet"
            )
        if prefetch_factor is not None or persistent_workers or timeout > 0:
            raise ValueError("prefetch_factor, persistent_workers and timeout need num_workers > 0")
        iterable = isinstance(dataset, IterableDataset)
        if iterable and (shuffle or sampler is not None or batch_sampler is not None):
            raise ValueError(
                "DataLoader with IterableDataset: expected unspecified shuffle, sampler and batch_sampler"
                " option"
            )
        if sampler is not None and shuffle:
            raise ValueError("sampler option is mutually exclusive with shuffle")
        if batch_sampler is not None:
            if batch_size != 1 or shuffle or sampler is not None or drop_last:
                raise ValueError(
                    "batch_sampler option is mutually exclusive with batch_size, shuffle, sampler, and"
                    " drop_last"
                )
            batch_size = None
        elif batch_size is None and (shuffle or drop_last):
            raise ValueError(
                "batch_size=None option disables auto-batching and is mutually exclusive with shuffle,"
                " and drop_last"
            )
        if sampler is None and not iterable:
            sampler = RandomSampler(dataset, generator=generator) if shuffle else SequentialSampler(dataset)
        if batch_size is not None and batch_sampler is None and not iterable:
            batch_sampler = BatchSampler(sampler or (), batch_size, drop_last)
        self.dataset = dataset
        self.batch_size = batch_size
        self.sampler = sampler
        self.batch_sampler = batch_sampler
        self.num_workers = num_workers
        self.drop_last = drop_last
        self.pin_memory = pin_memory
        self.generator = generator
        self.timeout = timeout
        self.worker_init_fn = worker_init_fn
        self.batched = batch_size is not None or batch_sampler is not None
        self.collate_fn: Callable[[Any], Any] = collate_fn or (
            default_collate if self.batched else default_convert
        )

    def __len__(self) -> int:
        if isinstance(self.dataset, IterableDataset):
            samples = len(self.dataset)
            if self.batch_size is None:
                return samples
            return samples // self.batch_size if self.drop_last else -(-samples // self.batch_size)
        return len(self.batch_sampler if self.batched else self.sampler)  # type: ignore[arg-type]

    def __iter__(self) -> Iterator[Any]:
        if isinstance(self.dataset, IterableDataset):
            return self._stream()
        source = _gathered(self.dataset) if self.batched and self.collate_fn is default_collate else None
        if (
            source is not None
            and type(self.batch_sampler) is BatchSampler
            and isinstance(self.sampler, Sampler)
        ):
            return self._gather(*source)
        return self._collect()

    def _gather(self, dataset: TensorDataset, where: Tensor | None) -> Iterator[list[Tensor]]:
        """Batches by index_select; `where` translates numbers of a Subset."""
        assert isinstance(self.sampler, Sampler) and isinstance(self.batch_sampler, BatchSampler)
        if type(self.sampler).__iter__ in (Sampler.__iter__, SequentialSampler.__iter__):
            numbers = self.sampler.numbers()
        else:
            numbers = as_tensor(list(self.sampler), dtype="int64")
        if where is not None:
            numbers = where[numbers]
        size, count = self.batch_sampler.batch_size, len(numbers)
        stop = count - count % size if self.drop_last else count
        for start in range(0, stop, size):
            yield dataset.gather(numbers.narrow(0, start, min(size, count - start)))

    def _collect(self) -> Iterator[Any]:
        dataset, collate = self.dataset, self.collate_fn
        if not self.batched:
            for number in self.sampler or ():
                yield collate(dataset[number])
            return
        many = getattr(dataset, "__getitems__", None)
        for numbers in self.batch_sampler or ():
            yield collate(many(numbers) if callable(many) else [dataset[number] for number in numbers])

    def _stream(self) -> Iterator[Any]:
        if self.batch_size is None:
            for sample in self.dataset:
                yield self.collate_fn(sample)
            return
        batch: list[Any] = []
        for sample in self.dataset:
            batch.append(sample)
            if len(batch) == self.batch_size:
                yield self.collate_fn(batch)
                batch = []
        if batch and not self.drop_last:
            yield self.collate_fn(batch)


def _gathered(dataset: Any) -> tuple[TensorDataset, Tensor | None] | None:
    """The TensorDataset below Subsets and the numbers they lead to; None when there is none."""
    where: Tensor | None = None
    while type(dataset) is Subset:
        indices = as_tensor(dataset.indices, dtype="int64")
        where = indices if where is None else indices[where]
        dataset = dataset.dataset
    plain = isinstance(dataset, TensorDataset) and type(dataset).__getitem__ is TensorDataset.__getitem__
    return (dataset, where) if plain else None
