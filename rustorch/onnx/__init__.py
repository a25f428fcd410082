"""ONNX: modules to files that other runtimes execute, and files to modules."""

from ._exporter import export
from ._reader import OnnxError, import_onnx, load

__all__ = ["OnnxError", "export", "import_onnx", "load"]
