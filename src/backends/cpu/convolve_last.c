/* convolve_last: convolutions of float32, any taps, strides and dilations.  A block of lines of the result sees a window
 * of the image, turned channels last, with zeros around the image; positions are the rows of a register tile, channels
 * of the result its lanes, so that neither strides nor the ends of lines cost anything.
 *
 *   window[plane of taps][row][column][channel]     weights[block of rows][term][row]     out[line][column][row]
 *   term: (channel, taps); terms[p] is where it lies in the window, from a position's first pixel on
 *
 * A result is, for every DEPTH terms, one chain of fused multiply-adds, added up in order.  Floor: backends.
 * Knows no Python. */
#include "backends/cpu/convolve_last.h"
#include <stdatomic.h>
#include <string.h>
#include "backends/cpu/convolve_correlation.h"
#include "backends/cpu/gemm.h"
#include "backends/cpu/scratch.h"
#include "backends/threads.h"

#define ROW_BLOCK 64
#define DEPTH 128
#define POSITIONS 192           /* of a block, about */
#define LEAST_ROWS 16           /* fewer rows or terms: turning costs more than it saves */
#define LEAST_TERMS 64
#define MOST_CHANNELS 8192
#define MOST_TERMS (1 << 20)
#define PRODUCT_POSITIONS 64    /* convolutions with one tap have lines enough in larger images */
#define MOST_WINDOW (1 << 18)   /* elements of a block's windows, about */
#define MOST_PHASES 4           /* along a line */
#define TAPS 128                /* of a kernel that is turned on the way back */

static inline intptr_t round_up(intptr_t n, intptr_t unit) { return (n + unit - 1) / unit * unit; }
static inline intptr_t least(intptr_t a, intptr_t b) { return a < b ? a : b; }
static intptr_t blocks_of(intptr_t n, intptr_t size) { return (n + size - 1) / size; }

typedef struct {
    intptr_t lanes;
    void (*product)(intptr_t n, intptr_t k, const float *x, const int32_t *from, const int32_t *terms, const float *w,
                    intptr_t wide, float *to, const int32_t *at, const float *bias);
} kernels;

/* The phases of a line share everything but count[2], taps[2], offset[2] and tap[2]. */
typedef struct {
    rt_correlation phase[MOST_PHASES];
    intptr_t phases, n;
    int back;
    intptr_t first[3], span[3];             /* offset of the least tap; taps lie within so many pixels */
    intptr_t apart, pixel;                  /* rows of a window from line to line; elements of a pixel */
    intptr_t lines, high, across, wide, pieces;    /* lines of all images, of a block; positions of a line, of a block's */
    intptr_t rows, columns, window;         /* rows and columns of a window of `high` lines; its elements */
    intptr_t weight, weight_at[MOST_PHASES];       /* elements of a block of rows; of those before a phase */
    const kernels *k;
    const float *x, *w, *bias;
    float *y, *packed;
    int32_t *terms;
    intptr_t terms_at[MOST_PHASES], parts;
    atomic_int failed;
} last;

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
#define FMA _mm256_fmadd_ps
#define NAME(x) x##_avx2
#include "backends/cpu/convolve_last_body.h"

#pragma GCC target("avx512f,avx512vl,avx512dq,avx512bw")
#define VEC __m512
#define LANES 16
#define WIDE 4
#define LOAD _mm512_loadu_ps
#define STORE _mm512_storeu_ps
#define SPREAD _mm512_set1_ps
#define FMA _mm512_fmadd_ps
#define NAME(x) x##_avx512
#include "backends/cpu/convolve_last_body.h"
#pragma GCC pop_options

#pragma GCC push_options
#pragma GCC optimize("O3")
#pragma GCC target("avx2,fma")

/* Rows r .. r + rows of the result, to[term][wide]: terms lie in the weight in order. */
static void pack_forward(const last *g, intptr_t r, intptr_t rows, float *to)
{
    const rt_correlation *c = g->phase;
    const intptr_t wide = round_up(rows, g->k->lanes);
    const float *w = g->w + r * c->w_row;
    turn_columns_f32(w, c->w_row, c->k, rows, to, wide);
    for (intptr_t p = 0; p < c->k && rows < wide; p++) memset(to + p * wide + rows, 0, (size_t)(wide - rows) * sizeof(float));
}

/* The same of all phases of a line: the taps of a channel are turned, and each phase takes its own. */
static void pack_phases(const last *g, intptr_t r, intptr_t rows, float *to)
{
    const intptr_t wide = round_up(rows, g->k->lanes), taps = g->phase->w_row;
    float all[TAPS][ROW_BLOCK] __attribute__((aligned(64))) = {0};
    for (intptr_t n = 0; n < g->phase->channels; n++) {
        const float *w = g->w + r * taps + n * g->phase->w_channel;
        if (taps >= 4) turn_columns_f32(w, taps, taps, rows, all[0], ROW_BLOCK);
        else for (intptr_t t = 0; t < taps; t++)
            for (intptr_t i = 0; i < rows; i++) all[t][i] = w[i * taps + t];
        for (intptr_t i = 0; i < g->phases; i++) {
            const rt_correlation *c = g->phase + i;
            float *one = to + g->weight_at[i] + n * (c->k / c->channels) * wide;
            for (intptr_t a = 0; a < c->taps[0]; a++)
                for (intptr_t b = 0; b < c->taps[1]; b++)
                    for (intptr_t d = 0; d < c->taps[2]; d++, one += wide)
                        memcpy(one, all[c->tap[0][a] + c->tap[1][b] + c->tap[2][d]], (size_t)wide * sizeof(float));
        }
    }
}

/* The window of `lines` lines from `line` on, of one image and one plane of the result. */
static void look(const last *g, intptr_t line, intptr_t lines, intptr_t left, float *to)
{
    const rt_correlation *c = g->phase;
    const intptr_t image = line / (c->count[0] * c->count[1]), down = line % c->count[1];
    const intptr_t rows = lines ? (lines - 1) * g->apart + g->span[1] : 0, row = g->columns * g->pixel;
    const intptr_t before = left < 0 ? least(-left, g->columns) : 0, end = least(c->in[2] - left, g->columns);
    const intptr_t n = end > before ? end - before : 0;
    for (intptr_t a = 0; a < c->taps[0]; a++, to += (g->rows - rows) * row) {
        const intptr_t plane = line / c->count[1] % c->count[0] * c->step[0] + c->offset[0][a];
        const float *x = g->x + (image * c->channels * c->in[0] + plane) * c->in[1] * c->in[2];
        for (intptr_t i = 0; i < rows; i++, to += row) {
            const intptr_t at = (down + i / g->apart) * c->step[1] + i % g->apart + g->first[1];
            const int inside = plane >= 0 && plane < c->in[0] && at >= 0 && at < c->in[1];
            if (!inside || n == 0) {
                memset(to, 0, (size_t)row * sizeof(float));
                continue;
            }
            memset(to, 0, (size_t)(before * g->pixel) * sizeof(float));
            turn_channels_f32(x + at * c->in[2] + left + before, c->plane, c->channels, c->channels, n, to + before * g->pixel,
                              g->pixel);
            memset(to + (before + n) * g->pixel, 0, (size_t)((g->columns - before - n) * g->pixel) * sizeof(float));
        }
    }
}

/* Results of a block, `columns` of each line, to their places. */
static void settle(const last *g, intptr_t line, intptr_t lines, intptr_t left, intptr_t columns, intptr_t r, intptr_t rows,
                   const float *out)
{
    const rt_correlation *c = g->phase;
    const intptr_t wide = round_up(rows, g->k->lanes);
    for (intptr_t l = 0; l < lines;) {
        const intptr_t at = line + l, image = at / (c->count[0] * c->count[1]), o1 = at % c->count[1];
        const intptr_t o0 = at / c->count[1] % c->count[0];
        const int whole = c->y_step[1] == 1 && columns == c->y_length[2];
        const intptr_t n = whole ? least(lines - l, c->count[1] - o1) : 1;
        float *to = g->y + (image * c->rows + r) * c->y_plane
            + ((o0 * c->y_step[0] + c->y_at[0]) * c->y_length[1] + o1 * c->y_step[1] + c->y_at[1]) * c->y_length[2] + left;
        turn_columns_f32(out + l * columns * wide, wide, rows, n * columns, to, c->y_plane);
        l += n;
    }
}
#pragma GCC pop_options

static const kernels avx2 = {8, product_avx2}, avx512 = {16, product_avx512};
static const kernels *chosen(void)
{
    const char *name = rt_gemm_float_kernel();
    return !name ? NULL : strcmp(name, "AVX-512") == 0 ? &avx512 : &avx2;
}
#else
static const kernels *chosen(void) { return NULL; }
static void pack_forward(const last *g, intptr_t r, intptr_t rows, float *to) {}
static void pack_phases(const last *g, intptr_t r, intptr_t rows, float *to) {}
static void look(const last *g, intptr_t line, intptr_t lines, intptr_t left, float *to) {}
static void settle(const last *g, intptr_t line, intptr_t lines, intptr_t left, intptr_t columns, intptr_t r, intptr_t rows,
                   const float *out) {}
#endif

/* ---- geometry ------------------------------------------------------------------------------ */

static void span_taps(last *g)
{
    for (int d = 0; d < 3; d++) {
        intptr_t low = INTPTR_MAX, high = INTPTR_MIN;
        for (intptr_t i = 0; i < g->phases; i++)
            for (intptr_t t = 0; t < g->phase[i].taps[d]; t++) {
                const intptr_t at = g->phase[i].offset[d][t];
                if (at < low) low = at;
                if (at > high) high = at;
            }
        g->first[d] = high < low ? 0 : low;
        g->span[d] = high < low ? 0 : high - low + 1;
    }
}

/* How the call is cut; depends on the shape alone, but for the size of a batch. */
static void cut(last *g)
{
    const rt_correlation *c = g->phase;
    const intptr_t step = c->step[2];
    span_taps(g);
    g->pixel = c->channels < 32 ? c->channels : (round_up(c->channels, 16) / 16 | 1) * 16;
    g->apart = least(c->step[1], g->span[1] ? g->span[1] : 1);
    g->lines = g->n * c->count[0] * c->count[1];
    g->across = 0;
    for (intptr_t i = 0; i < g->phases; i++)
        if (g->phase[i].count[2] > g->across) g->across = g->phase[i].count[2];
    const intptr_t fit = MOST_WINDOW / (g->pixel * (c->taps[0] + 1) * (g->span[1] + 1) * step);
    g->wide = rt_gemm_even(g->across, fit < 12 ? 12 : least(fit, POSITIONS), 6);
    g->wide = least(g->wide, g->across);
    g->pieces = blocks_of(g->across, g->wide);
    g->columns = (g->wide - 1) * step + g->span[2];
    const intptr_t line = g->columns * g->pixel * (c->taps[0] + !c->taps[0]) * (g->apart + (g->span[1] - g->apart) / 4);
    intptr_t high = least(POSITIONS / (g->wide * g->phases), MOST_WINDOW / (line ? line : 1));
    if (g->pieces > 1 || high < 1) high = 1;
    g->high = rt_gemm_even(g->lines, high, 1);
    g->rows = (least(g->high, c->count[1]) - 1) * g->apart + g->span[1];
    g->window = c->taps[0] * g->rows * g->columns * g->pixel;
    g->weight = 0;
    intptr_t terms = 0;
    for (intptr_t i = 0; i < g->phases; i++) {
        g->weight_at[i] = g->weight;
        g->terms_at[i] = terms;
        g->weight += g->phase[i].k * ROW_BLOCK;
        terms += g->phase[i].k;
    }
}

/* The phases (r0, r1, *) of a transposed convolution, or the convolution itself; 0 when there is nothing to do. */
static int frame(const rt_convolution *q, rt_convolve_kind kind, intptr_t r0, intptr_t r1, last *g)
{
    g->n = q->n;
    g->back = kind == RT_CONVOLVE_BACK;
    if (kind == RT_CONVOLVE) {
        rt_correlation_forward(q, g->phase);
        g->phases = 1;
    } else {
        g->phases = least(q->stride[2], q->in[2]);
        for (intptr_t i = 0; i < g->phases; i++) rt_correlation_phase(q, (intptr_t[3]){r0, r1, i}, g->phase + i);
    }
    cut(g);
    return g->lines > 0 && g->across > 0;
}

static void list_terms(const last *g)
{
    for (intptr_t i = 0; i < g->phases; i++) {
        const rt_correlation *c = g->phase + i;
        int32_t *to = g->terms + g->terms_at[i];
        for (intptr_t n = 0; n < c->channels; n++)
            for (intptr_t a = 0; a < c->taps[0]; a++)
                for (intptr_t b = 0; b < c->taps[1]; b++)
                    for (intptr_t d = 0; d < c->taps[2]; d++)
                        *to++ = (int32_t)(((a * g->rows + c->offset[1][b] - g->first[1]) * g->columns + c->offset[2][d]
                                           - g->first[2]) * g->pixel + n);
    }
}

/* ---- running ------------------------------------------------------------------------------- */

static void pack_blocks(void *ctx, intptr_t begin, intptr_t end)
{
    const last *g = ctx;
    for (intptr_t u = begin; u < end; u++) {
        const intptr_t r = u * ROW_BLOCK;
        (g->back ? pack_phases : pack_forward)(g, r, least(ROW_BLOCK, g->phase->rows - r), g->packed + u * g->weight);
    }
}

/* Where the positions of a phase begin in the windows and in out; how many, made a multiple of six by positions that
 * are computed again, into the place behind the last. */
static intptr_t list_positions(const last *g, intptr_t i, const int32_t *line_at, intptr_t lines, intptr_t left, intptr_t columns,
                               intptr_t wide, int32_t *from, int32_t *at)
{
    const rt_correlation *c = g->phase + i;
    const intptr_t most = least(g->wide, c->count[2] - left);
    intptr_t n = 0;
    for (intptr_t l = 0; l < lines; l++)
        for (intptr_t m = 0; m < most; m++, n++) {
            from[n] = line_at[l] + (int32_t)(m * c->step[2] * g->pixel);
            at[n] = (int32_t)((l * columns + m * c->y_step[2] + c->y_at[2]) * wide);
        }
    for (; n && n % 6; n++) {
        from[n] = from[n - 1];
        at[n] = (int32_t)(lines * columns * wide);
    }
    return n;
}

/* Units begin .. end of (block of lines, piece of a line, part of the rows). */
static void run_units(void *ctx, intptr_t begin, intptr_t end)
{
    last *g = ctx;
    const rt_correlation *c = g->phase;
    const intptr_t s = c->y_step[2], positions = round_up(g->high * g->wide, 6), row_blocks = blocks_of(c->rows, ROW_BLOCK);
    /* lines of several images lie in a window each */
    const intptr_t windows = (blocks_of(g->high, c->count[1]) + 1) * g->window, out = (g->high * g->wide * s + 1) * ROW_BLOCK;
    float *space = (float *)rt_scratch_take((size_t)(windows + 16 + out + 2 * positions + g->high) * sizeof(float));
    if (!space) {
        atomic_store(&g->failed, 1);
        return;
    }
    float *to = space + round_up(windows, 16);
    int32_t *from = (int32_t *)(to + out), *at = from + positions, *line_at = at + positions;
    for (intptr_t u = begin; u < end; u++) {
        const intptr_t block = u / g->parts, part = u % g->parts, line = block / g->pieces * g->high;
        const intptr_t left = block % g->pieces * g->wide, lines = least(g->high, g->lines - line);
        const intptr_t columns = least(g->wide * s, c->y_length[2] - left * s);
        float *window = space;
        for (intptr_t l = 0; l < lines; window += g->window) {
            const intptr_t n = least(lines - l, c->count[1] - (line + l) % c->count[1]);
            look(g, line + l, n, left * c->step[2] + g->first[2], window);
            for (intptr_t i = 0; i < n; i++) line_at[l++] = (int32_t)(window - space + i * g->apart * g->columns * g->pixel);
        }
        for (intptr_t b = part * row_blocks / g->parts; b < (part + 1) * row_blocks / g->parts; b++) {
            const intptr_t r = b * ROW_BLOCK, rows = least(ROW_BLOCK, c->rows - r), wide = round_up(rows, g->k->lanes);
            float bias[ROW_BLOCK] = {0};
            if (g->bias) memcpy(bias, g->bias + r, (size_t)rows * sizeof(float));
            for (intptr_t i = 0; i < g->phases; i++) {
                const intptr_t n = list_positions(g, i, line_at, lines, left, columns, wide, from, at);
                g->k->product(n, g->phase[i].k, space, from, g->terms + g->terms_at[i], g->packed + b * g->weight + g->weight_at[i],
                              wide, to, at, bias);
            }
            settle(g, line, lines, left * s, columns, r, rows, to);
        }
    }
}

static int run(last *g)
{
    const intptr_t row_blocks = blocks_of(g->phase->rows, ROW_BLOCK), blocks = blocks_of(g->lines, g->high) * g->pieces;
    const intptr_t threads = rt_threads_count();
    g->parts = threads > 1 && blocks < 2 * threads ? least(row_blocks, blocks_of(2 * threads, blocks)) : 1;
    list_terms(g);
    rt_threads_for(row_blocks, 1 + 65536 / (g->weight + 1), pack_blocks, g);
    const double work = (double)g->high * (double)g->wide * (double)g->weight * (double)row_blocks / (double)g->parts;
    rt_threads_for(blocks * g->parts, work > 1e6 ? 1 : (intptr_t)(1e6 / (work + 1)) + 1, run_units, g);
    return atomic_load(&g->failed) ? -1 : 0;
}

/* ---- the calls ----------------------------------------------------------------------------- */

/* One tap, and every position of the image: a product of matrices. */
static int is_product(const rt_convolution *q)
{
    for (int d = 0; d < 3; d++) if (q->kernel[d] != 1 || q->stride[d] != 1 || q->pad[d] != 0) return 0;
    return 1;
}

int rt_convolve_last_takes(const rt_convolution *q, rt_convolve_kind kind)
{
    static const intptr_t limit = (intptr_t)1 << 24;
    last g = {0};
    if (q->dtype != RT_f32 || q->groups != 1 || kind == RT_CONVOLVE_WEIGHT || !(g.k = chosen())) return 0;
    if (kind == RT_CONVOLVE_BACK && (q->stride[2] > MOST_PHASES || q->kernel[0] * q->kernel[1] * q->kernel[2] > TAPS)) return 0;
    for (int d = 0; d < 3; d++)
        if (q->kernel[d] > RT_MAX_TAPS || q->pad[d] >= limit || q->dilation[d] >= limit || q->stride[d] >= limit
            || q->in[d] >= limit || q->out[d] >= limit) return 0;
    const intptr_t rows = kind == RT_CONVOLVE ? q->c_out : q->c_in, terms = (kind == RT_CONVOLVE ? q->c_in : q->c_out)
        * q->kernel[0] * q->kernel[1] * q->kernel[2] / (kind == RT_CONVOLVE ? 1 : q->stride[0] * q->stride[1] * q->stride[2]);
    if (rows < LEAST_ROWS || terms < LEAST_TERMS || rows > MOST_CHANNELS || terms > MOST_TERMS) return 0;
    if (is_product(q) && q->out[0] * q->out[1] * q->out[2] > PRODUCT_POSITIONS) return 0;
    return frame(q, kind, 0, 0, &g) && g.window < 4 * MOST_WINDOW;
}

intptr_t rt_convolve_last_workspace(const rt_convolution *q, rt_convolve_kind kind)
{
    const intptr_t rows = round_up(kind == RT_CONVOLVE ? q->c_out : q->c_in, ROW_BLOCK);
    const intptr_t terms = (kind == RT_CONVOLVE ? q->c_in : q->c_out) * q->kernel[0] * q->kernel[1] * q->kernel[2];
    return (rows + 1) * terms * (intptr_t)sizeof(float);
}

int rt_convolve_last(const rt_convolution *q, rt_convolve_kind kind, const char *x, const char *w, const char *bias, char *result,
                     char *space)
{
    const int back = kind == RT_CONVOLVE_BACK;
    const intptr_t rows = round_up(back ? q->c_in : q->c_out, ROW_BLOCK);
    const intptr_t terms = (back ? q->c_out : q->c_in) * q->kernel[0] * q->kernel[1] * q->kernel[2];
    last g = {.k = chosen(), .x = (const float *)x, .w = (const float *)w, .bias = (const float *)bias, .y = (float *)result,
              .packed = (float *)space, .terms = (int32_t *)((float *)space + rows * terms)};
    for (intptr_t r0 = 0; r0 < (back ? least(q->stride[0], q->in[0]) : 1); r0++)
        for (intptr_t r1 = 0; r1 < (back ? least(q->stride[1], q->in[1]) : 1); r1++)
            if (frame(q, kind, r0, r1, &g) && run(&g) < 0) return -1;
    return 0;
}
