#!/bin/sh
# Compares the values of the analysis frames with another implementation, measures drum hits, and
# what each stage costs.
#
#   test/bench/features.sh [AUDIO_DIR]
#
# AUDIO_DIR (also from the environment) holds sound files, which the values are compared on besides
# the synthesiser's signals.
#
# SPDX-License-Identifier: GPL-3.0-or-later
set -eu
folder=${1:-${AUDIO_DIR:-}}
[ -z "$folder" ] || folder=$(realpath "$folder")
cd "$(dirname "$0")/../.."
build=${BUILD:-build/plain}
src/dist/packages.sh python3 python3-numpy python3-scipy python3-soundfile
/usr/bin/python3 test/bench/features.py "$build" "$folder"
/usr/bin/python3 test/bench/hits.py "$build"
"$build/test/tools/ja-stage-cost"
