/* piecewise: float32 functions for AVX-512 as 32 short polynomials, whose coefficients are taken from two registers
 * each by one instruction.  With the centre c, r = x - c, the result f(c) + r q(r) is rounded once; r q(r) is small
 * beside f(c), which is why single precision is enough.
 *   x -> piece (from x's bits, or x times the pieces in 1) -> r -> Horner's rule over looked-up coefficients
 * Measured over float32: tanh, erf, sigmoid within 1 ULP.  Floor: ufunc/kernels.  Word f32 only. */
#ifndef RT_UFUNC_KERNELS_PIECEWISE_H
#define RT_UFUNC_KERNELS_PIECEWISE_H
#include "ufunc/kernels/piecewise_tables.h"
#include "ufunc/kernels/vector.h"

/* row[i mod 32] */
ALWAYS vec piece_at(const float *row, mask i)
{
    return (vec)_mm512_permutex2var_ps(_mm512_load_ps(row), (__m512i)i, _mm512_load_ps(row + 16));
}
ALWAYS vec piece_slope(pieces f, mask i, vec r)
{
    vec q = piece_at(f[7], i);
#pragma GCC unroll 8
    for (int k = 6; k > 1; k--) q = v_mad(q, r, piece_at(f[k], i));
    return q;
}
/* An odd function: |x| up to `limit`, where it is constant, in 4 pieces an octave from 2^-4 on. */
ALWAYS vec piecewise_odd(pieces f, vec x, float limit)
{
    vec a = v_below(splat(limit), v_abs(x));                            /* NaN stays */
    __m512i k = _mm512_sub_epi32(_mm512_srli_epi32((__m512i)a, 21), _mm512_set1_epi32((127 - 4) << 2));
    mask i = (mask)_mm512_max_epi32(k, _mm512_setzero_si512());
    vec r = a - piece_at(f[0], i);
    __mmask16 first = _mm512_cmple_epi32_mask(k, _mm512_setzero_si512());
    vec base = (vec)_mm512_mask_mov_ps((__m512)piece_at(f[1], i), first, (__m512)r);
    return v_copysign(v_mad(r, piece_slope(f, i, r), base), x);
}
/* `per_unit` pieces in 1: base + r slope, not yet rounded. */
typedef struct { vec base, r, slope; } piece_sum;
ALWAYS piece_sum piecewise_parts(pieces f, vec x, float per_unit)
{
    mask i = (mask)v_mad(x, splat(per_unit), splat(12582912));
    vec r = x - piece_at(f[0], i);
    return (piece_sum){piece_at(f[1], i), r, piece_slope(f, i, r)};
}
ALWAYS vec piecewise_steps(pieces f, vec x, float per_unit)
{
    piece_sum s = piecewise_parts(f, x, per_unit);
    return v_mad(s.r, s.slope, s.base);
}
/* x f(x), which has x's sign. */
ALWAYS vec piecewise_times(pieces f, vec x, float per_unit)
{
    piece_sum s = piecewise_parts(f, x, per_unit);
    return v_copysign(v_mad(x, s.base, x * s.r * s.slope), x);
}
#endif
