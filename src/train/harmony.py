"""Fits the linear models of src/feature/key.c and chord.c to invented songs and prints their weights.

SPDX-License-Identifier: GPL-3.0-or-later

`harmony.py BUILD FOLDER [FIRST COUNT]` makes the songs in FOLDER on first use. Each model is logistic
regression over chroma turned to all twelve roots, with the same weights for each root.
"""
import os
import sys

import numpy as np
import torch

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../../test/bench"))
import harmony as bench

LABELS = [n + ":" + g for g in ("maj", "min") for n in bench.NOTES] + ["N"]
CHROMA_DELAY_S, STEP = .17, 5                  # frames in the 50 ms after which chroma changes


def frames(program, piece):
    """Times and chroma, one row for each 50 ms with notes."""
    found = [f for f in bench.listen(program, piece, True) if f["type"] == "analysis"][::STEP]
    found = [f for f in found if f["chroma"] and None not in f["chroma"]]
    return np.array([f["time"] for f in found]), np.array([f["chroma"] for f in found], np.float32).reshape(-1, 12)


def noises(folder):
    """Sound without chords: noise of four colours, and drums."""
    rng = np.random.default_rng(1)
    length = 20 * bench.RATE
    spectrum, hz = np.fft.rfft(rng.normal(0, 1, length)), np.fft.rfftfreq(length, 1 / bench.RATE)
    for i, gain in enumerate([1, 1 / np.sqrt(np.maximum(hz, 20)), 1 / np.maximum(hz, 20), (hz > 200) & (hz < 4000)]):
        yield "noise%d" % i, np.fft.irfft(spectrum * gain)
    for i in range(8):
        yield "drums%d" % i, bench.drums(length, 60 / rng.uniform(80, 170), rng)


def fit(rows, labels, none, decay):
    """Weights of both genders, their biases, and those of "N": sum, sum of squares, bias."""
    x, y = torch.tensor(rows), torch.tensor(labels)
    turned = torch.stack([torch.roll(x, -r, 1) for r in range(12)], 1)
    weights, bias, rest = (torch.zeros(*n, requires_grad=True) for n in ((2, 12), (2,), (3,)))
    features = torch.stack([x.sum(1), (x ** 2).sum(1), torch.ones(len(x))], 1)
    optimizer = torch.optim.LBFGS([weights, bias, rest], max_iter=100, line_search_fn="strong_wolfe")

    def logits():
        both = turned @ weights.T + bias
        return torch.cat([both[:, :, 0], both[:, :, 1]] + [(features @ rest)[:, None]] * none, 1)

    def loss():
        optimizer.zero_grad()
        value = torch.nn.functional.cross_entropy(logits(), y) + decay * (weights ** 2).sum()
        value.backward()
        return value
    optimizer.step(loss)
    with torch.no_grad():
        right = (logits().argmax(1) == y).float().mean()
    return [t.detach().numpy() for t in (weights, bias, rest)] + [float(right)]


def main():
    program, folder = os.path.join(sys.argv[1], "jack-analyzer"), sys.argv[2]
    first, count = map(int, sys.argv[3:5] or (910000, 130))
    chords, names, means, keys = [], [], [], []
    for piece in bench.invented(folder, first, count):
        times, chroma = frames(program, piece)
        if piece.key and len(times):
            mean = chroma.mean(0) - chroma.mean()
            means.append(mean / np.linalg.norm(mean))
            keys.append(LABELS.index(piece.key))
        truth = bench.sample(piece.chords, times - CHROMA_DELAY_S)
        kept = [i for i, name in enumerate(truth) if name in LABELS][::4]
        chords.append(chroma[kept])
        names += [LABELS.index(truth[i]) for i in kept]
    for name, sound in noises(folder):
        path = os.path.join(folder, name + ".wav")
        bench.save(path, sound)
        chords.append(frames(program, bench.Piece(path, "none"))[1])
        names += [LABELS.index("N")] * len(chords[-1])
    np.set_printoptions(precision=3, suppress=True)
    print("key: weights, biases, -, share right", *fit(np.array(means), keys, False, 3e-3), sep="\n")
    print("chord: weights, biases, none, share right", *fit(np.concatenate(chords), names, True, 1e-4), sep="\n")


if __name__ == "__main__":
    main()
