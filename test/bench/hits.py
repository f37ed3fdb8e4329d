"""Measures drum hits: how many are found and are right, how late they are told, and false ones.

SPDX-License-Identifier: GPL-3.0-or-later

    hits.py BUILD

On generated drums, alone and with bass and pads on top, and on sounds without drums.
"""
import json
import os
import statistics
import subprocess
import sys
import tempfile

import numpy as np
import soundfile

DRUMS = ("kick", "snare", "hat")
NEAR_S = .03
# Seeds, tempi and patterns that src/train/hits.py does not use.
BEATS = ["drums?seconds=30&pattern=%s&bpm=%d&rate=%d&seed=%d" % row for row in (
    ("backbeat", 120, 48000, 7), ("break", 138, 44100, 8), ("swunghat", 104, 48000, 9), ("offhat", 126, 44100, 10),
    ("eighthbass", 110, 48000, 11), ("six", 150, 44100, 12), ("seven", 160, 48000, 13), ("four", 174, 48000, 14))]
TRACKS = ["demo?seconds=90&bpm=%d&rate=%d&seed=%d" % row for row in ((112, 48000, 21), (140, 44100, 22))]
COMPANY = ["chord?seconds=30&chord_s=1", "notes?seconds=30&note_s=0.25&midi=33,33,45,36,29,31"]
WITHOUT = ["silence?seconds=20", "noise?seconds=60", "noise?seconds=60&colour=pink", "sine?seconds=20", "sine?seconds=20&hz=60", "hum?seconds=20",
           "sweep?seconds=20", "notes?seconds=60", "notes?seconds=60&midi=28,40,33,45", "chord?seconds=60", "speech?seconds=120", "dc?seconds=10"]


def render(build, signal, work):
    """Samples, rate, hits."""
    sound, truth = os.path.join(work, "sound.wav"), os.path.join(work, "truth")
    subprocess.run([os.path.join(build, "test/tools/ja-render"), "synth:" + signal, sound, truth], check=True)
    audio, rate = soundfile.read(sound, always_2d=True)
    with open(truth) as lines:
        rows = [json.loads(line) for line in lines]
    return audio.mean(1), rate, [(row["time"], row["drum"]) for row in rows if row["type"] == "hit"]


def analyse(build, audio, rate, work):
    sound = os.path.join(work, "mix.wav")
    soundfile.write(sound, audio / max(1, np.abs(audio).max()), rate)
    lines = subprocess.run([os.path.join(build, "jack-analyzer"), "-q", "-f", sound, "-e", "-"], check=True, stdout=subprocess.PIPE).stdout
    return [row for row in map(json.loads, lines.splitlines()) if row["type"] == "hit"]


def meet(wanted, found):
    """Pairs (time, event) of what belongs together, nearest in order of time."""
    pairs, free = [], list(found)
    for time in wanted:
        near = [event for event in free if abs(event["time"] - time) < NEAR_S]
        if near:
            best = min(near, key=lambda event: abs(event["time"] - time))
            free.remove(best)
            pairs.append((time, best))
    return pairs


def measure(build, title, pieces, work):
    totals = {drum: [0, 0, 0] for drum in DRUMS}               # wanted, found, right
    late, error = [], []
    for audio, rate, hits in pieces:
        events = analyse(build, audio, rate, work)
        for drum in DRUMS:
            wanted = sorted({time for time, name in hits if name == drum})
            found = [event for event in events if event["drum"] == drum]
            pairs = meet(wanted, found)
            for i, count in enumerate((len(wanted), len(found), len(pairs))):
                totals[drum][i] += count
            late += [event["emitted"] - time for time, event in pairs]
            error += [event["time"] - time for time, event in pairs]
    for drum, (wanted, found, right) in totals.items():
        print("  %-22s %-6s %6d %10.3f %8.3f" % (title, drum, wanted, right / max(found, 1), right / max(wanted, 1)))
    if late:
        print("  %-22s told %.1f ms after the sound (95 %%: %.1f), their time off by %+.1f ms" % (
            title, 1e3 * statistics.median(late), 1e3 * np.percentile(late, 95), 1e3 * statistics.median(error)))


def with_company(build, beats, work):
    """Drums with bass and pads as loud as they are."""
    for audio, rate, hits in beats:
        mix = audio.copy()
        for signal in COMPANY:
            other = render(build, "%s&rate=%d" % (signal, rate), work)[0][:len(mix)]
            mix[:len(other)] += other * (.7 * np.std(audio) / np.std(other))
        yield mix * .5, rate, hits


def main():
    build = sys.argv[1]
    with tempfile.TemporaryDirectory() as work:
        print("Drum hits within %.0f ms" % (1e3 * NEAR_S))
        print("  %-22s %-6s %6s %10s %8s" % ("sound", "drum", "hits", "precision", "recall"))
        beats = [render(build, signal, work) for signal in BEATS]
        measure(build, "drums", beats, work)
        measure(build, "drums, bass and pads", list(with_company(build, beats, work)), work)
        measure(build, "demo track", [render(build, signal, work) for signal in TRACKS], work)
        print("  Without drums, hits in all (the first 0.2 s, where the sound sets in, left out):")
        for signal in WITHOUT:
            audio, rate, _ = render(build, signal, work)
            events = [event["drum"] for event in analyse(build, audio, rate, work) if event["time"] > .2]
            print("    %-36s %s" % (signal, "  ".join("%s %d" % (drum, events.count(drum)) for drum in DRUMS)))
    print()


if __name__ == "__main__":
    main()
