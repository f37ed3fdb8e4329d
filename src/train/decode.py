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


METERS = (3, 4, 5, 6, 7)
ONE, MIDDLE, WEAK = 0, 1, 2        # what a beat is in its bar
BAR = dict(prior=(.12, .82, .01, .04, .01), restart=.04, temper=.6, most=3)
GROUPS = (0, 3, 12, 26, 40)        # bands: kick, low-mid, mid, hat
REMEMBERED = 16                    # beats in a mean
LEAD = 8                           # frames before a beat at which it is told, and the one before it is done


def role(meter, beat):
    """Of beat 0 ... meter - 1."""
    return ONE if beat == 0 else MIDDLE if meter in (4, 6) and beat == meter // 2 else WEAK


def accents(beats_s, downbeat, logs):
    """Clues [beats, 9] to each beat's role: downbeat, rises and changes of four groups, against their means over the last beats.

    logs are the first half of the network's input; src/beat/accent.c does the same.
    """
    frames = len(logs)
    rise = np.zeros_like(logs)
    rise[2:] = np.maximum(0, logs[2:] - logs[:-2])
    mean_of = [slice(a, b) for a, b in zip(GROUPS, GROUPS[1:])]
    rise = np.stack([rise[:, g].mean(1) for g in mean_of], 1)
    at = np.clip(np.round(beats_s * 100).astype(int) - 1, 0, frames - 4)
    until = np.clip(np.append(at[1:] - LEAD + 1, frames), at + 4, frames)
    out, mean, before = np.zeros((len(at), 9)), np.zeros(9), None
    for i, (a, e) in enumerate(zip(at, until)):
        sure = np.clip(downbeat[a:min(a + DELAY + 5, e)].max(), .01, .99)
        sound = logs[a + 2:e].mean(0)
        change = np.abs(sound - before) if before is not None else np.zeros(len(sound))
        before = sound
        clues = np.concatenate([[np.log(sure / (1 - sure))], 10 * rise[max(0, a - 3):min(a + 6, e)].max(0), [10 * change[g].mean() for g in mean_of]])
        mean += (clues - mean) / min(i + 1, REMEMBERED)
        out[i] = clues - mean
    return out


def bars(evidence, **changes):
    """Meter, beat, belief in both and agreement of each beat, said before it is heard; evidence [beats, roles] as of bar.h."""
    p = dict(BAR, **changes)
    state = [np.full(m, w / m) for m, w in zip(METERS, p["prior"])]
    roles = [np.array([role(m, b) for b in range(m)]) for m in METERS]
    factors = np.exp(np.clip(p["temper"] * evidence, -p["most"], p["most"]))
    out, agreement = np.zeros((len(evidence), 4)), 0.0
    for i in range(len(evidence)):
        state = [np.roll(s, 1) for s in state]
        total = sum(s.sum() for s in state)
        state = [(1 - p["restart"]) * s / total + p["restart"] * w / m for s, m, w in zip(state, METERS, p["prior"])]
        k = int(np.argmax([s.sum() for s in state]))
        beat = int(np.argmax(state[k]))
        out[i] = METERS[k], beat + 1, state[k][beat], agreement
        agreement += (evidence[i][roles[k][beat]] - agreement) / min(i + 1, REMEMBERED)
        state = [s * factors[i][r] for s, r in zip(state, roles)]
    return out
