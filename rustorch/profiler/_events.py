"""Events of a profile: a tree per thread, made of the recorder's records, and averages over it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from ._flops import flops_of


class Interval:
    """start and end in microseconds since the profile began."""

    __slots__ = ("end", "start")

    def __init__(self, start: float, end: float) -> None:
        self.start, self.end = start, end

    def elapsed_us(self) -> float:
        """Its length in microseconds."""
        return self.end - self.start

    def __repr__(self) -> str:
        return f"Interval({self.start:.3f}, {self.end:.3f})"


class FunctionEvent:
    """One thing that was computed.  Times are in microseconds, memory in bytes; `self_` ones leave out what the events
    inside it (`cpu_children`) took.

    kind is "op", "node" (one node's backward), "backward" (a whole pass), "module", "numpy" (NumPy's own code) or
    "range" (record_function).  input_shapes and input_dtypes have an entry per operand: () and "float" for a number,
    () and "" for an operand that was not given.  spans is when workers of the thread pool took part, (worker, begin,
    end) in microseconds, at most 8 of an event.
    """

    def __init__(self, record: tuple[Any, ...], origin: int, id: int) -> None:
        (self.kind, name, inputs, outputs, start, stop, self.cpu_memory_usage, self.allocations, sequence, self.thread,
         self.depth, _, in_backward, self.failed, self.work, self.stack) = record  # fmt: skip
        self.id = id
        self.module: Any = name if self.kind == "module" else None
        self.name: str = _name(self.kind, name)
        self.time_range = Interval((start - origin) / 1000, (stop - origin) / 1000)
        self.sequence_nr: int = sequence or -1
        self.is_backward = bool(in_backward)
        self.input_shapes = [x[1] if isinstance(x, tuple) else () for x in inputs]
        self.input_dtypes = [x[0] if isinstance(x, tuple) else x or "" for x in inputs]
        self.input_contiguous = [x[2] if isinstance(x, tuple) else True for x in inputs]
        self.output_shapes = [x[1] if isinstance(x, tuple) else () for x in outputs]
        self.output_dtypes = [x[0] if isinstance(x, tuple) else "" for x in outputs]
        self.in_place = any(isinstance(x, tuple) and x[3] for x in outputs)
        self.spans = [(n, (a - origin) / 1000, (b - origin) / 1000) for n, a, b in self.work["spans"]]
        self.flops = flops_of(name, self.input_shapes, self.output_shapes) if self.kind == "op" else 0
        self.cpu_parent: FunctionEvent | None = None
        self.cpu_children: list[FunctionEvent] = []
        self.count = 1

    @property
    def key(self) -> str:
        """Its name: what key_averages groups by."""
        return self.name

    @property
    def is_user_annotation(self) -> bool:
        """Was it named by record_function?"""
        return self.kind == "range"

    @property
    def cpu_time_total(self) -> float:
        """Microseconds from its begin to its end."""
        return self.time_range.elapsed_us()

    cpu_time = cpu_time_total

    @property
    def self_cpu_time_total(self) -> float:
        """Microseconds outside the events in it."""
        return self.cpu_time_total - sum(child.cpu_time_total for child in self.cpu_children)

    @property
    def self_cpu_memory_usage(self) -> int:
        """Bytes taken less bytes given back, outside the events in it."""
        return int(self.cpu_memory_usage - sum(child.cpu_memory_usage for child in self.cpu_children))

    def __repr__(self) -> str:
        return (
            f"<FunctionEvent {self.name} cpu_time={self.cpu_time_total:.3f}us self={self.self_cpu_time_total:.3f}us "
            f"shapes={self.input_shapes} memory={self.cpu_memory_usage}>"
        )


def _name(kind: str, name: Any) -> str:
    if kind == "node" and not name[:1].isupper():  # those of autograd.Functions have their name already
        return "".join(word[:1].upper() + word[1:] for word in name.split("_")) + "Backward0"
    if kind == "module":
        return f"nn.Module: {type(name).__name__}"
    return f"numpy: {name}" if kind == "numpy" else str(name)


def build(records: Iterable[tuple[Any, ...]], origin: int) -> EventList:
    """Records (in order of ending) as events in order of beginning, nested."""
    events: list[FunctionEvent] = []
    open_ended: dict[int, list[FunctionEvent]] = {}  # per thread: finished events whose parent has not ended yet
    for number, record in enumerate(records):
        event = FunctionEvent(record, origin, number)
        finished = open_ended.setdefault(event.thread, [])
        while finished and finished[-1].depth > event.depth and finished[-1].time_range.start >= event.time_range.start:
            child = finished.pop()
            child.cpu_parent = event
            event.cpu_children.append(child)
        event.cpu_children.reverse()
        finished.append(event)
        events.append(event)
    events.sort(key=lambda event: (event.time_range.start, event.depth))
    _name_modules(events)
    return EventList(events)


def _name_modules(events: list[FunctionEvent]) -> None:
    """Paths of modules inside the outermost ones that were called: "nn.Module: layers.0 (Linear)"."""
    paths: dict[int, str] = {}
    for event in events:
        if event.module is None:
            continue
        if id(event.module) not in paths:
            for path, module in event.module.named_modules():
                paths.setdefault(id(module), path)
        path = paths[id(event.module)]
        if path:
            event.name = f"nn.Module: {path} ({type(event.module).__name__})"


class FunctionEventAvg:
    """Events of one name (and shapes, where asked) together: sums over them, and `count`."""

    def __init__(self, first: FunctionEvent) -> None:
        self.key, self.kind = first.name, first.kind
        self.input_shapes, self.stack = first.input_shapes, first.stack
        self.count = self.flops = self.cpu_memory_usage = self.self_cpu_memory_usage = self.allocations = 0
        self.cpu_time_total = self.self_cpu_time_total = 0.0
        self.is_user_annotation = first.is_user_annotation
        self.events: list[FunctionEvent] = []

    def add(self, event: FunctionEvent) -> None:
        """Counts one more event in."""
        self.count += 1
        self.events.append(event)
        if not _is_inside_its_like(event):  # a recursion is not counted twice
            self.cpu_time_total += event.cpu_time_total
            self.cpu_memory_usage += event.cpu_memory_usage
            self.flops += event.flops
        self.allocations += event.allocations
        self.self_cpu_time_total += event.self_cpu_time_total
        self.self_cpu_memory_usage += event.self_cpu_memory_usage

    @property
    def cpu_time(self) -> float:
        """Microseconds a call."""
        return self.cpu_time_total / self.count if self.count else 0.0

    def __repr__(self) -> str:
        return (
            f"<FunctionEventAvg key={self.key} self_cpu_time={self.self_cpu_time_total:.3f}us "
            f"cpu_time={self.cpu_time:.3f}us count={self.count}>"
        )


def _is_inside_its_like(event: FunctionEvent) -> bool:
    parent = event.cpu_parent
    while parent is not None:
        if parent.name == event.name:
            return True
        parent = parent.cpu_parent
    return False


class EventList(list[Any]):
    """Events, or averages of them, with a table."""

    @property
    def self_cpu_time_total(self) -> float:
        """Microseconds of all together."""
        return float(sum(event.self_cpu_time_total for event in self))

    def roots(self) -> Iterator[FunctionEvent]:
        """Events that lie in no other."""
        return (event for event in self if event.cpu_parent is None)

    def key_averages(self, group_by_input_shapes: bool = False, group_by_stack_n: int = 0) -> EventList:
        """One FunctionEventAvg for each name, and each list of shapes or top of the stack where asked."""
        groups: dict[Any, FunctionEventAvg] = {}
        for event in self:
            key: tuple[Any, ...] = (event.name,)
            if group_by_input_shapes:
                key += (tuple(event.input_shapes),)
            if group_by_stack_n:
                key += (tuple((event.stack or ())[:group_by_stack_n]),)
            groups.setdefault(key, FunctionEventAvg(event)).add(event)
        return EventList(groups.values())

    def total_average(self) -> FunctionEventAvg | None:
        """All events as one, None without any."""
        total: FunctionEventAvg | None = None
        for event in self:
            if isinstance(event, FunctionEvent):
                if total is None:
                    total = FunctionEventAvg(event)
                    total.key = "Total"
                total.add(event)
        return total

    def table(
        self,
        sort_by: str | None = None,
        row_limit: int = 100,
        max_src_column_width: int = 75,
        max_name_column_width: int = 55,
        max_shapes_column_width: int = 80,
        header: str | None = None,
        top_level_events_only: bool = False,
    ) -> str:
        """The events as text, a row each.

        Args:
            sort_by: the attribute to sort by, largest first: cpu_time_total, self_cpu_time_total, cpu_time,
                cpu_memory_usage, self_cpu_memory_usage, flops or count.  None: in order.
            row_limit: at most this many rows; -1 for all.
            max_src_column_width: characters of a source line, where stacks were recorded.
            max_name_column_width: characters of a name.
            max_shapes_column_width: characters of shapes.
            header: text above the table.
            top_level_events_only: leaves out events inside others.

        Raises:
            ValueError: sort_by is none of these.
        """
        from ._table import table

        outermost = top_level_events_only and len(self) > 0 and isinstance(self[0], FunctionEvent)
        rows = list(self.roots()) if outermost else list(self)
        widths = max_name_column_width, max_shapes_column_width, max_src_column_width
        return table(rows, sort_by, row_limit, widths, header)

    def __str__(self) -> str:
        return self.table()


