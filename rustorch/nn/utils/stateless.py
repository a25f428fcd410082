"""A module called with other parameters than its own."""

from __future__ import annotations

from typing import Any

from ...func import functional_call as _functional_call
from ..module import Module

__all__ = ["functional_call"]


def functional_call(
    module: Module, parameters_and_buffers: dict[str, Any], args: Any = None, kwargs: Any = None, *,
    tie_weights: bool = True, strict: bool = False,
) -> Any:  # fmt: skip
    """module(*args, **kwargs) with tensors, by dotted name, in the place of its parameters and buffers."""
    return _functional_call(
        module, parameters_and_buffers, () if args is None else args, kwargs or {}, tie_weights=tie_weights,
        strict=strict,
    )  # fmt: skip
