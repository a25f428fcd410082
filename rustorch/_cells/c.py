"""C cells: functions that become Python's, or statements that run at once."""

from __future__ import annotations

import ctypes
import operator
import re
import sys
import sysconfig
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy

import rustorch

from . import output
from .compiler import CellError, c_compiler, compile_cell, load
from .signature import Function, Type, functions

FLAGS = ("-std=gnu17", "-O2", "-march=native", "-Wall", "-fPIC", "-shared")
_PRINTS = re.compile(r"\b(?:\w*printf|f?put[sc]|putchar|perror|fwrite|write|std(?:out|err))\b")

BEGIN = """\
#if __has_include(<Python.h>)
#include <Python.h>
#include <rustorch.h>
int rustorch_cell_begin(void) { return rustorch_import(); }
int rustorch_cell_will_write(PyObject *t) { return rustorch->will_write(t); }
#endif
#include <complex.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
"""

_INTEGERS: dict[str, Any] = {
    "char": ctypes.c_char, "signed char": ctypes.c_byte, "unsigned char": ctypes.c_ubyte, "short": ctypes.c_short,
    "unsigned short": ctypes.c_ushort, "int": ctypes.c_int, "unsigned": ctypes.c_uint, "unsigned int": ctypes.c_uint,
    "long": ctypes.c_long, "unsigned long": ctypes.c_ulong, "long long": ctypes.c_longlong,
    "unsigned long long": ctypes.c_ulonglong, "int8_t": ctypes.c_int8, "uint8_t": ctypes.c_uint8,
    "int16_t": ctypes.c_int16, "uint16_t": ctypes.c_uint16, "int32_t": ctypes.c_int32, "uint32_t": ctypes.c_uint32,
    "int64_t": ctypes.c_int64, "uint64_t": ctypes.c_uint64, "size_t": ctypes.c_size_t, "ssize_t": ctypes.c_ssize_t,
    "ptrdiff_t": ctypes.c_ssize_t, "intptr_t": ctypes.c_ssize_t, "uintptr_t": ctypes.c_size_t,
    "Py_ssize_t": ctypes.c_ssize_t,
}  # fmt: skip
del _INTEGERS["char"]  # as a number its sign is anybody's guess
_FLOATS: dict[str, Any] = {"float": ctypes.c_float, "double": ctypes.c_double}
_BOOLS = {"bool", "_Bool"}
_DTYPES: dict[str, Any] = {
    "float": "float32", "double": "float64", "float complex": "complex64", "double complex": "complex128",
    "bool": "bool", "_Bool": "bool", "void": None,
    **{name: numpy.dtype(kind).name for name, kind in _INTEGERS.items()},
}  # fmt: skip
_C_NAMES = {
    "float32": "float", "float64": "double", "complex64": "float complex", "complex128": "double complex",
    "bool": "bool", **{f"{sign}int{bits}": f"{sign}int{bits}_t" for sign in ("", "u") for bits in (8, 16, 32, 64)},
}  # fmt: skip

Convert = Callable[[Any], Any]


def _tensor(name: str, type: Type) -> Convert:
    def convert(value: Any) -> Any:
        if isinstance(value, numpy.ndarray):
            value = rustorch.asarray(value)
        if not isinstance(value, rustorch.Tensor):
            raise TypeError(f"{name} ({type}): needs a tensor or an array, not {value.__class__.__name__}")
        return value

    return convert


def _memory(name: str, type: Type, will_write: Callable[[Any], Any]) -> Convert:
    """A tensor's memory for a pointer parameter, after all that could go wrong was looked at."""
    dtype, tensor = _DTYPES[type.base], _tensor(name, type)

    def convert(value: Any) -> Any:
        if value is None:
            return None
        value = tensor(value)
        if dtype and str(value.dtype) != dtype:
            hint = f"convert it with .to('{dtype}')"
            raise TypeError(f"{name} ({type}): needs a {dtype} tensor, not {value.dtype}; {hint}")
        if not value.is_contiguous():
            raise ValueError(f"{name} ({type}): the tensor is not contiguous; use .contiguous()")
        if not type.const:
            try:
                will_write(value)
            except Exception as error:
                raise error.__class__(f"{name} ({type}): {error}; or declare it const") from None
        return value.data_ptr()

    return convert


def _integer(name: str, type: Type) -> Convert:
    kind = _INTEGERS[type.base]
    signed = kind(-1).value < 0
    bits = 8 * ctypes.sizeof(kind)
    low, high = (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)

    def convert(value: Any) -> int:
        try:
            number = operator.index(value)
        except TypeError:
            raise TypeError(f"{name} ({type}): needs an integer, not {value.__class__.__name__}") from None
        if not low <= number <= high:
            raise OverflowError(f"{name} ({type}): {number} is not within {low} and {high}")
        return number

    return convert


def _floating(name: str, type: Type) -> Convert:
    def convert(value: Any) -> float:
        if not hasattr(value, "__float__") and not hasattr(value, "__index__"):
            raise TypeError(f"{name} ({type}): needs a number, not {value.__class__.__name__}")
        return float(value)

    return convert


def _text(name: str, type: Type) -> Convert:
    def convert(value: Any) -> bytes:
        if isinstance(value, str):
            value = value.encode()
        if not isinstance(value, bytes) or b"\0" in value:
            raise TypeError(f"{name} ({type}): needs a string without zero bytes, not {value!r}")
        return value

    return convert


def _argument(name: str, type: Type, will_write: Callable[[Any], Any]) -> tuple[Any, Convert]:
    """ctypes' type of a parameter, and what makes it of a Python value.  LookupError: Python cannot."""
    if type.pointer:
        if type.base == "PyObject":
            return ctypes.py_object, lambda value: value
        if type.base == "rustorch_tensor":
            return ctypes.py_object, _tensor(name, type)
        if type.base == "char" and type.const:
            return ctypes.c_char_p, _text(name, type)
        if type.base in _DTYPES:
            return ctypes.c_void_p, _memory(name, type, will_write)
    elif type.base in _INTEGERS:
        return _INTEGERS[type.base], _integer(name, type)
    elif type.base in _FLOATS:
        return _FLOATS[type.base], _floating(name, type)
    elif type.base in _BOOLS:
        return ctypes.c_bool, bool
    raise LookupError(f"argument '{name}' has type {type}")


def _result(type: Type | None) -> Any:
    if type is None:
        return None
    if type.pointer:
        if type.base in ("PyObject", "rustorch_tensor"):
            return ctypes.py_object
        if type.base == "char":
            return ctypes.c_char_p
    elif type.base in _BOOLS:
        return ctypes.c_bool
    elif type.base in _INTEGERS or type.base in _FLOATS:
        return _INTEGERS.get(type.base) or _FLOATS[type.base]
    raise LookupError(f"its result has type {type}")


class CellFunction:
    """A function of a C cell: tensors go in as their memory, without a copy; numbers and strings by value."""

    def __init__(self, function: Function, library: ctypes.PyDLL, prints: bool) -> None:
        self.__name__ = self.__qualname__ = function.name
        self.__doc__ = function.text
        self._prints = prints
        self._names = tuple(name for name, _ in function.parameters)
        made = [_argument(name, type, library.rustorch_cell_will_write) for name, type in function.parameters]
        self._converts = tuple(convert for _, convert in made)
        self._call = library[function.name]
        self._call.argtypes = [kind for kind, _ in made]
        self._call.restype = _result(function.result)

    def __call__(self, *args: Any, **keywords: Any) -> Any:
        if keywords:
            args = self._in_order(args, keywords)
        if len(args) != len(self._converts):
            raise TypeError(f"{self.__name__}: takes {len(self._converts)} arguments, not {len(args)}: {self.__doc__}")
        try:
            values = [convert(value) for convert, value in zip(self._converts, args, strict=True)]
        except (TypeError, ValueError, OverflowError, RuntimeError) as error:
            raise error.__class__(f"{self.__name__}: argument {error}") from None
        if self._prints:
            with output.shown():
                result = self._call(*values)
        else:
            result = self._call(*values)
        return result.decode(errors="replace") if isinstance(result, bytes) else result

    def _in_order(self, args: tuple[Any, ...], keywords: dict[str, Any]) -> tuple[Any, ...]:
        rest = self._names[len(args) :]
        if set(keywords) != set(rest):
            wrong = ", ".join(sorted(set(keywords) ^ set(rest)))
            raise TypeError(f"{self.__name__}: missing, unknown or repeated arguments {wrong}: {self.__doc__}")
        return (*args, *(keywords[name] for name in rest))

    def __repr__(self) -> str:
        return f"<C function {self.__doc__}>"


def _build(cell: str, before: str, after: str, flags: Sequence[str]) -> ctypes.PyDLL:
    """The cell stands in line 2, where the notebook shows it; what surrounds it is in other files."""
    include = sysconfig.get_path("include")
    libraries = [flag for flag in flags if flag.startswith(("-l", "-L", "-Wl,"))]
    others = [flag for flag in flags if flag not in libraries]
    command = [*c_compiler(), *FLAGS, *others, "-I.", f"-I{include}", "-include", "begin.h", "cell.c"]
    header = Path(rustorch.get_include(), "rustorch.h").read_text()
    files = {"rustorch.h": header, "begin.h": BEGIN + before, "end.h": after, "cell.c": f'\n{cell}\n#include "end.h"\n'}
    path, warnings = compile_cell([*command, "-o", "cell.so", *libraries, "-lm"], files)
    if warnings:
        print(warnings, file=sys.stderr)
    library = load(path)
    try:
        begin, will_write = library.rustorch_cell_begin, library.rustorch_cell_will_write
    except AttributeError:
        missing = f"Python.h is not in {include} (Debian and Ubuntu: apt-get install python3-dev)"
        raise CellError(f"%%rustorch needs Python's headers: {missing}") from None
    will_write.argtypes = [ctypes.py_object]
    begin()
    return library


def define(cell: str, flags: Sequence[str] = ()) -> dict[str, CellFunction]:
    """Compiles a cell of functions; those that are not static, by name."""
    found, refused = functions(cell)
    library = _build(cell, "", "", flags)
    made = {}
    for function in found:
        try:
            made[function.name] = CellFunction(function, library, bool(_PRINTS.search(cell)))
        except LookupError as why:
            refused.append(f"{function.name}: {why.args[0]}")
    for text in refused:
        print(f"%%rustorch: not for Python: {text}; declare it static", file=sys.stderr)
    return made


def _declare(name: str, value: Any) -> list[tuple[str, Type, Any]]:
    """The C variables that a Python value becomes."""
    if isinstance(value, bool):
        return [(name, Type("bool"), value)]
    if isinstance(value, int):
        return [(name, Type("int64_t"), value)]
    if isinstance(value, float):
        return [(name, Type("double"), value)]
    if isinstance(value, str):
        return [(name, Type("char", pointer=True, const=True), value)]
    if isinstance(value, numpy.ndarray):
        value = rustorch.asarray(value)
    if not isinstance(value, rustorch.Tensor):
        return [(name, Type("PyObject", pointer=True), value)]
    base = _C_NAMES.get(str(value.dtype))
    if base is None:
        raise TypeError(f"%%rustorch: C has no type for {name}, a tensor of {value.dtype}")
    shape = rustorch.asarray(list(value.shape), dtype="int64")
    return [
        (name, Type(base, pointer=True, const=value.readonly or value.requires_grad), value),
        (name + "_size", Type("int64_t"), value.numel()),
        (name + "_ndim", Type("int64_t"), value.ndim),
        (name + "_shape", Type("int64_t", pointer=True, const=True), shape),
    ]


def run(cell: str, inputs: dict[str, Any], outputs: Sequence[str], flags: Sequence[str] = ()) -> dict[str, Any]:
    """Compiles statements and runs them with `inputs` in scope; the objects they set as `outputs`."""
    variables = [variable for name, value in inputs.items() for variable in _declare(name, value)]
    parameters = ", ".join(f"{type}{'' if type.pointer else ' '}{name}" for name, type, _ in variables)
    parameters += f"{', ' if variables else ''}PyObject **rustorch_out"
    named = "".join(f"#define {name} (rustorch_out[{i}])\n" for i, name in enumerate(outputs))
    library = _build(cell, f"{named}void rustorch_cell_run({parameters})\n{{\n", "\n}\n", flags)
    made = [_argument(name, type, library.rustorch_cell_will_write) for name, type, _ in variables]
    body = library.rustorch_cell_run
    body.argtypes = [*(kind for kind, _ in made), ctypes.c_void_p]
    body.restype = None
    values = [convert(value) for (_, convert), (_, _, value) in zip(made, variables, strict=True)]
    results = (ctypes.py_object * (len(outputs) or 1))()
    with output.shown():
        body(*values, ctypes.addressof(results))
    taken = {}
    for i, name in enumerate(outputs):
        try:
            taken[name] = results[i]
        except ValueError:
            raise CellError(f"%%rustorch: the cell did not set '{name}', which -o asks for") from None
        ctypes.pythonapi.Py_DecRef(ctypes.py_object(taken[name]))  # the array had borrowed the cell's reference
    return taken
