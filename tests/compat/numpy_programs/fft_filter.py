"""A low-pass filter by FFT."""
import numpy as np

t = np.arange(128) / 128
signal = np.sin(2 * np.pi * 3 * t) + 0.5 * np.sin(2 * np.pi * 30 * t)
spectrum = np.fft.rfft(signal)
freq = np.fft.rfftfreq(len(t), d=1 / 128)
power = np.abs(spectrum) ** 2
print(freq[np.argsort(power)[-2:]].tolist())
spectrum[freq > 10] = 0
clean = np.fft.irfft(spectrum, n=len(t))
print(np.round(clean[:6], 6), float(np.max(np.abs(clean - np.sin(2 * np.pi * 3 * t)))) < 1e-12)
window = np.hanning(16)
print(np.round(window[:4], 5), window.sum().round(9))
