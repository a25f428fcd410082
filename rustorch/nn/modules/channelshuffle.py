"""PyTorch's path to ChannelShuffle."""

from __future__ import annotations

from ..upsampling import ChannelShuffle

__all__ = ["ChannelShuffle"]
