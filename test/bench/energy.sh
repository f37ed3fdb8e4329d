#!/bin/bash
# Measures how right transitions, sections and announcements of drops are, on arrangements made for it
# and on the annotated pieces of AUDIO_DIR, if given.
#
# SPDX-License-Identifier: GPL-3.0-or-later
set -eu
cd "$(dirname "$0")/../.."
echo "== Energy transitions =="
exec /usr/bin/python3 test/bench/energy.py "${BUILD:-build/plain}" ${AUDIO_DIR:+"$AUDIO_DIR"}
