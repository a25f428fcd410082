"""save and load: modules, and nested dicts, lists and numbers with tensors in them, as one safetensors file.

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

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .. import _C
from .._device import check_cpu
from ._arrays import load_array, load_arrays
from ._container import Container, write_container
from ._document import Reader, Writer
from ._source import MappedFile, OpenFile, Source, refuse
from ._torch import load_archive, load_stream
from ._torch_writing import write_torch
from ._writing import replacing
from ._zip import Archive

__all__ = [
    "add_safe_globals", "clear_safe_globals", "get_safe_globals", "load", "safetensors_metadata", "save",
    "save_safetensors",
]  # fmt: skip


def save(
    obj: Any, f: Any, pickle_module: Any = None, pickle_protocol: Any = None,
    _use_new_zipfile_serialization: bool = True, *, format: str = "rustorch",
) -> None:  # fmt: skip
    """Writes an object to a file: modules, tensors, ndarrays, numbers, texts, in dicts, lists and tuples.

    Args:
        obj: what to save; of optimisers their state_dict().  TypeError names what cannot be saved.
        f: a path, which is replaced only when all is written, or a file open for writing bytes.
        pickle_module, pickle_protocol: PyTorch's; nothing is pickled here.
        format: "rustorch", or "torch" for a file that torch.load(weights_only=True) reads: without modules.

    Tensors that are one memory stay one.  Safetensors' own readers see the tensors by their paths ("net.weight").
    """
    if format not in ("rustorch", "torch"):
        raise ValueError(f"save: the format is 'rustorch' or 'torch', not {format!r}")
    with replacing(f) as file:
        if format == "torch":
            write_torch(file, obj)
            return
        writer = Writer()
        try:
            value = writer.encode(obj)
        except RecursionError:
            raise ValueError("save: the object is nested too deeply, or has itself inside") from None
        write_container(file, writer.tensors, lambda checksums: writer.metadata(value, checksums))


def load(
    f: Any, map_location: Any = None, pickle_module: Any = None, *, weights_only: bool | None = None,
    mmap: bool | None = None, classes: Sequence[type] = (), **pickle_load_args: Any,
) -> Any:  # fmt: skip
    """What save wrote; of another program's safetensors file a dict of its tensors.

    Args:
        f: a path, or a file open for reading bytes that can seek.
        map_location: None or the CPU, or a dict or function, which has nothing to move; DeviceError otherwise.
        pickle_module: PyTorch's; nothing is unpickled here.
        weights_only: of modules their state_dict, so that their classes need not be known.
        mmap: tensors are read-only windows on the file, whose bytes are read when they are used; f is a path.
        classes: classes of modules of yours that the file may name.

    FileError (a RuntimeError) says what is wrong with a file that is cut off, damaged or made up; sizes are checked
    against the file before memory is taken.
    """
    if pickle_load_args:
        raise TypeError(f"load: unexpected keyword argument {next(iter(pickle_load_args))!r}")
    if map_location is not None and not isinstance(map_location, dict) and not callable(map_location):
        check_cpu(map_location, "load")
    if mmap:
        if hasattr(f, "read"):
            raise ValueError("load: mmap=True needs a path, not a file that is open")
        return _read(MappedFile(os.fspath(f)), classes, bool(weights_only))
    if hasattr(f, "read"):
        return _read(OpenFile(f), classes, bool(weights_only))
    with open(os.fspath(f), "rb") as file:
        return _read(OpenFile(file), classes, bool(weights_only))


def save_safetensors(tensors: Mapping[str, Any], f: Any, metadata: Mapping[str, str] | None = None) -> None:
    """Writes tensors under names to a safetensors file, with nothing else in it.

    Args:
        tensors: Tensors or ndarrays by name; those of dtype complex128 become pairs of float64.
        f: a path, which is replaced only when all is written, or a file open for writing bytes.
        metadata: texts by name that the file keeps; safetensors_metadata reads them.

    >>> import io, rustorch as rt
    >>> file = io.BytesIO()
    >>> save_safetensors({"w": rt.ones(2)}, file, {"format": "pt"})
    >>> _ = file.seek(0)
    >>> rt.load(file)
    {'w': tensor([1.0, 1.0])}
    """
    metadata = dict(metadata or {})
    for name, text in metadata.items():
        if not isinstance(name, str) or not isinstance(text, str):
            raise TypeError(f"save_safetensors: metadata are texts, not {type(name).__name__}: {type(text).__name__}")
    held: list[tuple[str, Any]] = []
    for name, t in tensors.items():
        if not isinstance(name, str) or name == "__metadata__":
            raise ValueError(f"save_safetensors: {name!r} is no name of a tensor")
        held.append((name, (t if isinstance(t, _C.Tensor) else _C.as_tensor(t)).detach()))
    with replacing(f) as file:
        write_container(file, held, lambda checksums: metadata)


def safetensors_metadata(f: Any) -> dict[str, str]:
    """The texts by name that a safetensors file keeps beside its tensors; f is a path or a file open for reading."""
    if hasattr(f, "read"):
        return Container(OpenFile(f)).metadata
    with open(os.fspath(f), "rb") as file:
        return Container(OpenFile(file)).metadata


def _read(source: Source, classes: Sequence[type], weights_only: bool) -> Any:
    """The value of a file, whose kind is told by its first bytes."""
    first = source.read(0, min(9, source.size))
    if first[:4] in (b"PK\x03\x04", b"PK\x05\x06"):
        archive = Archive(source)
        if any(name.rpartition("/")[2] == "data.pkl" for name in archive.entries):
            return load_archive(archive)
        if all(name.endswith(".npy") for name in archive.entries):
            return load_arrays(archive)
        raise refuse("the zip archive is neither one of torch.save nor one of numpy.savez")
    if first[:6] == b"\x93NUMPY":
        return load_array(source)
    if first[:1] == b"\x80" and first[1:2] in b"\2\3\4\5" and first[8:] != b"{":  # a pickle, no length of a header
        return load_stream(source)
    for start, mark, kind in _OTHERS:
        if source.size >= start + len(mark) and source.read(start, len(mark)) == mark:
            raise NotImplementedError(f"load: this is {kind}, which is not read")
    return Reader(Container(source), classes, weights_only).value()


# first bytes of files that are not read, so that the error can say what they are
_OTHERS = (
    (257, b"ustar", "a tar archive (PyTorch before 0.1.12, or another program's)"),
    (0, b"\x89HDF\r\n\x1a\n", "an HDF5 file (such as Keras's weights)"),
    (0, b"\x1f\x8b", "a file compressed by gzip: open it by Python's gzip"),
    (0, b"GGUF", "a GGUF file"),
)


def add_safe_globals(safe_globals: Iterable[type]) -> None:
    """Lets files name these classes of modules: load then makes modules of them.

    A class is made without calling its constructor: its attributes, parameters and submodules are put in place.  One
    that needs more defines `describe(self)` and the class method `from_description(cls, description)`.

    TypeError for what is no class of modules.
    """
    from ..nn._classes import register

    register(safe_globals)


def get_safe_globals() -> list[type]:
    """The classes that add_safe_globals was given."""
    from ..nn._classes import registered

    return list(registered.values())


def clear_safe_globals() -> None:
    """Forgets the classes that add_safe_globals was given."""
    from ..nn._classes import registered

    registered.clear()
