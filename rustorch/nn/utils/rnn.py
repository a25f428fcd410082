"""Sequences of different lengths: padded to one tensor, or packed step by step without padding.

    step      0  1  2  3
    a         a0 a1 a2 a3
    b         b0 b1               data = [a0 b0 c0 | a1 b1 c1 | a2 | a3],  batch_sizes = [3, 3, 1, 1]
    c         c0 c1
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..._C import Tensor, from_numpy, full, ops

__all__ = [
    "PackedSequence", "invert_permutation", "pack_padded_sequence", "pack_sequence", "pad_packed_sequence",
    "pad_sequence", "unpack_sequence", "unpad_sequence",
]  # fmt: skip

_index_select, _index_copy, _cat = ops["index_select"], ops["index_copy"], ops["cat"]


class _Packed(NamedTuple):
    data: Tensor
    batch_sizes: Tensor
    sorted_indices: Tensor | None
    unsorted_indices: Tensor | None


class PackedSequence(_Packed):
    """Sequences packed step by step, the longest first.

    data: the elements (total, *).  batch_sizes: how many sequences have each step, int64.
    sorted_indices: the order in which sequences were put, None when it is the caller's; unsorted_indices: back.
    """

    __slots__ = ()

    def __new__(
        cls, data: Any, batch_sizes: Tensor | None = None, sorted_indices: Tensor | None = None,
        unsorted_indices: Tensor | None = None,
    ) -> PackedSequence:  # fmt: skip
        if batch_sizes is None:
            if not (isinstance(data, (tuple, list)) and len(data) == 2):
                raise ValueError("PackedSequence: batch_sizes is missing")
            data, batch_sizes = data
        if unsorted_indices is None:
            unsorted_indices = invert_permutation(sorted_indices)
        return super().__new__(cls, data, batch_sizes, sorted_indices, unsorted_indices)

    def to(self, *args: Any, **kwargs: Any) -> PackedSequence:
        """With data moved or converted, as Tensor.to."""
        data = self.data.to(*args, **kwargs)
        return self if data is self.data else type(self)(data, *self[1:])

    def double(self) -> PackedSequence:
        """In float64."""
        return self.to("float64")

    def float(self) -> PackedSequence:
        """In float32."""
        return self.to("float32")

    def half(self) -> PackedSequence:
        """In float16."""
        return self.to("float16")

    def long(self) -> PackedSequence:
        """In int64."""
        return self.to("int64")

    def int(self) -> PackedSequence:
        """In int32."""
        return self.to("int32")

    def cpu(self) -> PackedSequence:
        """In main memory, where it is."""
        return self

    def pin_memory(self) -> PackedSequence:
        """Itself."""
        return self

    @property
    def is_cuda(self) -> bool:
        """False: in main memory."""
        return False

    def is_pinned(self) -> bool:
        """False."""
        return False


def invert_permutation(permutation: Tensor | None) -> Tensor | None:
    """The permutation that undoes another one; None of None."""
    if permutation is None:
        return None
    order = np.asarray(permutation)
    back = np.empty_like(order)
    back[order] = np.arange(order.size)
    return from_numpy(back)


def _lengths(lengths: Any) -> Any:
    values = np.asarray(lengths)
    if values.ndim != 1 or values.dtype.kind not in "iu":
        raise RuntimeError("lengths must be a list or a one-dimensional tensor of integers")
    return values.astype(np.int64)


def _places(sizes: Any, batch: int) -> Any:
    """Where packed rows lie among the rows of (steps, batch)."""
    steps = np.repeat(np.arange(sizes.size), sizes)
    within = np.arange(steps.size) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    return from_numpy(steps * batch + within)


def pack_padded_sequence(
    input: Tensor, lengths: Any, batch_first: bool = False, enforce_sorted: bool = True
) -> PackedSequence:
    """Packs padded sequences.

    input: (T, B, *), or (B, T, *) when batch_first.  lengths: each sequence's length, between 1 and T.
    enforce_sorted: they fall already; else sequences are sorted here, and results brought back.
    RuntimeError when lengths do not fit.
    """
    counts = _lengths(lengths)
    if input.ndim < 2:
        raise RuntimeError(f"pack_padded_sequence: the input must have two dimensions or more, not {input.ndim}")
    steps, batch = (input.shape[1], input.shape[0]) if batch_first else (input.shape[0], input.shape[1])
    if counts.size != batch:
        raise RuntimeError(
            f"Expected `len(lengths)` to be equal to batch_size, but got {counts.size} (batch_size={batch})"
        )
    if batch == 0 or counts.min() < 1:
        raise RuntimeError(
            "Length of all samples has to be greater than 0, but found an element in 'lengths' that is <= 0"
        )
    order = None
    if not enforce_sorted:
        permutation = np.argsort(-counts, kind="stable")
        order = from_numpy(permutation)
        counts = counts[permutation]
        input = _index_select(input, 0 if batch_first else 1, order)
    elif (np.diff(counts) > 0).any():
        raise RuntimeError(
            "`lengths` array must be sorted in decreasing order when `enforce_sorted` is True. You can pass"
            " `enforce_sorted=False` to pack_padded_sequence and/or pack_sequence to sidestep this requirement"
        )
    if counts[0] > steps:
        raise RuntimeError(f"Expected lengths of at most {steps}, the input's steps, but got {counts[0]}")
    sizes = (counts[None, :] > np.arange(counts[0])[:, None]).sum(1)
    padded = input.transpose(0, 1) if batch_first else input
    rows = padded.reshape((steps * batch, *tuple(input.shape)[2:]))
    return PackedSequence(_index_select(rows, 0, _places(sizes, batch)), from_numpy(sizes), order)


def pad_packed_sequence(
    sequence: PackedSequence, batch_first: bool = False, padding_value: float = 0.0, total_length: int | None = None
) -> tuple[Tensor, Tensor]:
    """Padded sequences (T, B, *), or (B, T, *) when batch_first, and their lengths: what undoes packing.

    total_length: T, when it is to be more than the longest sequence; ValueError when it is less.
    """
    sizes = np.asarray(sequence.batch_sizes)
    steps, batch = sizes.size, int(sizes[0])
    if total_length is not None:
        if total_length < steps:
            raise ValueError(
                f"Expected total_length to be at least the length of the longest sequence in input, but got"
                f" total_length={total_length} and max sequence length being {steps}"
            )
        steps = total_length
    tail = tuple(sequence.data.shape)[1:]
    rows = full((steps * batch, *tail), padding_value, dtype=sequence.data.dtype)
    padded = _index_copy(rows, 0, _places(sizes, batch), sequence.data).reshape((steps, batch, *tail))
    lengths = from_numpy((sizes[:, None] > np.arange(batch)[None, :]).sum(0))
    if sequence.unsorted_indices is not None:
        padded = _index_select(padded, 1, sequence.unsorted_indices)
        lengths = _index_select(lengths, 0, sequence.unsorted_indices)
    return padded.transpose(0, 1) if batch_first else padded, lengths


def pad_sequence(
    sequences: Tensor | Iterable[Tensor], batch_first: bool = False, padding_value: float = 0.0,
    padding_side: str = "right",
) -> Tensor:  # fmt: skip
    """Sequences (L_i, *) as one tensor (T, B, *), or (B, T, *) when batch_first, T the longest.

    padding_side: "right" or "left", where padding_value is put.
    """
    if padding_side not in ("right", "left"):
        raise RuntimeError(f"padding_side must be 'left' or 'right', not {padding_side!r}")
    if not isinstance(sequences, Iterable):
        raise RuntimeError(
            f"pad_sequence: Expected iterable for input sequences, but got arg of type: {type(sequences)}"
        )
    parts = list(sequences)
    if not parts:
        raise RuntimeError("pad_sequence: received an empty list of sequences")
    longest = max(len(part) for part in parts)
    around = [0, 0] * (parts[0].ndim - 1)
    gaps = [longest - len(part) for part in parts]
    right = padding_side == "right"
    frames = [[*around, *((0, gap) if right else (gap, 0))] for gap in gaps]
    padded = [
        ops["pad"](part, frame, "constant", padding_value) if any(frame) else part
        for part, frame in zip(parts, frames, strict=True)
    ]
    return ops["stack"](padded, 0 if batch_first else 1)


def unpad_sequence(padded_sequences: Tensor, lengths: Any, batch_first: bool = False) -> list[Tensor]:
    """The sequences of a padded tensor (T, B, *), or (B, T, *) when batch_first, without padding."""
    rows = padded_sequences if batch_first else padded_sequences.transpose(0, 1)
    return [rows[k].narrow(0, 0, int(n)) for k, n in enumerate(_lengths(lengths))]


def pack_sequence(sequences: Sequence[Tensor], enforce_sorted: bool = True) -> PackedSequence:
    """Packs a list of sequences (L_i, *); see pack_padded_sequence for enforce_sorted."""
    lengths = [len(part) for part in sequences]
    return pack_padded_sequence(pad_sequence(sequences), lengths, enforce_sorted=enforce_sorted)


def unpack_sequence(packed_sequences: PackedSequence) -> list[Tensor]:
    """The list of sequences that pack_sequence packed."""
    padded, lengths = pad_packed_sequence(packed_sequences, batch_first=True)
    return unpad_sequence(padded, lengths, batch_first=True)
