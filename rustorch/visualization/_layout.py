"""Where the boxes of a directed graph go: in layers, few crossings, straight lines; long ones in several columns.

The method is that of Sugiyama, Tagawa and Toda (1981): layers, order by barycentres, positions; the last by isotonic
regression.  Lengths are inches, y grows downwards.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

Point = tuple[float, float]
_LANE = 0.14  # width that a line which passes a layer takes
_SWEEPS = 12


@dataclass
class Placed:
    """The result: each box's top left corner, each edge's bends from its source's bottom to its target's top."""

    corners: list[Point]
    routes: dict[tuple[int, int], list[Point]]
    width: float
    height: float


@dataclass
class _Layers:
    """Boxes and the points at which longer edges pass, layer by layer."""

    sizes: list[Point]
    layer: list[int]
    above: dict[int, list[int]] = field(default_factory=lambda: defaultdict(list))
    below: dict[int, list[int]] = field(default_factory=lambda: defaultdict(list))
    rows: list[list[int]] = field(default_factory=list)
    chains: dict[tuple[int, int], list[int]] = field(default_factory=dict)


def _layer_of(count: int, edges: list[tuple[int, int]]) -> list[int]:
    """Longest paths from the sources; what could stand lower without longer lines stands just above what it goes to."""
    below = defaultdict(list)
    above = defaultdict(list)
    for a, b in edges:
        below[a].append(b)
        above[b].append(a)
    layer = [0] * count
    for node in range(count):  # edges lead from smaller to larger numbers
        for before in above[node]:
            layer[node] = max(layer[node], layer[before] + 1)
    for node in reversed(range(count)):
        if len(above[node]) <= len(below[node]) and below[node]:
            lowest = min(layer[after] for after in below[node]) - 1
            if not above[node] or lowest > layer[node] + 1:
                layer[node] = lowest
    return layer


def _with_lanes(sizes: list[Point], edges: list[tuple[int, int]]) -> _Layers:
    found = _Layers(list(sizes), _layer_of(len(sizes), edges))
    for a, b in edges:
        chain = [a]
        for level in range(found.layer[a] + 1, found.layer[b]):
            chain.append(len(found.sizes))
            found.sizes.append((_LANE, 0.0))
            found.layer.append(level)
        chain.append(b)
        found.chains[a, b] = chain
        for one, two in pairwise(chain):
            found.below[one].append(two)
            found.above[two].append(one)
    found.rows = [[] for _ in range(max(found.layer, default=-1) + 1)]
    for node, level in enumerate(found.layer):
        found.rows[level].append(node)
    return found


def _order(layers: _Layers) -> None:
    """Sorts each row by the mean place of its neighbours, down and up; the order with fewest crossings stays."""
    best, fewest = [list(row) for row in layers.rows], _crossings(layers)
    for sweep in range(_SWEEPS):
        down = sweep % 2 == 0
        near = layers.above if down else layers.below
        order = range(1, len(layers.rows)) if down else range(len(layers.rows) - 2, -1, -1)
        for level in order:
            place = {n: i for row in layers.rows[max(0, level - 1) : level + 2] for i, n in enumerate(row)}
            row = layers.rows[level]
            means = {n: sum(place[m] for m in near[n]) / len(near[n]) if near[n] else float(place[n]) for n in row}
            row.sort(key=means.__getitem__)
        crossings = _crossings(layers)
        if crossings < fewest:
            best, fewest = [list(row) for row in layers.rows], crossings
    layers.rows = best


def _crossings(layers: _Layers) -> int:
    total = 0
    for row, following in pairwise(layers.rows):
        place = {n: i for i, n in enumerate(following)}
        ends = [end for n in row for end in sorted(place[m] for m in layers.below[n])]
        total += sum(1 for i, a in enumerate(ends) for b in ends[i + 1 :] if a > b) if len(ends) < 400 else 0
    return total


def _spread(wanted: list[float], widths: list[float], weights: list[float], gap: float) -> list[float]:
    """Centres nearest to what is wanted (least squares) in the given order without overlap: isotonic regression."""
    offsets = np.concatenate([[0.0], np.cumsum([(a + b) / 2 + gap for a, b in pairwise(widths)])])
    blocks: list[list[float]] = []  # value, weight, length
    for target, weight in zip(np.array(wanted) - offsets, weights):
        blocks.append([float(target), weight, 1])
        while len(blocks) > 1 and blocks[-2][0] > blocks[-1][0]:
            value, mass, length = blocks.pop()
            last = blocks[-1]
            blocks[-1] = [(last[0] * last[1] + value * mass) / (last[1] + mass), last[1] + mass, last[2] + length]
    flat = [value for value, _, length in blocks for _ in range(int(length))]
    return [value + offset for value, offset in zip(flat, offsets)]


def _across(layers: _Layers, gap: float) -> list[float]:
    """The centre of each node: near the mean of its neighbours'; lines that pass make way for boxes."""
    x = [0.0] * len(layers.sizes)

    def is_lane(node: int) -> bool:
        return layers.sizes[node][1] == 0.0

    for row in layers.rows:
        at = _spread([0.0] * len(row), [layers.sizes[n][0] for n in row], [1.0] * len(row), gap)
        for node, value in zip(row, at):
            x[node] = value
    for sweep in range(2 * _SWEEPS):
        levels = range(len(layers.rows)) if sweep % 2 == 0 else range(len(layers.rows) - 1, -1, -1)
        for level in levels:
            row = layers.rows[level]
            wanted, weights = [], []
            for node in row:
                near = [(x[m], 0.2 if is_lane(m) else 1.0) for m in layers.above[node] + layers.below[node]]
                mass = sum(weight for _, weight in near)
                wanted.append(sum(at * weight for at, weight in near) / mass if near else x[node])
                weights.append(0.3 if is_lane(node) else 2.0)
            for node, value in zip(row, _spread(wanted, [layers.sizes[n][0] for n in row], weights, gap)):
                x[node] = value
    return x


def _cuts(layers: _Layers, heights: list[float], longest: float) -> list[int]:
    """First rows of the columns: cut where all lines come from one box, so that columns are about equally long."""
    total = sum(heights)
    columns = max(1, int(np.ceil(total / longest)))
    target, starts, length = total / columns, [0], 0.0
    for level in range(1, len(layers.rows)):
        length += heights[level - 1]
        sources = {n for n in layers.rows[level - 1] if layers.below[n]}
        remaining = sum(heights[level:])
        long_enough = length + heights[level] / 2 > target and remaining > 0.4 * target
        if len(sources) == 1 and long_enough and len(starts) < columns:
            starts.append(level)
            length = 0.0
    return starts


def place(
    sizes: list[Point], edges: list[tuple[int, int]], *, gap: float = 0.3, between: float = 0.34, longest: float = 12.0
) -> Placed:
    """Places boxes of these (width, height); edges must lead from smaller to larger numbers.

    A drawing that would be longer than `longest` is cut into columns where all lines from row to row come from one box.
    """
    layers = _with_lanes(sizes, edges)
    _order(layers)
    x = _across(layers, gap)
    heights = [max(layers.sizes[n][1] for n in row) + between for row in layers.rows]
    starts = _cuts(layers, heights, longest)
    column = [sum(level >= start for start in starts) - 1 for level in range(len(layers.rows))]
    tops, left, top = [0.0] * len(layers.rows), 0.0, 0.0
    lefts: list[float] = []
    for number, start in enumerate(starts):
        end = starts[number + 1] if number + 1 < len(starts) else len(layers.rows)
        nodes = [n for row in layers.rows[start:end] for n in row]
        low = min(x[n] - layers.sizes[n][0] / 2 for n in nodes)
        high = max(x[n] + layers.sizes[n][0] / 2 for n in nodes)
        lefts.append(left)
        for node in nodes:
            x[node] += left - low
        top = 0.0
        for level in range(start, end):
            tops[level] = top
            top += heights[level]
        left += high - low + 0.8
    height = max(tops[level] + heights[level] for level in range(len(layers.rows))) - between
    corners = [(x[n] - w / 2, tops[layers.layer[n]]) for n, (w, h) in enumerate(sizes)]
    routes = {edge: _route(chain, layers, x, tops, heights, column, lefts, between)
              for edge, chain in layers.chains.items()}  # fmt: skip
    return Placed(corners, routes, left - 0.8, height)


def _route(
    chain: list[int], layers: _Layers, x: list[float], tops: list[float], heights: list[float], column: list[int],
    lefts: list[float], between: float,
) -> list[Point]:  # fmt: skip
    """The points that an edge passes: vertical beside the boxes of a layer, aslant between layers."""
    first = chain[0]
    points = [(x[first], tops[layers.layer[first]] + layers.sizes[first][1])]
    for one, node in pairwise(chain):
        here, level = layers.layer[one], layers.layer[node]
        if column[here] != column[level]:  # round the end of the column, up beside the next one, and in from above
            gutter = lefts[column[level]] - 0.4
            low = tops[here] + heights[here] - between / 2
            points += [(x[one], low), (gutter, low), (gutter, -between / 2), (x[node], -between / 2)]
        points.append((x[node], tops[level]))
        if node != chain[-1]:
            points.append((x[node], tops[level] + heights[level] - between))
    # a box lower than its layer: straight down to the layer's end first
    full = tops[layers.layer[first]] + heights[layers.layer[first]] - between
    if points[0][1] < full - 1e-9:
        points.insert(1, (x[first], full))
    return points
