"""Names that older programs use: FloatTensor and its kin, Tensor.type's names, storages.

>>> import rustorch as rt
>>> x = rt.LongTensor([1, 2, 3])
>>> x.type(), isinstance(x, rt.LongTensor), isinstance(x, rt.FloatTensor)
('torch.LongTensor', True, False)
>>> points = rt.tensor([[4.0, 1.0], [5.0, 3.0]])
>>> points.T.storage().tolist()
[4.0, 1.0, 5.0, 3.0]
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from . import _C

# name of the tensor type -> dtype
TYPES = {
    "FloatTensor": "float32", "DoubleTensor": "float64", "HalfTensor": "float16", "BFloat16Tensor": "bfloat16",
    "ByteTensor": "uint8", "CharTensor": "int8", "ShortTensor": "int16", "IntTensor": "int32", "LongTensor": "int64",
    "BoolTensor": "bool", "ComplexFloatTensor": "complex64", "ComplexDoubleTensor": "complex128",
    "UInt16Tensor": "uint16", "UInt32Tensor": "uint32", "UInt64Tensor": "uint64",
}  # fmt: skip
_NAMES = {dtype: name for name, dtype in TYPES.items()}


class TensorType(type):
    """The type of FloatTensor and its kin: calls make tensors, isinstance looks at the dtype."""

    dtype: Any

    def __call__(cls, *args: Any, device: Any = None) -> Any:
        if device is not None:
            _C.empty(0, device=device)
        if len(args) == 1 and not isinstance(args[0], (int, _C.Size)):
            return _C.tensor(args[0], dtype=cls.dtype)
        return _C.empty(*args, dtype=cls.dtype) if args else _C.empty(0, dtype=cls.dtype)

    def __instancecheck__(cls, instance: Any) -> bool:
        return isinstance(instance, _C.Tensor) and bool(instance.dtype == cls.dtype)

    def __repr__(cls) -> str:
        return f"<class 'rustorch.{cls.__name__}'>"


def typed(name: str) -> TensorType:
    """FloatTensor and its kin, by name."""
    dtype = _C.dtype(TYPES[name])
    doc = f"{name}(data) or {name}(*size): a tensor of dtype {dtype}, in the second form not set."
    return TensorType(name, (), {"dtype": dtype, "__doc__": doc, "__module__": "rustorch"})


def type_name(t: Any) -> str:
    """What PyTorch's Tensor.type() says of t: "torch.FloatTensor"."""
    return "torch." + _NAMES[str(t.dtype)]


def dtype_named(name: str) -> Any:
    """The dtype of "torch.FloatTensor", also without "torch."; None for other texts."""
    found = TYPES.get(name.rpartition(".")[2])
    return None if found is None else _C.dtype(found)


def set_default_tensor_type(t: Any) -> None:
    """The older set_default_dtype: takes FloatTensor, or "torch.FloatTensor"."""
    dtype = dtype_named(t) if isinstance(t, str) else getattr(t, "dtype", None)
    if dtype is None:
        raise TypeError(f"set_default_tensor_type: {t!r} is no tensor type")
    _C.set_default_dtype(dtype)


def typename(obj: Any, /) -> str:
    """The name of an object's type, for messages."""
    if isinstance(obj, _C.Tensor):
        return type_name(obj)
    kind = type(obj)
    return kind.__name__ if kind.__module__ in ("builtins", "__main__") else f"{kind.__module__}.{kind.__qualname__}"


class UntypedStorage:
    """The memory under a tensor, as bytes: views of one tensor have it in common."""

    def __init__(self, data: Any = 0, *, dtype: Any = None, device: Any = None) -> None:
        if not isinstance(data, _C.Tensor):
            data = _C.empty(data, dtype="uint8") if isinstance(data, int) else _C.tensor(data, dtype="uint8")
        self._data = data

    def _flat(self) -> Any:
        return self._data

    def data_ptr(self) -> int:
        """Address of the first byte."""
        address: int = self._data.data_ptr()
        return address

    def nbytes(self) -> int:
        """Number of bytes."""
        count: int = self._flat().nbytes
        return count

    def size(self) -> int:
        """Number of elements."""
        count: int = self._flat().numel()
        return count

    def element_size(self) -> int:
        """Bytes of one element."""
        count: int = self._flat().element_size()
        return count

    def tolist(self) -> list[Any]:
        """All elements as Python numbers."""
        values: list[Any] = self._flat().tolist()
        return values

    def __len__(self) -> int:
        return self.size()

    def __iter__(self) -> Iterator[Any]:
        return iter(self.tolist())

    def __getitem__(self, key: Any) -> Any:
        value = self._flat()[key]
        return value.item() if isinstance(key, int) else type(self)(value)

    def __setitem__(self, key: Any, value: Any) -> None:
        self._flat()[key] = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, UntypedStorage) and type(other) is type(self) and other.data_ptr() == self.data_ptr()

    def __hash__(self) -> int:
        return hash(self.data_ptr())

    def __repr__(self) -> str:
        values = "\n".join(f" {value}" for value in self.tolist())
        return f"{values}\n[rustorch.{type(self).__name__}(device=cpu) of size {self.size()}]"


class TypedStorage(UntypedStorage):
    """The memory under a tensor, as elements of its dtype."""

    def __init__(self, data: Any = 0, *, dtype: Any = None, device: Any = None) -> None:
        if not isinstance(data, _C.Tensor):
            kind = _C.get_default_dtype() if dtype is None else dtype
            data = _C.empty(data, dtype=kind) if isinstance(data, int) else _C.tensor(data, dtype=kind)
        super().__init__(data)

    @property
    def dtype(self) -> Any:
        """The dtype of the elements."""
        return self._data.dtype

    def untyped(self) -> UntypedStorage:
        """The same memory as bytes."""
        return UntypedStorage(self._data._storage_bytes())


def untyped_storage(self: Any) -> UntypedStorage:
    """The memory under the tensor, all of it, as bytes."""
    return UntypedStorage(self.detach()._storage_bytes())


def storage(self: Any) -> TypedStorage:
    """The memory under the tensor, all of it, as elements of its dtype."""
    flat, size = self.detach()._storage_bytes(), self.element_size()
    return TypedStorage(flat[: flat.numel() // size * size].view(self.dtype))


def set_(self: Any, source: Any = None, storage_offset: int = 0, size: Any = None, stride: Any = None) -> Any:
    """Looks at source's memory from now on: a tensor's, or a storage's with an offset, size and stride in elements."""
    if source is None:
        source = _C.empty(0, dtype=self.dtype)
    if isinstance(source, UntypedStorage):
        flat = source._flat()
        flat = flat.view(self.dtype) if flat.dtype != self.dtype else flat
        length = flat.numel() - storage_offset
        source = flat[storage_offset:] if size is None else flat
    elif size is not None:
        flat = source.storage()._flat()
        length = flat.numel() - storage_offset
        source = flat
    if source.dtype != self.dtype:
        raise RuntimeError(f"set_: the tensor has dtype {self.dtype}, the source {source.dtype}")
    if size is not None:
        shape = (size,) if isinstance(size, int) else tuple(size)
        if stride is None:
            stride = _C.empty(shape, dtype="bool").stride()
        if length < 0:
            raise RuntimeError(f"set_: offset {storage_offset} is beyond the end of the storage")
        source = _C.ops["as_strided"](source, shape, stride, storage_offset)
    self.data = source
    return self


def is_set_to(self: Any, tensor: Any) -> bool:
    """Do both look at the same memory, in the same shape and order?"""
    return (
        self.data_ptr() == tensor.data_ptr() and tuple(self.shape) == tuple(tensor.shape)
        and self.stride() == tensor.stride()
    )  # fmt: skip


def new(self: Any, *args: Any) -> Any:
    """The older new_tensor(data) and new_empty(*size)."""
    if len(args) == 1 and not isinstance(args[0], (int, _C.Size)):
        return _C.tensor(args[0], dtype=self.dtype)
    return _C.empty(*args, dtype=self.dtype) if args else _C.empty(0, dtype=self.dtype)


def _elementwise(name: str, self: Any, others: tuple[Any, ...], function: Any) -> Any:
    """Sets each element to a Python function of it and of those of others; slow, for lack of anything better."""
    if self.requires_grad and _C.is_grad_enabled():
        raise RuntimeError(f"{name}: a tensor that requires grad cannot be changed by a Python function; detach() it")
    for other in others:
        if tuple(other.shape) != tuple(self.shape):
            raise _C.ShapeMismatchError(f"{name}: shapes {tuple(self.shape)} and {tuple(other.shape)} differ")
    columns = [t.detach().reshape(-1).tolist() for t in (self, *others)]
    values = [function(*row) for row in zip(*columns, strict=True)]
    self.copy_(_C.tensor(values, dtype=self.dtype).reshape(self.shape))
    return self


def apply_(self: Any, callable: Any) -> Any:
    """Replaces each element by callable(element), a Python call for each: slow."""
    return _elementwise("apply_", self, (), callable)


def map_(self: Any, tensor: Any, callable: Any) -> Any:
    """Replaces each element by callable(element, the one of tensor): slow."""
    return _elementwise("map_", self, (tensor,), callable)


def map2_(self: Any, x: Any, y: Any, callable: Any) -> Any:
    """Replaces each element by callable(element, x's, y's): slow."""
    return _elementwise("map2_", self, (x, y), callable)


def methods() -> dict[str, Any]:
    """name -> what is put on the Tensor type."""
    named = (untyped_storage, storage, set_, is_set_to, new, apply_, map_, map2_)
    return {f.__name__: f for f in named}
