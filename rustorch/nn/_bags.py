"""Sums, means and maxima over bags of a table's rows."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from .._C import OutOfRangeError, Tensor, from_numpy, ops, zeros
from .._modes import no_grad

__all__ = ["embedding_bag"]

_embedding, _index_add, _where = ops["embedding"], ops["index_add"], ops["where"]


def _check_numbers(index: Any, rows: int) -> None:
    if index.size and (index.min() < 0 or index.max() >= rows):
        bad = index[(index < 0) | (index >= rows)][0]
        raise OutOfRangeError(f"embedding_bag: index {bad} is out of range for a table of {rows} rows")


def _bags(offsets: Any, count: int, include_last_offset: bool) -> tuple[Any, int]:
    """The bag of every index, and how many bags there are."""
    starts = offsets[:-1] if include_last_offset else offsets
    if offsets.size and (offsets[0] != 0 or offsets[-1] > count or (np.diff(offsets) < 0).any()):
        raise RuntimeError(
            "embedding_bag: offsets must begin with 0, never fall, and end within the input's"
            f" {count} elements, not {offsets.tolist()[:8]}"
        )
    end = int(offsets[-1]) if include_last_offset and offsets.size else count
    if starts.size == 0:
        return np.zeros(0, np.int64), 0
    bags = np.searchsorted(starts, np.arange(end), side="right") - 1
    return bags.astype(np.int64), int(starts.size)


def _renormalise(weight: Tensor, index: Any, max_norm: float, norm_type: float) -> None:
    """Scales the rows that are looked up, in place, to at most max_norm."""
    with no_grad():
        which = from_numpy(np.unique(index))
        rows = ops["index_select"](weight, 0, which)
        size = (rows.abs() ** norm_type).sum(-1, True) ** (1.0 / norm_type)
        factor = _where(size > max_norm, max_norm / (size + 1e-7), size * 0 + 1)
        ops["index_copy"](weight, 0, which, rows * factor, out=weight)


def _slowed(rows: Tensor, index: Any) -> Tensor:
    """The rows, with gradients divided by how often each is looked up."""
    _, back, counts = np.unique(index, return_inverse=True, return_counts=True)
    share = from_numpy((1.0 / counts[back])[:, None]).to(rows.dtype)
    part = rows * share
    return part + (rows - part).detach()


def _maximum(rows: Tensor, bags: Any, count: int) -> Tensor:
    """The largest of each bag, zeros for an empty one; equal ones send their gradient to the first."""
    sizes = np.bincount(bags, minlength=count)
    most = int(sizes.max()) if count else 0
    if most == 0:
        return zeros((count, rows.shape[1]), dtype=rows.dtype)
    first = np.cumsum(sizes) - sizes
    within = np.minimum(np.arange(most)[None, :], np.maximum(sizes - 1, 0)[:, None])
    places = np.minimum(first[:, None] + within, len(bags) - 1)
    table = rows[from_numpy(places)]
    largest = ops["max_dim"](table, 1)[0]
    return _where(from_numpy((sizes == 0)[:, None]), 0.0, largest)


def embedding_bag(
    input: Tensor, weight: Tensor, offsets: Tensor | None = None, max_norm: float | None = None,
    norm_type: float = 2, scale_grad_by_freq: bool = False, mode: str = "mean", sparse: bool = False,
    per_sample_weights: Tensor | None = None, include_last_offset: bool = False, padding_idx: int | None = None,
) -> Tensor:  # fmt: skip
    """Sum, mean or maximum of a table's rows over bags of indices.

    input: indices (B, N), a bag a row, or (N) with offsets (B), where each bag begins (and one more, where the
    last ends, when include_last_offset).  weight: the table (V, D).  per_sample_weights: factors of input's
    shape, with mode "sum".  padding_idx: an index that counts as absent.  max_norm: rows that are looked up are
    first scaled, in place, to at most this norm of order norm_type.  scale_grad_by_freq: gradients are divided by
    how often a row is looked up.  sparse: taken for PyTorch's sake; gradients are dense.
    Gives (B, D), zeros for empty bags.  ValueError, RuntimeError and IndexError when arguments do not fit.
    """
    if weight.dtype.kind == "i" and input.is_floating_point():
        warnings.warn(
            "Argument order of nn.functional.embedding_bag was changed. Usage `embedding_bag(weight, input, ...)` is"
            " deprecated, and should now be `embedding_bag(input, weight, ...)`.",
            stacklevel=2,
        )
        weight, input = input, weight
    if per_sample_weights is not None and tuple(input.shape) != tuple(per_sample_weights.shape):
        raise ValueError(
            f"embedding_bag: If per_sample_weights ({tuple(per_sample_weights.shape)}) is not None, then it must have"
            f" the same shape as the input ({tuple(input.shape)})"
        )
    if weight.ndim != 2:
        raise ValueError(f"weight has to be a 2D Tensor, but got Tensor of dimension {weight.ndim}")
    if mode not in ("sum", "mean", "max"):
        raise ValueError("mode has to be one of sum, mean or max")
    if mode == "max" and (scale_grad_by_freq or sparse):
        raise ValueError("max mode supports neither scaling the gradient by the frequency nor sparse weights")
    if per_sample_weights is not None and mode != "sum":
        raise NotImplementedError(
            "embedding_bag: per_sample_weights was not None. per_sample_weights is only supported for mode='sum' (got"
            f" mode='{mode}')."
        )
    index = np.asarray(input.detach()).astype(np.int64)
    starts = _starts(input, index, offsets)
    factors = None if per_sample_weights is None else per_sample_weights.reshape(-1)
    index = index.reshape(-1)
    _check_numbers(index, weight.shape[0])
    if max_norm is not None and index.size:
        _renormalise(weight, index, max_norm, norm_type)
    if input.ndim == 2 and index.size and mode != "max" and padding_idx is None and not scale_grad_by_freq:
        return _equal_bags(weight, input.detach(), per_sample_weights, mode)
    bags, count = _bags(starts, index.size, include_last_offset and input.ndim == 1)
    used = np.arange(len(bags))
    if padding_idx is not None:
        row = padding_idx + weight.shape[0] if padding_idx < 0 else padding_idx
        if not 0 <= row < weight.shape[0]:
            raise RuntimeError(f"embedding_bag: padding_idx {padding_idx} must be within the number of embeddings")
        used = used[index[: len(bags)] != row]
    bags = bags[used]
    rows = _embedding(weight, from_numpy(index[used]))
    if scale_grad_by_freq:
        rows = _slowed(rows, index[used])
    if mode == "max":
        return _maximum(rows, bags, count)
    if factors is not None:
        rows = rows * factors[from_numpy(used)].unsqueeze(-1)
    total = _index_add(zeros((count, weight.shape[1]), dtype=rows.dtype), 0, from_numpy(bags), rows)
    if mode == "sum":
        return total
    sizes = np.maximum(np.bincount(bags, minlength=count), 1)
    return total / from_numpy(sizes[:, None].astype(np.float64)).to(total.dtype)


def _equal_bags(weight: Tensor, input: Tensor, factors: Tensor | None, mode: str) -> Tensor:
    """Sums or means over bags of one length."""
    rows = _embedding(weight, input)
    if factors is not None:
        rows = rows * factors.unsqueeze(-1)
    return rows.sum(1) if mode == "sum" else rows.mean(1)


def _starts(input: Tensor, index: Any, offsets: Tensor | None) -> Any:
    """Where bags begin in the flat indices."""
    if input.ndim == 2:
        if offsets is not None:
            raise ValueError(
                "if input is 2D, then offsets has to be None, as input is treated is a mini-batch of fixed length"
                f" sequences. However, found offsets of type {type(offsets)}"
            )
        return np.arange(index.shape[0]) * index.shape[1]
    if input.ndim != 1:
        raise ValueError(f"input has to be 1D or 2D Tensor, but got Tensor of dimension {input.ndim}")
    if offsets is None or offsets.ndim != 1:
        raise ValueError(f"offsets has to be a 1D Tensor{' but got None' if offsets is None else ''}")
    return np.asarray(offsets).astype(np.int64)
