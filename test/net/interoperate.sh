#!/bin/bash
# Lets the program talk with another OSC implementation: oscdump listens, oscsend steers.
# Time limit: 60 s
# Goes beside others.
#
# SPDX-License-Identifier: GPL-3.0-or-later
set -u
cd "$(dirname "$0")/../.." || exit 1
program=${BUILD:-build/plain}/jack-analyzer
[ -x "$program" ] || { echo "1..0 # SKIP there is no $program"; exit 0; }
for tool in oscdump oscsend; do
    command -v $tool >/dev/null || { echo "1..0 # SKIP $tool is missing (package liblo-tools)"; exit 0; }
done

dir=$(mktemp -d)
pids=()
trap 'kill "${pids[@]}" 2>/dev/null; wait; rm -rf "$dir"' EXIT
number=0
result() { # STATUS NAME
    number=$((number + 1))
    [ "$1" = 0 ] && echo "ok $number - $2" || echo "not ok $number - $2"
}
free_port() {
    /usr/bin/python3 -c 'import socket as s; u = s.socket(s.AF_INET, s.SOCK_DGRAM)
u.bind(("127.0.0.1", 0)); print(u.getsockname()[1])'
}
heard() { # PATTERN NAME: within 10 s
    for _ in $(seq 100); do
        grep -Eq "$1" "$dir/heard" && { result 0 "$2"; return; }
        sleep 0.1
    done
    result 1 "$2"
    tail -n 20 "$dir/heard" | sed 's/^/# /'
}

control=$(free_port) target=$(free_port)
oscdump -L "$target" >"$dir/heard" 2>&1 &
pids+=($!)
: >"$dir/empty.conf"
"$program" -s "ja-$$-none" -c "$dir/empty.conf" -S control.port="$control" \
    -S target.default.port="$target" >/dev/null 2>"$dir/log" &
pids+=($!)

heard '/ja/heartbeat i [0-9]+$' "heartbeat is an integer"
heard '/ja/stats iifff 0 0 [0-9.]+ [0-9.]+ [0-9.]+$' "stats are two integers and three floats"
oscsend osc.udp://127.0.0.1:"$control" /ja/ctl/set ss target.default.prefix /stage
heard '/stage/heartbeat i' "a prefix set by oscsend holds at once"
oscsend osc.udp://127.0.0.1:"$control" /ja/ctl/set sT target.default.enable
oscsend osc.udp://127.0.0.1:"$control" /ja/ctl/set sF target.default.enable
sleep 1.5
before=$(wc -l <"$dir/heard")
sleep 2.5
[ "$(wc -l <"$dir/heard")" = "$before" ]
result $? "a target that is off is silent"
kill -TERM "${pids[1]}"
wait "${pids[1]}"
result $? "the program ends with status 0"
unset 'pids[1]'
echo "1..$number"
