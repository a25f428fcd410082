"""Python's multiprocessing, whose queues, pipes and arguments bring tensors to other processes in memory that both
share; and `spawn`.

>>> import rustorch.multiprocessing as mp
>>> mp.get_sharing_strategy()
'file_descriptor'
"""

from __future__ import annotations

import multiprocessing
import signal
import sys
import traceback
from collections.abc import Callable
from multiprocessing import *  # noqa: F403
from multiprocessing import connection
from typing import Any

from . import _sharing

__all__ = [
    "ProcessContext", "ProcessExitedException", "ProcessRaisedException", "SpawnContext", "get_all_sharing_strategies",
    "get_sharing_strategy", "set_sharing_strategy", "spawn", "start_processes",
]  # fmt: skip
__all__ += [name for name in multiprocessing.__all__ if name not in __all__]

_sharing.register()


def get_all_sharing_strategies() -> set[str]:
    """How tensors can be sent: by the descriptor of their memory."""
    return {"file_descriptor"}


def get_sharing_strategy() -> str:
    """The way tensors are sent."""
    return "file_descriptor"


def set_sharing_strategy(new_strategy: str) -> None:
    """Accepts the one strategy there is; AssertionError for others."""
    if new_strategy not in get_all_sharing_strategies():
        raise AssertionError(f"sharing strategy {new_strategy!r} is none of {get_all_sharing_strategies()}")


class ProcessExitedException(Exception):
    """A process ended by a signal, or with a code other than 0."""

    def __init__(
        self, msg: str, error_index: int, error_pid: int, exit_code: int, signal_name: str | None = None
    ) -> None:
        super().__init__(msg)
        self.msg, self.error_index, self.error_pid = msg, error_index, error_pid
        self.exit_code, self.signal_name = exit_code, signal_name


class ProcessRaisedException(Exception):
    """A process raised; the message holds its traceback."""

    def __init__(self, msg: str, error_index: int, error_pid: int) -> None:
        super().__init__(msg)
        self.msg, self.error_index, self.error_pid = msg, error_index, error_pid


def _run(fn: Callable[..., Any], number: int, args: tuple[Any, ...], report: Any) -> None:
    try:
        fn(number, *args)
    except KeyboardInterrupt:
        pass
    except Exception:
        report.send(traceback.format_exc())
        sys.exit(1)


class ProcessContext:
    """The processes that start_processes has begun."""

    def __init__(self, processes: list[Any], reports: list[Any]) -> None:
        self.processes = processes
        self._reports = reports
        self._running = {process.sentinel: index for index, process in enumerate(processes)}

    def pids(self) -> list[int]:
        """Their numbers."""
        return [int(process.pid) for process in self.processes]

    def join(self, timeout: float | None = None, grace_period: float | None = None) -> bool:
        """Waits until one process ends (timeout in seconds); True when all have.

        When one failed the others are ended, and ProcessRaisedException or ProcessExitedException is raised.
        """
        if not self._running:
            return True
        failed = None
        for ended in connection.wait(list(self._running), timeout):
            index = self._running.pop(ended)
            self.processes[index].join()
            if self.processes[index].exitcode != 0 and failed is None:
                failed = index
        if failed is None:
            return not self._running
        for process in self.processes:
            if process.is_alive():
                process.terminate()
            process.join(grace_period)
            if process.is_alive():
                process.kill()
                process.join()
        raise self._failure(failed)

    def _failure(self, index: int) -> Exception:
        process = self.processes[index]
        try:
            told = self._reports[index].recv()
        except EOFError:  # it went without a word
            told = None
        if told is not None:
            text = f"\n\n-- Process {index} terminated with the following error:\n{told}"
            return ProcessRaisedException(text, index, process.pid)
        code, name = process.exitcode, None
        if code < 0:
            name = signal.Signals(-code).name
            text = f"process {index} terminated with signal {name}"
        else:
            text = f"process {index} terminated with exit code {code}"
        return ProcessExitedException(text, index, process.pid, code, name)


SpawnContext = ProcessContext


def start_processes(
    fn: Callable[..., Any], args: tuple[Any, ...] = (), nprocs: int = 1, join: bool = True, daemon: bool = False,
    start_method: str = "spawn",
) -> ProcessContext | None:  # fmt: skip
    """Runs fn(i, *args) in nprocs processes, i from 0 on.

    join: waits for all, and raises ProcessRaisedException or ProcessExitedException when one fails; otherwise the
    ProcessContext is given, to be joined.  start_method: "spawn", "fork" or "forkserver".
    """
    context: Any = multiprocessing.get_context(start_method)
    processes, reports = [], []
    for number in range(nprocs):
        here, there = context.Pipe(duplex=False)
        process = context.Process(target=_run, args=(fn, number, args, there), daemon=daemon)
        process.start()
        there.close()
        processes.append(process)
        reports.append(here)
    running = ProcessContext(processes, reports)
    if not join:
        return running
    while not running.join():
        continue
    return None


def spawn(
    fn: Callable[..., Any], args: tuple[Any, ...] = (), nprocs: int = 1, join: bool = True, daemon: bool = False,
    start_method: str = "spawn",
) -> ProcessContext | None:  # fmt: skip
    """start_processes: runs fn(i, *args) in nprocs processes."""
    return start_processes(fn, args, nprocs, join, daemon, start_method)
