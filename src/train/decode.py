"""Reference decoder: a bar-free beat pointer (tempo, frames since the beat) filtered forward, and beats read from it.

SPDX-License-Identifier: GPL-3.0-or-later

Many pieces run side by side. Frame t is known at (t + 1) / 100 s; a beat is emitted when it happens, without look-ahead.
"""
import numpy as np

from model import DELAY

LONGEST, SHORTEST = 110, 27       # frames in a beat: 54.5 to 222 BPM
DEFAULTS = dict(lam=100.0, octave=1e-4, eps=2e-4, centre=52.0, width=.43, q0=.34, power=.5, low=.06, gain=.7, peak_floor=.095,
                lead=.5, sigma=1.1, threshold=.35, gap=.4)


class Pointer:
    """Belief over (beat length n, frames j since the beat) for a batch; one ring per length, heads[n] is where j = 0."""

    def __init__(self, batch, **changes):
        p = self.p = dict(DEFAULTS, **changes)
        self.n = np.arange(SHORTEST, LONGEST + 1)
        self.rows = np.arange(len(self.n)) * LONGEST
        ratio = self.n[None, :] / self.n[:, None]
        move = np.exp(-p["lam"] * np.abs(ratio - 1))
        move /= move.sum(1, keepdims=True)
        for i, n in enumerate(self.n):
            for other in (2 * n, n // 2):
                if SHORTEST <= other <= LONGEST:
                    move[i, other - SHORTEST] += p["octave"]
        self.move = (move / move.sum(1, keepdims=True)).astype(np.float32)
        prior = np.exp(-.5 * (np.log(self.n / p["centre"]) / p["width"]) ** 2) / self.n
        prior /= prior.sum()
        self.real = np.arange(LONGEST)[None, :] < self.n[:, None]
        self.prior = (self.real * (prior / self.n)[:, None]).reshape(-1).astype(np.float32)
        self.belief = np.tile(self.prior, (batch, 1))
        self.heads = np.zeros(len(self.n), int)
        self.since = np.arange(12)
        self.reach = np.exp(-.5 * ((self.since - (DELAY - p["lead"])) / p["sigma"]) ** 2)
        self.peak = np.zeros(batch)
        self.fresh = np.float32(p["eps"]) * self.prior
        self.scale = np.full((batch, 1), 1 - p["eps"], np.float32)

    def slots(self, j):
        """Flat places of states j (frames since the beat; negative counts back from the next beat)."""
        return (self.rows[:, None] + (self.heads[:, None] - j[None, :]) % self.n[:, None])

    def step(self, activation):
        p, b = self.p, self.belief
        self.heads = (self.heads + 1) % self.n
        at = self.rows + self.heads
        b[:, at] = b[:, at] @ self.move
        b *= self.scale            # of the last step, and the share that stays
        b += self.fresh
        self.peak *= np.exp(-1 / 600)
        self.peak += np.maximum(0, activation - self.peak) * .5
        a = np.clip(p["gain"] * activation / np.maximum(self.peak, p["peak_floor"]), p["low"], .99)
        ratio = (a / ((1 - a) * p["q0"])) ** p["power"]
        places = self.slots(self.since).reshape(-1)
        weight = np.tile(self.reach, len(self.n))
        b[:, places] *= (1 + (ratio[:, None] - 1) * weight).astype(np.float32)
        self.total = b.sum(1, keepdims=True)
        self.scale = (1 - np.float32(p["eps"])) / self.total

    def horizon(self, first=-7, last=14):
        """Mass of beats that lie first..last frames from now."""
        return self.belief[:, self.slots(-np.arange(first, last + 1)).reshape(-1)].reshape(len(self.belief), len(self.n), -1).sum(1) / self.total

    def lengths(self):
        return self.belief.reshape(len(self.belief), len(self.n), LONGEST).sum(2) / self.total


def decode(activations, **changes):
    """activations: list of [frames] -> per piece rows of beat time in s, tempo in BPM, belief in the beat, belief in the tempo."""
    return [x for i in range(0, len(activations), 16) for x in decode_some(activations[i:i + 16], **changes)]


def decode_some(activations, **changes):
    batch, frames = len(activations), max(map(len, activations))
    stacked = np.zeros((frames, batch))
    for i, a in enumerate(activations):
        stacked[:len(a), i] = a
    pointer = Pointer(batch, **changes)
    p = pointer.p
    near = (np.abs(pointer.n[None, :] / pointer.n[:, None] - 1) <= .06).astype(float)
    triangle = 1 - np.abs(np.arange(-7, 8)) / 14
    last = np.full(batch, -1000)
    chosen = np.full(batch, len(pointer.n) // 2)
    every = np.arange(batch)
    out = [[] for _ in range(batch)]
    for t in range(frames):
        pointer.step(stacked[t])
        lengths = pointer.lengths()
        mass = lengths @ near
        best = mass.argmax(1)
        chosen = np.where(mass[every, best] > 1.2 * mass[every, chosen], best, chosen)
        interval = (lengths * near[chosen]) @ pointer.n / np.maximum(mass[every, chosen], 1e-12)
        h = pointer.horizon()
        hits = np.stack([h[:, k:k + 15] @ triangle for k in range(8)], 1)
        fire = (hits[:, 0] >= hits[:, 1:].max(1)) & (hits[:, 0] > p["threshold"]) & (t - last >= p["gap"] * interval)
        for i in np.flatnonzero(fire):
            out[i].append(((t + 1) / 100, 6000 / interval[i], h[i, :15].sum(), mass[i, chosen[i]]))
        last[fire] = t
    return [np.array([x for x in o if x[0] <= len(a) / 100]).reshape(-1, 4) for o, a in zip(out, activations)]


METERS = (3, 4)
BAR = dict(prior=(.15, .85), restart=.005, power=.7, q=1.0)


def bars(beats_s, downbeat, **changes):
    """Beat numbers and their probability, beat by beat, each said before the beat itself has been heard."""
    p = dict(BAR, **changes)
    state = [np.full(m, w / m) for m, w in zip(METERS, p["prior"])]
    out = np.zeros((len(beats_s), 3))
    for i, t in enumerate(beats_s):
        state = [np.roll(s, 1) for s in state]
        total = sum(s.sum() for s in state)
        state = [(1 - p["restart"]) * s / total + p["restart"] * w / m for s, m, w in zip(state, METERS, p["prior"])]
        meter = int(np.argmax([s.sum() for s in state]))
        position = int(np.argmax(state[meter]))
        out[i] = METERS[meter], position + 1, state[meter][position]
        frame = int(round(t * 100)) - 1
        x = min(.99, max(.01, downbeat[frame:frame + DELAY + 5].max() if frame < len(downbeat) else 0))
        odds = (x / (1 - x) / p["q"]) ** p["power"]
        for s in state:
            s[0] *= odds
    return out
