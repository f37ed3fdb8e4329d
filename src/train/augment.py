"""Draws training examples: crops of the corpus, bent in tempo, level, tone, noise and company.

SPDX-License-Identifier: GPL-3.0-or-later

All on mel power, before the level follower, so that each example still sounds possible.
"""
import glob
import os

import numpy as np

import features
from model import DELAY, labels

FRAMES = 1600
SHARES = dict(song=.31, groove=.25, dance=.14, midi_freedoom=.09, midi_pop909=.04, waivops=.07, edm_arr=.05, negatives=.05)
COMMON_BPM = (80, 172)      # outside, and of grooves, nobody else's beats are asked for


def tempo_of(beats):
    return 60 / np.median(np.diff(beats[:, 0]))


class Corpus:
    """Log-mel pieces in memory, by set; refresh() takes in files that have appeared since."""

    def __init__(self, folders):
        self.folders, self.seen, self.sets = folders, set(), {}
        self.refresh()

    def refresh(self):
        for folder in self.folders:
            for path in sorted(glob.glob(folder + "/*.npz")):
                if path in self.seen or path.endswith(".part.npz"):
                    continue
                self.seen.add(path)
                with np.load(path) as d:
                    logmel, beats = d["logmel"], d["beats"]
                name = os.path.basename(path).replace("--", "-").split("-")[0]
                if len(logmel) > 600:
                    common = name != "groove" and len(beats) > 2 and beats[:, 1].max() != 2 and COMMON_BPM[0] < tempo_of(beats) < COMMON_BPM[1]
                    self.sets.setdefault(name, []).append((logmel, beats, common))

    def piece(self, rng):
        names = [n for n in SHARES if n in self.sets]
        p = np.array([SHARES[n] for n in names])
        pieces = self.sets[names[int(rng.choice(len(names), p=p / p.sum()))]]
        return pieces[int(rng.integers(len(pieces)))]


def crop(corpus, rng, frames=FRAMES):
    """Mel power, beat label, downbeat label, whether bars are known, whether the tempo is common; tempo bent in 65 %."""
    logmel, beats, common = corpus.piece(rng)
    speed = 1.0
    if rng.random() < .65:
        speed = np.exp(rng.uniform(-.22, .22))
        if len(beats) > 2:
            bpm = tempo_of(beats)
            speed = np.clip(speed, min(1, 50 / bpm), max(1, 215 / bpm))
    start = rng.uniform(-100, max(-50, len(logmel) - frames * speed))
    at = start + np.arange(frames) * speed
    inside = (at >= 0) & (at < len(logmel) - 1)
    low = np.clip(at.astype(int), 0, len(logmel) - 2)
    part = (at - low).astype(np.float32)[:, None]
    a, b = logmel[low].astype(np.float32), logmel[low + 1].astype(np.float32)
    power = np.exp(a + (b - a) * part) * inside[:, None]
    position = (beats[:, 0] * 100 - 1 - start) / speed + DELAY
    return power, labels(position, frames), labels(position[beats[:, 1] == 1], frames), \
        float(len(beats) == 0 or beats[:, 1].max() > 0), float(common)


def mean_level(power):
    return power.mean() + 1e-12


def company(corpus, rng, example):
    """A cross-fade into another piece, labels changing over; or another piece quietly beneath."""
    power, beat, down, bars, common = example
    what = rng.random()
    if what > .30:
        return example
    other, beat2, down2, bars2, common2 = crop(corpus, rng)
    other *= mean_level(power) / mean_level(other)
    if what > .15:
        return power + other * 10 ** (rng.uniform(-2.5, -.9)), beat, down, bars, common
    middle, length = rng.uniform(300, FRAMES - 300), rng.choice([1, rng.uniform(10, 800)])
    fade = np.clip((np.arange(FRAMES) - middle) / length + .5, 0, 1).astype(np.float32)
    late = fade > .5
    power = power * np.cos(fade * np.pi / 2)[:, None] ** 2 + other * np.sin(fade * np.pi / 2)[:, None] ** 2
    return power, np.where(late, beat2, beat), np.where(late, down2, down), min(bars, bars2), min(common, common2)


def tone(rng, power):
    """Equaliser curves, cuts, band shifts and drop-outs."""
    x = np.linspace(0, 1, features.BANDS)
    curve = sum(rng.normal(0, 3.0 / (1 + .5 * k)) * np.cos(np.pi * k * x + rng.uniform(0, 6.28)) for k in range(1, 5))
    if rng.random() < .12:
        curve = curve - 30 * np.clip(rng.uniform(.05, .35) - x, 0, 1) / .15
    if rng.random() < .15:
        curve = curve - 40 * np.clip(x - rng.uniform(.5, .95), 0, 1) / .2
    if rng.random() < .15:
        at = int(rng.integers(0, features.BANDS - 3))
        curve[at:at + int(rng.integers(1, 8))] -= rng.uniform(10, 40)
    if rng.random() < .25:
        shift = int(rng.choice([-2, -1, 1, 2]))
        power = np.roll(power, shift, 1)
        edge = slice(0, shift) if shift > 0 else slice(shift, None)
        power[:, edge] = power[:, [shift if shift > 0 else shift - 1]]
    if rng.random() < .1:       # somebody turns a filter
        edge = np.interp(np.arange(len(power)), np.sort(rng.uniform(0, len(power), 3)), rng.uniform(.1, 1, 3))[:, None]
        curve = curve - 60 * np.clip(x - edge if rng.random() < .6 else 1 - edge - x, 0, 1)
    return power * (10 ** (curve / 10)).astype(np.float32)


def weather(rng, power, beat, down):
    """Gaps, tremolo, noise, gain; sometimes nothing at all but silence or noise."""
    frames = len(power)
    what = rng.random()
    if what < .06:
        power, beat, down = power * 0, beat * 0, down * 0
    if rng.random() < .10:
        at, n = int(rng.integers(200, frames - 100)), int(rng.uniform(50, 400))
        power = power.copy()
        power[at:at + n] *= 10 ** rng.uniform(-6, -2)
        if n > 200:      # nobody can know the beat that long after: do not ask for it
            beat[at + 150:at + n] = 0
            down[at + 150:at + n] = 0
    if rng.random() < .25:
        depth, speed = rng.uniform(.1, .8), rng.uniform(.2, 7)
        swell = 1 - depth * (.5 + .5 * np.sin(2 * np.pi * (speed * np.arange(frames) / 100 + rng.random())))
        power = power * swell.astype(np.float32)[:, None]
    if .03 < what < .06 or rng.random() < .55:
        noise = rng.standard_exponential(power.shape, dtype=np.float32)
        tilt = 10 ** (rng.uniform(-2, 2) * (np.linspace(0, 1, features.BANDS) - .5) + .5 * np.linspace(-.5, .5, features.BANDS))
        level = mean_level(power) if what >= .06 else 1e-3
        power = power + noise * (tilt * level * 10 ** rng.uniform(-5, -1.2)).astype(np.float32)
    return power * 10 ** rng.uniform(-3, 1), beat, down


def example(corpus, rng):
    power, beat, down, bars, common = company(corpus, rng, crop(corpus, rng))
    power, beat, down = weather(rng, tone(rng, power), beat, down)
    return power.astype(np.float32), beat, down, bars, common


def batch(corpus, rng, size):
    """inputs [size, FRAMES, 80], targets [size, 2, FRAMES], whether bars are known [size], whether tempi are common [size]."""
    drawn = [example(corpus, rng) for _ in range(size)]
    inputs = features.network_input(np.stack([d[0] for d in drawn]))
    targets = np.stack([np.stack(d[1:3]) for d in drawn]).astype(np.float32)
    return inputs, targets, *np.array([d[3:] for d in drawn], np.float32).T
