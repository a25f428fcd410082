"""An exception of a worker, on its way to whoever waits for the batch."""

from __future__ import annotations

import pickle
import sys
import traceback
from typing import Any


class _Verbatim(str):
    """A message that KeyError shows with its lines, not as a literal."""

    def __repr__(self) -> str:
        return str(self)


class Failure:
    """Carries the kind of an exception and its traceback as text.

    Args:
        where: "in DataLoader worker process 1", for the message.
    """

    def __init__(self, where: str) -> None:
        kind, value, trace = sys.exc_info()
        assert kind is not None
        self.kind: type[BaseException] = kind
        self.name = kind.__name__
        self.where = where
        self.text = "".join(traceback.format_exception(kind, value, trace))

    def __getstate__(self) -> dict[str, Any]:
        state = dict(self.__dict__)
        try:
            pickle.dumps(self.kind)
        except Exception:  # a class made inside a function
            state["kind"] = next(k for k in self.kind.__mro__ if k.__module__ == "builtins")
        return state

    def reraise(self) -> None:
        """Raises an exception of the same kind, whose message holds the worker's traceback."""
        message = f"Caught {self.name} {self.where}.\nOriginal {self.text}"
        if self.kind is KeyError:
            message = _Verbatim(message)
        if issubclass(self.kind, StopIteration):  # would end the caller's loop in silence
            raise RuntimeError(message)
        try:
            error = self.kind(message)
        except Exception:  # wants other arguments
            error = RuntimeError(message)
        raise error
