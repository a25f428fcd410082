"""A single step of training."""

from __future__ import annotations

from typing import Any

from .. import nn
from .._C import Tensor
from . import runs
from .batches import Inputs, adapt_target, call, unpack
from .losses import Objective
from .optimizers import optimizer_from

__all__ = ["train_step"]


def train_step(model: nn.Module, batch: Any, optimizer: Any = None, loss: Any = None) -> Tensor:
    """One step of training on one batch: forward, backward, and a step of the optimiser.

    Args:
        model: a Module, whose gradients are zeroed afterwards.
        batch: (inputs, targets), or (inputs, targets, weights).
        optimizer: None: what the model was compiled with, else Adam with a rate of 0.001, which is kept from step
            to step.
        loss: None: what the model was compiled with, else cross entropy where targets are integers and squared
            error elsewhere.

    Returns:
        The loss before the step, a Tensor of one number without a graph.

    >>> import rustorch as rt
    >>> net = rt.nn.Linear(2, 1)
    >>> batch = rt.ones(4, 2), rt.zeros(4, 1)
    >>> first = train_step(net, batch)
    >>> train_step(net, batch).item() < first.item()
    True
    """
    compiled = runs.compiled_of(model)
    objective = Objective(compiled.loss if loss is None else loss, model)
    x, y, weights = unpack(batch, "train_step")
    y = adapt_target(y)
    was_training = model.training
    model.train()
    try:
        outputs = call(objective.body, Inputs(model)(x))
        criterion = objective.settle(outputs, y)
        if optimizer is None:
            if compiled.made is None:
                compiled.made = optimizer_from(compiled.optimizer or "adam", model.parameters())
            optimizer = compiled.made
        optimizer.zero_grad()
        value = criterion(outputs, y) if weights is None else objective.weighted(outputs, y, weights)
        value.backward()
        optimizer.step()
        optimizer.zero_grad()
    finally:
        model.train(was_training)
    return value.detach()
