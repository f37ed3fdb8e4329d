#!/bin/bash
# Watches callbacks while they run on jackd: those of a client with planted sins, to prove that each
# is seen. The live tests watch the analyser's.
#
# SPDX-License-Identifier: GPL-3.0-or-later
. "$(dirname "$0")/../live/lib.sh"
. "$PWD/test/rt/sins_lib.sh"
command -v jackd >/dev/null || skip_all "no jackd here"
[ "${BUILD%plain}" != "$BUILD" ] || skip_all "the real-time check needs a build without sanitizer"

as_client() {
    exec "$watched" "$@"
}
start_jackd 48000 256
all_sins
echo "1..$tests"
