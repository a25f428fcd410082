"""Quadrature, root finding, splines of sums."""
import numpy as np


def simpson(f, a, b, n=100):
    x = np.linspace(a, b, n + 1)
    y = f(x)
    return (b - a) / n / 3 * (y[0] + y[-1] + 4 * y[1:-1:2].sum() + 2 * y[2:-1:2].sum())


print(simpson(np.sin, 0, np.pi).round(10), np.trapezoid(np.exp(np.linspace(0, 1, 101)), dx=0.01).round(6))
x, w = np.polynomial.legendre.leggauss(5)
print(float((w * np.cos(x)).sum()))


def newton(f, df, x):
    for _ in range(50):
        step = f(x) / df(x)
        x = x - step
        if np.all(np.abs(step) < 1e-13):
            break
    return x


print(newton(lambda v: v**2 - 2, lambda v: 2 * v, np.array([1.0, -3.0])))
print(np.roots([1, -6, 11, -6]).round(8), np.poly([1, 2, 3]))
a, b = 0.0, 2.0
while b - a > 1e-10:
    m = (a + b) / 2
    if np.cos(m) > m:
        a = m
    else:
        b = m
print(round(m, 8))
series = np.cumsum((-1.0) ** np.arange(50) / (2 * np.arange(50) + 1)) * 4
print(series[-1], (series[1:] + series[:-1])[-1] / 2)
p = np.poly1d([1, 0, -1])
print(p(np.array([0, 1, 2])), p.deriv().coeffs)
