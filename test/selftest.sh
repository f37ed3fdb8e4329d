#!/bin/bash
# The counting itself is tested: failing, crashing, hanging and silent tests must all be noticed.
#
# SPDX-License-Identifier: GPL-3.0-or-later
set -u
cd "$(dirname "$0")/.." || exit 1
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
number=0

# report NAME [WHY_NOT]: of the status of the command before, and what it has got.
report() {
    local status=$?
    number=$((number + 1))
    if [ $status = 0 ]; then
        echo "ok $number - $1${2:+ # SKIP $2}"
    else
        echo "not ok $number - $1"
        sed 's/^/# /' <<<"$got"
    fi
}

# $1: what is tested. $2: the script under test. $3: the sum expected. $4: exit status expected.
expect() {
    printf '#!/bin/bash\n%s\n' "$2" >"$folder/case.sh"
    chmod +x "$folder/case.sh"
    got=$(TIME_LIMIT=${TIME_LIMIT:-20} test/run "$folder/case.sh" 2>&1)
    [ $? = "$4" ] && [ "$(tail -n 1 <<<"$got")" = "$3" ]
    report "$1"
}

echo 1..20
expect "good tests pass" 'echo "ok 1 - a"; echo "ok 2 - b"; echo 1..2' "2 passed, 0 failed" 0
expect "a failing test is counted" 'echo "ok 1 - a"; echo "not ok 2 - b"; exit 1' \
    "1 passed, 1 failed" 1
expect "a crash is a failure" 'echo "ok 1 - a"; kill -SEGV $$' "1 passed, 1 failed" 1
expect "a silent crash is a failure" 'kill -ABRT $$' "0 passed, 1 failed" 1
TIME_LIMIT=1 expect "a hanging program is a failure" 'echo "ok 1 - a"; sleep 30' "1 passed, 1 failed" 1
TIME_LIMIT=1 expect "one that ignores SIGTERM too" 'trap "" TERM
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
TIME_LIMIT=1 expect "a script has the time it says it needs" '# Time limit: 20 s
sleep 2; echo "ok 1 - a"' "1 passed, 0 failed" 0

printf '#!/bin/bash\necho "ok 1"\n' >"$folder/case.sh"
chmod -x "$folder/case.sh"
echo "echo helper" >"$folder/helper.sh"
got=$(test/run "$folder/case.sh" "$folder/helper.sh" "$folder/missing" 2>&1)
[ "$(tail -n 1 <<<"$got")" = "0 passed, 2 failed" ]
report "a test that cannot be started"

printf '#!/bin/bash\n# Goes beside others.\nuntil [ -e "%s" ]; do sleep 0.1; done; echo "ok 1"\n' \
    "$folder/there" >"$folder/first.sh"
printf '#!/bin/bash\n# Goes beside others.\ntouch "%s"; echo "ok 1"\n' \
    "$folder/there" >"$folder/second.sh"
chmod +x "$folder"/*.sh
if [ "$(nproc)" -gt 1 ]; then
    got=$(TIME_LIMIT=20 test/run "$folder/first.sh" "$folder/second.sh" 2>&1)
    [ "$(tail -n 1 <<<"$got")" = "2 passed, 0 failed" ]
    report "who goes beside others does"
else
    report "who goes beside others does" "one processor"
fi

printf '#!/bin/bash\n# Goes in the background.\nuntil [ -e "%s" ]; do sleep 0.1; done; echo "ok 1"\n' \
    "$folder/now" >"$folder/behind.sh"
printf '#!/bin/bash\ntouch "%s"; echo "ok 1"\n' "$folder/now" >"$folder/front.sh"
chmod +x "$folder"/*.sh
got=$(TIME_LIMIT=20 test/run "$folder/behind.sh" "$folder/front.sh" 2>&1)
[ "$(tail -n 1 <<<"$got")" = "2 passed, 0 failed" ]
report "who goes in the background does"
printf '#!/bin/bash\n# Goes in the background.\nsleep 1; echo "not ok 1"\n' >"$folder/behind.sh"
got=$(test/run "$folder/behind.sh" "$folder/front.sh" 2>&1)
[ "$(tail -n 1 <<<"$got")" = "1 passed, 1 failed" ]
report "and is waited for"

left=/dev/shm/ja-selftest-$$
printf '#!/bin/bash\nsleep 100 >"%s" & touch "%s"; echo "ok 1"\n' "$folder/sleeper" "$left" \
    >"$folder/case.sh"
got=$(env -u JA_ALONE test/run "$folder/case.sh" 2>&1)
if grep -q '^# no namespaces' <<<"$got"; then
    rm "$left"
    report "what a test leaves behind ends with it" "no namespaces here"
else
    [ ! -e "$left" ] && ! find /proc/[0-9]*/fd -lname "$folder/sleeper" 2>/dev/null | grep -q .
    report "what a test leaves behind ends with it"
fi
