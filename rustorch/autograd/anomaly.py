"""Anomaly mode: nodes remember the Python lines that made them, and gradients are searched for NaN."""

from __future__ import annotations

import os
import traceback
from typing import Any

from .. import _C
from .._modes import _Decorator

_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep


def _describe_stack() -> str:
    """The line that called into rustorch, and below it the whole stack."""
    stack = traceback.extract_stack()[:-1]
    outside = [frame for frame in stack if not frame.filename.startswith(_PACKAGE)] or list(stack)
    last = outside[-1]
    return f"{last.filename}:{last.lineno}, {last.name}: {last.line}\n" + "".join(traceback.format_list(stack))


class set_detect_anomaly:
    """Switches anomaly mode on or off; as a context manager, back again at the end.

    In anomaly mode an error in a backward pass shows the forward line that made the failing node, and with
    check_nan a gradient that has a NaN is such an error.  Recording costs many times more: for debugging.

    >>> import rustorch as rt
    >>> x = rt.tensor([0.0], requires_grad=True)
    >>> with rt.autograd.set_detect_anomaly(True):
    ...     y = (x.sqrt() * 0).sum()
    ...     try:
    ...         y.backward()
    ...     except RuntimeError as error:
    ...         print(str(error).split(";")[0])
    sqrt: its backward returned nan values in gradient 0
    """

    def __init__(self, mode: bool, check_nan: bool = True) -> None:
        self.mode, self.check_nan = bool(mode), bool(check_nan)
        self.before = self._switch()

    def _switch(self) -> Any:
        return _C._set_anomaly(_describe_stack if self.mode else None, self.check_nan)

    def __enter__(self) -> None:
        pass

    def __exit__(self, *exc: object) -> None:
        _C._set_anomaly(*self.before)


class detect_anomaly(_Decorator):
    """Anomaly mode for the length of a block or of a decorated function: see set_detect_anomaly."""

    def __init__(self, check_nan: bool = True) -> None:
        self.check_nan = bool(check_nan)

    def __enter__(self) -> None:
        self.before = _C._set_anomaly(_describe_stack, self.check_nan)

    def __exit__(self, *exc: object) -> None:
        _C._set_anomaly(*self.before)

    def _clone(self) -> Any:
        return type(self)(self.check_nan)
