"""Pi and an option's price by Monte Carlo."""
import numpy as np

rng = np.random.default_rng(42)
xy = rng.random((20000, 2))
inside = (xy**2).sum(axis=1) < 1
print("pi is about", 4 * inside.mean())
z = rng.standard_normal(10000)
s = 100 * np.exp((0.05 - 0.5 * 0.2**2) + 0.2 * z)
payoff = np.maximum(s - 105, 0) * np.exp(-0.05)
error = payoff.std(ddof=1) / np.sqrt(len(payoff))
print(f"price {payoff.mean():.4f} +- {error:.4f}")
print(np.percentile(s, [5, 50, 95]).round(3))
hist, edges = np.histogram(z, bins=5, range=(-2.5, 2.5))
print(hist, edges)
