"""The same bits for any number of threads: every row, module and optimiser, forward and backward, dropout and
drawing of numbers included; and the same order of batches for any number of a loader's workers."""
import numpy as np
import pytest
from hostile import specimens
from table import rows as table

import rustorch as rt

THREADS = (1, 2, 3, 4)
GROUPS = (specimens.images, specimens.layers, specimens.orders, specimens.algebra, specimens.sparse)
SCALE, ROWS = 24, 8000            # large enough that loops are cut
ELEMENTS = 70_001


@pytest.fixture(autouse=True)
def threads_as_before():
    before = rt.get_num_threads()
    yield
    rt.set_num_threads(before)


def bits(tensors):
    return [t.detach().contiguous().numpy().tobytes() for t in tensors]


def differing(compute):
    """For which numbers of threads compute() gives other bits than for one."""
    results = []
    for threads in THREADS:
        rt.set_num_threads(threads)
        results.append(bits(compute()))
    return [threads for threads, result in zip(THREADS, results, strict=True) if result != results[0]]


@pytest.mark.parametrize("group", GROUPS, ids=lambda group: group.__name__)
def test_rows(group):
    wrong = []
    for number, (name, args, keywords) in enumerate(group(specimens.Maker(SCALE, ROWS))):
        if name.endswith("_"):
            continue                 # in place: twice is not once
        def compute(name=name, args=args, keywords=keywords):
            fresh = [t.clone() if isinstance(t, rt.Tensor) and not t.requires_grad else t for t in args]
            return specimens.run(name, fresh, keywords, order=1)
        found = differing(compute)
        if found:
            wrong.append((number, name, found))
    assert not wrong


def test_elementwise_rows():
    wrong = []
    for row in table.ELEMENTWISE:
        dtype = next((d for d in ("float32", "complex64", "int64") if d in table.dtypes(row)), None)
        if dtype is None:
            continue
        inputs = table.tensors(table.sample(row, dtype, (ELEMENTS,)), dtype, grad=True)

        def compute(row=row, inputs=inputs):
            out = table.function(row)(*inputs, *table.parameters(row))
            leaves = [t for i, t in enumerate(inputs) if t.requires_grad and table.has_rule(row, i)]
            if not out.requires_grad or len(leaves) < sum(t.requires_grad for t in inputs):
                return [out]
            grads = rt.autograd.grad(out, leaves, rt.ones_like(out), allow_unused=True)
            return [out, *(g for g in grads if g is not None)]
        found = differing(compute)
        if found:
            wrong.append((row["name"], found))
    assert not wrong


def test_modules():
    wrong = [(name, found) for name, module, x in specimens.modules(2000)
             if (found := differing(lambda module=module, x=x: specimens.run_module(module, x)))]
    assert not wrong


@pytest.mark.parametrize("name", specimens.OPTIMIZERS)
def test_optimizers(name):
    scale = 60 if name == "Muon" else 10_000
    assert not differing(lambda: specimens.train(name, specimens.OPTIMIZERS[name], scale=scale))


def test_random_numbers():
    def compute():
        rt.manual_seed(11)
        big = (ELEMENTS,)
        return [rt.rand(big), rt.randn(big), rt.randint(0, 1000, big), rt.randperm(ELEMENTS),
                rt.empty(big).exponential_(), rt.empty(big).cauchy_(), rt.empty(big).log_normal_(),
                rt.empty(big).geometric_(0.3), rt.bernoulli(rt.full(big, 0.3)), rt.multinomial(rt.ones(50, 100), 20),
                rt.nn.init.xavier_normal_(rt.empty(300, 301))]
    assert not differing(compute)


@pytest.mark.parametrize("shuffle", [False, True])
def test_batches_for_any_number_of_workers(shuffle):
    data = rt.data.TensorDataset(rt.from_numpy(np.arange(3000.0).reshape(1000, 3)), rt.arange(1000))
    seen = []
    for workers in (0, 1, 2, 3):
        draw = rt.Generator().manual_seed(4)
        loader = rt.data.DataLoader(data, 32, shuffle=shuffle, num_workers=workers, generator=draw)
        seen.append([bits(batch) for batch in loader])
    assert seen.count(seen[0]) == 4 and len(seen[0]) == 32
