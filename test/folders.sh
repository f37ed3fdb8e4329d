#!/bin/sh
# Checks who uses whom: each folder of src/ may include the headers of certain folders only.
#
# Goes beside others.
# SPDX-License-Identifier: GPL-3.0-or-later
set -eu
cd "$(dirname "$0")/.."

# FOLDER: the folders it may use, besides itself. "top" is src/*.c and src/*.h.
rules='
core:
beat: core
config: core
net: core
pipeline: core config
feature: core config pipeline beat
predict: core config pipeline
adapt: core config pipeline
stream: core config pipeline adapt
audio: core config stream
sink: core config pipeline stream net
control: core config pipeline stream net sink
web: core config pipeline stream net control sink
app: *
top: *
'

# Prints "file:line: what is wrong" for every forbidden include below directory $1.
violations() {
    (cd "$1" && find src include -name '*.[ch]' | sort | xargs grep -Hn '^[ 	]*#[ 	]*include') |
        awk -F: -v root="$1" -v rules="$rules" '
        function folder(path) { # src/F/x.c, include/ja/F/x.h: F; src/x.c: top
            sub(/^include\/ja\//, "src/", path)
            return split(path, part, "/") > 2 ? part[2] : "top"
        }
        function exists(path,    line, found) {
            found = (getline line < (root "/" path)) >= 0
            close(root "/" path)
            return found
        }
        BEGIN {
            count = split(rules, rows, "\n")
            for (i = 1; i <= count; i++) {
                name = rows[i]
                sub(/:.*/, "", name)
                if (name == "")
                    continue
                known[name] = 1
                uses = split(substr(rows[i], length(name) + 2), use, " ")
                for (j = 1; j <= uses; j++)
                    may[name, use[j]] = 1
            }
        }
        {
            user = folder($1)
            if (!(user in known)) {
                print $1 ":" $2 ": no rule for folder " user
                next
            }
            header = $3
            if (match(header, /<ja\/[^>]*>/)) {
                used = folder("include/" substr(header, RSTART + 1, RLENGTH - 2))
            } else if (match(header, /"[^"]*"/)) { # beside the file, else below src/
                header = substr(header, RSTART + 1, RLENGTH - 2)
                beside = $1
                sub(/[^\/]*$/, "", beside)
                if (header ~ /\.\./) {
                    print $1 ":" $2 ": includes \"" header "\", a path with .."
                    next
                }
                used = folder(exists(beside header) ? beside header : "src/" header)
            } else
                next
            if (used != user && !((user, used) in may) && !((user, "*") in may))
                print $1 ":" $2 ": " user " may not use " used
        }'
}

found=$(violations .)
if [ -z "$found" ]; then
    echo "ok 1 - every folder uses only what it may"
else
    echo "not ok 1 - every folder uses only what it may"
    echo "$found" | sed 's/^/# /'
fi

# The check must fail where it should: on a copy with a sin of each kind.
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
cp -r src include "$copy"
mkdir -p "$copy/src/core" "$copy/src/feature" "$copy/src/sink" "$copy/src/nowhere"
echo '#include <ja/net/osc_reader.h>' >"$copy/src/core/planted.c"
printf '/* a */\n#include <ja/stream/stream.h>\n' >"$copy/include/ja/pipeline/planted.h"
echo '#include "modules.h"' >"$copy/src/feature/planted.c"
echo '  # include "../web/page.h"' >"$copy/src/sink/planted.c"
echo '#include <ja/core/ring.h>' >"$copy/src/nowhere/planted.c"
cat >"$copy/expected" <<'END'
include/ja/pipeline/planted.h:2: pipeline may not use stream
src/core/planted.c:1: core may not use net
src/feature/planted.c:1: feature may not use top
src/nowhere/planted.c:1: no rule for folder nowhere
src/sink/planted.c:1: includes "../web/page.h", a path with ..
END
violations "$copy" | grep planted >"$copy/found" || :
if difference=$(diff "$copy/expected" "$copy/found"); then
    echo "ok 2 - planted violations are found, with file and line"
else
    echo "not ok 2 - planted violations are found, with file and line"
    echo "$difference" | sed 's/^/# /'
fi
echo 1..2
