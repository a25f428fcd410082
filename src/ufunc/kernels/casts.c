/* casts: the loops that convert each dtype into each other, 15 x 15, as C does.
 *   floating to integer  truncates; what does not fit goes through int32 (int64 for the wide
 *                        ones), so that scalar and vector code agree bit for bit
 *   to float16, bfloat16 rounds to nearest even, from float64 once, not twice
 *   complex to real      drops the imaginary part; to bool: is it nonzero?
 * Floor: ufunc/kernels. */
#define ELEMENT_BYTES 16
#include "ufunc/kernels/walk.h"
#if defined(__F16C__)
#include <immintrin.h>
#endif

ALWAYS uint32_t bits_of(float f) { uint32_t u; memcpy(&u, &f, 4); return u; }
ALWAYS float float_of(uint32_t u) { float f; memcpy(&f, &u, 4); return f; }

/* A float on the way to 16 bits: rounded to odd, so that the next rounding is the only one. */
ALWAYS float to_odd(double d)
{
    float f = (float)d;
    uint32_t u = bits_of(f);
    int away = __builtin_fabs((double)f) > __builtin_fabs(d), inexact = (double)f != d && d == d;
    return float_of((u - (uint32_t)away) | (uint32_t)inexact);
}

ALWAYS float half_to_float(uint16_t h)
{
#if defined(__F16C__)
    return _cvtsh_ss(h);
#else
    /* Fabian Giesen, "half to float done quic": exponent moved by a multiplication. */
    uint32_t magnitude = (uint32_t)(h & 0x7fff) << 13, sign = (uint32_t)(h & 0x8000) << 16;
    float f = float_of(magnitude) * float_of(0x77800000u);
    uint32_t u = bits_of(f) | (f >= 65536.0f ? 0x7f800000u : 0);
    return float_of((magnitude > 0x0f800000u ? 0x7fc00000u | magnitude : u) | sign);
#endif
}

ALWAYS uint16_t float_to_half(float f)
{
#if defined(__F16C__)
    return _cvtss_sh(f, 0);
#else
    uint32_t u = bits_of(f), sign = u & 0x80000000u, magnitude = u ^ sign, h;
    if (magnitude > 0x7f800000u) h = 0x7e00 | ((magnitude >> 13) & 0x3ff);
    else if (magnitude >= 0x477ff000u) h = 0x7c00;
    else if (magnitude < 0x38800000u) h = bits_of(float_of(magnitude) + 0.5f) - 0x3f000000u;
    else h = (magnitude - 0x38000000u + 0xfff + ((magnitude >> 13) & 1)) >> 13;
    return (uint16_t)(h | sign >> 16);
#endif
}

ALWAYS float brain_to_float(uint16_t h) { return float_of((uint32_t)h << 16); }
ALWAYS uint16_t float_to_brain(float f)
{
    uint32_t u = bits_of(f);
    return (uint16_t)(f != f ? (u >> 16) | 0x40 : (u + 0x7fff + ((u >> 16) & 1)) >> 16);
}

/* What an element of each dtype is worth (a C number), read from its storage type. */
#define VALUE_b1(e) ((e) != 0)
#define VALUE_u8(e) (e)
#define VALUE_i8(e) (e)
#define VALUE_u16(e) (e)
#define VALUE_i16(e) (e)
#define VALUE_u32(e) (e)
#define VALUE_i32(e) (e)
#define VALUE_u64(e) (e)
#define VALUE_i64(e) (e)
#define VALUE_f16(e) half_to_float(e)
#define VALUE_bf16(e) brain_to_float(e)
#define VALUE_f32(e) (e)
#define VALUE_f64(e) (e)
#define VALUE_c64(e) (e)
#define VALUE_c128(e) (e)

/* And an element of each dtype from a number. */
#define REAL_OF(v) (__real__(v))
#define ODD_OF(v) _Generic(REAL_OF(v), double: to_odd((double)REAL_OF(v)), default: (float)REAL_OF(v))
#define ELEMENT_b1(v) ((v) != 0)
#define ELEMENT_u8(v) ((uint8_t)(int32_t)REAL_OF(v))
#define ELEMENT_i8(v) ((int8_t)(int32_t)REAL_OF(v))
#define ELEMENT_u16(v) ((uint16_t)(int32_t)REAL_OF(v))
#define ELEMENT_i16(v) ((int16_t)(int32_t)REAL_OF(v))
#define ELEMENT_u32(v) ((uint32_t)(int64_t)REAL_OF(v))
#define ELEMENT_i32(v) ((int32_t)REAL_OF(v))
#define ELEMENT_u64(v) ((uint64_t)REAL_OF(v))
#define ELEMENT_i64(v) ((int64_t)REAL_OF(v))
#define ELEMENT_f16(v) float_to_half(ODD_OF(v))
#define ELEMENT_bf16(v) float_to_brain(ODD_OF(v))
#define ELEMENT_f32(v) ((float)REAL_OF(v))
#define ELEMENT_f64(v) ((double)REAL_OF(v))
#define ELEMENT_c64(v) ((float _Complex)(v))
#define ELEMENT_c128(v) ((double _Complex)(v))

#define DTYPE(word, ctype, npy, dl, kind, name) \
    typedef ctype element_##word __attribute__((aligned(1), may_alias));
#include "core/dtypes.def"
#undef DTYPE

/* Eight at a time where the processor converts; returns how many were done. */
ALWAYS intptr_t halves(rt_dtype from, rt_dtype to, const char *in, char *out, intptr_t n)
{
    intptr_t i = 0;
#if defined(__F16C__)
    if (from == RT_f16 && to == RT_f32)
        for (; i + 8 <= n; i += 8)
            _mm256_storeu_ps((float *)out + i, _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(in + 2 * i))));
    if (from == RT_f32 && to == RT_f16)
        for (; i + 8 <= n; i += 8)
            _mm_storeu_si128((__m128i *)(out + 2 * i), _mm256_cvtps_ph(_mm256_loadu_ps((const float *)in + i), 0));
#else
    (void)from, (void)to, (void)in, (void)out, (void)n;
#endif
    return i;
}

#define CAST(from, to) \
    static void from##_to_##to##_span(char *const *in, const intptr_t *inc UNUSED, char *out, intptr_t n) \
    { \
        const element_##from *x = (const element_##from *)in[0]; \
        element_##to *o = (element_##to *)out; \
        _Pragma("GCC ivdep") for (intptr_t i = halves(RT_##from, RT_##to, in[0], out, n); i < n; i++) \
            o[i] = ELEMENT_##to(VALUE_##from(x[i])); \
    } \
    static void from##_to_##to(char **args, const intptr_t *n, const intptr_t *steps, void *rows) \
    { walk_cast((int)sizeof(element_##from), (int)sizeof(element_##to), args, n[0], steps, rows, from##_to_##to##_span); }
#define ENTRY(from, to) [RT_##to] = from##_to_##to,
#define EACH_WORD(M, from) \
    M(from, b1) M(from, u8) M(from, i8) M(from, u16) M(from, i16) M(from, u32) M(from, i32) M(from, u64) \
    M(from, i64) M(from, f16) M(from, bf16) M(from, f32) M(from, f64) M(from, c64) M(from, c128)

static __attribute__((noinline)) void walk_cast(int from, int to, char **args, intptr_t n, const intptr_t *steps,
                                                const void *rows, span_fn *span)
{
    walk((walk_sizes){1, {from, to}}, args, n, steps, rows, span);
}

EACH_WORD(CAST, b1)
EACH_WORD(CAST, u8)
EACH_WORD(CAST, i8)
EACH_WORD(CAST, u16)
EACH_WORD(CAST, i16)
EACH_WORD(CAST, u32)
EACH_WORD(CAST, i32)
EACH_WORD(CAST, u64)
EACH_WORD(CAST, i64)
EACH_WORD(CAST, f16)
EACH_WORD(CAST, bf16)
EACH_WORD(CAST, f32)
EACH_WORD(CAST, f64)
EACH_WORD(CAST, c64)
EACH_WORD(CAST, c128)

#define DTYPE(word, ctype, npy, dl, kind, name) [RT_##word] = {EACH_WORD(ENTRY, word)},
rt_loop *const RT_ISA_NAME(casts)[RT_NDTYPE][RT_NDTYPE] = {
#include "core/dtypes.def"
};
#undef DTYPE
