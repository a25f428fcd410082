"""Every public name of torch.nn and its modules, at the same path."""
import importlib
import inspect
import pkgutil
import warnings

import pytest
import torch

import rustorch

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    PATHS = ["nn", "nn.functional", "nn.init", "nn.parameter", "nn.grad", "nn.common_types", "nn.utils", "nn.utils.rnn",
             "nn.utils.parametrize", "nn.utils.parametrizations", "nn.utils.prune", "nn.utils.stateless",
             "nn.utils.clip_grad", "nn.utils.convert_parameters", "nn.utils.fusion", "nn.utils.init", "nn.modules"]
    PATHS += [f"nn.modules.{m.name}" for m in pkgutil.iter_modules(torch.nn.modules.__path__)]
# Quantised, compiled for other devices, of PyTorch's own inside, or gone since long.
LEFT_OUT = {"Container", "grouped_mm", "scaled_grouped_mm", "scaled_mm", "handle_torch_function", "has_torch_function",
            "has_torch_function_unary", "has_torch_function_variadic", "boolean_dispatch", "assert_int_or_pair",
            "native_channel_shuffle", "convert_conv2d_weight_memory_format", "convert_conv3d_weight_memory_format",
            "ScalingType", "SwizzleType",
            "PackedSequence_", "bind"}
LEFT_OUT_MODULES = {"nn.modules._functions", "nn.modules.linear_cross_entropy"}


def public(module):
    """What it says is public; of functional, which says it of a few only, every function."""
    listed = set(getattr(module, "__all__", ()))
    if module is torch.nn.functional:
        listed |= {name for name, value in vars(module).items()
                   if inspect.isfunction(value) or inspect.isbuiltin(value)}
    elif not listed:
        listed = {name for name, value in vars(module).items()
                  if str(getattr(value, "__module__", "")).startswith("torch.nn")}
    return {name for name in listed if not name.startswith("_")} - LEFT_OUT


@pytest.mark.parametrize("path", [path for path in PATHS if path not in LEFT_OUT_MODULES])
def test_names_are_there(path):
    theirs, ours = importlib.import_module(f"torch.{path}"), importlib.import_module(f"rustorch.{path}")
    assert [name for name in sorted(public(theirs)) if not hasattr(ours, name)] == []


@pytest.mark.parametrize("path", ["batchnorm._BatchNorm", "batchnorm._NormBase", "conv._ConvNd", "dropout._DropoutNd",
                                  "instancenorm._InstanceNorm", "loss._Loss", "loss._WeightedLoss",
                                  "pooling._MaxPoolNd", "module._IncompatibleKeys"])
def test_base_classes_that_programs_ask_for(path):
    module, name = path.split(".")
    theirs = getattr(importlib.import_module(f"torch.nn.modules.{module}"), name)
    ours = getattr(importlib.import_module(f"rustorch.nn.modules.{module}"), name)
    for key, cls in vars(torch.nn).items():
        if inspect.isclass(cls) and hasattr(rustorch.nn, key) and key != "CrossMapLRN2d":
            assert issubclass(cls, theirs) == issubclass(getattr(rustorch.nn, key), ours), key


def parameters(function):
    try:
        found = inspect.signature(function).parameters.values()
    except (ValueError, TypeError):
        return None
    if any(p.kind is p.VAR_POSITIONAL for p in found):
        return None
    plain = (bool, int, float, str, tuple, type(None))
    return [(p.name, p.default if isinstance(p.default, plain) else "") for p in found if p.kind is not p.VAR_KEYWORD]


CALLABLES = [f"nn.{name}" for name in torch.nn.modules.__all__ if name not in LEFT_OUT | {"Linear"}]
CALLABLES += [f"nn.init.{name}" for name in torch.nn.init.__all__]
CALLABLES += [f"nn.functional.{name}" for name in public(torch.nn.functional)]
CALLABLES += [f"nn.utils.{name}" for name in torch.nn.utils.__all__ if name not in LEFT_OUT]
CALLABLES += [f"nn.Module.{name}" for name in vars(torch.nn.Module) if not name.startswith("_")]
# In ours, rows of the table, whose first argument is x; or with arguments beside PyTorch's.
OTHERWISE = {"nn.functional.sigmoid", "nn.functional.tanh", "nn.functional.tanhshrink",
             "nn.functional.multi_head_attention_forward", "nn.Module.forward", "nn.Module.register_backward_hook"}


@pytest.mark.parametrize("path", sorted(set(CALLABLES) - OTHERWISE))
def test_arguments_and_defaults(path):
    theirs, ours = torch, rustorch
    for part in path.split("."):
        theirs = getattr(theirs, part)
        ours = getattr(ours, part, None)
    if path.startswith("nn.Module.") and path.rpartition(".")[2] in ("ipu", "mtia", "xpu"):
        assert ours is None
    elif callable(theirs) and (wanted := parameters(theirs)) is not None and (found := parameters(ours)) is not None:
        assert [entry for entry in wanted if entry not in found] == []
        assert [name for name, _ in found][: len(wanted)] == [name for name, _ in wanted]
