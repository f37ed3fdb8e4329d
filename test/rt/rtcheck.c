/* Watches a JACK client: does its process callback ever allocate, lock, print, sleep, fault a page
 * in or ask the kernel for anything? Does a notification hold the server up?
 *
 *     RTCHECK_DIR=folder LD_PRELOAD=build/plain/test/rt/librtcheck.so jack-analyzer
 *
 * Every function given to JACK is wrapped. Process and timebase callback are real-time code, so is
 * the xrun callback where it comes in the process thread (PipeWire). While these run, three things
 * watch the thread:
 *
 * 1. the kernel: every system call raises SIGSYS in place of being done (Syscall User Dispatch,
 *    x86-64, Linux 5.11), wherever it comes from. It is noted, then done on the callback's behalf;
 * 2. functions laid over the C library's, for what need not reach the kernel to be wrong: an
 *    allocation, a free lock;
 * 3. the kernel's list of the thread's page faults (perf events), once its first cycles are over,
 *    and its count of waits (getrusage). Pages of memory that the server shares with its clients
 *    come with the first touch, and so does what PipeWire's library keeps of MIDI: such faults are
 *    told, but are not the program's.
 *
 * One thing is allowed: sem_post, and the futex wake within it. Of the other functions none may
 * wait, nor take 5 ms of the processor's time, as jackd stands still meanwhile.
 *
 * Nothing of the program changes, not even its exit status: what was found is in RTCHECK_DIR, see
 * rtcheck.h. RTCHECK_WARMUP is the number of cycles of a thread whose page faults are forgiven.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#define _GNU_SOURCE
#include "rtcheck.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jack/jack.h>
#include <linux/perf_event.h>
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
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <syslog.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

enum { WATCHES = 256, PAGE = 4096, FAULT_BYTES = 8 * PAGE };

enum { GATE_OPEN = 0, GATE_SHUT = 1 }; /* the kernel's values */

static const uint64_t LONG_NOTIFICATION_NS = 5000000;

struct watched_thread {
    volatile char gate; /* read by the kernel at every system call */
    bool inside;        /* real-time code is running */
    bool prepared;      /* it is a process thread */
    bool trapped;       /* the kernel watches it */
    unsigned long cycles, warm_up, posts;
    struct perf_event_mmap_page *faults; /* the kernel's list of page faults; NULL: none */
    struct rtcheck_report *report;       /* of what is running */
};

/* No allocation at first use. */
static _Thread_local struct watched_thread self __attribute__((tls_model("initial-exec")));

/* --- What is found --- */

static void find(const char *what, long number, unsigned long count) {
    struct rtcheck_report *report = self.report;
    report->violations += count;
    unsigned i = 0;
    while (i < report->finding_count &&
           (report->findings[i].number != number || strcmp(report->findings[i].what, what) != 0))
        i++;
    if (i == RTCHECK_KINDS)
        return;
    struct rtcheck_finding *finding = &report->findings[i];
    strncpy(finding->what, what, sizeof finding->what - 1);
    finding->number = number;
    finding->count += count;
    report->finding_count = i == report->finding_count ? i + 1 : report->finding_count;
}

static void find_call(const char *name) {
    if (self.inside)
        find(name, -1, 1);
}

/* --- 1: the kernel --- */

#if defined(__x86_64__) && defined(PR_SET_SYSCALL_USER_DISPATCH)

/* The gate stays open on return, since the return is a system call itself; the next cycle, or the
 * end of sem_post, shuts it again. So only the first wrong call of each cycle is seen. */
static void on_system_call(int signal, siginfo_t *info, void *context) {
    (void)signal;
    self.gate = GATE_OPEN;
    greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
    registers[REG_RAX] = info->si_syscall;
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

/* The one way out: its futex wake, and what follows is watched again. */
int sem_post(sem_t *semaphore) {
    static int (*_Atomic real)(sem_t *);
    if (!real)
        real = (int (*)(sem_t *))original("sem_post");
    char gate = self.gate;
    self.gate = GATE_OPEN;
    int result = real(semaphore);
    self.gate = gate;
    self.posts += self.inside;
    return result;
}

/* --- 3: and around the callbacks --- */

typedef void (*any_function)(void);

enum duty {
    REAL_TIME,
    NOTIFICATION,
    EITHER, /* real-time code in the process thread */
};

/* A function given to JACK. */
struct watch {
    any_function function;
    void *data;
    const char *name;
    enum duty duty;
    struct rtcheck_report *report;
};

static struct watch watches[WATCHES];
static atomic_uint watch_count;

static struct rtcheck_report *open_report(const char *folder, const char *name, unsigned number) {
    char path[4096];
    snprintf(path, sizeof path, "%s/%d-%u", folder, (int)getpid(), number);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    struct rtcheck_report *report = MAP_FAILED;
    if (fd >= 0 && ftruncate(fd, sizeof *report) == 0)
        report = mmap(NULL, sizeof *report, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (report == MAP_FAILED) {
        perror(path);
        abort();
    }
    close(fd);
    snprintf(report->program, sizeof report->program, "%.15s", program_invocation_short_name);
    snprintf(report->function, sizeof report->function, "%.15s", name);
    return report;
}

/* The same again when a client comes back after a server's restart. */
static struct watch *watch(const char *folder, const char *name, enum duty duty,
                           any_function function, void *data) {
    unsigned count = atomic_load(&watch_count);
    for (unsigned i = 0; i < count; i++)
        if (watches[i].function == function && watches[i].data == data &&
            strcmp(watches[i].name, name) == 0)
            return &watches[i];
    unsigned own = atomic_fetch_add(&watch_count, 1);
    if (own >= WATCHES)
        abort(); /* rather than look away */
    watches[own] = (struct watch){function, data, name, duty, open_report(folder, name, own)};
    return &watches[own];
}

/* One call of it. */
struct visit {
    struct rtcheck_report *report;
    bool real_time;
    long waits;
    uint64_t faults; /* place in the list */
    uint64_t start_ns;
};

/* Of this thread so far. */
static long waits(void) {
    struct rusage usage;
    getrusage(RUSAGE_THREAD, &usage);
    return usage.ru_nvcsw;
}

static uint64_t now_ns(bool real_time) {
    struct timespec now;
    clock_gettime(real_time ? CLOCK_MONOTONIC : CLOCK_THREAD_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* One in the kernel's list of page faults. */
struct fault {
    struct perf_event_header header;
    uint64_t code, address; /* what touched, and what was touched */
};

static pthread_key_t faults_key; /* the list goes with its thread */

static void forget_faults(void *list) {
    self.faults = NULL;
    munmap(list, PAGE + FAULT_BYTES);
}

static void make_key(void) {
    pthread_key_create(&faults_key, forget_faults);
}

static struct perf_event_mmap_page *watch_faults(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    struct perf_event_attr wanted = {
        .type = PERF_TYPE_SOFTWARE,
        .config = PERF_COUNT_SW_PAGE_FAULTS,
        .size = sizeof wanted,
        .sample_period = 1,
        .sample_type = PERF_SAMPLE_IP | PERF_SAMPLE_ADDR,
        .exclude_kernel = 1,
    };
    int fd = (int)syscall(SYS_perf_event_open, &wanted, 0, -1, -1, PERF_FLAG_FD_CLOEXEC);
    void *list = MAP_FAILED;
    if (fd < 0)
        return NULL;
    list = mmap(NULL, PAGE + FAULT_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (list == MAP_FAILED)
        return NULL;
    pthread_once(&once, make_key);
    pthread_setspecific(faults_key, list);
    return list;
}

static void prepare(void) {
    const char *text = getenv("RTCHECK_WARMUP");
    self.warm_up = text ? strtoul(text, NULL, 10) : 8;
    self.trapped = watch_system_calls();
    self.faults = watch_faults();
    self.prepared = true;
}

static struct visit enter(const struct watch *watch) {
    struct visit visit = {.report = watch->report};
    visit.real_time = watch->duty == REAL_TIME || (watch->duty == EITHER && self.prepared);
    if (visit.real_time && !self.prepared)
        prepare();
    visit.report->real_time |= visit.real_time;
    visit.report->kernel_watches = self.trapped;
    visit.report->faults_known = self.faults != NULL;
    self.report = visit.report;
    if (self.faults)
        visit.faults = self.faults->data_tail = self.faults->data_head;
    visit.waits = waits();
    visit.start_ns = now_ns(visit.real_time);
    self.inside = visit.real_time;
    self.gate = visit.real_time ? GATE_SHUT : GATE_OPEN;
    return visit;
}

/* What a server shares with its clients, and what the library of PipeWire itself touches first. */
static bool is_of_server(const struct fault *fault) {
    char line[512];
    uint64_t first, end;
    bool found = false;
    FILE *maps = fopen("/proc/self/maps", "r");
    while (maps && !found && fgets(line, sizeof line, maps)) {
        if (sscanf(line, "%" SCNx64 "-%" SCNx64, &first, &end) != 2)
            continue;
        bool touched = fault->address >= first && fault->address < end;
        bool touches = fault->code >= first && fault->code < end;
        found = (touched && (strstr(line, "/memfd:pipewire") || strstr(line, "/dev/shm/jack"))) ||
                (touches && strstr(line, "/pipewire-0.3/jack/libjack.so"));
    }
    if (maps)
        fclose(maps);
    return found;
}

/* Those from `begin` on in the kernel's list. */
static void count_faults(uint64_t begin) {
    uint64_t end = atomic_load((_Atomic uint64_t *)&self.faults->data_head);
    const unsigned char *list = (const unsigned char *)self.faults + PAGE;
    for (struct fault fault; begin < end; begin += fault.header.size) {
        for (size_t i = 0; i < sizeof fault; i++)
            ((unsigned char *)&fault)[i] = list[(begin + i) % FAULT_BYTES];
        if (fault.header.type != PERF_RECORD_SAMPLE || self.cycles <= self.warm_up)
            continue;
        if (is_of_server(&fault))
            self.report->server_faults++;
        else
            find("page fault", -1, 1);
    }
}

static void leave(const struct visit *visit) {
    self.gate = GATE_OPEN;
    self.inside = false;
    uint64_t took_ns = now_ns(visit->real_time) - visit->start_ns;
    long waited = waits() - visit->waits;

    struct rtcheck_report *report = visit->report;
    if (visit->real_time && self.faults)
        count_faults(visit->faults);
    if (waited)
        find("wait", -1, (unsigned long)waited);
    report->calls++;
    report->sum_ns += took_ns;
    report->longest_ns = took_ns > report->longest_ns ? took_ns : report->longest_ns;
    report->steps[rtcheck_step(took_ns)]++;
    report->posts += self.posts;
    self.posts = 0;
    self.cycles += visit->real_time;
    if (!visit->real_time && took_ns >= LONG_NOTIFICATION_NS)
        find("long notification", -1, 1);
}

/* A function WHO that hands a CALLBACK to JACK, and what JACK is given in its place. */
#define WATCH_CALLBACK(result, who, name, duty, type, parameters, arguments, gives, given)         \
    static type watched_##who parameters {                                                         \
        const struct watch *watch = data;                                                          \
        struct visit visit __attribute__((cleanup(leave))) = enter(watch);                         \
        data = watch->data;                                                                        \
        return ((type(*) parameters)watch->function)arguments;                                     \
    }                                                                                              \
    result who gives {                                                                             \
        static result(*_Atomic real) gives;                                                        \
        const char *folder = getenv("RTCHECK_DIR");                                                \
        if (!real)                                                                                 \
            real = (result(*) gives)original(#who);                                                \
        if (folder && callback) {                                                                  \
            data = watch(folder, name, duty, (any_function)callback, data);                        \
            callback = watched_##who;                                                              \
        }                                                                                          \
        return real given;                                                                         \
    }
#define WATCH_USUAL(name, duty, type, parameters, arguments)                                       \
    WATCH_CALLBACK(int, jack_set_##name##_callback, #name, duty, type, parameters, arguments,      \
                   (jack_client_t * client, type(*callback) parameters, void *data),               \
                   (client, callback, data))

WATCH_USUAL(process, REAL_TIME, int, (jack_nframes_t frames, void *data), (frames, data))
WATCH_CALLBACK(int, jack_set_timebase_callback, "timebase", REAL_TIME, void,
               (jack_transport_state_t state, jack_nframes_t frames, jack_position_t *position,
                int is_new, void *data),
               (state, frames, position, is_new, data),
               (jack_client_t * client, int conditional, JackTimebaseCallback callback, void *data),
               (client, conditional, callback, data))
WATCH_USUAL(xrun, EITHER, int, (void *data), (data))
WATCH_USUAL(buffer_size, NOTIFICATION, int, (jack_nframes_t frames, void *data), (frames, data))
WATCH_USUAL(sample_rate, NOTIFICATION, int, (jack_nframes_t rate, void *data), (rate, data))
WATCH_USUAL(freewheel, NOTIFICATION, void, (int starting, void *data), (starting, data))
WATCH_USUAL(latency, NOTIFICATION, void, (jack_latency_callback_mode_t mode, void *data),
            (mode, data))
WATCH_USUAL(port_registration, NOTIFICATION, void, (jack_port_id_t port, int yes, void *data),
            (port, yes, data))
WATCH_USUAL(port_connect, NOTIFICATION, void,
            (jack_port_id_t a, jack_port_id_t b, int yes, void *data), (a, b, yes, data))
WATCH_CALLBACK(void, jack_on_shutdown, "shutdown", NOTIFICATION, void, (void *data), (data),
               (jack_client_t * client, JackShutdownCallback callback, void *data),
               (client, callback, data))
WATCH_CALLBACK(void, jack_on_info_shutdown, "info_shutdown", NOTIFICATION, void,
               (jack_status_t code, const char *reason, void *data), (code, reason, data),
               (jack_client_t * client, JackInfoShutdownCallback callback, void *data),
               (client, callback, data))
