"""Fits the logistic that says how likely a drop, breakdown or build-up is at a beat ahead (src/predict/energy.c).

SPDX-License-Identifier: GPL-3.0-or-later

`announcements.py WORK` reads the arrangements below FIRST_TEST that transitions.py has gathered, and trains the networks
anew as transitions.py does. Candidates are the beats 1 to 32 ahead that would end a phrase of a multiple of 8 beats since
the last transition told, or of 16 since the one before it. Prints a row of weights for each kind.
"""
import glob
import os
import sys

import numpy as np

import transitions as T

THRESHOLD = .2        # of every kind, when the transitions are told
APART, ALIKE = 3, 14  # beats between two transitions, two of a kind
LATE = 1e9


def log_odds(p):
    p = np.clip(p, .003, .997)
    return np.log(p / (1 - p))


def roundness(beats):
    whole = np.rint(beats).astype(int)
    return sum(((whole > 0) & (whole % multiple == 0)).astype(float) for multiple in (4, 8, 16, 32))


def told(rows, odds):
    """(time, kind, when it was told) of the transitions that the first network would tell."""
    sure = 1 / (1 + np.exp(-odds))
    events, last, last_of = [], -LATE, {}
    for i in np.flatnonzero((sure >= THRESHOLD).any(1)):
        time, now, period = rows[i, :3]
        kind = T.KINDS[int(sure[i].argmax())]
        if time - last > APART * period and time - last_of.get(kind, -LATE) > ALIKE * period:
            events.append((time, kind, now))
            last = last_of[kind] = time
    return events


def share(values):
    values = np.exp(values - values.max(1, keepdims=True))
    return values / values.sum(1, keepdims=True)


def clues_at(now, period, anchors, within, buildup):
    """A row per beat ahead, in the order of the enum in energy.c, and which of them are candidates."""
    ahead = np.arange(1, T.WITHIN[-1] + 1)
    first = roundness((now - anchors[0][0]) / period + ahead)
    before = roundness((now - anchors[1][0]) / period + ahead) if len(anchors) > 1 else np.zeros(len(ahead))
    span = np.searchsorted(T.WITHIN, ahead)
    one = np.ones(len(ahead))
    columns = [one, first, first >= 2, first >= 3, first >= 4, before, log_odds(within)[span],
               np.where(span > 0, log_odds(within)[np.maximum(span - 1, 0)], log_odds(0)), ahead / 32]
    columns += [one * (anchors[0][1] == kind) for kind in ("buildup", "breakdown", "drop")]
    columns += [one * np.log2(1 + max(0, (now - anchors[0][0]) / period)), one * log_odds(buildup)]
    return np.stack(columns, 1), (first >= 2) | (before >= 3)


def examples(path, nets, foretold):
    rows, truth = np.load(path), T.read_truth(path[:-4] + ".sections")
    events = told(rows, T.answer(nets[0], rows))
    rows = rows[rows[:, 3] == float(T.AGOS[0])]
    parts = np.split(T.answer(nets[1], rows), np.cumsum(T.GROUPS)[:-1], 1)
    sections, within = share(parts[0]), np.cumsum(share(parts[1 + foretold])[:, :-1], 1)
    due = np.array([t for t, _, kind in truth if kind == T.FORETOLD[foretold]] + [LATE])
    for i in range(0, len(rows), 4):
        now, period = rows[i, 1:3]
        anchors = [(t, kind) for t, kind, when in events if when <= now][:-3:-1]
        if anchors:
            clues, usable = clues_at(now, period, anchors, within[i], sections[i, T.SECTIONS.index("buildup")])
            times = now + period * np.arange(1, len(clues) + 1)
            right = np.abs(times[:, None] - due).min(1) <= period
            yield clues[usable], right[usable]


def fit(x, y):
    """Newton's method with a little ridge."""
    w = np.zeros(x.shape[1])
    for _ in range(25):
        p = 1 / (1 + np.exp(-x @ w))
        hessian = (x * (p * (1 - p))[:, None]).T @ x + 1e-4 * len(x) * np.eye(len(w))
        w += np.linalg.solve(hessian, x.T @ (y - p) - 1e-4 * len(x) * w)
    return w


def main():
    nets = T.fit(T.load(sys.argv[1]))
    paths = [p for p in sorted(glob.glob(os.path.join(sys.argv[1], "*-[0-9][0-9][0-9][0-9].npy")))
             if int(p[-8:-4]) < T.FIRST_TEST]
    for foretold, kind in enumerate(T.FORETOLD):
        pairs = [pair for path in paths for pair in examples(path, nets, foretold)]
        weights = fit(np.concatenate([x for x, _ in pairs]), np.concatenate([y for _, y in pairs]).astype(float))
        print(kind, "{" + ", ".join("%.3g" % w for w in weights) + "}")


if __name__ == "__main__":
    main()
