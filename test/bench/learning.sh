#!/bin/sh
# Measures what feedback is good for: see learning.py.
#
#   test/bench/learning.sh [AUDIO_DIR]
#
# SPDX-License-Identifier: GPL-3.0-or-later
set -eu
folder=${1:-${AUDIO_DIR:-}}
[ -z "$folder" ] || folder=$(realpath "$folder")
cd "$(dirname "$0")/../.."
src/dist/packages.sh python3 python3-numpy
exec /usr/bin/python3 test/bench/learning.py --build "${BUILD:-build/plain}" ${folder:+--audio "$folder"}
