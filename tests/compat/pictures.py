"""How tests look at a picture: its texts and where they lie, ink in its axes, its pixels."""
from itertools import combinations

import numpy as np


def pixels(figure):
    figure.canvas.draw()
    return np.asarray(figure.canvas.buffer_rgba())[..., :3].copy()


def texts(figure):
    """(text, box in pixels) of all texts that can be seen."""
    figure.canvas.draw()
    found = [*figure.texts, *(text for legend in figure.legends for text in legend.get_texts())]
    for ax in figure.axes:
        found += [ax.title, ax._left_title, ax._right_title, *ax.texts]
        found += ax.get_legend().get_texts() if ax.get_legend() else []
        for axis in filter(lambda a: ax.axison and a.get_visible(), (ax.xaxis, ax.yaxis)):
            low, high = sorted(axis.get_view_interval())
            slack = 1e-6 * (high - low)
            found += [axis.label, axis.offsetText]
            for tick in axis.get_major_ticks():
                if low - slack <= tick.get_loc() <= high + slack:
                    found += [tick.label1, tick.label2]
    shown = (text for text in found if text.get_text().strip() and text.get_visible())
    return [(text.get_text(), text.get_window_extent()) for text in shown]


def check(figure, *, within=True, apart=True):
    """The picture is drawn: texts lie inside it and on no other text, every Axes with data has ink."""
    found = texts(figure)
    width, height = figure.canvas.get_width_height()
    for text, box in found:
        assert box.x0 >= -1 and box.y0 >= -1 and box.x1 <= width + 1 and box.y1 <= height + 1, (text, box)
    if apart:
        for (one, a), (two, b) in combinations(found, 2):
            across = min(a.x1, b.x1) - max(a.x0, b.x0)
            along = min(a.y1, b.y1) - max(a.y0, b.y0)
            assert across <= 1 or along <= 1, (one, two)
    picture = np.asarray(figure.canvas.buffer_rgba())[..., :3]   # as drawn for the texts
    for ax in figure.axes:
        if ax.has_data():
            box = ax.get_window_extent()
            inside = picture[int(height - box.y1) + 2 : int(height - box.y0) - 2, int(box.x0) + 2 : int(box.x1) - 2]
            assert inside.size and inside.reshape(-1, 3).std(0).sum() > 0, ax
    return [text for text, _ in found]
