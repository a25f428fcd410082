"""rustorch: a NumPy array that differentiates.

A small, quick tensor library whose Tensor is a C type.  It shares memory with NumPy,
PyTorch, SciPy and scikit-learn, takes part in NumPy's own ufuncs, and records gradients.

>>> import numpy as np, rustorch as rt
>>> x = rt.tensor([1.0, 2.0], requires_grad=True)
>>> np.sum(np.exp(x) * x).backward()
>>> x.grad
tensor([ 5.4365635, 22.167168 ])
"""

from __future__ import annotations

import importlib
import math as _math
import os as _os
from typing import Any

import numpy as _numpy  # (its BLAS must be loaded before the next lines)

# Our pool divides the work, so the bundled OpenBLAS is told, while it is loaded, to start no threads.
_blas_threads = _os.environ.get("OPENBLAS_NUM_THREADS")
_os.environ["OPENBLAS_NUM_THREADS"] = "1"
from . import _C  # noqa: E402

if _blas_threads is None:
    del _os.environ["OPENBLAS_NUM_THREADS"]
else:
    _os.environ["OPENBLAS_NUM_THREADS"] = _blas_threads
from ._C import (  # noqa: E402
    ArgumentError as ArgumentError,
    DeviceError as DeviceError,
    DtypeError as DtypeError,
    OutOfRangeError as OutOfRangeError,
    RusTorchError as RusTorchError,
    ShapeMismatchError as ShapeMismatchError,
    Size as Size,
    Tensor as Tensor,
    TensorError as TensorError,
    arange as arange,
    as_tensor as as_tensor,
    asarray as asarray,
    empty as empty,
    empty_like as empty_like,
    eye as eye,
    from_dlpack as from_dlpack,
    from_numpy as from_numpy,
    full as full,
    full_like as full_like,
    get_default_dtype as get_default_dtype,
    get_num_threads as get_num_threads,
    is_grad_enabled as is_grad_enabled,
    is_inference_mode_enabled as is_inference_mode_enabled,
    linspace as linspace,
    ones as ones,
    ones_like as ones_like,
    promote_types as promote_types,
    set_default_dtype as set_default_dtype,
    set_num_threads as set_num_threads,
    tensor as tensor,
    zeros as zeros,
    zeros_like as zeros_like,
)

__version__ = "0.1.0"

inf = _math.inf
nan = _math.nan
pi = _math.pi
e = _math.e
newaxis = None

bool = bool_ = _C.dtype("bool")
uint8 = _C.dtype("uint8")
uint16 = _C.dtype("uint16")
uint32 = _C.dtype("uint32")
uint64 = _C.dtype("uint64")
int8 = _C.dtype("int8")
int16 = short = _C.dtype("int16")
int32 = int = _C.dtype("int32")
int64 = long = _C.dtype("int64")
float16 = half = _C.dtype("float16")
float32 = float = _C.dtype("float32")
float64 = double = _C.dtype("float64")
complex64 = cfloat = _C.dtype("complex64")
complex128 = cdouble = _C.dtype("complex128")
dtype = _numpy.dtype

globals().update(_C.ops)

from . import _operations  # noqa: E402  (needs the names above)
from ._device import (  # noqa: E402
    device as device,
    get_default_device as get_default_device,
    set_default_device as set_default_device,
)
from ._layout import (  # noqa: E402
    channels_last as channels_last,
    channels_last_3d as channels_last_3d,
    contiguous_format as contiguous_format,
    layout as layout,
    memory_format as memory_format,
    preserve_format as preserve_format,
    sparse_bsc as sparse_bsc,
    sparse_bsr as sparse_bsr,
    sparse_coo as sparse_coo,
    sparse_csc as sparse_csc,
    sparse_csr as sparse_csr,
    strided as strided,
)
from ._modes import (  # noqa: E402
    enable_grad as enable_grad,
    inference_mode as inference_mode,
    no_grad as no_grad,
    set_grad_enabled as set_grad_enabled,
)

globals().update(_operations.public())

_SUBMODULES = {
    "accelerator", "amp", "autograd", "backends", "callbacks", "compiler", "config", "cuda", "data", "debug",
    "distributions",
    "errors", "fft", "func", "functional", "interop", "jit", "kernels", "linalg", "memory", "metal", "metrics", "mps",
    "multiprocessing", "nn", "numpy", "operations", "ops", "optim", "plugins", "profiler", "random", "serialization",
    "signal", "sklearn", "sparse", "special", "testing", "training", "types", "ufunc", "utils", "version",
    "visualization", "xpu", "onnx",
}  # fmt: skip
_RANDOM = {
    "Generator", "bernoulli", "default_generator", "initial_seed", "manual_seed", "multinomial", "normal",
    "rand", "rand_like", "randint", "randint_like", "randn", "randn_like", "randperm", "seed", "get_rng_state",
    "set_rng_state",
}  # fmt: skip
# functions of nn.functional that are here, too
_FUNCTIONAL = {
    "conv1d", "conv2d", "conv3d", "conv_tbc", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d",
    "adaptive_avg_pool1d", "adaptive_max_pool1d", "avg_pool1d", "max_pool1d", "max_pool1d_with_indices",
    "max_pool2d", "max_pool3d", "alpha_dropout", "bilinear", "channel_shuffle", "feature_alpha_dropout",
    "pixel_shuffle", "pixel_unshuffle", "rrelu", "rrelu_",
}  # fmt: skip

_SPECTROGRAMS = {
    "bartlett_window", "blackman_window", "hamming_window", "hann_window", "istft", "kaiser_window", "stft",
}  # fmt: skip

# other names -> the module that has them
_ELSEWHERE = {
    "GradScaler": "amp", "autocast": "amp", "clear_autocast_cache": "amp.autocast_mode",
    "get_autocast_dtype": "amp.autocast_mode", "is_autocast_enabled": "amp.autocast_mode",
    "set_autocast_dtype": "amp.autocast_mode", "set_autocast_enabled": "amp.autocast_mode", "vmap": "func",
    "TypedStorage": "_legacy", "UntypedStorage": "_legacy", "set_default_tensor_type": "_legacy",
    "typename": "_legacy", "set_printoptions": "_repr", "pca_lowrank": "_low_rank", "svd_lowrank": "_low_rank",
    "backward": "autograd", "binomial": "_variates", "poisson": "_variates",
    **{name: "sparse._torch" for name in (
        "sparse_compressed_tensor", "sparse_coo_tensor", "sparse_csc_tensor", "sparse_csr_tensor",
    )},
    **{name: "_recurrent" for name in (
        "gru", "gru_cell", "lstm", "lstm_cell", "rnn_relu", "rnn_relu_cell", "rnn_tanh", "rnn_tanh_cell",
    )},
    **{name: "_native" for name in (
        "addmv_", "affine_grid_generator", "alpha_dropout_", "arccos_", "arccosh_", "arcsin_", "arcsinh_", "arctan_",
        "arctanh_", "as_strided_", "binary_cross_entropy_with_logits", "cond", "conj_physical_",
        "cosine_embedding_loss", "ctc_loss", "detach_", "dropout_", "embedding_renorm_", "feature_alpha_dropout_",
        "feature_dropout", "feature_dropout_", "fix_", "frobenius_norm", "get_device", "grid_sampler",
        "grid_sampler_2d", "grid_sampler_3d", "hinge_embedding_loss", "kl_div", "margin_ranking_loss",
        "max_pool2d_with_indices_backward", "native_batch_norm", "native_channel_shuffle", "native_dropout",
        "native_dropout_backward", "native_group_norm", "native_layer_norm", "negative_",
        "norm_except_dim", "nuclear_norm", "poisson_nll_loss", "segment_reduce", "to_dlpack",
        "triplet_margin_loss", "while_loop",
    )},
    "load": "serialization", "save": "serialization", "set_debug_mode": "debug", "explain": "_explain",
    "set_simd_enabled": "config", "show_config": "config", "Model": "training",
    **{name: "_process" for name in (
        "are_deterministic_algorithms_enabled", "compile", "compiled_with_cxx11_abi", "get_deterministic_debug_mode",
        "get_float32_matmul_precision", "get_num_interop_threads", "is_deterministic_algorithms_warn_only_enabled",
        "is_storage", "is_warn_always_enabled", "set_deterministic_debug_mode",
        "set_float32_matmul_precision", "set_flush_denormal", "set_num_interop_threads", "set_warn_always",
        "use_deterministic_algorithms",
    )},
}  # fmt: skip


def _guarded(value: Any) -> Any:
    return _C._guard(value) if type(value) is type(_guarded) else value


def __getattr__(name: str) -> Any:
    """Submodules, random functions and bfloat16 are loaded when first asked for."""
    if name == "bfloat16":
        value = _C.dtype("bfloat16")
    elif name in _RANDOM:
        value = _guarded(getattr(importlib.import_module(".random", __name__), name))
    elif name in _FUNCTIONAL:
        value = getattr(importlib.import_module(".nn.functional", __name__), name)
    elif name in _SPECTROGRAMS:
        value = _guarded(getattr(importlib.import_module("._spectrograms", __name__), name))
    elif name in _ELSEWHERE:
        value = _guarded(getattr(importlib.import_module("." + _ELSEWHERE[name], __name__), name))
    elif name.startswith("tensor_") and name[7:] in _C.ops:  # tensor_add is add
        value = getattr(importlib.import_module(__name__), name[7:])
    elif name.endswith("Tensor") and name in importlib.import_module("._legacy", __name__).TYPES:
        value = importlib.import_module("._legacy", __name__).typed(name)
    elif name in _SUBMODULES:
        try:
            value = importlib.import_module("." + name, __name__)
        except ModuleNotFoundError as error:
            if error.name != f"{__name__}.{name}":
                raise
            raise AttributeError(f"rustorch has no {name!r} yet") from None
    elif name.startswith("_"):
        raise AttributeError(f"module 'rustorch' has no attribute {name!r}")
    else:
        value = importlib.import_module(".plugins", __name__).find(name)  # AttributeError where they lack it, too
    globals()[name] = value
    return value


def get_include() -> str:
    """The folder of ``rustorch.h``, the header for extensions in C and C++: ``cc -I...``.

    Example:
        >>> import os, rustorch
        >>> os.path.exists(os.path.join(rustorch.get_include(), "rustorch.h"))
        True
    """
    return _os.path.join(_os.path.dirname(__file__), "include")


if "RUSTORCH_" in " ".join(_os.environ):
    from . import _environment

    _environment.read()

from . import _threadpools  # noqa: E402

_threadpools.watch()


def __dir__() -> list[str]:
    return sorted({*globals(), *_SUBMODULES, *_RANDOM, *_FUNCTIONAL, *_SPECTROGRAMS, *_ELSEWHERE, "bfloat16"})
