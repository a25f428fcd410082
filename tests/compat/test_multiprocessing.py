"""Tensors shared between processes."""
import copy
import multiprocessing
import os

import pytest

import rustorch as rt
import rustorch.multiprocessing as mp


def add_one(number, tensor, lock):
    with lock:
        tensor[number] += 1 + number


def double(inbox, outbox):
    for tensor in iter(inbox.get, None):
        tensor *= 2
        outbox.put(str(tensor.dtype))


def train(number, net):
    x = rt.ones(1, 2)
    with rt.no_grad():
        net.weight[0] += net(x).sum() * 0 + number + 1
        net.bias.fill_(7)


def fail(number, how):
    if number == 1 and how == "raise":
        raise KeyError("lost")
    if number == 1:
        os._exit(3)


def test_in_place():
    t = rt.arange(6.0).reshape(2, 3)
    assert not t.is_shared() and t.share_memory_() is t and t.is_shared() and t[1:].is_shared()
    assert t.tolist() == [[0, 1, 2], [3, 4, 5]] and t.share_memory_() is t
    assert not t.clone().is_shared() and not copy.deepcopy(t).is_shared()
    p = rt.nn.Parameter(rt.ones(3, dtype=rt.bfloat16))
    assert p.share_memory_().is_shared() and p.requires_grad and p.dtype == rt.bfloat16
    (p.float() * 2).sum().backward()
    assert p.grad.tolist() == [2, 2, 2]
    assert rt.empty(0).share_memory_().tolist() == []
    with pytest.raises(RuntimeError, match="leaves"):
        (rt.ones(2, requires_grad=True) * 2).share_memory_()


def test_memory_goes_with_the_last_tensor():
    def descriptors():
        return len(os.listdir("/proc/self/fd"))

    before = descriptors()
    tensors = [rt.ones(10).share_memory_() for _ in range(20)]
    assert descriptors() >= before + 20
    view = tensors[3][2:]
    del tensors
    assert view.is_shared() and view.sum() == 8
    del view
    assert descriptors() == before


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_children_write(method):
    t = rt.zeros(3).share_memory_()
    lock = multiprocessing.get_context(method).Lock()
    mp.spawn(add_one, (t, lock), nprocs=3, start_method=method)
    assert t.tolist() == [1, 2, 3]


def test_queue_shares_what_it_brings():
    context = mp.get_context("spawn")
    inbox, outbox = context.Queue(), context.Queue()
    worker = context.Process(target=double, args=(inbox, outbox))
    worker.start()
    tensors = [rt.ones(4), rt.arange(6).reshape(2, 3).t()[1:], rt.ones(3, dtype=rt.bfloat16)]
    for tensor in tensors:
        inbox.put(tensor)
    kinds = [outbox.get(timeout=60) for _ in tensors]
    inbox.put(None)
    worker.join(60)
    assert worker.exitcode == 0 and kinds == ["float32", "int64", "bfloat16"]
    assert [t.tolist() for t in tensors] == [[2] * 4, [[2, 8], [4, 10]], [2] * 3]


def test_network():
    net = rt.nn.Linear(2, 1)
    with rt.no_grad():
        net.weight.zero_()
    assert net.share_memory() is net and all(p.is_shared() for p in net.parameters())
    mp.spawn(train, (net,), nprocs=1)
    assert net.weight.tolist() == [[1, 1]] and net.bias.tolist() == [7]


def test_graphs_stay_here():
    from multiprocessing.reduction import ForkingPickler
    with pytest.raises(RuntimeError, match="non-leaf"):
        ForkingPickler.dumps(rt.ones(2, requires_grad=True) * 2)


@pytest.mark.parametrize("how, kind", [("raise", mp.ProcessRaisedException), ("exit", mp.ProcessExitedException)])
def test_failures_are_told(how, kind):
    with pytest.raises(kind, match="lost" if how == "raise" else "exit code 3") as info:
        mp.spawn(fail, (how,), nprocs=2, start_method="fork")
    assert info.value.error_index == 1


def test_names():
    import torch.multiprocessing as theirs
    assert [n for n in theirs.__all__ if not hasattr(mp, n)] == []
    assert mp.get_sharing_strategy() in mp.get_all_sharing_strategies()
    with pytest.raises(AssertionError):
        mp.set_sharing_strategy("pigeon")
