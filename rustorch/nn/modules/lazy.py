"""PyTorch's path to LazyModuleMixin."""

from __future__ import annotations

from ..lazy import LazyModuleMixin

__all__ = ["LazyModuleMixin"]
