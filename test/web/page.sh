#!/bin/bash
# Looks at the page with a browser, as an operator would.
#
# Time limit: 400 s
# SPDX-License-Identifier: GPL-3.0-or-later
set -u
cd "$(dirname "$0")/../.." || exit 1
for program in node chromium; do
    command -v $program >/dev/null || { echo "1..0 # SKIP there is no $program"; exit 0; }
done
exec node test/web/page.mjs
