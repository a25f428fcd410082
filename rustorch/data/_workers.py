"""Crews that load ahead: worker processes, each at the other end of its own socket, and gathering threads.

A crew takes tasks (pass, number, task) for a worker and gives back ((pass, number), value) in the
same order for each worker.  Every wait looks after the worker it waits for.
"""

from __future__ import annotations

import multiprocessing
import os
import queue
import signal
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable
from multiprocessing.connection import Connection, wait
from typing import Any

from .._C import set_num_threads
from ._failure import Failure
from ._fetch import Fetcher, WorkerInfo, batch_seed, become_worker, own_randomness, seed_everything
from ._parcel import Mailbox

LOOK = 5.0  # seconds after which a wait looks whether the other side is alive
GOODBYE = 2.0  # seconds a worker has to end by itself
BLOCKS = 32  # batches in shared memory that a worker keeps to write again


class Exhausted:
    """What a worker answers when its iterable dataset has come to an end."""


class Timeout(RuntimeError):
    """A batch has not come in time."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"DataLoader timed out after {seconds:g} seconds")


# ---- in the worker process ----


def work(
    conn: Connection, id: int, num_workers: int, fetcher: Fetcher, init: Callable[[int], None] | None, base: int,
    inherited: list[Connection],
) -> None:  # fmt: skip
    """A worker's life: answers tasks until it is told to stop or the other side is gone."""
    for other in inherited:
        other.close()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the consumer's business
    set_num_threads(1)
    where = f"in DataLoader worker process {id}"
    broken: Failure | None = None
    seed_everything(base + id)
    become_worker(WorkerInfo(id, num_workers, base + id, fetcher.dataset))
    try:
        if init is not None:
            init(id)
    except Exception:
        broken = Failure(where)
    box, pending = Mailbox(conn, BLOCKS), deque[Any]()
    current, ended = 0, False
    while True:
        message = _take(box, pending)
        if message is None:
            return
        (turn, number), (base, task) = message
        if turn != current:
            current, ended = turn, False
            fetcher.restart()
            if fetcher.iterable and turn > 1:
                seed_everything(base + id)
        value: Any = broken
        if broken is None:
            ended, value = _answer(fetcher, number, base, task, ended, init is None, where)
        try:
            try:
                box.send((turn, number), value)
            except (OSError, EOFError):
                raise
            except Exception:  # what the batch holds cannot be sent
                box.send((turn, number), Failure(where))
        except (OSError, EOFError):
            return


def _take(box: Mailbox, pending: deque[Any]) -> Any:
    """The next task; None to end.  Reads all there are, so that the word to stop is heard at once."""
    parent = multiprocessing.parent_process()
    while True:
        try:
            while box.conn.poll(0 if pending else LOOK):
                tag, value = box.receive()
                if tag is None:
                    return None
                pending.append((tag, value))
        except (OSError, EOFError):
            return None
        if pending:
            return pending.popleft()
        if parent is not None and not parent.is_alive():
            return None


def _answer(
    fetcher: Fetcher, number: int, base: int, task: Any, ended: bool, seeds: bool, where: str
) -> tuple[bool, Any]:
    if ended:
        return True, Exhausted()
    try:
        if fetcher.iterable:
            return False, fetcher.fetch(task)
        seed = batch_seed(base, number)
        if seeds:
            seed_everything(seed)
        with own_randomness(seed):
            return False, fetcher.fetch(task)
    except StopIteration:
        if fetcher.iterable:
            return True, Exhausted()
        return False, Failure(where)
    except Exception:
        return False, Failure(where)


# ---- in the consumer's process ----


class Processes:
    """Worker processes.

    Args:
        count: how many; fetcher, init, base: what each of them is given.
        context: how they are started, a context of multiprocessing or None for the default.
    """

    def __init__(
        self, count: int, fetcher: Fetcher, init: Callable[[int], None] | None, base: int, context: Any
    ) -> None:
        context = context or multiprocessing.get_context()
        self.pid = os.getpid()
        self.boxes: list[Mailbox] = []
        self.processes: list[Any] = []
        try:
            for id in range(count):
                mine, theirs = context.Pipe(duplex=True)
                self.boxes.append(Mailbox(mine))
                inherited = [box.conn for box in self.boxes] if context.get_start_method() == "fork" else []
                args = (theirs, id, count, fetcher, init, base, inherited)
                process = context.Process(target=work, args=args, daemon=True)
                process.start()
                theirs.close()
                self.processes.append(process)
        except BaseException:
            self.close()
            raise

    def send(self, worker: int, tag: tuple[int, int], task: Any) -> None:
        """Gives a worker a task."""
        try:
            self.boxes[worker].send(tag, task)
        except (BrokenPipeError, ConnectionResetError):
            self._mourn(worker)

    def receive(self, worker: int | None, timeout: float) -> tuple[int, Any, Any]:
        """The next answer of a worker, or of any: (worker, tag, value)."""
        wanted = range(len(self.boxes)) if worker is None else (worker,)
        conns: dict[Any, int] = {self.boxes[w].conn: w for w in wanted}
        sentinels: dict[Any, int] = {self.processes[w].sentinel: w for w in wanted}
        deadline = time.monotonic() + timeout if timeout > 0 else None
        while True:
            patience = LOOK if deadline is None else max(0.0, min(LOOK, deadline - time.monotonic()))
            ready = wait([*conns, *sentinels], patience)
            for conn in ready:
                if conn in conns:
                    try:
                        tag, value = self.boxes[conns[conn]].receive()
                    except (EOFError, ConnectionResetError, BrokenPipeError):
                        self._mourn(conns[conn])
                    return conns[conn], tag, value
            for sentinel in ready:  # nothing to read any more, and the process is gone
                self._mourn(sentinels[sentinel])
            if deadline is not None and time.monotonic() >= deadline:
                raise Timeout(timeout)

    def _mourn(self, worker: int) -> None:
        process = self.processes[worker]
        process.join(1)
        code = process.exitcode
        how = f"killed by signal {signal.Signals(-code).name}" if code is not None and code < 0 else f"exit code {code}"
        raise RuntimeError(f"DataLoader worker (pid(s) {process.pid}) exited unexpectedly ({how})")

    def close(self) -> None:
        """Ends the workers: by asking, then by force."""
        if os.getpid() != self.pid:  # a copy in a forked process: not its workers
            return
        for box in self.boxes:
            try:
                os.set_blocking(box.conn.fileno(), False)
                box.send(None, None)
            except OSError:
                pass
            box.close()
        deadline = time.monotonic() + GOODBYE
        for process in self.processes:
            process.join(max(0.0, deadline - time.monotonic()))
        for force in ("terminate", "kill"):
            for process in self.processes:
                if process.is_alive():
                    getattr(process, force)()
            for process in self.processes:
                process.join(1)
        self.boxes, self.processes = [], []


class Threads:
    """Threads that gather batches; the copying itself runs without the interpreter's lock.

    Args:
        count: how many.
        gather: makes the batch of a task.
        in_order: each worker's answers are asked for by its number; else those of any worker.
    """

    def __init__(self, count: int, gather: Callable[[Any], Any], in_order: bool) -> None:
        self.tasks: list[queue.SimpleQueue[Any]] = [queue.SimpleQueue() for _ in range(count)]
        shared: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self.answers: list[queue.SimpleQueue[Any]] = [queue.SimpleQueue() if in_order else shared for _ in range(count)]
        self.threads = [
            threading.Thread(target=_gather_loop, args=(w, self.tasks[w], self.answers[w], gather), daemon=True,
                             name=f"rustorch-loader-{w}")
            for w in range(count)
        ]  # fmt: skip
        for thread in self.threads:
            thread.start()

    def send(self, worker: int, tag: tuple[int, int], task: Any) -> None:
        """Gives a worker a task."""
        self.tasks[worker].put((tag, task))

    def receive(self, worker: int | None, timeout: float) -> tuple[int, Any, Any]:
        """The next answer of a worker, or of any: (worker, tag, value)."""
        answers = self.answers[worker or 0]
        while True:
            try:
                answer: tuple[int, Any, Any] = answers.get(timeout=timeout if timeout > 0 else LOOK)
                return answer
            except queue.Empty:
                if timeout > 0:
                    raise Timeout(timeout) from None
                if not all(thread.is_alive() for thread in self.threads):
                    raise RuntimeError("a DataLoader's thread has ended: was the process forked?") from None

    def close(self) -> None:
        """Ends the threads after what they have in hand."""
        for tasks in self.tasks:
            while not tasks.empty():
                try:
                    tasks.get_nowait()
                except queue.Empty:
                    break
            tasks.put(None)


def _gather_loop(
    worker: int, tasks: queue.SimpleQueue[Any], answers: queue.SimpleQueue[Any], gather: Callable[[Any], Any]
) -> None:
    while True:
        item = tasks.get()
        if item is None:
            return
        tag, task = item
        try:
            value = gather(task[1])
        except Exception:
            value = Failure(f"in DataLoader worker thread {worker}")
        answers.put((worker, tag, value))


def close_with(owner: Any, crew: Processes | Threads) -> weakref.finalize[Any, Any]:
    """Closes the crew when its owner is closed, forgotten, or the program ends."""
    return weakref.finalize(owner, crew.close)
