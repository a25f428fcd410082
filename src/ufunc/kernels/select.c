/* select: where(c, x, y) for elements of 1, 2, 4, 8 and 16 bytes; what they mean is no matter.
 * Floor: ufunc/kernels. */
#define ELEMENT_BYTES 16
#include "ufunc/kernels/walk.h"

typedef struct { uint64_t low, high; } __attribute__((aligned(1), may_alias)) unaligned_16;
typedef uint8_t unaligned_1;
typedef uint16_t unaligned_2 __attribute__((aligned(1), may_alias));
typedef uint32_t unaligned_4 __attribute__((aligned(1), may_alias));
typedef uint64_t unaligned_8 __attribute__((aligned(1), may_alias));

#define SELECT_LOOP(bytes) \
    static void select_##bytes##_span(char *const *in, const intptr_t *inc UNUSED, char *out, intptr_t n) \
    { \
        const uint8_t *c = (const uint8_t *)in[0]; \
        const unaligned_##bytes *x = (const unaligned_##bytes *)in[1], *y = (const unaligned_##bytes *)in[2]; \
        unaligned_##bytes *o = (unaligned_##bytes *)out; \
        _Pragma("GCC ivdep") for (intptr_t i = 0; i < n; i++) o[i] = c[i] ? x[i] : y[i]; \
    } \
    static void select_##bytes(char **args, const intptr_t *n, const intptr_t *steps, void *rows) \
    { walk((walk_sizes){3, {1, bytes, bytes, bytes}}, args, n[0], steps, rows, select_##bytes##_span); }
SELECT_LOOP(1)
SELECT_LOOP(2)
SELECT_LOOP(4)
SELECT_LOOP(8)
SELECT_LOOP(16)

rt_loop *const RT_ISA_NAME(selects)[5] = {select_1, select_2, select_4, select_8, select_16};
