"""Invents electronic dance music: loops in phrases of 4 and 8 bars, side-chain, breakdowns, build-ups.

SPDX-License-Identifier: GPL-3.0-or-later

What songs.py leaves to chance is strict here: chords change on the one, a phrase begins with a crash or a new layer and ends
with a fill, a drop-out or a riser; a breakdown keeps its pads and arpeggios in time. 16 steps to the bar.
"""
import numpy as np

import songs
from songs import SCALES, pick

FOUR = "X...X...X...X..."
BACK = "....X.......X..."
OFF = "..X...X...X...X."
# name: weight, tempo, kick, snare or clap, hats and others, habits of the bass
GENRES = {
    "house": (4, (116, 130), (FOUR,), (BACK, BACK, "............X...", "....X.......X..o", "." * 16), ("open", OFF), ("off", "roll", "loop", "octave")),
    "techno": (4, (122, 148), (FOUR, FOUR, "X...X...X...X.x."), ("." * 16, BACK, "............X..."), ("open", OFF), ("off", "roll", "rumble", "loop", "one")),
    "trance": (3, (128, 145), (FOUR,), (BACK, "." * 16), ("open", OFF), ("off", "roll", "roll", "gallop")),
    "hardstyle": (1, (145, 170), (FOUR,), (BACK, "." * 16), ("open", OFF), ("off", "roll")),
    "eurodance": (2, (120, 150), (FOUR,), (BACK,), ("open", OFF), ("off", "octave", "eighth")),
    "dnb": (3, (160, 180), ("X.........X.....", "X.x.......X.....", "X.........x..x.."), (BACK, "....X..o.o..X...", "....X.......X..o"), ("ride", "x.x.x.x.x.x.x.x."), ("loop", "one", "long")),
    "dubstep": (2, (136, 146), ("X...............", "X..x............", "X.....x...x.....", "X..........x..x."), ("........X.......", "........X.....o."), ("hat", "x.x.x.x.x.x.x.x."), ("loop", "wobble", "one")),
    "breaks": (2, (118, 142), ("X.....x...X.....", "X..x......X..x..", "X.........x....."), (BACK, "....X..o....X.o."), ("hat", "x.x.x.x.x.x.x.x."), ("loop", "eighth", "one")),
    "electro": (2, (110, 135), ("X.....X...X.....", "X..X......X.....", "X.....x.x.X....."), (BACK,), ("hat", "x.xxx.xxx.xxx.xx"), ("loop", "octave", "eighth")),
    "garage": (1, (128, 136), ("X.........X.....", "X......x..X....."), (BACK,), ("hat", "..x...x...x..xx."), ("loop", "one")),
    "synthwave": (2, (80, 125), ("X.......X.......", FOUR, "X.......X.x....."), (BACK,), ("hat", "x.x.x.x.x.x.x.x."), ("eighth", "octave", "roll")),
    "chip": (2, (100, 180), ("X.......X.......", FOUR, "X.....x.X......."), (BACK,), ("hat", "x.x.x.x.x.x.x.x."), ("eighth", "octave", "loop")),
    "dembow": (1, (88, 112), (FOUR, "X.......X......."), ("...x..x....x..x.",), ("hat", "x.x.x.x.x.x.x.x."), ("loop", "one")),
    "lofi": (2, (66, 92), ("X......x..X.....", "X.........x.....", "X..x....X.x....."), (BACK, "....X..o....X..."), ("hat", "x.x.x.x.x.x.x.x."), ("loop", "one", "long")),
    "downbeat": (1, (60, 100), ("X.......X.......", "X.....x.X......."), (BACK,), ("shaker", "xoxoxoxoxoxoxoxo"), ("loop", "one", "eighth")),
    "speedcore": (1, (185, 212), (FOUR,), (BACK, "." * 16), ("open", OFF), ("off", "eighth", "one")),
    "drift": (1, (70, 140), ("." * 16,), ("." * 16,), ("hat", "." * 16), ("one", "long", "eighth")),
}
HATS = (None, ("hat", "xoxoxoxoxoxoxoxo"), ("hat", "x.x.x.x.x.x.x.x."), ("hat", "..x...x...x...x."), ("shaker", "oxoxoxoxoxoxoxox"), ("ride", "x...x...x...x..."),
        ("hat", "xx.xxx.xxx.xxx.x"))
BASSES = {"off": "..x...x...x...x.", "roll": ".xxx.xxx.xxx.xxx", "gallop": "..xx..xx..xx..xx", "octave": "x.x.x.x.x.x.x.x.", "eighth": "x.x.x.x.x.x.x.x.",
          "rumble": ".oxo.oxo.oxo.oxo", "one": "x...............", "long": "x.......x.......", "wobble": "x.x.x.x.xxxxxxxx"}
STABS = ("x...............", "x.......x.......", "..x...x...x...x.", "x..x..x...x..x..", "...x..x.......x.", "x..x..x.x..x..x.", "....x.......x...",
         "x.....x...x.....", "x..x..x..x..x..x", "..........x..x..")
# Which layers sound in each kind of phrase; "kick" and "top" are the drums.
PHRASES = {
    "drop": ("kick", "top", "bass", "stab", "arp", "lead", "pad"), "groove": ("kick", "top", "bass", "stab"), "drums": ("kick", "top", "perc"),
    "intro": ("kick", "perc"), "breakdown": ("pad", "arp", "lead"), "thin": ("pad", "stab"), "bassline": ("kick", "bass"), "build": ("pad", "arp", "roll"),
    "verse": ("kick", "top", "bass", "vocal"), "bridge": ("top", "pad", "bass"), "full": ("kick", "top", "bass", "pad", "lead", "perc"),
}
FOLLOWS = {"drop": ("drop", "groove", "breakdown", "full", "drums"), "groove": ("drop", "verse", "breakdown", "full", "groove"), "drums": ("groove", "bassline", "drop"),
           "intro": ("drums", "bassline", "groove"), "breakdown": ("build", "breakdown", "thin", "drop"), "thin": ("build", "drop", "groove"), "bassline": ("groove", "verse", "drop"),
           "build": ("drop", "drop", "full"), "verse": ("drop", "breakdown", "full", "verse"), "bridge": ("drop", "build", "full"), "full": ("drop", "breakdown", "drums", "bridge")}
PROGRESSIONS = [(0, 5, 3, 4), (0, 3, 4, 3), (5, 3, 0, 4), (0, 0, 5, 4), (0, 6, 5, 6), (0, 5), (0, 3), (0, 2, 3, 4), (0,), (3, 4, 5, 5), (0, 0, 3, 4), (0, 5, 2, 6)]


def steps_of(rng, count, density, first=.5):
    """A loop by chance: strong places are likelier."""
    place = np.arange(count)
    chance = density * np.where(place % 4 == 0, 1.2, np.where(place % 2 == 0, 1.0, .6))
    chance[0] = max(first, chance[0])
    return [i for i in place if rng.random() < chance[i]] or [0]


class Layer:
    """A loop of 1, 2 or 4 bars that follows the chord."""

    def __init__(self, song, rng, role, program, octave, habit, genre_habits):
        self.role, self.octave, self.rng = role, octave + int(rng.choice([-5, 0, 0, 5])), rng
        self.stem = dict(role=role, program=program, notes=[], gain_db=rng.uniform(-7, 4), laid_back=0.0, jitter=.0005,
                         synth=bool(rng.random() < .65), distort=False)
        self.bars = int(rng.choice([1, 1, 2, 4]))
        self.length = rng.uniform(.4, 1.2)
        self.pattern = self.draw(rng, genre_habits)
        if role == "vocal":
            self.stem.update(sing=str(rng.choice(["formant", "rap"])), synth=False, jitter=.015)
        song.stems.append(self.stem)

    def draw(self, rng, habits):
        """(step, chord tone, steps long, velocity) over the loop's bars."""
        n = 16 * self.bars
        if self.role == "bass":
            habit = pick(rng, habits)
            if habit == "loop":
                on = steps_of(rng, n, .35, .9)
                tones = [int(rng.choice([0, 0, 0, 0, 7, 12, -2, 3])) for _ in on]
            else:
                on = [i for i in range(n) if BASSES[habit][i % 16] != "."]
                tones = [12 * (habit == "octave" and i // 2 % 2) for i in on]
        elif self.role == "stab":
            row = pick(rng, STABS)
            on = [i for i in range(n) if row[i % 16] != "."] if rng.random() < .7 else steps_of(rng, n, .25)
            tones = [0] * len(on)
        elif self.role == "arp":
            step = int(rng.choice([1, 1, 2, 3]))
            on = [i for i in range(n) if i % 16 % step == 0 and rng.random() < .95]
            turn = [int(rng.integers(6)) for _ in range(int(rng.choice([3, 4, 8, 8, 16])))]
            tones = [turn[i % len(turn)] for i in range(len(on))]
        else:
            on = steps_of(rng, n, .3, .6)
            tones = [int(rng.integers(-2, 8)) for _ in on]
        return [(i, t, self.length * ((on[k + 1] if k + 1 < len(on) else n) - i), .85 if i % 4 == 0 else rng.uniform(.55, .85))
                for k, (i, t) in enumerate(zip(on, tones))]

    def bar(self, start, number, scale, root, degree, loud):
        """One bar; the pad holds the chord, or chops it."""
        keys = songs.chord_keys(scale, root, degree, self.octave, False, self.rng)
        if self.role == "pad":
            chops = {0: (0,), 1: range(0, 16, 2), 2: (0, 3, 6, 8, 11, 14)}[self.bars // 2 if self.bars < 4 else 0]
            for i in chops:
                for key in keys:
                    self.note(start + i / 4, (16 if len(chops) == 1 else 2) / 4 * .97, key, .7 * loud)
            return
        first = 16 * (number % self.bars)
        for i, tone, steps, velocity in self.pattern:
            if not first <= i < first + 16:
                continue
            at = start + (i - first) / 4
            if self.role == "bass":
                self.note(at, min(steps, 8) / 4, self.octave + (root + scale[degree % 7] - self.octave) % 12 + tone, velocity * loud)
            elif self.role == "stab":
                for key in keys:
                    self.note(at, min(steps, 4) / 4, key, velocity * loud)
            elif self.role == "arp":
                self.note(at, .3, keys[tone % len(keys)] + 12 * (tone // len(keys)), velocity * loud)
            else:
                d = degree + tone
                self.note(at, min(steps, 8) / 4, self.octave + root % 12 - 6 + scale[d % 7] + 12 * (d // 7), velocity * loud)

    def note(self, on, beats, key, velocity):
        self.stem["notes"].append((on, on + max(.08, beats), int(np.clip(key, 24, 100)), float(np.clip(velocity, .15, 1))))


class Drums:
    """The figure of a song, whole or in part."""

    def __init__(self, song, rng, genre):
        _, _, kicks, snares, top, _ = GENRES[genre]
        self.song, self.rng = song, rng
        self.kick = pick(rng, kicks)
        self.snare = (pick(rng, ("snare", "clap")), pick(rng, snares))
        self.top = [top] if rng.random() < .8 else []
        more = pick(rng, HATS)
        if more and genre != "drift":
            self.top.append(more)
        row = "".join("x" if i in steps_of(rng, 16, .3, 0) else "." for i in range(16))
        self.perc = (pick(rng, ("rim", "conga", "cowbell", "tomlo", "tamb", "shaker")), row if genre != "drift" else "." * 16)

    def row(self, start, voice, row, loud, until=16):
        for i, mark in enumerate(row[:until]):
            if mark != ".":
                strength = {"X": 1.0, "x": .72, "o": .38}[mark]
                self.song.hits.append((start + i / 4, voice, strength * loud * self.rng.uniform(.93, 1.05)))

    def bar(self, start, layers, loud, until=16):
        if "kick" in layers:
            self.row(start, "kick", self.kick, loud, until)
        if "top" in layers:
            self.row(start, *self.snare, loud, until)
            for voice, row in self.top:
                self.row(start, voice, row, loud, until)
        if "perc" in layers:
            self.row(start, *self.perc, loud, until)

    def roll(self, start, bar, bars):
        """A build-up: quarters, eighths, sixteenths, louder and louder."""
        steps = 1 if bar < bars // 2 else 2 if bar < bars - 1 else 4
        for i in range(4 * steps):
            self.song.hits.append((start + i / steps, self.snare[0], .3 + .6 * (bar + i / (4 * steps)) / bars))

    def fill(self, start):
        """The last bar of a phrase; returns the step where the groove stops for it."""
        kind = self.rng.choice(["none", "snare", "toms", "cut", "long", "pick up"], p=[.3, .2, .12, .15, .08, .15])
        at = {"none": 16, "snare": 12, "toms": 8, "cut": int(self.rng.choice([8, 12, 14])), "long": 0, "pick up": 16}[kind]
        voices = {"snare": ("snare",), "toms": ("tomhi", "tommid", "tomlo"), "long": ("snare",), "pick up": ("snare",)}.get(kind, ())
        for i in range(12 if kind == "pick up" else at, 16 if voices else 0):
            if self.rng.random() < .75:
                voice = voices[min(len(voices) - 1, (i - at) * len(voices) // 16)]
                self.song.hits.append((start + i / 4, voice, .45 + .04 * (i - at)))
        return at


def draw(seed, seconds=50.0):
    """One song from its seed; what render.py needs is as in songs.draw."""
    song = songs.Song(seed)
    rng = song.rng = np.random.default_rng((seed, 78, 2))
    names = list(GENRES)
    weights = np.array([GENRES[n][0] for n in names], float)
    song.style = genre = names[int(rng.choice(len(names), p=weights / weights.sum()))]
    low, high = GENRES[genre][1]
    song.bpm = float(np.exp(rng.uniform(np.log(low), np.log(high))))
    if rng.random() < .6:
        song.bpm = float(round(song.bpm))
    song.meter, song.electronic = 4, True
    bars = int(np.ceil(seconds * song.bpm / 240))
    period = np.full(bars * 4 + 8, 60 / song.bpm)
    if rng.random() < .06:     # the next record, at another speed
        period[int(rng.integers(4, bars)) * 4:] *= np.exp(rng.uniform(-.12, .12))
    song.beat_times = np.concatenate([[0], np.cumsum(period)])
    song.swing8, song.swing16 = .5, float(rng.choice([.5, .5, .5, rng.uniform(.52, .64)]))
    arrange(song, rng, genre, bars)
    song.last_beat = bars * 4
    song.kit = songs.draw_kit(rng, song)
    song.effects = songs.draw_effects(rng, song)
    if rng.random() < .6:
        song.effects["pump"] = float(rng.uniform(.4, .95))
    song.lead_in = float(rng.choice([0, 0, rng.uniform(0, 2)]))
    return song


def arrange(song, rng, genre, bars):
    scale, root = SCALES[pick(rng, ["minor", "minor", "major", "dorian", "phryg"])], int(rng.integers(12))
    progression, per_chord = pick(rng, PROGRESSIONS), int(rng.choice([1, 1, 2, 2, 4]))
    bass, chords, lead, pad, arp = songs.BANDS["elec"]
    layers = {role: Layer(song, rng, role, int(pick(rng, programs)), octave, None, GENRES[genre][5])
              for role, programs, octave in (("bass", bass, 36), ("stab", chords, 54), ("lead", lead, 67), ("pad", pad, 54), ("arp", arp, 66), ("vocal", lead, 55))}
    if rng.random() < .3:
        progression = (0,)
    for role in ("lead", "arp", "stab", "pad"):
        if rng.random() < .25 and len(layers) > 3:
            del layers[role]
    drums, bar, kind = Drums(song, rng, genre), 0, pick(rng, list(PHRASES))
    song.risers = []
    while bar < bars:
        length = int(rng.choice([4, 4, 8, 8, 2 if kind == "build" else 4]))
        sounding = [x for x in PHRASES[kind] if x in ("kick", "top", "bass") or rng.random() < .85] if rng.random() < .9 else list(PHRASES["groove"])
        loud = {"breakdown": .85, "thin": .8, "intro": .9}.get(kind, 1.0)
        if rng.random() < .6:
            song.hits.append((bar * 4, "crash", rng.uniform(.5, 1)))
        if rng.random() < .2:
            song.hits.append((bar * 4, "tomlo", 1.0))
        if (kind == "build" or rng.random() < .15) and bar + length // 2 < bars:
            song.risers.append(((bar + length // 2) * 4, min(bars, bar + length) * 4))
        for b in range(bar, min(bars, bar + length)):
            last = b == bar + length - 1
            until = drums.fill(b * 4) if last and kind not in ("breakdown", "thin", "build") else 16
            drums.bar(b * 4, sounding, loud, until)
            if "roll" in sounding and not (last and rng.random() < .4):
                drums.roll(b * 4, b - bar, length)
            degree = progression[(b // per_chord) % len(progression)]
            for role, layer in layers.items():
                if role in sounding:
                    layer.bar(b * 4, b, scale, root, degree, loud)
        bar += length
        kind = pick(rng, FOLLOWS[kind])
