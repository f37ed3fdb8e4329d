#!/bin/bash
# The same as dynamic.sh on PipeWire: there libjack is another, and so are the threads.
#
# SPDX-License-Identifier: GPL-3.0-or-later
. "$(dirname "$0")/../live/pipewire_lib.sh"
. "$PWD/test/rt/sins_lib.sh"
[ "${BUILD%plain}" != "$BUILD" ] || skip_all "the real-time check needs a build without sanitizer"

as_client() {
    with_pipewire "$@"
}
start_pipewire || { echo "Bail out! pipewire does not start"; exit 1; }
setting force-quantum 256
all_sins
echo "1..$tests"
