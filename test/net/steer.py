#!/usr/bin/python3
# Steers the beat of the real program by OSC, while it hears clicks at the pace of music.
# Time limit: 90 s
# Goes beside others.
#
# SPDX-License-Identifier: GPL-3.0-or-later

import json
import math
import os
import re
import select
import signal
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import threading
import time

sys.dont_write_bytecode = True  # of the module beside this file
from hostile import PROGRAM, check, free_port, message, read_ack, results, text_at


class Program:
    """The program with `arguments`, its events, and what it sends to the target."""

    def __init__(self, *arguments, log=subprocess.DEVNULL, env=None, program=None):
        self.port = free_port()
        self.target = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.target.bind(("127.0.0.1", 0))
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.settings = tempfile.NamedTemporaryFile(suffix=".conf")  # none of the user's own
        command = ["test/rt/watched", program or PROGRAM, "-q", "-c", self.settings.name, "-e", "-",
                   "-S", "control.port=%d" % self.port,
                   "-S", "target.default.port=%d" % self.target.getsockname()[1]]
        self.process = subprocess.Popen(command + list(arguments), stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, stderr=log, env=env)
        self.events = []
        self.news = threading.Condition()
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        for line in self.process.stdout:
            with self.news:
                self.events.append(json.loads(line))
                self.news.notify_all()

    def ask(self, command, types="", *arguments, seconds=5.0):
        """(done, text) of the acknowledgement, or None."""
        self.socket.sendto(message("/ja/ctl/" + command, types, *arguments),
                           ("127.0.0.1", self.port))
        end = time.monotonic() + seconds
        while select.select([self.socket], [], [], max(0, end - time.monotonic()))[0]:
            ack = read_ack(self.socket.recv(65536))
            if ack[0] == command:
                return ack[1:]
        return None

    def wait_until_there(self):
        return any(self.ask("ping", seconds=0.25) for _ in range(60))

    def wait(self, wanted, seconds, start=0):
        """The first event from number `start` on that is `wanted`, or None."""
        end = time.monotonic() + seconds
        with self.news:
            while True:
                for event in self.events[start:]:
                    if wanted(event):
                        return event
                left = end - time.monotonic()
                if left <= 0 or not self.news.wait(left):
                    return None

    def tell(self, name, command, types="", *arguments, reason):
        """A command that must be acknowledged, and soon be seen in the state."""
        start = len(self.events)
        ack = self.ask(command, types, *arguments)
        event = self.wait(lambda e: e["type"] == "state" and re.search(reason, e["reason"]), 10,
                          start)
        said = [e["reason"] for e in self.events[start:] if e["type"] == "state"]
        check(ack is not None and ack[0] == 1 and event is not None, name, (ack, said))

    def wait_for_tempo(self, name, bpm, seconds):
        """Waits until four beats in a row have come at this tempo and in its distance."""
        row = []

        def wanted(event):
            if event["type"] == "beat":
                row.append(event)
            times = [beat["time"] for beat in row[-4:]]
            return len(times) == 4 and all(
                abs(after - before - 60 / bpm) < 0.05 and abs(beat["bpm"] / bpm - 1) < 0.03
                for before, after, beat in zip(times, times[1:], row[-3:]))

        start, position = time.monotonic(), len(self.events)
        found = None
        while not found and time.monotonic() - start < seconds:
            row.clear()
            found = self.wait(wanted, 0.2, position)
        check(found is not None, name, [(b["time"], b["bpm"]) for b in row])

    def beats(self, seconds):
        """When /ja/beat came at the target in the time to come."""
        self.target.setblocking(False)
        came, end = [], time.monotonic() + seconds
        while select.select([self.target], [], [], max(0, end - time.monotonic()))[0]:
            packet = self.target.recv(65536)
            if text_at(packet, 0)[0] == "/ja/beat":
                came.append(time.monotonic())
        return came

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.reader.join()
        return self.process.returncode


def off_grid(times, origin, period):
    return statistics.median(math.remainder(t - origin, period) for t in times)


def check_octave(program):
    program.tell("half is acknowledged and seen", "half", reason=r"pinned near (59|60|61)\.\d bpm")
    program.wait_for_tempo("beats come at half the tempo", 60, 8)
    program.tell("double is acknowledged and seen", "double", reason=r"pinned near 1(18|19|20|21)\.\d bpm")
    program.wait_for_tempo("beats come at the former tempo", 120, 8)


def check_nudge(program):
    program.tell("nudge is acknowledged and seen", "nudge", "f", 60.0, reason="told 60 ms late")
    start = len(program.events)
    program.wait(lambda event: False, 2)
    times = [e["time"] for e in program.events[start:] if e["type"] == "beat"]
    off = off_grid(times, 0, 0.5) if times else math.nan
    check(abs(off - 0.06) < 0.025, "beats are told later", "%.3f s, %d beats" % (off, len(times)))
    ack = program.ask("nudge", "f", 201.0)
    check(ack is not None and ack[0] == 0, "a nudge that is too large is refused", ack)
    program.tell("auto is acknowledged and seen", "auto", reason="the music alone")


def check_range(program):
    program.tell("range is acknowledged and seen", "range", "ff", 100.0, 180.0,
                 reason="from 100 to 180 bpm")
    values = [program.ask("get", "s", "tempo." + name) for name in ("min_bpm", "max_bpm")]
    check(values[0] and values[1] and float(values[0][1].split()[0]) == 100 and
          float(values[1][1].split()[0]) == 180, "range sets both options", values)
    ack = program.ask("range", "ff", 100.0, 105.0)
    check(ack is not None and ack[0] == 0, "a range that is too narrow is refused", ack)


def check_lock(program):
    program.tell("lock is acknowledged and seen", "lock", "i", 1,
                 reason=r"locked near 1(18|19|20|21)\.\d bpm")
    program.tell("unlocking is acknowledged and seen", "lock", "i", 0, reason="no longer locked")


def check_expiry(program):
    """Orders for a while are undone by themselves, and that is told before."""
    for command, types, arguments, seen, undone in (
            ("hold", "if", (1, 1.0), r"Holding .* ends after 1 s", "Following"),
            ("lock", "if", (1, 1.0), r"locked near .* ends after 1 s", "no longer locked"),
            ("half", "f", (1.0,), r"pinned near .* ends after 1 s", "no longer locked"),
            ("range", "fff", (60.0, 170.0, 1.0), r"60 to 170 bpm.* ends after 1 s",
             "from 100 to 180 bpm")):
        start = len(program.events)
        ack = program.ask(command, types, *arguments)
        states = [program.wait(lambda e: e["type"] == "state" and re.search(reason, e["reason"]),
                               4, start) for reason in (seen, undone)]
        check(ack and ack[0] == 1 and "ends after 1 s" in ack[1] and all(states),
              command + " ends by itself, as told", (ack, states))
    value = program.ask("get", "s", "tempo.min_bpm")
    check(value and float(value[1].split()[0]) == 100, "the range is the former one", value)


def check_tap(program):
    """Off the clicks' tempo, and held: only the taps can be behind these beats."""
    program.tell("hold is acknowledged and seen", "hold", "i", 1, reason=r"Holding 1\d\d\.\d bpm")
    taps = []
    for _ in range(8):
        taps.append(time.monotonic())
        ack = program.ask("tap")
        time.sleep(max(0, taps[0] + 0.55 * len(taps) - time.monotonic()))
    check(ack is not None and ack[0] == 1, "tap is acknowledged", ack)
    said = program.wait(lambda e: e["type"] == "state" and "tapped near" in e["reason"] and
                        abs(float(e["reason"].split()[3]) - 109.1) < 3, 2)
    check(said is not None, "the tapped tempo is seen")
    program.beats(0.3)  # what had come before
    came = program.beats(3.5)
    period = 60 / float(said["reason"].split()[3]) if said else 0.55
    off = off_grid(came, taps[-1], period) if came else math.nan
    check(5 <= len(came) <= 8 and abs(off) < 0.1, "beats arrive where they were tapped",
          "%d beats, %.3f s off" % (len(came), off))
    print("# %d beats, in the middle %+.1f ms off the taps" % (len(came), 1000 * off))
    program.tell("letting go is acknowledged and seen", "hold", "i", 0, reason="Following")


def check_resync(program):
    start = len(program.events)
    program.tell("resync is acknowledged and seen", "resync", reason="Bars begin here")
    two = program.wait(lambda e: e["type"] == "beat" and e["beat_in_bar"] == 2, 3, start)
    check(two is not None, "the bar is counted from there")


def check_steering():
    program = Program("--file", "synth:click?bpm=120&seconds=120", "--paced")
    there = program.wait_until_there()
    check(there, "the program answers ping")
    if there:
        program.wait_for_tempo("beats come", 120, 15)
        check_octave(program)
        check_nudge(program)
        check_range(program)
        check_lock(program)
        check_resync(program)
        check_expiry(program)
        check_tap(program)
    check(program.stop() == 0, "it ends with status 0")


def check_test_beats(name, *arguments):
    """Beats without music, at a tempo that is not heard; nothing that is heard comes between."""
    program = Program(*arguments)
    program.wait_until_there()
    for types, given, answer in (("fi", (500.0, 1), "20 to 400 bpm"),
                                 ("fif", (99.0, 1, 601.0), "1 to 600 s")):
        ack = program.ask("test-beats", types, *given)
        check(ack and ack[0] == 0 and answer in ack[1], "%s: a wrong one is refused" % name, ack)
    start = len(program.events)
    ack = program.ask("test-beats", "fif", 150.0, 1, 4.0)
    check(ack and ack[0] == 1 and "150 bpm; they end after 4 s" in ack[1],
          "%s: test beats are acknowledged" % name, ack)
    came = program.beats(3.5)
    steps = [after - before for before, after in zip(came, came[1:])]
    check(6 <= len(came) <= 9 and abs(statistics.median(steps) - 0.4) < 0.03,
          "%s: they arrive" % name, steps)
    end = program.wait(lambda e: e["type"] == "state" and "have ended" in e["reason"], 5, start)
    with program.news:
        events = program.events[start:]
    at = events.index(end) if end else len(events)
    first = next((i for i, e in enumerate(events)
                  if e["type"] == "state" and e["reason"].startswith("Test beats at 150")), at)
    beats = [e for e in events[first:at] if e["type"] == "beat"]
    seqs = [e["seq"] for e in beats]  # what comes too late is left out
    check(end and {e["type"] for e in events[first:at]} == {"state", "beat", "prediction"} and
          events[first]["state"] == "locked" and
          all((e["beat_in_bar"], e["bpm"]) == (1 + e["seq"] % 4, 150) for e in beats) and
          len(seqs) >= 7 and seqs == sorted(set(seqs)) and seqs[0] >= 0 and seqs[-1] <= 10,
          "%s: they alone, with a state that says so, and end by themselves" % name,
          (seqs, [e["type"] for e in events]))
    after = program.wait(lambda e: e["type"] == "state" and "ended" not in e["reason"], 2,
                         start + at)
    check(after is not None, "%s: then the true state is told" % name, program.events[-2:])
    program.ask("test-beats", "fi", 150.0, 1)
    ack = program.ask("test-beats", "fi", 150.0, 0)
    program.beats(0.3)
    late = [e for e in program.events[-3:] if e["type"] == "beat" and e["bpm"] == 150]
    check(ack and ack[0] == 1 and not late, "%s: off is off" % name, late)
    check(program.stop() == 0, "%s: it ends with status 0" % name)


def check_refusal(name, answer, *arguments):
    program = Program(*arguments)
    ack = program.wait_until_there() and program.ask("tap")
    check(ack and ack[0] == 0 and answer in ack[1], name, ack)
    program.stop()


def main():
    if not os.access(PROGRAM, os.X_OK):
        print("1..0 # SKIP there is no " + PROGRAM)
        return 0
    check_steering()
    check_test_beats("with music", "--file", "synth:click?bpm=97&seconds=60", "--paced")
    check_test_beats("without a server", "-s", "ja-%d-none" % os.getpid())
    check_refusal("aubio's tracker cannot be tapped, and that is said", "beat.engine",
                  "--file", "synth:click?seconds=60", "--paced", "-S", "beat.engine=aubio")
    check_refusal("without sound there is nothing to tap, and that is said", "no sound",
                  "-s", "ja-%d-none" % os.getpid())
    print("1..%d" % sum(results))
    return 1 if results[1] else 0


if __name__ == "__main__":
    sys.exit(main())
