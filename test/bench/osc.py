# Sends OSC packets to the real program one by one, and reads from the system how long its main
# thread ran for each, until it is answered: the least of many times, spread over several programs,
# since other work of the machine makes some of them slow as a whole.
#
# SPDX-License-Identifier: GPL-3.0-or-later

import os
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "net"))
from hostile import PROGRAM, Analyzer, bundle, message, nested

ROUNDS, TIMES = 4, 20


def private(path, flags):
    return os.open(path, flags, 0o600)


def command(name, types="", *arguments):
    return message("/ja/ctl/" + name, types, *arguments)


def packets(directory):
    """Names, packets of which one after the other is sent, and one that undoes it, or for how many
    seconds what follows the answer is measured instead. Without packets it is a headline."""
    subscribe = command("subscribe", "si", "beat", 9000)
    unsubscribe = command("unsubscribe", "si", "all", 9000)
    yield "ping", [command("ping")], None
    yield "get", [command("get", "s", "onset.threshold")], None
    yield "get of an unknown option", [command("get", "s", "x" * 39 + "." + "y" * 39)], None
    yield "set of a stage's option", [command("set", "sf", "onset.threshold", value)
                                      for value in (0.4, 0.5)], None
    yield "set of a target's option", [command("set", "sf", "target.default.pulse_ms", value)
                                       for value in (100, 110)], None
    yield "set of 100 outputs", [command("set", "ss", "target.x.outputs", ",".join([name] * 100))
                                 for name in ("bpm", "beat")], None
    yield "set of a map of 40 lines", [
        command("set", "ss", "target.x.map", ",".join(["output=beat address=" + address] * 40))
        for address in ("/a", "/b")], None
    yield "set out of range", [command("set", "sf", "onset.threshold", 1e9)], None
    yield "range", [command("range", "ff", low, 180) for low in (60, 70)], None
    yield "level", [command("level", "s", level) for level in ("low", "auto")], None
    yield "mute", [command("mute", "si", "default", wish) for wish in (0, 1)], None
    yield "get_stats", [command("get_stats")], None
    yield "unknown command", [command("q" * 40)], None
    yield "no OSC", [b"nonsense"], None
    yield "address of 8 KiB", [b"/" + b"a" * 8184 + b"\0" * 7], None
    yield "65507 bytes", [b"/" * 65504], None
    yield "bundle of 400 messages for others", [bundle(*[message("/a")] * 400)], None
    yield "bundle of 400 empty bundles", [bundle(*[bundle()] * 400)], None
    yield "bundles, 400 deep", [nested(400)], None
    yield "64 messages of 32 arguments", [bundle(*[message("/a", "T" * 32)] * 64)], None
    yield "What needs a file, which another thread reads or writes:", None, None
    yield "preset genre/…", [command("preset", "s", "genre/" + name)
                             for name in ("techno", "house")], None
    yield "preset target/…", [command("preset", "s", "target/" + name)
                              for name in ("resolume", "qlcplus")], None
    yield "unknown preset (looks at all)", [command("preset", "s", "genre/none")], None
    yield "set learn.profile", [command("set", "ss", "learn.profile", name)
                                for name in "ab"], None
    yield "subscribe to a preset", [
        command("subscribe", "si", "target/resolume", 9000)], unsubscribe
    yield "What opens an output:", None, None
    yield "subscribe", [subscribe], unsubscribe
    yield "subscribe, renewed", [subscribe], None
    yield "unsubscribe", [unsubscribe], subscribe
    yield "set of a target's port", [command("set", "si", "target.x.port", port)
                                     for port in (8, 9)], None
    yield "set of an output's first option", [command("set", "si", "target.n%d.port" % number, 9)
                                              for number in range(TIMES)], None
    if "with MQTT" in subprocess.check_output([PROGRAM, "--version"], text=True):
        yield "set mqtt.x.credentials_file", [
            command("set", "ss", "mqtt.x.credentials_file", os.path.join(directory, name))
            for name in "ab"], None
        yield "and in 0.4 s it connects, timers run", [
            command("set", "ss", "mqtt.x.topic", topic) for topic in "ab"], 0.4


def main():
    with tempfile.TemporaryDirectory() as directory:
        os.environ["STATE_DIRECTORY"] = directory
        for name in "ab":
            with open(os.path.join(directory, name), "w", opener=private) as file:
                file.write("somebody\nsecret\n")
        rounds = [measure(directory) for _ in range(ROUNDS)]
    print("Main thread's time for one packet, waking up, receiving and answering included, and "
          "that less a ping:")
    ping = min(costs[0][1] for costs in rounds)
    for (name, cost), *others in zip(*rounds):
        if cost is None:
            print(name)
            continue
        least = min(cost, *(other for _, other in others))
        print("  %-36s %7.1f µs %7.1f µs" % (name, least, least - ping), flush=True)


def measure(directory):
    analyzer = Analyzer()
    if not analyzer.wait():
        sys.exit("the program does not answer")
    ran = "/proc/%d/task/%d/schedstat" % (analyzer.process.pid, analyzer.process.pid)

    def ran_ns():
        return int(open(ran).read().split()[0])

    def answered():
        if not analyzer.receive(0.05):
            return
        while analyzer.receive(0.005):
            pass

    def cost_of(packet, later):
        before = ran_ns()
        analyzer.send(packet)
        answered()
        if later:
            before = ran_ns()
            time.sleep(later)
        return ran_ns() - before

    def least_us(packets, undo, later):
        """With waking up, receiving and answering; what comes once a second falls out. Where there
        is no answer, it is given time."""
        least = float("inf")
        for turn in range(TIMES):
            cost = cost_of(packets[turn % len(packets)], later)
            if cost > 0:  # else it had no turn
                least = min(least, cost)
            if undo:
                analyzer.send(undo)
                answered()
        return least / 1000

    costs = []
    for name, some, more in packets(directory):
        later = more if isinstance(more, float) else None
        undo = more if isinstance(more, bytes) else None
        costs.append((name, some and least_us(some, undo, later)))
    analyzer.stop()
    return costs


if __name__ == "__main__":
    main()
