"""Where a program's time and memory go: PyTorch's profiler, for rustorch.

>>> import rustorch as rt
>>> net = rt.nn.Sequential(rt.nn.Linear(8, 4), rt.nn.ReLU())
>>> with rt.profiler.profile() as prof:
...     net(rt.ones(2, 8)).sum().backward()
>>> "LinearBackward0" in prof.key_averages().table(sort_by="cpu_time_total")
True
>>> sorted({event.kind for event in prof.events()})
['backward', 'module', 'node', 'op']

`prof.print_stats()` prints a table, `prof.export_chrome_trace("profile.json")` writes what Perfetto opens.
"""

from ._events import EventList, FunctionEvent, FunctionEventAvg
from ._profile import (
    ProfilerAction,
    ProfilerActivity,
    profile,
    record_function,
    schedule,
    supported_activities,
    tensorboard_trace_handler,
)

__all__ = [
    "EventList", "FunctionEvent", "FunctionEventAvg", "ProfilerAction", "ProfilerActivity", "profile",
    "record_function", "schedule", "supported_activities", "tensorboard_trace_handler",
]  # fmt: skip
