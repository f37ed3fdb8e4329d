"""How well transitions, sections and announcements of drops agree with what is known of the music.

SPDX-License-Identifier: GPL-3.0-or-later

    energy.py BUILD [AUDIO_DIR] [--seed N] [--few]

Renders arrangements (arrangements.py; seeds from 3000 on are for measuring alone) into BUILD/../bench/energy, where they
stay, and analyses them; then every piece of AUDIO_DIR/index.tsv that has annotated sections. A told transition is
right within half a second, or within a beat, of one of its kind. A drop counts as announced when what was last said at
least four beats ahead, with confidence 0.5 or more, was right within a beat. Steps of loudness ("up", "down") are met by
a transition of any kind in that direction.
"""
import argparse
import collections
import csv
import json
import os
import statistics
import subprocess

import arrangements

FIRST_SEED = 3000
COUNTS = {"mixed": 12, "classic": 6, "sudden": 4, "fake": 4, "pauses": 3, "steady": 5, "club": 6}
UP, DOWN = ("rise", "drop", "return"), ("fall", "breakdown", "silence")
CERTAIN, AHEAD_BEATS, END_S = .5, 4, 3


def read_sections(path):
    """(time, label, kind): of an annotation kind is the label, of an arrangement what is to be noticed."""
    rows = []
    for line in open(path):
        if not line.startswith("#"):
            fields = line.rstrip("\n").split("\t")
            rows.append((float(fields[0]), fields[1], fields[2] if len(fields) == 5 and not is_number(fields[2]) else fields[1]))
    return rows


def is_number(text):
    try:
        float(text)
        return True
    except ValueError:
        return False


def analyse(build, path):
    command = [os.path.join(build, "jack-analyzer"), "-q", "-f", path, "-e", "-"]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    events = collections.defaultdict(list)
    for line in text.splitlines():
        event = json.loads(line)
        if event["type"] != "prediction" or event["kind"] == "energy":
            events[event["type"]].append(event)
    end = max(e["emitted"] for each in events.values() for e in each)
    events["transition"] = [e for e in events["transition"] if e["time"] < end - END_S]   # the piece's end is none
    return events


def beat_length(events, time):
    bpm = [e["bpm"] for e in events["beat"] if abs(e["time"] - time) < 8]
    return 60 / statistics.median(bpm) if bpm else .5


class Tally:
    """Hits, truth and answers of one thing."""

    def __init__(self):
        self.hits = self.truth = self.told = 0
        self.delays = []

    def f(self):
        return 2 * self.hits / (self.truth + self.told) if self.truth + self.told else float("nan")


def meet(tally, truth, told, tolerance):
    """`told` are (time, emitted); each is used once."""
    free = sorted(told)
    tally.truth += len(truth)
    tally.told += len(told)
    for time in truth:
        near = [t for t in free if abs(t[0] - time) <= tolerance(time)]
        if near:
            best = min(near, key=lambda t: abs(t[0] - time))
            free.remove(best)
            tally.hits += 1
            tally.delays.append(best[1] - time)


class Report:
    def __init__(self, name):
        self.name = name
        self.half, self.beat = collections.defaultdict(Tally), collections.defaultdict(Tally)
        self.steps = collections.defaultdict(Tally)
        self.announced = self.announceable = self.claims = self.false_claims = self.false_drops = 0
        self.reliability = collections.defaultdict(list)   # of transitions and of announcements
        self.agreement = [0., 0.]
        self.confusion = collections.Counter()
        self.seconds = 0.

    def add(self, truth, events, seconds):
        self.seconds += seconds
        self.add_transitions(truth, events)
        self.add_steps(truth, events)
        if any(label in ("drop", "groove") for _, label, _ in truth):
            self.add_announcements(truth, events)
            self.add_sections(truth, events, seconds)

    def add_transitions(self, truth, events):
        for kind in ("drop", "breakdown", "buildup", "rise", "fall", "silence", "return"):
            times = [t for t, _, k in truth if k == kind and t > 0]
            told = [(e["time"], e["emitted"]) for e in events["transition"] if e["kind"] == kind]
            meet(self.half[kind], times, told, lambda t: .5)
            meet(self.beat[kind], times, told, lambda t: beat_length(events, t))
            for e in events["transition"]:
                if e["kind"] == kind and kind in ("drop", "breakdown", "buildup"):
                    self.reliability["transitions"].append((e["confidence"], any(abs(e["time"] - t) <= .5 for t in times)))

    def add_steps(self, truth, events):
        for name, kinds in (("up", UP), ("down", DOWN)):
            times = [t for t, _, k in truth if t > 0 and (k == name or k in kinds)]
            free = [t for t, _, k in truth if k in ("change", "gap", "groove", "outro", "buildup")]
            told = [(e["time"], e["emitted"]) for e in events["transition"] if e["kind"] in kinds and
                    not any(abs(e["time"] - t) < .5 for t in free)]
            meet(self.steps[name], times, told, lambda t: max(.5, beat_length(events, t)))

    def add_announcements(self, truth, events):
        claims = gather_claims([e for e in events["prediction"] if e["label"] == "drop"])
        drops = [(t, i) for i, (t, _, k) in enumerate(truth) if k == "drop"]
        for time, i in drops:
            before = {label for _, label, _ in truth[max(0, i - 2):i]}
            if "buildup" not in before:
                continue
            beat = beat_length(events, time)
            said = [e for e in events["prediction"] if e["label"] == "drop" and e["emitted"] <= time - AHEAD_BEATS * beat + .1]
            self.announceable += 1
            last = said[-1] if said else None
            self.announced += bool(last and last["confidence"] >= CERTAIN and abs(last["time"] - time) <= beat)
        for time, confidence in claims:
            right = any(abs(time - t) <= beat_length(events, t) for t, _ in drops)
            self.reliability["announcements"].append((confidence, right))
            self.claims += confidence >= CERTAIN
            self.false_claims += confidence >= CERTAIN and not right
        self.false_drops += sum(e["kind"] == "drop" and not any(abs(e["time"] - t) <= 1 for t, _ in drops)
                                for e in events["transition"])

    def add_sections(self, truth, events, seconds):
        told = [(0., "unknown")] + [(e["time"], e["label"]) for e in events["section"]]
        for step in range(int(seconds * 4)):
            now = step / 4
            true = [label for t, label, _ in truth if t <= now][-1:]
            said = [label for t, label in told if t <= now][-1]
            if true and true[0] not in ("gap", "silence"):
                self.agreement[1] += 1
                self.agreement[0] += said == true[0]
                self.confusion[true[0], said] += 1

    def print(self):
        print("\n%s, %.2f h" % (self.name, self.seconds / 3600))
        for kind, tally in self.half.items():
            if tally.truth or tally.told:
                delay = "%+.2f s" % statistics.median(tally.delays) if tally.delays else "-"
                print("  %-10s F %.3f (±0.5 s)  %.3f (±1 beat)   %3d right of %3d, %3d told   told after %s" % (
                    kind, tally.f(), self.beat[kind].f(), tally.hits, tally.truth, tally.told, delay))
        for name, tally in self.steps.items():
            print("  %-10s F %.3f   %3d right of %3d, %3d told" % (name, tally.f(), tally.hits, tally.truth, tally.told))
        hours = self.seconds / 3600
        if self.agreement[1]:
            if self.announceable:
                print("  drops after a build-up announced 4 beats ahead: %d of %d = %.2f" % (
                    self.announced, self.announceable, self.announced / self.announceable))
            print("  announcements of drops: %d, false %d = %.1f per hour; false drops %.1f per hour" % (
                self.claims, self.false_claims, self.false_claims / hours, self.false_drops / hours))
            print("  sections agree %.2f of the time" % (self.agreement[0] / self.agreement[1]))
        for what, pairs in self.reliability.items():
            print_reliability(what, pairs)


def gather_claims(events):
    """What was said of one due time is one claim, as it was when it was surest."""
    claims = []
    for e in events:
        for claim in claims:
            if abs(claim[0] - e["time"]) <= 1:
                if e["confidence"] > claim[1]:
                    claim[:] = [e["time"], e["confidence"]]
                break
        else:
            claims.append([e["time"], e["confidence"]])
    return [c for c in claims if c[1] > 0]


def print_reliability(what, pairs):
    if not pairs:
        return
    bins = collections.defaultdict(list)
    for confidence, right in pairs:
        bins[min(9, int(confidence * 10))].append((confidence, right))
    error = sum(abs(sum(c - r for c, r in b)) for b in bins.values()) / len(pairs)
    print("  %s, stated -> observed: %s; expected calibration error %.3f" % (what, "  ".join(
        "%.2f -> %.2f (%d)" % (statistics.mean(c for c, _ in b), statistics.mean(r for _, r in b), len(b))
        for _, b in sorted(bins.items())), error))


def generated(folder, seed, few):
    os.makedirs(folder, exist_ok=True)
    for kind, count in COUNTS.items():
        for number in range(seed, seed + (max(1, count // 4) if few else count)):
            yield kind, arrangements.write(folder, number, kind) + ".wav"


def annotated(folder):
    with open(os.path.join(folder, "index.tsv")) as index:
        for row in csv.reader(index, delimiter="\t"):
            if not row[0].startswith("#") and row[7] != "-":
                yield row[0], os.path.join(folder, row[1]), os.path.join(folder, row[7])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build")
    parser.add_argument("audio", nargs="?")
    parser.add_argument("--seed", type=int, default=FIRST_SEED)
    parser.add_argument("--few", action="store_true")
    arguments = parser.parse_args()
    reports = {}
    pieces = [(("arrangements: " + kind), path, path[:-4] + ".sections") for kind, path in
              generated(os.path.join(arguments.build, "../bench/energy"), arguments.seed, arguments.few)]
    pieces += annotated(arguments.audio) if arguments.audio else []
    for name, path, sections in pieces:
        truth = read_sections(sections)
        events = analyse(arguments.build, path)
        seconds = max([e["emitted"] for e in events["beat"]] + [t + 1 for t, _, _ in truth])
        names = [name] + (["arrangements: all"] if name.startswith("arr") else [])
        for each in names:
            reports.setdefault(each, Report(each)).add(truth, events, seconds)
    for report in reports.values():
        report.print()


if __name__ == "__main__":
    main()
