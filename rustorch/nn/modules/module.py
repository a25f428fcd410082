"""PyTorch's path to Module and the hooks on every module."""

from __future__ import annotations

from .._hooks import (
    register_module_backward_hook,
    register_module_forward_hook,
    register_module_forward_pre_hook,
    register_module_full_backward_hook,
    register_module_full_backward_pre_hook,
)
from .._registration import (
    register_module_buffer_registration_hook,
    register_module_module_registration_hook,
    register_module_parameter_registration_hook,
)
from .._state import IncompatibleKeys as _IncompatibleKeys  # noqa: F401
from ..module import Module

__all__ = [
    "Module", "register_module_backward_hook", "register_module_buffer_registration_hook",
    "register_module_forward_hook", "register_module_forward_pre_hook", "register_module_full_backward_hook",
    "register_module_full_backward_pre_hook", "register_module_module_registration_hook",
    "register_module_parameter_registration_hook",
]  # fmt: skip


def _addindent(s_: str, numSpaces: int) -> str:
    """A text whose lines from the second on are moved to the right."""
    return s_.replace("\n", "\n" + " " * numSpaces)
