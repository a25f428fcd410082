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

/* The parts of a kind's runs between begin and end: returns how many. */
static inline int clip(const rt_window_runs *runs, int kind, intptr_t begin, intptr_t end, int32_t (*to)[2])
{
    int n = 0;
    for (int i = 0; i < runs->count[kind]; i++) {
        const int32_t *run = runs->run[kind][i];
        to[n][0] = run[0] > begin ? run[0] : (int32_t)begin;
        to[n][1] = run[1] < end ? run[1] : (int32_t)end;
        n += to[n][0] < to[n][1];
    }
    return n;
}

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

/* Where the term behind (channel n, tap t) of a weight lies, (tap, channel); both are moved on. */
static inline intptr_t next_term(intptr_t channels, intptr_t taps, intptr_t *n, intptr_t *t)
{
    const intptr_t at = *t * channels + *n;
    if (++*t == taps) *t = 0, ++*n;
    return at;
}

void rt_window_turn_terms(const float *w, intptr_t apart, intptr_t rows, intptr_t channels, intptr_t taps, float *to,
                          intptr_t between, intptr_t wide)
{
    intptr_t r = 0;
    for (; r + 8 <= rows; r += 8) {
        const float *s = w + r * apart;
        intptr_t n = 0, t = 0, i = 0;
        for (; i + 8 <= channels * taps; i += 8) {
            __m256 v[8];
            for (int k = 0; k < 8; k++) v[k] = _mm256_loadu_ps(s + k * apart + i);
            turn_rows_f32(v);
            for (int k = 0; k < 8; k++) _mm256_storeu_ps(to + next_term(between, taps, &n, &t) * wide + r, v[k]);
        }
        for (; i < channels * taps; i++) {
            float *out = to + next_term(between, taps, &n, &t) * wide + r;
            for (int k = 0; k < 8; k++) out[k] = s[k * apart + i];
        }
    }
    for (intptr_t n = 0, t = 0, i = 0; i < channels * taps && r < wide; i++) {
        float *out = to + next_term(between, taps, &n, &t) * wide;
        for (intptr_t k = r; k < wide; k++) out[k] = k < rows ? w[k * apart + i] : 0;
    }
}

void rt_window_turn_terms_back(const float *from, intptr_t between, intptr_t wide, intptr_t rows, intptr_t channels,
                               intptr_t taps, float *w, intptr_t apart)
{
    intptr_t r = 0;
    for (; r + 8 <= rows; r += 8) {
        float *out = w + r * apart;
        intptr_t n = 0, t = 0, i = 0;
        for (; i + 8 <= channels * taps; i += 8) {
            __m256 v[8];
            for (int k = 0; k < 8; k++) v[k] = _mm256_loadu_ps(from + next_term(between, taps, &n, &t) * wide + r);
            turn_rows_f32(v);
            for (int k = 0; k < 8; k++) _mm256_storeu_ps(out + k * apart + i, v[k]);
        }
        for (; i < channels * taps; i++) {
            const float *s = from + next_term(between, taps, &n, &t) * wide + r;
            for (int k = 0; k < 8; k++) out[k * apart + i] = s[k];
        }
    }
    for (intptr_t n = 0, t = 0, i = 0; i < channels * taps && r < rows; i++) {
        const float *s = from + next_term(between, taps, &n, &t) * wide;
        for (intptr_t k = r; k < rows; k++) w[k * apart + i] = s[k];
    }
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
void rt_window_turn_terms(const float *w, intptr_t apart, intptr_t rows, intptr_t channels, intptr_t taps, float *to,
                          intptr_t between, intptr_t wide) {}
void rt_window_turn_terms_back(const float *from, intptr_t between, intptr_t wide, intptr_t rows, intptr_t channels,
                               intptr_t taps, float *w, intptr_t apart) {}
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
        for (intptr_t a = 0; a < c->taps[0]; a++)
            for (intptr_t b = 0; b < c->taps[1]; b++)
                for (intptr_t d = 0; d < c->taps[2]; d++)
                    for (intptr_t n = 0; n < c->channels; n++)
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

/* ---- positions and what they see ----------------------------------------------------------- */

/* Taps of a position that lie inside the image, dimension by dimension. */
typedef struct { uint8_t first[3], end[3]; } box;

static void look_inside(const rt_correlation *c, int d, intptr_t o, box *of)
{
    intptr_t t = 0, at = o * c->step[d];
    while (t < c->taps[d] && (at + c->offset[d][t] < 0 || at + c->offset[d][t] >= c->in[d])) t++;
    of->first[d] = (uint8_t)t;
    while (t < c->taps[d] && at + c->offset[d][t] >= 0 && at + c->offset[d][t] < c->in[d]) t++;
    of->end[d] = (uint8_t)t;
}

static int is_same(const box *a, const box *b) { return memcmp(a, b, sizeof *a) == 0; }

static void join(box *a, const box *b)
{
    for (int d = 0; d < 3; d++) {
        if (b->first[d] < a->first[d]) a->first[d] = b->first[d];
        if (b->end[d] > a->end[d]) a->end[d] = b->end[d];
    }
}

static void begin_runs(rt_window_runs *runs, intptr_t k)
{
    runs->kinds = runs->count[0] = 1;
    runs->run[0][0][0] = 0;
    runs->run[0][0][1] = (int32_t)k;
}

/* One more run of the kind that is being made; 0: no room. */
static int add_run(rt_window_runs *runs, intptr_t begin, intptr_t end)
{
    int *n = &runs->count[runs->kinds];
    if (begin >= end) return 1;
    if (*n && runs->run[runs->kinds][*n - 1][1] == begin) {
        runs->run[runs->kinds][*n - 1][1] = (int32_t)end;
        return 1;
    }
    if (*n == RT_WINDOW_RUNS) return 0;
    runs->run[runs->kinds][*n][0] = (int32_t)begin;
    runs->run[runs->kinds][(*n)++][1] = (int32_t)end;
    return 1;
}

/* The kind of sums over the terms in a box. */
static int kind_of(const rt_correlation *c, const box *of, box *known, rt_window_runs *runs)
{
    for (int i = runs->kinds - 1; i > 0; i--)
        if (is_same(of, known + i)) return i;
    if (runs->kinds == RT_WINDOW_KINDS) return 0;
    runs->count[runs->kinds] = 0;
    for (intptr_t a = of->first[0]; a < of->end[0]; a++)
        for (intptr_t b = of->first[1]; b < of->end[1]; b++) {
            const intptr_t line = (a * c->taps[1] + b) * c->taps[2];
            if (!add_run(runs, (line + of->first[2]) * c->channels, (line + of->end[2]) * c->channels)) return 0;
        }
    known[runs->kinds] = *of;
    return runs->kinds++;
}

/* Of lines, those that see the same planes and rows of taps together, in each the positions that see the same columns. */
intptr_t rt_window_list_positions(const rt_window *g, intptr_t phase, const rt_window_block *b, const int32_t *line_at,
                                  intptr_t wide, int32_t *from, int32_t *at, rt_window_runs *runs)
{
    const rt_correlation *c = g->phase + phase;
    const intptr_t most = least(g->wide, c->count[2] - b->left);
    box line[MOST_POSITIONS] = {0}, column[POSITIONS] = {0}, known[RT_WINDOW_KINDS], tile = {0};
    uint8_t done[MOST_POSITIONS] = {0};
    intptr_t n = 0;
    begin_runs(runs, c->k);
    for (intptr_t l = 0; l < b->lines && !c->inside; l++) {
        look_inside(c, 0, (b->line + l) / c->count[1] % c->count[0], line + l);
        look_inside(c, 1, (b->line + l) % c->count[1], line + l);
    }
    for (intptr_t m = 0; m < most && !c->inside; m++) look_inside(c, 2, b->left + m, column + m);
    for (intptr_t l = 0; l < b->lines; l++) {
        if (done[l]) continue;
        for (intptr_t left = 0, right; left < most; left = right) {
            box now = line[l];
            now.first[2] = column[left].first[2];
            now.end[2] = column[left].end[2];
            for (right = left + 1; right < most && is_same(column + right, column + left); right++) {}
            if (n % 6) join(&tile, &now);
            for (intptr_t i = l; i < b->lines; i++) {
                if (!is_same(line + i, line + l)) continue;
                done[i] = 1;
                for (intptr_t m = left; m < right; m++, n++) {
                    if (n % 6 == 0) {
                        if (n) runs->kind[n / 6 - 1] = c->inside ? 0 : kind_of(c, &tile, known, runs);
                        tile = now;
                    }
                    from[n] = line_at[i] + (int32_t)(m * c->step[2] * g->pixel);
                    at[n] = (int32_t)((i * b->columns + m * c->y_step[2] + c->y_at[2]) * wide);
                }
            }
        }
    }
    if (n) runs->kind[(n - 1) / 6] = c->inside ? 0 : kind_of(c, &tile, known, runs);
    return n;
}

intptr_t rt_window_list_lines(const rt_window *g, const rt_window_block *b, const int32_t *line_at, int32_t *from,
                              rt_window_runs *runs)
{
    const rt_correlation *c = g->phase;
    const intptr_t most = least(g->wide, c->count[2] - b->left), rows = c->taps[0] * c->taps[1], row = c->taps[2] * c->channels;
    int kind[RT_WINDOW_KINDS] = {0};
    begin_runs(runs, b->lines * most);
    for (intptr_t i = 0; i < rows && rows < RT_WINDOW_KINDS && !c->inside; i++) {     /* a kind is a row of taps */
        int fits = 1;
        runs->count[runs->kinds] = 0;
        for (intptr_t l = 0; l < b->lines; l++) {
            box seen;
            look_inside(c, 0, (b->line + l) / c->count[1] % c->count[0], &seen);
            look_inside(c, 1, (b->line + l) % c->count[1], &seen);
            const int sees = seen.first[0] <= i / c->taps[1] && i / c->taps[1] < seen.end[0] && seen.first[1] <= i % c->taps[1]
                             && i % c->taps[1] < seen.end[1];
            if (sees) fits &= add_run(runs, l * most, (l + 1) * most);
        }
        if (fits) kind[i] = runs->kinds++;
    }
    for (intptr_t t = 0; t < c->k; t += 6) {
        const intptr_t i = t / row, last = least(t + 5, c->k - 1) / row;
        runs->kind[t / 6] = i == last && i < RT_WINDOW_KINDS ? kind[i] : 0;
    }
    for (intptr_t l = 0, n = 0; l < b->lines; l++)
        for (intptr_t m = 0; m < most; m++, n++) from[n] = line_at[l] + (int32_t)(m * c->step[2] * g->pixel);
    return b->lines * most;
}
