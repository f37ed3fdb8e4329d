"""Sounds without a beat: talk, babble, crowds, chant without time, noises of rooms and streets.

SPDX-License-Identifier: GPL-3.0-or-later

`negatives.py OUT FIRST COUNT` writes OUT/negatives-SEED.npz with an empty list of beats. Only what follows no clock is here:
a voice that keeps time has a beat, and songs.py has it.
"""
import argparse
import os

import numpy as np
from scipy.signal import butter, lfilter, sosfilt

import render

RATE = 44100


def voice(pitch, vowel, breath, rng):
    """A vowel at the pitch of each sample, gliding from one set of formants to the next."""
    n = len(pitch)
    source = 2 * (np.cumsum(pitch) / RATE % 1) - 1 + rng.normal(0, breath, n)
    out = np.zeros(n)
    for formant, gain in zip(render.VOWELS[vowel], (1, .5, .25)):
        radius = np.exp(-np.pi * rng.uniform(60, 130) / RATE)
        out += gain * lfilter([1 - radius], [1, -2 * radius * np.cos(2 * np.pi * formant * rng.uniform(.92, 1.1) / RATE), radius ** 2], source)
    return out


def consonant(rng):
    n = int(rng.uniform(.015, .13) * RATE)
    low = rng.uniform(1000, 5000)
    return sosfilt(butter(2, (low, min(15000, low * 2.5)), "band", fs=RATE, output="sos"), rng.normal(0, 1, n)) * np.hanning(n) * rng.uniform(.05, .5)


def talk(length, rng, chant=False):
    """Phrases of syllables of uneven length, with pauses for breath; a chant has long ones on the tones of a scale."""
    out, at = np.zeros(length), int(rng.uniform(0, 1) * RATE)
    base, rate, breath = rng.choice([95, 120, 190, 230]) * rng.uniform(.85, 1.2), rng.uniform(3, 7), rng.uniform(.02, .2)
    while at < length:
        syllables, stress = int(rng.integers(2, 18)), rng.uniform(.9, 1.3)
        for i in range(syllables):
            seconds = np.exp(rng.normal(0, .45)) * (rng.uniform(.4, 1.6) if chant else 1 / rate)
            n = int(seconds * RATE)
            if chant:
                pitch = np.full(n, base * 2 ** (rng.choice([0, 2, 4, 5, 7, 9]) / 12)) * (1 + .01 * np.sin(2 * np.pi * 5.3 * np.arange(n) / RATE))
            else:
                pitch = base * stress * np.exp(-.25 * i / syllables) * np.linspace(rng.uniform(.85, 1.2), rng.uniform(.8, 1.1), n)
            sound = voice(pitch, int(rng.integers(len(render.VOWELS))), breath, rng) * rng.uniform(.3, 1)
            sound *= np.minimum(1, np.arange(n) / (rng.uniform(.01, .06) * RATE)) * np.clip((n - np.arange(n)) / (.04 * RATE), 0, 1)
            if rng.random() < .6:
                sound = np.concatenate([consonant(rng), sound])
            sound = sound[:max(0, length - at)]
            out[at:at + len(sound)] += sound
            at += len(sound) + (int(rng.uniform(0, .08) * RATE) if rng.random() < .2 else 0)
            if at >= length:
                break
        at += int(rng.uniform(.15, 2.2) * RATE)
    return out


def coloured(length, slope, rng):
    """Noise whose power falls with f ** -slope: 1 pink, 2 brown."""
    spectrum = np.fft.rfft(rng.normal(0, 1, length))
    spectrum[1:] *= np.arange(1, len(spectrum)) ** (-slope / 2)
    spectrum[0] = 0
    out = np.fft.irfft(spectrum, length)
    return out / out.std()


def swell(length, rng):
    """A slow, uneven curve about 1."""
    knots = rng.normal(0, rng.uniform(.1, .8), length // RATE + 2)
    return np.exp(np.interp(np.arange(length) / RATE, np.arange(len(knots)), knots))


def clatter(length, rng):
    """Hits at random times: steps, dishes, clapping hands."""
    out = np.zeros(length)
    drum = render.synth_drum(str(rng.choice(["rim", "clap", "snare", "hat", "tomlo"])), RATE, rng)
    for at in np.cumsum(rng.exponential(np.exp(rng.uniform(np.log(.01), np.log(1.2))), 5000)):
        i = int(at * RATE)
        if i >= length:
            break
        out[i:i + len(drum)] += drum[:length - i] * rng.uniform(.1, 1)
    return out


def babble(length, rng):
    return sum(talk(length, rng) * rng.uniform(.3, 1) for _ in range(int(rng.integers(3, 7))))


def crowd(length, rng):
    return babble(length, rng) + coloured(length, 1, rng) * .05 * swell(length, rng) + .2 * clatter(length, rng)


def draw(seed, seconds):
    rng, length = np.random.default_rng((seed, 79)), int(seconds * RATE)
    kind = str(rng.choice(["talk", "babble", "crowd", "chant", "noise", "clatter", "talk in noise"], p=[.3, .1, .1, .1, .16, .1, .14]))
    noise = coloured(length, rng.choice([0, 1, 1, 2]), rng) * swell(length, rng)
    sound = dict(talk=lambda: talk(length, rng), babble=lambda: babble(length, rng), crowd=lambda: crowd(length, rng),
                 chant=lambda: talk(length, rng, True), noise=lambda: noise, clatter=lambda: clatter(length, rng) + .02 * noise).get(
                     kind, lambda: talk(length, rng) + noise * 10 ** rng.uniform(-3, -1))()
    effects = dict(room_s=float(rng.uniform(.15, 1.8)) if rng.random() < .4 else 0.0, room_mix=float(rng.uniform(.1, .6)), drive=0.0)
    return kind, render.master(sound.astype(np.float32), effects, RATE, rng)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("out")
    p.add_argument("first", type=int)
    p.add_argument("count", type=int)
    p.add_argument("--seconds", type=float, default=40)
    a = p.parse_args()
    os.makedirs(a.out, exist_ok=True)
    for seed in range(a.first, a.first + a.count):
        path = "%s/negatives-%06d.npz" % (a.out, seed)
        if not os.path.exists(path):
            kind, sound = draw(seed, a.seconds)
            render.save(path, sound, RATE, np.zeros((0, 2)))
            print("%d %s" % (seed, kind), flush=True)


if __name__ == "__main__":
    main()
