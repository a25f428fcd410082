"""The caching allocator: freed blocks wait for the next request instead of going back to the system.

>>> import rustorch as rt
>>> before = rt.memory.stats()["live_bytes"]
>>> t = rt.zeros(1000)
>>> rt.memory.stats()["live_bytes"] - before >= t.nbytes
True
"""

from __future__ import annotations

from . import _C, _log


def stats() -> dict[str, int]:
    """Counts since import and bytes now: allocations, cache_hits, live_bytes (in tensors), peak_bytes,
    cached_bytes (waiting), system_bytes (taken from the system), limit_bytes (of the cache)."""
    return _C.memory_stats()


def reset_peak() -> None:
    """peak_bytes begins anew from live_bytes."""
    _C.memory_reset_peak()


def empty_cache() -> None:
    """Gives all waiting blocks back to the system."""
    waiting = _C.memory_stats()["cached_bytes"]
    _C.memory_empty_cache()
    _log.debug("%d bytes of the memory cache went back to the system", waiting - _C.memory_stats()["cached_bytes"])


def set_limit(nbytes: int) -> None:
    """At most nbytes wait in the cache (default: a quarter of the container's memory)."""
    _C.memory_set_limit(nbytes)


def enable_memory_pool(enabled: bool = True) -> None:
    """Switches caching on (the default) or off."""
    _C.memory_set_caching(enabled)
