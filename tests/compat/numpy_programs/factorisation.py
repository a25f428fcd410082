"""Non-negative matrix factorisation and Gram-Schmidt."""
import numpy as np

rng = np.random.RandomState(0)
V = rng.rand(6, 2) @ rng.rand(2, 5)
W, H = rng.rand(6, 2), rng.rand(2, 5)
for _ in range(200):
    H *= (W.T @ V) / (W.T @ W @ H + 1e-12)
    W *= (V @ H.T) / (W @ H @ H.T + 1e-12)
print(np.linalg.norm(V - W @ H) < 0.05, (W >= 0).all() and (H >= 0).all())
A = rng.randn(4, 3)
Q = np.zeros_like(A)
for j in range(A.shape[1]):
    v = A[:, j].copy()
    for k in range(j):
        v -= Q[:, k].dot(A[:, j]) * Q[:, k]
    Q[:, j] = v / np.linalg.norm(v)
print(np.allclose(Q.T @ Q, np.eye(3)))
R = Q.T @ A
print(np.tril(R, -1).round(10) + 0.0)
P, L = A[:3, :3] @ A[:3, :3].T, np.linalg.cholesky(A[:3, :3] @ A[:3, :3].T)
print(np.allclose(L @ L.T, P), L.round(4))
