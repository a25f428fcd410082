"""The exceptions rustorch raises of its own.  Each also derives from the builtin a Python user would catch:
TensorError from ValueError, DtypeError from TypeError and NotImplementedError, OutOfRangeError from ValueError and
IndexError, ArgumentError from TypeError and AttributeError, and all from RuntimeError.  ShapeMismatchError has shape1
and shape2."""

from ._C import ArgumentError, DeviceError, DtypeError, OutOfRangeError, RusTorchError, ShapeMismatchError, TensorError

RustorchError = RusTorchError


class FileError(RusTorchError):
    """A file that is cut off, damaged, made up, or not of the kind it is read as."""


__all__ = [
    "ArgumentError", "DeviceError", "DtypeError", "FileError", "OutOfRangeError", "RusTorchError", "RustorchError",
    "ShapeMismatchError", "TensorError",
]  # fmt: skip
