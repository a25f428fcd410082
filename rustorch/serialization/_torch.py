"""Files of torch.save, read without unpickling objects: tensors, parameters, numbers, texts in dicts, lists and tuples.

Two formats.  A zip archive since PyTorch 1.6: `data.pkl` holds the values, `data/0`, `data/1`, ... the storages.
Before that one stream: four pickles (a number, a version, facts about the machine, the values), a fifth with the names
of storages, then each storage.  Tensors share storages in the file, and do so here.  Formats: torch/serialization.py.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable
from typing import Any

from .. import _C
from .._device import device as _device
from ._pickle import Part, Rule, Unpickler, key, whole
from ._pickled_arrays import BUILDERS, NAMES
from ._source import Source, refuse
from ._zip import Archive

PICKLE_GROWTH = 30  # how well a pickle may be compressed: its values take far more memory than its bytes
MAGIC = 0x1950A86A20F9469CFC6C
_STORAGES = {
    "DoubleStorage": "float64", "FloatStorage": "float32", "HalfStorage": "float16", "BFloat16Storage": "bfloat16",
    "LongStorage": "int64", "IntStorage": "int32", "ShortStorage": "int16", "CharStorage": "int8",
    "ByteStorage": "uint8", "BoolStorage": "bool", "ComplexFloatStorage": "complex64",
    "ComplexDoubleStorage": "complex128", "UntypedStorage": "uint8",
}  # fmt: skip
_DTYPES = {
    **{name: name for name in _STORAGES.values()},
    "uint16": "uint16", "uint32": "uint32", "uint64": "uint64", "double": "float64", "float": "float32",
    "half": "float16", "long": "int64", "int": "int32", "short": "int16", "cfloat": "complex64",
    "cdouble": "complex128",
}  # fmt: skip


class _StorageType(Part):
    """The class of a storage, which says its dtype."""

    name = "the class of a storage"

    def __init__(self, name: str) -> None:
        self.dtype = _STORAGES[name]
        self.untyped = name == "UntypedStorage"


class _Storage(Part):
    """The bytes of a storage as a tensor of uint8 (None while only its name is wanted), and its dtype."""

    name = "a storage without a tensor"

    def __init__(self, raw: Any, dtype: str) -> None:
        self.raw, self.dtype = raw, dtype


class _Values:
    """Reads values; storages come from `storage(key, bytes)`."""

    def __init__(self, storage: Callable[[str, int], Any]) -> None:
        self.storage = storage

    def load(self, data: bytes, at: int = 0) -> tuple[Any, int]:
        unpickler = Unpickler(data, _name, self.persistent, BUILDERS, at)
        return unpickler.load(), unpickler.at

    def persistent(self, name: Any) -> _Storage:
        if not isinstance(name, tuple) or len(name) not in (5, 6) or name[0] != "storage":
            raise refuse("a storage has a name of another form")
        _, kind, place, _, count = name[:5]
        if not isinstance(kind, _StorageType) or not isinstance(place, str) or type(count) is not int or count < 0:
            raise refuse("a storage has a name of another form")
        if len(name) == 6 and name[5] is not None:
            raise NotImplementedError("load: storages that are parts of others (PyTorch 0.x) are not read")
        return _Storage(self.storage(place, count * _C.dtype(kind.dtype).itemsize), kind.dtype)


# ---- what the names in the values stand for ----


def _rebuild(
    storage: Any, offset: Any, size: Any, stride: Any, requires_grad: Any = False, hooks: Any = None,
    metadata: Any = None,
) -> Any:  # fmt: skip
    if not isinstance(storage, _Storage):
        raise refuse("a tensor has no storage")
    return _tensor(storage.raw, storage.dtype, offset, size, stride, requires_grad, metadata)


def _rebuild_typed(
    storage: Any, offset: Any, size: Any, stride: Any, requires_grad: Any, hooks: Any, dtype: Any, metadata: Any = None
) -> Any:
    if not isinstance(storage, _Storage):
        raise refuse("a tensor has no storage")
    return _tensor(storage.raw, str(_C.dtype(dtype)), offset, size, stride, requires_grad, metadata)


def _whole(values: Any) -> bool:
    return isinstance(values, tuple) and all(type(n) is int and 0 <= n < 2**62 for n in values)


def _tensor(raw: Any, dtype: str, offset: Any, size: Any, stride: Any, requires_grad: Any, metadata: Any) -> Any:
    if not (_whole(size) and _whole(stride) and _whole((offset,)) and len(size) == len(stride)):
        raise refuse("a tensor has a malformed size, stride or offset")
    if raw is None:
        return None
    width = _C.dtype(dtype).itemsize
    if raw.numel() % width:
        raise refuse(f"a storage of {raw.numel()} bytes holds no whole elements of {dtype}")
    if 0 in size:
        made = _C.empty(tuple(size), dtype=dtype)
    else:
        reach = offset + sum((n - 1) * step for n, step in zip(size, stride, strict=True))
        if reach >= raw.numel() // width:
            raise refuse(
                f"a tensor of size {tuple(size)}, stride {tuple(stride)} and offset {offset} reaches outside its"
                f" storage of {raw.numel() // width} elements"
            )
        if dtype == "bool" and bool((raw > 1).any()):
            raise refuse("a storage has bools other than 0 and 1")
        made = _C.ops["as_strided"](raw.view(dtype), tuple(size), tuple(stride), offset).detach()
    if isinstance(metadata, dict) and (metadata.get("conj") is True or metadata.get("neg") is True):
        if made.numel() > max(raw.numel() // width, 1):  # these are computed: memory is taken for every element
            raise refuse("a conjugated or negated tensor has more elements than its storage")
        made = made.conj() if metadata.get("conj") is True else made
        made = -made if metadata.get("neg") is True else made
    return made.requires_grad_() if requires_grad is True else made


def _parameter(data: Any, requires_grad: Any, hooks: Any = None, state: Any = None) -> Any:
    from ..nn import Parameter

    if data is None:
        return None
    if not isinstance(data, _C.Tensor):
        raise refuse("a parameter has no tensor")
    return Parameter(data.detach(), requires_grad is True)


def _of_type(rebuild: Any, kind: Any, arguments: Any, state: Any) -> Any:
    """A tensor with attributes, which are not kept."""
    if not isinstance(rebuild, Rule) or not isinstance(kind, _TensorType):
        raise refuse("a tensor is of a class of its own")
    made = rebuild(arguments)
    if kind.parameter and made is not None:
        return _parameter(made, made.requires_grad)
    return made


class _TensorType(Part):
    name = "the class of tensors"

    def __init__(self, parameter: bool) -> None:
        self.parameter = parameter


def _size(sizes: Any = ()) -> Any:
    if not _whole(sizes):
        raise refuse("a Size has parts that are no sizes")
    return _C.Size(sizes)


def _device_of(kind: Any, index: Any = None) -> _device:
    return _device(kind, index)


def _encoded(text: Any, encoding: Any) -> bytes:
    """How protocol 2 writes bytes."""
    if encoding != "latin1" or not isinstance(text, str):
        raise refuse("the pickle encodes a text")
    return text.encode("latin1")


def _ordered(pairs: Any = ()) -> OrderedDict[Any, Any]:
    return OrderedDict((key(name), value) for name, value in pairs)


def _counter(counts: Any = ()) -> Any:
    return Counter({key(name): n for name, n in dict(counts).items()})


_RULES: dict[tuple[str, str], Any] = {
    **NAMES,
    ("collections", "OrderedDict"): Rule("OrderedDict", _ordered),
    ("collections", "Counter"): Rule("Counter", _counter),
    ("torch", "Size"): Rule("Size", _size),
    ("torch", "device"): Rule("device", _device_of),
    ("torch", "Tensor"): _TensorType(False),
    ("torch._tensor", "Tensor"): _TensorType(False),
    ("torch.nn.parameter", "Parameter"): _TensorType(True),
    ("torch.nn.parameter", "Buffer"): _TensorType(False),
    ("torch._utils", "_rebuild_tensor"): Rule("_rebuild_tensor", _rebuild),
    ("torch._utils", "_rebuild_tensor_v2"): Rule("_rebuild_tensor_v2", _rebuild),
    ("torch._utils", "_rebuild_tensor_v3"): Rule("_rebuild_tensor_v3", _rebuild_typed),
    ("torch._utils", "_rebuild_parameter"): Rule("_rebuild_parameter", _parameter),
    ("torch._utils", "_rebuild_parameter_with_state"): Rule("_rebuild_parameter_with_state", _parameter),
    ("torch._tensor", "_rebuild_from_type_v2"): Rule("_rebuild_from_type_v2", _of_type),
    ("torch.storage", "UntypedStorage"): _StorageType("UntypedStorage"),
    ("_codecs", "encode"): Rule("encode", _encoded),
    **{(module, name): rule for module in ("__builtin__", "builtins") for name, rule in {
        "set": Rule("set", lambda items=(): set(map(key, items))),
        "frozenset": Rule("frozenset", lambda items=(): frozenset(map(key, items))),
        "complex": Rule("complex", lambda real=0.0, imag=0.0: complex(float(real), float(imag))),
        "bytes": Rule("bytes", lambda items=b"": _bytes(items)),
        "bytearray": Rule("bytearray", lambda items=b"": bytearray(_bytes(items))),
        "slice": Rule("slice", lambda start, stop, step: slice(start, stop, step)),
    }.items()},
}  # fmt: skip


def _bytes(items: Any) -> bytes:
    if not isinstance(items, (bytes, bytearray)):
        raise refuse("bytes are made of something else")
    return bytes(items)


def _name(module: str, name: str) -> Any:
    """The value or rule that a name stands for."""
    found = _RULES.get((module, name))
    if found is not None:
        return found
    if module == "torch" and name in _STORAGES:
        return _StorageType(name)
    if module == "torch" and name in _DTYPES:
        return _C.dtype(_DTYPES[name])
    full = f"{module}.{name}"[:200]
    if module == "torch" and (name.endswith("Storage") or name.startswith(("float8", "float4", "q", "bits"))):
        raise NotImplementedError(f"load: the file has tensors of {full}, which rustorch does not have")
    raise refuse(
        f"the file holds an object of {full}; only tensors, numbers and texts in dicts, lists and tuples are read, and"
        " no objects are unpickled. Save a state_dict() instead, or read it with PyTorch and convert it by"
        " rustorch.interop.from_pytorch"
    )


# ---- the two formats ----


def load_archive(archive: Archive) -> Any:
    """The value in a zip archive of torch.save."""
    folder = next(name for name in archive.entries if name.rpartition("/")[2] == "data.pkl").removesuffix("data.pkl")
    if folder + "constants.pkl" in archive.entries:
        raise NotImplementedError(
            "load: the file is a TorchScript archive, which holds code; save the state_dict() of the module instead"
        )
    order = archive.open(folder + "byteorder").whole() if folder + "byteorder" in archive.entries else b"little"
    if order != b"little":
        raise NotImplementedError("load: the file was written on a big-endian machine")
    loaded: dict[str, Any] = {}

    def storage(place: str, length: int) -> Any:
        if place not in loaded:
            part = archive.open(f"{folder}data/{place}")
            if part.size != length:
                raise refuse(f"storage {place!r} has {part.size} bytes, not {length}")
            loaded[place] = part.raw(0, length, f"of storage {place!r}") if length else _C.empty(0, dtype="uint8")
        if loaded[place].numel() != length:
            raise refuse(f"storage {place!r} is said to have {length} bytes, and {loaded[place].numel()}")
        return loaded[place]

    return whole(_Values(storage).load(archive.open(folder + "data.pkl", PICKLE_GROWTH).whole())[0])


def load_stream(source: Source) -> Any:
    """The value in a file of the format that PyTorch wrote before 1.6."""
    data = source.whole()
    names: dict[str, int] = {}

    def note(place: str, length: int) -> Any:
        if names.setdefault(place, length) != length:
            raise refuse(f"storage {place!r} has two lengths")

    first = _Values(note)
    magic, at = first.load(data)
    if magic != MAGIC:
        raise refuse("the file is a pickle, not one of torch.save; pickles of other programs are not read")
    version, at = first.load(data, at)
    facts, begin = first.load(data, at)
    if version != 1001 or not isinstance(facts, dict):
        raise refuse("the file is of another version of torch.save")
    if facts.get("little_endian") is not True:
        raise NotImplementedError("load: the file was written on a big-endian machine")
    _, at = first.load(data, begin)
    order, at = first.load(data, at)
    if not isinstance(order, list) or not all(isinstance(name, str) for name in order) or set(order) != set(names):
        raise refuse("the file's list of storages does not fit its tensors")
    places: dict[str, tuple[int, int]] = {}
    for name in order:
        count, length = int.from_bytes(data[at : at + 8], "little"), names[name]
        if at + 8 + length > len(data) or (length % count if count else length):
            raise refuse(f"storage {name!r} is cut off, or of another length than its tensors say")
        places[name] = (at + 8, length)
        at += 8 + length
    loaded: dict[str, Any] = {}

    def storage(place: str, length: int) -> Any:
        if place not in loaded:
            start, _ = places[place]
            loaded[place] = source.raw(start, length, f"of storage {place!r}") if length else _C.empty(0, dtype="uint8")
            if loaded[place].data_ptr() % 8:
                loaded[place] = loaded[place].clone()
        return loaded[place]

    return whole(_Values(storage).load(data, begin)[0])
