"""Moving averages, returns, drawdowns, correlations."""
import numpy as np

rng = np.random.default_rng(10)
returns = rng.normal(0.0005, 0.01, (250, 3))
prices = 100 * np.cumprod(1 + returns, axis=0)
window = 20
kernel = np.ones(window) / window
average = np.apply_along_axis(lambda p: np.convolve(p, kernel, mode="valid"), 0, prices)
print(average.shape, average[-1].round(3))
peak = np.maximum.accumulate(prices, axis=0)
print("drawdown", ((prices - peak) / peak).min(axis=0).round(4))
print(np.corrcoef(returns, rowvar=False).round(4))
weights = np.array([0.5, 0.3, 0.2])
variance = weights @ np.cov(returns.T) @ weights
print(f"volatility {np.sqrt(variance * 250):.4%}")
best = np.argsort(prices[-1])[::-1]
print(best, prices[-1, best].round(2))
print(np.nanmean(np.where(returns > 0, returns, np.nan), axis=0).round(6))
sharpe = returns.mean(0) / returns.std(0, ddof=1) * np.sqrt(250)
print(sharpe.round(4), np.quantile(returns, 0.05, axis=0).round(5))
