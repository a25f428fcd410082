"""Pictures of trainings, tensors, models and results, on matplotlib (`pip install rustorch[viz]`).

Every function returns a matplotlib Figure, which notebooks show, and takes `ax` (Axes to draw on), `figsize` (inches),
`save_path` (a file to write; its suffix tells the format) and `show`.  pyplot's state and matplotlib's settings stay as
they are, and nothing is shown unless asked for.  matplotlib is loaded by the first picture.

>>> import rustorch as rt
>>> plotter = rt.visualization.Plotter(figsize=(6, 4))
>>> plotter.plot_training_history({"loss": [0.9, 0.5], "val_loss": [1.0, 0.7]}).get_size_inches().tolist()
[6.0, 4.0]
"""

from __future__ import annotations

from .evaluation import (
    plot_confusion_matrix as plot_confusion_matrix,
    plot_decision_boundary as plot_decision_boundary,
    plot_precision_recall_curve as plot_precision_recall_curve,
    plot_predictions as plot_predictions,
    plot_roc_curve as plot_roc_curve,
)
from .graphs import (
    plot_autograd_graph as plot_autograd_graph,
    plot_model_graph as plot_model_graph,
    to_dot as to_dot,
    to_mermaid as to_mermaid,
)
from .history import plot_learning_rate as plot_learning_rate, plot_training_history as plot_training_history
from .landscapes import plot_embedding as plot_embedding, plot_loss_surface as plot_loss_surface
from .plotter import Plotter as Plotter
from .tensors import plot_tensor_as_image as plot_tensor_as_image, visualize_tensor as visualize_tensor
from .weights import (
    plot_attention as plot_attention,
    plot_feature_maps as plot_feature_maps,
    plot_filters as plot_filters,
    plot_gradient_flow as plot_gradient_flow,
    plot_weight_distributions as plot_weight_distributions,
)

__all__ = [
    "Plotter", "plot_attention", "plot_autograd_graph", "plot_confusion_matrix", "plot_decision_boundary",
    "plot_embedding", "plot_feature_maps", "plot_filters", "plot_gradient_flow", "plot_learning_rate",
    "plot_loss_surface", "plot_model_graph", "plot_precision_recall_curve", "plot_predictions", "plot_roc_curve",
    "plot_tensor_as_image", "plot_training_history", "plot_weight_distributions", "to_dot", "to_mermaid",
    "visualize_tensor",
]  # fmt: skip
