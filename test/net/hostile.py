#!/usr/bin/python3
# Throws hostile packets at the OSC control port of the real program: it must live, and answer.
# Time limit: 100 s
#
# SPDX-License-Identifier: GPL-3.0-or-later

import os
import random
import select
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

PROGRAM = os.path.join(os.environ.get("BUILD", "build/plain"), "jack-analyzer")
results = [0, 0]


def check(passed, name, why=""):
    results[not passed] += 1
    number = sum(results)
    print("%s %d - %s" % ("ok" if passed else "not ok", number, name), flush=True)
    if not passed and why:
        print("# " + str(why), flush=True)


# --- OSC ---


def padded(data):
    return data + b"\0" * (4 - len(data) % 4)


def message(address, types="", *arguments):
    packet = padded(address.encode()) + padded(b"," + types.encode())
    for kind, value in zip(types, arguments):
        if kind == "s":
            packet += padded(value.encode())
        else:
            packet += struct.pack(">" + kind, value)
    return packet


def bundle(*elements):
    return b"#bundle\0" + b"\0" * 7 + b"\1" + b"".join(
        struct.pack(">I", len(one)) + one for one in elements)


def text_at(packet, at):
    end = packet.index(b"\0", at)
    return packet[at:end].decode(), end + 4 - end % 4


def read_ack(packet):
    """(command, done, text) of an acknowledgement; anything else is a fault."""
    address, at = text_at(packet, 0)
    types, at = text_at(packet, at)
    assert (address, types) == ("/ja/ack", ",sis"), packet
    command, at = text_at(packet, at)
    (done,) = struct.unpack_from(">i", packet, at)
    text, at = text_at(packet, at + 4)
    assert at == len(packet) and done in (0, 1)
    return command, done, text


# --- The program ---


def free_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Analyzer:
    """The program on ports of its own; it waits for a JACK server that there is not."""

    def __init__(self):
        self.port = free_port()
        self.target = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.target.bind(("127.0.0.1", 0))
        options = ["control.port=%d" % self.port,
                   "target.default.port=%d" % self.target.getsockname()[1]]
        self.settings = tempfile.NamedTemporaryFile(suffix=".conf")  # none of the user's own
        self.log = tempfile.TemporaryFile()
        command = [PROGRAM, "-s", "ja-%d-none" % os.getpid(), "-c", self.settings.name]
        for option in options:
            command += ["-S", option]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=self.log)
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))

    def send(self, packet):
        self.socket.sendto(packet, ("127.0.0.1", self.port))

    def receive(self, seconds):
        if not select.select([self.socket], [], [], seconds)[0]:
            return None
        return self.socket.recv(65536)

    def ask(self, command, types="", *arguments, seconds=5.0):
        """The acknowledgement of a command, or None."""
        self.send(message("/ja/ctl/" + command, types, *arguments))
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            packet = self.receive(end - time.monotonic())
            if packet:
                ack = read_ack(packet)
                if ack[0] == command:
                    return ack
        return None

    def drain(self):
        while self.receive(0.2):
            pass

    def ping_ms(self):
        """How long an answer to ping takes; infinite when there is none."""
        for _ in range(20):
            start = time.monotonic()
            ack = self.ask("ping", seconds=1.0)
            if ack == ("ping", 1, "pong"):
                return 1000 * (time.monotonic() - start)
        return float("inf")

    def wait(self):
        end = time.monotonic() + 20
        while time.monotonic() < end and self.process.poll() is None:
            if self.ask("ping", seconds=0.25):
                return True
        return False

    def cpu_s(self):
        with open("/proc/%d/stat" % self.process.pid) as stat:
            fields = stat.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def rests(self):
        """Whether in the next second it needs less than half of a processor."""
        before = self.cpu_s()
        time.sleep(1)
        return self.cpu_s() - before < 0.5

    def rss_kb(self):
        with open("/proc/%d/statm" % self.process.pid) as statm:
            return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") // 1024

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.seek(0)
        return self.process.returncode, self.log.read().decode(errors="replace")


# --- What is thrown ---

VALID = bundle(message("/ja/ctl/get", "s", "target.default.port"),
               bundle(message("/ja/ctl/ping")), message("/x", "ifs", 1, 2.0, "three"))


def mutations(count):
    chance = random.Random(1)
    for _ in range(count):
        packet = bytearray(VALID)
        for _ in range(chance.randint(1, 8)):
            packet[chance.randrange(len(packet))] = chance.randrange(256)
        yield bytes(packet)


def noise(count):
    chance = random.Random(2)
    for _ in range(count):
        yield bytes(chance.randrange(256) for _ in range(chance.randrange(200)))


def nested(depth):
    packet = message("/ja/ctl/ping")
    for _ in range(depth):
        packet = bundle(packet)
    return packet


def nasty():
    yield b""
    yield b"/*?*?*?*?*?*?*b\0"
    yield b"/" * 65504
    yield b"#bundle\0" * 8000
    yield b"/a\0\0,b\0\0\xff\xff\xff\xfd"
    yield b"/a\0\0,s\0\0" + b"x" * 60000
    yield padded(b"/ja/ctl/" + b"p" * 60000) + b",\0\0\0"
    yield message("/ja/ctl/set", "ss", "onset.threshold", "9" * 60000)
    yield message("/ja/ctl/set", "ss", "%s%s%s%n" * 100, "%n")
    yield message("/ja/ctl/set", "sf", "onset.threshold", float("nan"))
    yield message("/ja/ctl/preset", "s", "../" * 100 + "etc/passwd")
    yield message("/ja/ctl/get", "s" * 32, *["x"] * 32)
    yield message("/ja/ctl/ping", "T" * 1000)
    yield bundle(*[message("/ja/ctl/ping")] * 2500)
    for depth in range(0, 2000, 97):
        yield nested(depth)


def flood(analyzer, packets):
    """Sends without waiting; returns packets per second."""
    start, count = time.monotonic(), 0
    for packet in packets:
        try:
            analyzer.send(packet)
        except OSError:
            continue
        count += 1
    return count / max(time.monotonic() - start, 1e-3)


def attack(analyzer, name, packets):
    rate = flood(analyzer, packets)
    analyzer.drain()
    ms = analyzer.ping_ms()
    check(ms < 1000, "ping is answered after %s" % name, "after %s ms" % ms)
    print("# %s: %.0f packets/s, then ping in %.1f ms" % (name, rate, ms))


def check_commands(analyzer):
    """Every command is acknowledged, whether it is possible or not."""
    listed = subprocess.run([PROGRAM, "--list-commands"], capture_output=True, text=True)
    names = [line.split()[0] for line in listed.stdout.splitlines() if "/ja/ctl/" in line]
    names = [name.split("/")[-1] for name in names]
    check(listed.returncode == 0 and "ping" in names, "--list-commands lists them",
          listed.stdout + listed.stderr)
    right = {"set": ("ss", "target.default.pulse_ms", "100"),
             "get": ("s", "target.default.pulse_ms"),
             "preset": ("s", "genre/no-such-preset"),
             "mute": ("si", "target.default", 0)}
    done = {}
    for name in names:
        ack = analyzer.ask(name, *right.get(name, ("",)))
        check(ack is not None and ack[2] != "", "%s is acknowledged" % name)
        done[name] = ack and ack[1]
        ack = analyzer.ask(name, "ffff", 1.0, 2.0, 3.0, 4.0)
        check(ack is not None and ack[1] == 0, "%s with wrong arguments is refused" % name, ack)
    for name in ("set", "get", "reset", "pause", "resume", "ping", "get_stats"):
        check(done.get(name) == 1, "%s is done" % name)
    check(done.get("preset") == 0, "an unknown preset is refused")
    ack = analyzer.ask("get", "s", "target.default.pulse_ms")
    check(ack is not None and ack[2].startswith("100"), "get tells what set has set", ack)
    ack = analyzer.ask("rest")
    check(ack is not None and ack[1] == 0 and "reset" in ack[2],
          "an unknown command is answered with the nearest", ack)
    ack = analyzer.ask("set", "ss", "target.default.puls_ms", "1")
    check(ack is not None and ack[1] == 0 and "pulse_ms" in ack[2],
          "an unknown option is answered with the nearest", ack)
    ack = analyzer.ask("set", "sf", "target.default.pulse_ms", 1e9)
    check(ack is not None and ack[1] == 0 and "2000" in ack[2],
          "a value out of range is answered with the range", ack)
    ack = analyzer.ask("set", "si", "wled.new.port", 9)
    check(ack is not None and ack[1] == 1 and analyzer.ask("mute", "si", "new", 1),
          "an output that was not there can be made live", ack)


def check_amplification(analyzer):
    analyzer.send(message("/ja/ctl/get_stats"))
    packet = analyzer.receive(5)
    check(packet is not None and len(packet) <= 1024, "an answer is 1024 bytes at most")
    analyzer.send(message("/ja/ack", "sis", "ping", 1, "pong"))
    analyzer.send(message("/elsewhere"))
    analyzer.send(b"no OSC")
    check(analyzer.receive(0.5) is None, "what is no command gets no answer")


def check_heartbeat(analyzer):
    """Under a flood the target still hears from the program once a second."""
    analyzer.target.setblocking(False)
    try:
        while True:
            analyzer.target.recv(65536)
    except BlockingIOError:
        pass
    beats, end = 0, time.monotonic() + 4
    while time.monotonic() < end:
        flood(analyzer, list(mutations(100)))
        time.sleep(0.005)
        try:
            while True:
                beats += analyzer.target.recv(65536).startswith(b"/ja/heartbeat\0")
        except BlockingIOError:
            pass
    check(beats >= 2, "the heartbeat goes on during a flood", "%d in 4 s" % beats)


def main():
    if not os.access(PROGRAM, os.X_OK):
        print("1..0 # SKIP there is no " + PROGRAM)
        return 0
    analyzer = Analyzer()
    alive = analyzer.wait()
    check(alive, "the program answers ping within 20 s, without a JACK server")
    if alive:
        check_commands(analyzer)
        check_amplification(analyzer)
        analyzer.drain()
        rss = analyzer.rss_kb()
        attack(analyzer, "hostile packets", nasty())
        attack(analyzer, "noise", noise(5000))
        attack(analyzer, "damaged packets", mutations(20000))
        attack(analyzer, "pings without pause", (message("/ja/ctl/ping") for _ in range(20000)))
        check_heartbeat(analyzer)
        analyzer.drain()
        check(any(analyzer.rests() for _ in range(20)), "afterwards it is at rest")
        grown = analyzer.rss_kb() - rss
        if "address" not in PROGRAM:  # that sanitizer keeps what is freed for a while
            check(grown < 20000, "memory has not grown", "%d KiB" % grown)
    status, errors = analyzer.stop()
    check(status == 0, "it ends with status 0", "status %s" % status)
    check("ERROR: " not in errors and "runtime error" not in errors, "no sanitizer complains",
          errors[-2000:].replace("\n", "\n# "))
    check(len(errors) < 20000, "the log was not flooded", "%d bytes" % len(errors))
    print("1..%d" % sum(results))
    return 1 if results[1] else 0


if __name__ == "__main__":
    sys.exit(main())
