/* container: processors and memory that this process may use.  A control group's limit holds
 * for all groups below it, so every level from the process's own group up to the root is
 * read; inside a container the path in /proc may not exist, then the root is what counts.
 * Floor: backends.  Knows no Python; reads files, never writes. */
#define _GNU_SOURCE
#include "backends/cpu/container.h"
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PATH_BYTES 1024

/* First numbers of a small file; "max" counts as -1.  Returns how many were read. */
static int read_numbers(const char *path, double *a, double *b)
{
    FILE *f = fopen(path, "re");
    if (!f) return 0;
    char word[64];
    int n = 0;
    if (fscanf(f, "%63s", word) == 1) {
        *a = strcmp(word, "max") == 0 ? -1 : strtod(word, NULL);
        n = 1;
        if (fscanf(f, "%lf", b) == 1) n = 2;
    }
    fclose(f);
    return n;
}

/* The process's group for `controller` ("" for version 2), e.g. "/docker/abc". */
static int group_path(const char *controller, char *path)
{
    FILE *f = fopen("/proc/self/cgroup", "re");
    if (!f) return 0;
    char line[PATH_BYTES];
    int found = 0;
    while (!found && fgets(line, sizeof line, f)) {
        char *names = strchr(line, ':');
        char *at = names ? strchr(names + 1, ':') : NULL;
        if (!at) continue;
        *at++ = 0;
        names++;
        at[strcspn(at, "\n")] = 0;
        if (!*controller) {
            found = !*names;
        } else {
            for (char *save, *word = strtok_r(names, ",", &save); word && !found; word = strtok_r(NULL, ",", &save))
                found = strcmp(word, controller) == 0;
        }
        if (found) snprintf(path, PATH_BYTES, "%s", at);
    }
    fclose(f);
    return found;
}

/* Least limit found in `file` from the group up to the root below `mount`; HUGE when none.  With
 * `period` the limit is a quota to be divided: by the second number, or by that file's. */
static double least_limit(const char *mount, const char *controller, const char *file, const char *period)
{
    double least = 1e300;
    char group[PATH_BYTES] = "", path[3 * PATH_BYTES];
    if (!group_path(controller, group)) return least;
    for (;;) {
        double limit = -1, per = 0, unused;
        snprintf(path, sizeof path, "%s%s/%s", mount, group, file);
        int n = read_numbers(path, &limit, &per);
        if (n && period && *period) {
            snprintf(path, sizeof path, "%s%s/%s", mount, group, period);
            n = 1 + read_numbers(path, &per, &unused);
        }
        if (n && limit > 0) {
            if (period) limit = n == 2 && per > 0 ? limit / per : 1e300;
            if (limit < least) least = limit;
        }
        char *slash = strrchr(group, '/');
        if (!slash) break;
        *slash = 0;
    }
    return least;
}

int rt_container_affinity(void)
{
    int n = 0;
    for (int cpus = 1024; cpus <= 1 << 18 && !n; cpus *= 4) {
        cpu_set_t *set = CPU_ALLOC(cpus);
        if (!set) break;
        if (sched_getaffinity(0, CPU_ALLOC_SIZE(cpus), set) == 0) n = CPU_COUNT_S(CPU_ALLOC_SIZE(cpus), set);
        CPU_FREE(set);
    }
    if (!n) n = (int)sysconf(_SC_NPROCESSORS_ONLN);
    return n < 1 ? 1 : n;
}

double rt_container_quota(void)
{
    double quota = least_limit("/sys/fs/cgroup", "", "cpu.max", "");
    double v1 = least_limit("/sys/fs/cgroup/cpu", "cpu", "cpu.cfs_quota_us", "cpu.cfs_period_us");
    if (v1 < quota) quota = v1;
    return quota < 1e9 ? quota : 0;
}

int rt_container_cpus(void)
{
    int n = rt_container_affinity();
    double quota = rt_container_quota();
    if (quota > 0 && quota < n) n = (int)quota + ((double)(int)quota < quota);
    return n < 1 ? 1 : n;
}

uint64_t rt_container_memory(void)
{
    double bytes = (double)sysconf(_SC_PHYS_PAGES) * (double)sysconf(_SC_PAGESIZE);
    double v2 = least_limit("/sys/fs/cgroup", "", "memory.max", NULL);
    double v1 = least_limit("/sys/fs/cgroup/memory", "memory", "memory.limit_in_bytes", NULL);
    if (v2 < bytes) bytes = v2;
    if (v1 < bytes) bytes = v1;
    return bytes > 0 ? (uint64_t)bytes : UINT64_C(1) << 30;
}
