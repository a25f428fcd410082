/* convolve_planes: depthwise convolutions of float32 and float64.  A result is one chain of fused multiply-adds over the
 * taps, which read lines of a plane in place: lines outside are a line of zeros, elements outside are masked.  The way
 * back with a stride is a correlation for each phase of it.  Threads take planes; the weight's gradient takes
 * channels, each of which goes through all images in order.  Floor: backends.  Knows no Python. */
#include "backends/cpu/convolve_planes.h"
#include <stdatomic.h>
#include <string.h>
#include "backends/cpu/gemm.h"
#include "backends/cpu/scratch.h"
#include "backends/threads.h"

#define MOST_TAPS 64
#define MOST_STRIDE 16
#define MOST_LINES (1 << 20)
#define MOST_SQUARE 7           /* kernels of 3 x 3 taps, and in float32 5 x 5 and 7 x 7, have loops of their own */
#define ROWS 4                  /* of results at once */
#define CHUNK 9                 /* taps of the weight at once */
#define UNIT_WORK 200000.0      /* multiply-adds worth a turn of a thread */

/* Results (out...) from planes of lines (depth, height, length).  Result o of dimension d belongs to phase o mod apart[d],
 * and its neighbours in the phase read lines, or elements, `step[d]` further on. */
typedef struct {
    int planes, kernel;                      /* read for each result; taps along a line */
    int square;                              /* 3, 5 or 7: tap rows and columns that are neighbours; 0 */
    intptr_t out[3], apart[3], step[3];
    intptr_t in[2], length, lead[2], lines[2];       /* the planes; lines before them and with them in the table */
    int rows_of[MOST_STRIDE * MOST_STRIDE + 1], columns_of[MOST_STRIDE + 1];     /* first of a phase */
    intptr_t line[MOST_TAPS], weight[MOST_TAPS];     /* tap rows: line of the phase's first result, place in the weight */
    int column[MOST_TAPS];                   /* tap columns, by phase and the element they read */
    intptr_t at[MOST_TAPS + 1];              /* that element, for the phase's first result */
    intptr_t blocks;                         /* of lanes along a line of results */
} planes;

/* Where blocks begin, which lanes of them each tap column finds in the line (for a stride of 2 spread over two
 * vectors; 0 blocks whose taps find all), and lines of the planes at hand. */
typedef struct { intptr_t *begin; uint32_t *bits; char *partial; const void **line; const void *zeros; } tables;

typedef struct {
    int lanes;
    void (*plane)(const planes *q, const tables *t, const char *w, const char *bias, char *y);
    void (*weight)(const planes *q, const tables *t, const char *y, char *sums);
    void (*fold)(const planes *q, const char *sums, char *w);
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
/* The first n elements (fewer than a vector has): masked stores are slow on some processors. */
static inline void store_f32(float *p, intptr_t n, __m256 v)
{
    __m128 half = _mm256_castps256_ps128(v);
    if (n & 4) {
        _mm_storeu_ps(p, half);
        half = _mm256_extractf128_ps(v, 1);
        p += 4;
    }
    if (n & 2) {
        _mm_storel_pi((__m64 *)p, half);
        half = _mm_movehl_ps(half, half);
        p += 2;
    }
    if (n & 1) _mm_store_ss(p, half);
}
static inline void store_f64(double *p, intptr_t n, __m256d v)
{
    __m128d half = _mm256_castpd256_pd128(v);
    if (n & 2) {
        _mm_storeu_pd(p, half);
        half = _mm256_extractf128_pd(v, 1);
        p += 2;
    }
    if (n & 1) _mm_store_sd(p, half);
}

#define REAL float
#define VEC __m256
#define LANES 8
#define LOAD _mm256_loadu_ps
#define LOAD_BITS(p, bits) _mm256_maskload_ps(p, lanes_f32(bits))
#define STORE _mm256_storeu_ps
#define STORE_SOME store_f32
#define EVENS(a, b) _mm256_castpd_ps(_mm256_permute4x64_pd(_mm256_castps_pd(_mm256_shuffle_ps(a, b, 0x88)), 0xd8))
#define ODDS(a, b) _mm256_castpd_ps(_mm256_permute4x64_pd(_mm256_castps_pd(_mm256_shuffle_ps(a, b, 0xdd)), 0xd8))
#define ZIP_LOW(a, b) _mm256_permute2f128_ps(_mm256_unpacklo_ps(a, b), _mm256_unpackhi_ps(a, b), 0x20)
#define ZIP_HIGH(a, b) _mm256_permute2f128_ps(_mm256_unpacklo_ps(a, b), _mm256_unpackhi_ps(a, b), 0x31)
#define ADD _mm256_add_ps
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
#define STORE_SOME store_f64
#define EVENS(a, b) _mm256_permute4x64_pd(_mm256_unpacklo_pd(a, b), 0xd8)
#define ODDS(a, b) _mm256_permute4x64_pd(_mm256_unpackhi_pd(a, b), 0xd8)
#define ZIP_LOW(a, b) _mm256_permute2f128_pd(_mm256_unpacklo_pd(a, b), _mm256_unpackhi_pd(a, b), 0x20)
#define ZIP_HIGH(a, b) _mm256_permute2f128_pd(_mm256_unpacklo_pd(a, b), _mm256_unpackhi_pd(a, b), 0x31)
#define ADD _mm256_add_pd
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
#define STORE_SOME(p, n, v) _mm512_mask_storeu_ps(p, (__mmask16)((1u << (n)) - 1), v)
#define EVENS(a, b) _mm512_permutex2var_ps(a, \
    _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30), b)
#define ODDS(a, b) _mm512_permutex2var_ps(a, \
    _mm512_setr_epi32(1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31), b)
#define ZIP_LOW(a, b) _mm512_permutex2var_ps(a, _mm512_setr_epi32(0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23), b)
#define ZIP_HIGH(a, b) _mm512_permutex2var_ps(a, \
    _mm512_setr_epi32(8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31), b)
#define ADD _mm512_add_ps
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
#define STORE_SOME(p, n, v) _mm512_mask_storeu_pd(p, (__mmask8)((1u << (n)) - 1), v)
#define EVENS(a, b) _mm512_permutex2var_pd(a, _mm512_setr_epi64(0, 2, 4, 6, 8, 10, 12, 14), b)
#define ODDS(a, b) _mm512_permutex2var_pd(a, _mm512_setr_epi64(1, 3, 5, 7, 9, 11, 13, 15), b)
#define ZIP_LOW(a, b) _mm512_permutex2var_pd(a, _mm512_setr_epi64(0, 8, 1, 9, 2, 10, 3, 11), b)
#define ZIP_HIGH(a, b) _mm512_permutex2var_pd(a, _mm512_setr_epi64(4, 12, 5, 13, 6, 14, 7, 15), b)
#define ADD _mm512_add_pd
#define FMA _mm512_fmadd_pd
#define SPREAD _mm512_set1_pd
#define NAME(x) x##_f64_avx512
#include "backends/cpu/convolve_planes_body.h"
#pragma GCC pop_options

/* Lines of results that half of a wide register holds take half as wide ones: fewer loads lie across cache lines. */
static const kernels *kernels_of(rt_dtype d, intptr_t width)
{
    const char *name = rt_gemm_float_kernel();
    if (!name || (d != RT_f32 && d != RT_f64)) return NULL;
    const int wide = strcmp(name, "AVX-512") == 0 && width > (d == RT_f32 ? 8 : 4);
    return d == RT_f32 ? wide ? &kernels_f32_avx512 : &kernels_f32_avx2 : wide ? &kernels_f64_avx512 : &kernels_f64_avx2;
}
#else
static const kernels *kernels_of(rt_dtype d, intptr_t width)
{
    (void)d, (void)width;
    return NULL;
}
#endif

static intptr_t volume(const intptr_t *n) { return n[0] * n[1] * n[2]; }

/* ---- what is read ----------------------------------------------------------------------- */

/* Element or line that tap k of dimension d reads for the first result of its phase; the phase in *phase. */
static intptr_t place(const rt_convolution *q, int back, int d, intptr_t k, intptr_t *phase)
{
    const intptr_t at = k * q->dilation[d] - q->pad[d], s = q->stride[d];
    *phase = 0;
    if (!back) return at;
    *phase = (at % s + s) % s;
    return (*phase - at) / s;
}

/* Lines of dimension d that the table has: from `lead` before the plane to behind the last one read. */
static void look_lines(const rt_convolution *q, int back, int d, planes *p)
{
    intptr_t low = 0, high = 0, phase;
    for (intptr_t k = 0; k < q->kernel[d]; k++) {
        const intptr_t first = place(q, back, d, k, &phase), last = first + (p->out[d] - 1) / p->apart[d] * p->step[d];
        if (first < low) low = first;
        if (last > high) high = last;
    }
    p->lead[d] = -low;
    p->lines[d] = high - low + p->step[d];       /* a stride's worth more: whole strides may be read */
}

/* y is read under the weight turned round on the way back, x otherwise. */
static void look(const rt_convolution *q, rt_convolve_kind kind, planes *p)
{
    const int back = kind == RT_CONVOLVE_BACK;
    const intptr_t *in = back ? q->out : q->in, *out = back ? q->in : q->out;
    intptr_t f[3];
    int n = 0;
    p->planes = back ? (int)q->c_out : 1;
    p->kernel = (int)q->kernel[2];
    for (int d = 0; d < 3; d++) {
        p->out[d] = out[d];
        p->apart[d] = back ? q->stride[d] : 1;
        p->step[d] = back ? 1 : q->stride[d];
    }
    p->in[0] = in[0];
    p->in[1] = in[1];
    p->length = in[2];
    for (int d = 0; d < 2; d++) look_lines(q, back, d, p);
    for (intptr_t phase = 0; phase < p->apart[0] * p->apart[1]; phase++) {
        p->rows_of[phase] = n;
        for (intptr_t r = 0; r < p->planes; r++)
            for (intptr_t a = 0; a < q->kernel[0]; a++)
                for (intptr_t i = 0; i < q->kernel[1]; i++) {
                    const intptr_t b = back ? q->kernel[1] - 1 - i : i;
                    const intptr_t z = place(q, back, 0, a, &f[0]), y = place(q, back, 1, b, &f[1]);
                    if (f[0] * p->apart[1] + f[1] != phase) continue;
                    p->line[n] = (r * p->lines[0] + z + p->lead[0]) * p->lines[1] + y + p->lead[1];
                    p->weight[n++] = ((r * q->kernel[0] + a) * q->kernel[1] + b) * q->kernel[2];
                }
    }
    p->rows_of[p->apart[0] * p->apart[1]] = n;
    n = 0;
    for (intptr_t phase = 0; phase < p->apart[2]; phase++) {
        p->columns_of[phase] = n;
        for (int i = 0; i < p->kernel; i++) {
            const int c = back ? p->kernel - 1 - i : i;
            p->at[n] = place(q, back, 2, c, &f[2]);
            if (f[2] == phase) p->column[n++] = c;
        }
    }
    p->columns_of[p->apart[2]] = n;
    const int k = p->kernel, near = q->dilation[1] == 1 && q->dilation[2] == 1 && q->kernel[1] == k
        && (back ? q->stride[1] == 1 && q->stride[2] == 1 : q->stride[1] == q->stride[2] && q->stride[2] <= 2);
    p->square = near && (k == 3 || (q->dtype == RT_f32 && (k == 5 || k == 7))) ? k : 0;
}

int rt_convolve_planes_takes(const rt_convolution *q, rt_convolve_kind kind)
{
    const int back = kind == RT_CONVOLVE_BACK;
    double taps = back ? (double)q->c_out : 1;
    if (q->c_in != 1 || q->groups < 2 || q->c_out > 4 || !kernels_of(q->dtype, 1)) return 0;
    for (int d = 0; d < 3; d++) {
        if (q->stride[d] > MOST_STRIDE || q->out[d] < 1 || q->in[d] < 1) return 0;
        taps *= (double)q->kernel[d];
    }
    if (taps > MOST_TAPS) return 0;
    double lines = back ? (double)q->c_out : 1;
    for (int d = 0; d < 2; d++)
        lines *= (double)q->in[d] + (double)q->out[d] * (double)q->stride[d] + 2 * (double)q->pad[d]
            + (double)q->dilation[d] * (double)q->kernel[d];
    return lines <= MOST_LINES;
}

typedef struct {
    const rt_convolution *q;
    const planes *p;
    const kernels *k;
    const char *x, *w, *bias;
    char *y;
    intptr_t item;
    int slopes;
    atomic_int failed;
} job;

/* Lanes of the block at `begin` that column `at` finds, and of results that are there. */
static uint32_t lanes_found(const job *j, intptr_t begin, intptr_t at)
{
    const planes *p = j->p;
    uint32_t bits = 0;
    for (int l = 0; l < j->k->lanes; l++) {
        const intptr_t from = (begin + l) * p->step[2] + at;
        if (from >= 0 && from < p->length && (!j->slopes || begin + l < p->out[2])) bits |= 1u << (p->step[2] == 2 ? 2 * l : l);
    }
    return bits;
}

/* Blocks of results.  The last one overlaps the one before, but not for the weight, whose sums take each result once. */
static void fill_blocks(const job *j, tables *t)
{
    const planes *p = j->p;
    const intptr_t lanes = j->k->lanes, width = (p->out[2] - 1) / p->apart[2] + 1;
    for (intptr_t b = 0; b < p->blocks; b++) {
        t->begin[b] = b * lanes + lanes > width && width >= lanes && !j->slopes ? width - lanes : b * lanes;
        t->partial[b] = j->slopes && t->begin[b] + lanes > p->out[2];
        for (int c = 0; c < p->kernel; c++) {
            const intptr_t first = t->begin[b] * p->step[2] + p->at[c], last = first + lanes * p->step[2] - 1;
            t->bits[b * p->kernel + c] = lanes_found(j, t->begin[b], p->at[c]);
            if (first < 0 || last >= p->length) t->partial[b] = 1;
        }
    }
}

/* A thread's tables, and `more` bytes behind them; NULL without memory. */
static char *take_tables(job *j, size_t more, tables *t)
{
    const planes *p = j->p;
    const size_t lines = (size_t)(p->planes * p->lines[0] * p->lines[1]), blocks = (size_t)p->blocks;
    const size_t bits = (blocks * (size_t)p->kernel * sizeof *t->bits + 7) & ~(size_t)7, zeros = (size_t)(p->length * j->item);
    char *s = rt_scratch_take(((zeros + 63) & ~(size_t)63) + ((more + 63) & ~(size_t)63) + lines * sizeof *t->line
                              + blocks * sizeof *t->begin + bits + blocks);
    if (!s) {
        atomic_store(&j->failed, 1);
        return NULL;
    }
    char *const behind = s;
    s += (more + 63) & ~(size_t)63;
    t->zeros = memset(s, 0, zeros);
    s += (zeros + 63) & ~(size_t)63;
    t->line = (const void **)s;
    t->begin = (intptr_t *)(t->line + lines);
    t->bits = (uint32_t *)(t->begin + blocks);
    t->partial = (char *)t->bits + bits;
    for (size_t i = 0; i < lines; i++) t->line[i] = t->zeros;
    fill_blocks(j, t);
    return behind;
}

/* Lines of the planes from x on; those outside are zeros already. */
static void fill_lines(const job *j, const tables *t, const char *x)
{
    const planes *p = j->p;
    for (intptr_t r = 0; r < p->planes; r++)
        for (intptr_t z = 0; z < p->in[0]; z++) {
            const intptr_t at = z + p->lead[0];
            if (at >= p->lines[0]) break;
            const void **to = t->line + (r * p->lines[0] + at) * p->lines[1] + p->lead[1];
            const char *from = x + (r * p->in[0] + z) * p->in[1] * p->length * j->item;
            const intptr_t n = p->in[1] < p->lines[1] - p->lead[1] ? p->in[1] : p->lines[1] - p->lead[1];
            for (intptr_t y = 0; y < n; y++) to[y] = from + y * p->length * j->item;
        }
}

/* ---- running ---------------------------------------------------------------------------- */

/* Planes begin .. end of (images, groups). */
static void run_planes(void *ctx, intptr_t begin, intptr_t end)
{
    job *j = ctx;
    const planes *p = j->p;
    const intptr_t from = p->planes * p->in[0] * p->in[1] * p->length * j->item, to = volume(p->out) * j->item;
    const intptr_t rows = j->q->c_out / p->planes, taps = volume(j->q->kernel) * p->planes * j->item;
    tables t;
    if (!take_tables(j, 0, &t)) return;
    for (intptr_t u = begin; u < end; u++) {
        fill_lines(j, &t, j->x + u * from);
        for (intptr_t r = 0; r < rows; r++) {
            const intptr_t channel = u % j->q->groups * rows + r;
            j->k->plane(p, &t, j->w + channel * taps, j->bias ? j->bias + channel * j->item : NULL, j->y + (u * rows + r) * to);
        }
    }
}

/* The weight of groups begin .. end, all images: a vector of sums for each tap, folded at the end. */
static void run_groups(void *ctx, intptr_t begin, intptr_t end)
{
    job *j = ctx;
    const rt_convolution *q = j->q;
    const intptr_t from = volume(q->in) * j->item, to = volume(q->out) * j->item, taps = volume(q->kernel) * j->item;
    const size_t sums = (size_t)(q->c_out * taps * j->k->lanes);
    tables t;
    char *sum = take_tables(j, sums, &t), *w = (char *)j->w;
    for (intptr_t g = begin; sum && g < end; g++) {
        memset(sum, 0, sums);
        for (intptr_t i = 0; i < q->n; i++) {
            fill_lines(j, &t, j->x + (i * q->groups + g) * from);
            for (intptr_t r = 0; r < q->c_out; r++)
                j->k->weight(j->p, &t, j->y + ((i * q->groups + g) * q->c_out + r) * to, sum + r * taps * j->k->lanes);
        }
        for (intptr_t r = 0; r < q->c_out; r++)
            j->k->fold(j->p, sum + r * taps * j->k->lanes, w + (g * q->c_out + r) * taps);
    }
}

int rt_convolve_planes(const rt_convolution *q, rt_convolve_kind kind, char *x, char *w, char *y, const char *bias)
{
    planes p;
    const int back = kind == RT_CONVOLVE_BACK;
    look(q, kind, &p);
    job j = {.q = q, .p = &p, .k = kernels_of(q->dtype, (p.out[2] - 1) / p.apart[2] + 1), .x = back ? y : x, .w = w, .bias = bias, .y = back ? x : y,
             .item = (intptr_t)rt_itemsize(q->dtype), .slopes = kind == RT_CONVOLVE_WEIGHT};
    p.blocks = ((p.out[2] - 1) / p.apart[2] + j.k->lanes) / j.k->lanes;
    const double work = (double)volume(q->out) * (double)(volume(q->kernel) + 4) * (double)q->c_out;
    const double each = j.slopes ? work * (double)q->n : work;
    const intptr_t grain = each > UNIT_WORK ? 1 : (intptr_t)(UNIT_WORK / each) + 1;
    if (j.slopes) rt_threads_for(q->groups, grain, run_groups, &j);
    else rt_threads_for(q->n * q->groups, grain, run_planes, &j);
    return atomic_load(&j.failed) ? -1 : 0;
}
