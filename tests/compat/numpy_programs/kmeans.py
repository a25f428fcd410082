"""Lloyd's k-means on three clouds."""
import numpy as np

rng = np.random.default_rng(0)
centers = np.array([[0.0, 0.0], [5.0, 5.0], [0.0, 6.0]])
points = np.concatenate([c + rng.normal(size=(20, 2)) for c in centers])
guess = points[rng.choice(len(points), 3, replace=False)]
for step in range(20):
    distance = np.linalg.norm(points[:, np.newaxis] - guess, axis=2)
    label = distance.argmin(axis=1)
    new = np.array([points[label == k].mean(axis=0) if np.any(label == k) else guess[k] for k in range(3)])
    if np.allclose(new, guess):
        break
    guess = new
print(step, np.bincount(label, minlength=3).tolist())
print(np.round(guess[np.lexsort(guess.T)], 4))
print(f"inertia {((points - guess[label]) ** 2).sum():.4f}")
