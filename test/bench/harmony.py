# Runs jack-analyzer over music whose harmony is known and prints how right chroma, key, chords and
# the foretelling of chords are.
#
#   harmony.py [--audio AUDIO_DIR] [--songs FOLDER] [--seeds FIRST COUNT] BUILD
#
# Without more, on pieces it makes itself. AUDIO_DIR/index.tsv: those of its files that have a key.
# FOLDER: invented songs with instruments, made there by src/train on first use (needs its packages).
#
# Chords: weighted chord symbol recall over major, minor and none (MIREX), judged by the times that
# the events tell. Keys: the last one told; related are fifth, relative and parallel; MIREX weights.
#
# SPDX-License-Identifier: GPL-3.0-or-later
import argparse
import json
import os
import subprocess
import sys
import tempfile
import wave

import numpy as np

NOTES = ["C", "Db", "D", "Eb", "E", "F", "Gb", "G", "Ab", "A", "Bb", "B"]
RATE = 48000


# --- Pieces of our own ---

PROGRESSIONS = [[(0, "maj"), (7, "maj"), (9, "min"), (5, "maj")], [(0, "min"), (8, "maj"), (3, "maj"), (10, "maj")],
                [(0, "min"), (5, "min"), (7, "min"), (0, "min")], [(0, "maj"), (9, "min"), (2, "min"), (7, "maj")],
                [(0, "min"), (10, "maj"), (8, "maj"), (7, "maj")], [(0, "maj"), (5, "maj"), (0, "maj"), (7, "maj")]]


def tone(hz, seconds, brightness):
    t = np.arange(int(seconds * RATE)) / RATE
    sound = sum(np.sin(2 * np.pi * hz * k * t) * brightness ** (k - 1) for k in range(1, 9) if hz * k < 15000)
    return sound * np.exp(-t / 1.5) * np.minimum(1, np.minimum(t, t[::-1]) / 0.01)


def drums(length, beat, rng):
    """Kick on each beat, snare on two and four, hats between."""
    out = np.zeros(length)
    hits = {"kick": np.sin(2 * np.pi * np.cumsum(50 + 120 * np.exp(-np.arange(9600) / 700)) / RATE) * np.exp(-np.arange(9600) / 2500),
            "snare": rng.normal(0, 0.4, 7200) * np.exp(-np.arange(7200) / 1500),
            "hat": np.diff(rng.normal(0, 0.2, 2401)) * np.exp(-np.arange(2400) / 500)}
    for i in range(int(length / RATE / beat * 2)):
        for name in ["hat"] if i % 2 else ["kick"] + ["snare"] * (i % 4 == 2):
            at = int(i * beat / 2 * RATE)
            out[at:at + len(hits[name])] += hits[name][:length - at]
    return out


class Piece:
    """A sound file with what is known of it; chords are (time, name), the last one is the end."""

    def __init__(self, path, group, key=None, chords=()):
        self.path, self.group, self.key, self.chords = path, group, key, list(chords)


def add(sound, at, note, level, seconds, brightness):
    piece = level * tone(440 * 2 ** ((note - 69) / 12), seconds, brightness)
    at = int(at * RATE)
    sound[at:at + len(piece)] += piece


def generate(seed, folder):
    """Bass, a chord on each beat, a melody now and then, drums in three of four; tuned anyhow."""
    rng = np.random.default_rng(seed)
    root, beat = int(rng.integers(12)), 60 / rng.uniform(85, 150)
    progression, bars = PROGRESSIONS[seed % len(PROGRESSIONS)], 32
    tuning, brightness, lowest = rng.uniform(-0.4, 0.4), rng.uniform(0.3, 0.7), 48 + 3 * (seed % 3)
    sound, chords = np.zeros(int((bars * 4 * beat + 1) * RATE)), []
    for bar in range(bars):
        step, quality = progression[bar % len(progression)]
        first = (root + step) % 12
        triad = [first, first + (4 if quality == "maj" else 3), first + 7]
        chords.append((bar * 4 * beat, "%s:%s" % (NOTES[first], quality)))
        for at in beat * (bar * 4 + np.arange(4)):
            add(sound, at, 36 + first + tuning, 0.5, beat * 0.95, brightness)
            for note in triad:
                add(sound, at, lowest + (note - lowest) % 12 + tuning, 0.3, beat * 0.95, brightness)
            if rng.random() < 0.5:
                note = rng.choice(triad + [first + 2])
                add(sound, at, 60 + note % 12 + tuning, 0.25, beat * 0.95, brightness)
    if seed % 4 > 0:
        sound += 0.8 * drums(len(sound), beat, rng)
    chords.append((bars * 4 * beat, None))
    path = os.path.join(folder, "piece%02d.wav" % seed)
    save(path, sound)
    return Piece(path, "generated", "%s:%s" % (NOTES[root], progression[0][1]), chords)


def save(path, sound):
    with wave.open(path, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(RATE)
        out.writeframes((sound / np.abs(sound).max() * 0.6 * 32767).astype("<i2").tobytes())


# --- Pieces from elsewhere ---


def annotated(folder):
    with open(os.path.join(folder, "index.tsv")) as lines:
        rows = [line.rstrip("\n").lstrip("#").split("\t") for line in lines]
    columns = rows[0]
    for row in (dict(zip(columns, row)) for row in rows[1:]):
        if row.get("key", "-") != "-":
            yield Piece(os.path.join(folder, row.get("audio") or row["wav"]), row["set"], row["key"])


def invented(folder, first, count):
    """Songs of src/train/songs.py, with what they know of themselves beside them."""
    for seed in range(first, first + count):
        path = os.path.join(folder, "%d.wav" % seed)
        if not os.path.exists(path[:-4] + ".json"):
            invent(seed, path)
        with open(path[:-4] + ".json") as file:
            truth = json.load(file)
        pitched = any(c[1] not in "NX" for c in truth["chords"])
        yield Piece(path, "invented", truth["key"] if pitched else None, truth["chords"] + [(truth["end"], None)])


def invent(seed, path, synths={}):
    sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../../src/train"))
    import render
    import songs
    song = songs.draw(seed, 70.0)
    sound, rate, _ = render.render(song, synths)
    render.soundfile.write(path, sound, rate)
    times = np.interp([c[0] for c in song.chords], np.arange(len(song.beat_times)), song.beat_times) + song.lead_in
    with open(path[:-4] + ".json", "w") as file:
        json.dump(dict(key=song.key, chords=list(zip(times.tolist(), [c[1] for c in song.chords])),
                       end=len(sound) / rate), file)


# --- Running and judging ---


def listen(program, piece, frames=False):
    """Events and, when asked for, analysis frames of one file."""
    command = [program, "-q", "-f", piece.path, "-e", "-"] + (["--frames", "-"] if frames else [])
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return [json.loads(line) for line in output.splitlines()]


def reference_chroma(path):
    """Chroma as the head of src/feature/chroma.c defines it, one row for each 50 ms."""
    with wave.open(path) as file:
        rate = file.getframerate()
        sound = np.frombuffer(file.readframes(file.getnframes()), "<i2") / 32768
    size, step = 8192, rate // 20
    window = np.hanning(size + 1)[:-1]
    sound = np.concatenate([np.zeros(size), sound])
    z, rows, notes = 0j, [], np.zeros((5, 128))
    for end in range(size + step, len(sound) + 1, step):
        m = np.abs(np.fft.rfft(sound[end - size:end] * window)) * 2 / window.sum()
        k = np.arange(int(60 * size / rate), int(2200 * size / rate))
        k = k[(m[k] > 1e-5) & (m[k] > m[k - 1]) & (m[k] >= m[k + 1])]
        a, b, c = np.log(m[k - 1] + 1e-12), np.log(m[k]), np.log(m[k + 1] + 1e-12)
        offset = np.clip((a - c) / 2 / (a - 2 * b + c), -0.5, 0.5)
        pitch = 69 + 12 * np.log2((k + offset) * rate / size / 440)
        weight = np.exp((b - (a - c) * offset / 4) / 2)
        z = z * np.exp(-0.05 / 20) + np.sum((weight * np.exp(2j * np.pi * pitch))[pitch >= 45])
        pitch = pitch - np.angle(z) / 2 / np.pi
        nearest = np.round(pitch).astype(int)
        notes = np.roll(notes, 1, axis=0)
        notes[0] = 0
        np.maximum.at(notes[0], nearest, weight * np.cos(np.pi * (pitch - nearest)) ** 2)
        n = np.arange(128)
        row = np.median(notes, axis=0) * np.clip(np.minimum((n - 45) / 12, (96 - n) / 19), 0, 1)
        row[[i for i in range(128) if not 36 <= i <= 96]] = 0
        rows.append([row[i::12].sum() for i in range(12)])
    rows = np.array(rows)
    return rows / np.maximum(rows.max(1, keepdims=True), 1e-30)


def compare_chroma(program, piece):
    """Mean correlation of the twelve values of frames with the reference."""
    ours = [f["chroma"] for f in listen(program, piece, True) if f["type"] == "analysis"]
    ours, theirs = ours[4::5], reference_chroma(piece.path)
    pairs = [(a, b) for a, b in zip(ours, theirs) if a and None not in a and b.max() > 0]
    return np.mean([np.corrcoef(a, b)[0, 1] for a, b in pairs])


def key_points(told, truth):
    """Exact, exact or related, and MIREX's points."""
    if told is None:
        return 0, 0, 0
    (a, am), (b, bm) = told.split(":"), truth.split(":")
    up = (NOTES.index(a) - NOTES.index(b)) % 12
    if am == bm:
        return {0: (1, 1, 1), 7: (0, 1, 0.5), 5: (0, 1, 0.5)}.get(up, (0, 0, 0))
    if up == (3 if am == "maj" else 9):
        return 0, 1, 0.3
    return (0, 1, 0.2) if up == 0 else (0, 0, 0)


def sample(changes, times):
    """What holds at each of some times, given (time, name) in order."""
    at = np.searchsorted([c[0] for c in changes], times, "right") - 1
    return [changes[i][1] if i >= 0 else "N" for i in at]


def chord_recall(piece, told):
    """(seconds right, seconds judged, of these on time) over chords, then the same over none."""
    times = np.arange(0, piece.chords[-1][0], 0.02)
    truth, found = sample(piece.chords, times), sample(told, times)
    sounding = [(t, f) for t, f in zip(truth, found) if t not in ("X", "N", None)]
    nothing = [f for t, f in zip(truth, found) if t == "N"]
    return (sum(t == f for t, f in sounding), len(sounding), sum(f == "N" for f in nothing), len(nothing))


def delays(piece, events):
    """How long after each change of chord it is told, where it is."""
    late = []
    for before, (time, name) in zip(piece.chords, piece.chords[1:]):
        told = [e["emitted"] - time for e in events if e["chord"] == name and abs(e["time"] - time) < 0.25]
        if name not in ("X", "N", None, before[1]) and told:
            late.append(told[0])
    return late


def merge(changes):
    """Without repetitions, and without what was told of the same moment before."""
    out = []
    for time, name in changes:
        if out and time - out[-1][0] < 0.1:
            out.pop()
        if not out or out[-1][1] != name:
            out.append((time, name))
    return out


def judge_foretelling(piece, events):
    """For each change of chord: confidence and rightness of the last prediction before it was due,
    and whether the most frequent other chord heard so far was right. Judged are the changes of the
    true chords; where nothing was foretold, it was wrong."""
    predictions = [e for e in events if e["type"] == "prediction" and e["kind"] == "harmony"]
    heard = [e for e in events if e["type"] == "chord"]
    truth = [c for c in merge(piece.chords) if c[1] is not None]
    rows = []
    for i, (time, name) in enumerate(truth):
        if i > 0 and name not in ("X", "N") and truth[i - 1][1] not in ("X", "N"):
            before = [e for e in predictions if truth[i - 1][0] < e["emitted"] < time]
            others = [e["chord"] for e in heard if e["emitted"] < time and e["chord"] != truth[i - 1][1]]
            frequent = max(sorted(set(others)), key=others.count) if others else None
            last = before[-1] if before else None
            rows.append((last["confidence"] if last else np.nan, bool(last) and last["label"] == name,
                         bool(last) and last["label"] == name and abs(last["time"] - time) < 0.35, frequent == name))
    return rows


def judge_next_bar(piece, events):
    """At each bar line, the chord of the bar told just before it: by us, by "same again"."""
    told = [e for e in events if e["type"] == "chord" or e["type"] == "prediction" and e["kind"] == "harmony"]
    rows = []
    for before, (time, name) in zip(piece.chords, piece.chords[1:]):
        if name in ("X", "N", None) or before[1] in ("X", "N"):
            continue
        chord = next((e["chord"] for e in reversed(told) if e["type"] == "chord" and e["emitted"] < time), None)
        ahead = next((e for e in reversed(told) if e["type"] == "prediction" and e["emitted"] < time), None)
        guess = ahead["label"] if ahead and ahead["time"] < time + 0.35 and ahead["time"] > time - 0.6 else chord
        rows.append((guess == name, before[1] == name))
    return rows


def table(title, columns, rows):
    print("\n%s\n\n| %s |\n|%s" % (title, " | ".join(columns), " --- |" * len(columns)))
    for row in rows:
        print("| %s |" % " | ".join(("%.3f" % v if isinstance(v, float) else str(v)) for v in row))


def print_keys(results):
    rows = []
    for group in sorted({p.group for p, _ in results}):
        points = [key_points(told[-1]["key"] if told else None, p.key) for p, e in results if p.group == group and p.key
                  for told in [[x for x in e if x["type"] == "key"]]]
        if points:
            rows.append([group, len(points)] + [float(v) for v in np.mean(points, axis=0)])
    table("Key", ["set", "pieces", "exact", "exact or related", "MIREX"], rows)
    print_calibration("Confidence of the key", [(x["confidence"], x["key"] == p.key) for p, e in results if p.key
                                                for x in e if x["type"] == "key"])


def print_calibration(title, pairs):
    rows = []
    for low in np.arange(10) / 10:
        bin_ = [(c, r) for c, r in pairs if low <= c < low + 0.1 or low == 0.9 and c == 1]
        if bin_:
            rows.append(["%.1f" % low, float(np.mean([c for c, _ in bin_])), float(np.mean([r for _, r in bin_])), len(bin_)])
    table(title, ["from", "stated", "observed", "n"], rows)


def print_chords(results):
    rows, stated = [], []
    for group in sorted({p.group for p, _ in results if p.chords}):
        sums, late, changes = np.zeros(4), [], 0
        for p, e in results:
            if p.group != group or not p.chords:
                continue
            chords = [x for x in e if x["type"] == "chord"]
            sums += chord_recall(p, [(x["time"], x["chord"]) for x in chords])
            late += delays(p, chords)
            changes += len(chords)
            stated += [(x["confidence"], sample(p.chords, [x["time"] + 0.1])[0]) + (x["chord"],) for x in chords]
        rows.append([group, float(sums[0] / sums[1]), float(sums[2] / sums[3]) if sums[3] else "-",
                     float(np.median(late)) if late else "-", changes])
    table("Chords", ["set", "recall, major and minor", "recall, none", "median delay of telling, s", "told"], rows)
    print_calibration("Confidence of chords", [(c, t == f) for c, t, f in stated if t not in ("X", None)])


def print_foretelling(results):
    rows, pairs = [], []
    for group in sorted({p.group for p, _ in results if p.chords}):
        changes = [r for p, e in results if p.group == group and p.chords for r in judge_foretelling(p, e)]
        bars = [r for p, e in results if p.group == group and p.chords for r in judge_next_bar(p, e)]
        if not changes or not bars:
            continue
        _, right, on_time, frequent = np.array(changes, float).T
        rows.append([group, len(changes), float(right.mean()), float(on_time.mean()), float(frequent.mean()), len(bars)]
                    + [float(v) for v in np.mean(bars, axis=0)])
        pairs += [(c, r) for c, r, _, _ in changes if not np.isnan(c)]
    table("The next different chord, and the chord of the next bar",
          ["set", "changes", "right", "and within 0.35 s", "most frequent", "bars", "right", "same again"], rows)
    print_calibration("Confidence of foretelling", pairs)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build")
    parser.add_argument("--audio")
    parser.add_argument("--songs")
    parser.add_argument("--seeds", nargs=2, type=int, default=(920000, 40))
    arguments = parser.parse_args()
    program = os.path.join(arguments.build, "jack-analyzer")
    with tempfile.TemporaryDirectory() as folder:
        own = [generate(seed, folder) for seed in range(12)]
        pieces = own + (list(annotated(arguments.audio)) if arguments.audio else [])
        pieces += invented(arguments.songs, *arguments.seeds) if arguments.songs else []
        print("Chroma against the reference: mean correlation %.4f" % np.mean([compare_chroma(program, p) for p in own[:4]]))
        results = [(p, listen(program, p)) for p in pieces]
    print_keys(results)
    print_chords(results)
    print_foretelling(results)


if __name__ == "__main__":
    main()
