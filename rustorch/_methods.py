"""Methods of Tensor written in Python: conversions, in-place filling, hooks, pickling."""

from __future__ import annotations

from typing import Any

from . import _C

_ops: dict[str, Any] = _C.ops
_cast, _copy, _where = _ops["cast"], _ops["copy"], _ops["where"]


class _SizeInt(int):
    """t.size: NumPy's number of elements, and PyTorch's method size(dim=None)."""

    _shape: Any

    def __call__(self, dim: int | None = None) -> Any:
        return self._shape if dim is None else self._shape[dim]


def _size(self: Any) -> _SizeInt:
    value = _SizeInt(self.numel())
    value._shape = self.shape
    return value


class _Device:
    """Where a tensor lives; equal to its name."""

    __slots__ = ("index", "type")

    def __init__(self, type: str = "cpu", index: int | None = None) -> None:
        self.type, self.index = type, index

    def __repr__(self) -> str:
        return (
            f"device(type={self.type!r})" if self.index is None else f"device(type={self.type!r}, index={self.index})"
        )

    def __str__(self) -> str:
        return self.type if self.index is None else f"{self.type}:{self.index}"

    def __eq__(self, other: object) -> bool:
        return str(other) == str(self) if isinstance(other, (str, _Device)) else NotImplemented

    def __hash__(self) -> int:
        return hash(str(self))


CPU = _Device()


def device(spec: Any = "cpu", index: int | None = None) -> _Device:
    """A device object for "cpu" or "cuda:0"; making one does not need the hardware."""
    if isinstance(spec, _Device):
        return spec
    kind, _, number = str(spec).partition(":")
    if kind not in ("cpu", "cuda", "metal") or (number and not number.isdigit()):
        raise _C.DeviceError(f"device: {spec!r} is not a device; use 'cpu' or 'cuda:<number>'")
    return _Device(kind, int(number) if number else index)


def _check_cpu(where: Any) -> None:
    if device(where).type != "cpu":
        raise _C.DeviceError(f"to: device {where} is not available in this build; only 'cpu' is")


def astype(
    self: Any,
    dtype: Any,
    order: Any = "K",
    casting: Any = None,
    subok: Any = None,
    copy: bool = True,
    device: Any = None,
) -> Any:
    """A copy converted to dtype; with copy=False itself when it has the dtype already."""
    if not copy and self.dtype == _C.dtype(dtype):
        return self
    return _cast(self, dtype)


def type_(self: Any, dtype: Any = None) -> Any:
    """Name of the dtype, or the tensor converted."""
    return f"rustorch.{self.dtype}" if dtype is None else self.to(dtype)


def cpu(self: Any) -> Any:
    """The tensor in main memory: itself."""
    return self


def cuda(self: Any, device: Any = None) -> Any:
    """Not in this build: DeviceError."""
    raise _C.DeviceError("cuda: this build has no CUDA backend; tensors stay on the CPU")


def to_torch(self: Any) -> Any:
    """A PyTorch tensor on the same memory (detached)."""
    import torch

    plain = self.detach() if self.requires_grad else self
    if hasattr(torch.Tensor, "__dlpack_c_exchange_api__") and not plain.readonly and min(plain.strides, default=0) >= 0:
        return plain._hand_over(torch.Tensor)
    return torch.utils.dlpack.from_dlpack(plain)


def copy_(self: Any, src: Any, non_blocking: bool = False) -> Any:
    """Writes src, broadcast and converted, into self."""
    return _copy(src, out=self)


def where(self: Any, condition: Any, other: Any) -> Any:
    """self where condition is true, other elsewhere."""
    return _where(condition, self, other)


class RemovableHandle:
    """Takes a hook away again: remove(), or as a context manager."""

    def __init__(self, hooks: dict[Any, Any], key: Any) -> None:
        self._hooks, self.id = hooks, key

    def remove(self) -> None:
        self._hooks.pop(self.id, None)

    def __enter__(self) -> RemovableHandle:
        return self

    def __exit__(self, *exc: object) -> None:
        self.remove()


def register_hook(self: Any, hook: Any) -> RemovableHandle:
    """hook(grad) runs when the gradient of this tensor is known; what it returns replaces it."""
    return RemovableHandle(*self._add_hook(hook))


def register_post_accumulate_grad_hook(self: Any, hook: Any) -> RemovableHandle:
    """hook(leaf) runs after .grad was accumulated."""
    return RemovableHandle(*self._add_after_hook(hook))


def _node_register_hook(self: Any, fn: Any) -> RemovableHandle:
    """fn(grad_inputs, grad_outputs) runs after the node's backward; a tuple it returns replaces grad_inputs."""
    return RemovableHandle(*self._add_hook(fn))


def _node_register_prehook(self: Any, fn: Any) -> RemovableHandle:
    """fn(grad_outputs) runs before the node's backward; a tuple it returns replaces grad_outputs."""
    return RemovableHandle(*self._add_pre_hook(fn))


def node_methods() -> dict[str, Any]:
    """name -> what is put on the Node type."""
    return {"register_hook": _node_register_hook, "register_prehook": _node_register_prehook}


def _rebuild(array: Any, dtype: str, requires_grad: bool, kind: Any = None) -> Any:
    t = _C.from_numpy(array)
    if dtype == "bfloat16":
        t = t.view_bits_bfloat16() if hasattr(t, "view_bits_bfloat16") else _cast(t, "bfloat16")
    t = _ops["clone"](t) if t.readonly else t
    if kind is not None:
        return kind(t, requires_grad)
    return t.requires_grad_(requires_grad) if requires_grad else t


def __reduce_ex__(self: Any, protocol: Any) -> Any:
    if self.grad_fn is not None:
        raise RuntimeError("only leaf tensors can be pickled; use .detach()")
    plain = self.detach()
    name = str(self.dtype)
    array = _cast(plain, "float32").numpy() if name == "bfloat16" else plain.numpy()
    kind = type(self) if type(self) is not _C.Tensor else None
    return _rebuild, (array, name, self.requires_grad, kind)


def __deepcopy__(self: Any, memo: dict[int, Any]) -> Any:
    if id(self) in memo:
        return memo[id(self)]
    if self.grad_fn is not None:
        raise RuntimeError("only leaf tensors can be deep-copied; use .clone() or .detach()")
    data = _ops["clone"](self.detach())
    if type(self) is _C.Tensor:
        result = data.requires_grad_(self.requires_grad) if self.requires_grad else data
    else:
        result = type(self)._make_subclass(type(self), data, self.requires_grad)
    memo[id(self)] = result
    if self.grad is not None:
        result.grad = __deepcopy__(self.grad, memo)
    return result


def __copy__(self: Any) -> Any:
    return _ops["clone"](self)


def __format__(self: Any, spec: str) -> str:
    return format(self.item(), spec) if self.ndim == 0 and self.numel() == 1 else format(repr(self), spec)


def __dir__(self: Any) -> list[str]:
    return sorted(set(object.__dir__(self)))


def _real(self: Any) -> Any:
    """Real part: a view of a complex tensor, a real one itself."""
    return _ops["real"](self) if self.is_complex() else self


def _imag(self: Any) -> Any:
    """Imaginary part: a view of a complex tensor, zeros of a real one."""
    return _ops["imag"](self) if self.is_complex() else _C.zeros_like(self)


def methods() -> dict[str, Any]:
    """name -> what is put on the Tensor type."""
    named = (
        astype, cpu, cuda, to_torch, copy_, where, register_hook, register_post_accumulate_grad_hook,
        __reduce_ex__, __deepcopy__, __copy__, __format__,
    )  # fmt: skip
    table: dict[str, Any] = {f.__name__: f for f in named}
    table["type"] = type_
    table["size"] = property(_size)
    table["real"], table["imag"] = property(_real), property(_imag)
    table["device"] = property(lambda self: CPU)
    table["is_cuda"] = property(lambda self: False)
    return table
