/* convolve_last: convolutions of float32, any taps, strides and dilations, over windows of the image turned channels
 * last (convolve_window.h): positions are the rows of a register tile, channels of the result its lanes.  The weight's
 * gradient is the same product with positions and terms exchanged; its sums over blocks are cut by the shape alone and
 * added in order.
 *
 *   weights[block of rows][term][row]    out[line][column][row]    sums[chunk][block of rows][term][row]
 *
 * A result is, for every 128 terms, one chain of fused multiply-adds, added up in order.  Floor: backends.
 * Knows no Python. */
#include "backends/cpu/convolve_last.h"
#include <stdatomic.h>
#include <string.h>
#include "backends/cpu/convolve_window.h"
#include "backends/cpu/scratch.h"
#include "backends/threads.h"

#define ROW_BLOCK RT_WINDOW_ROWS
#define TAPS 128                /* of a kernel that is turned on the way back */
#define AHEAD 8                 /* channels whose taps are asked for in advance */
#define LEAST_ROWS 16           /* fewer rows or terms: turning costs more than it saves */
#define LEAST_TERMS 64
#define MOST_CHANNELS 8192
#define MOST_TERMS (1 << 20)
#define MOST_WINDOW (1 << 20)   /* elements */
#define PRODUCT_POSITIONS 64    /* convolutions with one tap have lines enough in larger images */
#define MOST_CHUNKS 8
#define STRIP 16                /* channels whose terms are added up at once */
#define CHUNK_BYTES (8 << 20)   /* for the sums of all chunks */

static inline intptr_t round_up(intptr_t n, intptr_t unit) { return rt_window_up(n, unit); }
static inline intptr_t least(intptr_t a, intptr_t b) { return rt_window_least(a, b); }
static intptr_t blocks_of(intptr_t n, intptr_t size) { return (n + size - 1) / size; }

typedef struct {
    const rt_window *g;
    const float *x, *w, *bias;
    float *y, *packed;                      /* y: its gradient, for the weight's */
    int32_t *terms;
    intptr_t parts, chunks, item;           /* item: elements of a block of rows in packed */
    atomic_int failed;
} working;

/* ---- results ------------------------------------------------------------------------------- */

/* Rows r .. r + rows of the result, to[(tap, channel)][wide], from (channel, tap). */
static void pack_forward(const working *j, intptr_t r, intptr_t rows, float *to)
{
    const rt_correlation *c = j->g->phase;
    rt_window_turn_terms(j->w + r * c->w_row, c->w_row, rows, c->channels, c->w_channel, to, c->channels,
                         round_up(rows, j->g->kernels->lanes));
}

/* The same of all phases of a line: the taps of a channel are turned, and each phase takes its own. */
static void pack_phases(const working *j, intptr_t r, intptr_t rows, float *to)
{
    const rt_window *g = j->g;
    const intptr_t wide = round_up(rows, g->kernels->lanes), taps = g->phase->w_row;
    float all[TAPS][ROW_BLOCK] __attribute__((aligned(64))) = {0};
    for (intptr_t n = 0; n < g->phase->channels; n++) {
        const float *w = j->w + r * taps + n * g->phase->w_channel;
        for (intptr_t i = 0; i < rows * taps; i += 16) __builtin_prefetch(w + AHEAD * g->phase->w_channel + i);
        if (taps == 1) memcpy(all[0], w, (size_t)rows * sizeof(float));
        else if (taps >= 4) rt_window_turn(w, taps, rows, taps, all[0], ROW_BLOCK);
        else for (intptr_t t = 0; t < taps; t++)
            for (intptr_t i = 0; i < rows; i++) all[t][i] = w[i * taps + t];
        for (intptr_t i = 0; i < g->phases; i++) {
            const rt_correlation *c = g->phase + i;
            float *one = to + g->terms_at[i] * ROW_BLOCK + n * wide;
            for (intptr_t a = 0; a < c->taps[0]; a++)
                for (intptr_t b = 0; b < c->taps[1]; b++)
                    for (intptr_t d = 0; d < c->taps[2]; d++, one += c->channels * wide)
                        memcpy(one, all[c->tap[0][a] + c->tap[1][b] + c->tap[2][d]], (size_t)wide * sizeof(float));
        }
    }
}

static void pack_blocks(void *ctx, intptr_t begin, intptr_t end)
{
    const working *j = ctx;
    for (intptr_t u = begin; u < end; u++) {
        const intptr_t r = u * ROW_BLOCK;
        (j->g->back ? pack_phases : pack_forward)(j, r, least(ROW_BLOCK, j->g->phase->rows - r), j->packed + u * j->item);
    }
}

/* Units begin .. end of (block of lines, part of the rows). */
static void run_units(void *ctx, intptr_t begin, intptr_t end)
{
    working *j = ctx;
    const rt_window *g = j->g;
    const rt_correlation *c = g->phase;
    const intptr_t positions = round_up(g->high * g->wide, 6), row_blocks = blocks_of(c->rows, ROW_BLOCK);
    const intptr_t room = (g->high * g->wide * c->y_step[2] + 1) * ROW_BLOCK;
    float *window = (float *)rt_scratch_take((size_t)(g->windows + room + 3 * positions + g->high) * sizeof(float));
    if (!window) {
        atomic_store(&j->failed, 1);
        return;
    }
    float *out = window + g->windows;
    int32_t *from = (int32_t *)(out + room), *at = from + positions, *line_at = at + positions;
    rt_window_runs runs = {.kind = line_at + g->high};
    for (intptr_t u = begin; u < end; u++) {
        const rt_window_block b = rt_window_block_at(g, u / j->parts);
        const intptr_t part = u % j->parts;
        rt_window_look(g, &b, j->x, window, line_at);
        for (intptr_t i = part * row_blocks / j->parts; i < (part + 1) * row_blocks / j->parts; i++) {
            const intptr_t r = i * ROW_BLOCK, rows = least(ROW_BLOCK, c->rows - r), wide = round_up(rows, g->kernels->lanes);
            float bias[ROW_BLOCK] = {0};
            if (j->bias) memcpy(bias, j->bias + r, (size_t)rows * sizeof(float));
            for (intptr_t p = 0; p < g->phases; p++) {
                intptr_t n = rt_window_list_positions(g, p, &b, line_at, wide, from, at, &runs);
                for (; n && n % 6; n++) {   /* the last position again, to the place behind all others */
                    from[n] = from[n - 1];
                    at[n] = (int32_t)(b.lines * b.columns * wide);
                }
                g->kernels->product(n, g->phase[p].k, window, from, j->terms + g->terms_at[p],
                                    j->packed + i * j->item + g->terms_at[p] * ROW_BLOCK, wide, out, at, &runs, 0, bias);
            }
            rt_window_settle(g, &b, r, rows, wide, j->y, out, 1);
        }
    }
}

static int run(working *j)
{
    const rt_window *g = j->g;
    const intptr_t row_blocks = blocks_of(g->phase->rows, ROW_BLOCK), blocks = rt_window_block_count(g);
    const intptr_t threads = rt_threads_count();
    j->parts = threads > 1 && blocks < 2 * threads ? least(row_blocks, blocks_of(2 * threads, blocks)) : 1;
    j->item = g->term_count * ROW_BLOCK;
    rt_window_list_terms(g, j->terms);
    rt_threads_for(row_blocks, 1 + 65536 / (j->item + 1), pack_blocks, j);
    const double work = (double)g->high * (double)g->wide * (double)j->item * (double)row_blocks / (double)j->parts;
    rt_threads_for(blocks * j->parts, work > 1e6 ? 1 : (intptr_t)(1e6 / (work + 1)) + 1, run_units, j);
    return atomic_load(&j->failed) ? -1 : 0;
}

/* ---- the weight's gradient ----------------------------------------------------------------- */

/* Chunks of blocks, so that there is work for some threads; depends on the shape alone. */
static intptr_t chunks_of(const rt_window *g)
{
    const intptr_t row_blocks = blocks_of(g->phase->rows, ROW_BLOCK);
    intptr_t chunks = least(rt_window_block_count(g), MOST_CHUNKS / least(row_blocks, MOST_CHUNKS));
    while (chunks > 1 && (double)chunks * (double)row_blocks * (double)g->term_count * ROW_BLOCK * sizeof(float) > CHUNK_BYTES) chunks--;
    return chunks;
}

/* Units begin .. end of (chunk, part of the rows). */
static void weigh_units(void *ctx, intptr_t begin, intptr_t end)
{
    static const float zeros[ROW_BLOCK];
    working *j = ctx;
    const rt_window *g = j->g;
    const rt_correlation *c = g->phase;
    const intptr_t positions = g->high * g->wide, row_blocks = blocks_of(c->rows, ROW_BLOCK), n = round_up(c->k, 6);
    float *window = (float *)rt_scratch_take((size_t)(g->windows + positions * (ROW_BLOCK + 1) + g->high + 2 * n) * sizeof(float));
    if (!window) {
        atomic_store(&j->failed, 1);
        return;
    }
    float *slopes = window + g->windows;
    int32_t *from = (int32_t *)(slopes + positions * ROW_BLOCK), *line_at = from + positions, *at = line_at + g->high;
    rt_window_runs runs = {.kind = at + n};
    for (intptr_t u = begin; u < end; u++) {
        const intptr_t chunk = u / j->parts, part = u % j->parts, blocks = rt_window_block_count(g);
        const intptr_t first = chunk * blocks / j->chunks;
        for (intptr_t k = first; k < (chunk + 1) * blocks / j->chunks; k++) {
            const rt_window_block b = rt_window_block_at(g, k);
            rt_window_look(g, &b, j->x, window, line_at);
            const intptr_t seen = rt_window_list_lines(g, &b, line_at, from, &runs);
            for (intptr_t i = part * row_blocks / j->parts; i < (part + 1) * row_blocks / j->parts; i++) {
                const intptr_t r = i * ROW_BLOCK, rows = least(ROW_BLOCK, c->rows - r), wide = round_up(rows, g->kernels->lanes);
                for (intptr_t t = 0; t < n; t++) at[t] = (int32_t)(least(t, c->k) * wide);
                rt_window_settle(g, &b, r, rows, wide, j->y, slopes, 0);
                g->kernels->product(n, seen, window, j->terms, from, slopes, wide, j->packed + (chunk * row_blocks + i) * j->item, at,
                                    &runs, k > first, zeros);
            }
        }
    }
}

/* Units begin .. end of (block of rows, strip of channels): chunks added up, and turned to the weight. */
static void gather_units(void *ctx, intptr_t begin, intptr_t end)
{
    const working *j = ctx;
    const rt_correlation *c = j->g->phase;
    const intptr_t row_blocks = blocks_of(c->rows, ROW_BLOCK), strips = blocks_of(c->channels, STRIP), taps = c->w_channel;
    for (intptr_t u = begin; u < end; u++) {
        const intptr_t block = u / strips, n = u % strips * STRIP, channels = least(STRIP, c->channels - n);
        const intptr_t r = block * ROW_BLOCK, rows = least(ROW_BLOCK, c->rows - r), wide = round_up(rows, j->g->kernels->lanes);
        for (intptr_t t = 0; t < taps; t++) {
            float *sums = j->packed + block * j->item + (t * c->channels + n) * wide;
            for (intptr_t i = 1; i < j->chunks; i++)
                for (intptr_t e = 0; e < channels * wide; e++) sums[e] += sums[i * row_blocks * j->item + e];
        }
        rt_window_turn_terms_back(j->packed + block * j->item + n * wide, c->channels, wide, rows, channels, taps,
                                  (float *)j->w + r * c->k + n * taps, c->k);
    }
}

static int weigh(working *j)
{
    const rt_window *g = j->g;
    const intptr_t row_blocks = blocks_of(g->phase->rows, ROW_BLOCK), terms = g->phase->k, threads = rt_threads_count();
    j->chunks = chunks_of(g);
    j->item = (terms + 1) * ROW_BLOCK;
    j->parts = threads > 1 && j->chunks < 2 * threads ? least(row_blocks, blocks_of(2 * threads, j->chunks)) : 1;
    while (row_blocks % j->parts) j->parts++;       /* even ones: a chunk is long */
    rt_window_list_terms(g, j->terms);
    for (intptr_t t = terms; t < round_up(terms, 6); t++) j->terms[t] = j->terms[terms - 1];
    rt_threads_for(j->chunks * j->parts, 1, weigh_units, j);
    if (atomic_load(&j->failed)) return -1;
    rt_threads_for(row_blocks * blocks_of(g->phase->channels, STRIP), 1, gather_units, j);
    return 0;
}

/* ---- the calls ----------------------------------------------------------------------------- */

/* One tap over every position of the image, a line: a product of matrices. */
static int is_product(const rt_convolution *q)
{
    return q->out[0] == 1 && q->out[1] == 1 && q->kernel[2] == 1 && q->in[2] == q->out[2];
}

int rt_convolve_last_takes(const rt_convolution *q, rt_convolve_kind kind)
{
    static const intptr_t limit = (intptr_t)1 << 24;
    const int back = kind == RT_CONVOLVE_BACK;
    rt_window g = {0};
    if (q->dtype != RT_f32 || q->groups != 1 || !(g.kernels = rt_window_kernels_now())) return 0;
    if (back && (q->stride[2] > RT_WINDOW_PHASES || q->kernel[0] * q->kernel[1] * q->kernel[2] > TAPS)) return 0;
    for (int d = 0; d < 3; d++)
        if (q->kernel[d] > RT_MAX_TAPS || q->pad[d] >= limit || q->dilation[d] >= limit || q->stride[d] >= limit
            || q->in[d] >= limit || q->out[d] >= limit) return 0;
    const intptr_t rows = back ? q->c_in : q->c_out, terms = (back ? q->c_out : q->c_in) * q->kernel[0] * q->kernel[1] * q->kernel[2]
        / (back ? q->stride[0] * q->stride[1] * q->stride[2] : 1);
    if (rows < LEAST_ROWS || rows > MOST_CHANNELS || terms > MOST_TERMS) return 0;
    if (kind == RT_CONVOLVE_WEIGHT) {       /* the other way is good at long lines and runs of terms that fill vectors */
        const int runs = q->c_in * q->kernel[2] >= 16 || rows < 32, lines = q->out[2] >= 14 || q->c_in < 32;
        if (q->c_in < 128 && lines && runs) return 0;
    } else if (terms < LEAST_TERMS || (is_product(q) && q->out[2] > PRODUCT_POSITIONS)) {
        return 0;
    }
    return rt_window_frame(q, back, 0, 0, &g) && g.window < MOST_WINDOW;
}

/* Elements of the weights, or of the sums for their gradient, and of the terms behind them. */
static intptr_t packed_size(const rt_convolution *q, rt_convolve_kind kind, intptr_t *terms)
{
    rt_window g = {.kernels = rt_window_kernels_now()};
    const int back = kind == RT_CONVOLVE_BACK;
    *terms = (back ? q->c_out : q->c_in) * q->kernel[0] * q->kernel[1] * q->kernel[2] + 6;
    if (kind != RT_CONVOLVE_WEIGHT) return round_up(back ? q->c_in : q->c_out, ROW_BLOCK) * *terms;
    rt_window_frame(q, 0, 0, 0, &g);
    return round_up(q->c_out, ROW_BLOCK) * *terms * chunks_of(&g);
}

intptr_t rt_convolve_last_workspace(const rt_convolution *q, rt_convolve_kind kind)
{
    intptr_t terms;
    const intptr_t packed = packed_size(q, kind, &terms);
    return (packed + terms) * (intptr_t)sizeof(float);
}

int rt_convolve_last(const rt_convolution *q, rt_convolve_kind kind, const char *x, const char *w, const char *y,
                     const char *bias, char *space)
{
    const int back = kind == RT_CONVOLVE_BACK;
    intptr_t terms;
    rt_window g = {.kernels = rt_window_kernels_now()};
    working j = {.g = &g, .x = (const float *)(back ? y : x), .w = (const float *)w, .y = (float *)(back ? x : y),
                 .bias = (const float *)bias, .packed = (float *)space};
    j.terms = (int32_t *)(j.packed + packed_size(q, kind, &terms));
    if (kind == RT_CONVOLVE_WEIGHT) {
        rt_window_frame(q, 0, 0, 0, &g);
        return weigh(&j);
    }
    for (intptr_t r0 = 0; r0 < (back ? least(q->stride[0], q->in[0]) : 1); r0++)
        for (intptr_t r1 = 0; r1 < (back ? least(q->stride[1], q->in[1]) : 1); r1++)
            if (rt_window_frame(q, back, r0, r1, &g) && run(&j) < 0) return -1;
    return 0;
}
