#!/bin/sh
# Measures what browsers cost: memory, processor, and the delay of OSC commands, with none and with
# a hundred of them.
#
# SPDX-License-Identifier: GPL-3.0-or-later
cd "$(dirname "$0")/../.." || exit 1
exec /usr/bin/python3 test/bench/web.py "$@"
