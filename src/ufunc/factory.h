/* factory: tensors made from numbers alone.  All return new references.  Floor: ufunc. */
#ifndef RT_UFUNC_FACTORY_H
#define RT_UFUNC_FACTORY_H
#include "core/node.h"

/* start, start + step, ... before end; none when end lies on the other side.  Operands are numbers;
 * dtype RT_NODTYPE: int64 for integers, else the default dtype. */
RT_WARN_UNUSED rt_tensor *rt_factory_arange(rt_dtype dtype, const rt_operand *start, const rt_operand *end,
                                            const rt_operand *step);
/* n numbers from start to end, both included; dtype RT_NODTYPE: the default dtype. */
RT_WARN_UNUSED rt_tensor *rt_factory_linspace(rt_dtype dtype, const rt_operand *start, const rt_operand *end, intptr_t n);
/* (2, count) int64: the places in a (rows, cols) matrix on and above, or below, a diagonal, row by row. */
RT_WARN_UNUSED rt_tensor *rt_factory_triangle(intptr_t rows, intptr_t cols, intptr_t diagonal, int upper);
/* (n, m) zeros with ones where column - row == k. */
RT_WARN_UNUSED rt_tensor *rt_factory_eye(rt_dtype dtype, intptr_t n, intptr_t m, intptr_t k);
#endif
