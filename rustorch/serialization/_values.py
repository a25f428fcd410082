"""JSON for Python values: None, numbers, texts, bytes, dtypes, devices, and dicts, lists, tuples and sets of them.

What JSON lacks is an object with the key "is".  Encoder and Decoder leave tensors and modules to whoever derives from
them (see _document.py); by themselves they serve descriptions of modules (rustorch/nn/_description.py).
"""

from __future__ import annotations

import math
from collections import Counter, OrderedDict
from collections.abc import Callable
from typing import Any

import numpy as np

from .. import _C
from .._device import device as _device

NUMBERS = frozenset(
    ("bool", "uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64", "float16", "bfloat16")
    + ("float32", "float64", "complex64", "complex128")
)  # dtypes by name
LONGEST_INTEGER = 4000  # digits; Python refuses to read longer ones by default
_SEQUENCES: dict[Any, str] = {list: "list", tuple: "tuple", _C.Size: "size", set: "set", frozenset: "frozenset"}
_MAPPINGS = (dict, OrderedDict, Counter)
_MAPPINGS_NAMED: dict[str, type] = {kind.__name__: kind for kind in _MAPPINGS}


class Encoder:
    """Python values as JSON; TypeError names the place of one that has none."""

    def other(self, o: Any, path: str) -> Any:
        """JSON of what the table below does not have; None when there is none."""
        return None

    def encode(self, o: Any, path: str = "") -> Any:
        kind = type(o)
        if o is None or kind in (bool, str):
            return o
        if kind is int:
            if abs(o).bit_length() > 3 * LONGEST_INTEGER:
                raise ValueError(f"save: the integer {f'at {path} ' if path else ''}has more than 3600 digits")
            return o
        if kind is float:
            return o if math.isfinite(o) else {"is": "float", "value": repr(o)}
        if isinstance(o, np.generic) and str(o.dtype) in NUMBERS:
            return {"is": "scalar", "dtype": str(o.dtype), "value": self.encode(o.item(), path)}
        if kind is complex:
            return {"is": "complex", "value": [self.encode(o.real), self.encode(o.imag)]}
        if kind is bytes:
            return {"is": "bytes", "value": o.hex()}
        if isinstance(o, np.dtype) and str(o) in NUMBERS:
            return {"is": "dtype", "value": str(o)}
        if isinstance(o, _device):
            return {"is": "device", "value": str(o)}
        if kind is slice:
            return {"is": "slice", "items": [self.encode(part, path) for part in (o.start, o.stop, o.step)]}
        if o is Ellipsis:
            return {"is": "ellipsis"}
        items = self._items(o, path)
        if items is None:
            items = self.other(o, path)
        if items is None:
            raise TypeError(
                f"save: {kind.__module__}.{kind.__qualname__} {f'at {path} ' if path else ''}is no tensor, module,"
                " number, text, dict or list; of an optimiser save the state_dict()"
            )
        return items

    def _items(self, o: Any, path: str) -> Any:
        def below(key: Any, value: Any) -> Any:
            return self.encode(value, f"{path}.{key}" if path else str(key))

        name = _SEQUENCES.get(type(o))
        if name is not None:
            return {"is": name, "items": [below(i, value) for i, value in enumerate(o)]}
        if type(o) in _MAPPINGS:
            pairs = [[self.encode(key, path), below(key, value)] for key, value in o.items()]
            made = {"is": type(o).__name__, "items": pairs}
            if getattr(o, "_metadata", None) is not None:
                made["metadata"] = self.encode(o._metadata, path)
            return made
        return None


class Decoder:
    """Python values of JSON that Encoder wrote; ValueError, KeyError or TypeError when it cannot be."""

    def other(self, kind: str, o: Any) -> Any:
        """The value of an object whose "is" the table below does not have."""
        raise ValueError(f"it has an unknown part {kind[:50]!r}")

    def decode(self, o: Any) -> Any:
        if not isinstance(o, (dict, list)):
            return o
        kind = o.get("is") if isinstance(o, dict) else None
        if not isinstance(kind, str):
            raise ValueError("it has a list or object that does not say what it is")
        make = _MAKERS.get(kind)
        return self.other(kind, o) if make is None else make(self, o)


def _mapping(d: Decoder, o: Any) -> Any:
    made: Any = _MAPPINGS_NAMED[o["is"]]()
    for key, value in o["items"]:
        made[d.decode(key)] = d.decode(value)
    if "metadata" in o and o["is"] == "OrderedDict":
        made._metadata = d.decode(o["metadata"])
        if not isinstance(made._metadata, dict):
            raise ValueError("the metadata of a state_dict are no dict")
    return made


def _sequence(make: Callable[[Any], Any]) -> Callable[[Decoder, Any], Any]:
    return lambda d, o: make([d.decode(item) for item in o["items"]])


def _slice(d: Decoder, o: Any) -> slice:
    start, stop, step = (d.decode(part) for part in o["items"])
    return slice(start, stop, step)


def _scalar(d: Decoder, o: Any) -> Any:
    if o["dtype"] not in NUMBERS:
        raise ValueError(f"a number has the dtype {str(o['dtype'])[:50]!r}")
    return _C.dtype(o["dtype"]).type(d.decode(o["value"]))


def _dtype(d: Decoder, o: Any) -> Any:
    if o["value"] not in NUMBERS:
        raise ValueError(f"{str(o['value'])[:50]!r} is no dtype of tensors")
    return _C.dtype(o["value"])


_MAKERS: dict[str, Callable[[Decoder, Any], Any]] = {
    **dict.fromkeys(_MAPPINGS_NAMED, _mapping),
    "list": _sequence(list), "tuple": _sequence(tuple), "size": _sequence(_C.Size),
    "set": _sequence(set), "frozenset": _sequence(frozenset),
    "float": lambda d, o: float(o["value"]),
    "complex": lambda d, o: complex(*(d.decode(part) for part in o["value"])),
    "bytes": lambda d, o: bytes.fromhex(o["value"]),
    "scalar": _scalar,
    "dtype": _dtype,
    "device": lambda d, o: _device(o["value"]),
    "slice": _slice,
    "ellipsis": lambda d, o: ...,
    "json": lambda d, o: o["value"],  # as it stands
}  # fmt: skip
