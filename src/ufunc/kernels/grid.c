/* grid: the kernels of grid.h for one dtype.  Points go by chunks: where their taps lie and what these weigh is
 * found once for all channels, a dimension after the other; then rows of lanes are added up.  Products and sums
 * are rounded apart, so that the bits are those of every instruction set.  Floor: ufunc/kernels. */
#include <string.h>
#include "ufunc/kernels/vector.h"
#include "ufunc/kernels/grid.h"

enum { CHUNK = 64, MOST_TAPS = 16, MOST_LANES = 16 };
typedef element quad __attribute__((vector_size(4 * sizeof(element)), aligned(sizeof(element)), may_alias));

#if IS_F32
#define FLOOR __builtin_floorf
#define NEAREST __builtin_rintf
#define MAGNITUDE __builtin_fabsf
#define COPY RT_ISA_NAME(copy_4)
#else
#define FLOOR __builtin_floor
#define NEAREST __builtin_rint
#define MAGNITUDE __builtin_fabs
#define COPY RT_ISA_NAME(copy_8)
#endif

/* The taps of a chunk in one dimension: element offsets (-1: outside), weights, their derivatives by the position. */
typedef struct {
    int taps;
    int32_t at[4][CHUNK];
    element weight[4][CHUNK], slope[4][CHUNK];
} axis;

/* All taps of a chunk: rows of a block. */
typedef struct {
    int taps;
    int32_t at[MOST_TAPS][CHUNK];
    element weight[MOST_TAPS][CHUNK];
    element slope[3][MOST_TAPS][CHUNK];      /* by x, y and z: in the order of the grid's numbers */
} chunk;

/* ---- where points lie ---- */

/* Mirrored at the image's edges, as often as it takes. */
static void reflect(const rt_grid *q, intptr_t length, element *at, element *slope)
{
    const element low = q->align ? 0 : (element)-0.5, span = (element)(q->align ? length - 1 : length);
    for (int i = 0; i < CHUNK; i++) {
        const element far = MAGNITUDE(at[i] - low), flips = FLOOR(far / span), rest = far - flips * span;
        const int odd = flips - 2 * FLOOR(flips / 2) != 0, below = at[i] < low;
        at[i] = span == 0 ? 0 : (odd ? span - rest : rest) + low;
        slope[i] = span == 0 ? 0 : odd != below ? -slope[i] : slope[i];
    }
}

/* Moved to the border from outside; what is no number, to 0.  Nothing changes with a position there. */
static void clip(intptr_t length, element *at, element *slope)
{
    const element most = (element)(length - 1);
    for (int i = 0; i < CHUNK; i++) {
        slope[i] = (at[i] > 0) & (at[i] < most) ? slope[i] : 0;
        const element up = at[i] > 0 ? at[i] : 0;
        at[i] = up < most ? up : most;
    }
}

static void place(const rt_grid *q, intptr_t length, element *at, element *slope)
{
    if (q->padding == RT_GRID_REFLECTION) reflect(q, length, at, slope);
    if (q->padding != RT_GRID_ZEROS) clip(length, at, slope);
}

/* Tap t of whole positions `at`, `stride` elements apart. */
static void set_offsets(axis *a, int t, const element *at, intptr_t length, intptr_t stride)
{
    const element most = (element)(length - 1);
    for (int i = 0; i < CHUNK; i++) {
        const int inside = (at[i] >= 0) & (at[i] <= most);
        const int32_t here = (int32_t)(inside ? at[i] : 0) * (int32_t)stride;
        a->at[t][i] = inside ? here : -1;
    }
}

/* Keys' weights (Cubic convolution interpolation, 1981) with -3/4, of taps before and behind, and derivatives. */
ALWAYS element keys_near(element x) { return ((element)1.25 * x - (element)2.25) * x * x + 1; }
ALWAYS element keys_far(element x) { return (element)-0.75 * (((x - 5) * x + 8) * x - 4); }
ALWAYS element keys_near_slope(element x) { return ((element)3.75 * x - (element)4.5) * x; }
ALWAYS element keys_far_slope(element x) { return (element)-0.75 * ((3 * x - 10) * x + 8); }

static void set_cubic(const rt_grid *q, axis *a, intptr_t length, intptr_t stride, const element *at, const element *slope)
{
    for (int i = 0; i < CHUNK; i++) {
        const element right = at[i] - FLOOR(at[i]), left = 1 - right;
        a->weight[0][i] = keys_far(right + 1);
        a->weight[1][i] = keys_near(right);
        a->weight[2][i] = keys_near(left);
        a->weight[3][i] = keys_far(left + 1);
        a->slope[0][i] = slope[i] * keys_far_slope(right + 1);
        a->slope[1][i] = slope[i] * keys_near_slope(right);
        a->slope[2][i] = slope[i] * -keys_near_slope(left);
        a->slope[3][i] = slope[i] * -keys_far_slope(left + 1);
    }
    for (int t = 0; t < 4; t++) {
        element tap[CHUNK], unused[CHUNK] = {0};
        for (int i = 0; i < CHUNK; i++) tap[i] = FLOOR(at[i]) + (element)(t - 1);
        place(q, length, tap, unused);
        set_offsets(a, t, tap, length, stride);
    }
}

static void set_linear(axis *a, intptr_t length, intptr_t stride, element *at, const element *slope)
{
    for (int i = 0; i < CHUNK; i++) {
        const element low = FLOOR(at[i]), right = at[i] - low;
        a->weight[0][i] = 1 - right;
        a->weight[1][i] = right;
        a->slope[0][i] = -slope[i];
        a->slope[1][i] = slope[i];
        at[i] = low;
    }
    set_offsets(a, 0, at, length, stride);
    for (int i = 0; i < CHUNK; i++) at[i] += 1;
    set_offsets(a, 1, at, length, stride);
}

static void set_nearest(axis *a, intptr_t length, intptr_t stride, element *at)
{
    for (int i = 0; i < CHUNK; i++) {
        at[i] = NEAREST(at[i]);
        a->weight[0][i] = 1;
        a->slope[0][i] = 0;
    }
    set_offsets(a, 0, at, length, stride);
}

/* Dimension d, for which points have their number k. */
static void axis_set(const rt_grid *q, int d, intptr_t stride, const element *grid, int k, axis *a)
{
    const intptr_t length = q->lengths[d];
    const element scale = (element)(q->align ? length - 1 : length), shift = q->align ? 0 : 1;
    element at[CHUNK], slope[CHUNK];
    if (q->nd == 2) for (int i = 0; i < CHUNK; i++) at[i] = grid[i * 2 + k];
    else for (int i = 0; i < CHUNK; i++) at[i] = grid[i * 3 + k];
    for (int i = 0; i < CHUNK; i++) {
        at[i] = ((at[i] + 1) * scale - shift) / 2;
        slope[i] = scale / 2;
    }
    a->taps = q->mode == RT_GRID_CUBIC ? 4 : q->mode == RT_GRID_LINEAR ? 2 : 1;
    if (q->mode == RT_GRID_CUBIC) {
        set_cubic(q, a, length, stride, at, slope);
        return;
    }
    place(q, length, at, slope);
    if (q->mode == RT_GRID_LINEAR) set_linear(a, length, stride, at, slope);
    else set_nearest(a, length, stride, at);
}

static void axis_none(axis *a)
{
    a->taps = 1;
    for (int i = 0; i < CHUNK; i++) a->at[0][i] = 0, a->weight[0][i] = 1, a->slope[0][i] = 0;
}

/* Tap k of all: u of z, v of y, w of x. */
ALWAYS void set_tap(const rt_grid *q, chunk *c, int k, const axis *z, int u, const axis *y, int v, const axis *x, int w, int slopes)
{
    const int32_t outside = (int32_t)q->places;
    for (int i = 0; i < CHUNK; i++) {
        const int32_t a = z->at[u][i], b = y->at[v][i], e = x->at[w][i];
        c->at[k][i] = (a | b | e) < 0 ? outside : a + b + e;
        c->weight[k][i] = z->weight[u][i] * y->weight[v][i] * x->weight[w][i];
    }
    for (int i = 0; slopes && i < CHUNK; i++) {
        c->slope[0][k][i] = z->weight[u][i] * y->weight[v][i] * x->slope[w][i];
        c->slope[1][k][i] = z->weight[u][i] * y->slope[v][i] * x->weight[w][i];
        c->slope[2][k][i] = z->slope[u][i] * y->weight[v][i] * x->weight[w][i];
    }
}

/* Points begin .. begin + n; behind them the chunk is filled with others, of no meaning. */
static void chunk_set(const rt_grid *q, const element *grid, intptr_t begin, int n, chunk *c, int slopes)
{
    axis x, y, z;
    element last[CHUNK * 3];
    const element *from = grid + begin * q->nd;
    if (n < CHUNK) {
        memset(last, 0, sizeof last);
        from = memcpy(last, from, (size_t)(n * q->nd) * sizeof *last);
    }
    axis_set(q, 2, 1, from, 0, &x);
    axis_set(q, 1, q->lengths[2], from, 1, &y);
    if (q->nd == 3) axis_set(q, 0, q->lengths[2] * q->lengths[1], from, 2, &z);
    else axis_none(&z);
    c->taps = 0;
    for (int u = 0; u < z.taps; u++)
        for (int v = 0; v < y.taps; v++)
            for (int w = 0; w < x.taps; w++) {
                if (slopes) set_tap(q, c, c->taps++, &z, u, &y, v, &x, w, 1);
                else set_tap(q, c, c->taps++, &z, u, &y, v, &x, w, 0);
            }
}

/* ---- turned images ---- */

static void turn(const rt_grid *q, const char *planes, intptr_t channels, char *block, intptr_t begin, intptr_t end)
{
    const intptr_t item = sizeof(element), row = q->lanes * item;
    char *to = block + begin * row;
    if (channels < q->lanes) memset(to, 0, (size_t)((end - begin) * row));
    if (end == q->places) memset(block + end * row, 0, (size_t)row);
    COPY((rt_place){to, item, row}, (rt_place){(char *)planes + begin * item, q->places * item, item}, channels, end - begin);
}

static void turn_back(const rt_grid *q, const char *block, char *planes, intptr_t channels)
{
    const intptr_t item = sizeof(element), row = q->lanes * item;
    COPY((rt_place){planes, q->places * item, item}, (rt_place){(char *)block, item, row}, channels, q->places);
}

/* Rows of lanes for points begin .. begin + n of planes g, channels that are not there as zeros. */
static void tile_read(const rt_grid *q, const element *g, intptr_t channels, intptr_t begin, int n, element *tile)
{
    const intptr_t item = sizeof(element);
    if (channels < q->lanes) memset(tile, 0, (size_t)(n * q->lanes * item));
    COPY((rt_place){(char *)tile, item, q->lanes * item}, (rt_place){(char *)(g + begin), q->points * item, item}, channels, n);
}

static void tile_write(const rt_grid *q, const element *tile, element *out, intptr_t channels, intptr_t begin, int n)
{
    const intptr_t item = sizeof(element);
    COPY((rt_place){(char *)(out + begin), q->points * item, item}, (rt_place){(char *)tile, item, q->lanes * item}, channels, n);
}

static intptr_t channels_of(const rt_grid *q, intptr_t block)
{
    const intptr_t left = q->channels - block * q->lanes;
    return left < q->lanes ? left : q->lanes;
}

/* Elements from a block to the next. */
static intptr_t block_size(const rt_grid *q) { return q->lanes == 1 ? q->places : (q->places + 1) * q->lanes; }

static intptr_t blocks_of(const rt_grid *q) { return (q->channels + q->lanes - 1) / q->lanes; }

/* ---- rows added up ---- */

ALWAYS void take_rows(const chunk *c, const element *x, element *tile, int n, const int quads, const int taps)
{
    for (int i = 0; i < n; i++) {
        quad sum[4];
        const quad *first = (const quad *)(x + (intptr_t)c->at[0][i] * 4 * quads);
#pragma GCC unroll 4
        for (int j = 0; j < quads; j++) sum[j] = c->weight[0][i] * first[j];
        for (int k = 1; k < taps; k++) {
            const quad *row = (const quad *)(x + (intptr_t)c->at[k][i] * 4 * quads);
#pragma GCC unroll 4
            for (int j = 0; j < quads; j++) sum[j] += c->weight[k][i] * row[j];
        }
#pragma GCC unroll 4
        for (int j = 0; j < quads; j++) ((quad *)(tile + i * 4 * quads))[j] = sum[j];
    }
}

ALWAYS void take_lanes(const chunk *c, const element *x, element *tile, int n, const int quads)
{
    if (c->taps == 4) take_rows(c, x, tile, n, quads, 4);
    else take_rows(c, x, tile, n, quads, c->taps);
}

/* Elements of a plane, zeros outside. */
ALWAYS vec gather(const element *x, const int32_t *at, int32_t places)
{
#if defined(__AVX2__) && IS_F32
    const __m256i i = _mm256_loadu_si256((const __m256i *)at), keep = _mm256_cmpgt_epi32(_mm256_set1_epi32(places), i);
    return (vec)_mm256_mask_i32gather_ps(_mm256_setzero_ps(), x, i, _mm256_castsi256_ps(keep), 4);
#elif defined(__AVX2__)
    const __m128i i = _mm_loadu_si128((const __m128i *)at), keep = _mm_cmpgt_epi32(_mm_set1_epi32(places), i);
    return (vec)_mm256_mask_i32gather_pd(_mm256_setzero_pd(), x, i, _mm256_castsi256_pd(_mm256_cvtepi32_epi64(keep)), 8);
#else
    vec v = {0};
    for (int l = 0; l < LANES; l++) v[l] = at[l] < places ? x[at[l]] : 0;
    return v;
#endif
}

static void take_plane(const rt_grid *q, const chunk *c, const element *x, element *out, int n)
{
    element last[CHUNK], *to = n == CHUNK ? out : last;
    for (int i = 0; i < n; i += LANES) {
        vec sum = gather(x, c->at[0] + i, (int32_t)q->places);
        if (c->taps > 1) sum *= vector_load((const char *)(c->weight[0] + i));
        for (int k = 1; k < c->taps; k++)
            sum += vector_load((const char *)(c->weight[k] + i)) * gather(x, c->at[k] + i, (int32_t)q->places);
        vector_store((char *)(to + i), sum);
    }
    if (n < CHUNK) memcpy(out, last, (size_t)n * sizeof *out);
}

static void take(const rt_grid *q, const char *xp, const char *gridp, char *outp, intptr_t begin, intptr_t end)
{
    const intptr_t blocks = blocks_of(q);
    element *out = (element *)outp, tile[CHUNK * MOST_LANES];
    chunk c;
    for (intptr_t p = begin; p < end; p += CHUNK) {
        const int n = end - p < CHUNK ? (int)(end - p) : CHUNK;
        chunk_set(q, (const element *)gridp, p, n, &c, 0);
        for (intptr_t b = 0; b < blocks; b++) {
            const element *x = (const element *)xp + b * block_size(q);
            element *to = out + b * q->lanes * q->points;
            if (q->lanes == 1) {
                take_plane(q, &c, x, to + p, n);
                continue;
            }
            if (q->lanes == 4) take_lanes(&c, x, tile, n, 1);
            else if (q->lanes == 8) take_lanes(&c, x, tile, n, 2);
            else take_lanes(&c, x, tile, n, 4);
            tile_write(q, tile, to, channels_of(q, b), p, n);
        }
    }
}

ALWAYS void give_rows(const chunk *c, const element *tile, element *gx, int n, const int quads)
{
    for (int i = 0; i < n; i++) {
        const quad *g = (const quad *)(tile + i * 4 * quads);
        for (int k = 0; k < c->taps; k++) {
            quad *row = (quad *)(gx + (intptr_t)c->at[k][i] * 4 * quads);
#pragma GCC unroll 4
            for (int j = 0; j < quads; j++) row[j] += c->weight[k][i] * g[j];
        }
    }
}

static void give_plane(const rt_grid *q, const chunk *c, const element *g, element *gx, int n)
{
    const int32_t places = (int32_t)q->places;
    for (int i = 0; i < n; i++)
        for (int k = 0; k < c->taps; k++) {
            const int32_t keep = -(c->at[k][i] < places);
            const element v = c->weight[k][i] * g[i];
            gx[c->at[k][i] & keep] += keep ? v : 0;
        }
}

static void give(const rt_grid *q, const char *gridp, const char *gp, char *gxp, intptr_t begin, intptr_t end)
{
    element tile[CHUNK * MOST_LANES];
    chunk c;
    for (intptr_t p = 0; p < q->points; p += CHUNK) {
        const int n = q->points - p < CHUNK ? (int)(q->points - p) : CHUNK;
        chunk_set(q, (const element *)gridp, p, n, &c, 0);
        for (intptr_t b = begin; b < end; b++) {
            const element *g = (const element *)gp + b * q->lanes * q->points;
            element *gx = (element *)gxp + b * block_size(q);
            if (q->lanes == 1) {
                give_plane(q, &c, g + p, gx, n);
                continue;
            }
            tile_read(q, g, channels_of(q, b), p, n, tile);
            if (q->lanes == 4) give_rows(&c, tile, gx, n, 1);
            else if (q->lanes == 8) give_rows(&c, tile, gx, n, 2);
            else give_rows(&c, tile, gx, n, 4);
        }
    }
}

/* Adds to sums of point i, for each number of the grid, four lanes at a time. */
ALWAYS void slope_rows(const chunk *c, const element *x, const element *tile, quad (*sums)[CHUNK], int n, const int quads,
                       const int nd)
{
    for (int i = 0; i < n; i++) {
        const quad *g = (const quad *)(tile + i * 4 * quads);
        quad sum[3] = {sums[0][i], sums[1][i], sums[2][i]};
        for (int k = 0; k < c->taps; k++) {
            const quad *row = (const quad *)(x + (intptr_t)c->at[k][i] * 4 * quads);
            quad dot = row[0] * g[0];
#pragma GCC unroll 4
            for (int j = 1; j < quads; j++) dot += row[j] * g[j];
#pragma GCC unroll 3
            for (int d = 0; d < nd; d++) sum[d] += c->slope[d][k][i] * dot;
        }
#pragma GCC unroll 3
        for (int d = 0; d < nd; d++) sums[d][i] = sum[d];
    }
}

ALWAYS void slope_lanes(const chunk *c, const element *x, const element *tile, quad (*sums)[CHUNK], int n, const int quads, int nd)
{
    if (nd == 2) slope_rows(c, x, tile, sums, n, quads, 2);
    else slope_rows(c, x, tile, sums, n, quads, 3);
}

static void slope_plane(const rt_grid *q, const chunk *c, const element *x, const element *g, element (*sums)[CHUNK], int n)
{
    element last[CHUNK] = {0};
    if (n < CHUNK) g = memcpy(last, g, (size_t)n * sizeof *g);
    for (int i = 0; i < n; i += LANES) {
        const vec there = vector_load((const char *)(g + i));
        vec sum[3] = {{0}};
        for (int k = 0; k < c->taps; k++) {
            const vec v = gather(x, c->at[k] + i, (int32_t)q->places) * there;
            for (int d = 0; d < 3; d++) sum[d] += vector_load((const char *)(c->slope[d][k] + i)) * v;
        }
        for (int d = 0; d < 3; d++) {
            char *to = (char *)(sums[d] + i);
            vector_store(to, vector_load(to) + sum[d]);
        }
    }
}

static void slope(const rt_grid *q, const char *xp, const char *gridp, const char *gp, char *ggridp, intptr_t begin, intptr_t end)
{
    const intptr_t blocks = blocks_of(q);
    element *to = (element *)ggridp, tile[CHUNK * MOST_LANES];
    quad sums[3][CHUNK];
    element flat[3][CHUNK];
    chunk c;
    for (intptr_t p = begin; p < end; p += CHUNK) {
        const int n = end - p < CHUNK ? (int)(end - p) : CHUNK;
        chunk_set(q, (const element *)gridp, p, n, &c, 1);
        memset(sums, 0, sizeof sums);
        memset(flat, 0, sizeof flat);
        for (intptr_t b = 0; b < blocks; b++) {
            const element *x = (const element *)xp + b * block_size(q), *g = (const element *)gp + b * q->lanes * q->points;
            if (q->lanes == 1) {
                slope_plane(q, &c, x, g + p, flat, n);
                continue;
            }
            tile_read(q, g, channels_of(q, b), p, n, tile);
            if (q->lanes == 4) slope_lanes(&c, x, tile, sums, n, 1, q->nd);
            else if (q->lanes == 8) slope_lanes(&c, x, tile, sums, n, 2, q->nd);
            else slope_lanes(&c, x, tile, sums, n, 4, q->nd);
        }
        for (int i = 0; i < n; i++)
            for (int d = 0; d < q->nd; d++) {
                const quad s = sums[d][i];
                to[(p + i) * q->nd + d] = ((s[0] + s[1]) + (s[2] + s[3])) + flat[d][i];
            }
    }
}

const rt_grids SYMBOL(grids) = {turn, turn_back, take, give, slope};
