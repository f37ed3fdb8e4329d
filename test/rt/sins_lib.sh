# For dynamic.sh and pipewire.sh: commits each sin under the real-time check, on the server that
# runs, and looks whether it is seen. Source me after the live tests' library.
#
# SPDX-License-Identifier: GPL-3.0-or-later

# sin EXPECTED NAME [EVERY]: what the verdict must tell; "" for no violation. `as_client` starts a
# program as a client of the server.
sin() {
    local expected=$1 found=$work/sin.verdict folder=$RTCHECK_DIR
    shift
    RTCHECK_DIR=$work/sin
    rm -rf "$RTCHECK_DIR"
    mkdir "$RTCHECK_DIR"
    (as_client "$BUILD/test/rt/sins" "$@") >"$work/sin.log" 2>&1 </dev/null
    "$BUILD/test/rt/verdict" "$RTCHECK_DIR" >"$found"
    if [ $? = 0 ]; then
        [ -z "$expected" ]
    else
        [ -n "$expected" ] && grep -q "$expected" "$found"
    fi
    ok "$1${2:+, one cycle in $2}: $([ -z "$expected" ] && echo passes || echo "$expected")" ||
        sed 's/^#*/# /' "$found" "$work/sin.log"
    RTCHECK_DIR=$folder
}

all_sins() {
    sin '' none
    local calls=yes faults=yes
    grep -q 'cannot trap' "$work/sin.verdict" && calls=
    grep -q 'does not list' "$work/sin.verdict" && faults=
    [ "$calls$faults" = yesyes ] || sed -n '1s/^/# /p' "$work/sin.verdict"
    sin '' clock
    sin '' post
    grep -q ' [1-9][0-9]* semaphores posted' "$work/sin.verdict"
    ok "post: it is counted"
    sin 'malloc' malloc
    sin 'malloc' malloc 20
    sin 'free' free
    sin 'malloc' strdup
    sin 'pthread_mutex_lock' lock
    sin 'pthread_mutex_trylock' trylock
    sin 'pthread_cond_signal' condition
    sin 'vprintf' printf
    sin 'syslog' syslog
    sin 'write' write
    sin 'usleep' sleep
    if [ -n "$faults" ]; then
        sin 'page fault' fault
        sin 'page fault' fault 20
        sin 'page fault' deep-stack
    fi
    sin 'timebase: malloc' timebase
    sin 'buffer_size: wait' slow-notification
    sin 'buffer_size: long notification' busy-notification
    if [ -n "$calls" ]; then
        sin 'system call' syscall
        sin 'system call' assembler
        sin 'system call' assembler 20
        sin 'system call' mmap
        sin 'system call' post-then-syscall
        sin 'system call' wake-without-post
    fi
    sin 'over 0 callbacks, fewer than 1' never
}
