"""DataLoader with workers: threads for arrays, processes for Python datasets; order, seeds, options."""

import multiprocessing
import pickle
import threading

import numpy as np
import pytest
import torch
from compat import loading_samples as samples

import rustorch as rt
from rustorch.data import DataLoader, StackDataset, Subset, TensorDataset

WORKERS = (0, 1, 2, 4)
pytestmark = pytest.mark.filterwarnings("ignore:This DataLoader will create")


def plain(value):
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    return value.tolist() if hasattr(value, "tolist") else value


def arrays(n=50):
    return np.arange(n * 6, dtype="float32").reshape(n, 2, 3), np.arange(n)


# ---- arrays ----


@pytest.mark.parametrize("workers", WORKERS)
@pytest.mark.parametrize("drop_last", [False, True])
def test_arrays_in_order(workers, drop_last):
    x, y = arrays()
    ours = DataLoader(TensorDataset(x, y), 8, num_workers=workers, drop_last=drop_last)
    theirs = torch.utils.data.DataLoader(
        torch.utils.data.TensorDataset(torch.tensor(x), torch.tensor(y)), 8, drop_last=drop_last
    )
    for _ in range(2):
        assert plain(list(ours)) == plain(list(theirs))
    assert len(ours) == len(theirs) == len(iter(ours))


def sources():
    x, y = arrays()
    mapped = np.memmap(multiprocessing.util.get_temp_dir() + "/rows", dtype="float32", mode="w+", shape=(50, 3))
    mapped[:] = np.arange(150).reshape(50, 3)
    data = TensorDataset(x, y)
    yield "tensors", data
    yield "subset", Subset(Subset(data, range(10, 50)), [3, 1, 38, -1])
    yield "array", y.astype("int16")
    yield "tensor", rt.tensor(x)
    yield "mapped file", mapped
    yield "read-only", np.memmap(mapped.filename, dtype="float32", mode="r", shape=(50, 3))
    yield "strided", TensorDataset(x.transpose(0, 2, 1), y[::-1], rt.tensor(x).permute(2, 1, 0).permute(2, 1, 0))
    yield "stack", StackDataset(a=data, b=y, c=StackDataset(x, mapped))
    yield "empty rows", TensorDataset(np.zeros((50, 0)), np.zeros(50, dtype=bool))
    yield "bfloat16", TensorDataset(rt.tensor(x).to(rt.bfloat16))
    yield "complex", TensorDataset(y * (1 + 2j))


SOURCES = list(sources())


@pytest.mark.parametrize(("name", "data"), SOURCES, ids=[n for n, _ in SOURCES])
def test_gathered_batches_are_what_samples_collate_to(name, data):
    slow = DataLoader(data, 7, collate_fn=lambda s: rt.data.default_collate(s))
    for workers in (0, 2):
        fast = DataLoader(data, 7, num_workers=workers)
        assert fast._source() is not None and slow._source() is None
        for a, b in zip(fast, slow, strict=True):
            assert plain(a) == plain(b)
            assert str(a) == str(b)


def test_gradients_flow_through_gathered_batches():
    w = rt.ones(6, 2, requires_grad=True)
    for batch in DataLoader(TensorDataset(w), 4, num_workers=1):
        (batch[0] * 2).sum().backward()
    assert w.grad.tolist() == [[2, 2]] * 6


@pytest.mark.parametrize("workers", [0, 2])
def test_own_samplers_over_arrays(workers):
    x, y = arrays()

    class Endless:
        def __iter__(self):
            n = 0
            while True:
                yield n % 50
                n += 7

    it = iter(DataLoader(TensorDataset(x, y), 3, sampler=Endless(), num_workers=workers))
    assert [next(it)[1].tolist() for _ in range(3)] == [[0, 7, 14], [21, 28, 35], [42, 49, 6]]
    odd = [[5, -1], [3], [0, 1, 2]]
    batches = DataLoader(TensorDataset(x, y), batch_sampler=odd, num_workers=workers)
    assert [b[1].tolist() for b in batches] == [[5, 49], [3], [0, 1, 2]]
    with pytest.raises(IndexError, match="number 50 is out of range for 50 rows"):
        list(DataLoader(TensorDataset(x, y), 2, sampler=[1, 50], num_workers=workers))


def test_threads_end():
    before = set(threading.enumerate())
    x, y = arrays(1000)
    for _ in range(3):
        it = iter(DataLoader(TensorDataset(x, y), 2, num_workers=3))
        next(it)
        del it
    for thread in set(threading.enumerate()) - before:
        thread.join(10)
        assert not thread.is_alive()


# ---- the same order and the same random numbers, however many workers ----


@pytest.mark.parametrize("make", [lambda: TensorDataset(*arrays(60)), lambda: samples.Images(60, 5)])
def test_order_does_not_depend_on_workers(make):
    runs = []
    for workers in WORKERS:
        rt.manual_seed(3)
        loader = DataLoader(make(), 7, shuffle=True, num_workers=workers)
        runs.append([plain(list(loader)) for _ in range(2)] + [rt.rand(3).tolist()])
    assert all(run == runs[0] for run in runs)
    assert runs[0][0] != runs[0][1]


def test_random_samples_do_not_depend_on_workers():
    runs = {}
    for workers in WORKERS:
        g = rt.Generator().manual_seed(5)
        loader = DataLoader(samples.Noise(), 4, shuffle=True, num_workers=workers, generator=g)
        runs[workers] = [plain(list(loader)) for _ in range(2)]
    ours = {n: [[batch[:2] for batch in one] for one in run] for n, run in runs.items()}
    assert all(run == ours[0] for run in ours.values())
    assert runs[1] == runs[2] == runs[4]  # Python's and NumPy's, too, in worker processes
    assert ours[0][0] != ours[0][1]
    flat = [value for batch in runs[2][0] for row in batch[1] for value in row]
    assert len(set(flat)) == len(flat)


def test_persistent_workers_draw_the_same_numbers():
    runs = []
    for persistent in (False, True):
        rt.manual_seed(9)
        loader = DataLoader(samples.Noise(), 4, num_workers=2, persistent_workers=persistent)
        runs.append([plain(list(loader)) for _ in range(3)])
    assert runs[0] == runs[1]


def test_our_generator_goes_on_as_if_nothing_were_drawn():
    runs = []
    for foreign in (False, None):
        rt.manual_seed(1)
        it = iter(DataLoader(samples.Noise(foreign=bool(foreign)), 4))
        if foreign is False:
            list(it)
        runs.append(rt.rand(3).tolist())
    assert runs[0] == runs[1]


# ---- processes ----


@pytest.mark.parametrize("workers", [1, 2, 4])
def test_batches_of_python_datasets(workers):
    expected = plain(list(DataLoader(samples.Images(), 6)))
    loader = DataLoader(samples.Images(), 6, num_workers=workers)
    for _ in range(2):
        assert plain(list(loader)) == expected
    kept = list(loader)  # all batches at once, each on its own memory
    kept[0]["x"][0, 0] = -7.0
    assert kept[0]["a"].dtype == "int16" and kept[1]["x"][0, 0].item() == 6.0
    assert [b["name"] for b in kept][1][0] == "image 6"


@pytest.mark.parametrize("method", ["spawn", "forkserver", "fork"])
def test_ways_of_starting(method):
    loader = DataLoader(samples.Images(12), 4, num_workers=2, multiprocessing_context=method)
    assert plain(list(loader)) == plain(list(DataLoader(samples.Images(12), 4)))
    arrays_too = DataLoader(TensorDataset(*arrays(12)), 4, num_workers=1, multiprocessing_context=method)
    assert plain(list(arrays_too)) == plain(list(DataLoader(TensorDataset(*arrays(12)), 4)))


def test_workers_know_themselves():
    rt.manual_seed(0)
    loader = DataLoader(samples.Which(), 2, num_workers=3)
    batches = plain(list(loader))
    assert [b[1] for b in batches] == [[n % 3] * 2 for n in range(6)]
    seeds = {b[1][0]: b[2][0] for b in batches}
    assert seeds[1] == seeds[0] + 1 and seeds[2] == seeds[0] + 2
    assert rt.data.get_worker_info() is None
    loader = DataLoader(samples.Which(), 2, num_workers=2, persistent_workers=True)
    assert {p for b in plain(list(loader)) for p in b[3]} == {p for b in plain(list(loader)) for p in b[3]}


def test_worker_init_fn():
    loader = DataLoader(samples.Noted(), 1, num_workers=2, worker_init_fn=samples.note)
    assert plain(list(loader)) == [[100], [101], [100], [101]]
    with pytest.raises(OSError, match="no data for worker 0"):
        list(DataLoader(samples.Noted(), num_workers=2, worker_init_fn=samples.fails))


@pytest.mark.parametrize("workers", WORKERS)
def test_iterable_datasets(workers):
    for persistent in {False, workers > 0}:
        loader = DataLoader(samples.Count(), 3, num_workers=workers, persistent_workers=persistent)
        reference = torch.utils.data.DataLoader(Foreign(samples.Count()), 3, num_workers=0)
        for _ in range(2):
            batches = plain(list(loader))
            assert sorted(n for b in batches for n in b) == list(range(20))
            if workers <= 1:
                assert batches == plain(list(reference))
    single = DataLoader(samples.Count(5), batch_size=None, num_workers=workers)
    assert sorted(single) == list(range(5))
    short = DataLoader(samples.Count(), 3, num_workers=workers, drop_last=True)
    assert all(len(b) == 3 for b in short)
    runs = [plain(list(DataLoader(samples.Count(), 3, num_workers=workers))) for _ in range(3)]
    assert runs[0] == runs[1] == runs[2]


class Foreign(torch.utils.data.IterableDataset):
    def __init__(self, data):
        self.data = data

    def __iter__(self):
        return iter(self.data)


def test_more_samples_than_promised():
    loader = DataLoader(samples.Promise(5), batch_size=None, num_workers=1)
    assert len(loader) == 3
    with pytest.warns(UserWarning, match="reported to be 3"):
        list(loader)


def test_order_of_arrival():
    for data in (samples.Images(30, 4), TensorDataset(*arrays(30))):
        loader = DataLoader(data, 3, num_workers=3, in_order=False, prefetch_factor=3)
        batches = [plain(b) for b in loader]
        key = "n" if isinstance(data, samples.Images) else 1
        assert sorted(n for b in batches for n in b[key]) == list(range(30))


def test_single_samples_and_own_collation():
    loader = DataLoader(samples.Images(5, 2), batch_size=None, num_workers=2)
    assert [s["n"] for s in loader] == [0, 1, 2, 3, 4]
    loader = DataLoader(samples.Images(5, 2), 2, collate_fn=samples.keep, num_workers=2)
    assert [[s["n"] for s in b] for b in loader] == [[0, 1], [2, 3], [4]]


def test_what_a_batch_may_hold():
    class Zoo(rt.data.Dataset):
        things = [
            rt.ones(3).to(rt.bfloat16), rt.ones(0, 2), rt.tensor(3.0), rt.ones(2, requires_grad=True),
            rt.arange(6000).reshape(60, 100).T, np.ones((70, 70), dtype="complex64"), "text" * 9000, None,
            {"a": [rt.ones(9999)]},
        ]  # fmt: skip

        def __len__(self):
            return len(self.things)

        def __getitem__(self, i):
            return self.things[i]

    got = [b[0] for b in DataLoader(Zoo(), 1, collate_fn=samples.keep, num_workers=1)]
    for a, b in zip(got, Zoo.things, strict=True):
        assert plain(a) == plain(b) and type(a) is type(b)
    assert got[0].dtype == rt.bfloat16 and got[3].requires_grad and got[5].flags.writeable


# ---- options ----


def test_options_that_exclude_each_other():
    data = samples.Images(4)
    for error, match, options in [
        (ValueError, "num_workers > 0", dict(persistent_workers=True)),
        (ValueError, "prefetch_factor", dict(prefetch_factor=2)),
        (ValueError, "prefetch_factor", dict(prefetch_factor=-1, num_workers=1)),
        (ValueError, "timeout option should be non-negative", dict(timeout=-1)),
        (ValueError, "num_workers > 0", dict(multiprocessing_context="spawn")),
        (ValueError, "valid start method", dict(multiprocessing_context="thread", num_workers=1)),
        (TypeError, "valid context object", dict(multiprocessing_context=3, num_workers=1)),
        (ValueError, "mutually exclusive", dict(batch_size=None, drop_last=True)),
        (ValueError, "mutually exclusive", dict(batch_sampler=[[0]], shuffle=True)),
    ]:
        with pytest.raises(error, match=match):
            DataLoader(data, **options)
        if "timeout" not in options:
            with pytest.raises(error):
                torch.utils.data.DataLoader(data, **options)
    loader = DataLoader(data)
    for name in ("batch_size", "sampler", "dataset", "drop_last", "batch_sampler", "persistent_workers"):
        with pytest.raises(ValueError, match=f"{name} attribute should not be set"):
            setattr(loader, name, 1)
    loader.num_workers = 0
    with pytest.raises(NotImplementedError, match="cannot be pickled"):
        pickle.dumps(iter(loader))
    with pytest.warns(UserWarning, match="suggested max number"):
        DataLoader(data, num_workers=500)


def test_batches_without_shuffle_option_of_none_batch_size():
    assert sorted(s["n"] for s in DataLoader(samples.Images(4, 1), batch_size=None, shuffle=True)) == [0, 1, 2, 3]


# ---- datasets and samplers ----


def test_stack_and_chain():
    stack = StackDataset(samples.Images(4, 1), [5, 6, 7, 8])
    assert stack[2][1] == 7 and len(stack) == 4
    assert [s[1] for s in stack.__getitems__([3, 0])] == [8, 5]
    with pytest.raises(ValueError, match="At least one"):
        StackDataset()
    with pytest.raises(ValueError, match="not both"):
        StackDataset([1], a=[1])
    with pytest.raises(ValueError, match="Size mismatch"):
        StackDataset([1], [1, 2])

    class Wrong(rt.data.Dataset):
        def __len__(self):
            return 2

        def __getitems__(self, numbers):
            return []

    with pytest.raises(ValueError, match="output size mismatch"):
        StackDataset(Wrong()).__getitems__([0])
    chain = samples.Count(3) + samples.Count(2)
    assert list(chain) == [0, 1, 2, 0, 1] == list(rt.data.ChainDataset([samples.Count(3), samples.Count(2)]))
    with pytest.raises(TypeError, match="only supports IterableDataset"):
        list(rt.data.ChainDataset([[1]]))


@pytest.mark.parametrize("drop_last", [False, True])
@pytest.mark.parametrize("length", [10, 11, 2])
def test_distributed_sampler(length, drop_last):
    seen = []
    for rank in range(3):
        ours = rt.data.DistributedSampler(range(length), 3, rank, shuffle=False, drop_last=drop_last)
        theirs = torch.utils.data.DistributedSampler(range(length), 3, rank, shuffle=False, drop_last=drop_last)
        assert list(ours) == list(theirs) and len(ours) == len(theirs)
        mixed = rt.data.DistributedSampler(range(length), 3, rank, seed=4, drop_last=drop_last)
        first = list(mixed)
        mixed.set_epoch(1)
        seen.append((first, list(mixed)))
    if not drop_last:
        assert {n for part, _ in seen for n in part} == set(range(length))
    with pytest.raises(ValueError, match="Invalid rank 3"):
        rt.data.DistributedSampler(range(3), 3, 3)
    with pytest.raises(RuntimeError, match="num_replicas"):
        rt.data.DistributedSampler(range(3))


def test_collation_keeps_containers():
    from collections import OrderedDict, UserList, defaultdict

    batch = [OrderedDict(b=1, a=2), OrderedDict(b=3, a=4)]
    assert type(rt.data.default_collate(batch)) is OrderedDict
    assert type(rt.data.default_collate([defaultdict(int, a=1)])) is defaultdict
    assert isinstance(rt.data.default_collate([UserList([1, 2])]), UserList)
    assert isinstance(rt.data.default_convert(UserList([np.ones(1), 2])), UserList)
    assert isinstance(rt.data.default_collate([(1, 2), (3, 4)]), list)
    assert rt.data.default_collate(["a", "b"]) == ["a", "b"]


def test_generic_classes():
    class Own(rt.data.Dataset[int]):
        pass

    assert rt.data.Sampler[int] and rt.data.DataLoader[int] and issubclass(Own, rt.data.Dataset)
    with pytest.warns(UserWarning, match="Length of split at index 1 is 0"):
        rt.data.random_split(range(1), [0.5, 0.5])
    with pytest.raises(ValueError, match="Fraction at index 0"):
        rt.data.random_split(range(3), [-0.5, 1.5])
