"""The magics ``%%rustorch`` and ``%rustorch``."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Callable
from typing import Any, NoReturn

from . import c, rust
from .compiler import CellError, c_compiler, cache_folder, clear_cache, rust_compiler
from .signature import has_functions


def _usage(message: str) -> Exception:
    from IPython.core.error import UsageError

    error: Exception = UsageError(message)
    return error


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise _usage(f"{self.prog}: {message}\n{self.format_usage().strip()}")


_CELL = _Parser("%%rustorch", add_help=False, allow_abbrev=False)
_CELL.add_argument("-i", "--input", action="append", default=[], metavar="NAMES")
_CELL.add_argument("-o", "--output", action="append", default=[], metavar="NAMES")
_CELL.add_argument("--lang", choices=["c", "rust"])
_CELL.add_argument("--flags", default="")
_LINE = _Parser("%rustorch", add_help=False, allow_abbrev=False)
_LINE.add_argument("--clear", action="store_true")


def _parse(parser: _Parser, line: str) -> argparse.Namespace:
    try:
        return parser.parse_args(shlex.split(line))
    except ValueError as error:
        raise _usage(f"{parser.prog}: {error}") from None


def _names(texts: list[str]) -> list[str]:
    names = [name for text in texts for name in text.replace(",", " ").split()]
    for name in names:
        if not name.isidentifier() or not name.isascii():
            raise _usage(f"%%rustorch: {name!r} is no name of a variable")
    return names


def _found(command: Callable[[], list[str]]) -> str:
    try:
        return " ".join(command())
    except CellError:
        return "no compiler"


class Magic:
    """The two magics of one shell."""

    def __init__(self, shell: Any) -> None:
        self.shell = shell

    def cell(self, line: str, text: str) -> None:
        """%%rustorch [-i NAMES] [-o NAMES] [--lang c|rust] [--flags FLAGS]

        Compiles a cell of C or Rust and runs it in this process.

        A C cell of functions makes each that is not static a function of the notebook: tensors come in as pointers
        to their memory (double *x), numbers by value, anything as PyObject *x, with the functions of rustorch.h.
        A C cell of statements, or a Rust cell, runs at once.

          -i x,y    variables of the notebook that the statements see
          -o z      variables that they set
          --lang    the language; without it, the text tells
          --flags   for the compiler, in quotes: --flags '-O3 -ffast-math'
        """
        given = _parse(_CELL, line)
        inputs, outputs = _names(given.input), _names(given.output)
        missing = [name for name in inputs if name not in self.shell.user_ns]
        if missing:
            raise _usage(f"%%rustorch: -i {missing[0]}: there is no such variable")
        values = {name: self.shell.user_ns[name] for name in inputs}
        flags = shlex.split(given.flags)
        made: dict[str, Any]
        if (given.lang or ("rust" if rust.is_rust(text) else "c")) == "rust":
            made = rust.run(text, values, outputs, flags)
        elif inputs or outputs or not has_functions(text):
            made = c.run(text, values, outputs, flags)
        else:
            made = dict(c.define(text, flags))
        self.shell.push(made)

    def line(self, line: str) -> None:
        """%rustorch [--clear]

        Shows what rustorch runs with and which compilers its cells have; --clear deletes the compiled cells that
        were kept.
        """
        if _parse(_LINE, line).clear:
            print(f"{clear_cache()} compiled cells deleted from {cache_folder()}")
            return
        from ..config import show_config

        print(show_config())
        print(f"C cells: {_found(c_compiler)}; Rust cells: {_found(rust_compiler)}; kept in {cache_folder()}")


def past_comments(lines: list[str]) -> list[str]:
    """A cell whose %%rustorch stands below comments, with the magic first, as IPython wants it; others as they are.

    >>> past_comments(["# a note\\n", "%%rustorch\\n", "double x;\\n"])
    ['%%rustorch\\n', '\\n', 'double x;\\n']
    """
    at = next((i for i, line in enumerate(lines) if line.strip() and not line.startswith("#")), 0)
    if not lines or not lines[at].startswith("%%rustorch"):
        return lines
    return [lines[at], *["\n"] * at, *lines[at + 1 :]]  # the lines keep their numbers


def register(shell: Any) -> None:
    """Gives an IPython shell the two magics."""
    magic = Magic(shell)
    if past_comments not in shell.input_transformers_cleanup:
        shell.input_transformers_cleanup.append(past_comments)
    shell.register_magic_function(magic.cell, "cell", "rustorch")
    shell.register_magic_function(magic.line, "line", "rustorch")
