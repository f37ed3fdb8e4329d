#!/bin/bash
# The client on PipeWire, without hardware or session manager: monitor ports, quantum and rate that
# change live, a daemon that dies and returns.
#
# SPDX-License-Identifier: GPL-3.0-or-later
. "$(dirname "$0")/pipewire_lib.sh"
trap 'end "$probe_pid"; end "$pipewire_pid"; probe_pid=; clean_up' EXIT

pw_linked() {
    pw-jack jack_lsp -c "$2" 2>/dev/null | grep -qx "   $1"
}

both_linked() {
    pw_linked an:in_1 'test sink:monitor_FL' && pw_linked an:in_2 'test sink:monitor_FR'
}

start_pw_probe() {
    with_pipewire "$tools/ja-jackprobe" "$@" >"$work/probe.log" 2>"$work/probe.err" &
    probe_pid=$!
}

start_pw_probe -n an -c monitor
within 10 says '"state":"waiting"'
ok "without a daemon it waits"
start_pipewire || { echo "Bail out! pipewire does not start"; exit 1; }
within 5 running && within 5 advances
ok "a daemon that comes is found"
within 5 both_linked
ok "the rule connects the monitor ports in order"

for quantum in 16 64 8192 2048; do
    setting force-quantum $quantum
    within 5 says "\"period\":$quantum," && within 5 advances
    ok "the quantum becomes $quantum"
done
setting force-quantum 256
within 5 says '"period":256,'
for rate in 44100 96000 48000; do
    setting force-rate $rate
    within 8 says "\"block_rate\":$rate," && within 8 says "\"rate\":$rate,"
    ok "the rate becomes $rate"
done
[ "$(field bad_rate)" = 0 ]
ok "every block carries the rate it was taken at"
[ "$(field found)" = 1 ]
ok "all that by one and the same client"
setting force-rate 0
setting force-quantum 0

kill -STOP "$pipewire_pid"
within 2 says '"state":"stalled"'
ok "a daemon that stands still is noticed"
kill -CONT "$pipewire_pid"
within 5 running && within 5 advances
ok "and when it goes on"

found=$(field found)
for signal in KILL TERM; do
    kill_pipewire $signal
    within 3 says '"state":"waiting"'
    ok "its death ($signal) is noticed"
    start_pipewire
    within 5 running && within 5 advances
    ok "it is found again"
    within 5 both_linked
    ok "its connections are back"
done
[ "$(field found)" = $((found + 2)) ]
ok "at the first attempt"
probe_ends_exact
ok "every frame is accounted for"
plan
