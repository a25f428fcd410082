"""Plotter: the functions of this package with settings of one's own."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

from . import evaluation, graphs, history, landscapes, tensors, weights


def _method(function: Callable[..., Any]) -> Any:
    """The function as a method, which fills in the Plotter's settings where a call says nothing."""
    takes = set(inspect.signature(function).parameters)

    @functools.wraps(function)
    def method(self: Plotter, *args: Any, **keywords: Any) -> Any:
        given = {k: v for k, v in self.settings.items() if k in takes and (k != "figsize" or "ax" not in keywords)}
        return function(*args, **{**given, **keywords})

    return method


class Plotter:
    """All pictures of `rustorch.visualization` as methods, with settings that hold for each of them.

    Args:
        figsize: width and height of every figure in inches; each picture's own unless given.
        show: shows every picture when it is drawn.

    >>> import rustorch as rt
    >>> plotter = rt.visualization.Plotter()
    >>> figure = plotter.plot_tensor_as_image(rt.eye(4), title="identity")
    >>> figure.axes[0].get_title()
    'identity'
    """

    def __init__(self, figsize: tuple[float, float] | None = None, show: bool = False) -> None:
        self.settings = {"figsize": figsize, "show": show}

    plot_training_history = _method(history.plot_training_history)
    plot_learning_rate = _method(history.plot_learning_rate)
    plot_tensor_as_image = _method(tensors.plot_tensor_as_image)
    visualize_tensor = _method(tensors.visualize_tensor)
    plot_model_graph = _method(graphs.plot_model_graph)
    plot_autograd_graph = _method(graphs.plot_autograd_graph)
    to_dot = _method(graphs.to_dot)
    to_mermaid = _method(graphs.to_mermaid)
    plot_confusion_matrix = _method(evaluation.plot_confusion_matrix)
    plot_roc_curve = _method(evaluation.plot_roc_curve)
    plot_precision_recall_curve = _method(evaluation.plot_precision_recall_curve)
    plot_decision_boundary = _method(evaluation.plot_decision_boundary)
    plot_predictions = _method(evaluation.plot_predictions)
    plot_weight_distributions = _method(weights.plot_weight_distributions)
    plot_gradient_flow = _method(weights.plot_gradient_flow)
    plot_filters = _method(weights.plot_filters)
    plot_feature_maps = _method(weights.plot_feature_maps)
    plot_attention = _method(weights.plot_attention)
    plot_embedding = _method(landscapes.plot_embedding)
    plot_loss_surface = _method(landscapes.plot_loss_surface)
