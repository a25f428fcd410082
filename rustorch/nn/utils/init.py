"""PyTorch's path to skip_init."""

from __future__ import annotations

from .fusion import skip_init

__all__ = ["skip_init"]
