"""PyTorch's path to normalisation."""

from __future__ import annotations

from ..distance import CrossMapLRN2d, LocalResponseNorm
from ..normalization import GroupNorm, LayerNorm, RMSNorm

__all__ = ["CrossMapLRN2d", "GroupNorm", "LayerNorm", "LocalResponseNorm", "RMSNorm"]
