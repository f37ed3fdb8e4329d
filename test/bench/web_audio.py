#!/usr/bin/python3
# What sound by WebSocket costs those who have nothing to do with it: how late beats come by OSC and
# events by WebSocket beside listeners, and beside browsers that send; memory of a stream; and whether
# anything is left behind by many that come and go.
#
#   test/bench/web_audio.py [SECONDS [CYCLES]]
#
# All crowds stand beside the same run of the program, and what is told is the difference between
# them: a busy machine delays everything, with or without a crowd.
#
# SPDX-License-Identifier: GPL-3.0-or-later

import array
import math
import multiprocessing
import os
import select
import socket
import struct
import sys
import threading
import time

sys.dont_write_bytecode = True  # of the modules that are used
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "web"))
from audio import count, cycle, memory_kb, settle
from client import BINARY, PONG, Program, WebSocket, frame, strict_json

SO_TIMESTAMPNS = 35
RATE, CHUNK_S = 44100, 0.1


def hear(port, target, stop, results):
    """Beats by OSC, timed by the kernel, and events by WebSocket: when each came, and its time in
    the sound."""
    target.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    target.setblocking(False)
    ahead = time.time() - time.monotonic()
    bus = WebSocket(port)
    bus.say({"command": "subscribe", "outputs": ["beat", "onset"]})
    osc, due, events, next_pong = {}, {}, [], 0
    while not stop.is_set():
        if time.monotonic() > next_pong:  # who is silent for long is taken for gone
            next_pong = time.monotonic() + 10
            bus.send(frame(PONG))
        ready = select.select([target, bus.socket], [], [], 0.1)[0]
        if target in ready:
            packet, extra, _, _ = target.recvmsg(65536, 64)
            at = packet.find(b"/ja/beat\0")
            seconds, nanoseconds = struct.unpack("qq", extra[0][2][:16])
            if at >= 0:
                osc[struct.unpack_from(">i", packet, at + 20)[0]] = \
                    seconds + nanoseconds * 1e-9 - ahead
        if bus.socket not in ready and not bus.data:
            continue
        opcode, payload = bus.hear(0.001)
        now, message = time.monotonic(), strict_json(payload) if opcode == 1 else {}
        if message.get("type") in ("beat", "onset"):
            if message["type"] == "beat":
                due[message["seq"]] = message["time"]
            events.append((now, message["emitted"]))
    results.put(([(osc[seq], due[seq]) for seq in osc if seq in due], events))


def measure(program, seconds):
    stop, results = multiprocessing.Event(), multiprocessing.Queue()
    ear = multiprocessing.Process(target=hear,
                                  args=(program.port, program.target, stop, results))
    while select.select([program.target], [], [], 0)[0]:
        program.target.recv(65536)
    ear.start()
    time.sleep(seconds)
    stop.set()
    measured = results.get(timeout=30)
    ear.join()
    return measured


class Crowd:
    """Reads all its sockets in a thread, and sends what it is given ten times a second."""

    def __init__(self, sockets, chunk=None):
        self.sockets, self.chunk, self.ended = sockets, chunk, False
        for one in sockets:
            one.socket.setblocking(False)
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        poller = select.poll()
        by_fd = {one.socket.fileno(): one.socket for one in self.sockets}
        for fd in by_fd:
            poller.register(fd, select.POLLIN)
        next_s = next_pong = time.monotonic()
        while not self.ended:
            for fd, _ in poller.poll(20):
                by_fd[fd].recv(1 << 20)
            if time.monotonic() > next_pong:
                next_pong += 10
                for one in self.sockets:
                    one.socket.send(frame(PONG))
            if self.chunk and time.monotonic() >= next_s:
                next_s += CHUNK_S
                for one in self.sockets:
                    one.socket.send(self.chunk)

    def end(self):
        self.ended = True
        self.thread.join()
        for one in self.sockets:
            one.close()


def browsers(port):
    many = [WebSocket(port) for _ in range(100)]
    for one in many:
        one.say({"command": "subscribe", "outputs": ["analysis", "beat"], "rate_hz": 30})
    return Crowd(many)


def listeners(port):
    return Crowd([WebSocket(port, "/api/v1/monitor/main") for _ in range(20)])


def senders(port):
    sound = array.array("f", [0.5 * math.sin(0.03 * i) * math.exp(-(i % 22050) / 2000)
                              for i in range(int(RATE * CHUNK_S))]).tobytes()
    return Crowd([WebSocket(port, "/api/v1/stream/audio/bench-%d?rate=%d" % (i, RATE))
                  for i in range(50)], frame(BINARY, sound))


def lateness_ms(pairs):
    """How much later than the soonest, sorted."""
    delays = [came - due for came, due in pairs]
    return sorted(1000 * (delay - min(delays)) for delay in delays)


def row(name, beats, events, before):
    figures = []
    for kind, pairs in (("beats by OSC", beats), ("events by WebSocket", events)):
        late = lateness_ms(pairs)
        shares = [late[int(share * len(late))] for share in (0.5, 0.9, 0.99)]
        first = before.setdefault(kind, shares)
        figures.append("%s (%d): half, 90, 99 %% below %.2f, %.2f, %.2f ms (x %.2f, %.2f, %.2f)" %
                       (kind, len(late), *shares, *(a / b for a, b in zip(shares, first))))
    print("%-32s %s" % (name, "; ".join(figures)), flush=True)


def run_crowds(seconds):
    before = {}
    for name, crowd in [("nobody", None), ("100 browsers, 30 Hz", browsers),
                        ("20 listeners", listeners), ("50 senders", senders), ("nobody", None)]:
        program = Program("web.clients=400", paced="synth:drums?bpm=125&seconds=3600")
        program.wait_until_there()
        time.sleep(5)
        empty = memory_kb(program.process.pid)
        there = crowd and crowd(program.port)
        time.sleep(2)
        row(name, *measure(program, seconds), before)
        if crowd == senders:
            print("    a stream takes %.2f MB" %
                  ((memory_kb(program.process.pid) - empty) / 1024 / 50), flush=True)
        if there:
            there.end()
        program.stop()


def run_cycles(cycles):
    program = Program("web.resume_s=0", "web.clients=400", paced="synth:drums?seconds=3600")
    program.wait_until_there()
    pid, seen, start = program.process.pid, [], time.monotonic()
    for number in range(cycles):
        cycle(program.port, number)
        if number % (cycles // 5) == 99:
            settle(program.port)
            seen.append((number + 1, count(pid, "fd"), count(pid, "task"), memory_kb(pid)))
    settle(program.port)
    seen.append((cycles, count(pid, "fd"), count(pid, "task"), memory_kb(pid)))
    print("%d streams, listeners and controllers came and went in %.0f s; after so many: "
          "descriptors, threads, KB" % (cycles, time.monotonic() - start))
    for one in seen:
        print("    %6d: %d, %d, %d" % one)
    program.stop()


def main():
    run_crowds(float(sys.argv[1]) if len(sys.argv) > 1 else 60)
    run_cycles(int(sys.argv[2]) if len(sys.argv) > 2 else 10000)


if __name__ == "__main__":
    main()
