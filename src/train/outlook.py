"""Trains the recurrent network that says with each beat what is to come (src/feature/outlook.c).

SPDX-License-Identifier: GPL-3.0-or-later

    outlook.py WORK WEIGHTS.c GOLDEN    on what transitions.py has gathered in WORK

Three are trained: one on each half of the pieces, by which announcements.py learns what they are worth on the other,
and one on all of them, which is written. They are kept in WORK/outlook-0.pt, -1.pt and -all.pt.
"""
import os
import sys

import numpy as np
import torch

import transitions as T
from export import c_array

SPANS = (1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, 24, 28, 32)   # beats
CLUES, BEAT_CLUE = T.LEVEL_CLUES, 82      # what it hears; that which says that the change began a beat
HIDDEN, STEPS, BATCH, BEATS = 48, 600, 40, 144
RATE, NOISE, DROPOUT, UNJUDGED = 6e-3, .2, .2, 16
LOSSES = (.5, 1, .4, .4)                  # weights of sections, drops, breakdowns, build-ups
GROUPS = (len(T.SECTIONS),) + (len(SPANS) + 1,) * len(T.FORETOLD)
GOLDEN_BEATS, GOLDEN_EVERY = 96, 4


class Part:
    """A piece by its beats: what is heard of each, when the next begins, its length, when that is known."""

    def __init__(self, piece):
        rows = piece.rows[(piece.rows[:, 3] == 4) & (piece.rows[:, 4 + BEAT_CLUE] == 1)]
        self.piece, self.clues = piece, np.nan_to_num(T.squash(rows)[:, :CLUES])
        self.beat, self.now, self.period = rows[:, 0] + rows[:, 2], rows[:, 1], rows[:, 2]
        truth = piece.truth
        starts = np.array([t for t, _, _ in truth])
        labels = np.array([T.SECTIONS.index(label) if label in T.SECTIONS else -1 for _, label, _ in truth])
        self.section = labels[np.clip(np.searchsorted(starts, self.beat - .05, "right") - 1, 0, None)]
        self.bins = np.stack([np.searchsorted(SPANS, self.beats_until(kind)) for kind in T.FORETOLD], 1)

    def beats_until(self, kind):
        """From the beat that begins; 99 and more: none."""
        due = np.array([t for t, _, k in self.piece.truth if k == kind] + [1e9])
        beats = (due[np.searchsorted(due, self.beat - .5 * self.period)] - self.beat) / self.period
        return np.rint(np.minimum(beats, 99)).astype(int)


class Net(torch.nn.Module):
    def __init__(self, center=np.zeros(CLUES, np.float32), scale=np.ones(CLUES, np.float32)):
        super().__init__()
        self.register_buffer("center", torch.tensor(center))
        self.register_buffer("scale", torch.tensor(scale))
        self.gru = torch.nn.GRU(CLUES, HIDDEN, batch_first=True)
        self.leave = torch.nn.Linear(HIDDEN, sum(GROUPS))

    def forward(self, x):
        x = (x - self.center) / self.scale
        if self.training:
            x = x + NOISE * torch.randn_like(x)
        return self.leave(torch.nn.functional.dropout(self.gru(x)[0], DROPOUT, self.training))


def load(work):
    parts = [Part(piece) for piece in T.load(work)]
    return [part for part in parts if len(part.beat) >= 40]


def draw(parts, rng, chances):
    """Spans of pieces; the first beats of one that does not begin with its piece are not judged."""
    x = np.zeros((BATCH, BEATS, CLUES), np.float32)
    y = -np.ones((BATCH, BEATS, len(GROUPS)), np.int64)
    for i, chosen in enumerate(rng.choice(len(parts), BATCH, p=chances)):
        part = parts[chosen]
        count = len(part.beat)
        start = 0 if rng.random() < .3 else rng.integers(0, max(1, count - BEATS // 2))
        end = min(count, start + BEATS)
        x[i, :end - start] = part.clues[start:end]
        y[i, :end - start] = np.column_stack([part.section, part.bins])[start:end]
        if start:
            y[i, :UNJUDGED] = -1
    return torch.tensor(x), torch.tensor(y)


def loss_of(out, y):
    groups = torch.split(out, GROUPS, 2)
    return sum(weight * torch.nn.functional.cross_entropy(group.flatten(0, 1), y[..., g].flatten(), ignore_index=-1)
               for g, (weight, group) in enumerate(zip(LOSSES, groups)))


def fit(parts):
    torch.manual_seed(1)
    torch.set_num_threads(1)
    rng = np.random.default_rng(1)
    heard = np.concatenate([part.clues for part in parts])
    net = Net(heard.mean(0), heard.std(0) + 1e-2)
    weights = np.array([part.piece.weight * min(len(part.beat), 500) for part in parts], float)
    optimizer = torch.optim.AdamW(net.parameters(), RATE, weight_decay=.03)
    for step in range(STEPS):
        for group in optimizer.param_groups:
            group["lr"] = RATE * min(1, (step + 1) / 30) * (.5 + .5 * np.cos(np.pi * step / STEPS)) + 1e-5
        x, y = draw(parts, rng, weights / weights.sum())
        loss = loss_of(net(x), y)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1)
        optimizer.step()
        if step % 50 == 49:
            print("step %d, loss %.3f" % (step + 1, float(loss)), flush=True)
    return net.eval()


def restore(path):
    net = Net()
    net.load_state_dict(torch.load(path))
    return net.eval()


def answer(net, clues):
    """Sections and, for each foretold kind, the chances of the spans and of later; each adds up to 1."""
    with torch.no_grad():
        groups = torch.split(net(torch.tensor(clues)[None])[0], GROUPS, 1)
    return [torch.softmax(group, 1).numpy() for group in groups]


def fold(net):
    """The arrays of outlook_weights.c, rounded; the scaling of the clues becomes part of them."""
    hear = net.gru.weight_ih_l0 / net.scale
    arrays = {"hear_weights": hear, "hear_bias": net.gru.bias_ih_l0 - hear @ net.center,
              "know_weights": net.gru.weight_hh_l0, "know_bias": net.gru.bias_hh_l0,
              "leave_weights": net.leave.weight, "leave_bias": net.leave.bias}
    return {name: np.array([float("%.5g" % v) for v in a.detach().numpy().ravel()], np.float32).reshape(a.shape)
            for name, a in arrays.items()}


def unfold(arrays):
    """The network that these arrays are."""
    net = Net()
    places = dict(zip(arrays, (net.gru.weight_ih_l0, net.gru.bias_ih_l0, net.gru.weight_hh_l0, net.gru.bias_hh_l0,
                               net.leave.weight, net.leave.bias)))
    for name, place in places.items():
        place.data = torch.tensor(arrays[name])
    return net.eval()


def export(net, weights_path, golden_path):
    arrays = fold(net)
    with open(weights_path, "w") as out:
        out.write("/* Weights of the network that says what is to come. Written by src/train/outlook.py.\n *\n"
                  " * SPDX-License-Identifier: GPL-3.0-or-later */\n#include \"outlook_weights.h\"\n\n// clang-format off\n")
        for name, values in arrays.items():
            text = c_array("ja_outlook_" + name, values)
            if values.ndim == 2:
                rows = [c_array("", row).partition("{")[2].rpartition("}")[0].strip() for row in values]
                text = "const float ja_outlook_%s[%d][%d] = {\n%s};\n" % (
                    name, *values.shape, "".join("    {%s},\n" % row for row in rows))
            out.write(text)
    t, i = np.arange(GOLDEN_BEATS)[:, None], np.arange(CLUES)[None, :]
    clues = np.sin(.05 * t * (1 + i % 7) + i).astype(np.float32)
    sections, *spans = answer(unfold(arrays), clues)
    with open(golden_path, "w") as out:
        out.write("# Golden vectors of the outlook network: of beat t clue i is sin(.05 t (1 + i mod 7) + i).\n"
                  "# beat, sections, then for each kind how likely it is within the spans\n")
        for beat in range(0, GOLDEN_BEATS, GOLDEN_EVERY):
            row = np.concatenate([sections[beat]] + [np.cumsum(chances[beat])[:-1] for chances in spans])
            out.write("%d %s\n" % (beat, " ".join("%.6f" % v for v in row)))


def main(work, weights_path, golden_path):
    parts = load(work)
    for name, pupils in [(str(half), [p for p in parts if p.piece.half == half]) for half in (0, 1)] + [("all", parts)]:
        net = fit(pupils)
        torch.save(net.state_dict(), os.path.join(work, "outlook-%s.pt" % name))
    export(net, weights_path, golden_path)


if __name__ == "__main__":
    main(*sys.argv[1:])
