/* convolve_float: convolutions of float32 and float64 for processors with fused multiply-add.  Patches are packed
 * straight into the panels of a product, so that no columns are ever laid out; a transposed convolution is one
 * correlation for each phase of its stride; the gradient of the weight reads the image channels last.  Work is
 * cut over images, groups, positions and rows; the weight's sums over images are cut by the shape alone and added
 * in order.  Floor: backends.  Knows no Python. */
#include "backends/cpu/convolve_float.h"
#include <stdatomic.h>
#include <string.h>
#include "backends/cpu/convolve_correlation.h"
#include "backends/cpu/gemm.h"
#include "backends/cpu/scratch.h"
#include "backends/threads.h"

#define MAX_RUNS 256
#define TABLE 64                /* taps together, up to which their lanes are listed */
#define MAX_PHASES 64
#define PIECES 4                /* neighbourhoods in a vector; with more it is gathered */
#define DEPTH 128               /* of a panel: fits the first cache */
#define PANELS 4                /* a unit of work */
#define ROW_UNIT 64             /* rows of the weight a thread takes at once */
#define BAND_BYTES 24576        /* of the image that one sweep over the weight reads */
#define BAND_ROWS 64
#define MOST_CHUNKS 16
#define CHUNK_BYTES (8 << 20)   /* for the sums of all chunks */
#define MOST_IMAGE (64 << 20)   /* bytes of an image turned channels last */

/* A correlation, and how it is cut. */
typedef struct {
    rt_correlation of;
    intptr_t high, depth, groups, w_group;   /* rows of a tile; terms of a panel; elements of a group's packed weight */
} correlation;

/* One group of a weight's gradient; `run` neighbouring (tap, channel) are neighbours in the turned image. */
typedef struct {
    intptr_t channels, k, run, step, in[3], out[3], pad[3], space[3], stride[3], tap_at[MAX_RUNS];
    int padded;
} slopes;

#if defined __GNUC__ && !defined __clang__ && defined __x86_64__
#include <immintrin.h>

#pragma GCC push_options
#pragma GCC optimize("O3")
#pragma GCC target("avx2,fma")

#include "backends/cpu/convolve_turn.h"

static inline __m256i mask_f64(uint32_t bits)
{
    const __m256i lanes = _mm256_setr_epi64x(1, 2, 4, 8);
    return _mm256_cmpeq_epi64(_mm256_and_si256(_mm256_set1_epi64x(bits), lanes), lanes);
}

/* Four rows of eight floats become eight of four. */
static inline void turn_half_f32(const float *x, intptr_t from, float *out, intptr_t to) { turn_part_f32(x, from, 4, 8, out, to); }
#define turn_rows_f32_avx2 turn_half_f32
#define turn_rows_f32_avx512 turn_f32
#define turn_rows_f64_avx2 turn_f64
#define turn_rows_f64_avx512 turn_f64
#define turn_block_f32_avx2 turn_f32
#define turn_block_f32_avx512 turn_f32
#define turn_block_f64_avx2 turn_f64
#define turn_block_f64_avx512 turn_f64

#define REAL float
#define VEC __m256
#define BITS_T uint32_t
#define LANES 8
#define ROWS 4
#define TURN 8
#define TURN_ROWS 4
#define LOAD _mm256_loadu_ps
#define LOAD_BITS(p, bits) _mm256_maskload_ps(p, mask_f32(bits))
#define LOAD_LAST(p, bits) _mm256_loadu_ps(p)
#define STORE _mm256_storeu_ps
#define STORE_BITS(p, bits, v) _mm256_maskstore_ps(p, mask_f32(bits), v)
#define OR _mm256_or_ps
#define FMA _mm256_fmadd_ps
#define SPREAD _mm256_set1_ps
#define GATHER(p, index, bits) _mm256_mask_i32gather_ps(_mm256_setzero_ps(), p, \
    _mm256_loadu_si256((const __m256i *)(index)), (__m256)mask_f32(bits), 4)
#define NAME(x) x##_f32_avx2
#include "backends/cpu/convolve_float_body.h"

#define REAL double
#define VEC __m256d
#define BITS_T uint32_t
#define LANES 4
#define ROWS 4
#define TURN 4
#define TURN_ROWS 4
#define LOAD _mm256_loadu_pd
#define LOAD_BITS(p, bits) _mm256_maskload_pd(p, mask_f64(bits))
#define LOAD_LAST(p, bits) _mm256_loadu_pd(p)
#define STORE _mm256_storeu_pd
#define STORE_BITS(p, bits, v) _mm256_maskstore_pd(p, mask_f64(bits), v)
#define OR _mm256_or_pd
#define FMA _mm256_fmadd_pd
#define SPREAD _mm256_set1_pd
#define GATHER(p, index, bits) _mm256_mask_i32gather_pd(_mm256_setzero_pd(), p, \
    _mm_loadu_si128((const __m128i *)(index)), (__m256d)mask_f64(bits), 8)
#define NAME(x) x##_f64_avx2
#include "backends/cpu/convolve_float_body.h"

#pragma GCC target("avx512f,avx512vl,avx512dq,avx512bw")

#define REAL float
#define VEC __m512
#define BITS_T __mmask16
#define LANES 16
#define ROWS 8
#define TURN 8
#define TURN_ROWS 8
#define LOAD _mm512_loadu_ps
#define LOAD_BITS(p, bits) _mm512_maskz_loadu_ps((__mmask16)(bits), p)
#define LOAD_LAST LOAD_BITS
#define STORE _mm512_storeu_ps
#define STORE_BITS(p, bits, v) _mm512_mask_storeu_ps(p, (__mmask16)(bits), v)
#define OR _mm512_or_ps
#define FMA _mm512_fmadd_ps
#define SPREAD _mm512_set1_ps
#define GATHER(p, index, bits) _mm512_mask_i32gather_ps(_mm512_setzero_ps(), (__mmask16)(bits), _mm512_loadu_si512(index), p, 4)
#define NAME(x) x##_f32_avx512
#include "backends/cpu/convolve_float_body.h"

#define REAL double
#define VEC __m512d
#define BITS_T __mmask8
#define LANES 8
#define ROWS 8
#define TURN 4
#define TURN_ROWS 4
#define LOAD _mm512_loadu_pd
#define LOAD_BITS(p, bits) _mm512_maskz_loadu_pd((__mmask8)(bits), p)
#define LOAD_LAST LOAD_BITS
#define STORE _mm512_storeu_pd
#define STORE_BITS(p, bits, v) _mm512_mask_storeu_pd(p, (__mmask8)(bits), v)
#define OR _mm512_or_pd
#define FMA _mm512_fmadd_pd
#define SPREAD _mm512_set1_pd
#define GATHER(p, index, bits) _mm512_mask_i32gather_pd(_mm512_setzero_pd(), (__mmask8)(bits), \
    _mm256_loadu_si256((const __m256i *)(index)), p, 8)
#define NAME(x) x##_f64_avx512
#include "backends/cpu/convolve_float_body.h"
#pragma GCC pop_options

/* The kernels of one dtype behind pointers to char. */
typedef struct {
    int lanes, rows;
    void (*pack_weight)(const correlation *q, intptr_t block, const char *w, char *packed);
    void (*correlate)(const correlation *q, const char *x, const char *w, const char *bias, char *y, intptr_t begin,
                      intptr_t end, intptr_t first, intptr_t n, char *packed, char *results);
    void (*turn)(const slopes *q, const char *x, char *to);
    void (*add_image)(const slopes *q, const char *turned, const char *y, intptr_t begin, intptr_t end, char *sums, int add);
} kernels;

#define KERNELS(T, word, isa, lanes, rows) \
    static void call_pack_##word##_##isa(const correlation *q, intptr_t block, const char *w, char *packed) \
    { pack_weight_##word##_##isa(q, block, (const T *)w, (T *)packed); } \
    static void call_correlate_##word##_##isa(const correlation *q, const char *x, const char *w, const char *bias, char *y, \
                                              intptr_t begin, intptr_t end, intptr_t first, intptr_t n, char *packed, char *results) \
    { correlate_##word##_##isa(q, (const T *)x, (const T *)w, (const T *)bias, (T *)y, begin, end, first, n, (T *)packed, \
                               (T *)results); } \
    static void call_turn_##word##_##isa(const slopes *q, const char *x, char *to) \
    { turn_##word##_##isa(q, (const T *)x, (T *)to); } \
    static void call_add_##word##_##isa(const slopes *q, const char *turned, const char *y, intptr_t begin, intptr_t end, \
                                        char *sums, int add) \
    { add_image_##word##_##isa(q, (const T *)turned, (const T *)y, begin, end, (T *)sums, add); } \
    static const kernels word##_##isa = {lanes, rows, call_pack_##word##_##isa, call_correlate_##word##_##isa, \
                                         call_turn_##word##_##isa, call_add_##word##_##isa};
KERNELS(float, f32, avx2, 8, 4)
KERNELS(double, f64, avx2, 4, 4)
KERNELS(float, f32, avx512, 16, 8)
KERNELS(double, f64, avx512, 8, 8)

static const kernels *kernels_of(rt_dtype d)
{
    const char *name = rt_gemm_float_kernel();
    if (!name || (d != RT_f32 && d != RT_f64)) return NULL;
    const int wide = strcmp(name, "AVX-512") == 0;
    return d == RT_f32 ? wide ? &f32_avx512 : &f32_avx2 : wide ? &f64_avx512 : &f64_avx2;
}
#else
typedef struct {
    int lanes, rows;
    void (*pack_weight)(const correlation *q, intptr_t block, const char *w, char *packed);
    void (*correlate)(const correlation *q, const char *x, const char *w, const char *bias, char *y, intptr_t begin,
                      intptr_t end, intptr_t first, intptr_t n, char *packed, char *results);
    void (*turn)(const slopes *q, const char *x, char *to);
    void (*add_image)(const slopes *q, const char *turned, const char *y, intptr_t begin, intptr_t end, char *sums, int add);
} kernels;
static const kernels *kernels_of(rt_dtype d)
{
    (void)d;
    return NULL;
}
#endif

static intptr_t volume(const intptr_t *n) { return n[0] * n[1] * n[2]; }

/* ---- correlation ------------------------------------------------------------------------ */

static void cut_correlation(correlation *c, const kernels *k)
{
    c->high = rt_gemm_even(c->of.rows, k->rows, 1);
    c->depth = c->of.k ? rt_gemm_even(c->of.k, DEPTH, 1) : 1;
}

typedef struct {
    const correlation *c;
    const kernels *kernels;
    const char *x, *w, *bias;
    char *y, *packed;
    intptr_t item, planes, together, blocks, per, row_blocks, w_group;
    int direct;
    atomic_int failed;
} correlating;

static void pack_blocks(void *ctx, intptr_t begin, intptr_t end)
{
    const correlating *j = ctx;
    for (intptr_t u = begin; u < end; u++)
        j->kernels->pack_weight(j->c, u % j->row_blocks, j->w + u / j->row_blocks * j->w_group,
                                j->packed + u / j->row_blocks * j->c->w_group * j->item);
}

/* Units begin .. end of (planes, block of positions). */
static void correlate_units(void *ctx, intptr_t begin, intptr_t end)
{
    correlating *j = ctx;
    const correlation *c = j->c;
    const intptr_t positions = volume(c->of.count), wide = 3 * j->kernels->lanes;
    const size_t packed = ((size_t)(c->depth * wide * j->item) + 63) & ~(size_t)63;
    char *scratch = rt_scratch_take(packed + (j->direct ? 0 : (size_t)(c->of.rows * wide * j->item)));
    if (!scratch) {
        atomic_store(&j->failed, 1);
        return;
    }
    for (intptr_t u = begin; u < end; u++) {
        const intptr_t first = u % j->blocks * j->per, plane = u / j->blocks * j->together;
        j->kernels->correlate(c, j->x, j->packed, j->bias, j->y, plane,
                              j->planes - plane < j->together ? j->planes : plane + j->together, first,
                              positions - first < j->per ? positions - first : j->per, scratch, j->direct ? NULL : scratch + packed);
    }
}

static int run_correlation(const rt_convolution *q, correlation *c, const kernels *k, const char *x, const char *w,
                           const char *bias, char *y, char *space)
{
    const intptr_t item = (intptr_t)rt_itemsize(q->dtype), positions = volume(c->of.count);
    if (positions <= 0) return 0;
    correlating j = {.c = c, .kernels = k, .x = x, .w = w, .bias = bias, .y = y, .packed = space, .item = item,
                     .planes = q->n * q->groups};
    j.per = rt_gemm_even(positions, PANELS * 3 * k->lanes, 3 * k->lanes);
    j.blocks = (positions + j.per - 1) / j.per;
    j.row_blocks = (c->of.rows + c->high - 1) / c->high;
    c->groups = q->groups;
    c->w_group = j.row_blocks * c->high * c->of.k;
    j.w_group = q->c_in * q->c_out * volume(q->kernel) * item;
    j.direct = c->of.y_step[0] == 1 && c->of.y_step[1] == 1 && c->of.y_step[2] == 1;
    if (c->of.k) rt_threads_for(q->groups * j.row_blocks, 1 + 65536 / (c->high * c->of.k), pack_blocks, &j);
    const double work = (double)(j.per < positions ? j.per : positions) * (double)c->of.rows * (double)(c->of.k + 16);
    j.together = work > 1e6 ? 1 : (intptr_t)(1e6 / work) + 1;       /* small planes share what a panel looks like */
    rt_threads_for((j.planes + j.together - 1) / j.together * j.blocks, 1, correlate_units, &j);
    return atomic_load(&j.failed) ? -1 : 0;
}

static int run_phases(const rt_convolution *q, const kernels *k, const char *y, const char *w, const char *bias, char *x, char *space)
{
    correlation c = {0};
    intptr_t r[3];
    for (r[0] = 0; r[0] < q->stride[0] && r[0] < q->in[0]; r[0]++)
        for (r[1] = 0; r[1] < q->stride[1] && r[1] < q->in[1]; r[1]++)
            for (r[2] = 0; r[2] < q->stride[2] && r[2] < q->in[2]; r[2]++) {
                rt_correlation_phase(q, r, &c.of);
                cut_correlation(&c, k);
                if (run_correlation(q, &c, k, y, w, bias, x, space) < 0) return -1;
            }
    return 0;
}

/* ---- weight ------------------------------------------------------------------------------ */

static intptr_t chunks_of(const rt_convolution *q)
{
    const double bytes = (double)q->groups * (double)q->c_out * (double)q->c_in * (double)volume(q->kernel)
        * (double)rt_itemsize(q->dtype);
    intptr_t chunks = q->n < MOST_CHUNKS ? q->n : MOST_CHUNKS;
    while (chunks > 1 && (double)chunks * bytes > CHUNK_BYTES) chunks /= 2;
    return chunks;
}

static void make_slopes(const rt_convolution *q, slopes *s)
{
    const intptr_t c = q->c_in;
    const int joined = q->dilation[2] == 1 || q->kernel[2] == 1;
    intptr_t n = 0;
    s->channels = c;
    s->k = c * volume(q->kernel);
    s->run = joined ? c * q->kernel[2] : c;
    s->step = q->stride[2] * c;
    s->padded = 0;
    for (int d = 0; d < 3; d++) {
        s->in[d] = q->in[d];
        s->out[d] = q->out[d];
        s->pad[d] = q->pad[d];
        s->stride[d] = q->stride[d];
        s->space[d] = q->in[d] + 2 * q->pad[d];
        s->padded |= q->pad[d] > 0;
    }
    for (intptr_t a = 0; a < q->kernel[0]; a++)
        for (intptr_t b = 0; b < q->kernel[1]; b++)
            for (intptr_t e = 0; e < (joined ? 1 : q->kernel[2]) && n < MAX_RUNS; e++)
                s->tap_at[n++] = ((a * q->dilation[0] * s->space[1] + b * q->dilation[1]) * s->space[2] + e * q->dilation[2]) * c;
}

typedef struct {
    const rt_convolution *q;
    const slopes *s;
    const kernels *kernels;
    const char *x, *y;
    char *w, *sums;
    intptr_t item, chunks, row_units;
    atomic_int failed;
} weighing;

/* Units begin .. end of (chunk of images, group, rows). */
static void weigh_units(void *ctx, intptr_t begin, intptr_t end)
{
    weighing *j = ctx;
    const rt_convolution *q = j->q;
    const intptr_t image = j->s->space[0] * j->s->space[1] * j->s->space[2] * q->c_in, sums = q->c_out * j->s->k * j->item;
    const intptr_t x_step = q->c_in * volume(q->in) * j->item, y_step = q->c_out * volume(q->out) * j->item;
    char *turned = rt_scratch_take((size_t)((image + 16) * j->item));
    if (!turned) {
        atomic_store(&j->failed, 1);
        return;
    }
    memset(turned + image * j->item, 0, (size_t)(16 * j->item));
    for (intptr_t u = begin; u < end; u++) {
        const intptr_t rows = u % j->row_units * ROW_UNIT, g = u / j->row_units % q->groups, chunk = u / j->row_units / q->groups;
        const intptr_t from = chunk * q->n / j->chunks, to = (chunk + 1) * q->n / j->chunks;
        for (intptr_t i = from; i < to; i++) {
            j->kernels->turn(j->s, j->x + (i * q->groups + g) * x_step, turned);
            j->kernels->add_image(j->s, turned, j->y + (i * q->groups + g) * y_step, rows,
                                  rows + ROW_UNIT < q->c_out ? rows + ROW_UNIT : q->c_out,
                                  j->sums + (chunk * q->groups + g) * sums, i > from);
        }
    }
}

#define GATHER_SUMS(T) \
    static void gather_##T(const weighing *j, intptr_t row, const T *sums, T *w) \
    { \
        const intptr_t c = j->s->channels, taps = j->s->k / c, all = j->q->groups * j->q->c_out * j->s->k; \
        for (intptr_t i = 0; i < c; i++) \
            for (intptr_t t = 0; t < taps; t++) { \
                const T *at = sums + row * j->s->k + t * c + i; \
                T total = *at; \
                for (intptr_t n = 1; n < j->chunks; n++) total += at[n * all]; \
                w[(row * c + i) * taps + t] = total; \
            } \
    }
GATHER_SUMS(float)
GATHER_SUMS(double)

static void gather_rows(void *ctx, intptr_t begin, intptr_t end)
{
    const weighing *j = ctx;
    for (intptr_t row = begin; row < end; row++) {
        if (j->item == 4) gather_float(j, row, (const float *)j->sums, (float *)j->w);
        else gather_double(j, row, (const double *)j->sums, (double *)j->w);
    }
}

static int run_weight(const rt_convolution *q, const kernels *k, const char *x, const char *y, char *w, char *space)
{
    slopes s;
    make_slopes(q, &s);
    weighing j = {.q = q, .s = &s, .kernels = k, .x = x, .y = y, .w = w, .sums = space, .item = (intptr_t)rt_itemsize(q->dtype),
                  .chunks = chunks_of(q), .row_units = (q->c_out + ROW_UNIT - 1) / ROW_UNIT};
    const double work = (double)volume(q->out) * (double)s.k * (double)q->c_out * (double)q->n / (double)j.chunks;
    rt_threads_for(j.chunks * q->groups * j.row_units, work > 1e6 ? 1 : (intptr_t)(1e6 / work) + 1, weigh_units, &j);
    if (atomic_load(&j.failed)) return -1;
    rt_threads_for(q->groups * q->c_out, 1 + 65536 / (s.k * j.chunks), gather_rows, &j);
    return 0;
}

/* ---- the calls --------------------------------------------------------------------------- */

int rt_convolve_float_takes(const rt_convolution *q, rt_convolve_kind kind)
{
    const intptr_t limit = (intptr_t)1 << 30;
    double image = (double)q->c_in * (double)rt_itemsize(q->dtype);
    if (!kernels_of(q->dtype) || volume(q->in) >= limit || volume(q->out) >= limit) return 0;
    for (int d = 0; d < 3; d++) {
        if (q->kernel[d] > RT_MAX_TAPS || q->pad[d] >= limit || q->dilation[d] >= limit || q->stride[d] >= limit) return 0;
        image *= (double)(q->in[d] + 2 * q->pad[d]);
    }
    if (kind == RT_CONVOLVE_BACK)
        return (double)q->stride[0] * (double)q->stride[1] * (double)q->stride[2] <= MAX_PHASES;
    if (kind == RT_CONVOLVE_WEIGHT)
        return image <= MOST_IMAGE && q->kernel[0] * q->kernel[1] * (q->dilation[2] == 1 ? 1 : q->kernel[2]) <= MAX_RUNS;
    return 1;
}

intptr_t rt_convolve_float_workspace(const rt_convolution *q, rt_convolve_kind kind)
{
    const intptr_t rows = kind == RT_CONVOLVE_BACK ? q->c_in : q->c_out, room = rows + 8;    /* the last block may be short */
    intptr_t bytes = (intptr_t)rt_itemsize(q->dtype);
    const intptr_t factors[4] = {kind == RT_CONVOLVE_WEIGHT ? q->c_out * chunks_of(q) : room,
                                 kind == RT_CONVOLVE_BACK ? q->c_out : q->c_in, volume(q->kernel), q->groups};
    for (int i = 0; i < 4; i++) if (__builtin_mul_overflow(bytes, factors[i], &bytes)) return -1;
    return bytes;
}

int rt_convolve_float(const rt_convolution *q, rt_convolve_kind kind, const char *x, const char *w, const char *y,
                      const char *bias, char *result, char *space)
{
    const kernels *k = kernels_of(q->dtype);
    correlation c = {0};
    if (kind == RT_CONVOLVE_WEIGHT) return run_weight(q, k, x, y, result, space);
    if (kind == RT_CONVOLVE_BACK) return run_phases(q, k, y, w, bias, result, space);
    rt_correlation_forward(q, &c.of);
    cut_correlation(&c, k);
    return run_correlation(q, &c, k, x, w, bias, result, space);
}
