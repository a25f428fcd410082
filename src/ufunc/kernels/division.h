/* division: quotients and remainders of integers in floats, whole vectors at a time (processors divide integers one by
 * one).  Of integers that a float holds exactly the rounded quotient is never on the other side of an integer: what is
 * no integer is further from the next one than rounding goes.  So rounding it down or towards zero is exact; so are the
 * product and the difference of a remainder.  What is divided by zero is 0.  Floor: ufunc/kernels.  Integer words. */
#ifndef RT_UFUNC_KERNELS_DIVISION_H
#define RT_UFUNC_KERNELS_DIVISION_H
#include "ufunc/kernels/integer.h"
#include "ufunc/kernels/loops.h"

typedef __typeof__(__builtin_choose_expr(sizeof(element) <= 2, 0.0f, 0.0)) quotient;
#define UNITS_LAST 0x4338000000000000      /* the bits of 1.5 2^52, beside which a double's last place is 1 */

/* Integers of 64 bits within 2^51, others all. */
ALWAYS quotient quotient_of(element x)
{
    if (sizeof x < 8) return (quotient)x;
    int64_t bits = (int64_t)x + UNITS_LAST;
    double q;
    memcpy(&q, &bits, sizeof q);
    return (quotient)(q - 0x1.8p52);
}
ALWAYS element quotient_back(quotient q)
{
    if (sizeof(element) < 4) return (element)(int32_t)q;
    double d = q + 0x1.8p52;
    int64_t bits;
    memcpy(&bits, &d, sizeof bits);
    return (element)(bits - UNITS_LAST);                 /* -INT_MIN wraps */
}
ALWAYS quotient quotient_down(quotient a, quotient b)
{
    quotient q = a / b;
    q = sizeof q == 4 ? __builtin_floorf((float)q) : (quotient)__builtin_floor(q);
    return b == 0 ? 0 : q;
}
ALWAYS quotient quotient_cut(quotient a, quotient b)
{
    quotient q = a / b;
    q = sizeof q == 4 ? __builtin_truncf((float)q) : (quotient)__builtin_trunc(q);
    return b == 0 ? 0 : q;
}
ALWAYS quotient quotient_rest(quotient a, quotient b, quotient q) { return b == 0 ? 0 : a - q * b; }

ALWAYS int all_exact(const unaligned_element *x, intptr_t n)
{
    uint64_t bits = 0;
    if (sizeof(element) < 8) return 1;
    for (intptr_t i = 0; i < n; i++) bits |= NEGATIVE(x[i]) ? ~(uint64_t)x[i] : (uint64_t)x[i];
    return bits >> 51 == 0;
}
/* Blocks with a number that is not exact go element by element. */
#define DIVISION(name, value) \
    ALWAYS void span_##name(element (*one)(element, element), char *const *in, const intptr_t *inc, char *out, intptr_t n) \
    { \
        for (intptr_t m, at = 0; at < n; at += m) { \
            char *const part[2] = {in[0] + at * (intptr_t)sizeof(element), in[1] + at * (intptr_t)sizeof(element)}; \
            const unaligned_element *x = (const unaligned_element *)part[0], *y = (const unaligned_element *)part[1]; \
            unaligned_element *o = (unaligned_element *)out + at; \
            m = n - at < BLOCK ? n - at : BLOCK; \
            if (!all_exact(x, m) || !all_exact(y, m)) { \
                span2(one, part, inc, (char *)o, m); \
                continue; \
            } \
            _Pragma("GCC ivdep") for (intptr_t i = 0; i < m; i++) { \
                quotient a = quotient_of(x[i]), b = quotient_of(y[i]); \
                o[i] = quotient_back(value); \
            } \
        } \
    }
DIVISION(floor_divide, quotient_down(a, b))
DIVISION(remainder, quotient_rest(a, b, quotient_down(a, b)))
DIVISION(fmod, quotient_rest(a, b, quotient_cut(a, b)))
#define SPAN_OF_floor_divide ~, span_floor_divide
#define SPAN_OF_remainder ~, span_remainder
#define SPAN_OF_fmod ~, span_fmod
#undef DIVISION
#endif
