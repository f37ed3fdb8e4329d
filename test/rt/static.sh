#!/bin/bash
# Proves, over all paths, that JACK's callbacks (the analyser's, and that of the clicks of --loopback)
# reach nothing that could make them wait.
#
# Three views, with gcc and clang, at every level of optimisation, at -O2 without assertions too:
# gcc's call graph, walked from the callback (gcc only); the object code of which everything has been
# taken away that cannot be reached, be it by call or by address: what the rest refers to must be
# allowed; and the linked machine code, walked from the callback (x86-64 only, and the program itself
# as it was built). Only allowed functions of other libraries, no recursion, no call by pointer (the
# table of such calls is empty), no system call instruction, no stack frame of variable size, at most
# 4 KiB of stack. Inline assembler is refused in the sources.
#
# Time limit: 600 s
# Goes beside others.
# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck disable=SC2046,SC2086,SC2001 # lists of files and flags are meant to be split
set -u
cd "$(dirname "$0")/../.." || exit 1

callbacks='ja_process_run ja_process_timebase ja_clicks_run'
sources='src/audio/process.c src/audio/clicks.c src/stream/inlet.c src/core/ring.c'
allowed='jack_port_get_buffer jack_last_frame_time jack_get_cycle_times jack_midi_clear_buffer
    jack_midi_event_write jack_midi_event_reserve jack_midi_get_event_count jack_midi_event_get memcpy memset sem_post _GLOBAL_OFFSET_TABLE_'
most_stack=4096
levels='-O0 -O1 -O2 -O3 -Os'
program=${BUILD:-build/plain}/jack-analyzer
# Nothing that a distribution's compiler may add by itself.
flags='-std=c11 -D_POSIX_C_SOURCE=200809L -fno-stack-protector -U_FORTIFY_SOURCE -fno-lto
    -fno-asynchronous-unwind-tables -ffunction-sections -fdata-sections'

for source in $sources; do
    [ -e "$source" ] || { echo "1..0 # SKIP $source is not there yet"; exit 0; }
done
for tool in gcc clang ld nm strip objdump; do
    command -v $tool >/dev/null || { echo "1..0 # SKIP no $tool here"; exit 0; }
done

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# compile COMPILER TREE OUT FLAG...: every source of TREE into OUT/1.o, 2.o …; call graphs *.ci too.
compile() {
    local compiler=$1 tree=$2 out=$3 n=0 graph=
    shift 3
    mkdir -p "$out"
    [ "$compiler" = gcc ] && graph=-fcallgraph-info=su
    for source in $sources; do
        n=$((n + 1))
        (cd "$tree" && $compiler $flags $graph "$@" -Iinclude -Isrc -c "$source" -o "$out/$n.o") || { echo "$source does not compile"; return 1; }
    done
}

# Walks the call graphs *.ci in directory $1 from the callback; prints what is wrong, and adds the
# deepest stack to the file $3. $2: allowed names.
walk() {
    cat "$1"/*.ci | awk -v callback=$callback -v allowed="$2" -v most=$most_stack \
        -v stack="$3" '
    function attribute(name,    text) {
        if (!match($0, name ": \"[^\"]*\""))
            return ""
        text = substr($0, RSTART, RLENGTH - 1)
        sub(/^[^"]*"/, "", text)
        return text
    }
    function plain(name) { sub(/.*:/, "", name); return name }
    function visit(name, depth, path,    i, call, calls) {
        path = path " > " plain(name)
        if (name in on_path) {
            print "recursion:" path
            return
        }
        if (name == "__indirect_call") {
            print "indirect call:" path
            return
        }
        if (!(name in frame)) {
            if (!(name in may))
                print "reaches" path
            return
        }
        depth += frame[name]
        if (depth > deepest)
            deepest = depth
        if (dynamic[name])
            print "stack frame of variable size:" path
        on_path[name] = 1
        calls = split(called[name], call, "\n")
        for (i = 1; i < calls; i++)
            visit(call[i], depth, path)
        delete on_path[name]
    }
    BEGIN {
        count = split(allowed, names, " ")
        for (i = 1; i <= count; i++)
            may[names[i]] = 1
    }
    /^node:/ {
        label = attribute("label")
        title = attribute("title")
        if (match(label, /[0-9]+ bytes \([a-z,]*\)/)) {
            use = substr(label, RSTART, RLENGTH)
            frame[title] = use + 0
            dynamic[title] = use ~ /dynamic\)/
        }
    }
    /^edge:/ { called[attribute("sourcename")] = called[attribute("sourcename")] \
                   attribute("targetname") "\n" }
    END {
        if (!(callback in frame))
            print "no function " callback
        else
            visit(callback, 0, "")
        if (deepest > most)
            print "stack of " deepest " bytes, more than " most
        print deepest + 0 >>stack
    }'
}

# Prints what the code in $1/*.o that the callback can reach refers to and may not. $2: allowed.
references() {
    if ! ld -r --gc-sections -e $callback -o "$1/reached" "$1"/*.o 2>/dev/null; then
        echo "no function $callback"
        return
    fi
    strip --strip-unneeded "$1/reached" # the names that nothing refers to any more
    nm -u "$1/reached" | awk -v allowed="$2" '
        BEGIN { count = split(allowed, names, " "); for (i = 1; i <= count; i++) may[names[i]] = 1 }
        !($2 in may) { print "refers to " $2 }'
}

# Walks the machine code of the program $1; the rest as for walk.
walk_code() {
    [ "$(uname -m)" = x86_64 ] || return 0
    /usr/bin/python3 test/rt/machine_code.py $callback "$1" $most_stack $2 2>"$work/depth"
    sed -n 's/^stack //p' "$work/depth" >>"$3"
    grep -v '^stack ' "$work/depth"
}

# Objects of the directory $2 by compiler $1, linked as a program is, for walk_code.
link() {
    $1 -nostartfiles -Wl,--gc-sections,-e,$callback -o "$2/linked" "$2"/*.o -ljack -lm -pthread 2>&1 |
        grep -v 'warning: cannot find entry symbol'
}

# judge TREE OUT LEVELS MODE...: prints everything that is wrong with the sources below TREE. What has
# been compiled into OUT already is taken from there.
judge() {
    local out names mode level compiler stack tree=$1 all=$2 levels=$3
    shift 3
    grep -HnwE '(__)?asm(__)?' $(for source in $sources; do echo "$tree/$source"; done) |
        sed "s|^$tree/|inline assembler: |"
    for mode in "$@"; do
        names=$allowed
        [ $mode = plain ] && names="$allowed __assert_fail"
        for level in $levels; do
            for compiler in gcc clang; do
                out=$all/$mode/$level/$compiler
                stack=$work/stack.$compiler.$level
                [ -d "$out" ] ||
                    compile $compiler "$tree" "$out" $level $([ $mode = NDEBUG ] && echo -DNDEBUG) 2>&1 ||
                    continue
                [ $compiler = gcc ] && walk "$out" "$names" "$stack"
                references "$out" "$names"
                link $compiler "$out"
                walk_code "$out/linked" "$names" "$stack"
            done
        done
    done | sort -u
}

number=0
result() { # STATUS NAME [DETAILS]
    number=$((number + 1))
    [ "$1" = 0 ] && echo "ok $number - $2" || echo "not ok $number - $2"
    [ "$1" = 0 ] || echo "${3-}" | sed 's/^/# /'
}

for callback in $callbacks; do
    found=$(judge "$PWD" "$work/own" "$levels" plain
        judge "$PWD" "$work/own" -O2 NDEBUG)
    [ -z "$found" ]
    result $? "$callback reaches nothing but what it may" "$found"
done
[ "$(uname -m)" = x86_64 ] || echo "# machine code is walked on x86-64 only"
for compiler in gcc clang; do
    echo "# deepest stack in bytes, $compiler:" $(for level in $levels; do
        echo "$level $(sort -n "$work/stack.$compiler.$level" | tail -n 1)"
    done)
done
for callback in $callbacks on_xrun; do # that one PipeWire calls in its process thread, too
    [ -e $program ] || { result 0 "$callback in $program, as it was built # SKIP it is not built"; continue; }
    found=$(walk_code $program "$allowed __assert_fail" "$work/stack.program")
    [ -z "$found" ]
    result $? "$callback in $program, as it was built" "$found"
done
[ ! -e "$work/stack.program" ] || echo "# deepest stack in it: $(sort -n "$work/stack.program" | tail -n 1) bytes"
callback=ja_process_run # in which the sins below are committed

# What is proved here must be what JACK is given for its cycles.
given=$(grep -hoE 'jack_set_(process_callback|process_thread)\([^,]*, *\w+' \
    -r src | sed 's/.*, *//')
given=$({ echo "$given"; grep -hoE 'jack_set_timebase_callback\([^,]*,[^,]*, *\w+' -r src |
    sed 's/.*, *//'; } | sort -u)
[ "$given" = "$(printf '%s\n' $callbacks | sort)" ]
result $? "JACK is given these callbacks and no other code for its cycles" "${given:-nothing}"

# The check must fail where it should. Each sin goes to the head of the callback, in a copy.
sinful=$work/tree
sin() { # NAME EXPECTED IN_CODE DECLARATION STATEMENT; IN_CODE: what the machine code shows
    rm -rf "$sinful" "$work/sin"
    mkdir -p "$sinful"
    cp -r src include "$sinful"
    awk -v declaration="$4" -v statement="$5" -v start="^int $callback\\\\(" '
        $0 ~ start { print declaration; inside = 1 }
        { line = $0 }
        inside && (at = index(line, "{")) {
            line = substr(line, 1, at) statement substr(line, at + 1)
            inside = 0
        }
        { print line }' src/audio/process.c >"$sinful/src/audio/process.c"
    found=$(judge "$sinful" "$work/sin" -O2 NDEBUG)
    if echo "$found" | grep -qF "$2" &&
        { [ "$(uname -m)" != x86_64 ] || echo "$found" | grep -qF "$3"; }; then
        result 0 "finds $1"
    else
        result 1 "finds $1" "not found: $2; $3; but: $found"
    fi
}
sin 'an allocation' 'reaches > ja_process_run > malloc' \
    'machine code: reaches malloc: ja_process_run' \
    '#include <stdlib.h>
     void *volatile ja_sin;' 'ja_sin = malloc(8);'
sin 'a message' 'refers to puts' 'machine code: reaches puts' '#include <stdio.h>' 'puts("x");'
sin 'a lock' 'refers to pthread_mutex_lock' 'machine code: reaches pthread_mutex_lock' \
    '#include <pthread.h>
     static pthread_mutex_t ja_sin = PTHREAD_MUTEX_INITIALIZER;' 'pthread_mutex_lock(&ja_sin);'
sin 'a sin behind a rare condition' 'refers to usleep' 'machine code: reaches usleep' 'int usleep(unsigned);' \
    'if (frames == 12345) usleep(1);'
sin 'an assertion that stays under NDEBUG' 'refers to __assert_fail' \
    'machine code: reaches __assert_fail' \
    'void __assert_fail(const char *, const char *, unsigned, const char *);' \
    'if (!data) __assert_fail("", "", 0, "");'
sin 'a call by pointer' 'indirect call:' 'machine code: call by pointer' 'void (*volatile ja_sin)(void);' 'ja_sin();'
sin 'a function passed on by address' 'refers to free' '' \
    '#include <stdlib.h>
     void (*volatile ja_sin)(void *);' 'ja_sin = free;'
sin 'recursion' 'recursion:' 'machine code: recursion' \
    'int ja_process_run(jack_nframes_t frames, void *data);
     volatile int ja_sin;' 'ja_sin = ja_process_run(frames, data) + 1;'
sin 'a stack frame of variable size' 'stack frame of variable size: >' \
    'machine code: stack frame of variable size' '' \
    'volatile char ja_sin[frames + 1]; ja_sin[frames] = 0;'
sin 'a deep stack' 'stack of 6' 'machine code: stack of 6' '' 'volatile char ja_sin[5000]; ja_sin[0] = 0;'
sin 'inline assembler' 'inline assembler: src/audio/process.c' '' '' '__asm__ volatile("");'
sin 'a system call instruction' 'machine code: system call instruction' '' '' \
    'long ja_sin; __asm__ volatile("syscall" : "=a"(ja_sin) : "a"(39L) : "rcx", "r11", "memory");'
sin 'a system call through the library' 'refers to syscall' 'machine code: reaches syscall' \
    'long syscall(long, ...);' 'syscall(39);'
sin 'a callback of another name' 'no function ja_process_run' \
    'machine code: no function ja_process_run' \
    '#define ja_process_run ja_process_work' ''
echo "1..$number"
