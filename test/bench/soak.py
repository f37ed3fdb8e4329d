#!/usr/bin/python3
# Lets the program listen to a loop for a long time, on a JACK server of its own, while web clients,
# subscribers and connections come and go: memory, open files and threads must stay what they were,
# every frame must be accounted for, and the beats be right at the end.
#
#   soak.py [--minutes N]                  by the clock (30)
#   soak.py --hours N [--speed N]          so many hours of sound, freewheeling up to that fast (20)
#
# Told to end early (SIGTERM), it judges what there was.
#
# SPDX-License-Identifier: GPL-3.0-or-later

import argparse
import collections
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True  # of the modules in the other folders
os.chdir(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))
sys.path[:0] = ["test/net", "test/web", "test/support"]
from client import TEXT, WebSocket, free_tcp_port
from hostile import PROGRAM, check, free_port, results
import realtime
import steer

PLAY = os.path.dirname(PROGRAM) + "/test/tools/ja-play"
SERVER, NAME = "ja-%d-soak" % os.getpid(), "soaked"
BPM, LOOP_BEATS = 125, 200
MOST_GROWTH_KIB, SETTLING_KIB = 1024, 4096  # within the last two thirds; when that is under 20 min
ROUND_S, SHORT_S = 10, 2  # between two looks; within the first hour of sound


class Program(steer.Program):
    """Keeps the last beats and kicks only."""

    def read(self):
        self.beats = collections.deque(maxlen=64)
        self.kicks = collections.deque(maxlen=256)
        self.counts = collections.Counter()
        for line in self.process.stdout:
            event = json.loads(line)
            self.counts[event["type"]] += 1
            if event["type"] == "beat":
                self.beats.append(event)
            elif event["type"] == "hit" and event["drum"] == "kick":
                self.kicks.append(event["time"])

    def status(self, key):
        with open("/proc/%d/status" % self.process.pid) as status:
            return next(int(line.split()[1]) for line in status if line.startswith(key + ":"))

    def look(self):
        stats = json.loads(self.ask("get_stats")[1])
        return {"stats": stats["streams"]["main"], "jack": stats["jack"],
                "rss": self.status("VmRSS"), "threads": self.status("Threads"),
                "files": len(os.listdir("/proc/%d/fd" % self.process.pid))}


def run(*command):
    return subprocess.run(command, capture_output=True, text=True, timeout=20)


def visit(program, web_port, lap, cables):
    """What comes and goes: browsers, receivers, cables, hands."""
    sockets = [WebSocket(web_port) for _ in range(3)]
    for client in sockets:
        client.wait_for(TEXT)
    port = free_port()
    program.ask("subscribe", "si", "beat", port)
    if cables:
        run("jack_connect", "system:capture_1", NAME + ":in_1")
    program.ask("set", "ss", "onset.threshold", "0.%d" % (3 + lap % 3))
    program.ask("list_streams")
    sockets[0].ask({"command": "get", "args": ["onset.threshold"]})
    program.ask("unsubscribe", "si", "all", port)
    if cables:
        run("jack_disconnect", "system:capture_1", NAME + ":in_1")
    for client in sockets:
        client.close()


def tell(seconds, look, program):
    beat = program.beats[-1] if program.beats else {"bpm": 0, "confidence": 0}
    print("# %6.0f s, %6.2f h of sound: %d KiB, %d threads, %d files, load %.2f, %d frames lost, "
          "%d xruns, %.1f bpm (%.2f)" % (
              seconds, look["stats"]["time"] / 3600, look["rss"], look["threads"], look["files"],
              look["stats"]["load"], look["stats"]["lost"], look["jack"]["xruns"], beat["bpm"],
              beat["confidence"]), flush=True)


def soak(program, web_port, options):
    """All looks; the first is when it has settled."""
    looks, start, told, lap, ended = [], time.monotonic(), 0, 0, []
    signal.signal(signal.SIGTERM, lambda *_: ended.append(True))
    while True:
        # A freewheeling jackd 1.9.21 may lose a client when another connects ports.
        visit(program, web_port, lap, cables=not options.hours)
        time.sleep(SHORT_S if options.hours and options.hours <= 1 else ROUND_S)
        lap += 1
        seconds, look = time.monotonic() - start, program.look()
        looks.append((seconds, look))
        sound_h = look["stats"]["time"] / 3600
        done = sound_h >= options.hours if options.hours else seconds >= options.minutes * 60
        done = done or bool(ended)
        if done or seconds - told >= 60 or lap == 1:
            tell(seconds, look, program)
            told = seconds
        if done or program.process.poll() is not None:
            return looks


def judge(program, looks):
    first, last = looks[0][1], looks[-1][1]
    # What is kept for an hour, like the score's window, is there after a third of the time.
    settled = [look for _, look in looks[len(looks) // 3:]]
    middle = statistics.median(look["rss"] for look in settled[:5])
    growth = statistics.median(look["rss"] for look in settled[-5:]) - middle
    sound_s = settled[-1]["stats"]["time"] - settled[0]["stats"]["time"]
    most = MOST_GROWTH_KIB if sound_s > 1100 else SETTLING_KIB
    check(growth <= most, "memory grows by %d KiB in the last two thirds (at most %d)" % (
        growth, most), [look["rss"] for look in settled])
    for what in ("files", "threads"):
        check(last[what] == first[what], "as many %s as at first: %d" % (what, first[what]),
              last[what])
    stats = last["stats"]
    # What was on its way when the counts were taken is in neither.
    left = stats["delivered"] - stats["processed"] - stats["lost"]
    check(0 <= left <= 48000, "every frame is accounted for: %d delivered, %d processed, %d lost" % (
        stats["delivered"], stats["processed"], stats["lost"]), left)
    beats = [beat["time"] for beat in program.beats]
    gaps = [b - a for a, b in zip(beats, beats[1:])]
    check(len(gaps) > 32 and abs(statistics.median(gaps) - 60 / BPM) < 0.005,
          "beats come at %d bpm at the end" % BPM, gaps[-16:])
    off = [min(abs(kick - beat) for kick in program.kicks) for beat in beats[8:-8]]
    check(off and statistics.median(off) < 0.02, "and on the kicks: median %.1f ms off" % (
        1000 * statistics.median(off) if off else 0), off[-16:])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--hours", type=float)
    parser.add_argument("--speed", type=float, default=20)
    options = parser.parse_args()
    os.environ.update(JACK_DEFAULT_SERVER=SERVER, JACK_NO_START_SERVER="1",
                      JACK_NO_AUDIO_RESERVATION="1")
    state, web_port = tempfile.TemporaryDirectory(), free_tcp_port()
    os.environ["XDG_STATE_HOME"] = state.name
    jackd = realtime.start_jackd(48000, 256)
    # Freewheeling, sound comes too fast for the governor's measure, and at low it tells no kicks.
    level = ["-S", "governor.level=maximum"] if options.hours else []
    program = Program("-n", NAME, "-S", "web.port=%d" % web_port, *level)
    check(program.wait_until_there(), "the program is there")
    sound = "synth:drums?bpm=%d&seconds=%g" % (BPM, LOOP_BEATS * 60 / BPM)
    freewheel = ["-f", str(options.speed)] if options.hours else []
    player = subprocess.Popen([PLAY, "-l", *freewheel, "-c", NAME + ":in_1", "-c", NAME + ":in_2",
                               sound], stdout=subprocess.DEVNULL)
    try:
        time.sleep(2)
        looks = soak(program, web_port, options)
        check(program.process.poll() is None, "it still runs")
        judge(program, looks)
        print("# events: " + ", ".join("%d %s" % (n, t) for t, n in program.counts.most_common()))
    finally:
        player.terminate()
        player.wait()
        check(program.stop() == 0, "SIGTERM ends it")
        jackd.terminate()
        jackd.wait()
    print("1..%d" % sum(results))
    return results[1] > 0


if __name__ == "__main__":
    sys.exit(main())
