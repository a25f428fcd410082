/* windows: the kernels of windows.h for one dtype.  Compiled once per ISA and word: the plain loops are
 * written so that the compiler turns them into vector code.  Floor: ufunc/kernels. */
#include <string.h>
#include "ufunc/kernels/word.h"
#if IS_REAL
#include "ufunc/kernels/taps.h"
#endif
#include "ufunc/kernels/windows.h"

#if IS_F32
typedef int32_t position;       /* of an element's size, so that both are chosen by one mask */
#else
typedef int64_t position;
#endif
enum { BLOCK = 64 };
#if IS_REAL
#define IS_NAN(v) ((v) != (v))
#define LOWEST (-(element)__builtin_inf())
#else
#define IS_NAN(v) 0
#define LOWEST INT64_MIN
#endif

/* best and at (where wanted) of n outputs under one tap: elements `stride` apart from x on. */
ALWAYS void take_tap(element *restrict best, position *restrict at, const element *restrict x, intptr_t n, intptr_t stride,
                     position here, const int where)
{
    for (intptr_t i = 0; i < n; i++) {
        const element v = x[i * stride];
        const int wins = (v > best[i]) | IS_NAN(v);
        best[i] = wins ? v : best[i];
        if (where) at[i] = wins ? here + (position)(i * stride) : at[i];
    }
}

/* Two neighbouring taps of windows two apart: every element of x is read once, in order. */
ALWAYS void take_pair(element *restrict best, position *restrict at, const element *restrict x, intptr_t n, position here,
                      const int where)
{
    for (intptr_t i = 0; i < n; i++) {
        const element v = x[2 * i], w = x[2 * i + 1];
        const int first = (v > best[i]) | IS_NAN(v);
        const element b = first ? v : best[i];
        const int second = (w > b) | IS_NAN(w);
        best[i] = second ? w : b;
        if (!where) continue;
        const position p = first ? here + (position)(2 * i) : at[i];
        at[i] = second ? here + (position)(2 * i + 1) : p;
    }
}

#if IS_REAL
/* The largest of `runs` runs of n elements, at least a vector, `apart` from each other, and where the first of it
 * stands; 0 when one of them is NaN.  The last vector of a run overlaps the one before. */
static int max_runs(const element *x, intptr_t n, intptr_t runs, intptr_t apart, element *best, intptr_t *at)
{
    vec most = splat(LOWEST);
    mask none = {0};
    for (intptr_t r = 0; r < runs; r++)
        for (intptr_t i = 0; i < n; i += LANES) {
            const vec v = vector_load((const char *)(x + r * apart + (i + LANES <= n ? i : n - LANES)));
            most = v_above(v, most);
            none |= v != v;
        }
    if (any_lane(none)) return 0;
    element b = most[0];
    for (int l = 1; l < LANES; l++) b = most[l] > b ? most[l] : b;
    for (intptr_t r = 0; r < runs; r++)
        for (intptr_t i = 0; i < n; i += LANES) {
            intptr_t here = r * apart + (i + LANES <= n ? i : n - LANES);
            if (!any_lane(vector_load((const char *)(x + here)) == b)) continue;
            while (x[here] != b) here++;
            *best = x[here];
            *at = here;
            return 1;
        }
    return 0;
}

/* One output whose window has lines of a vector and more, or is made of whole lines that are as long together. */
static int max_window(const rt_window_grid *q, const element *x, const intptr_t *o, element *out, int64_t *index)
{
    const intptr_t depth = q->count[0][o[0]], width = q->count[2][o[2]];
    intptr_t n = width, runs = q->count[1][o[1]], at;
    if (q->dilation[2] != 1) return 0;
    if (width == q->in[2] && q->dilation[1] == 1) n *= runs, runs = 1;
    if (depth > 1 && (n != q->in[1] * q->in[2] || q->dilation[0] != 1)) return 0;
    n *= depth;
    if (n < LANES) return 0;
    const intptr_t first = (q->start[0][o[0]] * q->in[1] + q->start[1][o[1]]) * q->in[2] + q->start[2][o[2]];
    if (!max_runs(x + first, n, runs, q->dilation[1] * q->in[2], out, &at)) return 0;
    *index = first + at;
    return 1;
}
#else
static int max_window(const rt_window_grid *q, const element *x, const intptr_t *o, element *out, int64_t *index)
{
    (void)q, (void)x, (void)o, (void)out, (void)index;
    return 0;
}
#endif

/* Outputs ow .. ow + n of a row whose windows are all `taps` wide and `stride` apart. */
ALWAYS void max_block(const rt_window_grid *q, const element *x, element *out, int64_t *index, const intptr_t *o, intptr_t n,
                      intptr_t stride, const int where)
{
    element best[BLOCK];
    position at[BLOCK];
    const intptr_t *s[3] = {q->start[0] + o[0], q->start[1] + o[1], q->start[2] + o[2]};
    const intptr_t first = (*s[0] * q->in[1] + *s[1]) * q->in[2] + *s[2];
    for (intptr_t i = 0; i < n; i++) best[i] = LOWEST;
    for (intptr_t i = 0; where && i < n; i++) at[i] = (position)(first + i * stride);
    for (intptr_t a = 0; a < q->count[0][o[0]]; a++)
        for (intptr_t b = 0; b < q->count[1][o[1]]; b++)
            for (intptr_t c = 0; c < q->count[2][o[2]]; c++) {
                const intptr_t here = first + (a * q->dilation[0] * q->in[1] + b * q->dilation[1]) * q->in[2] + c * q->dilation[2];
                if (stride == 2 && q->dilation[2] == 1 && c + 1 < q->count[2][o[2]]) {
                    take_pair(best, at, x + here, n, (position)here, where);
                    c++;
                } else if (stride == 1) take_tap(best, at, x + here, n, 1, (position)here, where);
                else if (stride == 2) take_tap(best, at, x + here, n, 2, (position)here, where);
                else take_tap(best, at, x + here, n, stride, (position)here, where);
            }
    for (intptr_t i = 0; i < n; i++) out[i] = best[i];
    for (intptr_t i = 0; where && i < n; i++) index[i] = at[i];
}

static void max_block_where(const rt_window_grid *q, const element *x, element *out, int64_t *index, const intptr_t *o,
                            intptr_t n, intptr_t stride)
{
    max_block(q, x, out, index, o, n, stride, 1);
}

static void max_block_value(const rt_window_grid *q, const element *x, element *out, const intptr_t *o, intptr_t n, intptr_t stride)
{
    max_block(q, x, out, NULL, o, n, stride, 0);
}

/* Outputs o[2] .. end of the row (o[0], o[1]) of a plane.  index NULL: positions are not wanted. */
static void max_row(const rt_window_grid *q, const element *x, element *out, int64_t *index, intptr_t *o, intptr_t end)
{
    int64_t unused;
    while (o[2] < end) {
        const intptr_t stride = o[2] + 1 < q->out[2] ? q->start[2][o[2] + 1] - q->start[2][o[2]] : 1;
        const intptr_t alike = q->alike[o[2]] < BLOCK ? q->alike[o[2]] : BLOCK, n = alike < end - o[2] ? alike : end - o[2];
        if ((n == 1 || stride >= 8) && max_window(q, x, o, out + o[2], index ? index + o[2] : &unused)) {
            o[2]++;
            continue;
        }
        if (index) max_block_where(q, x, out + o[2], index + o[2], o, n, stride);
        else max_block_value(q, x, out + o[2], o, n, stride);
        o[2] += n;
    }
}

static void max_plane(const rt_window_grid *q, const char *x, char *outp, int64_t *index)
{
    element *out = (element *)outp;
    const intptr_t width = q->out[2];
    intptr_t o[3];
    for (o[0] = 0; o[0] < q->out[0]; o[0]++)
        for (o[1] = 0; o[1] < q->out[1]; o[1]++, out += width, index += index ? width : 0) {
            o[2] = 0;
            max_row(q, (const element *)x, out, index, o, width);
        }
}

#if IS_REAL
enum { MOST_ROWS = 16 };

/* Vectors of outputs whose windows have `rows` rows; `wide` and `plain` are p's own. */
ALWAYS void largest_vector(const taps *p, const element *const *row, int rows, intptr_t n, element *out, const int wide, const int plain)
{
    for (intptr_t k = 0; k <= p->repeats; k++) {
        vec best = splat(LOWEST);
        for (int r = 0; r < rows; r++)
            for (int t = 0; t < p->taps; t++) {
                const vec v = taps_take(p, row[r] + k * p->shift, n, t, wide, plain || p->inside);
                const vec more = v_where(v != v, v, v_above(v, best));
                best = plain || p->even ? more : v_where(p->has[t], more, best);
            }
        taps_store(out + p->out + k * LANES, best, plain ? LANES : p->lanes);
    }
}

/* Outputs of the group in the row (o[0], o[1]) of a plane. */
static void largest_row(const taps *p, int vectors, const rt_window_grid *q, intptr_t *o, const element *x, element *out)
{
    const element *row[MOST_ROWS];
    const intptr_t depth = q->count[0][o[0]], height = q->count[1][o[1]];
    int rows = 0;
    for (intptr_t a = 0; depth * height <= MOST_ROWS && a < depth; a++)
        for (intptr_t b = 0; b < height; b++)
            row[rows++] = x + ((q->start[0][o[0]] + a * q->dilation[0]) * q->in[1] + q->start[1][o[1]] + b * q->dilation[1]) * q->in[2];
    for (int v = 0; v < vectors; v++, p++) {
        if (!p->wide || rows < depth * height) {
            o[2] = p->out;
            max_row(q, x, out, NULL, o, p->out + p->lanes);
        } else if (!p->plain) {
            largest_vector(p, row, rows, q->in[2], out, p->wide, 0);
        } else if (p->neighbours) {
            largest_vector(p, row, rows, q->in[2], out, 0, 1);
        } else if (p->wide == 1) {
            largest_vector(p, row, rows, q->in[2], out, 1, 1);
        } else if (p->wide == 2) {
            largest_vector(p, row, rows, q->in[2], out, 2, 1);
        } else {
            largest_vector(p, row, rows, q->in[2], out, 4, 1);
        }
    }
}

/* Are rows long and many enough for taps to be looked up, or alike all along? */
static int in_vectors(const rt_window_grid *q, intptr_t planes)
{
    if (q->out[2] >= 4 && planes * q->out[0] * q->out[1] >= 4) return 1;
    return taps_regular(q->start[2], q->count[2], q->out[2]);
}

static void largest_rows(const rt_window_grid *q, const element *x, element *out, intptr_t planes)
{
    const intptr_t in = q->in[0] * q->in[1] * q->in[2];
    taps group[GROUP];
    for (intptr_t j = 0; j < q->out[2];) {
        const int vectors = taps_group(group, q->start[2], q->count[2], &j, q->out[2], q->dilation[2], q->in[2],
                                       NULL, 0);
        element *to = out;
        intptr_t o[3];
        for (intptr_t i = 0; i < planes; i++)
            for (o[0] = 0; o[0] < q->out[0]; o[0]++)
                for (o[1] = 0; o[1] < q->out[1]; o[1]++, to += q->out[2]) largest_row(group, vectors, q, o, x + i * in, to);
    }
}
#else
static int in_vectors(const rt_window_grid *q, intptr_t planes) { (void)q, (void)planes; return 0; }
static void largest_rows(const rt_window_grid *q, const element *x, element *out, intptr_t planes) { (void)q, (void)x, (void)out, (void)planes; }
#endif

static void largest(const rt_window_grid *q, const char *x, char *out, intptr_t planes)
{
    const intptr_t item = sizeof(element), in = q->in[0] * q->in[1] * q->in[2] * item, to = q->out[0] * q->out[1] * q->out[2] * item;
    if (in_vectors(q, planes)) largest_rows(q, (const element *)x, (element *)out, planes);
    else for (intptr_t i = 0; i < planes; i++) max_plane(q, x + i * in, out + i * to, NULL);
}

/* A long weighted sum: element t goes to lane t mod 8, lanes are folded by halves. */
static element long_sum(const element *w, const element *x, intptr_t n)
{
    element lane[8] = {0};
    intptr_t t = 0;
    for (; t + 8 <= n; t += 8)
        for (int l = 0; l < 8; l++) lane[l] += w[t + l] * x[t + l];
    for (; t < n; t++) lane[t & 7] += w[t] * x[t];
    for (int half = 4; half; half /= 2)
        for (int l = 0; l < half; l++) lane[l] += lane[l + half];
    return lane[0];
}

static void copy_line(const rt_band *b, const element *restrict x, element *restrict out, intptr_t j0, intptr_t j1)
{
    if (b->copies == 2) {
        if (j0 & 1 && j0 < j1) out[j0] = x[j0 / 2], j0++;
        for (intptr_t i = j0 / 2; i < j1 / 2; i++) out[2 * i] = out[2 * i + 1] = x[i];
        if (j1 & 1 && j0 < j1) out[j1 - 1] = x[j1 / 2];
    } else {
        for (intptr_t j = j0; j < j1; j++) out[j] = x[b->start[j]];
    }
}

/* Outputs j0 .. j1 of one line. */
static void band_line(const rt_band *b, const element *restrict x, element *restrict out, intptr_t j0, intptr_t j1)
{
    const element *restrict weights = (const element *)b->weights;
    for (intptr_t j = j0; j < j1; j++) {
        const intptr_t count = b->count[j];
        const element *w = weights + j * b->width, *at = x + b->start[j];
        if (count == 1) {
            out[j] = w[0] * at[0];
        } else if (count == 2) {
            out[j] = w[0] * at[0] + w[1] * at[1];
        } else if (count >= 16) {
            out[j] = long_sum(w, at, count);
        } else {
            element sum = count ? w[0] * at[0] : 0;
            for (intptr_t t = 1; t < count; t++) sum += w[t] * at[t];
            out[j] = sum;
        }
    }
}

#if IS_REAL
/* Vectors of outputs of a line x. */
ALWAYS void band_vector(const taps *p, const vec *w, const element *x, intptr_t n, element *out, const int wide, const int plain)
{
    for (intptr_t k = 0; k <= p->repeats; k++, x += p->shift) {
        vec sum = w[0] * taps_take(p, x, n, 0, wide, plain || p->inside);
        if (!plain && !p->even) sum = v_where(p->has[0], sum, splat(0));
        for (int t = 1; t < p->taps; t++) {
            const vec more = sum + w[t] * taps_take(p, x, n, t, wide, plain || p->inside);
            sum = plain || p->even ? more : v_where(p->has[t], more, sum);
        }
        taps_store(out + p->out + k * LANES, sum, plain ? LANES : p->lanes);
    }
}

static void band_weights(const rt_band *b, const taps *p, vec *w)
{
    const element *from = (const element *)b->weights + p->out * b->width;
    for (int t = 0; p->wide && t < p->taps; t++) {
        element lane[LANES] = {0};
        for (int i = 0; i < p->lanes; i++) lane[i] = t < b->count[p->out + i] ? from[i * b->width + t] : 0;
        w[t] = vector_load((const char *)lane);
    }
}

/* Is each part of a line like the one before? */
static int band_regular(const rt_band *b) { return taps_regular(b->start, b->count, b->m); }

/* Outputs j .. end of `lines` lines. */
static void band_lines(const rt_band *b, const element *x, element *out, intptr_t lines, intptr_t j, intptr_t end)
{
    taps group[GROUP];
    vec w[GROUP][MOST_TAPS];
    while (j < end) {
        const int vectors = taps_group(group, b->start, b->count, &j, end, 1, b->n, (const char *)b->weights,
                                       b->width * (intptr_t)sizeof(element));
        for (int v = 0; v < vectors; v++) band_weights(b, group + v, w[v]);
        for (intptr_t l = 0; l < lines; l++) {
            const element *from = x + l * b->n;
            element *to = out + l * b->m;
            for (int v = 0; v < vectors; v++) {
                const taps *p = group + v;
                if (!p->wide) band_line(b, from, to, p->out, p->out + p->lanes);
                else if (!p->plain) band_vector(p, w[v], from, b->n, to, p->wide, 0);
                else if (p->wide == 1) band_vector(p, w[v], from, b->n, to, 1, 1);
                else if (p->wide == 2) band_vector(p, w[v], from, b->n, to, 2, 1);
                else band_vector(p, w[v], from, b->n, to, 4, 1);
            }
        }
    }
}
#else
static int band_regular(const rt_band *b) { (void)b; return 0; }
static void band_lines(const rt_band *b, const element *x, element *out, intptr_t lines, intptr_t j, intptr_t end)
{
    for (intptr_t l = 0; l < lines; l++) band_line(b, x + l * b->n, out + l * b->m, j, end);
}
#endif

/* Rows begin .. end where each is an element: parts of lines, and whole lines together. */
static void band_elements(const rt_band *b, const element *x, element *out, intptr_t begin, intptr_t end)
{
    const int regular = !b->copies && band_regular(b);
    for (intptr_t r = begin; r < end;) {
        const intptr_t line = r / b->m, j0 = r % b->m, lines = j0 == 0 ? (end - r) / b->m : 0;
        const intptr_t j1 = lines || b->m - j0 < end - r ? b->m : j0 + end - r;
        if (b->copies == 2) for (intptr_t l = 0; l < lines + !lines; l++) copy_line(b, x + (line + l) * b->n, out + (line + l) * b->m, j0, j1);
        else if (lines >= 4 || regular) band_lines(b, x + line * b->n, out + line * b->m, lines + !lines, j0, j1);
        else for (intptr_t l = 0; l < lines + !lines; l++) (b->copies ? copy_line : band_line)(b, x + (line + l) * b->n, out + (line + l) * b->m, j0, j1);
        r += lines ? lines * b->m : j1 - j0;
    }
}

static void band(const rt_band *b, const char *xp, char *outp, intptr_t begin, intptr_t end)
{
    const intptr_t inner = b->inner;
    if (inner == 1) {
        band_elements(b, (const element *)xp, (element *)outp, begin, end);
        return;
    }
    for (intptr_t r = begin; r < end; r++) {
        const intptr_t j = r % b->m, count = b->count[j];
        const element *restrict x = (const element *)xp + (r / b->m * b->n + b->start[j]) * inner;
        const element *restrict w = (const element *)b->weights + j * b->width;
        element *restrict out = (element *)outp + r * inner;
        if (b->copies) {
            memcpy(out, x, (size_t)inner * sizeof *out);
        } else if (count == 1) {
            for (intptr_t i = 0; i < inner; i++) out[i] = w[0] * x[i];
        } else if (count == 2) {
            for (intptr_t i = 0; i < inner; i++) out[i] = w[0] * x[i] + w[1] * x[inner + i];
        } else {
            for (intptr_t i = 0; i < inner; i++) out[i] = 0;
            for (intptr_t t = 0; t < count; t++)
                for (intptr_t i = 0; i < inner; i++) out[i] += w[t] * x[t * inner + i];
        }
    }
}

const rt_windows SYMBOL(windows) = {max_plane, largest, band};
