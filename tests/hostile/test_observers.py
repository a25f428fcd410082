"""Observers of ops: they see each op once, with its arguments; what they do or raise does no harm."""

import threading

import pytest

import rustorch as rt
from rustorch import _C


def seen(run, **options):
    events = []
    with _C.Observer(after=events.append, **options):
        run()
    return events


def test_an_op_is_seen_with_its_arguments_and_results():
    x, y = rt.ones(2, 3), rt.zeros(2, 3)
    (event,) = seen(lambda: rt.cat([x, y], dim=1))
    assert event.name == "cat" and event.kind == "op" and not event.failed
    assert [t is s for t, s in zip(event.inputs, (x, y))] == [True, True]
    assert event.arguments["dim"] == 1 and event.arguments["tensors"] == event.inputs
    assert event.outputs[0].shape == (2, 6)
    assert event.stop_ns >= event.start_ns and event.thread == threading.get_ident()


@pytest.mark.parametrize(
    "run, name, arguments",
    [
        (lambda x: x.sum(dim=(0, 1), keepdim=True), "sum", {"dim": (0, 1), "keepdim": True, "dtype": None}),
        (lambda x: x.sum(), "sum", {"dim": None, "keepdim": False}),
        (lambda x: x * 2.5, "mul", {"y": 2.5}),
        (lambda x: x + True, "add", {"y": True}),
        (lambda x: x + 3, "add", {"y": 3}),
        (lambda x: x + 2j, "add", {"y": 2j}),
        (lambda x: x.softmax(dim=1), "softmax", {"dim": 1}),
        (lambda x: x.reshape(3, 2), "reshape", {"shape": (3, 2)}),
    ],
)
def test_arguments_have_the_names_of_the_signature(run, name, arguments):
    (event,) = seen(lambda: run(rt.ones(2, 3)))
    assert event.name == name
    for key, value in arguments.items():
        assert event.arguments[key] == value and type(event.arguments[key]) is type(value)


def test_every_row_can_be_shown():
    """Arguments are decoded for whatever a row takes; None for an optional tensor."""
    x, w = rt.randn(2, 3), rt.randn(4, 3)
    (event,) = seen(lambda: rt.nn.functional.linear(x, w))
    assert event.arguments["bias"] is None and event.inputs[2] is None
    (event,) = seen(lambda: x.to(rt.float64))
    assert event.arguments["dtype"] == rt.float64


def test_in_place_and_out_are_told_from_fresh_results():
    x = rt.ones(3)
    (event,) = seen(lambda: x.add_(1))
    assert event.given == (True,) and event.outputs[0] is x
    out = rt.empty(3)
    (event,) = seen(lambda: rt.add(x, x, out=out))
    assert event.given == (True,) and event.outputs[0] is out
    before = []
    with _C.Observer(before=before.append):
        x.mul_(2)
    assert before[0].outputs[0] is x and before[0].start_ns is None


def test_a_failure_is_seen_and_stays_what_it_was():
    events = []
    with _C.Observer(after=events.append), pytest.raises(rt.ShapeMismatchError):
        rt.ones(2) + rt.ones(3)
    assert events[0].failed and events[0].outputs == ()


def test_parts_of_a_composition_and_of_a_backward_pass_are_marked():
    x = rt.randn(4, requires_grad=True)
    events = seen(lambda: (x.exp() * x).std().backward(), kinds=("op", "node", "backward"))
    forward = [e.name for e in events if e.kind == "op" and not e.in_op and not e.in_backward]
    assert forward == ["exp", "mul", "std"]
    nodes = [e for e in events if e.kind == "node"]
    assert [e.node.name() for e in nodes] == ["StdBackward0", "MulBackward0", "ExpBackward0"]
    assert all(e.in_backward == 1 for e in nodes)
    assert [e.name for e in events if e.kind == "backward"] == ["backward"]
    assert any(e.in_backward for e in events if e.kind == "op")


def test_modules_and_ranges_are_events():
    net = rt.nn.Sequential(rt.nn.Linear(3, 2), rt.nn.ReLU())

    def run():
        with _C.Range("part"):
            net(rt.ones(1, 3))

    events = seen(run, kinds=("module", "range"))
    assert [e.name for e in events] == [net[0], net[1], net, "part"]
    assert [e.depth for e in events] == [2, 2, 1, 0]


@pytest.mark.parametrize("when", ["before", "after"])
def test_what_an_observer_raises_fails_the_op(when):
    x = rt.ones(3)

    def refuse(event):
        raise KeyError(event.name)

    with _C.Observer(**{when: refuse}):
        with pytest.raises(KeyError, match="exp"):
            x.exp()
        with pytest.raises(KeyError, match="linear"):
            rt.nn.Linear(3, 3)(x)
    assert (x + 1).tolist() == [2, 2, 2]


def test_what_an_observer_computes_is_not_observed():
    x, results = rt.ones(3), []
    with _C.Observer(after=lambda event: results.append(event.outputs[0] * 2)):
        x + x
    assert [r.tolist() for r in results] == [[4, 4, 4]]


def test_observers_may_come_and_go_while_they_are_told():
    x, names = rt.ones(3), []
    other = _C.Observer(after=lambda event: names.append("other"))

    def after(event):
        names.append(event.name)
        other.start()
        first.stop()

    first = _C.Observer(after=after)
    first.start()
    x + x
    x * x
    other.stop()
    x - x
    assert names == ["add", "other"]


def test_one_thread_or_all():
    x = rt.ones(3)

    def run():
        thread = threading.Thread(target=lambda: x + x)
        thread.start()
        thread.join()

    assert seen(run) == []
    (event,) = seen(run, all_threads=True)
    assert event.thread != threading.get_ident()


def test_threads_and_observers_at_once():
    x, stop, errors = rt.ones(100), threading.Event(), []

    def work():
        try:
            while not stop.is_set():
                with _C.Observer(after=lambda event: None, all_threads=True):
                    (x + x).sum()
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(200):
        with _C.Observer(after=lambda event: None):
            x * x
    stop.set()
    for thread in threads:
        thread.join()
    assert not errors and seen(lambda: None) == []


def test_wrong_arguments_are_refused():
    with pytest.raises(TypeError, match="callable"):
        _C.Observer(after=3)
    with pytest.raises(ValueError, match="kinds"):
        _C.Observer(kinds=("ops",))
    observer = _C.Observer()
    observer.stop()
    observer.start()
    with pytest.raises(RuntimeError, match="once"):
        observer.start()
    observer.stop()
