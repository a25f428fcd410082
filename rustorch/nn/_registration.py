"""Hooks on every module that see what is registered: parameters, buffers, submodules.

They have PyTorch's form: hook(module, name, value), whose result, unless None, is registered instead.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ._hooks import RemovableHandle

Hook = Callable[..., Any]

parameters: dict[int, Hook] = {}
buffers: dict[int, Hook] = {}
modules: dict[int, Hook] = {}


def register_module_parameter_registration_hook(hook: Hook) -> RemovableHandle:
    """Calls hook(module, name, parameter) whenever a module gets a parameter."""
    return RemovableHandle(parameters, hook)


def register_module_buffer_registration_hook(hook: Hook) -> RemovableHandle:
    """Calls hook(module, name, buffer) whenever a module gets a buffer."""
    return RemovableHandle(buffers, hook)


def register_module_module_registration_hook(hook: Hook) -> RemovableHandle:
    """Calls hook(module, name, submodule) whenever a module gets a submodule."""
    return RemovableHandle(modules, hook)


def registered(hooks: dict[int, Hook], module: Any, name: str, value: Any) -> Any:
    """The value, as the hooks leave it."""
    for hook in list(hooks.values()):
        result = hook(module, name, value)
        if result is not None:
            value = result
    return value
