"""Escape times of the Mandelbrot set."""
import numpy as np

x = np.linspace(-2.0, 0.6, 40)
y = np.linspace(-1.1, 1.1, 15)
c = x[np.newaxis, :] + 1j * y[:, np.newaxis]
z = np.zeros_like(c)
count = np.zeros(c.shape, dtype=int)
for i in range(30):
    inside = np.abs(z) <= 2
    z[inside] = z[inside] ** 2 + c[inside]
    count += inside
for row in count:
    print("".join(" .:-=+*#%@"[min(v // 3, 9)] for v in row))
print(count.min(), count.max(), count.mean())
