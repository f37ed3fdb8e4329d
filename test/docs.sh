#!/bin/bash
# What README, manual page and sample configuration say is compared with what the program says.
#
#   test/docs.sh            compare (TAP)
#   test/docs.sh --write    write the tables of README and manual pages and the sample
#                           configuration anew
#
# Goes beside others.
# SPDX-License-Identifier: GPL-3.0-or-later
set -u
cd "$(dirname "$0")/.." || exit 1
BUILD=${BUILD:-build/plain}
program=$BUILD/jack-analyzer
man=src/man/jack-analyzer.1
written_pages="src/man/jack-analyzer.conf.5 src/man/jack-analyzer-osc.7"
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
# The manual page $1 with what stands between '.\" NAME: …' and '.\" end of NAME' made from the
# program's tables.
man_page() {
    awk -v tool="$BUILD/test/tools/ja-man" '
        /^\.\\" end of / { inside = 0 }
        !inside { print }
        /^\.\\" [a-z]*: written by/ {
            inside = 1
            command = tool " " substr($2, 1, length($2) - 1)
            while ((command | getline line) > 0) print line
            close(command)
        }
    ' "$1"
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
    for page in $written_pages; do
        man_page "$page" >"$work/page" && cp "$work/page" "$page"
    done
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

echo 1..9
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

for page in $written_pages; do
    man_page "$page" >"$work/page"
    compare "$page is what the tables write" "$page" "$work/page"
done

for page in $man $written_pages; do
    number=$((number + 1))
    if ! command -v mandoc >/dev/null; then
        echo "ok $number - $page is clean # SKIP mandoc is not installed"
    elif mandoc -Tlint -W warning "$page" >"$work/lint"; then
        echo "ok $number - $page is clean"
    else
        echo "not ok $number - $page is clean"
        sed 's/^/# /' "$work/lint"
    fi
done
