#!/bin/bash
# What happens to a JACK server on stage, and what we make of it: absent, killed, ended, restarted
# otherwise, standing still, other periods, name taken.
#
# SPDX-License-Identifier: GPL-3.0-or-later
. "$(dirname "$0")/lib.sh"
command -v jackd >/dev/null || skip_all "jackd is not installed"

# --- Absent, then there ---

start_probe -n an -b 1 -c capture
within 10 says '"state":"waiting"' && sleep 1.5 && [ "$(wc -l <"$work/probe.err")" = 1 ]
ok "without a server it waits, with one line in the log"
start_jackd 48000 256
within 5 running_at 48000 256
ok "a server that comes is found"
within 5 linked an:in_1 system:capture_1 && within 5 linked an:in_2 system:capture_2
ok "the rule connects in order"
jack_lsp -p an:in_1 | grep -q 'properties: input,terminal,' &&
    jack_lsp -p an:midi_out | grep -q 'properties: output,'
ok "ports have their flags"
[ "$(jack_lsp an: | tr '\n' ' ')" = "an:in_1 an:in_2 an:booth_in_1 an:midi_in an:midi_out " ]
ok "ports have their names"
within 3 says '"links":[1,1]'
ok "it knows what feeds it"

# --- Connections by hand come back, hands are respected ---

jack_connect system:capture_2 an:booth_in_1
jack_disconnect system:capture_1 an:in_1
sleep 1
unlinked an:in_1 system:capture_1
ok "what a hand takes apart stays apart"

for signal in KILL TERM; do
    kill_jackd $signal
    within 2 says '"state":"waiting"'
    ok "a server's death ($signal) is noticed"
    if [ $signal = KILL ]; then rate=44100 period=128; else rate=96000 period=1024; fi
    start_jackd $rate $period
    within 5 running_at $rate $period
    ok "it is found again at $rate Hz, $period frames"
    within 5 linked an:booth_in_1 system:capture_2 && within 5 linked an:in_2 system:capture_2
    ok "its connections are back"
    unlinked an:in_1 system:capture_1
    ok "what a hand took apart is not"
    [ "$(field block_rate)" = $rate ] && [ "$(field bad_rate)" = 0 ]
    ok "blocks carry the new rate, in a new epoch"
done
[ "$(field found)" = 3 ]
ok "three servers were found in all"

# --- Standing still ---

kill -STOP "$jackd_pid"
within 2 says '"state":"stalled","reason":"the server has given no cycle'
ok "a server that stands still is noticed"
sleep 4
kill -CONT "$jackd_pid"
within 3 running_at 96000 1024
ok "and when it goes on"
[ "$(field found)" = 3 ]
ok "by the same client, even after 4 s"
many_gap_frames() { [ "$(field gap_frames)" -gt 9600 ]; }
within 5 many_gap_frames
ok "the time that passed is a gap in the frame count (how much jackd tells varies)"

# --- Periods ---

for period in 16 17 64 8192 100 2048 32; do
    jack_bufsize $period >/dev/null && within 5 says "\"period\":$period,"
    ok "the period becomes $period"
done
within 5 advances
ok "cycles go on"

# --- A reader that stands still ---

kill -USR1 "$probe_pid"
jack_bufsize 8192 >/dev/null
sleep 3
kill -USR2 "$probe_pid"
jack_bufsize 256 >/dev/null
loses() { [ "$(line | sed 's/.*"lost":\([0-9]*\),"lost_blocks".*/\1/')" -gt 0 ]; }
within 5 loses
ok "a reader that stands still loses sound, and knows how much"
probe_ends_exact
ok "processed and lost make up delivered, to the frame"

# --- Name taken, a dead client ---

"$watched" "$tools/ja-jackprobe" -n an >"$work/first.log" 2>&1 &
first=$!
within 5 grep -q '"state":"running"' "$work/first.log"
start_probe -n an -d 300
within 5 running && says '"client":"an-01"'
ok "a name that is taken is changed, and shown"
within 8 says '"found":2' && within 3 running_at 96000 256
ok "a client that the server no longer calls is opened anew"
kill -STOP "$jackd_pid"
sleep 0.2
started=$(date +%s%3N)
kill "$probe_pid"
wait "$probe_pid"
status=$?
probe_pid=''
took=$(($(date +%s%3N) - started))
{ [ $status = 0 ] || [ $status = 3 ]; } && [ $took -lt 4000 ]
ok "it can end while the server stands still ($took ms)"
kill -CONT "$jackd_pid"
end $first

# --- Rules against servers that forbid them ---

kill_jackd TERM
jackd_options="-a e"
start_jackd 48000 256
within 5 jackd_runs
start_probe -n an -c 'system:capture_.*' -c monitor
within 5 running_at 48000 256
within 4 grep -q 'accepted the connection' "$work/probe.err" && sleep 1
[ "$(grep -c 'accepted the connection' "$work/probe.err")" = 1 ] && unlinked an:in_1 system:capture_1
ok "a server that ignores connections is told of, once"
probe_ends_exact
ok "the probe ends well"
"$tools/ja-jackprobe" -c 'deck:(' 2>"$work/probe.err"
[ $? = 2 ] && grep -q '"deck:("' "$work/probe.err"
ok "a wrong rule is a usage error"
plan
