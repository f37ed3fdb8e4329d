# Runs jack-analyzer and aubio's tools over the same sound files and prints tables: CPU time, memory,
# and how well onsets, beats and pitch agree with the annotations.
#
#   files.py BUILD [AUDIO_DIR]
#
# AUDIO_DIR/index.tsv: a line of column names after '#', then one line a file, '-' for none; used are
# set, audio (or wav), beats, onsets, f0. Annotations: .beats "time [beat in bar]", .onsets "time",
# .f0 "time Hz" with 0 unvoiced and -1 not to be scored. BENCH_SETS=a,b picks sets.
#
# Measures are those usual in the field (MIREX, Raffel et al., "mir_eval", ISMIR 2014).
#
# SPDX-License-Identifier: GPL-3.0-or-later
import bisect
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile

ONSET_WINDOW_S = 0.05
BEAT_WINDOW_S = 0.07
BEAT_SKIP_S = 5.0  # a tracker may need so long to find its way
PITCH_CENTS = 50

GENERATED = [
    ("click", "click?bpm=128"),
    ("click", "click?bpm=97.3&rate=44100"),
    ("drums", "drums?bpm=126&pattern=four"),
    ("drums", "drums?bpm=124&pattern=offhat"),
    ("drums", "drums?bpm=98&pattern=backbeat"),
    ("drums", "drums?bpm=128&pattern=eighthbass"),
    ("drums", "drums?bpm=112&pattern=swunghat"),
    ("drums", "drums?bpm=120&pattern=drift"),
    ("drums", "drums?bpm=122&pattern=dropout"),
    ("drums", "drums?bpm=110&pattern=step"),
    ("drums", "drums?bpm=172&pattern=break"),
    ("demo", "demo"),
    ("notes", "notes"),
    ("notes", "notes?midi=45,52,48,55,50,0,57,53&note_s=0.3"),
    ("notes", "sine?hz=220"),
]


# --- Running ---


class Failed(Exception):
    pass


def run(command, output):
    """Runs a command with its output to a file; returns CPU seconds and peak memory in MB."""
    with open(output, "wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=subprocess.PIPE)
        complaint = process.stderr.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise Failed(" ".join(command) + ": " + complaint.decode(errors="replace").strip())
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def numbers(path):
    """The numbers of each line of a text file."""
    with open(path) as lines:
        rows = [line.split() for line in lines if line.strip() and line[0] not in "#["]
    return [[float(word) for word in row[:2]] for row in rows]


class Program:
    """One program, or a set that does the same work together."""

    def __init__(self, name, work):
        self.name, self.work = name, work
        self.cpu = self.memory = 0.0

    def path(self, name):
        return os.path.join(self.work, name)

    def start(self, command, output):
        cpu, memory = run(command, self.path(output))
        self.cpu += cpu
        self.memory = max(self.memory, memory)


class Analyzer(Program):
    def __init__(self, build, work):
        super().__init__("jack-analyzer", work)
        self.program = os.path.join(build, "jack-analyzer")

    def analyse(self, sound):
        events, frames = self.path("events"), self.path("frames")
        self.start([self.program, "-q", "-f", sound, "-e", events, "--frames", frames], "out")
        found = {"beats": [], "onsets": [], "f0": []}
        with open(events) as lines:
            for event in map(json.loads, lines):
                if event["type"] == "beat":
                    found["beats"].append(event["time"])
                elif event["type"] == "onset" and event["band"] == "full":
                    found["onsets"].append(event["time"])
        with open(frames) as lines:
            for frame in map(json.loads, lines):
                if frame["type"] == "analysis":
                    found["f0"].append((frame["time"], frame.get("pitch") or 0.0))
        return found


class Aubio(Program):
    """`aubio onset`, `pitch` and `beat` (Python), or the same tools in C."""

    def __init__(self, name, commands, work):
        super().__init__(name, work)
        self.commands = commands

    def analyse(self, sound):
        found = {}
        for kind, command in self.commands.items():
            self.start(command + ["-i", sound], kind)
            rows = numbers(self.path(kind))
            found[kind] = [tuple(row) for row in rows] if kind == "f0" else [row[0] for row in rows]
        return found


# --- Scoring ---


def hits(truth, found, window):
    """Pairs within the window, each used once; both in order of time."""
    pairs, i, j = [], 0, 0
    while i < len(truth) and j < len(found):
        if abs(found[j] - truth[i]) <= window:
            pairs.append((truth[i], found[j]))
            i, j = i + 1, j + 1
        elif found[j] < truth[i]:
            j += 1
        else:
            i += 1
    return pairs


def f_measure(truth, found, window):
    if not truth and not found:
        return 1.0
    return 2 * len(hits(truth, found, window)) / (len(truth) + len(found))


def levels(beats):
    """The beats at other metrical levels a listener could tap: double, half (either one)."""
    between = [(a + b) / 2 for a, b in zip(beats, beats[1:])]
    return [beats, sorted(beats + between), beats[::2], beats[1::2]]


def score_beats(truth, found):
    truth = [time for time in truth if time >= BEAT_SKIP_S]
    found = sorted(time for time in found if time >= BEAT_SKIP_S)
    pairs = hits(truth, found, BEAT_WINDOW_S)
    scores = {
        "F": f_measure(truth, found, BEAT_WINDOW_S),
        "F any level": max(f_measure(level, found, BEAT_WINDOW_S) for level in levels(truth)),
    }
    if pairs:
        scores["error ms"] = 1000 * statistics.median(b - a for a, b in pairs)
    return scores


def score_onsets(truth, found):
    found = sorted(found)
    pairs = hits(truth, found, ONSET_WINDOW_S)
    scores = {
        "F": f_measure(truth, found, ONSET_WINDOW_S),
        "precision": len(pairs) / len(found) if found else 0.0,
        "recall": len(pairs) / len(truth) if truth else 0.0,
    }
    if pairs:
        scores["error ms"] = 1000 * statistics.median(b - a for a, b in pairs)
    return scores


def cents(a, b):
    return abs(1200 * math.log2(a / b))


def score_pitch(truth, found):
    times = [time for time, _ in found]
    voiced = right = octave = told = unvoiced = alarms = 0
    for time, hz in truth:
        if hz < 0 or not times:
            continue
        at = bisect.bisect_left(times, time)
        near = min((n for n in (at - 1, at) if 0 <= n < len(times)), key=lambda n: abs(times[n] - time))
        guess = found[near][1]
        if hz == 0:
            unvoiced += 1
            alarms += guess > 0
            continue
        voiced += 1
        if guess > 0:
            told += 1
            off = cents(guess, hz)
            right += off <= PITCH_CENTS
            octave += min(off % 1200, 1200 - off % 1200) <= PITCH_CENTS
    return {
        "within 50 cents": right / max(voiced, 1),
        "octave aside": octave / max(voiced, 1),
        "voiced told": told / max(voiced, 1),
        "false voiced": alarms / max(unvoiced, 1),
    }


SCORES = {"beats": score_beats, "onsets": score_onsets, "f0": score_pitch}
TITLES = {
    "beats": "Beats (F-measure within 70 ms, from 5 s on)",
    "onsets": "Onsets (F-measure within 50 ms)",
    "f0": "Pitch (raw pitch accuracy; shares of frames)",
}


# --- What is measured ---


def truth_of_signal(lines):
    """From the synthesiser's lines: annotations of the kinds there are."""
    rows = {}
    for line in map(json.loads, lines):
        rows.setdefault(line["type"], []).append(line)
    truth = {}
    if "beat" in rows:
        truth["beats"] = [row["time"] for row in rows["beat"]]
    if "onset" in rows:
        truth["onsets"] = [row["time"] for row in rows["onset"]]
    if "pitch" in rows:
        truth["f0"] = pitch_frames(rows["pitch"])
    return truth


def pitch_frames(spans):
    """A value every 10 ms; -1 close to where a note begins or ends."""
    frames = []
    for n in range(int(max(span["until"] for span in spans) * 100)):
        time, hz = n / 100, 0.0
        for span in spans:
            if abs(time - span["time"]) < 0.03 or abs(time - span["until"]) < 0.05:
                hz = -1.0
            elif hz == 0 and span["time"] <= time < span["until"]:
                hz = span["hz"]
        frames.append((time, hz))
    return frames


def generated(build, work):
    render = os.path.join(build, "test/tools/ja-render")
    for kind, name in GENERATED:
        sound, truth = os.path.join(work, "sound.wav"), os.path.join(work, "truth")
        run([render, "synth:" + name, sound, truth], os.path.join(work, "out"))
        with open(truth) as lines:
            yield kind, sound, truth_of_signal(lines)


def annotated(folder):
    with open(os.path.join(folder, "index.tsv")) as index:
        rows = [line.rstrip("\n").split("\t") for line in index]
    columns = {name.lstrip("#"): place for place, name in enumerate(rows[0])}
    columns["audio"] = columns.get("audio", columns.get("wav"))
    wanted = os.environ.get("BENCH_SETS")
    for row in rows[1:]:
        truth = {}
        for kind in SCORES:
            if row[columns[kind]] != "-":
                lines = numbers(os.path.join(folder, row[columns[kind]]))
                truth[kind] = [tuple(x) for x in lines] if kind == "f0" else [x[0] for x in lines]
        if truth and (not wanted or row[columns["set"]] in wanted.split(",")):
            yield row[columns["set"]], os.path.join(folder, row[columns["audio"]]), truth


# --- Tables ---


def print_table(title, rows):
    print(title)
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        cells = [row[0].ljust(widths[0]), row[1].ljust(widths[1])]
        cells += [cell.rjust(width) for cell, width in zip(row[2:], widths[2:])]
        print("  " + "  ".join(cells).rstrip())
    print()


def mean_rows(results, programs):
    """results: {set: {program: [scores]}}; the mean of every score, by set and over all."""
    names = list(dict.fromkeys(n for s in results.values() for p in s.values() for x in p for n in x))
    rows = [["set", "program", "files"] + names]
    everything = {p: [x for s in results.values() for x in s.get(p, [])] for p in programs}
    groups = dict(results, **({"all": everything} if len(results) > 1 else {}))
    for group, by_program in groups.items():
        for program in programs:
            scores = by_program.get(program, [])
            cells = []
            for name in names:
                values = [score[name] for score in scores if name in score]
                form = "%+.1f" if name.endswith("ms") else "%.3f"
                cells.append(form % statistics.fmean(values) if values else "-")
            rows.append([group, program, str(len(scores))] + cells)
    return rows


def measure_speed(build, work, programs):
    """The same file for all, the best of three runs each."""
    sound, seconds = os.path.join(work, "speed.wav"), 180
    render = os.path.join(build, "test/tools/ja-render")
    run([render, "synth:demo?seconds=%d&rate=44100" % seconds, sound], os.path.join(work, "out"))
    rows = [["program", "", "CPU s per s of sound", "s of sound per CPU s", "peak MB"]]
    for program in programs:
        best = math.inf
        for _ in range(3):
            before = program.cpu
            program.analyse(sound)
            best = min(best, program.cpu - before)
        rows.append([program.name, "", "%.5f" % (best / seconds), "%.0f" % (seconds / best),
                     "%.1f" % program.memory])
    print_table("Speed (%d s of stereo music at 44.1 kHz)" % seconds, rows)


def measure_accuracy(items, programs):
    results = {kind: {} for kind in SCORES}
    for group, sound, truth in items:
        for program in programs:
            try:
                found = program.analyse(sound)
            except Failed as failure:
                print("# " + str(failure), file=sys.stderr)
                found = {kind: [] for kind in SCORES}
            for kind, right in truth.items():
                scores = SCORES[kind](right, found[kind])
                results[kind].setdefault(group, {}).setdefault(program.name, []).append(scores)
    for kind, by_set in results.items():
        if by_set:
            print_table(TITLES[kind], mean_rows(by_set, [program.name for program in programs]))


def main():
    build, folder = sys.argv[1], (sys.argv + [None])[2]
    with tempfile.TemporaryDirectory() as work:
        ours = Analyzer(build, work)
        aubio = Aubio("aubio", {"onsets": ["aubio", "onset"], "f0": ["aubio", "pitch"],
                                "beats": ["aubio", "beat"]}, work)
        aubio_c = Aubio("aubio, C tools", {"onsets": ["aubioonset"], "f0": ["aubiopitch"],
                                           "beats": ["aubiotrack"]}, work)
        measure_speed(build, work, [ours, aubio, aubio_c])
        items = annotated(folder) if folder else generated(build, work)
        measure_accuracy(items, [ours, aubio])


if __name__ == "__main__":
    try:
        main()
    except Failed as failure:
        sys.exit("files.py: " + str(failure))
