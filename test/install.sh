#!/bin/bash
# Installs into a folder, runs the program from there, and takes everything away again.
#
# Time limit: 600 s
# Goes beside others.
# SPDX-License-Identifier: GPL-3.0-or-later
set -u
cd "$(dirname "$0")/.." || exit 1
home=$PWD/build/install
prefix=$home/usr
stage=$home/stage
log=$(mktemp)
trap 'rm -f "$log"; rm -rf "$prefix" "$stage"' EXIT
rm -rf "$prefix" "$stage"
number=0

check() {
    number=$((number + 1))
    if "${@:2}" >"$log" 2>&1; then
        echo "ok $number - $1"
    else
        echo "not ok $number - $1"
        sed 's/^/# /' "$log"
    fi
}
made() { make "$@" BUILD="$home/build" PREFIX="$prefix"; }

says_version() { "$prefix/bin/jack-analyzer" --version | grep -F "$(sed -n 's/^VERSION := //p' Makefile)"; }
lists_all_presets() {
    listed=$(cd / && XDG_CONFIG_HOME=/nonexistent "$prefix/bin/jack-analyzer" --list-presets) || return
    for preset in presets/*/*.conf; do
        grep -F "$prefix/share/jack-analyzer/$preset" <<<"$listed" || { echo "not $preset"; return 1; }
    done
}
uses_a_preset() {
    preset=$(printf '%s\n' presets/*/*.conf | sed -n '1s,presets/\(.*\)\.conf,\1,p')
    (cd / && "$prefix/bin/jack-analyzer" --preset "$preset" --check)
}
has_the_page() { diff -r src/web/page "$prefix/share/jack-analyzer/page"; }
has() { [ -s "$prefix/$1" ]; }
# The program, the user and the state folder that the units name are those that are installed.
has_units() {
    grep -xF "ExecStart=$prefix/bin/jack-analyzer \$JACK_ANALYZER_ARGS" \
        "$prefix/lib/systemd/system/jack-analyzer@.service" &&
        grep -xF "ExecStart=/usr/bin/pw-jack $prefix/bin/jack-analyzer \$JACK_ANALYZER_ARGS" \
            "$prefix/lib/systemd/user/jack-analyzer.service" &&
        grep '^u jack-analyzer ' "$prefix/lib/sysusers.d/jack-analyzer.conf" &&
        has share/doc/jack-analyzer/examples/jackd@.service
}
has_man_pages() {
    has share/man/man1/jack-analyzer.1 && has share/man/man5/jack-analyzer.conf.5 &&
        has share/man/man7/jack-analyzer-osc.7
}
spares_foreign_files() {
    mine=$prefix/share/jack-analyzer/presets/genre/mine.conf
    touch "$prefix/bin/other" "$mine" && made uninstall && [ -e "$prefix/bin/other" ] &&
        [ -e "$mine" ] && rm "$prefix/bin/other" "$mine"
}
is_empty() { [ -z "$(find "$1" ! -type d -o -name '*jack-analyzer*' | tee /dev/stderr)" ]; }
leaves_nothing() { made install && made uninstall && is_empty "$prefix"; }
keeps_to_destdir() {
    rm -rf "$prefix" && made install DESTDIR="$stage" && [ ! -e "$prefix" ] &&
        [ -x "$stage$prefix/bin/jack-analyzer" ] && made uninstall DESTDIR="$stage" &&
        is_empty "$stage"
}

echo 1..14
check "make install" made install
check "the installed program tells its version" says_version
check "it finds every preset where it was installed" lists_all_presets
check "it can use one of them" uses_a_preset
check "the manual pages are there" has_man_pages
check "the units are there and name the program" has_units
check "the completion is there" has share/bash-completion/completions/jack-analyzer
check "the icon is there" has share/icons/hicolor/scalable/apps/jack-analyzer.svg
check "the sample configuration is there" has share/doc/jack-analyzer/jack-analyzer.conf
check "the page is there" has_the_page
check "nothing is written to a user's or the machine's configuration" \
    test -z "$(find "$prefix" -path '*/etc/*')"
check "make uninstall spares what is not ours" spares_foreign_files
check "make uninstall leaves nothing of ours" leaves_nothing
check "DESTDIR is honoured both ways" keeps_to_destdir
