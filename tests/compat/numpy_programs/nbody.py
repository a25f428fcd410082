"""Gravity between five bodies, by leapfrog."""
import numpy as np

rng = np.random.default_rng(3)
n = 5
pos = rng.standard_normal((n, 3))
vel = rng.standard_normal((n, 3)) * 0.1
mass = np.full(n, 1.0 / n)


def acceleration(pos):
    d = pos[None, :, :] - pos[:, None, :]
    r2 = (d**2).sum(-1) + 0.01
    inv = r2**-1.5
    np.fill_diagonal(inv, 0.0)
    return (d * (inv * mass)[:, :, None]).sum(axis=1)


def energy(pos, vel):
    kinetic = 0.5 * np.sum(mass * np.sum(vel**2, axis=1))
    d = np.linalg.norm(pos[None] - pos[:, None], axis=-1)
    i, j = np.triu_indices(n, 1)
    return kinetic - np.sum(mass[i] * mass[j] / np.sqrt(d[i, j] ** 2 + 0.01))


acc = acceleration(pos)
start = energy(pos, vel)
for _ in range(50):
    vel += 0.5 * 0.01 * acc
    pos += 0.01 * vel
    acc = acceleration(pos)
    vel += 0.5 * 0.01 * acc
print(np.round(pos, 6))
print(f"{start:.6f} {energy(pos, vel):.6f}")
print("momentum", np.round((mass[:, None] * vel).sum(0), 8))
