"""The values that stand in a Program's steps, in Python and as JSON.

Numbers, strings, None, booleans and lists are themselves; everything else is an object of one key
that names its kind: `{"ref": "x"}`, `{"dtype": "float32"}`, `{"slice": [0, null, 2]}`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

import rustorch

from .. import _C
from ..errors import RusTorchError

__all__ = ["DescriptionError", "Ref", "decode", "encode", "references", "replace"]


class DescriptionError(RusTorchError, ValueError):
    """A description of a module that cannot be built."""

    __module__ = "rustorch.interop"


@dataclass(frozen=True)
class Ref:
    """A value by name: an input or the result of a step (`x`), what the Program holds (`self.fc.weight`,
    `self.fc`), or `self.training`."""

    name: str

    def __repr__(self) -> str:
        return self.name


_FORMATS = ("channels_last", "channels_last_3d", "contiguous_format", "preserve_format")
_LAYOUTS = ("strided", "sparse_coo", "sparse_csr", "sparse_csc", "sparse_bsr", "sparse_bsc")


def is_dtype(value: Any) -> bool:
    """Whether the value is a dtype, or a scalar type of NumPy."""
    return isinstance(value, (np.dtype, type(rustorch.bfloat16))) or (
        isinstance(value, type) and issubclass(value, np.generic)
    )


def dtype_name(dtype: Any) -> str:
    """float32, bfloat16, ...: the name of a dtype that tensors have."""
    name = str(dtype) if not isinstance(dtype, type) else str(np.dtype(dtype))
    return str(_C.dtype(name))


def encode(value: Any) -> Any:
    """A value as JSON; TypeError for what has no form there."""
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, Ref):
        return {"ref": value.name}
    if isinstance(value, (int, np.integer)):
        return int(value)
    if isinstance(value, (float, np.floating)):
        return float(value) if math.isfinite(value) else {"float": str(float(value))}
    if isinstance(value, (complex, np.complexfloating)):
        return {"complex": [encode(float(value.real)), encode(float(value.imag))]}
    if isinstance(value, list):
        return [encode(v) for v in value]
    if isinstance(value, tuple):
        return {"tuple": [encode(v) for v in value]}
    if isinstance(value, dict):
        return {"dict": [[encode(k), encode(v)] for k, v in value.items()]}
    if isinstance(value, slice):
        return {"slice": [encode(value.start), encode(value.stop), encode(value.step)]}
    if value is ...:
        return {"ellipsis": True}
    if isinstance(value, rustorch.device):
        return {"device": str(value)}
    for kind, type_ in (("memory_format", rustorch.memory_format), ("layout", rustorch.layout)):
        if isinstance(value, type_):
            return {kind: str(value).rpartition(".")[2]}
    if is_dtype(value):
        return {"dtype": dtype_name(value)}
    raise TypeError(f"a step cannot hold a {type(value).__name__}: {value!r}")


def _listed(content: Any, length: int | None = None) -> list[Any]:
    if not isinstance(content, list) or length not in (None, len(content)):
        raise DescriptionError(f"expected a list{'' if length is None else f' of {length}'}, got {content!r:.80}")
    return [decode(v) for v in content]


def _dictionary(content: Any) -> dict[Any, Any]:
    pairs = [_listed(pair, 2) for pair in content] if isinstance(content, list) else None
    if pairs is None or not all(isinstance(key, (str, int, float, bool, type(None))) for key, _ in pairs):
        raise DescriptionError(f"expected a list of pairs, got {content!r:.80}")
    return dict(pairs)


def _named(names: tuple[str, ...]) -> Callable[[Any], Any]:
    def read(content: Any) -> Any:
        if content not in names:
            raise DescriptionError(f"expected one of {', '.join(names)}, got {content!r:.80}")
        return getattr(rustorch, content)

    return read


def _word(content: Any) -> str:
    if not isinstance(content, str):
        raise DescriptionError(f"expected a name, got {content!r:.80}")
    return content


def _number(content: Any) -> float:
    if content not in ("inf", "-inf", "nan"):
        raise DescriptionError(f"expected inf, -inf or nan, got {content!r:.80}")
    return float(content)


def _dtype(content: Any) -> Any:
    try:
        return _C.dtype(_word(content))
    except (TypeError, ValueError) as error:
        raise DescriptionError(f"expected the name of a dtype, got {content!r:.80}") from error


def _complex(content: Any) -> complex:
    parts = _listed(content, 2)
    if not all(isinstance(part, (int, float)) for part in parts):
        raise DescriptionError(f"expected two numbers, got {content!r:.80}")
    return complex(*parts)


_READERS: dict[str, Callable[[Any], Any]] = {
    "ref": lambda content: Ref(_word(content)),
    "float": _number,
    "complex": _complex,
    "tuple": lambda content: tuple(_listed(content)),
    "dict": _dictionary,
    "slice": lambda content: slice(*_listed(content, 3)),
    "ellipsis": lambda content: ...,
    "device": lambda content: rustorch.device(_word(content)),
    "dtype": _dtype,
    "memory_format": _named(_FORMATS),
    "layout": _named(_LAYOUTS),
}


def decode(content: Any) -> Any:
    """The value that encode wrote; DescriptionError for anything else."""
    if content is None or isinstance(content, (bool, int, float, str)):
        return content
    if isinstance(content, list):
        return _listed(content)
    if isinstance(content, dict) and len(content) == 1:
        [(kind, inner)] = content.items()
        if kind in _READERS:
            return _READERS[kind](inner)
    raise DescriptionError(f"expected a value, got {content!r:.80}")


def replace(value: Any, change: Callable[[Any], Any]) -> Any:
    """The value with change applied to all that lies in its tuples, lists, dictionaries and slices."""
    if isinstance(value, (tuple, list)):
        return type(value)([replace(v, change) for v in value])
    if isinstance(value, dict):
        return {k: replace(v, change) for k, v in value.items()}
    if isinstance(value, slice):
        return slice(replace(value.start, change), replace(value.stop, change), replace(value.step, change))
    return change(value)


def references(value: Any) -> Iterator[str]:
    """The names that a value refers to."""
    if isinstance(value, Ref):
        yield value.name
    elif isinstance(value, (tuple, list)):
        for v in value:
            yield from references(v)
    elif isinstance(value, dict):
        for v in value.values():
            yield from references(v)
    elif isinstance(value, slice):
        yield from references((value.start, value.stop, value.step))
