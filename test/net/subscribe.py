#!/usr/bin/python3
# Asks the real program for results by OSC, honestly and as one who would have others flooded.
# Time limit: 120 s
# Goes beside others.
#
# SPDX-License-Identifier: GPL-3.0-or-later

import json
import os
import select
import socket
import struct
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True  # of the module beside this file
import own_network
from hostile import (PROGRAM, Analyzer, bundle, check, free_port, message, padded, read_ack,
                     results, text_at)


class Open(Analyzer):
    """The program, open to the network."""

    def __init__(self, address, most):
        self.port = free_port()
        self.log = tempfile.TemporaryFile()
        self.settings = tempfile.NamedTemporaryFile(suffix=".conf")
        command = [PROGRAM, "-s", "ja-%d-none" % os.getpid(), "-c", self.settings.name]
        for option in ("control.port=%d" % self.port, "control.address=0.0.0.0",
                       "control.subscribers=%d" % most, "target.default.enable=false"):
            command += ["-S", option]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=self.log)
        self.address = address
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((address, 0))

    def send(self, packet):
        self.socket.sendto(packet, (self.address, self.port))


def packets(receiver, seconds, enough=1000):
    """What comes within that time."""
    end, got = time.monotonic() + seconds, []
    while len(got) < enough and time.monotonic() < end:
        if select.select([receiver], [], [], max(0, end - time.monotonic()))[0]:
            got.append(receiver.recv(65536))
    return got


def addresses(receiver, seconds, wanted):
    """Whether a packet to that address comes within that time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if any(text_at(one, 0)[0] == wanted for one in packets(receiver, 0.1)):
            return True
    return False


def receiver_at(address):
    receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    receiver.bind((address, 0))
    return receiver, receiver.getsockname()[1]


def check_local(analyzer):
    receiver, port = receiver_at("127.0.0.1")
    ack = analyzer.ask("subscribe", "si", "heartbeat", port)
    check(ack and ack[1] == 1, "who is on this machine can subscribe", ack)
    check(addresses(receiver, 5, "/ja/heartbeat"), "and gets what it asked for")
    stats = json.loads(analyzer.ask("get_stats")[2])
    check(stats.get("subscribers") == {"sub-1": "heartbeat to 127.0.0.1:%d" % port},
          "subscribers stand in the statistics", stats)
    analyzer.ask("subscribe", "si", "heartbeat", port)
    stats = json.loads(analyzer.ask("get_stats")[2])
    check(len(stats.get("subscribers", {})) == 1, "asking again renews", stats)
    ack = analyzer.ask("set", "sf", "onset.threshold", 0.4)
    check(ack and ack[1] == 1, "options can be set meanwhile", ack)
    ack = analyzer.ask("mute", "si", "sub-1", 1)
    check(ack and ack[1] == 1, "a subscriber can be muted like any output", ack)
    ack = analyzer.ask("unsubscribe", "si", "heartbeat", port)
    check(ack and ack[1] == 1, "and it can end that", ack)
    packets(receiver, 0.2)
    check(not packets(receiver, 1.5, 1), "then nothing comes any more")
    check("subscribers" not in json.loads(analyzer.ask("get_stats")[2]), "nor is it listed")
    ack = analyzer.ask("subscribe", "si", "target/max-pd", 0)
    check(ack and ack[1] == 1, "a preset can be asked for, and the port asked from", ack)
    check(addresses(analyzer.socket, 5, "/ja/heartbeat"), "it comes there")
    analyzer.ask("unsubscribe", "si", "all", 0)
    for wish, port in (("nonsense", 0), ("target/nonsense", 0), ("target/qlcplus-os2l", 0),
                       ("genre/techno", 0), ("target/../../etc/passwd", 0), ("beat*", 0),
                       ("beat", 70000), ("beat", -1), ("", 0), ("b" * 500, 0)):
        ack = analyzer.ask("subscribe", "si", wish, port)
        check(ack and ack[1] == 0 and len(ack[2]) > 10, "refused: %.30s %d" % (wish, port), ack)


def check_flood(analyzer):
    for i in range(3000):
        analyzer.send(message("/ja/ctl/subscribe", "si", "beat", 20000 + i))
        analyzer.send(message("/ja/ctl/unsubscribe", "si", "all", 20000 + i * 7 % 3000))
        analyzer.send(message("/ja/ctl/confirm", "i", i))
    analyzer.drain()
    check(analyzer.ping_ms() < 5000, "it lives through a flood of subscriptions")
    for i in range(12):
        analyzer.send(message("/ja/ctl/subscribe", "si", "beat", 30000 + i))
    analyzer.drain()
    stats = json.loads(analyzer.ask("get_stats")[2])
    listed = stats.get("subscribers", {})
    count = sum(value if name == "left_out" else 1 for name, value in listed.items())
    check(count == 8, "no more than control.subscribers at a time", stats)
    ack = analyzer.ask("subscribe", "si", "level", 40000)
    check(ack and ack[1] == 0 and "no more than 8" in ack[2], "the next one is told why", ack)


def smallest(name, letters):
    """The shortest packets that run a command."""
    least = letters.split("[")[0].replace("v", "i")
    given = ["" if letter == "s" else 0 for letter in least]
    yield message("/ja/ctl/" + name, least, *given)
    if not least:
        yield padded(("/ja/ctl/" + name).encode())


def strange_packets():
    listed = subprocess.run([PROGRAM, "--list-commands"], capture_output=True, text=True).stdout
    for line in listed.splitlines():
        words = line.split()
        letters = words[1] if set(words[1]) <= set("sifv[]") else ""
        yield from smallest(words[0].split("/")[-1], letters)
    for option in ("target.default.map", "mqtt.x.topic", "nonsense"):
        yield message("/ja/ctl/get", "s", option)
    yield message("/ja/ctl/subscribe", "si", "all", 9)
    yield message("/ja/ctl/" + "x" * 60)
    yield message("/ja/option/onset/threshold", "f", 0.4)
    yield bundle(*[message("/ja/ctl/get_stats")] * 20)
    yield bundle(*[message("/ja/ctl/subscribe", "si", "", 0)] * 20)


MARK = bundle(message("/ja/ctl/mark"), message("/x" * 400))  # room for a whole answer


def answers_to(analyzer, *sent):
    """What comes back until a mark that is sent after these packets is answered, and a little
    later, since some commands take their time."""
    for packet in (*sent, MARK):
        analyzer.send(packet)
    got, end = [], time.monotonic() + 20
    while time.monotonic() < end:
        for one in packets(analyzer.socket, 1, 1):
            if text_at(one, 0)[0] == "/ja/ack" and read_ack(one)[0] == "mark":
                return got + packets(analyzer.socket, 0.05)
            got.append(one)
    return got


def measure(analyzer):
    """Most bytes answered per byte sent, and what he was asked to say back."""
    worst, numbers, count = 0, [], 0
    for packet in strange_packets():
        answers = answers_to(analyzer, packet)
        worst = max(worst, sum(map(len, answers)) / len(packet))
        numbers += [struct.unpack(">i", one[-4:])[0] for one in answers
                    if text_at(one, 0)[0] == "/ja/confirm"]
        count += 1
    check(count > 40, "every command of the table is tried", count)
    return worst, numbers


def ask_padded(analyzer, command, types, *arguments):
    """The same, in a packet that is large enough for a whole answer."""
    analyzer.send(bundle(message("/ja/ctl/" + command, types, *arguments), message("/x" * 400)))
    end = time.monotonic() + 20
    while time.monotonic() < end:
        for ack in map(read_ack, packets(analyzer.socket, 1, 1)):
            if ack[0] == command:
                return ack
    return None


def check_direction(analyzer, address):
    """A stranger can steer, but not say where things go."""
    victim, port = receiver_at(address)
    for command, types, *arguments in (
            ("set", "ss", "target.default.host", address), ("set", "si", "target.default.port", port),
            ("set", "si", "target.default.enable", 1), ("set", "ss", "target.new.outputs", "all"),
            ("set", "si", "wled.new.rate_hz", 50), ("set", "ss", "os2l.new.host", address),
            ("set", "ss", "mqtt.new.host", address), ("set", "ss", "midi_in.bind", "note 1: tap"),
            ("set", "ss", "link.enable", "true"), ("preset", "s", "target/wled"),
            ("learn", "s", "set target.default.enable 1")):
        ack = ask_padded(analyzer, command, types, *arguments)
        check(ack and ack[1:] == (0, "confirm first"),
              "a stranger's %s %s is refused" % (command, arguments[0]), ack)
    for command, types, *arguments in (
            ("set", "sf", "onset.threshold", 0.4), ("set", "sf", "target.default.offset_ms", -5.0),
            ("preset", "s", "genre/techno"), ("mute", "si", "default", 0)):
        ack = ask_padded(analyzer, command, types, *arguments)
        check(ack and ack[1] == 1, "a stranger's %s %s is done" % (command, arguments[0]), ack)
    check(not packets(victim, 1.5, 1), "nothing goes where he wanted it")


def check_stranger(address):
    """To one who has not confirmed nothing goes that is larger than what came from there."""
    analyzer = Open(address, 2)
    end = time.monotonic() + 20
    while time.monotonic() < end and not packets(analyzer.socket, 0.25, 1):
        analyzer.send(message("/ja/ctl/subscribe", "si", "all", 0))
    answers_to(analyzer)
    worst, numbers = measure(analyzer)
    check(worst <= 1, "no answer to a stranger is larger than what he sent", "%.2f" % worst)
    check(len(numbers) >= 2, "he is asked to confirm when he subscribes", numbers)
    print("# bytes answered per byte of a stranger's: at most %.2f, over all commands" % worst)
    check(not packets(analyzer.socket, 1.5, 1), "nothing else is sent to him")
    check_direction(analyzer, address)
    ack = analyzer.ask("confirm", "i", numbers[0] ^ 1, seconds=0.5)
    check(not ack or ack[1] == 0, "a wrong number does not confirm", ack)
    other = analyzer.socket
    analyzer.socket, _ = receiver_at(address)
    ack = analyzer.ask("confirm", "i", numbers[0], seconds=0.5)
    check(not ack or ack[1] == 0, "nor the right one from another port", ack)
    analyzer.socket = other
    answers_to(analyzer, message("/ja/ctl/confirm", "i", numbers[0]))
    ack = analyzer.ask("ping")
    check(ack == ("ping", 1, "pong"), "once he has said it back, answers are whole", ack)
    ack = analyzer.ask("subscribe", "si", "heartbeat", 0)
    check(ack and ack[1] == 1, "and he can subscribe", ack)
    ack = analyzer.ask("set", "ss", "target.new.host", address)
    check(ack and ack[1] == 1, "and say where things go", ack)
    check(addresses(analyzer.socket, 5, "/ja/heartbeat"), "and gets what he asked for")
    status, errors = analyzer.stop()
    check(status == 0, "it ends with status 0", errors[-500:])


def main():
    if not os.access(PROGRAM, os.X_OK):
        print("1..0 # SKIP there is no " + PROGRAM)
        return 0
    analyzer = Analyzer()
    alive = analyzer.wait()
    check(alive, "the program answers ping within 20 s, without a JACK server")
    if alive:
        check_local(analyzer)
        check_flood(analyzer)
    status, errors = analyzer.stop()
    check(status == 0, "it ends with status 0", "status %s" % status)
    check(len(errors) < 20000 and "ERROR: " not in errors, "the log is short",
          errors[-500:].replace("\n", "\n# "))
    check_stranger(own_network.ADDRESS)
    print("1..%d" % sum(results))
    return 1 if results[1] else 0


if __name__ == "__main__":
    own_network.enter()
    sys.exit(main())
