#!/bin/bash
# The proof at length, on jackd: the analyser in all its states, in real time and by freewheel,
# under the real-time check. CALLBACKS says how many must be watched; `make rt-proof` asks for 10^7.
#
# Time limit: 120 s
# SPDX-License-Identifier: GPL-3.0-or-later
CALLBACKS=${CALLBACKS:-300000}
. "$(dirname "$0")/../live/lib.sh"
command -v jackd >/dev/null || skip_all "no jackd here"
. "$PWD/test/rt/proof_lib.sh"
trap 'end "$program_pid"; end "$player_pid"; end "$hand_pid"; clean_up' EXIT
sources=(system:capture_1 system:capture_2)
as_client() {
    exec "$@"
}

sizes() {
    local frames
    for frames in 16 8192 17 100 1024 64; do
        jack_bufsize $frames
        sleep 0.2
    done >/dev/null
}
standstill() {
    kill -STOP "$jackd_pid"
    sleep 0.7
    kill -CONT "$jackd_pid"
    sleep 0.3
}
restart() {
    end "$jackd_pid"
    start_jackd "$1" "$2"
    within 20 has_port an:in_8
}

# A libjack whose server has died in freewheel may not come back: then the program begins anew.
begin_anew() {
    echo "# begun anew after $(count) callbacks: $(tail -n 1 "$work/probe.err")"
    end "$program_pid"
    end "$jackd_pid"
    start_jackd 48000 64
    start_program
}

# With short periods, for many callbacks. Other clients have left: jackd's freewheel does not always
# survive their coming and going.
freewheel() {
    dwell_ms=${LONG_MS:-2000}
    manner=freewheel
    jack_freewheel y >/dev/null 2>&1
    state running run_on
    state commands commands
    state 'test beats' test_beats
    jack_freewheel n >/dev/null 2>&1
    dwell_ms=400
}

start_jackd 48000 64
start_program
ok "the program runs"
laps=0
while ! enough; do
    restart_at=([0]="96000 128" [1]="44100 256" [2]="48000 64")
    # shellcheck disable=SC2086 # rate and period
    restart ${restart_at[laps % 3]} || begin_anew || break
    start_hand
    start_player
    manner='real time'
    state 'server restarted' run_on
    for each in plugs commands midi transport sizes standstill; do
        state $each $each
    done
    end_player
    end_hand
    jack_bufsize 16 >/dev/null
    state 'running, 16 frames' run_on
    freewheel
    laps=$((laps + 1))
done
enough
ok "it went $laps times through its states"
judge_proof
