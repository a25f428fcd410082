/* elementwise: the loops of every row of elementwise.def in one dtype for one instruction
 * set, and of their gradients (f32, f64).  The build compiles it with RT_ISA=v3 RT_WORD=f32 ...;
 * a row becomes three small functions (one, span, loop: loops.h) and an entry in the tables
 * that table.c collects.  Floor: ufunc/kernels. */
#include "ufunc/kernels/loops.h"
#if IS_REAL
#include "ufunc/kernels/real.h"
#elif IS_COMPLEX
#include "ufunc/kernels/complex.h"
#else
#include "ufunc/kernels/integer.h"
#if IS_INTEGER
#include "ufunc/kernels/division.h"
#endif
#endif

#if IS_REAL
typedef vec value;
typedef mask truth;
#else
typedef element value;
typedef uint8_t truth;
#endif

/* TAKEN(class, SHELL, ...) is SHELL(...) when this dtype has loops for the class, else nothing. */
#if IS_NARROW
#define TAKEN(klass, SHELL, name, ...) PASTE(TAKEN_, LISTED(name))(SHELL, name, ##__VA_ARGS__)
#define TAKEN_2(SHELL, name, ...) PASTE(BITS_, SHELL)(name)
#elif IS_C64
#define TAKEN(klass, SHELL, name, ...) \
    PASTE(TAKEN_, CHOSEN(SINGLE_##name, TAKES_##klass, ~))(SHELL, name, ##__VA_ARGS__)
#else
#define TAKEN(klass, ...) PASTE(TAKEN_, TAKES_##klass)(__VA_ARGS__)
#endif
#define TAKEN_0(...)
#define TAKEN_1(SHELL, ...) SHELL(__VA_ARGS__)

#define LOOP(name, walk, span) \
    static UNUSED void name##_span(char *const *in, const intptr_t *inc, char *out, intptr_t n) \
    { span(name##_one, in, inc, out, n); } \
    static UNUSED void name##_loop(char **args, const intptr_t *n, const intptr_t *steps, void *rows) \
    { walk(args, n[0], steps, rows, name##_span); }
#define SHELL1(name, e) ALWAYS value name##_one(value x UNUSED) { return R(e); } LOOP(name, walk1, span1)
#if IS_REAL && !IS_NARROW
/* A y of one number is asked before the loop which power it is; a single vector has no step that would tell. */
ALWAYS void span_power(vec (*one)(vec, vec), char *const *in, const intptr_t *inc, char *out, intptr_t n)
{
    if (inc[1] != 0 || n == 1) {
        span2(one, in, inc, out, n);
        return;
    }
    const vec y = vector_load(in[1]);
    const real e = y[0];
    const char *at = in[0];
#define POWER_LOOP(value) \
    for (; n > 0; n--, at += inc[0], out += VECTOR_BYTES) { vec x UNUSED = vector_load(at); vector_store(out, value); }
#define POWER_CASE(exponent, value) if (e == (real)(exponent)) { POWER_LOOP(value) return; }
    POWER_CASE(0, splat(1))
    OWN_POWERS(POWER_CASE, x)
    POWER_LOOP(power_by_number(x, y))
#undef POWER_CASE
#undef POWER_LOOP
}
#define SPAN_OF_pow ~, span_power
#elif IS_COMPLEX || IS_INTEGER
#if IS_COMPLEX
typedef double _Complex power_base;
#else
typedef element power_base;
#endif
/* The same: low powers as products, whose loops are vectors. */
ALWAYS void span_power(element (*one)(element, element), char *const *in, const intptr_t *inc, char *out, intptr_t n)
{
    const unaligned_element *at = (const unaligned_element *)in[0];
    unaligned_element *o = (unaligned_element *)out;
    const element e = *(const unaligned_element *)in[1];
#define POWER_CASE(exponent, value) \
    if (e == exponent) { \
        _Pragma("GCC ivdep") for (intptr_t i = 0; i < n; i++) { power_base x UNUSED = at[i]; o[i] = (element)(value); } \
        return; \
    }
    if (inc[1] == 0) {
        POWER_CASE(0, 1)
        POWER_CASE(1, at[i])
        POWER_CASE(2, x * x)
        POWER_CASE(3, x * (x * x))
    }
    span2(one, in, inc, out, n);
#undef POWER_CASE
}
#define SPAN_OF_pow ~, span_power
#endif
#define SECOND_ARGUMENT(a, b, ...) b
#define CHOSEN(...) SECOND_ARGUMENT(__VA_ARGS__)
#define SHELL2(name, e) \
    ALWAYS value name##_one(value x UNUSED, value y UNUSED) { return R(e); } \
    LOOP(name, walk2, CHOSEN(SPAN_OF_##name, span2, ~))
#define SHELL3(name, e) \
    ALWAYS value name##_one(value x UNUSED, value y UNUSED, value z UNUSED) { return R(e); } LOOP(name, walk3, span3)
#define SHELL1_LOGIC(name, e) \
    ALWAYS truth name##_one(value x UNUSED) { return e; } LOOP(name, walk1_logic, span1_logic)
#define SHELL2_LOGIC(name, e) \
    ALWAYS truth name##_one(value x UNUSED, value y UNUSED) { return e; } LOOP(name, walk2_logic, span2_logic)
#if IS_COMPLEX
#define SHELL1_REAL(name, e) ALWAYS real_part name##_one(value x UNUSED) { return e; } LOOP(name, walk1_real, span1_real)
#else
#define SHELL1_REAL(name, e) SHELL1(name, e)
#endif
#if IS_NARROW
#define BITS_SHELL1(name) \
    ALWAYS bits name##_one(bits x) { return name##_bits(x); } LOOP(name, walk1, span_bits)
#define BITS_SHELL1_REAL(name) BITS_SHELL1(name)
#define BITS_ENTRY(name) ENTRY(name)
#endif
#define ENTRY(name) [RT_KERNEL_##name] = name##_loop,
#if IS_REAL && !IS_NARROW
#define GRADIENT_SHELL(name, e) \
    ALWAYS value name##_one(value g UNUSED, value x UNUSED, value y UNUSED, value z UNUSED, value out UNUSED) \
    { return R(e); } LOOP(name, walk_gradient, span_gradient)
#define GRADIENT(klass, name, e) TAKEN(klass, GRADIENT_SHELL, name, e)
/* The incoming gradient itself, zero, none and missing need no loop. */
#define IS_COMPUTED(text) \
    (__builtin_strcmp(text, "g") && __builtin_strcmp(text, "zero") && __builtin_strcmp(text, "none") \
     && __builtin_strcmp(text, "missing"))
#define GRADIENT_ENTRY(name, text) __builtin_choose_expr(IS_COMPUTED(text), name##_loop, NULL)
#else
#define GRADIENT(klass, name, e)
#endif

/* First pass: the functions. */
#define UNARY(name, numpy, klass, e, gx, ...) \
    TAKEN(klass, SHELL1, name, e) GRADIENT(klass, name##_dx, gx)
#define UNARY_REAL(name, numpy, klass, e, gx, ...) \
    TAKEN(klass, SHELL1_REAL, name, e) GRADIENT(klass, name##_dx, gx)
#define BINARY(name, numpy, klass, e, gx, gy, ...) \
    TAKEN(klass, SHELL2, name, e) GRADIENT(klass, name##_dx, gx) GRADIENT(klass, name##_dy, gy)
#define TERNARY(name, numpy, klass, e, gx, gy, gz, ...) \
    TAKEN(klass, SHELL3, name, e) \
    GRADIENT(klass, name##_dx, gx) GRADIENT(klass, name##_dy, gy) GRADIENT(klass, name##_dz, gz)
#define PARAM1(name, klass, signature, e, gx, ...) TAKEN(klass, SHELL2, name, e) GRADIENT(klass, name##_dx, gx)
#define PARAM2(name, klass, signature, e, gx, ...) TAKEN(klass, SHELL3, name, e) GRADIENT(klass, name##_dx, gx)
#define UNARY_LOGIC(name, numpy, klass, e, ...) TAKEN(klass, SHELL1_LOGIC, name, e)
#define BINARY_LOGIC(name, numpy, klass, e, ...) TAKEN(klass, SHELL2_LOGIC, name, e)
#define SELECT(...)
#include "ufunc/elementwise.def"
#undef UNARY
#undef UNARY_REAL
#undef BINARY
#undef TERNARY
#undef PARAM1
#undef PARAM2
#undef UNARY_LOGIC
#undef BINARY_LOGIC

/* Second pass: the table of loops. */
#define UNARY(name, numpy, klass, ...) TAKEN(klass, ENTRY, name)
#define UNARY_REAL(name, numpy, klass, ...) TAKEN(klass, ENTRY, name)
#define BINARY(name, numpy, klass, ...) TAKEN(klass, ENTRY, name)
#define TERNARY(name, numpy, klass, ...) TAKEN(klass, ENTRY, name)
#define PARAM1(name, klass, ...) TAKEN(klass, ENTRY, name)
#define PARAM2(name, klass, ...) TAKEN(klass, ENTRY, name)
#define UNARY_LOGIC(name, numpy, klass, ...) TAKEN(klass, ENTRY, name)
#define BINARY_LOGIC(name, numpy, klass, ...) TAKEN(klass, ENTRY, name)
rt_loop *const SYMBOL(loops)[RT_NKERNEL] = {
#include "ufunc/elementwise.def"

};
#undef UNARY
#undef UNARY_REAL
#undef BINARY
#undef TERNARY
#undef PARAM1
#undef PARAM2
#undef UNARY_LOGIC
#undef BINARY_LOGIC

#if IS_REAL && !IS_NARROW
/* Third pass: the table of gradient loops. */
#define ROW1(name, dx) [RT_KERNEL_##name] = {GRADIENT_ENTRY(name##_dx, dx)},
#define ROW2(name, dx, dy) [RT_KERNEL_##name] = {GRADIENT_ENTRY(name##_dx, dx), GRADIENT_ENTRY(name##_dy, dy)},
#define ROW3(name, dx, dy, dz) [RT_KERNEL_##name] = \
    {GRADIENT_ENTRY(name##_dx, dx), GRADIENT_ENTRY(name##_dy, dy), GRADIENT_ENTRY(name##_dz, dz)},
#define UNARY(name, numpy, klass, e, gx, ...) TAKEN(klass, ROW1, name, #gx)
#define UNARY_REAL(name, numpy, klass, e, gx, ...) TAKEN(klass, ROW1, name, #gx)
#define BINARY(name, numpy, klass, e, gx, gy, ...) TAKEN(klass, ROW2, name, #gx, #gy)
#define TERNARY(name, numpy, klass, e, gx, gy, gz, ...) TAKEN(klass, ROW3, name, #gx, #gy, #gz)
#define PARAM1(name, klass, signature, e, gx, ...) TAKEN(klass, ROW1, name, #gx)
#define PARAM2(name, klass, signature, e, gx, ...) TAKEN(klass, ROW1, name, #gx)
#define UNARY_LOGIC(...)
#define BINARY_LOGIC(...)
rt_loop *const SYMBOL(gradients)[RT_NKERNEL][3] = {
#include "ufunc/elementwise.def"
};
#endif
