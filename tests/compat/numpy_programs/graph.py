"""Shortest paths, degrees, components of a graph."""
import numpy as np

inf = np.inf
d = np.array([[0, 3, inf, 7], [8, 0, 2, inf], [5, inf, 0, 1], [2, inf, inf, 0]])
for k in range(4):
    d = np.minimum(d, d[:, k, None] + d[k])
print(d)
edges = np.array([[0, 1], [1, 2], [3, 4], [4, 5], [5, 3]])
adj = np.zeros((7, 7), dtype=int)
adj[edges[:, 0], edges[:, 1]] = 1
adj |= adj.T
print(adj.sum(axis=1))
reach = np.eye(7, dtype=bool)
for _ in range(7):
    reach = reach | (reach @ adj.astype(bool))
groups = {tuple(np.flatnonzero(row).tolist()) for row in reach}
print(sorted(groups))
laplacian = np.diag(adj.sum(0)) - adj
print((np.abs(np.linalg.eigvalsh(laplacian)) < 1e-9).sum(), np.trace(np.linalg.matrix_power(adj, 3)) // 6)
