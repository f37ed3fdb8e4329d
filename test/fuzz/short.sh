#!/bin/bash
# Runs each fuzz target over its corpus, and then for SECONDS_EACH on variations of it; two at a time.
# Time limit: 900 s
#
# SPDX-License-Identifier: GPL-3.0-or-later
set -u
cd "$(dirname "$0")/../.." || exit 1
command -v clang >/dev/null || { echo "1..0 # SKIP no clang here"; exit 0; }
seconds=${SECONDS_EACH:-10}

log=$(mktemp -d)
trap 'rm -rf "$log"' EXIT
if ! make -s -j"$(nproc)" fuzzers >"$log/make" 2>&1; then
    echo "not ok 1 - the targets can be built"
    sed 's/^/# /' "$log/make"
    echo "1..1"
    exit 1
fi

# New inputs go to the first folder; what breaks it, too.
try() {
    mkdir "$log/$1"
    build/fuzz/fuzz_"$1" -runs=0 -timeout=20 -artifact_prefix="$log/$1/" \
        "test/fuzz/corpus/$1" >"$log/$1.out" 2>&1 &&
        build/fuzz/fuzz_"$1" -seed=1 -max_total_time="$seconds" -timeout=20 -max_len=8192 \
            -print_final_stats=1 -artifact_prefix="$log/$1/" "$log/$1" "test/fuzz/corpus/$1" \
            >"$log/$1.out" 2>&1
    echo $? >"$log/$1.status"
}
export -f try
export log seconds

programs=$(ls build/fuzz/fuzz_*)
echo "$programs" | sed 's/.*fuzz_//' | xargs -P 2 -I{} bash -c 'try {}'
number=0
for program in $programs; do
    fuzzer=${program##*fuzz_}
    number=$((number + 1))
    runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log/$fuzzer.out")
    name="$number - $fuzzer stands its corpus and variations of it"
    if [ "$(cat "$log/$fuzzer.status")" = 0 ]; then
        echo "ok $name"
        echo "# $runs of them"
    else
        echo "not ok $name"
        tail -n 40 "$log/$fuzzer.out" | sed 's/^/# /'
    fi
done
echo "1..$number"
