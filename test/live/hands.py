#!/usr/bin/python3
# Notes and controllers at the port midi_in, and what the transport is told, with a JACK server of
# its own.
# Time limit: 90 s
#
# SPDX-License-Identifier: GPL-3.0-or-later

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True  # of the modules in the other folder
os.chdir(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))
sys.path[:0] = ["test/net", "test/support"]
import realtime
from hostile import PROGRAM, check, results
from steer import Program

TOOLS = os.path.dirname(PROGRAM) + "/test/tools/"
SERVER = "ja-%d-hands" % os.getpid()
os.environ.update(JACK_DEFAULT_SERVER=SERVER, JACK_NO_START_SERVER="1",
                  JACK_NO_AUDIO_RESERVATION="1")
WORK = tempfile.TemporaryDirectory()
os.environ["XDG_STATE_HOME"] = WORK.name  # what is learnt here is not the user's


class Hand:
    """The other client: every line to it is answered."""

    def __init__(self, *arguments):
        self.process = subprocess.Popen([TOOLS + "ja-jackhand", *arguments], text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.there = self.process.stdout.readline() != ""

    def ask(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def note(self, number, velocity=100, channel=1):
        """When it sounds, in s by the monotonic clock."""
        return self.ask("midi %x %x %x" % (0x8f + channel, number, velocity))["us"] / 1e6

    def controller(self, number, value):
        return self.ask("midi %x %x %x" % (0xb0, number, value))["us"] / 1e6

    def end(self):
        if self.there:
            self.process.stdin.close()
        self.process.wait(timeout=10)


def within(seconds, condition):
    end = time.monotonic() + seconds
    while not (value := condition()) and time.monotonic() < end:
        time.sleep(0.02)
    return value


def run(*command):
    return subprocess.run(command, capture_output=True, text=True, timeout=10)


def state(program, text, start=0, seconds=10):
    return program.wait(lambda e: e["type"] == "state" and text in e["reason"], seconds, start)


def check_bindings(program, hand):
    """What is played in a cycle that comes late JACK may lose: then once more."""
    for name, act, seen in (("a note", lambda: hand.note(61), "Holding"),
                            ("a controller as button", lambda: hand.controller(64, 100),
                             "Following the music again"),
                            ("a controller's place", lambda: hand.controller(20, 127),
                             "told 20 ms late")):
        start = len(program.events)
        check(any(act() and state(program, seen, start, 4) for _ in range(5)),
              name + " runs its command",
              [e["reason"] for e in program.events[start:] if e["type"] == "state"])
    start = len(program.events)
    hand.note(61, velocity=0)
    hand.note(61, channel=5)
    hand.controller(64, 0)
    check(not state(program, "", start, 1), "velocity 0, another channel and release run nothing")
    ack = program.ask("set", "ss", "midi_in.bind", "note 61: tip")
    check(ack and ack[0] == 0 and "nearest is \"tap\"" in ack[1],
          "a wrong binding is refused and explained", ack)


def check_learning(program, hand):
    ack = program.ask("learn", "s", "nudge 0..9999")
    check(ack and ack[0] == 0 and "-200 to 200" in ack[1], "nonsense is not learnt", ack)
    ack = program.ask("learn", "s", "tap")
    check(ack and ack[0] == 1, "learn is acknowledged", ack)
    def learnt():
        answer = program.ask("get", "s", "midi_in.bind")
        return answer and "note 48 ch 1: tap" in answer[1] and answer
    value = next((v for _ in range(5) if hand.note(48) and (v := within(3, learnt))), None)
    check(value and "note 61 ch 1: hold 1" in value[1], "the next note is bound, beside the others",
          program.ask("get", "s", "midi_in.bind"))


def clock_is_true(hand):
    """Whether for a second the server has told its cycles when they were; not so after an xrun."""
    ages = []
    for _ in range(20):
        ages.append(time.monotonic() - hand.ask("query")["us"] / 1e6)
        time.sleep(0.05)
    return statistics.quantiles(ages)[0] > -0.01 and statistics.median(ages) < 0.03


def tap(program, hand):
    """(tempo said, s by which beats are off the taps)."""
    played = []
    for _ in range(8):
        played.append(hand.note(48))
        time.sleep(max(0, played[0] + 0.55 * len(played) - time.monotonic() - 0.02))
    program.beats(0.5)  # what had come before
    said = [e["reason"] for e in program.events if "Tempo tapped near" in e.get("reason", "")]
    bpm = float(said[-1].split()[3]) if said else 0
    period = 60 / bpm if bpm else 0.55
    came = program.beats(3.5)
    off = [(b - played[-1] + period / 2) % period - period / 2 for b in came]
    return bpm, off


def check_taps(program, hand):
    """Held in silence, the beats are the taps'. What is heard late counts when it was played."""
    program.ask("auto")
    program.ask("hold", "i", 1)
    check(within(30, lambda: clock_is_true(hand)), "the server's clock is steady")
    bpm, off = tap(program, hand)
    check(abs(bpm - 60 / 0.55) < 6, "the tapped tempo is seen", bpm)
    check(len(off) >= 4 and abs(statistics.median(off)) < 0.1, "beats come where it was tapped",
          off)
    print("# beats %+.1f ms off the taps" % (1000 * statistics.median(off) if off else 0))


def check_transport(program, hand):
    """Test beats are as regular as can be: from their times follows what must be told."""
    start = len(program.events)
    ack = program.ask("test-beats", "fi", 150.0, 1)
    check(ack and ack[0] == 1 and state(program, "Test beats", start), "test beats run", ack)
    check(within(3, lambda: hand.ask("query")["rolling"]), "the transport is started on request")
    told, beats = [], []
    end = time.monotonic() + 3
    while time.monotonic() < end:
        told.append(hand.ask("query"))
        beats += program.beats(0.02)
    told = [t for t in told if t["bbt"] and t["us"] / 1e6 > beats[0]]
    check(len(told) > 20 and all(t["bpm"] == 150 for t in told), "the tempo is told", told[-3:])
    places = [(4 * t["bar"] + t["beat"] + t["tick"]) * 0.4 - t["us"] / 1e6 for t in told]
    middle = statistics.median(places)
    # A late server guesses when its next cycle will be.
    check(statistics.median(abs(p - middle) for p in places) < 0.04 and
          all(1 <= t["beat"] <= 4 for t in told), "bar and beat go with the time", places)
    off = [(b + middle + 0.2) % 0.4 - 0.2 for b in beats]
    check(len(off) >= 5 and abs(statistics.median(off)) < 0.06, "beats are on the beat", off)
    print("# beats arrive %+.1f ms off the transport's" % (1000 * statistics.median(off)))
    hand.ask("stop")
    stopped = within(2, lambda: not hand.ask("query")["rolling"])
    program.ask("test-beats", "fi", 140.0, 1)
    check(stopped and not within(1, lambda: hand.ask("query")["rolling"]),
          "a hand that stops it is respected")
    program.ask("test-beats", "fi", 140.0, 0)


def check_last_midi(program):
    """What plays along is told to stop."""
    with tempfile.TemporaryFile("a+") as heard:
        def hears(status):
            heard.seek(0)
            return any(line.split()[1:2] == [status] for line in heard)
        dump = subprocess.Popen(["stdbuf", "-oL", "jack_midi_dump", "dump"], stdout=heard,
                                stderr=subprocess.DEVNULL)
        try:
            check(within(20, lambda: run("jack_connect", "an:midi_out", "dump:input")
                         .returncode == 0), "another client hears midi_out")
            program.ask("test-beats", "fi", 150.0, 1)
            check(within(20, lambda: hears("fa")), "it hears start")
            check(program.stop() == 0, "the program ends with status 0")
            check(within(5, lambda: hears("fc")), "at its end it says stop")
        finally:
            dump.terminate()
            dump.wait()


def main():
    for needed in (PROGRAM, TOOLS + "ja-jackhand", "jackd", "jack_lsp", "jack_midi_dump"):
        if not shutil.which(needed):
            print("1..0 # SKIP there is no " + needed)
            return 0
    jackd = realtime.start_jackd(48000, 256)
    realtime.take_precedence()
    realtime.watch()
    program = Program("-S", "jack.name=an", "-S", "jack.transport=start", "-S", 'midi_in.bind=note 61 ch 1: hold 1,'
                      'cc 64: hold 0,cc 20: nudge -20..20')
    hand = None
    try:
        program.wait_until_there()
        within(20, lambda: "an:midi_in" in run("jack_lsp").stdout)
        hand = Hand("-m", "an:midi_in")
        check(hand.there and within(20, lambda: "hand:out" in run("jack_lsp", "-c", "an:midi_in")
                                    .stdout), "another client connects to midi_in")
        run("jack_connect", "system:capture_1", "an:in_1")
        check(program.wait(lambda e: e["type"] == "state" and e["state"] == "silent", 10),
              "silence comes in")
        for part in (check_bindings, check_learning, check_taps, check_transport):
            if hand.there:
                part(program, hand)
        check_last_midi(program)
    finally:
        if hand:
            hand.end()
        if program.process.poll() is None:
            program.stop()
        jackd.terminate()
        jackd.wait()
    check(*realtime.judge())
    print("1..%d" % sum(results))
    return 1 if results[1] else 0


if __name__ == "__main__":
    sys.exit(main())
