# For the live tests: private JACK servers, the probe, and TAP. Source me.
#
# Every test has servers and files of its own and ends them by process id. Clients that are started
# by $watched are under the real-time check, whose verdict is the last result (plan).
#
# SPDX-License-Identifier: GPL-3.0-or-later
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
BUILD=${BUILD:-build/plain}
tools=$PWD/$BUILD/test/tools
watched=$PWD/test/rt/watched
work=$(mktemp -d)
export RTCHECK_DIR=$work/callbacks
mkdir "$RTCHECK_DIR"
server=ja-$$-$(basename "$0" .sh)
export JACK_DEFAULT_SERVER=$server JACK_NO_START_SERVER=1 JACK_NO_AUDIO_RESERVATION=1
# libjack does not join the thread of a client that the server no longer calls.
export TSAN_OPTIONS="${TSAN_OPTIONS-} report_thread_leaks=0"
tests=0
jackd_pid='' probe_pid=''

skip_all() {
    echo "1..0 # SKIP $1"
    exit 0
}

# Ends a child, if it runs; SIGKILL after 5 s.
end() {
    local pid=$1 i
    [ -n "$pid" ] && kill -0 "$pid" 2>/dev/null || return 0
    kill -CONT "$pid"
    kill "$pid"
    for i in $(seq 100); do
        kill -0 "$pid" 2>/dev/null || break
        [ "$i" = 100 ] && kill -KILL "$pid"
        sleep 0.05
    done
    wait "$pid" 2>/dev/null
}

clean_up() {
    end "$probe_pid"
    end "$jackd_pid"
    if [ $? = 137 ]; then # killed, it keeps its place, one of few; its heir gives it back
        launch_jackd 48000 1024
        within 10 jackd_runs
        end "$jackd_pid"
    fi
    rm -rf "$work" /dev/shm/jack_sem.*_"$server"_* "/dev/shm/jack_default_"*"_$server"* 2>/dev/null
}
trap clean_up EXIT

# ok NAME: the status of the command before decides; so no $(…) in the name.
ok() {
    local status=$?
    tests=$((tests + 1))
    if [ $status = 0 ]; then
        echo "ok $tests - $1"
    else
        echo "not ok $tests - $1"
        [ -f "$work/probe.log" ] && tail -n 2 "$work/probe.log" | sed 's/^/# /'
        [ -f "$work/probe.err" ] && tail -n 5 "$work/probe.err" | sed 's/^/# /'
    fi
    return $status
}

# The real-time check's verdict: on every callback of the programs started by $watched so far.
judge_callbacks() {
    if [ "${BUILD%plain}" = "$BUILD" ]; then
        tests=$((tests + 1))
        echo "ok $tests - no violation # SKIP the real-time check needs a build without sanitizer"
        return
    fi
    local status verdict
    "$BUILD/test/rt/verdict" "$RTCHECK_DIR" "$@" >"$work/verdict"
    status=$?
    verdict=$(head -n 1 "$work/verdict")
    [ $status = 0 ]
    ok "$verdict"
    tail -n +2 "$work/verdict"
    return $status
}

plan() {
    judge_callbacks
    echo "1..$tests"
}

# within SECONDS COMMAND...: tries until it succeeds.
within() {
    local end_ms=$(($(date +%s%3N) + $1 * 1000))
    shift
    until "$@"; do
        [ "$(date +%s%3N)" -lt $end_ms ] || return 1
        sleep 0.05
    done
}

# Without real time cycles are late on a busy machine, and the server's clock is off.
realtime=-r
chrt -f 60 true 2>/dev/null && realtime="-R -P60"

# This test and what it starts come before what else runs on the machine, where that is allowed: for
# tests of what is done in time.
take_precedence() {
    chrt -r -p 1 $$ >/dev/null 2>&1
}

# Server options in $jackd_options.
launch_jackd() {
    local rate=$1 period=$2
    shift 2
    # shellcheck disable=SC2086 # words
    jackd $realtime -n "$server" ${jackd_options-} -d dummy -r "$rate" -p "$period" "$@" \
        >"$work/jackd.log" 2>&1 &
    jackd_pid=$!
}

jackd_runs() {
    jack_lsp >/dev/null 2>&1
}

jackd_runs_or_ends() {
    jackd_runs || ! kill -0 "$jackd_pid" 2>/dev/null
}

# start_jackd RATE PERIOD [DUMMY_OPTION]...: without a server there is nothing to test.
start_jackd() {
    launch_jackd "$@"
    within 20 jackd_runs_or_ends
    jackd_runs && return
    echo "Bail out! no JACK server can be started"
    sed 's/^/# /' "$work/jackd.log"
    exit 1
}

kill_jackd() {
    kill -"${1:-KILL}" "$jackd_pid"
    wait "$jackd_pid" 2>/dev/null
    jackd_pid=''
}

start_probe() {
    "$watched" "$tools/ja-jackprobe" "$@" >"$work/probe.log" 2>"$work/probe.err" &
    probe_pid=$!
}

# The probe's latest whole line.
line() {
    tail -n 2 "$work/probe.log" | grep '}$' | tail -n 1
}

# field NAME [LINE]: a number or word of the latest line; the last stream's where streams have it.
field() {
    sed -n "s/.*\"$1\":\"\{0,1\}\([^\",}]*\).*/\1/p" <<<"${2-$(line)}"
}

says() {
    [[ "$(line)" == *"$1"* ]]
}

running() {
    says '"state":"running"'
}

# Runs at RATE with PERIOD, and cycles come.
running_at() {
    running && says "\"rate\":$1,\"period\":$2" && advances
}

advances() {
    local before
    before=$(field cycles)
    sleep 0.25
    [ "$(field cycles)" -gt "$before" ]
}

linked() {
    jack_lsp -c "$2" 2>/dev/null | grep -qx "   $1"
}

unlinked() {
    ! linked "$@"
}

# Ends the probe: it must leave with 0 and have counted every frame.
probe_ends_exact() {
    local pid=$probe_pid
    probe_pid=''
    kill "$pid"
    wait "$pid" && grep -q '"final":true.*"exact":true' "$work/probe.log"
}
