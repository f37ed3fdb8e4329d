# What beat trackers are tried on: signals of the synthesiser, whose beats are known, and folders of
# annotated music.
#
# SPDX-License-Identifier: GPL-3.0-or-later
import dataclasses
import hashlib
import json
import os
import wave

import numpy

from beat_trackers import run

SCENARIOS = ["four", "offhat", "backbeat", "eighthbass", "swunghat", "drift", "dropout", "step"]
TEMPI = [60, 72, 84, 96, 108, 120, 128, 140, 160, 174, 190, 200]
RATES = [48000, 44100, 96000]
QUICK_TEMPI = [84, 128, 174]
LEVELS_DB = [-50, -40, -30, -20, -10, 0]
# People would tap these twice as fast, or half.
AMBIGUOUS_BELOW, AMBIGUOUS_ABOVE = 70, 165
AMBIGUOUS_SETS = {"midi_pop909", "midi_freedoom", "fnf"}


@dataclasses.dataclass
class Item:
    """One sound with its truth."""
    set: str
    name: str
    sound: object  # a path, or a function that writes the sound to a path and returns truth's beats
    beats: list = dataclasses.field(default_factory=list)
    bars: list = None  # the beats that are a bar's first, where that is known
    steps: list = None  # when the tempo changes or the drums return; None: look for changes
    unscored: list = dataclasses.field(default_factory=list)  # spans without a right answer
    groups: dict = dataclasses.field(default_factory=dict)  # further tables it belongs to
    negative: bool = False
    ambiguous: bool = False
    ternary: bool = False

    def scored(self, times):
        return [t for t in times if not any(a <= t < b for a, b in self.unscored)]

    def prepare(self, studio, work):
        """Returns path and digest of the sound; fills in a generated one's truth."""
        if callable(self.sound):
            path = os.path.join(work, "generated.wav")
            self.sound(studio, path, self)
        else:
            path = self.sound
        with open(path, "rb") as file:
            digest = hashlib.sha1(file.read()).hexdigest()
        return path, digest


class Studio:
    """Renders signals, and decodes what not every tracker reads."""

    def __init__(self, build):
        self.program = os.path.join(build, "test/tools/ja-render")

    def render(self, what, path):
        """Returns the truth's lines on beats."""
        if not what.startswith("synth:"):
            run([self.program, what, path])
            return []
        run([self.program, what, path, path + ".truth"])
        with open(path + ".truth") as lines:
            return [line for line in map(json.loads, lines) if line["type"] == "beat"]

    def decoded(self, path, work):
        if path.endswith(".wav"):
            return path
        wav = os.path.join(work, "decoded.wav")
        self.render(path, wav)
        return wav


# --- Mixing ---


def read_wav(path):
    with wave.open(path) as file:
        samples = numpy.frombuffer(file.readframes(file.getnframes()), "<i2")
        mono = samples.reshape(-1, file.getnchannels()).mean(axis=1) / 32768
        return mono, file.getframerate()


def write_wav(path, samples, rate):
    with wave.open(path, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((numpy.clip(samples, -1, 1) * 32767).round().astype("<i2").tobytes())


# --- Generated music ---


def set_truth(item, beats):
    item.beats = [line["time"] for line in beats]
    item.bars = [line["time"] for line in beats if line["beat_in_bar"] == 1]


def silent_span(beats):
    """From the first beat of a drop-out to the first after it."""
    silent = [n for n, line in enumerate(beats) if not line["sounding"]]
    return beats[silent[0]]["time"], beats[silent[-1] + 1]["time"]


def signal(what, dropout=False):
    def make(studio, path, item):
        beats = studio.render("synth:" + what, path)
        if item.negative:
            return
        set_truth(item, beats)
        if dropout:
            first, after = silent_span(beats)
            item.unscored, item.steps = [(first, after - 1e-6)], [after]

    return make


def crossfade(bpm, next_bpm, begin_s=30, fade_s=8):
    """One track gives way to another with a tempo and phase of its own, as a DJ would do it."""

    def make(studio, path, item):
        end_s, middle_s = begin_s + 50, begin_s + fade_s / 2
        old_beats = studio.render("synth:demo?bpm=%g&seconds=%g" % (bpm, end_s), path)
        old, rate = read_wav(path)
        new_beats = studio.render("synth:demo?bpm=%g&seconds=%g" % (next_bpm, end_s - begin_s),
                                  path)
        new, _ = read_wav(path)
        share = numpy.clip((numpy.arange(len(old)) / rate - begin_s) / fade_s, 0, 1)
        mix = old * numpy.cos(share * numpy.pi / 2)
        mix[-len(new):] += new * numpy.sin(share[-len(new):] * numpy.pi / 2)
        write_wav(path, mix * 0.9, rate)
        for line in new_beats:
            line["time"] += begin_s
        set_truth(item, [line for line in old_beats if line["time"] < middle_s]
                  + [line for line in new_beats if line["time"] >= middle_s])
        item.unscored = [(begin_s, begin_s + fade_s)]
        item.steps = [middle_s]

    return make


def breakdown(bpm, pattern):
    """16 bars with drums, 16 of chords alone, 16 with drums again."""

    def make(studio, path, item):
        bar_s = 4 * 60 / bpm
        length = "seconds=%.6f" % (48 * bar_s)
        gap = "dropout_s=%.6f&dropout_length_s=%.6f" % (16 * bar_s - 0.001, 16 * bar_s)
        beats = studio.render("synth:drums?pattern=%s&bpm=%g&%s&%s" % (pattern, bpm, gap, length),
                              path)
        drums, rate = read_wav(path)
        studio.render("synth:chord?chord_s=%.6f&level_db=-14&%s" % (bar_s, length), path)
        write_wav(path, 0.8 * (drums + read_wav(path)[0][:len(drums)]), rate)
        set_truth(item, beats)
        item.steps = [32 * bar_s - 0.001]

    return make


def scenario_items(quick):
    for rate in RATES[:1] if quick else RATES:
        for scenario in SCENARIOS:
            for bpm in QUICK_TEMPI if quick else TEMPI:
                seconds = 40 if scenario == "step" else 30
                what = "drums?pattern=%s&bpm=%d&rate=%d&seconds=%d" % (scenario, bpm, rate, seconds)
                ambiguous = not AMBIGUOUS_BELOW < bpm < AMBIGUOUS_ABOVE
                groups = {"tempo": ("~" if ambiguous else "") + "%d bpm" % bpm,
                          "rate": "%g kHz" % (rate / 1000)}
                yield Item(scenario, what, signal(what, scenario == "dropout"), groups=groups,
                           steps=None if scenario == "step" else [], ambiguous=ambiguous)


def metre_items():
    for name, pattern, tempi, levels in [
            ("3/4", "waltz", (150, 90, 120), {"ternary": True}),
            ("5/4", "five", (130, 100, 160), {}),
            ("6/8", "six", (80, 60, 100), {"ternary": True, "ambiguous": True}),
            ("7/8", "seven", (210, 180, 240), {"ambiguous": True})]:
        for bpm in tempi:
            what = "drums?pattern=%s&bpm=%d&seconds=45" % (pattern, bpm)
            yield Item(name, what, signal(what), steps=[], **levels)


def change_items():
    for bpm, next_bpm in [(124, 132), (128, 110), (140, 128), (120, 150)]:
        yield Item("crossfade", "crossfade %d to %d" % (bpm, next_bpm), crossfade(bpm, next_bpm))
    for bpm, pattern in [(124, "offhat"), (100, "backbeat"), (140, "four")]:
        yield Item("breakdown", "breakdown %d" % bpm, breakdown(bpm, pattern))
    for bpm, drift, pattern in [(110, 25, "four"), (140, -20, "backbeat"), (90, 30, "offhat")]:
        what = "drums?pattern=%s&bpm=%d&drift_percent=%d&seconds=60" % (pattern, bpm, drift)
        yield Item("ramp", what, signal(what), steps=[])


def level_items():
    for what, levels in [("demo?bpm=126&seconds=50", LEVELS_DB),
                         ("drums?pattern=backbeat&bpm=104&seconds=30", LEVELS_DB[::-1])]:
        for level in levels:
            name = "%s&level_db=%d" % (what, level)
            yield Item("level", name, signal(name), steps=[], groups={"level": "%d dBFS" % level})


def demo_items():
    for bpm in (128, 118, 104, 140, 155):
        what = "demo?bpm=%d&rate=44100" % bpm
        yield Item("demo", what, signal(what), steps=[])


def negative_items():
    for what in ["noise?colour=white&seconds=60", "noise?colour=pink&seconds=60",
                 "noise?colour=pink&seconds=60&level_db=-45", "hum?hz=50&seconds=30",
                 "hum?hz=60&seconds=30&level_db=-12", "sine?hz=440&seconds=30", "sweep?seconds=30",
                 "fullscale?seconds=20", "dc?seconds=20", "silence?seconds=30", "speech?seconds=60",
                 "speech?seconds=60&seed=2"]:
        yield Item("negatives", what, signal(what), negative=True)


def generated(quick):
    items = list(scenario_items(quick))
    others = [metre_items(), change_items(), level_items(), demo_items()]
    for part in others:
        items += few(list(part), 2) if quick else list(part)
    return items + list(negative_items())


def few(items, most):
    """At most so many of each set, evenly picked."""
    by_set = {}
    for item in items:
        by_set.setdefault(item.set, []).append(item)
    picked = []
    for group in by_set.values():
        count = min(most, len(group))
        picked += [group[n * len(group) // count] for n in range(count)]
    return picked


# --- Annotated music ---


def read_beats(path):
    """Rows of time and number in the bar (None where there are no numbers)."""
    rows = []
    with open(path) as lines:
        for line in lines:
            words = line.split()
            if words and not words[0].startswith("#"):
                rows.append((float(words[0]), int(float(words[1])) if len(words) > 1 else None))
    return rows


def annotated(folder, quick):
    """Files of index.tsv that have beats, and those of which it says that they have none."""
    with open(os.path.join(folder, "index.tsv")) as index:
        rows = [line.rstrip("\n").split("\t") for line in index]
    names = [name.lstrip("#") for name in rows[0]]
    items = []
    for row in (dict(zip(names, row)) for row in rows[1:]):
        audio = row.get("audio", row.get("wav"))
        item = Item(row["set"], audio, os.path.join(folder, audio),
                    negative=row.get("genre", "").startswith("negative"),
                    ambiguous=row["set"] in AMBIGUOUS_SETS)
        if row["beats"] != "-":
            beats = sorted(read_beats(os.path.join(folder, row["beats"])))
            item.beats = [time for time, _ in beats]
            if beats and all(number is not None for _, number in beats):
                item.bars = [time for time, number in beats if number == 1]
        if item.negative or len(item.beats) > 8:
            items.append(item)
    return few(items, 4) if quick else items
