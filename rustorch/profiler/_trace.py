"""Profiles as files for viewers: the Trace Event Format (Perfetto, chrome://tracing, TensorBoard) and folded stacks."""

from __future__ import annotations

import gzip
import json
import math
import os
import threading
from typing import Any

from ._events import EventList, FunctionEvent

_POOL = 1_000_000_000  # and up: numbers of the pool's workers, which are no threads of Python
_CATEGORIES = {
    "op": "cpu_op", "node": "cpu_op", "backward": "cpu_op", "module": "python_function", "numpy": "numpy",
    "range": "user_annotation",
}  # fmt: skip


def _arguments(event: FunctionEvent) -> dict[str, Any]:
    found: dict[str, Any] = {"External id": event.id}
    if event.input_shapes:
        found["Input Dims"] = [list(shape) for shape in event.input_shapes]
        found["Input type"] = event.input_dtypes
    if event.sequence_nr >= 0:
        found["Sequence number"] = event.sequence_nr
        found["Fwd thread id"] = 0
    if event.cpu_memory_usage:
        found["Bytes"] = event.cpu_memory_usage
    if event.work["threads"]:
        found["Threads"] = event.work["threads"]
    if event.stack:
        found["Call stack"] = ";".join(reversed(event.stack))
    if event.failed:
        found["Failed"] = True
    return found


def trace_events(events: EventList, origin_us: float) -> list[dict[str, Any]]:
    """A complete event ("X") for each, names of process and threads, and an arrow from each forward op to its node."""
    pid = os.getpid()
    names = {thread.ident: thread.name for thread in threading.enumerate()}
    made: list[dict[str, Any]] = []
    made.append({"ph": "M", "name": "process_name", "pid": pid, "tid": 0, "args": {"name": "rustorch"}})
    for thread in sorted({event.thread for event in events}):
        name = names.get(thread, f"thread {thread}")
        made.append({"ph": "M", "name": "thread_name", "pid": pid, "tid": thread, "args": {"name": name}})
    workers = {worker for event in events for worker, _, _ in event.spans}
    for worker in sorted(workers):
        name = f"rustorch pool worker {worker}"
        made.append({"ph": "M", "name": "thread_name", "pid": pid, "tid": _POOL + worker, "args": {"name": name}})
    forward: dict[int, FunctionEvent] = {}
    for event in events:
        start = origin_us + event.time_range.start
        place = {"pid": pid, "tid": event.thread}
        made.append({"ph": "X", "cat": _CATEGORIES[event.kind], "name": event.name, **place, "ts": round(start, 3),
                     "dur": round(event.cpu_time_total, 3), "args": _arguments(event)})  # fmt: skip
        for worker, begin, end in event.spans:
            lane = {"pid": pid, "tid": _POOL + worker, "args": {"External id": event.id}}
            made.append({"ph": "X", "cat": "pool", "name": event.name, **lane, "ts": round(origin_us + begin, 3),
                         "dur": round(end - begin, 3)})  # fmt: skip
        if event.kind == "op" and event.sequence_nr >= 0 and not event.is_backward:
            forward.setdefault(event.sequence_nr, event)
        elif event.kind == "node" and event.sequence_nr in forward:
            source = forward.pop(event.sequence_nr)
            arrow = {"cat": "fwdbwd", "name": "fwdbwd", "id": event.sequence_nr, "pid": pid}
            made.append({"ph": "s", **arrow, "tid": source.thread, "ts": round(origin_us + source.time_range.start, 3)})
            made.append({"ph": "f", "bp": "e", **arrow, "tid": event.thread, "ts": round(start, 3)})
    return made


def write_chrome_trace(path: Any, events: EventList, origin_us: float, metadata: dict[str, Any]) -> None:
    """Writes JSON, compressed when the path ends in .gz."""
    text = json.dumps({
        "schemaVersion": 1,
        "displayTimeUnit": "ms",
        "traceName": os.fspath(path),
        **metadata,
        "traceEvents": trace_events(events, origin_us),
    })  # fmt: skip
    data = text.encode()
    with open(path, "wb") as file:
        file.write(gzip.compress(data) if os.fspath(path).endswith(".gz") else data)


def write_stacks(path: Any, events: EventList, metric: str) -> None:
    """Folded stacks, "outer;inner;op microseconds" a line: what flame graph tools read."""
    found: dict[str, int] = {}
    for event in events:
        value = math.ceil(getattr(event, metric))
        if event.stack and value > 0:
            line = ";".join([*(frame.replace(";", ",") for frame in reversed(event.stack)), event.name])
            found[line] = found.get(line, 0) + value
    with open(path, "w", encoding="utf-8") as file:
        file.writelines(f"{line} {value}\n" for line, value in found.items())
