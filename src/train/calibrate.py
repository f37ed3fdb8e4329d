"""Fits how sure to be of a beat: a logistic of what is known when it is emitted.

SPDX-License-Identifier: GPL-3.0-or-later

`calibrate.py MODEL FOLDER...` prints weights and, for pieces not fitted on (every other one), how often
beats of each confidence were right within 70 ms. Pieces without beats count as always wrong.
"""
import sys

import numpy as np
import torch

import decode
import features
from evaluate import TRIM, load_net, load_pieces
from model import activations

NAMES = ("bias", "logit mass", "logit tempo share", "on beat", "off beat")
REMEMBERED, AFTER = 8, 12


def clues(found, act):
    """What is known at each beat: masses, and activation after and between the beats before it."""
    beats = np.round(found[:, 0] * 100).astype(int) - 1
    rows = []
    for i in range(len(beats)):
        on, off = [], []
        for k in range(max(0, i - REMEMBERED), i):
            middle = (beats[k] + beats[k + 1]) // 2
            on.append(act[beats[k]:min(beats[k] + AFTER, beats[i]) + 1].max())
            off.append(act[middle:min(middle + AFTER, beats[i]) + 1].max())
        mass, share = np.clip(found[i, 2:4], .01, .99)
        rows.append((1, np.log(mass / (1 - mass)), np.log(share / (1 - share)), np.mean(on) if on else 0, np.mean(off) if off else 0))
    return np.array(rows).reshape(-1, len(NAMES))


def fit(x, y):
    """Newton's method with a little ridge."""
    w = np.zeros(x.shape[1])
    for _ in range(30):
        p = 1 / (1 + np.exp(-x @ w))
        hessian = (x * (p * (1 - p))[:, None]).T @ x + 1e-3 * len(x) / 100 * np.eye(len(w))
        w += np.linalg.solve(hessian, x.T @ (y - p) - 1e-3 * len(x) / 100 * w)
    return w


def main():
    torch.set_num_threads(1)
    net, _ = load_net(sys.argv[1])
    pieces = load_pieces(sys.argv[2:], 60)
    acts = [activations(net, features.network_input(p[2]))[:, 0] for p in pieces]
    xs, ys, groups = [], [], []
    for i, (piece, act, found) in enumerate(zip(pieces, acts, decode.decode(acts))):
        keep = found[:, 0] > TRIM
        x, beats = clues(found, act)[keep], piece[3][:, 0]
        right = [len(beats) > 0 and np.abs(beats - t).min() <= .07 for t in found[keep, 0]]
        xs.append(x), ys.append(right), groups.append([i % 2] * len(right))
    x, y, group = np.concatenate(xs), np.concatenate(ys).astype(float), np.concatenate(groups)
    print("%d beats, %.0f %% right" % (len(y), 100 * y.mean()))
    p = 1 / (1 + np.exp(-x[group == 1] @ fit(x[group == 0], y[group == 0])))
    for low in np.arange(0, 1, .1):
        here = (p >= low) & (p < low + .1)
        if here.any():
            print("%.1f to %.1f: %5.1f %% of beats, right %5.1f %%" % (low, low + .1, 100 * here.mean(), 100 * y[group == 1][here].mean()))
    print(", ".join("%s %.3f" % z for z in zip(NAMES, fit(x, y))))


if __name__ == "__main__":
    main()
