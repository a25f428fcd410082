/* ranges: sequences of numbers, straight into memory of four dtypes.
 * Floor: ufunc/kernels. */
#include "ufunc/kernels/table.h"

/* Several counters a step: one alone would wait for its own sum. */
#define WHOLE(name, ctype) \
    static void name(void *to, uint64_t start, uint64_t step, intptr_t n) \
    { \
        typedef ctype vector __attribute__((vector_size(32))); \
        typedef vector unaligned __attribute__((aligned(1), may_alias)); \
        enum { LANES = 32 / sizeof(ctype) }; \
        const ctype by = (ctype)step; \
        ctype *o = to; \
        vector x[4]; \
        intptr_t i = 0; \
        for (int v = 0; v < 4; v++) for (int k = 0; k < LANES; k++) x[v][k] = (ctype)((ctype)start + (ctype)(v * LANES + k) * by); \
        for (; i + 4 * LANES <= n; i += 4 * LANES) \
            _Pragma("GCC unroll 4") for (int v = 0; v < 4; v++) { \
                *(unaligned *)(o + i + v * LANES) = x[v]; \
                x[v] += (ctype)(4 * LANES) * by; \
            } \
        for (; i < n; i++) o[i] = (ctype)((ctype)start + (ctype)i * by); \
    }
WHOLE(whole32, uint32_t)
WHOLE(whole64, uint64_t)

#define REAL(name, ctype) \
    static void name(void *to, double a, double first, double by, intptr_t n) \
    { \
        ctype *o = to; \
        for (int i = 0; i < (int)n; i++) o[i] = (ctype)(a + (first + (double)i) * by); \
    }
REAL(real32, float)
REAL(real64, double)

const rt_ranges RT_ISA_NAME(ranges) = {whole32, whole64, real32, real64};
