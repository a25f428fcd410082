/* short_row: a row that fits the lanes of the fixed tree (reduce.h), held in registers.  Empty lanes hold what
 * changes no result, so that the folds have the tree's bits.  Included by words f32 and f64 only, after
 * vector.h.  Floor: ufunc/kernels. */
#ifndef RT_UFUNC_KERNELS_SHORT_ROW_H
#define RT_UFUNC_KERNELS_SHORT_ROW_H
#include "ufunc/kernels/reduce.h"
#include "ufunc/kernels/vector.h"

enum { SHORT_ROW = RT_REDUCE_LANES, SHORT_VECTORS = RT_REDUCE_LANES / LANES };
enum { LANE_BITS = LANES == 16 ? 4 : LANES == 8 ? 3 : LANES == 4 ? 2 : 1 };

typedef struct { vec v[SHORT_VECTORS]; } short_row;

/* k, k ^ 1, k ^ 2, k ^ 4, k ^ 8 of lane k. */
static const ireal lane_numbers[5][16] __attribute__((aligned(64), unused)) = {
    {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}, {1, 0, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10, 13, 12, 15, 14},
    {2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13}, {4, 5, 6, 7, 0, 1, 2, 3, 12, 13, 14, 15, 8, 9, 10, 11},
    {8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7},
};
ALWAYS mask lane_number(int k) { return *(const mask *)lane_numbers[k]; }

ALWAYS mask first_lanes(intptr_t m) { return (mask)(lane_number(0) < (ireal)m - (mask){0}); }

/* The row's n elements, `empty` after them. */
ALWAYS short_row short_load(const real *x, intptr_t n, real empty)
{
    short_row r;
#pragma GCC unroll 16
    for (int k = 0; k < SHORT_VECTORS; k++) {
        const intptr_t left = n - k * LANES;
        if (left >= LANES) r.v[k] = vector_load((const char *)(x + k * LANES));
        else if (left <= 0) r.v[k] = splat(empty);
        else r.v[k] = v_where(first_lanes(left), vector_load_part((const char *)(x + k * LANES), left), splat(empty));
    }
    return r;
}

/* m < LANES elements, by halves: the pieces of one stored vector are forwarded, masked stores are slow. */
ALWAYS void store_part(vec v, real *to, intptr_t m)
{
    real last[LANES];
    const real *from = last;
    vector_store((char *)last, v);
    for (int piece = LANES / 2; piece; piece /= 2) {
        if (!(m & piece)) continue;
        memcpy(to, from, (size_t)piece * sizeof(real));
        to += piece, from += piece;
    }
}

ALWAYS void short_store(const short_row *r, real *out, intptr_t n)
{
#pragma GCC unroll 16
    for (int k = 0; k < SHORT_VECTORS; k++) {
        const intptr_t left = n - k * LANES;
        if (left <= 0) return;
        if (left >= LANES) vector_store((char *)(out + k * LANES), r->v[k]);
        else store_part(r->v[k], out + k * LANES, left);
    }
}

/* Lane 0 of a tree over all lanes at distances 16, 8, 4, 2, 1; `pair` is used as pair(lane, lane + distance). */
#define SHORT_FOLD(name, pair) \
    ALWAYS real name(const short_row *r) \
    { \
        vec v[SHORT_VECTORS]; \
        _Pragma("GCC unroll 16") \
        for (int k = 0; k < SHORT_VECTORS; k++) v[k] = r->v[k]; \
        _Pragma("GCC unroll 5") \
        for (int half = SHORT_VECTORS / 2; half; half /= 2) \
            _Pragma("GCC unroll 8") \
            for (int k = 0; k < half; k++) v[k] = pair(v[k], v[k + half]); \
        _Pragma("GCC unroll 4") \
        for (int k = LANE_BITS; k; k--) v[0] = pair(v[0], __builtin_shuffle(v[0], lane_number(k))); \
        return v[0][0]; \
    }
ALWAYS vec short_add(vec a, vec b) { return a + b; }
ALWAYS vec short_greater(vec a, vec b) { return v_where((b > a) | (b != b), b, a); }
SHORT_FOLD(short_sum, short_add)               /* empty lanes: -0 */
SHORT_FOLD(short_max, short_greater)           /* empty lanes: -infinity */
#endif
