#!/usr/bin/python3
# The built program on files: command line, exit status, JSON lines; nothing depends on pace or rate.
# Time limit: 300 s
# Goes beside others.
#
# SPDX-License-Identifier: GPL-3.0-or-later

import hashlib
import json
import os
import subprocess
import sys
import tempfile

PROGRAM = os.path.join(os.environ.get("BUILD", "build/plain"), "jack-analyzer")
LIMIT_S = 100 * int(os.environ.get("SLOWNESS", "1"))
results = [0, 0]


def check(passed, name, why=""):
    results[not passed] += 1
    print("%s %d - %s" % ("ok" if passed else "not ok", sum(results), name), flush=True)
    if not passed and why:
        print("# " + str(why)[:2000].replace("\n", "\n# "), flush=True)


def run(*arguments):
    environment = dict(os.environ, XDG_CONFIG_HOME="/nonexistent")
    return subprocess.run([PROGRAM, *arguments], capture_output=True, text=True,
                          timeout=LIMIT_S, env=environment)


def lines(text):
    """JSON lines; NaN and Infinity, which Python would take, are errors."""
    def refuse(word):
        raise ValueError(word)
    return [json.loads(line, parse_constant=refuse) for line in text.splitlines()]


def of_type(events, name):
    return [e for e in events if e["type"] == name]


# --- Command line ---

parts = run("--version").stdout
HAS_LINK, HAS_MQTT = "with Ableton Link" in parts, "with MQTT" in parts
for arguments, status, words in [
    (["--help"], 0, "Usage"),
    (["--version"], 0, "jack-analyzer "),
    (["--list-options"], 0, "onset.threshold"),
    (["--list-outputs"], 0, "/ja/onset"),
    (["--list-commands"], 0, "get_stats"),
    (["--list-presets"], 0, "genre/techno"),
    (["--print-config"], 0, "threshold"),
    (["--check"], 0, "fine"),
    (["--check", "-p", "genre/house", "-p", "box/pi4"], 0, "fine"),
    (["--no-such-option"], 2, "--no-such-option"),
    (["-f"], 2, "-f"),
    (["--paced"], 2, "--file"),
    (["stray"], 2, "stray"),
    (["--check", "-S", "onset.threshold=99"], 2, "onset.threshold = 99"),
    (["--check", "-S", "onset.treshold=1"], 2, "onset.threshold"),
    (["--check", "-S", "onset.threshold"], 2, "onset.threshold"),
    (["--check", "-p", "genre/nosuch"], 2, "genre/nosuch"),
    (["--check", "-p", "genre/hiphop", "-S", "tempo.min_bpm=120"], 2,
     "tempo.min_bpm = 120: must be less than tempo.max_bpm, which is 105"),
    (["--check", "-S", "stream.main.connect=[("], 2, "stream.main.connect \"[(\": must be"),
    (["--check", "-p", "../../etc/passwd"], 2, "passwd"),
    (["--check", "-c", "/nonexistent/file.conf"], 2, "/nonexistent/file.conf"),
    (["-f", "synth:silence?seconds=0.1", "--paced", "-S", "control.enable=false",
      "-S", "target.default.offset_ms=-200"], 0, "raise beat.lead_ms to 250"),
    (["-f", "synth:silence?seconds=0.1", "--paced", "-S", "control.enable=false"]
     + [f"-Starget.t{i}.port={9000 + i}" for i in range(63)], 0, ""),
    (["--test-input", "never"], 2, "never"),
    (["--loopback", "never"], 2, "--loopback never: must be 2 to 600 seconds"),
    (["--loopback=601"], 2, "--loopback 601: must be 2 to 600 seconds"),
    (["-f", "/nonexistent.wav"], 2, "/nonexistent.wav"),
    (["-f", "/"], 2, "/"),
    (["-f", "/dev/null"], 2, "/dev/null"),
    (["-f", PROGRAM], 2, PROGRAM),
    (["-f", "synth:nosuch"], 2, "nosuch"),
    (["-f", "synth:click?bpm=1e9"], 2, "bpm"),
    (["-f", "synth:silence?seconds=1", "-e", "/nonexistent/events"], 2, "/nonexistent/events"),
    (["--check", "-S", "target.default.map=output=bat address=/b"], 2, "the nearest is \"beat\""),
    (["-S", "target.default.map=output=bat address=/b"], 2, "the nearest is \"beat\""),
    (["--check", "-S", "mqtt.m.topic=#"], 2, "mqtt.m.topic" if HAS_MQTT else "without MQTT"),
    (["-S", "mqtt.m.topic=#"], 2, "mqtt.m.topic" if HAS_MQTT else "without MQTT"),
    (["--check", "-p", "target/link"], 0 if HAS_LINK else 2, "fine" if HAS_LINK else "link.enable"),
]:
    result = run(*arguments)
    output = result.stdout + result.stderr
    check(result.returncode == status and words in output,
          "%s: exit %d with a sentence" % (" ".join(arguments)[:60], status),
          (result.returncode, output))

with tempfile.TemporaryDirectory() as folder:
    path, again = os.path.join(folder, "ja.conf"), os.path.join(folder, "again.conf")
    with open(path, "w") as file:
        file.write("onset: {\n  threshold = 0.7;\n};\nstream: { booth: { inputs = 4; }; };\n")
    printed = run("-c", path, "-S", "onset.silence_db=-50", "--print-config").stdout
    check(path + ":2" in printed and "argument --set" in printed,
          "--print-config tells where values come from", printed)
    with open(again, "w") as file:
        file.write(printed)
    check(run("-c", again, "--check").returncode == 0, "what --print-config prints can be read again")
    with open(path, "a") as file:
        file.write("nonsense = 3;\n")
    result = run("-c", path, "--check")
    check(result.returncode == 2 and path + ":5" in result.stderr,
          "an unknown option is an error with file and line", result.stderr)

# --- Results on files ---

TRACK = "synth:drums?bpm=124&seconds=20"
reference = run("-f", TRACK, "-e", "-")
events = lines(reference.stdout)
beats = of_type(events, "beat")
check(len(of_type(events, "onset")) > 40 and len(beats) > 20,
      "a drum track gives onsets and beats", reference.stderr)
check(all({"type", "stream", "time", "emitted"} <= e.keys() for e in events),
      "every event has type, stream, time, emitted")
check(all(a["emitted"] <= b["emitted"] for a, b in zip(events, events[1:])),
      "events come in the order in which they were emitted")
check([e["seq"] for e in beats] == list(range(len(beats))), "beats are numbered without a gap")
check(run("-f", TRACK, "-e", "-").stdout == reference.stdout, "the same input gives the same bytes")

short = "synth:drums?bpm=124&seconds=5"
paced = run("-f", short, "--paced", "-e", "-", "-S", "control.enable=false",
            "-S", "target.default.enable=false", "-S", "governor.level=maximum")
fast = run("-f", short, "-e", "-")
check(paced.stdout == fast.stdout and fast.stdout != "",
      "paced, through the worker thread, gives the same bytes", paced.stderr)

frames = lines(run("-f", "synth:sine?hz=440&seconds=3", "--frames", "-").stdout)
check(abs(len(frames) - 300) <= 1, "there is a frame each hundredth of a second", len(frames))
check(sum(f["pitch"] is not None and abs(f["pitch"] - 440) < 4 for f in frames) > 270,
      "the frames' pitch is the sine's")
shape = [f["rms"] / f["peak"] for f in frames[20:-5] if f["peak"]]
check(len(shape) > 200 and all(abs(x - 0.7071) < 0.02 for x in shape),
      "a sine's RMS is its peak by root two", shape[:5])


def full_onsets(some_events):
    return [e["time"] for e in of_type(some_events, "onset") if e["band"] == "full"]


for rate in (22050, 44100, 88200, 96000, 192000):
    other = full_onsets(lines(run("-f", "%s&rate=%d" % (TRACK, rate), "-e", "-").stdout))
    near = sum(any(abs(a - b) < 0.006 for b in other) for a in full_onsets(events))
    check(near >= 0.9 * len(full_onsets(events)),
          "the onsets at %d Hz are those at 48 kHz" % rate, (near, len(full_onsets(events))))

for name in ("silence", "dc", "fullscale", "noise", "hum", "speech"):
    result = run("-f", "synth:%s?seconds=8" % name, "--frames", "-")
    check(result.returncode == 0 and len(lines(result.stdout)) >= 790,
          "%s: every line is JSON with finite numbers" % name, result.stderr)
for name in ("silence", "dc"):
    quiet = lines(run("-f", "synth:%s?seconds=8" % name, "-e", "-").stdout)
    check(not of_type(quiet, "beat"), "%s has no beats" % name, quiet[:5])

digests = {hashlib.sha256(run("-f", "synth:demo", "--frames", "-").stdout.encode()).hexdigest()
           for _ in range(2)}
check(len(digests) == 1, "the demo track's frames are the same twice")

print("1..%d" % sum(results))
sys.exit(results[1] > 0)
