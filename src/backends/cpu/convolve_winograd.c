/* convolve_winograd: Winograd's F(4x4, 3x3) for float32: a tile of 6 x 6 inputs gives 4 x 4 results with 36
 * multiplications for each pair of channels instead of 144.  Points of interpolation are 0, 5/8, -5/8, 3/2, -3/2 and
 * infinity: with these the error is 1.4 to 2.8 times a plain sum's, with the usual 0, 1, -1, 2, -2 3.4 to 4.6 times
 * (Lavin, Gray: Fast algorithms for convolutional neural networks, 2016; Barabasz et al., 2020, for the points).
 * Work is cut over tiles and channels; the gradient's sums over tiles are cut by the shape alone and added in order.
 * Floor: backends.  Knows no Python. */
#include "backends/cpu/convolve_winograd.h"
#include <stdatomic.h>
#include <string.h>
#include "backends/cpu/gemm.h"
#include "backends/cpu/scratch.h"
#include "backends/threads.h"

#define A1 0.625f               /* the points, their squares, and the filters' factors */
#define B1 1.5f
#define A2 (A1 * A1)
#define B2 (B1 * B1)
#define NEAR (1 / (2 * A2 * (A2 - B2)))
#define FAR (1 / (2 * B2 * (B2 - A2)))
#define ROW_BLOCK 64            /* rows and channels whose transforms are in the second cache together */
#define CHANNEL_BLOCK 64
#define BLOCK 48                /* tiles of a block, about */
#define BLOCK_CHANNELS 1024     /* up to which it has so many */
#define MOST_CHANNELS 8192
#define WINDOW_LINES 4
#define KEPT_BYTES (2 << 20)    /* filters' transforms up to this are made once, larger ones where they are used */
#define GAP 16                  /* between points, so that they do not meet in one set of the cache */
#define MOST_CHUNKS 8

typedef struct { const float *data; intptr_t channels, height, width; } winograd_image;
/* Tiles: `lines` lines of all images from `line` on, `across` tiles of each from `column` on. */
typedef struct { intptr_t line, lines, column, across; } winograd_block;
typedef struct {
    winograd_image x, y;                    /* y: the results, or their gradient */
    const float *w, *bias;                  /* 9 neighbouring taps for a (row, channel) */
    intptr_t w_row, w_channel, pad[2], flip;
    intptr_t down, across, lines;           /* tiles of an image; lines of tiles of all images */
    intptr_t high, wide, pieces;            /* lines of a block, tiles of one of its lines, blocks along a line */
} winograd;

static inline intptr_t round_up(intptr_t n, intptr_t unit) { return (n + unit - 1) / unit * unit; }
static inline intptr_t least(intptr_t a, intptr_t b) { return a < b ? a : b; }
static intptr_t blocks_of(intptr_t n, intptr_t size) { return (n + size - 1) / size; }

typedef struct {
    intptr_t lanes;
    void (*tiles)(const winograd *q, const winograd_image *x, const winograd_block *b, intptr_t c, intptr_t channels, int halo,
                  float *to, intptr_t point, float *window);
    void (*filters)(const winograd *q, intptr_t r, intptr_t rows, intptr_t c, intptr_t channels, float *to, intptr_t point);
    int (*filters_back)(const winograd *q, intptr_t r, intptr_t rows, intptr_t c, intptr_t channels, const float *u,
                        intptr_t point, float *out);
    void (*product)(int turned, intptr_t n, intptr_t k, const float *a, intptr_t stride, const float *b, intptr_t wide, float *c,
                    int add);
    int (*results)(const winograd *q, const winograd_block *b, intptr_t r, intptr_t rows, const float *sums, intptr_t point,
                   float *window);
} kernels;

#if defined __GNUC__ && !defined __clang__ && defined __x86_64__
#pragma GCC push_options
#pragma GCC optimize("O3")
#pragma GCC target("avx2,fma")
#include "backends/cpu/convolve_turn.h"

#define VEC __m256
#define LANES 8
#define WIDE 2
#define LOAD _mm256_loadu_ps
#define STORE _mm256_storeu_ps
#define SPREAD _mm256_set1_ps
#define MUL _mm256_mul_ps
#define FMA _mm256_fmadd_ps
#define FNMA _mm256_fnmadd_ps
#define BAD(v) (_mm256_movemask_ps(_mm256_cmp_ps(v, _mm256_setzero_ps(), _CMP_NEQ_UQ)) != 0)
#define NAME(x) x##_avx2
#include "backends/cpu/convolve_winograd_body.h"

#pragma GCC target("avx512f,avx512vl,avx512dq,avx512bw")
#define VEC __m512
#define LANES 16
#define WIDE 4
#define LOAD _mm512_loadu_ps
#define STORE _mm512_storeu_ps
#define SPREAD _mm512_set1_ps
#define MUL _mm512_mul_ps
#define FMA _mm512_fmadd_ps
#define FNMA _mm512_fnmadd_ps
#define BAD(v) (_mm512_cmp_ps_mask(v, _mm512_setzero_ps(), _CMP_NEQ_UQ) != 0)
#define NAME(x) x##_avx512
#include "backends/cpu/convolve_winograd_body.h"
#pragma GCC pop_options

#define KERNELS(isa, lanes) {lanes, tiles_##isa, filters_##isa, filters_back_##isa, product_##isa, results_##isa}
static const kernels avx2 = KERNELS(avx2, 8), avx512 = KERNELS(avx512, 16);

static const kernels *chosen(void)
{
    const char *name = rt_gemm_float_kernel();
    return !name ? NULL : strcmp(name, "AVX-512") == 0 ? &avx512 : &avx2;
}
#else
static const kernels *chosen(void) { return NULL; }
#endif

/* ---- geometry ------------------------------------------------------------------------------ */

static void frame(const rt_convolution *q, rt_convolve_kind kind, winograd *g)
{
    const int back = kind == RT_CONVOLVE_BACK;
    const intptr_t *in = back ? q->out : q->in, *out = back ? q->in : q->out;
    g->x = (winograd_image){.channels = back ? q->c_out : q->c_in, .height = in[1], .width = in[2]};
    g->y = (winograd_image){.channels = back ? q->c_in : q->c_out, .height = out[1], .width = out[2]};
    g->flip = back;
    for (int d = 0; d < 2; d++) g->pad[d] = back ? 2 - q->pad[d + 1] : q->pad[d + 1];
    g->w_row = back ? 9 : 9 * q->c_in;
    g->w_channel = back ? 9 * q->c_in : 9;
    g->down = blocks_of(out[1], 4);
    g->across = blocks_of(out[2], 4);
    g->lines = q->n * g->down;
    const intptr_t block = g->x.channels <= BLOCK_CHANNELS ? BLOCK : BLOCK * BLOCK_CHANNELS / g->x.channels;
    g->wide = rt_gemm_even(g->across, block, 1);
    g->pieces = blocks_of(g->across, g->wide);
    g->high = g->pieces > 1 ? 1 : block / g->wide;
    g->high = rt_gemm_even(g->lines, g->high, 1);
}

static winograd_block block_of(const winograd *g, intptr_t i)
{
    winograd_block b = {.line = i / g->pieces * g->high, .column = i % g->pieces * g->wide};
    b.lines = least(g->high, g->lines - b.line);
    b.across = least(g->wide, g->across - b.column);
    return b;
}

/* Elements of a block's transform of `n` lanes for each of `count` tiles or channels, and from point to point. */
static intptr_t point_of(intptr_t count, intptr_t n, const kernels *k) { return round_up(count, 2) * round_up(n, k->lanes) + GAP; }

static intptr_t window_of(const winograd *g, const kernels *k)
{
    const intptr_t lines = least(WINDOW_LINES, least(g->high, g->down)), channels = round_up(CHANNEL_BLOCK, k->lanes);
    return (4 * lines + 2) * (4 * g->wide + 2) * channels;
}

/* ---- results ------------------------------------------------------------------------------- */

typedef struct {
    const winograd *g;
    const kernels *k;
    float *kept;                            /* all transformed filters, or NULL */
    intptr_t parts, blocks;
    atomic_int failed, odd;
} correlating;

static intptr_t filters_size(const kernels *k) { return 36 * point_of(CHANNEL_BLOCK, ROW_BLOCK, k); }

static void keep_filters(void *ctx, intptr_t begin, intptr_t end)
{
    const correlating *j = ctx;
    const winograd *g = j->g;
    const intptr_t channel_blocks = blocks_of(g->x.channels, CHANNEL_BLOCK);
    for (intptr_t u = begin; u < end; u++) {
        const intptr_t r = u / channel_blocks * ROW_BLOCK, c = u % channel_blocks * CHANNEL_BLOCK;
        const intptr_t rows = least(ROW_BLOCK, g->y.channels - r), channels = least(CHANNEL_BLOCK, g->x.channels - c);
        j->k->filters(g, r, rows, c, channels, j->kept + u * filters_size(j->k), point_of(channels, rows, j->k));
    }
}

/* Rows r .. r + ROW_BLOCK of the results of a block whose data are transformed. */
static void correlate_rows(correlating *j, const winograd_block *b, intptr_t r, const float *data, float *sums, float *filters,
                           float *window)
{
    const winograd *g = j->g;
    const intptr_t tiles = b->lines * b->across, rows = least(ROW_BLOCK, g->y.channels - r), wide = round_up(rows, j->k->lanes);
    const intptr_t channel_blocks = blocks_of(g->x.channels, CHANNEL_BLOCK), sums_point = point_of(tiles, rows, j->k);
    for (intptr_t i = 0; i < channel_blocks; i++) {
        const intptr_t c = i * CHANNEL_BLOCK, channels = least(CHANNEL_BLOCK, g->x.channels - c);
        const intptr_t data_point = point_of(tiles, channels, j->k), point = point_of(channels, rows, j->k);
        const float *u = filters;
        if (j->kept) u = j->kept + (r / ROW_BLOCK * channel_blocks + i) * filters_size(j->k);
        else j->k->filters(g, r, rows, c, channels, filters, point);
        for (int p = 0; p < 36; p++)
            j->k->product(0, round_up(tiles, 2), channels, data + p * data_point, round_up(channels, j->k->lanes), u + p * point,
                          wide, sums + p * sums_point, i > 0);
        data += 36 * data_point;
    }
    if (j->k->results(g, b, r, rows, sums, sums_point, window)) atomic_store_explicit(&j->odd, 1, memory_order_relaxed);
}

/* Units begin .. end of (block of tiles, part of the rows). */
static void correlate_units(void *ctx, intptr_t begin, intptr_t end)
{
    correlating *j = ctx;
    const winograd *g = j->g;
    const intptr_t most = g->high * g->wide, channel_blocks = blocks_of(g->x.channels, CHANNEL_BLOCK);
    const intptr_t data = channel_blocks * 36 * point_of(most, CHANNEL_BLOCK, j->k), sums = 36 * point_of(most, ROW_BLOCK, j->k);
    const intptr_t row_blocks = blocks_of(g->y.channels, ROW_BLOCK), filters = j->kept ? 0 : filters_size(j->k);
    float *space = (float *)rt_scratch_take((size_t)(data + sums + filters + window_of(g, j->k)) * sizeof(float));
    if (!space) {
        atomic_store(&j->failed, 1);
        return;
    }
    for (intptr_t u = begin; u < end; u++) {
        const winograd_block b = block_of(g, u / j->parts);
        const intptr_t part = u % j->parts;
        float *to = space, *window = space + data + sums + filters;
        for (intptr_t c = 0; c < g->x.channels; c += CHANNEL_BLOCK) {
            const intptr_t channels = least(CHANNEL_BLOCK, g->x.channels - c), point = point_of(b.lines * b.across, channels, j->k);
            j->k->tiles(g, &g->x, &b, c, channels, 1, to, point, window);
            to += 36 * point;
        }
        for (intptr_t r = part * row_blocks / j->parts; r < (part + 1) * row_blocks / j->parts; r++)
            correlate_rows(j, &b, r * ROW_BLOCK, space, space + data, space + data + sums, window);
    }
}

static intptr_t kept_bytes(const winograd *g, const kernels *k)
{
    const double bytes = (double)blocks_of(g->x.channels, CHANNEL_BLOCK) * (double)blocks_of(g->y.channels, ROW_BLOCK)
        * (double)filters_size(k) * sizeof(float);
    return bytes <= KEPT_BYTES ? (intptr_t)bytes : 0;
}

static int correlate(const winograd *g, const kernels *k, char *space)
{
    const intptr_t row_blocks = blocks_of(g->y.channels, ROW_BLOCK), threads = rt_threads_count();
    correlating j = {.g = g, .k = k, .kept = kept_bytes(g, k) ? (float *)space : NULL, .parts = 1,
                     .blocks = blocks_of(g->lines, g->high) * g->pieces};
    if (j.blocks < 2 * threads) j.parts = least(row_blocks, blocks_of(2 * threads, j.blocks));
    if (threads == 1) j.parts = 1;
    if (j.kept) rt_threads_for(blocks_of(g->x.channels, CHANNEL_BLOCK) * row_blocks, 1, keep_filters, &j);
    rt_threads_for(j.blocks * j.parts, 1, correlate_units, &j);
    return atomic_load(&j.failed) ? -1 : atomic_load(&j.odd);
}

/* ---- the filters' gradient ----------------------------------------------------------------- */

typedef struct {
    const winograd *g;
    const kernels *k;
    float *kept, *out;                      /* transforms of all chunks, when there are several */
    intptr_t blocks, chunks, row_blocks, channel_blocks;
    atomic_int failed, odd;
} weighing;

/* Chunks of tiles, so that there is work for some threads; depends on the shape alone. */
static intptr_t chunks_of(const winograd *g)
{
    const intptr_t units = blocks_of(g->x.channels, CHANNEL_BLOCK) * blocks_of(g->y.channels, ROW_BLOCK);
    const intptr_t blocks = blocks_of(g->lines, g->high) * g->pieces;
    return units >= MOST_CHUNKS ? 1 : least(blocks, MOST_CHUNKS / units);
}

static void weigh_chunk(weighing *j, intptr_t chunk, intptr_t r, intptr_t c, float *u, float *space)
{
    const winograd *g = j->g;
    const intptr_t rows = least(ROW_BLOCK, g->y.channels - r), channels = least(CHANNEL_BLOCK, g->x.channels - c);
    const intptr_t most = g->high * g->wide, high = round_up(channels, j->k->lanes), wide = round_up(rows, j->k->lanes);
    float *data = space, *slopes = data + 36 * point_of(most, CHANNEL_BLOCK, j->k);
    float *window = slopes + 36 * point_of(most, ROW_BLOCK, j->k);
    const intptr_t first = chunk * j->blocks / j->chunks, end = (chunk + 1) * j->blocks / j->chunks;
    for (intptr_t i = first; i < end; i++) {
        const winograd_block b = block_of(g, i);
        const intptr_t tiles = b.lines * b.across;
        const intptr_t data_point = point_of(tiles, channels, j->k), slopes_point = point_of(tiles, rows, j->k);
        j->k->tiles(g, &g->x, &b, c, channels, 1, data, data_point, window);
        j->k->tiles(g, &g->y, &b, r, rows, 0, slopes, slopes_point, window);
        for (int p = 0; p < 36; p++)
            j->k->product(1, high, tiles, data + p * data_point, high, slopes + p * slopes_point, wide,
                          u + p * point_of(high, rows, j->k), i > first);
    }
}

/* The filters of a block from its transforms, whose chunks are `step` apart. */
static void weigh_back(weighing *j, intptr_t r, intptr_t c, float *u, intptr_t step)
{
    const winograd *g = j->g;
    const intptr_t rows = least(ROW_BLOCK, g->y.channels - r), channels = least(CHANNEL_BLOCK, g->x.channels - c);
    const intptr_t point = point_of(round_up(channels, j->k->lanes), rows, j->k);
    for (intptr_t n = 1; n < j->chunks; n++)
        for (intptr_t p = 0; p < 36; p++)
            for (intptr_t i = p * point; i < (p + 1) * point - GAP; i++) u[i] += u[n * step + i];
    if (j->k->filters_back(g, r, rows, c, channels, u, point, j->out)) atomic_store_explicit(&j->odd, 1, memory_order_relaxed);
}

/* Units begin .. end of (chunk, block of rows, block of channels). */
static void weigh_units(void *ctx, intptr_t begin, intptr_t end)
{
    weighing *j = ctx;
    const winograd *g = j->g;
    const intptr_t most = g->high * g->wide, pairs = j->row_blocks * j->channel_blocks;
    const intptr_t room = 36 * (point_of(most, CHANNEL_BLOCK, j->k) + point_of(most, ROW_BLOCK, j->k)) + window_of(g, j->k);
    float *space = (float *)rt_scratch_take((size_t)(room + (j->chunks > 1 ? 0 : filters_size(j->k))) * sizeof(float));
    if (!space) {
        atomic_store(&j->failed, 1);
        return;
    }
    for (intptr_t unit = begin; unit < end; unit++) {
        const intptr_t r = unit % pairs / j->channel_blocks * ROW_BLOCK, c = unit % j->channel_blocks * CHANNEL_BLOCK;
        float *u = j->chunks > 1 ? j->kept + unit * filters_size(j->k) : space + room;
        weigh_chunk(j, unit / pairs, r, c, u, space);
        if (j->chunks == 1) weigh_back(j, r, c, u, 0);
    }
}

static void gather_units(void *ctx, intptr_t begin, intptr_t end)
{
    weighing *j = ctx;
    for (intptr_t u = begin; u < end; u++)
        weigh_back(j, u / j->channel_blocks * ROW_BLOCK, u % j->channel_blocks * CHANNEL_BLOCK, j->kept + u * filters_size(j->k),
                   j->row_blocks * j->channel_blocks * filters_size(j->k));
}

static int weigh(const winograd *g, const kernels *k, float *out, char *space)
{
    weighing j = {.g = g, .k = k, .kept = (float *)space, .out = out, .blocks = blocks_of(g->lines, g->high) * g->pieces,
                  .chunks = chunks_of(g), .row_blocks = blocks_of(g->y.channels, ROW_BLOCK),
                  .channel_blocks = blocks_of(g->x.channels, CHANNEL_BLOCK)};
    rt_threads_for(j.chunks * j.row_blocks * j.channel_blocks, 1, weigh_units, &j);
    if (atomic_load(&j.failed)) return -1;
    if (j.chunks > 1) rt_threads_for(j.row_blocks * j.channel_blocks, 1, gather_units, &j);
    return atomic_load(&j.odd);
}

/* ---- the calls ----------------------------------------------------------------------------- */

int rt_convolve_winograd_takes(const rt_convolution *q, rt_convolve_kind kind)
{
    if (q->dtype != RT_f32 || q->groups != 1 || !chosen() || q->in[0] != 1 || q->kernel[0] != 1) return 0;
    for (int d = 1; d < 3; d++)
        if (q->kernel[d] != 3 || q->stride[d] != 1 || q->dilation[d] != 1 || q->pad[d] > 2 || q->out[d] < 1) return 0;
    if (q->pad[0] != 0 || q->c_in < 16 || q->c_out < 16 || q->c_in > MOST_CHANNELS
        || q->c_out > MOST_CHANNELS) return 0;
    const intptr_t *out = kind == RT_CONVOLVE_BACK ? q->in : q->out;
    const double tiles = (double)blocks_of(out[1], 4) * (double)blocks_of(out[2], 4);
    return q->in[1] < (intptr_t)1 << 30 && q->in[2] < (intptr_t)1 << 30
        && 9.0 * (double)out[1] * (double)out[2] >= 2.0 * 36 * tiles;
}

intptr_t rt_convolve_winograd_workspace(const rt_convolution *q, rt_convolve_kind kind)
{
    winograd g = {0};
    const kernels *k = chosen();
    frame(q, kind, &g);
    if (kind != RT_CONVOLVE_WEIGHT) return kept_bytes(&g, k);
    const intptr_t chunks = chunks_of(&g);
    return chunks == 1 ? 0 : chunks * blocks_of(g.x.channels, CHANNEL_BLOCK) * blocks_of(g.y.channels, ROW_BLOCK)
        * filters_size(k) * (intptr_t)sizeof(float);
}

int rt_convolve_winograd(const rt_convolution *q, rt_convolve_kind kind, const char *x, const char *w, const char *y,
                         const char *bias, char *result, char *space)
{
    winograd g = {0};
    const kernels *k = chosen();
    frame(q, kind, &g);
    g.w = (const float *)w;
    g.bias = (const float *)bias;
    g.x.data = (const float *)(kind == RT_CONVOLVE_BACK ? y : x);
    g.y.data = (const float *)(kind == RT_CONVOLVE_BACK ? x : y);
    return kind == RT_CONVOLVE_WEIGHT ? weigh(&g, k, (float *)result, space) : correlate(&g, k, space);
}
