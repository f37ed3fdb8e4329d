#!/usr/bin/env python3
# Programs that rigs really run, without their windows: QLC+ (OSC and OS2L), Pure Data and oscdump
# are given music by their presets, and what each of them says it has received is looked at.
#
# Time limit: 120 s
# SPDX-License-Identifier: GPL-3.0-or-later
import base64
import collections
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

os.chdir(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))
sys.dont_write_bytecode = True  # of the module in the other folder
sys.path.append("test/support")
import realtime
PROGRAM = os.environ.get("BUILD", "build/plain") + "/jack-analyzer"
BPM = 120
MUSIC = f"synth:drums?bpm={BPM}&seconds=14&pattern=backbeat"  # with kick, snare and hat
OS2L_PORT = 9996  # QLC+ asks nobody
if not shutil.which(PROGRAM):
    print(f"1..0 # SKIP there is no {PROGRAM}")
    sys.exit(0)

realtime.take_precedence()
work = tempfile.mkdtemp()
# A home of their own, no window.
os.environ.update(HOME=work, XDG_CONFIG_HOME=work, XDG_STATE_HOME=work, XDG_RUNTIME_DIR=work,
                  QT_QPA_PLATFORM="offscreen")
os.chmod(work, 0o700)
started, number = [], 0


def check(name, passed, *remarks):
    global number
    number += 1
    print(f"{'ok' if passed else 'not ok'} {number} - {name}")
    for remark in remarks if not passed else ():
        for line in str(remark).splitlines()[-12:]:
            print("#", line)
    sys.stdout.flush()
    return passed


def skip(name, why):
    global number
    number += 1
    print(f"ok {number} - {name} # SKIP {why}")


def within(seconds, condition):
    end = time.monotonic() + seconds
    while not (value := condition()) and time.monotonic() < end:
        time.sleep(0.05)
    return value


def is_free(kind, port):
    with socket.socket(socket.AF_INET, kind) as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, kind == socket.SOCK_STREAM)
        try:
            s.bind(("127.0.0.1", port))
            return True
        except OSError:
            return False


def port_for(kind, wanted=0):
    """`wanted` where nobody has it, else any."""
    if wanted and is_free(kind, wanted):
        return wanted
    with socket.socket(socket.AF_INET, kind) as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Receiver:
    """A program whose output is a list of lines."""

    def __init__(self, name, *command):
        self.path = f"{work}/{name}"
        self.process = subprocess.Popen(command, stdout=open(self.path, "w"),
                                        stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
        started.append(self.process)

    def text(self):
        with open(self.path, errors="replace") as file:
            return file.read()

    def find(self, pattern):
        return re.findall(pattern, self.text(), re.M)


def play(*arguments):
    log = f"{work}/analyzer.log"
    command = [PROGRAM, "-f", MUSIC, "--paced", "-S", "control.enable=false", *arguments]
    with open(log, "w") as file:
        process = subprocess.Popen(command, stderr=file, stdin=subprocess.DEVNULL)
    started.append(process)
    return process, log


def played(process, log):
    with open(log) as file:
        check("the analyser has played to its end", process.wait(60) == 0, file.read())


# --- oscdump and Pure Data: every message, with its values ---

PATCH = """#N canvas 0 0 450 300 12;
#X obj 10 10 netreceive -u -b {port};
#X obj 10 40 oscparse;
#X obj 10 70 print heard;
#X connect 0 0 1 0;
#X connect 1 0 2 0;
"""


def start_pd(port):
    with open(f"{work}/patch.pd", "w") as file:
        file.write(PATCH.format(port=port))
    pd = Receiver("pd", "pd", "-nogui", "-noaudio", "-nomidi", "-nrt", "-stderr",
                  f"{work}/patch.pd")
    within(10, lambda: not is_free(socket.SOCK_DGRAM, port))
    return pd


def pd_messages(pd):
    """(address, values) of each line; Pure Data cuts the address at its slashes."""
    for line in pd.find(r"^heard: (?:list )?(ja .*)$"):
        yield line.split()


def plain_messages():
    dump_port, pd_port = port_for(socket.SOCK_DGRAM), port_for(socket.SOCK_DGRAM, 7400)
    oscdump = Receiver("oscdump", "oscdump", "-L", str(dump_port))
    pd = start_pd(pd_port) if shutil.which("pd") else None
    within(5, lambda: not is_free(socket.SOCK_DGRAM, dump_port))
    played(*play("-p", "target/max-pd", "-S", f"target.max_pd.port={pd_port}",
                 "-S", f"target.dump.port={dump_port}", "-S", "target.dump.rate_hz=50"))
    beats = oscdump.find(r"/ja/beat iiff (\d+) (\d) ([\d.]+) ([\d.]+)$")
    check(f"oscdump hears beats of four values, each once ({len(beats)})",
          len(beats) > 10 and len({b[0] for b in beats}) == len(beats), oscdump.text())
    check("of the right tempo", beats and abs(float(beats[-1][2]) - BPM) < 2, beats)
    if not pd:
        skip("Pure Data", "pd is not installed (package puredata-core)")
        return
    messages = list(pd_messages(pd))
    heard = [" ".join(m[2:4]) for m in messages if m[:2] == ["ja", "beat"] and len(m) == 6
             and m[2].isdigit()]
    check(f"Pure Data hears the same beats ({len(heard)})",
          len(heard) > 10 and heard == [" ".join(b[:2]) for b in beats], heard, beats)
    addresses = {m for m in oscdump.find(r"(/ja/\S*) ")}
    texts = ["/" + "/".join(m) + "/" for m in messages]
    missing = {a for a in addresses if not any(t.startswith(a + "/") for t in texts)}
    check(f"and every one of the {len(addresses)} addresses that oscdump hears",
          len(addresses) > 20 and not missing, missing)
    check("with nothing to complain of", not pd.find(r"(?i)^.*(?:error|bad|oscparse:).*$"),
          pd.find(r"(?i)^.*(?:error|bad|oscparse:).*$"))


# --- QLC+: what its channels do ---

def channel(path):
    """QLC+ makes a path a channel by its CRC-16 (X-25)."""
    crc = 0xffff
    for byte in path.encode():
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x8408 if crc & 1 else 0)
    return crc ^ 0xffff


APPEARANCE = """<Appearance><FrameStyle>None</FrameStyle><ForegroundColor>Default</ForegroundColor>
<BackgroundColor>Default</BackgroundColor><BackgroundImage>None</BackgroundImage>
<Font>Default</Font></Appearance>"""


def slider(number, path):
    return f"""<Slider Caption="{path}" ID="{number}" WidgetStyle="Slider"
InvertedAppearance="false">
<WindowState Visible="True" X="{70 * number}" Y="10" Width="60" Height="200"/>{APPEARANCE}
<SliderMode ValueDisplayStyle="Exact" Monitor="false">Level</SliderMode>
<Level LowLimit="0" HighLimit="255" Value="0"><Channel Fixture="0">{number}</Channel></Level>
<Playback><Function>4294967295</Function></Playback>
<Input Universe="0" Channel="{channel(path)}"/></Slider>"""


def write_show(path, paths, osc_port):
    """A slider for each OSC path, and a scene that every OS2L beat switches on or off."""
    sliders = "".join(slider(i, p) for i, p in enumerate(paths))
    with open(path, "w") as file:
        file.write(f"""<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE Workspace>
<Workspace xmlns="http://www.qlcplus.org/Workspace" CurrentWindow="VirtualConsole">
<Creator><Name>Q Light Controller Plus</Name><Version>4.12.6</Version><Author/></Creator>
<Engine><InputOutputMap>
<Universe Name="OSC" ID="0"><Input Plugin="OSC" UID="127.0.0.1" Line="0">
<PluginParameters inputPort="{osc_port}"/></Input></Universe>
<Universe Name="OS2L" ID="1"><Input Plugin="OS2L" Line="0"/></Universe>
</InputOutputMap>
<Fixture><Manufacturer>Generic</Manufacturer><Model>Generic</Model><Mode>32 Channel</Mode>
<ID>0</ID><Name>Dimmers</Name><Universe>0</Universe><Address>0</Address><Channels>32</Channels>
</Fixture>
<Function ID="0" Type="Scene" Name="beat"><Speed FadeIn="0" FadeOut="0" Duration="0"/>
<FixtureVal ID="0">31,255</FixtureVal></Function></Engine>
<VirtualConsole><Frame Caption="">{APPEARANCE}{sliders}
<Button Caption="beat" ID="100" Icon=""><WindowState Visible="True" X="10" Y="250" Width="50"
Height="50"/>{APPEARANCE}<Function ID="0"/><Action>Toggle</Action>
<Input Universe="1" Channel="8341"/></Button></Frame>
<Properties><Size Width="1920" Height="600"/>
<GrandMaster ChannelMode="Intensity" ValueMode="Reduce" SliderMode="Normal"/></Properties>
</VirtualConsole><SimpleDesk><Engine/></SimpleDesk></Workspace>
""")


class WebAccess:
    """QLC+'s own WebSocket, which tells where a slider stands."""

    def __init__(self, port):
        self.socket = within(20, lambda: self.call(port))
        self.socket.settimeout(5)
        self.socket.sendall((f"GET /qlcplusWS HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
                             "Upgrade: websocket\r\nConnection: Upgrade\r\n"
                             f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}\r\n"
                             "Sec-WebSocket-Version: 13\r\n\r\n").encode())
        self.bytes = b""
        while b"\r\n\r\n" not in self.bytes:
            self.bytes += self.socket.recv(4096)
        self.bytes = self.bytes.split(b"\r\n\r\n", 1)[1]

    @staticmethod
    def call(port):
        try:
            return socket.create_connection(("127.0.0.1", port), 1)
        except OSError:
            return None

    def take(self, count):
        while len(self.bytes) < count:
            self.bytes += self.socket.recv(4096)
        taken, self.bytes = self.bytes[:count], self.bytes[count:]
        return taken

    def read(self):
        size = self.take(2)[1]
        if size == 126:
            size = int.from_bytes(self.take(2), "big")
        return self.take(size).decode()

    def ask(self, *words):
        text, mask = "|".join(("QLC+API", *map(str, words))).encode(), os.urandom(4)
        self.socket.sendall(bytes([0x81, 0x80 | len(text)]) + mask +
                            bytes(b ^ mask[i % 4] for i, b in enumerate(text)))
        while not (answer := self.read()).startswith("QLC+API|" + words[0]):
            pass
        return answer.split("|")[2:]


def follow_sliders(web, paths, process):
    """The values each slider goes through, as long as the music plays."""
    values = collections.defaultdict(list)
    while process.poll() is None:
        for i, path in enumerate(paths):
            value = int(web.ask("getWidgetStatus", i)[-1] or 0)
            if values[path][-1:] != [value]:
                values[path].append(value)
        time.sleep(0.02)
    return values


def preset_paths():
    with open("presets/target/qlcplus.conf") as file:
        return re.findall(r"address=(\S+?)[ \"]", file.read())


def judge_osc(values, log):
    for path in ("/ja/beat", "/ja/kick", "/ja/onset"):
        ups = sum(v > 0 for v in values[path])
        check(f"QLC+ sees {path} go up and come down again ({ups} times)",
              ups >= 16 and values[path][::2] == [0] * (ups + 1), values[path])
    check("the beat at full level", set(values["/ja/beat"]) == {0, 255}, values["/ja/beat"])
    check("/ja/bar is one beat in four", 2 < values["/ja/bar"].count(255)
          < values["/ja/beat"].count(255) / 2, values["/ja/bar"])
    bpm = values["/ja/bpm"][-1] if values["/ja/bpm"] else 0
    check(f"/ja/bpm stands at the tempo ({bpm})", abs(bpm - BPM) <= 2, values["/ja/bpm"])
    narrow = [p for p in ("/ja/phase", "/ja/level", "/ja/band/1")
              if max(values[p], default=0) - min(values[p], default=0) < 100]
    check("phase, level and the lowest band use their range", not narrow,
          *(f"{p}: {values[p][:20]}" for p in narrow))
    still = [p for p, v in values.items() if max(v, default=0) == 0]
    check(f"every one of the preset's {len(values)} channels moves", len(values) > 15
          and not still, still)
    tags = set(re.findall(r"\[OSC\] Tags found: (\d+)", log))
    check("each message has the one value that QLC+ takes", tags == {"1"}, tags)


def judge_os2l(log):
    beats = re.findall(r"Got beat message (.*)", log)
    switched = len(re.findall(r"Function (?:start|stop)\(\)\. Name: \"beat\"", log))
    check(f"each OS2L beat switches its scene ({switched} times, {len(beats)} beats)",
          len(beats) > 16 and switched == len(beats), log)
    readable = [b for b in beats if '\\"evt\\":\\"beat\\"' in b and b.endswith('}\\n"')]
    check("as messages that it can read", beats and readable == beats, *beats[:3])


def qlcplus():
    if not shutil.which("qlcplus"):
        skip("QLC+", "qlcplus is not installed (package qlcplus)")
        return
    if not is_free(socket.SOCK_STREAM, OS2L_PORT):
        skip("QLC+", f"another program listens on TCP port {OS2L_PORT}")
        return
    osc_port, web_port = port_for(socket.SOCK_DGRAM, 7700), port_for(socket.SOCK_STREAM)
    paths = preset_paths()
    write_show(f"{work}/show.qxw", paths, osc_port)
    qlc = Receiver("qlc", "qlcplus", "-m", "-n", "-p", "-o", f"{work}/show.qxw", "-w", "-wp",
                   str(web_port), "-d", "0")
    web = WebAccess(web_port)
    listens = within(20, lambda: not is_free(socket.SOCK_DGRAM, osc_port)
                     and not is_free(socket.SOCK_STREAM, OS2L_PORT)
                     and len(web.ask("getWidgetsList")) == 2 * len(paths) + 2)
    if not check("QLC+ has opened the show and listens", listens, qlc.text()):
        return
    process, log = play("-p", "target/qlcplus", "-p", "target/qlcplus-os2l",
                        "-S", f"target.qlcplus.port={osc_port}")
    values = follow_sliders(web, paths, process)
    played(process, log)
    judge_osc(values, qlc.text())
    judge_os2l(qlc.text())


def main():
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(1))  # and clean up
    try:
        if shutil.which("oscdump"):
            plain_messages()
        else:
            skip("oscdump and Pure Data", "oscdump is not installed (package liblo-tools)")
        qlcplus()
    finally:
        for process in started:
            process.terminate()
        for process in started:
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
        shutil.rmtree(work, ignore_errors=True)
    print(f"1..{number}")


if __name__ == "__main__":
    main()
