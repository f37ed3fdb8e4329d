#!/bin/sh
# Measures chroma, key, chords and the foretelling of chords against the truth; see harmony.py.
#
#   test/bench/harmony.sh [AUDIO_DIR]
#
# SPDX-License-Identifier: GPL-3.0-or-later
set -eu
folder=${1:-${AUDIO_DIR:-}}
[ -z "$folder" ] || folder=$(realpath "$folder")
cd "$(dirname "$0")/../.."
src/dist/packages.sh python3 python3-numpy
exec /usr/bin/python3 test/bench/harmony.py ${folder:+--audio "$folder"} "${BUILD:-build/plain}"
