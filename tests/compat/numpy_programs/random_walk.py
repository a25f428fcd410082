"""Random walks with seeds, old and new generators."""
import numpy as np

np.random.seed(0)
steps = np.random.choice([-1, 1], size=20)
walk = np.cumsum(steps)
print(steps.tolist(), walk.tolist())
print(np.random.rand(3), np.random.randint(0, 10, 5), np.random.randn(2))
rng = np.random.default_rng(12345)
many = rng.choice([-1, 1], size=(500, 100)).cumsum(axis=1)
print(many.min(), many.max(), np.abs(many[:, -1]).mean())
crossed = (np.abs(many) >= 10).any(axis=1)
first = (np.abs(many[crossed]) >= 10).argmax(axis=1)
print(crossed.sum(), first.mean())
print(rng.permutation(6), rng.normal(size=2), rng.integers(3, size=4))
deck = np.arange(5)
rng.shuffle(deck)
print(deck)
