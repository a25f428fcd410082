/* taps: a vector of outputs whose windows lie along a line, read by loads and shuffles instead of lane by lane.  What
 * to load, which lanes to pick and which of them have a tap is found once for a place and used for many lines.
 * Never reads outside a line.  Floor: ufunc/kernels.  Included by words f32 and f64 only. */
#ifndef RT_UFUNC_KERNELS_TAPS_H
#define RT_UFUNC_KERNELS_TAPS_H
#include "ufunc/kernels/short_row.h"

enum { MOST_TAPS = 8, GROUP = 32 };

/* `lanes` outputs from `out` on.  Tap t of lane i is element base + at[i] + t * apart of the line; at[i] is below
 * `wide` times LANES. */
typedef struct {
    intptr_t out, base, apart;
    intptr_t repeats, shift;     /* so many vectors more read the same, `shift` elements further each */
    int taps, lanes;
    int wide;                    /* 1, 2 or 4 vectors hold a tap of all lanes; 0: they do not */
    int inside;                  /* whole vectors at base lie in the line for all taps */
    int even;                    /* all lanes have all taps */
    int plain;                   /* both, and all lanes are there */
    int neighbours;              /* lanes read neighbours: nothing to shuffle */
    mask at, has[MOST_TAPS];
} taps;

/* The taps of `lanes` outputs whose first and number of taps are given, on lines of n elements. */
ALWAYS void taps_find(taps *p, const intptr_t *start, const intptr_t *count, const int lanes, intptr_t n)
{
    intptr_t low = INTPTR_MAX, high = 0, most = 0, least = INTPTR_MAX;
    for (int i = 0; i < lanes; i++) {
        most = count[i] > most ? count[i] : most;
        least = count[i] < least ? count[i] : least;
        low = count[i] > 0 && start[i] < low ? start[i] : low;
        high = count[i] > 0 && start[i] > high ? start[i] : high;
    }
    p->wide = 0;
    p->lanes = lanes;
    p->repeats = p->shift = 0;
    if (most < 1 || most > MOST_TAPS || high - low >= 4 * LANES) return;
    p->wide = high - low < LANES ? 1 : high - low < 2 * LANES ? 2 : 4;
    const intptr_t room = n - p->wide * LANES - (most - 1) * p->apart;      /* the last base that is inside */
    p->inside = room >= 0 && high - (low < room ? low : room) < p->wide * LANES;
    p->base = p->inside && room < low ? room : low;
    p->taps = (int)most;
    p->even = least == most;
    p->neighbours = high - low == lanes - 1;
    for (int i = 0; i < lanes; i++) p->neighbours &= start[i] == low + i;
    if (p->neighbours && p->even && lanes == LANES) p->inside = 1, p->base = low;
    p->plain = p->inside && p->even && lanes == LANES;
    ireal at[LANES] = {0}, has[LANES] = {0};
    for (int i = 0; i < lanes; i++) at[i] = count[i] ? (ireal)(start[i] - p->base) : 0;
    memcpy(&p->at, at, sizeof at);
    for (int t = 0; !p->even && t < p->taps; t++) {
        for (int i = 0; i < lanes; i++) has[i] = t < count[i] ? -1 : 0;
        memcpy(p->has + t, has, sizeof has);
    }
}

/* Do the LANES outputs from `next` on read what those before them read, `*shift` elements further? */
ALWAYS int taps_repeat(const intptr_t *start, const intptr_t *count, intptr_t next, intptr_t *shift)
{
    intptr_t other = 0;
    start += next;
    count += next;
    *shift = start[0] - start[-LANES];
    for (int i = 0; i < LANES; i++) other |= (start[i] - start[i - LANES] - *shift) | (count[i] - count[i - LANES]);
    return other == 0;
}

/* Does it go on so in the middle of a line of m outputs?  Then few lines pay for looking up their taps. */
ALWAYS int taps_regular(const intptr_t *start, const intptr_t *count, intptr_t m)
{
    intptr_t shift;
    return m >= 4 * LANES && taps_repeat(start, count, m / 2, &shift);
}

/* Makes p, which ends before output j, go on to repeat itself as far as it does; the output behind.  The weights of an
 * output, `bytes` long, must repeat, too. */
static intptr_t taps_go_on(taps *p, const intptr_t *start, const intptr_t *count, intptr_t j, intptr_t m, intptr_t n,
                           const char *weights, intptr_t bytes)
{
    intptr_t shift;
    for (; p->wide && p->plain && m - j >= LANES; j += LANES, p->repeats++, p->shift = shift) {
        if (!taps_repeat(start, count, j, &shift) || shift < 0 || (p->repeats && shift != p->shift)) break;
        const intptr_t base = p->base + (p->repeats + 1) * shift, wide = p->neighbours ? 1 : p->wide;
        if (base + wide * LANES + (p->taps - 1) * p->apart > n) break;
        if (bytes && memcmp(weights + j * bytes, weights + (j - LANES) * bytes, (size_t)(LANES * bytes)) != 0) break;
    }
    return j;
}

/* Sets at most GROUP vectors of outputs j .. m and what repeats them; how many.  The last of a line overlaps the one
 * before. */
static int taps_group(taps *p, const intptr_t *start, const intptr_t *count, intptr_t *j, intptr_t m, intptr_t apart, intptr_t n,
                      const char *weights, intptr_t bytes)
{
    const intptr_t first = *j;
    int vectors = 0;
    for (; vectors < GROUP && *j < m; vectors++, p++) {
        p->out = m - *j < LANES && m - first >= LANES ? m - LANES : *j;
        *j = m - p->out < LANES ? m : p->out + LANES;
        p->apart = apart;
        if (*j - p->out == LANES) taps_find(p, start + p->out, count + p->out, LANES, n);
        else taps_find(p, start + p->out, count + p->out, (int)(*j - p->out), n);
        *j = taps_go_on(p, start, count, *j, m, n, weights, bytes);
    }
    return vectors;
}

/* LANES elements at x, of which `left` are there, or all. */
ALWAYS vec taps_load(const real *x, intptr_t left, const int inside)
{
    if (inside || left >= LANES) return vector_load((const char *)x);
    return left > 0 ? vector_load_part((const char *)x, left) : splat(1);
}

/* Tap t of a line x of n elements; `wide` and `inside` are p's own, or `wide` is 0 for neighbours. */
ALWAYS vec taps_take(const taps *p, const real *x, intptr_t n, int t, const int wide, const int inside)
{
    const intptr_t from = p->base + t * p->apart, left = n - from;
    const mask at = p->at;
    x += from;
    const vec a = taps_load(x, left, inside);
    if (wide == 0) return a;
    if (wide == 1) return __builtin_shuffle(a, at);
    const vec low = __builtin_shuffle(a, taps_load(x + LANES, left - LANES, inside), at);
    if (wide == 2) return low;
    const vec c = taps_load(x + 2 * LANES, left - 2 * LANES, inside), d = taps_load(x + 3 * LANES, left - 3 * LANES, inside);
    return v_where(at >= 2 * LANES, __builtin_shuffle(c, d, at), low);
}

ALWAYS void taps_store(real *to, vec v, int lanes)
{
    if (lanes >= LANES) vector_store((char *)to, v);
    else store_part(v, to, lanes);
}
#endif
