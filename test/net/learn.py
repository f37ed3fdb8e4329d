#!/usr/bin/python3
# Gives the real program feedback by OSC while it hears clicks, and looks at what it says, does and
# keeps.
# Time limit: 60 s
# Goes beside others.
#
# SPDX-License-Identifier: GPL-3.0-or-later

import glob
import os
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True  # of the modules beside this file
from hostile import PROGRAM, check, results
from steer import Program

CLICKS = ["--file", "synth:click?bpm=120&seconds=60", "--paced"]
OFFLINE = ["-S", "learn.use_offline=true"]


def run(*arguments):
    """Exit status, and all that it said."""
    with tempfile.NamedTemporaryFile(suffix=".conf") as settings:  # none of the user's own
        done = subprocess.run([PROGRAM, "-c", settings.name, *arguments], capture_output=True,
                              text=True)
    return done.returncode, done.stdout + done.stderr


def analyse(*arguments):
    return run("-f", "synth:click?bpm=120&seconds=20", "-e", "-", *arguments)


def say(program, name, word, done, answer):
    ack = program.ask("feedback", "s", word)
    check(ack is not None and ack[0] == done and answer in ack[1], name, ack)


def check_feedback(model):
    program = Program(*CLICKS, *OFFLINE, "-S", "learn.profile=club")
    if not program.wait_until_there():
        check(False, "the program answers ping")
        return
    program.wait_for_tempo("beats come", 120, 15)
    say(program, "good is acknowledged with what is learnt", "good", 1, "bpm is right: such tempi")
    program.tell("wrong-octave is acknowledged and done", "feedback", "s", "wrong-octave",
                 reason=r"pinned near (59|60|61)\.\d bpm")
    program.wait_for_tempo("beats come at half the tempo", 60, 12)
    program.tell("off-beat moves the beats", "feedback", "s", "off-beat",
                 reason=r"moved by half a beat, at (59|60)\.\d bpm")
    program.tell("wrong-one moves the bar", "feedback", "s", "wrong-one",
                 reason="The bar begins on another beat")
    say(program, "a missed transition is acknowledged", "missed", 1, "all thresholds are lower")
    say(program, "what has not happened cannot be judged", "energy-false", 0,
        "no transition was told in the last 30 s")
    say(program, "another word is refused with those that are known", "nice", 0,
        "feedback takes good, wrong-octave, off-beat")
    check(program.stop() == 0, "it ends with status 0")
    lines = []
    if os.path.exists(model):
        with open(model) as file:
            lines = file.read().splitlines()
    rows = {line.rsplit(" ", 3)[0]: line.split()[2:] for line in lines if line[:5] == "tempo"}
    check(rows.get("tempo 113", "000")[1] > "0" and "energy drop -100" in lines,
          "what was learnt lies in the profile's file", lines)
    check(glob.glob(model + ".*") == [], "and nothing else does")


def check_use(model):
    plain = analyse("-S", "learn.profile=club")
    check(plain == analyse("-S", "learn.profile=other"), "a file is analysed without it")
    check(analyse(*OFFLINE, "-S", "learn.profile=club")[0] == 0, "or with it when asked")
    with open(model, "a") as file:
        file.write("and more\n")
    status, said = analyse(*OFFLINE, "-S", "learn.profile=club")
    check(status == 0 and "what was learnt is forgotten" in said and os.path.exists(model + ".bad"),
          "a damaged file is told and set aside", said[:300])
    check(not os.path.exists(model), "and no longer in the way")
    status, said = run("--reset-model", "-S", "learn.profile=club")
    check((status, said) == (0, "profile club: nothing was learnt\n"),
          "--reset-model says that there is nothing", said)
    os.rename(model + ".bad", model)
    status, said = run("--reset-model", "-S", "learn.profile=club")
    check((status, said) == (0, "profile club: what was learnt is forgotten\n")
          and not os.path.exists(model), "--reset-model forgets", said)
    status, said = run("--check", "-S", "learn.profile=a/b")
    check(status == 2 and "must be 1 to 32 letters" in said, "--check finds an impossible name", said)


def check_nowhere():
    os.environ["XDG_STATE_HOME"] = "/proc/nothing"
    program = Program(*CLICKS, *OFFLINE)
    ack = program.wait_until_there() and program.ask("feedback", "s", "missed")
    check(ack and ack[0] == 1, "it learns without a place to write", ack)
    check(program.stop() == 0, "and ends with status 0 all the same")


def main():
    if not os.access(PROGRAM, os.X_OK):
        print("1..0 # SKIP there is no " + PROGRAM)
        return 0
    with tempfile.TemporaryDirectory() as folder:
        os.environ.pop("STATE_DIRECTORY", None)
        os.environ["XDG_STATE_HOME"] = folder
        model = os.path.join(folder, "jack-analyzer", "club.model")
        check_feedback(model)
        check_use(model)
        check_nowhere()
    print("1..%d" % sum(results))
    return 1 if results[1] else 0


if __name__ == "__main__":
    sys.exit(main())
