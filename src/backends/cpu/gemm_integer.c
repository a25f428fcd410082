/* gemm_integer: products of integer and bool matrices.  Arithmetic modulo a power of two does not
 * know signs, so one kernel per width serves both; truth values are or-ed.
 * Floor: backends.  Knows no Python. */
#include "backends/cpu/gemm.h"
#include <string.h>
#pragma GCC optimize("O3")

#define COLUMNS 1024      /* of C and B worked on at once */
#define DEPTH 64          /* rows of B */

/* Unsigned short would be promoted to int, whose product can overflow: multiply as unsigned. */
#define WRAP(c, a, b) ((c) = (__typeof__(c))((c) + (unsigned)(a) * (unsigned)(b)))

#define NAME gemm_b1
#define WORD uint8_t
#define ACCUMULATE(c, a, b) ((c) |= (uint8_t)(((a) != 0) & ((b) != 0)))
#include "backends/cpu/gemm_integer_body.h"
#define NAME gemm_8
#define WORD uint8_t
#define ACCUMULATE WRAP
#include "backends/cpu/gemm_integer_body.h"
#define NAME gemm_16
#define WORD uint16_t
#define ACCUMULATE WRAP
#include "backends/cpu/gemm_integer_body.h"
#define NAME gemm_32
#define WORD uint32_t
#define ACCUMULATE WRAP
#include "backends/cpu/gemm_integer_body.h"
#define NAME gemm_64
#define WORD uint64_t
#define ACCUMULATE(c, a, b) ((c) += (a) * (b))
#include "backends/cpu/gemm_integer_body.h"

void rt_gemm_integer(rt_dtype dtype, intptr_t i0, intptr_t i1, intptr_t n, intptr_t k,
                     const char *a, intptr_t a_row, intptr_t a_col,
                     const char *b, intptr_t b_row, intptr_t b_col, int beta, char *c, intptr_t c_row)
{
#define CALL(name, word) \
    name(i0, i1, n, k, (const word *)a, a_row, a_col, (const word *)b, b_row, b_col, beta, (word *)c, c_row)
    if (dtype == RT_b1) CALL(gemm_b1, uint8_t);
    else if (rt_itemsize(dtype) == 1) CALL(gemm_8, uint8_t);
    else if (rt_itemsize(dtype) == 2) CALL(gemm_16, uint16_t);
    else if (rt_itemsize(dtype) == 4) CALL(gemm_32, uint32_t);
    else CALL(gemm_64, uint64_t);
#undef CALL
}
