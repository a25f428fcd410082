/* elementwise: forward and backward of every UNARY, BINARY, TERNARY, PARAM, LOGIC and SELECT
 * row.  Floor: ufunc. */
#ifndef RT_UFUNC_ELEMENTWISE_H
#define RT_UFUNC_ELEMENTWISE_H
#include "ufunc/op.h"

rt_forward_fn rt_elementwise_forward;
rt_backward_fn rt_elementwise_backward;
/* The short way: exact dtype, contiguous, small, a fresh output.  New reference; NULL without an
 * exception when the operands do not qualify (or with one when memory ran out). */
rt_tensor *rt_elementwise_small(const rt_op *op, int nin, const rt_operand *in);
/* dtype the operands are promoted to. */
rt_dtype rt_elementwise_promote(const rt_op *op, int nin, const rt_operand *in);
#endif
