"""Convolution of an image by slicing, and Sobel edges."""
import numpy as np

image = np.add.outer(np.arange(8), np.arange(8) ** 2).astype(float)
image[2:5, 3:6] = 100
padded = np.pad(image, 1, mode="edge")
blur = sum(padded[i : i + 8, j : j + 8] for i in range(3) for j in range(3)) / 9
gx = padded[1:-1, 2:] - padded[1:-1, :-2]
gy = padded[2:, 1:-1] - padded[:-2, 1:-1]
edges = np.hypot(gx, gy)
print(np.round(blur, 2))
print(edges.max().round(3), np.unravel_index(edges.argmax(), edges.shape))
windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3))
print(windows.shape, np.allclose(windows.mean(axis=(2, 3)), blur))
binary = (edges > edges.mean()).astype(np.uint8)
print(binary.sum(), binary.dtype, np.packbits(binary)[:4])
