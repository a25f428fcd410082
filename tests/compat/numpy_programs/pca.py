"""Principal components by SVD and by the covariance's eigenvectors."""
import numpy as np

rng = np.random.default_rng(1)
X = rng.normal(size=(60, 4)) @ rng.normal(size=(4, 4))
X -= X.mean(axis=0)
U, S, Vt = np.linalg.svd(X, full_matrices=False)
explained = S**2 / (len(X) - 1)
values, vectors = np.linalg.eigh(np.cov(X, rowvar=False))
print(np.round(explained, 6))
print(np.allclose(values[::-1], explained), np.allclose(np.abs(vectors[:, ::-1].T), np.abs(Vt)))
scores = X @ Vt.T[:, :2]
print(scores.shape, np.round(scores.std(axis=0, ddof=1), 5))
print("ratio", (explained / explained.sum()).round(4).tolist())
