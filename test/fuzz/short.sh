#!/bin/sh
# Runs each fuzz target over its corpus and a few thousand variations of it; always the same ones.
#
# SPDX-License-Identifier: GPL-3.0-or-later
set -u
cd "$(dirname "$0")/../.." || exit 1
command -v clang >/dev/null || { echo "1..0 # SKIP no clang here"; exit 0; }

log=$(mktemp -d)
trap 'rm -rf "$log"' EXIT
number=0
for fuzzer in osc:50000 config:5000 model:50000 message:20000 oscquery:20000; do
    runs=${fuzzer#*:} fuzzer=${fuzzer%:*}
    number=$((number + 1))
    name="$number - $fuzzer stands its corpus and $runs variations"
    # New inputs go to the first folder; what breaks it, too.
    mkdir "$log/$fuzzer"
    if make -s "build/fuzz/$fuzzer" >"$log/out" 2>&1 &&
        "build/fuzz/$fuzzer" -seed=1 -runs="$runs" -timeout=10 -max_len=2048 \
            -artifact_prefix="$log/$fuzzer/" "$log/$fuzzer" "test/fuzz/corpus/$fuzzer" \
            >"$log/out" 2>&1; then
        echo "ok $name"
    else
        echo "not ok $name"
        tail -n 40 "$log/out" | sed 's/^/# /'
    fi
done
echo "1..$number"
