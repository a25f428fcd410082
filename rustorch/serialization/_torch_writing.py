"""Files as torch.save writes them, for torch.load with weights_only=True: a zip archive with the values as a pickle of
protocol 2, which uses no more of that language than PyTorch's own restricted reader knows, and the tensors as they lie
in memory, aligned to 64 bytes."""

from __future__ import annotations

import struct
import zipfile
from collections import Counter, OrderedDict
from typing import Any, BinaryIO

import numpy as np

from .. import _C
from .._device import device as _device
from ._container import ALIGNMENT, bytes_of

FOLDER = "archive"
_STORAGES = {
    "float64": "DoubleStorage", "float32": "FloatStorage", "float16": "HalfStorage", "bfloat16": "BFloat16Storage",
    "int64": "LongStorage", "int32": "IntStorage", "int16": "ShortStorage", "int8": "CharStorage",
    "uint8": "ByteStorage", "bool": "BoolStorage", "complex64": "ComplexFloatStorage",
    "complex128": "ComplexDoubleStorage",
}  # fmt: skip


class _Pickler:
    """Values as a pickle; their tensors in `tensors`, each memory once."""

    def __init__(self) -> None:
        self.out = bytearray(b"\x80\x02")
        self.tensors: list[Any] = []
        self.known: dict[Any, int] = {}
        self.inside: set[int] = set()  # containers that are being written

    def put(self, o: Any, path: str = "") -> None:
        kind = type(o)
        if o is None:
            self.out += b"N"
        elif kind is bool:
            self.out += b"\x88" if o else b"\x89"
        elif kind is int:
            self._integer(o)
        elif kind is float:
            self.out += b"G" + struct.pack(">d", o)
        elif kind is str:
            raw = o.encode("utf-8", "surrogatepass")
            self.out += b"X" + struct.pack("<I", len(raw)) + raw
        elif kind is bytes:
            self._call("_codecs", "encode", o.decode("latin1"), "latin1")
        elif kind is complex:
            self._call("__builtin__", "complex", o.real, o.imag)
        elif isinstance(o, np.generic) and isinstance(o.item(), (bool, int, float, complex)):
            self.put(o.item(), path)
        elif isinstance(o, np.dtype) and str(o) in (*_STORAGES, "uint16", "uint32", "uint64"):
            self._name("torch", str(o))
        elif isinstance(o, _device):
            self._call("torch", "device", o.type, *(() if o.index is None else (o.index,)))
        elif isinstance(o, _C.Tensor):
            self._tensor(o)
        else:
            self._container(o, path)

    def _container(self, o: Any, path: str) -> None:
        kind = type(o)
        if kind not in (list, tuple, dict, OrderedDict, Counter, set, _C.Size):
            raise TypeError(
                f"save: {kind.__module__}.{kind.__qualname__} {f'at {path} ' if path else ''}is not among what PyTorch"
                " reads without unpickling objects; of modules and optimisers save the state_dict()"
            )
        if id(o) in self.inside:
            raise ValueError(f"save: the {kind.__name__} {f'at {path} ' if path else ''}has itself inside")
        self.inside.add(id(o))
        if kind in (dict, OrderedDict):
            self._mapping(o, path)
        elif kind is Counter:
            self._name("collections", "Counter")
            self._group(b"t", [dict(o)], path)
            self.out += b"R"
        elif kind is list:
            self.out += b"]"
            self._group(b"e", o, path)
        elif kind is tuple:
            self._group(b"t", o, path)
        else:
            self._name(*(("__builtin__", "set") if kind is set else ("torch", "Size")))
            self._group(b"t", [list(o) if kind is set else tuple(o)], path)
            self.out += b"R"
        self.inside.discard(id(o))

    def _mapping(self, o: Any, path: str) -> None:
        self.out += b"}" if type(o) is dict else b"ccollections\nOrderedDict\n)R"
        self.out += b"("
        for key, value in o.items():
            self.put(key, path)
            self.put(value, f"{path}.{key}" if path else str(key))
        self.out += b"u"
        if getattr(o, "_metadata", None) is not None:
            self.put({"_metadata": o._metadata}, path)
            self.out += b"b"

    def _group(self, end: bytes, items: Any, path: str) -> None:
        self.out += b"("
        for i, value in enumerate(items):
            self.put(value, f"{path}.{i}" if path else str(i))
        self.out += end

    def _integer(self, n: int) -> None:
        if -(2**31) <= n < 2**31:
            self.out += b"J" + struct.pack("<i", n)
            return
        raw = n.to_bytes(n.bit_length() // 8 + 1, "little", signed=True)
        if len(raw) > 255:
            raise ValueError("save: an integer of more than 255 bytes")
        self.out += b"\x8a" + bytes([len(raw)]) + raw

    def _name(self, module: str, name: str) -> None:
        self.out += f"c{module}\n{name}\n".encode()

    def _call(self, module: str, name: str, *arguments: Any) -> None:
        self._name(module, name)
        self._group(b"t", arguments, "")
        self.out += b"R"

    def _tensor(self, t: Any) -> None:
        from ..nn import Parameter

        parameter = isinstance(t, Parameter)
        if parameter:
            self.out += b"ctorch._utils\n_rebuild_parameter\n("
        plain, dtype = t.detach(), str(t.dtype)
        key = (plain.data_ptr(), tuple(plain.shape), tuple(plain.strides), dtype) if plain.numel() else len(self.known)
        if key not in self.known:
            self.known[key] = len(self.tensors)
            self.tensors.append(plain)
        typed = dtype in _STORAGES
        self._name("torch._utils", "_rebuild_tensor_v2" if typed else "_rebuild_tensor_v3")
        self.out += b"(("
        self.put("storage")
        self._name(*(("torch", _STORAGES[dtype]) if typed else ("torch.storage", "UntypedStorage")))
        for part in (str(self.known[key]), "cpu", plain.numel() * (1 if typed else plain.itemsize)):
            self.put(part)
        self.out += b"tQ"  # the storage, by its name
        steps = [1]
        for n in reversed(tuple(plain.shape)[1:]):
            steps.append(steps[-1] * n)
        for part in (0, tuple(plain.shape), tuple(reversed(steps[: plain.ndim])), t.requires_grad and not parameter):
            self.put(part)
        self.out += b"ccollections\nOrderedDict\n)R"  # its hooks
        if not typed:
            self._name("torch", dtype)
        self.out += b"tR"
        if parameter:
            self.put(t.requires_grad)
            self.out += b"ccollections\nOrderedDict\n)RtR"


def write_torch(f: BinaryIO, o: Any) -> None:
    """Writes an object for torch.load; TypeError names what PyTorch would not read."""
    pickler = _Pickler()
    pickler.put(o)
    with zipfile.ZipFile(f, "w", zipfile.ZIP_STORED) as archive:
        _entry(archive, "data.pkl", bytes(pickler.out) + b".")
        _entry(archive, "byteorder", b"little")
        for number, t in enumerate(pickler.tensors):
            _entry(archive, f"data/{number}", bytes_of(t))
        _entry(archive, "version", b"3\n")


def _entry(archive: zipfile.ZipFile, name: str, raw: Any) -> None:
    """Adds an entry whose bytes begin at a multiple of 64."""
    info = zipfile.ZipInfo(f"{FOLDER}/{name}")
    header = 30 + len(info.filename) + 4
    start = archive.start_dir + header + (20 if len(raw) >= 2**31 - 2**26 else 0)  # zipfile's field for large ones
    gap = -start % ALIGNMENT
    info.extra = struct.pack("<HH", 0x4246, gap) + b"Z" * gap
    with archive.open(info, "w", force_zip64=len(raw) >= 2**31 - 2**26) as part:
        info.file_size = len(raw)
        part.write(raw)
