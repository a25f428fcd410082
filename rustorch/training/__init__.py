"""Training: a Keras-like Model, and a Trainer for any Module.

>>> import rustorch as rt
>>> _ = rt.manual_seed(0)
>>> x = rt.randn(100, 1); y = 2 * x + 1
>>> model = rt.Model()
>>> model.add("Dense(1)")
>>> model.compile(optimizer="sgd", loss="mse")
>>> history = model.fit((x, y), epochs=60, batch_size=10, verbose=False)
>>> round(model[0].weight.item(), 2), round(model[0].bias.item(), 2)
(2.0, 1.0)
"""

from __future__ import annotations

from .checkpoint import latest_checkpoint, seed_everything
from .config import TrainerConfig
from .history import History
from .loop import Loop, NonFiniteLossError
from .model import Model
from .step import train_step
from .trainer import Trainer

__all__ = [
    "History", "Loop", "Model", "NonFiniteLossError", "Trainer", "TrainerConfig", "latest_checkpoint",
    "seed_everything", "train_step",
]  # fmt: skip
