"""Named tuples that functions with several results return, by the functions' names, as PyTorch's."""

from __future__ import annotations

from typing import Any, NamedTuple

__all__ = [
    "aminmax", "cummax", "cummin", "histogram", "histogramdd", "kthvalue", "max", "median", "min", "mode",
    "nanmedian", "sort", "topk",
]  # fmt: skip


class max(NamedTuple):
    """Of max(x, dim)."""

    values: Any
    indices: Any


class min(NamedTuple):
    """Of min(x, dim)."""

    values: Any
    indices: Any


class sort(NamedTuple):
    """Of sort."""

    values: Any
    indices: Any


class topk(NamedTuple):
    """Of topk."""

    values: Any
    indices: Any


class kthvalue(NamedTuple):
    """Of kthvalue."""

    values: Any
    indices: Any


class median(NamedTuple):
    """Of median(x, dim)."""

    values: Any
    indices: Any


class nanmedian(NamedTuple):
    """Of nanmedian(x, dim)."""

    values: Any
    indices: Any


class mode(NamedTuple):
    """Of mode."""

    values: Any
    indices: Any


class cummax(NamedTuple):
    """Of cummax."""

    values: Any
    indices: Any


class cummin(NamedTuple):
    """Of cummin."""

    values: Any
    indices: Any


class aminmax(NamedTuple):
    """Of aminmax."""

    min: Any
    max: Any


class histogram(NamedTuple):
    """Of histogram."""

    hist: Any
    bin_edges: Any


class histogramdd(NamedTuple):
    """Of histogramdd."""

    hist: Any
    bin_edges: Any
