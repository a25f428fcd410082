"""Finding the op that made a NaN or an infinity.

>>> import rustorch as rt
>>> with rt.debug.debug_mode():
...     try:
...         rt.tensor([1.0, 0.0]).log()
...     except rt.debug.NonFiniteError as error:
...         print(str(error).splitlines()[0].split(" in ")[0])
log: made 1 infinite value of 2

`rustorch.set_debug_mode(True)` does the same until it is switched off.
"""

from __future__ import annotations

import linecache
import sys
from types import FrameType
from typing import Any

from . import _C
from ._modes import _Decorator
from .errors import RusTorchError
from .profiler._stack import PACKAGE

__all__ = ["NonFiniteError", "debug_mode", "describe", "is_debug_mode_enabled", "set_debug_mode"]


class NonFiniteError(RusTorchError, FloatingPointError):
    """In debug mode: an op, or the backward of one, gave NaN or infinity.

    `op` is its name, `line` where it was called ("file:line, in function") and `forward_line`, for a backward, where
    the forward call was made; both may be "".
    """

    op: str
    line: str
    forward_line: str


def _user_line() -> str:
    """The innermost line outside rustorch: "file:line, in function"."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        if not frame.f_code.co_filename.startswith(PACKAGE):
            return f"{frame.f_code.co_filename}:{frame.f_lineno}, in {frame.f_code.co_name}"
        frame = frame.f_back
    return ""


def _source(line: str) -> str:
    """The text of that line, "" when it cannot be read."""
    file, _, rest = line.rpartition(":")
    number = rest.split(",")[0]
    return linecache.getline(file, int(number)).strip() if number.isdigit() else ""


def _count(number: int, what: str) -> str:
    return f"{number} {what} value{'' if number == 1 else 's'}"


def describe(x: Any) -> str:
    """One line about a tensor or number: dtype, shape, and least, mean and largest of its finite values.

    >>> import rustorch as rt
    >>> rt.debug.describe(rt.tensor([1.0, 2.0, float("nan")]))
    'float32 (3,): 1 to 2, mean 1.5; 1 NaN'
    """
    if not isinstance(x, _C.Tensor):
        return repr(x)
    text = f"{x.dtype} {tuple(x.shape)}"
    if x.size == 0:
        return text + ": empty"
    values = x.detach().numpy().reshape(-1)
    if values.dtype.kind not in "fc" and x.dtype.name != "bfloat16":
        return text
    if values.dtype.kind == "c":
        values = values.view(values.real.dtype)
    values = values.astype("float64")
    finite = values[values - values == 0]  # neither NaN nor infinite
    if finite.size:
        text += f": {finite.min():.6g} to {finite.max():.6g}, mean {finite.mean():.6g}"
    nans = int((values != values).sum())
    infinite = int(values.size - finite.size - nans)
    bad = [f"{nans} NaN"] * (nans > 0) + [f"{infinite} infinite"] * (infinite > 0)
    if bad:
        text += ("; " if finite.size else ": ") + ", ".join(bad)
    return text


def _first_bad(x: Any) -> tuple[int, int, tuple[int, ...]]:
    """How many NaNs and infinities, and the place of the first."""
    import numpy

    values = x.detach().numpy()
    if x.dtype.name == "bfloat16":
        values = values.astype("float32")
    nan, bad = numpy.isnan(values), ~numpy.isfinite(values)
    place = numpy.unravel_index(int(bad.reshape(-1).argmax()), bad.shape) if bad.ndim else ()
    return int(nan.sum()), int(bad.sum() - nan.sum()), tuple(map(int, place))


def _is_bad(x: Any) -> bool:
    return isinstance(x, _C.Tensor) and x.dtype.kind not in "biu" and not bool(_C.ops["all"](_C.ops["isfinite"](x)))


def _error(event: _C.Event) -> NonFiniteError:
    """What debug mode raises for an event."""
    backward = event.kind == "node"
    made = event.outputs or event.inputs  # an optimiser's step writes into its inputs
    bad = next(x for x in made if _is_bad(x))
    nans, infinite, place = _first_bad(bad)
    counts = [_count(nans, "NaN")] * (nans > 0) + [_count(infinite, "infinite")] * (infinite > 0)
    what = f"{event.name}: {'its backward ' if backward else ''}made {' and '.join(counts)} of {bad.size}"
    line = _user_line()
    trace = getattr(event.node, "_trace", None)
    forward = trace.splitlines()[0] if trace else ""
    lines = [f"{what} in {line}" if line else what]
    if _source(line):
        lines.append(f"    {_source(line)}")
    if forward:
        lines.append(f"  its forward call was made in {forward}")
        if _source(forward):
            lines.append(f"    {_source(forward)}")
    at = f", the first at {place}" if place else ""
    lines.append(f"  {'gradient' if backward else 'result'}: {bad.dtype} {tuple(bad.shape)}{at}")
    if event.outputs:
        names = _input_names(event)
        lines += [f"  {name}: {describe(x)}" for name, x in zip(names, event.inputs) if x is not None and x is not bad]
    error = NonFiniteError("\n".join(lines))
    error.op, error.line, error.forward_line = event.name, line, forward
    return error


def _input_names(event: _C.Event) -> list[str]:
    if event.kind == "node":
        many = len(event.inputs) > 1
        return [f"gradient of output {k}" if many else "gradient of the output" for k in range(len(event.inputs))]
    names = []
    for name, value in event.arguments.items():
        if isinstance(value, tuple) and value and isinstance(value[0], _C.Tensor):
            names += [f"input {name}[{k}]" for k in range(len(value))]
        elif any(value is x for x in event.inputs):
            names.append(f"input {name}")
    return names if len(names) == len(event.inputs) else [f"input {k}" for k in range(len(event.inputs))]


def _asks_for_it(event: _C.Event) -> bool:
    """Was a NaN or an infinity among the op's other arguments, as in pad(x, 1, value=-inf)?"""
    numbers = [value for value in event.arguments.values() if isinstance(value, float)]
    return any(value - value != 0 for value in numbers)


def _trap(event: _C.Event) -> None:
    if not _asks_for_it(event):
        raise _error(event)


_observer: _C.Observer | None = None
_inherited = False
_anomaly_before: Any = None


def is_debug_mode_enabled() -> bool:
    """Is debug mode on?"""
    return _observer is not None


def set_debug_mode(mode: bool = True, *, inherited: bool = False) -> None:
    """Switches debug mode on or off, for all threads.

    In debug mode every op whose result has a NaN or an infinity raises NonFiniteError, and so does every backward of
    one: the message names the op, the shapes, least and largest of its inputs, and the line of the program that called
    it; for a backward also the line of the forward call.  An op is excused when one of its inputs was not finite
    already, or when an argument asks for infinity (masked_fill(mask, -inf)).  Ops take a few microseconds longer.

    Args:
        mode: on or off.
        inherited: not even results of inputs that were not finite are excused.

    Raises:
        TypeError: mode is not a bool.

    >>> import rustorch as rt
    >>> rt.set_debug_mode(True)
    >>> try:
    ...     rt.zeros(3) / rt.zeros(3)
    ... except FloatingPointError as error:
    ...     print(error.op)
    div
    >>> rt.set_debug_mode(False)
    """
    global _observer, _inherited, _anomaly_before
    if not isinstance(mode, bool):
        raise TypeError(f"set_debug_mode: needs True or False, not {type(mode).__name__}")
    if _observer is not None:
        _observer.stop()
        _observer = None
        if not _anomaly_before[0]:
            _C._set_anomaly(*_anomaly_before)
    if mode:
        _inherited = inherited
        _observer = _C.Observer(after=_trap, all_threads=True, nonfinite=2 if inherited else 1)
        _observer.start()
        _anomaly_before = _C._set_anomaly(_user_line, False)
        if _anomaly_before[0]:  # detect_anomaly is on: it keeps more
            _C._set_anomaly(*_anomaly_before)


class debug_mode(_Decorator):
    """Debug mode (see set_debug_mode) for the length of a block or of a decorated function."""

    def __init__(self, mode: bool = True, *, inherited: bool = False) -> None:
        self.mode, self.inherited = mode, inherited
        self._before: list[tuple[bool, bool]] = []

    def __enter__(self) -> None:
        self._before.append((is_debug_mode_enabled(), _inherited))
        set_debug_mode(self.mode, inherited=self.inherited)

    def __exit__(self, *exc: object) -> None:
        mode, inherited = self._before.pop()
        set_debug_mode(mode, inherited=inherited)

    def _clone(self) -> debug_mode:
        return type(self)(self.mode, inherited=self.inherited)
