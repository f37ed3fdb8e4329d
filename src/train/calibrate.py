"""Fits how sure to be of a beat: a logistic of what the engine knows when it tells one.

SPDX-License-Identifier: GPL-3.0-or-later

`calibrate.py TOOL AUDIO [--flux]` runs TOOL (build/plain/test/tools/ja-beat-clues) over the pieces of AUDIO/index.tsv that are
kept apart for tuning and over negatives, prints the weights for src/beat/engine.c and, fitted on one half of the
pieces and seen on the other, how often beats of each confidence were right within 70 ms. A beat where there is none is wrong.
"""
import csv
import subprocess
import sys

import numpy as np

import corpus

TRIM, TOLERANCE = 5, .07
NEGATIVES = ["synth:speech?seconds=90&seed=%d" % seed for seed in range(3, 15)]   # beside those of AUDIO
NEGATIVE_WEIGHT = .7   # of a beat where there is none: enough that none is more likely than not
NAMES = ("1", "logit tempo share", "on beat", "off beat", "uneven", "on grid")
USED = {"network": [0, 1, 2, 3, 5], "flux": [0, 1, 2, 3, 4]}   # the others weigh 0


def fit(x, y, weight):
    """Newton's method with a little ridge."""
    w = np.zeros(x.shape[1])
    for _ in range(30):
        p = 1 / (1 + np.exp(-x @ w))
        hessian = (x * (weight * p * (1 - p))[:, None]).T @ x + 1e-5 * len(x) * np.eye(len(w))
        w += np.linalg.solve(hessian, x.T @ (weight * (y - p)) - 1e-5 * len(x) * w)
    return w


def clues(tool, path, beats):
    text = subprocess.run([*tool, path], capture_output=True, text=True, check=True).stdout
    rows = np.array([[float(v) for v in line.split()] for line in text.splitlines()]).reshape(-1, 7)
    rows = rows[rows[:, 0] > TRIM]
    right = [len(beats) > 0 and np.abs(beats - t).min() <= TOLERANCE for t in rows[:, 0]]
    return np.hstack([np.ones((len(rows), 1)), rows[:, 1:6]]), np.array(right, float)


def main():
    tool, root = [sys.argv[1]] + sys.argv[3:], sys.argv[2]
    pieces = []
    for row in csv.DictReader(open(root + "/index.tsv"), delimiter="\t"):
        row["set"] = row["#set"]
        negative = row["set"] == "negatives"
        if negative or (row["beats"] != "-" and corpus.split_of(row) == "dev"):
            beats = np.zeros(0) if negative else corpus.read_beats(root + "/" + row["beats"])[:, 0]
            pieces.append((*clues(tool, root + "/" + row["wav"], beats), not negative))
    pieces += [(*clues(tool, what, []), False) for what in NEGATIVES]
    x, y = (np.concatenate([p[i] for p in pieces]) for i in (0, 1))
    used = USED["flux" if "--flux" in tool else "network"]
    x = x[:, used]
    half = np.concatenate([[i % 2] * len(p[1]) for i, p in enumerate(pieces)])
    music = np.concatenate([np.full(len(p[1]), p[2]) for p in pieces])
    weight = np.where(music, 1, NEGATIVE_WEIGHT)
    print("%d beats of %d pieces; of those of music %.0f %% right" % (len(y), len(pieces), 100 * y[music].mean()))
    p = np.zeros(len(y))
    for side in (0, 1):
        other = half != side
        p[half == side] = 1 / (1 + np.exp(-x[half == side] @ fit(x[other], y[other], weight[other])))
    error = 0
    for low in np.arange(0, 1, .1):
        here = music & (p >= low) & (p < low + .1)
        if here.any():
            error += here.sum() / music.sum() * abs(p[here].mean() - y[here].mean())
            print("%.1f to %.1f: %5.1f %% of beats, right %5.1f %%" % (low, low + .1, 100 * here.sum() / music.sum(), 100 * y[here].mean()))
    print("expected calibration error %.3f; %d of %d beats where there are none are sure of .5" % (
        error, (p[~music] >= .5).sum(), (~music).sum()))
    weights = np.zeros(len(NAMES))
    weights[used] = fit(x, y, weight)
    print(", ".join("%s %.3f" % z for z in zip(NAMES, weights)))


if __name__ == "__main__":
    main()
