/* convolve_window: see its header.  A block of lines of the result sees a window of each image it touches, turned channels
 * last, with zeros around the image: then neither strides nor dilation nor the ends of lines cost anything.
 * Floor: backends.  Knows no Python. */
#include "backends/cpu/convolve_window.h"
#include <string.h>
#include "backends/cpu/gemm.h"

#define DEPTH 128               /* terms of a chain */
#define POSITIONS 192           /* of a block, about */
#define MOST_POSITIONS 512      /* where that lets lines share rows of a window */
#define MOST_WINDOW (1 << 18)   /* elements of a block's windows, about */

static inline intptr_t round_up(intptr_t n, intptr_t unit) { return rt_window_up(n, unit); }
static inline intptr_t least(intptr_t a, intptr_t b) { return rt_window_least(a, b); }
static intptr_t blocks_of(intptr_t n, intptr_t size) { return (n + size - 1) / size; }

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
#include "backends/cpu/convolve_window_body.h"

#pragma GCC target("avx512f,avx512vl,avx512dq,avx512bw")
#define VEC __m512
#define LANES 16
#define WIDE 4
#define LOAD _mm512_loadu_ps
#define STORE _mm512_storeu_ps
#define SPREAD _mm512_set1_ps
#define FMA _mm512_fmadd_ps
#define NAME(x) x##_avx512
#include "backends/cpu/convolve_window_body.h"
#pragma GCC pop_options

#pragma GCC push_options
#pragma GCC optimize("O3")
#pragma GCC target("avx2,fma")
/* The window of `lines` lines from `line` on, of one image and one plane of the result. */
static void look(const rt_window *g, intptr_t line, intptr_t lines, intptr_t left, const float *from, float *to)
{
    const rt_correlation *c = g->phase;
    const intptr_t image = line / (c->count[0] * c->count[1]), down = line % c->count[1];
    const intptr_t rows = lines ? (lines - 1) * g->apart + g->span[1] : 0, row = g->columns * g->pixel;
    const intptr_t before = left < 0 ? least(-left, g->columns) : 0, end = least(c->in[2] - left, g->columns);
    const intptr_t n = end > before ? end - before : 0;
    for (intptr_t a = 0; a < c->taps[0]; a++, to += (g->rows - rows) * row) {
        const intptr_t plane = line / c->count[1] % c->count[0] * c->step[0] + c->offset[0][a];
        const float *x = from + (image * c->channels * c->in[0] + plane) * c->in[1] * c->in[2];
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


void rt_window_settle(const rt_window *g, const rt_window_block *b, intptr_t r, intptr_t rows, intptr_t wide, float *y,
                      float *block, int home)
{
    const rt_correlation *c = g->phase;
    const int whole = c->y_step[1] == 1 && b->columns == c->y_length[2];
    for (intptr_t l = 0; l < b->lines;) {
        const intptr_t at = b->line + l, image = at / (c->count[0] * c->count[1]), o1 = at % c->count[1];
        const intptr_t o0 = at / c->count[1] % c->count[0], n = whole ? least(b->lines - l, c->count[1] - o1) : 1;
        float *place = y + (image * c->rows + r) * c->y_plane + b->left * c->y_step[2]
            + ((o0 * c->y_step[0] + c->y_at[0]) * c->y_length[1] + o1 * c->y_step[1] + c->y_at[1]) * c->y_length[2];
        if (home) turn_columns_f32(block + l * b->columns * wide, wide, rows, n * b->columns, place, c->y_plane);
        else turn_channels_f32(place, c->y_plane, rows, wide, n * b->columns, block + l * b->columns * wide, wide);
        l += n;
    }
}

void rt_window_turn(const float *from, intptr_t apart, intptr_t channels, intptr_t n, float *to, intptr_t wide)
{
    turn_channels_f32(from, apart, channels, wide, n, to, wide);
}

void rt_window_turn_back(const float *from, intptr_t wide, intptr_t channels, intptr_t n, float *to, intptr_t apart)
{
    turn_columns_f32(from, wide, channels, n, to, apart);
}
#pragma GCC pop_options

static const rt_window_kernels avx2 = {8, product_avx2}, avx512 = {16, product_avx512};
const rt_window_kernels *rt_window_kernels_now(void)
{
    const char *name = rt_gemm_float_kernel();
    return !name ? NULL : strcmp(name, "AVX-512") == 0 ? &avx512 : &avx2;
}
#else
const rt_window_kernels *rt_window_kernels_now(void) { return NULL; }
static void look(const rt_window *g, intptr_t line, intptr_t lines, intptr_t left, const float *from, float *to) {}
void rt_window_settle(const rt_window *g, const rt_window_block *b, intptr_t r, intptr_t rows, intptr_t wide, float *y,
                      float *block, int home) {}
void rt_window_turn(const float *from, intptr_t apart, intptr_t channels, intptr_t n, float *to, intptr_t wide) {}
void rt_window_turn_back(const float *from, intptr_t wide, intptr_t channels, intptr_t n, float *to, intptr_t apart) {}
#endif

/* ---- geometry ------------------------------------------------------------------------------ */

static void span_taps(rt_window *g)
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
static void cut(rt_window *g)
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
    intptr_t high = POSITIONS / (g->wide * g->phases), enough = g->span[1] / g->apart + 1;   /* rows that lines share */
    if (high < enough) high = least(enough, MOST_POSITIONS / (g->wide * g->phases));
    high = least(high, MOST_WINDOW / (line ? line : 1));
    if (g->pieces > 1 || high < 1) high = 1;
    g->high = rt_gemm_even(g->lines, high, 1);
    g->rows = (least(g->high, c->count[1]) - 1) * g->apart + g->span[1];
    g->window = c->taps[0] * g->rows * g->columns * g->pixel;
    g->windows = round_up((blocks_of(g->high, c->count[1]) + 1) * g->window, 16);
    g->term_count = 0;
    for (intptr_t i = 0; i < g->phases; i++) {
        g->terms_at[i] = g->term_count;
        g->term_count += g->phase[i].k;
    }
}

int rt_window_frame(const rt_convolution *q, int back, intptr_t r0, intptr_t r1, rt_window *g)
{
    g->n = q->n;
    g->back = back;
    if (!back) {
        rt_correlation_forward(q, g->phase);
        g->phases = 1;
    } else {
        g->phases = least(q->stride[2], q->in[2]);
        for (intptr_t i = 0; i < g->phases; i++) rt_correlation_phase(q, (intptr_t[3]){r0, r1, i}, g->phase + i);
    }
    if (g->phases < 1) return 0;
    cut(g);
    return g->lines > 0 && g->across > 0;
}

intptr_t rt_window_block_count(const rt_window *g) { return blocks_of(g->lines, g->high) * g->pieces; }

rt_window_block rt_window_block_at(const rt_window *g, intptr_t i)
{
    const rt_correlation *c = g->phase;
    rt_window_block b = {.line = i / g->pieces * g->high, .left = i % g->pieces * g->wide};
    b.lines = least(g->high, g->lines - b.line);
    b.columns = least(g->wide * c->y_step[2], c->y_length[2] - b.left * c->y_step[2]);
    return b;
}

void rt_window_list_terms(const rt_window *g, int32_t *terms)
{
    for (intptr_t i = 0; i < g->phases; i++) {
        const rt_correlation *c = g->phase + i;
        int32_t *to = terms + g->terms_at[i];
        for (intptr_t n = 0; n < c->channels; n++)
            for (intptr_t a = 0; a < c->taps[0]; a++)
                for (intptr_t b = 0; b < c->taps[1]; b++)
                    for (intptr_t d = 0; d < c->taps[2]; d++)
                        *to++ = (int32_t)(((a * g->rows + c->offset[1][b] - g->first[1]) * g->columns + c->offset[2][d]
                                           - g->first[2]) * g->pixel + n);
    }
}

void rt_window_look(const rt_window *g, const rt_window_block *b, const float *x, float *to, int32_t *line_at)
{
    const rt_correlation *c = g->phase;
    float *window = to;
    for (intptr_t l = 0; l < b->lines; window += g->window) {
        const intptr_t n = least(b->lines - l, c->count[1] - (b->line + l) % c->count[1]);
        look(g, b->line + l, n, b->left * c->step[2] + g->first[2], x, window);
        for (intptr_t i = 0; i < n; i++) line_at[l++] = (int32_t)(window - to + i * g->apart * g->columns * g->pixel);
    }
}

intptr_t rt_window_list_positions(const rt_window *g, intptr_t phase, const rt_window_block *b, const int32_t *line_at,
                                  intptr_t wide, int32_t *from, int32_t *at)
{
    const rt_correlation *c = g->phase + phase;
    const intptr_t most = least(g->wide, c->count[2] - b->left);
    intptr_t n = 0;
    for (intptr_t l = 0; l < b->lines; l++)
        for (intptr_t m = 0; m < most; m++, n++) {
            from[n] = line_at[l] + (int32_t)(m * c->step[2] * g->pixel);
            at[n] = (int32_t)((l * b->columns + m * c->y_step[2] + c->y_at[2]) * wide);
        }
    return n;
}
