"""Rust cells: statements, run at once, on a Tensor type that holds rustorch's own tensors."""

from __future__ import annotations

import ctypes
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy

import rustorch

from . import output
from .compiler import compile_cell, load, rust_compiler

_RUST = re.compile(
    r"^\s*(?:let\s+(?:mut\s+)?[\w(]|use\s+[\w:]+::|(?:pub\s+)?fn\s+\w+|impl\b|#!?\[)|\b(?:e?print(?:ln)?|format|vec|assert(?:_eq)?)!"
    r"|\bTensor::",
    re.MULTILINE,
)
_MAIN = re.compile(r"^\s*(?:pub\s+)?fn\s+main\s*\(", re.MULTILINE)


def is_rust(cell: str) -> bool:
    """Does the text look like Rust, rather than C?

    >>> is_rust("let tensor = Tensor::randn(&[3, 3]);"), is_rust("double f(double x) { return 2 * x; }")
    (True, False)
    """
    return bool(_RUST.search(re.sub(r"//[^\n]*|/\*.*?\*/", " ", cell, flags=re.DOTALL)))


def _kind(name: str, value: Any) -> str:
    for kinds, word in ((bool, "bool"), (int, "i64"), (float, "f64"), (str, "String"), (rustorch.Tensor, "Tensor")):
        if isinstance(value, kinds):
            return word
    raise TypeError(f"%%rustorch: Rust has no type for {name}, a {type(value).__name__}")


def run(cell: str, inputs: dict[str, Any], outputs: Sequence[str], flags: Sequence[str] = ()) -> dict[str, Any]:
    """Compiles a cell and runs it with `inputs` in scope; the values its variables `outputs` have at the end.

    Raises:
        CellError: rustc is missing, or refused the cell.
        RuntimeError: the cell panicked or ended in an error; a Python exception within it is raised as it is.
    """
    values = {k: rustorch.asarray(v) if isinstance(v, numpy.ndarray) else v for k, v in inputs.items()}
    given = " ".join(
        f'#[allow(unused_mut)] let mut {name}: {_kind(name, value)} = variables.get("{name}");'
        for name, value in values.items()
    )
    taken = " ".join(f'variables.set("{name}", &{name});' for name in outputs)
    # line 1 is the line of the magic, so that the compiler counts as the notebook does
    begin = (
        "#[allow(unused_imports)] use rustorch_prelude::*; "
        "fn rustorch_cell(variables: Variables) -> Result<(), Box<dyn std::error::Error>> "
        "{ let _ = &variables; " + given
    )
    main = "; let _ = main()" if _MAIN.search(cell) else ""
    end = (
        f"; {taken} Ok(()) }}\n"
        '#[no_mangle] pub extern "C" fn rustorch_cell_run(variables: *mut std::os::raw::c_void) -> std::os::raw::c_int '
        "{ rustorch_prelude::run(move || rustorch_cell(Variables(variables))) }\n"
    )
    text = f"{begin}\n{cell}\n{main}{end}{Path(__file__).with_name('prelude.rs').read_text()}"
    command = [*rust_compiler(), "--edition=2021", "--crate-type=cdylib", "--crate-name=cell", "-Copt-level=2",
               "-Aunused", "--color=never", *flags, "-o", "cell.so", "cell.rs"]  # fmt: skip
    path, _ = compile_cell(command, {"cell.rs": text})
    entry = load(path).rustorch_cell_run
    entry.argtypes, entry.restype = [ctypes.py_object], ctypes.c_int
    with output.shown():
        entry(values)
    return {name: values[name] for name in outputs}
