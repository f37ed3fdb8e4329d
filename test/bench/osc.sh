#!/bin/sh
# Measures what one OSC packet costs the program's main thread, for every command and for the worst
# that can be made up.
#
# SPDX-License-Identifier: GPL-3.0-or-later
cd "$(dirname "$0")/../.." || exit 1
exec /usr/bin/python3 test/bench/osc.py "$@"
