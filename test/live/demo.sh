#!/bin/bash
# The demo: plays a file through a private JACK server, shows what is heard, ends by itself and
# leaves nothing behind.
#
# SPDX-License-Identifier: GPL-3.0-or-later
set -u
cd "$(dirname "$0")/../.." || exit 1
work=$(mktemp -d)
demo=''
trap '[ -z "$demo" ] || kill "$demo" 2>/dev/null; rm -rf "$work" "${short-}"' EXIT
number=0

check() {
    number=$((number + 1))
    if "${@:2}"; then
        echo "ok $number - $1"
    else
        echo "not ok $number - $1"
        sed 's/^/# /' "$work/out" "$work/err"
    fi
}
run_demo() { # $1: AUDIO; leaves the process id in $demo, the exit status in $status
    AUDIO=$1 test/rt/watched src/dist/demo.sh >"$work/out" 2>"$work/err" </dev/null &
    demo=$!
    wait "$demo"
    status=$?
}
# The player's callbacks are watched with the program's.
export RTCHECK_DIR=$work/callbacks
mkdir "$RTCHECK_DIR"
# No server that one may have found running, and ports that nobody else has.
export JACK_DEFAULT_SERVER=ja-none-$$ XDG_CONFIG_HOME=$work
mkdir "$work/jack-analyzer"
echo "control: { port = $((20000 + $$ % 20000)); };" >"$work/jack-analyzer/jack-analyzer.conf"

nothing_left() {
    for _ in {1..30}; do
        pgrep -f "ja-demo-$demo" >/dev/null || return 0
        sleep 0.1
    done
    return 1
}
beats() { python3 - "$1" <<'PYTHON'; }
import array, math, sys, wave
rate, sound = 48000, array.array("h")
for i in range(3 * rate):
    t = i % (rate // 2) / rate
    sound.append(int(20000 * math.exp(-t / 0.02) * math.sin(2 * math.pi * 100 * t)))
with wave.open(sys.argv[1], "wb") as out:
    out.setparams((1, 2, rate, 0, "NONE", ""))
    out.writeframes(sound.tobytes())
PYTHON

run_demo "$work/none.wav"
check "a missing file is an error of usage" [ "$status" = 2 ]
check "and is named" grep -q "none.wav" "$work/err"

mkdir -p build
short=build/demo-$$.wav
beats "$short"
started=$SECONDS
run_demo "$short"
check "the demo of a file given by a relative path succeeds" [ "$status" = 0 ]
check "it lasts about as long as the file" [ $((SECONDS - started)) -lt 30 ]
check "it says where OSC goes" grep -q "127.0.0.1:7771" "$work/out"
if "$BUILD/jack-analyzer" --list-options | grep -q '^web\.port '; then
    check "it says where the page is" grep -q "http://127.0.0.1:8090/" "$work/out"
fi
check "it shows the state in plain lines" [ "$(grep -c BPM "$work/out")" -ge 2 ]
check "no server and no client is left" nothing_left

AUDIO=synth:demo test/rt/watched src/dist/demo.sh >"$work/out" 2>"$work/err" </dev/null &
demo=$!
sleep 3
kill -TERM "$demo"
wait "$demo"
check "interrupted, it leaves nothing either" nothing_left

AUDIO=synth:demo src/dist/demo.sh >"$work/out" 2>"$work/err" </dev/null &
demo=$!
for _ in {1..100}; do
    grep -q BPM "$work/out" && break
    sleep 0.1
done
pkill -TERM -P "$demo" -x jack-analyzer
started=$SECONDS
wait "$demo"
status=$?
check "without its analyser it fails" [ "$status" = 1 ]
check "long before the piece ends" [ $((SECONDS - started)) -lt 30 ]
check "and says so" grep -q "jack-analyzer ended before the music" "$work/err"
check "and leaves nothing" nothing_left
verdict=$("$BUILD/test/rt/verdict" "$RTCHECK_DIR")
status=$?
check "$(echo "$verdict" | head -n 1)" [ $status = 0 ]
echo "$verdict" | tail -n +2
echo "1..$number"
