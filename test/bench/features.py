"""Compares the values of the analysis frames with a second implementation, in numpy and scipy.

SPDX-License-Identifier: GPL-3.0-or-later

    features.py BUILD [AUDIO_DIR]

Written from the definitions, not from the C code. A value's correlation and its error (mean
distance over mean size) are taken over all frames of all sounds, of a list the mean of its values'
correlations. "known" is the share of frames in which both or neither have a value.
"""
import json
import os
import random
import subprocess
import sys
import tempfile

import numpy as np
import soundfile
from scipy.fft import dct
from scipy.signal import lfilter

GENERATED = ["demo?seconds=60", "demo?seconds=30&rate=44100&bpm=140", "drums?pattern=break&seconds=20", "chord?seconds=8",
             "notes?seconds=10&rate=44100", "speech?seconds=20", "sweep?seconds=10", "noise?seconds=10&colour=pink", "fullscale?seconds=3",
             "dc?seconds=3", "silence?seconds=3"]
WINDOW, BANDS, FLOOR = 2048, 8, 1e-10
NUMBERS = ("loudness_momentary", "loudness_short", "energy", "spectral_centroid", "spectral_rolloff", "spectral_flux", "spectral_flatness",
           "zero_crossing_rate")
LISTS = dict(bands=.99, mfcc=.98)
MOST_FILES, MOST_SECONDS = 24, 60


def k_weighted(x, rate):
    """ITU-R BS.1770-4, annex 1: a shelf, then a high-pass, from their analogue parameters."""
    k = np.tan(np.pi * 1681.974450955533 / rate)
    q, high = .7071752369554196, 10 ** (3.999843853973347 / 20)
    band, norm = high ** .4996667741545416, 1 + k / q + k * k
    x = lfilter([(high + band * k / q + k * k) / norm, 2 * (k * k - high) / norm, (high - band * k / q + k * k) / norm],
                [1, 2 * (k * k - 1) / norm, (1 - k / q + k * k) / norm], x, axis=0)
    k, q = np.tan(np.pi * 38.13547087602444 / rate), .5003270373238773
    norm = 1 + k / q + k * k
    return lfilter([1, -2, 1], [1, 2 * (k * k - 1) / norm, (1 - k / q + k * k) / norm], x, axis=0)


def loudness(x, rate, hop, seconds):
    power = np.concatenate([[0], np.cumsum((k_weighted(x, rate) ** 2).sum(1))])
    ends = np.arange(hop, len(x) + 1, hop)
    starts = ends - round(seconds * rate)
    lufs = -.691 + 10 * np.log10((power[ends] - power[np.maximum(starts, 0)]) / (seconds * rate) + 1e-20)
    return np.where((starts < 0) | (lufs < -70), np.nan, lufs)


def energy(lufs, silence, hop_s, window_s=30, range_db=10, smoothing_s=.2):
    out, shown, heard = [], None, 0.0
    for value, silent in zip(lufs, silence):
        if silent or np.isnan(value):
            out.append(0.0)
            shown = None
            continue
        shown = value if shown is None else value + (shown - value) * np.exp(-hop_s / smoothing_s)
        if not heard:
            high = max(shown, -20)
            low, heard = high - range_db, 1.0
        heard = min(window_s, heard + hop_s)
        high = shown + (high - shown) * np.exp(-hop_s / (heard * (.1 if shown > high else 1)))
        low = shown + (low - shown) * np.exp(-hop_s / (heard * (.1 if shown < low else 1)))
        out.append(np.clip(1 - (high - shown) / np.clip(high - low, range_db, 30), 0, 1))
    return np.array(out)


def spectra(mono, hop):
    padded = np.concatenate([np.zeros(WINDOW - hop), mono])
    frames = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[::hop]
    window = .5 - .5 * np.cos(2 * np.pi * np.arange(WINDOW) / WINDOW)
    return np.abs(np.fft.rfft((frames - frames.mean(1, keepdims=True)) * window, axis=1)) * 2 / window.sum()


def band_levels(power, bin_hz):
    edges = 40 * (16000 / 40) ** (np.arange(BANDS + 1) / BANDS)
    low, high = (np.arange(power.shape[1])[:, None] + side for side in (-.5, .5))
    shares = np.clip(np.minimum(high, edges[1:] / bin_hz) - np.maximum(low, edges[:-1] / bin_hz), 0, 1)
    return np.sqrt(np.minimum(1, power @ shares / 1.5))


def cepstrum(power, bin_hz):
    def mel(hz):
        return 2595 * np.log10(1 + hz / 700)
    corners = 700 * (10 ** (np.linspace(mel(30), mel(16000), 42) / 2595) - 1)
    hz = np.arange(power.shape[1]) * bin_hz
    up = (hz[:, None] - corners[:-2]) / np.diff(corners)[:-1]
    down = (corners[2:] - hz[:, None]) / np.diff(corners)[1:]
    return dct(np.log(np.maximum(power @ np.clip(np.minimum(up, down), 0, None), FLOOR)), norm="ortho")[:, :13]


def crossings(mono, hop):
    sign = np.sign(mono)
    places = np.maximum.accumulate(np.where(sign != 0, np.arange(len(sign)), 0))
    sign = sign[places]
    changes = np.concatenate([[False], sign[1:] * sign[:-1] < 0])
    return changes.reshape(-1, hop).mean(1)


def rolloff(power, bin_hz):
    share = np.cumsum(power, 1) >= .85 * power.sum(1, keepdims=True)
    return np.argmax(share, 1) * bin_hz


def reference(audio, rate, silence):
    hop = rate // 100
    audio = audio[:len(audio) // hop * hop].astype(np.float64)
    mono = audio.mean(1)
    magnitude = spectra(mono, hop)
    power, bin_hz = magnitude ** 2, rate / WINDOW
    audible, some = power.sum(1) >= 1e-10, magnitude.sum(1) >= 1e-5
    before = np.concatenate([np.zeros((1, magnitude.shape[1])), magnitude[:-1]])
    with np.errstate(all="ignore"):
        out = dict(spectral_centroid=np.where(some, magnitude @ (np.arange(magnitude.shape[1]) * bin_hz) / magnitude.sum(1), np.nan),
                   spectral_rolloff=np.where(audible, rolloff(power, bin_hz), np.nan),
                   spectral_flux=np.where(some, np.maximum(0, magnitude - before).sum(1) / magnitude.sum(1), 0),
                   spectral_flatness=np.where(audible, np.exp(np.log(power[:, 1:] + 1e-20).mean(1)) / power[:, 1:].mean(1), np.nan))
    out.update(loudness_momentary=loudness(audio, rate, hop, .4), loudness_short=loudness(audio, rate, hop, 3),
               zero_crossing_rate=crossings(mono, hop), bands=band_levels(power, bin_hz), mfcc=cepstrum(power, bin_hz))
    out["energy"] = energy(out["loudness_momentary"], silence, hop / rate)
    return out


def frames_of(program, path):
    lines = subprocess.run([program, "-q", "-f", path, "--frames", "-"], check=True, stdout=subprocess.PIPE).stdout.splitlines()
    rows = [json.loads(line) for line in lines]
    return {name: np.array([row[name] for row in rows], float) for name in NUMBERS + tuple(LISTS) + ("silence",)}


def sounds(build, folder, work):
    for signal in GENERATED:
        path = os.path.join(work, "sound.wav")
        subprocess.run([os.path.join(build, "test/tools/ja-render"), "synth:" + signal, path], check=True)
        yield path
    if folder:
        files = sorted(os.path.join(where, name) for where, _, names in os.walk(folder) for name in names
                       if name.endswith((".wav", ".flac", ".ogg", ".opus")))
        for name in random.Random(1).sample(files, min(MOST_FILES, len(files))):
            audio, rate = soundfile.read(name, frames=48000 * MOST_SECONDS, always_2d=True)
            if rate in (44100, 48000):
                path = os.path.join(work, "sound.wav")
                soundfile.write(path, audio, rate, subtype="FLOAT")
                yield path


def compare(ours, theirs):
    """Correlation, error, share of frames that agree about whether there is a value."""
    known = ~np.isnan(ours) & ~np.isnan(theirs)
    agree = np.mean(np.isnan(ours) == np.isnan(theirs))
    a, b = ours[known], theirs[known]
    return np.corrcoef(a, b)[0, 1], np.abs(a - b).mean() / np.abs(b).mean(), agree


def main():
    build, folder = sys.argv[1], (sys.argv + [""])[2]
    collected, seconds, count = {}, 0.0, 0
    with tempfile.TemporaryDirectory() as work:
        for path in sounds(build, folder, work):
            audio, rate = soundfile.read(path, always_2d=True)
            ours = frames_of(os.path.join(build, "jack-analyzer"), path)
            theirs = reference(audio, rate, ours["silence"])
            frames = len(theirs["energy"])
            for name in theirs:
                collected.setdefault(name, []).append((ours[name][:frames], theirs[name]))
            seconds, count = seconds + frames / 100, count + 1
    print("Values beside another implementation, %d sounds, %.0f s" % (count, seconds))
    print("  %-20s %11s %9s %8s  %s" % ("value", "correlation", "error", "known", "goal"))
    for name in NUMBERS + tuple(LISTS):
        ours, theirs = (np.concatenate(side) for side in zip(*collected[name]))
        if name in LISTS:
            each = [compare(ours[:, i], theirs[:, i]) for i in range(theirs.shape[1])]
            correlation, error, agree = np.mean(each, axis=0)
            met = correlation >= LISTS[name]
        else:
            correlation, error, agree = compare(ours, theirs)
            met = correlation >= .99 and error < .01
        print("  %-20s %11.5f %8.3f%% %7.2f%%  %s" % (name, correlation, 100 * error, 100 * agree, "met" if met else "MISSED"))
    print()


if __name__ == "__main__":
    main()
