"""PyTorch's operator database as the judge of ours.

`core()` lists the entries of op_db that rustorch answers for; `judge(entry, dtype)` runs every sample
of one through both libraries, forward, backward and (where PyTorch calls the op twice differentiable)
to second order, and returns what differed.

    python -m tests.compat.opdb [name ...]      judge these (all), print what fails and what is missing
    python -m tests.compat.opdb -v [name ...]   the same with every failure's message
    python -m tests.compat.opdb -w [name ...]   methods, in-place methods, out=, names of arguments, inputs with
                                                steps and wrong input instead
"""
import inspect
import itertools
import sys
import time
import types
import warnings

import numpy as np
import torch

import rustorch

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from torch.testing._internal.common_methods_invocations import op_db

for absent in (torch.cuda, torch.xpu, torch.mtia):       # each seeding would keep the stack for a device to come
    if not absent.is_available():
        absent.manual_seed_all = lambda seed: None

torch.set_num_threads(1)         # its threads would wait, and burn, where ours work

DTYPES = (torch.float32, torch.float64, torch.int64, torch.bool, torch.complex64)

# Not core: what is sparse, quantised, internal, a compiler's own variant, or random in its very result.
OUTSIDE_PREFIXES = ("_", "torch.", "sparse.", "masked.", "jiterator_")
OUTSIDE = {"to_sparse", "sparse_mask", "hash_tensor", "chalf", "max_pool2d_with_indices_backward"}
# Their values are drawn: shape and dtype are compared, not elements.
RANDOM = {
    "bernoulli", "cauchy", "exponential", "geometric", "log_normal", "multinomial", "normal", "uniform", "rand",
    "rand_like", "randint", "randint_like", "randn", "randn_like", "svd_lowrank", "empty", "empty_like",
    "empty_permuted", "empty_strided", "new_empty", "new_empty_strided", "resize_", "resize_as_",
    "nn.functional.dropout", "nn.functional.dropout2d",
    "nn.functional.dropout3d", "nn.functional.alpha_dropout", "nn.functional.feature_alpha_dropout",
    "nn.functional.rrelu", "nn.functional.fractional_max_pool2d", "nn.functional.fractional_max_pool3d",
}
# likewise, when dropout_p is not 0
DROPPING = {"nn.functional.scaled_dot_product_attention", "nn.functional.multi_head_attention_forward"}
# Determined up to a sign, a phase or a basis: an invariant of the outputs is compared.
UNDETERMINED = {
    "svd": lambda u, s, v: (s, (u * s.unsqueeze(-2)) @ v.transpose(-2, -1).conj()),
    "linalg.svd": lambda u, s, v: (s, (u[..., :s.shape[-1]] * s.unsqueeze(-2)) @ v[..., :s.shape[-1], :]),
    "linalg.eigh": lambda w, v: (w, (v * w.unsqueeze(-2)) @ v.transpose(-2, -1).conj()),
    "linalg.eig": lambda w, v: (w.abs().sum(-1), w.sum(-1), abs(v)),
    "linalg.eigvals": lambda w: (w.abs().sum(-1), w.sum(-1)),
}
# What PyTorch gets wrong.  as_strided_scatter: the overwritten elements get a gradient, the others none (its own
# tests expect that to fail).  istft: a window shorter than n_fft gets none.
WRONG = {"as_strided_scatter": ("gradient 0", "second order, gradient 0"),
         "istft": ("gradient 1 where PyTorch has none", "second order, gradient 1 where PyTorch has none")}
# Where elements are equal, which of their indices is given is nobody's promise.
RANKS = {"sort", "argsort", "topk", "kthvalue", "mode", "median", "nanmedian", "msort"}
# PyTorch's own errors in double precision reach 4e-7 here (ours 4e-16, by SciPy).
LOOSE = {"special.bessel_j0": (1e-4, 1e-6), "special.bessel_y0": (1e-4, 1e-6), "special.bessel_y1": (1e-4, 1e-6),
         "special.bessel_j1": (1e-4, 1e-6)}
TOLERANCE = {torch.float32: (1e-4, 1e-4), torch.float64: (1e-7, 1e-7), torch.complex64: (1e-4, 1e-4),
             torch.complex128: (1e-7, 1e-7), torch.float16: (1e-2, 1e-2), torch.bfloat16: (2e-2, 2e-2)}


def label(entry):
    return f"{entry.name}/{entry.variant_test_name}" if entry.variant_test_name else entry.name


def core():
    """The entries that are ours to answer, each once a variant."""
    seen = {}
    for entry in op_db:
        if entry.name.startswith("__") or not (entry.name.startswith(OUTSIDE_PREFIXES) or entry.name in OUTSIDE):
            seen.setdefault(label(entry), entry)
    return list(seen.values())


def dtypes_of(entry):
    return [dtype for dtype in DTYPES if dtype in entry.supported_dtypes("cpu")]


# ---- the same call on the other side ---------------------------------------------------------

class Missing(Exception):
    pass


def attribute(root, path):
    for part in path.split("."):
        try:
            root = getattr(root, part)
        except AttributeError:
            raise Missing(path) from None
    return root


def counterpart(entry):
    """rustorch's callable for the entry's: by the same name, or the same lambda over rustorch."""
    if entry.name.startswith("__"):
        return lambda x, *args, **kw: attribute(x, entry.name)(*args, **kw)
    if isinstance(entry.op, types.FunctionType) and entry.op.__module__ != "torch.functional" \
            and not entry.op.__module__.startswith(("torch.nn", "torch.signal", "torch._lowrank")):
        return types.FunctionType(entry.op.__code__, {**entry.op.__globals__, "torch": rustorch}, entry.op.__name__,
                                  entry.op.__defaults__, entry.op.__closure__)
    found = attribute(rustorch, entry.name)
    return found if callable(found) else attribute(rustorch.Tensor, entry.name)     # a dtype is no function


DTYPE_NAMES = {getattr(torch, name): name for name in (
    "bool", "uint8", "int8", "int16", "int32", "int64", "uint16", "uint32", "uint64", "float16", "bfloat16", "float32",
    "float64", "complex64", "complex128")}


WIDER = {torch.float32: torch.float64, torch.complex64: torch.complex128}


class Carrier:
    """Carries the arguments of one sample over, and remembers which tensors want gradients.  Widening, it keeps
    copies in double precision for PyTorch."""

    def __init__(self, widen=False):
        self.leaves = []      # (torch's leaf, ours)
        self.seen = {}
        self.widen, self.wide = widen, {}

    def theirs(self, value):
        """What PyTorch is given of what was carried over."""
        if not self.widen:
            return value
        if isinstance(value, torch.Tensor):
            return self.wide.get(id(value), value)
        if isinstance(value, (list, tuple)) and not isinstance(value, torch.Size):
            return type(value)(self.theirs(item) for item in value)
        return {key: self.theirs(item) for key, item in value.items()} if isinstance(value, dict) else value

    def over(self, value):
        if isinstance(value, torch.Tensor):
            if id(value) not in self.seen:
                self.seen[id(value)] = value, self.tensor(value)
            return self.seen[id(value)][1]
        if isinstance(value, torch.dtype):
            return getattr(rustorch, DTYPE_NAMES[value])
        if isinstance(value, torch.device):
            return str(value)
        if isinstance(value, torch.Generator):
            return rustorch.Generator()
        if value in (torch.strided, torch.contiguous_format, torch.preserve_format, torch.channels_last) \
                if isinstance(value, (torch.layout, torch.memory_format)) else False:
            return getattr(rustorch, str(value).rpartition(".")[2])
        if isinstance(value, torch.Size):
            return rustorch.Size(value)
        if isinstance(value, (list, tuple)):
            return type(value)(self.over(item) for item in value)
        if isinstance(value, dict):
            return {key: self.over(item) for key, item in value.items()}
        if isinstance(value, torch.nn.PairwiseDistance):      # PyTorch's own takes PyTorch's tensors only
            return rustorch.nn.PairwiseDistance(value.norm, value.eps, value.keepdim)
        return value

    def tensor(self, t):
        plain = t.detach().resolve_conj().resolve_neg()
        if any(n > 1 and s == 0 for n, s in zip(plain.shape, plain.stride(), strict=True)):
            plain = plain.contiguous()
        whole = plain.untyped_storage().nbytes() // plain.element_size()
        if plain.storage_offset() and plain.dtype != torch.bfloat16:      # a window: with all it was cut from
            mine = rustorch.from_torch(plain.as_strided((whole,), (1,), 0).clone())
            mine = mine.as_strided(tuple(plain.shape), plain.stride(), plain.storage_offset()).detach()
        else:
            mine = self.plain(t, plain)
        if self.widen:
            wide = t.detach().to(WIDER.get(t.dtype, t.dtype)).requires_grad_(t.requires_grad)
            self.wide[id(t)] = t = wide
        if t.requires_grad:
            mine.requires_grad_(True)
            self.leaves.append((t, mine))
        return mine

    @staticmethod
    def plain(t, plain):
        return rustorch.from_numpy(plain.view(torch.int16).numpy()).view(rustorch.bfloat16) \
            if t.dtype == torch.bfloat16 else rustorch.from_torch(plain.clone(memory_format=torch.preserve_format))


def flat(result):
    """The tensors and numbers of a result, in order."""
    if isinstance(result, (list, tuple)) and not isinstance(result, (torch.Size, rustorch.Size)):
        return [item for part in result for item in flat(part)]
    return [result]


def is_random(entry, sample):
    """Are the values drawn?"""
    dropping = sample.kwargs.get("dropout_p", 0) or (entry.name.endswith("head_attention_forward") and sample.args[9])
    return entry.name in RANDOM or (entry.name in DROPPING and dropping)


def difference(theirs, ours, exact=False, tolerance=None):
    """None when equal within rounding, else what differs."""
    if isinstance(theirs, torch.Tensor):
        if not isinstance(ours, rustorch.Tensor):
            return f"a {type(ours).__name__} instead of a Tensor"
        if tuple(theirs.shape) != tuple(ours.shape):
            return f"shape {tuple(ours.shape)} instead of {tuple(theirs.shape)}"
        if DTYPE_NAMES[theirs.dtype] != str(ours.dtype):
            return f"dtype {ours.dtype} instead of {DTYPE_NAMES[theirs.dtype]}"
        if exact:
            return None
        rtol, atol = tolerance or TOLERANCE.get(theirs.dtype, (0, 0))
        a = theirs.detach().resolve_conj().resolve_neg()
        a = torch.zeros(a.shape, dtype=a.dtype) if a._is_zerotensor() else a
        b = ours.detach()
        if theirs.dtype == torch.bfloat16:
            a, b = a.float(), b.float()
        a, b = a.numpy(), np.asarray(b)
        if a.size == 0:
            return None
        with np.errstate(all="ignore"):
            largest = 0.0 if a.dtype.kind in "biu" else float(np.max(np.where(np.isfinite(a), abs(a), 0)))
            scale = max(1.0, largest ** 0.5)
            close = np.isclose(b, a, rtol=rtol, atol=atol * scale, equal_nan=True)
            if not close.all():
                at = tuple(np.argwhere(~close)[0])
                place = tuple(int(i) for i in at)
                return f"{int((~close).sum())} of {a.size} elements, at {place} {b[at]} instead of {a[at]}"
        return None
    if isinstance(theirs, torch.Size):
        same = isinstance(ours, rustorch.Size) and tuple(ours) == tuple(theirs)
        return None if same else f"{ours!r} instead of {theirs!r}"
    if isinstance(theirs, torch.dtype):
        return None if DTYPE_NAMES[theirs] == str(ours) else f"{ours} instead of {theirs}"
    if isinstance(theirs, (bool, int, float, complex)):
        same = np.isclose(ours, theirs, rtol=1e-5, atol=1e-6, equal_nan=True)
        return None if same else f"{ours!r} instead of {theirs!r}"
    return None if str(theirs) == str(ours) else f"{ours!r} instead of {theirs!r}"


def dtype_of(t):
    """PyTorch's dtype of a tensor of either library."""
    return t.dtype if isinstance(t, torch.Tensor) else getattr(torch, str(t.dtype))


def like(a, b):
    """PyTorch's result in the dtype of ours, when it was computed in a wider one."""
    return a.to(dtype_of(b)) if WIDER.get(dtype_of(b)) == a.dtype else a


def weight_like(t, ours, seed):
    """A cotangent: the same numbers on both sides."""
    values = np.random.default_rng(seed).uniform(0.5, 1.5, tuple(t.shape))
    if t.dtype.is_complex:
        values = values + 1j * np.random.default_rng(seed + 1).uniform(-1, 1, tuple(t.shape))
    theirs = like(torch.tensor(values).to(t.dtype), ours)
    return theirs.to(t.dtype), rustorch.from_torch(theirs.clone())


def rounding(tensors):
    """The tolerance of the narrowest dtype that takes part."""
    return max((TOLERANCE[dtype] for dtype in map(dtype_of, tensors) if dtype in TOLERANCE), default=(0, 0))


def backward(theirs, ours, leaves, second, tolerance=None):
    """Compares gradients of weighted outputs, and of weighted gradients when `second`.  Where PyTorch's
    gradient is NaN ours may be a number."""
    pairs = [(a, b) for a, b in zip(theirs, ours, strict=True)
             if isinstance(a, torch.Tensor) and a.requires_grad]
    if not pairs or not leaves:
        return
    constant = [a for a, b in pairs if not b.requires_grad]     # right where PyTorch's gradients are zeros
    for a in constant:
        zeros = torch.autograd.grad(a, [x for x, _ in leaves], torch.ones_like(a), retain_graph=True, allow_unused=True)
        if any(g is not None and bool((g != 0).any()) for g in zeros):
            yield "the result does not require a gradient"
            return
    pairs = [(a, b) for a, b in pairs if b.requires_grad]
    if not pairs:
        return
    weights = [weight_like(a, b, k) for k, (a, b) in enumerate(pairs)]
    try:
        got = torch.autograd.grad([a for a, _ in pairs], [x for x, _ in leaves], [w for w, _ in weights],
                                  create_graph=second, allow_unused=True)
    except RuntimeError as error:
        if "is not implemented" in str(error) or "Expected a proper Tensor" in str(error):
            return                                   # PyTorch has no derivative to compare with
        raise
    mine = rustorch.autograd.grad([b for _, b in pairs], [y for _, y in leaves], [w for _, w in weights],
                                  create_graph=second, allow_unused=True)
    again = []
    for k, (a, b) in enumerate(zip(got, mine, strict=True)):
        if a is None:
            if b is not None and bool((b.detach() != 0).any()):
                yield f"gradient {k} where PyTorch has none"
        elif b is None:
            if bool((a != 0).any()):
                yield f"no gradient {k}"
        else:
            undefined = torch.isnan(a)
            if bool(undefined.any()) and tuple(a.shape) == tuple(b.shape):
                a, b = a.masked_fill(undefined, 0), b.masked_fill(rustorch.from_torch(undefined), 0)
            found = difference(like(a, b), b, tolerance=tolerance or rounding([y for _, y in leaves]))
            if found:
                yield f"gradient {k}: {found}"
            elif a.requires_grad:
                again.append((a, b))
    if second and again:
        for found in backward([a for a, _ in again], [b for _, b in again], leaves, False,
                              tolerance or tuple(10 * t for t in rounding([y for _, y in leaves]))):
            yield "second order, " + found


def describe(sample):
    def short(value):
        if isinstance(value, torch.Tensor):
            return f"{DTYPE_NAMES.get(value.dtype, value.dtype)}{tuple(value.shape)}"
        if isinstance(value, (list, tuple)):
            return "[" + ", ".join(short(item) for item in value) + "]"
        return repr(value)
    parts = [short(v) for v in (sample.input, *sample.args)] + [f"{k}={short(v)}" for k, v in sample.kwargs.items()]
    return f"({', '.join(parts)})"


def is_index(t):
    return isinstance(t, (torch.Tensor, rustorch.Tensor)) and str(t.dtype).endswith("int64")


def same_elements(x, a, b):
    """Do both indices pick the same elements of x, along one of its dimensions?"""
    b = torch.from_numpy(np.array(b.detach()))
    x = x.detach().reshape(1) if x.ndim == 0 else x.detach()
    for dim in range(x.ndim) if a.shape == b.shape and a.numel() else ():
        i, j = (a, b) if a.ndim == x.ndim else (a.unsqueeze(dim), b.unsqueeze(dim))
        fits = i.ndim == x.ndim and int(max(i.max(), j.max())) < x.shape[dim]
        fits = fits and all(n <= m for d, (n, m) in enumerate(zip(i.shape, x.shape, strict=True)) if d != dim)
        if fits and torch.equal(x.gather(dim, i), x.gather(dim, j)):
            return True
    return False


def judge_sample(entry, function, sample, grad, widen=False):
    carrier = Carrier(widen)
    x, args, kw = carrier.over(sample.input), carrier.over(sample.args), carrier.over(sample.kwargs)
    theirs = entry.op(carrier.theirs(sample.input), *carrier.theirs(sample.args), **carrier.theirs(sample.kwargs))
    ours = function(x, *args, **kw)
    if sample.output_process_fn_grad is not None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                processed = sample.output_process_fn_grad(theirs), sample.output_process_fn_grad(ours)
                theirs, ours = processed
            except (TypeError, AttributeError, RuntimeError):
                pass
    theirs, ours = flat(theirs), flat(ours)
    if len(theirs) != len(ours):
        yield f"{len(ours)} results instead of {len(theirs)}"
        return
    if entry.name in UNDETERMINED and len(theirs) == UNDETERMINED[entry.name].__code__.co_argcount:
        invariant = UNDETERMINED[entry.name]
        theirs, ours = flat(invariant(*theirs)), flat(invariant(*ours))
    floating = [t for _, t in carrier.seen.values() if t.ndim and t.dtype.kind in "fcV"]
    for k, (a, b) in enumerate(zip(theirs, ours, strict=True)):
        found = difference(like(a, b) if isinstance(a, torch.Tensor) and isinstance(b, rustorch.Tensor) else a, b,
                           is_random(entry, sample), LOOSE.get(entry.name) or
                           rounding([a, *floating]) if isinstance(a, torch.Tensor) and a.dtype in TOLERANCE else None)
        if found and entry.name in RANKS and is_index(a) and is_index(b) and same_elements(sample.input, a, b):
            continue
        if found:
            yield f"result {k}: {found}" if len(theirs) > 1 else found
            return
    if grad and not is_random(entry, sample):
        yield from backward(theirs, ours, carrier.leaves, entry.supports_gradgrad)


def elements(value):
    """How many elements a sample's tensors have."""
    if isinstance(value, torch.Tensor):
        return value.numel()
    if isinstance(value, dict):
        value = list(value.values())
    return sum(map(elements, value)) if isinstance(value, (list, tuple)) else 0


def some(samples, first, every=16, large=2**20):
    """The first of the numbered samples and every 16th of some others; of large ones only one."""
    seen = 0
    for number, sample in itertools.islice(samples, 16 * first):
        big = elements([sample.input, sample.args, sample.kwargs]) > large
        seen += big
        if (number < first or number % every == 0) and not (big and seen > 1):
            yield number, sample


def judge(entry, dtype, limit=None):
    """Failures of one entry in one dtype, as (sample's number, its arguments, what is wrong).

    limit: how many samples are judged before only every 16th is, of 15 times as many (None: all are)."""
    failures = []
    function = counterpart(entry)
    grad = entry.supports_autograd and dtype in entry.supported_backward_dtypes("cpu") \
        and (dtype.is_floating_point or dtype.is_complex)
    torch.manual_seed(0)
    samples = enumerate(entry.sample_inputs("cpu", dtype, requires_grad=grad))
    for number, sample in samples if limit is None else some(samples, limit):
        try:
            found = list(judge_sample(entry, function, sample, grad))
            if found and dtype in WIDER and not is_random(entry, sample):     # whose rounding? double precision decides
                found = list(judge_sample(entry, function, sample, grad, widen=True)) and found
            failures.extend((number, describe(sample), wrong) for wrong in found
                            if not any(wrong.startswith(text) for text in WRONG.get(entry.name, ())))
        except Missing:
            raise
        except Exception as error:
            failures.append((number, describe(sample), f"{type(error).__name__}: {error}"))
    return failures


# ---- methods, in-place methods, out=, wrong input ----------------------------------------------

def plain_call(function, sample):
    carrier = Carrier()
    return function(carrier.over(sample.input), *carrier.over(sample.args), **carrier.over(sample.kwargs))


def compare_results(entry, theirs, ours):
    theirs, ours = flat(theirs), flat(ours)
    if len(theirs) != len(ours):
        return f"{len(ours)} results instead of {len(theirs)}"
    if entry.name in UNDETERMINED:
        theirs, ours = flat(UNDETERMINED[entry.name](*theirs)), flat(UNDETERMINED[entry.name](*ours))
    return next(filter(None, (difference(a, b, exact=entry.name in RANDOM)
                              for a, b in zip(theirs, ours, strict=True))), None)


def judge_method(entry, sample, inplace):
    name = (entry.inplace_variant if inplace else entry.method_variant).__name__
    target = sample.input.clone() if inplace else sample.input
    try:
        theirs = getattr(target, name)(*sample.args, **sample.kwargs)
    except (RuntimeError, TypeError, ValueError, IndexError):
        return None      # not every sample can be written in place
    kept = []

    def call(x, *args, **kw):
        kept.append(rustorch.clone(x) if inplace else x)
        return attribute(kept[0], name)(*args, **kw)
    ours = plain_call(call, sample)
    if inplace and ours is not kept[0]:
        return f"{name} returns another tensor"
    found = compare_results(entry, theirs, ours)
    return found and f".{name}: {found}"


def judge_out(entry, function, sample):
    theirs = entry.op(sample.input, *sample.args, **sample.kwargs)
    if not all(isinstance(t, torch.Tensor) for t in flat(theirs)):
        return None
    try:
        places = [torch.empty_like(t) for t in flat(theirs)]
        entry.op(sample.input, *sample.args, out=tuple(places) if len(places) > 1 else places[0], **sample.kwargs)
    except (TypeError, RuntimeError):      # PyTorch has no out= there
        return None
    outs = [rustorch.empty(tuple(t.shape), dtype=DTYPE_NAMES[t.dtype]) for t in flat(theirs)]
    given = tuple(outs) if len(outs) > 1 else outs[0]
    result = plain_call(lambda x, *args, **kw: function(x, *args, out=given, **kw), sample)
    if any(a is not b for a, b in zip(flat(result), outs, strict=True)):
        return "out=: returns another tensor"
    found = compare_results(entry, theirs, outs)
    return found and f"out=: {found}"


def signatures(entry):
    """The names of the positional arguments, in the forms that PyTorch knows."""
    try:
        found = inspect.signature(entry.op).parameters.values()
        return [[p.name for p in found if p.kind is p.POSITIONAL_OR_KEYWORD]]
    except (ValueError, TypeError):
        found = torch._C._jit_get_schemas_for_operator("aten::" + entry.aten_name)
        return [["input" if a.name == "self" else a.name for a in form.arguments if not a.kwarg_only] for form in found]


def judge_keywords(entry, function, sample):
    """Every argument by its name, as far as PyTorch takes it so."""
    given = [sample.input, *sample.args]
    for names in signatures(entry):
        if len(names) < len(given) or set(names[:len(given)]) & set(sample.kwargs):
            continue
        named = dict(zip(names, given, strict=False)) | dict(sample.kwargs)
        try:
            entry.op(**named)
        except (TypeError, RuntimeError, ValueError):
            continue
        try:
            plain = Carrier()
            function(**plain.over(named))
        except TypeError as error:
            return f"arguments {', '.join(named)}: {error}"
        return None
    return None


def judge_steps(entry, function, sample):
    """Inputs with steps between their elements, and NaN or the like there."""
    try:
        spread = sample.noncontiguous()
        entry.op(spread.input, *spread.args, **spread.kwargs)
    except (RuntimeError, TypeError):       # PyTorch wants the elements one behind the other
        return None
    found = list(judge_sample(entry, function, spread, False))
    if found and not list(judge_sample(entry, function, spread, False, widen=True)):
        return None
    return f"with steps: {found[0]}" if found else None


def judge_errors(entry, function):
    """Input that PyTorch refuses and we take, or refuse by an exception of another kind."""
    if entry.error_inputs_func is None:
        return
    for number, case in enumerate(entry.error_inputs("cpu")):
        sample = case.sample_input
        # We take Python numbers where PyTorch wants tensors, a tensor for a sequence of tensors, outputs that
        # overlap inputs, means of integers.
        overlapping = "unsupported operation" in case.error_regex and "out" in sample.kwargs
        said = str(case.error_regex)
        taken = "could not infer output dtype" in said or "must be tuple of Tensors" in said
        if case.error_type is Exception or overlapping or taken:
            continue
        try:
            plain_call(function, sample)
        except Missing:
            raise
        except Exception as error:
            if not isinstance(error, (case.error_type, TypeError, BufferError)):
                yield number, describe(sample), f"{type(error).__name__}: {error}"
            continue
        yield number, describe(sample), f"accepted; PyTorch: {case.error_type.__name__}: {str(case.error_regex)[:120]}"


def judge_variants(entry, dtype=torch.float32, limit=8):
    """As judge, for the other ways to call an entry."""
    if dtype not in dtypes_of(entry):
        dtype = next(iter(dtypes_of(entry)), torch.bfloat16)
    function, failures = counterpart(entry), []
    torch.manual_seed(0)
    for number, sample in enumerate(itertools.islice(entry.sample_inputs("cpu", dtype), limit)):
        ways = []
        for inplace, variant in enumerate((entry.method_variant, entry.inplace_variant)):
            if getattr(variant, "__name__", "<lambda>") != "<lambda>" and isinstance(sample.input, torch.Tensor):
                ways.append(lambda sample=sample, inplace=inplace: judge_method(entry, sample, inplace))
        if entry.name not in RANDOM and not entry.name.startswith("__"):
            ways.append(lambda sample=sample: judge_keywords(entry, function, sample))
            ways.append(lambda sample=sample: judge_steps(entry, function, sample))
        if entry.supports_out:
            ways.append(lambda sample=sample: judge_out(entry, function, sample))
        for way in ways:
            try:
                found = way()
            except Missing as error:
                found = f"missing {error}"
            except Exception as error:
                found = f"{type(error).__name__}: {error}"
            if found:
                failures.append((number, describe(sample), found))
    failures.extend(judge_errors(entry, function))
    return failures


def main(arguments):
    verbose, other_ways = "-v" in arguments, "-w" in arguments
    names = [name for name in arguments if not name.startswith("-")]
    entries = [entry for entry in core()
               if not names or label(entry) in names or entry.name in names
               or any(name.endswith("*") and entry.name.startswith(name[:-1]) for name in names)]
    missing, failing, passed, seconds = [], [], 0, {}
    warnings.simplefilter("ignore")
    for entry in entries:
        bad, start = {}, time.process_time()
        try:
            for dtype in [torch.float32] if other_ways else dtypes_of(entry):
                found = judge_variants(entry) if other_ways else judge(entry, dtype)
                if found:
                    bad[DTYPE_NAMES[dtype]] = found
        except Missing:
            missing.append(label(entry))
            continue
        seconds[label(entry)] = time.process_time() - start
        if not bad:
            passed += 1
            continue
        failing.append(label(entry))
        for dtype, found in bad.items():
            print(f"{label(entry)} {dtype}: {len(found)} failures", flush=True)
            for number, arguments_, wrong in found if verbose else found[:2]:
                print(f"    sample {number} {arguments_[:300]}\n        {str(wrong)[:400]}")
    print(f"{passed} of {len(entries)} pass ({100 * passed / max(1, len(entries)):.1f} %)")
    slowest = sorted(seconds, key=seconds.get, reverse=True)[:12]
    print("slowest:", ", ".join(f"{name} {seconds[name]:.1f} s" for name in slowest))
    if failing:
        print(f"failing ({len(failing)}):", " ".join(failing))
    if missing:
        print(f"missing ({len(missing)}):", " ".join(missing))


if __name__ == "__main__":
    main(sys.argv[1:])
