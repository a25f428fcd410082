"""Names that a PyTorch program finds here, what they are, and what is said of those that are not there."""

import copy
import importlib
import inspect
import pickle
import re

import numpy as np
import pytest
import torch

import rustorch as rt

# What is left out: other formats of storage and number, other devices, processes, compilers, PyTorch's own insides.
LEFT_OUT = re.compile(
    r"sparse|coalesce|dense_dim|sspaddmm|^sm?mm$|saddmm|spmm|hspmm|[dh]smm|(row|col|ccol|crow)_indices|^(indices|values)(_copy)?$|"
    r"quant|q_(scale|zero|per)|qscheme|int_repr|fbgemm|fake_|fused_moving|choose_q|per_(tensor|channel)_|^qu?int|"
    r"cudnn|miopen|mkldnn|cuda|vulkan|^(ao|mtia|maia|hpu|xpu|ipu|xla|mps|nested|jagged|fx|export|onnx|package|library|hub)$|"
    r"storage$|Storage$|StorageBase|Script|^(JIT|Lite|Static|Dispatch|Exclude|Disable|Deserial|Serial|Py[A-Z]|Sym|sym_|Type$|Tag$)|Type$|"
    r"^(u?int[1-7]|bits?\d*|bits\dx\d|float[48]_\w+|complex32|chalf|[cq]uint\w+)$|^(import_|parse_|merge_|unify_|fork|wait)|"
    r"autocast_(ipu|xla|gpu|cpu)|_(ipu|xla|gpu)_|autocast_(in|de)crement|autocast_cpu|autocast_cache|native_|batch_norm_\w+|"
    r"^(AVG|SUM|AggregationType|AliasDb|Acceler|Argument|Await|Benchmark|Block|BufferDict|CallStack|Capsule|Code|Complet|"
    r"Compilation|Concrete|DeepCopy|Error|Event|Execution|Fatal|FileCheck|Function|Future|Gradient|Graph|IOD|Logger|"
    r"LockingLogger|ModuleDict|Node|NoopLogger|Operator|OutOf|ParameterDict|PRIVATE|Stream|Thread|Throughput|Tracing|"
    r"TYPE_CHECK|Use$|USE_|Value$|addmv_$)|"
    r"^(builtins|classes|classproperty|ctypes|functools|glob|inspect|math|os|platform|sys|textwrap|threading|torch|"
    r"torch_version|warnings|futures|monitor|multiprocessing|distributed|masked|mtia|quasirandom|serialization|return_types|"
    r"functional|cpp|cpu|cond|while_loop|ops|overrides|profiler|windows|legacy_contiguous_format|prepare_multi\w+|"
    r"get_file_path|get_device_module|thread_safe_generator|init_num_threads|profiler_\w+|has_\w+|is_distributed|"
    r"is_vulkan_available|set_autocast_\w+|get_autocast_\w+|set_anomaly_enabled|is_anomaly\w*|is_autocast\w*)$|"
    r"(rnn_tanh|rnn_relu|lstm|gru)(_cell)?$|_loss$|^(kl_div|embedding_bag|embedding_renorm_|group_norm|grid_sampler\w*|"
    r"affine_grid_generator|binary_cross_entropy_with_logits|norm_except_dim|frobenius_norm|nuclear_norm|segment_reduce|"
    r"slice_inverse|hash_tensor|from_file|nonzero_static|lobpcg|feature_dropout_?|dropout_|"
    r"alpha_dropout_|feature_alpha_dropout_|rrelu_|range|to_dlpack|eig|solve|lstsq|"
    r"symeig|matrix_rank)$"
)
METHODS_LEFT_OUT = re.compile(
    LEFT_OUT.pattern
    + r"|^(name|names|volatile|reinforce|record_stream|to_mkldnn|to_padded_tensor|module_load|const_data_ptr|"
    r"resize|resize_as|share_memory_|storage_type|is_(shared|coalesced)|index|grad_dtype|\w*named\w*|align_\w+|refine_names|rename_?)$"
)


def test_functions():
    missing = [n for n in dir(torch) if not n.startswith("_") and not LEFT_OUT.search(n) and not hasattr(rt, n)]
    assert missing == []


def test_methods():
    missing = [
        n
        for n in dir(torch.Tensor)
        if not n.startswith("_") and not METHODS_LEFT_OUT.search(n) and not hasattr(rt.Tensor, n)
    ]
    assert missing == []


@pytest.mark.parametrize(
    "name",
    [
        "autograd",
        "autograd.functional",
        "autograd.forward_ad",
        "autograd.graph",
        "linalg",
        "fft",
        "special",
        "func",
        "optim",
        "optim.lr_scheduler",
        "optim.swa_utils",
        "utils.data",
        "amp",
        "nn.functional",
        "nn.init",
        "nn.utils.rnn",
        "nn.utils.parametrizations",
        "testing",
        "signal.windows",
        "random",
        "nn.utils.prune",
        "nn.utils.stateless",
    ],
)
def test_modules(name):
    theirs, ours = (importlib.import_module(f"{library}.{name}") for library in ("torch", "rustorch"))
    shown = getattr(theirs, "__all__", None) or [n for n, v in vars(theirs).items() if callable(v)]
    skipped = re.compile(
        r"^_|^Tensor$|DataChunk|DataPipe|DFIter|runtime_valid|functional_data|guaranteed|non_det|argument_val|SparseAdam|kineto|"
        r"Profiler|DeviceType|SavedTensor|region_activation|set_warn_on_acc|allow_mutation|set_override|"
        r"assert_allclose|FileCheck|enforce_grad|thread_safe|NestedIO|functionalize|debug_unwrap|rearrange|"
        r"replace_all|scaled_\w*mm|grouped_mm|boolean_dis|handle_torch|has_torch|assert_int|TorchDisp|"
        r"variable|gradgradcheck_|swap_in_opt|deprecated|NamedMember|BroadcastingList|Optional|copy_method|"
        r"PackedSequence_|bind|auto$|Enum|TypeVar|ParamSpec|ABC|abstractmethod|contextmanager|Any$|Union|"
        r"Callable|Iterable|Iterator|Weak|namedtuple|defaultdict|deque|native_channel|rrelu_|upsample_\w+|"
        r"DType|ScalingType|SwizzleType|overload|cast$|is_tensor_like|enable_grad$|Literal|Generator$|"
        r"set_multithreading|is_multithreading|is_view_replay|Mapping|Sequence|conv_tbc|UnpackedDual|"
        r"MutableMapping|TypeAlias|wraps|partial|override"
    )
    missing = [
        n for n in shown if not skipped.search(n) and not inspect.ismodule(getattr(theirs, n)) and not hasattr(ours, n)
    ]
    assert missing == []


@pytest.mark.parametrize(
    "where,name",
    [
        (rt, "nothing"),
        (rt.nn, "Nothing"),
        (rt.optim, "Nothing"),
        (rt.Tensor, "nothing"),
        (rt.ones(1), "nothing"),
        (rt.linalg, "nothing"),
        (rt.data, "Nothing"),
    ],
)
def test_what_is_not_there(where, name):
    with pytest.raises(AttributeError, match=name):
        getattr(where, name)


def test_what_is_shown_is_there():
    for module in (rt, rt.nn, rt.amp, rt.distributions, rt.autograd, rt.testing, rt.jit, rt.compiler):
        for name in getattr(module, "__all__", ()):
            assert getattr(module, name) is not None
    for name in dir(rt):
        if name not in ("newaxis", *rt._SUBMODULES):
            assert getattr(rt, name) is not None or name.startswith("_")


# ---- typed tensors, storages ----


def test_typed_tensors():
    for name, dtype in (
        ("FloatTensor", "float32"),
        ("LongTensor", "int64"),
        ("BoolTensor", "bool"),
        ("HalfTensor", "float16"),
        ("ByteTensor", "uint8"),
        ("BFloat16Tensor", "bfloat16"),
        ("ComplexFloatTensor", "complex64"),
    ):
        ours, theirs = getattr(rt, name, None), getattr(torch, name, None)
        t = ours([1, 0])
        assert (
            str(t.dtype) == dtype
            and isinstance(t, ours)
            and not isinstance(t, rt.DoubleTensor)
            and ours(2, 3).shape == (2, 3)
        )
        assert theirs is None or t.type() == theirs([1, 0]).type()
        assert rt.ones(2).type(ours).dtype == t.dtype == rt.ones(2).type(t.type()).dtype
    assert (
        rt.Tensor(2, 3).shape == (2, 3)
        and rt.Tensor([2, 3]).tolist() == [2.0, 3.0]
        and rt.Tensor(rt.Size([4])).shape == (4,)
    )
    assert rt.Tensor().shape == (0,) and rt.Tensor(3).shape == (3,) and rt.Tensor(2, 3).dtype == "float32"
    assert rt.typename(rt.ones(1)) == "torch.FloatTensor" and rt.typename(3) == "int" == torch.typename(3)
    before = rt.get_default_dtype()
    try:
        rt.set_default_tensor_type("torch.DoubleTensor")
        assert rt.zeros(1).dtype == "float64"
        rt.set_default_tensor_type(rt.FloatTensor)
        assert rt.zeros(1).dtype == "float32"
    finally:
        rt.set_default_dtype(before)
    for wrong in ("FooTensor", 3, None):
        with pytest.raises(TypeError):
            rt.set_default_tensor_type(wrong)
    with pytest.raises(rt.DeviceError):
        rt.FloatTensor([1], device="cuda")


def test_storages():
    points = rt.tensor([[4.0, 1.0], [5.0, 3.0], [2.0, 1.0]])
    second = points[1]
    assert (
        second.storage_offset() == 2 and len(second.storage()) == 6 and second.storage().tolist() == [4, 1, 5, 3, 2, 1]
    )
    second.storage()[0] = 9.0
    assert points[0, 0].item() == 9 and points.storage() == points.T.storage() and points.storage()[5] == 1
    assert points.untyped_storage().nbytes() == 24 and points.storage().data_ptr() == points.data_ptr()
    assert points.storage().untyped() == points.untyped_storage() and points.storage() != rt.ones(6).storage()
    assert (
        list(points.storage()) == points.flatten().tolist()
        and rt.is_storage(points.storage())
        and not rt.is_storage(points)
    )
    assert len(rt.TypedStorage(5, dtype=rt.float32)) == 5 and "size 6" in repr(points.storage())
    t = rt.zeros(2)
    assert t.set_(points.storage(), 1, (2, 2), (2, 1)).tolist() == [[1, 5], [3, 2]] and t.is_set_to(t.view(2, 2))
    assert t.set_(points) is t and t.shape == (3, 2) and t.set_().shape == (0,) and not t.is_set_to(points)
    with pytest.raises(RuntimeError):
        rt.zeros(2).set_(points.storage(), 5, (2,), (1,))
    with pytest.raises(RuntimeError):
        rt.zeros(2).set_(rt.zeros(2, dtype=rt.int64))


def test_elementwise_functions_of_python():
    t, u = rt.tensor([1.0, 2.0]), torch.tensor([1.0, 2.0])
    f = lambda x, *y: x * 2 + sum(y)  # noqa: E731
    assert t.apply_(f).tolist() == u.apply_(f).tolist() and t.map_(t, f).tolist() == u.map_(u, f).tolist()
    assert t.map2_(t, t, f).tolist() == u.map2_(u, u, f).tolist()
    assert rt.ones(3).int().apply_(lambda v: v + 1).dtype == "int32"
    with pytest.raises(RuntimeError, match="requires grad"):
        rt.ones(2, requires_grad=True).apply_(f)
    with pytest.raises(RuntimeError, match=r"\(2,\) and \(3,\)"):
        rt.ones(2).map_(rt.ones(3), f)


# ---- devices, switches ----


def test_devices():
    assert rt.device("cuda:1").index == 1 == rt.device("cuda", 1).index and rt.device(2) == "cuda:2"
    assert repr(rt.device("cpu")) == repr(torch.device("cpu")) and repr(rt.device("mps:0")) == repr(
        torch.device("mps:0")
    )
    assert isinstance(rt.ones(1).device, rt.device) and rt.device(rt.device("cpu")) == rt.get_default_device()
    assert pickle.loads(pickle.dumps(rt.device("cuda:1"))) == copy.deepcopy(rt.device("cuda:1")) == rt.device("cuda:1")
    assert len({rt.device("cpu"), rt.device("cpu"), rt.device("cuda:0")}) == 2
    with rt.device("cpu"):
        assert rt.ones(1).device.type == "cpu"
    for wrong in ("nonsense", "cuda:x", "cuda:"):
        with pytest.raises(RuntimeError):
            rt.device(wrong)
    for call in (
        lambda: rt.device("cuda").__enter__(),
        lambda: rt.set_default_device("cuda"),
        lambda: rt.cuda.synchronize(),
        lambda: rt.cuda.set_device(0),
        lambda: rt.cuda.Stream(),
        lambda: rt.ones(1).cuda(),
    ):
        with pytest.raises(rt.DeviceError):
            call()
    with pytest.raises(AttributeError):
        rt.device("cpu").type = "cuda"
    rt.set_default_device("cpu")
    rt.cuda.manual_seed_all(0)
    assert not rt.cuda.is_available() and not rt.xpu.is_available() and not rt.accelerator.is_available()
    assert rt.version.cuda is None and rt.version.__version__ == rt.__version__


def test_switches():
    rt.backends.cudnn.deterministic, rt.backends.cudnn.benchmark = True, False
    with rt.backends.cudnn.flags(enabled=True, benchmark=True):
        assert rt.backends.cudnn.benchmark
    assert (
        not rt.backends.cudnn.benchmark and not rt.backends.mps.is_available() and rt.backends.cudnn.version() is None
    )
    with pytest.raises(TypeError):
        rt.backends.cudnn.flags(nothing=1).__enter__()
    rt.use_deterministic_algorithms(True, warn_only=True)
    assert rt.is_deterministic_algorithms_warn_only_enabled() and rt.are_deterministic_algorithms_enabled()
    rt.set_float32_matmul_precision("high")
    assert rt.get_float32_matmul_precision() == "high"
    rt.set_float32_matmul_precision("highest")
    for call in (
        lambda: rt.set_float32_matmul_precision("low"),
        lambda: rt.set_deterministic_debug_mode("loud"),
        lambda: rt.set_num_interop_threads(0),
    ):
        with pytest.raises(RuntimeError):
            call()
    with pytest.raises(NotImplementedError):
        rt.jit.save(None, "x")
    assert rt.compile(len) is len and rt.compile(mode="max-autotune")(len) is len and rt.jit.script(len) is len
    with pytest.raises(TypeError):
        rt.compile(3)
    with pytest.raises(RuntimeError, match="eval"):
        rt.jit.freeze(rt.nn.Linear(2, 2))


# ---- mixed precision ----


def test_autocast():
    x, w = rt.ones(4, 4, requires_grad=True), rt.ones(4, 4)
    with rt.autocast("cpu"):
        y = x @ w
        assert y.dtype == "bfloat16" == (x.mm(w)).dtype == rt.get_autocast_dtype("cpu") and rt.is_autocast_enabled(
            "cpu"
        )
        assert (
            rt.nn.functional.mse_loss(y, w.bfloat16()).dtype == "float32"
            and (x.double() @ w.double()).dtype == "float64"
        )
        assert x.exp().dtype == "float32" and rt.linalg.inv(rt.eye(2).bfloat16()).dtype == "float32"
        with rt.autocast("cpu", enabled=False):
            assert (x @ w).dtype == "float32"
        with rt.autocast("cpu", dtype=rt.float16):
            assert (x @ w).dtype == "float16"
        assert (x @ w).dtype == "bfloat16" and rt.matmul(w, w, out=rt.ones(4, 4)).dtype == "float32"
    y.float().sum().backward()
    assert x.grad.dtype == "float32" and not rt.is_autocast_enabled() and (x @ w).dtype == "float32"

    @rt.autocast("cpu")
    def decorated():
        return (w @ w).dtype

    assert decorated() == "bfloat16" and (w @ w).dtype == "float32"
    for wrong, error in (({"device_type": "nonsense"}, RuntimeError), ({"device_type": 3}, ValueError)):
        with pytest.raises(error):
            rt.autocast(**wrong)
    with pytest.warns(UserWarning, match="cuda"), rt.autocast("cuda"):
        assert (w @ w).dtype == "float32"
    with pytest.warns(UserWarning, match="int64"), rt.autocast("cpu", dtype=rt.int64):
        assert (w @ w).dtype == "float32"


def test_custom_functions_under_autocast():
    class Product(rt.autograd.Function):
        @staticmethod
        @rt.amp.custom_fwd(device_type="cpu", cast_inputs=rt.float32)
        def forward(ctx, a, b):
            ctx.save_for_backward(a, b)
            return a @ b

        @staticmethod
        @rt.amp.custom_bwd(device_type="cpu")
        def backward(ctx, g):
            a, b = ctx.saved_tensors
            return g @ b.T, a.T @ g

    x = rt.ones(2, 2, requires_grad=True)
    with rt.autocast("cpu"):
        y = Product.apply(x, x.detach().bfloat16())
    y.sum().backward()
    assert y.dtype == x.grad.dtype == "float32" and x.grad.tolist() == [[2, 2], [2, 2]]


def test_scaler():
    p = rt.tensor([1.0], requires_grad=True)
    optimizer, scaler = rt.optim.SGD([p], lr=1.0), rt.amp.GradScaler("cpu", init_scale=4.0, growth_interval=2)
    for step, (gradient, scale) in enumerate([(1.0, 4.0), (1.0, 8.0), (float("inf"), 4.0), (1.0, 4.0)]):
        optimizer.zero_grad()
        scaler.scale((p * gradient).sum()).backward()
        scaler.unscale_(optimizer)
        with pytest.raises(RuntimeError):
            scaler.unscale_(optimizer)
        scaler.step(optimizer)
        with pytest.raises(RuntimeError):
            scaler.step(optimizer)
        scaler.update()
        assert scaler.get_scale() == scale, step
    assert p.item() == 1.0 - 3
    other = rt.amp.GradScaler("cpu")
    other.load_state_dict(scaler.state_dict())
    assert other.state_dict() == scaler.state_dict() and sorted(other.state_dict()) == sorted(
        torch.amp.GradScaler("cpu").state_dict()
    )
    assert scaler.scale([p, (p,)])[1][0].item() == p.item() * 4
    with pytest.raises(RuntimeError):
        other.load_state_dict({})
    for wrong in ({"growth_factor": 1.0}, {"backoff_factor": 1.0}):
        with pytest.raises(ValueError):
            rt.amp.GradScaler("cpu", **wrong)
    off = rt.amp.GradScaler("cpu", enabled=False)
    assert off.scale(p) is p and off.state_dict() == {} and off.get_scale() == 1.0


# ---- printing, assertions ----


def test_print_options():
    try:
        rt.set_printoptions(precision=2)
        assert (
            str(rt.tensor([1.23456, 100.0])) == "tensor([  1.23, 100.0 ])" and str(rt.tensor(1.23456)) == "tensor(1.23)"
        )
        rt.set_printoptions(threshold=5, edgeitems=1)
        assert str(rt.arange(10)) == "tensor([0, ..., 9])"
        rt.set_printoptions(profile="full")
        assert "..." not in str(rt.arange(2000))
        rt.set_printoptions(sci_mode=True)
        assert "e+00" in str(rt.tensor([1.5]))
        rt.set_printoptions(sci_mode=False)
        assert "e" not in str(rt.tensor([1.5e-3])).removeprefix("tensor")
        for wrong in ({"precision": -1}, {"precision": "a"}, {"profile": "nice"}, {"sci_mode": 3}, {"linewidth": 2.5}):
            with pytest.raises((TypeError, ValueError)):
                rt.set_printoptions(**wrong)
    finally:
        rt._repr._options.clear()


CLOSE = [
    lambda t: (t.ones(2), t.ones(2)),
    lambda t: (t.ones(2), t.ones(2) * 1.1),
    lambda t: (t.ones(2), t.ones(3)),
    lambda t: (t.ones(2), t.ones(2).double()),
    lambda t: ([1, t.ones(2)], [1, t.ones(2) + 1]),
    lambda t: ({"a": 1.0}, {"a": 1.1}),
    lambda t: ({"a": 1.0}, {"b": 1.0}),
    lambda t: ([1], [1, 2]),
    lambda t: (t.tensor(1), t.tensor(2)),
    lambda t: (t.ones(2), [1.0, 1.0]),
    lambda t: (1.0, 1.0 + 1e-9),
    lambda t: ("a", "b"),
    lambda t: (t.tensor(float("nan")), t.tensor(float("nan"))),
    lambda t: (t.tensor(float("inf")), t.tensor(float("inf"))),
    lambda t: (np.ones(2), np.ones(2)),
    lambda t: (None, None),
    lambda t: (t.tensor([1 + 1j]), t.tensor([1 + 1.1j])),
    lambda t: (t.tensor([True]), t.tensor([False])),
    lambda t: ([], []),
    lambda t: (t.empty(0), t.empty(0)),
    lambda t: (t.ones(2).bfloat16(), t.ones(2).bfloat16() * 1.01),
]


@pytest.mark.parametrize("k", range(len(CLOSE)))
def test_assert_close(k):
    kinds = []
    for t in (torch, rt):
        try:
            t.testing.assert_close(*CLOSE[k](t))
            kinds.append(None)
        except (AssertionError, TypeError) as error:
            kinds.append(type(error))
    assert kinds[0] is kinds[1]


def test_assert_close_options():
    a = rt.tensor([1.0, float("nan")])
    rt.testing.assert_close(a, a, equal_nan=True)
    rt.testing.assert_close(rt.ones(2), rt.ones(2).double(), check_dtype=False)
    rt.testing.assert_close(rt.ones(2), rt.ones(2) * 1.05, rtol=0.1, atol=0)
    with pytest.raises(ValueError, match="both"):
        rt.testing.assert_close(a, a, rtol=1.0)
    with pytest.raises(AssertionError, match="mine"):
        rt.testing.assert_close(1.0, 2.0, msg="mine")
    with pytest.raises(AssertionError, match="stride"):
        rt.testing.assert_close(rt.ones(2, 2), rt.ones(2, 2).T, check_stride=True)


def test_make_tensor():
    for dtype in ("float32", "complex64", "int64", "uint8", "bool", "bfloat16"):
        t = rt.testing.make_tensor(3, 4, dtype=getattr(rt, dtype), low=1, high=3, noncontiguous=dtype == "float32")
        assert t.shape == (3, 4) and str(t.dtype) == dtype and t.is_contiguous() == (dtype != "float32")
        if dtype not in ("complex64", "bool"):
            assert bool((t >= 1).all()) and bool((t <= 3).all())
    assert rt.testing.make_tensor((2,), dtype=rt.float64, requires_grad=True).requires_grad


# ---- imports as programs have them ----

IMPORTS = """
from torch.nn.modules.utils import _pair
from torch.nn.modules.loss import _Loss
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.common_types import _size_2_t
from torch.optim.optimizer import Optimizer
from torch.optim.lr_scheduler import _LRScheduler, LRScheduler
from torch.optim.adam import Adam
from torch.utils.data.dataloader import default_collate, DataLoader
from torch.utils.data.sampler import Sampler, BatchSampler
from torch.utils.data.dataset import random_split, Dataset
from torch.utils.data.distributed import DistributedSampler
from torch.nn.parameter import Parameter
from torch.nn.parallel import DataParallel
from torch.autograd.function import once_differentiable, Function, FunctionCtx
from torch.autograd.variable import Variable
from torch.autograd.grad_mode import no_grad
from torch.autograd.gradcheck import gradcheck
from torch.cuda.amp import autocast, GradScaler, custom_fwd
from torch.amp.grad_scaler import GradScaler
from torch.utils.checkpoint import checkpoint
from torch.utils.dlpack import from_dlpack
from torch.utils.hooks import RemovableHandle
from torch.utils._pytree import tree_map, tree_flatten
import torch.backends.cudnn as cudnn
from torch.distributions.kl import kl_divergence
from torch.distributions.normal import Normal
from torch.distributions.multivariate_normal import MultivariateNormal
from torch.distributions.utils import broadcast_all
from torch.nn.attention import SDPBackend, sdpa_kernel
import torch.nn.utils.prune as prune
from torch.nn.utils.stateless import functional_call
from torch.functional import einsum, norm
from torch.types import Number, Device
from torch.jit import script
from torch import Tensor, nn, optim, einsum, device, dtype, Size
""".strip().splitlines()


@pytest.mark.parametrize("line", IMPORTS)
def test_imports(line):
    for library in ("torch", "rustorch"):
        exec(re.sub(r"^(from|import) torch", rf"\1 {library}", line), {})


def test_trees():
    from torch.utils import _pytree as theirs

    from rustorch.utils import _pytree as ours

    tree = {"a": [1, (2, 3)], "b": 4, "c": []}
    for name in ("tree_leaves", "tree_flatten"):
        assert getattr(ours, name)(tree)[0:4:3][0] == getattr(theirs, name)(tree)[0:4:3][0]
    assert ours.tree_map(lambda v, w: v + w, tree, tree) == theirs.tree_map(lambda v, w: v + w, tree, tree)
    leaves, spec = ours.tree_flatten(tree)
    assert ours.tree_unflatten(leaves, spec) == tree and spec.num_leaves == 4
    assert ours.tree_map_only(int, str, {"x": 1, "y": "z"}) == {"x": "1", "y": "z"}
    assert ours.tree_all(bool, tree) and ours.tree_any(lambda v: v == 3, tree)
    with pytest.raises(ValueError, match="3 leaves"):
        ours.tree_unflatten([1, 2, 3], spec)


def test_older_mixed_precision():
    with pytest.warns(UserWarning, match="cuda"):
        scaler = rt.cuda.amp.GradScaler()
    with pytest.warns(UserWarning, match="cuda"), rt.cuda.amp.autocast():
        assert (rt.ones(2, 2) @ rt.ones(2, 2)).dtype == "float32"
    assert not scaler.is_enabled() and not rt.cuda.amp.GradScaler(enabled=False).is_enabled()
