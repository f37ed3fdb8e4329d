/* Watches a JACK client's process callback: does it ever allocate, lock, print, sleep, fault a page
 * in or ask the kernel for anything?
 *
 *     LD_PRELOAD=build/plain/test/rt/librtcheck.so RTCHECK_OUT=out.json jack-analyzer
 *
 * The callback given to jack_set_process_callback is wrapped. While it runs, three things watch its
 * thread:
 *
 * 1. the kernel: every system call raises SIGSYS in place of being done (Syscall User Dispatch,
 *    x86-64, Linux 5.11), wherever it comes from. It is noted, then done on the callback's behalf;
 * 2. functions laid over the C library's, for what need not reach the kernel to be wrong: an
 *    allocation, a free lock;
 * 3. getrusage: page faults and waits, once the first cycles are over.
 *
 * One thing is allowed: sem_post, and the futex wake within it.
 *
 * Exit status 97: something was found; 98: the callback never ran, so nothing was checked. A line
 * of JSON goes to the file named by RTCHECK_OUT, else to standard error. RTCHECK_WARMUP is the
 * number of cycles whose page faults are forgiven.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <jack/jack.h>
#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <syslog.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

enum { FOUND = 97, NEVER_RAN = 98, KINDS = 64, CLIENTS = 16 };

enum { GATE_OPEN = 0, GATE_SHUT = 1 }; /* the kernel's values */

struct watched_thread {
    volatile char gate; /* read by the kernel at every system call */
    bool inside;        /* the callback is running */
    bool posting;       /* sem_post within it */
    bool prepared;
};

/* No allocation at first use. */
static _Thread_local struct watched_thread self __attribute__((tls_model("initial-exec")));

struct finding {
    const char *what;
    long number; /* of the system call, else -1 */
    unsigned long count;
};

struct client {
    JackProcessCallback callback;
    void *data;
};

static struct client clients[CLIENTS];
static atomic_uint client_count;

/* Written by the process thread alone, read at the end. */
static struct finding findings[KINDS];
static unsigned finding_count;
static unsigned long callbacks, violations, post_wakes, page_faults, waits;
static uint64_t longest_ns, sum_ns;
static bool kernel_watches;

/* --- What is found --- */

static void find(const char *what, long number, unsigned long count) {
    violations += count;
    for (unsigned i = 0; i < finding_count; i++)
        if (findings[i].number == number && strcmp(findings[i].what, what) == 0) {
            findings[i].count += count;
            return;
        }
    if (finding_count < KINDS)
        findings[finding_count++] = (struct finding){what, number, count};
}

static void find_call(const char *name) {
    if (self.inside)
        find(name, -1, 1);
}

/* --- 1: the kernel --- */

#if defined(__x86_64__) && defined(PR_SET_SYSCALL_USER_DISPATCH)

static bool is_post_wake(const greg_t *registers) {
    return self.posting && registers[REG_RAX] == SYS_futex &&
           (registers[REG_RSI] & FUTEX_CMD_MASK) == FUTEX_WAKE;
}

/* The gate stays open on return, since the return is a system call itself; the next cycle, or the
 * end of sem_post, shuts it again. So only the first wrong call of each cycle is seen. */
static void on_system_call(int signal, siginfo_t *info, void *context) {
    (void)signal;
    self.gate = GATE_OPEN;
    greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
    registers[REG_RAX] = info->si_syscall;
    if (is_post_wake(registers))
        post_wakes++;
    else
        find("system call", info->si_syscall, 1);
    int before = errno;
    long result =
        syscall(info->si_syscall, registers[REG_RDI], registers[REG_RSI], registers[REG_RDX],
                registers[REG_R10], registers[REG_R8], registers[REG_R9]);
    registers[REG_RAX] = result == -1 ? -errno : result;
    errno = before;
}

static bool watch_system_calls(void) {
    struct sigaction action = {.sa_sigaction = on_system_call, .sa_flags = SA_SIGINFO};
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGSYS);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
    return sigaction(SIGSYS, &action, NULL) == 0 &&
           prctl(PR_SET_SYSCALL_USER_DISPATCH, PR_SYS_DISPATCH_ON, 0, 0, &self.gate) == 0;
}

#else

static bool watch_system_calls(void) {
    return false;
}

#endif

/* --- 2: the library's functions --- */

/* The function that this one lies over. dlsym must not be blamed on the callback. */
static void *original(const char *name) {
    struct watched_thread before = self;
    self.inside = false;
    self.gate = GATE_OPEN;
    void *function = dlsym(RTLD_NEXT, name);
    self.inside = before.inside;
    self.gate = before.gate;
    return function;
}

/* glibc's allocator under its own names: dlsym itself may allocate. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *memory, size_t size);
void *__libc_memalign(size_t alignment, size_t size);
void __libc_free(void *memory);

void *malloc(size_t size) {
    find_call("malloc");
    return __libc_malloc(size);
}

void *calloc(size_t count, size_t size) {
    find_call("calloc");
    return __libc_calloc(count, size);
}

void *realloc(void *memory, size_t size) {
    find_call("realloc");
    return __libc_realloc(memory, size);
}

void *aligned_alloc(size_t alignment, size_t size) {
    find_call("aligned_alloc");
    return __libc_memalign(alignment, size);
}

int posix_memalign(void **memory, size_t alignment, size_t size) {
    find_call("posix_memalign");
    void *result = __libc_memalign(alignment, size);
    if (result)
        *memory = result;
    return result ? 0 : ENOMEM;
}

void free(void *memory) {
    if (memory)
        find_call("free");
    __libc_free(memory);
}

#define WATCH(type, name, parameters, arguments)                                                   \
    type name parameters {                                                                         \
        static type(*_Atomic real) parameters;                                                     \
        find_call(#name);                                                                          \
        if (!real)                                                                                 \
            real = (type(*) parameters)original(#name);                                            \
        return real arguments;                                                                     \
    }

WATCH(int, pthread_mutex_lock, (pthread_mutex_t * m), (m))
WATCH(int, pthread_mutex_trylock, (pthread_mutex_t * m), (m))
WATCH(int, pthread_mutex_timedlock, (pthread_mutex_t * m, const struct timespec *t), (m, t))
WATCH(int, pthread_rwlock_rdlock, (pthread_rwlock_t * l), (l))
WATCH(int, pthread_rwlock_wrlock, (pthread_rwlock_t * l), (l))
WATCH(int, pthread_spin_lock, (pthread_spinlock_t * l), (l))
WATCH(int, pthread_cond_signal, (pthread_cond_t * c), (c))
WATCH(int, pthread_cond_broadcast, (pthread_cond_t * c), (c))
WATCH(int, pthread_create, (pthread_t * t, const pthread_attr_t *a, void *(*f)(void *), void *d),
      (t, a, f, d))
WATCH(int, pthread_join, (pthread_t t, void **r), (t, r))
WATCH(int, sem_wait, (sem_t * s), (s))
WATCH(int, sem_trywait, (sem_t * s), (s))
WATCH(int, sem_timedwait, (sem_t * s, const struct timespec *t), (s, t))
WATCH(int, usleep, (useconds_t us), (us))
WATCH(int, nanosleep, (const struct timespec *t, struct timespec *left), (t, left))
WATCH(int, clock_nanosleep,
      (clockid_t c, int flags, const struct timespec *t, struct timespec *left),
      (c, flags, t, left))
WATCH(int, poll, (struct pollfd * p, nfds_t n, int ms), (p, n, ms))
WATCH(ssize_t, read, (int fd, void *b, size_t n), (fd, b, n))
WATCH(ssize_t, write, (int fd, const void *b, size_t n), (fd, b, n))
WATCH(ssize_t, send, (int fd, const void *b, size_t n, int flags), (fd, b, n, flags))
WATCH(ssize_t, sendto,
      (int fd, const void *b, size_t n, int flags, const struct sockaddr *a, socklen_t l),
      (fd, b, n, flags, a, l))
WATCH(ssize_t, sendmsg, (int fd, const struct msghdr *m, int flags), (fd, m, flags))
WATCH(int, puts, (const char *s), (s))
WATCH(int, putchar, (int c), (c))
WATCH(int, fputs, (const char *s, FILE *f), (s, f))
WATCH(int, fputc, (int c, FILE *f), (c, f))
WATCH(size_t, fwrite, (const void *b, size_t size, size_t n, FILE *f), (b, size, n, f))
WATCH(int, fflush, (FILE * f), (f))
WATCH(FILE *, fopen, (const char *path, const char *mode), (path, mode))
WATCH(int, vprintf, (const char *format, va_list a), (format, a))
WATCH(int, vfprintf, (FILE * f, const char *format, va_list a), (f, format, a))
WATCH(int, vdprintf, (int fd, const char *format, va_list a), (fd, format, a))

int printf(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    int result = vprintf(format, arguments);
    va_end(arguments);
    return result;
}

int fprintf(FILE *file, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    int result = vfprintf(file, format, arguments);
    va_end(arguments);
    return result;
}

int dprintf(int fd, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    int result = vdprintf(fd, format, arguments);
    va_end(arguments);
    return result;
}

void syslog(int priority, const char *format, ...) {
    va_list arguments;
    find_call("syslog");
    va_start(arguments, format);
    vsyslog(priority, format, arguments);
    va_end(arguments);
}

/* The one way out. Its system call must be a futex wake, and what follows it is watched again. */
int sem_post(sem_t *semaphore) {
    static int (*_Atomic real)(sem_t *);
    if (!real)
        real = (int (*)(sem_t *))original("sem_post");
    char gate = self.gate;
    self.posting = true;
    int result = real(semaphore);
    self.posting = false;
    self.gate = gate;
    return result;
}

/* --- 3: and around the callback --- */

static uint64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static unsigned long warm_up(void) {
    const char *text = getenv("RTCHECK_WARMUP");
    return text ? strtoul(text, NULL, 10) : 8;
}

static void count_usage(const struct rusage *before, const struct rusage *after) {
    unsigned long faults = (unsigned long)(after->ru_minflt - before->ru_minflt) +
                           (unsigned long)(after->ru_majflt - before->ru_majflt);
    unsigned long waited = (unsigned long)(after->ru_nvcsw - before->ru_nvcsw);
    page_faults += faults;
    waits += waited;
    if (faults)
        find("page fault", -1, faults);
    if (waited)
        find("wait", -1, waited);
}

static int watched_callback(jack_nframes_t frames, void *data) {
    const struct client *client = data;
    struct rusage before, after;
    if (!self.prepared) {
        kernel_watches = watch_system_calls();
        self.prepared = true;
    }
    getrusage(RUSAGE_THREAD, &before);
    uint64_t start_ns = now_ns();
    self.inside = true;
    self.gate = GATE_SHUT;
    int result = client->callback(frames, client->data);
    self.gate = GATE_OPEN;
    self.inside = false;
    uint64_t took_ns = now_ns() - start_ns;
    getrusage(RUSAGE_THREAD, &after);

    sum_ns += took_ns;
    longest_ns = took_ns > longest_ns ? took_ns : longest_ns;
    if (callbacks++ >= warm_up())
        count_usage(&before, &after);
    return result;
}

int jack_set_process_callback(jack_client_t *jack, JackProcessCallback callback, void *data) {
    static int (*_Atomic real)(jack_client_t *, JackProcessCallback, void *);
    if (!real)
        real = (int (*)(jack_client_t *, JackProcessCallback, void *))original(
            "jack_set_process_callback");
    if (!callback)
        return real(jack, NULL, data);
    /* A client that comes back after a server's restart takes the next place. */
    struct client *client = &clients[atomic_fetch_add(&client_count, 1) % CLIENTS];
    *client = (struct client){callback, data};
    return real(jack, watched_callback, client);
}

/* --- The end --- */

static void report(int fd) {
    dprintf(fd,
            "{\"callbacks\":%lu,\"violations\":%lu,\"kernel_watches\":%s,\"post_wakes\":%lu,"
            "\"page_faults\":%lu,\"waits\":%lu,\"mean_us\":%.2f,\"max_us\":%.2f,\"found\":[",
            callbacks, violations, kernel_watches ? "true" : "false", post_wakes, page_faults,
            waits, callbacks ? (double)sum_ns / 1e3 / (double)callbacks : 0.0,
            (double)longest_ns / 1e3);
    for (unsigned i = 0; i < finding_count; i++) {
        dprintf(fd, "%s{\"what\":\"%s\",", i ? "," : "", findings[i].what);
        if (findings[i].number >= 0)
            dprintf(fd, "\"number\":%ld,", findings[i].number);
        dprintf(fd, "\"count\":%lu}", findings[i].count);
    }
    dprintf(fd, "]}\n");
}

__attribute__((destructor)) static void judge(void) {
    if (!dlsym(RTLD_DEFAULT, "jack_client_open"))
        return; /* a shell on the way to the client */
    const char *path = getenv("RTCHECK_OUT");
    int fd = path ? open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666) : -1;
    report(fd >= 0 ? fd : STDERR_FILENO);
    if (violations > 0)
        _exit(FOUND);
    if (callbacks == 0)
        _exit(NEVER_RAN);
}
