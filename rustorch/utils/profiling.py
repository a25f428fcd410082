"""Profiler: start, stop, and what was found, for those who like it short."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from .. import profiler


class Profiler:
    """A profile that is started and stopped by hand, or by a with block of its method profile().

    Args:
        options: keywords of rustorch.profiler.profile.

    >>> import rustorch as rt
    >>> profiler = rt.utils.Profiler()
    >>> with profiler.profile():
    ...     y = rt.ones(3) + 1
    >>> "add" in profiler.summary()
    True
    """

    def __init__(self, **options: Any) -> None:
        self._options = options
        self._profile: profiler.profile | None = None
        self._running = False
        profiler.profile(**options)  # wrong options are told now

    def start(self) -> None:
        """Begins anew; RuntimeError when it is running."""
        if self._running:
            raise RuntimeError("Profiler.start: it is running already")
        self._profile = profiler.profile(**self._options)
        self._profile.start()
        self._running = True

    def stop(self) -> None:
        """Ends; RuntimeError when it is not running."""
        if not self._running:
            raise RuntimeError("Profiler.stop: it is not running; call start() first")
        self._running = False
        self.result.stop()

    @contextmanager
    def profile(self) -> Iterator[profiler.profile]:
        """start() and stop() around a with block, which is given the profile."""
        self.start()
        try:
            yield self.result
        finally:
            self.stop()

    @property
    def result(self) -> profiler.profile:
        """The profile: events, averages, traces.  RuntimeError before start()."""
        if self._profile is None:
            raise RuntimeError("Profiler: nothing was recorded yet; call start() and stop(), or use profile()")
        return self._profile

    def summary(self, sort_by: str = "self_cpu_time_total", row_limit: int = 30) -> str:
        """The table of ops as text, the most expensive first."""
        if self._running:
            raise RuntimeError("Profiler.summary: it is still running; call stop() first")
        return self.result.summary(sort_by, row_limit)

    def print_stats(self, sort_by: str = "self_cpu_time_total", row_limit: int = 30) -> None:
        """Prints summary()."""
        print(self.summary(sort_by, row_limit))

    def export_chrome_trace(self, path: Any) -> None:
        """Writes a trace that Perfetto opens."""
        self.result.export_chrome_trace(path)
