"""The library's log: Python's logger "rustorch", quiet until somebody listens.

RUSTORCH_LOG_LEVEL (trace, debug, info, warning, error, critical, off) lets it speak on standard error; or configure
the logger by the standard library.  Nothing is logged for an op: see rustorch.profiler and rustorch.explain for those.
"""

from __future__ import annotations

import sys
from typing import Any

LEVELS = {
    "trace": 10, "debug": 10, "info": 20, "warn": 30, "warning": 30, "error": 40, "critical": 50, "off": 60, "none": 60,
}  # fmt: skip
_fallbacks: Any = None


def level_of(text: str) -> int:
    """The number of a level's name; ValueError for others."""
    try:
        return LEVELS[text.strip().lower()]
    except KeyError:
        raise ValueError(f"log level must be one of {', '.join(LEVELS)}, not {text!r}") from None


def log(level: int, message: str, *args: Any) -> None:
    """Passes on to the logger, if the program has loaded logging at all."""
    logging = sys.modules.get("logging")
    if logging is not None:
        logging.getLogger("rustorch").log(level, message, *args)


def debug(message: str, *args: Any) -> None:
    """For those who look for a fault."""
    log(10, message, *args)


def info(message: str, *args: Any) -> None:
    """What happens seldom and is good to know."""
    log(20, message, *args)


def set_level(text: str) -> None:
    """Makes the logger speak from this level on: on standard error, unless the program has handlers of its own.

    Raises:
        ValueError: text is no level.
    """
    import logging

    level = level_of(text)
    logger = logging.getLogger("rustorch")
    logger.setLevel(level)
    if not any(isinstance(handler, logging.StreamHandler) for handler in logger.handlers):

        class Quiet(logging.StreamHandler):  # type: ignore[type-arg]
            """Silent when the root logger has handlers, which are told, too."""

            def emit(self, record: logging.LogRecord) -> None:
                if not logging.getLogger().handlers:
                    super().emit(record)

        handler = Quiet()
        handler.setFormatter(logging.Formatter("rustorch %(levelname)s: %(message)s"))
        logger.addHandler(handler)
    _watch_fallbacks(level <= 10)


def _watch_fallbacks(wanted: bool) -> None:
    """At level debug, calls that NumPy's own code answers are logged with their source line."""
    global _fallbacks
    from . import _C

    if _fallbacks is not None:
        _fallbacks.stop()
        _fallbacks = None
    if wanted:
        from .profiler._stack import user_line

        def tell(event: _C.Event) -> None:
            debug("%s is answered by NumPy's own code, at %s", event.name, "".join(user_line()) or "no Python line")

        _fallbacks = _C.Observer(before=tell, kinds=("numpy",), all_threads=True).start()
