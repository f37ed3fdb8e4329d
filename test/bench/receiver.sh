#!/bin/sh
# Measures at receivers when beats arrive: against the beats of the sound, by offset, with 64
# targets, and beside targets that are out of order.
#
#   test/bench/receiver.sh [AUDIO_DIR]
#
# AUDIO_DIR (also from the environment) holds annotated music with its index.tsv, see beats.py.
#
# SPDX-License-Identifier: GPL-3.0-or-later
set -eu
folder=${1:-${AUDIO_DIR:-}}
[ -z "$folder" ] || folder=$(realpath "$folder")
cd "$(dirname "$0")/../.."
src/dist/packages.sh python3 python3-numpy jackd2
bench="exec /usr/bin/python3 test/bench/receiver.py"
build=${BUILD:-build/plain}
# A network of its own, where it can be had, with a way out that swallows everything: a pair of
# interfaces, and a neighbour who is not there.
hole='ip link set lo up && ip link add hole type veth peer name bottom &&
    ip addr add 10.77.0.1/24 dev hole && ip link set hole up && ip link set bottom up &&
    ip neigh add 10.77.0.2 lladdr 02:00:00:00:00:01 dev hole'
if unshare -n sh -c "$hole" 2>/dev/null; then
    exec unshare -n sh -c "$hole; $bench --hole 10.77.0.2 \"\$@\"" sh "$build" ${folder:+"$folder"}
fi
sh -c "$bench \"\$@\"" sh "$build" ${folder:+"$folder"}
