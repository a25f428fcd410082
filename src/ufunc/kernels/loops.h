/* loops: from one element's function to NumPy's inner loop, in three layers:
 *   one    the row's expression, over a vector (f32, f64, and f16 and bf16 widened to f32) or an element (the others)
 *   span   `one` over packed operands: the only place where it is compiled into
 *   walk   cuts what the caller gives into spans (walk.h)
 * Every element goes through the same span, so layout never changes bits.
 * Floor: ufunc/kernels. */
#ifndef RT_UFUNC_KERNELS_LOOPS_H
#define RT_UFUNC_KERNELS_LOOPS_H
#include "ufunc/kernels/word.h"
#if IS_REAL
#include "ufunc/kernels/vector.h"
#endif
#if IS_NARROW
#include "ufunc/kernels/narrow.h"
#endif
#define ELEMENT_BYTES sizeof(element)
#include "ufunc/kernels/walk.h"

/* The walks, once per number of inputs and size of result. */
#define S ((int)sizeof(element))
#define WALK(name, nin, ...) \
    static __attribute__((noinline, unused)) void name##_rows(char **args, intptr_t n, const intptr_t *steps, \
                                                            const void *rows, span_fn *span) \
    { walk((walk_sizes){nin, __VA_ARGS__}, args, n, steps, rows, span); } \
    static __attribute__((noinline, unused)) void name(char **args, intptr_t n, const intptr_t *steps, const void *rows, \
                                                     span_fn *span) \
    { if (!walk_small((walk_sizes){nin, __VA_ARGS__}, args, n, steps, rows, span)) name##_rows(args, n, steps, rows, span); }
WALK(walk1, 1, {S, S})
WALK(walk2, 2, {S, S, S})
WALK(walk3, 3, {S, S, S, S})
WALK(walk1_logic, 1, {S, 1})
WALK(walk2_logic, 2, {S, S, 1})
#if IS_REAL && !IS_NARROW
WALK(walk_gradient, 5, {S, S, S, S, S, S})
#endif
#if IS_COMPLEX
WALK(walk1_real, 1, {S, S / 2})
#endif
#undef WALK
#undef S

#if IS_REAL
#if !IS_NARROW
/* What a span takes at a time: one vector; of 16-bit floats two (narrow.h). */
enum { UNITS = 1 };
typedef struct { vec v[UNITS]; } unit;
ALWAYS vec lanes_load(const char *p) { return vector_load(p); }
ALWAYS unit unit_load(const char *p) { return (unit){{vector_load(p)}}; }
ALWAYS void unit_store(char *p, unit u) { vector_store(p, u.v[0]); }
#endif
#define EACH_UNIT _Pragma("GCC unroll 2") for (int k = 0; k < UNITS; k++)
enum { UNIT_BYTES = UNITS * LANES * sizeof(element) };
ALWAYS void span1(vec (*one)(vec), char *const *in, const intptr_t *inc, char *out, intptr_t n)
{
    const char *x = in[0];
    intptr_t dx = inc[0];
    for (; n > 0; n--, x += dx, out += UNIT_BYTES) {
        unit a = unit_load(x);
        EACH_UNIT a.v[k] = one(a.v[k]);
        unit_store(out, a);
    }
}
ALWAYS void span2(vec (*one)(vec, vec), char *const *in, const intptr_t *inc, char *out, intptr_t n)
{
    const char *x = in[0], *y = in[1];
    intptr_t dx = inc[0], dy = inc[1];
    for (; n > 0; n--, x += dx, y += dy, out += UNIT_BYTES) {
        unit a = unit_load(x), b = unit_load(y);
        EACH_UNIT a.v[k] = one(a.v[k], b.v[k]);
        unit_store(out, a);
    }
}
ALWAYS void span3(vec (*one)(vec, vec, vec), char *const *in, const intptr_t *inc, char *out, intptr_t n)
{
    const char *x = in[0], *y = in[1], *z = in[2];
    intptr_t dx = inc[0], dy = inc[1], dz = inc[2];
    for (; n > 0; n--, x += dx, y += dy, z += dz, out += UNIT_BYTES) {
        unit a = unit_load(x), b = unit_load(y), c = unit_load(z);
        EACH_UNIT a.v[k] = one(a.v[k], b.v[k], c.v[k]);
        unit_store(out, a);
    }
}
/* One vector after the other, as masks are stored in order. */
ALWAYS void span1_logic(mask (*one)(vec), char *const *in, const intptr_t *inc, char *out, intptr_t n)
{
    const char *x = in[0];
    intptr_t dx = inc[0] / UNITS;
    for (n *= UNITS; n > 0; n--, x += dx, out += LANES) mask_store(out, one(lanes_load(x)));
}
ALWAYS void span2_logic(mask (*one)(vec, vec), char *const *in, const intptr_t *inc, char *out, intptr_t n)
{
    const char *x = in[0], *y = in[1];
    intptr_t dx = inc[0] / UNITS, dy = inc[1] / UNITS;
    for (n *= UNITS; n > 0; n--, x += dx, y += dy, out += LANES) mask_store(out, one(lanes_load(x), lanes_load(y)));
}
/* Loads of operands that `one` does not use vanish. */
ALWAYS void span_gradient(vec (*one)(vec, vec, vec, vec, vec), char *const *in, const intptr_t *inc, char *out,
                          intptr_t n)
{
    const char *g = in[0], *x = in[1], *y = in[2], *z = in[3], *o = in[4];
    intptr_t dg = inc[0], dx = inc[1], dy = inc[2], dz = inc[3], d_o = inc[4];
    for (; n > 0; n--, g += dg, x += dx, y += dy, z += dz, o += d_o, out += VECTOR_BYTES)
        vector_store(out, one(vector_load(g), vector_load(x), vector_load(y), vector_load(z), vector_load(o)));
}
#else
typedef element unaligned_element __attribute__((aligned(1), may_alias));
#if IS_BOOL
#define TRUTH(a) ((a) != 0)     /* foreign bytes other than 1 are true as well */
#else
#define TRUTH(a) (a)
#endif
/* Packed, and either distinct or exactly in place: iterations do not depend on one another. */
#define EACH _Pragma("GCC ivdep") for (intptr_t i = 0; i < n; i++)
ALWAYS void span1(element (*one)(element), char *const *in, const intptr_t *inc UNUSED, char *out, intptr_t n)
{
    const unaligned_element *x = (const unaligned_element *)in[0];
    unaligned_element *o = (unaligned_element *)out;
    EACH o[i] = TRUTH(one(TRUTH(x[i])));
}
ALWAYS void span2(element (*one)(element, element), char *const *in, const intptr_t *inc UNUSED, char *out, intptr_t n)
{
    const unaligned_element *x = (const unaligned_element *)in[0], *y = (const unaligned_element *)in[1];
    unaligned_element *o = (unaligned_element *)out;
    EACH o[i] = TRUTH(one(TRUTH(x[i]), TRUTH(y[i])));
}
ALWAYS void span3(element (*one)(element, element, element), char *const *in, const intptr_t *inc UNUSED, char *out,
                  intptr_t n)
{
    const unaligned_element *x = (const unaligned_element *)in[0], *y = (const unaligned_element *)in[1];
    const unaligned_element *z = (const unaligned_element *)in[2];
    unaligned_element *o = (unaligned_element *)out;
    EACH o[i] = TRUTH(one(TRUTH(x[i]), TRUTH(y[i]), TRUTH(z[i])));
}
ALWAYS void span1_logic(uint8_t (*one)(element), char *const *in, const intptr_t *inc UNUSED, char *out, intptr_t n)
{
    const unaligned_element *x = (const unaligned_element *)in[0];
    uint8_t *o = (uint8_t *)out;
    EACH o[i] = one(TRUTH(x[i]));
}
ALWAYS void span2_logic(uint8_t (*one)(element, element), char *const *in, const intptr_t *inc UNUSED, char *out,
                        intptr_t n)
{
    const unaligned_element *x = (const unaligned_element *)in[0], *y = (const unaligned_element *)in[1];
    uint8_t *o = (uint8_t *)out;
    EACH o[i] = one(TRUTH(x[i]), TRUTH(y[i]));
}
#if IS_COMPLEX
ALWAYS void span1_real(real_part (*one)(element), char *const *in, const intptr_t *inc UNUSED, char *out, intptr_t n)
{
    typedef real_part unaligned_part __attribute__((aligned(1), may_alias));
    const unaligned_element *x = (const unaligned_element *)in[0];
    unaligned_part *o = (unaligned_part *)out;
    EACH o[i] = one(x[i]);
}
#endif
#undef EACH
#endif
#endif
