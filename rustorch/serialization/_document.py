"""What a `.rustorch` file says beside its tensors: a JSON document in the container's metadata, under "rustorch".

It is {"version": 1, "checksums": CRC-32 by name of tensor, "value": ...}, the value in the JSON of _values.py.  In it
a tensor is {"is": "tensor", "name": its name in the container, "dtype": ..., "requires_grad": ...}, and a module is
{"is": "module", "description": that of nn/_description.py, "state": pairs of path and tensor}.  The document's own
CRC-32 stands beside it, under "rustorch_crc32".
"""

from __future__ import annotations

import json
import zlib
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .. import _C
from ._container import Container
from ._source import refuse
from ._values import NUMBERS, Decoder, Encoder

KEY = "rustorch"
SUM = "rustorch_crc32"
VERSION = 1


def _sum(text: str) -> str:
    return f"{zlib.crc32(text.encode()):08x}"


class Writer(Encoder):
    """The document of an object, and the tensors in it, each memory once."""

    def __init__(self) -> None:
        self.tensors: list[tuple[str, Any]] = []
        self._known: dict[Any, str] = {}
        self._names: set[str] = set()

    def metadata(self, value: Any, checksums: Mapping[str, int]) -> dict[str, str]:
        """The container's metadata: the document of an encoded value, and its checksum."""
        text = json.dumps({"version": VERSION, "checksums": checksums, "value": value}, allow_nan=False)
        return {KEY: text, SUM: _sum(text)}

    def _name(self, t: Any, path: str) -> str:
        """The container's name for a tensor."""
        plain = t.detach()
        key = (plain.data_ptr(), tuple(plain.shape), tuple(plain.strides), str(plain.dtype)) if plain.numel() else path
        if key in self._known:
            return self._known[key]
        name, count = path or "tensor", 1
        while name in self._names or name == "__metadata__":
            name, count = f"{path or 'tensor'}#{count}", count + 1
        self._names.add(name)
        self._known[key] = name
        self.tensors.append((name, plain))
        return name

    def other(self, o: Any, path: str) -> Any:
        from ..nn import Buffer, Module, Parameter

        if isinstance(o, _C.Tensor):
            role = "parameter" if isinstance(o, Parameter) else "buffer" if isinstance(o, Buffer) else "tensor"
            return {"is": role, "name": self._name(o, path), "dtype": str(o.dtype), "requires_grad": o.requires_grad}
        if type(o) is np.ndarray and str(o.dtype) in NUMBERS:
            return {"is": "array", "name": self._name(_C.as_tensor(o), path), "dtype": str(o.dtype)}
        return self._module(o, path) if isinstance(o, Module) else None

    def _module(self, module: Any, path: str) -> Any:
        from ..nn._description import describe
        from ..nn.parameter import is_lazy

        below = f"{path}." if path else ""
        description = describe(module, _Below(self, below))
        held = [*module.named_parameters(), *module.named_buffers()]
        state = [[name, self.encode(t, below + name)] for name, t in held if not is_lazy(t)]
        made = {"is": "module", "description": description, "state": state}
        extra = [[name, self.encode(m.get_extra_state(), f"{below}{name}.extra")] for name, m in _with_extra(module)]
        return {**made, "extra": extra} if extra else made


def _with_extra(module: Any) -> list[tuple[str, Any]]:
    """The modules below this one that have state beside tensors."""
    from ..nn._state import State

    return [(name, m) for name, m in module.named_modules() if type(m).get_extra_state is not State.get_extra_state]


class _Below(Encoder):
    """The writer, for values somewhere below a path."""

    def __init__(self, writer: Writer, below: str) -> None:
        self.writer, self.below = writer, below

    def encode(self, o: Any, path: str = "") -> Any:
        return self.writer.encode(o, self.below + path)


class Reader(Decoder):
    """The object of a container's document; of another program's file a dict of its tensors."""

    def __init__(self, container: Container, classes: Sequence[type] = (), weights_only: bool = False) -> None:
        self.container, self.classes, self.weights_only = container, classes, weights_only

    def value(self) -> Any:
        text = self.container.metadata.get(KEY)
        if SUM in self.container.metadata and self.container.metadata[SUM] != _sum(text or ""):
            raise refuse("the file is damaged: the checksum of its structure is another")
        if text is None:
            return {name: self.container.tensor(name) for name in self.container.entries}
        try:
            document = json.loads(text)
            if "version" in document and "value" in document:
                if document["version"] != VERSION:
                    raise refuse(
                        f"the file's version is {str(document['version'])[:20]}; this is rustorch for version {VERSION}"
                    )
                self.container.checksums = dict(document.get("checksums", {}))
                document = document["value"]
            return self.decode(document)
        except (KeyError, TypeError, ValueError, AttributeError, IndexError, RecursionError, OverflowError) as error:
            raise refuse(f"the structure is malformed: {type(error).__name__}: {str(error)[:1000]}") from error

    def other(self, kind: str, o: Any) -> Any:
        if kind in ("tensor", "parameter", "buffer", "array"):
            return self._tensor(kind, o)
        if kind == "module":
            return self._module(o)
        return super().other(kind, o)

    def _plain(self, o: Any) -> Any:
        """The tensor, as the container has it."""
        t = self.container.tensor(o["name"])
        if str(o["dtype"]).startswith("complex") and t.dtype.kind == "f":
            t = _C.ops["view_as_complex"](t)
        if str(t.dtype) != o["dtype"]:
            raise refuse(f"tensor {o['name']!r} is {t.dtype}, not {str(o['dtype'])[:50]!r}")
        return t

    def _tensor(self, kind: str, o: Any) -> Any:
        t = self._plain(o)
        if kind == "array":
            return t.numpy()
        if kind != "tensor":
            from .. import nn

            return nn.Parameter(t, bool(o["requires_grad"])) if kind == "parameter" else nn.Buffer(t)
        return t.requires_grad_() if o["requires_grad"] is True else t

    def _module(self, o: Any) -> Any:
        from ..nn._description import build

        state = {name: self._plain(t) for name, t in o["state"]}
        if self.weights_only:
            return OrderedDict(state)
        try:
            module = build(o["description"], state, self.classes, self)
        except ValueError as error:
            raise refuse(str(error)) from error
        for name, extra in o.get("extra", ()):
            module.get_submodule(name).set_extra_state(self.decode(extra))
        return module
