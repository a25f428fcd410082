"""Samplers: in which order a DataLoader takes the samples of a dataset."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, Generic, TypeVar

from .._C import Generator, Tensor, arange, as_tensor, ops, randint, randperm
from ..random import multinomial

__all__ = [
    "BatchSampler", "DistributedSampler", "RandomSampler", "Sampler", "SequentialSampler", "SubsetRandomSampler",
    "WeightedRandomSampler",
]  # fmt: skip

T = TypeVar("T", covariant=True)


class Sampler(Generic[T]):
    """Base of samplers: iterates over numbers of samples.

    One that can give all its numbers at once as an int64 tensor does so in `numbers()`, which
    saves a DataLoader the way through Python integers.
    """

    def __init__(self, data_source: Any = None) -> None:
        """Nothing to do: PyTorch's samplers pass their data source on."""

    def __iter__(self) -> Iterator[Any]:
        return iter(self.numbers().tolist())

    def numbers(self) -> Tensor:
        """All numbers of one pass."""
        raise NotImplementedError


class SequentialSampler(Sampler[int]):
    """0, 1, 2, ..."""

    def __init__(self, data_source: Any) -> None:
        self.data_source = data_source

    def __len__(self) -> int:
        return len(self.data_source)

    def __iter__(self) -> Iterator[int]:
        return iter(range(len(self.data_source)))

    def numbers(self) -> Tensor:
        return arange(len(self.data_source))


class RandomSampler(Sampler[int]):
    """Random order; with replacement, num_samples independent draws."""

    def __init__(
        self, data_source: Any, replacement: bool = False, num_samples: int | None = None,
        generator: Generator | None = None,
    ) -> None:  # fmt: skip
        if not isinstance(replacement, bool):
            raise TypeError(f"replacement should be a boolean value, but got replacement={replacement}")
        self.data_source = data_source
        self.replacement = replacement
        self._num_samples = num_samples
        if not isinstance(self.num_samples, int) or self.num_samples <= 0:
            raise ValueError(f"num_samples should be a positive integer value, but got num_samples={self.num_samples}")
        self.generator = generator

    @property
    def num_samples(self) -> int:
        """How many numbers one pass gives."""
        return len(self.data_source) if self._num_samples is None else self._num_samples

    def __len__(self) -> int:
        return self.num_samples

    def numbers(self) -> Tensor:
        available, wanted = len(self.data_source), self.num_samples
        if self.replacement:
            return randint(available, (wanted,), generator=self.generator)
        order = randperm(available, generator=self.generator)
        if wanted <= available:
            return order[:wanted]
        parts = [order] + [randperm(available, generator=self.generator) for _ in range(-(-wanted // available) - 1)]
        return ops["cat"](parts)[:wanted]


class SubsetRandomSampler(Sampler[int]):
    """Given numbers in random order."""

    def __init__(self, indices: Sequence[int], generator: Generator | None = None) -> None:
        self.indices = indices
        self.generator = generator

    def __len__(self) -> int:
        return len(self.indices)

    def numbers(self) -> Tensor:
        return as_tensor(self.indices, dtype="int64")[randperm(len(self.indices), generator=self.generator)]


class WeightedRandomSampler(Sampler[int]):
    """Numbers drawn with probabilities proportional to weights."""

    def __init__(
        self, weights: Sequence[float] | Tensor, num_samples: int, replacement: bool = True,
        generator: Generator | None = None,
    ) -> None:  # fmt: skip
        if not isinstance(num_samples, int) or isinstance(num_samples, bool) or num_samples <= 0:
            raise ValueError(f"num_samples should be a positive integer value, but got num_samples={num_samples}")
        if not isinstance(replacement, bool):
            raise ValueError(f"replacement should be a boolean value, but got replacement={replacement}")
        self.weights = as_tensor(weights, dtype="float64")
        if self.weights.ndim != 1:
            raise ValueError(
                f"weights should be a 1d sequence but given weights have shape {tuple(self.weights.shape)}"
            )
        self.num_samples = num_samples
        self.replacement = replacement
        self.generator = generator

    def __len__(self) -> int:
        return self.num_samples

    def numbers(self) -> Tensor:
        return multinomial(self.weights, self.num_samples, self.replacement, generator=self.generator)


class BatchSampler(Sampler[list[int]]):
    """Lists of batch_size numbers of another sampler; a short last one is left out when drop_last."""

    def __init__(self, sampler: Iterable[int], batch_size: int, drop_last: bool) -> None:
        if not isinstance(batch_size, int) or isinstance(batch_size, bool) or batch_size <= 0:
            raise ValueError(f"batch_size should be a positive integer value, but got batch_size={batch_size}")
        if not isinstance(drop_last, bool):
            raise ValueError(f"drop_last should be a boolean value, but got drop_last={drop_last}")
        self.sampler = sampler
        self.batch_size = batch_size
        self.drop_last = drop_last

    def __iter__(self) -> Iterator[list[int]]:
        numbers = iter(self.sampler)
        while batch := list(islice(numbers, self.batch_size)):
            if len(batch) < self.batch_size and self.drop_last:
                return
            yield batch

    def __len__(self) -> int:
        samples = len(self.sampler)  # type: ignore[arg-type]
        return samples // self.batch_size if self.drop_last else -(-samples // self.batch_size)


class DistributedSampler(Sampler[int]):
    """The part of a dataset that one of several processes sees.

    Args:
        dataset: what is divided.
        num_replicas, rank: how many processes there are and which one this is; both must be given,
            there is no process group to ask.
        shuffle: a new order each epoch: call set_epoch(epoch) before each.
        seed: the same in all processes.
        drop_last: leave the rest out; else some samples come twice, so that all parts are equally long.

    Raises:
        RuntimeError: num_replicas or rank is missing.
        ValueError: rank is out of range.
    """

    def __init__(
        self, dataset: Any, num_replicas: int | None = None, rank: int | None = None, shuffle: bool = True,
        seed: int = 0, drop_last: bool = False,
    ) -> None:  # fmt: skip
        if num_replicas is None or rank is None:
            raise RuntimeError("DistributedSampler needs num_replicas and rank")
        if not 0 <= rank < num_replicas:
            raise ValueError(f"Invalid rank {rank}, rank should be in the interval [0, {num_replicas - 1}]")
        self.dataset = dataset
        self.num_replicas = num_replicas
        self.rank = rank
        self.epoch = 0
        self.drop_last = drop_last
        self.shuffle = shuffle
        self.seed = seed
        length = len(dataset)
        self.num_samples = length // num_replicas if drop_last else math.ceil(length / num_replicas)
        self.total_size = self.num_samples * num_replicas

    def numbers(self) -> Tensor:
        length = len(self.dataset)
        if self.shuffle:
            order = randperm(length, generator=Generator().manual_seed(self.seed + self.epoch))
        else:
            order = arange(length)
        times = -(-self.total_size // length) if length else 0
        whole = order if times <= 1 else ops["cat"]([order] * times)
        return whole[: self.total_size][self.rank :: self.num_replicas]

    def __len__(self) -> int:
        return self.num_samples

    def set_epoch(self, epoch: int) -> None:
        """The epoch, from which the order follows."""
        self.epoch = epoch
