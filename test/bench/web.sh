#!/bin/sh
# Measures what browsers cost: memory, processor, and the delay of OSC commands, with none and with
# a hundred of them; and the same of sound by WebSocket.
#
# SPDX-License-Identifier: GPL-3.0-or-later
cd "$(dirname "$0")/../.." || exit 1
/usr/bin/python3 test/bench/web.py "$@" && exec /usr/bin/python3 test/bench/web_audio.py
