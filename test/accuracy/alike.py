#!/usr/bin/python3
# Tests that the beats of a piece do not depend on its sample rate, its level or analysis.hop.
#
# Time limit: 600 s
# Goes beside others.
# SPDX-License-Identifier: GPL-3.0-or-later
import json
import os
import subprocess

PROGRAM = os.path.join(os.environ.get("BUILD", "build/plain"), "jack-analyzer")
PIECES = ["drums?pattern=backbeat&bpm=104&seconds=25", "drums?pattern=offhat&bpm=126&seconds=25"]
RATES = [44100, 48000, 88200, 96000, 192000]
LEVELS_DB = [-50, -40, -30, -20, -10, 0]
HOPS = [100, 441, 1000, 2000]
FROM_S = 5  # until then it may still be looking
NEAR_S, SAME_S = 0.005, 0.0001
FEWEST = 25


def beats(what, *settings):
    options = [word for setting in settings for word in ("-S", setting)]
    printed = subprocess.run([PROGRAM, "-q", *options, "-f", "synth:" + what, "-e", "-"],
                             capture_output=True, text=True, check=True,
                             env=dict(os.environ, XDG_CONFIG_HOME="/nonexistent")).stdout
    events = map(json.loads, printed.splitlines())
    return [(event["time"], event["confidence"]) for event in events
            if event["type"] == "beat" and event["time"] > FROM_S]


def differences(found, wanted):
    """Largest of the times, and of the confidences; infinite when the beats are not as many."""
    if len(found) != len(wanted) or len(wanted) < FEWEST:
        return float("inf"), float("inf")
    return tuple(max(abs(a[n] - b[n]) for a, b in zip(found, wanted)) for n in (0, 1))


def main():
    number = 0
    for piece in PIECES:
        wanted = beats(piece)
        variants = [("%g kHz" % (rate / 1000), NEAR_S, beats("%s&rate=%d" % (piece, rate)))
                    for rate in RATES]
        variants += [("%d dBFS" % level, SAME_S, beats("%s&level_db=%d" % (piece, level)))
                     for level in LEVELS_DB]
        variants += [("analysis.hop %d" % hop, SAME_S, beats(piece, "analysis.hop=%d" % hop))
                     for hop in HOPS]
        for name, most_s, found in variants:
            number += 1
            time, confidence = differences(found, wanted)
            print("%s %d - %s at %s: the same beats within %g ms" % (
                "ok" if time <= most_s and confidence < 0.03 else "not ok", number, piece, name,
                1000 * most_s))
            print("# %d beats; they differ by %.2f ms, in confidence by %.3f" % (
                len(found), 1000 * time, confidence))
    print("1..%d" % number)


if __name__ == "__main__":
    main()
