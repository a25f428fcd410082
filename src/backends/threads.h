/* threads: a small pool for loops.  Workers start at first use, spin briefly, then
 * sleep; they are made again after fork; a loop inside a loop runs in its caller.
 * No OpenMP.  Floor: backends.  Knows no Python: workers never touch it. */
#ifndef RT_BACKENDS_THREADS_H
#define RT_BACKENDS_THREADS_H
#include <stdint.h>

typedef void rt_range_fn(void *ctx, intptr_t begin, intptr_t end);
/* Runs fn over [0, n) in pieces that are multiples of `grain` (but the last), on as many threads
 * as are allowed; the caller takes part.  Which thread runs which piece is not defined, so
 * fn(ctx, b, e) must not depend on how [0, n) was cut.  n <= grain runs in the caller at once. */
void rt_threads_for(intptr_t n, intptr_t grain, rt_range_fn *fn, void *ctx);
/* Now in force: min(affinity, cgroup quota) unless RUSTORCH_NUM_THREADS, OMP_NUM_THREADS or set. */
int rt_threads_count(void);
/* n < 1 restores the default.  At most 256. */
void rt_threads_set(int n);
int rt_threads_available(void);      /* affinity and quota alone */
const char *rt_threads_reason(void); /* what rt_threads_count goes by: "set", a variable's name, "available" */
#endif
