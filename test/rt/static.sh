#!/bin/bash
# Proves, over all paths, that JACK's process callbacks (the analyser's, and that of the clicks of
# --loopback) reach nothing that could make them wait.
#
# Two views, each with and without assertions. gcc's call graph is walked from the callback: only
# allowed functions of other libraries, no recursion, no indirect call, no stack frame of variable
# size, at most 4 KiB of stack. And of the object code, by gcc and by clang, everything is taken
# away that cannot be reached from the callback, be it by call or by address: what the rest refers
# to must be allowed, and it must hold no system call instruction. Inline assembler is refused in
# the sources, since neither view sees through it.
#
# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck disable=SC2046,SC2086,SC2001 # lists of files and flags are meant to be split
set -u
cd "$(dirname "$0")/../.." || exit 1

callbacks='ja_process_run ja_process_timebase ja_clicks_run'
sources='src/audio/process.c src/audio/clicks.c src/stream/inlet.c src/core/ring.c'
allowed='jack_port_get_buffer jack_last_frame_time jack_get_cycle_times jack_midi_clear_buffer
    jack_midi_event_write jack_midi_event_reserve jack_midi_get_event_count jack_midi_event_get memcpy memset sem_post _GLOBAL_OFFSET_TABLE_'
most_stack=4096
# Nothing that a distribution's compiler may add by itself.
flags='-O2 -std=c11 -D_POSIX_C_SOURCE=200809L -fno-stack-protector -U_FORTIFY_SOURCE -fno-lto
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
# deepest stack to the file "stack". $2: allowed names.
walk() {
    cat "$1"/*.ci | awk -v callback=$callback -v allowed="$2" -v most=$most_stack \
        -v stack="$work/stack" '
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
    objdump -d --no-show-raw-insn "$1/reached" |
        awk '$2 ~ /^(syscall|sysenter|svc|swi|ecall)$/ || /int +\$0x80/ { print "instruction: " $0 }'
}

# judge TREE MODE...: prints everything that is wrong with the sources below it.
judge() {
    local out names tree=$1
    shift
    grep -HnwE '(__)?asm(__)?' $(for source in $sources; do echo "$tree/$source"; done) |
        sed "s|^$tree/|inline assembler: |"
    for mode in "$@"; do
        names=$allowed
        [ $mode = plain ] && names="$allowed __assert_fail"
        for compiler in gcc clang; do
            out=$work/out/$mode/$compiler
            rm -rf "$out"
            compile $compiler "$tree" "$out" $([ $mode = NDEBUG ] && echo -DNDEBUG) 2>&1 || continue
            [ $compiler = gcc ] && walk "$out" "$names"
            references "$out" "$names"
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
    found=$(judge "$PWD" plain NDEBUG)
    [ -z "$found" ]
    result $? "$callback reaches nothing but what it may" "$found"
done
callback=ja_process_run # in which the sins below are committed
echo "# deepest stack: $(sort -n "$work/stack" | tail -n 1) bytes"

# What is proved here must be what JACK is given.
given=$(grep -hoE 'jack_set_(process_callback|process_thread|thread_init_callback)\([^,]*, *\w+' \
    -r src | sed 's/.*, *//')
given=$({ echo "$given"; grep -hoE 'jack_set_timebase_callback\([^,]*,[^,]*, *\w+' -r src |
    sed 's/.*, *//'; } | sort -u)
[ "$given" = "$(printf '%s\n' $callbacks | sort)" ]
result $? "JACK is given these callbacks and no other code for its threads" "${given:-nothing}"

# The check must fail where it should. Each sin goes to the head of the callback, in a copy.
sinful=$work/tree
sin() { # NAME EXPECTED DECLARATION STATEMENT
    rm -rf "$sinful"
    mkdir -p "$sinful"
    cp -r src include "$sinful"
    awk -v declaration="$3" -v statement="$4" -v start="^int $callback\\\\(" '
        $0 ~ start { print declaration; inside = 1 }
        { line = $0 }
        inside && (at = index(line, "{")) {
            line = substr(line, 1, at) statement substr(line, at + 1)
            inside = 0
        }
        { print line }' src/audio/process.c >"$sinful/src/audio/process.c"
    found=$(judge "$sinful" NDEBUG)
    if echo "$found" | grep -qF "$2"; then
        result 0 "finds $1"
    else
        result 1 "finds $1" "not found: $2, but: $found"
    fi
}
sin 'an allocation' 'reaches > ja_process_run > malloc' \
    '#include <stdlib.h>
     void *volatile ja_sin;' 'ja_sin = malloc(8);'
sin 'a message' 'refers to puts' '#include <stdio.h>' 'puts("x");'
sin 'a lock' 'refers to pthread_mutex_lock' \
    '#include <pthread.h>
     static pthread_mutex_t ja_sin = PTHREAD_MUTEX_INITIALIZER;' 'pthread_mutex_lock(&ja_sin);'
sin 'a sin behind a rare condition' 'refers to usleep' 'int usleep(unsigned);' \
    'if (frames == 12345) usleep(1);'
sin 'an assertion that stays under NDEBUG' 'refers to __assert_fail' \
    'void __assert_fail(const char *, const char *, unsigned, const char *);' \
    'if (!data) __assert_fail("", "", 0, "");'
sin 'an indirect call' 'indirect call:' 'void (*volatile ja_sin)(void);' 'ja_sin();'
sin 'a function passed on by address' 'refers to free' \
    '#include <stdlib.h>
     void (*volatile ja_sin)(void *);' 'ja_sin = free;'
sin 'recursion' 'recursion:' \
    'int ja_process_run(jack_nframes_t frames, void *data);
     volatile int ja_sin;' 'ja_sin = ja_process_run(frames, data) + 1;'
sin 'a stack frame of variable size' 'stack frame of variable size:' '' \
    'volatile char ja_sin[frames + 1]; ja_sin[frames] = 0;'
sin 'a deep stack' 'more than 4096' '' 'volatile char ja_sin[5000]; ja_sin[0] = 0;'
sin 'inline assembler' 'inline assembler: src/audio/process.c' '' '__asm__ volatile("");'
sin 'a system call instruction' 'instruction:' '' \
    'long ja_sin; __asm__ volatile("syscall" : "=a"(ja_sin) : "a"(39L) : "rcx", "r11", "memory");'
sin 'a callback of another name' 'no function ja_process_run' \
    '#define ja_process_run ja_process_work' ''
echo "1..$number"
