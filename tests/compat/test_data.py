"""Datasets, samplers, collation and DataLoader, where possible against PyTorch's."""

from collections import namedtuple

import numpy as np
import pytest
import torch

import rustorch as rt
from rustorch.data import (
    BatchSampler,
    ConcatDataset,
    DataLoader,
    Dataset,
    IterableDataset,
    RandomSampler,
    SequentialSampler,
    Subset,
    SubsetRandomSampler,
    TensorDataset,
    WeightedRandomSampler,
    default_collate,
    default_convert,
    random_split,
)

Point = namedtuple("Point", "x y")


class Squares(Dataset):
    def __init__(self, n):
        self.n = n

    def __getitem__(self, i):
        return i, float(i * i)

    def __len__(self):
        return self.n


def lists(loader):
    return [[part.tolist() for part in batch] for batch in loader]


def pairs(n=10):
    return TensorDataset(rt.arange(n), rt.arange(n, dtype="float32").reshape(n, 1) * 10)


def test_tensor_dataset():
    data = pairs(4)
    assert len(data) == 4
    x, y = data[2]
    assert x.item() == 2 and y.tolist() == [20]
    a = np.arange(6.0).reshape(3, 2)
    shared = TensorDataset(a)
    a[0, 0] = 9
    assert shared[0][0].tolist() == [9, 1]
    with pytest.raises(ValueError, match="Size mismatch between tensors"):
        TensorDataset(rt.ones(3), rt.ones(4))


@pytest.mark.parametrize("drop_last", [False, True])
@pytest.mark.parametrize("size", [1, 3, 5, 10, 11])
def test_batches_in_order(size, drop_last):
    ours = DataLoader(pairs(), batch_size=size, drop_last=drop_last)
    other = torch.utils.data.TensorDataset(torch.arange(10), torch.arange(10.0).reshape(10, 1) * 10)
    theirs = torch.utils.data.DataLoader(other, batch_size=size, drop_last=drop_last)
    assert lists(ours) == lists(theirs) and len(ours) == len(theirs)
    assert lists(ours) == lists(ours)  # again from the start
    slow = DataLoader(Squares(10), batch_size=size, drop_last=drop_last)
    assert [b[0] for b in lists(slow)] == [b[0] for b in lists(ours)]


def test_batches_are_copies():
    data = pairs()
    batch = next(iter(DataLoader(data, batch_size=10)))
    batch[0][0] = 99
    assert data[0][0].item() == 0


def test_shuffle():
    rt.manual_seed(0)
    loader = DataLoader(pairs(), batch_size=4, shuffle=True)
    one, two = lists(loader), lists(loader)
    assert one != two
    for run in (one, two):
        numbers = [n for batch in run for n in batch[0]]
        assert sorted(numbers) == list(range(10))
        assert all(y == [x * 10] for batch in run for x, y in zip(*batch))
    g = rt.Generator().manual_seed(1)
    h = rt.Generator().manual_seed(1)
    assert lists(DataLoader(pairs(), 3, shuffle=True, generator=g)) == lists(DataLoader(pairs(), 3, True, generator=h))
    # the way through samples gives the same order as the way through index_select
    g.manual_seed(5)
    h.manual_seed(5)
    quick = [b[0] for b in lists(DataLoader(pairs(), 3, True, generator=g))]
    slow = [b[0] for b in lists(DataLoader(Squares(10), 3, True, generator=h))]
    assert quick == slow


def test_subsets():
    data = pairs()
    sub = Subset(Subset(data, [9, 8, 7, 6, 5]), [4, 0, 2])
    assert len(sub) == 3 and sub[1][0].item() == 9
    assert [b[0] for b in lists(DataLoader(sub, batch_size=2))] == [[5, 9], [7]]
    rt.manual_seed(1)
    parts = random_split(data, [0.5, 0.3, 0.2])
    assert [len(p) for p in parts] == [5, 3, 2]
    assert sorted(x.item() for p in parts for x, _ in p) == list(range(10))
    assert [len(p) for p in random_split(data, [7, 3])] == [7, 3]
    assert [len(p) for p in random_split(pairs(11), [0.5, 0.5])] == [6, 5]
    with pytest.raises(ValueError, match="does not equal the length"):
        random_split(data, [7, 4])
    assert [b[0] for b in lists(DataLoader(Subset(Squares(5), [4, 1]), batch_size=2))] == [[4, 1]]


def test_concatenation():
    data = Squares(3) + Squares(2) + Squares(4)
    assert len(data) == 9 and [data[i][0] for i in range(9)] == [0, 1, 2, 0, 1, 0, 1, 2, 3] and data[-1][0] == 3
    with pytest.raises(IndexError):
        data[9]
    with pytest.raises(ValueError, match="empty"):
        ConcatDataset([])


def test_iterable_dataset():
    class Count(IterableDataset):
        def __iter__(self):
            return iter(range(7))

    assert [b.tolist() for b in DataLoader(Count(), batch_size=3)] == [[0, 1, 2], [3, 4, 5], [6]]
    assert [b.tolist() for b in DataLoader(Count(), batch_size=3, drop_last=True)] == [[0, 1, 2], [3, 4, 5]]
    assert list(DataLoader(Count(), batch_size=None)) == list(range(7))
    with pytest.raises(ValueError, match="IterableDataset"):
        DataLoader(Count(), shuffle=True)


def test_single_samples():
    assert list(DataLoader(Squares(3), batch_size=None)) == [[0, 0.0], [1, 1.0], [2, 4.0]]
    x, y = next(iter(DataLoader(pairs(), batch_size=None)))
    assert x.item() == 0 and y.tolist() == [0]


@pytest.mark.parametrize(
    "batch",
    [
        [1, 2, 3],
        [1.5, 2.0],
        [True, False],
        ["a", "b"],
        [(1, 2.0), (3, 4.0)],
        [{"a": 1, "b": [2.0]}, {"a": 3, "b": [4.0]}],
        [np.ones(2), np.zeros(2)],
        [np.float32(1), np.float32(2)],
        [Point(1, 2), Point(3, 4)],
        [b"x"],
    ],
)
def test_collate(batch):
    def flat(value):
        if isinstance(value, dict):
            return {k: flat(v) for k, v in value.items()}
        if isinstance(value, (list, tuple)):
            return type(value)(*map(flat, value)) if hasattr(value, "_fields") else [flat(v) for v in value]
        return (value.tolist(), str(value.dtype).replace("torch.", "")) if hasattr(value, "tolist") else value

    assert flat(default_collate(batch)) == flat(torch.utils.data.default_collate(batch))


def test_collate_tensors_and_mistakes():
    assert default_collate([rt.ones(2), rt.zeros(2)]).tolist() == [[1, 1], [0, 0]]
    with pytest.raises(rt.ShapeMismatchError):
        default_collate([rt.ones(2), rt.ones(3)])
    with pytest.raises(RuntimeError, match="equal size"):
        default_collate([(1, 2), (1,)])
    with pytest.raises(TypeError, match="found <class 'object'>"):
        default_collate([object()])
    converted = default_convert({"a": np.ones(2), "b": ["x", 3]})
    assert isinstance(converted["a"], rt.Tensor) and converted["b"] == ["x", 3]


def test_collate_fn_and_getitems():
    class Many(Squares):
        def __getitems__(self, numbers):
            return [self[n] for n in reversed(numbers)]

    assert [b for b in DataLoader(Many(5), 2, collate_fn=lambda s: [x for x, _ in s])] == [
        [1, 0],
        [3, 2],
        [4],
    ]
    assert DataLoader(pairs(), 5, collate_fn=len).__iter__().__next__() == 5


def test_samplers():
    rt.manual_seed(0)
    assert list(SequentialSampler(range(4))) == [0, 1, 2, 3]
    assert sorted(RandomSampler(range(6))) == list(range(6))
    assert len(list(RandomSampler(range(3), replacement=True, num_samples=50))) == 50
    more = list(RandomSampler(range(3), num_samples=7))
    assert sorted(more[:3]) == sorted(more[3:6]) == [0, 1, 2] and len(more) == 7
    assert sorted(SubsetRandomSampler([3, 5, 7])) == [3, 5, 7]
    assert set(WeightedRandomSampler([0.0, 1.0, 0.0, 2.0], 40)) == {1, 3}
    assert list(BatchSampler(range(5), 2, False)) == [[0, 1], [2, 3], [4]] and len(BatchSampler(range(5), 2, True)) == 2
    loader = DataLoader(pairs(), batch_sampler=[[1, 2], [0]])
    assert [b[0] for b in lists(loader)] == [[1, 2], [0]] and len(loader) == 2
    assert [b[0] for b in lists(DataLoader(pairs(), 2, sampler=[4, 3, 9]))] == [[4, 3], [9]]

    class Odd(SequentialSampler):
        def __iter__(self):
            return iter(range(1, 10, 2))

        def __len__(self):
            return 5

    assert [b[0] for b in lists(DataLoader(Squares(10), 3, sampler=Odd(range(10))))] == [[1, 3, 5], [7, 9]]
    assert [b[0] for b in lists(DataLoader(pairs(), 3, sampler=Odd(range(10))))] == [[1, 3, 5], [7, 9]]


def test_mistakes():
    with pytest.raises(ValueError, match="non-negative"):
        DataLoader(pairs(), num_workers=-1)
    with pytest.raises(ValueError, match="mutually exclusive with shuffle"):
        DataLoader(pairs(), shuffle=True, sampler=[0])
    with pytest.raises(ValueError, match="mutually exclusive with batch_size"):
        DataLoader(pairs(), batch_size=2, batch_sampler=[[0]])
    with pytest.raises(ValueError, match="batch_size=0"):
        DataLoader(pairs(), batch_size=0)
    with pytest.raises(ValueError, match="num_workers > 0"):
        DataLoader(pairs(), timeout=3)
    with pytest.raises(ValueError, match="num_samples=0"):
        RandomSampler(range(3), num_samples=0)


def test_names():
    import rustorch.utils.data

    assert rustorch.utils.data.DataLoader is DataLoader is rt.data.DataLoader
    assert len(DataLoader(pairs(), batch_size=3).dataset) == 10


def test_modules_under_the_names_of_pytorch():
    from rustorch.utils.data.dataloader import DataLoader as Loader
    from rustorch.utils.data.dataset import IterableDataset as Iterable
    from rustorch.utils.data.distributed import DistributedSampler
    from rustorch.utils.data.sampler import Sampler

    assert Loader is DataLoader and Iterable is IterableDataset
    assert DistributedSampler is rt.data.DistributedSampler and Sampler is rt.data.Sampler
