"""Transforms of images and other samples, with torchvision's names and meanings.

Images are Tensors of shape (..., height, width).  What is no Tensor (a PIL image, an array of
shape (height, width) or (height, width, channels)) becomes one of shape (channels, height, width).
Random ones draw from rustorch's generator, so that they are reproducible for any number of workers.

>>> import rustorch as rt
>>> prepare = Compose([ToTensor(), Normalize(mean=0.5, std=0.2)])
>>> prepare(rt.full((1, 2, 2), 0.7)).round().tolist()
[[[1.0, 1.0], [1.0, 1.0]]]
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .._C import Tensor, as_tensor, dtype, empty, ops
from ..random import rand, randint, randn, randperm
from ._resize import MODES, resize

__all__ = [
    "CenterCrop", "Compose", "ConvertDtype", "ConvertImageDtype", "Grayscale", "Lambda", "Normalize", "Pad",
    "RandomApply", "RandomChoice", "RandomCrop", "RandomErasing", "RandomHorizontalFlip", "RandomOrder",
    "RandomResizedCrop", "RandomVerticalFlip", "Resize", "ToDtype", "ToTensor",
]  # fmt: skip

Transform = Callable[[Any], Any]
_PADDINGS = {"constant": "constant", "edge": "replicate", "reflect": "reflect", "circular": "circular"}


def as_image(x: Any) -> Tensor:
    """A Tensor (..., height, width): x itself, or the channels of a PIL image or array in front."""
    if isinstance(x, Tensor):
        if x.ndim < 2:
            raise TypeError(f"an image has at least two dimensions, not shape {tuple(x.shape)}")
        return x
    if not isinstance(x, np.ndarray) and not hasattr(x, "__array_interface__"):
        raise TypeError(f"an image must be a Tensor, an array or a PIL image, not {type(x).__name__}")
    a = np.asarray(x)
    if a.ndim not in (2, 3):
        raise ValueError(f"an array that is an image has 2 or 3 dimensions, not {a.ndim}")
    return as_tensor(np.ascontiguousarray(a[None] if a.ndim == 2 else a.transpose(2, 0, 1)))


def _uniform(low: float = 0.0, high: float = 1.0) -> float:
    return low + (high - low) * float(rand(()).item())


def _below(n: int) -> int:
    return int(randint(0, n, ()).item())


def _two(name: str, size: Any) -> tuple[int, int]:
    """A size as (height, width)."""
    values = (size, size) if isinstance(size, int) else tuple(size)
    if len(values) == 1:
        values *= 2
    if len(values) != 2 or not all(isinstance(v, (int, np.integer)) and v > 0 for v in values):
        raise ValueError(f"{name}: size must be a positive integer or two of them, not {size!r}")
    return int(values[0]), int(values[1])


def _sides(name: str, padding: Any) -> tuple[int, int, int, int]:
    """Padding as (left, top, right, bottom)."""
    values = (padding,) if isinstance(padding, int) else tuple(padding)
    if len(values) not in (1, 2, 4) or not all(isinstance(v, int) for v in values):
        raise ValueError(f"{name}: padding must be an integer, or 1, 2 or 4 of them, not {padding!r}")
    full = values * (4 // len(values))
    return full[0], full[1], full[2], full[3]


def pad(image: Tensor, sides: tuple[int, int, int, int], fill: float = 0, mode: str = "constant") -> Tensor:
    """An image with (left, top, right, bottom) pixels more."""
    left, top, right, bottom = sides
    if (left, top, right, bottom) == (0, 0, 0, 0):
        return image
    return ops["pad"](image, (left, right, top, bottom), mode=_PADDINGS[mode], value=fill)


def crop(image: Tensor, top: int, left: int, height: int, width: int) -> Tensor:
    """Part of an image; what lies outside is 0."""
    h, w = image.shape[-2:]
    sides = (max(-left, 0), max(-top, 0), max(left + width - w, 0), max(top + height - h, 0))
    image = pad(image, sides)
    top, left = top + sides[1], left + sides[0]
    return image[..., top : top + height, left : left + width]


class _Shown:
    """Transforms print what they were made with."""

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={value}" for name, value in self.__dict__.items() if not name.startswith("_"))
        return f"{type(self).__name__}({shown})"


class Compose:
    """Transforms one after the other."""

    def __init__(self, transforms: Sequence[Transform]) -> None:
        self.transforms = transforms

    def __call__(self, x: Any) -> Any:
        for transform in self.transforms:
            x = transform(x)
        return x

    def __repr__(self) -> str:
        return "".join([f"{type(self).__name__}(", *(f"\n    {t}" for t in self.transforms), "\n)"])


class Lambda:
    """Any function; TypeError when it is none."""

    def __init__(self, lambd: Transform) -> None:
        if not callable(lambd):
            raise TypeError(f"Argument lambd should be callable, got {type(lambd).__name__}")
        self.lambd = lambd

    def __call__(self, x: Any) -> Any:
        return self.lambd(x)

    def __repr__(self) -> str:
        return "Lambda()"


# ---- values ----


class ToTensor(_Shown):
    """An image as float32 in [0, 1], (channels, height, width), when its values are bytes; else its values."""

    def __call__(self, x: Any) -> Tensor:
        image = as_image(x)
        if image.dtype == "uint8":
            return image.to("float32") / 255
        return image.to("float32") if image.dtype == "bool" else image


def convert(image: Tensor, to: Any, scale: bool = True) -> Tensor:
    """An image in another dtype; with scale, [0, 1] of floats is [0, most] of integers."""
    to = dtype(to)
    if image.dtype == to or not scale:
        return image.to(to)
    floats = {"from": image.is_floating_point(), "to": empty(0, dtype=to).is_floating_point()}
    if floats["from"] and floats["to"]:
        return image.to(to)
    if floats["to"]:
        most = 1 if image.dtype == "bool" else np.iinfo(image.dtype).max
        return image.to(to) / most
    if floats["from"]:
        if image.dtype == "float32" and to in ("int32", "int64", "uint32", "uint64"):
            raise RuntimeError(f"The cast from {image.dtype} to {to} cannot be performed safely.")
        return (image * (np.iinfo(to).max + 1.0 - 1e-3)).to(to)
    old, new = np.iinfo(image.dtype).max, np.iinfo(to).max
    if old > new:
        return ops["floor_divide"](image, (old + 1) // (new + 1)).to(to)
    return image.to(to) * ((new + 1) // (old + 1))


class ConvertImageDtype(_Shown):
    """Another dtype, values scaled: bytes 0 ... 255 are floats 0 ... 1."""

    def __init__(self, dtype: Any) -> None:
        self.dtype = dtype

    def __call__(self, x: Any) -> Tensor:
        return convert(as_image(x), self.dtype)


ConvertDtype = ConvertImageDtype


class ToDtype(_Shown):
    """Another dtype; with scale, values are scaled as by ConvertImageDtype."""

    def __init__(self, dtype: Any, scale: bool = False) -> None:
        self.dtype = dtype
        self.scale = scale

    def __call__(self, x: Any) -> Tensor:
        return convert(x if isinstance(x, Tensor) else as_image(x), self.dtype, self.scale)


class Normalize(_Shown):
    """(x - mean) / std.

    Args:
        mean, std: numbers, for tensors of any shape; or one a channel, for images (..., channels, height, width).
        inplace: write into x.

    Raises:
        ValueError: std is 0, or x has no channels.
        TypeError: x is not of a floating dtype.
    """

    def __init__(self, mean: Any, std: Any, inplace: bool = False) -> None:
        self.mean = mean
        self.std = std
        self.inplace = inplace
        if not np.all(np.asarray(std)):
            raise ValueError("std evaluated to zero, leading to division by zero.")

    def __call__(self, x: Any) -> Tensor:
        image: Tensor = x if isinstance(x, Tensor) else as_image(x)
        if not image.is_floating_point():
            raise TypeError(f"Input tensor should be a float tensor. Got {image.dtype}.")
        mean, std = self._fit(image, self.mean), self._fit(image, self.std)
        if self.inplace:
            return image.sub_(mean).div_(std)
        result: Tensor = (image - mean) / std
        return result

    def _fit(self, x: Tensor, values: Any) -> Any:
        if np.ndim(values) == 0:
            return float(values)
        if x.ndim < 3:
            raise ValueError(
                f"Expected tensor to be a tensor image of size (..., C, H, W). Got tensor.size() = {tuple(x.shape)}"
            )
        return as_tensor(values).to(x.dtype).reshape(-1, 1, 1)


class Grayscale(_Shown):
    """The luminance of an image of three channels (ITU-R 601), once or three times."""

    def __init__(self, num_output_channels: int = 1) -> None:
        if num_output_channels not in (1, 3):
            raise ValueError("num_output_channels should be either 1 or 3")
        self.num_output_channels = num_output_channels

    def __call__(self, x: Any) -> Tensor:
        image = as_image(x)
        if image.ndim < 3 or image.shape[-3] not in (1, 3):
            raise TypeError(f"an image of 1 or 3 channels is wanted, not of shape {tuple(image.shape)}")
        if image.shape[-3] == 3:
            kind = image.dtype if image.is_floating_point() else "float32"
            r, g, b = (image.narrow(image.ndim - 3, i, 1).to(kind) for i in range(3))
            image = (r * 0.2989 + g * 0.587 + b * 0.114).to(image.dtype)
        return image if self.num_output_channels == 1 else ops["cat"]([image] * 3, image.ndim - 3)


# ---- places ----


class Resize(_Shown):
    """Another size.

    Args:
        size: (height, width), or the length of the shorter side.
        interpolation: "nearest", "bilinear" or "bicubic".
        max_size: with one length, the longer side is not longer than this.
        antialias: average over what falls together when an image shrinks.

    Raises:
        ValueError: a size is not positive, the interpolation unknown.
    """

    def __init__(
        self, size: Any, interpolation: str = "bilinear", max_size: int | None = None, antialias: bool | None = True
    ) -> None:
        if not isinstance(size, int):
            _two("Resize", size)
        elif size <= 0:
            raise ValueError(f"Resize: size must be positive, not {size}")
        if max_size is not None and (not isinstance(size, int) or max_size <= size):
            raise ValueError("max_size must be greater than the length asked for, which must be one number")
        self.size = size
        self.interpolation = _mode(interpolation)
        self.max_size = max_size
        self.antialias = antialias

    def __call__(self, x: Any) -> Tensor:
        image = as_image(x)
        height, width = self._target(*image.shape[-2:])
        return resize(image, height, width, self.interpolation, bool(self.antialias))

    def _target(self, h: int, w: int) -> tuple[int, int]:
        if not isinstance(self.size, int) and len(self.size) == 2:
            return int(self.size[0]), int(self.size[1])
        short = self.size if isinstance(self.size, int) else int(self.size[0])
        long = int(short * max(h, w) / min(h, w))
        if self.max_size is not None and long > self.max_size:
            short, long = int(self.max_size * short / long), self.max_size
        return (short, long) if h <= w else (long, short)


def _mode(interpolation: Any) -> str:
    mode = str(getattr(interpolation, "value", interpolation)).lower()
    if mode not in MODES:
        raise ValueError(f"interpolation must be one of {', '.join(MODES)}, not {interpolation!r}")
    return mode


class Pad(_Shown):
    """Pixels around an image.

    Args:
        padding: how many; for all sides, (left and right, top and bottom), or (left, top, right, bottom).
        fill: their value, for padding_mode "constant".
        padding_mode: "constant", "edge", "reflect" or "circular".
    """

    def __init__(self, padding: Any, fill: float = 0, padding_mode: str = "constant") -> None:
        if padding_mode not in _PADDINGS:
            raise ValueError(f"padding_mode must be one of {', '.join(_PADDINGS)}, not {padding_mode!r}")
        self.padding = padding
        self.fill = fill
        self.padding_mode = padding_mode
        self._sides = _sides("Pad", padding)

    def __call__(self, x: Any) -> Tensor:
        return pad(as_image(x), self._sides, self.fill, self.padding_mode)


class CenterCrop(_Shown):
    """The middle of an image, (height, width) or a square; smaller images get a frame of 0."""

    def __init__(self, size: Any) -> None:
        self.size = _two("CenterCrop", size)

    def __call__(self, x: Any) -> Tensor:
        image = as_image(x)
        (h, w), (height, width) = image.shape[-2:], self.size
        if width > w or height > h:
            left, top = max(width - w, 0) // 2, max(height - h, 0) // 2
            image = pad(image, (left, top, max(width - w, 0) - left, max(height - h, 0) - top))
            h, w = image.shape[-2:]
        return crop(image, round((h - height) / 2.0), round((w - width) / 2.0), height, width)


class RandomCrop(_Shown):
    """A part of an image, anywhere.

    Args:
        size: (height, width) or the side of a square.
        padding, fill, padding_mode: what is done first, see Pad.
        pad_if_needed: smaller images are padded, too.

    Raises:
        ValueError: the image is smaller.
    """

    def __init__(
        self,
        size: Any,
        padding: Any = None,
        pad_if_needed: bool = False,
        fill: float = 0,
        padding_mode: str = "constant",
    ) -> None:
        self.size = _two("RandomCrop", size)
        self.padding = padding
        self.pad_if_needed = pad_if_needed
        self.fill = fill
        self.padding_mode = padding_mode
        self._pad = None if padding is None else Pad(padding, fill, padding_mode)

    def __call__(self, x: Any) -> Tensor:
        image = as_image(x)
        if self._pad is not None:
            image = self._pad(image)
        (h, w), (height, width) = image.shape[-2:], self.size
        if self.pad_if_needed and (h < height or w < width):
            more = max(width - w, 0), max(height - h, 0)
            image = pad(image, (*more, *more), self.fill, self.padding_mode)
            h, w = image.shape[-2:]
        if h < height or w < width:
            raise ValueError(f"Required crop size {(height, width)} is larger than input image size {(h, w)}")
        top, left = _below(h - height + 1), _below(w - width + 1)
        return image[..., top : top + height, left : left + width]


class RandomResizedCrop(_Shown):
    """A part of random size and shape, anywhere, resized (Szegedy et al. 2015).

    Args:
        size: (height, width) or the side of a square.
        scale: bounds of the part's area, relative to the image's.
        ratio: bounds of width / height.
        interpolation, antialias: see Resize.
    """

    def __init__(
        self, size: Any, scale: tuple[float, float] = (0.08, 1.0), ratio: tuple[float, float] = (3 / 4, 4 / 3),
        interpolation: str = "bilinear", antialias: bool | None = True,
    ) -> None:  # fmt: skip
        self.size = _two("RandomResizedCrop", size)
        self.scale = scale
        self.ratio = ratio
        self.interpolation = _mode(interpolation)
        self.antialias = antialias

    def __call__(self, x: Any) -> Tensor:
        image = as_image(x)
        part = crop(image, *self._part(*image.shape[-2:]))
        return resize(part, *self.size, self.interpolation, bool(self.antialias))

    def _part(self, h: int, w: int) -> tuple[int, int, int, int]:
        low, high = math.log(self.ratio[0]), math.log(self.ratio[1])
        for _ in range(10):
            area, shape = h * w * _uniform(*self.scale), math.exp(_uniform(low, high))
            width, height = round(math.sqrt(area * shape)), round(math.sqrt(area / shape))
            if 0 < width <= w and 0 < height <= h:
                return _below(h - height + 1), _below(w - width + 1), height, width
        width, height = w, h  # the largest middle part of an allowed shape
        if w / h < self.ratio[0]:
            height = round(w / self.ratio[0])
        elif w / h > self.ratio[1]:
            width = round(h * self.ratio[1])
        return (h - height) // 2, (w - width) // 2, height, width


class _Flip(_Shown):
    """Mirrors a part p of all images."""

    _dim = -1

    def __init__(self, p: float = 0.5) -> None:
        if not 0 <= p <= 1:
            raise ValueError(f"{type(self).__name__}: p is a probability, not {p}")
        self.p = p

    def __call__(self, x: Any) -> Tensor:
        image = as_image(x)
        return image.flip(self._dim) if _uniform() < self.p else image


class RandomHorizontalFlip(_Flip):
    """Left and right exchanged, with probability p."""


class RandomVerticalFlip(_Flip):
    """Top and bottom exchanged, with probability p."""

    _dim = -2


class RandomErasing(_Shown):
    """A rectangle of an image replaced, with probability p (Zhong et al. 2020).

    Args:
        p: the probability.
        scale: bounds of the rectangle's area, relative to the image's; ratio: of height / width.
        value: a number, one a channel, or "random" (standard normal).
        inplace: write into the image.
    """

    def __init__(
        self, p: float = 0.5, scale: tuple[float, float] = (0.02, 0.33), ratio: tuple[float, float] = (0.3, 3.3),
        value: Any = 0, inplace: bool = False,
    ) -> None:  # fmt: skip
        if not 0 <= p <= 1:
            raise ValueError("Random erasing probability should be between 0 and 1")
        if isinstance(value, str) and value != "random":
            raise ValueError("If value is str, it should be 'random'")
        if not 0 <= scale[0] <= scale[1] <= 1:
            raise ValueError("Scale should be between 0 and 1")
        self.p = p
        self.scale = scale
        self.ratio = ratio
        self.value = value
        self.inplace = inplace

    def __call__(self, x: Any) -> Tensor:
        image = as_image(x)
        if _uniform() >= self.p:
            return image
        h, w = image.shape[-2:]
        low, high = math.log(self.ratio[0]), math.log(self.ratio[1])
        for _ in range(10):
            area, shape = h * w * _uniform(*self.scale), math.exp(_uniform(low, high))
            height, width = round(math.sqrt(area * shape)), round(math.sqrt(area / shape))
            if 0 < height < h and 0 < width < w:
                top, left = _below(h - height + 1), _below(w - width + 1)
                image = image if self.inplace else image.clone()
                hole = image[..., top : top + height, left : left + width]
                hole.copy_(self._filling(hole))
                return image
        return image

    def _filling(self, hole: Tensor) -> Tensor:
        if self.value == "random":
            return randn(tuple(hole.shape)).to(hole.dtype)
        return as_tensor(self.value).to(hole.dtype).reshape(-1, 1, 1)


# ---- choices ----


class RandomApply:
    """All of the transforms, with probability p, or none."""

    def __init__(self, transforms: Sequence[Transform], p: float = 0.5) -> None:
        self.transforms = transforms
        self.p = p

    def __call__(self, x: Any) -> Any:
        return Compose(self.transforms)(x) if _uniform() < self.p else x


class RandomChoice:
    """One of the transforms, with equal or the given probabilities."""

    def __init__(self, transforms: Sequence[Transform], p: Sequence[float] | None = None) -> None:
        if p is not None and len(p) != len(transforms):
            raise ValueError(f"RandomChoice: {len(p)} probabilities for {len(transforms)} transforms")
        self.transforms = transforms
        self.p = [1.0] * len(transforms) if p is None else list(p)

    def __call__(self, x: Any) -> Any:
        at = _uniform() * sum(self.p)
        for transform, share in zip(self.transforms, self.p):
            at -= share
            if at < 0:
                return transform(x)
        return self.transforms[-1](x)


class RandomOrder:
    """All of the transforms, in random order."""

    def __init__(self, transforms: Sequence[Transform]) -> None:
        self.transforms = transforms

    def __call__(self, x: Any) -> Any:
        for number in randperm(len(self.transforms)).tolist():
            x = self.transforms[number](x)
        return x
