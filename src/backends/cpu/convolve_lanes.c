/* convolve_lanes: depthwise convolutions of float32 and float64 with channels side by side.  A block of channels is turned
 * into rows of lanes within a frame of zeros, so that no tap is masked and no load lies across cache lines; its
 * results are turned back.  Threads take blocks of images.  Floor: backends.  Knows no Python. */
#include "backends/cpu/convolve_lanes.h"
#include <stdatomic.h>
#include <string.h>
#include "backends/cpu/gemm.h"
#include "backends/cpu/scratch.h"
#include "backends/threads.h"

#define FEW_TAPS 9              /* of which long lines are as fast where they lie */
#define SHORT_LINE 24
#define MOST_OUTS 8             /* neighbours at once */
#define MOST_BYTES (896 << 10)  /* of a thread's scratch: its second cache */
#define STRIP 256               /* results turned back at once, in whole lines */
#define UNIT_WORK 200000.0      /* multiply-adds worth a turn of a thread */

/* Lines and elements of what is read (in) and written (out). */
typedef struct {
    intptr_t in[2], out[2], kernel[2], stride[2], pad[2], dilation[2];
    intptr_t wide, strip;       /* rows of a frame's line; lines of results at once */
    const int32_t *spot;        /* the row in the frame of each element read */
    const int32_t *flipped;     /* the row of each tap, or NULL: as they lie */
} lanes;

typedef struct {
    int lanes;
    void (*weights)(const lanes *q, const char *w, const char *bias, intptr_t count, char *to);
    void (*load)(const lanes *q, const char *x, intptr_t count, char *frame);
    void (*lines)(const lanes *q, const char *frame, const char *w, const char *bias, intptr_t begin, intptr_t end, char *y);
    void (*store)(const lanes *q, const char *from, intptr_t count, intptr_t begin, intptr_t end, char *y);
} kernels;

#if defined __GNUC__ && !defined __clang__ && defined __x86_64__
#include <immintrin.h>
#pragma GCC push_options
#pragma GCC optimize("O3")
#pragma GCC target("avx2,fma")

static inline __attribute__((always_inline)) void transpose_8(__m256 *v)
{
    __m256 a[8], b[8];
    for (int i = 0; i < 8; i += 2) {
        a[i] = _mm256_unpacklo_ps(v[i], v[i + 1]);
        a[i + 1] = _mm256_unpackhi_ps(v[i], v[i + 1]);
    }
    for (int i = 0; i < 8; i += 4)
        for (int k = 0; k < 2; k++) {
            b[i + 2 * k] = _mm256_shuffle_ps(a[i + k], a[i + k + 2], 0x44);
            b[i + 2 * k + 1] = _mm256_shuffle_ps(a[i + k], a[i + k + 2], 0xee);
        }
    for (int i = 0; i < 4; i++) {
        v[i] = _mm256_permute2f128_ps(b[i], b[i + 4], 0x20);
        v[i + 4] = _mm256_permute2f128_ps(b[i], b[i + 4], 0x31);
    }
}
static inline __attribute__((always_inline)) void transpose_4(__m256d *v)
{
    __m256d a[4];
    for (int i = 0; i < 4; i += 2) {
        a[i] = _mm256_unpacklo_pd(v[i], v[i + 1]);
        a[i + 1] = _mm256_unpackhi_pd(v[i], v[i + 1]);
    }
    for (int i = 0; i < 2; i++) {
        v[i] = _mm256_permute2f128_pd(a[i], a[i + 2], 0x20);
        v[i + 2] = _mm256_permute2f128_pd(a[i], a[i + 2], 0x31);
    }
}

#define REAL float
#define VEC __m256
#define LANES 8
#define LOAD _mm256_loadu_ps
#define STORE _mm256_storeu_ps
#define FMA _mm256_fmadd_ps
#define SQUARE __m256
#define SIDE 8
#define SIDE_LOAD _mm256_loadu_ps
#define SIDE_STORE _mm256_storeu_ps
#define TRANSPOSE transpose_8
#define NAME(x) x##_f32_avx2
#include "backends/cpu/convolve_lanes_body.h"

#define REAL double
#define VEC __m256d
#define LANES 4
#define LOAD _mm256_loadu_pd
#define STORE _mm256_storeu_pd
#define FMA _mm256_fmadd_pd
#define SQUARE __m256d
#define SIDE 4
#define SIDE_LOAD _mm256_loadu_pd
#define SIDE_STORE _mm256_storeu_pd
#define TRANSPOSE transpose_4
#define NAME(x) x##_f64_avx2
#include "backends/cpu/convolve_lanes_body.h"

#pragma GCC target("avx512f,avx512vl,avx512dq,avx512bw")

#define REAL float
#define VEC __m512
#define LANES 16
#define LOAD _mm512_loadu_ps
#define STORE _mm512_storeu_ps
#define FMA _mm512_fmadd_ps
#define SQUARE __m256
#define SIDE 8
#define SIDE_LOAD _mm256_loadu_ps
#define SIDE_STORE _mm256_storeu_ps
#define TRANSPOSE transpose_8
#define NAME(x) x##_f32_avx512
#include "backends/cpu/convolve_lanes_body.h"

#define REAL double
#define VEC __m512d
#define LANES 8
#define LOAD _mm512_loadu_pd
#define STORE _mm512_storeu_pd
#define FMA _mm512_fmadd_pd
#define SQUARE __m256d
#define SIDE 4
#define SIDE_LOAD _mm256_loadu_pd
#define SIDE_STORE _mm256_storeu_pd
#define TRANSPOSE transpose_4
#define NAME(x) x##_f64_avx512
#include "backends/cpu/convolve_lanes_body.h"
#pragma GCC pop_options

static const kernels *kernels_of(rt_dtype d, intptr_t channels)
{
    const char *name = rt_gemm_float_kernel();
    if (!name || (d != RT_f32 && d != RT_f64)) return NULL;
    const int wide = strcmp(name, "AVX-512") == 0 && channels > (d == RT_f32 ? 8 : 4);
    return d == RT_f32 ? wide ? &kernels_f32_avx512 : &kernels_f32_avx2 : wide ? &kernels_f64_avx512 : &kernels_f64_avx2;
}
#else
static const kernels *kernels_of(rt_dtype d, intptr_t channels)
{
    (void)d, (void)channels;
    return NULL;
}
#endif

/* The way back, of stride 1 only, reads y under the weight turned round. */
static void look(const rt_convolution *q, rt_convolve_kind kind, lanes *p)
{
    const int back = kind == RT_CONVOLVE_BACK;
    for (int d = 0; d < 2; d++) {
        p->in[d] = back ? q->out[d + 1] : q->in[d + 1];
        p->out[d] = back ? q->in[d + 1] : q->out[d + 1];
        p->kernel[d] = q->kernel[d + 1];
        p->stride[d] = q->stride[d + 1];
        p->dilation[d] = q->dilation[d + 1];
        p->pad[d] = back ? (p->kernel[d] - 1) * p->dilation[d] - q->pad[d + 1] : q->pad[d + 1];
    }
    const intptr_t read = (p->out[1] - 1) * p->stride[1] + (p->kernel[1] - 1) * p->dilation[1] + 1, there = p->pad[1] + p->in[1];
    p->wide = read > there ? read : there;
    p->strip = (STRIP + p->out[1] - 1) / p->out[1];
    if (p->strip > p->out[0]) p->strip = p->out[0];
}

/* Rows of lanes that a thread needs: the frame, the taps and the bias, results. */
static double rows_of(const lanes *p)
{
    return (double)p->in[0] * (double)p->wide + (double)p->kernel[0] * (double)p->kernel[1] + 1
        + (double)p->strip * (double)p->out[1];
}

int rt_convolve_lanes_takes(const rt_convolution *q, rt_convolve_kind kind)
{
    lanes p;
    if (kind == RT_CONVOLVE_WEIGHT || q->c_in != 1 || q->c_out != 1) return 0;
    const kernels *k = kernels_of(q->dtype, q->groups);
    if (!k || q->groups * 4 < (q->groups + k->lanes - 1) / k->lanes * k->lanes * 3 || q->in[0] != 1 || q->out[0] != 1 || q->kernel[0] != 1 || q->pad[0] != 0) return 0;
    for (int d = 1; d < 3; d++)
        if (q->in[d] < 1 || q->out[d] < 1 || (kind == RT_CONVOLVE_BACK && q->stride[d] != 1)) return 0;
    look(q, kind, &p);
    if (p.pad[0] < 0 || p.pad[1] < 0 || (p.kernel[0] * p.kernel[1] <= FEW_TAPS && p.out[1] > SHORT_LINE)) return 0;
    return rows_of(&p) * k->lanes * (double)rt_itemsize(q->dtype) <= MOST_BYTES;
}

typedef struct {
    const rt_convolution *q;
    const kernels *k;
    lanes p;
    const char *x, *w, *bias;
    char *y;
    intptr_t item;
    int back;
    atomic_int failed;
} job;

static void fill_spots(lanes *p, int back, int32_t *to)
{
    p->spot = to;
    for (intptr_t i = 0; i < p->in[0]; i++)
        for (intptr_t j = 0; j < p->in[1]; j++) *to++ = (int32_t)(i * p->wide + p->pad[1] + j);
    const intptr_t taps = p->kernel[0] * p->kernel[1];
    p->flipped = back ? to : NULL;
    for (intptr_t i = 0; back && i < taps; i++) to[i] = (int32_t)(taps - 1 - i);
}

/* Units: blocks of channels, each with all images. */
static void run(void *context, intptr_t begin, intptr_t end)
{
    job *j = context;
    lanes p = j->p;
    const intptr_t n = j->q->n, row = j->k->lanes * j->item, taps = p.kernel[0] * p.kernel[1];
    const intptr_t in = p.in[0] * p.in[1], out = p.out[0] * p.out[1], frame = p.in[0] * p.wide;
    const intptr_t strip = p.strip * p.out[1] * row;
    char *const s = rt_scratch_take((size_t)((frame + taps + 1) * row + strip) + (size_t)(in + taps) * sizeof(int32_t));
    if (!s) {
        atomic_store(&j->failed, 1);
        return;
    }
    char *const w = s + frame * row, *const y = w + (taps + 1) * row;
    memset(s, 0, (size_t)(frame * row));
    fill_spots(&p, j->back, (int32_t *)(y + strip));
    for (intptr_t u = begin, held = -1; u < end; u++) {
        const intptr_t block = u / n, c = block * j->k->lanes, left = j->q->groups - c, at = u % n * j->q->groups + c;
        const intptr_t count = left < j->k->lanes ? left : j->k->lanes;
        if (block != held) j->k->weights(&p, j->w + c * taps * j->item, j->bias ? j->bias + c * j->item : NULL, count, w);
        held = block;
        j->k->load(&p, j->x + at * in * j->item, count, s);
        for (intptr_t i = 0, next; i < p.out[0]; i = next) {
            next = i + p.strip < p.out[0] ? i + p.strip : p.out[0];
            j->k->lines(&p, s, w, w + taps * row, i, next, y);
            j->k->store(&p, y, count, i, next, j->y + at * out * j->item);
        }
    }
}

int rt_convolve_lanes(const rt_convolution *q, rt_convolve_kind kind, char *x, char *w, char *y, const char *bias)
{
    const int back = kind == RT_CONVOLVE_BACK;
    job j = {.q = q, .k = kernels_of(q->dtype, q->groups), .x = back ? y : x, .w = w, .bias = bias, .y = back ? x : y,
             .item = (intptr_t)rt_itemsize(q->dtype), .back = back};
    look(q, kind, &j.p);
    const double each = (double)j.k->lanes * (double)(j.p.out[0] * j.p.out[1]) * (double)(j.p.kernel[0] * j.p.kernel[1] + 4);
    const intptr_t blocks = (q->groups + j.k->lanes - 1) / j.k->lanes;
    rt_threads_for(q->n * blocks, each > UNIT_WORK ? 1 : (intptr_t)(UNIT_WORK / each) + 1, run, &j);
    return atomic_load(&j.failed) ? -1 : 0;
}
