"""Invents plain grooves from 50 to 215 BPM whose metrical level can be heard: slow ones, fast ones and those in 6/8 above all.

SPDX-License-Identifier: GPL-3.0-or-later

What tells the level: a kick on every beat, or kick and snare in turn, with hats in halves and quarters of the beat, not in whole
beats; in 6/8 and 12/8 thirds. Loops are short and mostly stay as they are, so that nothing else tells it.
"""
import numpy as np

import songs
from songs import pick

# One bar; the steps are a row's length over the meter.
FOUR = ("X...X...X...X...",)
KICKS = ("X.......X.......", "X.......X.x.....", "X.....x.X.......", "X..x....X..x....", "X.........X.....", "X...x...X...x...", "X.......X.....x.",
         "X.x.....X.......", "X.....x.X.x.....", "X.......x..x....")
BACK = ("....X.......X...", "....X.......X...", "....X.......X..o", "....X..o.o..X...", "....X..o....X...")
HALVES = ("x.x.x.x.x.x.x.x.", "x.x.x.x.x.x.x.x.", "X.x.X.x.X.x.X.x.", "..x...x...x...x.", "x.xxx.x.x.xxx.x.", "x.x.x.x.x.x.x.xx")
QUARTERS = ("xoxoxoxoxoxoxoxo", "x.xxx.xxx.xxx.xx", "xxxxxxxxxxxxxxxx")
OFF = "..x...x...x...x."
TRIPLE = (dict(kick="X...........", snare="....x...x...", hat="x.x.x.x.x.x."), dict(kick="X...........", hat="x...x...x..."),
          dict(kick="X...........", snare="....o...x...", ride="x...x...x.x."), dict(kick="X.......x...", snare="....X.......", hat="x.x.x.x.x.x."),
          dict(tomlo="X...........", tamb="....x...x..."))
# Two dotted beats in six steps, or in twelve.
SIX = (dict(kick="X....x", snare="...X..", hat="xxxxxx"), dict(kick="X.....", snare="...X..", hat="XxxXxx"), dict(kick="X.........x.", snare="......x.....", hat="x.x.x.x.x.x."),
       dict(kick="X..x..", snare="...X..", ride="x.xx.x"), dict(kick="X.x...", snare="...X..", hat="xxxxxx"), dict(kick="X....x", rim="...x..", shaker="xooxoo"),
       dict(kick="X...........", snare="......X...o.", hat="x.x.x.x.x.x."), dict(kick="X..X..", hat="xxxxxx"), dict(kick="X....xX.....", snare="......X.....", ride="x.x.x.x.x.x."),
       dict(conga="X.ox.o", shaker="xxxxxx", tomlo="X....."))
TWELVE = (dict(kick="X.....X.....", snare="...X.....X..", hat="xxxxxxxxxxxx"), dict(kick="X....xX.....", snare="...X.....X..", hat="xxxxxxxxxxxx"),
          dict(kick="X.....X.x...", snare="...X.....X..", ride="x.xx.xx.xx.x"), dict(kick="X..X..X..X..", snare="...X.....X..", hat="x.xx.xx.xx.x"))
ODD = {5: (dict(kick="X...........x.......", snare="....x...x.......x...", hat="x.x.x.x.x.x.x.x.x.x."), dict(kick="X...........X.......", snare="........X.......X...", hat="x.x.x.x.x.x.x.x.x.x."),
           dict(kick="X.....x.....x.......", snare="....X.......X...X...", ride="x...x...x...x...x...")),
       7: (dict(kick="X.......x.....", snare="....x.......x.", hat="x.x.x.x.x.x.x."), dict(kick="X.....x.......", snare="....X.....X...", hat="x.x.x.x.x.x.x."))}
# name: weight, meter, tempo; None: any
KINDS = {"four": (6, 4, None), "backbeat": (6, 4, None), "shuffle": (2, 4, None), "six8": (3, 2, (50, 108)), "twelve8": (1, 4, (50, 100)),
         "waltz": (2, 3, (84, 195)), "five": (1, 5, (84, 180)), "seven": (.7, 7, (165, 215)), "metronome": (1, 4, None), "bassline": (5, 4, None)}


def any_tempo(rng):
    what = rng.random()
    low, high = (53, 78) if what < .4 else (176, 214) if what < .72 else (78, 176)
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def slow_tempo(rng):
    return float(np.exp(rng.uniform(np.log(54), np.log(96)))) if rng.random() < .6 else any_tempo(rng)


def hats(rng, bpm):
    """Voices and rows. Quarters of the beat only where they are not too many."""
    rows = []
    if rng.random() < .85:
        rows.append((pick(rng, ("hat", "hat", "hat", "ride", "shaker", "tamb")), pick(rng, HALVES)))
    if bpm < 150 and rng.random() < (.15 if bpm < 80 else .3):
        rows = [(pick(rng, ("hat", "shaker")), pick(rng, QUARTERS))]
    if rng.random() < .3:
        rows.append(("open", OFF))
    return rows


def figure_of(rng, kind, bpm):
    if kind in ("six8", "twelve8", "waltz"):
        return dict(pick(rng, {"six8": SIX, "twelve8": TWELVE, "waltz": TRIPLE}[kind]))
    if kind in ("five", "seven"):
        return dict(pick(rng, ODD[5 if kind == "five" else 7]))
    if kind == "metronome":
        voice = pick(rng, ("rim", "cowbell", "hat", "kick", "tomhi", "snare"))
        figure = {voice: pick(rng, ("XXXX", "Xxxx", "xxxx"))}
        if rng.random() < .3:
            figure[pick(rng, ("shaker", "hat", "rim"))] = "xoxoxoxo"
        return figure
    figure = dict(hats(rng, bpm))
    if kind == "bassline" and rng.random() < .7:
        figure = {pick(rng, ("open", "open", "hat")): OFF}
    if kind in ("four", "bassline"):
        figure["kick"] = FOUR[0]
        if rng.random() < .5:
            figure[pick(rng, ("snare", "clap"))] = BACK[0]
        if kind == "four" and rng.random() < .15:
            figure = {"kick": FOUR[0]}
    else:
        figure["kick"] = pick(rng, KICKS) if rng.random() < .85 else FOUR[0]
        figure[pick(rng, ("snare", "snare", "clap", "rim"))] = pick(rng, BACK)
    if rng.random() < .1:
        figure[pick(rng, ("rim", "conga", "cowbell", "tamb"))] = "".join("x" if rng.random() < .2 else "." for _ in range(16))
    return figure


def time_map(rng, bpm, beats):
    """Seconds of the beats: mostly steady; drifts, ramps and steps."""
    period = np.full(beats, 60 / bpm)
    what = rng.random()
    if what < .15:
        period /= 1 + np.linspace(0, rng.uniform(-.25, .3) if rng.random() < .5 else rng.uniform(-.05, .05), beats)
    elif what < .3:
        period[int(rng.integers(8, max(9, beats - 8))):] *= np.exp(rng.uniform(-.3, .3))
    elif what < .45:
        period *= np.exp(np.cumsum(rng.normal(0, .003, beats)))
    period = np.clip(period, 60 / 216, 60 / 48)
    return np.concatenate([[0], np.cumsum(period)])


def draw(seed, seconds=40.0):
    """One groove from its seed; what render.py needs is as in songs.draw."""
    song = songs.Song(seed)
    rng = song.rng = np.random.default_rng((seed, 81))
    names = list(KINDS)
    weights = np.array([KINDS[n][0] for n in names], float)
    song.style = kind = names[int(rng.choice(len(names), p=weights / weights.sum()))]
    _, song.meter, tempi = KINDS[kind]
    song.bpm = slow_tempo(rng) if kind == "bassline" else any_tempo(rng) if tempi is None else float(np.exp(rng.uniform(*np.log(tempi))))
    if rng.random() < .5:
        song.bpm = float(round(song.bpm))
    song.electronic = bool(rng.random() < .6)
    bars = int(np.ceil(seconds * song.bpm / 60 / song.meter))
    song.beat_times = time_map(rng, song.bpm, bars * song.meter + 8)
    song.swing8, song.swing16 = (float(rng.uniform(.6, .68)) if kind == "shuffle" else .5), .5
    song.last_beat = bars * song.meter
    song.kit = songs.draw_kit(rng, song)
    song.effects = songs.draw_effects(rng, song)
    song.effects["loop"] = False
    if rng.random() < .6:
        song.effects.update(room_s=0.0, drive=0.0, pump=0.0)
    song.lead_in = float(rng.choice([0, 0, rng.uniform(0, 2)]))
    arrange(song, rng, kind, bars)
    return song


def players_of(song, rng, kind):
    """None in half of the songs; else a bass on the halves, with or without others. Of a bassline, mostly that alone."""
    band = pick(rng, ("elec", "band", "rock", "pop"))
    bass, chords, lead, pad, arp = songs.BANDS[band]
    roles = [("bass", bass, .8), ("chords", chords, .45), ("pad", pad, .4), ("arp", arp, .2), ("lead", lead, .25)]
    sub = 3 if kind in ("six8", "twelve8", "shuffle") else 4
    if kind == "bassline":
        roles = [("bass", bass, 1)] + ([] if rng.random() < .7 else roles[1:])
    elif rng.random() < .5 or kind == "metronome":
        return []
    players = [songs.Player(song, rng, role, int(pick(rng, programs)), song.meter, sub, band) for role, programs, chance in roles if rng.random() < chance]
    for player in players:
        player.stem["synth"] = bool(song.electronic and rng.random() < .5)
        if kind == "bassline" and player.role == "bass":
            player.habit, player.length = pick(rng, ("eighth", "eighth", "eighth", "octave", "off")), rng.uniform(.2, .9)
        elif player.role == "bass" and rng.random() < .7:
            player.habit = pick(rng, ("eighth", "quarter", "octave"))
    return players


def arrange(song, rng, kind, bars):
    """The loop, with a hole, a missing voice or a fill now and then."""
    figure, players = figure_of(rng, kind, song.bpm), players_of(song, rng, kind)
    scale, root, progression = songs.SCALES[pick(rng, list(songs.SCALES))], int(rng.integers(12)), pick(rng, songs.PROGRESSIONS)
    changes = rng.random() < .5
    holes = rng.random() < .25
    bar = 0
    while bar < bars:
        length = int(rng.choice([4, 4, 8, 8, 16]))
        voices = set(figure)
        if changes and len(voices) > 2 and rng.random() < .35:
            voices.discard(pick(rng, sorted(voices)))
        playing = [p for p in players if not changes or rng.random() < .75]
        for b in range(bar, min(bars, bar + length)):
            last = b == bar + length - 1
            if holes and b > 2 and rng.random() < .1:
                continue
            songs.add_drums(song, rng, figure if not changes else songs.mutate(rng, figure, .02), b * song.meter, song.meter, 1.0, voices)
            if changes and last and rng.random() < .4:
                songs.add_fill(song, rng, b * song.meter, song.meter, 3 if kind in ("six8", "twelve8") else 4)
            for player in playing:
                player.bar(b * song.meter, scale, root, progression[b % len(progression)], 0.0, 1.0)
        bar += length
