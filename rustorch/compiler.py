"""torch.compiler's names.  There is no compiler: what is decorated stays as it is."""

from __future__ import annotations

from typing import Any

from ._process import compile as compile

__all__ = ["allow_in_graph", "compile", "cudagraph_mark_step_begin", "disable", "is_compiling", "is_dynamo_compiling",
           "reset"]  # fmt: skip


def disable(fn: Any = None, recursive: bool = True, **kwargs: Any) -> Any:
    """fn itself; a decorator."""
    return fn if fn is not None else lambda inner: inner


def allow_in_graph(fn: Any) -> Any:
    """fn itself; a decorator."""
    return fn


def is_compiling() -> bool:
    """False."""
    return False


def is_dynamo_compiling() -> bool:
    """False."""
    return False


def reset() -> None:
    """Nothing to forget."""


def cudagraph_mark_step_begin() -> None:
    """Nothing to mark."""
