#!/usr/bin/python3
# Prints which share of each reader's lines the fuzz targets come to with the corpus in the tree;
# fails when it is less than LEAST.
#
#   test/bench/fuzz_coverage.py TARGET...        (programs in build/coverage, by `make fuzz-coverage`)
#
# SPDX-License-Identifier: GPL-3.0-or-later

import json
import os
import subprocess
import sys
import tempfile

LEAST = 90  # percent
READERS = """
    net/osc_reader net/osc_framing control/osc control/handshake control/command
    control/subscribers control/midi_in config/source config/reader config/value config/preset
    sink/osc_entry sink/carabiner sink/mqtt sink/os2l adapt/model app/key_reader web/query
    web/message web/gate web/http web/bus web/page web/token web/oscquery web/oscquery_tree
    web/clients web/audio_in web/guest web/control web/monitor
""".split()


def measure(targets, folder):
    """The lines that count and those that were run, by file."""
    programs, profiles = [], []
    for target in targets:
        program = "build/coverage/fuzz_" + target
        profile = os.path.join(folder, target)
        subprocess.run([program, "-runs=0", "test/fuzz/corpus/" + target], check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                       env=dict(os.environ, LLVM_PROFILE_FILE=profile))
        programs.append(program)
        profiles.append(profile)
    merged = os.path.join(folder, "merged")
    subprocess.run(["llvm-profdata", "merge", "-o", merged] + profiles, check=True)
    objects = [word for program in programs[1:] for word in ("-object", program)]
    told = subprocess.run(["llvm-cov", "export", "-summary-only", "-instr-profile", merged,
                           programs[0]] + objects, check=True, capture_output=True).stdout
    return {os.path.relpath(one["filename"]): one["summary"]["lines"]
            for one in json.loads(told)["data"][0]["files"]}


def main():
    with tempfile.TemporaryDirectory() as folder:
        files = measure(sys.argv[1:], folder)
    low = 0
    for reader in READERS:
        lines = files.get("src/%s.c" % reader, {"percent": 0, "covered": 0, "count": 0})
        low += lines["percent"] < LEAST
        print("%-26s %4d of %4d lines  %5.1f %%" % (reader + ".c", lines["covered"],
                                                   lines["count"], lines["percent"]))
    return 1 if low else 0


if __name__ == "__main__":
    sys.exit(main())
