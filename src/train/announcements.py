"""Fits what says on which beat a drop, breakdown or build-up comes (src/predict/energy_weights.c).

SPDX-License-Identifier: GPL-3.0-or-later

`announcements.py WORK WEIGHTS.c` reads what transitions.py has gathered and what outlook.py has trained, and trains the
networks of changes anew. Each of the next 32 beats competes with the others and with none; of each is known what the
network says that has not heard the piece, and what phrase it would end since the transitions that were told. What a half
of the pieces has taught is tried on the other: how often what would be announced there came true is printed.
"""
import os
import sys

import numpy as np
import torch

import outlook as O
import transitions as T

# As in energy.c:
KEEPING, MOVING, MOST_AHEAD, LEAST_SAID = .5, 1.5, 8, .5
DOUBTS = dict(drop=0, breakdown=.8, buildup=.6)
ANCHORS = 3
MOST_BEATS, RIDGE = 25000, 2e-4
AHEAD = np.arange(1, O.SPANS[-1] + 1)
SPAN = np.searchsorted(O.SPANS, AHEAD)
WIDTH = np.diff(np.concatenate([[0], O.SPANS]))


def roundness(beats):
    whole = np.rint(beats).astype(int)
    return sum(((whole > 0) & (whole % multiple == 0)).astype(float) for multiple in (4, 8, 16, 32))


def clues_at(beat, period, anchors, chances):
    """A row per beat ahead, in the order of the enum in energy.c."""
    none = np.zeros(len(AHEAD))
    sound = np.log(np.maximum(chances[SPAN] / WIDTH[SPAN], 1e-5)) - np.log(max(chances[-1], 1e-4))
    last, before, oldest = ([roundness((beat - t) / period + AHEAD) for t, _ in anchors] + ANCHORS * [none])[:ANCHORS]
    columns = [sound, none + 1] + [last > i for i in range(4)] + [before > i for i in (1, 2, 3)]
    columns += [oldest > i for i in (2, 3)]
    phrase, kind = ((beat - anchors[0][0]) / period + AHEAD, anchors[0][1]) if anchors else (none, "")
    lengths = [np.abs(phrase - length) < .6 for length in (8, 16, 32, 64)]
    columns += lengths[1:] + [length * (kind == "buildup") for length in lengths]
    return np.stack(columns + [sum(lengths[1:]) * (kind == "breakdown")], 1).astype(np.float32)


class Known:
    """What is known of a piece at each of its beats."""

    def __init__(self, part, net):
        self.part, self.piece = part, part.piece
        sections, *heard = O.answer(net, part.clues)
        events = T.told(part.piece.rows, part.piece.odds, np.column_stack([part.beat, part.now, part.period, sections]))
        self.told = {kind: [when for _, k, when, _, _ in events if k == kind] for kind in T.FORETOLD}
        self.late = [any(k == kind and abs(t - time) <= .5 for t, _, k in part.piece.truth)
                     for time, kind, _, _, ago in events if ago == 0]
        self.clues = []
        for i, (beat, now, period) in enumerate(zip(part.beat, part.now, part.period)):
            anchors = [(t, kind) for t, kind, when, _, _ in events if when <= now][:-1 - ANCHORS:-1]
            self.clues.append([clues_at(beat, period, anchors, chances[i]) for chances in heard])
        self.clues = np.array(self.clues).swapaxes(0, 1)

    def targets(self, foretold):
        """The beat, from 0, on which it comes, as many as there are where it does not; -1: right now."""
        beats = self.part.beats_until(T.FORETOLD[foretold])
        return np.where(beats > len(AHEAD), len(AHEAD), beats - 1)


def fit(pieces, foretold):
    x, y = (np.concatenate(parts) for parts in zip(*((k.clues[foretold], k.targets(foretold)) for k in pieces)))
    weight = np.concatenate([np.full(len(k.part.beat), k.piece.weight) for k in pieces])
    use = (y >= 0) & (np.random.default_rng(0).random(len(y)) < MOST_BEATS / len(y))
    x, y, weight = torch.tensor(x[use]), torch.tensor(y[use]), torch.tensor(weight[use].astype(np.float32))
    w = torch.zeros(x.shape[2], requires_grad=True)
    optimizer = torch.optim.LBFGS([w], max_iter=60, line_search_fn="strong_wolfe")

    def step():
        optimizer.zero_grad()
        odds = torch.cat([x @ w, torch.zeros(len(x), 1)], 1)
        loss = (weight * torch.nn.functional.cross_entropy(odds, y, reduction="none")).mean() + RIDGE * (w ** 2).sum()
        loss.backward()
        return loss

    optimizer.step(step)
    return w.detach().numpy()


def chances_of(clues, weights, doubt):
    """Of each beat ahead, and how sure one may be of it and its neighbours, a row per beat."""
    odds = np.exp(np.minimum(clues @ weights, 50))
    chances = odds / (1 + odds.sum(1, keepdims=True))
    padded = np.pad(chances, ((0, 0), (1, 1)))
    sums = padded[:, :-2] + chances + padded[:, 2:]
    return zip(chances, sums / (sums + (1 - sums) * np.exp(doubt)))


def announce(known, foretold, weights):
    """(due, confidence, beat length) of each that energy.c would announce of a piece, when it was surest."""
    claims, open_, expected = [], None, -1e9
    kind, part = T.FORETOLD[foretold], known.part
    told = known.told[kind]
    for beat, now, period, (chances, sure) in zip(
            part.beat, part.now, part.period, chances_of(known.clues[foretold], weights, DOUBTS[kind])):
        if open_ and any(open_[1] < when <= now for when in told):
            open_ = None
        best, place = int(chances.argmax()), round((open_[0] - beat) / period) - 1 if open_ else -1
        if 0 <= place < len(sure):
            first = max(0, place - 1)
            kept = first + int(chances[first:place + 2].argmax())
            best = kept if sure[best] <= MOVING * sure[kept] else best
        confidence, due = sure[best], beat + period * (best + 1)
        if open_ and abs(due - open_[0]) > 1.5 * period:
            open_ = None
        if confidence < LEAST_SAID * (KEEPING if open_ else 1):
            open_, expected = None, -1e9
            continue
        if not open_:
            again = abs(due - expected) <= 1.5 * period and best < MOST_AHEAD
            expected = due if best < MOST_AHEAD else -1e9
            if not again:
                continue
        open_ = due, now
        near = [claim for claim in claims if abs(claim[0] - due) <= 1]
        if not near:
            claims.append([due, confidence, period])
        elif confidence > near[0][1]:
            near[0][:] = due, confidence, period
    return claims


def print_trust(pieces, foretold, weights):
    """How often what is announced comes true, and what was stated."""
    said, right = [], []
    for known in pieces:
        due = np.array([t for t, _, k in known.piece.truth if k == T.FORETOLD[foretold]] + [1e9])
        for time, confidence, period in announce(known, foretold, weights[1 - known.piece.half]):
            said.append(confidence)
            right.append(np.abs(due - time).min() <= period)
    if said:
        print("%d announced as %s, stated %.2f, right %.2f" % (
            len(said), T.FORETOLD[foretold], np.mean(said), np.mean(right)))


def main(work, path):
    parts = [part for part in O.load(work)]
    T.fit_halves([part.piece for part in parts])
    nets = [O.restore(os.path.join(work, "outlook-%d.pt" % half)) for half in (0, 1)]
    pieces = [Known(part, nets[1 - part.piece.half]) for part in parts]
    late = [right for known in pieces for right in known.late]
    print("%d told late, right %.2f" % (len(late), np.mean(late)))
    halves = [[known for known in pieces if known.piece.half == half] for half in (0, 1)]
    weights = []
    for foretold in range(len(T.FORETOLD)):
        print_trust(pieces, foretold, [fit(half, foretold) for half in halves])
        weights.append(fit(pieces, foretold))
    with open(path, "w") as out:
        out.write("/* What says how likely a drop, breakdown or build-up is at a beat ahead. Written by\n"
                  " * src/train/announcements.py.\n *\n * SPDX-License-Identifier: GPL-3.0-or-later */\n"
                  '#include "energy_weights.h"\n\n// clang-format off\n')
        out.write(T.array("weights", np.array(weights)).replace("ja_transition", "ja_predict_energy"))


if __name__ == "__main__":
    main(*sys.argv[1:])
