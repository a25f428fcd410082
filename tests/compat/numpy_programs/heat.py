"""The heat equation by finite differences, explicit and implicit."""
import numpy as np

n = 21
x = np.linspace(0, 1, n)
dx = x[1] - x[0]
u = np.sin(np.pi * x)
u[0] = u[-1] = 0
r = 0.4
v = u.copy()
for _ in range(50):
    v[1:-1] = v[1:-1] + r * (v[2:] - 2 * v[1:-1] + v[:-2])
print(v[::5].round(6))
A = np.eye(n - 2) * (1 + 2 * r) + np.diag(-r * np.ones(n - 3), 1) + np.diag(np.full(n - 3, -r), -1)
w = u[1:-1]
for _ in range(50):
    w = np.linalg.solve(A, w)
print(np.concatenate(([0], w, [0]))[::5].round(6))
exact = np.exp(-np.pi**2 * 50 * r * dx**2) * u
print(np.abs(v - exact).max() < 1e-3, np.trapezoid(v, x).round(6))
