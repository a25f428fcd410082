/* vector: the registers that real expressions are compiled over, and moving elements in and
 * out of them.  64 bytes where the ISA has AVX-512, 32 where it has AVX, else 16.  A vector that holds fewer elements
 * than lanes is filled up with ones, on which every function is finite.
 * Floor: ufunc/kernels.  Included by words f32 and f64 only. */
#ifndef RT_UFUNC_KERNELS_VECTOR_H
#define RT_UFUNC_KERNELS_VECTOR_H
#include "ufunc/kernels/word.h"
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#if defined(__AVX512F__)
#define VECTOR_BYTES 64
#elif defined(__AVX2__)
#define VECTOR_BYTES 32
#else
#define VECTOR_BYTES 16
#endif

#if IS_NARROW
typedef float real;
#else
typedef element real;
#endif
#if IS_F32
typedef int32_t ireal;
#else
typedef int64_t ireal;
#endif
typedef real vec __attribute__((vector_size(VECTOR_BYTES)));
typedef ireal mask __attribute__((vector_size(VECTOR_BYTES)));
typedef real unaligned_vec __attribute__((vector_size(VECTOR_BYTES), aligned(1), may_alias));
typedef real unaligned_real __attribute__((aligned(1), may_alias));
#if IS_F32
typedef uint32_t ureal;
#else
typedef uint64_t ureal;
#endif
typedef ureal uvec __attribute__((vector_size(VECTOR_BYTES)));
enum { LANES = VECTOR_BYTES / sizeof(real), MANTISSA = IS_F32 ? 23 : 52, BIAS = IS_F32 ? 127 : 1023 };

ALWAYS vec vector_load(const char *p) { return *(const unaligned_vec *)p; }
ALWAYS void vector_store(char *p, vec v) { *(unaligned_vec *)p = v; }
ALWAYS vec splat(real a) { return a - (vec){0}; }
ALWAYS vec vector_same(vec a) { return a; }
/* A vector from a vector or a number. */
#define V(a) _Generic((a), vec: vector_same, default: splat)(a)
/* Lanes of a where c, of b elsewhere. */
ALWAYS vec v_where(mask c, vec a, vec b)
{
#if defined(__AVX512F__)
    return (vec)_mm512_ternarylogic_epi32((__m512i)c, (__m512i)a, (__m512i)b, 0xca);   /* c ? a : b in each bit */
#elif defined(__AVX2__) && IS_F32
    return (vec)_mm256_blendv_ps((__m256)b, (__m256)a, (__m256)c);
#elif defined(__AVX2__)
    return (vec)_mm256_blendv_pd((__m256d)b, (__m256d)a, (__m256d)c);
#else
    return (vec)((c & (mask)a) | (~c & (mask)b));
#endif
}
ALWAYS int any_lane(mask m)
{
#if defined(__AVX512F__)
    return _mm512_test_epi32_mask((__m512i)m, (__m512i)m) != 0;
#elif defined(__AVX2__)
    return !_mm256_testz_si256((__m256i)m, (__m256i)m);
#elif defined(__SSE4_1__)
    return !_mm_testz_si128((__m128i)m, (__m128i)m);
#else
    ireal any = 0;
    for (int i = 0; i < LANES; i++) any |= m[i];
    return any != 0;
#endif
}
/* a * b + c, rounded once where the ISA has it. */
ALWAYS vec v_mad(vec a, vec b, vec c)
{
#if defined(__AVX512F__) && IS_F32
    return (vec)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c);
#elif defined(__AVX512F__)
    return (vec)_mm512_fmadd_pd((__m512d)a, (__m512d)b, (__m512d)c);
#elif defined(__FMA__) && IS_F32
    return (vec)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
#elif defined(__FMA__)
    return (vec)_mm256_fmadd_pd((__m256d)a, (__m256d)b, (__m256d)c);
#else
    return a * b + c;
#endif
}
/* a b - p for p next to a b, exactly: fused, or by halves (T. Dekker, 1971), which must not overflow. */
ALWAYS vec product_rest(vec a, vec b, vec p)
{
#if defined(__FMA__) || defined(__AVX512F__)
    return v_mad(a, b, -p);
#else
    const real split = (real)(IS_F32 ? 4097 : 134217729);
    vec ta = a * split, tb = b * split, ah = ta - (ta - a), bh = tb - (tb - b), al = a - ah, bl = b - bh;
    return ((ah * bh - p) + ah * bl + al * bh) + al * bl;
#endif
}
ALWAYS mask sign_bits(void) { return (mask)splat((real)-0.0); }
ALWAYS vec v_abs(vec x) { return (vec)((mask)x & ~sign_bits()); }
ALWAYS vec v_copysign(vec x, vec y) { return (vec)(((mask)x & ~sign_bits()) | ((mask)y & sign_bits())); }

/* Is every lane of a below the limit?  NaN is not. */
ALWAYS int all_below(vec a, real limit)
{
#if defined(__AVX512F__) && IS_F32
    return _mm512_cmp_ps_mask((__m512)a, (__m512)splat(limit), _CMP_NLT_UQ) == 0;
#elif defined(__AVX512F__)
    return _mm512_cmp_pd_mask((__m512d)a, (__m512d)splat(limit), _CMP_NLT_UQ) == 0;
#elif defined(__AVX2__) && IS_F32
    return _mm256_movemask_ps(_mm256_cmp_ps((__m256)a, (__m256)splat(limit), _CMP_NLT_UQ)) == 0;
#elif defined(__AVX2__)
    return _mm256_movemask_pd(_mm256_cmp_pd((__m256d)a, (__m256d)splat(limit), _CMP_NLT_UQ)) == 0;
#else
    return !any_lane(~(a < limit));
#endif
}

/* a > b ? a : b and a < b ? a : b: b where they are equal or one is NaN. */
#if defined(__AVX512F__) && IS_F32
ALWAYS vec v_above(vec a, vec b) { return (vec)_mm512_max_ps((__m512)a, (__m512)b); }
ALWAYS vec v_below(vec a, vec b) { return (vec)_mm512_min_ps((__m512)a, (__m512)b); }
#elif defined(__AVX512F__)
ALWAYS vec v_above(vec a, vec b) { return (vec)_mm512_max_pd((__m512d)a, (__m512d)b); }
ALWAYS vec v_below(vec a, vec b) { return (vec)_mm512_min_pd((__m512d)a, (__m512d)b); }
#elif defined(__AVX2__) && IS_F32
ALWAYS vec v_above(vec a, vec b) { return (vec)_mm256_max_ps((__m256)a, (__m256)b); }
ALWAYS vec v_below(vec a, vec b) { return (vec)_mm256_min_ps((__m256)a, (__m256)b); }
#elif defined(__AVX2__)
ALWAYS vec v_above(vec a, vec b) { return (vec)_mm256_max_pd((__m256d)a, (__m256d)b); }
ALWAYS vec v_below(vec a, vec b) { return (vec)_mm256_min_pd((__m256d)a, (__m256d)b); }
#else
ALWAYS vec v_above(vec a, vec b) { return v_where(a > b, a, b); }
ALWAYS vec v_below(vec a, vec b) { return v_where(a < b, a, b); }
#endif

/* NAME(x) by one instruction, or lane by lane. */
#if defined(__AVX512F__) && IS_F32
#define ROUNDED(name, mode) ALWAYS vec v_##name(vec x) { return (vec)_mm512_roundscale_ps((__m512)x, (mode) | 8); }
ALWAYS vec v_sqrt(vec x) { return (vec)_mm512_sqrt_ps((__m512)x); }
#elif defined(__AVX512F__)
#define ROUNDED(name, mode) ALWAYS vec v_##name(vec x) { return (vec)_mm512_roundscale_pd((__m512d)x, (mode) | 8); }
ALWAYS vec v_sqrt(vec x) { return (vec)_mm512_sqrt_pd((__m512d)x); }
#elif defined(__AVX2__) && IS_F32
#define ROUNDED(name, mode) ALWAYS vec v_##name(vec x) { return (vec)_mm256_round_ps((__m256)x, (mode) | 8); }
ALWAYS vec v_sqrt(vec x) { return (vec)_mm256_sqrt_ps((__m256)x); }
#elif defined(__AVX2__)
#define ROUNDED(name, mode) ALWAYS vec v_##name(vec x) { return (vec)_mm256_round_pd((__m256d)x, (mode) | 8); }
ALWAYS vec v_sqrt(vec x) { return (vec)_mm256_sqrt_pd((__m256d)x); }
#elif defined(__SSE4_1__) && IS_F32
#define ROUNDED(name, mode) ALWAYS vec v_##name(vec x) { return (vec)_mm_round_ps((__m128)x, (mode) | 8); }
ALWAYS vec v_sqrt(vec x) { return (vec)_mm_sqrt_ps((__m128)x); }
#elif defined(__SSE4_1__)
#define ROUNDED(name, mode) ALWAYS vec v_##name(vec x) { return (vec)_mm_round_pd((__m128d)x, (mode) | 8); }
ALWAYS vec v_sqrt(vec x) { return (vec)_mm_sqrt_pd((__m128d)x); }
#else
#define ROUNDED(name, mode) \
    ALWAYS vec v_##name(vec x) { for (int i = 0; i < LANES; i++) x[i] = (real)__builtin_##name(x[i]); return x; }
ALWAYS vec v_sqrt(vec x) { for (int i = 0; i < LANES; i++) x[i] = (real)__builtin_sqrt(x[i]); return x; }
#endif
ROUNDED(rint, 0)
ROUNDED(floor, 1)
ROUNDED(ceil, 2)
ROUNDED(trunc, 3)
#undef ROUNDED

/* f on the lanes where c holds, r elsewhere: for rare cases that only scalar code gets right. */
ALWAYS vec v_mend1(double (*f)(double), mask c, vec x, vec r)
{
    if (any_lane(c)) for (int i = 0; i < LANES; i++) if (c[i]) r[i] = (real)f(x[i]);
    return r;
}
ALWAYS vec v_mend2(double (*f)(double, double), mask c, vec x, vec y, vec r)
{
    if (any_lane(c)) for (int i = 0; i < LANES; i++) if (c[i]) r[i] = (real)f(x[i], y[i]);
    return r;
}
ALWAYS vec v_each1(double (*f)(double), vec x) { for (int i = 0; i < LANES; i++) x[i] = (real)f(x[i]); return x; }
ALWAYS vec v_each2(double (*f)(double, double), vec x, vec y)
{
    for (int i = 0; i < LANES; i++) x[i] = (real)f(x[i], y[i]);
    return x;
}

#if defined(__AVX512F__)
/* The first m < LANES elements at p; not a byte beyond them is read. */
ALWAYS vec vector_load_part(const char *p, intptr_t m)
{
#if IS_F32
    return (vec)_mm512_mask_loadu_ps((__m512)splat(1), (__mmask16)((1u << m) - 1), p);
#else
    return (vec)_mm512_mask_loadu_pd((__m512d)splat(1), (__mmask8)((1u << m) - 1), p);
#endif
}
#elif defined(__AVX2__)
ALWAYS mask lanes_below(intptr_t m)
{
#if IS_F32
    return (mask)_mm256_cmpgt_epi32(_mm256_set1_epi32((int)m), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
#else
    return (mask)_mm256_cmpgt_epi64(_mm256_set1_epi64x(m), _mm256_setr_epi64x(0, 1, 2, 3));
#endif
}
/* The first m < LANES elements at p; not a byte beyond them is read. */
ALWAYS vec vector_load_part(const char *p, intptr_t m)
{
    mask in = lanes_below(m);
#if IS_F32
    return v_where(in, (vec)_mm256_maskload_ps((const float *)p, (__m256i)in), splat(1));
#else
    return v_where(in, (vec)_mm256_maskload_pd((const double *)p, (__m256i)in), splat(1));
#endif
}
#else
ALWAYS vec vector_load_part(const char *p, intptr_t m)
{
    vec v = splat(1);
    for (int i = 0; i < LANES - 1; i++)
        if (i < m) v[i] = ((const unaligned_real *)p)[i];
    return v;
}
#endif

/* Masks to bytes 0 and 1, LANES of them. */
ALWAYS void mask_store(char *p, mask m)
{
#if defined(__AVX512F__) && IS_F32
    _mm_storeu_si128((__m128i *)p, _mm_maskz_set1_epi8(_mm512_movepi32_mask((__m512i)m), 1));
    return;
#elif defined(__AVX512F__)
    _mm_storel_epi64((__m128i *)p, _mm_maskz_set1_epi8(_mm512_movepi64_mask((__m512i)m), 1));
    return;
#elif defined(__AVX2__)
    __m128i words = _mm_packs_epi32(_mm256_castsi256_si128((__m256i)m), _mm256_extracti128_si256((__m256i)m, 1));
#elif defined(__SSE4_1__)
    __m128i words = _mm_packs_epi32((__m128i)m, (__m128i)m);
#endif
#if defined(__AVX512F__)
#elif defined(__SSE4_1__)
    /* 64-bit lanes are two words each by now: keep one. */
    if (!IS_F32) words = _mm_shuffle_epi8(words, _mm_setr_epi8(0, 1, 4, 5, 8, 9, 12, 13, -1, -1, -1, -1, -1, -1, -1, -1));
    uint64_t bytes = (uint64_t)_mm_cvtsi128_si64(_mm_packs_epi16(words, words)) & 0x0101010101010101u;
    memcpy(p, &bytes, LANES);
#else
    for (int i = 0; i < LANES; i++) p[i] = (char)-m[i];
#endif
}
#endif
