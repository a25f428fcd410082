"""The profiler: what it counts, its times and memory, its table, its trace, schedules; PyTorch's names for them."""

import gc
import gzip
import json
import threading

import pytest
import torch

import rustorch as rt
from rustorch.profiler import ProfilerAction, ProfilerActivity, profile, record_function, schedule


def model():
    return rt.nn.Sequential(rt.nn.Linear(8, 16), rt.nn.ReLU(), rt.nn.Sequential(rt.nn.Linear(16, 4)))


def run(net, times=1):
    for _ in range(times):
        net.zero_grad()
        net(rt.ones(5, 8)).sum().backward()


def recorded(action, **options):
    with profile(**options) as prof:
        action()
    return prof


def test_every_op_is_counted_once():
    x = rt.ones(3)

    def work():
        for _ in range(7):
            x + x
        x.exp()

    counts = {row.key: row.count for row in recorded(work).key_averages()}
    assert counts == {"add": 7, "exp": 1}


def test_the_same_ops_as_pytorch_sees():
    def work(lib):
        a = lib.ones(4, 4, requires_grad=True)
        (a @ a).relu().sum().backward()

    prof = recorded(lambda: work(rt))
    with torch.profiler.profile() as theirs:
        work(torch)
    names = {event.name for event in theirs.events()}
    for ours, their in [("matmul", "aten::matmul"), ("relu", "aten::relu"), ("sum", "aten::sum")]:
        assert their in names and any(event.name == ours for event in prof.events())
    forward = [event.name for event in prof.events() if event.depth == 0]
    assert forward == ["matmul", "relu", "sum", "backward"]
    assert {e.name for e in prof.events() if e.kind == "node"} == {"MatmulBackward0", "ReluBackward0", "SumBackward0"}


def test_attributes_have_pytorchs_names():
    event = recorded(lambda: run(model())).events()[0]
    average = recorded(lambda: run(model())).key_averages()[0]
    with torch.profiler.profile() as theirs:
        torch.ones(3) + 1
    for name in ("name", "key", "cpu_time_total", "self_cpu_time_total", "cpu_memory_usage", "self_cpu_memory_usage",
                 "count", "cpu_children", "cpu_parent", "time_range", "thread", "input_shapes", "sequence_nr", "stack",
                 "id"):  # fmt: skip
        assert hasattr(theirs.events()[0], name) and hasattr(event, name), name
    for name in ("key", "count", "cpu_time_total", "self_cpu_time_total", "cpu_time", "input_shapes"):
        assert hasattr(theirs.key_averages()[0], name) and hasattr(average, name), name


def test_events_nest_and_times_add_up():
    prof = recorded(lambda: run(model(), 3))
    for event in prof.events():
        inside = sum(child.cpu_time_total for child in event.cpu_children)
        assert event.self_cpu_time_total == pytest.approx(event.cpu_time_total - inside, abs=1e-6)
        assert event.self_cpu_time_total >= -1e-6
        for child in event.cpu_children:
            assert child.cpu_parent is event
            assert event.time_range.start <= child.time_range.start <= child.time_range.end <= event.time_range.end
    roots = sum(event.cpu_time_total for event in prof.events().roots())
    assert prof.key_averages().self_cpu_time_total == pytest.approx(roots)


def test_modules_have_their_paths():
    names = [e.name for e in recorded(lambda: run(model())).events() if e.kind == "module"]
    called = ["Sequential", "0 (Linear)", "1 (ReLU)", "2 (Sequential)", "2.0 (Linear)"]
    assert names == [f"nn.Module: {module}" for module in called]


def test_shapes_and_dtypes():
    x, y = rt.ones(2, 3), rt.ones(3, 4, dtype=rt.float64).to(rt.float32)
    (event,) = recorded(lambda: rt.matmul(x, y)).events()
    assert event.input_shapes == [(2, 3), (3, 4)] and event.output_shapes == [(2, 4)]
    assert event.input_dtypes == ["float32", "float32"]
    (event,) = recorded(lambda: x * 2.0).events()
    assert event.input_shapes == [(2, 3), ()] and event.input_dtypes == ["float32", "float"]
    (event,) = recorded(lambda: x * 2.0, record_shapes=False).events()
    assert event.input_shapes == []
    groups = recorded(lambda: (x + x, y + y, x + x)).key_averages(group_by_input_shape=True)
    counts = {tuple(row.input_shapes): row.count for row in groups}
    assert counts == {((2, 3), (2, 3)): 2, ((3, 4), (3, 4)): 1}


def test_memory_taken_and_given_back():
    kept = []

    def work():
        with record_function("outer"):
            kept.append(rt.ones(1000).exp())

    events = {event.name: event for event in recorded(work).events()}
    assert 4000 <= events["exp"].cpu_memory_usage < 4300
    assert events["outer"].cpu_memory_usage == pytest.approx(events["exp"].cpu_memory_usage, abs=300)
    assert events["outer"].self_cpu_memory_usage == events["outer"].cpu_memory_usage - events["exp"].cpu_memory_usage
    assert all(e.cpu_memory_usage == 0 for e in recorded(work, profile_memory=False).events())


def test_flops():
    a, b = rt.ones(3, 4), rt.ones(4, 5)
    image, weight = rt.ones(1, 2, 8, 8), rt.ones(6, 2, 3, 3)

    def work():
        a @ b
        rt.nn.functional.conv2d(image, weight)
        a + a

    flops = {event.name: event.flops for event in recorded(work, with_flops=True).events() if event.depth == 0}
    assert flops == {"matmul": 2 * 3 * 4 * 5, "convolution": 2 * 6 * 6 * 6 * 2 * 9, "add": 12}
    assert "MFLOPs" in recorded(work, with_flops=True).key_averages().table()


def test_table():
    table = recorded(lambda: run(model(), 2)).key_averages().table(sort_by="cpu_time_total", row_limit=4)
    lines = table.splitlines()
    for column in ("Name", "Self CPU %", "Self CPU", "CPU total", "CPU time avg", "# of Calls"):
        assert column in lines[1]
    assert len({len(line) for line in lines[:8]}) == 1 and "more rows" in table and "Self CPU time total" in table
    for key in ("self_cpu_time_total", "cpu_memory_usage", "count", "cuda_time_total", "self_cuda_time_total"):
        recorded(lambda: rt.ones(2) + 1).key_averages().table(sort_by=key)
    with pytest.raises(ValueError, match="sort_by"):
        recorded(lambda: rt.ones(2) + 1).key_averages().table(sort_by="colour")


def test_print_stats(capsys):
    prof = recorded(lambda: run(model()))
    prof.print_stats()
    out = capsys.readouterr().out
    assert "LinearBackward0" in out and "Peak of tensors' memory" in out
    assert str(prof) in out


def test_ranges_and_decorators():
    @record_function("loss")
    def loss(x):
        return x.sum()

    def work():
        with record_function("all"):
            loss(rt.ones(3))
            loss(rt.ones(3))

    events = recorded(work).events()
    assert [event.name for event in events] == ["all", "loss", "sum", "loss", "sum"]
    assert [event.is_user_annotation for event in events] == [True, True, False, True, False]
    with pytest.raises(TypeError, match="record_function"):
        record_function(3)


def test_stacks_are_the_users_lines(tmp_path):
    def innermost(x):
        return x + x

    prof = recorded(lambda: innermost(rt.ones(3)), with_stack=True)
    (event,) = prof.events()
    assert "innermost" in event.stack[0] and __file__ in event.stack[0]
    assert not any("rustorch/profiler" in line for line in event.stack)
    prof.export_stacks(tmp_path / "stacks.txt")
    line = (tmp_path / "stacks.txt").read_text().splitlines()[0]
    assert line.split(";")[-1].startswith("add ") and int(line.split()[-1]) > 0
    with pytest.raises(ValueError, match="with_stack"):
        recorded(lambda: None).export_stacks(tmp_path / "none.txt")


def test_other_threads_are_recorded():
    def work():
        thread = threading.Thread(target=lambda: rt.ones(3).exp(), name="worker")
        thread.start()
        thread.join()
        rt.ones(3).sin()

    events = recorded(work).events()
    assert {event.name for event in events} == {"exp", "sin"} and len({event.thread for event in events}) == 2


def check_trace(trace):
    """The Trace Event Format, as far as complete events, metadata and flows go."""
    assert isinstance(trace["traceEvents"], list)
    complete = {}
    for event in trace["traceEvents"]:
        assert isinstance(event["name"], str) and isinstance(event["pid"], int) and isinstance(event["tid"], int)
        assert event["ph"] in "XMsf"
        if event["ph"] == "M":
            assert event["name"] in ("process_name", "thread_name") and isinstance(event["args"]["name"], str)
            continue
        assert event["ts"] > 0 and isinstance(event["cat"], str)
        if event["ph"] == "X":
            assert event["dur"] >= 0 and isinstance(event["args"], dict)
            complete.setdefault(event["tid"], []).append((event["ts"], event["ts"] + event["dur"]))
        else:
            assert isinstance(event["id"], int)
    starts = [event["id"] for event in trace["traceEvents"] if event["ph"] == "s"]
    ends = [event["id"] for event in trace["traceEvents"] if event["ph"] == "f"]
    assert sorted(starts) == sorted(ends)
    for spans in complete.values():  # no two overlap without one holding the other
        open_spans = []
        for start, end in sorted(spans, key=lambda span: (span[0], -span[1])):
            while open_spans and open_spans[-1] <= start + 0.002:
                open_spans.pop()
            assert not open_spans or end <= open_spans[-1] + 0.002
            open_spans.append(end)
    return complete


def test_chrome_trace(tmp_path):
    def work():
        thread = threading.Thread(target=lambda: run(model()))
        thread.start()
        run(model(), 3)
        thread.join()

    prof = recorded(work, with_stack=True)
    prof.add_metadata("note", "a test")
    prof.add_metadata_json("sizes", "[1, 2]")
    prof.export_chrome_trace(tmp_path / "trace.json")
    trace = json.loads((tmp_path / "trace.json").read_text())
    complete = check_trace(trace)
    assert len(complete) == 2 and sum(map(len, complete.values())) == len(prof.events())
    assert trace["note"] == "a test" and trace["sizes"] == [1, 2]
    assert any(event["ph"] == "s" for event in trace["traceEvents"])
    linear = next(event for event in trace["traceEvents"] if event["name"] == "linear")
    assert linear["args"]["Input Dims"] == [[5, 8], [16, 8], [16]] and linear["args"]["Call stack"]
    prof.export_chrome_trace(str(tmp_path / "trace.json.gz"))
    check_trace(json.loads(gzip.decompress((tmp_path / "trace.json.gz").read_bytes())))


@pytest.mark.parametrize(
    "plan",
    [dict(wait=1, warmup=1, active=2, repeat=2), dict(wait=0, warmup=0, active=1),
     dict(wait=2, warmup=1, active=1, skip_first=3)],
)  # fmt: skip
@pytest.mark.filterwarnings("ignore:Profiler won't be using warmup")
def test_schedules_are_pytorchs(plan):
    ours, theirs = schedule(**plan), torch.profiler.schedule(**plan)
    assert [ours(step).name for step in range(20)] == [theirs(step).name for step in range(20)]


@pytest.mark.filterwarnings("ignore:Warning. Profiler clears events")
def test_a_scheduled_loop_is_saved_when_pytorchs_is():
    def rounds(lib, library_profile, plan):
        saved = []

        def ready(prof):
            names = [event.name for event in prof.events()]
            saved.append((prof.step_num, sum(name.startswith("ProfilerStep") for name in names)))

        with library_profile(schedule=plan, on_trace_ready=ready, activities=None) as prof:
            for _ in range(9):
                lib.ones(3) + 1
                prof.step()
        return saved

    options = dict(wait=1, warmup=1, active=2)
    theirs = rounds(torch, torch.profiler.profile, torch.profiler.schedule(**options))
    assert rounds(rt, profile, schedule(**options)) == theirs


def test_without_a_schedule_the_trace_is_ready_at_the_end(tmp_path):
    ready = []
    with profile(on_trace_ready=ready.append, activities=[ProfilerActivity.CPU, ProfilerActivity.CUDA]) as prof:
        rt.ones(3) + 1
        assert not ready
    assert ready == [prof]
    handler = rt.profiler.tensorboard_trace_handler(tmp_path / "logs", worker_name="w", use_gzip=True)
    with profile(on_trace_ready=handler):
        rt.ones(3) + 1
    (path,) = (tmp_path / "logs").iterdir()
    assert path.name.startswith("w.") and path.name.endswith(".pt.trace.json.gz")


def test_numpys_own_code_and_conversions_are_seen():
    import numpy as np

    x = rt.ones(3)
    prof = recorded(lambda: (np.spacing(x), rt.tensor([1.0, 2.0]).tolist()))
    names = [event.name for event in prof.events()]
    assert "numpy: spacing" in names and "from_list" in names and "tolist" in names


def test_a_loader_and_an_optimizer_are_seen():
    data = rt.data.TensorDataset(rt.ones(8, 2), rt.zeros(8))
    net = rt.nn.Linear(2, 1)
    optimizer = rt.optim.Adam(net.parameters())

    def work():
        for x, y in rt.data.DataLoader(data, batch_size=4):
            (net(x)[:, 0] - y).square().mean().backward()
            optimizer.step()

    counts = {row.key: row.count for row in recorded(work).key_averages()}
    assert counts["adam"] == 2 and counts["take_rows"] == 2


def test_at_most_so_many_events():
    def work():
        for _ in range(10):
            rt.ones(2) + 1

    prof = recorded(work, limit=4)
    assert len(prof.events()) == 4 and prof.dropped == 6 and "6 events" in prof.summary()


def test_mistakes_are_told():
    with pytest.raises(TypeError, match="ProfilerActivity"):
        profile(activities=["cpu"])
    with profile() as prof:
        with pytest.raises(RuntimeError, match="running"):
            prof.events()
        with pytest.raises(RuntimeError, match="running"):
            prof.start()
    with pytest.raises(ValueError, match="active"):
        schedule(wait=0, warmup=0, active=0)


def test_failures_are_events_too():
    def work():
        with pytest.raises(rt.ShapeMismatchError):
            rt.ones(2) + rt.ones(3)

    (event,) = recorded(work).events()
    assert event.failed and event.output_shapes == []


def test_a_profile_in_a_profile():
    with profile() as outer, profile() as inner:
        rt.ones(2) + 1
    assert len(inner.events()) == len(outer.events()) == 1


def test_utils_profiler():
    profiler = rt.utils.Profiler()
    with pytest.raises(RuntimeError, match="not running"):
        profiler.stop()
    with pytest.raises(RuntimeError, match="nothing was recorded"):
        profiler.summary()
    profiler.start()
    run(model())
    with pytest.raises(RuntimeError, match="running"):
        profiler.start()
    profiler.stop()
    assert "linear" in profiler.summary()
    with profiler.profile():
        rt.ones(3).exp()
    assert "exp" in profiler.summary() and "linear" not in profiler.summary()
    with pytest.raises(TypeError):
        rt.utils.Profiler(colour=True)


def test_actions_have_pytorchs_numbers():
    for action in ProfilerAction:
        assert torch.profiler.ProfilerAction[action.name].value == action.value


def test_a_function_of_the_users_has_its_name():
    class Twice(rt.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

        @staticmethod
        def backward(ctx, g):
            return g * 2

    prof = recorded(lambda: Twice.apply(rt.ones(2, requires_grad=True)).sum().backward())
    assert "TwiceBackward" in {event.name for event in prof.events()}


def test_the_older_name():
    with rt.autograd.profiler.profile(use_kineto=True) as prof:
        rt.ones(2) + 1
    with rt.autograd.profiler.profile(enabled=False) as off:
        rt.ones(2) + 1
    assert len(prof.function_events) == 1 and len(off.function_events) == 0
    assert "add" in prof.table() and prof.total_average().count == 1 and prof.self_cpu_time_total > 0


def test_profiles_do_not_leak():
    net = model()

    def work():
        with profile(with_stack=True) as prof:
            run(net)
        prof.key_averages()
        rt.explain(lambda: run(net))

    work()
    before = rt.memory.stats()["live_bytes"]
    for _ in range(20):
        work()
    gc.collect()
    assert rt.memory.stats()["live_bytes"] <= before + 4096
    assert not any(type(o) is rt._C.Recorder for o in gc.get_objects())


def test_workers_of_the_pool_have_lanes(tmp_path):
    x, before = rt.ones(4_000_000), rt.get_num_threads()
    try:
        rt.set_num_threads(3)
        prof = recorded(lambda: [x.exp() for _ in range(4)])
    finally:
        rt.set_num_threads(before)
    spans = [(event, *span) for event in prof.events() for span in event.spans]
    assert {event.work["threads"] for event in prof.events()} == {3} and spans
    for event, worker, begin, end in spans:
        assert worker >= 0 and event.time_range.start <= begin <= end <= event.time_range.end
    prof.export_chrome_trace(tmp_path / "trace.json")
    trace = json.loads((tmp_path / "trace.json").read_text())
    check_trace(trace)
    lanes = [event for event in trace["traceEvents"] if event.get("cat") == "pool"]
    assert len(lanes) == len(spans)
    assert any("pool worker" in event["args"]["name"] for event in trace["traceEvents"] if event["ph"] == "M")
