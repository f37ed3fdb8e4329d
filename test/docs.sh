#!/bin/bash
# What README, manual page and sample configuration say is compared with what the program says.
#
#   test/docs.sh            compare (TAP)
#   test/docs.sh --write    write the README's tables and the sample configuration anew
#
# SPDX-License-Identifier: GPL-3.0-or-later
set -u
cd "$(dirname "$0")/.." || exit 1
BUILD=${BUILD:-build/plain}
program=$BUILD/jack-analyzer
man=src/man/jack-analyzer.1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# The README with what stands between "<!-- NAME: …" and "<!-- end of NAME -->" made from the
# program's own list.
readme() {
    awk -v program="$program" '
        function list(what, command, line) {
            command = program " --list-" what
            print "\n```"
            while ((command | getline line) > 0) print line
            close(command)
            print "```\n"
        }
        /^<!-- end of (outputs|commands) -->/ { inside = 0 }
        !inside { print }
        /^<!-- (outputs|commands): / { inside = 1; list(substr($2, 1, length($2) - 1)) }
    ' README.md
}
# Options of the command line, one a line: "-n, --name" or "--paced".
options_of_help() {
    "$program" --help | sed -n 's/^  *\(\(-., \)\{0,1\}--[a-z-]*\).*/\1/p' | sort
}
options_of_man() {
    sed -n 's/^\.It Fl //p' "$man" | sed 's/ , Fl /, /; s/ Ar .*//; s/\\-/--/; s/^\([a-zA-Z]\),/-\1,/' |
        sort
}

if [ "${1-}" = --write ]; then
    readme >"$work/README.md" && cp "$work/README.md" README.md
    "$BUILD/test/tools/ja-conf-sample" >"$work/sample" && cp "$work/sample" jack-analyzer.conf
    exit
fi

number=0
compare() { # $1: what is tested, $2 and $3: files that must be equal
    number=$((number + 1))
    if [ -s "$2" ] && diff -u "$2" "$3" >"$work/difference"; then
        echo "ok $number - $1"
    else
        echo "not ok $number - $1"
        sed 's/^/# /' "$work/difference"
    fi
}

echo 1..5
readme >"$work/README.md"
compare "the README lists outputs and commands as the program does" README.md "$work/README.md"

options_of_help >"$work/help"
options_of_man >"$work/man"
compare "the manual page describes the options that --help shows" "$work/help" "$work/man"

"$BUILD/test/tools/ja-conf-sample" >"$work/sample"
compare "jack-analyzer.conf is what the option tables write" jack-analyzer.conf "$work/sample"

# Comments have a blank after the #, options have none.
sed 's/^\( *\)#\([a-z}]\)/\1\2/' jack-analyzer.conf >"$work/all.conf"
number=$((number + 1))
if grep -q '^ *[a-z_]* = ' "$work/all.conf" &&
    "$program" --config "$work/all.conf" --check >"$work/check" 2>&1; then
    echo "ok $number - the program accepts every option of jack-analyzer.conf"
else
    echo "not ok $number - the program accepts every option of jack-analyzer.conf"
    sed 's/^/# /' "$work/check"
fi

number=$((number + 1))
if ! command -v mandoc >/dev/null; then
    echo "ok $number - the manual page is clean # SKIP mandoc is not installed"
elif mandoc -Tlint -W warning "$man" >"$work/lint"; then
    echo "ok $number - the manual page is clean"
else
    echo "not ok $number - the manual page is clean"
    sed 's/^/# /' "$work/lint"
fi
