"""Option sets of PyTorch's modules beyond those of its own database: every value of every option at least once,
and the combinations that go different ways through the code.

Each entry is (module, arguments, keywords, inputs, keywords of the call); inputs are described as in moduledb."""
import itertools

import torch
from torch import nn

from tests.compat.moduledb import classes, numbers

LENGTHS = {1: (9,), 2: (7, 8), 3: (5, 6, 5)}


def mask(*shape, seed=0):
    """Bools, with no row all True."""
    found = torch.rand(shape, generator=torch.Generator().manual_seed(seed)) < 0.4
    found[..., 0] = False
    return found


def additive(*shape):
    return torch.zeros(shape).masked_fill(mask(*shape, seed=3), float("-inf"))


def causal(n):
    return nn.Transformer.generate_square_subsequent_mask(n)


def convolutions():
    options = [
        {"kernel_size": 3}, {"kernel_size": 3, "stride": 2, "padding": 1, "bias": False},
        {"kernel_size": 2, "dilation": 2, "padding": 2}, {"kernel_size": 3, "groups": 2, "padding": "same"},
        {"kernel_size": 4, "padding": "same", "dilation": 1}, {"kernel_size": 3, "padding": "valid"},
        {"kernel_size": 3, "groups": 4, "stride": 3}, {"kernel_size": 1},
    ]
    modes = [{"kernel_size": 3, "padding": p, "padding_mode": m}
             for m in ("reflect", "replicate", "circular") for p in (1, 2, "same")]
    for n, lengths in LENGTHS.items():
        for kwargs in options + modes:
            out = 8 if kwargs.get("groups") == 4 else 6
            yield f"Conv{n}d", (4, out), kwargs, [numbers(2, 4, *lengths)], {}
        yield f"Conv{n}d", (4, 6, 3), {}, [numbers(4, *lengths)], {}
        for kwargs in (
            {"kernel_size": 3}, {"kernel_size": 3, "stride": 2, "padding": 1, "output_padding": 1},
            {"kernel_size": 2, "dilation": 2, "groups": 2, "bias": False}, {"kernel_size": 4, "stride": 3},
            {"kernel_size": 3, "dilation": 3, "output_padding": 2, "padding": 2},
        ):
            yield f"ConvTranspose{n}d", (4, 6), kwargs, [numbers(2, 4, *lengths)], {}
        yield f"ConvTranspose{n}d", (4, 6, 3), {"stride": 2}, [numbers(4, *lengths)], {
            "output_size": tuple(2 * x + 2 for x in lengths)}


def recurrent():
    for name in ("RNN", "LSTM", "GRU"):
        for layers, both, first, bias in itertools.product((1, 2), (False, True), (False, True), (False, True)):
            kwargs = {"num_layers": layers, "bidirectional": both, "batch_first": first, "bias": bias}
            if name == "RNN" and layers == 2:
                kwargs["nonlinearity"] = "relu"
            state = numbers(layers * (1 + both), 3 if first else 4, 5)
            hx = [state, state] if name == "LSTM" else state
            yield name, (6, 5), kwargs, [numbers(3, 4, 6)], {}
            yield name, (6, 5), kwargs, [numbers(3, 4, 6), tuple(hx) if name == "LSTM" else hx], {}
        yield name, (6, 5), {"num_layers": 2}, [numbers(4, 6)], {}
    for layers, both, first in itertools.product((1, 2), (False, True), (False, True)):
        kwargs = {"num_layers": layers, "bidirectional": both, "batch_first": first, "proj_size": 3}
        yield "LSTM", (6, 5), kwargs, [numbers(3, 4, 6)], {}
    for name in ("RNNCell", "LSTMCell", "GRUCell"):
        for bias in (True, False):
            yield name, (6, 5), {"bias": bias}, [numbers(3, 6)], {}
            yield name, (6, 5), {"bias": bias}, [numbers(6)], {}


def attention():
    for first, bias, kv, zero in itertools.product((False, True), repeat=4):
        kwargs = {"batch_first": first, "bias": bias, "add_bias_kv": kv, "add_zero_attn": zero}
        shapes = [(2, 3, 6), (2, 4, 6), (2, 4, 6)] if first else [(3, 2, 6), (4, 2, 6), (4, 2, 6)]
        inputs = [numbers(*shape) for shape in shapes]
        yield "MultiheadAttention", (6, 2), kwargs, inputs, {}
        yield "MultiheadAttention", (6, 2), kwargs, inputs, {"need_weights": False}
        yield "MultiheadAttention", (6, 3), kwargs, inputs, {"average_attn_weights": False, "attn_mask": mask(3, 4)}
        yield "MultiheadAttention", (6, 2), kwargs, inputs, {"key_padding_mask": mask(2, 4), "attn_mask": mask(3, 4)}
        yield "MultiheadAttention", (6, 2), kwargs, inputs, {"attn_mask": additive(4, 3, 4), "need_weights": False}
    for kdim, vdim in ((4, None), (None, 5), (4, 5)):
        inputs = [numbers(3, 2, 6), numbers(4, 2, kdim or 6), numbers(4, 2, vdim or 6)]
        yield "MultiheadAttention", (6, 2), {"kdim": kdim, "vdim": vdim, "add_bias_kv": True}, inputs, {}
    yield "MultiheadAttention", (6, 2), {}, [numbers(3, 6), numbers(4, 6), numbers(4, 6)], {"key_padding_mask": mask(4)}
    yield "MultiheadAttention", (6, 2), {}, [numbers(3, 2, 6)] * 3, {
        "attn_mask": causal(3), "is_causal": True, "need_weights": False}


def transformers():
    common = {"dropout": 0.0, "dim_feedforward": 8}
    for first, norm_first, activation, bias in itertools.product(
            (False, True), (False, True), ("relu", "gelu"), (False, True)):
        kwargs = common | {"batch_first": first, "norm_first": norm_first, "activation": activation, "bias": bias}
        src, tgt = (numbers(2, 3, 4), numbers(2, 5, 4)) if first else (numbers(3, 2, 4), numbers(5, 2, 4))
        yield "TransformerEncoderLayer", (4, 2), kwargs, [src], {}
        yield "TransformerEncoderLayer", (4, 2), kwargs, [src], {"src_mask": causal(3), "is_causal": True}
        yield "TransformerEncoderLayer", (4, 2), kwargs, [src], {
            "src_mask": mask(3, 3), "src_key_padding_mask": mask(2, 3)}
        yield "TransformerDecoderLayer", (4, 2), kwargs, [tgt, src], {}
        yield "TransformerDecoderLayer", (4, 2), kwargs, [tgt, src], {
            "tgt_mask": causal(5), "tgt_is_causal": True, "memory_mask": mask(5, 3)}
        yield "TransformerDecoderLayer", (4, 2), kwargs, [tgt, src], {
            "tgt_key_padding_mask": mask(2, 5), "memory_key_padding_mask": mask(2, 3)}
        whole = kwargs | {"num_encoder_layers": 2, "num_decoder_layers": 1}
        yield "Transformer", (4, 2), whole, [src, tgt], {}
        yield "Transformer", (4, 2), whole, [src, tgt], {"tgt_mask": causal(5), "tgt_is_causal": True}
        yield "Transformer", (4, 2), whole, [src, tgt], {
            "tgt_mask": causal(5), "src_key_padding_mask": mask(2, 3), "memory_key_padding_mask": mask(2, 3)}


def normalisations():
    shapes = {1: (4, 6, 5), 2: (3, 6, 4, 3), 3: (2, 6, 3, 2, 4)}
    for n, shape in shapes.items():
        for affine, track, momentum in itertools.product((False, True), (False, True), (0.1, 0.7, None)):
            kwargs = {"affine": affine, "track_running_stats": track, "momentum": momentum, "eps": 1e-3}
            yield f"BatchNorm{n}d", (6,), kwargs, [numbers(*shape)], {}
            if momentum is not None:
                yield f"InstanceNorm{n}d", (6,), kwargs, [numbers(*shape)], {}
                yield f"InstanceNorm{n}d", (6,), kwargs, [numbers(*shape[1:])], {}
        yield f"BatchNorm{n}d", (6,), {"bias": False}, [numbers(*shape)], {}
    yield "BatchNorm1d", (6,), {}, [numbers(4, 6)], {}
    for groups, affine in itertools.product((1, 2, 3, 6), (False, True)):
        for shape in ((2, 6), (2, 6, 5), (2, 6, 3, 4)):
            if shape != (2, 6) or groups != 6:
                yield "GroupNorm", (groups, 6), {"affine": affine}, [numbers(*shape)], {}
    for name in ("LayerNorm", "RMSNorm"):
        for shape in ((4,), 4, (3, 4), (2, 3, 4)):
            for kwargs in ({}, {"elementwise_affine": False}, {"eps": 0.1}):
                yield name, (shape,), kwargs, [numbers(2, 3, 4)], {}
    yield "LayerNorm", (4,), {"bias": False}, [numbers(5, 4)], {}
    for size in (1, 2, 3, 5):
        yield "LocalResponseNorm", (size,), {"alpha": 0.2, "beta": 0.6, "k": 1.5}, [numbers(2, 6, 4)], {}
        yield "LocalResponseNorm", (size,), {}, [numbers(2, 6, 4, 3)], {}


def embeddings():
    offsets = torch.tensor([0, 2, 2, 5])
    for mode in ("sum", "mean", "max"):
        # not scale_grad_by_freq: PyTorch's gradient takes the count of another row there
        for kwargs in ({}, {"padding_idx": 3}, {"max_norm": 0.9}, {"include_last_offset": True}):
            last = offsets if not kwargs.get("include_last_offset") else torch.cat([offsets, torch.tensor([8])])
            yield "EmbeddingBag", (9, 4), {"mode": mode, **kwargs}, [classes(9, 8)], {"offsets": last}
            if "include_last_offset" not in kwargs:
                yield "EmbeddingBag", (9, 4), {"mode": mode, **kwargs}, [classes(9, 3, 4)], {}
    yield "EmbeddingBag", (9, 4), {"mode": "sum"}, [classes(9, 3, 4)], {"per_sample_weights": numbers(3, 4)}
    yield "EmbeddingBag", (9, 4), {"mode": "sum", "padding_idx": 0}, [classes(9, 8)], {
        "offsets": offsets, "per_sample_weights": numbers(8)}
    for kwargs in ({}, {"padding_idx": 2}, {"max_norm": 1.0}, {"max_norm": 1.0, "norm_type": 1.0},
                   {"scale_grad_by_freq": True}):
        for shape in ((), (3,), (2, 3, 2)):
            yield "Embedding", (9, 4), kwargs, [classes(9, *shape)], {}


def losses():
    x, y = numbers(4, 5), numbers(4, 5)
    for reduction in ("none", "mean", "sum"):
        how = {"reduction": reduction}
        for name in ("L1Loss", "MSELoss", "SmoothL1Loss", "HuberLoss"):
            yield name, (), how, [x, y], {}
        yield "SoftMarginLoss", (), how, [x, ("signs", (4, 5))], {}
        yield "SmoothL1Loss", (), {**how, "beta": 0.3}, [x, y], {}
        yield "SmoothL1Loss", (), {**how, "beta": 0.0}, [x, y], {}
        yield "HuberLoss", (), {**how, "delta": 0.4}, [x, y], {}
        yield "BCEWithLogitsLoss", (), {**how, "pos_weight": torch.arange(1.0, 6.0)}, [x, ("share", (4, 5))], {}
        yield "BCEWithLogitsLoss", (), {**how, "weight": torch.arange(1.0, 6.0)}, [x, ("share", (4, 5))], {}
        yield "BCELoss", (), {**how, "weight": torch.arange(1.0, 6.0)}, [("share", (4, 5)), ("share", (4, 5))], {}
        for log_input, full in itertools.product((False, True), repeat=2):
            yield "PoissonNLLLoss", (), {**how, "log_input": log_input, "full": full}, [
                ("share", (4, 5)), ("share", (4, 5))], {}
            yield "GaussianNLLLoss", (), {**how, "full": full}, [x, y, ("share", (4, 5) if log_input else (4, 1))], {}
            yield "KLDivLoss", (), {**how, "log_target": log_input}, [x, ("share", (4, 5))], {}
        for margin in (0.0, 0.5):
            yield "MarginRankingLoss", (), {**how, "margin": margin}, [numbers(4), numbers(4), ("signs", (4,))], {}
            yield "HingeEmbeddingLoss", (), {**how, "margin": margin}, [numbers(4), ("signs", (4,))], {}
            yield "CosineEmbeddingLoss", (), {**how, "margin": margin}, [x, y, ("signs", (4,))], {}
        yield "MultiLabelSoftMarginLoss", (), {**how, "weight": torch.arange(1.0, 6.0)}, [x, ("share", (4, 5))], {}
        yield "MultiLabelMarginLoss", (), how, [x, torch.tensor([[1, 2, -1, 0, 0]] * 4)], {}
        for p in (1, 2):
            yield "MultiMarginLoss", (), {**how, "p": p, "margin": 0.7, "weight": torch.arange(1.0, 6.0)}, [
                x, classes(5, 4)], {}
        for p, swap in itertools.product((1.0, 2.0, 3.0), (False, True)):
            yield "TripletMarginLoss", (), {**how, "p": p, "swap": swap, "margin": 2.0}, [x, y, numbers(4, 5)], {}
        for smoothing, ignore in itertools.product((0.0, 0.3), (-100, 2)):
            for shape, target in (((4, 5), (4,)), ((5,), ()), ((2, 5, 3), (2, 3)), ((2, 5, 3, 2), (2, 3, 2))):
                for weight in ({}, {"weight": torch.arange(1.0, 6.0)}):
                    kwargs = {**how, **weight, "ignore_index": ignore}
                    inputs = [numbers(*shape), classes(5, *target)]
                    yield "CrossEntropyLoss", (), {**kwargs, "label_smoothing": smoothing}, inputs, {}
                    if smoothing == 0:
                        yield "NLLLoss", (), kwargs, inputs, {}
        for smoothing in (0.0, 0.3):
            for shape in ((4, 5), (5,), (2, 5, 3)):
                yield "CrossEntropyLoss", (), {**how, "label_smoothing": smoothing}, [
                    numbers(*shape), ("share", shape)], {}
        for zero in (False, True):
            yield "CTCLoss", (), {**how, "zero_infinity": zero, "blank": 1}, [
                ("log_softmax", (7, 3, 4)), torch.tensor([[2, 3, 3], [0, 2, 0], [3, 3, 3]]),
                torch.tensor([7, 5, 4]), torch.tensor([3, 2, 3])], {}
    yield "KLDivLoss", (), {"reduction": "batchmean"}, [x, ("share", (4, 5))], {}


def pools():
    for n, lengths in LENGTHS.items():
        x, alone = numbers(2, 3, *lengths), numbers(3, *lengths)
        for kwargs in ({"kernel_size": 2}, {"kernel_size": 3, "stride": 2, "padding": 1},
                       {"kernel_size": 2, "dilation": 2, "stride": 1},
                       {"kernel_size": 3, "stride": 2, "ceil_mode": True}, {"kernel_size": 3, "return_indices": True}):
            yield f"MaxPool{n}d", (), kwargs, [x], {}
            yield f"MaxPool{n}d", (), kwargs, [alone], {}
        for kwargs in ({"kernel_size": 2}, {"kernel_size": 3, "stride": 2, "padding": 1},
                       {"kernel_size": 3, "stride": 2, "padding": 1, "count_include_pad": False},
                       {"kernel_size": 3, "stride": 2, "padding": 1, "ceil_mode": True},
                       {"kernel_size": 3, "stride": 2, "padding": 1, "ceil_mode": True, "count_include_pad": False}):
            yield f"AvgPool{n}d", (), kwargs, [x], {}
            if n > 1:
                yield f"AvgPool{n}d", (), {**kwargs, "divisor_override": 3}, [alone], {}
        for size in (1, 2, 3, 7):
            yield f"AdaptiveAvgPool{n}d", (size,), {}, [x], {}
            yield f"AdaptiveMaxPool{n}d", (size,), {"return_indices": True}, [alone], {}
        for power, ceil in itertools.product((1, 2, 3), (False, True)):
            yield f"LPPool{n}d", (power, 2), {"ceil_mode": ceil}, [("share", (2, 3, *lengths))], {}
        if n > 1:
            ratio = torch.rand(2, 3, n)
            yield f"FractionalMaxPool{n}d", (2,), {"output_ratio": 0.6, "_random_samples": ratio}, [x], {}
            yield f"FractionalMaxPool{n}d", (2,), {
                "output_size": 3, "return_indices": True, "_random_samples": ratio}, [x], {}


def resampling():
    modes = {1: ("nearest", "nearest-exact", "linear"), 2: ("nearest", "nearest-exact", "bilinear", "bicubic"),
             3: ("nearest", "nearest-exact", "trilinear")}
    for n, lengths in LENGTHS.items():
        for mode in modes[n]:
            for align in (None,) if "nearest" in mode else (None, False, True):
                for size in ({"size": 4}, {"size": 11}, {"scale_factor": 2}, {"scale_factor": 0.6},
                             {"scale_factor": 1.7, "recompute_scale_factor": True}):
                    yield "Upsample", (), {"mode": mode, "align_corners": align, **size}, [numbers(2, 2, *lengths)], {}
        for pad in (1, 2, (2, 1) * n, (0, 3) * n):
            for kind in ("Reflection", "Replication", "Circular", "Zero"):
                yield f"{kind}Pad{n}d", (pad,), {}, [numbers(2, 3, *lengths)], {}
                yield f"{kind}Pad{n}d", (pad,), {}, [numbers(3, *lengths)], {}
            yield f"ConstantPad{n}d", (pad, 1.5), {}, [numbers(2, 3, *lengths)], {}


def others():
    for name, count in (("Dropout", 2), ("Dropout1d", 3), ("Dropout2d", 4), ("Dropout3d", 5), ("AlphaDropout", 2)):
        yield name, (0.0,), {}, [numbers(*[2] * count)], {}
    for cutoffs, value, bias in itertools.product(([4], [3, 9], [2, 6, 14]), (2.0, 4.0), (False, True)):
        yield "AdaptiveLogSoftmaxWithLoss", (12, 20, cutoffs), {"div_value": value, "head_bias": bias}, [
            numbers(6, 12), classes(20, 6)], {}
    for dim in (0, 1, -1):
        for name in ("Softmax", "LogSoftmax", "Softmin"):
            yield name, (dim,), {}, [numbers(3, 4, 2)], {}
        yield "GLU", (dim,), {}, [numbers(4, 6, 2)], {}
        yield "CosineSimilarity", (dim,), {}, [numbers(3, 4, 2), numbers(3, 4, 2)], {}
    for name in ("Softmax", "LogSoftmax", "Softmin"):
        for shape in ((3,), (3, 4), (2, 3, 4), (2, 3, 2, 2)):
            yield name, (), {}, [numbers(*shape)], {}
    for kwargs in ({}, {"p": 1.0}, {"p": 3.0, "keepdim": True}, {"p": float("inf"), "eps": 1e-3}):
        yield "PairwiseDistance", (), kwargs, [numbers(3, 4), numbers(3, 4)], {}
    for bias, shape in itertools.product((False, True), ((), (2,), (2, 3))):
        yield "Bilinear", (3, 4, 5), {"bias": bias}, [numbers(*shape, 3), numbers(*shape, 4)], {}
        yield "Linear", (3, 5), {"bias": bias}, [numbers(*shape, 3)], {}
    for name, kwargs in (
        ("ELU", {"alpha": 0.5}), ("CELU", {"alpha": 0.7}), ("Hardshrink", {"lambd": 0.2}),
        ("Softshrink", {"lambd": 0.2}), ("Hardtanh", {"min_val": -0.5, "max_val": 0.3}),
        ("LeakyReLU", {"negative_slope": 0.3}), ("PReLU", {"init": 0.4}),
        ("Softplus", {"beta": 2, "threshold": 1}), ("Threshold", {"threshold": 0.1, "value": -3.0}),
        ("GELU", {"approximate": "tanh"}), ("GELU", {}), ("RReLU", {"lower": 0.2, "upper": 0.2}), ("SELU", {}),
        ("SiLU", {}), ("Mish", {}), ("ReLU6", {}), ("Hardswish", {}), ("Hardsigmoid", {}), ("LogSigmoid", {}),
    ):
        yield name, (), kwargs, [numbers(3, 4)], {}
    for start, end in ((1, -1), (0, -1), (1, 2), (-2, -1)):
        yield "Flatten", (start, end), {}, [numbers(2, 3, 2, 2)], {}
    for options in ({"kernel_size": 2}, {"kernel_size": (2, 3), "padding": (1, 0)},
                    {"kernel_size": 2, "stride": (2, 1)}, {"kernel_size": 2, "dilation": 2}):
        yield "Unfold", (), options, [numbers(2, 3, 5, 6)], {}
    yield "Fold", ((4, 5), (2, 3)), {"dilation": (2, 1), "padding": 1}, [numbers(2, 12, 4 * 5)], {}
    yield "Fold", ((4, 5), (2, 2)), {}, [numbers(12, 12)], {}


FAMILIES = {f.__name__: f for f in (convolutions, recurrent, attention, transformers, normalisations, embeddings,
                                    losses, pools, resampling, others)}
