"""Parameter and Buffer: tensors that a Module takes notice of when they are assigned to it."""

from __future__ import annotations

from typing import Any

from .._C import Tensor, as_tensor, empty

__all__ = ["Buffer", "Parameter"]


def _window(cls: type[Any], data: Any, requires_grad: bool) -> Any:
    if data is None:
        data = empty(0)
    elif not isinstance(data, Tensor):
        data = as_tensor(data)
    return Tensor._make_subclass(cls, data.detach(), requires_grad)


class Parameter(Tensor):
    """A tensor that is trained: assigned to a Module it joins `Module.parameters()`.

    Parameter(data, requires_grad=True) shares data's memory.
    """

    def __new__(cls, data: Any = None, requires_grad: bool = True) -> Parameter:
        parameter: Parameter = _window(cls, data, requires_grad)
        return parameter

    def __deepcopy__(self, memo: dict[int, Any]) -> Parameter:
        if id(self) not in memo:
            memo[id(self)] = type(self)(self.data.clone(), self.requires_grad)
        copy: Parameter = memo[id(self)]
        return copy

    def __reduce_ex__(self, protocol: Any) -> Any:
        return type(self), (self.data, self.requires_grad)


class Buffer(Tensor):
    """A tensor that belongs to a Module's state but is not trained.

    persistent=False keeps it out of `state_dict()`.
    """

    persistent: bool

    def __new__(cls, data: Any = None, *, persistent: bool = True) -> Buffer:
        buffer: Buffer = _window(cls, data, False)
        buffer.persistent = persistent
        return buffer

    def __deepcopy__(self, memo: dict[int, Any]) -> Buffer:
        if id(self) not in memo:
            memo[id(self)] = type(self)(self.data.clone(), persistent=self.persistent)
        copy: Buffer = memo[id(self)]
        return copy

    def __reduce_ex__(self, protocol: Any) -> Any:
        return _rebuild_buffer, (type(self), self.data, self.persistent)


def _rebuild_buffer(cls: type[Buffer], data: Tensor, persistent: bool) -> Buffer:
    return cls(data, persistent=persistent)
