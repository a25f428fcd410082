"""High dimensions in the plane: embeddings by their principal components, a loss along two directions."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from ..nn.module import Module
from ._sheet import BAD, COLORS, Sheet, plain, tidy
from ._values import Array, array, real

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def plot_embedding(
    vectors: Any,
    labels: Any = None,
    *,
    texts: Any = None,
    title: str | None = "Embedding, principal components",
    ax: Any = None,
    figsize: tuple[float, float] | None = None,
    save_path: Any = None,
    show: bool = False,
) -> Figure:
    """Draws vectors as points in the plane of their two largest principal components.

    Args:
        vectors: shape (n, dimensions); an `Embedding` stands for its weight.
        labels: what the points are coloured by: classes (names or whole numbers, up to 20 of them) or numbers.
        texts: a text beside each point.
        title: stands above the picture.
        ax: the Axes to draw on.
        figsize: width and height in inches.
        save_path: file to write; the suffix tells the format.
        show: also opens a window, or shows the picture at once in a notebook.

    Returns:
        The matplotlib Figure.

    Raises:
        ValueError: for shapes that do not fit, and vectors that are not finite.

    >>> import rustorch as rt
    >>> figure = rt.visualization.plot_embedding(rt.nn.Embedding(20, 8))
    >>> figure.axes[0].get_xlabel().split(" (")[0]
    'component 1'
    """
    name = "plot_embedding"
    found = real(array(getattr(vectors, "weight", vectors), name, "vectors")).astype(np.float64)
    if found.ndim != 2 or 0 in found.shape:
        raise ValueError(f"{name}: vectors must have the shape (n, dimensions), not {found.shape}")
    if not np.isfinite(found).all():
        raise ValueError(f"{name}: {int((~np.isfinite(found)).any(1).sum())} of the vectors are not finite")
    for given, what in ((labels, "labels"), (texts, "texts")):
        if given is not None and len(given) != len(found):
            raise ValueError(f"{name}: {what} must be as many as the {len(found)} vectors, not {len(given)}")
    points, parts = _components(found)
    sheet = Sheet(name, ax=ax, figsize=figsize, default=(6.4, 5.0), show=show)
    one = sheet.axes[0]
    _scatter(one, points, labels)
    for point, text in zip(points, texts if texts is not None else ()):
        one.annotate(plain(text), point, xytext=(4, 3), textcoords="offset points", fontsize="small")
    tidy(one, xlabel=f"component 1 ({parts[0]:.0%} of variance)", ylabel=f"component 2 ({parts[1]:.0%} of variance)",
         grid="both")  # fmt: skip
    return sheet.finish(save_path, title)


def _components(vectors: Array) -> tuple[Array, Array]:
    """Points in the plane of the largest two principal components, and the parts of the variance; signs are fixed."""
    centred = vectors - vectors.mean(0)
    u, s, v = np.linalg.svd(centred, full_matrices=False)
    signs = np.sign(v[np.arange(len(v)), np.abs(v).argmax(1)])
    points = (u * s * np.where(signs == 0, 1, signs))[:, :2]
    total = float((s**2).sum())
    parts = s[:2] ** 2 / total if total > 0 else np.zeros(min(2, len(s)))
    missing = 2 - points.shape[1]
    return np.pad(points, ((0, 0), (0, missing))), np.pad(parts, (0, 2 - len(parts)))


def _scatter(ax: Any, points: Array, labels: Any) -> None:
    size = 30 if len(points) <= 500 else 16 if len(points) <= 5000 else 5
    if labels is None:
        ax.scatter(*points.T, color=COLORS[0], s=size, alpha=0.8, linewidth=0)
        return
    if isinstance(labels, (list, tuple)) and any(isinstance(label, str) for label in labels):
        kinds = np.asarray([str(label) for label in labels])
    else:
        try:
            kinds = real(array(labels, "plot_embedding", "labels")).reshape(-1)
        except TypeError:
            kinds = np.asarray([str(label) for label in labels])
    names = np.unique(kinds)
    if kinds.dtype.kind == "f" and (len(names) > 20 or (kinds != np.round(kinds)).any()):
        image = ax.scatter(*points.T, c=kinds, s=size, cmap="viridis", linewidth=0)
        ax.figure.colorbar(image, ax=ax, label="label")
        return
    if len(names) > 20:
        image = ax.scatter(*points.T, c=np.searchsorted(names, kinds), s=size, cmap="viridis", linewidth=0)
        ax.figure.colorbar(image, ax=ax, label="label, in order")
        return
    for n, value in enumerate(names):
        ax.scatter(*points[kinds == value].T, s=size, color=COLORS[n % len(COLORS)], alpha=0.85, linewidth=0,
                   marker="osD^vP*"[n // len(COLORS) * 2 % 7], label=plain(value))  # fmt: skip
    ax.legend(fontsize="small", loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False,
              markerscale=(30 / size) ** 0.5)  # fmt: skip


def plot_loss_surface(
    model: Any,
    loss: Callable[[], Any],
    *,
    span: float = 1.0,
    resolution: int = 21,
    seed: int = 0,
    log_scale: bool = False,
    title: str | None = "Loss surface",
    ax: Any = None,
    figsize: tuple[float, float] | None = None,
    save_path: Any = None,
    show: bool = False,
) -> Figure:
    """Draws the loss around a model's parameters, along two random directions.

    The directions are scaled to each filter's norm, as Li, Xu, Taylor, Studer and Goldstein (2018, "Visualizing the
    loss landscape of neural nets") do; biases and other vectors stay.  The parameters are put back.

    Args:
        model: a Module.
        loss: a function without arguments that computes the loss of the model as it is, such as
            `lambda: criterion(model(x), y)`; called resolution x resolution times, without gradients.
        span: how far to go each way, in norms of the parameters.
        resolution: points along each side.
        seed: of the directions.
        log_scale: colours by the logarithm of the loss, where it is positive.
        title: stands above the picture.
        ax: the Axes to draw on.
        figsize: width and height in inches.
        save_path: file to write; the suffix tells the format.
        show: also opens a window, or shows the picture at once in a notebook.

    Returns:
        The matplotlib Figure.

    Raises:
        TypeError: for what is no Module, and a loss that is no function.
        ValueError: for a resolution below 3, and when no loss is finite.

    >>> import rustorch as rt
    >>> net, x = rt.nn.Linear(3, 1), rt.randn(10, 3)
    >>> figure = rt.visualization.plot_loss_surface(net, lambda: net(x).square().mean(), resolution=5)
    >>> figure.axes[1].get_ylabel()
    'loss'
    """
    name = "plot_loss_surface"
    if not isinstance(model, Module):
        raise TypeError(f"{name}: expected a Module, not {type(model).__name__}")
    if not callable(loss):
        raise TypeError(f"{name}: loss must be a function without arguments, not {type(loss).__name__}")
    if isinstance(resolution, bool) or not isinstance(resolution, int) or resolution < 3:
        raise ValueError(f"{name}: resolution must be a whole number from 3, not {resolution!r}")
    steps = np.linspace(-span, span, resolution)
    surface = _losses(model, loss, steps, seed, name)
    good = np.isfinite(surface)
    if not good.any():
        raise ValueError(f"{name}: no loss around the parameters is finite")
    shown = np.ma.masked_where(~good, surface)
    positive = log_scale and bool((surface[good] > 0).all())
    sheet = Sheet(name, ax=ax, figsize=figsize, default=(6.2, 5.0), show=show)
    one = sheet.axes[0]
    drawn = np.ma.log10(shown) if positive else shown
    levels: Any = 24 if drawn.max() > drawn.min() else np.array([drawn.min() - 0.5, drawn.min() + 0.5])
    image = one.contourf(steps, steps, drawn, levels=levels, cmap="viridis")
    if drawn.max() > drawn.min():
        one.contour(steps, steps, drawn, levels=12, colors="white", linewidths=0.5, alpha=0.6)
    one.plot([0], [0], marker="X", color=BAD, markeredgecolor="white", markersize=11, linestyle="none",
             label="the parameters")  # fmt: skip
    one.figure.colorbar(image, ax=one, label="log10 of the loss" if positive else "loss")
    tidy(one, xlabel="along direction 1 (norms)", ylabel="along direction 2 (norms)", grid=None)
    one.legend(fontsize="small", framealpha=0.85)
    return sheet.finish(save_path, title)


def _losses(model: Any, loss: Callable[[], Any], steps: Array, seed: int, function: str) -> Array:
    """The loss at each (direction 2, direction 1) step; the parameters, and buffers a forward changes, are put back."""
    from .. import from_numpy
    from .._modes import no_grad

    random = np.random.default_rng(seed)
    parameters = [p for p in model.parameters() if str(p.dtype).startswith(("float", "bfloat"))]
    held = [(b, b.detach().clone()) for b in model.buffers()]
    before = [p.detach().clone() for p in parameters]
    directions: list[list[Any]] = []
    for _ in range(2):
        parts = []
        for p in parameters:
            here = array(p, function, "parameter").astype(np.float64)
            part = random.standard_normal(here.shape)
            if here.ndim < 2:
                part = np.zeros_like(here)
            else:
                axes = tuple(range(1, here.ndim))
                part *= np.sqrt((here**2).sum(axes, keepdims=True) / (part**2).sum(axes, keepdims=True))
            parts.append(from_numpy(np.ascontiguousarray(part)).to(p.dtype))
        directions.append(parts)
    surface = np.empty((len(steps), len(steps)))
    try:
        with no_grad():
            for i, down in enumerate(steps):
                for j, across in enumerate(steps):
                    for p, origin, one, two in zip(parameters, before, *directions):
                        p.copy_(origin + one * float(across) + two * float(down))
                    surface[i, j] = float(loss())
    finally:
        with no_grad():
            for p, origin in zip(parameters, before):
                p.copy_(origin)
            for buffer, origin in held:
                buffer.copy_(origin)
    return surface
