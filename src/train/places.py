"""Fits what tells the one of a bar from its other beats, and how sure to be of a beat's place: numbers of accent.c and bar.c.

SPDX-License-Identifier: GPL-3.0-or-later

`places.py MODEL --fit FOLDER... --see FOLDER...` hears the beats of both with MODEL, fits the roles on the first and prints how often
the places that are told in the second are right; the probability is fitted on the second alone, which nothing else was fitted on.
"""
import argparse

import numpy as np
import torch

import decode
import features
from calibrate import fit as fit_logistic
from evaluate import TRIM, f_measure, load_net, load_pieces
from model import activations

LEAST = .5           # probability from which a place is told


class Piece:
    """What is heard of a piece and what is right, beat by beat."""

    def __init__(self, name, truth, inputs, heard, found):
        self.name, self.truth, self.found = name, truth, found[:, 0]
        self.clues = decode.accents(self.found, heard[:, 1], inputs[:, :features.BANDS] + 1)
        meters = np.zeros(len(truth), int)
        ones = np.flatnonzero(truth[:, 1] == 1)
        for a, e in zip(ones, np.append(ones[1:], len(truth))):
            meters[a:e] = truth[a:e, 1].max()
        near = np.abs(self.found[:, None] - truth[None, :, 0]).argmin(1)
        hit = np.abs(self.found - truth[near, 0]) <= .07
        self.beat = np.where(hit, truth[near, 1], 0).astype(int)
        known = (self.beat > 0) & (meters[near] > 2)
        self.role = np.array([decode.role(m, b - 1) if k else -1 for m, b, k in zip(meters[near], self.beat, known)])
        self.scored = (self.found >= TRIM) & (self.found <= truth[-1, 0] + .07)

    def follow(self, weights, share):
        """Runs the bar filter; keeps what the probability is made of."""
        z = weights[0] + self.clues @ weights[1:]
        self.evidence = z - np.log((share * np.exp(z)).sum(1, keepdims=True))
        self.place = decode.bars(self.evidence)
        belief = np.clip(self.place[:, 2], .01, .99)
        self.doubts = np.stack([np.ones(len(belief)), np.log(belief / (1 - belief)), self.place[:, 3]], 1)
        self.right = (self.place[:, 1] == self.beat).astype(float)


def load(net, folders):
    pieces = [p for p in load_pieces(folders, 100) if len(p[3]) > 16 and (p[3][:, 1] == 1).any()]
    inputs = [features.network_input(p[2]) for p in pieces]
    heard = [activations(net, x) for x in inputs]
    found = decode.decode([h[:, 0] for h in heard])
    return [Piece(p[0], p[3], x, h, f) for p, x, h, f in zip(pieces, inputs, heard, found) if len(f) > 8]


def fit_roles(pieces, decay=2e-3):
    """Weights [1 + clues, roles]; the first row holds the bias less the logarithm of each role's share."""
    x, y = np.concatenate([p.clues for p in pieces]), np.concatenate([p.role for p in pieces])
    x, y = x[y >= 0], y[y >= 0]
    spread = x.std(0)
    share = np.bincount(y, minlength=3) / len(y)
    scaled, target = torch.tensor(x / spread, dtype=torch.float32), torch.tensor(y)
    weights = torch.zeros(x.shape[1], 3, requires_grad=True)
    bias = torch.zeros(3, requires_grad=True)
    optimiser = torch.optim.LBFGS([weights, bias], max_iter=300, line_search_fn="strong_wolfe")

    def loss():
        optimiser.zero_grad()
        error = torch.nn.functional.cross_entropy(scaled @ weights + bias, target) + decay * (weights ** 2).sum()
        error.backward()
        return error
    optimiser.step(loss)
    return np.vstack([bias.detach().numpy() - np.log(share), weights.detach().numpy() / spread[:, None]]), share


def report(pieces, sure):
    rows, all_p, all_right = {}, [], []
    for piece in pieces:
        p = 1 / (1 + np.exp(-piece.doubts @ sure))
        told = p >= LEAST
        ones = piece.truth[piece.truth[:, 1] == 1, 0]
        called = piece.found[told & (piece.place[:, 1] == 1) & piece.scored]
        told, right = told[piece.scored], piece.right[piece.scored]
        all_p.append(p[piece.scored])
        all_right.append(right)
        rows.setdefault(piece.name, []).append((f_measure(ones[ones >= TRIM], called), told.mean(), right[told].mean() if told.any() else np.nan))
    print("%-16s %4s %6s %6s %6s" % ("set", "n", "bar F", "told", "right"))
    for name in list(rows) + ["all"]:
        m = np.array(rows[name] if name in rows else sum(rows.values(), []))
        print("%-16s %4d %6.1f %6.2f %6.2f" % (name, len(m), 100 * m[:, 0].mean(), m[:, 1].mean(), np.nanmean(m[:, 2])))
    p, right = np.concatenate(all_p), np.concatenate(all_right)
    for low in np.arange(0, 1, .1):
        here = (p >= low) & (p < low + .1)
        if here.any():
            print("%.1f to %.1f: %5.1f %% of beats, right %5.1f %%" % (low, low + .1, 100 * here.mean(), 100 * right[here].mean()))


def main():
    p = argparse.ArgumentParser()
    p.add_argument("model")
    p.add_argument("--fit", nargs="+", required=True)
    p.add_argument("--see", nargs="+", required=True)
    a = p.parse_args()
    torch.set_num_threads(1)
    net = load_net(a.model)[0]
    fitted, seen = load(net, a.fit), load(net, a.see)
    weights, share = fit_roles(fitted)
    for piece in seen:
        piece.follow(weights, share)
    x = np.concatenate([q.doubts[q.scored] for q in seen])
    y = np.concatenate([q.right[q.scored] for q in seen])
    each = np.concatenate([np.full(q.scored.sum(), 1 / max(1, q.scored.sum())) for q in seen])
    sure = fit_logistic(x, y, each * len(each) / each.sum())
    report(seen, sure)
    print("share of roles: %s\nweights:" % ", ".join("%.3f" % v for v in share))
    for row in weights:
        print("    {%s}," % ", ".join("%.3f" % v for v in row))
    print("sure: %s" % ", ".join("%.2f" % v for v in sure))


if __name__ == "__main__":
    main()
