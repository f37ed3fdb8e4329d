# Sends OSC packets to the real program one by one, and reads from the system how long its main thread
# ran for each: the least of many times.
#
# SPDX-License-Identifier: GPL-3.0-or-later

import os
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "net"))
from hostile import Analyzer, bundle, message, nested

TIMES = 20


def command(name, types="", *arguments):
    return message("/ja/ctl/" + name, types, *arguments)


def packets():
    yield "ping", command("ping")
    yield "get", command("get", "s", "onset.threshold")
    yield "get of an unknown option", command("get", "s", "x" * 39 + "." + "y" * 39)
    yield "set of a stage's option", command("set", "sf", "onset.threshold", 0.4)
    yield "set of a target's option", command("set", "sf", "target.default.pulse_ms", 100)
    yield "set out of range", command("set", "sf", "onset.threshold", 1e9)
    yield "range", command("range", "ff", 60, 170)
    yield "level", command("level", "s", "auto")
    yield "get_stats", command("get_stats")
    yield "unknown command", command("q" * 40)
    yield "preset (reads files)", command("preset", "s", "genre/techno")
    yield "unknown preset (looks at all)", command("preset", "s", "genre/none")
    yield "no OSC", b"nonsense"
    yield "address of 8 KiB", b"/" + b"a" * 8184 + b"\0" * 7
    yield "65507 bytes", b"/" * 65504
    yield "bundle of 400 messages for others", bundle(*[message("/a")] * 400)
    yield "bundle of 400 empty bundles", bundle(*[bundle()] * 400)
    yield "bundles, 400 deep", nested(400)
    yield "64 messages of 32 arguments", bundle(*[message("/a", "T" * 32)] * 64)


def main():
    analyzer = Analyzer()
    if not analyzer.wait():
        sys.exit("the program does not answer")
    ran = "/proc/%d/task/%d/schedstat" % (analyzer.process.pid, analyzer.process.pid)

    def cost_us(packet):
        """With waking up, receiving and answering; what comes once a second falls out."""
        least = float("inf")
        for _ in range(TIMES):
            while analyzer.receive(0.005):
                pass
            before = int(open(ran).read().split()[0])
            analyzer.send(packet)
            time.sleep(0.01)
            least = min(least, int(open(ran).read().split()[0]) - before)
        return least / 1000

    print("Main thread's time for one packet, waking up, receiving and answering included:")
    for name, packet in packets():
        print("  %-36s %7.1f µs" % (name, cost_us(packet)))
    analyzer.stop()


if __name__ == "__main__":
    main()
