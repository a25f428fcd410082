"""Files that are replaced only when the new one is complete."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterator
from typing import Any, BinaryIO


@contextlib.contextmanager
def replacing(f: Any) -> Iterator[BinaryIO]:
    """A file to write to: f itself when it is open, else a new file that takes the path f at the end, if all went well.

    The new file is on disk before it gets its name, so that a crash leaves the old file or the new one.
    """
    if hasattr(f, "write"):
        yield f
        return
    path = os.path.realpath(os.fsdecode(os.fspath(f)))  # a link stays one
    if os.path.exists(path) and not os.path.isfile(path):  # a device or pipe, which is to stay
        with open(path, "wb") as file:
            yield file
        return
    folder = os.path.dirname(path)
    temporary = os.path.join(folder, f".save-{secrets.token_hex(8)}")
    made = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0), 0o666)
    try:
        with os.fdopen(made, "wb") as file:
            if os.path.exists(path):
                os.chmod(temporary, os.stat(path).st_mode & 0o7777)
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
