"""Models and tensors to and from other libraries.

`Program` is what a model with a forward of its own becomes, wherever it came from.
"""

from __future__ import annotations

from .program import DescriptionError, Graph, Program, Ref, Step

__all__ = ["DescriptionError", "Graph", "Program", "Ref", "Step"]
