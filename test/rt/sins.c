/* A small JACK client that commits one sin, to prove that rtcheck sees it: in its process callback,
 * or in the one that the sin is named after.
 *
 *     sins NAME [EVERY]     half a second of it, in every EVERY-th cycle
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#define _GNU_SOURCE
#include <jack/jack.h>
#include <linux/futex.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

enum { PAGE = 4096, FRESH = 64 << 20 };

static jack_client_t *client;
static sem_t semaphore;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
static char *fresh; /* memory never touched */
static void *volatile kept;
static volatile int number;

static void nothing(void) {
}

static void read_clock(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    number = (int)now.tv_nsec;
}

static void post(void) {
    sem_post(&semaphore);
}

static void allocate(void) {
    kept = malloc(64);
}

static void release(void) {
    free(kept);
    kept = NULL;
}

static void copy_string(void) {
    kept = strdup("x");
}

static void lock(void) {
    pthread_mutex_lock(&mutex);
    pthread_mutex_unlock(&mutex);
}

static void try_lock(void) {
    if (pthread_mutex_trylock(&mutex) == 0)
        pthread_mutex_unlock(&mutex);
}

static void signal_condition(void) {
    pthread_cond_signal(&condition);
}

static void print(void) {
    printf("%d\n", number);
}

static void log_line(void) {
    syslog(LOG_DEBUG, "x");
}

static void write_nothing(void) {
    number = (int)write(STDOUT_FILENO, "", 0);
}

static void sleep_shortly(void) {
    usleep(50);
}

static void ask_kernel(void) {
    number = (int)syscall(SYS_getppid);
}

static void ask_kernel_by_hand(void) {
#ifdef __x86_64__
    long result;
    __asm__ volatile("syscall" : "=a"(result) : "a"(SYS_getppid) : "rcx", "r11", "memory");
    number = (int)result;
#else
    ask_kernel();
#endif
}

static void map(void) {
    munmap(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), PAGE);
}

static void fault(void) {
    static size_t at;
    fresh[at] = 1;
    at = (at + PAGE) % FRESH;
}

/* Deep into a stack of which little has been touched; deeper at each call. */
static void go_deep(void) {
    static size_t depth = 2 * PAGE;
    volatile char *bottom = __builtin_alloca(depth);
    bottom[0] = 1;
    if (depth < 400 * 1024)
        depth += PAGE;
}

static void post_then_ask(void) {
    post();
    ask_kernel_by_hand();
}

static void wake_without_post(void) {
    static int word;
    syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

static const struct {
    const char *name;
    void (*commit)(void);
} sins[] = {
    {"none", nothing},
    {"clock", read_clock},
    {"post", post},
    {"malloc", allocate},
    {"free", release},
    {"strdup", copy_string},
    {"lock", lock},
    {"trylock", try_lock},
    {"condition", signal_condition},
    {"printf", print},
    {"syslog", log_line},
    {"write", write_nothing},
    {"sleep", sleep_shortly},
    {"syscall", ask_kernel},
    {"assembler", ask_kernel_by_hand},
    {"mmap", map},
    {"fault", fault},
    {"deep-stack", go_deep},
    {"post-then-syscall", post_then_ask},
    {"wake-without-post", wake_without_post},
    {"timebase", nothing},
    {"slow-notification", nothing},
    {"busy-notification", nothing},
};

/* In other callbacks than that of the process. */
static void sinful_timebase(jack_transport_state_t state, jack_nframes_t frames,
                            jack_position_t *position, int is_new, void *data) {
    (void)state, (void)frames, (void)position, (void)is_new, (void)data;
    allocate();
}

static int slow_notification(jack_nframes_t frames, void *data) {
    (void)frames, (void)data;
    sleep_shortly();
    return 0;
}

static long processor_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int busy_notification(jack_nframes_t frames, void *data) {
    (void)frames, (void)data;
    for (long until = processor_ms() + 20; processor_ms() < until;)
        ;
    return 0;
}

static void (*commit)(void);
static unsigned every = 1, cycle;

static int process(jack_nframes_t frames, void *data) {
    (void)frames, (void)data;
    if (++cycle % every == 0)
        commit();
    return 0;
}

/* Makes sem_post wake somebody. */
static void *wait_for_posts(void *data) {
    for (;;)
        sem_wait(&semaphore);
    return data;
}

static int prepare(void) {
    client = jack_client_open("sins", JackNoStartServer, NULL);
    fresh = mmap(NULL, FRESH, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
                 -1, 0);
    pthread_t waiter;
    sem_init(&semaphore, 0, 0);
    kept = malloc(64);
    return client && fresh != MAP_FAILED &&
           pthread_create(&waiter, NULL, wait_for_posts, NULL) == 0;
}

static void set_callbacks(const char *sin) {
    jack_set_process_callback(client, process, NULL);
    if (strcmp(sin, "slow-notification") == 0)
        jack_set_buffer_size_callback(client, slow_notification, NULL);
    if (strcmp(sin, "busy-notification") == 0)
        jack_set_buffer_size_callback(client, busy_notification, NULL);
    if (strcmp(sin, "timebase") == 0)
        jack_set_timebase_callback(client, 0, sinful_timebase, NULL);
}

int main(int count, char **arguments) {
    const char *sin = count > 1 ? arguments[1] : "";
    for (size_t i = 0; i < sizeof sins / sizeof sins[0]; i++)
        if (strcmp(sins[i].name, sin) == 0)
            commit = sins[i].commit;
    if (count > 2)
        every = (unsigned)atoi(arguments[2]);
    bool idle = strcmp(sin, "never") == 0;
    if ((!commit && !idle) || every == 0 || !prepare())
        return 2;
    set_callbacks(sin);
    if (!idle)
        jack_activate(client);
    jack_transport_start(client);
    jack_set_buffer_size(client, jack_get_buffer_size(client) == 256 ? 128 : 256);
    nanosleep(&(struct timespec){.tv_nsec = 500000000}, NULL);
    jack_client_close(client);
    return 0;
}
