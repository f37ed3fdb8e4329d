#!/bin/bash
# Asks bash's completion of the command line, as if the tabulator had been pressed, and compares.
#
# Goes beside others.
# SPDX-License-Identifier: GPL-3.0-or-later
set -u
cd "$(dirname "$0")/.." || exit 1
BUILD=${BUILD:-build/plain}
library=/usr/share/bash-completion/bash_completion
[ -r "$library" ] || { echo "1..0 # SKIP bash-completion is not installed"; exit 0; }
set +u # it is not written for it
. "$library"
. src/dist/bash-completion/jack-analyzer
compopt() { :; } # possible only while really completing
number=0

# What "$1" is completed to; '=' stands alone in COMP_WORDS, as bash splits words.
completed() {
    COMP_LINE="$BUILD/jack-analyzer $1" COMP_POINT=${#COMP_LINE} COMPREPLY=()
    read -ra COMP_WORDS <<<"${COMP_LINE//=/ = }"
    [[ $COMP_LINE != *[\ =] ]] || COMP_WORDS+=("")
    COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
    _jack_analyzer
    printf '%s\n' "${COMPREPLY[@]}"
}
gives() { # $1: what is typed; the rest: all that comes of it
    number=$((number + 1))
    found=$(completed "$1")
    if [ "$found" = "$(printf '%s\n' "${@:2}")" ]; then
        echo "ok $number - \"$1\""
    else
        echo "not ok $number - \"$1\""
        printf '%s\n' "$found" | sed 's/^/# /'
    fi
}
mapfile -t presets < <("$BUILD/jack-analyzer" --list-presets | sed 's/ .*//')
mapfile -t options < <("$BUILD/jack-analyzer" --help | grep -Eo '^ +(-., )?--[a-z-]+' |
    tr -d ' ' | tr ',' '\n')

echo 1..12
gives "-" "${options[@]}"
gives "--list-pre" --list-presets
gives "-p " "${presets[@]}"
gives "--preset=genre/tech" genre/techno
gives "-v -p box/pi-" box/pi-zero2
gives "-S onset.thr" onset.threshold=
gives "--set beat.silence=s" stop
gives "-S discovery.enable=" true false
gives "--set=pitch.enable=f" false
gives "-S target.lights.protocol=s" slip
gives "--file README" README.md
gives "--name " ""
