#!/bin/bash
# --loopback: the delay from a click to its OSC packet, straight and through a cable whose latencies
# JACK knows, or does not know. So it is also the test that port latencies move the beats.
#
# Time limit: 300 s
# SPDX-License-Identifier: GPL-3.0-or-later
. "$(dirname "$0")/lib.sh"
command -v jackd >/dev/null || skip_all "jackd is not installed"
take_precedence
program=$PWD/$BUILD/jack-analyzer
export XDG_CONFIG_HOME=$work XDG_STATE_HOME=$work
cable_pid='' loopback_pid=''
trap 'end "$loopback_pid"; end "$cable_pid"; clean_up' EXIT

loopback() { # SECONDS [OPTION]...
    "$watched" "$program" -q -S beat.lead_ms=300 --loopback "$@" >"$work/report" 2>"$work/probe.err"
}
# Within a period, 5.33 ms, clicks may fall anywhere. More says that cycles were late, and the
# server's clock off.
clock_was_true() {
    awk '/^  JACK: until the analysis/ { true = $10 - $8 < 8 } END { exit !true }' "$work/report"
}
# measure SECONDS [OPTION]...: by a clock that was true, if there is one within a few times.
measure() {
    local status
    for _ in 1 2 3 4 5; do
        loopback "$@"
        status=$?
        clock_was_true && break
    done
    return $status
}
# ROW: the median of the report's row.
median() {
    sed -n "s/^  $1  *[-0-9.]* *\([-0-9.]*\) .*/\1/p" "$work/report"
}
all='all: sound to onset packet'
beats='beat packet against the click'
place='place of the onset against the click'
# near A B MS: A and B differ by less than MS.
near() {
    awk -v a="$1" -v b="$2" -v most="$3" 'BEGIN { exit !(a != "" && a - b < most && b - a < most) }'
}
show() { sed 's/^/# /' "$work/report"; }
start_cable() { # FRAMES PLAYBACK CAPTURE
    end "$cable_pid"
    "$tools/ja-cable" "$@" >"$work/cable.log" 2>&1 &
    cable_pid=$!
    within 5 eval 'jack_lsp | grep -qx cable:out'
}
through_cable() {
    measure 10 -S loopback.output=cable:in -S 'stream.main.connect=cable:out'
}

"$program" --loopback 1 2>"$work/probe.err"
[ $? = 2 ] && grep -q -- '--loopback 1: must be 2 to 600 seconds' "$work/probe.err"
ok "too short a time is a usage error that tells the range"

start_jackd 48000 256

# --- Straight ---

measure 10
ok "clicks that go straight to the input are heard" || show
grep -q '^nothing was connected, so the clicks go straight from jack-analyzer-clicks:out to jack-analyzer:in_1;' \
    "$work/report"
ok "it says that it has connected itself"
for row in 'sound that the onset takes, and its hop' 'JACK: until the analysis has that sound' \
    'analysis: until the onset is told' 'scheduling: until it is sent' \
    'network: until the packet is received' "$all" "$place" "$beats" 'beat packet against its due time'; do
    ms=$(median "$row")
    [ -n "$ms" ]
    ok "$row: $ms ms" || show
done
sum=0
for row in 'sound that' JACK: analysis: scheduling: network:; do
    mean=$(median "$row.*[a-z]")
    sum=$(awk "BEGIN { print $sum + $mean }")
done
whole=$(median "$all")
near "$sum" "$whole" 4
ok "the stages make up the whole ($sum of $whole ms)"
[ "$(grep -c '^ *-*[0-9.]* *[0-9]* #' "$work/report")" -gt 1 ]
ok "there is a histogram"
straight_all=$(median "$all") straight_beats=$(median "$beats") straight_place=$(median "$place")

# --- Through a cable ---

start_cable 4800 2400 2400
through_cable
ok "clicks are heard through a cable" || show
grep -q 'playback 2400 frames (50.00 ms), capture 2400 frames (50.00 ms)$' "$work/report"
ok "the latencies are those that JACK has been told" || show
all_ms=$(median "$all") beats_ms=$(median "$beats") place_ms=$(median "$place")
near "$place_ms" "$straight_place" 2
ok "an onset is placed where it was before ($straight_place, now $place_ms ms)" || show
near "$beats_ms" "$straight_beats" 15 # few beats, each by itself some ms early or late
ok "beats arrive with the sound as before ($straight_beats, now $beats_ms ms)" || show
near "$all_ms" "$straight_all" 25
[ $? = 1 ]
ok "onsets do not: the way through the cable takes its time ($straight_all, now $all_ms ms)" || show

start_cable 4800 2400 0
through_cable
near "$(median "$beats")" "$(awk "BEGIN { print $straight_beats + 50 }")" 15 &&
    near "$(median "$place")" "$(awk "BEGIN { print $straight_place + 50 }")" 2
ok "a latency that JACK does not know shows, in beats, and in places to the ms" || show

# --- Left to hands, and in vain ---

start_cable 48000 0 0
loopback 6 -S loopback.output=hand &
loopback_pid=$!
within 5 eval 'jack_lsp | grep -qx jack-analyzer-clicks:out'
sleep 0.5
unlinked jack-analyzer:in_1 jack-analyzer-clicks:out
ok "hand: nothing is connected"
jack_connect jack-analyzer-clicks:out jack-analyzer:in_1
wait $loopback_pid
ok "it begins when hands have connected" || show
loopback_pid=''
loopback 3 -S loopback.output=system:playback_1 -S stream.main.connect=capture
[ $? = 1 ] && grep -q 'only 0 of [0-9]* clicks were heard: is the cable in' "$work/probe.err"
ok "clicks that nobody hears are a failure"
loopback 3 -S loopback.output=system:playback_9
[ $? = 1 ] && grep -q 'cannot be connected to system:playback_9' "$work/probe.err"
ok "so is a port that is not there"
loopback 3 -s "$server-none"
[ $? = 1 ] && grep -q 'no JACK server within' "$work/probe.err"
ok "and no server"
plan
