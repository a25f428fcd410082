"""Losses that are added up as they are computed: the bits of the two rows one after the other, for every layout, number
of threads and instruction set; PyTorch in double precision is the judge."""
import os
import subprocess
import sys
import zlib

import numpy as np
import pytest

import rustorch as rt

LOSSES = {
    "mse_loss": ("squared_error", {}), "l1_loss": ("absolute_error", {}),
    "smooth_l1_loss": ("smooth_error", {"beta": 0.75}), "huber_loss": ("huber_error", {"delta": 0.75}),
    "binary_cross_entropy_with_logits": ("logistic_error", {}), "binary_cross_entropy": ("bernoulli_error", {}),
}  # fmt: skip
SIZES = [0, 1, 7, 31, 33, 1023, 1025, 4096, 4097, 20000, 300001]


def samples(name, *shape, dtype="float32"):
    rng = np.random.default_rng(zlib.crc32(repr(shape).encode()))
    x, y = rng.normal(size=shape), rng.uniform(size=shape)
    return (1 / (1 + np.exp(-x)) if name == "binary_cross_entropy" else x).astype(dtype), y.astype(dtype)


def loss(name, x, y, **options):
    return getattr(rt.nn.functional, name)(x, y, **LOSSES[name][1], **options)


def terms(name, x, y):
    return rt._C.ops[LOSSES[name][0]](x, y, *LOSSES[name][1].values())


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16"])
@pytest.mark.parametrize("name", LOSSES)
def test_sums_and_gradients(name, dtype):
    torch = pytest.importorskip("torch")
    for n in SIZES:
        x, y = samples(name, n, dtype=dtype)
        for word in ("mean", "sum"):
            if n == 0 and word == "mean":
                continue
            ours = rt.from_numpy(x).requires_grad_()
            theirs = torch.from_numpy(x.astype("float64")).requires_grad_()
            value = loss(name, ours, rt.from_numpy(y), reduction=word)
            options = {k: float(v) for k, v in LOSSES[name][1].items()}
            wanted = getattr(torch.nn.functional, name)(
                theirs, torch.from_numpy(y.astype("float64")), reduction=word, **options)
            value.backward()
            wanted.backward()
            close = {"float16": 4e-3, "float32": 3e-6, "float64": 1e-13}[dtype]
            if dtype != "float16" or abs(wanted.item()) < 60000:
                np.testing.assert_allclose(value.item(), wanted.item(), rtol=close)
            slopes = theirs.grad.numpy()
            floor = close * np.abs(slopes).max(initial=0) + (1e-7 if dtype == "float16" else 0)
            np.testing.assert_allclose(np.asarray(ours.grad, "float64"), slopes, rtol=4 * close, atol=floor)


@pytest.mark.parametrize("name", LOSSES)
def test_bits_of_two_rows(name):
    """One pass, threads and layouts give what the row and its sum give."""
    before = rt.get_num_threads()
    try:
        for shape in [(5,), (1000,), (2500,), (700, 333), (20, 31, 42)]:
            x, y = samples(name, *shape)
            expected = terms(name, rt.from_numpy(x), rt.from_numpy(y)).sum().numpy().tobytes()
            for count in (1, 2, 4):
                rt.set_num_threads(count)
                for a in (x, np.asfortranarray(x), np.repeat(x, 2, axis=-1)[..., ::2]):
                    found = loss(name, rt.from_numpy(a), rt.from_numpy(y), reduction="sum")
                    assert found.numpy().tobytes() == expected, (shape, count)
    finally:
        rt.set_num_threads(before)


def test_broadcast_mixed_and_given():
    x, y = samples("mse_loss", 37, 29)
    row = y[:1]
    a, b = rt.from_numpy(x).requires_grad_(), rt.from_numpy(row).requires_grad_()
    with pytest.warns(UserWarning):
        rt.nn.functional.huber_loss(a, b).backward()
    d = x.astype("float64") - row
    slope = np.clip(d, -1, 1) / d.size
    np.testing.assert_allclose(a.grad.numpy(), slope, rtol=1e-6, atol=1e-12)
    np.testing.assert_allclose(b.grad.numpy(), -slope.sum(0, keepdims=True), rtol=1e-5, atol=1e-9)
    mixed = rt._C.ops["mse_loss"](rt.from_numpy(x), rt.from_numpy(y.astype("float64")))
    assert mixed.dtype == rt.float64
    np.testing.assert_allclose(mixed.item(), np.mean((x.astype("float64") - y) ** 2), rtol=1e-7)
    out = rt.empty(())
    assert rt._C.ops["l1_loss"](rt.from_numpy(x), rt.from_numpy(y), out=out) is out
    np.testing.assert_allclose(out.item(), np.abs(x - y).mean(), rtol=1e-6)
    whole = rt._C.ops["mse_loss"](rt.tensor([1, 5]), rt.tensor([2, 2]), reduction="sum")
    assert whole.item() == 10 and whole.dtype == rt.int64


def test_probabilities_outside_are_refused():
    for bad in (-0.5, 1.5, float("nan")):
        x = rt.full((2000,), 0.5)
        x[1234] = bad
        for word in ("none", "mean", "sum"):
            with pytest.raises(rt.TensorError, match="between 0 and 1"):
                rt.nn.functional.binary_cross_entropy(x, rt.zeros(2000), reduction=word)
    assert np.isnan(rt.nn.functional.binary_cross_entropy(rt.full((2,), 0.5), rt.tensor([0.0, float("nan")])).item())


def digest():
    """Of the losses without exponentials."""
    total = 0
    for name in list(LOSSES)[:4]:
        for n in SIZES[1:]:
            x, y = samples(name, n)
            total = zlib.crc32(loss(name, rt.from_numpy(x), rt.from_numpy(y)).numpy().tobytes(), total)
    return total


def test_instruction_sets():
    found = {}
    for isa in ("v2", "v3", "v4"):
        env = dict(os.environ, RUSTORCH_ISA=isa, PYTHONPATH=os.path.dirname(os.path.dirname(rt.__file__)))
        run = subprocess.run([sys.executable, __file__], env=env, capture_output=True, text=True)
        if "this processor lacks it" not in run.stderr:
            assert run.returncode == 0, run.stderr
            found[isa] = run.stdout
    assert len(set(found.values())) <= 1, found


if __name__ == "__main__":
    print(digest())
