#!/bin/bash
# Six minutes of sound, freewheeling, while clients come and go: see test/bench/soak.py.
#
# SPDX-License-Identifier: GPL-3.0-or-later
cd "$(dirname "$0")/../.." || exit 1
exec test/bench/soak.py --hours 0.1 --speed 12
