"""Tensors as arguments of functions that numba compiles: as arrays on the same memory.

numba runs `init` (the entry point `numba_extensions`) before it compiles its first function.  Without it a
tensor is a bare buffer to numba, with elements and a shape but without an array's methods.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from . import _C


def init() -> None:
    """Teaches numba the type of Tensors: an array, read through the buffer protocol."""
    types: Any = import_module("numba.core.types")
    buffers: Any = import_module("numba.core.typing.bufproto")
    extending: Any = import_module("numba.extending")

    class TensorArray(types.Array):  # type: ignore[misc]
        """numba's array type, of memory that a tensor owns."""

    def typeof(tensor: Any, _context: Any) -> Any:
        view = memoryview(tensor)
        dtype = support.from_dtype(tensor.dtype)
        return TensorArray(dtype, view.ndim, buffers.infer_layout(view), readonly=view.readonly)

    support: Any = import_module("numba.np.numpy_support")
    extending.typeof_impl.register(_C.Tensor, typeof)
    extending.register_model(TensorArray)(extending.models.ArrayModel)
    extending.unbox(TensorArray)(import_module("numba.core.boxing").unbox_buffer)
