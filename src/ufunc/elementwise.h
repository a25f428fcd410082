/* elementwise: forward and backward of every UNARY, BINARY, TERNARY, PARAM, LOGIC and SELECT
 * row.  Floor: ufunc. */
#ifndef RT_UFUNC_ELEMENTWISE_H
#define RT_UFUNC_ELEMENTWISE_H
#include "ufunc/derive.h"
#include "ufunc/op.h"

rt_forward_fn rt_elementwise_forward;
rt_backward_fn rt_elementwise_backward;
/* The short way: exact dtype, contiguous, small, a fresh output.  New reference; NULL without an
 * exception when the operands do not qualify (or with one when memory ran out). */
rt_tensor *rt_elementwise_small(const rt_op *op, int nin, const rt_operand *in);
/* The same written into `out`, which has no history.  1: done; 0: not such a call; -1 with an exception. */
RT_WARN_UNUSED int rt_elementwise_small_into(const rt_op *op, int nin, const rt_operand *in, rt_tensor *out);
/* What to compute in, where resolving gave `compute`: float32 for 16-bit floats beside a number that these round. */
rt_dtype rt_elementwise_compute(const rt_op *op, int nin, const rt_operand *in, rt_dtype compute);
/* dtype the operands are promoted to. */
rt_dtype rt_elementwise_promote(const rt_op *op, int nin, const rt_operand *in);

/* An operand that is no tensor, as an element. */
typedef union { char bytes[16]; double _Complex align; } rt_scalar_slot;
/* Adds input `o` to a plan, converting in blocks where its dtype is not `want`, the loop's.  0 or -1. */
int rt_elementwise_input(rt_plan *plan, rt_exec *e, const rt_operand *o, rt_dtype want, rt_scalar_slot *slot);
/* New reference in *gin: the gradient of a row's input i, by its loop or, in grad mode, recorded.  0 or -1. */
RT_WARN_UNUSED int rt_elementwise_gradient(const rt_op *op, int i, const rt_rule_values *v, rt_tensor **gin);
/* About nanoseconds an element. */
float rt_elementwise_cost(const rt_op *op);
#endif
