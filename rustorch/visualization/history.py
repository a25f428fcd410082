"""Curves of a training: losses, metrics and learning rates by epoch."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Mapping
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np

from ._sheet import BAD, COLORS, Sheet, legend, plain, tidy, whole_numbers
from ._values import Array, array, vector

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_RATES = ("lr", "learning_rate", "learning_rates")
_STEPS = ("epoch", "epochs", "step", "steps", "time", "seconds")
_LISTS = ("train_loss", "val_loss", "train_losses", "val_losses", "loss", "losses", "learning_rates")
_DATA = {
    "val_": "validation", "valid_": "validation", "validation_": "validation", "test_": "test",
    "train_": "training", "training_": "training",
}  # fmt: skip
_SINGULAR = {"losses": "loss", "accuracies": "accuracy", "learning_rates": "learning rate", "lr": "learning rate"}


def curves(history: Any, function: str) -> dict[str, Array]:
    """name -> values by epoch of a History, Keras' or ours, of a mapping, or of a plain list of losses."""
    table = getattr(history, "history", None)
    table = table() if callable(table) else table
    if isinstance(table, Mapping):
        history = table
    elif not isinstance(history, Mapping) and any(hasattr(history, name) for name in _LISTS):
        found: dict[str, Any] = {}
        for name in (*_LISTS, "metrics"):
            value = getattr(history, name, None)
            value = value() if callable(value) else value
            if name == "metrics" and isinstance(value, Mapping):
                found.update(value)
            elif value is not None and name != "metrics":
                found[name] = value
        history = found
    if not isinstance(history, Mapping):
        history = {"loss": history}
    named = {str(name): vector(values, function, repr(name)) for name, values in history.items()}
    return {name: values for name, values in named.items() if len(values) and name not in _STEPS}


def _epochs(history: Any, name: str, count: int) -> Array:
    """Numbers from 1 of the epochs that a curve's values belong to."""
    for attribute in ("validated", "epoch") if name.startswith("val_") else ("epoch",):
        numbers = getattr(history, attribute, None)
        if isinstance(numbers, (list, tuple)) and len(numbers) == count:
            return np.asarray(numbers) + 1
    return np.arange(1, count + 1)


def _family(name: str) -> tuple[str, str]:
    """(what is measured, on which data) of a curve's name: val_loss is loss, on validation."""
    prefix = next((p for p in _DATA if name.startswith(p) and len(name) > len(p)), "")
    name = name.removeprefix(prefix)
    on = _DATA[prefix] if prefix else "" if name in _RATES else "training"
    return plain(_SINGULAR.get(name, name).replace("_", " ")), on


def _draw_curve(ax: Any, epochs: Array, values: Array, label: str, color: str) -> None:
    good = np.isfinite(values)
    alone = good & ~np.r_[False, good[:-1]] & ~np.r_[good[1:], False]  # a line would not show these
    marks = np.flatnonzero(good) if len(values) <= 12 else np.flatnonzero(alone)
    ax.plot(epochs, np.where(good, values, np.nan), color=color, label=label, linewidth=1.8, marker="o", markersize=4,
            markevery=marks.tolist())  # fmt: skip
    if not good.all():
        ax.plot(epochs[good], values[good], color=color, linewidth=1.0, linestyle=":")  # across the gaps
        ax.plot(epochs[~good], np.full((~good).sum(), 0.02), "x", color=BAD, transform=ax.get_xaxis_transform(),
                label=f"{label}: {(~good).sum()} not finite", markersize=7, markeredgewidth=2)  # fmt: skip


Curves = dict[str, tuple[Array, Array]]  # on which data -> (epochs, values)


def _panel(ax: Any, family: str, members: Curves, log_scale: bool, first: int | None = None) -> None:
    order = {"training": 0, "validation": 1, "test": 2}
    for n, (on, (epochs, values)) in enumerate(sorted(members.items(), key=lambda m: order.get(m[0], 3))):
        color = COLORS[((first or 0) + order.get(on, n)) % len(COLORS)]
        label = on or family if first is None else f"{family}, {on}".removesuffix(", ")
        _draw_curve(ax, epochs, values, label, color)
    tidy(ax, xlabel="epoch", ylabel=family)
    whole_numbers(ax.xaxis)
    begin, end = (f(e[k] for e, _ in members.values()) for f, k in ((min, 0), (max, -1)))
    margin = 0.02 * (end - begin) or 0.5
    ax.set_xlim(begin - margin, end + margin)
    good = np.concatenate([v[np.isfinite(v)] for _, v in members.values()])
    if log_scale and (good > 0).all():
        ax.set_yscale("log")
    elif family.endswith(("accuracy", "acc")) and (good <= 1).all():
        ax.set_ylim(top=min(1.02, ax.get_ylim()[1]))


def plot_training_history(
    history: Any,
    accuracies: Any = None,
    *,
    val_losses: Any = None,
    val_accuracies: Any = None,
    title: str | None = None,
    log_scale: bool = False,
    ax: Any = None,
    figsize: tuple[float, float] | None = None,
    save_path: Any = None,
    show: bool = False,
) -> Figure:
    """Draws losses and metrics by epoch, one panel for each thing measured, training and validation together.

    Args:
        history: the History that `fit` or a Trainer returns, a mapping of names to values by epoch (names as Keras
            has them: loss, val_loss, accuracy, val_accuracy, lr), or the losses by epoch.
        accuracies: accuracies by epoch, when `history` is a list of losses.
        val_losses: the same of validation data.
        val_accuracies: the same of validation data.
        title: stands above the picture.
        log_scale: draws values on a logarithmic axis where all are positive.
        ax: the Axes to draw on, one per panel, or one for all (then further panels share its x axis on the right).
        figsize: width and height in inches.
        save_path: file to write; the suffix (.png, .svg, .pdf) tells the format.
        show: also opens a window, or shows the picture at once in a notebook.

    Returns:
        The matplotlib Figure.

    Raises:
        TypeError: for what holds no numbers.
        ValueError: when there is nothing to draw.

    >>> import rustorch as rt
    >>> figure = rt.visualization.plot_training_history([0.9, 0.5, 0.3], [0.6, 0.8, 0.9])
    >>> [ax.get_ylabel() for ax in figure.axes]
    ['loss', 'accuracy']
    """
    name = "plot_training_history"
    named = curves(history, name)
    for key, values in (("accuracy", accuracies), ("val_loss", val_losses), ("val_accuracy", val_accuracies)):
        if isinstance(values, Mapping):
            named.update(curves(values, name))
        elif values is not None and len(found := vector(values, name, key)):
            named[key] = found
    families: dict[str, Curves] = {}
    for key, values in named.items():
        family, on = _family(key)
        families.setdefault(family, {})[on] = (_epochs(history, key, len(values)), values)
    if not families:
        raise ValueError(f"{name}: the history is empty: there is no epoch to draw")
    families = dict(sorted(families.items(), key=lambda f: (f[0] != "loss", f[0] == "learning rate")))
    columns = min(3, len(families))
    rows = -(-len(families) // columns)
    sheet = Sheet(name, rows, columns, ax=ax, figsize=figsize, default=(5.2 * columns, 3.8 * rows), show=show)
    axes = sheet.axes
    if sheet.shared and len(families) > 1:
        axes = [axes[0], *(axes[0].twinx() for _ in range(len(families) - 1))]
    for n, (one, (family, members)) in enumerate(zip(axes, families.items())):
        _panel(one, family, members, log_scale, first=2 * n if sheet.shared else None)
        if not sheet.shared:
            legend(one)
    _join(sheet, axes, len(families))
    return sheet.finish(save_path, title)


def _join(sheet: Sheet, axes: list[Any], panels: int) -> None:
    """Unused panels vanish; panels that share one Axes get one legend, and their y axes stand apart."""
    for unused in axes[panels:]:
        unused.remove()
    if not sheet.shared:
        return
    handles: list[Any] = []
    labels: list[str] = []
    for n, one in enumerate(axes):
        if n:
            one.spines["right"].set_visible(True)
            one.spines["right"].set_position(("outward", 54.0 * (n - 1)))
            one.grid(False)
        more = one.get_legend_handles_labels()
        handles, labels = handles + more[0], labels + more[1]
    axes[-1].legend(handles, labels, fontsize="small", loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2,
                    frameon=False)  # fmt: skip


def plot_learning_rate(
    schedule: Any,
    steps: int = 100,
    *,
    title: str | None = "Learning rate",
    log_scale: bool = False,
    ax: Any = None,
    figsize: tuple[float, float] | None = None,
    save_path: Any = None,
    show: bool = False,
) -> Figure:
    """Draws learning rates by step: those of a list, or what a scheduler is going to set.

    Args:
        schedule: the rates, one list or one per parameter group; or a scheduler of `rustorch.optim.lr_scheduler`,
            which is walked `steps` steps on a copy, so that it and its optimizer stay as they are.
        steps: how many steps of a scheduler are drawn.
        title: stands above the picture.
        log_scale: a logarithmic y axis.
        ax: the Axes to draw on.
        figsize: width and height in inches.
        save_path: file to write; the suffix tells the format.
        show: also opens a window, or shows the picture at once in a notebook.

    Returns:
        The matplotlib Figure.

    Raises:
        TypeError: for what is neither rates nor a scheduler whose steps need no metric.

    >>> import rustorch as rt
    >>> optimizer = rt.optim.SGD([rt.zeros(1, requires_grad=True)], lr=0.1)
    >>> schedule = rt.optim.lr_scheduler.StepLR(optimizer, step_size=10)
    >>> figure = rt.visualization.plot_learning_rate(schedule, 30)
    >>> figure.axes[0].get_ylabel(), optimizer.param_groups[0]["lr"]
    ('learning rate', 0.1)
    """
    name = "plot_learning_rate"
    if hasattr(schedule, "step") and hasattr(schedule, "optimizer"):
        groups = _walk(schedule, steps, name)
    else:
        values = np.atleast_1d(_rates(schedule, name))
        groups = values if values.ndim == 2 else values[None]
    sheet = Sheet(name, ax=ax, figsize=figsize, show=show)
    one = sheet.axes[0]
    x = np.arange(groups.shape[1])
    for n, rates in enumerate(groups):
        one.plot(x, rates, color=COLORS[n % len(COLORS)], linewidth=1.8, label=f"group {n}",
                 marker="o" if len(x) == 1 else None)  # fmt: skip
    tidy(one, xlabel="step", ylabel="learning rate")
    whole_numbers(one.xaxis)
    if log_scale and (groups > 0).all():
        one.set_yscale("log")
    if len(groups) > 1:
        legend(one)
    return sheet.finish(save_path, title)


def _rates(values: Any, function: str) -> Array:
    found = array(values, function, "schedule").astype(np.float64)
    if found.ndim > 2 or not found.size:
        raise ValueError(f"{function}: schedule must be rates, or one list of rates per group, not {found.shape}")
    return found


def _walk(schedule: Any, steps: int, function: str) -> Array:
    """The rates of the next steps, walked by a copy whose optimizer is a stand-in without parameters."""
    if isinstance(steps, bool) or not isinstance(steps, int) or steps < 1:
        raise ValueError(f"{function}: steps must be a whole number above 0, not {steps!r}")
    optimizer = schedule.optimizer
    groups = [{k: v for k, v in g.items() if k != "params"} | {"params": []} for g in optimizer.param_groups]
    stand_in = SimpleNamespace(param_groups=groups, state={}, defaults=dict(optimizer.defaults), step=len)
    walker = copy.deepcopy(schedule, {id(optimizer): stand_in})
    rates = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the optimizer's own step is never called
        for _ in range(steps):
            rates.append([float(g["lr"]) for g in groups])
            try:
                walker.step()
            except TypeError as error:
                kind = type(schedule).__name__
                raise TypeError(f"{function}: {kind}.step wants an argument, so give the rates: {error}") from error
    return np.array(rates).T
