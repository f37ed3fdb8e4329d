/* Judges what rtcheck has left in a folder.
 *
 *     verdict FOLDER [LEAST]     at least so many callbacks must have been watched (1)
 *
 * Prints a sentence, then remarks behind "#". Exit status 0: no violation; 1: some, or too little
 * was watched.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "rtcheck.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Of all functions of one sort: in the process thread, or notifications. */
struct sum {
    unsigned files;
    uint64_t calls, violations, posts, server_faults, sum_ns, longest_ns, steps[RTCHECK_STEPS];
};

static struct sum real_time, notifications;
static bool calls_trapped = true, faults_known = true;
static char remarks[1 << 16];

static void remark(const struct rtcheck_report *report) {
    for (unsigned i = 0; i < report->finding_count && i < RTCHECK_KINDS; i++) {
        const struct rtcheck_finding *finding = &report->findings[i];
        size_t length = strlen(remarks);
        char number[32] = "";
        if (finding->number >= 0)
            snprintf(number, sizeof number, " %" PRId64, finding->number);
        snprintf(remarks + length, sizeof remarks - length, "# %s, %s: %s%s, %" PRIu64 " times\n",
                 report->program, report->function, finding->what, number, finding->count);
    }
}

static void add(struct sum *sum, const struct rtcheck_report *report) {
    sum->files++;
    sum->calls += report->calls;
    sum->violations += report->violations;
    sum->posts += report->posts;
    sum->server_faults += report->server_faults;
    sum->sum_ns += report->sum_ns;
    sum->longest_ns = sum->longest_ns > report->longest_ns ? sum->longest_ns : report->longest_ns;
    for (unsigned i = 0; i < RTCHECK_STEPS; i++)
        sum->steps[i] += report->steps[i];
    remark(report);
}

static bool read_report(const char *folder, const char *name, struct rtcheck_report *report) {
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    int fd = open(path, O_RDONLY);
    bool whole = fd >= 0 && read(fd, report, sizeof *report) == (ssize_t)sizeof *report;
    if (fd >= 0)
        close(fd);
    return whole;
}

static bool read_folder(const char *folder) {
    static struct rtcheck_report report;
    DIR *dir = opendir(folder);
    struct dirent *entry;
    while (dir && (entry = readdir(dir))) {
        if (entry->d_name[0] == '.' || !read_report(folder, entry->d_name, &report))
            continue;
        if (report.real_time && report.calls > 0)
            calls_trapped &= report.kernel_watches != 0, faults_known &= report.faults_known != 0;
        add(report.real_time ? &real_time : &notifications, &report);
    }
    if (dir)
        closedir(dir);
    return dir;
}

static double percentile_us(const struct sum *sum, double share) {
    uint64_t wanted = (uint64_t)(share * (double)sum->calls), seen = 0;
    unsigned step = 0;
    while (step < RTCHECK_STEPS - 1 && (seen += sum->steps[step]) < wanted)
        step++;
    uint64_t ns = rtcheck_step_end_ns(step);
    return (double)(ns < sum->longest_ns ? ns : sum->longest_ns) / 1e3;
}

static void describe(void) {
    if (real_time.calls)
        printf(
            "# mean %.2f us, 99 %% below %.1f us, 99.9 %% below %.1f us, longest %.1f us; %" PRIu64
            " semaphores posted; %" PRIu64 " page faults in memory of the server\n",
            (double)real_time.sum_ns / 1e3 / (double)real_time.calls,
            percentile_us(&real_time, 0.99), percentile_us(&real_time, 0.999),
            (double)real_time.longest_ns / 1e3, real_time.posts, real_time.server_faults);
    if (notifications.calls)
        printf("# %" PRIu64 " notifications took at most %.2f ms of the processor's time\n",
               notifications.calls, (double)notifications.longest_ns / 1e6);
}

int main(int count, char **arguments) {
    if (count < 2 || !read_folder(arguments[1])) {
        fprintf(stderr, "usage: verdict FOLDER [LEAST]\n");
        return 2;
    }
    uint64_t least = count > 2 ? strtoull(arguments[2], NULL, 10) : 1;
    uint64_t violations = real_time.violations + notifications.violations;
    bool enough = real_time.calls >= least;
    if (violations)
        printf("%" PRIu64 " violations", violations);
    else
        printf("no violation");
    printf(" over %" PRIu64 " callbacks", real_time.calls);
    if (!enough)
        printf(", fewer than %" PRIu64, least);
    printf("%s%s\n", calls_trapped ? "" : " (this kernel cannot trap a thread's system calls)",
           faults_known ? "" : " (this kernel does not list page faults)");
    fputs(remarks, stdout);
    describe();
    return violations || !enough;
}
