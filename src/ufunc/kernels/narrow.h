/* narrow: float16 and bfloat16 in vectors of float32: widened when they are loaded, rounded to nearest even when they
 * are stored, as casts.c does; and the rows that have loops of their own in these dtypes.  Rows that only
 * look at bits do not widen.  Floor: ufunc/kernels.  Included by words f16 and bf16 only. */
#ifndef RT_UFUNC_KERNELS_NARROW_H
#define RT_UFUNC_KERNELS_NARROW_H
#include "ufunc/kernels/vector.h"

#if !IS_F16
/* The upper halves of float32, rounded; a NaN stays one. */
ALWAYS mask brain_bits(vec v)
{
    const mask u = (mask)v, nan = v != v;
    const mask even = (mask)((uvec)u >> 16) & 1;
    const mask r = (mask)((uvec)(u + 0x7fff + even) >> 16), quiet = (mask)((uvec)u >> 16) | 0x40;
    return (mask)v_where(nan, (vec)quiet, (vec)r);
}
#endif

ALWAYS vec lanes_load(const char *p)
{
#if defined(__AVX512F__) && IS_F16
    return (vec)_mm512_cvtph_ps(_mm256_loadu_si256((const void *)p));
#elif defined(__AVX512F__)
    return (vec)_mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm256_loadu_si256((const void *)p)), 16);
#elif IS_F16
    return (vec)_mm256_cvtph_ps(_mm_loadu_si128((const void *)p));
#else
    return (vec)_mm256_slli_epi32(_mm256_cvtepu16_epi32(_mm_loadu_si128((const void *)p)), 16);
#endif
}

ALWAYS void lanes_store(char *p, vec v)
{
#if defined(__AVX512F__) && IS_F16
    _mm256_storeu_si256((void *)p, _mm512_cvtps_ph((__m512)v, 0));
#elif defined(__AVX512F__)
    _mm256_storeu_si256((void *)p, _mm512_cvtepi32_epi16((__m512i)brain_bits(v)));
#elif IS_F16
    _mm_storeu_si128((void *)p, _mm256_cvtps_ph((__m256)v, 0));
#else
    const __m256i u = (__m256i)brain_bits(v);
    _mm_storeu_si128((void *)p, _mm_packus_epi32(_mm256_castsi256_si128(u), _mm256_extracti128_si256(u, 1)));
#endif
}

/* LISTED(name) is 1 for rows that have loops here: cheap ones, where conversion would be most of the time, and the
 * functions that networks are made of. */
#define SECOND_OF(a, b, ...) b
#define SECOND(...) SECOND_OF(__VA_ARGS__)
#define LISTED(name) SECOND(NARROW_##name, 0, ~)
#define NARROW_add ~, 1
#define NARROW_sub ~, 1
#define NARROW_mul ~, 1
#define NARROW_div ~, 1
#define NARROW_sign ~, 1
#define NARROW_square ~, 1
#define NARROW_sqrt ~, 1
#define NARROW_rsqrt ~, 1
#define NARROW_reciprocal ~, 1
#define NARROW_maximum ~, 1
#define NARROW_minimum ~, 1
#define NARROW_clamp ~, 1
#define NARROW_clamp_min ~, 1
#define NARROW_clamp_max ~, 1
#define NARROW_lerp ~, 1
#define NARROW_addcmul ~, 1
#define NARROW_addcdiv ~, 1
#define NARROW_eq ~, 1
#define NARROW_ne ~, 1
#define NARROW_lt ~, 1
#define NARROW_le ~, 1
#define NARROW_gt ~, 1
#define NARROW_ge ~, 1
#define NARROW_logical_and ~, 1
#define NARROW_logical_or ~, 1
#define NARROW_logical_not ~, 1
#define NARROW_isnan ~, 1
#define NARROW_isinf ~, 1
#define NARROW_isfinite ~, 1
#define NARROW_floor ~, 1
#define NARROW_ceil ~, 1
#define NARROW_trunc ~, 1
#define NARROW_round ~, 1
#define NARROW_exp ~, 1
#define NARROW_log ~, 1
#define NARROW_sin ~, 1
#define NARROW_cos ~, 1
#define NARROW_tanh ~, 1
#define NARROW_erf ~, 1
#define NARROW_sigmoid ~, 1
#define NARROW_relu6 ~, 1
#define NARROW_leaky_relu ~, 1
#define NARROW_gelu ~, 1
#define NARROW_gelu_tanh ~, 1
#define NARROW_silu ~, 1
#define NARROW_hardtanh ~, 1
#define NARROW_hardsigmoid ~, 1
#define NARROW_hardswish ~, 1
#define NARROW_tied ~, 1
/* 2 for those that only look at bits. */
#define NARROW_neg ~, 2
#define NARROW_abs ~, 2
#define NARROW_positive ~, 2
#define NARROW_relu ~, 2

typedef int16_t bits __attribute__((vector_size(LANES * sizeof(element))));
typedef bits unaligned_bits __attribute__((aligned(1), may_alias));
enum { MINUS_INFINITY = IS_F16 ? -0x0400 : -0x0080 };           /* as a signed number; NaNs of that sign are above */
ALWAYS bits neg_bits(bits x) { return x ^ (int16_t)-0x8000; }
ALWAYS bits abs_bits(bits x) { return x & 0x7fff; }
ALWAYS bits positive_bits(bits x) { return x; }
ALWAYS bits relu_bits(bits x) { return x & ~(x <= (int16_t)MINUS_INFINITY); }

ALWAYS void span_bits(bits (*one)(bits), char *const *in, const intptr_t *inc, char *out, intptr_t n)
{
    const char *x = in[0];
    for (; n > 0; n--, x += inc[0], out += sizeof(bits)) *(unaligned_bits *)out = one(*(const unaligned_bits *)x);
}
#endif
