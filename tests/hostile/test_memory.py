"""The caching allocator: exact counts, bounded cache, alignment, and no memory taken on an argument's word."""

from __future__ import annotations

import random

import pytest

import rustorch as rt
from rustorch import _C


@pytest.fixture(autouse=True)
def caching():
    limit = _C.memory_stats()["limit_bytes"]
    _C.memory_set_caching(True)
    yield
    _C.memory_set_caching(True)
    _C.memory_set_limit(limit)
    _C.memory_empty_cache()


def counts():
    stats = _C.memory_stats()
    assert stats["system_bytes"] == stats["live_bytes"] + stats["cached_bytes"]
    assert stats["peak_bytes"] >= stats["live_bytes"]
    return stats


@pytest.mark.parametrize(
    "n", [0, 1, 15, 16, 17, 255, 256, 257, 4000, 10**5, 2**19 - 17, 2**19 - 16, 2**19, 10**6, 3 * 10**6]
)
def test_a_freed_block_is_used_again(n):
    live = counts()["live_bytes"]
    t = rt.empty(n)
    assert t.data_ptr() % 64 == 0
    at, after = t.data_ptr(), counts()
    assert after["live_bytes"] - live >= 4 * n
    assert after["live_bytes"] - live <= 4 * n * 1.25 + 2**16 + 64
    del t
    assert counts()["live_bytes"] == live
    hits = counts()["cache_hits"]
    t = rt.empty(n)
    assert t.data_ptr() == at and counts()["cache_hits"] == hits + 1


@pytest.mark.parametrize("n", [100, 10**5, 10**6])
def test_the_block_freed_last_is_used_first(n):
    blocks = [rt.empty(n) for _ in range(4)]
    order = []
    for k in (2, 0, 3, 1):
        order.append(blocks[k].data_ptr())
        blocks[k] = None
    again = [rt.empty(n) for _ in range(4)]
    assert [t.data_ptr() for t in again] == order[::-1]


def test_the_cache_is_bounded_and_can_be_emptied():
    _C.memory_set_limit(10 << 20)
    chance, kept = random.Random(0), {}
    for _ in range(20000):
        k = chance.randrange(100)
        if kept.pop(k, None) is None:
            kept[k] = rt.empty(1 << chance.randrange(20))
        assert counts()["cached_bytes"] <= 10 << 20
    kept.clear()
    _C.memory_empty_cache()
    assert counts()["cached_bytes"] == 0


def test_without_caching_nothing_is_kept():
    _C.memory_set_caching(False)
    for n in (10, 5000, 2 * 10**6):
        rt.empty(n)
        assert counts()["cached_bytes"] == 0


def test_peak():
    _C.memory_reset_peak()
    before = counts()["live_bytes"]
    t = rt.empty(10**6)
    del t
    assert counts()["peak_bytes"] >= before + 4 * 10**6
    _C.memory_reset_peak()
    assert counts()["peak_bytes"] == counts()["live_bytes"]


def test_impossible_sizes_are_refused():
    with pytest.raises(MemoryError):
        rt.empty(2**55)
    with pytest.raises(ValueError):
        rt.empty(2**40, 2**40)


def test_a_failing_allocation_is_reported_and_leaves_nothing_behind():
    x = rt.ones(4, 4)
    live = counts()["live_bytes"]
    for n in range(1, 6):
        _C.memory_fail_at(n)
        try:
            y = x @ x + x
            del y
        except MemoryError:
            pass
        finally:
            _C.memory_fail_at(0)
        assert counts()["live_bytes"] == live
    assert (x @ x).tolist() == [[4.0] * 4] * 4
