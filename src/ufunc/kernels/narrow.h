/* narrow: float16 and bfloat16 in vectors of float32: widened when they are loaded, rounded to nearest even when they
 * are stored, as casts.c does; and the rows that have loops of their own in these dtypes.  Rows that only
 * look at bits do not widen.  Floor: ufunc/kernels.  Included by words f16 and bf16 only. */
#ifndef RT_UFUNC_KERNELS_NARROW_H
#define RT_UFUNC_KERNELS_NARROW_H
#include "ufunc/kernels/vector.h"

/* A unit is two vectors of float32:
 *   float16   [0 .. n-1] [n .. 2n-1], the processor converts
 *   bfloat16  [0 2 4 ..] [1 3 5 ..]: a number is the upper half of its float32, so a shift and a mask take a register
 *             of them apart, and rounded they are laid over one another again */
enum { UNITS = 2 };
typedef struct { vec v[UNITS]; } unit;

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

#if IS_F16
ALWAYS unit unit_load(const char *p) { return (unit){{lanes_load(p), lanes_load(p + VECTOR_BYTES / 2)}}; }
ALWAYS void unit_store(char *p, unit u)
{
#pragma GCC unroll 2
    for (int k = 0; k < UNITS; k++) {
#if defined(__AVX512F__)
        _mm256_storeu_si256((void *)(p + k * VECTOR_BYTES / 2), _mm512_cvtps_ph((__m512)u.v[k], 0));
#else
        _mm_storeu_si128((void *)(p + k * VECTOR_BYTES / 2), _mm256_cvtps_ph((__m256)u.v[k], 0));
#endif
    }
}
#else
ALWAYS unit unit_load(const char *p)
{
    mask both = (mask)vector_load(p);
    return (unit){{(vec)(both << 16), (vec)(both & (int32_t)0xffff0000)}};
}
/* Half a unit of the last place is added, except to NaN and halfway above an even number.  A NaN's payload is in the
 * upper half: no operand had it elsewhere. */
ALWAYS mask brain_bits(vec v)
{
    const mask u = (mask)v, end = u & 0x1ffff;
#if defined(__AVX512F__)
    const __mmask16 sound = _mm512_cmp_ps_mask((__m512)v, (__m512)v, _CMP_ORD_Q);
    const __mmask16 rises = _mm512_mask_cmpneq_epi32_mask(sound, (__m512i)end, _mm512_set1_epi32(0x8000));
    return (mask)_mm512_mask_add_epi32((__m512i)u, rises, (__m512i)u, _mm512_set1_epi32(0x8000));
#else
    return u + (~((v != v) | (end == 0x8000)) & 0x8000);
#endif
}
ALWAYS void unit_store(char *p, unit u)
{
    const mask even = (mask)((uvec)brain_bits(u.v[0]) >> 16), odd = brain_bits(u.v[1]);
#if defined(__AVX512F__)
    vector_store(p, v_where((mask)_mm512_set1_epi32((int)0xffff0000), (vec)odd, (vec)even));
#else
    vector_store(p, (vec)_mm256_blend_epi16((__m256i)even, (__m256i)odd, 0xaa));
#endif
}
#endif

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

typedef int16_t bits __attribute__((vector_size(VECTOR_BYTES)));
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
