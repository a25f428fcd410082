"""profile: records what is computed within a with block, and shows it."""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Callable, Iterable
from enum import Enum
from typing import Any, TextIO

from .. import _C
from .._modes import _Decorator
from ._events import EventList, build
from ._stack import user_stack
from ._trace import write_chrome_trace, write_stacks


class ProfilerActivity(Enum):
    """What can be watched.  There is the CPU; others may be named and have no events."""

    CPU = 0
    XPU = 1
    MTIA = 2
    CUDA = 3
    HPU = 4
    PrivateUse1 = 5


class ProfilerAction(Enum):
    """What a step of a schedule does."""

    NONE = 0
    WARMUP = 1
    RECORD = 2
    RECORD_AND_SAVE = 3


def supported_activities() -> set[ProfilerActivity]:
    """{ProfilerActivity.CPU}."""
    return {ProfilerActivity.CPU}


def schedule(
    *, wait: int, warmup: int, active: int, repeat: int = 0, skip_first: int = 0, skip_first_wait: int = 0
) -> Callable[[int], ProfilerAction]:
    """Which steps of a loop to record, for profile(schedule=...).

    After skip_first steps: wait steps of nothing, warmup steps whose records are thrown away, active steps that are
    recorded; over again, repeat times or (0) for ever.  skip_first_wait: the first round does not wait.

    Raises:
        ValueError: a count is negative, or active is 0.

    >>> import rustorch as rt
    >>> plan = rt.profiler.schedule(wait=1, warmup=1, active=2, repeat=1)
    >>> [plan(step).name for step in range(5)]
    ['NONE', 'WARMUP', 'RECORD', 'RECORD_AND_SAVE', 'NONE']
    """
    if min(wait, warmup, repeat, skip_first) < 0 or active <= 0:
        raise ValueError(
            f"schedule: counts must not be negative and active must be positive; got wait={wait}, warmup={warmup}, "
            f"active={active}, repeat={repeat}, skip_first={skip_first}"
        )

    def action(step: int) -> ProfilerAction:
        if step < 0:
            raise ValueError(f"schedule: a step's number must not be negative, not {step}")
        if step < skip_first:
            return ProfilerAction.NONE
        step -= skip_first
        if skip_first_wait:
            step += wait
        cycle = wait + warmup + active
        if repeat > 0 and step // cycle >= repeat:
            return ProfilerAction.NONE
        at = step % cycle
        if at < wait:
            return ProfilerAction.NONE
        if at < wait + warmup:
            return ProfilerAction.WARMUP
        return ProfilerAction.RECORD if at < cycle - 1 else ProfilerAction.RECORD_AND_SAVE

    return action


def tensorboard_trace_handler(
    dir_name: Any, worker_name: str | None = None, use_gzip: bool = False
) -> Callable[[profile], None]:
    """For profile(on_trace_ready=...): writes each trace into the folder, in TensorBoard's naming.

    Raises:
        RuntimeError: dir_name cannot be a folder.
    """
    folder = os.fspath(dir_name)

    def handler(prof: profile) -> None:
        if os.path.exists(folder) and not os.path.isdir(folder):
            raise RuntimeError(f"tensorboard_trace_handler: {folder!r} is not a folder")
        os.makedirs(folder, exist_ok=True)
        worker = worker_name or f"{socket.gethostname()}_{os.getpid()}"
        name = f"{worker}.{time.time_ns()}.pt.trace.json"
        prof.export_chrome_trace(os.path.join(folder, name + (".gz" if use_gzip else "")))

    return handler


class record_function(_Decorator):
    """Gives a part of a program a name in profiles: a context manager and a decorator.  Without a profile it costs next
    to nothing.

    >>> import rustorch as rt
    >>> with rt.profiler.profile() as prof:
    ...     with rt.profiler.record_function("square"):
    ...         y = rt.ones(3) * rt.ones(3)
    >>> [event.name for event in prof.events()]
    ['square', 'mul']
    """

    def __init__(self, name: str, args: str | None = None) -> None:
        if not isinstance(name, str):
            raise TypeError(f"record_function: the name must be a str, not {type(name).__name__}")
        self.name, self.args = name, args
        self._ranges: list[Any] = []

    def __enter__(self) -> record_function:
        opened = _C.Range(self.name)
        opened.__enter__()
        self._ranges.append(opened)
        return self

    def __exit__(self, *exc: object) -> None:
        self._ranges.pop().__exit__(*exc)

    def _clone(self) -> record_function:
        return type(self)(self.name, self.args)


class profile:
    """Records every op, gradient, module call and named range of the process, from all threads, within a with block.

    An op costs about 0.2 microseconds more while it is recorded.

    Args:
        activities: of ProfilerActivity; only the CPU has events here.
        schedule: which steps to record (see the function of that name); None: everything.
        on_trace_ready: called with the profile at the end of each round of the schedule, or at the end.
        record_shapes: keep shapes and dtypes of operands.
        profile_memory: show memory taken and given back.
        with_stack: keep the lines of Python that asked; several times slower.
        with_flops: count operations of products, convolutions and arithmetic.
        with_modules: accepted; calls of modules are always recorded.
        experimental_config: accepted, without effect.
        acc_events: with a schedule, keep the events of all rounds, not of the last alone.
        limit: at most this many events are kept; `dropped` counts the others.

    Raises:
        RuntimeError: results are asked for before there are any, or it is started twice at once.

    >>> import rustorch as rt
    >>> with rt.profiler.profile() as prof:
    ...     y = rt.ones(100, 100) @ rt.ones(100, 100)
    >>> prof.key_averages()[0].key, prof.key_averages()[0].count
    ('matmul', 1)
    """

    def __init__(
        self,
        *,
        activities: Iterable[ProfilerActivity] | None = None,
        schedule: Callable[[int], ProfilerAction] | None = None,
        on_trace_ready: Callable[[profile], Any] | None = None,
        record_shapes: bool = True,
        profile_memory: bool = True,
        with_stack: bool = False,
        with_flops: bool = False,
        with_modules: bool = False,
        experimental_config: Any = None,
        execution_trace_observer: Any = None,
        acc_events: bool = False,
        use_cuda: bool | None = None,
        custom_trace_id_callback: Any = None,
        limit: int = 1 << 22,
    ) -> None:
        for activity in activities or ():
            if not isinstance(activity, ProfilerActivity):
                raise TypeError(f"profile: activities must be of ProfilerActivity, not {activity!r}")
        self.activities = set(activities) if activities is not None else supported_activities()
        self.schedule, self.on_trace_ready = schedule, on_trace_ready
        self.record_shapes, self.profile_memory, self.with_stack = record_shapes, profile_memory, with_stack
        self.with_flops, self.acc_events, self.limit = with_flops, acc_events, limit
        self.step_num = 0
        self.dropped = 0
        self._action = ProfilerAction.NONE
        self._recorder: _C.Recorder | None = None
        self._step_range: _C.Range | None = None
        self._records: list[tuple[Any, ...]] = []
        self._events: EventList | None = None
        self._origin = 0
        self._metadata: dict[str, Any] = {}
        self._peak = 0

    # ---- running ----

    def __enter__(self) -> profile:
        self.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()

    def start(self) -> None:
        """Begins."""
        if self._recorder is not None:
            raise RuntimeError("profile: it is running already")
        self._action = self.schedule(self.step_num) if self.schedule else ProfilerAction.RECORD
        self._begin_round()
        self._open_step()

    def stop(self) -> None:
        """Ends; on_trace_ready is called when something was recorded since it was called last."""
        self._close_step()
        recording = (ProfilerAction.RECORD, ProfilerAction.RECORD_AND_SAVE)
        recorded = self._recorder is not None and self._action in recording
        self._end_round(keep=recorded)
        self._action = ProfilerAction.NONE
        if recorded and self.on_trace_ready:
            self.on_trace_ready(self)

    def step(self) -> None:
        """The next step of the schedule begins.

        >>> import rustorch as rt
        >>> plan = rt.profiler.schedule(wait=1, warmup=1, active=1, repeat=1)
        >>> ready = lambda prof: print(len(prof.events()), "events after step", prof.step_num)
        >>> with rt.profiler.profile(schedule=plan, on_trace_ready=ready) as prof:
        ...     for _ in range(5):
        ...         y = rt.ones(3) + 1
        ...         prof.step()
        2 events after step 3
        """
        self._close_step()
        before = self._action
        self.step_num += 1
        self._action = self.schedule(self.step_num) if self.schedule else ProfilerAction.RECORD
        if before is ProfilerAction.RECORD_AND_SAVE:
            self._end_round(keep=True)
            if self.on_trace_ready:
                self.on_trace_ready(self)
            self._begin_round()
        elif before is ProfilerAction.RECORD and self._action in (ProfilerAction.NONE, ProfilerAction.WARMUP):
            self._end_round(keep=True)
            self._begin_round()
        elif before is ProfilerAction.WARMUP:
            self._end_round(keep=False)
            self._begin_round()
        elif before is ProfilerAction.NONE:
            self._begin_round()
        self._open_step()

    def _begin_round(self) -> None:
        if self._action is ProfilerAction.NONE or self._recorder is not None:
            return
        if self._action is not ProfilerAction.WARMUP and not self.acc_events:
            self._records = []
            self._events = None
        self._recorder = _C.Recorder(
            limit=self.limit, shapes=self.record_shapes, stack=user_stack if self.with_stack else None
        )
        if not self._records:
            self._origin = time.monotonic_ns()
        _C.memory_reset_peak()
        self._recorder.start()

    def _end_round(self, keep: bool) -> None:
        recorder, self._recorder = self._recorder, None
        if recorder is None:
            return
        recorder.stop()
        self._peak = _C.memory_stats()["peak_bytes"]
        if keep:
            self._records += recorder.records()
            self.dropped = recorder.dropped
            self._events = None
        recorder.clear()

    def _open_step(self) -> None:
        if self.schedule and self._recorder is not None:
            self._step_range = _C.Range(f"ProfilerStep#{self.step_num}")
            self._step_range.__enter__()

    def _close_step(self) -> None:
        opened, self._step_range = self._step_range, None
        if opened is not None:
            opened.__exit__(None, None, None)

    # ---- results ----

    def events(self) -> EventList:
        """All events in order of beginning: FunctionEvents."""
        if self._events is None:
            if self._recorder is not None:
                raise RuntimeError("profile: it is still running; ask after the with block, or after stop()")
            self._events = build(self._records, self._origin)
            for event in self._events:
                if not self.profile_memory:
                    event.cpu_memory_usage = event.allocations = 0
                if not self.with_flops:
                    event.flops = 0
        return self._events

    def key_averages(self, group_by_input_shape: bool = False, group_by_stack_n: int = 0) -> EventList:
        """Events of one name together; see EventList.table for a readable form.

        Args:
            group_by_input_shape: a group for each list of shapes, too.
            group_by_stack_n: a group for each of the n innermost source lines, too.
        """
        averages = self.events().key_averages(group_by_input_shape, group_by_stack_n)
        if not group_by_input_shape:
            for average in averages:
                average.input_shapes = []
        if not group_by_stack_n:
            for average in averages:
                average.stack = None
        return averages

    def summary(self, sort_by: str = "self_cpu_time_total", row_limit: int = 30, by_shape: bool = False) -> str:
        """The table of all names as text, the most expensive first, with totals."""
        text = self.key_averages(group_by_input_shape=by_shape).table(sort_by=sort_by, row_limit=row_limit)
        lines = [text.rstrip("\n"), f"Peak of tensors' memory: {self._peak / 2**20:.2f} MB"]
        if self.dropped:
            lines.append(f"{self.dropped} events found no room: profile(limit=...) takes more")
        return "\n".join(lines)

    def print_stats(
        self,
        sort_by: str = "self_cpu_time_total",
        row_limit: int = 30,
        by_shape: bool = False,
        file: TextIO | None = None,
    ) -> None:
        """Prints summary().

        Args:
            sort_by: as in EventList.table.
            row_limit: at most this many rows, -1 for all.
            by_shape: a row for each list of input shapes.
            file: where to; standard output unless given.
        """
        print(self.summary(sort_by, row_limit, by_shape), file=file)

    def export_chrome_trace(self, path: Any) -> None:
        """Writes the events in the Trace Event Format: open it at https://ui.perfetto.dev or chrome://tracing.
        A path that ends in .gz is compressed."""
        write_chrome_trace(path, self.events(), self._origin / 1000, self._metadata)

    def export_stacks(self, path: Any, metric: str = "self_cpu_time_total") -> None:
        """Writes folded stacks for flame graphs; needs with_stack=True.

        Raises:
            ValueError: no stacks were recorded, or metric is not self_cpu_time_total.
        """
        if not self.with_stack:
            raise ValueError("export_stacks: no stacks were recorded; use profile(with_stack=True)")
        if metric not in ("self_cpu_time_total", "self_cuda_time_total"):
            raise ValueError(f"export_stacks: metric must be 'self_cpu_time_total', not {metric!r}")
        write_stacks(path, self.events(), "self_cpu_time_total")

    def add_metadata(self, key: str, value: str) -> None:
        """A text that is written into traces."""
        self._metadata[key] = str(value)

    def add_metadata_json(self, key: str, value: str) -> None:
        """A value, given as JSON, that is written into traces."""
        self._metadata[key] = json.loads(value)

    def __str__(self) -> str:
        return self.summary() if self._recorder is None else "<profile: running>"
