/* few_rows: products of a few rows with a matrix that is read once, as it lies: the scores of single queries and the
 * means of values by them.  A dot product has chains for 64 bytes, folded by halves; a mean adds up blocks of keys
 * of two chains each.  Their order depends on the lengths alone.  Never reads past a row.
 * Included by words f32 and f64 only, after short_row.h.  Floor: ufunc/kernels. */
#ifndef RT_UFUNC_KERNELS_FEW_ROWS_H
#define RT_UFUNC_KERNELS_FEW_ROWS_H
#include "ufunc/kernels/short_row.h"

enum { CHAIN_PARTS = 64 / VECTOR_BYTES, KEYS_AT_ONCE = 8 / CHAIN_PARTS, MEAN_BLOCK = 128 };

ALWAYS vec few_get(const real *p, intptr_t m)
{
    return m >= LANES ? vector_load((const char *)p) : vector_load_part((const char *)p, m);
}

/* sum[i], folded to one vector: x by row first + i of y; those behind `last` count as it. */
ALWAYS void dot_keys(const real *x, const real *y, intptr_t y_row, intptr_t first, intptr_t last, intptr_t width, vec *sum)
{
    const real *row[KEYS_AT_ONCE];
    vec s[KEYS_AT_ONCE][CHAIN_PARTS];
    intptr_t p = 0;
    _Pragma("GCC unroll 8") for (int i = 0; i < KEYS_AT_ONCE; i++) {
        row[i] = y + (first + i < last ? first + i : last) * y_row;
        _Pragma("GCC unroll 4") for (int v = 0; v < CHAIN_PARTS; v++) s[i][v] = splat(0);
    }
    for (; p + CHAIN_PARTS * LANES <= width; p += CHAIN_PARTS * LANES)
        _Pragma("GCC unroll 4") for (int v = 0; v < CHAIN_PARTS; v++) {
            const vec a = vector_load((const char *)(x + p + v * LANES));
            _Pragma("GCC unroll 8") for (int i = 0; i < KEYS_AT_ONCE; i++)
                s[i][v] = v_mad(a, vector_load((const char *)(row[i] + p + v * LANES)), s[i][v]);
        }
    _Pragma("GCC unroll 4") for (int v = 0; v < CHAIN_PARTS; v++, p += LANES) {
        const intptr_t left = width - p;
        if (left <= 0) break;
        const vec a = left >= LANES ? few_get(x + p, left) : v_where(first_lanes(left), few_get(x + p, left), splat(0));
        _Pragma("GCC unroll 8") for (int i = 0; i < KEYS_AT_ONCE; i++)
            s[i][v] = v_mad(a, few_get(row[i] + p, left), s[i][v]);
    }
    _Pragma("GCC unroll 8") for (int i = 0; i < KEYS_AT_ONCE; i++) {
        _Pragma("GCC unroll 2") for (int half = CHAIN_PARTS / 2; half; half /= 2)
            _Pragma("GCC unroll 2") for (int v = 0; v < half; v++) s[i][v] += s[i][v + half];
        sum[i] = s[i][0];
    }
}

/* Lane k: the sum of all lanes of v[k]; v is used up. */
ALWAYS vec fold_lanes(vec *v)
{
    _Pragma("GCC unroll 4") for (int bit = LANE_BITS - 1; bit >= 0; bit--) {
        const int half = 1 << bit;
        const mask second = (lane_number(0) & half) != 0;
        _Pragma("GCC unroll 8") for (int k = 0; k < half; k++)
            v[k] = v_where(second, v[k + half], v[k])
                   + __builtin_shuffle(v[k], v[k + half], lane_number(bit + 1) + (second & LANES));
    }
    return v[0];
}

/* out[r line + k] = x[r] . y[k] for m rows of x and n of y; there is room for whole vectors behind n. */
static void few_dots(intptr_t m, intptr_t n, intptr_t width, const void *xp, intptr_t x_row, const void *yp, intptr_t y_row,
                     void *outp, intptr_t line)
{
    const real *x = xp, *y = yp;
    real *out = outp;
    for (intptr_t k = 0; k < n; k += LANES)
        for (intptr_t r = 0; r < m; r++) {
            vec sum[LANES];
            _Pragma("GCC unroll 8") for (int i = 0; i < LANES; i += KEYS_AT_ONCE)
                dot_keys(x + r * x_row, y, y_row, k + i, n - 1, width, sum + i);
            vector_store((char *)(out + r * line + k), fold_lanes(sum));
        }
}

/* `count` vectors of columns of a mean over keys first..end; `last` elements of the only or last one; count is a
 * constant at each call. */
ALWAYS void mean_columns(const int count, intptr_t last, intptr_t m, intptr_t first, intptr_t end, const real *p, intptr_t line,
                         const real *y, intptr_t y_row, real *out, intptr_t out_row)
{
    for (intptr_t r = 0; r < m; r++) {
        vec s[2][4];
        const real *by = p + r * line;
        _Pragma("GCC unroll 4") for (int v = 0; v < count; v++) s[0][v] = s[1][v] = splat(0);
        intptr_t k = first;
        for (; k + 2 <= end; k += 2)
            _Pragma("GCC unroll 2") for (int c = 0; c < 2; c++) {
                const vec a = splat(by[k + c]);
                _Pragma("GCC unroll 4") for (int v = 0; v < count; v++)
                    s[c][v] = v_mad(a, few_get(y + (k + c) * y_row + v * LANES, last), s[c][v]);
            }
        _Pragma("GCC unroll 4") for (int v = 0; v < count; v++) {
            real *to = out + r * out_row + v * LANES;
            if (k < end) s[0][v] = v_mad(splat(by[k]), few_get(y + k * y_row + v * LANES, last), s[0][v]);
            s[0][v] += s[1][v];
            if (first) s[0][v] += few_get(to, last);
            if (last >= LANES) vector_store((char *)to, s[0][v]);
            else store_part(s[0][v], to, last);
        }
    }
}

/* out[r] = the sum over k < n of p[r line + k] y[k], for m rows. */
static void few_means(intptr_t m, intptr_t n, intptr_t width, const void *pp, intptr_t line, const void *yp, intptr_t y_row,
                      void *outp, intptr_t out_row)
{
    const real *p = pp, *y = yp;
    real *out = outp;
    for (intptr_t first = 0; first < n || !first; first += MEAN_BLOCK) {
        const intptr_t end = first + MEAN_BLOCK < n ? first + MEAN_BLOCK : n;
        intptr_t j = 0;
        for (; j + 4 * LANES <= width; j += 4 * LANES)
            mean_columns(4, LANES, m, first, end, p, line, y + j, y_row, out + j, out_row);
        for (; j + 2 * LANES <= width; j += 2 * LANES)
            mean_columns(2, LANES, m, first, end, p, line, y + j, y_row, out + j, out_row);
        if (j + LANES <= width) mean_columns(1, LANES, m, first, end, p, line, y + j, y_row, out + j, out_row), j += LANES;
        if (j < width) mean_columns(1, width - j, m, first, end, p, line, y + j, y_row, out + j, out_row);
    }
}
#endif
