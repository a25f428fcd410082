"""Parameter and Buffer: tensors that a Module takes notice of when they are assigned to it."""

from __future__ import annotations

from typing import Any

from .._C import Tensor, as_tensor, empty

__all__ = [
    "Buffer", "Parameter", "UninitializedBuffer", "UninitializedParameter", "UninitializedTensorMixin", "is_lazy",
]  # fmt: skip


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


# ---- without a shape yet ----


class UninitializedTensorMixin(Tensor):
    """A tensor without a shape yet; materialize gives it one, and makes it what it stands for."""

    cls_to_become: type

    def materialize(self, shape: Any, device: Any = None, dtype: Any = None) -> None:
        """Takes memory of a shape, values undefined, and becomes a Parameter or Buffer."""
        self.data = empty(tuple(shape), device=device, dtype=self.dtype if dtype is None else dtype)
        self.__class__ = self.cls_to_become

    @property
    def shape(self) -> Any:
        raise RuntimeError(
            "Can't access the shape of an uninitialized parameter or buffer. This error usually happens in"
            " `load_state_dict` when trying to load an uninitialized parameter into an initialized one. Call"
            " `forward` to initialize the parameters before accessing their attributes."
        )

    def share_memory_(self) -> Any:
        raise RuntimeError(
            "Can't share memory on an uninitialized parameter or buffer. Call `forward` to initialize the parameters"
            " before calling `module.share_memory()`."
        )

    def numel(self) -> int:
        raise ValueError(
            "Attempted to use an uninitialized parameter: numel. This error happens when you are using a lazy module or"
            " explicitly manipulating an uninitialized parameter; call forward once before"
        )

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"


class UninitializedParameter(UninitializedTensorMixin, Parameter):
    """A Parameter whose shape is not known yet."""

    cls_to_become = Parameter

    def __new__(cls, requires_grad: bool = True, device: Any = None, dtype: Any = None) -> UninitializedParameter:
        parameter: UninitializedParameter = Tensor._make_subclass(
            cls, empty(0, device=device, dtype=dtype), requires_grad
        )
        return parameter

    def __deepcopy__(self, memo: dict[int, Any]) -> UninitializedParameter:
        if id(self) not in memo:
            memo[id(self)] = type(self)(self.requires_grad, self.data.device, self.data.dtype)
        copy: UninitializedParameter = memo[id(self)]
        return copy

    def __reduce_ex__(self, protocol: Any) -> Any:
        return type(self), (self.requires_grad, None, str(self.data.dtype))


class UninitializedBuffer(UninitializedTensorMixin, Buffer):
    """A Buffer whose shape is not known yet."""

    cls_to_become = Buffer

    def __new__(
        cls, requires_grad: bool = False, device: Any = None, dtype: Any = None, persistent: bool = True
    ) -> UninitializedBuffer:
        buffer: UninitializedBuffer = Tensor._make_subclass(cls, empty(0, device=device, dtype=dtype), requires_grad)
        buffer.persistent = persistent
        return buffer

    def __deepcopy__(self, memo: dict[int, Any]) -> UninitializedBuffer:
        if id(self) not in memo:
            memo[id(self)] = type(self)(False, self.data.device, self.data.dtype, self.persistent)
        copy: UninitializedBuffer = memo[id(self)]
        return copy

    def __reduce_ex__(self, protocol: Any) -> Any:
        return type(self), (False, None, str(self.data.dtype), self.persistent)


def is_lazy(value: Any) -> bool:
    """Is it a parameter or buffer without a shape?"""
    return isinstance(value, UninitializedTensorMixin)
