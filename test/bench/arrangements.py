"""Invents arrangements of dance music whose sections and transitions are known to the sample.

SPDX-License-Identifier: GPL-3.0-or-later

`arrangement(seed, kind)` gives sound and truth; the same seed gives the same piece. Kinds: `mixed` (whatever may
come), `classic` (breakdown, build-up, drop), `steady` (one groove that only varies), `sudden` (drops without a
build-up), `fake` (build-ups that come to nothing), `pauses` (the music stops and returns), `steps` (one groove,
louder and quieter) and `club` (breakdown and build-up fill phrases of 8 bars, drums or the bass leave before the drop).
`arrangements.py FOLDER KIND FIRST COUNT` writes them as WAV with a .sections file each.
"""
import os
import sys

import numpy as np
from scipy.signal import butter, sosfilt

RATE = 44100
KINDS = ("mixed", "classic", "steady", "sudden", "fake", "pauses", "steps", "club")
STEPS = 16     # per bar
TONES = ("pad", "stab", "arp", "lead", "voice")

# Kick, snare and hat of a bar in sixteenths; several to choose from.
PATTERNS = {
    "four": (["x...x...x...x..."], ["....x.......x...", "................", "....x..x....x..."],
             ["..x...x...x...x.", "x.x.x.x.x.x.x.x.", "xxxxxxxxxxxxxxxx"]),
    "break": (["x.........x.....", "x.x.......x..x..", "x..x......x....."], ["....x.......x...", "....x..x.x..x..x"],
              ["x.x.x.x.x.x.x.x.", "x.xxx.xxx.xxx.xx"]),
    "half": (["x.....x.........", "x..x..x...x...x.", "x.........x..x.."], ["........x......."],
             ["x.x.x.x.x.x.x.x.", "xxx.xxx.xxx.xxxx", "x..x..x.x..x..x."]),
    "pop": (["x.......x.......", "x.....x.x.......", "x..x..x.x....x.."], ["....x.......x..."],
            ["x.x.x.x.x.x.x.x.", "x...x...x...x..."]),
    "dembow": (["x...x...x...x..."], ["...x..x....x..x."], ["x.x.x.x.x.x.x.x."]),
}
STYLES = {   # slowest, fastest tempo, drum patterns
    "house": (116, 130, ("four",)), "techno": (124, 145, ("four",)), "trance": (130, 142, ("four",)),
    "hard": (145, 180, ("four",)), "dnb": (160, 180, ("break",)), "breaks": (118, 140, ("break",)),
    "trap": (130, 160, ("half",)), "dubstep": (138, 144, ("half",)), "pop": (90, 128, ("pop", "four")),
    "slow": (90, 110, ("pop", "dembow", "break")),
}
CHORDS = ((0, 3, 7, 10), (0, 4, 7, 11), (0, 3, 7), (0, 5, 7), (0, 4, 7))
BASS = ("x.x.x.x.x.x.x.x.", "..x...x...x...x.", "xxxxxxxxxxxxxxxx", "x..x..x.x..x..x.", "x.......x.......", ".xxx.xxx.xxx.xxx",
        "x...............", "x..x....x..x....")
MELODIES = ("x..x..x...x..x..", "x.x.x.x.x.x.x.x.", "xxxxxxxxxxxxxxxx", "x...x..x..x.x...", "x.......x...x...")


# --- Sounds ---


def noise(rng, seconds):
    return rng.standard_normal(int(seconds * RATE)).astype(np.float32)


def high_pass(x, hz, order=2):
    return sosfilt(butter(order, hz, "high", fs=RATE, output="sos"), x).astype(np.float32)


def low_pass(x, hz, order=2):
    return sosfilt(butter(order, min(hz, 20000), fs=RATE, output="sos"), x).astype(np.float32)


def fading(n, seconds):
    return np.exp(-np.arange(n) / (seconds * RATE)).astype(np.float32)


def make_kick(rng):
    n = int(rng.uniform(.15, .45) * RATE)
    low, high = rng.uniform(42, 62), rng.uniform(120, 400)
    hz = low + (high - low) * fading(n, rng.uniform(.01, .05))
    kick = np.sin(2 * np.pi * np.cumsum(hz) / RATE) * fading(n, n / RATE / rng.uniform(2, 4))
    click = high_pass(noise(rng, .03), 2000) * fading(int(.03 * RATE), .004) * rng.uniform(0, .3)
    kick[:len(click)] += click
    return np.tanh(kick * rng.uniform(1, 3)).astype(np.float32)


def make_snare(rng):
    x = noise(rng, rng.uniform(.1, .3))
    x = high_pass(x, rng.uniform(300, 1800)) * fading(len(x), rng.uniform(.03, .09))
    t = np.arange(len(x)) / RATE
    x += (rng.uniform(0, .6) * np.sin(2 * np.pi * rng.uniform(160, 260) * t) * fading(len(x), .04)).astype(np.float32)
    return x / np.abs(x).max()


def make_hat(rng, seconds):
    x = high_pass(noise(rng, seconds * 4), rng.uniform(5000, 9000)) * fading(int(seconds * 4 * RATE), seconds)
    return x / np.abs(x).max()


def saw(hz, n, rng, detune=.004, voices=3):
    t = np.arange(n) / RATE
    out = np.zeros(n)
    for _ in range(voices):
        out += 2 * ((hz * (1 + rng.uniform(-detune, detune)) * t + rng.random()) % 1) - 1
    return (out / voices).astype(np.float32)


def note(rng, shape, midi, seconds, hz, decay):
    """One note through a low-pass."""
    n = int(seconds * RATE)
    f = 440 * 2 ** ((midi - 69) / 12)
    if shape == "saw":
        x = saw(f, n, rng)
    elif shape == "square":
        x = np.sign(np.sin(2 * np.pi * f * np.arange(n) / RATE)).astype(np.float32) * .7
    else:
        x = np.sin(2 * np.pi * f * np.arange(n) / RATE).astype(np.float32)
    if shape != "sine":
        x = low_pass(x, hz)
    if decay:
        x *= fading(n, decay)
    ramp = min(n // 2, int(.004 * RATE))
    x[:ramp] *= np.linspace(0, 1, ramp)
    x[n - ramp:] *= np.linspace(1, 0, ramp)
    return x


def put(track, sound, at, gain):
    at = int(at)
    end = min(len(track), at + len(sound))
    if 0 <= at < end:
        track[at:end] += gain * sound[:end - at]


# --- The plan: sections with the layers that play in them ---


def bars_of(rng, *choices):
    return int(rng.choice(choices))


def section(label, bars, **layers):
    return {"label": label, "bars": bars, "layers": layers, "gap": 0, "gap_depth": 0, "fade": (1, 1), "sweep": None,
            "stop": 0}


def tones(rng, fewest, most, gain=1):
    names = rng.permutation(TONES)[:rng.integers(fewest, most + 1)]
    return {name: gain * rng.uniform(.5, 1) for name in names}


def intro(rng):
    kind = rng.integers(4)
    bars = bars_of(rng, 4, 8, 8, 16)
    drums = {"kick": rng.uniform(.6, 1), "hat": rng.uniform(.3, 1)}
    if kind == 0:
        return section("intro", bars, **drums)
    if kind == 1:
        return section("intro", bars, **tones(rng, 1, 2, .7))
    if kind == 2:
        return section("intro", bars, hat=rng.uniform(.3, 1), snare=.4 * (rng.random() < .5), **tones(rng, 0, 2, .6))
    return section("intro", bars, **drums, **tones(rng, 1, 1, .5))


def groove(rng, bars=None):
    bars = bars or bars_of(rng, 8, 8, 16, 16, 32)
    part = section("groove", bars, kick=1, snare=rng.uniform(.4, 1), hat=rng.uniform(.3, 1), bass=rng.uniform(.6, 1),
                   **tones(rng, 0, 2, .8))
    part["layers"]["fill"] = float(rng.random() < .5)
    part["layers"]["crash"] = rng.uniform(.2, .8) * (rng.random() < .4)
    return part


def drop(rng, bars=None):
    bars = bars or bars_of(rng, 8, 8, 16, 16)
    return section("drop", bars, kick=1, snare=rng.uniform(.6, 1), hat=rng.uniform(.5, 1), bass=rng.uniform(.8, 1.2),
                   crash=rng.uniform(.3, 1) * (rng.random() < .7), fill=float(rng.random() < .5), **tones(rng, 1, 3))


def breakdown(rng):
    layers = tones(rng, 1, 3, rng.uniform(.5, 1))
    if rng.random() < .35:
        layers["hat"] = rng.uniform(.2, .6)
    if rng.random() < .2:
        layers["snare"] = rng.uniform(.2, .6)
    if rng.random() < .15:
        layers["bass"] = rng.uniform(.2, .5)
    if rng.random() < .5:
        layers["crash"] = rng.uniform(.2, .8)
    if rng.random() < .2:
        layers["fall"] = rng.uniform(.2, .6)
    part = section("breakdown", bars_of(rng, 4, 8, 8, 16), **layers)
    part["sweep"] = (rng.uniform(800, 4000), 12000) if rng.random() < .3 else None
    return part


def buildup(rng):
    layers = tones(rng, 1, 2, .8)
    parts = rng.permutation(["roll", "riser", "sweep", "climb"])[:rng.integers(2, 5)]
    for name in parts:
        if name != "sweep":
            layers[name] = rng.uniform(.5, 1)
    dense = rng.random() < .4   # all but the bass plays already
    if rng.random() < .5 or dense:
        layers["kick"] = rng.uniform(.4, 1)
        layers["thin"] = float(rng.random() < .35)
    if rng.random() < .3 or dense:
        layers["hat"] = rng.uniform(.2, .9)
    if dense:
        layers["snare"] = rng.uniform(0, .6)
        layers.update(tones(rng, 1, 3))
    part = section("buildup", bars_of(rng, 4, 8, 8, 16), **layers)
    start = rng.uniform(.7, 1) if dense else rng.uniform(.3, .8)
    part["fade"] = (start, rng.uniform(max(.8, start), 1.1))
    if "sweep" in parts:
        part["sweep"] = (rng.uniform(200, 800), rng.uniform(5000, 14000))
    return part


def outro(rng):
    kind = rng.integers(3)
    if kind == 0:
        return section("outro", bars_of(rng, 4, 8), kick=1, hat=.6)
    part = section("outro", bars_of(rng, 4, 8), kick=1., hat=.6, bass=.6) if kind == 1 else \
        section("outro", bars_of(rng, 4, 8), **tones(rng, 1, 2, .6))
    part["fade"] = (1, .05)
    return part


def add_gap(rng, part, chance=.4):
    if rng.random() < chance:
        part["gap"] = float(rng.choice([.5, 1, 1, 2, 2, 4]))
        part["gap_depth"] = float(rng.choice([0, 0, .05, .15]))


def vary(rng, part, bars):
    """The same section with something more or less."""
    layers = dict(part["layers"])
    name = rng.choice(TONES + ("hat", "snare"))
    if layers.get(name) and name != "snare":
        layers.pop(name)
    else:
        layers[name] = rng.uniform(.3, .7)
    layers["crash"] = .4 * (rng.random() < .5)
    new = section(part["label"], bars, **layers)
    return new


def cycle(rng, kind):
    """From a groove over some tension to its release."""
    out = []
    calm = breakdown(rng)
    fake = kind == "fake" or kind == "mixed" and rng.random() < .12
    sudden = kind == "sudden" or kind == "mixed" and rng.random() < .2
    if sudden and rng.random() < .4:   # the groove stops for a moment
        part = groove(rng, bars_of(rng, 4, 8))
        part["gap"], part["gap_depth"] = float(rng.choice([1, 2, 4])), 0
        return [part, drop(rng)]
    out.append(calm)
    if kind == "mixed" and rng.random() < .12:   # ends without a drop
        part = groove(rng)
        part["layers"]["bass"] = .5
        part["label"] = "groove"
        part["layers"]["kick"] = .6
        return out + [part]
    if not sudden:
        if kind == "mixed" and rng.random() < .15:
            out.pop()                             # straight from the groove
        rise = buildup(rng)
        out.append(rise)
        if fake:
            out.append(breakdown(rng))
            if rng.random() < .5:
                return out + [groove(rng)]
            out.append(buildup(rng))
    add_gap(rng, out[-1])
    out.append(drop(rng))
    if kind == "mixed" and rng.random() < .2:    # double drop
        out[-1]["bars"] = 8
        short = buildup(rng)
        short["bars"] = bars_of(rng, 2, 4)
        add_gap(rng, short)
        out += [short, drop(rng)]
    return out


def club_buildup(rng, bars):
    part = buildup(rng)
    part["bars"] = bars
    part["stop"] = int(rng.choice([0, 0, 1, 2, 4, 4, 8]))   # beats without drums at its end
    if rng.random() < .4:
        part["layers"].update(bass=rng.uniform(.4, .9), lean=1)
    return part


def club_cycle(rng):
    """As `cycle`, on phrases of 8 bars."""
    rise = bars_of(rng, 2, 4, 8, 8, 8, 16)
    calm = breakdown(rng)
    calm["bars"] = bars_of(rng, *{2: (6, 14), 4: (4, 12), 8: (8, 8, 16), 16: (8, 16)}[rise])
    out = [calm, club_buildup(rng, rise)]
    if rng.random() < .12:
        out += [breakdown(rng), club_buildup(rng, 4)]
        out[-2]["bars"] = 4
    add_gap(rng, out[-1], .5)
    out.append(drop(rng))
    if rng.random() < .5:
        out.append(vary(rng, out[-1], 8))
    if rng.random() < .25:
        out.append(club_buildup(rng, bars_of(rng, 2, 4, 8)))
        add_gap(rng, out[-1])
        out.append(drop(rng))
    return out


def make_plan(rng, kind, bars_wanted):
    plan = []
    if kind == "steady":
        plan.append(groove(rng))
        while sum(p["bars"] for p in plan) < bars_wanted:
            plan.append(vary(rng, plan[-1], bars_of(rng, 4, 8, 16)))
        return plan
    if kind == "steps":
        while sum(p["bars"] for p in plan) < bars_wanted:
            plan.append(groove(rng, bars_of(rng, 4, 8, 8, 16)) if not plan else
                        vary(rng, plan[0], bars_of(rng, 4, 8, 8, 16)))
            plan[-1]["fade"] = (rng.choice([1, .7, .5, .35]),) * 2
        return plan
    if rng.random() < .85:
        plan.append(intro(rng))
    if rng.random() < .8:
        plan.append(groove(rng, bars_of(rng, 4, 8, 16)))
    while sum(p["bars"] for p in plan) < bars_wanted:
        if kind == "pauses":
            plan.append(section("silence", bars_of(rng, 2, 4, 4, 6)))
            plan.append(groove(rng, bars_of(rng, 8, 16)))
            continue
        plan += club_cycle(rng) if kind == "club" else cycle(rng, kind)
        if rng.random() < .4:
            last = vary(rng, plan[-1], bars_of(rng, 8, 8, 16))
            last["label"] = "groove"
            plan.append(last)
    if rng.random() < .6:
        plan.append(outro(rng))
    return plan


# --- Rendering ---


class Band:
    """The sounds of one piece."""

    def __init__(self, rng, style, bpm):
        self.rng = rng
        kick, snare, hat = PATTERNS[rng.choice(STYLES[style][2])]
        self.patterns = {"kick": rng.choice(kick), "snare": rng.choice(snare), "hat": rng.choice(hat),
                         "bass": rng.choice(BASS)}
        self.melodies = {name: rng.choice(MELODIES) for name in TONES}
        self.sounds = {"kick": make_kick(rng), "snare": make_snare(rng), "roll": make_snare(rng),
                       "hat": make_hat(rng, rng.uniform(.015, .05)), "crash": make_hat(rng, rng.uniform(.3, .9))}
        self.step = 60 / bpm / 4 * RATE
        self.roots = 36 + rng.integers(12) + rng.choice([0, 3, 5, 7, 8, 10, -2], 4)
        self.roots[0] = self.roots[0] // 12 * 12 + rng.integers(12)
        self.chord = CHORDS[rng.integers(len(CHORDS))]
        self.bass_shape = rng.choice(["saw", "square", "sine"])
        self.shapes = {name: rng.choice(["saw", "saw", "square"]) for name in TONES}
        self.bright = {name: rng.uniform(900, 7000) for name in TONES}
        self.levels = {"kick": rng.uniform(.7, 1), "snare": rng.uniform(.25, .6), "hat": rng.uniform(.08, .3),
                       "bass": rng.uniform(.25, .6), "crash": rng.uniform(.15, .35), "roll": rng.uniform(.15, .9), "noise": rng.uniform(.2, .9),
                       "pad": rng.uniform(.08, .3), "stab": rng.uniform(.1, .3), "arp": rng.uniform(.08, .25),
                       "lead": rng.uniform(.1, .3), "voice": rng.uniform(.1, .35)}
        self.bass_hz = rng.uniform(150, 1500)
        self.cache = {}

    def tone(self, name, midi, steps):
        key = name, midi, steps
        if key not in self.cache:
            seconds = steps * self.step / RATE
            if name == "bass":
                self.cache[key] = note(self.rng, self.bass_shape, midi, seconds, self.bass_hz, 0)
            elif name in ("pad", "voice"):
                self.cache[key] = note(self.rng, self.shapes[name], midi, seconds, self.bright[name], 0)
            else:
                self.cache[key] = note(self.rng, self.shapes[name], midi, seconds, self.bright[name], .15)
        return self.cache[key]


def play_drums(band, part, bar, at, buses, last):
    layers, rng = part["layers"], band.rng
    steps_left = STEPS * (part["bars"] - bar) - 4 * part["stop"]
    for name in ("kick", "snare", "hat"):
        gain = layers.get(name, 0) * band.levels[name]
        if not gain:
            continue
        for step, mark in enumerate(band.patterns[name]):
            if mark == "x" and step < steps_left:
                bus = "thin" if name == "kick" and layers.get("thin") else "drums"
                put(buses[bus], band.sounds[name], at + step * band.step, gain * rng.uniform(.85, 1))
                if name == "kick":
                    buses["kicks"].append(at + step * band.step)
    if bar == 0 and layers.get("crash"):
        put(buses["drums"], band.sounds["crash"], at, band.levels["crash"] * layers["crash"])
    if last and layers.get("fill"):
        for step in (10, 12, 13, 14, 15):
            put(buses["drums"], band.sounds["snare"], at + step * band.step, band.levels["snare"] * .8)
    if layers.get("roll"):
        share = bar / part["bars"]
        every = 4 if share < .25 else 2 if share < .5 else 1 if share < .75 else .5
        if every < 1 and rng.random() < .6:
            every = 1
        for step in np.arange(0, STEPS, every):
            gain = band.levels["roll"] * layers["roll"] * (.3 + .7 * (bar + step / STEPS) / part["bars"])
            put(buses["drums"], band.sounds["roll"], at + step * band.step, gain)


def play_tones(band, part, bar, at, buses):
    layers = part["layers"]
    root = int(band.roots[bar % 4])
    climb = int(12 * bar / part["bars"]) if layers.get("climb") else 0
    if layers.get("bass"):
        for step, mark in enumerate(band.patterns["bass"]):
            if mark == "x":
                length = 4 if band.patterns["bass"].count("x") < 4 else 2 if band.patterns["bass"].count("x") < 9 else 1
                put(buses["thin" if layers.get("lean") else "tones"], band.tone("bass", root, length), at + step * band.step,
                    layers["bass"] * band.levels["bass"])
    for name in TONES:
        gain = layers.get(name, 0) * band.levels[name]
        if not gain:
            continue
        if name == "pad":
            for interval in band.chord:
                put(buses["tones"], band.tone("pad", root + 24 + interval + climb, STEPS), at, gain * .7)
            continue
        for step, mark in enumerate(band.melodies[name]):
            if mark != "x":
                continue
            interval = band.chord[(step * 7 + bar) % len(band.chord)]
            notes = band.chord if name == "stab" else (interval + (12 if name == "lead" else 0),)
            for one in notes:
                put(buses["tones"], band.tone(name, root + 24 + one + climb, 2 if name != "voice" else 3),
                    at + step * band.step, gain * (.6 if name == "stab" else 1))


def play_effects(band, part, at, n, buses):
    layers, rng = part["layers"], band.rng
    for name, down in (("riser", False), ("fall", True)):
        if not layers.get(name):
            continue
        blocks, out, state = 64, [], np.zeros((1, 2))
        sound = rng.standard_normal(n).astype(np.float32)
        for i, piece in enumerate(np.array_split(sound, blocks)):
            share = (blocks - i if down else i) / blocks
            sos = butter(1, [300 * 20 ** share, min(20000, 900 * 20 ** share)], "band", fs=RATE, output="sos")
            piece, state = sosfilt(sos, piece, zi=state)
            out.append(piece * (.15 + .85 * share))
        put(buses["drums"], np.concatenate(out).astype(np.float32), at, band.levels["noise"] * layers[name])


def sweep(sound, hz):
    """A low-pass that moves."""
    blocks, out, state = 128, [], np.zeros((1, 2))
    for i, piece in enumerate(np.array_split(sound, blocks)):
        sos = butter(2, hz[0] * (hz[1] / hz[0]) ** (i / blocks), fs=RATE, output="sos")
        piece, state = sosfilt(sos, piece, zi=state)
        out.append(piece)
    return np.concatenate(out)


def room(rng, sound):
    """Echoes that fade away."""
    delay, feed = int(rng.uniform(.06, .4) * RATE), rng.uniform(0, .5)
    out = sound.copy()
    for echo in range(1, 5):
        out[echo * delay:] += feed ** echo * sound[:-echo * delay]
    return out


def render(rng, band, plan):
    bar_samples = STEPS * band.step
    total = int(sum(p["bars"] for p in plan) * bar_samples + 1.5 * RATE)
    buses = {name: np.zeros(total, np.float32) for name in ("drums", "tones", "thin")}
    buses["kicks"] = []
    gain = np.ones(total, np.float32)
    bar_number, ends = 0, []
    for part in plan:
        first = int(bar_number * bar_samples)
        for bar in range(part["bars"]):
            at = (bar_number + bar) * bar_samples
            play_drums(band, part, bar, at, buses, bar == part["bars"] - 1)
            play_tones(band, part, bar, at, buses)
        end = int((bar_number + part["bars"]) * bar_samples)
        play_effects(band, part, first, end - first, buses)
        if part["sweep"]:
            buses["tones"][first:end] = sweep(buses["tones"][first:end], part["sweep"])
        gain[first:end] *= np.linspace(*part["fade"], end - first)
        if part["gap"]:
            gain[int(end - part["gap"] * 4 * band.step):end] *= part["gap_depth"]
        bar_number += part["bars"]
        ends.append(end)
    gain[ends[-1]:] = 0
    kicks = buses["kicks"]
    if rng.random() < .6 and kicks:
        depth, length = rng.uniform(.3, .9), int(3.5 * band.step)
        shape = 1 - depth * (1 - np.arange(length) / length) ** 1.5
        for at in kicks:
            at = int(at)
            buses["tones"][at:at + length] *= shape[:max(0, min(length, total - at))]
    mix = buses["drums"] + room(rng, buses["tones"]) + high_pass(buses["thin"], 250)
    mix *= gain
    if rng.random() < .6:
        mix = np.tanh(mix * rng.uniform(.6, 2.5))
    mix = mix / np.abs(mix).max() * 10 ** (rng.uniform(-20, -.5) / 20)
    return (mix + rng.standard_normal(total).astype(np.float32) * 10 ** (rng.uniform(-95, -60) / 20)).astype(np.float32)


# --- The truth ---


def decibel(x):
    return 10 * np.log10(np.mean(x ** 2) + 1e-12) if len(x) else -120


def steps_of_energy(sound, low, time, span, before_s, after_s):
    """Change of loudness, and of the bass, over at most four times `span` on either side."""
    at = int(time * RATE)
    back, ahead = int(min(4 * span, before_s) * RATE), int(min(4 * span, after_s) * RATE)
    return tuple(decibel(x[at:at + ahead]) - decibel(x[max(0, at - back):at]) for x in (sound, low))


def kind_of(label, before, gap, near, wide):
    """What one who lights the show would call it, - when little is to be heard of it.

    `near` and `wide` are the changes of loudness and bass over a bar and over four."""
    full, bass = wide
    least = min(full, near[0], key=abs) if full * near[0] > 0 else 0
    if label == "silence":
        return "silence"
    if before == "silence":
        return "return"
    if label == "drop" and before != "drop" and (bass >= 3 or full >= 3 or gap >= 1):
        return "drop"
    if label == "groove" and before in ("breakdown", "buildup") and full >= 3 and bass >= 6:
        return "drop"
    if label == "breakdown" and before != "breakdown" and (full <= -2 or bass <= -10):
        return "breakdown"
    if label == "buildup" and before != "buildup":
        return "buildup"
    if label == "outro" and least < 0 and bass <= -10:   # sounds like one, whatever comes after it
        return "breakdown"
    return "rise" if least >= 4 else "fall" if least <= -4 else "-"


def truth(sound, band, plan, bpm):
    """(time, label, kind, bars, gap in beats) of each section; kind is - where nothing is to be noticed."""
    low = low_pass(sound, 150, 4)
    bar_s = 240 / bpm
    rows, bar, before = [], 0, ""
    for i, part in enumerate(plan):
        if i:
            gap = plan[i - 1]["gap"]
            near, wide = (steps_of_energy(sound, low, bar * bar_s, span, plan[i - 1]["bars"] * bar_s, part["bars"] * bar_s)
                          for span in (bar_s / 4, bar_s))
            rows.append((bar * bar_s, part["label"], kind_of(part["label"], before, gap, near, wide), part["bars"], gap))
        else:
            rows.append((0.0, part["label"], "-", part["bars"], 0))
        before = part["label"]
        bar += part["bars"]
    return rows


def arrangement(seed, kind="mixed", bars=None):
    """Sound (mono, RATE), tempo, and rows of truth."""
    rng = np.random.default_rng([seed, KINDS.index(kind)])
    style = str(rng.choice(list(STYLES)))
    bpm = float(np.round(rng.uniform(*STYLES[style][:2]), 2))
    band = Band(rng, style, bpm)
    plan = make_plan(rng, kind, bars or int(100 * bpm / 240))
    sound = render(rng, band, plan)
    return sound, bpm, truth(sound, band, plan, bpm)


def write(folder, seed, kind):
    import soundfile
    path = os.path.join(folder, "%s-%04d" % (kind, seed))
    if not os.path.exists(path + ".sections"):
        sound, bpm, rows = arrangement(seed, kind)
        soundfile.write(path + ".wav", sound, RATE, "PCM_16")
        with open(path + ".sections", "w") as out:
            out.write("#time label kind bars gap bpm=%.3f\n" % bpm)
            for row in rows:
                out.write("%.3f\t%s\t%s\t%d\t%g\n" % row)
    return path


if __name__ == "__main__":
    os.makedirs(sys.argv[1], exist_ok=True)
    for number in range(int(sys.argv[3]), int(sys.argv[3]) + int(sys.argv[4])):
        print(write(sys.argv[1], number, sys.argv[2]))
