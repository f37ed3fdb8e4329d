#!/usr/bin/python3
# Asks the real program by OSCQuery what there is, listens, steers, and does what it must not mind.
# Time limit: 90 s
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
import urllib.error
import urllib.request

sys.dont_write_bytecode = True  # of the module beside this file
from hostile import PROGRAM, Analyzer, check, free_port, message, results, text_at


class Queried(Analyzer):
    """The program, with OSCQuery on a port of its own."""

    def __init__(self, web=None):
        self.port = free_port()
        self.web = web or free_port()
        self.log = tempfile.TemporaryFile()
        self.settings = tempfile.NamedTemporaryFile(suffix=".conf")
        command = [PROGRAM, "-s", "ja-%d-none" % os.getpid(), "-c", self.settings.name]
        for option in ("control.port=%d" % self.port, "oscquery.port=%d" % self.web,
                       "target.default.enable=false"):
            command += ["-S", option]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=self.log)
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))

    def get(self, path, **headers):
        """(status, JSON or None)"""
        request = urllib.request.Request("http://127.0.0.1:%d%s" % (self.web, path),
                                         headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                body = answer.read()
                return answer.status, json.loads(body) if body else None
        except urllib.error.HTTPError as error:
            return error.code, None

    def upgrade(self, *headers):
        """A WebSocket, or None."""
        stream = socket.create_connection(("127.0.0.1", self.web), 10)
        lines = ["GET / HTTP/1.1", "Upgrade: websocket", "Connection: Upgrade",
                 "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version: 13"]
        stream.sendall("\r\n".join([*lines, *(headers or ["Host: localhost"]), "", ""]).encode())
        answer = b""
        while b"\r\n\r\n" not in answer:
            more = stream.recv(1)
            if not more:
                return None
            answer += more
        return stream if b" 101 " in answer else None


def frame(opcode, data):
    return struct.pack(">BBH", 0x80 | opcode, 0x80 | 126, len(data)) + b"\0\0\0\0" + data


def read_frame(stream, seconds):
    """(opcode, data), or None."""
    def read(size):
        data = b""
        while len(data) < size:
            if not select.select([stream], [], [], seconds)[0]:
                return None
            more = stream.recv(size - len(data))
            if not more:
                return None
            data += more
        return data
    head = read(2)
    if not head:
        return None
    size = head[1]
    if size == 126:
        size = struct.unpack(">H", read(2))[0]
    return head[0] & 15, read(size)


def wait_for(stream, address, seconds):
    """The next packet to the address by WebSocket, or None."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        got = read_frame(stream, end - time.monotonic())
        if not got:
            return None
        if got[0] == 2 and text_at(got[1], 0)[0] == address:
            return got[1]
    return None


def value_of(analyzer, path):
    return analyzer.get(path + "?VALUE")[1]["VALUE"][0]


def soon(condition, seconds=5):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.02)
    return False


def leaves(node):
    if "TYPE" in node:
        yield node
    for child in node.get("CONTENTS", {}).values():
        yield from leaves(child)


def check_tree(analyzer):
    status, info = analyzer.get("/?HOST_INFO")
    check(status == 200 and info["OSC_PORT"] == analyzer.port, "it tells where OSC goes", info)
    tree = analyzer.get("/")[1]
    paths = {node["FULL_PATH"] for node in leaves(tree)}
    options = subprocess.run([PROGRAM, "--list-commands"], capture_output=True, text=True).stdout
    commands = {line.split()[0] for line in options.splitlines() if line.startswith("/ja/ctl/")}
    check(commands and commands <= paths, "every command is in the tree", commands - paths)
    check({"/ja/beat", "/ja/bands", "/ja/option/onset/threshold"} <= paths,
          "so are outputs and options")
    check(soon(lambda: analyzer.get("/ja/heartbeat?VALUE")[0] == 200),
          "values that have been sent are known")


def check_listening(analyzer):
    stream = analyzer.upgrade()
    stream.sendall(frame(1, b'{"COMMAND":"LISTEN","DATA":"/ja/heartbeat"}'))
    check(wait_for(stream, "/ja/heartbeat", 5), "who listens gets packets by WebSocket")
    stream.sendall(frame(1, b'{"COMMAND":"LISTEN","DATA":"/ja/option/onset/threshold"}'))
    stream.sendall(frame(2, message("/ja/option/onset/threshold", "f", 0.75)))
    check(soon(lambda: value_of(analyzer, "/ja/option/onset/threshold") == 0.75),
          "a packet by WebSocket sets an option")
    got = wait_for(stream, "/ja/option/onset/threshold", 5)
    check(got and got[-4:] == struct.pack(">f", 0.75), "and who listens is told", got)
    analyzer.send(message("/ja/option/onset/threshold", "f", 0.5))
    check(soon(lambda: value_of(analyzer, "/ja/option/onset/threshold") == 0.5),
          "so does one by UDP")
    stream.sendall(frame(2, message("/ja/option/target/stage/port", "i", 9000)))
    check(soon(lambda: analyzer.get("/ja/option/target/stage/port")[0] == 200),
          "a new target appears in the tree")
    stream.sendall(frame(2, message("/ja/ctl/subscribe", "si", "all", 9)))
    stream.sendall(frame(2, message("/ja/option/nonsense", "f", 0.5)))
    stats = json.loads(analyzer.ask("get_stats")[2])
    check("subscribers" not in stats, "by WebSocket nobody subscribes another", stats)
    stream.close()


def check_strangers(analyzer):
    check(analyzer.get("/", Host="evil.example")[0] == 403, "a strange Host is refused")
    check(analyzer.get("/", Origin="http://evil.example")[0] == 403, "so is a strange Origin")
    check(not analyzer.upgrade("Host: localhost", "Origin: http://evil.example"),
          "and a stranger's WebSocket")
    stream = analyzer.upgrade("Host: localhost", "Origin: http://localhost")
    check(stream, "but not our own page's")
    stream.close()


def check_flood(analyzer):
    """Idle connections, readers that do not read and floods: OSC goes on."""
    idle = [socket.create_connection(("127.0.0.1", analyzer.web)) for _ in range(100)]
    deaf = [analyzer.upgrade() for _ in range(8)]
    for stream in deaf:
        for path in ("/ja/phase", "/ja/level/rms", "/ja/stats", "/ja/heartbeat"):
            stream.sendall(frame(1, b'{"COMMAND":"LISTEN","DATA":"%s"}' % path.encode()))
    stream = analyzer.upgrade()
    stream.settimeout(0.5)
    packet, worst = frame(2, message("/ja/ctl/ping")), 0
    try:
        for _ in range(20):
            stream.sendall(packet * 500)
            worst = max(worst, analyzer.ping_ms())
    except OSError:
        pass
    check(worst < 1000, "commands are answered during a flood by WebSocket", "%.0f ms" % worst)
    took = []
    for _ in range(5):  # some may have to wait for the machine
        start = time.monotonic()
        status = analyzer.get("/ja/heartbeat")[0]
        took.append(time.monotonic() - start)
    check(status == 200 and min(took) < 2, "so are questions, beside 100 idle connections", took)
    for one in (*idle, *deaf, stream):
        one.close()


def main():
    listed = os.access(PROGRAM, os.X_OK) and subprocess.run(
        [PROGRAM, "--list-options"], capture_output=True, text=True).stdout
    if not listed or "oscquery.port" not in listed:
        print("1..0 # SKIP %s is not there or was built without it" % PROGRAM)
        return 0
    analyzer = Queried()
    alive = analyzer.wait()
    check(alive, "the program answers ping within 20 s, without a JACK server")
    if alive:
        check_tree(analyzer)
        check_listening(analyzer)
        check_strangers(analyzer)
        check_flood(analyzer)
        second = Queried(analyzer.web)
        check(second.wait(), "another one whose port is taken runs all the same")
        status, errors = second.stop()
        check("oscquery: cannot listen on 127.0.0.1, TCP port %d" % analyzer.web in errors,
              "and says so", errors)
    status, errors = analyzer.stop()
    check(status == 0, "it ends with status 0", "status %s" % status)
    check("ERROR: " not in errors and len(errors) < 20000, "the log is short",
          errors[-2000:].replace("\n", "\n# "))
    print("1..%d" % sum(results))
    return 1 if results[1] else 0


if __name__ == "__main__":
    sys.exit(main())
