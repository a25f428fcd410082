"""Inside a network: distributions of weights and gradients by layer, filters, feature maps, attention."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .._C import Tensor
from ..nn.module import Module
from ._sheet import BAD, COLORS, Sheet, legend, plain, tidy
from ._values import Array, array, real
from .evaluation import name_ticks
from .tensors import _as_colors, image_grid

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_ROWS = 80


def _named(model: Any, function: str) -> list[tuple[str, Any]]:
    """Parameters with their names, of a Module or a mapping (a state dict)."""
    named: list[tuple[str, Any]]
    if isinstance(model, Module):
        from ..nn.parameter import is_lazy

        named = [(plain(name), p) for name, p in model.named_parameters() if not is_lazy(p)]
    elif isinstance(model, dict):
        named = [(plain(name), p) for name, p in model.items() if isinstance(p, (Tensor, np.ndarray))]
    else:
        raise TypeError(f"{function}: expected a Module or a state dict, not {type(model).__name__}")
    if not named:
        raise ValueError(f"{function}: there are no parameters to draw")
    return named


def _rows_note(named: list[tuple[str, Any]], title: str | None) -> tuple[list[tuple[str, Any]], str | None]:
    if len(named) > MOST_ROWS:
        title = f"{title or ''} (the first {MOST_ROWS} of {len(named)} parameters)".strip()
    return named[:MOST_ROWS], title


def plot_weight_distributions(
    model: Any,
    *,
    gradients: bool = False,
    title: str | None = None,
    ax: Any = None,
    figsize: tuple[float, float] | None = None,
    save_path: Any = None,
    show: bool = False,
) -> Figure:
    """Draws the distribution of each parameter's elements: the middle half as a box, 1 % to 99 % as a line.

    Args:
        model: a Module, or a mapping of names to tensors such as a state dict.
        gradients: draws `.grad` of the parameters instead.
        title: stands above the picture.
        ax: the Axes to draw on.
        figsize: width and height in inches.
        save_path: file to write; the suffix tells the format.
        show: also opens a window, or shows the picture at once in a notebook.

    Returns:
        The matplotlib Figure.

    Raises:
        TypeError: for what is neither Module nor mapping.
        ValueError: when there is no parameter.

    >>> import rustorch as rt
    >>> figure = rt.visualization.plot_weight_distributions(rt.nn.Linear(8, 4))
    >>> [label.get_text() for label in figure.axes[0].get_yticklabels()]
    ['weight', 'bias']
    """
    name = "plot_weight_distributions"
    if title is None:
        title = "Gradients by parameter" if gradients else "Weights by parameter"
    named, title = _rows_note(_named(model, name), title)
    boxes, notes = [], []
    for n, (_, parameter) in enumerate(named):
        value = parameter.grad if gradients else parameter
        if value is None:
            notes.append((n, "no gradient"))
            continue
        elements = real(array(value, name, "parameter")).astype(np.float64).reshape(-1)
        good = elements[np.isfinite(elements)]
        if good.size < elements.size:
            notes.append((n, f"{elements.size - good.size:,} not finite"))
        if good.size:
            boxes.append((n, np.percentile(good, (1, 25, 50, 75, 99))))
    longest = max(len(parameter_name) for parameter_name, _ in named)
    default = (5.5 + 0.08 * longest, max(2.4, 0.24 * len(named) + 1.2))
    sheet = Sheet(name, ax=ax, figsize=figsize, default=default, show=show)
    one = sheet.axes[0]
    for n, (low, first, middle, third, high) in boxes:
        one.hlines(n, low, high, color=COLORS[0], linewidth=1.2)
        one.plot([low, high], [n, n], "|", color=COLORS[0], markersize=6)
        one.barh(n, third - first, 0.6, left=first, color="#9DC7E0", edgecolor=COLORS[0], zorder=2)
        one.vlines(middle, n - 0.3, n + 0.3, color=BAD, linewidth=1.6, zorder=3)
    for n, text in notes:
        one.text(0.99, n, text, transform=one.get_yaxis_transform(), ha="right", va="center", color=BAD,
                 fontsize="x-small")  # fmt: skip
    name_ticks(one, "y", [parameter_name for parameter_name, _ in named])
    one.set_yticks(range(len(named)), [parameter_name for parameter_name, _ in named])
    one.set_ylim(len(named) - 0.4, -0.6)
    what = "gradient" if gradients else "value"
    tidy(one, xlabel=f"{what} (line: 1 % to 99 %, box: middle half, mark: median)", ylabel="parameter", grid="x")
    return sheet.finish(save_path, title)


def plot_gradient_flow(
    model: Any,
    *,
    title: str | None = "Gradient flow",
    ax: Any = None,
    figsize: tuple[float, float] | None = None,
    save_path: Any = None,
    show: bool = False,
) -> Figure:
    """Draws how large the gradients are from layer to layer, to see them vanish or explode: mean and largest |grad|.

    Args:
        model: a Module after `backward()`.
        title: stands above the picture.
        ax: the Axes to draw on.
        figsize: width and height in inches.
        save_path: file to write; the suffix tells the format.
        show: also opens a window, or shows the picture at once in a notebook.

    Returns:
        The matplotlib Figure.

    Raises:
        TypeError: for what is no Module.
        ValueError: when there is no parameter.

    >>> import rustorch as rt
    >>> net = rt.nn.Sequential(rt.nn.Linear(4, 4), rt.nn.ReLU(), rt.nn.Linear(4, 1))
    >>> net(rt.ones(2, 4)).sum().backward()
    >>> figure = rt.visualization.plot_gradient_flow(net)
    >>> figure.axes[0].get_yscale()
    'log'
    """
    name = "plot_gradient_flow"
    if not isinstance(model, Module):
        raise TypeError(f"{name}: expected a Module, not {type(model).__name__}")
    named, title = _rows_note([(n, p) for n, p in _named(model, name) if p.requires_grad], title)
    if not named:
        raise ValueError(f"{name}: no parameter of the model requires grad")
    names = [parameter_name for parameter_name, _ in named]
    means, largest, notes = np.full(len(named), np.nan), np.full(len(named), np.nan), []
    for n, (_, parameter) in enumerate(named):
        if parameter.grad is None:
            notes.append((n, "none"))
            continue
        size = np.abs(real(array(parameter.grad, name, "gradient")).astype(np.float64))
        if not np.isfinite(size).all():
            notes.append((n, "not finite"))
            size = size[np.isfinite(size)]
        if size.size:
            means[n], largest[n] = size.mean(), size.max()
            if largest[n] == 0:
                notes.append((n, "all 0"))
    default = (max(5.5, 0.26 * len(named) + 1.6), 4.4 + 0.05 * max(map(len, names)))
    sheet = Sheet(name, ax=ax, figsize=figsize, default=default, show=show)
    one = sheet.axes[0]
    x = np.arange(len(named))
    drawable = [np.where(values > 0, values, np.nan) for values in (means, largest)]
    one.plot(x, drawable[1], color=COLORS[1], marker="v", linewidth=1.2, markersize=5, label="largest |gradient|")
    one.plot(x, drawable[0], color=COLORS[0], marker="o", linewidth=1.6, markersize=5, label="mean |gradient|")
    if np.isfinite(drawable).any():
        one.set_yscale("log")
    else:
        one.set_yticks([])
    one.set_xlim(-0.6, len(named) - 0.4)
    for n, text in notes:
        one.text(n, 0.02, text, transform=one.get_xaxis_transform(), rotation=90, ha="center", va="bottom", color=BAD,
                 fontsize="small")  # fmt: skip
    one.set_xticks(x, names, rotation=90)
    tidy(one, xlabel="parameter, from input to output", ylabel="|gradient|")
    legend(one)
    return sheet.finish(save_path, title)


def _limits(values: Array) -> tuple[float, float]:
    good = values[np.isfinite(values)]
    reach = float(np.abs(good).max()) if good.size else 1.0
    return -(reach or 1.0), reach or 1.0


def plot_filters(
    layer: Any,
    *,
    limit: int = 64,
    title: str | None = None,
    ax: Any = None,
    figsize: tuple[float, float] | None = None,
    save_path: Any = None,
    show: bool = False,
) -> Figure:
    """Draws the filters of a convolution: in colour where the input has three channels, else one plane per channel.

    Args:
        layer: a two-dimensional convolution, or its weight of shape (filters, channels, height, width).
        limit: images at most.
        title: stands above the picture.
        ax: one Axes for each image.
        figsize: width and height in inches.
        save_path: file to write; the suffix tells the format.
        show: also opens a window, or shows the picture at once in a notebook.

    Returns:
        The matplotlib Figure.

    Raises:
        ValueError: for weights of other dimensions.

    >>> import rustorch as rt
    >>> figure = rt.visualization.plot_filters(rt.nn.Conv2d(3, 8, 5))
    >>> len(figure.axes)
    8
    """
    name = "plot_filters"
    weight = real(array(getattr(layer, "weight", layer), name, "layer")).astype(np.float64)
    if weight.ndim == 3:
        weight = weight[:, :, None]
    if weight.ndim != 4 or 0 in weight.shape:
        raise ValueError(f"{name}: expected weights (filters, channels, height, width), not {weight.shape}")
    channels = weight.shape[1]
    if channels == 3:
        low, high = _limits(weight)
        images = [_as_colors((np.moveaxis(w, 0, -1) - low) / (high - low)) for w in weight]
        return image_grid(name, images, None, title, ax=ax, figsize=figsize, save_path=save_path, show=show, most=limit)
    planes = list(weight.reshape(-1, *weight.shape[2:]))
    columns = channels if 1 < channels <= 16 else None
    captions: list[tuple[str, str | None]] | None = None
    if columns is not None:
        captions = [(f"{n // channels}, {n % channels}", None) for n in range(len(planes))]
    return image_grid(name, planes, captions, title, columns=columns, cmap="RdBu_r", limits=_limits(weight), ax=ax,
                      figsize=figsize, save_path=save_path, show=show, most=limit)  # fmt: skip


def plot_feature_maps(
    model: Any,
    example: Any,
    layer: Any,
    *,
    limit: int = 64,
    cmap: str = "viridis",
    title: str | None = None,
    ax: Any = None,
    figsize: tuple[float, float] | None = None,
    save_path: Any = None,
    show: bool = False,
) -> Figure:
    """Draws what a layer puts out for an example, one image per channel.

    The model runs once, in evaluation mode and without gradients.

    Args:
        model: a Module.
        example: its input, a batch, of which the first is drawn; a tuple for several arguments.
        layer: the layer's name, as in `model.named_modules()`, or the layer itself.
        limit: images at most.
        cmap: matplotlib's name of the colours.
        title: stands above the picture; the layer's name unless given.
        ax: one Axes for each image.
        figsize: width and height in inches.
        save_path: file to write; the suffix tells the format.
        show: also opens a window, or shows the picture at once in a notebook.

    Returns:
        The matplotlib Figure.

    Raises:
        ValueError: for a layer that is not there, not run, or whose output is no image.

    >>> import rustorch as rt
    >>> net = rt.nn.Sequential(rt.nn.Conv2d(1, 6, 3), rt.nn.ReLU())
    >>> figure = rt.visualization.plot_feature_maps(net, rt.rand(1, 1, 16, 16), "0")
    >>> sum(len(ax.images) for ax in figure.axes)
    6
    """
    from .._modes import no_grad

    name = "plot_feature_maps"
    if not isinstance(model, Module):
        raise TypeError(f"{name}: expected a Module, not {type(model).__name__}")
    modules = dict(model.named_modules())
    path = layer if isinstance(layer, str) else next((n for n, m in modules.items() if m is layer), None)
    if path not in modules:
        there = ", ".join(n for n in list(modules)[:20] if n)
        raise ValueError(f"{name}: the model has no layer {layer!r}; it has {there}")
    outputs: list[Any] = []
    handle = modules[path].register_forward_hook(lambda module, args, output: outputs.append(output))
    modes = {module: module.training for module in model.modules()}
    try:
        model.eval()
        with no_grad():
            model(*example) if isinstance(example, (tuple, list)) else model(example)
    finally:
        handle.remove()
        for module, mode in modes.items():
            module.training = mode
    if not outputs:
        raise ValueError(f"{name}: the layer {path!r} was not run")
    output = outputs[0][0] if isinstance(outputs[0], (tuple, list)) else outputs[0]
    maps = real(array(output, name, "output"))
    if maps.ndim not in (3, 4) or 0 in maps.shape:
        raise ValueError(f"{name}: the output of {path!r} is no batch of images: its shape is {maps.shape}")
    maps = maps[0] if maps.ndim == 4 else maps
    kind = type(modules[path]).__name__
    return image_grid(name, list(maps), None, title or f"{path}: {kind}".removeprefix(": "), cmap=cmap, ax=ax,
                      figsize=figsize, save_path=save_path, show=show, most=limit)  # fmt: skip


def plot_attention(
    weights: Any,
    tokens: Sequence[str] | None = None,
    targets: Sequence[str] | None = None,
    *,
    title: str | None = "Attention",
    ax: Any = None,
    figsize: tuple[float, float] | None = None,
    save_path: Any = None,
    show: bool = False,
) -> Figure:
    """Draws how much each position attends to each other: queries down, keys across, a panel per head.

    Args:
        weights: attention weights, shape (queries, keys), (heads, queries, keys), or with a batch of one before.
        tokens: names of the keys, and of the queries where they are as many.
        targets: names of the queries.
        title: stands above the picture.
        ax: one Axes for each head.
        figsize: width and height in inches.
        save_path: file to write; the suffix tells the format.
        show: also opens a window, or shows the picture at once in a notebook.

    Returns:
        The matplotlib Figure.

    Raises:
        ValueError: for shapes that do not fit.

    >>> import rustorch as rt
    >>> figure = rt.visualization.plot_attention(rt.rand(2, 3, 3), ["a", "b", "c"])
    >>> [ax.get_title() for ax in figure.axes[:2]]
    ['head 0', 'head 1']
    """
    name = "plot_attention"
    found = real(array(weights, name, "weights")).astype(np.float64)
    while found.ndim > 3 and found.shape[0] == 1:
        found = found[0]
    heads = found[None] if found.ndim == 2 else found
    if heads.ndim != 3 or 0 in heads.shape:
        raise ValueError(
            f"{name}: weights must have the shape (queries, keys) or (heads, queries, keys), not {found.shape}"
        )
    queries, keys = heads.shape[1:]
    if targets is None and tokens is not None and len(tokens) == queries:
        targets = tokens
    for given, count, what in ((tokens, keys, "tokens"), (targets, queries, "targets")):
        if given is not None and len(given) != count:
            raise ValueError(f"{name}: {what} must name {count} positions, not {len(given)}")
    count = min(len(heads), 16)
    columns = min(4, count)
    rows = -(-count // columns)
    longest = max((len(str(t)) for t in (*(tokens or ()), *(targets or ()))), default=2)
    side = float(np.clip(1.2 + 0.2 * max(queries, keys), 2.4, 7)) + 0.07 * longest
    sheet = Sheet(
        name, rows, columns, ax=ax, figsize=figsize, default=(side * columns + 1.0, side * rows + 0.5), show=show
    )
    good = heads[np.isfinite(heads)]
    high = float(good.max()) if good.size and good.max() > 0 else 1.0
    image = None
    for n, (one, matrix) in enumerate(zip(sheet.axes, heads)):
        image = one.imshow(np.ma.masked_invalid(matrix), vmin=0, vmax=high, cmap="viridis", aspect="auto")
        if len(heads) > 1:
            one.set_title(f"head {n}", fontsize="medium")
        if tokens is not None:
            name_ticks(one, "x", [plain(t) for t in tokens], side * 0.7)
        if targets is not None:
            name_ticks(one, "y", [plain(t) for t in targets])
        one.set(xlabel="key", ylabel="query")
    for unused in sheet.axes[count:]:
        unused.remove()
    if image is not None:
        sheet.figure.colorbar(image, ax=sheet.axes[:count], label="weight", shrink=0.8)
    if len(heads) > count:
        title = f"{title or ''} (the first {count} of {len(heads)} heads)".strip()
    if title and len(heads) > 1 and not sheet.shared:
        sheet.figure.suptitle(title)
        title = None
    return sheet.finish(save_path, title)
