"""Methods of Tensor written in Python: conversions, in-place filling, hooks, pickling."""

from __future__ import annotations

from typing import Any

from . import _C
from ._device import CPU, check_cpu
from ._legacy import dtype_named, methods as _legacy_methods, type_name

_ops: dict[str, Any] = _C.ops
_cast, _copy, _where = _ops["cast"], _ops["copy"], _ops["where"]


_API_VERSIONS = ("2021.12", "2022.12", "2023.12", "2024.12", "2025.12")


class _SizeInt(int):
    """t.size: NumPy's number of elements, and PyTorch's method size(dim=None)."""

    _shape: Any

    def __call__(self, dim: int | None = None) -> Any:
        if dim is None:
            return self._shape
        if not -len(self._shape) <= dim < len(self._shape):
            raise IndexError(f"size: dim {dim} does not exist in a tensor of {len(self._shape)} dimensions")
        return self._shape[dim]


def _size(self: Any) -> _SizeInt:
    value = _SizeInt(self.numel())
    value._shape = self.shape
    return value


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
    """Its type's name ("torch.FloatTensor"), or the tensor converted to a dtype or to a type with such a name."""
    if dtype is None:
        return type_name(self)
    if isinstance(dtype, str) and dtype.endswith("Tensor"):
        dtype = dtype_named(dtype)
    return self.to(getattr(dtype, "dtype", dtype))


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
    if kind is _C.ndarray:
        t, kind = _C._as_arrays(t), None
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
    if type(self) in (_C.Tensor, _C.ndarray):
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
    return format(self.item(), spec) if self.ndim == 0 else format(str(self), spec)


def __dir__(self: Any) -> list[str]:
    return sorted(set(object.__dir__(self)))


def _real(self: Any) -> Any:
    """Real part: a view of a complex tensor, a real one itself."""
    return _ops["real"](self) if self.is_complex() else self


def _imag(self: Any) -> Any:
    """Imaginary part: a view of a complex tensor, zeros of a real one."""
    return _ops["imag"](self) if self.is_complex() else _C.zeros_like(self)


def _numpys(name: str) -> Any:
    """A method that only NumPy's arrays have."""

    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        from .numpy._methods import on_tensor

        return on_tensor(name, self, args, kwargs)

    method.__name__ = method.__qualname__ = name
    method.__doc__ = f"{name}() of numpy.ndarray."
    return method


def setflags(self: Any, write: Any = None, align: Any = None, uic: Any = None) -> None:
    """Sets whether the tensor may be written, as numpy.ndarray's method does."""
    from .numpy import _methods

    _methods.setflags(self, write, align, uic)


def _numpys_attribute(name: str) -> Any:
    """An attribute that only NumPy's arrays have."""

    def attribute(self: Any) -> Any:
        from .numpy import _attributes

        return getattr(_attributes, "get_" + name)(self)

    return property(attribute, doc=f"{name} of numpy.ndarray.")


_NUMPYS = (
    "argpartition", "byteswap", "choose", "compress", "copy", "dump", "dumps", "getfield", "partition", "searchsorted",
    "setfield", "tobytes", "tofile",
)  # fmt: skip

_KINDS = (
    "cuda", "ipu", "maia", "meta", "mkldnn", "mps", "mtia", "nested", "quantized", "sparse", "sparse_csr", "vulkan",
    "xla", "xpu",
)  # fmt: skip


def pin_memory(self: Any, device: Any = None) -> Any:
    """Itself: there is no device to pin memory for."""
    return self


def _to_sparse(name: str) -> Any:
    def method(self: Any, *args: Any, **keywords: Any) -> Any:
        from .sparse import _torch

        return getattr(_torch, name)(self, *args, **keywords)

    method.__name__ = name
    method.__doc__ = "The elements other than 0 as a sparse array: see rustorch.sparse."
    return method


def to_dense(self: Any, dtype: Any = None, *, masked_grad: bool = True) -> Any:
    """Itself, converted to dtype: all tensors are dense."""
    return self if dtype is None else self.to(dtype)


def __reversed__(self: Any) -> Any:
    """A copy with the order along all dimensions turned round."""
    return _ops["flip"](self, tuple(range(self.ndim))) if self.ndim else self


def as_subclass(self: Any, cls: Any) -> Any:
    """The same memory as an instance of a subclass of Tensor, without history."""
    return type(self)._make_subclass(cls, self.detach(), self.requires_grad)


def to_device(self: Any, device: Any, /, *, stream: Any = None) -> Any:
    """The tensor on a device: itself, there is only the CPU.  ValueError for other devices and for a stream."""
    if stream is not None:
        raise ValueError("to_device: the CPU has no streams; leave stream out")
    check_cpu(device, "to_device")
    return self


def __array_namespace__(self: Any, *, api_version: str | None = None) -> Any:
    """`rustorch.numpy`, the array API's functions on tensors.  ValueError for a version that it does not know."""
    if api_version is not None and api_version not in _API_VERSIONS:
        raise ValueError(f"__array_namespace__: {api_version!r} is no version of the standard known here")
    from . import numpy

    return numpy


def __complex__(self: Any) -> complex:
    """The one element as a complex number."""
    return complex(self.item())


def conjugate(self: Any) -> Any:
    """conj() under NumPy's name."""
    return self.conj()


_NUMPY_TAKE = frozenset({"axis", "mode", "out"})


def take(self: Any, *args: Any, **keywords: Any) -> Any:
    """take(index): elements taken as if flat; with NumPy's axis=, mode= or out= what numpy.take gives."""
    if _NUMPY_TAKE.isdisjoint(keywords):
        return _ops["take"](self, *args, **keywords)
    from .numpy._registry import np

    return np.take(self, *args, **keywords)


def _repr_html_(self: Any) -> str:
    """What notebooks show: shape, dtype, statistics, a histogram and some of the elements."""
    from ._display import tensor_html

    return tensor_html(self)


def methods() -> dict[str, Any]:
    """name -> what is put on the Tensor type."""
    named = (
        astype, cpu, cuda, to_torch, copy_, where, register_hook, register_post_accumulate_grad_hook,
        __reduce_ex__, __deepcopy__, __copy__, __format__, __reversed__, pin_memory, to_dense,
        as_subclass, to_device, __array_namespace__, __complex__,
        conjugate, take, setflags, _repr_html_,
    )  # fmt: skip
    table: dict[str, Any] = {f.__name__: f for f in named}
    table.update({name: _numpys(name) for name in _NUMPYS})
    table.update({name: _numpys_attribute(name) for name in ("flags", "flat", "ctypes")})
    table["type"] = type_
    table["size"] = _C._size_descriptor(_size)
    table["real"], table["imag"] = property(_real), property(_imag)
    table["device"] = property(lambda self: CPU)
    for name in ("to_sparse", "to_sparse_csr", "to_sparse_csc"):
        table[name] = _to_sparse(name)
    table["to_sparse_coo"] = table["to_sparse"]
    for kind in _KINDS:
        table["is_" + kind] = property(lambda self: False, doc="False: ours are strided tensors in main memory.")
    table.update(_legacy_methods())
    return table
