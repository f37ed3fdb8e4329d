#!/bin/bash
# Measures the running program on this machine: time in JACK's callback, delay from sound to OSC,
# error of predicted beats, exactness of timed packets, memory.
#
# SPDX-License-Identifier: GPL-3.0-or-later
set -u
cd "$(dirname "$0")/../.." || exit 1
build=${BUILD:-build/plain}
tools=$build/test/tools
work=$(mktemp -d)
port=$((20000 + $$ % 10000))
jackd=''
analyzer=''

end() {
    [ -n "$1" ] && kill "$1" 2>/dev/null && wait "$1" 2>/dev/null
}
trap 'end "$analyzer"; end "$jackd"; rm -rf "$work"' EXIT
trap 'exit 130' INT TERM

export JACK_DEFAULT_SERVER=ja-bench-$$ JACK_NO_START_SERVER=1 JACK_NO_AUDIO_RESERVATION=1
export XDG_CONFIG_HOME=$work XDG_STATE_HOME=$work

start_jackd() { # $1: frames a period
    end "$jackd"
    # Real-time where the machine allows it: otherwise the figures are the scheduler's.
    realtime=-r
    chrt -f 60 true 2>/dev/null && realtime="-R -P60"
    # shellcheck disable=SC2086 # two words
    jackd $realtime -n "$JACK_DEFAULT_SERVER" -d dummy -r 48000 -p "$1" >"$work/jackd" 2>&1 &
    jackd=$!
    timeout 10 jack_wait -w -t 8 >/dev/null 2>&1 || { cat "$work/jackd" >&2; exit 1; }
}
start_analyzer() { # $@: further options
    end "$analyzer"
    "$build/jack-analyzer" --quiet --name bench --set "target.default.port=$port" \
        --set control.enable=false --set terminal.mode=off "$@" &
    analyzer=$!
    for _ in {1..100}; do
        jack_lsp 2>/dev/null | grep -qx bench:in_2 && return
        sleep 0.1
    done
    echo "jack-analyzer did not come up" >&2
    exit 1
}
memory() { awk '/^VmRSS|^VmLck/ { printf "%s %.1f MB  ", $1, $2 / 1024 } END { print "" }' \
    "/proc/$analyzer/status"; }

echo "$(nproc) cores, $(sed -n 's/^model name.*: //p' /proc/cpuinfo | head -n 1), load $(cut -d' ' -f1 /proc/loadavg)"

gcc -std=c11 -O2 -shared -fPIC -o "$work/callback_time.so" test/bench/callback_time.c -ldl || exit 1
start_jackd 64
CALLBACK_TIME=$work/callback LD_PRELOAD=$work/callback_time.so start_analyzer
"$tools/ja-click-delay" bench:in_1 "$port" /ja/onset 60 >/dev/null
end "$analyzer"
analyzer=
echo "callback, 2 inputs, 64 frames at 48 kHz (a period is 1333 us):"
echo "  $(cat "$work/callback")"

start_jackd 256
start_analyzer
echo "sound to /ja/onset, 256 frames at 48 kHz (a period is 5.3 ms):"
echo "  $("$tools/ja-click-delay" bench:in_1 "$port" /ja/onset 275)"
echo "predicted /ja/beat against a click track of 120 BPM:"
echo "  $("$tools/ja-click-delay" bench:in_1 "$port" /ja/beat 120 120)"
echo "memory after that: $(memory)"

echo "timed packets, arrival less due time:"
echo "  $("$tools/ja-send-error" 1000)"
