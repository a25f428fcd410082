"""Linear regression by normal equations, lstsq and QR."""
import numpy as np

rng = np.random.default_rng(7)
n = 50
A = np.column_stack([np.ones(n), rng.uniform(-1, 1, n), rng.uniform(0, 2, n)])
truth = np.array([1.0, -2.0, 0.5])
y = A @ truth + 0.01 * rng.standard_normal(n)
w = np.linalg.solve(A.T @ A, A.T @ y)
w2, residual, rank, sv = np.linalg.lstsq(A, y, rcond=None)
Q, R = np.linalg.qr(A)
w3 = np.linalg.solve(R, Q.T.dot(y))
print(np.round(w, 5), rank)
print(np.allclose(w, w2), np.allclose(w, w3))
r2 = 1 - ((y - A @ w) ** 2).sum() / ((y - y.mean()) ** 2).sum()
print("R2 = %.6f" % r2)
print("{:.4f} {:.4f} {:.4f}".format(*w))
