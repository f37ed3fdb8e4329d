#!/bin/bash
# The same as proof.sh on PipeWire: with the rates and quanta that change live, and at a monitor.
#
# Time limit: 120 s
# SPDX-License-Identifier: GPL-3.0-or-later
CALLBACKS=${CALLBACKS:-30000}
. "$(dirname "$0")/../live/pipewire_lib.sh"
. "$PWD/test/rt/proof_lib.sh"
trap 'end "$program_pid"; end "$player_pid"; end "$hand_pid"; end "$pipewire_pid"; clean_up' EXIT
sources=("test sink:monitor_FL" "test sink:monitor_FR")
as_client() {
    LD_LIBRARY_PATH=$library_path exec "$@"
}

sizes() {
    local frames
    for frames in 16 8192 64 1024; do
        setting force-quantum $frames
        sleep 0.2
    done
    setting force-quantum 64
}
rates() {
    local rate
    for rate in 44100 96000 48000; do
        setting force-rate $rate
        sleep 0.4
    done
}
standstill() {
    kill -STOP "$pipewire_pid"
    sleep 0.7
    kill -CONT "$pipewire_pid"
    sleep 0.3
}
restart() {
    kill_pipewire TERM
    start_pipewire
    setting force-quantum 64
    within 10 has_port an:in_8
}

freewheel() {
    (as_client jack_freewheel y)
    run_on
    (as_client jack_freewheel n)
}

# With short periods, for many callbacks.
fast() {
    setting force-quantum 4
    setting force-rate 96000
    dwell_ms=${LONG_MS:-400}
    state 'running, 4 frames' run_on
    state 'commands, 4 frames' commands
    state 'test beats, 4 frames' test_beats
    dwell_ms=400
    setting force-rate 48000
}

start_pipewire || { echo "Bail out! pipewire does not start"; exit 1; }
start_program -S stream.main.connect=monitor
ok "the program runs"
laps=0
while ! enough; do
    restart || break
    start_hand
    start_player
    manner='real time'
    state 'server restarted' run_on
    for each in plugs commands midi transport sizes rates standstill freewheel; do
        state $each $each
    done
    end_player
    end_hand
    fast
    laps=$((laps + 1))
done
enough
ok "it went $laps times through its states"
judge_proof
