"""The Figure that pictures are drawn on: shows itself in notebooks, and is unknown to pyplot.  Needs matplotlib."""

from __future__ import annotations

import io
from typing import Any

try:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
except ModuleNotFoundError as error:
    if (error.name or "").partition(".")[0] != "matplotlib":
        raise
    raise ImportError("rustorch.visualization needs matplotlib: pip install rustorch[viz]") from error


class Picture(Figure):
    """A matplotlib Figure with an Agg canvas; notebooks show it as an image, whatever backend is set."""

    def __init__(self, *args: Any, **keywords: Any) -> None:
        super().__init__(*args, **keywords)
        FigureCanvasAgg(self)

    def shown_inline(self) -> None:
        """Was just shown by pyplot in a notebook: as the value of that cell it is not shown again."""

        def once() -> None:
            del self.__dict__["_ipython_display_"]

        self.__dict__["_ipython_display_"] = once

    def _repr_png_(self) -> bytes:
        file = io.BytesIO()
        self.savefig(file, format="png", dpi=self.dpi)
        return file.getvalue()
