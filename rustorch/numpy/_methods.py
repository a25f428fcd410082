"""Methods of arrays: numpy.ndarray's, where a Tensor's own method of that name means another thing.

Each hands its arguments to NumPy's function of the same name; a keyword of PyTorch's (`dim`, `keepdim`,
`dims`) goes to the Tensor's method.
"""

from __future__ import annotations

from typing import Any

from .. import _C
from ._registry import TABLE, np, through_numpy

_TORCH_WORDS = frozenset({"dim", "keepdim", "dims", "dim0", "dim1", "descending", "unbiased", "correction"})


def _method(name: str) -> Any:
    """The function of this name as a method, PyTorch's when called with PyTorch's keywords."""
    func = getattr(np, name)
    own = getattr(_C.Tensor, name, None)

    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        if own is not None and kwargs and not _TORCH_WORDS.isdisjoint(kwargs):
            return own(self, *args, **kwargs)
        entry = TABLE.get(func)
        if entry is not None and entry.takes((self, *args), kwargs):
            return entry.function(self, *args, **kwargs)
        return through_numpy(func, (self, *args), kwargs)

    method.__name__ = name
    return _C._array_function(method, None, None, func)


_NAMES = (
    "all any argmax argmin argsort argpartition choose clip compress cumprod cumsum diagonal dot max mean min "
    "nonzero prod ptp ravel repeat round searchsorted squeeze std sum swapaxes take trace var"
)

for _name in _NAMES.split():
    _C._add_array_method(_name, _method(_name))


def reshape(self: Any, *shape: Any, **kwargs: Any) -> Any:
    """a.reshape(shape, order='C', copy=None), the shape also as several arguments."""
    return np.reshape(self, shape[0] if len(shape) == 1 else shape, **kwargs)


def transpose(self: Any, *axes: Any) -> Any:
    """a.transpose(axes), also as several arguments; without any all dimensions reversed."""
    return np.transpose(self, (axes[0] if len(axes) == 1 else axes) or None)


def sort(self: Any, axis: Any = -1, kind: Any = None, order: Any = None, *, stable: Any = None) -> None:
    """Sorts in place."""
    self[...] = np.sort(self, axis, kind=kind, order=order, stable=stable)


for _function in (reshape, transpose, sort):
    _C._add_array_method(_function.__name__, _function)
