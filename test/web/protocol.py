#!/usr/bin/python3
# HTTP and WebSocket of the real program: what it answers, whom it refuses, what it stands.
# Time limit: 150 s
#
# SPDX-License-Identifier: GPL-3.0-or-later

import json
import os
import re
import socket
import struct
import sys
import tempfile
import threading
import time

sys.dont_write_bytecode = True  # of the modules beside this file
from client import (BINARY, CLOSE, PING, PONG, TEXT, Program, WebSocket, frame, quickest,
                    read_until_closed, request, strict_json)
import own_network
from hostile import check, results

SECRET = b"nobody may read this"


# --- HTTP ---


def check_answers(port):
    for path, kind, key in [
            ("/api/v1/stream/list", "application/json", "streams"),
            ("/api/v1/stream/stats/main", "application/json", "processed"),
            ("/api/v1/stream/health", "application/json", "status"),
            ("/api/v1/options", "application/json", "options"),
            ("/api/v1/options/onset.threshold", "application/json", "value"),
            ("/api/v1/presets", "application/json", "presets"),
            ("/api/v1/commands", "application/json", "commands"),
            ("/api/v1/ports", "application/json", "ports"),
            ("/api/v1/openapi.json", "application/json", "openapi")]:
        status, fields, body = request(port, "GET", path)
        fine = status == 200 and fields.get("content-type") == kind
        check(fine and key in strict_json(body), "GET %s" % path, (status, fields, body[:200]))
        check(fields.get("content-length") == str(len(body)), "%s is whole" % path, fields)
    described = strict_json(request(port, "GET", "/api/v1/openapi.json")[2])["paths"]
    check(set(described["/api/v1/options/{name}"]) == {"get", "put"} and len(described) == 17,
          "every path is described once", list(described))
    status, fields, body = request(port, "HEAD", "/api/v1/stream/list")
    check(status == 200 and body == b"", "HEAD has no body", (status, body))


def check_headers(port):
    fields = request(port, "GET", "/")[1]
    policy = fields.get("content-security-policy", "")
    for part in ["default-src 'none'", "script-src 'self'", "style-src 'self'",
                 "frame-ancestors 'none'"]:
        check(part in policy, "the policy says " + part, policy)
    check("unsafe" not in policy, "the policy allows nothing unsafe", policy)
    check(fields.get("x-content-type-options") == "nosniff", "types are not guessed", fields)
    check(fields.get("referrer-policy") == "no-referrer", "no referrer is told", fields)


def check_metrics(port):
    status, fields, body = request(port, "GET", "/metrics")
    text = body.decode()
    check(status == 200 and fields["content-type"].startswith("text/plain; version=0.0.4"),
          "/metrics speaks Prometheus", fields)
    line = re.compile(r'(# (HELP|TYPE) .+|[a-z_]+(\{[a-z]+="[^"]*"(,[a-z]+="[^"]*")*\})? '
                      r'[-+.0-9e]+)$')
    bad = [one for one in text.splitlines() if not line.match(one)]
    check(not bad and 'jack_analyzer_load_ratio{stream="main"}' in text, "its lines are well made",
          bad)
    names = [one.split()[2] for one in text.splitlines() if one.startswith("# TYPE")]
    check(len(names) == len(set(names)) and len(names) > 10, "every metric is declared once", names)


def check_options(port):
    options = strict_json(request(port, "GET", "/api/v1/options")[2])["options"]
    kinds = {"bool": bool, "int": int, "float": (int, float), "choice": str, "string": str,
             "list": list}
    wrong = [o for o in options if not isinstance(o["value"], kinds[o["type"]]) or
             type(o["value"]) is not type(o["default"]) and o["type"] != "float"]
    check(len(options) > 80 and not wrong, "values have their types", wrong[:3])
    check(len({o["name"] for o in options}) == len(options), "every option is told once",
          [o["name"] for o in options])
    path = "/api/v1/options/onset.threshold"
    status, _, body = request(port, "PUT", path, body=b'{"value": 0.625}')
    check(status == 200 and strict_json(body)["value"] == 0.625 and
          strict_json(body)["origin"] == "live", "PUT changes an option", (status, body))
    for name, body, status in [
            ("onset.threshold", b'{"value": 99}', 400),
            ("onset.threshold", b'{"value": "loud"}', 400),
            ("onset.threshold", b'{"value": null}', 400),
            ("onset.threshold", b'0.4', 400),
            ("onset.threshold", b'', 400),
            ("control.port", b'{"value": 7771}', 400),
            ("onset.loudness", b'{"value": 1}', 404)]:
        got, _, answer = request(port, "PUT", "/api/v1/options/" + name, body=body)
        error = strict_json(answer)
        check(got == status and len(error["error"]) > 10 and error["code"],
              "PUT %s %s is refused" % (name, body.decode()), (got, answer))
    check(strict_json(request(port, "GET", path)[2])["value"] == 0.625,
          "what was refused has changed nothing")


def check_commands(port):
    for body, status in [(b'{"command":"ping"}', 200), (b'{"command":"nudge","args":[5]}', 200),
                         (b'{"command":"nudge","args":[500]}', 400), (b'{"command":"tapp"}', 400),
                         (b'{"command":"subscribe"}', 400), (b'{}', 400), (b'{', 400),
                         (b'\xff', 400), (b'[' * 60000, 400),
                         (b'{"command":"set","args":["onset.threshold",0.5]}', 200)]:
        got, _, answer = request(port, "POST", "/api/v1/command", body=body)
        told = strict_json(answer)
        check(got == status and ("ok" in told if status == 200 else told["code"] == "bad_request"),
              "POST command %s" % body[:40], (got, answer))


def check_orders(port):
    for command, args, expected in [
            ("hold", [1], (True, None, None)), ("lock", [1], (True, "lock", None)),
            ("hold", [0], (False, "lock", None)), ("half", [], (False, "half", None)),
            ("auto", [], (False, None, None)), ("hold", [1], (True, None, None)),
            ("reset", [], (False, None, None)), ("test-beats", [99, 1], (False, None, 99)),
            ("test-beats", [99, 0], (False, None, None))]:
        body = json.dumps({"command": command, "args": args}).encode()
        done = request(port, "POST", "/api/v1/command", body=body)[2]
        health = strict_json(request(port, "GET", "/api/v1/stream/health")[2])
        told = health["hold"], health["pin"], health["test_beats"]
        check(told == expected, "%s %s is told as an order that goes on" % (command, args),
              (told, done))


def check_refusals(port):
    for method, path, body, status in [
            ("POST", "/api/v1/options", b"", 405), ("DELETE", "/api/v1/options/x.y", b"", 405),
            ("GET", "/api/v1/command", b"", 405), ("PUT", "/", b"", 405),
            ("GET", "/api/v1/none", b"", 404), ("GET", "/api/v2/options", b"", 404),
            ("GET", "/api/v1/stream/stats/none", b"", 404),
            ("GET", "/api/v1/options/" + "x" * 600, b"", 404),
            ("GET", "/api/v1/events", b"", 426), ("GET", "/none.html", b"", 404)]:
        got, fields, answer = request(port, method, path, body=body)
        told = strict_json(answer)
        check(got == status and set(told) == {"error", "code"} and
              fields["content-type"] == "application/json",
              "%s %s is refused with %d" % (method, path[:40], status), (got, answer))
    for name, got in [
            ("a body of 70,000 bytes", request(port, "POST", "/api/v1/command",
                                               body=b"x" * 70000)[0]),
            ("a path of 5,000 bytes", request(port, "GET", "/" + "x" * 5000)[0]),
            ("headers of 100 KB", request(port, "GET", "/", ["X-%d: %s" % (i, "y" * 1000)
                                                           for i in range(100)])[0])]:
        check(got != 200, name + " is refused", got)


def check_files(port):
    status, fields, body = request(port, "GET", "/")
    check(status == 200 and body == b"<!doctype html>page" and
          fields["content-type"] == "text/html; charset=utf-8", "GET / is the page",
          (status, fields, body))
    for path, kind in [("/app.js", "text/javascript; charset=utf-8"),
                       ("/style.css", "text/css; charset=utf-8"),
                       ("/sub/a.svg", "image/svg+xml")]:
        status, fields, body = request(port, "GET", path)
        check(status == 200 and fields["content-type"] == kind, "%s has its type" % path,
              (status, fields))
    for path in ["/../secret", "/%2e%2e/secret", "/..%2fsecret", "/sub/../../secret", "/.hidden",
                 "/sub/%2e%2e/%2e%2e/secret", "//secret", "/./../secret", "/..\\secret",
                 "/app.js%00.html", "/sub", "/%252e%252e/secret", "/fifo"]:
        status, _, body = request(port, "GET", path)
        check(status != 200 and SECRET not in body, "%s leads nowhere" % path, (status, body))


def check_strangers(port):
    good = "127.0.0.1:%d" % port
    for host, origin, fine in [
            (good, None, True), (good, "http://" + good, True), ("localhost:1", None, True),
            ("localhost", "http://localhost", True), ("[::1]:8090", "http://[::1]:8090", True),
            ("stage.example", "http://stage.example", True),
            (good, "http://evil.example", False), (good, "null", False), (good, "file://", False),
            (good, "http://127.0.0.1:1", False), (good, "http://127.0.0.1", False),
            ("evil.example", None, False), ("evil.example", "http://evil.example", False),
            ("127.0.0.1.evil.example", None, False), ("localhost.evil.example:80", None, False),
            ("", None, False)]:
        headers = ["Origin: " + origin] if origin else []
        got = request(port, "GET", "/api/v1/stream/list", headers, host=host)[0]
        open_socket = WebSocket(port, host=host, headers=headers)
        open_socket.close()
        expected = (200, 101) if fine else (403, 403)
        check((got, open_socket.status) == expected or
              not fine and got not in (0, 200) and open_socket.status in (0, 400, 403),
              "Host %s, Origin %s: %s" % (host, origin, "let in" if fine else "kept out"),
              (got, open_socket.status))
    check(b"option hosts" in request(port, "GET", "/", host="pi.example")[2], "a name that is not known is told the way")


def check_slow_requests(port):
    idle = []
    for _ in range(200):
        one = socket.create_connection(("127.0.0.1", port), 5)
        one.sendall(b"GET / HTTP/1.1\r\nX: ")
        idle.append(one)
    status, took = quickest(port, "/api/v1/stream/list")
    check(status == 200 and took < 2, "200 unfinished requests hold up nobody", (status, took))
    gone = sum(not read_until_closed(one, 20 if i == 0 else 2) or True
               for i, one in enumerate(idle[:5]))
    ended = 0
    for one in idle:
        one.settimeout(5)
        try:
            while one.recv(4096):
                pass
            ended += 1
        except TimeoutError:
            pass
        except OSError:
            ended += 1
        one.close()
    check(gone == 5 and ended == 200, "they are ended after a while", ended)


# --- WebSocket ---


def check_handshake(port):
    one = WebSocket(port, headers=["Sec-WebSocket-Extensions: permessage-deflate"])
    check(one.status == 101 and one.accepted(), "the handshake is right", one.head)
    check("permessage-deflate" not in one.head.lower(), "nothing is compressed", one.head)
    one.close()
    for name, one in [("no key", WebSocket(port, key=False)),
                      ("version 8", WebSocket(port, version=8)),
                      ("another path", WebSocket(port, path="/api/v1/event")),
                      ("the page's path", WebSocket(port, path="/")),
                      ("a path that climbs", WebSocket(port, path="/../../etc/passwd"))]:
        check(one.status != 101, "refused: " + name, one.head)
        one.close()


def check_bus(port):
    one = WebSocket(port)
    opcode, payload = one.hear()
    hello = strict_json(payload)
    check(opcode == TEXT and hello["type"] == "hello" and hello["streams"] == ["main"],
          "hello comes first", payload[:200])
    catalogue = hello["catalogue"]
    check({"rms", "chroma", "tempo"} <= {o["name"] for o in catalogue["outputs"]} and
          {"beat", "state", "gap"} <= {e["name"] for e in catalogue["events"]},
          "hello has the catalogue", hello)
    seen = {}
    one.wait(lambda m: seen.setdefault(m["type"], m) and
             {"analysis", "beat", "state", "onset", "metrics", "prediction"} <= set(seen), 20)
    check({"analysis", "beat", "state", "onset", "metrics", "prediction"} <= set(seen),
          "events, frames and metrics come", list(seen))
    check({"stream", "time", "rms", "bands", "chroma"} <= set(seen.get("analysis", {})),
          "a frame has what the catalogue says", seen.get("analysis"))
    check({"seq", "beat_in_bar", "bpm", "confidence", "emitted"} <= set(seen.get("beat", {})),
          "a beat has its fields", seen.get("beat"))
    told = one.wait(lambda m: m["type"] == "metrics" and m["metrics"]["total_latency"] > 0, 10)
    metrics = told["metrics"] if told else {}
    check({"total_latency", "chunks_processed", "average_latency", "quality_metrics",
           "cpu_usage"} <= set(metrics), "metrics are told", metrics)
    late = WebSocket(port)
    state = late.wait(lambda m: m["type"] == "state", 2)
    check(state is not None, "a newcomer is told the present state")
    late.close()
    one.close()


def check_orders_on_the_bus(port):
    one = WebSocket(port)

    def orders_after(command, *arguments):
        one.say({"command": command, "args": list(arguments)})
        told = one.wait(lambda m: m["type"] == "operator")
        return told and (told["hold"], told["pin"], told["test_beats"], told["paused"])

    first = one.wait(lambda m: m["type"] == "operator")
    check(first == {"type": "operator", "hold": False, "pin": None, "test_beats": None,
                    "paused": False}, "a newcomer is told what is ordered", first)
    for command, arguments, orders in [("hold", [1], (True, None, None, False)),
                                       ("half", [], (True, "half", None, False)),
                                       ("lock", [1], (True, "lock", None, False)),
                                       ("pause", [], (True, "lock", None, True)),
                                       ("resume", [], (True, "lock", None, False)),
                                       ("test-beats", [99, 1], (True, "lock", 99, False)),
                                       ("test-beats", [99, 0], (True, "lock", None, False))]:
        told = orders_after(command, *arguments)
        check(told == orders, "%s %s is told" % (command, arguments), told)
    stats = strict_json(one.ask({"command": "get_stats"})["text"])
    check(stats["operator"] == {"hold": True, "pin": "lock", "test_beats": None, "paused": False},
          "get_stats says it, too", stats)
    check(orders_after("auto") == (False, None, None, False), "auto ends both")
    one.say({"command": "hold", "args": [1, 0.5]})
    check(one.wait(lambda m: m["type"] == "operator" and m["hold"]) and
          one.wait(lambda m: m["type"] == "operator" and not m["hold"]),
          "what is ordered for a while ends by itself")
    health = strict_json(request(port, "GET", "/api/v1/stream/health")[2])
    used = {one["name"]: one["in_use"] for one in health["outputs"]}
    check(used["default"] and not used["events"] and not used["link"] and not used["terminal"],
          "outputs that send nothing are marked", used)
    one.close()


def check_subscription(port):
    one = WebSocket(port)
    ack = one.ask({"command": "subscribe", "outputs": ["analysis"], "rate_hz": 10})
    check(ack and ack["type"] == "ack" and ack["ok"] is True, "subscribe is acknowledged", ack)
    frames = []
    one.wait(lambda m: frames.append(m) or len(frames) > 20, 10)
    gaps = [b["time"] - a["time"] for a, b in zip(frames[1:], frames[2:])]
    check({m["type"] for m in frames} == {"analysis"}, "nothing else comes",
          {m["type"] for m in frames})
    check(gaps and max(abs(gap - 0.1) for gap in gaps) < 0.03, "frames come at that rate", gaps)
    one.ask({"command": "subscribe", "rate_hz": 0})
    check(one.wait(lambda m: True, 0.7) is None, "rate 0 ends the frames")
    for wish in [{"outputs": ["beats"]}, {"outputs": []}, {"outputs": "beat"}, {"rate_hz": 101},
                 {"rate_hz": -1}, {"rate_hz": "x"}, {"more": 1}]:
        ack = one.ask(dict(wish, command="subscribe"))
        if ack is None:  # what is not understood has no id to give back
            ack = {}
        check(ack.get("ok") is False and len(ack["text"]) > 10, "refused: %s" % wish, ack)
    one.close()


def check_bus_commands(port):
    one = WebSocket(port)
    one.say({"command": "subscribe", "outputs": ["gap"]})
    one.wait(lambda m: m["type"] == "ack")
    pong = one.ask({"type": "ping"})
    check(pong and pong["type"] == "pong", "a ping is answered", pong)
    commands = strict_json(request(port, "GET", "/api/v1/commands")[2])["commands"]
    examples = {"nudge": [5], "hold": [0], "lock": [0], "range": [60, 180],
                "feedback": ["good"], "test-beats": [120, 0], "set": ["onset.threshold", 0.5],
                "get": ["onset.threshold"], "preset": ["genre/techno"], "mute": ["default", 0],
                "level": ["auto"]}
    for command in commands:
        name = command["name"]
        if not command["arguments"].replace("[f]", "") or name in examples:
            ack = one.ask({"command": name, "args": examples.get(name, [])})
            check(ack and ack["type"] == "ack" and ack["command"] == name and
                  isinstance(ack["ok"], bool) and ack["text"], "%s is answered" % name, ack)
    get = one.ask({"command": "get", "args": ["onset.threshold"]})
    check(get and get["ok"] and get["text"] == "0.5", "set by one way in is seen by another", get)
    for text in [b"", b"{", b"tap", b"[]", b'{"command":"taap"}', b'{"command":"nudge"}',
                 b'{"command":"nudge","args":["x"]}', b'{"type":"pang"}', b"[" * 60000]:
        one.send(frame(TEXT, text))
        ack = one.wait(lambda m: m["type"] == "ack")
        check(ack and ack["ok"] is False and ack["text"], "refused: %s" % text[:40], ack)
    one.send(frame(BINARY, b"\0\1\2"))
    ack = one.wait(lambda m: m["type"] == "ack")
    check(ack and ack["ok"] is False and "text" in ack["text"], "binary messages are refused", ack)
    for _ in range(100):
        one.say({"command": "ping"})
    answers = [one.wait(lambda m: m["type"] == "ack") for _ in range(100)]
    check(all(answers) and answers[0]["ok"], "every one of 100 commands at once is answered",
          answers.count(None))
    one.close()


PING_TEXT = b'{"type":"ping"}'


def check_fragments(port):
    """What RFC 6455, 5.4 and 5.5, allows."""
    one = WebSocket(port)
    one.say({"command": "subscribe", "outputs": ["gap"]})
    one.wait(lambda m: m["type"] == "ack")
    for name, data in [
            ("two fragments", frame(TEXT, PING_TEXT[:5], False) + frame(0, PING_TEXT[5:])),
            ("a fragment a byte", frame(TEXT, b"", False) + b"".join(
                frame(0, PING_TEXT[i:i + 1], i + 1 == len(PING_TEXT))
                for i in range(len(PING_TEXT)))),
            ("a ping between fragments", frame(TEXT, PING_TEXT[:5], False) + frame(PING, b"x") +
             frame(0, PING_TEXT[5:]))]:
        one.send(data)
        check(one.wait(lambda m: m["type"] == "pong") is not None, "understood: " + name)
    for octet in frame(TEXT, PING_TEXT):
        one.send(bytes([octet]))
        time.sleep(0.002)
    check(one.wait(lambda m: m["type"] == "pong") is not None, "understood: a packet a byte")
    for payload in [b"", b"hello", bytes(range(125))]:
        one.send(frame(PING, payload))
        check(one.wait_for(PONG) == payload, "a ping of %d bytes comes back" % len(payload))
    one.send(frame(PONG, b"unasked") + frame(TEXT, PING_TEXT))
    check(one.wait(lambda m: m["type"] == "pong") is not None, "an unasked pong is no harm")
    text = b'{"type":"ping","id":1,"x":"' + b"y" * 65000 + b'"}'
    one.send(frame(TEXT, text))
    ack = one.wait(lambda m: m["type"] == "ack")
    check(ack is not None and ack["ok"] is False, "a message of 65,000 bytes is read", ack)
    one.close()


def close_frame(code, reason=b""):
    return frame(CLOSE, struct.pack(">H", code) + reason)


def check_faults(port):
    """What RFC 6455 forbids, and the code with which the connection is closed."""
    protocol, utf8, size = (1002,), (1007,), (1009,)
    ended = (0, 1000, 1002)  # a close frame is answered by one, or the end
    for name, data, codes in [
            ("reserved bit 1", frame(TEXT, PING_TEXT, reserved=4), protocol),
            ("reserved bit 3", frame(TEXT, PING_TEXT, reserved=1), protocol),
            ("opcode 3", frame(3, b"x"), protocol),
            ("opcode 11", frame(11, b"x"), protocol),
            ("a ping of 126 bytes", frame(PING, b"x" * 126), protocol + (0,)),
            ("a ping in fragments", frame(PING, b"x", False), protocol),
            ("a continuation of nothing", frame(0, b"x"), protocol),
            ("a message within a message", frame(TEXT, b"x", False) + frame(TEXT, b"y"), protocol),
            ("broken UTF-8", frame(TEXT, b"\xc0\xaf"), utf8),
            ("half a character", frame(TEXT, b"\xe2\x82"), utf8),
            ("a surrogate", frame(TEXT, b"\xed\xa0\x80"), utf8),
            ("UTF-8 broken over fragments", frame(TEXT, b"\xe2", False) + frame(0, b"\x28\xa1"),
             utf8),
            ("70,000 bytes", frame(TEXT, b"x" * 70000), size),
            ("70,000 bytes in fragments", frame(TEXT, b"x" * 35000, False) +
             frame(0, b"x" * 35000), size),
            ("a length of 2^62", frame(TEXT, b"x" * 70000, length=1 << 62), size + protocol + (0,)),
            ("close with one byte", frame(CLOSE, b"x"), protocol + (0, 1005)),
            ("close code 999", close_frame(999), protocol + (0,)),
            ("close code 1005", close_frame(1005), protocol + (0,)),
            ("close code 1015", close_frame(1015), protocol + (0,)),
            ("a close reason that is not UTF-8", close_frame(1000, b"\xff"), utf8 + protocol + (0,)),
            ("close 1000", close_frame(1000, b"bye"), ended),
            ("close 1001", close_frame(1001), ended + (1001,)),
            ("close 3000", close_frame(3000), ended + (3000,)),
            ("close without code", frame(CLOSE), ended + (1005,))]:
        one = WebSocket(port)
        one.say({"command": "subscribe", "outputs": ["gap"]})
        one.wait(lambda m: m["type"] == "ack")
        one.send(data)
        code = one.wait_for_close()
        one.close()
        check(code in codes, "%s: closed" % name, code)
    one = WebSocket(port)  # the library takes frames without a mask, which harms nobody here
    one.send(frame(TEXT, PING_TEXT, mask=False))
    check(one.wait(lambda m: m["type"] == "pong") or one.wait_for_close() is not None,
          "a frame without mask is answered or ends the connection")
    one.close()
    check(request(port, "GET", "/api/v1/stream/list")[0] == 200, "it has survived all that")


def longest_gap(client, seconds):
    """Between two frames or beats, in that time."""
    last, longest = time.monotonic(), 0
    end = last + seconds
    while last < end and client.wait(lambda m: m["type"] in ("analysis", "beat"), 2):
        now = time.monotonic()
        longest, last = max(longest, now - last), now
    return longest


def check_slow_reader(port):
    good = WebSocket(port)
    good.say({"command": "subscribe", "outputs": ["beat", "analysis"], "rate_hz": 100})
    alone = longest_gap(good, 5)  # that is the machine's doing
    slow = WebSocket(port, buffer=4096)
    slow.say({"command": "subscribe", "rate_hz": 100})
    start, last, longest, beats, closed = time.monotonic(), time.monotonic(), 0, 0, None
    while time.monotonic() - start < 20:
        message = good.wait(lambda m: m["type"] in ("analysis", "beat"), 2)
        now = time.monotonic()
        if message is None:
            break
        beats += message["type"] == "beat"
        longest, last = max(longest, now - last), now
        if int(now * 4) == int((now - 0.02) * 4):
            continue
        good.say({"type": "ping"})
        clients = strict_json(request(port, "GET", "/api/v1/stream/health")[2])["clients"]
        if clients == 1:
            closed = now - start
            break
    check(beats > 3 and longest < 1.0 + alone, "a good client hears on beside a slow one",
          "longest gap %.3f s, %.3f s before, %d beats" % (longest, alone, beats))
    check(closed is not None and closed > 4, "the slow one is left after five seconds", closed)
    print("# longest gap of the good client %.0f ms, the slow one left after %s s"
          % (longest * 1000, closed and round(closed, 1)))
    good.close()
    slow.close()


# --- Start ---


def check_limit(state):
    program = Program("web.clients=3", state=state)
    check(program.wait_until_there(), "it starts with a limit")
    many = [WebSocket(program.port) for _ in range(5)]
    check([one.status for one in many] == [101, 101, 101, 503, 503],
          "no more WebSockets than allowed", [one.status for one in many])
    for one in many:
        one.close()
    check(program.stop() == 0, "it ends well with clients")


def check_token(state):
    program = Program("web.address=0.0.0.0", state=state)
    check(program.wait_until_there(), "it listens to others")
    path = os.path.join(state.name, "jack-analyzer", "web-token")
    token = open(path).read()
    check(re.fullmatch("[0-9a-f]{64}", token) and os.stat(path).st_mode & 0o777 == 0o600,
          "there is a secret token", oct(os.stat(path).st_mode))
    check(token not in program.log_text() and path in program.log_text(),
          "where it is kept stands in the log, but not itself", program.log_text())
    port, api, wrong = program.port, "/api/v1/stream/list", token[:-1] + "g"
    for query, header, fine in [
            ("", None, False), ("?token=" + wrong, None, False), ("?token=", None, False),
            ("?token=" + token + "0", None, False), ("?token=" + token[:-1], None, False),
            ("", "Bearer " + wrong, False), ("", "Basic " + token, False), ("", "Bearer", False),
            ("?token=" + token, None, True), ("?a=1&token=" + token + "&b", None, True),
            ("", "Bearer " + token, True)]:
        headers = ["Authorization: " + header] if header else []
        got = request(port, "GET", api + query, headers)[0]
        one = WebSocket(port, path="/api/v1/events" + query, headers=headers)
        one.close()
        check((got, one.status) == ((200, 101) if fine else (401, 401)),
              "%s %s: %s" % (query[:9], (header or "")[:9], "let in" if fine else "kept out"),
              (got, one.status))
    check(request(port, "GET", "/metrics")[0] == 401, "metrics are secret, too")
    check(request(port, "GET", "/none")[0] == 404, "the page is not")
    program.stop()
    program = Program("web.address=0.0.0.0", state=state)
    program.wait_until_there()
    check(token not in program.log_text() and
          request(program.port, "GET", api + "?token=" + token)[0] == 200,
          "the next start shows it no more", program.log_text())
    program.stop()
    os.chmod(path, 0o644)
    program = Program("web.address=0.0.0.0", state=state)
    program.process.wait(timeout=20)
    check(program.process.returncode == 2 and path in program.log_text(),
          "a token that others can read is refused", program.log_text())


def check_start(port):
    program = Program(port=port)
    check(program.wait_for_osc(), "with a port that is taken it goes on")
    check(re.search(r"web: cannot listen on 127\.0\.0\.1, TCP port %d.*going on" % port,
                    program.log_text()), "and says so", program.log_text())
    program.stop()
    program = Program("web.address=stage")
    program.process.wait(timeout=20)
    check(program.process.returncode == 2 and "web.address" in program.log_text(),
          "an address that is none is an error", program.log_text())
    program = Program("web.enable=false")
    check(program.wait_for_osc() and not socket_opens(program.port),
          "web.enable=false: nothing listens")
    program.stop()


def socket_opens(port):
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
        return True
    except OSError:
        return False


def make_page(folder):
    root = os.path.join(folder, "page")
    os.makedirs(os.path.join(root, "sub"))
    for name, text in [("page/index.html", b"<!doctype html>page"), ("page/app.js", b"1;"),
                       ("page/style.css", b"a{}"), ("page/sub/a.svg", b"<svg/>"),
                       ("page/.hidden", SECRET), ("secret", SECRET)]:
        with open(os.path.join(folder, name), "wb") as file:
            file.write(text)
    os.mkfifo(os.path.join(root, "fifo"))
    return root


def main():
    with tempfile.TemporaryDirectory() as folder:
        state = tempfile.TemporaryDirectory()
        program = Program("web.root=" + make_page(folder), "web.hosts=stage.example", state=state)
        check(program.wait_until_there() and program.wait_for_sound(), "it serves",
              program.log_text())
        port = program.port
        for one in [check_answers, check_headers, check_metrics, check_options, check_commands,
                    check_orders, check_refusals, check_files, check_strangers, check_handshake, check_bus,
                    check_subscription, check_orders_on_the_bus, check_bus_commands, check_fragments, check_faults,
                    check_slow_reader, check_start]:
            try:
                one(port)
            except (OSError, KeyError, ValueError, TypeError, AssertionError) as error:
                check(False, one.__name__ + " got to its end", repr(error))
        status = program.stop()
        check(status == 0, "it ends well", (status, program.log_text()))
        slow = Program(state=state)
        check(slow.wait_until_there(), "it serves again")
        check_slow_requests(slow.port)
        slow.stop()
        check_limit(state)
        check_token(state)
    print("1..%d" % sum(results))
    return results[1] > 0


if __name__ == "__main__":
    own_network.enter()
    sys.exit(main())
