# The program with its web service, and plain clients of it: HTTP and WebSocket by hand (RFC 6455).
#
# SPDX-License-Identifier: GPL-3.0-or-later

import base64
import hashlib
import json
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "net"))
from hostile import PROGRAM, free_port, message, read_ack

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
MASK = b"\x01\x82\x43\xf4"


def free_tcp_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def strict_json(text):
    def refuse(word):
        raise ValueError("not a number: " + word)

    return json.loads(text, parse_constant=refuse)


def frame(opcode, payload=b"", final=True, mask=True, reserved=0, length=None):
    size = len(payload) if length is None else length
    head = bytes([final << 7 | reserved << 4 | opcode])
    bit = 128 if mask else 0
    if size < 126:
        head += bytes([bit | size])
    elif size < 65536:
        head += bytes([bit | 126]) + struct.pack(">H", size)
    else:
        head += bytes([bit | 127]) + struct.pack(">Q", size)
    if not mask:
        return head + payload
    return head + MASK + bytes(b ^ MASK[i % 4] for i, b in enumerate(payload))


class Program:
    """The program, playing its demo to itself; all its ports are free ones."""

    def __init__(self, *options, port=None, paced="synth:demo", state=None):
        self.port = port or free_tcp_port()
        self.control = free_port()
        self.target = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.target.bind(("127.0.0.1", 0))
        self.settings = tempfile.NamedTemporaryFile(suffix=".conf")
        self.state = state or tempfile.TemporaryDirectory()
        self.log = tempfile.TemporaryFile()
        all_options = ["control.port=%d" % self.control, "web.port=%d" % self.port,
                       "target.default.port=%d" % self.target.getsockname()[1]]
        command = [PROGRAM, "-c", self.settings.name, "-f", paced, "--paced"]
        for option in all_options + list(options):
            command += ["-S", option]
        self.process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=self.log,
            env=dict(os.environ, XDG_STATE_HOME=self.state.name, STATE_DIRECTORY=""))

    def wait_until_there(self):
        end = time.monotonic() + 20
        while time.monotonic() < end and self.process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return True
            except OSError:
                time.sleep(0.05)
        return False

    def wait_for_osc(self):
        """Whether OSC is answered within 20 s, and so all of the start is done."""
        return any(self.ask_osc("ping", seconds=0.5)[0] for _ in range(40))

    def wait_for_sound(self):
        """Most commands are refused before some has come."""
        end = time.monotonic() + 20
        while time.monotonic() < end:
            body = request(self.port, "GET", "/api/v1/stream/list")[2]
            if strict_json(body)["streams"][0]["time"] > 0:
                return True
            time.sleep(0.05)
        return False

    def ask_osc(self, command, types="", *arguments, seconds=5.0):
        """(command, done, text), and after how many seconds; None when no answer comes."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as own:
            own.bind(("127.0.0.1", 0))
            start = time.monotonic()
            own.sendto(message("/ja/ctl/" + command, types, *arguments),
                       ("127.0.0.1", self.control))
            if not select.select([own], [], [], seconds)[0]:
                return None, seconds
            return read_ack(own.recv(65536)), time.monotonic() - start

    def log_text(self):
        self.log.seek(0)
        return self.log.read().decode("utf-8", "replace")

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        return self.process.returncode


def read_until_closed(connection, seconds):
    data, end = b"", time.monotonic() + seconds
    while time.monotonic() < end:
        connection.settimeout(max(0.01, end - time.monotonic()))
        try:
            piece = connection.recv(65536)
        except (TimeoutError, ConnectionResetError):
            break
        if not piece:
            break
        data += piece
    return data


def connect(port, seconds, tls=None):
    """By TLS where a context is given, which knows us by the address."""
    plain = socket.create_connection(("127.0.0.1", port), seconds)
    return tls.wrap_socket(plain, server_hostname="127.0.0.1") if tls else plain


def request(port, method, path, headers=(), body=b"", host=None, seconds=10, tls=None):
    """(status, headers, body); status 0 when there is no answer."""
    lines = ["%s %s HTTP/1.1" % (method, path), "Connection: close"]
    if host is None:
        host = "127.0.0.1:%d" % port
    if host:
        lines.append("Host: " + host)
    if body or method in ("PUT", "POST"):
        lines.append("Content-Length: %d" % len(body))
    raw = "\r\n".join(lines + list(headers)).encode() + b"\r\n\r\n" + body
    with connect(port, seconds, tls) as connection:
        try:
            connection.sendall(raw)
        except OSError:
            pass
        data = read_until_closed(connection, seconds)
    head, _, body = data.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    words = lines[0].split()
    fields = dict(line.lower().split(": ", 1) for line in lines[1:] if ": " in line)
    return int(words[1]) if len(words) > 1 else 0, fields, body


def quickest(port, path, tls=None):
    """(the worst status, seconds that the quickest took) of five requests: the others may have
    waited for the machine."""
    statuses, seconds = [], []
    for _ in range(5):
        start = time.monotonic()
        statuses.append(request(port, "GET", path, tls=tls)[0])
        seconds.append(time.monotonic() - start)
    return max(statuses, key=lambda status: status != 200), min(seconds)


class WebSocket:
    """A client; `status` of the handshake is 101 when it is open."""

    def __init__(self, port, path="/api/v1/events", host=None, headers=(), version=13, key=True,
                 buffer=None, tls=None):
        self.socket = socket.socket()
        if buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        self.socket.settimeout(10)
        self.socket.connect(("127.0.0.1", port))
        if tls:
            self.socket = tls.wrap_socket(self.socket, server_hostname="127.0.0.1")
        self.key = base64.b64encode(os.urandom(16)).decode()
        lines = ["GET %s HTTP/1.1" % path, "Upgrade: websocket", "Connection: Upgrade",
                 "Host: " + (host if host is not None else "127.0.0.1:%d" % port)]
        if version:
            lines.append("Sec-WebSocket-Version: %d" % version)
        if key:
            lines.append("Sec-WebSocket-Key: " + self.key)
        self.socket.sendall("\r\n".join(lines + list(headers)).encode() + b"\r\n\r\n")
        self.data = b""
        self.head = self.read_head()
        words = self.head.split()
        self.status = int(words[1]) if len(words) > 1 else 0

    def read_head(self):
        while b"\r\n\r\n" not in self.data:
            try:
                piece = self.socket.recv(65536)
            except OSError:
                break
            if not piece:
                break
            self.data += piece
        head, _, self.data = self.data.partition(b"\r\n\r\n")
        return head.decode("latin-1")

    def accepted(self):
        guid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        digest = hashlib.sha1((self.key + guid).encode()).digest()
        return "sec-websocket-accept: " + base64.b64encode(digest).decode() in \
            self.head.replace("Sec-WebSocket-Accept", "sec-websocket-accept")

    def send(self, data):
        try:
            self.socket.sendall(data)
        except OSError:
            pass

    def say(self, value):
        self.send(frame(TEXT, json.dumps(value).encode()))

    def need(self, size, end):
        while len(self.data) < size:
            left = end - time.monotonic()
            if left <= 0:
                return False
            self.socket.settimeout(left)
            try:
                piece = self.socket.recv(65536)
            except TimeoutError:
                return False
            except OSError:
                piece = b""
            if not piece:
                raise ConnectionError
            self.data += piece
        return True

    def hear(self, seconds=5):
        """(opcode, payload); (None, None) when nothing comes; ConnectionError at the end."""
        end = time.monotonic() + seconds
        if not self.need(2, end):
            return None, None
        size, at = self.data[1] & 127, 2
        assert not self.data[1] & 128 and not self.data[0] & 0x70, "masked, or reserved bits"
        if size > 125:
            more = 2 if size == 126 else 8
            if not self.need(2 + more, end):
                return None, None
            size, at = int.from_bytes(self.data[2:2 + more], "big"), 2 + more
        if not self.need(at + size, end):
            return None, None
        opcode, payload = self.data[0] & 15, self.data[at:at + size]
        self.data = self.data[at + size:]
        return opcode, payload

    def wait(self, wanted, seconds=10):
        """The first text message that is `wanted`; None when none comes."""
        end = time.monotonic() + seconds
        try:
            while time.monotonic() < end:
                opcode, payload = self.hear(end - time.monotonic())
                if opcode == PING:
                    self.send(frame(PONG, payload))
                if opcode == TEXT:
                    value = strict_json(payload)
                    if wanted(value):
                        return value
        except ConnectionError:
            pass
        return None

    def wait_for_close(self, seconds=10):
        """Code of the close frame; 0: it ends without one, None: it does not end."""
        end = time.monotonic() + seconds
        try:
            while time.monotonic() < end:
                opcode, payload = self.hear(end - time.monotonic())
                if opcode == CLOSE:
                    return struct.unpack(">H", payload[:2])[0] if len(payload) > 1 else 1005
        except ConnectionError:
            return 0
        return None

    def wait_for(self, opcode, seconds=10):
        """Payload of the first frame of this kind, None when none comes."""
        end = time.monotonic() + seconds
        try:
            while time.monotonic() < end:
                one, payload = self.hear(end - time.monotonic())
                if one == opcode:
                    return payload
        except ConnectionError:
            pass
        return None

    def ask(self, value, seconds=10):
        """The answer to a command with an id of its own."""
        number = time.monotonic_ns()
        self.say(dict(value, id=number))
        return self.wait(lambda answer: answer.get("id") == number, seconds)

    def close(self):
        self.socket.close()
