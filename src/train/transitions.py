"""Trains the small network that weighs the evidence for changes of energy (src/feature/transition_weights.c).

SPDX-License-Identifier: GPL-3.0-or-later

    transitions.py gather TOOL WORK KIND FIRST COUNT   renders arrangements and keeps what TOOL (ja-energy-clues) says
    transitions.py listen TOOL WORK SOUND SECTIONS     the same for an annotated piece
    transitions.py hear TOOL WORK SOUND BEATS          the same for music without drops, of which the beats are known
    transitions.py train WORK WEIGHTS.c                trains on seeds below 3000, and prints how sure to be

The labels come from the arrangements' own plan: a change belongs to the sixteenths nearest to it; their neighbours
are neither right nor wrong. In music without drops a rise or a fall is a step of loudness that lasts for four bars.

The pieces are halved. What the networks of one half say of the other tells how often they are right on music they have
not seen; what is written is the mean of both.
"""
import glob
import os
import shutil
import subprocess
import sys
import zlib

import numpy as np

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../test/bench"))
import arrangements  # noqa: E402

KINDS = ("drop", "breakdown", "buildup", "rise", "fall")
SECTIONS = ("intro", "groove", "buildup", "drop", "breakdown", "outro")
FORETOLD = ("drop", "breakdown", "buildup")
AGOS = ("2", "4", "8")    # ticks
FACTORS = {2: 1, 4: .67, 8: .53}                  # these and the next as in transition.c
THRESHOLDS = np.array([.3, .4, .3, .2, .2])        # of KINDS
LATE_BEATS, LATE_HEARD, LATE_BEFORE = 3, 8, 4      # beats; what is told late, likewise
LATE = {"drop": (.9, .08), "breakdown": (.7, .06), "buildup": (.7, .03)}   # how likely the part, the change
APART, ALIKE = 3, 14      # beats between two transitions, two of a kind
STEP_DB, UNSURE_DB, BASS_DB = 4, 2.5, 6
LINES = 1500              # of a piece without drops, beside those with steps
HIDDEN, NETS, STEPS = 24, 2, 1500
LEVEL_CLUES = 85          # what the outlook hears: all but the extremes
FIRST_TEST = 3000
PIECES = ("edm01_house_126", "edm02_techno_126", "edm04_dnb_176", "edm07_breaks_128", "edm12_trap_148")   # with exact sections


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


def find_steps(path, beats):
    """(time, kind) where loudness changes for four bars, kind being rise, fall or, when it is not clear, unsure."""
    import soundfile
    from scipy.signal import butter, sosfilt
    sound, rate = soundfile.read(path, always_2d=True)
    low = sosfilt(butter(4, 150, fs=rate, output="sos"), sound.mean(1))
    sums = [np.concatenate([[0], np.cumsum(x ** 2)]) for x in (sound.mean(1), low)]
    downs = beats[beats[:, 1] == 1, 0] if beats.shape[1] > 1 else []
    bar = np.median(np.diff(downs)) if len(downs) > 3 else 4 * np.median(np.diff(beats[:, 0]))

    def change(at, t):
        a, b, c = (min(max(0, int((t + bars * bar) * rate)), len(sound)) for bars in (-4, 0, 4))
        before, after = ((at[y] - at[x]) / max(1, y - x) + 1e-12 for x, y in ((a, b), (b, c)))
        return 10 * np.log10(after / before)

    places = [t for t in (downs if len(downs) > 3 else beats[:, 0]) if bar <= t <= len(sound) / rate - bar]
    rows = np.array([(t, *(change(x, t) for x in sums)) for t in places]).reshape(-1, 3)
    for t, full, bass in rows:
        best = abs(full) >= np.abs(rows[np.abs(rows[:, 0] - t) <= 2 * bar, 1]).max()
        clear = abs(full) >= STEP_DB or abs(full) >= UNSURE_DB and bass * np.sign(full) >= BASS_DB
        if best and abs(full) >= UNSURE_DB:
            yield t, ("rise" if full > 0 else "fall") if clear else "unsure"
    for t in np.arange(len(sound) / rate - 6, len(sound) / rate):
        yield t, "unsure"   # the end is none


def hear(tool, work, sound, beats):
    path = os.path.join(work, os.path.splitext(os.path.basename(sound))[0])
    listen(tool, path, sound)
    with open(path + ".sections", "w") as out:
        for row in find_steps(sound, np.loadtxt(beats, ndmin=2)):
            out.write("%.3f\tplain\t%s\n" % row)


def read_truth(path):
    """(time, label, kind) rows, of an arrangement or of an annotation, which has changes of loudness for kinds."""
    rows = []
    for line in open(path):
        if line.startswith("#"):
            continue
        time, label, kind = line.rstrip("\n").split("\t")[:3]
        if kind not in KINDS + ("silence", "return", "unsure", "-"):
            change = float(kind)
            kind = label if label in KINDS else "rise" if change >= 4 else "fall" if change <= -4 else "-"
        rows.append((float(time), label, kind))
    return rows


def targets(rows, truth):
    """For each line of clues a 0/1/NaN per kind."""
    time, _, period, _ = rows[:, :4].T
    kinds = np.zeros((len(rows), len(KINDS)), np.float32)
    for t, label, kind in truth:
        ticks = np.abs(time - t) / (period / 4)
        if label == "plain":   # what to call it there is not said
            kinds[ticks <= 6] = np.nan
        if kind in KINDS:
            kinds[ticks <= 4, KINDS.index(kind)] = np.nan
            kinds[ticks <= 1.1, KINDS.index(kind)] = 1
    return kinds


class Piece:
    def __init__(self, path):
        self.rows, self.truth = np.load(path), read_truth(path[:-4] + ".sections")
        self.name = os.path.basename(path)[:-4]
        self.half = PIECES.index(self.name) % 2 if self.name in PIECES else zlib.crc32(self.name.encode()) % 2
        self.times = 6 if self.name in PIECES else 1
        self.plain = any(label == "plain" for _, label, _ in self.truth)
        self.weight = 5 if self.name in PIECES else .3 if self.plain else 2 if self.name.startswith("club") else 1
        self.targets = targets(self.rows, self.truth)
        self.odds = None    # of each line, by the network that has not seen the piece

    def lines(self):
        """Clues and targets to train on, as often as they count."""
        keep = np.ones(len(self.rows), bool)
        if self.plain and len(keep) > LINES:
            keep = np.random.default_rng(1).random(len(keep)) < LINES / len(keep)
            keep |= np.isnan(self.targets).any(1)
        return self.times * [[part[keep] for part in (self.rows, self.targets)]]


def load(work):
    """The pieces, but for arrangements from FIRST_TEST on, in two halves."""
    paths = [path for path in sorted(glob.glob(os.path.join(work, "*.npy"))) if os.path.exists(path[:-4] + ".sections")]
    numbers = [path[:-4].rpartition("-")[2] for path in paths]
    return [Piece(path) for path, n in zip(paths, numbers) if not n.isdigit() or int(n) < FIRST_TEST]


def join(pieces):
    return [np.concatenate(parts) for parts in zip(*(lines for piece in pieces for lines in piece.lines()))]


def units():
    """What each clue is divided by before tanh: 10 dB, or what is as much of the others."""
    levels, others = 5 * [10], [2.5, 2.5, .7, .7]
    clues = [unit for unit in levels + others for _ in range(6)]
    clues += [unit for unit in (5, 5, 5, 1.25, 1.25, .35, .35) for _ in range(2)]
    return np.array(clues + 8 * [10] + [10, 2.5, 2.5, 5, 5, 5, 1, 1, 1] + 6 * [10] + 4 * [2.5], np.float32)


def minimise(torch, leaves, inputs, draw, loss, noise):
    """Hidden and output layer after STEPS steps on batches drawn by `draw`."""
    net = torch.nn.Sequential(torch.nn.Linear(inputs.shape[1], HIDDEN), torch.nn.Tanh(), torch.nn.Linear(HIDDEN, leaves))
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

    nets = [minimise(torch, len(KINDS), x, draw, loss, .15) for _ in range(NETS)]
    for net in nets:
        net[3] -= np.log((often / len(rare)) / ((batch - often) / len(common)))
    return mean_of(nets)


def mean_of(nets):
    """One network that says what all say in the mean."""
    return [np.concatenate([n[0] for n in nets]), np.concatenate([n[1] for n in nets]),
            np.concatenate([n[2] for n in nets], 1) / len(nets), sum(n[3] for n in nets) / len(nets)]


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
    return fold(fit_changes(torch, torch.tensor((x - center) / scale), data[1]), center, scale)


def fit_halves(pieces):
    """A network for each half; the pieces keep what that of the other half says of them."""
    nets = [fit(join([piece for piece in pieces if piece.half == half])) for half in (0, 1)]
    for piece in pieces:
        piece.odds = answer(nets[1 - piece.half], piece.rows)
    return nets


def answer(net, rows):
    return np.tanh(squash(rows) @ net[0].T + net[1]) @ net[2].T + net[3]


class Told:
    """The transitions that transition.c would tell: (time, kind, when it was told, log odds, ago)."""

    def __init__(self):
        self.events, self.last, self.last_of = [], -1e9, {}

    def add(self, time, kind, now, period, odds, ago):
        if time - self.last > APART * period and time - self.last_of.get(kind, -1e9) > ALIKE * period:
            self.events.append((time, kind, now, odds, ago))
            self.last = self.last_of[kind] = time


def late(rows, odds, beats):
    """(now, order, …) of what may be told late. `beats` are rows of end, now, length and odds of sections."""
    for kind, (likely, least) in LATE.items():
        alike, leaf = 0, KINDS.index(kind)
        for i, (end, now, period, *sections) in enumerate(beats):
            alike = alike + 1 if sections[SECTIONS.index(kind)] >= likely else 0
            if alike != LATE_BEATS or i + 1 < LATE_BEATS + LATE_HEARD:
                continue
            first = end - LATE_BEATS * period
            near = np.flatnonzero((rows[:, 0] >= first - LATE_BEFORE * period) & (rows[:, 0] <= first + period) &
                                  (rows[:, 1] <= now + 1e-6))
            best = near[odds[near, leaf].argmax()] if len(near) else None
            if len(near) and 1 / (1 + np.exp(-odds[best, leaf])) >= least:
                yield now, 1, (rows[best, 0], kind, now, period, odds[best, leaf], 0)


def told(rows, odds, beats=()):
    """What is told by a network's answers and, when beats are known, late."""
    ratio = 1 / (1 + np.exp(-odds)) / THRESHOLDS / np.array([FACTORS[int(ago)] for ago in rows[:, 3]])[:, None]
    out, chances = Told(), list(late(rows, odds, beats))
    for i in np.flatnonzero((ratio >= 1).any(1)):
        time, now, period, ago = rows[i, :4]
        best = int(ratio[i].argmax())
        chances.append((now, 0, (time, KINDS[best], now, period, odds[i, best], int(ago))))
    for _, _, chance in sorted(chances, key=lambda chance: chance[:2]):
        out.add(*chance)
    return out.events


def logistic(x, y, weight=1, ridge=1e-3):
    """Newton's method with a little ridge."""
    w = np.zeros(x.shape[1])
    for _ in range(25):
        p = 1 / (1 + np.exp(-x @ w))
        hessian = (x * (weight * p * (1 - p))[:, None]).T @ x + ridge * len(x) * np.eye(len(w))
        w += np.linalg.solve(hessian, x.T @ (weight * (y - p)) - ridge * len(x) * w)
    return w


def print_trust(pieces):
    """What turns log odds into how often what is told is right within half a second: slope and biases of transition.c."""
    x, y, weight = [], [], []
    for piece in pieces:
        for time, kind, _, odds, ago in told(piece.rows, piece.odds):
            x.append([odds] + [kind == k for k in KINDS] + [ago == 4, ago == 8])
            y.append(any(k == kind and abs(t - time) <= .5 for t, _, k in piece.truth))
            weight.append(4 if piece.name in PIECES else 1)
    x, y = np.array(x, float), np.array(y, float)
    w = logistic(x, y, np.array(weight))
    for k, kind in enumerate(KINDS):
        of = x[:, 1 + k] > 0
        if of.any():
            print("%-10s %4d told, right %.2f, stated %.2f" % (
                kind, of.sum(), y[of].mean(), (1 / (1 + np.exp(-x[of] @ w))).mean()))
    print("slope %.2f; biases %s; of looks at 4 and 8: %.2f %.2f" % (w[0], w[1:6].round(2), *w[6:]))


def array(name, values):
    flat = ", ".join("%.5gf" % v if "." in "%.5g" % v or "e" in "%.5g" % v else "%.5g.0f" % v for v in values.ravel())
    shape = "".join("[%d]" % n for n in values.shape)
    return "const float ja_transition_%s%s = {%s};\n" % (name, shape, flat) if values.ndim == 1 else \
        "const float ja_transition_%s%s = {\n%s};\n" % (name, shape, "".join(
            "    {%s},\n" % ", ".join("%.5gf" % v if "." in "%.5g" % v or "e" in "%.5g" % v else "%.5g.0f" % v
                                      for v in row) for row in values))


def export(path, net):
    with open(path, "w") as out:
        out.write("/* Weights of the network that weighs the evidence for transitions. Written by "
                  "src/train/transitions.py.\n *\n * SPDX-License-Identifier: GPL-3.0-or-later */\n"
                  '#include "transition_weights.h"\n\n// clang-format off\n')
        out.write(array("unit", 1 / units()))
        for layer, values in zip(("enter", "enter_bias", "leave", "leave_bias"), net):
            out.write(array("change_" + layer, values))


def train(work, path):
    pieces = load(work)
    nets = fit_halves(pieces)
    print_trust(pieces)
    export(path, mean_of(nets))


if __name__ == "__main__":
    if sys.argv[1] == "gather":
        gather(*sys.argv[2:5], int(sys.argv[5]), int(sys.argv[6]))
    elif sys.argv[1] == "hear":
        hear(*sys.argv[2:])
    elif sys.argv[1] == "listen":
        piece = os.path.join(sys.argv[3], os.path.splitext(os.path.basename(sys.argv[4]))[0])
        listen(sys.argv[2], piece, sys.argv[4])
        shutil.copy(sys.argv[5], piece + ".sections")
    else:
        train(*sys.argv[2:])
