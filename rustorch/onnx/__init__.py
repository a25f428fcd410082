"""ONNX: modules to files that other runtimes execute, and files to modules."""

from ._exporter import export
from ._reader import OnnxError, load

__all__ = ["OnnxError", "export", "load"]
