"""PyTorch's path to Fold and Unfold."""

from __future__ import annotations

from ..upsampling import Fold, Unfold

__all__ = ["Fold", "Unfold"]
