"""explain: what a block of code made the library do that costs time, and what to write instead."""

from __future__ import annotations

import functools
import linecache
import math
import time
from collections.abc import Callable
from typing import Any

from . import _C
from .profiler._events import EventList, FunctionEvent, build
from .profiler._stack import user_line
from .profiler._table import memory_text, time_text

_SMALL = 16  # elements: below, a call costs more than its arithmetic
_MANY = 50  # calls from one line that are worth a word
_WORTH_THREADS = 200_000  # elements: from here on a second thread pays for most ops
_SHORT_ROW = 16  # elements between two jumps in memory
_WORTH_BYTES = 4096
_COPIES = {"contiguous", "clone", "copy", "cast"}


class Finding:
    """One thing worth knowing about a source line.

    kind: "copy", "cast", "strided", "numpy", "objects", "small calls", "one thread" or "allocation".
    op: what was computed.  line: "file:line".  source: the text of the line.  count: how often.
    nbytes: bytes copied or taken, or 0.  time: microseconds.  advice: what to do about it.
    """

    def __init__(self, kind: str, op: str, line: str, advice: str) -> None:
        self.kind, self.op, self.line, self.advice = kind, op, line, advice
        self.count = self.nbytes = 0
        self.time = 0.0
        self.detail = ""

    @property
    def source(self) -> str:
        """The text of the line, "" when it cannot be read."""
        file, _, number = self.line.rpartition(":")
        return linecache.getline(file, int(number)).strip() if number.isdigit() else ""

    def __repr__(self) -> str:
        return f"<Finding {self.kind}: {self.op} at {self.line}, {self.count} times>"

    def __str__(self) -> str:
        times = "once" if self.count == 1 else f"{self.count} times"
        size = f", {memory_text(self.nbytes)}" if self.nbytes else ""
        text = f"{self.kind}: {self.op} {times}, {time_text(self.time)}{size}"
        return f"{text}{'; ' + self.detail if self.detail else ''}\n      {self.advice}"


class Explanation:
    """What explain found.  print() it; or read its numbers:

    ops, calls of ops from the program or from the library's Python; nested ops inside others; time in microseconds;
    allocations and peak_bytes of tensors; threads that were allowed, threaded ops that used more than one; unlocked ops
    that gave the GIL back; findings, a list of Finding, the most expensive first; lines, {"file:line": microseconds}.
    """

    def __init__(self) -> None:
        self.ops = self.nested = self.allocations = self.peak_bytes = self.threaded = self.unlocked = 0
        self.threads = _C.get_num_threads()
        self.time = self.wall = 0.0
        self.findings: list[Finding] = []
        self.lines: dict[str, float] = {}
        self.result: Any = None
        self._recorder: Any = None

    def __enter__(self) -> Explanation:
        if self._recorder is not None:
            raise RuntimeError("explain: it is running already")
        self._recorder = _C.Recorder(stack=user_line, all_threads=False)
        self._before = _C.memory_stats()
        _C.memory_reset_peak()
        self._start = time.monotonic_ns()
        self._recorder.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._recorder.stop()
        self.wall = (time.monotonic_ns() - self._start) / 1000
        after = _C.memory_stats()
        self.allocations = after["allocations"] - self._before["allocations"]
        self.peak_bytes = max(0, after["peak_bytes"] - self._before["live_bytes"])
        recorder, self._recorder = self._recorder, None
        _fill(self, build(recorder.records(), self._start))

    def kinds(self) -> dict[str, int]:
        """How many times each kind of finding occurred."""
        found: dict[str, int] = {}
        for finding in self.findings:
            found[finding.kind] = found.get(finding.kind, 0) + finding.count
        return found

    def __str__(self) -> str:
        if self._recorder is not None:
            return "<explain: running>"
        lines = [
            f"{self.ops} ops ({self.nested} more inside them) took {time_text(self.time)} of {time_text(self.wall)};"
            f" {self.allocations} allocations, {memory_text(self.peak_bytes)} more at the peak",
            f"threads: {self.threads} allowed, used by {self.threaded} ops; {self.unlocked} ops gave the GIL back",
        ]
        if not self.findings:
            lines.append("nothing to improve was found: no copies, casts, slow paths or Python objects of note")
        for line in dict.fromkeys(finding.line for finding in self.findings):
            here = [finding for finding in self.findings if finding.line == line]
            lines += ["", f"{line or '(no source line)'}  {here[0].source}"]
            lines += [f"    {finding}" for finding in here]
        return "\n".join(lines)


def _fill(report: Explanation, events: EventList) -> None:
    groups: dict[tuple[str, str, str], Finding] = {}
    small: dict[tuple[str, str], list[FunctionEvent]] = {}
    for event in events:
        line = event.stack[0] if event.stack else ""
        outermost = _is_outermost(event)
        if event.kind in ("op", "node"):
            report.ops += outermost
            report.nested += not outermost
            report.threaded += event.work["threads"] > 1
            report.unlocked += bool(event.work["unlocked"])
        if outermost and event.kind in ("op", "node", "numpy", "range"):
            report.time += event.cpu_time_total
            report.lines[line] = report.lines.get(line, 0.0) + event.cpu_time_total
        if event.kind == "op" and outermost and _elements(event) <= _SMALL and not event.is_backward:
            small.setdefault((line, event.name), []).append(event)
        for kind, nbytes, advice, detail in _judge(event):
            name = _title(event)
            finding = groups.setdefault((line, kind, name), Finding(kind, name, line, advice))
            finding.count += 1
            finding.nbytes += nbytes
            finding.time += event.cpu_time_total
            finding.detail = finding.detail or detail
    for (line, name), calls in small.items():
        if len(calls) >= _MANY:
            groups[line, "small calls", name] = _many(line, name, calls)
    report.findings = sorted(groups.values(), key=lambda finding: -finding.time)


def _many(line: str, name: str, calls: list[FunctionEvent]) -> Finding:
    finding = Finding("small calls", name, line, "one call on all of them together would do: stack or index the tensors"
                      " instead of looping over elements")  # fmt: skip
    finding.count = len(calls)
    finding.time = sum(call.cpu_time_total for call in calls)
    most = max(map(_elements, calls))
    finding.detail = f"at most {most} element{'' if most == 1 else 's'} each"
    return finding


def _is_outermost(event: FunctionEvent) -> bool:
    parent = event.cpu_parent
    while parent is not None:
        if parent.kind in ("op", "node", "numpy"):
            return False
        parent = parent.cpu_parent
    return True


def _elements(event: FunctionEvent) -> int:
    return max((math.prod(shape) for shape in [*event.input_shapes, *event.output_shapes]), default=0)


def _bytes(event: FunctionEvent) -> int:
    if not event.output_shapes or not event.output_dtypes[0]:
        return 0
    return math.prod(event.output_shapes[0]) * _C.dtype(event.output_dtypes[0]).itemsize


def _title(event: FunctionEvent) -> str:
    parent = event.cpu_parent
    if event.kind == "op" and parent is not None and parent.kind in ("op", "node"):
        return f"{event.name} inside {parent.name}"
    if event.kind == "numpy":
        return event.name.removeprefix("numpy: ")
    return {"from_list": "a tensor from a Python sequence", "tolist": "tolist"}.get(event.name, event.name)


def _judge(event: FunctionEvent) -> list[tuple[str, int, str, str]]:
    """(kind, bytes, advice, detail) of everything worth knowing about an event."""
    found = []
    work, nbytes = event.work, _bytes(event)
    if event.kind == "numpy":
        found.append(("numpy", 0, "NumPy's own code ran on one thread and records no gradient; look for rustorch's"
                      " function of the same meaning", ""))  # fmt: skip
    elif event.kind == "range" and event.name in ("from_list", "tolist"):
        size = _elements(event)
        if size >= 100:
            found.append(("objects", 0, "every element became a Python object or came from one; hand over a NumPy array"
                          " (from_numpy, numpy()), which shares its memory", f"{size} elements"))  # fmt: skip
    elif event.kind == "op" and event.name in _COPIES and nbytes >= _WORTH_BYTES and _is_copy(event):
        if not event.in_place:  # an assignment is what was asked for
            found.append(("copy", nbytes, _copy_advice(event), ""))
    elif event.kind == "op" and event.name == "cast" and nbytes >= _WORTH_BYTES:
        found.append(("cast", nbytes, f"make or keep it in {event.output_dtypes[0]} from the start", _dtypes(event)))
    elif event.kind == "op" and not event.is_backward:  # nobody can write a backward otherwise
        if work["converted"] * 4 >= _WORTH_BYTES:
            advice = "give operands of one dtype; they are converted anew in every call"
            found.append(("cast", 0, advice, _dtypes(event)))
        if work["moved"] >= _WORTH_BYTES and not all(event.input_contiguous):
            found.append(("copy", work["moved"], "operands are brought into order first; make them contiguous() once if"
                          " they are used again", _layouts(event)))  # fmt: skip
        jumps = work["jumping"] >= 4096
        if work["rows"] and work["elements"] >= 4096 and work["elements"] / work["rows"] < _SHORT_ROW:
            jumps = not all(event.input_contiguous)
        if jumps:
            found.append(("strided", 0, "operands lie in memory in different orders, so that it jumps from element to"
                          " element; contiguous() once if they are used again", _layouts(event)))  # fmt: skip
        if work["busy"]:
            found.append(("one thread", 0, "another thread was using the pool; fewer Python threads, or"
                          " set_num_threads(1) in each, share the processors better", ""))  # fmt: skip
    return found


def _is_copy(event: FunctionEvent) -> bool:
    return event.input_dtypes[:1] == event.output_dtypes[:1]


def _copy_advice(event: FunctionEvent) -> str:
    if event.cpu_parent is not None and event.cpu_parent.kind in ("op", "node"):
        return "the op needs its operand contiguous; keep it so, or make it contiguous() once if it is used again"
    if event.name == "contiguous":
        return "needed only where memory must be packed; a transposed or sliced view can mostly be used as it is"
    if event.name == "cast":
        return "from_numpy, as_tensor and to() share the memory where the dtype is the same"
    return "needed only when the original is changed later"


def _dtypes(event: FunctionEvent) -> str:
    names = [name for name in dict.fromkeys(event.input_dtypes) if name]
    return " with ".join(names) + (f" to {event.output_dtypes[0]}" if event.output_dtypes else "")


def _layouts(event: FunctionEvent) -> str:
    pairs = zip(event.input_shapes, event.input_contiguous)
    return ", ".join(f"{shape}{'' if packed else ' not contiguous'}" for shape, packed in pairs if shape)


def explain(function: Callable[..., Any] | None = None, *args: Any, **kwargs: Any) -> Explanation:
    """Says what a block of code, or a call, made the library do beside the arithmetic: copies, conversions, jumps in
    memory, NumPy's own code, Python objects, loops over elements, allocations and threads; by source line, with advice.

    Args:
        function: called with the other arguments; its result is the explanation's `result`.  None: use explain() as a
            context manager.  Only the calling thread is watched.

    Returns:
        An Explanation, to be printed.

    >>> import rustorch as rt
    >>> x = rt.ones(500, 500)
    >>> with rt.explain() as why:
    ...     y = x.T.contiguous() + x.double()
    >>> sorted(why.kinds().items())
    [('cast', 2), ('copy', 1)]
    >>> rt.explain(lambda: x + x).findings
    []
    """
    report = Explanation()
    if function is None:
        if args or kwargs:
            raise TypeError("explain: arguments without a function")
        return report
    if not callable(function):
        raise TypeError(f"explain: needs a callable, not {type(function).__name__}")
    with report:
        report.result = functools.partial(function, *args, **kwargs)()
    return report
