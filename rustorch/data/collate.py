"""From a list of samples to a batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .._C import Tensor, as_tensor, ops, tensor

__all__ = ["default_collate", "default_convert"]


def default_convert(data: Any) -> Any:
    """Arrays within nested containers as Tensors; what is nothing of the sort stays."""
    if isinstance(data, (np.ndarray, np.generic)) and data.dtype.kind not in "USO":
        return as_tensor(data)
    if isinstance(data, Mapping):
        return {key: default_convert(value) for key, value in data.items()}
    if isinstance(data, tuple) and hasattr(data, "_fields"):
        return type(data)(*(default_convert(value) for value in data))
    if isinstance(data, Sequence) and not isinstance(data, (str, bytes)):
        return [default_convert(value) for value in data]
    return data


def default_collate(batch: Sequence[Any]) -> Any:
    """Stacks samples: tensors and arrays along a new first dimension, numbers into a tensor, containers
    element by element; strings stay a list.

    Python floats become float64, as in PyTorch.
    """
    first = batch[0]
    if isinstance(first, Tensor):
        return ops["stack"](list(batch), 0)
    if isinstance(first, (np.ndarray, np.generic)):
        if first.dtype.kind in "USO":
            raise TypeError(
                f"default_collate: batch must contain tensors, arrays, numbers, dicts or lists; found"
                f" dtype {first.dtype}"
            )
        return as_tensor(np.stack(batch))
    if isinstance(first, float):
        return tensor(list(batch), dtype="float64")
    if isinstance(first, (bool, int)):
        return tensor(list(batch))
    if isinstance(first, (str, bytes)):
        return list(batch)
    if isinstance(first, Mapping):
        return {key: default_collate([sample[key] for sample in batch]) for key in first}
    if isinstance(first, tuple) and hasattr(first, "_fields"):
        return type(first)(*(default_collate(samples) for samples in _columns(batch)))
    if isinstance(first, Sequence):
        return [default_collate(samples) for samples in _columns(batch)]
    raise TypeError(
        f"default_collate: batch must contain tensors, numpy arrays, numbers, dicts or lists; found"
        f" {type(first)}"
    )


def _columns(batch: Sequence[Any]) -> list[tuple[Any, ...]]:
    if any(len(sample) != len(batch[0]) for sample in batch):
        raise RuntimeError("each element in list of batch should be of equal size")
    return list(zip(*batch))
