"""Where in the user's program we are: lines of Python outside rustorch, innermost first."""

from __future__ import annotations

import os
import sys
from types import CodeType, FrameType

PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
_MOST = 32
_texts: dict[tuple[CodeType, int], str] = {}


def user_stack() -> tuple[str, ...]:
    """("file(line): function", ...) of at most 32 frames that are not rustorch's own."""
    found: list[str] = []
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and len(found) < _MOST:
        code = frame.f_code
        if not code.co_filename.startswith(PACKAGE):
            key = (code, frame.f_lineno)
            text = _texts.get(key)
            if text is None:
                text = _texts[key] = f"{code.co_filename}({frame.f_lineno}): {code.co_name}"
            found.append(text)
        frame = frame.f_back
    return tuple(found)


def user_line() -> tuple[str, ...]:
    """The innermost of them alone, or nothing."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        code = frame.f_code
        if not code.co_filename.startswith(PACKAGE):
            return (f"{code.co_filename}:{frame.f_lineno}",)
        frame = frame.f_back
    return ()
