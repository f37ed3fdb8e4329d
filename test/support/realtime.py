# The real-time check for live tests in Python: what WATCHED starts is watched, judge() has the
# verdict.
#
# SPDX-License-Identifier: GPL-3.0-or-later
import atexit
import os
import shutil
import subprocess
import tempfile

BUILD = os.environ.get("BUILD", "build/plain")
WATCHED = "test/rt/watched"  # from the top folder; put it before the program


def watch(within=None):
    """From now on, what is started by WATCHED is watched; reports go to a folder `within`."""
    os.environ["RTCHECK_DIR"] = folder = tempfile.mkdtemp(dir=within)
    atexit.register(shutil.rmtree, folder, True)


def judge(least=1):
    """(passed, name of the result), over all callbacks so far; remarks are printed."""
    if not BUILD.endswith("plain"):
        return True, "no violation # SKIP the real-time check needs a build without sanitizer"
    found = subprocess.run([BUILD + "/test/rt/verdict", os.environ["RTCHECK_DIR"], str(least)],
                           stdout=subprocess.PIPE, text=True)
    name, *remarks = found.stdout.splitlines() or ["the real-time check has no verdict"]
    for remark in remarks:
        print(remark, flush=True)
    return found.returncode == 0, name
