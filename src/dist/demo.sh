#!/bin/bash
# Shows jack-analyzer at work: plays a sound file, or music of its own, into it and lets one watch.
#
# Uses the JACK server that is running; without one it starts a private one that needs no sound
# card, and takes it away again. AUDIO in the environment is the file.
#
#   src/dist/demo.sh [--check-audio]
#
# SPDX-License-Identifier: GPL-3.0-or-later
set -u

audio=${AUDIO:-synth:demo}
fail() {
    echo "demo: $1" >&2
    exit "${2:-1}"
}
case $audio in
synth:*) ;;
*)
    [ -e "$audio" ] || fail "there is no file '$audio'" 2
    if ! [ -f "$audio" ] || ! [ -r "$audio" ]; then
        fail "'$audio' is not a file that can be read" 2
    fi
    audio=$(realpath "$audio")
    ;;
esac
[ "${1-}" != --check-audio ] || exit 0

cd "$(dirname "$0")/../.." || exit 1
build=${BUILD:-build/plain}
client=jack-analyzer-demo
logs=$(mktemp -d)
started=()

# Ends the one process $1, first politely.
end() {
    kill "$1" 2>/dev/null || return 0
    for _ in {1..30}; do
        kill -0 "$1" 2>/dev/null || break
        sleep 0.1
    done
    kill -KILL "$1" 2>/dev/null
    wait "$1" 2>/dev/null
}
clean_up() {
    trap '' INT TERM
    for ((i = ${#started[@]} - 1; i >= 0; i--)); do end "${started[i]}"; done
    rm -rf "$logs"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

export JACK_NO_START_SERVER=1 JACK_NO_AUDIO_RESERVATION=1
if timeout 3 jack_lsp >"$logs/ports" 2>/dev/null; then
    server="the JACK server that is running"
else
    export JACK_DEFAULT_SERVER=ja-demo-$$
    jackd -r -n "$JACK_DEFAULT_SERVER" -d dummy -r 48000 -p 256 >"$logs/jackd" 2>&1 &
    started+=($!)
    timeout 10 jack_wait -w -t 8 >/dev/null 2>&1 || {
        cat "$logs/jackd" >&2
        fail "the private JACK server did not start"
    }
    server="a private JACK server without sound card, so you will hear nothing"
fi

page=
if "$build/jack-analyzer" --list-options | grep -q '^web\.port '; then
    page="  the page        http://127.0.0.1:8090/
"
fi
cat <<TEXT
jack-analyzer listens to ${audio#"$PWD/"} on $server.
  OSC goes to     127.0.0.1:7771    look at it in another terminal:  oscdump 7771   (package liblo-tools)
  steer it at     127.0.0.1:7770    for example:  oscsend 127.0.0.1 7770 /ja/ctl/preset s genre/house
$page  to stop         Ctrl-C
TEXT

view=()
[ -t 1 ] || view=(--set terminal.mode=plain)
"$build/jack-analyzer" --name "$client" "${view[@]}" 2>&1 &
analyzer=$!
started+=("$analyzer")

for _ in {1..100}; do
    timeout 3 jack_lsp 2>/dev/null | grep -qx "$client:in_2" && break
    kill -0 "$analyzer" 2>/dev/null || fail "jack-analyzer ended; what it said is above"
    sleep 0.1
done

"$build/test/tools/ja-play" -c "$client:in_1" -c "$client:in_2" "$audio" >"$logs/play" 2>&1 &
player=$!
started+=("$player")
wait -n "$player" "$analyzer"
status=$?
kill -0 "$analyzer" 2>/dev/null || fail "jack-analyzer ended before the music; what it said is above"
[ "$status" = 0 ] || fail "the player failed: $(cat "$logs/play")"
sleep 1
kill "$analyzer"
wait "$analyzer" || fail "jack-analyzer ended with an error"
echo "That was the end of the piece."
