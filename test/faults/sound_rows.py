# Rows of the fault matrix: poison in the sound.
#
# The same drums are analysed with a second of poison in them and without. From two seconds after
# it on, what is told must be the same.
#
# SPDX-License-Identifier: GPL-3.0-or-later
import array
import json
import math
import os
import subprocess
import struct
import time

from rig import BUILD, now, not_a_number, output, work
from hostile import PROGRAM

RATE, SECONDS, POISONED, HEALED = 48000, 24, 10.2, 13.2  # between two beats
POISONS = {
    "NaN": lambda x, i: math.nan,
    "infinity": lambda x, i: math.inf if i % 3 else -math.inf,
    "1e30": lambda x, i: 1e30 if i % 2 else -1e30,
    "1e30 of one sign": lambda x, i: 1e30,
    "denormals": lambda x, i: 1e-41,
    "DC": lambda x, i: x + 1,
    "clipping": lambda x, i: max(-1, min(1, 100 * x)),
    "digital silence": lambda x, i: 0.0,
}


def write_sound(path, samples):
    """One channel of 32-bit floats."""
    data = array.array("f", samples).tobytes()
    with open(path, "wb") as file:
        file.write(b"RIFF" + struct.pack("<I", 36 + len(data)) + b"WAVEfmt " + struct.pack(
            "<IHHIIHH", 16, 3, 1, RATE, 4 * RATE, 4, 32) + b"data" + struct.pack("<I", len(data))
            + data)
    return path


def drums(seconds):
    path = f"{work}/drums-{seconds}.wav"
    output(BUILD + "/test/tools/ja-render",
           f"synth:drums?bpm=120&seconds={seconds}&channels=1&rate={RATE}", path)
    with open(path, "rb") as file:
        data = file.read()
    start = data.index(b"data") + 8
    return [x / 32768 for x in array.array("h", data[start:start + 2 * RATE * seconds])]


def poisoned(samples, name, start, seconds):
    taint = POISONS[name]
    begin, end = int(start * RATE), int((start + seconds) * RATE)
    return [taint(x, i) if begin <= i < end else x for i, x in enumerate(samples)]


def analyse(case, path):
    """Events and frames, offline."""
    answers = []
    for option in ("-e", "--frames"):
        ran = subprocess.run([PROGRAM, "-q", "-c", work + "/empty.conf", "-f", path, option, "-"],
                             capture_output=True, text=True)
        case.check(ran.returncode == 0, "it ends well", ran.returncode, ran.stderr)
        answers.append([json.loads(line, parse_constant=not_a_number)
                        for line in ran.stdout.splitlines()])
    return answers


def times(events, kind, start, **fields):
    return [e["time"] for e in events if e["type"] == kind and e["time"] >= start
            and all(e[k] == v for k, v in fields.items())]


def same_times(mine, theirs, slack):
    return len(mine) == len(theirs) and all(abs(a - b) <= slack for a, b in zip(mine, theirs))


def alike(a, b, slack):
    """Numbers, lists of them, words, or nothing."""
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(alike(x, y, slack) for x, y in zip(a, b))
    if type(a) in (int, float) and type(b) in (int, float):
        return abs(a - b) <= slack * max(1, abs(a), abs(b))
    return a == b


def last_difference(mine, theirs, name, slack):
    """The time of the last frame in which an output differs; 0 when there is none."""
    return max((a["time"] for a, b in zip(mine, theirs) if not alike(a[name], b[name], slack)),
               default=0)


QUICK = ("rms", "peak", "silence", "loudness_momentary", "bands", "spectral_centroid",
         "spectral_rolloff", "spectral_flux", "spectral_flatness", "zero_crossing_rate", "mfcc",
         "onset_detected", "pitch")


def poison(case):
    open(work + "/empty.conf", "a").close()
    clean = drums(SECONDS)
    events, frames = analyse(case, write_sound(work + "/clean.wav", clean))
    slowest = 0
    for name in POISONS:
        path = write_sound(work + "/poisoned.wav", poisoned(clean, name, POISONED, 1))
        mine, my_frames = analyse(case, path)
        for kind, fields, slack in (("beat", {}, 0.02), ("onset", {"band": "full"}, 0.003)):
            a, b = times(mine, kind, HEALED, **fields), times(events, kind, HEALED, **fields)
            case.check(same_times(a, b, slack), f"{name}: every {kind} as without", a, b)
        for output_name in QUICK:
            at = last_difference(my_frames, frames, output_name, 0.01)
            slowest = max(slowest, at - POISONED - 1)
            case.check(at < HEALED, f"{name}: {output_name} as without", at)
    case.recovered = slowest
    case.note(f"{', '.join(POISONS)}: all finite, beats and onsets as without")


def poison_live(case):
    """The same poisons by way of the server."""
    case.start(twin=False)
    samples = drums(16)
    for i, name in enumerate(POISONS):
        samples = poisoned(samples, name, 1 + 1.5 * i, 1)
    case.server.unplay()
    case.server.play(write_sound(work + f"/live-{case.server.kind}.wav", samples))
    time.sleep(14)
    case.server.unplay()
    stats = case.program.stats()
    case.note("%d samples repaired" % (stats or {"repaired": -1})["repaired"])
    case.server.play()
    moment = now()
    beat = case.program.first(moment, 15, type="beat", confidence=lambda sure: sure > 0.5)
    case.check(beat, "beats are told again")
    case.recovered = beat and beat["arrived"] - moment
