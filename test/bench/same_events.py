#!/usr/bin/python3
# Tests that two builds of the program tell the same events, at times that differ by at most a hop.
#
#   BUILD=build/cross/arm64/emulated test/bench/same_events.py
#
# The other build is build/plain; make cross compares kinds of processor by it.
#
# SPDX-License-Identifier: GPL-3.0-or-later
import collections
import json
import os
import subprocess
import sys

BUILDS = ["build/plain", os.environ.get("BUILD", "build/plain")]
SIGNALS = ["drums?bpm=124&seconds=20", "click?bpm=120&seconds=15", "notes?seconds=15",
           "chord?seconds=15"]
HOP_S = 0.010
FREE_TEXT = ("reason",)  # may quote measured figures


def events(build, signal):
    printed = subprocess.run([os.path.join(build, "jack-analyzer"), "-q", "-f", "synth:" + signal,
                              "-e", "-"], capture_output=True, text=True, check=True,
                             env=dict(os.environ, XDG_CONFIG_HOME="/nonexistent"))
    return [json.loads(line) for line in printed.stdout.splitlines()]


def kinds(some_events):
    """The times of the events, by all that is said of each in words: type, band, chord, ..."""
    found = collections.defaultdict(list)
    for event in some_events:
        words = tuple(sorted((key, value) for key, value in event.items()
                             if isinstance(value, str) and key not in FREE_TEXT))
        found[words].append(event["time"])
    return found


def main():
    if BUILDS[0] == BUILDS[1]:
        sys.exit("same_events.py: BUILD must be another than " + BUILDS[0])
    for number, signal in enumerate(SIGNALS, 1):
        both = [events(build, signal) for build in BUILDS]
        one, other = map(kinds, both)
        unlike = [words for words in sorted(one.keys() | other.keys())
                  if len(one[words]) != len(other[words])]
        apart = max((abs(a - b) for words in one for a, b in zip(one[words], other[words])),
                    default=float("inf"))
        print("%s %d - %s: the same events within %g ms" % (
            "ok" if not unlike and apart <= HOP_S else "not ok", number, signal, 1000 * HOP_S))
        print("# %d events; %d of them alike to the last digit; times differ by %.3f ms" % (
            len(both[0]), sum(a == b for a, b in zip(*both)), 1000 * apart))
        for words in unlike:
            print("# %s: %d and %d" % (" ".join(value for _, value in words),
                                       len(one[words]), len(other[words])))
    print("1..%d" % len(SIGNALS))


if __name__ == "__main__":
    main()
