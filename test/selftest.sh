#!/bin/bash
# The counting itself is tested: failing, crashing, hanging and silent tests must all be noticed.
#
# SPDX-License-Identifier: GPL-3.0-or-later
set -u
cd "$(dirname "$0")/.." || exit 1
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
number=0

# $1: what is tested. $2: the script under test. $3: the sum expected. $4: exit status expected.
expect() {
    number=$((number + 1))
    printf '#!/bin/bash\n%s\n' "$2" >"$folder/case.sh"
    chmod +x "$folder/case.sh"
    got=$(TIME_LIMIT=1 test/run "$folder/case.sh" 2>&1)
    status=$?
    if [ "$(tail -n 1 <<<"$got")" = "$3" ] && [ "$status" = "$4" ]; then
        echo "ok $number - $1"
    else
        echo "not ok $number - $1"
        sed 's/^/# /' <<<"$got"
    fi
}

echo 1..16
expect "good tests pass" 'echo "ok 1 - a"; echo "ok 2 - b"; echo 1..2' "2 passed, 0 failed" 0
expect "a failing test is counted" 'echo "ok 1 - a"; echo "not ok 2 - b"; exit 1' \
    "1 passed, 1 failed" 1
expect "a crash is a failure" 'echo "ok 1 - a"; kill -SEGV $$' "1 passed, 1 failed" 1
expect "a silent crash is a failure" 'kill -ABRT $$' "0 passed, 1 failed" 1
expect "a hanging program is a failure" 'echo "ok 1 - a"; sleep 30' "1 passed, 1 failed" 1
expect "one that ignores SIGTERM too" 'trap "" TERM; # Time limit: 1 s
for i in 1 2 3 4; do sleep 5; done' "0 passed, 1 failed" 1
expect "a silent program is a failure" 'exit 0' "0 passed, 1 failed" 1
expect "a chatty program without results is a failure" 'echo "all ok"; echo "# ok 1"' \
    "0 passed, 1 failed" 1
expect "an unfulfilled plan is a failure" 'echo 1..3; echo "ok 1 - a"; echo "ok 2 - b"' \
    "2 passed, 1 failed" 1
expect "an error status is a failure" 'echo "ok 1 - a"; exit 3' "1 passed, 1 failed" 1
expect "a bail-out is a failure" 'echo "ok 1 - a"; echo "Bail out! no server"' \
    "1 passed, 1 failed" 1
expect "a skipped test is not a passed one" 'echo "ok 1 - a"; echo "ok 2 - b # SKIP no card"' \
    "1 passed, 0 failed" 0
expect "cmocka's way to say skipped" 'echo "ok 1 - a"; echo "not ok 2 # SKIP b"' \
    "1 passed, 0 failed" 0
expect "nothing but skipped is no success" 'echo "1..0 # SKIP all"' "0 passed, 0 failed" 1
expect "a script has the time it says it needs" '# Time limit: 5 s
sleep 2; echo "ok 1 - a"' "1 passed, 0 failed" 0

printf '#!/bin/bash\necho "ok 1"\n' >"$folder/case.sh"
chmod -x "$folder/case.sh"
echo "echo helper" >"$folder/helper.sh"
got=$(test/run "$folder/case.sh" "$folder/helper.sh" "$folder/missing" 2>&1)
if [ "$(tail -n 1 <<<"$got")" = "0 passed, 2 failed" ]; then
    echo "ok 16 - a test that cannot be started"
else
    echo "not ok 16 - a test that cannot be started"
    sed 's/^/# /' <<<"$got"
fi
