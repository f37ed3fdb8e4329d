"""The network's ear: power in 40 mel bands, 100 frames a second, and the level-free input made of it.

SPDX-License-Identifier: GPL-3.0-or-later

README.md states the definition; the C analyser must agree with this file to 1e-4.
"""
import numpy as np

BANDS = 40
FLOOR = 1e-12        # log-mel files hold ln(power + FLOOR)
WARM_FRAMES = 400    # level follower: cumulative mean that long, then a leak of the same length
GAMMA = 1e5


def frame_size(rate):
    return 2048 if rate <= 50000 else 4096


def mel_matrix(rate):
    """Triangles of peak 1, equally spaced on the mel scale from 30 Hz to 16 kHz; bins x bands."""
    size = frame_size(rate)
    mel = np.linspace(2595 * np.log10(1 + 30 / 700), 2595 * np.log10(1 + 16000 / 700), BANDS + 2)
    edge = 700 * (10 ** (mel / 2595) - 1)
    f = np.arange(size // 2 + 1) * rate / size
    up = (f[:, None] - edge[None, :-2]) / (edge[1:-1] - edge[:-2])
    down = (edge[None, 2:] - f[:, None]) / (edge[2:] - edge[1:-1])
    return np.maximum(0, np.minimum(up, down)).astype(np.float32)


def mel_power(audio, rate):
    """Frame t sees the last frame_size samples that end at (t + 1) * rate / 100; zeros before the start."""
    hop, size = rate // 100, frame_size(rate)
    frames = len(audio) // hop
    window = np.hanning(size + 1)[:size].astype(np.float32)
    window *= 2 / window.sum()
    matrix = mel_matrix(rate)
    padded = np.concatenate([np.zeros(size - hop, np.float32), audio.astype(np.float32)])
    view = np.lib.stride_tricks.sliding_window_view(padded, size)[::hop][:frames]
    out = np.empty((frames, BANDS), np.float32)
    from scipy.fft import rfft
    for i in range(0, frames, 512):
        spectrum = rfft(view[i:i + 512] * window, axis=1)
        out[i:i + 512] = (spectrum.real ** 2 + spectrum.imag ** 2) @ matrix
    return out


def level(power):
    """The level follower L[t] over mel power [frames, bands] or [batch, frames, bands]."""
    energy = power.mean(-1, dtype=np.float64)
    frames = energy.shape[-1]
    out = np.empty_like(energy)
    n = min(frames, WARM_FRAMES)
    out[..., :n] = np.cumsum(energy[..., :n], -1) / np.arange(1, n + 1)
    if frames > n:
        from scipy.signal import lfilter
        a = 1.0 / WARM_FRAMES
        state = (1 - a) * out[..., n - 1:n]
        out[..., n:] = lfilter([a], [1, a - 1], energy[..., n:], axis=-1, zi=state)[0]
    return np.maximum(out, 1e-9).astype(np.float32)


def network_input(power):
    """[.., frames, 40] power -> [.., frames, 80]: log bands less one, twice their rise over two frames."""
    x = .15 * np.log1p(GAMMA * power / level(power)[..., None])
    rise = np.zeros_like(x)
    rise[..., 2:, :] = np.maximum(0, x[..., 2:, :] - x[..., :-2, :])
    return np.concatenate([x - 1, 2 * rise], -1).astype(np.float32)
