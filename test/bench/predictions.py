# Prints tables of how right the tempo is told and foretold on drums whose tempo is known, and of
# how often the predictions came true, and how sure they were.
#
#   predictions.py [--quick] BUILD [AUDIO_DIR]
#
# SPDX-License-Identifier: GPL-3.0-or-later
import argparse
import concurrent.futures
import json
import os
import statistics
import sys
import tempfile

sys.dont_write_bytecode = True
import numpy

import beat_material
import beat_scores as scores
import beat_trackers

RATE = 44100
PROCESSES = 2
BEFORE_S = 30  # of steady drums before anything changes
AFTER_S = 35
FIRST_S = 10  # when the tempo must have been found
STEPS = [0.03, 0.05, -0.05, 0.08, -0.08, 0.15, -0.2, 0.3]
RAMPS = [0.04, 0.067, -0.06, 0.1, -0.1]
RAMP_BARS = [8, 16, 32]


# --- Drums along a tempo ---


class Drums:
    """Drums on stretches of (bpm at the start, bpm at the end, s), with a drummer's errors."""

    def __init__(self, kind, stretches, error_s=0.0, seed=1):
        self.kind, self.error_s, self.seed = kind, error_s, seed
        self.seconds = sum(s for _, _, s in stretches)
        self.changes = (stretches[0][2], stretches[0][2] + stretches[1][2]) \
            if len(stretches) > 1 else (0, 0)
        self.first, self.last = stretches[0][0], stretches[-1][1]
        grid = 0.001
        self.bpm = numpy.concatenate([numpy.linspace(a, b, round(s / grid))
                                      for a, b, s in stretches])
        passed = numpy.cumsum(self.bpm / 60 * grid)
        self.times = numpy.arange(len(self.bpm)) * grid
        self.beats = numpy.interp(numpy.arange(1, int(passed[-1])), passed, self.times)

    def tempo_at(self, time):
        return float(numpy.interp(time, self.times, self.bpm))

    def write(self, path):
        random = numpy.random.default_rng(self.seed)
        played = self.beats + self.error_s * random.standard_normal(len(self.beats))
        sound = numpy.zeros(int((self.seconds + 1) * RATE))

        def play(drum, time, gain):
            start = max(0, round(time * RATE))
            end = min(len(sound), start + len(drum))
            sound[start:end] += gain * drum[:end - start]

        kick, snare, hat = kit()
        for n, time in enumerate(played):
            play(kick, time, 1 if n % 4 == 0 else 0.8)
            play(snare, time, 0.7 * (n % 2))
            play(hat, time, 0.6)
            if n + 1 < len(played):
                play(hat, (time + played[n + 1]) / 2, 0.8)
        beat_material.write_wav(path, 0.6 * sound[:int(self.seconds * RATE)], RATE)


def kit():
    random = numpy.random.default_rng(0)
    t = numpy.arange(RATE // 4) / RATE
    kick = numpy.sin(2 * numpy.pi * (50 * t + 2.2 * (1 - numpy.exp(-40 * t)))) * numpy.exp(-14 * t)
    noise = random.standard_normal(len(t))
    snare = (0.35 * noise + 0.4 * numpy.sin(2 * numpy.pi * 190 * t)) * numpy.exp(-22 * t)
    return kick, snare, 0.1 * noise * numpy.exp(-70 * t)


def steady(count, seed):
    random = numpy.random.default_rng(11 + seed)
    for n in range(count):
        bpm = float(random.uniform(80, 170))
        yield Drums("steady", [(bpm, bpm, 150)], [0, 0.003, 0.006, 0.01][n % 4], n + seed)


def wandering(count, seed):
    """As a drummer without a click: up and down by 1.2 % within 30 to 60 s."""
    random = numpy.random.default_rng(12 + seed)
    for n in range(count):
        bpm, period = float(random.uniform(85, 160)), float(random.uniform(30, 60))
        tempi = bpm * (1 + 0.012 * numpy.sin(2 * numpy.pi * numpy.arange(0, 151, 2) / period))
        yield Drums("wandering", [(a, b, 2) for a, b in zip(tempi, tempi[1:])], 0.006, n + seed)


def steps(count, seed):
    random = numpy.random.default_rng(13 + seed)
    for n in range(count):
        bpm, change = float(random.uniform(85, 145)), STEPS[n % len(STEPS)]
        new = bpm * (1 + change)
        yield Drums("step %+g %%" % (100 * change), [(bpm, bpm, BEFORE_S), (new, new, AFTER_S)],
                    [0, 0.004][n // len(STEPS) % 2], n + seed)


def ramps(count, seed):
    random = numpy.random.default_rng(14 + seed)
    for n in range(count):
        bpm = float(random.uniform(90, 150))
        change, bars = RAMPS[n % len(RAMPS)], RAMP_BARS[n // len(RAMPS) % len(RAMP_BARS)]
        new = bpm * (1 + change)
        length = bars * 4 * 60 / ((bpm + new) / 2)
        yield Drums("ramp %2d bars" % bars,
                    [(bpm, bpm, BEFORE_S), (bpm, new, length), (new, new, AFTER_S)],
                    [0, 0.004][n % 2], n + seed)


# --- Listening ---


def listen(build, path):
    printed, _ = beat_trackers.run([os.path.join(build, "jack-analyzer"), "-q", "-f", path,
                                    "-e", "-"])
    return [event for event in map(json.loads, printed.splitlines())
            if event["type"] in ("beat", "tempo", "prediction", "score")]


def of_kind(events, kind):
    return [event for event in events if event["type"] == "prediction" and event["kind"] == kind]


def octave(bpm, wanted):
    """The factor that brings a tempo to the octave of another."""
    return 2.0 ** round(numpy.log2(wanted / bpm))


def beat_hits(events, beats, until):
    """(confidence, was there a beat within the window) of each prediction due so far."""
    beats = sorted(beats)
    return [(event["confidence"],
             abs(beats[scores.nearest(beats, event["time"])] - event["time"]) <= scores.WINDOW_S)
            for event in of_kind(events, "beat") if event["time"] < until]


def verdicts(events, kind):
    """What the program's own scorer says at the end: (n, hits), and its bins."""
    told = [event for event in events if event["type"] == "score" and event["kind"] == kind]
    return (told[-1]["total_n"], told[-1]["total_hits"]) if told else (0, 0)


def own_bins(events, kind):
    """The scorer's bins, of windows that do not overlap."""
    told = [event for event in events if event["type"] == "score" and event["kind"] == kind]
    picked, next_s = [], float("inf")
    for event in reversed(told):
        if event["time"] <= next_s:
            picked += event["calibration"]
            next_s = event["time"] - event["window_s"]
    return picked


def examine(drums, events):
    begin, end = drums.changes
    told = [event for event in events if event["type"] == "tempo"]
    changes = [event for event in told if event["change"] != "start" and event["time"] > FIRST_S]
    last = told[-1]["bpm"] if told else float("nan")
    result = {
        "drums": drums,
        "changes": changes,
        "final": abs(last * octave(last, drums.last) / drums.last - 1) if told else 1,
        "beats": beat_hits(events, drums.beats, drums.seconds - 1),
        "foretold": [],
        "own": {kind: (verdicts(events, kind), own_bins(events, kind))
                for kind in ("beat", "tempo")},
    }
    for event in of_kind(events, "tempo"):
        if event["time"] > drums.seconds - 1:
            continue
        then, now = drums.tempo_at(event["time"]), drums.tempo_at(event["emitted"])
        factor = octave(event["value"], then)
        off = abs(event["value"] * factor - then)
        result["foretold"].append({
            "at": event["emitted"], "confidence": event["confidence"],
            "right": off <= abs(then - now) / 2,
            "error": off / then})
    result["after"] = [event for event in changes if event["time"] > begin]
    result["ramp"] = [f for f in result["foretold"] if begin < f["at"] < end]
    return result


def work_off(build, items):
    def one(drums):
        with tempfile.TemporaryDirectory() as work:
            path = os.path.join(work, "drums.wav")
            drums.write(path)
            return examine(drums, listen(build, path))

    with concurrent.futures.ThreadPoolExecutor(PROCESSES) as pool:
        return list(pool.map(one, items))


# --- Tables ---


def percent(values):
    values = list(values)
    return "%.0f" % (100 * sum(values) / len(values)) if values else "-"


def middle(values, form="%.1f"):
    values = list(values)
    return form % statistics.median(values) if values else "-"


def print_table(title, rows):
    widths = [max(len(row[n]) for row in rows) for n in range(len(rows[0]))]
    print("\n" + title)
    for row in rows:
        print("  " + row[0].ljust(widths[0]) + "".join(
            "  " + cell.rjust(width) for cell, width in zip(row[1:], widths[1:])))


def by_kind(results):
    groups = {}
    for result in results:
        groups.setdefault(result["drums"].kind, []).append(result)
    return groups


def print_quiet(results):
    rows = [["", "hours", "steps/h", "drifts/h", "foretold/h", "error %"]]
    for kind, group in by_kind(results).items():
        hours = sum(r["drums"].seconds for r in group) / 3600
        count = {change: sum(e["change"] == change for r in group for e in r["changes"])
                 for change in ("step", "drift")}
        rows.append([kind, "%.2f" % hours, "%.1f" % (count["step"] / hours),
                     "%.1f" % (count["drift"] / hours),
                     "%.1f" % (sum(len(r["foretold"]) for r in group) / hours),
                     middle((100 * r["final"] for r in group), "%.2f")])
    print_table("Drums without steps and ramps: changes told (after %d s)" % FIRST_S, rows)


def print_steps(results):
    rows = [["", "files", "told %", "as step %", "direction %", "delay s", "slowest s", "error %"]]
    for kind, group in by_kind(results).items():
        first = [(r, r["after"][0]) for r in group if r["after"]]
        delays = [e["emitted"] - r["drums"].changes[0] for r, e in first]
        rows.append([kind, "%d" % len(group), percent(bool(r["after"]) for r in group),
                     percent(any(e["change"] == "step" for e in r["after"]) for r in group),
                     percent((e["bpm"] > e["from_bpm"]) == (r["drums"].last > r["drums"].first)
                             for r, e in first),
                     middle(delays), "%.1f" % max(delays) if delays else "-",
                     middle((100 * r["final"] for r in group), "%.2f")])
    print_table("Steps", rows)


def print_ramps(results):
    rows = [["", "files", "told %", "as drift %", "direction %", "foretold %", "after s",
             "statements", "right %", "error %"]]
    for kind, group in by_kind(results).items():
        first = [(r, r["after"][0]) for r in group if r["after"]]
        foretold = [f for r in group for f in r["foretold"]]
        rows.append([kind, "%d" % len(group), percent(bool(r["after"]) for r in group),
                     percent(e["change"] == "drift" for r in group for e in r["after"]),
                     percent((e["bpm"] > e["from_bpm"]) == (r["drums"].last > r["drums"].first)
                             for r, e in first),
                     percent(bool(r["ramp"]) for r in group),
                     middle(r["ramp"][0]["at"] - r["drums"].changes[0]
                            for r in group if r["ramp"]),
                     "%d" % len(foretold), percent(f["right"] for f in foretold),
                     middle((100 * f["error"] for f in foretold), "%.2f")])
    print_table("Ramps of 4 to 10 %, up and down. Statements say the tempo eight beats ahead; right "
                "is what is off by less than half of what it then changes", rows)


def calibration_error(bins):
    """Of (stated, observed, n), several to a tenth."""
    tenths = {}
    for stated, observed, n in bins:
        sums = tenths.setdefault(min(9, int(10 * stated)), [0, 0])
        sums[0] += n * (stated - observed)
        sums[1] += n
    total = sum(n for _, n in tenths.values())
    return sum(abs(gap) for gap, _ in tenths.values()) / total if total else 0


def calibration_row(name, hits, owns):
    """`hits`: (confidence, true) by the truth; `owns`: ((n, hits), bins) by the scorer."""
    own_n, own_hits = (sum(own[0][i] for own in owns) for i in (0, 1))
    true_error = scores.reliability(hits)[1] if hits else 0
    own_error = calibration_error([b for own in owns for b in own[1]])
    return [name, "%d" % len(hits),
            "%.3f" % (sum(c for c, _ in hits) / len(hits)) if hits else "-",
            "%.3f" % (sum(h for _, h in hits) / len(hits)) if hits else "-",
            "%.3f" % (own_hits / own_n) if own_n else "-",
            "%.3f" % true_error, "%.3f" % own_error]


CALIBRATION_HEAD = ["", "n", "stated", "true", "by scorer", "ECE true", "ECE by scorer"]


def print_calibration(results):
    rows = [CALIBRATION_HEAD]
    for name, pick in [("steady", "steady"), ("wandering", "wandering"), ("steps", "step"),
                       ("ramps", "ramp"), ("all", "")]:
        group = [r for r in results if r["drums"].kind.startswith(pick)]
        rows.append(calibration_row("beats, " + name, [h for r in group for h in r["beats"]],
                                    [r["own"]["beat"] for r in group]))
    foretold = [(f["confidence"], f["right"]) for r in results for f in r["foretold"]]
    rows.append(calibration_row("tempo", foretold, [r["own"]["tempo"] for r in results]))
    print_table("Are predictions as sure as they say? By the truth and by the program's scorer",
                rows)


def print_annotated(build, folder, quick):
    items = [item for item in beat_material.annotated(folder, quick) if not item.negative]

    def one(item):
        with tempfile.TemporaryDirectory() as work:
            studio = beat_material.Studio(build)
            events = listen(build, studio.decoded(item.sound, work))
        ends = [event["emitted"] for event in events]
        until = min(item.beats[-1] + scores.WINDOW_S, max(ends, default=0) - 1)
        return item.set, beat_hits(events, item.beats, until), verdicts(events, "beat"), \
            own_bins(events, "beat")

    with concurrent.futures.ThreadPoolExecutor(PROCESSES) as pool:
        answers = list(pool.map(one, items))
    rows = [CALIBRATION_HEAD]
    for name in sorted({answer[0] for answer in answers}) + ["all"]:
        group = [answer for answer in answers if name in (answer[0], "all")]
        rows.append(calibration_row(name, [hit for _, hits, _, _ in group for hit in hits],
                                    [(own, bins) for _, _, own, bins in group]))
    print_table("Beats on annotated music, at the annotated level only", rows)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--seed", type=int, default=0, help="other drums than usual")
    parser.add_argument("build")
    parser.add_argument("audio", nargs="?")
    arguments = parser.parse_args()
    os.nice(10)
    few, seed = 4 if arguments.quick else 1, arguments.seed
    quiet = work_off(arguments.build, list(steady(24 // few, seed)) + list(wandering(8 // few, seed)))
    stepped = work_off(arguments.build, list(steps(32 // few, seed)))
    ramped = work_off(arguments.build, list(ramps(30 // few, seed)))
    print_quiet(quiet)
    print_steps(stepped)
    print_ramps(ramped)
    print_calibration(quiet + stepped + ramped)
    if arguments.audio:
        print_annotated(arguments.build, arguments.audio, arguments.quick)


if __name__ == "__main__":
    try:
        main()
    except beat_trackers.Failed as failure:
        sys.exit("predictions.py: " + str(failure))
