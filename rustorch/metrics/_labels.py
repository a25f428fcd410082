"""Outputs and targets as labels: which classes were predicted, which were true."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._C import ShapeMismatchError, Tensor
from ..nn import functional as F
from .base import tensor_of


def labels_of(
    outputs: Any, targets: Any, threshold: float | None, from_logits: bool | None, multilabel: bool,
    classes_last: bool = False,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """Predicted and true labels, of one shape.

    Args:
        outputs: scores (n, classes), (n, classes, ...) or (..., classes); one score a sample, (n) or (n, 1); or labels.
        targets: labels, (n) or (n, 1) or with the outputs' other dimensions; or one-hot of the outputs' shape.
        threshold: from which on a single score says 1; 0.5, or 0 for logits, when None.
        multilabel: each score is a question of its own.
        classes_last: of scores in three and more dimensions the last are the classes, even where the second could be.

    Raises:
        ShapeMismatchError: the shapes do not go together.
    """
    o, t = tensor_of(outputs), tensor_of(targets)
    if classes_last and o.ndim > 2 and not multilabel:
        o = o.movedim(-1, 1)
        t = t.movedim(-1, 1) if t.ndim == o.ndim and t.shape[-1] != 1 else t
    if o.ndim == t.ndim + 1 and o.shape[-1 if o.ndim == 2 else 1] != 1:
        if tuple(o.shape[:1] + o.shape[2:]) == tuple(t.shape):
            return o.argmax(1), t
        if tuple(o.shape[:-1]) == tuple(t.shape):
            return o.argmax(-1), t
    if o.ndim == t.ndim and o.ndim > 1 and t.shape[-1] == 1 and o.shape[-1] > 1:
        return o.argmax(-1), t.squeeze(-1)
    if [n for n in o.shape if n != 1] != [n for n in t.shape if n != 1]:
        raise ShapeMismatchError(f"outputs of shape {tuple(o.shape)} and targets of shape {tuple(t.shape)} do not fit")
    one_hot = o.ndim > 1 and tuple(o.shape) == tuple(t.shape) and o.shape[1] > 1
    if one_hot and not multilabel and o.is_floating_point():
        return o.argmax(1), t.argmax(1)
    t = t.reshape(o.shape)
    if o.is_floating_point():
        limit = threshold if threshold is not None else 0.0 if from_logits else 0.5
        o = o > limit
    return o.long(), (t > 0.5).long() if t.is_floating_point() and not _whole(t) else t.long()


def _whole(t: Tensor) -> bool:
    return bool((t == t.round()).all())


def scores_of(outputs: Any, targets: Any, from_logits: bool | None) -> tuple[Any, Any]:
    """Probabilities, (n) for two classes or (n, classes), and labels (n), as arrays."""
    o, t = tensor_of(outputs), tensor_of(targets)
    if o.ndim == 2 and o.shape[1] == 1:
        o = o.squeeze(1)
    if from_logits:
        o = F.softmax(o, dim=1) if o.ndim > 1 else o.sigmoid()
    if t.ndim == 2 and t.shape[1] == 1:
        t = t.squeeze(1)
    if t.ndim == 2 and o.ndim == 2:
        t = t.argmax(1)
    if t.ndim != 1 or o.ndim not in (1, 2) or len(o) != len(t):
        raise ShapeMismatchError(f"outputs of shape {tuple(o.shape)} and targets of shape {tuple(t.shape)} do not fit")
    if o.ndim == 2 and o.shape[1] == 2:
        o = o[:, 1]
    scores = np.asarray(o.float() if o.itemsize == 2 else o)
    return scores.copy(), np.asarray(t.long()).copy()
