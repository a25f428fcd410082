"""Numbers and arrays in text."""
import numpy as np

a = np.array([1.5, 2.25, -3.125])
total = a.sum()
print("total:", total, "mean:", a.mean(), "max:", a.max())
print(f"{total:.3f}|{a[0]:8.2f}|{a[2]:+e}|{int(a[1])}")
print("%s %d %.2f" % (a[0], a[1], a[2]))
print("{} {!r}".format(a, a))
print(str(a[0]), repr(a[0]), str(a), repr(a))
print(np.arange(12).reshape(3, 4))
print(np.zeros((2, 0)), np.array([]), np.array(5), np.array(True))
print(np.array([1e-10, 1.0, 1e10]), np.array([np.nan, np.inf, -np.inf]))
print([x for x in np.arange(3)], list(np.array([0.5, 1.5])), a.tolist())
print(np.array([[True, False]]), np.array([1 + 2j, 3.5j]), np.arange(3, dtype=np.int8))
with np.printoptions(precision=2, suppress=True):
    print(np.array([1.23456, 1e-9]))
print(np.array2string(a, separator=", ", formatter={"float_kind": lambda v: "%.1f" % v}))
print(np.arange(2000))
print(a.dtype, a.shape, a.ndim, a.size, len(a), a.T.shape)
for i, v in enumerate(a):
    print(i, v, type(float(v)).__name__)
print(",".join(map(str, a)), " ".join(f"{v:g}" for v in a))
print(round(a[1], 1), abs(a[2]), a[0] ** 2, -a[0], a[0] // 1, divmod(7, 2))
