#!/bin/sh
# Measures how right the tempo is told and foretold, and whether predictions are as sure as they say.
#
#   test/bench/predictions.sh [--quick] [AUDIO_DIR]
#
# AUDIO_DIR (also from the environment) holds annotated music; see beats.py.
#
# SPDX-License-Identifier: GPL-3.0-or-later
set -eu
quick=
if [ "${1-}" = --quick ]; then
    quick=--quick
    shift
fi
folder=${1:-${AUDIO_DIR:-}}
[ -z "$folder" ] || folder=$(realpath "$folder")
cd "$(dirname "$0")/../.."
src/dist/packages.sh python3 python3-numpy
exec /usr/bin/python3 test/bench/predictions.py $quick "${BUILD:-build/plain}" ${folder:+"$folder"}
