#!/usr/bin/python3
# Plays to many WebSockets at once and measures what that costs the program.
#
#   test/bench/web.py [CLIENTS [SECONDS]]
#
# SPDX-License-Identifier: GPL-3.0-or-later

import os
import select
import statistics
import sys
import time

sys.dont_write_bytecode = True  # of the module that is used
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "web"))
from client import Program, WebSocket


def cpu_seconds(pid):
    with open("/proc/%d/stat" % pid) as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory_mb(pid):
    with open("/proc/%d/status" % pid) as file:
        line = next(line for line in file if line.startswith("VmRSS:"))
    return int(line.split()[1]) / 1024


def count_frames(one, data):
    """Whole messages in what has come; the rest stays with the client."""
    one.data += data
    count, at = 0, 0
    while len(one.data) - at >= 2:
        size, head = one.data[at + 1] & 127, 2
        if size > 125:
            more = 2 if size == 126 else 8
            size = int.from_bytes(one.data[at + 2:at + 2 + more], "big")
            head += more
        if len(one.data) - at < head + size:
            break
        at += head + size
        count += 1
    one.data = one.data[at:]
    return count


def drain(clients, seconds=1.0):
    """Reads away what has waited."""
    by_socket = {one.socket: one for one in clients}
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for ready in select.select(list(by_socket), [], [], 0.1)[0]:
            count_frames(by_socket[ready], ready.recv(1 << 20))


def measure(program, clients, seconds):
    """Reads all clients for so long and sends an OSC ping ten times a second."""
    poller = select.poll()
    by_fd = {one.socket.fileno(): one for one in clients}
    for one in clients:
        one.socket.setblocking(False)
        poller.register(one.socket, select.POLLIN)
    pid, delays, messages, size = program.process.pid, [], dict.fromkeys(by_fd, 0), 0
    start, cpu = time.monotonic(), cpu_seconds(program.process.pid)
    next_ping = start
    while time.monotonic() - start < seconds:
        for fd, _ in poller.poll(10):
            data = by_fd[fd].socket.recv(1 << 20)
            size += len(data)
            messages[fd] += count_frames(by_fd[fd], data)
        if time.monotonic() >= next_ping:
            delays.append(program.ask_osc("ping")[1] * 1000)
            next_ping += 0.1
    took = time.monotonic() - start
    rates = sorted(count / took for count in messages.values()) or [0]
    delays.sort()
    print("%4d clients: %6.1f %% of a core, %5.1f MB, %5.1f MB/s; each %.1f to %.1f messages/s; "
          "OSC ping median %.2f ms, 95 %% below %.2f ms" %
          (len(clients), 100 * (cpu_seconds(pid) - cpu) / took, memory_mb(pid), size / took / 1e6,
           rates[0], rates[-1], statistics.median(delays), delays[int(0.95 * len(delays))]),
          flush=True)


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    seconds = float(sys.argv[2]) if len(sys.argv) > 2 else 10
    program = Program("web.clients=400", "web.enable=true")
    if not program.wait_until_there():
        sys.exit(program.log_text())
    time.sleep(2)
    clients = []
    try:
        for number in sorted({0, 1, count}):
            while len(clients) < number:
                one = WebSocket(program.port)
                one.say({"command": "subscribe", "outputs": ["analysis"], "rate_hz": 30})
                one.socket.setblocking(True)
                clients.append(one)
            drain(clients)
            measure(program, clients, seconds)
    finally:
        program.stop()


if __name__ == "__main__":
    main()
