"""PyTorch's path to distances."""

from __future__ import annotations

from ..distance import CosineSimilarity, PairwiseDistance

__all__ = ["CosineSimilarity", "PairwiseDistance"]
