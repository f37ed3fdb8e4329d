#!/usr/bin/python3
# Lets the real program take part in an Ableton Link session with another one, in a network of their
# own: no session outside is disturbed, and none disturbs.
# Time limit: 120 s
# Goes beside others.
#
# SPDX-License-Identifier: GPL-3.0-or-later

import os
import statistics
import subprocess
import sys
import threading
import time

sys.dont_write_bytecode = True  # of the modules beside this file
import own_network
from hostile import PROGRAM, check, results
from steer import Program

TOOL = os.path.join(os.path.dirname(PROGRAM), "test/tools/ja-link")


class Peer:
    """Another member of the session: ja-link, and what it sees."""

    def __init__(self, bpm):
        self.process = subprocess.Popen([TOOL, str(bpm)], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)
        self.seen = []  # (s of the monotonic clock, peers, bpm, beat)
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for line in self.process.stdout:
            us, peers, bpm, beat = line.split()
            self.seen.append((int(us) / 1e6, int(peers), float(bpm), float(beat)))

    def wait(self, wanted, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self.seen and wanted(*self.seen[-1][1:3]):
                return True
            time.sleep(0.05)
        return False

    def beat_at(self, moment):
        """The session's beat then, from what was seen last before."""
        at, _, bpm, beat = [seen for seen in list(self.seen) if seen[0] <= moment][-1]
        return beat + (moment - at) * bpm / 60

    def jumps(self):
        """How many times the beat was not where it must be 0.1 s after the last look."""
        seen = list(self.seen)
        return sum(abs(b[3] - a[3] - (b[0] - a[0]) * b[2] / 60) > 0.05
                   for a, b in zip(seen, seen[1:]))

    def stop(self):
        self.process.stdin.close()
        self.process.wait(timeout=10)


def beside(program, peer, seconds):
    """How far beats arrive beside the session's, as a median, in beats."""
    errors = [peer.beat_at(moment) for moment in program.beats(seconds)]
    errors = [error - round(error) for error in errors]
    return statistics.median(errors) if len(errors) > 4 else None


def main():
    peer = Peer(140)
    peer.wait(lambda peers, bpm: True, 10)
    time.sleep(2)  # of two sessions that meet the older one stays
    program = Program("--file", "synth:drums?bpm=126&seconds=300", "--paced",
                      "-S", "link.enable=true", "-S", "link.steady_bars=1")
    check(peer.wait(lambda peers, bpm: peers == 1, 20), "the program joins the session",
          peer.seen[-1:])
    check(peer.seen[-1][2] == 140 or abs(peer.seen[-1][2] - 126) < 1,
          "whose tempo stays as it is until there is music", peer.seen[-1])
    check(peer.wait(lambda peers, bpm: abs(bpm - 126) < 0.7, 30),
          "the session takes over the music's tempo", peer.seen[-1])
    time.sleep(5)
    check(peer.jumps() == 0, "without a jump of the peer's beats", peer.jumps())
    ack = program.ask("set", "sT", "link.force")
    check(ack is not None and ack[0] == 1, "link.force can be set live", ack)
    error = None
    for _ in range(10):
        error = beside(program, peer, 3)
        if error is not None and abs(error) < 0.15:
            break
    check(error is not None and abs(error) < 0.15, "then the peer's beats come to the music's",
          error)
    ack = program.ask("set", "sF", "link.enable")
    check(ack is not None and ack[0] == 1 and peer.wait(lambda peers, bpm: peers == 0, 20),
          "switched off, it leaves the session", peer.seen[-1])
    peer.stop()
    program.ask("set", "sF", "link.force")
    program.ask("set", "sT", "link.enable")
    time.sleep(8)  # alone, it may put the beats where they are
    peer = Peer(90)
    check(peer.wait(lambda peers, bpm: peers == 1 and abs(bpm - 126) < 0.7, 20),
          "who comes later finds the music's tempo", peer.seen[-1])
    time.sleep(1)
    error = beside(program, peer, 4)
    check(error is not None and abs(error) < 0.15, "and its beats", error)
    check(program.stop() == 0, "the program ends with status 0")
    peer.stop()
    print("1..%d" % sum(results))
    return 1 if results[1] else 0


if __name__ == "__main__":
    if not os.access(TOOL, os.X_OK):
        print("1..0 # SKIP there is no", TOOL)
        sys.exit(0)
    if subprocess.run([TOOL], stdin=subprocess.DEVNULL, capture_output=True).returncode == 2:
        print("1..0 # SKIP built without Ableton Link")
        sys.exit(0)
    own_network.enter()
    sys.exit(main())
