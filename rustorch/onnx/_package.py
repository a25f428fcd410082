"""The package onnx, or advice when it is missing."""

from __future__ import annotations

import importlib
from functools import cache
from typing import Any


@cache
def onnx() -> Any:
    """The package onnx, with the parts of it that are used here; ImportError with advice when it is missing."""
    try:
        package = importlib.import_module("onnx")
        for part in ("checker", "defs", "helper", "inliner", "numpy_helper", "shape_inference", "external_data_helper"):
            importlib.import_module("onnx." + part)
    except ImportError as error:
        raise ImportError("rustorch.onnx needs onnx: pip install rustorch[onnx]") from error
    return package
