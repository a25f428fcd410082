"""Methods of arrays: numpy.ndarray's, as far as C (array_methods.c, array_folds.c) hands calls on.

Each hands its arguments to NumPy's function of the same name; a keyword of PyTorch's (`dim`, `keepdim`,
`dims`) goes to the Tensor's method.
"""

from __future__ import annotations

import operator
from typing import Any

from .. import _C
from ._registry import TABLE, NotHere, deliver, np, tensor, through_numpy

_ops: dict[str, Any] = _C.ops
_tensor_type: Any = _C.Tensor
_class = type
_TORCH_WORDS = frozenset({"dim", "keepdim", "dims", "dim0", "dim1", "descending", "unbiased", "correction"})


def _call(func: Any, args: Any, kwargs: Any) -> Any:
    """NumPy's function: ours, or NumPy's own code."""
    entry = TABLE.get(func)
    if entry is not None and entry.takes(args, kwargs):
        try:
            return entry.function(*args, **kwargs)
        except NotHere:
            pass
    return through_numpy(func, args, kwargs)


def _method(name: str) -> Any:
    """The function of this name as a method, PyTorch's when called with PyTorch's keywords."""
    func = getattr(np, name)
    own = getattr(_tensor_type, name, None)

    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        if own is not None and kwargs and not _TORCH_WORDS.isdisjoint(kwargs):
            return own(self, *args, **kwargs)
        return _call(func, (self, *args), kwargs)

    method.__name__ = name
    return method


_FUNCTIONS = (
    "all any argmax argmin argsort argpartition choose clip cumprod cumsum dot max mean min nonzero "
    "prod put round searchsorted std sum trace var"
)

for _name in _FUNCTIONS.split():
    _C._add_array_method(_name, _method(_name))


def _enter(function: Any) -> Any:
    _C._add_array_method(function.__name__, function)
    return function


# ---- form ----


def _order_of(order: Any) -> str:
    """One of C, F, A, K, as NumPy reads it."""
    if order is None:
        return "C"
    if not isinstance(order, str):
        raise TypeError(f"order must be str, not {type(order).__name__}")
    if order.upper() not in ("C", "F", "A", "K"):
        raise ValueError(f"order must be one of 'C', 'F', 'A', or 'K' (got '{order}')")
    return order.upper()


@_enter
def reshape(self: Any, *shape: Any, order: Any = "C", copy: Any = None) -> Any:
    """a.reshape(shape, order='C', copy=None), the shape also as several arguments."""
    if not shape:
        raise TypeError("reshape() missing 1 required positional argument: 'shape'")
    wanted = shape[0] if len(shape) == 1 else shape
    if wanted is None:
        raise TypeError("reshape: None is no shape")
    words = {} if copy is None else {"copy": copy}
    return _call(np.reshape, (self, wanted), {"order": order, **words})


@_enter
def transpose(self: Any, *axes: Any, **words: Any) -> Any:
    """a.transpose(axes), also as several arguments; without any all axes reversed."""
    if words:
        return _tensor_type.transpose(self, *axes, **words)
    given = axes[0] if len(axes) == 1 else axes
    order = tuple(range(self.ndim))[::-1] if given is None or not axes else given
    order = (order,) if isinstance(order, int) else tuple(operator.index(a) for a in order)
    if len(order) != self.ndim:
        raise ValueError("axes don't match array")
    order = tuple(np.lib.array_utils.normalize_axis_index(a, self.ndim) for a in order)
    if len(set(order)) != len(order):
        raise ValueError("repeated axis in transpose")
    return _ops["permute"](self, order)


@_enter
def swapaxes(self: Any, axis1: Any, axis2: Any) -> Any:
    """A view with two axes exchanged."""
    wrap = np.lib.array_utils.normalize_axis_index
    return _ops["transpose"](self, wrap(axis1, self.ndim, "axis1"), wrap(axis2, self.ndim, "axis2"))


@_enter
def ravel(self: Any, order: Any = "C") -> Any:
    """One axis, of the elements in this order; a view where one can be made."""
    return _call(np.ravel, (self, _order_of(order)), {})


@_enter
def flatten(self: Any, order: Any = "C", **words: Any) -> Any:
    """A copy in one axis, of the elements in this order."""
    if words or isinstance(order, int):
        return _tensor_type.flatten(self, **({"start_dim": order} if isinstance(order, int) else {}), **words)
    flat = _call(np.ravel, (self, _order_of(order)), {})
    return _ops["contiguous"](flat)


@_enter
def squeeze(self: Any, axis: Any = None, **words: Any) -> Any:
    """A view without axes of length 1, or without those of `axis`, which must be so."""
    if words:
        return _tensor_type.squeeze(self, **words)
    if self.ndim == 0 and axis in (0, -1):
        axis = None
    return _call(np.squeeze, (self, axis), {})


@_enter
def diagonal(self: Any, offset: Any = 0, axis1: Any = 0, axis2: Any = 1, **words: Any) -> Any:
    """A read-only view of the diagonal of two axes."""
    if words:
        return _tensor_type.diagonal(self, offset, **words)
    view = _C._as_arrays(_call(np.diagonal, (self, offset, axis1, axis2), {}))
    view._set_writeable(False)
    return view


# ---- copies and other dtypes ----


def _in_order(x: Any, order: str) -> Any:
    """A copy whose memory has this order."""
    from ._attributes import is_fortran

    if order == "A":
        order = "F" if is_fortran(x) and not x.is_contiguous() else "C"
    if order == "F":
        back = tuple(range(x.ndim))[::-1]
        return _ops["permute"](_ops["contiguous"](_ops["permute"](x, back)), back)
    return _ops["clone" if order == "K" else "contiguous"](x)


@_enter
def copy(self: Any, order: Any = "C") -> Any:
    """A copy in memory of its own."""
    return _in_order(self, _order_of(order))


@_enter
def astype(
    self: Any, dtype: Any, order: Any = "K", casting: str = "unsafe", subok: bool = True, copy: bool = True
) -> Any:
    """Converted to dtype, a copy unless copy=False and nothing is to be done."""
    wanted, order = np.dtype(dtype), _order_of(order)
    if not np.can_cast(self.dtype, wanted, casting):
        raise TypeError(
            f"Cannot cast array data from {self.dtype!r} to {wanted!r} according to the rule {casting!r}"
        )
    try:
        _C.dtype(wanted)
    except TypeError:
        return self.detach().numpy().astype(wanted, order=order, copy=copy)
    from ._attributes import is_fortran

    fits = order in "KA" or (order == "C" and self.is_contiguous()) or (order == "F" and is_fortran(self))
    if not copy and fits and wanted == self.dtype:
        return self
    x = self
    if self.dtype.kind == "c" and wanted.kind not in "cb":
        import warnings

        warnings.warn(
            "Casting complex values to real discards the imaginary part",
            np.exceptions.ComplexWarning,
            stacklevel=2,
        )
        x = _ops["real"](x)
    x = _ops["cast"](x, wanted) if wanted != x.dtype else x
    return x if x is not self and order == "K" else _in_order(x, order)


@_enter
def view(self: Any, *args: Any, dtype: Any = None, type: Any = None) -> Any:
    """Another array on the same memory, its bytes as elements of dtype."""
    if len(args) > 2:
        raise TypeError(f"view() takes at most 2 arguments ({len(args)} given)")
    for value in args:
        if isinstance(value, _class) and issubclass(value, (np.ndarray, _tensor_type)):
            type = value
        elif isinstance(value, (int, tuple)) and not isinstance(value, bool):
            return _tensor_type.view(self, *args)
        else:
            dtype = value
    if type is not None and not issubclass(type, _tensor_type):
        return self.numpy().view(*(() if dtype is None else (dtype,)), type)
    if dtype is None or np.dtype(dtype) == self.dtype:
        return _ops["permute"](self, tuple(range(self.ndim)))
    wanted = np.dtype(dtype)
    if self.requires_grad and _C.is_grad_enabled():
        raise TypeError("view: bytes seen as another dtype have no derivative; detach() the array")
    try:
        _C.dtype(wanted)
    except TypeError:
        return self.numpy().view(wanted)
    if wanted.itemsize != self.itemsize and self.size == 0 and self.ndim:
        return tensor(self.numpy().view(wanted))
    if wanted.itemsize != self.itemsize:
        if self.ndim == 0:
            raise ValueError("Changing the dtype of a 0d array is only supported if the itemsize is unchanged")
        if self.shape[-1] != 1 and self.strides[-1] != self.itemsize and self.size:
            raise ValueError("To change to a dtype of a different size, the last axis must be contiguous")
        if (self.shape[-1] * self.itemsize) % wanted.itemsize:
            raise ValueError(
                "When changing to a larger dtype, its size must be a divisor of the total size in bytes of"
                " the last axis of the array."
            )
    try:
        seen = _tensor_type.view(self, wanted)
    except RuntimeError as error:
        raise ValueError(str(error)) from None
    return seen




@_enter
def byteswap(self: Any, inplace: bool = False) -> Any:
    """The bytes of every element in the other order."""
    swapped = tensor(self.detach().numpy().byteswap())
    if not inplace:
        return swapped
    self[...] = swapped
    return self


@_enter
def getfield(self: Any, dtype: Any, offset: int = 0) -> Any:
    """A view of a part of each element's bytes."""
    return tensor(self.numpy().getfield(dtype, offset))


@_enter
def setfield(self: Any, val: Any, dtype: Any, offset: int = 0) -> None:
    """Writes a part of each element's bytes."""
    if self.requires_grad:
        raise RuntimeError("setfield: bytes of an array that requires grad cannot be written; detach() it")
    self.numpy().setfield(np.asarray(val), dtype, offset)
    self._touch()


@_enter
def tobytes(self: Any, order: Any = "C") -> bytes:
    """The elements' bytes in this order."""
    return bytes(self.detach().numpy().tobytes(_order_of(order)))


@_enter
def tofile(self: Any, fid: Any, sep: str = "", format: str = "%s") -> None:
    """Writes the elements into a file, as bytes or as text."""
    self.detach().numpy().tofile(fid, sep, format)


@_enter
def dumps(self: Any) -> bytes:
    """Pickled."""
    import pickle

    return pickle.dumps(self)


@_enter
def dump(self: Any, file: Any) -> None:
    """Pickled into a file, open or by its name."""
    import pickle

    if hasattr(file, "write"):
        pickle.dump(self, file)
        return
    with open(file, "wb") as stream:
        pickle.dump(self, stream)


# ---- in place ----


@_enter
def sort(self: Any, axis: Any = -1, kind: Any = None, order: Any = None, *, stable: Any = None, **words: Any) -> Any:
    """Sorts in place."""
    if words:
        return _tensor_type.sort(self, **words)
    if self.ndim == 0:
        np.lib.array_utils.normalize_axis_index(operator.index(axis), self.ndim)
    self[...] = _call(np.sort, (self, operator.index(axis)), {"kind": kind, "order": order, "stable": stable})
    return None


@_enter
def partition(self: Any, kth: Any, axis: Any = -1, kind: Any = "introselect", order: Any = None) -> None:
    """Puts the kth element of an axis where it would stand in order, smaller ones before it; in place."""
    self[...] = _call(np.partition, (self, kth, axis), {"kind": kind, "order": order})


@_enter
def fill(self: Any, value: Any) -> None:
    """Sets every element."""
    self[...] = value


@_enter
def resize(self: Any, *new_shape: Any, refcheck: bool = True) -> None:
    """Another shape and size in place, new elements 0; ValueError where other arrays share the memory."""
    shape = new_shape[0] if len(new_shape) == 1 else new_shape
    if shape is None or shape == ():
        return
    shape = tuple(operator.index(n) for n in (shape if hasattr(shape, "__len__") else (shape,)))
    if any(n < 0 for n in shape):
        raise ValueError("negative dimensions not allowed")
    size = int(np.prod(shape, dtype=object))
    if size == self.size:
        self.shape = shape
        return
    if self.requires_grad:
        raise RuntimeError("resize: an array that requires grad cannot be resized; use .detach()")
    if self.base is not None or not self._alone():
        raise ValueError("cannot resize this array: it does not own its data, or another array shares it")
    if size * self.itemsize > np.iinfo(np.intp).max:
        raise ValueError("resize: the new shape is too large")
    grown = _C.zeros(shape, dtype=self.dtype)
    kept = min(size, self.size)
    _ops["reshape"](grown, (-1,))[:kept] = _ops["reshape"](_C._as_tensor(self), (-1,))[:kept]
    _tensor_type.data.__set__(self, grown)


@_enter
def setflags(self: Any, write: Any = None, align: Any = None, uic: Any = None) -> None:
    """Sets whether the array may be written."""
    if align is not None and not align:
        raise ValueError("cannot set ALIGNED flag to False: arrays are always aligned")
    if uic:
        raise ValueError("cannot set WRITEBACKIFCOPY flag to True")
    if write is not None:
        self._set_writeable(bool(write))


# ---- selection ----


@_enter
def compress(self: Any, condition: Any, axis: Any = None, out: Any = None) -> Any:
    """The slices of an axis where the condition is true."""
    return _call(np.compress, (condition, _with_axis(self)), {"axis": axis, "out": out})


def _with_axis(a: Any) -> Any:
    """A value without axes as an array with one: what NumPy lets index it by axis 0."""
    return _ops["reshape"](a, (1,)) if a.ndim == 0 else a


@_enter
def take(self: Any, indices: Any, axis: Any = None, out: Any = None, mode: Any = "raise") -> Any:
    """Elements, or slices of an axis, by their indices."""
    return _call(np.take, (_with_axis(self), indices), {"axis": axis, "out": out, "mode": mode})


@_enter
def repeat(self: Any, repeats: Any, axis: Any = None, **words: Any) -> Any:
    """Each element, or slice of an axis, repeated."""
    if words:
        return _tensor_type.repeat_interleave(self, repeats, **words)
    return _call(np.repeat, (_with_axis(self), repeats, axis), {})


@_enter
def conj(self: Any) -> Any:
    """The complex conjugate; of real arrays themselves."""
    return np.conjugate(self) if self.dtype.kind == "c" else self


@_enter
def conjugate(self: Any, out: Any = None) -> Any:
    """The complex conjugate; of real arrays themselves."""
    if out is not None:
        return deliver(np.conjugate(self), out)
    return np.conjugate(self) if self.dtype.kind == "c" else self


@_enter
def item(self: Any, *args: Any) -> Any:
    """The one element, or that of a flat index or of several, as a Python number."""
    if not args and self.size != 1:
        raise ValueError("can only convert an array of size 1 to a Python scalar")
    args = tuple(args[0]) if len(args) == 1 and isinstance(args[0], tuple) else args
    args = tuple(map(operator.index, args))
    if len(args) not in (0, 1, self.ndim):
        raise ValueError("incorrect number of indices for array")
    return _tensor_type.item(self, *args)


# ---- protocols ----


@_enter
def __array_namespace__(self: Any, *, api_version: str | None = None) -> Any:
    """rustorch.numpy, the namespace of the array API."""
    import rustorch.numpy as namespace

    if api_version not in (None, "2021.12", "2022.12", "2023.12", "2024.12", "2025.12"):
        raise ValueError(f"version {api_version!r} of the array API standard is not supported")
    return namespace


@_enter
def to_device(self: Any, device: Any, /, *, stream: Any = None) -> Any:
    """Itself: arrays are in main memory."""
    if str(device) != "cpu":
        raise ValueError(f"Unsupported device: {device!r}; arrays are on 'cpu'")
    if stream is not None:
        raise ValueError("stream must be None on 'cpu'")
    return self


@_enter
def __array_wrap__(self: Any, array: Any, context: Any = None, return_scalar: bool = False) -> Any:
    """The array as ours."""
    return tensor(array)


@_enter
def __complex__(self: Any) -> complex:
    if self.ndim:
        raise TypeError("only 0-dimensional arrays can be converted to Python scalars")
    return complex(self.item())


@_enter
def __setstate__(self: Any, state: Any) -> None:
    """From NumPy's state: (version, shape, dtype, is_fortran, bytes)."""
    made = np.empty(0)
    made.__setstate__(state)
    _tensor_type.data.__set__(self, _C.from_numpy(made.copy(order="K")))


def __class_getitem__(cls: Any, item: Any) -> Any:
    """ndarray[shape, dtype], for type hints."""
    import types

    return types.GenericAlias(cls, item)


_C._add_array_method("__class_getitem__", classmethod(__class_getitem__))

# ---- values without axes, as NumPy's scalars ----


@_enter
def __round__(self: Any, ndigits: Any = None) -> Any:
    """round(x): a Python int without digits, a value with them."""
    if self.ndim:
        raise TypeError(f"type {type(self).__name__} doesn't define __round__ method")
    if ndigits is None:
        return round(self.item())
    return _call(np.round, (self, ndigits), {})


def _of_value(name: str) -> Any:
    """The method of Python's number of that value."""

    def method(self: Any, *args: Any) -> Any:
        if self.ndim:
            raise AttributeError(f"an array with axes has no {name}()")
        return getattr(self.item(), name)(*args)

    method.__name__ = name
    method.__doc__ = f"{name}() of the value as a Python number."
    return method


for _name in ("__trunc__", "__floor__", "__ceil__", "is_integer", "as_integer_ratio", "bit_count", "hex"):
    _C._add_array_method(_name, _of_value(_name))


def _ratio_part(name: str, k: int) -> Any:
    def part(self: Any) -> Any:
        if self.ndim or self.dtype.kind not in "iu":
            raise AttributeError(f"'{type(self).__name__}' object has no attribute '{name}'")
        return self if k == 0 else _C.ones_like(self)

    return property(part, doc=f"The {name} of an integer value.")


_C._add_array_method("numerator", _ratio_part("numerator", 0))
_C._add_array_method("denominator", _ratio_part("denominator", 1))

# ---- on plain Tensors ----


def on_tensor(name: str, self: Any, args: Any, kwargs: Any) -> Any:
    """The array's method called on a Tensor, with Tensors coming out: for names and keywords that are NumPy's alone."""
    return _tensors(getattr(_C._as_arrays(self), name)(*args, **kwargs))


def _tensors(result: Any) -> Any:
    if isinstance(result, tuple):
        return tuple(map(_tensors, result))
    return _C._as_tensor(result) if isinstance(result, _tensor_type) else result


def again(name: str, words: tuple[str, ...], *args: Any) -> Any:
    """A method that refused NumPy's keywords: `args` are its arguments, those of the keywords last."""
    own = len(args) - len(words)
    mine = getattr(_C.ndarray, name, None)
    if not callable(mine) or mine is getattr(_C.Tensor, name, None) or not _TORCH_WORDS.isdisjoint(words):
        raise TypeError(f"{name}: unexpected keyword arguments {', '.join(words)}")
    return on_tensor(name, args[0], args[1:own], dict(zip(words, args[own:], strict=True)))
