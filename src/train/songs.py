"""Invents songs: who plays what when, in many styles, with the exact time of every beat.

SPDX-License-Identifier: GPL-3.0-or-later

A song is drawn from one seed and holds no sound: notes per stem, drum hits, effects and the beat
list. render.py turns it into audio. Positions are in beats until the end, when one time map (steady,
drifting, stepping, ramping or rubato), swing and human jitter turn them into seconds.
"""
import numpy as np

SCALES = {"major": (0, 2, 4, 5, 7, 9, 11), "minor": (0, 2, 3, 5, 7, 8, 10), "dorian": (0, 2, 3, 5, 7, 9, 10),
          "mixo": (0, 2, 4, 5, 7, 9, 10), "phryg": (0, 1, 3, 5, 7, 8, 10)}
PROGRESSIONS = [(0, 4, 5, 3), (0, 5, 3, 4), (5, 3, 0, 4), (0, 3, 4, 3), (0, 0, 3, 4), (1, 4, 0, 0), (0, 6, 5, 6),
                (0, 5, 1, 4), (0, 3), (0, 0, 0, 0, 3, 3, 0, 0, 4, 3, 0, 4), (0, 2, 3, 4), (5, 4, 3, 4), (0,),
                (0, 6), (0, 0, 5, 4), (0, 4, 5, 2, 3, 0, 3, 4)]

# Drum figures, one bar, X strong, x normal, o soft; 4 steps to the beat (3 in the triplet styles).
FIGURES = {
    "four": [
        dict(kick="X...X...X...X...", clap="....X.......X...", hat="..x...x...x...x."),
        dict(kick="X...X...X...X...", snare="....x.......x...", open="..X...X...X...X.", hat="x.xxx.xxx.xxx.xx"),
        dict(kick="X...X...X...X...", hat="xoxoxoxoxoxoxoxo", clap="....X.......X..o"),
        dict(kick="X...X...X...X.x.", shaker="oxoxoxoxoxoxoxox", clap="............X...", ride="..x...x...x...x."),
        dict(kick="X...X...X...X...", rim="...x..x....x..x.", open="..x...x...x...x."),
        dict(kick="X...X...X...X...", tomlo="...x..x...x...x.", cowbell="x..x..x.x..x..x.", hat="..x...x...x...x."),
        dict(kick="X...X...X...X...")],
    "backbeat": [
        dict(kick="X.......X.......", snare="....X.......X...", hat="x.x.x.x.x.x.x.x."),
        dict(kick="X.....x.X.x.....", snare="....X.......X...", hat="X.x.X.x.X.x.X.x."),
        dict(kick="X..x..x...x.....", snare="....X..o.o..X..o", hat="xoxoxoxoxoxoxoxo"),
        dict(kick="X.x.....X.x.....", snare="....X.......X...", ride="X.x.X.x.X.x.X.x."),
        dict(kick="X...x...X...x...", snare="....X.......X...", open="X...X...X...X..."),
        dict(kick="X.....x...x...x.", snare="....X.......X...", hat="x...x...x...x...", tamb="..x...x...x...x."),
        dict(kick="X...........x...", snare="........X.......", hat="x...x...x...x..."),
        dict(kick="X.......x.......", rim="....x.......x...", hat="x.x.x.x.x.x.x.x.")],
    "metal": [
        dict(kick="X.X.X.X.X.X.X.X.", snare="....X.......X...", ride="X...X...X...X..."),
        dict(kick="XxxxXxxxXxxxXxxx", snare="....X.......X...", open="X...X...X...X..."),
        dict(kick="X.x.X.x.X.x.X.x.", snare="..X...X...X...X.", hat="X.X.X.X.X.X.X.X."),
        dict(kick="X..xx..xX..xx...", snare="....X.......X...", crash="X...X...X...X...")],
    "hiphop": [
        dict(kick="X......x..x.....", snare="....X.......X...", hat="x.x.x.x.x.x.x.x."),
        dict(kick="X..x......x..x..", snare="....X.......X..o", hat="x.xxx.x.x.xxx.x."),
        dict(kick="X.....X...X.....", clap="....X.......X...", hat="xxxxxxxxxxxxxxxx"),
        dict(kick="X.x.......xx....", snare="....X.......X...", ride="x...x...x...x...", rim=".......o.....o..")],
    "trap": [
        dict(kick="X.....x...x.....", clap="........X.......", hat="x.x.x.xxx.x.x.x."),
        dict(kick="X......x..x...x.", snare="........X.......", hat="x.x.xxx.x.x.x.xx"),
        dict(kick="X.........X..x..", clap="........X.......", hat="xxxxx.x.x.xxx.x.", open="..............x.")],
    "dnb": [
        dict(kick="X.........X.....", snare="....X.......X...", hat="x.x.x.x.x.x.x.x."),
        dict(kick="X.........x.....", snare="....X..o.o..X...", ride="x.x.x.x.x.x.x.x.", hat="xxxxxxxxxxxxxxxx"),
        dict(kick="X.x.......xx....", snare="....X..x.x..X..x", hat="x.xxx.xxx.xxx.xx")],
    "break": [
        dict(kick="X.X.......XX....", snare="....X..x.x..X..x", hat="x.x.x.x.x.x.x.x."),
        dict(kick="X..X..X...X..X..", snare="....X.......X.x.", open="..x...x...x...x."),
        dict(kick="X.....X..X......", snare="....X..o....X..o", hat="xxxxxxxxxxxxxxxx")],
    "latin": [
        dict(kick="X..xX..xX..xX..x", rim="x..x..x...x.x...", shaker="xoxoxoxoxoxoxoxo"),
        dict(kick="X...X...X...X...", snare="...x..x....x..x.", hat="x.x.x.x.x.x.x.x."),
        dict(conga="x.xxo.xxx.xxo.xx", cowbell="X...X.X.X...X.X.", tomlo="............x.x."),
        dict(kick="x...X...x...X...", snare="xoxxoxxoxoxxoxxo", shaker="x.xxx.xxx.xxx.xx"),
        dict(kick="X.......X.......", conga="..xx..x...xx..xx", rim="..x.x...x..x..x.", shaker="x.x.x.x.x.x.x.x.")],
    "reggae": [
        dict(kick="........X.......", rim="........X.......", hat="x.x.x.x.x.x.x.x."),
        dict(kick="X...X...X...X...", rim="....x.......x...", hat="x..xx..xx..xx..x")],
    "funk": [
        dict(kick="X.x...x...x..x..", snare="....X..o.o..X..o", hat="xoxoxoxoxoxoxoxo"),
        dict(kick="X..x..x..x......", snare="....X..o....X.o.", hat="x.xxx.xxx.xxx.xx", open="......x.......x."),
        dict(kick="X.x.......xx..x.", snare="....X..o.o.oX...", tamb="x.x.x.x.x.x.x.x.")],
    "clear": [   # at any tempo the octave is plain to hear
        dict(kick="X.......X.......", snare="....X.......X...", hat="x.x.x.x.x.x.x.x."),
        dict(kick="X.......X.x.....", snare="....X.......X...", ride="x...x...x...x..."),
        dict(kick="X.....x.X.......", snare="....X..o....X...", hat="xoxoxoxoxoxoxoxo"),
        dict(kick="X...x...X...x...", snare="....X.......X...", tamb="x...x...x...x...")],
    "swing": [   # triplets
        dict(ride="X..x.xX..x.x", hat="...X.....X..", kick="o..o..o..o.."),
        dict(ride="X..X.xX..X.x", hat="...X.....X..", snare="..o.....o..."),
        dict(kick="X..x..X..x..", snare="...X.....X..", hat="x.xx.xx.xx.x")],
    "shuffle": [
        dict(kick="X....xX.....", snare="...X.....X..", hat="x.xx.xx.xx.x"),
        dict(kick="X..X..X..X..", snare="...X.....X..", hat="xxxxxxxxxxxx"),
        dict(kick="X.....X.x...", snare="...X..o..X..", ride="x.xx.xx.xx.x")],
    "six8": [    # two dotted beats, 3 steps each
        dict(kick="X.....", snare="...X..", hat="xxxxxx"),
        dict(kick="X....x", snare="...X..", ride="x.xx.x"),
        dict(kick="X.x...", rim="...x..", shaker="xoxxox"),
        dict(kick="X..x..", tamb="...X..")],
    "waltz": [
        dict(kick="X...........", snare="....x...x...", hat="x...x...x..."),
        dict(kick="X.......x...", hat="x.x.x.x.x.x.", snare="....o...x..."),
        dict(ride="X...x...x.x.", hat="....X.......", kick="X..........."),
        dict(kick="X...........", tamb="....x...x...")],
}

# name: weight, tempo range, meters, figure, subdivision swing choices, instruments by role, traits
STYLES = {
    "house": (3, (116, 130), (4,), "four", "elec", "es"), "techno": (3, (124, 150), (4,), "four", "elec", "es"),
    "trance": (2, (128, 145), (4,), "four", "elec", "es"), "disco": (2, (105, 130), (4,), "four", "band", "h"),
    "eurodance": (1, (125, 160), (4,), "four", "elec", "e"), "minimal": (1, (118, 130), (4,), "four", "elec", "e"),
    "hardcore": (1, (155, 200), (4,), "four", "elec", "e"),
    "rock": (4, (80, 180), (4,), "backbeat", "rock", "h"), "pop": (5, (70, 140), (4,), "backbeat", "pop", "hv"),
    "rnb": (2, (60, 100), (4,), "backbeat", "pop", "hvw"), "indie": (2, (100, 170), (4,), "backbeat", "rock", "hv"),
    "punk": (2, (150, 210), (4,), "backbeat", "rock", "h"), "metal": (3, (90, 200), (4,), "metal", "metal", "h"),
    "hiphop": (3, (72, 105), (4,), "hiphop", "elec", "vw"), "trap": (2, (120, 160), (4,), "trap", "elec", "ev"),
    "dnb": (2, (160, 180), (4,), "dnb", "elec", "e"), "breaks": (2, (105, 150), (4,), "break", "elec", "ew"),
    "synthpop": (2, (95, 150), (4,), "backbeat", "elec", "ev"), "latin": (3, (85, 135), (4,), "latin", "latin", "hv"),
    "reggae": (2, (65, 95), (4,), "reggae", "band", "hw"), "funk": (3, (88, 125), (4,), "funk", "band", "hw"),
    "swing": (2, (100, 210), (4,), "swing", "jazz", "ht"), "shuffle": (2, (75, 150), (4,), "shuffle", "rock", "ht"),
    "blues68": (2, (48, 90), (4,), "shuffle", "rock", "ht"), "six8": (4, (48, 110), (2,), "six8", "pop", "htv"),
    "waltz": (3, (80, 190), (3,), "waltz", "jazz", "hv"), "folk3": (1, (90, 180), (3,), "waltz", "acoustic", "h"),
    "five": (2, (90, 190), (5,), None, "band", "h"), "seven": (2, (110, 210), (7,), None, "rock", "h"),
    "ballad": (2, (52, 85), (4, 4, 3), "backbeat", "pop", "hv"),
    "piano": (2, (56, 150), (4, 4, 3, 2), "none", "piano", "hr"), "guitar": (2, (65, 150), (4, 4, 3), "none", "guitar", "hr"),
    "orchestra": (2, (56, 160), (4, 3, 2), "none", "orch", "hr"), "ambient": (1, (60, 120), (4,), "none", "pads", "e"),
    "march": (1, (90, 130), (2, 4), "march", "brass", "h"), "country": (1, (85, 200), (2, 4), "backbeat", "acoustic", "hv"),
    "drumsonly": (2, (70, 180), (4,), "any", "none", "h"), "percussion": (1, (80, 140), (4,), "latin", "none", "h"),
}
# General MIDI programs by role: bass, chords, lead, pad, arpeggio
BANDS = {
    "elec": ((38, 39, 87, 33), (80, 81, 88, 90, 4, 5, 62, 16), (80, 81, 84, 86, 87, 98, 11), (88, 89, 90, 91, 94, 95, 50), (81, 80, 99, 12, 45, 98, 46)),
    "band": ((33, 34, 35, 36), (4, 5, 16, 27, 28, 7, 0), (61, 65, 66, 56, 11, 22, 26), (48, 49, 50, 18), (27, 28, 11, 7)),
    "rock": ((33, 34, 36), (27, 29, 30, 25, 16, 18), (29, 30, 27, 81, 18), (48, 18, 50), (25, 27, 28)),
    "metal": ((34, 33), (30, 29), (30, 29, 81), (48, 50, 52), (30, 28)),
    "pop": ((32, 33, 34, 38), (0, 1, 2, 4, 24, 25, 27), (73, 66, 24, 11, 80, 53, 40), (48, 50, 89, 52), (0, 4, 24, 25, 46, 88)),
    "latin": ((32, 33, 35), (0, 24, 25, 21), (56, 57, 73, 11, 12, 22), (48, 61), (24, 0, 12)),
    "jazz": ((32, 35), (0, 26, 4, 16), (65, 66, 56, 71, 11, 26), (48, 61), (0, 26)),
    "acoustic": ((32, 33), (24, 25, 105, 21), (40, 22, 73, 110), (48, 21), (24, 25, 105, 15)),
    "piano": ((0, 0, 1), (0, 0, 1, 2), (0, 0, 1), (48, 0), (0, 0, 2)),
    "guitar": ((24, 25), (24, 25, 26), (24, 25), (48,), (24, 25)),
    "orch": ((43, 42, 58), (48, 49, 45, 61, 60), (40, 68, 71, 73, 56, 60), (48, 49, 52), (45, 46, 48, 8)),
    "pads": ((38, 39), (88, 89, 91, 94), (98, 99, 102, 11), (89, 91, 92, 95, 97), (88, 98, 10, 11, 46)),
    "brass": ((58,), (61, 60, 57), (56, 72, 71), (61,), (56, 71)),
    "none": ((33,), (0,), (11,), (48,), (12,)),
}
# Rhythm of chords, bass and melodies: onsets in beats within one bar of four; other meters wrap.
COMPS = ["bar", "half", "quarter", "eighth", "off", "tresillo", "push", "strum", "arp8", "arp16", "charleston", "random", "oompah", "stab"]
BASSES = ["bar", "quarter", "eighth", "off", "octave", "walk", "tresillo", "kick", "random", "sixteenth", "rootfive"]
RHYTHM = {"bar": (0,), "half": (0, 2), "quarter": (0, 1, 2, 3), "eighth": (0, .5, 1, 1.5, 2, 2.5, 3, 3.5),
          "off": (.5, 1.5, 2.5, 3.5), "tresillo": (0, .75, 1.5, 2, 2.75, 3.5), "push": (0, 1.5, 2.5, 3.5),
          "strum": (0, 1, 1.5, 2.5, 3, 3.5), "charleston": (0, 1.5), "stab": (0, .75, 1.75, 2.5),
          "sixteenth": tuple(np.arange(16) / 4)}


def pick(rng, items):
    return items[int(rng.integers(len(items)))]


class Song:
    """Everything a renderer needs; see draw()."""

    def __init__(self, seed):
        self.seed = seed
        self.rng = np.random.default_rng((seed, 77))
        self.hits = []    # (beat position, voice, velocity 0..1)
        self.stems = []   # dicts: role, program, notes [(beat on, beat off, key, velocity)], gain_db, synth, ...
        self.key = "N"
        self.chords = []  # (beat position, "A:min"), one each bar; "N" nothing with pitch plays, "X" not told by three notes


def time_map(rng, style, bpm, beats):
    """Seconds of each whole beat: 45 % steady, the rest moves as people and DJs do."""
    traits = STYLES[style][5]
    log_period = np.full(beats, np.log(60.0 / bpm))
    kind = rng.random()
    human = "h" in traits
    if "r" in traits and kind < .6:          # rubato
        walk = np.cumsum(rng.normal(0, .03, beats))
        log_period += walk - np.convolve(np.pad(walk, 8, mode="edge"), np.ones(17) / 17, "valid")
        log_period += .05 * np.sin(np.arange(beats) * 2 * np.pi / 16 + rng.random() * 6)
    elif kind < (.55 if human else .12):     # live drift
        walk = np.cumsum(rng.normal(0, rng.choice([.002, .004, .007]), beats))
        log_period += walk - walk.mean() + rng.normal(0, .004, beats)
    elif kind < (.65 if human else .25):     # steps, at a bar line now and then
        for at in rng.integers(12, beats, 2):
            log_period[at // 4 * 4:] += rng.uniform(-.3, .3)
    elif kind < (.72 if human else .32):     # a ramp
        a, b = np.sort(rng.integers(4, beats, 2))
        log_period += np.interp(np.arange(beats), [a, b + 4], [0, rng.uniform(-.3, .3)])
    low, high = np.log(60 / 215.0), np.log(60 / 47.0)
    period = np.exp(np.clip(log_period, low, high))
    return np.concatenate([[0], np.cumsum(period)])


def swing_warp(x, eighth, sixteenth):
    """Delays the off-beats: eighth, sixteenth = where the off-beat lies in its pair, .5 straight."""
    whole = np.floor(x + 1e-9)
    f = x - whole
    f = np.where(f < .5, f * 2 * eighth, eighth + (f - .5) * 2 * (1 - eighth))
    half = np.floor(f * 2 + 1e-9) / 2
    g = (f - half) * 2
    g = np.where(g < .5, g * 2 * sixteenth, sixteenth + (g - .5) * 2 * (1 - sixteenth))
    return whole + half + g / 2


def random_figure(rng, meter, sub):
    """A bar for odd meters or for variety: accents by grouping, the rest by chance."""
    n = meter * sub
    groups, left = [], meter
    while left > 0:
        g = 3 if left == 3 or (left > 4 and rng.random() < .5) else min(2, left)
        groups.append(g)
        left -= g
    starts = np.cumsum([0] + groups[:-1]) * sub
    kick, snare, hat = ["."] * n, ["."] * n, ["."] * n
    for i, s in enumerate(starts):
        kick[s] = "X" if i == 0 or rng.random() < .6 else "."
        back = s + sub * (groups[i] - 1)
        if rng.random() < .8:
            snare[back] = "X"
    for i in range(0, n, int(rng.choice([1, 2, sub]))):
        hat[i] = "x" if i % sub == 0 else "o"
    for i in range(n):
        if kick[i] == "." and rng.random() < .07:
            kick[i] = "x"
    return dict(kick="".join(kick), snare="".join(snare), hat="".join(hat))


def march_figure(rng, meter):
    n = meter * 4
    snare = "".join("x" if i % 4 == 0 else ("o" if rng.random() < .4 else ".") for i in range(n))
    return dict(kick=("X......." * 4)[:n], snare=snare, crash=("....x..." * 4)[:n] if rng.random() < .5 else "." * n)


def mutate(rng, figure, amount):
    """A little change, so that bars are not copies."""
    out = {}
    for voice, row in figure.items():
        row = list(row)
        for i in range(len(row)):
            if rng.random() < amount * (.2 if voice in ("kick", "snare", "clap") else 1):
                row[i] = "." if row[i] != "." else "o"
        out[voice] = "".join(row)
    return out


def add_drums(song, rng, figure, start, meter, strength, level):
    velocity = {"X": 1.0, "x": .72, "o": .38}
    for voice, row in figure.items():
        sub = len(row) / meter if len(row) % meter == 0 else 4
        for i, mark in enumerate(row):
            if mark != "." and i / sub < meter and voice in level:
                song.hits.append((start + i / sub, voice, velocity[mark] * strength * rng.uniform(.85, 1.1)))


def add_fill(song, rng, start, meter, sub):
    """Toms and snare over the last beats of a section."""
    length = int(rng.choice([1, 2, meter]))
    voices = pick(rng, [("snare",), ("snare", "tomhi", "tommid", "tomlo"), ("tomhi", "tomlo"), ("kick", "snare")])
    for i in range(length * sub):
        if rng.random() < .8:
            voice = voices[min(len(voices) - 1, i * len(voices) // (length * sub))]
            song.hits.append((start + meter - length + i / sub, voice, rng.uniform(.5, 1)))


def rhythm(rng, name, meter, sub):
    """Onsets of a named figure within one bar of this meter."""
    if name == "random":
        grid = np.arange(0, meter, 1 / (sub if sub == 3 else 2))
        keep = rng.random(len(grid)) < np.where(grid % 1 == 0, .6, .35)
        return grid[keep]
    table = np.array(RHYTHM.get(name, (0,)))
    if sub == 3:
        table = np.floor(table) + np.round((table % 1) * 3) / 3
    bars = range(meter // 4 + 1)
    return np.array([x + 4 * k for k in bars for x in table if x + 4 * k < meter])


NOTES = ("C", "Db", "D", "Eb", "E", "F", "Gb", "G", "Ab", "A", "Bb", "B")


def triad(scale, root, degree):
    """The name of the chord on a degree, "X" when it is neither major nor minor."""
    first, third, fifth = (scale[d % 7] + 12 * (d // 7) for d in (degree, degree + 2, degree + 4))
    quality = {(4, 7): "maj", (3, 7): "min"}.get((third - first, fifth - first))
    return "%s:%s" % (NOTES[(root + first) % 12], quality) if quality else "X"


def chord_keys(scale, root, degree, low, seventh, rng):
    tones = [0, 2, 4] + ([6] if seventh else [])
    keys = []
    for t in tones:
        d = degree + t
        key = root + scale[d % 7] + 12 * (d // 7)
        keys.append(low + (key - low) % 12)
    return sorted(set(keys))


class Player:
    """One stem: what it plays in a bar, given its role and habit."""

    def __init__(self, song, rng, role, program, meter, sub, band):
        self.rng, self.role, self.meter, self.sub = rng, role, meter, sub
        self.stem = dict(role=role, program=program, notes=[], gain_db=rng.uniform(-7, 4), laid_back=rng.normal(0, .006),
                         jitter=rng.uniform(.001, .010), synth=False, distort=program in (29, 30) and rng.random() < .8)
        habits = BASSES if role == "bass" else COMPS
        self.habit = pick(rng, habits)
        if band in ("piano", "guitar"):
            self.habit = pick(rng, ["quarter", "eighth", "arp8", "arp16", "oompah", "bar", "half", "random", "strum", "arp8"])
        elif band == "metal" and role != "bass":
            self.habit = pick(rng, ["eighth", "sixteenth", "quarter", "random", "bar", "stab"])
        elif band == "jazz" and role == "bass":
            self.habit = pick(rng, ["walk", "walk", "bar", "half", "rootfive"])
        elif band in ("pads",):
            self.habit = pick(rng, ["bar", "quarter", "arp8", "half"])
        self.octave = {"bass": 36, "chords": 54, "lead": 67, "pad": 54, "arp": 66, "vocal": 55}[role] + int(rng.choice([-5, 0, 0, 5]))
        self.length = rng.uniform(.3, 1.0)
        self.motif = None
        self.seventh = band in ("jazz",) or rng.random() < .25
        song.stems.append(self.stem)

    def note(self, on, off, key, velocity):
        self.stem["notes"].append((on, max(off, on + .05), int(np.clip(key, 24, 100)), float(np.clip(velocity, .15, 1))))

    def bar(self, start, scale, root, degree, push, loud):
        getattr(self, "play_" + {"pad": "pad", "bass": "bass", "lead": "melody", "vocal": "melody"}.get(self.role, "comp"))(
            start, scale, root, degree, push, loud)

    def play_pad(self, start, scale, root, degree, push, loud):
        for key in chord_keys(scale, root, degree, self.octave, self.seventh, self.rng):
            self.note(start - push, start - push + self.meter * .97, key, .6 * loud)

    def play_comp(self, start, scale, root, degree, push, loud):
        rng, keys = self.rng, chord_keys(scale, root, degree, self.octave, self.seventh, self.rng)
        if self.role == "arp" or self.habit in ("arp8", "arp16"):
            step = {3: 1 / 3}.get(self.sub, .25 if self.habit == "arp16" else .5)
            for i, at in enumerate(np.arange(0, self.meter - 1e-6, step)):
                self.note(start + at, start + at + step, keys[i % len(keys)] + 12 * ((i // len(keys)) % 2),
                          (.75 if at % 1 == 0 else .6) * loud)
            return
        if self.habit == "oompah":
            self.note(start, start + .5, keys[0] - 12, .8 * loud)
            for at in range(1, self.meter):
                for key in keys:
                    self.note(start + at, start + at + .4, key, .6 * loud)
            return
        onsets = rhythm(rng, self.habit, self.meter, self.sub)
        for i, at in enumerate(onsets):
            gap = (onsets[i + 1] if i + 1 < len(onsets) else self.meter) - at
            strum = rng.uniform(0, .03) if self.stem["program"] in (24, 25, 26, 27, 28) else 0
            first = start + at - (push if i == 0 else 0)
            for k, key in enumerate(keys):
                self.note(first + k * strum, first + max(.1, gap * self.length), key, (.8 if at % 1 == 0 else .65) * loud * rng.uniform(.85, 1.1))

    def play_bass(self, start, scale, root, degree, push, loud):
        rng, low = self.rng, self.octave
        key = low + (root + scale[degree % 7] - low) % 12
        habit = self.habit if self.habit not in ("octave", "walk", "kick", "rootfive") else {"octave": "eighth", "walk": "quarter",
                                                                                           "kick": "push", "rootfive": "half"}[self.habit]
        onsets = rhythm(rng, habit, self.meter, self.sub)
        for i, at in enumerate(onsets):
            gap = (onsets[i + 1] if i + 1 < len(onsets) else self.meter) - at
            k = key
            if self.habit == "octave":
                k += 12 * (i % 2)
            elif self.habit == "walk" and i:
                k = low + (root + scale[(degree + int(rng.choice([1, 2, 4, 5, 6]))) % 7] - low) % 12
            elif self.habit == "rootfive" and i % 2:
                k += 7
            self.note(start + at - (push if i == 0 else 0), start + at + gap * self.length, k, rng.uniform(.75, .95) * loud)

    def play_melody(self, start, scale, root, degree, push, loud):
        rng = self.rng
        if self.motif is None or rng.random() < .15:
            step = 1 / 3 if self.sub == 3 else pick(rng, [.5, .5, .25, 1])
            grid = np.arange(0, self.meter, step)
            weight = np.where(grid % 1 == 0, .7, .4)
            self.motif = [(at, int(rng.integers(-3, 8))) for at, w in zip(grid, weight) if rng.random() < w]
            self.motif_gap = step
        if rng.random() < .2:
            return
        for i, (at, d) in enumerate(self.motif):
            nxt = self.motif[i + 1][0] if i + 1 < len(self.motif) else self.meter
            d2 = degree + (d + int(rng.random() < .15)) // 2 * 2 if at % 1 == 0 else degree + d
            key = self.octave + (root % 12) + scale[d2 % 7] + 12 * (d2 // 7) - 6
            while key > self.octave + 14:
                key -= 12
            self.note(start + at, start + at + min(2, nxt - at) * .9, key, rng.uniform(.6, .95) * loud)


def choose_style(rng):
    names = list(STYLES)
    weights = np.array([STYLES[n][0] for n in names], float)
    return names[int(rng.choice(len(names), p=weights / weights.sum()))]


def draw(seed, seconds=50.0):
    """One song from its seed."""
    song = Song(seed)
    rng = song.rng
    song.style = choose_style(rng)
    _, (low, high), meters, figure_name, band, traits = STYLES[song.style]
    song.bpm = float(np.exp(rng.uniform(np.log(low), np.log(high))))
    wish = rng.random()
    if wish < .28:     # any tempo, a slow one, a fast one
        low, high = (55, 205) if wish < .10 else (58, 76) if wish < .19 else (183, 212)
        song.bpm = float(np.exp(rng.uniform(np.log(low), np.log(high))))
        if figure_name in ("backbeat", "hiphop", "trap", "funk", "dnb", "break", "reggae"):
            figure_name = "clear"
    if rng.random() < .5:
        song.bpm = float(np.clip(round(song.bpm), 48, 210))
    meter = song.meter = int(pick(rng, meters))
    sub = 3 if "t" in traits or (meter == 2 and figure_name == "none" and rng.random() < .4) else 4
    bars = int(np.ceil(seconds * song.bpm / 60 / meter))
    song.beat_times = time_map(rng, song.style, song.bpm, bars * meter + 8)
    straight = sub == 3 or "w" not in traits and rng.random() < .8
    song.swing8 = .5 if straight or rng.random() < .6 else rng.uniform(.54, .67)
    song.swing16 = .5 if straight or song.swing8 > .5 else rng.uniform(.52, .66)
    compose(song, rng, figure_name, band, traits, meter, sub, bars)
    song.electronic = "e" in traits
    song.kit = draw_kit(rng, song)
    song.effects = draw_effects(rng, song)
    song.lead_in = float(rng.choice([0, 0, rng.uniform(0, 2)]))
    return song


def draw_kit(rng, song):
    """Where each drum voice comes from: a General MIDI kit, one-shots, synthesis, or a mixture."""
    electronic = song.electronic or rng.random() < .2
    base = rng.choice(["gm", "shots", "synth"], p=[.3, .45, .25] if electronic else [.75, .2, .05])
    kit = rng.choice([24, 25, 0, 8, 16]) if electronic else rng.choice([0, 0, 8, 16, 32, 40])
    return dict(base=str(base), gm_kit=int(kit), other=float(rng.choice([0, .25])), seed=int(rng.integers(1 << 31)),
                jitter=float(.0005 if song.electronic else rng.uniform(.001, .008)), gain_db=float(rng.uniform(-5, 6)),
                tune=float(np.exp(rng.normal(0, .12))))


def draw_effects(rng, song):
    return dict(pump=float(rng.uniform(.3, .9)) if song.electronic and rng.random() < .5 else 0.0,
                drive=float(rng.uniform(1, 5)) if rng.random() < .45 else 0.0,
                room_s=float(rng.uniform(.15, 1.8)) if rng.random() < .3 else 0.0, room_mix=float(rng.uniform(.1, .6)),
                reverb=float(rng.uniform(0, .8)), font=int(rng.integers(2)), rate=int(rng.choice([44100, 48000])),
                loop=bool(song.style in ("dnb", "breaks", "hiphop") and rng.random() < .35))


def compose(song, rng, figure_name, band, traits, meter, sub, bars):
    """Sections of 2 to 8 bars; each has its own set of players, a fill at its end, sometimes a hole."""
    scale = SCALES[pick(rng, list(SCALES))]
    root = int(rng.integers(12))
    song.key = "%s:%s" % (NOTES[root], "maj" if scale[2] == 4 else "min")
    progression = pick(rng, PROGRESSIONS)
    per_chord = int(rng.choice([1, 1, 1, 2]))
    push = .5 if sub == 4 and figure_name not in ("four", "none") and rng.random() < .12 else 0.0
    bass, chords, lead, pad, arp = BANDS[band]
    roles = []
    if band != "none":
        wanted = [("bass", bass, .9), ("chords", chords, .85), ("lead", lead, .5), ("pad", pad, .4), ("arp", arp, .35)]
        roles = [(r, int(pick(rng, p))) for r, p, chance in wanted if rng.random() < chance] or [("chords", int(pick(rng, chords)))]
        if band in ("piano", "guitar"):
            roles = [("chords", int(pick(rng, chords)))] + [x for x in roles if x[0] in ("lead", "bass")][:2]
        if rng.random() < (.65 if "v" in traits else .12):
            roles.append(("vocal", int(pick(rng, (52, 53, 54, 85)))))
    players = [Player(song, rng, r, p, meter, sub, band) for r, p in roles]
    for player in players:
        if player.role == "vocal":
            player.stem["sing"] = str(rng.choice(["gm", "formant", "rap"], p=[.25, .5, .25]))
            player.stem["jitter"], player.stem["laid_back"] = rng.uniform(.01, .035), rng.normal(0, .015)
        elif "e" in traits and rng.random() < .4:
            player.stem["synth"] = True

    def new_figure():
        name = figure_name
        if name == "any":
            name = pick(rng, ["four", "backbeat", "hiphop", "break", "funk", "latin"])
        if name == "none":
            return {}
        if name == "march":
            return march_figure(rng, meter)
        if name is None or meter not in (2, 3, 4) or (sub == 4 and rng.random() < .12):
            return random_figure(rng, meter, sub)
        figure = pick(rng, FIGURES[name])
        if meter != 4 and name in ("backbeat", "hiphop", "funk", "clear"):
            figure = FIGURES["waltz"][int(rng.integers(4))] if meter == 3 else {v: r[:8] for v, r in FIGURES["backbeat"][0].items()}
        return figure

    level = {"kick", "snare", "clap", "rim", "hat", "open", "ride", "crash", "tomhi", "tommid", "tomlo", "shaker", "conga", "cowbell", "tamb"}
    main_figure = new_figure()
    song.parts, bar, first = [], 0, True
    while bar < bars:
        length = int(rng.choice([2, 4, 4, 8, 8]))
        kind = rng.choice(["full", "full", "full", "thin", "nodrums", "drumsonly", "build", "hole"], p=[.2, .2, .14, .14, .12, .1, .06, .04])
        if first and rng.random() < .3:
            kind = rng.choice(["nodrums", "drumsonly", "thin"])
        if band == "none" and kind == "nodrums":
            kind = "full"
        if not main_figure and kind in ("drumsonly", "build"):
            kind = "thin"
        figure = main_figure if rng.random() < .75 else new_figure()
        playing = [p for p in players if kind in ("full", "build") or rng.random() < .6]
        if kind == "drumsonly":
            playing = []
        if kind in ("nodrums",) and not playing and players:
            playing = [pick(rng, players)]
        keep = set(level)
        if kind == "thin":
            keep -= set(rng.choice(sorted(level), 7, replace=False))
        loud = {"thin": .75, "nodrums": .8}.get(str(kind), 1.0) * rng.uniform(.85, 1.1)
        for b in range(bar, min(bars, bar + length)):
            start = b * meter
            degree = progression[(b // per_chord) % len(progression)]
            hole = kind == "hole" and b == bar + length - 1
            told = any(p.role in ("chords", "pad", "arp") for p in playing)
            song.chords.append((start, "N" if hole or not playing else triad(scale, root, degree) if told else "X"))
            if not hole:
                for p in playing:
                    p.bar(start, scale, root, degree, push if b else 0, loud)
            if figure and kind != "nodrums" and not hole:
                add_drums(song, rng, mutate(rng, figure, .05), start, meter, loud, keep)
                if b == bar and rng.random() < .5:
                    song.hits.append((start, "crash", .8))
                if kind == "build":
                    steps = {0: 1, 1: 2}.get(b - bar, 4)
                    song.hits += [(start + i / steps, "snare", .4 + .5 * i / (meter * steps)) for i in range(meter * steps)]
                elif b == bar + length - 1 and rng.random() < .55:
                    add_fill(song, rng, start, meter, sub)
        song.parts.append((bar * meter, str(kind)))
        bar, first = bar + length, False
    if rng.random() < .15:      # the music ends before the file does
        stop = int(bars * meter * rng.uniform(.7, .95))
        song.hits = [h for h in song.hits if h[0] < stop]
        for stem in song.stems:
            stem["notes"] = [n for n in stem["notes"] if n[0] < stop]
        song.chords = [c for c in song.chords if c[0] < stop] + [(stop, "N")]
        bars = int(np.ceil(stop / meter))
        song.last_beat = stop
    else:
        song.last_beat = bars * meter


def to_seconds(song):
    """Applies time map, swing and jitter: returns hits, stems' notes and beats in seconds."""
    rng = np.random.default_rng((song.seed, 78))

    def place(beats, laid_back=0.0, jitter=0.0):
        warped = swing_warp(np.asarray(beats, float), song.swing8, song.swing16)
        t = np.interp(warped, np.arange(len(song.beat_times)), song.beat_times)
        return np.maximum(0, t + song.lead_in + laid_back + rng.normal(0, 1, len(t)) * jitter)

    hits = []
    if song.hits:
        t = place([h[0] for h in song.hits], 0, song.kit["jitter"])
        hits = sorted((float(a), h[1], float(h[2])) for a, h in zip(t, song.hits))
    stems = []
    for stem in song.stems:
        if not stem["notes"]:
            continue
        notes = np.array(stem["notes"])
        on = place(notes[:, 0], stem["laid_back"], stem["jitter"])
        off = np.maximum(place(notes[:, 1], stem["laid_back"], 0), on + .03)
        stems.append((stem, on, off, notes[:, 2].astype(int), notes[:, 3]))
    count = int(song.last_beat)
    beats = np.stack([song.beat_times[:count] + song.lead_in, np.arange(count) % song.meter + 1], 1)
    return hits, stems, beats
