"""What compiled code prints: C's standard output goes to file descriptor 1, where a notebook does not look."""

from __future__ import annotations

import ctypes
import os
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_lock = threading.RLock()


@contextmanager
def shown() -> Iterator[None]:
    """What is written to the process's standard output and error meanwhile appears on sys.stdout and sys.stderr."""
    flush = ctypes.PyDLL(None).fflush
    with _lock, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        kept: list[tuple[int, int]] = []
        sys.stdout.flush()
        sys.stderr.flush()
        flush(None)
        try:
            for number, file in ((1, out), (2, err)):
                kept.append((number, os.dup(number)))
                os.dup2(file.fileno(), number)
            yield
        finally:
            flush(None)
            for number, saved in kept:
                os.dup2(saved, number)
                os.close(saved)
            for file, stream in ((out, sys.stdout), (err, sys.stderr)):
                file.seek(0)
                text = file.read().decode(errors="replace")
                if text:
                    stream.write(text)
                    stream.flush()
