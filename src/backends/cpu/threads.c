/* threads: the pool.  One loop runs at a time; whoever finds the pool taken, or is inside a
 * loop already, runs its own loop alone.  A loop is published by opening the gate:
 *
 *   caller   writes job, gate = open, wakes ... takes pieces ... gate = closed, waits for inside == 0
 *   worker   inside++, gate open? takes pieces ... inside--
 *
 * Both orders are sequentially consistent, so a worker that enters late either sees the gate
 * closed or is waited for: job is never rewritten under a reader.  Floor: backends.  Knows no
 * Python; workers block all signals and never touch an interpreter. */
#define _GNU_SOURCE
#include "backends/threads.h"
#include "backends/cpu/container.h"
#include "backends/work.h"
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MAX_THREADS 256
#define SPIN_NS 30000
#define PIECES_PER_THREAD 4
#define STACK_BYTES ((size_t)4 << 20)
enum { ANYWHERE = -1, UNKNOWN = -2 };       /* instead of a processor */

static struct {
    rt_range_fn *fn;
    void *ctx;
    intptr_t n, chunk;
    int watched;                            /* workers note when they took part, each in its own span */
} job;
static struct { int64_t start, stop; } spans[MAX_THREADS];
static _Atomic intptr_t next_piece;         /* begin of the next piece nobody took */
static atomic_int gate, inside, places;     /* places: workers still wanted for this job */
static atomic_uint generation;              /* grows with every job: what idle workers watch */
static atomic_flag taken = ATOMIC_FLAG_INIT;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;   /* guards sleepers and the two conditions */
static pthread_cond_t work = PTHREAD_COND_INITIALIZER, finished = PTHREAD_COND_INITIALIZER;
static int sleepers;
static atomic_int caller_waits;

static int workers, fork_handled;           /* these and the next two change only while `taken` is held */
static pthread_t handles[MAX_THREADS];
static int apart_from = ANYWHERE;           /* the processor workers keep off */
static atomic_int wanted_threads, available_threads;
static _Thread_local int in_loop;

static inline void relax(void)
{
#if defined __x86_64__ || defined __i386__
    __builtin_ia32_pause();
#elif defined __aarch64__
    __asm__ volatile("yield");
#endif
}

static int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

/* Watches until `*value` differs from `old`, for SPIN_NS at most; with more threads than
 * processors not at all: whoever is waited for may need ours. */
static int spin_while(const atomic_int *value, int old)
{
    if (rt_threads_count() > rt_threads_available()) return atomic_load(value) != old;
    int64_t until = now_ns() + SPIN_NS;
    do {
        for (int i = 0; i < 64; i++) {
            if (atomic_load_explicit(value, memory_order_acquire) != old) return 1;
            relax();
        }
    } while (now_ns() < until);
    return 0;
}

/* ---- how many ------------------------------------------------------------------------ */

static int from_environment(const char *name)
{
    const char *text = getenv(name);
    long n = text ? strtol(text, NULL, 10) : 0;      /* OMP's "4,2" counts as 4 */
    return n < 1 ? 0 : n > MAX_THREADS ? MAX_THREADS : (int)n;
}

int rt_threads_available(void)
{
    int n = atomic_load_explicit(&available_threads, memory_order_relaxed);
    if (n) return n;
    n = rt_container_cpus();
    if (n > MAX_THREADS) n = MAX_THREADS;
    atomic_store(&available_threads, n);
    return n;
}

static _Atomic(const char *) reason;

int rt_threads_count(void)
{
    int n = atomic_load_explicit(&wanted_threads, memory_order_relaxed);
    if (n) return n;
    static const char *const names[] = {"RUSTORCH_NUM_THREADS", "OMP_NUM_THREADS"};
    atomic_store(&reason, "available");
    for (int k = 0; k < 2 && !n; k++)
        if ((n = from_environment(names[k]))) atomic_store(&reason, names[k]);
    if (!n) n = rt_threads_available();
    atomic_store(&wanted_threads, n);
    return n;
}

const char *rt_threads_reason(void)
{
    (void)rt_threads_count();
    return atomic_load(&reason);
}

void rt_threads_set(int n)
{
    atomic_store(&reason, "set");
    atomic_store(&wanted_threads, n < 1 ? 0 : n > MAX_THREADS ? MAX_THREADS : n);
}

/* ---- workers ------------------------------------------------------------------------- */

static void take_pieces(void)
{
    intptr_t n = job.n, chunk = job.chunk;
    for (;;) {
        intptr_t begin = atomic_fetch_add_explicit(&next_piece, chunk, memory_order_relaxed);
        if (begin >= n) break;
        job.fn(job.ctx, begin, n - begin > chunk ? begin + chunk : n);
    }
}

static void leave(void)
{
    if (atomic_fetch_sub(&inside, 1) == 1 && atomic_load(&caller_waits)) {
        pthread_mutex_lock(&lock);
        pthread_cond_signal(&finished);
        pthread_mutex_unlock(&lock);
    }
}

static void take_part(int me)
{
    if (!job.watched) {
        take_pieces();
        return;
    }
    spans[me].start = now_ns();
    take_pieces();
    spans[me].stop = now_ns();
}

static void *worker_main(void *number)
{
    const int me = (int)(intptr_t)number;
    unsigned seen = 0;
    in_loop = 1;
    for (;;) {
        atomic_fetch_add(&inside, 1);
        seen = atomic_load(&generation);
        if (atomic_load(&gate) && atomic_fetch_sub(&places, 1) > 0) take_part(me);
        leave();
        if (spin_while((const atomic_int *)&generation, (int)seen)) continue;
        pthread_mutex_lock(&lock);
        sleepers++;
        while (atomic_load(&generation) == seen) pthread_cond_wait(&work, &lock);
        sleepers--;
        pthread_mutex_unlock(&lock);
    }
    return NULL;
}

/* The child of a fork has this thread alone. */
static void after_fork(void)
{
    pthread_mutex_init(&lock, NULL);
    pthread_cond_init(&work, NULL);
    pthread_cond_init(&finished, NULL);
    atomic_store(&gate, 0);
    atomic_store(&inside, 0);
    atomic_store(&caller_waits, 0);
    atomic_flag_clear(&taken);
    atomic_store(&available_threads, 0);
    sleepers = workers = in_loop = 0;
    apart_from = ANYWHERE;
}

/* Makes workers up to `n`; fewer when the system refuses. */
static void start_workers(int n)
{
    sigset_t all, old;
    pthread_attr_t attributes;
    if (!fork_handled) fork_handled = pthread_atfork(NULL, NULL, after_fork) == 0;
    if (pthread_attr_init(&attributes) != 0) return;
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attributes, STACK_BYTES);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    while (workers < n) {
        if (pthread_create(&handles[workers], &attributes, worker_main, (void *)(intptr_t)workers) != 0) break;
        workers++;
    }
    apart_from = UNKNOWN;
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    pthread_attr_destroy(&attributes);
}

/* Keeps workers off the caller's processor.  One that woke there would wait until the caller's time is up, and the
 * kernel leaves it there for as long as the other processors are busy, be it with threads of another library that
 * wait for work of theirs.  Costs a call into the kernel for each worker when the caller has moved. */
static void keep_apart(void)
{
    const int here = rt_threads_count() > rt_threads_available() ? ANYWHERE : sched_getcpu();
    cpu_set_t allowed;
    if (here == apart_from || sched_getaffinity(0, sizeof allowed, &allowed) != 0) return;
    if (here >= 0) CPU_CLR(here, &allowed);
    if (CPU_COUNT(&allowed) == 0) return;
    for (int k = 0; k < workers; k++) (void)pthread_setaffinity_np(handles[k], sizeof allowed, &allowed);
    apart_from = here;
}

/* ---- a loop -------------------------------------------------------------------------- */

static void open_gate(int helpers)
{
    atomic_store(&places, helpers);
    atomic_store(&gate, 1);
    pthread_mutex_lock(&lock);
    atomic_fetch_add(&generation, 1);
    int wake = sleepers < helpers ? sleepers : helpers;
    for (int i = 0; i < wake; i++) pthread_cond_signal(&work);
    pthread_mutex_unlock(&lock);
}

static void close_gate(void)
{
    atomic_store(&gate, 0);
    for (int now; (now = atomic_load(&inside)) != 0;) {
        if (spin_while(&inside, now)) continue;
        pthread_mutex_lock(&lock);
        atomic_store(&caller_waits, 1);
        while (atomic_load(&inside)) pthread_cond_wait(&finished, &lock);
        atomic_store(&caller_waits, 0);
        pthread_mutex_unlock(&lock);
    }
}

static void note_work(int threads, int busy)
{
    rt_work *w = rt_work_now;
    if (!w) return;
    if (threads > w->threads) w->threads = (uint16_t)threads;
    w->busy |= (uint8_t)busy;
    rt_work_unlocked(w);
}

/* No worker is inside. */
static void collect_spans(rt_work *w)
{
    for (int k = 0; k < workers && w->nspans < RT_WORK_SPANS; k++) {
        if (!spans[k].stop) continue;
        w->spans[w->nspans].worker = k;
        w->spans[w->nspans].start_ns = spans[k].start;
        w->spans[w->nspans++].stop_ns = spans[k].stop;
    }
}

void rt_threads_for(intptr_t n, intptr_t grain, rt_range_fn *fn, void *ctx)
{
    if (n <= 0) return;
    if (grain < 1) grain = 1;
    int threads = n <= grain || in_loop ? 1 : rt_threads_count();
    if (threads == 1 || atomic_flag_test_and_set(&taken)) {
        note_work(1, threads > 1);
        fn(ctx, 0, n);
        return;
    }
    intptr_t pieces = (n - 1) / grain + 1;
    if (threads > pieces) threads = (int)pieces;
    note_work(threads, 0);
    if (workers < threads - 1) start_workers(threads - 1);
    keep_apart();
    intptr_t grains = pieces / ((intptr_t)threads * PIECES_PER_THREAD);
    job.fn = fn;
    job.ctx = ctx;
    job.n = n;
    job.chunk = grain * (grains < 1 ? 1 : grains);
    job.watched = rt_work_now != NULL;
    if (job.watched) memset(spans, 0, (size_t)workers * sizeof *spans);
    atomic_store(&next_piece, 0);
    in_loop = 1;
    open_gate(threads - 1);
    take_pieces();
    close_gate();
    if (job.watched) collect_spans(rt_work_now);
    in_loop = 0;
    atomic_flag_clear(&taken);
}
