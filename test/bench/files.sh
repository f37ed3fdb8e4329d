#!/bin/sh
# Measures the program on sound files beside aubio's own tools: speed, memory, and how right it is.
#
#   test/bench/files.sh [AUDIO_DIR]
#
# AUDIO_DIR (also from the environment) holds annotated music and an index.tsv that names it; see
# files.py. Without it the synthesiser's signals are used, whose truth is known.
#
# SPDX-License-Identifier: GPL-3.0-or-later
set -eu
folder=${1:-${AUDIO_DIR:-}}
[ -z "$folder" ] || folder=$(realpath "$folder")
cd "$(dirname "$0")/../.."
src/dist/packages.sh aubio-tools python3-minimal
exec /usr/bin/python3 test/bench/files.py "${BUILD:-build/plain}" "$folder"
