"""From what users have (loaders, datasets, pairs of arrays, tensors) to batches of (inputs, targets, weights)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sized
from itertools import islice
from typing import Any

from .. import nn
from .._C import Tensor, as_tensor, get_default_dtype
from ..data import DataLoader, Dataset, IterableDataset, Subset, TensorDataset

__all__ = ["Batches", "Inputs", "adapt_target", "call", "size_of", "split", "unpack"]


def _is_array(value: Any) -> bool:
    """A tensor, ndarray, PyTorch tensor, DataFrame: what has a shape."""
    return hasattr(value, "shape") and hasattr(value, "__len__")


def as_data(value: Any) -> Tensor:
    """An array as a Tensor; float64 that is no Tensor becomes the default dtype."""
    if isinstance(value, Tensor):
        return value
    if hasattr(value, "to_numpy") and not hasattr(value, "numpy"):  # pandas
        value = value.to_numpy()
    t = as_tensor(value)
    return t.to(get_default_dtype()) if t.dtype == "float64" else t


class Batches:
    """Data as an iterable of batches, pass after pass.

    Args:
        data: a DataLoader or other iterable of batches; a Dataset; (inputs, targets) or (inputs, targets, weights);
            inputs alone, with `targets` beside them.
        targets, weights: what goes with inputs.
        batch_size, shuffle, drop_last, num_workers: of the DataLoader made here, where one is made.
        steps: at most so many batches a pass.
        what: the caller, for messages.

    Attributes: `loader`; `steps`, batches in a pass, None when that is not known.
    """

    def __init__(
        self, data: Any, targets: Any = None, weights: Any = None, *, batch_size: int = 32, shuffle: bool = False,
        drop_last: bool = False, num_workers: int = 0, steps: int | None = None, what: str = "fit",
    ) -> None:  # fmt: skip
        self.what = what
        self.limit = steps
        if isinstance(data, Batches):
            data = data.loader
        arrays = _arrays(data, targets, weights, what)
        if arrays is not None:
            data = _dataset(arrays, what)
        elif weights is not None:
            raise TypeError(f"{what}: weights go with arrays; a loader gives them as a third part of its batches")
        if isinstance(data, Dataset):
            if not isinstance(data, IterableDataset) and len(data) == 0:
                raise ValueError(f"{what}: the data are empty")
            shuffled = shuffle and not isinstance(data, IterableDataset)
            data = DataLoader(data, batch_size, shuffled, drop_last=drop_last, num_workers=num_workers)
        if isinstance(data, (str, bytes, dict)) or not isinstance(data, Iterable):
            raise TypeError(
                f"{what}: data must be a loader, a dataset, arrays, or (inputs, targets), not {type(data).__name__}"
            )
        self.loader: Any = data
        length = len(data) if isinstance(data, Sized) and not _unsized(data) else None
        self.steps = length if steps is None else steps if length is None else min(steps, length)

    def gives_once(self) -> bool:
        """Is it an iterator, whose batches come once?"""
        return isinstance(self.loader, Iterator)

    def __iter__(self) -> Iterator[Any]:
        return iter(self.loader) if self.limit is None else islice(iter(self.loader), self.limit)


def _unsized(data: Any) -> bool:
    """A loader over an iterable dataset has a length only when the dataset has."""
    if isinstance(data, DataLoader) and isinstance(data.dataset, IterableDataset):
        try:
            len(data)
        except TypeError:
            return True
    return False


def _arrays(data: Any, targets: Any, weights: Any, what: str) -> list[Any] | None:
    """[inputs, targets(, weights)] when data are arrays, else None."""
    if targets is not None:
        if isinstance(data, (DataLoader, Dataset)):
            raise TypeError(f"{what}: targets are given beside a {type(data).__name__}, which has its own")
        return [data, targets, *([] if weights is None else [weights])]
    if _is_array(data):
        return [data, *([] if weights is None else [weights])]
    if not isinstance(data, (tuple, list)) or len(data) not in (2, 3) or not all(map(_is_array, data[1:])):
        return None
    several = isinstance(data, tuple) and isinstance(data[0], (tuple, list))
    if several or (_is_array(data[0]) and (isinstance(data, tuple) or len({*map(len, data)}) == 1)):
        return list(data) if weights is None else [*data[:2], weights]
    return None


def _dataset(arrays: list[Any], what: str) -> Dataset[Any]:
    inputs = arrays[0]
    if isinstance(inputs, (tuple, list)) and inputs and all(map(_is_array, inputs)):
        return _Several([as_data(part) for part in inputs], [as_data(part) for part in arrays[1:]], what)
    parts = [as_data(part) for part in arrays]
    if any(part.ndim == 0 for part in parts):
        raise ValueError(f"{what}: inputs and targets need a first dimension of samples")
    if len({len(part) for part in parts}) > 1:
        raise ValueError(f"{what}: inputs and targets differ in length: {', '.join(str(len(p)) for p in parts)}")
    return TensorDataset(*parts)


class _Several(Dataset[Any]):
    """Samples with several inputs: ((a, b), target)."""

    def __init__(self, inputs: list[Tensor], others: list[Tensor], what: str) -> None:
        if len({len(part) for part in [*inputs, *others]}) > 1:
            raise ValueError(f"{what}: inputs and targets differ in length")
        self.inputs, self.others = inputs, others

    def __len__(self) -> int:
        return len(self.inputs[0])

    def __getitem__(self, index: Any) -> Any:
        return (tuple(part[index] for part in self.inputs), *(part[index] for part in self.others))


def split(data: Any, targets: Any, weights: Any, share: float, what: str) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """The arguments of Batches for the first and for the last `share` of the samples."""
    if not 0 < share < 1:
        raise ValueError(f"{what}: validation_split must be between 0 and 1, not {share!r}")
    arrays = _arrays(data, targets, weights, what)
    whole = data if arrays is None else _dataset(arrays, what)
    if not isinstance(whole, Dataset) or isinstance(whole, IterableDataset):
        raise TypeError(f"{what}: validation_split needs arrays or a dataset, not {type(data).__name__}")
    at = len(whole) - int(len(whole) * share)
    if at == 0 or at == len(whole):
        raise ValueError(f"{what}: validation_split={share} of {len(whole)} samples leaves nothing on one side")
    return (Subset(whole, range(at)),), (Subset(whole, range(at, len(whole))),)


def unpack(batch: Any, what: str = "fit") -> tuple[Any, Any, Any]:
    """(inputs, targets, weights) of a batch; weights may be None, targets, too."""
    if isinstance(batch, (tuple, list)):
        if len(batch) == 2:
            return batch[0], batch[1], None
        if len(batch) == 3:
            return batch[0], batch[1], as_data(batch[2])
        if len(batch) == 1:
            return batch[0], None, None
    elif not isinstance(batch, (dict, str)):
        return batch, None, None
    raise ValueError(
        f"{what}: a batch must be (inputs, targets) or (inputs, targets, weights), not {type(batch).__name__}"
        + (f" of length {len(batch)}" if hasattr(batch, "__len__") else "")
    )


class Inputs:
    """Inputs as a model takes them: Tensors, floating ones in the dtype of its parameters.

    Integers become floating, too, where the layers in a row have no embedding to look them up in.

    Attributes: `dtype`, that of the model's first floating parameter, None when it has none.
    """

    def __init__(self, model: nn.Module) -> None:
        floating = (p.dtype for p in model.parameters() if p.is_floating_point())
        self.dtype: Any = next(floating, None)
        row = isinstance(model, nn.Sequential) and type(model).forward is nn.Sequential.forward
        self.integers = row and not any(isinstance(m, (nn.Embedding, nn.EmbeddingBag)) for m in model.modules())

    def __call__(self, x: Any) -> Any:
        if isinstance(x, dict):
            return {name: self(part) for name, part in x.items()}
        if isinstance(x, (tuple, list)) and x and not isinstance(x[0], (int, float)):
            return tuple(self(part) for part in x)
        t = as_data(x)
        if self.dtype is None or t.dtype == self.dtype or t.is_complex():
            return t
        return t.to(self.dtype) if self.integers or t.is_floating_point() else t


def adapt_target(y: Any) -> Any:
    """Targets as Tensors where they are arrays or numbers; None, dicts and sequences of them as they are."""
    if y is None or isinstance(y, Tensor):
        return y
    if isinstance(y, dict):
        return {name: adapt_target(part) for name, part in y.items()}
    if isinstance(y, (tuple, list)) and y and _is_array(y[0]):
        return tuple(adapt_target(part) for part in y)
    return as_data(y)


def size_of(x: Any) -> int:
    """How many samples there are in a batch of inputs or targets."""
    if isinstance(x, dict):
        return size_of(next(iter(x.values())))
    if isinstance(x, (tuple, list)):
        return size_of(x[0])
    return len(x) if getattr(x, "ndim", 1) else 1


def call(model: Any, x: Any) -> Any:
    """model(x); several inputs are its arguments."""
    if isinstance(x, tuple):
        return model(*x)
    return model(**x) if isinstance(x, dict) else model(x)
