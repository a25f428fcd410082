"""PyTorch's own database of modules as the judge of rustorch.nn.

Every sample of torch.testing._internal.common_modules.module_db (it lies in PyTorch's wheel), and a list of
modules it lacks, is built on both sides, PyTorch's state_dict loaded into ours and ours into PyTorch's, and
called in training and in evaluation: repr, outputs, and the gradients of inputs and parameters are compared.

    python -m tests.compat.moduledb [name ...]      judge these (all), print what fails and what is missing
    python -m tests.compat.moduledb -v [name ...]   the same with every failure
"""
import contextlib
import re
import sys
import types
import warnings

import numpy as np
import torch

import rustorch
from tests.compat import opdb

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from torch.testing._internal.common_modules import ModuleErrorEnum, module_db

torch.set_num_threads(1)      # the samples are tiny: threads would only wait for one another
DTYPES = (torch.float32, torch.float64)


def numbers(*shape):
    return ("numbers", shape)


def classes(count, *shape):
    return ("classes", count, shape)


# What the database lacks: name, arguments, keywords, inputs.  Random layers are judged where they draw nothing.
MORE = [
    ("Dropout", (0.0,), {}, [numbers(3, 4)]), ("Dropout1d", (0.0,), {}, [numbers(2, 3, 4)]),
    ("Dropout2d", (0.0,), {}, [numbers(2, 3, 4, 2)]), ("Dropout3d", (0.0,), {}, [numbers(2, 3, 4, 2, 2)]),
    ("AlphaDropout", (0.0,), {}, [numbers(3, 4)]), ("FeatureAlphaDropout", (0.0,), {}, [numbers(2, 3, 4)]),
    ("RReLU", (0.25, 0.25), {}, [numbers(3, 4)]), ("Hardsigmoid", (), {}, [numbers(3, 4)]),
    ("Identity", (), {}, [numbers(3, 4)]), ("Identity", (54, "a"), {"b": 1}, [numbers(2)]),
    ("Flatten", (), {}, [numbers(2, 3, 4)]), ("Flatten", (0, 1), {}, [numbers(2, 3, 4)]),
    ("Unflatten", (1, (2, 3)), {}, [numbers(2, 6)]), ("Unflatten", (-1, (3, -1)), {}, [numbers(2, 6)]),
    ("CosineSimilarity", (), {}, [numbers(3, 4), numbers(3, 4)]),
    ("CosineSimilarity", (0, 1e-6), {}, [numbers(3, 4), numbers(3, 4)]),
    ("PairwiseDistance", (), {}, [numbers(3, 4), numbers(3, 4)]),
    ("PairwiseDistance", (1.0, 1e-6, True), {}, [numbers(3, 4), numbers(3, 4)]),
    ("PixelShuffle", (2,), {}, [numbers(2, 8, 3, 2)]), ("PixelUnshuffle", (2,), {}, [numbers(2, 2, 4, 6)]),
    ("ChannelShuffle", (2,), {}, [numbers(2, 6, 3)]), ("Upsample", (), {"scale_factor": 2}, [numbers(1, 2, 3, 4)]),
    ("Upsample", ((5, 7),), {"mode": "bilinear", "align_corners": False}, [numbers(1, 2, 3, 4)]),
    ("Upsample", (), {"scale_factor": (2.0, 1.5), "mode": "bicubic"}, [numbers(1, 2, 3, 4)]),
    ("Upsample", (7,), {"mode": "linear"}, [numbers(1, 2, 3)]),
    ("Upsample", (4,), {"mode": "trilinear"}, [numbers(1, 2, 3, 2, 3)]),
    ("UpsamplingNearest2d", (), {"scale_factor": 2}, [numbers(1, 2, 3, 4)]),
    ("UpsamplingBilinear2d", ((4, 5),), {}, [numbers(1, 2, 3, 4)]),
    ("Unfold", ((2, 3),), {}, [numbers(2, 3, 4, 5)]),
    ("Unfold", (2,), {"dilation": 2, "padding": 1, "stride": 2}, [numbers(2, 3, 6, 5)]),
    ("Fold", ((4, 5), (2, 2)), {}, [numbers(2, 12, 12)]), ("Fold", ((4, 5), 2), {"stride": 2, "padding": 1},
                                                          [numbers(2, 12, 9)]),
    ("TripletMarginLoss", (), {}, [numbers(4, 5), numbers(4, 5), numbers(4, 5)]),
    ("TripletMarginLoss", (2.0, 1.0), {"swap": True, "reduction": "none"},
     [numbers(4, 5), numbers(4, 5), numbers(4, 5)]),
    ("TripletMarginWithDistanceLoss", (), {"swap": True}, [numbers(4, 5), numbers(4, 5), numbers(4, 5)]),
    ("AdaptiveLogSoftmaxWithLoss", (8, 20, [5, 11]), {}, [numbers(6, 8), classes(20, 6)]),
    ("AdaptiveLogSoftmaxWithLoss", (8, 20, [5, 11]), {"div_value": 2.0, "head_bias": True},
     [numbers(6, 8), classes(20, 6)]),
    ("Embedding", (7, 3), {}, [classes(7, 2, 4)]), ("Embedding", (7, 3), {"padding_idx": 2}, [classes(7, 2, 9)]),
    ("Embedding", (7, 3), {"max_norm": 0.5, "norm_type": 1.0}, [classes(7, 2, 4)]),
    ("Embedding", (7, 3), {"scale_grad_by_freq": True, "padding_idx": -1}, [classes(7, 2, 9)]),
    ("EmbeddingBag", (7, 3), {}, [classes(7, 2, 4)]), ("EmbeddingBag", (7, 3), {"mode": "sum"}, [classes(7, 2, 4)]),
    ("EmbeddingBag", (7, 3), {"mode": "max"}, [classes(7, 2, 4)]),
    ("LazyLinear", (4,), {}, [numbers(2, 3)]), ("LazyBatchNorm1d", (), {}, [numbers(4, 3)]),
    ("LazyBatchNorm2d", (), {}, [numbers(4, 3, 2, 2)]), ("LazyInstanceNorm1d", (), {}, [numbers(4, 3, 5)]),
    ("NLLLoss2d", (), {}, [numbers(2, 4, 3, 3), classes(4, 2, 3, 3)]),
    ("Softmin", (1,), {}, [numbers(3, 4)]), ("Tanhshrink", (), {}, [numbers(3, 4)]),
    ("PReLU", (3,), {"init": 0.1}, [numbers(2, 3, 4)]),
    ("Conv2d", (4, 6, (3, 2)), {"stride": (2, 1), "padding": (1, 2), "dilation": (1, 2), "groups": 2, "bias": False,
                                "padding_mode": "circular"}, [numbers(2, 4, 7, 8)]),
    ("Conv2d", (4, 6, 3), {"padding": "same", "padding_mode": "reflect"}, [numbers(2, 4, 7, 8)]),
    ("Conv1d", (4, 6, 2), {"padding": "valid"}, [numbers(2, 4, 7)]),
    ("ConvTranspose2d", (4, 6, 3), {"stride": 2, "padding": 1, "output_padding": 1, "groups": 2, "dilation": 2},
     [numbers(2, 4, 5, 4)]),
    ("MaxPool2d", (2,), {"return_indices": True}, [numbers(2, 3, 6, 6)]),
    ("MaxPool2d", ((3, 2),), {"stride": (2, 1), "padding": 1, "dilation": 1, "ceil_mode": True}, [numbers(2, 3, 6, 6)]),
    ("AvgPool2d", (3,), {"stride": 2, "padding": 1, "count_include_pad": False}, [numbers(2, 3, 6, 7)]),
    ("AdaptiveMaxPool2d", ((3, None),), {"return_indices": True}, [numbers(2, 3, 7, 5)]),
    ("AdaptiveAvgPool2d", ((None, 2),), {}, [numbers(2, 3, 7, 5)]),
]


# ---- carrying over -----------------------------------------------------------------------------

class Carrier(opdb.Carrier):
    """Also carries functions, classes and modules of PyTorch's over, by name."""

    def over(self, value):
        if isinstance(value, torch.nn.Module):
            args, kwargs = RECIPES[id(value)][1:]
            return counterpart(type(value))(*self.over(args), **self.over(kwargs))
        if isinstance(value, type) and issubclass(value, torch.nn.Module):
            return counterpart(value)
        if isinstance(value, types.FunctionType | types.BuiltinFunctionType):
            name = value.__name__
            return getattr(rustorch.nn.functional, name, None) or getattr(rustorch, name, None) or value
        if isinstance(value, slice | types.NoneType | str | bool | int | float):
            return value
        return super().over(value)


def counterpart(cls):
    return opdb.attribute(rustorch.nn, cls.__name__)


RECIPES = {}      # id of a module that is an argument -> itself, its own arguments


@contextlib.contextmanager
def recipes():
    """Modules that PyTorch's database builds as arguments are remembered with their own arguments."""
    kept = {}
    for cls in (torch.nn.TransformerEncoderLayer, torch.nn.TransformerDecoderLayer):
        kept[cls] = cls.__init__

        def remember(self, *args, _build=cls.__init__, **kwargs):
            _build(self, *args, **kwargs)
            RECIPES[id(self)] = self, args, kwargs

        cls.__init__ = remember
    try:
        yield
    finally:
        for cls, build in kept.items():
            cls.__init__ = build


class Sample:
    def __init__(self, cls, args, kwargs, inputs, input_kwargs, note=""):
        self.cls, self.args, self.kwargs = cls, args, kwargs
        self.inputs, self.input_kwargs, self.note = inputs, input_kwargs, note

    def describe(self):
        sample = types.SimpleNamespace(input="", args=(*self.args, "<-", *self.inputs),
                                       kwargs={**self.kwargs, **self.input_kwargs})
        return self.cls.__name__ + opdb.describe(sample).replace("('', ", "(")


def fresh(kind, dtype, seed):
    """The tensor, or tuple of them, that is described; anything else as it is, floating tensors in the dtype."""
    rng = np.random.default_rng(seed)
    if isinstance(kind, torch.Tensor):
        return kind.to(dtype) if kind.is_floating_point() else kind
    if not isinstance(kind, tuple):
        return kind
    if kind and isinstance(kind[0], tuple):
        return tuple(fresh(one, dtype, seed + 50 + k) for k, one in enumerate(kind))
    name, shape = (kind[0], kind[-1]) if kind else ("", ())
    if name == "numbers":
        return torch.tensor(rng.standard_normal(shape)).to(dtype).requires_grad_()
    if name == "share":         # between 0 and 1
        return torch.tensor(rng.uniform(0.05, 0.95, shape)).to(dtype)
    if name == "log_softmax":
        return torch.tensor(rng.standard_normal(shape)).to(dtype).log_softmax(-1).requires_grad_()
    if name == "signs":
        return torch.tensor(rng.choice([-1, 1], shape)).to(dtype)
    return torch.tensor(rng.integers(0, kind[1], shape)) if name == "classes" else kind


def entries():
    """(name, function giving the samples of a dtype and mode)."""
    table = {}
    for info in module_db:
        if info.name.startswith("nn."):
            def from_database(dtype, training, info=info):
                if not training and not info.train_and_eval_differ:
                    return
                torch.manual_seed(0)
                with recipes():
                    found = info.module_inputs_func(info, device="cpu", dtype=dtype, requires_grad=True,
                                                    training=training)
                    for entry in found:
                        built, call = entry.constructor_input, entry.forward_input
                        if call is not None:
                            yield Sample(info.module_cls, built.args, built.kwargs, call.args, call.kwargs, entry.desc)
            table.setdefault(info.name[3:], []).append(from_database)
    for number, (name, args, kwargs, inputs) in enumerate(MORE):
        def from_list(dtype, training, name=name, args=args, kwargs=kwargs, inputs=inputs, number=number):
            tensors = [fresh(kind, dtype, 100 * number + k) for k, kind in enumerate(inputs)]
            yield Sample(getattr(torch.nn, name), args, kwargs, tensors, {})
        table.setdefault(name, []).append(from_list)
    return table


def error_samples(name):
    """(the module's class, what PyTorch's database says must fail) of every such entry."""
    for info in module_db:
        if info.name == f"nn.{name}" and info.module_error_inputs_func is not None:
            found = info.module_error_inputs_func(info, device="cpu", dtype=torch.float32, requires_grad=False,
                                                  training=True)
            yield from ((info.module_cls, entry) for entry in found)


# ---- judging ------------------------------------------------------------------------------------

def same_state(theirs, ours):
    """Loads each side's state into the other, strictly."""
    state = {key: rustorch.from_torch(value.detach().clone()) if isinstance(value, torch.Tensor) else value
             for key, value in theirs.state_dict().items()}
    ours.load_state_dict(state, strict=True)
    back = {key: torch.from_dlpack(value.detach()).clone() if isinstance(value, rustorch.Tensor) else value
            for key, value in ours.state_dict().items()}
    theirs.load_state_dict(back, strict=True)
    if list(state) != list(back):
        yield f"state_dict lists {list(back)} instead of {list(state)}"
    for kind in ("named_parameters", "named_buffers", "named_modules"):
        a, b = ([name for name, _ in getattr(side, kind)()] for side in (theirs, ours))
        if a != b:
            yield f"{kind} lists {b} instead of {a}"


def judge_sample(sample, dtype, training):
    carrier = Carrier()
    cls = counterpart(sample.cls)
    theirs = sample.cls(*sample.args, **sample.kwargs).to(dtype).train(training)
    ours = cls(*carrier.over(tuple(sample.args)), **carrier.over(sample.kwargs))
    ours = ours.to(getattr(rustorch, opdb.DTYPE_NAMES[dtype])).train(training)
    x, kw = carrier.over(tuple(sample.inputs)), carrier.over(dict(sample.input_kwargs))
    if issubclass(sample.cls, torch.nn.modules.lazy.LazyModuleMixin):
        theirs(*sample.inputs, **sample.input_kwargs)
        ours(*x, **kw)
    if re.sub(r" at 0x\w+", "", repr(theirs)) != re.sub(r" at 0x\w+", "", repr(ours)):
        yield f"repr {ours!r} instead of {theirs!r}"
    yield from same_state(theirs, ours)
    torch.manual_seed(1)
    expected, got = theirs(*sample.inputs, **sample.input_kwargs), ours(*x, **kw)
    expected, got = opdb.flat(expected), opdb.flat(got)
    if len(expected) != len(got):
        yield f"{len(got)} results instead of {len(expected)}"
        return
    for k, (a, b) in enumerate(zip(expected, got, strict=True)):
        found = opdb.difference(a, b)
        if found:
            yield f"result {k}: {found}"
            return
    own = dict(ours.named_parameters())
    leaves = list(carrier.leaves) + [(p, own[name]) for name, p in theirs.named_parameters() if p.requires_grad]
    yield from opdb.backward(expected, got, leaves, False)
    for (name, a), (_, b) in zip(theirs.named_buffers(), ours.named_buffers(), strict=True):
        found = opdb.difference(a, b)
        if found:
            yield f"buffer {name}: {found}"


def judge_list(rows, dtype, training):
    """Failures of (module, arguments, keywords, inputs, keywords of the call), inputs described for fresh()."""
    failures = []
    for number, (name, args, kwargs, inputs, call) in enumerate(rows):
        tensors = [fresh(kind, dtype, 100 * number + k) for k, kind in enumerate(inputs)]
        kwargs = {key: fresh(value, dtype, 0) for key, value in kwargs.items()}
        call = {key: fresh(value, dtype, 100 * number + 60) for key, value in call.items()}
        torch.manual_seed(number)
        sample = Sample(getattr(torch.nn, name), args, kwargs, tensors, call)
        try:
            failures += [(sample.describe(), wrong) for wrong in judge_sample(sample, dtype, training)]
        except Exception as error:
            failures.append((sample.describe(), f"{type(error).__name__}: {error}"))
    return failures


def judge(name, sources, dtypes=DTYPES, modes=(True, False)):
    """Failures of one module, as (its arguments, what is wrong)."""
    failures = []
    opdb.attribute(rustorch.nn, name)
    for dtype in dtypes:
        for training in modes:
            for source in sources:
                for sample in source(dtype, training):
                    try:
                        for wrong in judge_sample(sample, dtype, training):
                            failures.append((sample.describe(), wrong))
                    except Exception as error:
                        failures.append((sample.describe(), f"{type(error).__name__}: {error}"))
    return failures


def judge_errors(name):
    """What PyTorch refuses and ours takes, or refuses with an exception of another kind."""
    failures = []
    for cls, entry in error_samples(name):
        carrier, sample = Carrier(), entry.module_error_input
        built, call = sample.constructor_input, sample.forward_input
        try:
            module = counterpart(cls)(*carrier.over(tuple(built.args)), **carrier.over(dict(built.kwargs)))
            if entry.error_on is ModuleErrorEnum.FORWARD_ERROR:
                module(*carrier.over(tuple(call.args)), **carrier.over(dict(call.kwargs)))
        except entry.error_type:
            continue
        except Exception as error:
            wrong = f"{type(error).__name__}: {error}"
        else:
            wrong = "no error"
        wrong += f" instead of {entry.error_type.__name__}: {entry.error_regex}"
        failures.append((built.args, built.kwargs, wrong))
    return failures


def main(arguments):
    verbose = "-v" in arguments
    names = [name for name in arguments if not name.startswith("-")]
    missing, failing, passed = [], [], 0
    warnings.simplefilter("ignore")
    table = {name: sources for name, sources in entries().items()
             if not names or name in names or any(n.endswith("*") and name.startswith(n[:-1]) for n in names)}
    for name, sources in table.items():
        try:
            found = judge(name, sources)
        except opdb.Missing:
            missing.append(name)
            continue
        if not found:
            passed += 1
            continue
        failing.append(name)
        print(f"{name}: {len(found)} failures", flush=True)
        for description, wrong in found if verbose else found[:2]:
            print(f"    {description[:300]}\n        {str(wrong)[:400]}")
    print(f"{passed} of {len(table)} pass ({100 * passed / max(1, len(table)):.1f} %)")
    if failing:
        print(f"failing ({len(failing)}):", " ".join(failing))
    if missing:
        print(f"missing ({len(missing)}):", " ".join(missing))


if __name__ == "__main__":
    main(sys.argv[1:])
