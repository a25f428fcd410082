"""Callbacks: what a training calls on its way.

>>> import rustorch as rt
>>> from rustorch.callbacks import EarlyStopping
>>> _ = rt.manual_seed(0)
>>> x = rt.randn(64, 2); y = x.sum(1, keepdim=True)
>>> model = rt.Model(); model.add("Dense(1)")
>>> model.compile("SGD(lr=0.1)", "mse")
>>> stop = EarlyStopping("loss", min_delta=1e-6, patience=2)
>>> history = model.fit((x, y), epochs=500, verbose=False, callbacks=[stop])
>>> len(history) < 500
True
"""

from __future__ import annotations

from .base import Callback, LambdaCallback
from .logs import CSVLogger, LearningRateScheduler
from .progress import Progress, ProgressBar
from .registry import clear_training_callbacks, register_training_callback, unregister_training_callback
from .stopping import EarlyStopping, ModelCheckpoint, ReduceLROnPlateau, TerminateOnNaN
from .tensorboard import TensorBoard

__all__ = [
    "CSVLogger", "Callback", "EarlyStopping", "LambdaCallback", "LearningRateScheduler", "ModelCheckpoint", "Progress",
    "ProgressBar", "ReduceLROnPlateau", "TensorBoard", "TerminateOnNaN", "clear_training_callbacks",
    "register_training_callback", "unregister_training_callback",
]  # fmt: skip
