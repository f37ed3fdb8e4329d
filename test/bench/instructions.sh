#!/bin/bash
# Counts the machine instructions that a second of sound takes at each level of analysis, and
# estimates from them what share of a core of a Raspberry Pi that is.
#
#   test/bench/instructions.sh [--set OPTION=VALUE]...
#
# Valgrind counts, so that it does not matter what else the machine does; the count for 10 s of sound
# is taken from that for 20 s, so that the start does not either. It counts x86-64's instructions.
# What a core does is assumed, not measured: its instructions per cycle, in `cores`.
#
# SPDX-License-Identifier: GPL-3.0-or-later
set -eu
cd "$(dirname "$0")/../.."
src/dist/packages.sh valgrind
build=${BUILD:-build/plain}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export XDG_CONFIG_HOME=$work
# NAME:MHz:INSTRUCTIONS_PER_CYCLE
cores="Zero_2_W(A53):1000:0.6 Pi_4(A72):1500:1.1 Pi_5(A76):2400:2.0"

# The millions of instructions for SECONDS of sound with the options after it.
count() {
    local seconds=$1
    shift
    valgrind --tool=cachegrind --cache-sim=no --cachegrind-out-file=/dev/null \
        "$build/jack-analyzer" --quiet --file "$work/$seconds.wav" --events /dev/null "$@" \
        2>"$work/counted" || {
        cat "$work/counted" >&2
        exit 1
    }
    awk '/I +refs:/ { gsub(",", ""); print $NF / 1e6 }' "$work/counted"
}

for seconds in 10 20; do
    "$build/test/tools/ja-render" "synth:demo?seconds=$seconds" "$work/$seconds.wav" >/dev/null
done
echo "level (governor.level), million instructions per second of sound, percent of a core:"
for level in low medium high maximum; do
    short=$(count 10 --set governor.level=$level "$@")
    long=$(count 20 --set governor.level=$level "$@")
    awk -v level=$level -v short="$short" -v long="$long" -v cores="$cores" 'BEGIN {
        each = (long - short) / 10
        printf "  %-8s %6.1f", level, each
        count = split(cores, core, " ")
        for (i = 1; i <= count; i++) {
            split(core[i], part, ":")
            printf "  %s %.1f", part[1], 100 * each / (part[2] * part[3])
        }
        print ""
    }'
done
