"""Fits the logistic that says how likely a drop, breakdown or build-up is at a beat ahead (src/predict/energy_weights.c).

SPDX-License-Identifier: GPL-3.0-or-later

`announcements.py WORK WEIGHTS.c` reads what transitions.py has gathered, and trains the networks anew as transitions.py
does. Candidates are the beats 1 to 32 ahead that would end a phrase of a multiple of 8 beats since the last transition
told, or of 16 since the one before it. What a half of the pieces has taught is tried on the other: what would be
announced there says how often it came true, and the weights are bent to that.
"""
import sys

import numpy as np

import transitions as T

KEEPING, MOVING = .5, 1.5     # as in energy.c
LEAST_SAID = .5               # confidence of what is taken to bend the weights by
FEW = 40                      # too few to bend anything by
ANCHORS = 3
SHARE = .35                   # of the beats of arrangements
AHEAD = np.arange(1, T.WITHIN[-1] + 1)
SPAN = np.searchsorted(T.WITHIN, AHEAD)


def log_odds(p):
    p = np.clip(p, .003, .997)
    return np.log(p / (1 - p))


def roundness(beats):
    whole = np.rint(beats).astype(int)
    return sum(((whole > 0) & (whole % multiple == 0)).astype(float) for multiple in (4, 8, 16, 32))


def share(values):
    values = np.exp(values - values.max(1, keepdims=True))
    return values / values.sum(1, keepdims=True)


def clues_at(beat, period, anchors, within, buildup):
    """A row per beat ahead, in the order of the enum in energy.c, and which of them are candidates."""
    since = (beat - anchors[0][0]) / period
    rounds = [roundness((beat - t) / period + AHEAD) for t, _ in anchors]
    first, before, oldest = rounds + [np.zeros(len(AHEAD))] * (ANCHORS - len(rounds))
    one, until = np.ones(len(AHEAD)), np.concatenate([[0], within])
    phrases = [np.abs(since + AHEAD - length) < .6 for length in (16, 32, 64)]
    rising = anchors[0][1] == "buildup"
    columns = [one, first, first >= 2, first >= 3, first >= 4, before, oldest, log_odds(until[SPAN + 1]),
               log_odds(until[SPAN]), np.log(np.maximum(until[SPAN + 1] - until[SPAN], .003)), AHEAD / 32]
    columns += [AHEAD <= most for most in T.WITHIN[:3]]
    columns += [one * (anchors[0][1] == kind) for kind in ("buildup", "breakdown", "drop", "rise")]
    columns += [one * (len(anchors) > 1 and anchors[1][1] == "breakdown"), one * np.log2(1 + max(0, since))]
    columns += phrases + [one * log_odds(buildup)] + [rising * phrase for phrase in phrases] + [rising * AHEAD / 32]
    return np.stack(columns, 1), (first >= 2) | (before >= 3)


def know(piece, nets):
    """Gives the piece what is known at each of its beats: (time, beat length, clues and candidates of each kind)."""
    events = T.told(piece.rows, piece.odds)
    rows = piece.rows[piece.rows[:, 3] == float(T.AGOS[0])]
    parts = np.split(T.answer(nets[1 - piece.half][1], rows), np.cumsum(T.GROUPS)[:-1], 1)
    sections, within = share(parts[0]), [np.cumsum(share(part)[:, :-1], 1) for part in parts[1:]]
    piece.known, piece.drops = [], [event[2] for event in events if event[1] == "drop"]
    for i in range(0, len(rows), 4):
        now, period = rows[i, 1:3]
        anchors = [(t, kind) for t, kind, when, _, _ in events if when <= now][:-1 - ANCHORS:-1]
        if anchors:
            buildup = sections[i, T.SECTIONS.index("buildup")]
            piece.known.append((now, period, [clues_at(now, period, anchors, w[i], buildup) for w in within]))


def due(piece, kind):
    return np.array([t for t, _, k in piece.truth if k == kind] + [1e9])


def examples(pieces, foretold):
    rng, times = np.random.default_rng(0), [due(piece, T.FORETOLD[foretold]) for piece in pieces]
    for piece, expected in zip(pieces, times):
        for now, period, clues in piece.known:
            x, usable = clues[foretold]
            if usable.any() and (piece.name in T.PIECES or rng.random() < SHARE):
                ends = now + period * AHEAD[usable]
                yield x[usable], np.abs(ends[:, None] - expected).min(1) <= period


def fit(pieces, foretold):
    pairs = list(examples(pieces, foretold))
    return T.logistic(*(np.concatenate([pair[i] for pair in pairs]).astype(float) for i in (0, 1)))


def announce(piece, weights):
    """(due, confidence) of each drop that energy.c would announce of a piece, when it was surest."""
    claims, open_ = [], None
    for now, period, clues in piece.known:
        x, usable = clues[0]
        sure = np.where(usable, 1 / (1 + np.exp(-x @ weights)), 0)
        if open_ and any(open_[1] < told <= now for told in piece.drops):
            open_ = None
        best = int(sure.argmax())
        place = round((open_[0] - now) / period) - 1 if open_ else -1
        if 0 <= place < len(sure):
            kept = sure[max(0, place - 1):place + 2].max()
            best = place if sure[best] <= MOVING * kept else best
        confidence, time = sure[max(0, best - 1):best + 2].max(), now + period * (best + 1)
        if confidence < LEAST_SAID * (KEEPING if open_ and abs(time - open_[0]) <= 1.5 * period else 1):
            open_ = None
            continue
        open_ = time, now
        near = [claim for claim in claims if abs(claim[0] - time) <= 1]
        if not near:
            claims.append([time, confidence, period])
        elif confidence > near[0][1]:
            near[0][:] = time, confidence, period
    return claims


def bend(pieces, weights):
    """Slope and bias that turn what is said, the likeliest of many, into how often it comes true."""
    pairs = [(c, np.abs(due(piece, "drop") - t).min() <= period)
             for piece in pieces for t, c, period in announce(piece, weights[1 - piece.half])]
    if len(pairs) < FEW:
        return 1, 0
    said, right = np.array(pairs, float).T
    slope, bias = T.logistic(np.stack([log_odds(said), np.ones(len(said))], 1), right)
    print("%d drops announced, stated %.2f, right %.2f: slope %.2f, bias %.2f" % (
        len(said), said.mean(), right.mean(), slope, bias))
    return slope, bias


def main(work, path):
    pieces = [piece for piece in T.load(work) if not piece.plain]
    nets = T.fit_halves(pieces)
    for piece in pieces:
        know(piece, nets)
    halves = [[piece for piece in pieces if piece.half == half] for half in (0, 1)]
    slope, bias = bend(pieces, [fit(half, 0) for half in halves])
    weights = np.array([slope * fit(pieces, foretold) for foretold in range(len(T.FORETOLD))])
    weights[:, 0] += bias
    with open(path, "w") as out:
        out.write("/* What says how likely a drop, breakdown or build-up is at a beat ahead. Written by\n"
                  " * src/train/announcements.py.\n *\n * SPDX-License-Identifier: GPL-3.0-or-later */\n"
                  '#include "energy_weights.h"\n\n// clang-format off\n')
        out.write(T.array("weights", weights).replace("ja_transition", "ja_predict_energy"))


if __name__ == "__main__":
    main(*sys.argv[1:])
