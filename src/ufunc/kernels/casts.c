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

/* A float on the way to 16 bits, so that the next rounding is the only one: what a float has no room for sets its last
 * bit (rounding to odd).  Below the least normal float, bfloat16's own grid, float16's zero.  All in 64-bit integers
 * and doubles: loops of it become vectors. */
ALWAYS float to_odd(double d)
{
    const uint64_t lost = ((uint64_t)1 << 29) - 1;
    const double grid = 0x1.8p-81;              /* its last bit is 2^-133, that of the least bfloat16 */
    uint64_t u;
    memcpy(&u, &d, 8);
    u = (u | (((u & lost) + lost) & (lost + 1))) & ~lost;
    double odd;
    memcpy(&odd, &u, 8);
    double small = __builtin_copysign((d + grid) - grid, d);
    return (float)(__builtin_fabs(d) < 0x1p-126 ? small : odd);
}

/* Whether a float made of a double by an ordinary rounding may lie halfway between two numbers of 16 bits without the
 * double doing so: then rounding it again is one time too many.  Below each format's normal numbers always. */
ALWAYS uint32_t doubtful(float f, rt_dtype to)
{
    uint32_t u = bits_of(f), lost = to == RT_f16 ? 0x1fff : 0xffff, least = to == RT_f16 ? 0x38800000u : 0x00800000u;
    return ((u & lost) == (lost + 1) / 2) | ((u & 0x7fffffffu) - 1 < least - 1);
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
    return (uint16_t)((f != f ? u | 0x400000 : u + 0x7fff + ((u >> 16) & 1)) >> 16);
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

/* float16 goes through floats, a block at a time: its instructions come in vectors only, and a loop around the ones
 * for single numbers would keep the other half of the conversion from being vectorised. */
enum { FLOATS = 256 };

ALWAYS void floats_of_halves(const element_f16 *in, float *out, intptr_t n)
{
    intptr_t i = 0;
#if defined(__F16C__)
    for (; i + 8 <= n; i += 8) _mm256_storeu_ps(out + i, _mm256_cvtph_ps(_mm_loadu_si128((const __m128i_u *)(in + i))));
#endif
    for (; i < n; i++) out[i] = half_to_float(in[i]);
}

ALWAYS void halves_of_floats(const float *in, element_f16 *out, intptr_t n)
{
    intptr_t i = 0;
#if defined(__F16C__)
    for (; i + 8 <= n; i += 8) _mm_storeu_si128((__m128i_u *)(out + i), _mm256_cvtps_ph(_mm256_loadu_ps(in + i), 0));
#endif
    for (; i < n; i++) out[i] = float_to_half(in[i]);
}

/* Doubles to 16 bits: rounding to odd takes twice the time and few of them need it. */
ALWAYS void floats_of_doubles(const element_f64 *in, float *out, intptr_t n, rt_dtype to)
{
    uint32_t doubts = 0;
    for (intptr_t i = 0; i < n; i++) out[i] = (float)in[i];
    for (intptr_t i = 0; i < n; i++) doubts |= doubtful(out[i], to);
    if (doubts)
        for (intptr_t i = 0; i < n; i++) out[i] = to_odd(in[i]);
}

#define CAST(from, to) \
    static void from##_to_##to##_span(char *const *in, const intptr_t *inc UNUSED, char *out, intptr_t n) \
    { \
        const element_##from *x = (const element_##from *)in[0]; \
        element_##to *o = (element_##to *)out; \
        enum { OF_HALVES = RT_##from == RT_f16, TO_HALVES = RT_##to == RT_f16, \
               OF_DOUBLES = RT_##from == RT_f64 && (TO_HALVES || RT_##to == RT_bf16) }; \
        float values[FLOATS]; \
        if (!OF_HALVES && !TO_HALVES && !OF_DOUBLES) { \
            _Pragma("GCC ivdep") for (intptr_t i = 0; i < n; i++) o[i] = ELEMENT_##to(VALUE_##from(x[i])); \
            return; \
        } \
        for (intptr_t i = 0, m; i < n; i += m) { \
            m = n - i < FLOATS ? n - i : FLOATS; \
            const float *v = RT_##from == RT_f32 ? (const float *)in[0] + i : values; \
            if (OF_HALVES) floats_of_halves((const element_f16 *)in[0] + i, values, m); \
            else if (OF_DOUBLES) floats_of_doubles((const element_f64 *)in[0] + i, values, m, RT_##to); \
            else if (v == values) for (intptr_t j = 0; j < m; j++) values[j] = ODD_OF(VALUE_##from(x[i + j])); \
            if (TO_HALVES) halves_of_floats(v, (element_f16 *)out + i, m); \
            else for (intptr_t j = 0; j < m; j++) o[i + j] = ELEMENT_##to(values[j]); \
        } \
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
