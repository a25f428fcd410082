"""The part of the pickle language that files of data use, read as data.

Python's own unpickler imports what a file names and calls it.  This one has neither imports nor calls: a name in the
file is looked up among those that the reader gives, and what stands for it is a value, or a Rule, a function of ours
that checks its arguments.  Any other name, any other opcode and any other kind of construction is refused.  Every
opcode takes at least a byte and makes at most one object, so that memory stays in proportion to the file.

Opcodes: the documentation of Python's pickletools; protocols 2 to 5.
"""

from __future__ import annotations

import struct
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any

from ..errors import FileError
from ._source import refuse

LONGEST_INTEGER = 1024  # bytes
_SCALARS = (str, bytes, int, float, complex, bool, type(None))


class Part:
    """What is no value by itself, but only part of how one is made."""

    name = "a part of a tensor"


class Rule(Part):
    """What a name of a function or class stands for: called with the arguments that the file gives."""

    def __init__(self, name: str, make: Callable[..., Any]) -> None:
        self.name, self.make = name, make

    def __call__(self, arguments: Any) -> Any:
        if not isinstance(arguments, tuple):
            raise refuse(f"the arguments of {self.name} are no tuple")
        try:
            return self.make(*arguments)
        except (FileError, NotImplementedError):
            raise
        except (TypeError, ValueError, AttributeError, OverflowError, LookupError, RuntimeError) as error:
            raise refuse(f"{self.name} has arguments that do not fit ({str(error)[:200]})") from error


class _Mark:
    """Where a group of values begins on the stack."""


MARK = _Mark()


class Unpickler:
    """Reads one pickle of `data` from `at`; afterwards `at` is where it ends.

    Args:
        data: bytes.
        names: called with the two texts of a global, gives its value or Rule, or raises.
        persistent: called with a persistent id, the way in which PyTorch's files name storages.
        builders: what gives objects of a type their state.
    """

    def __init__(
        self, data: bytes, names: Callable[[str, str], Any], persistent: Callable[[Any], Any],
        builders: Mapping[type, Callable[[Any, Any], None]], at: int = 0,
    ) -> None:  # fmt: skip
        self.builders = builders
        self.data, self.names, self.persistent, self.at = data, names, persistent, at
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}

    def load(self) -> Any:
        """The value."""
        try:
            while True:
                code = self.data[self.at]
                self.at += 1
                if code == 0x2E:  # STOP
                    value = self.pop()
                    if self.stack or value is MARK:
                        raise refuse("the pickle ends with values left over")
                    return value
                step = _STEPS.get(code)
                if step is None:
                    raise refuse(
                        f"the pickle has the opcode {code:#04x} at byte {self.at - 1}, which is not among those of data"
                    )
                step(self)
        except (IndexError, struct.error, UnicodeDecodeError, KeyError, TypeError, ValueError) as error:
            raise refuse(f"the pickle is malformed at byte {self.at} ({str(error)[:100]})") from error

    # ---- bytes and stack ----

    def take(self, count: int) -> bytes:
        if count < 0 or self.at + count > len(self.data):
            raise refuse("the pickle is cut off")
        self.at += count
        return self.data[self.at - count : self.at]

    def number(self, form: str) -> Any:
        return struct.unpack("<" + form, self.take(struct.calcsize("<" + form)))[0]

    def line(self) -> str:
        end = self.data.index(b"\n", self.at)
        text = self.data[self.at : end].decode()
        self.at = end + 1
        return text

    def push(self, value: Any) -> None:
        self.stack.append(value)

    def pop(self) -> Any:
        return self.stack.pop()

    def group(self) -> list[Any]:
        """The values above the last mark."""
        start = len(self.stack) - 1
        while self.stack[start] is not MARK:
            if start == 0:
                raise refuse("the pickle has no mark where one is needed")
            start -= 1
        values = self.stack[start + 1 :]
        del self.stack[start:]
        return values

    # ---- steps that do more than push ----

    def find(self, module: Any, name: Any) -> None:
        if not isinstance(module, str) or not isinstance(name, str):
            raise refuse("the pickle has a global whose name is no text")
        self.push(self.names(module, name))

    def stack_global(self) -> None:
        name = self.pop()
        self.find(self.pop(), name)

    def reduce(self) -> None:
        arguments, rule = self.pop(), self.pop()
        if not isinstance(rule, Rule):
            raise refuse(f"the pickle calls a {type(rule).__name__}")
        self.push(rule(arguments))

    def build(self) -> None:
        """State of an object: of a state_dict the versions of its modules; others as the reader says."""
        state, o = self.pop(), self.stack[-1]
        give = self.builders.get(type(o))
        if give is not None:
            give(o, state)
        elif type(o) is not OrderedDict or not isinstance(state, dict) or set(state) - {"_metadata"}:
            raise refuse(f"the pickle sets attributes of a {type(o).__name__}")
        elif isinstance(state.get("_metadata"), dict):
            o._metadata = state["_metadata"]  # type: ignore[attr-defined]

    def append(self, values: list[Any]) -> None:
        if type(self.stack[-1]) is not list:
            raise refuse(f"the pickle appends to a {type(self.stack[-1]).__name__}")
        self.stack[-1].extend(values)

    def add(self, values: list[Any]) -> None:
        if type(self.stack[-1]) is not set:
            raise refuse(f"the pickle adds to a {type(self.stack[-1]).__name__}")
        self.stack[-1].update(map(key, values))

    def set_items(self, values: list[Any]) -> None:
        o = self.stack[-1]
        if type(o) not in (dict, OrderedDict) or len(values) % 2:
            raise refuse(f"the pickle sets items of a {type(o).__name__}")
        for name, value in zip(values[::2], values[1::2], strict=True):
            o[key(name)] = value

    def last(self, count: int) -> None:
        if len(self.stack) < count:
            raise refuse("the pickle takes more values than there are")
        values = tuple(self.stack[len(self.stack) - count :])
        del self.stack[len(self.stack) - count :]
        self.push(values)

    def integer(self, length: int) -> None:
        if not 0 <= length <= LONGEST_INTEGER:
            raise refuse(f"the pickle has an integer of {length} bytes")
        self.push(int.from_bytes(self.take(length), "little", signed=True))

    def keep(self, number: int) -> None:
        if self.stack[-1] is MARK:
            raise refuse("the pickle keeps a mark")
        self.memo[number] = self.stack[-1]


def whole(value: Any) -> Any:
    """A value, in which nothing is left over that only serves to make one."""
    seen: set[int] = set()
    todo = [value]
    while todo:
        o = todo.pop()
        if isinstance(o, Part):
            raise refuse(f"the file holds {o.name} where a value is expected")
        if isinstance(o, (list, tuple, dict)) and id(o) not in seen:
            seen.add(id(o))
            todo.extend(o.values() if isinstance(o, dict) else o)
    return value


def key(value: Any) -> Any:
    """A value that may be a key: hashing others could take time without end."""
    flat = value if type(value) is tuple else (value,)
    if not all(type(part) in _SCALARS for part in flat):
        raise refuse(f"the pickle has a {type(value).__name__} as a key")
    return value


def _text(form: str) -> Callable[[Unpickler], None]:
    return lambda u: u.push(u.take(u.number(form)).decode("utf-8", "surrogatepass"))


def _raw(form: str) -> Callable[[Unpickler], None]:
    return lambda u: u.push(u.take(u.number(form)))


def _number(form: str) -> Callable[[Unpickler], None]:
    return lambda u: u.push(u.number(form))


def _popped(u: Unpickler) -> list[Any]:
    return [u.pop()]


def _pair(u: Unpickler) -> list[Any]:
    value = u.pop()
    return [u.pop(), value]


_STEPS: dict[int, Callable[[Unpickler], Any]] = {
    0x80: lambda u: u.take(1),  # PROTO
    0x95: lambda u: u.take(8),  # FRAME
    ord("("): lambda u: u.push(MARK),
    ord("N"): lambda u: u.push(None),
    0x88: lambda u: u.push(True),
    0x89: lambda u: u.push(False),
    ord("K"): _number("B"), ord("M"): _number("H"), ord("J"): _number("i"),
    ord("G"): lambda u: u.push(struct.unpack(">d", u.take(8))[0]),
    0x8A: lambda u: u.integer(u.number("B")), 0x8B: lambda u: u.integer(u.number("i")),
    ord("X"): _text("I"), 0x8C: _text("B"), 0x8D: _text("Q"),
    ord("U"): _text("B"), ord("T"): _text("i"),  # texts of Python 2
    ord("C"): _raw("B"), ord("B"): _raw("I"), 0x8E: _raw("Q"),
    0x96: lambda u: u.push(bytearray(u.take(u.number("Q")))),
    ord(")"): lambda u: u.push(()),
    0x85: lambda u: u.last(1), 0x86: lambda u: u.last(2), 0x87: lambda u: u.last(3),
    ord("t"): lambda u: u.push(tuple(u.group())),
    ord("]"): lambda u: u.push([]), ord("l"): lambda u: u.push(u.group()),
    ord("a"): lambda u: u.append(_popped(u)), ord("e"): lambda u: u.append(u.group()),
    ord("}"): lambda u: u.push({}),
    ord("s"): lambda u: u.set_items(_pair(u)), ord("u"): lambda u: u.set_items(u.group()),
    0x8F: lambda u: u.push(set()), 0x90: lambda u: u.add(u.group()),
    0x91: lambda u: u.push(frozenset(map(key, u.group()))),
    ord("q"): lambda u: u.keep(u.number("B")), ord("r"): lambda u: u.keep(u.number("I")),
    0x94: lambda u: u.keep(len(u.memo)),
    ord("h"): lambda u: u.push(u.memo[u.number("B")]), ord("j"): lambda u: u.push(u.memo[u.number("I")]),
    ord("0"): lambda u: u.pop(), ord("1"): lambda u: u.group(), ord("2"): lambda u: u.push(u.stack[-1]),
    ord("c"): lambda u: u.find(u.line(), u.line()), 0x93: lambda u: u.stack_global(),
    ord("R"): lambda u: u.reduce(), 0x81: lambda u: u.reduce(),  # REDUCE, NEWOBJ
    ord("b"): lambda u: u.build(),
    ord("Q"): lambda u: u.push(u.persistent(u.pop())),
}  # fmt: skip
