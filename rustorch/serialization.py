"""save and load: nested dicts, lists and numbers with tensors in them, as one safetensors file.

The file is a safetensors container (a length, a JSON header with dtype, shape and place of each tensor, the bytes);
what held the tensors stands as JSON in the header's metadata.  Nothing is pickled: reading a file never runs code
of it, and memory is taken only for bytes that the file has.

>>> import io, rustorch as rt
>>> net = rt.nn.Linear(2, 1)
>>> file = io.BytesIO()
>>> rt.save({"epoch": 3, "net": net.state_dict()}, file)
>>> _ = file.seek(0)
>>> checkpoint = rt.load(file)
>>> checkpoint["epoch"], bool((checkpoint["net"]["weight"] == net.weight).all())
(3, True)

The container is that of https://github.com/huggingface/safetensors (format, version 0.4).
"""

from __future__ import annotations

import json
import math
import os
import secrets
from collections import OrderedDict
from collections.abc import Callable
from itertools import pairwise
from typing import Any, BinaryIO

import numpy as np

from . import _C
from ._device import check_cpu, device as _device

Tensor = _C.Tensor

__all__ = ["load", "save"]

STRUCTURE = "rustorch"  # the key of the metadata that holds the structure
LONGEST_HEADER = 100_000_000  # bytes, the limit of the safetensors format
ALIGNMENT = 64
PIECE = 1 << 24  # bytes read at once
_NAMES = {
    "bool": "BOOL", "uint8": "U8", "int8": "I8", "uint16": "U16", "int16": "I16", "uint32": "U32", "int32": "I32",
    "uint64": "U64", "int64": "I64", "float16": "F16", "bfloat16": "BF16", "float32": "F32", "float64": "F64",
}  # fmt: skip
_DTYPES = {short: name for name, short in _NAMES.items()}
_PARTS = {"complex64": "F32", "complex128": "F64"}  # complex numbers are stored as pairs


def _refuse(why: str) -> RuntimeError:
    return RuntimeError(f"load: {why}")


# ---- writing ----


class _Writer:
    """The structure of an object as JSON, and the tensors in it, each memory once."""

    def __init__(self) -> None:
        self.tensors: list[tuple[str, Any]] = []
        self.known: dict[Any, str] = {}
        self.names: set[str] = set()

    def tensor(self, t: Any, path: str) -> str:
        plain = t.detach()
        key = (plain.data_ptr(), tuple(plain.shape), tuple(plain.strides), str(plain.dtype)) if plain.numel() else path
        if key in self.known:
            return self.known[key]
        name, count = path or "tensor", 1
        while name in self.names or name == "__metadata__":
            name, count = f"{path or 'tensor'}#{count}", count + 1
        self.names.add(name)
        self.known[key] = name
        self.tensors.append((name, plain))
        return name

    def encode(self, o: Any, path: str = "") -> Any:
        """JSON for o; what JSON lacks is a dict with the key "is"."""
        kind = type(o)
        if o is None or kind in (bool, int, str):
            return o
        if kind is float:
            return o if math.isfinite(o) else {"is": "float", "value": repr(o)}
        if isinstance(o, Tensor):
            from .nn import Buffer, Parameter

            role = "parameter" if isinstance(o, Parameter) else "buffer" if isinstance(o, Buffer) else "tensor"
            return {"is": role, "name": self.tensor(o, path), "dtype": str(o.dtype), "requires_grad": o.requires_grad}
        if kind is np.ndarray:
            return {"is": "array", "name": self.tensor(_C.as_tensor(o), path), "dtype": str(o.dtype)}
        if isinstance(o, np.generic):
            return {"is": "scalar", "dtype": str(o.dtype), "value": self.encode(o.item(), path)}
        if kind is complex:
            return {"is": "complex", "value": [self.encode(o.real), self.encode(o.imag)]}
        if kind is bytes:
            return {"is": "bytes", "value": o.hex()}
        if isinstance(o, np.dtype):
            return {"is": "dtype", "value": str(o)}
        if isinstance(o, _device):
            return {"is": "device", "value": str(o)}
        items = self.items(o, path)
        if items is None:
            raise TypeError(
                f"save: {kind.__module__}.{kind.__qualname__} {f'at {path} ' if path else ''}is no tensor, number,"
                " text, dict or list; of a module or optimiser save the state_dict()"
            )
        return items

    def items(self, o: Any, path: str) -> Any:
        def below(key: Any, value: Any) -> Any:
            return self.encode(value, f"{path}.{key}" if path else str(key))

        for kind, name in ((list, "list"), (tuple, "tuple"), (_C.Size, "size"), (set, "set"), (frozenset, "frozenset")):
            if type(o) is kind:
                return {"is": name, "items": [below(i, value) for i, value in enumerate(o)]}
        if type(o) in (dict, OrderedDict):
            pairs = [[self.encode(key, path), below(key, value)] for key, value in o.items()]
            made = {"is": "dict" if type(o) is dict else "OrderedDict", "items": pairs}
            if getattr(o, "_metadata", None) is not None:
                made["metadata"] = self.encode(o._metadata, path)
            return made
        return None


def _bytes_of(t: Any) -> tuple[str, list[int], memoryview]:
    """Name of the dtype in the file, shape and bytes of a tensor."""
    name, shape = str(t.dtype), list(t.shape)
    if name in _PARTS:
        shape.append(2)
    flat = t.contiguous().reshape(-1)
    raw = memoryview(flat.view("uint8").numpy() if flat.numel() else b"")
    return _PARTS.get(name) or _NAMES[name], shape, raw


def _write(o: Any, f: BinaryIO) -> None:
    writer = _Writer()
    structure = writer.encode(o)
    header: dict[str, Any] = {"__metadata__": {STRUCTURE: json.dumps(structure, allow_nan=False)}}
    at, blocks = 0, []
    for name, t in sorted(writer.tensors, key=lambda item: -item[1].itemsize):  # aligned without gaps
        dtype, shape, raw = _bytes_of(t)
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [at, at + len(raw)]}
        at += len(raw)
        blocks.append(raw)
    text = json.dumps(header, allow_nan=False).encode()
    text += b" " * (-(len(text) + 8) % ALIGNMENT)
    if len(text) > LONGEST_HEADER:
        raise RuntimeError(
            f"save: the description of {len(blocks)} tensors takes {len(text)} bytes, the format allows 10**8"
        )
    f.write(len(text).to_bytes(8, "little") + text)
    for raw in blocks:
        f.write(raw)


def save(
    obj: Any, f: Any, pickle_module: Any = None, pickle_protocol: Any = None,
    _use_new_zipfile_serialization: bool = True,
) -> None:  # fmt: skip
    """Writes an object to a file: tensors, parameters, ndarrays, numbers, texts, in dicts, lists and tuples.

    Args:
        obj: what to save; of modules and optimisers their state_dict().  TypeError names what cannot be saved.
        f: a path, which is replaced only when all is written, or a file open for writing bytes.
        pickle_module, pickle_protocol: PyTorch's; nothing is pickled here.

    Tensors that are one memory stay one.  Safetensors' own readers see the tensors by their paths ("net.weight").
    """
    if hasattr(f, "write"):
        _write(obj, f)
        return
    path = os.fspath(f)
    folder = os.path.dirname(os.path.abspath(path))
    temporary = os.path.join(folder, f".save-{secrets.token_hex(8)}")
    made = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0), 0o666)
    try:
        with os.fdopen(made, "wb") as file:
            _write(obj, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


# ---- reading ----


def _extent(shape: list[int]) -> int:
    return math.prod(max(n, 1) for n in shape)


class _Reader:
    """The tensors of a file, read when they are asked for, each once."""

    def __init__(self, f: BinaryIO) -> None:
        self.f = f
        self.loaded: dict[str, Any] = {}
        start = f.tell()
        size = f.seek(0, os.SEEK_END) - start
        f.seek(start)
        first = f.read(8)
        if not isinstance(first, bytes):
            raise TypeError("load: the file must be open for reading bytes, not text")
        if first[:2] == b"PK" or first[:1] == b"\x80":
            raise NotImplementedError(
                "load: files of torch.save are not read yet; only those of rustorch.save and safetensors"
            )
        length = int.from_bytes(first, "little")
        if len(first) < 8 or not 2 <= length <= min(size - 8, LONGEST_HEADER):
            raise _refuse("this is no safetensors file, or it is cut off: the length of its header does not fit")
        try:
            header = json.loads(f.read(length))
        except (ValueError, RecursionError) as error:
            raise _refuse("the header is no JSON") from error
        self.start, self.room = start + 8 + length, size - 8 - length
        if not isinstance(header, dict):
            raise _refuse("the header is no JSON object")
        metadata = header.pop("__metadata__", {})
        self.structure = metadata.get(STRUCTURE) if isinstance(metadata, dict) else None
        self.entries = {name: self.checked(name, entry) for name, entry in header.items()}
        places = sorted(entry["data_offsets"] for entry in header.values())
        if any(begin < end for (_, end), (begin, _) in pairwise(places)):
            raise _refuse("tensors overlap")

    def checked(self, name: str, entry: Any) -> tuple[str, tuple[int, ...], int]:
        """dtype, shape and start of an entry whose every number fits the file."""

        def whole(values: Any) -> bool:
            return isinstance(values, list) and all(type(n) is int and 0 <= n < 2**63 for n in values)

        if not isinstance(entry, dict) or str(entry.get("dtype")) not in _DTYPES:
            raise _refuse(f"tensor {name!r} has an unknown dtype")
        shape: Any = entry.get("shape")
        place: Any = entry.get("data_offsets")
        if not whole(shape) or not whole(place) or len(place) != 2 or len(shape) > 32 or _extent(shape) > 2**58:
            raise _refuse(f"tensor {name!r} has a malformed shape or place")
        dtype = _DTYPES[entry["dtype"]]
        length = math.prod(shape) * _C.dtype(dtype).itemsize
        if place[1] - place[0] != length or place[1] > self.room:
            raise _refuse(
                f"tensor {name!r} has {length} bytes by its shape; bytes {place[0]} to {place[1]} of the"
                f" file's {self.room} are said to be it"
            )
        return dtype, tuple(shape), place[0]

    def tensor(self, name: Any) -> Any:
        if name not in self.entries:
            raise _refuse(f"there is no tensor {name!r}")
        if name not in self.loaded:
            dtype, shape, place = self.entries[name]
            t = _C.empty(shape, dtype=dtype)
            if t.numel():
                self.f.seek(self.start + place)
                room: Any = t.reshape(-1).view("uint8").numpy()
                raw = memoryview(room)
                at = 0
                while at < len(raw):
                    piece = self.f.read(min(len(raw) - at, PIECE))
                    if not piece:
                        raise _refuse(f"the file ends within tensor {name!r}")
                    raw[at : at + len(piece)] = piece
                    at += len(piece)
                if dtype == "bool" and bool((t.view("uint8") > 1).any()):
                    raise _refuse(f"tensor {name!r} has bools other than 0 and 1")
            self.loaded[name] = t
        return self.loaded[name].detach()

    def decode(self, o: Any) -> Any:
        if not isinstance(o, (dict, list)):
            return o
        kind = o.get("is") if isinstance(o, dict) else None
        make = _MAKERS.get(kind) if isinstance(kind, str) else None
        if make is None:
            raise _refuse(f"the structure has an unknown part {str(kind)[:50]!r}")
        return make(self, o)

    def whole(self) -> Any:
        if self.structure is None:  # another program's file
            return {name: self.tensor(name) for name in self.entries}
        try:
            return self.decode(json.loads(self.structure))
        except (KeyError, TypeError, ValueError, AttributeError, IndexError, RecursionError) as error:
            raise _refuse(f"the structure is malformed ({type(error).__name__}: {str(error)[:100]})") from error


def _tensor(r: _Reader, o: Any) -> Any:
    t = r.tensor(o["name"])
    if o["dtype"] in _PARTS:
        t = _C.ops["view_as_complex"](t)
    if str(t.dtype) != o["dtype"]:
        raise _refuse(f"tensor {o['name']!r} is {t.dtype}, not {o['dtype']!r}")
    if o["is"] == "array":
        return t.numpy()
    if o["is"] != "tensor":
        from . import nn

        made = nn.Parameter(t, bool(o["requires_grad"])) if o["is"] == "parameter" else nn.Buffer(t)
        return made
    return t.requires_grad_() if o["requires_grad"] is True else t


def _mapping(r: _Reader, o: Any) -> Any:
    made: Any = OrderedDict() if o["is"] == "OrderedDict" else {}
    for key, value in o["items"]:
        made[r.decode(key)] = r.decode(value)
    if "metadata" in o and o["is"] == "OrderedDict":
        made._metadata = r.decode(o["metadata"])
        if not isinstance(made._metadata, dict):
            raise _refuse("the structure's metadata are no dict")
    return made


def _sequence(make: Callable[[Any], Any]) -> Callable[[_Reader, Any], Any]:
    return lambda r, o: make([r.decode(item) for item in o["items"]])


def _scalar(r: _Reader, o: Any) -> Any:
    if o["dtype"] not in _NAMES and o["dtype"] not in _PARTS:
        raise _refuse(f"the structure has a number of dtype {str(o['dtype'])[:50]!r}")
    return _C.dtype(o["dtype"]).type(r.decode(o["value"]))


_MAKERS: dict[str, Callable[[_Reader, Any], Any]] = {
    **dict.fromkeys(("tensor", "parameter", "buffer", "array"), _tensor),
    **dict.fromkeys(("dict", "OrderedDict"), _mapping),
    "list": _sequence(list), "tuple": _sequence(tuple), "size": _sequence(_C.Size),
    "set": _sequence(set), "frozenset": _sequence(frozenset),
    "float": lambda r, o: float(o["value"]),
    "complex": lambda r, o: complex(*(r.decode(part) for part in o["value"])),
    "bytes": lambda r, o: bytes.fromhex(o["value"]),
    "scalar": _scalar,
    "dtype": lambda r, o: _C.dtype(o["value"]),
    "device": lambda r, o: _device(o["value"]),
}  # fmt: skip


def load(
    f: Any, map_location: Any = None, pickle_module: Any = None, *, weights_only: bool | None = None,
    mmap: bool | None = None, **pickle_load_args: Any,
) -> Any:  # fmt: skip
    """What save wrote; of another program's safetensors file a dict of its tensors.

    Args:
        f: a path, or a file open for reading bytes that can seek.
        map_location: None or the CPU, or a dict or function, which has nothing to move; DeviceError otherwise.
        pickle_module, weights_only: PyTorch's; nothing is unpickled here.
        mmap: not there yet, NotImplementedError.

    RuntimeError says what is wrong with a file that is cut off, damaged or made up; sizes are checked against the
    file before memory is taken.
    """
    if mmap:
        raise NotImplementedError("load: mmap=True is not there yet")
    if pickle_load_args:
        raise TypeError(f"load: unexpected keyword argument {next(iter(pickle_load_args))!r}")
    if map_location is not None and not isinstance(map_location, dict) and not callable(map_location):
        check_cpu(map_location, "load")
    if hasattr(f, "read"):
        return _Reader(f).whole()
    with open(os.fspath(f), "rb") as file:
        return _Reader(file).whole()
