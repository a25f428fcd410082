"""Shared libraries from source text: which compiler, where they are kept, what its messages look like."""

from __future__ import annotations

import ctypes
import hashlib
import os
import platform
import shlex
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from .. import RusTorchError


class CellError(RusTorchError):
    """A cell that could not be compiled: the message is the compiler's, with the lines numbered as in the cell."""

    def _render_traceback_(self) -> list[str]:
        return str(self).splitlines()


def c_compiler() -> list[str]:
    """The command of the C compiler: $CC, or the first of cc, gcc and clang.  CellError when there is none."""
    named = shlex.split(os.environ.get("CC", ""))
    for command in [named] if named else [["cc"], ["gcc"], ["clang"]]:
        if shutil.which(command[0]):
            return command
    missing = f"CC={named[0]} is not there" if named else "none of cc, gcc and clang is on PATH"
    raise CellError(f"%%rustorch needs a C compiler: {missing} (Debian and Ubuntu: apt-get install gcc)")


def rust_compiler() -> list[str]:
    """The command of the Rust compiler: $RUSTC or rustc.  CellError when it is missing."""
    command = shlex.split(os.environ.get("RUSTC", "")) or ["rustc"]
    if not shutil.which(command[0]):
        raise CellError(f"%%rustorch: a Rust cell needs rustc, and {command[0]} is not on PATH (see https://rustup.rs)")
    return command


def _run(command: Sequence[str], place: str | None = None) -> subprocess.CompletedProcess[str]:
    """Runs a compiler, without the libraries that were preloaded into this process."""
    environment = {name: value for name, value in os.environ.items() if name != "LD_PRELOAD"}
    return subprocess.run(command, cwd=place, text=True, capture_output=True, env=environment)


@cache
def _version(command: tuple[str, ...]) -> str:
    return _run([*command, "--version"]).stdout


@cache
def _machine() -> str:
    """The processor, for code that is compiled for this one."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    telling = ("model name", "flags", "Features", "CPU part")
    return "\n".join(sorted({line for line in lines if line.startswith(telling)}))


def _is_ours(folder: Path) -> bool:
    facts = folder.lstat()
    return stat.S_ISDIR(facts.st_mode) and facts.st_uid == os.getuid() and not facts.st_mode & 0o022


@cache
def _private_folder() -> Path:
    return Path(tempfile.mkdtemp(prefix="rustorch-cells-"))


def cache_folder() -> Path:
    """Where compiled cells are kept: ``$RUSTORCH_CACHE_DIR/cells``, else ``~/.cache/rustorch/cells`` (as XDG_CACHE_HOME
    says).  Others' code is never loaded: a folder that is not the user's own, or that others may write, is passed over
    for a fresh one of this process."""
    given = os.environ.get("RUSTORCH_CACHE_DIR")
    home = Path(given) if given else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "rustorch"
    folder = home / "cells"
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if _is_ours(folder) and _is_ours(home):
            return folder
    except OSError:
        pass
    return _private_folder()


def compile_cell(command: Sequence[str], files: dict[str, str]) -> tuple[Path, str]:
    """The library that `command`, run where `files` are, writes to ``cell.so``; from the cache when it is there.

    Returns:
        Its path, and the compiler's warnings (empty when it came from the cache).

    Raises:
        CellError: the compiler refused; the message is what it said.
    """
    texts = [part for item in sorted(files.items()) for part in item]
    parts = [_machine(), _version(tuple(command[:1])), *command, *texts]
    name = hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32] + ".so"
    kept = cache_folder() / name
    if kept.exists() and kept.stat().st_uid == os.getuid():
        return kept, ""
    with tempfile.TemporaryDirectory(dir=kept.parent, prefix="build-") as place:
        for file, text in files.items():
            Path(place, file).write_text(text)
        done = _run(command, place)
        said = (done.stderr + done.stdout).strip()
        if done.returncode:
            raise CellError(said or f"{command[0]} failed with status {done.returncode}")
        os.replace(Path(place, "cell.so"), kept)
    return kept, said


def load(path: Path) -> ctypes.PyDLL:
    """The library, its functions called with the GIL held; a Python exception they set is raised."""
    try:
        return ctypes.PyDLL(str(path))
    except OSError as error:
        path.unlink(missing_ok=True)
        raise CellError(f"%%rustorch: the compiled cell cannot be loaded: {error}") from None


def clear_cache() -> int:
    """Deletes what was compiled; how many libraries there were."""
    found = list(cache_folder().glob("*.so"))
    for path in found:
        path.unlink(missing_ok=True)
    return len(found)
