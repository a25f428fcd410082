/* convolve_planes: depthwise convolutions of float32 and float64.  A plane is laid into a frame of zeros, and every result
 * is a sum over taps that lie at fixed offsets in it.  Threads take planes; the weight's gradient takes channels,
 * each of which goes through all images in order.  Floor: backends.  Knows no Python. */
#include "backends/cpu/convolve_planes.h"
#include <stdatomic.h>
#include <string.h>
#include "backends/cpu/gemm.h"
#include "backends/cpu/scratch.h"
#include "backends/threads.h"

#define MOST_TAPS 64
#define MOST_FRAME (16 << 20)   /* bytes */
#define MOST_STRIDE 16
#define SLACK 32                /* elements behind the frame that loads may reach */
#define UNIT_WORK 200000.0      /* multiply-adds worth a turn of a thread */

/* The correlation of one plane. */
typedef struct {
    int taps, flipped;
    intptr_t in[3], out[3], pad[3], stride[3], space[3], phase, row, offset[MOST_TAPS];   /* row: of the frame */
} planes;

typedef struct {
    void (*frame)(const planes *q, const char *x, char *to);
    void (*plane)(const planes *q, const char *frame, const char *w, const char *bias, char *y);
    void (*weight)(const planes *q, const char *frame, const char *y, char *sums);
} kernels;

#if defined __GNUC__ && !defined __clang__ && defined __x86_64__
#include <immintrin.h>
#pragma GCC push_options
#pragma GCC optimize("O3")
#pragma GCC target("avx2,fma")

static inline __m256i lanes_f32(uint32_t bits)
{
    const __m256i lanes = _mm256_setr_epi32(1, 2, 4, 8, 16, 32, 64, 128);
    return _mm256_cmpeq_epi32(_mm256_and_si256(_mm256_set1_epi32((int)bits), lanes), lanes);
}
static inline __m256i lanes_f64(uint32_t bits)
{
    const __m256i lanes = _mm256_setr_epi64x(1, 2, 4, 8);
    return _mm256_cmpeq_epi64(_mm256_and_si256(_mm256_set1_epi64x(bits), lanes), lanes);
}

#define REAL float
#define VEC __m256
#define LANES 8
#define LOAD _mm256_loadu_ps
#define LOAD_BITS(p, bits) _mm256_maskload_ps(p, lanes_f32(bits))
#define STORE _mm256_storeu_ps
#define STORE_BITS(p, bits, v) _mm256_maskstore_ps(p, lanes_f32(bits), v)
#define FMA _mm256_fmadd_ps
#define SPREAD _mm256_set1_ps
#define NAME(x) x##_f32_avx2
#include "backends/cpu/convolve_planes_body.h"

#define REAL double
#define VEC __m256d
#define LANES 4
#define LOAD _mm256_loadu_pd
#define LOAD_BITS(p, bits) _mm256_maskload_pd(p, lanes_f64(bits))
#define STORE _mm256_storeu_pd
#define STORE_BITS(p, bits, v) _mm256_maskstore_pd(p, lanes_f64(bits), v)
#define FMA _mm256_fmadd_pd
#define SPREAD _mm256_set1_pd
#define NAME(x) x##_f64_avx2
#include "backends/cpu/convolve_planes_body.h"

#pragma GCC target("avx512f,avx512vl,avx512dq,avx512bw")

#define REAL float
#define VEC __m512
#define LANES 16
#define LOAD _mm512_loadu_ps
#define LOAD_BITS(p, bits) _mm512_maskz_loadu_ps((__mmask16)(bits), p)
#define STORE _mm512_storeu_ps
#define STORE_BITS(p, bits, v) _mm512_mask_storeu_ps(p, (__mmask16)(bits), v)
#define FMA _mm512_fmadd_ps
#define SPREAD _mm512_set1_ps
#define NAME(x) x##_f32_avx512
#include "backends/cpu/convolve_planes_body.h"

#define REAL double
#define VEC __m512d
#define LANES 8
#define LOAD _mm512_loadu_pd
#define LOAD_BITS(p, bits) _mm512_maskz_loadu_pd((__mmask8)(bits), p)
#define STORE _mm512_storeu_pd
#define STORE_BITS(p, bits, v) _mm512_mask_storeu_pd(p, (__mmask8)(bits), v)
#define FMA _mm512_fmadd_pd
#define SPREAD _mm512_set1_pd
#define NAME(x) x##_f64_avx512
#include "backends/cpu/convolve_planes_body.h"
#pragma GCC pop_options

static const kernels *kernels_of(rt_dtype d)
{
    const char *name = rt_gemm_float_kernel();
    if (!name || (d != RT_f32 && d != RT_f64)) return NULL;
    const int wide = strcmp(name, "AVX-512") == 0;
    return d == RT_f32 ? wide ? &kernels_f32_avx512 : &kernels_f32_avx2 : wide ? &kernels_f64_avx512 : &kernels_f64_avx2;
}
#else
static const kernels *kernels_of(rt_dtype d)
{
    (void)d;
    return NULL;
}
#endif

static intptr_t volume(const intptr_t *n) { return n[0] * n[1] * n[2]; }

/* The plane of x that results are read from; for the way back the plane of y, under the kernel turned round. */
static void look(const rt_convolution *q, rt_convolve_kind kind, planes *p)
{
    const int back = kind == RT_CONVOLVE_BACK;
    intptr_t reach[3];
    p->taps = (int)volume(q->kernel);
    p->flipped = back;
    for (int d = 0; d < 3; d++) {
        const intptr_t span = q->dilation[d] * (q->kernel[d] - 1);
        p->in[d] = back ? q->out[d] : q->in[d];
        p->out[d] = back ? q->in[d] : q->out[d];
        p->pad[d] = back ? span - q->pad[d] : q->pad[d];
        p->stride[d] = q->stride[d];
        p->space[d] = (p->out[d] - 1) * p->stride[d] + span + 1;
        reach[d] = q->dilation[d];
    }
    const intptr_t s = p->stride[2];
    p->phase = (p->space[2] + s - 1) / s;
    p->row = p->phase * s;
    int t = 0;
    for (intptr_t a = 0; a < q->kernel[0]; a++)
        for (intptr_t b = 0; b < q->kernel[1]; b++)
            for (intptr_t e = 0; e < q->kernel[2]; e++) {
                const intptr_t at = e * reach[2];
                p->offset[t++] = (a * reach[0] * p->space[1] + b * reach[1]) * p->row + at % s * p->phase + at / s;
            }
}

int rt_convolve_planes_takes(const rt_convolution *q, rt_convolve_kind kind)
{
    const int back = kind == RT_CONVOLVE_BACK;
    double taps = 1, frame = (double)rt_itemsize(q->dtype);
    if (q->c_in != 1 || q->groups < 2 || q->c_out > (back ? 1 : 4) || !kernels_of(q->dtype)) return 0;
    for (int d = 0; d < 3; d++) {
        if (q->stride[d] > (back ? 1 : MOST_STRIDE) || q->out[d] < 1 || q->in[d] < 1) return 0;
        taps *= (double)q->kernel[d];
        frame *= (double)q->in[d] + (double)q->out[d] * (double)q->stride[d] + 2 * (double)q->pad[d]
            + (double)q->dilation[d] * (double)q->kernel[d];
    }
    return taps <= MOST_TAPS && frame <= MOST_FRAME;
}

typedef struct {
    const rt_convolution *q;
    const planes *p;
    const kernels *k;
    const char *x, *w, *bias;
    char *y;
    intptr_t item;
    atomic_int failed;
} job;

static char *take_frame(job *j)
{
    const intptr_t n = j->p->space[0] * j->p->space[1] * j->p->row;
    char *frame = rt_scratch_take((size_t)((n + SLACK) * j->item));
    if (!frame) atomic_store(&j->failed, 1);
    else memset(frame + n * j->item, 0, (size_t)(SLACK * j->item));
    return frame;
}

/* Planes begin .. end of (images, groups): x to y. */
static void run_planes(void *ctx, intptr_t begin, intptr_t end)
{
    job *j = ctx;
    const intptr_t from = volume(j->p->in) * j->item, to = volume(j->p->out) * j->item, rows = j->p->flipped ? 1 : j->q->c_out;
    char *frame = take_frame(j);
    for (intptr_t u = begin; frame && u < end; u++) {
        j->k->frame(j->p, j->x + u * from, frame);
        for (intptr_t r = 0; r < rows; r++) {
            const intptr_t channel = u % j->q->groups * rows + r;
            j->k->plane(j->p, frame, j->w + channel * j->p->taps * j->item, j->bias ? j->bias + channel * j->item : NULL,
                        j->y + (u * rows + r) * to);
        }
    }
}

/* The weight of groups begin .. end, all images. */
static void run_groups(void *ctx, intptr_t begin, intptr_t end)
{
    job *j = ctx;
    const rt_convolution *q = j->q;
    const intptr_t from = volume(q->in) * j->item, to = volume(q->out) * j->item, sums = j->p->taps * j->item;
    char *frame = take_frame(j), *w = (char *)j->w;
    for (intptr_t g = begin; frame && g < end; g++) {
        memset(w + g * q->c_out * sums, 0, (size_t)(q->c_out * sums));
        for (intptr_t i = 0; i < q->n; i++) {
            j->k->frame(j->p, j->x + (i * q->groups + g) * from, frame);
            for (intptr_t r = g * q->c_out; r < (g + 1) * q->c_out; r++)
                j->k->weight(j->p, frame, j->y + (i * q->groups * q->c_out + r) * to, w + r * sums);
        }
    }
}

int rt_convolve_planes(const rt_convolution *q, rt_convolve_kind kind, char *x, char *w, char *y, const char *bias)
{
    planes p;
    const int back = kind == RT_CONVOLVE_BACK;
    look(q, kind, &p);
    job j = {.q = q, .p = &p, .k = kernels_of(q->dtype), .x = back ? y : x, .w = w, .bias = bias, .y = back ? x : y,
             .item = (intptr_t)rt_itemsize(q->dtype)};
    const double work = (double)volume(p.out) * (double)(p.taps + 4) * (double)q->c_out;
    const double each = kind == RT_CONVOLVE_WEIGHT ? work * (double)q->n : work;
    const intptr_t grain = each > UNIT_WORK ? 1 : (intptr_t)(UNIT_WORK / each) + 1;
    if (kind == RT_CONVOLVE_WEIGHT) rt_threads_for(q->groups, grain, run_groups, &j);
    else rt_threads_for(q->n * q->groups, grain, run_planes, &j);
    return atomic_load(&j.failed) ? -1 : 0;
}
