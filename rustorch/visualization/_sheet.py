"""What all pictures share: where they are drawn, how axes look, how they are written and shown."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe and Ito's colours, told apart by colour-blind eyes too (https://jfly.uni-koeln.de/color/); the yellow, too
# pale for lines on white, is left out
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#7F7F7F")
BAD = "#D55E00"  # marks NaN and infinity
SEQUENTIAL, DIVERGING = "viridis", "RdBu_r"
WRITTEN_DPI = 150
# what has letters that matplotlib's own font has not, where it is installed
_FALLBACK_FONTS = (
    "Noto Sans CJK JP", "Noto Sans CJK KR", "Noto Sans CJK SC", "NanumGothic", "Malgun Gothic", "Apple SD Gothic Neo",
    "Microsoft YaHei", "Yu Gothic", "Hiragino Sans", "IPAexGothic", "TakaoGothic", "WenQuanYi Zen Hei",
    "WenQuanYi Micro Hei", "Droid Sans Fallback", "Arial Unicode MS", "Unifont",
)  # fmt: skip


class Sheet:
    """The axes of one picture: those that were given, or those of a new figure."""

    def __init__(
        self,
        function: str,
        rows: int = 1,
        columns: int = 1,
        *,
        ax: Any = None,
        figsize: Any = None,
        default: tuple[float, float] = (6.4, 4.4),
        show: bool = False,
        layout: str | None = "constrained",
    ) -> None:
        self.function, self.show, self.panels = function, show, rows * columns
        if ax is not None:
            given = np.asarray(ax, dtype=object).reshape(-1).tolist()
            if not all(hasattr(a, "get_window_extent") and hasattr(a, "plot") for a in given):
                raise TypeError(f"{function}: ax must be matplotlib Axes, not {type(ax).__name__}")
            if len(given) not in (1, rows * columns):
                raise ValueError(f"{function}: draws {rows * columns} panels, but ax has {len(given)}")
            self.axes: list[Axes] = given
            self.figure: Any = given[0].figure
            return
        size = default if figsize is None else _checked_size(function, figsize)
        if show:  # pyplot shows only what it has made
            from ._picture import Picture
            import matplotlib.pyplot as plt  # isort: skip

            self.figure = plt.figure(figsize=size, layout=layout, FigureClass=Picture)
        else:
            from ._picture import Picture

            self.figure = Picture(figsize=size, layout=layout)
        self.axes = list(np.ravel(self.figure.subplots(rows, columns, squeeze=False)))

    @property
    def shared(self) -> bool:
        """True when one Axes was given for what else is several panels."""
        return len(self.axes) < self.panels

    def finish(self, save_path: Any = None, title: str | None = None) -> Figure:
        """Writes and shows the picture when asked, and returns its figure."""
        if title and len(self.axes) == 1:
            self.axes[0].set_title(title)
        elif title:
            self.figure.suptitle(title)
        _choose_fonts(self.figure)
        if save_path is not None:
            write(self.figure, save_path, self.function)
        if self.show:
            import matplotlib.pyplot as plt

            plt.show()
            if "inline" in plt.get_backend() and hasattr(self.figure, "shown_inline"):
                self.figure.shown_inline()
        return self.figure


def _checked_size(function: str, figsize: Any) -> tuple[float, float]:
    try:
        width, height = (float(v) for v in figsize)
    except (TypeError, ValueError):
        width = height = 0.0
    if not (0 < width < 1000 and 0 < height < 1000):
        raise ValueError(f"{function}: figsize must be (width, height) in inches, not {figsize!r}")
    return width, height


def write(figure: Any, path: Any, function: str) -> None:
    """Writes a figure in the format that the path's suffix names, the same bytes each time."""
    import matplotlib as mpl

    path = Path(os.fspath(path))
    known = figure.canvas.get_supported_filetypes()
    suffix = path.suffix[1:].lower()
    if suffix and suffix not in known:
        names = ", ".join(sorted(known))
        raise ValueError(f"{function}: save_path ends in {path.suffix!r}; these can be written: {names}")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"{function}: there is no folder {str(path.parent)!r} to write {path.name!r} into")
    stamp = {"svg": {"Date": None}, "pdf": {"CreationDate": None}, "ps": {}, "eps": {}}.get(suffix)
    with mpl.rc_context({"svg.hashsalt": "rustorch"}):
        figure.savefig(path if suffix else path.with_suffix(".png"), dpi=WRITTEN_DPI, metadata=stamp)


def _choose_fonts(figure: Any) -> None:
    """Gives texts with letters that the usual font lacks a further font that may have them, where there is one."""
    from matplotlib import font_manager
    from matplotlib.text import Text

    texts = [t for t in figure.findobj(Text) if any(ord(c) > 0x2E7F for c in t.get_text())]
    if not texts:
        return
    there = {entry.name for entry in font_manager.fontManager.ttflist}
    fallback = [name for name in _FALLBACK_FONTS if name in there]
    for text in texts if fallback else ():
        text.set_fontfamily([*text.get_fontfamily(), *fallback])


def tidy(ax: Any, *, xlabel: str, ylabel: str, title: str | None = None, grid: str | None = "y") -> None:
    """The look of a diagram: named axes, no box, a light grid."""
    ax.set_xlabel(xlabel)
    ax.set_ylabel(ylabel)
    if title:
        ax.set_title(title)
    ax.spines[["top", "right"]].set_visible(False)
    if grid:
        ax.grid(axis=grid, alpha=0.25, linewidth=0.8)
        ax.set_axisbelow(True)


def plain(text: Any) -> str:
    """A name as it is, with no part of it read as mathematics."""
    return str(text).replace("$", r"\$")


def whole_numbers(axis: Any) -> None:
    """Ticks at whole numbers only."""
    from matplotlib.ticker import MaxNLocator

    axis.set_major_locator(MaxNLocator("auto", integer=True, min_n_ticks=1, steps=[1, 2, 5, 10]))


def legend(ax: Any, **keywords: Any) -> None:
    """A legend where the axes have something to name."""
    if ax.get_legend_handles_labels()[0]:
        ax.legend(**{"frameon": True, "framealpha": 0.85, "fontsize": "small", **keywords})


def say(ax: Any, text: str) -> None:
    """A word in the middle of axes that have nothing to show."""
    ax.text(0.5, 0.5, text, transform=ax.transAxes, ha="center", va="center", fontsize="medium", alpha=0.7)


def finite(values: Sequence[Any] | Any) -> Any:
    """Those values that are neither NaN nor infinite."""
    values = np.asarray(values)
    return values[np.isfinite(values)]
