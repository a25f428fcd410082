"""Euler and Runge-Kutta on the Lotka-Volterra and Lorenz systems."""
import numpy as np


def rk4(f, y, h):
    k1 = f(y)
    k2 = f(y + h / 2 * k1)
    k3 = f(y + h / 2 * k2)
    k4 = f(y + h * k3)
    return y + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)


def lorenz(s):
    x, y, z = s
    return np.array([10 * (y - x), x * (28 - z) - y, x * y - 8 / 3 * z])


state = np.array([1.0, 1.0, 1.0])
path = np.empty((101, 3))
path[0] = state
for i in range(100):
    state = rk4(lorenz, state, 0.01)
    path[i + 1] = state
print(path[[0, 50, 100]].round(6))
print("length", np.sqrt((np.diff(path, axis=0) ** 2).sum(axis=1)).sum().round(5))


def predators(v):
    return np.array([v[0] * (1.1 - 0.4 * v[1]), v[1] * (0.1 * v[0] - 0.4)])


v = np.array([10.0, 10.0])
for _ in range(200):
    v = v + 0.01 * predators(v)
print(f"{v[0]:.5f}", f"{v[1]:.5f}")
