"""Draws graphs and trees of modules on matplotlib: rows of text in boxes, arrows between, sizes by the text's."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from ._graph import KINDS, Graph, Node, pale
from ._layout import Point, place
from ._sheet import Sheet
from ._values import count_text

_POINTS, _SMALL = 8.0, 6.5  # sizes of letters
_LINE = 0.2  # inches from row to row
_MARGIN, _PAD = 0.15, 0.08
_HEAD = 0.15  # inches of what stands above a box
_TALLEST_STACK = 8
_ROWS_OF_A_COLUMN = 45  # of a tree


def _width(text: str, points: float) -> float:
    """Inches that a text takes."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import text_to_path

    return float(text_to_path.get_text_width_height_descent(text, FontProperties(size=points), ismath=False)[0]) / 72


def _stacks(graph: Graph) -> tuple[list[list[int]], list[tuple[int, int]]]:
    """Chains of nodes within one module as boxes of several rows, and the edges between boxes."""
    after: dict[int, list[int]] = {n: [] for n in range(len(graph.nodes))}
    before: dict[int, list[int]] = {n: [] for n in range(len(graph.nodes))}
    for a, b in graph.edges:
        after[a].append(b)
        before[b].append(a)
    stacks: list[list[int]] = []
    of: dict[int, int] = {}
    parents: list[str | None] = []
    for number, node in enumerate(graph.nodes):
        ends = node.kind in ("input, output", "parameter")
        parent = node.path.rpartition(".")[0] if node.path else None
        if len(before[number]) == 1 and not ends:
            last = before[number][0]
            home = of[last]
            fits = parents[home] is None or parent is None or parents[home] == parent
            alone = len(after[last]) == 1 and graph.nodes[last].kind not in ("input, output", "parameter")
            if alone and fits and len(stacks[home]) < _TALLEST_STACK:
                stacks[home].append(number)
                of[number] = home
                parents[home] = parents[home] if parents[home] is not None else parent
                continue
        of[number] = len(stacks)
        stacks.append([number])
        parents.append(parent)
    edges = dict.fromkeys((of[a], of[b]) for a, b in graph.edges if of[a] != of[b])
    return stacks, list(edges)


class _Canvas:
    """Axes whose units are inches of the drawing at its natural size, y downwards."""

    def __init__(self, function: str, width: float, height: float, ax: Any, figsize: Any, show: bool) -> None:
        width, height = width + 2 * _MARGIN, height + 2 * _MARGIN
        self.sheet = Sheet(function, ax=ax, figsize=figsize, default=(width, height), show=show, layout=None)
        self.ax = self.sheet.axes[0]
        if ax is None:
            self.ax.set_position((0.0, 0.0, 1.0, 1.0))
        box = self.ax.get_window_extent()
        dpi = self.sheet.figure.dpi
        self.scale = min(box.width / dpi / width, box.height / dpi / height)
        self.ax.set_xlim(-_MARGIN, width - _MARGIN)
        self.ax.set_ylim(height - _MARGIN, -_MARGIN)
        self.ax.set_aspect("equal")
        self.ax.set_axis_off()

    def text(self, x: float, y: float, text: str, points: float = _POINTS, **keywords: Any) -> None:
        keywords = {"va": "center", **keywords}
        self.ax.text(x, y, text, fontsize=points * self.scale, parse_math=False, **keywords)

    def rectangle(self, x: float, y: float, width: float, height: float, **keywords: Any) -> None:
        from matplotlib.patches import Rectangle

        self.ax.add_patch(Rectangle((x, y), width, height, **{"linewidth": 0, **keywords}))

    def arrow(self, points: list[Point]) -> None:
        """A line through the points, bent where it runs aslant, with a head at its end."""
        from matplotlib.patches import FancyArrowPatch
        from matplotlib.path import Path

        vertices, codes = [points[0]], [Path.MOVETO]
        for (x0, y0), (x1, y1) in pairwise(points):
            if abs(x1 - x0) < 0.01 or abs(y1 - y0) < 0.01:
                vertices.append((x1, y1))
                codes.append(Path.LINETO)
            else:
                middle = (y0 + y1) / 2
                vertices += [(x0, middle), (x1, middle), (x1, y1)]
                codes += [Path.CURVE4] * 3
        self.ax.add_patch(FancyArrowPatch(
            path=Path(vertices, codes), arrowstyle="-|>", mutation_scale=7 * self.scale, color="#808080",
            linewidth=1.0 * self.scale, shrinkA=0, shrinkB=0, zorder=1, capstyle="butt",
        ))  # fmt: skip

    def legend(self, kinds: list[str], y: float, width: float) -> None:
        """Swatches with the kinds' names."""
        x = 0.0
        for kind in kinds:
            taken = 0.22 + _width(kind, _SMALL) + 0.2
            if x and x + taken > width + 0.2:
                x, y = 0.0, y + _LINE
            self.rectangle(x, y - 0.06, 0.14, 0.12, facecolor=pale(KINDS[kind], 0.6))
            self.text(x + 0.2, y, kind, _SMALL)
            x += taken


def _legend_height(kinds: list[str], width: float) -> float:
    x, lines = 0.0, 1
    for kind in kinds:
        taken = 0.42 + _width(kind, _SMALL)
        if x and x + taken > width + 0.2:
            x, lines = 0.0, lines + 1
        x += taken
    return lines * _LINE + 0.1


def _kinds(nodes: list[Node]) -> list[str]:
    there = {node.kind for node in nodes}
    return [kind for kind in KINDS if kind in there]


def _header(graph: Graph, stack: list[int]) -> str:
    """What stands above a box: the module that its rows belong to."""
    paths = [graph.nodes[n].path for n in stack if graph.nodes[n].path]
    if not paths or graph.nodes[stack[0]].kind == "parameter":
        return ""
    return paths[0] if len(stack) == 1 else paths[0].rpartition(".")[0]


def draw_flow(graph: Graph, function: str, title: str, *, ax: Any, figsize: Any, save_path: Any, show: bool) -> Any:
    """The graph as boxes and arrows from top to bottom."""
    stacks, edges = _stacks(graph)
    sizes: list[Point] = []
    for stack in stacks:
        rows = [graph.nodes[n] for n in stack]
        left = max(_width(node.text, _POINTS) for node in rows)
        right = max(_width(node.shape, _SMALL) for node in rows)
        head = _header(graph, stack)
        width = max(left + right + (0.2 if right else 0.0), _width(head, _SMALL)) + 2 * _PAD
        sizes.append((width, len(rows) * _LINE + (_HEAD if head else 0.0)))
    placed = place(sizes, edges)
    kinds = _kinds(graph.nodes)
    width = max(placed.width, _width(title, 10.0), 2.0)
    top = 0.35
    below = _legend_height(kinds, width)
    canvas = _Canvas(function, width, top + placed.height + 0.2 + below, ax, figsize, show)
    canvas.text(width / 2, 0.08, title, 10.0, ha="center")
    shift = (width - placed.width) / 2
    for stack, (x, y), size in zip(stacks, placed.corners, sizes):
        _draw_box(canvas, graph, stack, x + shift, y + top, size)
    for edge in edges:
        points = [(x + shift, y + top) for x, y in placed.routes[edge]]
        head = _header(graph, stacks[edge[1]])
        if head and _width(head, _SMALL) < sizes[edge[1]][0] / 2 - 0.1:  # beside what stands above the box
            points.append((points[-1][0], points[-1][1] + _HEAD))
        canvas.arrow(points)
    canvas.legend(kinds, top + placed.height + 0.3, width)
    return canvas.sheet.finish(save_path)


def _draw_box(canvas: _Canvas, graph: Graph, stack: list[int], x: float, y: float, size: Point) -> None:
    head = _header(graph, stack)
    if head:
        canvas.text(x + 0.01, y + 0.07, head, _SMALL, alpha=0.75, zorder=3, style="italic")
        y += _HEAD
    for row, number in enumerate(stack):
        node = graph.nodes[number]
        level = y + row * _LINE
        canvas.rectangle(x, level, size[0], _LINE, facecolor=pale(KINDS[node.kind], 0.38), zorder=2)
        canvas.text(x + _PAD, level + _LINE / 2, node.text, color="#111111", zorder=3)
        if node.shape:
            canvas.text(
                x + size[0] - _PAD, level + _LINE / 2, node.shape, _SMALL, color="#333333", ha="right", zorder=3
            )
    canvas.rectangle(x, y, size[0], len(stack) * _LINE, facecolor="none", edgecolor="#777777",
                     linewidth=0.8 * canvas.scale, zorder=4)  # fmt: skip


def draw_tree(graph: Graph, function: str, title: str, *, ax: Any, figsize: Any, save_path: Any, show: bool) -> Any:
    """The tree of modules as indented rows, parameters counted at the right."""
    indent = 0.22
    nodes = graph.nodes
    left = max(node.depth * indent + 0.22 + _width(node.text, _POINTS) for node in nodes)
    right = max(_width(_counted(node), _SMALL) for node in nodes)
    one = left + 0.3 + right
    columns = -(-len(nodes) // _ROWS_OF_A_COLUMN)
    rows = -(-len(nodes) // columns)
    kinds = _kinds(nodes)
    width = max(columns * one + (columns - 1) * 0.5, _width(title, 10.0), 3.0)
    top = 0.4
    canvas = _Canvas(function, width, top + rows * _LINE + 0.15 + _legend_height(kinds, width), ax, figsize, show)
    canvas.text(width / 2, 0.08, title, 10.0, ha="center")
    places = []
    for number, node in enumerate(nodes):
        x0, y = number // rows * (one + 0.5), top + (number % rows + 0.5) * _LINE
        x = x0 + node.depth * indent
        places.append((x, y))
        canvas.rectangle(x, y - 0.06, 0.14, 0.12, facecolor=pale(KINDS[node.kind], 0.6), zorder=2)
        canvas.text(x + 0.2, y, node.text)
        canvas.text(x0 + one, y, _counted(node), _SMALL, ha="right", alpha=0.75)
    for a, b in graph.edges:
        (x0, y0), (x1, y1) = places[a], places[b]
        if a // rows == b // rows:
            canvas.ax.plot([x0 + 0.07, x0 + 0.07, x1], [y0 + 0.06, y1, y1], color="#909090",
                           linewidth=0.7 * canvas.scale, zorder=1)  # fmt: skip
    canvas.legend(kinds, top + rows * _LINE + 0.25, width)
    return canvas.sheet.finish(save_path)


def _counted(node: Node) -> str:
    return f"{count_text(node.parameters)} parameters" if node.parameters else ""
