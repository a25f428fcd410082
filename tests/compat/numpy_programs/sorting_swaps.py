"""Sorting algorithms that swap in place."""
import numpy as np

rng = np.random.default_rng(5)
data = rng.integers(0, 100, 15)
print(data)
a = data.copy()
for i in range(len(a)):
    for j in range(len(a) - 1 - i):
        if a[j] > a[j + 1]:
            a[j], a[j + 1] = a[j + 1], a[j]
print(a, (a == np.sort(data)).all())
b = data.copy()
for i in range(len(b)):
    k = i + b[i:].argmin()
    b[[i, k]] = b[[k, i]]
print(b)
c = data.copy()
for i in range(1, len(c)):
    key, j = c[i], i - 1
    while j >= 0 and c[j] > key:
        c[j + 1] = c[j]
        j -= 1
    c[j + 1] = key
print(c)


def quick(v):
    if len(v) < 2:
        return v
    p = v[len(v) // 2]
    return np.concatenate([quick(v[v < p]), v[v == p], quick(v[v > p])])


print(quick(data))
m = np.arange(6).reshape(3, 2)
m[0], m[2] = m[2].copy(), m[0].copy()
print(m)
data.sort()
print(data[::-1])
