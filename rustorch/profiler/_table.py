"""The table of a profile, laid out as PyTorch lays out its own."""

from __future__ import annotations

from typing import Any

_TIMES = ("cpu_time_total", "self_cpu_time_total", "cpu_time")
_SORTS = (*_TIMES, "cpu_memory_usage", "self_cpu_memory_usage", "flops", "count")
_ELSEWHERE = ("cuda_", "device_", "self_cuda_", "self_device_", "xpu_", "self_xpu_")  # of devices that are not here


def time_text(microseconds: float) -> str:
    """Microseconds in a unit that reads well."""
    if abs(microseconds) >= 1e6:
        return f"{microseconds / 1e6:.3f}s"
    if abs(microseconds) >= 1e3:
        return f"{microseconds / 1e3:.3f}ms"
    return f"{microseconds:.3f}us"


def memory_text(nbytes: int) -> str:
    """Bytes in a unit that reads well."""
    for unit, size in (("GB", 1 << 30), ("MB", 1 << 20), ("KB", 1 << 10)):
        if abs(nbytes) >= size:
            return f"{nbytes / size:.2f} {unit}"
    return f"{nbytes} B"


def sort_key(sort_by: str) -> str:
    """The attribute behind the name, ValueError when it is none.  Times on devices are 0 here: the CPU's stand in."""
    if sort_by in _SORTS:
        return sort_by
    for prefix in _ELSEWHERE:
        rest = sort_by.removeprefix(prefix)
        if rest != sort_by:
            own = ("self_cpu_" if prefix.startswith("self_") else "cpu_") + rest
            if own in _SORTS:
                return own
    raise ValueError(f"table: sort_by must be one of {', '.join(_SORTS)}, not {sort_by!r}")


def _percent(part: float, whole: float) -> str:
    return f"{100 * part / whole:.2f}%" if whole else "0.00%"


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 3] + "..."


def table(
    rows: list[Any], sort_by: str | None, row_limit: int, widths: tuple[int, int, int], header: str | None
) -> str:
    """The rows as text: names on the left, numbers on the right, totals below."""
    total = sum(row.self_cpu_time_total for row in rows)
    if sort_by is not None:
        attribute = sort_key(sort_by)
        rows = sorted(rows, key=lambda row: getattr(row, attribute), reverse=True)
    shown = rows if row_limit < 0 else rows[:row_limit]
    columns = ["Name", "Self CPU %", "Self CPU", "CPU total %", "CPU total", "CPU time avg"]
    with_memory = any(row.cpu_memory_usage for row in rows)
    with_shapes = any(len(row.input_shapes) for row in rows)
    with_stacks = any(row.stack for row in rows)
    with_flops = any(row.flops for row in rows)
    columns += ["CPU Mem", "Self CPU Mem"] if with_memory else []
    columns += ["# of Calls"]
    columns += ["Input Shapes"] if with_shapes else []
    columns += ["Source Location"] if with_stacks else []
    columns += ["Total MFLOPs"] if with_flops else []
    cells = [columns]
    for row in shown:
        line = [
            _cut(row.key, widths[0]),
            _percent(row.self_cpu_time_total, total),
            time_text(row.self_cpu_time_total),
            _percent(row.cpu_time_total, total),
            time_text(row.cpu_time_total),
            time_text(row.cpu_time_total / row.count if row.count else 0.0),
        ]
        if with_memory:
            line += [memory_text(row.cpu_memory_usage), memory_text(row.self_cpu_memory_usage)]
        line.append(str(row.count))
        if with_shapes:
            line.append(_cut(str([list(shape) for shape in row.input_shapes]), widths[1]))
        if with_stacks:
            line.append(_cut(row.stack[0] if row.stack else "", widths[2]))
        if with_flops:
            line.append(f"{row.flops / 1e6:.3f}" if row.flops else "--")
        cells.append(line)
    return _lay_out(cells, total, header, len(rows) - len(shown))


def _lay_out(cells: list[list[str]], total: float, header: str | None, left_out: int) -> str:
    width = [max(len(line[k]) for line in cells) for k in range(len(cells[0]))]
    rule = "  ".join("-" * w for w in width)
    lines = [header] if header else []
    lines += [rule]
    for number, line in enumerate(cells):
        left = line[0].ljust(width[0]) if number else line[0].rjust(width[0])
        lines.append("  ".join([left, *(cell.rjust(w) for cell, w in zip(line[1:], width[1:]))]))
        if number == 0:
            lines.append(rule)
    lines.append(rule)
    lines.append(f"Self CPU time total: {time_text(total)}")
    if left_out:
        lines.append(f"({left_out} more rows: row_limit=-1 shows all)")
    return "\n".join(lines) + "\n"
