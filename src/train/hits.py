"""The drum hit detector's network: its inputs, its training on invented songs, its export to C.

SPDX-License-Identifier: GPL-3.0-or-later

    hits.py render WORK FIRST COUNT    songs (songs.py, render.py) as WORK/SEED.npz: inputs and hits
    hits.py signals WORK RENDER        the same of the built-in signals, by the tool ja-render
    hits.py train WORK ../feature/hit_weights.c [--epochs N]

Every 300th of a second the power of 14 bands, the deep ones of a spectrum of 1024 samples, the others of
512, is set against the recent level; the network sees it now and a few steps before, and says how
likely a kick, a snare and a hat have just begun. src/feature/hit.c does the same.
"""
import argparse
import glob
import json
import os
import subprocess
import sys
import tempfile

import numpy as np
import scipy.fft
import soundfile

DEEP_HZ = (20, 55, 85, 120, 180, 270, 400, 600)
HIGH_HZ = (600, 1000, 1700, 2900, 4800, 7500, 11000, 16000)
BANDS = len(DEEP_HZ) + len(HIGH_HZ) - 2
LAGS = (0, 1, 2, 3, 4, 6, 9, 14, 24)
STEPS, MEMORY, HIDDEN, CROP = 300, 1200, 32, 2400
DRUMS = ("kick", "snare", "hat")
# What the songs call it; None is neither right nor wrong.
VOICES = dict(kick="kick", snare="snare", clap="snare", hat="hat", open="hat", ride="hat", crash="hat", shaker=None, tamb=None, rim=None,
              tomlo=None, tommid=None, tomhi=None)
EARLY, LATE, AFTER = 1, 6, 15                                  # steps after a hit: when it must be told, and until when it may
GAP = 18                                                       # steps between two hits of a drum, at least


def band_power(audio, rate, window, edges_hz):
    """Powers of the bands after every step: [steps, bands]."""
    step = rate // STEPS
    count = len(audio) // step
    padded = np.concatenate([np.zeros(window - step), audio[:count * step]]).astype(np.float32)
    frames = np.lib.stride_tricks.sliding_window_view(padded, window)[::step]
    shape = (.5 - .5 * np.cos(2 * np.pi * np.arange(window) / window)).astype(np.float32)
    edges = np.array(edges_hz) * window / rate + .5
    whole = edges.astype(int)
    out = np.empty((count, len(edges) - 1))
    for a in range(0, count, 2048):
        some = frames[a:a + 2048]
        power = np.abs(scipy.fft.rfft((some - some.mean(1, keepdims=True)) * shape * 2 / shape.sum())).astype(np.float64) ** 2
        total = np.concatenate([np.zeros((len(some), 1)), np.cumsum(power, 1)], 1)
        out[a:a + 2048] = np.diff(total[:, whole] + (edges - whole) * power[:, whole], axis=1) / 1.5
    return out


def all_power(audio, rate):
    return np.concatenate([band_power(audio, rate, 1024, DEEP_HZ), band_power(audio, rate, 512, HIGH_HZ)], 1)


def inputs(power):
    """What the network sees, without the lags: [steps, BANDS]."""
    out, level = np.empty(power.shape, np.float32), 0.0
    for t, total in enumerate(power.sum(1)):
        level += max(1 / (t + 1), 1 / MEMORY) * (total - level)
        out[t] = .15 * np.log1p(1e5 * power[t] / max(level, 1e-9))
    return out


def with_lags(x):
    before = np.concatenate([np.zeros((max(LAGS), BANDS), np.float32), x])
    return np.concatenate([before[max(LAGS) - lag:len(before) - lag] for lag in LAGS], 1)


def save(path, audio, rate, hits):
    """hits: (time, drum or None, loudness 0…1)."""
    names = [DRUMS.index(h[1]) if h[1] else -1 for h in hits]
    np.savez(path, x=inputs(all_power(audio, rate)).astype(np.float16), times=np.array([h[0] for h in hits]), drums=np.array(names, int),
             strengths=np.array([h[2] for h in hits]))


def windows(steps, times, drums, strengths, drum):
    """First steps of the windows in which a hit is to be told, and which steps count as wrong: not those around any hit of the drum, or
    around what is neither right nor wrong."""
    free = np.ones(steps, np.float32)
    first = np.ceil(times * STEPS).astype(int) + EARLY - 1
    mine = (drums == drum) & (strengths >= .3) & (first + LATE - EARLY < steps)
    for start in first[(drums == drum) | (drums < 0)]:
        free[max(0, start - 1):start + AFTER - EARLY] = 0
    return np.unique(first[mine]), free


def render_songs(work, first, count):
    import render
    import songs
    os.makedirs(work, exist_ok=True)
    render.FONTS = render.FONTS[:1] * 2
    synths = {}
    for seed in range(first, first + count):
        song = songs.draw(seed, 24.0)
        if song.effects["loop"]:                               # whose hits are not known
            continue
        hits = [(t, VOICES.get(voice), v) for t, voice, v in songs.to_seconds(song)[0] if VOICES.get(voice, "") != ""]
        audio, rate, _ = render.render(song, synths)
        save("%s/%d.npz" % (work, seed), audio, rate, hits)


SIGNALS = ["demo?seconds=90", "noise?seconds=90&level_db=-20", "noise?seconds=120&colour=pink", "speech?seconds=60", "notes?seconds=40&note_s=0.3", "chord?seconds=32",
           "sweep?seconds=20", "hum?seconds=10"] + \
          ["drums?pattern=%s&seconds=24&bpm=%d&rate=%d&seed=%d" % (p, bpm, rate, bpm)
           for p, bpm, rate in (("backbeat", 97, 44100), ("eighthbass", 128, 48000), ("break", 170, 44100), ("offhat", 140, 48000))]


# Drums with a bass and a pad of plain tones, at three levels.
MIXED = ["drums?pattern=%s&seconds=24&bpm=%d&rate=%d&seed=%d" % (p, bpm, rate, bpm)
         for p, bpm, rate in (("backbeat", 132, 48000), ("eighthbass", 99, 44100), ("break", 160, 48000), ("four", 122, 44100), ("waltz", 140, 48000))]
COMPANY = ["notes?seconds=24&note_s=0.2&midi=%s" % midi for midi in ("28,40,33,31", "38,35,43,30", "45,33,48,36")] + ["chord?seconds=24&chord_s=1.5"]


def render_signal(tool, signal):
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([tool, "synth:" + signal, folder + "/sound.wav", folder + "/truth"], check=True)
        audio, rate = soundfile.read(folder + "/sound.wav", always_2d=True)
        with open(folder + "/truth") as lines:
            rows = [json.loads(line) for line in lines]
    return audio.mean(1), rate, [(row["time"], row["drum"], 1.0) for row in rows if row["type"] == "hit"]


def render_signals(work, tool):
    os.makedirs(work, exist_ok=True)
    for signal in SIGNALS:
        save("%s/%s.npz" % (work, signal.replace("?", "-").replace("&", "-")), *render_signal(tool, signal))
    for i, signal in enumerate(MIXED):
        audio, rate, hits = render_signal(tool, signal)
        others = [render_signal(tool, "%s&rate=%d" % (name, rate))[0] for name in (COMPANY[i % 3], COMPANY[3])]
        for share in (.2, .5, .8):
            mix = audio + sum(other * (share * audio.std() / other.std()) for other in others)
            save("%s/mixed-%d-%.1f.npz" % (work, i, share), .5 * mix, rate, hits)


def load(path):
    with np.load(path) as f:
        x = f["x"].astype(np.float32)
        return x, f["times"], f["drums"], f["strengths"]


def pick(p, threshold, gap=GAP):
    """Steps at which a likelihood is above a threshold and twice its lowest since the one before, not sooner than `gap` after it."""
    found, last, lowest = [], -gap, 0.0
    for t, likelihood in enumerate(p):
        if likelihood > max(threshold, 2 * lowest) and t - last >= gap:
            found.append(t)
            last, lowest = t, 1.0
        lowest = min(lowest, likelihood)
    return np.array(found)


def score(pieces, likelihoods, threshold, drum):
    """Precision and recall within 30 ms; soft hits and what is neither right nor wrong count for nothing."""
    n = m = hit = 0
    for (x, times, drums, strengths), p in zip(pieces, likelihoods):
        found = (pick(p[:, drum], threshold) + 1) / STEPS - .0165
        wanted = np.unique(times[(drums == drum) & (strengths >= .3)])
        spared = times[(drums < 0) | ((drums == drum) & (strengths < .3))]
        used = set()
        for t in found:
            near = [i for i in np.flatnonzero(np.abs(wanted - t) < .03) if i not in used]
            if near:
                used.add(min(near, key=lambda i: abs(wanted[i] - t)))
            elif len(spared) and np.min(np.abs(spared - t)) < .05:
                continue
            m += 1
        n += len(wanted)
        hit += len(used)
    return hit / max(m, 1), hit / max(n, 1)


def loss_of(logits, pieces):
    """Of every hit's window the likeliest step counts, so that slow sounds may be told later than sharp ones; of the rest, every step."""
    import torch
    softplus = torch.nn.functional.softplus
    right = wrong = 0
    for out, (_, wanted) in zip(logits, pieces):
        for drum, (first, free) in enumerate(wanted):
            wrong = wrong + (softplus(out[:, drum]) * free).sum()
            if len(first):
                right = right + softplus(-torch.stack([out[first + i, drum] for i in range(LATE - EARLY + 1)]).max(0).values).sum()
    return right, wrong


def crops(piece):
    import torch
    x, times, drums, strengths = piece
    inputs_, wanted = torch.tensor(with_lags(x)), [windows(len(x), times, drums, strengths, d) for d in range(3)]
    for a in range(0, len(x), CROP):
        b = min(a + CROP, len(x))
        yield inputs_[a:b], [(torch.tensor(first[(first >= a) & (first + LATE - EARLY < b)] - a), torch.tensor(free[a:b])) for first, free in wanted]


def train(work, path, epochs):
    import torch
    torch.manual_seed(1)
    torch.set_num_threads(1)
    files = sorted(glob.glob(work + "/*.npz"))
    signals = [f for f in files if "-" in os.path.basename(f)]
    dev = [f for i, f in enumerate(files) if i % 8 == 0 and f not in signals]
    pieces = [crop for f in files if f not in dev for crop in crops(load(f))]
    pieces += [crop for f in signals for crop in crops(load(f))]         # twice
    net = torch.nn.Sequential(torch.nn.Linear(BANDS * len(LAGS), HIDDEN), torch.nn.Tanh(), torch.nn.Linear(HIDDEN, 3))
    optimiser = torch.optim.Adam(net.parameters(), 6e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, epochs)
    print("%d crops, dev %d" % (len(pieces), len(dev)), flush=True)
    for epoch in range(epochs):
        total = hits = 0
        order = torch.randperm(len(pieces)).tolist()
        for i in range(0, len(order), 2):
            some = [pieces[j] for j in order[i:i + 2]]
            right, wrong = loss_of([net(x - .5) for x, _ in some], some)
            count = 1 + sum(len(first) for _, wanted in some for first, _ in wanted)
            loss = (right + wrong) / (count + 20)
            optimiser.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
            optimiser.step()
            total, hits = total + float((right + wrong).detach()), hits + count
        schedule.step()
        print("epoch %d: %.4f a hit" % (epoch, total / hits), flush=True)
    first, second = net[0], net[2]
    weights = [first.weight.detach().numpy(), (first.bias - .5 * first.weight.sum(1)).detach().numpy(),
               second.weight.detach().numpy(), second.bias.detach().numpy()]
    heard = [(f, load(f)) for f in dev + signals]
    centre(weights, [piece for _, piece in heard])
    report(heard, weights)
    export(path, weights)


def centre(weights, pieces):
    """Moves the biases so that the threshold .5 has the best F-measure; precision counts more for snare and hat, where a false hit is seen and a missed one hardly."""
    likelihoods = [activations(piece[0], weights) for piece in pieces]
    for drum in range(3):
        def f_measure(threshold):
            precision, recall = score(pieces, likelihoods, threshold, drum)
            weight = 1 if drum == 0 else .25
            return (1 + weight) * precision * recall / max(weight * precision + recall, 1e-9)
        best = max(np.arange(.1, .9, .05), key=f_measure)
        weights[3][drum] -= np.log(best / (1 - best))


def activations(x, weights):
    hidden = np.tanh(with_lags(x) @ weights[0].T + weights[1])
    return 1 / (1 + np.exp(-(hidden @ weights[2].T + weights[3])))


def report(pieces, weights):
    groups = {}
    for path, piece in pieces:
        name = os.path.basename(path)
        groups.setdefault(name.split("-")[0] if "-" in name else "songs", []).append(piece)
    for group, members in groups.items():
        likelihoods = [activations(p[0], weights) for p in members]
        for drum in range(3):
            row = ["%.2f/%.2f" % score(members, likelihoods, t, drum) for t in (.2, .35, .5, .65, .8)]
            print("%-8s %-6s precision/recall at .2 … .8: %s" % (group, DRUMS[drum], "  ".join(row)))


def c_number(value):
    text = "%.5g" % value
    return text + ("f" if "." in text or "e" in text else ".0f")


def c_rows(values, indent):
    columns = BANDS // 2 if np.size(values) % BANDS == 0 else 8
    return ",\n".join(indent + ", ".join(map(c_number, values[i:i + columns])) for i in range(0, len(values), columns))


def export(path, weights):
    names = ("hidden[%d][%d]" % (HIDDEN, len(LAGS) * BANDS), "hidden_bias[%d]" % HIDDEN, "out[3][%d]" % HIDDEN, "out_bias[3]")
    with open(path, "w") as f:
        f.write("/* The numbers of the drum hit detector's network, written by src/train/hits.py.\n *\n"
                " * SPDX-License-Identifier: GPL-3.0-or-later */\n#include \"hit_weights.h\"\n\n// clang-format off\n")
        for name, values in zip(names, weights):
            rows = ",\n".join("    {\n%s}" % c_rows(row, " " * 8) for row in values) if np.ndim(values) == 2 else c_rows(values, " " * 4)
            f.write("const float ja_hit_%s = {\n%s};\n" % (name, rows))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("what", choices=["render", "signals", "train"])
    parser.add_argument("work")
    parser.add_argument("rest", nargs="+")
    parser.add_argument("--epochs", type=int, default=30)
    a = parser.parse_args()
    if a.what == "render":
        render_songs(a.work, int(a.rest[0]), int(a.rest[1]))
    elif a.what == "signals":
        render_signals(a.work, a.rest[0])
    else:
        train(a.work, a.rest[0], a.epochs)


if __name__ == "__main__":
    main()
