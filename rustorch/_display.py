"""What notebooks show: tensors, sparse arrays, modules, histories and optimizers as HTML.

Loaded when a notebook first asks.  Colours are those of the page (currentColor, half-transparent greys and tints), so
that dark and light themes both work; everything that a program names is escaped; sizes are bounded.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from html import escape
from typing import Any

import numpy as np

from ._summary import Summary, memory, numbers, summarize

ROWS, COLUMNS = (5, 3), (6, 3)  # of a preview: shown at its beginning and at its end
MOST_CHILDREN = 100  # of a module that are listed
BAD = "rgba(213,94,0,.55)"
_FAINT = "opacity:.7"
_CELL = "padding:1px 7px;text-align:right;border:none;color:inherit;white-space:nowrap"
_TABLE = "border-collapse:collapse;font-family:monospace;font-size:12px;margin:4px 0;border:none;color:inherit"


def _tag(name: str, inside: str, style: str = "") -> str:
    return f'<{name} style="{style}">{inside}</{name}>' if style else f"<{name}>{inside}</{name}>"


def _table(rows: Iterable[str]) -> str:
    return _tag("table", "".join(_tag("tr", row, "background:transparent") for row in rows), _TABLE)


def _box(inside: str) -> str:
    return _tag("div", inside, "color:inherit;background:transparent;font-size:13px;line-height:1.4")


def number(value: Any) -> str:
    """A number in few letters."""
    if isinstance(value, (bool, np.bool_)):
        return str(bool(value))
    if isinstance(value, (int, np.integer)):
        return str(int(value))
    if isinstance(value, (complex, np.complexfloating)):
        return f"{complex(value):.3g}"
    value = float(value)
    return "NaN" if math.isnan(value) else "∞" if value == math.inf else "-∞" if value == -math.inf else f"{value:.4g}"


def size(count: float) -> str:
    """Bytes in the unit that suits them."""
    for unit in ("B", "KB", "MB", "GB"):
        if count < 1024:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.1f} TB"


# ---- tensors ----


def tensor_html(t: Any) -> str:
    """A tensor: shape, dtype, device and history, statistics, a histogram and its first and last elements."""
    if type(t).__name__ in ("UninitializedParameter", "UninitializedBuffer"):
        return _box(escape(repr(t)))
    shape = tuple(t.shape)
    facts = [f"shape {_shape(shape)}", escape(str(t.dtype)), escape(str(t.device)), size(t.numel() * t.element_size())]
    if t.grad_fn is not None:
        facts.append(f"grad_fn={escape('<' + t.grad_fn.name() + '>')}")
    elif t.requires_grad:
        facts.append("requires_grad=True" + (", has .grad" if t.grad is not None else ""))
    head = f"<b>{escape(type(t).__name__)}</b> " + _tag("span", " · ".join(facts), _FAINT)
    if not t.numel():
        return _box(_tag("div", head) + _tag("div", "no elements", _FAINT))
    found = summarize(t)
    line = _statistics(found, str(t.dtype), t.numel()) if t.ndim or found.nan or found.infinite else ""
    return _box(_tag("div", head) + line + _preview(t, found))


def _shape(shape: tuple[int, ...]) -> str:
    return " × ".join(map(str, shape)) if shape else "( )"  # noqa: RUF001


def _statistics(found: Summary, dtype: str, count: int) -> str:
    whole = dtype.startswith(("int", "uint", "bool"))
    of = "|x| " if dtype.startswith("complex") else ""
    parts = []
    if not math.isnan(found.mean):
        ends = [int(v) if whole else v for v in (found.minimum, found.maximum)]
        named = {"min": ends[0], "max": ends[1], "mean": found.mean, "std": found.std}
        parts = [f"{of}{name} {number(value)}" for name, value in named.items()]
    marked = [
        _tag("span", f"{n:,} {name}", f"background:{BAD};color:inherit;padding:0 4px;border-radius:3px")
        for name, n in (("NaN", found.nan), ("infinite", found.infinite))
        if n
    ]
    text = " · ".join(parts + marked)
    if found.sampled:
        where = ", NaN and infinity too" if found.unchecked else ""
        text += _tag("span", f" (of a sample of {found.sampled:,} from {count:,} elements{where})", _FAINT)
    return _tag("div", histogram(found.values) + text, "margin:2px 0")


def histogram(values: Any) -> str:
    """A small picture of a distribution; nothing for fewer than four values or all the same."""
    if values is None or len(values) < 4 or not values.max() > values.min():
        return ""
    with np.errstate(over="ignore", invalid="ignore"):
        if not math.isfinite(float(values.max()) - float(values.min())):
            return ""
    counts = np.histogram(values, bins=24)[0]
    heights = np.maximum(counts / counts.max() * 18, (counts > 0) * 1.0)
    bars = "".join(f"M{4 * n},20v{-h:.1f}h3v{h:.1f}z" for n, h in enumerate(heights) if h)
    return (
        '<svg width="96" height="20" role="img" aria-label="histogram" style="vertical-align:middle;margin-right:8px">'
        f'<path d="{bars}" fill="currentColor" fill-opacity=".55"/></svg>'
    )


def _ends(length: int, shown: tuple[int, int]) -> list[int | None]:
    """Indices that are shown; None where the middle is left out."""
    if length <= sum(shown) + 1:
        return list(range(length))
    return [*range(shown[0]), None, *range(length - shown[1], length)]


def _preview(t: Any, found: Summary) -> str:
    array, bfloat = memory(t)
    if array.ndim == 0:
        return _table([_cell(numbers(array, bfloat)[()], math.nan, math.nan)])
    plane = array[(0,) * max(0, array.ndim - 2)]
    matrix = plane if array.ndim > 1 else plane[None]
    rows, columns = _ends(matrix.shape[0], ROWS), _ends(matrix.shape[1], COLUMNS)
    lines = []
    for r in rows:
        if r is None:
            lines.append(_tag("td", "⋮", _CELL + ";text-align:center") * len(columns))
            continue
        cells = []
        for c in columns:
            value = None if c is None else numbers(matrix[r : r + 1, c], bfloat)[0]
            cells.append(_tag("td", "⋯", _CELL) if c is None else _cell(value, found.minimum, found.maximum))
        lines.append("".join(cells))
    note = ""
    if array.ndim > 2:
        at = ", ".join(["0"] * (array.ndim - 2) + [":", ":"])
        planes = array.size // matrix.size
        note = _tag("div", f"[{at}], the first of {planes:,} planes", _FAINT) if planes > 1 else ""
    return note + _table(lines)


def _cell(value: Any, low: float, high: float) -> str:
    """One element, tinted by how large it is; NaN and infinity marked."""
    style = _CELL
    if value.dtype.kind in "fc" and not np.isfinite(value):
        style += f";background:{BAD}"
    elif value.dtype.kind in "fiu" and high > low:
        tint = 0.5 * min(1.0, max(0.0, (float(value) - low) / (high - low)))
        style += f";background:rgba(0,114,178,{tint:.2f})"
    return _tag("td", escape(number(value)), style)


def sparse_html(a: Any) -> str:
    """A sparse array: shape, dtype, format, how full it is, statistics of its entries and the first of them."""
    whole = math.prod(a.shape)
    full = f", {a.nnz / whole:.3g} of all" if whole else ""
    facts = [f"shape {_shape(tuple(a.shape))}", escape(str(a.dtype)), f"{a.nnz:,} entries{full}"]
    head = f"<b>{escape(type(a).__name__)}</b> " + _tag("span", " · ".join(facts), _FAINT)
    if not a.nnz:
        return _box(_tag("div", head))
    found = summarize(a.data)
    data = a.data[:8]
    lines = [_tag("td", escape(str(place)), f"{_CELL};{_FAINT}") + _cell(value, found.minimum, found.maximum)
             for place, value in zip(_places(a, len(data)), data)]  # fmt: skip
    if a.nnz > len(data):
        lines.append(_tag("td", "⋮", _CELL))
    return _box(_tag("div", head) + _statistics(found, str(a.dtype), a.nnz) + _table(lines))


def _places(a: Any, count: int) -> list[tuple[int, ...]]:
    """The indices of the first entries of a sparse array."""
    if a.format == "coo":
        return [tuple(int(c[n]) for c in a.coords) for n in range(count)]
    if a.ndim == 1:
        return [(int(n),) for n in a.indices[:count]]
    outer = np.searchsorted(a.indptr, np.arange(count), side="right") - 1
    pairs: list[tuple[int, ...]] = [(int(o), int(i)) for o, i in zip(outer, a.indices[:count])]
    return [pair[::-1] for pair in pairs] if a.format == "csc" else pairs


# ---- modules ----


def module_html(module: Any) -> str:
    """A module as a tree that folds: names, settings, shapes and numbers of parameters."""
    from .nn.parameter import is_lazy  # (at the top it would load nn with every tensor that is shown)

    parameters = list(module.parameters())
    known = [p for p in parameters if not is_lazy(p)]
    count = sum(p.numel() for p in known)
    fixed = sum(p.numel() for p in known if not p.requires_grad)
    facts = [f"{count:,} parameters" + (f" ({fixed:,} fixed)" if fixed else "")]
    if len(known) < len(parameters):
        facts.append(f"{len(parameters) - len(known)} not yet made")
    facts.append(size(sum(p.numel() * p.element_size() for p in known)))
    facts.append("training" if module.training else "evaluating")
    return _box(_branch("", module, " · ".join(facts), is_lazy, 0))


def _branch(name: str, module: Any, facts: str, is_lazy: Any, depth: int) -> str:
    own = {n: p for n, p in module._parameters.items() if p is not None}
    shapes = ", ".join(f"{escape(n)} {'?' if is_lazy(p) else _shape(tuple(p.shape))}" for n, p in own.items())
    extra = " ".join(module.extra_repr().split())
    title = (_tag("span", f"{escape(name)}: ", _FAINT) if name else "") + f"<b>{escape(module._get_name())}</b>"
    if extra and len(extra) < 300:
        title += f"({escape(extra)})"
    children = [(n, m) for n, m in module._modules.items() if m is not None]
    if depth and (children or own):
        known = [p for p in module.parameters() if not is_lazy(p)]
        facts = f"{sum(p.numel() for p in known):,} parameters"
    notes = " · ".join(part for part in (shapes, facts) if part)
    line = f"{title} {_tag('span', notes, _FAINT)}"
    if not children:
        return _tag("div", line, "margin-left:1.1em")
    inner = "".join(_branch(n, m, "", is_lazy, depth + 1) for n, m in children[:MOST_CHILDREN] if depth < 30)
    if len(children) > MOST_CHILDREN:
        inner += _tag("div", f"… and {len(children) - MOST_CHILDREN} more", "margin-left:1.1em;" + _FAINT)
    opened = " open" if depth == 0 or (depth == 1 and len(children) <= 12) else ""
    inner = _tag("div", inner, "margin-left:1.1em;border-left:1px solid rgba(128,128,128,.35)")
    return f'<details{opened}><summary style="cursor:pointer">{line}</summary>{inner}</details>'


# ---- trainings ----


def _names(table: Any) -> Mapping[str, Any]:
    """name -> values by epoch, of a History or of the mapping in it."""
    if not isinstance(table, Mapping):
        from .visualization.history import curves

        return curves(table, "history_html")
    return table


def history_html(history: Any) -> str:
    """A training's curves: the first, best and last value of each, and its course."""
    table = {str(name): [float(v) for v in values] for name, values in _names(history).items()}
    epochs = max(map(len, table.values()), default=0)
    head = f"<b>{escape(type(history).__name__)}</b> " + _tag("span", f"{epochs} epochs", _FAINT)
    lines = ["".join(_tag("th", name, _CELL) for name in ("", "first", "best", "last", "course"))]
    for name, values in table.items():
        good = [v for v in values if math.isfinite(v)]
        best = (min if _falls(name) else max)(good) if good and name not in ("lr", "learning_rate", "epoch") else None
        shown = [values[0] if values else None, best, values[-1] if values else None]
        cells = [_tag("td", "" if v is None else number(v), _CELL if v is None or math.isfinite(v) else
                      f"{_CELL};background:{BAD}") for v in shown]  # fmt: skip
        lines.append(_tag("td", escape(name), _CELL) + "".join(cells) + _tag("td", sparkline(values), _CELL))
    return _box(_tag("div", head) + (_table(lines) if table else ""))


def _falls(name: str) -> bool:
    return any(word in name.lower() for word in ("loss", "error", "mse", "mae", "rmse", "perplexity"))


def sparkline(values: list[float]) -> str:
    """A small curve; NaN and infinity interrupt it."""
    good = [v for v in values if math.isfinite(v)]
    if not good:
        return ""
    step = -(-len(values) // 200)
    low, high = min(good), max(good)
    scale = (high - low) or 1.0
    width, path, pen = max(1, len(values) - 1), [], "M"
    for n in range(0, len(values), step):
        if math.isfinite(values[n]):
            path.append(f"{pen}{n / width * 114 + 3:.1f},{21 - (values[n] - low) / scale * 18:.1f}")
            pen = "L"
        else:
            pen = "M"
    dots = "" if len(good) > 1 else f'<circle cx="3" cy="{21 - (good[0] - low) / scale * 18:.1f}" r="2"/>'
    return (
        '<svg width="120" height="24" role="img" aria-label="course" style="vertical-align:middle">'
        f'<path d="{"".join(path)}" fill="none" stroke="currentColor" stroke-width="1.5"/>{dots}</svg>'
    )


def optimizer_html(optimizer: Any) -> str:
    """An optimizer: the settings of each group of parameters, in which they differ told apart."""
    groups = optimizer.param_groups
    names = [n for n in dict.fromkeys(n for g in groups for n in g) if n != "params"]
    lines = ["".join(_tag("th", escape(str(n)), _CELL) for n in ("group", "tensors", "elements", *names))]
    for n, group in enumerate(groups[:MOST_CHILDREN]):
        elements = sum(p.numel() for p in group["params"])
        cells = [str(n), str(len(group["params"])), f"{elements:,}", *(str(group.get(name, "")) for name in names)]
        lines.append("".join(_tag("td", escape(cell[:60]), _CELL) for cell in cells))
    return _box(f"<div><b>{escape(type(optimizer).__name__)}</b></div>" + _table(lines))
