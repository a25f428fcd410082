"""Wrong arguments to every op, method and function: an exception that says which op, never a
crash, a hang, or memory that the arguments do not ask for.

Each group of calls runs in a process of its own (this file as a script), which writes down the
call it is about to make, so that a crash is a failure that names the call."""
import functools
import importlib
import os
import random
import resource
import subprocess
import sys
import traceback
from pathlib import Path

import pytest

import rustorch as tested

# the child is given the package under test wherever it was found
ENVIRONMENT = dict(os.environ, PYTHONPATH=str(Path(tested.__file__).parents[1]))

EXPECTED = (TypeError, ValueError, IndexError, RuntimeError, OverflowError, MemoryError,
            NotImplementedError, AttributeError, BufferError, KeyError, ZeroDivisionError, FloatingPointError)
ROOM = 3 << 29            # address space of the child, in bytes, beyond what importing took
PER_CALL = 128 << 20      # no set of small arguments justifies more
ROUNDS = 60               # random calls of each op
SEED = 20240607
# not calls on tensors, or ones that other files test: they take over the process or import PyTorch
LEFT_OUT = {"to_torch", "from_torch", "set_num_threads", "set_default_dtype", "Generator", "seed"}


def junk(rng, np, rustorch):
    """One argument, seldom a sensible one."""
    t = rustorch.tensor
    kinds = [
        lambda: None, lambda: "x", lambda: "", lambda: b"bytes", lambda: object(), lambda: {}, lambda: {"a": 1},
        lambda: [], lambda: (), lambda: [[]], lambda: [[1], [1, 2]], lambda: [None], lambda: ["a", 1],
        lambda: [1, [2, [3, [4, "x"]]]], lambda: lambda: 0, lambda: ..., lambda: slice(None), lambda: int,
        lambda: rng.choice([-2**64, -2**63, -2**62, -2**31, -33, -2, -1, 0, 1, 2, 3, 5, 33, 2**31, 2**62, 2**63,
                            2**64, 10**400]),
        lambda: rng.choice([0.0, -0.0, 0.5, -1.5, 1e308, 5e-324, float("inf"), float("-inf"), float("nan")]),
        lambda: rng.choice([True, False, 1j, complex("nan")]),
        lambda: [rng.choice([-2**63, -5, -1, 0, 1, 2, 2**31, 2**62]) for _ in range(rng.randrange(5))],
        lambda: tuple(rng.choice([-2, -1, 0, 1, 2, 0.5, None, "a"]) for _ in range(rng.randrange(4))),
        lambda: [0, 0], lambda: (1, -1, 1), lambda: [1] * 33, lambda: [1] * 200, lambda: [0, 2**62, 2**62],
        lambda: [t([1.0, 2.0]), t([3.0])], lambda: (t([[1.0]]), 2, "x"), lambda: [t([1.0])] * 40,
        lambda: t(3.0), lambda: t([]), lambda: t([1.0, 2.0, 3.0]), lambda: t([[1.0, 2.0], [3.0, 4.0]]),
        lambda: rustorch.zeros(2, 0, 3), lambda: rustorch.zeros((1,) * 32), lambda: t([True, False, True]),
        lambda: t([0, 1, 2]), lambda: t([-2**63, 2**63 - 1]), lambda: t([1 + 2j, 3]), lambda: t([1, 2], dtype="uint8"),
        lambda: t([1.5, 2.5], dtype="float16"), lambda: t([1.5, float("nan")], dtype="bfloat16"),
        lambda: rustorch.ones(3).expand(4, 3), lambda: rustorch.arange(12.0).reshape(3, 4).T[::2],
        lambda: t([1.0, 2.0], requires_grad=True), lambda: t([1.0, 2.0], requires_grad=True) * 2,
        lambda: rustorch.from_numpy(np.arange(6.0)[::-1].copy()),
        lambda: np.array(["a", "b"]), lambda: np.array([object()]), lambda: np.zeros(3, "M8[s]"),
        lambda: np.zeros((2, 2), [("a", "f4"), ("b", "i8")]), lambda: np.float32(2), lambda: np.zeros((1,) * 33),
        lambda: np.broadcast_to(np.float64(1), (2, 3)), lambda: np.arange(3, dtype=">f8"), lambda: np.int64(7),
        lambda: np.float16, lambda: "float32", lambda: np.dtype("S3"), lambda: rustorch.bfloat16,
        lambda: memoryview(b"1234"), lambda: range(3), lambda: iter([1, 2]), lambda: {1, 2},
    ]
    return rng.choice(kinds)()


def sensible(rng, kind, np, rustorch):
    """An argument of the declared type that may still be out of range."""
    t = rustorch.tensor
    if kind == "tensors":
        return [t([1.0, 2.0])] * rng.randrange(4)
    if kind.startswith("ints"):
        return [rng.choice([-3, -1, 0, 1, 2, 2**31, 2**62, -2**63]) for _ in range(rng.randrange(4))]
    if kind.startswith("int"):
        return rng.choice([-2**63, -3, -1, 0, 1, 2, 2**31, 2**63 - 1])
    if kind == "float":
        return rng.choice([0.0, -1.0, 2.5, float("nan"), float("inf")])
    if kind == "bool":
        return rng.choice([True, False])
    if kind.startswith("dtype"):
        return rng.choice(["int8", "bool", "float64", "complex64", "bfloat16", None])
    if "|" in kind:
        return rng.choice(kind.split("|"))
    return rng.choice([lambda: t([[1.0, 2.0], [3.0, 4.0]]), lambda: t([0, 1]), lambda: t([True, False]), lambda: 2,
                       lambda: t([1 + 1j]), lambda: rustorch.zeros(0, 2), lambda: t(5, dtype="uint8"),
                       lambda: t([[5, -7], [2**40, 0]]), lambda: rustorch.ones(2, 3, 4)])()


def outputs(rng, np, rustorch):
    """Wrong places for a result."""
    readonly = np.zeros(3, np.float32)
    readonly.flags.writeable = False
    return rng.choice([
        lambda: rustorch.empty(7, 7), lambda: rustorch.empty(2, dtype="int8"), lambda: rustorch.from_numpy(readonly),
        lambda: rustorch.empty(3).expand(3, 3), lambda: (), lambda: (None,), lambda: (rustorch.empty(2),) * 3,
        lambda: "out", lambda: 3, lambda: rustorch.empty(2, 2, requires_grad=True), lambda: np.zeros(2),
        lambda: rustorch.empty(0), lambda: rustorch.empty(2, 2).T])()


def show(value):
    described = isinstance(getattr(value, "shape", None), tuple) and hasattr(value, "dtype")
    text = f"{type(value).__name__}{tuple(value.shape)}:{value.dtype}" if described else repr(value)
    return text if len(text) < 90 else text[:80] + "..."


class Caller:
    """Makes calls one at a time, each written to `diary` first; collects what is wrong with them."""

    def __init__(self, diary):
        import numpy as np

        import rustorch
        self.np, self.rustorch, self.diary = np, rustorch, diary
        self.wrong, self.made, self.raised = [], 0, 0

    def call(self, name, function, args, keywords, named=None):
        from rustorch import _C
        line = f"{name}({', '.join([show(a) for a in args] + [f'{k}={show(v)}' for k, v in keywords.items()])})"
        self.diary.seek(0)
        self.diary.truncate()
        self.diary.write(line)
        self.diary.flush()
        before = _C.memory_stats()["live_bytes"]
        _C.memory_reset_peak()
        self.made += 1
        try:
            function(*args, **keywords)
        except EXPECTED as error:
            self.raised += 1
            text = str(error)
            names = {named, str(named).replace("linalg_", "linalg.")}      # a row's name, or its function's
            # MemoryError names the size
            if named and not isinstance(error, MemoryError) and not any(n in text for n in names):
                self.wrong.append(f"{line}: does not name the op: {type(error).__name__}: {text}")
        except BaseException as error:
            if isinstance(error, AssertionError) and str(error):      # where PyTorch's modules assert
                self.raised += 1
            else:
                self.wrong.append(f"{line}: {traceback.format_exc(limit=-1)}")
        took = _C.memory_stats()["peak_bytes"] - before
        if took > PER_CALL:
            self.wrong.append(f"{line}: took {took} bytes")


def fuzz_ops(caller, part, parts):
    from rustorch import _C
    np, rustorch = caller.np, caller.rustorch
    for number, row in enumerate(_C.op_table()):
        name = row["name"]
        if number % parts != part or name not in _C.ops:
            continue
        rng = random.Random(f"{SEED} {name}")
        kinds = []
        for item in row["signature"].split("->")[0].split(","):
            item = item.strip()
            if item != "*":
                word, _, kind = item.split("=")[0].partition(":")
                kinds.append((word.strip(), kind.strip()))
        functions = [(name, _C.ops[name])]
        if name + "_" in _C.ops:
            functions.append((name + "_", _C.ops[name + "_"]))
        for label, function in functions:
            for turn in range(ROUNDS):
                count = len(kinds) if turn % 3 else rng.randrange(len(kinds) + 3)
                args, keywords = [], {}
                for i in range(count):
                    right = i < len(kinds) and rng.random() < (0.75 if turn % 2 else 0.4)
                    value = sensible(rng, kinds[i][1], np, rustorch) if right else junk(rng, np, rustorch)
                    if i < len(kinds) and (i > 1 and rng.random() < 0.4):
                        keywords[kinds[i][0]] = value
                    elif keywords:
                        break
                    else:
                        args.append(value)
                if rng.random() < 0.2:
                    keywords["out"] = outputs(rng, np, rustorch)
                if rng.random() < 0.05:
                    keywords[rng.choice(["axis", "dim", "bogus", "keepdims", "where", "dtype", "x", ""])] = junk(
                        rng, np, rustorch)
                caller.call(label, function, args, keywords, named=name)


def fuzz_names(caller, scope, names, prefix, first=None, part=0, parts=1):
    np, rustorch = caller.np, caller.rustorch
    for number, name in enumerate(sorted(names)):
        function = getattr(scope, name)
        if number % parts != part or name in LEFT_OUT or not callable(function) or isinstance(function, type(os)):
            continue
        rng = random.Random(f"{SEED} {prefix}{name}")
        for _ in range(ROUNDS // 2):
            args = [first(rng)] if first else []
            for _ in range(rng.randrange(4)):
                kind = rng.choice(["", "int", "ints", "bool", "dtype", "tensors", "junk", "junk", "junk"])
                args.append(junk(rng, np, rustorch) if kind == "junk" else sensible(rng, kind, np, rustorch))
            keywords = {}
            if rng.random() < 0.25:
                keywords[rng.choice(["dim", "axis", "out", "keepdim", "dtype", "size", "device", "requires_grad",
                                     "generator", "copy", "nonsense"])] = junk(rng, np, rustorch)
            caller.call(prefix + name, function, args, keywords)


def fuzz_methods(caller, part, parts):
    Tensor = caller.rustorch.Tensor
    names = [n for n in dir(Tensor) if not n.startswith("__") and n not in ("_make_subclass", "__class__")]
    names += ["__getitem__", "__setitem__", "__delitem__", "__add__", "__radd__", "__pow__", "__iadd__", "__imatmul__",
              "__matmul__", "__contains__", "__divmod__", "__format__", "__lshift__", "__eq__", "__array__",
              "__array_ufunc__", "__array_function__", "__dlpack__", "__deepcopy__", "__reduce_ex__", "__init__",
              "__new__", "__index__", "__int__", "__float__", "__len__", "__iter__", "__bool__"]
    np, rustorch = caller.np, caller.rustorch

    def tensor(rng):
        return sensible(rng, "", np, rustorch) if rng.random() < 0.9 else junk(rng, np, rustorch)
    fuzz_names(caller, Tensor, names, "Tensor.", tensor, part, parts)


def fuzz_functions(caller, part, parts):
    rustorch = caller.rustorch
    names = {n for n in dir(rustorch) if not n.startswith("_") and n not in caller.rustorch._C.ops}
    names -= {"testing", "annotations", "callbacks", "Any"}
    fuzz_names(caller, rustorch, {n for n in names if not n[0].isupper() and n not in rustorch._SUBMODULES},
               "rustorch.", None, part, parts)
    _C = rustorch._C
    fuzz_names(
        caller,
        _C,
        {
            n
            for n in dir(_C)
            if callable(getattr(_C, n))
            and not n.startswith(("memory_", "_", "set_"))
            and not isinstance(getattr(_C, n), type)
        },
        "_C.",
        None,
        part,
        parts,
    )
    import rustorch.nn.functional as functional
    fuzz_names(caller, functional, {n for n in dir(functional) if not n.startswith("_") and not n[0].isupper()},
               "nn.functional.", None, part, parts)


SCOPES = ("linalg", "fft", "special", "signal.windows", "func", "autograd", "autograd.functional", "autograd.graph",
          "nn.utils", "nn.utils.rnn", "nn.init", "utils.checkpoint", "random")


def fuzz_namespaces(caller, part, parts):
    for prefix in SCOPES:
        scope = importlib.import_module("rustorch." + prefix)
        names = {n for n in getattr(scope, "__all__", dir(scope)) if n[0].islower() and n != "operator"
                 and getattr(getattr(scope, n, None), "__module__", "").startswith("rustorch")}
        fuzz_names(caller, scope, names, prefix + ".", None, part, parts)


STACKS = ("RNN", "LSTM", "GRU", "Transformer")      # so many layers are asked for, so many are made


def classes(scope, base):
    found = {n: getattr(scope, n) for n in sorted(dir(scope))}
    return {n: c for n, c in found.items() if isinstance(c, type) and issubclass(c, base) and not n.startswith(STACKS)}


def instance(rng, caller, cls):
    """An instance by arguments of which many make sense, or None."""
    np, rt = caller.np, caller.rustorch
    kinds = [lambda: rng.choice([1, 2, 3, 4, 8]), lambda: rng.choice([0, -1, 2**31, 2**62, 10**20]),
             lambda: junk(rng, np, rt), lambda: (2, 3), lambda: rng.choice([True, 0.5, float("nan"), "reflect", "sum"])]
    args = [rng.choices(kinds, [8, 1, 1, 1, 1])[0]() for _ in range(rng.choice([0, 1, 1, 2, 2, 3, 3, 4]))]
    box = []
    caller.call(cls.__name__, lambda *a: box.append(cls(*a)), args, {})
    return box[0] if box else None


def module_input(rng, np, rt):
    shape = [rng.choice([0, 1, 2, 3, 4, 8]) for _ in range(rng.randrange(5))]
    return rng.choice([lambda: rt.ones(shape), lambda: rt.ones(shape, requires_grad=True),
                       lambda: rt.ones(shape, dtype="int64"), lambda: junk(rng, np, rt)])()


def call_module(module, *inputs):
    result = module(*inputs)
    if getattr(result, "requires_grad", False) and result.numel():
        result.sum().backward()


def fuzz_modules(caller, part, parts):
    np, rt = caller.np, caller.rustorch
    for number, (name, cls) in enumerate(classes(rt.nn, rt.nn.Module).items()):
        rng = random.Random(f"{SEED} nn.{name}")
        for _ in range(ROUNDS // 3 if number % parts == part else 0):
            module = instance(rng, caller, cls)
            for _ in range(2 if module is not None else 0):
                inputs = [module_input(rng, np, rt) for _ in range(rng.choice([1, 1, 2, 3]))]
                caller.call(f"nn.{name}(...)", functools.partial(call_module, module), inputs, {})


def parameter(rng, rt):
    return rt.nn.Parameter(rng.choice([
        lambda: rt.ones(3, 2), lambda: rt.ones(()), lambda: rt.ones(4, dtype="float64"), lambda: rt.zeros(0),
        lambda: rt.ones(3, dtype="float16"), lambda: rt.ones(3, dtype="complex64"), lambda: rt.ones(4, 4).T,
        lambda: rt.ones(6)[::2], lambda: rt.ones(3, dtype="bfloat16")])())


def train(rng, np, rt, cls, **keywords):
    """Steps between which states get other shapes, dtypes and kinds."""
    parameters = [parameter(rng, rt) for _ in range(rng.randrange(1, 4))]
    optimizer = cls(parameters, **keywords)
    for p in parameters:
        p.grad = rt.ones_like(p).detach()
    state = optimizer.state_dict()
    for _ in range(3):
        optimizer.step(lambda: sum((p * p).sum() for p in parameters).abs())
        for entry in optimizer.state.values():
            for key in list(entry):
                if rng.random() < 0.1:
                    entry[key] = junk(rng, np, rt)
                elif isinstance(entry[key], rt.Tensor) and rng.random() < 0.2:
                    entry[key] = entry[key].reshape(-1)[:1]
    optimizer.load_state_dict(junk(rng, np, rt) if rng.random() < 0.5 else state)


def fuzz_optimizers(caller, part, parts):
    np, rt = caller.np, caller.rustorch
    words = ("lr", "eps", "weight_decay", "betas", "momentum", "amsgrad", "maximize", "alpha", "rho", "t0", "nonsense")
    values = (0.1, -1.0, float("nan"), (0.9, 0.9), True, 2**62, None, "x")
    for name, cls in classes(rt.optim, rt.optim.Optimizer).items():
        rng = random.Random(f"{SEED} optim.{name}")
        for turn in range(ROUNDS // 2):
            keywords = {w: rng.choice(values) for w in rng.sample(words, turn % 3)}
            caller.call(f"optim.{name}", functools.partial(train, rng, np, rt, cls), [], keywords)


GROUPS = [("namespaces", 0, 1), ("modules", 0, 1), ("optimizers", 0, 1)]
GROUPS += [("ops", part, 6) for part in range(6)] + [("methods", part, 3) for part in range(3)] + [("functions", 0, 1)]


def child(group, part, parts, path):
    import warnings
    warnings.simplefilter("ignore")
    with open(path, "w") as diary:
        caller = Caller(diary)
        caller.np.seterr(all="ignore")
        taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (taken + ROOM, taken + ROOM))
        {"ops": fuzz_ops, "methods": fuzz_methods, "functions": fuzz_functions, "namespaces": fuzz_namespaces,
         "modules": fuzz_modules, "optimizers": fuzz_optimizers}[group](caller, part, parts)
    print(caller.made, caller.raised)
    for line in caller.wrong:
        print("WRONG", line)


@pytest.mark.parametrize("group, part, parts", GROUPS)
def test_garbage(group, part, parts, tmp_path):
    path = tmp_path / "diary"
    try:
        done = subprocess.run([sys.executable, "-X", "faulthandler", __file__, group, str(part), str(parts), str(path)],
                              env=ENVIRONMENT, capture_output=True, text=True, timeout=200, cwd=tmp_path)
    except subprocess.TimeoutExpired:
        pytest.fail("hangs: " + path.read_text())
    assert done.returncode == 0, f"{done.returncode} in {path.read_text()}\n{done.stderr[-4000:]}"
    made, raised = map(int, done.stdout.split("\n", 1)[0].split())
    assert made > 300 and raised > made // 4
    wrong = [line for line in done.stdout.splitlines() if line.startswith("WRONG")]
    assert not wrong, f"{len(wrong)} of {made}:\n" + "\n".join(wrong[:40])


if __name__ == "__main__":
    child(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4])


def test_the_argument_is_named():
    """What is no tensor is named with its argument; other AttributeErrors pass."""
    x, f = tested.ones(1, 1, 2, 2), tested.nn.functional
    for call, text in (
        (lambda: f.conv2d(None, x), "conv2d: argument 'input' must be a Tensor, not NoneType"),
        (lambda: f.bilinear(x, x, weight=[1.0]), "bilinear: argument 'weight' must be a Tensor, not list"),
        (lambda: tested.cdist("ab", x), "cdist: argument 'x1' must be a Tensor, not str"),
        (lambda: f.interpolate(3, 2), "interpolate: argument 'input' must be a Tensor, not int"),
    ):
        with pytest.raises(tested.errors.ArgumentError) as caught:
            call()
        assert str(caught.value) == text and isinstance(caught.value, TypeError)

    def broken(a, b=None):
        raise AttributeError("by hand")

    with pytest.raises(AttributeError, match="by hand") as caught:
        tested._C._guard(broken)(x, None)
    assert type(caught.value) is AttributeError
    assert tested._C._guard(broken) is tested._C._guard(broken)
