"""How good a classifier is: confusion matrix, ROC and precision-recall curves, decision boundary, predictions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..nn.module import Module
from ._sheet import BAD, COLORS, Sheet, legend, plain, tidy
from ._values import Array, array, real
from .tensors import _images, image_grid

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def _classes(value: Any, function: str, name: str) -> Array:
    """Class numbers: as they are, or the places of the largest scores."""
    found = real(array(value, function, name))
    if found.ndim == 2 and found.shape[1] > 1:
        return np.asarray(found.argmax(1))
    found = found.reshape(-1)
    if found.dtype.kind == "f" and (not np.isfinite(found).all() or (found != np.round(found)).any()):
        raise ValueError(f"{function}: {name} must be whole class numbers, or scores of shape (n, classes)")
    if found.dtype.kind != "b" and found.size and found.min() < 0:
        raise ValueError(f"{function}: {name} must be class numbers from 0, not {found.min():g}")
    return found.astype(np.int64)


def _same_length(function: str, one: Array, other: Array, names: str) -> None:
    if len(one) != len(other):
        raise ValueError(f"{function}: {names} must be equally many, not {len(one)} and {len(other)}")


def _class_names(labels: Any, count: int, function: str) -> list[str]:
    if labels is None:
        return [str(n) for n in range(count)]
    named = [plain(label) for label in labels]
    if len(named) < count:
        raise ValueError(f"{function}: there are {count} classes, but labels has {len(named)}")
    return named


def name_ticks(ax: Any, axis: str, names: Sequence[str], room: float = 5.0) -> None:
    """Names at whole numbers, upright on an x axis where they would touch each other in `room` inches."""
    step = -(-len(names) // 40)
    at = list(range(0, len(names), step))
    upright = axis == "x" and len(at) * (max(len(names[n]) for n in at) + 1.5) * 0.085 > room
    set_ticks = ax.set_xticks if axis == "x" else ax.set_yticks
    set_ticks(at, [names[n] for n in at], rotation=90 if upright else 0, fontsize="small" if len(at) > 15 else None)


def plot_confusion_matrix(
    targets: Any,
    predictions: Any,
    labels: Sequence[str] | None = None,
    *,
    normalize: str | None = None,
    title: str | None = "Confusion matrix",
    ax: Any = None,
    figsize: tuple[float, float] | None = None,
    save_path: Any = None,
    show: bool = False,
) -> Figure:
    """Draws how often each class was taken for each: true classes down, predicted ones across.

    Args:
        targets: true class numbers, shape (n,).
        predictions: predicted class numbers (n,), or scores (n, classes), of which the largest counts.
        labels: names of the classes.
        normalize: None counts; "true" gives parts of each true class, "pred" of each predicted class, "all" of all.
        title: stands above the picture.
        ax: the Axes to draw on.
        figsize: width and height in inches.
        save_path: file to write; the suffix tells the format.
        show: also opens a window, or shows the picture at once in a notebook.

    Returns:
        The matplotlib Figure.

    Raises:
        ValueError: for lengths that differ, and for what is no class number.

    >>> import rustorch as rt
    >>> figure = rt.visualization.plot_confusion_matrix([0, 1, 1, 2], [0, 1, 2, 2], labels=["cat", "dog", "cow"])
    >>> [text.get_text() for text in figure.axes[0].texts][3:6]
    ['0', '1', '1']
    """
    name = "plot_confusion_matrix"
    if normalize not in (None, "true", "pred", "all"):
        raise ValueError(f"{name}: normalize must be None, 'true', 'pred' or 'all', not {normalize!r}")
    true, predicted = _classes(targets, name, "targets"), _classes(predictions, name, "predictions")
    _same_length(name, true, predicted, "targets and predictions")
    if not len(true):
        raise ValueError(f"{name}: there is nothing to count: targets is empty")
    count = max(int(max(true.max(), predicted.max())) + 1, len(labels or ()))
    names = _class_names(labels, count, name)
    matrix = np.bincount(true * count + predicted, minlength=count * count).reshape(count, count).astype(np.float64)
    if normalize:
        axes: Any = {"true": 1, "pred": 0, "all": None}[normalize]
        sums = matrix.sum(axes, keepdims=True)
        matrix = matrix / np.where(sums == 0, 1, sums)
    side = float(np.clip(2.2 + 0.5 * count, 4.2, 10))
    sheet = Sheet(name, ax=ax, figsize=figsize, default=(side + 1.0, side), show=show)
    one = sheet.axes[0]
    image = one.imshow(matrix, cmap="Blues", vmin=0)
    one.figure.colorbar(image, ax=one, label="part" if normalize else "examples", shrink=0.85)
    if count <= 25:
        form = "{:.2f}" if normalize else "{:.0f}"
        letters = max(len(form.format(value)) for value in matrix.flat)
        points = float(np.clip(0.72 * side * 72 / count / (0.65 * letters + 0.9), 4, 11))
        for i, j in np.ndindex(count, count):
            color = "white" if matrix[i, j] > matrix.max() / 2 else "#111111"
            one.text(j, i, form.format(matrix[i, j]), ha="center", va="center", color=color, fontsize=points)
    name_ticks(one, "x", names, 0.7 * side)
    name_ticks(one, "y", names)
    one.set(xlabel="predicted class", ylabel="true class")
    return sheet.finish(save_path, title)


def _scored(targets: Any, scores: Any, labels: Any, function: str) -> list[tuple[str, Array, Array]]:
    """(name, is it this class, score) of each class; the positive one alone when there are two."""
    given = real(array(scores, function, "scores")).astype(np.float64)
    true = _classes(targets, function, "targets")
    if given.ndim == 2 and given.shape[1] == 1:
        given = given[:, 0]
    if given.ndim not in (1, 2):
        raise ValueError(f"{function}: scores must have the shape (n,) or (n, classes), not {given.shape}")
    _same_length(function, true, given, "targets and scores")
    if not np.isfinite(given).all():
        raise ValueError(f"{function}: {int((~np.isfinite(given)).sum())} of the scores are not finite")
    if given.ndim == 1 or given.shape[1] == 2:
        positive = given if given.ndim == 1 else given[:, 1] - given[:, 0]
        names = _class_names(labels, 2, function) if labels is not None else ["", ""]
        return [(names[1], true == 1, positive)]
    names = _class_names(labels, given.shape[1], function)
    return [(names[c], true == c, given[:, c]) for c in range(given.shape[1])]


def _counts(positive: Array, scores: Array) -> tuple[Array, Array]:
    """True and false positives at each threshold, from the highest down; equal scores fall together."""
    order = np.argsort(-scores, kind="stable")
    ends = np.flatnonzero(np.r_[np.diff(scores[order]) != 0, True])
    hits = np.cumsum(positive[order])[ends]
    return hits.astype(np.float64), 1 + ends - hits.astype(np.float64)


def _curves(
    function: str, targets: Any, scores: Any, labels: Any, sheet: Sheet, curve: Callable[[Array, Array], Any], word: str
) -> None:
    ax = sheet.axes[0]
    rows = _scored(targets, scores, labels, function)
    for n, (name, positive, values) in enumerate(rows):
        if not positive.any() or positive.all():
            ax.plot([], [], color=COLORS[n % len(COLORS)], label=f"{name or 'class 1'}: one kind of example only")
            continue
        x, y, area, style = curve(*_counts(positive, values))
        text = f"{name}: {word} = {area:.3f}" if name else f"{word} = {area:.3f}"
        dashes = ("-", "--", ":", "-.")[n // len(COLORS) % 4]
        ax.plot(x, y, color=COLORS[n % len(COLORS)], linestyle=dashes, linewidth=1.8, label=text, drawstyle=style,
                clip_on=False)  # fmt: skip
    ax.set(xlim=(0, 1), ylim=(0, 1.02), aspect="equal")


def plot_roc_curve(
    targets: Any,
    scores: Any,
    labels: Sequence[str] | None = None,
    *,
    title: str | None = "ROC curve",
    ax: Any = None,
    figsize: tuple[float, float] | None = None,
    save_path: Any = None,
    show: bool = False,
) -> Figure:
    """Draws the true against the false positive rate at every threshold, with the area under the curve.

    Args:
        targets: true class numbers, shape (n,); 0 and 1 when there are two.
        scores: scores of class 1, shape (n,), or of every class (n, classes): then a curve per class against the rest.
        labels: names of the classes.
        title: stands above the picture.
        ax: the Axes to draw on.
        figsize: width and height in inches.
        save_path: file to write; the suffix tells the format.
        show: also opens a window, or shows the picture at once in a notebook.

    Returns:
        The matplotlib Figure.

    Raises:
        ValueError: for shapes that do not fit, and scores that are not finite.

    >>> import rustorch as rt
    >>> figure = rt.visualization.plot_roc_curve([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])
    >>> figure.axes[0].lines[0].get_label()
    'AUC = 0.750'
    """
    name = "plot_roc_curve"
    sheet = Sheet(name, ax=ax, figsize=figsize, default=(5.0, 5.0), show=show)

    def curve(hits: Array, misses: Array) -> Any:
        x, y = np.r_[0, misses / misses[-1]], np.r_[0, hits / hits[-1]]
        return x, y, np.trapezoid(y, x), "default"

    _curves(name, targets, scores, labels, sheet, curve, "AUC")
    sheet.axes[0].plot([0, 1], [0, 1], color="#888888", linestyle=":", label="chance")
    tidy(sheet.axes[0], xlabel="false positive rate", ylabel="true positive rate", grid="both")
    legend(sheet.axes[0], loc="lower right")
    return sheet.finish(save_path, title)


def plot_precision_recall_curve(
    targets: Any,
    scores: Any,
    labels: Sequence[str] | None = None,
    *,
    title: str | None = "Precision and recall",
    ax: Any = None,
    figsize: tuple[float, float] | None = None,
    save_path: Any = None,
    show: bool = False,
) -> Figure:
    """Draws precision against recall at every threshold, with the average precision.

    Args:
        targets: true class numbers, shape (n,); 0 and 1 when there are two.
        scores: scores of class 1, shape (n,), or of every class (n, classes): then a curve per class against the rest.
        labels: names of the classes.
        title: stands above the picture.
        ax: the Axes to draw on.
        figsize: width and height in inches.
        save_path: file to write; the suffix tells the format.
        show: also opens a window, or shows the picture at once in a notebook.

    Returns:
        The matplotlib Figure.

    Raises:
        ValueError: for shapes that do not fit, and scores that are not finite.

    >>> import rustorch as rt
    >>> figure = rt.visualization.plot_precision_recall_curve([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])
    >>> figure.axes[0].lines[0].get_label()
    'AP = 0.833'
    """
    name = "plot_precision_recall_curve"
    sheet = Sheet(name, ax=ax, figsize=figsize, default=(5.0, 5.0), show=show)

    def curve(hits: Array, misses: Array) -> Any:
        precision, recall = hits / (hits + misses), hits / hits[-1]
        return np.r_[0, recall], np.r_[1, precision], float((np.diff(np.r_[0, recall]) * precision).sum()), "steps-pre"

    _curves(name, targets, scores, labels, sheet, curve, "AP")
    tidy(sheet.axes[0], xlabel="recall", ylabel="precision", grid="both")
    legend(sheet.axes[0], loc="lower left")
    return sheet.finish(save_path, title)


def _predicted(model: Any, points: Array, function: str) -> Array:
    """The class of each point, by a Module, an estimator or a function."""
    if isinstance(model, Module):
        from .. import from_numpy, no_grad

        first = next((p for p in model.parameters()), None)
        modes = {module: module.training for module in model.modules()}
        try:
            model.eval()
            with no_grad():
                found = model(from_numpy(points.astype(np.float32)).to("float32" if first is None else first.dtype))
        finally:
            for module, mode in modes.items():
                module.training = mode
    else:
        call = getattr(model, "predict", model)
        if not callable(call):
            raise TypeError(f"{function}: the model must be a Module, have predict, or be a function, not {model!r}")
        found = call(points)
    scores = real(array(found, function, "what the model returns"))
    if len(scores) != len(points):
        raise ValueError(f"{function}: the model returned {scores.shape} for {len(points)} points")
    scores = scores.reshape(len(points), -1)
    if scores.shape[1] > 1:
        return np.asarray(scores.argmax(1))
    one = scores[:, 0]
    if one.dtype.kind != "f" or (one == np.round(one)).all():
        return one.astype(np.int64)
    return (one > (0.5 if one.min() >= 0 and one.max() <= 1 else 0)).astype(np.int64)


def plot_decision_boundary(
    model: Any,
    inputs: Any,
    targets: Any,
    labels: Sequence[str] | None = None,
    *,
    resolution: int = 200,
    title: str | None = "Decision boundary",
    ax: Any = None,
    figsize: tuple[float, float] | None = None,
    save_path: Any = None,
    show: bool = False,
) -> Figure:
    """Draws which class a model predicts where in the plane, and the examples on it.

    Args:
        model: a Module (class scores (n, classes), or one logit or probability per point), an estimator with
            `predict`, or a function of an array of points (n, 2).
        inputs: the examples, shape (n, 2).
        targets: their class numbers, shape (n,).
        labels: names of the classes.
        resolution: points along each side at which the model is asked.
        title: stands above the picture.
        ax: the Axes to draw on.
        figsize: width and height in inches.
        save_path: file to write; the suffix tells the format.
        show: also opens a window, or shows the picture at once in a notebook.

    Returns:
        The matplotlib Figure.

    Raises:
        ValueError: for inputs that are not points of the plane.

    >>> import rustorch as rt
    >>> net = rt.nn.Linear(2, 2)
    >>> figure = rt.visualization.plot_decision_boundary(net, rt.randn(20, 2), rt.arange(20) % 2, resolution=20)
    >>> figure.axes[0].get_xlabel()
    'feature 0'
    """
    from matplotlib.colors import ListedColormap

    name = "plot_decision_boundary"
    points = real(array(inputs, name, "inputs")).astype(np.float64)
    true = _classes(targets, name, "targets")
    if points.ndim != 2 or points.shape[1] != 2 or not len(points) or not np.isfinite(points).all():
        raise ValueError(f"{name}: inputs must be finite points, shape (n, 2), not {points.shape}")
    _same_length(name, points, true, "inputs and targets")
    low, high = points.min(0), points.max(0)
    margin = 0.08 * np.where(high > low, high - low, 1.0)
    x, y = (np.linspace(low[d] - margin[d], high[d] + margin[d], resolution) for d in (0, 1))
    grid = np.stack(np.meshgrid(x, y), -1).reshape(-1, 2)
    areas = _predicted(model, grid, name).reshape(resolution, resolution)
    count = int(max(true.max(), areas.max())) + 1
    names = _class_names(labels, count, name)
    sheet = Sheet(name, ax=ax, figsize=figsize, default=(6.0, 4.8), show=show)
    one = sheet.axes[0]
    palette = [COLORS[n % len(COLORS)] for n in range(count)]
    one.imshow(areas, origin="lower", extent=(x[0], x[-1], y[0], y[-1]), aspect="auto", alpha=0.3, vmin=-0.5,
               vmax=count - 0.5, cmap=ListedColormap(palette), interpolation="nearest")  # fmt: skip
    for n in range(count):
        if (true == n).any():
            here = points[true == n]
            one.scatter(here[:, 0], here[:, 1], color=palette[n], edgecolor="white", linewidth=0.6, s=28,
                        marker="osD^vP*"[n % 7], label=names[n])  # fmt: skip
    tidy(one, xlabel="feature 0", ylabel="feature 1", grid=None)
    one.legend(title="class", fontsize="small", framealpha=0.85, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return sheet.finish(save_path, title)


def plot_predictions(
    images: Any,
    predictions: Any,
    targets: Any = None,
    labels: Sequence[str] | None = None,
    *,
    columns: int | None = None,
    limit: int = 36,
    cmap: str = "gray",
    title: str | None = None,
    ax: Any = None,
    figsize: tuple[float, float] | None = None,
    save_path: Any = None,
    show: bool = False,
) -> Figure:
    """Draws images with what a classifier says of them; wrong answers in colour, with the true class below.

    Args:
        images: shape (n, height, width), (n, channels, height, width) or (n, height, width, channels).
        predictions: class numbers (n,), or scores (n, classes), which are also given as percentages (softmax).
        targets: true class numbers (n,).
        labels: names of the classes.
        columns: images side by side.
        limit: images at most.
        cmap: matplotlib's name of the colours of grey images.
        title: stands above the picture.
        ax: one Axes for each image.
        figsize: width and height in inches.
        save_path: file to write; the suffix tells the format.
        show: also opens a window, or shows the picture at once in a notebook.

    Returns:
        The matplotlib Figure.

    Raises:
        ValueError: for shapes and numbers that do not fit.

    >>> import rustorch as rt
    >>> figure = rt.visualization.plot_predictions(rt.rand(2, 8, 8), [3, 1], [3, 2])
    >>> [ax.get_title() for ax in figure.axes]
    ['3', '1 (is 2)']
    """
    name = "plot_predictions"
    found = real(array(images, name, "images"))
    if found.ndim not in (3, 4) or 0 in found.shape:
        raise ValueError(f"{name}: images must be a batch of images, not {found.shape}")
    drawn = _images(found[:, None] if found.ndim == 3 else found, "first" if found.ndim == 3 else "auto", name)
    if len(drawn) != len(found):
        raise ValueError(f"{name}: images must have 1, 3 or 4 channels, not the shape {found.shape}")
    scores = real(array(predictions, name, "predictions"))
    said = _classes(predictions, name, "predictions")
    _same_length(name, found, said, "images and predictions")
    true = None if targets is None else _classes(targets, name, "targets")
    if true is not None:
        _same_length(name, found, true, "images and targets")
    count = int(max(said.max(), -1 if true is None else true.max())) + 1
    names = _class_names(labels, max(count, 0), name)
    parts = None
    if scores.ndim == 2 and scores.shape[1] > 1:
        raised = np.exp(scores - scores.max(1, keepdims=True))
        sums = scores.sum(1)
        are_parts = scores.min() >= 0 and np.allclose(sums, 1, atol=1e-3)
        parts = scores if are_parts else raised / raised.sum(1, keepdims=True)
    captions = []
    for n, answer in enumerate(said):
        text = names[answer] + (f" {parts[n, answer]:.0%}" if parts is not None else "")
        wrong = true is not None and true[n] != answer
        captions.append(
            (f"{text} (is {names[true[n]]})" if wrong and true is not None else text, BAD if wrong else None)
        )
    return image_grid(name, drawn, captions, title, columns=columns, cmap=cmap, ax=ax, figsize=figsize,
                      save_path=save_path, show=show, most=limit)  # fmt: skip
