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

void rt_gemm_integer(const rt_gemm *q, intptr_t i0, intptr_t i1, intptr_t j0, intptr_t j1)
{
    const intptr_t item = (intptr_t)rt_itemsize(q->dtype), n = j1 - j0;
    const char *a = q->a, *b = q->b + j0 * q->b_col * item;
    char *c = q->c + j0 * item;
#define CALL(name, word) \
    name(i0, i1, n, q->k, (const word *)a, q->a_row, q->a_col, (const word *)b, q->b_row, q->b_col, q->start != NULL, (word *)c, \
         q->c_row)
    if (q->dtype == RT_b1) CALL(gemm_b1, uint8_t);
    else if (item == 1) CALL(gemm_8, uint8_t);
    else if (item == 2) CALL(gemm_16, uint16_t);
    else if (item == 4) CALL(gemm_32, uint32_t);
    else CALL(gemm_64, uint64_t);
#undef CALL
}
