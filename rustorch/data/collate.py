"""From a list of samples to a batch."""

from __future__ import annotations

import copy
from collections.abc import Mapping, MutableMapping, MutableSequence, Sequence
from typing import Any

import numpy as np

from .._C import Tensor, as_tensor, ops, tensor

__all__ = ["default_collate", "default_convert"]


def _like_mapping(like: Mapping[Any, Any], items: dict[Any, Any]) -> Any:
    """A mapping of the same kind with other values, a dict when that cannot be made."""
    try:
        if isinstance(like, MutableMapping):
            clone = copy.copy(like)
            clone.update(items)
            return clone
        return type(like)(items)  # type: ignore[call-arg]
    except TypeError:
        return items


def _like_sequence(like: Sequence[Any], items: list[Any]) -> Any:
    """A sequence of the same kind with other elements; a list for a tuple, or when it cannot be made."""
    if isinstance(like, tuple) or type(like) is list:
        return items
    try:
        if isinstance(like, MutableSequence):
            clone = copy.copy(like)
            for i, item in enumerate(items):
                clone[i] = item
            return clone
        return type(like)(items)  # type: ignore[call-arg]
    except TypeError:
        return items


def default_convert(data: Any) -> Any:
    """Arrays within nested containers as Tensors; what is nothing of the sort stays."""
    if isinstance(data, Tensor):
        return data
    if isinstance(data, (np.ndarray, np.generic)):
        return data if data.dtype.kind in "USO" else as_tensor(data)
    if isinstance(data, Mapping):
        return _like_mapping(data, {key: default_convert(data[key]) for key in data})
    if isinstance(data, tuple) and hasattr(data, "_fields"):
        return type(data)(*(default_convert(value) for value in data))
    if isinstance(data, Sequence) and not isinstance(data, (str, bytes)):
        return _like_sequence(data, [default_convert(value) for value in data])
    return data


def default_collate(batch: Any) -> Any:
    """Stacks samples: tensors and arrays along a new first dimension, numbers into a tensor, containers
    element by element (of their own kind; tuples become lists); strings stay as they are.

    Python floats become float64, as in PyTorch.

    Raises:
        TypeError: samples of another kind.
        RuntimeError: containers of different lengths.
        ShapeMismatchError: tensors of different shapes.

    >>> default_collate([{"a": 1}, {"a": 2}])
    {'a': tensor([1, 2])}
    """
    first = batch[0]
    if isinstance(first, Tensor):
        return ops["stack"](list(batch), 0)
    if isinstance(first, np.ndarray):
        if first.dtype.kind in "USO":
            raise TypeError(_wrong(first.dtype))
        return ops["stack"]([as_tensor(a) for a in batch], 0)
    if isinstance(first, (float, int, np.generic)):
        return _numbers(batch, first)
    if isinstance(first, (str, bytes)):
        return batch
    if isinstance(first, Mapping):
        return _like_mapping(first, {key: default_collate([sample[key] for sample in batch]) for key in first})
    if isinstance(first, tuple) and hasattr(first, "_fields"):
        return type(first)(*(default_collate(samples) for samples in zip(*batch)))
    if isinstance(first, Sequence):
        return _like_sequence(first, [default_collate(samples) for samples in _columns(batch)])
    raise TypeError(_wrong(type(first)))


def _numbers(batch: Sequence[Any], first: Any) -> Any:
    if isinstance(first, np.generic):
        if first.dtype.kind in "US":
            return batch
        if first.dtype.kind == "O":
            raise TypeError(_wrong(first.dtype))
        return as_tensor(np.array(batch))
    return tensor(list(batch), dtype="float64") if isinstance(first, float) else tensor(list(batch))


def _wrong(kind: Any) -> str:
    return f"default_collate: batch must contain tensors, numpy arrays, numbers, dicts or lists; found {kind}"


def _columns(batch: Sequence[Any]) -> list[tuple[Any, ...]]:
    if any(len(sample) != len(batch[0]) for sample in batch):
        raise RuntimeError("each element in list of batch should be of equal size")
    return list(zip(*batch))
