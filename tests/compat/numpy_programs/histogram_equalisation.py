"""Histogram equalisation of a grey image."""
import numpy as np

rng = np.random.default_rng(2)
image = np.clip(rng.normal(100, 20, (16, 16)), 0, 255).astype(np.uint8)
hist = np.bincount(image.ravel(), minlength=256)
cdf = hist.cumsum()
low = cdf[np.nonzero(cdf)[0][0]]
table = np.round((cdf - low) / (image.size - low) * 255).clip(0, 255).astype("uint8")
out = table[image]
print(image.min(), image.max(), out.min(), out.max(), out.dtype)
print(out[:2])
print("mean %.3f std %.3f" % (out.mean(), out.std()))
quarter = np.array_split(np.sort(out, axis=None), 4)
print([int(q.max()) for q in quarter])
