/* fft_plan: factors of a length, roots of unity to the last bit, Bluestein's chirps; a small cache of them.
 * Floor: ufunc. */
#include "ufunc/fft_plan.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "backends/memory.h"
#include "core/error.h"
#include "ufunc/kernels/isa.h"

#define PLANS 64                          /* kept at most, */
#define KEPT_BYTES ((size_t)64 << 20)     /* and the memory of all of them */

/* ---- roots of unity ---- */

/* exp(-2 pi i k / n) for any k < n, from two short tables: w[k] = coarse[k / step] fine[k % step]. */
typedef struct { intptr_t n, step; long double *numbers; } roots;

static void root(intptr_t k, intptr_t n, long double *at)
{
    /* An octant's worth of angle, so that sine and cosine are right to the last bit. */
    const intptr_t k8 = 8 * k, octant = k8 / n;
    const intptr_t rest = octant % 2 ? (octant + 1) * n - k8 : k8 - octant * n;      /* of an octant, in n-ths */
    const long double angle = 0.785398163397448309615660845819875721L * (long double)rest / (long double)n;
    const long double c = cosl(angle), s = sinl(angle);
    const int swap = (octant + 1) / 2 % 2;                                           /* octants 1, 2, 5, 6 */
    const long double x = swap ? s : c, y = swap ? c : s;
    at[0] = octant >= 2 && octant < 6 ? 0 - x : x;                                   /* no -0 */
    at[1] = octant < 4 ? 0 - y : y;
}

static int roots_begin(roots *r, intptr_t n)
{
    r->n = n;
    for (r->step = 1; r->step * r->step < n; r->step *= 2) {}
    const intptr_t coarse = (n + r->step - 1) / r->step;
    r->numbers = rt_memory_try((size_t)(2 * (coarse + r->step)) * sizeof *r->numbers);
    if (!r->numbers) return -1;
    for (intptr_t k = 0; k < r->step; k++) root(k < n ? k : 0, n, r->numbers + 2 * k);
    for (intptr_t k = 0; k < coarse; k++) root(k * r->step, n, r->numbers + 2 * (r->step + k));
    return 0;
}

static void roots_get(const roots *r, intptr_t k, double *re, double *im)
{
    const long double *f = r->numbers + 2 * (k % r->step), *c = r->numbers + 2 * (r->step + k / r->step);
    *re = (double)(f[0] * c[0] - f[1] * c[1]);
    *im = (double)(f[0] * c[1] + f[1] * c[0]);
}

/* ---- writing numbers ---- */

typedef struct { char *at; int single; } writer;     /* at NULL: only counting, in `bytes` */

static void put(const writer *w, char *array, intptr_t i, double value)
{
    if (w->single) ((float *)array)[i] = (float)value;
    else ((double *)array)[i] = value;
}

static size_t padded(size_t bytes) { return (bytes + 63) & ~(size_t)63; }

static char *take(writer *w, intptr_t numbers)
{
    char *array = w->at;
    w->at += padded((size_t)numbers * (w->single ? sizeof(float) : sizeof(double)));
    return array;
}

/* ---- factors ---- */

/* Radices in the order of the passes: 8s first, so that later ones work on whole vectors.  Their number, or 0 when
 * a prime factor is too great. */
static int factors_of(intptr_t n, int *radix)
{
    int count = 0;
    while (n % 8 == 0) radix[count++] = 8, n /= 8;
    if (n % 4 == 0) radix[count++] = 4, n /= 4;
    if (n % 2 == 0) radix[count++] = 2, n /= 2;
    for (int r = 3; r <= RT_FFT_RADIX && n > 1; r += 2)
        while (n % r == 0) radix[count++] = r, n /= r;
    return n == 1 ? count : 0;
}

/* The least length from `least` on that has small factors only. */
static intptr_t quick_length(intptr_t least)
{
    static const int odd[] = {1, 3, 5, 9, 15};
    intptr_t best = 0;
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
        intptr_t length = odd[i];
        while (length < least || length % 8) length *= 2;
        if (!best || length < best) best = length;
    }
    return best;
}

static intptr_t pass_numbers(intptr_t n, const int *radix, int count)
{
    intptr_t numbers = 0;
    for (int i = 0; i < count; i++) {
        const intptr_t m = n / radix[i];
        numbers += 2 * (radix[i] - 1) * m + (radix[i] % 2 ? 2 * radix[i] : 0) + 32;
        n = m;
    }
    return numbers;
}

static int write_passes(writer *w, rt_fft_tables *t, const int *radix, int count)
{
    roots r = {0};
    intptr_t length = t->n, stride = 1;
    if (roots_begin(&r, t->n) < 0) return -1;
    t->npasses = count;
    for (int i = 0; i < count; i++) {
        rt_fft_pass *f = &t->pass[i];
        const int k = f->radix = radix[i];
        const intptr_t m = f->m = length / k;
        double re, im;
        char *table = take(w, 2 * (k - 1) * m);
        for (int j = 1; j < k; j++)
            for (intptr_t p = 0; p < m; p++) {
                roots_get(&r, p * j * stride, &re, &im);
                put(w, table, (j - 1) * m + p, re);
                put(w, table, (k - 1 + j - 1) * m + p, im);
            }
        f->w = table;
        if (k % 2) {
            char *circle = take(w, 2 * k);
            for (int j = 0; j < k; j++) {
                roots_get(&r, t->n / k * j, &re, &im);
                put(w, circle, j, re);
                put(w, circle, k + j, -im);
            }
            f->roots = circle;
        }
        length = m;
        stride *= k;
    }
    rt_memory_free(r.numbers);
    return 0;
}

/* ---- Bluestein ---- */

/* The chirp of n and, transformed in `scratch` (four arrays of inner->n), its filter. */
static int write_chirp(writer *w, rt_fft_tables *t, const rt_ffts *kernels)
{
    const intptr_t n = t->n, length = t->inner->n;
    const size_t item = w->single ? sizeof(float) : sizeof(double);
    roots r = {0};
    char *chirp = take(w, 2 * n), *filter = take(w, 2 * length), *scratch = rt_memory_try(4 * (size_t)length * item);
    int status = -1;
    if (!scratch || roots_begin(&r, 2 * n) < 0) goto done;
    char *const re = scratch, *const im = scratch + (size_t)length * item;
    memset(scratch, 0, 2 * (size_t)length * item);
    intptr_t square = 0;                              /* k^2 modulo 2 n */
    for (intptr_t k = 0; k < n; k++) {
        double c, s;
        roots_get(&r, square, &c, &s);
        put(w, chirp, k, c);
        put(w, chirp, n + k, s);
        for (int side = 0; side < 2; side++) {
            const intptr_t at = side && k ? length - k : k;
            put(w, re, at, c / (double)length);
            put(w, im, at, -s / (double)length);
        }
        square += 2 * k + 1;
        while (square >= 2 * n) square -= 2 * n;
    }
    kernels->run(t->inner, re, im, scratch + 2 * (size_t)length * item, scratch + 3 * (size_t)length * item);
    memcpy(filter, re, (size_t)length * item);
    memcpy(filter + (size_t)length * item, im, (size_t)length * item);
    t->chirp = chirp;
    t->filter = filter;
    status = 0;
done:
    rt_memory_free(scratch);
    rt_memory_free(r.numbers);
    return status;
}

/* ---- plans ---- */

static void free_plan(rt_fft_plan *plan)
{
    rt_memory_free(plan->block);
    rt_memory_free(plan);
}

static int write_half(writer *w, rt_fft_tables *t, intptr_t n)
{
    roots r = {0};
    const intptr_t count = n / 4 + 1;
    char *half = take(w, 2 * count);
    if (roots_begin(&r, n) < 0) return -1;
    for (intptr_t k = 0; k < count; k++) {
        double c, s;
        roots_get(&r, k, &c, &s);
        put(w, half, k, c);
        put(w, half, count + k, s);
    }
    rt_memory_free(r.numbers);
    t->half = half;
    return 0;
}

static rt_fft_plan *make_plan(rt_dtype dtype, intptr_t n, int real)
{
    int radix[RT_FFT_PASSES];
    writer w = {.single = dtype == RT_f32};
    const intptr_t complexes = real && n % 2 == 0 ? n / 2 : n;
    const int count = factors_of(complexes, radix), plain = count > 0 || complexes == 1;
    const intptr_t inner = plain ? 0 : quick_length(2 * complexes - 1);
    rt_fft_plan *plan = rt_memory_try(sizeof *plan);
    if (!plan) return NULL;
    memset(plan, 0, sizeof *plan);
    plan->n = n;
    plan->dtype = dtype;
    plan->real = real;
    intptr_t numbers = n / 2 + 64;
    int passes = count;
    if (inner) {
        passes = factors_of(inner, radix);
        numbers += 2 * complexes + 2 * inner + 64;
    }
    numbers += pass_numbers(inner ? inner : complexes, radix, passes);
    plan->bytes = padded((size_t)numbers * (w.single ? sizeof(float) : sizeof(double))) + 64;
    plan->block = rt_memory_try(plan->bytes);
    if (!plan->block) goto fail;
    w.at = (char *)padded((size_t)plan->block);
    rt_fft_tables *t = &plan->tables;
    t->n = complexes;
    t->room = inner ? inner : complexes + 1;
    if (inner) {
        t->inner = &plan->inner;
        plan->inner.n = inner;
        if (write_passes(&w, &plan->inner, radix, passes) < 0) goto fail;
        if (write_chirp(&w, t, rt_isa_now->ffts[dtype]) < 0) goto fail;
    } else if (write_passes(&w, t, radix, passes) < 0) {
        goto fail;
    }
    if (real && n % 2 == 0 && write_half(&w, t, n) < 0) goto fail;
    return plan;
fail:
    free_plan(plan);
    return NULL;
}

/* ---- the cache ---- */

static rt_fft_plan *kept[PLANS];         /* owned */
static size_t kept_bytes;
static uint64_t clock_now;

static void drop(int i)
{
    rt_fft_plan *plan = kept[i];
    kept[i] = NULL;
    kept_bytes -= plan->bytes;
    rt_fft_plan_release(plan);
}

/* An empty place, if need be of the plan that was asked for the longest time ago. */
static int place_for(size_t bytes)
{
    for (;;) {
        int empty = -1, oldest = -1;
        for (int i = 0; i < PLANS; i++) {
            if (!kept[i]) empty = i;
            else if (oldest < 0 || kept[i]->last < kept[oldest]->last) oldest = i;
        }
        if (empty >= 0 && (oldest < 0 || kept_bytes + bytes <= KEPT_BYTES)) return empty;
        drop(oldest);
    }
}

rt_fft_plan *rt_fft_plan_take(rt_dtype dtype, intptr_t n, int real)
{
    rt_fft_plan *plan = NULL;
    for (int i = 0; i < PLANS && !plan; i++)
        if (kept[i] && kept[i]->n == n && kept[i]->dtype == dtype && kept[i]->real == real) plan = kept[i];
    if (!plan) {
        if (!(plan = make_plan(dtype, n, real))) return NULL;
        const int at = place_for(plan->bytes);
        kept[at] = plan;
        kept_bytes += plan->bytes;
        plan->users = 1;
    }
    plan->last = ++clock_now;
    plan->users++;
    return plan;
}

void rt_fft_plan_release(rt_fft_plan *plan)
{
    if (--plan->users == 0) free_plan(plan);
}
