"""Datasets that lie in memory as arrays: their batches are gathered whole, never sample by sample."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .._C import Tensor, as_tensor, take_rows
from .dataset import StackDataset, Subset, TensorDataset

Build = Callable[[list[Tensor]], Any]


class Gathered:
    """Tensors whose rows are samples.

    Args:
        tensors: of one first length.
        build: makes of the gathered tensors what default_collate would make of the samples.
        where: numbers of a Subset, as numbers of the tensors' rows; None: the same.
    """

    def __init__(self, tensors: tuple[Tensor, ...], build: Build, where: Tensor | None) -> None:
        self.tensors = tensors
        self.build = build
        self.where = where

    def translate(self, numbers: Any) -> Tensor:
        """Numbers of samples as numbers of rows, an int64 vector."""
        rows = as_tensor(numbers, dtype="int64")
        if self.where is not None:
            rows = take_rows((self.where,), rows.contiguous(), 0, len(rows))[0]
        return rows.contiguous()

    def batch(self, task: Any) -> Any:
        """The batch of a task: rows, start and count; or a list of numbers of samples."""
        if isinstance(task, tuple):
            return self.build(take_rows(self.tensors, *task))
        rows = self.translate(task)
        return self.build(take_rows(self.tensors, rows, 0, len(rows)))


def gathered(dataset: Any) -> Gathered | None:
    """The arrays that a dataset consists of; None when it is another sort of dataset."""
    where: Tensor | None = None
    while type(dataset) is Subset:
        indices = as_tensor(dataset.indices, dtype="int64")
        if indices.ndim != 1:
            return None
        where = indices if where is None else indices[where]
        dataset = dataset.dataset
    parts = _parts(dataset)
    return None if parts is None else Gathered(tuple(parts[0]), parts[1], where)


def _parts(dataset: Any) -> tuple[list[Tensor], Build] | None:
    if isinstance(dataset, Tensor) or (isinstance(dataset, np.ndarray) and dataset.dtype.kind in "biufc"):
        return ([as_tensor(dataset)], lambda rows: rows[0]) if dataset.ndim else None
    if isinstance(dataset, TensorDataset) and type(dataset).__getitem__ is TensorDataset.__getitem__:
        many = getattr(type(dataset), "__getitems__", None)
        return (list(dataset.tensors), lambda rows: rows) if many is None and len(dataset.tensors) else None
    if type(dataset) is StackDataset:
        return _side_by_side(dataset.datasets)
    return None


def _side_by_side(datasets: Any) -> tuple[list[Tensor], Build] | None:
    names = list(datasets) if isinstance(datasets, dict) else None
    parts = [_parts(d) for d in (datasets.values() if isinstance(datasets, dict) else datasets)]
    tensors: list[Tensor] = []
    builds: list[tuple[int, int, Build]] = []
    for part in parts:
        if part is None:
            return None
        builds.append((len(tensors), len(tensors) + len(part[0]), part[1]))
        tensors += part[0]

    def build(rows: list[Tensor]) -> Any:
        values = [make(rows[start:end]) for start, end, make in builds]
        return values if names is None else dict(zip(names, values))

    return tensors, build
