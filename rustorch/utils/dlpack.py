"""DLPack under PyTorch's names: memory shared with other libraries.

>>> import rustorch as rt
>>> from rustorch.utils.dlpack import from_dlpack, to_dlpack
>>> from_dlpack(to_dlpack(rt.ones(2)))
tensor([1.0, 1.0])
"""

from __future__ import annotations

from typing import Any

from .._C import Tensor, from_dlpack as from_dlpack

__all__ = ["from_dlpack", "to_dlpack"]


def to_dlpack(tensor: Tensor) -> Any:
    """A capsule with tensor's memory, for another library's from_dlpack; it can be used once."""
    return tensor.__dlpack__()
