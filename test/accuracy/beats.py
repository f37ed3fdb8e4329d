#!/usr/bin/python3
# Tests how right beats are on a few generated pieces, side by side with the engine "aubio"; the
# whole tables are printed by make bench-beats.
#
# Time limit: 600 s
# Goes beside others.
# SPDX-License-Identifier: GPL-3.0-or-later
import os
import statistics
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../bench"))
sys.dont_write_bytecode = True
import beat_material  # noqa: E402
import beat_trackers  # noqa: E402
import beats as bench  # noqa: E402

TOLERANCE = 0.02
OWN, AUBIO = "own engine", "engine aubio"

MUSIC = ["drums?pattern=%s&bpm=%d&rate=%d&seconds=25" % (pattern, bpm, rate)
         for pattern, bpm, rate in [
             ("four", 128, 48000), ("four", 84, 44100), ("offhat", 126, 48000),
             ("offhat", 108, 44100), ("backbeat", 96, 48000), ("backbeat", 120, 44100),
             ("eighthbass", 124, 48000), ("swunghat", 112, 48000), ("drift", 118, 44100),
             ("step", 100, 48000), ("waltz", 120, 48000)]]
MUSIC += ["demo?bpm=128&seconds=45", "demo?bpm=118&seconds=45&level_db=-50"]
RATES = ["drums?pattern=four&bpm=122&seconds=20&rate=%d" % rate for rate in (44100, 48000, 96000)]
NEGATIVES = ["noise?colour=white&seconds=30", "noise?colour=pink&seconds=30", "hum?seconds=20",
             "sine?seconds=20", "speech?seconds=30", "speech?seconds=60&seed=2",
             "silence?seconds=15"]


def items():
    for what in MUSIC + RATES:
        yield beat_material.Item("music", what, beat_material.signal(what))
    for what in NEGATIVES:
        yield beat_material.Item("negatives", what, beat_material.signal(what), negative=True)


class Results:
    def __init__(self, results):
        self.by_name = {item.name: result for item, result in results}

    def of(self, tracker, names, score):
        return [self.by_name[name][tracker][score] for name in names]

    def mean(self, tracker, score, names=tuple(MUSIC)):
        return statistics.fmean(float(value) for value in self.of(tracker, names, score))

    def sides(self, score):
        return self.mean(OWN, score), self.mean(AUBIO, score)


def not_worse(results, score):
    own, aubio = results.sides(score)
    return own >= aubio - TOLERANCE, "%s: %.3f beside %.3f" % (score, own, aubio)


def not_more(results, score):
    own, aubio = results.sides(score)
    return own <= aubio, "%s: %.3f of the pieces beside %.3f" % (score, own, aubio)


def right_beats(results):
    own = results.mean(OWN, "F")
    return own >= 0.8, "F: %.3f" % own


def exact_beats(results):
    errors = [score["error ms"] for name in MUSIC
              for score in [results.by_name[name][OWN]] if "error ms" in score]
    middle = statistics.median(errors) if errors else float("nan")
    return abs(middle) <= 20, "median error: %+.1f ms" % middle


def rates_alike(results):
    found = results.of(OWN, RATES, "F")
    return min(found) > 0.9, "F at 44.1, 48 and 96 kHz: %s" % ", ".join("%.3f" % f for f in found)


def quick_lock(results):
    times = results.of(OWN, MUSIC, "lock s")
    return statistics.median(times) <= 8, "median: %.1f s" % statistics.median(times)


def sure_beats(results, names, least):
    told = {name: sum(stated >= least for stated in results.by_name[name][OWN]["told"])
            for name in names}
    return not any(told.values()), str({name: count for name, count in told.items() if count})


TESTS = [
    ("beats are right", right_beats),
    ("F is not worse than that of aubio", lambda r: not_worse(r, "F")),
    ("continuity is not worse than that of aubio", lambda r: not_worse(r, "CMLt")),
    ("not more pieces an octave off than by aubio", lambda r: not_more(r, "octave")),
    ("not more pieces half a beat off than by aubio", lambda r: not_more(r, "off-beat")),
    ("the median beat is within 20 ms", exact_beats),
    ("the same piece at other sample rates", rates_alike),
    ("locked within 8 s", quick_lock),
    ("noise, hum, tones and speech have no beat that is sure",
     lambda r: sure_beats(r, NEGATIVES, bench.SURE)),
    ("silence has no beat at all", lambda r: sure_beats(r, NEGATIVES[-1:], 0)),
]


def main():
    build = os.environ.get("BUILD", "build/plain")
    trackers = [beat_trackers.ours(build, OWN, ["beat.engine=auto"]),
                beat_trackers.ours(build, AUBIO, ["beat.engine=aubio"])]
    wanted = list(items())
    with tempfile.TemporaryDirectory() as memory:
        measured = bench.Bench(build, trackers, beat_trackers.Memory(memory)).run(wanted)
    if len(measured) < len(wanted):
        print("Bail out! Not every piece could be analysed")
        return
    results = Results(measured)
    for number, (name, test) in enumerate(TESTS, 1):
        passed, figures = test(results)
        print("%s %d - %s\n# %s" % ("ok" if passed else "not ok", number, name, figures))
    print("1..%d" % len(TESTS))


main()
