"""Interpolation: linear, Lagrange, cubic Hermite."""
import numpy as np

x = np.array([0.0, 1.0, 2.0, 3.0])
y = np.sin(x)
q = np.linspace(0, 3, 7)
print(np.interp(q, x, y).round(5))


def lagrange(q):
    total = np.zeros_like(q)
    for i in range(len(x)):
        others = np.delete(x, i)
        total += y[i] * np.prod((q[:, None] - others) / (x[i] - others), axis=1)
    return total


print(lagrange(q).round(5))
p = np.polyfit(x, y, 3)
print(np.allclose(np.polyval(p, q), lagrange(q)), p.round(6))
slope = np.gradient(y, x)
k = np.clip(np.searchsorted(x, q, side="right") - 1, 0, len(x) - 2)
t = (q - x[k]) / (x[k + 1] - x[k])
h = (1 + 2 * t) * (1 - t) ** 2 * y[k] + t * (1 - t) ** 2 * slope[k]
h += t**2 * (3 - 2 * t) * y[k + 1] + t**2 * (t - 1) * slope[k + 1]
print(h.round(5))
