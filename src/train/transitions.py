"""Trains the small network that weighs the evidence for changes of energy (src/feature/transition_weights.c).

SPDX-License-Identifier: GPL-3.0-or-later

    transitions.py gather TOOL WORK KIND FIRST COUNT   renders arrangements and keeps what TOOL (ja-energy-clues) says
    transitions.py listen TOOL WORK SOUND SECTIONS     the same for an annotated piece
    transitions.py train WORK WEIGHTS.c                trains on seeds below 1000

The labels come from the arrangements' own plan: a change belongs to the sixteenths nearest to it; their neighbours
are neither right nor wrong.
"""
import glob
import os
import shutil
import subprocess
import sys

import numpy as np

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../test/bench"))
import arrangements  # noqa: E402

KINDS = ("drop", "breakdown", "buildup", "rise", "fall")
SECTIONS = ("intro", "groove", "buildup", "drop", "breakdown", "outro")
FORETOLD = ("drop", "breakdown", "buildup")
WITHIN = (4, 8, 16, 32)   # beats
AGOS = ("2", "4", "8")    # ticks
HIDDEN_CHANGES, NETS, HIDDEN_OUTLOOK, STEPS = 16, 3, 24, 2500
FIRST_TEST = 1000
PIECES = ("edm01_house_126", "edm04_dnb_176", "edm07_breaks_128")   # openly licensed, with exact sections
GROUPS = (len(SECTIONS),) + (len(WITHIN) + 1,) * len(FORETOLD)


def listen(tool, path, sound):
    text = subprocess.run([tool, sound, *AGOS], capture_output=True, text=True, check=True).stdout
    np.save(path, np.fromstring(text, sep=" ", dtype=np.float32).reshape(text.count("\n"), -1))


def gather(tool, work, kind, first, count):
    os.makedirs(work, exist_ok=True)
    for seed in range(first, first + count):
        path = arrangements.write(work, seed, kind)
        if os.path.exists(path + ".npy"):
            continue
        listen(tool, path, path + ".wav")
        if seed < FIRST_TEST:
            os.remove(path + ".wav")


def read_truth(path):
    """(time, label, kind) rows, of an arrangement or of an annotation, which has changes of loudness for kinds."""
    rows = []
    for line in open(path):
        if line.startswith("#"):
            continue
        time, label, kind = line.split("\t")[:3]
        if kind not in KINDS + ("silence", "return", "-"):
            change = float(kind)
            kind = label if label in KINDS else "rise" if change >= 4 else "fall" if change <= -4 else "-"
        rows.append((float(time), label, kind))
    return rows


def targets(rows, truth):
    """For each line of clues a 0/1/NaN per kind, the section (-1: unknown), and per foretold kind a bin."""
    time, now, period, ago = rows[:, :4].T
    kinds = np.zeros((len(rows), len(KINDS)), np.float32)
    for t, _, kind in truth:
        ticks = np.abs(time - t) / (period / 4)
        if kind in KINDS:
            kinds[ticks <= 4, KINDS.index(kind)] = np.nan
            kinds[ticks <= 1.1, KINDS.index(kind)] = 1
    starts = np.array([t for t, _, _ in truth])
    names = [SECTIONS.index(label) if label in SECTIONS else -1 for _, label, _ in truth]
    section = np.array(names)[np.clip(np.searchsorted(starts, now, "right") - 1, 0, None)]
    section[ago > 2] = -1
    bins = np.full((len(rows), len(FORETOLD)), len(WITHIN))
    for f, kind in enumerate(FORETOLD):
        due = np.array([t for t, _, k in truth if k == kind] + [1e9])
        beats = (due[np.searchsorted(due, now + .1)] - now) / period
        bins[:, f] = np.searchsorted(WITHIN, beats - .25)
    bins[ago > 2] = -1
    return kinds, section, bins


def load(work):
    """Clues and targets of the arrangements below FIRST_TEST and, four times each, of the annotated PIECES."""
    sets = []
    for path in sorted(glob.glob(os.path.join(work, "*.npy"))):
        name, sections = os.path.basename(path)[:-4], path[:-4] + ".sections"
        number = name.rpartition("-")[2]
        times = 4 * (name in PIECES) + (number.isdigit() and int(number) < FIRST_TEST)
        if times and os.path.exists(sections):
            rows = np.load(path)
            sets += times * [(rows, *targets(rows, read_truth(sections)))]
    return [np.concatenate(parts) for parts in zip(*sets)]


def units():
    """What each clue is divided by before tanh: 10 dB, or what is as much of the others."""
    levels, others = 5 * [10], [2.5, 2.5, .7, .7]
    clues = [unit for unit in levels + others for _ in range(6)]
    clues += [unit for unit in (5, 5, 5, 1.25, 1.25, .35, .35) for _ in range(2)]
    return np.array(clues + 8 * [10] + [10, 2.5, 2.5, 5, 5, 5, 1, 1, 1], np.float32)


def minimise(torch, hidden, leaves, inputs, draw, loss, noise):
    """Hidden and output layer after STEPS steps on batches drawn by `draw`."""
    net = torch.nn.Sequential(torch.nn.Linear(inputs.shape[1], hidden), torch.nn.Tanh(), torch.nn.Linear(hidden, leaves))
    optimizer = torch.optim.AdamW(net.parameters(), 3e-3, weight_decay=.05)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, STEPS)
    for _ in range(STEPS):
        batch = draw()
        value = loss(net(inputs[batch] + noise * torch.randn(len(batch), inputs.shape[1])), batch)
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
        schedule.step()
    return [p.detach().numpy() for p in net.parameters()]


def fit_changes(torch, x, kinds):
    """Changes are rare: an eighth of each batch are some, which the bias takes back. Several nets are averaged."""
    y = torch.tensor(kinds)
    some = (y == 1).any(1)
    rare, common = torch.nonzero(some)[:, 0], torch.nonzero(~some)[:, 0]
    often, batch = 128, 1024

    def draw():
        return torch.cat([rare[torch.randint(len(rare), (often,))], common[torch.randint(len(common), (batch - often,))]])

    def loss(out, rows):
        sure = ~torch.isnan(y[rows])
        return torch.nn.functional.binary_cross_entropy_with_logits(out[sure], y[rows][sure])

    nets = [minimise(torch, HIDDEN_CHANGES, len(KINDS), x, draw, loss, .15) for _ in range(NETS)]
    for net in nets:
        net[3] -= np.log((often / len(rare)) / ((batch - often) / len(common)))
    return [np.concatenate([n[0] for n in nets]), np.concatenate([n[1] for n in nets]),
            np.concatenate([n[2] for n in nets], 1) / NETS, sum(n[3] for n in nets) / NETS]


def fit_outlook(torch, x, section, bins):
    section, bins = torch.tensor(section), torch.tensor(bins)
    usable = torch.nonzero(bins[:, 0] >= 0)[:, 0]

    def draw():
        return usable[torch.randint(len(usable), (1024,))]

    def loss(out, rows):
        parts = torch.split(out, GROUPS, 1)
        entropy = torch.nn.functional.cross_entropy
        return entropy(parts[0], section[rows], ignore_index=-1) + sum(
            entropy(parts[1 + f], bins[rows, f]) for f in range(len(FORETOLD)))

    return minimise(torch, HIDDEN_OUTLOOK, sum(GROUPS), x, draw, loss, .15)


def fold(net, center, scale):
    """The scaling of the inputs becomes part of the first layer."""
    enter, bias, leave, leave_bias = net
    enter = enter / scale
    return [enter, bias - enter @ center, leave, leave_bias]


def squash(rows):
    return np.tanh(rows[:, 4:] / units())


def fit(data):
    import torch
    torch.manual_seed(1)
    torch.set_num_threads(1)
    x = squash(data[0])
    center, scale = x.mean(0), x.std(0) + 1e-3
    inputs = torch.tensor((x - center) / scale)
    changes = fit_changes(torch, inputs, data[1])
    outlook = fit_outlook(torch, inputs, data[2], data[3])
    return fold(changes, center, scale), fold(outlook, center, scale)


def answer(net, rows):
    return np.tanh(squash(rows) @ net[0].T + net[1]) @ net[2].T + net[3]


def array(name, values):
    flat = ", ".join("%.5gf" % v if "." in "%.5g" % v or "e" in "%.5g" % v else "%.5g.0f" % v for v in values.ravel())
    shape = "".join("[%d]" % n for n in values.shape)
    return "const float ja_transition_%s%s = {%s};\n" % (name, shape, flat) if values.ndim == 1 else \
        "const float ja_transition_%s%s = {\n%s};\n" % (name, shape, "".join(
            "    {%s},\n" % ", ".join("%.5gf" % v if "." in "%.5g" % v or "e" in "%.5g" % v else "%.5g.0f" % v
                                      for v in row) for row in values))


def export(path, changes, outlook):
    with open(path, "w") as out:
        out.write("/* Weights of the networks that weigh the evidence for transitions. Written by "
                  "src/train/transitions.py.\n *\n * SPDX-License-Identifier: GPL-3.0-or-later */\n"
                  '#include "transition_weights.h"\n\n// clang-format off\n')
        out.write(array("unit", 1 / units()))
        for name, net in (("change", changes), ("outlook", outlook)):
            for layer, values in zip(("enter", "enter_bias", "leave", "leave_bias"), net):
                out.write(array(name + "_" + layer, values))


def train(work, path):
    data = load(work)
    print("%d lines to train on; positive: %s" % (len(data[0]), dict(zip(KINDS, np.nansum(data[1], 0).astype(int)))))
    export(path, *fit(data))


if __name__ == "__main__":
    if sys.argv[1] == "gather":
        gather(*sys.argv[2:5], int(sys.argv[5]), int(sys.argv[6]))
    elif sys.argv[1] == "listen":
        piece = os.path.join(sys.argv[3], os.path.splitext(os.path.basename(sys.argv[4]))[0])
        listen(sys.argv[2], piece, sys.argv[4])
        shutil.copy(sys.argv[5], piece + ".sections")
    else:
        train(*sys.argv[2:])
