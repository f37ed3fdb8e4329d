# For proof.sh and proof_pipewire.sh: the analyser with eight inputs and a second stream, MIDI both
# ways and the transport, taken through its states under the real-time check until so many callbacks
# have been watched as $CALLBACKS says. Source me after the live tests' library.
#
# SPDX-License-Identifier: GPL-3.0-or-later
command -v oscsend >/dev/null || skip_all "no oscsend here"
[ "${BUILD%plain}" != "$BUILD" ] || skip_all "the real-time check needs a build without sanitizer"
export XDG_CONFIG_HOME=${XDG_CONFIG_HOME-$work} XDG_STATE_HOME=${XDG_STATE_HOME-$work}
dwell_ms=400 # how long a state lasts
program_pid='' player_pid='' hand_pid=''
declare -A seen

# as_client COMMAND...: replaces the (sub)shell by a client of the server, unwatched.
start_program() { # [OPTION]...
    port=$((20000 + RANDOM % 20000))
    as_client "$watched" "$BUILD/jack-analyzer" -q -n an -c "$work/an.conf" \
        -S control.port=$port -S web.enable=false -S oscquery.enable=false \
        -S target.default.port=$((port + 1)) -S midi.beat_note=60 -S midi.hat_note=62 \
        -S jack.transport=start "$@" 2>"$work/probe.err" &
    program_pid=$!
    within 20 has_port an:in_8 && within 5 has_port an:midi_out
}
echo 'stream: { main: { inputs = 8; }; booth: { inputs = 2; }; };' >"$work/an.conf"

has_port() {
    as_client timeout 3 jack_lsp 2>/dev/null | grep -qx "$1"
}

# A hand at ports, pads and transport.
start_hand() {
    mkfifo "$work/hand"
    as_client "$tools/ja-jackhand" -m an:midi_in <"$work/hand" >"$work/hand.log" 2>&1 &
    hand_pid=$!
    exec 3<>"$work/hand" # which waits for nobody
    within 10 test -s "$work/hand.log"
}

end_hand() {
    end "$hand_pid"
    hand_pid=''
    exec 3>&-
    rm -f "$work/hand"
}

start_player() {
    as_client "$tools/ja-play" -n deck --loop -c an:in_1 -c an:in_2 \
        "synth:drums?bpm=126&seconds=20" >/dev/null 2>&1 &
    player_pid=$!
    within 10 has_port deck:out_1
}

end_player() {
    end "$player_pid"
    player_pid=''
}

count() {
    "$BUILD/test/rt/verdict" "$RTCHECK_DIR" | sed -n '1s/.* over \([0-9]*\) callbacks.*/\1/p'
}

ctl() {
    oscsend 127.0.0.1 "$port" "/ja/ctl/$1" "${@:2}"
}

# Again and again, for as long as a state lasts.
repeat() {
    local end_ms=$(($(date +%s%3N) + dwell_ms))
    while "$@" >/dev/null 2>&1; [ "$(date +%s%3N)" -lt $end_ms ]; do :; done
}

state() { # NAME FUNCTION: with the name of the present manner of running before it
    local before now
    before=$(count)
    "$2"
    now=$(count)
    echo "$manner, $1: $((now - before)) callbacks" >&2
    seen[$manner, $1]=$((${seen[$manner, $1]-0} + now - before))
}

enough() {
    [ "$(count)" -ge "$CALLBACKS" ]
}

# --- States ---

run_on() {
    repeat sleep 0.2
}

plug() {
    local source
    for source in "${sources[@]}"; do
        printf '%s\t%s\t%s\n' connect "$source" an:in_3 connect "$source" an:in_8 \
            connect "$source" an:booth_in_1 disconnect "$source" an:in_3 disconnect "$source" an:in_8
    done >&3
    sleep 0.1
}
plugs() {
    repeat plug
}

command_it() {
    ctl preset s genre/techno
    ctl set sf onset.threshold 0.4
    ctl tap && ctl nudge f -5 && ctl half && ctl double && ctl auto
    ctl hold i 1 && ctl hold i 0 && ctl range ff 100 160
    ctl mute si default 1 && ctl mute si default 0
    ctl level s low && ctl level s auto
    ctl pause && ctl resume && ctl reset && ctl get_stats
    kill -HUP "$program_pid"
}
commands() {
    repeat command_it
}

# Test beats fill midi_out with clock and notes, the hand fills midi_in.
play_pads() {
    local note
    for note in 24 25 26 27 28 29 2a 2b; do
        printf 'midi 90 %s 64\nmidi b0 %s 7f\n' $note $note
    done >&3
    sleep 0.05
}
midi() {
    ctl test-beats fi 300 1
    repeat play_pads
    ctl test-beats fi 300 0
}

test_beats() {
    ctl test-beats fi 300 1
    run_on
    ctl test-beats fi 300 0
}

roll() {
    echo start >&3
    sleep 0.1
    echo stop >&3
}
transport() {
    ctl test-beats fi 150 1
    repeat roll
    ctl test-beats fi 150 0
}

# --- The end ---

judge_proof() {
    local place status
    kill "$program_pid"
    wait "$program_pid"
    ok "the program ends well" || sed 's/^/# /' "$work/probe.err"
    program_pid=''
    for place in "${!seen[@]}"; do
        echo "# $place: ${seen[$place]} callbacks"
    done | sort
    judge_callbacks "$CALLBACKS"
    status=$?
    echo "1..$tests"
    return $status
}
