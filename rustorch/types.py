"""Types for annotations, as torch.types has them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

from ._C import Size, Tensor
from ._device import device as _device

Number: TypeAlias = int | float | bool
Device: TypeAlias = _device | str | int | None
_TensorOrTensors: TypeAlias = Tensor | Sequence[Tensor]
_size: TypeAlias = Size | list[int] | tuple[int, ...]
_int, _float, _bool, _complex = int, float, bool, complex
_dtype: TypeAlias = Any

__all__ = ["Device", "Number", "Size", "Tensor"]
