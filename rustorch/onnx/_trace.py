"""What a call computes, as a list of rows of the op table: watched by an observer of the one door.

Writes in place become new values: a write into a view is a row `view_put` on what it is a view of, and views
made before a write are made again when they are used after it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .. import _C
from ..nn.module import Module

__all__ = ["Call", "Ref", "Trace", "Value", "record"]

Tensor = _C.Tensor
_VIEWS = frozenset(row["name"] for row in _C.op_table() if row["family"] == "view")


@dataclass(frozen=True)
class Ref:
    """A value, by its number."""

    number: int


@dataclass
class Value:
    """A tensor at one moment: where it comes from and what it is."""

    kind: str  # input, state, constant, result
    name: str  # of an input or of the module's state; else ""
    shape: tuple[int, ...]
    dtype: str
    array: Any = None  # of a constant
    tensor: Any = None  # of a result that may be computed beforehand
    version: int = 0  # writes to it until then


@dataclass
class Call:
    """One row: its arguments by the names of its signature, the values it gives, and the module it ran in."""

    row: str
    args: dict[str, Any]
    outputs: list[int]
    path: str = ""
    kind: str = ""  # the module's class


@dataclass
class Trace:
    """All calls of a run, in order."""

    values: list[Value] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    inputs: list[int] = field(default_factory=list)
    outputs: Any = None


@dataclass
class _Seen:
    """A tensor object: the value it has, as of so many writes to its storage, and what it is a view of."""

    tensor: Any
    value: int
    writes: int
    source: Any = None
    call: Call | None = None


def array_of(tensor: Any) -> np.ndarray[Any, Any]:
    """The elements of a tensor, copied; bfloat16 as float32."""
    plain = tensor.detach()
    return np.array((plain.to("float32") if str(plain.dtype) == "bfloat16" else plain).numpy())


class _Recorder:
    def __init__(self, module: Any, known: Collection[str]) -> None:
        self.known = known  # rows to record; of others what they are composed of
        self.trace = Trace()
        self.seen: dict[int, _Seen] = {}
        self.held: list[Any] = []  # tensors stay alive, so that addresses are theirs alone
        self.places: dict[int, list[Any]] = {}  # address -> tensors that begin there
        self.writes: dict[int, int] = {}  # id of a storage's first tensor -> writes to it
        self.open: list[tuple[int, dict[str, Any], int]] = []
        self.inside = 0  # ops being computed whose parts are recorded
        self.modules: list[tuple[str, str]] = []
        self.state: dict[int, tuple[str, Any]] = {}
        self.paths: dict[int, str] = {}
        if isinstance(module, Module):
            for name, tensor in (*module.named_parameters(), *module.named_buffers()):
                self.state.setdefault(id(tensor), (name, tensor))
            for path, child in module.named_modules():
                self.paths[id(child)] = path

    # ---- values ----

    def new(self, kind: str, tensor: Any, name: str = "", array: Any = None) -> int:
        shape, dtype = tuple(tensor.shape), str(tensor.dtype)
        self.trace.values.append(Value(kind, name, shape, dtype, array, tensor, tensor._version))
        return len(self.trace.values) - 1

    def enter(self, tensor: Any, value: int, source: Any = None, call: Call | None = None) -> _Seen:
        entry = _Seen(tensor, value, self.writes.get(self.root(tensor), 0), source, call)
        self.seen[id(tensor)] = entry
        self.held.append(tensor)
        if tensor.numel():
            self.places.setdefault(tensor.data_ptr(), []).append(tensor)
        return entry

    @staticmethod
    def root(tensor: Any) -> int:
        base = tensor._base
        return id(tensor if base is None else base)

    def read(self, tensor: Any) -> int:
        """The value that a tensor has now."""
        entry = self.seen.get(id(tensor)) or self.meet(tensor)
        now = self.writes.get(self.root(tensor), 0)
        if entry.writes != now and entry.source is not None and entry.call is not None:
            entry.value = self.repeat(entry, self.read(entry.source))
            entry.writes = now
        return entry.value

    def repeat(self, entry: _Seen, source: int) -> int:
        assert entry.call is not None
        value = self.new("result", entry.tensor)
        self.trace.values[value].tensor = None
        args = {**entry.call.args, "x": Ref(source)}
        self.trace.calls.append(Call(entry.call.row, args, [value], entry.call.path, entry.call.kind))
        return value

    def meet(self, tensor: Any) -> _Seen:
        """A tensor that no row gave: the module's own, another name of a known one, or a constant."""
        own = self.state.get(id(tensor))
        if own is not None:
            return self.enter(tensor, self.new("state", tensor, own[0]))
        for other in self.places.get(tensor.data_ptr(), ()) if tensor.numel() else ():
            if other.dtype != tensor.dtype:
                continue
            if other.shape == tensor.shape and other.strides == tensor.strides:
                return self.enter(tensor, self.read(other))
            if other.numel() == tensor.numel() and other.is_contiguous() and tensor.is_contiguous():
                value = self.new("result", tensor)
                args = {"x": Ref(self.read(other)), "shape": tuple(tensor.shape)}
                self.trace.calls.append(Call("reshape", args, [value], *self.where()))
                return self.enter(tensor, value, other, self.trace.calls[-1])
        base = tensor._base
        if base is not None and (id(base) in self.seen or id(base) in self.state):
            raise NotImplementedError(
                f"rustorch.onnx.export: a view of shape {tuple(tensor.shape)} was made in a way that is not recorded"
            )
        return self.enter(tensor, self.new("constant", tensor, "", array_of(tensor)))

    def write(self, tensor: Any, value: int) -> None:
        """A tensor has a new value, and so has what it is a view of."""
        entry = self.seen.get(id(tensor))
        if entry is None:
            entry = self.enter(tensor, value)
        entry.value = value
        if entry.source is not None and entry.call is not None:
            source = entry.source
            put = self.new("result", source)
            self.trace.values[put].tensor = None
            args = {"x": Ref(self.read(source)), "values": Ref(value), "view": entry.call}
            self.trace.calls.append(Call("view_put", args, [put], *self.where()))
            self.write(source, put)
        else:
            self.writes[self.root(tensor)] = self.writes.get(self.root(tensor), 0) + 1
        entry.writes = self.writes.get(self.root(tensor), 0)

    # ---- events ----

    def where(self) -> tuple[str, str]:
        return self.modules[-1] if self.modules else ("", "")

    def before(self, event: Any) -> None:
        if event.kind == "module":
            module = event.name
            inner = self.paths.get(id(module))
            parent = self.modules[-1][0] if self.modules else ""
            self.modules.append((parent if inner is None else inner, type(module).__name__))
            return
        if event.in_op != self.inside:
            return
        refs: dict[str, Any] = {}
        for name, value in event.arguments.items():
            if isinstance(value, Tensor):
                refs[name] = Ref(self.read(value))
            elif isinstance(value, tuple) and any(isinstance(v, Tensor) for v in value):
                refs[name] = tuple(Ref(self.read(v)) if isinstance(v, Tensor) else v for v in value)
        for tensor, given in zip(event.outputs, event.given, strict=False):
            if given and isinstance(tensor, Tensor) and tensor._base is not None:
                self.read(tensor)  # a view: what it is a view of must be known before it changes
        self.open.append((event.in_op, refs, len(self.held)))
        if event.name not in self.known:
            self.inside += 1

    def after(self, event: Any) -> None:
        if event.kind == "module":
            self.modules.pop()
            return
        if not self.open or self.open[-1][0] != event.in_op:
            return
        _, refs, first = self.open.pop()
        composed = event.name not in self.known
        self.inside -= composed
        if event.failed or (composed and all(t is None or self.found(t, first) for t in event.outputs)):
            return
        args = {name: refs.get(name, value) for name, value in event.arguments.items()}
        made = [t for t, given in zip(event.outputs, event.given, strict=False) if not given]
        if made and all(id(t) in self.seen and any(t is x for x in event.inputs) for t in made if t is not None):
            return  # the input itself, once more
        call = Call(event.name, args, [], *self.where())
        values = []
        for tensor in event.outputs:
            values.append(-1 if tensor is None else self.new("result", tensor))
        call.outputs = values
        self.trace.calls.append(call)
        for tensor, given, value in zip(event.outputs, event.given, values, strict=False):
            if tensor is None:
                continue
            source = event.inputs[0] if event.inputs else None
            shared = event.name in _VIEWS and isinstance(source, Tensor) and tensor._base is not None
            if given:
                self.write(tensor, value)
            elif shared and self.root(tensor) == self.root(source):
                self.enter(tensor, value, source, call)
            else:
                self.enter(tensor, value)

    def found(self, tensor: Any, first: int) -> bool:
        """Is it one of the results since the first, or a copy of one?"""
        if id(tensor) in self.seen:
            return True
        for other in reversed(self.held[first:]):
            same = other.shape == tensor.shape and other.dtype == tensor.dtype
            if same and array_of(other).tobytes() == array_of(tensor).tobytes():
                self.enter(tensor, self.read(other))
                return True
        return False

    def finish(self, outputs: Any) -> Any:
        """outputs with Refs for tensors."""
        if isinstance(outputs, Tensor):
            return Ref(self.read(outputs))
        if isinstance(outputs, dict):
            return {name: self.finish(value) for name, value in outputs.items()}
        if isinstance(outputs, (tuple, list)):
            return tuple(self.finish(value) for value in outputs)
        return outputs


def tensors_of(value: Any) -> Iterator[Any]:
    """The tensors in nested tuples, lists and dictionaries, in order."""
    if isinstance(value, (Tensor, Ref)):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from tensors_of(item)
    elif isinstance(value, (tuple, list)):
        for item in value:
            yield from tensors_of(item)


def record(
    function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], known: Collection[str]
) -> Trace:
    """Calls function(*args, **kwargs), a Module or another callable on tensors, and records what it computes: rows
    that are known, and of others the rows that they are composed of."""
    recorder = _Recorder(function, known)
    for tensor in tensors_of((args, kwargs)):
        value = recorder.new("input", tensor)
        recorder.trace.inputs.append(value)
        recorder.enter(tensor, value)
    with _C.Observer(before=recorder.before, after=recorder.after, kinds=("op", "module")):
        result = function(*args, **kwargs)
    recorder.trace.outputs = recorder.finish(result)
    return recorder.trace
