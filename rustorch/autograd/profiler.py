"""The profiler under the older name that PyTorch keeps for it.

>>> import rustorch as rt
>>> with rt.autograd.profiler.profile() as prof:
...     y = rt.ones(3) + 1
>>> [row.key for row in prof.key_averages()]
['add']
"""

from __future__ import annotations

from typing import Any

from .. import profiler as _profiler
from ..profiler import EventList, FunctionEvent, FunctionEventAvg, record_function

__all__ = ["EventList", "FunctionEvent", "FunctionEventAvg", "profile", "record_function"]


class profile(_profiler.profile):
    """rustorch.profiler.profile, which can be switched off.

    Args:
        enabled: False: the with block is not recorded.
        options: keywords of rustorch.profiler.profile; use_device, use_cpu and use_kineto are accepted.
    """

    def __init__(self, enabled: bool = True, **options: Any) -> None:
        self.enabled = enabled
        for name in ("use_device", "use_cpu", "use_kineto"):
            options.pop(name, None)
        super().__init__(**options)

    def start(self) -> None:
        """Begins, when it is enabled."""
        if self.enabled:
            super().start()

    @property
    def function_events(self) -> EventList:
        """All events in order of beginning."""
        return self.events()

    def table(self, **options: Any) -> str:
        """The events as text; see EventList.table."""
        return self.events().table(**options)

    def total_average(self) -> FunctionEventAvg | None:
        """All events as one."""
        return self.events().total_average()

    @property
    def self_cpu_time_total(self) -> float:
        """Microseconds of all together."""
        return self.events().self_cpu_time_total
