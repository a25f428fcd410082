"""PyTorch's path to PixelShuffle and PixelUnshuffle."""

from __future__ import annotations

from ..upsampling import PixelShuffle, PixelUnshuffle

__all__ = ["PixelShuffle", "PixelUnshuffle"]
