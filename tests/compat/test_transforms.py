"""Transforms: sizes and values against PyTorch's interpolation and plain NumPy, randomness, bad input."""

import numpy as np
import pytest
import torch
from PIL import Image

import rustorch as rt
from rustorch.data import DataLoader, Dataset, transforms as T


def image(shape=(3, 11, 17), dtype="float32", seed=0):
    rng = np.random.default_rng(seed)
    if dtype == "uint8":
        return rng.integers(0, 256, shape).astype(dtype)
    return rng.random(shape).astype(dtype)


@pytest.mark.parametrize("size", [(5, 8), (22, 40), (11, 3), (30, 17), (1, 1)])
@pytest.mark.parametrize(("mode", "antialias"), [("nearest", False), ("bilinear", True), ("bilinear", False),
                                                 ("bicubic", True), ("bicubic", False)])  # fmt: skip
def test_resize(size, mode, antialias):
    a = image()
    ours = T.Resize(size, mode, antialias=antialias)(rt.tensor(a))
    kwargs = {} if mode == "nearest" else dict(antialias=antialias)
    theirs = torch.nn.functional.interpolate(torch.tensor(a)[None], size, mode=mode, **kwargs)[0]
    np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=2e-5, atol=2e-6)


def test_resize_by_one_side():
    assert T.Resize(5)(rt.tensor(image())).shape == (3, 5, 7)
    assert T.Resize(5)(rt.tensor(image((17, 11)))).shape == (7, 5)
    assert T.Resize(10, max_size=12)(rt.tensor(image())).shape == (3, 8, 12)
    bytes_ = T.Resize((5, 8))(rt.tensor(image(dtype="uint8")))
    exact = T.Resize((5, 8))(rt.tensor(image(dtype="uint8").astype("float64")))
    assert bytes_.dtype == "uint8" and np.abs(bytes_.numpy() - exact.numpy()).max() <= 0.501
    x = rt.tensor(image(), requires_grad=True)
    T.Resize((4, 4))(x).sum().backward()
    assert x.grad.sum().item() == pytest.approx(48, rel=1e-4)


def test_to_tensor():
    a = image((4, 5, 3), "uint8")
    expected = a.transpose(2, 0, 1).astype("float32") / 255
    for x in (a, Image.fromarray(a)):
        t = T.ToTensor()(x)
        assert t.dtype == "float32" and t.shape == (3, 4, 5)
        np.testing.assert_allclose(t.numpy(), expected, rtol=1e-6)
    gray = T.ToTensor()(Image.fromarray(a[..., 0]))
    assert gray.shape == (1, 4, 5)
    assert T.ToTensor()(image((4, 5), "float64")).dtype == "float64"
    assert T.ToTensor()(Image.fromarray(a).convert("1")).dtype == "float32"
    # geometry before conversion, as programs for PIL images do
    t = T.Compose([T.RandomCrop(3, padding=1), T.RandomHorizontalFlip(), T.ToTensor()])(Image.fromarray(a))
    assert t.shape == (3, 3, 3) and t.max().item() <= 1


@pytest.mark.parametrize("inplace", [False, True])
def test_normalize(inplace):
    a = image()
    mean, std = (0.5, 0.4, 0.3), [0.2, 0.3, 0.4]
    expected = (a - np.reshape(mean, (3, 1, 1))) / np.reshape(std, (3, 1, 1))
    x = rt.tensor(a)
    y = T.Normalize(mean, std, inplace)(x)
    np.testing.assert_allclose(y.numpy(), expected, rtol=1e-5, atol=1e-6)
    assert (y is x) == inplace
    flat = T.Normalize(mean=0.5, std=0.2)(rt.tensor([0.5, 0.7]))
    np.testing.assert_allclose(flat.numpy(), [0, 1], atol=1e-6)
    batch = T.Normalize(mean, std)(rt.tensor(a[None].repeat(2, 0)))
    assert batch.shape == (2, 3, 11, 17)


def test_dtypes_are_scaled():
    a = rt.tensor(image(dtype="uint8"))
    f = T.ConvertImageDtype(rt.float32)(a)
    np.testing.assert_allclose(f.numpy(), a.numpy() / np.float32(255), rtol=1e-6)
    assert (T.ConvertDtype(rt.uint8)(f) == a).all()
    assert (T.ConvertDtype(rt.int16)(a) == a.to("int16") * 128).all()
    assert (T.ConvertDtype(rt.uint8)(T.ConvertDtype(rt.int32)(a)) == a).all()
    assert T.ToDtype(rt.float32)(a).max().item() > 1 >= T.ToDtype(rt.float32, scale=True)(a).max().item()
    with pytest.raises(RuntimeError, match="cannot be performed safely"):
        T.ConvertDtype(rt.int64)(f)


@pytest.mark.parametrize("padding", [2, (1, 3), (1, 0, 2, 3), [1]])
@pytest.mark.parametrize("mode", ["constant", "edge", "reflect", "circular"])
def test_pad(padding, mode):
    a = image()
    p = (padding,) if isinstance(padding, int) else tuple(padding)
    left, top, right, bottom = (p * 4)[:4]
    frame = ((0, 0), (top, bottom), (left, right))
    kwargs = dict(constant_values=0.5) if mode == "constant" else {}
    expected = np.pad(a, frame, mode=mode.replace("circular", "wrap"), **kwargs)
    assert (T.Pad(padding, 0.5, mode)(rt.tensor(a)).numpy() == expected).all()


def test_crops():
    a = image()
    assert (T.CenterCrop((5, 8))(rt.tensor(a)).numpy() == a[:, 3:8, 4:12]).all()
    framed = T.CenterCrop(20)(rt.tensor(a))
    assert framed.shape == (3, 20, 20) and (framed.numpy()[:, 4:15, 1:18] == a).all()
    rt.manual_seed(0)
    seen = set()
    for _ in range(60):
        part = T.RandomCrop((10, 15))(rt.tensor(a)).numpy()
        tops = [(i, j) for i in range(2) for j in range(3) if (part == a[:, i : i + 10, j : j + 15]).all()]
        assert len(tops) == 1
        seen.add(tops[0])
    assert len(seen) == 6
    assert T.RandomCrop(20, pad_if_needed=True)(rt.tensor(a)).shape == (3, 20, 20)
    assert T.RandomCrop(13, padding=(0, 1))(rt.tensor(a)).shape == (3, 13, 13)
    for _ in range(20):
        assert T.RandomResizedCrop(6)(rt.tensor(a)).shape == (3, 6, 6)
    assert T.RandomResizedCrop(6, ratio=(9.0, 9.0))(rt.tensor(image((3, 20, 2)))).shape == (3, 6, 6)


def test_flips_and_choices():
    a = image()
    t = rt.tensor(a)
    assert (T.RandomHorizontalFlip(1.0)(t).numpy() == a[..., ::-1]).all()
    assert (T.RandomVerticalFlip(1.0)(t).numpy() == a[:, ::-1]).all()
    assert T.RandomHorizontalFlip(0.0)(t) is t
    rt.manual_seed(0)
    flipped = sum(not rt.equal(T.RandomHorizontalFlip()(t), t) for _ in range(200))
    assert 70 < flipped < 130
    add, double = T.Lambda(lambda x: x + 1), T.Lambda(lambda x: x * 2)
    assert T.RandomApply([add, double], p=1.0)(3) == 8 and T.RandomApply([add], p=0.0)(3) == 3
    assert {T.RandomChoice([add, double])(3) for _ in range(40)} == {4, 6}
    assert {T.RandomChoice([add, double], p=[0, 1])(3) for _ in range(20)} == {6}
    assert {T.RandomOrder([add, double])(3) for _ in range(40)} == {7, 8}


def test_erasing_and_gray():
    rt.manual_seed(0)
    t = rt.ones(3, 20, 30)
    for value in (0, [0.1, 0.2, 0.3], "random"):
        erased = T.RandomErasing(1.0, value=value)(t)
        part = (erased.numpy() != 1).any(0).mean()
        assert 0.01 < part < 0.4 and (t == 1).all()
    assert T.RandomErasing(0.0)(t) is t
    kept = T.RandomErasing(1.0, inplace=True)(t)
    assert kept is t and not (t == 1).all()
    a = image()
    gray = T.Grayscale()(rt.tensor(a))
    np.testing.assert_allclose(gray.numpy()[0], 0.2989 * a[0] + 0.587 * a[1] + 0.114 * a[2], rtol=1e-5)
    assert T.Grayscale(3)(rt.tensor(a)).shape == a.shape and T.Grayscale()(gray) is gray


class Pictures(Dataset):
    def __init__(self):
        self.transform = T.Compose(
            [T.ToTensor(), T.RandomCrop(8), T.RandomHorizontalFlip(), T.RandomErasing(), T.Normalize(0.5, 0.2)]
        )

    def __len__(self):
        return 12

    def __getitem__(self, i):
        return self.transform(image((11, 12, 3), "uint8", seed=i)), i


def test_the_same_pictures_for_any_number_of_workers():
    runs = []
    for workers in (0, 1, 2):
        rt.manual_seed(4)
        loader = DataLoader(Pictures(), 4, shuffle=True, num_workers=workers)
        runs.append([[x.numpy(), y.tolist()] for x, y in loader])
    for run in runs[1:]:
        for (x, y), (x0, y0) in zip(run, runs[0], strict=True):
            assert (x == x0).all() and y == y0


def test_printing():
    text = repr(T.Compose([T.Normalize(0.5, 0.2), T.Resize(3), T.RandomHorizontalFlip()]))
    assert text.splitlines()[:2] == ["Compose(", "    Normalize(mean=0.5, std=0.2, inplace=False)"]
    assert "RandomHorizontalFlip(p=0.5)" in text


@pytest.mark.parametrize(
    ("error", "match", "make"),
    [
        (TypeError, "must be a Tensor, an array or a PIL image, not str", lambda: T.ToTensor()("x")),
        (ValueError, "2 or 3 dimensions", lambda: T.ToTensor()(np.ones(3))),
        (TypeError, "at least two dimensions", lambda: T.Resize(3)(rt.ones(3))),
        (ValueError, "division by zero", lambda: T.Normalize(0, [1, 0])),
        (TypeError, "should be a float tensor", lambda: T.Normalize(0, 1)(rt.ones(3, dtype="int64"))),
        (ValueError, "C, H, W", lambda: T.Normalize([0], [1])(rt.ones(3, 3))),
        (ValueError, "size must be", lambda: T.CenterCrop(0)),
        (ValueError, "size must be", lambda: T.RandomCrop((1, 2, 3))),
        (ValueError, "larger than input image size", lambda: T.RandomCrop(5)(rt.ones(1, 4, 9))),
        (ValueError, "interpolation", lambda: T.Resize(3, "lanczos")),
        (ValueError, "max_size", lambda: T.Resize(3, max_size=2)),
        (ValueError, "padding must be", lambda: T.Pad((1, 2, 3))),
        (ValueError, "padding_mode", lambda: T.Pad(1, padding_mode="symmetric")),
        (ValueError, "probability", lambda: T.RandomHorizontalFlip(2)),
        (ValueError, "should be 'random'", lambda: T.RandomErasing(value="x")),
        (ValueError, "1 or 3", lambda: T.Grayscale(2)),
        (TypeError, "1 or 3 channels", lambda: T.Grayscale()(rt.ones(2, 3, 3))),
        (TypeError, "callable", lambda: T.Lambda(3)),
        (ValueError, "probabilities", lambda: T.RandomChoice([T.ToTensor()], p=[1, 2])),
    ],
)
def test_mistakes(error, match, make):
    with pytest.raises(error, match=match):
        make()
