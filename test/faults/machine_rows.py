# Rows of the fault matrix: what happens to the machine under the program: its disk, descriptors,
# memory, clock and network.
#
# SPDX-License-Identifier: GPL-3.0-or-later
import concurrent.futures
import itertools
import json
import os
import re
import resource
import select
import signal
import socket
import struct
import subprocess
import threading
import time

from rig import (BIND, NEWNET, NEWNS, SLOW_DISK, STARVED, WALL_CLOCK, Jackd, Program, finish, leave_for,
                 mount, now, output, within, work)
from hostile import PROGRAM, free_port, message, read_ack
from realtime import WATCHED

# --- The disk ---


def disk_full(case):
    folder = work + "/full"
    leave_for(NEWNS)
    os.mkdir(folder)
    mount("tmpfs", folder, "tmpfs", 0, "size=8m")
    with open(folder + "/filler", "wb") as filler:
        filler.write(bytes(8140 * 1024))  # once it is gone, frames fill that only after minutes
    env = {"XDG_STATE_HOME": folder}
    frames = folder + "/frames"
    case.start(twin=False, frames=frames, env=env)
    case.twin = Program(case.server, "twin", frames="/dev/full", env=env)
    case.check(within(20, lambda: "cannot write" in case.program.log()), "it is told")
    done = case.program.ask("nudge", "f", 5.0)
    case.check(done and done[0] == 1, "it learns", done)
    case.check(within(15, lambda: "learnt" in case.program.log()), "nor can the model be saved",
               case.program.log())
    case.check(case.program.first(now(), 15, type="beat"), "beats go on")
    case.twin_ends("disk full")
    size = os.path.getsize(frames)
    moment = now()
    os.remove(folder + "/filler")
    within(10, lambda: os.path.getsize(frames) > size)
    case.recovered = now() - moment
    case.finish()
    with open(frames) as file:
        lines = file.read().split("\n")[:-1]  # the disk may be full again
    case.check(all(json.loads(line)["type"] == "analysis" for line in lines), "no line is torn")
    model = folder + "/jack-analyzer/default.model"
    case.check(os.path.exists(model), "the model is saved at last")
    case.note(f"{len(lines)} whole lines, model saved")


def disk_hangs(case):
    """What was learnt cannot be saved, neither meanwhile nor at the end."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as lamp:
        lamp.bind(("127.0.0.1", 0))
        env = {"LD_PRELOAD": SLOW_DISK}
        case.start(f"wled.lamp.port={lamp.getsockname()[1]}", "wled.lamp.host=127.0.0.1",
                   twin=False, env=env)
        case.twin = Program(case.server, "twin", env=env)
        case.check(case.twin.told(0, 20, "learning", "locked") is not None, "the twin hears",
                   case.twin.log())
        for program in (case.program, case.twin):
            done = program.ask("nudge", "f", 5.0)
            case.check(done and done[0] == 1, "it learns", done)
        case.twin_ends("saving")
        new = case.program.state + "/jack-analyzer/default.model.%d.new" % case.program.process.pid
        case.check(within(15, lambda: os.path.exists(new)), "what it has learnt is to be saved")
        case.check(case.program.first(now(), 15, type="beat"), "beats go on")
        case.finish()
        last = None
        while select.select([lamp], [], [], 0)[0]:
            last = lamp.recv(64)
        case.check(last and not any(last[8:16] + last[18:34]), "the lamp is dark", last)


def metadata_broken(case):
    """An empty file in JACK's database: whoever opens it, jackd included, dies of SIGBUS."""
    leave_for(NEWNS)
    mount("tmpfs", "/dev/shm", "tmpfs", 0)
    case.server = server = Jackd("metadata")
    try:
        server.start()
        server.kill(signal.SIGKILL)  # which leaves all of it
        os.truncate(f"/dev/shm/jack_db-{os.geteuid()}/__db.002", 0)
        case.start(sound=False, twin=False)
        case.recovers(server.start())
        server.play()
        case.hears()
        case.finish()
    finally:
        server.end()


# --- Starts that may fail ---


class Start:
    """The program, started where something may lack: it fails with a sentence, or runs and ends."""

    answered = None  # since when

    def __init__(self, server, program, env=None, limit=None):
        self.port = free_port()
        self.target = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.target.bind(("127.0.0.1", 0))
        options = [f"control.port={self.port}", f"web.port={free_port()}",
                   f"oscquery.port={free_port()}",
                   f"target.default.port={self.target.getsockname()[1]}",
                   f"stream.main.connect={server.rule}"]
        limits = (lambda: resource.setrlimit(resource.RLIMIT_NOFILE, limit)) if limit else None
        self.log = open(f"{work}/start-{self.port}", "w+")
        with open(work + "/empty.conf", "a"):
            pass
        self.process = subprocess.Popen(
            # The check itself needs descriptors.
            [*([] if limit else [WATCHED]), program, "-q", "-n", "start",
             "-c", work + "/empty.conf", "-e", "/dev/null",
             *(word for option in options for word in ("-S", option))],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=self.log,
            env=dict(server.env, XDG_STATE_HOME=work + "/start", **(env or {})),
            preexec_fn=limits)

    def settles(self, sock):
        """It has ended, or found the server, or answered for a while without finding it."""
        try:
            sock.sendto(message("/ja/ctl/get_stats"), ("127.0.0.1", self.port))
            came = select.select([sock], [], [], 0.05)[0]
            answer = read_ack(sock.recv(65536))[2] if came else ""
        except (ConnectionError, AssertionError):  # or what is for another start's old port
            answer = ""
        self.answered = self.answered or (now() if answer else None)
        return (self.process.poll() is not None or '"state":"running' in answer
                or (self.answered and now() - self.answered > 3))

    def judge(self):
        """What is wrong with it, or None."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            settled = within(40, lambda: self.settles(sock), 0.02)
        failed = self.process.poll() is not None
        began = now()
        self.process.send_signal(signal.SIGTERM)
        finish(self.process, 10)
        took = now() - began
        self.target.close()
        self.log.seek(0)
        log = self.log.read()
        self.log.close()
        status = self.process.returncode
        if not settled:
            return f"it neither ended nor answered: {log}"
        if status < 0 or status > 2:
            return f"ended by {status}: {log}"
        if failed and "error: " not in log:
            return f"ended with {status} and without a sentence: {log}"
        if not failed and (status != 0 or took > 8):
            return f"SIGTERM ended it with {status} after {took:.1f} s: {log}"
        self.failed, self.took = failed, took
        return None


def start_all(case, what, starts):
    """Two at a time. `starts`: (what is different, the arguments of a Start)"""
    def one(which, **arguments):
        start = Start(case.server, **arguments)
        wrong = start.judge()
        return which, wrong, not wrong and start.failed, 0 if wrong else start.took

    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda s: one(s[0], **s[1]), starts))
    for which, wrong, *_ in answers:
        case.check(not wrong, f"with {what} {which}", wrong)
    refused = sum(failed for _, _, failed, _ in answers)
    case.exits.append(("at most, of all starts", max(took for *_, took in answers)))
    case.note(f"{len(answers)} starts: {refused} end with a sentence, "
              f"{len(answers) - refused} go on")


def no_descriptors(case):
    step = 1 if case.long else 5
    start_all(case, "descriptors", [
        (limit, dict(program=PROGRAM, limit=(limit, limit))) for limit in range(4, 64, step)])
    case.start()
    case.server.kill(signal.SIGKILL)
    for one in (case.program, case.twin):
        _, most = resource.prlimit(one.process.pid, resource.RLIMIT_NOFILE)
        used = set(map(int, os.listdir(f"/proc/{one.process.pid}/fd")))
        limit = next(fd for fd in itertools.count() if fd not in used)
        resource.prlimit(one.process.pid, resource.RLIMIT_NOFILE, (limit, most))
    case.server.start()
    time.sleep(1.5)
    case.check(case.program.ping_ms() < 5000, "it answers meanwhile")
    case.twin_ends("without descriptors")
    moment = now()
    resource.prlimit(case.program.process.pid, resource.RLIMIT_NOFILE, (most, most))
    case.recovers(moment)
    case.server.play()
    case.hears()


def no_memory(case):
    counting = Start(case.server, STARVED)
    path = counting.log.name
    wrong = counting.judge()
    case.check(not wrong, "it starts with enough memory", wrong)
    with open(path) as log:
        told = log.read()
    found = re.search(r"(\d+) allocations", told)
    if not case.check(found, "it tells how many allocations there were", wrong or told):
        return
    count = int(found[1])
    numbers = range(1, count + 20) if case.long else list(range(1, count, count // 30))
    start_all(case, "failing allocation", [
        (n, dict(program=STARVED, env={"JA_FAIL_AT": str(n)})) for n in numbers])
    case.note(f"{count} allocations")


# --- The clock ---


def timetags(program, seconds):
    """[(arrival, unix time of the timetag or None)] of what the target gets."""
    came, end = [], now() + seconds
    while select.select([program.target], [], [], max(0, end - now()))[0]:
        packet = program.target.recv(65536)
        stamp = None
        if packet.startswith(b"#bundle\0"):
            whole, part = struct.unpack_from(">II", packet, 8)
            stamp = whole - 2208988800 + part / 2**32
        came.append((now(), stamp))
    return came


def clock_back(case):
    path = work + "/clock"
    with open(path, "wb") as file:
        file.write(struct.pack("q", 0))
    case.start("target.default.bundle=timetag", twin=False,
               env={"LD_PRELOAD": WALL_CLOCK, "JA_WALL_CLOCK": path})
    case.program.first(0, 20, type="beat")
    moment = now()
    for offset in (0, -3600, 86400):
        with open(path, "r+b") as file:
            file.write(struct.pack("q", offset))
        came = timetags(case.program, 3)
        wall = time.time() - now() + offset
        ahead = [stamp - at - wall for at, stamp in came[1:] if stamp]
        case.check(ahead and max(map(abs, ahead)) < 1.5, f"timetags follow the clock by {offset} s",
                   ahead)
        pauses = [b[0] - a[0] for a, b in zip(came, came[1:])]
        case.check(pauses and max(pauses) < 2, "messages go on", pauses)
    beats = [e["time"] for e in case.program.events if e["type"] == "beat"
             and e["arrived"] > moment]
    gaps = [b - a for a, b in zip(beats, beats[1:])]
    case.check(gaps and max(gaps) < 1.2, "beats go on", gaps)
    case.note(f"{len(beats)} beats, at most {max(gaps, default=0):.2f} s apart; timetags follow")


# --- The network ---


def packet_after(sock, moment, seconds):
    """How long after `moment` the socket got something new, or None."""
    sock.setblocking(False)
    while select.select([sock], [], [], 0)[0]:
        sock.recv(65536)
    return now() - moment if select.select([sock], [], [], seconds)[0] else None


def network_down(case):
    """All of it, the way to this machine itself included; and back."""
    leave_for(NEWNET)
    listener = socket.create_server(("127.0.0.1", 0))
    case.start(f"target.by_tcp.port={listener.getsockname()[1]}", "target.by_tcp.protocol=slip")
    connections = [listener.accept()[0] for _ in "12"]  # the program's, and its twin's
    output("ip", "link", "set", "lo", "down")
    moment = now()
    case.check(case.program.first(moment, 15, type="beat"), "beats are told all the same")
    time.sleep(2)
    case.twin_ends("network down")
    drain(connections)
    output("ip", "link", "set", "lo", "up")
    moment = now()
    case.recovered = packet_after(case.program.target, moment, 10)
    case.check(case.recovered is not None, "messages arrive again", case.program.log())
    case.check(case.program.ping_ms() < 5000, "commands, too")

    def tcp_again():
        if select.select([listener], [], [], 0)[0]:
            connections.append(listener.accept()[0])
        return drain(connections)
    case.check(within(30, tcp_again), "by TCP, too", case.program.log())
    case.note(f"by TCP after {now() - moment:.1f} s")


def drain(connections):
    """How many bytes have come; those that are closed leave the list."""
    count = 0
    for connection in list(connections):
        connection.setblocking(False)
        try:
            while data := connection.recv(65536):
                count += len(data)
            connections.remove(connection)
        except BlockingIOError:
            pass
    return count


def answer_names(sock):
    """A name server: every name is 127.0.0.1, none has an IPv6 address. What was asked before is
    lost."""
    while select.select([sock], [], [], 0)[0]:
        sock.recv(512)
    while True:
        query, asker = sock.recvfrom(512)
        end = query.index(b"\0", 12) + 5
        is_a = query[end - 4:end - 2] == b"\0\1"
        head = query[:2] + b"\x81\x80" + struct.pack(">HHHH", 1, is_a, 0, 0)
        record = b"\xc0\x0c\0\1\0\1\0\0\0\1\0\4\x7f\0\0\1" if is_a else b""
        sock.sendto(head + query[12:end] + record, asker)


def names_dead(case):
    leave_for(NEWNS | NEWNET)
    path = work + "/resolv.conf"
    with open(path, "w") as file:
        file.write("nameserver 127.0.0.1\noptions timeout:2 attempts:2\n")
    mount(path, os.path.realpath("/etc/resolv.conf"), None, BIND)
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("127.0.0.1", 53))
    far = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    far.bind(("127.0.0.1", 0))
    case.start("target.far.host=lights.example", f"target.far.port={far.getsockname()[1]}")
    came = timetags(case.program, 3)
    pauses = [b[0] - a[0] for a, b in zip(came, came[1:])]
    case.check(pauses and max(pauses) < 1, "other targets are not held up", pauses)
    case.check(case.program.ping_ms() < 1000, "nor commands")
    case.twin_ends("while a name is looked up")
    moment = now()
    threading.Thread(target=answer_names, args=(server,), daemon=True).start()
    case.recovered = packet_after(far, moment, 30)
    case.check(case.recovered is not None, "the name is found once it can be", case.program.log())


def who_never_answers():
    """Where datagrams are taken and never read, and where a connection never comes about, since
    those before it wait for ever; last, the sockets, to be kept."""
    takes, waits = socket.socket(type=socket.SOCK_DGRAM), socket.socket()
    for each in (takes, waits):
        each.bind(("127.0.0.1", 0))
    waits.listen(0)
    before = [socket.socket() for _ in range(2)]
    for each in before:
        each.setblocking(False)
        each.connect_ex(waits.getsockname())
    return takes.getsockname()[1], waits.getsockname()[1], [takes, waits, *before]


def nobody_there(case):
    """Every way in which a receiver can be away, at once."""
    leave_for(NEWNET)
    for command in ("ip route add blackhole 192.0.2.0/24",
                    "ip route add unreachable 203.0.113.0/24"):
        output(*command.split())
    closed = 9999  # in a network of its own; the kernel gives out higher ones
    swallows, waits, kept = who_never_answers()
    away = {"refused": ("127.0.0.1", "udp", closed), "no_listener": ("127.0.0.1", "tcp", closed),
            "swallowed": ("127.0.0.1", "udp", swallows), "no_answer": ("127.0.0.1", "slip", waits),
            "black_hole": ("192.0.2.1", "udp", closed), "unreachable": ("203.0.113.1", "udp", closed),
            "no_way": ("203.0.113.1", "tcp", closed), "no_name": ("nobody.example", "udp", closed)}
    options = [f"target.default.port={closed}"]
    for name, (host, protocol, port) in away.items():
        options += [f"target.{name}.host={host}", f"target.{name}.protocol={protocol}",
                    f"target.{name}.port={port}"]
    case.start(*options)
    began, spent = now(), cpu_s(case.program)
    time.sleep(4)
    share = (cpu_s(case.program) - spent) / (now() - began)
    case.note(f"{len(away) + 1} targets, {100 * share:.0f} % of a core")
    case.check(case.program.first(began, 15, type="beat"), "beats are told all the same")
    case.twin_ends("all unreachable")
    receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    moment = now()
    receiver.bind(("127.0.0.1", closed))
    case.recovered = packet_after(receiver, moment, 10)
    case.check(case.recovered is not None, "one that comes gets its messages")
    case.check(within(10, lambda: "does not answer" in case.program.log()), "silence is told",
               case.program.log())
    for each in kept:
        each.close()


def cpu_s(program):
    with open(f"/proc/{program.process.pid}/stat") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
