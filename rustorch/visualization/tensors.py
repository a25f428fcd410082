"""A tensor's values: their distribution, and the tensor as an image."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .._summary import Summary, summarize
from ._sheet import BAD, COLORS, DIVERGING, SEQUENTIAL, Sheet, say, tidy, whole_numbers
from ._values import Array, array, count_text, real, size_text

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_PIXELS = 1024  # of a heatmap's side; larger matrices are thinned out


def visualize_tensor(
    tensor: Any,
    title: str | None = None,
    *,
    bins: int | None = None,
    ax: Any = None,
    figsize: tuple[float, float] | None = None,
    save_path: Any = None,
    show: bool = False,
) -> Figure:
    """Draws a tensor's values, by its number of dimensions, and the distribution of them, with their statistics.

    A vector is a line by index; a matrix a heatmap; of more dimensions the last two are a heatmap, its planes side by
    side.  Complex numbers are drawn by absolute value.  NaN and infinity are counted and marked.

    Args:
        tensor: a Tensor, an array, nested lists or another library's tensor, of any shape and dtype.
        title: stands above the picture.
        bins: bars of the histogram; by the number of elements unless given.
        ax: the Axes to draw on: two, or one, which then gets the histogram alone.
        figsize: width and height in inches.
        save_path: file to write; the suffix (.png, .svg, .pdf) tells the format.
        show: also opens a window, or shows the picture at once in a notebook.

    Returns:
        The matplotlib Figure.

    Raises:
        TypeError: for what holds no numbers.

    >>> import rustorch as rt
    >>> figure = rt.visualization.visualize_tensor(rt.randn(8, 16), title="weights")
    >>> [ax.get_title() for ax in figure.axes[:2]]
    ['8 × 16 float32', 'distribution']
    """
    name = "visualize_tensor"
    if bins is not None and (isinstance(bins, bool) or not isinstance(bins, int) or bins < 1):
        raise ValueError(f"{name}: bins must be a whole number above 0, not {bins!r}")
    found = array(tensor, name, "tensor")
    values = real(found)
    kind = "absolute value" if found.dtype.kind == "c" else "value"
    sheet = Sheet(name, 1, 2, ax=ax, figsize=figsize, default=(10.0, 4.2), show=show)
    if sheet.shared:
        _histogram(sheet.axes[0], values, bins, kind)
        return sheet.finish(save_path, title)
    left, right = sheet.axes
    _values(left, values, kind)
    dtype = getattr(tensor, "dtype", found.dtype)
    left.set_title(f"{size_text(found.shape)} {str(dtype).rpartition('.')[2]}", fontsize="medium")
    _histogram(right, values, bins, kind)
    right.set_title("distribution", fontsize="medium")
    return sheet.finish(save_path, title)


def _values(ax: Any, values: Array, kind: str) -> None:
    if values.size == 0:
        say(ax, "no elements")
        ax.set_axis_off()
    elif values.ndim == 0:
        say(ax, f"{values.item():.6g}" if values.dtype.kind == "f" else str(values.item()))
        ax.set_axis_off()
    elif values.ndim == 1:
        _line(ax, values, kind)
    else:
        heatmap(ax, _planes(values), kind)
        if values.ndim > 2:
            planes = values.size // max(1, values.shape[-1] * values.shape[-2])
            shown = f"the first 64 of {planes} planes" if planes > 64 else f"{planes} planes"
            ax.set(xticks=[], yticks=[], ylabel="", xlabel=f"{shown} of {size_text(values.shape[-2:])}")


def _line(ax: Any, values: Array, kind: str) -> None:
    step = -(-len(values) // 100_000)
    x, values, few = np.arange(0, len(values), step), values[::step].astype(np.float64), len(values) <= 40
    good = np.isfinite(values)
    ax.plot(x, np.where(good, values, np.nan), color=COLORS[0], linewidth=1.2, marker="o" if few else None,
            markersize=4)  # fmt: skip
    for at in x[~good][:200]:
        ax.axvline(at, color=BAD, linewidth=1.0, alpha=0.6)
    tidy(ax, xlabel="index", ylabel=kind)
    whole_numbers(ax.xaxis)
    if len(x) == 1:
        ax.set_xlim(-0.5, 0.5)


def _planes(values: Array) -> Array:
    """All matrices of the last two dimensions in one, NaN between them; at most 64 of them."""
    if values.ndim == 2:
        return values
    height, width = values.shape[-2:]
    planes = values.reshape(-1, height, width)[:64].astype(np.float64)
    columns = min(len(planes), int(np.ceil(np.sqrt(len(planes) * max(1, height) / max(1, width)))))
    rows = -(-len(planes) // columns)
    gap = max(1, min(height, width) // 12)
    whole: Any = np.ma.zeros((rows * (height + gap) - gap, columns * (width + gap) - gap))
    whole[:] = np.ma.masked
    for n, plane in enumerate(planes):
        top, left = n // columns * (height + gap), n % columns * (width + gap)
        whole[top : top + height, left : left + width] = plane
    return whole


def heatmap(ax: Any, matrix: Array, label: str) -> Any:
    """A matrix as coloured cells with a bar of the colours; NaN and infinity in a colour of their own."""
    from matplotlib import colormaps

    hidden = np.ma.getmaskarray(matrix)
    steps = [-(-n // MOST_PIXELS) for n in matrix.shape]
    thin = np.ma.getdata(matrix)[:: steps[0], :: steps[1]].astype(np.float64)
    hidden = hidden[:: steps[0], :: steps[1]]
    good = np.isfinite(thin) & ~hidden
    low, high = (float(thin[good].min()), float(thin[good].max())) if good.any() else (0.0, 1.0)
    both = low < 0 < high
    reach = max(-low, high)
    image = ax.imshow(
        np.ma.masked_where(~good, thin),
        cmap=colormaps[DIVERGING if both else SEQUENTIAL],
        vmin=-reach if both else low,
        vmax=reach if both else high if high > low else low + 1,
        aspect="auto" if max(thin.shape) > 4 * min(thin.shape) else "equal",
        interpolation="nearest" if max(thin.shape) <= 256 else "antialiased",
        extent=(-0.5, matrix.shape[1] - 0.5, matrix.shape[0] - 0.5, -0.5),
    )
    bad = ~good & ~hidden
    if bad.any():
        from matplotlib.colors import ListedColormap

        ax.imshow(np.ma.masked_where(~bad, np.ones(bad.shape)), cmap=ListedColormap(["#FF00FF"]), vmin=0, vmax=1,
                  aspect=ax.get_aspect(), interpolation="nearest", extent=image.get_extent())  # fmt: skip
        ax.plot([], [], "s", color="#FF00FF", label=f"{int(bad.sum())} not finite")
        ax.legend(fontsize="small", framealpha=0.85, loc="upper right")
    ax.set_xlabel("column")
    ax.set_ylabel("row")
    whole_numbers(ax.xaxis)
    whole_numbers(ax.yaxis)
    ax.figure.colorbar(image, ax=ax, label=label, shrink=0.9)
    return image


def statistics_text(values: Array, found: Summary) -> str:
    """Lines of statistics: elements, smallest, largest, mean, deviation, zeros, and how many are not finite."""
    lines = [f"elements  {count_text(values.size)}"]
    if len(found.values):
        numbers = {"min": found.minimum, "max": found.maximum, "mean": found.mean, "std": found.std}
        lines += [f"{name:<8}  {value:.4g}" for name, value in numbers.items()]
        lines.append(f"zeros     {1 - np.count_nonzero(found.values) / len(found.values):.1%}")
    if found.nan or found.infinite:
        lines += [f"NaN       {found.nan:,}", f"infinite  {found.infinite:,}"]
    if found.sampled:
        lines.append(f"(a sample of {found.sampled:,})")
    return "\n".join(lines)


def _histogram(ax: Any, values: Array, bins: int | None, kind: str) -> None:
    found = summarize(values) if values.size else Summary(values=np.empty(0))
    bad = found.nan + found.infinite > 0
    good = found.values  # a sample, when there are many
    if not found.sampled:
        good = values[np.isfinite(values)].astype(np.float64).reshape(-1)
    if good.size == 0:
        say(ax, "no elements" if values.size == 0 else "no finite elements")
    elif values.dtype.kind == "b":
        ax.bar(["False", "True"], [int((good == 0).sum()), int((good == 1).sum())], color=COLORS[0], width=0.6)
    else:
        low, high = good.min(), good.max()
        if values.dtype.kind in "iu" and high - low < 60 and bins is None:
            edges: Any = np.arange(low - 0.5, high + 1)
        else:
            edges = bins or int(np.clip(2 * good.size ** (1 / 3), 10, 80))
        ax.hist(good, bins=edges, range=None if high > low else (low - 0.5, low + 0.5), color=COLORS[0],
                edgecolor="none" if good.size > 1000 else "white", linewidth=0.5)  # fmt: skip
        if values.dtype.kind == "f" and good.size > 1:
            ax.axvline(found.mean, color=COLORS[1], linewidth=1.5, linestyle="--", label="mean")
            ax.legend(fontsize="small", framealpha=0.85)
    tidy(ax, xlabel=kind, ylabel="elements of the sample" if found.sampled else "elements")
    whole_numbers(ax.yaxis)
    # beside the bars, not on them
    ax.text(1.02, 1.0, statistics_text(values, found), transform=ax.transAxes, ha="left", va="top", fontsize="small",
            family="monospace", **({"color": BAD} if bad else {}))  # fmt: skip


def plot_tensor_as_image(
    tensor: Any,
    title: str | None = None,
    *,
    cmap: str | None = None,
    channels: str = "auto",
    colorbar: bool = True,
    ax: Any = None,
    figsize: tuple[float, float] | None = None,
    save_path: Any = None,
    show: bool = False,
) -> Figure:
    """Shows a tensor as an image: a matrix as grey levels, three or four channels as colours, a batch as a grid.

    Numbers outside 0 to 1 (0 to 255 for uint8) in a colour image are stretched to that range, each image by itself.

    Args:
        tensor: (height, width), (channels, height, width), (height, width, channels), or a batch of such.
        title: stands above the picture.
        cmap: matplotlib's name of the colours for one channel; viridis unless given, gray for a batch of images.
        channels: "first", "last" or "auto": first where that dimension has 1, 3 or 4 elements, else last.
        colorbar: draws the bar of colours beside a matrix.
        ax: the Axes to draw on, for a single image.
        figsize: width and height in inches.
        save_path: file to write; the suffix (.png, .svg, .pdf) tells the format.
        show: also opens a window, or shows the picture at once in a notebook.

    Returns:
        The matplotlib Figure.

    Raises:
        ValueError: for a shape that is no image.

    >>> import rustorch as rt
    >>> figure = rt.visualization.plot_tensor_as_image(rt.rand(3, 16, 16), title="noise")
    >>> figure.axes[0].images[0].get_array().shape
    (16, 16, 3)
    """
    name = "plot_tensor_as_image"
    found = real(array(tensor, name, "tensor"))
    if channels not in ("first", "last", "auto"):
        raise ValueError(f"{name}: channels must be 'first', 'last' or 'auto', not {channels!r}")
    if found.ndim == 0 or found.ndim > 4 or 0 in found.shape:
        raise ValueError(f"{name}: expected an image (2 or 3 dimensions) or a batch of them, not {found.shape}")
    while found.ndim == 4 and found.shape[0] == 1:
        found = found[0]
    if found.ndim == 1:
        found = found[None]
    if found.ndim == 2:
        sheet = Sheet(name, ax=ax, figsize=figsize, default=_size_for(found.shape), show=show)
        _matrix_image(sheet.axes[0], found, cmap, colorbar)
        return sheet.finish(save_path, title)
    images = [image for image in _images(found, channels, name)]
    if len(images) == 1 and images[0].ndim == 3:
        sheet = Sheet(name, ax=ax, figsize=figsize, default=_size_for(images[0].shape), show=show)
        sheet.axes[0].imshow(images[0], interpolation=_interpolation(images[0]))
        _pixels_named(sheet.axes[0])
        return sheet.finish(save_path, title)
    return image_grid(name, images, None, title, cmap=cmap or "gray", ax=ax, figsize=figsize, save_path=save_path,
                      show=show)  # fmt: skip


def _size_for(shape: Any) -> tuple[float, float]:
    ratio = float(np.clip(shape[1] / shape[0], 0.4, 3.0))
    return (min(9.0, 4.2 * ratio + 1.6), 4.2 if ratio >= 0.8 else 5.5)


def _interpolation(image: Array) -> str:
    return "nearest" if max(image.shape[:2]) <= 256 else "antialiased"


def _pixels_named(ax: Any) -> None:
    ax.set_xlabel("x (pixels)")
    ax.set_ylabel("y (pixels)")
    whole_numbers(ax.xaxis)
    whole_numbers(ax.yaxis)


def _matrix_image(ax: Any, matrix: Array, cmap: str | None, colorbar: bool) -> None:
    from matplotlib import colormaps

    good = np.isfinite(matrix) if matrix.dtype.kind == "f" else np.ones(matrix.shape, bool)
    colors = colormaps[cmap or SEQUENTIAL].with_extremes(bad="#FF00FF")
    image = ax.imshow(np.ma.masked_where(~good, matrix.astype(np.float64)), cmap=colors,
                      interpolation=_interpolation(matrix))  # fmt: skip
    if not good.any():
        image.set_clim(0, 1)
    if not good.all():
        ax.plot([], [], "s", color="#FF00FF", label=f"{int((~good).sum())} not finite")
        ax.legend(fontsize="small", framealpha=0.85, loc="upper right")
    _pixels_named(ax)
    if colorbar:
        ax.figure.colorbar(image, ax=ax, label="value")


def _images(found: Array, channels: str, function: str) -> list[Array]:
    """Images (height, width) or (height, width, 3 or 4) with values that imshow takes."""
    batch = found if found.ndim == 4 else found[None]
    first = channels == "first" or (channels == "auto" and batch.shape[1] in (1, 3, 4))
    last = channels == "last" or (not first and channels == "auto" and batch.shape[3] in (1, 3, 4))
    if first:
        batch = np.moveaxis(batch, 1, -1)
    if first or last:
        depth = batch.shape[-1]
        if depth == 1:
            return [image[..., 0] for image in batch]
        if depth in (3, 4):
            return [_as_colors(image) for image in batch]
    # neither: planes, feature maps, one image each
    planes = np.moveaxis(batch, -1, 1) if channels == "last" else np.moveaxis(batch, -1, 1) if first else batch
    return list(planes.reshape(-1, *planes.shape[-2:]))


def _as_colors(image: Array) -> Array:
    if image.dtype == np.uint8:
        return image
    values = np.nan_to_num(image.astype(np.float64), nan=0.0, posinf=1.0, neginf=0.0)
    low, high = values.min(), values.max()
    if image.dtype.kind in "iu" and low >= 0 and high <= 255:
        return values / 255
    if low < 0 or high > 1:
        values = (values - low) / (high - low if high > low else 1)
    return values


def image_grid(
    function: str,
    images: list[Array],
    captions: list[tuple[str, str | None]] | None,
    title: str | None,
    *,
    columns: int | None = None,
    cmap: str = "gray",
    limits: tuple[float, float] | None = None,
    ax: Any = None,
    figsize: Any = None,
    save_path: Any = None,
    show: bool = False,
    most: int = 64,
) -> Figure:
    """Images side by side without axes, each with its (caption, colour); at most `most` of them, and says so."""
    from matplotlib import colormaps

    total, images = len(images), images[:most]
    columns = columns or min(len(images), max(1, int(np.ceil(np.sqrt(len(images) * 1.3)))))
    rows = -(-len(images) // columns)
    side = min(1.25 if len(images) > 12 else 1.7, max(0.55, 12 / columns))
    if captions:
        side = max(side, 0.095 * max(len(text) for text, _ in captions))
    height = side * float(np.clip(images[0].shape[0] / images[0].shape[1], 0.4, 2.5))
    if total > most:
        title = f"{title or ''} (the first {most} of {total})".strip()
    band = 0.26 * max((text.count("\n") + 1 for text, _ in captions), default=0) if captions else 0.0
    head = 0.42 if title else 0.06
    size = (max(3.0, (side + 0.08) * columns + 0.08), (height + band + 0.08) * rows + head)
    sheet = Sheet(function, rows, columns, ax=ax, figsize=figsize, default=size, show=show, layout=None)
    if len(sheet.axes) != rows * columns:
        raise ValueError(f"{function}: {len(images)} images need {rows * columns} Axes; one was given")
    if ax is None:  # constrained layout takes long for many Axes
        sheet.figure.subplots_adjust(left=0.08 / size[0], right=1 - 0.08 / size[0], bottom=0.06 / size[1],
                                     top=1 - (head + band) / size[1], wspace=0.08 / side,
                                     hspace=(band + 0.08) / height)  # fmt: skip
    for one in sheet.axes:
        one.set_axis_off()
    for n, (one, image) in enumerate(zip(sheet.axes, images)):
        low, high = limits or (None, None)
        if image.ndim == 2:
            image = np.ma.masked_invalid(image.astype(np.float64))
        one.imshow(image, cmap=colormaps[cmap].with_extremes(bad="#FF00FF"), interpolation=_interpolation(image),
                   vmin=low, vmax=high)  # fmt: skip
        if captions:
            text, color = captions[n]
            label = one.set_title(text, fontsize="small", pad=3)
            if color:
                label.set_color(color)
    if title:
        sheet.figure.suptitle(title, y=1 - 0.08 / size[1], va="top")
    return sheet.finish(save_path)
