"""PyTorch's path to embeddings."""

from __future__ import annotations

from ..bags import EmbeddingBag
from ..embedding import Embedding

__all__ = ["Embedding", "EmbeddingBag"]
