#!/bin/bash
# Measures what each level of analysis costs: processor seconds per second of sound, on music of the
# program's own, the least of three runs.
#
#   test/bench/levels.sh [--set OPTION=VALUE]...
#
# SPDX-License-Identifier: GPL-3.0-or-later
set -eu
cd "$(dirname "$0")/../.."
build=${BUILD:-build/plain}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export XDG_CONFIG_HOME=$work
TIMEFORMAT=%U

"$build/test/tools/ja-render" 'synth:demo?seconds=90' "$work/music.wav" >/dev/null

# Processor seconds of one run with the options $@.
run() {
    { time "$build/jack-analyzer" --quiet --file "$work/music.wav" --events /dev/null "$@"; } 2>&1
}
# row WHAT OPTION...: the least of three runs.
row() {
    local what=$1
    shift
    for _ in 1 2 3; do run "$@"; done | sort -n | head -n 1 |
        awk -v what="$what" '{ printf "  %.4f  %s\n", $1 / 90, what }'
}

echo "processor seconds per second of sound, by level (governor.level):"
for level in maximum high medium low; do
    row $level --set governor.level=$level "$@"
done
row "low, with a quarter of the window" --set governor.level=low --set analysis.window_size=512 "$@"
row "low, without the beat network" --set governor.level=low --set beat.engine=flux "$@"
