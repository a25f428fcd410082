"""What distributions are written with, under PyTorch's names."""

from __future__ import annotations

from functools import cached_property as lazy_property
from typing import Any

from .. import _C
from .discrete import _clamped as clamp_probs, probs_to_logits
from .distribution import broadcast_all

__all__ = ["broadcast_all", "clamp_probs", "lazy_property", "logits_to_probs", "probs_to_logits"]


def logits_to_probs(logits: Any, is_binary: bool = False) -> Any:
    """Probabilities of logs (of log odds where yes and no are meant)."""
    return _C.ops["sigmoid"](logits) if is_binary else _C.ops["softmax"](logits, -1)
