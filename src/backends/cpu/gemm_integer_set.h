/* The product kernels of all widths for one instruction set: included by gemm_integer.c with SET and VECTOR defined.
 * Bytes are computed in 16 bits, whose products the processors have.  No include guard. */
#define AS_IS(x) (x)
#define ADDED(c, s) ((c) + (s))
#define WRAP(c, a, b) ((c) += (a) * (b))
#define WRAPPED(c, a, b) ((c) + (a) * (b))

#define NAME SET(gemm_b1_)
#define WORD uint8_t
#define LANE uint8_t
#define WIDER uint32_t
#define IN(x) ((LANE)((x) != 0))
#define OUT(c, s) ((c) | (s))
#define JOIN(c, a, b) ((c) |= (a) & (b))
#define JOINED(c, a, b) ((c) | ((a) & (b)))
#include "backends/cpu/gemm_integer_body.h"
#define NAME SET(gemm_8_)
#define WORD uint8_t
#define LANE uint16_t
#define WIDER uint32_t
#define IN AS_IS
#define OUT ADDED
#define JOIN WRAP
#define JOINED WRAPPED
#include "backends/cpu/gemm_integer_body.h"
#define NAME SET(gemm_16_)
#define WORD uint16_t
#define LANE uint16_t
#define WIDER uint32_t
#define IN AS_IS
#define OUT ADDED
#define JOIN WRAP
#define JOINED WRAPPED
#include "backends/cpu/gemm_integer_body.h"
#define NAME SET(gemm_32_)
#define WORD uint32_t
#define LANE uint32_t
#define WIDER uint32_t
#define IN AS_IS
#define OUT ADDED
#define JOIN WRAP
#define JOINED WRAPPED
#include "backends/cpu/gemm_integer_body.h"
#define NAME SET(gemm_64_)
#define WORD uint64_t
#define LANE uint64_t
#define WIDER uint64_t
#define IN AS_IS
#define OUT ADDED
#define JOIN WRAP
#define JOINED WRAPPED
#include "backends/cpu/gemm_integer_body.h"

static void SET(run_)(const rt_gemm *q, intptr_t i0, intptr_t i1, intptr_t j0, intptr_t j1)
{
    const intptr_t item = (intptr_t)rt_itemsize(q->dtype), n = j1 - j0;
    const char *a = q->a, *b = q->b + j0 * q->b_col * item;
    char *c = q->c + j0 * item;
#define CALL(name, word) \
    name(i0, i1, n, q->k, (const word *)a, q->a_row, q->a_col, (const word *)b, q->b_row, q->b_col, q->start != NULL, (word *)c, \
         q->c_row)
    if (q->dtype == RT_b1) CALL(SET(gemm_b1_), uint8_t);
    else if (item == 1) CALL(SET(gemm_8_), uint8_t);
    else if (item == 2) CALL(SET(gemm_16_), uint16_t);
    else if (item == 4) CALL(SET(gemm_32_), uint32_t);
    else CALL(SET(gemm_64_), uint64_t);
#undef CALL
}
#undef AS_IS
#undef ADDED
#undef WRAP
#undef WRAPPED
#undef SET
#undef VECTOR
