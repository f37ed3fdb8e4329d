# What the fault matrix is made of: JACK servers that can be hurt, the program that listens to
# them, threads that stand still, and namespaces of a thread's own.
#
# SPDX-License-Identifier: GPL-3.0-or-later
import contextlib
import ctypes
import glob
import json
import math
import os
import signal
import subprocess
import sys
import tempfile
import time

sys.path += [os.path.join(os.path.dirname(__file__), folder) for folder in ("../net", "../support")]
from hostile import free_port
import realtime
import steer

BUILD = os.environ.get("BUILD", "build/plain")
PLAY, HAND = BUILD + "/test/tools/ja-play", BUILD + "/test/tools/ja-jackhand"
# Preloaded into the program, and a second build of it (see their own first lines).
WALL_CLOCK, SLOW_CLOSE, LATE_THREAD, SLOW_DISK = (
    os.path.abspath(f"{BUILD}/test/faults/lib{name}.so")
    for name in ("wallclock", "slowclose", "latethread", "slowdisk"))
STARVED = BUILD + "/test/faults/starved"
DRUMS = "synth:drums?bpm=120&seconds=16&channels=2"
work = tempfile.mkdtemp(prefix="ja-faults-")


def now():
    return time.monotonic()


def within(seconds, condition, every=0.01):
    """The first true value of condition(), or its last."""
    end = now() + seconds
    while not (value := condition()) and now() < end:
        time.sleep(every)
    return value


def output(*command, env=None, seconds=20):
    try:
        return subprocess.run(command, env=env, capture_output=True, text=True,
                              timeout=seconds).stdout
    except subprocess.TimeoutExpired:
        return ""


def finish(process, seconds=10):
    """Politely: a server that is killed keeps one of the machine's few places for servers."""
    if not process or process.poll() is not None:
        return
    process.send_signal(signal.SIGCONT)
    process.terminate()
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


class Unable(Exception):
    """What the machine does not allow; the row is left out."""


def end_children():
    """Whatever this process has started; without waiting."""
    mine = []
    for path in glob.glob("/proc/[0-9]*/stat"):
        with contextlib.suppress(OSError), open(path) as stat:
            pid, rest = stat.read().split(" ", 1)
            if int(rest.rsplit(")", 1)[1].split()[1]) == os.getpid():
                mine.append(int(pid))
    for pid in mine:
        with contextlib.suppress(OSError):
            os.kill(pid, signal.SIGCONT)
            os.kill(pid, signal.SIGTERM)


# --- Servers ---


class Server:
    """What jackd and PipeWire have in common: a player that plays into it, and its ports."""

    def __init__(self):
        self.process = self.player = self.hand = None
        self.rate, self.period = 48000, 256

    def has_port(self, name):
        return name in output("jack_lsp", env=self.env).splitlines()

    def play(self, what=DRUMS):
        """Plays without end."""
        targets = [word for port in self.playback for word in ("-c", port)]
        self.player = subprocess.Popen([PLAY, "-n", "deck", "--loop", *targets, what],
                                       env=self.env, stdout=subprocess.PIPE,
                                       stderr=subprocess.DEVNULL, text=True)
        return json.loads(self.player.stdout.readline() or "{}")

    def unplay(self):
        finish(self.player)
        self.player = None

    def send(self, number):
        moment = now()
        self.process.send_signal(number)
        return moment

    def refresh(self):
        """As every row finds it: running at 48 kHz and 256 frames, with sound."""
        if self.process and self.process.poll() is not None:
            self.kill(signal.SIGTERM)
        if self.process and self.rate != 48000:
            self.kill(signal.SIGTERM)
        if not self.process:
            self.start()
        if self.period != 256:
            self.set_period(256)
        if not self.player:
            self.play()

    def has_crashed(self):
        """By itself: rows that end it forget the process."""
        return self.process is not None and (self.process.poll() or 0) < 0

    def kill(self, number):
        """Ends the server, and with it the player; when."""
        moment = self.send(number)
        self.process.wait()
        self.process = None
        self.unplay()
        self.unplug()
        return moment

    @contextlib.contextmanager
    def still(self):
        self.send(signal.SIGSTOP)
        try:
            yield
        finally:
            self.send(signal.SIGCONT)

    def plug(self, word, source, target):
        """A connection made or taken apart by another client: {"done", "ms"}."""
        if not self.hand:
            self.hand = subprocess.Popen([HAND, "-n", "hand"], env=self.env, text=True,
                                         stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                         stderr=subprocess.DEVNULL)
            self.hand.stdout.readline()
        print(word, source + "\t" + target, file=self.hand.stdin, flush=True)
        return json.loads(self.hand.stdout.readline())

    def unplug(self):
        if self.hand:
            self.hand.stdin.close()
            finish(self.hand)
            self.hand = None

    def end(self):
        self.unplug()
        self.unplay()
        finish(self.process)
        self.process = None


class Jackd(Server):
    kind = "jackd"
    rule, source, sink = "deck:out_.*", "deck:out_1", "system:playback_1"
    playback = ()
    needs = ("jackd", "jack_lsp", "jack_bufsize", "jack_freewheel")

    def __init__(self, name):
        super().__init__()
        self.name = f"ja-{os.getpid()}-{name}"
        self.log = f"{work}/{name}.log"
        self.env = dict(os.environ, JACK_DEFAULT_SERVER=self.name, JACK_NO_START_SERVER="1",
                        JACK_NO_AUDIO_RESERVATION="1")

    def start(self, rate=48000, period=256):
        """When it was begun. Where the machine's eight places are taken, others are waited for."""
        self.rate, self.period = rate, period
        for _ in range(10):
            moment = now()
            with open(self.log, "w") as log:
                self.process = subprocess.Popen(
                    ["jackd", *realtime.SERVER_MODE, "-n", self.name, "-d", "dummy",
                     "-r", str(rate), "-p", str(period)], stdout=log, stderr=log)
            if within(10, lambda: self.has_port("system:capture_1") or
                      self.process.poll() is not None) and self.process.poll() is None:
                return moment
            finish(self.process)
            time.sleep(2)
        self.process = None
        with open(self.log) as log:
            raise RuntimeError("no JACK server can be started:\n" + log.read())

    def take_ports(self):
        self.unplay()

    def bring_ports(self):
        self.play()

    def set_period(self, period):
        output("jack_bufsize", str(period), env=self.env)
        self.period = period

    def freewheel(self, on):
        output("jack_freewheel", "y" if on else "n", env=self.env)

    def end(self):
        last = self.process
        super().end()
        if last and last.returncode == -signal.SIGKILL:  # its heir frees its place
            with contextlib.suppress(RuntimeError):
                self.start()
            super().end()
        for left in glob.glob(f"/dev/shm/jack_sem.*_{self.name}_*"):
            os.remove(left)


class PipeWire(Server):
    """With WirePlumber, a D-Bus and a sink of its own; no sound card."""
    kind = "PipeWire"
    rule, source, sink = "monitor", "deck:out_1", "test sink:playback_FL"
    playback = ("test sink:playback_FL", "test sink:playback_FR")
    needs = ("pipewire", "wireplumber", "pw-cli", "pw-metadata", "pw-jack", "dbus-daemon",
             "jack_lsp")
    CONF = """
context.properties = { default.clock.rate = %d
    default.clock.allowed-rates = [ 8000 11025 22050 44100 48000 88200 96000 192000 ]
    default.clock.quantum = %d default.clock.min-quantum = 16 default.clock.max-quantum = 8192 }
context.objects = [ { factory = adapter args = { %s } } ]
"""
    SINK = """factory.name = support.null-audio-sink node.name = "test-sink"
    node.description = "test sink" media.class = "Audio/Sink" object.linger = true
    audio.position = [ FL FR ] monitor.channel-volumes = false"""

    def __init__(self, name):
        super().__init__()
        folder = f"{work}/{name}"
        self.conf = folder + "/config/pipewire/pipewire.conf.d/test.conf"
        os.makedirs(os.path.dirname(self.conf))
        os.makedirs(folder + "/run", 0o700)
        self.env = {key: value for key, value in os.environ.items()
                    if not key.startswith(("PIPEWIRE_", "JACK_", "DBUS_"))}
        self.env.update(XDG_RUNTIME_DIR=folder + "/run", XDG_CONFIG_HOME=folder + "/config",
                        XDG_STATE_HOME=folder + "/state")
        libraries = output("pw-jack", "sh", "-c", 'echo "$LD_LIBRARY_PATH"').strip()
        self.env["LD_LIBRARY_PATH"] = libraries
        self.bus = subprocess.Popen(["dbus-daemon", "--session", "--nofork", "--print-address=1"],
                                    stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                                    env=self.env, text=True)
        self.env["DBUS_SESSION_BUS_ADDRESS"] = self.bus.stdout.readline().strip()
        self.manager = None

    def start(self, rate=48000, period=256):
        self.rate, self.period = rate, period
        with open(self.conf, "w") as file:
            file.write(self.CONF % (rate, period, self.SINK))
        quiet = dict(stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=self.env)
        socket_path = self.env["XDG_RUNTIME_DIR"] + "/pipewire-0"
        if os.path.exists(socket_path):  # of one that was killed
            os.remove(socket_path)
        moment = now()
        self.process = subprocess.Popen(["pipewire"], **quiet)
        within(5, lambda: os.path.exists(socket_path))
        self.manager = subprocess.Popen(["wireplumber"], **quiet)
        within(10, lambda: self.has_port("test sink:monitor_FL"))
        return moment

    def kill(self, number):
        moment = super().kill(number)
        finish(self.manager)
        return moment

    def take_ports(self):
        node = None
        for line in output("pw-cli", "ls", "Node", env=self.env).splitlines():
            words = line.replace(",", "").split()
            node = words[1] if words[:1] == ["id"] else node
            if "test-sink" in line:
                output("pw-cli", "destroy", node, env=self.env)

    def bring_ports(self):
        """The same sink, and what plays into it."""
        output("pw-cli", "create-node", "adapter", "{ %s }" % self.SINK, env=self.env)
        within(10, lambda: self.has_port("test sink:playback_FL"))
        self.unplay()
        self.play()

    def setting(self, name, value):
        output("pw-metadata", "-n", "settings", "0", "clock." + name, str(value), env=self.env)

    def set_period(self, period):
        self.setting("force-quantum", period)
        self.period = period

    def set_rate(self, rate):
        self.setting("force-rate", rate)
        self.rate = rate

    def freewheel(self, on):
        output("jack_freewheel", "y" if on else "n", env=self.env)

    def end(self):
        super().end()
        finish(self.manager)
        finish(self.bus)


# --- The program ---


def not_a_number(word):
    raise ValueError(f"{word} in the output")


class Program(steer.Program):
    """The program on a server; every event and frame knows when it has `arrived`."""

    def __init__(self, server, name, *arguments, events="-", frames="-", env=None, program=None):
        self.name = name
        self.log_path = f"{work}/{name}-{now()}.log"
        self.state = f"{work}/{name}-state"
        self.strange = []  # lines that are no JSON, or hold no finite numbers
        options = [f"web.port={free_port()}", f"oscquery.port={free_port()}",
                   f"stream.main.connect={server.rule}", "frames.rate_hz=20", *arguments]
        with open(self.log_path, "w") as log:
            super().__init__("-n", name, "-e", events, "--frames", frames,
                             *(word for option in options for word in ("-S", option)), log=log,
                             env={**server.env, "XDG_STATE_HOME": self.state, **(env or {})},
                             program=program)

    def read(self):
        for line in self.process.stdout:
            try:
                event = json.loads(line, parse_constant=not_a_number)
            except ValueError as error:
                self.strange.append(f"{error}: {line[:200]}")
                continue
            event["arrived"] = now()
            with self.news:
                self.events.append(event)
                self.news.notify_all()

    def first(self, moment, seconds, **fields):
        """The first event or frame that came after `moment` and has these fields; a function as
        field judges the value."""
        return self.wait(lambda e: e["arrived"] >= moment and all(
            v(e.get(k)) if callable(v) else e.get(k) == v for k, v in fields.items()), seconds)

    def told(self, moment, seconds, *states):
        """How long after `moment` a state was told, or None."""
        event = self.first(moment, seconds, type="state", state=lambda s: s in states)
        return event and event["arrived"] - moment

    def back(self, moment, seconds):
        """How long after `moment` the server was no longer the reason for silence, or None."""
        event = self.first(moment, seconds, type="state", reason=lambda why: "server" not in why)
        return event and event["arrived"] - moment

    def hears(self, moment, seconds=10):
        """How long after `moment` a frame told of sound, or None."""
        event = self.first(moment, seconds, type="analysis", rms=lambda rms: rms and rms > 0.01)
        return event and event["arrived"] - moment

    def stats(self, seconds=5):
        """{"jack": …, and what there is of the stream}, or None."""
        done, text = self.ask("get_stats", seconds=seconds) or (0, "")
        if not done:
            return None
        stats = json.loads(text)
        return dict(stats["streams"]["main"], jack=stats.get("jack", {}))

    def processed(self):
        return (self.stats() or {}).get("processed", -1)

    def exact(self, seconds):
        """The statistics when they are exact: all that came was analysed or counted as lost."""
        def look():
            stats = self.stats()
            whole = stats and stats["processed"] + stats["lost"] == stats["delivered"]
            return stats if whole else None
        return within(seconds, look)

    def ping_ms(self):
        start = now()
        return 1000 * (now() - start) if self.ask("ping") == (1, "pong") else math.inf

    def thread(self, name):
        """The number of the thread of that name; threads of libraries have their creator's."""
        for task in sorted(os.listdir(f"/proc/{self.process.pid}/task"), key=int):
            with open(f"/proc/{self.process.pid}/task/{task}/comm") as comm:
                if comm.read().strip() == name:
                    return int(task)
        return None

    def resources(self):
        """(descriptors, threads, KiB in memory)"""
        base = f"/proc/{self.process.pid}"
        with open(base + "/statm") as statm:
            pages = int(statm.read().split()[1])
        return (len(os.listdir(base + "/fd")), len(os.listdir(base + "/task")),
                pages * os.sysconf("SC_PAGE_SIZE") // 1024)

    def log(self):
        with open(self.log_path, errors="replace") as file:
            return file.read()

    def end(self):
        """(status, seconds): negative is a signal that has ended it."""
        began = now()
        status = self.stop()
        return status, now() - began


# --- Threads that stand still ---

libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
libc.ptrace.restype = ctypes.c_long
SEIZE, INTERRUPT, DETACH, WALL = 0x4206, 0x4207, 17, 0x40000000


@contextlib.contextmanager
def threads_still(*tasks):
    """Stops single threads of a child, as a debugger does; the others go on."""
    for task in tasks:
        if libc.ptrace(SEIZE, task, None, None) != 0:
            raise Unable("threads cannot be stopped here: " + os.strerror(ctypes.get_errno()))
        libc.ptrace(INTERRUPT, task, None, None)
        os.waitpid(task, WALL)
    try:
        yield
    finally:
        for task in tasks:
            libc.ptrace(DETACH, task, None, None)


# --- Namespaces of the calling thread ---

NEWNS, NEWNET, REC_PRIVATE, BIND = 0x20000, 0x40000000, 0x44000, 0x1000


def leave_for(what):
    """The calling thread, and what it starts, sees mounts or a network of its own."""
    if libc.unshare(what) != 0:
        raise Unable("no namespaces can be made here: " + os.strerror(ctypes.get_errno()))
    if what & NEWNS:
        mount("none", "/", None, REC_PRIVATE)
    if what & NEWNET:
        output("ip", "link", "set", "lo", "up")


def mount(source, target, kind, flags, options=None):
    words = [word.encode() if word else None for word in (source, target, kind)]
    if libc.mount(*words, ctypes.c_ulong(flags), options.encode() if options else None) != 0:
        raise Unable("cannot mount: " + os.strerror(ctypes.get_errno()))
