#!/bin/bash
# What the web service tells of a JACK server: its ports, whether all is well, and what changes.
# Time limit: 60 s
#
# SPDX-License-Identifier: GPL-3.0-or-later
source "$(dirname "${BASH_SOURCE[0]}")/../live/lib.sh"
command -v jackd >/dev/null || skip_all "no jackd here"
command -v jack_connect >/dev/null || skip_all "no jack_connect here"

free_port() {
    /usr/bin/python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}
port=$(free_port)
program_pid=''
trap 'end "$program_pid"; clean_up' EXIT

# get PATH PYTHON: is the expression true of the answer, `it`?
get() {
    /usr/bin/python3 - "http://127.0.0.1:$port/$1" "$2" 2>/dev/null <<'END'
import json, sys, urllib.request
it = json.load(urllib.request.urlopen(sys.argv[1], timeout=5))
sys.exit(not eval(sys.argv[2]))
END
}

: >"$work/none.conf"
"$watched" "$BUILD/jack-analyzer" -c "$work/none.conf" -s "$server" -S web.port="$port" \
    -S control.port="$(free_port)" -S target.default.port="$(free_port)" >"$work/probe.log" 2>&1 &
program_pid=$!
within 10 get api/v1/stream/health 'it["status"] == "no_input"'
ok "without a server the health is no_input"
get api/v1/ports 'it["ports"] == []'
ok "and there are no ports"

start_jackd 48000 256 -C 2 -P 2
within 20 get api/v1/ports '{"name": "system:capture_1", "type": "audio", "direction": "output",
    "physical": True, "connected": False} in it["ports"]'
ok "a server's ports are told"
get api/v1/ports 'not [p for p in it["ports"] if p["name"].startswith("jack-analyzer")]'
ok "our own are not among them"
jack_connect system:capture_1 jack-analyzer:in_1
within 10 get api/v1/ports '[p["connected"] for p in it["ports"]
    if p["name"].startswith("system:capture")] == [True, False]'
ok "a connection is told"
within 10 get api/v1/stream/health 'it["status"] == "ok" and it["jack"]["rate"] == 48000'
ok "then all is well"
end "$jackd_pid"
within 10 get api/v1/ports 'it["ports"] == []'
ok "with the server its ports have gone"
plan
