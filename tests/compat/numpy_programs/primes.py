"""Sieves, gcds, number theory, bits."""
import numpy as np

sieve = np.ones(100, dtype=bool)
sieve[:2] = False
for i in range(2, 10):
    if sieve[i]:
        sieve[i * i :: i] = False
primes = np.flatnonzero(sieve)
print(primes, len(primes))
print(np.gcd(12, 18), np.lcm.reduce(np.arange(1, 11)), np.gcd.reduce([12, 18, 30]))
n = np.arange(1, 20)
print([int(v) for v in n[(n % 3 == 0) ^ (n % 5 == 0)]])
print(np.bitwise_and(n, 6), n >> 1, n << 2, ~n[:3], np.bitwise_count(n))
fib = np.array([[1, 1], [1, 0]], dtype=object)
print(np.linalg.matrix_power(np.array([[1, 1], [1, 0]]), 30)[0, 1])
collatz = np.array([27])
steps = 0
while collatz[0] != 1:
    collatz = np.where(collatz % 2 == 0, collatz // 2, 3 * collatz + 1)
    steps += 1
print(steps, np.iinfo(np.int64).max, np.uint8(250) + np.uint8(3), 2 ** np.arange(5))
print(np.base_repr(10, 2), np.binary_repr(5, 8), hash(n[3]) == hash(4), {n[0]: "one"}[1])
