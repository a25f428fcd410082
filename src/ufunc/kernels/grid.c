/* grid: the kernels of grid.h for one dtype.  Points go by chunks: where their taps lie and what these weigh is
 * found once for all channels, a dimension after the other; then rows of lanes are added up.  Products and sums
 * are rounded apart, so that the bits are those of every instruction set.  Floor: ufunc/kernels. */
#include <string.h>
#include "ufunc/kernels/vector.h"
#include "ufunc/kernels/grid.h"

enum { CHUNK = 64, MOST_TAPS = 16, MOST_LANES = 16 };
typedef element quad __attribute__((vector_size(4 * sizeof(element)), aligned(sizeof(element)), may_alias));

#if IS_F32
#define COPY RT_ISA_NAME(copy_4)
#else
#define COPY RT_ISA_NAME(copy_8)
#endif

typedef int32_t spots __attribute__((vector_size(LANES * sizeof(int32_t))));

/* The taps of a vector of points in one dimension: element offsets (-1: outside), weights, derivatives by the position. */
typedef struct { spots at[4]; vec weight[4], slope[4]; } axis;

/* All taps of a chunk: rows of a block, the last one or in planes the first for what lies outside. */
typedef struct {
    int taps;
    int32_t at[MOST_TAPS][CHUNK], inside[MOST_TAPS][CHUNK];      /* inside: -1 or 0 */
    element weight[MOST_TAPS][CHUNK];
    element slope[3][MOST_TAPS][CHUNK];      /* by x, y and z: in the order of the grid's numbers */
} chunk;

/* ---- where points lie ---- */

/* Mirrored at the image's edges, as often as it takes. */
ALWAYS void reflect(const rt_grid *q, intptr_t length, vec *at, vec *slope)
{
    const element low = q->align ? 0 : (element)-0.5, span = (element)(q->align ? length - 1 : length);
    const vec far = v_abs(*at - low), flips = v_floor(far / span), rest = far - flips * span;
    const mask odd = flips - 2 * v_floor(flips / 2) != 0, turned = odd ^ (*at < low);
    if (span == 0) {
        *at = *slope = splat(0);
        return;
    }
    *at = v_where(odd, span - rest, rest) + low;
    *slope = v_where(turned, -*slope, *slope);
}

/* Moved to the border from outside; what is no number, to 0.  Nothing changes with a position there. */
ALWAYS void clip(intptr_t length, vec *at, vec *slope)
{
    const vec most = splat((element)(length - 1));
    *slope = v_where((*at > 0) & (*at < most), *slope, splat(0));
    *at = v_below(v_above(*at, splat(0)), most);
}

ALWAYS void place(const rt_grid *q, intptr_t length, vec *at, vec *slope)
{
    if (q->padding == RT_GRID_REFLECTION) reflect(q, length, at, slope);
    if (q->padding != RT_GRID_ZEROS) clip(length, at, slope);
}

/* Offsets of whole positions, `stride` elements apart. */
ALWAYS spots offsets(vec at, intptr_t length, intptr_t stride)
{
    const mask inside = (at >= 0) & (at <= (element)(length - 1));
    const spots here = __builtin_convertvector(v_where(inside, at, splat(0)), spots) * (int32_t)stride;
    return here | __builtin_convertvector(~inside, spots);
}

/* Keys' weights (Cubic convolution interpolation, 1981) with -3/4, of taps before and behind, and derivatives. */
ALWAYS vec keys_near(vec x) { return ((element)1.25 * x - (element)2.25) * x * x + 1; }
ALWAYS vec keys_far(vec x) { return (element)-0.75 * (((x - 5) * x + 8) * x - 4); }
ALWAYS vec keys_near_slope(vec x) { return ((element)3.75 * x - (element)4.5) * x; }
ALWAYS vec keys_far_slope(vec x) { return (element)-0.75 * ((3 * x - 10) * x + 8); }

ALWAYS void set_cubic(const rt_grid *q, axis *a, intptr_t length, intptr_t stride, vec at, vec slope)
{
    const vec low = v_floor(at), right = at - low, left = 1 - right;
    a->weight[0] = keys_far(right + 1);
    a->weight[1] = keys_near(right);
    a->weight[2] = keys_near(left);
    a->weight[3] = keys_far(left + 1);
    a->slope[0] = slope * keys_far_slope(right + 1);
    a->slope[1] = slope * keys_near_slope(right);
    a->slope[2] = slope * -keys_near_slope(left);
    a->slope[3] = slope * -keys_far_slope(left + 1);
    for (int t = 0; t < 4; t++) {
        vec tap = low + (element)(t - 1), unused = splat(0);
        place(q, length, &tap, &unused);
        a->at[t] = offsets(tap, length, stride);
    }
}

ALWAYS void set_linear(axis *a, intptr_t length, intptr_t stride, vec at, vec slope)
{
    const vec low = v_floor(at), right = at - low;
    a->weight[0] = 1 - right;
    a->weight[1] = right;
    a->slope[0] = -slope;
    a->slope[1] = slope;
    a->at[0] = offsets(low, length, stride);
    a->at[1] = offsets(low + 1, length, stride);
}

/* Dimension d of points whose numbers for it are `at`. */
ALWAYS void axis_set(const rt_grid *q, const int taps, int d, intptr_t stride, vec at, axis *a)
{
    const intptr_t length = q->lengths[d];
    const element scale = (element)(q->align ? length - 1 : length), shift = q->align ? 0 : 1;
    vec slope = splat(scale / 2);
    at = ((at + 1) * scale - shift) / 2;
    if (taps == 4) {
        set_cubic(q, a, length, stride, at, slope);
        return;
    }
    place(q, length, &at, &slope);
    if (taps == 2) set_linear(a, length, stride, at, slope);
    else a->at[0] = offsets(v_rint(at), length, stride);
}

/* Tap k of all for the points from i on: u of z, v of y, w of x.  One tap a dimension weighs 1. */
ALWAYS void set_tap(const rt_grid *q, const int nd, const int taps, const int slopes, chunk *c, int k, int i, const axis *z, int u,
                    const axis *y, int v, const axis *x, int w)
{
    const spots at = nd == 3 ? z->at[u] + y->at[v] + x->at[w] : y->at[v] + x->at[w];
    const spots inside = (nd == 3 ? z->at[u] | y->at[v] | x->at[w] : y->at[v] | x->at[w]) >= 0;
    const spots to = (inside & at) | (~inside & (q->lanes == 1 ? 0 : (int32_t)q->places));
    memcpy(c->at[k] + i, &to, sizeof to);
    memcpy(c->inside[k] + i, &inside, sizeof inside);
    if (taps == 1) return;
    const vec zy = nd == 3 ? z->weight[u] * y->weight[v] : y->weight[v];
    vector_store((char *)(c->weight[k] + i), zy * x->weight[w]);
    if (!slopes) return;
    vector_store((char *)(c->slope[0][k] + i), zy * x->slope[w]);
    vector_store((char *)(c->slope[1][k] + i), (nd == 3 ? z->weight[u] * y->slope[v] : y->slope[v]) * x->weight[w]);
    if (nd == 3) vector_store((char *)(c->slope[2][k] + i), z->slope[u] * y->weight[v] * x->weight[w]);
}

/* The taps of a chunk; nd, taps of a dimension and whether slopes are wanted are constants at each call. */
ALWAYS void chunk_find(const rt_grid *given, const int nd, const int taps, const int slopes, const element *from, chunk *c)
{
    const rt_grid copy = *given, *const q = &copy;       /* no store to the chunk changes it */
    element at[3][CHUNK];
    for (int i = 0; i < CHUNK; i++)
        for (int d = 0; d < nd; d++) at[d][i] = from[i * nd + d];
    for (int i = 0; i < CHUNK; i += LANES) {
        axis x, y, z;
        axis_set(q, taps, 2, 1, vector_load((const char *)(at[0] + i)), &x);
        axis_set(q, taps, 1, q->lengths[2], vector_load((const char *)(at[1] + i)), &y);
        if (nd == 3) axis_set(q, taps, 0, q->lengths[2] * q->lengths[1], vector_load((const char *)(at[2] + i)), &z);
        for (int u = 0; u < (nd == 3 ? taps : 1); u++)
            _Pragma("GCC unroll 4") for (int v = 0; v < taps; v++)
                _Pragma("GCC unroll 4") for (int w = 0; w < taps; w++)
                    set_tap(q, nd, taps, slopes, c, (u * taps + v) * taps + w, i, &z, u, &y, v, &x, w);
    }
    c->taps = nd == 3 ? taps * taps * taps : taps * taps;
}

/* Points begin .. begin + n; behind them the chunk is filled with others, of no meaning. */
static void chunk_set(const rt_grid *q, const element *grid, intptr_t begin, int n, chunk *c, int slopes)
{
    element last[CHUNK * 3];
    const element *from = grid + begin * q->nd;
    if (n < CHUNK) {
        memset(last, 0, sizeof last);
        from = memcpy(last, from, (size_t)(n * q->nd) * sizeof *last);
    }
    if (q->mode == RT_GRID_CUBIC) slopes ? chunk_find(q, 2, 4, 1, from, c) : chunk_find(q, 2, 4, 0, from, c);
    else if (q->mode == RT_GRID_NEAREST) q->nd == 2 ? chunk_find(q, 2, 1, 0, from, c) : chunk_find(q, 3, 1, 0, from, c);
    else if (q->nd == 3) slopes ? chunk_find(q, 3, 2, 1, from, c) : chunk_find(q, 3, 2, 0, from, c);
    else slopes ? chunk_find(q, 2, 2, 1, from, c) : chunk_find(q, 2, 2, 0, from, c);
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

/* All ones where tap k of points i .. is inside. */
ALWAYS mask inside(const chunk *c, int k, int i)
{
    spots m;
    memcpy(&m, c->inside[k] + i, sizeof m);
    return __builtin_convertvector(m, mask);
}

/* Elements of a plane under tap k of points i .., zeros outside.  Single loads are faster than gather instructions. */
ALWAYS vec gather(const chunk *c, int k, int i, const element *x)
{
    const int32_t *at = c->at[k] + i;
#if defined(__AVX2__) && IS_F32
    const vec v = {x[at[0]], x[at[1]], x[at[2]], x[at[3]], x[at[4]], x[at[5]], x[at[6]], x[at[7]]};
#elif defined(__AVX2__) || IS_F32
    const vec v = {x[at[0]], x[at[1]], x[at[2]], x[at[3]]};
#else
    const vec v = {x[at[0]], x[at[1]]};
#endif
    return (vec)((mask)v & inside(c, k, i));
}

ALWAYS void take_plane(const chunk *c, const element *x, element *out, int n, const int taps)
{
    element last[CHUNK], *to = n == CHUNK ? out : last;
    for (int i = 0; i < n; i += LANES) {
        vec sum = gather(c, 0, i, x);
        if (taps > 1) sum *= vector_load((const char *)(c->weight[0] + i));
        for (int k = 1; k < taps; k++)
            sum += vector_load((const char *)(c->weight[k] + i)) * gather(c, k, i, x);
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
                if (c.taps == 1) take_plane(&c, x, to + p, n, 1);
                else if (c.taps == 4) take_plane(&c, x, to + p, n, 4);
                else take_plane(&c, x, to + p, n, c.taps);
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

/* Adds g to a plane.  What lies outside adds zeros to the first element; one tap weighs 1. */
ALWAYS void give_plane(const chunk *c, const element *g, element *gx, int n, const int taps)
{
    element v[MOST_TAPS][LANES], last[CHUNK] = {0};
    if (n < CHUNK) g = memcpy(last, g, (size_t)n * sizeof *g);
    for (int i = 0; i < n; i += LANES) {
        const vec there = vector_load((const char *)(g + i));
        for (int k = 0; k < taps; k++) {
            const vec w = taps == 1 ? there : there * vector_load((const char *)(c->weight[k] + i));
            vector_store((char *)v[k], (vec)((mask)w & inside(c, k, i)));
        }
        for (int l = 0; l < LANES && l < n - i; l++)
            for (int k = 0; k < taps; k++) gx[c->at[k][i + l]] += v[k][l];
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
                if (c.taps == 1) give_plane(&c, g + p, gx, n, 1);
                else if (c.taps == 4) give_plane(&c, g + p, gx, n, 4);
                else give_plane(&c, g + p, gx, n, c.taps);
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
            const vec v = gather(c, k, i, x) * there;
            for (int d = 0; d < q->nd; d++) sum[d] += vector_load((const char *)(c->slope[d][k] + i)) * v;
        }
        for (int d = 0; d < q->nd; d++) {
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
