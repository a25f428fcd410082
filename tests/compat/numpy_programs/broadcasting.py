"""Indexing and broadcasting of all kinds."""
import numpy as np

a = np.arange(24).reshape(2, 3, 4)
print(a[1, :, ::2], a[..., -1], a[:, [0, 2], 1:3].shape, a[a % 5 == 0])
print(a[0][1][2], a[-1, -1, -1], a.T.shape, a.swapaxes(0, 2)[3, 2, 1])
b = a.copy()
b[:, 1] = 0
b[b > 20] = -1
b[0, ..., 0] += 100
print(b)
rows, cols = np.ogrid[:3, :4]
print(rows * 10 + cols, (rows == cols).astype(int))
i, j = np.indices((2, 3))
print(i + j, np.ix_([0, 1], [2, 0])[0].shape)
x = np.zeros((3, 3))
x[np.diag_indices(3)] = [1, 2, 3]
x[np.triu_indices(3, 1)] = 9
print(x)
y = x[None, :, :, None]
print(y.shape, y.squeeze().shape, np.broadcast_to(x[0], (2, 3)))
view = x[1:]
view *= 2
print(x)
mask = np.array([True, False, True])
print(x[mask], x[:, mask].shape, x[np.array([2, 0])], x[[0, 1], [1, 2]])
print(np.take(x, [0, 4, 8]), np.choose([0, 1, 1], [[1, 2, 3], [4, 5, 6]]), np.put_along_axis.__name__)
c = np.r_[1:4, 0, 5.5]
print(c, np.c_[c, c * 2][:2])
it = iter(x)
print(next(it), sum(1 for _ in it), 9 in x, 7.5 in x)
n, total = 0, x[0, 0]
total += 5
n += x[0, 0]
print(n, total, x[0, 0])
