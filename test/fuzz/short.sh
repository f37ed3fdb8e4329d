#!/bin/bash
# Runs each fuzz target over its corpus, and then on variations of it, two at a time: each for
# FUZZ_SECONDS (60), and at least FUZZ_RUNS (10000) times. Leaks are told at the end.
# Goes in the background.
# Time limit: 1500 s
#
# SPDX-License-Identifier: GPL-3.0-or-later
set -u
cd "$(dirname "$0")/../.." || exit 1
command -v clang >/dev/null || { echo "1..0 # SKIP no clang here"; exit 0; }
seconds=${FUZZ_SECONDS:-60} least=${FUZZ_RUNS:-10000}

log=$(mktemp -d)
trap 'rm -rf "$log"' EXIT
if ! make -s -j"$(nproc)" fuzzers >"$log/make" 2>&1; then
    echo "not ok 1 - the targets can be built"
    sed 's/^/# /' "$log/make"
    echo "1..1"
    exit 1
fi

run() {
    build/fuzz/fuzz_"$1" -timeout=20 -artifact_prefix="$log/$1/" "${@:2}" "test/fuzz/corpus/$1" \
        >"$log/$1.out" 2>&1
}

# How often the last run has tried something.
runs() {
    sed -n 's/^stat::number_of_executed_units: *//p' "$log/$1.out"
}

# New inputs go to the first folder; what breaks it, too.
try() {
    local vary=(-seed=1 -max_len=8192 -detect_leaks=0 -print_final_stats=1)
    mkdir "$log/$1"
    run "$1" -runs=0 &&
        run "$1" "${vary[@]}" -max_total_time="$seconds" "$log/$1" &&
        { [ "$(runs "$1")" -ge "$least" ] || run "$1" "${vary[@]}" -runs="$least" "$log/$1"; }
    echo $? >"$log/$1.status"
}
export -f run runs try

programs=$(ls build/fuzz/fuzz_*)
export least log seconds
echo "$programs" | sed 's/.*fuzz_//' | xargs -P 2 -I{} bash -c 'try {}'
number=0
for program in $programs; do
    fuzzer=${program##*fuzz_}
    number=$((number + 1))
    name="$number - $fuzzer stands its corpus and variations of it"
    if [ "$(cat "$log/$fuzzer.status")" = 0 ]; then
        echo "ok $name"
        echo "# $(runs "$fuzzer") of them"
    else
        echo "not ok $name"
        tail -n 40 "$log/$fuzzer.out" | sed 's/^/# /'
    fi
done
echo "1..$number"
