"""Optimisers, with PyTorch's names, options and state_dict layout.

A step is one call into C for each parameter group.
"""

from . import lr_scheduler
from .adam import Adam, AdamW
from .optimizer import Optimizer
from .sgd import SGD

__all__ = ["SGD", "Adam", "AdamW", "Optimizer", "lr_scheduler"]
