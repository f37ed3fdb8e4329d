#!/bin/bash
# Watches process callbacks while they run: that of a client with planted sins, to prove that each
# is seen, then the analyser's own.
#
# SPDX-License-Identifier: GPL-3.0-or-later
set -u
cd "$(dirname "$0")/../.." || exit 1
build=build/plain # sanitizers bring an allocator of their own
command -v jackd >/dev/null || { echo "1..0 # SKIP no jackd here"; exit 0; }
make -s $build/test/rt/librtcheck.so $build/test/rt/sins >&2 || { echo "1..1"; echo "not ok 1 - builds"; exit 1; }

work=$(mktemp -d)
export JACK_DEFAULT_SERVER=ja-$$-rt JACK_NO_START_SERVER=1 JACK_NO_AUDIO_RESERVATION=1
jackd -r -n "$JACK_DEFAULT_SERVER" -d dummy -r 48000 -p 256 >"$work/jackd" 2>&1 &
server=$! client=
trap 'kill $client $server 2>/dev/null; wait; rm -rf "$work"' EXIT
for _ in $(seq 50); do
    jack_lsp >/dev/null 2>&1 && break
    sleep 0.1
done

number=0
result() { # STATUS NAME
    number=$((number + 1))
    [ "$1" = 0 ] && echo "ok $number - $2" && return
    echo "not ok $number - $2"
    sed 's/^/# /' "$work/out.json" "$work/log"
}

watched() { RTCHECK_OUT=$work/out.json LD_PRELOAD=$PWD/$build/test/rt/librtcheck.so "$@"; }

# sin STATUS EXPECTED NAME [EVERY]: the client's exit status, and what the report must hold.
sin() {
    local status=$1 expected=$2
    shift 2
    rm -f "$work/out.json"
    watched $build/test/rt/sins "$@" >"$work/log" 2>&1 </dev/null
    local got=$?
    echo "exit status $got" >>"$work/log"
    [ $got = "$status" ] && grep -q "$expected" "$work/out.json"
    result $? "$1${2:+, one cycle in $2}: $([ "$status" = 0 ] && echo passes || echo "exit status $status")"
}

sin 0 '"violations":0' none
if grep -q '"kernel_watches":false' "$work/out.json"; then
    echo "# this kernel cannot watch system calls; functions and faults only"
    kernel=
else
    kernel=yes
fi
sin 0 '"violations":0' clock
sin 0 '"violations":0' post
[ -z "$kernel" ] || { grep -q '"post_wakes":[1-9]' "$work/out.json"; result $? 'post: its wakes are counted'; }
sin 97 '"what":"malloc"' malloc
sin 97 '"what":"malloc"' malloc 20
sin 97 '"what":"free"' free
sin 97 '"what":"malloc"' strdup
sin 97 '"what":"pthread_mutex_lock"' lock
sin 97 '"what":"pthread_mutex_trylock"' trylock
sin 97 '"what":"pthread_cond_signal"' condition
sin 97 '"what":"vprintf"' printf
sin 97 '"what":"syslog"' syslog
sin 97 '"what":"write"' write
sin 97 '"what":"usleep"' sleep
sin 97 '"what":"page fault"' fault
sin 97 '"what":"page fault"' fault 20
sin 97 '"what":"page fault"' deep-stack
if [ -n "$kernel" ]; then
    sin 97 '"what":"system call"' syscall
    sin 97 '"what":"system call"' assembler
    sin 97 '"what":"system call"' assembler 20
    sin 97 '"what":"system call"' mmap
    sin 97 '"what":"system call"' post-then-syscall
    sin 97 '"what":"system call"' wake-without-post
fi
sin 98 '"callbacks":0' never

# The analyser itself: connected to the dummy's silent inputs, asked to leave after three seconds.
if [ -x $build/jack-analyzer ]; then
    rm -f "$work/out.json"
    touch "$work/empty.conf"
    # Without a shell in between, which would take the signal instead.
    RTCHECK_OUT=$work/out.json LD_PRELOAD=$PWD/$build/test/rt/librtcheck.so \
        $build/jack-analyzer -q -n rt -c "$work/empty.conf" \
        -S control.port=$((20000 + $$ % 20000)) >"$work/log" 2>&1 </dev/null &
    client=$!
    for _ in {1..100}; do
        jack_lsp 2>/dev/null | grep -qx rt:in_1 && break
        sleep 0.1
    done
    jack_connect system:capture_1 rt:in_1 >>"$work/log" 2>&1
    sleep 2
    kill -TERM $client
    wait $client
    echo "exit status $?" >>"$work/log"
    client=
    grep -q '"callbacks":[1-9][0-9]*,"violations":0,' "$work/out.json" 2>/dev/null
    result $? "the analyser's callback does nothing it must not"
    [ -e "$work/out.json" ] && sed 's/^/# /' "$work/out.json"
else
    number=$((number + 1))
    echo "ok $number - the analyser's callback does nothing it must not # SKIP $build/jack-analyzer is not built"
fi
echo "1..$number"
