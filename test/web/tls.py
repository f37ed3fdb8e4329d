#!/usr/bin/python3
# HTTP and WebSocket by TLS: the certificate that the program makes, and what it refuses.
# Time limit: 120 s
# Goes beside others.
#
# SPDX-License-Identifier: GPL-3.0-or-later

import hashlib
import os
import re
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import warnings

sys.dont_write_bytecode = True  # of the modules beside this file
from client import (PROGRAM, Program, WebSocket, connect, quickest, read_until_closed, request,
                    strict_json)
import own_network
from hostile import check, results


def make_cert(folder, *options):
    """(exit status, what is said, file of the certificate, file of the key)"""
    with tempfile.NamedTemporaryFile(suffix=".conf") as settings:
        done = subprocess.run([PROGRAM, "-c", settings.name, "--make-cert", *options],
                              capture_output=True, text=True, timeout=20,
                              env=dict(os.environ, XDG_STATE_HOME=folder, STATE_DIRECTORY=""))
    place = os.path.join(folder, "jack-analyzer")
    return (done.returncode, done.stdout + done.stderr, os.path.join(place, "web-cert.pem"),
            os.path.join(place, "web-key.pem"))


def trusting(cert, least=None, most=None):
    context = ssl.create_default_context(cafile=cert)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        if least:
            context.minimum_version = least
        if most:
            context.maximum_version = most
            context.set_ciphers("ALL:@SECLEVEL=0")  # else this side would refuse by itself
    return context


def check_making(folder):
    status, said, cert, key = make_cert(folder, "-S", "web.hosts=stage.example")
    check(status == 0 and cert in said and key in said, "--make-cert tells where its files are", said)
    check(os.stat(key).st_mode & 0o777 == 0o600, "its key is its owner's alone",
          oct(os.stat(key).st_mode))
    der = ssl.PEM_cert_to_DER_cert(open(cert).read())
    print_of = hashlib.sha256(der).hexdigest().upper()
    check(":".join(re.findall("..", print_of)) in said, "the fingerprint is the certificate's", said)
    check(re.search(r"good until    20\d\d-\d\d-\d\d\n", said), "it tells how long it is good", said)
    for name in ["localhost", "127.0.0.1", "::1", "stage.example", own_network.ADDRESS,
                 socket.gethostname()]:
        check(re.search(r"^for .*\b%s(,|$)|^for .*, %s(,|$)" % ((re.escape(name),) * 2), said, re.M),
              "it is for %s" % name, said)
    before = open(cert).read(), open(key).read()
    status, said, _, _ = make_cert(folder)
    check(status == 1 and cert in said and before == (open(cert).read(), open(key).read()),
          "what is there is not overwritten", said)
    return cert, key


# --- What is served ---


def check_versions(port, cert):
    versions = ssl.TLSVersion
    for version, fine in [(versions.TLSv1_1, False), (versions.TLSv1_2, True),
                          (versions.TLSv1_3, True)]:
        try:
            with connect(port, 5, trusting(cert, version, version)) as connection:
                got = connection.version()
        except (ssl.SSLError, OSError):
            got = None
        check((got is not None) == fine, "%s is %s" % (version.name, "spoken" if fine else "refused"),
              got)
    context = trusting(cert)
    context.set_alpn_protocols(["h2", "http/1.1"])
    with connect(port, 5, context) as connection:
        check(connection.selected_alpn_protocol() == "http/1.1", "HTTP/2 is not spoken",
              connection.selected_alpn_protocol())


def check_trust(port, cert, other):
    try:
        request(port, "GET", "/", tls=trusting(other))
        refused = None
    except ssl.SSLCertVerificationError as error:
        refused = error.verify_message
    check(refused is not None, "who trusts another certificate does not come in", refused)
    for name in ["localhost", "stage.example", own_network.ADDRESS, "::1"]:
        plain = socket.create_connection(("127.0.0.1", port), 5)
        with trusting(cert).wrap_socket(plain, server_hostname=name) as connection:
            check(connection.version() is not None, "it is who it says it is, as %s" % name)


def check_plain(port):
    status, fields, _ = request(port, "GET", "/page.js?token=secret")
    check(status == 303 and fields["location"] == "https://127.0.0.1:%d/page.js" % port,
          "who comes without TLS is sent to https, without his token", (status, fields))
    check("strict-transport-security" not in fields, "and is told nothing for later", fields)
    status, _, body = request(port, "POST", "/api/v1/command", body=b'{"command":"ping"}')
    check(status == 403 and b"TLS" in body, "a command without TLS is refused", (status, body))
    status, fields, _ = request(port, "GET", "/", host="evil.example")
    check(status == 403, "nobody is sent to another host", (status, fields))
    one = WebSocket(port)
    check(one.status == 403, "a WebSocket without TLS is refused", one.head)
    one.close()
    with socket.create_connection(("127.0.0.1", port), 5) as connection:
        connection.sendall(b"\x16\x03\x01\x02\x00" + b"\xff" * 512)
        read_until_closed(connection, 15)
        connection.settimeout(0.5)
        try:
            ended = connection.recv(1) == b""
        except TimeoutError:
            ended = False
        except OSError:
            ended = True
    check(ended, "a broken handshake is ended")


def check_token(port, tls, state):
    token = open(os.path.join(state.name, "jack-analyzer", "web-token")).read()
    path = "/api/v1/stream/list"
    check(request(port, "GET", path, tls=tls)[0] == 401, "TLS does not stand for the token")
    check(request(port, "GET", path, ["Authorization: Bearer " + token], tls=tls)[0] == 200,
          "with the token it is let in")
    refused = WebSocket(port, tls=tls)
    check(refused.status == 401, "a WebSocket needs it, too", refused.head)
    refused.close()
    return token


def check_bus(port, tls, token):
    origin = ["Origin: https://127.0.0.1:%d" % port]
    one = WebSocket(port, "/api/v1/events?token=" + token, headers=origin, tls=tls)
    check(one.status == 101, "a WebSocket by TLS is opened", one.head)
    seen = set()
    one.wait(lambda m: seen.add(m["type"]) or {"hello", "analysis", "beat", "metrics"} <= seen, 20)
    check({"hello", "analysis", "beat", "metrics"} <= seen, "events, frames and metrics come", seen)
    answers = [one.ask({"command": "get", "args": ["onset.threshold"]}) for _ in range(20)]
    check(all(answer and answer["ok"] for answer in answers), "commands are answered", answers)
    one.close()
    body = request(port, "GET", "/api/v1/options?token=" + token, tls=tls)[2]
    check(len(body) > 20000 and len(strict_json(body)["options"]) > 80, "a long answer is whole",
          len(body))


def check_unfinished(port, tls):
    """Who only half shakes hands holds up nobody."""
    idle = [socket.create_connection(("127.0.0.1", port), 5) for _ in range(100)]
    for one in idle[::2]:
        one.sendall(b"\x16\x03\x01")
    status, took = quickest(port, "/", tls)
    check(status == 200 and took < 2, "100 unfinished handshakes hold up nobody", (status, took))
    for one in idle:
        one.close()


def check_served(cert, key, other):
    state = tempfile.TemporaryDirectory()
    program = Program("web.address=0.0.0.0", "web.cert=" + cert, "web.key=" + key, state=state)
    check(program.wait_until_there(), "it serves", program.log_text())
    tls = trusting(cert)
    check_versions(program.port, cert)
    check_trust(program.port, cert, other)
    check_plain(program.port)
    token = check_token(program.port, tls, state)
    check_bus(program.port, tls, token)
    check_unfinished(program.port, tls)
    fields = request(program.port, "GET", "/", tls=tls)[1]
    check("strict-transport-security" not in fields and "content-security-policy" in fields,
          "other ports of the host are left alone", fields)
    check(program.stop() == 0, "it ends well", program.log_text())


def check_hsts(cert, key):
    program = Program("web.hsts_days=30", "web.cert=" + cert, "web.key=" + key)
    program.wait_until_there()
    status, fields, _ = request(program.port, "GET", "/api/v1/stream/list", tls=trusting(cert))
    check(status == 200 and fields.get("strict-transport-security") == "max-age=2592000",
          "on this machine no token is needed, and web.hsts_days is told", (status, fields))
    program.stop()


# --- What is not ---


def check_refusals(folder, cert, key, other_key):
    def variant(name, path=None, mode=0o600, text=None):
        to = os.path.join(folder, name)
        if path:
            shutil.copy(path, to)
        if text is not None:
            open(to, "w").write(text)
        os.chmod(to, mode)
        return to

    secret = os.path.join(folder, "secret.pem")
    subprocess.run(["openssl", "pkcs8", "-topk8", "-in", key, "-out", secret, "-passout", "pass:x"],
                   check=True, capture_output=True)
    os.chmod(secret, 0o600)
    none, open_key = os.path.join(folder, "none.pem"), variant("open.pem", key, 0o644)
    junk = variant("junk.pem", text="no certificate\n")
    for name, options, words in [
            ("a certificate without a key", ["web.cert=" + cert], ["web.key", "both"]),
            ("a key without a certificate", ["web.key=" + key], ["web.cert", "both"]),
            ("a certificate that is not there", ["web.cert=" + none, "web.key=" + key],
             ["web.cert", none, "No such file"]),
            ("a key that is not there", ["web.cert=" + cert, "web.key=" + none],
             ["web.key", none, "No such file"]),
            ("a folder", ["web.cert=" + folder, "web.key=" + key], [folder, "regular file"]),
            ("a certificate that is none", ["web.cert=" + junk, "web.key=" + key],
             [junk, "no certificate"]),
            ("a key that is none", ["web.cert=" + cert, "web.key=" + junk],
             [junk, "no private key"]),
            ("a key with a passphrase", ["web.cert=" + cert, "web.key=" + secret],
             [secret, "passphrase"]),
            ("a key that others can read", ["web.cert=" + cert, "web.key=" + open_key],
             [open_key, "chmod 600"]),
            ("the key of another certificate", ["web.cert=" + cert, "web.key=" + other_key],
             [other_key, "not the key"])]:
        program = Program(*options)
        try:
            program.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            program.stop()
        said = program.log_text()
        check(program.process.returncode == 2 and all(word in said for word in words),
              "refused: " + name, (program.process.returncode, said))


def main():
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as second:
        cert, key = check_making(folder)
        _, _, other, other_key = make_cert(second)
        check_served(cert, key, other)
        check_hsts(cert, key)
        check_refusals(folder, cert, key, other_key)
    print("1..%d" % sum(results))
    return results[1] > 0


if __name__ == "__main__":
    own_network.enter()
    sys.exit(main())
