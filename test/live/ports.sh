#!/bin/bash
# Ports, connections and what flows through them: programs that come and go, --list-ports,
# --test-input, MIDI to the sample.
#
# SPDX-License-Identifier: GPL-3.0-or-later
. "$(dirname "$0")/lib.sh"
command -v jackd >/dev/null || skip_all "jackd is not installed"
take_precedence
player_pid=''
trap 'end "$player_pid"; clean_up' EXIT

# On a busy machine libjack may crash in a client that comes: then once more.
start_player() {
    for _ in 1 2 3; do
        "$tools/ja-play" -n deck --loop \
            "synth:sine?hz=1000&level_db=${1:--6}&channels=2&seconds=1" >"$work/play.log" 2>&1 &
        player_pid=$!
        within 5 grep -q start_frame "$work/play.log" && sleep 0.2 &&
            kill -0 "$player_pid" 2>/dev/null && return
        end_player
    done
    return 1
}

end_player() {
    end "$player_pid"
    player_pid=''
}

start_jackd 48000 256

# --- Programs come and go ---

start_probe -n an -c 'deck:out_.*'
within 5 running
start_player
ok "the player plays"
within 5 linked an:in_1 deck:out_1 && within 5 linked an:in_2 deck:out_2
ok "a rule meets ports that come later"
within 5 says '"peak":0.5'
ok "and sound flows"
jack_disconnect deck:out_1 an:in_1
jack_connect deck:out_2 an:in_1
sleep 1
unlinked an:in_1 deck:out_1 && linked an:in_1 deck:out_2
ok "hands are respected" || jack_lsp -c an:in_1 | sed 's/^/# /'
end_player
sleep 0.5
start_player
within 5 linked an:in_1 deck:out_2 && within 5 linked an:in_2 deck:out_2
ok "a connection by hand returns with its program"
sleep 6
jack_disconnect deck:out_2 an:in_1
sleep 6
end_player
sleep 0.5
start_player
within 5 linked an:in_1 deck:out_1 && within 5 linked an:in_2 deck:out_2
ok "once its port has gone, a rule's connection is made again"
sleep 0.5
unlinked an:in_1 deck:out_2
ok "one by hand that a hand took apart is not"
kill -KILL "$player_pid"
wait "$player_pid" 2>/dev/null
within 3 unlinked an:in_2 deck:out_2
start_player
within 5 linked an:in_1 deck:out_1 && within 5 linked an:in_2 deck:out_2
ok "a program that was killed is connected when it returns"
within 5 advances
ok "cycles go on all the while"
probe_ends_exact
ok "every frame is accounted for"

# --- --list-ports ---

jack_connect deck:out_1 system:playback_1
"$tools/ja-jackprobe" -l >"$work/list"
grep -qx 'system:capture_1' "$work/list" &&
    grep -A1 -x 'system:capture_1' "$work/list" | grep -qx '    audio output, physical' &&
    grep -A2 -x 'deck:out_1' "$work/list" | grep -qx '    -> system:playback_1' &&
    grep -A2 -x 'system:playback_1' "$work/list" | grep -qx '    <- deck:out_1'
ok "the list tells type, direction, physical or not, connections"
"$tools/ja-jackprobe" -l -s "$server-none" >"$work/list" 2>"$work/list.err"
[ $? = 1 ] && grep -q "$server-none" "$work/list.err"
ok "without a server the list fails and names it"

# --- --test-input ---

"$watched" "$tools/ja-jackprobe" -n tester -t 1 -c deck:out_1 >"$work/input"
grep -q '^in_1: peak -6.0 dBFS, RMS -9\.[0-9] dBFS, DC [+-]0.00[0-9]*, 0 clipped samples$' "$work/input" &&
    grep -q 'the level is good' "$work/input" && grep -q 'nothing is connected to in_2' "$work/input"
ok "the input test measures and advises" || sed "s/^/# /" "$work/input"
end_player
start_player -30
"$watched" "$tools/ja-jackprobe" -n tester -t 1 -i 1 -c deck:out_1 >"$work/input"
grep -q 'raise the input by 24 dB' "$work/input"
ok "it knows what is too low"
"$watched" "$tools/ja-jackprobe" -n tester -t 1 -i 1 -c capture >"$work/input"
grep -q 'silence' "$work/input"
ok "and silence"
"$tools/ja-jackprobe" -s "$server-none" -t 1 >"$work/input" 2>"$work/input.err"
[ $? = 1 ] && grep -q 'no sound from JACK within 1 s' "$work/input.err"
ok "without a server the input test fails with a sentence"
end_player

# --- MIDI ---

start_probe -n an -m
hears_midi() { says '"midi_heard":' && [ "$(field midi_heard)" -gt 300 ]; }
within 30 hears_midi
now=$(line) heard=$(field midi_heard "$now")
[ "$heard" -gt 300 ] && [ $(($(field midi_sent "$now") - heard)) -le 16 ]
ok "MIDI arrives ($heard messages)"
exact=$(field midi_exact "$now") worst=$(field midi_worst_frames "$now") late=$(field midi_late "$now")
[ "$exact" -ge $(((heard - late) * 9 / 10)) ] && [ "$exact" -gt 20 ]
ok "to the sample, but for xruns ($exact exact, $late late, worst $worst frames)"
probe_ends_exact
ok "every frame is accounted for"
plan
