"""Measures a network and decoder: F-measure at 70 ms, continuity at the right and at any level, downbeats, by set.

SPDX-License-Identifier: GPL-3.0-or-later

`evaluate.py MODEL FOLDER...` prints a table; times are emission times, the first 5 s do not count.
"""
import argparse
import glob
import os
import warnings

import numpy as np
import torch

import decode
import features
from model import DELAY, BeatNet, activations

TRIM = 5.0
warnings.filterwarnings("ignore", "Mean of empty slice")


def f_measure(reference, found, window=.07):
    if len(reference) == 0 or len(found) == 0:
        return float(len(reference) == len(found))
    free, hits = np.ones(len(found), bool), 0
    for r in reference:
        near = np.flatnonzero(free & (np.abs(found - r) <= window))
        if len(near):
            free[near[np.argmin(np.abs(found[near] - r))]] = False
            hits += 1
    return 2 * hits / (len(reference) + len(found))


def correct_share(reference, found, tolerance=.175):
    """Share of found beats that are right in phase and period along with their predecessor."""
    if len(reference) < 2 or len(found) < 2:
        return 0.0
    nearest = np.abs(found[:, None] - reference[None, :]).argmin(1)
    period = np.diff(reference)
    period = np.concatenate([[period[0]], period])
    error = np.abs(found - reference[nearest]) <= tolerance * period[nearest]
    steady = np.zeros(len(found), bool)
    steady[1:] = np.abs(np.diff(found) / period[nearest[1:]] - 1) <= tolerance
    steady[1:] &= nearest[1:] == nearest[:-1] + 1
    right = error.copy()
    right[1:] &= steady[1:] & error[:-1]
    return right.sum() / max(len(reference), len(found))


def levels(reference):
    middle = .5 * (reference[1:] + reference[:-1])
    double = np.sort(np.concatenate([reference, middle]))
    return [reference, middle, double, reference[::2], reference[1::2]]


def score(beats, found):
    reference = beats[:, 0]
    reference, found = reference[reference >= TRIM], found[(found >= TRIM) & (found <= beats[-1, 0] + .07)]
    cml = correct_share(reference, found)
    aml = max(correct_share(r, found) for r in levels(reference)) if len(reference) > 3 else 0.0
    near = np.array([found[np.abs(found - r).argmin()] - r for r in reference]) if len(found) else np.array([1.0])
    near = near[np.abs(near) <= .07]
    return f_measure(reference, found), cml, aml, 1000 * np.median(near) if len(near) else np.nan


def load_net(path):
    saved = torch.load(path)
    net = BeatNet(saved["channels"])
    net.load_state_dict(saved["mean"])
    net.eval()
    return net, saved


def load_pieces(folders, most_s):
    pieces = []
    for path in sorted(p for f in folders for p in glob.glob(f + "/*.npz")):
        with np.load(path) as d:
            power, beats = np.exp(d["logmel"][:int(most_s * 100)].astype(np.float32)), d["beats"]
        beats = beats[beats[:, 0] < len(power) / 100]
        name = os.path.basename(path).replace("--", "-")
        pieces.append((name.split("-")[0], name, power, beats))
    return pieces


def downbeat_auc(activation, beats):
    """How often a downbeat's activation beats another beat's of the same piece."""
    at = np.clip(np.round(beats[:, 0] * 100 - 1 + DELAY).astype(int), 2, len(activation) - 3)
    value = np.max([activation[at + k] for k in range(-2, 3)], 0)
    one = beats[:, 1] == 1
    return np.mean(value[one][:, None] > value[~one][None, :]) if one.any() and (~one & (beats[:, 1] > 0)).any() else np.nan


def main():
    p = argparse.ArgumentParser()
    p.add_argument("model")
    p.add_argument("folders", nargs="+")
    p.add_argument("--most", type=float, default=100, help="seconds of each piece")
    p.add_argument("--set", action="append", default=[], help="decoder setting, NAME=VALUE")
    p.add_argument("--each", action="store_true")
    p.add_argument("--try", dest="trials", action="append", default=[], help="NAME=V1,V2,...: the score with each value")
    a = p.parse_args()
    torch.set_num_threads(1)
    net, saved = load_net(a.model)
    pieces = load_pieces(a.folders, a.most)
    acts = [activations(net, features.network_input(x[2])) for x in pieces]
    changes = {k: float(v) for k, v in (s.split("=") for s in a.set)}
    for name, values in (t.split("=") for t in a.trials):
        for value in values.split(","):
            found = decode.decode([x[:, 0] for x in acts], **dict(changes, **{name: float(value)}))
            rows = np.array([score(x[3], f[:, 0]) for x, f in zip(pieces, found) if len(x[3]) >= 8])
            print("%s=%s: F %.1f CMLt %.1f AMLt %.1f" % (name, value, *(100 * rows[:, :3].mean(0))), flush=True)
    if a.trials:
        return
    found = decode.decode([x[:, 0] for x in acts], **changes)
    print("step %d, %.1f min trained, decoder %s" % (saved["step"], saved["spent"] / 60, changes or "as it stands"))
    report(pieces, acts, found, a.each)


def report(pieces, acts, found, each):
    rows = {}
    for (name, file, _, beats), act, f in zip(pieces, acts, found):
        if len(beats) < 8:
            continue
        s = score(beats, f[:, 0]) + (downbeat_auc(act[:, 1], beats),)
        rows.setdefault(name, []).append(s)
        if each:
            print("  %-52s F %5.1f CMLt %5.1f AMLt %5.1f bias %+3.0f ms" % (file[:52], 100 * s[0], 100 * s[1], 100 * s[2], s[3]))
    print("%-16s %3s %6s %6s %6s %8s %7s" % ("set", "n", "F", "CMLt", "AMLt", "bias ms", "1-AUC"))
    for name in list(rows) + ["all files"]:
        m = np.array(rows[name] if name in rows else sum(rows.values(), []))
        print("%-16s %3d %6.1f %6.1f %6.1f %+8.0f %7.2f" % (name, len(m), *(100 * m[:, :3].mean(0)), np.nanmedian(m[:, 3]), np.nanmean(m[:, 4])))
    print("%-16s     %6.1f" % ("mean of sets", 100 * np.mean([np.mean([r[0] for r in v]) for v in rows.values()])))


if __name__ == "__main__":
    main()
