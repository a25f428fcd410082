"""TensorBoard's event files, written by the tensorboard package alone."""

from __future__ import annotations

import os
import time
from typing import Any

import numpy as np

from .._C import Tensor
from .base import Callback

__all__ = ["SummaryWriter", "TensorBoard"]


class SummaryWriter:
    """Writes scalars, histograms and texts that TensorBoard shows.

    Args:
        log_dir: a folder, made when it is not there.

    Raises:
        ModuleNotFoundError: tensorboard is not installed.
    """

    def __init__(self, log_dir: Any) -> None:
        try:
            from tensorboard.compat.proto.event_pb2 import Event
            from tensorboard.compat.proto.summary_pb2 import HistogramProto, Summary, SummaryMetadata
            from tensorboard.summary.writer.event_file_writer import EventFileWriter
        except ModuleNotFoundError as error:
            raise ModuleNotFoundError("TensorBoard needs tensorboard: pip install rustorch[training]") from error
        self._event, self._summary, self._histogram, self._metadata = Event, Summary, HistogramProto, SummaryMetadata
        self.log_dir = os.fspath(log_dir)
        os.makedirs(self.log_dir, exist_ok=True)
        self._file = EventFileWriter(self.log_dir)

    def _write(self, value: Any, step: int) -> None:
        event = self._event(wall_time=time.time(), step=int(step), summary=self._summary(value=[value]))
        self._file.add_event(event)

    def add_scalar(self, tag: str, value: Any, step: int = 0) -> None:
        """A number under a tag at a step."""
        self._write(self._summary.Value(tag=tag, simple_value=float(value)), step)

    def add_text(self, tag: str, text: str, step: int = 0) -> None:
        """A text (Markdown) under a tag."""
        from tensorboard.compat.proto.tensor_pb2 import TensorProto
        from tensorboard.compat.proto.tensor_shape_pb2 import TensorShapeProto

        shape = TensorShapeProto(dim=[TensorShapeProto.Dim(size=1)])
        tensor = TensorProto(dtype="DT_STRING", string_val=[text.encode()], tensor_shape=shape)
        metadata = self._metadata(plugin_data=self._metadata.PluginData(plugin_name="text"))
        self._write(self._summary.Value(tag=tag, metadata=metadata, tensor=tensor), step)

    def add_histogram(self, tag: str, values: Any, step: int = 0, bins: int = 30) -> None:
        """How the values of a tensor or array are distributed."""
        flat = np.asarray(values.detach() if isinstance(values, Tensor) else values, np.float64).ravel()
        flat = flat[np.isfinite(flat)]
        counts, edges = np.histogram(flat, bins=bins)
        proto = self._histogram(
            min=flat.min(initial=np.inf), max=flat.max(initial=-np.inf), num=len(flat), sum=flat.sum(),
            sum_squares=(flat**2).sum(), bucket_limit=edges[1:].tolist(), bucket=counts.tolist(),
        )  # fmt: skip
        self._write(self._summary.Value(tag=tag, histo=proto), step)

    def flush(self) -> None:
        """Brings all that was added into the file."""
        self._file.flush()

    def close(self) -> None:
        """Flushes and closes the file."""
        self._file.close()

    def __enter__(self) -> SummaryWriter:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


class TensorBoard(Callback):
    """Writes loss and metrics for TensorBoard: `epoch_...` of training and validation under train/ and validation/.

    Args:
        log_dir: the folder that TensorBoard is given.
        histogram_freq: epochs from one histogram of all parameters to the next; 0 for none.
        update_freq: "epoch"; "batch", or a number of batches, writes `batch_...` of the training, too.

    Raises:
        ModuleNotFoundError: (when the training starts) tensorboard is not installed.
    """

    def __init__(self, log_dir: Any = "logs", histogram_freq: int = 0, update_freq: str | int = "epoch") -> None:
        if update_freq not in ("epoch", "batch") and (not isinstance(update_freq, int) or update_freq < 1):
            raise ValueError(f"TensorBoard: update_freq must be 'epoch', 'batch' or a number, not {update_freq!r}")
        self.log_dir, self.histogram_freq = os.fspath(log_dir), histogram_freq
        self.update_freq = {"batch": 1, "epoch": 0}.get(str(update_freq), update_freq)
        self.batch_logs = False
        self._writers: dict[str, SummaryWriter] = {}

    def _writer(self, part: str) -> SummaryWriter:
        if part not in self._writers:
            self._writers[part] = SummaryWriter(os.path.join(self.log_dir, part))
        return self._writers[part]

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        self._writer("train")

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        if self.update_freq and (batch + 1) % int(self.update_freq) == 0:
            for name, value in self.training.logs().items():
                if isinstance(value, (int, float)):
                    self._writer("train").add_scalar(f"batch_{name}", value, self.training.step)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        for name, value in (logs or {}).items():
            part = "validation" if name.startswith("val_") else "train"
            self._writer(part).add_scalar(f"epoch_{name.removeprefix('val_')}", value, epoch)
        if self.histogram_freq and (epoch + 1) % self.histogram_freq == 0:
            for name, parameter in self.model.named_parameters():
                self._writer("train").add_histogram(name, parameter, epoch)
        for writer in self._writers.values():
            writer.flush()

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        self._close()

    def on_exception(self, error: BaseException) -> None:
        self._close()

    def _close(self) -> None:
        for writer in self._writers.values():
            writer.close()
        self._writers = {}
